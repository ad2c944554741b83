//! What a file says about its colors is true after every change of format, samples and encoding: the output is read again, and its code
//! values mean the light the input's meant.

mod common;

use std::path::Path;
use std::sync::Arc;

use chiaro::codec;
use chiaro::color::curve::{CurveConstants, Direction, apply};
use chiaro::color::matrix::{self, ADOBE_RGB, D50, DISPLAY_P3, REC709, REC2020};
use chiaro::color::{encodings, icc};
use chiaro::engine::job::{Outcome, Status, Work};
use chiaro::error::ErrorKind;
use chiaro::picture::{
    Channels, ColorEncoding, Compression, Curve, CurveTable, Extent, Format, PictureInfo, Primaries, Referred, Region,
    SampleType, Strip,
};
use chiaro::recipe::Recipe;

const EXTENT: Extent = Extent { width: 3, height: 2 };

/// A color inside every space of the table.
const LIGHT: [f64; 3] = [0.22, 0.18, 0.15];

struct Input {
    stem: &'static str,
    format: Format,
    sample: SampleType,
    channels: Channels,
    encoding: ColorEncoding,
    icc: Option<Vec<u8>>,
}

fn encoding(name: &str, primaries: Primaries, curve: Curve) -> ColorEncoding {
    ColorEncoding { name: name.to_owned(), primaries, curve, referred: Referred::Display }
}

fn table() -> Curve {
    let sample = |i: i32| ((i as f32 / 1023.0).powf(2.2) * 65_535.0).round() / 65_535.0;
    Curve::Table(Arc::new(CurveTable { samples: (0..1024).map(sample).collect() }))
}

/// Of every way to say an encoding one, and one of saying nothing.
fn inputs() -> Vec<Input> {
    use Channels::{Gray, Rgb};
    use Format::{Exr, Png, Tiff};
    use SampleType::{F16, F32, U8, U16};
    let prophoto = Primaries { red: [0.7347, 0.2653], green: [0.1596, 0.8404], blue: [0.0366, 0.0001], white: D50 };
    let power = Curve::Power { gamma: 1.8 };
    let tagged = |encoding: ColorEncoding, color| (icc::write(&encoding, color).ok(), encoding);
    let silent = |encoding: ColorEncoding| (None, encoding);
    let list = [
        ("untagged", Tiff, U16, Rgb, silent(encodings::srgb())),
        ("eight", Tiff, U8, Rgb, silent(encodings::srgb())),
        ("float", Tiff, F32, Rgb, silent(encodings::linear_rec709())),
        ("p3", Tiff, U16, Rgb, tagged(encodings::display_p3(), true)),
        ("floatcode", Tiff, F32, Rgb, tagged(encodings::adobe_rgb(), true)),
        ("prophoto", Tiff, U16, Rgb, tagged(encoding("ProPhoto", prophoto, power.clone()), true)),
        ("scanner", Tiff, U16, Rgb, tagged(encoding("scanner", ADOBE_RGB, table()), true)),
        ("graydot", Tiff, U16, Gray, tagged(encoding("gray", REC709, power), false)),
        ("graytable", Tiff, U16, Gray, tagged(encoding("gray", REC709, table()), false)),
        ("graycolor", Tiff, U16, Gray, tagged(encodings::display_p3(), true)),
        ("plain", Png, U16, Rgb, silent(encodings::srgb())),
        ("cicp", Png, U16, Rgb, silent(encodings::display_p3())),
        ("cicp2020", Png, U16, Rgb, silent(encoding("2020", REC2020, encodings::REC709_CURVE))),
        ("gama", Png, U16, Rgb, silent(encoding("gAMA", ADOBE_RGB, Curve::Power { gamma: 2.0 }))),
        ("graypng", Png, U16, Gray, silent(encoding("gAMA", REC709, Curve::Power { gamma: 1.6 }))),
        ("iccp", Png, U16, Rgb, tagged(encodings::adobe_rgb(), true)),
        ("exr", Exr, F16, Rgb, silent(encodings::linear_rec709())),
        ("exrp3", Exr, F32, Rgb, silent(ColorEncoding { primaries: DISPLAY_P3, ..encodings::linear_rec709() })),
    ];
    list.map(|(stem, format, sample, channels, (icc, encoding))| Input {
        stem,
        format,
        sample,
        channels,
        encoding,
        icc,
    })
    .into()
}

