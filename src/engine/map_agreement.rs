//! Whether a map of the picture's own size belongs to the picture: asked while the picture is rendered, when both pass by.

use super::map_checks;
use super::supplied_depth::Finish;
use crate::depth::supplied::SuppliedKind;
use crate::depth::supplied::low::LowSums;
use crate::picture::{Extent, Region, SampleType, Strip};

/// Green of the picture in the cells of the low map: code values as they are, since only their differences are compared.
pub struct Agreement {
    finish: Finish,
    guide: LowSums,
    /// One row in so many is looked at, at least two of each cell.
    every: u32,
    row: Vec<f32>,
}

impl Agreement {
    /// For a picture of this size.
    pub fn new(finish: &Finish, extent: Extent) -> Self {
        let size = finish.low.size;
        let every = (extent.height / size.1.max(1) / 2).max(1);
        let guide = LowSums::new(SuppliedKind::Disparity, extent, size);
        Self { finish: finish.clone(), guide, every, row: Vec::new() }
    }

    /// Takes the next rows of the picture.
    pub fn add(&mut self, strip: &Strip) {
        let layout = strip.layout;
        let (pixel, sample) = (layout.pixel_bytes(), layout.sample);
        // Green, or gray.
        let at = if layout.channels.is_color() { sample.bytes() } else { 0 };
        for (y, bytes) in (strip.region.y..).zip(strip.bytes().chunks_exact(strip.row_bytes().max(1))) {
            if !y.is_multiple_of(self.every) {
                continue;
            }
            self.row.clear();
            self.row.extend(bytes.chunks_exact(pixel).map(|pixel| value(pixel.get(at..).unwrap_or_default(), sample)));
            self.guide.add(Region { y, rows: 1, ..strip.region }, &self.row);
        }
    }

    /// The remark on a map whose edges are not those of the picture.
    pub fn remark(self) -> Option<String> {
        let disparity = self.finish.normalized();
        let guide = self.guide.finish(0.0);
        let width = guide.size.0 as usize;
        map_checks::is_of_another(&disparity, &guide.values, width).then(|| map_checks::OF_ANOTHER.to_owned())
    }
}

/// The first sample of `bytes`; light of floats is compressed, so that highlights do not drown everything else.
fn value(bytes: &[u8], sample: SampleType) -> f32 {
    let light = |v: f32| if v.is_finite() { v.clamp(0.0, 16.0).sqrt() } else { 0.0 };
    match (sample, bytes) {
        (SampleType::U8, [v, ..]) => f32::from(*v),
        (SampleType::U16, [a, b, ..]) => f32::from(u16::from_ne_bytes([*a, *b])),
        (SampleType::F16, [a, b, ..]) => light(half::f16::from_ne_bytes([*a, *b]).to_f32()),
        (SampleType::F32, [a, b, c, d, ..]) => light(f32::from_ne_bytes([*a, *b, *c, *d])),
        _ => 0.0,
    }
}
