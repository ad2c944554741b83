//! `transfer` (plumbing): a transfer curve on every channel, from code values to light or back.

use crate::color::math::each_channel;
use super::{Chunk, Context, Op, Px, Range, Step, Tables, params};
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
    /// Steps of bisection that run the samples backwards, from light to code value; 0 = forwards.
    pub search: u32,
}

impl Constants {
    fn analytic(curve: CurveConstants) -> Self {
        Self { curve, table: 0, table_len: 0, search: 0 }
    }
}

/// The step.
pub struct Spec;

/// The step for one curve and direction; `None` when the curve is linear.
pub fn step(curve: &Curve, direction: Direction, tables: &mut Tables) -> Option<Step> {
    constants(curve, direction, tables).map(|constants| Step::new::<Spec>(&constants, 1.0))
}

fn constants(curve: &Curve, direction: Direction, tables: &mut Tables) -> Option<Constants> {
    Some(match (curve, CurveConstants::new(curve, direction)) {
        (Curve::Linear, _) => return None,
        (_, Some(curve)) => Constants::analytic(curve),
        (Curve::Table(table), None) => Constants {
            table: tables.push_floats(&table.samples),
            table_len: table.samples.len() as u32,
            search: match direction {
                Direction::Decode => 0,
                Direction::Encode => curve::search_steps(table.samples.len()),
            },
            ..Constants::analytic(CurveConstants::LINEAR)
        },
        (_, None) => return None,
    })
}

impl Op for Spec {
    const ID: &'static str = "transfer";
    const WGSL: &'static str = include_str!("../../shaders/ops/transfer.wgsl");
    const GUARDED: bool = false;
    const ACTS_ON_TRANSPARENT: bool = true;
    type Params = Params;
    type Constants = Constants;

    fn prepare(_: &Params, _: &Context, _: &mut Tables) -> Result<Constants, String> {
        Ok(Constants::analytic(CurveConstants::LINEAR))
    }

    #[inline(always)]
    fn pixel(c: &Constants, tables: &[u32], px: Px) -> Px {
        if c.table_len == 0 {
            Px { rgb: each_channel(px.rgb, |v| curve::apply(&c.curve, v)), ..px }
        } else if c.search == 0 {
            Px { rgb: each_channel(px.rgb, |v| sampled(c, tables, v)), ..px }
        } else {
            Px { rgb: each_channel(px.rgb, |v| searched(c, tables, v)), ..px }
        }
    }

    /// Every curve carries non-finite values through and makes none of light that a file of integers can hold.
    fn range(before: Range) -> Range {
        before.max(Range::Finite)
    }

    /// The form is chosen once per chunk instead of once per pixel: the loops then vectorize.
    #[inline(always)]
    fn chunk(c: &Constants, tables: &[u32], chunk: &mut Chunk) -> bool {
        let n = chunk.len;
        for plane in &mut chunk.rgb {
            let plane = &mut plane[..n];
            match (c.table_len, c.curve.form) {
                (0, 1) => over(plane, curve::acescct_encode),
                (0, 2) => over(plane, curve::acescct_decode),
                (0, 3) if chunk.range == Range::Unit => over(plane, |v| curve::power_12_5_of_unit(&c.curve, v)),
                (0, 3) => over(plane, |v| curve::power_12_5(&c.curve, v)),
                (0, 4) => over(plane, |v| curve::power_5_12(&c.curve, v)),
                (0, _) => over(plane, |v| curve::power(&c.curve, v)),
                _ if c.search == 0 => over(plane, |v| sampled(c, tables, v)),
                _ => over(plane, |v| searched(c, tables, v)),
            }
        }
        true
    }
}

/// A plain loop: `for_each` is not inlined into the loops that are compiled for AVX and would stay scalar.
#[inline(always)]
fn over(plane: &mut [f32], f: impl Fn(f32) -> f32) {
    for value in plane {
        *value = f(*value);
    }
}

