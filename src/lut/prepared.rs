//! Render-ready numbers of a LUT and the scalar reference evaluation.
//!
//! The CPU function [`sample`] and `lut_sample` in `shaders/ops/lut.wgsl` read the same [`LutConstants`] and the same
//! table, statement by statement in the same order. Arithmetic is plain `f32` multiply and add.

use super::lut3d::{Cell, tetrahedral, trilinear};
use super::{CodeRange, Domain, Interpolation, LEGAL_BLACK, LEGAL_WHITE, Lut};
use crate::color::math::each_channel;

/// Everything a LUT needs besides its table: 26 words of 4 bytes, the same fields in the same order as `struct Lut` in
/// `shaders/ops/lut.wgsl`. Made by [`PreparedLut::new`] only; a user changes no field but `table`.
#[derive(Debug, Clone, Copy, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct LutConstants {
    /// Where the table begins in the buffer it was put into, in words of 4 bytes. 0 in [`PreparedLut`].
    pub table: u32,
    /// Nodes of the 1D table; 0 when there is none.
    pub shaper_size: u32,
    /// Nodes along one axis of the 3D table; 0 when there is none.
    pub cube_size: u32,
    /// First word of the 3D table, counted from `table`. The 1D table begins at 0.
    pub cube_at: u32,
    /// 0 = tetrahedral, 1 = trilinear.
    pub interpolation: u32,
    /// Words from one node of the 3D table to the next along green (along red it is 3).
    pub stride_g: u32,
    /// Words from one node of the 3D table to the next along blue.
    pub stride_b: u32,
    /// Input factor, then `input_offset` is added: full to legal range, or 1 and 0.
    pub input_scale: f32,
    /// See `input_scale`.
    pub input_offset: f32,
    /// Output factor, then `output_offset` is added: legal to full range, or 1 and 0.
    pub output_scale: f32,
    /// See `output_scale`.
    pub output_offset: f32,
    /// Last position in the 1D table: its size - 1.
    pub shaper_last: f32,
    /// Input of the first node of the 1D table, red.
    pub shaper_min_r: f32,
    /// Green.
    pub shaper_min_g: f32,
    /// Blue.
    pub shaper_min_b: f32,
    /// Positions per unit of input of the 1D table, red: (size - 1) / (max - min).
    pub shaper_scale_r: f32,
    /// Green.
    pub shaper_scale_g: f32,
    /// Blue.
    pub shaper_scale_b: f32,
    /// Last position along an axis of the 3D table: its size - 1.
    pub cube_last: f32,
    /// Input of the first node of the 3D table, red.
    pub cube_min_r: f32,
    /// Green.
    pub cube_min_g: f32,
    /// Blue.
    pub cube_min_b: f32,
    /// Positions per unit of input of the 3D table, red: (size - 1) / (max - min).
    pub cube_scale_r: f32,
    /// Green.
    pub cube_scale_g: f32,
    /// Blue.
    pub cube_scale_b: f32,
    /// Always 0; keeps the size a multiple of 8 bytes.
    pub reserved: u32,
}

/// A LUT ready to be evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct PreparedLut {
    constants: LutConstants,
    table: Vec<f32>,
}

impl PreparedLut {
    /// Lays out the tables (1D first, then 3D, three words a node) and computes the constants.
    pub fn new(lut: &Lut, interpolation: Interpolation) -> Self {
        let shaper = lut.shaper.as_ref().map_or(&[][..], |t| t.nodes());
        let cube = lut.cube.as_ref().map_or(&[][..], |t| t.nodes());
        let mut table = Vec::with_capacity(3 * (shaper.len() + cube.len()));
        table.extend_from_slice(shaper.as_flattened());
        table.extend_from_slice(cube.as_flattened());
        let shaper_size = lut.shaper.as_ref().map_or(0, |t| t.size());
        let cube_size = lut.cube.as_ref().map_or(0, |t| t.size());
        let shaper_domain = lut.shaper.as_ref().map_or(Domain::UNIT, |t| t.domain());
        let cube_domain = lut.cube.as_ref().map_or(Domain::UNIT, |t| t.domain());
        let [shaper_scale_r, shaper_scale_g, shaper_scale_b] = scale(shaper_domain, shaper_size);
        let [cube_scale_r, cube_scale_g, cube_scale_b] = scale(cube_domain, cube_size);
        let (input_scale, input_offset) = into_legal(lut.input_range);
        let (output_scale, output_offset) = out_of_legal(lut.output_range);
        let constants = LutConstants {
            table: 0,
            shaper_size,
            cube_size,
            cube_at: 3 * shaper_size,
            interpolation: match interpolation {
                Interpolation::Tetrahedral => 0,
                Interpolation::Trilinear => 1,
            },
            stride_g: 3 * cube_size,
            stride_b: 3 * cube_size * cube_size,
            input_scale,
            input_offset,
            output_scale,
            output_offset,
            shaper_last: shaper_size.saturating_sub(1) as f32,
            shaper_min_r: shaper_domain.min[0],
            shaper_min_g: shaper_domain.min[1],
            shaper_min_b: shaper_domain.min[2],
            shaper_scale_r,
            shaper_scale_g,
            shaper_scale_b,
            cube_last: cube_size.saturating_sub(1) as f32,
            cube_min_r: cube_domain.min[0],
            cube_min_g: cube_domain.min[1],
            cube_min_b: cube_domain.min[2],
            cube_scale_r,
            cube_scale_g,
            cube_scale_b,
            reserved: 0,
        };
        Self { constants, table }
    }

    /// The constants, with `table` = 0.
    pub fn constants(&self) -> &LutConstants {
        &self.constants
    }

