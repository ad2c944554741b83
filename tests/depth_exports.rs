//! Depth maps in every form: values and facts come back as they went in.
#![cfg(feature = "onnx")]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chiaro::engine::job::{DepthExport, MapStyle, Outcome, Status, Work};
use chiaro::engine::options::EngineOptions;
use chiaro::picture::{Channels, Compression, Extent, Format, Region, SampleType, Strip};
use chiaro::recipe::{Colors, DepthUnit, Recipe};

const EXTENT: Extent = Extent { width: 90, height: 61 };
/// The built-in network as a file.
const NETWORK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/models/chiaro-small/chiaro-small.onnx");
const SHA256: &str = "612d1dde05e2a031f4e5c4a01850e8db5f00135a6f04feacf0aee3f684cd62a8";

struct Ran {
    folder: tempfile::TempDir,
    outcomes: Vec<Outcome>,
}

impl Ran {
    fn out(&self, name: &str) -> PathBuf {
        self.folder.path().join("out").join(name)
    }
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(NETWORK, folder.path().join("net.onnx")).unwrap();
    common::write(&folder.path().join("in/a.tif"), Format::Tiff, &common::scene(EXTENT, 3), Compression::None);
    folder
}

fn run(folder: tempfile::TempDir, recipe: Recipe, work: &Work, maps: MapStyle) -> Ran {
    // Strips of seven rows: every sink has to put several together.
    let options = EngineOptions { maps, strip_rows: Some(7), ..common::options(&folder.path().join("out")) };
    let (_, outcomes) = common::run(options, Arc::new(recipe), &folder.path().join("in"), work);
    Ran { folder, outcomes }
}

/// The network, said to answer in meters; more keys of `[depth]`.
fn metric(folder: &Path, keys: &str) -> Recipe {
    let model = "model = \"net.onnx\"\nsize = \"256x192\"\nmean = 0\nstd = 1\noutput = \"meters\"";
    depth_recipe(folder, &format!("{model}\n{keys}"))
}

fn depth_recipe(folder: &Path, keys: &str) -> Recipe {
    let text = format!("version = 1\n[depth]\n{keys}\n");
    Recipe::from_text("t", &text, folder, Path::new("t.toml")).unwrap()
}

const IN_METERS: MapStyle = MapStyle { colors: Colors::Gray, unit: DepthUnit::Meters };

/// Facts inside a PNG, TIFF or EXR, or beside a PFM or NPY.
fn facts(path: &Path) -> BTreeMap<String, String> {
    let beside = PathBuf::from(format!("{}.json", path.display()));
    let bytes = std::fs::read(path).unwrap();
    match path.extension().unwrap().to_str().unwrap() {
        "png" => png_texts(&bytes),
        "tif" => {
            let at = bytes.windows(12).position(|w| w == b"depth:kind: ").expect("an ImageDescription");
            let text: Vec<u8> = bytes[at..].iter().copied().take_while(|b| *b != 0).collect();
            let text = String::from_utf8(text).unwrap();
            let pairs = text.split("; ").map(|pair| pair.split_once(": ").unwrap());
            pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
        }
        "exr" => exr_strings(&bytes),
        _ => {
            let value: serde_json::Value = serde_json::from_slice(&std::fs::read(beside).unwrap()).unwrap();
            let text = |v: &serde_json::Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
            value.as_object().unwrap().iter().map(|(k, v)| (k.clone(), text(v))).collect()
        }
    }
}

/// `tEXt` chunks (PNG specification, 11.3.4.3).
fn png_texts(bytes: &[u8]) -> BTreeMap<String, String> {
    let (mut at, mut found) = (8, BTreeMap::new());
    while at + 12 <= bytes.len() {
        let length = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        let data = &bytes[at + 8..at + 8 + length];
        if &bytes[at + 4..at + 8] == b"tEXt" {
            let end = data.iter().position(|b| *b == 0).unwrap();
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            found.insert(text(&data[..end]), text(&data[end + 1..]));
        }
        at += 12 + length;
    }
    found
}

