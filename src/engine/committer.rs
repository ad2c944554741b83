//! The committer: one thread that gives complete outputs their final names.
//!
//! It receives the [`Staged`] outputs of a job as one [`CommitSet`], all or nothing, in any order of jobs. For every set it syncs and hashes
//! the files; then, for a **group** of sets (16 pictures or one second, whichever comes first), it appends their `commit` lines and
//! syncs the journal once, renames, syncs the folders, and appends the `done` lines. What fails, fails one job; its temporaries
//! are removed. Results go to a callback, so that drivers never wait for a group; the thread calls them in the order of
//! submission within a group, and a callback should only note or send. A driver returns its bytes to the budget before it submits: a
//! set that waits for its group holds no memory, and a budget held over that wait would keep the group from ever filling.

use super::disk;
use super::identity::{Digest, Identity, Stamp};
use super::journal::{Body, Journal, Placed, Promised, RelPath, outside};
use super::profile::{Kind, Recorder, Span, Stage, Track};
use super::staged::Staged;
use crate::error::{Error, Result, escape};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{ErrorKind, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A complete output and whether it may replace what has its final name.
#[derive(Debug)]
pub struct Output {
    /// The file; every byte is with the operating system.
    pub staged: Staged,
    /// False: the job fails if the final name is taken. From [`decide`](super::on_exist::decide).
    pub replace: bool,
}

/// All outputs of one job.
#[derive(Debug)]
pub struct CommitSet {
    /// The job's name in the journal.
    pub job: String,
    /// Its identity.
    pub identity: Identity,
    /// Its outputs, in the order they are renamed.
    pub outputs: Vec<Output>,
}

/// An output in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommittedOutput {
    /// Its final name.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// The hash of its content.
    pub hash: Digest,
}

/// A job that could not be committed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{error}{}", Remains(in_place))]
pub struct CommitFailure {
    /// Why.
    pub error: Error,
    /// Outputs of the job that have their final names nevertheless; mostly none. The others do not.
    pub in_place: Vec<PathBuf>,
}

struct Remains<'a>(&'a [PathBuf]);

impl std::fmt::Display for Remains<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, path) in self.0.iter().enumerate() {
            write!(f, "{}{}", if i == 0 { "; already in place: " } else { ", " }, escape(path))?;
        }
        Ok(())
    }
}

/// What a callback receives.
pub type CommitResult = std::result::Result<Vec<CommittedOutput>, CommitFailure>;

type Callback = Box<dyn FnOnce(CommitResult) + Send>;

/// Sizes of the queue and of a group.
#[derive(Debug, Clone, Copy)]
pub struct CommitOptions {
    /// Sets that may wait for the thread; a further [`Committer::submit`] blocks.
    pub queue: usize,
    /// Sets in a group.
    pub group: usize,
    /// Longest time a set waits for its group to fill.
    pub wait: Duration,
}

impl Default for CommitOptions {
    fn default() -> Self {
        Self { queue: 8, group: 16, wait: Duration::from_secs(1) }
    }
}

enum Message {
    Commit(CommitSet, Callback),
    Failed { job: String, error: Error },
    Flush(SyncSender<()>),
}

/// Handle to the thread; shared by reference among drivers. Dropping it commits what was submitted.
#[derive(Debug)]
pub struct Committer {
    sender: Option<SyncSender<Message>>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Committer {
    /// Starts the thread on the journal of a run.
    ///
    /// # Errors
    /// [`Error::Environment`] when no thread can be started.
    pub fn start(journal: Journal, options: CommitOptions) -> Result<Self> {
        Self::start_recorded(journal, options, Recorder::default())
    }

    /// As [`Committer::start`]; what it does is recorded.
    ///
    /// # Errors
    /// [`Error::Environment`] when no thread can be started.
    pub fn start_recorded(journal: Journal, options: CommitOptions, recorder: Recorder) -> Result<Self> {
        let (sender, receiver) = mpsc::sync_channel(options.queue);
        let worker = Worker {
            journal,
            options,
            recorder,
            group: Vec::new(),
            deadline: None,
            durable: BTreeSet::new(),
            trouble: None,
        };
        let thread = thread::Builder::new().name("commit".into()).spawn(move || worker.run(&receiver));
        let thread = thread.map_err(|e| Error::Environment(format!("cannot start the commit thread: {e}")))?;
        Ok(Self { sender: Some(sender), thread: Some(thread) })
    }

    /// Hands over a job's outputs; waits while the queue is full. `result` is called exactly once, on the commit thread.
    ///
    /// # Errors
    /// [`Error::Environment`] when the thread is gone (a callback panicked); the outputs are removed.
    pub fn submit(&self, set: CommitSet, result: impl FnOnce(CommitResult) + Send + 'static) -> Result<()> {
        self.send(Message::Commit(set, Box::new(result)))
    }

    /// Notes in the journal that a job failed before it had outputs.
    ///
    /// # Errors
    /// [`Error::Environment`] when the thread is gone.
    pub fn failed(&self, job: impl Into<String>, error: &Error) -> Result<()> {
        self.send(Message::Failed { job: job.into(), error: error.clone() })
    }

    /// Commits everything submitted before, without waiting for the group to fill; returns when the callbacks have run.
    ///
    /// # Errors
    /// [`Error::Environment`] when the thread is gone.
    pub fn flush(&self) -> Result<()> {
        let (sender, receiver) = mpsc::sync_channel(1);
        self.send(Message::Flush(sender))?;
        receiver.recv().map_err(|_| gone())
    }

    /// Commits everything, makes the journal durable and ends the thread.
    ///
    /// # Errors
    /// The first trouble with the journal that failed no job, such as a lost `done` line (recovery writes it again).
    pub fn finish(mut self) -> Result<()> {
        self.join()
    }

    fn send(&self, message: Message) -> Result<()> {
        self.sender.as_ref().ok_or_else(gone)?.send(message).map_err(|_| gone())
    }

    fn join(&mut self) -> Result<()> {
        self.sender = None;
        self.thread.take().map_or(Ok(()), |thread| thread.join().unwrap_or_else(|_| Err(gone())))
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        // Whoever wants to know calls `finish`.
        let _ = self.join();
    }
}

fn gone() -> Error {
    Error::Environment("the commit thread ended early".into())
}

/// A set whose files are synced and hashed.
struct Ready {
    set: CommitSet,
    promised: Vec<Promised>,
    stamps: Vec<Stamp>,
    callback: Callback,
}

impl Ready {
    fn commit_body(&self) -> Body {
        Body::Commit { job: self.set.job.clone(), identity: self.set.identity.clone(), outputs: self.promised.clone() }
    }

