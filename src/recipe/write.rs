//! A loaded recipe as TOML again: complete, without `extends`, paths as the recipe holds them.

use std::fmt::Write;

use super::model::Recipe;
use super::settings::{compression_word, grading_word};
use crate::ops::Value;

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
        for (key, value) in self.depth.contract.values() {
            line(&mut text, key, &toml(&value));
        }
        self.write_input(&mut text);
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
        }
        self.write_output(&mut text);
        text
    }

    fn write_output(&self, text: &mut String) {
        let output = &self.output;
        if *output == super::OutputSettings::default() {
            return;
        }
        text.push_str("\n[output]\n");
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
        if let Some(color) = &output.color {
            line(text, "color", &string(color.text()));
        }
    }

    fn write_input(&self, text: &mut String) {
        if self.input == super::InputSettings::default() {
            return;
        }
        text.push_str("\n[input]\n");
        if let Some(color) = &self.input.color {
            line(text, "color", &string(color.text()));
        }
        if self.input.override_tags {
            line(text, "override", "true");
        }
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
    }
}