/// Attributes of the type `string` that begin with `depth:` (OpenEXR file layout, "Header").
fn exr_strings(bytes: &[u8]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let starts = (0..bytes.len().min(4096)).filter(|i| bytes[*i..].starts_with(b"depth:"));
    for at in starts {
        let rest = &bytes[at..];
        let end = rest.iter().position(|b| *b == 0).unwrap();
        let value = &rest[end + 1 + b"string\0".len()..];
        let length = i32::from_le_bytes(value[..4].try_into().unwrap()) as usize;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        found.insert(text(&rest[..end]), text(&value[4..4 + length]));
    }
    found
}

/// The floats of a map.
fn floats(path: &Path) -> Vec<f32> {
    match path.extension().unwrap().to_str().unwrap() {
        "npy" => {
            let bytes = std::fs::read(path).unwrap();
            let start = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
            bytes[start..].chunks_exact(4).map(|v| f32::from_le_bytes(v.try_into().unwrap())).collect()
        }
        "exr" => {
            let mut source = chiaro::codec::open(path, &Default::default()).unwrap();
            let Extent { width, height } = source.info().extent;
            let mut depth = vec![0.0; (width * height) as usize];
            let region = Region { width, y: 0, rows: height };
            source.read_depth(region, &mut depth, &common::pool(1)).unwrap();
            depth
        }
        _ => bytemuck::cast_slice(common::read(path).words()).to_vec(),
    }
}

#[test]
fn every_form_holds_the_same_map_and_says_what_it_is() {
    let work = Work::Depth(DepthExport::ALL.to_vec());
    let maps = MapStyle { colors: Colors::Gray, unit: DepthUnit::Relative };
    let ran = run(folder(), Recipe::empty("t"), &work, maps);
    common::assert_done(&ran.outcomes);
    let map = floats(&ran.out("a_depth.npy"));
    assert_eq!(map.len() as u64, EXTENT.pixels());
    let code = |d: &f32| (d.clamp(0.0, 1.0) * 65_535.0 + 0.5) as u16;
    let codes: Vec<u16> = map.iter().map(code).collect();
    for name in ["a_depth.png", "a_depth.tif"] {
        assert_eq!(common::samples_u16(&common::read(&ran.out(name))), codes, "{name}");
    }
    assert_eq!(floats(&ran.out("a_depth32.tif")), map);
    assert_eq!(floats(&ran.out("a_depth.pfm")), map);
    for (z, d) in floats(&ran.out("a_depth.exr")).iter().zip(&map) {
        assert!((z - 1.2 / (d.clamp(0.0, 1.0) + 0.2)).abs() < 1e-5);
    }

    for (name, kind, polarity) in [
        ("a_depth.png", "relative-disparity", "near-is-large"),
        ("a_depth.tif", "relative-disparity", "near-is-large"),
        ("a_depth32.tif", "relative-disparity", "near-is-large"),
        ("a_depth.pfm", "relative-disparity", "near-is-large"),
        ("a_depth.npy", "relative-disparity", "near-is-large"),
        ("a_depth.exr", "relative-depth", "near-is-small"),
        ("a_depth_preview.png", "preview", "white = near, black = far"),
        ("a_side_by_side.png", "preview", "white = near, black = far"),
    ] {
        let facts = facts(&ran.out(name));
        let of = |key: &str| facts.get(&format!("depth:{key}")).map(String::as_str);
        assert_eq!((of("kind"), of("polarity"), of("unit")), (Some(kind), Some(polarity), Some("relative")), "{name}");
        assert_eq!((of("model"), of("model-sha256")), (Some("chiaro-small"), Some(SHA256)), "{name}");
        let number = |key| of(key).map(|text| text.parse::<f32>().unwrap());
        match kind {
            "preview" => assert_eq!(of("colors"), Some("gray")),
            _ => assert!(number("near").unwrap() > number("far").unwrap(), "{name}"),
        }
    }
    let beside = facts(&ran.out("a_depth.npy"));
    assert_eq!((beside["file"].as_str(), beside["width"].as_str()), ("a_depth.npy", "90"));

    // For people: the picture on the left, its map on the right.
    let (preview, pair) = (common::read(&ran.out("a_depth_preview.png")), common::read(&ran.out("a_side_by_side.png")));
    assert_eq!((pair.region.width, pair.region.rows), (2 * EXTENT.width, EXTENT.height));
    let picture = common::read(&ran.folder.path().join("in/a.tif"));
    let row = 3 * EXTENT.width as usize;
    for (y, both) in pair.bytes().chunks_exact(2 * row).enumerate() {
        assert_eq!(both[row..], preview.bytes()[y * row..(y + 1) * row]);
        let came = common::samples_u16(&picture)[y * row..(y + 1) * row].iter();
        assert!(came.zip(both).all(|(came, shown)| (i32::from(*came) - 257 * i32::from(*shown)).abs() <= 129));
    }
    assert!(
        preview
            .bytes()
            .chunks_exact(3)
            .zip(&map)
            .all(|(c, d)| { c[0] == c[1] && (f32::from(c[0]) / 255.0 - d.clamp(0.0, 1.0)).abs() < 0.003 })
    );
}

