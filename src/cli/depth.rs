//! `chiaro depth`: depth maps only.

use chiaro::engine::job::{DepthExport, Work};
use chiaro::engine::naming::DEFAULT_NAME;

use super::args::DepthArgs;
use super::batch::{self, Batch};
use super::exit::Exit;
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
    let name = DEFAULT_NAME.to_owned();
    let pages = PagesArg::First;
    batch::run(Batch { input: args.input, work: Work::Depth(exports), recipe, name, pages, job: args.job })
}
