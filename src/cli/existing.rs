//! What a plan can say about outputs that exist: whether they are ours, and what the policy makes of that. Whether one of ours is up to
//! date is known only with the device and the inference engine, which a plan does not start.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use chiaro::engine::job::Job;
use chiaro::engine::journal::Ledger;
use chiaro::engine::on_exist::OnExist;
use chiaro::engine::review;
use serde::Serialize;

/// The outputs of earlier runs into a folder, and the policy of this one.
pub struct Existing {
    ours: HashSet<PathBuf>,
    policy: OnExist,
    /// The output folder, where pictures can go to review.
    review: Option<PathBuf>,
}

/// What would happen to one job because of what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// Nothing is there: written.
    Write,
    /// Ours: skipped when it is what this run would write, else written.
    SkipIfValid,
    /// Nothing is there, but in review, and that is ours: skipped when it is what this run would write, else written anew.
    InReview,
    /// Ours: skipped when it is what this run would write, else kept and written under another name.
    SkipOrRename,
    /// Left as it is.
    Skip,
    /// Replaced.
    Replace,
    /// Written under another name.
    Rename,
    /// The picture fails.
    Fail,
}

impl Fate {
    /// True when nothing new is written for sure.
    pub fn writes_nothing(self) -> bool {
        matches!(self, Self::Skip | Self::Fail)
    }

    /// True when a run alone can tell whether something is written.
    pub fn is_open(self) -> bool {
        matches!(self, Self::SkipIfValid | Self::SkipOrRename | Self::InReview)
    }

    /// In words, beside the name of the output.
    pub fn words(self) -> &'static str {
        match self {
            Self::Write => "",
            Self::SkipIfValid => " (exists, ours: skipped if up to date, else replaced)",
            Self::InReview => " (an earlier run sent it to review: left there if up to date, else written anew)",
            Self::SkipOrRename => " (exists, ours: skipped if up to date, else kept, another name is taken)",
            Self::Skip => " (exists: skipped)",
            Self::Replace => " (exists: replaced)",
            Self::Rename => " (exists: kept, another name is taken)",
            Self::Fail => " (exists: this picture would fail)",
        }
    }
}

impl Existing {
    /// Looks the journal of `out` up; `review` is `out` where pictures can go to review. One that cannot be read vouches for nothing; the run will say so.
    pub fn new(out: &Path, policy: OnExist, review: Option<PathBuf>) -> Self {
        let ledger = Ledger::load(out).unwrap_or_default();
        let ours = ledger.outputs().into_iter().map(|(path, _)| out.join(path)).collect();
        Self { ours, policy, review }
    }

    /// What would happen to `job`.
    pub fn fate(&self, job: &Job) -> Fate {
        let there: Vec<&PathBuf> = job.targets.iter().filter(|target| target.symlink_metadata().is_ok()).collect();
        if there.is_empty() {
            let reviewed = self.review.as_ref().map(|out| review::targets(out, &job.targets)).unwrap_or_default();
            let waits = self.policy == OnExist::SkipIfValid && reviewed.iter().any(|target| self.ours.contains(target));
            return if waits { Fate::InReview } else { Fate::Write };
        }
        let ours = there.iter().all(|target| self.ours.contains(*target));
        match self.policy {
            OnExist::SkipIfValid if ours => Fate::SkipIfValid,
            OnExist::SkipIfValid | OnExist::Error => Fate::Fail,
            OnExist::Skip => Fate::Skip,
            OnExist::Overwrite => Fate::Replace,
            OnExist::Rename if ours => Fate::SkipOrRename,
            OnExist::Rename => Fate::Rename,
        }
    }
}
