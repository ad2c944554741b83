//! Dialects that are read, mistakes that are refused with their lines.

use std::path::Path;

use super::*;
use crate::lut::{CodeRange, Domain};

fn parse(text: &str) -> Result<Lut> {
    parse_cube(text.as_bytes(), Path::new("look.cube"))
}

/// The problems as `line: message`, one a line.
fn problems(text: &str) -> String {
    match parse(text) {
        Err(Error::Recipe { problems, .. }) => {
            let lines = problems.iter().map(|p| format!("{}: {}", p.line, p.message));
            lines.collect::<Vec<_>>().join("\n")
        }
        other => panic!("expected problems, got {other:?}"),
    }
}

#[track_caller]
fn refused(text: &str, expected: &[&str]) {
    let found = problems(text);
    for part in expected {
        assert!(found.contains(part), "{part:?} is not in:\n{found}");
    }
}

const CUBE_2: &str = "0 0 0\n1 0 0\n0 1 0\n1 1 0\n0 0 1\n1 0 1\n0 1 1\n1 1 1\n";

#[test]
fn adobe_3d() {
    let lut =
        parse(&format!("#c\nTITLE \"A # b\"\nLUT_3D_SIZE 2\nDOMAIN_MIN 0 1 0\nDOMAIN_MAX 2 2 1\n\n{CUBE_2}")).unwrap();
    assert_eq!(lut.title.as_deref(), Some("A # b"));
    assert_eq!(lut.comments, ["c"]);
    assert_eq!(lut.domain(), Domain { min: [0.0, 1.0, 0.0], max: [2.0, 2.0, 1.0] });
    let cube = lut.cube.unwrap();
    assert_eq!((cube.size(), cube.nodes()[1]), (2, [1.0, 0.0, 0.0]));
    assert!(lut.shaper.is_none() && lut.remarks.is_empty());
}

#[test]
fn iridas_1d_with_everything_that_is_tolerated() {
    let text = "\u{feff}title no quotes\r\nlut_1d_size\t3 # three\r\rDomain_Max 1 2 3\n\t+0 0.0 -0\r\n  # note\n.5 1e0 1.5 # mid\n\n1 1. 1";
    let lut = parse(text).unwrap();
    assert_eq!(lut.title.as_deref(), Some("no quotes"));
    let table = lut.shaper.unwrap();
    assert_eq!(table.nodes(), [[0.0, 0.0, 0.0], [0.5, 1.0, 1.5], [1.0, 1.0, 1.0]]);
    assert_eq!(table.domain(), Domain { min: [0.0; 3], max: [1.0, 2.0, 3.0] });
}

#[test]
fn resolve_shaper_and_3d() {
    let head = "LUT_3D_SIZE 2\nLUT_3D_INPUT_RANGE 0 4\nLUT_1D_SIZE 2\nLUT_1D_INPUT_RANGE -1 3\nLUT_IN_VIDEO_RANGE\nLUT_OUT_VIDEO_RANGE\n";
    let lut = parse(&format!("{head}9 9 9\n8 8 8\n{CUBE_2}")).unwrap();
    assert_eq!((lut.input_range, lut.output_range), (CodeRange::Legal, CodeRange::Legal));
    let (shaper, cube) = (lut.shaper.unwrap(), lut.cube.unwrap());
    assert_eq!((shaper.nodes()[0], shaper.domain()), ([9.0; 3], Domain::uniform(-1.0, 3.0)));
    assert_eq!((cube.nodes()[7], cube.domain()), ([1.0; 3], Domain::uniform(0.0, 4.0)));
}

#[test]
fn unknown_words_are_remarked_and_bytes_need_not_be_utf8() {
    let mut bytes = b"TITLE \"caf\xe9\"\nGAMMA 2.2\nLUT_3D_SIZE 2\nLUT_1D_INPUT_RANGE 0 1\n".to_vec();
    bytes.extend_from_slice(CUBE_2.as_bytes());
    let lut = parse_cube(&bytes, Path::new("x.cube")).unwrap();
    let remarks: Vec<_> = lut.remarks.iter().map(|r| (r.line, r.message.as_str())).collect();
    assert_eq!(remarks[0], (2, "'GAMMA' is not a known keyword and was ignored"));
    assert!(remarks[1].0 == 4 && remarks[1].1.contains("0 to 1"), "{remarks:?}");
}

#[test]
fn wrong_counts_say_what_was_expected_and_where_the_file_ends() {
    refused("LUT_3D_SIZE 2\n0 0 0\n1 1 1\n", &["3: 8 rows are expected, 2 found; the file ends on line 3"]);
    refused(
        "LUT_1D_SIZE 2\n0 0 0\n1 1 1\n\n2 2 2\n3 3 3\n",
        &["5: 2 rows are expected, 4 found; this is the first too many"],
    );
    refused("LUT_1D_SIZE 2\nLUT_3D_SIZE 2\n0 0 0\n", &["10 rows (2 of the 1D table and 8 of the 3D table)"]);
    refused("LUT_1D_SIZE 2\n", &["2 rows are expected, 0 found"]);
    refused("", &["ends without LUT_1D_SIZE or LUT_3D_SIZE"]);
    refused("0 0 0\n1 1 1\n", &["1: a row of the table comes before"]);
}

