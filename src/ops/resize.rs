//! `resize`: another size, resampled in linear light.

use super::area::{Area, BASE_PLANES, Planes, Reach};
use super::{CHUNK, Chunk, Context, Domain, Frame, Op, Tables, params};
use crate::picture::Extent;

/// Words of `filter`.
const FILTERS: &[&str] = &["lanczos", "mitchell", "bilinear", "box"];
/// Longest side that can be asked for, or come of one.
const MAX_SIDE_PX: u32 = 65_535;
/// Longest side that is resampled: the weights of one direction grow with it.
const MAX_SOURCE_PX: u32 = 1 << 20;

params! {
    /// Resizes the picture in linear light.
    ///
    /// Sides are those of the picture as shown, after its orientation. Give one of long_edge_px, short_edge_px, width_px and height_px to
    /// keep the aspect, or width_px and height_px together for exactly that size. Pictures that are smaller already stay as they are
    /// unless enlarge is true. Lanczos (three lobes) is the sharpest, mitchell (Mitchell and Netravali, "Reconstruction filters in
    /// computer graphics", 1988, B = C = 1/3) rings least. Values beyond 65504 (the largest of half floats) count as 65504, infinite ones
    /// too, and what is no number counts as 0.
    pub struct Params {
        /// Length of the longer side; 0 = not given.
        long_edge_px: u32 = 0u32, Kind::Whole { min: 0, max: MAX_SIDE_PX, unit: "px" };
        /// Length of the shorter side; 0 = not given.
        short_edge_px: u32 = 0u32, Kind::Whole { min: 0, max: MAX_SIDE_PX, unit: "px" };
        /// Width; 0 = by the aspect.
        width_px: u32 = 0u32, Kind::Whole { min: 0, max: MAX_SIDE_PX, unit: "px" };
        /// Height; 0 = by the aspect.
        height_px: u32 = 0u32, Kind::Whole { min: 0, max: MAX_SIDE_PX, unit: "px" };
        /// Kernel that weighs the pixels.
        filter: String = "lanczos", Kind::Choice(FILTERS);
        /// Also makes pictures larger than they are.
        enlarge: bool = false, Kind::Flag;
    }
}

/// Render-ready numbers of one direction.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Constants {
    /// 0 = along columns (rows are mixed), 1 = along rows.
    pub along: u32,
    /// Words of the tables: for each row or column of the result three words: first pixel that is read, their number, place of their weights.
    pub taps: u32,
    /// Rows or columns of the result.
    pub count: u32,
}

/// The operation.
pub struct Spec;

impl Op for Spec {
    const ID: &'static str = "resize";
    const WGSL: &'static str = include_str!("../../shaders/ops/resize.wgsl");
    const ACTS_ON_TRANSPARENT: bool = true;
    const AREA: bool = true;
    const RESAMPLES: bool = true;
    type Params = Params;
    type Constants = Constants;

    fn domain(_: &Params) -> Domain {
        Domain::Linear
    }

    fn is_identity(p: &Params) -> bool {
        p.long_edge_px == 0 && p.short_edge_px == 0 && p.width_px == 0 && p.height_px == 0
    }

    fn stages(_: &Params) -> u32 {
        2
    }

    fn area(p: &Params, frame: &Frame, stage: u32) -> Option<Area> {
        let Extent { width, height } = frame.extent;
        // The second stage meets the picture with its new height already, so the wanted size is taken from what came first.
        let wanted = if stage == 0 { stored(p, frame) } else { second(p, frame) };
        let (from, to) = if stage == 0 { (height, wanted.height) } else { (width, wanted.width) };
        if from == to {
            // Nothing to do in this direction: the plan leaves the stage out.
            return Some(Area { extent_in: frame.extent, extent_out: frame.extent, reach: Reach::Rows([].into()) });
        }
        let (extent_out, reach) = if stage == 0 {
            let rows = spans(height, wanted.height, &p.filter).iter().map(|s| (s.first, s.weights.len() as u32)).collect();
            (Extent { width, height: wanted.height }, Reach::Rows(rows))
        } else {
            let rows = (0..height).map(|y| (y, 1)).collect();
            (Extent { width: wanted.width, height }, Reach::Rows(rows))
        };
        Some(Area { extent_in: frame.extent, extent_out, reach })
    }

