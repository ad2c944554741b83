//! Writes a [`Lut`] as a `.cube` file that reads back bit for bit.
//!
//! One table is written in the Adobe dialect (`DOMAIN_MIN`, `DOMAIN_MAX`, and only when they are not 0 and 1), two tables in
//! Resolve's (`LUT_1D_INPUT_RANGE`, `LUT_3D_INPUT_RANGE`). Numbers are the shortest decimals that give the same `f32`.
//! OpenColorIO 2.6 refuses `TITLE` in a file with two tables; a file meant for it is written from a [`Lut`] without title.

use std::fmt::Write;
use std::path::Path;

use super::{CodeRange, Domain, Lut};
use crate::error::{Error, Result};

/// The text of `lut` as a `.cube` file, with LF line ends. `path` is only named in errors.
///
/// # Errors
/// [`Error::Unsupported`] for a LUT without a table, and for two tables of which one has a domain that differs between the
/// channels: the format cannot say that.
pub fn write_cube(lut: &Lut, path: &Path) -> Result<String> {
    let rows = lut.shaper.as_ref().map_or(0, |t| t.nodes().len()) + lut.cube.as_ref().map_or(0, |t| t.nodes().len());
    if rows == 0 {
        return Err(Error::unsupported(path, "a LUT without a table cannot be written"));
    }
    let mut text = String::with_capacity(rows * 30 + 256);
    if let Some(title) = &lut.title {
        line(&mut text, format_args!("TITLE \"{}\"", one_line(title).replace('"', "'")));
    }
    for comment in &lut.comments {
        line(&mut text, format_args!("# {}", one_line(comment)));
    }
    if lut.input_range == CodeRange::Legal {
        line(&mut text, format_args!("LUT_IN_VIDEO_RANGE"));
    }
    if lut.output_range == CodeRange::Legal {
        line(&mut text, format_args!("LUT_OUT_VIDEO_RANGE"));
    }
    header(&mut text, lut, path)?;
    let shaper = lut.shaper.iter().flat_map(|t| t.nodes());
    let cube = lut.cube.iter().flat_map(|t| t.nodes());
    for [r, g, b] in shaper.chain(cube) {
        line(&mut text, format_args!("{r} {g} {b}"));
    }
    Ok(text)
}

fn header(text: &mut String, lut: &Lut, path: &Path) -> Result<()> {
    match (&lut.shaper, &lut.cube) {
        (Some(shaper), Some(cube)) => {
            for (digit, size, domain) in [(1, shaper.size(), shaper.domain()), (3, cube.size(), cube.domain())] {
                if !domain.is_uniform() {
                    let what = "a file with a 1D and a 3D table has one input range for the three channels of a table; \
                                bake both into one 3D table";
                    return Err(Error::unsupported(path, what));
                }
                line(text, format_args!("LUT_{digit}D_SIZE {size}"));
                line(text, format_args!("LUT_{digit}D_INPUT_RANGE {} {}", domain.min[0], domain.max[0]));
            }
        }
        (Some(shaper), None) => single(text, 1, shaper.size(), shaper.domain()),
        (None, Some(cube)) => single(text, 3, cube.size(), cube.domain()),
        (None, None) => {}
    }
    Ok(())
}

fn single(text: &mut String, digit: u32, size: u32, domain: Domain) {
    line(text, format_args!("LUT_{digit}D_SIZE {size}"));
    if domain != Domain::UNIT {
        let ([a, b, c], [d, e, f]) = (domain.min, domain.max);
        line(text, format_args!("DOMAIN_MIN {a} {b} {c}"));
        line(text, format_args!("DOMAIN_MAX {d} {e} {f}"));
    }
}

fn line(text: &mut String, arguments: std::fmt::Arguments) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{arguments}");
}

/// Line ends in a title or comment would begin a new line of the file.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Lut1d, Lut3d, parse_cube};
    use super::*;

    fn path() -> &'static Path {
        Path::new("look.cube")
    }

    fn wild(rgb: [f32; 3]) -> [f32; 3] {
        [rgb[0] * 1.1 - 0.05, (rgb[1] * 7.0).sin() * 1e-7, rgb[2] / 3.0 + 12345.678]
    }

    #[test]
    fn written_tables_read_back_bit_for_bit() {
        let domain = Domain { min: [-0.1, 0.0, 0.5], max: [1.0, 2.0, 3.3] };
        let comments = vec!["made by a test".to_owned()];
        let one = Lut {
            title: Some("Gold \u{e9}t\u{e9}".into()),
            comments,
            shaper: Some(Lut1d::from_fn(17, domain, wild).unwrap()),
            ..Lut::default()
        };
        let three = Lut { cube: Some(Lut3d::from_fn(5, domain, wild).unwrap()), ..Lut::default() };
        let both = Lut {
            shaper: Some(Lut1d::from_fn(9, Domain::uniform(-0.25, 1.5), wild).unwrap()),
            cube: Some(Lut3d::from_fn(3, Domain::uniform(-1.0, 2.0), wild).unwrap()),
            input_range: CodeRange::Legal,
            output_range: CodeRange::Legal,
            ..Lut::default()
        };
        for lut in [one, three, both] {
            let text = write_cube(&lut, path()).unwrap();
            assert_eq!(parse_cube(text.as_bytes(), path()).unwrap(), lut);
        }
    }

    #[test]
    fn what_the_format_cannot_say_is_refused() {
        assert!(write_cube(&Lut::default(), path()).is_err());
        let lut = Lut {
            shaper: Some(Lut1d::from_fn(2, Domain { min: [0.0, 0.1, 0.0], max: [1.0; 3] }, wild).unwrap()),
            cube: Some(Lut3d::from_fn(2, Domain::UNIT, wild).unwrap()),
            ..Lut::default()
        };
        assert!(write_cube(&lut, path()).unwrap_err().to_string().contains("one input range"));
    }

    #[test]
    fn a_title_cannot_begin_a_new_line() {
        let lut = Lut { title: Some("a\nLUT_1D_SIZE 9 \"x\"".into()), ..Lut::identity_1d(2).unwrap() };
        let text = write_cube(&lut, path()).unwrap();
        assert_eq!(parse_cube(text.as_bytes(), path()).unwrap().title.as_deref(), Some("a LUT_1D_SIZE 9 'x'"));
    }
}
