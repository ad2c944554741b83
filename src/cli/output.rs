//! Results on stdout: lines, JSON, and two-column facts. A reader that went away is noticed and then left alone.

use std::io::{self, Write};

/// Writes `text` and a line end to stdout.
///
/// # Errors
/// What the write returns; a broken pipe ends a command quietly (see [`super::exit::report`]).
pub fn line(text: &str) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{text}")
}

/// Writes text that ends its own lines.
///
/// # Errors
/// As [`line()`].
pub fn text(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    if text.ends_with('\n') { Ok(()) } else { out.write_all(b"\n") }
}

/// Writes a value as indented JSON.
///
/// # Errors
/// As [`line()`].
pub fn json(value: &serde_json::Value) -> io::Result<()> {
    // A `Value` always has a text form.
    line(&serde_json::to_string_pretty(value).unwrap_or_default())
}

/// Aligned facts under a heading.
#[derive(Debug, Default)]
pub struct Facts {
    rows: Vec<(String, String)>,
}

impl Facts {
    /// Adds a fact.
    pub fn add(&mut self, name: &str, value: impl ToString) -> &mut Self {
        self.rows.push((name.to_owned(), value.to_string()));
        self
    }

    /// Adds a fact that is known.
    pub fn maybe(&mut self, name: &str, value: Option<impl ToString>) -> &mut Self {
        if let Some(value) = value {
            self.add(name, value);
        }
        self
    }
}

impl std::fmt::Display for Facts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let width = self.rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (i, (name, value)) in self.rows.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            // Facts of several lines keep their column.
            let indented = value.replace('\n', &format!("\n{:w$}", "", w = width + 4));
            write!(f, "  {name:width$}  {indented}")?;
        }
        Ok(())
    }
}

/// Columns as wide as their widest cell; the last one is not padded.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |c: usize| rows.iter().filter_map(|r| r.get(c)).map(|s| s.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line += &format!("{cell:width$}  ");
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// Bytes for people, in binary units.
pub fn bytes(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    let name = units.get(unit).copied().unwrap_or_default();
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {name}") }
}

/// `1 picture`, `3 pictures`.
pub fn count(n: u64, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

/// Seconds as people say them.
pub fn duration(seconds: f64) -> String {
    match seconds.round() as u64 {
        s @ 0..90 => count(s, "second"),
        s @ 90..5400 => format!("{} minutes", (s + 30) / 60),
        s => format!("{:.1} hours", s as f64 / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = [["a", "bb"], ["ccc", "d"]].map(|row| row.map(String::from).to_vec());
        assert_eq!(table(&rows), "a    bb\nccc  d\n");
        let mut facts = Facts::default();
        facts.add("one", 1).add("three", "x\ny").maybe("none", None::<u8>);
        assert_eq!(facts.to_string(), "  one    1\n  three  x\n         y");
    }

    #[test]
    fn sizes_for_people() {
        assert_eq!([bytes(999), bytes(1536), bytes(5 << 30)], ["999 B", "1.5 KiB", "5.0 GiB"]);
        assert_eq!([count(1, "picture"), count(0, "picture")], ["1 picture", "0 pictures"]);
    }

    #[test]
    fn durations_for_people() {
        assert_eq!([duration(1.2), duration(100.0), duration(7200.0)], ["1 second", "2 minutes", "2.0 hours"]);
    }
}
