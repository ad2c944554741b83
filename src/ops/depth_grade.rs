//! `depth_grade`: a grade for what is near and another for what is far.

use super::distance::distance;
use super::{Context, Domain, Op, Px, Tables, params};
use crate::color::math::{each_channel, exp2, unit};
use crate::color::working_from_srgb;

params! {
    /// Exposure, color and saturation by distance.
    ///
    /// Two grades, one for near and one for far, mixed by a smooth step over distance from `from` to `to`. Exposure and color
    /// multiply light; a color changes the tint and not the luminance. Saturation scales the difference to the luminance.
    pub struct Params {
        /// Exposure of what is near.
        near_exposure: f32 = 0.0, Kind::Number { min: -10.0, max: 10.0, unit: "stops" };
        /// Exposure of what is far.
        far_exposure: f32 = 0.0, Kind::Number { min: -10.0, max: 10.0, unit: "stops" };
        /// Tint of what is near; equal channels change nothing.
        near_color: [f32; 3] = [1.0, 1.0, 1.0], Kind::Color { min: 0.01, max: 1.0 };
        /// Tint of what is far; equal channels change nothing.
        far_color: [f32; 3] = [1.0, 1.0, 1.0], Kind::Color { min: 0.01, max: 1.0 };
        /// Saturation of what is near; 1 changes nothing, 0 is gray.
        near_saturation: f32 = 1.0, Kind::Number { min: 0.0, max: 4.0, unit: "" };
        /// Saturation of what is far; 1 changes nothing, 0 is gray.
        far_saturation: f32 = 1.0, Kind::Number { min: 0.0, max: 4.0, unit: "" };
        /// Distance up to which the near grade holds; 0 = nearest, 1 = farthest.
        from: f32 = 0.0, Kind::Number { min: 0.0, max: 1.0, unit: "" };
        /// Distance from which on the far grade holds.
        to: f32 = 1.0, Kind::Number { min: 0.0, max: 1.0, unit: "" };
    }
}

/// Render-ready numbers.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Constants {
    /// Factor of each channel, near.
    pub near_gain: [f32; 3],
    /// Saturation, near.
    pub near_saturation: f32,
    /// Factor of each channel, far.
    pub far_gain: [f32; 3],
    /// Saturation, far.
    pub far_saturation: f32,
    /// Distance up to which the near grade holds.
    pub start: f32,
    /// 1 / (distance from which on the far grade holds - `start`).
    pub scale: f32,
}

/// Luminance weights of linear Rec.2020 (ITU-R BT.2020-2, table 4; the same numbers as luma, on linear light).
const LUMINANCE: [f32; 3] = super::guide::LUMA_REC2020;

/// The operation.
pub struct Spec;

impl Op for Spec {
    const ID: &'static str = "depth_grade";
    const WGSL: &'static str = include_str!("../../shaders/ops/depth_grade.wgsl");
    const ACTS_ON_TRANSPARENT: bool = true;
    type Params = Params;
    type Constants = Constants;

    fn domain(_: &Params) -> Domain {
        Domain::Linear
    }

    fn is_identity(p: &Params) -> bool {
        let gray = |c: [f32; 3]| c[0] == c[1] && c[1] == c[2];
        let exposure = p.near_exposure == 0.0 && p.far_exposure == 0.0;
        exposure && p.near_saturation == 1.0 && p.far_saturation == 1.0 && gray(p.near_color) && gray(p.far_color)
    }

    fn reads_depth(_: &Params) -> bool {
        true
    }

    fn makes_color(p: &Params) -> bool {
        [p.near_color, p.far_color].iter().any(|c| c[0] != c[1] || c[1] != c[2])
    }

    fn prepare(p: &Params, _: &Context, _: &mut Tables) -> Result<Constants, String> {
        if p.to <= p.from {
            return Err(format!("depth_grade: to is {}, it must lie beyond from, which is {}", p.to, p.from));
        }
        Ok(Constants {
            near_gain: gain(p.near_exposure, p.near_color),
            near_saturation: p.near_saturation,
            far_gain: gain(p.far_exposure, p.far_color),
            far_saturation: p.far_saturation,
            start: p.from,
            scale: 1.0 / (p.to - p.from),
        })
    }

