//! What `sharpen` and `denoise` do to pictures.

use super::cases::Random;
use super::pictures::{Normal, Picture, apply, luma};

const STRONG: [(&str, &[(&str, f64)]); 2] = [
    ("sharpen", &[("amount", 150.0), ("radius_px", 2.0)]),
    ("denoise", &[("luma", 100.0), ("chroma", 100.0), ("detail", 0.0)]),
];

#[test]
fn flat_pictures_stay_exactly() {
    for (id, values) in STRONG {
        let color = [0.37, 0.52, 0.111];
        let mut flat = Picture::new(40, 30, |_, _| color);
        assert!(apply(id, values, &flat).rgb.iter().all(|rgb| *rgb == color), "{id}");
        flat.alpha = Some((0..40 * 30).map(|i| [1.0, 0.5, 0.03, 0.0][i / 7 % 4]).collect());
        for rgb in apply(id, values, &flat).rgb {
            assert!(rgb.iter().zip(color).all(|(a, b)| (a - b).abs() < 1e-6), "{id} with alpha: {rgb:?}");
        }
    }
}

/// What covers nothing is not seen by its neighbors, whatever its color.
#[test]
fn transparent_pixels_have_no_part() {
    for (id, values) in STRONG {
        let of = |hidden: f32| {
            let mut picture =
                Picture::new(40, 30, |x, y| if x < 20 { [0.3 + 0.01 * (y % 5) as f32; 3] } else { [hidden; 3] });
            picture.alpha = Some((0..40 * 30).map(|i| if i % 40 < 20 { 1.0 } else { 0.0 }).collect());
            apply(id, values, &picture)
        };
        let (black, white) = (of(0.0), of(1.0));
        assert!((0..30).all(|y| (0..20).all(|x| black.at(x, y) == white.at(x, y))), "{id}");
        assert!(black.at(30, 9) == [0.0; 3] && white.at(30, 9) == [1.0; 3], "{id} changed what covers nothing");
    }
}

/// A pixel that is no number, or without end, does not spread.
#[test]
fn broken_pixels_stay_alone() {
    for (id, values) in STRONG {
        for broken in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let picture = Picture::new(40, 30, |x, y| if (x, y) == (20, 15) { [broken; 3] } else { [0.4, 0.5, 0.6] });
            for (i, rgb) in apply(id, values, &picture).rgb.iter().enumerate() {
                assert!(i == 15 * 40 + 20 || rgb.iter().all(|v| v.is_finite()), "{id}: {broken} at pixel {i}: {rgb:?}");
            }
        }
    }
}

/// A broken pixel of a textured picture counts as little to its neighbors as one that covers nothing, and stays.
#[test]
fn broken_pixels_count_as_uncovered() {
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    let noisy = noisy(&clean());
    // Alone, a block wider than the blur of `sharpen`, and one in the corner.
    let places = |i: usize| {
        let (x, y) = (i % 128, i / 128);
        (x, y) == (20, 90) || (40..60).contains(&x) && (60..75).contains(&y) || x < 2 && y < 3
    };
    for (id, values) in STRONG {
        let mut hidden = noisy.clone();
        hidden.alpha = Some((0..noisy.rgb.len()).map(|i| if places(i) { 0.0 } else { 1.0 }).collect());
        let hidden = apply(id, values, &hidden);
        for color in [[nan; 3], [inf; 3], [-inf; 3], [0.2, nan, 0.4], [inf, 0.5, -inf], [0.3, 0.4, inf]] {
            let mut broken = noisy.clone();
            (0..broken.rgb.len()).filter(|i| places(*i)).for_each(|i| broken.rgb[i] = color);
            for (i, (is, wanted)) in apply(id, values, &broken).rgb.iter().zip(&hidden.rgb).enumerate() {
                let wanted = if places(i) { &color } else { wanted };
                let same = is.iter().zip(wanted).all(|(a, b)| a == b || a.is_nan() && b.is_nan());
                assert!(same, "{id}: {color:?}: {is:?} instead of {wanted:?} at {}, {}", i % 128, i / 128);
            }
        }
    }
}

