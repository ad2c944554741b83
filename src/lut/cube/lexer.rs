//! Bytes to lines and lines to what they are. No meaning is given to a keyword here.

use std::borrow::Cow;

/// Splits at LF, CR LF and CR. Yields each line with its number, counted from 1, without its end.
pub(super) struct Lines<'a> {
    rest: Option<&'a [u8]>,
    number: usize,
}

impl<'a> Lines<'a> {
    /// A byte order mark (UTF-8) at the start is skipped.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: Some(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)), number: 0 }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = (usize, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.rest.take()?;
        if bytes.is_empty() && self.number > 0 {
            return None;
        }
        self.number += 1;
        let Some(end) = bytes.iter().position(|&b| b == b'\n' || b == b'\r') else {
            return Some((self.number, bytes));
        };
        let (line, tail) = bytes.split_at(end);
        self.rest = tail.strip_prefix(b"\r\n").or_else(|| tail.get(1..));
        Some((self.number, line))
    }
}

/// What one line is.
#[derive(Debug, PartialEq)]
pub(super) enum Line<'a> {
    /// Nothing but white space.
    Blank,
    /// The text after `#`.
    Comment(&'a str),
    /// A word that begins with a letter or `_`, in upper case, and what follows it.
    Keyword(Cow<'a, str>, &'a str),
    /// Something that begins like a number.
    Row(&'a str),
}

/// Classifies a line.
pub(super) fn classify(text: &str) -> Line<'_> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}' || c == '\u{1a}');
    let Some(first) = text.chars().next() else { return Line::Blank };
    if let Some(comment) = text.strip_prefix('#') {
        return Line::Comment(comment.trim());
    }
    let word = text.split(|c: char| c.is_whitespace()).next().unwrap_or(text);
    if (first.is_alphabetic() || first == '_') && !names_non_finite(word) {
        let rest = text.get(word.len()..).unwrap_or("").trim();
        let upper = if word.chars().any(|c| c.is_lowercase()) { word.to_uppercase().into() } else { word.into() };
        return Line::Keyword(upper, rest);
    }
    Line::Row(text)
}

/// The words of a row or of a keyword's arguments, up to a comment.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace().take_while(|word| !word.starts_with('#'))
}

/// `nan`, `inf` and `infinity` begin with a letter and are numbers all the same.
fn names_non_finite(word: &str) -> bool {
    word.parse::<f32>().is_ok()
}

/// Why a word is not a finite number.
#[derive(Debug, PartialEq)]
pub(super) enum NotANumber {
    /// Digits with a comma where the point belongs, or a comma after the number.
    Comma,
    /// NaN, infinity, or too large for `f32`.
    NotFinite,
    /// Anything else.
    Text,
}

/// One finite number.
pub(super) fn number(word: &str) -> Result<f32, NotANumber> {
    match word.parse::<f32>() {
        Ok(value) if value.is_finite() => Ok(value),
        Ok(_) => Err(NotANumber::NotFinite),
        Err(_) if is_decimal_comma(word) => Err(NotANumber::Comma),
        // "1.#QNAN" and "-1.#IND" are how old Windows programs print what is no number.
        Err(_) if word.contains(".#") => Err(NotANumber::NotFinite),
        Err(_) => Err(NotANumber::Text),
    }
}

fn is_decimal_comma(word: &str) -> bool {
    word.contains(',')
        && word.chars().any(|c| c.is_ascii_digit())
        && word.chars().all(|c| c.is_ascii_digit() || matches!(c, ',' | '.' | '+' | '-' | 'e' | 'E'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_end_counts_once() {
        let lines: Vec<_> = Lines::new(b"\xEF\xBB\xBFa\nb\r\nc\rd\n\ne").collect();
        let text: Vec<_> = lines.iter().map(|(n, l)| (*n, std::str::from_utf8(l).unwrap())).collect();
        assert_eq!(text, [(1, "a"), (2, "b"), (3, "c"), (4, "d"), (5, ""), (6, "e")]);
        assert_eq!(Lines::new(b"a\n").count(), 1);
        assert_eq!(Lines::new(b"").count(), 1);
    }

    #[test]
    fn lines_are_told_apart() {
        assert_eq!(classify(" \t "), Line::Blank);
        assert_eq!(classify("\t# note "), Line::Comment("note"));
        assert_eq!(classify("Title\t\"x\""), Line::Keyword("TITLE".into(), "\"x\""));
        assert_eq!(classify("nan nan nan"), Line::Row("nan nan nan"));
        assert_eq!(classify("-1 0 0"), Line::Row("-1 0 0"));
        assert_eq!(classify("NANOMETERS 3"), Line::Keyword("NANOMETERS".into(), "3"));
    }

    #[test]
    fn numbers_follow_f32_and_say_why_not() {
        assert_eq!(number("+1.5e-3"), Ok(0.0015));
        assert_eq!(number(".5"), Ok(0.5));
        assert_eq!(number("0,5"), Err(NotANumber::Comma));
        assert_eq!(number("0.5,"), Err(NotANumber::Comma));
        assert_eq!(number("1e99"), Err(NotANumber::NotFinite));
        assert_eq!(number("-inf"), Err(NotANumber::NotFinite));
        assert_eq!(number("1.#QNAN"), Err(NotANumber::NotFinite));
        assert_eq!(number("0x1"), Err(NotANumber::Text));
    }
}