    fn prepare(p: &Params, context: &Context, tables: &mut Tables) -> Result<Constants, String> {
        let edges = [p.long_edge_px, p.short_edge_px].iter().filter(|v| **v > 0).count();
        let sides = p.width_px > 0 || p.height_px > 0;
        if edges > 1 || edges == 1 && sides {
            return Err("resize: give one of long_edge_px, short_edge_px, or width_px and height_px".to_owned());
        }
        let frame = &context.frame;
        wanted(p, &Frame { extent: frame.resized_from.unwrap_or(frame.extent), ..*frame })?;
        let (from, to) = if context.stage == 0 {
            (frame.extent.height, stored(p, frame).height)
        } else {
            (frame.extent.width, second(p, frame).width)
        };
        if from == to {
            return Ok(Constants { along: context.stage, taps: 0, count: 0 });
        }
        let spans = spans(from, to, &p.filter);
        let mut at = tables.0.len() as u32 + 3 * spans.len() as u32;
        let head: Vec<u32> = spans
            .iter()
            .flat_map(|span| {
                let words = [span.first, span.weights.len() as u32, at];
                at += span.weights.len() as u32;
                words
            })
            .collect();
        let taps = tables.push_words(head);
        for span in &spans {
            tables.push_floats(&span.weights);
        }
        Ok(Constants { along: context.stage, taps, count: to })
    }

    #[inline(always)]
    fn gather(c: &Constants, tables: &[u32], planes: &Planes, chunk: &mut Chunk) {
        if c.along == 0 {
            rows(c, tables, planes, chunk);
        } else {
            columns(c, tables, planes, chunk);
        }
        let n = chunk.len.min(CHUNK);
        // Kernels with negative lobes overshoot; these are bounded by what they mean.
        for plane in [&mut chunk.alpha, &mut chunk.guide, &mut chunk.disparity] {
            for value in &mut plane[..n] {
                *value = value.max(0.0).min(1.0);
            }
        }
    }
}

/// Size as stored that the parameters ask of a picture; its own when it is not to change, or cannot.
fn stored(p: &Params, frame: &Frame) -> Extent {
    wanted(p, frame).unwrap_or(frame.extent)
}

/// As [`stored`].
///
/// # Errors
/// A sentence when a side is too long, before or after.
fn wanted(p: &Params, frame: &Frame) -> Result<Extent, String> {
    let shown = frame.upright_extent();
    let (w, h) = (f64::from(shown.width), f64::from(shown.height));
    let scaled = |factor: f64| ((w * factor).round().max(1.0) as u32, (h * factor).round().max(1.0) as u32);
    let by = |side: u32, of: f64| scaled(f64::from(side) / of);
    let (width, height) = match (p.long_edge_px, p.short_edge_px, p.width_px, p.height_px) {
        (long, _, _, _) if long > 0 => by(long, w.max(h)),
        (_, short, _, _) if short > 0 => by(short, w.min(h)),
        (_, _, width, height) if width > 0 && height > 0 => (width, height),
        (_, _, width, _) if width > 0 => by(width, w),
        (_, _, _, height) if height > 0 => by(height, h),
        _ => (shown.width, shown.height),
    };
    let larger = width > shown.width || height > shown.height;
    if larger && !p.enlarge || (width, height) == (shown.width, shown.height) {
        return Ok(frame.extent);
    }
    if width.max(height) > MAX_SIDE_PX {
        return Err(format!("resize: the result would have {width}x{height} pixels, allowed are sides up to {MAX_SIDE_PX} px"));
    }
    if shown.width.max(shown.height) > MAX_SOURCE_PX {
        return Err(format!("resize: the picture has {shown} pixels, sides up to {MAX_SOURCE_PX} px are resampled"));
    }
    Ok(if frame.orientation >= 5 { Extent { width: height, height: width } } else { Extent { width, height } })
}

/// The size for the second stage, which meets the picture after the first: [`Frame::resized_from`] remembers what it was.
fn second(p: &Params, frame: &Frame) -> Extent {
    stored(p, &Frame { extent: frame.resized_from.unwrap_or(frame.extent), ..*frame })
}

/// Pixels that one pixel of the result reads along one direction.
struct Span {
    first: u32,
    weights: Vec<f32>,
}

