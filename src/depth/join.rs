//! The fit of the depth join: from a small disparity map and the reduced picture to the table that `ops::disparity` reads.
//!
//! For each model pixel a line `disparity = a * guide + b` is fitted over its 3x3 neighbors, anchored so that it is exact at
//! the model pixel itself, together with the range `lo..hi` a full-resolution pixel may take there. Where the map is
//! locally planar, `lo = hi = d`: texture of the picture cannot copy itself onto a wall. Where it is not, `lo` and `hi` are the
//! extremes of the neighbors and the picture's own edge decides between them.
//!
//! The form descends from the guided filter (He, Sun, Tang, "Guided Image Filtering", 2013) and its fast variant (He and Sun,
//! 2015), with anchoring, clamping, residual-weighted averaging and a term for noise inside a cell. Constants were chosen by measurement on
//! pictures with true depth; `examples/join_quality.rs` prints the table.
//!
//! All arithmetic is f32 in a fixed order on one thread: the same bits everywhere. Borders are repeated.

use super::reduce::{Reduced, percentile};
use crate::ops::disparity::{GUIDE_CENTER, JoinConstants};

mod bands;
mod color;
pub(super) mod grid;
mod snap;
pub use color::fit_color;
use grid::Grid;

/// Regularization of the fit, in squared guide units.
const EPS: f32 = 1e-3;
/// Floor of the residual when lines are averaged, in squared disparity.
const RESIDUAL_FLOOR: f32 = 1e-4;
/// Steepest line: keeps `a` and `b` far inside the range of half floats.
const MAX_SLOPE: f32 = 8.0;
/// Floor of the local mean disparity in the measure of non-planarity.
const PLANAR_FLOOR: f32 = 0.05;

/// Rows of a map that are fitted at a time: working space stays small for maps of millions of cells.
const BAND_ROWS: usize = 128;

/// What of the fit depends on the model that drew the map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JoinSettings {
    /// How far the map's edges are from the picture's, in model pixels: 0, 1 or 2. Above 0 the map is snapped to the reduced
    /// picture before the fit; this costs accuracy on maps that need none.
    pub edge_error_px: u32,
    /// Non-planarity where the gate starts to open.
    pub q0: f32,
    /// Non-planarity where the gate is open.
    pub q1: f32,
    /// Weight of the guide's variance inside one cell: 1, or 4 for noisy pictures.
    pub lambda: f32,
}

impl Default for JoinSettings {
    /// For crisp maps: large networks, exact depth.
    fn default() -> Self {
        Self { edge_error_px: 0, q0: 0.03, q1: 0.10, lambda: 1.0 }
    }
}

/// The coefficients of one picture, ready for both executors.
#[derive(Debug, Clone, PartialEq)]
pub struct JoinTable {
    /// Texels in a row.
    pub width: u32,
    /// Rows of texels.
    pub height: u32,
    /// Half floats, two to a word, row by row: `[a | b << 16, lo | hi << 16]` for each texel, what WGSL's `unpack2x16float` expects; with a
    /// color guide `[ar | ag << 16, ab | b << 16, lo | hi << 16]`.
    words: Vec<u32>,
}

impl JoinTable {
    /// The texels as the words of the shared table array.
    pub fn words(&self) -> &[u32] {
        &self.words
    }

    /// The same, without a copy.
    pub fn into_words(self) -> Vec<u32> {
        self.words
    }

    /// What the operation reads, for this table at word `table` over a picture of (width, height) pixels.
    pub fn constants(&self, table: u32, picture: (u32, u32)) -> JoinConstants {
        JoinConstants::new(table, self.width, self.height, picture)
    }
}

/// How a map was normalized: `normalized = map * scale + offset`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normalization {
    /// Factor, above 0.
    pub scale: f32,
    /// Added after scaling.
    pub offset: f32,
}

/// Scales a disparity map affinely so that its 1st to 99th percentile becomes 0 to 1. A constant map becomes 0.5 and NaN the
/// farthest. Values beyond the percentiles stay outside 0..1: clamping here would bend planes.
pub fn normalize(map: &[f32]) -> (Vec<f32>, Normalization) {
    let (low, high) = (percentile(map, 1.0).unwrap_or(0.0), percentile(map, 99.0).unwrap_or(0.0));
    let range = high - low;
    // A range below the precision of the map's own values is noise of the network, not depth.
    if !(range.is_finite() && range > 1e-6 * high.abs().max(low.abs()).max(1e-30)) {
        return (vec![0.5; map.len()], Normalization { scale: 0.0, offset: 0.5 });
    }
    let norm = Normalization { scale: 1.0 / range, offset: -low / range };
    let bounded = |v: f32| if v.is_finite() { (v * norm.scale + norm.offset).clamp(-4.0, 4.0) } else { 0.0 };
    (map.iter().map(|&v| bounded(v)).collect(), norm)
}

/// Fits the table for a map of the same size as `reduced`, already [`normalize`]d (larger = nearer, about 0..1).
/// A map of another size is resampled first with [`resample`].
pub fn fit(disparity: &[f32], reduced: &Reduced, settings: &JoinSettings) -> JoinTable {
    let words = bands::fit(disparity, reduced, settings, BAND_ROWS, luma_texels);
    JoinTable { width: reduced.width, height: reduced.height, words }
}

/// The map, snapped where the model needs it.
fn snapped(disparity: &[f32], reduced: &Reduced, settings: &JoinSettings) -> Grid {
    let d = Grid::new(reduced.width as usize, reduced.height as usize, disparity);
    if settings.edge_error_px > 0 { snap::snap(&d, reduced, settings) } else { d }
}

