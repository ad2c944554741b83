//! What programs read: JSON lines on stderr and the report, each held against its published schema, however a run ends.

mod cli_util;

use std::fs;

use cli_util::schema::{check, is_valid, load as schema};
use cli_util::{BRIGHTER, Dir, Ran};
use serde_json::Value;

fn folder() -> Dir {
    let dir = Dir::new();
    dir.recipe(BRIGHTER);
    dir.picture("in/a.tif");
    dir
}

/// The events of a run, each checked.
fn events(ran: &Ran) -> Vec<Value> {
    let schema = schema("log");
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    let events: Vec<Value> = ran.stderr.lines().map(parse).collect();
    events.iter().for_each(|event| check(&schema, event));
    events
}

#[test]
fn the_check_itself_can_fail() {
    let schema = schema("log");
    let good = serde_json::json!({ "event": "log", "level": "info", "message": "x", "input": null });
    assert!(is_valid(&schema, &good));
    for (key, wrong) in [("level", "loud".into()), ("message", 1.into()), ("more", 1.into()), ("event", "end".into())] {
        let mut bad = good.clone();
        bad[key] = wrong;
        assert!(!is_valid(&schema, &bad), "{bad}");
    }
    assert!(!is_valid(&schema, &serde_json::json!({ "event": "log", "level": "info", "message": "x" })));
}

#[test]
fn every_line_of_every_end_fits_the_schema() {
    let dir = folder();
    dir.broken_picture("in/b.tif");
    dir.file("in/notes.txt", "x");
    fs::create_dir(dir.path("empty")).unwrap();
    dir.file("bad.toml", "version = 1\n[[op]]\nid = \"exposrue\"\nev = 2\n[nothing]\n");
    let cases: &[(&[&str], i32)] = &[
        (&["in", "--report", "r.json", "-v"], 1),
        (&["in"], 1),
        (&["in/a.tif", "missing.tif"], 1),
        (&["in/a.tif"], 0),
        (&["in", "-q"], 1),
        (&["empty", "--report", "r.json"], 3),
        (&["in", "--set", "exposure.ev=x"], 2),
        (&["in", "--name", "{stme}"], 2),
        (&["in", "--jobs", "0"], 2),
        (&["in", "--no-such-flag"], 2),
        (&["in", "-r", "bad.toml"], 2),
        (&["in/a.tif", "-o", "in", "--on-exist", "overwrite"], 2),
        (&["in", "--device", "no such adapter"], 4),
        (&["in/a.tif", "--dry-run"], 0),
    ];
    for (arguments, code) in cases {
        let mut all = vec!["run", "--log-format", "json"];
        all.extend(arguments.iter());
        for (flag, value) in [("-r", "look.toml"), ("-o", "out"), ("--device", "cpu")] {
            if !arguments.contains(&flag) {
                all.extend([flag, value]);
            }
        }
        let ran = dir.run(&all).ends(*code);
        let events = events(&ran);
        let ended: Vec<&Value> = events.iter().filter(|e| e["event"] == "end").collect();
        assert!(ended.len() <= 1, "{}", ran.stderr);
        if let Some(end) = ended.first() {
            assert_eq!(end["exit"], *code, "{}", ran.stderr);
            assert_eq!(events.last(), ended.first().copied(), "the end is not the last line: {}", ran.stderr);
        }
        if *code != 0 {
            assert!(events.iter().any(|e| e["level"] == "error"), "{all:?}: nothing says why: {}", ran.stderr);
        }
    }
}

#[test]
fn both_flags_speak_json_and_progress_can_be_left_out() {
    let dir = folder();
    for flag in [&["--log-format", "json"][..], &["--progress=json"]] {
        let ran = dir.grade(&[&["in", "--on-exist", "overwrite"], flag].concat()).ends(0);
        let events = events(&ran);
        let names: Vec<&str> = events.iter().map(|e| e["event"].as_str().unwrap()).collect();
        assert_eq!(names, ["begin", "started", "finished", "log", "end"], "{}", ran.stderr);
    }
    let ran = dir.grade(&["in", "--log-format", "json", "--progress", "none"]).ends(0);
    assert!(events(&ran).iter().all(|e| e["event"] == "log"), "{}", ran.stderr);
}

