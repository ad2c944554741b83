//! `dehaze`: the inverse of `haze`.

use std::cmp::Ordering;

use super::distance::distance;
use super::field::{Field, Proxy};
use super::guide::LUMA_REC2020;
use super::haze::AIR;
use super::{Context, Domain, Frame, Op, Px, Tables, params};
use crate::color::math::exp2;
use crate::color::working_from_srgb;
use crate::picture::Extent;

params! {
    /// Removes haze that grows with distance.
    ///
    /// The inverse of `haze` with the same numbers (Koschmieder's law; W. E. K. Middleton, Vision Through the Atmosphere, 1952, chapter 4):
    /// air light is taken away and what survived of the light is brought back to its strength. Where a pixel is darker than the air light
    /// that should lie over it there was less haze than thought: less is removed, so that shadows and skies do not turn black, and softly, so
    /// that they do not turn gaudy (`protect`). Noise grows with the light; `denoise` with a larger `far` than `near`, before it, goes well with it.
    ///
    /// Air light that is not given is found in the picture: the mean of the brighter half of its farthest tenth, by the darkest channel
    /// (after He, Sun and Tang, "Single image haze removal using dark channel prior", 2009, section 4.4, with depth in place of the patch).
    pub struct Params {
        /// Optical thickness of the haze at the farthest distance; 1 let 37 % of the light through.
        density: f32 = 0.0, Kind::Number { min: 0.0, max: 10.0, unit: "" };
        /// Color of the air light; black = found in the picture.
        color: [f32; 3] = [0.0, 0.0, 0.0], Kind::Color { min: 0.0, max: 1.0 };
        /// Distance at which the haze begins; 0 = nearest, 1 = farthest.
        start: f32 = 0.0, Kind::Number { min: 0.0, max: 0.99, unit: "" };
        /// Least share of the light that is taken to have survived: 0.1 makes what is left at most 10 times as strong.
        floor: f32 = 0.1, Kind::Number { min: 0.02, max: 1.0, unit: "" };
        /// How softly dark tones are let go: 0 = `haze` is undone exactly, down to black; more keeps haze on what is darker than this share of
        /// the air light over it.
        protect: f32 = 0.3, Kind::Number { min: 0.0, max: 1.0, unit: "" };
    }
}

/// Render-ready numbers.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Constants {
    /// `-density / ln 2`, the factor in the exponent of 2.
    pub exponent: f32,
    /// Distance at which haze begins.
    pub start: f32,
    /// 1 / (1 - start).
    pub span: f32,
    /// Least share of the light that survived.
    pub floor: f32,
    /// Where the inverse bends away from black, as a share of the air light that lies over the pixel.
    pub protect: f32,
    /// Air light, linear Rec.2020.
    pub air: [f32; 3],
    /// 1 / air light.
    pub inverse_air: [f32; 3],
}

/// Keeps the toe from dividing by nothing where there is no haze, or no protection.
const TINY: f32 = 1e-6;
/// Darkest air light that a pixel is compared with.
const DARKEST_AIR: f32 = 1e-3;
/// The picture by the part of it that counts as far, and that by the part of it that air light is taken from.
const FAR: usize = 10;
const BRIGHT: usize = 2;

/// The operation.
pub struct Spec;

impl Op for Spec {
    const ID: &'static str = "dehaze";
    const WGSL: &'static str = include_str!("../../shaders/ops/dehaze.wgsl");
    type Params = Params;
    type Constants = Constants;

    fn domain(_: &Params) -> Domain {
        Domain::Linear
    }

    fn is_identity(params: &Params) -> bool {
        params.density == 0.0
    }

    fn reads_depth(_: &Params) -> bool {
        true
    }

    fn makes_color(params: &Params) -> bool {
        params.color[0] != params.color[1] || params.color[1] != params.color[2]
    }

    fn wants_field(params: &Params) -> bool {
        !Self::is_identity(params) && is_found(params)
    }

    fn field(_: &Params, proxy: &Proxy, _: &Frame) -> Field {
        let air = air_light(proxy).unwrap_or_else(|| working_from_srgb(AIR));
        Field { extent: Extent { width: 1, height: 1 }, channels: 3, values: air.to_vec() }
    }

