//! `keep` (plumbing): remembers the code values of the pixel, so that [`super::restore`] can put them back.

use super::{Context, Op, Px, Step, Tables, params};

params! {
    /// Remembers the pixel as it came, inserted by plans whose operations are all masked.
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
    const ID: &'static str = "keep";
    const WGSL: &'static str = include_str!("../../shaders/ops/keep.wgsl");
    const GUARDED: bool = false;
    const WRITES_BESIDE: bool = true;
    const ACTS_ON_TRANSPARENT: bool = true;
    type Params = Params;
    type Constants = Constants;

    fn prepare(_: &Params, _: &Context, _: &mut Tables) -> Result<Constants, String> {
        Ok(Constants { unused: 0 })
    }

    #[inline(always)]
    fn pixel(_: &Constants, _: &[u32], px: Px) -> Px {
        Px { original: px.rgb, ..px }
    }
}
