//! What must be known to run a model that is not built in: the part its graph says, and the part that somebody must give.

use std::path::Path;

use super::{ChannelOrder, ModelEntry, ModelSource, SizeRule};
use crate::depth::join::JoinSettings;
use crate::depth::onnx_header::{Dimension, FLOAT, FLOAT16, OnnxHeader, Value};
use crate::error::{Error, Result};
use crate::picture::Extent;
pub use crate::recipe::contract::Contract;
use crate::recipe::contract::Fit;
use crate::recipe::models;

/// Prefix of the notes a model file may carry in its own metadata.
const NOTE_PREFIX: &str = "chiaro.";
/// A loaded session keeps its weights, often twice (as read and as packed for the kernels) ...
pub(super) const WEIGHT_COPIES: u64 = 2;
/// ... and activations, here per input pixel: a guess, corrected by measurement after the first run.
const ACTIVATION_BYTES: u64 = 1024;

impl Contract {
    /// The notes of a model file.
    fn of_notes(header: &OnnxHeader) -> std::result::Result<Self, String> {
        let mut contract = Self::default();
        for (key, value) in &header.metadata {
            // A note that says nothing is none.
            let said = !value.trim().is_empty();
            if let Some(key) = key.strip_prefix(NOTE_PREFIX).filter(|key| said && Self::knows(key)) {
                contract.set(key, value).map_err(|reason| format!("the model's own note is wrong: {reason}"))?;
            }
        }
        Ok(contract)
    }
}

/// All that is known of how a model is to be used, from the strongest word to the weakest: what is given, the file's own notes, the
/// list that ships (by the preset that one of them names, else by the hash of the file).
fn gathered(header: &OnnxHeader, given: &Contract, sha256: &str) -> std::result::Result<(Contract, bool), String> {
    let mut contract = given.clone().or(Contract::of_notes(header)?);
    let by_hash = || models::known().by_hash(sha256);
    let Some(preset) = contract.preset.clone().or_else(|| by_hash().map(|model| model.id.clone())) else {
        let noncommercial = contract.license.as_deref().is_some_and(is_noncommercial);
        return Ok((contract, noncommercial));
    };
    // A graph that normalizes by itself must not be fed what is normalized already.
    if header.normalizes() {
        contract = contract.or(Contract { mean: Some([0.0; 3]), std: Some([1.0; 3]), ..Contract::default() });
    }
    let licensed = contract.license.is_some();
    let mut contract = contract.or(models::known().contract(&preset));
    let mut excluded = !licensed && models::known().is_noncommercial(&preset);
    // A family says nothing of the license; the file may.
    if contract.license.is_none()
        && let Some(model) = by_hash()
    {
        contract.license.clone_from(&model.contract.license);
        excluded |= model.noncommercial;
    }
    // Nobody's word changes the license of a published file.
    excluded |= by_hash().is_some_and(|model| model.noncommercial);
    excluded |= contract.license.as_deref().is_some_and(is_noncommercial);
    Ok((contract, excluded))
}

/// Whether a license by its name excludes commercial use: Creative Commons NC, and names that say research or non-commercial.
pub fn is_noncommercial(license: &str) -> bool {
    let license = license.to_ascii_lowercase();
    let words = || license.split(|c: char| !c.is_ascii_alphanumeric());
    words().any(|word| matches!(word, "nc" | "noncommercial" | "research" | "amlr" | "academic"))
        || license.contains("non-commercial")
}

/// Whether a declared dimension is open.
pub(super) fn is_symbolic(dimension: &Dimension) -> bool {
    matches!(dimension, Dimension::Symbolic(_))
}