#[test]
fn reports_fit_their_schema_however_a_run_ends() {
    let dir = folder();
    dir.broken_picture("in/b.tif");
    dir.picture("twins/x/a.tif");
    dir.picture("twins/y/a.tif");
    fs::create_dir(dir.path("empty")).unwrap();
    let schema = schema("report");
    let cases: &[(&[&str], i32, &str)] = &[
        (&["in", "missing.tif"], 1, "complete"),
        (&["in"], 1, "complete"),
        (&["missing.tif", "in", "--fail-fast"], 1, "complete"),
        (&["empty"], 3, "complete"),
        (&["twins", "--name", "{stem}.{ext}"], 2, "failed"),
        (&["in", "--device", "no such adapter"], 4, "failed"),
    ];
    for (arguments, code, ended) in cases {
        let mut all = vec!["run", "-r", "look.toml", "-o", "out", "--report", "r.json"];
        if !arguments.contains(&"--device") {
            all.extend(["--device", "cpu"]);
        }
        all.extend(arguments.iter());
        dir.run(&all).ends(*code);
        let report = dir.json("r.json");
        check(&schema, &report);
        assert_eq!((report["ended"].as_str(), report["exit"].as_i64()), (Some(*ended), Some((*code).into())));
        let counted = ["done", "up_to_date", "skipped", "failed", "not_started"];
        let counted: u64 = counted.iter().map(|key| report["totals"][key].as_u64().unwrap()).sum();
        let inputs = report["pictures"].as_array().unwrap().len() as u64;
        if *ended == "complete" {
            assert_eq!(counted, inputs, "{arguments:?} {report:#}");
        } else {
            assert!(!report["error"].as_str().unwrap().is_empty());
        }
        fs::remove_file(dir.path("r.json")).unwrap();
    }
}

#[test]
fn a_report_holds_what_one_asks_the_morning_after() {
    let dir = folder();
    dir.file("depth/z.exr", fs::read(format!("{}/data/samples/table.exr", env!("CARGO_MANIFEST_DIR"))).unwrap());
    dir.recipe("version = 1\n[[op]]\nid = \"haze\"\ndensity = 0.4\n[[op]]\nid = \"exposure\"\nev = 0.0\n");
    dir.grade(&["depth", "--report", "r.json", "--threads", "8"]).ends(0);
    let report = dir.json("r.json");
    check(&schema("report"), &report);
    let picture = &report["pictures"][0];
    assert!(picture["depth"].as_str().unwrap().contains('Z'), "{picture:#}");
    assert!(picture["device"].as_str().unwrap().starts_with("CPU"));
    let sum: f64 = picture["stages"].as_object().unwrap().values().map(|v| v.as_f64().unwrap()).sum();
    // One strip: its stages come one after the other, and what is no stage takes time too.
    assert!(sum > 0.0 && sum <= picture["seconds"].as_f64().unwrap(), "{picture:#}");
    assert_eq!(report["totals"]["stages"], picture["stages"]);
    let pixels = picture["width"].as_u64().unwrap() * picture["height"].as_u64().unwrap();
    assert_eq!(report["totals"]["pixels"], pixels);
    let warning = &report["warnings"][0];
    assert!(warning["message"].as_str().unwrap().contains("exposure") && warning["pictures"] == 1, "{report:#}");
    assert_eq!(warning["message"], picture["warnings"][0]["message"]);
}

#[test]
fn the_program_prints_the_schemas_it_keeps() {
    let dir = Dir::new();
    for name in ["log", "report"] {
        let printed = dir.run(&["schema", name]).ends(0).stdout;
        assert_eq!(serde_json::from_str::<Value>(&printed).unwrap(), schema(name));
    }
    let recipe = dir.run(&["schema", "recipe"]).ends(0).stdout;
    assert_eq!(recipe, dir.run(&["recipes", "schema"]).ends(0).stdout);
}
