//! Models of other kinds than f32: half floats, int8, and what is no depth model at all, with the real program.
#![cfg(feature = "onnx")]

mod cli_util;
mod onnx_util;

use std::path::Path;

use chiaro::codec::{Compression, Format};
use chiaro::depth::engine::{Engine, EngineChoice};
use chiaro::depth::registry::{Contract, ModelEntry, find};
use chiaro::picture::{Alpha, Channels, Extent, SampleType};
use cli_util::{Dir, Ran};
use onnx_util::{FLOAT, FLOAT16};

const SIDE: u32 = 16;

fn entry(folder: &Path, name: &str, file: &[u8]) -> ModelEntry {
    std::fs::write(folder.join(name), file).unwrap();
    let mut contract = Contract::default();
    for (key, value) in [("mean", "0"), ("std", "1"), ("output", "disparity")] {
        contract.set(key, value).unwrap();
    }
    find(name, folder, &contract).unwrap()
}

/// The built-in engine, and ONNX Runtime where it is.
fn engines() -> Vec<Engine> {
    let choices = [EngineChoice::Rten, EngineChoice::Ort(None)];
    choices.iter().filter_map(|choice| Engine::resolve(choice, 1).ok()).collect()
}

fn input() -> Vec<f32> {
    (0..3 * SIDE * SIDE).map(|i| (i * 37 % 256) as f32 / 255.0).collect()
}

fn mean(input: &[f32]) -> Vec<f32> {
    let plane = input.len() / 3;
    (0..plane).map(|i| (input[i] + input[plane + i] + input[2 * plane + i]) / 3.0).collect()
}

/// Largest difference from the exact mean.
fn error_of(engine: &Engine, model: &ModelEntry) -> f32 {
    let mut session = engine.load(model, (SIDE, SIDE)).unwrap();
    let mut map = Vec::new();
    assert_eq!(session.run(&input(), &mut map).unwrap(), (SIDE, SIDE), "{}", engine.info());
    let pairs = map.iter().zip(mean(&input()));
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn half_floats_and_int8_run_in_every_engine() {
    let folder = tempfile::tempdir().unwrap();
    let side = u64::from(SIDE);
    let plain = entry(folder.path(), "plain.onnx", &onnx_util::mean_of_channels(FLOAT, side));
    let half = entry(folder.path(), "half.onnx", &onnx_util::mean_of_channels(FLOAT16, side));
    let int8 = entry(folder.path(), "int8.onnx", &onnx_util::quantized_mean(side));
    for engine in engines() {
        let errors = [&plain, &half, &int8].map(|model| error_of(&engine, model));
        println!("{}: {errors:?}", engine.info());
        // Half floats have 11 bits, codes of 8 bits are exact here.
        assert!(errors[0] < 1e-6 && errors[1] < 1e-3 && errors[2] < 1e-5, "{}: {errors:?}", engine.info());
    }
}

/// The int8 form of the built-in model, the file that lies beside it: it says by itself how it is used.
#[test]
fn the_int8_network_agrees_with_its_original() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/data/models/chiaro-small/chiaro-small-int8.onnx");
    let original = ModelEntry::embedded();
    let model = ModelEntry::from_file(path.as_ref(), &Contract::default()).unwrap();
    for (width, height) in [(3, 2), (2, 3)] {
        let picture = Extent { width, height };
        let size = original.input_size(picture);
        assert_eq!(model.input_size(picture), size);
        let input: Vec<f32> = (0..3 * size.0 * size.1).map(|i| (i % size.0) as f32 / size.0 as f32).collect();
        for engine in engines() {
            let maps = [&original, &model].map(|model| {
                let mut map = Vec::new();
                engine.load(model, size).unwrap().run(&input, &mut map).unwrap();
                map
            });
            let apart = maps[0].iter().zip(&maps[1]).map(|(a, b)| (a - b).abs()).sum::<f32>() / maps[0].len() as f32;
            println!("{}: mean difference {apart} at {size:?}", engine.info());
            assert!(apart < 0.1, "{}: {apart}", engine.info());
        }
    }
}

fn folder(model: &[u8]) -> Dir {
    let dir = Dir::new();
    dir.file("net.onnx", model);
    dir.recipe(
        "version = 1\n[depth]\nmodel = \"net.onnx\"\nmean = 0\nstd = 1\noutput = \"disparity\"\n[[op]]\nid = \"haze\"\ndensity = 0.5\n",
    );
    dir.picture("in/a.tif");
    dir.picture("in/c.tif");
    let (extent, layout) =
        (Extent { width: 40, height: 30 }, cli_util::pictures::layout(SampleType::U16, Channels::Rgb, Alpha::None));
    let mut spec = cli_util::pictures::srgb_spec(extent, layout);
    spec.compression = Compression::None;
    let black = vec![0; 40 * 30 * 6];
    let path = dir.path("in/b.tif");
    cli_util::pictures::write(&path, Format::Tiff, &spec, &black, 16, &cli_util::pictures::pool(1)).unwrap();
    dir
}

