//! The bars of the depth join on pictures with true depth. `examples/join_quality.rs` prints the whole table.

mod depth_common;

use chiaro::depth::join::JoinSettings;
use depth_common::map::Map;
use depth_common::metrics::{Score, Truth, mean};
use depth_common::pictures::{self, Picture};

/// Mean scores of bilinear enlargement and of the join, for true depth reduced by `scale`.
fn compare(pictures: &[Picture], scale: f64, guide: impl Fn(&Picture) -> Map) -> (Score, Score) {
    let (mut bilinear, mut join) = (Vec::new(), Vec::new());
    for picture in pictures {
        let (w, h) = (picture.luma.w, picture.luma.h);
        let size = ((w as f64 / scale).round() as usize, (h as f64 / scale).round() as usize);
        let guide = guide(picture);
        let truth = Truth::new(&picture.disparity, &picture.valid, &picture.luma, scale);
        let small = picture.disparity.area(size.0, size.1);
        let reduced = depth_common::reduce(picture, &guide, size);
        let (joined, small) = depth_common::join(&small.v, &reduced, &guide, &JoinSettings::default());
        let plain = small.bilinear(w, h);
        bilinear.push(truth.score(&plain, &plain));
        join.push(truth.score(&joined, &plain));
    }
    let (bilinear, join) = (mean(&bilinear), mean(&join));
    println!("/ {scale}: bilinear {bilinear:.4?}\njoin {join:.4?}");
    (bilinear, join)
}

fn luma(picture: &Picture) -> Map {
    picture.luma.clone()
}

/// Every third picture: all four sets are in it.
fn real() -> Option<Vec<Picture>> {
    let pictures = pictures::real(&pictures::testdata()?, 3);
    assert!(pictures.len() >= 6);
    Some(pictures)
}

#[test]
#[cfg_attr(not(has_testdata), ignore = "CHIARO_TESTDATA is not set")]
fn reduced_two_and_a_half_times() {
    let Some(real) = real() else { return };
    let (bilinear, join) = compare(&real, 2.5, luma);
    assert!(join.f1 >= bilinear.f1 + 0.08);
    assert!(join.strict >= bilinear.strict * 1.8);
    assert!(join.abs_rel <= bilinear.abs_rel * 0.75);
    assert!(join.texture.unwrap() <= 0.5);
}

#[test]
#[cfg_attr(not(has_testdata), ignore = "CHIARO_TESTDATA is not set")]
fn reduced_seven_times() {
    let Some(real) = real() else { return };
    let (bilinear, join) = compare(&real, 6.7, luma);
    assert!(join.f1 >= bilinear.f1 + 0.45);
    assert!(join.abs_rel <= bilinear.abs_rel * 0.9);
    assert!(join.texture.unwrap() <= 1.0);
}

#[test]
#[cfg_attr(not(has_testdata), ignore = "CHIARO_TESTDATA is not set")]
fn a_color_guide_finds_more_edges() {
    let Some(real) = real() else { return };
    let (mut luma, mut color) = (Vec::new(), Vec::new());
    for picture in &real {
        let size = ((picture.luma.w as f64 / 6.7).round() as usize, (picture.luma.h as f64 / 6.7).round() as usize);
        let truth = Truth::new(&picture.disparity, &picture.valid, &picture.luma, 6.7);
        let small = picture.disparity.area(size.0, size.1);
        let reduced = depth_common::reduce(picture, &picture.luma, size);
        let settings = JoinSettings::default();
        let (joined, _) = depth_common::join(&small.v, &reduced, &picture.luma, &settings);
        luma.push(truth.score(&joined, &joined));
        let colored = depth_common::join_color(&small.v, &reduced, picture, &settings);
        color.push(truth.score(&colored, &joined));
    }
    let (luma, color) = (mean(&luma), mean(&color));
    println!("luma {luma:.4?}\ncolor {color:.4?}");
    assert!(color.strict >= luma.strict + 0.01);
    assert!(color.abs_rel <= luma.abs_rel);
}

#[test]
#[cfg_attr(not(has_testdata), ignore = "CHIARO_TESTDATA is not set")]
fn a_flat_guide_is_no_worse_than_bilinear() {
    let Some(real) = real() else { return };
    let (bilinear, join) = compare(&real, 6.7, |picture| picture.luma.map(|_| 0.9));
    assert!(join.f1 >= bilinear.f1);
}

#[test]
#[cfg_attr(not(has_testdata), ignore = "CHIARO_TESTDATA is not set")]
fn noise_costs_few_edges() {
    let Some(real) = real() else { return };
    let (_, clean) = compare(&real, 6.7, luma);
    let (_, noisy) = compare(&real, 6.7, |picture| pictures::noisy(&picture.luma, 0.05));
    assert!(noisy.f1 >= clean.f1 - 0.04);
}

#[test]
fn generated_scenes_reduced_six_times() {
    let scenes = pictures::generated();
    if scenes.is_empty() {
        println!("ignored: data/depth_scenes is empty");
        return;
    }
    let (bilinear, join) = compare(&scenes, 6.0, luma);
    assert!(join.f1 >= bilinear.f1 + 0.30);
    assert!(join.abs_rel <= bilinear.abs_rel * 0.9);
    assert!(join.texture.is_none_or(|texture| texture <= 1.0));
}

#[cfg(feature = "onnx")]
#[test]
#[cfg_attr(not(has_testdata), ignore = "CHIARO_TESTDATA is not set")]
fn the_embedded_model_is_not_made_worse() {
    use chiaro::depth::engine::{Engine, EngineChoice};
    use chiaro::depth::registry::ModelEntry;
    use chiaro::picture::Extent;
    let Some(real) = real() else { return };
    let model = ModelEntry::embedded();
    let engine = Engine::resolve(&EngineChoice::Rten, 1).unwrap();
    let (mut bilinear, mut join) = (Vec::new(), Vec::new());
    for picture in &real {
        let extent = Extent { width: picture.luma.w as u32, height: picture.luma.h as u32 };
        let size = model.input_size(extent);
        let reduced = depth_common::reduce(picture, &picture.luma, (size.0 as usize, size.1 as usize));
        let mut map = Vec::new();
        engine.load(&model, size).unwrap().run(&model.tensor(&reduced), &mut map).unwrap();
        let truth = Truth::new(&picture.disparity, &picture.valid, &picture.luma, 2.5);
        let (joined, small) = depth_common::join(&map, &reduced, &picture.luma, &model.join);
        let plain = small.bilinear(picture.luma.w, picture.luma.h);
        bilinear.push(truth.score(&plain, &plain));
        join.push(truth.score(&joined, &plain));
    }
    let (bilinear, join) = (mean(&bilinear), mean(&join));
    println!("bilinear {bilinear:.4?}\njoin {join:.4?}");
    assert!(join.abs_rel <= bilinear.abs_rel * 1.005);
    assert!(join.matched >= bilinear.matched);
}
