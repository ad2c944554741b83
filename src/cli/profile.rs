//! `--profile` and `--trace`: where the time of a batch went.

use chiaro::engine::profile::Recorder;
use chiaro::engine::profile::trace::Trace;
use serde_json::json;

use super::args::JobArgs;
use super::exit::{self, say};
use super::voice;

/// A recorder, on when either flag asks for it; the trace file is begun.
///
/// # Errors
/// The trace cannot be written there, or would replace something else.
pub fn begin(args: &JobArgs) -> anyhow::Result<Recorder> {
    let Some(path) = &args.trace else {
        return Ok(if args.profile { Recorder::on(None) } else { Recorder::default() });
    };
    let refuse = |why: String| exit::Usage(format!("--trace {why}"));
    // However the two are written.
    let place = |path: &std::path::Path| std::path::absolute(path).ok();
    if args.report.as_ref().is_some_and(|report| place(report) == place(path)) {
        return Err(refuse(format!("{}: this is the file of --report", chiaro::error::escape(path))).into());
    }
    let trace = Trace::create(path).map_err(|e| refuse(e.to_string()))?;
    Ok(Recorder::on(Some(trace)))
}

/// Ends the trace and prints the table. Returns false when the trace is not what was asked for; that was said.
pub fn end(recorder: &Recorder, args: &JobArgs) -> bool {
    if args.profile
        && let Some(report) = recorder.report()
    {
        if voice::is_json() {
            let mut event = json!({ "event": "profile" });
            if let (Some(fields), Ok(serde_json::Value::Object(facts))) =
                (event.as_object_mut(), serde_json::to_value(&report))
            {
                fields.extend(facts);
            }
            voice::event(&event);
        } else {
            voice::text(&report.table());
        }
    }
    match recorder.close() {
        Ok(()) => true,
        Err(error) => {
            say(&error.to_string());
            false
        }
    }
}
