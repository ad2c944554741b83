//! A file's head as [`PictureInfo`].

use super::meta::{self, Found};
use super::model::Model;
use super::phone;
use super::segments::Head;
use crate::codec::bytes::FileBytes;
use crate::codec::{Limits, camera, exif, whole};
use crate::color::{encodings, icc};
use crate::error::{Error, Result};
use crate::picture::{
    Access, Alpha, Channels, ColorEncoding, ColorModel, FILE_TYPE_DEFAULT, Metadata, PictureInfo, PixelLayout,
    SampleType,
};

/// The facts of a file and what its components are.
///
/// # Errors
/// `Input` for damage, `Limit`, and `Unsupported` with advice for what is legal and not read.
pub(super) fn read(file: &FileBytes, head: &Head, limits: &Limits) -> Result<(PictureInfo, Model)> {
    let path = file.path();
    check_frame(head).map_err(|what| Error::unsupported(path, what))?;
    whole::check_extent(path, head.frame.extent, limits)?;
    check_bytes(file, head)?;
    let mut warnings = Vec::new();
    if head.stray_bytes > 0 {
        warnings.push(format!("{} stray bytes between segments", head.stray_bytes));
    }
    let found = meta::read(file, head, limits, &mut warnings)?;
    let model = Model::of(&head.frame, found.jfif, found.adobe).map_err(|reason| Error::input(path, reason))?;
    Ok((info(head, found, model, limits, warnings), model))
}

/// Refuses what is legal and not read: 12 bits, lossless, arithmetic coding, hierarchies, a height behind the first scan.
fn check_frame(head: &Head) -> std::result::Result<(), String> {
    let frame = &head.frame;
    let kind = match frame.marker {
        0xc0..=0xc2 => None,
        0xc3 => Some("a lossless JPEG"),
        0xc9..=0xcb => Some("an arithmetic-coded JPEG"),
        _ => Some("a hierarchical JPEG"),
    };
    let advice = "save it as a baseline JPEG, TIFF or PNG first";
    match kind {
        Some(kind) => Err(format!("{kind}, which is not read: {advice}")),
        None if frame.bits != 8 => Err(format!("a JPEG of {} bits, 8 are read: {advice}", frame.bits)),
        None if frame.extent.height == 0 => {
            Err(format!("the number of its rows stands behind the first scan (DNL), which is not read: {advice}"))
        }
        None => Ok(()),
    }
}

/// Every block of 64 pixels takes at least one bit (a code of its first coefficient): a file that is shorter cannot be whole, however
/// large the picture is that it claims to hold.
fn check_bytes(file: &FileBytes, head: &Head) -> Result<()> {
    let (pixels, bytes) = (head.frame.extent.pixels(), file.length());
    if pixels > bytes.saturating_mul(8 * 64) {
        let text = format!("truncated: {bytes} bytes cannot hold {} pixels", head.frame.extent);
        return Err(Error::input(file.path(), text));
    }
    Ok(())
}

fn info(head: &Head, found: Found, model: Model, limits: &Limits, mut warnings: Vec<String>) -> PictureInfo {
    let channels = match model {
        Model::Gray => Channels::Gray,
        // Four inks lie in the channels of RGB with alpha, as in TIFF.
        ink if ink.is_ink() => Channels::Rgba,
        _ => Channels::Rgb,
    };
    let facts = camera::Camera::read(found.exif.as_deref(), limits.metadata_bytes);
    let (encoding, encoding_source) = if model.is_ink() {
        let source = if found.icc.is_some() { icc::BY_TABLE } else { FILE_TYPE_DEFAULT };
        (ColorEncoding { name: "CMYK".to_owned(), ..encodings::prophoto() }, source)
    } else {
        camera::encoding(found.icc.as_deref(), &facts, channels.is_color(), &mut warnings)
    };
    let orientation = exif::orientation_or_one(found.exif.as_deref(), &mut warnings);
    let depth = phone::convention(found.xmp.as_deref());
    PictureInfo {
        extent: head.frame.extent,
        layout: PixelLayout { sample: SampleType::U8, channels, alpha: Alpha::None },
        encoding,
        model: if model.is_ink() { ColorModel::Cmyk } else { ColorModel::AsLayout },
        encoding_source,
        orientation,
        metadata: Metadata {
            icc: found.icc,
            exif: found.exif,
            xmp: found.xmp,
            iptc: found.iptc,
            photoshop: found.photoshop,
            resolution: found.resolution.or(facts.resolution),
            ..Metadata::default()
        },
        access: Access::Whole,
        chunk_rows: 1,
        format: "jpeg",
        compression: if head.frame.marker == 0xc2 { "progressive" } else { "baseline" },
        depth_channel: depth.map(str::to_owned),
        depth_channels: Vec::new(),
        warnings,
    }
}
