//! Writing: pixels by libwebp, metadata in the extended container.

use std::fs::File;
use std::path::Path;

use ::webp::{Encoder, WebPConfig};

use super::MOST_SIDE;
use super::riff::{Around, wrap};
use crate::codec::whole::WholeSink;
use crate::codec::{Compression, Sink, SinkSpec, exif};
use crate::error::{Error, Result};
use crate::picture::{Alpha, SampleType};

/// Effort of lossless files: level 3 of libwebp's WebPConfigLosslessPreset. On photographs twice as fast as level 6, its default, for files
/// that are a few percent larger.
const LOSSLESS: (i32, f32) = (3, 30.0);

/// Starts a WebP file; `file` is empty and `path` only names it in errors.
///
/// # Errors
/// `Unsupported` for samples other than 8-bit RGB with or without unassociated alpha, and for pictures of more than 16 383 pixels on a side.
pub fn create(file: File, path: &Path, spec: SinkSpec) -> Result<Box<dyn Sink>> {
    let layout = spec.layout;
    if layout.sample != SampleType::U8 || !layout.channels.is_color() || layout.alpha == Alpha::Associated {
        let what = format!("WebP holds 8-bit RGB with or without unassociated alpha, not {layout}: ask for 8 bits");
        return Err(Error::unsupported(path, what));
    }
    if spec.extent.width.max(spec.extent.height) > MOST_SIDE {
        let what =
            format!("WebP holds at most {MOST_SIDE} pixels on a side, not {}: write JPEG, PNG or TIFF", spec.extent);
        return Err(Error::unsupported(path, what));
    }
    WholeSink::boxed(file, path, spec, encode)
}

fn encode(spec: &SinkSpec, rows: &[u8]) -> std::result::Result<Vec<u8>, String> {
    let (width, height) = (spec.extent.width, spec.extent.height);
    let alpha = spec.layout.channels.has_alpha();
    let encoder = if alpha { Encoder::from_rgba(rows, width, height) } else { Encoder::from_rgb(rows, width, height) };
    let encoded = encoder.encode_advanced(&config(spec.compression)?).map_err(|e| format!("WebP encoder: {e:?}"))?;
    let exif = exif::with_orientation(spec.metadata.exif.as_deref(), spec.orientation);
    let around = Around {
        extent: spec.extent,
        icc: spec.metadata.icc.as_deref(),
        exif: exif.as_deref(),
        xmp: spec.metadata.xmp.as_deref(),
    };
    wrap(&encoded, &around)
}

fn config(compression: Compression) -> std::result::Result<WebPConfig, String> {
    let mut config = WebPConfig::new().map_err(|()| "WebP encoder: libwebp has another version".to_owned())?;
    // Colors below full transparency are kept: whoever stored them may uncover them.
    config.exact = 1;
    match compression {
        Compression::Lossy { quality, .. } => config.quality = f32::from(quality.clamp(1, 100)),
        _ => {
            config.lossless = 1;
            (config.method, config.quality) = LOSSLESS;
        }
    }
    Ok(config)
}
