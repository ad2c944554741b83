//! The point evaluation of the depth join: normalized disparity of one pixel from four coefficients and its own guide.
//!
//! The coefficients `a, b, lo, hi` are fitted at the depth model's resolution (`depth::join`), stored as half floats
//! and interpolated bilinearly here. A pixel's disparity is the line `a * (guide - 0.5) + b`, held inside `lo..hi`, the
//! range of the nearest model pixels, and sharpened inside that range where the range is an edge and no slope.
//! Nothing but the pixel's own guide is read: no margin, so strips are bit-identical to the whole picture.
//!
//! *Guide*: luma of the **source** pixel in a fixed bounded encoding, 0..1, taken before any operation. *Normalized
//! disparity*: 0 at the farthest, 1 at the nearest percent of the picture, larger = nearer; it may leave 0..1 by a
//! little and is clamped by whoever turns it into a distance.
//!
//! With a **color guide** the line has three slopes, one for each channel of the source: edges between colors of the same luma are found as
//! well ([`color`]).
//!
//! The GPU twin is `shaders/ops/disparity.wgsl`, line for line.

#![allow(clippy::manual_clamp, reason = "the twin's form: max and min drop NaN, clamp keeps it")]

use bytemuck::{Pod, Zeroable};

use super::{Chunk, Context, Op, Px, Range, Step, Tables, params};
use crate::color::curve::CurveConstants;
use crate::color::math::unit;

pub mod color;

params! {
    /// Joins the depth model's low-resolution map to the pixel, inserted by plans that need depth.
    pub struct Params {}
}

/// Coefficients of one picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Join {
    /// Constants, with the table at word 0 of `words`.
    pub constants: JoinConstants,
    /// Texels.
    pub words: Vec<u32>,
}

impl Join {
    /// The disparities that pixels may have, evenly all over the picture: the ends of the range of every texel, which are one but for edges.
    pub fn disparities(&self) -> impl Iterator<Item = f32> {
        let half = |bits: u32| half::f16::from_bits(bits as u16).to_f32();
        // The range is the last word of a texel, whatever guides it.
        let ranges = self.words.chunks_exact(self.constants.texel_words().max(1) as usize).filter_map(|texel| texel.last());
        ranges.flat_map(move |range| [half(*range), half(*range >> 16)])
    }
}

/// The step that sets [`Px::disparity`].
pub fn step(join: &Join, tables: &mut Tables) -> Step {
    let table = tables.push_words(join.words.iter().copied());
    Step::new::<Spec>(&JoinConstants { table, ..join.constants }, 1.0)
}

/// The step.
pub struct Spec;

impl Op for Spec {
    const ID: &'static str = "disparity";
    const WGSL: &'static str = include_str!("../../shaders/ops/disparity.wgsl");
    const GUARDED: bool = false;
    const WRITES_BESIDE: bool = true;
    type Params = Params;
    type Constants = JoinConstants;

    fn prepare(_: &Params, _: &Context, tables: &mut Tables) -> Result<JoinConstants, String> {
        // One flat texel: disparity 0.5 everywhere. Plans use `step` with real coefficients.
        let table = tables.push_words([u32::from(half::f16::from_f32(0.5).to_bits()) << 16, 0x3800_3800]);
        Ok(JoinConstants::new(table, 1, 1, (1, 1)))
    }

    fn range(before: Range) -> Range {
        before
    }

    #[inline(always)]
    fn pixel(c: &JoinConstants, tables: &[u32], px: Px) -> Px {
        let disparity = match c.guide {
            color::LUMA => evaluate(c, tables, px.guide, px.x, px.y),
            _ => color::evaluate(c, tables, px.rgb, px.x, px.y),
        };
        Px { disparity, ..px }
    }

    #[inline(always)]
    fn chunk(c: &JoinConstants, tables: &[u32], chunk: &mut Chunk) -> bool {
        let n = chunk.len;
        if c.guide != color::LUMA {
            color::evaluate_chunk(c, tables, chunk);
            return true;
        }
        let mut row = RowEvaluator::default();
        row.prepare(c, tables, chunk.y, chunk.x, n);
        row.evaluate(c, &chunk.guide[..n], chunk.x, &mut chunk.disparity[..n]);
        true
    }
}

