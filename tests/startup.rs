//! Nothing is opened that a command does not need: which libraries the real program maps, told by the dynamic loader itself.
//!
//! glibc's loader writes every object it maps, needed at start or opened later, to a file per process (ld.so(8), `LD_DEBUG=files`).
#![cfg(target_os = "linux")]

mod cli_util;

use std::collections::BTreeSet;

use cli_util::{BRIGHTER, Dir};

/// Name beginnings of what a Rust program needs of the system itself. Whatever else is mapped was loaded for some purpose.
const SYSTEM: [&str; 9] = [
    "libc.so",
    "libm.so",
    "libgcc_s.so",
    "libpthread.so",
    "libdl.so",
    "librt.so",
    "libutil.so",
    "ld-linux",
    "linux-vdso",
];

/// Runs the program to its end with exit code 0; names of all libraries that it, or a process it started, mapped or tried to map.
#[track_caller]
fn libraries(dir: &Dir, arguments: &[&str]) -> BTreeSet<String> {
    let logs = tempfile::tempdir().unwrap();
    let mut command = dir.command(arguments);
    command.env("LD_DEBUG", "files").env("LD_DEBUG_OUTPUT", logs.path().join("log")).env_remove("LD_PRELOAD");
    cli_util::finish(command).ends(0);
    let logs = std::fs::read_dir(logs.path()).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    let mut names = BTreeSet::new();
    for log in logs {
        for word in String::from_utf8_lossy(&log).split_whitespace().filter_map(|word| word.strip_prefix("file=")) {
            let name = word.rsplit('/').next().unwrap_or(word).trim_end_matches(';');
            // The program itself is named by an empty word or its own path.
            if name.contains(".so") {
                names.insert(name.to_owned());
            }
        }
    }
    names
}

/// True, after saying why, where the loader keeps no such log: musl, or a program that is linked statically.
fn has_no_loader_log(dir: &Dir) -> bool {
    let silent = !libraries(dir, &["--version"]).iter().any(|name| name.starts_with("libc.so"));
    if silent {
        eprintln!("ignored: this system's loader has no LD_DEBUG");
    }
    silent
}

fn folder() -> Dir {
    let dir = Dir::new();
    dir.recipe(BRIGHTER);
    dir.picture("a.tif");
    dir
}

#[test]
fn looking_loads_nothing_but_the_system() {
    let dir = folder();
    if has_no_loader_log(&dir) {
        return;
    }
    let commands: [&[&str]; 15] = [
        &["--help"],
        &["run", "--help"],
        &["--version"],
        &["ops"],
        &["ops", "exposure"],
        &["recipes"],
        &["recipes", "show", "interior"],
        &["recipes", "schema"],
        &["probe", "a.tif"],
        &["plan", "a.tif", "-r", "look.toml"],
        &["plan", "a.tif", "-r", "interior"],
        &["run", "a.tif", "-r", "interior", "-o", "out", "--dry-run"],
        &["models", "info", "chiaro-small"],
        &["completions", "bash"],
        &["man"],
    ];
    for arguments in commands {
        let loaded = libraries(&dir, arguments);
        let more = beyond_the_system(&loaded);
        assert!(more.is_empty(), "{arguments:?} loads {more:?}");
    }
}

/// A recipe that reads no depth needs no inference library, the CPU no driver, and the built-in engine no library at all.
#[test]
fn a_run_loads_only_what_its_recipe_and_device_need() {
    let dir = folder();
    if has_no_loader_log(&dir) {
        return;
    }
    let on_cpu = ["run", "a.tif", "--device", "cpu"];
    let mut runs: Vec<&[&str]> = vec![&["-r", "look.toml", "-o", "out"]];
    if cfg!(feature = "onnx") {
        runs.push(&["-r", "interior", "-o", "deep", "--inference", "rten"]);
    }
    for more in runs {
        let loaded = libraries(&dir, &[&on_cpu[..], more].concat());
        let loaded = beyond_the_system(&loaded);
        assert!(loaded.is_empty(), "{more:?} loads {loaded:?}");
    }
}

/// The control: what does start a driver is seen to do so, so the tests above can fail.
#[test]
#[cfg_attr(not(feature = "gpu"), ignore = "needs the feature gpu")]
fn what_starts_a_driver_is_seen() {
    let dir = folder();
    if has_no_loader_log(&dir) {
        return;
    }
    let on_gpu = ["run", "a.tif", "-r", "look.toml", "-o", "out", "--device", "llvmpipe"];
    for arguments in [&["doctor"][..], &on_gpu] {
        let loaded = libraries(&dir, arguments);
        assert!(loaded.iter().any(|name| name.starts_with("libvulkan.so")), "{arguments:?}: {loaded:?}");
    }
}

fn beyond_the_system(loaded: &BTreeSet<String>) -> Vec<&String> {
    loaded.iter().filter(|name| !SYSTEM.iter().any(|system| name.starts_with(system))).collect()
}
