//! `mask` (plumbing): weighs the pixel for the operation that follows, by a whole mask expression ([`Mask`]).
//!
//! The expression is a short postfix program in the tables: leaves push a weight of 0 to 1, `and`, `or` and `not` combine what lies on
//! top of a stack of [`MAX_DEPTH`] weights. *And* is the smaller weight, *or* the larger, *not* is 1 minus the weight: a mask combined
//! with itself is itself, De Morgan's laws hold, and 0 and 1 stay exact. (Products would darken every edge where two feathers meet.)
//!
//! What reads color wants linear Rec.2020; depth, gradients and files do not look at the channels at all.
//!
//! The GPU twin is `shaders/ops/mask.wgsl`.

#![allow(clippy::manual_clamp, reason = "the twin's form: max and min drop NaN, clamp keeps it")]

mod expression;
mod image;
mod program;
#[cfg(test)]
mod tests;

pub use expression::{MAX_DEPTH, MAX_NESTING, MAX_PARTS, Mask, Of};
pub use image::{MAX_PIXELS, MaskImage};

use super::chunk::CHUNK;
use super::guide::LUMA_REC2020;
use super::{Chunk, Context, Op, Px, Step, Tables, distance, oklab, params};
use crate::color::curve::{self, CurveConstants, Direction};
use crate::color::encodings::SRGB_CURVE;
use crate::color::math::{each_channel, unit};
use program::{Code, WORDS, kind};

params! {
    /// Weight of the operation that follows, inserted by plans with masks.
    pub struct Params {}
}

/// Render-ready numbers.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Constants {
    /// First word of the program in the tables.
    pub table: u32,
    /// Number of instructions.
    pub count: u32,
    /// The sRGB curve, light to code value: luma masks speak of what is seen.
    pub curve: CurveConstants,
    /// Luma weights of red, green and blue.
    pub weights: [f32; 3],
    /// Linear Rec.2020 to cone responses, row by row.
    pub first: [f32; 9],
    /// Cube roots of cone responses to Oklab, row by row.
    pub last: [f32; 9],
}

/// The step.
pub struct Spec;

/// The step that sets [`Px::mask`].
///
/// # Errors
/// A sentence when the expression is too deep or too long, or a file it names was not loaded.
pub fn step(mask: &Mask, context: &Context, tables: &mut Tables) -> Result<Step, String> {
    Ok(Step::new::<Spec>(&constants(mask, context, tables)?, 1.0))
}

fn constants(mask: &Mask, context: &Context, tables: &mut Tables) -> Result<Constants, String> {
    let codes = program::compile(mask, context, tables)?;
    let count = codes.len() as u32;
    let table = tables.push_words(codes.iter().flat_map(Code::words));
    let lab = oklab::constants(false);
    Ok(Constants {
        table,
        count,
        curve: CurveConstants::new(&SRGB_CURVE, Direction::Encode).unwrap_or(CurveConstants::LINEAR),
        weights: LUMA_REC2020,
        first: lab.first,
        last: lab.last,
    })
}

impl Op for Spec {
    const ID: &'static str = "mask";
    const WGSL: &'static str = include_str!("../../shaders/ops/mask.wgsl");
    const GUARDED: bool = false;
    const WRITES_BESIDE: bool = true;
    const ACTS_ON_TRANSPARENT: bool = true;
    type Params = Params;
    type Constants = Constants;

    fn prepare(_: &Params, context: &Context, tables: &mut Tables) -> Result<Constants, String> {
        // One leaf of each kind. Plans use `step` with the mask of a recipe.
        constants(&Mask::sampler(), context, tables)
    }

    #[inline(always)]
    fn pixel(c: &Constants, tables: &[u32], px: Px) -> Px {
        Px { mask: weight(c, tables, &px), ..px }
    }

    #[inline(always)]
    fn chunk(c: &Constants, tables: &[u32], chunk: &mut Chunk) -> bool {
        weigh(c, tables, chunk);
        true
    }
}

