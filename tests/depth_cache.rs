//! The depth cache with the real program: another grade estimates nothing, and nothing that happens to the folder changes a picture.
#![cfg(feature = "onnx")]

mod cli_util;

use std::fs;
use std::path::PathBuf;

use cli_util::{Dir, Ran};
use serde_json::json;

/// A look that needs depth.
fn look(density: f32) -> String {
    format!("version = 1\n[depth]\nsource = \"model\"\n[[op]]\nid = \"haze\"\ndensity = {density}\n")
}

fn folder() -> Dir {
    let dir = Dir::new();
    dir.picture("in/a.tif");
    dir.picture("in/b.png");
    dir.recipe(&look(0.5));
    dir
}

fn grade(dir: &Dir, more: &[&str]) -> Ran {
    let fixed = ["in", "--inference", "rten", "--report", "report.json", "--on-exist", "overwrite"];
    dir.grade(&[&fixed, more].concat())
}

/// (hits, misses, stored) and sessions loaded of the last run: a model that is needed is loaded for either orientation.
fn counts(dir: &Dir) -> ([u64; 3], u64) {
    let report = dir.json("report.json");
    cli_util::schema::check(&cli_util::schema::load("report"), &report);
    let number = |name: &str| report["depth_cache"][name].as_u64().unwrap();
    (["hits", "misses", "stored"].map(number), report["models"]["loads"].as_u64().unwrap())
}

fn maps(dir: &Dir) -> Vec<PathBuf> {
    let entries = walkdir::WalkDir::new(dir.path(".cache/depth")).sort_by_file_name();
    let paths = entries.into_iter().filter_map(|entry| Some(entry.ok()?.into_path()));
    paths.filter(|path| path.extension().is_some_and(|e| e == "map")).collect()
}

fn outputs(dir: &Dir, folder: &str) -> Vec<(String, Vec<u8>)> {
    dir.tree(folder).into_iter().map(|name| (name.clone(), fs::read(dir.path(folder).join(name)).unwrap())).collect()
}

#[test]
fn another_grade_estimates_nothing() {
    let dir = folder();
    grade(&dir, &["--jobs", "1"]).ends(0);
    let first = outputs(&dir, "out");
    // The two files hold the same picture, whatever their names and formats.
    assert_eq!(counts(&dir), ([1, 1, 1], 2));
    dir.recipe(&look(0.9));
    let ran = grade(&dir, &[]).ends(0);
    assert_eq!(counts(&dir), ([2, 0, 0], 0));
    assert!(ran.stderr.contains("2 depth maps from the cache"), "{}", ran.stderr);
    for picture in dir.json("report.json")["pictures"].as_array().unwrap() {
        let depth = picture["depth"].as_str().unwrap();
        assert!(depth.starts_with("model chiaro-small, rten") && depth.ends_with(", cached"), "{depth}");
    }
    assert_ne!(outputs(&dir, "out"), first);
    dir.recipe(&look(0.5));
    fs::rename(dir.path("in/a.tif"), dir.path("in/c.tif")).unwrap();
    grade(&dir, &[]).ends(0);
    assert_eq!(counts(&dir), ([2, 0, 0], 0));
    assert_eq!(fs::read(dir.path("out/c.tif")).unwrap(), first[0].1);
}

#[test]
fn pictures_are_the_same_without_a_cache() {
    let dir = folder();
    grade(&dir, &[]).ends(0);
    let kept = outputs(&dir, "out");
    grade(&dir, &[]).ends(0);
    assert_eq!(outputs(&dir, "out"), kept);
    fs::remove_dir_all(dir.path("out")).unwrap();
    grade(&dir, &["--depth-cache", "off"]).ends(0);
    assert_eq!(outputs(&dir, "out"), kept);
    assert_eq!(dir.json("report.json")["depth_cache"], json!(null));
    // What is up to date stays so, however its depth came about.
    let ran = dir.grade(&["in", "--inference", "rten"]).ends(0);
    assert_eq!(ran.count("up-to-date"), 2);
}

