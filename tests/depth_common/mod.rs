//! Measuring depth maps against true depth: pictures, competitors and metrics shared by the tests and `examples/join_quality.rs`.
#![allow(dead_code, reason = "each user takes its part")]
#![allow(missing_docs, reason = "test code")]

pub mod map;
pub mod metrics;
pub mod pictures;

use chiaro::depth::join::{JoinSettings, fit, normalize};
use chiaro::depth::reduce::{Reduced, Reducer};
use chiaro::ops::disparity::RowEvaluator;
use chiaro::picture::Extent;
use map::Map;
use pictures::Picture;

/// The picture reduced to `size` as the program does it, with `guide` in place of the picture's luma.
pub fn reduce(picture: &Picture, guide: &Map, size: (usize, usize)) -> Reduced {
    let extent = Extent { width: guide.w as u32, height: guide.h as u32 };
    let mut reducer = Reducer::new(extent, (size.0 as u32, size.1 as u32)).expect("a small picture");
    let [r, g, b] = &picture.rgb;
    reducer.add_rows(0, extent.height, &r.v, &g.v, &b.v, &guide.v);
    reducer.finish().expect("every row was fed")
}

/// The join: from a small map to the picture's size. Also returns the small map as normalized.
pub fn join(map: &[f32], reduced: &Reduced, guide: &Map, settings: &JoinSettings) -> (Map, Map) {
    let (normalized, _) = normalize(map);
    let table = fit(&normalized, reduced, settings);
    let constants = table.constants(0, (guide.w as u32, guide.h as u32));
    let (mut rows, mut out) = (RowEvaluator::default(), Map::new(guide.w, guide.h, vec![0.0; guide.v.len()]));
    for (y, (guide, out)) in guide.v.chunks_exact(guide.w).zip(out.v.chunks_exact_mut(guide.w)).enumerate() {
        rows.prepare(&constants, table.words(), y as u32, 0, out.len());
        rows.evaluate(&constants, guide, 0, out);
    }
    (out, Map::new(reduced.width as usize, reduced.height as usize, normalized))
}

/// The textbook fast guided filter (He and Sun 2015), radius 1.
pub fn textbook(d: &Map, guide: &Map, eps: f32) -> Map {
    let g = guide.area(d.w, d.h);
    let (mean_g, mean_d) = (g.mean3(), d.mean3());
    let covariance = g.zip(d, |g, d| g * d).mean3().zip(&mean_g.zip(&mean_d, |g, d| g * d), |m, p| m - p);
    let variance = g.zip(&g, |g, h| g * h).mean3().zip(&mean_g, |m, g| (m - g * g).max(0.0));
    let a = covariance.zip(&variance, |c, v| c / (v + eps));
    let b = mean_d.zip(&a.zip(&mean_g, |a, g| a * g), |d, ag| d - ag);
    let (a, b) = (a.mean3().bilinear(guide.w, guide.h), b.mean3().bilinear(guide.w, guide.h));
    a.zip(guide, |a, g| a * g).zip(&b, |ag, b| ag + b)
}
