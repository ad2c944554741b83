//! Recipes on disk: names, chains of `extends`, LUT files, and the hash.

use std::path::{Path, PathBuf};

use chiaro::error::Error;
use chiaro::ops::Value;
use chiaro::picture::{Compression, Format};
use chiaro::recipe::{Bits, DepthSource, PRESETS, Recipe, apply_set};
use tempfile::TempDir;

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    dir
}

#[track_caller]
fn load(dir: &TempDir, name: &str) -> Recipe {
    Recipe::load(&dir.path().join(name)).unwrap_or_else(|e| panic!("{e}"))
}

#[track_caller]
fn refused(dir: &TempDir, name: &str) -> String {
    match Recipe::load(&dir.path().join(name)) {
        Ok(_) => panic!("{name} was accepted"),
        Err(e @ Error::Recipe { .. }) => e.to_string(),
        Err(e) => panic!("{e:?}"),
    }
}

fn text(text: &str) -> Recipe {
    Recipe::from_text("t", text, Path::new(""), Path::new("t.toml")).unwrap_or_else(|e| panic!("{e}"))
}

fn ids(recipe: &Recipe) -> Vec<&str> {
    recipe.ops.iter().map(|op| op.op.id()).collect()
}

#[test]
fn every_preset_loads_and_survives_a_round_trip() {
    for preset in PRESETS {
        let recipe = Recipe::preset(preset.id).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(recipe.name, preset.id);
        assert!(recipe.summary.len() > 10, "{} has no summary", preset.id);
        assert!(preset.purpose().len() > 50, "{} does not begin with its purpose", preset.id);
        let again = Recipe::from_text("again", &recipe.to_toml(), Path::new(""), Path::new("again.toml"));
        let again = again.unwrap_or_else(|e| panic!("{e}\n{}", recipe.to_toml()));
        assert_eq!(again.hash, recipe.hash, "{}", recipe.to_toml());
        assert_eq!(again.to_toml(), recipe.to_toml());
    }
    assert!(Recipe::preset("neutral").unwrap().ops.is_empty());
    for id in ["interior", "exterior"] {
        let recipe = Recipe::preset(id).unwrap();
        assert!(recipe.ops.iter().any(|op| op.op.reads_depth(&op.params)), "{id} does not read depth");
        assert!(recipe.ops.iter().all(|op| !op.is_identity()), "{id} has an operation that does nothing");
    }
    assert!(PRESETS.windows(2).all(|w| w[0].id != w[1].id));
}

#[test]
fn a_round_trip_keeps_every_setting() {
    let recipe = text(
        "version = 1\nsummary = \"a \\\"b\\\"\"\ngrading = \"acescct\"\n[depth]\nmodel = \"m\"\nsource = \"exr:a\\\"b\"\n\
         [[op]]\nid = \"exposure\"\nev = 0.1\nstrength = 0.7\n[[op]]\nid = \"haze\"\ndensity = 1\ncolor = [0.1, 1, 0]\n\
         [output]\nformat = \"tiff\"\nbits = \"half\"\ncompression = \"lzw\"\ncolor = \"srgb\"\n",
    );
    assert_eq!(recipe.depth.source, DepthSource::Channel("a\"b".into()));
    assert_eq!(recipe.outputs[0].format, Some(Format::Tiff));
    assert_eq!(recipe.outputs[0].bits, Some(Bits::Half));
    assert_eq!(recipe.outputs[0].compression, Some(Compression::Lzw));
    let again = text(&recipe.to_toml());
    assert_eq!((again.hash, again.summary), (recipe.hash, recipe.summary));
}

#[test]
fn names_resolve_to_files_or_presets() {
    assert_eq!(Recipe::resolve("interior").unwrap().name, "interior");
    let dir = folder(&[("dusk.toml", "version = 1\n")]);
    let path = dir.path().join("dusk.toml");
    assert_eq!(Recipe::resolve(path.to_str().unwrap()).unwrap().name, "dusk");
    let message = |arg: &str| Recipe::resolve(arg).map(|_| ()).unwrap_err().to_string();
    assert!(message("interiro").contains("did you mean \"interior\""));
    assert!(message("no-such-look").contains("ends in .toml"));
    assert!(message("no/such/look.toml").contains("cannot be read"));
    assert!(message(dir.path().to_str().unwrap()).contains("not a file"));
}

#[test]
fn files_that_cannot_be_recipes_are_refused() {
    let dir = folder(&[]);
    let path = dir.path().join("a.toml");
    std::fs::write(&path, b"version = 1\nsummary = \"\xff\"\n").unwrap();
    assert!(refused(&dir, "a.toml").ends_with("a.toml:2: is not UTF-8 text"));
    std::fs::write(&path, vec![b'#'; (1 << 20) + 1]).unwrap();
    assert!(matches!(Recipe::load(&path), Err(Error::Limit { .. })));
}

