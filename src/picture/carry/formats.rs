//! What file formats can hold beside pixels.

/// What a file format can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holds {
    /// EXIF, and the most bytes of it.
    pub exif: Option<u64>,
    /// EXIF is part of the file's own directory: resolution, orientation and size are written beside it, not in it.
    pub exif_is_native: bool,
    /// XMP, and the most bytes of it.
    pub xmp: Option<u64>,
    /// IPTC IIM.
    pub iptc: bool,
    /// Photoshop resources.
    pub photoshop: bool,
    /// ICC profile.
    pub icc: bool,
    /// Resolution outside EXIF.
    pub resolution: bool,
    /// Orientation, in EXIF or outside.
    pub orientation: bool,
    /// The `dc:format` of XMP: the media type.
    pub media_type: &'static str,
}

/// Bytes of a segment in JPEG behind its length field (ITU-T T.81, B.1.1.4).
const JPEG_SEGMENT: u64 = 65_533;

/// Capabilities of the format with this name; an unknown one holds nothing.
///
/// * TIFF: tags 34665, 34853, 700, 33723, 34377, 34675 (TIFF 6.0; XMP part 3; EXIF 2.32).
/// * PNG: `eXIf`, `iTXt`, `iCCP`, `pHYs`; IPTC and Photoshop resources in the text chunk "Raw profile type iptc" of ImageMagick and exiftool.
/// * EXR: XMP in the attribute `xmp`, EXIF, IPTC and Photoshop resources in attributes of our own, facts of EXIF also in the standard ones
///   (`expTime`, `aperture`, ...). No profile: primaries are an attribute. No orientation.
/// * JPEG: APP1 (EXIF behind "Exif\0\0" in one segment, XMP in as many as it needs: XMP part 3, 1.1.3.1), APP13, APP2, APP0.
/// * WebP: chunks `EXIF`, `XMP `, `ICCP` (RFC 9649, 2.7).
pub fn holds(format: &str) -> Holds {
    let all = Holds {
        exif: Some(u64::MAX),
        exif_is_native: false,
        xmp: Some(u64::MAX),
        iptc: true,
        photoshop: true,
        icc: true,
        resolution: true,
        orientation: true,
        media_type: "",
    };
    match format {
        "tiff" => Holds { exif_is_native: true, media_type: "image/tiff", ..all },
        "png" => Holds { media_type: "image/png", ..all },
        "exr" => Holds { icc: false, orientation: false, media_type: "image/x-exr", ..all },
        "jpeg" => Holds { exif: Some(JPEG_SEGMENT - 6), media_type: "image/jpeg", ..all },
        "webp" => Holds { iptc: false, photoshop: false, resolution: false, media_type: "image/webp", ..all },
        _ => Holds {
            exif: None,
            xmp: None,
            iptc: false,
            photoshop: false,
            icc: false,
            resolution: false,
            orientation: false,
            ..all
        },
    }
}
