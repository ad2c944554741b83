//! `matrix` (plumbing): linear RGB of one set of primaries to another.

use crate::color::math::each_channel;
use super::{CHUNK, Chunk, Context, Op, Px, Range, Step, Tables, params};
use crate::color::matrix::{IDENTITY, Matrix};

params! {
    /// 3x3 matrix on linear light, inserted by plans between primaries.
    pub struct Params {}
}

/// Render-ready numbers: the matrix, row by row.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Constants {
    /// Rows.
    pub rows: [f32; 9],
}

/// The step.
pub struct Spec;

/// The step for one matrix; `None` for the identity.
pub fn step(m: &Matrix) -> Option<Step> {
    (*m != IDENTITY).then(|| Step::new::<Spec>(&constants(m), 1.0))
}

fn constants(m: &Matrix) -> Constants {
    Constants { rows: rows(m) }
}

/// A matrix as operations hold it: row by row.
pub(super) fn rows(m: &Matrix) -> [f32; 9] {
    let mut rows = [0.0; 9];
    for (slot, value) in rows.iter_mut().zip(m.iter().flatten()) {
        *slot = *value as f32;
    }
    rows
}

/// Matrix times color.
#[inline(always)]
pub(super) fn times(m: &[f32; 9], v: [f32; 3]) -> [f32; 3] {
    [
        m[0] * v[0] + m[1] * v[1] + m[2] * v[2],
        m[3] * v[0] + m[4] * v[1] + m[5] * v[2],
        m[6] * v[0] + m[7] * v[1] + m[8] * v[2],
    ]
}

/// [`times`], where a non-finite channel counts as 0 for the others and passes through itself: one bad channel must not spoil three.
#[inline(always)]
pub(super) fn times_finite(m: &[f32; 9], rgb: [f32; 3]) -> [f32; 3] {
    let finite = |v: f32| if v.abs() < f32::INFINITY { v } else { 0.0 };
    let after = times(m, each_channel(rgb, finite));
    let keep = |before: f32, after: f32| if before.abs() < f32::INFINITY { after } else { before };
    [keep(rgb[0], after[0]), keep(rgb[1], after[1]), keep(rgb[2], after[2])]
}

impl Op for Spec {
    const ID: &'static str = "matrix";
    const WGSL: &'static str = include_str!("../../shaders/ops/matrix.wgsl");
    const GUARDED: bool = false;
    const ACTS_ON_TRANSPARENT: bool = true;
    type Params = Params;
    type Constants = Constants;

    fn prepare(_: &Params, _: &Context, _: &mut Tables) -> Result<Constants, String> {
        Ok(constants(&IDENTITY))
    }

    #[inline(always)]
    fn pixel(c: &Constants, _: &[u32], px: Px) -> Px {
        Px { rgb: times_finite(&c.rows, px.rgb), ..px }
    }

    fn range(before: Range) -> Range {
        before.max(Range::Finite)
    }

    /// Finite color needs no look at each channel.
    #[inline(always)]
    fn chunk(c: &Constants, _: &[u32], chunk: &mut Chunk) -> bool {
        if chunk.range == Range::Any {
            return false;
        }
        let n = chunk.len.min(CHUNK);
        let [r, g, b] = &mut chunk.rgb;
        let (r, g, b) = (&mut r[..n], &mut g[..n], &mut b[..n]);
        for i in 0..n {
            [r[i], g[i], b[i]] = times(&c.rows, [r[i], g[i], b[i]]);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bad_channel_does_not_spoil_the_others() {
        let c = constants(&[[0.5, 0.5, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 2.0]]);
        let px = Px::of([f32::NAN, 1.0, 3.0]);
        let out = Spec::pixel(&c, &[], px).rgb;
        assert!(out[0].is_nan());
        assert_eq!(out[1..], [1.0, 6.0]);
    }
}