#[test]
fn a_child_adds_to_its_parent() {
    let dir = folder(&[
        (
            "base/base.toml",
            "version = 1\nsummary = \"base\"\ngrading = \"acescct\"\n[depth]\nmodel = \"m\"\n[output]\nbits = 16\ncompression = \"lzw\"\n[[op]]\nid = \"exposure\"\nev = 1\n",
        ),
        (
            "child.toml",
            "version = 1\nextends = \"base/base.toml\"\n[depth]\nsource = \"model\"\n[output]\nbits = \"input\"\n[[op]]\nid = \"invert\"\n",
        ),
        (
            "only.toml",
            "version = 1\nextends = \"child.toml\"\nreplace_ops = true\n[[op]]\nid = \"haze\"\ndensity = 1\n",
        ),
    ]);
    let child = load(&dir, "child.toml");
    assert_eq!(ids(&child), ["exposure", "invert"]);
    assert_eq!((child.name.as_str(), child.summary.as_str()), ("child", ""));
    assert_eq!(child.depth.model, "m");
    assert_eq!(child.depth.source, DepthSource::Model);
    assert_eq!(child.outputs[0].bits, None);
    assert_eq!(child.outputs[0].compression, Some(Compression::Lzw));
    assert!(child.grading.is_some());
    assert_eq!(ids(&load(&dir, "only.toml")), ["haze"]);
    // From a preset.
    let own = text("version = 1\nextends = \"exterior\"\n[[op]]\nid = \"invert\"\n");
    assert_eq!(ids(&own), ["depth_grade", "haze", "invert"]);
}

#[test]
fn chains_end() {
    let mut files: Vec<(String, String)> =
        (0..12).map(|i| (format!("{i}.toml"), format!("version = 1\nextends = \"{}.toml\"\n", i + 1))).collect();
    files.push(("12.toml".into(), "version = 1\n".into()));
    files.push(("a.toml".into(), "version = 1\n\nextends = \"b.toml\"\n".into()));
    files.push(("b.toml".into(), "version = 1\nextends = \"./sub/../a.toml\"\n".into()));
    files.push(("sub/x".into(), String::new()));
    files.push(("self.toml".into(), "version = 1\nextends = \"self.toml\"\n".into()));
    let files: Vec<(&str, &str)> = files.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let dir = folder(&files);
    load(&dir, "4.toml");
    assert!(refused(&dir, "3.toml").contains("deeper than 8"));
    let cycle = refused(&dir, "a.toml");
    assert!(cycle.contains("a.toml:3: ") && cycle.contains("b.toml:2: ") && cycle.contains("leads back"), "{cycle}");
    assert!(refused(&dir, "self.toml").contains("leads back"));
}

#[test]
fn problems_of_a_parent_are_listed_at_extends() {
    let dir = folder(&[
        ("base.toml", "version = 1\nfoo = 1\n[output]\nbitz = 8\n"),
        ("look.toml", "version = 1\nextends = \"base.toml\"\nsumary = \"\"\n"),
        ("typo.toml", "version = 1\nextends = \"exteriour\"\n"),
        ("alone.toml", "version = 1\nreplace_ops = true\n"),
    ]);
    let message = refused(&dir, "look.toml");
    let lines: Vec<&str> = message.lines().collect();
    assert_eq!(lines.len(), 3, "{message}");
    assert!(lines[0].contains("look.toml:2: ") && lines[0].contains("base.toml:2: unknown key \"foo\""), "{message}");
    assert!(lines[1].contains("look.toml:2: ") && lines[1].contains("base.toml:4: ") && lines[1].contains("bits"));
    assert!(lines[2].contains("look.toml:3: unknown key \"sumary\""), "{message}");
    assert!(refused(&dir, "typo.toml").contains("did you mean \"exterior\""));
    assert!(refused(&dir, "alone.toml").contains("alone.toml:2: replace_ops without extends"));
}

const LUT: &str = "LUT_1D_SIZE 2\n0 0 0\n1 1 1\n";
const DARKER: &str = "LUT_1D_SIZE 2\n0 0 0\n0.5 0.5 0.5\n";
const LOOK: &str = "version = 1\n[[op]]\nid = \"lut\"\nfile = \"a.cube\"\n";

#[test]
fn luts_are_found_beside_the_recipe_that_names_them() {
    let dir = folder(&[
        ("base/base.toml", LOOK),
        ("base/a.cube", LUT),
        ("a.cube", DARKER),
        ("child.toml", "version = 1\nextends = \"base/base.toml\"\n[[op]]\nid = \"lut\"\nfile = \"a.cube\"\n"),
    ]);
    let child = load(&dir, "child.toml");
    assert_eq!(child.context.luts.len(), 2);
    let names: Vec<String> = child.ops.iter().flat_map(|op| op.op.lut_files(&op.params)).collect();
    assert_eq!(PathBuf::from(&names[0]), dir.path().join("base/a.cube"));
    assert_eq!(PathBuf::from(&names[1]), dir.path().join("a.cube"));
    let [first, second] = [&names[0], &names[1]].map(|n| &child.context.luts[n]);
    assert_ne!(***first, ***second);
    assert_ne!(child.lut_hashes[&names[0]], child.lut_hashes[&names[1]]);
    assert_eq!(text(&child.to_toml()).hash, child.hash);
}

