//! Depth in tiles: more detail than the model's size holds, for pictures far above it.
//!
//! The picture is reduced to a *working size*, a whole number of times the model's. The model sees the whole picture first, as always, and then
//! overlapping tiles of the working size, each as large as its input. A tile's answer has a scale and a shift of its own: it is
//! fitted to the answer for the whole, robustly, and blended with its neighbors by windows that add up to one. Only what is finer than the
//! whole map can know is taken from tiles: below that, the whole map stands, so that neither a wall nor a sky can show where tiles end. A tile that
//! does not agree with the whole (a blank wall seen from near says nothing about distance) is left out, smoothly; so is the border of the picture, where
//! models show how they pad.
//!
//! Published relatives: Miangoleh and others, "Boosting Monocular Depth Estimation Models to High-Resolution via Content-Adaptive
//! Multi-Resolution Merging" (2021), and Li, Bhat and Wonka, "PatchFusion" (2024); neither keeps to what one pass over
//! fixed tiles costs.
//!
//! All arithmetic is in a fixed order on one thread: the same bits everywhere.

use super::join::grid::Grid;
use super::reduce::{Reduced, percentile};
use crate::plan::TILED_CELLS;

mod agree;
use agree::{Agreement, agree};

/// Most times the model's size. Above it a tile shows too little of the scene for a model to know what it sees.
pub const MAX_FACTOR: u32 = 4;
/// A tile overlaps its neighbor by at least one in so many of its pixels.
const OVERLAP: u32 = 4;
/// Pixels of the working size along the picture's border within which tiles count less and less. With the built-in model, padding shows up to
/// 13 pixels from it.
const BORDER_PX: f32 = 32.0;

/// Where the tiles of a picture lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tiling {
    /// (width, height) of a tile and of the whole map: the model's size, as the picture is stored.
    pub tile: (u32, u32),
    /// How often a tile fits into the working size, along either side.
    pub factor: u32,
}

impl Tiling {
    /// The finest tiling that is worth it for a picture of `picture` = (width, height) pixels and a model of `tile`: no working size above
    /// the picture's own, at most [`TILED_CELLS`] and [`MAX_FACTOR`]. `None` when the model's size holds all there is to see.
    pub fn new(tile: (u32, u32), picture: (u32, u32)) -> Option<Self> {
        let one = (u64::from(tile.0) * u64::from(tile.1)).max(1);
        let along = (picture.0 / tile.0.max(1)).min(picture.1 / tile.1.max(1)).min(MAX_FACTOR);
        let factor = (2..=along).rev().find(|&factor| one * u64::from(factor).pow(2) <= TILED_CELLS)?;
        Some(Self { tile, factor })
    }

    /// (width, height) of the working size.
    pub fn size(&self) -> (u32, u32) {
        (self.tile.0 * self.factor, self.tile.1 * self.factor)
    }

    /// The first column and row of every tile, row by row.
    pub fn places(&self) -> Vec<(u32, u32)> {
        let (columns, rows) = (places(self.tile.0, self.factor), places(self.tile.1, self.factor));
        rows.iter().flat_map(|&y| columns.iter().map(move |&x| (x, y))).collect()
    }

    /// Inferences for one picture: the whole and every tile.
    pub fn inferences(&self) -> usize {
        1 + places(self.tile.0, self.factor).len() * places(self.tile.1, self.factor).len()
    }

    /// The picture at the model's size, from its working size: means of means, since all cells are equally large.
    pub fn whole(&self, working: &Reduced) -> Reduced {
        let mean = |plane: &[f32]| shrink(plane, self.tile, self.factor);
        let cells = working.guide.len().max(1);
        Reduced {
            width: self.tile.0,
            height: self.tile.1,
            rgb: working.rgb.chunks(cells).flat_map(mean).collect(),
            guide: mean(&working.guide),
            guide_squared: mean(&working.guide_squared),
        }
    }

    /// The part of the working size under the tile at `place`.
    pub fn cut(&self, working: &Reduced, place: (u32, u32)) -> Reduced {
        let rows = |plane: &[f32]| cut(plane, working.width as usize, place, self.tile);
        let cells = working.guide.len().max(1);
        Reduced {
            width: self.tile.0,
            height: self.tile.1,
            rgb: working.rgb.chunks(cells).flat_map(rows).collect(),
            guide: rows(&working.guide),
            guide_squared: rows(&working.guide_squared),
        }
    }
}

/// First pixels of tiles along one axis: evenly spread, the last one flush with the end.
fn places(tile: u32, factor: u32) -> Vec<u32> {
    let (tile, span) = (u64::from(tile), u64::from(tile) * u64::from(factor.saturating_sub(1)));
    let step = (tile - tile / u64::from(OVERLAP)).max(1);
    let gaps = span.div_ceil(step);
    (0..=gaps).map(|i| ((2 * i * span + gaps) / (2 * gaps).max(1)) as u32).collect()
}

/// Means over `factor` x `factor` values.
fn shrink(plane: &[f32], size: (u32, u32), factor: u32) -> Vec<f32> {
    let (width, factor) = (size.0 as usize, factor as usize);
    let mut sums = vec![0f64; width * size.1 as usize];
    for (y, row) in plane.chunks_exact((width * factor).max(1)).enumerate() {
        let line = sums.iter_mut().skip(y / factor * width);
        for (sum, cell) in line.zip(row.chunks_exact(factor)) {
            *sum += cell.iter().map(|&v| f64::from(v)).sum::<f64>();
        }
    }
    let area = (factor * factor) as f64;
    sums.iter().map(|sum| (sum / area) as f32).collect()
}

