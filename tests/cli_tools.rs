//! The commands around a run: LUTs made of recipes, estimates, models, man pages.

mod cli_util;

use std::fs;
use std::path::Path;

use chiaro::lut::{Interpolation, PreparedLut, parse_cube, sample};
use cli_util::{BRIGHTER, Dir};

fn folder() -> Dir {
    let dir = Dir::new();
    dir.recipe(BRIGHTER);
    dir.picture("in/a.tif");
    dir
}

/// The 16-bit code values of a TIFF, by a decoder that is not ours.
fn codes(path: &Path) -> Vec<u16> {
    let mut decoder = tiff::decoder::Decoder::new(fs::File::open(path).unwrap()).unwrap();
    match decoder.read_image().unwrap() {
        tiff::decoder::DecodingResult::U16(codes) => codes,
        _ => panic!("16-bit samples were expected"),
    }
}

#[test]
fn a_baked_lut_does_what_its_recipe_does() {
    let dir = folder();
    dir.recipe("version = 1\n[[op]]\nid = \"exposure\"\nev = -0.4\n[[op]]\nid = \"invert\"\n");
    dir.run(&["lut", "bake", "look.toml", "-o", "look.cube", "--size", "65"]).ends(0);
    let text = fs::read_to_string(dir.path("look.cube")).unwrap();
    assert!(text.starts_with("TITLE \"look\"\n# baked by chiaro") && text.contains("hash "), "{}", &text[..200]);
    dir.grade(&["in"]).ends(0);
    dir.run(&["lut", "apply", "look.cube", "in", "-o", "by-lut", "--device", "cpu"]).ends(0);
    let (want, got) = (codes(&dir.path("out/a.tif")), codes(&dir.path("by-lut/a.tif")));
    let worst = want.iter().zip(&got).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    assert!(worst > 0 || want != codes(&dir.path("in/a.tif")), "nothing was done");
    // 65 nodes of a smooth curve: the chord is at most h^2/8 * |f''| off, here well below 0.1 % of the range.
    assert!(worst < 64, "{worst} codes off");
    // At strength 0 the LUT does nothing.
    dir.run(&["lut", "apply", "look.cube", "in", "-o", "none", "--device", "cpu", "--strength", "0"]).ends(0);
    assert_eq!(codes(&dir.path("none/a.tif")), codes(&dir.path("in/a.tif")));
}

#[test]
fn what_cannot_be_baked_or_written_is_refused() {
    let dir = folder();
    let bake = |recipe: &str, more: &[&str]| {
        let mut arguments = vec!["lut", "bake", recipe, "-o", "x.cube"];
        arguments.extend(more);
        dir.run(&arguments)
    };
    let ran = bake("interior", &[]).ends(2);
    assert!(ran.stderr.contains("depth_grade") && ran.stderr.contains("depth"), "{}", ran.stderr);
    assert!(bake("look.toml", &["--size", "1"]).ends(2).stderr.contains("2..=129"));
    assert!(bake("look.toml", &["--encoding", "log-c"]).ends(2).stderr.contains("adobe-rgb"));
    assert!(bake("no-such", &[]).ends(2).stderr.contains("no-such"));
    assert!(!dir.path("x.cube").exists());
    bake("look.toml", &["--size", "5"]).ends(0);
    assert!(bake("look.toml", &[]).ends(2).stderr.contains("--force"));
    bake("look.toml", &["--size", "3", "--force"]).ends(0);
    assert!(dir.run(&["lut", "check", "x.cube"]).ends(0).stdout.contains("3D with 3 nodes"));
    assert!(dir.run(&["lut", "bake", "look.toml", "-o", "in"]).ends(2).stderr.contains("folder"));
    dir.run(&["lut", "bake", "look.toml", "-o", "no/x.cube"]).ends(4);
    dir.file("bad.cube", "LUT_3D_SIZE 2\n0 0 0\n");
    dir.run(&["lut", "apply", "bad.cube", "in", "-o", "out"]).ends(2);
    dir.run(&["lut", "apply", "gone.cube", "in", "-o", "out"]).ends(2);
    assert!(
        dir.run(&["lut", "apply", "x.cube", "in", "-o", "out", "--strength", "2"]).ends(2).stderr.contains("0 to 1")
    );
    assert!(!dir.path("out").exists());
}

