//! `chiaro ops`: what a recipe can contain.

use chiaro::recipe;

use super::args::OpsArgs;
use super::exit::Exit;
use super::output;

/// Runs the command.
///
/// # Errors
/// An unknown operation, with the nearest name.
pub fn run(args: &OpsArgs) -> anyhow::Result<Exit> {
    match &args.id {
        Some(id) => output::text(&recipe::show_op(id)?)?,
        None => output::text(&recipe::show_ops())?,
    }
    Ok(Exit::Success)
}
