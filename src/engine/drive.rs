//! The way of one picture: admission, analyse, render, commit. Each driver thread owns one job from admission to hand-over.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::analyse::{Facts, analyse};
use super::budget::Budget;
use super::committer::{CommitSet, Committer, Output};
use super::depth_map::facts_path;
use super::exports::{self, Form, MapFacts};
use super::identity::{Digest, Identity, IdentityBuilder, InputKey, Stamp};
use super::job::{Job, MapStyle, Outcome, Stages, Status, Work as Kind};
use super::journal::{Ledger, State};
use super::on_exist::{Decision, OnExist, SkipReason, settle};
use super::profile::{Kind as Time, Probe, Stage};
use super::restart::{Devices, Rendered};
use super::review::{self, Settled};
use super::staged::{Staged, Stager};
use super::supplied_depth::{carries, find, map_path};
use super::{Engine, render, tiled};
use crate::codec::{self, Source};
use crate::error::{Error, Result};
use crate::exec::{Executor, cpu};
use crate::picture::Format;
use crate::plan::{DepthPlan, Plan, PlanRequest, plan_with, reads_depth};
use crate::recipe::DepthSource;

/// Everything the drivers of one run share.
pub struct Run<'a> {
    pub engine: &'a Engine,
    /// What renders, and what stands in for it.
    pub devices: Devices,
    /// Bytes that jobs may hold together.
    pub budget: Budget,
    /// Bytes that one of them may hold.
    pub share_bytes: u64,
    pub jobs: &'a [Job],
    pub kind: &'a Kind,
    pub ledger: &'a Ledger,
    pub stager: &'a Stager,
    pub committer: &'a Committer,
    /// Earlier runs may have left pictures in review, where this one sends none.
    pub has_older_review: bool,
    /// Next job to take.
    pub next: AtomicUsize,
    /// Set when no further job may be taken.
    pub stop: AtomicBool,
    /// What ends the run: a model that cannot be used.
    pub fatal: Mutex<Option<Error>>,
}

/// One job in work.
pub struct Work<'a> {
    pub engine: &'a Engine,
    /// What renders this picture from first strip to last.
    pub executor: Arc<dyn Executor>,
    pub job: &'a Job,
    pub stages: Stages,
    /// Records what happens to it.
    pub probe: Probe,
    pub warnings: Vec<String>,
}

/// Messages from drivers and committer to the thread that runs the engine.
pub enum Message {
    Started(usize),
    Finished(Box<Outcome>),
}

/// Takes jobs until there are no more, as driver number `driver`.
pub fn drive(run: &Run, driver: usize, messages: &Sender<Message>) {
    while !run.stop.load(Ordering::Relaxed) && !run.engine.cancel.is_cancelled() {
        let index = run.next.fetch_add(1, Ordering::Relaxed);
        let Some(job) = run.jobs.get(index) else { return };
        let mut outcome = Outcome::new(index, Status::Done);
        let recorder = &run.engine.options.recorder;
        let probe = Probe::new(recorder.clone(), index, driver);
        let started = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| one(run, job, &mut outcome, probe.clone(), messages)));
        let result = result.unwrap_or_else(|panic| Err(internal(&job.input, &*panic)));
        outcome.seconds = started.elapsed().as_secs_f64();
        recorder.picture(probe.driver(), started, index, &job.name);
        match result {
            Ok(true) => {}
            Ok(false) => send(messages, Message::Finished(Box::new(outcome))),
            // The end of the run is the error of the run, told once by whoever started it.
            Err(_) if run.fatal.lock().unwrap_or_else(PoisonError::into_inner).is_some() => return,
            Err(error) => {
                outcome.fail(&error);
                // Nothing lies there.
                outcome.review = None;
                if !matches!(error, Error::Cancelled) {
                    // The journal's own trouble must not hide the job's.
                    let _ = run.committer.failed(&job.name, &error);
                }
                send(messages, Message::Finished(Box::new(outcome)));
            }
        }
    }
}

