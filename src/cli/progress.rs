//! How far a batch is. The remaining time follows **pixels**, not pictures: what was rendered so far gives the speed, and
//! the pixels of pictures that were not opened yet are estimated from the bytes of their files. Pictures that were up to date cost
//! nothing and do not count as speed.

use std::path::Path;
use std::time::{Duration, Instant};

use chiaro::engine::job::{Job, Outcome, Status};
use chiaro::engine::journal::path_text;
use serde_json::json;

use super::console::{Console, Shown};
use super::output::duration;

/// Pause between plain lines.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

/// Progress of one batch.
pub struct Progress {
    started: Instant,
    last_plain: Instant,
    /// Bytes of each input.
    bytes: Vec<u64>,
    finished: u64,
    failed: u64,
    work: Work,
}

/// What the estimate is made of.
#[derive(Debug, Default)]
struct Work {
    /// Bytes of inputs that are not finished.
    left_bytes: u64,
    /// Bytes of inputs whose size in pixels is known.
    known_bytes: u64,
    /// Pixels of those.
    known_pixels: u64,
    /// Pixels rendered.
    rendered_pixels: u64,
}

impl Work {
    /// Seconds to go; `None` before anything was rendered.
    fn seconds_left(&self, elapsed: f64) -> Option<f64> {
        if self.rendered_pixels == 0 || self.known_bytes == 0 {
            return None;
        }
        let left = self.left_bytes as f64 * self.known_pixels as f64 / self.known_bytes as f64;
        Some(elapsed * left / self.rendered_pixels as f64)
    }

    fn finished(&mut self, bytes: u64, pixels: Option<u64>, rendered: bool) {
        self.left_bytes = self.left_bytes.saturating_sub(bytes);
        if let Some(pixels) = pixels {
            self.known_bytes += bytes;
            self.known_pixels += pixels;
            self.rendered_pixels += if rendered { pixels } else { 0 };
        }
    }
}

impl Progress {
    /// Begins; looks up the sizes of the inputs.
    pub fn begin(console: &mut Console, jobs: &[Job], recipe: &str) -> Self {
        let size = |job: &Job| std::fs::metadata(&job.input).map_or(0, |m| m.len());
        let bytes: Vec<u64> =
            if console.shown() == Shown::None { vec![0; jobs.len()] } else { jobs.iter().map(size).collect() };
        let total = bytes.iter().sum();
        console.event(&json!({
            "event": "begin",
            "schema": super::schema::LOG_VERSION,
            "program": "chiaro",
            "version": env!("CARGO_PKG_VERSION"),
            "recipe": recipe,
            "pictures": jobs.len(),
            "bytes": total,
        }));
        console.start_bar(jobs.len() as u64);
        let style = indicatif::ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}");
        if let Ok(style) = style {
            console.bar().set_style(style.progress_chars("=> "));
        }
        let now = Instant::now();
        let work = Work { left_bytes: total, ..Work::default() };
        Self { started: now, last_plain: now, bytes, finished: 0, failed: 0, work }
    }

    /// A picture was admitted.
    pub fn started(&mut self, console: &Console, index: usize, input: &Path) {
        match console.shown() {
            Shown::Json => {
                console.event(&json!({ "event": "started", "index": index, "input": path_text(input) }));
            }
            Shown::Bar => console.bar().tick(),
            _ => {}
        }
    }

    /// A picture is done with.
    pub fn finished(&mut self, console: &Console, job: &Job, outcome: &Outcome) {
        self.finished += 1;
        self.failed += u64::from(matches!(outcome.status, Status::Failed { .. }));
        let bytes = self.bytes.get(outcome.index).copied().unwrap_or(0);
        self.work.finished(bytes, outcome.extent.map(|e| e.pixels()), outcome.status == Status::Done);
        match console.shown() {
            Shown::Json => console.event(&self.event(job, outcome)),
            Shown::Bar => {
                console.bar().set_position(self.finished);
                console.bar().set_message(self.words());
            }
            Shown::Plain if self.last_plain.elapsed() >= PLAIN_EVERY => {
                self.last_plain = Instant::now();
                console.info(&format!("{}/{}, {}", self.finished, self.bytes.len(), self.words()));
            }
            _ => {}
        }
    }

    /// Ends the bar.
    pub fn end(&self, console: &Console) {
        console.bar().finish_and_clear();
    }

    fn words(&self) -> String {
        let elapsed = self.started.elapsed().as_secs_f64();
        let mut words = format!("{:.1} pictures/s", self.finished as f64 / elapsed.max(1e-3));
        if let Some(left) = self.work.seconds_left(elapsed).filter(|_| self.finished < self.bytes.len() as u64) {
            words += &format!(", about {} left", duration(left));
        }
        if self.failed > 0 {
            words += &format!(", {} failed", self.failed);
        }
        words
    }

    fn event(&self, job: &Job, outcome: &Outcome) -> serde_json::Value {
        let (kind, message) = super::report::kind_and_message(&outcome.status);
        json!({
            "event": "finished",
            "index": outcome.index,
            "input": path_text(&job.input),
            "status": super::report::status_word(&outcome.status),
            "outputs": super::report::in_place(job, outcome).iter().map(|p| path_text(p)).collect::<Vec<_>>(),
            "width": outcome.extent.map(|e| e.width),
            "height": outcome.extent.map(|e| e.height),
            "kind": kind,
            "message": message,
            "review": outcome.review,
            "seconds": outcome.seconds,
            "finished": self.finished,
            "of": self.bytes.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_follows_pixels() {
        let mut work = Work { left_bytes: 1000, ..Work::default() };
        assert_eq!(work.seconds_left(1.0), None);
        // Up to date: no speed from it.
        work.finished(100, None, false);
        assert_eq!(work.seconds_left(1.0), None);
        // 100 bytes are 50 pixels in 2 s, 800 bytes are left: 400 pixels, 16 s.
        work.finished(100, Some(50), true);
        assert_eq!(work.seconds_left(2.0), Some(16.0));
    }
}
