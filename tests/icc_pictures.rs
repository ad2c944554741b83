//! Pictures that are converted while they are read, and colors that recipes assign: from file to file.

mod common;
mod tiff_util;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chiaro::codec::{self, icc_source};
use chiaro::color::icc::{self, Conversion};
use chiaro::color::{encodings, matrix};
use chiaro::engine::job::{Outcome, Status, Work};
use chiaro::picture::{Alpha, Channels, ColorModel, Compression, Format, PictureInfo, PixelLayout, SampleType};
use chiaro::recipe::Recipe;
use tiff_util::{Build, samples};

fn profile(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/icc").join(name).with_extension("icc")).unwrap()
}

fn layout(sample: SampleType, channels: Channels) -> PixelLayout {
    let alpha = if channels.has_alpha() { Alpha::Unassociated } else { Alpha::None };
    PixelLayout { sample, channels, alpha }
}

struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("in")).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts `in/a.tif`: random samples, tags and profile as given.
    fn put(&self, layout: PixelLayout, photometric: u16, icc: Option<&[u8]>) -> Vec<u8> {
        let pixels = samples(24, 16, layout);
        let mut build = Build { compression: 8, ..Build::new(24, 16, layout) }.short(262, photometric);
        if photometric == 5 {
            build.more.push((338, 3, 0, Vec::new()));
        }
        if let Some(icc) = icc {
            build.more.push((34675, 7, icc.len() as u64, icc.to_vec()));
        }
        std::fs::write(self.path("in/a.tif"), build.build(&pixels)).unwrap();
        pixels
    }

    fn recipe(&self, text: &str) -> Result<Recipe, chiaro::error::Error> {
        Recipe::from_text("t", &format!("version = 1\n{text}"), self.folder.path(), Path::new("t.toml"))
    }

    fn run(&self, text: &str) -> Outcome {
        let recipe = Arc::new(self.recipe(text).unwrap());
        _ = std::fs::remove_dir_all(self.path("out"));
        let (_, mut outcomes) = common::run(common::options(&self.path("out")), recipe, &self.path("in"), &Work::Grade);
        outcomes.remove(0)
    }

    /// Runs and returns facts and samples of the output.
    fn done(&self, text: &str) -> (PictureInfo, Vec<u8>, Outcome) {
        let outcome = self.run(text);
        assert_eq!(outcome.status, Status::Done);
        let path = outcome.outputs[0].clone();
        let strip = common::read(&path);
        (codec::open(&path, &Default::default()).unwrap().info().clone(), strip.bytes().to_vec(), outcome)
    }

    fn failed(&self, text: &str) -> String {
        match self.run(text).status {
            Status::Failed { message, .. } => message,
            other => panic!("{other:?}"),
        }
    }
}

const EXPOSURE: &str = "[[op]]\nid = \"exposure\"\nev = 0.5\n";

fn codes(bytes: &[u8]) -> Vec<u16> {
    bytes.as_chunks::<2>().0.iter().map(|v| u16::from_ne_bytes(*v)).collect()
}

#[test]
fn cmyk_becomes_prophoto_as_the_profile_says() {
    let bench = Bench::new();
    let cmyk = profile("cmyk-lut16");
    let conversion = Conversion::new(&cmyk, 4).unwrap();
    let pixels = codes(&bench.put(layout(SampleType::U16, Channels::Rgba), 5, Some(&cmyk)));
    let (info, out, outcome) = bench.done("");
    assert_eq!(info.layout, layout(SampleType::U16, Channels::Rgb));
    assert_eq!((info.encoding.primaries, info.encoding.curve), (matrix::PROPHOTO, encodings::PROPHOTO_CURVE));
    assert!(outcome.warnings.iter().any(|w| w.contains("CMYK is converted")), "{:?}", outcome.warnings);
    for (ink, rgb) in pixels.chunks_exact(4).zip(codes(&out).chunks_exact(3)) {
        let exact = conversion.pixel([0, 1, 2, 3].map(|i| f32::from(ink[i]) / 65_535.0));
        assert!(exact.iter().zip(rgb).all(|(a, b)| (a * 65_535.0 - f32::from(*b)).abs() < 0.51), "{ink:?} {rgb:?}");
    }
    // Eight bits in, eight bits out, in a space whose steps they bear; or what the recipe asks for.
    bench.put(layout(SampleType::U8, Channels::Rgba), 5, Some(&cmyk));
    let (info, ..) = bench.done(EXPOSURE);
    assert_eq!((info.layout.sample, info.encoding.primaries), (SampleType::U8, matrix::ADOBE_RGB));
    let (info, ..) = bench.done(&format!("{EXPOSURE}[output]\nbits = 16\ncolor = \"display-p3\"\n"));
    assert_eq!((info.layout.sample, info.encoding.primaries), (SampleType::U16, matrix::DISPLAY_P3));
    let (info, ..) = bench.done(&format!("{EXPOSURE}[output]\nformat = \"exr\"\n"));
    assert_eq!(info.format, "exr");
    // EXR holds chromaticities in single precision.
    assert!((info.encoding.primaries.green[1] - matrix::PROPHOTO.green[1]).abs() < 1e-6);
}

