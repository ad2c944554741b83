//! The door to the ICC library: a profile in, a [`ColorEncoding`] out. Nothing else in the crate speaks to `moxcms`.
//!
//! Matrix/TRC and gray profiles become analytic encodings. Profiles built on lookup tables (printer, scanner) are not
//! expressible as one and are reported as such: [`Conversion`] takes their pictures to one that is. The way back writes a
//! version 4 matrix/TRC or gray profile.

mod convert;
mod nested;

pub use convert::{Conversion, LabCode};

use std::sync::Arc;

use moxcms::{ColorProfile, DataColorSpace, LocalizableString, Matrix3d, ProfileText, ToneReprCurve, Xyzd};

use super::curve::TOE_SLOPE;
use super::encodings::{PROPHOTO_CURVE, REC709_CURVE, SRGB_CURVE};
use super::matrix::{self, ACES_AP0, ACES_AP1, ADOBE_RGB, D50, DISPLAY_P3, PROPHOTO, REC709, REC2020};
use crate::picture::{ColorEncoding, Curve, CurveTable, Primaries, Referred};

/// Largest profile that is looked at, in bytes; real ones stay below 4 MiB.
const MAX_BYTES: usize = 32 << 20;

/// Where the colors of a picture are known from whose profile is [`Problem::Unsupported`]: its encoding is a stand-in until it is converted.
pub const BY_TABLE: &str = "ICC profile that only a conversion can follow";

/// Why a profile gives no encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// It is damaged, or made for other data than the picture holds: no reader could use it.
    Invalid(String),
    /// It is a good profile of a kind that cannot be expressed as an encoding: the picture's colors are not known here.
    Unsupported(String),
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Self::Invalid(text) | Self::Unsupported(text)) = self;
        f.write_str(text)
    }
}

impl From<String> for Problem {
    fn from(text: String) -> Self {
        Self::Invalid(text)
    }
}

/// True for a profile of RGB data, false for one of gray data, `None` for others (ICC.1:2022, 7.2.6).
pub fn is_color(profile: &[u8]) -> Option<bool> {
    match profile.get(16..20)? {
        b"RGB " => Some(true),
        b"GRAY" => Some(false),
        _ => None,
    }
}

/// Reads the profile of a picture with color, or of a gray one: that may have an RGB profile too, whose curve then counts.
///
/// # Errors
/// What is wrong, without the file's name.
pub fn read(profile: &[u8], color: bool) -> Result<ColorEncoding, Problem> {
    if profile.len() > MAX_BYTES {
        return Err(format!("ICC profile of {} bytes, the limit is {MAX_BYTES}", profile.len()).into());
    }
    let parsed = ColorProfile::new_from_slice(profile).map_err(|e| format!("ICC profile cannot be read: {e}"))?;
    let name = name(&parsed);
    match parsed.color_space {
        DataColorSpace::Gray if color => Err(format!("{name}: a gray profile in a color picture").into()),
        DataColorSpace::Gray => {
            let curve = parsed
                .gray_trc
                .as_ref()
                .ok_or_else(|| Problem::Unsupported(format!("{name}: a gray profile built on lookup tables")))?;
            Ok(ColorEncoding { name, primaries: REC709, curve: curve_of(curve)?, referred: Referred::Display })
        }
        DataColorSpace::Rgb => rgb(&parsed, name),
        other => Err(format!("{name}: a profile for {other:?} data in an RGB or gray picture").into()),
    }
}

