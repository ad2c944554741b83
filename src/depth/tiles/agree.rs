//! How one tile's answer goes with the answer for the whole picture: a robust line between the two, and how far it can be trusted.

use super::{Grid, Tiling};

/// Rounds of reweighting; the line has settled well before.
const ROUNDS: usize = 8;
/// Residuals beyond this many robust deviations count less (Huber's 1.345 for 95 % efficiency; Huber and Ronchetti, "Robust
/// Statistics", 2009).
const HUBER: f32 = 1.345;
/// Median absolute deviation to standard deviation of a normal distribution.
const MAD: f32 = 1.4826;
/// Part of the whole map's variance under a tile that the tile must explain: nothing is believed below the first, all from the second.
const EXPLAINED: (f32, f32) = (0.3, 0.7);
/// Least range of the whole map under a tile, of its range over the picture, for the line to mean something: below the first a tile is left
/// out, from the second it is not doubted for this.
const RANGE: (f32, f32) = (0.01, 0.05);

/// `whole = scale * tile + shift`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Agreement {
    /// At least 0.
    pub scale: f32,
    pub shift: f32,
    /// 0 = left out, 1 = taken.
    pub trust: f32,
}

/// Compares a tile with the whole map, at the whole map's own pixels.
pub(super) fn agree(tiling: &Tiling, whole: &Grid, place: (u32, u32), map: &[f32], spread: f32) -> Agreement {
    let pairs = pairs(tiling, whole, place, map);
    let none = Agreement { scale: 0.0, shift: 0.0, trust: 0.0 };
    if pairs.len() < 16 || pairs.iter().any(|(tile, whole)| !tile.is_finite() || !whole.is_finite()) {
        return none;
    }
    let mut weights = vec![1f32; pairs.len()];
    let mut line = Line::default();
    for _ in 0..ROUNDS {
        line = Line::of(&pairs, &weights);
        let residuals: Vec<f32> = pairs.iter().map(|(t, w)| (line.scale * t + line.shift - w).abs()).collect();
        let mut sorted = residuals.clone();
        let (_, &mut median, _) = sorted.select_nth_unstable_by(residuals.len() / 2, f32::total_cmp);
        let limit = (HUBER * MAD * median).max(1e-3 * spread).max(1e-9);
        for (weight, residual) in weights.iter_mut().zip(&residuals) {
            *weight = (limit / residual.max(limit)).min(1.0);
        }
    }
    let trust = smooth(EXPLAINED, line.explained) * smooth(RANGE, line.deviation / spread.max(1e-9));
    Agreement { scale: line.scale, shift: line.shift, trust }
}

/// Tile and whole map at every pixel of the whole map that lies inside the tile.
fn pairs(tiling: &Tiling, whole: &Grid, place: (u32, u32), map: &[f32]) -> Vec<(f32, f32)> {
    let (factor, width) = (tiling.factor as usize, tiling.tile.0 as usize);
    let inside = |first: u32, count: u32| {
        let (first, end) = (first as usize, (first + count) as usize);
        first.div_ceil(factor)..end / factor
    };
    let (columns, rows) = (inside(place.0, tiling.tile.0), inside(place.1, tiling.tile.1));
    let mut found = Vec::with_capacity(columns.len() * rows.len());
    for row in rows {
        let line = whole.values.get(row * whole.width..).unwrap_or(&[]);
        for column in columns.clone() {
            let (x, y) = (column * factor - place.0 as usize, row * factor - place.1 as usize);
            let cell = (y..y + factor).flat_map(|y| map.iter().skip(y * width + x).take(factor));
            let mean = cell.sum::<f32>() / (factor * factor) as f32;
            found.extend(line.get(column).map(|&whole| (mean, whole)));
        }
    }
    found
}

/// A weighted least-squares line that does not fall.
#[derive(Debug, Clone, Copy, Default)]
struct Line {
    scale: f32,
    shift: f32,
    /// Part of the variance explained, 0 to 1.
    explained: f32,
    /// Standard deviation of the whole map under the tile.
    deviation: f32,
}

impl Line {
    fn of(pairs: &[(f32, f32)], weights: &[f32]) -> Self {
        let sum = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
            pairs.iter().zip(weights).map(|((t, w), weight)| f64::from(*weight) * f(f64::from(*t), f64::from(*w))).sum()
        };
        let total = sum(&|_, _| 1.0).max(1e-30);
        let (tile, whole) = (sum(&|t, _| t) / total, sum(&|_, w| w) / total);
        let variance = sum(&|t, _| (t - tile).powi(2)) / total;
        let wanted = sum(&|_, w| (w - whole).powi(2)) / total;
        let together = (sum(&|t, w| (t - tile) * (w - whole)) / total).max(0.0);
        let scale = if variance > 1e-20 { together / variance } else { 0.0 };
        let explained = if wanted * variance > 1e-30 { together * together / (wanted * variance) } else { 0.0 };
        Self {
            scale: scale as f32,
            shift: (whole - scale * tile) as f32,
            explained: explained as f32,
            deviation: wanted.sqrt() as f32,
        }
    }
}

fn smooth((low, high): (f32, f32), value: f32) -> f32 {
    let t = ((value - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}