/// Added to the guide before the line is evaluated. Half floats keep twice the precision of `b` when the guide is centered.
pub const GUIDE_CENTER: f32 = 0.5;
/// Steepness of the position inside `lo..hi` before the S-curve: 2 halves the width of an interpolated edge.
pub const GAIN: f32 = 2.0;
/// Relative range `(hi - lo) / mean` below which nothing is sharpened.
pub const GATE_LOW: f32 = 0.02;
/// Width of the ramp above [`GATE_LOW`] over which sharpening sets in.
pub const GATE_WIDTH: f32 = 0.06;
/// Floor of the mean in the relative range, so that the farthest pixels do not divide by nothing.
pub const MEAN_FLOOR: f32 = 0.02;
/// Words of one texel: `a, b` and `lo, hi`, two half floats each.
pub const TEXEL_WORDS: u32 = 2;

/// What both twins read: scalars of four bytes, in this order on the GPU as well.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
pub struct JoinConstants {
    /// First word of the texels in the shared table array.
    pub table: u32,
    /// Texels in a row, at least 1.
    pub width: u32,
    /// Rows of texels, at least 1.
    pub height: u32,
    /// `width` / picture width.
    pub x_scale: f32,
    /// `height` / picture height.
    pub y_scale: f32,
    /// See [`GAIN`].
    pub gain: f32,
    /// See [`GATE_LOW`].
    pub gate_low: f32,
    /// 1 / [`GATE_WIDTH`].
    pub gate_scale: f32,
    /// What the line runs over: [`color::LUMA`], [`color::CODES`] or [`color::LIGHT`].
    pub guide: u32,
    /// For [`color::LIGHT`]: working primaries to those of the guide, row by row.
    pub matrix: [f32; 9],
    /// For [`color::LIGHT`]: light to code value.
    pub curve: CurveConstants,
}

impl JoinConstants {
    /// Constants for `width` x `height` texels at word `table`, laid over a picture of `picture` = (width, height) pixels.
    pub fn new(table: u32, width: u32, height: u32, picture: (u32, u32)) -> Self {
        Self {
            table,
            width: width.max(1),
            height: height.max(1),
            x_scale: (f64::from(width.max(1)) / f64::from(picture.0.max(1))) as f32,
            y_scale: (f64::from(height.max(1)) / f64::from(picture.1.max(1))) as f32,
            gain: GAIN,
            gate_low: GATE_LOW,
            gate_scale: 1.0 / GATE_WIDTH,
            guide: color::LUMA,
            matrix: [0.0; 9],
            curve: CurveConstants::LINEAR,
        }
    }

    /// Words of one texel. The last one is the range, `lo, hi`.
    pub fn texel_words(&self) -> u32 {
        if self.guide == color::LUMA { TEXEL_WORDS } else { color::TEXEL_WORDS }
    }

    /// Words the table occupies.
    pub fn words(&self) -> usize {
        self.width as usize * self.height as usize * self.texel_words() as usize
    }
}

/// `a, b, lo, hi` at one place.
pub type Texel = [f32; 4];

/// A half float (IEEE 754 binary16, finite) as f32, exactly; subnormals included. Infinity and NaN are not handled:
/// the fit never writes them.
#[inline(always)]
pub fn half_to_f32(half: u32) -> f32 {
    // 2^112 rebiases the exponent (127 - 15); the multiplication is exact for normal and subnormal halves alike.
    let magnitude = f32::from_bits((half & 0x7fff) << 13) * f32::from_bits((127 + 112) << 23);
    f32::from_bits(magnitude.to_bits() | (half & 0x8000) << 16)
}

