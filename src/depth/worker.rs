//! The depth stage: threads that take requests in the order they came and answer them with models they keep loaded.
//!
//! A full queue makes the sender wait; nothing is dropped. Whatever goes wrong belongs to one request: a model that does not load, an
//! answer that is no map, even a panic inside an engine. How many threads there are changes no answer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use super::engine::{Engine, EngineInfo, Inference};
use super::registry::ModelEntry;
use super::sessions::{CacheCounts, Loaded, ModelCache, SessionKey};
use crate::error::{Error, Result};

/// Requests that wait in front of the workers before senders do.
const QUEUE: usize = 2;

/// One picture's question.
#[derive(Debug, Clone)]
pub struct DepthRequest {
    /// The model.
    pub model: Arc<ModelEntry>,
    /// The input tensor `[1, 3, height, width]`, see [`ModelEntry::tensor`].
    pub input: Vec<f32>,
    /// Its (width, height).
    pub size: (u32, u32),
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
type Envelope = (DepthRequest, Sender<Result<LowResDisparity>>);

/// The stage. Dropping it lets the workers finish what is queued.
pub struct DepthStage {
    queue: Option<SyncSender<Envelope>>,
    workers: Vec<JoinHandle<()>>,
    notes: Vec<String>,
    shared: Arc<Shared>,
}

/// An answer that is not there yet.
pub struct Pending(Receiver<Result<LowResDisparity>>);

impl Pending {
    /// Waits for the answer.
    ///
    /// # Errors
    /// What went wrong with this request.
    pub fn wait(self) -> Result<LowResDisparity> {
        self.0.recv().unwrap_or_else(|_| Err(gone()))
    }
}

impl DepthStage {
    /// Starts one worker. Sessions of `cache_bytes` together are kept loaded.
    ///
    /// # Errors
    /// Environment: no thread could be started.
    pub fn start(engine: Engine, cache_bytes: u64) -> Result<Self> {
        Self::start_workers(engine, 1, cache_bytes)
    }

    /// Starts `count` workers, at least one; [`Workers`](super::workers::Workers) knows how many are worth it.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_workers(engine: Engine, count: usize, cache_bytes: u64) -> Result<Self> {
        let (info, notes) = (engine.info().clone(), engine.notes().to_vec());
        let load: Loader = Box::new(move |worker, model, size| engine.load_for(worker, model, size));
        let mut stage = Self::with_loader(info, load, count, cache_bytes)?;
        stage.notes = notes;
        Ok(stage)
    }

    fn with_loader(engine: EngineInfo, load: Loader, count: usize, cache_bytes: u64) -> Result<Self> {
        let (queue, requests) = sync_channel(QUEUE);
        let shared = Arc::new(Shared {
            requests: Mutex::new(requests),
            cache: Mutex::new(ModelCache::new(cache_bytes)),
            measuring: Mutex::new(()),
            load,
            engine,
        });
        let start = |number: usize| {
            let worker = Worker { shared: shared.clone(), number };
            let builder = std::thread::Builder::new().name(format!("depth-{number}"));
            let started = builder.spawn(move || worker.serve());
            started.map_err(|error| Error::Environment(format!("cannot start the depth thread: {error}")))
        };
        let workers = (0..count.max(1)).map(start).collect::<Result<Vec<_>>>()?;
        Ok(Self { queue: Some(queue), workers, notes: Vec::new(), shared })
    }

