//! Operations and recipes as text for people: at most 100 columns, no color codes. Everything comes from the
//! declarations; nothing is written twice.

use std::fmt::Write;

use super::keys::{self, Accepts, KeyInfo};
use super::mask::{self, MaskKey};
use super::model::Recipe;
use super::presets::{self, PRESETS, Preset};
use super::{suggest, write};
use crate::error::{Error, Result};
use crate::ops::{self, AnyOp, Domain, Kind, ParamInfo};

/// The key `mask`, which "chiaro ops" explains.
const MASK_DOC: &str = "Where it works: see \"chiaro ops\" for the keys of a mask.";

/// Columns of a line.
const WIDTH: usize = 100;

/// Body of `chiaro ops`: each operation with its summary.
pub fn show_ops() -> String {
    let mut rows = Vec::new();
    for op in ops::ALL {
        rows.push(vec![op.id().to_owned(), summary(*op)]);
    }
    let mut text = String::from("Operations, for [[op]] id = \"...\" in a recipe:\n\n");
    text.push_str(&table(&rows));
    text.push_str("\nEvery operation also takes strength (0 to 1) and mask, for example\n");
    text.push_str("mask = { depth = [0.3, 1.0], feather = 0.1 }. Keys of a mask:\n\n");
    let row = |key: &MaskKey| vec![key.name.to_owned(), key.doc.to_owned()];
    text.push_str(&table(&mask::KEYS.iter().map(row).collect::<Vec<_>>()));
    text.push_str("\n\"chiaro ops ID\" shows the parameters of one.\n");
    text
}

/// Body of `chiaro ops ID`: description and parameters with default, range, unit and meaning.
///
/// # Errors
/// [`Error::Recipe`] with the nearest name when there is no such operation.
pub fn show_op(id: &str) -> Result<String> {
    let Some(op) = ops::find(id) else {
        let ids: Vec<&str> = ops::ALL.iter().map(|op| op.id()).collect();
        return Err(Error::recipe("ops", 0, suggest::unknown("operation", id, &ids)));
    };
    let mut text = format!("{}: {}\n", op.id(), summary(op));
    for paragraph in paragraphs(op.doc()).iter().skip(1) {
        text.push('\n');
        for line in wrap(paragraph, WIDTH - 2) {
            _ = writeln!(text, "  {line}");
        }
    }
    _ = writeln!(text, "\nworks in {}\n", domain(&op.domain(&op.defaults())));
    let infos: Vec<ParamInfo> = op.params().into_iter().chain([keys::strength()]).collect();
    let mut rows = vec![["parameter", "default", "allowed", "meaning"].map(str::to_owned).to_vec()];
    for info in &infos {
        rows.push(vec![info.name.to_owned(), write::toml(&info.default), allowed(info.kind), sentence(info.doc)]);
    }
    rows.push(["mask", "everywhere", "{ ... }", MASK_DOC].map(str::to_owned).to_vec());
    text.push_str(&table(&rows));
    text.push_str("\nIn a recipe:\n\n  [[op]]\n");
    _ = writeln!(text, "  id = \"{}\"", op.id());
    for info in op.params() {
        _ = writeln!(text, "  {} = {}", info.name, example(&info));
    }
    Ok(text)
}

/// A value that can be pasted: the default, or a file name where there is none.
fn example(info: &ParamInfo) -> String {
    if info.kind == Kind::File { "\"looks/name.cube\"".to_owned() } else { write::toml(&info.default) }
}

