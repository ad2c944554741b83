//! Transfer curves in render-ready form: the constants that both the Rust and the WGSL version read, and the Rust version.
//!
//! All curves are odd-symmetric below 0 and continue above 1. Non-finite values pass through unchanged.

use super::math::{exp2, log2, pow, pow_5_12, pow_12_5};
use crate::picture::Curve;

/// Linear light below which pure power curves are straight at least: their inverse has infinite slope at 0 and would blow noise up.
pub const TOE_LIGHT: f32 = 1.0 / 16_384.0;

/// Largest slope from light to code value of a straight toe. The way through the working space leaves up to 1.5e-7 of light in channels that
/// were 0: times this slope it stays below one code of 16 bit and a half.
pub const TOE_SLOPE: f32 = 120.0;

/// Linear light below which the power curve of `gamma` is straight: [`TOE_LIGHT`], or more where the chord would be steeper than
/// [`TOE_SLOPE`] (gammas above 2). The light differs from the pure curve by at most a third of it: 1e-4 for gamma 2.4, a tenth of a
/// just visible step.
pub fn toe_light(gamma: f32) -> f32 {
    // The chord to light t has the slope t^(1/gamma - 1).
    if gamma > 1.0 { TOE_LIGHT.max(TOE_SLOPE.powf(-gamma / (gamma - 1.0))) } else { TOE_LIGHT }
}

/// Which way a curve is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Code value to linear light.
    Decode,
    /// Linear light to code value.
    Encode,
}

/// Render-ready curve: `out = linear_gain x` below `cut`, `post_scale (x pre_scale + pre_offset)^exponent + post_offset` above.
///
/// One form serves both directions of every analytic curve, so that a GPU needs one function.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct CurveConstants {
    /// Below this absolute value the straight part applies.
    pub cut: f32,
    /// Slope of the straight part.
    pub linear_gain: f32,
    /// Factor inside the power.
    pub pre_scale: f32,
    /// Offset inside the power.
    pub pre_offset: f32,
    /// Exponent.
    pub exponent: f32,
    /// Factor after the power.
    pub post_scale: f32,
    /// Offset after the power.
    pub post_offset: f32,
    /// 0 = power, 1 = ACEScct encode, 2 = ACEScct decode (the fields above are then unused); 3 and 4 = power with the exponents 12/5 and
    /// 5/12 of the sRGB curve, which have roots of their own, and with nothing after or before the power.
    pub form: u32,
}

impl CurveConstants {
    /// The curve that changes nothing.
    pub const LINEAR: Self = Self {
        cut: f32::INFINITY,
        linear_gain: 1.0,
        pre_scale: 1.0,
        pre_offset: 0.0,
        exponent: 1.0,
        post_scale: 1.0,
        post_offset: 0.0,
        form: 0,
    };

    /// Constants of an analytic curve; `None` for sampled ones.
    pub fn new(curve: &Curve, direction: Direction) -> Option<Self> {
        let mut constants = Self::of(curve, direction)?;
        let (before, after) =
            ((constants.pre_scale, constants.pre_offset), (constants.post_scale, constants.post_offset));
        if constants.form == 0 && constants.exponent == 2.4 && after == (1.0, 0.0) {
            constants.form = 3;
        } else if constants.form == 0 && constants.exponent == 1.0 / 2.4 && before == (1.0, 0.0) {
            constants.form = 4;
        }
        Some(constants)
    }

