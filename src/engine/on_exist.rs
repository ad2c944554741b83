//! What happens when a final name is taken: the `--on-exist` policy as a pure function of the [`State`].

use super::journal::State;
use super::naming::before_extension;
use crate::error::{Error, Result, escape};
use std::path::{Path, PathBuf};

/// The policy of `--on-exist`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnExist {
    /// `skip-if-valid`: skip what is up to date, replace what is ours and stale, fail on anything else.
    #[default]
    SkipIfValid,
    /// `skip`: never replace; whatever exists is left as it is. A set of ours with missing files is completed when what is there is what
    /// this job would write.
    Skip,
    /// `overwrite`: replace whatever exists.
    Overwrite,
    /// `rename`: never replace; what is not up to date stays and a free name `stem-1.ext`, `stem-2.ext` ... is taken.
    Rename,
    /// `error`: anything that exists is a failure.
    Error,
}

/// Why nothing is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkipReason {
    /// The outputs are what this job would write.
    UpToDate,
    /// Something exists, and the policy is to leave it.
    Exists,
}

/// What to do with a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Write the outputs under the names asked for.
    Write {
        /// Whether a file at a final name may be replaced at commit; false: the job fails if one appears meanwhile.
        replace: bool,
    },
    /// Write nothing.
    Skip(SkipReason),
    /// Write nothing and fail with this reason.
    Fail(String),
    /// Write under other names; [`settle`] finds them.
    WriteAs,
}

/// Decides by what exists and the policy. `allow_mixed`: results of another arithmetic class count as up to date.
pub fn decide(state: &State, policy: OnExist, allow_mixed: bool) -> Decision {
    use {Decision as D, OnExist as P, State as S};
    let up_to_date = match state {
        S::UpToDate => true,
        S::OtherClass { .. } => allow_mixed,
        _ => false,
    };
    match (policy, state) {
        (P::Overwrite, _) => D::Write { replace: true },
        (_, S::Absent) => D::Write { replace: false },
        (P::Error, _) => D::Fail(format!("{}; the policy is to fail on what exists", describe(state))),
        _ if up_to_date => D::Skip(SkipReason::UpToDate),
        (P::Rename, _) => D::WriteAs,
        // What exists is written again with the same bytes: nothing of it is lost.
        (P::Skip, S::OursPartial { stale: false, other_class: None }) => D::Write { replace: true },
        (P::Skip, _) => D::Skip(SkipReason::Exists),
        (P::SkipIfValid, S::OtherClass { .. } | S::OursPartial { other_class: Some(_), .. }) if !allow_mixed => {
            D::Fail(format!(
                "{}; keep it with --allow-mixed, or render anew with --on-exist overwrite",
                describe(state)
            ))
        }
        (P::SkipIfValid, S::OursStale | S::OursPartial { .. }) => D::Write { replace: true },
        (P::SkipIfValid, _) => D::Fail(format!("{}; replace it with --on-exist overwrite", describe(state))),
    }
}

fn describe(state: &State) -> String {
    match state {
        State::Absent => "nothing exists".into(),
        State::UpToDate => "the output exists and is up to date".into(),
        State::OtherClass { recorded } => format!("the output exists, rendered with another arithmetic ({recorded})"),
        State::OursStale => "the output exists, rendered from another recipe or input".into(),
        State::OursPartial { other_class: Some(recorded), .. } => {
            format!("some of the outputs exist, rendered with another arithmetic ({recorded})")
        }
        State::OursPartial { .. } => "some of the outputs exist".into(),
        State::OursTouched { path } => format!("{} exists and was changed since it was written", escape(path)),
        State::Foreign { path } => format!("{} exists and is in no journal of this folder", escape(path)),
    }
}

/// Names tried by [`settle`] before it gives up.
const RENAMES: u32 = 9999;

