//! Results never depend on strip height, threads, jobs, memory or instruction set: bit-identical files.

mod common;
mod tiff_util;

use std::path::Path;
use std::sync::Arc;

use chiaro::engine::job::Work;
use chiaro::engine::options::EngineOptions;
use chiaro::ops::Isa;
use chiaro::picture::{Alpha, Channels, Compression, Extent, Format, PixelLayout, SampleType, Strip};
use chiaro::recipe::Recipe;
use tiff_util::Build;

/// Point operations in four domains, a LUT, depth, strength, masks, fields of the whole picture, grain; with 8-bit output also dither.
const LOOK: &str = r#"
version = 1
[[op]]
id = "exposure"
ev = 0.4
[[op]]
id = "invert"
strength = 0.2
mask = { luma = [0.2, 0.5], feather = 0.2, of = "source" }
[[op]]
id = "lut"
file = "warm.cube"
encoding = "srgb"
strength = 0.6
[[op]]
id = "haze"
density = 0.8
mask = { any = [{ depth = [0.3, 1] }, { linear = { from = [0, 0], to = [1, 0.3] } }] }
[[op]]
id = "depth_grade"
far_exposure = -0.3
near_saturation = 1.2
[[op]]
id = "clarity"
amount = 40
[[op]]
id = "glow"
amount = 20
mask = { luma = [0.4, 1] }
[[op]]
id = "grain"
amount = 30
"#;

/// What reads distance beside haze and grades: quantiles of the picture, air light found in it, strengths that follow distance.
const DISTANCE: &str = r#"
version = 1
[[op]]
id = "denoise"
near = 0.2
far = 1.5
[[op]]
id = "dehaze"
density = 0.8
[[op]]
id = "zones"
exposure = [0.4, 0.0, -0.5]
contrast = [1.2, 1.0, 0.8]
warmth = [20, 0, -30]
saturation = 1.1
[[op]]
id = "aerial"
amount = 60
[[op]]
id = "clarity"
amount = 50
far = 0.2
"#;

/// A LUT alone: code values to code values.
const LUT: &str = "version = 1\n[[op]]\nid = \"lut\"\nfile = \"warm.cube\"\n";

/// Odd sizes: no strip, tile or chunk of 512 pixels ends with the picture.
const EXTENT: Extent = Extent { width: 571, height: 83 };
/// A strip of pixels between two chunks of the files' own.
const ROWS: [u32; 4] = [1, 7, 64, EXTENT.height];

/// Integer pictures: every way a file can be laid out, with alpha of both kinds and gray.
fn integers(folder: &Path) -> usize {
    let scene = common::scene(EXTENT, 5);
    common::write(&folder.join("none.tif"), Format::Tiff, &scene, Compression::None);
    common::write(&folder.join("lzw.tif"), Format::Tiff, &scene, Compression::Lzw);
    common::write(&folder.join("deflate.tif"), Format::Tiff, &scene, Compression::Deflate);
    common::write(&folder.join("rows.png"), Format::Png, &scene, Compression::Deflate);
    let unassociated = common::layout(SampleType::U16, Channels::Rgba);
    let covered = with_channels(&scene, unassociated);
    common::write(&folder.join("alpha.png"), Format::Png, &covered, Compression::Deflate);
    let build = |strip: &Strip| Build::new(EXTENT.width, EXTENT.height, strip.layout);
    let put = |name: &str, build: Build, strip: &Strip| {
        std::fs::write(folder.join(name), build.build(strip.bytes())).unwrap();
    };
    put("tiled.tif", Build { tile: Some((64, 32)), compression: 8, predictor: 2, ..build(&scene) }, &scene);
    put("planar.tif", Build { planar: true, compression: 5, ..build(&scene) }, &scene);
    put("big_endian.tif", Build { big_endian: true, big_tiff: true, ..build(&scene) }, &scene);
    let associated = with_channels(&scene, PixelLayout { alpha: Alpha::Associated, ..unassociated });
    put("associated.tif", Build { tile: Some((48, 16)), planar: true, ..build(&associated) }, &associated);
    let gray = with_channels(&scene, common::layout(SampleType::U16, Channels::Gray));
    put("gray.tif", build(&gray), &gray);
    10
}

