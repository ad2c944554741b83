//! The form of everything on stderr: lines for people, or one JSON object per line (`docs/schema/log.schema.json`).
//!
//! The form is settled before the arguments are parsed, so that even a mistake in them is said in it.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use chiaro::engine::journal::path_text;
use chiaro::error::escape;
use serde_json::{Value, json};

/// True when stderr holds JSON lines.
static JSON: AtomicBool = AtomicBool::new(false);

/// How much a message matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Something failed.
    Error,
    /// Worth knowing, no failure.
    Warning,
    /// For people who watch.
    Info,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// Settles the form by arguments that are not parsed yet: `--log-format json` or `--progress json`, with a blank or `=`.
pub fn settle(arguments: impl Iterator<Item = OsString>) {
    let arguments: Vec<OsString> = arguments.take_while(|a| a != "--").collect();
    let flags = ["--log-format", "--progress"];
    let apart = arguments.windows(2).any(|pair| matches!(pair, [a, b] if flags.iter().any(|f| a == f) && b == "json"));
    let joined = arguments.iter().any(|a| flags.iter().any(|f| *a == *format!("{f}=json")));
    JSON.store(apart || joined, Ordering::Relaxed);
}

/// True when stderr holds JSON lines.
pub fn is_json() -> bool {
    JSON.load(Ordering::Relaxed)
}

/// One message on stderr. `input` is the picture it is about, if it is one. When stderr itself is gone there is nobody left to tell.
pub fn say(level: Level, input: Option<&Path>, message: &str) {
    if is_json() {
        let input = input.map(path_text);
        return event(&json!({ "event": "log", "level": level.word(), "message": message, "input": input }));
    }
    // Most errors begin with the file they are about.
    let name = input.map(escape).filter(|name| !message.starts_with(name.as_str()));
    let name = name.map(|name| format!("{name}: ")).unwrap_or_default();
    let word = if level == Level::Warning { "warning: " } else { "" };
    let _ = writeln!(std::io::stderr(), "chiaro: {word}{name}{message}");
}

/// Lines on stderr that are a table of their own, without the program's name before each.
pub fn text(lines: &str) {
    let _ = std::io::stderr().write_all(lines.as_bytes());
}

/// One JSON object on stderr.
pub fn event(event: &Value) {
    // One write a line: lines of several threads never mix.
    let _ = std::io::stderr().write_all(format!("{event}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_seen_before_parsing() {
        let settled = |line: &str| {
            settle(line.split(' ').map(OsString::from));
            is_json()
        };
        assert!(settled("run x --log-format json") && settled("run --progress=json -o y"));
        assert!(!settled("run x --log-format text json") && !settled("run -- --log-format json"));
    }
}
