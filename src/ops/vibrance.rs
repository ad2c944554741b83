//! `vibrance`: saturation for muted colors.

use super::purity::{Matrices, purity};
use super::{Context, Domain, Op, Px, Tables, params};
use crate::color::math::smoothstep;

params! {
    /// Muted colors stronger, pure colors and skin spared.
    ///
    /// Like saturation (Oklab chroma at constant lightness and hue), in full for what is nearly gray, fading to nothing for what is pure: the
    /// weight is `(min / max)^2` of red, green and blue in linear Rec.2020. Skin, at Oklab hues of 40 to 70 degrees and fading out over 20
    /// degrees on either side, takes a third of the change.
    pub struct Params {
        /// Change of color: -100 = muted colors become gray, 0 = as it is, 100 = muted colors doubled.
        amount: f32 = 0.0, Kind::Number { min: -100.0, max: 100.0, unit: "" };
    }
}

/// Render-ready numbers.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Constants {
    /// Chroma gain less 1, of what is nearly gray.
    pub boost: f32,
    /// For purity.
    pub matrices: Matrices,
}

/// Middle of the skin hues, 55 degrees: cosine and sine. The skin patches of the ColorChecker lie at 44 and 46 degrees, other skin colors up to
/// 76; a test holds some.
const SKIN: [f32; 2] = [0.573_576_4, 0.819_152_06];
/// Cosine of 15 degrees: how far from the middle the full protection reaches.
const SKIN_FULL: f32 = 0.965_925_8;
/// Cosine of 35 degrees: where the protection ends.
const SKIN_END: f32 = 0.819_152_06;
/// Share of the change that skin is spared.
const SKIN_SPARED: f32 = 2.0 / 3.0;

/// The operation.
pub struct Spec;

impl Op for Spec {
    const ID: &'static str = "vibrance";
    const WGSL: &'static str = include_str!("../../shaders/ops/vibrance.wgsl");
    type Params = Params;
    type Constants = Constants;

    fn domain(_: &Params) -> Domain {
        Domain::Perceptual
    }

    fn is_identity(params: &Params) -> bool {
        params.amount == 0.0
    }

    fn prepare(params: &Params, _: &Context, _: &mut Tables) -> Result<Constants, String> {
        Ok(Constants { boost: params.amount / 100.0, matrices: Matrices::new() })
    }

    #[inline(always)]
    fn pixel(c: &Constants, _: &[u32], px: Px) -> Px {
        let [l, a, b] = px.rgb;
        let muted = 1.0 - purity(&c.matrices, px.rgb);
        let chroma = (a * a + b * b).sqrt();
        let cosine = (a * SKIN[0] + b * SKIN[1]) / chroma.max(1e-9);
        let skin = smoothstep(SKIN_END, SKIN_FULL, cosine);
        let gain = 1.0 + c.boost * (muted * muted) * (1.0 - SKIN_SPARED * skin);
        Px { rgb: [l, a * gain, b * gain], ..px }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::working_from_srgb;
    use crate::ops::oklab;

    fn gain(amount: f32, lab: [f32; 3]) -> f32 {
        let c = Spec::prepare(&Params { amount }, &Context::default(), &mut Tables::default()).unwrap();
        let out = Spec::pixel(&c, &[], Px::of(lab)).rgb;
        assert_eq!(out[0], lab[0]);
        (out[1] * out[1] + out[2] * out[2]).sqrt() / (lab[1] * lab[1] + lab[2] * lab[2]).sqrt()
    }

    fn oklab_of(srgb: [u8; 3]) -> [f32; 3] {
        oklab::apply(&oklab::constants(false), working_from_srgb(srgb.map(|v| f32::from(v) / 255.0)))
    }

    #[test]
    fn muted_colors_change_more_than_pure_ones() {
        let gains: Vec<f32> = [0.002, 0.02, 0.06, 0.1, 0.4].map(|chroma| gain(100.0, [0.6, 0.0, -chroma])).to_vec();
        assert!(gains[0] > 1.9 && gains.windows(2).all(|g| g[0] > g[1]), "{gains:?}");
        assert!(gains[4] < 1.001, "at the edge of Rec.2020: {gains:?}");
        assert!(gain(-100.0, [0.6, 0.0, -0.001]) < 0.05 && gain(-100.0, [0.6, 0.0, -0.1]) > 0.3);
    }

    #[test]
    fn skin_takes_a_third() {
        // Patches 1 and 2 of the ColorChecker (sRGB after BabelColor) and three skin colors from light to dark.
        for srgb in [[115, 82, 68], [194, 150, 130], [241, 194, 125], [198, 134, 66], [141, 85, 36]] {
            let [l, a, b] = oklab_of(srgb);
            let hue = b.atan2(a).to_degrees();
            let (skin, other) = (gain(60.0, [l, a, b]) - 1.0, gain(60.0, [l, -a, -b]) - 1.0);
            assert!((40.0..77.0).contains(&hue), "{srgb:?} has hue {hue}");
            assert!(skin < 0.6 * 0.5 && skin > 0.0 && other > skin, "{srgb:?}: {skin}, opposite {other}");
        }
        // At the same purity just outside the window and in its middle.
        let c = 1e-4f32;
        let at =
            |degrees: f32| gain(100.0, [0.6, c * degrees.to_radians().cos(), c * degrees.to_radians().sin()]) - 1.0;
        assert!((at(55.0) - 1.0 / 3.0).abs() < 0.01 && at(91.0) > 0.98 && at(19.0) > 0.98, "{} {}", at(55.0), at(91.0));
    }
}
