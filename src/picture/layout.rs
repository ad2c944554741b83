//! How samples lie in a file and in a strip: always interleaved, native byte order.

/// Type of one sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SampleType {
    /// 8-bit code value, 0 to 255.
    U8,
    /// 16-bit code value, 0 to 65 535.
    U16,
    /// IEEE 754 half float.
    F16,
    /// IEEE 754 single float.
    F32,
}

impl SampleType {
    /// Bytes of one sample.
    pub fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::U16 | Self::F16 => 2,
            Self::F32 => 4,
        }
    }

    /// True for the integer types.
    pub fn is_integer(self) -> bool {
        matches!(self, Self::U8 | Self::U16)
    }

    /// Name as users write it: "8-bit", "16-bit", "half", "float".
    pub fn name(self) -> &'static str {
        match self {
            Self::U8 => "8-bit",
            Self::U16 => "16-bit",
            Self::F16 => "half",
            Self::F32 => "float",
        }
    }
}

/// Which channels a pixel has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channels {
    /// One channel.
    Gray,
    /// Gray and alpha.
    GrayAlpha,
    /// Red, green, blue.
    Rgb,
    /// Red, green, blue, alpha.
    Rgba,
}

impl Channels {
    /// Samples per pixel, alpha included.
    pub fn count(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::GrayAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }

    /// True when an alpha channel is present.
    pub fn has_alpha(self) -> bool {
        matches!(self, Self::GrayAlpha | Self::Rgba)
    }

    /// True when red, green and blue are separate.
    pub fn is_color(self) -> bool {
        matches!(self, Self::Rgb | Self::Rgba)
    }

    /// The same alpha with three color channels.
    pub fn with_color(self) -> Self {
        if self.has_alpha() { Self::Rgba } else { Self::Rgb }
    }
}

/// How color relates to alpha in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Alpha {
    /// No alpha channel.
    None,
    /// Color is already multiplied by alpha (TIFF ExtraSamples 1, EXR).
    Associated,
    /// Color is independent of alpha (TIFF ExtraSamples 2, PNG).
    Unassociated,
}

/// Samples, channels and alpha of one pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PixelLayout {
    /// Type of each sample.
    pub sample: SampleType,
    /// Channels, in the order of the name.
    pub channels: Channels,
    /// Alpha association; `None` exactly when `channels` has no alpha.
    pub alpha: Alpha,
}

impl PixelLayout {
    /// Bytes of one pixel.
    pub fn pixel_bytes(self) -> usize {
        self.sample.bytes() * self.channels.count()
    }
}

impl std::fmt::Display for PixelLayout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let channels = match self.channels {
            Channels::Gray => "gray",
            Channels::GrayAlpha => "gray + alpha",
            Channels::Rgb => "RGB",
            Channels::Rgba => "RGB + alpha",
        };
        write!(f, "{} {channels}", self.sample.name())?;
        if self.alpha == Alpha::Associated { write!(f, " (associated)") } else { Ok(()) }
    }
}
