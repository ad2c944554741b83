//! `denoise`: less noise, edges as sharp as they were.

use super::area::{Area, Planes, Reach};
use super::distance::distance;
use super::guide::LUMA_REC2020;
use super::nearby::{LARGEST, Sums, WIDE, Window, sound};
use super::{CHUNK, Chunk, Context, Domain, Frame, Op, Tables, params};

params! {
    /// Removes noise, of luma and of color apart.
    ///
    /// Luma is smoothed by edge-avoiding wavelets (Dammertz, Sewtz, Hanika and Lensch, "Edge-avoiding à-trous wavelet transform for fast global
    /// illumination filtering", 2010): three sizes of grain, one after the other, each mean only over tones that are alike. Color noise is
    /// coarser than that: it is smoothed over a wide window among pixels of like luma, after that lost its noise, and like color nearby. What is flat
    /// stays exactly as it is.
    pub struct Params {
        /// Strength on luma: 50 removes noise of about 2 % of the range from black to white, 100 of 4 %.
        luma: f32 = 50.0, Kind::Number { min: 0.0, max: 100.0, unit: "" };
        /// Strength on color: 50 removes noise of about 3 % of the range, 100 of 6 %.
        chroma: f32 = 50.0, Kind::Number { min: 0.0, max: 100.0, unit: "" };
        /// How much fine texture is kept: at 100 only the finest grain is smoothed.
        detail: f32 = 50.0, Kind::Number { min: 0.0, max: 100.0, unit: "" };
        /// Share of both strengths for what is nearest; in between it follows distance.
        near: f32 = 1.0, Kind::Number { min: 0.0, max: 2.0, unit: "" };
        /// Share of both strengths for what is farthest.
        far: f32 = 1.0, Kind::Number { min: 0.0, max: 2.0, unit: "" };
    }
}

/// Render-ready numbers. Steepness: 1 / the square of the difference from which on pixels are not alike.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Constants {
    /// Size of the grain: 0, 1, and 2, which also smooths color.
    pub stage: u32,
    /// Pixels from tap to tap.
    pub step: i32,
    /// Steepness of luma.
    pub luma: f32,
    /// 1 = color is smoothed.
    pub colors: u32,
    /// Steepness of color, for color.
    pub chroma: f32,
    /// Steepness of luma, for color.
    pub guide: f32,
    /// Share of the strengths, nearest.
    pub near: f32,
    /// What is added to it up to the farthest; 0 = the shares are in the numbers above.
    pub span: f32,
}

/// Standard deviation of luma noise at 100, in code values of 0 to 1.
const LUMA_NOISE: f32 = 0.04;
/// That of color noise.
const CHROMA_NOISE: f32 = 0.06;
/// Difference from which on tones are not alike, per size of grain, in standard deviations of the noise. The first meets the noise itself
/// (two noisy pixels differ by more than one), the others what is left of it. Those after the first shrink with `detail`.
const UNLIKE_LUMA: [f32; 3] = [5.6, 4.0, 2.0];
/// Difference of color from which on colors are not alike, in standard deviations of their noise. Means over 3 x 3 pixels are compared, which
/// have a third of it.
const UNLIKE_CHROMA: f32 = 2.0;
/// Difference of smoothed luma from which on colors are not mixed, in standard deviations of the noise.
const UNLIKE_GUIDE: f32 = 2.0;
/// The B3 spline kernel of à-trous wavelets (Dammertz et al., section 3).
const SPLINE: [f32; 5] = [0.0625, 0.25, 0.375, 0.25, 0.0625];
/// Pixels from tap to tap of the color window, and taps on either side.
const COLOR_STEP: usize = 4;
const COLOR_TAPS: usize = 3;
/// Columns and rows on either side that color is read from: means around the outermost taps.
const COLOR_REACH: usize = COLOR_STEP * COLOR_TAPS + 1;

/// The operation.
pub struct Spec;

impl Op for Spec {
    const ID: &'static str = "denoise";
    const WGSL: &'static str = include_str!("../../shaders/ops/denoise.wgsl");
    const AREA: bool = true;
    type Params = Params;
    type Constants = Constants;

    fn domain(_: &Params) -> Domain {
        Domain::Grade
    }

    fn is_identity(params: &Params) -> bool {
        (params.luma == 0.0 && params.chroma == 0.0) || (params.near == 0.0 && params.far == 0.0)
    }

    fn reads_depth(params: &Params) -> bool {
        params.near != params.far
    }

    fn stages(_: &Params) -> u32 {
        3
    }

