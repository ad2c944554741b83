//! What area operations on luma read around a chunk: rows of a plane with some columns on either side, as slices that inner loops run along.
//!
//! Color is read as it is, not associated; weights are multiplied with coverage instead, which gives the same means without a division per
//! pixel that is read. Everything here is `#[inline(always)]` and free of closures, so that it is compiled with the instruction set of its
//! caller.

use super::area::{ALPHA_PLANE, AUX_PLANE, Planes};
use super::guide::LUMA_REC2020;
use super::{CHUNK, Chunk};

/// Columns read on either side, at most.
pub(super) const MAX_REACH: usize = 13;
/// Columns of a chunk with those on either side.
pub(super) const WIDE: usize = CHUNK + 2 * MAX_REACH;
/// Luma of this magnitude and beyond, or that is no number, is cut off to it and is that of a broken pixel: it has no weight, so that it does
/// not reach its neighbors.
pub(super) const LARGEST: f32 = 1e6;
/// Sums of weights below this count as nothing.
const TINY: f32 = 1e-12;

static ZEROS: [f32; WIDE] = [0.0; WIDE];
static ONES: [f32; WIDE] = [1.0; WIDE];

/// A chunk and the columns beside it.
#[derive(Clone, Copy)]
pub(super) struct Window<'a> {
    planes: &'a Planes,
    x: usize,
    /// Pixels of the chunk.
    pub n: usize,
    /// Columns on either side.
    pub reach: usize,
}

impl<'a> Window<'a> {
    /// The window of `chunk` with `reach` columns on either side, of which `planes` must have as many.
    #[inline(always)]
    pub fn new(planes: &'a Planes, chunk: &Chunk, reach: usize) -> Self {
        Self { planes, x: chunk.x as usize, n: chunk.len.min(CHUNK), reach: reach.min(MAX_REACH) }
    }

    /// Pixels of a row of it.
    #[inline(always)]
    pub fn width(&self) -> usize {
        self.n + 2 * self.reach
    }

    /// Plane `plane` of row `y`. Columns that are not there read as 0: that would be an error of the plan.
    #[inline(always)]
    pub fn row(&self, plane: usize, y: i64) -> &'a [f32] {
        let first = (self.x + self.planes.pad()).saturating_sub(self.reach);
        match self.planes.row(plane, y).get(first..first + self.width()) {
            Some(row) => row,
            None => &ZEROS[..self.width()],
        }
    }

    /// What the stage before left in [`super::Px::aux`].
    #[inline(always)]
    pub fn aux(&self, y: i64) -> &'a [f32] {
        self.row(AUX_PLANE, y)
    }

    /// Alpha of row `y`; 1 where the picture has none.
    #[inline(always)]
    pub fn coverage(&self, y: i64) -> &'a [f32] {
        if self.planes.carried().alpha { self.row(ALPHA_PLANE, y) } else { &ONES[..self.width()] }
    }

    /// Luma of row `y`, of magnitude [`LARGEST`] where the pixel is broken and below elsewhere.
    #[inline(always)]
    pub fn luma(&self, y: i64, out: &mut [f32; WIDE]) {
        let n = self.width();
        let (r, g, b, out) = (self.row(0, y), self.row(1, y), self.row(2, y), &mut out[..n]);
        for i in 0..n {
            let luma = LUMA_REC2020[0] * r[i] + LUMA_REC2020[1] * g[i] + LUMA_REC2020[2] * b[i];
            out[i] = luma.max(-LARGEST).min(LARGEST);
        }
    }
}

/// True for luma, or a mean of it, of a pixel that is not broken.
#[inline(always)]
pub(super) fn sound(luma: f32) -> bool {
    luma.abs() < LARGEST
}

/// Weighted differences from a center, summed: means that leave flat places exactly as they are.
pub(super) struct Sums {
    /// Weighted differences.
    differences: [f32; CHUNK],
    /// Weights.
    weights: [f32; CHUNK],
}

impl Sums {
    #[inline(always)]
    pub fn new() -> Self {
        Self { differences: [0.0; CHUNK], weights: [0.0; CHUNK] }
    }

    /// Adds `values` with `weight` times `coverage`, those of broken pixels with none. All slices but `center` may be longer than that.
    #[inline(always)]
    pub fn add(&mut self, weight: f32, values: &[f32], coverage: &[f32], center: &[f32]) {
        let n = center.len();
        let (values, coverage) = (&values[..n], &coverage[..n]);
        let (differences, weights) = (&mut self.differences[..n], &mut self.weights[..n]);
        for i in 0..n {
            let w = if sound(values[i]) { weight * coverage[i] } else { 0.0 };
            differences[i] += w * (values[i] - center[i]);
            weights[i] += w;
        }
    }

    /// Like [`Sums::add`], but what differs by 1 / sqrt(`steepness`) or more has no weight: the biweight of Tukey, 1974, which is cheap and
    /// ends.
    #[inline(always)]
    pub fn add_alike(&mut self, weight: f32, steepness: f32, values: &[f32], coverage: &[f32], center: &[f32]) {
        let n = center.len();
        let (values, coverage) = (&values[..n], &coverage[..n]);
        let (differences, weights) = (&mut self.differences[..n], &mut self.weights[..n]);
        for i in 0..n {
            let d = values[i] - center[i];
            let near = (1.0 - steepness * (d * d)).max(0.0);
            let w = weight * coverage[i] * (near * near);
            differences[i] += w * d;
            weights[i] += w;
        }
    }

    /// Like [`Sums::add_alike`] with a steepness of its own for every pixel: `steepness` times `steeper`.
    #[inline(always)]
    pub fn add_alike_by(
        &mut self,
        weight: f32,
        steepness: f32,
        steeper: &[f32; CHUNK],
        values: &[f32],
        coverage: &[f32],
        center: &[f32],
    ) {
        let n = center.len().min(CHUNK);
        let (values, coverage, center, steeper) = (&values[..n], &coverage[..n], &center[..n], &steeper[..n]);
        let (differences, weights) = (&mut self.differences[..n], &mut self.weights[..n]);
        for i in 0..n {
            let d = values[i] - center[i];
            let near = (1.0 - steepness * steeper[i] * (d * d)).max(0.0);
            let w = weight * coverage[i] * (near * near);
            differences[i] += w * d;
            weights[i] += w;
        }
    }

    /// The means.
    #[inline(always)]
    pub fn mean(&self, center: &[f32], out: &mut [f32]) {
        let n = center.len();
        let out = &mut out[..n];
        for i in 0..n {
            out[i] = center[i] + self.differences[i] / self.weights[i].max(TINY);
        }
    }
}
