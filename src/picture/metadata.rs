//! What travels beside the pixels.

use super::Frame;

/// Unit of a [`Resolution`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResolutionUnit {
    /// Only the aspect of pixels is meant (TIFF ResolutionUnit 1).
    None,
    /// Pixels per inch.
    Inch,
    /// Pixels per centimeter.
    Centimeter,
}

/// Pixels per unit, as the fractions the file holds (TIFF 6.0, tags 282, 283, 296).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resolution {
    /// Horizontal: numerator, denominator.
    pub x: (u32, u32),
    /// Vertical: numerator, denominator.
    pub y: (u32, u32),
    /// Unit.
    pub unit: ResolutionUnit,
}

/// How much of what travels beside the pixels goes to an output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Policy {
    /// Everything the format can hold.
    #[default]
    All,
    /// Who made the picture and who has the rights, and what is needed to show it: profile, orientation, resolution.
    Copyright,
    /// Only what is needed to show it.
    None,
}

impl Policy {
    /// All of them, most first.
    pub const ALL: [Self; 3] = [Self::All, Self::Copyright, Self::None];

    /// Word in recipes.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Copyright => "copyright",
            Self::None => "none",
        }
    }
}

/// Blobs in the form their standards define, carried from input to output.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata {
    /// ICC profile (ISO 15076-1).
    pub icc: Option<Vec<u8>>,
    /// EXIF as a complete little TIFF structure ("II*\0..." or "MM\0*..."), IFD0 with camera tags, Exif and GPS
    /// sub-directories; without thumbnails (EXIF 2.32, 4.5).
    pub exif: Option<Vec<u8>>,
    /// XMP packet, UTF-8 XML (ISO 16684-1).
    pub xmp: Option<Vec<u8>>,
    /// IPTC IIM records (IIM 4.2): data sets, the first byte is 0x1c. Not inside `photoshop`.
    pub iptc: Option<Vec<u8>>,
    /// Photoshop image resources ("8BIM" blocks, see [`super::photoshop`]), without the IPTC records.
    pub photoshop: Option<Vec<u8>>,
    /// Resolution.
    pub resolution: Option<Resolution>,
    /// Names of facts that only the picture's own format can hold (PNG texts, EXR attributes); their values are the codec's.
    pub own_facts: Vec<String>,
    /// Names of channels beside the picture that only its own format can hold, at its own size (layers and depth of EXR).
    pub own_channels: Vec<String>,
    /// Where the pixels lie, in formats that say so (the windows of EXR); a sink of such a format writes it beside pixels of that size.
    pub frame: Option<Frame>,
    /// What a sink may carry of text facts that only its own format knows (PNG texts, EXR attributes).
    pub policy: Policy,
}
