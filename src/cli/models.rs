//! `chiaro models`: the depth models a recipe can name. Starts no inference.

use std::path::Path;

use chiaro::depth::registry::{self, ChannelOrder, ModelEntry, ModelSource, OutputMeaning, SizeRule};
use chiaro::error::{Error, escape};

use super::args::ModelsCommand;
use super::exit::{Exit, Usage, say};
use super::output::{self, Facts};
use super::recipes;

/// Runs the command.
///
/// # Errors
/// What writing to stdout returns; a model that cannot be described is an item that failed.
pub fn run(command: &ModelsCommand) -> anyhow::Result<Exit> {
    match command {
        ModelsCommand::List => {
            let row = |m: ModelEntry| vec![m.id.clone(), size_words(&m.size), m.license.clone(), m.name];
            let rows: Vec<Vec<String>> = registry::builtin().into_iter().map(row).collect();
            output::text(&output::table(&rows))?;
            output::line("An .onnx file can be named as well: see chiaro models info FILE.")?;
        }
        ModelsCommand::Verify { models, sha256 } => return verify(models, sha256.as_deref()),
        ModelsCommand::Info { model, set } => {
            let recipe = recipes::for_model(model, set)?;
            match registry::find(model, Path::new("."), &recipe.depth.contract) {
                Ok(entry) => output::text(&format!("{}\n{}", entry.id, facts(&entry)))?,
                Err(error) => {
                    say(&error.to_string());
                    return Ok(Exit::Failures);
                }
            }
        }
    }
    Ok(Exit::Success)
}

/// Reads every model whole and compares. One that is wrong is told and the rest goes on.
fn verify(models: &[String], sha256: Option<&str>) -> anyhow::Result<Exit> {
    let builtin = registry::builtin();
    let all: Vec<String> = builtin.iter().map(|m| m.id.clone()).collect();
    let models = if models.is_empty() { all.as_slice() } else { models };
    if sha256.is_some() && models.len() != 1 {
        return Err(Usage(format!("--sha256 is of one model, {} are named", models.len())).into());
    }
    let mut exit = Exit::Success;
    for model in models {
        let known = builtin.iter().find(|entry| entry.id == *model);
        let digest = match known {
            Some(entry) => entry.verify().map(|()| entry.sha256.clone()),
            None => registry::file_sha256(Path::new(model)),
        };
        let digest = digest.and_then(|digest| match sha256 {
            Some(wanted) if wanted != digest => {
                Err(Error::input(model, format!("SHA-256 is {digest}, expected {wanted}")))
            }
            _ => Ok(digest),
        });
        match digest {
            // A file alone has no recorded hash: its digest is shown, nothing is claimed.
            Ok(digest) if known.is_none() && sha256.is_none() => {
                output::line(&format!("hash   {digest}  {}", escape(Path::new(model))))?;
            }
            Ok(digest) => output::line(&format!("ok     {digest}  {}", escape(Path::new(model))))?,
            Err(error) => {
                exit = Exit::Failures;
                say(&error.to_string());
            }
        }
    }
    Ok(exit)
}

/// What is known about a model, for people.
pub fn facts(entry: &ModelEntry) -> Facts {
    let mut facts = Facts::default();
    facts
        .add("name", escape(Path::new(&entry.name)))
        .add(
            "source",
            match &entry.source {
                ModelSource::Embedded(bytes) => format!("built in, {}", output::bytes(bytes.len() as u64)),
                ModelSource::File(path) => escape(path),
            },
        )
        .add("SHA-256", &entry.sha256)
        .add("license", escape(Path::new(&entry.license)))
        .add("input", format!("{:?}, {}", entry.input_name, size_words(&entry.size)))
        .add("channels", if entry.channels == ChannelOrder::Rgb { "RGB" } else { "BGR" })
        .add("mean", format!("{:?}", entry.mean))
        .add("deviation", format!("{:?}", entry.std))
        .add("output", format!("{:?}, {}", entry.output_name, meaning(entry.output)))
        .add("edge error", format!("{} px of the model's own size", entry.join.edge_error_px))
        .add(
            "memory",
            format!("{}, {}", output::bytes(entry.bytes), if entry.measured { "measured" } else { "estimated" }),
        );
    facts
}

/// The meaning of an output in words.
pub fn meaning(output: OutputMeaning) -> &'static str {
    match output {
        OutputMeaning::RelativeDisparity => "relative disparity (larger = nearer)",
        OutputMeaning::MetricDepth => "metric depth (meters, larger = farther)",
    }
}

/// A size rule in words.
pub fn size_words(rule: &SizeRule) -> String {
    match *rule {
        SizeRule::Fixed { landscape, portrait } if landscape == portrait => format!("{}x{}", landscape.0, landscape.1),
        SizeRule::Fixed { landscape, portrait } => {
            format!("{}x{} or {}x{}", landscape.0, landscape.1, portrait.0, portrait.1)
        }
        SizeRule::Scaled { short_side, multiple_of, longest_side } => {
            format!("short side {short_side}, multiples of {multiple_of}, at most {longest_side}")
        }
    }
}
