//! `zones`: a grade for each part of the picture's own depth.

use super::quantiles::Quantiles;
use super::{Context, Domain, Op, Px, Tables, params};
use crate::color::math::{each_channel, exp2, log2, unit};

/// Borders between zones, at most.
const BORDERS: usize = 4;
/// Zones, at most.
const ZONES: usize = BORDERS + 1;

params! {
    /// A grade for each of 2 to 5 zones of distance.
    ///
    /// Zones are parts of the picture, counted from the nearest pixel: quantiles of 0.33 and 0.67 make the nearest third, the middle and
    /// the farthest third, wherever in depth they lie. A border that falls on a plane, like the sky, moves to the side where less
    /// of the plane is, so that no plane is torn. Zones pass into each other by smooth steps whose weights add up to 1. Lists
    /// hold one number per zone, the nearest first; a single number is for all.
    ///
    /// Exposure and warmth multiply light, and warmth keeps the luminance. Contrast bends luminance around middle gray (0.18) and leaves color
    /// alone; saturation scales the difference to the luminance.
    pub struct Params {
        /// Shares of the picture, rising, at which one zone ends and the next begins: one fewer than zones.
        quantiles: Vec<f32> = [0.33, 0.67], Kind::Numbers { min: 0.01, max: 0.99, most: BORDERS, unit: "" };
        /// Share of the picture over which a zone passes into the next.
        softness: f32 = 0.2, Kind::Number { min: 0.0, max: 1.0, unit: "" };
        /// Exposure of each zone.
        exposure: Vec<f32> = [0.0], Kind::Numbers { min: -10.0, max: 10.0, most: ZONES, unit: "stops" };
        /// Contrast of each zone; 1 changes nothing.
        contrast: Vec<f32> = [1.0], Kind::Numbers { min: 0.0, max: 4.0, most: ZONES, unit: "" };
        /// Saturation of each zone; 1 changes nothing, 0 is gray.
        saturation: Vec<f32> = [1.0], Kind::Numbers { min: 0.0, max: 4.0, most: ZONES, unit: "" };
        /// Warmth of each zone: above 0 towards orange, below 0 towards blue; 100 = red and blue a stop apart.
        warmth: Vec<f32> = [0.0], Kind::Numbers { min: -100.0, max: 100.0, most: ZONES, unit: "" };
    }
}

/// Numbers of a zone: factors of red, green and blue, contrast, saturation.
const GRADE: usize = 5;

/// Render-ready numbers.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Constants {
    /// Normalized disparities at which the borders begin, from near to far.
    pub starts: [f32; BORDERS],
    /// 1 / their widths.
    pub scales: [f32; BORDERS],
    /// The grade of the nearest zone.
    pub nearest: [f32; GRADE],
    /// What every border adds to it.
    pub steps: [f32; BORDERS * GRADE],
}

/// Narrowest border, in normalized disparity: below, the unevenness of an estimated wall would show as a pattern.
const NARROWEST: f32 = 0.01;
/// Share of the picture within that which counts as a plane at one distance, like the sky.
const PLANE: f32 = 0.15;
/// Luminance that contrast leaves alone: middle gray (ANSI PH2.12, 18 % of white).
const MIDDLE_GRAY: f32 = 0.18;
/// Stops around middle gray within which contrast grows; beyond, light is multiplied by the same factor as at the end, so that noise in
/// black and highlights stay in bounds.
const STOPS: [f32; 2] = [-8.0, 6.0];
/// Luminance weights of linear Rec.2020 (ITU-R BT.2020-2, table 4; the same numbers as luma, on linear light).
const LUMINANCE: [f32; 3] = super::guide::LUMA_REC2020;

/// The operation.
pub struct Spec;

impl Op for Spec {
    const ID: &'static str = "zones";
    const WGSL: &'static str = include_str!("../../shaders/ops/zones.wgsl");
    const ACTS_ON_TRANSPARENT: bool = true;
    type Params = Params;
    type Constants = Constants;

    fn domain(_: &Params) -> Domain {
        Domain::Linear
    }

    fn is_identity(p: &Params) -> bool {
        let all = |list: &[f32], neutral: f32| list.iter().all(|v| *v == neutral);
        all(&p.exposure, 0.0) && all(&p.warmth, 0.0) && all(&p.contrast, 1.0) && all(&p.saturation, 1.0)
    }

