//! A trace in the form Chrome and Perfetto read: an array of JSON objects, one per span ("Trace Event Format", complete events "X" and
//! metadata events "M"; <https://ui.perfetto.dev> opens it).
//!
//! Every event is one write of whole lines, so that a run that is killed leaves a file which lacks nothing but the closing bracket;
//! viewers accept that. Events of one track are nested by time, as its thread did one thing after another.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Kind, Span, Track};
use crate::error::{Error, Result};
use crate::picture::Region;

/// How every trace of ours begins.
const HEAD: &str = "[\n{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":1,\"args\":{\"name\":\"chiaro\"}}";

/// A trace file that grows.
#[derive(Debug)]
pub struct Trace {
    path: PathBuf,
    epoch: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: File,
    /// Tracks that have got their names.
    named: BTreeSet<Track>,
    trouble: Option<std::io::Error>,
    is_closed: bool,
}

impl Trace {
    /// Begins a trace; times count from now. A file that is there is replaced only when it is a trace of ours, or empty.
    ///
    /// # Errors
    /// `Output`: the file holds something else, or cannot be written.
    pub fn create(path: &Path) -> Result<Self> {
        let failed = |e| Error::output(path, format!("cannot write the trace: {e}"));
        match std::fs::metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
            // Opening what is no file, a pipe, might wait for ever.
            Ok(facts) if !facts.is_file() => return Err(Error::output(path, "is no regular file")),
            Ok(_) => {
                let mut start = Vec::new();
                File::open(path).map_err(failed)?.take(HEAD.len() as u64).read_to_end(&mut start).map_err(failed)?;
                if !start.is_empty() && start != HEAD.as_bytes() {
                    return Err(Error::output(path, "this file is there and is no trace of ours: it is not replaced"));
                }
            }
        }
        let mut file = File::create(path).map_err(failed)?;
        file.write_all(HEAD.as_bytes()).map_err(failed)?;
        let state = State { file, named: BTreeSet::new(), trouble: None, is_closed: false };
        Ok(Self { path: path.to_owned(), epoch: Instant::now(), state: Mutex::new(state) })
    }

    /// What times count from.
    pub fn epoch(&self) -> Instant {
        self.epoch
    }

    /// Writes one span of a stage.
    pub(super) fn span(&self, kind: Kind, span: &Span, picture: Option<usize>, rows: Option<Region>) {
        let stage = span.stage.name();
        let name = if kind == Kind::Waiting { format!("wait: {stage}") } else { stage.to_owned() };
        let mut args = serde_json::Map::new();
        args.extend(picture.map(|index| ("picture".to_owned(), json!(index))));
        args.extend(rows.map(|rows| ("rows".to_owned(), json!([rows.y, rows.y + rows.rows]))));
        args.extend((span.bytes > 0).then(|| ("bytes".to_owned(), json!(span.bytes))));
        let category = if kind == Kind::Waiting { "waiting" } else { "busy" };
        self.write(span.track, &self.complete(span.track, &name, category, (span.started, span.took), args.into()));
    }

    /// Writes the whole of a picture.
    pub(super) fn picture(&self, track: Track, started: Instant, took: Duration, index: usize, name: &str) {
        let args = json!({ "picture": index });
        self.write(track, &self.complete(track, name, "picture", (started, took), args));
    }

    fn complete(&self, track: Track, name: &str, category: &str, time: (Instant, Duration), args: Value) -> Value {
        // Whole nanoseconds as microseconds with three decimals: doubles hold them exactly enough for days.
        let micros = |time: Duration| time.as_nanos() as f64 / 1e3;
        json!({
            "name": name,
            "cat": category,
            "ph": "X",
            "pid": 1,
            "tid": number(track),
            "ts": micros(time.0.saturating_duration_since(self.epoch)),
            "dur": micros(time.1),
            "args": args,
        })
    }

    fn write(&self, track: Track, event: &Value) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_closed || state.trouble.is_some() {
            return;
        }
        let mut text = String::new();
        if state.named.insert(track) {
            text += &format!(",\n{}", thread_name(track));
        }
        text += &format!(",\n{event}");
        if let Err(error) = state.file.write_all(text.as_bytes()) {
            // A trace that cannot grow must not end the run: said when it is closed.
            state.trouble = Some(error);
        }
    }

    /// Writes the closing bracket. Further spans are dropped.
    ///
    /// # Errors
    /// `Output`: the first trouble in writing.
    pub fn close(&self) -> Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut state.is_closed, true) {
            return Ok(());
        }
        let ended = match state.trouble.take() {
            Some(error) => Err(error),
            None => state.file.write_all(b"\n]\n"),
        };
        ended.map_err(|e| Error::output(&self.path, format!("the trace is not complete: {e}")))
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        // Whoever wants to know closes it.
        let _ = self.close();
    }
}

/// Number of a track: drivers with their readers and writers and a thread of the model side by side, after what there is one of.
fn number(track: Track) -> usize {
    match track {
        Track::Commit => 1,
        Track::Model(worker) => 2 + 4 * worker,
        Track::Reader(driver) => 3 + 4 * driver,
        Track::Driver(driver) => 4 + 4 * driver,
        Track::Writer(driver) => 5 + 4 * driver,
    }
}

fn thread_name(track: Track) -> Value {
    let name = match track {
        Track::Commit => "commit".to_owned(),
        Track::Model(worker) => format!("depth model {worker}"),
        Track::Reader(driver) => format!("read {driver}"),
        Track::Driver(driver) => format!("driver {driver}"),
        Track::Writer(driver) => format!("write {driver}"),
    };
    json!({ "name": "thread_name", "ph": "M", "pid": 1, "tid": number(track), "args": { "name": name } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::profile::Stage;

    fn span(track: Track) -> Span {
        let took = Duration::from_nanos(1500);
        Span { stage: Stage::Read, track, started: Instant::now(), took, bytes: 7 }
    }

    #[test]
    fn a_trace_is_json_and_is_replaced_only_by_a_trace() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace.json");
        let trace = Trace::create(&path).unwrap();
        let rows = Region { width: 5, y: 4, rows: 3 };
        trace.span(Kind::Busy, &span(Track::Reader(0)), Some(2), Some(rows));
        let open = std::fs::read_to_string(&path).unwrap();
        serde_json::from_str::<Vec<Value>>(&format!("{open}]")).unwrap();
        trace.span(Kind::Waiting, &span(Track::Reader(0)), None, None);
        trace.close().unwrap();
        trace.span(Kind::Busy, &span(Track::Reader(0)), None, None);
        let events: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let names: Vec<_> = events.iter().filter_map(|e| e["name"].as_str()).collect();
        assert_eq!(names, ["process_name", "thread_name", "read", "wait: read"]);
        assert_eq!(events[2]["args"], json!({ "picture": 2, "rows": [4, 7], "bytes": 7 }));
        assert_eq!((&events[2]["dur"], &events[2]["tid"]), (&json!(1.5), &json!(3)));
        Trace::create(&path).unwrap();
        std::fs::write(&path, "a picture").unwrap();
        let error = Trace::create(&path).unwrap_err().to_string();
        assert!(error.contains("trace.json") && error.contains("not replaced"), "{error}");
    }
}
