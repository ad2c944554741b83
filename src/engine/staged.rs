//! Staged outputs: a file grows under a temporary name beside its target and is locked while its writer lives.
//!
//! The name is `.{file name}.{writer}-{n}.chiaro-tmp`, where *writer* is the [`WriterId`] of the run's journal and *n*
//! counts; a file name above 200 bytes is shortened (names are limited to 255 bytes nearly everywhere). The leading dot keeps it out
//! of walks and listings. The lock belongs to the open file, so the operating system releases it however the writer
//! ends; a temporary whose lock can be had is garbage, and [`sweep`] removes it.

use super::disk;
use crate::error::{Error, Result};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// End of every temporary name.
const SUFFIX: &str = ".chiaro-tmp";

/// File names longer than this are shortened in temporary names.
const NAME_BYTES: usize = 200;

/// Attempts to create a temporary before giving up; more than one is needed only while another process sweeps.
const ATTEMPTS: usize = 16;

/// Who writes: unique among all writers into one output folder, because its journal was created exclusively.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WriterId {
    /// When the writer started, in seconds since 1970 (raised until unique).
    pub started_s: u64,
    /// Its process id.
    pub pid: u32,
}

impl WriterId {
    /// Reads `<seconds>-<pid>`; only the form that `Display` writes.
    pub fn parse(text: &str) -> Option<Self> {
        let (started, pid) = text.split_once('-')?;
        let id = Self { started_s: started.parse().ok()?, pid: pid.parse().ok()? };
        (id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for WriterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.started_s, self.pid)
    }
}

/// Creates temporaries for one writer; shared by all its threads.
#[derive(Debug)]
pub struct Stager {
    writer: WriterId,
    next: AtomicU64,
}

impl Stager {
    /// A stager for `writer`, normally [`Journal::writer`](super::journal::Journal::writer). One per writer: names count up.
    pub fn new(writer: WriterId) -> Self {
        Self { writer, next: AtomicU64::new(0) }
    }

    /// Opens a new, empty, locked temporary beside `target`, open for reading and writing. Missing parent folders are created.
    ///
    /// # Errors
    /// [`Error::Output`] when a folder or the file cannot be created, or `target` has no file name.
    pub fn stage(&self, target: &Path) -> Result<Staged> {
        let name = target.file_name().ok_or_else(|| Error::output(target, "an output needs a file name"))?;
        let folder = target.parent().unwrap_or(Path::new(""));
        if !folder.as_os_str().is_empty() {
            fs::create_dir_all(folder).map_err(|e| Error::output(folder, format!("cannot create the folder: {e}")))?;
        }
        for _ in 0..ATTEMPTS {
            let n = self.next.fetch_add(1, Ordering::Relaxed);
            let temp = folder.join(temporary_name(name, self.writer, n));
            match create_locked(&temp) {
                Ok(Some(file)) => return Ok(Staged { file, temp, target: target.to_owned(), armed: true }),
                Ok(None) => continue,
                Err(e) => return Err(Error::output(target, format!("cannot create a temporary file beside it: {e}"))),
            }
        }
        Err(Error::output(target, format!("{ATTEMPTS} temporary files beside it were taken away by another program")))
    }
}

