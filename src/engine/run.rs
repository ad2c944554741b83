//! The engine itself: owns pool, executor, budget and depth stage; takes jobs, yields outcomes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::budget::{Budget, default_memory};
use super::cancel::Cancel;
use super::claims::{Claims, Naming, report};
use super::committer::{CommitOptions, Committer};
use super::depth_cache::{DepthCache, DepthCacheCounts, compiled};
use super::drive::{self, Message, Run};
use super::identity::Digest;
use super::job::{Event, Job, Outcome, Status, Summary, Work};
use super::journal::{self, RunInfo};
use super::mask_files;
use super::options::{Device, EngineOptions};
use super::restart::Devices;
use super::review;
use super::staged::{Stager, sweep};

use crate::depth::engine::{Engine as Inference, EngineInfo};
use crate::depth::registry::{self, ModelEntry};
use crate::depth::sessions::CacheCounts;
use crate::depth::worker::{DepthRequest, DepthStage};
use crate::depth::workers::{Room, Workers};
use crate::error::{Error, Result};
use crate::exec::Executor;
use crate::exec::cpu::Cpu;
#[cfg(feature = "gpu")]
use crate::exec::gpu::{Gpu, Selection};
use crate::ops::Isa;
use crate::picture::Extent;
use crate::plan::reads_depth;
use crate::recipe::{Detail, Recipe};

/// Bytes of loaded models, at most; the depth stage's share of the memory.
const MODEL_BYTES: u64 = 2 << 30;
/// Tiles of one picture that are asked about side by side where there are cores for it. A session takes as long to load as two of them take to run,
/// so not as many as there are.
const TILES: usize = 4;

/// Bytes one job may hold when `jobs` drivers share `total` bytes over `pictures`.
pub fn job_share(total: u64, jobs: usize, pictures: usize) -> u64 {
    total / jobs.min(pictures).max(1) as u64
}

/// The model of a run and the thread that runs it.
pub(super) struct Depth {
    pub model: Arc<ModelEntry>,
    pub stage: DepthStage,
    /// What earlier runs have estimated.
    pub cache: Option<DepthCache>,
    /// Bytes that loaded sessions may hold: the model in either orientation for every worker, as far as the memory allows.
    cache_bytes: u64,
    /// Whether the model was loaded and answered; once.
    warm: Mutex<Option<Result<()>>>,
}

/// Takes jobs, yields outcomes. One engine serves one recipe.
pub struct Engine {
    pub(super) options: EngineOptions,
    pub(super) recipe: Arc<Recipe>,
    pub(super) pool: Arc<rayon::ThreadPool>,
    pub(super) isa: Isa,
    pub(super) executor: Arc<dyn Executor>,
    /// Why `executor` is not what [`Device::Auto`] found.
    remark: Option<String>,
    memory_bytes: u64,
    pub(super) cancel: Cancel,
    pub(super) jobs: usize,
    depth: OnceLock<Depth>,
}

