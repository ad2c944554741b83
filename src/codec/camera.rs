//! What cameras say in EXIF about color and resolution, for the formats that carry a stand-alone blob.

use crate::color::{encodings, icc};
use crate::picture::exif::{self, EXIF_IFD, Entry, INTEROP_IFD};
use crate::picture::{ColorEncoding, Resolution};

/// Tags of EXIF 2.32, 4.6: ColorSpace in the Exif directory, InteroperabilityIndex.
const COLOR_SPACE: u16 = 0xa001;
const INTEROP_INDEX: u16 = 1;

/// Color space of the camera (EXIF 2.32, 4.6.5, tag ColorSpace; DCF 2.0, 4.2: index "R03").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CameraColor {
    /// Not said.
    Unknown,
    /// ColorSpace 1.
    Srgb,
    /// The DCF option file "R03".
    AdobeRgb,
}

/// Facts of an EXIF blob.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Camera {
    pub(super) color: CameraColor,
    pub(super) resolution: Option<Resolution>,
}

impl Camera {
    /// Reads a blob; one that cannot be read says nothing.
    pub(super) fn read(blob: Option<&[u8]>, most_bytes: u64) -> Self {
        let nothing = Self { color: CameraColor::Unknown, resolution: None };
        let Some(Ok(found)) = blob.map(|blob| exif::parse(blob, most_bytes)) else { return nothing };
        let camera = found.ifd.child(EXIF_IFD);
        let interop = camera.and_then(|exif| exif.child(INTEROP_IFD)).and_then(|ifd| ifd.find(INTEROP_INDEX));
        let space = camera.and_then(|exif| exif.find(COLOR_SPACE)).and_then(Entry::first);
        let color = match space {
            _ if interop.is_some_and(|index| index.bytes.starts_with(b"R03")) => CameraColor::AdobeRgb,
            Some(1) => CameraColor::Srgb,
            _ => CameraColor::Unknown,
        };
        Self { color, resolution: exif::resolution(&found.ifd) }
    }
}

/// What the code values mean: the profile, else what the camera says, else sRGB.
pub(super) fn encoding(
    profile: Option<&[u8]>,
    camera: &Camera,
    color: bool,
    warnings: &mut Vec<String>,
) -> (ColorEncoding, &'static str) {
    match profile.map(|profile| icc::read(profile, color)) {
        Some(Ok(encoding)) => return (encoding, "ICC profile"),
        Some(Err(reason)) => warnings.push(format!("{reason}; the default of the file type is used")),
        None => {}
    }
    match camera.color {
        CameraColor::AdobeRgb => (encodings::adobe_rgb(), "EXIF interoperability index"),
        CameraColor::Srgb => (encodings::srgb(), "EXIF color space"),
        CameraColor::Unknown => (encodings::srgb(), crate::picture::FILE_TYPE_DEFAULT),
    }
}
