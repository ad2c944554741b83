//! From TOML to [`Recipe`].
//!
//! A file is read as a layer over the recipe it extends. Every problem is noted and reading goes on, so that one run shows
//! them all; only what makes the rest meaningless (text that is not TOML, a newer version) ends the list early.

use std::path::{Path, PathBuf};

use toml_edit::{Document, Item, Table, TableLike};

use super::contract::Contract;
use super::model::Recipe;
use super::presets::{self, Preset};
use super::text::{Entry, Lines, Problems, entries};
use super::{gate, hash, keys, luts, settings, suggest, value};
use crate::error::{Error, Result};
use crate::ops::{self, Value};

/// Largest recipe file, in bytes.
pub const MAX_RECIPE_BYTES: u64 = 1 << 20;

/// Longest chain of recipes that extend one another, the first one not counted.
pub const MAX_EXTENDS: usize = 8;

/// The version of the recipe format that this program reads.
const VERSION: i64 = 1;

impl Recipe {
    /// Reads a recipe from text. `name` becomes [`Recipe::name`], files it names are relative to `base_dir`, and `path` is shown
    /// in messages.
    ///
    /// # Errors
    /// [`Error::Recipe`] with every problem of the text, in order of lines.
    pub fn from_text(name: &str, text: &str, base_dir: &Path, path: &Path) -> Result<Self> {
        finished(layer(&Origin { name, text, dir: base_dir, path }, &mut vec![identity(path)])?)
    }

    /// Reads a recipe file. Its name is the file stem.
    ///
    /// # Errors
    /// [`Error::Recipe`] with every problem of the file, in order of lines; [`Error::Limit`] above [`MAX_RECIPE_BYTES`].
    pub fn load(path: &Path) -> Result<Self> {
        finished(load_layer(path, &mut vec![identity(path)])?)
    }

    /// Reads what a command line names: a path when such a file exists or the text ends in `.toml` or holds a folder
    /// separator, else the id of a preset. A folder that is named like a preset does not hide the preset.
    ///
    /// # Errors
    /// As [`Recipe::load`] and [`Recipe::preset`].
    pub fn resolve(arg: &str) -> Result<Self> {
        if is_path(arg) || Path::new(arg).is_file() { Self::load(Path::new(arg)) } else { Self::preset(arg) }
    }
}

fn finished(mut recipe: Recipe) -> Result<Recipe> {
    luts::forget_unused(&mut recipe);
    recipe.hash = hash::hash(&recipe);
    Ok(recipe)
}

fn is_path(arg: &str) -> bool {
    arg.ends_with(".toml") || arg.contains('/') || arg.contains(std::path::MAIN_SEPARATOR)
}

/// What tells one file from another in a chain of recipes.
fn identity(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// A text and where it comes from.
pub(super) struct Origin<'a> {
    name: &'a str,
    text: &'a str,
    dir: &'a Path,
    path: &'a Path,
}

fn load_layer(path: &Path, chain: &mut Vec<PathBuf>) -> Result<Recipe> {
    let bytes = luts::read_limited(path, MAX_RECIPE_BYTES, "size of the recipe in bytes")?;
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) => text,
        Err(e) => {
            let line = 1 + bytes.iter().take(e.valid_up_to()).filter(|b| **b == b'\n').count();
            return Err(Error::recipe(path, line, "is not UTF-8 text"));
        }
    };
    let name = path.file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned());
    layer(&Origin { name: &name, text, dir: path.parent().unwrap_or(Path::new("")), path }, chain)
}

/// Reads one text over the recipe it extends. `chain` holds what is being read, the outermost first.
fn layer(origin: &Origin, chain: &mut Vec<PathBuf>) -> Result<Recipe> {
    let text = origin.text.strip_prefix('\u{feff}').unwrap_or(origin.text);
    let lines = Lines::new(text);
    let document = Document::parse(text).map_err(|e| {
        let line = e.span().map_or(1, |s| lines.at(s.start));
        Error::recipe(origin.path, line, format!("is not TOML: {}", e.message().replace('\n', " ")))
    })?;
    let mut reader = Reader { origin, lines, problems: Problems::default() };
    let recipe = match reader.version(document.as_table()) {
        Continue::Yes => Some(reader.document(document.as_table(), chain)),
        Continue::No => None,
    };
    reader.problems.finish(origin.path)?;
    Ok(recipe.unwrap_or_else(|| Recipe::empty(origin.name)))
}

enum Continue {
    Yes,
    No,
}

/// Reads one text and notes its problems.
pub(super) struct Reader<'a> {
    origin: &'a Origin<'a>,
    pub(super) lines: Lines,
    pub(super) problems: Problems,
}

