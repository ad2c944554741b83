//! What a batch says: results on stdout, everything else on stderr, each thing once.
//!
//! With a bar on the terminal every line first makes room for itself. On stderr a message is a line for people, or one JSON
//! object (`{"event":"log","level":...,"message":...,"input":...}`). The same warning on many pictures is printed for the first
//! and counted for the rest.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::Path;

use chiaro::engine::journal::path_text;
use chiaro::error::escape;
use indicatif::{ProgressBar, ProgressDrawTarget};
use serde_json::{Value, json};

use super::args::JobArgs;
use super::exit::say;
use super::output::count;
use super::values::{LogFormat, ProgressArg};

/// How a batch shows progress, settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// A bar on the terminal.
    Bar,
    /// A line now and then.
    Plain,
    /// JSON events.
    Json,
    /// Nothing.
    None,
}

/// The mouth of a batch.
#[derive(Debug)]
pub struct Console {
    json: bool,
    quiet: bool,
    verbose: bool,
    shown: Shown,
    bar: ProgressBar,
    stdout_gone: bool,
    warnings: BTreeMap<String, u64>,
}

impl Console {
    /// Settles how a batch talks.
    pub fn new(args: &JobArgs) -> Self {
        let terminal = std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let shown = match args.progress {
            ProgressArg::Auto if args.quiet => Shown::None,
            ProgressArg::Auto | ProgressArg::Bar if terminal => Shown::Bar,
            ProgressArg::Auto | ProgressArg::Bar | ProgressArg::Plain => Shown::Plain,
            ProgressArg::Json => Shown::Json,
            ProgressArg::None => Shown::None,
        };
        Self {
            json: args.log_format == LogFormat::Json || shown == Shown::Json,
            quiet: args.quiet,
            verbose: args.verbose,
            shown,
            bar: ProgressBar::hidden(),
            stdout_gone: false,
            warnings: BTreeMap::new(),
        }
    }

    /// How progress is shown.
    pub fn shown(&self) -> Shown {
        self.shown
    }

    /// The bar; hidden until [`Console::start_bar`].
    pub fn bar(&self) -> &ProgressBar {
        &self.bar
    }

    /// Shows a bar of `length` steps.
    pub fn start_bar(&mut self, length: u64) {
        if self.shown == Shown::Bar {
            self.bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
        }
    }

    /// True when details are wanted.
    pub fn verbose(&self) -> bool {
        self.verbose
    }

    /// A result: one line on stdout. After the reader has gone, nothing.
    pub fn result(&mut self, text: &str) {
        if self.quiet || self.stdout_gone {
            return;
        }
        self.stdout_gone = self.bar.suspend(|| super::output::line(text)).is_err();
    }

    /// Something failed. `input` is the picture, if it is one.
    pub fn error(&self, input: Option<&Path>, message: &str) {
        self.log("error", input, message);
    }

    /// Something worth knowing that is no failure, printed even when quiet.
    pub fn warning(&self, input: Option<&Path>, message: &str) {
        self.log("warning", input, message);
    }

    /// A warning about a picture; one that was printed before is only counted, unless details are wanted.
    pub fn picture_warning(&mut self, input: &Path, message: &str) {
        let seen = self.warnings.entry(message.to_owned()).or_default();
        *seen += 1;
        if *seen == 1 || self.verbose {
            self.warning(Some(input), message);
        }
    }

    /// Says how often warnings were held back.
    pub fn repeated_warnings(&self) {
        for (message, &times) in self.warnings.iter().filter(|(_, times)| **times > 1 && !self.verbose) {
            self.warning(None, &format!("{} more: {message}", count(times - 1, "picture")));
        }
    }

    /// Something for people who watch.
    pub fn info(&self, message: &str) {
        if !self.quiet {
            self.log("info", None, message);
        }
    }

    fn log(&self, level: &str, input: Option<&Path>, message: &str) {
        if self.json {
            let input = input.map(path_text);
            self.event(&json!({ "event": "log", "level": level, "message": message, "input": input }));
            return;
        }
        // Most errors begin with the file they are about.
        let name = input.map(escape).filter(|name| !message.starts_with(name.as_str()));
        let name = name.map(|name| format!("{name}: ")).unwrap_or_default();
        let level = if level == "warning" { "warning: " } else { "" };
        self.bar.suspend(|| say(&format!("{level}{name}{message}")));
    }

    /// One JSON object on stderr.
    pub fn event(&self, event: &Value) {
        let _ = writeln!(std::io::stderr(), "{event}");
    }
}
