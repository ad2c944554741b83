//! `chiaro plan`: what a run would do, without doing it. Reads headers and the depth model's header; starts no device and no inference.

use std::path::{Path, PathBuf};

use chiaro::codec::{self, Limits};
use chiaro::depth::registry::{self, ModelEntry};
use chiaro::engine::budget::default_memory;
use chiaro::engine::estimate::{free_bytes, last_pace};
use chiaro::engine::job::{Job, Work};
use chiaro::engine::{find_depth_map, job_share, refuse_collisions, review, tiled};
use chiaro::error::{Error, Result};
use chiaro::plan::{DepthPlan, Exports, PlanRequest, RenderFacts, plan_with, reads_depth};
use chiaro::recipe::{OutputKind, Recipe};

use super::args::PlanArgs;
use super::existing::Existing;
use super::exit::{Exit, describe, say};
use super::inputs::{gather, nothing};
use super::plan_view::{PicturePlan, PlanReport, picture_text, totals_text};
use super::voice::{self, Level};
use super::{batch, output, recipes};

/// The name of an output folder that was not given.
const NO_FOLDER: &str = "OUT";

/// Everything plans of one run share.
struct Planner {
    exists: Existing,
    recipe: Recipe,
    share_bytes: u64,
    total_bytes: u64,
    allow_noncommercial: bool,
    /// The model, looked up once, when a picture needs it.
    model: Option<Result<ModelEntry>>,
}

/// Runs the command.
///
/// # Errors
/// A wrong recipe or template.
pub fn run(args: &PlanArgs) -> anyhow::Result<Exit> {
    let mut recipe = recipes::load(&args.look.recipe, &args.look.sets())?;
    load_masks(&mut recipe)?;
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from(NO_FOLDER));
    let mut gathered = gather(&args.look.input, &Work::Grade, &recipe, &out, &args.look.name)?;
    args.look.pages.apply(&mut gathered.intake);
    let memory_bytes = args.machine.memory.unwrap_or_else(default_memory);
    let jobs = args.machine.jobs.map_or_else(batch::default_jobs, usize::from);
    let mut report = PlanReport::new(&recipe, memory_bytes, jobs, &gathered.intake);
    let collisions = refuse_collisions(&out, &gathered.intake.jobs, &Work::Grade, recipe.depth.gate.is_on());
    report.collisions = collisions.err().map(|e| e.to_string());
    let share_bytes = job_share(memory_bytes, jobs, gathered.intake.jobs.len());
    let review = review::is_possible(&recipe, &Work::Grade).then(|| out.clone());
    let exists = Existing::new(&out, args.on_exist.into(), review);
    let pace = last_pace(&out, &recipe);
    let mut planner = Planner {
        exists,
        recipe,
        share_bytes,
        total_bytes: memory_bytes,
        allow_noncommercial: args.machine.allow_noncommercial,
        model: None,
    };
    for error in &gathered.intake.failed {
        report.failed.push(describe(error));
    }
    for job in &gathered.intake.jobs {
        match planner.picture(job) {
            Ok(picture) => {
                report.add(&picture);
                // Shown at once: a run over very many files must not hold all their plans.
                if args.json {
                    report.pictures.push(picture);
                } else {
                    output::text(&picture_text(&picture))?;
                }
            }
            Err(error) => match &planner.model {
                // It is every picture's: said once, and the code is that of a run.
                Some(Err(error)) => return Err(error.clone().into()),
                _ => report.failed.push(describe(&error)),
            },
        }
    }
    report.estimate(args.out.as_deref().and_then(free_bytes), pace);
    if args.json {
        output::json(&serde_json::to_value(&report)?)?;
    } else if !gathered.nothing {
        output::text(&totals_text(&report))?;
    }
    let notes = gathered.notes.iter().chain(&report.warnings);
    notes.for_each(|note| voice::say(Level::Warning, None, note));
    report.failed.iter().for_each(|failure| say(failure));
    if let Some(collisions) = &report.collisions {
        say(collisions);
        return Ok(Exit::Usage);
    }
    if gathered.nothing {
        say(&nothing(&gathered.intake));
        return Ok(Exit::Nothing);
    }
    Ok(if report.failed.is_empty() { Exit::Success } else { Exit::Failures })
}

/// Decodes mask files, so that one that cannot be used is heard now.
fn load_masks(recipe: &mut Recipe) -> Result<()> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let pool = pool.map_err(|e| Error::Environment(format!("cannot start a thread: {e}")))?;
    chiaro::engine::load_masks(recipe, &Limits::default(), &pool)
}

impl Planner {
    fn picture(&mut self, job: &Job) -> Result<PicturePlan> {
        let source = codec::open_for(&job.input, &Limits::default(), &self.recipe, job.page, false)?;
        let request = PlanRequest {
            path: &job.input,
            info: source.info(),
            recipe: &self.recipe,
            share_bytes: self.share_bytes,
            total_bytes: self.total_bytes,
            source_bytes: &|rows| source.resident_bytes(rows),
            exports: Exports::default(),
            threads: batch::cores(),
            strip_rows: None,
        };
        let mut remarks = Vec::new();
        let map = match reads_depth(&self.recipe) {
            true => find_depth_map(&self.recipe, &job.input, source.info(), &Limits::default(), &mut remarks)?,
            false => None,
        };
        let mut plan = plan_with(&request, map)?;
        plan.notes.append(&mut remarks);
        // The pass is made as a run would make it, so that an operation that refuses its parameters is heard now.
        let mut steps = 0;
        for output in plan.outputs.iter().filter(|output| output.kind == OutputKind::Picture) {
            steps = plan.program(output, &job.input, &RenderFacts::default())?.steps.len();
        }
        let model = match &plan.depth {
            Some(DepthPlan::Estimated { model, .. }) => Some(self.model(model)?),
            _ => None,
        };
        if let (Some(model), Some(DepthPlan::Estimated { detail, .. })) = (&model, &plan.depth) {
            plan.charge_model(tiled::size(source.info(), model, *detail));
            chiaro::engine::check_depth_unit(&plan, model, &job.input)?;
        }
        let fate = self.exists.fate(job);
        Ok(PicturePlan::new(job, source.info(), &plan, model.as_ref(), steps, fate))
    }

    fn model(&mut self, name: &str) -> Result<ModelEntry> {
        let allow = self.allow_noncommercial;
        let find = || {
            let model = registry::find(name, Path::new("."), &self.recipe.depth.contract)?;
            registry::permit(&model, allow).map(|()| model)
        };
        self.model.get_or_insert_with(find).clone()
    }
}
