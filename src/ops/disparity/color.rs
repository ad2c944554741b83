//! The join with a color guide: three slopes, an offset and the range, six half floats in three words.
//!
//! The guide is what the depth model saw of the source pixel, three channels held inside 0..1: the code values of a display-referred picture as
//! they came, the sRGB-encoded light of a scene-referred one.

use super::{GUIDE_CENTER, JoinConstants, half_to_f32, locate, place};
use crate::color::curve::{self, CurveConstants, Direction};
use crate::color::encodings::SRGB_CURVE;
use crate::color::math::{each_channel, unit};
use crate::color::matrix;
use crate::ops::Chunk;
use crate::ops::matrix::{rows, times_finite};

/// The line runs over luma, in `Px::guide`.
pub const LUMA: u32 = 0;
/// The line runs over the code values in `Px::rgb`.
pub const CODES: u32 = 1;
/// The line runs over the linear Rec.2020 light in `Px::rgb`, sRGB-encoded.
pub const LIGHT: u32 = 2;
/// Words of one texel: `ar, ag`, `ab, b` and `lo, hi`.
pub const TEXEL_WORDS: u32 = 3;

/// `ar, ag, ab, b, lo, hi` at one place.
type Texel = [f32; 6];

impl JoinConstants {
    /// The same, with a line over colors: [`CODES`] or [`LIGHT`].
    pub fn with_color(self, guide: u32) -> Self {
        let curve = CurveConstants::new(&SRGB_CURVE, Direction::Encode).unwrap_or(CurveConstants::LINEAR);
        let between = matrix::between(&matrix::REC2020, &matrix::REC709).unwrap_or(matrix::IDENTITY);
        Self { guide, matrix: rows(&between), curve, ..self }
    }
}

/// The three guides of a pixel, 0..1 each.
#[inline(always)]
fn guides(c: &JoinConstants, rgb: [f32; 3]) -> [f32; 3] {
    if c.guide == CODES {
        return each_channel(rgb, unit);
    }
    each_channel(times_finite(&c.matrix, rgb), |v| curve::power_5_12_of_unit(&c.curve, unit(v)))
}

/// Zeros past the end of the table.
#[inline(always)]
fn texel(table: &[u32], at: usize) -> Texel {
    let word = |i: usize| table.get(at + i).copied().unwrap_or(0);
    let pair = |word: u32| [half_to_f32(word & 0xffff), half_to_f32(word >> 16)];
    let ([ar, ag], [ab, b], [lo, hi]) = (pair(word(0)), pair(word(1)), pair(word(2)));
    [ar, ag, ab, b, lo, hi]
}

#[inline(always)]
fn mix(from: Texel, to: Texel, t: f32) -> Texel {
    [0, 1, 2, 3, 4, 5].map(|i: usize| from[i] + (to[i] - from[i]) * t)
}

#[inline(always)]
fn blend_column(c: &JoinConstants, table: &[u32], column: u32, y: u32) -> Texel {
    let (row, down) = locate(y, c.y_scale, c.height);
    let next = (row + 1).min(c.height - 1);
    let at = |row: u32| c.table as usize + (row as usize * c.width as usize + column as usize) * TEXEL_WORDS as usize;
    mix(texel(table, at(row)), texel(table, at(next)), down)
}

#[inline(always)]
fn join_point(c: &JoinConstants, [ar, ag, ab, b, lo, hi]: Texel, guide: [f32; 3]) -> f32 {
    let [red, green, blue] = each_channel(guide, |v| v - GUIDE_CENTER);
    place(c, ar * red + ag * green + ab * blue + b, lo, hi)
}

/// Normalized disparity of the picture's pixel (`x`, `y`) with these channels: the definition the GPU is measured against.
#[inline(always)]
pub fn evaluate(c: &JoinConstants, table: &[u32], rgb: [f32; 3], x: u32, y: u32) -> f32 {
    let (column, along) = locate(x, c.x_scale, c.width);
    let left = blend_column(c, table, column, y);
    let right = blend_column(c, table, (column + 1).min(c.width - 1), y);
    join_point(c, mix(left, right, along), guides(c, rgb))
}

/// [`evaluate`] for a chunk, its texels interpolated downwards once: the same bits.
#[inline(always)]
pub(super) fn evaluate_chunk(c: &JoinConstants, table: &[u32], chunk: &mut Chunk) {
    let Some(last) = chunk.len.checked_sub(1) else { return };
    let first = locate(chunk.x, c.x_scale, c.width).0;
    let last = locate(chunk.x.saturating_add(last as u32), c.x_scale, c.width).0;
    let texels: Vec<Texel> =
        (first..=last.saturating_add(1)).map(|column| blend_column(c, table, column.min(c.width - 1), chunk.y)).collect();
    let [red, green, blue] = &chunk.rgb;
    let color = red.iter().zip(green).zip(blue);
    for (i, (disparity, ((r, g), b))) in chunk.disparity.iter_mut().zip(color).take(chunk.len).enumerate() {
        let (column, along) = locate(chunk.x.wrapping_add(i as u32), c.x_scale, c.width);
        let at = (column.wrapping_sub(first) as usize).min(texels.len().saturating_sub(2));
        if let [left, right, ..] = texels[at..] {
            *disparity = join_point(c, mix(left, right, along), guides(c, [*r, *g, *b]));
        }
    }
}
