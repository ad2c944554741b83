//! A loaded recipe as TOML again: complete, without `extends`, paths as the recipe holds them.

use std::fmt::Write;

use super::model::{InputSettings, OutputKind, OutputSettings, Recipe};
use super::settings::{compression_word, grading_word, kind_word};
use crate::ops::Value;
use crate::picture::Policy;

impl Recipe {
    /// The recipe as TOML: settings and parameters that differ from the default. Reading it from the current folder gives a
    /// recipe of the same hash.
    pub fn to_toml(&self) -> String {
        let mut text = String::from("version = 1\n");
        if !self.summary.is_empty() {
            line(&mut text, "summary", &string(&self.summary));
        }
        if let Some(grading) = self.grading {
            line(&mut text, "grading", &string(grading_word(grading)));
        }
        text.push_str("\n[depth]\n");
        line(&mut text, "model", &string(&self.depth.model));
        line(&mut text, "source", &string(&self.depth.source.to_string()));
        line(&mut text, "guide", &string(self.depth.guide.name()));
        line(&mut text, "detail", &string(self.depth.detail.name()));
        for (key, value) in self.depth.supplied.values() {
            line(&mut text, key, &toml(&value));
        }
        for (key, value) in self.depth.contract.values() {
            line(&mut text, key, &toml(&value));
        }
        for (key, value) in self.depth.gate.values() {
            line(&mut text, key, &toml(&value));
        }
        write_input(&mut text, &self.input);
        for op in &self.ops {
            text.push_str("\n[[op]]\n");
            line(&mut text, "id", &string(op.op.id()));
            for info in op.op.params() {
                if let Some(value) = op.params.get(info.name).filter(|v| **v != info.default) {
                    line(&mut text, info.name, &toml(value));
                }
            }
            if op.strength != 1.0 {
                // Through the shortest decimal form: 0.7 stays 0.7.
                line(&mut text, "strength", &op.strength.to_string());
            }
            if let Some(mask) = &op.mask {
                line(&mut text, "mask", &super::mask::toml(mask));
            }
        }
        self.write_outputs(&mut text);
        text
    }

    fn write_outputs(&self, text: &mut String) {
        let single = self.outputs.len() == 1;
        for output in self.outputs.iter().filter(|output| !single || **output != OutputSettings::default()) {
            text.push_str(if single { "\n[output]\n" } else { "\n[[output]]\n" });
            write_output(text, output);
        }
    }
}

fn write_input(text: &mut String, input: &InputSettings) {
    if *input == InputSettings::default() {
        return;
    }
    text.push_str("\n[input]\n");
    if let Some(color) = &input.color {
        line(text, "color", &string(color.text()));
    }
    if input.override_tags {
        line(text, "override", "true");
    }
}

fn write_output(text: &mut String, output: &OutputSettings) {
    if !output.name.is_empty() {
        line(text, "name", &string(&output.name));
    }
    if output.kind != OutputKind::Picture {
        line(text, "kind", &string(kind_word(output.kind)));
    }
    if let Some(format) = output.format {
        line(text, "format", &string(format.name()));
    }
    if let Some(bits) = output.bits {
        let name = bits.name();
        line(text, "bits", &if name.parse::<u8>().is_ok() { name.to_owned() } else { string(name) });
    }
    if let Some(compression) = output.compression {
        line(text, "compression", &string(compression_word(compression)));
    }
    if let Some(quality) = output.quality {
        line(text, "quality", &quality.to_string());
    }
    if let Some(subsampling) = output.subsampling {
        line(text, "subsampling", &string(subsampling.name()));
    }
    if let Some(color) = &output.color {
        line(text, "color", &string(color.text()));
    }
    if output.metadata != Policy::All {
        line(text, "metadata", &string(output.metadata.name()));
    }
    if let Some(colors) = output.colors {
        line(text, "colors", &string(colors.name()));
    }
    if let Some(unit) = output.unit {
        line(text, "unit", &string(unit.name()));
    }
    for (key, side) in &output.size {
        line(text, key, &side.to_string());
    }
}

fn line(text: &mut String, key: &str, value: &str) {
    _ = writeln!(text, "{key} = {value}");
}

fn string(text: &str) -> String {
    toml_edit::Value::from(text).to_string()
}

/// A parameter value as TOML.
pub(super) fn toml(value: &Value) -> String {
    match value {
        Value::Bool(flag) => flag.to_string(),
        Value::Number(n) => n.to_string(),
        Value::Text(text) => string(text),
        Value::List(list) => format!("{list:?}"),
        Value::Points(points) => format!("{points:?}"),
    }
}