/// The values under a tile.
fn cut(plane: &[f32], width: usize, place: (u32, u32), tile: (u32, u32)) -> Vec<f32> {
    let rows = plane.chunks_exact(width.max(1)).skip(place.1 as usize).take(tile.1 as usize);
    rows.flat_map(|row| row.iter().skip(place.0 as usize).take(tile.0 as usize)).copied().collect()
}

/// The maps of a picture's tiles on their way to one map.
#[derive(Debug)]
pub struct Blend {
    tiling: Tiling,
    /// The whole map, at its own size.
    whole: Grid,
    /// The whole map joined to the working size: what stands where no tile speaks.
    base: Grid,
    /// What fitted tiles say beyond `base`, times their windows.
    sum: Grid,
    /// Windows of all tiles along either axis, added up.
    weights: [Vec<f32>; 2],
    /// Deviation of the whole map's values, robustly: what agreement is measured by.
    spread: f32,
    used: usize,
}

impl Blend {
    /// A blend of nothing yet. `whole` is the normalized map of the whole picture at the model's size, `base` the same joined to the
    /// working size.
    pub fn new(tiling: Tiling, whole: &[f32], base: &[f32]) -> Self {
        let (width, height) = (tiling.size().0 as usize, tiling.size().1 as usize);
        let total = |tile: u32| {
            let mut sum = vec![0f32; (tile * tiling.factor) as usize];
            for place in places(tile, tiling.factor) {
                let window = window(tile, place, tiling.factor);
                sum.iter_mut().skip(place as usize).zip(&window).for_each(|(sum, w)| *sum += w);
            }
            sum
        };
        let range = |low, high| percentile(whole, high).unwrap_or(0.0) - percentile(whole, low).unwrap_or(0.0);
        Self {
            whole: Grid::new(tiling.tile.0 as usize, tiling.tile.1 as usize, whole),
            base: Grid::new(width, height, base),
            sum: Grid::new(width, height, &[]),
            weights: [total(tiling.tile.0), total(tiling.tile.1)],
            spread: range(10.0, 90.0),
            tiling,
            used: 0,
        }
    }

    /// Adds the answer for the tile at `place`, in the model's own scale, as the picture is stored.
    pub fn add(&mut self, place: (u32, u32), map: &[f32]) {
        let Agreement { scale, shift, trust } = agree(&self.tiling, &self.whole, place, map, self.spread);
        if trust <= 0.0 {
            return;
        }
        self.used += 1;
        let (width, factor) = (self.base.width, self.tiling.factor);
        let (columns, rows) =
            (window(self.tiling.tile.0, place.0, factor), window(self.tiling.tile.1, place.1, factor));
        for (y, (row, down)) in map.chunks_exact(columns.len().max(1)).zip(&rows).enumerate() {
            let at = (place.1 as usize + y) * width + place.0 as usize;
            let line = self.sum.values.iter_mut().skip(at).zip(self.base.values.iter().skip(at));
            for (((sum, base), value), across) in line.zip(row).zip(&columns) {
                *sum += down * across * trust * (scale * value + shift - base);
            }
        }
    }

    /// How many tiles agreed with the whole and were used.
    pub fn used(&self) -> usize {
        self.used
    }

    /// The map at the working size, in the scale of the whole map: tiles above the whole map's own resolution, the whole map below it.
    pub fn finish(mut self) -> Vec<f32> {
        let width = self.base.width.max(1);
        for (row, down) in self.sum.values.chunks_exact_mut(width).zip(&self.weights[1]) {
            for (value, across) in row.iter_mut().zip(&self.weights[0]) {
                *value /= down * across;
            }
        }
        // Three boxes are a Gaussian of about one pixel of the whole map.
        let radius = self.tiling.factor as usize;
        let low = self.sum.mean(radius).mean(radius).mean(radius);
        let fine = self.sum.zip(&low, |all, low| all - low);
        let mut map = self.base;
        let (columns, rows) = (inside(map.width), inside(map.height));
        let lines = map.values.chunks_exact_mut(width).zip(fine.values.chunks_exact(width)).zip(&rows);
        for ((line, fine), down) in lines {
            for ((value, fine), across) in line.iter_mut().zip(fine).zip(&columns) {
                *value += down * across * fine;
            }
        }
        map.values
    }
}

/// How much of what tiles add counts along one axis of the picture: nothing at its border, all from [`BORDER_PX`] on. Networks pad what they
/// cannot see, and that shows at the border of every tile; within the picture, [`window`] leaves it out.
fn inside(size: usize) -> Vec<f32> {
    let smooth = |pixels: usize| {
        let t = ((pixels as f32 + 0.5) / BORDER_PX).min(1.0);
        t * t * (3.0 - 2.0 * t)
    };
    (0..size).map(|i| smooth(i.min(size - 1 - i))).collect()
}

/// How much each pixel of a tile along one axis counts: 1 inside, a smooth ramp where it overlaps a neighbor, never 0.
fn window(tile: u32, place: u32, factor: u32) -> Vec<f32> {
    let ramp = (tile / OVERLAP).max(1) as f32;
    let smooth = |pixels: f32| {
        let t = (pixels / ramp).clamp(0.0, 1.0);
        (t * t * (3.0 - 2.0 * t)).max(1e-4)
    };
    let (first, last) = (place == 0, place + tile == tile * factor);
    (0..tile)
        .map(|i| {
            let begin = if first { 1.0 } else { smooth(i as f32 + 0.5) };
            let end = if last { 1.0 } else { smooth((tile - i) as f32 - 0.5) };
            begin * end
        })
        .collect()
}

#[cfg(test)]
mod tests;
