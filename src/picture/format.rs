//! Names of file formats and compressions.

/// File formats that are known by their first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// TIFF and BigTIFF.
    Tiff,
    /// PNG.
    Png,
    /// OpenEXR.
    Exr,
}

impl Format {
    /// Recognizes a format by content; needs 16 bytes or the whole file.
    pub fn sniff(head: &[u8]) -> Option<Self> {
        match head {
            [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Some(Self::Tiff),
            [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some(Self::Png),
            [0x76, 0x2f, 0x31, 0x01, ..] => Some(Self::Exr),
            _ => None,
        }
    }

    /// Name as recipes and [`super::PictureInfo::format`] write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tiff => "tiff",
            Self::Png => "png",
            Self::Exr => "exr",
        }
    }

    /// All formats.
    pub const ALL: [Self; 3] = [Self::Tiff, Self::Png, Self::Exr];

    /// The format of a name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.name() == name)
    }

    /// The extension outputs get.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Tiff => "tif",
            Self::Png => "png",
            Self::Exr => "exr",
        }
    }
}

/// Compression of an output file. Codecs map it to the nearest they have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// None.
    None,
    /// LZW with the horizontal predictor (TIFF).
    Lzw,
    /// Deflate with a predictor (TIFF, PNG; EXR: ZIP).
    Deflate,
    /// What the input used, or the format's habit when the input's is not available in it.
    Input,
}
