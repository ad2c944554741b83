//! From arguments to jobs, and whether there is anything to do at all.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use chiaro::engine::job::Work;
use chiaro::engine::naming::{self, Intake};
use chiaro::error::{Error, Result};
use chiaro::picture::is_raw_extension;
use chiaro::recipe::Recipe;
use chiaro::walk::{Filter, Found, WalkOptions, walk_with};

use super::args::InputArgs;

/// Jobs, failures, and whether any name led anywhere.
pub struct Gathered {
    /// Remarks on what was found: frames that are missing.
    pub notes: Vec<String>,
    /// What the engine gets, what it does not get, and why.
    pub intake: Intake,
    /// True when not one input exists and nothing else went wrong: the names match nothing.
    pub nothing: bool,
}

/// Walks `arguments` to the end, so that collisions can be refused before work starts.
///
/// # Errors
/// A wrong name template or filter.
pub fn gather(args: &InputArgs, work: &Work, recipe: &Recipe, out: &Path, name: &str) -> Result<Gathered> {
    let options = WalkOptions { filter: Filter::new(&args.include, &args.exclude)?, null: args.null };
    let found = walk_with(&args.inputs, Some(out), &options, &mut std::io::stdin().lock());
    let mut items = Vec::with_capacity(found.len());
    let mut notes = Vec::new();
    for item in found {
        match item {
            Ok(found) => {
                notes.extend(missing_frames(&found));
                frames(found, &mut items);
            }
            Err(error) => items.push(Err(error)),
        }
    }
    let missing = items.iter().all(|item| item.as_ref().err().is_some_and(leads_nowhere));
    let intake = naming::intake(items, work, recipe, out, name)?;
    let nothing = missing || intake.jobs.is_empty() && intake.failed.is_empty();
    Ok(Gathered { notes, intake, nothing })
}

/// A word on a sequence with holes: a frame that was lost shows only here.
fn missing_frames(found: &Found) -> Option<String> {
    let sequence = found.sequence.as_ref().filter(|sequence| sequence.missing() > 0)?;
    let (first, last) = (sequence.numbers().first()?, sequence.numbers().last()?);
    let frames = super::output::count(sequence.missing(), "number");
    let are = if sequence.missing() == 1 { "is" } else { "are" };
    Some(format!("{}: {frames} between {first} and {last} {are} missing", chiaro::error::escape(&found.path)))
}

/// A sequence of stills is its frames; anything else is itself.
fn frames(found: Found, items: &mut Vec<Result<Found>>) {
    let Some(sequence) = found.sequence else { return items.push(Ok(found)) };
    items.extend(sequence.frames().map(|path| {
        let name = path.file_name().unwrap_or_default();
        Ok(Found { relpath: found.relpath.with_file_name(name), path, explicit: true, sequence: None })
    }));
}

/// True when a name is not there, rather than unreadable.
fn leads_nowhere(error: &Error) -> bool {
    match error {
        Error::Input { path, .. } => path.symlink_metadata().is_err_and(|e| e.kind() == ErrorKind::NotFound),
        _ => false,
    }
}

/// Files in folders that are no pictures, in words: "3 .txt, 1 without extension". `None` without any.
pub fn left_out(skipped: &BTreeMap<String, u64>) -> Option<String> {
    let kinds: Vec<String> = skipped
        .iter()
        .map(|(extension, n)| match extension.as_str() {
            "" => format!("{n} without extension"),
            naming::DEPTH_MAPS => format!("{} of other pictures", super::output::count(*n, "depth map")),
            raw if is_raw_extension(raw) => format!("{n} .{raw} (camera raw: develop to 16-bit TIFF first)"),
            extension => format!("{n} .{}", chiaro::error::escape(Path::new(extension))),
        })
        .collect();
    (!kinds.is_empty()).then(|| kinds.join(", "))
}

/// What is said when no input is a picture.
pub fn nothing(intake: &Intake) -> String {
    let skipped = left_out(&intake.skipped).map(|text| format!("; left out: {text}")).unwrap_or_default();
    format!("nothing to do: the inputs hold no picture{skipped}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_counted_by_extension() {
        let skipped = BTreeMap::from([(String::new(), 1), ("txt".to_owned(), 3)]);
        assert_eq!(left_out(&skipped).unwrap(), "1 without extension, 3 .txt");
        let raw = BTreeMap::from([("nef".to_owned(), 2)]);
        assert_eq!(left_out(&raw).unwrap(), "2 .nef (camera raw: develop to 16-bit TIFF first)");
        let maps = BTreeMap::from([(naming::DEPTH_MAPS.to_owned(), 2)]);
        assert_eq!(left_out(&maps).unwrap(), "2 depth maps of other pictures");
        assert_eq!(left_out(&BTreeMap::new()), None);
    }
}