/// `None` when the name was taken, or a sweeping process was faster than the lock.
fn create_locked(temp: &Path) -> io::Result<Option<File>> {
    let file = match OpenOptions::new().read(true).write(true).create_new(true).open(temp) {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => return Ok(None),
        result => result?,
    };
    match file.try_lock() {
        Ok(()) => Ok(disk::names(temp, &file).then_some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        // No locks on this file system: nobody can take ours for dead either, as sweeping needs the lock.
        Err(TryLockError::Error(_)) => Ok(Some(file)),
    }
}

/// An output that has no final name yet; removed on drop unless it was placed.
#[derive(Debug)]
pub struct Staged {
    file: File,
    temp: PathBuf,
    target: PathBuf,
    armed: bool,
}

impl Staged {
    /// The open file (`&File` writes); clones of the handle share its lock and its position.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// The temporary name.
    pub fn temp(&self) -> &Path {
        &self.temp
    }

    /// The final name.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Gives the file its final name; with `replace` false only if that name is free. Afterwards nothing is removed on drop.
    pub(super) fn place(&mut self, replace: bool) -> io::Result<()> {
        let rename = if replace { disk::rename_over } else { disk::rename_new };
        rename(&self.temp, &self.target)?;
        self.armed = false;
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if self.armed {
            // A failure leaves a dead temporary, which the next run sweeps.
            let _ = fs::remove_file(&self.temp);
        }
    }
}

/// The temporary name for `name`.
fn temporary_name(name: &OsStr, writer: WriterId, n: u64) -> OsString {
    let mut temp = OsString::from(".");
    temp.push(shortened(name));
    temp.push(format!(".{writer}-{n}{SUFFIX}"));
    temp
}

/// `name`, cut to at most [`NAME_BYTES`]: between characters where it is text, as some file systems refuse broken UTF-8.
fn shortened(name: &OsStr) -> OsString {
    if name.len() <= NAME_BYTES {
        return name.to_owned();
    }
    match name.to_str() {
        Some(text) => text.get(..text.floor_char_boundary(NAME_BYTES)).unwrap_or_default().into(),
        None => cut_bytes(name),
    }
}

#[cfg(unix)]
fn cut_bytes(name: &OsStr) -> OsString {
    use std::os::unix::ffi::OsStrExt;
    OsStr::from_bytes(name.as_bytes().get(..NAME_BYTES).unwrap_or_default()).to_owned()
}

#[cfg(not(unix))]
fn cut_bytes(_name: &OsStr) -> OsString {
    "name".into()
}

/// Whether `name` has the form of our temporaries.
pub fn is_temporary_name(name: &OsStr) -> bool {
    let bytes = name.as_encoded_bytes();
    let (Some(b'.'), Some(rest)) = (bytes.first(), bytes.strip_suffix(SUFFIX.as_bytes())) else { return false };
    let Some(dot) = rest.iter().rposition(|b| *b == b'.') else { return false };
    let tail = rest.get(dot + 1..).and_then(|tail| std::str::from_utf8(tail).ok()).unwrap_or_default();
    let Some((writer, n)) = tail.rsplit_once('-') else { return false };
    dot > 0 && WriterId::parse(writer).is_some() && n.parse::<u64>().is_ok_and(|value| value.to_string() == n)
}

/// What [`sweep`] found.
#[derive(Debug, Default)]
pub struct Swept {
    /// Temporaries of dead writers, removed.
    pub removed: Vec<PathBuf>,
    /// Temporaries whose writer lives, left alone.
    pub live: Vec<PathBuf>,
    /// Folders that could not be listed and temporaries that could not be removed (or locked: then they are left alone).
    pub errors: Vec<Error>,
}

/// Removes the temporaries of dead writers directly inside `folders`, the ones this run writes to; missing folders are fine.
///
/// Run it after [`recovery`](super::journal::open), which may still need them.
pub fn sweep<P: AsRef<Path>>(folders: impl IntoIterator<Item = P>) -> Swept {
    let mut swept = Swept::default();
    for folder in folders {
        let folder = folder.as_ref();
        match temporaries(folder) {
            Ok(temps) => temps.into_iter().for_each(|temp| sweep_one(temp, &mut swept)),
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => swept.errors.push(Error::output(folder, format!("cannot look for old temporary files: {e}"))),
        }
    }
    swept
}

fn temporaries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if is_temporary_name(&entry.file_name()) && entry.file_type()?.is_file() {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

fn sweep_one(temp: PathBuf, swept: &mut Swept) {
    match remove_dead(&temp) {
        Ok(Removal::Removed) => swept.removed.push(temp),
        Ok(Removal::Live) => swept.live.push(temp),
        Err(e) => swept.errors.push(Error::output(&temp, format!("cannot remove this old temporary file: {e}"))),
    }
}

/// What became of a temporary.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Removal {
    Removed,
    Live,
}

/// Removes `temp` if its writer is dead; a name that is gone already counts as removed.
pub(super) fn remove_dead(temp: &Path) -> io::Result<Removal> {
    let Some(_lock) = lock_dead(temp)? else {
        return Ok(if temp.exists() { Removal::Live } else { Removal::Removed });
    };
    match fs::remove_file(temp) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
        _ => Ok(Removal::Removed),
    }
}

