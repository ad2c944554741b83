//! `resize` beside a direct sum in f64, and what it does at edges of coverage.

use super::pictures::{Picture, apply_set};
use crate::ops::{ParamSet, Value, find};

const FROM: (u32, u32) = (31, 23);

/// Defaults with another size and filter.
fn set(to: (u32, u32), filter: &str) -> ParamSet {
    let mut set = find("resize").unwrap().defaults();
    set.insert("width_px", Value::Number(f64::from(to.0)));
    set.insert("height_px", Value::Number(f64::from(to.1)));
    set.insert("filter", Value::Text(filter.to_owned()));
    set.insert("enlarge", Value::Bool(true));
    set
}

fn resized(picture: &Picture, to: (u32, u32), filter: &str) -> Picture {
    apply_set(find("resize").unwrap(), &set(to, filter), picture)
}

/// Weight of a pixel `x` pixels of the kernel away, from the papers: sinc (x) sinc (x / 3), and equation 8 of Mitchell and Netravali, 1988, in
/// terms of B and C.
fn kernel(filter: &str, x: f64) -> f64 {
    let x = x.abs();
    if filter == "lanczos" {
        let sinc = |v: f64| if v == 0.0 { 1.0 } else { (std::f64::consts::PI * v).sin() / (std::f64::consts::PI * v) };
        return if x < 3.0 { sinc(x) * sinc(x / 3.0) } else { 0.0 };
    }
    let (b, c) = (1.0 / 3.0, 1.0 / 3.0);
    let cubic = |k: [f64; 4]| (k[0] * x.powi(3) + k[1] * x.powi(2) + k[2] * x + k[3]) / 6.0;
    match x {
        x if x < 1.0 => cubic([12.0 - 9.0 * b - 6.0 * c, -18.0 + 12.0 * b + 6.0 * c, 0.0, 6.0 - 2.0 * b]),
        x if x < 2.0 => cubic([-b - 6.0 * c, 6.0 * b + 30.0 * c, -12.0 * b - 48.0 * c, 8.0 * b + 24.0 * c]),
        _ => 0.0,
    }
}

/// One pixel of the result: the sum over all pixels of the picture, divided by the sum of the weights.
fn direct(picture: &Picture, to: (u32, u32), filter: &str, at: (u32, u32)) -> [f64; 3] {
    let weight = |place: u32, of: u32, to: u32, i: u32| {
        // A side that keeps its length is left alone.
        if of == to {
            return f64::from(u8::from(place == i));
        }
        let ratio = f64::from(of) / f64::from(to);
        let center = (f64::from(i) + 0.5) * ratio - 0.5;
        kernel(filter, (f64::from(place) - center) / ratio.max(1.0))
    };
    let (mut sum, mut weights) = ([0.0; 3], 0.0);
    for y in 0..picture.height() {
        for x in 0..picture.width {
            let w = weight(x, picture.width, to.0, at.0) * weight(y, picture.height(), to.1, at.1);
            (0..3).for_each(|c| sum[c] += w * f64::from(picture.at(x, y)[c]));
            weights += w;
        }
    }
    sum.map(|v| v / weights)
}

#[test]
fn resizing_is_the_sum_of_the_papers() {
    let light = |x: u32, y: u32| {
        let edge = if (x / 5 + y / 4).is_multiple_of(2) { 0.8 } else { 0.1 };
        [edge, 0.03 * x as f32, 0.5 + 0.4 * ((x * 7 + y * 13) % 11) as f32 / 11.0]
    };
    let picture = Picture::new(FROM.0, FROM.1, light);
    for filter in ["lanczos", "mitchell"] {
        for to in [(12, 9), (77, 40), (13, 60), (31, 10), (1, 1)] {
            let out = resized(&picture, to, filter);
            assert_eq!((out.width, out.height()), to);
            for (x, y) in (0..to.1).flat_map(|y| (0..to.0).map(move |x| (x, y))) {
                for (found, expected) in out.at(x, y).iter().zip(direct(&picture, to, filter, (x, y))) {
                    let codes = (f64::from(*found) - expected).abs() * 65_535.0;
                    assert!(codes <= 1.0, "{filter} to {to:?} at {x}, {y}: {found} instead of {expected}");
                }
            }
        }
    }
}

#[test]
fn constant_pictures_stay_constant() {
    let color = [0.25, 0.5, 0.7];
    let mut flat = Picture::new(FROM.0, FROM.1, |_, _| color);
    for alpha in [None, Some(vec![0.4; flat.rgb.len()])] {
        flat.alpha = alpha;
        for filter in ["lanczos", "mitchell", "bilinear", "box"] {
            for to in [(12, 9), (77, 40)] {
                for rgb in resized(&flat, to, filter).rgb {
                    assert!(rgb.iter().zip(color).all(|(a, b)| (a - b).abs() < 2e-6), "{filter} to {to:?}: {rgb:?}");
                }
            }
        }
    }
}

/// White beside black that covers nothing: what is covered at all stays white.
#[test]
fn edges_of_coverage_have_no_fringe() {
    let mut picture = Picture::new(FROM.0, FROM.1, |x, _| [if x < 15 { 1.0 } else { 0.0 }; 3]);
    picture.alpha = Some((0..FROM.0 * FROM.1).map(|i| if i % FROM.0 < 15 { 1.0 } else { 0.0 }).collect());
    for filter in ["lanczos", "mitchell", "bilinear", "box"] {
        for to in [(12, 9), (77, 40)] {
            let out = resized(&picture, to, filter);
            let alpha = out.alpha.as_ref().unwrap();
            let partly = alpha.iter().filter(|a| **a > 0.0 && **a < 1.0).count();
            assert!(partly > 0 || filter == "box", "{filter}: the edge is nowhere");
            for (rgb, alpha) in out.rgb.iter().zip(alpha) {
                // Overshoot of coverage is bounded to 1, that of light is not.
                let white = rgb[0] >= 1.0 - 1e-4 && rgb[0] < 1.2;
                assert!(*alpha <= 1e-3 || white, "{filter} to {to:?}: {rgb:?} at alpha {alpha}");
            }
        }
    }
}

/// Infinities count as 65504, so those that touch do not cancel to NaN under weights of both signs, and NaN counts as 0.
#[test]
fn what_is_infinite_counts_as_large() {
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    let of = |a: f32, b: f32| {
        let tone = move |x: u32, y: u32| match (x, y) {
            (15, 11) => a,
            (16, 11) | (15, 12) => b,
            _ => 0.25 + 0.01 * (x % 3) as f32,
        };
        Picture::new(FROM.0, FROM.1, move |x, y| [tone(x, y), 0.5, tone(x, y)])
    };
    for filter in ["lanczos", "mitchell", "bilinear", "box"] {
        for to in [(12, 9), (77, 40)] {
            for ((a, b), (like_a, like_b)) in [
                ((inf, inf), (65_504.0, 65_504.0)),
                ((inf, -inf), (65_504.0, -65_504.0)),
                ((nan, 1e9), (0.0, 65_504.0)),
                ((-1e30, nan), (-65_504.0, 0.0)),
            ] {
                let (out, wanted) = (resized(&of(a, b), to, filter), resized(&of(like_a, like_b), to, filter));
                assert!(out.rgb == wanted.rgb, "{filter} to {to:?}: {a} beside {b}");
                assert!(out.rgb.iter().flatten().all(|v| v.is_finite()), "{filter} to {to:?}: {a} beside {b}");
            }
        }
    }
}
