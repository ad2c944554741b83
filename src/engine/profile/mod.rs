//! Where the time of a run goes: spans of work and of waiting, per stage.
//!
//! One span stands for one strip (or one picture) in one stage, so a run makes thousands, not millions, of them. Counters and histograms
//! take them without locks and without growing; only a trace, when one is written, keeps each span: it goes to the file at once. A
//! recorder that is off costs reading the clock.
//!
//! **Busy** is the time a stage works on a strip. **Waiting** is the time its thread has nothing to work on, or nowhere to put its
//! result: reading waits for a free buffer, rendering for a strip that is read or for room before the writer, writing for results, infer
//! for the model while it works for others, admit for memory, commit for the rest of its group.

mod histogram;
pub mod report;
pub mod trace;
pub mod usage;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::picture::Region;
use histogram::Histogram;
use report::{Report, StageReport};
use trace::Trace;

/// A part of the way of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Waiting for memory.
    Admit,
    /// Reading and decoding.
    Read,
    /// Gathering facts, the join of depth included.
    Analyse,
    /// The depth model.
    Infer,
    /// Running passes.
    Render,
    /// Encoding and writing.
    Write,
    /// Syncing, hashing, journal and rename.
    Commit,
}

impl Stage {
    /// All stages in the order of a picture's way.
    pub const ALL: [Self; 7] =
        [Self::Admit, Self::Read, Self::Analyse, Self::Infer, Self::Render, Self::Write, Self::Commit];

    /// Word in tables and traces.
    pub fn name(self) -> &'static str {
        match self {
            Self::Admit => "admit",
            Self::Read => "read",
            Self::Analyse => "analyse",
            Self::Infer => "infer",
            Self::Render => "render",
            Self::Write => "write",
            Self::Commit => "commit",
        }
    }
}

/// Who does something: one line of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Track {
    /// The thread of driver n, which analyses and renders.
    Driver(usize),
    /// What reads for driver n while it works.
    Reader(usize),
    /// What writes for driver n while it works.
    Writer(usize),
    /// Thread n of the depth model.
    Model(usize),
    /// The thread that commits.
    Commit,
}

/// One stretch of time.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// Of what.
    pub stage: Stage,
    /// Whose time.
    pub track: Track,
    /// When it began.
    pub started: Instant,
    /// How long it took.
    pub took: Duration,
    /// Bytes of samples (commit: of files) it was about.
    pub bytes: u64,
}

/// How a span counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Work on one more strip or picture.
    Busy,
    /// Work that belongs to strips or pictures counted elsewhere: ending a file, the records of a group.
    More,
    /// Time without work.
    Waiting,
}

/// Figures of one stage.
#[derive(Debug, Default)]
struct Figures {
    busy: AtomicU64,
    waiting: AtomicU64,
    bytes: AtomicU64,
    durations: Histogram,
}

#[derive(Debug)]
struct Inner {
    epoch: Instant,
    stages: [Figures; Stage::ALL.len()],
    trace: Option<Trace>,
}

/// Takes spans. Cheap to clone; the default one is off.
#[derive(Debug, Clone, Default)]
pub struct Recorder(Option<Arc<Inner>>);

impl Recorder {
    /// A recorder that records; its wall time begins now.
    pub fn on(trace: Option<Trace>) -> Self {
        let epoch = trace.as_ref().map_or_else(Instant::now, Trace::epoch);
        Self(Some(Arc::new(Inner { epoch, stages: Default::default(), trace })))
    }

    /// Takes a span. `rows` and `picture` (its index in the run) are for the trace.
    pub fn record(&self, kind: Kind, span: Span, picture: Option<usize>, rows: Option<Region>) {
        let Some(inner) = &self.0 else { return };
        let nanos = u64::try_from(span.took.as_nanos()).unwrap_or(u64::MAX);
        if let Some(figures) = inner.stages.get(span.stage as usize) {
            let sum = if kind == Kind::Waiting { &figures.waiting } else { &figures.busy };
            sum.fetch_add(nanos, Ordering::Relaxed);
            figures.bytes.fetch_add(span.bytes, Ordering::Relaxed);
            if kind == Kind::Busy {
                figures.durations.add(nanos);
            }
        }
        if let Some(trace) = &inner.trace {
            trace.span(kind, &span, picture, rows);
        }
    }

    /// Draws the whole time of one picture around the spans of its driver; no stage is charged.
    pub fn picture(&self, track: Track, started: Instant, index: usize, name: &str) {
        if let Some(trace) = self.0.as_ref().and_then(|inner| inner.trace.as_ref()) {
            trace.picture(track, started, started.elapsed(), index, name);
        }
    }

