//! `levels`: black, white and gamma, in and out.

use super::{Context, Domain, Op, Px, Tables, params};
use crate::color::math::pow;

params! {
    /// Levels: input black, white and gamma, output black and white.
    ///
    /// `t = (in - black) / (white - black)`, then `t ^ (1 / gamma)`, then `output_black + t (output_white - output_black)`. Values below
    /// black mirror those above it and values above white continue, unless clamped.
    pub struct Params {
        /// Value that becomes output black.
        black: [f32; 3] = [0.0, 0.0, 0.0], Kind::Channels { min: 0.0, max: 1.0 };
        /// Value that becomes output white, at least 0.01 from black; below black gives a negative.
        white: [f32; 3] = [1.0, 1.0, 1.0], Kind::Channels { min: 0.0, max: 1.0 };
        /// Midtones; 1 changes nothing, more is brighter.
        gamma: [f32; 3] = [1.0, 1.0, 1.0], Kind::Channels { min: 0.1, max: 10.0 };
        /// What black becomes.
        output_black: [f32; 3] = [0.0, 0.0, 0.0], Kind::Channels { min: 0.0, max: 1.0 };
        /// What white becomes; below output black gives a negative.
        output_white: [f32; 3] = [1.0, 1.0, 1.0], Kind::Channels { min: 0.0, max: 1.0 };
        /// Cut what lies outside black and white, as image editors do.
        clamp: bool = false, Kind::Flag;
    }
}

/// Render-ready numbers.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Constants {
    /// Input black of each channel.
    pub black: [f32; 3],
    /// 1 / (white - black).
    pub scale: [f32; 3],
    /// 1 / gamma.
    pub exponent: [f32; 3],
    /// Output black.
    pub low: [f32; 3],
    /// Output white - output black.
    pub span: [f32; 3],
    /// 1 = cut.
    pub limited: u32,
}

/// Smallest distance between black and white.
const LEAST_SPAN: f32 = 0.01;

/// The operation.
pub struct Spec;

impl Op for Spec {
    const ID: &'static str = "levels";
    const WGSL: &'static str = include_str!("../../shaders/ops/levels.wgsl");
    type Params = Params;
    type Constants = Constants;

    fn domain(_: &Params) -> Domain {
        Domain::Grade
    }

    fn is_identity(p: &Params) -> bool {
        *p == Params::default()
    }

    fn makes_color(p: &Params) -> bool {
        [p.black, p.white, p.gamma, p.output_black, p.output_white].iter().any(|c| c[0] != c[1] || c[1] != c[2])
    }

    fn prepare(p: &Params, _: &Context, _: &mut Tables) -> Result<Constants, String> {
        let (mut scale, mut exponent, mut span) = ([1.0; 3], [1.0; 3], [1.0; 3]);
        for i in 0..3 {
            if (p.white[i] - p.black[i]).abs() < LEAST_SPAN {
                return Err(format!(
                    "levels: white is {} and black {}: they must be at least {LEAST_SPAN} apart",
                    p.white[i], p.black[i]
                ));
            }
            scale[i] = 1.0 / (p.white[i] - p.black[i]);
            exponent[i] = 1.0 / p.gamma[i];
            span[i] = p.output_white[i] - p.output_black[i];
        }
        Ok(Constants { black: p.black, scale, exponent, low: p.output_black, span, limited: p.clamp.into() })
    }

    #[inline(always)]
    fn pixel(c: &Constants, _: &[u32], px: Px) -> Px {
        Px { rgb: [leveled(c, px.rgb, 0), leveled(c, px.rgb, 1), leveled(c, px.rgb, 2)], ..px }
    }
}

#[inline(always)]
fn leveled(c: &Constants, rgb: [f32; 3], i: usize) -> f32 {
    let t = (rgb[i] - c.black[i]) * c.scale[i];
    let t = if c.limited == 1 { t.max(0.0).min(1.0) } else { t };
    let size = pow(t.abs(), c.exponent[i]);
    let bent = if t < 0.0 { -size } else { size };
    c.low[i] + if c.exponent[i] == 1.0 { t } else { bent } * c.span[i]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graded(params: &Params, v: f32) -> f32 {
        let c = Spec::prepare(params, &Context::default(), &mut Tables::default()).unwrap();
        Spec::pixel(&c, &[], Px::of([v; 3])).rgb[0]
    }

    #[test]
    fn black_white_and_gamma_do_what_they_say() {
        let params = Params {
            black: [0.1; 3],
            white: [0.9; 3],
            gamma: [2.0; 3],
            output_black: [0.2; 3],
            output_white: [0.7; 3],
            clamp: false,
        };
        // (0.3 - 0.1) / 0.8 = 1/4, its root 1/2, on 0.2 to 0.7: 0.45.
        for (v, expected) in [(0.1, 0.2), (0.9, 0.7), (0.3, 0.45), (-0.1, -0.05)] {
            assert!((graded(&params, v) - expected).abs() < 1e-6, "{v}: {}", graded(&params, v));
        }
        let cut = Params { clamp: true, ..params };
        for (v, expected) in [(-0.1, 0.2), (1.5, 0.7), (0.3, 0.45)] {
            assert!((graded(&cut, v) - expected).abs() < 1e-6, "{v}: {}", graded(&cut, v));
        }
    }

    #[test]
    fn rises_everywhere() {
        for gamma in [0.3, 1.0, 3.0] {
            let params = Params { black: [0.2; 3], white: [0.6; 3], gamma: [gamma; 3], ..Params::default() };
            let values: Vec<f32> = (-1000..=2000).map(|i| graded(&params, i as f32 / 1000.0)).collect();
            assert!(values.windows(2).all(|pair| pair[1] > pair[0] || pair[1] == 0.0), "gamma {gamma}");
        }
    }

    #[test]
    fn equal_black_and_white_are_refused() {
        let params = Params { black: [0.5; 3], white: [0.9, 0.5, 0.9], ..Params::default() };
        let message = Spec::prepare(&params, &Context::default(), &mut Tables::default()).unwrap_err();
        assert!(message.contains("0.5") && message.contains("0.01"), "{message}");
    }
}