/// The weight of one pixel: the definition.
#[inline(always)]
fn weight(c: &Constants, tables: &[u32], px: &Px) -> f32 {
    let mut stack = [0.0f32; MAX_DEPTH];
    let mut top = 0usize;
    for i in 0..c.count {
        let Some(code) = Code::read(tables, c.table, i) else { break };
        let value = match code.kind {
            kind::AND | kind::OR => {
                // A program has two weights there: it was checked when it was compiled.
                let (a, b) = (stack[top.wrapping_sub(2) % MAX_DEPTH], stack[top.wrapping_sub(1) % MAX_DEPTH]);
                top = top.saturating_sub(2);
                if code.kind == kind::AND { a.min(b) } else { a.max(b) }
            }
            kind::NOT => {
                top = top.saturating_sub(1);
                1.0 - stack[top % MAX_DEPTH]
            }
            kind::DEPTH => depth(&code.v, px.disparity),
            kind::LUMA => luma(c, &code.v, of(code.of, px)),
            kind::HUE => hue(c, &code.v, of(code.of, px)),
            kind::LINEAR => linear(&code.v, px.x as i32 as f32, px.y as i32 as f32),
            kind::RADIAL => radial(&code.v, px.x as i32 as f32, px.y as i32 as f32),
            _ => file(&code, tables, px.x as i32 as f32, px.y as i32 as f32),
        };
        stack[top % MAX_DEPTH] = value;
        top += 1;
    }
    stack[0]
}

#[inline(always)]
fn of(of: u32, px: &Px) -> [f32; 3] {
    if of == 1 { px.source } else { px.rgb }
}

/// A whole chunk, instruction by instruction, so that each loop over pixels does one thing. Same functions as [`weight`].
#[inline(always)]
fn weigh(c: &Constants, tables: &[u32], chunk: &mut Chunk) {
    let n = chunk.len.min(CHUNK);
    let mut stack = [[0.0f32; CHUNK]; MAX_DEPTH];
    let mut top = 0usize;
    for i in 0..c.count {
        let Some(code) = Code::read(tables, c.table, i) else { break };
        if matches!(code.kind, kind::AND | kind::OR | kind::NOT) {
            top = combine(&mut stack, top, code.kind, n);
            continue;
        }
        let out = &mut stack[top % MAX_DEPTH][..n];
        let (x, y) = (chunk.x, chunk.y as i32 as f32);
        match code.kind {
            kind::DEPTH => {
                for (out, d) in out.iter_mut().zip(&chunk.disparity[..n]) {
                    *out = depth(&code.v, *d);
                }
            }
            kind::LUMA | kind::HUE => {
                let [r, g, b] = if code.of == 1 { &chunk.source } else { &chunk.rgb };
                let (r, g, b) = (&r[..n], &g[..n], &b[..n]);
                if code.kind == kind::LUMA {
                    for i in 0..n {
                        out[i] = luma(c, &code.v, [r[i], g[i], b[i]]);
                    }
                } else {
                    for i in 0..n {
                        out[i] = hue(c, &code.v, [r[i], g[i], b[i]]);
                    }
                }
            }
            kind::LINEAR => {
                for (i, out) in out.iter_mut().enumerate() {
                    *out = linear(&code.v, (x + i as u32) as i32 as f32, y);
                }
            }
            kind::RADIAL => {
                for (i, out) in out.iter_mut().enumerate() {
                    *out = radial(&code.v, (x + i as u32) as i32 as f32, y);
                }
            }
            _ => {
                for (i, out) in out.iter_mut().enumerate() {
                    *out = file(&code, tables, (x + i as u32) as i32 as f32, y);
                }
            }
        }
        top += 1;
    }
    chunk.mask[..n].copy_from_slice(&stack[0][..n]);
}

/// Combines what lies on top; returns the new height of the stack.
#[inline(always)]
fn combine(stack: &mut [[f32; CHUNK]; MAX_DEPTH], top: usize, kind: u32, n: usize) -> usize {
    if kind == kind::NOT {
        for v in &mut stack[top.saturating_sub(1) % MAX_DEPTH][..n] {
            *v = 1.0 - *v;
        }
        return top;
    }
    let (low, high) = stack.split_at_mut(top.clamp(2, MAX_DEPTH) - 1);
    if let (Some(a), Some(b)) = (low.last_mut(), high.first()) {
        if kind == kind::AND {
            for (a, b) in a[..n].iter_mut().zip(&b[..n]) {
                *a = a.min(*b);
            }
        } else {
            for (a, b) in a[..n].iter_mut().zip(&b[..n]) {
                *a = a.max(*b);
            }
        }
    }
    top.saturating_sub(1).max(1)
}

/// 0 at 0, 1 at 1, without corners: `t` is clamped first.
#[inline(always)]
fn smooth(t: f32) -> f32 {
    let t = unit(t);
    t * t * (3.0 - 2.0 * t)
}

/// 1 within `v[0]..=v[1]`, falling to 0 over the feather outside; `v[2]` is 1 / feather.
#[inline(always)]
fn band(v: &[f32; WORDS], x: f32) -> f32 {
    smooth(1.0 - (v[0] - x) * v[2]).min(smooth(1.0 - (x - v[1]) * v[2]))
}

