//! `sharpen`: unsharp masking of luma without halos.

use super::area::{Area, Planes, Reach};
use super::nearby::{LARGEST, Sums, WIDE, Window, sound};
use super::{CHUNK, Chunk, Context, Domain, Frame, Op, Tables, params};

params! {
    /// Sharpens fine detail.
    ///
    /// Unsharp masking of luma: what a pixel differs from its surroundings (a Gaussian blur) is strengthened; color differences stay. Edges
    /// get no bright or dark lines beside them: what goes beyond the tones nearby is held back. Pixels that are infinite or no number stay, and
    /// their neighbors are sharpened as if they were not there.
    pub struct Params {
        /// How much: 100 doubles the difference from the surroundings.
        amount: f32 = 0.0, Kind::Number { min: 0.0, max: 150.0, unit: "" };
        /// Size of the detail: standard deviation of the blur, in pixels of the picture where the operation stands.
        radius_px: f32 = 1.0, Kind::Number { min: 0.5, max: 3.0, unit: "px" };
        /// Keeps flat areas and their noise as they are: 0 sharpens everything, 100 little but strong edges.
        masking: f32 = 0.0, Kind::Number { min: 0.0, max: 100.0, unit: "" };
    }
}

/// Render-ready numbers.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Constants {
    /// 0 = blurs along rows, 1 = along columns, and sharpens.
    pub stage: u32,
    /// Pixels of the blur on either side.
    pub reach: i32,
    /// Place of its `2 reach + 1` weights in the tables.
    pub weights: u32,
    /// Factor of the difference.
    pub amount: f32,
    /// Square of the range of tones nearby that is half sharpened.
    pub masking: f32,
}

/// How far beyond the tones nearby the result may come at most, in code values of 0 to 1.
const HALO: f32 = 0.05;
/// Pixels on either side that count as nearby.
const NEARBY: i64 = 2;
/// Range of tones nearby that is half sharpened at masking 100.
const MASKED_RANGE: f32 = 0.25;

/// The operation.
pub struct Spec;

impl Op for Spec {
    const ID: &'static str = "sharpen";
    const WGSL: &'static str = include_str!("../../shaders/ops/sharpen.wgsl");
    const AREA: bool = true;
    type Params = Params;
    type Constants = Constants;

    fn domain(_: &Params) -> Domain {
        Domain::Grade
    }

    fn is_identity(params: &Params) -> bool {
        params.amount == 0.0
    }

    fn stages(_: &Params) -> u32 {
        2
    }

    fn area(params: &Params, frame: &Frame, stage: u32) -> Option<Area> {
        let (reach, nearby) = (reach(params), NEARBY as u32);
        let margin = if stage == 0 { Reach::Margin { x: reach, y: 0 } } else { Reach::Margin { x: nearby, y: reach.max(nearby) } };
        Some(Area { extent_in: frame.extent, extent_out: frame.extent, reach: margin })
    }

    fn prepare(params: &Params, context: &Context, tables: &mut Tables) -> Result<Constants, String> {
        let reach = reach(params) as i32;
        let sigma = f64::from(params.radius_px);
        let raw: Vec<f64> = (-reach..=reach).map(|k| (-f64::from(k * k) / (2.0 * sigma * sigma)).exp()).collect();
        let sum: f64 = raw.iter().sum();
        let weights: Vec<f32> = raw.iter().map(|w| (w / sum) as f32).collect();
        let range = params.masking / 100.0 * MASKED_RANGE;
        Ok(Constants {
            stage: context.stage,
            reach,
            weights: tables.push_floats(&weights),
            amount: params.amount / 100.0,
            // Not 0, so that flat places are 0 / a number.
            masking: (range * range).max(1e-12),
        })
    }

    #[inline(always)]
    fn gather(c: &Constants, tables: &[u32], planes: &Planes, chunk: &mut Chunk) {
        if c.stage == 0 {
            blur_rows(c, tables, planes, chunk);
        } else {
            sharpen(c, tables, planes, chunk);
        }
    }
}

/// Three standard deviations.
fn reach(params: &Params) -> u32 {
    (3.0 * params.radius_px).ceil() as u32
}

#[inline(always)]
fn weight(c: &Constants, tables: &[u32], k: i32) -> f32 {
    f32::from_bits(tables.get((c.weights as i32 + k) as usize).copied().unwrap_or(0))
}