/// One span per pixel of the result. The kernel is widened when the picture shrinks; taps beyond the edge are left out and the weights sum to 1.
fn spans(from: u32, to: u32, filter: &str) -> Vec<Span> {
    let ratio = f64::from(from) / f64::from(to.max(1));
    let widen = ratio.max(1.0);
    let (radius, kernel) = kernel(filter);
    (0..to)
        .map(|i| {
            if from == to {
                return Span { first: i, weights: vec![1.0] };
            }
            let center = (f64::from(i) + 0.5) * ratio - 0.5;
            let low = (center - radius * widen).ceil().max(0.0);
            let high = (center + radius * widen).floor().min(f64::from(from) - 1.0).max(low);
            let first = (low as u32).min(from - 1);
            let raw: Vec<f64> =
                (first..=(high as u32).max(first)).map(|t| kernel((f64::from(t) - center) / widen)).collect();
            let sum: f64 = raw.iter().sum();
            let weights = raw.iter().map(|w| if sum.abs() > 1e-9 { (w / sum) as f32 } else { 1.0 / raw.len() as f32 });
            Span { first, weights: weights.collect() }
        })
        .collect()
}

/// Magnitude that values count as at most: the largest half float (IEEE 754-2019, binary16). Twin of the bits in the shader.
const LARGEST: f32 = 65_504.0;

/// What a value counts as in a sum: infinities of both signs, or one under weights of both signs, would sum to no number.
#[inline(always)]
fn counted(value: f32) -> f32 {
    let cut = value.max(-LARGEST).min(LARGEST);
    if value.is_nan() { 0.0 } else { cut }
}

/// Radius in pixels and the kernel.
fn kernel(filter: &str) -> (f64, fn(f64) -> f64) {
    match filter {
        "box" => (0.5, |x| if x.abs() <= 0.5 { 1.0 } else { 0.0 }),
        "bilinear" => (1.0, |x| (1.0 - x.abs()).max(0.0)),
        "mitchell" => (2.0, mitchell),
        _ => (3.0, lanczos3),
    }
}

/// Mitchell and Netravali 1988, equation 8 with B = C = 1/3.
fn mitchell(x: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 {
        (7.0 * x * x * x - 12.0 * x * x + 16.0 / 3.0) / 6.0
    } else if x < 2.0 {
        (-7.0 / 3.0 * x * x * x + 12.0 * x * x - 20.0 * x + 32.0 / 3.0) / 6.0
    } else {
        0.0
    }
}

/// sinc(x) sinc(x / 3) (Duchon, "Lanczos filtering in one and two dimensions", 1979).
fn lanczos3(x: f64) -> f64 {
    let sinc = |v: f64| if v.abs() < 1e-9 { 1.0 } else { (std::f64::consts::PI * v).sin() / (std::f64::consts::PI * v) };
    if x.abs() < 3.0 { sinc(x) * sinc(x / 3.0) } else { 0.0 }
}

/// First pixel, number and place of the weights of pixel `i` of the result.
#[inline(always)]
fn span(c: &Constants, tables: &[u32], i: u32) -> (u32, usize, usize) {
    let at = (c.taps + 3 * i.min(c.count.saturating_sub(1))) as usize;
    let word = |k: usize| tables.get(at + k).copied().unwrap_or(0);
    (word(0), word(1) as usize, word(2) as usize)
}

/// The plane that value `k` of a pixel is read from: color is associated.
#[inline(always)]
fn plane_of(planes: &Planes, k: usize) -> usize {
    if k < 3 { planes.color(k) } else { k }
}

/// Values of a pixel that are resampled: color, alpha, guide, disparity, mask.
const VALUES: usize = BASE_PLANES - 1;

#[inline(always)]
fn value_of(chunk: &mut Chunk, k: usize) -> &mut [f32; CHUNK] {
    match k {
        0..=2 => &mut chunk.rgb[k],
        3 => &mut chunk.alpha,
        4 => &mut chunk.guide,
        5 => &mut chunk.disparity,
        _ => &mut chunk.mask,
    }
}

/// Mixes rows.
#[inline(always)]
fn rows(c: &Constants, tables: &[u32], planes: &Planes, chunk: &mut Chunk) {
    let (first, taps, weights) = span(c, tables, chunk.y);
    let (n, x) = (chunk.len.min(CHUNK), chunk.x as usize + planes.pad());
    for k in 0..VALUES {
        let plane = plane_of(planes, k);
        let sum = value_of(chunk, k);
        sum[..n].fill(0.0);
        for t in 0..taps {
            let weight = f32::from_bits(tables.get(weights + t).copied().unwrap_or(0));
            let Some(row) = planes.row(plane, i64::from(first) + t as i64).get(x..x + n) else { continue };
            for (sum, value) in sum[..n].iter_mut().zip(row) {
                *sum += weight * counted(*value);
            }
        }
    }
}

