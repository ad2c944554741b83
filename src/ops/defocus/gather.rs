//! What a pixel gets from its surroundings, in two sums: *base* and *front*.
//!
//! * Base: the mean over the pixel's own disk of all that is not nearer than it. What is nearer has no part, so a sharp foreground does not
//!   bleed; what is farther shows through where the pixel's own surface ends.
//! * Front: light of nearer places whose own disks reach the pixel, by the share of the disk; the sum of the shares is how much of the pixel
//!   they cover.
//!
//! Sums are of differences from the pixel, so that flat places stay exactly as they are. Lines and sums are blocks of fixed size: loops
//! over them are compiled to vectors.

use super::aperture::Tap;
use crate::ops::CHUNK;

/// Places read on either side, at most.
pub const MAX_REACH: usize = 64;
/// Pixels worked on at once.
const LANES: usize = 16;
/// Pixels of a line: a chunk, what is read beside it, and what a last block reads beyond.
pub const WIDE: usize = CHUNK + 2 * MAX_REACH + LANES;
/// Taps of one row of the pattern, at most.
const ROW_TAPS: usize = 2 * MAX_REACH + 1;
/// Sums of weights below this count as nothing.
pub const TINY: f32 = 1e-9;

/// A row of pixels as sources of light.
pub struct Line {
    /// Color, never broken.
    pub rgb: [[f32; WIDE]; 3],
    /// Signed radius: larger = nearer.
    pub c: [f32; WIDE],
    /// Radius of the disk plus one half; 0 = no light for others.
    pub edge: [f32; WIDE],
    /// Weight in the base of others.
    pub base: [f32; WIDE],
    /// Share of its light per pixel of its disk, in front of others.
    pub front: [f32; WIDE],
    /// How much of `front` is taken away where the other is blurred by a field: see [`Center::far`].
    pub shared: [f32; WIDE],
}

impl Line {
    /// A line of nothing.
    #[inline(always)]
    pub fn new() -> Self {
        let zero = [0.0; WIDE];
        Self { rgb: [zero; 3], c: zero, edge: zero, base: zero, front: zero, shared: zero }
    }
}

/// The pixels that gather.
pub struct Center {
    /// Color, never broken.
    pub rgb: [[f32; CHUNK]; 3],
    /// Signed radius.
    pub c: [f32; CHUNK],
    /// Radius of the disk plus one half; 0 = no base is wanted.
    pub edge: [f32; CHUNK],
    /// Share, 0 to 1, that a field knows of the blur behind the focus.
    pub far: [f32; CHUNK],
    /// Squeeze of the aperture along columns and rows: see [`super::Constants::eye`].
    pub eye: [[f32; CHUNK]; 2],
}

impl Center {
    /// Pixels of nothing.
    #[inline(always)]
    pub fn new() -> Self {
        let zero = [0.0; CHUNK];
        Self { rgb: [zero; 3], c: zero, edge: zero, far: zero, eye: [zero; 2] }
    }
}

/// Weights and weighted differences from the center.
pub struct Sums {
    /// Weights of the base.
    pub base: [f32; CHUNK],
    /// Its differences.
    pub base_rgb: [[f32; CHUNK]; 3],
    /// Weights of the front: covered share.
    pub front: [f32; CHUNK],
    /// Its differences.
    pub front_rgb: [[f32; CHUNK]; 3],
}

impl Sums {
    /// Nothing yet.
    #[inline(always)]
    pub fn new() -> Self {
        let zero = [0.0; CHUNK];
        Self { base: zero, base_rgb: [zero; 3], front: zero, front_rgb: [zero; 3] }
    }
}

/// Rows that can be read as sources.
pub trait Rows {
    /// Fills `line` with row `y`, from `reach` columns before the chunk on, `width` pixels.
    fn line(&self, y: i64, reach: usize, width: usize, line: &mut Line);
}

/// Differences of the signed radius from which on a place is nearer: half at 0.5 pixels, sure at 0.75.
#[inline(always)]
pub fn nearer(difference: f32) -> f32 {
    clamped(difference * 2.0 - 0.5)
}

/// 0 to 1, of a number; in the form of one instruction each.
#[inline(always)]
pub fn clamped(v: f32) -> f32 {
    let v = if v > 0.0 { v } else { 0.0 };
    if v < 1.0 { v } else { 1.0 }
}