/// A matrix/TRC profile of an encoding for color pictures, or a profile of its curve for gray ones: version 4, colorants adapted to D50
/// by Bradford (ICC.1:2022, 9.2 and annex E), equal bytes for equal encodings.
///
/// # Errors
/// A sentence when the encoding has no ICC form.
pub fn write(encoding: &ColorEncoding, color: bool) -> Result<Vec<u8>, String> {
    let curve = curve_tag(encoding)?;
    let mut profile = if color { ColorProfile::new_srgb() } else { ColorProfile::new_gray_with_gamma(2.2) };
    let white = encoding.primaries.white;
    let degenerate = || format!("{}: degenerate primaries have no ICC profile", encoding.name);
    let adapt = matrix::adaptation(white, D50).ok_or_else(degenerate)?;
    if color {
        let to_xyz = matrix::rgb_to_xyz(&encoding.primaries).ok_or_else(degenerate)?;
        let columns = matrix::multiply(&adapt, &to_xyz);
        let column = |i: usize| Xyzd { x: columns[0][i], y: columns[1][i], z: columns[2][i] };
        (profile.red_colorant, profile.green_colorant, profile.blue_colorant) = (column(0), column(1), column(2));
        (profile.red_trc, profile.green_trc, profile.blue_trc) =
            (Some(curve.clone()), Some(curve.clone()), Some(curve));
    } else {
        profile.gray_trc = Some(curve);
    }
    profile.pcs = DataColorSpace::Xyz;
    profile.cicp = None;
    profile.chromatic_adaptation = Some(Matrix3d { v: adapt });
    // The media white of a display profile is that of the connection space (ICC.1:2022, 9.2.36).
    profile.media_white_point = Some(profile.white_point);
    let name = encoding.name.replace("ICC: ", "");
    profile.description = Some(text_tag(name));
    profile.copyright = Some(text_tag("CC0".to_owned()));
    let bytes = profile.encode().map_err(|e| format!("ICC profile cannot be written: {e}"))?;
    Ok(finished(bytes))
}

/// A text of an even number of UTF-16 units, so that the element behind it begins at a multiple of 4 bytes (ICC.1:2022, 7.1.2).
fn text_tag(mut text: String) -> ProfileText {
    if text.encode_utf16().count() % 2 == 1 {
        text.push(' ');
    }
    ProfileText::Localizable(vec![LocalizableString::new("en".to_owned(), "US".to_owned(), text)])
}

/// Midnight of 2000-01-01 as a dateTimeNumber (ICC.1:2022, 4.2). A date of creation would make equal inputs give different files.
const DATE: [u8; 12] = [0x07, 0xD0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0];

/// D50 as the header states it: X, Y and Z as s15Fixed16Number (7.2.16).
const ILLUMINANT: [u8; 12] = [0, 0, 0xF6, 0xD6, 0, 1, 0, 0, 0, 0, 0xD3, 0x2D];

/// The profile with a fixed date, which the encoder of the crate replaces by that of today, the exact illuminant, which it rounds
/// otherwise, and padded to a multiple of 4 bytes (7.2.1). libpng ignores profiles of other lengths and warns of other illuminants.
fn finished(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
    for (place, field) in [(0, &size[..]), (24, &DATE), (68, &ILLUMINANT)] {
        if let Some(bytes) = bytes.get_mut(place..place + field.len()) {
            bytes.copy_from_slice(field);
        }
    }
    bytes
}

fn curve_tag(encoding: &ColorEncoding) -> Result<ToneReprCurve, String> {
    Ok(match &encoding.curve {
        Curve::Linear => ToneReprCurve::Parametric(vec![1.0]),
        Curve::Power { gamma } => ToneReprCurve::Parametric(vec![*gamma]),
        Curve::Parametric { gamma, scale, offset, slope, cut } => {
            ToneReprCurve::Parametric(vec![*gamma, *scale, *offset, *slope, *cut])
        }
        Curve::Table(table) => {
            let code = |v: &f32| (v.clamp(0.0, 1.0) * 65_535.0).round() as u16;
            ToneReprCurve::Lut(table.samples.iter().map(code).collect())
        }
        Curve::Acescct => {
            let what = "no ICC profile can say this curve, give [output] color";
            return Err(format!("{}: {what}", encoding.name));
        }
    })
}

fn rgb(profile: &ColorProfile, name: String) -> Result<ColorEncoding, Problem> {
    let (Some(red), Some(green), Some(blue)) = (&profile.red_trc, &profile.green_trc, &profile.blue_trc) else {
        return Err(Problem::Unsupported(format!("{name}: built on lookup tables")));
    };
    let curve = curve_of(red)?;
    if curve_of(green)? != curve || curve_of(blue)? != curve {
        let what = format!("{name}: different curves for red, green and blue");
        return Err(Problem::Unsupported(what));
    }
    let primaries = snap(Primaries {
        red: xy(profile.red_colorant)?,
        green: xy(profile.green_colorant)?,
        blue: xy(profile.blue_colorant)?,
        white: D50,
    })?;
    let referred = if curve == Curve::Linear { Referred::Scene } else { Referred::Display };
    Ok(ColorEncoding { name, primaries, curve, referred })
}

fn xy(color: Xyzd) -> Result<[f64; 2], String> {
    let sum = color.x + color.y + color.z;
    if !sum.is_finite() || sum.abs() < 1e-6 || color.y.abs() < 1e-6 {
        return Err("ICC profile with a degenerate primary".to_owned());
    }
    Ok([color.x / sum, color.y / sum])
}

