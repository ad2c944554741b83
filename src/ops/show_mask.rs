//! `show_mask` (plumbing): writes the weight of the pixel as gray, for pictures of masks.

use super::{Context, Op, Px, Step, Tables, params};

params! {
    /// The mask as gray, used to look at masks.
    pub struct Params {}
}

/// Render-ready numbers: none.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Constants {
    /// WGSL has no empty structs.
    pub unused: u32,
}

/// The step.
pub struct Spec;

/// The step.
pub fn step() -> Step {
    Step::new::<Spec>(&Constants { unused: 0 }, 1.0)
}

impl Op for Spec {
    const ID: &'static str = "show_mask";
    const WGSL: &'static str = include_str!("../../shaders/ops/show_mask.wgsl");
    const GUARDED: bool = false;
    const ACTS_ON_TRANSPARENT: bool = true;
    type Params = Params;
    type Constants = Constants;

    fn prepare(_: &Params, _: &Context, _: &mut Tables) -> Result<Constants, String> {
        Ok(Constants { unused: 0 })
    }

    #[inline(always)]
    fn pixel(_: &Constants, _: &[u32], px: Px) -> Px {
        Px { rgb: [px.mask; 3], ..px }
    }
}