/// Unpacks the texel whose first word is `table[at]`; zeros past the end of the table.
#[inline(always)]
fn texel(table: &[u32], at: usize) -> Texel {
    let (Some(&first), Some(&second)) = (table.get(at), table.get(at + 1)) else {
        return [0.0; 4];
    };
    [half_to_f32(first), half_to_f32(first >> 16), half_to_f32(second), half_to_f32(second >> 16)]
}

#[inline(always)]
fn mix(from: Texel, to: Texel, t: f32) -> Texel {
    [
        from[0] + (to[0] - from[0]) * t,
        from[1] + (to[1] - from[1]) * t,
        from[2] + (to[2] - from[2]) * t,
        from[3] + (to[3] - from[3]) * t,
    ]
}

/// Where pixel `p` falls among `count` texels: the lower texel and the fraction towards the next.
/// Pixel centers are at half integers, the border texel is repeated (as OpenCV's `INTER_LINEAR`).
#[inline(always)]
fn locate(p: u32, scale: f32, count: u32) -> (u32, f32) {
    // Through i32, which every instruction set converts at once; coordinates stay below 2^31.
    // No map has 2^24 texels in a row; the bound is what the cast below relies on.
    let last = count.saturating_sub(1).min(1 << 24) as i32 as f32;
    let at = ((p as i32 as f32 + 0.5) * scale - 0.5).max(0.0).min(last);
    // SAFETY: `max` has dropped NaN, and 0 to 2^24 fits. A cast that saturates is not vectorized.
    let lower: i32 = unsafe { at.to_int_unchecked() };
    (lower as u32, at - lower as f32)
}

/// The disparity of one pixel from its interpolated coefficients and its guide (0..1).
#[inline(always)]
pub fn join_point(c: &JoinConstants, [a, b, lo, hi]: Texel, guide: f32) -> f32 {
    place(c, a * (guide - GUIDE_CENTER) + b, lo, hi)
}

/// The value of a line, held inside `lo..hi` and sharpened there.
#[inline(always)]
fn place(c: &JoinConstants, line: f32, lo: f32, hi: f32) -> f32 {
    let line = line.max(lo).min(hi);
    let range = hi - lo;
    let gate = (range / ((lo + hi) * 0.5).max(MEAN_FLOOR) - c.gate_low) * c.gate_scale;
    let gate = unit(gate);
    let t = unit(((line - lo) / range.max(1e-6) - 0.5) * c.gain + 0.5);
    let t = t * t * (3.0 - 2.0 * t);
    line + gate * (lo + range * t - line)
}

/// Normalized disparity of the picture's pixel (`x`, `y`) with guide `guide`: the definition the GPU is measured against.
///
/// `table` is the array holding this join's texels at `c.table`; a table that is too short reads as zeros.
#[inline(always)]
pub fn evaluate(c: &JoinConstants, table: &[u32], guide: f32, x: u32, y: u32) -> f32 {
    let (column, along) = locate(x, c.x_scale, c.width);
    let left = blend_column(c, table, column, y);
    let right = blend_column(c, table, (column + 1).min(c.width - 1), y);
    join_point(c, mix(left, right, along), guide)
}

/// The texels of `column` interpolated down to picture row `y`.
#[inline(always)]
fn blend_column(c: &JoinConstants, table: &[u32], column: u32, y: u32) -> Texel {
    let (row, down) = locate(y, c.y_scale, c.height);
    let next = (row + 1).min(c.height - 1);
    let at = |row: u32| c.table as usize + (row as usize * c.width as usize + column as usize) * TEXEL_WORDS as usize;
    mix(texel(table, at(row)), texel(table, at(next)), down)
}

/// Pixels handled together by [`RowEvaluator`]: the coefficients of a run stay in the first-level cache.
const RUN: usize = 64;
/// Pixels that one texel is spread over at once: the widest vector register.
const SPREAD: usize = 16;

/// A whole picture row at once: the same bits as [`evaluate`] for each pixel, at a fraction of the cost, because the
/// texels are unpacked and interpolated downwards once per row. Reuse one value for many rows.
#[derive(Debug, Default)]
pub struct RowEvaluator {
    /// Each texel of the prepared part of the row, with the step to its right neighbor.
    texels: Vec<(Texel, Texel)>,
    first: u32,
}

