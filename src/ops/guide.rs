//! `guide` (plumbing): luma of the source pixel, the channel that the depth join follows.
//!
//! Taken before any operation from linear Rec.2020: each channel is clamped to 0..1, encoded with the sRGB curve, and weighted
//! with the luma coefficients of ITU-R BT.2020-2, table 4. Bounded whatever the picture holds; NaN counts as black.

use crate::color::math::{each_channel, unit};
use super::{CHUNK, Chunk, Context, Op, Px, Range, Step, Tables, params};
use crate::color::curve::{self, CurveConstants, Direction};
use crate::color::encodings::SRGB_CURVE;

params! {
    /// Luma of the source pixel for the depth join, inserted by plans that need depth.
    pub struct Params {}
}

/// Render-ready numbers.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Constants {
    /// The sRGB curve, light to code value.
    pub curve: CurveConstants,
    /// Weights of red, green and blue.
    pub weights: [f32; 3],
}

/// The step.
pub struct Spec;

/// Luma coefficients of ITU-R BT.2020-2, table 4.
pub const LUMA_REC2020: [f32; 3] = [0.2627, 0.6780, 0.0593];

/// The step.
pub fn step() -> Step {
    Step::new::<Spec>(&constants(), 1.0)
}

fn constants() -> Constants {
    let curve = CurveConstants::new(&SRGB_CURVE, Direction::Encode).unwrap_or(CurveConstants::LINEAR);
    Constants { curve, weights: LUMA_REC2020 }
}

impl Op for Spec {
    const ID: &'static str = "guide";
    const WGSL: &'static str = include_str!("../../shaders/ops/guide.wgsl");
    const GUARDED: bool = false;
    const WRITES_BESIDE: bool = true;
    type Params = Params;
    type Constants = Constants;

    fn prepare(_: &Params, _: &Context, _: &mut Tables) -> Result<Constants, String> {
        Ok(constants())
    }

    fn range(before: Range) -> Range {
        before
    }

    #[inline(always)]
    fn pixel(c: &Constants, _: &[u32], px: Px) -> Px {
        let [r, g, b] = each_channel(px.rgb, |v| curve::power_5_12_of_unit(&c.curve, unit(v)));
        Px { guide: c.weights[0] * r + c.weights[1] * g + c.weights[2] * b, ..px }
    }

    /// Reads three planes and writes one.
    #[inline(always)]
    fn chunk(c: &Constants, _: &[u32], chunk: &mut Chunk) -> bool {
        let n = chunk.len.min(CHUNK);
        let [r, g, b] = &chunk.rgb;
        let (r, g, b, guide) = (&r[..n], &g[..n], &b[..n], &mut chunk.guide[..n]);
        for i in 0..n {
            let [r, g, b] = each_channel([r[i], g[i], b[i]], |v| curve::power_5_12_of_unit(&c.curve, unit(v)));
            guide[i] = c.weights[0] * r + c.weights[1] * g + c.weights[2] * b;
        }
        true
    }
}
