//! `keep_source` (plumbing): remembers the color of the pixel before any operation, for masks that read the source.

use super::{Context, Op, Px, Step, Tables, params};

params! {
    /// Remembers the linear color of the source, inserted by plans with masks that read it.
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
    const ID: &'static str = "keep_source";
    const WGSL: &'static str = include_str!("../../shaders/ops/keep_source.wgsl");
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
        Px { source: px.rgb, ..px }
    }
}