fn send(messages: &Sender<Message>, message: Message) {
    // The receiver outlives all drivers; if it is gone, nobody is left to tell.
    let _ = messages.send(message);
}

fn internal(path: &Path, panic: &(dyn std::any::Any + Send)) -> Error {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    Error::input(path, format!("internal error, please report it: {}", text.unwrap_or("unknown panic")))
}

/// One job. Returns true when the committer has it and will send its outcome.
fn one(run: &Run, job: &Job, outcome: &mut Outcome, probe: Probe, messages: &Sender<Message>) -> Result<bool> {
    let began = Instant::now();
    let engine = run.engine;
    let (input_stamp, map) = (stamp(&job.input)?, map_stamp(run, job));
    let mut identity = identity_of(run, job, input_stamp, engine.executor.as_ref());
    let (decision, targets) = settle(job.targets.clone(), engine.options.on_exist, engine.options.allow_mixed, |t| {
        run.ledger.state(&identity, t)
    })?;
    let out = &engine.options.out;
    let reviewed = review::is_possible(&engine.recipe, run.kind).then(|| review::targets(out, &job.targets));
    let reviewed = reviewed.map(|names| settle_review(run, &identity, names)).transpose()?;
    if let (Decision::Write { .. }, Some(settled)) = (&decision, &reviewed)
        && let Some(reason) = settled.skips()
    {
        outcome.status = match reason {
            SkipReason::UpToDate => {
                outcome.review = Some("an earlier run sent it there".to_owned());
                outcome.outputs.clone_from(&settled.targets);
                outcome.warnings.extend(review::left_over(&targets));
                Status::UpToDate
            }
            SkipReason::Exists => Status::Skipped("an output exists in review".to_owned()),
        };
        return Ok(false);
    }
    let replace = match decision {
        Decision::Write { replace } => replace,
        Decision::Skip(SkipReason::UpToDate) => {
            outcome.status = Status::UpToDate;
            outcome.warnings.extend(match reviewed {
                Some(settled) => review::left_over(&settled.targets),
                None => left_in_review(run, job, &identity),
            });
            return Ok(false);
        }
        Decision::Skip(SkipReason::Exists) => {
            outcome.status = Status::Skipped("an output exists".to_owned());
            return Ok(false);
        }
        Decision::Fail(reason) => return Err(Error::output(&job.input, reason)),
        Decision::WriteAs => return Err(Error::output(&job.input, "no free name was found")),
    };
    let colors_needed = matches!(run.kind, Kind::Depth(_));
    let limits = &engine.options.limits;
    let mut source = codec::open_for(&job.input, limits, &engine.recipe, job.page, colors_needed)?;
    outcome.extent = Some(source.info().extent);
    let request = PlanRequest {
        path: &job.input,
        info: source.info(),
        recipe: &engine.recipe,
        share_bytes: run.share_bytes,
        total_bytes: run.budget.total(),
        source_bytes: &|rows| source.resident_bytes(rows),
        exports: run.kind.exports(source.info().extent),
        threads: engine.pool.current_num_threads(),
        strip_rows: engine.options.strip_rows,
    };
    let needs_depth = reads_depth(&engine.recipe) || run.kind.needs_depth(&engine.recipe);
    let mut remarks = Vec::new();
    let supplied = match needs_depth {
        true => find(&engine.recipe, &job.input, source.info(), limits, &mut remarks)?,
        false => None,
    };
    let mut plan = plan_with(&request, supplied)?;
    plan.notes.append(&mut remarks);
    if matches!(run.kind, Kind::Depth(_)) {
        plan.require_depth(&request)?;
    }
    if let Kind::Mask(number) = run.kind {
        plan.require_mask(&request, *number)?;
    }
    if let Some(DepthPlan::Estimated { detail, .. }) = plan.depth {
        plan.charge_model(tiled::size(source.info(), &engine.depth()?.model, detail));
    }
    let forms = forms(run, &plan);
    check_unit(run, job, &plan, &forms)?;
    if matches!(plan.depth, Some(DepthPlan::Estimated { .. })) {
        let started = Instant::now();
        engine.prepare_depth().inspect_err(|_| end_without_model(run))?;
        probe.other(probe.driver(), Stage::Infer, started, Time::Waiting);
    }
    let mut work = Work {
        engine,
        executor: engine.executor.clone(),
        job,
        stages: Stages::default(),
        probe,
        warnings: source.info().warnings.clone(),
    };
    work.warnings.extend(plan.notes.iter().cloned());
    let started = Instant::now();
    let permit = run.budget.acquire(plan.bytes, &engine.cancel)?;
    work.stages.admit = work.probe.admitted(started);
    send(messages, Message::Started(outcome.index));
    let result = (|| {
        let facts = analyse(&mut work, &plan, source.as_mut())?;
        let cached = if facts.cached { ", cached" } else { "" };
        outcome.depth = facts.depth_source.as_ref().map(|words| format!("{words}{cached}"));
        outcome.scores = facts.scores;
        let delivered = (targets, replace);
        let (targets, replace) = match reviewed {
            Some(settled) => place(run, &mut work, outcome, delivered, settled)?,
            None => {
                work.warnings.extend(left_in_review(run, job, &identity));
                delivered
            }
        };
        let rendered = run.devices.render(&mut work, source.as_mut(), facts, |work, source, facts| {
            rendered(run, work, (&plan, &forms), source, facts, &targets)
        })?;
        if stamp(&job.input)? != input_stamp {
            return Err(Error::input(&job.input, "changed by another program while it was read"));
        }
        if map_stamp(run, job) != map {
            return Err(Error::input(&job.input, "its depth map was changed by another program while it was read"));
        }
        Ok((rendered, replace))
    })()
    .inspect_err(|_| end_without_model(run));
    drop(source);
    cpu::forget_strips();
    drop(permit);
    outcome.stages = work.stages;
    outcome.warnings = work.warnings;
    outcome.device = Some(work.executor.describe());
    let (Rendered { result: staged, executor }, replace) = result?;
    if !Arc::ptr_eq(&executor, &engine.executor) {
        // Whoever resumes the run must know which pictures are of another arithmetic.
        identity = identity_of(run, job, input_stamp, executor.as_ref());
    }
    let outputs = staged.into_iter().map(|staged| Output { staged, replace }).collect();
    outcome.seconds = began.elapsed().as_secs_f64();
    let mut finished = outcome.clone();
    let messages = messages.clone();
    let started = Instant::now();
    let submitted = run.committer.submit(CommitSet { job: job.name.clone(), identity, outputs }, move |result| {
        match result {
            Ok(committed) => finished.outputs = committed.into_iter().map(|o| o.path).collect(),
            Err(failure) => {
                finished.status = Status::Failed { kind: failure.error.kind(), message: failure.to_string() };
                finished.review = None;
                finished.outputs = failure.in_place;
            }
        }
        send(&messages, Message::Finished(Box::new(finished)));
    });
    // A full queue makes drivers wait.
    work.probe.other(work.probe.driver(), Stage::Commit, started, Time::Waiting);
    submitted?;
    Ok(true)
}

