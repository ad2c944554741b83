//! `transfer` (plumbing): a transfer curve on every channel, from code values to light or back.

use super::{Chunk, Context, Domain, Op, Px, Step, Tables, params};
use crate::color::curve::{self, CurveConstants, Direction};
use crate::picture::Curve;

params! {
    /// Transfer curve, inserted by plans between the encodings operations ask for.
    pub struct Params {}
}

/// Render-ready numbers: an analytic curve, or with `table_len > 0` a sampled one.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Constants {
    /// The analytic curve.
    pub curve: CurveConstants,
    /// Offset of the samples in the tables.
    pub table: u32,
    /// Number of samples; 0 = analytic.
    pub table_len: u32,
}

/// The step.
pub struct Spec;

/// The step for one curve and direction; `None` when the curve is linear.
pub fn step(curve: &Curve, direction: Direction, tables: &mut Tables) -> Option<Step> {
    let constants = match (curve, CurveConstants::new(curve, direction)) {
        (Curve::Linear, _) => return None,
        (_, Some(curve)) => Constants { curve, table: 0, table_len: 0 },
        (Curve::Table(samples), None) => {
            let samples = curve::sampled(samples, direction);
            Constants {
                curve: CurveConstants::LINEAR,
                table: tables.push_floats(&samples),
                table_len: samples.len() as u32,
            }
        }
        (_, None) => return None,
    };
    Some(Step::new::<Spec>(&constants, 1.0))
}

impl Op for Spec {
    const ID: &'static str = "transfer";
    const WGSL: &'static str = include_str!("../../shaders/ops/transfer.wgsl");
    const ACTS_ON_TRANSPARENT: bool = true;
    type Params = Params;
    type Constants = Constants;

    fn domain(_: &Params) -> Domain {
        Domain::Linear
    }

    fn is_identity(_: &Params) -> bool {
        false
    }

    fn prepare(_: &Params, _: &Context, _: &mut Tables) -> Result<Constants, String> {
        Ok(Constants { curve: CurveConstants::LINEAR, table: 0, table_len: 0 })
    }

    #[inline(always)]
    fn pixel(c: &Constants, tables: &[u32], px: Px) -> Px {
        if c.table_len == 0 {
            Px { rgb: px.rgb.map(|v| curve::apply(&c.curve, v)), ..px }
        } else {
            Px { rgb: px.rgb.map(|v| sampled(c, tables, v)), ..px }
        }
    }

    /// The form is chosen once per chunk instead of once per pixel: the loops then vectorize.
    #[inline(always)]
    fn chunk(c: &Constants, tables: &[u32], chunk: &mut Chunk) -> bool {
        let n = chunk.len;
        for plane in &mut chunk.rgb {
            let plane = &mut plane[..n];
            match (c.table_len, c.curve.form) {
                (0, 1) => plane.iter_mut().for_each(|v| *v = curve::acescct_encode(*v)),
                (0, 2) => plane.iter_mut().for_each(|v| *v = curve::acescct_decode(*v)),
                (0, _) => plane.iter_mut().for_each(|v| *v = curve::power(&c.curve, *v)),
                _ => plane.iter_mut().for_each(|v| *v = sampled(c, tables, *v)),
            }
        }
        true
    }
}

/// Linear interpolation in the samples; arguments outside 0..1 take the end values, non-finite ones pass.
#[inline(always)]
fn sampled(c: &Constants, tables: &[u32], x: f32) -> f32 {
    let last = (c.table_len - 1) as f32;
    let at = x.clamp(0.0, 1.0) * last;
    let low = at as u32;
    let high = (low + 1).min(c.table_len - 1);
    let node = |i: u32| f32::from_bits(tables.get((c.table + i) as usize).copied().unwrap_or(0));
    let value = node(low) + (at - low as f32) * (node(high) - node(low));
    if x.abs() < f32::INFINITY { value } else { x }
}
