//! Masks: what they leave alone stays bit for bit, both executors agree, files and pictures of masks work from file to file.
#![cfg(feature = "gpu")]

#[path = "common/gpu.rs"]
mod common;
#[path = "common/mod.rs"]
mod files;
mod tiff_util;

use std::path::Path;
use std::sync::Arc;

use chiaro::color::{encodings, matrix};
use chiaro::engine::Engine;
use chiaro::engine::job::Work;
use chiaro::ops::mask::MaskImage;
use chiaro::ops::supplied;
use chiaro::picture::{
    Access, Alpha, Channels, ColorEncoding, ColorModel, Compression, Curve, Extent, Format, Metadata, PictureInfo,
    PixelLayout, Referred, Region, SampleType, Strip,
};
use chiaro::plan::{DepthFacts, Exports, Plan, PlanRequest, Program, RenderFacts, plan};
use chiaro::recipe::Recipe;
use common::{Random, cpu, gpu, render};

const EXTENT: Extent = Extent { width: 600, height: 40 };

fn info(layout: PixelLayout, encoding: ColorEncoding, orientation: u16) -> PictureInfo {
    PictureInfo {
        extent: EXTENT,
        layout,
        encoding,
        model: ColorModel::AsLayout,
        encoding_source: "test",
        orientation,
        metadata: Metadata::default(),
        access: Access::Random,
        chunk_rows: 16,
        format: "tiff",
        compression: "none",
        depth_channel: Some("Z".to_owned()),
        depth_channels: vec!["Z".to_owned()],
        warnings: Vec::new(),
    }
}

fn planned(info: &PictureInfo, recipe: &Recipe) -> Plan {
    let request = PlanRequest {
        path: Path::new("picture.tif"),
        info,
        recipe,
        share_bytes: 1 << 30,
        total_bytes: 1 << 30,
        source_bytes: &|_| 0,
        exports: Exports::default(),
        threads: 2,
        strip_rows: None,
    };
    plan(&request).unwrap()
}

fn program(info: &PictureInfo, recipe: &Recipe) -> Program {
    let plan = planned(info, recipe);
    let facts =
        plan.depth.is_some().then_some(DepthFacts::Supplied(supplied::Constants { scale: 1.05, offset: -0.05 }));
    let facts = RenderFacts { depth: facts, ..RenderFacts::default() };
    plan.program(&plan.outputs[0], Path::new("picture.tif"), &facts).unwrap()
}

/// Random samples over the whole range of the type.
fn noise(layout: PixelLayout) -> Strip {
    let mut strip = Strip::new(Region { width: EXTENT.width, y: 0, rows: EXTENT.height }, layout);
    let mut random = Random(11);
    let odd = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0, 1e-42, 6e4];
    for bytes in strip.bytes_mut().chunks_exact_mut(layout.sample.bytes()) {
        let v = random.unit() as f32;
        match layout.sample {
            SampleType::U8 => bytes.copy_from_slice(&[(v * 255.9) as u8]),
            SampleType::U16 => bytes.copy_from_slice(&((v * 65_535.9) as u16).to_ne_bytes()),
            SampleType::F16 => bytes.copy_from_slice(&half::f16::from_f32(v).to_ne_bytes()),
            SampleType::F32 => {
                let v = if v < 0.1 { odd[random.next() as usize % odd.len()] } else { v * 3.0 - 1.0 };
                bytes.copy_from_slice(&v.to_ne_bytes());
            }
        }
    }
    strip
}

fn adobe_rgb() -> ColorEncoding {
    ColorEncoding {
        name: "Adobe RGB".to_owned(),
        primaries: matrix::ADOBE_RGB,
        curve: Curve::Power { gamma: 2.199_218_8 },
        referred: Referred::Display,
    }
}

/// Operations in three domains, all of them in the right half only: pixels 0 to 298 of each row have weight 0.
const RIGHT_HALF: &str = r#"
version = 1
[[op]]
id = "exposure"
ev = 1
mask = { linear = { from = [0.5, 0], to = [0.6, 0] } }
[[op]]
id = "invert"
strength = 0.5
mask = { linear = { from = [0.5, 0], to = [0.5001, 0] }, luma = [0.2, 0.9], of = "source" }
[[op]]
id = "depth_grade"
far_exposure = -0.3
near_saturation = 1.2
mask = { not = { linear = { from = [0.5, 0], to = [0.4999, 0] } }, depth = [0.2, 0.8] }
"#;