/// The code value of light by the curve's own definition, found by bisection.
fn code(curve: &Curve, light: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if decode(curve, middle) < light { low = middle } else { high = middle }
    }
    low
}

fn decode(curve: &Curve, code: f64) -> f64 {
    let Curve::Table(table) = curve else {
        let constants = CurveConstants::new(curve, Direction::Decode).unwrap();
        return f64::from(apply(&constants, code as f32));
    };
    let at = code.clamp(0.0, 1.0) * (table.samples.len() - 1) as f64;
    let low = (at as usize).min(table.samples.len() - 2);
    let (a, b) = (f64::from(table.samples[low]), f64::from(table.samples[low + 1]));
    a + (at - low as f64) * (b - a)
}

/// Light as XYZ under D50.
fn xyz(primaries: &Primaries, light: [f64; 3]) -> [f64; 3] {
    let to_xyz = matrix::rgb_to_xyz(primaries).unwrap();
    let adapted = matrix::multiply(&matrix::adaptation(primaries.white, D50).unwrap(), &to_xyz);
    matrix::apply(&adapted, light)
}

/// The light of the input's picture, and of gray ones.
fn light(channels: Channels) -> [f64; 3] {
    if channels.is_color() { LIGHT } else { [LIGHT[1]; 3] }
}

fn write(input: &Input, folder: &Path) {
    let layout = common::layout(input.sample, input.channels);
    let mut strip = Strip::new(Region { width: EXTENT.width, y: 0, rows: EXTENT.height }, layout);
    let count = layout.channels.count();
    for i in 0..strip.region.pixels() * count {
        let code = code(&input.encoding.curve, light(input.channels)[i % count]);
        let size = layout.sample.bytes();
        let bytes = match input.sample {
            SampleType::U8 => vec![(code * 255.0).round() as u8],
            SampleType::U16 => ((code * 65_535.0).round() as u16).to_ne_bytes().to_vec(),
            SampleType::F16 => half::f16::from_f64(code).to_ne_bytes().to_vec(),
            SampleType::F32 => (code as f32).to_ne_bytes().to_vec(),
        };
        strip.bytes_mut()[i * size..(i + 1) * size].copy_from_slice(&bytes);
    }
    write_strip(&folder.join(input.stem).with_extension(extension(input.format)), input, &strip);
}

fn extension(format: Format) -> &'static str {
    format.extension()
}

fn write_strip(path: &Path, input: &Input, strip: &Strip) {
    let mut spec = common::spec(EXTENT, strip.layout, Compression::Deflate);
    spec.encoding = input.encoding.clone();
    spec.metadata.icc.clone_from(&input.icc);
    let file = std::fs::File::options().read(true).write(true).create(true).truncate(true).open(path).unwrap();
    let mut sink = codec::create(input.format, file, path, spec).unwrap();
    sink.write(strip, &common::pool(1)).unwrap();
    sink.finish(&common::pool(1)).unwrap();
}

fn info(path: &Path) -> PictureInfo {
    codec::open(path, &Default::default()).unwrap().info().clone()
}

/// The first pixel as XYZ under D50, by what the file says.
fn read(path: &Path) -> (PictureInfo, [f64; 3]) {
    let (info, strip) = (info(path), common::read(path));
    let size = info.layout.sample.bytes();
    let sample = |c: usize| {
        let bytes = &strip.bytes()[c * size..(c + 1) * size];
        match info.layout.sample {
            SampleType::U8 => f64::from(bytes[0]) / 255.0,
            SampleType::U16 => f64::from(u16::from_ne_bytes(bytes.try_into().unwrap())) / 65_535.0,
            SampleType::F16 => half::f16::from_ne_bytes(bytes.try_into().unwrap()).to_f64(),
            SampleType::F32 => f64::from(f32::from_ne_bytes(bytes.try_into().unwrap())),
        }
    };
    let rgb =
        [0, 1, 2].map(|c| decode(&info.encoding.curve, sample(if info.layout.channels.is_color() { c } else { 0 })));
    let xyz = xyz(&info.encoding.primaries, rgb);
    (info, xyz)
}

struct Asked {
    format: &'static str,
    bits: &'static str,
    color: &'static str,
}

