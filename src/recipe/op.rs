//! `[[op]]`: one operation of a recipe, from its table to an [`OpSetting`].

use toml_edit::TableLike;

use super::mask::MaskReader;
use super::model::{OpSetting, Recipe};
use super::parse::{Reader, tables_of};
use super::text::{Entry, entries};
use super::{keys, luts, suggest, value};
use crate::error::Error;
use crate::ops::mask::Mask;
use crate::ops::{self, AnyOp, Kind, ParamInfo, Tables, Value};

impl Reader<'_> {
    /// Reads `[[op]]`.
    pub(super) fn ops(&mut self, recipe: &mut Recipe, entry: &Entry) {
        if entry.item.is_table() || entry.item.is_inline_table() {
            self.problems.add(entry.line, "op is one table, expected a list: write [[op]] with two brackets");
            return;
        }
        let tables = tables_of(entry.item);
        if tables.is_empty() && entry.item.as_array().is_none_or(|a| !a.is_empty()) {
            self.problems.add(entry.line, "op is not a list of operations: write [[op]] with id = \"...\" under it");
        }
        for table in tables {
            self.op(recipe, table, entry.line);
        }
    }

    fn op(&mut self, recipe: &mut Recipe, table: &dyn TableLike, fallback: usize) {
        let entries = entries(table, &self.lines);
        let first = entries.iter().map(|e| e.line).min().unwrap_or(fallback);
        let id = entries.iter().find(|e| e.key == "id");
        let line = id.map_or(first, |e| e.line);
        let op = match id.map(|e| value::read(e.item)) {
            Some(Ok(Value::Text(id))) => ops::find(&id).ok_or_else(|| {
                let ids: Vec<&str> = ops::ALL.iter().map(|op| op.id()).collect();
                suggest::unknown("operation", &id, &ids)
            }),
            Some(Ok(other)) => Err(format!("id is {other}, expected the id of an operation in quotes")),
            Some(Err(rest)) => Err(format!("id {rest}")),
            None => Err("an [[op]] needs the id of an operation: id = \"exposure\"".to_owned()),
        };
        match op {
            Ok(op) => self.op_settings(recipe, op, line, &entries),
            Err(message) => self.problems.add(line, message),
        }
    }

    fn op_settings(&mut self, recipe: &mut Recipe, op: &'static dyn AnyOp, line: usize, entries: &[Entry]) {
        let infos = op.params();
        let mut setting = OpSetting { op, params: op.defaults(), strength: 1.0, mask: None, line };
        let mut good = true;
        for entry in entries.iter().filter(|e| e.key != "id") {
            if entry.key == "mask" {
                setting.mask = self.mask(recipe, entry);
                good &= setting.mask.is_some();
                continue;
            }
            let result = value::read(entry.item);
            if let Err(message) = set_op_key(&mut setting, &infos, entry.key, result) {
                self.problems.add(entry.line, message);
                good = false;
            }
        }
        if good {
            let line = entries.iter().find(|e| is_file(&infos, e.key)).map_or(line, |e| e.line);
            good = self.op_files(recipe, &mut setting, line);
        }
        if good {
            recipe.ops.push(setting);
        }
    }

    /// Reads the mask of an operation and notes the contents of its files.
    fn mask(&mut self, recipe: &mut Recipe, entry: &Entry) -> Option<Mask> {
        let dir = self.dir().to_owned();
        let mut reader = MaskReader { lines: &self.lines, dir: &dir, problems: &mut self.problems };
        let mask = reader.read(entry)?;
        match luts::note_mask_files(recipe, &mask) {
            Ok(()) => Some(mask),
            Err(error) => {
                self.problems.add_error(entry.line, &error);
                None
            }
        }
    }

    /// Loads what the operation reads and lets it check its parameters together.
    fn op_files(&mut self, recipe: &mut Recipe, setting: &mut OpSetting, line: usize) -> bool {
        let op = setting.op;
        let result = luts::place_files(op, &mut setting.params, self.dir())
            .map_err(|message| Error::recipe("", 0, message))
            .and_then(|()| luts::load(recipe, op, &setting.params));
        match result {
            Ok(()) => match check_together(recipe, setting) {
                Ok(()) => return true,
                Err(message) => self.problems.add(setting.line, message),
            },
            Err(error) => self.problems.add_error(line, &error),
        }
        false
    }
}

fn is_file(infos: &[ParamInfo], key: &str) -> bool {
    infos.iter().any(|i| i.name == key && i.kind == Kind::File)
}

/// Runs the operation's own check of its parameters. Not for those with a LUT: that would build the table, which is large and
/// cannot fail once the file is parsed.
pub(super) fn check_together(recipe: &Recipe, setting: &OpSetting) -> std::result::Result<(), String> {
    if !setting.op.lut_files(&setting.params).is_empty() {
        return Ok(());
    }
    let mut tables = Tables::default();
    setting.op.step(&setting.params, &recipe.context, &mut tables, setting.strength).map(|_| ())
}

/// Sets one key of an operation: `strength` or a parameter.
fn set_op_key(
    setting: &mut OpSetting,
    infos: &[ParamInfo],
    key: &str,
    value: std::result::Result<Value, String>,
) -> std::result::Result<(), String> {
    if let Some(message) = keys::later("op", key) {
        return Err(message.to_owned());
    }
    let id = setting.op.id();
    let info = op_key(infos, key).ok_or_else(|| unknown_parameter(id, infos, key))?;
    let value = value.map_err(|rest| format!("{key} {rest}"))?;
    set_op_value(setting, &info, value)
}

/// What a key of an operation accepts.
pub(super) fn op_key(infos: &[ParamInfo], key: &str) -> Option<ParamInfo> {
    let strength = keys::strength();
    if key == strength.name { Some(strength) } else { infos.iter().find(|i| i.name == key).cloned() }
}

/// The message for a key that an operation does not have.
pub(super) fn unknown_parameter(id: &str, infos: &[ParamInfo], key: &str) -> String {
    if let Some(message) = keys::later("op", key) {
        return message.to_owned();
    }
    let names: Vec<&str> = infos.iter().map(|i| i.name).chain(["strength", "mask"]).collect();
    suggest::unknown(&format!("parameter of {id}"), key, &names)
}

/// Checks and sets a value of an operation.
pub(super) fn set_op_value(setting: &mut OpSetting, info: &ParamInfo, value: Value) -> std::result::Result<(), String> {
    info.check(&value).map_err(|message| match (info.kind, &value) {
        (Kind::Choice(words), Value::Text(word)) => message + &suggest::hint(word, words),
        _ => message,
    })?;
    match value {
        Value::Number(n) if info.name == "strength" => setting.strength = n as f32,
        value => _ = setting.params.insert(info.name, value),
    }
    Ok(())
}