/// Means of luma along rows, into `aux`. Where there is alpha they are means over what is covered, and the columns weigh them with the coverage
/// of their own pixel: the one number between two stages cannot hold a sum and its weight. Broken pixels get no mean, and so no weight there.
#[inline(always)]
fn blur_rows(c: &Constants, tables: &[u32], planes: &Planes, chunk: &mut Chunk) {
    let (window, y) = (Window::new(planes, chunk, c.reach as usize), i64::from(chunk.y));
    let mut luma = [0.0; WIDE];
    window.luma(y, &mut luma);
    let coverage = window.coverage(y);
    let center = &luma[window.reach..window.reach + window.n];
    let mut sums = Sums::new();
    for k in 0..2 * window.reach + 1 {
        sums.add(weight(c, tables, k as i32), &luma[k..], &coverage[k..], center);
    }
    sums.mean(center, &mut chunk.aux);
    for (mean, luma) in chunk.aux.iter_mut().zip(center) {
        *mean = if sound(*luma) { *mean } else { LARGEST };
    }
}

#[inline(always)]
fn sharpen(c: &Constants, tables: &[u32], planes: &Planes, chunk: &mut Chunk) {
    let (window, y) = (Window::new(planes, chunk, 0), i64::from(chunk.y));
    let n = window.n;
    let center = window.aux(y);
    let mut sums = Sums::new();
    for k in -c.reach..=c.reach {
        let row = y + i64::from(k);
        sums.add(weight(c, tables, k + c.reach), window.aux(row), window.coverage(row), center);
    }
    let mut blurred = [0.0; CHUNK];
    sums.mean(center, &mut blurred);
    let mut near = Near::new();
    near.look(planes, chunk);
    let has_alpha = planes.carried().alpha;
    let [r, g, b] = &mut chunk.rgb;
    let (r, g, b, alpha) = (&mut r[..n], &mut g[..n], &mut b[..n], &chunk.alpha[..n]);
    let (luma, low, high) = (&near.luma[..n], &near.low[..n], &near.high[..n]);
    for i in 0..n {
        let change = if sound(luma[i]) { change(c, luma[i], blurred[i], low[i], high[i]) } else { 0.0 };
        let share = if has_alpha { alpha[i] } else { 1.0 };
        r[i] = (r[i] + change) * share;
        g[i] = (g[i] + change) * share;
        b[i] = (b[i] + change) * share;
    }
}

/// What is added to a pixel of `luma` over `blurred` surroundings, with tones nearby from `low` to `high`.
#[inline(always)]
fn change(c: &Constants, luma: f32, blurred: f32, low: f32, high: f32) -> f32 {
    let range = high - low;
    let square = range * range;
    let masked = square / (square + c.masking);
    let wanted = luma + c.amount * masked * (luma - blurred);
    let over = (wanted - high).max(0.0);
    let under = (low - wanted).max(0.0);
    let held = wanted.max(low).min(high) + over * HALO / (over + HALO) - under * HALO / (under + HALO);
    held - luma
}

/// Luma of the chunk, and the range of luma around its pixels.
struct Near {
    luma: [f32; CHUNK],
    low: [f32; CHUNK],
    high: [f32; CHUNK],
}

impl Near {
    #[inline(always)]
    fn new() -> Self {
        Self { luma: [0.0; CHUNK], low: [LARGEST; CHUNK], high: [-LARGEST; CHUNK] }
    }

    /// Rows first, then columns.
    #[inline(always)]
    fn look(&mut self, planes: &Planes, chunk: &Chunk) {
        let window = Window::new(planes, chunk, NEARBY as usize);
        let (n, width) = (window.n, window.width());
        let (mut low, mut high, mut luma) = ([LARGEST; WIDE], [-LARGEST; WIDE], [0.0; WIDE]);
        for dy in -NEARBY..=NEARBY {
            let y = i64::from(chunk.y) + dy;
            window.luma(y, &mut luma);
            if dy == 0 {
                self.luma[..n].copy_from_slice(&luma[window.reach..window.reach + n]);
            }
            let (coverage, luma) = (window.coverage(y), &luma[..width]);
            let (low, high) = (&mut low[..width], &mut high[..width]);
            for i in 0..width {
                let seen = (coverage[i] > 0.0) & sound(luma[i]);
                low[i] = low[i].min(if seen { luma[i] } else { LARGEST });
                high[i] = high[i].max(if seen { luma[i] } else { -LARGEST });
            }
        }
        for k in 0..2 * window.reach + 1 {
            let (low, high) = (&low[k..k + n], &high[k..k + n]);
            let (lowest, highest) = (&mut self.low[..n], &mut self.high[..n]);
            for i in 0..n {
                lowest[i] = lowest[i].min(low[i]);
                highest[i] = highest[i].max(high[i]);
            }
        }
    }
}