impl Engine {
    /// Starts an engine: pool, device, budget. Opens no picture but mask files.
    ///
    /// # Errors
    /// `Environment` when the device asked for is not there or threads cannot be started; those of mask files that cannot be decoded.
    pub fn new(options: EngineOptions, recipe: Arc<Recipe>) -> Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = options.threads.unwrap_or(cores).max(1);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|i| format!("pool-{i}")).build();
        let pool = Arc::new(pool.map_err(|e| Error::Environment(format!("cannot start {threads} threads: {e}")))?);
        let isa = options.isa.unwrap_or_else(Isa::best);
        let (executor, remark) = executor(&options.device, &pool, isa)?;
        let mut recipe = recipe;
        if !mask_files::missing(&recipe).is_empty() {
            let mut complete = Recipe::clone(&recipe);
            mask_files::load(&mut complete, &options.limits, &pool)?;
            recipe = Arc::new(complete);
        }
        let memory_bytes = options.memory_bytes.unwrap_or_else(default_memory);
        let jobs = options.jobs.unwrap_or(cores).max(1);
        Ok(Self {
            options,
            recipe,
            pool,
            isa,
            executor,
            remark,
            memory_bytes,
            cancel: Cancel::new(),
            jobs,
            depth: OnceLock::new(),
        })
    }

    /// The flag that stops this engine.
    pub fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// Device in words.
    pub fn device(&self) -> String {
        self.executor.describe()
    }

    /// What runs depth models, once [`Engine::run`] has needed one.
    pub fn inference(&self) -> Option<&EngineInfo> {
        self.depth.get().map(|depth| depth.stage.engine())
    }

    /// Remarks of the inference engine's choice, e.g. a library that was found and could not be loaded.
    pub fn inference_notes(&self) -> &[String] {
        self.depth.get().map_or(&[], |depth| depth.stage.notes())
    }

    /// Loads, hits, evictions and reloads of depth models so far.
    pub fn model_counts(&self) -> Option<CacheCounts> {
        self.depth.get().map(|depth| depth.stage.counts())
    }

    /// Maps found, missed and kept by the depth cache so far.
    pub fn depth_cache_counts(&self) -> Option<DepthCacheCounts> {
        self.depth.get()?.cache.as_ref().map(DepthCache::counts)
    }

    /// The arithmetic class of what `executor` renders; the inference engine is part of it where depth is estimated.
    pub(super) fn arithmetic(&self, executor: &dyn Executor, estimates: bool) -> String {
        match self.depth.get() {
            Some(depth) if estimates => format!("{}; {}", executor.arithmetic(), depth.stage.engine()),
            _ => executor.arithmetic(),
        }
    }

    /// The device of a run; the CPU stands in for one that was not asked for.
    fn devices(&self) -> Devices {
        let spare = || Arc::new(Cpu::new(self.pool.clone(), self.isa)) as Arc<dyn Executor>;
        Devices::new(self.executor.clone(), (self.options.device == Device::Auto).then(spare))
    }

    /// Model and stage of a run whose recipe estimates depth.
    pub(super) fn depth(&self) -> Result<&Depth> {
        self.depth.get().ok_or_else(|| Error::Environment("internal error: the depth stage was not started".to_owned()))
    }

    pub(super) fn depth_if_started(&self) -> Option<&Depth> {
        self.depth.get()
    }

    /// Finds the model and settles the inference engine for a run of so many pictures; loads neither weights nor pictures.
    fn start_depth(&self, pictures: usize) -> Result<()> {
        if self.depth.get().is_some() {
            return Ok(());
        }
        let model = registry::find(&self.recipe.depth.model, Path::new("."), &self.recipe.depth.contract)?;
        registry::permit(&model, self.options.allow_noncommercial)?;
        let provider = self.options.provider;
        let session_bytes = (self.memory_bytes / 2).min(MODEL_BYTES);
        let tiles = if self.recipe.depth.detail == Detail::Tiled { TILES } else { 1 };
        let most = self.jobs.min(pictures) * tiles;
        let room = Room {
            cores: self.pool.current_num_threads(),
            pictures: most,
            session_bytes,
            together: self.options.depth_batch,
        };
        let workers = Workers::choose(&model, provider, room);
        let inference = Inference::resolve_on(&self.options.inference, provider, workers.threads)?;
        let kept = self.options.depth_cache.as_ref().filter(|_| inference.keeps());
        let compiled = kept.and_then(|cache| compiled::make(&cache.folder));
        let inference = inference.keeping(compiled);
        let cache_bytes = workers.session_bytes(&model, provider, session_bytes);
        let mut stage = DepthStage::start_workers(inference, workers, cache_bytes)?;
        workers.unmet(&model, provider, self.options.depth_batch).into_iter().for_each(|note| stage.note(note));
        let cache = self.options.depth_cache.clone().map(|options| DepthCache::new(options, &model, stage.engine()));
        let depth = Depth { model: Arc::new(model), stage, cache, cache_bytes, warm: Mutex::new(None) };
        // Only this thread sets it; a second value would be dropped.
        let _ = self.depth.set(depth);
        Ok(())
    }

    /// Called before a picture whose depth is estimated is read: a model that cannot be used is said now, unless the depth cache may make it
    /// unnecessary.
    pub(super) fn prepare_depth(&self) -> Result<()> {
        let may_do_without = |depth: &Depth| depth.cache.as_ref().is_some_and(DepthCache::has_maps);
        if self.depth.get().is_some_and(may_do_without) { Ok(()) } else { self.warm_up() }
    }

    /// Why the model cannot be used, once that was found out.
    pub(super) fn unusable_model(&self) -> Option<Error> {
        let warm = self.depth.get()?.warm.lock().unwrap_or_else(PoisonError::into_inner);
        warm.as_ref().and_then(|warm| warm.clone().err())
    }

    /// Loads the model and runs it once in either orientation, so that one that cannot be used is not taken for a fault of pictures. Called
    /// for the first picture that the model is needed for: a run that finds everything up to date, whose pictures carry depth, or whose depth is
    /// in the cache, loads nothing.
    pub(super) fn warm_up(&self) -> Result<()> {
        let Some(depth) = self.depth.get() else { return Ok(()) };
        let mut warm = depth.warm.lock().unwrap_or_else(PoisonError::into_inner);
        warm.get_or_insert_with(|| {
            let size = |width, height| depth.model.input_size(Extent { width, height });
            let sizes = BTreeSet::from([size(3, 2), size(2, 3)]);
            sizes.into_iter().try_for_each(|size| {
                let input = vec![0.5; 3 * size.0 as usize * size.1 as usize];
                let request = DepthRequest { model: depth.model.clone(), input, size, tries_out: true };
                depth.stage.estimate(request).map(|_| ())
            })
        })
        .clone()
    }

    /// Runs all jobs; `on_event` hears of each start and end on the calling thread. The outcome of every job is reported once.
    ///
    /// # Errors
    /// Before the first picture is read: colliding outputs, an output folder that cannot be used, a model or device that is
    /// missing or unusable. Afterwards nothing is an error of the run: failures are outcomes.
    pub fn run(&self, jobs: &[Job], work: &Work, mut on_event: impl FnMut(Event)) -> Result<Summary> {
        let review = review::is_possible(&self.recipe, work);
        refuse_collisions(&self.options.out, jobs, work, review)?;
        if self.may_estimate(work) {
            self.start_depth(jobs.len())?;
        }
        let info = RunInfo::new(
            &self.recipe.name,
            Digest::of(self.recipe.hash.as_bytes()),
            self.arithmetic(self.executor.as_ref(), true),
        );
        let opened = journal::open(&self.options.out, &info)?;
        let mut folders = folders(jobs);
        if review {
            let out = &self.options.out;
            let reviewed = jobs.iter().flat_map(|job| review::targets(out, &job.targets));
            folders.extend(reviewed.filter_map(|target| target.parent().map(Path::to_owned)).collect::<Vec<_>>());
        }
        let swept = sweep(folders);
        let notes = opened.recovered.warnings.iter().cloned().chain(opened.ledger.warnings());
        let notes = self.remark.iter().cloned().chain(notes);
        for note in notes.chain(swept.errors.iter().map(ToString::to_string)) {
            on_event(Event::Note(&note));
        }
        let stager = Stager::new(opened.journal.writer());
        let committer =
            Committer::start_recorded(opened.journal, CommitOptions::default(), self.options.recorder.clone())?;
        // A loaded model counts against the memory for as long as the run lasts.
        let model_bytes = self.depth.get().map_or(0, |depth| depth.cache_bytes);
        let budget = Budget::new(self.memory_bytes.saturating_sub(model_bytes).max(self.memory_bytes / 4));
        let run = Run {
            engine: self,
            devices: self.devices(),
            share_bytes: job_share(budget.total(), self.jobs, jobs.len()),
            budget,
            jobs,
            kind: work,
            ledger: &opened.ledger,
            stager: &stager,
            committer: &committer,
            has_older_review: !review && review::has_older(&self.options.out, jobs, work),
            next: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            fatal: Mutex::new(None),
        };
        drive::refuse_mixed(&run)?;
        let mut summary = Summary::default();
        let (messages, received) = channel();
        std::thread::scope(|scope| {
            let run = &run;
            let drivers: Vec<_> = (0..self.jobs.min(jobs.len()))
                .map(|driver| {
                    let messages = messages.clone();
                    scope.spawn(move || drive::drive(run, driver, &messages))
                })
                .collect();
            scope.spawn(move || {
                for driver in drivers {
                    // A driver catches the panics of its jobs; one of its own has nothing left to say.
                    let _ = driver.join();
                }
                // Outcomes of the last group are sent by the committer; then every sender is gone and the loop below ends.
                let _ = run.committer.flush();
                drop(messages);
            });
            for message in received {
                match message {
                    Message::Started(index) => on_event(Event::Started { index }),
                    Message::Finished(outcome) => {
                        count(&mut summary, &outcome);
                        if self.options.max_failures.is_some_and(|most| summary.failed > most) {
                            run.stop.store(true, Ordering::Relaxed);
                        }
                        on_event(Event::Finished(&outcome));
                    }
                }
            }
        });
        if let Some(note) = self.depth.get().and_then(|depth| depth.cache.as_ref()).and_then(DepthCache::finish) {
            on_event(Event::Note(&note));
        }
        if let Some(error) = run.fatal.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(error);
        }
        committer.finish()?;
        let ended = summary.done + summary.up_to_date + summary.skipped + summary.failed;
        summary.not_started = (jobs.len() as u64).saturating_sub(ended);
        summary.cancelled = self.cancel.is_cancelled();
        Ok(summary)
    }

    fn may_estimate(&self, work: &Work) -> bool {
        let reads = reads_depth(&self.recipe) || work.needs_depth(&self.recipe);
        reads && !self.recipe.depth.source.never_estimates()
    }
}

