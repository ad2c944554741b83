//! `chiaro models`: the depth models a recipe can name. Starts no inference and downloads nothing.

use std::path::Path;

use chiaro::depth::registry::{
    self, ChannelOrder, Contract, EMBEDDED, ModelEntry, ModelSource, OutputMeaning, Shelf, SizeRule, State,
};
use chiaro::error::{Error, escape};
use chiaro::recipe::contract::Fit;
use chiaro::recipe::models::Listing;
use serde_json::{Value, json};

use super::args::ModelsCommand;
use super::exit::{Exit, Usage, say};
use super::output::{self, Facts};
use super::{models_add, recipes};

/// Runs the command.
///
/// # Errors
/// What writing to stdout returns, and a user's list that is damaged; a model that cannot be described is an item that failed.
pub fn run(command: &ModelsCommand) -> anyhow::Result<Exit> {
    match command {
        ModelsCommand::List { json } => list(*json),
        ModelsCommand::Info { model, set, json } => info(model, set, *json),
        ModelsCommand::Add(args) => models_add::add(args),
        ModelsCommand::Verify { models, sha256 } => verify(models, sha256.as_deref()),
        ModelsCommand::Remove { models } => models_add::remove(models),
    }
}

fn list(as_json: bool) -> anyhow::Result<Exit> {
    let shelf = Shelf::load()?;
    let embedded = ModelEntry::embedded();
    if as_json {
        let models = shelf.models().iter().map(|model| listing_json(&shelf, model));
        let all: Vec<Value> = [entry_json(&embedded, State::BuiltIn)].into_iter().chain(models).collect();
        output::json(&all.into())?;
        return Ok(Exit::Success);
    }
    let heading = ["ID", "STATE", "LICENSE", "SIZE", "ANSWER", "NAME"].map(str::to_owned).to_vec();
    let mut rows = vec![heading, embedded_row(&embedded)];
    rows.extend(shelf.models().iter().map(|model| row(&shelf, model)));
    output::text(&output::table(&rows))?;
    output::line("")?;
    output::line(
        "needs file: chiaro models info ID says where it is found, chiaro models add FILE --id ID makes it ready.",
    )?;
    output::line(
        "Any other .onnx file can be added, or named by its path: chiaro models info FILE says what is known of it.",
    )?;
    Ok(Exit::Success)
}

fn embedded_row(entry: &ModelEntry) -> Vec<String> {
    let size =
        if let ModelSource::Embedded(bytes) = &entry.source { megabytes(bytes.len() as u64) } else { String::new() };
    let state = state_word(State::BuiltIn).to_owned();
    vec![entry.id.clone(), state, entry.license.clone(), size, entry.output.name().to_owned(), entry.name.clone()]
}

fn row(shelf: &Shelf, model: &Listing) -> Vec<String> {
    let contract = shelf.complete(model);
    let text = |value: Option<String>| value.map_or_else(|| "?".to_owned(), |value| escape(Path::new(&value)));
    vec![
        model.id.clone(),
        state_word(shelf.state(model)).to_owned(),
        license_words(contract.license.as_deref(), model.noncommercial),
        model.megabytes.map_or_else(|| "?".to_owned(), |size| format!("{size} MB")),
        contract.output.map_or("by the file", OutputMeaning::name).to_owned(),
        text(contract.name),
    ]
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}

/// One word or two per state.
fn state_word(state: State) -> &'static str {
    match state {
        State::BuiltIn => "built in",
        State::Ready => "ready",
        State::NeedsFile => "needs file",
        State::FileGone => "file gone",
    }
}

fn license_words(license: Option<&str>, noncommercial: bool) -> String {
    let license = license.map_or_else(|| "unknown".to_owned(), |license| escape(Path::new(license)));
    if noncommercial { format!("{license} (non-commercial)") } else { license }
}

