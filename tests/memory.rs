//! Bounded memory, proved by peak residence: pictures of every shape stay below `--memory` and a fixed base.
//!
//! Pictures are sparse files: a hole reads as zeros and costs no disk.
#![cfg(target_os = "linux")]

mod cli_util;

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::path::Path;

use cli_util::measured::measure;
use cli_util::{BRIGHTER, Dir};

const MIB: u64 = 1 << 20;

/// What a run holds beside the budget: the program's own pages, stacks, the allocator's slack, paths and the journal. A run of one tiny
/// picture takes 12 to 16 MiB.
const BASE: u64 = 24 * MIB;

/// Beside [`BASE`] where depth is estimated: the loaded model in two orientations, and what inference holds on its way, as far as a
/// quarter of the memory does not cover them.
const INFERENCE: u64 = 8 * MIB;

const SHARPER: &str = "version = 1\n[[op]]\nid = \"sharpen\"\namount = 0.8\nradius_px = 3.0\n";
const SMALLER: &str = "version = 1\n[[op]]\nid = \"exposure\"\nev = 0.5\n[[output]]\nlong_edge_px = 4000\n";
#[cfg(feature = "onnx")]
const DEEPER: &str = "version = 1\n[[op]]\nid = \"haze\"\ndensity = 0.5\n";

/// Where the samples of a picture lie.
#[derive(Clone, Copy)]
enum Chunks {
    /// Strips of so many rows.
    Strips(u32),
    /// Square tiles of this side.
    Tiles(u32),
    /// One strip, Deflate.
    OneDeflated,
}

/// Writes a black 16-bit gray TIFF (TIFF 6.0, sections 2 and 15) whose samples are holes of the file.
fn black(path: &Path, width: u32, height: u32, chunks: Chunks) {
    let bytes = |columns: u32, rows: u32| columns * rows * 2;
    let (tag, side, counts, compression) = match chunks {
        Chunks::Strips(rows) => {
            let rows_of = |first: u32| rows.min(height - first);
            let counts = (0..height).step_by(rows as usize).map(|y| bytes(width, rows_of(y))).collect();
            (273, rows, counts, 1)
        }
        Chunks::Tiles(side) => {
            let tiles = width.div_ceil(side) * height.div_ceil(side);
            (324, side, vec![bytes(side, side); tiles as usize], 1)
        }
        Chunks::OneDeflated => (273, height, vec![0], 8),
    };
    let samples = if matches!(chunks, Chunks::OneDeflated) { deflated_zeros(bytes(width, height)) } else { Vec::new() };
    let counts: Vec<u32> = if samples.is_empty() { counts } else { vec![samples.len() as u32] };
    // Header, directory, the two tables, samples from the next page on.
    let tables = 200u32;
    let table_bytes = counts.len() as u32 * 4;
    let first = (tables + 2 * table_bytes).next_multiple_of(4096);
    let offsets: Vec<u32> = counts.iter().scan(first, |at, count| Some(std::mem::replace(at, *at + count))).collect();
    let place = |table: &[u32], at: u32| if let [only] = table { *only } else { at };
    let (at_offsets, at_counts) = (place(&offsets, tables), place(&counts, tables + table_bytes));
    let count = counts.len() as u32;
    let mut entries: Vec<(u16, u32, u32)> =
        vec![(256, 1, width), (257, 1, height), (258, 1, 16), (259, 1, compression), (262, 1, 1), (277, 1, 1)];
    entries.extend(match tag {
        324 => vec![(322, 1, side), (323, 1, side), (324, count, at_offsets), (325, count, at_counts)],
        _ => vec![(273, count, at_offsets), (278, 1, side), (279, count, at_counts)],
    });
    entries.sort();
    let mut head = b"II\x2a\0\x08\0\0\0".to_vec();
    head.extend((entries.len() as u16).to_le_bytes());
    for (tag, count, value) in entries {
        head.extend(tag.to_le_bytes());
        head.extend(4u16.to_le_bytes());
        head.extend(count.to_le_bytes());
        head.extend(value.to_le_bytes());
    }
    head.extend([0; 4]);
    let file = File::create(path).unwrap();
    file.set_len(u64::from(first) + counts.iter().map(|c| u64::from(*c)).sum::<u64>()).unwrap();
    file.write_all_at(&head, 0).unwrap();
    if count > 1 {
        let words = |table: &[u32]| table.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
        file.write_all_at(&words(&offsets), u64::from(tables)).unwrap();
        file.write_all_at(&words(&counts), u64::from(tables + table_bytes)).unwrap();
    }
    file.write_all_at(&samples, u64::from(first)).unwrap();
}

fn deflated_zeros(bytes: u32) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    let block = vec![0; MIB as usize];
    for at in (0..bytes as usize).step_by(block.len()) {
        encoder.write_all(&block[..block.len().min(bytes as usize - at)]).unwrap();
    }
    encoder.finish().unwrap()
}

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
        stays_below(&dir, BRIGHTER, shape, &[24], BASE);
    }
    black(&dir.path("one.tif"), 8000, 3000, Chunks::Strips(3000));
    stays_below(&dir, BRIGHTER, "one.tif", &[24], BASE);
}

#[test]
fn areas_hold_their_margins() {
    let dir = Dir::new();
    for shape in &shapes(&dir)[1..] {
        // A row of tiles beside the rows that are wanted.
        let memory = if *shape == "tiles.tif" { 32 } else { 24 };
        stays_below(&dir, SMALLER, shape, &[memory], BASE);
    }
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

/// Kept decoded or decoded twice, by the budget.
#[test]
#[cfg(feature = "onnx")]
fn depth_keeps_what_the_memory_allows() {
    let dir = Dir::new();
    for shape in shapes(&dir) {
        stays_below(&dir, DEEPER, shape, &[48], BASE + INFERENCE);
    }
    stays_below(&dir, DEEPER, "strips.tif", &[320], BASE + INFERENCE);
}

#[test]
fn many_small_pictures_share() {
    let dir = Dir::new();
    std::fs::create_dir(dir.path("in")).unwrap();
    for n in 0..30 {
        black(&dir.path(format!("in/{n}.tif")), 600, 400, Chunks::Strips(16));
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
    dir.recipe(BRIGHTER);
    black(&dir.path("one.tif"), 8000, 6000, Chunks::OneDeflated);
    let ran = measure(&dir, dir.grade_command(&["one.tif", "--memory", "64MiB"]));
    assert_eq!(ran.code, Some(1), "{}", ran.said);
    assert!(ran.said.contains("raise --memory") && ran.said.contains("one.tif"), "{}", ran.said);
    assert!(ran.peak <= 64 * MIB, "{} bytes to refuse a picture", ran.peak);
    stays_below(&dir, BRIGHTER, "one.tif", &[512], BASE);
}

/// Less address space than a map of the picture and the work on it would take: files are read by position then.
#[test]
fn a_limit_on_address_space_is_kept() {
    let dir = Dir::new();
    dir.recipe(BRIGHTER);
    black(&dir.path("large.tif"), 8000, 6000, Chunks::Strips(6000));
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
    let ran = limited(240 * MIB);
    assert_eq!(ran.code, Some(0), "{}", ran.said);
    assert_eq!(dir.tree("out"), ["large.tif", "small.tif"]);
}

/// A picture that is mapped leaves behind what it has passed: of the map of a large file, never more than a few strips are resident.
#[test]
fn mapped_pages_are_given_back() {
    let dir = Dir::new();
    dir.recipe(BRIGHTER);
    black(&dir.path("large.tif"), 16_000, 6_000, Chunks::Strips(16));
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
