//! `chiaro recipes`, and loading the recipe of a run.

use std::path::Path;

use chiaro::error::escape;
use chiaro::recipe::{self, Preset, Recipe};

use super::args::{RecipesArgs, RecipesCommand};
use super::exit::{Exit, usage_error};
use super::output;

/// The recipe that `-r` names, with `--set` applied.
///
/// # Errors
/// A usage error, whatever is wrong with it: nothing was started and the recipe must be edited.
pub fn load(name: &str, sets: &[String]) -> anyhow::Result<Recipe> {
    let mut recipe = Recipe::resolve(name).map_err(|e| usage_error(&e))?;
    recipe::apply_sets(&mut recipe, sets).map_err(|e| usage_error(&e))?;
    Ok(recipe)
}

/// Runs the command.
///
/// # Errors
/// An unknown or wrong recipe.
pub fn run(args: &RecipesArgs) -> anyhow::Result<Exit> {
    match (&args.command, args.schema) {
        (_, true) => output::json(&recipe::schema())?,
        (Some(RecipesCommand::Show { recipe }), _) => show(recipe)?,
        (None, _) => output::text(&recipe::show_recipes())?,
    }
    Ok(Exit::Success)
}

fn show(name: &str) -> anyhow::Result<()> {
    if Preset::find(name).is_some() {
        return Ok(output::text(&recipe::show_recipe(name)?)?);
    }
    let recipe = load(name, &[])?;
    output::text(&describe(&recipe))?;
    Ok(())
}

/// A recipe file in words: every operation with every value, defaults included.
fn describe(recipe: &Recipe) -> String {
    let mut text = format!("{}\n", escape(Path::new(&recipe.name)));
    if !recipe.summary.is_empty() {
        text += &format!("  {}\n", escape(Path::new(&recipe.summary)));
    }
    text += &format!("  hash {}\n", recipe.hash);
    for op in &recipe.ops {
        let strength = if op.strength == 1.0 { String::new() } else { format!(", strength {}", op.strength) };
        let idle = if op.is_identity() { " (changes nothing)" } else { "" };
        text += &format!("\n{}{strength}{idle}\n", op.op.id());
        for (name, value) in &op.params {
            text += &format!("  {name} = {value}\n");
        }
    }
    text
}