/// Makes the entry of a file from its header and what is given, or lists all that is missing.
pub(super) fn entry(
    path: &Path,
    header: &OnnxHeader,
    given: &Contract,
    sha256: String,
    bytes: u64,
) -> Result<ModelEntry> {
    let fail = |reason: String| Error::input(path, reason);
    let (contract, noncommercial) = gathered(header, given, &sha256).map_err(fail)?;
    let input = picture_input(header).map_err(fail)?;
    let output = map_output(header).map_err(fail)?;
    let [pictures, _, height, width] = input.shape.as_deref().unwrap_or(&[]) else {
        return Err(fail(format!(
            "the input of a depth model is [1, 3, height, width], here it is {}",
            input.shape_words()
        )));
    };
    let size = size_rule(width, height, &contract).map_err(fail)?;
    let missing = [
        (size.is_none(), "size=<side or WIDTHxHEIGHT> (and multiple_of=<n> to keep the picture's aspect)"),
        (
            contract.mean.is_none() || contract.std.is_none(),
            "mean=<r,g,b> and std=<r,g,b> (0 and 1 for plain 0..1 input)",
        ),
        (contract.output.is_none(), "output=disparity or output=meters"),
    ];
    let missing: Vec<&str> = missing.iter().filter(|(missing, _)| *missing).map(|(_, what)| *what).collect();
    let (Some(size), Some(mean), Some(std), Some(meaning)) = (size, contract.mean, contract.std, contract.output)
    else {
        return Err(fail(format!(
            "the graph does not say how this depth model is to be used; give, under [depth] of the recipe or with --set \
             depth.KEY=VALUE, preset=<id of a known model or family, see chiaro models list>, or {}",
            missing.join("; ")
        )));
    };
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let (width, height) = size.frame(size.size(Extent { width: 3, height: 2 }));
    let edge_error_px = contract.edge_error_px.unwrap_or(1);
    let crisp = JoinSettings::default();
    Ok(ModelEntry {
        name: contract.name.unwrap_or_else(|| stem.clone()),
        id: stem,
        sha256,
        license: contract.license.unwrap_or_else(|| super::UNKNOWN.into()),
        noncommercial,
        source: ModelSource::File(path.into()),
        input_name: input.name.clone(),
        output_name: output.name.clone(),
        file_bytes: bytes,
        takes_batches: is_symbolic(pictures) && is_per_picture(output),
        size,
        channels: contract.channels.unwrap_or(ChannelOrder::Rgb),
        mean,
        std,
        output: meaning,
        join: match edge_error_px {
            0 => crisp,
            _ => JoinSettings { edge_error_px, q0: 0.01, q1: 0.04, ..crisp },
        },
        bytes: bytes * WEIGHT_COPIES + u64::from(width) * u64::from(height) * ACTIVATION_BYTES,
        measured: false,
    })
}

/// The one input, when it can take a picture.
fn picture_input(header: &OnnxHeader) -> std::result::Result<&Value, String> {
    let [input] = &header.inputs[..] else {
        let names: Vec<String> = header.inputs.iter().map(|i| format!("{:?} {}", i.name, i.shape_words())).collect();
        return Err(format!(
            "a depth model has one input, the picture; this one has {} ({}): export it with the others fixed",
            names.len(),
            if names.is_empty() { "none".into() } else { names.join(", ") }
        ));
    };
    let shape = input.shape.as_deref().unwrap_or(&[]);
    let [pictures, channels, _, _] = shape else {
        return Err(format!(
            "the input of a depth model is float [1, 3, height, width], here {:?} is {} {}",
            input.name,
            input.element_name(),
            input.shape_words()
        ));
    };
    if ![FLOAT, FLOAT16].contains(&input.element_type) {
        return Err(format!(
            "the input of a depth model is float [1, 3, height, width], here {:?} is {} {}: export it with a float input (f32 or f16)",
            input.name,
            input.element_name(),
            input.shape_words()
        ));
    }
    if matches!(channels, Dimension::Fixed(count) if *count != 3) {
        return Err(format!(
            "the input of a depth model is float [1, 3, height, width], here {:?} is {}: a model with another layout or number of \
             channels cannot be used",
            input.name,
            input.shape_words()
        ));
    }
    // Old exporters write an open number as 0 or -1.
    if matches!(pictures, Dimension::Fixed(2..=0xFFFF)) {
        return Err(format!(
            "the input of a depth model is one picture or any number of them, here {:?} is {}: export it with a batch of 1, or an open one",
            input.name,
            input.shape_words()
        ));
    }
    Ok(input)
}

/// The first output that can be a map.
fn map_output(header: &OnnxHeader) -> std::result::Result<&Value, String> {
    if let Some(output) = header.outputs.iter().find(|output| may_be_map(output)) {
        return Ok(output);
    }
    let shapes: Vec<String> =
        header.outputs.iter().map(|o| format!("{:?} is {} {}", o.name, o.element_name(), o.shape_words())).collect();
    Err(format!(
        "a depth model answers one float map, [1, height, width] or [1, 1, height, width]; here {}: this is another kind of model, \
         a classifier for example",
        shapes.join(", ")
    ))
}

/// Whether a declared output can hold one value per pixel of one picture. An undeclared one may.
fn may_be_map(output: &Value) -> bool {
    let Some(shape) = output.shape.as_deref() else { return true };
    if ![FLOAT, FLOAT16].contains(&output.element_type) {
        return false;
    }
    let one = |dimension: &Dimension| matches!(dimension, Dimension::Fixed(1)) || is_symbolic(dimension);
    match shape {
        // An exporter that could not tell writes an empty shape.
        [] => true,
        [_] => false,
        // Two sides, not a batch of scores.
        [height, width] => {
            is_side(height) && is_side(width) && is_symbolic(height) == is_symbolic(width) && !is_batch(height)
        }
        [before @ .., height, width] => before.iter().all(one) && is_side(height) && is_side(width),
    }
}