    fn area(_: &Params, frame: &Frame, stage: u32) -> Option<Area> {
        let reach = if stage == 2 { COLOR_REACH as u32 } else { 2 << stage };
        Some(Area {
            extent_in: frame.extent,
            extent_out: frame.extent,
            reach: Reach::Margin { x: reach, y: reach },
        })
    }

    fn prepare(params: &Params, context: &Context, _: &mut Tables) -> Result<Constants, String> {
        let stage = context.stage.min(2);
        let even = if params.near == params.far { params.near } else { 1.0 };
        let (luma, chroma) = (params.luma / 100.0 * LUMA_NOISE * even, params.chroma / 100.0 * CHROMA_NOISE * even);
        let coarse = if stage == 0 { 1.0 } else { 1.0 - params.detail / 100.0 };
        // Never without end: pixels that are the same are alike whatever the strength, and mixing them changes nothing.
        let steepness = |difference: f32| 1.0 / (difference * difference).max(1e-12);
        Ok(Constants {
            stage,
            step: 1 << stage,
            luma: steepness(UNLIKE_LUMA[stage as usize] * luma * coarse),
            colors: u32::from(params.chroma > 0.0),
            chroma: steepness(UNLIKE_CHROMA * chroma),
            guide: steepness(UNLIKE_GUIDE * chroma.max(luma)),
            near: params.near,
            span: params.far - params.near,
        })
    }

    #[inline(always)]
    fn gather(c: &Constants, _: &[u32], planes: &Planes, chunk: &mut Chunk) {
        let (mut smooth, mut steeper) = ([0.0; CHUNK], [1.0; CHUNK]);
        if c.span != 0.0 {
            by_distance(c, &chunk.disparity, &mut steeper);
        }
        if c.stage == 0 {
            finest(c, planes, chunk, &steeper, &mut smooth);
        } else {
            coarser(c, planes, chunk, &steeper, &mut smooth);
        }
        if c.stage < 2 {
            chunk.aux = smooth;
        } else {
            finish(c, planes, chunk, &steeper, &smooth);
        }
    }
}

/// Factor of the steepness of every pixel: 1 / the square of its share of the strengths.
#[inline(always)]
fn by_distance(c: &Constants, disparity: &[f32; CHUNK], out: &mut [f32; CHUNK]) {
    for i in 0..CHUNK {
        let share = c.near + c.span * distance(disparity[i]);
        // Bounded so that differences of broken pixels, too, stay finite.
        out[i] = 1.0 / (share * share).max(1e-12);
    }
}

/// Smooths luma of the picture.
#[inline(always)]
fn finest(c: &Constants, planes: &Planes, chunk: &Chunk, steeper: &[f32; CHUNK], out: &mut [f32; CHUNK]) {
    let (window, y) = (Window::new(planes, chunk, 2), i64::from(chunk.y));
    let (mut luma, mut center) = ([0.0; WIDE], [0.0; WIDE]);
    window.luma(y, &mut center);
    let center = &center[window.reach..window.reach + window.n];
    let mut sums = Sums::new();
    for (j, down) in SPLINE.iter().enumerate() {
        let row = y + j as i64 - 2;
        window.luma(row, &mut luma);
        let coverage = window.coverage(row);
        for (i, across) in SPLINE.iter().enumerate() {
            let (weight, values, coverage) = (down * across, &luma[i..], &coverage[i..]);
            if c.span == 0.0 {
                sums.add_alike(weight, c.luma, values, coverage, center);
            } else {
                sums.add_alike_by(weight, c.luma, steeper, values, coverage, center);
            }
        }
    }
    sums.mean(center, out);
}

/// Smooths what the stage before left.
#[inline(always)]
fn coarser(c: &Constants, planes: &Planes, chunk: &Chunk, steeper: &[f32; CHUNK], out: &mut [f32; CHUNK]) {
    let step = c.step as usize;
    let (window, y) = (Window::new(planes, chunk, 2 * step), i64::from(chunk.y));
    let center = &window.aux(y)[window.reach..window.reach + window.n];
    let mut sums = Sums::new();
    for (j, down) in SPLINE.iter().enumerate() {
        let row = y + (j as i64 - 2) * i64::from(c.step);
        let (values, coverage) = (window.aux(row), window.coverage(row));
        for (i, across) in SPLINE.iter().enumerate() {
            let (weight, values, coverage) = (down * across, &values[i * step..], &coverage[i * step..]);
            if c.span == 0.0 {
                sums.add_alike(weight, c.luma, values, coverage, center);
            } else {
                sums.add_alike_by(weight, c.luma, steeper, values, coverage, center);
            }
        }
    }
    sums.mean(center, out);
}

