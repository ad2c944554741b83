//! ONNX Runtime, loaded at run time. The only user of the `ort` crate.
//!
//! Any call into `ort` before a library is loaded panics, so everything here starts from a [`Library`], which exists only after
//! that. One process uses one library; candidates are tried in order until one loads.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::environment::Environment;
use ort::ep::{self, ExecutionProvider, ExecutionProviderDispatch};
use ort::logging::{LogLevel, LoggerFunction};
use ort::session::Session as OrtSession;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::value::{DynValue, TensorElementType, TensorRef, ValueType};

use super::engine::{EngineInfo, Inference, map_size};
use super::provider::{self, Provider};
use super::registry::{ModelEntry, ModelSource};
use super::stored::{self, Unfinished};
use crate::error::{Error, Result};

/// The variable that names a library file or folder, as the `ort` crate and other programs use it.
const VARIABLE: &str = "ORT_DYLIB_PATH";
/// The folder that `make deps` fills, beside the project's manifest.
const DEPS: &str = ".deps/onnxruntime";

#[cfg(target_os = "windows")]
const NAMES: [&str; 1] = ["onnxruntime.dll"];
#[cfg(target_os = "macos")]
const NAMES: [&str; 2] = ["libonnxruntime.dylib", "libonnxruntime.1.dylib"];
#[cfg(not(any(target_os = "windows", target_os = "macos")))]
const NAMES: [&str; 2] = ["libonnxruntime.so", "libonnxruntime.so.1"];

/// The library of this process, once loaded.
static LOADED: Mutex<Option<Library>> = Mutex::new(None);

/// A loaded ONNX Runtime.
#[derive(Clone)]
pub(super) struct Library {
    path: PathBuf,
    environment: Environment,
    provider: Provider,
    /// Folders in which no graph could be stored. Held while one is: by one worker, the others load without.
    given_up: Arc<Mutex<HashSet<PathBuf>>>,
    /// The last error it told of: why a provider does not start is told nowhere else.
    heard: Arc<Mutex<String>>,
}

