//! Depth maps beside pictures and in them: what their numbers mean, how they meet the picture, and what is said of bad ones.

mod common;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chiaro::codec::{self, Compression, Format};
use chiaro::engine::job::{DepthExport, Outcome, Status, Work};
use chiaro::engine::options::EngineOptions;
use chiaro::picture::{Channels, Extent, Region, SampleType, Strip};
use chiaro::recipe::Recipe;

const EXTENT: Extent = Extent { width: 96, height: 64 };

/// Meters of a pixel: a floor, a box in front of it, and sky.
fn meters(x: u32, y: u32, extent: Extent) -> f32 {
    let (u, v) = (x as f32 / extent.width as f32, y as f32 / extent.height as f32);
    if (0.3..0.5).contains(&u) && (0.2..0.9).contains(&v) { 2.0 } else { 1.5 / (0.05 + v.max(0.2)) }
}

fn map_of(extent: Extent) -> Vec<f32> {
    (0..extent.height).flat_map(|y| (0..extent.width).map(move |x| meters(x, y, extent))).collect()
}

/// A gray strip of numbers.
fn gray(extent: Extent, sample: SampleType, values: &[f32]) -> Strip {
    let region = Region { width: extent.width, y: 0, rows: extent.height };
    let mut strip = Strip::new(region, common::layout(sample, Channels::Gray));
    match sample {
        SampleType::U16 => {
            let samples: &mut [u16] = bytemuck::cast_slice_mut(strip.words_mut());
            samples.iter_mut().zip(values).for_each(|(to, v)| *to = v.round() as u16);
        }
        _ => bytemuck::cast_slice_mut(strip.words_mut()).copy_from_slice(values),
    }
    strip
}

fn png(path: &Path, extent: Extent, values: &[f32]) {
    common::write(path, Format::Png, &gray(extent, SampleType::U16, values), Compression::Deflate);
}

fn npy(path: &Path, extent: Extent, values: &[f32]) {
    let shape = format!("({}, {})", extent.height, extent.width);
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
    header.push_str(&" ".repeat(128 - 10 - header.len() - 1));
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\0".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    values.iter().for_each(|v| bytes.extend(v.to_le_bytes()));
    std::fs::write(path, bytes).unwrap();
}

fn pfm(path: &Path, extent: Extent, values: &[f32]) {
    let mut bytes = format!("Pf\n{} {}\n-1.0\n", extent.width, extent.height).into_bytes();
    for row in values.chunks_exact(extent.width as usize).rev() {
        row.iter().for_each(|v| bytes.extend(v.to_le_bytes()));
    }
    std::fs::write(path, bytes).unwrap();
}

/// A fresh folder with pictures in `in` and what a run makes of them.
struct Place(tempfile::TempDir);

impl Place {
    fn new(pictures: &[&str]) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        for folder in ["in", "m"] {
            std::fs::create_dir(place.0.path().join(folder)).unwrap();
        }
        for name in pictures {
            common::write(&place.input(name), Format::Tiff, &common::scene(EXTENT, 7), Compression::Lzw);
        }
        place
    }

    fn input(&self, name: &str) -> PathBuf {
        self.0.path().join("in").join(name)
    }

    /// A map beside the pictures' folder.
    fn m(&self, name: &str) -> PathBuf {
        self.0.path().join("m").join(name)
    }

    fn options(&self, out: &str) -> EngineOptions {
        common::options(&self.0.path().join(out))
    }

    /// Depth maps (16 bit) of all pictures, in `out`.
    fn depth(&self, out: &str, depth: &str) -> Vec<Outcome> {
        self.run(self.options(out), depth, "", &Work::Depth(vec![DepthExport::Png]))
    }

    fn run(&self, options: EngineOptions, depth: &str, ops: &str, work: &Work) -> Vec<Outcome> {
        common::run(options, recipe(depth, ops), &self.0.path().join("in"), work).1
    }

    fn map(&self, out: &str, name: &str) -> Vec<u16> {
        common::samples_u16(&common::read(&self.0.path().join(out).join(name))).to_vec()
    }
}

