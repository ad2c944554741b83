//! `chiaro run` as a shell sees it: exit codes, what is written, what is said.

mod cli_util;

use std::fs;
use std::path::Path;

use cli_util::{BRIGHTER, Dir};

fn folder() -> Dir {
    let dir = Dir::new();
    dir.recipe(BRIGHTER);
    dir
}

#[test]
fn pictures_are_graded_once() {
    let dir = folder();
    for name in ["in/a.tif", "in/sub/b.png", "in/c.exr"] {
        dir.picture(name);
    }
    let first = dir.grade(&["in"]).ends(0);
    assert_eq!(first.count("done"), 3, "{}", first.stdout);
    assert_eq!(dir.tree("out"), ["a.tif", "c.exr", "sub/b.png"]);
    assert!(first.stderr.contains("3 done") && first.stderr.contains("CPU"), "{}", first.stderr);
    assert_ne!(fs::read(dir.path("in/a.tif")).unwrap(), fs::read(dir.path("out/a.tif")).unwrap());
    let again = dir.grade(&["in"]).ends(0);
    assert_eq!((again.count("up-to-date"), again.count("done")), (3, 0));
    let before = fs::read(dir.path("out/a.tif")).unwrap();
    let other = dir.grade(&["in", "--set", "exposure.ev=-1"]).ends(0);
    assert_eq!(other.count("done"), 3);
    assert_ne!(fs::read(dir.path("out/a.tif")).unwrap(), before);
}

#[test]
fn a_broken_picture_fails_alone() {
    let dir = folder();
    dir.picture("in/a.tif");
    dir.broken_picture("in/b.tif");
    dir.picture("in/c.tif");
    let ran = dir.grade(&["in", "--report", "report.json"]).ends(1);
    assert_eq!(dir.tree("out"), ["a.tif", "c.tif"]);
    assert_eq!(ran.stderr.lines().filter(|l| l.contains("b.tif")).count(), 1, "{}", ran.stderr);
    assert!(ran.stderr.lines().all(|l| l.starts_with("chiaro: ")), "{}", ran.stderr);
    assert!(ran.stderr.contains("2 done, 1 failed"), "{}", ran.stderr);
    let report = dir.json("report.json");
    let statuses: Vec<_> = report["pictures"].as_array().unwrap().iter().map(|p| p["status"].clone()).collect();
    assert_eq!(statuses, ["done", "failed", "done"]);
    let bad = &report["pictures"][1];
    assert_eq!(bad["kind"], "input");
    assert!(bad["message"].as_str().unwrap().contains("b.tif"));
    assert_eq!(bad["outputs"].as_array().unwrap().len(), 0);
}