/// Mixes columns, all values of a pixel side by side: each is a chain of additions that waits for itself.
#[inline(always)]
fn columns(c: &Constants, tables: &[u32], planes: &Planes, chunk: &mut Chunk) {
    let (n, y, pad) = (chunk.len.min(CHUNK), i64::from(chunk.y), planes.pad());
    let mut rows: [&[f32]; VALUES] = [&[]; VALUES];
    for (k, row) in rows.iter_mut().enumerate() {
        *row = planes.row(plane_of(planes, k), y);
    }
    for i in 0..n {
        let (first, taps, weights) = span(c, tables, chunk.x + i as u32);
        let start = first as usize + pad;
        let weights = tables.get(weights..weights + taps).unwrap_or(&[]);
        let mut read = rows;
        for row in &mut read {
            *row = row.get(start..start + weights.len()).unwrap_or(&[]);
        }
        let [a, b, c, d, e, f, g] = read;
        let (colors, others) = (a.iter().zip(b).zip(c), d.iter().zip(e).zip(f).zip(g));
        let mut sums = [0.0; VALUES];
        for ((weight, ((a, b), c)), (((d, e), f), g)) in weights.iter().zip(colors).zip(others) {
            let weight = f32::from_bits(*weight);
            for (sum, value) in sums.iter_mut().zip([a, b, c, d, e, f, g]) {
                *sum += weight * counted(*value);
            }
        }
        for (k, sum) in sums.into_iter().enumerate() {
            value_of(chunk, k)[i] = sum;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(width: u32, height: u32, orientation: u16) -> Frame {
        Frame { extent: Extent { width, height }, orientation, ..Frame::default() }
    }

    #[test]
    fn sizes_are_those_of_the_picture_as_shown() {
        let size = |p: Params, f: &Frame| {
            let e = stored(&p, f);
            (e.width, e.height)
        };
        let long = |v| Params { long_edge_px: v, ..Params::default() };
        assert_eq!(size(long(1000), &frame(4000, 3000, 1)), (1000, 750));
        assert_eq!(size(long(1000), &frame(3000, 4000, 6)), (750, 1000));
        assert_eq!(size(long(9000), &frame(4000, 3000, 1)), (4000, 3000), "nothing is enlarged unasked");
        assert_eq!(size(Params { enlarge: true, ..long(8000) }, &frame(4000, 3000, 1)), (8000, 6000));
        assert_eq!(size(Params { short_edge_px: 300, ..Params::default() }, &frame(4000, 3000, 1)), (400, 300));
        let width = Params { width_px: 300, ..Params::default() };
        assert_eq!(size(width.clone(), &frame(4000, 3000, 8)), (400, 300), "shown upright it is 3000 wide");
        assert_eq!(size(Params { height_px: 20, ..width }, &frame(4000, 3000, 1)), (300, 20));
    }

    #[test]
    fn weights_sum_to_one_and_stay_inside() {
        for filter in FILTERS {
            for (from, to) in [(100, 37), (37, 100), (5, 1), (1, 5), (64, 64), (65_535, 3)] {
                let spans = spans(from, to, filter);
                assert_eq!(spans.len(), to as usize);
                for span in spans {
                    let sum: f64 = span.weights.iter().map(|w| f64::from(*w)).sum();
                    assert!((sum - 1.0).abs() < 1e-5, "{filter} {from} to {to}: {sum}");
                    assert!(span.first as usize + span.weights.len() <= from as usize);
                }
            }
        }
    }

    /// Hostile sizes must be refused before anything is allocated for them.
    #[test]
    fn sides_that_cannot_be_are_refused() {
        let thin = frame(1, 3_000_000, 1);
        let refused = |p: Params, frame: Frame| {
            let context = Context { frame, ..Context::default() };
            assert!(Spec::area(&p, &frame, 0).unwrap().is_idle());
            Spec::prepare(&p, &context, &mut Tables::default()).unwrap_err()
        };
        let enlarged = Params { short_edge_px: 2000, enlarge: true, ..Params::default() };
        assert!(refused(enlarged, thin).contains("up to 65535 px"));
        assert!(refused(Params { long_edge_px: 2000, ..Params::default() }, frame(1, 2_000_000_000, 1)).contains("up to 1048576"));
        let idle = Params { long_edge_px: 60_000, ..Params::default() };
        assert!(Spec::area(&idle, &frame(4_000, 3_000, 1), 0).unwrap().is_idle());
    }

    #[test]
    fn contradicting_sides_are_refused() {
        let p = Params { long_edge_px: 10, width_px: 5, ..Params::default() };
        assert!(Spec::prepare(&p, &Context::default(), &mut Tables::default()).is_err());
    }
}