fn recipe(depth: &str, ops: &str) -> Arc<Recipe> {
    common::recipe(&format!("version = 1\n[depth]\n{depth}\n{ops}"))
}

fn failure(outcome: &Outcome) -> &str {
    match &outcome.status {
        Status::Failed { message, .. } => message,
        other => panic!("{other:?}"),
    }
}

fn worst(a: &[u16], b: &[u16]) -> u16 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max().unwrap()
}

/// The same depth in every form gives the same map.
#[test]
fn every_form_of_depth_means_the_same() {
    let place = Place::new(&["a.tif"]);
    let truth = map_of(EXTENT);
    let scaled = |factor: f32| truth.iter().map(|z| z * factor).collect::<Vec<_>>();
    let near = truth.iter().copied().fold(f32::INFINITY, f32::min);
    let far = truth.iter().copied().fold(0.0, f32::max);
    npy(&place.m("a_m.npy"), EXTENT, &truth);
    pfm(&place.m("a_m.pfm"), EXTENT, &truth);
    png(&place.m("a_mm.png"), EXTENT, &scaled(1000.0));
    png(&place.m("a_kitti.png"), EXTENT, &scaled(256.0));
    png(&place.m("a_tum.png"), EXTENT, &scaled(5000.0));
    common::write(&place.m("a_z.exr"), Format::Exr, &gray(EXTENT, SampleType::F32, &scaled(3.0)), Compression::Deflate);
    npy(&place.m("a_d.npy"), EXTENT, &truth.iter().map(|z| 7.0 / z - 2.0).collect::<Vec<_>>());
    npy(&place.m("a_i.npy"), EXTENT, &truth.iter().map(|z| 2.0 - 7.0 / z).collect::<Vec<_>>());
    let places = [
        ("a_m.npy", "unit = \"meters\""),
        ("a_m.pfm", "unit = \"meters\""),
        ("a_m.npy", "unit = \"proportional\"\nscale = 4.5"),
        ("a_mm.png", "unit = \"millimeters\""),
        ("a_mm.png", "unit = \"meters\"\nscale = 0.001"),
        ("a_kitti.png", "unit = \"kitti\""),
        ("a_tum.png", "unit = \"tum\""),
        ("a_z.exr", ""),
        ("a_d.npy", ""),
        ("a_d.npy", "unit = \"relative\"\npolarity = \"near-is-large\""),
        ("a_i.npy", "polarity = \"near-is-small\""),
    ];
    let mut first = Vec::new();
    for (i, (file, keys)) in places.iter().enumerate() {
        let out = format!("out{i}");
        let pattern = file.replacen('a', "{stem}", 1);
        let outcomes = place.depth(&out, &format!("source = \"../m/{pattern}\"\n{keys}"));
        common::assert_done(&outcomes);
        assert_eq!(outcomes.len(), 1, "maps are no pictures: {outcomes:?}");
        assert!(outcomes[0].depth.as_deref().unwrap().contains(file), "{outcomes:?}");
        let map = place.map(&out, "a_depth.png");
        if first.is_empty() {
            first = map;
            continue;
        }
        // Codes of 1/256 m, and percentiles that are right within 0.3 %.
        assert!(worst(&first, &map) < 1500, "{file} {keys}: {}", worst(&first, &map));
    }
    // Nearest and farthest percent are the ends, and what is between is disparity.
    let expected = |z: f32| (1.0 / z - 1.0 / far) / (1.0 / near - 1.0 / far);
    let off =
        first.iter().zip(&truth).map(|(d, z)| (f32::from(*d) / 65_535.0 - expected(*z)).abs()).fold(0.0, f32::max);
    assert!(off < 0.05, "{off}");
}