/// Gives the pixels their new luma and color.
#[inline(always)]
fn finish(c: &Constants, planes: &Planes, chunk: &mut Chunk, steeper: &[f32; CHUNK], smooth: &[f32; CHUNK]) {
    let mut luma = [0.0; WIDE];
    let window = Window::new(planes, chunk, 0);
    let n = window.n;
    window.luma(i64::from(chunk.y), &mut luma);
    let mut colors = Colors::new();
    if c.colors > 0 {
        colors.look(c, planes, chunk, steeper);
    }
    let has_alpha = planes.carried().alpha;
    let [r, g, b] = &mut chunk.rgb;
    let (r, g, b, alpha) = (&mut r[..n], &mut g[..n], &mut b[..n], &chunk.alpha[..n]);
    let (luma, smooth, weights) = (&luma[..n], &smooth[..n], &colors.weights[..n]);
    let (reds, blues) = (&colors.sums[0][..n], &colors.sums[1][..n]);
    for i in 0..n {
        let change = smooth[i] - luma[i];
        let weight = weights[i].max(1e-12);
        let (red, blue) = (reds[i] / weight, blues[i] / weight);
        // Luma stays where only color changes.
        let green = -(LUMA_REC2020[0] * red + LUMA_REC2020[2] * blue) / LUMA_REC2020[1];
        let share = if has_alpha { alpha[i] } else { 1.0 };
        r[i] = (r[i] + change + red) * share;
        g[i] = (g[i] + change + green) * share;
        b[i] = (b[i] + change + blue) * share;
    }
}

/// Sums of the color differences around a chunk: red less luma, blue less luma.
struct Colors {
    sums: [[f32; CHUNK]; 2],
    weights: [f32; CHUNK],
}

impl Colors {
    #[inline(always)]
    fn new() -> Self {
        Self { sums: [[0.0; CHUNK]; 2], weights: [0.0; CHUNK] }
    }

    #[inline(always)]
    fn look(&mut self, c: &Constants, planes: &Planes, chunk: &Chunk, steeper: &[f32; CHUNK]) {
        let (window, y) = (Window::new(planes, chunk, COLOR_REACH), i64::from(chunk.y));
        let (mut middle, mut other) = (Row::new(), Row::new());
        middle.take(&window, y);
        let guide = window.aux(y);
        let (from, n) = (window.reach, window.n);
        let center = Tap::new(&middle, guide, from, n);
        for j in 0..2 * COLOR_TAPS + 1 {
            let row = y + (j as i64 - COLOR_TAPS as i64) * COLOR_STEP as i64;
            other.take(&window, row);
            let guide = window.aux(row);
            for i in 0..2 * COLOR_TAPS + 1 {
                self.add(c, &Tap::new(&other, guide, 1 + i * COLOR_STEP, n), &center, steeper);
            }
        }
    }

    #[inline(always)]
    fn add(&mut self, c: &Constants, tap: &Tap, center: &Tap, steeper: &[f32; CHUNK]) {
        let mut weights = [0.0; CHUNK];
        let weights = &mut weights[..center.guide.len()];
        weigh(c, tap, center, steeper, weights);
        let [reds, blues] = &mut self.sums;
        add_weighted(weights, tap.color[0], center.color[0], reds);
        add_weighted(weights, tap.color[1], center.color[1], blues);
        for (sum, weight) in self.weights.iter_mut().zip(weights) {
            *sum += *weight;
        }
    }
}

/// How much the pixels of a tap count. In loops of its own, like [`add_weighted`]: compilers give up on telling too many slices apart.
#[inline(always)]
fn weigh(c: &Constants, tap: &Tap, center: &Tap, steeper: &[f32; CHUNK], out: &mut [f32]) {
    let n = out.len().min(CHUNK);
    let steeper = &steeper[..n];
    let (red, blue, guide, coverage) = (&tap.mean[0][..n], &tap.mean[1][..n], &tap.guide[..n], &tap.coverage[..n]);
    let (red0, blue0, guide0) = (&center.mean[0][..n], &center.mean[1][..n], &center.guide[..n]);
    for i in 0..n {
        let (dr, db, dg) = (red[i] - red0[i], blue[i] - blue0[i], guide[i] - guide0[i]);
        let unlike = c.chroma * (dr * dr + db * db) + c.guide * (dg * dg);
        let near = (1.0 - unlike * steeper[i]).max(0.0);
        out[i] = coverage[i] * (near * near);
    }
}