    fn of(curve: &Curve, direction: Direction) -> Option<Self> {
        Some(match (curve, direction) {
            (Curve::Table(_), _) => return None,
            (Curve::Linear, _) => Self::LINEAR,
            (Curve::Acescct, Direction::Encode) => Self { form: 1, ..Self::LINEAR },
            (Curve::Acescct, Direction::Decode) => Self { form: 2, ..Self::LINEAR },
            (&Curve::Power { gamma }, Direction::Decode) => {
                let (toe, code_cut) = (toe_light(gamma), toe_light(gamma).powf(1.0 / gamma));
                Self { cut: code_cut, linear_gain: toe / code_cut, exponent: gamma, ..Self::LINEAR }
            }
            (&Curve::Power { gamma }, Direction::Encode) => {
                let (toe, code_cut) = (toe_light(gamma), toe_light(gamma).powf(1.0 / gamma));
                Self { cut: toe, linear_gain: code_cut / toe, exponent: 1.0 / gamma, ..Self::LINEAR }
            }
            (&Curve::Parametric { gamma, scale, offset, slope, cut }, Direction::Decode) => Self {
                cut,
                linear_gain: slope,
                pre_scale: scale,
                pre_offset: offset,
                exponent: gamma,
                post_scale: 1.0,
                post_offset: 0.0,
                form: 0,
            },
            (&Curve::Parametric { gamma, scale, offset, slope, cut }, Direction::Encode) => Self {
                cut: cut * slope,
                linear_gain: 1.0 / slope,
                pre_scale: 1.0,
                pre_offset: 0.0,
                exponent: 1.0 / gamma,
                post_scale: 1.0 / scale,
                post_offset: -offset / scale,
                form: 0,
            },
        })
    }
}

/// Applies a render-ready curve to one channel.
#[inline(always)]
pub fn apply(c: &CurveConstants, x: f32) -> f32 {
    match c.form {
        1 => acescct_encode(x),
        2 => acescct_decode(x),
        3 => power_12_5(c, x),
        4 => power_5_12(c, x),
        _ => power(c, x),
    }
}

/// A curve of form 0. Loops call it directly: the choice of form inside them would keep them scalar.
#[inline(always)]
pub fn power(c: &CurveConstants, x: f32) -> f32 {
    odd(x, |size| {
        let bent = c.post_scale * pow(size * c.pre_scale + c.pre_offset, c.exponent) + c.post_offset;
        if size <= c.cut { size * c.linear_gain } else { bent }
    })
}

/// A curve of form 3.
#[inline(always)]
pub fn power_12_5(c: &CurveConstants, x: f32) -> f32 {
    odd(x, |size| power_12_5_of_unit(c, size))
}

/// A curve of form 3 for `x` that is no less than 0 and finite.
#[inline(always)]
pub fn power_12_5_of_unit(c: &CurveConstants, x: f32) -> f32 {
    let bent = pow_12_5(x * c.pre_scale + c.pre_offset);
    if x <= c.cut { x * c.linear_gain } else { bent }
}

/// A curve of form 4.
#[inline(always)]
pub fn power_5_12(c: &CurveConstants, x: f32) -> f32 {
    odd(x, |size| power_5_12_of_unit(c, size))
}

/// A curve of form 4 for `x` that is no less than 0 and finite.
#[inline(always)]
pub fn power_5_12_of_unit(c: &CurveConstants, x: f32) -> f32 {
    let bent = c.post_scale * pow_5_12(x) + c.post_offset;
    if x <= c.cut { x * c.linear_gain } else { bent }
}

/// `f` of the size with the sign of `x`; what is not finite passes.
#[inline(always)]
fn odd(x: f32, f: impl Fn(f32) -> f32) -> f32 {
    let size = x.abs();
    let sign = x.to_bits() ^ size.to_bits();
    let signed = f32::from_bits(f(size).to_bits() ^ sign);
    // A comparison, not `is_finite`: NaN fails it as well, and it stays one instruction.
    if size < f32::INFINITY { signed } else { x }
}

/// Linear light to ACEScct (AMPAS S-2016-001, 4.4.1). Not odd: the straight part continues below 0.
#[inline(always)]
pub fn acescct_encode(x: f32) -> f32 {
    let straight = 10.540_237_7 * x + 0.072_905_534_2;
    let bent = (log2(x) + 9.72) / 17.52;
    let value = if x <= 0.007_812_5 { straight } else { bent };
    if x.abs() < f32::INFINITY { value } else { x }
}