    fn done_body(&self) -> Body {
        let placed = self.promised.iter().zip(&self.stamps);
        let placed = placed.map(|(p, stamp)| Placed { path: p.path.clone(), hash: p.hash, stamp: *stamp });
        Body::Done { job: self.set.job.clone(), identity: self.set.identity.clone(), outputs: placed.collect() }
    }

    fn committed(&self) -> Vec<CommittedOutput> {
        let outputs = self.set.outputs.iter().zip(&self.promised);
        outputs
            .map(|(o, p)| CommittedOutput { path: o.staged.target().to_owned(), bytes: p.bytes, hash: p.hash })
            .collect()
    }
}

struct Worker {
    journal: Journal,
    options: CommitOptions,
    recorder: Recorder,
    group: Vec<Ready>,
    /// When the group is committed at the latest; none while it is empty.
    deadline: Option<Instant>,
    /// Folders whose ancestors, up to the output folder, were synced: they may have been created by this run.
    durable: BTreeSet<PathBuf>,
    trouble: Option<Error>,
}

impl Worker {
    fn run(mut self, receiver: &Receiver<Message>) -> Result<()> {
        loop {
            let idle = Instant::now();
            let next = self.next(receiver);
            if self.deadline.is_some() {
                // Sets wait for the rest of their group.
                self.record(Kind::Waiting, idle, 0);
            }
            match next {
                Ok(Message::Commit(set, callback)) => self.take(set, callback),
                Ok(Message::Failed { job, error }) => self.note_failure(job, &error),
                Ok(Message::Flush(reply)) => {
                    self.commit_group();
                    // A caller that went away needs no answer.
                    let _ = reply.send(());
                }
                Err(RecvTimeoutError::Timeout) => self.commit_group(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.commit_group();
        let synced = self.journal.sync();
        self.trouble.map_or(synced, Err)
    }

    fn next(&self, receiver: &Receiver<Message>) -> std::result::Result<Message, RecvTimeoutError> {
        match self.deadline {
            Some(deadline) => receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())),
            None => receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    fn take(&mut self, set: CommitSet, callback: Callback) {
        let started = Instant::now();
        match prepare(self.journal.out(), &set) {
            Ok((promised, stamps)) => {
                self.record(Kind::Busy, started, promised.iter().map(|p| p.bytes).sum());
                self.deadline.get_or_insert_with(|| Instant::now() + self.options.wait);
                self.group.push(Ready { set, promised, stamps, callback });
            }
            Err(error) => self.fail(set, callback, CommitFailure { error, in_place: Vec::new() }),
        }
        let late = self.deadline.is_some_and(|deadline| deadline <= Instant::now());
        if late || self.group.len() >= self.options.group {
            self.commit_group();
        }
    }

    fn commit_group(&mut self) {
        self.deadline = None;
        let group = std::mem::take(&mut self.group);
        if group.is_empty() {
            return;
        }
        let started = Instant::now();
        self.place_group(group);
        self.record(Kind::More, started, 0);
    }

    /// `bytes` of files since `started`.
    fn record(&self, kind: Kind, started: Instant, bytes: u64) {
        let span = Span { stage: Stage::Commit, track: Track::Commit, started, took: started.elapsed(), bytes };
        self.recorder.record(kind, span, None, None);
    }

    fn place_group(&mut self, group: Vec<Ready>) {
        let lines: Vec<Body> = group.iter().map(Ready::commit_body).collect();
        if let Err(error) = self.journal.append(lines).and_then(|_| self.journal.sync()) {
            for Ready { set, callback, .. } in group {
                self.fail(set, callback, CommitFailure { error: error.clone(), in_place: Vec::new() });
            }
            return;
        }
        let placed: Vec<_> = group.into_iter().map(|mut ready| (place(&mut ready.set), ready)).collect();
        let unsynced = self.sync_folders(placed.iter().map(|(_, ready)| &ready.set));
        let mut done = Vec::new();
        for (result, ready) in placed {
            match result.and_then(|()| synced(&ready.set, &unsynced)) {
                Ok(()) => done.push(ready),
                Err(failure) => self.fail(ready.set, ready.callback, failure),
            }
        }
        let lines: Vec<Body> = done.iter().map(Ready::done_body).collect();
        if let Err(error) = self.journal.append(lines) {
            self.trouble.get_or_insert(error);
        }
        for ready in done {
            let committed = ready.committed();
            (ready.callback)(Ok(committed));
        }
    }

    /// Syncs the folders of the sets' final names; returns those where that failed.
    fn sync_folders<'a>(&mut self, sets: impl Iterator<Item = &'a CommitSet>) -> BTreeMap<PathBuf, String> {
        let outputs = sets.flat_map(|set| &set.outputs);
        let folders: BTreeSet<PathBuf> = outputs.map(|output| folder_of(output.staged.target())).collect();
        let mut failed = BTreeMap::new();
        for folder in folders {
            let fresh = self.durable.insert(folder.clone());
            let out = self.journal.out();
            let above = folder.ancestors().skip(1).take_while(|above| fresh && above.starts_with(out));
            if let Err(e) = std::iter::once(folder.as_path()).chain(above).try_for_each(disk::sync_folder) {
                failed.insert(folder.clone(), e.to_string());
            }
        }
        failed
    }

    /// Drops the temporaries, notes the failure and reports it.
    fn fail(&mut self, set: CommitSet, callback: Callback, failure: CommitFailure) {
        let CommitSet { job, outputs, .. } = set;
        drop(outputs);
        self.note_failure(job, &failure.error);
        callback(Err(failure));
    }

    fn note_failure(&mut self, job: String, error: &Error) {
        let body = Body::Failed { job, error: error.kind(), message: error.to_string() };
        if let Err(error) = self.journal.append([body]) {
            self.trouble.get_or_insert(error);
        }
    }
}

/// Syncs and hashes the files of a set.
fn prepare(out: &Path, set: &CommitSet) -> Result<(Vec<Promised>, Vec<Stamp>)> {
    let (mut promised, mut stamps) = (Vec::new(), Vec::new());
    for Output { staged, replace } in &set.outputs {
        let failed = |what: &str, e| Error::output(staged.target(), format!("cannot {what} it: {e}"));
        let relative = |path| RelPath::below(out, path).ok_or_else(|| outside(out, staged.target()));
        let (path, temp) = (relative(staged.target())?, relative(staged.temp())?);
        if !replace && fs::symlink_metadata(staged.target()).is_ok() {
            return Err(taken(staged.target()));
        }
        let mut file = staged.file();
        file.sync_all().map_err(|e| failed("sync", e))?;
        file.seek(SeekFrom::Start(0)).map_err(|e| failed("read back", e))?;
        let hash = Digest::of_reader(file).map_err(|e| failed("read back", e))?;
        let stamp = Stamp::of(&file.metadata().map_err(|e| failed("read back", e))?);
        promised.push(Promised { path, temp, bytes: stamp.bytes, hash });
        stamps.push(stamp);
    }
    Ok((promised, stamps))
}

fn taken(target: &Path) -> Error {
    Error::output(target, "a file of this name appeared meanwhile and is not replaced")
}

/// Renames all outputs of a set; at the first failure stops and says which are in place.
fn place(set: &mut CommitSet) -> std::result::Result<(), CommitFailure> {
    let mut in_place = Vec::new();
    for Output { staged, replace } in &mut set.outputs {
        if let Err(e) = staged.place(*replace) {
            let error = match e.kind() {
                ErrorKind::AlreadyExists if !*replace => taken(staged.target()),
                _ => Error::output(staged.target(), format!("cannot rename its temporary file: {e}")),
            };
            return Err(CommitFailure { error, in_place });
        }
        in_place.push(staged.target().to_owned());
    }
    Ok(())
}

/// Fails a set that is in place in a folder which could not be synced.
fn synced(set: &CommitSet, unsynced: &BTreeMap<PathBuf, String>) -> std::result::Result<(), CommitFailure> {
    for output in &set.outputs {
        let folder = folder_of(output.staged.target());
        if let Some(e) = unsynced.get(&folder) {
            let in_place = set.outputs.iter().map(|o| o.staged.target().to_owned()).collect();
            return Err(CommitFailure {
                error: Error::output(folder, format!("cannot sync the folder: {e}")),
                in_place,
            });
        }
    }
    Ok(())
}

fn folder_of(target: &Path) -> PathBuf {
    match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}
