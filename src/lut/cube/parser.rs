//! Lines to a [`Lut`], with every problem collected.

use std::path::Path;

use super::header::{Header, Taken, explain, shorten};
use super::lexer::{Line, Lines, NotANumber, classify, number, words};
use crate::error::{Error, Problem, Result};
use crate::lut::{Lut, Lut1d, Lut3d};

/// Largest `.cube` file that is read, in bytes.
pub const MAX_FILE_BYTES: u64 = 256 << 20;

/// Problems reported for one file; a last entry says how many more there were.
pub const MAX_PROBLEMS: usize = 20;

/// Largest absolute value of a node. Far above any light value, and far enough below the end of `f32` that interpolation and
/// range conversion cannot overflow.
pub const MAX_NODE: f32 = 1e30;

/// Comment lines that are kept; the rest is dropped with a remark.
const MAX_COMMENTS: usize = 1000;

/// Remarks that are kept.
const MAX_REMARKS: usize = 20;

/// The shortest row there is, "0 0 0" and a line end: bounds the rows a file can hold before anything is allocated.
const SHORTEST_ROW_BYTES: usize = 6;

/// Parses the bytes of a `.cube` file; `path` is only named in errors. The grammar is described in the module `cube`.
///
/// # Errors
/// [`Error::Limit`] above [`MAX_FILE_BYTES`]; [`Error::Recipe`] with every problem and its line otherwise.
pub fn parse_cube(bytes: &[u8], path: &Path) -> Result<Lut> {
    let value = bytes.len() as u64;
    if value > MAX_FILE_BYTES {
        return Err(Error::Limit {
            path: path.into(),
            what: "size of the LUT file in bytes",
            value,
            limit: MAX_FILE_BYTES,
        });
    }
    if let Some(reason) = not_text(bytes) {
        return Err(Error::recipe(path, 0, reason));
    }
    let mut parser = Parser::new(bytes.len());
    for (line, raw) in Lines::new(bytes) {
        parser.line(line, &String::from_utf8_lossy(raw));
    }
    parser.finish().map_err(|problems| Error::Recipe { path: path.into(), problems })
}

/// Files that are no 8-bit text: one clear sentence instead of a problem per line.
fn not_text(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") {
        return Some("the file is UTF-16 text; save it as UTF-8 or ASCII");
    }
    bytes.contains(&0).then_some("the file contains zero bytes: it is not a .cube text file")
}

#[derive(Default)]
struct Parser {
    file_bytes: usize,
    header: Header,
    comments: Vec<String>,
    remarks: Vec<Problem>,
    problems: Vec<Problem>,
    /// Problems beyond [`MAX_PROBLEMS`].
    unlisted: u64,
    rows: Vec<[f32; 3]>,
    /// Lines that begin like a row, well formed or not.
    rows_found: u64,
    rows_with_comma: u64,
    first_extra_row: Option<usize>,
    last_line: usize,
}

impl Parser {
    fn new(file_bytes: usize) -> Self {
        Self { file_bytes, ..Self::default() }
    }

