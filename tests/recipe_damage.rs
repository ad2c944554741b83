//! Damaged recipes: an error or a recipe, never a panic.

use std::path::Path;

use chiaro::recipe::{PRESETS, Recipe, apply_set};

const FULL: &str = "\u{feff}version = 1\r\nsummary = \"\u{e9}t\u{e9}\"\nextends = \"exterior\"\nreplace_ops = true\n\
grading = \"display\"\n[depth]\nmodel = \"m\"\nsource = \"exr:Z\"\n[[op]]\nid = \"exposure\"\nev = -1.5e0\nstrength = 0.5\n\
[[op]]\nid = \"haze\"\ncolor = [0.1, 0.2, 1]\nmask = { depth = [0, 1] }\n[output]\nbits = \"half\"\nformat = \"exr\"\n";

fn read(text: &str) {
    if let Err(error) = Recipe::from_text("t", text, Path::new(""), Path::new("t.toml")) {
        assert!(!error.to_string().is_empty());
    }
}

/// Knuth's multiplicative generator (The Art of Computer Programming, volume 2, MMIX): the same bytes on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n.max(1)
    }
}

#[test]
fn truncated_recipes() {
    for text in PRESETS.iter().map(|p| p.text).chain([FULL]) {
        for (end, _) in text.char_indices() {
            read(&text[..end]);
            read(&text[end..]);
        }
    }
}

#[test]
fn changed_bytes() {
    let mut random = Random(1);
    let odd = b"\"'[]{}=.#\n\\,-+eE019ax_ \t\xff\0";
    for _ in 0..3000 {
        let mut bytes = FULL.as_bytes().to_vec();
        for _ in 0..=random.below(4) {
            let at = random.below(bytes.len());
            bytes[at] = odd[random.below(odd.len())];
        }
        read(&String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn exchanged_lines() {
    let mut random = Random(2);
    let lines: Vec<&str> = FULL.lines().collect();
    for _ in 0..2000 {
        let text: Vec<&str> = (0..12).map(|_| lines[random.below(lines.len())]).collect();
        read(&text.join("\n"));
    }
}

#[test]
fn random_bytes_in_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.toml");
    let mut random = Random(3);
    for length in 0..200 {
        let bytes: Vec<u8> = (0..length).map(|_| random.below(256) as u8).collect();
        std::fs::write(&path, bytes).unwrap();
        assert!(Recipe::load(&path).is_err());
    }
}

#[test]
fn deep_nesting_and_long_words() {
    for text in [
        format!("version = 1\na = {}", "[".repeat(100_000)),
        format!("version = 1\n{} = 1", "a.".repeat(50_000) + "a"),
        format!("version = 1\n{} = 1", "k".repeat(500_000)),
        format!("version = 1\n[[op]]\nid = \"{}\"", "x".repeat(500_000)),
        format!("version = 1\nextends = \"{}.toml\"", "x".repeat(500_000)),
        "version = 99999999999999999999999".to_owned(),
        "version = 1\n[[op]]\nid = \"exposure\"\nev = 1e400".to_owned(),
    ] {
        assert!(Recipe::from_text("t", &text, Path::new(""), Path::new("t.toml")).is_err());
    }
}

#[test]
fn random_sets() {
    let mut recipe = Recipe::preset("exterior").unwrap();
    let mut random = Random(4);
    let parts =
        ["haze", "#", "2", ".", "=", "density", "depth", "output", "bits", "[", "1,", "\"", "'", "-", "\u{e9}", ""];
    for _ in 0..5000 {
        let set: String = (0..random.below(8)).map(|_| parts[random.below(parts.len())]).collect();
        _ = apply_set(&mut recipe, &set);
    }
}
