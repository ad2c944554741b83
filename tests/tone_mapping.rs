//! Scene light becomes integers only through tone mapping, and the file then says what it holds.

mod common;

use std::path::{Path, PathBuf};

use chiaro::codec;
use chiaro::color::encodings;
use chiaro::engine::job::{Status, Work};
use chiaro::picture::{Channels, Compression, Extent, Format, PictureInfo, Region, SampleType, Strip};
use chiaro::plan::{Exports, Plan, PlanRequest, plan};

/// Middle gray and the white of `reinhard`, in linear Rec.709.
const LIGHT: [f32; 2] = [0.18, 4.0];

fn scene(folder: &Path) -> PathBuf {
    let layout = common::layout(SampleType::F32, Channels::Rgb);
    let mut strip = Strip::new(Region { width: 2, y: 0, rows: 1 }, layout);
    for (word, i) in strip.words_mut().iter_mut().zip(0..) {
        *word = LIGHT[i / 3].to_bits();
    }
    let path = folder.join("in/scene.exr");
    std::fs::create_dir_all(folder.join("in")).unwrap();
    let mut spec = common::spec(Extent { width: 2, height: 1 }, layout, Compression::Deflate);
    spec.encoding = encodings::linear_rec709();
    let file = std::fs::File::options().read(true).write(true).create(true).truncate(true).open(&path).unwrap();
    let mut sink = codec::create(Format::Exr, file, &path, spec).unwrap();
    sink.write(&strip, &common::pool(1)).unwrap();
    sink.finish(&common::pool(1)).unwrap();
    path
}

const REINHARD: &str = "[[op]]\nid = \"tone_map\"\nmethod = \"reinhard\"\n";

fn text(op: &str, output: &str) -> String {
    format!("version = 1\n{op}[output]\n{output}")
}

fn run(folder: &Path, name: &str, op: &str, output: &str) -> (Status, Option<PathBuf>) {
    let recipe = common::recipe(&text(op, output));
    let (_, outcomes) = common::run(common::options(&folder.join(name)), recipe, &folder.join("in"), &Work::Grade);
    (outcomes[0].status.clone(), outcomes[0].outputs.first().cloned())
}

fn info(path: &Path) -> PictureInfo {
    codec::open(path, &Default::default()).unwrap().info().clone()
}

fn planned(info: &PictureInfo, op: &str) -> Plan {
    let recipe = common::recipe(&text(op, ""));
    let request = PlanRequest {
        path: Path::new("a"),
        info,
        recipe: &recipe,
        share_bytes: 1 << 30,
        total_bytes: 1 << 30,
        source_bytes: &|_| 1 << 20,
        exports: Exports::default(),
        threads: 2,
        strip_rows: None,
    };
    plan(&request).unwrap()
}

#[test]
fn scene_light_becomes_srgb_code_values() {
    let folder = tempfile::tempdir().unwrap();
    scene(folder.path());
    let (status, path) = run(folder.path(), "png", REINHARD, "format = \"png\"\n");
    assert_eq!(status, Status::Done);
    let path = path.unwrap();
    let found = info(&path);
    assert_eq!(found.layout.sample, SampleType::U16);
    assert!(found.encoding.name.ends_with("sRGB"), "{}", found.encoding.name);
    // Reinhard et al. 2002, equation 4, with white at 4, then IEC 61966-2-1.
    let mapped: f64 = 0.18 * (1.0 + 0.18 / 16.0) / 1.18;
    let code = ((1.055 * mapped.powf(1.0 / 2.4) - 0.055) * 65_535.0).round();
    let strip = common::read(&path);
    for (i, sample) in common::samples_u16(&strip).iter().enumerate() {
        let expected = if i < 3 { code } else { 65_535.0 };
        assert!((f64::from(*sample) - expected).abs() <= 1.0, "{sample} instead of {expected}");
    }
}

#[test]
fn other_outputs_keep_what_the_recipe_says() {
    let folder = tempfile::tempdir().unwrap();
    scene(folder.path());
    for (name, output, expected) in [
        ("p3", "format = \"png\"\ncolor = \"display-p3\"\n", encodings::display_p3()),
        ("exr", "", encodings::linear_rec709()),
        ("float", "format = \"tiff\"\n", encodings::linear_rec709()),
        ("integers", "format = \"tiff\"\nbits = 16\ncolor = \"linear-rec709\"\n", encodings::linear_rec709()),
    ] {
        let (status, path) = run(folder.path(), name, REINHARD, output);
        assert_eq!(status, Status::Done, "{name}");
        let found = info(&path.unwrap()).encoding;
        assert!(found.curve == expected.curve, "{name}: {}", found.name);
    }
}

#[test]
fn without_tone_mapping_integers_are_refused_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    scene(folder.path());
    let (status, _) = run(folder.path(), "out", "", "format = \"png\"\n");
    let Status::Failed { message, .. } = &status else { panic!("{status:?}") };
    assert!(message.contains("tone_map"), "{message}");
}

#[test]
fn tone_mapping_display_light_is_remarked() {
    let folder = tempfile::tempdir().unwrap();
    let scene = info(&scene(folder.path()));
    let says = |info: &PictureInfo| planned(info, REINHARD).notes.iter().any(|n| n.contains("display light already"));
    assert!(!says(&scene));
    let path = folder.path().join("display.tif");
    common::write(&path, Format::Tiff, &common::scene(Extent { width: 8, height: 8 }, 1), Compression::None);
    let display = info(&path);
    assert!(says(&display));
    assert_eq!(planned(&display, REINHARD).outputs[0].encoding.name, "sRGB");
}
