//! `restore` (plumbing): puts back the code values of a pixel that no masked operation touched: select, not arithmetic.

use super::{Context, Op, Px, Step, Tables, params};

params! {
    /// Returns untouched pixels as they came, inserted by plans whose operations are all masked.
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
    const ID: &'static str = "restore";
    const WGSL: &'static str = include_str!("../../shaders/ops/restore.wgsl");
    const GUARDED: bool = false;
    const WRITES_BESIDE: bool = false;
    const ACTS_ON_TRANSPARENT: bool = true;
    type Params = Params;
    type Constants = Constants;

    fn prepare(_: &Params, _: &Context, _: &mut Tables) -> Result<Constants, String> {
        Ok(Constants { unused: 0 })
    }

    #[inline(always)]
    fn pixel(_: &Constants, _: &[u32], px: Px) -> Px {
        if px.touched > 0.0 { px } else { Px { rgb: px.original, ..px } }
    }
}
