//! Large blur: the picture at low resolution, gathered once per picture into layers that every pixel reads between their cells.
//!
//! * *Far*: the blurred picture behind the focus, without all that is in focus or nearer. Where that hides it, it is continued a few cells.
//! * *Near*: the blurred foreground, and how much it covers.
//! * *Behind*: what shows through a blurred foreground, continued under it from beside it.
//!
//! Cells beside something nearer may hold the light of both, so they have almost no part in layers behind: that would be bleeding.

use super::aperture::{Aperture, Tap, taps};
use super::gather::{Center, Line, MAX_REACH, Rows, Sums, TINY, WIDE, gather, share_of_disk};
use super::lens::{self, Lens};
use super::{Constants, IMPURE, Params, pure, squeezed};
use crate::isa::{Isa, Kernel};
use crate::ops::field::{Field, FieldConstants, Proxy, box_blur};
use crate::ops::{CHUNK, Frame, Tables};
use crate::picture::Extent;

/// Numbers per cell.
pub const CHANNELS: usize = 10;
/// Places of the layers among them: colors of three, and the share that the foreground covers. Its color is multiplied by that.
pub const FAR: usize = 0;
/// See [`FAR`].
pub const NEAR: usize = 3;
/// See [`FAR`].
pub const COVER: usize = 6;
/// See [`FAR`].
pub const BEHIND: usize = 7;

/// Cells beyond which the pattern of taps gets coarser.
const DENSE: u32 = 16;
/// Largest radius in cells.
const LARGEST_CELLS: f32 = MAX_REACH as f32 - 1.0;
/// Cells that layers are continued by.
const CONTINUED: usize = 3;

/// True for a field that [`field`] made.
pub fn is_ours(field: &Field) -> bool {
    field.channels as usize == CHANNELS && field.extent.height >= 2
}

/// The disparity in focus, kept in a row of its own below the cells.
pub fn focus(field: &Field) -> f32 {
    let last = field.values.len().saturating_sub(field.extent.width as usize * CHANNELS);
    field.values.get(last).copied().unwrap_or(0.5)
}

/// How the cells are read.
pub fn constants(field: &Field, frame: &Frame, tables: &mut Tables) -> FieldConstants {
    let mut c = FieldConstants::new(Some(field), frame, tables);
    c.height = c.height.saturating_sub(1);
    c.step_y = c.height as f32 / frame.extent.height as f32;
    c
}

/// The picture at low resolution, as sources.
struct Cells {
    width: usize,
    height: usize,
    /// Color, with highlights as they are to be blurred; 0 where broken.
    rgb: [Vec<f32>; 3],
    /// Coverage; 0 where broken.
    coverage: Vec<f32>,
    /// Signed radius in cells.
    c: Vec<f32>,
    /// Radius that is drawn: less what cells blur by themselves.
    drawn: Vec<f32>,
    /// Weight in layers behind: see [`pure`].
    pure: Vec<f32>,
    /// Part in the layer of what is far, 0 to 1.
    far: Vec<f32>,
    /// Part in the layer of what is near, 0 to 1.
    near: Vec<f32>,
}

/// Makes the layers of a picture. What was not looked at (no depth) gives a field of zeros that [`is_ours`] refuses.
pub fn field(params: &Params, proxy: &Proxy, disparity: &[f32], frame: &Frame) -> Field {
    let Extent { width, height } = proxy.extent;
    let size = (width as usize, height as usize);
    let focus = lens::focus(params, disparity, size, frame);
    let nothing = Field { extent: proxy.extent, channels: 0, values: Vec::new() };
    let Ok(lens) = Lens::new(params, frame, focus) else { return nothing };
    if disparity.len() != size.0 * size.1 {
        return nothing;
    }
    let c = super::constants(params, frame, &lens);
    let cell = frame.extent.width.max(frame.extent.height) as f32 / proxy.long_side() as f32;
    let cells = Cells::new(proxy, disparity, &c, cell);
    let most = cells.drawn.iter().fold(0.5f32, |m, v| m.max(*v));
    let aperture = Aperture { blades: params.blades, rotation: params.rotation };
    let small = Frame { extent: proxy.extent, ..*frame };
    let reach = (most + 0.5).ceil() as u32;
    let pattern = taps(&aperture, &small, reach, DENSE);
    let words: Vec<u32> = pattern.iter().flat_map(Tap::words).collect();
    let fill: Vec<u32> = pattern.iter().map(nearby).flat_map(|tap| tap.words()).collect();
    let squeeze = params.cat_eye.sqrt() / (0.5 * (width as f32).hypot(height as f32));
    let work = Work { cells: &cells, rgb: &cells.rgb, words: &words, fill: &fill, reach: reach as usize, squeeze };
    let mut values = vec![0.0; (size.0 * (size.1 + 1)) * CHANNELS];
    let (near, far) = (work.near(), work.far());
    // What shows through a blurred foreground is blurred itself where it is far.
    let seen = cells.blurred(&far);
    let behind = Work { rgb: &seen, ..work }.behind(&near);
    for (i, to) in values.chunks_exact_mut(CHANNELS).enumerate().take(size.0 * size.1) {
        for k in 0..3 {
            to[FAR + k] = far[k][i];
            to[NEAR + k] = near[k][i];
            to[BEHIND + k] = behind[k][i];
        }
        to[COVER] = near[3][i];
    }
    if let Some(to) = values.get_mut(size.0 * size.1 * CHANNELS) {
        *to = focus;
    }
    Field { extent: Extent { width, height: height + 1 }, channels: CHANNELS as u32, values }
}

