//! `docs/recipes.md` shows every recipe that ships: a section with its purpose, word for word, and pictures that are there and small.

use std::path::Path;

use chiaro::recipe::PRESETS;

/// Largest picture, and all of them together.
const LARGEST: (u64, u64) = (60_000, 900_000);

fn docs() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

/// (heading, text) of every section.
fn sections(text: &str) -> Vec<(&str, &str)> {
    text.split("\n## ").skip(1).filter_map(|section| section.split_once('\n')).collect()
}

/// The paths of pictures in a text.
fn pictures(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(path, _)| path)
        .filter(|p| p.ends_with(".jpg"))
}

#[test]
fn every_recipe_has_a_section_with_its_purpose_and_a_picture() {
    let text = std::fs::read_to_string(docs().join("recipes.md")).unwrap();
    let sections = sections(&text);
    for (place, preset) in PRESETS.iter().enumerate() {
        let (heading, body) = sections[place];
        assert_eq!(heading, preset.id, "the sections stand in the order of the lists");
        let flowing = body.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flowing.contains(&preset.purpose()), "{}: the text is not the comment of the recipe", preset.id);
        assert!(pictures(body).any(|p| p.ends_with(&format!("-{}.jpg", preset.id))), "{} has no picture", preset.id);
    }
}

#[test]
fn pictures_are_there_shown_and_small() {
    let text = std::fs::read_to_string(docs().join("recipes.md")).unwrap();
    let mut shown: Vec<_> = pictures(&text).map(|p| docs().join(p)).collect();
    shown.sort();
    shown.dedup();
    let sizes: Vec<u64> =
        shown.iter().map(|p| p.metadata().unwrap_or_else(|e| panic!("{}: {e}", p.display())).len()).collect();
    assert!(sizes.iter().all(|size| (1000..=LARGEST.0).contains(size)), "{sizes:?}");
    assert!(sizes.iter().sum::<u64>() <= LARGEST.1, "{sizes:?}");
    let there = std::fs::read_dir(docs().join("pictures/recipes")).unwrap().map(|e| e.unwrap().path());
    let lost: Vec<_> = there.filter(|p| !shown.contains(p)).collect();
    assert!(lost.is_empty(), "{lost:?} are not shown");
}