    fn reads_depth(p: &Params) -> bool {
        let differ = |list: &[f32]| list.iter().any(|v| Some(v) != list.first());
        [&p.exposure, &p.contrast, &p.saturation, &p.warmth].into_iter().any(|list| differ(list))
    }

    fn wants_quantiles(p: &Params) -> bool {
        Self::reads_depth(p)
    }

    fn makes_color(p: &Params) -> bool {
        p.warmth.iter().any(|v| *v != 0.0)
    }

    fn prepare(p: &Params, context: &Context, _: &mut Tables) -> Result<Constants, String> {
        if let Some(pair) = p.quantiles.windows(2).find(|pair| pair[1] <= pair[0]) {
            return Err(format!("zones: quantiles go from {} to {}, they must rise", pair[0], pair[1]));
        }
        let grades = grades(p)?;
        let even = Quantiles::default();
        let borders = borders(context.quantiles.as_deref().unwrap_or(&even), &p.quantiles, p.softness);
        // Borders that are not asked for lie beyond all distances and add nothing.
        let mut c = Constants { starts: [-1.0; BORDERS], scales: [1.0; BORDERS], nearest: grades[0], steps: [0.0; 20] };
        for (i, (from, to)) in borders.into_iter().enumerate().take(BORDERS) {
            (c.starts[i], c.scales[i]) = (from, 1.0 / (from - to));
            let steps = c.steps.iter_mut().skip(i * GRADE).zip(grades[i + 1].iter().zip(&grades[i]));
            steps.for_each(|(step, (after, before))| *step = after - before);
        }
        Ok(c)
    }

    #[inline(always)]
    fn pixel(c: &Constants, _: &[u32], px: Px) -> Px {
        let d = unit(px.disparity);
        let mut grade = c.nearest;
        for i in 0..BORDERS {
            let s = unit((c.starts[i] - d) * c.scales[i]);
            let t = s * s * (3.0 - 2.0 * s);
            for (k, value) in grade.iter_mut().enumerate() {
                *value += t * c.steps[i * GRADE + k];
            }
        }
        let lit = [px.rgb[0] * grade[0], px.rgb[1] * grade[1], px.rgb[2] * grade[2]];
        let luminance = LUMINANCE[0] * lit[0] + LUMINANCE[1] * lit[1] + LUMINANCE[2] * lit[2];
        let stops = log2(luminance * (1.0 / MIDDLE_GRAY)).max(STOPS[0]).min(STOPS[1]);
        let bend = exp2((grade[3] - 1.0) * stops);
        let (gray, saturation) = (luminance * bend, grade[4]);
        // Saturation 1 does no arithmetic, and a luminance that is no finite number says nothing about the other channels.
        let mixes = saturation != 1.0 && gray.abs() < f32::INFINITY;
        let saturate = |v: f32| {
            let bent = v * bend;
            if mixes { gray + saturation * (bent - gray) } else { bent }
        };
        Px { rgb: each_channel(lit, saturate), ..px }
    }
}

/// The grades of all zones: those beyond the last are like it.
fn grades(p: &Params) -> Result<[[f32; GRADE]; ZONES], String> {
    let zones = p.quantiles.len() + 1;
    let lists = [
        ("exposure", &p.exposure),
        ("contrast", &p.contrast),
        ("saturation", &p.saturation),
        ("warmth", &p.warmth),
    ];
    if let Some((name, list)) = lists.iter().find(|(_, list)| list.len() != 1 && list.len() != zones) {
        return Err(format!(
            "zones: {name} has {} numbers, but quantiles {:?} make {zones} zones: give 1 number or {zones}",
            list.len(),
            p.quantiles
        ));
    }
    let of = |list: &[f32], zone: usize| list.get(zone).or(list.last()).copied().unwrap_or_default();
    let mut grades = [[0.0; GRADE]; ZONES];
    for (zone, grade) in grades.iter_mut().enumerate() {
        let [r, g, b] = gain(of(&p.exposure, zone), of(&p.warmth, zone));
        *grade = [r, g, b, of(&p.contrast, zone), of(&p.saturation, zone)];
    }
    Ok(grades)
}