#[test]
fn damaged_maps_are_estimated_again() {
    let dir = folder();
    grade(&dir, &["--jobs", "1"]).ends(0);
    let kept = outputs(&dir, "out");
    let whole = fs::read(&maps(&dir)[0]).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    for damage in [&flipped[..], &whole[..whole.len() / 2], b""] {
        fs::write(&maps(&dir)[0], damage).unwrap();
        let ran = grade(&dir, &["--jobs", "1"]).ends(0);
        assert_eq!(counts(&dir), ([1, 1, 1], 2), "{}", ran.stderr);
        assert_eq!(outputs(&dir, "out"), kept);
        assert_eq!(fs::read(&maps(&dir)[0]).unwrap(), whole);
    }
}

#[test]
fn a_cache_that_cannot_be_written_is_one_warning() {
    let dir = folder();
    dir.file("full", "no folder");
    let ran = grade(&dir, &["--depth-cache", "full/below"]).ends(0);
    assert_eq!(ran.stderr.matches("cannot be written").count(), 1, "{}", ran.stderr);
    assert_eq!(dir.tree("out").len(), 2);
}

#[test]
fn the_cache_is_looked_at_and_cleaned() {
    let dir = folder();
    let empty = dir.run(&["cache", "info"]).ends(0).stdout;
    assert!(empty.contains("0 depth maps"), "{empty}");
    grade(&dir, &[]).ends(0);
    let info = dir.run(&["cache", "info"]).ends(0).stdout;
    assert!(info.contains("1 depth map") && info.contains("chiaro-small") && info.contains("rten"), "{info}");
    let json: serde_json::Value = serde_json::from_str(&dir.run(&["cache", "info", "--json"]).ends(0).stdout).unwrap();
    assert_eq!((&json["maps"], &json["models"][0]["about"]["model"]), (&json!(1), &json!("chiaro-small")));
    let kept = dir.run(&["cache", "gc", "--max-size", "1MiB", "--max-age", "1d"]).ends(0).stdout;
    assert!(kept.contains("removed 0 depth maps") && maps(&dir).len() == 1, "{kept}");
    let gone = dir.run(&["cache", "gc", "--max-size", "1KiB"]).ends(0).stdout;
    assert!(gone.contains("removed 1 depth map") && maps(&dir).is_empty(), "{gone}");
    grade(&dir, &["--depth-cache", "elsewhere"]).ends(0);
    assert!(dir.path("elsewhere").is_dir() && maps(&dir).is_empty());
    let cleared = dir.run(&["cache", "clear", "--depth-cache", "elsewhere"]).ends(0).stdout;
    assert!(cleared.contains("removed 1 depth map"), "{cleared}");
    let mut off = dir.command(&["cache", "info"]);
    off.env("CHIARO_CACHE", "off");
    assert!(cli_util::finish(off).ends(2).stderr.contains("--depth-cache"));
    assert!(dir.run(&["cache", "info", "--depth-cache", "off"]).ends(2).stderr.contains("./off"));
}

#[test]
fn runs_side_by_side_share_a_folder() {
    let dir = folder();
    let run = |out: &str| {
        let arguments = ["run", "in", "-r", "look.toml", "-o", out, "--device", "cpu", "--inference", "rten"];
        dir.command(&arguments).stderr(std::process::Stdio::null()).stdout(std::process::Stdio::null()).spawn().unwrap()
    };
    for mut child in ["one", "two", "three"].map(run) {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(outputs(&dir, "one"), outputs(&dir, "two"));
    assert_eq!(outputs(&dir, "one"), outputs(&dir, "three"));
    assert_eq!(maps(&dir).len(), 1);
}

/// Depth maps say where they come from; that it was the cache is for reports.
#[test]
fn files_are_the_same_whether_the_cache_knew_or_not() {
    let dir = folder();
    for (out, cache) in [("none", "off"), ("first", "kept"), ("second", "kept")] {
        let kinds = "png,tiff,exr,npy,side-by-side";
        let arguments = ["depth", "in", "-o", out, "--kind", kinds, "--depth-cache", cache, "--inference", "rten"];
        dir.run(&arguments).ends(0);
    }
    assert!(!outputs(&dir, "none").is_empty());
    assert_eq!(outputs(&dir, "none"), outputs(&dir, "first"));
    assert_eq!(outputs(&dir, "none"), outputs(&dir, "second"));
}
