//! `oklab` (plumbing): linear Rec.2020 to Oklab and back.
//!
//! Björn Ottosson, "A perceptual color space for image processing", 2020 (<https://bottosson.github.io/posts/oklab/>): XYZ (D65) to cone
//! responses by the matrix M1, their cube roots, and the matrix M2 to lightness L and the opponent channels a and b. Cube roots are odd, so
//! colors outside the gamut go there and back. The first three channels are then L, a, b.

use std::sync::OnceLock;

use super::{Context, Op, Px, Step, Tables, params};
use crate::color::math::{each_channel, pow_1_3};
use crate::color::matrix::{self, Matrix};

params! {
    /// Linear Rec.2020 to Oklab or back, inserted by plans around perceptual operations.
    pub struct Params {}
}

/// XYZ (D65) to cone responses, Ottosson 2020, M1.
const XYZ_TO_LMS: Matrix = [
    [0.818_933_010_1, 0.361_866_742_4, -0.128_859_713_7],
    [0.032_984_543_6, 0.929_311_871_5, 0.036_145_638_7],
    [0.048_200_301_8, 0.264_366_269_1, 0.633_851_707_0],
];
/// Cube roots of cone responses to Lab, Ottosson 2020, M2.
const LMS_TO_LAB: Matrix = [
    [0.210_454_255_3, 0.793_617_785_0, -0.004_072_046_8],
    [1.977_998_495_1, -2.428_592_205_0, 0.450_593_709_9],
    [0.025_904_037_1, 0.782_771_766_2, -0.808_675_766_0],
];

/// Render-ready numbers: two matrices, row by row, with the cubes or cube roots between them.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Constants {
    /// Applied first.
    pub first: [f32; 9],
    /// Applied last.
    pub last: [f32; 9],
    /// 0 = to Oklab, 1 = from Oklab.
    pub inverse: u32,
}

/// The step.
pub struct Spec;

/// The step to Oklab, or back.
pub fn step(inverse: bool) -> Step {
    Step::new::<Spec>(&constants(inverse), 1.0)
}

/// To Oklab, or back. Gray Rec.2020 gives a = b = 0 up to rounding: the published matrices keep the white point to six digits, so the rows of
/// the first are scaled to keep it in full.
pub fn constants(inverse: bool) -> Constants {
    static PAIRS: OnceLock<[Constants; 2]> = OnceLock::new();
    PAIRS.get_or_init(|| [made(false), made(true)])[usize::from(inverse)]
}

fn made(inverse: bool) -> Constants {
    let to_xyz = matrix::rgb_to_xyz(&matrix::REC2020).unwrap_or(matrix::IDENTITY);
    let mut lms = matrix::multiply(&XYZ_TO_LMS, &to_xyz);
    for row in &mut lms {
        let white: f64 = row.iter().sum();
        row.iter_mut().for_each(|v| *v /= white);
    }
    let mut lab = LMS_TO_LAB;
    for (row, white) in lab.iter_mut().zip([1.0, 0.0, 0.0]) {
        let excess = (row.iter().sum::<f64>() - white) / 3.0;
        row.iter_mut().for_each(|v| *v -= excess);
    }
    let flat = |m: &Matrix| {
        let mut rows = [0.0f32; 9];
        for (slot, value) in rows.iter_mut().zip(m.iter().flatten()) {
            *slot = *value as f32;
        }
        rows
    };
    let back = |m: &Matrix| matrix::invert(m).unwrap_or(matrix::IDENTITY);
    if inverse {
        Constants { first: flat(&back(&lab)), last: flat(&back(&lms)), inverse: 1 }
    } else {
        Constants { first: flat(&lms), last: flat(&lab), inverse: 0 }
    }
}

/// One color through [`Constants`]; a color with a channel that is not finite stays as it is, both ways.
#[inline(always)]
pub fn apply(c: &Constants, rgb: [f32; 3]) -> [f32; 3] {
    let v = times(&c.first, rgb);
    let bent = if c.inverse == 1 { each_channel(v, |v| v * v * v) } else { each_channel(v, cube_root) };
    let out = times(&c.last, bent);
    let sum = rgb[0].abs() + rgb[1].abs() + rgb[2].abs();
    let keep = |before: f32, after: f32| if sum < 1e12 { after } else { before };
    [keep(rgb[0], out[0]), keep(rgb[1], out[1]), keep(rgb[2], out[2])]
}

#[inline(always)]
fn cube_root(v: f32) -> f32 {
    let root = pow_1_3(v.abs());
    if v < 0.0 { -root } else { root }
}

/// Matrix, row by row, times vector.
#[inline(always)]
pub(super) fn times(m: &[f32; 9], v: [f32; 3]) -> [f32; 3] {
    [
        m[0] * v[0] + m[1] * v[1] + m[2] * v[2],
        m[3] * v[0] + m[4] * v[1] + m[5] * v[2],
        m[6] * v[0] + m[7] * v[1] + m[8] * v[2],
    ]
}

impl Op for Spec {
    const ID: &'static str = "oklab";
    const WGSL: &'static str = include_str!("../../shaders/ops/oklab.wgsl");
    const GUARDED: bool = false;
    const ACTS_ON_TRANSPARENT: bool = true;
    type Params = Params;
    type Constants = Constants;

    fn prepare(_: &Params, _: &Context, _: &mut Tables) -> Result<Constants, String> {
        Ok(constants(false))
    }

    #[inline(always)]
    fn pixel(c: &Constants, _: &[u32], px: Px) -> Px {
        Px { rgb: apply(c, px.rgb), ..px }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lab(rgb: [f64; 3], from: &crate::picture::Primaries) -> [f32; 3] {
        let m = matrix::between(from, &matrix::REC2020).unwrap();
        apply(&constants(false), matrix::apply(&m, rgb).map(|v| v as f32))
    }

    #[test]
    fn published_values() {
        // The primaries of sRGB as the reference code of the post gives them.
        for (rgb, expected) in [
            ([1.0, 1.0, 1.0], [1.0, 0.0, 0.0]),
            ([1.0, 0.0, 0.0], [0.627_955_4, 0.224_863_1, 0.125_846_3]),
            ([0.0, 1.0, 0.0], [0.866_439_6, -0.233_887_4, 0.179_498_5]),
            ([0.0, 0.0, 1.0], [0.452_013_7, -0.032_457_0, -0.311_528_1]),
        ] {
            let found = lab(rgb, &matrix::REC709);
            for (found, expected) in found.iter().zip(expected) {
                // The post prints M1 to ten digits, but for white of four: the last differ by some 1e-5.
                assert!((found - expected).abs() < 6e-5, "{rgb:?}: {found} instead of {expected}");
            }
        }
    }

    #[test]
    fn gray_has_no_color_and_everything_returns() {
        for v in [0.0f32, 1e-5, 0.18, 1.0, 40.0] {
            let [_, a, b] = apply(&constants(false), [v; 3]);
            assert!(a.abs() < 1e-6 * (1.0 + v) && b.abs() < 1e-6 * (1.0 + v), "{v}: {a} {b}");
        }
        for rgb in [[0.2, 0.7, 0.1], [-0.1, 0.5, 2.0], [1e-4, 0.0, 3e-5], [f32::INFINITY, 0.5, 0.1]] {
            let back = apply(&constants(true), apply(&constants(false), rgb));
            for (back, v) in back.iter().zip(rgb) {
                assert!(*back == v || (back - v).abs() < 3e-6 * v.abs().max(0.5), "{rgb:?}: {back}");
            }
        }
    }
}
