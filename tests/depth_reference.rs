//! The join against the reference implementation of its recipe: values of a synthetic picture computed by an independent program
//! (Python with NumPy and OpenCV, f16 coefficients), and the WGSL twin's form.

mod depth_common;

use chiaro::depth::join::{JoinSettings, fit};
use chiaro::ops::disparity::{self, evaluate};
use depth_common::map::{Map, Mask};
use depth_common::pictures::Picture;

const W: usize = 160;
const H: usize = 120;

/// A near disk with a slope in depth before a far plane, both textured.
fn scene() -> (Picture, Map) {
    let make = |f: &dyn Fn(f64, f64, bool, f64) -> f64| {
        let pixel = |i: usize| {
            let (x, y) = (i % W, i / W);
            let near = (x as i64 - 70).pow(2) + (y as i64 - 60).pow(2) < 1600;
            f(x as f64, y as f64, near, ((x * 7 + y * 13) % 16) as f64 / 16.0) as f32
        };
        Map::new(W, H, (0..W * H).map(pixel).collect())
    };
    let luma = make(&|_, y, near, texture| if near { 0.65 + 0.1 * texture } else { 0.2 + 0.15 * texture + y / 480.0 });
    let disparity = make(&|x, y, near, _| if near { 0.9 - x / 1600.0 } else { 0.1 + y / 400.0 });
    let rgb = [luma.clone(), luma.map(|v| v * 0.5), luma.map(|v| 1.0 - v)];
    let valid = Mask { w: W, h: H, v: vec![true; W * H] };
    (Picture { name: "disk".into(), rgb, luma, disparity: disparity.clone(), valid }, disparity)
}

#[rustfmt::skip]
const PLACES: [(u32, u32); 32] = [
    (106, 60), (109, 60), (111, 60), (114, 60), (93, 87), (95, 89), (96, 90), (98, 93), (64, 95), (64, 98), (64, 100),
    (63, 103), (39, 79), (37, 81), (35, 82), (32, 83), (35, 49), (32, 48), (30, 48), (27, 47), (55, 27), (53, 24),
    (53, 22), (51, 19), (85, 27), (86, 24), (87, 22), (88, 20), (104, 49), (107, 49), (109, 48), (112, 47),
];
#[rustfmt::skip]
const PLAIN: [f32; 32] = [
    0.83701, 0.83396, 0.23752, 0.23752, 0.84502, 0.84365, 0.81721, 0.32805, 0.86309, 0.86205, 0.35498, 0.35498,
    0.87695, 0.87695, 0.29995, 0.29497, 0.87695, 0.87695, 0.20747, 0.20496, 0.86885, 0.86656, 0.14246, 0.13499,
    0.85000, 0.84932, 0.14246, 0.13748, 0.83818, 0.83643, 0.20747, 0.20496,
];
#[rustfmt::skip]
const SNAPPED: [f32; 32] = [
    0.84047, 0.83395, 0.23828, 0.23783, 0.84736, 0.84439, 0.80179, 0.33663, 0.85820, 0.85543, 0.36699, 0.36709,
    0.86797, 0.86680, 0.30669, 0.29790, 0.86963, 0.86963, 0.20791, 0.20483, 0.86211, 0.86020, 0.13237, 0.12478,
    0.85176, 0.84930, 0.13306, 0.12743, 0.84170, 0.83936, 0.21041, 0.20618,
];

#[test]
fn values_are_those_of_the_reference() {
    let (picture, disparity) = scene();
    let reduced = depth_common::reduce(&picture, &picture.luma, (32, 24));
    let small = disparity.area(32, 24);
    for (edge_error_px, expected) in [(0, PLAIN), (2, SNAPPED)] {
        let table = fit(&small.v, &reduced, &JoinSettings { edge_error_px, ..JoinSettings::default() });
        let constants = table.constants(0, (W as u32, H as u32));
        for ((x, y), expected) in PLACES.into_iter().zip(expected) {
            let ours = evaluate(&constants, table.words(), picture.luma.v[y as usize * W + x as usize], x, y);
            assert!((ours - expected).abs() < 2e-3, "({x}, {y}) edge error {edge_error_px}: {ours} {expected}");
        }
    }
}

const DISPARITY: &str = include_str!("../shaders/ops/disparity.wgsl");
const DISTANCE: &str = include_str!("../shaders/lib/distance.wgsl");

#[test]
fn the_twin_has_the_same_fixed_numbers() {
    for (text, name, value) in [
        (DISPARITY, "DISPARITY_GUIDE_CENTER: f32", disparity::GUIDE_CENTER),
        (DISPARITY, "DISPARITY_MEAN_FLOOR: f32", disparity::MEAN_FLOOR),
        (DISTANCE, "DISTANCE_OFFSET: f32", chiaro::ops::distance::OFFSET),
    ] {
        assert!(text.contains(&format!("const {name} = {value};")), "{name}");
    }
    for (name, value) in [
        ("TEXEL_WORDS", disparity::TEXEL_WORDS),
        ("COLOR_TEXEL_WORDS", disparity::color::TEXEL_WORDS),
        ("LUMA", disparity::color::LUMA),
        ("CODES", disparity::color::CODES),
    ] {
        assert!(DISPARITY.contains(&format!("const DISPARITY_{name}: u32 = {value}u;")), "{name}");
    }
}