/// Linear interpolation in the samples; arguments outside 0..1 take the end values, non-finite ones pass.
#[inline(always)]
fn sampled(c: &Constants, tables: &[u32], x: f32) -> f32 {
    let last = (c.table_len - 1) as f32;
    let at = x.clamp(0.0, 1.0) * last;
    let low = at as u32;
    let high = (low + 1).min(c.table_len - 1);
    let (low_value, high_value) = (node(c, tables, low), node(c, tables, high));
    let value = low_value + (at - low as f32) * (high_value - low_value);
    if x.abs() < f32::INFINITY { value } else { x }
}

/// The inverse of [`sampled`]: bisection with a fixed number of steps, then the straight line between two samples. A flat run gives its
/// first sample, light beyond the samples 0 or 1; non-finite values pass.
#[inline(always)]
fn searched(c: &Constants, tables: &[u32], y: f32) -> f32 {
    let (mut low, mut high) = (0, c.table_len - 1);
    for _ in 0..c.search {
        let middle = (low + high) / 2;
        let below = node(c, tables, middle) < y;
        low = if below { middle } else { low };
        high = if below { high } else { middle };
    }
    let (low_value, high_value) = (node(c, tables, low), node(c, tables, high));
    let span = high_value - low_value;
    let beyond = if y > low_value { 1.0 } else { 0.0 };
    let fraction = if span > 0.0 { ((y - low_value) / span).clamp(0.0, 1.0) } else { beyond };
    let value = (low as f32 + fraction) / (c.table_len - 1) as f32;
    if y.abs() < f32::INFINITY { value } else { y }
}

#[inline(always)]
fn node(c: &Constants, tables: &[u32], i: u32) -> f32 {
    f32::from_bits(tables.get((c.table + i) as usize).copied().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::CurveTable;

    fn table(samples: &[f32], direction: Direction, tables: &mut Tables) -> Constants {
        let curve = Curve::Table(std::sync::Arc::new(CurveTable { samples: samples.to_vec() }));
        constants(&curve, direction, tables).unwrap()
    }

    /// Largest error in codes of 16 bit there and back, over all codes whose light is that of no flat run.
    fn worst(samples: &[f32]) -> i64 {
        let flat = samples.windows(2).filter(|w| w[0] == w[1]).map(|w| w[0].to_bits());
        let flat: std::collections::HashSet<u32> = flat.collect();
        let mut tables = Tables(vec![1, 2, 3]);
        let [decode, encode] =
            [Direction::Decode, Direction::Encode].map(|direction| table(samples, direction, &mut tables));
        let there_and_back = |code: i64| {
            let light = sampled(&decode, &tables.0, code as f32 / 65_535.0);
            let back = (searched(&encode, &tables.0, light) * 65_535.0 + 0.5) as i64;
            if flat.contains(&light.to_bits()) { 0 } else { (back - code).abs() }
        };
        (0..=65_535).map(there_and_back).max().unwrap()
    }

    #[test]
    fn every_code_of_a_sampled_curve_returns() {
        for len in [2, 3, 17, 256, 1024, 4096] {
            for gamma in [1.8, 2.2, 0.5] {
                let exact = (0..len).map(|i| (i as f32 / (len - 1) as f32).powf(gamma));
                assert!(worst(&exact.clone().collect::<Vec<_>>()) <= 1, "{len} samples of gamma {gamma}");
                // As profiles hold them: 16 bit, with flat runs near black.
                let stored = exact.map(|v| (v * 65_535.0).round() / 65_535.0);
                assert!(worst(&stored.collect::<Vec<_>>()) <= 1, "{len} 16-bit samples of gamma {gamma}");
            }
        }
    }

    #[test]
    fn the_inverse_keeps_to_its_ends() {
        let mut tables = Tables::default();
        let c = table(&[0.1, 0.1, 0.5, 0.9, 0.9], Direction::Encode, &mut tables);
        for (light, code) in [(-1.0, 0.0), (0.0, 0.0), (0.1, 0.0), (0.3, 0.375), (0.9, 0.75), (1.0, 1.0), (7.0, 1.0)] {
            assert!((searched(&c, &tables.0, light) - code).abs() < 1e-6, "{light}");
        }
        assert!(searched(&c, &tables.0, f32::NAN).is_nan());
        assert_eq!(searched(&c, &tables.0, f32::NEG_INFINITY), f32::NEG_INFINITY);
    }
}
