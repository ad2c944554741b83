//! Operations: what can be done to a pixel.
//!
//! One operation is one Rust file and one WGSL file of the same name: `src/ops/<id>.rs` holds the parameters (declared once:
//! documentation, default, range, unit), the render-ready constants and the CPU function, which is the definition;
//! `shaders/ops/<id>.wgsl` holds the same constants struct and the same function for the GPU. The lists below are the only
//! other place an operation is named. [`invert`] is the one to copy.
//!
//! * [`ALL`]: what a recipe can name.
//! * [`PLUMBING`]: steps that a plan inserts by itself: transfer curves, matrices, the depth guide and the depth join.
//!
//! Operations are pure: no files, threads, GPU or inference here. Whatever an operation needs beyond its parameters (a parsed
//! LUT, depth coefficients) is handed to it in [`Context`].

pub mod area;
mod bare;
mod chunk;
pub mod distance;
pub mod field;
mod nearby;
mod params;
mod purity;
pub mod quantiles;
mod step;

pub use crate::isa::{Isa, Kernel};
pub use chunk::{CHUNK, Chunk, Px, Range};
pub use params::{Kind, ParamInfo, ParamSet, ParamValue, Params, Value};
pub use step::{AnyOp, Context, Domain, Frame, Grading, Op, Step, Tables, struct_name};

use params::params;

/// Declares the modules of a list of operations and the list itself.
macro_rules! ops {
    ($(#[$doc:meta])* $list:ident: $($id:ident),+ $(,)?) => {
        $(pub mod $id;)+
        $(#[$doc])*
        pub static $list: &[&dyn AnyOp] = &[$(&step::Entry::<$id::Spec>::NEW),+];
    };
}

ops! {
    /// Every operation a recipe can name, in the order the documentation shows them.
    ALL:
        exposure, white_balance, cdl, contrast, levels, curves, lift_gamma_gain, shadows_highlights, tone_map,
        saturation, vibrance, hsl, split_tone, monochrome, invert, lut,
        clarity, glow, sharpen, denoise, vignette, grain, haze, dehaze, aerial, depth_grade, zones, defocus, resize
}

ops! {
    /// Steps that plans insert by themselves.
    PLUMBING: transfer, matrix, oklab, guide, disparity, supplied, show_disparity, keep, keep_source, restore, mask, show_mask
}

/// Looks an operation up that a recipe names.
pub fn find(id: &str) -> Option<&'static dyn AnyOp> {
    ALL.iter().copied().find(|op| op.id() == id)
}

#[cfg(test)]
mod tests;
