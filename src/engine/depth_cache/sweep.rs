//! The folder of the depth cache as a whole: what is in it, and what goes when it is too much.
//!
//! Only files of the cache's own names in folders of its own names are ever counted or removed, so that a folder given by mistake loses
//! nothing. Another process may add, use and remove files meanwhile: what has gone is not missed.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::error::{Error, Result};

/// Ending of maps.
pub(super) const MAP_ENDING: &str = ".map";
/// What temporary names have in the middle.
pub(super) const TEMPORARY: &str = ".new-";
/// The note beside the maps of a family.
pub(super) const ABOUT: &str = "about.json";
/// Hexadecimal digits of a family's folder, and of the folders that its maps are spread over.
pub(super) const FAMILY_DIGITS: usize = 16;
pub(super) const SHARD_DIGITS: usize = 2;
/// Hexadecimal digits of a key.
const KEY_DIGITS: usize = 64;
/// A temporary file this old has lost its writer.
const ABANDONED: Duration = Duration::from_secs(3600);
/// Longest note that is read.
const MAX_ABOUT_BYTES: u64 = 4096;

/// What made the maps of a family: for people only, nothing depends on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct About {
    /// Id of the model.
    pub model: String,
    /// SHA-256 of the model.
    pub sha256: String,
    /// Engine, version and provider.
    pub engine: String,
}

/// Maps of one model and engine.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct FamilySurvey {
    /// What made them; `None` when the note is gone.
    pub about: Option<About>,
    /// How many.
    pub maps: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// When the longest unused of them was used last.
    #[serde(skip)]
    pub oldest: Option<SystemTime>,
}

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Removed {
    /// Maps.
    pub maps: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Maps that stay.
    pub kept_maps: u64,
    /// Bytes of those.
    pub kept_bytes: u64,
}

struct File {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

/// The maps below `folder`, by model and engine; a folder that is not there is empty.
///
/// # Errors
/// Environment: the folder cannot be listed.
pub fn survey(folder: &Path) -> Result<Vec<FamilySurvey>> {
    families(folder)?
        .into_iter()
        .map(|family| {
            let files = maps(&family, &mut Vec::new())?;
            Ok(FamilySurvey {
                about: about(&family),
                maps: files.len() as u64,
                bytes: files.iter().map(|file| file.bytes).sum(),
                oldest: files.iter().map(|file| file.used).min(),
            })
        })
        .collect()
}

/// Removes maps that were not used for `max_age` before `now`, then the longest unused ones until `budget_bytes` are left; and what
/// writers that died have left.
///
/// # Errors
/// Environment: the folder cannot be listed, or a file cannot be removed.
pub fn collect(folder: &Path, budget_bytes: u64, max_age: Duration, now: SystemTime) -> Result<Removed> {
    let (mut files, mut unfinished) = (Vec::new(), Vec::new());
    let families = families(folder)?;
    for family in &families {
        files.extend(maps(family, &mut unfinished)?);
    }
    let age = |file: &File| now.duration_since(file.used).unwrap_or_default();
    for file in unfinished.iter().filter(|file| age(file) >= ABANDONED) {
        remove(&file.path)?;
    }
    // Names settle ties, so that two processes that clean up together remove the same files.
    files.sort_by(|a, b| b.used.cmp(&a.used).then_with(|| a.path.cmp(&b.path)));
    let mut removed = Removed::default();
    for file in files {
        if age(&file) > max_age || budget_bytes == 0 || removed.kept_bytes + file.bytes > budget_bytes {
            remove(&file.path)?;
            removed.maps += 1;
            removed.bytes += file.bytes;
        } else {
            removed.kept_maps += 1;
            removed.kept_bytes += file.bytes;
        }
    }
    families.iter().for_each(|family| tidy(family));
    Ok(removed)
}

/// Removes all maps.
///
/// # Errors
/// As [`collect`].
pub fn clear(folder: &Path) -> Result<Removed> {
    collect(folder, 0, Duration::ZERO, SystemTime::now())
}

/// Removes folders that have become empty, and the note of a family without maps.
fn tidy(family: &Path) {
    for shard in list(family).unwrap_or_default() {
        // Not empty, or gone: both are fine.
        let _ = std::fs::remove_dir(&shard);
    }
    let left = list(family).unwrap_or_default();
    if left.iter().all(|path| path.ends_with(ABOUT)) {
        left.iter().for_each(|path| drop(std::fs::remove_file(path)));
        let _ = std::fs::remove_dir(family);
    }
}

fn families(folder: &Path) -> Result<Vec<PathBuf>> {
    Ok(list(folder)?.into_iter().filter(|path| is_hex(path, FAMILY_DIGITS, "") && path.is_dir()).collect())
}

/// The maps of a family; files that are being written, or were left behind, go to `unfinished`.
fn maps(family: &Path, unfinished: &mut Vec<File>) -> Result<Vec<File>> {
    let mut found = Vec::new();
    for shard in list(family)?.into_iter().filter(|path| is_hex(path, SHARD_DIGITS, "")) {
        if !shard.is_dir() {
            continue;
        }
        for path in list(&shard)? {
            let is_map = is_hex(&path, KEY_DIGITS, MAP_ENDING);
            if !is_map && !is_temporary(&path) {
                continue;
            }
            // Another process may have removed it.
            let Ok(facts) = std::fs::symlink_metadata(&path) else { continue };
            if !facts.is_file() {
                continue;
            }
            let used = facts.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            let file = File { path, bytes: facts.len(), used };
            if is_map { found.push(file) } else { unfinished.push(file) }
        }
    }
    Ok(found)
}

fn is_hex(path: &Path, digits: usize, ending: &str) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(ending));
    name.is_some_and(|name| {
        name.len() == digits && name.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

fn is_temporary(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.split_once(TEMPORARY));
    name.is_some_and(|(key, _)| is_hex(Path::new(key), KEY_DIGITS, MAP_ENDING))
}

/// What is in a folder, sorted; nothing when it is not there.
pub(super) fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let fail = |error: std::io::Error| trouble(folder, "cannot be listed", &error);
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(fail(error)),
    };
    let mut paths = entries.map(|entry| entry.map(|e| e.path())).collect::<std::io::Result<Vec<_>>>().map_err(fail)?;
    paths.sort();
    Ok(paths)
}

fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(trouble(path, "cannot be removed", &error)),
        _ => Ok(()),
    }
}

fn about(family: &Path) -> Option<About> {
    let mut text = Vec::new();
    std::fs::File::open(family.join(ABOUT)).ok()?.take(MAX_ABOUT_BYTES).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

pub(super) fn trouble(path: &Path, what: &str, error: &std::io::Error) -> Error {
    Error::Environment(format!("the depth cache: {} {what}: {error}", crate::error::escape(path)))
}
