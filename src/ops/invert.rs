//! `invert`: the photographic negative. The example to copy for a new operation.

use crate::color::math::each_channel;
use super::{Context, Domain, Op, Px, Tables, params};

params! {
    /// Photographic negative: black becomes white.
    ///
    /// `out = 1 - in` on every channel, in the tonal domain, so that middle gray stays near the middle. Twice gives the
    /// picture back.
    pub struct Params {}
}

/// Render-ready numbers.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Constants {
    /// What the value is subtracted from.
    pub white: f32,
}

/// The operation.
pub struct Spec;

impl Op for Spec {
    const ID: &'static str = "invert";
    const WGSL: &'static str = include_str!("../../shaders/ops/invert.wgsl");
    const GUARDED: bool = false;
    type Params = Params;
    type Constants = Constants;

    fn domain(_: &Params) -> Domain {
        Domain::Grade
    }

    fn prepare(_: &Params, _: &Context, _: &mut Tables) -> Result<Constants, String> {
        Ok(Constants { white: 1.0 })
    }

    #[inline(always)]
    fn pixel(c: &Constants, _: &[u32], px: Px) -> Px {
        Px { rgb: each_channel(px.rgb, |v| c.white - v), ..px }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twice_is_the_picture() {
        let c = Spec::prepare(&Params {}, &Context::default(), &mut Tables::default()).unwrap();
        let px = Px::of([0.0, 0.25, 1.0]);
        let once = Spec::pixel(&c, &[], px);
        assert_eq!(once.rgb, [1.0, 0.75, 0.0]);
        assert_eq!(Spec::pixel(&c, &[], once).rgb, px.rgb);
    }
}
