//! Depth models: what each expects, what it answers, how well its edges sit, what it costs and under which license.
//!
//! One model is built into the program. Any other is a file given by path: what its graph does not say ([`contract`]) must be given,
//! and a missing piece is reported before the first picture is read.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::join::JoinSettings;
use super::onnx_header::OnnxHeader;
use super::reduce::Reduced;
use crate::error::{Error, Result};
use crate::picture::Extent;

pub mod contract;
pub use crate::recipe::contract::{ChannelOrder, OutputMeaning};
pub use contract::Contract;

/// Largest model file that is read, weights beside it included.
pub const MAX_MODEL_BYTES: u64 = 4 << 30;

/// The embedded model.
static CHIARO_SMALL: &[u8] = include_bytes!("../../data/models/chiaro-small/chiaro-small.onnx");
/// SHA-256 of the embedded model: part of every result's identity, so it must not cost a hash at start-up.
const CHIARO_SMALL_SHA256: &str = "6a91b3500cf1241ba520df859fb2c412a6f5e7377e253fbb424c4d180cec06cb";
/// Id of the embedded model.
pub const EMBEDDED: &str = "chiaro-small";

/// Where a model's bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelSource {
    /// Inside the program.
    Embedded(&'static [u8]),
    /// An ONNX file.
    File(PathBuf),
}

/// Which sizes a model may be run at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SizeRule {
    /// One size (width, height) for wide pictures, one for tall ones; the picture is stretched to it.
    Fixed {
        /// For pictures at least as wide as high.
        landscape: (u32, u32),
        /// For pictures higher than wide.
        portrait: (u32, u32),
    },
    /// The picture's aspect at a given short side, both sides rounded to a multiple.
    Scaled {
        /// Short side in pixels.
        short_side: u32,
        /// Both sides are multiples of this, at least 1.
        multiple_of: u32,
        /// Longest long side in pixels; wider pictures are squeezed.
        longest_side: u32,
    },
}

impl SizeRule {
    /// The input size (width, height) for a picture.
    pub fn size(&self, picture: Extent) -> (u32, u32) {
        match *self {
            Self::Fixed { landscape, portrait } => {
                if picture.height > picture.width {
                    portrait
                } else {
                    landscape
                }
            }
            Self::Scaled { short_side, multiple_of, longest_side } => {
                let multiple = multiple_of.max(1);
                let round = |side: f64| ((side / f64::from(multiple)).round() as u32).max(1) * multiple;
                let longest = (longest_side / multiple).max(1) * multiple;
                let short = f64::from(picture.width.min(picture.height).max(1));
                let scale = f64::from(short_side) / short;
                let side = |pixels: u32| round(f64::from(pixels) * scale).min(longest);
                (side(picture.width), side(picture.height))
            }
        }
    }
}

/// Everything Chiaro knows about a model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelEntry {
    /// Short name in recipes and reports.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// SHA-256 of the file (and of its weights files after it, in the order the model names them), in hexadecimal.
    pub sha256: String,
    /// SPDX expression of the weights, or "unknown".
    pub license: String,
    /// Where the bytes are.
    pub source: ModelSource,
    /// Name of the input tensor, `[1, 3, height, width]` f32.
    pub input_name: String,
    /// Name of the output that is read.
    pub output_name: String,
    /// Sizes it may be run at.
    pub size: SizeRule,
    /// Order of the color planes.
    pub channels: ChannelOrder,
    /// Subtracted from the sRGB-encoded 0..1 samples, per channel in the model's order.
    pub mean: [f32; 3],
    /// Divides what is left, per channel in the model's order.
    pub std: [f32; 3],
    /// What the output means.
    pub output: OutputMeaning,
    /// Constants of the join, `edge_error_px` among them.
    pub join: JoinSettings,
    /// Bytes of a loaded session at its usual size: what the budget is charged.
    pub bytes: u64,
    /// `bytes` was measured for this model; otherwise it is a guess from the file's size, corrected after the first run.
    pub measured: bool,
}

