//! A supplied map at low resolution: what the join is fitted to, what holes are filled from, and what tells whether a map looks wrong.
//!
//! Each cell is the mean nearness of the valid values under its place. Cells without any are filled from their surroundings, over coarser and
//! coarser means (the pull and push of Gortler, Grzeszczuk, Szeliski and Cohen, "The Lumigraph", 1996, section 3.4.1).
//!
//! Values are added row by row from the top, on one thread: sums in a fixed order, whatever the strips.

use super::SuppliedKind;
use crate::picture::{Extent, Region};

/// Sums of a map over cells.
#[derive(Debug, Clone)]
pub struct LowSums {
    kind: SuppliedKind,
    picture: Extent,
    size: (u32, u32),
    /// Cell of every column.
    columns: Vec<u32>,
    sums: Vec<f64>,
    counts: Vec<u32>,
}

/// A map at low resolution.
#[derive(Debug, Clone, PartialEq)]
pub struct LowMap {
    /// Columns and rows.
    pub size: (u32, u32),
    /// Nearness, row by row from the top.
    pub values: Vec<f32>,
    /// Cells that had no valid value.
    pub filled: u64,
}

impl LowSums {
    /// Empty sums for a map of `picture` pixels at `size` cells, at least 1 and at most one per pixel either way.
    pub fn new(kind: SuppliedKind, picture: Extent, size: (u32, u32)) -> Self {
        let size = (size.0.clamp(1, picture.width.max(1)), size.1.clamp(1, picture.height.max(1)));
        let cells = size.0 as usize * size.1 as usize;
        let columns = (0..picture.width).map(|x| cell(x, size.0, picture.width)).collect();
        Self { kind, picture, size, columns, sums: vec![0.0; cells], counts: vec![0; cells] }
    }

    /// Adds the values of some rows.
    pub fn add(&mut self, region: Region, values: &[f32]) {
        let width = self.size.0 as usize;
        for (y, row) in (region.y..).zip(values.chunks_exact(region.width.max(1) as usize)) {
            let start = cell(y, self.size.1, self.picture.height) as usize * width;
            let (Some(sums), Some(counts)) =
                (self.sums.get_mut(start..start + width), self.counts.get_mut(start..start + width))
            else {
                return;
            };
            for (column, value) in self.columns.iter().zip(row) {
                if let (Some(nearness), Some(sum), Some(count)) =
                    (self.kind.nearness(*value), sums.get_mut(*column as usize), counts.get_mut(*column as usize))
                {
                    *sum += f64::from(nearness);
                    *count += 1;
                }
            }
        }
    }

    /// The means, with cells without valid values filled; those of a map without any are `blank`.
    pub fn finish(self, blank: f32) -> LowMap {
        let means = self.sums.iter().zip(&self.counts);
        let mut values: Vec<f32> =
            means.map(|(sum, count)| if *count > 0 { (sum / f64::from(*count)) as f32 } else { f32::NAN }).collect();
        let filled = values.iter().filter(|v| v.is_nan()).count() as u64;
        fill(&mut values, (self.size.0 as usize, self.size.1 as usize), blank);
        LowMap { size: self.size, values, filled }
    }
}

/// The cell of pixel `at`.
fn cell(at: u32, cells: u32, pixels: u32) -> u32 {
    (u64::from(at) * u64::from(cells) / u64::from(pixels.max(1))) as u32
}

/// Replaces NaN by what surrounds it.
fn fill(values: &mut [f32], (w, h): (usize, usize), blank: f32) {
    if !values.iter().any(|v| v.is_nan()) {
        return;
    }
    if w * h <= 1 {
        values.fill(blank);
        return;
    }
    let (cw, ch) = (w.div_ceil(2), h.div_ceil(2));
    let mut coarse = Vec::with_capacity(cw * ch);
    for y in 0..ch {
        for x in 0..cw {
            let (mut sum, mut count) = (0.0, 0.0);
            for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                let (x, y) = (2 * x + dx, 2 * y + dy);
                let value = if x < w && y < h { values.get(y * w + x).copied() } else { None };
                if let Some(value) = value.filter(|v| !v.is_nan()) {
                    (sum, count) = (sum + value, count + 1.0);
                }
            }
            coarse.push(if count > 0.0 { sum / count } else { f32::NAN });
        }
    }
    fill(&mut coarse, (cw, ch), blank);
    for y in 0..h {
        for x in 0..w {
            if let Some(value) = values.get_mut(y * w + x).filter(|v| v.is_nan()) {
                *value = bilinear(&coarse, (cw, ch), (x as f32 * 0.5 - 0.25, y as f32 * 0.5 - 0.25));
            }
        }
    }
}

