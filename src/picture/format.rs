//! Names of file formats and compressions, and how formats are recognized.

/// File formats that are known by their first bytes and read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// TIFF and BigTIFF.
    Tiff,
    /// PNG.
    Png,
    /// OpenEXR.
    Exr,
    /// JPEG (JFIF, EXIF).
    Jpeg,
    /// WebP.
    Webp,
    /// Netpbm: PBM, PGM, PPM and PAM. Read only.
    Pnm,
    /// Portable float map. Of what is written, depth maps only.
    Pfm,
    /// Radiance RGBE. Read only.
    Hdr,
    /// JPEG XL. Read only, with the feature `jxl`.
    Jxl,
    /// NumPy array. Depth maps only, and not read.
    Npy,
}

impl Format {
    /// Recognizes a format by content; needs 16 bytes or the whole file. Camera raw files that are TIFF structures with a signature of
    /// their own (CR2) are no TIFF here.
    pub fn sniff(head: &[u8]) -> Option<Self> {
        match head {
            _ if foreign(head).is_some() => None,
            [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Some(Self::Tiff),
            [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some(Self::Png),
            [0x76, 0x2f, 0x31, 0x01, ..] => Some(Self::Exr),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::Webp),
            [b'P', b'1'..=b'7', space, ..] if space.is_ascii_whitespace() || *space == b'#' => Some(Self::Pnm),
            [b'P', b'F' | b'f', space, ..] if space.is_ascii_whitespace() => Some(Self::Pfm),
            [b'#', b'?', b'R', b'A', b'D', b'I', ..] | [b'#', b'?', b'R', b'G', b'B', b'E', ..] => Some(Self::Hdr),
            [0xff, 0x0a, ..] | [0, 0, 0, 12, b'J', b'X', b'L', b' ', 0x0d, 0x0a, 0x87, 0x0a, ..] => Some(Self::Jxl),
            _ => None,
        }
    }

    /// Name as recipes and [`super::PictureInfo::format`] write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tiff => "tiff",
            Self::Png => "png",
            Self::Exr => "exr",
            Self::Jpeg => "jpeg",
            Self::Webp => "webp",
            Self::Pnm => "pnm",
            Self::Pfm => "pfm",
            Self::Hdr => "hdr",
            Self::Jxl => "jxl",
            Self::Npy => "npy",
        }
    }

    /// All formats that are read.
    pub const ALL: [Self; 9] =
        [Self::Tiff, Self::Png, Self::Exr, Self::Jpeg, Self::Webp, Self::Pnm, Self::Pfm, Self::Hdr, Self::Jxl];

    /// The formats that are written too.
    pub const WRITTEN: [Self; 5] = [Self::Tiff, Self::Png, Self::Exr, Self::Jpeg, Self::Webp];

    /// The formats that depth maps are written in.
    pub const MAPS: [Self; 5] = [Self::Png, Self::Tiff, Self::Exr, Self::Pfm, Self::Npy];

    /// The format of a name, of those that are read.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.name() == name)
    }

    /// True for formats of [`Format::WRITTEN`].
    pub fn is_written(self) -> bool {
        Self::WRITTEN.contains(&self)
    }

    /// The format a picture of this one is written as when a recipe names none: itself, or the nearest that keeps its samples.
    pub fn written_as(self) -> Self {
        match self {
            Self::Pnm | Self::Jxl => Self::Tiff,
            Self::Pfm | Self::Hdr | Self::Npy => Self::Exr,
            written => written,
        }
    }

    /// The only samples the format holds are 8-bit integers.
    pub fn is_eight_bit(self) -> bool {
        matches!(self, Self::Jpeg | Self::Webp)
    }

    /// Bytes per pixel that writing keeps in memory on top of the samples, `None` for a format that is written in strips: the others are
    /// encoded whole.
    pub fn encoder_bytes_per_pixel(self) -> Option<u64> {
        match self {
            Self::Tiff | Self::Png | Self::Pnm | Self::Pfm | Self::Hdr | Self::Jxl | Self::Npy => None,
            Self::Exr => Some(0),
            // The finished file; it is smaller than the samples.
            Self::Jpeg => Some(3),
            // libwebp 1.3: ARGB copy, YUV or the lossless transforms and hash chains (4 + 16), the finished file.
            Self::Webp => Some(24),
        }
    }

    /// The extension outputs get.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Tiff => "tif",
            Self::Jpeg => "jpg",
            other => other.name(),
        }
    }

    /// True when files of this format are also named so, in any case: "jpeg" and "jpg", "tiff" and "tif".
    pub fn has_extension(self, extension: &str) -> bool {
        extension.eq_ignore_ascii_case(self.extension()) || extension.eq_ignore_ascii_case(self.name())
    }
}

const DEVELOP: &str = "a camera raw file, which is not read: develop it to a 16-bit TIFF first";
const CONVERT_HEIF: &str = "a HEIC picture, which is not read: convert it to a 16-bit TIFF or PNG first";
const CONVERT_AVIF: &str = "an AVIF picture, which is not read: convert it to a 16-bit TIFF or PNG first";

