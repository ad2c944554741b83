//! The two programs that run a model, behind one trait: rten, built in, and ONNX Runtime, loaded from a shared library when it is
//! there (about twice as fast). Which one ran is part of every result's identity and of every report; none is ever replaced by the
//! other silently.

use std::path::PathBuf;

use super::provider::Provider;
use super::registry::ModelEntry;
use crate::error::{Error, Result};

/// Which engine is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum EngineChoice {
    /// ONNX Runtime where a library is found, else rten.
    #[default]
    Auto,
    /// The built-in engine.
    Rten,
    /// ONNX Runtime: from this library file or folder, or from where it is usually found. An error when it cannot be loaded.
    Ort(Option<PathBuf>),
}

/// What ran: for reports, and for the identity of results.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct EngineInfo {
    /// `rten` or `onnxruntime`.
    pub engine: String,
    /// Version of the engine.
    pub version: String,
    /// Execution provider: `cpu`, or see [`Provider`].
    pub provider: String,
}

impl std::fmt::Display for EngineInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} ({})", self.engine, self.version, self.provider)
    }
}

/// One loaded model at one input size.
pub trait Inference: Send {
    /// Runs the model on `input`, `[1, 3, height, width]` in NCHW order, and replaces the content of `output` by the map, row by
    /// row. Returns the map's (width, height).
    ///
    /// # Errors
    /// Input: the model does not run, or its answer is no map of f32.
    fn run(&mut self, input: &[f32], output: &mut Vec<f32>) -> Result<(u32, u32)> {
        self.run_batch(1, input, output)
    }

    /// Runs the model on `count` pictures, `[count, 3, height, width]`, and replaces the content of `output` by their maps, one after the other.
    /// Returns the (width, height) of each. More than one only where [`ModelEntry::takes_batches`].
    ///
    /// # Errors
    /// As [`run`](Self::run).
    fn run_batch(&mut self, count: usize, input: &[f32], output: &mut Vec<f32>) -> Result<(u32, u32)>;

    /// What runs it.
    fn describe(&self) -> EngineInfo;

    /// Bytes of weights it is known to keep; what it needs beside them is the registry's figure.
    fn bytes(&self) -> u64;
}

/// The engine a choice came down to, ready to load models.
pub struct Engine {
    kind: Kind,
    info: EngineInfo,
    notes: Vec<String>,
    threads: usize,
    providers: Vec<Provider>,
    /// Where what is made of models is kept.
    #[cfg(feature = "onnx")]
    compiled: Option<PathBuf>,
}

enum Kind {
    #[cfg(feature = "onnx")]
    Rten(super::rten::Pools),
    #[cfg(feature = "onnx")]
    Ort(super::ort::Library),
}

impl Engine {
    /// As [`resolve_on`](Self::resolve_on), on the CPU.
    ///
    /// # Errors
    /// As there.
    pub fn resolve(choice: &EngineChoice, threads: usize) -> Result<Self> {
        Self::resolve_on(choice, Provider::Cpu, threads)
    }

    /// Settles the choice. `threads` is the number of threads of one inference, at least 1. Results do not depend on it. A provider other than
    /// the CPU means ONNX Runtime.
    ///
    /// # Errors
    /// Environment: ONNX Runtime was asked for, by the choice, the provider or by `ORT_DYLIB_PATH`, and cannot be loaded; the library does not
    /// have the provider, or the built-in engine was asked for one; or this build has no engine at all.
    #[cfg(feature = "onnx")]
    pub fn resolve_on(choice: &EngineChoice, provider: Provider, threads: usize) -> Result<Self> {
        let threads = threads.max(1);
        let mut notes = Vec::new();
        let choice = match choice {
            EngineChoice::Rten if provider != Provider::Cpu => {
                return Err(Error::Environment(format!(
                    "the built-in engine computes on the CPU: use --provider cpu, or --inference ort for {}",
                    provider.name()
                )));
            }
            EngineChoice::Auto if provider != Provider::Cpu => &EngineChoice::Ort(None),
            choice => choice,
        };
        let library = match choice {
            EngineChoice::Rten => None,
            EngineChoice::Ort(path) => Some(super::ort::Library::load(path.as_deref(), &mut notes)?),
            EngineChoice::Auto => super::ort::Library::find(&mut notes)?,
        };
        let (kind, info, providers) = match library {
            Some(library) => {
                let providers = library.providers();
                let library = library.on(provider)?;
                let info = library.info();
                (Kind::Ort(library), info, providers)
            }
            None => (Kind::Rten(super::rten::Pools::new(threads)), super::rten::info(), vec![Provider::Cpu]),
        };
        Ok(Self { kind, info, notes, threads, providers, compiled: None })
    }

