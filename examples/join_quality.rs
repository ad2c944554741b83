//! Prints how well the depth join keeps edges, against bilinear enlargement and the textbook guided filter.
//!
//! `CHIARO_TESTDATA=folder cargo run --release --example join_quality`: pictures of `depth_gt` there and of `data/depth_scenes` here.
#[path = "../tests/depth_common/mod.rs"]
mod depth_common;

use chiaro::depth::join::JoinSettings;
use depth_common::map::Map;
use depth_common::metrics::{Score, Truth, mean};
use depth_common::pictures::{self, Picture, noisy};

fn print(input: &str, method: &str, scores: &[Score]) {
    let s = mean(scores);
    let texture = s.texture.map_or("  -".into(), |t| format!("{t:.2}"));
    println!("{input:<34} {method:<22} {:.4}  {:.3}  {:.3}  {texture:>5}  {:.3}", s.abs_rel, s.f1, s.strict, s.matched);
}

/// True depth reduced by `scale`; `guide` makes the guide of a picture, `colors` says whether its colors are a guide as well.
fn reduced_truth(input: &str, pictures: &[Picture], scale: f64, colors: bool, guide: impl Fn(&Picture) -> Map) {
    let (mut bilinear, mut textbook, mut join, mut rgb) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for picture in pictures {
        let (w, h) = (picture.luma.w, picture.luma.h);
        let size = ((w as f64 / scale).round() as usize, (h as f64 / scale).round() as usize);
        let guide = guide(picture);
        let truth = Truth::new(&picture.disparity, &picture.valid, &picture.luma, scale);
        let reduced = depth_common::reduce(picture, &guide, size);
        let small = picture.disparity.area(size.0, size.1);
        let (joined, small) = depth_common::join(&small.v, &reduced, &guide, &JoinSettings::default());
        let plain = small.bilinear(w, h);
        bilinear.push(truth.score(&plain, &plain));
        textbook.push(truth.score(&depth_common::textbook(&small, &guide, 1e-4), &plain));
        join.push(truth.score(&joined, &plain));
        let colored = depth_common::join_color(&small.v, &reduced, picture, &JoinSettings::default());
        rgb.push(truth.score(&colored, &plain));
    }
    print(input, "bilinear", &bilinear);
    print(input, "textbook guided", &textbook);
    print(input, "join", &join);
    if colors {
        print(input, "join, guide = rgb", &rgb);
    }
}

#[cfg(feature = "onnx")]
fn network(input: &str, pictures: &[Picture]) {
    use chiaro::depth::engine::{Engine, EngineChoice};
    use chiaro::depth::registry::ModelEntry;
    use chiaro::picture::Extent;
    let model = ModelEntry::embedded();
    let engine = Engine::resolve(&EngineChoice::Rten, 1).expect("the built-in engine");
    let variants = [("bilinear", None), ("join as registered", Some(model.join))].into_iter().chain(
        [(0, 0.01, 0.04), (1, 0.01, 0.04), (2, 0.01, 0.04), (2, 0.03, 0.10)].map(|(edge_error_px, q0, q1)| {
            ("join variant", Some(JoinSettings { edge_error_px, q0, q1, ..model.join }))
        }),
    );
    let answers: Vec<_> = pictures
        .iter()
        .map(|picture| {
            let extent = Extent { width: picture.luma.w as u32, height: picture.luma.h as u32 };
            let size = model.input_size(extent);
            let reduced = depth_common::reduce(picture, &picture.luma, (size.0 as usize, size.1 as usize));
            let mut map = Vec::new();
            let mut session = engine.load(&model, size).expect("the embedded model loads");
            session.run(&model.tensor(&reduced), &mut map).expect("the embedded model runs");
            let scale = f64::from(extent.width) / f64::from(size.0);
            (reduced, map, Truth::new(&picture.disparity, &picture.valid, &picture.luma, scale))
        })
        .collect();
    for (name, settings) in variants {
        let scores: Vec<Score> = pictures
            .iter()
            .zip(&answers)
            .map(|(picture, (reduced, map, truth))| {
                let luma = &picture.luma;
                let (joined, small) = depth_common::join(map, reduced, luma, &settings.unwrap_or_default());
                let plain = small.bilinear(luma.w, luma.h);
                truth.score(if settings.is_some() { &joined } else { &plain }, &plain)
            })
            .collect();
        let name = settings
            .filter(|_| name == "join variant")
            .map_or(name.to_string(), |s| format!("  error {} q {:.2}-{:.2}", s.edge_error_px, s.q0, s.q1));
        print(input, &name, &scores);
    }
}

/// The embedded model in tiles, at most so many times its size; once is the whole picture alone.
#[cfg(feature = "onnx")]
fn tiles(input: &str, pictures: &[Picture]) {
    use chiaro::depth::engine::{Engine, EngineChoice};
    use chiaro::depth::registry::ModelEntry;
    use chiaro::picture::Extent;
    let model = ModelEntry::embedded();
    let engine = Engine::resolve(&EngineChoice::Rten, 1).expect("the built-in engine");
    for most in 1..=4 {
        let (mut scores, mut used, mut all) = (Vec::new(), 0, 0);
        for picture in pictures {
            let (width, height) = (picture.luma.w as u32, picture.luma.h as u32);
            let size = model.input_size(Extent { width, height });
            let mut session = engine.load(&model, size).expect("the embedded model loads");
            let mut ask = |reduced: &chiaro::depth::reduce::Reduced| {
                let mut map = Vec::new();
                session.run(&model.tensor(reduced), &mut map).expect("the embedded model runs");
                map
            };
            let found = depth_common::tiled(&mut ask, size, picture, &model.join, most);
            let Some((map, took, places)) = found else { continue };
            (used, all) = (used + took, all + places);
            let truth = Truth::new(&picture.disparity, &picture.valid, &picture.luma, 2.5);
            scores.push(truth.score(&map, &map));
        }
        print(input, &format!("x {most}: {used} of {all} tiles"), &scores);
    }
}

#[cfg(not(feature = "onnx"))]
fn tiles(_: &str, _: &[Picture]) {}

#[cfg(not(feature = "onnx"))]
fn network(_: &str, _: &[Picture]) {}

fn main() {
    println!("{:<34} {:<22} AbsRel  F1     strict TC     count-matched F1", "input", "method");
    let luma = |picture: &Picture| picture.luma.clone();
    if let Some(testdata) = pictures::testdata() {
        let real = pictures::real(&testdata, 1);
        let name = |what: &str| format!("{} real, {what}", real.len());
        reduced_truth(&name("true depth / 2.5"), &real, 2.5, true, luma);
        reduced_truth(&name("true depth / 6.7"), &real, 6.7, true, luma);
        reduced_truth(&name("/ 6.7, noise 0.05"), &real, 6.7, false, |p| noisy(&p.luma, 0.05));
        reduced_truth(&name("/ 6.7, noise 0.10"), &real, 6.7, false, |p| noisy(&p.luma, 0.10));
        reduced_truth(&name("/ 6.7, flat guide"), &real, 6.7, false, |p| p.luma.map(|_| 0.9));
        network(&name("embedded model"), &real);
        tiles(&name("detail = tiled"), &real);
    }
    let generated = pictures::generated();
    if !generated.is_empty() {
        let name = |what: &str| format!("{} generated, {what}", generated.len());
        reduced_truth(&name("true depth / 6"), &generated, 6.0, true, luma);
        network(&name("embedded model"), &generated);
        tiles(&name("detail = tiled"), &generated);
    }
}