fn run(folder: &Path, out: &str, asked: &Asked, op: &str) -> Option<(Vec<Outcome>, std::path::PathBuf)> {
    let line = |key: &str, value: &str| match value {
        "" => String::new(),
        "8" | "16" => format!("{key} = {value}\n"),
        _ => format!("{key} = \"{value}\"\n"),
    };
    let output = [line("format", asked.format), line("bits", asked.bits), line("color", asked.color)].concat();
    let text = format!("version = 1\n{op}\n[output]\n{output}");
    let recipe = Recipe::from_text("test", &text, folder, Path::new("test.toml")).ok()?;
    let out = folder.join(out);
    let (_, outcomes) = common::run(common::options(&out), Arc::new(recipe), &folder.join("in"), &Work::Grade);
    Some((outcomes, out))
}

/// Checks one output against its input; the error is what is wrong.
fn check(input: &Input, path: &Path, asked: &Asked, op: &str, makes_color: bool) -> Result<(), String> {
    let (info, found) = read(path);
    let color = makes_color || input.channels.is_color();
    assert_eq!(info.layout.channels.is_color(), color);
    let mut wanted = encodings::by_name(asked.color).unwrap_or_else(|| input.encoding.clone());
    if info.format == "exr" {
        wanted = encodings::linear_of(&wanted);
    }
    if let Some(profile) = &info.metadata.icc {
        // A copied picture keeps even an odd profile; here every other one must fit.
        let copied = op.is_empty() && asked.color.is_empty() && info.format == input.format.name();
        if icc::is_color(profile) != Some(color) && !copied {
            return Err(format!("profile for color: {:?}", icc::is_color(profile)));
        }
    }
    for i in 0..=100 {
        let (code, e) = (f64::from(i) / 100.0, &info.encoding);
        let (a, b) = (decode(&e.curve, code), decode(&wanted.curve, code));
        if (a - b).abs() > 2e-5 {
            return Err(format!("the curve of {:?} gives {a} at {code}, {:?} has {b}", e.name, wanted.name));
        }
    }
    if color {
        for unit in matrix::IDENTITY {
            let (a, b) = (xyz(&info.encoding.primaries, unit), xyz(&wanted.primaries, unit));
            if a.iter().zip(b).any(|(a, b)| (a - b).abs() > 2e-3) {
                return Err(format!("primary at {a:?}, {b:?} was asked for"));
            }
        }
    }
    let exact = xyz(&input.encoding.primaries, light(input.channels));
    let exact = if input.channels.is_color() { exact } else { xyz(&REC709, light(input.channels)) };
    // Half a code of the coarser side, dither included, in light at these values.
    let tolerance = match (input.sample, info.layout.sample) {
        (SampleType::U8, _) | (_, SampleType::U8) => 6e-3,
        (SampleType::F16, _) | (_, SampleType::F16) => 3e-4,
        _ => 1e-4,
    };
    match exact.iter().zip(found).any(|(a, b)| (a - b).abs() > tolerance) {
        true => Err(format!("light {found:?}, the input's is {exact:?}")),
        false => Ok(()),
    }
}