impl Reader<'_> {
    /// Folder of the recipe.
    pub(super) fn dir(&self) -> &Path {
        self.origin.dir
    }

    /// Checks `version`. Under a newer one, keys mean what this program cannot know.
    fn version(&mut self, table: &Table) -> Continue {
        let Some(item) = table.get("version") else {
            self.problems.add(1, format!("version is missing: write version = {VERSION} at the top"));
            return Continue::Yes;
        };
        let line = self.lines.of(item.span());
        match item.as_integer() {
            Some(VERSION) => Continue::Yes,
            Some(newer) if newer > VERSION => {
                self.problems.add(line, format!("version is {newer}, this program reads version {VERSION}"));
                Continue::No
            }
            _ => {
                let found = value::read(item).map_or_else(|e| e, |v| format!("is {v}"));
                self.problems.add(line, format!("version {found}, allowed: {VERSION}"));
                Continue::Yes
            }
        }
    }

    fn document(&mut self, table: &Table, chain: &mut Vec<PathBuf>) -> Recipe {
        let entries = entries(table, &self.lines);
        let mut recipe = self.extended(&entries, chain);
        for entry in &entries {
            self.top(&mut recipe, entry);
        }
        recipe
    }

    /// The recipe to start from, by `extends` and `replace_ops`.
    fn extended(&mut self, entries: &[Entry], chain: &mut Vec<PathBuf>) -> Recipe {
        let find = |key: &str| entries.iter().find(|e| e.key == key);
        let mut recipe = Recipe::empty(self.origin.name);
        let extends = find("extends");
        if let Some(entry) = extends {
            match value::read(entry.item) {
                Ok(Value::Text(parent)) => match self.parent(&parent, chain) {
                    Ok(found) => recipe = Recipe { name: recipe.name, summary: String::new(), ..found },
                    Err(error) => self.problems.add_error(entry.line, &error),
                },
                other => self.refuse(entry, other),
            }
        }
        if let Some(entry) = find("replace_ops") {
            match value::read(entry.item) {
                Ok(Value::Bool(true)) if extends.is_none() => {
                    self.problems.add(entry.line, "replace_ops without extends has nothing to replace");
                }
                Ok(Value::Bool(true)) => recipe.ops.clear(),
                Ok(Value::Bool(false)) => {}
                other => self.refuse(entry, other),
            }
        }
        recipe
    }

    /// Loads the recipe that this one extends. Errors about the name itself carry no path.
    fn parent(&self, parent: &str, chain: &mut Vec<PathBuf>) -> Result<Recipe> {
        if chain.len() > MAX_EXTENDS {
            return Err(Error::recipe("", 0, format!("extends goes deeper than {MAX_EXTENDS} recipes")));
        }
        let preset = if is_path(parent) { None } else { Preset::find(parent) };
        let path = match preset {
            Some(preset) => PathBuf::from(preset.path()),
            None if is_path(parent) => self.origin.dir.join(parent),
            None => return Err(Error::recipe("", 0, format!("extends: {}", presets::unknown(parent)))),
        };
        let id = if preset.is_some() { path.clone() } else { identity(&path) };
        if chain.contains(&id) {
            return Err(Error::recipe(
                "",
                0,
                format!("extends {parent:?} leads back to a recipe that extends this one"),
            ));
        }
        chain.push(id);
        let recipe = match preset {
            Some(p) => layer(&Origin { name: p.id, text: p.text, dir: Path::new(""), path: &path }, chain),
            None => load_layer(&path, chain),
        };
        chain.pop();
        recipe
    }

    fn top(&mut self, recipe: &mut Recipe, entry: &Entry) {
        match entry.key {
            "version" | "extends" | "replace_ops" => {}
            "summary" => match value::read(entry.item) {
                Ok(Value::Text(text)) => recipe.summary = text.split_whitespace().collect::<Vec<_>>().join(" "),
                other => self.refuse(entry, other),
            },
            "grading" => match value::read(entry.item).map(|v| settings::grading(&v)) {
                Ok(Ok(grading)) => recipe.grading = Some(grading),
                Ok(Err(message)) => self.problems.add(entry.line, message),
                Err(rest) => self.problems.add(entry.line, format!("grading {rest}")),
            },
            "depth" => self.depth(recipe, entry),
            "input" => self.input(recipe, entry),
            "output" => self.output(recipe, entry),
            "op" => self.ops(recipe, entry),
            _ => {
                let names: Vec<&str> =
                    keys::TOP.iter().map(|k| k.name).chain(["depth", "input", "op", "output"]).collect();
                let message = self.misplaced(entry).unwrap_or_else(|| suggest::unknown("key", entry.key, &names));
                self.problems.add(entry.line, message);
            }
        }
    }

    /// Advice for a key at the top that belongs into a table.
    fn misplaced(&self, entry: &Entry) -> Option<String> {
        let key = entry.key;
        if ["mask", "strength"].contains(&key) {
            return Some(format!("{key} belongs to an operation: write it under [[op]]"));
        }
        if ops::find(key).is_some() {
            return Some(format!("{key} is an operation: write [[op]] and under it id = {key:?}"));
        }
        let has = |table: &[keys::KeyInfo]| table.iter().any(|k| k.name == key);
        let table = if has(keys::OUTPUT) {
            "output"
        } else if has(keys::DEPTH) {
            "depth"
        } else if has(keys::INPUT) {
            "input"
        } else {
            return None;
        };
        Some(format!("{key} belongs into [{table}]"))
    }

    /// Notes that a top key does not take this value.
    fn refuse(&mut self, entry: &Entry, value: std::result::Result<Value, String>) {
        let message = match value {
            Ok(value) => settings::refused(entry.key, &value, keys::TOP),
            Err(rest) => format!("{} {rest}", entry.key),
        };
        self.problems.add(entry.line, message);
    }

    fn depth(&mut self, recipe: &mut Recipe, entry: &Entry) {
        let Some(table) = entry.item.as_table_like() else {
            self.problems.add(entry.line, "depth is a value, expected a table: [depth]");
            return;
        };
        if table.contains_key("model") {
            recipe.depth.contract = Contract::default();
        }
        let dir = self.origin.dir;
        self.table(table, ("depth", keys::DEPTH), |key, value| settings::set_depth(&mut recipe.depth, key, value, dir));
        if let Err(message) = recipe.depth.supplied.check() {
            self.problems.add(entry.line, message);
        }
        let is_off = table.get("gate").and_then(Item::as_str) == Some("off");
        if let Some(limit) = gate::KEYS.iter().find(|key| is_off && table.contains_key(key)) {
            self.problems.add(entry.line, format!("gate is \"off\", and {limit} sets a limit: remove one of them"));
        }
    }

    fn input(&mut self, recipe: &mut Recipe, entry: &Entry) {
        let Some(table) = entry.item.as_table_like() else {
            self.problems.add(entry.line, "input is a value, expected a table: [input]");
            return;
        };
        let dir = self.origin.dir;
        self.table(table, ("input", keys::INPUT), |key, value| settings::set_input(&mut recipe.input, key, value, dir));
        if recipe.input.override_tags && recipe.input.color.is_none() {
            self.problems.add(entry.line, settings::LONE_OVERRIDE);
        }
    }

    /// Reads `[output]`, which changes the one output there is, or `[[output]]`, which replaces all.
    fn output(&mut self, recipe: &mut Recipe, entry: &Entry) {
        let tables = tables_of(entry.item);
        if tables.is_empty() {
            self.problems.add(entry.line, "output is a value, expected a table: [output]");
            return;
        }
        let single = entry.item.is_table() || entry.item.is_inline_table();
        if !single || recipe.outputs.len() > 1 {
            recipe.outputs.clear();
        }
        for (i, table) in tables.iter().enumerate() {
            let mut output = recipe.outputs.get(i).cloned().unwrap_or_default();
            let dir = self.origin.dir;
            let set = |key: &str, value: &Value| settings::set_output(&mut output, key, value, dir);
            self.table(*table, ("output", keys::OUTPUT), set);
            if let Err(message) = settings::check_output(&output) {
                let entries = entries(*table, &self.lines);
                let line = entries.iter().find(|e| e.key == "bits").or(entries.first()).map(|e| e.line);
                self.problems.add(line.unwrap_or(entry.line), message);
            }
            recipe.outputs.truncate(i);
            recipe.outputs.push(output);
        }
        if let Err((at, message)) = settings::check_outputs(&recipe.outputs) {
            let line = tables.get(at).and_then(|table| entries(*table, &self.lines).first().map(|e| e.line));
            self.problems.add(line.unwrap_or(entry.line), message);
        }
    }

    /// Hands each value of a table to `set` and notes what it refuses. `known`: name and keys of the table.
    fn table(
        &mut self,
        table: &dyn TableLike,
        known: (&str, &[keys::KeyInfo]),
        mut set: impl FnMut(&str, &Value) -> std::result::Result<(), String>,
    ) {
        for entry in entries(table, &self.lines) {
            let result = match value::read(entry.item) {
                Ok(value) => set(entry.key, &value),
                Err(rest) if known.1.iter().any(|k| k.name == entry.key) => Err(format!("{} {rest}", entry.key)),
                // The name is the first thing to fix.
                Err(_) => Err(settings::unknown_key(known.0, entry.key, known.1)),
            };
            if let Err(message) = result {
                self.problems.add(entry.line, message);
            }
        }
    }
}

/// The tables of `[[x]]`, of `x = [{...}]`, or the one of `[x]`.
pub(super) fn tables_of(item: &Item) -> Vec<&dyn TableLike> {
    if let Some(list) = item.as_array_of_tables() {
        return list.iter().map(|t| t as &dyn TableLike).collect();
    }
    if let Some(list) = item.as_array() {
        return list.iter().filter_map(|v| v.as_inline_table()).map(|t| t as &dyn TableLike).collect();
    }
    item.as_table_like().into_iter().collect()
}