impl Library {
    /// Loads the library a person asked for, or without a path the first that [`find`](Self::find) would take.
    pub(super) fn load(path: Option<&Path>, notes: &mut Vec<String>) -> Result<Self> {
        match path {
            Some(path) => Self::explicit(path, "the given ONNX Runtime"),
            None => Self::find(notes)?.ok_or_else(|| {
                let tried = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join("; ")) };
                Error::Environment(format!(
                    "ONNX Runtime was asked for and is not found{tried}: give the library's path, set {VARIABLE}, or run `make deps`"
                ))
            }),
        }
    }

    /// The first library that loads: the one of `ORT_DYLIB_PATH` (which must load), beside the program, the folders that `make
    /// deps` fills, the system. `notes` tells what was found but did not load.
    pub(super) fn find(notes: &mut Vec<String>) -> Result<Option<Self>> {
        if let Some(path) = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
            return Self::explicit(Path::new(&path), VARIABLE).map(Some);
        }
        for folder in folders() {
            let Some(file) = in_folder(&folder) else { continue };
            match open(&file) {
                Ok(library) => return Ok(Some(library)),
                Err(reason) => notes.push(format!("{} was found and does not load: {reason}", file.display())),
            }
        }
        // By bare name: the system's loader searches. Not being there is no news.
        Ok(NAMES.iter().find_map(|name| open(Path::new(name)).ok()))
    }

    fn explicit(path: &Path, origin: &str) -> Result<Self> {
        let fail = |reason: String| Error::Environment(format!("{origin}, {}: {reason}", path.display()));
        let file = if path.is_dir() {
            in_folder(path).ok_or_else(|| fail(format!("the folder has no {}", NAMES[0])))?
        } else {
            path.to_path_buf()
        };
        if !file.is_file() {
            return Err(fail("there is no such file".into()));
        }
        open(&file).map_err(fail)
    }

    /// What was loaded.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The same, computing on `provider`.
    pub(super) fn on(self, provider: Provider) -> Result<Self> {
        let has = self.providers();
        if has.contains(&provider) {
            return Ok(Self { provider, ..self });
        }
        Err(Error::Environment(format!(
            "the ONNX Runtime at {} has no provider {}, it has {}: {}; give it with --inference ort=PATH, or use --provider cpu",
            self.path.display(),
            provider.name(),
            provider::names(&has),
            provider.advice()
        )))
    }

    /// What the library was built with.
    pub(super) fn providers(&self) -> Vec<Provider> {
        Provider::ALL.into_iter().filter(|provider| has(*provider)).collect()
    }

    pub(super) fn info(&self) -> EngineInfo {
        // "... git-commit-id=6af1a93, ...": identifies the build where the file's name does not carry the version.
        let commit = ort::info().split("git-commit-id=").nth(1).and_then(|rest| rest.split([',', ' ']).next());
        let version = version_in(&self.path);
        let version = match (version, commit) {
            (Some(version), Some(commit)) => format!("{version} {commit}"),
            (Some(version), None) => version,
            (None, Some(commit)) => commit.to_string(),
            (None, None) => "unknown".into(),
        };
        EngineInfo { engine: "onnxruntime".into(), version, provider: self.provider.name().into() }
    }

    pub(super) fn load_model(
        &self,
        entry: &ModelEntry,
        (width, height): (u32, u32),
        threads: usize,
        compiled: Option<&Path>,
    ) -> Result<Box<dyn Inference>> {
        let compiled = compiled.and_then(|folder| self.compiled(folder, entry, (width, height)));
        let session = match self.provider {
            Provider::Cpu => self.optimized(entry, threads, compiled.as_deref())?,
            _ => self.commit(entry, self.on_provider(threads, compiled)?)?,
        };
        let has = |outlets: &[ort::value::Outlet], name: &str| outlets.iter().any(|outlet| outlet.name() == name);
        for (outlets, name) in [(session.inputs(), &entry.input_name), (session.outputs(), &entry.output_name)] {
            if !has(outlets, name) {
                return Err(entry.error(format!("the model has no input or output named {name:?}")));
            }
        }
        let half = session.inputs().iter().any(|outlet| {
            outlet.name() == entry.input_name && element_type(outlet.dtype()) == Some(TensorElementType::Float16)
        });
        Ok(Box::new(Session {
            half: half.then(Vec::new),
            session,
            info: self.info(),
            entry_path: entry.path().display().to_string(),
            input: entry.input_name.clone(),
            output: entry.output_name.clone(),
            picture: [3, height as usize, width as usize],
            bytes: entry.file_bytes,
        }))
    }

    /// Loads a model for the CPU: its optimized graph in `folder`, or the model itself, of which that is made on the way.
    fn optimized(&self, entry: &ModelEntry, threads: usize, folder: Option<&Path>) -> Result<OrtSession> {
        if let Some(graph) = folder.and_then(stored::find) {
            match self.load_stored(threads, &graph) {
                Ok(session) => return Ok(session),
                Err(_) => stored::discard(&graph),
            }
        }
        if let Some(folder) = folder.filter(|_| entry.file_bytes <= stored::MAX_BYTES)
            && let Some(session) = self.load_and_store(entry, threads, folder)
        {
            return Ok(session);
        }
        self.commit(entry, self.builder(threads).map_err(not_starting)?)
    }

    /// What is stored is optimized: looking for more would only take time.
    fn load_stored(&self, threads: usize, graph: &Path) -> ort::Result<OrtSession> {
        let builder = self.builder(threads)?;
        builder.with_optimization_level(GraphOptimizationLevel::Disable)?.commit_from_file(graph)
    }

    /// `None` when another worker is at it, or this does not succeed: for want of room on the disk, or because the model itself is at fault,
    /// which shows when it is loaded alone. It is not tried a second time then.
    fn load_and_store(&self, entry: &ModelEntry, threads: usize, folder: &Path) -> Option<OrtSession> {
        let mut given_up = self.given_up.try_lock().ok()?;
        if given_up.contains(folder) {
            return None;
        }
        let attempt = || {
            let unfinished = Unfinished::begin(folder)?;
            let builder = self.builder(threads).ok()?.with_optimized_model_path(unfinished.path()).ok()?;
            let session = self.commit(entry, builder).ok()?;
            // A file that was replaced since the run began is another model.
            let kept = entry.verify().is_ok() && unfinished.keep();
            Some((session, kept))
        };
        let attempted = attempt();
        if !attempted.as_ref().is_some_and(|(_, kept)| *kept) {
            given_up.insert(folder.to_owned());
        }
        attempted.map(|(session, _)| session)
    }

    /// The folder for what is made of a model, in `folder`.
    fn compiled(&self, folder: &Path, entry: &ModelEntry, size: (u32, u32)) -> Option<PathBuf> {
        Some(folder.join(self.provider.compiled_name(&entry.sha256, &self.info().version, size)?))
    }

    /// Starts a session on a provider that is not the CPU. What it compiles is kept in the folder `compiled`, made if need be, unless that cannot
    /// be made, or its path is no UTF-8, which is what the library takes.
    fn on_provider(&self, threads: usize, compiled: Option<PathBuf>) -> Result<SessionBuilder> {
        let kept = compiled.filter(|folder| std::fs::create_dir_all(folder).is_ok());
        let kept = kept.and_then(|folder| folder.into_os_string().into_string().ok());
        let builder = self.builder(threads).map_err(not_starting)?;
        let builder = builder.with_execution_providers(dispatch(self.provider, kept)).map_err(|error| {
            let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
            let reasons = [words(&error.to_string()), heard.clone()].join("; ");
            Error::Environment(format!(
                "ONNX Runtime cannot compute on {} here: {}; see chiaro doctor, or use --provider cpu",
                self.provider.name(),
                reasons.trim_end_matches("; ")
            ))
        })?;
        // Its documentation asks for it: https://onnxruntime.ai/docs/execution-providers/DirectML-ExecutionProvider.html
        let pattern = self.provider != Provider::DirectMl;
        builder.with_memory_pattern(pattern).map_err(|error| not_starting(error.into()))
    }

    fn commit(&self, entry: &ModelEntry, mut builder: SessionBuilder) -> Result<OrtSession> {
        let session = match &entry.source {
            ModelSource::Embedded(bytes) => builder.commit_from_memory(bytes),
            ModelSource::File(path) => builder.commit_from_file(path),
        };
        session.map_err(|error| {
            entry.error(format!("{} cannot load the model: {}", self.info(), words(&error.to_string())))
        })
    }

    fn builder(&self, threads: usize) -> ort::Result<SessionBuilder> {
        // Spinning threads starve the ones that read, render and write.
        Ok(OrtSession::builder(&self.environment)?
            .with_intra_threads(threads)?
            .with_inter_threads(1)?
            .with_intra_op_spinning(false)?
            .with_inter_op_spinning(false)?
            .with_deterministic_compute(true)?)
    }
}

