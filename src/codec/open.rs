//! Which codec a file needs, by its content.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::{Format, Limits, Sink, SinkSpec, Source, exr, png, tiff};
use crate::error::{Error, Result};

/// Opens a picture of any format Chiaro reads; its name does not matter.
///
/// # Errors
/// `Unsupported` when the content is no known picture, `Input` for an empty or unreadable file, and those of the codec.
pub fn open(path: &Path, limits: &Limits) -> Result<Box<dyn Source>> {
    let mut head = Vec::with_capacity(16);
    let file = File::open(path).map_err(|e| Error::input(path, e))?;
    file.take(16).read_to_end(&mut head).map_err(|e| Error::input(path, e))?;
    if head.is_empty() {
        return Err(Error::input(path, "the file is empty"));
    }
    match Format::sniff(&head) {
        Some(Format::Tiff) => tiff::open(path, limits),
        Some(Format::Png) => png::open(path, limits),
        Some(Format::Exr) => exr::open(path, limits),
        None => Err(Error::unsupported(path, "not a picture format Chiaro reads (TIFF, PNG, EXR)")),
    }
}

/// Starts a picture of `format` in the empty `file`; `path` names it in errors.
///
/// # Errors
/// Those of the codec.
pub fn create(format: Format, file: File, path: &Path, spec: SinkSpec) -> Result<Box<dyn Sink>> {
    match format {
        Format::Tiff => tiff::create(file, path, spec),
        Format::Png => png::create(file, path, spec),
        Format::Exr => exr::create(file, path, spec),
    }
}
