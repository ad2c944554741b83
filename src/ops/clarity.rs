//! `clarity`: local contrast of the middle tones.

use super::distance::distance;
use super::field::{Field, FieldConstants, Proxy};
use super::guide::LUMA_REC2020;
use super::{Context, Domain, Frame, Op, Px, Tables, params};

params! {
    /// Local contrast: how far tones stand out from their surroundings.
    ///
    /// Surroundings are the picture after an edge-preserving blur (guided filter: He, Sun and Tang, "Guided image filtering", 2013; as a
    /// low-resolution field joined to the full picture: He and Sun, "Fast guided filter", 2015), so edges get no halo. What a tone
    /// differs from them is strengthened or weakened, most in the middle tones; black, white and color differences stay.
    pub struct Params {
        /// More (100 doubles the difference) or less (-100 removes it).
        amount: f32 = 0.0, Kind::Number { min: -100.0, max: 100.0, unit: "" };
        /// How far surroundings reach, in percent of the longer side.
        radius: f32 = 1.5, Kind::Number { min: 0.3, max: 10.0, unit: "%" };
        /// Share of the amount for what is nearest; in between it follows distance.
        near: f32 = 1.0, Kind::Number { min: 0.0, max: 2.0, unit: "" };
        /// Share of the amount for what is farthest.
        far: f32 = 1.0, Kind::Number { min: 0.0, max: 2.0, unit: "" };
    }
}

/// Render-ready numbers.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Constants {
    /// Factor of the difference, nearest.
    pub near: f32,
    /// What is added to it up to the farthest.
    pub span: f32,
    /// Surroundings: slope and offset over luma.
    pub field: FieldConstants,
}

/// Differences of luma below this count as texture, above as edges; squared it is the guided filter's epsilon.
const EDGE: f32 = 0.1;
/// Differences beyond are held back, so that strong edges are not driven into a halo.
const LARGEST: f32 = 0.25;

/// The operation.
pub struct Spec;

impl Op for Spec {
    const ID: &'static str = "clarity";
    const WGSL: &'static str = include_str!("../../shaders/ops/clarity.wgsl");
    const FIELD: usize = 2;
    type Params = Params;
    type Constants = Constants;

    fn domain(_: &Params) -> Domain {
        Domain::Grade
    }

    fn is_identity(params: &Params) -> bool {
        params.amount == 0.0 || (params.near == 0.0 && params.far == 0.0)
    }

    fn reads_depth(params: &Params) -> bool {
        params.near != params.far
    }

    fn wants_field(params: &Params) -> bool {
        !Self::is_identity(params)
    }

    fn field(params: &Params, proxy: &Proxy, _: &Frame) -> Field {
        let luma: Vec<f32> = (0..proxy.alpha.len()).map(|i| luma(proxy.rgb.each_ref().map(|plane| plane[i]))).collect();
        let radius = (params.radius / 100.0 * proxy.long_side() as f32).round().max(1.0) as usize;
        let (width, height) = (proxy.extent.width as usize, proxy.extent.height as usize);
        let mean = |plane: &[f32]| super::field::box_blur(plane, (width, height), radius);
        let squares: Vec<f32> = luma.iter().map(|v| v * v).collect();
        let (means, squares) = (mean(&luma), mean(&squares));
        let slopes: Vec<f32> = means
            .iter()
            .zip(&squares)
            .map(|(m, s)| {
                let variance = (s - m * m).max(0.0);
                variance / (variance + EDGE * EDGE)
            })
            .collect();
        let offsets: Vec<f32> = means.iter().zip(&slopes).map(|(m, a)| m - a * m).collect();
        let values = mean(&slopes).into_iter().zip(mean(&offsets)).flat_map(|(a, b)| [a, b]).collect();
        Field { extent: proxy.extent, channels: 2, values }
    }

    fn prepare(params: &Params, context: &Context, tables: &mut Tables) -> Result<Constants, String> {
        let field = FieldConstants::new(context.field.as_deref(), &context.frame, tables);
        // Without a field nothing is known of surroundings: nothing stands out of them.
        let amount = if field.width > 0 { params.amount / 100.0 } else { 0.0 };
        // Alike near and far, distance adds nothing, whatever it is.
        Ok(Constants { near: amount * params.near, span: amount * (params.far - params.near), field })
    }

    fn field_constants(c: &Constants) -> FieldConstants {
        c.field
    }