/// Whether a declared output has a map for each picture of an input that leaves their number open. An undeclared one may.
fn is_per_picture(output: &Value) -> bool {
    match output.shape.as_deref() {
        Some([pictures, .., _, _]) => is_symbolic(pictures),
        Some([]) | None => true,
        Some(_) => false,
    }
}

fn is_side(dimension: &Dimension) -> bool {
    !matches!(dimension, Dimension::Fixed(0 | 1))
}

fn is_batch(dimension: &Dimension) -> bool {
    matches!(dimension, Dimension::Symbolic(name) if name.to_ascii_lowercase().contains("batch") || name == "N")
}

/// The size rule: fixed sides of the graph win; open ones need `size`. `None` when it is missing.
fn size_rule(
    width: &Dimension,
    height: &Dimension,
    contract: &Contract,
) -> std::result::Result<Option<SizeRule>, String> {
    let fixed = |dimension: &Dimension| match dimension {
        Dimension::Fixed(size) => u32::try_from(*size).ok().filter(|size| (1..=4096).contains(size)),
        Dimension::Symbolic(_) => None,
    };
    let fit = contract.fit;
    if let (Some(width), Some(height)) = (fixed(width), fixed(height)) {
        let size = (width, height);
        return Ok(Some(match fit {
            Some(Fit::Letterbox) => SizeRule::Letterbox { frame: size },
            _ => SizeRule::Fixed { landscape: size, portrait: size },
        }));
    }
    if !(is_symbolic(width) && is_symbolic(height)) {
        return Err(format!(
            "the input of the model is {} high and {} wide; both must be open, or 1 to 4096",
            height.word(),
            width.word()
        ));
    }
    let Some(size) = contract.size else { return Ok(None) };
    let multiple_of = contract.multiple_of.unwrap_or(1);
    Ok(Some(match (fit, contract.multiple_of) {
        (Some(Fit::Letterbox), _) => SizeRule::Letterbox { frame: size },
        (Some(Fit::Stretch), _) | (None, None) => SizeRule::Fixed { landscape: size, portrait: (size.1, size.0) },
        (Some(fit), _) => SizeRule::Scaled { size, multiple_of, fit },
        (None, Some(_)) => SizeRule::Scaled { size, multiple_of, fit: Fit::LowerBound },
    }))
}

#[cfg(test)]
mod tests {
    use super::super::OutputMeaning;
    use super::*;
    use crate::depth::onnx_header::tests::{model, model_answering, model_with_node};

    fn read(file: &[u8], given: &[(&str, &str)]) -> Result<ModelEntry> {
        let mut contract = Contract::default();
        for (key, value) in given {
            contract.set(key, value).unwrap();
        }
        entry(Path::new("m.onnx"), &OnnxHeader::parse(file).unwrap(), &contract, "00".into(), 10)
    }

    #[test]
    fn what_is_missing_is_said() {
        let error = read(&model(&[("x", &[1, 3, 0, 0])], None, &[]), &[]).unwrap_err().to_string();
        for word in ["m.onnx", "size=", "mean=", "output=", "preset="] {
            assert!(error.contains(word), "{error}");
        }
        let error = read(&model(&[("x", &[1, 3, 64, 64])], None, &[]), &[]).unwrap_err().to_string();
        assert!(!error.contains("size=") && error.contains("mean="), "{error}");
    }

    #[test]
    fn presets_notes_and_the_user_in_order() {
        let open = model(&[("x", &[0, 3, 0, 0])], None, &[("chiaro.preset", "midas-small"), ("chiaro.std", "1")]);
        let entry = read(&open, &[("output", "meters")]).unwrap();
        assert_eq!(entry.std, [1.0; 3]);
        assert_eq!((entry.mean, entry.output), ([0.485, 0.456, 0.406], OutputMeaning::MetricDepth));
        assert_eq!(entry.size, SizeRule::Scaled { size: (256, 256), multiple_of: 32, fit: Fit::UpperBound });
        assert_eq!((entry.license.as_str(), entry.noncommercial), ("MIT", false));
    }

