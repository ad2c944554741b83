//! What a run will need that no plan knows: room on disk, and time.
//!
//! Time is not computed from megapixels: a machine, a disk and a recipe make that a guess. It is read off the journal of the last run
//! of the same recipe into the same folder; without one it is unknown until the first pictures are done.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::identity::Digest;
use super::journal::{Body, FOLDER, Record};
use crate::recipe::Recipe;

/// Longest journal line that is looked at; longer ones are skipped.
const LINE_BYTES: u64 = 1 << 20;

/// How fast an earlier run was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// Pictures it put in place.
    pub pictures: u64,
    /// Wall seconds from its start to its last picture.
    pub seconds: f64,
}

impl Pace {
    /// Wall seconds for `pictures` of the same kind.
    pub fn seconds_for(&self, pictures: u64) -> f64 {
        self.seconds * pictures as f64 / self.pictures.max(1) as f64
    }
}

/// The pace of the latest run of `recipe` into `out` that put a picture in place. `None` without one, and when the journals cannot be
/// read: an estimate is no reason to fail.
pub fn last_pace(out: &Path, recipe: &Recipe) -> Option<Pace> {
    let wanted = Digest::of(recipe.hash.as_bytes());
    let entries = fs::read_dir(out.join(FOLDER)).ok()?;
    let journals = entries.filter_map(|e| Some(e.ok()?.path())).filter(|p| p.extension().is_some_and(|e| e == "jsonl"));
    journals.filter_map(|journal| pace_of(&journal, &wanted)).max_by_key(|(at, _)| *at).map(|(_, pace)| pace)
}

/// When the last run of a journal began, and its pace.
fn pace_of(journal: &Path, wanted: &Digest) -> Option<(u64, Pace)> {
    let mut reader = BufReader::new(File::open(journal).ok()?);
    let mut found: Option<(u64, u64, u64)> = None;
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = reader.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line).ok()?;
        if length == 0 {
            break;
        }
        if length as u64 == LINE_BYTES {
            reader.skip_until(b'\n').ok()?;
            continue;
        }
        match serde_json::from_slice::<Record>(&line) {
            Ok(Record { at, body: Body::Run(info) }) => {
                found = (info.recipe_hash == *wanted).then_some((at, at, 0));
            }
            Ok(Record { at, body: Body::Done { .. } }) => {
                found = found.map(|(start, _, pictures)| (start, at, pictures + 1));
            }
            // Lines of other kinds, and those that are damaged, say nothing about time.
            _ => {}
        }
    }
    let (start, end, pictures) = found.filter(|(_, _, pictures)| *pictures > 0)?;
    Some((start, Pace { pictures, seconds: end.saturating_sub(start) as f64 / 1e9 }))
}

/// Free bytes for this user on the file system that holds `path`, or would hold it: its nearest folder that exists. `None` where the
/// system does not say.
pub fn free_bytes(path: &Path) -> Option<u64> {
    let absolute = std::path::absolute(path).ok()?;
    free_in(absolute.ancestors().find(|folder| folder.is_dir())?.to_owned())
}

#[cfg(unix)]
fn free_in(folder: PathBuf) -> Option<u64> {
    use std::os::unix::ffi::OsStrExt;
    let name = std::ffi::CString::new(folder.as_os_str().as_bytes()).ok()?;
    let mut facts = std::mem::MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: statvfs(3) reads the NUL-terminated name and writes one `statvfs` to the pointer, both of which outlive the call.
    let status = unsafe { libc::statvfs(name.as_ptr(), facts.as_mut_ptr()) };
    if status != 0 {
        return None;
    }
    // SAFETY: the call succeeded, so it filled the structure.
    let facts = unsafe { facts.assume_init() };
    #[allow(
        clippy::unnecessary_cast,
        clippy::useless_conversion,
        reason = "the widths of these fields differ between systems"
    )]
    Some(u64::from(facts.f_bavail as u64).saturating_mul(facts.f_frsize as u64))
}

#[cfg(not(unix))]
fn free_in(_folder: PathBuf) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_that_of_the_last_run_of_the_recipe() {
        let out = tempfile::tempdir().unwrap();
        let recipe = Recipe::empty("look");
        assert_eq!(last_pace(out.path(), &recipe), None);
        let folder = out.path().join(FOLDER);
        fs::create_dir(&folder).unwrap();
        let run = |at: u64, hash: &str| {
            let info = super::super::journal::RunInfo::new("look", Digest::of(hash.as_bytes()), "cpu");
            serde_json::to_string(&Record { at, body: Body::Run(info) }).unwrap()
        };
        let done = |at: u64| {
            let digest = "ab".repeat(32);
            format!(
                r#"{{"at":{at},"kind":"done","job":"a","identity":{{"digest":"{digest}","arithmetic":"cpu"}},"outputs":[]}}"#
            )
        };
        let second = 1_000_000_000;
        let first = [run(0, &recipe.hash), done(9 * second), "damaged".to_owned(), done(12 * second)].join("\n");
        let other = [run(50 * second, "other"), done(51 * second)].join("\n");
        let idle = run(60 * second, &recipe.hash);
        for (name, text) in [("journal-1-1", first), ("journal-2-1", other), ("journal-3-1", idle)] {
            fs::write(folder.join(format!("{name}.jsonl")), text + "\n").unwrap();
        }
        let pace = last_pace(out.path(), &recipe).unwrap();
        assert_eq!(pace, Pace { pictures: 2, seconds: 12.0 });
        assert_eq!(pace.seconds_for(10), 60.0);
    }

    #[cfg(unix)]
    #[test]
    fn room_is_that_of_the_nearest_folder_that_exists() {
        let folder = tempfile::tempdir().unwrap();
        assert!(free_bytes(folder.path()).is_some_and(|free| free > 0));
        assert!(free_bytes(&folder.path().join("not/yet/there")).is_some());
    }
}