    #[inline(always)]
    fn pixel(c: &Constants, _: &[u32], px: Px) -> Px {
        let [slope, offset, _] = px.field;
        let luma = luma(px.rgb);
        let difference = luma - (slope * luma + offset);
        let held = difference / (1.0 + difference.abs() / LARGEST);
        let middle = (4.0 * luma * (1.0 - luma)).max(0.0);
        let amount = c.near + c.span * distance(px.disparity);
        let change = amount * held * middle;
        Px { rgb: [px.rgb[0] + change, px.rgb[1] + change, px.rgb[2] + change], ..px }
    }
}

#[inline(always)]
fn luma(rgb: [f32; 3]) -> f32 {
    LUMA_REC2020[0] * rgb[0] + LUMA_REC2020[1] * rgb[1] + LUMA_REC2020[2] * rgb[2]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Extent;

    /// A gray picture of `f(x)`, clarified; the nearest on the left, the farthest on the right.
    fn clarified(amount: f32, f: impl Fn(u32) -> f32) -> (Vec<f32>, Vec<f32>) {
        clarified_by(Params { amount, ..Params::default() }, f)
    }

    fn clarified_by(params: Params, f: impl Fn(u32) -> f32) -> (Vec<f32>, Vec<f32>) {
        let extent = Extent { width: 200, height: 40 };
        let plane: Vec<f32> = (0..200 * 40).map(|i| f(i % 200)).collect();
        let proxy = Proxy {
            extent,
            rgb: [plane.clone(), plane.clone(), plane.clone()],
            alpha: vec![1.0; plane.len()],
            disparity: Vec::new(),
        };
        let context = Context {
            field: Some(std::sync::Arc::new(Spec::field(&params, &proxy, &Frame::default()))),
            frame: Frame { extent, ..Frame::default() },
            ..Context::default()
        };
        let mut tables = Tables::default();
        let c = Spec::prepare(&params, &context, &mut tables).unwrap();
        let row = |x: u32| {
            let [slope, offset] = c.field.sample::<2>(&tables.0, x, 20);
            let disparity = 1.0 - x as f32 / 199.0;
            let px = Px { disparity, field: [slope, offset, 0.0], ..Px::of([plane[x as usize]; 3]) };
            Spec::pixel(&c, &tables.0, px).rgb[0]
        };
        ((0..200).map(row).collect(), plane[..200].to_vec())
    }

    #[test]
    fn texture_grows_and_flat_tones_stay() {
        let (out, came) = clarified(100.0, |x| if x < 100 { 0.5 } else { 0.5 + 0.03 * if x % 2 == 0 { 1.0 } else { -1.0 } });
        assert!(out[..80].iter().all(|v| (v - 0.5).abs() < 1e-4), "flat tones moved");
        let swing = |v: &[f32]| v[120..180].iter().fold(0.0f32, |m, v| m.max((v - 0.5).abs()));
        assert!(swing(&out) > 1.6 * swing(&came), "{} {}", swing(&out), swing(&came));
        let (softened, _) = clarified(-100.0, |x| 0.5 + 0.03 * if x % 2 == 0 { 1.0 } else { -1.0 });
        assert!(swing(&softened) < 0.4 * swing(&came));
    }

    #[test]
    fn strength_follows_distance() {
        let texture = |x: u32| 0.5 + 0.03 * if x.is_multiple_of(2) { 1.0 } else { -1.0 };
        let by = |near, far| clarified_by(Params { amount: 80.0, near, far, ..Params::default() }, texture).0;
        let (even, near, far) = (by(1.0, 1.0), by(1.0, 0.0), by(0.0, 1.0));
        assert_eq!((near[0], far[0]), (even[0], texture(0)), "the nearest");
        assert_eq!((near[199], far[199]), (texture(199), even[199]), "the farthest");
        // Disparity 1/7 is half way to the farthest.
        let half = 199 * 6 / 7;
        assert!(((near[half] - far[half]).abs()) < 2e-3 * 0.03 + 2e-4, "{} {}", near[half], far[half]);
        assert!(!Spec::reads_depth(&Params { near: 0.5, far: 0.5, ..Params::default() }));
        assert!(Spec::reads_depth(&Params { near: 0.5, ..Params::default() }));
    }

    #[test]
    fn strong_edges_get_no_halo() {
        let (out, came) = clarified(100.0, |x| if x < 100 { 0.25 } else { 0.75 });
        let worst = out.iter().zip(&came).fold(0.0f32, |m, (a, b)| m.max((a - b).abs()));
        assert!(worst < 0.03, "a halo of {worst}");
    }
}
