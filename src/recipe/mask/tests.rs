use super::*;
use crate::recipe::{Recipe, apply_set};

/// A recipe with this key of an exposure, from a folder that holds `m.png`.
fn recipe(mask: &str) -> Result<Recipe, Error> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("m.png"), "one").unwrap();
    let text = format!("version = 1\n[[op]]\nid = \"exposure\"\nev = 1\n{mask}\n");
    Recipe::from_text("t", &text, dir.path(), Path::new("t.toml"))
}

#[track_caller]
fn mask(text: &str) -> Mask {
    recipe(text).unwrap().ops.remove(0).mask.unwrap()
}

#[track_caller]
fn refused(text: &str, line: usize, parts: &[&str]) {
    let error = recipe(text).map(|_| ()).unwrap_err().to_string();
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.starts_with(&format!("t.toml:{line}: ")), "{error}");
    for part in parts {
        assert!(error.contains(part), "{error:?} lacks {part:?}");
    }
}

const DEPTH: Mask = Mask::Depth { range: [0.3, 1.0], feather: 0.2 };

#[test]
fn inline_and_table_are_one() {
    assert_eq!(mask("mask = { depth = [0.3, 1.0], feather = 0.2 }"), DEPTH);
    assert_eq!(mask("[op.mask]\ndepth = [0.3, 1]\nfeather = 0.2"), DEPTH);
    assert_eq!(mask("[op.mask]\nnot.depth = [0.3, 1]\nnot.feather = 0.2"), Mask::Not(Box::new(DEPTH)));
    let nested =
        mask("[[op.mask.any]]\ndepth = [0.3, 1]\nfeather = 0.2\n[[op.mask.any]]\nluma = [0, 0.5]\nof = \"source\"");
    let luma = Mask::Luma { range: [0.0, 0.5], feather: 0.1, of: Of::Source };
    assert_eq!(nested, Mask::Any(vec![DEPTH, luma]));
}

#[test]
fn keys_of_one_table_all_have_to_hold() {
    let found =
        mask("mask = { depth = [0, 1], hue = [350, 20], linear = { from = [0, 0], to = [1, 0] }, invert = true }");
    let Mask::Not(inner) = found else { panic!("{found:?}") };
    let Mask::All(parts) = *inner else { panic!("{inner:?}") };
    assert_eq!(parts.len(), 3);
    assert_eq!(parts[1], Mask::Hue { range: [350.0, 20.0], feather: 30.0, chroma: [0.01, 0.04], of: Of::Input });
}

#[test]
fn every_mask_reads_back_from_its_text() {
    let text = "mask = { any = [\
        { all = [{ depth = [0.1, 0.2] }, { luma = [0.3, 0.7], of = \"source\", feather = 0.05 }] },\
        { hue = [-20, 40], chroma = [0.05, 0.1], of = \"source\" },\
        { radial = { center = [0.4, 0.6], radius = 0.3, aspect = 1.5, angle = -30, feather = 0.7, invert = true } },\
        { linear = { from = [0.5, 0], to = [0.5, 1] } }, { file = \"m.png\" } ] }";
    let first = recipe(text).unwrap();
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("m.png"), "one").unwrap();
    let path = first.ops[0].mask.as_ref().unwrap().files()[0].to_owned();
    let written = first.to_toml().replace(&path, "m.png");
    let second = Recipe::from_text("t", &written, dir.path(), Path::new("t.toml")).unwrap();
    // The file lies elsewhere and has the same contents.
    assert_eq!(first.hash, second.hash, "{written}");
    std::fs::write(dir.path().join("m.png"), "two").unwrap();
    let third = Recipe::from_text("t", &written, dir.path(), Path::new("t.toml")).unwrap();
    assert_ne!(first.hash, third.hash);
    assert_ne!(recipe("mask = { depth = [0.1, 0.2] }").unwrap().hash, recipe("").unwrap().hash);
}