#[test]
fn cmyk_without_a_profile_waits_for_one() {
    let bench = Bench::new();
    bench.put(layout(SampleType::U8, Channels::Rgba), 5, None);
    assert!(bench.failed("").contains("CMYK without an ICC profile"));
    assert!(bench.failed("[input]\ncolor = \"srgb\"\n").contains("name a CMYK profile"));
    std::fs::write(bench.path("press.icc"), profile("cmyk-mab")).unwrap();
    bench.done("[input]\ncolor = \"press.icc\"\n");
    // A profile for other data.
    std::fs::write(bench.path("press.icc"), profile("rgb-lut16")).unwrap();
    assert!(bench.failed("[input]\ncolor = \"press.icc\"\n").contains("the picture has 4 channels"));
}

#[test]
fn lookup_table_profiles_are_followed_when_something_is_done_and_kept_when_nothing_is() {
    let bench = Bench::new();
    for (name, channels) in [
        ("rgb-lut16", Channels::Rgb),
        ("rgb-mab", Channels::Rgba),
        ("rgb-three-curves", Channels::Rgb),
        ("gray-lut16", Channels::Gray),
        ("gray-lut16", Channels::GrayAlpha),
        ("rgb-lut16", Channels::Gray),
    ] {
        let (icc, photometric) = (profile(name), if channels.is_color() { 2 } else { 1 });
        let pixels = bench.put(layout(SampleType::U16, channels), photometric, Some(&icc));
        let (info, out, outcome) = bench.done("");
        assert_eq!((&out, info.metadata.icc.as_ref()), (&pixels, Some(&icc)), "{name}");
        assert!(outcome.warnings.is_empty(), "{:?}", outcome.warnings);
        let (info, out, outcome) = bench.done("[output]\ncolor = \"prophoto\"\n");
        assert_eq!(info.layout, layout(SampleType::U16, channels), "{name}");
        assert!(outcome.warnings.iter().any(|w| w.contains("tables of their profile")), "{:?}", outcome.warnings);
        let inputs = if icc::is_color(&icc) == Some(true) { 3 } else { 1 };
        let conversion = Conversion::new(&icc, inputs).unwrap();
        let (count, color) = (channels.count(), if channels.is_color() { 3 } else { 1 });
        for (a, b) in codes(&pixels).chunks_exact(count).zip(codes(&out).chunks_exact(count)) {
            let at = |i: usize| f32::from(a[i.min(color - 1)]) / 65_535.0;
            let exact = conversion.pixel(if inputs == 3 { [at(0), at(1), at(2), 0.0] } else { [at(0), 0.0, 0.0, 0.0] });
            let exact = if color == 1 { vec![exact[1]] } else { exact.to_vec() };
            assert!(
                exact.iter().zip(b).all(|(a, b)| (a * 65_535.0 - f32::from(*b)).abs() < 0.51),
                "{name} {a:?} {b:?}"
            );
            assert_eq!(a[color..], b[color..], "alpha of {name}");
        }
    }
}

#[test]
fn lab_pictures_are_read() {
    let bench = Bench::new();
    for (sample, photometric) in [(SampleType::U8, 8), (SampleType::U16, 8), (SampleType::U8, 9), (SampleType::U16, 9)]
    {
        bench.put(layout(sample, Channels::Rgb), photometric, None);
        let (info, _, outcome) = bench.done(EXPOSURE);
        assert_eq!(info.layout.sample, sample);
        assert!(outcome.warnings.iter().any(|w| w.contains("L*a*b* is converted")), "{:?}", outcome.warnings);
    }
}

