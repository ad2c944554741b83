//! `--set`: changing one value of a loaded recipe from the command line.
//!
//! ```text
//! exposure.ev=0.5            a parameter of an operation, or its strength
//! haze#2.color=0.7,0.8,0.9   of the second haze of the recipe
//! exposure.mask={ depth = [0.3, 1] }   where it works; none = everywhere
//! exposure.mask.feather=0.2  one key of its mask
//! depth.model=chiaro-small   a key of [depth]
//! depth.mean=0.5,0.5,0.5
//! input.color=prophoto       a key of [input]
//! output.bits=8              a key of [output]
//! output#2.bits=8            of the second [[output]]
//! grading=acescct
//! ```
//!
//! A recipe with two operations of one id needs the number: guessing would grade a folder with the wrong one.
//! Files are relative to the current folder, where the shell completes their names.

use std::path::Path;

use super::contract::Contract;
use super::model::{OpSetting, OutputSettings, Recipe};
use super::op::{check_together, op_key, set_op_value, unknown_parameter};
use super::{hash, keys, luts, mask, settings, suggest, value};
use crate::error::Result;
use crate::ops::Value;

/// Applies one `--set`; see [`apply_sets`].
///
/// # Errors
/// As [`apply_sets`].
pub fn apply_set(recipe: &mut Recipe, set: &str) -> Result<()> {
    apply_sets(recipe, &[set])
}

/// Applies `--set` texts in order and renews the hash. All or nothing: after an error the recipe is as before.
///
/// # Errors
/// [`crate::error::Error::Recipe`] with the path `--set` and every problem of every text.
pub fn apply_sets<S: AsRef<str>>(recipe: &mut Recipe, sets: &[S]) -> Result<()> {
    let mut changed = recipe.clone();
    let mut problems = super::text::Problems::default();
    let names_model = |set: &S| set.as_ref().split_once('=').is_some_and(|(target, _)| target.trim() == "depth.model");
    if sets.iter().any(names_model) {
        changed.depth.contract = Contract::default();
    }
    for set in sets.iter().map(AsRef::as_ref) {
        if let Err(message) = apply(&mut changed, set) {
            problems.add(0, format!("{set}: {message}"));
        }
    }
    for message in changed.outputs.iter().filter_map(|output| settings::check_output(output).err()) {
        problems.add(0, message);
    }
    if let Err(message) = changed.depth.supplied.check() {
        problems.add(0, message);
    }
    if changed.input.override_tags && changed.input.color.is_none() {
        problems.add(0, settings::LONE_OVERRIDE);
    }
    // Parameters are checked together only once all are set: two that depend on one another may come in either order.
    for setting in changed.ops.iter().filter(|_| problems.is_empty()) {
        if let Err(message) = check_together(&changed, setting) {
            problems.add(0, message);
            break;
        }
    }
    problems.finish(Path::new("--set"))?;
    luts::forget_unused(&mut changed);
    changed.hash = hash::hash(&changed);
    *recipe = changed;
    Ok(())
}

fn apply(recipe: &mut Recipe, set: &str) -> std::result::Result<(), String> {
    let (target, text) = set.split_once('=').ok_or("expected NAME=VALUE, for example exposure.ev=0.5")?;
    let target = target.trim();
    let Some((owner, key)) = target.split_once('.') else { return apply_top(recipe, target, text) };
    match owner {
        "depth" => settings::set_depth(&mut recipe.depth, key, &depth_value(key, text), Path::new("")),
        _ if owner == "output" || owner.starts_with("output#") => {
            settings::set_output(find_output(recipe, owner)?, key, &output_value(key, text), Path::new(""))
        }
        "input" => settings::set_input(&mut recipe.input, key, &text_value(text), Path::new("")),
        _ => apply_op(recipe, owner, key, text),
    }
}

/// A value of `[output]`: names stay text even where they look like numbers.
fn output_value(key: &str, text: &str) -> Value {
    if key == "name" { text_value(text) } else { value::number_or_text(text) }
}