#[test]
fn every_bad_row_is_named() {
    let found = problems("LUT_1D_SIZE 6\n0 0 0\nnan 0 0\n0 -inf 0\n1 2\n1 2 x\n1 2 3 4\n");
    let lines: Vec<_> = found.lines().map(|l| l.split(':').next().unwrap()).collect();
    assert_eq!(lines, ["3", "4", "5", "6", "7"], "{found}");
    for part in ["'nan' is not a finite", "'-inf' is not", "this one has 2", "'x' is not a number", "this one has 4"] {
        assert!(found.contains(part), "{part} in {found}");
    }
    refused("LUT_1D_SIZE 2\n0 0 0\n1e39 1 1\n", &["3: '1e39' is not a finite 32-bit number"]);
    refused("LUT_1D_SIZE 2\n0 0 0\n1e31 1 1\n", &["3: node value 1e31 is out of range"]);
    refused("LUT_1D_SIZE 2\n0 0 0\nl 1 1\n", &["3: 'L' is not a number"]);
}

#[test]
fn decimal_commas_are_named_once() {
    let found = problems("LUT_1D_SIZE 3\n0,0 0,0 0,0\n0,5 0,5 0,5\n1,0 1,0 1,0\n");
    assert!(found.contains("2: '0,0' has a comma: decimals take a point"), "{found}");
    assert!(found.contains("commas in 2 further rows"), "{found}");
    assert_eq!(found.lines().count(), 2);
    refused("LUT_1D_SIZE 2\nDOMAIN_MAX 1,0 1,0 1,0\n0 0 0\n1 1 1\n", &["2: DOMAIN_MAX: '1,0' has a comma"]);
}

#[test]
fn sizes_are_checked_before_anything_is_allocated() {
    for size in ["1", "257", "0", "-2", "4294967297", "33.0", "99999999999999999999", "two"] {
        refused(&format!("LUT_3D_SIZE {size}\n0 0 0\n"), &["1: LUT_3D_SIZE: ", "not a whole number from 2 to 256"]);
    }
    refused("LUT_1D_SIZE 65537\n", &["from 2 to 65536"]);
    refused("LUT_3D_SIZE 33 33 33\n", &["one whole number from 2 to 256 is expected"]);
    refused("LUT_3D_SIZE 2\nLUT_3D_SIZE 2\n", &["2: LUT_3D_SIZE is given twice, first on line 1"]);
    refused("LUT_3D_SIZE 256\n0 0 0\n", &["16777216 rows are expected, 1 found"]);
}

#[test]
fn unclear_domains_are_refused() {
    let table = format!("LUT_3D_SIZE 2\n{CUBE_2}");
    refused(&format!("DOMAIN_MIN 0 1 0\n{table}"), &["1: DOMAIN_MIN and DOMAIN_MAX: the green domain is empty"]);
    refused(&format!("DOMAIN_MIN 0 0 2\n{table}"), &["the blue domain is reversed: minimum 2, maximum 1"]);
    refused(&format!("DOMAIN_MIN 0 0\n{table}"), &["1: DOMAIN_MIN: 3 numbers are expected, 2 found"]);
    refused(&format!("DOMAIN_MAX nan 1 1\n{table}"), &["'nan' is not a finite"]);
    refused(&format!("LUT_3D_INPUT_RANGE 1 0\n{table}"), &["1: LUT_3D_INPUT_RANGE: the red domain is reversed"]);
    refused(&format!("LUT_1D_INPUT_RANGE -1 3\n{table}"), &["1: LUT_1D_INPUT_RANGE in a file without LUT_1D_SIZE"]);
    refused(&format!("DOMAIN_MAX 2 2 2\nLUT_3D_INPUT_RANGE 0 2\n{table}"), &["keep one of them"]);
    let two = format!("DOMAIN_MAX 2 2 2\nLUT_1D_SIZE 2\nLUT_3D_SIZE 2\n0 0 0\n1 1 1\n{CUBE_2}");
    refused(&two, &["do not say which of the two tables"]);
    assert!(parse(&two.replace("DOMAIN_MAX 2 2 2", "DOMAIN_MAX 1 1 1")).is_ok());
    refused(&format!("{table}DOMAIN_MAX 2 2 2\n"), &["10: DOMAIN_MAX after the first row"]);
}

#[test]
fn the_list_of_problems_is_capped() {
    let found = problems(&format!("LUT_1D_SIZE 100\n{}", "x 0 0 0\n? 1 2\n".repeat(50)));
    assert_eq!(found.lines().count(), MAX_PROBLEMS + 1, "{found}");
    assert!(found.ends_with("more problems are not listed"), "{found}");
}

#[test]
fn files_that_are_no_text_get_one_sentence() {
    assert!(parse_cube(b"\xFF\xFEL\0U\0", Path::new("x")).unwrap_err().to_string().contains("UTF-16"));
    assert!(parse_cube(b"PK\x03\x04\0\0", Path::new("x")).unwrap_err().to_string().contains("zero bytes"));
    let error = problems("LUT_3D_SIZE \u{1b}[2J\n");
    assert!(error.contains("\\u{1b}"), "control characters are escaped: {error}");
}
