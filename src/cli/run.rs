//! `chiaro run`: grade pictures with a recipe.

use chiaro::engine::job::{MapStyle, Work};
use chiaro::plan::masked_op;

use super::args::{PlanArgs, RunArgs};
use super::batch::{self, Batch};
use super::exit::{Exit, usage_error};
use super::{plan, recipes};

/// Runs the command.
///
/// # Errors
/// Those of the recipe and of the batch as a whole.
pub fn run(args: RunArgs) -> anyhow::Result<Exit> {
    if args.dry_run {
        let (out, machine, on_exist) = (Some(args.job.out), args.job.machine, args.job.on_exist);
        return plan::run(&PlanArgs { look: args.look, out, machine, on_exist, json: false });
    }
    let recipe = recipes::load(&args.look.recipe, &args.look.sets())?;
    let work = match args.show_mask {
        Some(number) => {
            masked_op(&recipe, number).map_err(|e| usage_error(&e))?;
            Work::Mask(number)
        }
        None => Work::Grade,
    };
    batch::run(Batch {
        input: args.look.input,
        work,
        recipe,
        name: args.look.name,
        pages: args.look.pages,
        maps: MapStyle::default(),
        job: args.job,
    })
}