#[test]
fn input_color_is_for_untagged_pictures_and_override_for_all() {
    let bench = Bench::new();
    let rgb = layout(SampleType::U16, Channels::Rgb);
    let pixels = bench.put(rgb, 2, None);
    // Only the meaning changes: the samples stay, and the output says it.
    let (info, out, _) = bench.done("[input]\ncolor = \"prophoto\"\n");
    assert_eq!(
        (info.encoding.primaries, info.encoding.curve, &out),
        (matrix::PROPHOTO, encodings::PROPHOTO_CURVE, &pixels)
    );
    let (_, converted, _) = bench.done("[input]\ncolor = \"prophoto\"\n[output]\ncolor = \"srgb\"\n");
    assert_ne!(converted, pixels);
    // In float, scene light: an untagged one is linear Rec.709 unless the recipe says otherwise.
    bench.put(layout(SampleType::F32, Channels::Rgb), 2, None);
    assert_eq!(bench.done("[input]\ncolor = \"acescg\"\n").0.encoding.primaries, matrix::ACES_AP1);
    // Tagged pictures keep what they say.
    let p3 = icc::write(&encodings::display_p3(), true).unwrap();
    bench.put(rgb, 2, Some(&p3));
    assert_eq!(bench.done("[input]\ncolor = \"adobe-rgb\"\n").0.encoding.primaries, matrix::DISPLAY_P3);
    let (info, ..) = bench.done("[input]\ncolor = \"adobe-rgb\"\noverride = true\n");
    assert_eq!(info.encoding.primaries, matrix::ADOBE_RGB);
    let source = codec::open_for(
        &bench.path("in/a.tif"),
        &Default::default(),
        &bench.recipe("[input]\ncolor = \"srgb\"\noverride = true\n").unwrap(),
        None,
        false,
    );
    assert_eq!(source.unwrap().info().encoding_source, icc_source::ASSIGNED);
    // A logarithmic input has to become something that a file can say.
    bench.put(rgb, 2, None);
    assert!(bench.failed("[input]\ncolor = \"acescct\"\n").contains("give [output] color"));
    bench.done("[input]\ncolor = \"acescct\"\n[output]\ncolor = \"acescg\"\n");
    let error = bench.recipe("[input]\noverride = true\n").err().unwrap().to_string();
    assert!(error.contains("override without color"), "{error}");
}

#[test]
fn exr_stays_linear_unless_a_recipe_insists() {
    let bench = Bench::new();
    let strip = chiaro::picture::Strip::new(
        chiaro::picture::Region { width: 4, y: 0, rows: 4 },
        layout(SampleType::F16, Channels::Rgb),
    );
    common::write(&bench.path("in/a.exr"), Format::Exr, &strip, Compression::None);
    let open = |text: &str| {
        let recipe = bench.recipe(text).unwrap();
        codec::open_for(&bench.path("in/a.exr"), &Default::default(), &recipe, None, false).unwrap().info().clone()
    };
    let curve = |text: &str| open(text).encoding.curve;
    assert_eq!(open("[input]\ncolor = \"acescg\"\noverride = true\n").encoding.primaries, matrix::ACES_AP1);
    assert_eq!(curve("[input]\ncolor = \"srgb\"\n"), chiaro::picture::Curve::Linear);
    assert_eq!(curve("[input]\ncolor = \"srgb\"\noverride = true\n"), encodings::SRGB_CURVE);
}

