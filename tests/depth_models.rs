//! What every kind of depth model is fed, and what its answer is taken for, against a second implementation in Python
//! (`tests/depth_models/make.py`, ONNX Runtime): stand-ins of the families with random weights, under the families' real contracts.
#![cfg(feature = "onnx")]

mod common;

use std::path::Path;
use std::sync::Arc;

use chiaro::color::encodings;
use chiaro::depth::engine::{Engine, EngineChoice};
use chiaro::depth::reduce::{Reduced, Reducer};
use chiaro::depth::registry::{Contract, ModelEntry};
use chiaro::depth::worker::{DepthRequest, DepthStage};
use chiaro::engine::job::{DepthExport, Work};
use chiaro::picture::{Alpha, Channels, Compression, Extent, Format, PixelLayout, Region, SampleType, Strip};
use chiaro::recipe::Recipe;
use serde_json::Value;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/depth_models");

fn cases() -> Vec<Value> {
    serde_json::from_slice(&std::fs::read(Path::new(FOLDER).join("reference.json")).unwrap()).unwrap()
}

fn pair(value: &Value) -> (u32, u32) {
    (value[0].as_u64().unwrap() as u32, value[1].as_u64().unwrap() as u32)
}

fn entry(case: &Value) -> ModelEntry {
    let mut contract = Contract::default();
    for (key, value) in case["keys"].as_object().unwrap() {
        contract.set(key, value.as_str().unwrap()).unwrap();
    }
    let file = Path::new(FOLDER).join(case["model"].as_str().unwrap()).with_extension("onnx");
    ModelEntry::from_file(&file, &contract).unwrap()
}

/// The picture of the reference, reduced.
fn reduced(extent: Extent, size: (u32, u32)) -> Reduced {
    let plane = |c: u32| -> Vec<f32> {
        let pixels = (0..extent.height).flat_map(|y| (0..extent.width).map(move |x| (x, y)));
        pixels
            .map(|(x, y)| {
                let wave = (x * 211 + y * 307 + c * 9001) % 30011 + (x * y * (c + 3)) % 9973 * 3;
                (wave % 65536) as f32 / 65535.0
            })
            .collect()
    };
    let mut reducer = Reducer::new(extent, size).unwrap();
    let [red, green, blue] = [0, 1, 2].map(plane);
    reducer.add_rows(0, extent.height, &red, &green, &blue, &red);
    reducer.finish().unwrap()
}

fn check(choice: &EngineChoice) {
    let stage = DepthStage::start(Engine::resolve(choice, 1).unwrap(), 1 << 30).unwrap();
    for case in cases() {
        let what = format!("{} {} {}", case["model"], case["keys"], case["picture"]);
        let model = Arc::new(entry(&case));
        let (width, height) = pair(&case["picture"]);
        let extent = Extent { width, height };
        let (content, frame) = (pair(&case["content"]), pair(&case["frame"]));
        assert_eq!((model.content_size(extent), model.input_size(extent)), (content, frame), "{what}");
        let input = model.tensor(&reduced(extent, content));
        assert_eq!(input.len(), 3 * frame.0 as usize * frame.1 as usize, "{what}");
        for sample in case["tensor"].as_array().unwrap() {
            let (at, expected) = (sample[0].as_u64().unwrap() as usize, sample[1].as_f64().unwrap());
            assert!((f64::from(input[at]) - expected).abs() < 1e-3, "{what}: tensor[{at}] {} {expected}", input[at]);
        }
        let answer =
            stage.estimate(DepthRequest { model: model.clone(), input, size: frame, tries_out: false }).unwrap();
        let map = model.map(&answer.values, (answer.width, answer.height), content);
        assert_eq!(map.len(), content.0 as usize * content.1 as usize, "{what}");
        let range = case["range"][1].as_f64().unwrap() - case["range"][0].as_f64().unwrap();
        for sample in case["map"].as_array().unwrap() {
            let ((x, y), expected) = (pair(sample), sample[2].as_f64().unwrap());
            let ours = f64::from(map[(y * content.0 + x) as usize]);
            assert!((ours - expected).abs() < 1e-3 * range, "{what}: ({x}, {y}) {ours} {expected}");
        }
    }
}

#[test]
fn the_built_in_engine_agrees_with_the_reference() {
    check(&EngineChoice::Rten);
}

#[test]
#[cfg_attr(not(has_onnxruntime), ignore = "ORT_DYLIB_PATH is not set (make deps fetches ONNX Runtime)")]
fn onnx_runtime_agrees_with_the_reference() {
    check(&EngineChoice::Ort(None));
}

/// Linear light of an sRGB code (IEC 61966-2-1).
fn linear(code: f64) -> f64 {
    if code <= 0.04045 { code / 12.92 } else { ((code + 0.055) / 1.055).powf(2.4) }
}

/// A code of sRGB or, with these numbers, Rec.2020's pictures here: the same curve.
fn encoded(light: f64) -> f64 {
    if light <= 0.0031308 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 }
}

/// sRGB colors of the scene: gray blocks or colored ones, each as large as several of the model's pixels.
fn color(x: u32, y: u32, gray: bool) -> [f64; 3] {
    let block = x / 32 + y / 32 * 3;
    let step = |k: u32| 0.1 + 0.75 * f64::from((block * k) % 7) / 6.0;
    if gray { [step(3); 3] } else { [step(3), step(2), step(5)] }
}

