//! `--report`: what a run was and what became of every picture, as one JSON file.
//!
//! It is written at the end of every run, failed and interrupted ones included, and appears at its name by rename, so a reader
//! never sees half of it. Names that are no UTF-8 are written as `hex:` and their bytes, as in the journal.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chiaro::depth::engine::EngineInfo;
use chiaro::depth::gate::Scores;
use chiaro::depth::sessions::CacheCounts;
use chiaro::engine::depth_cache::DepthCacheCounts;
use chiaro::engine::job::{Job, Outcome, Stages, Status, Summary};
use chiaro::engine::journal::path_text;
use chiaro::error::{Error, ErrorKind, Result};
use chiaro::recipe::Recipe;
use serde::Serialize;

/// The whole report.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Version of the form: `docs/schema/report.schema.json`.
    pub schema: u32,
    /// Always "chiaro".
    pub program: &'static str,
    /// Program version.
    pub version: &'static str,
    /// The look.
    pub recipe: RecipeFacts,
    /// Output folder.
    pub out: String,
    /// Device in words; `null` when the run ended before one was chosen.
    pub device: Option<String>,
    /// What ran depth models, if one was needed.
    pub inference: Option<EngineInfo>,
    /// Bytes all jobs may hold together.
    pub memory_bytes: Option<u64>,
    /// Pictures in work at the same time.
    pub jobs: Option<usize>,
    /// Loads, hits, evictions and reloads of depth models, and pictures that went through them together.
    pub models: Option<CacheCounts>,
    /// Depth maps found in the cache, not found, and kept; `null` when no depth was estimated or the cache is off.
    pub depth_cache: Option<DepthCacheCounts>,
    /// How the run ended: "complete", "interrupted", "stopped" (SIGTERM) or "failed".
    pub ended: &'static str,
    /// The exit code.
    pub exit: u8,
    /// Totals.
    pub totals: Totals,
    /// Warnings about pictures, each once, with the number of pictures that had it.
    pub warnings: Vec<WarningCount>,
    /// Why the run as a whole ended early.
    pub error: Option<String>,
    /// Files in folders that are no pictures, by extension.
    pub left_out: BTreeMap<String, u64>,
    /// One entry per input, in the order of the inputs; inputs that could not become a job come first.
    pub pictures: Vec<Picture>,
}

/// One warning and how many pictures had it.
#[derive(Debug, Serialize)]
pub struct WarningCount {
    /// The text.
    pub message: String,
    /// How many.
    pub pictures: u64,
}

/// Which look.
#[derive(Debug, Serialize)]
pub struct RecipeFacts {
    /// Name.
    pub name: String,
    /// Hash of everything that changes pixels.
    pub hash: String,
}

impl RecipeFacts {
    /// Of `recipe`.
    pub fn of(recipe: &Recipe) -> Self {
        Self { name: recipe.name.clone(), hash: recipe.hash.clone() }
    }
}

/// Totals of a run.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Totals {
    /// Counts; inputs that could not become a job are among the failed.
    #[serde(flatten)]
    pub summary: Summary,
    /// Wall seconds.
    pub seconds: f64,
    /// Pixels of the pictures that were rendered.
    pub pixels: u64,
    /// Seconds per stage, summed over pictures; more than the wall seconds where pictures and stages run side by side.
    pub stages: Stages,
}

impl Totals {
    /// Counts in what one picture took.
    pub fn add(&mut self, outcome: &Outcome) {
        if outcome.status == Status::Done {
            self.pixels += outcome.extent.map_or(0, |e| e.pixels());
        }
        let (sum, one) = (&mut self.stages, &outcome.stages);
        sum.admit += one.admit;
        sum.read += one.read;
        sum.analyse += one.analyse;
        sum.depth += one.depth;
        sum.render += one.render;
        sum.write += one.write;
    }
}