#[test]
fn every_operation_is_baked_or_refused_by_name() {
    // (operation, whether a LUT can hold it)
    let cases = [
        ("id = \"saturation\"\namount = 30.0", true),
        ("id = \"vignette\"\namount = -1.0", false),
        ("id = \"grain\"\namount = 20.0", false),
        ("id = \"clarity\"\namount = 40.0", false),
        ("id = \"glow\"\namount = 40.0", false),
        ("id = \"exposure\"\nev = 1.0\nmask = { luma = [0.2, 0.8] }", true),
        ("id = \"exposure\"\nev = 1.0\nmask = { depth = [0.2, 0.8] }", false),
        ("id = \"exposure\"\nev = 1.0\nmask = { radial = { center = [0.5, 0.5], radius = 0.3 } }", false),
    ];
    for (op, fits) in cases {
        let dir = folder();
        dir.recipe(&format!("version = 1\n[[op]]\nid = \"invert\"\n[[op]]\n{op}\n"));
        let ran = dir.run(&["lut", "bake", "look.toml", "-o", "x.cube", "--size", "9"]);
        println!("{op}: {:?} {}", ran.code, ran.stderr);
        let name = op.split('"').nth(1).unwrap();
        if !fits {
            assert!(ran.stderr.contains(name), "{}", ran.stderr);
        }
        ran.ends(if fits { 0 } else { 2 });
    }
}

#[test]
fn a_lut_is_converted_without_changing_what_it_does() {
    let dir = folder();
    let shaper: String = (0..9).map(|i| format!("{0} {0} {0}\n", (f64::from(i) / 8.0).powi(2))).collect();
    let cube: String = (0..8).map(|i| format!("{} {} {}\n", 1 - (i & 1), i >> 1 & 1, i >> 2)).collect();
    let header = "TITLE \"two\"\nLUT_1D_SIZE 9\nLUT_1D_INPUT_RANGE 0 1\nLUT_3D_SIZE 2\nLUT_3D_INPUT_RANGE 0 1\n";
    dir.file("two.cube", format!("{header}{shaper}{cube}"));
    dir.run(&["lut", "convert", "two.cube", "-o", "same.cube"]).ends(0);
    dir.run(&["lut", "convert", "two.cube", "-o", "one.cube", "--size", "17", "--no-title"]).ends(0);
    let read = |name: &str| parse_cube(&fs::read(dir.path(name)).unwrap(), Path::new(name)).unwrap();
    let (two, same, one) = (read("two.cube"), read("same.cube"), read("one.cube"));
    assert_eq!((&two.shaper, &two.cube, &two.title), (&same.shaper, &same.cube, &same.title));
    assert!(one.shaper.is_none() && one.title.is_none() && one.cube.as_ref().unwrap().size() == 17);
    let [two, one] = [&two, &one].map(|lut| PreparedLut::new(lut, Interpolation::Tetrahedral));
    for i in 0..=16u8 {
        // Every node of the shaper is one of the new table: the same values there.
        let rgb = [f32::from(i) / 16.0, 0.5, f32::from(16 - i) / 16.0];
        let [a, b] = [&two, &one].map(|lut| sample(lut.constants(), lut.table(), rgb));
        for (a, b) in a.iter().zip(b) {
            assert!((a - b).abs() < 1e-6, "{rgb:?}: {a} {b}");
        }
    }
    dir.run(&["lut", "convert", "gone.cube", "-o", "x.cube"]).ends(4);
}

