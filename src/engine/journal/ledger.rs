//! All journals of an output folder, merged: what is known of every output and of every job.
//!
//! Later lines win by their date, whichever file they stand in; so a long-lived writer (watch folder) and short runs mix.

use super::record::{Body, Promised, Record, RelPath};
use super::{FOLDER, writer_of};
use crate::engine::identity::{Digest, Identity, Stamp};
use crate::error::{Error, ErrorKind, Result, escape};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File, Metadata};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Longest line accepted; a job would need thousands of outputs to reach it.
const LINE_BYTES: u64 = 4 << 20;

/// Bytes that the lines of one output take in a journal, about.
const OUTPUT_BYTES: u64 = 700;

/// Outputs that room is made for before a journal is read, at most.
const MAX_RESERVED: usize = 1 << 20;

/// What lies under the final names of a job, all its outputs taken together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// No output exists.
    Absent,
    /// All outputs exist with the bytes this identity gives.
    UpToDate,
    /// As [`UpToDate`](Self::UpToDate), but rendered in another arithmetic class.
    OtherClass {
        /// The class of what exists.
        recorded: String,
    },
    /// What exists is ours and untouched, but of another identity.
    OursStale,
    /// Some outputs exist, all of them ours and untouched; others are missing.
    OursPartial {
        /// True when one of those that exist is of another identity.
        stale: bool,
        /// The class of one that was rendered with another arithmetic.
        other_class: Option<String>,
    },
    /// An output has a name of ours, but its bytes changed since.
    OursTouched {
        /// The first such output.
        path: PathBuf,
    },
    /// An output exists that no journal knows, or that is no regular file.
    Foreign {
        /// The first such output.
        path: PathBuf,
    },
}

/// The latest word on a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobStatus {
    /// All outputs are in place.
    Done,
    /// A `commit` without an end: its writer lives, or recovery has not run yet.
    Pending,
    /// Its outputs were not all there after an interruption.
    Dropped,
    /// It failed.
    Failed {
        /// Who must act.
        error: ErrorKind,
        /// The error's text.
        message: String,
    },
}

/// A version of an output that a journal vouches for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    at: u64,
    /// Size.
    pub bytes: u64,
    /// Hash of the content.
    pub hash: Digest,
    /// Digest of the identity.
    pub identity: Digest,
    /// Index of the arithmetic class.
    class: usize,
    /// What the file system said after the rename; `None` when only the `commit` is known.
    pub stamp: Option<Stamp>,
}

/// The last version in place, and one that may have come after it.
#[derive(Debug, Default)]
struct Versions {
    done: Option<Known>,
    /// Rare once a run has ended, so boxed: there is one entry for each of very many files.
    committed: Option<Box<Known>>,
}

#[derive(Debug)]
struct JobEntry {
    at: u64,
    status: JobStatus,
}

/// A `commit` that no later line ends.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub at: u64,
    pub journal: PathBuf,
    pub identity: Identity,
    pub outputs: Vec<Promised>,
}

/// The merged journals.
#[derive(Debug, Default)]
pub struct Ledger {
    out: PathBuf,
    classes: Vec<String>,
    outputs: HashMap<RelPath, Versions>,
    jobs: BTreeMap<String, JobEntry>,
    pending: BTreeMap<String, Pending>,
    /// Journal and line number of what was skipped, and why.
    bad_lines: BTreeMap<(PathBuf, usize), String>,
    last_at: u64,
}

impl Ledger {
    /// Reads all journals below `out` and changes nothing; without any, an empty ledger.
    ///
    /// # Errors
    /// [`Error::Output`] when the folder or a journal cannot be read: guessing what was done is not an option.
    pub fn load(out: &Path) -> Result<Self> {
        let mut ledger = Self { out: out.to_owned(), ..Self::default() };
        let folder = out.join(FOLDER);
        let journals =
            journals(&folder).map_err(|e| Error::output(&folder, format!("cannot list the journals: {e}")))?;
        for journal in journals {
            ledger.reread(&journal)?;
        }
        for versions in ledger.outputs.values_mut() {
            versions.forget_settled();
        }
        Ok(ledger)
    }

    /// The output folder.
    pub fn out(&self) -> &Path {
        &self.out
    }

    /// Lines that were skipped, with the reason.
    pub fn warnings(&self) -> Vec<String> {
        let lines = self.bad_lines.iter();
        lines.map(|((journal, line), e)| format!("{}:{line}: line skipped: {e}", escape(journal))).collect()
    }

