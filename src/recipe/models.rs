//! Lists of depth models as TOML files: the one that ships (`data/models/registry.toml`) and the user's own.
//!
//! ```toml
//! version = 1
//! [[family]]                    # what several models share; only in the list that ships
//! id = "depth-anything-v2"
//! size = 518                    # the keys of [depth] that describe a model file
//! [[model]]
//! id = "depth-anything-v2-small"
//! preset = "depth-anything-v2"  # a family or another model; keys given here win
//! license = "Apache-2.0"
//! ```
//!
//! Plain values; what they mean for a run is decided where models are opened. They live beside recipes because both are TOML
//! and share the keys of a contract.

use std::collections::HashMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use toml_edit::{Document, Item, TableLike};

use super::contract::Contract;
use super::text::{Entry, Lines, Problems, entries};
use super::{keys, settings, suggest, value, write};
use crate::error::{Error, Result};
use crate::ops::Value;

/// Largest list of models, in bytes.
pub const MAX_LIST_BYTES: u64 = 1 << 20;
/// The list that ships.
const KNOWN: &str = include_str!("../../data/models/registry.toml");
/// The version of the form of these files.
const VERSION: i64 = 1;
/// Longest id, in bytes.
const MAX_ID: usize = 64;
/// Families that rest on families; more is a circle.
const MAX_CHAIN: usize = 4;
/// Keys of an entry beside those of a contract.
const OWN_KEYS: [&str; 10] =
    ["id", "noncommercial", "from", "note", "sha256", "exports", "megabytes", "file", "weights", "copied"];

/// One model, or one family of models, as a list has it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Listing {
    /// Name in recipes: see [`check_id`].
    pub id: String,
    /// How it is used, name and license included; what is missing comes from `contract.preset` or the graph.
    pub contract: Contract,
    /// The license does not allow commercial use.
    pub noncommercial: bool,
    /// Where people get it: a web address.
    pub from: Option<String>,
    /// One sentence for people.
    pub note: Option<String>,
    /// SHA-256 of the file and the weights beside it, in lowercase hexadecimal digits.
    pub sha256: Option<String>,
    /// SHA-256 of other public files of the same weights.
    pub exports: Vec<String>,
    /// Size of the file and its weights, about.
    pub megabytes: Option<u32>,
    /// The ONNX file; relative to the folder of the list.
    pub file: Option<PathBuf>,
    /// Weights beside the file, by the names that the file gives them.
    pub weights: Vec<String>,
    /// File and weights were copied, and go when the model is removed.
    pub copied: bool,
    /// Line in the list, counted from 1.
    pub line: usize,
}

impl Listing {
    /// Whether a file with this SHA-256 is one of the public ones of this model.
    pub fn is_published(&self, sha256: &str) -> bool {
        self.sha256.iter().chain(&self.exports).any(|known| known == sha256)
    }
}

/// A list.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ModelList {
    /// Contracts that models share.
    pub families: Vec<Listing>,
    /// Models.
    pub models: Vec<Listing>,
}

/// The list that ships with the program.
pub fn known() -> &'static ModelList {
    static LIST: OnceLock<ModelList> = OnceLock::new();
    // A test reads it, so that it cannot ship broken.
    LIST.get_or_init(|| read(KNOWN, Path::new("registry.toml"), None).unwrap_or_default())
}

