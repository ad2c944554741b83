//! Published formulas, written out in f64, against the operation.

use super::*;

fn constants(method: &str, exposure: f32, white: f32) -> Constants {
    let params = Params { method: method.to_owned(), exposure, white };
    Spec::prepare(&params, &Context::default(), &mut Tables::default()).unwrap()
}

fn mapped(method: &str, rgb: [f32; 3]) -> [f64; 3] {
    Spec::pixel(&constants(method, 0.0, 0.0), &[], Px::of(rgb)).rgb.map(f64::from)
}

fn near(found: [f64; 3], expected: [f64; 3], what: &str) {
    for (f, e) in found.iter().zip(expected) {
        assert!((f - e).abs() < 1e-5, "{what}: {found:?} instead of {expected:?}");
    }
}

const LIGHTS: [[f32; 3]; 6] =
    [[0.18; 3], [0.002, 0.001, 0.004], [0.5, 0.3, 0.1], [1.0, 2.0, 0.5], [3.0, 0.4, 0.9], [6.0, 9.0, 5.0]];

#[test]
fn reinhard_is_equation_4_on_luminance() {
    for rgb in LIGHTS {
        let v = rgb.map(f64::from);
        let luminance = 0.2627 * v[0] + 0.6780 * v[1] + 0.0593 * v[2];
        let ratio = (1.0 + luminance / 16.0) / (1.0 + luminance);
        let expected = v.map(|v| v * ratio);
        if expected.iter().all(|v| *v <= 1.0) {
            near(mapped("reinhard", rgb), expected, "reinhard");
        } else {
            let found = mapped("reinhard", rgb);
            let after = 0.2627 * found[0] + 0.6780 * found[1] + 0.0593 * found[2];
            assert!((after - (luminance * ratio).min(1.0)).abs() < 1e-5, "{rgb:?}: {found:?}");
        }
    }
}

#[test]
fn hable_is_the_published_curve() {
    let curve = |x: f64| {
        let (a, b, c, d, e, f) = (0.15, 0.50, 0.10, 0.20, 0.02, 0.30);
        ((x * (a * x + c * b) + d * e) / (x * (a * x + b) + d * f)) - e / f
    };
    for rgb in LIGHTS {
        near(mapped("hable", rgb), rgb.map(|v| curve(v.into()) / curve(11.2)), "hable");
    }
}

#[test]
fn aces_is_the_published_fit() {
    let fit = |v: f64| (v * (v + 0.0245786) - 0.000090537) / (v * (0.983729 * v + 0.4329510) + 0.238081);
    let to_709 = matrix::between(&REC2020, &REC709).unwrap();
    let to_2020 = matrix::between(&REC709, &REC2020).unwrap();
    for rgb in LIGHTS {
        let seen = matrix::apply(&ACES_INPUT, matrix::apply(&to_709, rgb.map(f64::from)));
        let published = matrix::apply(&to_2020, matrix::apply(&ACES_OUTPUT, seen.map(fit)));
        near(mapped("aces", rgb), published.map(|v| v.clamp(0.0, 1.0)), "aces");
    }
    assert!((own_white("aces") - 25.667_6).abs() < 1e-3, "{}", own_white("aces"));
}

#[test]
fn agx_is_the_published_polynomial() {
    let contrast = |x: f64| {
        let (x2, x4) = (x * x, x * x * x * x);
        15.5 * x4 * x2 - 40.14 * x4 * x + 31.96 * x4 - 6.868 * x2 * x + 0.4298 * x2 + 0.1191 * x - 0.00232
    };
    for rgb in LIGHTS {
        let seen = matrix::apply(&AGX_INSET, rgb.map(f64::from));
        let coded = seen.map(|v| contrast(((v.log2() + 12.47393) / (4.026069 + 12.47393)).clamp(0.0, 1.0)));
        let light = matrix::apply(&AGX_OUTSET, coded).map(|v| v.max(0.0).powf(2.2));
        near(mapped("agx", rgb), light.map(|v| (v / contrast(1.0).powf(2.2)).min(1.0)), "agx");
    }
}

#[test]
fn white_becomes_white_and_black_stays() {
    for method in METHODS {
        for white in [0.0f32, 1.0, 3.0, 16.0] {
            let c = constants(method, 0.0, white);
            let white = if white == 0.0 { own_white(method) as f32 } else { white };
            let at = |v: f32| Spec::pixel(&c, &[], Px::of([v; 3])).rgb;
            assert!(at(white).iter().all(|v| (v - 1.0).abs() < 2e-6), "{method} {white}: {:?}", at(white));
            assert!(at(0.7 * white).iter().all(|v| *v < 1.0), "{method} {white}");
            assert_eq!(at(0.0), [0.0; 3], "{method}");
        }
    }
}

#[test]
fn gray_stays_gray_and_rises() {
    for method in METHODS {
        let mut last = 0.0;
        for stop in -140..=80 {
            let [r, g, b] = mapped(method, [(stop as f32 / 10.0).exp2(); 3]);
            assert!((r - g).abs() < 3e-6 && (g - b).abs() < 3e-6, "{method}: {r} {g} {b}");
            assert!(g >= last && (0.0..=1.0).contains(&g), "{method} at {stop}: {g} after {last}");
            last = g;
        }
        assert!((last - 1.0).abs() < 1e-6, "{method}");
    }
}

/// From far below black to far above white, on colors of one channel: no jump, nothing outside 0 to 1.
#[test]
fn any_light_is_sane() {
    for method in METHODS {
        let mut last = mapped(method, [-2.0, 0.3, -2.0]);
        for i in -2000..=20_000 {
            let v = i as f32 / 1000.0;
            let out = mapped(method, [v, 0.3, v * 0.2]);
            for (now, before) in out.iter().zip(last) {
                assert!((0.0..=1.0).contains(now) && (i == -2000 || (now - before).abs() < 0.01), "{method} at {v}");
            }
            last = out;
        }
        let odd = mapped(method, [f32::INFINITY, -1.0, f32::NAN]);
        assert!(odd.iter().all(|v| (0.0..=1.0).contains(v)), "{method}: {odd:?}");
    }
}

#[test]
fn exposure_is_in_stops_and_a_tiny_white_is_refused() {
    let (c, plain) = (constants("hable", 1.0, 0.0), constants("hable", 0.0, 0.0));
    let at = |c: &Constants, v: f32| Spec::pixel(c, &[], Px::of([v; 3])).rgb;
    assert_eq!(at(&c, 0.25), at(&plain, 0.5));
    let params = Params { white: 0.01, ..Params::default() };
    let message = Spec::prepare(&params, &Context::default(), &mut Tables::default()).unwrap_err();
    assert!(message.contains("0.01") && message.contains("0.1 to"), "{message}");
}
