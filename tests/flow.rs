//! Stages that overlap: what a profile and a trace say of them, and that a picture which fails in the middle fails as it always did.

mod cli_util;

use std::collections::BTreeMap;

use chiaro::picture::Extent;
use chiaro::plan::{Exports, PlanRequest, plan};
use chiaro::recipe::Recipe;
use cli_util::schema::{check, load};
use cli_util::{BRIGHTER, Dir};
use serde_json::Value;

/// 24 MB of samples: three strips of the default height.
const EXTENT: Extent = Extent { width: 2000, height: 2000 };
/// Bytes of samples of it.
const BYTES: u64 = 2000 * 2000 * 6;

/// Two pictures of several strips and a small one.
fn folder() -> Dir {
    let dir = Dir::new();
    dir.recipe(BRIGHTER);
    dir.picture_of("in/a.tif", EXTENT);
    dir.picture_of("in/b.tif", EXTENT);
    dir.picture("in/small.tif");
    dir
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn profile_and_trace_agree() {
    let dir = folder();
    let arguments = ["in", "--profile", "--trace", "t.json", "--log-format", "json", "--jobs", "2", "--threads", "8"];
    let ran = dir.grade(&arguments).ends(0);
    let events: Vec<Value> = ran.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let profile = events.iter().find(|event| event["event"] == "profile").expect("a profile");
    check(&load("log"), profile);
    let stages: BTreeMap<&str, &Value> =
        profile["stages"].as_array().unwrap().iter().map(|s| (s["stage"].as_str().unwrap(), s)).collect();
    for stage in ["read", "render", "write"] {
        assert_eq!(stages[stage]["count"], 3 + 3 + 1, "{stage}: {profile:#}");
        assert_eq!(stages[stage]["bytes"], 2 * BYTES + 40 * 30 * 6, "{stage}: {profile:#}");
    }
    for stage in ["admit", "commit"] {
        assert_eq!(stages[stage]["count"], 3, "{stage}: {profile:#}");
    }
    assert_eq!((&stages["infer"]["count"], &stages["analyse"]["count"]), (&0.into(), &0.into()), "{profile:#}");
    for (stage, figures) in &stages {
        if figures["count"].as_u64().unwrap() > 0 && *stage != "admit" {
            let [median, p95, busy] =
                ["median_seconds", "p95_seconds", "busy_seconds"].map(|key| number(&figures[key]));
            assert!(median > 0.0 && p95 >= median && busy * 1.05 >= p95, "{stage}: {figures}");
        }
    }
    let trace: Vec<Value> = serde_json::from_slice(&std::fs::read(dir.path("t.json")).unwrap()).unwrap();
    let spans: Vec<&Value> = trace.iter().filter(|event| event["ph"] == "X").collect();
    for (stage, figures) in &stages {
        let busy = spans.iter().filter(|e| e["cat"] == "busy" && e["name"] == *stage);
        let waiting = spans.iter().filter(|e| e["name"] == format!("wait: {stage}"));
        let (busy, waiting) =
            (busy.map(|e| number(&e["dur"])).sum::<f64>(), waiting.map(|e| number(&e["dur"])).sum::<f64>());
        // The table was made a moment before the trace was closed.
        assert!((busy / 1e6 - number(&figures["busy_seconds"])).abs() < 1e-6, "{stage}: {busy} {figures}");
        assert!(waiting / 1e6 >= number(&figures["waiting_seconds"]) - 1e-6, "{stage}: {waiting} {figures}");
    }
    let pictures: Vec<_> = spans.iter().filter(|e| e["cat"] == "picture").filter_map(|e| e["name"].as_str()).collect();
    assert!(["a.tif", "b.tif", "small.tif"].iter().all(|name| pictures.contains(name)), "{pictures:?}");
    assert_nested(&trace);
}

/// Events of one thread lie inside each other or apart, and every thread has a name.
fn assert_nested(trace: &[Value]) {
    let mut threads: BTreeMap<u64, Vec<(f64, f64, &Value)>> = BTreeMap::new();
    for event in trace.iter().filter(|event| event["ph"] == "X") {
        let (start, length) = (number(&event["ts"]), number(&event["dur"]));
        threads.entry(event["tid"].as_u64().unwrap()).or_default().push((start, start + length, event));
    }
    assert!(threads.len() >= 4, "drivers with reader and writer, and commit: {:?}", threads.keys());
    for (thread, spans) in &mut threads {
        let named = |event: &&Value| event["name"] == "thread_name" && event["tid"] == *thread;
        assert_eq!(trace.iter().filter(named).count(), 1, "thread {thread}");
        spans.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)));
        let mut open: Vec<f64> = Vec::new();
        for (start, end, event) in spans {
            // Times are nanoseconds told in microseconds.
            open.retain(|until| *until > *start + 0.002);
            assert!(
                open.iter().all(|until| *end <= *until + 0.002),
                "thread {thread}: {event} reaches beyond {open:?}"
            );
            open.push(*end);
        }
    }
}

