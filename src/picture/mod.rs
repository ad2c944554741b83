//! What a picture is, before anybody decodes or grades it: extent, regions, layout of samples, color encoding,
//! metadata, and the strips that travel through the engine. Pure data; nothing here opens a file.

pub mod carry;
mod encoding;
pub mod exif;
mod format;
mod geometry;
pub mod iptc;
mod layout;
mod metadata;
pub mod photoshop;
mod strip;
mod window;
pub mod xmp;

pub use encoding::{ColorEncoding, Curve, CurveTable, Primaries, Referred};
pub use format::{Compression, Format, READ_FORMATS, Subsampling, foreign, is_raw_extension};
pub use geometry::{Extent, Region};
pub use layout::{Alpha, Channels, PixelLayout, SampleType};
pub use metadata::{Metadata, Policy, Resolution, ResolutionUnit};
pub use strip::{Lent, Strip};
pub use window::{Elsewhere, Frame, Window};

/// How a file can be read, which decides how much memory a job needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Any rows in any order (tiles, strips, uncompressed data).
    Random,
    /// Rows from first to last; going back means starting again (PNG).
    Rows,
    /// Only the whole picture at once (interlaced PNG, compressed single strip, EXR): charged whole to the budget.
    Whole,
}

/// What the samples of a picture are, where [`PixelLayout`] does not say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColorModel {
    /// Gray or RGB, as the layout has it.
    #[default]
    AsLayout,
    /// Cyan, magenta, yellow and black in the four channels of an RGB layout with alpha; 0 = no ink.
    Cmyk,
    /// CIE L*a*b* (D50) in the color channels of an RGB layout, a* and b* signed (TIFF 6.0 section 23).
    CieLab,
    /// CIE L*a*b* (D50) in the color channels of an RGB layout, a* and b* offset (TIFF technical note on ICC L*a*b*).
    IccLab,
    /// RGB or gray that was something else in the file, with samples of this type, and is converted while it is read: what the file holds
    /// cannot be had in this layout, so nothing about its storage is kept.
    Converted(SampleType),
}

/// [`PictureInfo::encoding_source`] of pictures that say nothing about their colors.
pub const FILE_TYPE_DEFAULT: &str = "file-type default";

/// Header facts of one picture, known without decoding a sample.
#[derive(Debug, Clone)]
pub struct PictureInfo {
    /// Width and height in pixels, as stored (before any orientation).
    pub extent: Extent,
    /// Samples and channels of the file.
    pub layout: PixelLayout,
    /// What the samples are; anything but [`ColorModel::AsLayout`] is converted before it is worked on.
    pub model: ColorModel,
    /// What the code values mean.
    pub encoding: ColorEncoding,
    /// Where `encoding` was read from: "ICC profile", "EXR chromaticities", [`FILE_TYPE_DEFAULT`], ...
    pub encoding_source: &'static str,
    /// Orientation, EXIF 1 to 8 (EXIF 2.32, tag 0x0112); 1 = as stored.
    pub orientation: u16,
    /// Blobs and facts that are carried to the output.
    pub metadata: Metadata,
    /// How rows can be reached.
    pub access: Access,
    /// Rows per chunk of the file (strip rows, tile height); strips of the engine are multiples of it where possible.
    pub chunk_rows: u32,
    /// Short name of the file format: "tiff", "png", "exr".
    pub format: &'static str,
    /// Compression as the file names it: "none", "lzw", "deflate", "zip", ...
    pub compression: &'static str,
    /// Depth stored in the picture itself, by name: a channel (EXR `Z`), or the convention of a phone (JPEG).
    pub depth_channel: Option<String>,
    /// Every channel that can be asked for as depth, by name; the `depth_channel` of an EXR is among them.
    pub depth_channels: Vec<String>,
    /// Things worth telling the user that are no failure (dropped pages, odd tags).
    pub warnings: Vec<String>,
}

impl PictureInfo {
    /// What the file holds, for people: "16-bit RGB", "8-bit CMYK", "16-bit RGB, converted from 8-bit samples".
    pub fn described_layout(&self) -> String {
        let sample = self.layout.sample.name();
        match self.model {
            ColorModel::AsLayout => self.layout.to_string(),
            ColorModel::Cmyk => format!("{sample} CMYK"),
            ColorModel::CieLab | ColorModel::IccLab if self.layout.channels.has_alpha() => {
                format!("{sample} L*a*b* + alpha")
            }
            ColorModel::CieLab | ColorModel::IccLab => format!("{sample} L*a*b*"),
            ColorModel::Converted(stored) => format!("{}, converted from {} samples", self.layout, stored.name()),
        }
    }
}