/// Exposure times warmth; warmth is scaled to luminance 1, so that it colors without darkening.
fn gain(exposure_stops: f32, warmth: f32) -> [f32; 3] {
    let half = warmth / 100.0 * 0.5;
    let color = [exp2(half), 1.0, exp2(-half)];
    let luminance: f32 = color.iter().zip(LUMINANCE).map(|(v, w)| v * w).sum();
    color.map(|v| exp2(exposure_stops) * if warmth == 0.0 { 1.0 } else { v / luminance })
}

/// Where the borders begin and end, in normalized disparity, from near to far. Beginnings fall and so do ends, so no weight of a zone falls
/// below 0.
fn borders(spread: &Quantiles, shares: &[f32], softness: f32) -> Vec<(f32, f32)> {
    let (mut from, mut to) = (f32::INFINITY, f32::INFINITY);
    let mut found = Vec::with_capacity(shares.len());
    for share in shares {
        let (begin, end) = border(spread, *share, softness);
        (from, to) = (begin.min(from), end.min(to));
        found.push((from, to));
    }
    found
}

fn border(spread: &Quantiles, share: f32, softness: f32) -> (f32, f32) {
    let (from, to) = (spread.at(share - softness / 2.0), spread.at(share + softness / 2.0));
    if from - to >= NARROWEST {
        return (from, to);
    }
    // What lies at one distance goes to the zone that has the larger part of it.
    let (middle, half) = ((from + to) / 2.0, NARROWEST / 2.0);
    let nearer = share - spread.share_nearer(middle + half);
    let farther = spread.share_nearer(middle - half) - share;
    let moved = match (nearer + farther >= PLANE, nearer > farther) {
        (false, _) => middle,
        (true, true) => middle - NARROWEST,
        (true, false) => middle + NARROWEST,
    };
    (moved + half, moved - half)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn constants(p: &Params, quantiles: Quantiles) -> Constants {
        let context = Context { quantiles: Some(Arc::new(quantiles)), ..Context::default() };
        Spec::prepare(p, &context, &mut Tables::default()).unwrap()
    }

    fn graded(c: &Constants, rgb: [f32; 3], disparity: f32) -> [f32; 3] {
        Spec::pixel(c, &[], Px { disparity, ..Px::of(rgb) }).rgb
    }

    fn three(exposure: [f32; 3]) -> Params {
        Params { exposure: exposure.to_vec(), ..Params::default() }
    }

    #[test]
    fn zones_are_thirds_of_the_picture_and_not_of_distance() {
        // Half of the picture between 1 and 0.8 of disparity, the rest even down to 0.
        let near = (0..500).map(|i| (1.0 - 0.2 * i as f32 / 500.0, 1));
        let far = (0..500).map(|i| (0.8 - 0.8 * i as f32 / 500.0, 1));
        let p = Params { softness: 0.0, ..three([1.0, 0.0, -1.0]) };
        let c = constants(&p, Quantiles::of(near.chain(far)));
        // The nearest 33 % end at 1 - 0.2 * 0.66 = 0.868; 67 % are nearer than 0.8 * 0.66 = 0.528.
        let at = |d: f32| graded(&c, [0.4; 3], d)[0];
        assert_eq!([1.0, 0.88].map(at), [0.8; 2]);
        assert!([0.86, 0.7, 0.54].iter().all(|d| (at(*d) - 0.4).abs() < 1e-6));
        assert!([0.52, 0.2, 0.0, f32::NAN].iter().all(|d| (at(*d) - 0.2).abs() < 1e-6));
    }

    #[test]
    fn weights_add_up_and_none_is_negative() {
        let pictures: [&[(f32, u64)]; 4] = [
            &[(0.9, 10), (0.5, 10), (0.3, 10), (0.1, 10)],
            &[(0.5, 1)],
            &[(1.0, 30), (0.5, 1), (0.0, 70)],
            &[(0.5, 50), (0.49, 50)],
        ];
        for picture in pictures {
            for softness in [0.0, 0.2, 1.0] {
                let spread = Quantiles::of(picture.iter().copied());
                let p = Params {
                    quantiles: vec![0.1, 0.4, 0.6, 0.8],
                    saturation: vec![1.0],
                    contrast: vec![1.0, 2.0, 1.0, 1.0, 1.0],
                    softness,
                    ..Params::default()
                };
                let c = constants(&p, spread);
                let mut before = 1.0f32;
                for i in 0..=1000 {
                    let weights: Vec<f32> = (0..BORDERS)
                        .map(|k| {
                            let s = unit((c.starts[k] - (1.0 - i as f32 / 1000.0)) * c.scales[k]);
                            s * s * (3.0 - 2.0 * s)
                        })
                        .collect();
                    // The weight of a zone is the step into it less the step out of it.
                    assert!(weights.windows(2).all(|w| w[1] <= w[0] + 1e-6), "{picture:?} {softness} {weights:?}");
                    assert!(c.scales.iter().all(|s| s.is_finite()));
                    let total: f32 = weights.iter().sum();
                    assert!(i == 0 || total >= before - 1e-5, "{picture:?}: weights fall");
                    before = total;
                }
            }
        }
    }

    #[test]
    fn a_plane_is_not_torn() {
        // 60 % sky: both borders lie in it or at its edge. It is one zone, and what is before it is another.
        let spread = Quantiles::of([(1.0, 20), (0.6, 20), (0.0, 60)].into_iter());
        let c = constants(&three([1.0, 0.0, -1.0]), spread);
        assert!((graded(&c, [0.4; 3], 0.0)[0] - 0.2).abs() < 1e-6, "the sky is far");
        assert!((graded(&c, [0.4; 3], 1.0)[0] - 0.8).abs() < 1e-6, "the front is near");
        // A flat picture is its middle, the unevenness of the map included.
        let c = constants(&three([1.0, 0.0, -1.0]), Quantiles::of([(0.5, 100)].into_iter()));
        for d in [0.496, 0.5, 0.504] {
            assert!((graded(&c, [0.4; 3], d)[0] - 0.4).abs() < 1e-6);
        }
    }

    #[test]
    fn contrast_turns_around_middle_gray_and_keeps_color() {
        let p = Params { contrast: vec![2.0], quantiles: vec![0.5], ..Params::default() };
        let c = constants(&p, Quantiles::default());
        assert!((graded(&c, [0.18; 3], 0.3)[1] - 0.18).abs() < 1e-6);
        // A stop above becomes two.
        assert!((graded(&c, [0.36; 3], 0.9)[1] - 0.72).abs() < 1e-5);
        let [r, g, b] = graded(&c, [0.1, 0.2, 0.4], 0.5);
        assert!((g / r - 2.0).abs() < 1e-5 && (b / g - 2.0).abs() < 1e-5);
    }

    #[test]
    fn warmth_keeps_luminance() {
        let c = constants(&Params { warmth: vec![100.0, 0.0, -100.0], ..Params::default() }, Quantiles::default());
        for (disparity, warm) in [(1.0, true), (0.0, false)] {
            let out = graded(&c, [0.5; 3], disparity);
            let luminance: f32 = out.iter().zip(LUMINANCE).map(|(v, w)| v * w).sum();
            assert!((luminance - 0.5).abs() < 1e-5 && (out[0] > out[2]) == warm, "{out:?}");
            assert!(((out[0] / out[2]).log2().abs() - 1.0).abs() < 1e-5, "a stop apart");
        }
    }

    #[test]
    fn lists_that_do_not_fit_are_refused_in_a_sentence() {
        let refused = |p: Params| Spec::prepare(&p, &Context::default(), &mut Tables::default()).unwrap_err();
        let e = refused(Params { exposure: vec![1.0, 2.0], ..Params::default() });
        assert!(e.contains("exposure has 2 numbers") && e.contains("3 zones"), "{e}");
        let e = refused(Params { quantiles: vec![0.6, 0.4], ..Params::default() });
        assert!(e.contains("must rise"), "{e}");
    }

    #[test]
    fn depth_is_read_only_where_zones_differ() {
        assert!(!Spec::reads_depth(&Params { exposure: vec![1.0], ..Params::default() }));
        assert!(Spec::reads_depth(&three([1.0, 0.0, 0.0])) && Spec::is_identity(&three([0.0; 3])));
    }
}
