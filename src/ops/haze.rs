//! `haze`: aerial perspective.

use super::distance::distance;
use super::{Context, Domain, Op, Px, Tables, params};
use crate::color::math::exp2;
use crate::color::working_from_srgb;

/// Color of the air light where nothing is said: that of a clear day.
pub const AIR: [f32; 3] = [0.75, 0.82, 0.92];

params! {
    /// Haze that grows with distance.
    ///
    /// The light of every pixel survives by `exp(-density * d)`, and air light takes the place of what is lost (Koschmieder's law;
    /// W. E. K. Middleton, Vision Through the Atmosphere, 1952, chapter 4). d = how far beyond `start` the pixel lies: 0 = at
    /// `start` or nearer, 1 = the farthest of the picture.
    pub struct Params {
        /// Optical thickness at the farthest distance; 1 lets 37 % of the light through.
        density: f32 = 0.0, Kind::Number { min: 0.0, max: 10.0, unit: "" };
        /// Color of the air light.
        color: [f32; 3] = AIR, Kind::Color { min: 0.0, max: 1.0 };
        /// Distance at which haze begins; 0 = nearest, 1 = farthest.
        start: f32 = 0.0, Kind::Number { min: 0.0, max: 0.99, unit: "" };
    }
}

/// Render-ready numbers.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Constants {
    /// `-density / ln 2`, the factor in the exponent of 2.
    pub exponent: f32,
    /// Distance at which haze begins.
    pub start: f32,
    /// 1 / (1 - start).
    pub span: f32,
    /// Air light, linear Rec.2020.
    pub air: [f32; 3],
}

/// The operation.
pub struct Spec;

impl Op for Spec {
    const ID: &'static str = "haze";
    const WGSL: &'static str = include_str!("../../shaders/ops/haze.wgsl");
    type Params = Params;
    type Constants = Constants;

    fn domain(_: &Params) -> Domain {
        Domain::Linear
    }

    fn is_identity(params: &Params) -> bool {
        params.density == 0.0
    }

    fn reads_depth(_: &Params) -> bool {
        true
    }

    fn makes_color(params: &Params) -> bool {
        params.color[0] != params.color[1] || params.color[1] != params.color[2]
    }

    fn prepare(params: &Params, _: &Context, _: &mut Tables) -> Result<Constants, String> {
        Ok(Constants {
            exponent: -params.density * std::f32::consts::LOG2_E,
            start: params.start,
            span: 1.0 / (1.0 - params.start),
            air: working_from_srgb(params.color),
        })
    }

    #[inline(always)]
    fn pixel(c: &Constants, _: &[u32], px: Px) -> Px {
        let beyond = (distance(px.disparity) - c.start).max(0.0) * c.span;
        let survives = exp2(c.exponent * beyond);
        let mix = |light: f32, air: f32| light * survives + air * (1.0 - survives);
        let rgb = [mix(px.rgb[0], c.air[0]), mix(px.rgb[1], c.air[1]), mix(px.rgb[2], c.air[2])];
        Px { rgb, ..px }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hazed(density: f32, start: f32, disparity: f32) -> [f32; 3] {
        let params = Params { density, start, color: [1.0; 3] };
        let c = Spec::prepare(&params, &Context::default(), &mut Tables::default()).unwrap();
        Spec::pixel(&c, &[], Px { disparity, ..Px::of([0.0; 3]) }).rgb
    }

    #[test]
    fn the_nearest_is_untouched_and_the_farthest_follows_the_exponential() {
        assert_eq!(hazed(1.0, 0.0, 1.0), [0.0; 3]);
        let expected = 1.0 - (-1.0f32).exp();
        assert!(hazed(1.0, 0.0, 0.0).iter().all(|v| (v - expected).abs() < 2e-6));
        assert_eq!(hazed(3.0, 0.5, 0.5), [0.0; 3], "nearer than start");
    }
}