/// Gathers `n` pixels of row `y` with the taps in `words`.
#[inline(always)]
pub fn gather<R: Rows>(rows: &R, words: &[u32], reach: usize, y: i64, n: usize, center: &Center, sums: &mut Sums) {
    let reach = reach.min(MAX_REACH);
    let n = n.min(CHUNK);
    let width = n + 2 * reach;
    let mut line = Line::new();
    let mut taps = [Tap::default(); ROW_TAPS];
    let mut words = words.chunks_exact(super::aperture::TAP_WORDS).map(Tap::read).peekable();
    let own = largest(&center.edge[..n]);
    let squeezed = center.eye.iter().any(|plane| plane[..n].iter().any(|v| *v != 0.0));
    while let Some(first) = words.peek().copied() {
        let mut count = 0;
        while let Some(tap) = words.next_if(|tap| tap.dy == first.dy) {
            if let Some(to) = taps.get_mut(count) {
                *to = tap;
                count += 1;
            }
        }
        rows.line(y + i64::from(first.dy), reach, width, &mut line);
        let most = largest(&line.edge[..width]).max(own);
        let taps = taps.get(..count).unwrap_or(&[]);
        for block in (0..n).step_by(LANES) {
            if squeezed {
                add::<true>(&line, taps, most, reach, block, center, sums);
            } else {
                add::<false>(&line, taps, most, reach, block, center, sums);
            }
        }
    }
}

#[inline(always)]
fn largest(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |m, v| if *v > m { *v } else { m })
}

/// Values from `at` on; zeros where there are none, which would be an error of the plan.
#[inline(always)]
fn lanes(values: &[f32], at: usize) -> [f32; LANES] {
    values.get(at..at + LANES).and_then(|v| v.try_into().ok()).unwrap_or([0.0; LANES])
}

/// Adds the taps of one row to the sums of one block. Taps that no disk reaches have weight 0 and are left out.
#[inline(always)]
fn add<const EYE: bool>(
    line: &Line,
    taps: &[Tap],
    most: f32,
    reach: usize,
    block: usize,
    center: &Center,
    sums: &mut Sums,
) {
    let rgb0 = center.rgb.each_ref().map(|plane| lanes(plane, block));
    let (c0, edge0, far) = (lanes(&center.c, block), lanes(&center.edge, block), lanes(&center.far, block));
    let eye = if EYE { center.eye.each_ref().map(|plane| lanes(plane, block)) } else { [[0.0; LANES]; 2] };
    let (mut base, mut front) = (lanes(&sums.base, block), lanes(&sums.front, block));
    let mut base_rgb = sums.base_rgb.each_ref().map(|plane| lanes(plane, block));
    let mut front_rgb = sums.front_rgb.each_ref().map(|plane| lanes(plane, block));
    for tap in taps {
        if tap.rho >= most {
            continue;
        }
        let at = (reach as i32 + tap.dx).max(0) as usize + block;
        let rgb = line.rgb.each_ref().map(|plane| lanes(plane, at));
        let (c, edge, weight) = (lanes(&line.c, at), lanes(&line.edge, at), lanes(&line.base, at));
        let (light, shared) = (lanes(&line.front, at), lanes(&line.shared, at));
        let (dx, dy) = (tap.dx as f32, tap.dy as f32);
        let (mut wb, mut wf) = ([0.0; LANES], [0.0; LANES]);
        for i in 0..LANES {
            let along = eye[0][i] * dx + eye[1][i] * dy;
            let rho = if EYE { tap.rho + along * along * tap.inverse } else { tap.rho };
            let near = nearer(c[i] - c0[i]);
            wb[i] = tap.area * clamped(edge0[i] - rho) * ((1.0 - near) * weight[i]);
            wf[i] = tap.area * clamped(edge[i] - rho) * (near * (light[i] - far[i] * shared[i]));
            base[i] += wb[i];
            front[i] += wf[i];
        }
        for k in 0..3 {
            for i in 0..LANES {
                let d = rgb[k][i] - rgb0[k][i];
                base_rgb[k][i] += wb[i] * d;
                front_rgb[k][i] += wf[i] * d;
            }
        }
    }
    let put = |to: &mut [f32; CHUNK], from: &[f32; LANES]| {
        if let Some(to) = to.get_mut(block..block + LANES) {
            to.copy_from_slice(from);
        }
    };
    put(&mut sums.base, &base);
    put(&mut sums.front, &front);
    for k in 0..3 {
        put(&mut sums.base_rgb[k], &base_rgb[k]);
        put(&mut sums.front_rgb[k], &front_rgb[k]);
    }
}

/// 1 / the pixels of a disk of this radius with an edge one pixel wide: the integral of the weights `clamp(r - d + 0.5)`.
#[inline(always)]
pub fn share_of_disk(radius: f32) -> f32 {
    1.0 / (std::f32::consts::PI * (radius * radius + 1.0 / 12.0))
}
