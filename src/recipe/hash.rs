//! The identity of a look: a hash over a canonical text of everything that changes pixels or how they are stored.
//!
//! In the text: the format version, grading, depth settings, every operation with strength and **all** parameters in order of
//! declaration (defaults written out, so that a changed default is a changed look), masks, input and output settings, and for a LUT, mask
//! file or ICC profile the hash of its contents in place of its path. Not in the text: name, summary, paths, and how the TOML is laid out.

use std::fmt::Write;

use super::color::ColorChoice;
use super::model::{Detail, Guide, OpSetting, Recipe};
use super::settings::{compression_word, grading_word, kind_word};
use crate::ops::Value;

/// Hash of a recipe: 128 bits of BLAKE3 as 32 hex digits.
pub(super) fn hash(recipe: &Recipe) -> String {
    let digest = blake3::hash(canonical(recipe).as_bytes());
    digest.to_hex().chars().take(32).collect()
}

/// The canonical text. Every text value is written as a JSON string, so that no value can imitate a line.
fn canonical(recipe: &Recipe) -> String {
    let mut text = String::from("chiaro recipe 1\n");
    let mut line = |key: &str, value: String| _ = writeln!(text, "{key} {value}");
    line("grading", recipe.grading.map_or("by picture", grading_word).to_owned());
    line("depth.model", quoted(&recipe.depth.model));
    line("depth.source", quoted(&recipe.depth.source.to_string()));
    // Written only where they differ, so that recipes from before they were there keep their hash.
    if recipe.depth.guide != Guide::default() {
        line("depth.guide", recipe.depth.guide.name().to_owned());
    }
    if recipe.depth.detail != Detail::default() {
        line("depth.detail", recipe.depth.detail.name().to_owned());
    }
    for (key, value) in recipe.depth.supplied.values() {
        line(&format!("depth.{key}"), plain(&value));
    }
    for (key, value) in recipe.depth.contract.values() {
        line(&format!("depth.{key}"), plain(&value));
    }
    for (key, value) in recipe.depth.gate.values() {
        line(&format!("depth.{key}"), plain(&value));
    }
    for output in &recipe.outputs {
        line("output", format!("{} {}", kind_word(output.kind), quoted(&output.name)));
        line("output.format", output.format.map_or("input", |f| f.name()).to_owned());
        line("output.bits", output.bits.map_or("input", |b| b.name()).to_owned());
        line("output.compression", output.compression.map_or("input", compression_word).to_owned());
        line("output.quality", output.quality.map_or("default".to_owned(), |q| q.to_string()));
        line("output.subsampling", output.subsampling.map_or("auto", |s| s.name()).to_owned());
        line("output.color", output.color.as_ref().map_or("input".to_owned(), color));
        line("output.metadata", output.metadata.name().to_owned());
        // Written only where they are given, so that recipes from before they were there keep their hash.
        if let Some(colors) = output.colors {
            line("output.colors", colors.name().to_owned());
        }
        if let Some(unit) = output.unit {
            line("output.unit", unit.name().to_owned());
        }
        for (key, side) in &output.size {
            line(&format!("output.{key}"), side.to_string());
        }
    }
    if let Some(choice) = &recipe.input.color {
        line("input.color", color(choice));
        line("input.override", recipe.input.override_tags.to_string());
    }
    for op in &recipe.ops {
        line("op", format!("{} strength {}", op.op.id(), number(f64::from(op.strength))));
        for info in op.op.params() {
            let value = op.params.get(info.name).unwrap_or(&info.default);
            line(info.name, shown(recipe, op, value));
        }
        if let Some(mask) = &op.mask {
            let file = |path: &str| match recipe.lut_hashes.get(path) {
                Some(hash) => format!("content {hash}"),
                None => format!("file {}", quoted(path)),
            };
            line("mask", super::mask::toml_with(mask, &file));
        }
    }
    text
}

/// The name, or the content of a profile.
fn color(choice: &ColorChoice) -> String {
    match choice {
        ColorChoice::Named(name) => quoted(name),
        ColorChoice::Profile(file) => format!("content {}", file.hash),
    }
}

fn shown(recipe: &Recipe, op: &OpSetting, value: &Value) -> String {
    if let Value::Text(text) = value
        && let Some(hash) = recipe.lut_hashes.get(text)
        && op.op.lut_files(&op.params).contains(text)
    {
        return format!("content {hash}");
    }
    plain(value)
}

fn plain(value: &Value) -> String {
    match value {
        Value::Bool(flag) => flag.to_string(),
        Value::Number(n) => number(*n),
        Value::Points(points) => points.iter().flatten().map(|n| number(*n)).collect::<Vec<_>>().join(" "),
        Value::List(list) => list.iter().map(|n| number(*n)).collect::<Vec<_>>().join(" "),
        Value::Text(text) => quoted(text),
    }
}

/// Shortest form that reads back as the same number; 0 and -0 are one.
fn number(value: f64) -> String {
    format!("{:?}", value + 0.0)
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