#[inline(always)]
fn depth(v: &[f32; WORDS], disparity: f32) -> f32 {
    band(v, distance::distance(disparity))
}

/// Light a mask looks at: NaN and negative count as black, infinity as very bright.
#[inline(always)]
fn light(rgb: [f32; 3]) -> [f32; 3] {
    each_channel(rgb, |v| v.max(0.0).min(1e6))
}

/// Luma as [`super::guide`] weighs it, but open above 1: highlights brighter than white stay above white.
#[inline(always)]
fn luma(c: &Constants, v: &[f32; WORDS], rgb: [f32; 3]) -> f32 {
    let [r, g, b] = each_channel(light(rgb), |v| curve::power_5_12(&c.curve, v));
    band(v, c.weights[0] * r + c.weights[1] * g + c.weights[2] * b)
}

/// `v`: cosine and sine of the middle of the range, half its width in degrees, 1 / feather, chroma at which selection begins, 1 / width
/// of its ramp.
#[inline(always)]
fn hue(c: &Constants, v: &[f32; WORDS], rgb: [f32; 3]) -> f32 {
    let lab = oklab::apply(&oklab::Constants { first: c.first, last: c.last, inverse: 0 }, light(rgb));
    let (a, b) = (lab[1] * v[0] + lab[2] * v[1], lab[2] * v[0] - lab[1] * v[1]);
    let chroma = (a * a + b * b).sqrt();
    let inside = smooth(1.0 - (degrees_off(a, b) - v[2]) * v[3]);
    inside.min(smooth((chroma - v[4]) * v[5]))
}

/// Angle between (a, b) and the a axis, 0 to 180 degrees; 0 for the origin. The arc tangent is the polynomial 4.4.49 of Abramowitz and
/// Stegun, "Handbook of Mathematical Functions", 1964, here with five terms (4.4.47): error below 0.001 degrees.
#[inline(always)]
fn degrees_off(a: f32, b: f32) -> f32 {
    let (x, y) = (a.abs(), b.abs());
    let r = x.min(y) / x.max(y).max(1e-20);
    let s = r * r;
    let mut p = 0.020_835_1;
    p = p * s - 0.085_133;
    p = p * s + 0.180_141;
    p = p * s - 0.330_299_5;
    p = p * s + 0.999_866;
    let first = p * r * 57.295_78;
    let octant = if y > x { 90.0 - first } else { first };
    if a < 0.0 { 180.0 - octant } else { octant }
}

/// Position along the gradient is `v[0] x + v[1] y + v[2]`.
#[inline(always)]
fn linear(v: &[f32; WORDS], x: f32, y: f32) -> f32 {
    smooth(v[0] * x + v[1] * y + v[2])
}

/// `v[0..6]` takes the place to the unit circle; `v[6]` is 1 / feather.
#[inline(always)]
fn radial(v: &[f32; WORDS], x: f32, y: f32) -> f32 {
    let (a, b) = (v[0] * x + v[1] * y + v[2], v[3] * x + v[4] * y + v[5]);
    smooth(1.0 - ((a * a + b * b).sqrt() - 1.0) * v[6])
}

/// `v[0..6]` takes the place to samples of the file, whose centers are at whole numbers.
#[inline(always)]
fn file(code: &Code, tables: &[u32], x: f32, y: f32) -> f32 {
    let v = &code.v;
    let (right, bottom) = (code.width.max(1) as i32 - 1, code.height.max(1) as i32 - 1);
    let fx = (v[0] * x + v[1] * y + v[2]).max(0.0).min(right as f32);
    let fy = (v[3] * x + v[4] * y + v[5]).max(0.0).min(bottom as f32);
    let (x0, y0) = (fx as i32, fy as i32);
    let (x1, y1) = ((x0 + 1).min(right), (y0 + 1).min(bottom));
    let (tx, ty) = (fx - x0 as f32, fy - y0 as f32);
    let at = |x: i32, y: i32| sample(tables, code.table, y as u32 * code.width.max(1) + x as u32);
    let upper = at(x0, y0) + (at(x1, y0) - at(x0, y0)) * tx;
    let lower = at(x0, y1) + (at(x1, y1) - at(x0, y1)) * tx;
    upper + (lower - upper) * ty
}

/// Sample `index` of a grid of 16-bit samples, two to a word, the first in the low bits; 0 past the end.
#[inline(always)]
fn sample(tables: &[u32], table: u32, index: u32) -> f32 {
    let word = tables.get(table as usize + index as usize / 2).copied().unwrap_or(0);
    (word >> (index % 2 * 16) & 0xffff) as i32 as f32 / 65_535.0
}