/// A linear pass from black to white is distance.
#[test]
fn distances_and_anchors() {
    let place = Place::new(&["a.tif"]);
    let truth = map_of(EXTENT);
    let far = truth.iter().copied().fold(0.0, f32::max);
    let linear: Vec<f32> = truth.iter().map(|z| (z - 1.0) / (far - 1.0) * 65_535.0).collect();
    png(&place.m("a_depth.png"), EXTENT, &linear);
    let white: Vec<f32> = linear.iter().map(|v| 65_535.0 - v).collect();
    png(&place.m("a_white.png"), EXTENT, &white);
    common::assert_done(&place.depth("black", "source = \"../m/{stem}_depth.png\"\nunit = \"distance\""));
    let keys = "source = \"../m/{stem}_white.png\"\nunit = \"distance\"\npolarity = \"near-is-large\"";
    common::assert_done(&place.depth("white", keys));
    assert!(worst(&place.map("black", "a_depth.png"), &place.map("white", "a_depth.png")) < 500);
    npy(&place.m("a_m.npy"), EXTENT, &truth);
    let keys = "source = \"../m/{stem}_m.npy\"\nunit = \"meters\"\nnear_m = 1.0\nfar_m = 100.0";
    common::assert_done(&place.depth("anchored", keys));
    let expected = truth.iter().map(|z| (1.0 / z - 0.01) / 0.99);
    let found = place.map("anchored", "a_depth.png");
    let off = found.iter().zip(expected).map(|(d, e)| (f32::from(*d) / 65_535.0 - e).abs()).fold(0.0, f32::max);
    assert!(off < 2e-5, "{off}");
}

/// Neither strips nor threads matter, for maps of the picture's size (with holes) and of another.
#[test]
fn strips_and_threads_do_not_matter() {
    let place = Place::new(&["a.tif"]);
    let mut own = map_of(EXTENT).iter().map(|z| z * 1000.0).collect::<Vec<_>>();
    own.iter_mut().step_by(7).for_each(|v| *v = 0.0);
    png(&place.input("a_own.png"), EXTENT, &own);
    let small = Extent { width: 48, height: 32 };
    png(&place.input("a_small.png"), small, &map_of(small).iter().map(|z| z * 1000.0).collect::<Vec<_>>());
    let ops = "[[op]]\nid = \"haze\"\n[[op]]\nid = \"depth_grade\"\nfar_exposure = -1.0\n";
    for file in ["own", "small"] {
        let depth = format!("source = \"{{stem}}_{file}.png\"\nunit = \"millimeters\"");
        let mut trees = Vec::new();
        for (rows, threads) in [(64, 1), (1, 1), (7, 2), (16, 8)] {
            let out = format!("{file}{rows}x{threads}");
            let options = EngineOptions { strip_rows: Some(rows), threads: Some(threads), ..place.options(&out) };
            let work = Work::Grade;
            common::assert_done(&place.run(options, &depth, ops, &work)[..1]);
            trees.push(std::fs::read(place.0.path().join(&out).join("a.tif")).unwrap());
        }
        assert!(trees.iter().all(|tree| *tree == trees[0]), "{file}");
    }
}

/// A map of half the size follows the picture's own edges; holes are filled from their surroundings.
#[test]
fn smaller_maps_are_joined_and_holes_filled() {
    let place = Place::new(&["a.tif"]);
    let truth = map_of(EXTENT);
    png(&place.input("a_own.png"), EXTENT, &truth.iter().map(|z| z * 1000.0).collect::<Vec<_>>());
    let mut holes: Vec<f32> = truth.iter().map(|z| z * 1000.0).collect();
    for y in 30..36 {
        (70..80).for_each(|x| holes[y * 96 + x] = if x % 2 == 0 { 0.0 } else { 65_535.0 });
    }
    png(&place.input("a_holes.png"), EXTENT, &holes);
    let small = Extent { width: 48, height: 32 };
    png(&place.input("a_small.png"), small, &map_of(small).iter().map(|z| z * 1000.0).collect::<Vec<_>>());
    for name in ["own", "holes", "small"] {
        let keys = format!("source = \"{{stem}}_{name}.png\"\nunit = \"millimeters\"");
        common::assert_done(&place.depth(name, &keys)[..1]);
    }
    let [own, holes, small] = ["own", "holes", "small"].map(|name| place.map(name, "a_depth.png"));
    let far_off = |map: &[u16], by: u16| own.iter().zip(map).filter(|(a, b)| a.abs_diff(**b) > by).count();
    assert!(worst(&own, &holes) < 3000, "{}", worst(&own, &holes));
    assert!(far_off(&small, 3000) < own.len() / 12, "{} of {}", far_off(&small, 3000), own.len());
}