impl ModelList {
    /// Reads the user's list.
    ///
    /// # Errors
    /// Recipe: every problem with its line; an id that appears twice is one.
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        read(text, path, Some(known()))
    }

    /// Ids of families and models: what `preset` accepts.
    pub fn ids(&self) -> Vec<&str> {
        self.families.iter().chain(&self.models).map(|listing| listing.id.as_str()).collect()
    }

    /// A model by its id.
    pub fn model(&self, id: &str) -> Option<&Listing> {
        self.models.iter().find(|listing| listing.id == id)
    }

    /// A family or a model by its id.
    fn either(&self, id: &str) -> Option<&Listing> {
        self.families.iter().chain(&self.models).find(|listing| listing.id == id)
    }

    /// The contract of a preset, with what its own preset adds; nothing for an unknown one.
    pub fn contract(&self, id: &str) -> Contract {
        let mut contract = Contract { preset: Some(id.to_owned()), ..Contract::default() };
        for _ in 0..MAX_CHAIN {
            let Some(listing) = contract.preset.take().and_then(|preset| self.either(&preset)) else { break };
            contract = contract.or(listing.contract.clone());
        }
        contract.preset = None;
        contract
    }

    /// The model of which a file with this SHA-256 is a public export.
    pub fn by_hash(&self, sha256: &str) -> Option<&Listing> {
        self.models.iter().find(|model| model.is_published(sha256))
    }

    /// Whether the license of a preset forbids commercial use.
    pub fn is_noncommercial(&self, id: &str) -> bool {
        self.either(id).is_some_and(|listing| listing.noncommercial)
    }

    /// The list as a file.
    pub fn to_toml(&self) -> String {
        let mut text = format!("# Depth models of this user, written by `chiaro models`.\nversion = {VERSION}\n");
        for model in &self.models {
            text.push_str("\n[[model]]\n");
            write_listing(&mut text, model);
        }
        text
    }
}

/// Whether `id` can name a model: up to 64 lowercase letters, digits, `-`, `_` and `.`, a letter or digit first, and no file name.
///
/// # Errors
/// A sentence with what is allowed.
pub fn check_id(id: &str) -> std::result::Result<(), String> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.');
    let first = id.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
    if first && id.len() <= MAX_ID && id.bytes().all(plain) && !id.ends_with(".onnx") {
        return Ok(());
    }
    let shown: String = id.chars().take(MAX_ID).collect();
    Err(format!(
        "the id of a model is {shown:?}, allowed: up to {MAX_ID} of a-z 0-9 - _ . with a letter or digit first, and not ending in .onnx"
    ))
}

fn write_listing(text: &mut String, model: &Listing) {
    let mut line = |key: &str, value: String| _ = writeln!(text, "{key} = {value}");
    let string = |text: &str| write::toml(&Value::Text(text.to_owned()));
    let path = model.file.as_ref().map(|file| file.to_string_lossy().into_owned());
    line("id", string(&model.id));
    for (key, value) in [
        ("name", &model.contract.name),
        ("license", &model.contract.license),
        ("from", &model.from),
        ("note", &model.note),
        ("file", &path),
        ("sha256", &model.sha256),
    ] {
        if let Some(value) = value {
            line(key, string(value));
        }
    }
    if !model.weights.is_empty() {
        let names: Vec<String> = model.weights.iter().map(|name| string(name)).collect();
        line("weights", format!("[{}]", names.join(", ")));
    }
    if let Some(megabytes) = model.megabytes {
        line("megabytes", megabytes.to_string());
    }
    for (key, flag) in [("noncommercial", model.noncommercial), ("copied", model.copied)] {
        if flag {
            line(key, "true".to_owned());
        }
    }
    for (key, value) in model.contract.values() {
        line(key, write::toml(&value));
    }
}

/// Reads a list. Presets name entries of `known`, or of this list where there is none.
fn read(text: &str, path: &Path, known: Option<&ModelList>) -> Result<ModelList> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = Lines::new(text);
    let document = Document::parse(text).map_err(|e| {
        let line = e.span().map_or(1, |s| lines.at(s.start));
        Error::recipe(path, line, format!("is not TOML: {}", e.message().replace('\n', " ")))
    })?;
    let mut reader = Reader { lines, problems: Problems::default(), list: ModelList::default() };
    reader.document(document.as_table());
    reader.check(known);
    reader.problems.finish(path)?;
    Ok(reader.list)
}

struct Reader {
    lines: Lines,
    problems: Problems,
    list: ModelList,
}

