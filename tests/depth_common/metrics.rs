//! Scores of a full-size disparity map against the truth.
//!
//! * AbsRel: mean relative error of depth, after a least-squares scale and shift in disparity.
//! * F1: agreement of depth edges within 2 px (strict: a step of one pixel within 1 px), over three edge heights and both signs.
//! * TC: texture that the join adds to the bilinear map where the truth is smooth and the picture is not, in 1e-3 of the range.
//! * count-matched F1: as F1, with as many edges taken from the map as the truth has (for soft maps).

use super::map::{Map, Mask};

/// Edge heights, as ratios of depth.
const HEIGHTS: [f32; 3] = [1.10, 1.15, 1.25];
/// Smallest disparity that takes part in a ratio, of the truth's 99th percentile.
const FLOOR: f32 = 0.02;

/// Signed steps along x and along y.
type Edges = [Map; 2];

/// The truth of one picture, prepared for a scale factor.
pub struct Truth {
    d: Map,
    valid: Mask,
    step1: Edges,
    step3: Edges,
    textured: Vec<bool>,
    sigma: f64,
}

/// What is measured.
#[derive(Debug, Clone, Copy, Default)]
pub struct Score {
    pub abs_rel: f64,
    pub f1: f64,
    pub strict: f64,
    pub texture: Option<f64>,
    pub matched: f64,
}

impl Truth {
    /// `d`: true disparity with its 99th percentile at 1; `luma` of the picture; `scale` of the reduction.
    pub fn new(d: &Map, valid: &Mask, luma: &Map, scale: f64) -> Self {
        let log = d.map(|v| v.max(FLOOR).ln());
        let (step1, step3) = (edges(&log, 1), edges(&log, 3));
        let near_edge: Vec<bool> = (0..d.v.len()).map(|i| step1.iter().any(|e| e.v[i].abs() > 0.02)).collect();
        let near_edge = Mask { w: d.w, h: d.h, v: near_edge }.grow((4.0 * scale) as i64);
        let sigma = scale.max(1.0);
        let bent = d.zip(&d.gaussian(sigma), |d, blurred| (d - blurred).abs());
        let detail = luma.zip(&luma.gaussian(sigma), |y, blurred| (y - blurred).powi(2));
        let detail = detail.mean((4.0 * scale) as usize | 1).map(|v| v.max(0.0).sqrt());
        let textured =
            (0..d.v.len()).map(|i| !near_edge.v[i] && valid.v[i] && bent.v[i] < 2e-3 && detail.v[i] > 0.015).collect();
        Self { d: d.clone(), valid: valid.clone(), step1, step3, textured, sigma }
    }

    /// Scores `map` (any scale and shift); `bilinear` is the plain enlargement of the same small map.
    pub fn score(&self, map: &Map, bilinear: &Map) -> Score {
        let (scale, shift) = self.align(map);
        let aligned = map.map(|v| scale * v + shift);
        let pairs = || self.d.v.iter().zip(&aligned.v).zip(&self.valid.v).filter(|(_, valid)| **valid).map(|(p, _)| p);
        let count = pairs().count().max(1) as f64;
        let relative = |(truth, map): (&f32, &f32)| f64::from((truth.max(FLOOR) / map.max(FLOOR) - 1.0).abs());
        let log = aligned.map(|v| v.max(FLOOR).ln());
        let (step1, step3) = (edges(&log, 1), edges(&log, 3));
        Score {
            abs_rel: pairs().map(relative).sum::<f64>() / count,
            f1: mean_f1(&step3, &self.step3, &self.valid, 2),
            strict: mean_f1(&step1, &self.step1, &self.valid, 1),
            texture: self.texture(map, bilinear, scale),
            matched: self.matched(&aligned),
        }
    }

    /// Least-squares scale (above 0) and shift in disparity over valid pixels.
    fn align(&self, map: &Map) -> (f32, f32) {
        let pairs: Vec<(f64, f64)> = (0..map.v.len())
            .filter(|&i| self.valid.v[i])
            .map(|i| (f64::from(map.v[i]), f64::from(self.d.v[i])))
            .collect();
        let n = pairs.len().max(1) as f64;
        let mean = pairs.iter().fold((0.0, 0.0), |m, p| (m.0 + p.0 / n, m.1 + p.1 / n));
        let covariance: f64 = pairs.iter().map(|p| (p.0 - mean.0) * (p.1 - mean.1)).sum();
        let variance: f64 = pairs.iter().map(|p| (p.0 - mean.0).powi(2)).sum();
        let scale = (covariance / (variance + 1e-12 * n)).max(1e-6);
        (scale as f32, (mean.1 - scale * mean.0) as f32)
    }