const EXTENT: Extent = Extent { width: 256, height: 192 };

/// Writes the scene with samples from `sample`, one call per pixel, as 16-bit codes or floats.
fn write(path: &Path, format: Format, layout: PixelLayout, encoding: &str, sample: impl Fn(u32, u32) -> Vec<f64>) {
    let mut strip = Strip::new(Region { width: EXTENT.width, y: 0, rows: EXTENT.height }, layout);
    let values =
        (0..EXTENT.height).flat_map(|y| (0..EXTENT.width).map(move |x| (x, y))).flat_map(|(x, y)| sample(x, y));
    if layout.sample == SampleType::F32 {
        let floats: &mut [f32] = bytemuck::cast_slice_mut(strip.words_mut());
        floats.iter_mut().zip(values).for_each(|(to, v)| *to = v as f32);
    } else {
        let codes: &mut [u16] = bytemuck::cast_slice_mut(strip.words_mut());
        codes.iter_mut().zip(values).for_each(|(to, v)| *to = (v * 65535.0).round() as u16);
    }
    let encoding = encodings::by_name(encoding).unwrap();
    let spec = chiaro::codec::SinkSpec { encoding, ..common::spec(EXTENT, layout, Compression::None) };
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = std::fs::File::options().read(true).write(true).create(true).truncate(true).open(path).unwrap();
    let mut sink = chiaro::codec::create(format, file, path, spec).unwrap();
    sink.write(&strip, &common::pool(1)).unwrap();
    sink.finish(&common::pool(1)).unwrap();
}

/// The depth map of one picture, 16-bit codes.
fn map(folder: &Path, name: &str) -> Vec<u16> {
    let out = folder.join(format!("{name}-out"));
    let work = Work::Depth(vec![DepthExport::Png]);
    let mut recipe = Recipe::empty("t");
    if name == "wide" {
        // The codec's tests write no profiles.
        chiaro::recipe::apply_sets(&mut recipe, &["input.color=display-p3"]).unwrap();
    }
    let (_, outcomes) = common::run(common::options(&out), recipe.into(), &folder.join(name), &work);
    common::assert_done(&outcomes);
    common::samples_u16(&common::read(&out.join("p_depth.png"))).to_vec()
}

/// The same light gives the same depth, however it is stored: gray or RGB, with alpha, linear floats, wide gamut.
#[test]
fn a_model_sees_the_picture_and_not_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, ext: &str| folder.path().join(name).join(format!("p.{ext}"));
    let plain = |sample, channels| PixelLayout { sample, channels, alpha: Alpha::None };
    let with_alpha = PixelLayout { sample: SampleType::U16, channels: Channels::Rgba, alpha: Alpha::Unassociated };
    let codes = |gray: bool| move |x, y| color(x, y, gray).to_vec();
    write(&path("gray-as-rgb", "tif"), Format::Tiff, plain(SampleType::U16, Channels::Rgb), "srgb", codes(true));
    write(&path("gray", "tif"), Format::Tiff, plain(SampleType::U16, Channels::Gray), "srgb", |x, y| {
        vec![color(x, y, true)[0]]
    });
    write(&path("rgb", "tif"), Format::Tiff, plain(SampleType::U16, Channels::Rgb), "srgb", codes(false));
    write(&path("alpha", "png"), Format::Png, with_alpha, "srgb", |x, y| {
        let [r, g, b] = color(x, y, false);
        vec![r, g, b, 0.25 + f64::from(x % 3) / 4.0]
    });
    write(&path("linear", "exr"), Format::Exr, plain(SampleType::F32, Channels::Rgb), "linear-rec709", |x, y| {
        color(x, y, false).map(linear).to_vec()
    });
    write(&path("wide", "tif"), Format::Tiff, plain(SampleType::U16, Channels::Rgb), "display-p3", |x, y| {
        // Rec.709 to Display P3 (SMPTE EG 432-1), both D65; the curve is that of sRGB.
        let [r, g, b] = color(x, y, false).map(linear);
        let p3 = [
            0.822_461_97 * r + 0.177_538_03 * g,
            0.033_194_20 * r + 0.966_805_80 * g,
            0.017_082_63 * r + 0.072_397_44 * g + 0.910_519_93 * b,
        ];
        p3.map(encoded).to_vec()
    });
    let names = ["gray-as-rgb", "gray", "rgb", "alpha", "linear", "wide"];
    let maps = std::collections::HashMap::from(names.map(|name| (name, map(folder.path(), name))));
    let largest = |a: &str, b: &str| {
        assert_eq!(maps[a].len(), maps[b].len());
        maps[a].iter().zip(&maps[b]).map(|(a, b)| a.abs_diff(*b)).max().unwrap()
    };
    assert!(largest("gray-as-rgb", "gray") <= 2);
    assert_eq!(largest("rgb", "alpha"), 0);
    let (linear, wide) = (largest("rgb", "linear"), largest("rgb", "wide"));
    // One code of the picture moves the map by a few; another encoding taken for sRGB moves it by thousands.
    assert!(linear < 300 && wide < 300, "{linear} {wide}");
    let wrong = largest("rgb", "gray");
    assert!(wrong > 3000, "{wrong}");
}
