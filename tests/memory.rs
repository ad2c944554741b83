//! Bounded memory, proved by peak residence: pictures of every shape stay below `--memory` and a fixed base.
#![cfg(target_os = "linux")]

mod cli_util;

use std::os::unix::process::CommandExt;

use cli_util::black::{Chunks, black};
use cli_util::measured::measure;
use cli_util::{BRIGHTER, Dir};

const MIB: u64 = 1 << 20;

/// What a run holds beside the budget: the program's own pages, stacks, the allocator's slack, paths and the journal. A run of one tiny
/// picture takes 12 to 16 MiB.
const BASE: u64 = 24 * MIB;

/// Beside [`BASE`] where depth is estimated: the loaded model in two orientations, and what inference holds on its way, as far as a
/// quarter of the memory does not cover them.
#[cfg(feature = "onnx")]
const INFERENCE: u64 = 8 * MIB;

const COPY: &str = "version = 1\n";
const SHARPER: &str = "version = 1\n[[op]]\nid = \"sharpen\"\namount = 0.8\nradius_px = 3.0\n";
const SMALLER: &str = "version = 1\n[[op]]\nid = \"exposure\"\nev = 0.5\n[[output]]\nlong_edge_px = 4000\n";
#[cfg(feature = "onnx")]
const DEEPER: &str = "version = 1\n[[op]]\nid = \"haze\"\ndensity = 0.5\n";

/// Grades `input` by `look` under every `memory` and holds the peak to it.
#[track_caller]
fn stays_below(dir: &Dir, look: &str, input: &str, memory: &[u64], base: u64) {
    dir.recipe(look);
    for mib in memory {
        let budget = format!("{mib}MiB");
        let arguments = [input, "--memory", &budget, "--inference", "rten", "--on-exist", "overwrite"];
        let ran = measure(dir, dir.grade_command(&arguments));
        assert_eq!(ran.code, Some(0), "{input} {budget}: {}", ran.said);
        let (peak, limit) = (ran.peak / MIB, mib + base / MIB);
        println!("{input}, {} operation bytes, --memory {budget}: {peak} MiB of {limit}", look.len());
        assert!(peak <= limit, "{input} under --memory {budget}: {peak} MiB resident, allowed {limit}\n{look}");
    }
}

/// Pictures of 48 MB, twice the memory they get, whichever way they are large.
fn shapes(dir: &Dir) -> [&'static str; 4] {
    black(&dir.path("wide.tif"), 200_000, 120, Chunks::Strips(1));
    black(&dir.path("tall.tif"), 120, 200_000, Chunks::Strips(64));
    black(&dir.path("strips.tif"), 8000, 3000, Chunks::Strips(16));
    black(&dir.path("tiles.tif"), 8000, 3000, Chunks::Tiles(512));
    ["wide.tif", "tall.tif", "strips.tif", "tiles.tif"]
}

#[test]
fn points_hold_strips_only() {
    let dir = Dir::new();
    for shape in shapes(&dir) {
        // Arithmetic changes nothing about rows that are too long or too many; it only takes its time.
        let look = if matches!(shape, "strips.tif" | "tiles.tif") { BRIGHTER } else { COPY };
        stays_below(&dir, look, shape, &[24], BASE);
    }
    black(&dir.path("one.tif"), 8000, 3000, Chunks::Strips(3000));
    stays_below(&dir, COPY, "one.tif", &[24], BASE);
}

#[test]
fn areas_hold_their_margins() {
    let dir = Dir::new();
    black(&dir.path("tall.tif"), 120, 200_000, Chunks::Strips(64));
    stays_below(&dir, SMALLER, "tall.tif", &[24], BASE);
    black(&dir.path("low.tif"), 4000, 1000, Chunks::Strips(16));
    stays_below(&dir, SHARPER, "low.tif", &[24], BASE);
}

/// A few rows of working pixels of a very wide picture are more than the memory: refused with advice, or held to it.
#[test]
fn margins_of_a_wide_picture_are_charged_or_refused() {
    let dir = Dir::new();
    dir.recipe(SHARPER);
    black(&dir.path("wide.tif"), 200_000, 4, Chunks::Strips(1));
    let ran = measure(&dir, dir.grade_command(&["wide.tif", "--memory", "64MiB"]));
    assert_eq!(ran.code, Some(1), "{}", ran.said);
    assert!(ran.said.contains("raise --memory") && ran.said.contains("wide.tif"), "{}", ran.said);
    assert!(ran.peak <= 64 * MIB, "{} bytes to refuse a picture", ran.peak);
    stays_below(&dir, SHARPER, "wide.tif", &[256], BASE);
}