    fn prepare(params: &Params, context: &Context, _: &mut Tables) -> Result<Constants, String> {
        let found = context.field.as_deref().map(|field| field.values.as_slice());
        let air = match (is_found(params), found) {
            (true, Some([r, g, b, ..])) => [*r, *g, *b],
            (true, _) => working_from_srgb(AIR),
            (false, _) => working_from_srgb(params.color),
        };
        Ok(Constants {
            exponent: -params.density * std::f32::consts::LOG2_E,
            start: params.start,
            span: 1.0 / (1.0 - params.start),
            floor: params.floor,
            protect: params.protect,
            air,
            inverse_air: air.map(|v| 1.0 / v.max(DARKEST_AIR)),
        })
    }

    #[inline(always)]
    fn pixel(c: &Constants, _: &[u32], px: Px) -> Px {
        let beyond = (distance(px.disparity) - c.start).max(0.0) * c.span;
        let survives = exp2(c.exponent * beyond);
        let veil = 1.0 - survives;
        // No channel holds more air light than light: the largest veil the pixel can have.
        let [r, g, b] = px.rgb;
        let most = (r * c.inverse_air[0]).min(g * c.inverse_air[1]).min(b * c.inverse_air[2]).max(0.0);
        let (left, toe) = (most - veil, c.protect * veil + TINY);
        // Where less is left than the toe, a hyperbola: it meets the exact inverse with the same slope and falls to 0 only at infinity.
        let held = 1.0 - most + toe * toe / (2.0 * toe - left);
        let share = if left < toe { held } else { survives };
        let share = share.max(survives).max(c.floor).min(1.0);
        let back = |light: f32, air: f32| (light - air * (1.0 - share)) / share;
        Px { rgb: [back(r, c.air[0]), back(g, c.air[1]), back(b, c.air[2])], ..px }
    }
}

fn is_found(params: &Params) -> bool {
    params.color == [0.0; 3]
}

/// The air light of a picture; `None` where nothing is known of its depth or nothing covers it.
fn air_light(proxy: &Proxy) -> Option<[f32; 3]> {
    let color = |i: usize| Some([*proxy.rgb[0].get(i)?, *proxy.rgb[1].get(i)?, *proxy.rgb[2].get(i)?]);
    // Sorted by depth and light, then by place, so that ties fall the same way everywhere.
    let mut pixels: Vec<(f32, f32, usize)> = proxy
        .disparity
        .iter()
        .zip(&proxy.alpha)
        .enumerate()
        .filter(|(_, (_, alpha))| **alpha > 0.5)
        .filter_map(|(i, (disparity, _))| {
            let rgb = color(i).filter(|rgb| rgb.iter().all(|v| v.is_finite()))?;
            Some((*disparity, rgb[0].min(rgb[1]).min(rgb[2]), i))
        })
        .collect();
    let far = part(&mut pixels, FAR, |a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)).then(a.2.cmp(&b.2)))?;
    let bright = part(far, BRIGHT, |a, b| b.1.total_cmp(&a.1).then(a.2.cmp(&b.2)))?;
    let mut sums = [0f64; 3];
    for (_, _, i) in bright.iter() {
        sums = std::array::from_fn(|c| sums[c] + f64::from(proxy.rgb[c].get(*i).copied().unwrap_or_default()));
    }
    let air = sums.map(|sum| (sum / bright.len() as f64).max(0.0) as f32);
    let luminance: f32 = air.iter().zip(LUMA_REC2020).map(|(v, w)| v * w).sum();
    (luminance > DARKEST_AIR).then_some(air)
}

type Pixel = (f32, f32, usize);

/// The first of `parts` parts in an order, in the order of the picture.
fn part(pixels: &mut [Pixel], parts: usize, order: impl Fn(&Pixel, &Pixel) -> Ordering) -> Option<&mut [Pixel]> {
    let last = pixels.len().checked_sub(1)? / parts;
    pixels.select_nth_unstable_by(last, order);
    let first = pixels.get_mut(..=last)?;
    first.sort_unstable_by_key(|pixel| pixel.2);
    Some(first)
}

#[cfg(test)]
mod tests {
    use super::super::haze;
    use super::*;

    const AIR_SRGB: [f32; 3] = [0.75, 0.82, 0.92];

    fn constants(density: f32, start: f32, protect: f32) -> Constants {
        let params = Params { density, start, color: AIR_SRGB, protect, ..Params::default() };
        Spec::prepare(&params, &Context::default(), &mut Tables::default()).unwrap()
    }

    fn hazed(density: f32, start: f32, px: Px) -> Px {
        let params = haze::Params { density, start, color: AIR_SRGB };
        let c = haze::Spec::prepare(&params, &Context::default(), &mut Tables::default()).unwrap();
        haze::Spec::pixel(&c, &[], px)
    }