fn grade(dir: &Dir, more: &[&str]) -> Ran {
    dir.grade(&[&["in", "--inference", "rten"], more].concat())
}

#[test]
fn an_answer_that_is_not_finite_fails_its_picture_alone() {
    let dir = folder(&onnx_util::relative_to_all(u64::from(SIDE)));
    for _ in 0..2 {
        let ran = grade(&dir, &["--on-exist", "overwrite"]).ends(1);
        assert_eq!(dir.tree("out"), ["a.tif", "c.tif"]);
        let line = ran.stderr.lines().find(|line| line.contains("in/b.tif")).unwrap_or_default();
        for word in ["net.onnx", "NaN", "another model"] {
            assert!(line.contains(word), "{word}: {}", ran.stderr);
        }
        assert_eq!(ran.stderr.matches("not finite").count(), 1, "{}", ran.stderr);
    }
}

/// Before the first picture a model is tried on gray: that it has no numbers for that says nothing about pictures.
#[test]
fn what_a_model_answers_to_gray_is_no_matter() {
    let dir = folder(&onnx_util::all_but_gray(u64::from(SIDE)));
    grade(&dir, &[]).ends(0);
    assert_eq!(dir.tree("out"), ["a.tif", "b.tif", "c.tif"]);
}

#[test]
fn a_classifier_is_refused_before_the_first_picture() {
    for (declared, says) in [(&[1, 3][..], "classifier"), (&[], "no depth model")] {
        let dir = folder(&onnx_util::classifier(u64::from(SIDE), declared));
        let ran = grade(&dir, &[]).ends(4);
        for word in ["net.onnx", "[1, 3]", says] {
            assert!(ran.stderr.contains(word), "{word}: {}", ran.stderr);
        }
        assert!(dir.tree("out").is_empty());
    }
}

/// Where the cache has maps of a model, it is loaded late; that it cannot be used ends the run all the same, and is no fault of a picture.
#[test]
fn a_model_that_is_needed_late_and_unusable_ends_the_run() {
    use chiaro::depth::worker::{DepthRequest, LowResDisparity};
    use chiaro::engine::depth_cache::{DepthCache, DepthCacheOptions};
    let file = onnx_util::classifier(u64::from(SIDE), &[]);
    let dir = folder(&file);
    let model = entry(&dir.path(""), "net.onnx", &file);
    let engine = Engine::resolve(&EngineChoice::Rten, 1).unwrap().info().clone();
    let cache = DepthCache::new(DepthCacheOptions::in_folder(dir.path(".cache/depth")), &model, &engine);
    let request = DepthRequest { model: model.into(), input: vec![0.5; 3], size: (1, 1), tries_out: false };
    let (values, started) = (vec![0.5], std::time::Instant::now());
    let map = LowResDisparity { width: 1, height: 1, values, engine, worker: 0, started, seconds: 0.0 };
    cache.store(&cache.family().key(&request), &map);
    assert!(cache.has_maps());
    let ran = grade(&dir, &["--report", "report.json"]).ends(4);
    assert_eq!(ran.stderr.matches("no depth model").count(), 1, "{}", ran.stderr);
    assert_eq!(dir.json("report.json")["totals"]["failed"], 0);
    assert!(dir.tree("out").is_empty());
}

#[test]
fn providers_are_used_or_refused() {
    let dir = folder(&onnx_util::mean_of_channels(FLOAT, u64::from(SIDE)));
    let ran = grade(&dir, &["--provider", "cuda"]).ends(4);
    assert!(ran.stderr.contains("--provider cpu") && ran.stderr.contains("cuda"), "{}", ran.stderr);
    // No library has both.
    for (provider, other) in [("directml", "coreml"), ("coreml", "directml")] {
        let ran = dir.grade(&["in", "--provider", provider]);
        if cfg!(target_os = "linux") {
            let said = ran.ends(4).stderr;
            assert!(said.contains("ONNX Runtime") && !said.contains(other), "{said}");
        }
    }
    assert!(dir.tree("out").is_empty());
    assert!(grade(&dir, &["--provider", "gpu"]).ends(2).stderr.contains("openvino"));
    grade(&dir, &["--provider", "cpu", "--report", "report.json"]).ends(0);
    assert_eq!(dir.json("report.json")["inference"]["provider"], "cpu");
    assert!(dir.run(&["doctor"]).ends(0).stdout.contains("providers: cpu"));
}