/// Rows on their way through a compressor are charged too, however many threads there are; tiles count as wide as they are.
#[test]
fn compressors_and_wide_tiles_are_charged() {
    let dir = Dir::new();
    black(&dir.path("wide.tif"), 400_000, 60, Chunks::Strips(1));
    black(&dir.path("tiles.tif"), 64, 1440, Chunks::Tiles(4096));
    let outputs = [
        "format = \"png\"",
        "format = \"tiff\"\ncompression = \"lzw\"",
        "format = \"tiff\"\ncompression = \"deflate\"",
    ];
    for (input, output) in outputs.map(|output| ("wide.tif", output)).into_iter().chain([("tiles.tif", outputs[2])]) {
        dir.recipe(&format!("version = 1\n[output]\n{output}\n"));
        for threads in [2, 16] {
            let count = threads.to_string();
            let arguments = [input, "--memory", "32MiB", "--threads", &count, "--on-exist", "overwrite"];
            let ran = measure(&dir, dir.grade_command(&arguments));
            assert!(ran.code == Some(0) || ran.said.contains("raise --memory"), "{input} {output}: {}", ran.said);
            let peak = ran.peak / MIB;
            println!("{input} as {output}, {threads} threads: {peak} MiB, exit {:?}", ran.code);
            // A thread has a stack, and the allocator keeps some of what it gave back for longer when threads wait for a core.
            assert!(peak <= 32 + BASE / MIB + threads, "{input} as {output} with {threads} threads: {peak} MiB");
        }
    }
}

/// Decoded twice: what analyse reads is not kept when it does not fit.
#[test]
#[cfg(feature = "onnx")]
fn depth_keeps_no_more_than_the_memory() {
    let dir = Dir::new();
    black(&dir.path("tiles.tif"), 8000, 3000, Chunks::Tiles(512));
    stays_below(&dir, DEEPER, "tiles.tif", &[48], BASE + INFERENCE);
}

#[test]
fn many_small_pictures_share() {
    let dir = Dir::new();
    std::fs::create_dir(dir.path("in")).unwrap();
    for n in 0..24 {
        black(&dir.path(format!("in/{n}.tif")), 500, 300, Chunks::Strips(16));
    }
    stays_below(&dir, BRIGHTER, "in", &[24, 256], BASE);
    stays_below(&dir, SHARPER, "in", &[24], BASE);
    #[cfg(feature = "onnx")]
    stays_below(&dir, DEEPER, "in", &[48], BASE + INFERENCE);
}

/// A compressed strip of the whole picture can only be held whole: refused with advice, or charged.
#[test]
fn a_compressed_single_strip_is_charged_or_refused() {
    let dir = Dir::new();
    dir.recipe(COPY);
    black(&dir.path("one.tif"), 8000, 6000, Chunks::OneDeflated);
    let ran = measure(&dir, dir.grade_command(&["one.tif", "--memory", "64MiB"]));
    assert_eq!(ran.code, Some(1), "{}", ran.said);
    assert!(ran.said.contains("raise --memory") && ran.said.contains("one.tif"), "{}", ran.said);
    assert!(ran.peak <= 64 * MIB, "{} bytes to refuse a picture", ran.peak);
    stays_below(&dir, COPY, "one.tif", &[512], BASE);
}

/// Less address space than a map of the picture and the work on it would take: files are read by position then.
#[test]
fn a_limit_on_address_space_is_kept() {
    let dir = Dir::new();
    dir.recipe(BRIGHTER);
    black(&dir.path("large.tif"), 4000, 2000, Chunks::DeflatedTiles(512));
    black(&dir.path("small.tif"), 400, 300, Chunks::Strips(300));
    let limited = |bytes: u64| {
        let mut command =
            dir.grade_command(&["large.tif", "small.tif", "--memory", "64MiB", "--on-exist", "overwrite"]);
        let limit = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
        // SAFETY: between fork and exec only setrlimit(2), which is async-signal-safe, is called, with a value the closure owns.
        unsafe {
            command.pre_exec(move || match libc::setrlimit(libc::RLIMIT_AS, &limit) {
                0 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            })
        };
        measure(&dir, command)
    };
    let ran = limited(160 * MIB);
    assert_eq!(ran.code, Some(0), "{}", ran.said);
    assert_eq!(dir.tree("out"), ["large.tif", "small.tif"]);
}

/// A picture that is mapped leaves behind what it has passed: of the map of a large file, never more than a few strips are resident.
#[test]
fn mapped_pages_are_given_back() {
    let dir = Dir::new();
    dir.recipe(COPY);
    black(&dir.path("large.tif"), 16_000, 8_000, Chunks::Strips(16));
    let mut child = dir.grade_command(&["large.tif", "--memory", "64MiB"]).spawn().unwrap();
    let maps = format!("/proc/{}/smaps", child.id());
    let (mut seen, mut most) = (0, 0);
    while child.try_wait().unwrap().is_none() {
        // Gone between the question and this: the next question says so.
        let text = std::fs::read_to_string(&maps).unwrap_or_default();
        let map = text.lines().skip_while(|line| !line.ends_with("large.tif"));
        let resident = map.take(10).find_map(|line| line.strip_prefix("Rss:"));
        if let Some(kilobytes) = resident.and_then(|text| text.trim().strip_suffix(" kB")) {
            seen += 1;
            most = most.max(kilobytes.trim().parse::<u64>().unwrap());
        }
    }
    assert!(child.wait().unwrap().success());
    assert!(seen > 3, "the map was met {seen} times");
    assert!(most * 1024 < 24 * MIB, "{most} kB of a mapped file are resident");
}