/// A message of the library on one line, without the colors it may have.
fn words(message: &str) -> String {
    let plain = message.split('\u{1b}').enumerate().map(|(i, part)| match part.split_once('m') {
        Some((code, rest)) if i > 0 && code.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'[' | b';')) => rest,
        _ => part,
    });
    plain.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn not_starting(error: ort::Error) -> Error {
    Error::Environment(format!("ONNX Runtime does not start: {error}"))
}

/// Whether the loaded library was built with a provider. Not whether this machine has what it computes on.
fn has(provider: Provider) -> bool {
    let available = match provider {
        Provider::Cpu => return true,
        Provider::Cuda => ep::CUDA::is_available(),
        Provider::TensorRt => ep::TensorRT::is_available(),
        Provider::CoreMl => ep::CoreML::is_available(),
        Provider::DirectMl => ep::DirectML::is_available(),
        Provider::OpenVino => ep::OpenVINO::is_available(),
    };
    available.unwrap_or(false)
}

/// What a session registers, in order; without `error_on_failure` the CPU would step in unseen. `kept` is the folder for what a provider
/// compiles: it checks by itself whether that still fits.
fn dispatch(provider: Provider, kept: Option<String>) -> Vec<ExecutionProviderDispatch> {
    let cuda = || ep::CUDA::default().build();
    let providers = match provider {
        Provider::Cpu => Vec::new(),
        Provider::Cuda => vec![cuda()],
        Provider::TensorRt => vec![tensor_rt(kept).build(), cuda()],
        Provider::CoreMl => {
            let provider = ep::CoreML::default();
            vec![kept.into_iter().fold(provider, |provider, folder| provider.with_model_cache_dir(folder)).build()]
        }
        Provider::DirectMl => vec![ep::DirectML::default().build()],
        Provider::OpenVino => {
            let provider = ep::OpenVINO::default();
            vec![kept.into_iter().fold(provider, |provider, folder| provider.with_cache_dir(folder)).build()]
        }
    };
    providers.into_iter().map(ExecutionProviderDispatch::error_on_failure).collect()
}

