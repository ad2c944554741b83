//! `cdl`: slope, offset, power and saturation of the ASC color decision list.

use super::{Context, Domain, Op, Px, Tables, params};
use crate::color::math::pow;

params! {
    /// ASC CDL: slope, offset, power and saturation.
    ///
    /// `(in * slope + offset) ^ power` on every channel, then saturation around luma with the weights of Rec.709 (ASC Color Decision
    /// List, version 1.2). The weights are used on the working primaries as they are: the decision list knows no color space.
    /// Without clamping, values below 0 pass the power unchanged and nothing is cut, as the default of OpenColorIO.
    pub struct Params {
        /// Factor; 1 changes nothing.
        slope: [f32; 3] = [1.0, 1.0, 1.0], Kind::Channels { min: 0.0, max: 16.0 };
        /// Added after the slope; 0 changes nothing.
        offset: [f32; 3] = [0.0, 0.0, 0.0], Kind::Channels { min: -4.0, max: 4.0 };
        /// Exponent after slope and offset; 1 changes nothing.
        power: [f32; 3] = [1.0, 1.0, 1.0], Kind::Channels { min: 0.1, max: 10.0 };
        /// Distance from luma; 1 changes nothing, 0 is gray.
        saturation: f32 = 1.0, Kind::Number { min: 0.0, max: 4.0, unit: "" };
        /// Cut to 0 to 1 before the power and at the end, as the specification does for code values.
        clamp: bool = false, Kind::Flag;
    }
}

/// Render-ready numbers.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Constants {
    /// Factor of each channel.
    pub slope: [f32; 3],
    /// Added to each channel.
    pub offset: [f32; 3],
    /// Exponent of each channel.
    pub power: [f32; 3],
    /// Distance from luma.
    pub saturation: f32,
    /// 1 = cut to 0..1.
    pub limited: u32,
}

/// Luma weights that ASC CDL 1.2 names (those of ITU-R BT.709).
const LUMA: [f32; 3] = [0.2126, 0.7152, 0.0722];

/// The operation.
pub struct Spec;

impl Op for Spec {
    const ID: &'static str = "cdl";
    const WGSL: &'static str = include_str!("../../shaders/ops/cdl.wgsl");
    type Params = Params;
    type Constants = Constants;

    fn domain(_: &Params) -> Domain {
        Domain::Grade
    }

    fn is_identity(p: &Params) -> bool {
        *p == Params::default()
    }

    fn makes_color(p: &Params) -> bool {
        [p.slope, p.offset, p.power].iter().any(|c| c[0] != c[1] || c[1] != c[2])
    }

    fn prepare(p: &Params, _: &Context, _: &mut Tables) -> Result<Constants, String> {
        let (slope, offset, power, saturation) = (p.slope, p.offset, p.power, p.saturation);
        Ok(Constants { slope, offset, power, saturation, limited: p.clamp.into() })
    }

    #[inline(always)]
    fn pixel(c: &Constants, _: &[u32], px: Px) -> Px {
        let [r, g, b] = [powered(c, px.rgb, 0), powered(c, px.rgb, 1), powered(c, px.rgb, 2)];
        let luma = LUMA[0] * r + LUMA[1] * g + LUMA[2] * b;
        let saturated = [saturate(c, luma, r), saturate(c, luma, g), saturate(c, luma, b)];
        Px { rgb: saturated, ..px }
    }
}

/// Slope, offset and power of one channel.
#[inline(always)]
fn powered(c: &Constants, rgb: [f32; 3], i: usize) -> f32 {
    let v = limit(c, rgb[i] * c.slope[i] + c.offset[i]);
    let powered = pow(v, c.power[i]);
    // Power 1 is exact, and what lies below 0 passes.
    if v <= 0.0 || c.power[i] == 1.0 { v } else { powered }
}

#[inline(always)]
fn saturate(c: &Constants, luma: f32, v: f32) -> f32 {
    let saturated = luma + c.saturation * (v - luma);
    limit(c, if c.saturation == 1.0 { v } else { saturated })
}

#[inline(always)]
fn limit(c: &Constants, v: f32) -> f32 {
    if c.limited == 1 { v.max(0.0).min(1.0) } else { v }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graded(params: &Params, rgb: [f32; 3]) -> [f32; 3] {
        let c = Spec::prepare(params, &Context::default(), &mut Tables::default()).unwrap();
        Spec::pixel(&c, &[], Px::of(rgb)).rgb
    }

    fn example(clamp: bool) -> Params {
        Params {
            slope: [1.35, 1.1, 0.71],
            offset: [0.05, -0.23, 0.11],
            power: [0.93, 0.81, 1.27],
            saturation: 1.239,
            clamp,
        }
    }

    #[test]
    fn matches_opencolorio() {
        // CDLTransform of OpenColorIO 2 with the numbers of `example`, styles CDL_NO_CLAMP and CDL_ASC; the same in f64 by the formula.
        for (clamp, rgb, expected) in [
            (false, [0.1, 0.2, 0.3], [0.244_976_0, -0.025_367_26, 0.281_979_6]),
            (false, [0.5, 0.5, 0.5], [0.806_603_1, 0.380_192_6, 0.356_407_0]),
            (false, [0.9, 0.05, 0.4], [1.503_154_2, -0.255_426_2, 0.341_020_9]),
            (false, [-0.2, 0.3, 1.5], [-0.309_053_8, 0.155_424_6, 1.484_141_7]),
            (true, [0.1, 0.2, 0.3], [0.243_266_7, 0.0, 0.280_270_3]),
            (true, [0.9, 0.05, 0.4], [1.0, 0.0, 0.323_523_6]),
            (true, [-0.2, 0.3, 1.5], [0.0, 0.148_168_2, 1.0]),
        ] {
            let found = graded(&example(clamp), rgb);
            for (f, e) in found.iter().zip(expected) {
                assert!((f - e).abs() < 2e-6, "{rgb:?}, clamp {clamp}: {found:?} instead of {expected:?}");
            }
        }
    }

    #[test]
    fn values_below_0_pass_the_power_and_nothing_jumps() {
        let params = Params { power: [0.5; 3], ..Params::default() };
        assert_eq!(graded(&params, [-0.25, 0.0, 0.25])[..2], [-0.25, 0.0]);
        assert_eq!(graded(&Params { clamp: true, ..params }, [-0.25, 0.0, 4.0]), [0.0, 0.0, 1.0]);
    }

    #[test]
    fn only_unequal_channels_make_color() {
        assert!(!Spec::makes_color(&Params { saturation: 2.0, offset: [0.1; 3], ..Params::default() }));
        assert!(Spec::makes_color(&example(false)));
        let gray = graded(&Params { saturation: 2.0, slope: [1.2; 3], ..Params::default() }, [0.3; 3]);
        assert!(gray.iter().all(|v| (v - 0.36).abs() < 1e-6), "{gray:?}");
    }
}