/// Signatures of pictures that are not read: offset, bytes, what it is and what to do.
const FOREIGN: [(usize, &[u8], &str); 22] = [
    (8, b"CR\x02", DEVELOP),
    (4, b"ftypcrx ", DEVELOP),
    (0, b"FUJIFILMCCD-RAW", DEVELOP),
    (0, b"IIRO", DEVELOP),
    (0, b"IIRS", DEVELOP),
    (0, b"MMOR", DEVELOP),
    (0, b"IIU\0", DEVELOP),
    (0, b"FOVb", DEVELOP),
    (0, b"\0MRM", DEVELOP),
    (4, b"ftypheic", CONVERT_HEIF),
    (4, b"ftypheix", CONVERT_HEIF),
    (4, b"ftyphevc", CONVERT_HEIF),
    (4, b"ftypmif1", CONVERT_HEIF),
    (4, b"ftypmsf1", CONVERT_HEIF),
    (4, b"ftypavif", CONVERT_AVIF),
    (4, b"ftypavis", CONVERT_AVIF),
    (0, b"GIF8", "a GIF picture, which is not read: convert it to PNG first"),
    (0, b"8BPS", "a Photoshop document, which is not read: save a flattened 16-bit TIFF first"),
    (4, b"jP  \r\n\x87\n", "a JPEG 2000 picture, which is not read: convert it to a 16-bit TIFF first"),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 picture, which is not read: convert it to a 16-bit TIFF first"),
    (0, b"SDPX", "a DPX picture, which is not read: convert it to EXR or a 16-bit TIFF first"),
    (0, b"XPDS", "a DPX picture, which is not read: convert it to EXR or a 16-bit TIFF first"),
];

/// What Chiaro reads, in words for messages.
pub const READ_FORMATS: &str = "TIFF, PNG, EXR, JPEG, WebP, PNM, PFM, HDR";

/// What a picture of a known but unread format is, with advice; `head` are the first 16 bytes.
pub fn foreign(head: &[u8]) -> Option<&'static str> {
    // Two letters are a weak signature: the reserved words of the header must be 0 too (BITMAPFILEHEADER).
    if head.starts_with(b"BM") && head.get(6..10) == Some(&[0; 4]) {
        return Some("a BMP picture, which is not read: convert it to PNG first");
    }
    let found = FOREIGN.iter().find(|(at, signature, _)| head.get(*at..).is_some_and(|h| h.starts_with(signature)));
    found.map(|(_, _, advice)| *advice)
}

/// True for the extensions of camera raw files, in lower or upper case. Many of them are TIFF structures whose first page is a thumbnail.
pub fn is_raw_extension(extension: &str) -> bool {
    const RAW: [&str; 21] = [
        "3fr", "arw", "cr2", "cr3", "dng", "erf", "iiq", "kdc", "mef", "mos", "mrw", "nef", "nrw", "orf", "pef", "raf",
        "rw2", "sr2", "srf", "srw", "x3f",
    ];
    RAW.iter().any(|raw| extension.eq_ignore_ascii_case(raw))
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
    /// The format's own compression without loss (WebP; elsewhere Deflate).
    Lossless,
    /// With loss (JPEG, WebP; elsewhere Deflate).
    Lossy {
        /// 1 (smallest file) to 100 (best picture), on the scale of libjpeg or libwebp.
        quality: u8,
        /// Chroma samples of a JPEG; WebP is always 4:2:0.
        subsampling: Subsampling,
    },
}

impl Compression {
    /// JPEG and WebP when nothing else was asked for.
    pub const DEFAULT_QUALITY: u8 = 92;

    /// With loss at `quality`; chroma samples by the quality unless given: those who ask for 90 or more want colored edges sharp.
    pub fn lossy(quality: u8, subsampling: Option<Subsampling>) -> Self {
        let by_quality = if quality >= 90 { Subsampling::None } else { Subsampling::Both };
        Self::Lossy { quality, subsampling: subsampling.unwrap_or(by_quality) }
    }
}

/// How many chroma samples a JPEG keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subsampling {
    /// One per pixel, 4:4:4.
    None,
    /// One per two pixels of a row, 4:2:2.
    Horizontal,
    /// One per square of four pixels, 4:2:0.
    Both,
}

impl Subsampling {
    /// All, from best to smallest.
    pub const ALL: [Self; 3] = [Self::None, Self::Horizontal, Self::Both];

    /// As recipes write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "4:4:4",
            Self::Horizontal => "4:2:2",
            Self::Both => "4:2:0",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_signatures() {
        let padded = |bytes: &[u8]| [bytes, &[0; 16]].concat();
        for (bytes, format) in [
            (&b"II*\0\x08\0\0\0"[..], Some(Format::Tiff)),
            (b"II*\0\x10\0\0\0CR\x02\0", None),
            (b"\xff\xd8\xff\xe1", Some(Format::Jpeg)),
            (b"RIFF\x10\0\0\0WEBPVP8X", Some(Format::Webp)),
            (b"RIFF\x10\0\0\0WAVEfmt ", None),
            (b"P6\n2 2\n255\n", Some(Format::Pnm)),
            (b"P8 is no picture", None),
            (b"PF\n2 2\n-1\n", Some(Format::Pfm)),
            (b"#?RADIANCE\n", Some(Format::Hdr)),
            (b"\xff\x0a\x00", Some(Format::Jxl)),
            (b"\0\0\0\x18ftypavif\0\0\0\0", None),
        ] {
            assert_eq!(Format::sniff(&padded(bytes)), format, "{bytes:?}");
        }
        assert!(foreign(b"II*\0\x10\0\0\0CR\x02\0____").unwrap().contains("develop"));
        assert!(foreign(b"\0\0\0\x18ftypcrx \0\0\0\0").unwrap().contains("develop"));
        assert!(foreign(b"\0\0\0\x18ftypheic\0\0\0\0").unwrap().contains("HEIC"));
        assert!(foreign(b"BM\x36\x10\0\0\0\0\0\0\x36\0\0\0\x28\0").unwrap().contains("BMP"));
        assert_eq!(foreign(b"BMW is a car____"), None);
    }

    #[test]
    fn every_format_is_written_as_one_that_is_written() {
        for format in Format::ALL {
            assert!(format.written_as().is_written() && Format::by_name(format.name()) == Some(format));
            assert_eq!(format.written_as() == format, format.is_written());
        }
    }
}