/// Without a kept engine it compiles for minutes, in every process and for every worker.
fn tensor_rt(kept: Option<String>) -> ep::TensorRT {
    kept.into_iter().fold(ep::TensorRT::default(), |provider, folder| {
        provider
            .with_engine_cache(true)
            .with_engine_cache_path(&folder)
            .with_timing_cache(true)
            .with_timing_cache_path(&folder)
    })
}

fn element_type(value: &ValueType) -> Option<TensorElementType> {
    match value {
        ValueType::Tensor { ty, .. } => Some(*ty),
        _ => None,
    }
}

/// Loads `file` unless a library is loaded already; then it must be the same file.
fn open(file: &Path) -> std::result::Result<Library, String> {
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    let path = file.canonicalize().unwrap_or_else(|_| file.to_path_buf());
    if let Some(library) = loaded.as_ref() {
        // A bare name is the system's library, whatever its path.
        if library.path == path || file.components().count() == 1 {
            return Ok(library.clone());
        }
        return Err(format!("this process already uses {}", library.path.display()));
    }
    let builder = ort::init_from(&path).map_err(|error| error.to_string())?;
    let heard: Arc<Mutex<String>> = Arc::default();
    let hears = heard.clone();
    // On stderr it would stand among lines of JSON, and say again what errors say.
    let logger: LoggerFunction = Arc::new(move |level, _, _, _, message| {
        if level >= LogLevel::Error {
            *hears.lock().unwrap_or_else(PoisonError::into_inner) = words(message);
        }
    });
    let environment = builder.with_name("chiaro").with_telemetry(false).with_logger(logger).build();
    let environment = environment.map_err(|error| error.to_string())?;
    environment.set_log_level(LogLevel::Error);
    let library = Library { path, environment, provider: Provider::Cpu, given_up: Arc::default(), heard };
    *loaded = Some(library.clone());
    Ok(library)
}

/// Folders searched before the system, in order.
fn folders() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    if let Ok(program) = std::env::current_exe() {
        let beside = program.parent().map(Path::to_path_buf);
        // A program still inside its build tree belongs to the checkout above it.
        let checkout = program.ancestors().skip(1).take(5).find(|folder| folder.join("Cargo.toml").is_file());
        folders.extend(beside);
        folders.extend(checkout.map(|folder| folder.join(DEPS)));
    }
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/share"));
    let data = std::env::var_os("XDG_DATA_HOME").filter(|data| !data.is_empty()).map(PathBuf::from).or_else(home);
    folders.extend(data.map(|data| data.join("chiaro/onnxruntime")));
    folders
}

/// The library in `folder` or its `lib`: the plain name, else the highest version by name.
fn in_folder(folder: &Path) -> Option<PathBuf> {
    [folder.to_path_buf(), folder.join("lib")].iter().find_map(|folder| {
        if let Some(plain) = NAMES.iter().map(|name| folder.join(name)).find(|file| file.is_file()) {
            return Some(plain);
        }
        let stem = NAMES[0].split('.').next().unwrap_or(NAMES[0]);
        let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
            .ok()?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|file| {
                let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                name.strip_prefix(stem).is_some_and(|rest| {
                    rest.starts_with('.') && (rest.contains(".so") || rest.contains(".dylib") || rest.contains(".dll"))
                })
            })
            .collect();
        files.sort();
        files.pop()
    })
}

/// "1.31.1" of `libonnxruntime.so.1.31.1` or `libonnxruntime.1.31.1.dylib`.
fn version_in(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_string_lossy();
    let digits = name.trim_start_matches(|c: char| !c.is_ascii_digit()).trim_end_matches(|c: char| !c.is_ascii_digit());
    digits.contains('.').then(|| digits.to_string())
}

