//! The journal: what was done, written so that any kill at any time leaves a truth that can be completed.
//!
//! An output folder `OUT` keeps append-only files of JSON lines under `OUT/.chiaro/`, one per writer:
//! `journal-<unix seconds>-<pid>.jsonl`, created exclusively and locked while its writer lives. The lines are
//! described in [`record`]. A job's life: its outputs lie complete under temporary names; a `commit` line with sizes and hashes
//! is synced; the renames follow; a `done` line says so. Whoever starts next reads all journals into a [`Ledger`], finishes
//! every `commit` of a dead writer whose bytes are all there, and drops the others ([`open`]).
//!
//! Only the `commit` line must be durable before the renames. A lost `done` line is written again by recovery; a lost
//! rename is done again.

mod ledger;
pub mod record;
mod recover;

pub(in crate::engine) use ledger::outside;
pub use ledger::{JobStatus, Known, Ledger, State};
pub use record::{Body, Placed, Promised, Record, RelPath, RunInfo, path_from_text, path_text};
pub use recover::Recovered;

use super::disk;
use super::staged::WriterId;
use crate::error::{Error, Result};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Folder of the program's own files below the output folder.
pub const FOLDER: &str = ".chiaro";

/// An output folder opened for a run.
#[derive(Debug)]
pub struct Opened {
    /// What is known of earlier runs, recovery included.
    pub ledger: Ledger,
    /// The journal of this run, to hand to the [committer](super::committer::Committer).
    pub journal: Journal,
    /// What recovery did.
    pub recovered: Recovered,
}

/// Opens `out` for a run: reads all journals, starts a new one with `run` as its first line, and recovers.
///
/// # Errors
/// [`Error::Output`] when a journal cannot be read or the new one cannot be written.
pub fn open(out: &Path, run: &RunInfo) -> Result<Opened> {
    let mut ledger = Ledger::load(out)?;
    let mut journal = Journal::create(out, run, ledger.last_at())?;
    let recovered = recover::recover(&mut ledger, &mut journal)?;
    Ok(Opened { ledger, journal, recovered })
}

/// One writer's journal.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    out: PathBuf,
    writer: WriterId,
    /// Length up to the last whole line.
    bytes: u64,
    last_at: u64,
}

impl Journal {
    /// Starts a journal below `out` (folders are created); its lines are dated after `after_at`.
    ///
    /// # Errors
    /// [`Error::Output`] when that is not possible.
    pub fn create(out: &Path, run: &RunInfo, after_at: u64) -> Result<Self> {
        let folder = out.join(FOLDER);
        fs::create_dir_all(&folder).map_err(|e| Error::output(&folder, format!("cannot create the folder: {e}")))?;
        let (file, path, writer) = create_file(&folder)?;
        let mut journal = Self { file, path, out: out.to_owned(), writer, bytes: 0, last_at: after_at };
        journal.append([Body::Run(run.clone())])?;
        journal.sync()?;
        for folder in [&folder, out] {
            disk::sync_folder(folder).map_err(|e| Error::output(folder, format!("cannot sync the folder: {e}")))?;
        }
        Ok(journal)
    }

    /// The output folder.
    pub fn out(&self) -> &Path {
        &self.out
    }

    /// The journal's own file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Who writes; the name in temporaries.
    pub fn writer(&self) -> WriterId {
        self.writer
    }

    /// Appends lines, all or none; returns them with their dates. They are durable after [`sync`](Self::sync).
    ///
    /// # Errors
    /// [`Error::Output`], e.g. for a full disk.
    pub fn append(&mut self, bodies: impl IntoIterator<Item = Body>) -> Result<Vec<Record>> {
        let (mut text, mut records) = (Vec::new(), Vec::new());
        for body in bodies {
            self.last_at = now_ns().max(self.last_at.saturating_add(1));
            let record = Record { at: self.last_at, body };
            serde_json::to_writer(&mut text, &record).map_err(|e| self.error("write", e))?;
            text.push(b'\n');
            records.push(record);
        }
        if let Err(e) = self.file.write_all(&text) {
            // Takes back half a line. Where even that fails, the next reader skips the one bad line.
            let _ = self.file.set_len(self.bytes);
            return Err(self.error("write", e));
        }
        self.bytes += text.len() as u64;
        Ok(records)
    }

    /// Makes all lines durable.
    ///
    /// # Errors
    /// [`Error::Output`].
    pub fn sync(&mut self) -> Result<()> {
        self.file.sync_data().map_err(|e| self.error("sync", e))
    }

    fn error(&self, what: &str, e: impl std::fmt::Display) -> Error {
        Error::output(&self.path, format!("cannot {what} the journal: {e}"))
    }
}

/// Creates and locks a journal file; the second in its name is raised until the name is free.
fn create_file(folder: &Path) -> Result<(File, PathBuf, WriterId)> {
    let pid = std::process::id();
    for started_s in now_ns() / 1_000_000_000.. {
        let writer = WriterId { started_s, pid };
        let path = folder.join(format!("journal-{writer}.jsonl"));
        let failed = |e| Error::output(&path, format!("cannot create the journal: {e}"));
        let file = match OpenOptions::new().read(true).append(true).create_new(true).open(&path) {
            Err(e) if e.kind() == ErrorKind::AlreadyExists => continue,
            result => result.map_err(failed)?,
        };
        match file.try_lock() {
            // A starting recovery may hold the lock for a moment; it finds nothing to do in an empty journal.
            Err(TryLockError::WouldBlock) => file.lock().map_err(failed)?,
            // Without locks on this file system recovery refuses to touch anything: safe, though less tidy.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        return Ok((file, path, writer));
    }
    Err(Error::output(folder, "no free name for a journal"))
}

/// The writer in a journal's file name.
fn writer_of(path: &Path) -> Option<WriterId> {
    WriterId::parse(path.file_name()?.to_str()?.strip_prefix("journal-")?.strip_suffix(".jsonl")?)
}

fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
