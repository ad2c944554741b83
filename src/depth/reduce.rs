//! The reduction of a picture to the depth model's size, while it streams by.
//!
//! Each model pixel (*cell*) is the area-weighted mean of the picture's pixels under it. Weights and sums are **integers**:
//! a coordinate is counted in units of 1 / (cells x pixels), so pixel x spans `x * cells .. (x + 1) * cells`, cell c spans
//! `c * pixels .. (c + 1) * pixels`, and their overlap is a whole number. Integer sums commute, so the result is bit-identical
//! for every strip height, thread count and order, and partial sums of pool threads may be merged in any order. The same
//! weights enlarge a picture smaller than the model input.
//!
//! Samples are sRGB-encoded 0..1 and are rounded to 16 bits, half to even; what is outside 0..1 is clamped and NaN counts as 0.

mod tile;

pub use tile::{CellSums, TileSums};

use crate::color::math::unit;
use crate::error::{Error, Result};
use crate::ops::{CHUNK, Isa};
use crate::picture::Extent;

/// Planes fed in: red, green, blue, guide.
pub const PLANES: usize = 4;
/// Sums per cell: the planes and the squared guide.
const SUMS: usize = PLANES + 1;
/// The largest 16-bit code.
const FULL: f64 = 65535.0;
/// Squared guides are kept with 24 bits, so that a sum over 2^40 pixel-cell units cannot overflow 64 bits.
const SQUARE_SHIFT: u32 = 8;
/// Most cells along one axis: weights of rows then fit the sums of a tile.
const MAX_CELLS: u32 = 65_536;
/// Largest picture area: see [`SQUARE_SHIFT`].
const MAX_PIXELS: u64 = 1 << 40;

/// Overlaps along one axis for one cell: `first..=last` pixels; all but the ends have the full weight.
#[derive(Debug, Clone, Copy)]
struct Span {
    first: u32,
    last: u32,
    first_weight: u64,
    last_weight: u64,
}

/// The pixels under each of `cells` cells over `pixels` pixels. Weights of one cell sum to `pixels`.
fn spans(pixels: u32, cells: u32) -> Vec<Span> {
    let (p, n) = (u64::from(pixels), u64::from(cells));
    (0..n)
        .map(|cell| {
            let (begin, end) = (cell * p, (cell + 1) * p);
            let (first, last) = (begin / n, (end - 1) / n);
            let overlap = |x: u64| ((x + 1) * n).min(end) - (x * n).max(begin);
            Span { first: first as u32, last: last as u32, first_weight: overlap(first), last_weight: overlap(last) }
        })
        .collect()
}

/// Geometry of one reduction; immutable, shared by all threads that feed it.
#[derive(Debug)]
pub struct ReducePlan {
    picture: Extent,
    size: (u32, u32),
    columns: Vec<Span>,
    rows: Vec<Span>,
}

/// What *analyse* keeps of the picture for depth: everything at the model's size, row by row from the top.
#[derive(Debug, Clone, PartialEq)]
pub struct Reduced {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Mean encoded red, then green, then blue: `[3, height, width]`, 0..1.
    pub rgb: Vec<f32>,
    /// Mean guide, `[height, width]`, 0..1.
    pub guide: Vec<f32>,
    /// Mean squared guide, `[height, width]`, 0..1.
    pub guide_squared: Vec<f32>,
}

impl ReducePlan {
    /// Reduction of a picture to `size` = (width, height) cells.
    ///
    /// # Errors
    /// A limit, when an extent is 0, the picture has more than 2^40 pixels, or `size` is above 65536 cells.
    pub fn new(picture: Extent, size: (u32, u32)) -> Result<Self> {
        let cells = size.0.max(size.1) <= MAX_CELLS && size.0.min(size.1) > 0;
        if picture.pixels() == 0 || !cells || picture.pixels() > MAX_PIXELS {
            return Err(Error::Limit {
                path: format!("reduction of {picture} to {}x{}", size.0, size.1).into(),
                what: "number of pixels",
                value: picture.pixels(),
                limit: MAX_PIXELS,
            });
        }
        Ok(Self { picture, size, columns: spans(picture.width, size.0), rows: spans(picture.height, size.1) })
    }

    /// The first cell row that picture row `row` touches.
    fn first_cell_row(&self, row: u32) -> u32 {
        (u64::from(row) * u64::from(self.size.1) / u64::from(self.picture.height)) as u32
    }

    /// The last cell row that picture row `row` touches.
    fn last_cell_row(&self, row: u32) -> u32 {
        ((u64::from(row + 1) * u64::from(self.size.1) - 1) / u64::from(self.picture.height)) as u32
    }

    /// What picture row `row` counts for in cell row `cell_row`, which it touches.
    fn row_weight(&self, row: u32, cell_row: u32) -> u64 {
        match self.rows.get(cell_row as usize) {
            Some(span) if row == span.first => span.first_weight,
            Some(span) if row == span.last => span.last_weight,
            Some(_) => u64::from(self.size.1),
            None => 0,
        }
    }
}

