//! Depth models: what each expects, what it answers, how well its edges sit, what it costs and under which license.
//!
//! One model is built into the program. Others are known by id ([`shelf`]): those whose contract is published and those the user
//! has added. Any other is a file given by path: what its graph does not say ([`contract`]) must be given, and a missing piece is
//! reported before the first picture is read. Nothing is ever downloaded.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::join::JoinSettings;
use super::onnx_header::OnnxHeader;
use super::provider::Provider;
use super::reduce::Reduced;
use crate::error::{Error, Result};
use crate::picture::Extent;

mod add;
pub mod contract;
mod copies;
mod meaning;
pub mod shelf;
pub mod size;

pub use crate::recipe::contract::{ChannelOrder, OutputMeaning};
pub use add::{Added, Addition, Removed};
pub use contract::Contract;
pub use meaning::NEAREST_M;
pub use shelf::{Shelf, State, find, permit, user_folder};
pub use size::SizeRule;

/// Largest model file that is read, weights beside it included.
pub const MAX_MODEL_BYTES: u64 = 4 << 30;

/// The embedded model.
static CHIARO_SMALL: &[u8] = include_bytes!("../../data/models/chiaro-small/chiaro-small.onnx");
/// SHA-256 of the embedded model: part of every result's identity, so it must not cost a hash at start-up.
const CHIARO_SMALL_SHA256: &str = "612d1dde05e2a031f4e5c4a01850e8db5f00135a6f04feacf0aee3f684cd62a8";
/// The license of a model of which nobody said any.
const UNKNOWN: &str = "unknown";
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
    /// The license does not allow commercial use: see [`permit`].
    pub noncommercial: bool,
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
    /// Bytes of the file, and of the weights beside it.
    pub file_bytes: u64,
    /// Input and output leave the number of pictures open, so that several of one size may go through together.
    pub takes_batches: bool,
    /// Bytes of a loaded session at its usual size, one picture at a time.
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
            noncommercial: false,
            source: ModelSource::Embedded(CHIARO_SMALL),
            input_name: "image".into(),
            output_name: "disparity".into(),
            size: SizeRule::Fixed { landscape: (256, 192), portrait: (192, 256) },
            channels: ChannelOrder::Rgb,
            mean: [0.0; 3],
            std: [1.0; 3],
            output: OutputMeaning::RelativeDisparity,
            join: JoinSettings { edge_error_px: 2, q0: 0.01, q1: 0.04, lambda: 1.0 },
            file_bytes: CHIARO_SMALL.len() as u64,
            takes_batches: false,
            bytes: 76 << 20,
            measured: true,
        }
    }

    /// A model file. The contract is read from the graph and from notes the file carries (`chiaro.*` metadata); `given` has the last word.
    ///
    /// # Errors
    /// Input: the file cannot be read, is no ONNX model, refers to weights outside its folder, or is not understood: the message
    /// lists every missing piece and how to give it. Limit: it is larger than [`MAX_MODEL_BYTES`].
    pub fn from_file(path: &Path, given: &Contract) -> Result<Self> {
        let file = opened(path)?;
        contract::entry(path, &file.header, given, file.sha256, file.bytes)
    }

    /// The size (width, height) of the input tensor for a picture.
    pub fn input_size(&self, picture: Extent) -> (u32, u32) {
        self.frame(self.content_size(picture))
    }

    /// The size (width, height) to which a picture is reduced: [`ModelEntry::input_size`] without the borders of a letterbox.
    pub fn content_size(&self, picture: Extent) -> (u32, u32) {
        self.size.size(picture)
    }

    /// The size (width, height) of the input tensor for a picture reduced to `content`.
    pub fn frame(&self, content: (u32, u32)) -> (u32, u32) {
        self.size.frame(content)
    }

    /// The input tensor `[1, 3, height, width]` of a reduced picture, of size [`ModelEntry::frame`]. Borders hold the mean: 0.
    pub fn tensor(&self, reduced: &Reduced) -> Vec<f32> {
        let (w, h) = (reduced.width as usize, reduced.height as usize);
        let frame = self.frame((reduced.width, reduced.height));
        let (left, top) = size::borders(frame, (reduced.width, reduced.height));
        let (columns, rows) = (frame.0 as usize, frame.1 as usize);
        let order = match self.channels {
            ChannelOrder::Rgb => [0usize, 1, 2],
            ChannelOrder::Bgr => [2, 1, 0],
        };
        let mut tensor = vec![0.0; 3 * columns * rows];
        for (i, &channel) in order.iter().enumerate() {
            let normalized = |&v: &f32| (v - self.mean[i]) / self.std[i];
            let samples = reduced.rgb.get(channel * w * h..(channel + 1) * w * h).unwrap_or(&[]);
            for (y, line) in samples.chunks_exact(w.max(1)).enumerate() {
                let at = (i * rows + y + top as usize) * columns + left as usize;
                let to = tensor.iter_mut().skip(at).take(w);
                to.zip(line).for_each(|(to, from)| *to = normalized(from));
            }
        }
        tensor
    }

    /// The part of an answer of `size` = (width, height) that is the picture, at the `content` size to which it was reduced. Borders of
    /// a letterbox are gone before anybody sees them.
    pub fn map(&self, answer: &[f32], size: (u32, u32), content: (u32, u32)) -> Vec<f32> {
        match self.frame(content) {
            frame if frame == content => super::join::resample(answer, size, content),
            frame => size::content(answer, size, frame, content),
        }
    }

    /// Refuses an answer that cannot be a map of the input: what a graph without declared shapes says only when it runs.
    pub(super) fn check_answer(&self, answer: (u32, u32), input: (u32, u32)) -> Result<()> {
        let [(w, h), (columns, rows)] = [answer, input].map(|(w, h)| (u64::from(w.max(1)), u64::from(h.max(1))));
        // Half or twice the aspect is more than any rounding of sides does.
        if w * rows <= 2 * h * columns && h * columns <= 2 * w * rows {
            return Ok(());
        }
        Err(self.error(format!(
            "the model answers {}x{} values to a picture of {}x{}: this is no depth map but another kind of model, a classifier for example",
            answer.0, answer.1, input.0, input.1
        )))
    }

    /// All that decides which map this model draws, as one word: its bytes and its contract. Part of every result's identity.
    pub fn fingerprint(&self) -> String {
        if matches!(self.source, ModelSource::Embedded(_)) {
            return self.sha256.clone();
        }
        let contract = format!(
            "{} {:?} {:?} {:?} {:?} {:?} {:?}",
            self.output_name, self.size, self.channels, self.mean, self.std, self.output, self.join
        );
        format!("{}-{}", self.sha256, &blake3::hash(contract.as_bytes()).to_hex()[..16])
    }

    /// The path for messages.
    pub fn path(&self) -> PathBuf {
        match &self.source {
            ModelSource::Embedded(_) => format!("model {}", self.id).into(),
            ModelSource::File(path) => path.clone(),
        }
    }

    /// Bytes of a loaded session that runs up to `together` pictures at once: the weights stay what they are, what a picture takes grows with the
    /// number. A device has memory of its own for it.
    pub fn session_bytes(&self, provider: Provider, together: usize) -> u64 {
        let pictures = self.bytes.saturating_sub(contract::WEIGHT_COPIES * self.file_bytes);
        let more = if provider == Provider::Cpu { (together as u64).saturating_sub(1) } else { 0 };
        self.bytes.saturating_add(pictures.saturating_mul(more))
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

/// Whether a model is a file that refers to weights in files beside it; `false` where that cannot be read.
#[cfg(feature = "onnx")]
pub(super) fn has_weights_beside(source: &ModelSource) -> bool {
    let ModelSource::File(path) = source else { return false };
    let header = read_limited(path, MAX_MODEL_BYTES).ok().and_then(|file| OnnxHeader::parse(&file).ok());
    header.is_some_and(|header| !header.external_files.is_empty())
}

/// SHA-256 of a model file and the weights it refers to, in their order; hexadecimal digits.
///
/// # Errors
/// As [`ModelEntry::from_file`], but for a contract that is not understood.
pub fn file_sha256(path: &Path) -> Result<String> {
    opened(path).map(|file| file.sha256)
}

/// A model file that was read whole.
struct Opened {
    header: OnnxHeader,
    /// Of the file and its weights, in the order the file names them.
    sha256: String,
    /// Size of the file and its weights.
    bytes: u64,
}

/// Reads a model file and the weights beside it.
fn opened(path: &Path) -> Result<Opened> {
    let file = read_limited(path, MAX_MODEL_BYTES)?;
    let header = OnnxHeader::parse(&file).map_err(|reason| Error::input(path, format!("the model {reason}")))?;
    let mut hash = Sha256::new();
    hash.update(&file);
    let mut bytes = file.len() as u64;
    drop(file);
    for name in &header.external_files {
        let weights = read_limited(&beside(path, name)?, MAX_MODEL_BYTES.saturating_sub(bytes))?;
        let needed = header.external_ends.get(name).copied().unwrap_or(0);
        if (weights.len() as u64) < needed {
            let reason = format!(
                "its weights {name:?} are too short: {} bytes, the model needs {needed}; fetch or export both again",
                weights.len()
            );
            return Err(Error::input(path, reason));
        }
        hash.update(&weights);
        bytes += weights.len() as u64;
    }
    Ok(Opened { header, sha256: hex(&hash.finalize()), bytes })
}

/// A weights file below the model's folder, links resolved.
fn beside(model: &Path, name: &str) -> Result<PathBuf> {
    let folder = model.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = folder.join(name);
    let missing =
        |error| Error::input(model, format!("its weights {name:?} belong beside it and cannot be read: {error}"));
    let real = file.canonicalize().map_err(missing)?;
    let real_folder = folder.canonicalize().map_err(|error| Error::input(folder, error))?;
    if real.starts_with(real_folder) {
        return Ok(real);
    }
    Err(Error::input(model, format!("the model refers to weights outside its own folder: {name:?}")))
}

fn read_limited(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let metadata = std::fs::metadata(path).map_err(|error| Error::input(path, error))?;
    if !metadata.is_file() {
        return Err(Error::input(path, "this is no file; an .onnx file is needed"));
    }
    let size = metadata.len();
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
        assert_eq!(entry.takes_batches, header.inputs[0].shape.iter().flatten().take(1).all(contract::is_symbolic));
        // Open sides: one graph for wide and tall pictures.
        assert!(header.inputs[0].shape.iter().flatten().skip(2).all(contract::is_symbolic));
        assert_eq!(entry.input_size(Extent { width: 6000, height: 4000 }), (256, 192));
        assert_eq!(entry.input_size(Extent { width: 4000, height: 6000 }), (192, 256));
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

    #[test]
    fn letterboxes_are_filled_with_the_mean_and_cut_off() {
        let entry = ModelEntry {
            size: SizeRule::Letterbox { frame: (4, 3) },
            mean: [0.25; 3],
            std: [0.5; 3],
            ..ModelEntry::embedded()
        };
        assert_eq!(entry.content_size(Extent { width: 400, height: 100 }), (4, 1));
        assert_eq!(entry.input_size(Extent { width: 400, height: 100 }), (4, 3));
        let rgb = vec![0.25, 0.75, 0.25, 0.75, 0.5, 0.5, 0.5, 0.5, 1.0, 1.0, 1.0, 1.0];
        let reduced = Reduced { width: 4, height: 1, rgb, guide: vec![0.5; 4], guide_squared: vec![0.25; 4] };
        let tensor = entry.tensor(&reduced);
        assert_eq!(tensor[..12], [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(tensor[24..], [0.0, 0.0, 0.0, 0.0, 1.5, 1.5, 1.5, 1.5, 0.0, 0.0, 0.0, 0.0]);
        let answer: Vec<f32> = (0..12).map(|v| v as f32).collect();
        assert_eq!(entry.map(&answer, (4, 3), (4, 1)), [4.0, 5.0, 6.0, 7.0]);
    }

    #[test]
    fn answers_have_the_aspect_of_their_question() {
        let entry = ModelEntry::embedded();
        for (answer, ok) in
            [((256, 192), true), ((128, 96), true), ((63, 48), true), ((1000, 1), false), ((1, 1000), false)]
        {
            assert_eq!(entry.check_answer(answer, (256, 192)).is_ok(), ok, "{answer:?}");
        }
    }

    #[test]
    fn the_fingerprint_knows_the_contract() {
        let file = ModelEntry { source: ModelSource::File("m.onnx".into()), ..ModelEntry::embedded() };
        let other = ModelEntry { mean: [0.5; 3], ..file.clone() };
        assert_ne!(file.fingerprint(), other.fingerprint());
        assert_eq!(ModelEntry::embedded().fingerprint(), CHIARO_SMALL_SHA256);
        assert_eq!(ModelEntry { id: "x".into(), name: "y".into(), ..file.clone() }.fingerprint(), file.fingerprint());
    }
}
