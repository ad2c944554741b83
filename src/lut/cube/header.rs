//! The keyword lines: each taken once and checked, then joined to the sizes and domains of the tables.

use std::str::FromStr;

use super::lexer::{NotANumber, number, words};
use crate::lut::{CodeRange, Domain, MAX_SIZE_1D, MAX_SIZE_3D};

/// A value and the line it came from.
#[derive(Debug, Clone, Copy)]
pub(super) struct At<T> {
    pub line: usize,
    pub value: T,
}

/// What became of a keyword line.
pub(super) enum Taken {
    Yes,
    /// Not a keyword of any dialect.
    Unknown,
    /// Wrong, and why.
    Wrong(String),
}

/// The keywords met so far. A size of `None` was stated but is not usable; its problem is already reported.
#[derive(Debug, Default)]
pub(super) struct Header {
    pub title: Option<At<String>>,
    pub size_1d: Option<At<Option<u32>>>,
    pub size_3d: Option<At<Option<u32>>>,
    domain_min: Option<At<[f32; 3]>>,
    domain_max: Option<At<[f32; 3]>>,
    range_1d: Option<At<[f32; 2]>>,
    range_3d: Option<At<[f32; 2]>>,
    in_video: Option<At<()>>,
    out_video: Option<At<()>>,
}

impl Header {
    /// Takes one keyword line.
    pub fn take(&mut self, line: usize, keyword: &str, rest: &str) -> Taken {
        let result = match keyword {
            "TITLE" => set(&mut self.title, line, keyword, Ok(rest.trim_matches('"').to_owned())),
            "LUT_1D_SIZE" => set_size(&mut self.size_1d, line, keyword, rest, MAX_SIZE_1D),
            "LUT_3D_SIZE" => set_size(&mut self.size_3d, line, keyword, rest, MAX_SIZE_3D),
            "DOMAIN_MIN" => set(&mut self.domain_min, line, keyword, numbers(rest)),
            "DOMAIN_MAX" => set(&mut self.domain_max, line, keyword, numbers(rest)),
            "LUT_1D_INPUT_RANGE" => set(&mut self.range_1d, line, keyword, numbers(rest)),
            "LUT_3D_INPUT_RANGE" => set(&mut self.range_3d, line, keyword, numbers(rest)),
            "LUT_IN_VIDEO_RANGE" => set(&mut self.in_video, line, keyword, Ok(())),
            "LUT_OUT_VIDEO_RANGE" => set(&mut self.out_video, line, keyword, Ok(())),
            _ => return Taken::Unknown,
        };
        result.map_or_else(Taken::Wrong, |()| Taken::Yes)
    }

    /// Whether a size keyword was met, usable or not.
    pub fn has_size(&self) -> bool {
        self.size_1d.is_some() || self.size_3d.is_some()
    }

    /// Rows of the 1D and of the 3D table; `None` when a stated size is not usable.
    pub fn expected_rows(&self) -> Option<(u64, u64)> {
        let rows = |size: &Option<At<Option<u32>>>, power| match size {
            None => Some(0),
            Some(At { value, .. }) => value.map(|n| u64::from(n).pow(power)),
        };
        Some((rows(&self.size_1d, 1)?, rows(&self.size_3d, 3)?))
    }

    /// What the tables take and give.
    pub fn code_ranges(&self) -> (CodeRange, CodeRange) {
        let range = |flag: &Option<At<()>>| if flag.is_some() { CodeRange::Legal } else { CodeRange::Full };
        (range(&self.in_video), range(&self.out_video))
    }

