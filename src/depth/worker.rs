//! The depth stage: threads that take requests in the order they came and answer them with models they keep loaded.
//!
//! A full queue makes the sender wait; nothing is dropped. Whatever goes wrong belongs to one request: a model that does not load, an
//! answer that is no map, even a panic inside an engine. How many threads there are changes no answer, nor does company: requests of one size
//! that wait together run together where that was found to change no bit and to save time (`batch`).

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::Instant;

use super::batch::{self, Ran};
use super::engine::{Engine, EngineInfo, Inference};
use super::provider::Provider;
use super::queue::Queue;
use super::registry::ModelEntry;
use super::sessions::{CacheCounts, Loaded, ModelCache, SessionKey};
use super::workers::Workers;
use crate::error::{Error, Result};

/// One picture's question.
#[derive(Debug, Clone)]
pub struct DepthRequest {
    /// The model.
    pub model: Arc<ModelEntry>,
    /// The input tensor `[1, 3, height, width]`, see [`ModelEntry::tensor`].
    pub input: Vec<f32>,
    /// Its (width, height).
    pub size: (u32, u32),
    /// It is only asked whether the model runs: values that are no numbers are a matter of pictures.
    pub tries_out: bool,
}

impl DepthRequest {
    /// Whether both can be one run.
    fn goes_with(&self, other: &Self) -> bool {
        let same = self.size == other.size && self.model.sha256 == other.model.sha256;
        same && self.check().is_ok() && other.check().is_ok()
    }

    fn check(&self) -> Result<()> {
        let expected = 3 * self.size.0 as usize * self.size.1 as usize;
        if self.input.len() == expected {
            return Ok(());
        }
        Err(self.model.error(format!("the input tensor has {} values, expected {expected}", self.input.len())))
    }
}

/// The answer: disparity at the model's resolution, larger = nearer, in the model's own scale.
#[derive(Debug, Clone, PartialEq)]
pub struct LowResDisparity {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Values row by row, all finite.
    pub values: Vec<f32>,
    /// What ran.
    pub engine: EngineInfo,
    /// Number of the worker that ran it.
    pub worker: usize,
    /// When the inference began.
    pub started: Instant,
    /// Wall time of the inference, in seconds, without waiting and loading.
    pub seconds: f64,
}

/// Loads a model for an input size and a worker; the engine, but for tests.
type Loader = Box<dyn Fn(usize, &ModelEntry, (u32, u32)) -> Result<Box<dyn Inference>> + Send + Sync>;

/// A question on its way, with the address of the answer.
struct Envelope {
    request: DepthRequest,
    reply: Sender<Result<LowResDisparity>>,
    /// Gone when nobody waits for the answer any more.
    wanted: Weak<()>,
}

/// The stage. Dropping it lets the workers finish what is queued.
pub struct DepthStage {
    threads: Vec<JoinHandle<()>>,
    notes: Vec<String>,
    workers: Workers,
    shared: Arc<Shared>,
}

/// An answer that is not there yet. Dropping it withdraws the request, unless it runs already.
pub struct Pending {
    answer: Receiver<Result<LowResDisparity>>,
    _wanted: Arc<()>,
}

impl Pending {
    /// Waits for the answer.
    ///
    /// # Errors
    /// What went wrong with this request.
    pub fn wait(self) -> Result<LowResDisparity> {
        self.answer.recv().unwrap_or_else(|_| Err(gone()))
    }
}

impl DepthStage {
    /// Starts one worker. Sessions of `cache_bytes` together are kept loaded.
    ///
    /// # Errors
    /// Environment: no thread could be started.
    pub fn start(engine: Engine, cache_bytes: u64) -> Result<Self> {
        Self::start_workers(engine, Workers::ONE, cache_bytes)
    }

