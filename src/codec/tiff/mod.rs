//! TIFF 6.0 and BigTIFF: reading by strips, tiles and planes, writing in strips.
//!
//! Directories, chunk tables, predictors and byte order are read and written here; LZW too; only inflating and Zstandard
//! come from crates. The calling thread reads and writes; the pool decompresses and compresses chunks in parallel. What is written depends on the
//! samples alone, not on the number of threads or how strips arrive.

mod beside;
mod compress;
mod decompress;
mod header;
mod lzw;
mod lzw_encode;
mod meta;
mod pages;
mod predictor;
mod read;
mod samples;
mod sums;
mod tags;
mod write;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use super::bytes::FileBytes;
use super::mapping::MAP_FROM_BYTES;
use super::{Compression, Limits, Sink, SinkSpec, Source};
use crate::error::{Error, Result};
use crate::picture::exif::{Directory, Header};
use crate::picture::{Access, PictureInfo};
use header::{Codec, Tags};

/// Chunks above this many decoded bytes make a picture one that is read whole.
const LARGE_CHUNK_BYTES: u64 = 64 << 20;

/// Cargo from a TIFF source to a TIFF sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TiffExtras {
    /// What [`Compression::Input`] means.
    pub(crate) compression: Compression,
}

/// Opens the first page of a TIFF file.
///
/// # Errors
/// `Input` for damaged files, `Limit`, or `Unsupported` with advice.
pub fn open(path: &Path, limits: &Limits) -> Result<Box<dyn Source>> {
    open_mapped_from(path, limits, MAP_FROM_BYTES)
}

/// As [`open`], with the size from which files are mapped (if at all, see [`super::mapping`]).
///
/// # Errors
/// As [`open`].
pub fn open_mapped_from(path: &Path, limits: &Limits, map_from: u64) -> Result<Box<dyn Source>> {
    let file = FileBytes::open(path, map_from)?;
    let header = Header::read(&file).map_err(|reason| Error::input(path, reason))?;
    let pages = pages::list(&file, &header, limits)?;
    let more = pages.offsets.len() - 1;
    let mut warnings: Vec<String> = pages.cut.iter().map(|&reason| reason.to_owned()).collect();
    if more > 0 {
        let pages = if more == 1 { "1 more page" } else { &format!("{more} more pages") };
        warnings.push(format!("{pages} in the file are left out; only the first one is used"));
    }
    open_directory(file, header, limits, warnings)
}

/// Opens page `page` of a file, counted from 0.
///
/// # Errors
/// As [`open`]; `Input` when there is no such page.
pub fn open_page(path: &Path, limits: &Limits, page: u32) -> Result<Box<dyn Source>> {
    let file = FileBytes::open(path, MAP_FROM_BYTES)?;
    let header = Header::read(&file).map_err(|reason| Error::input(path, reason))?;
    let pages = pages::list(&file, &header, limits)?;
    let Some(first) = pages.offsets.get(page as usize).copied() else {
        let reason = format!("page {} was asked for, the file has {}", u64::from(page) + 1, pages.offsets.len());
        return Err(Error::input(path, reason));
    };
    let cut = if page == 0 { pages.cut } else { None };
    open_directory(file, Header { first, ..header }, limits, cut.iter().map(|&reason| reason.to_owned()).collect())
}

/// How many pages [`open_page`] knows.
///
/// # Errors
/// `Input` when the file is no TIFF or its first directory cannot be read.
pub fn page_count(path: &Path, limits: &Limits) -> Result<u32> {
    let file = FileBytes::open(path, u64::MAX)?;
    let header = Header::read(&file).map_err(|reason| Error::input(path, reason))?;
    Ok(pages::list(&file, &header, limits)?.offsets.len() as u32)
}

/// Opens the picture of the directory that `header` names as the first.
fn open_directory(
    file: FileBytes,
    header: Header,
    limits: &Limits,
    mut warnings: Vec<String>,
) -> Result<Box<dyn Source>> {
    let path = file.path().to_owned();
    let directory = Directory::read(&file, &header, header.first).map_err(|reason| Error::input(&path, reason))?;
    let tags = Tags { file: &file, header: &header, directory: &directory, limits };
    refuse_raw(&tags)?;

    let pixels = header::read(&tags, &mut warnings)?;
    let metadata = meta::read(&tags, &mut warnings)?;
    let (encoding, encoding_source) =
        meta::encoding(metadata.icc.as_deref(), pixels.model, pixels.layout, &mut warnings);
    let orientation = meta::orientation(&tags, &mut warnings);

    let whole = pixels.codec != Codec::None && (pixels.down == 1 || pixels.chunk_bytes() > LARGE_CHUNK_BYTES);
    // Uncompressed strips are read by rows, and a picture that is read whole is at hand after the first strip: any height does.
    let any_rows = whole || (pixels.codec == Codec::None && !pixels.tiled);
    let info = PictureInfo {
        extent: pixels.extent,
        layout: pixels.layout,
        model: pixels.model,
        encoding,
        encoding_source,
        orientation,
        metadata,
        access: if whole { Access::Whole } else { Access::Random },
        chunk_rows: if any_rows { 1 } else { pixels.chunk_rows.min(pixels.extent.height) },
        format: "tiff",
        compression: pixels.codec.name(),
        depth_channel: None,
        depth_channels: Vec::new(),
        warnings,
    };
    let compression = match pixels.codec {
        Codec::None => Compression::None,
        Codec::Deflate | Codec::Zstandard => Compression::Deflate,
        Codec::Lzw | Codec::PackBits => Compression::Lzw,
    };
    Ok(Box::new(read::TiffSource::new(file, info, pixels, *limits, Arc::new(TiffExtras { compression }))))
}

/// Camera raw files are TIFF structures whose first page is a thumbnail: grading that would be a wrong picture under a right name.
fn refuse_raw(tags: &Tags<'_>) -> Result<()> {
    if tags.directory.find(tags::DNG_VERSION).is_some() {
        let what = "camera raw files (DNG) are not read: develop it to a 16-bit TIFF first";
        return Err(Error::unsupported(tags.path(), what));
    }
    if meta::is_reduced(tags) {
        let what = "the first page is a reduced copy or a mask, as in camera raw files: develop or save it as a plain 16-bit TIFF first";
        return Err(Error::unsupported(tags.path(), what));
    }
    Ok(())
}

/// Makes `file` (opened for writing, empty) a TIFF; `path` is for messages.
///
/// BigTIFF is chosen when the file could outgrow 4 GiB. [`Compression::Input`] without a TIFF source's extras means Deflate.
///
/// # Errors
/// `Output` when the file cannot be written or the metadata does not fit.
pub fn create(file: File, path: &Path, spec: SinkSpec) -> Result<Box<dyn Sink>> {
    Ok(Box::new(write::TiffSink::new(file, path, spec)?))
}
