//! What must be known to run a model that is not built in: the part its graph says, and the part that somebody must give.

use std::path::Path;

use super::{ChannelOrder, ModelEntry, ModelSource, OutputMeaning, SizeRule};
use crate::depth::join::JoinSettings;
use crate::depth::onnx_header::{Dimension, FLOAT, OnnxHeader};
use crate::error::{Error, Result};

/// Prefix of the notes a model file may carry in its own metadata.
const NOTE_PREFIX: &str = "chiaro.";
/// Keys of a contract.
const KEYS: [&str; 10] =
    ["preset", "size", "multiple-of", "channels", "mean", "std", "output", "edge-error-px", "license", "name"];
/// Mean and deviation of ImageNet's training set per channel, which most vision networks expect
/// (<https://pytorch.org/vision/stable/models.html>).
const IMAGENET: ([f32; 3], [f32; 3]) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
/// A loaded session keeps its weights, often twice (as read and as packed for the kernels) ...
const WEIGHT_COPIES: u64 = 2;
/// ... and activations, here per input pixel: a guess, corrected by measurement after the first run.
const ACTIVATION_BYTES: u64 = 1024;

/// What is given about a model beside its graph; later sources overwrite earlier ones: family preset, notes of the file, user.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Contract {
    /// A known family: `depth-anything-v2` or `midas-small`.
    pub preset: Option<Family>,
    /// Input size (width, height), or the short side with `multiple_of`.
    pub size: Option<(u32, u32)>,
    /// The picture's aspect is kept and both sides are multiples of this.
    pub multiple_of: Option<u32>,
    /// Order of the color planes; RGB when nobody says otherwise.
    pub channels: Option<ChannelOrder>,
    /// Mean per channel.
    pub mean: Option<[f32; 3]>,
    /// Deviation per channel, above 0.
    pub std: Option<[f32; 3]>,
    /// What the output means.
    pub output: Option<OutputMeaning>,
    /// See [`JoinSettings::edge_error_px`]; 1 when nobody says otherwise.
    pub edge_error_px: Option<u32>,
    /// SPDX expression of the weights.
    pub license: Option<String>,
    /// Name for people.
    pub name: Option<String>,
}

/// Families of models whose contract is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Depth Anything V2, relative models (<https://github.com/DepthAnything/Depth-Anything-V2>): short side 518, multiples of 14.
    DepthAnythingV2,
    /// MiDaS v2.1 small (<https://github.com/isl-org/MiDaS>): short side 256, multiples of 32.
    MidasSmall,
}

impl Contract {
    /// Sets one key from text: `preset`, `size` (`518` or `256x192`), `multiple-of`, `channels` (`rgb`, `bgr`), `mean` and `std` (one
    /// or three numbers), `output` (`disparity`, `meters`), `edge-error-px` (0..2), `license`, `name`.
    ///
    /// # Errors
    /// The reason, with the allowed values.
    pub fn set(&mut self, key: &str, value: &str) -> std::result::Result<(), String> {
        let value = value.trim();
        match key {
            "preset" => {
                self.preset = Some(match value {
                    "depth-anything-v2" => Family::DepthAnythingV2,
                    "midas-small" => Family::MidasSmall,
                    _ => return Err(format!("preset is {value:?}, allowed: depth-anything-v2, midas-small")),
                });
            }
            "size" => {
                let (width, height) = value.split_once('x').unwrap_or((value, value));
                self.size = Some((side("size", width)?, side("size", height)?));
            }
            "multiple-of" => self.multiple_of = Some(side("multiple-of", value)?),
            "channels" => {
                self.channels = Some(match value {
                    "rgb" => ChannelOrder::Rgb,
                    "bgr" => ChannelOrder::Bgr,
                    _ => return Err(format!("channels is {value:?}, allowed: rgb, bgr")),
                });
            }
            "mean" => self.mean = Some(triple("mean", value, |v| v.is_finite())?),
            "std" => self.std = Some(triple("std", value, |v| v.is_finite() && v > 0.0)?),
            "output" => {
                self.output = Some(match value {
                    "disparity" => OutputMeaning::RelativeDisparity,
                    "meters" => OutputMeaning::MetricDepth,
                    _ => return Err(format!("output is {value:?}, allowed: disparity, meters")),
                });
            }
            "edge-error-px" => {
                let error = value.parse().ok().filter(|px| *px <= 2);
                self.edge_error_px = Some(error.ok_or(format!("edge-error-px is {value:?}, allowed: 0, 1, 2"))?);
            }
            "license" => self.license = Some(value.into()),
            "name" => self.name = Some(value.into()),
            _ => return Err(format!("unknown key {key:?}, known: {}", KEYS.join(", "))),
        }
        Ok(())
    }

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
            if let Some(key) = key.strip_prefix(NOTE_PREFIX).filter(|key| KEYS.contains(key)) {
                contract.set(key, value).map_err(|reason| format!("the model's own note is wrong: {reason}"))?;
            }
        }
        Ok(contract)
    }
}

fn side(what: &str, text: &str) -> std::result::Result<u32, String> {
    text.parse()
        .ok()
        .filter(|side| (1..=4096).contains(side))
        .ok_or_else(|| format!("{what} is {text:?}, allowed: 1 to 4096 pixels"))
}

fn triple(what: &str, text: &str, allowed: impl Fn(f32) -> bool) -> std::result::Result<[f32; 3], String> {
    let numbers: Vec<f32> =
        text.split([' ', ',']).filter(|part| !part.is_empty()).filter_map(|part| part.parse().ok()).collect();
    let numbers = match numbers[..] {
        [one] => Some([one; 3]),
        [a, b, c] => Some([a, b, c]),
        _ => None,
    };
    numbers
        .filter(|numbers| numbers.iter().all(|&v| allowed(v)))
        .ok_or_else(|| format!("{what} is {text:?}, allowed: one or three finite numbers (std above 0)"))
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
    if input.element_type != FLOAT || matches!(channels, Dimension::Fixed(count) if *count != 3) {
        return Err(fail(format!(
            "the input of a depth model is f32 [1, 3, height, width], here it is {shape:?} of type {}",
            input.element_type
        )));
    }
    let size = size_rule(width, height, &contract).map_err(fail)?;
    let missing = [
        (size.is_none(), "size=<side or WIDTHxHEIGHT> (and multiple-of=<n> to keep the picture's aspect)"),
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
            "the graph does not say how this depth model is to be used; give preset=depth-anything-v2, preset=midas-small, or {}",
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

    #[test]
    fn bad_values_name_what_is_allowed() {
        let mut contract = Contract::default();
        for (key, value) in [
            ("size", "0"),
            ("size", "9x"),
            ("std", "0"),
            ("mean", "1,2"),
            ("output", "x"),
            ("edge-error-px", "3"),
            ("k", ""),
        ] {
            let error = contract.set(key, value).unwrap_err();
            assert!(error.contains("allowed") || error.contains("known"), "{error}");
        }
        assert_eq!(contract, Contract::default());
    }
}
