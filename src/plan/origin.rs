//! Where the depth of a picture comes from: the recipe's `depth.source`, and what the picture and its neighbors have.

use super::compile::PlanRequest;
use super::program::DepthPlan;
use super::supplied::{MapOrigin, MapSize, Meaning, SuppliedPlan};
use crate::error::{Error, Result};
use crate::picture::{Elsewhere, PictureInfo, Window};
use crate::recipe::DepthSource;

/// Where the depth of a picture comes from; `supplied` is what was found beside it or in it.
pub(super) fn depth_plan(request: &PlanRequest, supplied: Option<&SuppliedPlan>) -> Result<DepthPlan> {
    let PlanRequest { path, info, recipe, .. } = *request;
    let own = |channel: &String| {
        let meaning = Meaning::of_channel(&recipe.depth.supplied).map_err(|e| Error::input(path, e))?;
        Ok(DepthPlan::Supplied(SuppliedPlan {
            origin: MapOrigin::Channel(channel.clone()),
            meaning,
            size: MapSize::Own,
            bytes: 0,
            described: String::new(),
            notes: Vec::new(),
        }))
    };
    let named = |wanted: &String| info.depth_channels.contains(wanted);
    if let Some(found) = supplied {
        return Ok(DepthPlan::Supplied(found.clone()));
    }
    match (&recipe.depth.source, &info.depth_channel) {
        (DepthSource::File(_) | DepthSource::Phone, _) => Err(unfound(request)),
        (DepthSource::Auto, Some(channel)) if named(channel) => own(channel),
        (DepthSource::Model | DepthSource::Auto, _) => {
            Ok(DepthPlan::Estimated { model: recipe.depth.model.clone(), detail: recipe.depth.detail })
        }
        (DepthSource::Channel(wanted), _) if named(wanted) => own(wanted),
        (DepthSource::Channel(wanted), _) => {
            if let Some((found, here)) = lies_elsewhere(info, wanted) {
                let there = found.data;
                let what = format!(
                    "depth channel {wanted:?}, which the recipe asks for, has another data window, {there}, than the picture, {here}: \
                     write both with one data window, or take another depth.source"
                );
                return Err(Error::input(path, what));
            }
            let found: Vec<String> = info.depth_channels.iter().take(16).map(|name| format!("{name:?}")).collect();
            let found = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
            let advice = match info.format {
                "exr" => "name one that it has, or a file beside it",
                _ => "only EXR pictures have such channels: name a file beside the picture",
            };
            let what = format!(
                "depth is to come from its channel {wanted:?} (depth.source = \"exr:{wanted}\"), it has {found}; \
                 {advice}, as in '{{stem}}_z.exr:{wanted}'"
            );
            Err(Error::input(path, what))
        }
    }
}

/// A channel of the picture's file that is not its depth because it lies elsewhere, and where the picture lies.
fn lies_elsewhere<'a>(info: &'a PictureInfo, wanted: &str) -> Option<(&'a Elsewhere, Window)> {
    let frame = info.metadata.frame.as_ref()?;
    frame.elsewhere.iter().find(|found| found.name == wanted).map(|found| (found, frame.data))
}

/// The error for supplied depth that nobody looked for.
fn unfound(request: &PlanRequest) -> Error {
    let source = &request.recipe.depth.source;
    Error::unsupported(request.path, format!("depth source \"{source}\" needs a picture file: it cannot be used here"))
}
