//! The real program, killed at random instants: final names are whole at any time, and a second run completes the tree of an
//! undisturbed one. And a picture that shrinks while it is mapped fails alone.
#![cfg(unix)]

mod cli_util;
mod common;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use chiaro::picture::Extent;
use cli_util::Dir;
use common::Random;

const PICTURES: usize = 24;
const KILLS: usize = 40;

fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    if folder.exists() { common::tree(folder).into_iter().collect() } else { BTreeMap::new() }
}

fn is_temporary(path: &Path) -> bool {
    path.to_string_lossy().ends_with(".chiaro-tmp")
}

#[test]
fn kills_leave_whole_files_and_a_second_run_completes() {
    let dir = Dir::new();
    // Compression makes writing take most of the time, so that kills land between the first write and the flush of the folder.
    let op = "[[op]]\nid = \"exposure\"\nev = 0.05\n[[op]]\nid = \"invert\"\n".repeat(4);
    dir.recipe(&format!("version = 1\n{op}[output]\ncompression = \"lzw\"\n"));
    for i in 0..PICTURES {
        dir.picture_of(format!("in/{i:02}.tif"), Extent { width: 500 + i as u32, height: 300 });
    }
    let started = Instant::now();
    dir.grade(&["in", "--quiet"]).ends(0);
    let whole_run = started.elapsed();
    let reference = files(&dir.path("out"));
    assert_eq!(reference.len(), PICTURES);

    let mut random = Random(0x1d87_2b41_4f6c_dd1d);
    let (mut kills, mut at_work) = (0, 0);
    while kills < KILLS {
        std::fs::remove_dir_all(dir.path("out")).unwrap();
        // Several kills of one tree: a run that is itself a recovery must be safe as well.
        for _ in 0..=random.below(2) {
            let mut child =
                dir.grade_command(&["in", "--quiet"]).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
            std::thread::sleep(Duration::from_micros(random.below(whole_run.as_micros() as u64)));
            if child.try_wait().unwrap().is_some() {
                continue;
            }
            child.kill().unwrap();
            child.wait().unwrap();
            kills += 1;
            let left = files(&dir.path("out"));
            at_work += usize::from(left.keys().any(|path| is_temporary(path)));
            for (path, bytes) in left.iter().filter(|(path, _)| !is_temporary(path)) {
                assert!(reference.get(path) == Some(bytes), "{} is not whole after kill {kills}", path.display());
            }
        }
        dir.grade(&["in", "--quiet"]).ends(0);
        assert!(files(&dir.path("out")) == reference, "the tree differs after kill {kills}");
    }
    assert!(at_work * 2 >= kills, "only {at_work} of {kills} kills met a picture being written");
}

/// A TIFF of 67 MB is mapped; cutting it while it is read must fail this picture and no other.
#[test]
#[cfg(target_os = "linux")]
fn a_picture_that_shrinks_while_mapped_fails_alone() {
    let dir = Dir::new();
    let op = "[[op]]\nid = \"exposure\"\nev = 0.01\n";
    dir.recipe(&format!("version = 1\n{}[output]\ncompression = \"deflate\"\n", op.repeat(20)));
    let big = dir.picture_of("in/a-big.tif", Extent { width: 4096, height: 2800 });
    dir.picture("in/b-small.tif");
    let length = std::fs::metadata(&big).unwrap().len();
    assert!(length > chiaro::codec::mapping::MAP_FROM_BYTES);
    let mut command = dir.grade_command(&["in", "--threads", "1", "--jobs", "1", "--progress", "json"]);
    let (mut child, mut said) = cli_util::started(&mut command);
    std::fs::File::options().write(true).open(&big).unwrap().set_len(length / 2).unwrap();
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{rest}");
    assert!(rest.contains("a-big.tif") && rest.contains("changed"), "{rest}");
    assert_eq!(dir.tree("out"), ["b-small.tif"], "{rest}");
}
