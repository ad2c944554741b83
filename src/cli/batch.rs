//! A batch from arguments to exit code: what `run` and `depth` share.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use chiaro::engine::budget::default_memory;
use chiaro::engine::job::{Event, Job, MapStyle, Outcome, Status, Work};
use chiaro::engine::naming::Intake;
use chiaro::engine::options::EngineOptions;
use chiaro::engine::profile::Recorder;
use chiaro::engine::{Engine, refuse_collisions};
use chiaro::error::{ErrorKind, escape};
use chiaro::recipe::Recipe;

use super::args::{InputArgs, JobArgs};
use super::console::Console;
use super::exit::{self, Exit, say, usage_error};
use super::inputs::{gather, nothing};
use super::profile;
use super::progress::Progress;
use super::report::{self, Picture, RecipeFacts, Report, Totals, WarningCount, status_word};
use super::signals::Signals;
use super::summary;
use super::values::PagesArg;
use super::voice::{self, Level};

/// What a batch does.
pub struct Batch {
    /// What names inputs.
    pub input: InputArgs,
    /// Grade or depth.
    pub work: Work,
    /// The look.
    pub recipe: Recipe,
    /// Name template of graded pictures.
    pub name: String,
    /// Pages of the pictures.
    pub pages: PagesArg,
    /// Colors and unit of depth maps.
    pub maps: MapStyle,
    /// How it runs.
    pub job: JobArgs,
}

/// A batch under way.
struct State {
    console: Console,
    signals: Signals,
    started: Instant,
    totals: Totals,
    /// What became of every picture; empty unless a report is wanted, since a run of very many files must stay small.
    pictures: Vec<Option<Picture>>,
    /// Indices and names of jobs that failed.
    failed: Vec<(usize, PathBuf)>,
    refused: Vec<Picture>,
    recorder: Recorder,
}

/// Facts of the engine that outlive it.
#[derive(Default)]
pub struct EngineFacts {
    /// Device in words.
    pub device: Option<String>,
    /// What ran depth models.
    pub inference: Option<chiaro::depth::engine::EngineInfo>,
    /// What loading them took.
    pub models: Option<chiaro::depth::sessions::CacheCounts>,
    /// What the depth cache saved.
    pub depth_cache: Option<chiaro::engine::depth_cache::DepthCacheCounts>,
}

/// Runs a batch.
///
/// # Errors
/// What ends it before or after the pictures; failures of pictures are in the exit code.
pub fn run(batch: Batch) -> anyhow::Result<Exit> {
    let signals = Signals::install();
    chiaro::codec::mapping::install_sigbus_handler();
    let started = Instant::now();
    let mut gathered = gather(&batch.input, &batch.work, &batch.recipe, &batch.job.out, &batch.name)?;
    batch.pages.apply(&mut gathered.intake);
    let intake = &gathered.intake;
    if let Some(path) = &batch.job.report {
        check_report(path, &intake.jobs)?;
    }
    let mut state = State {
        console: Console::new(&batch.job),
        signals,
        started,
        totals: Totals::default(),
        pictures: if batch.job.report.is_some() { intake.jobs.iter().map(|_| None).collect() } else { Vec::new() },
        failed: Vec::new(),
        refused: Vec::new(),
        recorder: profile::begin(&batch.job)?,
    };
    gathered.notes.iter().for_each(|note| state.console.warning(None, note));
    state.refuse(intake);
    let mut facts = EngineFacts::default();
    let ended = if gathered.nothing { Ok(Exit::Nothing) } else { state.work(&batch, intake, &mut facts) };
    state.totals.seconds = started.elapsed().as_secs_f64();
    if gathered.nothing {
        say(&nothing(intake));
    }
    let error = ended.as_ref().err().map(exit::message);
    let mut exit = ended.unwrap_or_else(|error| exit::report(&error));
    if let Some(path) = &batch.job.report {
        let written = report::write(path, &state.report(&batch, intake, &facts, exit, error));
        if let Err(error) = written {
            say(&error.to_string());
            // The pictures are what they are; that the report is missing must not pass as success.
            exit = if exit == Exit::Success { Exit::Environment } else { exit };
        }
    }
    if !profile::end(&state.recorder, &batch.job) && exit == Exit::Success {
        exit = Exit::Environment;
    }
    state.console.event(&summary::end_event(&state.totals, &facts, exit));
    Ok(exit)
}

