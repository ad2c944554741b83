//! The LUTs of `luts/` are what their recipes bake to, byte for byte, and are listed with their origin. The hash of the recipe in their
//! comment is left out: it covers keys of `[output]` too, and a new one of those changes no color.

use std::path::{Path, PathBuf};
use std::process::Command;

fn luts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("luts")
}

/// Names of the recipes, sorted.
fn names() -> Vec<String> {
    let entries = std::fs::read_dir(luts().join("recipes")).unwrap();
    let mut found: Vec<_> = entries
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "toml"))
        .map(|p| p.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    found.sort();
    found
}

/// The text without the hash of the recipe.
fn without_hash(text: &str) -> String {
    let Some((before, after)) = text.split_once(", hash ") else { return text.to_owned() };
    let rest = after.trim_start_matches(|c: char| c.is_ascii_hexdigit());
    format!("{before}{rest}")
}

#[test]
fn baking_again_gives_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let names = names();
    assert!(names.len() >= 4, "{names:?}");
    for name in names {
        let made = dir.path().join(format!("{name}.cube"));
        let recipe = luts().join(format!("recipes/{name}.toml"));
        let ran = Command::new(env!("CARGO_BIN_EXE_chiaro"))
            .args(["lut", "bake", "--size", "25", "--encoding", "srgb"])
            .arg(recipe)
            .arg("-o")
            .arg(&made)
            .output()
            .unwrap();
        assert!(ran.status.success(), "{name}: {}", String::from_utf8_lossy(&ran.stderr));
        let kept = without_hash(&std::fs::read_to_string(luts().join(format!("{name}.cube"))).unwrap());
        let made = without_hash(&std::fs::read_to_string(made).unwrap());
        let differs = made.lines().zip(kept.lines()).position(|(a, b)| a != b);
        assert!(
            made == kept,
            "{name} differs from line {:?} on: tools/bake_luts.sh bakes it anew",
            differs.map(|n| n + 1)
        );
    }
}

#[test]
fn every_lut_has_a_recipe_and_a_note_of_origin() {
    let note = std::fs::read_to_string(luts().join("README.md")).unwrap();
    let names = names();
    for name in &names {
        assert!(note.contains(&format!("`{name}.cube`")), "luts/README.md does not list {name}.cube");
    }
    let entries = std::fs::read_dir(luts()).unwrap().map(|e| e.unwrap().path());
    for cube in entries.filter(|p| p.extension().is_some_and(|e| e == "cube")) {
        let stem = cube.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(names.contains(&stem), "{} has no recipe", cube.display());
    }
}
