//! Errors, cut by **who must act**.
//!
//! The variant answers "whose turn is it now?": the owner of an input file, of the output folder, of the recipe, of the
//! machine. The message says what happened, the value, the allowed range where there is one, and the file.
//! Each error is handled exactly once: the library returns it, a face prints it.

use std::fmt;
use std::path::{Path, PathBuf};

/// Result of every fallible library call.
pub type Result<T> = std::result::Result<T, Error>;

/// Everything that can go wrong, by who must act.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// An input file is damaged, truncated, lies about itself, or cannot be read: look at the file.
    #[error("{}: {reason}", escape(path))]
    Input {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// An output could not be written: look at the output folder, its rights and its space.
    #[error("{}: {reason}", escape(path))]
    Output {
        /// The file or folder.
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// A recipe, or a file a recipe names, is wrong: edit it. All problems of the file are listed.
    #[error("{}", Problems(path, problems))]
    Recipe {
        /// The recipe, or the LUT it names.
        path: PathBuf,
        /// Every problem found, in order of lines.
        problems: Vec<Problem>,
    },
    /// A limit that protects the machine was exceeded: raise it on purpose or leave the file out.
    #[error("{}: {what} is {value}, the limit is {limit}", escape(path))]
    Limit {
        /// The file.
        path: PathBuf,
        /// Which limit, e.g. "number of pixels".
        what: &'static str,
        /// The value met.
        value: u64,
        /// The allowed maximum.
        limit: u64,
    },
    /// The file is legal, but Chiaro does not do this (yet): the message says what to do instead.
    #[error("{}: {what}", escape(path))]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What is not supported, and the advice.
        what: String,
    },
    /// The machine lacks something: a device, a library, memory.
    #[error("{0}")]
    Environment(String),
    /// The user, or a signal, asked to stop.
    #[error("stopped on request")]
    Cancelled,
}

/// One problem in a recipe or LUT file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Line, counted from 1; 0 when the problem belongs to no line.
    pub line: usize,
    /// What is wrong and what would be right.
    pub message: String,
}

/// The variant without its contents: what reports and exit codes need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ErrorKind {
    /// See [`Error::Input`].
    Input,
    /// See [`Error::Output`].
    Output,
    /// See [`Error::Recipe`].
    Recipe,
    /// See [`Error::Limit`].
    Limit,
    /// See [`Error::Unsupported`].
    Unsupported,
    /// See [`Error::Environment`].
    Environment,
    /// See [`Error::Cancelled`].
    Cancelled,
}

impl Error {
    /// A damaged or unreadable input.
    pub fn input(path: impl Into<PathBuf>, reason: impl fmt::Display) -> Self {
        Self::Input { path: path.into(), reason: reason.to_string() }
    }

    /// An output that could not be written.
    pub fn output(path: impl Into<PathBuf>, reason: impl fmt::Display) -> Self {
        Self::Output { path: path.into(), reason: reason.to_string() }
    }

    /// A legal file that Chiaro does not handle; `what` carries the advice.
    pub fn unsupported(path: impl Into<PathBuf>, what: impl fmt::Display) -> Self {
        Self::Unsupported { path: path.into(), what: what.to_string() }
    }

    /// A single problem at `line` (0 = no line) of a recipe or a file it names.
    pub fn recipe(path: impl Into<PathBuf>, line: usize, message: impl fmt::Display) -> Self {
        Self::Recipe { path: path.into(), problems: vec![Problem { line, message: message.to_string() }] }
    }

    /// The kind, for reports and exit codes.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Input { .. } => ErrorKind::Input,
            Self::Output { .. } => ErrorKind::Output,
            Self::Recipe { .. } => ErrorKind::Recipe,
            Self::Limit { .. } => ErrorKind::Limit,
            Self::Unsupported { .. } => ErrorKind::Unsupported,
            Self::Environment(_) => ErrorKind::Environment,
            Self::Cancelled => ErrorKind::Cancelled,
        }
    }
}

/// A path as text that cannot disturb a terminal or a log: control characters and line ends are written as escapes.
pub fn escape(path: &Path) -> String {
    path.to_string_lossy().chars().fold(String::new(), |mut text, c| {
        if c.is_control() {
            text.extend(c.escape_default())
        } else {
            text.push(c)
        }
        text
    })
}

/// Prints each problem as `path:line: message`, one a line, the form editors jump to.
struct Problems<'a>(&'a Path, &'a [Problem]);

impl fmt::Display for Problems<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.1.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{}:", escape(self.0))?;
            if problem.line > 0 {
                write!(f, "{}:", problem.line)?;
            }
            write!(f, " {}", problem.message)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipe_problems_are_listed_with_lines() {
        let error = Error::Recipe {
            path: "look.toml".into(),
            problems: vec![
                Problem { line: 3, message: "unknown key".into() },
                Problem { line: 0, message: "no operation".into() },
            ],
        };
        assert_eq!(error.to_string(), "look.toml:3: unknown key\nlook.toml: no operation");
    }

    #[test]
    fn paths_cannot_forge_log_lines() {
        assert_eq!(escape(Path::new("a\nb\u{1b}[2J")), "a\\nb\\u{1b}[2J");
    }
}