/// The executor for `device`, and a remark where [`Device::Auto`] found a GPU that cannot be used.
fn executor(device: &Device, pool: &Arc<rayon::ThreadPool>, isa: Isa) -> Result<(Arc<dyn Executor>, Option<String>)> {
    let cpu = || Arc::new(Cpu::new(pool.clone(), isa)) as Arc<dyn Executor>;
    match device {
        Device::Cpu => Ok((cpu(), None)),
        #[cfg(feature = "gpu")]
        Device::Auto => Ok(match Gpu::new(&Selection::Auto) {
            Ok(Some(gpu)) => (Arc::new(gpu), None),
            Ok(None) => (cpu(), None),
            Err(error) => (cpu(), Some(format!("{error}: pictures are rendered on the CPU"))),
        }),
        #[cfg(feature = "gpu")]
        Device::Gpu | Device::Named(_) => {
            let selection = match device {
                Device::Named(name) => Selection::Name(name.clone()),
                _ => Selection::Any,
            };
            match Gpu::new(&selection)? {
                Some(gpu) => Ok((Arc::new(gpu), None)),
                None => Err(Error::Environment("no GPU was found; use --device cpu, or see chiaro doctor".to_owned())),
            }
        }
        #[cfg(not(feature = "gpu"))]
        Device::Auto => Ok((cpu(), None)),
        #[cfg(not(feature = "gpu"))]
        Device::Gpu | Device::Named(_) => {
            Err(Error::Environment("this build has no GPU executor; use --device cpu".to_owned()))
        }
    }
}

