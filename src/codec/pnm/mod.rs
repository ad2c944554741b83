//! Netpbm (PBM, PGM, PPM, PAM: the format pages of the Netpbm distribution, <https://netpbm.sourceforge.net/doc/>) and portable float maps
//! (PFM, <http://www.pauldebevec.com/Research/HDR/PFM/>), for reading.
//!
//! Samples of any maximum are scaled to the full range of 8 or 16 bit, rounded. Binary files are read by rows, wherever they are
//! ([`crate::picture::Access::Random`]); the text forms P1 to P3 whole.
//! PNM names no color encoding: as everybody else does, sRGB is assumed. PFM is linear light with Rec.709 primaries.
//!
//! * `header`: what comes before the samples - `raster`: binary samples - `text`: samples as digits

mod header;
mod raster;
mod text;

use std::path::Path;

use super::bytes::FileBytes;
use super::whole::{self, WholeSource};
use super::{Limits, Source};
use crate::color::encodings;
use crate::error::{Error, Result};
use crate::picture::{Access, Metadata, PictureInfo, SampleType};
use header::Coding;

/// Opens a PNM or PFM file.
///
/// # Errors
/// `Input` for damage and truncation, `Limit` for a picture beyond `limits`, `Unsupported` for PAM files of other things than gray or RGB.
pub fn open(path: &Path, limits: &Limits) -> Result<Box<dyn Source>> {
    let file = FileBytes::open(path, u64::MAX)?;
    let header = header::read(&file)?;
    whole::check_extent(path, header.extent, limits)?;
    let layout = header.layout;
    let row = u64::from(header.extent.width) * layout.pixel_bytes() as u64;
    if row > limits.chunk_bytes {
        let limit = limits.chunk_bytes;
        return Err(Error::Limit { path: path.into(), what: "bytes of a row", value: row, limit });
    }
    let mut warnings = header.warnings.clone();
    if let Some(end) = header.end() {
        if end > file.length() {
            let text = format!("truncated: {} of {end} bytes", file.length());
            return Err(Error::input(path, text));
        }
        if end < file.length() {
            warnings.push(format!("{} bytes behind the first picture are left out", file.length() - end));
        }
    }
    let float = layout.sample == SampleType::F32;
    let length = file.length();
    let whole = matches!(header.coding, Coding::Text { .. });
    let info = PictureInfo {
        extent: header.extent,
        layout,
        encoding: if float { encodings::linear_rec709() } else { encodings::srgb() },
        model: crate::picture::ColorModel::AsLayout,
        encoding_source: crate::picture::FILE_TYPE_DEFAULT,
        orientation: 1,
        metadata: Metadata::default(),
        access: if whole { Access::Whole } else { Access::Random },
        chunk_rows: 1,
        format: if float { "pfm" } else { "pnm" },
        compression: "none",
        depth_channel: None,
        depth_channels: Vec::new(),
        warnings,
    };
    if whole {
        Ok(WholeSource::boxed(file, info, text::Text { header, length }))
    } else {
        Ok(raster::source(file, info, header))
    }
}