impl Reader {
    fn document(&mut self, table: &dyn TableLike) {
        if table.get("version").and_then(Item::as_integer) != Some(VERSION) {
            let line = table.get("version").map_or(1, |item| self.lines.of(item.span()));
            self.problems.add(line, format!("this program reads lists of models with version = {VERSION} at the top"));
        }
        for entry in entries(table, &self.lines) {
            match entry.key {
                "version" => {}
                "model" | "family" => self.tables(&entry),
                key => self.problems.add(entry.line, suggest::unknown("key", key, &["version", "model", "family"])),
            }
        }
    }

    fn tables(&mut self, entry: &Entry) {
        let Some(tables) = entry.item.as_array_of_tables() else {
            return self.problems.add(entry.line, format!("expected [[{0}]] for each {0}", entry.key));
        };
        for table in tables {
            let line = self.lines.of(table.span());
            let mut listing = Listing { line, ..Listing::default() };
            for entry in entries(table, &self.lines) {
                if let Err(message) = set(&mut listing, entry.key, entry.item) {
                    self.problems.add(entry.line, message);
                }
            }
            if listing.id.is_empty() {
                self.problems.add(line, "id is missing");
            }
            let list = if entry.key == "model" { &mut self.list.models } else { &mut self.list.families };
            list.push(listing);
        }
    }

    /// What no single key shows: ids that appear twice and presets that are not there.
    fn check(&mut self, known: Option<&ModelList>) {
        let mut first: HashMap<&str, usize> = HashMap::new();
        let own = &self.list;
        let ids = known.unwrap_or(own).ids();
        for listing in own.families.iter().chain(&own.models).filter(|listing| !listing.id.is_empty()) {
            if let Some(line) = first.insert(&listing.id, listing.line) {
                let message = format!("id {:?} is used twice, first in line {line}", listing.id);
                self.problems.add(listing.line, message);
            }
            if let Some(preset) = listing.contract.preset.as_deref().filter(|preset| !ids.contains(preset)) {
                self.problems.add(listing.line, suggest::unknown("preset", preset, &ids));
            }
        }
    }
}

/// Sets one key of an entry.
fn set(listing: &mut Listing, key: &str, item: &Item) -> std::result::Result<(), String> {
    if key == "weights" {
        listing.weights = texts(item).ok_or("weights is no list of file names")?;
        return Ok(());
    }
    if key == "exports" {
        let hashes = texts(item).filter(|hashes| hashes.iter().all(|hash| is_sha256(hash)));
        listing.exports = hashes.ok_or("exports is no list of texts of 64 hexadecimal digits")?;
        return Ok(());
    }
    let value = value::read(item).map_err(|message| format!("{key} {message}"))?;
    match (key, &value) {
        ("id", Value::Text(id)) => {
            check_id(id)?;
            listing.id = id.clone();
        }
        ("name", Value::Text(text)) => listing.contract.name = Some(text.clone()),
        // Empty says nothing.
        ("license", Value::Text(text)) => {
            listing.contract.license = Some(text.clone()).filter(|text| !text.trim().is_empty());
        }
        ("preset", Value::Text(text)) => listing.contract.preset = Some(text.clone()),
        ("from", Value::Text(text)) => listing.from = Some(text.clone()),
        ("note", Value::Text(text)) => listing.note = Some(text.clone()),
        ("file", Value::Text(text)) => listing.file = Some(text.into()),
        ("sha256", Value::Text(text)) if is_sha256(text) => listing.sha256 = Some(text.to_lowercase()),
        ("sha256", _) => return Err(format!("sha256 is {value}, allowed: 64 hexadecimal digits")),
        ("megabytes", Value::Number(n)) if (0.0..=1e6).contains(n) => listing.megabytes = Some(n.round() as u32),
        ("noncommercial", Value::Bool(flag)) => listing.noncommercial = *flag,
        ("copied", Value::Bool(flag)) => listing.copied = *flag,
        _ => return contract(&mut listing.contract, key, &value),
    }
    Ok(())
}

