//! What a batch says: results on stdout, everything else on stderr, each thing once.
//!
//! With a bar on the terminal every line first makes room for itself. The form of stderr is that of [`voice`]. The same warning on many
//! pictures is printed for the first and counted for the rest.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::Path;

use indicatif::{ProgressBar, ProgressDrawTarget};
use serde_json::Value;

use super::args::JobArgs;
use super::output::count;
use super::values::ProgressArg;
use super::voice::{self, Level};

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
        let json = voice::is_json();
        let shown = match args.progress {
            ProgressArg::Auto if args.quiet => Shown::None,
            ProgressArg::Auto | ProgressArg::Bar | ProgressArg::Plain if json => Shown::Json,
            ProgressArg::Auto | ProgressArg::Bar if terminal => Shown::Bar,
            ProgressArg::Auto | ProgressArg::Bar | ProgressArg::Plain => Shown::Plain,
            ProgressArg::Json => Shown::Json,
            ProgressArg::None => Shown::None,
        };
        Self {
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
        self.log(Level::Error, input, message);
    }

    /// Something worth knowing that is no failure, printed even when quiet.
    pub fn warning(&self, input: Option<&Path>, message: &str) {
        self.log(Level::Warning, input, message);
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
            self.log(Level::Info, None, message);
        }
    }

    fn log(&self, level: Level, input: Option<&Path>, message: &str) {
        self.bar.suspend(|| voice::say(level, input, message));
    }

    /// An event of the run, where events are shown.
    pub fn event(&self, event: &Value) {
        if self.shown == Shown::Json {
            voice::event(event);
        }
    }

    /// Warnings about pictures so far, each with the number of pictures that had it.
    pub fn warning_counts(&self) -> &BTreeMap<String, u64> {
        &self.warnings
    }
}