impl RowEvaluator {
    /// Prepares picture row `y` for pixels `x..x + count`.
    pub fn prepare(&mut self, c: &JoinConstants, table: &[u32], y: u32, x: u32, count: usize) {
        let last_pixel = x.saturating_add(u32::try_from(count.saturating_sub(1)).unwrap_or(u32::MAX));
        self.first = locate(x, c.x_scale, c.width).0;
        let last = locate(last_pixel, c.x_scale, c.width).0;
        self.texels.clear();
        self.texels.reserve((last - self.first) as usize + 1);
        let mut left = blend_column(c, table, self.first, y);
        for column in self.first..=last {
            let right = blend_column(c, table, (column + 1).min(c.width - 1), y);
            self.texels.push((left, [0, 1, 2, 3].map(|i: usize| right[i] - left[i])));
            left = right;
        }
    }

    /// Writes the disparity of pixels `x..x + out.len()`, which must be among the prepared ones, from their guides.
    #[inline(always)]
    pub fn evaluate(&self, c: &JoinConstants, guide: &[f32], x: u32, out: &mut [f32]) {
        let (mut columns, mut alongs) = ([u32::MAX; RUN + SPREAD], [0f32; RUN]);
        let mut lanes = [[0f32; RUN + SPREAD]; 8];
        for (run, (out, guide)) in out.chunks_mut(RUN).zip(guide.chunks(RUN)).enumerate() {
            let x = x + (run * RUN) as u32;
            for i in 0..RUN {
                (columns[i], alongs[i]) = locate(x.wrapping_add(i as u32), c.x_scale, c.width);
            }
            self.spread(&columns, &mut lanes);
            let [a, b, lo, hi, a_step, b_step, lo_step, hi_step] = &lanes;
            for i in 0..RUN.min(out.len()).min(guide.len()) {
                let along = alongs[i];
                let texel = [
                    a[i] + a_step[i] * along,
                    b[i] + b_step[i] * along,
                    lo[i] + lo_step[i] * along,
                    hi[i] + hi_step[i] * along,
                ];
                out[i] = join_point(c, texel, guide[i]);
            }
        }
    }