/// Sets one of the keys that `[depth]` has for model files.
fn contract(contract: &mut Contract, key: &str, value: &Value) -> std::result::Result<(), String> {
    let info = keys::DEPTH.iter().find(|info| info.name == key && Contract::knows(key));
    match info {
        Some(info) => settings::set_contract(contract, info, value),
        None if OWN_KEYS.contains(&key) || ["name", "license"].contains(&key) => {
            Err(format!("{key} is {value}, which it cannot be"))
        }
        None => {
            let contract = keys::DEPTH.iter().map(|info| info.name).filter(|name| Contract::knows(name));
            let names: Vec<&str> = OWN_KEYS.into_iter().chain(["name", "license"]).chain(contract).collect();
            Err(suggest::unknown("key", key, &names))
        }
    }
}

fn texts(item: &Item) -> Option<Vec<String>> {
    item.as_array()?.iter().map(|value| value.as_str().map(str::to_owned)).collect()
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_that_ships_is_whole() {
        let list = read(KNOWN, Path::new("registry.toml"), None).unwrap();
        assert_eq!(&list, known());
        assert!(list.models.len() > 10);
        for model in &list.models {
            let c = list.contract(&model.id);
            let complete = c.size.is_some() && c.mean.is_some() && c.std.is_some() && c.output.is_some();
            assert!(complete && c.edge_error_px.is_some() && c.license.is_some() && c.name.is_some(), "{}", model.id);
            assert!(model.from.as_ref().is_some_and(|from| from.starts_with("https://")), "{}", model.id);
            assert!(model.megabytes.is_some() && model.file.is_none() && !model.copied, "{}", model.id);
        }
        assert_eq!(list.by_hash(&"0".repeat(64)), None);
        let base = "83c9029c09d03d05ee3259405a8e09d7ade7bd663f29f2b7b8c0b06f5f09e554";
        assert!(list.by_hash(base).is_some_and(|model| model.noncommercial));
        for family in &list.families {
            assert!(list.models.iter().any(|m| m.contract.preset.as_ref() == Some(&family.id)), "{}", family.id);
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut model = Listing { id: "my-net".into(), noncommercial: true, copied: true, ..Listing::default() };
        for (key, value) in
            [("preset", "midas-small"), ("mean", "0.485,0.456,0.406"), ("fit", "letterbox"), ("size", "256x192")]
        {
            model.contract.set(key, value).unwrap();
        }
        model.contract.name = Some("A \"net\"\nof mine".into());
        model.contract.license = Some("CC-BY-NC-4.0".into());
        model.file = Some("/a b/näh.onnx".into());
        model.weights = vec!["w/1.bin".into(), "2".into()];
        (model.sha256, model.megabytes) = (Some("ab".repeat(32)), Some(7));
        let list = ModelList { models: vec![model.clone()], ..ModelList::default() };
        let mut back = ModelList::parse(&list.to_toml(), Path::new("r")).unwrap();
        back.models[0].line = 0;
        assert_eq!(back, list);
    }

    #[test]
    fn damage_is_told_with_its_line() {
        let text = "version = 1\n[[model]]\nid = \"a\"\nsiez = 3\n[[model]]\nid = \"a\"\npreset = \"midas-smal\"\nsha256 = \"x\"\n\
                    [[model]]\nid = \"../b\"\nmean = [1, 2]\n";
        let error = ModelList::parse(text, Path::new("reg.toml")).unwrap_err().to_string();
        for words in [
            "reg.toml:4: unknown key \"siez\", did you mean \"size\"",
            "reg.toml:5: id \"a\" is used twice, first in line 2",
            "reg.toml:5: unknown preset \"midas-smal\", did you mean \"midas-small\"",
            "reg.toml:8: sha256",
            "reg.toml:10: the id of a model is \"../b\"",
            "reg.toml:11: mean",
            "reg.toml:9: id is missing",
        ] {
            assert!(error.contains(words), "{words}\n{error}");
        }
        let error = ModelList::parse("version = 1\n[[model]\n", Path::new("r")).unwrap_err().to_string();
        assert!(error.starts_with("r:2: is not TOML"), "{error}");
        assert!(ModelList::parse("", Path::new("r")).unwrap_err().to_string().contains("version = 1"));
    }
}