#[inline(always)]
fn add_weighted(weights: &[f32], values: &[f32], center: &[f32], sums: &mut [f32; CHUNK]) {
    let n = weights.len().min(CHUNK);
    let (values, center, sums) = (&values[..n], &center[..n], &mut sums[..n]);
    for i in 0..n {
        sums[i] += weights[i] * (values[i] - center[i]);
    }
}

/// Color differences of a row and their means over 3 x 3 pixels: red less luma, blue less luma.
struct Row {
    /// Coverage; 0 where the pixel is broken.
    coverage: [f32; WIDE],
    color: [[f32; WIDE]; 2],
    mean: [[f32; WIDE]; 2],
}

impl Row {
    #[inline(always)]
    fn new() -> Self {
        Self { coverage: [0.0; WIDE], color: [[0.0; WIDE]; 2], mean: [[0.0; WIDE]; 2] }
    }

    /// Takes row `y`; the outermost columns have no means.
    #[inline(always)]
    fn take(&mut self, window: &Window, y: i64) {
        let n = window.width();
        let (mut sums, mut weights, mut luma) = ([[0.0; WIDE]; 2], [0.0; WIDE], [0.0; WIDE]);
        // Its own row last: its differences stay.
        for near in [y - 1, y + 1, y] {
            window.luma(near, &mut luma);
            sound_coverage(window.coverage(near), &luma, &mut self.coverage);
            let coverage = &self.coverage[..n];
            let ([red, blue], [reds, blues]) = (&mut self.color, &mut sums);
            differences(window.row(0, near), &luma, red);
            differences(window.row(2, near), &luma, blue);
            add_covered(coverage, red, reds);
            add_covered(coverage, blue, blues);
            for (weight, coverage) in weights.iter_mut().zip(coverage) {
                *weight += coverage;
            }
        }
        for (mean, sum) in self.mean.iter_mut().zip(&sums) {
            means(&sum[..n], &weights[..n], mean);
        }
    }
}

/// Coverage; 0 where the pixel is broken.
#[inline(always)]
fn sound_coverage(coverage: &[f32], luma: &[f32; WIDE], out: &mut [f32; WIDE]) {
    let n = coverage.len().min(WIDE);
    let (luma, out) = (&luma[..n], &mut out[..n]);
    for i in 0..n {
        out[i] = if sound(luma[i]) { coverage[i] } else { 0.0 };
    }
}

/// A channel less luma.
#[inline(always)]
fn differences(values: &[f32], luma: &[f32; WIDE], out: &mut [f32; WIDE]) {
    let n = values.len().min(WIDE);
    let (luma, out) = (&luma[..n], &mut out[..n]);
    for i in 0..n {
        out[i] = (values[i] - luma[i]).max(-LARGEST).min(LARGEST);
    }
}

#[inline(always)]
fn add_covered(coverage: &[f32], values: &[f32; WIDE], sums: &mut [f32; WIDE]) {
    let n = coverage.len().min(WIDE);
    let (values, sums) = (&values[..n], &mut sums[..n]);
    for i in 0..n {
        sums[i] += coverage[i] * values[i];
    }
}

/// Sums of three neighbors by those of their weights, for all but the outermost.
#[inline(always)]
fn means(sums: &[f32], weights: &[f32], out: &mut [f32; WIDE]) {
    let n = sums.len().saturating_sub(2);
    let (before, here, after) = (&sums[..n], &sums[1..n + 1], &sums[2..n + 2]);
    let (weight0, weight1, weight2) = (&weights[..n], &weights[1..n + 1], &weights[2..n + 2]);
    let out = &mut out[1..n + 1];
    for i in 0..n {
        out[i] = (before[i] + here[i] + after[i]) / (weight0[i] + weight1[i] + weight2[i]).max(1e-12);
    }
}

/// Slices of a row that begin at one tap.
struct Tap<'a> {
    color: [&'a [f32]; 2],
    mean: [&'a [f32]; 2],
    guide: &'a [f32],
    coverage: &'a [f32],
}

impl<'a> Tap<'a> {
    /// `n` pixels of `row` from column `from` of the window on.
    #[inline(always)]
    fn new(row: &'a Row, guide: &'a [f32], from: usize, n: usize) -> Self {
        let ([red, blue], [mean_red, mean_blue], to) = (&row.color, &row.mean, from + n);
        Self {
            color: [&red[from..to], &blue[from..to]],
            mean: [&mean_red[from..to], &mean_blue[from..to]],
            guide: &guide[from..to],
            coverage: &row.coverage[from..to],
        }
    }
}