/// Renders every output into a staged file of its own.
fn rendered(
    run: &Run,
    work: &mut Work,
    (plan, forms): (&Plan, &[Form]),
    source: &mut dyn Source,
    facts: Facts,
    targets: &[PathBuf],
) -> Result<Vec<Staged>> {
    let staged = targets.iter().map(|target| run.stager.stage(target)).collect::<Result<Vec<_>>>()?;
    match run.kind {
        Kind::Depth(_) => render::depth_maps(work, plan, source, facts, forms, &staged)?,
        Kind::Grade | Kind::Mask(_) => render::outputs(work, plan, source, facts, &staged)?,
    }
    Ok(staged)
}

/// The forms of the depth maps of a job.
fn forms(run: &Run, plan: &Plan) -> Vec<Form> {
    let MapStyle { colors, unit } = run.engine.options.maps;
    match run.kind {
        Kind::Depth(exports) => exports.iter().map(|export| Form { export: *export, colors, unit }).collect(),
        Kind::Grade => plan.outputs.iter().filter_map(Form::of).collect(),
        Kind::Mask(_) => Vec::new(),
    }
}

/// Refuses meters of a relative model that nothing ties to them, before the picture is read.
fn check_unit(run: &Run, job: &Job, plan: &Plan, forms: &[Form]) -> Result<()> {
    let Some(DepthPlan::Estimated { .. }) = plan.depth else { return Ok(()) };
    let model = &run.engine.depth()?.model;
    let known = MapFacts::default().by(model).tied(plan.anchors()).unit;
    exports::check_unit(forms, known, &format!("the depth of model {}", model.id), &job.input)
}

