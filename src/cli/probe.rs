//! `chiaro probe`: header facts of pictures, LUTs and models. Decodes no sample and starts no inference.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use chiaro::codec::{self, Limits};
use chiaro::depth::onnx_header::OnnxHeader;
use chiaro::depth::registry::{Contract, MAX_MODEL_BYTES, ModelEntry};
use chiaro::error::{Error, Result, escape};
use chiaro::picture::{Format, READ_FORMATS, foreign};
use serde_json::Value;

use super::args::ProbeArgs;
use super::exit::{Exit, describe, say};
use super::{lut, output, probe_view};

/// Facts in both forms.
pub struct Probed {
    /// For people.
    pub text: String,
    /// For programs.
    pub json: Value,
}

/// Runs the command. Wrong files are printed and the rest goes on.
///
/// # Errors
/// What writing to stdout returns.
pub fn run(args: &ProbeArgs) -> anyhow::Result<Exit> {
    let mut exit = Exit::Success;
    let mut list = Vec::new();
    for path in &args.files {
        match probe(path) {
            Ok(probed) if args.json => list.push(probed.json),
            Ok(probed) => output::text(&probed.text)?,
            Err(error) => {
                exit = Exit::Failures;
                say(&describe(&error));
            }
        }
    }
    if args.json {
        output::json(&list.into())?;
    }
    Ok(exit)
}

/// Pictures are known by content; LUTs and models, which have no signature, by extension.
fn probe(path: &Path) -> Result<Probed> {
    let head = head(path)?;
    let extension = path.extension().map(|e| e.to_ascii_lowercase());
    match extension.as_ref().and_then(|e| e.to_str()) {
        _ if Format::sniff(&head).is_some() => {
            let source = codec::open(path, &Limits::default())?;
            Ok(probe_view::picture(path, source.info(), source.resident_bytes(1)))
        }
        Some("cube") => {
            let lut = lut::read(path)?;
            Ok(Probed { text: lut::facts_text(path, &lut), json: lut::facts_json(path, &lut) })
        }
        Some("onnx") => model(path),
        _ => Err(Error::unsupported(
            path,
            match foreign(&head) {
                Some(advice) => format!("this is {advice}"),
                None => format!("not a picture ({READ_FORMATS}), a .cube LUT or an .onnx model"),
            },
        )),
    }
}

/// The first 16 bytes.
fn head(path: &Path) -> Result<Vec<u8>> {
    let mut head = Vec::with_capacity(16);
    let file = File::open(path).map_err(|e| Error::input(path, e))?;
    file.take(16).read_to_end(&mut head).map_err(|e| Error::input(path, e))?;
    if head.is_empty() {
        return Err(Error::input(path, "the file is empty"));
    }
    Ok(head)
}

fn model(path: &Path) -> Result<Probed> {
    let value = std::fs::metadata(path).map_err(|e| Error::input(path, e))?.len();
    if value > MAX_MODEL_BYTES {
        return Err(Error::Limit { path: path.into(), what: "bytes of a depth model", value, limit: MAX_MODEL_BYTES });
    }
    let file = std::fs::read(path).map_err(|e| Error::input(path, e))?;
    let header = OnnxHeader::parse(&file).map_err(|reason| Error::input(path, format!("the model {reason}")))?;
    // That a model cannot be used yet is a fact about it, not a failure of the probe.
    let entry = ModelEntry::from_file(path, &Contract::default()).map_err(|e| {
        let text = e.to_string();
        text.strip_prefix(&format!("{}: ", escape(path))).unwrap_or(&text).to_owned()
    });
    Ok(probe_view::model(path, &header, entry.as_ref().map_err(String::as_str)))
}