/// What became of one input.
#[derive(Debug, Serialize)]
pub struct Picture {
    /// The file.
    pub input: String,
    /// Files in place after this run.
    pub outputs: Vec<String>,
    /// "done", "up-to-date", "skipped", "failed", "cancelled" or "not-started".
    pub status: &'static str,
    /// Who must act, when it failed.
    pub kind: Option<ErrorKind>,
    /// Why it failed or was skipped.
    pub message: Option<String>,
    /// Pixels per row.
    pub width: Option<u32>,
    /// Rows.
    pub height: Option<u32>,
    /// What computed its pixels; `null` unless it was rendered.
    pub device: Option<String>,
    /// Where the depth came from, the model and its engine included.
    pub depth: Option<String>,
    /// What looks wrong about the depth, as far as it was judged; docs/depth.md says what the scores are.
    pub depth_scores: Option<Scores>,
    /// Why the outputs are in the folder review; `null` when they were delivered.
    pub review: Option<String>,
    /// Wall seconds.
    pub seconds: Option<f64>,
    /// Seconds per stage; stages overlap.
    pub stages: Option<Stages>,
    /// Things worth knowing.
    pub warnings: Vec<Warning>,
}

/// Something worth knowing about one picture that is no failure.
#[derive(Debug, Serialize)]
pub struct Warning {
    /// What.
    pub message: String,
}

impl Picture {
    /// An input that was not looked at.
    pub fn not_started(job: &Job) -> Self {
        Self::bare(path_text(&job.input), "not-started")
    }

    /// An input that could not become a job.
    pub fn refused(error: &Error) -> Self {
        let input = match error {
            Error::Input { path, .. } | Error::Unsupported { path, .. } | Error::Limit { path, .. } => path_text(path),
            _ => String::new(),
        };
        let (kind, message) = (Some(error.kind()), Some(error.to_string()));
        Self { kind, message, ..Self::bare(input, "failed") }
    }

    /// A job that ended.
    pub fn ended(job: &Job, outcome: &Outcome) -> Self {
        let (kind, message) = kind_and_message(&outcome.status);
        Self {
            outputs: in_place(job, outcome).iter().map(|p| path_text(p)).collect(),
            kind,
            message: message.map(str::to_owned),
            width: outcome.extent.map(|e| e.width),
            height: outcome.extent.map(|e| e.height),
            device: outcome.device.clone().filter(|_| outcome.status == Status::Done),
            depth: outcome.depth.clone(),
            depth_scores: outcome.scores,
            review: outcome.review.clone(),
            seconds: Some(outcome.seconds),
            stages: Some(outcome.stages),
            warnings: outcome.warnings.iter().map(|message| Warning { message: message.clone() }).collect(),
            ..Self::bare(path_text(&job.input), status_word(&outcome.status))
        }
    }

    fn bare(input: String, status: &'static str) -> Self {
        Self {
            input,
            outputs: Vec::new(),
            status,
            kind: None,
            message: None,
            width: None,
            height: None,
            device: None,
            depth: None,
            depth_scores: None,
            review: None,
            seconds: None,
            stages: None,
            warnings: Vec::new(),
        }
    }
}

/// The files a job has in place: what it wrote, or what was there and is what it would write.
pub fn in_place<'a>(job: &'a Job, outcome: &'a Outcome) -> &'a [PathBuf] {
    // Up to date in review: the outcome says where.
    let delivered = outcome.status == Status::UpToDate && outcome.outputs.is_empty();
    if delivered { &job.targets } else { &outcome.outputs }
}

/// One word per status.
pub fn status_word(status: &Status) -> &'static str {
    match status {
        Status::Done => "done",
        Status::UpToDate => "up-to-date",
        Status::Skipped(_) => "skipped",
        Status::Failed { kind: ErrorKind::Cancelled, .. } => "cancelled",
        Status::Failed { .. } => "failed",
    }
}

/// Who must act, and what to tell them.
pub fn kind_and_message(status: &Status) -> (Option<ErrorKind>, Option<&str>) {
    match status {
        Status::Done | Status::UpToDate => (None, None),
        Status::Skipped(reason) => (None, Some(reason)),
        Status::Failed { kind, message } => (Some(*kind), Some(message)),
    }
}

/// Writes the report; it appears at its name by rename.
///
/// # Errors
/// `Output` when it cannot be written.
pub fn write(path: &Path, report: &Report) -> Result<()> {
    super::write::atomic(path, "the report", |out| {
        serde_json::to_writer_pretty(&mut *out, report)?;
        out.write_all(b"\n")
    })
}
