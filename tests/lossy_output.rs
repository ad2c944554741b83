//! The real program on formats that lose: what the recipe's output table means, what is refused with advice, and what a folder of cameras'
//! files becomes.

mod cli_util;

use std::fs;

use chiaro::codec::{Compression, Format, SinkSpec};
use chiaro::picture::{Alpha, Channels, Extent, SampleType};
use cli_util::pictures::{decode, layout, pixels, pool, spec, srgb_spec, write};
use cli_util::{BRIGHTER, Dir};

const EXTENT: Extent = Extent { width: 40, height: 30 };

fn with_output(output: &str) -> String {
    format!("{BRIGHTER}\n[output]\n{output}\n")
}

/// A picture of made-up content.
fn picture(dir: &Dir, name: &str, format: Format, sample: SampleType, channels: Channels) {
    let path = dir.file(name, []);
    let layout = layout(sample, channels, Alpha::Unassociated);
    let spec = SinkSpec { compression: Compression::lossy(95, None), ..srgb_spec(EXTENT, layout) };
    write(&path, format, &spec, &pixels(EXTENT, layout), 30, &pool(1)).unwrap();
}

fn facts(dir: &Dir, name: &str) -> (&'static str, SampleType, Channels, &'static str) {
    let (info, _) = decode(&dir.path(name), &Default::default(), &pool(1)).unwrap();
    (info.format, info.layout.sample, info.layout.channels, info.compression)
}

#[test]
fn formats_follow_the_input_or_the_recipe() {
    let dir = Dir::new();
    dir.recipe(BRIGHTER);
    picture(&dir, "in/a.JPG", Format::Jpeg, SampleType::U8, Channels::Rgb);
    picture(&dir, "in/b.webp", Format::Webp, SampleType::U8, Channels::Rgba);
    dir.file("in/c.pgm", [&b"P5 40 30 65535\n"[..], &[9; 2400]].concat());
    dir.file("in/d.pfm", [&b"PF 40 30 -1\n"[..], &[62; 14_400]].concat());
    dir.file("in/e.nef", b"MM\0*\0\0\0\x08________");
    let ran = dir.grade(&["in"]).ends(0);
    assert_eq!(dir.tree("out"), ["a.JPG", "b.webp", "c.tif", "d.exr"]);
    assert!(ran.stderr.contains("1 .nef (camera raw"), "{}", ran.stderr);
    assert_eq!(facts(&dir, "out/a.JPG"), ("jpeg", SampleType::U8, Channels::Rgb, "baseline"));
    assert_eq!(facts(&dir, "out/b.webp"), ("webp", SampleType::U8, Channels::Rgba, "lossy"));
    assert_eq!(facts(&dir, "out/c.tif").1, SampleType::U16);
    assert_eq!(facts(&dir, "out/d.exr").1, SampleType::F32);

    dir.recipe(&with_output("format = \"webp\"\ncompression = \"lossless\""));
    fs::remove_file(dir.path("in/d.pfm")).unwrap();
    dir.grade(&["in", "--on-exist", "overwrite"]).ends(0);
    // Gray becomes RGB, because WebP has no gray.
    assert_eq!(facts(&dir, "out/c.webp"), ("webp", SampleType::U8, Channels::Rgb, "lossless"));
}

#[test]
fn quality_decides_about_the_size() {
    let dir = Dir::new();
    dir.recipe(&with_output("format = \"jpeg\""));
    dir.picture("in/a.tif");
    let mut size = |set: &str| {
        dir.grade(&["in", "--set", set]).ends(0);
        fs::metadata(dir.path("out/a.jpg")).unwrap().len()
    };
    let sizes = ["output.quality=100", "output.subsampling=4:2:0", "output.quality=30"].map(&mut size);
    assert!(sizes.is_sorted_by(|a, b| a > b), "{sizes:?}");
    let plan = dir.run(&["plan", "-r", "look.toml", "in", "--set", "output.quality=80"]).ends(0);
    assert!(plan.stdout.contains("lossy, quality 80, 4:2:0"), "{}", plan.stdout);
}

#[test]
fn what_would_be_lost_is_refused_with_advice() {
    let dir = Dir::new();
    dir.recipe(&with_output("format = \"jpeg\""));
    picture(&dir, "in/a.png", Format::Png, SampleType::U16, Channels::Rgba);
    let ran = dir.grade(&["in"]).ends(1);
    assert!(ran.stderr.contains("a.png") && ran.stderr.contains("JPEG holds no alpha"), "{}", ran.stderr);
    for (output, word) in [
        ("format = \"jpeg\"\nbits = 16", "jpeg holds 8 only"),
        ("format = \"webp\"\nbits = \"half\"", "webp holds 8 only"),
        ("quality = 0", "allowed: 1 to 100"),
        ("quality = 101", "allowed: 1 to 100"),
        ("subsampling = \"4:1:1\"", "4:2:0"),
        ("format = \"pnm\"", "allowed"),
        ("format = \"jpeg\"\ncompression = \"lossless\"", "jpeg always loses"),
    ] {
        dir.recipe(&with_output(output));
        let ran = dir.grade(&["in"]).ends(2);
        assert!(ran.stderr.contains(word), "{output}: {}", ran.stderr);
    }
    // Light of a scene needs tone mapping before it fits into 8 bits.
    let path = dir.file("scene/b.exr", []);
    let layout = layout(SampleType::F16, Channels::Rgb, Alpha::None);
    let linear = spec(EXTENT, layout, chiaro::color::encodings::linear_rec709());
    write(&path, Format::Exr, &linear, &pixels(EXTENT, layout), 30, &pool(1)).unwrap();
    dir.recipe(&with_output("format = \"jpeg\""));
    let ran = dir.grade(&["scene"]).ends(1);
    assert!(ran.stderr.contains("tone mapping"), "{}", ran.stderr);
}

/// A copy that was asked for in another size is no copy for nothing.
#[test]
fn compressing_anew_for_nothing_is_told() {
    let dir = Dir::new();
    picture(&dir, "in/a.jpg", Format::Jpeg, SampleType::U8, Channels::Rgb);
    let told = |recipe: &str| {
        dir.recipe(recipe);
        let plan = dir.run(&["plan", "in", "-r", "look.toml"]).ends(0);
        plan.stdout.contains("compressed anew")
    };
    assert!(told("version = 1\n"));
    assert!(!told("version = 1\n[output]\nlong_edge_px = 20\n"));
    assert!(!told("version = 1\n[output]\nformat = \"png\"\n"));
    assert!(!told(BRIGHTER));
}

#[test]
fn half_a_jpeg_fails_alone() {
    let dir = Dir::new();
    dir.recipe(BRIGHTER);
    picture(&dir, "in/a.jpg", Format::Jpeg, SampleType::U8, Channels::Rgb);
    picture(&dir, "in/b.jpg", Format::Jpeg, SampleType::U8, Channels::Rgb);
    let whole = fs::read(dir.path("in/b.jpg")).unwrap();
    fs::write(dir.path("in/b.jpg"), &whole[..whole.len() / 2]).unwrap();
    let ran = dir.grade(&["in"]).ends(1);
    assert_eq!(dir.tree("out"), ["a.jpg"]);
    assert!(ran.stderr.contains("b.jpg: truncated"), "{}", ran.stderr);
}
