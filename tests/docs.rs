//! Every command, recipe and script of the README and of `docs/` is run, in the order it is read, each document in a folder of its own.
#![cfg(unix)]

mod cli_util;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cli_util::{BRIGHTER, Dir};

/// What sets up, builds or measures the program: not for a test of the program.
const OF_DEVELOPERS: [&str; 5] = ["make demo", "make test", "make bench", "cargo ", "git "];

/// (language, text) of every fenced block.
fn blocks(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let body: Vec<_> = lines.by_ref().take_while(|l| !l.starts_with("```")).collect();
            found.push((language.to_owned(), body.join("\n") + "\n"));
        }
    }
    found
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder with what the documents speak of.
fn folder() -> Dir {
    let dir = Dir::new();
    for name in ["shoot/a.tif", "shoot/day 2/b.png"] {
        dir.picture(name);
    }
    dir.recipe(BRIGHTER);
    let cube: String = (0..8).map(|i| format!("{} {} {}\n", i & 1, i >> 1 & 1, i >> 2)).collect();
    dir.file("looks/golden-coast.cube", format!("LUT_3D_SIZE 2\n{cube}"));
    dir.file("frames/f.0001.exr", std::fs::read(root().join("data/samples/table.exr")).unwrap());
    dir
}

/// Runs `program` with `script` in `dir`, with our program first in the path.
fn script(dir: &Dir, program: &str, flags: &str, script: &str) -> Output {
    let own = Path::new(env!("CARGO_BIN_EXE_chiaro")).parent().unwrap();
    let path = format!("{}:{}", own.display(), std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new(program);
    command.args([flags, script]).current_dir(dir.path("")).env("PATH", path).env_remove("ORT_DYLIB_PATH");
    command.env("CHIARO_CACHE", dir.path(".cache"));
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{script}\n{shown}{said}");
    assert!(!said.contains("exit code") && !shown.contains("exit code"), "{script}\n{shown}{said}");
    output
}

/// Runs the blocks of a document in `languages`; returns how many commands of ours they hold.
fn run(dir: &Dir, document: &Path, languages: &[&str]) -> usize {
    let text = std::fs::read_to_string(document).unwrap();
    let mut commands = 0;
    for (language, block) in blocks(&text) {
        if !languages.contains(&language.as_str()) {
            continue;
        }
        match language.as_str() {
            "toml" => drop(dir.file("look.toml", block)),
            "make" => drop(dir.file("Makefile", block)),
            "sh" if OF_DEVELOPERS.iter().any(|start| block.starts_with(start)) => {}
            "sh" => {
                commands += block.matches("chiaro ").count();
                script(dir, "sh", "-euc", &block);
            }
            "python" => {
                commands += 1;
                let output = script(dir, "python3", "-c", &block);
                assert!(!output.stdout.is_empty(), "{block}");
            }
            _ => {}
        }
    }
    commands
}

#[test]
#[cfg_attr(not(feature = "onnx"), ignore = "the README's recipes estimate depth: needs the feature onnx")]
fn every_command_of_the_readme_works() {
    let dir = folder();
    let commands = run(&dir, &root().join("README.md"), &["sh", "toml"]);
    assert!(commands >= 6, "only {commands} commands were found");
    for file in ["out/a.tif", "out/day 2/b.png", "graded/f.0001.exr", "depth/a_depth.png", "report.json"] {
        assert!(dir.path(file).exists(), "{file} is missing");
    }
}

/// The documents of `docs/`, without the notes on decisions.
fn documents() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join("docs")).unwrap();
    let mut found: Vec<_> =
        entries.map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "md")).collect();
    found.sort();
    found
}

#[test]
#[cfg_attr(not(feature = "onnx"), ignore = "commands in docs/ estimate depth: needs the feature onnx")]
#[cfg_attr(not(has_make), ignore = "needs make")]
fn every_command_of_the_docs_works() {
    for document in documents() {
        let dir = folder();
        let commands = run(&dir, &document, &["sh", "toml", "make"]);
        if document.ends_with("scripting.md") {
            assert!(commands >= 8, "only {commands} commands were found");
            for file in ["graded/day 2/b.png", "found/b.png", "sorted/undated/0001_a.tif", "made/a.tif", "look.cube"] {
                assert!(dir.path(file).exists(), "{file} is missing");
            }
        }
    }
}

#[test]
#[cfg_attr(not(has_python3), ignore = "needs python3")]
fn every_python_script_of_the_docs_works() {
    let scripts: usize = documents().iter().map(|document| run(&folder(), document, &["toml", "python"])).sum();
    assert!(scripts >= 2, "only {scripts} scripts were found");
}

#[test]
fn the_reference_is_that_of_the_program() {
    let path = root().join("docs/cli.md");
    let printed = Dir::new().run(&["reference"]).ends(0).stdout;
    if std::env::var_os("CHIARO_BLESS").is_some() {
        std::fs::write(&path, &printed).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == printed, "docs/cli.md is old: CHIARO_BLESS=1 cargo test --test docs writes it anew");
}

#[test]
fn the_exit_codes_of_the_docs_are_those_of_the_help() {
    let help = Dir::new().run(&["--help"]).ends(0).stdout.replace('\n', " ");
    for document in ["README.md", "docs/scripting.md", "docs/cli.md"] {
        let text = std::fs::read_to_string(root().join(document)).unwrap();
        for code in ["0", "1", "2", "3", "4", "75", "130"] {
            let told = [format!("\n| {code} |"), format!(" {code} "), format!("\n{code} ")];
            assert!(told.iter().any(|form| text.contains(form)), "{document} does not tell {code}");
            assert!(help.contains(&format!(" {code} ")), "--help does not tell {code}");
        }
    }
}