/// Refuses, before work starts, a report that could not be written at its end or would replace a picture.
fn check_report(report: &Path, jobs: &[Job]) -> anyhow::Result<()> {
    let refuse = |why: &str| Err(exit::Usage(format!("--report {}: {why}", escape(report))).into());
    let folder = report.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if report.is_dir() || report.file_name().is_none() {
        return refuse("this is a folder, a file is needed");
    }
    if !folder.is_dir() {
        return refuse("its folder does not exist");
    }
    let Ok(real) = report.canonicalize() else { return Ok(()) };
    let is_report =
        |job: &Job| job.input.file_name() == real.file_name() && job.input.canonicalize().is_ok_and(|p| p == real);
    if jobs.iter().any(is_report) { refuse("this is one of the inputs") } else { Ok(()) }
}

impl State {
    /// Inputs that cannot become jobs fail before the first picture.
    fn refuse(&mut self, intake: &Intake) {
        for error in &intake.failed {
            self.console.error(None, &error.to_string());
            self.refused.push(Picture::refused(error));
        }
        self.totals.summary.failed = intake.failed.len() as u64;
    }

    fn work(&mut self, batch: &Batch, intake: &Intake, facts: &mut EngineFacts) -> anyhow::Result<Exit> {
        let review = chiaro::engine::review::is_possible(&batch.recipe, &batch.work);
        refuse_collisions(&batch.job.out, &intake.jobs, &batch.work, review).map_err(|e| usage_error(&e))?;
        let Some(options) = self.options(batch, intake) else {
            self.totals.summary.not_started = intake.jobs.len() as u64;
            return Ok(self.exit());
        };
        let engine = Engine::new(options, Arc::new(batch.recipe.clone()))?;
        facts.device = Some(engine.device());
        let quiet = batch.job.quiet;
        self.signals.attach(engine.cancel().clone(), move || {
            if !quiet {
                let text =
                    "stopping: what is finished stays, the rest can be done by the same command; again to end at once";
                voice::say(Level::Info, None, text);
            }
        });
        let result = self.pictures(&engine, batch, intake);
        facts.inference = engine.inference().cloned();
        facts.models = engine.model_counts();
        facts.depth_cache = engine.depth_cache_counts();
        for note in engine.inference_notes() {
            self.console.warning(None, note);
        }
        self.console.repeated_warnings();
        match result {
            Err(error) if error.kind() == ErrorKind::Cancelled => Ok(self.exit()),
            Err(error) => Err(error.into()),
            Ok(()) => {
                self.totals.seconds = self.started.elapsed().as_secs_f64();
                self.failed.sort();
                summary::print(&self.console, &self.totals, intake, facts, &self.failed);
                Ok(self.exit())
            }
        }
    }

    /// Options with every default settled; `None` when the failures so far are too many already.
    fn options(&self, batch: &Batch, intake: &Intake) -> Option<EngineOptions> {
        let mut options = batch.job.engine_options();
        options.recorder = self.recorder.clone();
        options.maps = batch.maps;
        options.memory_bytes.get_or_insert_with(default_memory);
        options.jobs.get_or_insert_with(default_jobs);
        let refused = intake.failed.len() as u64;
        let all = refused + intake.jobs.len() as u64;
        let most = if batch.job.fail_fast { Some(0) } else { batch.job.max_failures.map(|most| most.of(all)) };
        if let Some(most) = most {
            options.max_failures = Some(most.checked_sub(refused)?);
        }
        Some(options)
    }

    fn pictures(&mut self, engine: &Engine, batch: &Batch, intake: &Intake) -> chiaro::error::Result<()> {
        let jobs = &intake.jobs;
        let mut progress = Progress::begin(&mut self.console, jobs, &batch.recipe.name);
        let summary = engine.run(jobs, &batch.work, |event| match event {
            Event::Note(text) => self.console.warning(None, text),
            Event::Started { index } => {
                if let Some(job) = jobs.get(index) {
                    progress.started(&self.console, index, &job.input);
                }
            }
            Event::Finished(outcome) => {
                if let Some(job) = jobs.get(outcome.index) {
                    progress.finished(&self.console, job, outcome);
                    self.finished(job, outcome);
                }
            }
        });
        progress.end(&self.console);
        let refused = self.totals.summary.failed;
        self.totals.summary = summary?;
        self.totals.summary.failed += refused;
        Ok(())
    }