#[test]
fn meters_come_out_of_metric_models_and_are_refused_of_relative_ones() {
    let exports = [DepthExport::TiffFloat, DepthExport::Exr, DepthExport::Pfm, DepthExport::Npy];
    let work = Work::Depth(exports.to_vec());
    let of = |unit| {
        let folder = folder();
        let recipe = metric(folder.path(), "");
        run(folder, recipe, &work, MapStyle { unit, ..MapStyle::default() })
    };
    let (relative, meters) = (of(DepthUnit::Relative), of(DepthUnit::Meters));
    common::assert_done(&meters.outcomes);
    let normalization = facts(&relative.out("a_depth.npy"));
    let [near, far] = ["depth:near", "depth:far"].map(|key| normalization[key].parse::<f32>().unwrap());
    let map = floats(&relative.out("a_depth.npy"));
    for export in exports {
        let name = format!("a{}", export.suffix());
        let facts = facts(&meters.out(&name));
        assert_eq!(facts["depth:kind"], "metric-depth", "{name}");
        assert_eq!((facts["depth:unit"].as_str(), facts["depth:polarity"].as_str()), ("meters", "near-is-small"));
        for (z, d) in floats(&meters.out(&name)).iter().zip(&map) {
            let disparity = far + d * (near - far);
            let right = if disparity > 0.0 { (z * disparity - 1.0).abs() < 1e-4 } else { *z == f32::INFINITY };
            assert!(right, "{name}: {z} {disparity}");
        }
    }

    let maps = MapStyle { unit: DepthUnit::Meters, ..MapStyle::default() };
    let refused = run(folder(), Recipe::empty("t"), &work, maps);
    let Status::Failed { message, .. } = &refused.outcomes[0].status else { panic!("{:?}", refused.outcomes) };
    for word in ["a.tif", "chiaro-small", "relative", "output = \"meters\""] {
        assert!(message.contains(word), "{message}");
    }
}