/// Every input through every combination; returns how many outputs were checked.
fn all(op: &str, makes_color: bool, all_bits: &[&'static str]) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("in")).unwrap();
    std::fs::write(folder.path().join("identity.cube"), CUBE).unwrap();
    let inputs = inputs();
    inputs.iter().for_each(|input| write(input, &folder.path().join("in")));
    let (mut checked, mut wrong) = (0, Vec::new());
    for format in ["", "tiff", "png", "exr"] {
        for &bits in all_bits {
            for color in [""].iter().chain(encodings::NAMES).copied() {
                let asked = Asked { format, bits, color };
                let name = format!("{format}.{bits}.{color}");
                let Some((outcomes, out)) = run(folder.path(), &name, &asked, op) else { continue };
                for (outcome, input) in outcomes.iter().zip(sorted(&inputs)) {
                    if let Status::Failed { kind, message } = &outcome.status {
                        let known = ["tone mapping", "PNG holds", "EXR holds"].iter().any(|m| message.contains(m));
                        assert!(*kind == ErrorKind::Unsupported && known, "{message}");
                        continue;
                    }
                    common::assert_done(std::slice::from_ref(outcome));
                    checked += 1;
                    let path = &outcome.outputs[0];
                    assert!(path.starts_with(&out) && path.file_stem().is_some_and(|s| s == input.stem));
                    if let Err(e) = check(input, path, &asked, op, makes_color) {
                        wrong.push(format!("{} as {name}: {e}", input.stem));
                    }
                }
            }
        }
    }
    let most = inputs.len() * all_bits.len() * 4 * 6;
    println!("{checked} outputs of at most {most} checked");
    assert!(checked * 3 > most, "only {checked} of {most}");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// The inputs in the order of their files.
fn sorted(inputs: &[Input]) -> Vec<&Input> {
    let mut list: Vec<&Input> = inputs.iter().collect();
    list.sort_by_key(|input| format!("{}.{}", input.stem, extension(input.format)));
    list
}

const CUBE: &str = "LUT_3D_SIZE 2\n0 0 0\n1 0 0\n0 1 0\n1 1 0\n0 0 1\n1 0 1\n0 1 1\n1 1 1\n";

/// No identity, but nothing to see: every conversion happens.
const NEARLY_NOTHING: &str = "[[op]]\nid = \"exposure\"\nev = 1e-7\n";

#[test]
fn graded_pictures_are_what_their_files_say() {
    all(NEARLY_NOTHING, false, &["", "8", "16", "half", "float"]);
}

#[test]
fn pictures_without_operations_are_what_their_files_say() {
    all("", false, &["", "float"]);
}

#[test]
fn gray_pictures_that_become_colored_are_what_their_files_say() {
    all("[[op]]\nid = \"lut\"\nfile = \"identity.cube\"\nencoding = \"srgb\"\n", true, &[""]);
}

/// One untagged 16-bit TIFF with this profile, through a recipe.
fn with_profile(profile: &[u8], channels: Channels, op: &str, asked: &Asked) -> (Outcome, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("in")).unwrap();
    let (encoding, icc) = (encodings::srgb(), Some(profile.to_vec()));
    write(
        &Input { stem: "a", format: Format::Tiff, sample: SampleType::U16, channels, encoding, icc },
        &folder.path().join("in"),
    );
    let (mut outcomes, _) = run(folder.path(), "out", asked, op).unwrap();
    (outcomes.remove(0), folder)
}

/// A good RGB profile whose colorant and curve tags go by other names: what is left is as little a matrix profile as a table-based one.
fn without_matrix() -> Vec<u8> {
    let mut profile = icc::write(&encodings::adobe_rgb(), true).unwrap();
    for at in 0..profile.len() - 4 {
        if [b"rTRC", b"gTRC", b"bTRC"].iter().any(|tag| &profile[at..at + 4] == *tag) {
            profile[at] = b'x';
        }
    }
    profile
}

#[test]
fn unknown_colors_are_copied_but_not_graded() {
    let profile = without_matrix();
    let asked = |color, format| Asked { format, bits: "", color };
    let (copied, _folder) = with_profile(&profile, Channels::Rgb, "", &asked("", ""));
    common::assert_done(std::slice::from_ref(&copied));
    assert_eq!(info(&copied.outputs[0]).metadata.icc.as_deref(), Some(&profile[..]));
    let (copied, _folder) = with_profile(&profile, Channels::Rgb, "", &asked("", "png"));
    assert_eq!(info(&copied.outputs[0]).metadata.icc.as_deref(), Some(&profile[..]));
    for (op, asked) in [(NEARLY_NOTHING, asked("", "")), ("", asked("srgb", "")), ("", asked("", "exr"))] {
        let (outcome, _folder) = with_profile(&profile, Channels::Rgb, op, &asked);
        let Status::Failed { kind: ErrorKind::Unsupported, message } = &outcome.status else {
            panic!("{:?}", outcome.status)
        };
        assert!(message.contains("lookup tables") && message.contains("convert the picture"), "{message}");
    }
}

#[test]
fn damaged_profiles_are_not_carried_into_a_graded_picture() {
    let gray = icc::write(&encodings::srgb(), false).unwrap();
    for profile in [b"nonsense".as_slice(), &gray] {
        for (op, color, carried) in [("", "", true), (NEARLY_NOTHING, "", false), (NEARLY_NOTHING, "srgb", false)] {
            let asked = Asked { format: "", bits: "", color };
            let (outcome, _folder) = with_profile(profile, Channels::Rgb, op, &asked);
            common::assert_done(std::slice::from_ref(&outcome));
            let found = info(&outcome.outputs[0]);
            assert_eq!(found.metadata.icc.is_some(), carried, "{op} {color}");
            assert_eq!(found.encoding.name, "sRGB");
        }
    }
}