/// Every bad map is a sentence, and the picture without fault is done.
#[test]
fn bad_maps_fail_their_pictures_with_a_sentence() {
    let names = ["good", "missing", "folder", "short", "aspect", "zero", "colored", "text", "empty"];
    let files: Vec<String> = names.iter().map(|name| format!("{name}.tif")).collect();
    let place = Place::new(&files.iter().map(String::as_str).collect::<Vec<_>>());
    let map = |name: &str| place.input(&format!("{name}.map"));
    let truth: Vec<f32> = map_of(EXTENT).iter().map(|z| z * 1000.0).collect();
    for name in ["good", "short"] {
        png(&map(name), EXTENT, &truth);
    }
    std::fs::create_dir(map("folder")).unwrap();
    let bytes = std::fs::read(map("short")).unwrap();
    std::fs::write(map("short"), &bytes[..bytes.len() / 2]).unwrap();
    let wide = Extent { width: 96, height: 50 };
    png(&map("aspect"), wide, &map_of(wide));
    png(&map("zero"), EXTENT, &vec![0.0; truth.len()]);
    common::write(&map("colored"), Format::Png, &colorful(), Compression::Deflate);
    std::fs::write(map("text"), "no picture at all, only words").unwrap();
    std::fs::write(map("empty"), []).unwrap();
    let outcomes = place.depth("out", "source = \"{stem}.map\"\nunit = \"millimeters\"");
    let by_name = |name: &str| {
        let index = outcomes.iter().position(|o| o.outputs.iter().any(|p| p.ends_with(format!("{name}_depth.png"))));
        index.map(|i| &outcomes[i])
    };
    assert!(by_name("good").is_some());
    let failures: Vec<&str> = outcomes.iter().filter(|o| o.status != Status::Done).map(failure).collect();
    for (name, words) in [
        ("missing", "there is no such file"),
        ("folder", "it is a folder"),
        ("short", "truncated"),
        ("aspect", "96x50 pixels, the picture 96x64"),
        ("zero", "none of its 6144 values is a distance"),
        ("colored", "in color"),
        ("text", "not a picture format"),
        ("empty", "is empty"),
    ] {
        let found = failures.iter().find(|f| f.contains(&format!("{name}.tif")));
        let message = found.unwrap_or_else(|| panic!("{name} is not among {failures:#?}"));
        assert!(message.contains(words) && message.contains(&format!("{name}.map")), "{message}");
    }
}

fn colorful() -> Strip {
    let region = Region { width: EXTENT.width, y: 0, rows: EXTENT.height };
    let mut strip = Strip::new(region, common::layout(SampleType::U8, Channels::Rgb));
    strip.bytes_mut().iter_mut().enumerate().for_each(|(i, v)| *v = (i * 83 % 251) as u8);
    strip
}

/// Infinity is sky, NaN is nothing, and a map of nothing but them is refused.
#[test]
fn odd_numbers_of_float_maps() {
    let place = Place::new(&["a.tif"]);
    let mut values = map_of(EXTENT);
    values[..1000].fill(f32::INFINITY);
    values[1000..1010].fill(f32::NAN);
    values[1010..1020].fill(-3.0);
    npy(&place.input("a_z.npy"), EXTENT, &values);
    let keys = "source = \"{stem}_z.npy\"\nunit = \"meters\"";
    common::assert_done(&place.depth("out", keys)[..1]);
    let map = place.map("out", "a_depth.png");
    assert!(map[..1000].iter().all(|d| *d == 0) && map[1000..1020].iter().all(|d| *d < 40_000));
    npy(&place.input("a_z.npy"), EXTENT, &vec![f32::NAN; values.len()]);
    assert!(failure(&place.depth("out2", keys)[0]).contains("none of its"));
}