/// The value of a map at a place counted in cells from the middle of the first one; borders are repeated.
fn bilinear(values: &[f32], (w, h): (usize, usize), (x, y): (f32, f32)) -> f32 {
    let place = |at: f32, count: usize| {
        let at = at.max(0.0).min(count.saturating_sub(1) as f32);
        (at as usize, (at as usize + 1).min(count.saturating_sub(1)), at - at.floor())
    };
    let ((x0, x1, fx), (y0, y1, fy)) = (place(x, w), place(y, h));
    let at = |x: usize, y: usize| values.get(y * w + x).copied().unwrap_or(0.0);
    let mix = |a: f32, b: f32, t: f32| a + (b - a) * t;
    mix(mix(at(x0, y0), at(x1, y0), fx), mix(at(x0, y1), at(x1, y1), fx), fy)
}

impl LowMap {
    /// Nearness at pixel (`x`, `y`) of a picture of this size, interpolated.
    pub fn at(&self, (x, y): (u32, u32), picture: Extent) -> f32 {
        let place = |at: u32, cells: u32, pixels: u32| {
            ((f64::from(at) + 0.5) * f64::from(cells) / f64::from(pixels.max(1)) - 0.5) as f32
        };
        let (w, h) = (self.size.0 as usize, self.size.1 as usize);
        bilinear(&self.values, (w, h), (place(x, self.size.0, picture.width), place(y, self.size.1, picture.height)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strips_do_not_matter_and_holes_are_filled() {
        let extent = Extent { width: 37, height: 23 };
        let value = |i: usize| if (i / 5).is_multiple_of(3) { f32::NAN } else { 0.5 + (i % 37) as f32 * 0.1 };
        let values: Vec<f32> = (0..extent.pixels() as usize).map(value).collect();
        let low = |rows: u32| {
            let mut sums = LowSums::new(SuppliedKind::Depth, extent, (12, 7));
            for region in Region::strips(extent, rows) {
                let start = (region.y * 37) as usize;
                sums.add(region, &values[start..start + region.pixels()]);
            }
            sums.finish(0.0)
        };
        let whole = low(23);
        assert!([1, 4, 9].iter().all(|rows| low(*rows) == whole));
        assert!(whole.values.iter().all(|v| v.is_finite() && *v > 0.0));
    }

    #[test]
    fn a_hole_in_a_plane_stays_near_the_plane() {
        let extent = Extent { width: 64, height: 64 };
        let values: Vec<f32> = (0..64 * 64)
            .map(|i| {
                let (x, y) = (i % 64, i / 64);
                let hole = (20..40).contains(&x) && (24..36).contains(&y);
                if hole { f32::NAN } else { 1.0 + x as f32 / 64.0 }
            })
            .collect();
        let mut sums = LowSums::new(SuppliedKind::Disparity, extent, (64, 64));
        sums.add(Region { width: 64, y: 0, rows: 64 }, &values);
        let low = sums.finish(0.0);
        assert_eq!(low.filled, 20 * 12);
        for x in 20..40 {
            let found = low.at((x, 30), extent);
            assert!((found - (1.0 + x as f32 / 64.0)).abs() < 0.12, "{x}: {found}");
        }
    }

    #[test]
    fn a_map_without_a_value_is_blank() {
        let extent = Extent { width: 5, height: 3 };
        let mut sums = LowSums::new(SuppliedKind::Depth, extent, (9, 9));
        sums.add(Region { width: 5, y: 0, rows: 3 }, &[0.0; 15]);
        let low = sums.finish(0.25);
        assert_eq!((low.size, low.values, low.filled), ((5, 3), vec![0.25; 15], 15));
    }
}
