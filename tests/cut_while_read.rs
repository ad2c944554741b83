//! A picture that another program cuts while it is read fails, and nothing else does: not the program, not the other pictures.
#![cfg(target_os = "linux")]

mod cli_util;

use std::fs::File;
use std::io::Read;

use cli_util::black::{Chunks, black};
use cli_util::{BRIGHTER, Dir, started};

/// Large enough to be mapped, and to be in work when the cut comes.
#[test]
fn a_mapped_picture_that_is_cut_fails_alone() {
    for chunks in [Chunks::Strips(16), Chunks::Tiles(512), Chunks::DeflatedTiles(512)] {
        let dir = Dir::new();
        dir.recipe(BRIGHTER);
        std::fs::create_dir(dir.path("in")).unwrap();
        black(&dir.path("in/large.tif"), 12_000, 6_000, chunks);
        let large = File::options().write(true).open(dir.path("in/large.tif")).unwrap();
        dir.picture("in/small.tif");
        let mut command = dir.grade_command(&["in", "--jobs", "1", "--memory", "64MiB", "--progress", "json"]);
        let (mut child, mut said) = started(&mut command);
        large.set_len(8192).unwrap();
        let mut text = String::new();
        said.read_to_string(&mut text).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(1), "{text}");
        assert!(text.contains("large.tif") && text.contains("changed by another program"), "{text}");
        assert_eq!(dir.tree("out"), ["small.tif"]);
    }
}