    /// Starts several workers; the threads of each inference are the engine's.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_workers(engine: Engine, workers: Workers, cache_bytes: u64) -> Result<Self> {
        let (info, notes) = (engine.info().clone(), engine.notes().to_vec());
        let load: Loader = Box::new(move |worker, model, size| engine.load_for(worker, model, size));
        let mut stage = Self::with_loader(info, load, workers, cache_bytes)?;
        stage.notes = notes;
        Ok(stage)
    }

    fn with_loader(engine: EngineInfo, load: Loader, workers: Workers, cache_bytes: u64) -> Result<Self> {
        let shared = Arc::new(Shared {
            queue: Queue::new(workers.ahead()),
            cache: Mutex::new(ModelCache::new(cache_bytes)),
            measuring: Mutex::new(()),
            load,
            provider: Provider::named(&engine.provider).unwrap_or_default(),
            engine,
            together: workers.together,
        });
        let start = |number: usize| {
            let mut worker = Worker { shared: shared.clone(), number, company: HashMap::new() };
            let builder = std::thread::Builder::new().name(format!("depth-{number}"));
            let started = builder.spawn(move || worker.serve());
            started.map_err(|error| Error::Environment(format!("cannot start the depth thread: {error}")))
        };
        let mut stage = Self { threads: Vec::new(), notes: Vec::new(), workers, shared: shared.clone() };
        for number in 0..workers.count.max(1) {
            stage.threads.push(start(number)?);
        }
        Ok(stage)
    }

    /// Hands in a request; waits only while the queue is full.
    ///
    /// # Errors
    /// Environment: the worker is gone.
    pub fn submit(&self, request: DepthRequest) -> Result<Pending> {
        let ((reply, answer), wanted) = (channel(), Arc::new(()));
        let envelope = Envelope { request, reply, wanted: Arc::downgrade(&wanted) };
        self.shared.queue.add(envelope).map_err(|_| gone())?;
        Ok(Pending { answer, _wanted: wanted })
    }

    /// Hands in a request and waits for its answer.
    ///
    /// # Errors
    /// What went wrong with this request.
    pub fn estimate(&self, request: DepthRequest) -> Result<LowResDisparity> {
        self.submit(request)?.wait()
    }

    /// What runs the models.
    pub fn engine(&self) -> &EngineInfo {
        &self.shared.engine
    }

    /// Adds to [`notes`](Self::notes).
    pub fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// See [`Engine::notes`].
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Inferences side by side.
    pub fn workers(&self) -> Workers {
        self.workers
    }

    /// What the cache did up to the last answer.
    pub fn counts(&self) -> CacheCounts {
        self.shared.cache().counts()
    }
}

impl Drop for DepthStage {
    fn drop(&mut self) {
        self.shared.queue.close();
        for thread in self.threads.drain(..) {
            // A panic of the worker was reported to whoever waited.
            let _ = thread.join();
        }
    }
}

fn gone() -> Error {
    Error::Environment("the depth thread has ended".into())
}

/// What the workers share.
struct Shared {
    queue: Queue<Envelope>,
    cache: Mutex<ModelCache>,
    /// Held while the cost of a model is measured: by one worker at a time.
    measuring: Mutex<()>,
    load: Loader,
    engine: EngineInfo,
    provider: Provider,
    /// Pictures of one inference, at most.
    together: usize,
}

impl Shared {
    fn cache(&self) -> MutexGuard<'_, ModelCache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Pictures that may go through a model together.
    fn together(&self, model: &ModelEntry) -> usize {
        if model.takes_batches { self.together } else { 1 }
    }

    /// Bytes of a session before it was measured.
    fn bytes(&self, model: &ModelEntry) -> u64 {
        model.session_bytes(self.provider, self.together(model))
    }
}

struct Worker {
    shared: Arc<Shared>,
    number: usize,
    /// Which sessions may batch, as far as it was tried.
    company: HashMap<SessionKey, bool>,
}

/// What came of requests that had a session.
struct Served {
    loaded: Loaded,
    /// What it costs.
    bytes: u64,
    answers: Vec<Result<LowResDisparity>>,
    /// Whether the session may batch, if that was tried.
    company: Option<bool>,
}

impl Worker {
    fn serve(&mut self) {
        let shared = self.shared.clone();
        let alike = |one: &Envelope, other: &Envelope| one.request.goes_with(&other.request);
        while let Some(mut envelopes) = shared.queue.take(|first| self.together(&first.request), alike) {
            envelopes.retain(|envelope| envelope.wanted.strong_count() > 0);
            let (requests, replies): (Vec<_>, Vec<_>) = envelopes.into_iter().map(|e| (e.request, e.reply)).unzip();
            for (answer, reply) in self.answers(&requests).into_iter().zip(replies) {
                // Nobody waiting any more is no fault.
                let _ = reply.send(answer);
            }
        }
    }

    fn key(&self, request: &DepthRequest) -> SessionKey {
        SessionKey {
            model: request.model.sha256.clone(),
            size: request.size,
            engine: self.shared.engine.clone(),
            worker: self.number,
        }
    }

    /// How many requests like this one this worker takes at once.
    fn together(&self, request: &DepthRequest) -> usize {
        let most = self.shared.together(&request.model);
        if most > 1 && self.company.get(&self.key(request)) == Some(&false) { 1 } else { most }
    }