#[test]
fn sharpened_edges_have_no_halo() {
    for radius in [0.5, 1.0, 3.0] {
        for soft in [0.0f32, 1.5] {
            // A step, or a ramp of a few pixels.
            let tone = |x: u32| 0.25 + 0.5 * ((x as f32 - 19.5) / (2.0 * soft + 1.0) + 0.5).clamp(0.0, 1.0);
            let picture = Picture::new(40, 9, |x, _| [tone(x), 0.8 * tone(x), tone(x) - 0.2]);
            let out = apply("sharpen", &[("amount", 150.0), ("radius_px", radius)], &picture);
            for x in 0..40 {
                let (rgb, came) = (out.at(x, 4), picture.at(x, 4));
                let (low, high) = (luma(picture.at(0, 4)), luma(picture.at(39, 4)));
                assert!(
                    (low - 0.05..=high + 0.05).contains(&luma(rgb)),
                    "radius {radius}, {soft}: {} at {x}",
                    luma(rgb)
                );
                let differences = |v: [f32; 3]| [v[0] - v[1], v[1] - v[2]];
                let moved =
                    differences(rgb).iter().zip(differences(came)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(moved < 1e-6, "color moved by {moved}");
            }
            let slope = |p: &Picture| (0..39).map(|x| p.at(x + 1, 4)[0] - p.at(x, 4)[0]).fold(0.0, f32::max);
            assert!(slope(&out) > 1.05 * slope(&picture), "radius {radius}: {} {}", slope(&out), slope(&picture));
        }
    }
}

#[test]
fn texture_is_sharpened_and_masked_noise_is_not() {
    let stripes = |swing: f32| Picture::new(60, 9, |x, _| [if x % 4 < 2 { 0.5 + swing } else { 0.5 - swing }; 3]);
    let swing = |p: &Picture| (10..50).map(|x| (p.at(x, 4)[0] - 0.5).abs()).fold(0.0, f32::max);
    let plain = [("amount", 100.0), ("radius_px", 1.5)];
    let masked = [plain[0], plain[1], ("masking", 100.0)];
    assert!(swing(&apply("sharpen", &plain, &stripes(0.02))) > 0.028);
    assert!(swing(&apply("sharpen", &masked, &stripes(0.01))) < 0.0102);
    assert!(swing(&apply("sharpen", &masked, &stripes(0.2))) > 0.22, "edges are sharpened still");
}

/// Ramp, edges, texture and edges of color alone, in quarters.
fn clean() -> Picture {
    Picture::new(128, 128, |x, y| {
        let (u, v) = (x % 64, y % 64);
        match (x / 64, y / 64) {
            (0, 0) => [0.2 + 0.6 * u as f32 / 63.0, 0.3 + 0.4 * v as f32 / 63.0, 0.5],
            (1, 0) => {
                let tone = if (u / 16 + v / 20).is_multiple_of(2) { 0.7 } else { 0.25 };
                [tone, 0.9 * tone, 0.8 * tone]
            }
            (0, 1) => {
                let (u, v) = (u as f32, v as f32);
                let tone = 0.45 + 0.06 * (0.9 * u).sin() * (0.7 * v).sin() + 0.05 * (0.21 * u + 0.33 * v).sin();
                [tone, 1.05 * tone, 0.8 * tone]
            }
            _ if (u / 20 + v / 20).is_multiple_of(2) => [0.35, 0.42, 0.5],
            _ => [0.7, 0.34, 0.3],
        }
    })
}

/// With noise of 0.02 on luma and 0.03 on the colors.
fn noisy(picture: &Picture) -> Picture {
    let mut normal = Normal(Random(91));
    let mut noisy = picture.clone();
    for rgb in &mut noisy.rgb {
        let color = [0.03; 3].map(|deviation| normal.next(deviation));
        let gray = normal.next(0.02) - luma(color);
        (0..3).for_each(|c| rgb[c] += color[c] + gray);
    }
    noisy
}

/// Peak signal to noise ratio of what `part` makes of pixels, in dB.
fn psnr(a: &Picture, b: &Picture, part: impl Fn([f32; 3]) -> [f32; 3]) -> f64 {
    let square = |(a, b): (&[f32; 3], &[f32; 3])| {
        part(*a).iter().zip(part(*b)).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>() / 3.0
    };
    let mean = a.rgb.iter().zip(&b.rgb).map(square).sum::<f64>() / a.rgb.len() as f64;
    -10.0 * mean.log10()
}

#[test]
fn noise_is_removed_and_tones_stay() {
    let clean = clean();
    let noisy = noisy(&clean);
    let out = apply("denoise", &[], &noisy);
    let gray = |rgb| [luma(rgb); 3];
    let color = |rgb: [f32; 3]| rgb.map(|v| v - luma(rgb));
    let gain = |part: fn([f32; 3]) -> [f32; 3]| psnr(&out, &clean, part) - psnr(&noisy, &clean, part);
    let (all, gray, color) = (gain(|v| v), gain(gray), gain(color));
    println!("gain in dB: {all:.2}, luma {gray:.2}, color {color:.2}");
    assert!(all > 6.0 && gray > 6.0 && color > 6.0, "gain in dB: {all:.2}, luma {gray:.2}, color {color:.2}");
    for c in 0..3 {
        let mean = |p: &Picture| p.rgb.iter().map(|rgb| f64::from(rgb[c])).sum::<f64>() / p.rgb.len() as f64;
        assert!((mean(&out) - mean(&noisy)).abs() < 1e-3, "channel {c}: {} became {}", mean(&noisy), mean(&out));
    }
}

/// Pixels from 10 to 90 % of an edge, over the mean of all rows.
fn width(p: &Picture, part: impl Fn([f32; 3]) -> f32) -> f64 {
    let mean = |x: u32| (0..p.height()).map(|y| f64::from(part(p.at(x, y)))).sum::<f64>() / f64::from(p.height());
    let (low, high) = (mean(4), mean(p.width - 5));
    let crossing = |share: f64| {
        let wanted = low + share * (high - low);
        let x = (0..p.width - 1).find(|x| (mean(*x) - wanted) * (mean(x + 1) - wanted) <= 0.0).unwrap();
        f64::from(x) + (wanted - mean(x)) / (mean(x + 1) - mean(x))
    };
    crossing(0.9) - crossing(0.1)
}

#[test]
fn denoised_edges_stay_sharp() {
    let edges: [([f32; 3], [f32; 3]); 2] = [([0.3; 3], [0.6; 3]), ([0.3, 0.45, 0.6], [0.7, 0.34, 0.3])];
    for (left, right) in edges {
        let clean = Picture::new(64, 64, |x, _| if x < 32 { left } else { right });
        let noisy = noisy(&clean);
        for strength in [50.0, 100.0] {
            let out = apply("denoise", &[("luma", strength), ("chroma", strength)], &noisy);
            for part in [(|v| v[0]) as fn([f32; 3]) -> f32, |v| v[2]] {
                let (came, is) = (width(&clean, part), width(&out, part));
                assert!(is < came + 1.0, "{left:?} to {right:?} at {strength}: {came:.2} px became {is:.2}");
            }
        }
    }
}

#[test]
fn luma_and_color_are_smoothed_apart() {
    let noisy = noisy(&clean());
    let gray = apply("denoise", &[("chroma", 0.0)], &noisy);
    let color = apply("denoise", &[("luma", 0.0)], &noisy);
    let most = |f: &dyn Fn(usize) -> f32| (0..noisy.rgb.len()).map(f).fold(0.0, f32::max);
    let luma_moved = |p: &Picture| most(&|i| (luma(p.rgb[i]) - luma(noisy.rgb[i])).abs());
    let color_moved = |p: &Picture| most(&|i| (p.rgb[i][0] - p.rgb[i][2] - noisy.rgb[i][0] + noisy.rgb[i][2]).abs());
    assert!(color_moved(&gray) < 1e-6 && luma_moved(&gray) > 0.02);
    assert!(luma_moved(&color) < 1e-6 && color_moved(&color) > 0.02);
}

/// Every pixel of these pictures is farthest: `far` alone decides.
#[test]
fn denoise_follows_distance() {
    let noisy = noisy(&clean());
    let even = apply("denoise", &[], &noisy);
    assert!(apply("denoise", &[("near", 0.0), ("far", 1.0)], &noisy).rgb == even.rgb);
    let worst = |a: &Picture, b: &Picture| {
        let all = a.rgb.iter().flatten().zip(b.rgb.iter().flatten());
        all.fold(0.0f32, |m, (a, b)| m.max((a - b).abs()))
    };
    let none = apply("denoise", &[("near", 1.0), ("far", 0.0)], &noisy);
    assert!(worst(&none, &noisy) < 1e-6, "{}", worst(&none, &noisy));
    // Half the share is half the strength, whether distance says so or all shares are alike.
    let half = apply("denoise", &[("luma", 25.0), ("chroma", 25.0)], &noisy);
    for shares in [[("near", 0.5), ("far", 0.5)], [("near", 1.5), ("far", 0.5)]] {
        let found = apply("denoise", &shares, &noisy);
        assert!(worst(&found, &half) < 1e-5, "{shares:?}: {}", worst(&found, &half));
    }
}