    #[test]
    fn what_haze_did_is_undone() {
        let mut counted = [0, 0];
        for (density, start, protect) in [(0.5, 0.0, 0.0), (1.5, 0.0, 0.0), (0.5, 0.0, 0.5), (1.5, 0.0, 0.3), (2.0, 0.3, 0.1)] {
            let c = constants(density, start, protect);
            for disparity in [1.0, 0.6, 0.3, 0.1, 0.0] {
                let survives = (-density * ((distance(disparity) - start).max(0.0) / (1.0 - start))).exp();
                for rgb in [[0.4, 0.3, 0.2], [0.9, 0.95, 1.0], [0.18; 3], [2.0, 0.5, 0.3], [0.02, 0.03, 0.01]] {
                    let px = Px { disparity, ..Px::of(rgb) };
                    let out = Spec::pixel(&c, &[], hazed(density, start, px)).rgb;
                    let worst = out.iter().zip(rgb).fold(0.0f32, |m, (a, b)| m.max((a - b).abs()));
                    let darkest = rgb.iter().zip(c.air).fold(9.0f32, |m, (v, air)| m.min(v / air));
                    // What is darker meets the toe.
                    let exact = darkest * survives > 1.01 * protect * (1.0 - survives);
                    assert!(!exact || worst < 4e-6, "density {density}, {disparity}: {rgb:?} became {out:?}");
                    assert!(exact || out.iter().zip(rgb).all(|(a, b)| *a >= b.min(0.5) - 1e-6), "{rgb:?}: {out:?}");
                    counted[usize::from(exact)] += 1;
                }
            }
        }
        assert!(counted[1] > 2 * counted[0] && counted[0] > 10, "{counted:?}");
    }

    #[test]
    fn the_nearest_keeps_its_bits() {
        let c = constants(3.0, 0.0, 0.5);
        for rgb in [[0.0; 3], [-0.2, 0.5, 1e-7], [1.0, 0.9, 40.0]] {
            assert_eq!(Spec::pixel(&c, &[], Px { disparity: 1.0, ..Px::of(rgb) }).rgb, rgb);
        }
    }

    #[test]
    fn nothing_turns_black_and_nothing_grows_beyond_the_floor() {
        for protect in [0.0, 0.1, 0.5, 1.0] {
            rises_from_black_to_white(&constants(4.0, 0.0, protect));
        }
    }

    fn rises_from_black_to_white(c: &Constants) {
        let mut before = 0.0;
        for i in 0..=200 {
            // From black to white at the farthest distance, where the veil would be 0.98 of the air light.
            let v = i as f32 / 200.0;
            let out = Spec::pixel(c, &[], Px::of([v; 3])).rgb;
            assert!(out.iter().all(|o| *o >= -1e-6 && *o <= v / 0.1 + 1e-6), "{v} became {out:?}");
            assert!(out[1] >= before - 1e-6, "{v}: tones turn around");
            before = out[1];
        }
    }

    /// A scene of a near half and a far one; a lamp in front is brighter than the air.
    #[test]
    fn air_light_is_that_of_the_bright_distance() {
        let extent = Extent { width: 20, height: 20 };
        let is_far = |i: usize| i < 40;
        let plane = |air: f32| {
            let value = |i: usize| match (is_far(i), i % 10) {
                (true, 0..=4) => air,
                (true, _) => air * 0.5,
                (false, 7) => 9.0,
                (false, _) => 0.1,
            };
            (0..400).map(value).collect::<Vec<f32>>()
        };
        let disparity = (0..400).map(|i| if is_far(i) { 0.0 } else { 0.8 }).collect();
        let proxy = Proxy { extent, rgb: [plane(0.6), plane(0.7), plane(0.8)], alpha: vec![1.0; 400], disparity };
        let params = Params { density: 1.0, ..Params::default() };
        assert!(Spec::wants_field(&params));
        let field = Spec::field(&params, &proxy, &Frame::default());
        let expected = [0.6, 0.7, 0.8];
        assert!(field.values.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{:?}", field.values);
        let context = Context { field: Some(std::sync::Arc::new(field)), ..Context::default() };
        assert_eq!(Spec::prepare(&params, &context, &mut Tables::default()).unwrap().air, expected);
    }

    #[test]
    fn without_depth_air_is_that_of_haze() {
        let extent = Extent { width: 2, height: 1 };
        let proxy = Proxy { extent, rgb: [vec![], vec![], vec![]], alpha: vec![1.0; 2], disparity: vec![] };
        assert_eq!(Spec::field(&Params::default(), &proxy, &Frame::default()).values, working_from_srgb(AIR).to_vec());
    }
}