/// Pictures of light: EXR with associated alpha, in half and single floats.
fn floats(folder: &Path) -> usize {
    let scene = common::scene(EXTENT, 6);
    for (name, sample) in [("half.exr", SampleType::F16), ("single.exr", SampleType::F32)] {
        let layout = PixelLayout { sample, channels: Channels::Rgba, alpha: Alpha::Associated };
        common::write(&folder.join(name), Format::Exr, &with_channels(&scene, layout), Compression::Deflate);
    }
    let rgb = with_channels(&scene, common::layout(SampleType::F32, Channels::Rgb));
    let build = Build { tile: Some((32, 32)), ..Build::new(EXTENT.width, EXTENT.height, rgb.layout) };
    std::fs::write(folder.join("tiled_float.tif"), build.build(rgb.bytes())).unwrap();
    3
}

/// The 16-bit RGB scene in another layout; alpha is 0 at the top, then grows, and associated color is multiplied by it.
fn with_channels(scene: &Strip, layout: PixelLayout) -> Strip {
    let mut strip = Strip::new(scene.region, layout);
    let count = layout.channels.count();
    let rgb = common::samples_u16(scene).chunks_exact(3);
    let pixels = strip.bytes_mut().chunks_exact_mut(layout.pixel_bytes());
    let width = scene.region.width as usize;
    for (i, (rgb, pixel)) in rgb.zip(pixels).enumerate() {
        let alpha = ((i / width) as f32 / scene.region.rows as f32 * 1.5 - 0.25).clamp(0.0, 1.0);
        let factor = if layout.alpha == Alpha::Associated { alpha } else { 1.0 };
        let color = if layout.channels.is_color() { 3 } else { 1 };
        for (c, bytes) in pixel.chunks_exact_mut(layout.pixel_bytes() / count).enumerate() {
            let bright = if layout.sample.is_integer() { 1.0 } else { 4.0 };
            let value = if c < color { f32::from(rgb[c]) / 65_535.0 * factor * bright } else { alpha };
            match layout.sample {
                SampleType::U8 => bytes.copy_from_slice(&[(value * 255.0) as u8]),
                SampleType::U16 => bytes.copy_from_slice(&((value * 65_535.0) as u16).to_ne_bytes()),
                SampleType::F16 => bytes.copy_from_slice(&half::f16::from_f32(value).to_ne_bytes()),
                SampleType::F32 => bytes.copy_from_slice(&value.to_ne_bytes()),
            }
        }
    }
    strip
}

/// Writes the LUT of the looks and reads one of them.
fn read(folder: &Path, look: &str, output: &str) -> Arc<Recipe> {
    let mut cube = "LUT_3D_SIZE 3\n".to_owned();
    for i in 0..27u8 {
        let [r, g, b] = [i % 3, i / 3 % 3, i / 9].map(|v| f32::from(v) / 2.0);
        cube += &format!("{:.4} {:.4} {:.4}\n", r * 0.9 + 0.1, g * g * 0.8 + 0.1 * r, b * 0.7);
    }
    std::fs::write(folder.join("warm.cube"), cube).unwrap();
    let text = format!("{look}{output}");
    Arc::new(Recipe::from_text("test", &text, folder, &folder.join("test.toml")).unwrap())
}

/// Renders `input` and returns all output files.
fn results(
    recipe: &Arc<Recipe>,
    input: &Path,
    change: impl Fn(&mut EngineOptions),
) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let out = tempfile::tempdir().unwrap();
    let mut options = common::options(out.path());
    change(&mut options);
    let (_, outcomes) = common::run(options, recipe.clone(), input, &Work::Grade);
    common::assert_done(&outcomes);
    common::tree(out.path())
}