impl Cells {
    fn new(proxy: &Proxy, disparity: &[f32], constants: &Constants, cell: f32) -> Self {
        let (width, height) = (proxy.extent.width as usize, proxy.extent.height as usize);
        let signed = |i: usize| constants.radius(disparity[i]);
        let n = width * height;
        let color = |i: usize| [proxy.rgb[0][i], proxy.rgb[1][i], proxy.rgb[2][i]];
        let light = |k: usize| {
            let one = |i: usize| {
                let rgb = color(i);
                let gain = constants.gain(rgb, signed(i).abs());
                if Constants::sound(rgb) { rgb[k] * gain } else { 0.0 }
            };
            (0..n).map(one).collect::<Vec<f32>>()
        };
        let c: Vec<f32> = (0..n).map(|i| (signed(i) / cell).clamp(-LARGEST_CELLS, LARGEST_CELLS)).collect();
        // Cells are means, read linearly between their middles: by themselves that blurs about as much as a disk of one cell.
        let own = if cell > 1.5 { 1.0 } else { 0.0 };
        let drawn = c.iter().map(|c| (c * c - own).max(0.25).sqrt()).collect();
        let near = |i: usize| if signed(i) > 0.0 { constants.faded(signed(i)) } else { 0.0 };
        let far = |i: usize| if signed(i) < 0.0 { constants.part(-signed(i)) } else { 0.0 };
        let covered = |i: usize| if Constants::sound(color(i)) { proxy.alpha[i].clamp(0.0, 1.0) } else { 0.0 };
        Self {
            width,
            height,
            rgb: [light(0), light(1), light(2)],
            coverage: (0..n).map(covered).collect(),
            drawn,
            pure: purity(&c, width, height),
            far: (0..n).map(far).collect(),
            near: (0..n).map(near).collect(),
            c,
        }
    }
}

impl Cells {
    /// Colors, blurred where they are far.
    fn blurred(&self, far: &[Vec<f32>; 3]) -> [Vec<f32>; 3] {
        let mut rgb = self.rgb.clone();
        for (plane, far) in rgb.iter_mut().zip(far) {
            for ((value, far), part) in plane.iter_mut().zip(far).zip(&self.far) {
                *value += part * (far - *value);
            }
        }
        rgb
    }
}

/// Purity of all cells, from the nearest of 3 x 3.
fn purity(c: &[f32], width: usize, height: usize) -> Vec<f32> {
    let one = |i: usize| {
        let (x, y) = (i % width, i / width);
        let mut nearest = c[i];
        for row in y.saturating_sub(1)..(y + 2).min(height) {
            for v in &c[row * width + x.saturating_sub(1)..row * width + (x + 2).min(width)] {
                nearest = nearest.max(*v);
            }
        }
        pure(nearest, c[i]).max(IMPURE)
    };
    (0..c.len()).map(one).collect()
}

/// A tap for what is hidden: it is most like what is seen closest to it.
fn nearby(tap: &Tap) -> Tap {
    let fall = 1.0 + tap.rho * tap.rho;
    Tap { area: tap.area / (fall * fall), ..*tap }
}

/// Which layer is gathered.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Layer {
    Far,
    Near,
    Behind,
}

struct Work<'a> {
    cells: &'a Cells,
    /// Color of the cells.
    rgb: &'a [Vec<f32>; 3],
    /// Taps of blur.
    words: &'a [u32],
    /// Taps that what is hidden is filled with.
    fill: &'a [u32],
    reach: usize,
    squeeze: f32,
}

/// A run of cells of one row, gathered.
struct Run<'a> {
    work: &'a Work<'a>,
    layer: Layer,
    x: usize,
    y: usize,
    n: usize,
    center: &'a mut Center,
}

