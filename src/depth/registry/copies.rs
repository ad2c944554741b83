//! Copies of model files in the user's folder: written without harm to what lies there, and deleted only as long as they are what was
//! copied.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::{beside, file_sha256};
use crate::depth::onnx_header::stays_inside;
use crate::error::{Error, Result, escape};
use crate::recipe::models::Listing;

/// The copy of a listed model, as it is before anything is changed.
pub(super) struct OldCopy {
    id: String,
    /// Its files, relative to the folder of the list; the model first.
    files: Vec<PathBuf>,
    /// It is still what was copied.
    pub(super) intact: bool,
}

/// What became of the files of a copy.
#[derive(Default)]
pub(super) struct Gone {
    pub(super) deleted: Vec<PathBuf>,
    pub(super) notes: Vec<String>,
    pub(super) failed: Option<Error>,
}

impl OldCopy {
    /// The copy of `model`, which is read whole.
    pub(super) fn of(model: &Listing, folder: &Path) -> Self {
        let own = Path::new(&model.id);
        let plain = |name: &String| stays_inside(name).is_ok();
        // The list is edited by people: nothing outside the model's own folder is a copy.
        let file = model.file.as_ref().and_then(|file| file.strip_prefix(own).ok()?.to_str().map(str::to_owned));
        let names = file.iter().cloned().chain(model.weights.iter().cloned()).filter(plain);
        let files: Vec<PathBuf> = names.map(|name| own.join(name)).collect();
        let digest = || file_sha256(&folder.join(own.join(file.as_deref()?))).ok();
        let intact = model.sha256.is_some() && digest() == model.sha256;
        Self { id: model.id.clone(), files, intact }
    }

    /// The model's file, relative to the folder of the list.
    pub(super) fn file(&self) -> &Path {
        self.files.first().map_or(Path::new(""), PathBuf::as_path)
    }

    /// Deletes it, but for the files `used` by others and those of the model that takes its place (`new`), and folders that are empty
    /// then. Nothing goes when it is no longer what was copied.
    pub(super) fn delete(self, folder: &Path, used: &[PathBuf], new: &[PathBuf]) -> Gone {
        let mut gone = Gone::default();
        let own = folder.join(&self.id);
        for path in self.files.iter().map(|file| folder.join(file)) {
            let is_new = path.canonicalize().is_ok_and(|path| new.contains(&path));
            if is_new || path.symlink_metadata().is_err() {
                continue;
            }
            if path.canonicalize().is_ok_and(|path| used.contains(&path)) {
                let reason = "another listed model uses it";
                gone.notes.extend(self.intact.then(|| format!("{} stays: {reason}", escape(&path))));
                continue;
            }
            if !self.intact {
                let reason =
                    "it may not be what was copied (the SHA-256 is another now); delete it yourself if it is of no use";
                gone.notes.push(format!("{} stays: {reason}", escape(&path)));
                continue;
            }
            if let Err(error) = std::fs::remove_file(&path) {
                gone.failed = Some(Error::output(&path, format!("cannot delete this copy: {error}")));
                continue;
            }
            // Folders that hold anything else stay.
            for parent in path.ancestors().skip(1).take_while(|parent| parent.starts_with(&own)) {
                let _ = std::fs::remove_dir(parent);
            }
            gone.deleted.push(path);
        }
        gone
    }
}

pub(super) fn create(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)
        .map_err(|e| Error::output(folder, format!("cannot create the folder of models: {e}")))
}

/// Copies file and weights below `folder`, under their own names; returns the file's path relative to it. `None` when the file lies
/// there by itself, not as the `old` copy. Nothing is written unless every place is free, holds the same, or is the old copy's.
pub(super) fn copy(
    file: &Path,
    listing: &Listing,
    folder: &Path,
    old: Option<&OldCopy>,
    used: &[PathBuf],
) -> Result<Option<PathBuf>> {
    let own = Path::new(&listing.id).to_owned();
    // The list is text.
    let to = own.join(file.file_name().and_then(|name| name.to_str()).unwrap_or("model.onnx"));
    let was_copied = |to: &Path| old.is_some_and(|old| old.files.iter().any(|file| same_name(file, to)));
    if folder.join(&to).canonicalize().is_ok_and(|to| to == file) {
        return Ok(was_copied(&to).then_some(to));
    }
    let mut pairs = vec![(file.to_owned(), to.clone())];
    for name in &listing.weights {
        pairs.push((beside(file, name)?, own.join(name)));
    }
    let mut needed = Vec::new();
    for (from, to) in without_duplicates(file, pairs)? {
        let place = folder.join(&to);
        if place.symlink_metadata().is_err() {
            needed.push((from, place));
            continue;
        }
        let real = place.canonicalize().ok();
        if real.as_ref() == Some(&from) || is_same_file(&from, &place) {
            continue;
        }
        let reason = if real.is_some_and(|real| used.contains(&real)) {
            "another file lies there, which another listed model uses: choose another --id, or leave --copy out"
        } else if !was_copied(&to) {
            "another file lies there: move it away, choose another --id, or leave --copy out"
        } else if !old.is_some_and(|old| old.intact) {
            "the copy that lies there has changed since it was made: move it away or delete it, or leave --copy out"
        } else {
            needed.push((from, place));
            continue;
        };
        return Err(Error::input(&place, format!("cannot copy {} here: {reason}", escape(&from))));
    }
    needed.iter().try_for_each(|(from, to)| place(from, to, folder))?;
    Ok(Some(to))
}