/// Renders the pictures that `inputs` writes in every way, with an `[output]` table of its own.
fn assert_invariant(inputs: impl Fn(&Path) -> usize, look: &str, output: &str) {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in");
    std::fs::create_dir(&input).unwrap();
    let count = inputs(&input);
    let recipe = read(folder.path(), look, output);
    let reference = results(&recipe, &input, |_| {});
    assert_eq!(reference.len(), count);
    let same = |what: String, change: &dyn Fn(&mut EngineOptions)| {
        for ((name, bytes), (_, expected)) in results(&recipe, &input, change).iter().zip(&reference) {
            assert!(bytes == expected, "{}: {what}, {output:?}", name.display());
        }
    };
    for rows in ROWS {
        same(format!("{rows} rows"), &|o| o.strip_rows = Some(rows));
    }
    same("one job".to_owned(), &|o| (o.jobs, o.strip_rows) = (Some(1), Some(7)));
    for threads in [1, 8] {
        same(format!("{threads} threads"), &|o| o.threads = Some(threads));
    }
    for isa in Isa::available() {
        same(isa.name().to_owned(), &|o| o.isa = Some(isa));
    }
    // So little memory that pictures are decoded twice and go one at a time.
    same("little memory".to_owned(), &|o| o.memory_bytes = Some(56_000_000));
}

#[test]
#[cfg_attr(not(feature = "onnx"), ignore = "needs the feature onnx")]
fn nothing_but_picture_and_recipe_decides_the_bytes() {
    assert_invariant(integers, LOOK, "[output]\nbits = 16\n");
}

#[test]
fn a_lut_alone_is_invariant_too() {
    assert_invariant(integers, LUT, "");
}

#[test]
#[cfg_attr(not(feature = "onnx"), ignore = "needs the feature onnx")]
fn what_follows_distance_is_invariant() {
    assert_invariant(few, DISTANCE, "");
}

/// A resampled copy and a depth map beside the master: windows of rows, and several files from one decode.
#[test]
#[cfg_attr(not(feature = "onnx"), ignore = "needs the feature onnx")]
fn several_outputs_are_invariant() {
    let outputs = "[[output]]\nname = \"small\"\nformat = \"tiff\"\nlong_edge_px = 203\n[[output]]\nname = \"depth\"\nkind = \"depth\"\n";
    assert_invariant(|folder| 2 * few(folder), LOOK, outputs);
}

/// Two pictures, one with alpha.
fn few(folder: &Path) -> usize {
    let scene = common::scene(EXTENT, 7);
    common::write(&folder.join("strips.tif"), Format::Tiff, &scene, Compression::None);
    let covered = with_channels(&scene, common::layout(SampleType::U16, Channels::Rgba));
    common::write(&folder.join("alpha.png"), Format::Png, &covered, Compression::Deflate);
    2
}

#[test]
#[cfg_attr(not(feature = "onnx"), ignore = "needs the feature onnx")]
fn dither_depends_on_the_place_alone() {
    assert_invariant(integers, LOOK, "[output]\nbits = 8\n");
}

#[test]
#[cfg_attr(not(feature = "onnx"), ignore = "needs the feature onnx")]
fn pictures_of_light_are_invariant_too() {
    assert_invariant(floats, LOOK, "");
}

#[test]
fn a_recipe_without_operations_copies_samples() {
    let folder = tempfile::tempdir().unwrap();
    let (input, out) = (folder.path().join("in"), folder.path().join("out"));
    std::fs::create_dir(&input).unwrap();
    let count = integers(&input) + floats(&input);
    let (_, outcomes) = common::run(common::options(&out), common::recipe("version = 1"), &input, &Work::Grade);
    common::assert_done(&outcomes);
    let outputs = common::tree(&out);
    assert_eq!(outputs.len(), count);
    for (name, _) in outputs {
        let (before, after) = (common::read(&input.join(&name)), common::read(&out.join(&name)));
        assert_eq!(before.layout, after.layout, "{}", name.display());
        assert!(before.bytes() == after.bytes(), "{}", name.display());
    }
}
