//! `mask = { ... }` of an operation: from TOML to [`Mask`] and back.
//!
//! Keys of one table are all to hold; `all`, `any` and `not` nest tables. The same reader serves recipes and `--set`.

use std::path::Path;

use toml_edit::{DocumentMut, Item, TableLike};

use super::parse::tables_of;
use super::text::{Entry, Lines, Problems, entries};
use super::{luts, suggest, value};
use crate::error::Error;
use crate::ops::mask::{MAX_NESTING, Mask, Of};
use crate::ops::{Kind, ParamInfo, Value};

/// A key of a mask table, for help and the schema.
#[derive(Debug, Clone, Copy)]
pub struct MaskKey {
    /// Name in recipes.
    pub name: &'static str,
    /// One sentence.
    pub doc: &'static str,
    /// What it accepts.
    pub takes: Takes,
}

/// What a key of a mask accepts.
#[derive(Debug, Clone, Copy)]
pub enum Takes {
    /// A number within these limits.
    Number(f64, f64),
    /// Two numbers within these limits; `true` = the second is not below the first.
    Pair(f64, f64, bool),
    /// Text.
    Text,
    /// One of these words.
    Words(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
    /// A table of these keys; how many of the first are required.
    Table(&'static [MaskKey], usize),
    /// Another mask.
    Mask,
    /// A list of masks.
    Masks,
}

const fn key(name: &'static str, takes: Takes, doc: &'static str) -> MaskKey {
    MaskKey { name, doc, takes }
}

/// Keys of `linear`.
const LINEAR: &[MaskKey] = &[
    key(
        "from",
        Takes::Pair(-4.0, 5.0, false),
        "Place [across, down] where the weight begins to rise; [0, 0] = top left.",
    ),
    key("to", Takes::Pair(-4.0, 5.0, false), "Place [across, down] where the weight is full; [1, 1] = bottom right."),
];

/// Keys of `radial`.
const RADIAL: &[MaskKey] = &[
    key("center", Takes::Pair(-4.0, 5.0, false), "Center [across, down]; [0.5, 0.5] = the middle of the picture."),
    key(
        "radius",
        Takes::Number(0.001, 10.0),
        "Half the height of the ellipse, as a share of the picture's shorter side.",
    ),
    key("aspect", Takes::Number(0.05, 20.0), "Width / height of the ellipse; 1 unless given."),
    key("angle", Takes::Number(-360.0, 360.0), "Degrees it is turned, clockwise; 0 unless given."),
    key(
        "feather",
        Takes::Number(0.0, 10.0),
        "Width of the falloff outside, as a share of the radius; 0.5 unless given.",
    ),
    key("invert", Takes::Flag, "Select what is outside."),
];

/// Keys of a mask.
pub static KEYS: &[MaskKey] = &[
    key("depth", Takes::Pair(0.0, 1.0, true), "Distances [near, far]: 0 = nearest, 1 = farthest."),
    key(
        "luma",
        Takes::Pair(0.0, 1.0, true),
        "Brightness [dark, bright]: 0 = black, 1 = white and all that is brighter.",
    ),
    key(
        "hue",
        Takes::Pair(-360.0, 720.0, false),
        "Oklab hue angles [from, to] in degrees, counted upwards and around.",
    ),
    key("linear", Takes::Table(LINEAR, 2), "Gradient between two places."),
    key("radial", Takes::Table(RADIAL, 2), "Ellipse."),
    key("file", Takes::Text, "Picture relative to the recipe, stretched over the shown picture: black = 0, white = 1."),
    key(
        "feather",
        Takes::Number(0.0, 180.0),
        "Width of the falloff outside of depth or luma (0.1 unless given) or hue (30 degrees).",
    ),
    key(
        "chroma",
        Takes::Pair(0.0, 0.5, true),
        "With hue: Oklab chroma where selection begins and where it is full; [0.01, 0.04].",
    ),
    key(
        "of",
        Takes::Words(&["input", "source"]),
        "Luma and hue of what enters the operation, or of the source picture.",
    ),
    key("all", Takes::Masks, "Masks that all have to hold: the smallest weight counts."),
    key("any", Takes::Masks, "Masks of which one has to hold: the largest weight counts."),
    key("not", Takes::Mask, "A mask that must not hold."),
    key("invert", Takes::Flag, "Select what the whole mask leaves out."),
];

/// Feather of depth and luma, and degrees of it for hue, where a recipe says nothing.
const FEATHER: (f32, f32) = (0.1, 30.0);
/// Chroma gate where a recipe says nothing: below the first a color looks gray.
const CHROMA: [f32; 2] = [0.01, 0.04];

/// Reads masks and notes their problems.
pub(super) struct MaskReader<'a> {
    pub lines: &'a Lines,
    /// Folder that files are relative to.
    pub dir: &'a Path,
    pub problems: &'a mut Problems,
}

impl MaskReader<'_> {
    /// The mask of `entry`; `None` when it has problems, which are noted.
    pub fn read(&mut self, entry: &Entry) -> Option<Mask> {
        let mask = self.item(entry.item, entry.key, entry.line, 1)?;
        match mask.check() {
            Ok(()) => Some(mask),
            Err(message) => self.refuse(entry.line, message),
        }
    }