    /// Answers requests that are alike, one for one.
    fn answers(&mut self, requests: &[DepthRequest]) -> Vec<Result<LowResDisparity>> {
        let Some(first) = requests.first() else { return Vec::new() };
        if let (Err(error), [_]) = (first.check(), requests) {
            return vec![Err(error)];
        }
        let (key, bytes) = (self.key(first), self.shared.bytes(&first.model));
        let found = self.shared.cache().take(&key, bytes);
        let charged = found.as_ref().map_or(bytes, |loaded| loaded.bytes);
        if found.is_none() && self.company.get(&key) == Some(&true) {
            // What was good for one session need not be for the next.
            self.company.remove(&key);
        }
        let failed = match catch_unwind(AssertUnwindSafe(|| self.run(&key, requests, found, bytes))) {
            Ok(Ok(Served { loaded, bytes, answers, company })) => {
                self.shared.cache().give_back(&key, loaded, bytes);
                self.company.extend(company.map(|company| (key, company)));
                return answers;
            }
            Ok(Err(error)) => error,
            Err(panic) => {
                let text = panic_text(panic.as_ref());
                first.model.error(format!("the inference engine failed: {text}"))
            }
        };
        self.shared.cache().lost(charged);
        if requests.len() == 1 {
            return vec![Err(failed)];
        }
        // It is the fault of one of them, or of their company.
        self.company.insert(key, false);
        requests.chunks(1).flat_map(|alone| self.answers(alone)).collect()
    }

    /// Runs requests in the session that was `found`, or in a new one, for which `bytes` were charged. An error when there is no session.
    fn run(&self, key: &SessionKey, requests: &[DepthRequest], found: Option<Loaded>, bytes: u64) -> Result<Served> {
        let Some(DepthRequest { model, size, .. }) = requests.first() else { return Err(gone()) };
        let measures = found.is_none() && !model.measured;
        let _alone = measures.then(|| self.shared.measuring.lock().unwrap_or_else(PoisonError::into_inner));
        let resident = if measures { resident_bytes() } else { 0 };
        let mut loaded = match found {
            Some(loaded) => loaded,
            None => {
                let session = (self.shared.load)(self.number, model, *size)?;
                self.shared.cache().loaded(key);
                Loaded { session, bytes }
            }
        };
        let (ran, company) = self.infer(key, requests, loaded.session.as_mut());
        let mut bytes = loaded.bytes;
        if measures && ran.iter().all(Result::is_ok) {
            // Other threads allocate meanwhile, so growth is trusted only within reason.
            let (weights, guess) = (loaded.session.bytes(), loaded.bytes);
            bytes = resident_bytes().saturating_sub(resident).clamp(weights, guess.max(weights) * 4);
            if requests.len() == 1 {
                // What company will take was not seen yet.
                bytes += guess.saturating_sub(model.bytes);
            }
        }
        let engine = loaded.session.describe();
        let answers = ran.into_iter().zip(requests).map(|(ran, request)| self.answer(request, &engine, ran?)).collect();
        Ok(Served { loaded, bytes, answers, company })
    }

    /// Runs requests in a session: together where it is known to be worth it, and one by one where they are one, or that fails. Returns whether
    /// company is worth it, if that was found out.
    fn infer(
        &self,
        key: &SessionKey,
        requests: &[DepthRequest],
        session: &mut dyn Inference,
    ) -> (Vec<Result<Ran>>, Option<bool>) {
        let inputs: Vec<&[f32]> = requests.iter().map(|request| request.input.as_slice()).collect();
        let alone = |session: &mut dyn Inference| inputs.iter().map(|input| batch::alone(session, input)).collect();
        match self.company.get(key) {
            None if inputs.len() > 1 => batch::trial(session, &inputs),
            Some(true) if inputs.len() > 1 => match batch::together(session, &inputs) {
                Ok(ran) => {
                    self.shared.cache().batched(ran.len());
                    (ran.into_iter().map(Ok).collect(), None)
                }
                Err(_) => (alone(session), Some(false)),
            },
            _ => (alone(session), None),
        }
    }

    fn answer(&self, request: &DepthRequest, engine: &EngineInfo, ran: Ran) -> Result<LowResDisparity> {
        let Ran { size: (width, height), mut values, started, seconds } = ran;
        request.model.check_answer((width, height), request.size)?;
        if !request.tries_out {
            to_disparity(&request.model, &mut values)?;
        }
        Ok(LowResDisparity { width, height, values, engine: engine.clone(), worker: self.number, started, seconds })
    }
}

/// Turns an answer into disparity and refuses one that is not finite.
fn to_disparity(model: &ModelEntry, values: &mut [f32]) -> Result<()> {
    if let Some(bad) = values.iter().find(|value| !value.is_finite()) {
        let count = values.iter().filter(|value| !value.is_finite()).count();
        return Err(model.error(format!(
            "{count} of the {} values that the depth model answered are not finite, {bad} for one: use another model (of one in half floats, \
             its f32 form), or give depth with the picture",
            values.len()
        )));
    }
    model.output.to_disparity(values);
    Ok(())
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("panic without a message")
}

/// Resident bytes of this process (Linux: `/proc/self/statm`, second field, in pages of 4 KiB or more); 0 elsewhere.
fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split(' ').nth(1)?.parse::<u64>().ok())
        .unwrap_or(0);
    pages * 4096
}

#[cfg(test)]
mod tests;