    fn problem(&mut self, line: usize, message: impl Into<String>) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(Problem { line, message: message.into() });
        } else {
            self.unlisted += 1;
        }
    }

    fn remark(&mut self, line: usize, message: impl Into<String>) {
        if self.remarks.len() < MAX_REMARKS {
            self.remarks.push(Problem { line, message: message.into() });
        }
    }

    fn line(&mut self, line: usize, text: &str) {
        self.last_line = line;
        match classify(text) {
            Line::Blank => {}
            Line::Comment(comment) if self.comments.len() < MAX_COMMENTS => self.comments.push(comment.to_owned()),
            Line::Comment(_) => {}
            Line::Keyword(keyword, rest) => self.keyword(line, &keyword, rest),
            Line::Row(row) => self.row(line, row),
        }
    }

    fn keyword(&mut self, line: usize, keyword: &str, rest: &str) {
        let late = self.rows_found > 0;
        match self.header.take(line, keyword, rest) {
            Taken::Yes if late => self.problem(line, format!("{keyword} after the first row; move it above the table")),
            Taken::Yes => {}
            Taken::Wrong(message) => self.problem(line, message),
            Taken::Unknown if words(rest).count() == 2 && words(rest).all(|word| number(word).is_ok()) => {
                self.rows_found += 1;
                self.problem(line, explain(keyword, &NotANumber::Text));
            }
            Taken::Unknown => {
                self.remark(line, format!("'{}' is not a known keyword and was ignored", shorten(keyword)))
            }
        }
    }

    fn row(&mut self, line: usize, text: &str) {
        if self.rows_found == 0 {
            self.begin_table(line);
        }
        self.rows_found += 1;
        let expected = self.header.expected_rows().map(|(one, three)| one + three);
        if expected.is_some_and(|rows| self.rows_found > rows) {
            self.first_extra_row.get_or_insert(line);
            return;
        }
        match node(text) {
            Ok(values) => self.rows.push(values),
            Err(Wrong::Comma(message)) => {
                self.rows_with_comma += 1;
                if self.rows_with_comma == 1 {
                    self.problem(line, message);
                }
            }
            Err(Wrong::Other(message)) => self.problem(line, message),
        }
    }

    fn begin_table(&mut self, line: usize) {
        if !self.header.has_size() {
            self.problem(line, "a row of the table comes before LUT_1D_SIZE or LUT_3D_SIZE");
        }
        let rows = self.header.expected_rows().map_or(0, |(one, three)| one + three);
        let at_most = self.file_bytes / SHORTEST_ROW_BYTES + 1;
        self.rows.reserve_exact(usize::try_from(rows).unwrap_or(usize::MAX).min(at_most));
    }

    fn finish(mut self) -> std::result::Result<Lut, Vec<Problem>> {
        self.check_counts();
        let domains = match self.header.domains() {
            Ok((domains, remarks)) => {
                remarks.into_iter().for_each(|(line, message)| self.remark(line, message));
                Some(domains)
            }
            Err(problems) => {
                problems.into_iter().for_each(|(line, message)| self.problem(line, message));
                None
            }
        };
        if let (true, Some(domains), Some(rows)) = (self.problems.is_empty(), domains, self.header.expected_rows()) {
            match self.tables(domains, rows) {
                Ok((shaper, cube)) => return Ok(self.lut(shaper, cube)),
                Err(message) => self.problem(0, message),
            }
        }
        self.problems.sort_by_key(|problem| problem.line);
        if self.unlisted > 0 {
            let message = format!("{} more problems are not listed", self.unlisted);
            self.problems.push(Problem { line: self.last_line, message });
        }
        Err(self.problems)
    }

    fn check_counts(&mut self) {
        let (found, last) = (self.rows_found, self.last_line);
        if self.rows_with_comma > 1 {
            let others = self.rows_with_comma - 1;
            self.problem(last, format!("commas in {others} further rows"));
        }
        if !self.header.has_size() {
            if found == 0 {
                self.problem(last, "the file ends without LUT_1D_SIZE or LUT_3D_SIZE: it is no .cube LUT");
            }
            return;
        }
        let Some((one, three)) = self.header.expected_rows() else { return };
        let expected = match (one, three) {
            (0, n) | (n, 0) => format!("{n} rows"),
            _ => format!("{} rows ({one} of the 1D table and {three} of the 3D table)", one + three),
        };
        if found < one + three {
            self.problem(last, format!("{expected} are expected, {found} found; the file ends on line {last}"));
        } else if let Some(line) = self.first_extra_row {
            self.problem(line, format!("{expected} are expected, {found} found; this is the first too many"));
        }
    }

    fn tables(
        &mut self,
        domains: (crate::lut::Domain, crate::lut::Domain),
        (one, three): (u64, u64),
    ) -> std::result::Result<(Option<Lut1d>, Option<Lut3d>), String> {
        let mut rows = std::mem::take(&mut self.rows);
        let cube_rows = rows.split_off(rows.len().min(one as usize));
        let shaper = if one > 0 { Some(Lut1d::new(domains.0, rows)?) } else { None };
        let size = self.header.size_3d.and_then(|size| size.value);
        let cube = match size {
            Some(size) if three > 0 => Some(Lut3d::new(domains.1, size, cube_rows)?),
            _ => None,
        };
        Ok((shaper, cube))
    }

    fn lut(self, shaper: Option<Lut1d>, cube: Option<Lut3d>) -> Lut {
        let (input_range, output_range) = self.header.code_ranges();
        let title = self.header.title.map(|title| title.value);
        let mut remarks = self.remarks;
        remarks.sort_by_key(|remark| remark.line);
        Lut { title, comments: self.comments, shaper, cube, input_range, output_range, remarks }
    }
}

/// Why a row is refused; commas are counted, because a file has them in every row or in none.
enum Wrong {
    Comma(String),
    Other(String),
}

/// Three finite numbers of reasonable size.
fn node(text: &str) -> std::result::Result<[f32; 3], Wrong> {
    let mut values = [0.0; 3];
    let mut count = 0;
    for word in words(text) {
        let value = number(word).map_err(|why| match why {
            NotANumber::Comma => Wrong::Comma(explain(word, &why)),
            _ => Wrong::Other(explain(word, &why)),
        })?;
        if value.abs() > MAX_NODE {
            return Err(Wrong::Other(format!("node value {value:e} is out of range (-{MAX_NODE:e} to {MAX_NODE:e})")));
        }
        if let Some(slot) = values.get_mut(count) {
            *slot = value;
        }
        count += 1;
    }
    if count == 3 { Ok(values) } else { Err(Wrong::Other(format!("a row has 3 numbers, this one has {count}"))) }
}

#[cfg(test)]
#[path = "parser_tests.rs"]
mod tests;