impl Rows for Run<'_> {
    #[inline(always)]
    fn line(&self, y: i64, reach: usize, width: usize, line: &mut Line) {
        let cells = self.work.cells;
        let row = y.clamp(0, cells.height as i64 - 1) as usize * cells.width;
        for i in 0..width.min(WIDE) {
            let x = (self.x + i).saturating_sub(reach).min(cells.width - 1);
            let at = row + x;
            for k in 0..3 {
                line.rgb[k][i] = self.work.rgb[k][at];
            }
            let (coverage, drawn) = (cells.coverage[at], cells.drawn[at]);
            let part = match self.layer {
                Layer::Far => cells.far[at],
                Layer::Near => cells.near[at],
                Layer::Behind => 1.0 - cells.near[at],
            };
            line.c[i] = cells.c[at];
            line.edge[i] = if self.layer != Layer::Behind && part > 0.0 { drawn + 0.5 } else { 0.0 };
            line.base[i] = if self.layer == Layer::Near { 0.0 } else { coverage * cells.pure[at] * part };
            line.front[i] = if self.layer == Layer::Behind { 0.0 } else { coverage * part * share_of_disk(drawn) };
        }
    }
}

impl Kernel for Run<'_> {
    type Out = Sums;

    #[inline(always)]
    fn run(self) -> Sums {
        let mut sums = Sums::new();
        let (cells, squeeze) = (self.work.cells, self.work.squeeze);
        for i in 0..self.n {
            let at = self.y * cells.width + self.x + i;
            for k in 0..3 {
                self.center.rgb[k][i] = self.work.rgb[k][at];
            }
            // What is near lies in front of every cell.
            self.center.c[i] = if self.layer == Layer::Near { -1e6 } else { cells.c[at] };
            let wanted = match self.layer {
                Layer::Far => cells.far[at] > 0.0,
                Layer::Near => false,
                Layer::Behind => cells.near[at] > 0.0,
            };
            self.center.edge[i] = if wanted { cells.drawn[at] + 0.5 } else { 0.0 };
            self.center.eye[0][i] = squeeze * ((self.x + i) as f32 + 0.5 - 0.5 * cells.width as f32);
            self.center.eye[1][i] = squeeze * (self.y as f32 + 0.5 - 0.5 * cells.height as f32);
        }
        let words = if self.layer == Layer::Behind { self.work.fill } else { self.work.words };
        gather(&self, words, self.work.reach, self.y as i64, self.n, self.center, &mut sums);
        sums
    }
}