#[test]
fn supplied_meters_come_out_as_they_went_in() {
    let folder = folder();
    let table = concat!(env!("CARGO_MANIFEST_DIR"), "/data/samples/table.exr");
    std::fs::remove_file(folder.path().join("in/a.tif")).unwrap();
    std::fs::copy(table, folder.path().join("in/t.exr")).unwrap();
    let work = Work::Depth(vec![DepthExport::Npy, DepthExport::Png]);
    let maps = MapStyle { unit: DepthUnit::Meters, ..MapStyle::default() };
    let ran = run(folder, Recipe::empty("t"), &work, maps);
    common::assert_done(&ran.outcomes);
    assert!(ran.outcomes[0].warnings.iter().any(|w| w.contains("does not say its unit")), "{:?}", ran.outcomes);
    let (came, went) = (floats(Path::new(table)), floats(&ran.out("t_depth.npy")));
    assert_eq!(came.len(), went.len());
    for (came, went) in came.iter().zip(&went) {
        let is_distance = *came > 0.0 && came.is_finite();
        assert!(if is_distance { (went / came - 1.0).abs() < 1e-6 } else { *went == f32::INFINITY }, "{came} {went}");
    }
    assert_eq!(facts(&ran.out("t_depth.png"))["depth:kind"], "relative-disparity");
}

#[test]
fn what_is_no_depth_gets_its_meters_from_the_anchors() {
    let ramp = |x: u32| x as f32 / (EXTENT.width - 1) as f32;
    let region = Region { width: EXTENT.width, y: 0, rows: EXTENT.height };
    let mut codes = Strip::new(region, common::layout(SampleType::U16, Channels::Gray));
    let samples: &mut [u16] = bytemuck::cast_slice_mut(codes.words_mut());
    (0..).zip(samples).for_each(|(i, code)| *code = (ramp(i % EXTENT.width) * 65_535.0) as u16);
    let near_and_far = "near_m = 2\nfar_m = 50";
    for (unit, meters) in
        [("distance", (|t| 2.0 + 48.0 * t) as fn(f32) -> f32), ("relative", |d| 1.0 / (0.02 + 0.48 * d))]
    {
        let run = |keys: &str, maps| {
            let folder = folder();
            common::write(&folder.path().join("m/a.png"), Format::Png, &codes, Compression::Deflate);
            let keys = format!("source = \"../m/{{stem}}.png\"\nunit = \"{unit}\"\n{keys}");
            let recipe = depth_recipe(folder.path(), &keys);
            let ran = run(folder, recipe, &Work::Depth(vec![DepthExport::Npy]), maps);
            common::assert_done(&ran.outcomes);
            ran
        };
        let ran = run(near_and_far, IN_METERS);
        assert_eq!(facts(&ran.out("a_depth.npy"))["depth:unit"], "meters");
        for (i, z) in (0..).zip(floats(&ran.out("a_depth.npy"))) {
            // The first and the last column are more than a percent each.
            let expected = meters(ramp(i % EXTENT.width));
            assert!((z / expected - 1.0).abs() < 0.04, "{unit} at {i}: {z}, {expected}");
        }
        // Distances of unknown scale are bent to look like disparity: no two numbers straighten them.
        let relative = facts(&run("", MapStyle::default()).out("a_depth.npy"));
        assert_eq!(relative.contains_key("depth:near"), unit == "relative");
        let tied = facts(&run(near_and_far, MapStyle::default()).out("a_depth.npy"));
        assert!((tied["depth:near"].parse::<f32>().unwrap() - 0.5).abs() < 1e-6, "{tied:?}");
    }
}

