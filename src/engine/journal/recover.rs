//! Recovery: commits of dead writers are finished or dropped.
//!
//! A `commit` is finished when each output is either in place already, or lies whole under its temporary name and its final
//! name is free or holds bytes of ours. Otherwise it is dropped: its temporaries go, and the job is done again. A
//! file of somebody else is never replaced here, whatever the dead run was allowed to.

use super::ledger::{Ledger, Pending};
use super::record::{Body, Placed, Promised, RelPath};
use super::{Journal, disk};
use crate::engine::identity::{Digest, Stamp};
use crate::engine::staged::{Removal, is_temporary_name, lock_dead, remove_dead};
use crate::error::{Result, escape};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// What recovery did.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// Jobs whose outputs were put in place.
    pub finished: Vec<String>,
    /// Jobs whose outputs were not all there: they are to be done again.
    pub dropped: Vec<String>,
    /// Jobs of writers that live: left alone.
    pub live: Vec<String>,
    /// What could not be looked at or removed.
    pub warnings: Vec<String>,
}

/// Finishes or drops every pending commit of a dead writer.
pub(super) fn recover(ledger: &mut Ledger, journal: &mut Journal) -> Result<Recovered> {
    let mut recovered = Recovered::default();
    let journals: BTreeSet<PathBuf> = ledger.pending().values().map(|pending| pending.journal.clone()).collect();
    for path in journals {
        // Held until this journal's jobs are settled, so that of two starting runs only one recovers them.
        match lock_dead(&path) {
            Ok(Some(_lock)) => {
                // Its writer may have written on, and ended, since the ledger was loaded.
                ledger.reread(&path)?;
                recover_jobs(jobs_of(ledger, &path), ledger, journal, &mut recovered)?;
            }
            Ok(None) => recovered.live.extend(jobs_of(ledger, &path).into_iter().map(|(job, _)| job)),
            Err(e) => recovered.warnings.push(format!("{}: cannot lock the journal: {e}", escape(&path))),
        }
    }
    Ok(recovered)
}

/// The pending jobs of one journal, oldest first.
fn jobs_of(ledger: &Ledger, journal: &Path) -> Vec<(String, Pending)> {
    let of_it = ledger.pending().iter().filter(|(_, pending)| pending.journal == journal);
    let mut jobs: Vec<_> = of_it.map(|(job, pending)| (job.clone(), pending.clone())).collect();
    jobs.sort_by_key(|(_, pending)| pending.at);
    jobs
}

fn recover_jobs(
    jobs: Vec<(String, Pending)>,
    ledger: &mut Ledger,
    journal: &mut Journal,
    recovered: &mut Recovered,
) -> Result<()> {
    let out = ledger.out().to_owned();
    let mut lines = Vec::new();
    for (job, pending) in jobs {
        let finished = finish(ledger, &out, &pending.outputs).unwrap_or_else(|e| {
            recovered.warnings.push(format!("{}: cannot finish the interrupted job: {e}", job.escape_debug()));
            None
        });
        if let Some(outputs) = finished {
            recovered.finished.push(job.clone());
            lines.push(Body::Done { job, identity: pending.identity, outputs });
        } else {
            remove_temporaries(&out, &pending.outputs, &mut recovered.warnings);
            recovered.dropped.push(job.clone());
            lines.push(Body::Dropped { job });
        }
    }
    let path = journal.path().to_owned();
    for record in journal.append(lines)? {
        ledger.apply(record, &path);
    }
    journal.sync()
}

/// Where the bytes of an output are.
enum Bytes {
    InPlace,
    /// The open file holds the lock, so no sweep takes the name away.
    Temporary(File),
}

/// Puts all outputs in place, or (`None`) touches nothing because one cannot be.
fn finish(ledger: &Ledger, out: &Path, outputs: &[Promised]) -> io::Result<Option<Vec<Placed>>> {
    let mut found = Vec::new();
    for output in outputs {
        let Some(bytes) = find(ledger, out, output)? else { return Ok(None) };
        found.push(bytes);
    }
    let (mut folders, mut placed) = (BTreeSet::new(), Vec::new());
    for (output, bytes) in outputs.iter().zip(found) {
        let (temp, target) = (out.join(output.temp.as_path()), out.join(output.path.as_path()));
        match bytes {
            Bytes::Temporary(_lock) if !target.exists() => disk::rename_new(&temp, &target)?,
            Bytes::Temporary(_lock) => disk::rename_over(&temp, &target)?,
            // Left beside its target by a rename in two steps.
            Bytes::InPlace => {
                remove_temporary(out, &output.temp)?;
            }
        }
        let stamp = Stamp::of(&fs::metadata(&target)?);
        placed.push(Placed { path: output.path.clone(), hash: output.hash, stamp });
        folders.extend(target.parent().map(Path::to_owned));
    }
    folders.iter().try_for_each(|folder| disk::sync_folder(folder))?;
    Ok(Some(placed))
}

fn find(ledger: &Ledger, out: &Path, output: &Promised) -> io::Result<Option<Bytes>> {
    let target = out.join(output.path.as_path());
    if fs::symlink_metadata(&target).is_ok_and(|m| m.is_file()) && holds(&File::open(&target)?, output)? {
        return Ok(Some(Bytes::InPlace));
    }
    let temp = out.join(output.temp.as_path());
    if !is_temporary(&output.temp) || !fs::symlink_metadata(&temp).is_ok_and(|m| m.is_file()) {
        return Ok(None);
    }
    let Some(file) = lock_dead(&temp)? else { return Ok(None) };
    Ok((holds(&file, output)? && ledger.may_replace(&output.path)?).then_some(Bytes::Temporary(file)))
}

/// Whether `file` has the size and the hash of `output`.
fn holds(file: &File, output: &Promised) -> io::Result<bool> {
    Ok(file.metadata()?.len() == output.bytes && Digest::of_reader(file)? == output.hash)
}

/// A name out of a journal counts as a temporary only in our pattern: no other file is ever renamed or removed on its word.
fn is_temporary(temp: &RelPath) -> bool {
    temp.as_path().file_name().is_some_and(is_temporary_name)
}

fn remove_temporary(out: &Path, temp: &RelPath) -> io::Result<Removal> {
    if !is_temporary(temp) {
        return Ok(Removal::Removed);
    }
    remove_dead(&out.join(temp.as_path()))
}

fn remove_temporaries(out: &Path, outputs: &[Promised], warnings: &mut Vec<String>) {
    for output in outputs {
        match remove_temporary(out, &output.temp) {
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => warnings.push(format!("{}: cannot remove it: {e}", escape(&out.join(output.temp.as_path())))),
        }
    }
}