fn count(summary: &mut Summary, outcome: &Outcome) {
    if outcome.review.is_some() && matches!(outcome.status, Status::Done | Status::UpToDate) {
        summary.review += 1;
    }
    match &outcome.status {
        Status::Done => summary.done += 1,
        Status::UpToDate => summary.up_to_date += 1,
        Status::Skipped(_) => summary.skipped += 1,
        Status::Failed { kind: crate::error::ErrorKind::Cancelled, .. } => {}
        Status::Failed { .. } => summary.failed += 1,
    }
}

/// Refuses the run when two outputs, or an output and an input, are one file. `work` is what the run does, for the advice; `review`: pictures can
/// go to review, so their names there count too.
///
/// # Errors
/// `Output`, with what collides.
pub fn refuse_collisions(out: &Path, jobs: &[Job], work: &Work, review: bool) -> Result<()> {
    let inputs = jobs.iter().map(|job| job.input.as_path());
    let in_review = |job: &Job| if review { review::targets(out, &job.targets) } else { Vec::new() };
    let reviewed: Vec<PathBuf> = jobs.iter().flat_map(in_review).collect();
    let outputs = jobs.iter().flat_map(|job| &job.targets).chain(&reviewed);
    if Claims::are_free(inputs, outputs.map(PathBuf::as_path)) {
        return Ok(());
    }
    let mut claims = Claims::new();
    let mut found = Vec::new();
    for job in jobs {
        found.extend(claims.add_input(&job.input).err().map(|c| *c));
    }
    for job in jobs {
        for target in job.targets.iter().chain(&in_review(job)) {
            found.extend(claims.claim(&job.input, target).err().map(|c| *c));
        }
    }
    let naming = if matches!(work, Work::Depth(_)) { Naming::Fixed } else { Naming::Template };
    report(out, &found, naming).map_or(Ok(()), Err)
}

fn folders(jobs: &[Job]) -> BTreeSet<PathBuf> {
    jobs.iter().flat_map(|job| &job.targets).filter_map(|target| target.parent().map(Path::to_owned)).collect()
}