/// A sample in 0..1 as a 16-bit code, half to even. NaN is 0.
#[inline(always)]
fn quantize(value: f32) -> u32 {
    // Adding 2^23 leaves the rounded integer in the low bits of the mantissa: rounds without a library call.
    (unit(value) * FULL as f32 + 8_388_608.0).to_bits() & 0x1_ffff
}

/// Sums of a whole picture: feed every row once, in any order and any grouping.
#[derive(Debug)]
pub struct Reducer {
    plan: ReducePlan,
    /// `[cell row][sum][cell]`.
    sums: Vec<u64>,
    pixels_fed: u64,
}

impl Reducer {
    /// An empty reduction of a picture to `size` = (width, height).
    ///
    /// # Errors
    /// As [`ReducePlan::new`].
    pub fn new(picture: Extent, size: (u32, u32)) -> Result<Self> {
        let plan = ReducePlan::new(picture, size)?;
        Ok(Self { sums: vec![0; size.0 as usize * size.1 as usize * SUMS], plan, pixels_fed: 0 })
    }

    /// The geometry, for [`TileSums`].
    pub fn plan(&self) -> &ReducePlan {
        &self.plan
    }

    /// Adds sums that a [`TileSums`] of this reduction's geometry handed out.
    pub fn add(&mut self, cells: &CellSums) {
        let width = self.plan.size.0 as usize;
        let at = cells.row as usize * width * SUMS + cells.first as usize;
        let count = cells.sums.len() / SUMS;
        for (sum, values) in cells.sums.chunks_exact(count.max(1)).enumerate() {
            let line = self.sums.iter_mut().skip(at + sum * width);
            line.zip(values).for_each(|(sum, value)| *sum += value);
        }
        self.pixels_fed += cells.pixels;
    }

    /// Adds picture rows `y..y + rows`, planes of `rows` times the picture's width.
    pub fn add_rows(&mut self, y: u32, rows: u32, red: &[f32], green: &[f32], blue: &[f32], guide: &[f32]) {
        let width = self.plan.picture.width as usize;
        let (mut tile, mut found) = (TileSums::default(), Vec::new());
        for x in (0..width).step_by(CHUNK) {
            let mut take = |cells: &CellSums| found.push(cells.clone());
            for row in 0..rows as usize {
                let at = row * width + x..row * width + width.min(x + CHUNK);
                let planes = [red, green, blue, guide].map(|plane| plane.get(at.clone()).unwrap_or(&[]));
                tile.add(&self.plan, Isa::best(), (x as u32, y + row as u32), planes, &mut take);
            }
            tile.finish(&self.plan, &mut take);
        }
        found.iter().for_each(|cells| self.add(cells));
    }

    /// The means.
    ///
    /// # Errors
    /// When not every pixel was fed exactly once: a fault of the program, reported instead of a wrong depth.
    pub fn finish(&self) -> Result<Reduced> {
        let picture = self.plan.picture;
        if self.pixels_fed != picture.pixels() {
            return Err(Error::Environment(format!(
                "internal error: the reduction for the depth model was fed {} pixels of a picture of {picture}",
                self.pixels_fed
            )));
        }
        let (width, height) = self.plan.size;
        let cells = width as usize * height as usize;
        let code_scale = 1.0 / (picture.pixels() as f64 * FULL);
        let square_scale = f64::from(1u32 << SQUARE_SHIFT) / (picture.pixels() as f64 * FULL * FULL);
        let mut planes = [const { Vec::new() }; SUMS];
        for (sum, plane) in planes.iter_mut().enumerate() {
            let scale = if sum == PLANES { square_scale } else { code_scale };
            plane.reserve_exact(cells);
            for row in self.sums.chunks_exact(width as usize * SUMS) {
                let line = &row[sum * width as usize..(sum + 1) * width as usize];
                plane.extend(line.iter().map(|&value| (value as f64 * scale) as f32));
            }
        }
        let [mut rgb, green, blue, guide, guide_squared] = planes;
        rgb.extend(green);
        rgb.extend(blue);
        Ok(Reduced { width, height, rgb, guide, guide_squared })
    }
}

/// The `percent`-th percentile (0..100) of the finite values, linear between ranks (NumPy's default); `None` without any.
/// Depends only on the values, never on their order.
pub fn percentile(values: &[f32], percent: f64) -> Option<f32> {
    let mut sorted: Vec<f32> = values.iter().copied().filter(|value| value.is_finite()).collect();
    percentile_in_place(&mut sorted, percent)
}