    /// The domains of the 1D and of the 3D table, with remarks.
    ///
    /// # Errors
    /// Problems with their lines.
    #[expect(clippy::type_complexity, reason = "two lists of (line, message), read in one place")]
    pub fn domains(&self) -> Result<((Domain, Domain), Vec<(usize, String)>), Vec<(usize, String)>> {
        let (mut problems, mut remarks) = (Vec::new(), Vec::new());
        let (mut domain_1d, mut domain_3d) = (Domain::UNIT, Domain::UNIT);
        for (range, size, target, digit) in
            [(self.range_1d, self.size_1d, &mut domain_1d, 1), (self.range_3d, self.size_3d, &mut domain_3d, 3)]
        {
            let Some(At { line, value: [min, max] }) = range else { continue };
            let domain = Domain::uniform(min, max);
            if let Err(message) = domain.check() {
                problems.push((line, format!("LUT_{digit}D_INPUT_RANGE: {message}")));
            } else if size.is_some() {
                *target = domain;
            } else {
                let text = format!("LUT_{digit}D_INPUT_RANGE in a file without LUT_{digit}D_SIZE");
                if domain == Domain::UNIT {
                    remarks.push((line, format!("{text}; it is 0 to 1 and was ignored")));
                } else {
                    let other = if digit == 1 { 3 } else { 1 };
                    problems.push((
                        line,
                        format!("{text}; write LUT_{other}D_INPUT_RANGE if the table it describes is the {other}D one"),
                    ));
                }
            }
        }
        if let Some(line) = self.domain_min.map(|d| d.line).max(self.domain_max.map(|d| d.line)) {
            let domain = Domain {
                min: self.domain_min.map_or(Domain::UNIT.min, |d| d.value),
                max: self.domain_max.map_or(Domain::UNIT.max, |d| d.value),
            };
            let two_tables = self.size_1d.is_some() && self.size_3d.is_some();
            if let Err(message) = domain.check() {
                problems.push((line, format!("DOMAIN_MIN and DOMAIN_MAX: {message}")));
            } else if domain == Domain::UNIT {
                // 0 to 1 is what holds anyway.
            } else if self.range_1d.is_some() || self.range_3d.is_some() {
                problems.push((
                    line,
                    "both DOMAIN_MIN/DOMAIN_MAX and LUT_*_INPUT_RANGE are given; keep one of them".into(),
                ));
            } else if two_tables {
                let advice = "write LUT_1D_INPUT_RANGE and LUT_3D_INPUT_RANGE";
                problems.push((
                    line,
                    format!("DOMAIN_MIN/DOMAIN_MAX do not say which of the two tables they describe; {advice}"),
                ));
            } else {
                (domain_1d, domain_3d) = (domain, domain);
            }
        }
        if problems.is_empty() { Ok(((domain_1d, domain_3d), remarks)) } else { Err(problems) }
    }
}

/// Fills a slot once.
fn set<T>(slot: &mut Option<At<T>>, line: usize, keyword: &str, value: Result<T, String>) -> Result<(), String> {
    if let Some(first) = slot {
        return Err(format!("{keyword} is given twice, first on line {}", first.line));
    }
    let value = value.map_err(|reason| format!("{keyword}: {reason}"))?;
    *slot = Some(At { line, value });
    Ok(())
}

fn set_size(
    slot: &mut Option<At<Option<u32>>>,
    line: usize,
    keyword: &str,
    rest: &str,
    max: u32,
) -> Result<(), String> {
    let size = size(rest, max);
    set(slot, line, keyword, Ok(size.as_ref().ok().copied()))?;
    size.map(drop).map_err(|reason| format!("{keyword}: {reason}"))
}

fn size(rest: &str, max: u32) -> Result<u32, String> {
    let mut words = words(rest);
    let (Some(word), None) = (words.next(), words.next()) else {
        return Err(format!("one whole number from 2 to {max} is expected, not '{}'", shorten(rest)));
    };
    match u32::from_str(word) {
        Ok(n) if (2..=max).contains(&n) => Ok(n),
        _ => Err(format!("'{}' is not a whole number from 2 to {max}", shorten(word))),
    }
}

/// Exactly N finite numbers.
fn numbers<const N: usize>(rest: &str) -> Result<[f32; N], String> {
    let mut values = [0.0; N];
    let mut count = 0;
    for word in words(rest) {
        let value = number(word).map_err(|why| explain(word, &why))?;
        if let Some(slot) = values.get_mut(count) {
            *slot = value;
        }
        count += 1;
    }
    if count == N { Ok(values) } else { Err(format!("{N} numbers are expected, {count} found")) }
}

/// The sentence for a word that is not a number.
pub(super) fn explain(word: &str, why: &NotANumber) -> String {
    let word = shorten(word);
    match why {
        NotANumber::Comma => format!("'{word}' has a comma: decimals take a point, numbers are separated by spaces"),
        NotANumber::NotFinite => format!("'{word}' is not a finite 32-bit number"),
        NotANumber::Text => format!("'{word}' is not a number"),
    }
}

/// At most 40 characters of what a file says, control characters escaped, for messages.
pub(super) fn shorten(text: &str) -> String {
    let mut short = String::new();
    for c in text.chars().take(40) {
        if c.is_control() { short.extend(c.escape_default()) } else { short.push(c) }
    }
    if text.chars().nth(40).is_some() {
        short.push_str("...");
    }
    short
}