#[test]
fn problems_of_a_lut_are_listed_at_the_line_that_names_it() {
    let broken = "LUT_1D_SIZE 2\n0 0 0\n1 1\n";
    let dir = folder(&[("look.toml", LOOK), ("broken.toml", LOOK), ("sub/look.toml", LOOK), ("sub/a.cube", broken)]);
    let missing = refused(&dir, "look.toml");
    assert!(missing.contains("look.toml:4: ") && missing.contains("a.cube: cannot be read"), "{missing}");
    let message = refused(&dir, "sub/look.toml");
    let first = message.lines().next().unwrap();
    assert!(first.contains("look.toml:4: ") && first.contains("a.cube:3: "), "{message}");
}

#[test]
fn a_lut_can_be_set_from_the_command_line() {
    let dir = folder(&[("look.toml", LOOK), ("a.cube", LUT), ("b.cube", DARKER), ("same.cube", LUT)]);
    let original = load(&dir, "look.toml");
    let set = |name: &str| {
        let mut recipe = original.clone();
        apply_set(&mut recipe, &format!("lut.file={}", dir.path().join(name).display())).map(|()| recipe)
    };
    let other = set("b.cube").unwrap();
    assert_ne!(other.hash, original.hash);
    assert_eq!(other.context.luts.len(), 1);
    // The same contents under another name are the same look.
    assert_eq!(set("same.cube").unwrap().hash, original.hash);
    assert!(set("none.cube").map(|_| ()).unwrap_err().to_string().contains("cannot be read"));
}

#[test]
fn the_hash_follows_what_changes_pixels_and_nothing_else() {
    let base = "version = 1\nsummary = \"a\"\n[[op]]\nid = \"haze\"\ndensity = 0.5\nstart = 0.1\n[output]\nbits = 8\n";
    let hash = |text: &str| Recipe::from_text("t", text, Path::new(""), Path::new("t")).map(|r| r.hash).unwrap();
    let expected = hash(base);
    assert_eq!(expected.len(), 32);
    assert!(expected.bytes().all(|b| b.is_ascii_hexdigit()));
    for same in [
        "# note\nversion = 1\noutput.bits = 8\nop = [{ start = 0.1, density = 0.50, id = \"haze\", strength = 1 }]\n",
        "version = 1\nsummary = \"b\"\nextends = \"neutral\"\n[output]\nbits = 8\n[[op]]\nstart = 1e-1\nid = \"haze\"\ndensity = 0.5\n",
    ] {
        assert_eq!(hash(same), expected, "{same}");
    }
    let renamed = Recipe::from_text("other", base, Path::new("x"), Path::new("y")).map(|r| r.hash).unwrap();
    assert_eq!(renamed, expected);
    let mut seen = std::collections::BTreeSet::from([expected]);
    for (from, to) in [
        ("density = 0.5", "density = 0.51"),
        ("start = 0.1", "start = 0"),
        ("start = 0.1", "color = [0.75, 0.82, 0.91]"),
        ("start = 0.1", "start = 0.1\nstrength = 0.5"),
        ("bits = 8", "bits = 16"),
        ("bits = 8", "bits = 8\nformat = \"tiff\""),
        ("bits = 8", "bits = 8\ncompression = \"lzw\""),
        ("bits = 8", "bits = 8\ncolor = \"srgb\""),
        ("bits = 8", "bits = 8\n[depth]\nmodel = \"other\""),
        ("bits = 8", "bits = 8\n[depth]\nsource = \"model\""),
        ("bits = 8", "bits = 8\n[depth]\nsource = \"exr:Z\""),
        ("summary = \"a\"", "grading = \"display\""),
        ("summary = \"a\"", "grading = \"acescct\""),
        ("[output]", "[[op]]\nid = \"invert\"\n[output]"),
        ("[output]", "[[op]]\nid = \"exposure\"\n[output]"),
        ("id = \"haze\"", "id = \"invert\"\n[[op]]\nid = \"haze\""),
    ] {
        let changed = base.replace(from, to);
        assert_ne!(changed, base);
        assert!(seen.insert(hash(&changed)), "{from} -> {to} has a hash that was seen");
    }
}

#[test]
fn the_hash_follows_the_contents_of_luts() {
    let dir = folder(&[("look.toml", LOOK), ("a.cube", LUT), ("moved/look.toml", LOOK), ("moved/a.cube", LUT)]);
    let original = load(&dir, "look.toml");
    assert_eq!(load(&dir, "moved/look.toml").hash, original.hash);
    std::fs::write(dir.path().join("a.cube"), DARKER).unwrap();
    assert_ne!(load(&dir, "look.toml").hash, original.hash);
}

#[test]
fn parameters_hold_what_the_recipe_says() {
    let recipe = text("version = 1\n[[op]]\nid = \"exposure\"\nev = 2\n\n[[op]]\nid = \"haze\"\n");
    assert_eq!(recipe.ops[0].params["ev"], Value::Number(2.0));
    assert_eq!(recipe.ops[1].params, recipe.ops[1].op.defaults());
    assert_eq!([recipe.ops[0].line, recipe.ops[1].line], [3, 7]);
    assert_eq!(recipe.ops[0].strength, 1.0);
}
