//! Lines of a recipe and the list of its problems.

use std::ops::Range;
use std::path::Path;

use toml_edit::{Item, TableLike};

use crate::error::{Error, Problem};

/// Problems that are listed; the rest is counted.
const MAX_PROBLEMS: usize = 50;

/// Where lines begin.
pub(super) struct Lines(Vec<usize>);

impl Lines {
    /// Of this text.
    pub(super) fn new(text: &str) -> Self {
        Self(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i).collect())
    }

    /// The line of a byte offset, counted from 1.
    pub(super) fn at(&self, offset: usize) -> usize {
        self.0.partition_point(|end| *end < offset) + 1
    }

    /// The line where a span begins; 0 when there is none.
    pub(super) fn of(&self, span: Option<Range<usize>>) -> usize {
        span.map_or(0, |s| self.at(s.start))
    }
}

/// One `key = value` or `[table]` with the line of its key.
pub(super) struct Entry<'a> {
    pub(super) key: &'a str,
    pub(super) item: &'a Item,
    pub(super) line: usize,
}

/// The entries of a table.
pub(super) fn entries<'a>(table: &'a dyn TableLike, lines: &Lines) -> Vec<Entry<'a>> {
    table
        .iter()
        .filter(|(_, item)| !item.is_none())
        .map(|(key, item)| {
            let span = table.get_key_value(key).and_then(|(k, _)| k.span()).or_else(|| item.span());
            Entry { key, item, line: lines.of(span) }
        })
        .collect()
}

/// The problems of one file, gathered in any order.
#[derive(Default)]
pub(super) struct Problems(Vec<Problem>);

impl Problems {
    /// Adds a problem at a line (0 = none).
    pub(super) fn add(&mut self, line: usize, message: impl Into<String>) {
        self.0.push(Problem { line, message: message.into() });
    }

    /// Adds the problems of another file at the line that names it. An error without a path is about the line itself.
    pub(super) fn add_error(&mut self, line: usize, error: &Error) {
        if let Error::Recipe { path, problems } = error
            && path.as_os_str().is_empty()
        {
            return problems.iter().for_each(|p| self.add(line, p.message.clone()));
        }
        for text in error.to_string().lines() {
            self.add(line, text);
        }
    }

    /// True when nothing was noted.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `Err` with everything in order of lines, when there is anything.
    pub(super) fn finish(mut self, path: &Path) -> Result<(), Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        self.0.sort_by_key(|p| p.line);
        let more = self.0.len().saturating_sub(MAX_PROBLEMS);
        if more > 0 {
            self.0.truncate(MAX_PROBLEMS);
            self.add(0, format!("and {more} more problems"));
        }
        Err(Error::Recipe { path: path.into(), problems: self.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_count_from_one() {
        let lines = Lines::new("ab\ncd\r\n\ne");
        let at: Vec<usize> = (0..9).map(|i| lines.at(i)).collect();
        assert_eq!(at, [1, 1, 1, 2, 2, 2, 2, 3, 4]);
        assert_eq!(lines.of(None), 0);
    }

    #[test]
    fn problems_are_sorted_and_capped() {
        let mut problems = Problems::default();
        for line in (1..=60).rev() {
            problems.add(line, "x");
        }
        let Err(Error::Recipe { problems, .. }) = problems.finish(Path::new("a")) else { panic!("no error") };
        assert_eq!(problems.len(), 51);
        assert_eq!((problems[0].line, problems[49].line), (1, 50));
        assert_eq!(problems[50].message, "and 10 more problems");
        assert!(Problems::default().finish(Path::new("a")).is_ok());
    }
}
