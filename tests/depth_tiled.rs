//! `detail = "tiled"` and `guide = "rgb"` from file to file: the same bits however the work is cut, no seams on a wall, and plans that say what
//! will be done. `tests/oracle/tiled_panorama.py` measures the same on a panorama of 200 megapixels, and its memory.
#![cfg(feature = "onnx")]

mod cli_util;
mod common;

use std::path::Path;

use chiaro::engine::job::Work;
use chiaro::engine::options::EngineOptions;
use chiaro::ops::Isa;
use chiaro::picture::{Alpha, Channels, Compression, Extent, Format, PixelLayout, SampleType, Strip};
use cli_util::Dir;

/// Twice the embedded model's size, and no multiple of it.
const EXTENT: Extent = Extent { width: 571, height: 421 };
/// The part of its width that is a wall.
const WALL: usize = 320;

const LOOK: &str = r#"
version = 1
[depth]
detail = "tiled"
guide = "rgb"
[[op]]
id = "depth_grade"
far_exposure = -0.5
[[output]]
name = "graded"
[[output]]
name = "depth"
kind = "depth"
format = "png"
"#;

/// A blank wall, a little darker to the right, beside a scene.
fn picture() -> Strip {
    let mut strip = common::scene(EXTENT, 3);
    let width = EXTENT.width as usize;
    let samples: &mut [u16] = bytemuck::cast_slice_mut(strip.words_mut());
    for (i, pixel) in samples.chunks_exact_mut(3).enumerate().take(EXTENT.pixels() as usize) {
        let x = i % width;
        if x < WALL {
            let light = 44_000 - 6 * x as u16;
            pixel.copy_from_slice(&[light, light - 900, light - 3000]);
        }
    }
    strip
}

/// The same in linear light, for pictures of light.
fn light(strip: &Strip) -> Strip {
    let layout = PixelLayout { sample: SampleType::F16, channels: Channels::Rgb, alpha: Alpha::None };
    let mut out = Strip::new(strip.region, layout);
    for (code, bytes) in common::samples_u16(strip).iter().zip(out.bytes_mut().chunks_exact_mut(2)) {
        bytes.copy_from_slice(&half::f16::from_f32((f32::from(*code) / 65_535.0).powi(2) * 3.0).to_ne_bytes());
    }
    out
}

fn outputs(look: &str, input: &Path, change: impl Fn(&mut EngineOptions)) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let out = tempfile::tempdir().unwrap();
    let mut options = common::options(out.path());
    change(&mut options);
    let (_, outcomes) = common::run(options, common::recipe(look), input, &Work::Grade);
    common::assert_done(&outcomes);
    for outcome in &outcomes {
        let depth = outcome.depth.clone().unwrap_or_default();
        assert_eq!(depth.contains("of 9 tiles"), look.contains("tiled"), "{depth}");
    }
    common::tree(out.path())
}

#[test]
fn how_the_work_is_cut_changes_no_bit() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in");
    let picture = picture();
    common::write(&input.join("codes.png"), Format::Png, &picture, Compression::Deflate);
    common::write(&input.join("light.exr"), Format::Exr, &light(&picture), Compression::Deflate);
    let other_codes = format!("{LOOK}[input]\ncolor = \"adobe-rgb\"\noverride = true\n");
    for look in [LOOK, &other_codes] {
        let reference = outputs(look, &input, |_| {});
        assert_eq!(reference.len(), 4);
        let same = |what: &str, change: &dyn Fn(&mut EngineOptions)| {
            for ((name, bytes), (_, expected)) in outputs(look, &input, change).iter().zip(&reference) {
                assert!(bytes == expected, "{}: {what}", name.display());
            }
        };
        same("7 rows, 8 threads", &|o| (o.strip_rows, o.threads) = (Some(7), Some(8)));
        let plainest = Isa::available().first().copied();
        same("all rows, one thread, the plainest instructions", &|o| {
            (o.strip_rows, o.threads, o.isa) = (Some(EXTENT.height), Some(1), plainest);
        });
        let by_luma = outputs(&look.replace("\"rgb\"", "\"luma\""), &input, |_| {});
        for ((name, color), (_, luma)) in reference.iter().zip(&by_luma) {
            assert!(color != luma, "{}: the guide makes no difference", name.display());
        }
    }
}

/// The 16-bit depth map of the only picture in `input`.
fn map(look: &str, input: &Path) -> Vec<i32> {
    let outputs = outputs(look, input, |_| {});
    let (_, bytes) = outputs.iter().find(|(name, _)| name.starts_with("depth")).unwrap();
    let file = tempfile::Builder::new().suffix(".png").tempfile().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    common::samples_u16(&common::read(file.path())).iter().map(|code| i32::from(*code)).collect()
}

#[test]
fn a_wall_shows_no_seams() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in");
    common::write(&input.join("wall.png"), Format::Png, &picture(), Compression::Deflate);
    let luma = LOOK.replace("\"rgb\"", "\"luma\"");
    let (tiled, whole) = (map(&luma, &input), map(&luma.replace("\"tiled\"", "\"whole\""), &input));
    assert!(tiled != whole, "tiles change nothing");
    // What tiles add must not step by an 8-bit code (257 of 16 bit) from one pixel to the next, where there is nothing to see. Away from
    // the end of the wall, which is an edge.
    let (width, height) = (EXTENT.width as usize, EXTENT.height as usize);
    let added = |x: usize, y: usize| tiled[y * width + x] - whole[y * width + x];
    let mut worst = 0;
    for y in 0..height - 1 {
        for x in 0..WALL - 60 {
            let here = added(x, y);
            worst = worst.max((added(x + 1, y) - here).abs()).max((added(x, y + 1) - here).abs());
        }
    }
    println!("largest step {worst} of 257");
    assert!(worst <= 257, "{worst}");
}

#[test]
fn plans_say_how_many_tiles_there_will_be() {
    let dir = Dir::new();
    dir.picture_of("large.tif", Extent { width: 1100, height: 800 });
    dir.picture("small.tif");
    let plan = |name: &str| {
        dir.run(&["plan", name, "-r", "interior", "--set", "depth.detail=tiled", "-o", "out"]).ends(0).stdout
    };
    assert!(plan("large.tif").contains("25 tiles of 1024x768: 26 inferences"), "{}", plan("large.tif"));
    assert!(plan("small.tif").contains("holds all that tiles could show"), "{}", plan("small.tif"));
    let wrong = dir.run(&["plan", "small.tif", "-r", "interior", "--set", "depth.detail=tiles"]).ends(2).stderr;
    assert!(wrong.contains("did you mean \"tiled\""), "{wrong}");
}
