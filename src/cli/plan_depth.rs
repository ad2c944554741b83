//! What a plan says about depth, in words.

use chiaro::depth::registry::ModelEntry;
use chiaro::engine::tiled;
use chiaro::picture::PictureInfo;
use chiaro::plan::supplied::SaidBy;
use chiaro::plan::{DepthPlan, MapOrigin, MapSize, SuppliedPlan};
use chiaro::recipe::Detail;

/// Where the depth of a picture would come from.
pub fn words(depth: &DepthPlan, info: &PictureInfo, model: Option<&ModelEntry>) -> String {
    match depth {
        DepthPlan::Supplied(supplied) => supplied_words(supplied),
        DepthPlan::Estimated { model: name, detail } => match model {
            Some(model) => {
                let (width, height) = model.input_size(info.extent);
                format!("estimated by {name} at {width}x{height}{}", detail_words(info, model, *detail))
            }
            None => format!("estimated by {name}"),
        },
    }
}

/// What `detail` means for a picture.
fn detail_words(info: &PictureInfo, model: &ModelEntry, detail: Detail) -> String {
    match (detail, tiled::tiling(info, model, detail)) {
        (Detail::Whole, _) => String::new(),
        (Detail::Tiled, Some(tiling)) => {
            let ((width, height), inferences) = (tiling.size(), tiling.inferences());
            format!(" and in {} tiles of {width}x{height}: {inferences} inferences", inferences - 1)
        }
        (Detail::Tiled, None) => ", which holds all that tiles could show".to_owned(),
    }
}

fn supplied_words(supplied: &SuppliedPlan) -> String {
    let anchors = match supplied.meaning.anchors {
        Some((near, far)) => format!("; from {near} to {far} m"),
        None => String::new(),
    };
    if matches!(supplied.origin, MapOrigin::Channel(_)) && supplied.meaning.words.said == SaidBy::Habit {
        return format!("{}{anchors}", supplied.origin.words());
    }
    let described = if supplied.described.is_empty() { String::new() } else { format!(" ({})", supplied.described) };
    let size = match supplied.size {
        MapSize::Own => String::new(),
        MapSize::Joined { cells: (w, h), .. } => format!("; joined to the picture's edges at {w}x{h}"),
    };
    format!("{}{described}: {}{size}{anchors}", supplied.origin.words(), supplied.meaning.words)
}
