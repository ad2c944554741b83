//! The commands that only look: plan, probe, lut, models, ops, recipes, doctor, completions, help.

mod cli_util;

use std::fs;

use chiaro::lut::{Lut, write_cube};
use cli_util::{BRIGHTER, Dir};

fn folder() -> Dir {
    let dir = Dir::new();
    dir.recipe(BRIGHTER);
    dir
}

fn identity_cube() -> String {
    write_cube(&Lut::identity_3d(3).unwrap(), std::path::Path::new("identity.cube")).unwrap()
}

#[test]
fn a_plan_tells_what_would_happen_and_does_nothing() {
    let dir = folder();
    dir.picture("in/a.tif");
    dir.picture("in/b.exr");
    let before = dir.tree(".");
    let ran = dir.run(&["plan", "in", "-r", "look.toml", "-o", "out"]).ends(0);
    for words in ["40x30", "exposure", "linear Rec.2020", "out/a.tif", "sRGB", "strip", "2 pictures under recipe look"]
    {
        assert!(ran.stdout.contains(words), "{words} in {}", ran.stdout);
    }
    let dry = dir.grade(&["in", "--dry-run"]).ends(0);
    assert_eq!(dry.stdout, ran.stdout);
    let json = dir.run(&["plan", "in", "-r", "interior", "-o", "out", "--json"]).ends(0);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    let picture = &json["pictures"][0];
    assert_eq!((picture["input"].as_str(), picture["width"].as_u64()), (Some("in/a.tif"), Some(40)));
    assert!(picture["depth"].as_str().unwrap().contains("chiaro-small at 256x192"), "{picture}");
    let passes: Vec<_> = picture["passes"].as_array().unwrap().iter().map(|p| p["name"].clone()).collect();
    assert_eq!(passes, ["analyse", "render"]);
    assert_eq!(picture["outputs"][0]["sample_bytes"], 40 * 30 * 6);
    let copy = dir.run(&["plan", "in/a.tif", "-r", "neutral"]).ends(0);
    assert!(copy.stdout.contains("copied bit for bit"), "{}", copy.stdout);
    assert_eq!(dir.tree("."), before);
}

#[test]
fn a_plan_shows_what_would_be_refused() {
    let dir = folder();
    dir.picture("in/x/a.tif");
    dir.picture("in/y/a.tif");
    let ran = dir.run(&["plan", "in", "-r", "look.toml", "-o", "out", "--name", "{stem}.{ext}"]).ends(2);
    assert!(ran.stderr.contains("collide"), "{}", ran.stderr);
    dir.broken_picture("in/x/b.exr");
    fs::write(dir.path("in/x/c.tif"), "II*\0").unwrap();
    let ran = dir.run(&["plan", "in", "-r", "look.toml"]).ends(1);
    assert!(ran.stdout.contains("in/x/a.tif") && ran.stderr.contains("c.tif"), "{}", ran.stderr);
    dir.file("empty/x.txt", "x");
    dir.run(&["plan", "empty", "-r", "look.toml"]).ends(3);
    dir.run(&["plan", "in", "-r", "no-such-look"]).ends(2);
}

#[test]
fn probing_goes_on_after_a_failure() {
    let dir = folder();
    dir.picture("a.tif");
    dir.picture("b.exr");
    dir.file("c.cube", identity_cube());
    dir.file("d.tif", "no picture");
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/data/models/chiaro-small/chiaro-small.onnx");
    let ran = dir.run(&["probe", "a.tif", "d.tif", "b.exr", "c.cube", model]).ends(1);
    for words in ["16-bit RGB", "half RGB", "40x30", "3D 3 x 3 x 3", "disparity", "metadata"] {
        assert!(ran.stdout.contains(words), "{words} in {}", ran.stdout);
    }
    assert!(ran.stderr.starts_with("chiaro: d.tif"), "{}", ran.stderr);
    let ran = dir.run(&["probe", "--json", "a.tif", "c.cube", model]).ends(0);
    let list: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let kinds: Vec<_> = list.as_array().unwrap().iter().map(|e| e["type"].clone()).collect();
    assert_eq!(kinds, ["picture", "lut", "model"]);
    assert_eq!(list[0]["encoding_source"].as_str().map(str::is_empty), Some(false));
    assert_eq!(list[2]["outputs"][0]["name"], "disparity");
}

#[test]
fn luts_are_checked_with_line_numbers() {
    let dir = folder();
    dir.file("good.cube", identity_cube());
    dir.file("bad.cube", "LUT_3D_SIZE 2\n0 0 0\n1 nan 0\n0 1,5 0\n");
    let ran = dir.run(&["lut", "check", "good.cube", "bad.cube", "missing.cube"]).ends(1);
    assert!(ran.stdout.contains("ok     good.cube: 3D with 3 nodes"), "{}", ran.stdout);
    assert!(ran.stdout.contains("bad.cube:3:") && ran.stdout.contains("bad.cube:4:"), "{}", ran.stdout);
    assert!(ran.stdout.contains("changes nothing"), "{}", ran.stdout);
    assert!(ran.stderr.contains("missing.cube"), "{}", ran.stderr);
    dir.run(&["lut", "check", "good.cube"]).ends(0);
    let ran = dir.run(&["lut", "info", "--json", "good.cube"]).ends(0);
    let list: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(list[0]["cube_size"], 3);
    dir.run(&["lut", "info", "bad.cube"]).ends(1);
}

#[test]
fn what_a_recipe_can_hold_is_listed() {
    let dir = folder();
    let ops = dir.run(&["ops"]).ends(0).stdout;
    for op in chiaro::ops::ALL {
        assert!(ops.contains(op.id()), "{}", op.id());
        let one = dir.run(&["ops", op.id()]).ends(0).stdout;
        for param in op.params() {
            assert!(one.contains(param.name), "{} {}", op.id(), param.name);
        }
    }
    assert!(dir.run(&["ops", "exposrue"]).ends(2).stderr.contains("exposure"));
    let recipes = dir.run(&["recipes"]).ends(0).stdout;
    for preset in ["neutral", "interior", "exterior"] {
        assert!(recipes.contains(preset), "{recipes}");
        dir.run(&["recipes", "show", preset]).ends(0);
    }
    assert!(dir.run(&["recipes", "show", "look.toml"]).ends(0).stdout.contains("ev = 0.5"));
    dir.run(&["recipes", "show", "exteroir"]).ends(2);
    let schema = dir.run(&["recipes", "schema"]).ends(0).stdout;
    assert!(serde_json::from_str::<serde_json::Value>(&schema).unwrap().is_object());
    assert!(dir.run(&["models", "list"]).ends(0).stdout.contains("chiaro-small"));
    assert!(dir.run(&["models", "info", "chiaro-small"]).ends(0).stdout.contains("relative disparity"));
    dir.run(&["models", "info", "nope"]).ends(1);
}

#[test]
fn help_version_completions_and_doctor() {
    let dir = folder();
    let help = dir.run(&["run", "--help"]).ends(0).stdout;
    assert!(help.contains("Examples:") && help.contains("--on-exist"), "{help}");
    assert!(help.contains("{exif.Model} {output}"), "{help}");
    assert!(dir.run(&["--version"]).ends(0).stdout.contains(env!("CARGO_PKG_VERSION")));
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(dir.run(&["completions", shell]).ends(0).stdout.contains("chiaro"), "{shell}");
    }
    let doctor = dir.run(&["doctor"]).ends(0).stdout;
    for words in ["cores", "memory budget", "adapters", "inference", "tiff, png, exr", "clips"] {
        assert!(doctor.contains(words), "{words} in {doctor}");
    }
}