    /// The arithmetic classes of all outputs in place: more than one, or another than a run's own, means a mixed tree.
    pub fn arithmetic_classes(&self) -> BTreeSet<&str> {
        let done = self.outputs.values().filter_map(|v| v.done.as_ref());
        done.filter_map(|known| self.class(known)).collect()
    }

    /// The latest word on every job, by name.
    pub fn jobs(&self) -> impl Iterator<Item = (&str, &JobStatus)> {
        self.jobs.iter().map(|(job, entry)| (job.as_str(), &entry.status))
    }

    /// The latest word on one job.
    pub fn job(&self, job: &str) -> Option<&JobStatus> {
        self.jobs.get(job).map(|entry| &entry.status)
    }

    /// Every output that was put in place, with its version, in order of paths (relative to the output folder).
    pub fn outputs(&self) -> Vec<(&Path, &Known)> {
        let done = self.outputs.iter().filter_map(|(path, v)| Some((path.as_path(), v.done.as_ref()?)));
        let mut outputs: Vec<_> = done.collect();
        outputs.sort_by_key(|(path, _)| *path);
        outputs
    }

    /// What lies under `targets` (paths of the final names, below the output folder), judged for a job of `identity`.
    ///
    /// A file whose size, time and inode are the recorded ones is believed; any other is read and hashed.
    ///
    /// # Errors
    /// [`Error::Output`] when a target lies outside the output folder or cannot be read.
    pub fn state<P: AsRef<Path>>(&self, identity: &Identity, targets: &[P]) -> Result<State> {
        let mut sum = Sum::default();
        for target in targets {
            let target = target.as_ref();
            let path = RelPath::below(&self.out, target).ok_or_else(|| outside(&self.out, target))?;
            let one = self.output_state(identity, &path, target);
            match one.map_err(|e| Error::output(target, format!("cannot look at what exists: {e}")))? {
                One::Foreign => return Ok(State::Foreign { path: target.to_owned() }),
                One::Touched => sum.touched = sum.touched.or_else(|| Some(target.to_owned())),
                One::Absent => sum.absent += 1,
                One::Stale => sum.stale += 1,
                One::OtherClass(class) => sum.other_class = Some(class),
                One::UpToDate => sum.present += 1,
            }
        }
        Ok(sum.state())
    }

    fn output_state(&self, identity: &Identity, path: &RelPath, target: &Path) -> io::Result<One> {
        let metadata = match fs::symlink_metadata(target) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(One::Absent),
            result => result?,
        };
        let (true, Some(versions)) = (metadata.is_file(), self.outputs.get(path)) else { return Ok(One::Foreign) };
        let Some(known) = versions.matching(&metadata, target)? else { return Ok(One::Touched) };
        Ok(match self.class(&known) {
            _ if known.identity != identity.digest => One::Stale,
            Some(class) if class != identity.arithmetic => One::OtherClass(class.to_owned()),
            _ => One::UpToDate,
        })
    }

    /// Whether `path` is free, or holds bytes that a journal vouches for.
    pub(super) fn may_replace(&self, path: &RelPath) -> io::Result<bool> {
        let target = self.out.join(path.as_path());
        let metadata = match fs::symlink_metadata(&target) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(true),
            result => result?,
        };
        let Some(versions) = self.outputs.get(path) else { return Ok(false) };
        Ok(metadata.is_file() && versions.matching(&metadata, &target)?.is_some())
    }

    pub(super) fn pending(&self) -> &BTreeMap<String, Pending> {
        &self.pending
    }

    pub(super) fn last_at(&self) -> u64 {
        self.last_at
    }

    fn class(&self, known: &Known) -> Option<&str> {
        self.classes.get(known.class).map(String::as_str)
    }

    /// Takes in all lines of `journal`; lines that were taken in before change nothing.
    pub(super) fn reread(&mut self, journal: &Path) -> Result<()> {
        self.read(journal).map_err(|e| Error::output(journal, format!("cannot read the journal: {e}")))
    }

    fn read(&mut self, journal: &Path) -> io::Result<()> {
        let file = File::open(journal)?;
        // Room for its outputs at once: a table that grows is held twice for a moment.
        let outputs = usize::try_from(file.metadata()?.len() / OUTPUT_BYTES).unwrap_or(0).min(MAX_RESERVED);
        self.outputs.reserve(outputs.saturating_sub(self.outputs.len()));
        let mut reader = BufReader::new(file);
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            let length = reader.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line)?;
            if length == 0 {
                break;
            }
            if line.last() != Some(&b'\n') {
                if (length as u64) < LINE_BYTES {
                    // Torn: its writer was killed while writing, so nothing was renamed on its word.
                    break;
                }
                reader.skip_until(b'\n')?;
            }
            match serde_json::from_slice::<Record>(&line) {
                Ok(record) => self.apply(record, journal),
                Err(e) => {
                    self.bad_lines.insert((journal.to_owned(), number), e.to_string());
                }
            }
        }
        Ok(())
    }

    /// Takes in one line of the file `journal`.
    pub(super) fn apply(&mut self, Record { at, body }: Record, journal: &Path) {
        self.last_at = self.last_at.max(at);
        match body {
            Body::Run(_) => {}
            Body::Commit { job, identity, outputs } => {
                for output in &outputs {
                    let known = self.known(at, output.bytes, output.hash, &identity, None);
                    let slot = &mut self.outputs.entry(output.path.clone()).or_default().committed;
                    if slot.as_ref().is_none_or(|old| old.at <= known.at) {
                        *slot = Some(Box::new(known));
                    }
                }
                if self.settle(&job, at, JobStatus::Pending) {
                    self.pending.insert(job, Pending { at, journal: journal.to_owned(), identity, outputs });
                }
            }
            Body::Done { job, identity, outputs } => {
                for output in outputs {
                    let known = self.known(at, output.stamp.bytes, output.hash, &identity, Some(output.stamp));
                    let versions = self.outputs.entry(output.path).or_default();
                    if versions.done.is_none_or(|old| old.at <= known.at) {
                        versions.done = Some(known);
                    }
                    versions.forget_settled();
                }
                self.settle(&job, at, JobStatus::Done);
            }
            Body::Failed { job, error, message } => {
                self.settle(&job, at, JobStatus::Failed { error, message });
            }
            Body::Dropped { job } => {
                self.settle(&job, at, JobStatus::Dropped);
            }
        }
    }

    /// Sets a job's status unless a later one is known; whether it did.
    fn settle(&mut self, job: &str, at: u64, status: JobStatus) -> bool {
        let later = self.jobs.get(job).is_some_and(|entry| entry.at > at);
        if !later {
            self.jobs.insert(job.to_owned(), JobEntry { at, status });
            self.pending.remove(job);
        }
        !later
    }

    fn known(&mut self, at: u64, bytes: u64, hash: Digest, identity: &Identity, stamp: Option<Stamp>) -> Known {
        let found = self.classes.iter().position(|class| *class == identity.arithmetic);
        let class = found.unwrap_or_else(|| {
            self.classes.push(identity.arithmetic.clone());
            self.classes.len() - 1
        });
        Known { at, bytes, hash, identity: identity.digest, class, stamp }
    }
}

