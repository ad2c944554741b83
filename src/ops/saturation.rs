//! `saturation`: more or less color.

use super::purity::{Matrices, purity, spared};
use super::{Context, Domain, Op, Px, Tables, params};

params! {
    /// All colors stronger or weaker.
    ///
    /// Scales chroma at constant lightness and hue (Oklab). -100 is gray, 100 doubles the color of muted tones. What is already pure is
    /// boosted less, so that no channel of light falls below 0 and nothing glows. Gray stays gray.
    pub struct Params {
        /// Change of color: -100 = none left, 0 = as it is, 100 = twice as much.
        amount: f32 = 0.0, Kind::Number { min: -100.0, max: 100.0, unit: "" };
    }
}

/// Render-ready numbers.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Constants {
    /// Chroma gain less 1, of muted colors.
    pub boost: f32,
    /// 1 = spare pure colors, 0 = treat all alike.
    pub spare: f32,
    /// For purity.
    pub matrices: Matrices,
}

/// The operation.
pub struct Spec;

impl Op for Spec {
    const ID: &'static str = "saturation";
    const WGSL: &'static str = include_str!("../../shaders/ops/saturation.wgsl");
    type Params = Params;
    type Constants = Constants;

    fn domain(_: &Params) -> Domain {
        Domain::Perceptual
    }

    fn is_identity(params: &Params) -> bool {
        params.amount == 0.0
    }

    fn prepare(params: &Params, _: &Context, _: &mut Tables) -> Result<Constants, String> {
        let spare = if params.amount > 0.0 { 1.0 } else { 0.0 };
        Ok(Constants { boost: params.amount / 100.0, spare, matrices: Matrices::new() })
    }

    #[inline(always)]
    fn pixel(c: &Constants, _: &[u32], px: Px) -> Px {
        let [l, a, b] = px.rgb;
        let pure = spared(purity(&c.matrices, px.rgb));
        let gain = 1.0 + c.boost * (1.0 - c.spare * pure);
        Px { rgb: [l, a * gain, b * gain], ..px }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saturated(amount: f32, lab: [f32; 3]) -> [f32; 3] {
        let c = Spec::prepare(&Params { amount }, &Context::default(), &mut Tables::default()).unwrap();
        Spec::pixel(&c, &[], Px::of(lab)).rgb
    }

    #[test]
    fn lightness_and_hue_stay() {
        let lab = [0.6, 0.03, -0.04];
        assert_eq!(saturated(-100.0, lab), [0.6, 0.0, 0.0]);
        assert_eq!(saturated(-50.0, lab), [0.6, 0.015, -0.02]);
        let more = saturated(100.0, lab);
        assert!(more[0] == 0.6 && (more[1] / more[2] + 0.75).abs() < 1e-5);
        let gain = more[1] / 0.03;
        assert!((1.5..2.0).contains(&gain), "{gain}");
        assert_eq!(saturated(100.0, [0.6, 0.0, 0.0]), [0.6, 0.0, 0.0]);
    }

    #[test]
    fn nearly_gray_is_doubled_and_the_primaries_stay() {
        let muted = saturated(100.0, [0.6, 1e-4, 0.0]);
        assert!((muted[1] / 1e-4 - 2.0).abs() < 0.01, "{muted:?}");
        let red = super::super::oklab::apply(&super::super::oklab::constants(false), [1.0, 0.0, 0.0]);
        let out = saturated(100.0, red);
        assert!((out[1] - red[1]).abs() < 1e-4, "{red:?} {out:?}");
    }
}