#[test]
fn mistakes_are_named_with_their_line() {
    refused("mask = 0.5", 5, &["mask is 0.5, expected a table"]);
    refused("mask = {}", 5, &["mask selects nothing", "depth, luma, hue"]);
    refused("[op.mask]\n\ndepht = [0, 1]", 7, &["unknown key of a mask \"depht\", did you mean \"depth\"?"]);
    refused("[op.mask]\ndepth = [0, 1]\nfeather = 3", 7, &["feather is 3, allowed 0 to 1 for depth and luma"]);
    refused("[op.mask]\nluma = [0, 1.5]", 6, &["luma has 1.5, allowed 0 to 1"]);
    refused("mask = { depth = [0.7, 0.3] }", 5, &["depth goes from 0.7 down to 0.3"]);
    refused("mask = { depth = [0.7] }", 5, &["depth has 1 numbers, expected 2"]);
    refused("mask = { depth = 0.7 }", 5, &["depth is 0.7, expected two numbers"]);
    refused("mask = { feather = 0.7 }", 5, &["feather belongs to depth, luma or hue"]);
    refused("mask = { depth = [0, 1], hue = [0, 90], feather = 0.1 }", 5, &["degrees for hue", "all = ["]);
    refused("mask = { depth = [0, 1], of = \"source\" }", 5, &["of belongs to luma or hue"]);
    refused("mask = { luma = [0, 1], of = \"sorce\" }", 5, &["of is \"sorce\", allowed: input, source"]);
    refused("mask = { depth = [0, 1], chroma = [0, 0.1] }", 5, &["chroma belongs to hue"]);
    refused("mask = { any = { depth = [0, 1] } }", 5, &["any is no list of masks"]);
    refused("mask = { any = [] }", 5, &["any is no list of masks"]);
    refused("mask = { all = [{ depth = [0, 1] }, 3] }", 5, &["all is no list of masks"]);
    refused("mask = { linear = { from = [0, 0] } }", 5, &["linear needs to"]);
    refused("mask = { linear = { from = [0, 0], to = [0, 0] } }", 5, &["to the same place"]);
    refused("mask = { radial = { center = [0, 0], radius = 0 } }", 5, &["radius is 0, allowed 0.001 to 10"]);
    refused(
        "mask = { radial = { centre = [0, 0], radius = 1 } }",
        5,
        &["key of radial \"centre\", did you mean \"center\""],
    );
    refused("mask = { radial = 3 }", 5, &["radial is a value, expected a table"]);
    refused("mask = { file = \"n.png\" }", 5, &["n.png", "cannot be read"]);
    refused("mask = { invert = true }", 5, &["mask selects nothing"]);
    let deep =
        (0..9).fold("{ depth = [0, 1] }".to_owned(), |inner, _| format!("{{ all = [{{ luma = [0, 1] }}, {inner}] }}"));
    refused(&format!("mask = {deep}"), 5, &["weights at once", "allowed up to 8"]);
    let deep = (0..40).fold("{ depth = [0, 1] }".to_owned(), |inner, _| format!("{{ not = {inner} }}"));
    refused(&format!("mask = {deep}"), 5, &["nested deeper than 16"]);
}

#[test]
fn masks_can_be_set_from_the_command_line() {
    let mut recipe = recipe("mask = { depth = [0.3, 1.0] }").unwrap();
    let before = recipe.hash.clone();
    apply_set(&mut recipe, "exposure.mask.feather=0.2").unwrap();
    assert_eq!(recipe.ops[0].mask, Some(DEPTH));
    assert_ne!(recipe.hash, before);
    apply_set(&mut recipe, "exposure.mask.depth=[0, 0.5]").unwrap();
    assert_eq!(recipe.ops[0].mask, Some(Mask::Depth { range: [0.0, 0.5], feather: 0.2 }));
    apply_set(&mut recipe, "exposure.mask={ luma = [0.5, 1] }").unwrap();
    apply_set(&mut recipe, "exposure.mask.of=source").unwrap();
    assert_eq!(recipe.ops[0].mask, Some(Mask::Luma { range: [0.5, 1.0], feather: 0.1, of: Of::Source }));
    let wrong = apply_set(&mut recipe, "exposure.mask.fether=0.2").unwrap_err().to_string();
    assert!(wrong.contains("did you mean \"feather\""), "{wrong}");
    apply_set(&mut recipe, "exposure.mask=none").unwrap();
    assert_eq!(recipe.ops[0].mask, None);
}
