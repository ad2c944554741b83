//! The reduction of a picture to the depth model's size, while it streams by.
//!
//! Each model pixel (*cell*) is the area-weighted mean of the picture's pixels under it. Weights and sums are **integers**:
//! a coordinate is counted in units of 1 / (cells x pixels), so pixel x spans `x * cells .. (x + 1) * cells`, cell c spans
//! `c * pixels .. (c + 1) * pixels`, and their overlap is a whole number. Integer sums commute, so the result is bit-identical
//! for every strip height, thread count and order, and partial sums of pool threads may be merged in any order. The same
//! weights enlarge a picture smaller than the model input.
//!
//! Samples are sRGB-encoded 0..1 and are rounded to 16 bits, half to even; what is outside 0..1 is clamped and NaN counts as 0.

use crate::error::{Error, Result};
use crate::picture::Extent;

/// Planes fed in: red, green, blue, guide.
pub const PLANES: usize = 4;
/// Sums per cell: the planes and the squared guide.
const SUMS: usize = PLANES + 1;
/// The largest 16-bit code.
const FULL: f64 = 65535.0;
/// Squared guides are kept with 24 bits, so that a sum over 2^40 pixel-cell units cannot overflow 64 bits.
const SQUARE_SHIFT: u32 = 8;
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

/// Sums of some rows of the picture, over the cell rows they touch.
#[derive(Debug)]
pub struct Partial {
    first_cell_row: u32,
    rows_fed: u32,
    /// `[cell row][sum][cell]`.
    sums: Vec<u64>,
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
    /// A limit, when an extent is 0 or the picture has more than 2^40 pixels.
    pub fn new(picture: Extent, size: (u32, u32)) -> Result<Self> {
        if picture.pixels() == 0 || size.0 == 0 || size.1 == 0 || picture.pixels() > MAX_PIXELS {
            return Err(Error::Limit {
                path: format!("reduction of {picture} to {}x{}", size.0, size.1).into(),
                what: "number of pixels",
                value: picture.pixels(),
                limit: MAX_PIXELS,
            });
        }
        Ok(Self { picture, size, columns: spans(picture.width, size.0), rows: spans(picture.height, size.1) })
    }

    /// Sums of the picture rows `y..y + rows`, planes of `rows * width` samples each in the order red, green, blue, guide.
    /// Rows past the picture's end and samples that are missing are left out, which [`Reducer::finish`] notices.
    pub fn reduce(&self, y: u32, rows: u32, planes: [&[f32]; PLANES]) -> Partial {
        let width = self.picture.width as usize;
        let available = planes.iter().map(|plane| plane.len() / width).min().unwrap_or(0);
        let rows = rows.min(self.picture.height.saturating_sub(y)).min(u32::try_from(available).unwrap_or(u32::MAX));
        let cell_of = |row: u32| (u64::from(row) * u64::from(self.size.1) / u64::from(self.picture.height)) as u32;
        // When enlarging, one pixel row covers several cell rows: the last one is where the next pixel row begins, or before.
        let first = if rows == 0 { 0 } else { cell_of(y) };
        let last = if rows == 0 { 0 } else { self.last_cell_row(y + rows - 1) };
        let stride = self.size.0 as usize * SUMS;
        let mut partial =
            Partial { first_cell_row: first, rows_fed: rows, sums: vec![0; stride * (last - first + 1) as usize] };
        let mut line = LineSums::new(width, self.size.0 as usize);
        for i in 0..rows {
            let at = i as usize * width;
            line.fill(&self.columns, u64::from(self.size.0), planes.map(|plane| &plane[at..at + width]));
            self.spread(y + i, &line.sums, &mut partial);
        }
        partial
    }

    /// The last cell row that picture row `row` touches.
    fn last_cell_row(&self, row: u32) -> u32 {
        ((u64::from(row + 1) * u64::from(self.size.1) - 1) / u64::from(self.picture.height)) as u32
    }

    /// Adds the horizontal sums of picture row `row` to every cell row it touches.
    fn spread(&self, row: u32, line: &[u64], partial: &mut Partial) {
        let first = (u64::from(row) * u64::from(self.size.1) / u64::from(self.picture.height)) as u32;
        for cell_row in first..=self.last_cell_row(row) {
            let Some(span) = self.rows.get(cell_row as usize) else { return };
            let weight = if row == span.first {
                span.first_weight
            } else if row == span.last {
                span.last_weight
            } else {
                u64::from(self.size.1)
            };
            let at = (cell_row - partial.first_cell_row) as usize * line.len();
            for (sum, value) in partial.sums[at..at + line.len()].iter_mut().zip(line) {
                *sum += value * weight;
            }
        }
    }
}