#[test]
fn output_color_can_be_a_profile_file_that_is_embedded_as_it_is() {
    let bench = Bench::new();
    bench.put(layout(SampleType::U16, Channels::Rgb), 2, None);
    let mut own = encodings::adobe_rgb();
    own.name = "my monitor".to_owned();
    let bytes = icc::write(&own, true).unwrap();
    std::fs::write(bench.path("own.icc"), &bytes).unwrap();
    let text = "[output]\ncolor = \"own.icc\"\n";
    let (info, out, _) = bench.done(text);
    assert_eq!(info.metadata.icc.as_ref(), Some(&bytes));
    assert_eq!(out, bench.done("[output]\ncolor = \"adobe-rgb\"\n").1);
    // Its content is part of the look, its name is not.
    let hash = bench.recipe(text).unwrap().hash;
    std::fs::copy(bench.path("own.icc"), bench.path("other.icc")).unwrap();
    assert_eq!(bench.recipe("[output]\ncolor = \"other.icc\"\n").unwrap().hash, hash);
    std::fs::write(bench.path("own.icc"), icc::write(&encodings::display_p3(), true).unwrap()).unwrap();
    assert_ne!(bench.recipe(text).unwrap().hash, hash);
    let again = bench.recipe(text).unwrap();
    let written = Recipe::from_text("t", &again.to_toml(), Path::new(""), Path::new("t.toml")).unwrap();
    assert_eq!(written.hash, again.hash);
    // What cannot be written in.
    for name in ["cmyk-lut16", "rgb-lut16"] {
        std::fs::write(bench.path("own.icc"), profile(name)).unwrap();
        let error = bench.recipe(text).err().unwrap().to_string();
        assert!(error.contains("matrix or gray profile"), "{error}");
    }
    assert!(bench.recipe("[output]\ncolor = \"none.icc\"\n").is_err());
    assert!(bench.recipe("[output]\ncolor = \"acescct\"\n").err().unwrap().to_string().contains("acescg"));
}

#[test]
fn png_is_converted_in_order_of_its_rows() {
    let bench = Bench::new();
    let extent = chiaro::picture::Extent { width: 50, height: 700 };
    let strip = common::scene(extent, 3);
    let icc = profile("rgb-lut16");
    let mut spec = common::spec(extent, strip.layout, Compression::Deflate);
    spec.metadata.icc = Some(icc.clone());
    let path = bench.path("in/a.png");
    let mut sink = codec::create(Format::Png, std::fs::File::create(&path).unwrap(), &path, spec).unwrap();
    sink.write(&strip, &common::pool(1)).unwrap();
    sink.finish(&common::pool(1)).unwrap();
    let (info, out, _) = bench.done("");
    assert_eq!((out.as_slice(), info.metadata.icc.as_ref()), (strip.bytes(), Some(&icc)));
    let (info, out, _) = bench.done("[output]\ncolor = \"prophoto\"\n");
    assert_eq!((info.format, info.encoding.primaries), ("png", matrix::PROPHOTO));
    let conversion = Conversion::new(&icc, 3).unwrap();
    for (a, b) in codes(strip.bytes()).chunks_exact(3).zip(codes(&out).chunks_exact(3)) {
        let exact = conversion.pixel([0, 1, 2, 2].map(|i| f32::from(a[i]) / 65_535.0));
        assert!(exact.iter().zip(b).all(|(a, b)| (a * 65_535.0 - f32::from(*b)).abs() < 0.51), "{a:?} {b:?}");
    }
    // A depth map needs to know the colors of a picture that is only copied otherwise.
    let recipe = bench.recipe("").unwrap();
    let limits = Default::default();
    for (needed, encoding) in [(false, "sRGB"), (true, "ProPhoto RGB")] {
        let source = codec::open_for(&path, &limits, &recipe, None, needed).unwrap();
        assert_eq!(source.info().encoding.name, encoding);
    }
}

#[test]
fn luts_on_converted_pictures_name_their_encoding() {
    let bench = Bench::new();
    bench.put(layout(SampleType::U16, Channels::Rgb), 2, Some(&profile("rgb-mab")));
    std::fs::write(bench.path("a.cube"), "LUT_1D_SIZE 2\n0 0 0\n0.5 0.5 0.5\n").unwrap();
    let lut = "[[op]]\nid = \"lut\"\nfile = \"a.cube\"\n";
    assert!(bench.failed(lut).contains("converted while it is read"));
    bench.done(&format!("{lut}encoding = \"prophoto\"\n"));
}

#[test]
fn a_source_says_that_it_converts() {
    let bench = Bench::new();
    bench.put(layout(SampleType::U8, Channels::Rgba), 5, Some(&profile("cmyk-lut8")));
    let path = bench.path("in/a.tif");
    assert_eq!(codec::open(&path, &Default::default()).unwrap().info().model, ColorModel::Cmyk);
    let recipe = Recipe::empty("r");
    let source = codec::open_for(&path, &Default::default(), &recipe, None, false).unwrap();
    assert_eq!(source.info().model, ColorModel::Converted(SampleType::U8));
    assert_eq!(source.info().encoding_source, icc_source::CONVERTED);
}
