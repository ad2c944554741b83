//! Real `.cube` files: each is read as expected or refused with a line, and no damage makes the parser panic.
//!
//! The files come with OpenColorIO and Colour and are not part of this repository: set `CHIARO_TESTDATA` to a folder that
//! has them under `lut/`.

use std::path::{Path, PathBuf};

use chiaro::error::{Error, Result};
use chiaro::lut::{Domain, Interpolation, Lut, LutInfo, LutKind, PreparedLut, parse_cube, warnings, write_cube};

/// What a file is: kind, 1D size, 3D size, domain of the first table.
enum Expected {
    Read(LutKind, u32, u32, Domain),
    Refused(usize, &'static str),
}

/// Looked up by reading the files. The same names appear in two folders, hence the folder.
fn expected(folder: &str, name: &str) -> Expected {
    use Expected::{Read, Refused};
    use LutKind::{OneD, ShaperAndThreeD, ThreeD};
    let unit = Domain::UNIT;
    match (folder, name) {
        ("files", "iridas_1d.cube") => Read(OneD, 5, 0, Domain { min: [-2.0, 1.0, 0.0], max: [2.0, 2.0, 1.0] }),
        ("files", "iridas_3d.cube") => Read(ThreeD, 0, 2, Domain { min: [0.0, 1.0, 0.0], max: [2.0, 2.0, 1.0] }),
        ("files", "resolve_1d3d.cube") => Read(ShaperAndThreeD, 6, 3, Domain::uniform(-1.0, 3.0)),
        ("iridas_cube", "ACES_Proxy_10_to_ACES.cube") => Read(OneD, 32, 0, unit),
        ("iridas_cube", "Colour_Correct.cube" | "RGB_1_0.5_0.25.cube" | "Unit.cube") => Read(ThreeD, 0, 4, unit),
        ("iridas_cube", "Demo.cube") => Read(OneD, 3, 0, Domain { min: [0.0; 3], max: [1.0, 2.0, 3.0] }),
        ("iridas_cube", "Three_Dimensional_Table.cube") => Read(ThreeD, 0, 2, unit),
        ("iridas_cube", "eotf_sRGB_3D.cube") => {
            Read(ThreeD, 0, 8, Domain { min: [-0.1, -0.15, -0.2], max: [1.5, 2.0, 3.0] })
        }
        ("resolve_cube", "Demo.cube") => Read(OneD, 3, 0, Domain::uniform(0.0, 3.0)),
        ("resolve_cube", "LogC_Video.cube") => Read(ShaperAndThreeD, 16, 4, unit),
        ("resolve_cube", "Three_Dimensional_Table_With_Shaper.cube") => {
            Read(ShaperAndThreeD, 10, 3, Domain::uniform(-0.1, 3.0))
        }
        // A 3D table whose range is named as that of a 1D table: programs disagree on it, so it is not guessed.
        ("resolve_cube", "eotf_sRGB_3D.cube") => Refused(5, "LUT_1D_INPUT_RANGE in a file without LUT_1D_SIZE"),
        _ => panic!("{folder}/{name}: no expectation; read the file and add one"),
    }
}

/// All `.cube` files of the test data, or `None` with a note when there are none.
fn corpus() -> Option<Vec<PathBuf>> {
    let Some(root) = std::env::var_os("CHIARO_TESTDATA") else {
        eprintln!("ignored: CHIARO_TESTDATA not set");
        return None;
    };
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::from(root).join("lut")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("cube")) {
                files.push(path);
            }
        }
    }
    files.sort();
    Some(files)
}

fn part(path: Option<&Path>) -> &str {
    path.and_then(|p| p.file_name()).and_then(|n| n.to_str()).unwrap_or("")
}

#[test]
#[cfg_attr(not(has_testdata), ignore = "CHIARO_TESTDATA is not set")]
fn every_file_is_read_as_expected_or_refused_with_a_line() {
    let Some(files) = corpus() else { return };
    assert!(files.len() >= 14, "only {} files", files.len());
    for path in files {
        let lut = parse_cube(&std::fs::read(&path).unwrap(), &path);
        match (expected(part(path.parent()), part(Some(&path))), lut) {
            (Expected::Read(kind, one, three, domain), Ok(lut)) => {
                let info = LutInfo::new(&lut);
                let found = (info.kind, info.shaper_size, info.cube_size, info.domain);
                assert_eq!(found, (kind, one, three, domain), "{}", path.display());
                let again = parse_cube(write_cube(&lut, &path).unwrap().as_bytes(), &path).unwrap();
                assert_eq!(again, lut, "{} does not survive writing", path.display());
                let _ = (warnings(&lut, &info), info.to_string());
            }
            (Expected::Refused(line, message), Err(Error::Recipe { problems, .. })) => {
                let hit = problems.iter().any(|p| p.line == line && p.message.contains(message));
                assert!(hit, "{}: {problems:?}", path.display());
            }
            (_, other) => panic!("{}: {other:?}", path.display()),
        }
    }
}

/// Small files of every dialect, so that damage is tested without any data set.
fn fixtures() -> Vec<Vec<u8>> {
    let cube = "0 0 0\n1 0 0\n0 1 0\n1 1 0\n0 0 1\n1 0 1\n0 1 1\n1 1 1\n";
    vec![
        format!("TITLE \"a\"\n# c\nLUT_3D_SIZE 2\nDOMAIN_MIN 0 0 0\nDOMAIN_MAX 1 2 3\n{cube}").into_bytes(),
        b"\xEF\xBB\xBFlut_1d_size 3\r\n0 0 0\r\n.5 5e-1 +0.5\r\n1 1 1\r\n".to_vec(),
        format!("LUT_1D_SIZE 2\nLUT_1D_INPUT_RANGE -1 3\nLUT_3D_SIZE 2\nLUT_3D_INPUT_RANGE 0 4\nLUT_IN_VIDEO_RANGE\n9 9 9\n8 8 8\n{cube}").into_bytes(),
        b"LUT_1D_SIZE 2\n0,0 0,0 0,0\n1,0 1,0 1,0\n".to_vec(),
    ]
}

/// Reads damaged bytes; whatever is still accepted must evaluate to finite values.
fn survive(bytes: &[u8]) {
    let result: Result<Lut> = parse_cube(bytes, Path::new("damaged.cube"));
    match result {
        Ok(lut) => {
            let prepared = PreparedLut::new(&lut, Interpolation::Tetrahedral);
            for v in [-1.0, 0.0, 0.3, 1.0, 7.0, f32::NAN, f32::INFINITY] {
                let out = prepared.eval([v, 0.5, 1.0 - v]);
                assert!(out.iter().all(|x| x.is_finite()), "{out:?} from {:?}", String::from_utf8_lossy(bytes));
            }
        }
        Err(Error::Recipe { problems, .. }) => assert!(!problems.is_empty() && problems.len() <= 21),
        Err(other) => panic!("{other:?}"),
    }
}

fn damage(bytes: &[u8], step: usize) {
    for length in (0..bytes.len()).step_by(step) {
        survive(&bytes[..length]);
    }
    let mut copy = bytes.to_vec();
    for place in (0..bytes.len()).step_by(step) {
        for bit in 0..8 {
            copy[place] ^= 1 << bit;
            survive(&copy);
            copy[place] ^= 1 << bit;
        }
    }
}

#[test]
fn truncated_and_flipped_files_are_errors_not_panics() {
    for bytes in fixtures() {
        damage(&bytes, 1);
    }
    for path in corpus().unwrap_or_default() {
        let bytes = std::fs::read(&path).unwrap();
        damage(&bytes, bytes.len() / 150 + 1);
    }
}
