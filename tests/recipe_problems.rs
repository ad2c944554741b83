//! Mistakes in recipes: every one is listed, with its line and the nearest name.

use std::path::Path;

use chiaro::error::{Error, Problem};
use chiaro::recipe::Recipe;

fn problems(text: &str) -> Vec<(usize, String)> {
    match Recipe::from_text("look", text, Path::new(""), Path::new("look.toml")) {
        Ok(_) => Vec::new(),
        Err(Error::Recipe { path, problems }) => {
            assert_eq!(path, Path::new("look.toml"));
            problems.into_iter().map(|Problem { line, message }| (line, message)).collect()
        }
        Err(other) => panic!("{other}"),
    }
}

/// The one problem of a text.
#[track_caller]
fn problem(text: &str) -> (usize, String) {
    let mut all = problems(text);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

#[track_caller]
fn refused(text: &str, line: usize, parts: &[&str]) {
    let (found, message) = problem(text);
    assert_eq!(found, line, "{message}");
    for part in parts {
        assert!(message.contains(part), "{message:?} lacks {part:?}");
    }
}

#[test]
fn three_mistakes_are_listed_together() {
    let text = "\
# A look
version = 1

[[op]]
id = \"exposre\"
ev = 0.5

[[op]]
id = \"haze\"
densty = 0.5

[output]
compression = \"defalte\"
";
    let error = Recipe::from_text("look", text, Path::new(""), Path::new("look.toml")).map(|_| ()).unwrap_err();
    let lines: Vec<String> = error.to_string().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert_eq!(lines[0], "look.toml:5: unknown operation \"exposre\", did you mean \"exposure\"?");
    assert_eq!(lines[1], "look.toml:10: unknown parameter of haze \"densty\", did you mean \"density\"?");
    assert!(
        lines[2].starts_with("look.toml:13: compression is \"defalte\", allowed: \"none\", \"lzw\""),
        "{}",
        lines[2]
    );
    assert!(lines[2].ends_with("did you mean \"deflate\"?"), "{}", lines[2]);
}

#[test]
fn problems_come_in_order_of_lines() {
    let text = "[output]\nbits = 12\n[depth]\nsource = 3\n[[op]]\nid = \"haze\"\ndensity = -1\nstrength = 2\n";
    let lines: Vec<usize> = problems(text).into_iter().map(|(line, _)| line).collect();
    assert_eq!(lines, [1, 2, 4, 7, 8]);
}

#[test]
fn the_version_is_required_and_known() {
    refused("summary = \"x\"\n", 1, &["version is missing", "version = 1"]);
    refused("\nversion = 2\nnew_key = 1\n", 2, &["version is 2", "reads version 1"]);
    refused("version = \"1\"\n", 1, &["version is \"1\"", "allowed: 1"]);
    refused("version = 0\n", 1, &["version is 0"]);
    assert!(problems("version = 1\n").is_empty());
    assert!(problems("\u{feff}version = 1\r\n").is_empty());
}

#[test]
fn keys_are_checked_by_name() {
    refused("version = 1\nsumary = \"x\"\n", 2, &["\"sumary\"", "did you mean \"summary\""]);
    refused("version = 1\n[outptu]\nbits = 8\n", 2, &["did you mean \"output\""]);
    refused("version = 1\n[[ops]]\nid = \"invert\"\n", 2, &["did you mean \"op\""]);
    refused("version = 1\n[depth]\nmodle = \"x\"\n", 3, &["key of [depth]", "did you mean \"model\""]);
    refused("version = 1\n[output.bts]\nx = 1\n", 2, &["did you mean \"bits\""]);
    refused("version = 1\nbits = 8\n", 2, &["belongs into [output]"]);
    refused("version = 1\n[exposure]\nev = 1\n", 2, &["write [[op]]", "id = \"exposure\""]);
    refused("version = 1\nzzzzzz = 1\n", 2, &["there is: version, summary"]);
}

#[test]
fn operations_are_checked() {
    refused("version = 1\n[op]\nid = \"invert\"\n", 2, &["two brackets"]);
    refused("version = 1\nop = 3\n", 2, &["write [[op]]"]);
    refused("version = 1\n[[op]]\nev = 1\n", 3, &["needs the id"]);
    refused("version = 1\n[[op]]\n", 2, &["needs the id"]);
    refused("version = 1\n[[op]]\nid = 3\n", 3, &["id is 3"]);
    let op = |line: &str| format!("version = 1\n[[op]]\nid = \"exposure\"\n{line}\n");
    refused(&op("ev = 99"), 4, &["ev is 99", "-20 to 20 stops"]);
    refused(&op("ev = true"), 4, &["ev is true", "a number"]);
    refused(&op("ev = \"1\""), 4, &["ev is \"1\"", "a number"]);
    refused(&op("ev = nan"), 4, &["ev is NaN", "-20 to 20"]);
    refused(&op("ev = [1, \"x\"]"), 4, &["ev is a list that holds text"]);
    refused(&op("ev = 2026-01-01"), 4, &["a date"]);
    refused(&op("strength = 1.5"), 4, &["strength is 1.5", "0 to 1"]);
    refused(&op("mask = { depth = [0.3, 1.5] }"), 4, &["depth has 1.5, allowed 0 to 1"]);
    refused("version = 1\nmask = { depth = [0.3, 1] }\n", 2, &["mask belongs to an operation"]);
    let haze = |line: &str| format!("version = 1\n[[op]]\nid = \"haze\"\n{line}\n");
    refused(&haze("color = [1, 1]"), 4, &["color has 2 numbers, expected 3"]);
    refused(&haze("color = [1, 2, 1]"), 4, &["channel of 2", "0 to 1"]);
    refused("version = 1\n[[op]]\nid = \"lut\"\n", 3, &["lut needs a file"]);
    // Parameters that do not go together.
    refused("version = 1\n[[op]]\nid = \"depth_grade\"\nfrom = 0.9\nto = 0.1\n", 3, &["to is 0.1", "0.9"]);
    // Integers are numbers, and lists of inline tables are lists of operations.
    assert!(problems("version = 1\nop = [{ id = \"exposure\", ev = 1 }]\n").is_empty());
    assert!(problems("version = 1\nop = []\n").is_empty());
}

#[test]
fn settings_are_checked() {
    let all =
        "version = 1\ngrading = \"display\"\ndepth.model = \"a\"\ndepth.source = \"exr:Z\"\noutput.bits = \"half\"\n";
    assert!(problems(all).is_empty());
    refused("version = 1\ngrading = \"acescc\"\n", 2, &["did you mean \"acescct\""]);
    refused("version = 1\n[depth]\nmodel = \"\"\n", 3, &["model is empty"]);
    refused("version = 1\n[depth]\nsource = \"{stme}_depth.png\"\n", 3, &["{stme} is not known", "{stem}"]);
    refused("version = 1\n[depth]\nfar_m = 1\n", 2, &["far_m is 1 without near_m"]);
    refused("version = 1\ndepth = 1\n", 2, &["[depth]"]);
    refused("version = 1\noutput = 1\n", 2, &["[output]"]);
    refused("version = 1\n[output]\nname = \"a/b\"\n", 3, &["name is \"a/b\"", "letters, digits, - _ . and blanks"]);
    assert!(problems("version = 1\n[output]\nname = \"a b.c_d-1\"\n").is_empty());
    refused("version = 1\n[output]\nbits = \"16\"\n", 3, &["bits is \"16\"", "allowed: 8, 16"]);
    refused("version = 1\n[output]\ncolor = \"displayp3\"\n", 3, &["did you mean \"display-p3\""]);
    refused("version = 1\n[output]\nformat = \"png\"\nbits = \"half\"\n", 4, &["png holds 8 or 16"]);
    assert!(problems("version = 1\n[[output]]\nbits = 8\n").is_empty());
    refused("version = 1\n[[output]]\nbits = 8\n[[output]]\nbits = 16\n", 5, &["several outputs have no name"]);
}

#[test]
fn text_that_is_not_toml_is_placed() {
    refused("version = 1\n[[op]]\nid = \n", 3, &["is not TOML"]);
    refused("version = 1\nversion = 1\n", 2, &["is not TOML", "duplicate"]);
}

#[test]
fn many_problems_are_cut_and_counted() {
    let text = format!("version = 1\n[depth]\n{}", (0..500).map(|i| format!("k{i} = 1\n")).collect::<String>());
    let all = problems(&text);
    assert_eq!(all.len(), 51);
    assert_eq!(all[50], (0, "and 450 more problems".to_owned()));
}

#[test]
fn a_gate_that_is_off_takes_no_limits() {
    for table in ["gate = \"off\"\nmax_seam = 0.1", "max_seam = 0.1\ngate = \"off\""] {
        refused(&format!("version = 1\n[depth]\n{table}\n"), 2, &["max_seam", "gate is \"off\""]);
    }
    assert!(problems("version = 1\n[depth]\ngate = \"usual\"\nmax_seam = 0.1\n").is_empty());
}