/// Opens and locks `path` if nobody holds its lock; `None` when it is gone or its writer lives.
pub(super) fn lock_dead(path: &Path) -> io::Result<Option<File>> {
    let file = match OpenOptions::new().read(true).write(true).open(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        result => result?,
    };
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(e)) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const WRITER: WriterId = WriterId { started_s: 1_700_000_000, pid: 42 };

    #[test]
    fn names_are_recognized_and_nothing_else_is() {
        let name = temporary_name(OsStr::new("a.tif"), WRITER, 7);
        assert_eq!(name, ".a.tif.1700000000-42-7.chiaro-tmp");
        assert!(is_temporary_name(&name));
        for other in [
            "a.tif.1700000000-42-7.chiaro-tmp",
            ".a.tif.1700000000-42.chiaro-tmp",
            ".a.tif.1700000000-42-7",
            ".a.tif.1700000000-42-x.chiaro-tmp",
            ".a.tif.01-42-7.chiaro-tmp",
            ".1700000000-42-7.chiaro-tmp",
            ".chiaro-tmp",
            "",
        ] {
            assert!(!is_temporary_name(OsStr::new(other)), "{other}");
        }
    }

    #[test]
    fn long_names_fit_and_stay_text() {
        let long = "é".repeat(127);
        let name = temporary_name(OsStr::new(&long), WRITER, u64::MAX);
        assert!(name.len() <= 255 && name.to_str().is_some(), "{}", name.len());
        assert!(is_temporary_name(&name));
        let folder = tempfile::tempdir().unwrap();
        let mut staged = Stager::new(WRITER).stage(&folder.path().join(&long)).unwrap();
        staged.place(false).unwrap();
        assert!(folder.path().join(&long).exists());
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_no_text_work() {
        use std::os::unix::ffi::OsStrExt;
        let folder = tempfile::tempdir().unwrap();
        for length in [3, 250] {
            let target = folder.path().join(OsStr::from_bytes(&vec![0xff; length]));
            Stager::new(WRITER).stage(&target).unwrap().place(false).unwrap();
            assert!(target.exists());
        }
    }

    #[test]
    fn dropped_is_removed_and_placed_stays() {
        let folder = tempfile::tempdir().unwrap();
        let stager = Stager::new(WRITER);
        let target = folder.path().join("deep/er/a.tif");
        drop(stager.stage(&target).unwrap());
        assert_eq!(fs::read_dir(target.parent().unwrap()).unwrap().count(), 0);
        let mut staged = stager.stage(&target).unwrap();
        staged.file().write_all(b"whole").unwrap();
        staged.place(false).unwrap();
        drop(staged);
        assert_eq!(fs::read(&target).unwrap(), b"whole");
        assert_eq!(fs::read_dir(target.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn sweeping_takes_the_dead_and_leaves_the_living() {
        let folder = tempfile::tempdir().unwrap();
        let live = Stager::new(WRITER).stage(&folder.path().join("live.tif")).unwrap();
        let dead = folder.path().join(".dead.tif.1700000000-41-0.chiaro-tmp");
        let foreign = folder.path().join(".other.tmp");
        fs::write(&dead, b"x").unwrap();
        fs::write(&foreign, b"x").unwrap();
        let swept = sweep([folder.path(), &folder.path().join("missing")]);
        assert_eq!((swept.removed, swept.live), (vec![dead.clone()], vec![live.temp().to_owned()]));
        assert!(swept.errors.is_empty() && foreign.exists() && live.temp().exists() && !dead.exists());
    }

    #[test]
    fn a_taken_name_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".a.1700000000-42-0.chiaro-tmp"), b"").unwrap();
        let staged = Stager::new(WRITER).stage(&folder.path().join("a")).unwrap();
        assert!(staged.temp().ends_with(".a.1700000000-42-1.chiaro-tmp"));
    }
}
