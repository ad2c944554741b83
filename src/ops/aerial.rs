//! `aerial`: aerial perspective as painters use it.

use super::distance::distance;
use super::{Context, Domain, Op, Px, Tables, oklab, params};
use crate::color::math::{pow, unit};
use crate::color::working_from_srgb;

params! {
    /// Aerial perspective: with distance, colors pale, tones draw together and turn cool.
    ///
    /// What painters do to make depth (Leonardo da Vinci, Trattato della pittura, "On the perspective of color"): unlike `haze`, which adds
    /// light as air does, it works on what the eye judges by, in Oklab: saturation falls, lightness draws towards that of the air, and colors lean to
    /// its tint, in proportion to their lightness, so that black stays without color. All of it grows with distance from `start` on.
    pub struct Params {
        /// How much of it; 0 changes nothing, 100 is all at the farthest.
        amount: f32 = 0.0, Kind::Number { min: 0.0, max: 100.0, unit: "" };
        /// Saturation that is left at the farthest; 1 = all, 0 = none.
        saturation: f32 = 0.5, Kind::Number { min: 0.0, max: 1.0, unit: "" };
        /// Contrast of lightness that is left at the farthest; 1 = all, 0 = none.
        contrast: f32 = 0.7, Kind::Number { min: 0.0, max: 1.0, unit: "" };
        /// Color of the air: tones draw towards its lightness, colors lean to its tint.
        color: [f32; 3] = [0.66, 0.74, 0.86], Kind::Color { min: 0.01, max: 1.0 };
        /// How far colors lean to the tint of the air at the farthest; 1 = they take all of its color on.
        tint: f32 = 0.6, Kind::Number { min: 0.0, max: 1.0, unit: "" };
        /// Distance at which it begins; 0 = nearest, 1 = farthest.
        start: f32 = 0.0, Kind::Number { min: 0.0, max: 0.99, unit: "" };
        /// How it grows: 1 = evenly with distance, more = late, less = early.
        falloff: f32 = 1.0, Kind::Number { min: 0.25, max: 4.0, unit: "" };
    }
}

/// Render-ready numbers.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Constants {
    /// Distance at which it begins.
    pub start: f32,
    /// 1 / (1 - start).
    pub span: f32,
    /// Exponent of growth.
    pub falloff: f32,
    /// Chroma lost at the farthest, as a share.
    pub paled: f32,
    /// Difference to the lightness of the air lost at the farthest, as a share.
    pub drawn: f32,
    /// Lightness of the air.
    pub lightness: f32,
    /// 1 / that.
    pub inverse_lightness: f32,
    /// Oklab a and b that are added at the farthest.
    pub tint: [f32; 2],
}

/// The operation.
pub struct Spec;

impl Op for Spec {
    const ID: &'static str = "aerial";
    const WGSL: &'static str = include_str!("../../shaders/ops/aerial.wgsl");
    type Params = Params;
    type Constants = Constants;

    fn domain(_: &Params) -> Domain {
        Domain::Perceptual
    }

    fn is_identity(p: &Params) -> bool {
        p.amount == 0.0 || (p.saturation == 1.0 && p.contrast == 1.0 && p.tint == 0.0)
    }

    fn reads_depth(_: &Params) -> bool {
        true
    }

    fn makes_color(p: &Params) -> bool {
        p.tint > 0.0 && (p.color[0] != p.color[1] || p.color[1] != p.color[2])
    }

    fn prepare(p: &Params, _: &Context, _: &mut Tables) -> Result<Constants, String> {
        let [lightness, a, b] = oklab::apply(&oklab::constants(false), working_from_srgb(p.color));
        let amount = p.amount / 100.0;
        Ok(Constants {
            start: p.start,
            span: 1.0 / (1.0 - p.start),
            falloff: p.falloff,
            paled: amount * (1.0 - p.saturation),
            drawn: amount * (1.0 - p.contrast),
            lightness,
            inverse_lightness: 1.0 / lightness.max(1e-3),
            tint: [amount * p.tint * a, amount * p.tint * b],
        })
    }

    #[inline(always)]
    fn pixel(c: &Constants, _: &[u32], px: Px) -> Px {
        let [l, a, b] = px.rgb;
        let share = pow((distance(px.disparity) - c.start) * c.span, c.falloff);
        let drawn = l + share * c.drawn * (c.lightness - l);
        let left = 1.0 - share * c.paled;
        let lean = share * unit(drawn * c.inverse_lightness);
        Px { rgb: [drawn, a * left + lean * c.tint[0], b * left + lean * c.tint[1]], ..px }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: Params = Params {
        amount: 100.0,
        saturation: 0.25,
        contrast: 0.5,
        color: [0.5; 3],
        tint: 0.5,
        start: 0.2,
        falloff: 1.0,
    };

    fn seen(p: &Params, lab: [f32; 3], disparity: f32) -> [f32; 3] {
        let c = Spec::prepare(p, &Context::default(), &mut Tables::default()).unwrap();
        Spec::pixel(&c, &[], Px { disparity, ..Px::of(lab) }).rgb
    }

    #[test]
    fn the_near_stays_and_the_farthest_takes_all_of_it() {
        let lab = [0.8, 0.1, -0.05];
        assert_eq!(seen(&FULL, lab, 1.0), lab);
        assert_eq!(seen(&FULL, lab, 0.6), lab, "nearer than start");
        // Lightness of sRGB 0.5: 0.5 is 0.214 of the light of white; its cube root is 0.598.
        let out = seen(&FULL, lab, 0.0);
        assert!((out[0] - (0.8 + 0.598_2) / 2.0).abs() < 1e-3, "{out:?}");
        assert!((out[1] - 0.025).abs() < 1e-5 && (out[2] + 0.012_5).abs() < 1e-5, "{out:?}");
    }

    #[test]
    fn growth_follows_the_falloff() {
        let at = |falloff: f32| seen(&Params { start: 0.0, falloff, ..FULL }, [0.5, 0.2, 0.0], 1.0 / 7.0)[1];
        // Disparity 1/7 is distance (6/7) 0.2 / (1/7 + 0.2) = 0.5: even growth takes half of 0.75 away, the square a quarter of it.
        assert!((at(1.0) - 0.2 * 0.625).abs() < 1e-5, "{}", at(1.0));
        assert!((at(2.0) - 0.2 * (1.0 - 0.75 * 0.25)).abs() < 1e-5, "{}", at(2.0));
    }

    #[test]
    fn grays_turn_cool_and_black_stays_without_color() {
        let p = Params { amount: 100.0, ..Params::default() };
        let [_, a, b] = seen(&p, [0.6, 0.0, 0.0], 0.0);
        assert!(b < -0.01 && a < 0.0, "blue, not purple: {a} {b}");
        let out = seen(&Params { contrast: 1.0, ..p }, [0.0; 3], 0.0);
        assert_eq!(out, [0.0; 3]);
    }
}
