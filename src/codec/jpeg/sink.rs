//! Writing: pixels by the `jpeg-encoder` crate, metadata in application segments in front of them.

use std::fs::File;
use std::path::Path;

use jpeg_encoder::{ColorType, Encoder, PixelDensity, PixelDensityUnit, SamplingFactor};

use super::meta::{self, APP0, APP1, APP2, APP13};
use super::xmp;
use crate::codec::whole::WholeSink;
use crate::codec::{Compression, Sink, SinkSpec, exif};
use crate::error::{Error, Result};
use crate::picture::{Channels, Resolution, ResolutionUnit, SampleType, Subsampling};

/// Starts a JPEG file; `file` is empty and `path` only names it in errors.
///
/// # Errors
/// `Unsupported` for samples other than 8-bit gray or RGB, and for pictures of more than 65 535 pixels on a side; `Output` for metadata that
/// does not fit.
pub fn create(file: File, path: &Path, spec: SinkSpec) -> Result<Box<dyn Sink>> {
    if spec.layout.sample != SampleType::U8 {
        let what = format!("JPEG holds 8-bit samples, not {}: ask for 8 bits", spec.layout.sample.name());
        return Err(Error::unsupported(path, what));
    }
    if spec.layout.channels.has_alpha() {
        return Err(Error::unsupported(path, "JPEG holds no alpha: write PNG, TIFF, EXR or WebP"));
    }
    if spec.extent.width.max(spec.extent.height) > u32::from(u16::MAX) {
        let what = format!("JPEG holds at most 65535 pixels on a side, not {}: write TIFF or PNG", spec.extent);
        return Err(Error::unsupported(path, what));
    }
    // Fails now, not after all rows, when the metadata cannot be written.
    segments(&spec).map_err(|reason| Error::output(path, reason))?;
    WholeSink::boxed(file, path, spec, encode)
}

/// Application segments in the order of the file: marker and payload.
fn segments(spec: &SinkSpec) -> std::result::Result<Vec<(u8, Vec<u8>)>, String> {
    let mut list = Vec::new();
    if let Some(blob) = exif::with_orientation(spec.metadata.exif.as_deref(), spec.orientation) {
        let segment = meta::exif_segment(&blob).ok_or_else(|| {
            format!("the EXIF data have {} bytes, a JPEG holds at most 65527: write TIFF or PNG", blob.len())
        })?;
        list.push((APP1, segment));
    }
    let metadata = &spec.metadata;
    let all = |marker, payloads: Vec<Vec<u8>>| payloads.into_iter().map(move |payload| (marker, payload));
    list.extend(all(APP1, metadata.xmp.as_deref().map(xmp::segments).unwrap_or_default()));
    list.extend(all(APP13, meta::photoshop_segments(metadata.photoshop.as_deref(), metadata.iptc.as_deref())));
    list.extend(all(APP2, metadata.icc.as_deref().map(meta::icc_segments).transpose()?.unwrap_or_default()));
    Ok(list)
}

fn encode(spec: &SinkSpec, rows: &[u8]) -> std::result::Result<Vec<u8>, String> {
    let (quality, subsampling) = match spec.compression {
        Compression::Lossy { quality, subsampling } => (quality, subsampling),
        _ => (Compression::DEFAULT_QUALITY, Subsampling::None),
    };
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, quality.clamp(1, 100));
    encoder.set_sampling_factor(match subsampling {
        Subsampling::None => SamplingFactor::F_1_1,
        Subsampling::Horizontal => SamplingFactor::F_2_1,
        Subsampling::Both => SamplingFactor::F_2_2,
    });
    if let Some(density) = spec.metadata.resolution.and_then(density) {
        encoder.set_density(density);
    }
    for (marker, payload) in segments(spec)? {
        encoder.add_app_segment(marker - APP0, payload).map_err(|e| e.to_string())?;
    }
    let color = if spec.layout.channels == Channels::Gray { ColorType::Luma } else { ColorType::Rgb };
    let side = |pixels: u32| u16::try_from(pixels).map_err(|_| format!("{} pixels are too many", spec.extent));
    encoder.encode(rows, side(spec.extent.width)?, side(spec.extent.height)?, color).map_err(|e| e.to_string())?;
    Ok(bytes)
}

/// Whole pixels per unit, where 16 bits hold them.
fn density(resolution: Resolution) -> Option<PixelDensity> {
    let side = |(numerator, denominator): (u32, u32)| {
        let value = (f64::from(numerator) / f64::from(denominator)).round();
        (1.0..=65_535.0).contains(&value).then_some(value as u16)
    };
    let unit = match resolution.unit {
        ResolutionUnit::None => PixelDensityUnit::PixelAspectRatio,
        ResolutionUnit::Inch => PixelDensityUnit::Inches,
        ResolutionUnit::Centimeter => PixelDensityUnit::Centimeters,
    };
    Some(PixelDensity { density: (side(resolution.x)?, side(resolution.y)?), unit })
}