    /// This build has no engine.
    ///
    /// # Errors
    /// Always Environment.
    #[cfg(not(feature = "onnx"))]
    pub fn resolve_on(_choice: &EngineChoice, _provider: Provider, _threads: usize) -> Result<Self> {
        Err(Error::Environment(
            "this build of chiaro runs no depth models (feature `onnx` is off): give depth with the pictures".into(),
        ))
    }

    /// Whether it makes something of models that can be kept: see [`keeping`](Self::keeping).
    pub fn keeps(&self) -> bool {
        self.library().is_some() && Provider::named(&self.info.provider).is_some_and(Provider::compiles)
    }

    /// The same, with a folder in which ONNX Runtime keeps the graphs it has optimized for the CPU, and providers that compile models (TensorRT,
    /// Core ML, OpenVINO) what they have made. Each model (and input size, where that matters) gets a folder of its own below it.
    #[cfg(feature = "onnx")]
    pub fn keeping(self, compiled: Option<PathBuf>) -> Self {
        Self { compiled, ..self }
    }

    /// This build has no engine: nothing is compiled.
    #[cfg(not(feature = "onnx"))]
    pub fn keeping(self, _compiled: Option<PathBuf>) -> Self {
        self
    }

    /// What runs the models.
    pub fn info(&self) -> &EngineInfo {
        &self.info
    }

    /// The shared library that runs the models, if the engine is one: a file, or the name the system's loader found.
    pub fn library(&self) -> Option<&std::path::Path> {
        match &self.kind {
            #[cfg(feature = "onnx")]
            Kind::Ort(library) => Some(library.path()),
            #[cfg(feature = "onnx")]
            Kind::Rten(_) => None,
            #[cfg(not(feature = "onnx"))]
            _ => None,
        }
    }

    /// Libraries that were found but not used, and why.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What it can compute on; which of them a machine has the hardware for shows only when a model is loaded.
    pub fn providers(&self) -> &[Provider] {
        &self.providers
    }

    /// Threads of one inference.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Loads `model` for inputs of `size` = (width, height).
    ///
    /// # Errors
    /// Input: the engine does not accept the model. Environment: the provider cannot be started on this machine.
    pub fn load(&self, model: &ModelEntry, size: (u32, u32)) -> Result<Box<dyn Inference>> {
        self.load_for(0, model, size)
    }

    /// As [`load`](Self::load), for worker number `worker`: sessions of different workers do not wait for each other's threads.
    ///
    /// # Errors
    /// As there.
    pub fn load_for(&self, worker: usize, model: &ModelEntry, size: (u32, u32)) -> Result<Box<dyn Inference>> {
        match &self.kind {
            #[cfg(feature = "onnx")]
            Kind::Rten(pools) => pools.load(worker, model, size),
            #[cfg(feature = "onnx")]
            Kind::Ort(library) => library.load_model(model, size, self.threads, self.compiled.as_deref()),
            #[cfg(not(feature = "onnx"))]
            _ => Err(Error::Environment(format!("no engine for model {} at {size:?}, worker {worker}", model.id))),
        }
    }
}

/// The (width, height) of the maps in an answer to `count` pictures, by its shape: two sides, before them `count`, and ones besides.
#[cfg(feature = "onnx")]
pub(super) fn map_size(model: &str, count: usize, shape: &[usize], values: usize) -> Result<(u32, u32)> {
    if let [before @ .., height, width] = shape {
        let sides = (u32::try_from(*width), u32::try_from(*height));
        let pictures = before.first().copied().unwrap_or(1);
        if let (Ok(w), Ok(h)) = sides
            && pictures == count
            && before.iter().skip(1).all(|&side| side == 1)
            // A row of numbers is what classifiers answer.
            && *width > 1
            && *height > 1
            && values == count * width * height
        {
            return Ok((w, h));
        }
    }
    Err(Error::input(
        model,
        format!(
            "the answer of a depth model is one map, [1, height, width], here it is a tensor of shape {shape:?}: this is no depth model, or \
             its first output is another one"
        ),
    ))
}
