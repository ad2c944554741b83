//! `supplied` (plumbing): normalizes depth that came with the picture.
//!
//! The executor loads the value of the depth channel (metric depth, larger = farther) into [`Px::disparity`]; this step turns it
//! into normalized disparity: `saturate(scale / z + offset)`, where scale and offset put the 1st and 99th percentile of the
//! picture's disparity at 0 and 1. Values that are no distance (0, negative, NaN, infinite) count as farthest.

use super::{Context, Op, Px, Tables, params};

params! {
    /// Normalizes supplied depth, inserted by plans whose picture carries a depth channel.
    pub struct Params {}
}

/// Render-ready numbers.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Constants {
    /// Factor of 1/z.
    pub scale: f32,
    /// Added afterwards.
    pub offset: f32,
}

/// The step.
pub struct Spec;

impl Op for Spec {
    const ID: &'static str = "supplied";
    const WGSL: &'static str = include_str!("../../shaders/ops/supplied.wgsl");
    const GUARDED: bool = false;
    const WRITES_BESIDE: bool = true;
    type Params = Params;
    type Constants = Constants;

    fn prepare(_: &Params, _: &Context, _: &mut Tables) -> Result<Constants, String> {
        Ok(Constants { scale: 1.0, offset: 0.0 })
    }

    #[inline(always)]
    fn pixel(c: &Constants, _: &[u32], px: Px) -> Px {
        let z = px.disparity;
        let disparity = (c.scale / z + c.offset).max(0.0).min(1.0);
        Px { disparity: if z > 0.0 && z < f32::INFINITY { disparity } else { 0.0 }, ..px }
    }
}