/// Copies one file, whole or not at all.
fn place(from: &Path, to: &Path, folder: &Path) -> Result<()> {
    let fail = |error: std::io::Error| Error::output(to, format!("cannot copy {} here: {error}", escape(from)));
    create(to.parent().unwrap_or(folder))?;
    let name = to.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let temporary = to.with_file_name(format!(".{name}.{}.chiaro-tmp", std::process::id()));
    let copied = std::fs::copy(from, &temporary).and_then(|_| std::fs::rename(&temporary, to));
    if copied.is_err() {
        // What is left of it is of no use to anybody.
        let _ = std::fs::remove_file(&temporary);
    }
    copied.map_err(fail)
}

/// Whether two names are the same, `.` in them aside.
fn same_name(a: &Path, b: &Path) -> bool {
    a.components().eq(b.components())
}

/// Whether two files hold the same bytes; what cannot be read does not.
fn is_same_file(a: &Path, b: &Path) -> bool {
    let size = |path: &Path| std::fs::metadata(path).ok().filter(|data| data.is_file()).map(|data| data.len());
    size(a).is_some() && size(a) == size(b) && same_bytes(a, b).unwrap_or(false)
}

fn same_bytes(a: &Path, b: &Path) -> std::io::Result<bool> {
    let [mut a, mut b] = [BufReader::new(std::fs::File::open(a)?), BufReader::new(std::fs::File::open(b)?)];
    loop {
        let (left, right) = (a.fill_buf()?, b.fill_buf()?);
        let count = left.len().min(right.len());
        if count == 0 {
            return Ok(left.is_empty() && right.is_empty());
        }
        if left.get(..count) != right.get(..count) {
            return Ok(false);
        }
        a.consume(count);
        b.consume(count);
    }
}

/// Each copy once. Two files whose copies would have the same name are refused; names that differ in case alone are the same on some file
/// systems.
fn without_duplicates(model: &Path, pairs: Vec<(PathBuf, PathBuf)>) -> Result<Vec<(PathBuf, PathBuf)>> {
    let mut sources: HashMap<String, PathBuf> = HashMap::new();
    let mut kept = Vec::new();
    for (from, to) in pairs {
        let plain: PathBuf = to.components().collect();
        match sources.get(&plain.to_string_lossy().to_lowercase()) {
            Some(other) if *other == from => continue,
            Some(other) => {
                let reason = format!(
                    "its files {} and {} would be one in the copy: rename one of them, or add it without --copy",
                    escape(other),
                    escape(&from)
                );
                return Err(Error::input(model, reason));
            }
            None => sources.insert(plain.to_string_lossy().to_lowercase(), from.clone()),
        };
        kept.push((from, to));
    }
    Ok(kept)
}

/// The files of a model, links resolved.
pub(super) fn files_of(model: &Path, weights: &[String]) -> Vec<PathBuf> {
    let folder = model.parent().unwrap_or(Path::new("."));
    let all = std::iter::once(model.to_owned()).chain(weights.iter().map(|name| folder.join(name)));
    all.filter_map(|file| file.canonicalize().ok()).collect()
}

/// The files of a listed model, links resolved.
pub(super) fn files_of_listing(model: &Listing, folder: &Path) -> Vec<PathBuf> {
    model.file.as_ref().map(|file| files_of(&folder.join(file), &model.weights)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_files_become_one() {
        let pair = |from: &str, to: &str| (PathBuf::from(from), PathBuf::from(to));
        let kept =
            |pairs: &[(PathBuf, PathBuf)]| without_duplicates(Path::new("m"), pairs.to_vec()).map(|kept| kept.len());
        assert_eq!(kept(&[pair("a", "x/a"), pair("a", "x/./a"), pair("b", "x/b")]).unwrap(), 2);
        let error = kept(&[pair("a", "x/model.onnx"), pair("b", "x/Model.onnx")]).unwrap_err().to_string();
        assert!(error.contains("would be one"), "{error}");
    }
}