/// The output that `output` or `output#n` names.
fn find_output<'a>(recipe: &'a mut Recipe, owner: &str) -> std::result::Result<&'a mut OutputSettings, String> {
    let count = recipe.outputs.len();
    let number = match owner.split_once('#') {
        Some((_, number)) => number.parse().map_err(|_| format!("{owner}: expected a number from 1 behind #"))?,
        None if count > 1 => {
            return Err(format!("the recipe has {count} outputs: say which, output#1 to output#{count}"));
        }
        None => 1usize,
    };
    let index = number.checked_sub(1).ok_or_else(|| format!("{owner}: outputs are counted from 1"))?;
    recipe.outputs.get_mut(index).ok_or_else(|| format!("the recipe has no {owner}; it has {count} outputs"))
}

fn text_value(text: &str) -> Value {
    value::typed(crate::ops::Kind::File, text.trim())
}

/// A value of `[depth]`: names stay text even where they look like numbers.
fn depth_value(key: &str, text: &str) -> Value {
    let accepts = keys::DEPTH.iter().find(|info| info.name == key).map(|info| info.accepts);
    match accepts {
        Some(keys::Accepts::PerChannel) if text.contains(',') => {
            value::typed(crate::ops::Kind::Color { min: 0.0, max: 0.0 }, text)
        }
        Some(
            keys::Accepts::PerChannel | keys::Accepts::Whole(..) | keys::Accepts::Number(..) | keys::Accepts::ModelSize,
        ) => value::number_or_text(text),
        _ => text_value(text),
    }
}

fn apply_top(recipe: &mut Recipe, key: &str, text: &str) -> std::result::Result<(), String> {
    if key == "grading" {
        recipe.grading = Some(settings::grading(&text_value(text))?);
        return Ok(());
    }
    if keys::TOP.iter().any(|k| k.name == key) {
        return Err(format!("{key} is set in the recipe file only"));
    }
    Err("expected OPERATION.PARAMETER=VALUE, depth.KEY=VALUE, input.KEY=VALUE, output.KEY=VALUE or grading=VALUE"
        .to_owned())
}

fn apply_op(recipe: &mut Recipe, owner: &str, key: &str, text: &str) -> std::result::Result<(), String> {
    let index = find_op(&recipe.ops, owner)?;
    let Some(mut setting) = recipe.ops.get(index).cloned() else { return Ok(()) };
    if let Some(key) = key.strip_prefix("mask").filter(|rest| rest.is_empty() || rest.starts_with('.')) {
        set_mask(&mut setting, key.strip_prefix('.'), text.trim())?;
        if let Some(mask) = &setting.mask {
            luts::note_mask_files(recipe, mask).map_err(|e| e.to_string().replace('\n', "; "))?;
        }
        if let Some(place) = recipe.ops.get_mut(index) {
            *place = setting;
        }
        return Ok(());
    }
    let infos = setting.op.params();
    let info = op_key(&infos, key).ok_or_else(|| unknown_parameter(setting.op.id(), &infos, key))?;
    set_op_value(&mut setting, &info, value::typed(info.kind, text.trim()))?;
    luts::load(recipe, setting.op, &setting.params).map_err(|e| e.to_string().replace('\n', "; "))?;
    if let Some(place) = recipe.ops.get_mut(index) {
        *place = setting;
    }
    Ok(())
}

/// Replaces the mask of an operation, takes it away, or changes one key of it.
fn set_mask(setting: &mut OpSetting, key: Option<&str>, text: &str) -> std::result::Result<(), String> {
    let none = key.is_none() && text == "none";
    setting.mask = if none { None } else { Some(mask::typed(setting.mask.as_ref(), key, text)?) };
    Ok(())
}

/// Position of the operation that `id` or `id#n` names.
fn find_op(ops: &[OpSetting], owner: &str) -> std::result::Result<usize, String> {
    let (id, number) = match owner.split_once('#') {
        Some((id, number)) => {
            let wrong = || format!("{number:?} after # is not a number from 1");
            (id, Some(number.parse::<usize>().ok().filter(|n| *n > 0).ok_or_else(wrong)?))
        }
        None => (owner, None),
    };
    let found: Vec<usize> = ops.iter().enumerate().filter(|(_, op)| op.op.id() == id).map(|(i, _)| i).collect();
    match (found.as_slice(), number) {
        ([], _) => Err(not_there(ops, id)),
        ([only], None) => Ok(*only),
        (several, None) => {
            let count = several.len();
            Err(format!("the recipe has {count} operations {id}, number them: {id}#1 to {id}#{count}"))
        }
        (several, Some(n)) => several
            .get(n - 1)
            .copied()
            .ok_or_else(|| format!("the recipe has no {id}#{n}, allowed: {id}#1 to {id}#{}", several.len())),
    }
}