impl Versions {
    /// The version that the file at `path` holds.
    fn matching(&self, metadata: &Metadata, path: &Path) -> io::Result<Option<Known>> {
        let stamp = Stamp::of(metadata);
        if let Some(done) = self.done.filter(|known| known.stamp == Some(stamp)) {
            return Ok(Some(done));
        }
        let candidates =
            || [self.committed.as_deref().copied(), self.done].into_iter().flatten().filter(|k| k.bytes == stamp.bytes);
        if candidates().next().is_none() {
            return Ok(None);
        }
        let hash = Digest::of_file(path)?;
        Ok(candidates().find(|known| known.hash == hash))
    }

    /// A `commit` that a `done` followed says nothing more.
    fn forget_settled(&mut self) {
        if let (Some(done), Some(committed)) = (&self.done, &self.committed)
            && done.at >= committed.at
        {
            self.committed = None;
        }
    }
}

/// What lies under one final name.
enum One {
    Absent,
    UpToDate,
    OtherClass(String),
    Stale,
    Touched,
    Foreign,
}

/// The states of a job's outputs, counted.
#[derive(Default)]
struct Sum {
    absent: usize,
    present: usize,
    stale: usize,
    other_class: Option<String>,
    touched: Option<PathBuf>,
}

impl Sum {
    fn state(self) -> State {
        let exist = self.present + self.stale + usize::from(self.other_class.is_some());
        match (self.touched, self.other_class) {
            (Some(path), _) => State::OursTouched { path },
            _ if exist == 0 => State::Absent,
            (None, other_class) if self.absent > 0 => State::OursPartial { stale: self.stale > 0, other_class },
            _ if self.stale > 0 => State::OursStale,
            (None, Some(recorded)) => State::OtherClass { recorded },
            (None, None) => State::UpToDate,
        }
    }
}

/// The error for a target that is not below the output folder.
pub(in crate::engine) fn outside(out: &Path, target: &Path) -> Error {
    Error::output(target, format!("an output must lie below the output folder {}", escape(out)))
}

/// The journals in `folder`, by age of their writers.
fn journals(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        result => result?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if let Some(writer) = writer_of(&path) {
            found.push((writer, path));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}
