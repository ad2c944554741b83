//! What must be known to run a model that is not built in: the part its graph says, and the part that somebody must give.

use std::path::Path;

use super::{ChannelOrder, ModelEntry, ModelSource, OutputMeaning, SizeRule};
use crate::depth::join::JoinSettings;
use crate::depth::onnx_header::{Dimension, FLOAT, FLOAT16, OnnxHeader};
use crate::error::{Error, Result};
pub use crate::recipe::contract::{Contract, Family};

/// Prefix of the notes a model file may carry in its own metadata.
const NOTE_PREFIX: &str = "chiaro.";
/// Mean and deviation of ImageNet's training set per channel, which most vision networks expect
/// (<https://pytorch.org/vision/stable/models.html>).
const IMAGENET: ([f32; 3], [f32; 3]) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
/// A loaded session keeps its weights, often twice (as read and as packed for the kernels) ...
const WEIGHT_COPIES: u64 = 2;
/// ... and activations, here per input pixel: a guess, corrected by measurement after the first run.
const ACTIVATION_BYTES: u64 = 1024;

impl Contract {
    /// `self` where it says something, else `other`.
    fn or(self, other: Self) -> Self {
        Self {
            preset: self.preset.or(other.preset),
            size: self.size.or(other.size),
            multiple_of: self.multiple_of.or(other.multiple_of),
            channels: self.channels.or(other.channels),
            mean: self.mean.or(other.mean),
            std: self.std.or(other.std),
            output: self.output.or(other.output),
            edge_error_px: self.edge_error_px.or(other.edge_error_px),
            license: self.license.or(other.license),
            name: self.name.or(other.name),
        }
    }

    fn of_family(family: Family) -> Self {
        let (size, multiple) = match family {
            Family::DepthAnythingV2 => (518, 14),
            Family::MidasSmall => (256, 32),
        };
        Self {
            size: Some((size, size)),
            multiple_of: Some(multiple),
            mean: Some(IMAGENET.0),
            std: Some(IMAGENET.1),
            output: Some(OutputMeaning::RelativeDisparity),
            edge_error_px: Some(0),
            ..Self::default()
        }
    }

    /// The notes of a model file.
    fn of_notes(header: &OnnxHeader) -> std::result::Result<Self, String> {
        let mut contract = Self::default();
        for (key, value) in &header.metadata {
            if let Some(key) = key.strip_prefix(NOTE_PREFIX).filter(|key| Self::knows(key)) {
                contract.set(key, value).map_err(|reason| format!("the model's own note is wrong: {reason}"))?;
            }
        }
        Ok(contract)
    }
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
    let notes = Contract::of_notes(header).map_err(fail)?;
    let mut contract = given.clone().or(notes);
    if let Some(family) = contract.preset {
        contract = contract.or(Contract::of_family(family));
    }
    let [input] = &header.inputs[..] else {
        return Err(fail(format!("a depth model has one input, this one has {}", header.inputs.len())));
    };
    let shape = input.shape.as_deref().unwrap_or(&[]);
    let [_, channels, height, width] = shape else {
        return Err(fail(format!("the input of a depth model is [1, 3, height, width], here it is {shape:?}")));
    };
    if ![FLOAT, FLOAT16].contains(&input.element_type) || matches!(channels, Dimension::Fixed(count) if *count != 3) {
        return Err(fail(format!(
            "the input of a depth model is f32 or f16 [1, 3, height, width], here it is {shape:?} of type {}",
            input.element_type
        )));
    }
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
             depth.KEY=VALUE, preset=depth-anything-v2, preset=midas-small, or {}",
            missing.join("; ")
        )));
    };
    let output_name = header.outputs.first().map(|output| output.name.clone()).unwrap_or_default();
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let (width, height) = size.size(crate::picture::Extent { width: 3, height: 2 });
    let edge_error_px = contract.edge_error_px.unwrap_or(1);
    let crisp = JoinSettings::default();
    Ok(ModelEntry {
        name: contract.name.unwrap_or_else(|| stem.clone()),
        id: stem,
        sha256,
        license: contract.license.unwrap_or_else(|| "unknown".into()),
        source: ModelSource::File(path.into()),
        input_name: input.name.clone(),
        output_name,
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
    let either = !is_symbolic(width) || !is_symbolic(height);
    if let (Some(width), Some(height)) = (fixed(width), fixed(height)) {
        if contract.multiple_of.is_none() && contract.size.is_some_and(|size| size != (width, height)) {
            return Err(format!("size is given, but the graph has the fixed size {width}x{height}"));
        }
        return Ok(Some(SizeRule::Fixed { landscape: (width, height), portrait: (width, height) }));
    }
    if either {
        return Err(format!(
            "the sides of the model's input are {height:?} and {width:?}; both must be open, or 1 to 4096"
        ));
    }
    Ok(match (contract.size, contract.multiple_of) {
        (Some((width, height)), Some(multiple_of)) => {
            let short_side = width.min(height);
            Some(SizeRule::Scaled { short_side, multiple_of, longest_side: short_side * 2 })
        }
        (Some(size), None) => Some(SizeRule::Fixed { landscape: size, portrait: (size.1, size.0) }),
        (None, _) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::depth::onnx_header::tests::model;

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
        assert_eq!((entry.mean, entry.output), (IMAGENET.0, OutputMeaning::MetricDepth));
        assert_eq!(entry.size, SizeRule::Scaled { short_side: 256, multiple_of: 32, longest_side: 512 });
    }

    #[test]
    fn inputs_that_are_no_picture_are_refused() {
        let preset = [("preset", "depth-anything-v2")];
        for shape in [&[1, 1, 8, 8][..], &[1, 3, 8], &[1, 3, 8, 100_000]] {
            assert!(read(&model(&[("x", shape)], None, &[]), &preset).is_err(), "{shape:?}");
        }
        assert!(read(&model(&[("a", &[1, 3, 8, 8]), ("b", &[1, 3, 8, 8])], None, &[]), &preset).is_err());
    }
}