    /// Hands in a request; waits only while the queue is full.
    ///
    /// # Errors
    /// Environment: the worker is gone.
    pub fn submit(&self, request: DepthRequest) -> Result<Pending> {
        let (reply, answer) = channel();
        let queue = self.queue.as_ref().ok_or_else(gone)?;
        queue.send((request, reply)).map_err(|_| gone())?;
        Ok(Pending(answer))
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

    /// See [`Engine::notes`].
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What the cache did up to the last answer.
    pub fn counts(&self) -> CacheCounts {
        self.shared.cache().counts()
    }
}

impl Drop for DepthStage {
    fn drop(&mut self) {
        drop(self.queue.take());
        for worker in self.workers.drain(..) {
            // A panic of the worker was reported to whoever waited.
            let _ = worker.join();
        }
    }
}

fn gone() -> Error {
    Error::Environment("the depth thread has ended".into())
}

/// What the workers share.
struct Shared {
    requests: Mutex<Receiver<Envelope>>,
    cache: Mutex<ModelCache>,
    /// Held while the cost of a model is measured: by one worker at a time.
    measuring: Mutex<()>,
    load: Loader,
    engine: EngineInfo,
}

impl Shared {
    fn cache(&self) -> MutexGuard<'_, ModelCache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next request; `None` when there will be no more.
    fn next(&self) -> Option<Envelope> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
    }
}

struct Worker {
    shared: Arc<Shared>,
    number: usize,
}

impl Worker {
    fn serve(&self) {
        while let Some((request, reply)) = self.shared.next() {
            let answer = self.answer(&request);
            // Nobody waiting any more is no fault.
            let _ = reply.send(answer);
        }
    }

    fn answer(&self, request: &DepthRequest) -> Result<LowResDisparity> {
        let model = &request.model;
        let expected = 3 * request.size.0 as usize * request.size.1 as usize;
        if request.input.len() != expected {
            return Err(
                model.error(format!("the input tensor has {} values, expected {expected}", request.input.len()))
            );
        }
        let key = SessionKey {
            model: model.sha256.clone(),
            size: request.size,
            engine: self.shared.engine.clone(),
            worker: self.number,
        };
        let found = self.shared.cache().take(&key, model.bytes);
        let charged = found.as_ref().map_or(model.bytes, |loaded| loaded.bytes);
        match catch_unwind(AssertUnwindSafe(|| self.run(&key, request, found))) {
            Ok(Ok((loaded, bytes, answer))) => {
                self.shared.cache().give_back(&key, loaded, bytes);
                answer
            }
            Ok(Err(error)) => {
                self.shared.cache().lost(charged);
                Err(error)
            }
            Err(panic) => {
                self.shared.cache().lost(charged);
                Err(model.error(format!("the inference engine failed: {}", panic_text(panic.as_ref()))))
            }
        }
    }

