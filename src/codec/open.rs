//! Which codec a file needs, by its content.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::{Format, Limits, Sink, SinkSpec, Source, exr, hdr, jpeg, png, pnm, tiff, webp};
use crate::error::{Error, Result};
use crate::picture::{READ_FORMATS, foreign};

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
        Some(Format::Jpeg) => jpeg::open(path, limits),
        Some(Format::Webp) => webp::open(path, limits),
        Some(Format::Pnm | Format::Pfm) => pnm::open(path, limits),
        Some(Format::Hdr) => hdr::open(path, limits),
        Some(Format::Jxl) => open_jxl(path, limits),
        None => Err(not_read(path, &head)),
    }
}

#[cfg(feature = "jxl")]
fn open_jxl(path: &Path, limits: &Limits) -> Result<Box<dyn Source>> {
    super::jxl::open(path, limits)
}

#[cfg(not(feature = "jxl"))]
fn open_jxl(path: &Path, _limits: &Limits) -> Result<Box<dyn Source>> {
    let what = "a JPEG XL picture, which this program was built without (feature jxl): convert it to a 16-bit TIFF or PNG first";
    Err(Error::unsupported(path, what))
}

/// The error for content that is no picture of a format Chiaro reads; `head` are its first 16 bytes.
pub fn not_read(path: &Path, head: &[u8]) -> Error {
    match foreign(head) {
        Some(advice) => Error::unsupported(path, format!("this is {advice}")),
        None => {
            Error::unsupported(path, format!("not a picture format Chiaro reads ({READ_FORMATS}); convert it first"))
        }
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
        Format::Jpeg => jpeg::create(file, path, spec),
        Format::Webp => webp::create(file, path, spec),
        other => Err(Error::unsupported(path, format!("{} files are read, not written", other.name()))),
    }
}