/// Horizontal sums of one picture row, `[sum][cell]`, and scratch.
struct LineSums {
    sums: Vec<u64>,
    codes: Vec<u32>,
    cells: usize,
}

impl LineSums {
    fn new(width: usize, cells: usize) -> Self {
        Self { sums: vec![0; cells * SUMS], codes: vec![0; width], cells }
    }

    fn fill(&mut self, columns: &[Span], full_weight: u64, planes: [&[f32]; PLANES]) {
        for (plane, sums) in planes.iter().zip(self.sums.chunks_exact_mut(self.cells)) {
            for (code, &value) in self.codes.iter_mut().zip(*plane) {
                *code = quantize(value);
            }
            sum_cells(columns, full_weight, &self.codes, sums);
        }
        // The guide came last, so its codes are still here.
        for code in &mut self.codes {
            *code = (*code * *code) >> SQUARE_SHIFT;
        }
        sum_cells(columns, full_weight, &self.codes, &mut self.sums[PLANES * self.cells..]);
    }
}

fn sum_cells(columns: &[Span], full_weight: u64, codes: &[u32], sums: &mut [u64]) {
    for (span, sum) in columns.iter().zip(sums) {
        let pixels = &codes[span.first as usize..=span.last as usize];
        *sum = match pixels {
            [first, middle @ .., last] => {
                let middle: u64 = middle.iter().map(|&code| u64::from(code)).sum();
                u64::from(*first) * span.first_weight + middle * full_weight + u64::from(*last) * span.last_weight
            }
            [only] => u64::from(*only) * span.first_weight,
            [] => 0,
        };
    }
}

/// A sample in 0..1 as a 16-bit code, half to even. NaN is 0.
#[inline(always)]
fn quantize(value: f32) -> u32 {
    // Not `clamp`, which keeps NaN.
    let bounded = if value > 0.0 { value } else { 0.0 };
    let bounded = if bounded < 1.0 { bounded } else { 1.0 };
    // Adding 2^23 leaves the rounded integer in the low bits of the mantissa: rounds without a library call.
    (bounded * FULL as f32 + 8_388_608.0).to_bits() & 0x1_ffff
}

/// Sums of a whole picture: feed every row once, in any order and any grouping.
#[derive(Debug)]
pub struct Reducer {
    plan: ReducePlan,
    sums: Vec<u64>,
    rows_fed: u64,
}

impl Reducer {
    /// An empty reduction of a picture to `size` = (width, height).
    ///
    /// # Errors
    /// As [`ReducePlan::new`].
    pub fn new(picture: Extent, size: (u32, u32)) -> Result<Self> {
        let plan = ReducePlan::new(picture, size)?;
        Ok(Self { sums: vec![0; size.0 as usize * size.1 as usize * SUMS], plan, rows_fed: 0 })
    }

    /// The geometry, for threads that compute [`Partial`] sums of their own.
    pub fn plan(&self) -> &ReducePlan {
        &self.plan
    }

    /// Adds sums that [`ReducePlan::reduce`] computed with this reduction's plan.
    pub fn merge(&mut self, partial: &Partial) {
        let at = partial.first_cell_row as usize * self.plan.size.0 as usize * SUMS;
        for (sum, value) in self.sums.iter_mut().skip(at).zip(&partial.sums) {
            *sum += value;
        }
        self.rows_fed += u64::from(partial.rows_fed);
    }

    /// Adds picture rows `y..y + rows`; planes as for [`ReducePlan::reduce`].
    pub fn add_rows(&mut self, y: u32, rows: u32, red: &[f32], green: &[f32], blue: &[f32], guide: &[f32]) {
        let partial = self.plan.reduce(y, rows, [red, green, blue, guide]);
        self.merge(&partial);
    }

    /// Bytes a reduction to `size` holds, for the budget.
    pub fn bytes(size: (u32, u32)) -> u64 {
        u64::from(size.0) * u64::from(size.1) * (SUMS as u64) * 8
    }

    /// The means.
    ///
    /// # Errors
    /// When not every row was fed exactly once: a fault of the program, reported instead of a wrong depth.
    pub fn finish(&self) -> Result<Reduced> {
        let picture = self.plan.picture;
        if self.rows_fed != u64::from(picture.height) {
            return Err(Error::Environment(format!(
                "internal error: the reduction for the depth model was fed {} rows of a picture of {picture}",
                self.rows_fed
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
        for (extent, size) in [(Extent { width: 97, height: 61 }, (16, 12)), (Extent { width: 9, height: 5 }, (16, 12))]
        {
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