impl ModelEntry {
    /// The model inside the program. Input: RGB, sRGB-encoded 0..1, 256x192 or 192x256. Its edges are soft and up to two of its
    /// pixels off; it places things in distance for haze, zones and grading, and is no measurement.
    pub fn embedded() -> Self {
        Self {
            id: EMBEDDED.into(),
            name: "Chiaro small (embedded)".into(),
            sha256: CHIARO_SMALL_SHA256.into(),
            license: "MIT OR Apache-2.0".into(),
            source: ModelSource::Embedded(CHIARO_SMALL),
            input_name: "image".into(),
            output_name: "disparity".into(),
            size: SizeRule::Fixed { landscape: (256, 192), portrait: (192, 256) },
            channels: ChannelOrder::Rgb,
            mean: [0.0; 3],
            std: [1.0; 3],
            output: OutputMeaning::RelativeDisparity,
            join: JoinSettings { edge_error_px: 2, q0: 0.01, q1: 0.04, lambda: 1.0 },
            bytes: 48 << 20,
            measured: true,
        }
    }

    /// A model file. The contract is read from the graph and from notes the file carries (`chiaro.*` metadata); `given` has the last word.
    ///
    /// # Errors
    /// Input: the file cannot be read, is no ONNX model, refers to weights outside its folder, or is not understood: the message
    /// lists every missing piece and how to give it. Limit: it is larger than [`MAX_MODEL_BYTES`].
    pub fn from_file(path: &Path, given: &Contract) -> Result<Self> {
        let file = read_limited(path, MAX_MODEL_BYTES)?;
        let header = OnnxHeader::parse(&file).map_err(|reason| Error::input(path, format!("the model {reason}")))?;
        let mut hash = Sha256::new();
        hash.update(&file);
        let mut bytes = file.len() as u64;
        for name in &header.external_files {
            let weights = read_limited(&beside(path, name)?, MAX_MODEL_BYTES - bytes.min(MAX_MODEL_BYTES))?;
            hash.update(&weights);
            bytes += weights.len() as u64;
        }
        contract::entry(path, &header, given, hex(&hash.finalize()), bytes)
    }

    /// The size (width, height) at which a picture is fed.
    pub fn input_size(&self, picture: Extent) -> (u32, u32) {
        self.size.size(picture)
    }

    /// The input tensor `[1, 3, height, width]` of a reduced picture.
    pub fn tensor(&self, reduced: &Reduced) -> Vec<f32> {
        let plane = reduced.width as usize * reduced.height as usize;
        let order = match self.channels {
            ChannelOrder::Rgb => [0usize, 1, 2],
            ChannelOrder::Bgr => [2, 1, 0],
        };
        let mut tensor = Vec::with_capacity(3 * plane);
        for (i, &channel) in order.iter().enumerate() {
            let samples = reduced.rgb.get(channel * plane..(channel + 1) * plane).unwrap_or(&[]);
            tensor.extend(samples.iter().map(|&v| (v - self.mean[i]) / self.std[i]));
        }
        tensor
    }

    /// The path for messages.
    pub fn path(&self) -> PathBuf {
        match &self.source {
            ModelSource::Embedded(_) => format!("model {}", self.id).into(),
            ModelSource::File(path) => path.clone(),
        }
    }

    /// Bytes of the model itself, for engines that cannot tell; weights in other files are not counted.
    #[cfg(feature = "onnx")]
    pub(super) fn file_bytes(&self) -> u64 {
        match &self.source {
            ModelSource::Embedded(bytes) => bytes.len() as u64,
            ModelSource::File(path) => std::fs::metadata(path).map_or(0, |metadata| metadata.len()),
        }
    }

    /// An error about this model.
    pub(super) fn error(&self, reason: impl std::fmt::Display) -> Error {
        Error::input(self.path(), reason)
    }

    /// Checks the bytes against the recorded hash, for `models verify`.
    ///
    /// # Errors
    /// Input: unreadable, or not the bytes the entry was made from.
    pub fn verify(&self) -> Result<()> {
        let actual = match &self.source {
            ModelSource::Embedded(bytes) => hex(&Sha256::digest(bytes)),
            ModelSource::File(path) => file_sha256(path)?,
        };
        if actual == self.sha256 {
            return Ok(());
        }
        Err(self.error(format!("the model has changed: SHA-256 is {actual}, expected {}", self.sha256)))
    }
}