/// Samples of the left and right part of every row.
fn halves(strip: &Strip) -> (Vec<u8>, Vec<u8>) {
    let split = 298 * strip.layout.pixel_bytes();
    let rows = strip.bytes().chunks_exact(strip.row_bytes());
    rows.fold((Vec::new(), Vec::new()), |(mut left, mut right), row| {
        left.extend(&row[..split]);
        right.extend(&row[split + 4 * strip.layout.pixel_bytes()..]);
        (left, right)
    })
}

#[test]
fn untouched_means_untouched() {
    let recipe = files::recipe(RIGHT_HALF);
    let rgb = |sample| common::layout(sample, Channels::Rgb, Alpha::None);
    let associated = common::layout(SampleType::U16, Channels::Rgba, Alpha::Associated);
    let linear = encodings::linear_rec709;
    let cases = [
        (rgb(SampleType::U16), encodings::srgb()),
        (rgb(SampleType::U16), adobe_rgb()),
        (associated, adobe_rgb()),
        (rgb(SampleType::U8), adobe_rgb()),
        (rgb(SampleType::F16), linear()),
        (rgb(SampleType::F32), linear()),
    ];
    for (layout, encoding) in cases {
        let name = format!("{layout}, {}", encoding.name);
        let input = noise(layout);
        let program = program(&info(layout, encoding, 1), &recipe);
        let depth = common::depth(input.region.pixels());
        let check = |device: &str, output: &Strip| {
            let (before, after) = (halves(&input), halves(output));
            assert!(before.0 == after.0, "{name} on {device}: the left half changed");
            assert!(before.1 != after.1, "{name} on {device}: the right half did not change");
        };
        check("CPU", &render(&cpu(), &program, &input, Some(&depth)));
        // Shaders take long to compile on the software adapter: one case stands for all.
        let on_gpu = name == "16-bit RGB, Adobe RGB";
        if let Some(gpu) = gpu().filter(|_| on_gpu) {
            check("GPU", &render(gpu, &program, &input, Some(&depth)));
        }
    }
}

#[test]
fn originals_return_only_where_they_can() {
    let steps = |text: &str, out: &str| {
        let recipe = files::recipe(&format!("{text}{out}"));
        let info = info(common::rgb(SampleType::U16), encodings::srgb(), 1);
        program(&info, &recipe).steps.iter().map(|s| s.id).collect::<Vec<_>>()
    };
    let all = steps(RIGHT_HALF, "");
    assert_eq!((all.first(), all.last()), (Some(&"keep"), Some(&"restore")), "{all:?}");
    assert_eq!(all.iter().filter(|id| **id == "mask").count(), 3);
    assert!(all.contains(&"keep_source") && all.contains(&"supplied"), "{all:?}");
    assert!(!steps(RIGHT_HALF, "[output]\ncolor = \"display-p3\"\n").contains(&"restore"));
    let one_everywhere = steps(RIGHT_HALF, "[[op]]\nid = \"exposure\"\nev = 1\n");
    assert!(!one_everywhere.contains(&"keep") && !one_everywhere.contains(&"restore"));
}

/// Every kind of mask, with feathers, on operations in three domains.
const EVERY_KIND: &str = r#"
version = 1
[[op]]
id = "exposure"
ev = 0.5
mask = { luma = [0.3, 0.6], feather = 0.3, linear = { from = [0.1, 0.2], to = [0.9, 0.7] } }
[[op]]
id = "invert"
strength = 0.4
mask = { hue = [300, 100], feather = 60, chroma = [0.05, 0.2] }
[[op]]
id = "haze"
density = 0.7
mask = { any = [{ depth = [0.2, 0.5], feather = 0.3 }, { radial = { center = [0.3, 0.6], radius = 0.4, aspect = 2, angle = 20 } }] }
[[op]]
id = "exposure"
ev = -0.5
mask = { file = "m.png", not = { luma = [0, 0.3], feather = 0.4, of = "source" } }
"#;

#[test]
fn both_executors_agree() {
    let Some(gpu) = gpu() else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("m.png"), "decoded below").unwrap();
    let mut recipe = Recipe::from_text("t", EVERY_KIND, folder.path(), Path::new("t.toml")).unwrap();
    let path = recipe.ops[3].mask.as_ref().unwrap().files()[0].to_owned();
    let samples: Vec<u16> = (0..35u32).map(|i| (i * 20_011 % 65_536) as u16).collect();
    recipe.context.masks.insert(path, Arc::new(MaskImage::new(7, 5, &samples).unwrap()));
    let layout = common::rgb(SampleType::U16);
    let input = noise(layout);
    let program = program(&info(layout, encodings::srgb(), 6), &recipe);
    let depth = common::depth(input.region.pixels());
    let expected = common::samples(&render(&cpu(), &program, &input, Some(&depth)));
    let actual = common::samples(&render(gpu, &program, &input, Some(&depth)));
    let off: Vec<f64> = actual.iter().zip(&expected).map(|(a, e)| (a - e).abs()).collect();
    let worst = off.iter().copied().fold(0.0, f64::max);
    let close = off.iter().filter(|d| **d <= 1.0).count() as f64 / off.len() as f64;
    assert!(worst <= 2.0 && close >= 0.999, "{worst} codes, {close} within one");
}

