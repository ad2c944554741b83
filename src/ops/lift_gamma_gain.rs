//! `lift_gamma_gain`: the three wheels of a color corrector.

use super::{Context, Domain, Op, Px, Tables, params};
use crate::color::math::pow;

params! {
    /// Lift, gamma and gain: shadows, midtones and highlights.
    ///
    /// `(gain (in + lift (1 - in))) ^ (1 / gamma)` on every channel: lift moves black and leaves white, gain scales and leaves black, gamma
    /// bends what is between. The formula of Blender's Color Balance node (Blender manual, Compositing, Color Balance), with a lift that
    /// is 0 when it does nothing. Below 0 the curve is mirrored.
    pub struct Params {
        /// What black becomes; 0 changes nothing.
        lift: [f32; 3] = [0.0, 0.0, 0.0], Kind::Channels { min: -1.0, max: 1.0 };
        /// Midtones; 1 changes nothing, more is brighter.
        gamma: [f32; 3] = [1.0, 1.0, 1.0], Kind::Channels { min: 0.1, max: 10.0 };
        /// Factor; 1 changes nothing.
        gain: [f32; 3] = [1.0, 1.0, 1.0], Kind::Channels { min: 0.0, max: 16.0 };
    }
}

/// Render-ready numbers.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Constants {
    /// What black becomes.
    pub lift: [f32; 3],
    /// 1 / gamma.
    pub exponent: [f32; 3],
    /// Factor.
    pub gain: [f32; 3],
}

/// The operation.
pub struct Spec;

impl Op for Spec {
    const ID: &'static str = "lift_gamma_gain";
    const WGSL: &'static str = include_str!("../../shaders/ops/lift_gamma_gain.wgsl");
    type Params = Params;
    type Constants = Constants;

    fn domain(_: &Params) -> Domain {
        Domain::Grade
    }

    fn is_identity(p: &Params) -> bool {
        *p == Params::default()
    }

    fn makes_color(p: &Params) -> bool {
        [p.lift, p.gamma, p.gain].iter().any(|c| c[0] != c[1] || c[1] != c[2])
    }

    fn prepare(p: &Params, _: &Context, _: &mut Tables) -> Result<Constants, String> {
        let g = p.gamma;
        Ok(Constants { lift: p.lift, exponent: [1.0 / g[0], 1.0 / g[1], 1.0 / g[2]], gain: p.gain })
    }

    #[inline(always)]
    fn pixel(c: &Constants, _: &[u32], px: Px) -> Px {
        Px { rgb: [graded(c, px.rgb, 0), graded(c, px.rgb, 1), graded(c, px.rgb, 2)], ..px }
    }
}

#[inline(always)]
fn graded(c: &Constants, rgb: [f32; 3], i: usize) -> f32 {
    let v = c.gain[i] * (rgb[i] + c.lift[i] * (1.0 - rgb[i]));
    let size = pow(v.abs(), c.exponent[i]);
    let bent = if v < 0.0 { -size } else { size };
    if c.exponent[i] == 1.0 { v } else { bent }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out(params: &Params, v: f32) -> f32 {
        let c = Spec::prepare(params, &Context::default(), &mut Tables::default()).unwrap();
        Spec::pixel(&c, &[], Px::of([v; 3])).rgb[0]
    }

    #[test]
    fn follows_the_formula() {
        let params = Params { lift: [0.1; 3], gamma: [1.25; 3], gain: [1.3; 3] };
        for v in [0.0f32, 0.02, 0.18, 0.5, 0.9, 1.0, 2.5] {
            let exact = (1.3 * (f64::from(v) + 0.1 * (1.0 - f64::from(v)))).powf(0.8);
            assert!((f64::from(out(&params, v)) - exact).abs() < 1e-6 * exact.max(1.0), "{v}");
        }
    }

    #[test]
    fn each_wheel_leaves_its_end() {
        assert_eq!(out(&Params { lift: [0.2; 3], ..Params::default() }, 1.0), 1.0);
        assert_eq!(out(&Params { gain: [1.7; 3], ..Params::default() }, 0.0), 0.0);
        let gamma = Params { gamma: [2.2; 3], ..Params::default() };
        assert_eq!((out(&gamma, 0.0), out(&gamma, 1.0)), (0.0, 1.0));
        assert_eq!(out(&gamma, -0.25), -out(&gamma, 0.25));
    }
}