#[test]
fn anchors_tie_estimated_depth_to_meters() {
    let work = Work::Depth(vec![DepthExport::Npy]);
    let run = |keys: &str, is_metric: bool, maps| {
        let folder = folder();
        let path = folder.path();
        let recipe = if is_metric { metric(path, keys) } else { depth_recipe(path, keys) };
        let ran = run(folder, recipe, &work, maps);
        common::assert_done(&ran.outcomes);
        let npy = ran.out("a_depth.npy");
        (floats(&npy), facts(&npy))
    };
    let number = |facts: &BTreeMap<String, String>, key: &str| facts[key].parse::<f32>().unwrap();
    // A relative model: its nearest percent lies at near_m, its farthest at far_m.
    let keys = "near_m = 2\nfar_m = 50";
    let ((map, said), (meters, metric_facts)) = (run(keys, false, MapStyle::default()), run(keys, false, IN_METERS));
    assert_eq!(metric_facts["depth:unit"], "meters");
    assert!((number(&said, "depth:near") - 0.5).abs() < 1e-6 && (number(&said, "depth:far") - 0.02).abs() < 1e-6);
    for (d, z) in map.iter().zip(&meters) {
        let disparity = 0.02 + 0.48 * d;
        let right = if disparity > 1e-4 { (z * disparity - 1.0).abs() < 1e-3 } else { *z > 1e3 };
        assert!(right, "{d} {z}");
    }
    // A metric model: the anchors replace the percentiles, its meters stay.
    let (free, norm) = run("", true, MapStyle::default());
    let (near, far) = (number(&norm, "depth:near"), number(&norm, "depth:far"));
    let keys = format!("near_m = {}\nfar_m = {}", 1.0 / near, 2.0 / near);
    let (tied, said) = run(&keys, true, MapStyle::default());
    assert!((number(&said, "depth:far") / near - 0.5).abs() < 1e-4, "{said:?}");
    let off = free.iter().zip(&tied).filter(|(free, tied)| {
        let disparity = [far + **free * (near - far), near * 0.5 + **tied * near * 0.5];
        (disparity[0] - disparity[1]).abs() > 0.03 * near
    });
    let off = off.count();
    assert!(off * 20 < free.len() && free != tied, "{off} of {}", free.len());
}

#[test]
fn recipes_name_their_maps() {
    let text = "version = 1\n[[output]]\nname = \"graded\"\nformat = \"png\"\n\
        [[output]]\nname = \"z\"\nkind = \"depth\"\nformat = \"npy\"\n\
        [[output]]\nname = \"codes\"\nkind = \"depth\"\nformat = \"tiff\"\n\
        [[output]]\nname = \"floats\"\nkind = \"depth\"\nformat = \"tiff\"\nbits = \"float\"\n\
        [[output]]\nname = \"look\"\nkind = \"side-by-side\"\ncolors = \"magma\"\n";
    let recipe = Recipe::from_text("t", text, Path::new("."), Path::new("t.toml")).unwrap();
    let again = Recipe::from_text("t", &recipe.to_toml(), Path::new("."), Path::new("t.toml")).unwrap();
    assert_eq!((&again.outputs, &again.hash), (&recipe.outputs, &recipe.hash));
    let ran = run(folder(), recipe, &Work::Grade, MapStyle::default());
    common::assert_done(&ran.outcomes);
    let names: Vec<_> = common::tree(&ran.folder.path().join("out")).into_iter().map(|(path, _)| path).collect();
    let expected = [
        "codes/a_depth.tif",
        "floats/a_depth32.tif",
        "graded/a.png",
        "look/a_side_by_side.png",
        "z/a_depth.npy",
        "z/a_depth.npy.json",
    ];
    assert_eq!(names, expected.map(PathBuf::from));
    assert_eq!(facts(&ran.out("look/a_side_by_side.png"))["depth:colors"], "magma");

    for (keys, word) in [
        ("format = \"npy\"", "kind \"depth\""),
        ("colors = \"magma\"", "kind \"depth\""),
        ("kind = \"depth\"\nunit = \"meters\"", "holds relative disparity"),
        ("kind = \"depth\"\nformat = \"jpeg\"", "\"npy\""),
        ("kind = \"depth\"\nformat = \"npy\"\nbits = 16", "allowed: \"float\""),
        ("kind = \"depth-preview\"\nformat = \"tiff\"", "\"png\""),
        ("kind = \"depth-preview\"\ncolors = \"jet\"", "viridis"),
    ] {
        let text = format!("version = 1\n[output]\n{keys}\n");
        let error = Recipe::from_text("t", &text, Path::new("."), Path::new("t.toml")).err().expect(keys).to_string();
        assert!(error.contains(word), "{keys}: {error}");
    }
}