fn info(model: &str, set: &[String], as_json: bool) -> anyhow::Result<Exit> {
    let recipe = recipes::for_model(model, set)?;
    let shelf = if model == EMBEDDED { Shelf::with_folder(None)? } else { Shelf::load()? };
    if let Some(listing) = shelf.get(model).filter(|listing| shelf.state(listing) != State::Ready) {
        if as_json {
            output::json(&listing_json(&shelf, listing))?;
        } else {
            output::text(&format!("{}\n{}", listing.id, listing_facts(&shelf, listing)))?;
        }
        return Ok(Exit::Success);
    }
    match registry::find(model, Path::new("."), &recipe.depth.contract) {
        Ok(entry) if as_json => {
            output::json(&entry_json(&entry, if entry.id == EMBEDDED { State::BuiltIn } else { State::Ready }))?
        }
        Ok(entry) => {
            let mut facts = facts(&entry);
            if let Some(listing) = shelf.get(model) {
                facts.maybe("from", listing.from.as_ref().map(|text| escape(Path::new(text))));
                facts.maybe("note", listing.note.as_ref().map(|text| escape(Path::new(text))));
            }
            output::text(&format!("{}\n{facts}", entry.id))?;
        }
        Err(error) => {
            say(&error.to_string());
            return Ok(Exit::Failures);
        }
    }
    Ok(Exit::Success)
}