struct Session {
    session: OrtSession,
    /// The input as f16, where the graph wants that.
    half: Option<Vec<half::f16>>,
    info: EngineInfo,
    entry_path: String,
    input: String,
    output: String,
    /// Planes, rows and columns of a picture.
    picture: [usize; 3],
    bytes: u64,
}

impl Inference for Session {
    fn run_batch(&mut self, count: usize, input: &[f32], output: &mut Vec<f32>) -> Result<(u32, u32)> {
        let [planes, height, width] = self.picture;
        let shape = [count, planes, height, width];
        let path = &self.entry_path;
        let fail = |error: ort::Error| {
            Error::input(path, format!("ONNX Runtime cannot run the model: {}", words(&error.to_string())))
        };
        let name = self.input.as_str();
        let inputs = match &mut self.half {
            None => ort::inputs![name => TensorRef::from_array_view((shape, input)).map_err(fail)?],
            Some(half) => {
                half.clear();
                half.extend(input.iter().map(|&value| half::f16::from_f32(value)));
                ort::inputs![name => TensorRef::from_array_view((shape, &half[..])).map_err(fail)?]
            }
        };
        let answers = self.session.run(inputs).map_err(fail)?;
        let answer = answers
            .get(&self.output)
            .ok_or_else(|| Error::input(path, format!("the model gave no output {:?}", self.output)))?;
        let shape = read(answer, output).map_err(|reason| Error::input(path, reason))?;
        map_size(path, count, &shape, output.len())
    }

    fn describe(&self) -> EngineInfo {
        self.info.clone()
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Replaces the content of `output` by that of a tensor; returns its shape.
fn read(answer: &DynValue, output: &mut Vec<f32>) -> std::result::Result<Vec<usize>, String> {
    output.clear();
    let unreadable = |error: ort::Error| format!("the answer of the depth model cannot be read: {error}");
    let shape = match element_type(answer.dtype()) {
        Some(TensorElementType::Float32) => {
            let (shape, values) = answer.try_extract_tensor::<f32>().map_err(unreadable)?;
            output.extend_from_slice(values);
            shape
        }
        Some(TensorElementType::Float16) => {
            let (shape, values) = answer.try_extract_tensor::<half::f16>().map_err(unreadable)?;
            output.extend(values.iter().map(|value| value.to_f32()));
            shape
        }
        other => {
            let found = other.map_or_else(|| "no tensor".to_owned(), |ty| format!("a tensor of {ty}"));
            return Err(format!("the answer of the depth model is {found}, it must be one of f32 or f16"));
        }
    };
    Ok(shape.iter().map(|&side| usize::try_from(side).unwrap_or(0)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_from_file_names() {
        for (name, version) in [
            ("libonnxruntime.so.1.31.1", Some("1.31.1")),
            ("libonnxruntime.1.20.0.dylib", Some("1.20.0")),
            ("libonnxruntime.so", None),
            ("libonnxruntime.so.1", None),
        ] {
            assert_eq!(version_in(Path::new(name)).as_deref(), version, "{name}");
        }
    }

    #[test]
    fn messages_become_one_line() {
        assert_eq!(words("\u{1b}[1;31mnode failed\n\n  at Reshape\u{1b}[m \n\n"), "node failed at Reshape");
        assert_eq!(words("plain m\u{1b}"), "plain m");
    }

    #[test]
    fn folders_prefer_the_plain_name() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(in_folder(folder.path()), None);
        std::fs::create_dir(folder.path().join("lib")).unwrap();
        for name in ["libonnxruntime_providers_shared.so", "libonnxruntime.so.1.20.0", "libonnxruntime.so.1.31.1"] {
            std::fs::write(folder.path().join("lib").join(name), b"").unwrap();
        }
        assert_eq!(in_folder(folder.path()), Some(folder.path().join("lib/libonnxruntime.so.1.31.1")));
        std::fs::write(folder.path().join("lib").join(NAMES[0]), b"").unwrap();
        assert_eq!(in_folder(folder.path()), Some(folder.path().join("lib").join(NAMES[0])));
    }
}
