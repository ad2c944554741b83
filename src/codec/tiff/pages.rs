//! The pages of a file: full-size pictures, without reduced copies and masks.

use super::header::Tags;
use super::meta;
use crate::codec::Limits;
use crate::codec::bytes::FileBytes;
use crate::error::{Error, Result};
use crate::picture::exif::{Directory, Header};

/// Directories that are looked at at most.
const MOST_DIRECTORIES: usize = 4096;

/// Where the directories of a file lie.
pub(super) struct Pages {
    /// Offsets of the directories of full-size pictures, in order. The first directory counts whatever it says.
    pub(super) offsets: Vec<u64>,
    /// Why the list may end early.
    pub(super) cut: Option<&'static str>,
}

/// Follows the chain of directories.
///
/// # Errors
/// `Input` when the first one cannot be read.
pub(super) fn list(file: &FileBytes, header: &Header, limits: &Limits) -> Result<Pages> {
    let first = Directory::read(file, header, header.first).map_err(|reason| Error::input(file.path(), reason))?;
    let mut pages = Pages { offsets: vec![header.first], cut: None };
    let (mut seen, mut next) = (vec![header.first], first.next);
    while next != 0 && !seen.contains(&next) {
        if seen.len() == MOST_DIRECTORIES {
            pages.cut = Some("the file has more pages than are looked at (4096 directories)");
            break;
        }
        seen.push(next);
        let Ok(directory) = Directory::read(file, header, next) else {
            pages.cut = Some("a later page cannot be read; only those before it are used");
            break;
        };
        if !meta::is_reduced(&Tags { file, header, directory: &directory, limits }) {
            pages.offsets.push(next);
        }
        next = directory.next;
    }
    Ok(pages)
}