/// Body of `chiaro recipes`: each preset with its summary, then the keys a recipe can hold.
pub fn show_recipes() -> String {
    let mut rows = Vec::new();
    for preset in PRESETS {
        let summary = Recipe::preset(preset.id).map_or_else(|e| e.to_string(), |r| r.summary);
        rows.push(vec![preset.id.to_owned(), summary]);
    }
    let mut text = String::from("Recipes that ship, for -r ID and extends = \"ID\":\n\n");
    text.push_str(&table(&rows));
    for (title, keys) in [
        ("Keys of a recipe", keys::TOP),
        ("Keys of [depth]", keys::DEPTH),
        ("Keys of [input]", keys::INPUT),
        ("Keys of [output]", keys::OUTPUT),
    ] {
        _ = writeln!(text, "\n{title}:\n");
        text.push_str(&table(&keys.iter().map(key_row).collect::<Vec<_>>()));
    }
    text.push_str("\n\"chiaro recipes show ID\" prints one to start from; \"chiaro ops\" lists what [[op]] can be.\n");
    text
}

/// Body of `chiaro recipes show ID`: purpose, operations with every parameter, and the file to start from.
///
/// # Errors
/// [`Error::Recipe`] with the nearest name when there is no such preset.
pub fn show_recipe(id: &str) -> Result<String> {
    let recipe = Recipe::preset(id)?;
    let Some(preset) = Preset::find(id) else { return Err(Error::recipe(id, 0, presets::unknown(id))) };
    let mut text = format!("{}: {}\n\n", recipe.name, recipe.summary);
    for line in wrap(&preset.purpose(), WIDTH - 2) {
        _ = writeln!(text, "  {line}");
    }
    _ = writeln!(text, "\nhash {}\n", recipe.hash);
    if recipe.ops.is_empty() {
        text.push_str("no operations\n");
    } else {
        text.push_str(&table(&op_rows(&recipe)));
    }
    text.push_str("\nThe file:\n\n");
    for line in preset.text.lines() {
        text.push_str(format!("  {line}").trim_end());
        text.push('\n');
    }
    Ok(text)
}

fn op_rows(recipe: &Recipe) -> Vec<Vec<String>> {
    let mut rows = vec![["operation", "parameter", "value", "allowed"].map(str::to_owned).to_vec()];
    for op in &recipe.ops {
        let mut name = op.op.id().to_owned();
        for info in op.op.params() {
            let value = op.params.get(info.name).unwrap_or(&info.default);
            rows.push(vec![std::mem::take(&mut name), info.name.to_owned(), write::toml(value), allowed(info.kind)]);
        }
        let strength = keys::strength();
        rows.push(vec![name, strength.name.to_owned(), op.strength.to_string(), allowed(strength.kind)]);
        if let Some(mask) = &op.mask {
            rows.push(vec![String::new(), "mask".to_owned(), mask.words(), String::new()]);
        }
    }
    rows
}

fn key_row(key: &KeyInfo) -> Vec<String> {
    let words = match key.accepts {
        // The sentence of these keys says what they accept.
        Accepts::Text | Accepts::DepthSource => String::new(),
        other => format!(" Allowed: {}.", other.expected()),
    };
    vec![key.name.to_owned(), key.default.to_owned(), format!("{}{words}", key.doc)]
}

/// What a parameter accepts, short enough for a column.
fn allowed(kind: Kind) -> String {
    match kind {
        Kind::Number { min, max, unit } => format!("{min} to {max} {unit}").trim_end().to_owned(),
        Kind::Color { min, max } => format!("3 of {min} to {max}"),
        Kind::Whole { min, max, unit } => format!("{min} to {max} {unit}").trim_end().to_owned(),
        Kind::Flag => "true false".to_owned(),
        Kind::Channels { min, max } => format!("{min} to {max}, or 3"),
        Kind::Numbers { min, max, most, unit } => {
            format!("{min} to {max} {unit}").trim_end().to_owned() + &format!(", or a list of up to {most}")
        }
        Kind::Points { min, max } => format!("points in {min} to {max}"),
        Kind::File => "a path".to_owned(),
        Kind::Choice(words) => words.iter().map(|w| format!("{w:?}")).collect::<Vec<_>>().join(" "),
    }
}

fn domain(domain: &Domain) -> String {
    match domain {
        Domain::Linear => "linear light".to_owned(),
        Domain::Perceptual => "perceptual: Oklab lightness, a, b".to_owned(),
        Domain::Grade => "the tonal domain of the recipe (grading)".to_owned(),
        Domain::Encoded(None) => "the code values of the picture".to_owned(),
        Domain::Encoded(Some(name)) => format!("code values of {name}"),
    }
}

