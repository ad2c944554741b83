//! Promises between runs: one arithmetic class per folder, no model loaded without need, nothing held that the memory does not allow.
#![cfg(unix)]

mod cli_util;

use chiaro::picture::Extent;
use cli_util::{BRIGHTER, Dir};

/// A folder begun on the CPU is not continued on a GPU unless the user accepts mixed results, and nothing is written before that is said.
#[test]
#[cfg(all(feature = "gpu", target_os = "linux"))]
fn another_arithmetic_class_is_refused_before_work() {
    let dir = Dir::new();
    dir.recipe(BRIGHTER);
    dir.picture("in/a.tif");
    dir.grade(&["in"]).ends(0);
    dir.picture("in/b.tif");
    let on_gpu = |more: &[&str]| {
        let arguments = ["run", "in", "-r", "look.toml", "-o", "out", "--device", "llvmpipe"];
        dir.run(&[&arguments[..], more].concat())
    };
    let ran = on_gpu(&[]).ends(4);
    assert!(ran.stderr.contains("--allow-mixed") && ran.stderr.contains("a.tif"), "{}", ran.stderr);
    assert_eq!(dir.tree("out"), ["a.tif"]);
    let ran = on_gpu(&["--allow-mixed"]).ends(0);
    assert_eq!(ran.count("up-to-date"), 1, "{}", ran.stdout);
    assert_eq!(dir.tree("out"), ["a.tif", "b.tif"]);
}

#[test]
#[cfg_attr(not(feature = "onnx"), ignore = "needs the feature onnx")]
fn a_model_is_loaded_only_where_depth_is_estimated() {
    let dir = Dir::new();
    dir.recipe("version = 1\n[[op]]\nid = \"haze\"\ndensity = 0.4\n");
    dir.picture("in/a.tif");
    let run = || dir.grade(&["in", "--inference", "rten"]).ends(0).stderr;
    let first = run();
    assert!(first.contains("2 model sessions loaded"), "{first}");
    let again = run();
    assert!(again.contains("1 up to date") && again.contains("0 model sessions loaded"), "{again}");
}

/// EXR can only be held whole: a picture that does not fit is refused with advice, the others are done.
#[test]
fn a_picture_that_cannot_fit_is_refused_with_advice() {
    let dir = Dir::new();
    dir.recipe(BRIGHTER);
    dir.picture_of("in/large.exr", Extent { width: 2400, height: 1600 });
    dir.picture("in/small.exr");
    let ran = dir.grade(&["in", "--memory", "16MiB"]).ends(1);
    assert!(ran.stderr.contains("large.exr") && ran.stderr.contains("raise --memory"), "{}", ran.stderr);
    assert_eq!(dir.tree("out"), ["small.exr"]);
}
