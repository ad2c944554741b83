//! Which codec a file needs, by its content.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::{Format, Limits, Sink, SinkSpec, Source, array, exr, hdr, icc_source, jpeg, npy, png, pnm, tiff, webp};
use crate::error::{Error, Result};
use crate::picture::{READ_FORMATS, foreign};
use crate::recipe::Recipe;

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
        Some(Format::Npy) | None => Err(not_read(path, &head)),
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

/// Opens page `page` of a picture, counted from 0; formats without pages have one.
///
/// # Errors
/// As [`open`]; `Input` when there is no such page.
pub fn open_page(path: &Path, limits: &Limits, page: u32) -> Result<Box<dyn Source>> {
    if is_tiff(path) {
        return tiff::open_page(path, limits, page);
    }
    match page {
        0 => open(path, limits),
        _ => Err(Error::input(path, format!("page {} was asked for, the format has one", u64::from(page) + 1))),
    }
}

/// Opens a depth map: a picture of any format Chiaro reads, or a NumPy array. Of an EXR file only the depth is read: `channel`, or its depth channel,
/// beside color or alone.
///
/// # Errors
/// As [`open`]; `Unsupported` for an EXR file without this channel.
pub fn open_map(path: &Path, limits: &Limits, channel: Option<&str>) -> Result<Box<dyn Source>> {
    let mut head = Vec::with_capacity(8);
    let file = File::open(path).map_err(|e| Error::input(path, e))?;
    file.take(8).read_to_end(&mut head).map_err(|e| Error::input(path, e))?;
    if head.starts_with(npy::SIGNATURE) {
        return npy::open(path, limits);
    }
    match Format::sniff(&head) {
        Some(Format::Exr) => exr::open_map(path, limits, channel),
        _ => open(path, limits),
    }
}

/// How many pages [`open_page`] knows: full-size pictures, without reduced copies and masks. 1 for files that are no TIFF.
///
/// # Errors
/// `Input` when a TIFF file's first directory cannot be read.
pub fn page_count(path: &Path, limits: &Limits) -> Result<u32> {
    if is_tiff(path) { tiff::page_count(path, limits) } else { Ok(1) }
}

fn is_tiff(path: &Path) -> bool {
    let mut head = Vec::with_capacity(16);
    let read = File::open(path).and_then(|file| file.take(16).read_to_end(&mut head));
    read.is_ok() && Format::sniff(&head) == Some(Format::Tiff)
}

/// Opens a picture as `recipe` sees its colors ([`super::icc_source`]). `page`: a page counted from 0, `None` for the first one with a warning
/// when there are more. `colors_needed`: colors must be known even if the recipe changes nothing.
///
/// # Errors
/// As [`open_page`]; `Unsupported` with advice when colors that must be known are not.
pub fn open_for(
    path: &Path,
    limits: &Limits,
    recipe: &Recipe,
    page: Option<u32>,
    colors_needed: bool,
) -> Result<Box<dyn Source>> {
    let source = match page {
        Some(page) => open_page(path, limits, page)?,
        None => open(path, limits)?,
    };
    icc_source::prepare(source, path, recipe, colors_needed)
}

/// Starts a picture of `format` (PFM and NPY: a gray map of floats) in the empty `file`; `path` names it in errors.
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
        Format::Pfm | Format::Npy => array::create(format, file, path, spec),
        other => Err(Error::unsupported(path, format!("{} files are read, not written", other.name()))),
    }
}