/// Colorants are stored in s15.16 and adapted to D50; spaces we know are recognized and taken from their standards, so that
/// a profile's rounding does not tint a picture that is converted back and forth.
fn snap(primaries: Primaries) -> Result<Primaries, String> {
    let measured = matrix::between(&primaries, &REC2020).ok_or("ICC profile with degenerate primaries")?;
    for known in [REC709, DISPLAY_P3, ADOBE_RGB, REC2020, PROPHOTO, ACES_AP0, ACES_AP1] {
        let exact = matrix::between(&known, &REC2020).unwrap_or(matrix::IDENTITY);
        let apart =
            measured.iter().flatten().zip(exact.iter().flatten()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        if apart < 2e-3 {
            return Ok(known);
        }
    }
    Ok(primaries)
}

fn curve_of(curve: &ToneReprCurve) -> Result<Curve, String> {
    let found = match curve {
        ToneReprCurve::Lut(samples) => sampled(samples)?,
        ToneReprCurve::Parametric(p) => parametric(p)?,
    };
    Ok(recognize(found))
}

/// ICC.1:2022, 10.6: no entry is the identity, one is a gamma in u8.8, more are samples.
fn sampled(samples: &[u16]) -> Result<Curve, String> {
    match samples {
        [] => Ok(Curve::Linear),
        [gamma] => power(f32::from(*gamma) / 256.0),
        _ => Ok(table(samples.iter().map(|v| f32::from(*v) / 65_535.0).collect())),
    }
}

/// ICC.1:2022, 10.18, table 68. Types 0 and 3 stay analytic, the others are sampled.
fn parametric(p: &[f32]) -> Result<Curve, String> {
    match *p {
        [gamma] => return power(gamma),
        [gamma, a, b, c, d] if a > 0.0 && c > 0.0 && gamma > 0.0 && p.iter().all(|v| v.is_finite()) => {
            return Ok(Curve::Parametric { gamma, scale: a, offset: b, slope: c, cut: d });
        }
        // The straight part is flat: no slope to invert, so it is sampled.
        _ => {}
    }
    let function = parametric_function(p)?;
    Ok(table((0..4096).map(|i| function(i as f32 / 4095.0).clamp(0.0, 1.0)).collect()))
}

/// The formula of a parametric curve.
fn parametric_function(p: &[f32]) -> Result<Box<dyn Fn(f32) -> f32>, String> {
    if p.iter().any(|v| !v.is_finite()) {
        return Err("ICC curve with a parameter that is not a number".to_owned());
    }
    let bent = |a: f32, b: f32, g: f32, x: f32| if a * x + b >= 0.0 { (a * x + b).powf(g) } else { 0.0 };
    Ok(match *p {
        [g] => Box::new(move |x| x.powf(g)),
        [g, a, b] => Box::new(move |x| bent(a, b, g, x)),
        [g, a, b, c] => Box::new(move |x| bent(a, b, g, x) + c),
        [g, a, b, c, d] => Box::new(move |x| if x >= d { bent(a, b, g, x) } else { c * x }),
        [g, a, b, c, d, e, f] => Box::new(move |x| if x >= d { bent(a, b, g, x) + e } else { c * x + f }),
        _ => return Err(format!("ICC parametric curve with {} parameters", p.len())),
    })
}

/// Steps of samples that are rounding alone, in light: two codes of 16 bit.
const ROUNDING: f32 = 2.5 / 65_535.0;

/// A sampled curve that can be run backwards: monotone, without the flat runs that rounding to 16 bit leaves near black, and with the straight
/// toe of power curves. Without the last two, the noise of arithmetic would be thrown over many codes.
fn table(mut samples: Vec<f32>) -> Curve {
    let mut highest = 0.0f32;
    for sample in &mut samples {
        highest = highest.max(*sample);
        *sample = highest;
    }
    slope_runs(&mut samples);
    straighten_toe(&mut samples);
    Curve::Table(Arc::new(CurveTable { samples }))
}

/// Draws a straight line from the first sample of a flat run to that of the next, where the step between them is one of rounding.
fn slope_runs(samples: &mut [f32]) {
    let mut start = 0;
    for i in 1..samples.len() {
        let (from, to) = (samples[start], samples[i]);
        if to > from {
            if i - start > 1 && to - from < ROUNDING {
                for (k, sample) in samples[start..i].iter_mut().enumerate() {
                    *sample = from + (to - from) * (k as f32 / (i - start) as f32);
                }
            }
            start = i;
        }
    }
}

/// Makes the curve straight from 0 to the first sample whose chord is not steeper than [`TOE_SLOPE`]. Curves that begin above 0 or with
/// black of some width stay as they are.
fn straighten_toe(samples: &mut [f32]) {
    let last = samples.len().saturating_sub(1) as f32;
    let flat = |i: usize, light: f32| i as f32 / last <= TOE_SLOPE * light;
    let Some((first, light)) = samples.iter().copied().enumerate().skip(1).find(|(i, v)| flat(*i, *v)) else { return };
    if samples.first() == Some(&0.0) && light < MOST_TOE_LIGHT {
        for (i, sample) in samples.iter_mut().enumerate().take(first) {
            *sample = light * (i as f32 / first as f32);
        }
    }
}

/// Light up to which a toe is straightened: that of gamma 3 is 6e-4. A curve that is darker for longer means it.
const MOST_TOE_LIGHT: f32 = 1e-3;

fn power(gamma: f32) -> Result<Curve, String> {
    match gamma {
        1.0 => Ok(Curve::Linear),
        g if (0.1..=10.0).contains(&g) => Ok(Curve::Power { gamma }),
        g => Err(format!("ICC curve with gamma {g}, allowed 0.1 to 10")),
    }
}

/// Curves that are a known one but for rounding become the known one: the parametric form is exact in both directions.
fn recognize(curve: Curve) -> Curve {
    for known in [SRGB_CURVE, REC709_CURVE, PROPHOTO_CURVE] {
        if (0..=1024).all(|i| {
            let x = i as f32 / 1024.0;
            (value(&curve, x) - value(&known, x)).abs() < 1.5e-4
        }) {
            return known;
        }
    }
    curve
}

fn value(curve: &Curve, x: f32) -> f32 {
    match curve {
        Curve::Linear | Curve::Acescct => x,
        Curve::Power { gamma } => x.powf(*gamma),
        Curve::Parametric { gamma, scale, offset, slope, cut } => {
            if x < *cut {
                x * slope
            } else {
                (x * scale + offset).powf(*gamma)
            }
        }
        Curve::Table(table) => {
            let at = x.clamp(0.0, 1.0) * (table.samples.len() - 1) as f32;
            let low = at as usize;
            let high = (low + 1).min(table.samples.len() - 1);
            table.samples[low] + (at - low as f32) * (table.samples[high] - table.samples[low])
        }
    }
}

/// What people read of a profile.
fn name(profile: &ColorProfile) -> String {
    format!("ICC: {}", description(profile).unwrap_or_else(|| "unnamed profile".to_owned()))
}

fn description(profile: &ColorProfile) -> Option<String> {
    let text = match profile.description.as_ref()? {
        ProfileText::PlainString(text) => text.clone(),
        ProfileText::Localizable(all) => all.first()?.value.clone(),
        ProfileText::Description(text) => text.ascii_string.clone(),
    };
    let text: String = text.chars().filter(|c| !c.is_control()).take(80).collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_profiles_are_recognized() {
        for (profile, primaries) in [
            (ColorProfile::new_srgb(), REC709),
            (ColorProfile::new_display_p3(), DISPLAY_P3),
            (ColorProfile::new_adobe_rgb(), ADOBE_RGB),
        ] {
            let encoding = read(&profile.encode().unwrap(), true).unwrap();
            assert_eq!(encoding.primaries, primaries, "{}", encoding.name);
        }
        assert_eq!(read(&ColorProfile::new_srgb().encode().unwrap(), true).unwrap().curve, SRGB_CURVE);
    }

    #[test]
    fn written_profiles_come_back() {
        let table = Curve::Table(Arc::new(CurveTable {
            samples: (0..300).map(|i| ((i as f32 / 299.0).powf(1.7) * 65_535.0).round() / 65_535.0).collect(),
        }));
        let wide = Primaries { red: [0.7347, 0.2653], green: [0.1596, 0.8404], blue: [0.0366, 0.0001], white: D50 };
        let odd = Primaries { red: [0.66, 0.33], green: [0.25, 0.65], blue: [0.14, 0.07], white: [0.3, 0.31] };
        let gamma = |gamma| Curve::Power { gamma };
        for primaries in [REC709, DISPLAY_P3, ADOBE_RGB, REC2020, wide, odd] {
            for curve in [Curve::Linear, SRGB_CURVE, REC709_CURVE, gamma(1.8), gamma(563.0 / 256.0), table.clone()] {
                let name = "a name".to_owned();
                let written = ColorEncoding { name, primaries, curve, referred: Referred::Display };
                let profile = write(&written, true).unwrap();
                assert_eq!((is_color(&profile), &profile), (Some(true), &write(&written, true).unwrap()));
                let found = read(&profile, true).unwrap();
                assert_eq!(found.name, "ICC: a name");
                let (a, b) = (matrix::between(&found.primaries, &REC2020), matrix::between(&primaries, &REC2020));
                for (a, b) in a.unwrap().iter().flatten().zip(b.unwrap().iter().flatten()) {
                    assert!((a - b).abs() < 1e-4, "{primaries:?}: {a} {b}");
                }
                let gray = write(&written, false).unwrap();
                assert_eq!(is_color(&gray), Some(false));
                for curve in [&found.curve, &read(&gray, false).unwrap().curve] {
                    let worst = (0..=1000).map(|i| i as f32 / 1000.0);
                    let worst = worst.map(|x| (value(curve, x) - value(&written.curve, x)).abs()).fold(0.0, f32::max);
                    assert!(worst < 1e-5, "{curve:?} {:?}: {worst}", written.curve);
                }
            }
        }
    }

    #[test]
    fn profiles_are_whole_words_with_exact_headers() {
        for name in super::super::encodings::storable_names() {
            for color in [true, false] {
                let bytes = write(&super::super::encodings::by_name(name).unwrap(), color).unwrap();
                assert_eq!(bytes.len() % 4, 0, "{name}: libpng ignores it");
                assert_eq!(bytes[..4], u32::try_from(bytes.len()).unwrap().to_be_bytes());
                assert_eq!((&bytes[24..36], &bytes[68..80]), (&DATE[..], &ILLUMINANT[..]), "{name}");
                let tags = u32::from_be_bytes(bytes[128..132].try_into().unwrap()) as usize;
                for entry in bytes[132..132 + 12 * tags].chunks(12) {
                    let offset = u32::from_be_bytes(entry[4..8].try_into().unwrap());
                    assert_eq!(offset % 4, 0, "{name}: {}", String::from_utf8_lossy(&entry[..4]));
                }
            }
        }
    }

    #[test]
    fn the_colorants_of_srgb_are_the_known_ones() {
        // The ICC's own sRGB v4 display profile: Bradford-adapted columns.
        let profile = ColorProfile::new_from_slice(&write(&super::super::encodings::srgb(), true).unwrap()).unwrap();
        let expected = [
            (profile.red_colorant, [0.4361, 0.2225, 0.0139]),
            (profile.green_colorant, [0.3851, 0.7169, 0.0971]),
            (profile.blue_colorant, [0.1431, 0.0606, 0.7141]),
        ];
        for (found, wanted) in expected {
            for (a, b) in [found.x, found.y, found.z].into_iter().zip(wanted) {
                assert!((a - b).abs() < 2e-4, "{found:?} {wanted:?}");
            }
        }
    }

    #[test]
    fn damaged_profiles_are_sentences() {
        let good = ColorProfile::new_srgb().encode().unwrap();
        for length in (0..good.len()).step_by(7) {
            let _ = read(&good[..length], true);
        }
        assert!(matches!(read(b"not a profile", true), Err(Problem::Invalid(_))));
        let gray = ColorProfile::new_gray_with_gamma(2.2).encode().unwrap();
        assert!(matches!(read(&gray, true), Err(Problem::Invalid(_))));
        assert!(read(&gray, false).is_ok());
    }

    #[test]
    #[cfg_attr(not(has_testdata), ignore = "CHIARO_TESTDATA is not set")]
    fn profiles_of_the_collection_are_read_or_refused() {
        let Some(folder) = std::env::var_os("CHIARO_TESTDATA") else {
            eprintln!("ignored: CHIARO_TESTDATA not set");
            return;
        };
        let folder = std::path::Path::new(&folder).join("icc/compact/profiles");
        let mut good = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|e| e == "icc") {
                match read(&std::fs::read(&path).unwrap(), true) {
                    Ok(_) => good += 1,
                    Err(reason) => eprintln!("{}: {reason}", path.display()),
                }
            }
        }
        assert!(good >= 30, "only {good} profiles were read");
    }
}