fn not_there(ops: &[OpSetting], id: &str) -> String {
    let there: Vec<&str> = ops.iter().map(|op| op.op.id()).collect();
    let ids = [&there[..], &["depth", "input", "output"]].concat();
    if crate::ops::find(id).is_some() {
        let there = if there.is_empty() { "no operation".to_owned() } else { there.join(", ") };
        return format!("the recipe has no operation {id}; it has {there}");
    }
    suggest::unknown("name", id, &ids)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    fn recipe() -> Recipe {
        let text = "version = 1\n[[op]]\nid = \"exposure\"\nev = 1\n[[op]]\nid = \"invert\"\n[[op]]\nid = \"invert\"\n";
        Recipe::from_text("t", text, Path::new(""), Path::new("t.toml")).unwrap()
    }

    fn refused(set: &str) -> String {
        let mut changed = recipe();
        let error = apply_set(&mut changed, set).unwrap_err();
        assert!(matches!(error, Error::Recipe { .. }));
        assert_eq!(changed.hash, recipe().hash, "{set} changed the recipe");
        error.to_string()
    }

    #[test]
    fn every_kind_of_target() {
        let mut r = recipe();
        let sets = [
            "exposure.ev=-0.5",
            "exposure.strength=.25",
            "invert#2.strength=0.5",
            "depth.source=model",
            "depth.model=nets/a.onnx",
            "output.bits=8",
            "output.format=png",
            "grading=acescct",
        ];
        apply_sets(&mut r, &sets).unwrap();
        assert_eq!(r.ops[0].params["ev"], Value::Number(-0.5));
        assert_eq!([r.ops[0].strength, r.ops[1].strength, r.ops[2].strength], [0.25, 1.0, 0.5]);
        assert_eq!(r.depth.source, super::super::DepthSource::Model);
        assert_eq!(r.depth.model, "nets/a.onnx");
        assert_eq!(r.outputs[0].bits, Some(super::super::Bits::Eight));
        assert_eq!(r.grading, Some(crate::ops::Grading::Acescct));
        assert_ne!(r.hash, recipe().hash);
        apply_sets(&mut r, &["output.bits=input", "output.format=input"]).unwrap();
        assert_eq!((r.outputs[0].bits, r.outputs[0].format), (None, None));
    }

    #[test]
    fn mistakes_are_named() {
        assert!(refused("exposure.eev=1").contains("did you mean \"ev\""));
        assert!(refused("exposre.ev=1").contains("did you mean \"exposure\""));
        assert!(refused("haze.density=1").contains("no operation haze; it has exposure, invert, invert"));
        assert!(refused("invert.strength=1").contains("invert#1 to invert#2"));
        assert!(refused("invert#3.strength=1").contains("no invert#3"));
        assert!(refused("invert#0.strength=1").contains("from 1"));
        assert!(refused("exposure.ev=bright").contains("expected a number, -20 to 20 stops"));
        assert!(refused("exposure.ev=99").contains("allowed -20 to 20 stops"));
        assert!(refused("exposure.strength=2").contains("allowed 0 to 1"));
        assert!(refused("output.bits=12").contains("allowed: 8, 16"));
        assert!(refused("output.bitz=8").contains("did you mean \"bits\""));
        assert!(refused("grading=displya").contains("did you mean \"display\""));
        assert!(refused("version=2").contains("in the recipe file only"));
        assert!(refused("exposure").contains("NAME=VALUE"));
        assert!(refused("exposure=1").contains("OPERATION.PARAMETER"));
    }

    #[test]
    fn all_mistakes_are_listed_and_order_does_not_matter() {
        let mut r = recipe();
        let text = apply_sets(&mut r, &["a.b=1", "exposure.ev=x"]).unwrap_err().to_string();
        assert_eq!(text.lines().count(), 2, "{text}");
        apply_sets(&mut r, &["output.bits=half", "output.format=exr"]).unwrap();
        assert!(apply_set(&mut r, "output.format=png").unwrap_err().to_string().contains("png holds 8 or 16"));
    }
}
