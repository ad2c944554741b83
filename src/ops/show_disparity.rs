//! `show_disparity` (plumbing): the disparity of a pixel as its gray value, for depth maps.

use super::{Context, Op, Px, Tables, params};

params! {
    /// Normalized disparity as a gray value, inserted by plans that write depth maps.
    pub struct Params {}
}

/// Render-ready numbers.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Constants {
    /// Factor of the disparity.
    pub gain: f32,
}

/// The step.
pub struct Spec;

impl Op for Spec {
    const ID: &'static str = "show_disparity";
    const WGSL: &'static str = include_str!("../../shaders/ops/show_disparity.wgsl");
    const GUARDED: bool = false;
    const ACTS_ON_TRANSPARENT: bool = true;
    type Params = Params;
    type Constants = Constants;

    fn prepare(_: &Params, _: &Context, _: &mut Tables) -> Result<Constants, String> {
        Ok(Constants { gain: 1.0 })
    }

    #[inline(always)]
    fn pixel(c: &Constants, _: &[u32], px: Px) -> Px {
        Px { rgb: [px.disparity * c.gain; 3], ..px }
    }
}
