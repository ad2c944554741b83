//! `exposure`: more or less light.

use super::{Context, Domain, Op, Px, Tables, params};
use crate::color::math::{each_channel, exp2};

params! {
    /// Exposure in stops: multiplies light by 2^ev.
    ///
    /// Works in linear light, as opening the aperture or a longer shutter would.
    pub struct Params {
        /// Change of exposure; +1 doubles the light.
        ev: f32 = 0.0, Kind::Number { min: -20.0, max: 20.0, unit: "stops" };
    }
}

/// Render-ready numbers.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Constants {
    /// 2^ev.
    pub gain: f32,
}

/// The operation.
pub struct Spec;

impl Op for Spec {
    const ID: &'static str = "exposure";
    const WGSL: &'static str = include_str!("../../shaders/ops/exposure.wgsl");
    const GUARDED: bool = false;
    const ACTS_ON_TRANSPARENT: bool = true;
    type Params = Params;
    type Constants = Constants;

    fn domain(_: &Params) -> Domain {
        Domain::Linear
    }

    fn is_identity(params: &Params) -> bool {
        params.ev == 0.0
    }

    fn prepare(params: &Params, _: &Context, _: &mut Tables) -> Result<Constants, String> {
        Ok(Constants { gain: exp2(params.ev) })
    }

    #[inline(always)]
    fn pixel(c: &Constants, _: &[u32], px: Px) -> Px {
        Px { rgb: each_channel(px.rgb, |v| v * c.gain), ..px }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_stop_doubles_the_light() {
        for (ev, gain) in [(0.0, 1.0), (1.0, 2.0), (-2.0, 0.25), (10.0, 1024.0)] {
            let c = Spec::prepare(&Params { ev }, &Context::default(), &mut Tables::default()).unwrap();
            assert_eq!(c.gain, gain);
        }
    }
}