/// [`decide`], carried through: the decision and the final names it holds for. With [`OnExist::Rename`] the names get a common number,
/// the first for which all are free, or already hold this very result (then the decision is to skip).
///
/// `state_of` is normally [`Ledger::state`](super::journal::Ledger::state) for the job's identity. Never returns [`Decision::WriteAs`].
///
/// # Errors
/// What `state_of` returns.
pub fn settle(
    targets: Vec<PathBuf>,
    policy: OnExist,
    allow_mixed: bool,
    mut state_of: impl FnMut(&[PathBuf]) -> Result<State>,
) -> Result<(Decision, Vec<PathBuf>)> {
    let first = decide(&state_of(&targets)?, policy, allow_mixed);
    if first != Decision::WriteAs {
        return Ok((first, targets));
    }
    for n in 1..=RENAMES {
        let numbered: Vec<PathBuf> = targets.iter().map(|target| with_number(target, n)).collect();
        match decide(&state_of(&numbered)?, policy, allow_mixed) {
            Decision::WriteAs => continue,
            decision => return Ok((decision, numbered)),
        }
    }
    let target = targets.first().map_or(Path::new(""), PathBuf::as_path);
    Err(Error::output(target, format!("{RENAMES} numbered names beside it are all taken")))
}

/// `folder/stem-n.ext`.
fn with_number(target: &Path, n: u32) -> PathBuf {
    before_extension(target, &format!("-{n}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states() -> [State; 9] {
        let path = PathBuf::from("a.tif");
        [
            State::Absent,
            State::UpToDate,
            State::OtherClass { recorded: "cpu".into() },
            State::OursStale,
            State::OursPartial { stale: false, other_class: None },
            State::OursPartial { stale: true, other_class: None },
            State::OursPartial { stale: false, other_class: Some("cpu".into()) },
            State::OursTouched { path: path.clone() },
            State::Foreign { path },
        ]
    }

    /// One letter a state, in the order of `states`: w write, r write and replace, u up to date, e exists, n other name, F fail.
    fn row(policy: OnExist, allow_mixed: bool) -> String {
        let letter = |state: State| match decide(&state, policy, allow_mixed) {
            Decision::Write { replace: false } => 'w',
            Decision::Write { replace: true } => 'r',
            Decision::Skip(SkipReason::UpToDate) => 'u',
            Decision::Skip(SkipReason::Exists) => 'e',
            Decision::WriteAs => 'n',
            Decision::Fail(_) => 'F',
        };
        states().into_iter().map(letter).collect()
    }

    #[test]
    fn the_whole_table() {
        assert_eq!(row(OnExist::SkipIfValid, false), "wuFrrrFFF");
        assert_eq!(row(OnExist::SkipIfValid, true), "wuurrrrFF");
        assert_eq!(row(OnExist::Skip, false), "wueereeee");
        assert_eq!(row(OnExist::Overwrite, false), "rrrrrrrrr");
        assert_eq!(row(OnExist::Rename, false), "wunnnnnnn");
        assert_eq!(row(OnExist::Error, true), "wFFFFFFFF");
    }

    #[test]
    fn a_foreign_file_is_never_replaced_without_overwrite() {
        for policy in [OnExist::SkipIfValid, OnExist::Skip, OnExist::Rename, OnExist::Error] {
            for state in states().into_iter().skip(7) {
                assert_ne!(decide(&state, policy, true), Decision::Write { replace: true });
            }
        }
    }

    #[test]
    fn numbered_names_are_common_to_all_outputs_and_stable() {
        let targets = || vec![PathBuf::from("o/a.tif"), PathBuf::from("o/a_depth.png")];
        let foreign = |path: &str| State::Foreign { path: path.into() };
        let taken = |at: &[PathBuf]| {
            Ok(match at[0].to_str().unwrap() {
                "o/a.tif" | "o/a-1.tif" => foreign("x"),
                _ => State::Absent,
            })
        };
        let (decision, names) = settle(targets(), OnExist::Rename, false, taken).unwrap();
        assert_eq!(decision, Decision::Write { replace: false });
        assert_eq!(names, [PathBuf::from("o/a-2.tif"), PathBuf::from("o/a_depth-2.png")]);

        let again = |at: &[PathBuf]| Ok(if at[0].ends_with("a-2.tif") { State::UpToDate } else { foreign("x") });
        let (decision, names) = settle(targets(), OnExist::Rename, false, again).unwrap();
        assert_eq!((decision, names[0].clone()), (Decision::Skip(SkipReason::UpToDate), "o/a-2.tif".into()));
        assert_eq!(with_number(Path::new("x/noext"), 3), Path::new("x/noext-3"));
    }
}