    fn refuse<T>(&mut self, line: usize, message: impl Into<String>) -> Option<T> {
        self.problems.add(line, message);
        None
    }

    fn item(&mut self, item: &Item, name: &str, line: usize, level: usize) -> Option<Mask> {
        match item.as_table_like() {
            Some(table) => self.table(table, line, level),
            None => {
                let found = value::read(item).map_or_else(|e| e, |v| format!("is {v}"));
                self.refuse(line, format!("{name} {found}, expected a table: {{ depth = [0.3, 1.0], feather = 0.1 }}"))
            }
        }
    }

    fn table(&mut self, table: &dyn TableLike, line: usize, level: usize) -> Option<Mask> {
        if level > MAX_NESTING {
            return self.refuse(line, format!("mask is nested deeper than {MAX_NESTING} tables"));
        }
        let entries = entries(table, self.lines);
        let mut good = true;
        let mut found = Found::default();
        for entry in &entries {
            good &= self.entry(&mut found, entry, level).is_some();
        }
        if !good {
            return None;
        }
        if let Err((key, message)) = found.check() {
            let line = entries.iter().find(|e| e.key == key).map_or(line, |e| e.line);
            return self.refuse(line, message);
        }
        let mut parts = found.ranges();
        parts.append(&mut found.parts);
        if parts.is_empty() {
            let names: Vec<&str> = KEYS.iter().map(|k| k.name).collect();
            return self.refuse(line, format!("mask selects nothing: give one of {}", names[..6].join(", ")));
        }
        let mask = if parts.len() == 1 { parts.remove(0) } else { Mask::All(parts) };
        Some(if found.invert { Mask::Not(Box::new(mask)) } else { mask })
    }

    fn entry(&mut self, found: &mut Found, entry: &Entry, level: usize) -> Option<()> {
        let names: Vec<&str> = KEYS.iter().map(|k| k.name).collect();
        let Some(info) = KEYS.iter().find(|k| k.name == entry.key) else {
            return self.refuse(entry.line, suggest::unknown("key of a mask", entry.key, &names));
        };
        let part = match (info.name, info.takes) {
            ("linear", Takes::Table(keys, required)) => self.gradient(entry, keys, required)?.linear(),
            (_, Takes::Table(keys, required)) => self.gradient(entry, keys, required)?.radial(),
            ("all", _) => Mask::All(self.list(entry, level)?),
            ("any", _) => Mask::Any(self.list(entry, level)?),
            ("not", _) => Mask::Not(Box::new(self.item(entry.item, "not", entry.line, level + 1)?)),
            ("file", _) => self.file(entry)?,
            _ => {
                let value = self.value(info, entry)?;
                return found
                    .set(info.name, &value)
                    .or_else(|| self.refuse(entry.line, "internal error: odd mask key"));
            }
        };
        found.parts.push(part);
        Some(())
    }

