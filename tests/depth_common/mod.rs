//! Measuring depth maps against true depth: pictures, competitors and metrics shared by the tests and `examples/join_quality.rs`.
#![allow(dead_code, reason = "each user takes its part")]
#![allow(missing_docs, reason = "test code")]

pub mod map;
pub mod metrics;
pub mod pictures;

use chiaro::depth::join::{JoinSettings, JoinTable, fit, fit_color, normalize};
use chiaro::depth::reduce::{Reduced, Reducer};
#[cfg(feature = "onnx")]
use chiaro::depth::tiles::{Blend, Tiling};
use chiaro::ops::disparity::{RowEvaluator, color};
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
    (render(&table, guide), Map::new(reduced.width as usize, reduced.height as usize, normalized))
}

/// A table, at the picture's size.
fn render(table: &JoinTable, guide: &Map) -> Map {
    let constants = table.constants(0, (guide.w as u32, guide.h as u32));
    let (mut rows, mut out) = (RowEvaluator::default(), Map::new(guide.w, guide.h, vec![0.0; guide.v.len()]));
    for (y, (guide, out)) in guide.v.chunks_exact(guide.w).zip(out.v.chunks_exact_mut(guide.w)).enumerate() {
        rows.prepare(&constants, table.words(), y as u32, 0, out.len());
        rows.evaluate(&constants, guide, 0, out);
    }
    out
}

/// The join with a color guide.
pub fn join_color(map: &[f32], reduced: &Reduced, picture: &Picture, settings: &JoinSettings) -> Map {
    let (w, h) = (picture.luma.w, picture.luma.h);
    let table = fit_color(&normalize(map).0, reduced, settings);
    let constants = table.constants(0, (w as u32, h as u32)).with_color(color::CODES);
    let [r, g, b] = &picture.rgb;
    let pixel = |i: usize| {
        let rgb = [r.v[i], g.v[i], b.v[i]];
        color::evaluate(&constants, table.words(), rgb, (i % w) as u32, (i / w) as u32)
    };
    Map::new(w, h, (0..w * h).map(pixel).collect())
}

/// The map that `model` makes of a picture in tiles, at most `most` times its size, joined to the picture; and how many tiles of how many were used.
#[cfg(feature = "onnx")]
pub fn tiled(
    ask: &mut dyn FnMut(&Reduced) -> Vec<f32>,
    tile: (u32, u32),
    picture: &Picture,
    settings: &JoinSettings,
    most: u32,
) -> Option<(Map, usize, usize)> {
    let guide = &picture.luma;
    let tiling = Tiling::new(tile, (guide.w as u32, guide.h as u32))?;
    let tiling = Tiling { factor: tiling.factor.min(most), ..tiling };
    let size = (tiling.size().0 as usize, tiling.size().1 as usize);
    let working = reduce(picture, guide, size);
    let whole = tiling.whole(&working);
    let answer = ask(&whole);
    let (base, small) = join(&answer, &whole, &Map::new(size.0, size.1, working.guide.clone()), settings);
    let mut blend = Blend::new(tiling, &small.v, &base.v);
    let places = tiling.places();
    places.iter().for_each(|&place| blend.add(place, &ask(&tiling.cut(&working, place))));
    let used = blend.used();
    let table = fit(&blend.finish(), &working, settings);
    Some((render(&table, guide), used, places.len()))
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
