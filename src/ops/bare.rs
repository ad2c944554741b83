//! Steps without numbers: plumbing that moves values of a pixel and computes nothing.

use super::CHUNK;

/// Declares a plumbing operation without parameters and constants:
/// `bare_op! { /// docs. "id", beside: whether it writes more than color, |px| the pixel that leaves }`; where it only copies planes,
/// `chunk: |chunk| the copy` says so at the end, color staying as it is: pixel by pixel, every plane would be written back.
macro_rules! bare_op {
    ($(#[doc = $doc:literal])+ $id:literal, beside: $beside:literal, |$px:ident| $result:expr
     $(, chunk: |$chunk:ident| $copy:expr)? $(,)?) => {
        $crate::ops::params! {
            $(#[doc = $doc])+
            pub struct Params {}
        }

        /// Render-ready numbers: none.
        #[repr(C)]
        #[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
        pub struct Constants {
            /// WGSL has no empty structs.
            pub unused: u32,
        }

        /// The operation.
        pub struct Spec;

        /// The step.
        pub fn step() -> $crate::ops::Step {
            $crate::ops::Step::new::<Spec>(&Constants { unused: 0 }, 1.0)
        }

        impl $crate::ops::Op for Spec {
            const ID: &'static str = $id;
            const WGSL: &'static str = include_str!(concat!("../../shaders/ops/", $id, ".wgsl"));
            const GUARDED: bool = false;
            const WRITES_BESIDE: bool = $beside;
            const ACTS_ON_TRANSPARENT: bool = true;
            type Params = Params;
            type Constants = Constants;

            fn prepare(
                _: &Params,
                _: &$crate::ops::Context,
                _: &mut $crate::ops::Tables,
            ) -> Result<Constants, String> {
                Ok(Constants { unused: 0 })
            }

            #[inline(always)]
            fn pixel(_: &Constants, _: &[u32], $px: $crate::ops::Px) -> $crate::ops::Px {
                $result
            }

            $(
                fn range(before: $crate::ops::Range) -> $crate::ops::Range {
                    before
                }

                #[inline(always)]
                fn chunk(_: &Constants, _: &[u32], $chunk: &mut $crate::ops::Chunk) -> bool {
                    $copy;
                    true
                }
            )?
        }
    };
}
pub(crate) use bare_op;

/// Copies three planes of a chunk of `n` pixels.
#[inline(always)]
pub(super) fn copy(n: usize, from: &[[f32; CHUNK]; 3], to: &mut [[f32; CHUNK]; 3]) {
    let n = n.min(CHUNK);
    for (from, to) in from.iter().zip(to) {
        to[..n].copy_from_slice(&from[..n]);
    }
}
