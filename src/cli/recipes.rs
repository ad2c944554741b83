//! `chiaro recipes`, and loading the recipe of a run.

use std::path::Path;

use chiaro::error::escape;
use chiaro::recipe::{self, DepthSettings, Preset, Recipe};

use super::args::{RecipesArgs, RecipesCommand};
use super::exit::{Exit, Usage, usage_error};
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

/// The recipe without operations that estimates depth with `model`; `sets` hold keys of `[depth]` only.
///
/// # Errors
/// A usage error for any other key or a value that is not allowed.
pub fn for_model(model: &str, sets: &[String]) -> anyhow::Result<Recipe> {
    if let Some(other) = sets.iter().find(|set| !set.trim_start().starts_with("depth.")) {
        return Err(Usage(format!("--set {other}: only keys of [depth] matter here, depth.KEY=VALUE")).into());
    }
    let all: Vec<String> = [format!("depth.model={model}")].into_iter().chain(sets.iter().cloned()).collect();
    load("neutral", &all)
}

/// Runs the command.
///
/// # Errors
/// An unknown or wrong recipe.
pub fn run(args: &RecipesArgs) -> anyhow::Result<Exit> {
    match &args.command {
        None | Some(RecipesCommand::List) => output::text(&recipe::show_recipes())?,
        Some(RecipesCommand::Show { recipe }) => show(recipe)?,
        Some(RecipesCommand::Schema) => output::json(&recipe::schema())?,
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
    if recipe.depth != DepthSettings::default() {
        let depth = &recipe.depth;
        text += &format!("\n[depth]\n  model = {}\n  source = {}\n", escape(Path::new(&depth.model)), depth.source);
        text += &format!("  detail = {}\n  guide = {}\n", depth.detail.name(), depth.guide.name());
        for (key, value) in depth.supplied.values().into_iter().chain(depth.contract.values()) {
            text += &format!("  {key} = {value}\n");
        }
    }
    for op in &recipe.ops {
        let strength = if op.strength == 1.0 { String::new() } else { format!(", strength {}", op.strength) };
        let idle = if op.is_identity() { " (changes nothing)" } else { "" };
        text += &format!("\n{}{strength}{idle}\n", op.op.id());
        for (name, value) in &op.params {
            text += &format!("  {name} = {value}\n");
        }
        if let Some(mask) = &op.mask {
            text += &format!("  mask: {}\n", escape(Path::new(&mask.words())));
        }
    }
    text
}
