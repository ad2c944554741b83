//! `guide` (plumbing): luma of the source pixel, the channel that the depth join follows.
//!
//! Taken before any operation: each channel is clamped to 0..1 and weighted with the luma coefficients of ITU-R BT.2020-2, table 4.
//! Channels are the code values of a display-referred picture as they came, whatever its primaries: they are spaced as the eye sees, and
//! cost nothing. Light (a scene-referred picture, or one whose codes are linear) is taken as linear Rec.2020 and encoded with the
//! sRGB curve. Bounded whatever the picture holds; NaN counts as black.

use crate::color::math::{each_channel, unit};
use super::{CHUNK, Chunk, Context, Op, Px, Range, Step, Tables, params};
use crate::color::curve::{self, CurveConstants, Direction};
use crate::color::encodings::SRGB_CURVE;
use crate::picture::{ColorEncoding, Curve, Referred};

params! {
    /// Luma of the source pixel for the depth join, inserted by plans that need depth.
    pub struct Params {}
}

/// Render-ready numbers.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Constants {
    /// The sRGB curve, light to code value; for [`Of::Light`].
    pub curve: CurveConstants,
    /// Weights of red, green and blue.
    pub weights: [f32; 3],
    /// 1 for [`Of::Light`], 0 for [`Of::Codes`].
    pub light: u32,
}

/// What color is when the guide is taken from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// Code values of a display-referred picture.
    Codes,
    /// Linear Rec.2020.
    Light,
}

impl Of {
    /// What the guide of a picture in `encoding` is taken from.
    pub fn picture(encoding: &ColorEncoding) -> Self {
        if encoding.referred == Referred::Display && encoding.curve != Curve::Linear { Self::Codes } else { Self::Light }
    }
}

/// The step.
pub struct Spec;

/// Luma coefficients of ITU-R BT.2020-2, table 4.
pub const LUMA_REC2020: [f32; 3] = [0.2627, 0.6780, 0.0593];

/// The step.
pub fn step(of: Of) -> Step {
    Step::new::<Spec>(&constants(of), 1.0)
}

fn constants(of: Of) -> Constants {
    let curve = CurveConstants::new(&SRGB_CURVE, Direction::Encode).unwrap_or(CurveConstants::LINEAR);
    Constants { curve, weights: LUMA_REC2020, light: u32::from(of == Of::Light) }
}

impl Constants {
    #[inline(always)]
    fn luma(&self, rgb: [f32; 3]) -> f32 {
        self.weights[0] * rgb[0] + self.weights[1] * rgb[1] + self.weights[2] * rgb[2]
    }

    #[inline(always)]
    fn encode(&self, rgb: [f32; 3]) -> [f32; 3] {
        each_channel(rgb, |v| curve::power_5_12_of_unit(&self.curve, v))
    }
}

impl Op for Spec {
    const ID: &'static str = "guide";
    const WGSL: &'static str = include_str!("../../shaders/ops/guide.wgsl");
    const GUARDED: bool = false;
    const WRITES_BESIDE: bool = true;
    type Params = Params;
    type Constants = Constants;

    fn prepare(_: &Params, _: &Context, _: &mut Tables) -> Result<Constants, String> {
        Ok(constants(Of::Light))
    }

    fn range(before: Range) -> Range {
        before
    }

    #[inline(always)]
    fn pixel(c: &Constants, _: &[u32], px: Px) -> Px {
        let bounded = each_channel(px.rgb, unit);
        Px { guide: c.luma(if c.light == 1 { c.encode(bounded) } else { bounded }), ..px }
    }

    /// Reads three planes and writes one.
    #[inline(always)]
    fn chunk(c: &Constants, _: &[u32], chunk: &mut Chunk) -> bool {
        let n = chunk.len.min(CHUNK);
        let [r, g, b] = &chunk.rgb;
        let (r, g, b, guide) = (&r[..n], &g[..n], &b[..n], &mut chunk.guide[..n]);
        // Two loops, so that the first is free of powers.
        if c.light == 0 {
            for i in 0..n {
                guide[i] = c.luma(each_channel([r[i], g[i], b[i]], unit));
            }
        } else {
            for i in 0..n {
                guide[i] = c.luma(c.encode(each_channel([r[i], g[i], b[i]], unit)));
            }
        }
        true
    }
}