    /// What was recorded so far; `None` when off.
    pub fn report(&self) -> Option<Report> {
        let inner = self.0.as_ref()?;
        let seconds = |nanos: u64| nanos as f64 / 1e9;
        // What only waits, as admit does, has no duration of its own.
        let works = |figures: &Figures| figures.busy.load(Ordering::Relaxed) > 0;
        let quantile = |figures: &Figures, at| figures.durations.quantile(at).filter(|_| works(figures)).map(seconds);
        let stage = |(stage, figures): (Stage, &Figures)| StageReport {
            stage: stage.name(),
            count: figures.durations.count(),
            busy_seconds: seconds(figures.busy.load(Ordering::Relaxed)),
            waiting_seconds: seconds(figures.waiting.load(Ordering::Relaxed)),
            bytes: figures.bytes.load(Ordering::Relaxed),
            median_seconds: quantile(figures, 0.5),
            p95_seconds: quantile(figures, 0.95),
        };
        let usage = usage::now();
        Some(Report {
            stages: Stage::ALL.into_iter().zip(&inner.stages).map(stage).collect(),
            seconds: inner.epoch.elapsed().as_secs_f64(),
            cpu_seconds: usage.cpu_seconds,
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            peak_bytes: usage.peak_bytes,
        })
    }

    /// Ends the trace properly.
    ///
    /// # Errors
    /// `Output`: the trace could not be written, now or earlier.
    pub fn close(&self) -> crate::error::Result<()> {
        self.0.as_ref().and_then(|inner| inner.trace.as_ref()).map_or(Ok(()), Trace::close)
    }
}

/// Records what happens to one picture.
#[derive(Debug, Clone)]
pub struct Probe {
    recorder: Recorder,
    picture: usize,
    /// Number of the driver that has it.
    driver: usize,
}

impl Probe {
    /// For picture `picture` of the run, in the hands of driver `driver`.
    pub fn new(recorder: Recorder, picture: usize, driver: usize) -> Self {
        Self { recorder, picture, driver }
    }

    /// The driver's own track.
    pub fn driver(&self) -> Track {
        Track::Driver(self.driver)
    }

    /// The track of its reading thread.
    pub fn reader(&self) -> Track {
        Track::Reader(self.driver)
    }

    /// The track of its writing thread.
    pub fn writer(&self) -> Track {
        Track::Writer(self.driver)
    }

    /// `stage` worked on `rows` since `started`; returns the seconds.
    pub fn busy(&self, track: Track, stage: Stage, started: Instant, rows: Region, bytes: usize) -> f64 {
        let span = Span { stage, track, started, took: started.elapsed(), bytes: bytes as u64 };
        self.recorder.record(Kind::Busy, span, Some(self.picture), Some(rows));
        span.took.as_secs_f64()
    }

    /// `stage` did something since `started` that is not one more strip, or waited; returns the seconds.
    pub fn other(&self, track: Track, stage: Stage, started: Instant, kind: Kind) -> f64 {
        let span = Span { stage, track, started, took: started.elapsed(), bytes: 0 };
        self.recorder.record(kind, span, Some(self.picture), None);
        span.took.as_secs_f64()
    }

    /// One more picture was admitted, after waiting since `started`; returns the seconds.
    pub fn admitted(&self, started: Instant) -> f64 {
        let seconds = self.other(self.driver(), Stage::Admit, started, Kind::Waiting);
        let now = Instant::now();
        self.span(
            Kind::Busy,
            Span { stage: Stage::Admit, track: self.driver(), started: now, took: Duration::ZERO, bytes: 0 },
        );
        seconds
    }

    /// A span that was measured elsewhere.
    pub fn span(&self, kind: Kind, span: Span) {
        self.recorder.record(kind, span, Some(self.picture), None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_kept_apart() {
        let recorder = Recorder::on(None);
        let probe = Probe::new(recorder.clone(), 0, 0);
        let span = |millis| Span {
            stage: Stage::Render,
            track: probe.driver(),
            started: Instant::now(),
            took: Duration::from_millis(millis),
            bytes: 10,
        };
        (0..99).for_each(|_| probe.span(Kind::Busy, span(10)));
        probe.span(Kind::Busy, span(1000));
        probe.span(Kind::More, span(500));
        probe.span(Kind::Waiting, span(250));
        let report = recorder.report().unwrap();
        let render = report.stages.iter().find(|s| s.stage == "render").unwrap();
        assert_eq!((render.count, render.bytes), (100, 1020));
        assert!((render.busy_seconds - 2.49).abs() < 1e-9 && (render.waiting_seconds - 0.25).abs() < 1e-9);
        let near = |value: Option<f64>| value.is_some_and(|v| (v - 0.01).abs() < 0.01 * 0.05);
        assert!(near(render.median_seconds) && near(render.p95_seconds), "{render:?}");
        assert!(
            report.stages.iter().filter(|s| s.stage != "render").all(|s| s.count == 0 && s.median_seconds.is_none())
        );
        assert!(Recorder::default().report().is_none());
    }
}