#[test]
fn the_table_is_for_people_and_the_trace_for_what_is_no_picture() {
    let dir = folder();
    let ran = dir.grade(&["in/small.tif", "--profile", "-q"]).ends(0);
    for word in ["stage", "\nread", "\nrender", "\nwrite", "\ncommit", "\nwall", "peak memory"] {
        assert!(ran.stderr.contains(word), "{word:?}: {}", ran.stderr);
    }
    assert!(!ran.stderr.contains("infer"), "{}", ran.stderr);
    let before = std::fs::read(dir.path("in/small.tif")).unwrap();
    let refused = dir.grade(&["in", "--trace", "in/small.tif"]).ends(2);
    assert!(refused.stderr.contains("small.tif") && refused.stderr.contains("not replaced"), "{}", refused.stderr);
    assert!(std::fs::read(dir.path("in/small.tif")).unwrap() == before);
    dir.grade(&["in", "--trace", "same.json", "--report", "same.json"]).ends(2);
    dir.grade(&["in", "--trace", "./same.json", "--report", "same.json"]).ends(2);
    dir.grade(&["in", "--trace", "no such folder/t.json"]).ends(2);
}

#[test]
fn a_picture_that_cannot_be_read_to_its_end_leaves_nothing() {
    let dir = folder();
    let path = dir.path("in/a.tif");
    let bytes = std::fs::read(&path).unwrap();
    // What is missing is in the last of its strips.
    std::fs::write(&path, &bytes[..bytes.len() - BYTES as usize / 10]).unwrap();
    let ran = dir.grade(&["in", "--jobs", "1", "--threads", "2"]).ends(1);
    let error = ran.stderr.lines().find(|line| line.contains("a.tif")).unwrap_or_default();
    assert!(!error.is_empty() && !ran.stderr.contains("internal error"), "{}", ran.stderr);
    assert_eq!(dir.tree("out"), ["b.tif", "small.tif"]);
}

/// No room for more than a part of the result: the reader is ahead, the writer fails, and its words are told.
#[cfg(unix)]
#[test]
fn a_picture_that_cannot_be_written_to_its_end_leaves_nothing() {
    let dir = folder();
    let program = env!("CARGO_BIN_EXE_chiaro");
    let arguments = "run in -r look.toml -o out --device cpu --jobs 1";
    // An ignored SIGXFSZ stays ignored: writing beyond the limit is then an error (EFBIG), as a full disk is.
    let script = format!("trap '' XFSZ; ulimit -f 16000; exec '{program}' {arguments}");
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &script]).current_dir(dir.path(""));
    let ran = cli_util::finish(command).ends(1);
    assert!(ran.stderr.contains("out/a.tif") && ran.stderr.contains("out/b.tif"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("internal error"), "{}", ran.stderr);
    assert_eq!(dir.tree("out"), ["small.tif"]);
}

/// Two strips are in work on either side of render, and packed bytes beside one of them; a picture of one strip has one.
#[test]
fn the_plan_counts_what_is_in_flight() {
    let dir = folder();
    let path = dir.path("in/a.tif");
    let source = chiaro::codec::open(&path, &Default::default()).unwrap();
    let recipe = Recipe::from_text("look", BRIGHTER, &path, &path).unwrap();
    let planned = |strip_rows, share_bytes| {
        let (info, total_bytes) = (source.info(), 1 << 32);
        let (exports, recipe, path) = (Exports::default(), &recipe, path.as_path());
        plan(&PlanRequest {
            path,
            info,
            recipe,
            share_bytes,
            total_bytes,
            source_bytes: &|_| 0,
            exports,
            threads: 2,
            strip_rows,
        })
        .unwrap()
    };
    let row = u64::from(EXTENT.width) * 6;
    let bytes = |rows| planned(Some(rows), 1 << 30).bytes;
    assert_eq!(bytes(200) - bytes(100), 100 * 6 * row);
    assert_eq!(bytes(EXTENT.height) - bytes(100), (2000 * 4 - 100 * 6) * row);
    for share in [1 << 20, 10 << 20, 100 << 20, 1 << 30] {
        let plan = planned(None, share);
        assert!(plan.bytes <= share, "{} bytes of {share}, strips of {} rows", plan.bytes, plan.strip_rows);
        assert!(plan.strip_rows >= 5, "{} rows with {share} bytes", plan.strip_rows);
    }
}

/// Whatever is stopped in the middle, the trace is whole.
#[cfg(unix)]
#[test]
fn a_trace_of_an_interrupted_run_is_whole() {
    let dir = Dir::new();
    dir.recipe(&format!("version = 1\n{}", "[[op]]\nid = \"exposure\"\nev = 0.01\n".repeat(30)));
    dir.picture_of("in/big.tif", Extent { width: 4000, height: 8000 });
    let mut command = dir.grade_command(&["in", "--threads", "1", "--progress", "json", "--trace", "t.json"]);
    let (mut child, _said) = cli_util::started(&mut command);
    let kill = format!("kill -INT {}", child.id());
    assert!(std::process::Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let trace: Vec<Value> = serde_json::from_slice(&std::fs::read(dir.path("t.json")).unwrap()).unwrap();
    assert!(trace.iter().any(|event| event["cat"] == "picture" && event["name"] == "big.tif"), "{trace:?}");
    assert_eq!(dir.tree("out"), [""; 0]);
}