/// Nothing is done twice, a map that changed is, and one that was never there is not asked for when nothing reads depth.
#[test]
fn a_changed_map_renders_anew() {
    let place = Place::new(&["a.tif"]);
    let truth: Vec<f32> = map_of(EXTENT).iter().map(|z| z * 1000.0).collect();
    png(&place.m("a.png"), EXTENT, &truth);
    let keys = "source = \"../m/{stem}.png\"\nunit = \"millimeters\"";
    let status = || place.depth("out", keys).remove(0).status;
    assert_eq!((status(), status()), (Status::Done, Status::UpToDate));
    let before = place.map("out", "a_depth.png");
    png(&place.m("a.png"), EXTENT, &truth.iter().rev().copied().collect::<Vec<_>>());
    assert_eq!((status(), status()), (Status::Done, Status::UpToDate));
    assert_ne!(before, place.map("out", "a_depth.png"));
    let ops = "[[op]]\nid = \"exposure\"\nev = 1.0\n";
    let work = Work::Grade;
    common::assert_done(&place.run(place.options("bare"), "source = \"nowhere/{stem}.png\"", ops, &work));
}

/// The file of facts beside a map is part of what a map is: a mended one renders anew, a damaged one is told.
#[test]
fn facts_beside_a_map_count() {
    let place = Place::new(&["a.tif"]);
    npy(&place.m("a.npy"), EXTENT, &map_of(EXTENT));
    let says = |text: &str| std::fs::write(place.m("a.npy.json"), text).unwrap();
    let run = || place.depth("out", "source = \"../m/{stem}.npy\"").remove(0);
    let is_done_once = |run: Outcome| {
        assert_eq!(run.status, Status::Done);
        run.depth.unwrap()
    };
    says("{\"title\": \"a.npy\", \"depth\": 3}");
    assert!(is_done_once(run()).contains("nothing says so"));
    assert_eq!(run().status, Status::UpToDate);
    says("{\"depth:unit\": \"meters\", \"depth:kind\": \"metric-depth\"}");
    assert!(is_done_once(run()).contains("meters (the file says so)"));
    assert_eq!(run().status, Status::UpToDate);
    for (text, word) in [
        ("{\"depth:unit\": \"met".to_owned(), "damaged"),
        ("{\"depth:unit\": 1}".to_owned(), "depth:unit is no text"),
        ("{\"depth:unit\": \"meters\", \"orientation\": 9}".to_owned(), "1 to 8"),
        (format!("{{\"depth:unit\": \"meters\", \"more\": \"{}\"}}", "x".repeat(1 << 16)), "64 KiB"),
    ] {
        says(&text);
        let outcome = run();
        let message = failure(&outcome);
        assert!(message.contains(word) && message.contains("a.npy.json") && message.contains("a.tif"), "{message}");
    }
}

/// A map that does not say how it lies is taken as the picture is stored, with a word; one that does is believed.
#[test]
fn turned_pictures_and_maps_that_do_not_say_how_they_lie() {
    let place = Place::new(&[]);
    let scene = common::scene(EXTENT, 7);
    let file = std::fs::File::create(place.input("a.tif")).unwrap();
    let spec = codec::SinkSpec { orientation: 6, ..common::spec(EXTENT, scene.layout, Compression::None) };
    let pool = common::pool(1);
    let mut sink = codec::create(Format::Tiff, file, &place.input("a.tif"), spec).unwrap();
    sink.write(&scene, &pool).unwrap();
    sink.finish(&pool).unwrap();
    for (name, extent) in [("own", EXTENT), ("small", Extent { width: 48, height: 32 })] {
        npy(&place.m(&format!("{name}.npy")), extent, &map_of(extent));
        let warned = |out: &str| {
            let outcomes = place.depth(out, &format!("source = \"../m/{name}.npy\""));
            common::assert_done(&outcomes);
            outcomes[0]
                .warnings
                .iter()
                .any(|w| w.contains("is taken as lying as the picture is stored (orientation 6)"))
        };
        assert!(warned(&format!("{name}1")), "{name}");
        let says = "{\"orientation\": 6, \"depth:kind\": \"relative-disparity\"}";
        std::fs::write(place.m(&format!("{name}.npy.json")), says).unwrap();
        assert!(!warned(&format!("{name}2")), "{name}");
    }
}