/// What is decided about names in review.
fn settle_review(run: &Run, identity: &Identity, names: Vec<PathBuf>) -> Result<Settled> {
    let options = &run.engine.options;
    let (decision, targets) =
        settle(names, options.on_exist, options.allow_mixed, |names| run.ledger.state(identity, names))?;
    Ok(Settled { decision, targets })
}

/// Names of the outputs, and whether they may replace what has them: those asked for, or those in review.
fn place(
    run: &Run,
    work: &mut Work,
    outcome: &mut Outcome,
    (targets, replace): (Vec<PathBuf>, bool),
    reviewed: Settled,
) -> Result<(Vec<PathBuf>, bool)> {
    let limits = run.engine.recipe.depth.gate.limits();
    let reasons = outcome.scores.map(|scores| scores.beyond(&limits)).unwrap_or_default();
    let (chosen, elsewhere) = if reasons.is_empty() {
        ((targets, replace), reviewed.targets)
    } else {
        outcome.review = Some(reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "));
        (reviewed.write(work.job)?, targets)
    };
    work.warnings.extend(review::left_over(&elsewhere));
    Ok(chosen)
}

/// A word on what earlier runs, with limits for depth, have sent to review of a picture that this run, without them, delivers. What no journal
/// vouches for is the user's own.
fn left_in_review(run: &Run, job: &Job, identity: &Identity) -> Option<String> {
    if !run.has_older_review {
        return None;
    }
    let mut names = review::targets(&run.engine.options.out, &job.targets);
    let is_ours = |name: &PathBuf| {
        let state = run.ledger.state(identity, std::slice::from_ref(name));
        matches!(state, Ok(state) if !matches!(state, State::Absent | State::Foreign { .. }))
    };
    names.retain(is_ours);
    review::left_over(&names)
}

/// Ends the run if the model cannot be used: no picture that needs it can be done.
fn end_without_model(run: &Run) {
    if let Some(error) = run.engine.unusable_model() {
        run.stop.store(true, Ordering::Relaxed);
        *run.fatal.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }
}

fn stamp(path: &Path) -> Result<Stamp> {
    std::fs::metadata(path).map(|m| Stamp::of(&m)).map_err(|e| Error::input(path, e))
}

/// What the bytes of the outputs depend on, when `executor` renders them. A picture that does not fit the buffers of the run's device and is
/// therefore always rendered on the CPU counts as the device's: whoever has that device gets these bytes.
fn identity_of(run: &Run, job: &Job, stamp: Stamp, executor: &dyn Executor) -> Identity {
    let kind = match run.kind {
        Kind::Grade => "grade".to_owned(),
        Kind::Depth(exports) => format!("depth {exports:?} {:?}", run.engine.options.maps),
        Kind::Mask(number) => format!("mask {number}"),
    };
    let engine = run.engine;
    let mut builder = IdentityBuilder::new()
        .input(&InputKey::Stamp(stamp))
        .hash("recipe", &Digest::of(engine.recipe.hash.as_bytes()))
        // The picture's metadata says it.
        .part("name", &engine.recipe.name)
        .part("work", kind);
    if let Some(page) = job.page.filter(|page| *page > 0) {
        builder = builder.part("page", page.to_string());
    }
    if let Some(map) = map_stamp(run, job) {
        let [map, facts] = map.map(|file| file.map_or("none".to_owned(), |stamp| InputKey::Stamp(stamp).text()));
        builder = builder.part("depth map", format!("{map}, facts {facts}"));
    }
    let depth = engine.depth_if_started().filter(|_| !carries_depth(run, job));
    if let Some(depth) = depth {
        builder = builder.part("model", depth.model.fingerprint());
    }
    builder.finish(engine.arithmetic(executor, depth.is_some()))
}

/// The stamps of the depth map that the recipe names beside the picture and of the facts beside that map, each `None` when there is no such
/// file; `None` when no depth is taken from a file.
fn map_stamp(run: &Run, job: &Job) -> Option<[Option<Stamp>; 2]> {
    let recipe = &run.engine.recipe;
    let path = map_path(recipe, &job.input).filter(|_| reads_depth(recipe) || run.kind.needs_depth(recipe))?;
    let facts = facts_path(&path);
    Some([stamp(&path).ok(), stamp(&facts).ok()])
}

/// True when the picture's own depth is used, so that neither model nor inference engine decide its bytes. Only EXR and JPEG can carry depth,
/// and only the header is read; a picture that cannot be opened fails later, with its own error.
fn carries_depth(run: &Run, job: &Job) -> bool {
    let can = |e: &std::ffi::OsStr| {
        Format::Exr.has_extension(&e.to_string_lossy()) || Format::Jpeg.has_extension(&e.to_string_lossy())
    };
    let (recipe, limits) = (&run.engine.recipe, &run.engine.options.limits);
    job.input.extension().is_some_and(can)
        && recipe.depth.source != DepthSource::Model
        && codec::open(&job.input, limits).is_ok_and(|s| carries(recipe, &job.input, s.info(), limits))
}

/// A resumed run of another arithmetic class would leave a folder whose pictures differ by who rendered them: refused before the first
/// picture, unless the user accepts it.
pub fn refuse_mixed(run: &Run) -> Result<()> {
    let options = &run.engine.options;
    if options.allow_mixed || options.on_exist != OnExist::SkipIfValid || run.ledger.arithmetic_classes().is_empty() {
        return Ok(());
    }
    for job in run.jobs {
        // What cannot be looked at fails as a picture, with its own error.
        let Ok(stamp) = stamp(&job.input) else { continue };
        let identity = identity_of(run, job, stamp, run.engine.executor.as_ref());
        let in_review = review::is_possible(&run.engine.recipe, run.kind);
        let in_review = in_review.then(|| review::targets(&options.out, &job.targets));
        let recorded = [Some(job.targets.clone()), in_review].into_iter().flatten().find_map(|names| {
            match run.ledger.state(&identity, &names) {
                Ok(State::OtherClass { recorded } | State::OursPartial { other_class: Some(recorded), .. }) => {
                    Some(recorded)
                }
                _ => None,
            }
        });
        let Some(recorded) = recorded else { continue };
        return Err(Error::Environment(format!(
            "{} was rendered with another arithmetic ({recorded}), this run would use {}: continue with --allow-mixed, or render all anew with --on-exist overwrite",
            crate::error::escape(job.targets.first().unwrap_or(&job.input)),
            run.engine.arithmetic(run.engine.executor.as_ref(), true),
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_with_its_words() {
        let panic = catch_unwind(|| panic!("the {} fell", "sky")).unwrap_err();
        assert!(internal(Path::new("a.tif"), &*panic).to_string().contains("the sky fell"));
        let panic = catch_unwind(|| panic!("plain words")).unwrap_err();
        assert!(internal(Path::new("a.tif"), &*panic).to_string().contains("plain words"));
    }
}