/// As [`fit`], all at once.
fn luma_texels(disparity: &[f32], reduced: &Reduced, settings: &JoinSettings) -> Vec<[u32; 2]> {
    let (w, h) = (reduced.width as usize, reduced.height as usize);
    let d = snapped(disparity, reduced, settings);
    let g = Grid::new(w, h, &reduced.guide).map(|y| y - GUIDE_CENTER);
    let inside_cell = cell_variance(reduced).min3();
    let a = slopes(&d, &g, &inside_cell, settings.lambda);
    let ranges = ranges(&d, settings);
    (0..w * h)
        .map(|i| {
            let (d, a) = (d.values[i], a.values[i]);
            [pack(a, d - a * g.values[i]), ranges[i]]
        })
        .collect()
}

/// `lo | hi << 16` of every cell: what its pixels may be.
fn ranges(d: &Grid, settings: &JoinSettings) -> Vec<u32> {
    let (gate, lowest, highest) = (gate(d, settings, 1), d.min3(), d.max3());
    let range =
        |(((d, gate), low), high): (((&f32, &f32), &f32), &f32)| pack(d - gate * (d - low), d + gate * (high - d));
    d.values.iter().zip(&gate.values).zip(&lowest.values).zip(&highest.values).map(range).collect()
}

/// Slope of the line at each model pixel: ridge regression over 3x3, then averaged over 3x3 with the fits that explain their
/// neighborhood best weighing most.
fn slopes(d: &Grid, g: &Grid, inside_cell: &Grid, lambda: f32) -> Grid {
    let (mean_g, mean_d) = (g.mean(1), d.mean(1));
    let covariance = g.zip(d, |g, d| g * d).mean(1).zip(&mean_g.zip(&mean_d, |g, d| g * d), |m, p| m - p);
    let variance =
        |x: &Grid, mean: &Grid| x.map(|v| v * v).mean(1).zip(mean, |square, mean| (square - mean * mean).max(0.0));
    let (var_g, var_d) = (variance(g, &mean_g), variance(d, &mean_d));
    let (mut weight, mut weighted) = (covariance.clone(), covariance.clone());
    for i in 0..covariance.values.len() {
        let (cov, var_g, var_d) = (covariance.values[i], var_g.values[i], var_d.values[i]);
        let a = cov / (var_g + (EPS + lambda * inside_cell.values[i]));
        let residual = (var_d - 2.0 * a * cov + a * a * var_g).max(0.0);
        weight.values[i] = 1.0 / (residual + RESIDUAL_FLOOR);
        weighted.values[i] = a * weight.values[i];
    }
    weighted.mean(1).zip(&weight.mean(1), |a, w| (a / w).clamp(-MAX_SLOPE, MAX_SLOPE))
}

/// Variance of the guide inside each cell: noise and texture finer than the model sees.
fn cell_variance(reduced: &Reduced) -> Grid {
    let square = Grid::new(reduced.width as usize, reduced.height as usize, &reduced.guide_squared);
    let mean = Grid::new(square.width, square.height, &reduced.guide);
    square.zip(&mean, |square, mean| (square - mean * mean).max(0.0))
}

/// 0 where the map is locally planar, 1 where it is an edge: the largest second difference of four directions, relative to the
/// local mean, dilated by `radius` and sent through a smooth step from `q0` to `q1`.
fn gate(d: &Grid, settings: &JoinSettings, radius: usize) -> Grid {
    let middle = d.min3().zip(&d.max3(), |lo, hi| ((lo + hi) * 0.5).max(PLANAR_FLOOR));
    let (q0, width) = (settings.q0, (settings.q1 - settings.q0).max(1e-6));
    d.bend().zip(&middle, |bend, middle| bend / middle).dilate(radius).map(|q| {
        let t = ((q - q0) / width).clamp(0.0, 1.0);
        t * t * (3.0 - 2.0 * t)
    })
}

/// Two values as half floats in one word, the first in the low bits.
fn pack(low: f32, high: f32) -> u32 {
    let half = |v: f32| u32::from(half::f16::from_f32(v).to_bits());
    half(low) | half(high) << 16
}

/// A map of `from` = (width, height) at `to`, bilinear with half-pixel centers: for models whose output is not as large as
/// their input. Missing values read as 0.
pub fn resample(map: &[f32], from: (u32, u32), to: (u32, u32)) -> Vec<f32> {
    if from == to || from.0 == 0 || from.1 == 0 {
        return map.to_vec();
    }
    let at = |x: u32, y: u32| map.get(y as usize * from.0 as usize + x as usize).copied().unwrap_or(0.0);
    let place = |i: u32, from: u32, to: u32| {
        let p = ((i as f32 + 0.5) * (from as f32 / to as f32) - 0.5).clamp(0.0, (from - 1) as f32);
        (p as u32, (p as u32 + 1).min(from - 1), p - p.floor())
    };
    let mut out = Vec::with_capacity(to.0 as usize * to.1 as usize);
    for y in 0..to.1 {
        let (y0, y1, fy) = place(y, from.1, to.1);
        for x in 0..to.0 {
            let (x0, x1, fx) = place(x, from.0, to.0);
            let (left, right) = (lerp(at(x0, y0), at(x0, y1), fy), lerp(at(x1, y0), at(x1, y1), fy));
            out.push(lerp(left, right, fx));
        }
    }
    out
}

fn lerp(from: f32, to: f32, t: f32) -> f32 {
    from + (to - from) * t
}

#[cfg(test)]
mod tests;