#[test]
fn a_plan_estimates_what_can_be_known() {
    let dir = folder();
    dir.picture("in/b.tif");
    let dry = |more: &[&str]| dir.grade(&[&["in", "--dry-run"], more].concat());
    let first = dry(&[]).ends(0).stdout;
    assert!(first.contains("14.1 KiB (uncompressed)") && first.contains("are free"), "{first}");
    assert!(first.contains("unknown until the first picture is done"), "{first}");
    assert!(!dir.path("out").exists());
    dir.grade(&["in/a.tif"]).ends(0);
    dir.file("out/b.tif", "someone else's");
    let ran = dry(&[]).ends(0);
    assert!(ran.stdout.contains("at the pace of the last run"), "{}", ran.stdout);
    assert!(ran.stdout.contains("out/a.tif (exists, ours") && ran.stdout.contains("out/b.tif (exists: this picture"));
    assert!(ran.stderr.contains("1 picture would fail"), "{}", ran.stderr);
    assert!(dry(&["--on-exist", "skip"]).ends(0).stdout.contains("out/b.tif (exists: skipped)"));
    assert!(dry(&["--on-exist", "overwrite"]).ends(0).stdout.contains("(exists: replaced)"));
    assert!(dry(&["--on-exist", "rename"]).ends(0).stdout.contains("another name"));
    // Another recipe has another pace.
    assert!(dry(&["--set", "exposure.ev=1"]).ends(0).stdout.contains("unknown until"));
    let json = dir.run(&["plan", "in", "-r", "look.toml", "-o", "out", "--json"]).ends(0).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["output_bytes"], 40 * 30 * 6);
    assert!(json["free_bytes"].as_u64().is_some_and(|free| free > 0) && json["seconds"].as_f64().is_some());
    assert_eq!(
        (&json["pictures"][0]["outputs"][0]["fate"], &json["pictures"][1]["outputs"][0]["fate"]),
        (&"skip-if-valid".into(), &"fail".into())
    );
}

#[test]
fn models_are_verified_by_their_hash() {
    let dir = folder();
    let network = concat!(env!("CARGO_MANIFEST_DIR"), "/data/models/chiaro-small/chiaro-small.onnx");
    let ran = dir.run(&["models", "verify"]).ends(0);
    let digest = ran.stdout.split_whitespace().nth(1).unwrap().to_owned();
    assert!(ran.stdout.starts_with("ok ") && ran.stdout.contains("chiaro-small") && digest.len() == 64);
    assert!(dir.run(&["models", "verify", network]).ends(0).stdout.starts_with(&format!("hash   {digest}")));
    dir.run(&["models", "verify", network, "--sha256", &digest.to_uppercase()]).ends(0);
    let mut bytes = fs::read(network).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    dir.file("bad.onnx", bytes);
    let ran = dir.run(&["models", "verify", "bad.onnx", "--sha256", &digest]).ends(1);
    assert!(ran.stderr.contains("bad.onnx") && ran.stderr.contains(&digest), "{}", ran.stderr);
    let ran = dir.run(&["models", "verify", "gone.onnx", "chiaro-small"]).ends(1);
    assert!(ran.stdout.starts_with("ok ") && ran.stderr.contains("gone.onnx"), "{}", ran.stderr);
    dir.run(&["models", "verify", network, "--sha256", "12"]).ends(2);
    dir.run(&["models", "verify", network, "chiaro-small", "--sha256", &digest]).ends(2);
}

#[test]
fn every_command_has_a_man_page() {
    let dir = folder();
    let listed = dir.run(&["man", "--out", "man/man1"]).ends(0).stdout;
    let help = dir.run(&["--help"]).ends(0).stdout;
    let commands = help.lines().skip_while(|l| *l != "Commands:").skip(1).take_while(|l| !l.is_empty());
    for command in commands.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help") {
        let page = fs::read_to_string(dir.path(format!("man/man1/chiaro-{command}.1"))).unwrap();
        assert!(
            page.contains(&format!(".TH chiaro\\-{command} 1")) || page.contains(&format!(".TH chiaro-{command} 1"))
        );
        assert!(listed.contains(&format!("chiaro-{command}.1")));
    }
    assert!(dir.path("man/man1/chiaro-lut-bake.1").is_file() && !dir.path("man/man1/chiaro-reference.1").exists());
    assert!(dir.run(&["man"]).ends(0).stdout.contains(".SH SUBCOMMANDS"));
    assert!(!help.contains("reference"));
    dir.file("taken", "x");
    dir.run(&["man", "--out", "taken/x"]).ends(4);
}

#[test]
fn operations_are_explained() {
    let dir = folder();
    let text = dir.run(&["ops", "haze"]).ends(0).stdout;
    for words in ["parameter", "default", "allowed", "meaning", "0 to", "[[op]]"] {
        assert!(text.contains(words), "{words} in {text}");
    }
    assert_eq!(dir.run(&["recipes"]).ends(0).stdout, dir.run(&["recipes", "list"]).ends(0).stdout);
}
