//! The `.cube` text format: grammar, dialects and limits.
//!
//! ```text
//! file      = [ BOM ] { line ( LF | CR LF | CR ) }
//! line      = blank | comment | keyword line | row          leading and trailing spaces and tabs do not count
//! comment   = "#" anything                                  anywhere; also after a row or a keyword's numbers
//! row       = number number number                          one node: red green blue
//! keyword   = TITLE text                                    quotes optional
//!           | LUT_1D_SIZE n | LUT_3D_SIZE n                 2..=65536, 2..=256
//!           | DOMAIN_MIN r g b | DOMAIN_MAX r g b           Adobe, Iridas
//!           | LUT_1D_INPUT_RANGE min max                    Resolve
//!           | LUT_3D_INPUT_RANGE min max                    Resolve
//!           | LUT_IN_VIDEO_RANGE | LUT_OUT_VIDEO_RANGE      Resolve
//! ```
//! Keywords may be in any case and order, each once, and before the first row. A number is what Rust's `f32` takes: optional
//! sign (also `+`), decimal point, exponent; it must be finite, and a node at most [`MAX_NODE`] in size.
//!
//! * **1D only**: `LUT_1D_SIZE` rows from the smallest to the largest input.
//! * **3D only**: `LUT_3D_SIZE`^3 rows, red running fastest, blue slowest.
//! * **shaper and 3D** (Resolve): both sizes; the rows of the 1D table come first.
//! * **domain**: `DOMAIN_MIN`/`DOMAIN_MAX` per channel, or Resolve's range for all three; 0 to 1 when not given.
//!
//! What is not clear is refused rather than guessed: `DOMAIN_*` together with Resolve's ranges, `DOMAIN_*` other than 0 to 1 in a
//! file with two tables, an input range for a table that is not there (unless it is 0 to 1). An unknown word at the start of
//! a line is remarked, not refused. All problems of a file are reported together, at most [`MAX_PROBLEMS`].
//!
//! Sources: Adobe, "Cube LUT Specification" 1.0 (2013); Blackmagic's format, <https://resolve.cafe/developers/luts/>; the
//! Iridas dialect as files of it show it.

mod header;
mod lexer;
mod parser;

pub use parser::{MAX_FILE_BYTES, MAX_NODE, MAX_PROBLEMS, parse_cube};