#[test]
fn the_report_says_what_ran() {
    let dir = folder();
    dir.picture("in/a.tif");
    dir.file("in/notes.txt", "x");
    dir.grade(&["in", "--report", "report.json", "--memory", "64MiB", "--jobs", "1"]).ends(0);
    let report = dir.json("report.json");
    assert_eq!(report["program"], "chiaro");
    assert_eq!(report["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(report["recipe"]["name"], "look");
    assert!(!report["recipe"]["hash"].as_str().unwrap().is_empty());
    assert!(report["device"].as_str().unwrap().starts_with("CPU"));
    assert_eq!((report["memory_bytes"].as_u64(), report["jobs"].as_u64()), (Some(64 << 20), Some(1)));
    assert_eq!(report["left_out"]["txt"], 1);
    assert_eq!(report["totals"]["done"], 1);
    let picture = &report["pictures"][0];
    assert_eq!(picture["input"], "in/a.tif");
    assert_eq!(picture["outputs"][0], Path::new("out").join("a.tif").to_str().unwrap());
    assert_eq!((picture["width"].as_u64(), picture["height"].as_u64()), (Some(40), Some(30)));
    assert!(picture["stages"]["render"].as_f64().unwrap() > 0.0);
    dir.grade(&["in", "--report", "report.json"]).ends(0);
    let report = dir.json("report.json");
    assert_eq!(report["pictures"][0]["status"], "up-to-date");
    assert_eq!(report["pictures"][0]["outputs"][0], "out/a.tif");
    assert_eq!(dir.tree(".").iter().filter(|n| n.contains("report")).count(), 1, "no temporary report is left");
    dir.grade(&["in", "--report", "in/a.tif"]).ends(2);
    dir.grade(&["in", "--report", "no/such/folder.json"]).ends(2);
    dir.grade(&["in", "--report", "in"]).ends(2);
}

#[test]
fn collisions_are_refused_before_work() {
    let dir = folder();
    dir.picture("in/x/a.tif");
    dir.picture("in/y/A.tif");
    let ran = dir.grade(&["in", "--name", "{stem}.{ext}"]).ends(2);
    assert!(ran.stderr.contains("nothing was started"), "{}", ran.stderr);
    assert!(!dir.path("out").exists());
    let before = fs::read(dir.path("in/x/a.tif")).unwrap();
    let ran = dir.run(&["run", "in", "-r", "look.toml", "-o", "in", "--device", "cpu", "--on-exist", "overwrite"]);
    assert!(ran.ends(2).stderr.contains("over the input"));
    assert_eq!(fs::read(dir.path("in/x/a.tif")).unwrap(), before);
}

#[test]
fn advice_on_collisions_of_maps_fits_their_command() {
    let dir = folder();
    dir.picture("in/a.tif");
    dir.picture("in/a_depth.tif");
    let ran = dir.run(&["depth", "in", "-o", "in", "--kind", "tiff", "--device", "cpu"]).ends(2);
    assert!(ran.stderr.contains("over the input") && ran.stderr.contains("--exclude"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("--name"), "{}", ran.stderr);
}

#[test]
fn nothing_matched_is_its_own_code() {
    let dir = folder();
    fs::create_dir(dir.path("empty")).unwrap();
    dir.file("texts/a.txt", "x");
    dir.file("texts/b.TXT", "x");
    dir.grade(&["empty"]).ends(3);
    let ran = dir.grade(&["texts"]).ends(3);
    assert!(ran.stderr.contains("2 .txt"), "{}", ran.stderr);
    let ran = dir.grade(&["missing.tif"]).ends(3);
    assert!(ran.stderr.contains("missing.tif"), "{}", ran.stderr);
    dir.grade(&["*.tif", "--report", "r.json"]).ends(3);
    assert_eq!(dir.json("r.json")["totals"]["failed"], 1);
    // Named itself, a file that is no picture is a failure; with a good one beside it as well.
    dir.grade(&["texts/a.txt"]).ends(1);
    dir.picture("in/a.tif");
    let ran = dir.grade(&["in", "missing.tif"]).ends(1);
    assert_eq!(ran.count("done"), 1);
}

#[test]
fn usage_errors_end_with_2() {
    let dir = folder();
    dir.picture("a.tif");
    dir.run::<&str>(&[]).ends(2);
    assert!(dir.grade(&["a.tif", "--jobs", "0"]).ends(2).stderr.starts_with("chiaro: "));
    dir.grade(&["a.tif", "--memory", "2 parsecs"]).ends(2);
    dir.grade(&["a.tif", "--name", "{nothing}.tif"]).ends(2);
    dir.grade(&["a.tif", "--set", "exposure.ev=bright"]).ends(2);
    dir.grade(&["a.tif", "--fail-fast", "--max-failures", "1"]).ends(2);
    let ran = dir.run(&["run", "a.tif", "-r", "interoir", "-o", "out"]).ends(2);
    assert!(ran.stderr.contains("interior"), "{}", ran.stderr);
    dir.run(&["run", "a.tif", "-r", "missing.toml", "-o", "out"]).ends(2);
    assert!(!dir.path("out").exists());
}

#[test]
fn all_mistakes_of_a_recipe_are_listed() {
    let dir = folder();
    dir.picture("a.tif");
    dir.recipe(
        "version = 1\n[[op]]\nid = \"exposure\"\nev = 99\n[[op]]\nid = \"exposrue\"\n[output]\nformt = \"tiff\"\n",
    );
    let ran = dir.grade(&["a.tif"]).ends(2);
    for line in ["look.toml:4", "look.toml:6", "look.toml:8"] {
        assert!(ran.stderr.contains(line), "{line} in {}", ran.stderr);
    }
    assert!(ran.stderr.contains("exposure") && ran.stderr.contains("format"), "{}", ran.stderr);
}

#[test]
fn what_exists_is_treated_as_asked() {
    let dir = folder();
    dir.picture("in/a.tif");
    let foreign = dir.file("out/a.tif", "someone else's");
    let holds = |text: &str| fs::read(&foreign).unwrap() == text.as_bytes();
    let ran = dir.grade(&["in"]).ends(1);
    assert!(ran.stderr.contains("--on-exist overwrite") && holds("someone else's"), "{}", ran.stderr);
    assert_eq!(dir.grade(&["in", "--on-exist", "skip"]).ends(0).count("skipped"), 1);
    dir.grade(&["in", "--on-exist", "error"]).ends(1);
    assert!(holds("someone else's"));
    dir.grade(&["in", "--on-exist", "rename"]).ends(0);
    assert_eq!(dir.tree("out"), ["a-1.tif", "a.tif"]);
    assert!(holds("someone else's"));
    dir.grade(&["in", "--on-exist", "overwrite"]).ends(0);
    assert_eq!(fs::read(&foreign).unwrap(), fs::read(dir.path("out/a-1.tif")).unwrap());
    dir.grade(&["in"]).ends(0);
    let plan = |policy| dir.grade(&["in", "--dry-run", "--on-exist", policy]).ends(0).stdout;
    assert!(plan("rename").contains("ours: skipped if up to date, else kept, another name"), "{}", plan("rename"));
    assert!(plan("skip-if-valid").contains("ours: skipped if up to date, else replaced"));
    dir.grade(&["in", "--on-exist", "error"]).ends(1);
}

#[test]
fn the_output_folder_is_no_input() {
    let dir = folder();
    dir.picture("in/a.tif");
    for _ in 0..2 {
        dir.run(&["run", "in", "-r", "look.toml", "-o", "in/out", "--device", "cpu"]).ends(0);
        assert_eq!(dir.tree("in").iter().filter(|n| n.ends_with(".tif")).count(), 2);
    }
}

#[test]
fn failures_stop_the_run_when_asked() {
    let dir = folder();
    dir.broken_picture("in/a.tif");
    for name in ["b", "c", "d", "e", "f", "g", "h"] {
        dir.picture(format!("in/{name}.tif"));
    }
    let ran = dir.grade(&["in", "--jobs", "1", "--max-failures", "50%"]).ends(1);
    assert_eq!(ran.count("done"), 7);
    let dir = folder();
    dir.file("a.tif", "no picture");
    dir.picture("b.tif");
    let ran = dir.grade(&["a.tif", "b.tif", "--fail-fast", "--report", "r.json"]).ends(1);
    assert_eq!(ran.count("done"), 0);
    assert!(!dir.path("out").exists());
    assert_eq!(dir.json("r.json")["pictures"][1]["status"], "not-started");
}

#[test]
fn quiet_says_nothing_but_failures() {
    let dir = folder();
    dir.picture("in/a.tif");
    let ran = dir.grade(&["in", "-q"]).ends(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    dir.broken_picture("in/b.tif");
    let ran = dir.grade(&["in", "-q"]).ends(1);
    assert_eq!((ran.stdout.as_str(), ran.stderr.lines().count()), ("", 1));
}

#[test]
fn progress_as_json_is_one_object_per_line() {
    let dir = folder();
    dir.picture("in/a.tif");
    dir.broken_picture("in/b.tif");
    let ran = dir.grade(&["in", "--progress", "json"]).ends(1);
    let events: Vec<serde_json::Value> = ran.stderr.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let named = |name: &str| events.iter().filter(|e| e["event"] == name).collect::<Vec<_>>();
    assert_eq!(named("begin")[0]["pictures"], 2);
    let finished = named("finished");
    assert_eq!(finished.len(), 2);
    let done = finished.iter().find(|e| e["status"] == "done").unwrap();
    assert_eq!((done["input"].as_str(), done["outputs"][0].as_str()), (Some("in/a.tif"), Some("out/a.tif")));
    assert!(named("log").iter().any(|e| e["level"] == "error" && e["input"] == "in/b.tif"));
    assert_eq!((named("end")[0]["done"].as_u64(), named("end")[0]["failed"].as_u64()), (Some(1), Some(1)));
}

#[test]
fn numbered_sequences_are_their_frames() {
    let dir = folder();
    for n in [1, 2, 10] {
        dir.picture(format!("in/shot_{n:04}.tif"));
    }
    assert_eq!(dir.grade(&["in/shot_%04d.tif"]).ends(0).count("done"), 3);
    assert_eq!(dir.tree("out"), ["shot_0001.tif", "shot_0002.tif", "shot_0010.tif"]);
}

#[test]
fn depth_maps_are_written_in_every_form() {
    let dir = folder();
    dir.picture("in/a.tif");
    let arguments =
        ["depth", "in", "-o", "out", "--export", "png,exr,preview,png", "--device", "cpu", "--inference", "rten"];
    if cfg!(not(feature = "onnx")) {
        eprintln!("ignored: this build has no inference engine");
        return;
    }
    let ran = dir.run(&arguments).ends(0);
    assert_eq!(dir.tree("out"), ["a_depth.exr", "a_depth.png", "a_depth_preview.png"]);
    assert!(ran.stderr.contains("rten") && ran.stderr.contains("2 model sessions loaded"), "{}", ran.stderr);
    assert_eq!(dir.run(&arguments).ends(0).count("up-to-date"), 3);
    let ran = dir.run(&["depth", "in", "-o", "out2", "--model", "missing.onnx", "--device", "cpu"]).ends(4);
    assert!(ran.stderr.contains("missing.onnx"), "{}", ran.stderr);
}

#[test]
fn a_model_file_is_described_on_the_command_line() {
    if cfg!(not(feature = "onnx")) {
        eprintln!("ignored: this build has no inference engine");
        return;
    }
    let dir = folder();
    dir.picture("in/a.tif");
    let network = concat!(env!("CARGO_MANIFEST_DIR"), "/data/models/chiaro-small/chiaro-small.onnx");
    std::fs::copy(network, dir.path("net.onnx")).unwrap();
    let keys = ["size=256x192", "mean=0", "std=1", "output=disparity"].map(|key| format!("depth.{key}"));
    let with_keys = |arguments: &[&str]| {
        let sets = keys.iter().flat_map(|key| ["--set", key]);
        arguments.iter().copied().chain(sets).map(str::to_owned).collect::<Vec<_>>()
    };
    let depth = ["depth", "in", "-o", "out", "--model", "net.onnx", "--device", "cpu", "--inference", "rten"];
    assert!(dir.run(&depth).ends(4).stderr.contains("--set depth.KEY=VALUE"));
    dir.run(&with_keys(&depth)).ends(0);
    assert_eq!(dir.tree("out"), ["a_depth.png"]);
    let info = dir.run(&with_keys(&["models", "info", "net.onnx"])).ends(0);
    assert!(info.stdout.contains("256x192"), "{}", info.stdout);
    let other = ["depth", "in", "-o", "out", "--set", "exposure.ev=1"];
    assert!(dir.run(&other).ends(2).stderr.contains("only keys of [depth]"));
    dir.run(&["depth", "in", "-o", "out", "--set", "depth.size=9", "--device", "cpu"]).ends(2);

    dir.recipe("version = 1\n[depth]\nmodel = \"net.onnx\"\n[[op]]\nid = \"haze\"\ndensity = 0.5\n");
    let plan = ["plan", "in", "-r", "look.toml"];
    assert!(dir.run(&plan).ends(4).stderr.contains("mean="));
    assert!(dir.run(&with_keys(&plan)).ends(0).stdout.contains("net.onnx at 256x192"));
}

#[cfg(unix)]
mod unix {
    use std::ffi::{OsStr, OsString};
    use std::io::{Read, Write};
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    use std::process::Stdio;

    use super::*;

    fn odd_names() -> Vec<OsString> {
        let odd = OsString::from_vec(b"in/\xff\xfe\xe9.tif".to_vec());
        vec![odd, "in/two words.tif".into(), "in/line\nbreak\x1b[2J.tif".into(), "in/-r.tif".into()]
    }

    #[test]
    fn any_name_survives() {
        let dir = folder();
        for name in odd_names() {
            dir.picture(Path::new(&name));
        }
        let ran = dir.grade(&["in", "--report", "r.json"]).ends(0);
        assert_eq!((ran.stdout.lines().count(), ran.count("done")), (4, 4), "{}", ran.stdout);
        assert!(!ran.stdout.contains('\x1b'));
        for name in odd_names() {
            let name = Path::new(&name).file_name().unwrap().to_owned();
            assert!(dir.path("out").join(&name).is_file(), "{name:?}");
        }
        let inputs: Vec<String> = dir.json("r.json")["pictures"]
            .as_array()
            .unwrap()
            .iter()
            .map(|p| p["input"].as_str().unwrap().to_owned())
            .collect();
        assert!(inputs.iter().any(|i| i == "in/line\nbreak\x1b[2J.tif"), "{inputs:?}");
        assert!(inputs.iter().any(|i| i.starts_with("hex:") && i.contains("fffee9")), "{inputs:?}");
        assert_eq!(dir.grade(&["in"]).ends(0).count("up-to-date"), 4);
    }

    #[test]
    fn a_list_on_standard_input_may_hold_any_name() {
        let dir = folder();
        let names = odd_names();
        for name in &names {
            dir.picture(Path::new(name));
        }
        let mut child = dir.grade_command(&["-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let list = names.join(OsStr::from_bytes(b"\0"));
        child.stdin.take().unwrap().write_all(list.as_bytes()).unwrap();
        assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
        assert_eq!(dir.tree("out").len(), 4);
    }

    #[test]
    fn a_reader_that_goes_away_is_no_failure() {
        let dir = folder();
        for n in 0..4 {
            dir.picture(format!("in/{n}.tif"));
        }
        let mut command = dir.grade_command(&["in", "--jobs", "1"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{said}");
        assert_eq!(dir.tree("out").len(), 4);
        let mut child = dir.command(&["ops"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{said}");
    }
}
