//! `glow`: light that spreads from what is bright.

use super::field::{Field, FieldConstants, Proxy, box_blur};
use super::guide::LUMA_REC2020;
use super::{Context, Domain, Frame, Op, Px, Tables, params};
use crate::color::math::smoothstep;

params! {
    /// Glow: bright light spreads into its surroundings, as in the glass of a lens.
    ///
    /// Light above the threshold is blurred (three box filters in a row, close to a Gaussian: Wells, "Efficient synthesis of Gaussian
    /// filters by cascaded uniform filters", 1986) and added in linear light. With energy kept, light that spreads is missing where it
    /// came from.
    pub struct Params {
        /// How much of the bright light spreads, in percent.
        amount: f32 = 0.0, Kind::Number { min: 0.0, max: 100.0, unit: "%" };
        /// Luminance from which light counts as bright; 1 = diffuse white. It fades in from half of it.
        threshold: f32 = 0.6, Kind::Number { min: 0.0, max: 16.0, unit: "" };
        /// How far it spreads (standard deviation), in percent of the longer side.
        radius: f32 = 2.0, Kind::Number { min: 0.2, max: 15.0, unit: "%" };
        /// Takes the light that spreads away from where it came from.
        keep_energy: bool = false, Kind::Flag;
    }
}

/// Render-ready numbers.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Constants {
    /// Share of the bright light that spreads.
    pub amount: f32,
    /// Share of it that is taken away at its source.
    pub taken: f32,
    /// Luminance from which light begins to count.
    pub low: f32,
    /// Luminance from which it counts in full; always above `low`.
    pub high: f32,
    /// Spread light: linear red, green, blue.
    pub field: FieldConstants,
}

/// The operation.
pub struct Spec;

impl Op for Spec {
    const ID: &'static str = "glow";
    const WGSL: &'static str = include_str!("../../shaders/ops/glow.wgsl");
    const FIELD: usize = 3;
    type Params = Params;
    type Constants = Constants;

    fn domain(_: &Params) -> Domain {
        Domain::Linear
    }

    fn is_identity(params: &Params) -> bool {
        params.amount == 0.0
    }

    fn wants_field(params: &Params) -> bool {
        !Self::is_identity(params)
    }

    fn field(params: &Params, proxy: &Proxy, _: &Frame) -> Field {
        let size = (proxy.extent.width as usize, proxy.extent.height as usize);
        let sigma = params.radius / 100.0 * proxy.long_side() as f32;
        // Three boxes of half width r have the variance of a Gaussian: 3 ((2 r + 1)^2 - 1) / 12 = sigma^2.
        let half = (((4.0 * sigma * sigma + 1.0).sqrt() - 1.0) / 2.0).round().max(1.0) as usize;
        let (low, high) = range(params);
        let planes: Vec<Vec<f32>> = (0..3)
            .map(|k| {
                let bright = (0..proxy.alpha.len()).map(|i| {
                    let rgb = proxy.rgb.each_ref().map(|plane| plane[i]);
                    let light = rgb[k] * share(rgb, low, high) * proxy.alpha[i];
                    if light.is_finite() { light } else { 0.0 }
                });
                let once = box_blur(&bright.collect::<Vec<f32>>(), size, half);
                box_blur(&box_blur(&once, size, half), size, half)
            })
            .collect();
        let values = (0..proxy.alpha.len()).flat_map(|i| [planes[0][i], planes[1][i], planes[2][i]]).collect();
        Field { extent: proxy.extent, channels: 3, values }
    }

    fn prepare(params: &Params, context: &Context, tables: &mut Tables) -> Result<Constants, String> {
        let field = FieldConstants::new(context.field.as_deref(), &context.frame, tables);
        let amount = if field.width > 0 { params.amount / 100.0 } else { 0.0 };
        let (low, high) = range(params);
        Ok(Constants { amount, taken: if params.keep_energy { amount } else { 0.0 }, low, high, field })
    }

    fn field_constants(c: &Constants) -> FieldConstants {
        c.field
    }

    #[inline(always)]
    fn pixel(c: &Constants, _: &[u32], px: Px) -> Px {
        let spread = px.field;
        let taken = 1.0 - c.taken * share(px.rgb, c.low, c.high);
        let [r, g, b] = px.rgb;
        let rgb = [r * taken + c.amount * spread[0], g * taken + c.amount * spread[1], b * taken + c.amount * spread[2]];
        Px { rgb, ..px }
    }
}

/// Luminance between which light comes to count as bright.
fn range(params: &Params) -> (f32, f32) {
    (params.threshold * 0.5, params.threshold.max(1e-3))
}

/// How far a color counts as bright, 0 to 1.
#[inline(always)]
fn share(rgb: [f32; 3], low: f32, high: f32) -> f32 {
    let luminance = LUMA_REC2020[0] * rgb[0] + LUMA_REC2020[1] * rgb[1] + LUMA_REC2020[2] * rgb[2];
    smoothstep(low, high, luminance)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Extent;

    #[test]
    fn light_spreads_and_energy_can_be_kept() {
        let extent = Extent { width: 101, height: 101 };
        let lamp = |i: usize| if i == 50 * 101 + 50 { 40.0 } else { 0.01 };
        let plane: Vec<f32> = (0..101 * 101).map(lamp).collect();
        let rgb = [plane.clone(), plane.clone(), plane.clone()];
        let proxy = Proxy { extent, rgb, alpha: vec![1.0; plane.len()], disparity: Vec::new() };
        let sum = |keep_energy| {
            let params = Params { amount: 50.0, keep_energy, radius: 3.0, ..Params::default() };
            let frame = Frame { extent, ..Frame::default() };
            let field = Some(std::sync::Arc::new(Spec::field(&params, &proxy, &Frame::default())));
            let mut tables = Tables::default();
            let c = Spec::prepare(&params, &Context { field, frame, ..Context::default() }, &mut tables).unwrap();
            let at = |i: usize| {
                let (x, y) = (i as u32 % 101, i as u32 / 101);
                let field = c.field.sample::<3>(&tables.0, x, y);
                Spec::pixel(&c, &tables.0, Px { field, ..Px::of([plane[i]; 3]) }).rgb[0]
            };
            assert!(at(50 * 101 + 53) > 0.1, "no light three pixels beside the lamp");
            assert!((at(0) - 0.01).abs() < 1e-4, "light far away");
            (0..plane.len()).map(|i| f64::from(at(i))).sum::<f64>()
        };
        let before: f64 = plane.iter().map(|v| f64::from(*v)).sum();
        assert!((sum(true) - before).abs() < 0.01 * before);
        assert!((sum(false) - before - 20.0).abs() < 0.2);
    }
}
