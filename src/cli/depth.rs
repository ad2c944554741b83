//! `chiaro depth`: depth maps only.

use chiaro::engine::job::{DepthExport, MapStyle, Work};
use chiaro::engine::naming::DEFAULT_NAME;
use chiaro::recipe::DepthUnit;

use super::args::DepthArgs;
use super::batch::{self, Batch};
use super::exit::{Exit, Usage};
use super::recipes;
use super::values::PagesArg;

/// Runs the command: a batch under the recipe without operations.
///
/// # Errors
/// Those of the batch as a whole.
pub fn run(args: DepthArgs) -> anyhow::Result<Exit> {
    let sets: Vec<String> = args.from.set().into_iter().chain(args.set).collect();
    let recipe = recipes::for_model(&args.model, &sets)?;
    let mut exports: Vec<DepthExport> = Vec::new();
    for export in args.export {
        if !exports.contains(&export) {
            exports.push(export);
        }
    }
    check_unit(&exports, args.unit)?;
    let maps = MapStyle { colors: args.colors, unit: args.unit };
    let name = DEFAULT_NAME.to_owned();
    let pages = PagesArg::First;
    batch::run(Batch { input: args.input, work: Work::Depth(exports), recipe, name, pages, maps, job: args.job })
}

/// Refuses meters of forms that hold none; previews never do, and are for people.
fn check_unit(exports: &[DepthExport], unit: DepthUnit) -> anyhow::Result<()> {
    let codes: Vec<&str> = exports
        .iter()
        .filter(|export| matches!(export, DepthExport::Png | DepthExport::Tiff))
        .map(|export| export.name())
        .collect();
    if unit == DepthUnit::Relative || codes.is_empty() {
        return Ok(());
    }
    let what = format!(
        "--unit meters: {} of 16 bit holds relative disparity; ask for --kind tiff32, exr, pfm or npy",
        codes.join(" and ")
    );
    Err(Usage(what).into())
}
