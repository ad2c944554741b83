//! Walking: from what a user names to the list of inputs, before any work starts.
//!
//! | argument | meaning |
//! |---|---|
//! | a file | that file, *explicit* |
//! | a folder | every file below it, links not followed |
//! | `*`, `?`, `[..]`, `{..}`, `**` | the files that match; what a shell did not expand (always a file first, if one has this very name) |
//! | `name_%04d.tif` | a numbered **sequence**: one item |
//! | `@list.txt`, `-` | one path a line (or separated by NUL) from a file or standard input, relative to the current folder, taken literally: files, folders, sequences |
//!
//! A file called `-` or `@x` is named `./-` or `./@x`. Inside folders, names that begin with a dot (so `._*` of macOS as
//! well) and the output folder are left out; what is named stays in. Arguments keep their order; below each, the order is depth first and
//! bytewise by name, so two machines agree. A file named twice is one item. Names need not be text. A [`Filter`] chooses among what folders
//! and wildcards hold.

mod filter;
mod glob;
mod list;
mod sequence;

pub use filter::Filter;
pub use sequence::Sequence;

use crate::error::{Error, Result};
use glob::{GlobParts, has_wildcard};
use list::read_list;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// An input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The file, as reached from what was named; of a sequence, its pattern.
    pub path: PathBuf,
    /// Relative to the folder that was named; of a glob, to the part before its first wildcard; of a file named itself, its file name.
    pub relpath: PathBuf,
    /// Named itself, so that it must be a picture: a file, a list's line, a glob whose last part is more than wildcards, a sequence.
    pub explicit: bool,
    /// The frames, if `path` is a pattern.
    pub sequence: Option<Box<Sequence>>,
}

/// Finds all inputs that `arguments` name. `out` is the output folder, left out where it lies below a folder named; it is not left out
/// where it *is* that folder. `stdin` is read only for `-`.
///
/// Each item is an input, or the error of a name that leads nowhere or a folder that cannot be listed ([`Error::Input`]): one bad name
/// never hides the others.
pub fn walk(arguments: &[OsString], out: Option<&Path>, stdin: &mut dyn Read) -> Vec<Result<Found>> {
    walk_with(arguments, out, &WalkOptions::default(), stdin)
}

/// What of all that is named is taken, and how lists are read.
#[derive(Debug, Clone, Default)]
pub struct WalkOptions {
    /// Which files of folders and wildcards are taken.
    pub filter: Filter,
    /// Paths of lists are separated by NUL, whatever they look like.
    pub null: bool,
}

/// As [`walk`], with a filter.
pub fn walk_with(
    arguments: &[OsString],
    out: Option<&Path>,
    options: &WalkOptions,
    stdin: &mut dyn Read,
) -> Vec<Result<Found>> {
    let out = out.and_then(|out| fs::canonicalize(out).ok());
    let mut walker = Walker { options, out, items: Vec::new(), seen: HashMap::new() };
    for argument in arguments {
        walker.argument(argument, stdin);
    }
    walker.items
}

struct Walker<'a> {
    options: &'a WalkOptions,
    /// Real path of the output folder.
    out: Option<PathBuf>,
    items: Vec<Result<Found>>,
    /// Hash of each real path to the index of its item. A hash of 128 bits instead of the path keeps a walk of millions small.
    seen: HashMap<u128, usize>,
}

