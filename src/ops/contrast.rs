//! `contrast`: an S-curve around middle gray.
//!
//! Two pieces of the bias curve of Barron, "A Convenient Generalization of Schlick's Bias and Gain Functions", 2020 (arXiv:2010.09714,
//! equation 4) meet at the pivot. Between black and pivot, `d` away from black on a length `t`: `t d / (d + s (t - d))`, of slope `s` at
//! the pivot and `1/s` at black; between pivot and white the same from white. Straight beyond black and white. One division, no power,
//! and the negative of a contrast undoes it exactly.

use super::{Context, Domain, Grading, Op, Px, Tables, params};
use crate::color::curve::{self, CurveConstants, Direction};
use crate::color::encodings;
use crate::color::math::{each_channel, exp2};
use crate::picture::Curve;

params! {
    /// Contrast: an S-curve around middle gray with soft ends.
    ///
    /// Black, the pivot and white stay where they are: 0 and 1 in display grading, 0 and the largest half float (65504) in ACEScct,
    /// where the curve above the pivot is all but straight. Works on every channel; -amount undoes +amount.
    pub struct Params {
        /// Slope at the pivot, as 2^(amount / 100): 100 doubles it, -100 halves it, 0 changes nothing.
        amount: f32 = 0.0, Kind::Number { min: -100.0, max: 100.0, unit: "%" };
        /// Light that stays, 1 = white; 0.18 is middle gray.
        pivot: f32 = 0.18, Kind::Number { min: 0.01, max: 0.8, unit: "" };
    }
}

/// Render-ready numbers.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Constants {
    /// Black, which stays.
    pub black: f32,
    /// The pivot, which stays.
    pub pivot: f32,
    /// White, which stays.
    pub white: f32,
    /// Slope at the pivot.
    pub slope: f32,
    /// Slope at black and white and beyond.
    pub end_slope: f32,
}

/// Code value of light in a tonal domain.
pub(super) fn code(grading: Grading, light: f32) -> f32 {
    let curve = match grading {
        Grading::Display => &encodings::SRGB_CURVE,
        Grading::Acescct => &Curve::Acescct,
    };
    curve::apply(&CurveConstants::new(curve, Direction::Encode).unwrap_or(CurveConstants::LINEAR), light)
}

/// Light at the upper end of a tonal domain: white, or the largest half float.
pub(super) fn largest_light(grading: Grading) -> f32 {
    match grading {
        Grading::Display => 1.0,
        Grading::Acescct => 65_504.0,
    }
}

/// The operation.
pub struct Spec;

impl Op for Spec {
    const ID: &'static str = "contrast";
    const WGSL: &'static str = include_str!("../../shaders/ops/contrast.wgsl");
    type Params = Params;
    type Constants = Constants;

    fn domain(_: &Params) -> Domain {
        Domain::Grade
    }

    fn is_identity(p: &Params) -> bool {
        p.amount == 0.0
    }

    fn prepare(p: &Params, context: &Context, _: &mut Tables) -> Result<Constants, String> {
        let at = |light| code(context.grading, light);
        let (black, pivot, white) = (at(0.0), at(p.pivot), at(largest_light(context.grading)));
        let slope = exp2(p.amount / 100.0);
        Ok(Constants { black, pivot, white, slope, end_slope: 1.0 / slope })
    }

    #[inline(always)]
    fn pixel(c: &Constants, _: &[u32], px: Px) -> Px {
        Px { rgb: each_channel(px.rgb, |v| bent(c, v)), ..px }
    }
}

#[inline(always)]
fn bent(c: &Constants, v: f32) -> f32 {
    let below = v < c.pivot;
    let length = if below { c.pivot - c.black } else { c.white - c.pivot };
    let from_end = if below { v - c.black } else { c.white - v };
    let inside = from_end.max(0.0);
    let beyond = from_end.min(0.0);
    let curved = length * inside / (inside + c.slope * (length - inside)) + beyond * c.end_slope;
    if below { c.black + curved } else { c.white - curved }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn constants(amount: f32, pivot: f32, grading: Grading) -> Constants {
        let context = Context { grading, ..Context::default() };
        Spec::prepare(&Params { amount, pivot }, &context, &mut Tables::default()).unwrap()
    }

    const BOTH: [Grading; 2] = [Grading::Display, Grading::Acescct];

    #[test]
    fn middle_gray_is_where_the_standards_have_it() {
        // IEC 61966-2-1 at 0.18; AMPAS S-2016-001 at 0, 0.18 and 65504.
        assert!((constants(1.0, 0.18, Grading::Display).pivot - 0.461_356_1).abs() < 1e-6);
        let c = constants(1.0, 0.18, Grading::Acescct);
        for (found, exact) in [(c.black, 0.072_905_53), (c.pivot, 0.413_588_4), (c.white, 1.467_996_3)] {
            assert!((found - exact).abs() < 1e-6, "{found} {exact}");
        }
    }

    #[test]
    fn black_pivot_and_white_stay_and_the_pivot_has_the_slope() {
        for grading in BOTH {
            for (amount, pivot) in [(100.0, 0.18), (-60.0, 0.18), (35.0, 0.01), (-100.0, 0.8)] {
                let c = constants(amount, pivot, grading);
                for v in [c.black, c.pivot, c.white] {
                    assert!((bent(&c, v) - v).abs() < 2e-7, "{v}");
                }
                for (at, expected) in [(c.pivot, c.slope), (c.black, 1.0 / c.slope), (c.white, 1.0 / c.slope)] {
                    let slope = (bent(&c, at + 1e-3) - bent(&c, at - 1e-3)) / 2e-3;
                    assert!((slope / expected - 1.0).abs() < 2e-2, "{slope} instead of {expected} at {at}");
                }
            }
        }
    }

    #[test]
    fn rises_everywhere_and_is_undone_by_its_negative() {
        for grading in BOTH {
            for amount in [-100.0, -20.0, 50.0, 100.0] {
                let (c, back) = (constants(amount, 0.18, grading), constants(-amount, 0.18, grading));
                let mut last = f32::NEG_INFINITY;
                for i in -1000..=3000 {
                    let v = i as f32 / 1000.0;
                    let out = bent(&c, v);
                    assert!(out > last, "{amount} at {v}");
                    assert!((bent(&back, out) - v).abs() < 2e-6, "{amount} at {v}: {out}");
                    last = out;
                }
            }
        }
    }
}
