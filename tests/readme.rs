//! Every command and recipe of the README is run, in the order it is read.
#![cfg(unix)]

mod cli_util;

use std::path::Path;
use std::process::Command;

use cli_util::Dir;

/// (language, text) of every fenced block.
fn blocks(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let body: Vec<_> = lines.by_ref().take_while(|l| !l.starts_with("```")).collect();
            found.push((language.to_owned(), body.join("\n")));
        }
    }
    found
}

#[test]
#[cfg_attr(not(feature = "onnx"), ignore = "the README's recipes estimate depth: needs the feature onnx")]
fn every_command_of_the_readme_works() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("README.md")).unwrap();
    let dir = Dir::new();
    for name in ["shoot/a.tif", "shoot/day 2/b.png"] {
        dir.picture(name);
    }
    let cube: String = (0..8).map(|i| format!("{} {} {}\n", i & 1, i >> 1 & 1, i >> 2)).collect();
    dir.file("looks/golden-coast.cube", format!("LUT_3D_SIZE 2\n{cube}"));
    dir.file("frames/f.0001.exr", std::fs::read(root.join("data/samples/table.exr")).unwrap());
    let program = Path::new(env!("CARGO_BIN_EXE_chiaro")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap_or_default());
    let mut commands = 0;
    for (language, block) in blocks(&text) {
        match language.as_str() {
            "toml" => drop(dir.file("look.toml", block)),
            "sh" => {
                for line in block.lines().filter(|l| l.starts_with("chiaro")) {
                    let mut shell = Command::new("sh");
                    shell.args(["-ec", line]).current_dir(dir.path("")).env("PATH", &path).env_remove("ORT_DYLIB_PATH");
                    let output = shell.output().unwrap();
                    let said = String::from_utf8_lossy(&output.stderr).into_owned();
                    assert!(output.status.success() && !said.contains("exit code"), "{line}\n{said}");
                    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
                    assert!(!shown.contains("exit code"), "{line}\n{said}");
                    commands += 1;
                }
            }
            _ => {}
        }
    }
    assert!(commands >= 6, "only {commands} commands were found");
    for file in ["out/a.tif", "out/day 2/b.png", "graded/f.0001.exr", "depth/a_depth.png", "report.json"] {
        assert!(dir.path(file).exists(), "{file} is missing");
    }
}