    /// A checked value.
    fn value(&mut self, info: &MaskKey, entry: &Entry) -> Option<Value> {
        let result = value::read(entry.item).map_err(|rest| format!("{} {rest}", info.name));
        match result.and_then(|value| check(info, &value).map(|()| value)) {
            Ok(value) => Some(value),
            Err(message) => self.refuse(entry.line, message),
        }
    }

    fn list(&mut self, entry: &Entry, level: usize) -> Option<Vec<Mask>> {
        let tables = if entry.item.as_table_like().is_some() { Vec::new() } else { tables_of(entry.item) };
        let whole = entry.item.as_array().is_none_or(|array| array.len() == tables.len());
        if tables.is_empty() || !whole {
            let key = entry.key;
            return self
                .refuse(entry.line, format!("{key} is no list of masks, expected {key} = [{{ ... }}, {{ ... }}]"));
        }
        let masks: Vec<_> = tables.into_iter().map(|table| self.table(table, entry.line, level + 1)).collect();
        masks.into_iter().collect()
    }

    fn file(&mut self, entry: &Entry) -> Option<Mask> {
        match value::read(entry.item) {
            Ok(Value::Text(file)) if !file.is_empty() => match luts::beside(self.dir, &file) {
                Ok(path) => Some(Mask::File { path }),
                Err(message) => self.refuse(entry.line, message),
            },
            other => {
                let found = other.map_or_else(|e| e, |v| format!("is {v}"));
                self.refuse(entry.line, format!("file {found}, expected a path in quotes"))
            }
        }
    }

    /// Reads the table of a gradient.
    fn gradient(&mut self, entry: &Entry, keys: &'static [MaskKey], required: usize) -> Option<Gradient> {
        let Some(table) = entry.item.as_table_like() else {
            let example = if keys.len() == LINEAR.len() {
                "from = [0, 0], to = [0, 1]"
            } else {
                "center = [0.5, 0.5], radius = 0.3"
            };
            return self.refuse(entry.line, format!("{} is a value, expected a table: {{ {example} }}", entry.key));
        };
        let mut found = Gradient::default();
        let mut good = true;
        for inner in entries(table, self.lines) {
            let names: Vec<&str> = keys.iter().map(|k| k.name).collect();
            let Some(info) = keys.iter().find(|k| k.name == inner.key) else {
                self.problems.add(inner.line, suggest::unknown(&format!("key of {}", entry.key), inner.key, &names));
                good = false;
                continue;
            };
            match self.value(info, &inner) {
                Some(value) => found.0.push((info.name, value)),
                None => good = false,
            }
        }
        for info in keys.iter().take(required).filter(|_| good) {
            if found.value(info.name).is_none() {
                return self.refuse(entry.line, format!("{} needs {}", entry.key, info.name));
            }
        }
        if good && found.pair("from") == found.pair("to") && found.pair("from").is_some() {
            return self.refuse(entry.line, "linear goes from a place to the same place");
        }
        good.then_some(found)
    }
}

