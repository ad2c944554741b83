//! The house of the architecture page, enforced: imports point down, and one heavy dependency stays behind one door.

use std::path::{Path, PathBuf};

/// Modules by layer; a module may import its own layer (but not at L3) and those below.
const LAYERS: [&[&str]; 6] = [
    &["error", "isa", "picture"],
    &["color", "lut", "ops"],
    &["recipe", "plan"],
    &["exec", "codec", "depth", "walk"],
    &["engine"],
    &["cli", "watch", "script"],
];

/// Modules of this layer do not know each other.
const SEPARATE: usize = 3;

/// Crates that only one place may name.
const DOORS: &[(&str, &str)] = &[
    ("wgpu", "src/exec/gpu"),
    ("ort", "src/depth/ort.rs"),
    ("rten", "src/depth/rten.rs"),
    ("rten_tensor", "src/depth/rten.rs"),
    ("moxcms", "src/color/icc"),
    ("quick_xml", "src/picture/xmp"),
    ("exr", "src/codec/exr"),
    ("png", "src/codec/png"),
    ("zune_jpeg", "src/codec/jpeg"),
    ("zune_core", "src/codec/jpeg"),
    ("jpeg_encoder", "src/codec/jpeg"),
    ("image_webp", "src/codec/webp"),
    ("webp", "src/codec/webp"),
    ("jxl_oxide", "src/codec/jxl.rs"),
    // A dev-dependency: tests read our files back with it.
    ("tiff", "tests"),
    ("ruzstd", "src/codec/tiff/decompress.rs"),
    ("libdeflater", "src/codec/deflate"),
    ("weezl", "src/codec/tiff"),
    ("memmap2", "src/codec/mapping"),
    ("walkdir", "src/walk"),
    ("toml_edit", "src/recipe"),
    ("clap", "src/cli"),
    ("clap_complete", "src/cli"),
    ("clap_mangen", "src/cli"),
    ("indicatif", "src/cli"),
    ("anyhow", "src/cli"),
    ("signal_hook", "src/cli"),
];

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|modules| modules.contains(&module))
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// (path relative to the repository, top module, text without comments)
fn all() -> Vec<(String, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    let read = |path: PathBuf| {
        let relative = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
        let module = relative.trim_start_matches("src/").split(['/', '.']).next().unwrap_or_default().to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        (relative, module, code)
    };
    files.into_iter().map(read).collect()
}

/// Names that follow `crate::` or `use crate::{`.
fn imports(code: &str) -> Vec<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    code.match_indices("crate::").map(|(at, found)| word(&code[at + found.len()..])).filter(|w| !w.is_empty()).collect()
}

#[test]
fn imports_point_down() {
    let mut wrong = Vec::new();
    for (path, module, code) in all() {
        let Some(own) = layer(&module) else { continue };
        for target in imports(&code) {
            let Some(other) = layer(&target) else { continue };
            if other > own || (other == own && own == SEPARATE && target != module) {
                wrong.push(format!("{path} (L{own}) imports crate::{target} (L{other})"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_module_has_a_layer() {
    for (path, module, _) in all() {
        let known = layer(&module).is_some() || ["lib", "main", "bin"].contains(&module.as_str());
        assert!(known, "{path}: module {module} is in no layer of this test's table");
    }
}

#[test]
fn heavy_dependencies_stay_behind_their_doors() {
    let mut wrong = Vec::new();
    for (path, _, code) in all() {
        for (krate, door) in DOORS {
            let named = code.match_indices(&format!("{krate}::")).any(|(at, _)| {
                let before = code[..at].chars().next_back();
                !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
            });
            if named && !path.starts_with(door) && !is_own_module(&code, krate) {
                wrong.push(format!("{path} names the crate {krate}, whose door is {door}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `png::`, `exr::` and `tiff::` are also modules of ours.
fn is_own_module(code: &str, name: &str) -> bool {
    code.contains(&format!("mod {name};"))
        || code.lines().any(|l| l.trim_start().starts_with("use super::") && l.contains(name))
        || code.contains("use crate::") && code.contains(&format!("{name}}}"))
}
