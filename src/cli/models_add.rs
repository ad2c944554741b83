//! `chiaro models add` and `remove`: the user's own list.

use std::path::{Path, PathBuf};

use chiaro::depth::registry::shelf::VARIABLE;
use chiaro::depth::registry::{Addition, Shelf, user_folder};
use chiaro::error::{Error, ErrorKind, escape};

use super::args::AddModelArgs;
use super::exit::{Exit, Usage, describe, say};
use super::voice::{self, Level};
use super::{models, output, recipes};

/// Adds a model.
///
/// # Errors
/// Usage: a wrong id, license or value. The list cannot be written. A file that cannot be used is an item that failed.
pub fn add(args: &AddModelArgs) -> anyhow::Result<Exit> {
    let folder = folder()?;
    let mut contract = recipes::for_model("file.onnx", &args.set)?.depth.contract;
    for (key, value) in [("preset", &args.preset), ("license", &args.license), ("name", &args.name)] {
        if let Some(value) = value {
            contract.set(key, value).map_err(|message| Usage(format!("--{key}: {message}")))?;
        }
    }
    let addition = Addition {
        file: args.file.clone(),
        id: args.id.clone(),
        contract,
        sha256: args.sha256.clone(),
        copy: args.copy,
        replace: args.replace,
        allow_noncommercial: args.allow_noncommercial,
    };
    match Shelf::add(&folder, &addition) {
        Ok(added) => {
            output::text(&format!("{}\n{}", added.entry.id, models::facts(&added.entry)))?;
            added.notes.iter().for_each(|note| voice::say(Level::Info, None, note));
            Ok(Exit::Success)
        }
        Err(error) => ended(error),
    }
}

/// Takes models off the list.
///
/// # Errors
/// Usage: no such model. The list cannot be written.
pub fn remove(ids: &[String]) -> anyhow::Result<Exit> {
    let folder = folder()?;
    let removed = match Shelf::remove(&folder, ids) {
        Ok(removed) => removed,
        Err(error) => return ended(error),
    };
    let mut exit = Exit::Success;
    for model in removed {
        output::line(&format!("removed  {}", model.id))?;
        for path in &model.deleted {
            output::line(&format!("deleted  {}", escape(path)))?;
        }
        model.notes.iter().for_each(|note| voice::say(Level::Warning, None, note));
        if let Some(error) = &model.failed {
            say(&describe(error));
            exit = Exit::Failures;
        }
    }
    Ok(exit)
}

/// An input that is wrong is an item that failed; everything else ends the command by its kind.
fn ended(error: Error) -> anyhow::Result<Exit> {
    if matches!(error.kind(), ErrorKind::Input | ErrorKind::Limit) {
        say(&advised(&error));
        return Ok(Exit::Failures);
    }
    Err(error.into())
}

/// The advice of a missing contract names the flags of this command.
fn advised(error: &Error) -> String {
    let text = describe(error);
    let recipe = "give, under [depth] of the recipe or with --set depth.KEY=VALUE, preset=<id of a known model or family, see chiaro models list>, or ";
    text.replace(
        recipe,
        "give --preset ID (of a known model or family, see chiaro models list), or with --set depth.KEY=VALUE ",
    )
}

fn folder() -> anyhow::Result<PathBuf> {
    let unknown = || Usage(format!("there is no folder for models: set {VARIABLE} to one"));
    let folder = user_folder().ok_or_else(unknown)?;
    // What is written must be found again from another folder.
    Ok(std::path::absolute(&folder).unwrap_or_else(|_| Path::new(".").join(folder)))
}
