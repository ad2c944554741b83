//! The door to the ICC library: a profile in, a [`ColorEncoding`] out. Nothing else in the crate speaks to `moxcms`.
//!
//! Matrix/TRC and gray profiles become analytic encodings. Profiles built on lookup tables (printer, scanner) are not
//! expressible as one and are reported as such.

use std::sync::Arc;

use moxcms::{ColorProfile, DataColorSpace, ProfileText, ToneReprCurve, Xyzd};

use super::encodings::{REC709_CURVE, SRGB_CURVE};
use super::matrix::{self, ADOBE_RGB, D50, DISPLAY_P3, REC709, REC2020};
use crate::picture::{ColorEncoding, Curve, CurveTable, Primaries, Referred};

/// Largest profile that is looked at, in bytes; real ones stay below 4 MiB.
const MAX_BYTES: usize = 32 << 20;

/// Reads a profile.
///
/// # Errors
/// A sentence (without the file's name) when the profile is damaged, too large, or not an RGB or gray matrix/TRC profile.
pub fn read(profile: &[u8]) -> Result<ColorEncoding, String> {
    if profile.len() > MAX_BYTES {
        return Err(format!("ICC profile of {} bytes, the limit is {MAX_BYTES}", profile.len()));
    }
    let parsed = ColorProfile::new_from_slice(profile).map_err(|e| format!("ICC profile cannot be read: {e}"))?;
    let name = format!("ICC: {}", description(&parsed).unwrap_or_else(|| "unnamed profile".to_owned()));
    match parsed.color_space {
        DataColorSpace::Gray => {
            let curve = parsed.gray_trc.as_ref().ok_or("ICC gray profile without a curve")?;
            Ok(ColorEncoding { name, primaries: REC709, curve: curve_of(curve)?, referred: Referred::Display })
        }
        DataColorSpace::Rgb => rgb(&parsed, name),
        other => Err(format!("ICC profile for {other:?} data: only RGB and gray profiles are read")),
    }
}

/// A matrix/TRC profile of an encoding, or `None` when sRGB needs none (PNG and TIFF readers assume it).
///
/// # Errors
/// A sentence when the encoding has no ICC form here.
pub fn write(encoding: &ColorEncoding) -> Result<Option<Vec<u8>>, String> {
    let mut profile = match encoding.name.as_str() {
        "sRGB" => ColorProfile::new_srgb(),
        "Display P3" => ColorProfile::new_display_p3(),
        "Adobe RGB (1998)" => ColorProfile::new_adobe_rgb(),
        "linear Rec.709" => linear(ColorProfile::new_srgb()),
        "linear Rec.2020" => linear(ColorProfile::new_bt2020()),
        other => return Err(format!("no ICC profile can be written for {other}")),
    };
    // A creation date would make equal inputs give different files.
    profile.creation_date_time =
        moxcms::ColorDateTime { year: 2000, month: 1, day_of_the_month: 1, hours: 0, minutes: 0, seconds: 0 };
    profile.encode().map(Some).map_err(|e| format!("ICC profile cannot be written: {e}"))
}

fn linear(mut profile: ColorProfile) -> ColorProfile {
    let curve = Some(ToneReprCurve::Parametric(vec![1.0]));
    profile.red_trc.clone_from(&curve);
    profile.green_trc.clone_from(&curve);
    profile.blue_trc = curve;
    profile.cicp = None;
    profile
}

fn rgb(profile: &ColorProfile, name: String) -> Result<ColorEncoding, String> {
    let (Some(red), Some(green), Some(blue)) = (&profile.red_trc, &profile.green_trc, &profile.blue_trc) else {
        return Err(format!(
            "{name}: built on lookup tables, which cannot be read yet; convert to a matrix profile (sRGB, Adobe RGB, ...)"
        ));
    };
    let curve = curve_of(red)?;
    if curve_of(green)? != curve || curve_of(blue)? != curve {
        return Err(format!("{name}: different curves for red, green and blue, which cannot be read yet"));
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
    for known in [REC709, DISPLAY_P3, ADOBE_RGB, REC2020] {
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
        _ => {
            let mut highest = 0.0f32;
            let samples = samples.iter().map(|v| {
                highest = highest.max(f32::from(*v) / 65_535.0);
                highest
            });
            Ok(Curve::Table(Arc::new(CurveTable { samples: samples.collect() })))
        }
    }
}

/// ICC.1:2022, 10.18, table 68. Function types other than 0 and 3 are sampled.
fn parametric(p: &[f32]) -> Result<Curve, String> {
    if p.iter().any(|v| !v.is_finite()) {
        return Err("ICC curve with a parameter that is not a number".to_owned());
    }
    let function: Box<dyn Fn(f32) -> f32> = match *p {
        [gamma] => return power(gamma),
        [gamma, a, b, c, d] if a > 0.0 && c > 0.0 && gamma > 0.0 => {
            return Ok(Curve::Parametric { gamma, scale: a, offset: b, slope: c, cut: d });
        }
        [g, a, b] => Box::new(move |x| if a * x + b >= 0.0 { (a * x + b).powf(g) } else { 0.0 }),
        [g, a, b, c] => Box::new(move |x| if a * x + b >= 0.0 { (a * x + b).powf(g) + c } else { c }),
        [g, a, b, c, d, e, f] => Box::new(move |x| if x >= d { (a * x + b).powf(g) + e } else { c * x + f }),
        _ => return Err(format!("ICC parametric curve with {} parameters", p.len())),
    };
    let mut highest = 0.0f32;
    let samples = (0..4096).map(|i| {
        highest = highest.max(function(i as f32 / 4095.0).clamp(0.0, 1.0));
        highest
    });
    Ok(Curve::Table(Arc::new(CurveTable { samples: samples.collect() })))
}

fn power(gamma: f32) -> Result<Curve, String> {
    match gamma {
        1.0 => Ok(Curve::Linear),
        g if (0.1..=10.0).contains(&g) => Ok(Curve::Power { gamma }),
        g => Err(format!("ICC curve with gamma {g}, allowed 0.1 to 10")),
    }
}

/// Curves that are a known one but for rounding become the known one: the parametric form is exact in both directions.
fn recognize(curve: Curve) -> Curve {
    for known in [SRGB_CURVE, REC709_CURVE] {
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
            let encoding = read(&profile.encode().unwrap()).unwrap();
            assert_eq!(encoding.primaries, primaries, "{}", encoding.name);
        }
        assert_eq!(read(&ColorProfile::new_srgb().encode().unwrap()).unwrap().curve, SRGB_CURVE);
    }

    #[test]
    fn damaged_profiles_are_sentences() {
        let good = ColorProfile::new_srgb().encode().unwrap();
        for length in (0..good.len()).step_by(7) {
            let _ = read(&good[..length]);
        }
        assert!(read(b"not a profile").is_err());
    }

    #[test]
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
                match read(&std::fs::read(&path).unwrap()) {
                    Ok(_) => good += 1,
                    Err(reason) => eprintln!("{}: {reason}", path.display()),
                }
            }
        }
        assert!(good >= 30, "only {good} profiles were read");
    }
}