/// As [`percentile`], on finite values that may be reordered.
pub fn percentile_in_place(values: &mut [f32], percent: f64) -> Option<f32> {
    let highest = values.len().checked_sub(1)?;
    let rank = (percent / 100.0).clamp(0.0, 1.0) * highest as f64;
    let lower = (rank.floor() as usize).min(highest);
    let (_, &mut low, above) = values.select_nth_unstable_by(lower, f32::total_cmp);
    let high = above.iter().copied().min_by(f32::total_cmp).unwrap_or(low);
    Some((f64::from(low) + (f64::from(high) - f64::from(low)) * (rank - lower as f64)) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(n: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        (0..n)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / 16_777_216.0
            })
            .collect()
    }

    fn reduce(extent: Extent, size: (u32, u32), planes: &[Vec<f32>; 4], heights: &[u32], reverse: bool) -> Reduced {
        let mut reducer = Reducer::new(extent, size).unwrap();
        let (mut y, mut cuts) = (0, Vec::new());
        for i in 0.. {
            if y >= extent.height {
                break;
            }
            let rows = heights[i % heights.len()].min(extent.height - y);
            cuts.push((y, rows));
            y += rows;
        }
        if reverse {
            cuts.reverse();
        }
        for (y, rows) in cuts {
            let range = (y * extent.width) as usize..((y + rows) * extent.width) as usize;
            let [r, g, b, l] = planes;
            reducer.add_rows(y, rows, &r[range.clone()], &g[range.clone()], &b[range.clone()], &l[range]);
        }
        reducer.finish().unwrap()
    }

    #[test]
    fn strips_threads_and_order_do_not_matter() {
        for (extent, size) in [
            (Extent { width: 97, height: 61 }, (16, 12)),
            (Extent { width: 9, height: 5 }, (16, 12)),
            (Extent { width: 40, height: 3 }, (7, 10)),
            (Extent { width: 1100, height: 5 }, (37, 3)),
        ] {
            let n = extent.pixels() as usize;
            let planes = [noise(n, 1), noise(n, 2), noise(n, 3), noise(n, 4)];
            let whole = reduce(extent, size, &planes, &[extent.height], false);
            for heights in [&[1][..], &[7], &[3, 1, 20], &[64]] {
                for reverse in [false, true] {
                    assert_eq!(whole, reduce(extent, size, &planes, heights, reverse), "{extent} {heights:?}");
                }
            }
        }
    }

    #[test]
    fn means_agree_with_a_float64_oracle() {
        for (extent, size) in [
            (Extent { width: 97, height: 61 }, (16, 12)),
            (Extent { width: 9, height: 5 }, (16, 12)),
            (Extent { width: 1100, height: 5 }, (37, 3)),
        ] {
            let n = extent.pixels() as usize;
            let planes = [noise(n, 1), noise(n, 2), noise(n, 3), noise(n, 4)];
            let reduced = reduce(extent, size, &planes, &[13], false);
            let overlap = |c: u32, cells: u32, p: usize, pixels: u32| -> f64 {
                let unit = f64::from(pixels) / f64::from(cells);
                let (begin, end) = (f64::from(c) * unit, f64::from(c + 1) * unit);
                ((p as f64 + 1.0).min(end) - (p as f64).max(begin)).max(0.0) / unit
            };
            for cy in 0..size.1 {
                for cx in 0..size.0 {
                    let (mut blue, mut square) = (0.0, 0.0);
                    for y in 0..extent.height as usize {
                        for x in 0..extent.width as usize {
                            let weight = overlap(cx, size.0, x, extent.width) * overlap(cy, size.1, y, extent.height);
                            blue += weight * f64::from(planes[2][y * extent.width as usize + x]);
                            square += weight * f64::from(planes[3][y * extent.width as usize + x]).powi(2);
                        }
                    }
                    let at = (cy * size.0 + cx) as usize;
                    let cells = (size.0 * size.1) as usize;
                    assert!((f64::from(reduced.rgb[2 * cells + at]) - blue).abs() < 1e-5);
                    assert!((f64::from(reduced.guide_squared[at]) - square).abs() < 2e-5);
                }
            }
        }
    }

    #[test]
    fn out_of_range_and_nan_are_bounded() {
        let codes = [f32::NAN, -1.0, 0.0, 1.0, 7.0, f32::INFINITY, 0.5].map(quantize);
        assert_eq!(codes, [0, 0, 0, 65535, 65535, 65535, 32768]);
    }

    #[test]
    fn missing_rows_are_an_error() {
        let mut reducer = Reducer::new(Extent { width: 4, height: 4 }, (2, 2)).unwrap();
        let row = [0.5; 4];
        reducer.add_rows(0, 1, &row, &row, &row, &row);
        assert!(reducer.finish().is_err());
    }

    #[test]
    fn percentiles_follow_numpy() {
        let values: Vec<f32> = (0..11).rev().map(|v| v as f32).collect();
        assert_eq!(percentile(&values, 1.0), Some(0.1));
        assert_eq!(percentile(&values, 99.0), Some(9.9));
        assert_eq!(percentile(&[f32::NAN], 50.0), None);
        assert_eq!(percentile(&[3.0, f32::INFINITY], 99.0), Some(3.0));
    }
}
