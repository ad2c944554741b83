//! Graphs that ONNX Runtime has optimized for this machine's processor, kept in a folder so that the next session need not optimize again.
//!
//! The folder is for one model, one version of the library and one processor (`Provider::compiled_name`). A file in it is named by the
//! BLAKE3 hash of its content: the checksum cannot be separated from what it is of, and what was torn, damaged or written halfway does not
//! bear its own name. Such a file is removed, and the graph is optimized as if there were none. Processes may share the folder: a graph appears
//! whole under its name by rename, and nobody ever changes one.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use super::onnx_header::OnnxHeader;

/// End of the names of graphs.
const GRAPH: &str = "onnx";
/// End of the names of graphs that are being written.
const UNFINISHED: &str = "unfinished";
/// Larger graphs are not kept: reading them twice costs what optimizing them does.
pub(super) const MAX_BYTES: u64 = 512 << 20;
/// An unfinished graph of this age was left by a process that died.
const ABANDONED: Duration = Duration::from_secs(3600);

/// A stored graph whose content is what its name says.
pub(super) fn find(folder: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?;
    let mut graphs: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| is_graph(path)).collect();
    graphs.sort();
    graphs.into_iter().find(|graph| {
        // One that cannot be read now may be whole.
        let Some(hash) = hash(graph) else { return false };
        let whole = graph.file_stem().is_some_and(|stem| stem == hash.as_str());
        if !whole {
            discard(graph);
        }
        whole
    })
}

/// Removes a graph that is of no use. Where that cannot be done it is only looked at again the next time.
pub(super) fn discard(graph: &Path) {
    let _ = std::fs::remove_file(graph);
}

/// A file of its own, not a link to another, and named as ours are.
fn is_graph(path: &Path) -> bool {
    let digits = |stem: &str| stem.len() == 64 && stem.bytes().all(|b| b.is_ascii_hexdigit());
    path.extension().is_some_and(|end| end == GRAPH)
        && path.file_stem().and_then(|stem| stem.to_str()).is_some_and(digits)
        && path.symlink_metadata().is_ok_and(|facts| facts.is_file())
}

/// The hash of a file in hexadecimal, read piece by piece: a graph may have gigabytes.
fn hash(path: &Path) -> Option<String> {
    let mut file = std::fs::File::open(path).ok()?;
    let (mut hasher, mut piece) = (blake3::Hasher::new(), vec![0; 1 << 18]);
    loop {
        match file.read(&mut piece).ok()? {
            0 => return Some(hasher.finalize().to_hex().to_string()),
            length => hasher.update(piece.get(..length)?),
        };
    }
}

/// A graph that is being written. Unless it is [kept](Self::keep), its file is removed.
pub(super) struct Unfinished(PathBuf);

impl Unfinished {
    /// A place for a graph in `folder`, made if need be; `None` where it cannot be made.
    pub(super) fn begin(folder: &Path) -> Option<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        std::fs::create_dir_all(folder).ok()?;
        sweep(folder);
        // Two containers that share the folder may have the same process number.
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Some(Self(folder.join(format!("{}-{now}-{number}.{UNFINISHED}", std::process::id()))))
    }

    /// Where the graph is to be written.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Gives what was written its name; whether that succeeded. A graph that needs other files (weights outside) is not kept: it would not find
    /// them from here.
    pub(super) fn keep(self) -> bool {
        let kept = || {
            self.0.metadata().ok().filter(|facts| facts.len() <= MAX_BYTES)?;
            OnnxHeader::parse(&std::fs::read(&self.0).ok()?).ok().filter(|header| header.external_files.is_empty())?;
            std::fs::rename(&self.0, self.0.with_file_name(format!("{}.{GRAPH}", hash(&self.0)?))).ok()
        };
        kept().is_some()
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Renamed, or never written: then there is nothing to remove.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Removes what processes that died have left of graphs.
pub fn sweep(folder: &Path) {
    for path in std::fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())) {
        let age = || SystemTime::now().duration_since(path.metadata().ok()?.modified().ok()?).ok();
        if path.extension().is_some_and(|end| end == UNFINISHED) && age().is_some_and(|age| age > ABANDONED) {
            let _ = std::fs::remove_file(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::depth::onnx_header::tests::model;

    fn files(folder: &Path) -> Vec<PathBuf> {
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    fn store(folder: &Path, content: &[u8]) -> bool {
        let unfinished = Unfinished::begin(folder).unwrap();
        std::fs::write(unfinished.path(), content).unwrap();
        unfinished.keep()
    }

    fn graph() -> Vec<u8> {
        model(&[("x", &[1, 3, 4, 4])], None, &[])
    }

    #[test]
    fn a_graph_is_found_under_its_own_hash() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("made/when/needed");
        assert_eq!(find(&folder), None);
        assert!(store(&folder, &graph()) && store(&folder, &graph()));
        let found = find(&folder).unwrap();
        assert_eq!(std::fs::read(&found).unwrap(), graph());
        assert_eq!(files(&folder), [found]);
    }

    #[test]
    fn a_damaged_graph_is_none_and_goes() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        for damage in [|bytes: &mut Vec<u8>| bytes.truncate(20), |bytes: &mut Vec<u8>| bytes[20] ^= 1, Vec::clear] {
            assert!(store(folder, &graph()));
            let found = find(folder).unwrap();
            let mut bytes = graph();
            damage(&mut bytes);
            std::fs::write(&found, bytes).unwrap();
            assert_eq!(find(folder), None);
            assert!(!found.exists());
        }
        // What is not named as ours is neither used nor touched.
        std::fs::write(folder.join("holiday.onnx"), graph()).unwrap();
        assert_eq!(find(folder), None);
        assert!(folder.join("holiday.onnx").exists());
    }

    #[test]
    fn what_cannot_be_loaded_from_here_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!store(folder.path(), b"half a gra"));
        drop(Unfinished::begin(folder.path()).unwrap());
        let given_up = Unfinished::begin(folder.path()).unwrap();
        std::fs::write(given_up.path(), b"the session did not start").unwrap();
        drop(given_up);
        assert_eq!(files(folder.path()), Vec::<PathBuf>::new());
        std::fs::write(folder.path().join("taken"), b"").unwrap();
        assert!(Unfinished::begin(&folder.path().join("taken/below")).is_none());
    }

    #[test]
    fn leftovers_of_the_dead_are_swept() {
        let folder = tempfile::tempdir().unwrap();
        let [old, new] = ["1-0", "2-0"].map(|name| folder.path().join(format!("{name}.{UNFINISHED}")));
        for path in [&old, &new] {
            std::fs::write(path, b"half").unwrap();
        }
        let file = std::fs::File::options().write(true).open(&old).unwrap();
        file.set_modified(SystemTime::now() - 2 * ABANDONED).unwrap();
        sweep(folder.path());
        assert!(!old.exists() && new.exists());
    }
}
