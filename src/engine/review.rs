//! Review: where the outputs of a picture go whose depth does not pass the gate.
//!
//! They are rendered and committed like any others, together, but under `OUT/review/` with the rest of their names unchanged, so that nothing that
//! looks wrong is delivered silently and nothing has to be rendered twice to be looked at. Both names are claimed before work starts. A run again
//! finds them by their identity, as it finds those that were delivered.

use std::path::{Path, PathBuf};

use super::job::{Job, Work};
use super::on_exist::{Decision, SkipReason};
use crate::error::{Error, Result, escape};
use crate::recipe::Recipe;

/// The folder below the output folder.
pub const FOLDER: &str = "review";

/// True when pictures of a run can go to review.
pub fn is_possible(recipe: &Recipe, work: &Work) -> bool {
    recipe.depth.gate.is_on() && !matches!(work, Work::Mask(_))
}

/// True when earlier runs may have sent pictures to review, and this one, which sends none, has no output of its own in a folder of that name.
pub fn has_older(out: &Path, jobs: &[Job], work: &Work) -> bool {
    let folder = out.join(FOLDER);
    let is_there = folder.symlink_metadata().is_ok_and(|facts| facts.is_dir());
    let own = || jobs.iter().flat_map(|job| &job.targets).any(|target| target.starts_with(&folder));
    is_there && !matches!(work, Work::Mask(_)) && !own()
}

/// Where outputs go instead.
pub fn targets(out: &Path, targets: &[PathBuf]) -> Vec<PathBuf> {
    let folder = out.join(FOLDER);
    let below = |target: &PathBuf| match target.strip_prefix(out) {
        Ok(rest) => folder.join(rest),
        Err(_) => folder.join(target.file_name().unwrap_or_default()),
    };
    targets.iter().map(below).collect()
}

/// What is decided about the names in review of one job, before it is known whether it goes there.
pub struct Settled {
    /// Whether and how they may be written.
    pub decision: Decision,
    /// The names.
    pub targets: Vec<PathBuf>,
}

impl Settled {
    /// Why nothing has to be done, when an earlier run has sent the picture to review.
    pub fn skips(&self) -> Option<SkipReason> {
        match self.decision {
            Decision::Skip(reason) => Some(reason),
            _ => None,
        }
    }

    /// Names to write, and whether what has them may be replaced.
    ///
    /// # Errors
    /// `Output` when something is there that must stay.
    pub fn write(self, job: &Job) -> Result<(Vec<PathBuf>, bool)> {
        match self.decision {
            Decision::Write { replace } => Ok((self.targets, replace)),
            Decision::Fail(reason) => Err(Error::output(&job.input, format!("goes to review, and there {reason}"))),
            Decision::Skip(_) | Decision::WriteAs => Err(Error::output(&job.input, "no free name was found in review")),
        }
    }
}

/// A word on what earlier runs left under the names that a picture has not now.
pub fn left_over(elsewhere: &[PathBuf]) -> Option<String> {
    let there = elsewhere.iter().find(|path| path.symlink_metadata().is_ok())?;
    Some(format!("an earlier result still lies at {}: remove it, or it may be taken for this one", escape(there)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn review_keeps_the_rest_of_the_names() {
        let names = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        let found = targets(Path::new("out"), &names(&["out/a.tif", "out/day 2/b_depth.npy.json"]));
        assert_eq!(found, names(&["out/review/a.tif", "out/review/day 2/b_depth.npy.json"]));
    }
}