    fn texture(&self, map: &Map, bilinear: &Map, scale: f32) -> Option<f64> {
        let added = map.zip(bilinear, |a, b| scale * (a - b));
        let high = added.zip(&added.gaussian(self.sigma * 1.5), |a, low| a - low);
        let squares: Vec<f64> =
            high.v.iter().zip(&self.textured).filter(|(_, t)| **t).map(|(v, _)| f64::from(*v).powi(2)).collect();
        (squares.len() > 500).then(|| 1e3 * (squares.iter().sum::<f64>() / squares.len() as f64).sqrt())
    }

    fn matched(&self, aligned: &Map) -> f64 {
        let height = 1.15f32.ln();
        let steps = edges(aligned, 3);
        let wanted: usize = self
            .step3
            .iter()
            .map(|e| e.v.iter().zip(&self.valid.v).filter(|(e, valid)| **valid && e.abs() > height).count())
            .sum();
        let mut sizes: Vec<f32> = steps
            .iter()
            .flat_map(|e| e.v.iter().zip(&self.valid.v).filter(|(_, valid)| **valid).map(|(e, _)| e.abs()))
            .collect();
        sizes.sort_by(|a, b| b.total_cmp(a));
        let threshold = sizes.get(wanted.max(1) - 1).copied().unwrap_or(0.0).max(1e-6);
        let [tp, p, r, g] = agreement(&steps, threshold * 0.999_999, &self.step3, height, &self.valid, 2);
        harmonic(tp / p.max(1.0), r / g.max(1.0))
    }
}

/// Signed difference across `span` pixels along each axis; for spans above 1 only its local maxima.
fn edges(log: &Map, span: usize) -> Edges {
    let (w, h) = (log.w, log.h);
    let half = span / 2;
    let along = |dx: usize, dy: usize| {
        let mut g = vec![0f32; log.v.len()];
        for y in 0..h.saturating_sub(span * dy) {
            for x in 0..w.saturating_sub(span * dx) {
                let at = y * w + x;
                let far = (y + span * dy) * w + x + span * dx;
                g[(y + half * dy) * w + x + half * dx] = log.v[far] - log.v[at];
            }
        }
        if span == 1 {
            return Map::new(w, h, g);
        }
        let kept = (0..g.len()).map(|i| {
            let (x, y) = (i % w, i / w);
            let peak = (0..=2 * span)
                .filter_map(|o| {
                    let (x, y) = ((x + o * dx).checked_sub(span * dx)?, (y + o * dy).checked_sub(span * dy)?);
                    (x < w && y < h).then(|| g[y * w + x].abs())
                })
                .fold(0.0, f32::max);
            if g[i].abs() >= peak - 1e-7 { g[i] } else { 0.0 }
        });
        Map::new(w, h, kept.collect())
    };
    [along(1, 0), along(0, 1)]
}

/// Edges of the map that are true, edges of the map, true edges that were found, true edges.
fn agreement(map: &Edges, high: f32, truth: &Edges, true_high: f32, valid: &Mask, tolerance: i64) -> [f64; 4] {
    let mut sums = [0.0; 4];
    for (map, truth) in map.iter().zip(truth) {
        for sign in [1.0, -1.0] {
            let mask = |m: &Map, high: f32| Mask {
                w: m.w,
                h: m.h,
                v: m.v.iter().zip(&valid.v).map(|(e, valid)| *valid && sign * e > high).collect(),
            };
            let (ours, theirs) = (mask(map, high), mask(truth, true_high));
            let hits = |a: &Mask, b: &Mask| {
                let near = b.grow(tolerance);
                a.v.iter().zip(&near.v).filter(|(a, b)| **a && **b).count() as f64
            };
            sums[0] += hits(&ours, &theirs);
            sums[1] += ours.count() as f64;
            sums[2] += hits(&theirs, &ours);
            sums[3] += theirs.count() as f64;
        }
    }
    sums
}

fn harmonic(precision: f64, recall: f64) -> f64 {
    2.0 * precision * recall / (precision + recall).max(1e-9)
}

fn mean_f1(map: &Edges, truth: &Edges, valid: &Mask, tolerance: i64) -> f64 {
    let one = |height: f32| {
        let [tp, p, r, g] = agreement(map, height.ln(), truth, height.ln(), valid, tolerance);
        harmonic(tp / p.max(1.0), r / g.max(1.0))
    };
    HEIGHTS.iter().map(|&height| one(height)).sum::<f64>() / HEIGHTS.len() as f64
}

/// The mean of several scores; pictures without smooth textured parts do not count for texture.
pub fn mean(scores: &[Score]) -> Score {
    let n = scores.len().max(1) as f64;
    let mean = |f: fn(&Score) -> f64| scores.iter().map(f).sum::<f64>() / n;
    let textures: Vec<f64> = scores.iter().filter_map(|s| s.texture).collect();
    Score {
        abs_rel: mean(|s| s.abs_rel),
        f1: mean(|s| s.f1),
        strict: mean(|s| s.strict),
        matched: mean(|s| s.matched),
        texture: (!textures.is_empty()).then(|| textures.iter().sum::<f64>() / textures.len() as f64),
    }
}
