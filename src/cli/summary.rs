//! The end of a batch: for people a few lines, for programs one event.

use std::path::PathBuf;

use chiaro::engine::naming::Intake;
use serde_json::{Value, json};

use super::batch::EngineFacts;
use super::console::Console;
use super::exit::Exit;
use super::inputs::left_out;
use super::output::count;
use super::report::Totals;

/// A batch of at most so many pictures fits a screen: its failures can be seen without being listed again.
const SCREEN: usize = 20;

/// Failures that are listed by name.
const LISTED: usize = 10;

/// Says what became of the batch; `failed` holds the jobs that did, in order. Warnings that were held back are counted by
/// [`Console::repeated_warnings`].
pub fn print(console: &Console, totals: &Totals, intake: &Intake, facts: &EngineFacts, failed: &[(usize, PathBuf)]) {
    if intake.jobs.len() > SCREEN {
        failures(console, failed);
    }
    console.info(&counts(totals, facts));
    if let Some(text) = left_out(&intake.skipped) {
        console.info(&format!("left out, because no picture Chiaro grades: {text}"));
    }
}

/// The names of what failed; each was told with its cause when it happened.
fn failures(console: &Console, failed: &[(usize, PathBuf)]) {
    if failed.is_empty() {
        return;
    }
    let names: Vec<String> = failed.iter().take(LISTED).map(|(_, name)| chiaro::error::escape(name)).collect();
    let more = failed.len().saturating_sub(LISTED);
    let more = if more > 0 { format!(" and {more} more (--report lists all)") } else { String::new() };
    console.info(&format!("failed: {}{more}", names.join(", ")));
}

fn counts(totals: &Totals, facts: &EngineFacts) -> String {
    let n = &totals.summary;
    let parts = [
        (n.done, "done"),
        (n.up_to_date, "up to date"),
        (n.skipped, "skipped"),
        (n.failed, "failed"),
        (n.not_started, "not started"),
    ];
    let words: Vec<String> =
        parts.iter().filter(|(n, word)| *n > 0 || *word == "done").map(|(n, word)| format!("{n} {word}")).collect();
    let words =
        if n.review > 0 { [words, vec![format!("{} of them sent to review", n.review)]].concat() } else { words };
    let mut text = format!("{} in {:.2} s", words.join(", "), totals.seconds);
    if n.done > 0 {
        let seconds = totals.seconds.max(1e-9);
        let megapixels = totals.pixels as f64 / 1e6 / seconds;
        text += &format!(" ({:.1} pictures/s, {megapixels:.1} megapixels/s)", n.done as f64 / seconds);
    }
    if let Some(device) = &facts.device {
        text += &format!("; {device}");
    }
    if let Some(inference) = &facts.inference {
        text += &format!("; {inference}");
    }
    if let Some(models) = facts.models {
        text += &format!(", {} loaded", count(models.loads, "model session"));
        if models.evictions > 0 {
            text += &format!(", {} evicted", models.evictions);
        }
    }
    if let Some(cache) = facts.depth_cache.filter(|cache| cache.hits > 0) {
        text += &format!(", {} from the cache", count(cache.hits, "depth map"));
    }
    text
}

/// The last event of a batch.
pub fn end_event(totals: &Totals, facts: &EngineFacts, exit: Exit) -> Value {
    let n = &totals.summary;
    json!({
        "event": "end",
        "exit": exit as u8,
        "done": n.done,
        "review": n.review,
        "up_to_date": n.up_to_date,
        "skipped": n.skipped,
        "failed": n.failed,
        "not_started": n.not_started,
        "cancelled": n.cancelled,
        "seconds": totals.seconds,
        "pixels": totals.pixels,
        "device": facts.device,
        "inference": facts.inference.as_ref().map(ToString::to_string),
    })
}
