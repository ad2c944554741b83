//! A disk that is full ends its picture with a sentence, leaves nothing behind, and the other pictures go on.
//!
//! A limit on the size of files (setrlimit(2), RLIMIT_FSIZE) stands for the disk: like a full disk it lets a write fail in the middle of a
//! file, and it needs no rights.
#![cfg(target_os = "linux")]

mod cli_util;

use std::os::unix::process::CommandExt;
use std::process::Command;

use chiaro::picture::Extent;
use cli_util::{Dir, Ran, finish};

/// Bytes a file may have.
const ROOM: u64 = 200 << 10;

/// Runs the program where no file can become larger than [`ROOM`].
fn cramped(mut command: Command) -> Ran {
    let limit = libc::rlimit { rlim_cur: ROOM, rlim_max: ROOM };
    // SAFETY: between fork and exec only setrlimit(2), which is async-signal-safe, is called, with a value the closure owns.
    unsafe {
        command.pre_exec(move || match libc::setrlimit(libc::RLIMIT_FSIZE, &limit) {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        })
    };
    finish(command)
}

/// A folder of one picture that is too large to be written and two that are not.
fn folder() -> Dir {
    let dir = Dir::new();
    dir.picture("in/a.tif");
    dir.picture_of("in/large.tif", Extent { width: 700, height: 600 });
    dir.picture("in/z.tif");
    dir
}

#[test]
fn a_picture_that_does_not_fit_fails_alone() {
    let dir = folder();
    // Uncompressed, compressed in the pool, in rows, and written whole at the end. Grain keeps compression from making it fit.
    for (format, more) in [
        ("tiff", "compression = \"none\""),
        ("tiff", "compression = \"deflate\""),
        ("png", ""),
        ("exr", ""),
        ("jpeg", "quality = 100"),
    ] {
        dir.recipe(&format!(
            "version = 1\n[[op]]\nid = \"grain\"\namount = 100.0\n[[output]]\nformat = \"{format}\"\n{more}\n"
        ));
        let ran = cramped(dir.grade_command(&["in", "--on-exist", "overwrite", "--jobs", "2"])).ends(1);
        let errors: Vec<&str> = ran.stderr.lines().filter(|line| line.starts_with("chiaro: in/large")).collect();
        assert!(errors.len() == 1 && errors[0].contains("File too large"), "{format}: {}", ran.stderr);
        assert_eq!((ran.count("done"), ran.count("failed")), (2, 0), "{format}: {}{}", ran.stdout, ran.stderr);
        let left = dir.tree("out");
        assert!(left.len() == 2 && !left.iter().any(|name| name.contains("large")), "{format}: {left:?}");
        std::fs::remove_dir_all(dir.path("out")).unwrap();
    }
}

/// With room again, the same command does what is missing.
#[test]
fn the_next_run_completes() {
    let dir = folder();
    dir.recipe(cli_util::BRIGHTER);
    cramped(dir.grade_command(&["in"])).ends(1);
    assert_eq!(dir.tree("out"), ["a.tif", "z.tif"]);
    let ran = dir.grade(&["in"]).ends(0);
    assert_eq!((ran.count("done"), ran.count("up-to-date")), (1, 2), "{}", ran.stdout);
    assert_eq!(dir.tree("out"), ["a.tif", "large.tif", "z.tif"]);
}