/// ACEScct to linear light (AMPAS S-2016-001, 4.4.2).
#[inline(always)]
pub fn acescct_decode(x: f32) -> f32 {
    let straight = (x - 0.072_905_534_2) / 10.540_237_7;
    let bent = exp2(x * 17.52 - 9.72);
    let value = if x <= 0.155_251_14 { straight } else { bent };
    if x.abs() < f32::INFINITY { value } else { x }
}

/// Steps of bisection that find any value among `samples` sampled points: at least 1, and `2^steps >= samples - 1`.
///
/// Light is looked up in the decode samples themselves: a second table over equal steps of *light* would be far too coarse near black,
/// where a display curve is steep.
pub fn search_steps(samples: usize) -> u32 {
    samples.saturating_sub(1).next_power_of_two().trailing_zeros().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::encodings::{REC709_CURVE, SRGB_CURVE};

    fn round_trip(curve: &Curve) -> i64 {
        let decode = CurveConstants::new(curve, Direction::Decode).unwrap();
        let encode = CurveConstants::new(curve, Direction::Encode).unwrap();
        (0..=65_535u32)
            .map(|code| {
                let back = apply(&encode, apply(&decode, code as f32 / 65_535.0));
                ((back * 65_535.0 + 0.5).floor() as i64 - i64::from(code)).abs()
            })
            .max()
            .unwrap()
    }

    #[test]
    fn every_16_bit_code_survives_the_round_trip() {
        assert_eq!(round_trip(&SRGB_CURVE), 0);
        assert_eq!(round_trip(&REC709_CURVE), 0);
        assert!(round_trip(&Curve::Power { gamma: 2.2 }) <= 1);
        assert!(round_trip(&Curve::Power { gamma: 1.8 }) <= 1);
    }

    #[test]
    fn srgb_matches_the_standard() {
        // IEC 61966-2-1: code 118/255 is close to 18 % gray; computed in f64 from the published formula.
        let decode = CurveConstants::new(&SRGB_CURVE, Direction::Decode).unwrap();
        for code in [0.02f64, 0.04, 0.05, 0.2, 118.0 / 255.0, 0.9, 1.0] {
            let exact = if code <= 0.04045 { code / 12.92 } else { ((code + 0.055) / 1.055).powf(2.4) };
            assert!((f64::from(apply(&decode, code as f32)) - exact).abs() < 3e-7, "{code}");
        }
    }

    #[test]
    fn acescct_matches_the_standard_and_returns() {
        let encode = CurveConstants::new(&Curve::Acescct, Direction::Encode).unwrap();
        let decode = CurveConstants::new(&Curve::Acescct, Direction::Decode).unwrap();
        // AMPAS S-2016-001: 0.18 is 0.4135884, 1.0 is 0.5547945, 0 is 0.0729055.
        for (light, code) in [(0.18f32, 0.413_588_4f32), (1.0, 0.554_794_5), (0.0, 0.072_905_5)] {
            assert!((apply(&encode, light) - code).abs() < 1e-6);
            assert!((apply(&decode, code) - light).abs() < 1e-5);
        }
        assert!((apply(&decode, apply(&encode, -0.1)) + 0.1).abs() < 1e-6);
    }

    #[test]
    fn curves_are_odd_and_carry_non_finite_values() {
        let encode = CurveConstants::new(&SRGB_CURVE, Direction::Encode).unwrap();
        assert_eq!(apply(&encode, -0.25), -apply(&encode, 0.25));
        assert!(apply(&encode, f32::NAN).is_nan());
        assert_eq!(apply(&encode, f32::INFINITY), f32::INFINITY);
        assert_eq!(apply(&encode, f32::NEG_INFINITY), f32::NEG_INFINITY);
    }

    #[test]
    fn the_search_is_long_enough() {
        for (samples, steps) in [(2, 1), (3, 1), (4, 2), (5, 2), (6, 3), (1024, 10), (1026, 11), (4096, 12)] {
            assert_eq!(search_steps(samples), steps, "{samples}");
        }
    }
}
