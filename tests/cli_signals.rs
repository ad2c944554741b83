//! Signals to the real program: it stops, says so by its exit code, and leaves no half picture.
#![cfg(unix)]

mod cli_util;

use std::io::Read;
use std::process::{Child, Command, Stdio};

use chiaro::codec::{Format, create};
use chiaro::picture::{Alpha, Channels, Compression, Extent, Region, SampleType, Strip};
use cli_util::{Dir, pictures};

/// A picture that takes any machine long enough: wide, and to be compressed.
const EXTENT: Extent = Extent { width: 6000, height: 6000 };

/// Many operations, so that the run outlasts the signal on any machine.
fn slow_recipe(dir: &Dir) {
    let op = "[[op]]\nid = \"exposure\"\nev = 0.01\n";
    dir.recipe(&format!("version = 1\n{}[output]\ncompression = \"deflate\"\n", op.repeat(30)));
}

/// 216 MB of samples in a small file: every strip the same bytes.
fn big_picture(dir: &Dir) {
    let path = dir.file("in/big.tif", []);
    let layout = pictures::layout(SampleType::U16, Channels::Rgb, Alpha::None);
    let mut spec = pictures::srgb_spec(EXTENT, layout);
    spec.compression = Compression::Deflate;
    let pool = pictures::pool(2);
    let mut sink = create(Format::Tiff, std::fs::File::create(&path).unwrap(), &path, spec).unwrap();
    for region in Region::strips(EXTENT, 256) {
        sink.write(&Strip::new(region, layout), &pool).unwrap();
    }
    sink.finish(&pool).unwrap();
}

fn signal(child: &Child, name: &str) {
    // The shell's own `kill`: a bare system has no program of that name.
    let status = Command::new("sh").args(["-c", &format!("kill -{name} {}", child.id())]).status().unwrap();
    assert!(status.success());
}

#[test]
fn a_run_stops_on_request() {
    let dir = Dir::new();
    slow_recipe(&dir);
    big_picture(&dir);
    for (name, code) in [("INT", 130), ("TERM", 75)] {
        let mut command = dir.grade_command(&["in", "--threads", "1", "--progress", "json", "--report", "r.json"]);
        let (mut child, mut said) = cli_util::started(&mut command);
        signal(&child, name);
        let mut rest = String::new();
        said.read_to_string(&mut rest).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code), "SIG{name}: {rest}");
        assert_eq!(dir.tree("out"), [""; 0], "SIG{name}");
        let report = dir.json("r.json");
        assert_eq!(report["pictures"][0]["status"], "cancelled");
        assert_eq!(report["totals"]["cancelled"], true);
        cli_util::schema::check(&cli_util::schema::load("report"), &report);
        let ended = if name == "INT" { "interrupted" } else { "stopped" };
        assert_eq!((report["ended"].as_str(), report["exit"].as_i64()), (Some(ended), Some(code.into())));
        let log = cli_util::schema::load("log");
        let events: Vec<serde_json::Value> = rest.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        events.iter().for_each(|event| cli_util::schema::check(&log, event));
        assert_eq!(events.last().map(|e| e["exit"].clone()), Some(code.into()), "{rest}");
    }
}

#[test]
fn nothing_holds_the_first_signal_back_before_work() {
    let dir = Dir::new();
    slow_recipe(&dir);
    for (name, code) in [("INT", 130), ("TERM", 75)] {
        let mut child = dir.grade_command(&["-"]).stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        // The program waits for the list. A signal before its handlers are in place ends it as well, by default action.
        std::thread::sleep(std::time::Duration::from_millis(300));
        signal(&child, name);
        let status = child.wait().unwrap();
        assert!(status.code().is_none_or(|c| c == code), "SIG{name}: {status}");
        assert!(!dir.path("out").exists());
    }
}
