//! Normalized disparity as the samples of a form.

use rayon::prelude::*;

use super::{Form, MapFacts};
use crate::codec::{Pool, Sink};
use crate::depth::preview::Palette;
use crate::engine::job::DepthExport;
use crate::error::Result;
use crate::ops::distance;
use crate::picture::{PixelLayout, Strip};

/// How values become samples.
enum How {
    /// 16-bit codes: 65,535 = nearest.
    Codes,
    /// As they are.
    Values,
    /// Relative depth: 1 = nearest, 6 = farthest.
    Depth,
    /// Meters.
    Meters(MapFacts),
    /// Colors.
    Colors(Box<Palette>),
}

/// The samples of a form.
pub struct Samples {
    layout: PixelLayout,
    how: How,
}

impl Samples {
    /// Of the form; `map` says what its values mean.
    pub fn new(form: Form, map: &MapFacts) -> Self {
        let how = match form.export {
            DepthExport::Preview | DepthExport::SideBySide => How::Colors(Box::new(Palette::new(form.colors))),
            _ if form.is_metric() => How::Meters(map.clone()),
            DepthExport::Png | DepthExport::Tiff => How::Codes,
            DepthExport::Exr => How::Depth,
            DepthExport::TiffFloat | DepthExport::Pfm | DepthExport::Npy => How::Values,
        };
        Self { layout: form.layout(), how }
    }

    /// One strip of gray floats as these samples.
    fn strip(&self, values: &Strip, pool: &Pool) -> Strip {
        let mut out = Strip::new(values.region, self.layout);
        let row = values.region.width.max(1) as usize;
        let from: &[f32] = bytemuck::cast_slice(values.words());
        let from = from.get(..values.region.pixels()).unwrap_or(from);
        pool.install(|| match &self.how {
            How::Codes => {
                let samples: &mut [u16] = bytemuck::cast_slice_mut(out.words_mut());
                each(samples, from, row, |d| (d.max(0.0).min(1.0) * 65_535.0 + 0.5) as u16);
            }
            How::Values => each(floats(&mut out), from, row, |d| d),
            // Reciprocal of the disparity that `ops::distance` assumes, scaled so that the nearest is 1.
            How::Depth => each(floats(&mut out), from, row, |d| {
                (1.0 + distance::OFFSET) / (d.max(0.0).min(1.0) + distance::OFFSET)
            }),
            How::Meters(map) => each(floats(&mut out), from, row, |d| map.meters(d)),
            How::Colors(palette) => {
                let rows = out.bytes_mut().par_chunks_mut(3 * row).zip(from.par_chunks(row));
                rows.for_each(|(colors, values)| {
                    for (color, d) in colors.chunks_exact_mut(3).zip(values) {
                        color.copy_from_slice(&palette.color(*d));
                    }
                });
            }
        });
        out
    }
}

fn floats(strip: &mut Strip) -> &mut [f32] {
    bytemuck::cast_slice_mut(strip.words_mut())
}

fn each<T: Send>(samples: &mut [T], values: &[f32], row: usize, to: impl Fn(f32) -> T + Sync) {
    let rows = samples.par_chunks_mut(row).zip(values.par_chunks(row));
    rows.for_each(|(samples, values)| samples.iter_mut().zip(values).for_each(|(s, d)| *s = to(*d)));
}

/// A sink that takes gray floats and hands the samples of a form on.
pub struct Convert {
    inner: Box<dyn Sink>,
    samples: Samples,
}

impl Convert {
    /// In front of `inner`.
    pub fn new(inner: Box<dyn Sink>, samples: Samples) -> Self {
        Self { inner, samples }
    }
}

impl Sink for Convert {
    fn write(&mut self, strip: &Strip, pool: &Pool) -> Result<()> {
        self.inner.write(&self.samples.strip(strip, pool), pool)
    }

    fn finish(self: Box<Self>, pool: &Pool) -> Result<()> {
        self.inner.finish(pool)
    }
}
