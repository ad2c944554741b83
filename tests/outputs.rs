//! Several outputs from one decode: names, sizes, samples, and what each holds.

mod common;

use std::path::Path;

use chiaro::codec;
use chiaro::engine::job::Work;
use chiaro::picture::{Compression, Extent, Format, SampleType};

const EXTENT: Extent = Extent { width: 301, height: 120 };

fn info(path: &Path) -> chiaro::picture::PictureInfo {
    codec::open(path, &codec::Limits::default()).unwrap().info().clone()
}

#[test]
#[cfg_attr(not(feature = "onnx"), ignore = "needs the feature onnx")]
fn master_web_copy_and_depth_come_from_one_decode() {
    let folder = tempfile::tempdir().unwrap();
    let (input, out) = (folder.path().join("in"), folder.path().join("out"));
    std::fs::create_dir(&input).unwrap();
    common::write(&input.join("a.tif"), Format::Tiff, &common::scene(EXTENT, 1), Compression::Lzw);
    let recipe = common::recipe(
        r#"
version = 1
[[op]]
id = "exposure"
ev = 0.5
[[output]]
bits = 16
[[output]]
name = "web"
format = "jpeg"
quality = 80
long_edge_px = 100
[[output]]
name = "depth"
kind = "depth"
"#,
    );
    let (_, outcomes) = common::run(common::options(&out), recipe, &input, &Work::Grade);
    common::assert_done(&outcomes);
    let names: Vec<_> = common::tree(&out).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["a.tif", "depth/a_depth.png", "web/a.jpg"].map(Path::new));
    let master = info(&out.join("a.tif"));
    assert_eq!((master.extent, master.layout.sample, master.compression), (EXTENT, SampleType::U16, "lzw"));
    let web = info(&out.join("web/a.jpg"));
    assert_eq!((web.extent.width, web.extent.height, web.layout.sample), (100, 40, SampleType::U8));
    let depth = info(&out.join("depth/a_depth.png"));
    assert_eq!((depth.extent, depth.layout.sample), (EXTENT, SampleType::U16));
}

/// The small copy is what the master looks like from far away.
#[test]
fn a_resized_copy_keeps_the_light() {
    let folder = tempfile::tempdir().unwrap();
    let (input, out) = (folder.path().join("in"), folder.path().join("out"));
    std::fs::create_dir(&input).unwrap();
    common::write(&input.join("a.tif"), Format::Tiff, &common::scene(EXTENT, 2), Compression::None);
    let recipe = common::recipe(
        "version = 1\n[output]\nbits = \"float\"\ncolor = \"linear-rec2020\"\nwidth_px = 43\nheight_px = 30\n",
    );
    let (_, outcomes) = common::run(common::options(&out), recipe, &input, &Work::Grade);
    common::assert_done(&outcomes);
    let small = common::read(&out.join("a.tif"));
    assert_eq!((small.region.width, small.region.rows), (43, 30));
    let whole = common::recipe("version = 1\n[output]\nbits = \"float\"\ncolor = \"linear-rec2020\"\n");
    let again = folder.path().join("whole");
    common::assert_done(&common::run(common::options(&again), whole, &input, &Work::Grade).1);
    let large = common::read(&again.join("a.tif"));
    let mean = |strip: &chiaro::picture::Strip| {
        let values: &[f32] = bytemuck::cast_slice(strip.words());
        let values = &values[..strip.byte_len() / 4];
        values.iter().map(|v| f64::from(*v)).sum::<f64>() / values.len() as f64
    };
    let (small, large) = (mean(&small), mean(&large));
    assert!((small / large - 1.0).abs() < 0.01, "{small} instead of {large}");
}