    #[inline(always)]
    fn pixel(c: &Constants, _: &[u32], px: Px) -> Px {
        let s = unit((distance(px.disparity) - c.start) * c.scale);
        let t = s * s * (3.0 - 2.0 * s);
        let mix = |near: f32, far: f32| near + t * (far - near);
        let [r, g, b] = px.rgb;
        let lit = [
            r * mix(c.near_gain[0], c.far_gain[0]),
            g * mix(c.near_gain[1], c.far_gain[1]),
            b * mix(c.near_gain[2], c.far_gain[2]),
        ];
        let luminance = LUMINANCE[0] * lit[0] + LUMINANCE[1] * lit[1] + LUMINANCE[2] * lit[2];
        let saturation = mix(c.near_saturation, c.far_saturation);
        // Saturation 1 does no arithmetic, and a luminance that is no finite number says nothing about the other channels.
        let saturate = |v: f32| {
            let saturated = luminance + saturation * (v - luminance);
            if saturation != 1.0 && saturated.abs() < f32::INFINITY { saturated } else { v }
        };
        Px { rgb: each_channel(lit, saturate), ..px }
    }
}

/// Exposure times tint; the tint is scaled to luminance 1, so that it colors without darkening.
fn gain(exposure_stops: f32, color_srgb: [f32; 3]) -> [f32; 3] {
    let color = working_from_srgb(color_srgb);
    let luminance = LUMINANCE[0] * color[0] + LUMINANCE[1] * color[1] + LUMINANCE[2] * color[2];
    let gray = color_srgb[0] == color_srgb[1] && color_srgb[1] == color_srgb[2];
    color.map(|v| exp2(exposure_stops) * if gray { 1.0 } else { v / luminance })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graded(params: &Params, rgb: [f32; 3], disparity: f32) -> [f32; 3] {
        let c = Spec::prepare(params, &Context::default(), &mut Tables::default()).unwrap();
        Spec::pixel(&c, &[], Px { disparity, ..Px::of(rgb) }).rgb
    }

    #[test]
    fn near_and_far_take_their_own_grade() {
        let params = Params { near_exposure: 1.0, far_exposure: -1.0, far_saturation: 0.0, ..Params::default() };
        assert_eq!(graded(&params, [0.5; 3], 1.0), [1.0; 3]);
        let far = graded(&params, [0.2, 0.4, 0.6], 0.0);
        assert!((far[0] - far[2]).abs() < 1e-6, "{far:?} is not gray");
    }

    #[test]
    fn a_tint_keeps_the_luminance() {
        let params = Params { near_color: [1.0, 0.8, 0.5], ..Params::default() };
        let out = graded(&params, [0.5; 3], 1.0);
        let luminance: f32 = out.iter().zip(LUMINANCE).map(|(v, w)| v * w).sum();
        assert!((luminance - 0.5).abs() < 1e-5 && out[0] > out[2]);
    }

    #[test]
    fn one_infinite_channel_does_not_spoil_the_others() {
        for near_saturation in [1.0, 0.5] {
            let params = Params { near_saturation, near_exposure: 1.0, ..Params::default() };
            assert_eq!(graded(&params, [f32::INFINITY, 0.25, 0.5], 1.0), [f32::INFINITY, 0.5, 1.0]);
        }
    }

    #[test]
    fn saturation_1_is_exact() {
        let params = Params { near_exposure: 1.0, ..Params::default() };
        assert_eq!(graded(&params, [0.1, 0.7, 1e-7], 1.0), [0.2, 1.4, 2e-7]);
    }

    #[test]
    fn an_empty_range_is_refused() {
        let params = Params { from: 0.5, to: 0.5, near_exposure: 1.0, ..Params::default() };
        assert!(Spec::prepare(&params, &Context::default(), &mut Tables::default()).is_err());
    }
}