const BY_FILE: &str = "version = 1\n[[op]]\nid = \"exposure\"\nev = -1\n\n[[op]]\nid = \"exposure\"\nev = 1\nmask = { file = \"masks/m.png\" }\n";

/// A gray mask file of two samples: black, white.
fn write_mask(path: &Path) {
    let mut strip =
        Strip::new(Region { width: 2, y: 0, rows: 1 }, common::layout(SampleType::U8, Channels::Gray, Alpha::None));
    strip.bytes_mut().copy_from_slice(&[0, 255]);
    files::write(path, Format::Png, &strip, Compression::Deflate);
}

#[test]
fn a_mask_file_is_stretched_over_the_picture_and_can_be_shown() {
    let folder = tempfile::tempdir().unwrap();
    write_mask(&folder.path().join("masks/m.png"));
    let input = folder.path().join("in");
    let scene = files::scene(EXTENT, 5);
    files::write(&input.join("a.tif"), Format::Tiff, &scene, Compression::None);
    let recipe = || Arc::new(Recipe::from_text("t", BY_FILE, folder.path(), &folder.path().join("t.toml")).unwrap());
    let run = |out: &str, work: &Work| {
        let (_, outcomes) = files::run(files::options(&folder.path().join(out)), recipe(), &input, work);
        files::assert_done(&outcomes);
    };
    run("out", &Work::Grade);
    let (before, after) = (files::read(&input.join("a.tif")), files::read(&folder.path().join("out/a.tif")));
    let row = EXTENT.width as usize * 3;
    for (before, after) in files::samples_u16(&before).chunks(row).zip(files::samples_u16(&after).chunks(row)) {
        assert!(before[..300].iter().zip(&after[..300]).all(|(b, a)| a < b), "the left is a stop darker");
        assert!(
            before[row - 300..].iter().zip(&after[row - 300..]).all(|(b, a)| a.abs_diff(*b) <= 1),
            "the right is as it was"
        );
    }
    run("shown", &Work::Mask(2));
    let shown = files::read(&folder.path().join("shown/a_mask2.png"));
    assert_eq!(shown.layout, common::layout(SampleType::U16, Channels::Gray, Alpha::None));
    let first = &files::samples_u16(&shown)[..600];
    assert_eq!((first[0], first[149], first[450], first[599]), (0, 0, 65_535, 65_535));
    assert!(first.windows(2).all(|w| w[0] <= w[1]) && first[300].abs_diff(32_768) < 150, "{}", first[300]);
    // An operation without a mask has nothing to show.
    let (_, outcomes) = files::run(files::options(&folder.path().join("none")), recipe(), &input, &Work::Mask(1));
    let text = format!("{:?}", outcomes[0].status);
    assert!(text.contains("operation 1 (exposure) has no mask; those with one: 2 (exposure)"), "{text}");
}

/// Ink and L*a*b* are no weights: read as RGB, a mask would do the opposite of what it shows, or anything.
#[test]
fn a_mask_in_another_color_model_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("masks/m.png");
    write_mask(&file);
    let four = common::layout(SampleType::U8, Channels::Rgba, Alpha::Unassociated);
    let mut cmyk = tiff_util::Build::new(2, 2, four).short(262, 5);
    cmyk.more.push((338, 3, 0, Vec::new()));
    let lab = tiff_util::Build::new(2, 2, common::layout(SampleType::U8, Channels::Rgb, Alpha::None)).short(262, 8);
    for (bytes, model) in [(cmyk.build(&[9; 16]), "CMYK"), (lab.build(&[9; 12]), "L*a*b*")] {
        std::fs::write(&file, bytes).unwrap();
        let recipe = Recipe::from_text("t", BY_FILE, folder.path(), &folder.path().join("t.toml")).unwrap();
        let error = Engine::new(files::options(folder.path()), Arc::new(recipe)).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(model) && error.contains("m.png") && error.contains("convert it"), "{error}");
    }
}

#[test]
fn a_broken_mask_file_ends_the_run_before_any_picture() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("masks/m.png");
    write_mask(&file);
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    let recipe = Recipe::from_text("t", BY_FILE, folder.path(), &folder.path().join("t.toml")).unwrap();
    let error = Engine::new(files::options(folder.path()), Arc::new(recipe)).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("m.png"), "{error}");
}