    #[test]
    fn sizes_follow_graph_and_fit() {
        let rule = |sides: [u64; 2], keys: &[(&str, &str)]| {
            let file = model(&[("x", &[1, 3, sides[0], sides[1]])], None, &[]);
            let all =
                [("mean", "0"), ("std", "1"), ("output", "disparity")].iter().chain(keys).copied().collect::<Vec<_>>();
            read(&file, &all).unwrap().size
        };
        let stretched = SizeRule::Fixed { landscape: (256, 192), portrait: (256, 192) };
        assert_eq!(rule([192, 256], &[("preset", "dpt-large")]), stretched);
        assert_eq!(rule([192, 256], &[("fit", "letterbox")]), SizeRule::Letterbox { frame: (256, 192) });
        assert_eq!(
            rule([0, 0], &[("fit", "letterbox"), ("size", "320x256")]),
            SizeRule::Letterbox { frame: (320, 256) }
        );
        assert_eq!(
            rule([0, 0], &[("fit", "minimal"), ("size", "96"), ("multiple_of", "8")]),
            SizeRule::Scaled { size: (96, 96), multiple_of: 8, fit: Fit::Minimal }
        );
        let turned = SizeRule::Fixed { landscape: (640, 192), portrait: (192, 640) };
        assert_eq!(rule([0, 0], &[("preset", "lite-mono")]), turned);
    }

    #[test]
    fn batches_need_an_open_number_of_pictures() {
        let takes = |input: &[u64], output: &[u64]| {
            let known = [("size", "64"), ("mean", "0"), ("std", "1"), ("output", "disparity")];
            read(&model_answering(input, output), &known).map(|entry| entry.takes_batches)
        };
        assert!(takes(&[0, 3, 0, 0], &[0, 1, 0, 0]).unwrap());
        assert!(takes(&[0, 3, 64, 64], &[0, 64, 64]).unwrap());
        assert!(takes(&[0, 3, 0, 0], &[]).unwrap());
        assert!(!takes(&[1, 3, 0, 0], &[0, 1, 0, 0]).unwrap());
        assert!(!takes(&[0, 3, 0, 0], &[1, 1, 0, 0]).unwrap());
        assert!(!takes(&[0, 3, 64, 64], &[64, 64]).unwrap());
        let error = takes(&[4, 3, 0, 0], &[4, 1, 0, 0]).unwrap_err().to_string();
        assert!(error.contains("[4, 3, side, side]") && error.contains("batch of 1"), "{error}");
    }

    #[test]
    fn a_graph_that_normalizes_is_not_fed_twice() {
        let inputs: &[(&str, &[u64])] = &[("0", &[1, 3, 256, 256])];
        let entry = read(&model_with_node(inputs, "Sub"), &[("preset", "midas-small")]).unwrap();
        assert_eq!((entry.mean, entry.std), ([0.0; 3], [1.0; 3]));
        let entry = read(&model_with_node(inputs, "Conv"), &[("preset", "midas-small")]).unwrap();
        assert_eq!(entry.mean, [0.485, 0.456, 0.406]);
        let entry = read(&model_with_node(inputs, "Sub"), &[("preset", "midas-small"), ("mean", "0.5")]).unwrap();
        assert_eq!(entry.mean, [0.5; 3]);
    }

    #[test]
    fn licenses_are_understood() {
        let file = model(&[("x", &[1, 3, 0, 0])], None, &[]);
        for (preset, noncommercial) in [
            ("depth-anything-v2-small", false),
            ("depth-anything-v2-base", true),
            ("depth-anything-v2", false),
            ("depth-pro", true),
            ("midas-small", false),
        ] {
            assert_eq!(read(&file, &[("preset", preset)]).unwrap().noncommercial, noncommercial, "{preset}");
        }
        let given = [("preset", "depth-anything-v2"), ("license", "CC-BY-NC-SA-4.0")];
        assert!(read(&file, &given).unwrap().noncommercial);
        assert!(
            !is_noncommercial("Apache-2.0") && !is_noncommercial("ncurses") && is_noncommercial("for research only")
        );
        // A known file is known by its hash alone.
        let known = models::known().model("depth-anything-v2-small").unwrap();
        let sha256 = known.sha256.clone().unwrap();
        let header = OnnxHeader::parse(&file).unwrap();
        let entry = entry(Path::new("m.onnx"), &header, &Contract::default(), sha256, 10).unwrap();
        assert_eq!(
            (entry.license.as_str(), entry.input_size(Extent { width: 3, height: 2 })),
            ("Apache-2.0", (784, 518))
        );
    }

    #[test]
    fn inputs_that_are_no_picture_are_refused() {
        let preset = [("preset", "depth-anything-v2-small")];
        for shape in [&[1, 1, 8, 8][..], &[1, 3, 8], &[1, 3, 8, 100_000]] {
            assert!(read(&model(&[("x", shape)], None, &[]), &preset).is_err(), "{shape:?}");
        }
        assert!(read(&model(&[("a", &[1, 3, 8, 8]), ("b", &[1, 3, 8, 8])], None, &[]), &preset).is_err());
    }
}
