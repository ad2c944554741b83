//! Metadata of a graded picture: what [`carry`] needs to know about it, gathered.

use std::path::Path;

use super::drive::Work;
use crate::color::encodings;
use crate::picture::carry::{Carry, ColorTag, carry};
use crate::picture::xmp::Provenance;
use crate::picture::{ColorEncoding, Metadata, PictureInfo};
use crate::plan::{DepthPlan, OutputPlan, Plan};

/// The metadata of `output` of `plan` on the picture `info`. What is lost goes to the warnings of `work`.
pub fn metadata(work: &mut Work, plan: &Plan, output: &OutputPlan, info: &PictureInfo) -> Metadata {
    let provenance = provenance(work, plan);
    let changed = !output.encoding.same_codes(&info.encoding);
    let to = Carry {
        policy: output.metadata,
        format: output.format.name(),
        format_in: info.format,
        extent_in: info.extent,
        extent_out: output.extent,
        orientation: info.orientation,
        color: changed.then(|| color_tag(&output.encoding)),
        icc: output.icc.as_deref(),
        provenance: Some(&provenance),
    };
    let (metadata, lost) = carry(&info.metadata, &to);
    work.warnings.extend(lost.iter().map(ToString::to_string));
    metadata
}

fn provenance(work: &Work, plan: &Plan) -> Provenance {
    let recipe = &work.engine.recipe;
    let estimated = matches!(plan.depth, Some(DepthPlan::Estimated { .. }));
    let model = work.engine.depth_if_started().filter(|_| estimated).map(|depth| {
        // A model that is a file may be named by its path, which is nobody's business.
        let id = &depth.model.id;
        Path::new(id).file_name().map_or_else(|| id.clone(), |name| name.to_string_lossy().into_owned())
    });
    Provenance {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        recipe: recipe.name.clone(),
        recipe_hash: recipe.hash.clone(),
        model,
    }
}

fn color_tag(encoding: &ColorEncoding) -> ColorTag {
    if encoding.same_codes(&encodings::srgb()) {
        ColorTag::Srgb
    } else if encoding.same_codes(&encodings::adobe_rgb()) {
        ColorTag::AdobeRgb
    } else {
        ColorTag::Other
    }
}