/// What the numbers are taken for is doubted where they say otherwise.
#[test]
fn inverted_maps_are_remarked() {
    let extent = Extent { width: 256, height: 192 };
    let place = Place::new(&[]);
    common::write(&place.input("a.tif"), Format::Tiff, &common::scene(extent, 7), Compression::Lzw);
    let truth = map_of(extent);
    png(&place.input("a_mm.png"), extent, &truth.iter().map(|z| z * 1000.0).collect::<Vec<_>>());
    let warned = |out: &str, keys: &str| {
        let outcomes = place.depth(out, &format!("source = \"{{stem}}_mm.png\"\n{keys}"));
        common::assert_done(&outcomes);
        outcomes[0].warnings.iter().any(|w| w.contains("looks inverted"))
    };
    assert!(!warned("right", "unit = \"millimeters\""));
    assert!(warned("wrong", ""));
}

/// A map whose edges are elsewhere is doubted.
#[test]
fn maps_of_other_pictures_are_remarked() {
    let extent = Extent { width: 256, height: 192 };
    let place = Place::new(&[]);
    common::write(&place.input("a.tif"), Format::Tiff, &common::scene(extent, 7), Compression::Lzw);
    // Posts of the scene stand at every odd seventh of its width.
    let posts = |extent: Extent, shift: u32| -> Vec<f32> {
        let near = |x: u32, y: u32| {
            let v = y as f32 / extent.height as f32;
            ((x + shift) * 7 / extent.width) % 2 == 1 && v > 0.3 && v < 0.8
        };
        let value = |x: u32, y: u32| if near(x, y) { 60_000.0 } else { 3000.0 + 40.0 * y as f32 };
        (0..extent.height).flat_map(|y| (0..extent.width).map(move |x| (x, y))).map(|(x, y)| value(x, y)).collect()
    };
    for (name, shift, expected) in [("own", 0, false), ("ownoff", 9, true)] {
        png(&place.m(&format!("a_{name}.png")), extent, &posts(extent, shift));
        let outcomes = place.depth(name, &format!("source = \"../m/{{stem}}_{name}.png\""));
        common::assert_done(&outcomes);
        let warned = outcomes[0].warnings.iter().any(|w| w.contains("its edges are not those of the picture"));
        assert_eq!(warned, expected, "{name}: {:?}", outcomes[0].warnings);
    }
}

/// A map that another program of ours wrote says what it is.
#[test]
fn exports_come_back() {
    let place = Place::new(&["a.tif"]);
    npy(&place.m("a.npy"), EXTENT, &map_of(EXTENT));
    let work = Work::Depth(vec![DepthExport::Png, DepthExport::Exr]);
    let keys = "source = \"../m/{stem}.npy\"\nunit = \"meters\"";
    common::assert_done(&place.run(place.options("first"), keys, "", &work));
    let first = place.map("first", "a_depth.png");
    for extension in ["png", "exr"] {
        let keys = format!("source = \"../first/{{stem}}_depth.{extension}\"");
        let outcomes = place.depth(extension, &keys);
        common::assert_done(&outcomes);
        assert!(outcomes[0].depth.as_deref().unwrap().contains("the file says so"), "{outcomes:?}");
        assert!(worst(&first, &place.map(extension, "a_depth.png")) < 700, "{extension}");
    }
}

#[test]
fn a_channel_of_a_picture_that_has_none_is_told_with_the_way_out() {
    let place = Place::new(&["a.tif"]);
    let outcomes = place.depth("out", "source = \"exr:Z\"");
    let message = failure(&outcomes[0]);
    assert!(message.contains("(depth.source = \"exr:Z\"), it has none") && !message.contains("recipe"), "{message}");
    assert!(message.contains("only EXR") && message.contains("'{stem}_z.exr:Z'"), "{message}");
}
