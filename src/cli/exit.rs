//! What a shell learns, and the one place where errors that end the program are printed.

use std::io::Write;
use std::process::ExitCode;

use chiaro::error::{Error, ErrorKind};
use clap::error::ErrorKind as ParseErrorKind;

use super::voice::{self, Level};

/// Exit codes. They are a contract with scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All done or up to date.
    Success = 0,
    /// Some items failed; the others are done.
    Failures = 1,
    /// The command line or the recipe is wrong; nothing was started.
    Usage = 2,
    /// Nothing matched.
    Nothing = 3,
    /// The machine lacks something: a device, a model, disk space.
    Environment = 4,
    /// Stopped on request (SIGTERM): run it again. 75 is EX_TEMPFAIL of BSD's sysexits(3).
    Stopped = 75,
    /// Interrupted by the user: 128 + SIGINT, as shells report it.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// What the user asked for is wrong: ends with [`Exit::Usage`] whatever the cause.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// Marks an error as one of usage.
pub fn usage_error(error: &Error) -> anyhow::Error {
    Usage(describe(error)).into()
}

/// An error of the library in words; several problems of one file come one a line under a heading.
pub fn describe(error: &Error) -> String {
    match error {
        Error::Recipe { problems, .. } if problems.len() > 1 => format!("{} problems:\n{error}", problems.len()),
        _ => error.to_string(),
    }
}

/// Prints an error that ends a command, and says with which code. A reader that went away (`| head`) is no error.
pub fn report(error: &anyhow::Error) -> Exit {
    if is_broken_pipe(error) {
        return Exit::Success;
    }
    say(&message(error));
    code(error)
}

/// An error that ends a command, in words.
pub fn message(error: &anyhow::Error) -> String {
    error.downcast_ref::<Error>().map_or_else(|| format!("{error:#}"), describe)
}

/// The code of an error that ends a command.
pub fn code(error: &anyhow::Error) -> Exit {
    if error.is::<Usage>() {
        return Exit::Usage;
    }
    match error.downcast_ref::<Error>().map(Error::kind) {
        Some(ErrorKind::Recipe) => Exit::Usage,
        Some(ErrorKind::Cancelled) => Exit::Interrupted,
        _ => Exit::Environment,
    }
}

/// An error on stderr.
pub fn say(text: &str) {
    voice::say(Level::Error, None, text);
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Help and version go to stdout and succeed; everything else is a usage error.
pub fn usage(error: &clap::Error) -> Exit {
    let text = error.render().to_string();
    match error.kind() {
        ParseErrorKind::DisplayHelp | ParseErrorKind::DisplayVersion => {
            let _ = write!(std::io::stdout(), "{text}");
            Exit::Success
        }
        ParseErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = write!(std::io::stderr(), "{text}");
            Exit::Usage
        }
        _ => {
            say(text.strip_prefix("error: ").unwrap_or(&text).trim_end());
            Exit::Usage
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_follow_who_must_act() {
        assert_eq!(code(&Error::recipe("a.toml", 1, "no").into()), Exit::Usage);
        assert_eq!(code(&Error::Environment("no GPU".into()).into()), Exit::Environment);
        assert_eq!(code(&Error::output("out", "disk full").into()), Exit::Environment);
        assert_eq!(code(&usage_error(&Error::output("out", "collision"))), Exit::Usage);
        assert!(is_broken_pipe(&std::io::Error::from(std::io::ErrorKind::BrokenPipe).into()));
    }
}