/// Values of a `linear` or `radial` table.
#[derive(Default)]
struct Gradient(Vec<(&'static str, Value)>);

impl Gradient {
    fn value(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    fn pair(&self, name: &str) -> Option<[f32; 2]> {
        pair(self.value(name)?)
    }

    fn number(&self, name: &str, default: f32) -> f32 {
        if let Some(Value::Number(n)) = self.value(name) { *n as f32 } else { default }
    }

    fn linear(&self) -> Mask {
        Mask::Linear { from: self.pair("from").unwrap_or_default(), to: self.pair("to").unwrap_or_default() }
    }

    fn radial(&self) -> Mask {
        let mask = Mask::Radial {
            center: self.pair("center").unwrap_or_default(),
            radius: self.number("radius", 1.0),
            aspect: self.number("aspect", 1.0),
            angle: self.number("angle", 0.0),
            feather: self.number("feather", 0.5),
        };
        if self.value("invert") == Some(&Value::Bool(true)) { Mask::Not(Box::new(mask)) } else { mask }
    }
}

/// Keys of one mask table as they are read.
#[derive(Default)]
struct Found {
    depth: Option<[f32; 2]>,
    luma: Option<[f32; 2]>,
    hue: Option<[f32; 2]>,
    feather: Option<f32>,
    chroma: Option<[f32; 2]>,
    of: Option<Of>,
    invert: bool,
    parts: Vec<Mask>,
}

impl Found {
    /// Takes a checked value; `None` when it does not fit the key after all.
    fn set(&mut self, name: &str, value: &Value) -> Option<()> {
        match (name, value) {
            ("depth", value) => self.depth = Some(pair(value)?),
            ("luma", value) => self.luma = Some(pair(value)?),
            ("hue", value) => self.hue = Some(pair(value)?),
            ("chroma", value) => self.chroma = Some(pair(value)?),
            ("feather", Value::Number(n)) => self.feather = Some(*n as f32),
            ("of", Value::Text(word)) => self.of = Some(if word == "source" { Of::Source } else { Of::Input }),
            ("invert", Value::Bool(flag)) => self.invert = *flag,
            _ => return None,
        }
        Some(())
    }

    /// Keys that belong together; the error names the key that is at fault.
    fn check(&self) -> Result<(), (&'static str, String)> {
        let tonal = self.depth.is_some() || self.luma.is_some();
        let alone =
            |key: &'static str, with: &str| Err((key, format!("{key} belongs to {with}, which this table lacks")));
        match self.feather {
            Some(_) if !tonal && self.hue.is_none() => return alone("feather", "depth, luma or hue"),
            Some(_) if tonal && self.hue.is_some() => {
                let message =
                    "feather would be degrees for hue and a share for the rest: write all = [{ hue ... }, { ... }]";
                return Err(("feather", message.to_owned()));
            }
            Some(feather) if tonal && feather > 1.0 => {
                return Err(("feather", format!("feather is {feather}, allowed 0 to 1 for depth and luma")));
            }
            _ => {}
        }
        if self.chroma.is_some() && self.hue.is_none() {
            return alone("chroma", "hue");
        }
        if self.of.is_some() && self.hue.is_none() && self.luma.is_none() {
            return alone("of", "luma or hue");
        }
        Ok(())
    }

    fn ranges(&self) -> Vec<Mask> {
        let of = self.of.unwrap_or_default();
        let feather = self.feather.unwrap_or(FEATHER.0);
        let mut found = Vec::new();
        found.extend(self.depth.map(|range| Mask::Depth { range, feather }));
        found.extend(self.luma.map(|range| Mask::Luma { range, feather, of }));
        let feather = self.feather.unwrap_or(FEATHER.1);
        let chroma = self.chroma.unwrap_or(CHROMA);
        found.extend(self.hue.map(|range| Mask::Hue { range, feather, chroma, of }));
        found
    }
}

fn pair(value: &Value) -> Option<[f32; 2]> {
    match value {
        Value::List(list) => <[f64; 2]>::try_from(list.as_slice()).ok().map(|pair| pair.map(|v| v as f32)),
        _ => None,
    }
}

/// Checks one value of a mask.
fn check(info: &MaskKey, value: &Value) -> Result<(), String> {
    let name = info.name;
    match (info.takes, value) {
        (Takes::Pair(min, max, rising), Value::List(list)) => match list.as_slice() {
            [a, b] => {
                if let Some(bad) = [a, b].into_iter().find(|v| !(min..=max).contains(*v)) {
                    Err(format!("{name} has {bad}, allowed {min} to {max}"))
                } else if rising && a > b {
                    Err(format!("{name} goes from {a} down to {b}: the smaller number comes first"))
                } else {
                    Ok(())
                }
            }
            _ => Err(format!("{name} has {} numbers, expected 2", list.len())),
        },
        (Takes::Pair(min, max, _), other) => {
            Err(format!("{name} is {other}, expected two numbers [a, b], each {min} to {max}"))
        }
        (Takes::Number(min, max), value) => parameter(name, Kind::Number { min, max, unit: "" }, value),
        (Takes::Words(words), value) => parameter(name, Kind::Choice(words), value),
        (Takes::Flag, value) => parameter(name, Kind::Flag, value),
        (_, other) => Err(format!("{name} is {other}, which it does not take")),
    }
}

fn parameter(name: &'static str, kind: Kind, value: &Value) -> Result<(), String> {
    ParamInfo { name, doc: "", kind, default: Value::Bool(false) }.check(value)
}

/// A mask from what a command line gives: a table, or a key and its value that change `now`.
pub(super) fn typed(now: Option<&Mask>, key: Option<&str>, text: &str) -> Result<Mask, String> {
    let text = match key {
        None => format!("mask = {text}"),
        Some(key) => {
            let now = now.map_or_else(|| "{}".to_owned(), toml);
            let mut document: DocumentMut = format!("mask = {now}").parse().map_err(odd)?;
            let value: DocumentMut = format!("v = {text}")
                .parse()
                .or_else(|_| format!("v = {}", toml_edit::Value::from(text)).parse())
                .map_err(odd)?;
            if let (Some(table), Some(value)) = (document["mask"].as_table_like_mut(), value.get("v")) {
                table.insert(key, value.clone());
            }
            document.to_string()
        }
    };
    let document = toml_edit::Document::parse(text.as_str()).map_err(odd)?;
    let (lines, mut problems) = (Lines::new(""), Problems::default());
    let item = document.as_table().get("mask").ok_or("mask is missing")?;
    let mut reader = MaskReader { lines: &lines, dir: Path::new(""), problems: &mut problems };
    let mask = reader.read(&Entry { key: "mask", item, line: 0 });
    match (problems.finish(Path::new("")), mask) {
        (Ok(()), Some(mask)) => Ok(mask),
        (Err(Error::Recipe { problems, .. }), _) => {
            Err(problems.iter().map(|p| p.message.as_str()).collect::<Vec<_>>().join("; "))
        }
        (Err(other), _) => Err(other.to_string()),
        (Ok(()), None) => Err("mask is missing".to_owned()),
    }
}

fn odd(error: toml_edit::TomlError) -> String {
    format!("is not TOML: {}", error.message().replace('\n', " "))
}

/// The mask as an inline table that reads back as the same mask.
pub(super) fn toml(mask: &Mask) -> String {
    toml_with(mask, &|path| format!("file = {}", toml_edit::Value::from(path)))
}

/// As [`toml`], with `file` writing the key of a file.
pub(super) fn toml_with(mask: &Mask, file: &dyn Fn(&str) -> String) -> String {
    let list = |inner: &[Mask]| inner.iter().map(|part| toml_with(part, file)).collect::<Vec<_>>().join(", ");
    let source = |of: Of| if of == Of::Source { ", of = \"source\"" } else { "" };
    let two = |[a, b]: [f32; 2]| format!("[{a}, {b}]");
    let inner = match mask {
        Mask::Depth { range, feather } => format!("depth = {}, feather = {feather}", two(*range)),
        Mask::Luma { range, feather, of } => format!("luma = {}, feather = {feather}{}", two(*range), source(*of)),
        Mask::Hue { range, feather, chroma, of } => {
            format!("hue = {}, feather = {feather}, chroma = {}{}", two(*range), two(*chroma), source(*of))
        }
        Mask::Linear { from, to } => format!("linear = {{ from = {}, to = {} }}", two(*from), two(*to)),
        Mask::Radial { center, radius, aspect, angle, feather } => format!(
            "radial = {{ center = {}, radius = {radius}, aspect = {aspect}, angle = {angle}, feather = {feather} }}",
            two(*center)
        ),
        Mask::File { path } => file(path),
        Mask::All(inner) => format!("all = [{}]", list(inner)),
        Mask::Any(inner) => format!("any = [{}]", list(inner)),
        Mask::Not(inner) => format!("not = {}", toml_with(inner, file)),
    };
    format!("{{ {inner} }}")
}