/// SHA-256 of a model file and the weights it refers to, in their order; hexadecimal digits.
///
/// # Errors
/// As [`ModelEntry::from_file`], but for a contract that is not understood.
pub fn file_sha256(path: &Path) -> Result<String> {
    let file = read_limited(path, MAX_MODEL_BYTES)?;
    let header = OnnxHeader::parse(&file).map_err(|reason| Error::input(path, format!("the model {reason}")))?;
    let mut hash = Sha256::new();
    hash.update(&file);
    for name in &header.external_files {
        hash.update(read_limited(&beside(path, name)?, MAX_MODEL_BYTES)?);
    }
    Ok(hex(&hash.finalize()))
}

/// All models that can be named in a recipe without a path.
pub fn builtin() -> Vec<ModelEntry> {
    vec![ModelEntry::embedded()]
}

/// The model of a recipe: an id of [`builtin`], or else a path to an ONNX file (relative to `folder`).
///
/// # Errors
/// As [`ModelEntry::from_file`]; an id that is unknown lists the known ones; Recipe when a contract is given for a built-in model.
pub fn find(name: &str, folder: &Path, given: &Contract) -> Result<ModelEntry> {
    if let Some(entry) = builtin().into_iter().find(|entry| entry.id == name) {
        if let Some((key, _)) = given.values().first() {
            let reason = format!("model {name:?} is built in and all about it is known: {key} is for .onnx files");
            return Err(Error::recipe("[depth]", 0, reason));
        }
        return Ok(entry);
    }
    let path = folder.join(name);
    if path.extension().is_none() && !path.exists() {
        let known: Vec<String> = builtin().into_iter().map(|entry| entry.id).collect();
        return Err(Error::Environment(format!(
            "there is no depth model {name:?}: give a built-in one ({}) or the path of an .onnx file",
            known.join(", ")
        )));
    }
    ModelEntry::from_file(&path, given)
}

/// A weights file below the model's folder, links resolved.
fn beside(model: &Path, name: &str) -> Result<PathBuf> {
    let folder = model.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = folder.join(name);
    let resolve = |path: &Path| path.canonicalize().map_err(|error| Error::input(path, error));
    let (real, real_folder) = (resolve(&file)?, resolve(folder)?);
    if real.starts_with(real_folder) {
        return Ok(real);
    }
    Err(Error::input(model, format!("the model refers to weights outside its own folder: {name:?}")))
}

fn read_limited(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let size = std::fs::metadata(path).map_err(|error| Error::input(path, error))?.len();
    if size > limit {
        return Err(Error::Limit { path: path.into(), what: "bytes of a depth model", value: size, limit });
    }
    std::fs::read(path).map_err(|error| Error::input(path, error))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_model_is_the_one_described() {
        let entry = ModelEntry::embedded();
        entry.verify().unwrap();
        let header = OnnxHeader::parse(CHIARO_SMALL).unwrap();
        assert_eq!(header.inputs.len(), 1);
        assert_eq!((&header.inputs[0].name, &header.outputs[0].name), (&entry.input_name, &entry.output_name));
        // Open sides: one graph for wide and tall pictures.
        assert!(header.inputs[0].shape.iter().flatten().skip(2).all(contract::is_symbolic));
        assert_eq!(entry.input_size(Extent { width: 6000, height: 4000 }), (256, 192));
        assert_eq!(entry.input_size(Extent { width: 4000, height: 6000 }), (192, 256));
    }

    #[test]
    fn scaled_sizes_keep_the_aspect_and_the_multiple() {
        let rule = SizeRule::Scaled { short_side: 518, multiple_of: 14, longest_side: 1036 };
        assert_eq!(rule.size(Extent { width: 6000, height: 4000 }), (784, 518));
        assert_eq!(rule.size(Extent { width: 100, height: 100 }), (518, 518));
        assert_eq!(rule.size(Extent { width: 100, height: 100_000 }), (518, 1036));
    }

    #[test]
    fn tensors_follow_order_mean_and_deviation() {
        let reduced =
            Reduced { width: 1, height: 1, rgb: vec![0.25, 0.5, 0.75], guide: vec![0.5], guide_squared: vec![0.25] };
        let entry = ModelEntry {
            channels: ChannelOrder::Bgr,
            mean: [0.25, 0.0, 0.0],
            std: [0.5, 1.0, 1.0],
            ..ModelEntry::embedded()
        };
        assert_eq!(entry.tensor(&reduced), [1.0, 0.5, 0.25]);
    }
}