fn summary(op: &dyn AnyOp) -> String {
    paragraphs(op.doc()).into_iter().next().unwrap_or_default()
}

/// Paragraphs of a doc comment, each on one line.
fn paragraphs(doc: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    for line in doc.lines().map(str::trim) {
        match all.last_mut() {
            Some(last) if !line.is_empty() => {
                if !last.is_empty() {
                    last.push(' ');
                }
                last.push_str(line);
            }
            _ => all.push(String::new()),
        }
    }
    all.retain(|p| !p.is_empty());
    all
}

/// A doc comment on one line.
pub(super) fn sentence(doc: &str) -> String {
    paragraphs(doc).join(" ")
}

/// Columns as wide as their widest cell, but none so wide that the last has less than a third of the line; cells that are too
/// wide wrap.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widest = |c: usize| rows.iter().filter_map(|r| r.get(c)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let mut widths: Vec<usize> = (0..columns).map(|c| widest(c).min(WIDTH / 4)).collect();
    let taken: usize = widths.iter().rev().skip(1).map(|w| w + 2).sum();
    if let Some(last) = widths.last_mut() {
        *last = WIDTH.saturating_sub(taken + 2).max(WIDTH / 4);
    }
    rows.iter().map(|row| table_row(row, &widths)).collect()
}

fn table_row(row: &[String], widths: &[usize]) -> String {
    let cells: Vec<Vec<String>> = row.iter().zip(widths).map(|(cell, width)| wrap(cell, *width)).collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    let mut text = String::new();
    for y in 0..height {
        let mut line = String::new();
        for (cell, width) in cells.iter().zip(widths) {
            _ = write!(line, "  {:width$}", cell.get(y).map_or("", String::as_str));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Breaks text between words; a word longer than `width` is broken anywhere.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let mut rest: Vec<char> = word.chars().collect();
        while !rest.is_empty() {
            let Some(line) = lines.last_mut() else { break };
            let used = line.chars().count();
            let gap = usize::from(used > 0);
            if used + gap + rest.len() <= width {
                line.extend(std::iter::repeat_n(' ', gap).chain(rest.drain(..)));
            } else if used == 0 {
                line.extend(rest.drain(..width));
            } else {
                lines.push(String::new());
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(text: &str, what: &str) {
        for line in text.lines() {
            assert!(line.chars().count() <= WIDTH, "{what} has {} columns: {line}", line.chars().count());
            assert_eq!(line, line.trim_end(), "{what} has blanks at the end of a line");
        }
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn every_operation_is_shown_whole() {
        fits(&show_ops(), "ops");
        for op in ops::ALL {
            let text = show_op(op.id()).unwrap();
            fits(&text, op.id());
            for p in op.params() {
                assert!(text.contains(&format!("  {} ", p.name)), "{}.{} is missing", op.id(), p.name);
                assert!(text.contains(&format!("{} = {}", p.name, example(&p))), "{text}");
            }
        }
        assert!(show_op("exposre").unwrap_err().to_string().contains("did you mean \"exposure\""));
    }

    #[test]
    fn every_preset_is_shown() {
        fits(&show_recipes(), "recipes");
        for preset in PRESETS {
            let text = show_recipe(preset.id).unwrap();
            fits(&text, preset.id);
            assert!(show_recipes().contains(preset.id));
            assert!(text.contains("version = 1"));
        }
        assert!(show_recipe("interiro").unwrap_err().to_string().contains("did you mean \"interior\""));
    }

    #[test]
    fn wrapping_keeps_every_word() {
        assert_eq!(wrap("aa bb cc", 5), ["aa bb", "cc"]);
        assert_eq!(wrap("abcdefg h", 3), ["abc", "def", "g h"]);
        assert_eq!(wrap("", 3), [""]);
    }
}