impl Work<'_> {
    /// Gathers a layer; `take` gets the place of every cell, its color and its sums.
    fn each(&self, layer: Layer, wanted: &[f32], mut take: impl FnMut(usize, &Center, &Sums, usize)) {
        let (width, height) = (self.cells.width, self.cells.height);
        let mut center = Box::new(Center::new());
        if !wanted.iter().any(|v| *v > 0.0) {
            return;
        }
        for y in 0..height {
            for x in (0..width).step_by(CHUNK) {
                let n = CHUNK.min(width - x);
                let sums = Isa::best().run(Run { work: self, layer, x, y, n, center: &mut center });
                (0..n).for_each(|i| take(y * width + x + i, &center, &sums, i));
            }
        }
    }

    /// Red, green, blue of what is far.
    fn far(&self) -> [Vec<f32>; 3] {
        let cells = self.cells;
        let mut rgb = cells.rgb.clone();
        let mut known: Vec<f32> = cells.far.iter().map(|v| if *v > 0.0 { 1.0 } else { 0.0 }).collect();
        self.each(Layer::Far, &cells.far, |at, center, sums, i| {
            let covers = (sums.front[i] * squeezed(center.eye[0][i], center.eye[1][i])).min(1.0);
            for (k, plane) in rgb.iter_mut().enumerate() {
                let own = center.rgb[k][i];
                let base = own + sums.base_rgb[k][i] / sums.base[i].max(TINY);
                let front = own + sums.front_rgb[k][i] / sums.front[i].max(TINY);
                plane[at] = base + covers * (front - base);
            }
        });
        self.finish(&mut rgb, &mut known, &cells.far);
        rgb
    }

    /// Red, green, blue of the foreground, multiplied by the last, the share it covers.
    fn near(&self) -> [Vec<f32>; 4] {
        let cells = self.cells;
        let mut planes = [(); 4].map(|()| vec![0.0; cells.c.len()]);
        self.each(Layer::Near, &cells.near, |at, center, sums, i| {
            let covers = (sums.front[i] * squeezed(center.eye[0][i], center.eye[1][i])).min(1.0);
            let [rgb @ .., share] = &mut planes;
            for (k, plane) in rgb.iter_mut().enumerate() {
                plane[at] = covers * (center.rgb[k][i] + sums.front_rgb[k][i] / sums.front[i].max(TINY));
            }
            share[at] = covers;
        });
        let coarse = self.coarse(&cells.near);
        for plane in &mut planes {
            smooth(plane, None, &coarse, (cells.width, cells.height));
        }
        planes
    }

    /// Red, green, blue of what is behind the foreground.
    fn behind(&self, near: &[Vec<f32>; 4]) -> [Vec<f32>; 3] {
        let cells = self.cells;
        let mut rgb = cells.rgb.clone();
        let mut known = vec![0.0; cells.c.len()];
        self.each(Layer::Behind, &cells.near, |at, center, sums, i| {
            if cells.near[at] <= 0.0 {
                return;
            }
            let seen = sums.base[i] > TINY;
            for k in 0..3 {
                let inside = near[k][at] / near[3][at].max(TINY);
                let beside = center.rgb[k][i] + sums.base_rgb[k][i] / sums.base[i].max(TINY);
                rgb[k][at] = if seen { beside } else { inside };
            }
            known[at] = 1.0;
        });
        self.finish(&mut rgb, &mut known, &cells.near);
        rgb
    }

    /// Smooths what the pattern of taps left and continues a layer beyond its cells.
    fn finish(&self, rgb: &mut [Vec<f32>; 3], known: &mut [f32], part: &[f32]) {
        let size = (self.cells.width, self.cells.height);
        let coarse = self.coarse(part);
        for plane in rgb.iter_mut() {
            smooth(plane, Some(known), &coarse, size);
        }
        for _ in 0..CONTINUED {
            extend(rgb, known, size);
        }
    }

    /// How much coarse taps have a part in every cell, 0 to 1; empty where none have.
    fn coarse(&self, part: &[f32]) -> Vec<f32> {
        let cells = self.cells;
        let dense = DENSE as f32;
        if self.reach <= DENSE as usize {
            return Vec::new();
        }
        let size = (cells.width, cells.height);
        let sizes: Vec<f32> = part.iter().zip(&cells.drawn).map(|(p, r)| p * r).collect();
        let (sizes, weights) = (box_blur(&sizes, size, self.reach), box_blur(part, size, self.reach));
        let one = |(s, w): (&f32, &f32)| super::clamped((s / w.max(TINY) - dense) / 4.0);
        sizes.iter().zip(&weights).map(one).collect()
    }
}

/// Mixes each cell, as far as `coarse` says, with its mean under the weights 1 2 1 in both directions, which taps of every second row and column
/// vanish under. Cells that are not `known` have no part.
fn smooth(plane: &mut [f32], known: Option<&[f32]>, coarse: &[f32], (width, height): (usize, usize)) {
    if coarse.len() != plane.len() {
        return;
    }
    let came = plane.to_vec();
    let is_known = |at: usize| known.is_none_or(|known| known[at] > 0.0);
    for (i, value) in plane.iter_mut().enumerate() {
        if coarse[i] <= 0.0 || !is_known(i) {
            continue;
        }
        let (x, y) = (i % width, i / width);
        let (mut sum, mut weights) = (0.0, 0.0);
        for row in y.saturating_sub(1)..(y + 2).min(height) {
            for column in x.saturating_sub(1)..(x + 2).min(width) {
                let at = row * width + column;
                let weight = if row == y { 2.0 } else { 1.0 } * (if column == x { 2.0 } else { 1.0 });
                if is_known(at) {
                    sum += weight * (came[at] - came[i]);
                    weights += weight;
                }
            }
        }
        *value += coarse[i] * sum / weights;
    }
}

/// Gives cells beside known ones the mean of these.
fn extend(rgb: &mut [Vec<f32>; 3], known: &mut [f32], (width, height): (usize, usize)) {
    let before = known.to_vec();
    for i in (0..before.len()).filter(|i| before[*i] <= 0.0) {
        let (x, y) = (i % width, i / width);
        let (mut sum, mut count) = ([0.0; 3], 0.0);
        for row in y.saturating_sub(1)..(y + 2).min(height) {
            for column in x.saturating_sub(1)..(x + 2).min(width) {
                let at = row * width + column;
                if before[at] > 0.0 {
                    (0..3).for_each(|k| sum[k] += rgb[k][at]);
                    count += 1.0;
                }
            }
        }
        if count > 0.0 {
            (0..3).for_each(|k| rgb[k][i] = sum[k] / count);
            known[i] = 1.0;
        }
    }
}
