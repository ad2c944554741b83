//! Bytes of an input file: mapped where that is safe and worth it, else read by position.
//!
//! All reading happens on the calling thread. A file that becomes shorter or is written to while it is read fails
//! the picture ([`FileBytes::check_intact`]): a mixture of two contents must never get a right name.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::mapping::Mapping;
use crate::error::{Error, Result};
use crate::picture::Lent;
use crate::picture::exif::{ReadAt, beyond};

/// An opened regular file of known length.
#[derive(Debug)]
pub struct FileBytes {
    file: File,
    path: PathBuf,
    length: u64,
    modified: Option<SystemTime>,
    mapping: Option<Arc<Mapping>>,
}

/// A range of a mapped file in use as samples; given back when nobody uses it any more.
#[derive(Debug)]
struct MappedRows {
    mapping: Arc<Mapping>,
    offset: u64,
    length: usize,
}

impl Lent for MappedRows {
    fn bytes(&self) -> &[u8] {
        self.mapping.bytes(self.offset, self.length).unwrap_or(&[])
    }
}

impl Drop for MappedRows {
    fn drop(&mut self) {
        self.mapping.release(self.offset, self.length);
    }
}

impl FileBytes {
    /// Opens a regular file; maps it from `map_from` bytes on (see [`super::mapping`]).
    ///
    /// # Errors
    /// `Input` when it cannot be opened or is no regular file.
    pub fn open(path: &Path, map_from: u64) -> Result<Self> {
        // Asked before opening: opening a FIFO would wait for its writer.
        let facts = std::fs::metadata(path).map_err(|e| Error::input(path, format!("cannot be opened: {e}")))?;
        if !facts.is_file() {
            return Err(Error::input(path, "is not a regular file"));
        }
        let file = File::open(path).map_err(|e| Error::input(path, format!("cannot be opened: {e}")))?;
        let facts = file.metadata().map_err(|e| Error::input(path, format!("cannot be read: {e}")))?;
        let mapping = Mapping::of(&file, facts.len(), map_from).map(Arc::new);
        Ok(Self { file, path: path.to_owned(), length: facts.len(), modified: facts.modified().ok(), mapping })
    }

    /// The file's path, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Length in bytes when it was opened.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// True when the file is mapped.
    pub fn is_mapped(&self) -> bool {
        self.mapping.is_some()
    }

    /// A range of a mapped file, with its pages brought in; `None` when the file is not mapped or the range lies beyond its end.
    pub fn mapped(&self, offset: u64, length: usize) -> Option<&[u8]> {
        let mapping = self.mapping.as_ref()?;
        mapping.touch(offset, length);
        mapping.bytes(offset, length)
    }

    /// A range of a mapped file to be used as samples where it lies, with its pages brought in; `None` as for [`FileBytes::mapped`].
    pub fn lend(&self, offset: u64, length: usize) -> Option<Arc<dyn Lent>> {
        self.mapped(offset, length)?;
        let mapping = self.mapping.clone()?;
        Some(Arc::new(MappedRows { mapping, offset, length }))
    }

    /// Gives a range of a mapped file back that has been passed.
    pub fn release(&self, offset: u64, length: usize) {
        if let Some(mapping) = &self.mapping {
            mapping.release(offset, length);
        }
    }

    /// Fills `into` from `offset` on.
    ///
    /// # Errors
    /// `Input` when the bytes are not there, or no longer.
    pub fn read(&self, offset: u64, into: &mut [u8]) -> Result<()> {
        self.read_at(offset, into).map_err(|reason| Error::input(&self.path, reason))
    }

    /// Fails when the file has changed since it was opened.
    ///
    /// # Errors
    /// `Input`: it was cut, grew, or was written to.
    pub fn check_intact(&self) -> Result<()> {
        let cut = self.mapping.as_ref().is_some_and(|mapping| mapping.was_cut());
        let same =
            self.file.metadata().is_ok_and(|now| now.len() == self.length && now.modified().ok() == self.modified);
        if cut || !same {
            return Err(Error::input(&self.path, "the file was changed by another program while it was read"));
        }
        Ok(())
    }
}

impl ReadAt for FileBytes {
    fn size(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> std::result::Result<(), String> {
        let length = into.len() as u64;
        if offset.checked_add(length).is_none_or(|end| end > self.length) {
            return Err(beyond(offset, length, self.length));
        }
        if let Some(bytes) = self.mapping.as_ref().and_then(|mapping| mapping.bytes(offset, into.len())) {
            into.copy_from_slice(bytes);
            return Ok(());
        }
        read_exact_at(&self.file, offset, into).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => "the file became shorter while it was read".to_owned(),
            _ => format!("{length} bytes at offset {offset} cannot be read: {error}"),
        })
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, offset: u64, into: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, into, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut offset: u64, mut into: &mut [u8]) -> io::Result<()> {
    use std::os::windows::fs::FileExt;
    while !into.is_empty() {
        match file.seek_read(into, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                into = &mut into[count..];
                offset += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_shrinks_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bin");
        std::fs::write(&path, [5; 1000]).unwrap();
        let bytes = FileBytes::open(&path, u64::MAX).unwrap();
        let mut into = [0; 10];
        bytes.read(990, &mut into).unwrap();
        bytes.check_intact().unwrap();
        assert!(bytes.read(991, &mut into).unwrap_err().to_string().contains("beyond the end"));
        File::options().write(true).open(&path).unwrap().set_len(500).unwrap();
        assert!(bytes.read(990, &mut into).unwrap_err().to_string().contains("shorter"));
        assert!(bytes.check_intact().unwrap_err().to_string().contains("changed"));
    }

    #[test]
    fn folders_are_no_files() {
        let folder = tempfile::tempdir().unwrap();
        assert!(FileBytes::open(folder.path(), u64::MAX).unwrap_err().to_string().contains("regular"));
        assert!(
            FileBytes::open(&folder.path().join("none"), u64::MAX)
                .unwrap_err()
                .to_string()
                .contains("cannot be opened")
        );
    }
}