    /// Runs a request in the session that was `found`, or in a new one. Returns the session, what it costs, and the answer; an error when there is
    /// no session.
    fn run(
        &self,
        key: &SessionKey,
        request: &DepthRequest,
        found: Option<Loaded>,
    ) -> Result<(Loaded, u64, Result<LowResDisparity>)> {
        let model = &request.model;
        let measures = found.is_none() && !model.measured;
        let _alone = measures.then(|| self.shared.measuring.lock().unwrap_or_else(PoisonError::into_inner));
        let resident = if measures { resident_bytes() } else { 0 };
        let mut loaded = match found {
            Some(loaded) => loaded,
            None => {
                let session = (self.shared.load)(self.number, model, request.size)?;
                self.shared.cache().loaded(key);
                Loaded { session, bytes: model.bytes }
            }
        };
        let mut values = Vec::new();
        let started = Instant::now();
        let ran = loaded.session.run(&request.input, &mut values);
        let seconds = started.elapsed().as_secs_f64();
        let mut bytes = loaded.bytes;
        if measures && ran.is_ok() {
            // Other threads allocate meanwhile, so growth is trusted only within reason.
            let weights = loaded.session.bytes();
            bytes = resident_bytes().saturating_sub(resident).clamp(weights, model.bytes.max(weights) * 4);
        }
        let engine = loaded.session.describe();
        let answer = ran.and_then(|(width, height)| {
            model.check_answer((width, height), request.size)?;
            to_disparity(model, &mut values)?;
            Ok(LowResDisparity { width, height, values, engine, worker: self.number, started, seconds })
        });
        Ok((loaded, bytes, answer))
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
mod tests {
    use super::*;
    use crate::depth::registry::{NEAREST_M, OutputMeaning};

    /// Answers with the mean of its input; the first value is a command: 7 panics, 8 fails, 9 answers NaN.
    struct Fake;

    impl Inference for Fake {
        fn run(&mut self, input: &[f32], output: &mut Vec<f32>) -> Result<(u32, u32)> {
            match input[0] {
                7.0 => panic!("seven"),
                8.0 => return Err(Error::Environment("eight".into())),
                9.0 => *output = vec![f32::NAN],
                _ => *output = vec![input.iter().sum::<f32>() / input.len() as f32],
            }
            Ok((1, 1))
        }
        fn describe(&self) -> EngineInfo {
            fake()
        }
        fn bytes(&self) -> u64 {
            1
        }
    }

    fn fake() -> EngineInfo {
        EngineInfo { engine: "fake".into(), version: "1".into(), provider: "cpu".into() }
    }

    fn ask(stage: &DepthStage, model: &Arc<ModelEntry>, first: f32) -> Result<LowResDisparity> {
        let input = vec![first; 3 * 2 * 2];
        stage.estimate(DepthRequest { model: model.clone(), input, size: (2, 2) })
    }

    #[test]
    fn errors_and_panics_belong_to_their_request() {
        let model = Arc::new(ModelEntry::embedded());
        let stage = DepthStage::with_loader(fake(), Box::new(|_, _, _| Ok(Box::new(Fake))), 1, 1 << 30).unwrap();
        assert_eq!(ask(&stage, &model, 0.5).unwrap().values, [0.5]);
        let panic = ask(&stage, &model, 7.0).unwrap_err().to_string();
        assert!(panic.contains("chiaro-small") && panic.contains("seven"), "{panic}");
        assert!(ask(&stage, &model, 8.0).unwrap_err().to_string().contains("eight"));
        assert!(ask(&stage, &model, 9.0).unwrap_err().to_string().contains("NaN"));
        assert_eq!(ask(&stage, &model, 0.25).unwrap().values, [0.25]);
        // The session that panicked was dropped and loaded again.
        assert_eq!(stage.counts(), CacheCounts { loads: 2, hits: 3, evictions: 0, reloads: 1 });
    }

    #[test]
    fn a_wrong_tensor_is_refused() {
        let model = Arc::new(ModelEntry::embedded());
        let stage = DepthStage::with_loader(fake(), Box::new(|_, _, _| Ok(Box::new(Fake))), 1, 1 << 30).unwrap();
        let error = stage.estimate(DepthRequest { model, input: vec![0.0; 5], size: (2, 2) }).unwrap_err();
        assert!(error.to_string().contains("5 values, expected 12"), "{error}");
    }

    #[test]
    fn metric_answers_become_disparity() {
        let model = Arc::new(ModelEntry { output: OutputMeaning::MetricDepth, ..ModelEntry::embedded() });
        let stage = DepthStage::with_loader(fake(), Box::new(|_, _, _| Ok(Box::new(Fake))), 1, 1 << 30).unwrap();
        assert_eq!(ask(&stage, &model, 4.0).unwrap().values, [0.25]);
        assert_eq!(ask(&stage, &model, -4.0).unwrap().values, [1.0 / NEAREST_M]);
    }

    #[test]
    fn many_drivers_are_served_by_any_number_of_workers() {
        let model = Arc::new(ModelEntry::embedded());
        for workers in [1, 3] {
            let load: Loader = Box::new(|_, _, _| Ok(Box::new(Fake)));
            let stage = DepthStage::with_loader(fake(), load, workers, 1 << 30).unwrap();
            std::thread::scope(|scope| {
                for i in 0..8 {
                    let (stage, model) = (&stage, &model);
                    scope.spawn(move || {
                        for j in 0..20 {
                            let value = (i * 20 + j) as f32 / 1024.0;
                            assert_eq!(ask(stage, model, value).unwrap().values, [value]);
                        }
                    });
                }
            });
            let counts = stage.counts();
            assert_eq!(counts.loads + counts.hits, 160);
            assert!((1..=workers as u64).contains(&counts.loads) && counts.reloads == 0, "{counts:?}");
        }
    }
}