/// Reads every model whole and compares. One that is wrong is told and the rest goes on.
fn verify(models: &[String], sha256: Option<&str>) -> anyhow::Result<Exit> {
    let shelf = Shelf::load()?;
    let added = shelf.models().iter().filter(|model| shelf.is_users(&model.id)).map(|model| model.id.clone());
    let all: Vec<String> = [EMBEDDED.to_owned()].into_iter().chain(added).collect();
    let models = if models.is_empty() { all.as_slice() } else { models };
    if sha256.is_some() && models.len() != 1 {
        return Err(Usage(format!("--sha256 is of one model, {} are named", models.len())).into());
    }
    let mut exit = Exit::Success;
    for model in models {
        let known = model == EMBEDDED || shelf.get(model).is_some();
        let digest = digest(&shelf, model).and_then(|digest| match sha256 {
            Some(wanted) if wanted != digest => {
                Err(Error::input(model, format!("SHA-256 is {digest}, expected {wanted}")))
            }
            _ => Ok(digest),
        });
        match digest {
            // A file alone has no recorded hash: its digest is shown, nothing is claimed.
            Ok(digest) if !known && sha256.is_none() => {
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

/// The hash of a model's bytes as they are now; an error where it is not the recorded one.
fn digest(shelf: &Shelf, model: &str) -> chiaro::error::Result<String> {
    if model == EMBEDDED {
        let entry = ModelEntry::embedded();
        return entry.verify().map(|()| entry.sha256);
    }
    let Some(listing) = shelf.get(model) else {
        let path = Path::new(model);
        if path.symlink_metadata().is_err() {
            return Err(Error::input(
                path,
                "is neither the id of a model (`chiaro models list` shows them) nor a file",
            ));
        }
        return registry::file_sha256(path);
    };
    shelf.open(listing).map(|entry| entry.sha256)
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
        .add("license", license_words(Some(&entry.license), entry.noncommercial))
        .add("input", format!("{:?}, {}", entry.input_name, size_words(&entry.size)))
        .add("channels", if entry.channels == ChannelOrder::Rgb { "RGB" } else { "BGR" })
        .add("mean", format!("{:?}", entry.mean))
        .add("deviation", format!("{:?}", entry.std))
        .add("output", format!("{:?}, {}", entry.output_name, meaning(entry.output)))
        .add("at once", if entry.takes_batches { "any number of pictures of one size" } else { "one picture" })
        .add("edge error", format!("{} px of the model's own size", entry.join.edge_error_px))
        .add(
            "memory",
            format!("{}, {}", output::bytes(entry.bytes), if entry.measured { "measured" } else { "estimated" }),
        );
    facts
}

/// What is known about a model without its file.
fn listing_facts(shelf: &Shelf, model: &Listing) -> Facts {
    let contract = shelf.complete(model);
    let text = |value: &String| escape(Path::new(value));
    let mut facts = Facts::default();
    facts
        .maybe("name", contract.name.as_ref().map(text))
        .add("state", state_word(shelf.state(model)))
        .maybe("file", shelf.file(model).map(|file| escape(&file)))
        .maybe("from", model.from.as_ref().map(text))
        .maybe("download", model.megabytes.map(|size| format!("about {size} MB")))
        .maybe("SHA-256", model.sha256.as_ref())
        .add("license", license_words(contract.license.as_deref(), model.noncommercial));
    for (key, value) in contract.values() {
        facts.add(key, value);
    }
    let replace = if shelf.state(model) == State::FileGone { " --replace" } else { "" };
    let flag = if model.noncommercial { " --allow-noncommercial" } else { "" };
    facts
        .maybe("meaning", contract.output.map(meaning))
        .maybe("note", model.note.as_ref().map(text))
        .add("to use it", format!("chiaro models add FILE.onnx --id {}{replace}{flag}", model.id));
    facts
}

fn entry_json(entry: &ModelEntry, state: State) -> Value {
    let file = match &entry.source {
        ModelSource::Embedded(_) => None,
        ModelSource::File(path) => Some(chiaro::engine::journal::path_text(path)),
    };
    json!({
        "id": entry.id,
        "name": entry.name,
        "state": state_word(state),
        "file": file,
        "sha256": entry.sha256,
        "license": entry.license,
        "noncommercial": entry.noncommercial,
        "input": entry.input_name,
        "size": size_words(&entry.size),
        "channels": if entry.channels == ChannelOrder::Rgb { "rgb" } else { "bgr" },
        "mean": entry.mean,
        "std": entry.std,
        "output": entry.output.name(),
        "output_name": entry.output_name,
        "metric": entry.output.is_metric(),
        "edge_error_px": entry.join.edge_error_px,
        "takes_batches": entry.takes_batches,
        "memory_bytes": entry.bytes,
    })
}

fn listing_json(shelf: &Shelf, model: &Listing) -> Value {
    let contract: Contract = shelf.complete(model);
    json!({
        "id": model.id,
        "name": contract.name,
        "state": state_word(shelf.state(model)),
        "file": shelf.file(model).map(|file| chiaro::engine::journal::path_text(&file)),
        "sha256": model.sha256,
        "license": contract.license,
        "noncommercial": model.noncommercial,
        "megabytes": model.megabytes,
        "from": model.from,
        "note": model.note,
        "mean": contract.mean,
        "std": contract.std,
        "output": contract.output.map(OutputMeaning::name),
        "metric": contract.output.map(OutputMeaning::is_metric),
        "edge_error_px": contract.edge_error_px,
    })
}

/// The meaning of an output in words.
pub fn meaning(output: OutputMeaning) -> &'static str {
    output.words()
}

/// A size rule in words.
pub fn size_words(rule: &SizeRule) -> String {
    match *rule {
        SizeRule::Fixed { landscape, portrait } if landscape == portrait => format!("{}x{}", landscape.0, landscape.1),
        SizeRule::Fixed { landscape, portrait } => {
            format!("{}x{} or {}x{}", landscape.0, landscape.1, portrait.0, portrait.1)
        }
        SizeRule::Letterbox { frame } => format!("{}x{}, the whole picture inside", frame.0, frame.1),
        SizeRule::Scaled { size, multiple_of, fit } => {
            let side = if size.0 == size.1 { size.0.to_string() } else { format!("{}x{}", size.0, size.1) };
            let bound = match fit {
                Fit::UpperBound => "inside",
                Fit::Minimal => "about",
                _ => "at least",
            };
            format!("the picture's aspect, {bound} {side}, multiples of {multiple_of}")
        }
    }
}