    /// Gives every pixel of a run the numbers of its texel. Columns never fall, and most pixels share theirs with the next ones: a texel is
    /// written over a whole register at once, and what is too much of it is written over by the next texel.
    #[inline(always)]
    fn spread(&self, columns: &[u32; RUN + SPREAD], lanes: &mut [[f32; RUN + SPREAD]; 8]) {
        let Some(highest) = self.texels.len().checked_sub(1) else { return };
        let mut at = 0;
        while at < RUN {
            let column = columns[at];
            let (texel, step) = self.texels[(column.wrapping_sub(self.first) as usize).min(highest)];
            for channel in 0..4 {
                lanes[channel][at..at + SPREAD].copy_from_slice(&[texel[channel]; SPREAD]);
                lanes[channel + 4][at..at + SPREAD].copy_from_slice(&[step[channel]; SPREAD]);
            }
            let mut same = 0;
            for other in &columns[at..at + SPREAD] {
                same += u32::from(*other == column);
            }
            at += same as usize;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(texels: &[Texel]) -> Vec<u32> {
        let half = |v: f32| u32::from(half::f16::from_f32(v).to_bits());
        texels.iter().flat_map(|t| [half(t[0]) | half(t[1]) << 16, half(t[2]) | half(t[3]) << 16]).collect()
    }

    #[test]
    fn every_finite_half_converts_exactly() {
        for bits in 0..=u16::MAX {
            let half = half::f16::from_bits(bits);
            if half.is_finite() {
                assert_eq!(half_to_f32(u32::from(bits)).to_bits(), half.to_f32().to_bits(), "{bits:#06x}");
            }
        }
    }

    #[test]
    fn a_flat_table_is_a_flat_disparity() {
        let table = pack(&[[3.0, 0.25, 0.25, 0.25]; 6]);
        let c = JoinConstants::new(0, 3, 2, (30, 20));
        for (x, y) in [(0, 0), (29, 19), (14, 10)] {
            assert_eq!(evaluate(&c, &table, 0.9, x, y), 0.25);
        }
    }

    #[test]
    fn half_pixel_centers_and_repeated_borders() {
        // Two texels over four pixels: centers at 0.25, 0.75, 1.25, 1.75 texels, minus one half.
        let table = pack(&[[0.0, 0.0, -9.0, 9.0], [0.0, 1.0, -9.0, 9.0]]);
        let mut c = JoinConstants::new(0, 2, 1, (4, 1));
        c.gate_scale = 0.0;
        let row: Vec<f32> = (0..4).map(|x| evaluate(&c, &table, 0.5, x, 0)).collect();
        assert_eq!(row, [0.0, 0.25, 0.75, 1.0]);
    }

    #[test]
    fn the_guide_places_the_edge() {
        // A step from 0.2 to 0.8 whose guide steps from 0 to 1 at the same place: the guide decides, not the distance.
        let table = pack(&[[0.6, 0.5, 0.2, 0.8]; 4]);
        let c = JoinConstants::new(0, 2, 2, (16, 16));
        let (dark, bright) = (evaluate(&c, &table, 0.0, 8, 8), evaluate(&c, &table, 1.0, 8, 8));
        assert!((dark - 0.2).abs() < 1e-3 && (bright - 0.8).abs() < 1e-3, "{dark} {bright}");
    }

    #[test]
    fn rows_are_bit_identical_to_points() {
        let (w, h) = (7u32, 5u32);
        let texels: Vec<Texel> = (0..w * h)
            .map(|i| {
                let d = ((i * 37) % 35) as f32 / 35.0;
                [(i % 5) as f32 - 2.0, d, d - 0.1, d + 0.2]
            })
            .collect();
        let mut table = vec![0u32; 11];
        table.extend(pack(&texels));
        let c = JoinConstants::new(11, w, h, (101, 53));
        let mut rows = RowEvaluator::default();
        for y in 0..53 {
            for (x, count) in [(0u32, 101usize), (40, 17), (100, 1)] {
                let guide: Vec<f32> = (0..count).map(|i| ((i * 29 + y as usize * 13) % 64) as f32 / 63.0).collect();
                let mut out = vec![0.0; count];
                rows.prepare(&c, &table, y, x, count);
                rows.evaluate(&c, &guide, x, &mut out);
                for (i, out) in out.iter().enumerate() {
                    let point = evaluate(&c, &table, guide[i], x + i as u32, y);
                    assert_eq!(out.to_bits(), point.to_bits(), "{x}+{i},{y}");
                }
            }
        }
    }

    #[test]
    fn a_short_table_reads_as_zeros() {
        let c = JoinConstants::new(5, 4, 4, (8, 8));
        assert_eq!(evaluate(&c, &[1, 2, 3], 0.5, 7, 7), 0.0);
    }

    #[test]
    fn edges_count_as_both_their_sides() {
        let half = |v: f32| u32::from(half::f16::from_f32(v).to_bits());
        // Half of the picture at 0.75, half at 0.25; one texel in four is an edge between them.
        let texel = |i: u32| match i % 4 {
            0 => [half(0.5), half(0.25) | half(0.75) << 16],
            1 | 2 => [half(0.75), half(0.75) | half(0.75) << 16],
            _ => [half(0.25), half(0.25) | half(0.25) << 16],
        };
        let words: Vec<u32> = (0..40).flat_map(texel).collect();
        let join = Join { constants: JoinConstants::new(0, 8, 5, (80, 50)), words };
        let found = crate::ops::quantiles::Quantiles::of(join.disparities().map(|disparity| (disparity, 1)));
        assert!((found.at(0.6) - 0.75).abs() < 1e-3 && (found.at(0.65) - 0.25).abs() < 1e-3, "{found:?}");
    }
}
