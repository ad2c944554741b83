//! `--report`: what a run was and what became of every picture, as one JSON file.
//!
//! It is written at the end of every run, failed and interrupted ones included, and appears at its name by rename, so a reader
//! never sees half of it. Names that are no UTF-8 are written as `hex:` and their bytes, as in the journal.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use chiaro::depth::cache::CacheCounts;
use chiaro::depth::engine::EngineInfo;
use chiaro::engine::job::{Job, Outcome, Stages, Status, Summary};
use chiaro::engine::journal::path_text;
use chiaro::error::{Error, ErrorKind, Result};
use chiaro::recipe::Recipe;
use serde::Serialize;

/// The whole report.
#[derive(Debug, Serialize)]
pub struct Report {
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
    /// Loads, hits, evictions and reloads of depth models.
    pub models: Option<CacheCounts>,
    /// Totals.
    pub totals: Totals,
    /// Why the run as a whole ended early.
    pub error: Option<String>,
    /// Files in folders that are no pictures, by extension.
    pub left_out: BTreeMap<String, u64>,
    /// One entry per input, in the order of the inputs; inputs that could not become a job come first.
    pub pictures: Vec<Picture>,
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
    /// Where the depth came from.
    pub depth: Option<String>,
    /// Wall seconds per stage.
    pub stages: Option<Stages>,
    /// Things worth knowing.
    pub warnings: Vec<String>,
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
            depth: outcome.depth.clone(),
            stages: Some(outcome.stages),
            warnings: outcome.warnings.clone(),
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
            depth: None,
            stages: None,
            warnings: Vec::new(),
        }
    }
}

/// The files a job has in place: what it wrote, or what was there and is what it would write.
pub fn in_place<'a>(job: &'a Job, outcome: &'a Outcome) -> &'a [PathBuf] {
    if outcome.status == Status::UpToDate { &job.targets } else { &outcome.outputs }
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

/// Writes the report: complete under a temporary name beside `path`, then renamed over it.
///
/// # Errors
/// `Output` when it cannot be written.
pub fn write(path: &Path, report: &Report) -> Result<()> {
    let temporary = beside(path);
    let written = fill(&temporary, report).and_then(|()| fs::rename(&temporary, path));
    written.map_err(|e| {
        // Nothing is left of a report that failed; if even that fails there is nothing more to say.
        let _ = fs::remove_file(&temporary);
        Error::output(path, format!("the report cannot be written: {e}"))
    })
}

fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}

fn fill(path: &Path, report: &Report) -> std::io::Result<()> {
    let mut file = BufWriter::new(OpenOptions::new().write(true).create_new(true).open(path)?);
    serde_json::to_writer_pretty(&mut file, report)?;
    file.write_all(b"\n")?;
    file.flush()?;
    file.get_ref().sync_all()
}
