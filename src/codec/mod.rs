//! Files in and out: a [`Source`] yields strips of file samples, a [`Sink`] takes them.
//!
//! A codec never interprets color and never converts a sample (only [`icc_source`], on top of them, does): what it hands out are the code values of the file (expanded
//! to 8 or 16 bit, half or float where the file packs them otherwise), in native byte order, interleaved.
//! The pixel work of a codec (decompression, predictors, packing) runs on the pool it is given; reads and writes happen on
//! the calling thread, because the pool must never wait.

mod array;
pub mod bytes;
mod camera;
mod deflate;
mod exif;
pub mod exr;
pub mod hdr;
pub mod icc_source;
pub mod jpeg;
#[cfg(feature = "jxl")]
pub mod jxl;
pub mod mapping;
mod npy;
pub mod open;
pub mod png;
pub mod pnm;
pub mod tiff;
pub mod webp;
mod whole;

pub use open::{create, open, open_for, open_map, open_page, page_count};

use std::any::Any;
use std::sync::Arc;

use crate::error::Result;
use crate::picture::{ColorEncoding, Extent, Metadata, PictureInfo, PixelLayout, Region, Strip};
pub use crate::picture::{Compression, Format};

/// The bounded pool that pure computation runs on.
pub type Pool = rayon::ThreadPool;

/// One opened picture.
pub trait Source: Send {
    /// Header facts.
    fn info(&self) -> &PictureInfo;

    /// Reads `region` into `strip`, which is reset to that region and the layout of [`Source::info`].
    ///
    /// With [`crate::picture::Access::Rows`], regions must follow each other downwards; [`Source::rewind`] starts again.
    fn read(&mut self, region: Region, strip: &mut Strip, pool: &Pool) -> Result<()>;

    /// Makes a channel of `info().depth_channels` the one that [`Source::read_depth`] reads. Called before samples are read.
    ///
    /// # Errors
    /// `Unsupported` when the picture has no such channel; `Limit` when its chunks are too large.
    fn select_depth(&mut self, channel: &str) -> Result<()> {
        Err(crate::error::Error::Environment(format!("internal error: this format has no depth channel {channel:?}")))
    }

    /// Reads the selected depth channel (at first `info().depth_channel`), one value per pixel, as stored (EXR `Z`: larger = farther).
    ///
    /// # Errors
    /// `Unsupported` when the picture has none.
    fn read_depth(&mut self, region: Region, depth: &mut [f32], pool: &Pool) -> Result<()>;

    /// Goes back to the first row. Free of cost for random access.
    fn rewind(&mut self) -> Result<()>;

    /// Bytes this source keeps in memory for itself while strips of `rows` rows are read ([`crate::picture::Access::Whole`]: the whole decoded
    /// picture).
    fn resident_bytes(&self, rows: u32) -> u64;

    /// Whatever the format has beyond pixels and [`Metadata`] and the sink of the same format can write again unchanged
    /// (EXR: attributes, windows, other channels).
    fn extras(&self) -> Option<Extras> {
        None
    }

    /// Text facts that the file carries about itself by the names that depth maps use (`depth:kind`, `depth:unit`, `depth:polarity`, ...).
    fn texts(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// True when another process changed the file while it was read (a mapping met its end): the picture must fail.
    fn check_intact(&self) -> Result<()> {
        Ok(())
    }
}

/// Beginning of the names of [`Source::texts`].
const DEPTH_FACTS: &str = "depth:";

/// Format-private cargo from a source to the sink of the same format.
pub type Extras = Arc<dyn Any + Send + Sync>;

/// What a sink is asked to write.
#[derive(Debug, Clone)]
pub struct SinkSpec {
    /// Size of the picture.
    pub extent: Extent,
    /// Layout of the strips that will be written.
    pub layout: PixelLayout,
    /// Meaning of the code values (EXR writes chromaticities from it; the ICC blob is in `metadata`).
    pub encoding: ColorEncoding,
    /// Orientation tag to write, 1 to 8.
    pub orientation: u16,
    /// Blobs to write.
    pub metadata: Metadata,
    /// Compression.
    pub compression: Compression,
    /// Cargo from a source of the same format; where the extent is another one the sink leaves out what speaks of places in it.
    pub extras: Option<Extras>,
    /// Name of the single channel of a gray picture in formats that name channels (EXR: "Y", or "Z" for depth).
    pub gray_name: &'static str,
    /// Text facts for formats that carry them (PNG tEXt, TIFF ImageDescription, EXR attributes): kind, unit and polarity of depth maps.
    pub text: Vec<(String, String)>,
}

/// Accepts strips from top to bottom and makes a file of them.
pub trait Sink: Send {
    /// Takes the next rows; `strip.region` must start where the last one ended.
    fn write(&mut self, strip: &Strip, pool: &Pool) -> Result<()>;

    /// Writes what is left. Afterwards every byte is with the operating system; syncing and renaming are the engine's.
    fn finish(self: Box<Self>, pool: &Pool) -> Result<()>;
}

/// Limits that protect the machine from what a file claims. All are on by default.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Pixels of a picture.
    pub pixels: u64,
    /// Bytes of one decoded chunk (strip or tile).
    pub chunk_bytes: u64,
    /// Bytes of one metadata blob.
    pub metadata_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { pixels: 1 << 33, chunk_bytes: 1 << 30, metadata_bytes: 64 << 20 }
    }
}