    /// The table: 1D nodes, then 3D nodes with red running fastest, three values a node.
    pub fn table(&self) -> &[f32] {
        &self.table
    }

    /// The reference result for one pixel: [`sample`] on this LUT's own numbers.
    #[inline]
    pub fn eval(&self, rgb: [f32; 3]) -> [f32; 3] {
        sample(&self.constants, &self.table, rgb)
    }
}

/// Positions per unit of input, per channel. Computed in `f64` so that the only rounding is the last.
fn scale(domain: Domain, size: u32) -> [f32; 3] {
    let last = f64::from(size.saturating_sub(1));
    std::array::from_fn(|c| (last / (f64::from(domain.max[c]) - f64::from(domain.min[c]))) as f32)
}

fn into_legal(range: CodeRange) -> (f32, f32) {
    match range {
        CodeRange::Full => (1.0, 0.0),
        CodeRange::Legal => ((LEGAL_WHITE - LEGAL_BLACK) as f32, LEGAL_BLACK as f32),
    }
}

fn out_of_legal(range: CodeRange) -> (f32, f32) {
    match range {
        CodeRange::Full => (1.0, 0.0),
        CodeRange::Legal => {
            let scale = 1.0 / (LEGAL_WHITE - LEGAL_BLACK);
            (scale as f32, (-LEGAL_BLACK * scale) as f32)
        }
    }
}

/// Evaluates a LUT for one pixel.
///
/// `c` comes from [`PreparedLut`]; `table` is the buffer it points into (`c.table` words are skipped). `rgb` are code values in the
/// encoding the LUT was made for, of any value: each channel is clamped to the domain, NaN counts as the domain's
/// minimum. The result is finite and not clamped.
///
/// Does not panic whatever the arguments: positions are clamped to the table before they are made into indices, and a read
/// outside `table` (only possible with constants not made for it) gives 0.
#[inline(always)]
pub fn sample(c: &LutConstants, table: &[f32], rgb: [f32; 3]) -> [f32; 3] {
    let mut v = shaped(c, table, rgb);
    if c.cube_size > 0 {
        let (ir, fr) = split(position(v[0], c.cube_min_r, c.cube_scale_r, c.cube_last), c.cube_size);
        let (ig, fg) = split(position(v[1], c.cube_min_g, c.cube_scale_g, c.cube_last), c.cube_size);
        let (ib, fb) = split(position(v[2], c.cube_min_b, c.cube_scale_b, c.cube_last), c.cube_size);
        let base = c
            .table
            .wrapping_add(c.cube_at)
            .wrapping_add(ir.wrapping_mul(3))
            .wrapping_add(ig.wrapping_mul(c.stride_g))
            .wrapping_add(ib.wrapping_mul(c.stride_b));
        let cell = Cell { base, stride: [3, c.stride_g, c.stride_b], fraction: [fr, fg, fb] };
        v = if c.interpolation == 0 { tetrahedral(table, cell) } else { trilinear(table, cell) };
    }
    each_channel(v, |x| x * c.output_scale + c.output_offset)
}

/// What the 3D table meets: code values in the range the LUT wants, through the 1D table.
#[inline(always)]
fn shaped(c: &LutConstants, table: &[f32], rgb: [f32; 3]) -> [f32; 3] {
    let v = each_channel(rgb, |x| x * c.input_scale + c.input_offset);
    if c.shaper_size == 0 {
        return v;
    }
    [
        shape(c, table, 0, position(v[0], c.shaper_min_r, c.shaper_scale_r, c.shaper_last)),
        shape(c, table, 1, position(v[1], c.shaper_min_g, c.shaper_scale_g, c.shaper_last)),
        shape(c, table, 2, position(v[2], c.shaper_min_b, c.shaper_scale_b, c.shaper_last)),
    ]
}

/// Position of a code value along axis `channel` (0 to 2) of the 3D table, in nodes: what [`sample`] computes for each channel by itself.
pub(super) fn channel_position(c: &LutConstants, table: &[f32], channel: usize, code: f32) -> f32 {
    let v = shaped(c, table, [code; 3]);
    match channel {
        0 => position(v[0], c.cube_min_r, c.cube_scale_r, c.cube_last),
        1 => position(v[1], c.cube_min_g, c.cube_scale_g, c.cube_last),
        _ => position(v[2], c.cube_min_b, c.cube_scale_b, c.cube_last),
    }
}

/// Where an input lies in a table, in nodes, clamped to 0..=`last`. The comparisons are written so that NaN gives 0.
#[inline(always)]
fn position(x: f32, min: f32, scale: f32, last: f32) -> f32 {
    let p = (x - min) * scale;
    let p = if p > 0.0 { p } else { 0.0 };
    if p < last { p } else { last }
}

/// The node at or below a position, at most the last but one, and the fraction of the way to the next, 0 to 1.
#[inline(always)]
pub(super) fn split(p: f32, size: u32) -> (u32, f32) {
    let index = (p as u32).min(size.wrapping_sub(2));
    (index, p - index as f32)
}

/// Linear interpolation in the 1D table.
#[inline(always)]
fn shape(c: &LutConstants, table: &[f32], channel: u32, p: f32) -> f32 {
    let (index, t) = split(p, c.shaper_size);
    let word = c.table.wrapping_add(index.wrapping_mul(3)).wrapping_add(channel);
    let a = table.get(word as usize).copied().unwrap_or(0.0);
    let b = table.get(word.wrapping_add(3) as usize).copied().unwrap_or(0.0);
    a * (1.0 - t) + b * t
}

#[cfg(test)]
#[path = "prepared_tests.rs"]
mod tests;
