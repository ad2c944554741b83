//! `chiaro lut`: is a LUT file right, and what does it do. What makes files or pictures is in [`lut_make`].

use std::path::Path;

use chiaro::error::{Error, Problem, Result, escape};
use chiaro::lut::{self, Lut, LutInfo};
use serde_json::{Value, json};

use super::exit::{Exit, say};
use super::lut_args::LutCommand;
use super::lut_make;
use super::output;

/// Runs the command. Wrong files are printed and the rest goes on.
///
/// # Errors
/// What writing to stdout returns, and what keeps a file from being made.
pub fn run(command: LutCommand) -> anyhow::Result<Exit> {
    match command {
        LutCommand::Check { files } => check(&files),
        LutCommand::Info { files, json } => info(&files, json),
        LutCommand::Bake(args) => lut_make::bake(&args),
        LutCommand::Convert(args) => lut_make::convert(&args),
        LutCommand::Apply(args) => lut_make::apply(*args),
    }
}

/// Reads and parses a `.cube` file.
///
/// # Errors
/// `Input` when it cannot be read, `Limit` when it is too large, `Recipe` with its problems.
pub fn read(path: &Path) -> Result<Lut> {
    let input = |e: std::io::Error| Error::input(path, e);
    let value = std::fs::metadata(path).map_err(input)?.len();
    if value > lut::MAX_FILE_BYTES {
        return Err(Error::Limit {
            path: path.into(),
            what: "size of the LUT file in bytes",
            value,
            limit: lut::MAX_FILE_BYTES,
        });
    }
    lut::parse_cube(&std::fs::read(path).map_err(input)?, path)
}

fn check(files: &[impl AsRef<Path>]) -> anyhow::Result<Exit> {
    let mut exit = Exit::Success;
    for path in files.iter().map(AsRef::as_ref) {
        match read(path) {
            Ok(lut) => {
                let info = LutInfo::new(&lut);
                output::line(&format!("ok     {}: {}", escape(path), size(&info)))?;
                for warning in lut::warnings(&lut, &info) {
                    output::line(&format!("  warning {}", at(path, &warning)))?;
                }
            }
            Err(Error::Recipe { problems, .. }) => {
                exit = Exit::Failures;
                output::line(&format!("wrong  {}: {}", escape(path), output::count(problems.len() as u64, "problem")))?;
                for problem in &problems {
                    output::line(&format!("  {}", at(path, problem)))?;
                }
            }
            Err(error) => {
                exit = Exit::Failures;
                say(&error.to_string());
            }
        }
    }
    Ok(exit)
}

fn info(files: &[impl AsRef<Path>], as_json: bool) -> anyhow::Result<Exit> {
    let mut exit = Exit::Success;
    let mut list = Vec::new();
    for path in files.iter().map(AsRef::as_ref) {
        match read(path) {
            Ok(lut) if as_json => list.push(facts_json(path, &lut)),
            Ok(lut) => output::text(&facts_text(path, &lut))?,
            Err(error) => {
                exit = Exit::Failures;
                say(&super::exit::describe(&error));
            }
        }
    }
    if as_json {
        output::json(&list.into())?;
    }
    Ok(exit)
}

fn size(info: &LutInfo) -> String {
    let sizes = [(info.shaper_size, "1D"), (info.cube_size, "3D")];
    let sizes: Vec<String> =
        sizes.iter().filter(|(n, _)| *n > 0).map(|(n, kind)| format!("{kind} with {n} nodes")).collect();
    sizes.join(" + ")
}

/// `path:line: message`, the form editors jump to.
fn at(path: &Path, problem: &Problem) -> String {
    let line = if problem.line > 0 { format!("{}:", problem.line) } else { String::new() };
    format!("{}:{line} {}", escape(path), problem.message)
}

/// Facts of a LUT for people.
pub fn facts_text(path: &Path, lut: &Lut) -> String {
    let info = LutInfo::new(lut);
    let mut text = format!("{}\n", escape(path));
    if let Some(title) = &lut.title {
        text += &format!("  title               {}\n", escape(Path::new(title)));
    }
    for line in info.to_string().lines() {
        text += &format!("  {line}\n");
    }
    for warning in lut::warnings(lut, &info) {
        text += &format!("  warning: {}\n", at(path, &warning));
    }
    text
}

/// Facts of a LUT for programs.
pub fn facts_json(path: &Path, lut: &Lut) -> Value {
    let info = LutInfo::new(lut);
    let warnings: Vec<Value> =
        lut::warnings(lut, &info).into_iter().map(|w| json!({ "line": w.line, "message": w.message })).collect();
    json!({
        "file": chiaro::engine::journal::path_text(path),
        "type": "lut",
        "title": lut.title,
        "kind": info.kind.to_string(),
        "shaper_size": info.shaper_size,
        "cube_size": info.cube_size,
        "domain_min": info.domain.min,
        "domain_max": info.domain.max,
        "output_min": info.output_min,
        "output_max": info.output_max,
        "nodes_outside_unit": info.nodes_outside_unit,
        "neutral_monotone": info.neutral_monotone,
        "neutral_cast": info.neutral_cast,
        "identity_deviation": info.identity_deviation,
        "table_bytes": info.table_bytes,
        "warnings": warnings,
    })
}
