//! What is made of models before they run, in a folder beside the maps, so that the next run need not make it again: graphs that ONNX Runtime has
//! optimized for the CPU, and what execution providers compile (TensorRT's engines take minutes).
//!
//! One folder for each model, engine and provider, and for each input size or processor (`Provider::compiled_name`). Optimized graphs bear their
//! checksum; what a provider compiles is its own, and so is the check that it still fits library, driver and device. Losing any of it costs time
//! and nothing else.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::sweep::{list, trouble};
use crate::depth::provider::is_compiled_name;
use crate::depth::stored;
use crate::error::Result;

/// The folder of them below that of the depth cache.
const FOLDER: &str = "compiled";

/// Compiled models as a whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Compiled {
    /// How many.
    pub models: u64,
    /// Bytes of them.
    pub bytes: u64,
}

/// The folder of them below that of the depth cache, made if need be; `None` where it cannot be made, which costs the time of compiling and
/// nothing else.
pub fn make(folder: &Path) -> Option<PathBuf> {
    let compiled = folder_in(folder);
    super::make_folder(&compiled).is_ok().then_some(compiled)
}

fn folder_in(folder: &Path) -> PathBuf {
    folder.join(FOLDER)
}

/// What is there; a folder that is not there is empty.
///
/// # Errors
/// Environment: the folder cannot be listed.
pub fn survey(folder: &Path) -> Result<Compiled> {
    let mut found = Compiled::default();
    for model in models(folder)? {
        found.models += 1;
        found.bytes += contents(&model)?.0;
    }
    Ok(found)
}

/// Removes those that nothing was added to or read from for `max_age` before `now`, and what processes that died have left in the others.
///
/// # Errors
/// Environment: a folder cannot be listed or removed.
pub fn collect(folder: &Path, max_age: Duration, now: SystemTime) -> Result<Compiled> {
    let mut removed = Compiled::default();
    for model in models(folder)? {
        stored::sweep(&model);
        let (bytes, used) = contents(&model)?;
        if max_age.is_zero() || now.duration_since(used).unwrap_or_default() > max_age {
            match std::fs::remove_dir_all(&model) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(trouble(&model, "cannot be removed", &error));
                }
                _ => {}
            }
            removed.models += 1;
            removed.bytes += bytes;
        }
    }
    // Not empty, or not there: both are fine.
    let _ = std::fs::remove_dir(folder_in(folder));
    Ok(removed)
}

fn models(folder: &Path) -> Result<Vec<PathBuf>> {
    // A file in its place is not ours, and nothing is in it.
    if !folder_in(folder).is_dir() {
        return Ok(Vec::new());
    }
    let named = |path: &PathBuf| path.file_name().and_then(|name| name.to_str()).is_some_and(is_compiled_name);
    Ok(list(&folder_in(folder))?
        .into_iter()
        .filter(|path| named(path) && path.is_dir() && !path.is_symlink())
        .collect())
}

/// Bytes of a folder with all it holds, and when any of it was last used, as far as the system tells.
fn contents(folder: &Path) -> Result<(u64, SystemTime)> {
    let (mut bytes, mut used) = (0, SystemTime::UNIX_EPOCH);
    for path in list(folder)? {
        // Another process may have removed it.
        let Ok(facts) = std::fs::symlink_metadata(&path) else { continue };
        if facts.is_dir() {
            let (more, later) = contents(&path)?;
            (bytes, used) = (bytes + more, used.max(later));
        } else {
            bytes += facts.len();
        }
        used = [facts.modified(), facts.accessed()].into_iter().flatten().fold(used, SystemTime::max);
    }
    Ok((bytes, used))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn compiled(root: &Path, name: &str) -> PathBuf {
        let folder = folder_in(root).join(name);
        std::fs::create_dir_all(folder.join("deeper")).unwrap();
        std::fs::write(folder.join("deeper/engine.blob"), [7; 100]).unwrap();
        folder
    }

    #[test]
    fn only_what_is_named_so_is_counted_and_removed() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(survey(root.path()).unwrap(), Compiled::default());
        let ours = compiled(root.path(), "0123456789abcdef-tensorrt-1.24.1-518x518");
        let foreign = [compiled(root.path(), "holiday-pictures"), compiled(root.path(), "0123456789abcdef")];
        assert_eq!(survey(root.path()).unwrap(), Compiled { models: 1, bytes: 100 });
        assert_eq!(collect(root.path(), DAY, SystemTime::now()).unwrap(), Compiled::default());
        assert!(ours.is_dir());
        assert_eq!(collect(root.path(), DAY, SystemTime::now() + 2 * DAY).unwrap(), Compiled { models: 1, bytes: 100 });
        assert!(!ours.exists() && foreign.iter().all(|folder| folder.join("deeper/engine.blob").is_file()));
    }

    #[test]
    fn a_file_in_its_place_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(folder_in(root.path()), b"not ours").unwrap();
        assert_eq!(survey(root.path()).unwrap(), Compiled::default());
        assert_eq!(collect(root.path(), Duration::ZERO, SystemTime::now()).unwrap(), Compiled::default());
        assert!(folder_in(root.path()).is_file());
    }

    #[test]
    fn clearing_removes_what_was_just_used() {
        let root = tempfile::tempdir().unwrap();
        compiled(root.path(), "0123456789abcdef-openvino-1.24.1-256x192");
        collect(root.path(), Duration::ZERO, SystemTime::now()).unwrap();
        assert!(!folder_in(root.path()).exists());
    }
}
