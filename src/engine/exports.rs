//! The forms a depth map is written in.

use super::analyse::Facts;
use super::job::DepthExport;
use crate::codec::{SinkSpec, Source};
use crate::color::encodings;
use crate::depth::preview;
use crate::ops::distance;
use crate::picture::{Alpha, Channels, Compression, Format, Metadata, PixelLayout, SampleType, Strip};
use crate::plan::DepthFacts;
use crate::recipe::OutputKind;

/// The form of an output of a recipe; `None` for a graded picture.
pub fn export_of(kind: OutputKind, format: Format) -> Option<DepthExport> {
    match kind {
        OutputKind::Picture => None,
        OutputKind::Depth if format == Format::Exr => Some(DepthExport::Exr),
        OutputKind::Depth => Some(DepthExport::Png),
        OutputKind::DepthPreview => Some(DepthExport::Preview),
    }
}

/// Kind, unit and polarity of the map, for the file's text facts.
pub fn describe(facts: &Facts, depth: &DepthFacts) -> Vec<(String, String)> {
    let kind = match depth {
        DepthFacts::Joined(_) => "relative disparity, estimated",
        DepthFacts::Supplied(_) => "disparity, from supplied depth",
    };
    let fact = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    vec![
        fact("depth:kind", kind),
        fact("depth:source", facts.depth_source.as_deref().unwrap_or("unknown")),
        fact("depth:scale", "1st to 99th percentile of disparity is 0 to 1"),
    ]
}

/// File format of an export.
pub fn format(export: DepthExport) -> Format {
    if export == DepthExport::Exr { Format::Exr } else { Format::Png }
}

fn layout(export: DepthExport) -> PixelLayout {
    let (sample, channels) = match export {
        DepthExport::Png => (SampleType::U16, Channels::Gray),
        DepthExport::Exr => (SampleType::F32, Channels::Gray),
        DepthExport::Preview => (SampleType::U8, Channels::Rgb),
    };
    PixelLayout { sample, channels, alpha: Alpha::None }
}

/// What the sink of an export is asked to write.
pub fn spec(export: DepthExport, source: &dyn Source, text: &[(String, String)]) -> SinkSpec {
    let info = source.info();
    let (polarity, encoding) = match export {
        DepthExport::Png => ("65535 = nearest, 0 = farthest", encodings::srgb()),
        DepthExport::Exr => ("Z: relative depth, 1 = nearest, larger = farther", encodings::linear_rec709()),
        DepthExport::Preview => ("red = near, blue = far", encodings::srgb()),
    };
    let mut text = text.to_vec();
    text.push(("depth:polarity".to_owned(), polarity.to_owned()));
    SinkSpec {
        extent: info.extent,
        layout: layout(export),
        encoding,
        orientation: info.orientation,
        metadata: Metadata::default(),
        compression: Compression::Deflate,
        extras: None,
        gray_name: "Z",
        text,
    }
}

/// One strip of normalized disparity (gray f32) in the form of an export.
pub fn strip(export: DepthExport, disparity: &Strip) -> Strip {
    let values: &[f32] = bytemuck::cast_slice(disparity.words());
    let values = &values[..disparity.region.pixels()];
    let mut out = Strip::new(disparity.region, layout(export));
    match export {
        DepthExport::Png => {
            let samples: &mut [u16] = bytemuck::cast_slice_mut(out.words_mut());
            for (sample, d) in samples.iter_mut().zip(values) {
                *sample = (d.max(0.0).min(1.0) * 65_535.0 + 0.5) as u16;
            }
        }
        DepthExport::Exr => {
            let samples: &mut [f32] = bytemuck::cast_slice_mut(out.words_mut());
            for (sample, d) in samples.iter_mut().zip(values) {
                // Reciprocal of the disparity that `ops::distance` assumes, scaled so that the nearest is 1.
                *sample = (1.0 + distance::OFFSET) / (d.max(0.0).min(1.0) + distance::OFFSET);
            }
        }
        DepthExport::Preview => {
            for (sample, d) in out.bytes_mut().chunks_exact_mut(3).zip(values) {
                sample.copy_from_slice(&preview::turbo(*d));
            }
        }
    }
    out
}
