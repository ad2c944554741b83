//! `chiaro models`: the depth models a recipe can name. Starts no inference.

use std::path::Path;

use chiaro::depth::registry::{self, ChannelOrder, ModelEntry, ModelSource, OutputMeaning, SizeRule};
use chiaro::error::escape;

use super::args::ModelsCommand;
use super::exit::{Exit, say};
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