impl Walker<'_> {
    fn argument(&mut self, argument: &OsStr, stdin: &mut dyn Read) {
        if argument == "-" {
            self.list(argument, Path::new("standard input"), stdin);
        } else if let Some(list) = strip_at(argument) {
            match fs::File::open(&list) {
                Ok(mut file) => self.list(argument, &list, &mut file),
                Err(e) => self.items.push(Err(Error::input(list, format!("cannot open the list: {e}")))),
            }
        } else if Path::new(argument).symlink_metadata().is_err() && has_wildcard(argument) {
            self.glob(argument);
        } else {
            self.name(Path::new(argument));
        }
    }

    /// A file, folder or sequence.
    fn name(&mut self, path: &Path) {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => self.folder(path),
            Ok(metadata) if metadata.is_file() => self.file(path),
            Ok(_) => self.items.push(Err(Error::input(path, "neither a file nor a folder"))),
            Err(e) => match Sequence::find(path) {
                Some(found) => self.sequence(path, found),
                None => self.items.push(Err(Error::input(path, e))),
            },
        }
    }

    fn file(&mut self, path: &Path) {
        let name = path.file_name().unwrap_or(path.as_os_str());
        let found = Found { path: path.to_owned(), relpath: name.into(), explicit: true, sequence: None };
        self.add(&real_path(path), found);
    }

    fn sequence(&mut self, path: &Path, found: io::Result<Sequence>) {
        match found {
            Ok(sequence) if sequence.is_empty() => {
                self.items.push(Err(Error::input(path, "no file matches this sequence")));
            }
            Ok(sequence) => {
                let relpath = path.file_name().unwrap_or_default().into();
                let sequence = Some(Box::new(sequence));
                self.add(&real_path(path), Found { path: path.to_owned(), relpath, explicit: true, sequence });
            }
            Err(e) => self.items.push(Err(Error::input(path, format!("cannot list its folder: {e}")))),
        }
    }

    fn folder(&mut self, root: &Path) {
        let options = self.options;
        let entries = entries(root, self.out.clone(), |folder, _| options.filter.enters(folder));
        self.take(root, entries, |_| Some(false));
    }

    fn glob(&mut self, pattern: &OsStr) {
        let parts = match GlobParts::new(pattern) {
            Ok(parts) => parts,
            Err(e) => return self.items.push(Err(e)),
        };
        if !parts.base.is_dir() {
            return self.items.push(Err(Error::input(pattern, "no file matches: its folder does not exist")));
        }
        let before = self.items.len();
        let options = self.options;
        let enter = |folder: &Path, depth| options.filter.enters(folder) && parts.may_lead_to_a_match(folder, depth);
        let entries = entries(&parts.base, self.out.clone(), enter);
        let duplicates = self.take(&parts.base, entries, |relative| parts.accepts(relative));
        if self.items.len() == before && duplicates == 0 {
            self.items.push(Err(Error::input(pattern, "no file matches")));
        }
    }

    /// Takes the files that `accept` wants (with their path relative to `root`; it says whether they are explicit); returns how many
    /// of them were known already.
    fn take(
        &mut self,
        root: &Path,
        entries: impl Iterator<Item = walkdir::Result<DirEntry>>,
        accept: impl Fn(&Path) -> Option<bool>,
    ) -> usize {
        let real = real_path(root);
        let mut duplicates = 0;
        for entry in entries {
            match entry {
                Ok(entry) if entry.file_type().is_file() => {
                    let relpath = entry.path().strip_prefix(root).unwrap_or(entry.path()).to_owned();
                    let Some(explicit) = accept(&relpath).filter(|_| self.options.filter.takes(&relpath)) else {
                        continue;
                    };
                    let real = real.join(&relpath);
                    let found = Found { path: entry.into_path(), relpath, explicit, sequence: None };
                    duplicates += usize::from(!self.add(&real, found));
                }
                Ok(_) => {}
                Err(e) => self.items.push(Err(walk_error(root, &e))),
            }
        }
        duplicates
    }

    /// Adds an item unless its file is there already; explicit once is explicit for all.
    fn add(&mut self, real: &Path, found: Found) -> bool {
        let hash = *blake3::hash(real.as_os_str().as_encoded_bytes()).as_bytes();
        let key = u128::from_le_bytes(std::array::from_fn(|i| hash[i]));
        let index = *self.seen.entry(key).or_insert(self.items.len());
        match self.items.get_mut(index) {
            Some(Ok(known)) => {
                known.explicit |= found.explicit;
                false
            }
            _ => {
                self.items.push(Ok(found));
                true
            }
        }
    }

    fn list(&mut self, argument: &OsStr, name: &Path, reader: &mut dyn Read) {
        let mut reader = BufReader::new(reader);
        let ended = read_list(&mut reader, self.options.null, |line| match path_from_bytes(line) {
            Some(path) => self.name(&path),
            None => self.items.push(Err(Error::input(name, "a line is not valid UTF-8"))),
        });
        match ended {
            // Under the argument itself: no file has that name, so it is told like a name that leads nowhere.
            Ok(0) => self.items.push(Err(Error::input(argument, "the list names no file"))),
            Ok(_) => {}
            Err(e) => self.items.push(Err(Error::input(name, format!("cannot read the list: {e}")))),
        }
    }
}

/// What lies below `root`, without the folder `out`, entering only folders that `enter` wants (by their path relative to `root`, and their depth).
fn entries(
    root: &Path,
    out: Option<PathBuf>,
    enter: impl Fn(&Path, usize) -> bool,
) -> impl Iterator<Item = walkdir::Result<DirEntry>> {
    let real = real_path(root);
    let base = root.to_owned();
    let keep = move |entry: &DirEntry| {
        let relative = entry.path().strip_prefix(&base).unwrap_or(entry.path());
        // Links are not followed, so joining gives the real path.
        let is_out = || out.as_ref().is_some_and(|out| *out == real.join(relative));
        entry.depth() == 0
            || !is_hidden(entry.file_name())
                && (!entry.file_type().is_dir() || !is_out() && enter(relative, entry.depth()))
    };
    WalkDir::new(root).sort_by(|a, b| a.file_name().cmp(b.file_name())).into_iter().filter_entry(keep)
}

#[cfg(unix)]
fn path_from_bytes(bytes: &[u8]) -> Option<PathBuf> {
    Some(std::os::unix::ffi::OsStringExt::from_vec(bytes.to_vec())).map(|name: OsString| name.into())
}

#[cfg(not(unix))]
fn path_from_bytes(bytes: &[u8]) -> Option<PathBuf> {
    std::str::from_utf8(bytes).ok().map(PathBuf::from)
}

/// `list.txt` of `@list.txt`.
fn strip_at(argument: &OsStr) -> Option<PathBuf> {
    path_from_bytes(argument.as_encoded_bytes().strip_prefix(b"@")?)
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().first() == Some(&b'.')
}

/// The real path of the folder of `path`, and its last name as it stands: two links to a file are two names on purpose.
fn real_path(path: &Path) -> PathBuf {
    let Some(name) = path.file_name().filter(|_| !path.is_dir()) else {
        return fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned()).join(name)
}

fn walk_error(root: &Path, error: &walkdir::Error) -> Error {
    let path = error.path().unwrap_or(root);
    match error.io_error() {
        Some(e) => Error::input(path, format!("cannot list it: {e}")),
        None => Error::input(path, error),
    }
}

#[cfg(test)]
mod tests;
