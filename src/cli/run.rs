//! `chiaro run`: grade pictures with a recipe.

use chiaro::engine::job::Work;

use super::args::{PlanArgs, RunArgs};
use super::batch::{self, Batch};
use super::exit::Exit;
use super::{plan, recipes};

/// Runs the command.
///
/// # Errors
/// Those of the recipe and of the batch as a whole.
pub fn run(args: RunArgs) -> anyhow::Result<Exit> {
    if args.dry_run {
        let (out, machine) = (Some(args.job.out), args.job.machine);
        return plan::run(&PlanArgs { look: args.look, out, machine, json: false });
    }
    let recipe = recipes::load(&args.look.recipe, &args.look.set)?;
    batch::run(Batch {
        inputs: args.look.inputs,
        work: Work::Grade,
        recipe,
        name: args.look.name,
        pages: args.look.pages,
        job: args.job,
    })
}