/// A mask behind a resize is shown in the size it works at; and a resize that leaves a picture its size takes no promise back.
#[test]
fn masks_and_sizes_go_together() {
    let folder = tempfile::tempdir().unwrap();
    let (input, out) = (folder.path().join("in"), folder.path().join("out"));
    std::fs::create_dir(&input).unwrap();
    common::write(&input.join("a.tif"), Format::Tiff, &common::scene(EXTENT, 3), Compression::None);
    let masked = "version = 1\n[[op]]\nid = \"resize\"\nlong_edge_px = 150\n[[op]]\nid = \"exposure\"\nev = 1\nmask = { luma = [0.5, 1] }\n";
    let (_, outcomes) = common::run(common::options(&out), common::recipe(masked), &input, &Work::Mask(2));
    common::assert_done(&outcomes);
    assert_eq!(info(&out.join("a_mask2.png")).extent, Extent { width: 150, height: 60 });
    let idle = masked
        .replace("long_edge_px = 150", "long_edge_px = 9000")
        .replace("luma = [0.5, 1]", "linear = { from = [0.5, 0], to = [1, 0] }");
    let whole = folder.path().join("whole");
    common::assert_done(&common::run(common::options(&whole), common::recipe(&idle), &input, &Work::Grade).1);
    let (before, after) = (common::read(&input.join("a.tif")), common::read(&whole.join("a.tif")));
    let left = |strip: &chiaro::picture::Strip| {
        let rows = strip.bytes().chunks_exact(strip.row_bytes());
        rows.flat_map(|row| row[..row.len() / 2 / 6 * 6].to_vec()).collect::<Vec<u8>>()
    };
    assert!(left(&before) == left(&after), "the unmasked half was touched");
    assert!(before.bytes() != after.bytes(), "nothing was graded");
}

#[test]
fn outputs_that_cannot_be_told_apart_are_refused() {
    for (text, word) in [
        ("[[output]]\n[[output]]\n", "no name"),
        ("[[output]]\nname = \"a\"\n[[output]]\nname = \"A\"\n", "named"),
        ("[output]\nlong_edge_px = 5\nwidth_px = 5\n", "contradict"),
        ("[output]\nname = \"../x\"\n", "allowed"),
        ("[output]\nkind = \"depth\"\nbits = 8\n", "allowed: 16"),
        ("[output]\nkind = \"depth\"\nquality = 8\n", "have a meaning there"),
    ] {
        let text = format!("version = 1\n{text}");
        let error = chiaro::recipe::Recipe::from_text("t", &text, Path::new(""), Path::new("t.toml"));
        let Err(error) = error else { panic!("{text} was accepted") };
        assert!(error.to_string().contains(word), "{error}");
    }
}

/// What a format says in its own words goes into a small copy of the same format too, as far as it is wanted.
#[test]
fn a_resized_copy_keeps_the_facts_of_its_format() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in");
    std::fs::create_dir(&input).unwrap();
    let strip = common::scene(EXTENT, 3);
    let text = vec![("Title".to_owned(), "a cat".to_owned()), ("Copyright".to_owned(), "by nobody".to_owned())];
    let png = chiaro::codec::SinkSpec { text: text.clone(), ..common::spec(EXTENT, strip.layout, Compression::None) };
    let file = std::fs::File::create_new(input.join("a.png")).unwrap();
    let mut sink = codec::create(Format::Png, file, &input.join("a.png"), png).unwrap();
    sink.write(&strip, &common::pool(1)).unwrap();
    sink.finish(&common::pool(1)).unwrap();
    let float = chiaro::picture::PixelLayout { sample: SampleType::F32, ..strip.layout };
    let exr = chiaro::codec::SinkSpec { text, ..common::spec(EXTENT, float, Compression::None) };
    let file = std::fs::File::create_new(input.join("b.exr")).unwrap();
    let mut sink = codec::create(Format::Exr, file, &input.join("b.exr"), exr).unwrap();
    sink.write(&chiaro::picture::Strip::new(strip.region, float), &common::pool(1)).unwrap();
    sink.finish(&common::pool(1)).unwrap();

    for (policy, title, rights) in [("all", true, [true; 2]), ("copyright", false, [true, false])] {
        let recipe = format!("version = 1\n[output]\nlong_edge_px = 100\nmetadata = \"{policy}\"\n");
        let out = folder.path().join(policy);
        let (_, outcomes) = common::run(common::options(&out), common::recipe(&recipe), &input, &Work::Grade);
        common::assert_done(&outcomes);
        for (name, rights) in ["a.png", "b.exr"].into_iter().zip(rights) {
            assert_eq!(info(&out.join(name)).extent.width, 100);
            let bytes = std::fs::read(out.join(name)).unwrap();
            let has = |text: &str| bytes.windows(text.len()).any(|w| w == text.as_bytes());
            assert_eq!((has("a cat"), has("by nobody")), (title, rights), "{name}, {policy}");
        }
    }
}