    /// Tells what became of one picture.
    fn finished(&mut self, job: &Job, outcome: &Outcome) {
        for warning in &outcome.warnings {
            self.console.picture_warning(&job.input, warning);
        }
        let word = if outcome.review.is_some() { "review" } else { status_word(&outcome.status) };
        match &outcome.status {
            Status::Done | Status::UpToDate => {
                for output in report::in_place(job, outcome) {
                    self.console.result(&format!("{word:<10}  {}", escape(output)));
                }
            }
            Status::Skipped(reason) => {
                let word = status_word(&outcome.status);
                self.console.result(&format!("{word:<10}  {}: {reason}", escape(&job.input)));
            }
            // The summary counts them; a line for each would bury what failed.
            Status::Failed { kind: ErrorKind::Cancelled, .. } => {}
            Status::Failed { message, .. } => {
                self.failed.push((outcome.index, job.input.clone()));
                self.console.error(Some(&job.input), message);
            }
        }
        if let (Some(reason), Status::Done) = (&outcome.review, &outcome.status) {
            self.console.warning(Some(&job.input), &format!("sent to review: {reason}"));
        }
        if self.console.verbose() && outcome.status == Status::Done {
            let s = outcome.stages;
            let depth = outcome.depth.as_deref().map(|d| format!(", depth from {d}")).unwrap_or_default();
            self.console.info(&format!(
                "{}: wait {:.3} s, read {:.3}, analyse {:.3}, depth {:.3}, render {:.3}, write {:.3}{depth}",
                escape(&job.input),
                s.admit,
                s.read,
                s.analyse,
                s.depth,
                s.render,
                s.write
            ));
        }
        self.totals.add(outcome);
        if let Some(entry) = self.pictures.get_mut(outcome.index) {
            *entry = Some(Picture::ended(job, outcome));
        }
    }

    fn exit(&self) -> Exit {
        let totals = &self.totals.summary;
        match self.signals.exit() {
            Some(exit) => exit,
            None if totals.failed + totals.not_started > 0 => Exit::Failures,
            None => Exit::Success,
        }
    }

    fn report(
        &mut self,
        batch: &Batch,
        intake: &Intake,
        facts: &EngineFacts,
        exit: Exit,
        error: Option<String>,
    ) -> Report {
        let ended = std::mem::take(&mut self.pictures);
        let jobs = intake.jobs.iter().zip(ended);
        let mut pictures = std::mem::take(&mut self.refused);
        pictures.extend(jobs.map(|(job, ended)| ended.unwrap_or_else(|| Picture::not_started(job))));
        let warning = |(message, &pictures): (&String, &u64)| WarningCount { message: message.clone(), pictures };
        Report {
            schema: super::schema::REPORT_VERSION,
            program: "chiaro",
            version: env!("CARGO_PKG_VERSION"),
            recipe: RecipeFacts::of(&batch.recipe),
            out: chiaro::engine::journal::path_text(&batch.job.out),
            device: facts.device.clone(),
            inference: facts.inference.clone(),
            memory_bytes: Some(batch.job.machine.memory.unwrap_or_else(default_memory)),
            jobs: Some(batch.job.machine.jobs.map_or_else(default_jobs, usize::from)),
            models: facts.models,
            depth_cache: facts.depth_cache,
            ended: match exit {
                Exit::Interrupted => "interrupted",
                Exit::Stopped => "stopped",
                _ if error.is_some() => "failed",
                _ => "complete",
            },
            exit: exit as u8,
            totals: self.totals.clone(),
            warnings: self.console.warning_counts().iter().map(warning).collect(),
            error,
            left_out: intake.skipped.clone(),
            pictures,
        }
    }
}

/// Pictures in work when nobody says: while one waits for its model, its last strip or its first, no core is idle.
pub fn default_jobs() -> usize {
    cores() + 1
}

/// Cores of this machine that this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
