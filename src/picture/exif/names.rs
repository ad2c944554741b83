//! Camera facts by name, as text for people and for naming templates.
//!
//! Names are those of EXIF 2.32 (CIPA DC-008, 4.6) and, where other programs have made another one common, that one as well
//! (`ISO` for PhotographicSensitivity, `CreateDate` for DateTimeDigitized).

use super::{EXIF_IFD, Entry, Found, GPS_IFD, Ifd, Kind, parse};
use crate::picture::Metadata;

/// How the value of a tag is written as text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As its type suggests: text, a whole number, a decimal fraction.
    Plain,
    /// Seconds: `1/250` below a quarter second, else a decimal fraction.
    Seconds,
}

/// Name, directory (0 = IFD0), tag, form.
const NAMES: &[(&str, u16, u16, Form)] = &[
    ("ImageDescription", 0, 270, Form::Plain),
    ("Make", 0, 271, Form::Plain),
    ("Model", 0, 272, Form::Plain),
    ("Orientation", 0, 274, Form::Plain),
    ("Software", 0, 305, Form::Plain),
    ("DateTime", 0, 306, Form::Plain),
    ("ModifyDate", 0, 306, Form::Plain),
    ("Artist", 0, 315, Form::Plain),
    ("Copyright", 0, 33432, Form::Plain),
    ("ExposureTime", EXIF_IFD, 33434, Form::Seconds),
    ("FNumber", EXIF_IFD, 33437, Form::Plain),
    ("ExposureProgram", EXIF_IFD, 34850, Form::Plain),
    ("PhotographicSensitivity", EXIF_IFD, 34855, Form::Plain),
    ("ISO", EXIF_IFD, 34855, Form::Plain),
    ("DateTimeOriginal", EXIF_IFD, 36867, Form::Plain),
    ("DateTimeDigitized", EXIF_IFD, 36868, Form::Plain),
    ("CreateDate", EXIF_IFD, 36868, Form::Plain),
    ("OffsetTimeOriginal", EXIF_IFD, 36881, Form::Plain),
    ("ExposureBiasValue", EXIF_IFD, 37380, Form::Plain),
    ("ExposureCompensation", EXIF_IFD, 37380, Form::Plain),
    ("FocalLength", EXIF_IFD, 37386, Form::Plain),
    ("SubSecTimeOriginal", EXIF_IFD, 37521, Form::Plain),
    ("FocalLengthIn35mmFilm", EXIF_IFD, 41989, Form::Plain),
    ("FocalLengthIn35mmFormat", EXIF_IFD, 41989, Form::Plain),
    ("ImageUniqueID", EXIF_IFD, 42016, Form::Plain),
    ("CameraOwnerName", EXIF_IFD, 42032, Form::Plain),
    ("OwnerName", EXIF_IFD, 42032, Form::Plain),
    ("BodySerialNumber", EXIF_IFD, 42033, Form::Plain),
    ("SerialNumber", EXIF_IFD, 42033, Form::Plain),
    ("LensMake", EXIF_IFD, 42035, Form::Plain),
    ("LensModel", EXIF_IFD, 42036, Form::Plain),
    ("LensSerialNumber", EXIF_IFD, 42037, Form::Plain),
];

/// Names that are made from several tags: `Date` is DateTimeOriginal (else DateTimeDigitized, else DateTime) as `YYYY-MM-DD`,
/// the others are degrees (north and east positive) and meters above the sea.
const MADE: [&str; 4] = ["Date", "GPSLatitude", "GPSLongitude", "GPSAltitude"];

/// Every name that [`field()`] knows.
pub fn names() -> impl Iterator<Item = &'static str> {
    NAMES.iter().map(|(name, ..)| *name).chain(MADE)
}

/// True when [`field()`] knows `name`, in whatever case.
pub fn is_name(name: &str) -> bool {
    names().any(|known| known.eq_ignore_ascii_case(name))
}

/// The camera fact `name` (any of [`names`], in whatever case) as text: without blanks and NULs at its ends, dates as EXIF writes
/// them (`2024:05:31 17:20:00`), fractions as decimals with at most four places, ExposureTime as `1/250`. It may hold any character:
/// the caller makes it fit for a file name. `None` when the picture does not say, or for an unknown name.
pub fn field(metadata: &Metadata, name: &str) -> Option<String> {
    find(&tree(metadata)?, name)
}

/// Facts that a photographer recognizes a picture by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Maker and model: "Canon EOS R5".
    pub camera: Option<String>,
    /// Lens model.
    pub lens: Option<String>,
    /// When it was taken, `YYYY-MM-DD HH:MM:SS`.
    pub taken: Option<String>,
    /// Exposure time, f-number, ISO and focal length, as far as known: "1/250 s, f/2.8, ISO 100, 35 mm".
    pub exposure: Option<String>,
    /// Artist.
    pub artist: Option<String>,
    /// Copyright.
    pub copyright: Option<String>,
    /// True when it says where it was taken.
    pub gps: bool,
    /// Bytes of maker notes, 0 = none.
    pub maker_note_bytes: u64,
}

/// The facts of [`Summary`]; all empty without EXIF.
pub fn summary(metadata: &Metadata) -> Summary {
    let Some(ifd) = tree(metadata) else { return Summary::default() };
    let get = |name: &str| find(&ifd, name);
    let camera = match (get("Make"), get("Model")) {
        (Some(make), Some(model)) => {
            // "Canon" + "Canon EOS R5", "NIKON CORPORATION" + "NIKON D850".
            let brand = make.split_whitespace().next().unwrap_or_default().to_lowercase();
            Some(if model.to_lowercase().starts_with(&brand) { model } else { format!("{make} {model}") })
        }
        (make, model) => model.or(make),
    };
    let exposure: Vec<String> =
        [("", "ExposureTime", " s"), ("f/", "FNumber", ""), ("ISO ", "ISO", ""), ("", "FocalLength", " mm")]
            .into_iter()
            .filter_map(|(before, name, after)| Some(format!("{before}{}{after}", get(name)?)))
            .collect();
    Summary {
        camera,
        lens: get("LensModel"),
        taken: taken(&ifd).map(|(date, time)| format!("{date} {time}").trim().to_owned()),
        exposure: (!exposure.is_empty()).then(|| exposure.join(", ")),
        artist: get("Artist"),
        copyright: get("Copyright"),
        gps: get("GPSLatitude").is_some() && get("GPSLongitude").is_some(),
        maker_note_bytes: ifd
            .child(EXIF_IFD)
            .and_then(|exif| exif.find(super::MAKER_NOTE))
            .map_or(0, |note| note.bytes.len() as u64),
    }
}

fn tree(metadata: &Metadata) -> Option<Ifd> {
    let blob = metadata.exif.as_deref()?;
    parse(blob, blob.len() as u64).ok().map(|Found { ifd, .. }| ifd)
}

fn find(ifd: &Ifd, name: &str) -> Option<String> {
    if let Some((_, directory, tag, form)) = NAMES.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name)) {
        let directory = if *directory == 0 { ifd } else { ifd.child(*directory)? };
        return text(directory.find(*tag)?, *form);
    }
    match MADE.iter().position(|known| known.eq_ignore_ascii_case(name))? {
        0 => taken(ifd).map(|(date, _)| date),
        1 => degrees(ifd, 1, 2, b'S'),
        2 => degrees(ifd, 3, 4, b'W'),
        _ => altitude(ifd),
    }
}

/// Date and time at which a picture was taken: `YYYY-MM-DD` and `HH:MM:SS`.
fn taken(ifd: &Ifd) -> Option<(String, String)> {
    ["DateTimeOriginal", "DateTimeDigitized", "DateTime"].into_iter().find_map(|name| date(&find(ifd, name)?))
}

/// `YYYY:MM:DD HH:MM:SS` (EXIF 2.32, 4.6.4) apart; `None` where the date is blank or no date. Some programs write `-` or `/`.
fn date(text: &str) -> Option<(String, String)> {
    let (day, time) = text.split_once([' ', 'T']).unwrap_or((text, ""));
    let parts: Vec<&str> = day.split([':', '-', '/']).collect();
    let [year, month, day] = parts[..] else { return None };
    let number = |text: &str, digits: usize, least: u32, most: u32| {
        let sound = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
        sound && text.parse::<u32>().is_ok_and(|value| (least..=most).contains(&value))
    };
    (number(year, 4, 1, 9999) && number(month, 2, 1, 12) && number(day, 2, 1, 31))
        .then(|| (format!("{year}-{month}-{day}"), time.trim().to_owned()))
}

/// Degrees, minutes and seconds as decimal degrees.
fn degrees(ifd: &Ifd, reference: u16, tag: u16, negative: u8) -> Option<String> {
    let gps = ifd.child(GPS_IFD)?;
    let parts = numbers(gps.find(tag)?)?;
    let &[degrees, ref rest @ ..] = &parts[..] else { return None };
    let minutes = rest.first().copied().unwrap_or(0.0);
    let seconds = rest.get(1).copied().unwrap_or(0.0);
    let value = degrees + minutes / 60.0 + seconds / 3600.0;
    let sign = if gps.find(reference).and_then(|r| r.bytes.first()) == Some(&negative) { -1.0 } else { 1.0 };
    (value.is_finite() && value <= 180.0).then(|| short(sign * value, 6))
}

/// Meters, negative below the sea (GPSAltitudeRef 1).
fn altitude(ifd: &Ifd) -> Option<String> {
    let gps = ifd.child(GPS_IFD)?;
    let value = *numbers(gps.find(6)?)?.first()?;
    let sign = if gps.find(5).and_then(Entry::first) == Some(1) { -1.0 } else { 1.0 };
    value.is_finite().then(|| short(sign * value, 4))
}

/// All values as numbers; `None` for text. A fraction over 0 is not a number and ends up NaN or infinite.
pub(crate) fn numbers(entry: &Entry) -> Option<Vec<f64>> {
    let halves = |bytes: &[u8]| -> Option<([u8; 4], [u8; 4])> {
        let (first, second) = bytes.split_at_checked(4)?;
        Some((first.try_into().ok()?, second.try_into().ok()?))
    };
    let each = |bytes: &[u8]| -> Option<f64> {
        Some(match entry.kind {
            Kind::Rational => {
                let (n, d) = halves(bytes)?;
                f64::from(u32::from_le_bytes(n)) / f64::from(u32::from_le_bytes(d))
            }
            Kind::SRational => {
                let (n, d) = halves(bytes)?;
                f64::from(i32::from_le_bytes(n)) / f64::from(i32::from_le_bytes(d))
            }
            Kind::SByte => f64::from(i8::from_le_bytes(bytes.try_into().ok()?)),
            Kind::SShort => f64::from(i16::from_le_bytes(bytes.try_into().ok()?)),
            Kind::SLong => f64::from(i32::from_le_bytes(bytes.try_into().ok()?)),
            Kind::Float => f64::from(f32::from_le_bytes(bytes.try_into().ok()?)),
            Kind::Double => f64::from_le_bytes(bytes.try_into().ok()?),
            Kind::Byte | Kind::Short | Kind::Long => {
                bytes.iter().rev().fold(0.0, |value, byte| value * 256.0 + f64::from(*byte))
            }
            _ => return None,
        })
    };
    entry.bytes.chunks_exact(entry.kind.size()).map(each).collect()
}

/// Text of an ASCII or UTF-8 entry up to its first NUL; bytes that are not UTF-8 are taken as Latin-1, which old cameras wrote.
fn string(entry: &Entry) -> Option<String> {
    if !matches!(entry.kind, Kind::Ascii | Kind::Utf8) {
        return None;
    }
    let bytes = entry.bytes.split(|b| *b == 0).next().unwrap_or_default();
    let text =
        std::str::from_utf8(bytes).map_or_else(|_| bytes.iter().map(|b| char::from(*b)).collect(), str::to_owned);
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn text(entry: &Entry, form: Form) -> Option<String> {
    if let Some(text) = string(entry) {
        return Some(text);
    }
    let value = *numbers(entry)?.first()?;
    if !value.is_finite() {
        return None;
    }
    // 0.25 s and shorter are spoken of as fractions.
    if form == Form::Seconds && value > 0.0 && value <= 0.25 {
        return Some(format!("1/{}", (1.0 / value).round()));
    }
    Some(short(value, 4))
}

/// A decimal number with at most `places` places and no zeros at its end.
fn short(value: f64, places: usize) -> String {
    let text = format!("{value:.places$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::exif::write;

    fn picture() -> Metadata {
        let rationals = |tag, values: &[(u32, u32)]| Entry {
            tag,
            kind: Kind::Rational,
            bytes: values.iter().flat_map(|v| [v.0.to_le_bytes(), v.1.to_le_bytes()].concat()).collect(),
        };
        let exif = Ifd {
            entries: vec![
                rationals(33434, &[(10, 2500)]),
                rationals(33437, &[(28, 10)]),
                Entry::short(34855, &[400]),
                Entry::ascii(36867, "2024:05:31 17:20:09"),
                Entry::ascii(42036, "RF35mm F1.8 "),
                Entry {
                    tag: 37380,
                    kind: Kind::SRational,
                    bytes: [(-1i32).to_le_bytes(), 3i32.to_le_bytes()].concat(),
                },
                rationals(37386, &[(35, 0)]),
            ],
            children: vec![],
        };
        let gps = Ifd {
            entries: vec![
                Entry::ascii(1, "S"),
                rationals(2, &[(33, 1), (30, 1), (36, 1)]),
                Entry::ascii(3, "E"),
                rationals(4, &[(18, 1), (0, 1), (0, 1)]),
                Entry { tag: 5, kind: Kind::Byte, bytes: vec![1] },
                rationals(6, &[(25, 2)]),
            ],
            children: vec![],
        };
        let ifd = Ifd {
            entries: vec![Entry::ascii(271, "Canon"), Entry::ascii(272, "Canon EOS R5")],
            children: vec![(EXIF_IFD, exif), (GPS_IFD, gps)],
        };
        Metadata { exif: Some(write(&ifd).unwrap()), ..Metadata::default() }
    }

    #[test]
    fn facts_as_text() {
        let picture = picture();
        let known = [
            ("Model", "Canon EOS R5"),
            ("model", "Canon EOS R5"),
            ("ExposureTime", "1/250"),
            ("FNumber", "2.8"),
            ("ISO", "400"),
            ("ExposureCompensation", "-0.3333"),
            ("Date", "2024-05-31"),
            ("LensModel", "RF35mm F1.8"),
            ("GPSLatitude", "-33.51"),
            ("GPSLongitude", "18"),
            ("GPSAltitude", "-12.5"),
        ];
        for (name, value) in known {
            assert_eq!(field(&picture, name).as_deref(), Some(value), "{name}");
            assert!(is_name(name));
        }
        // A fraction over zero, a fact that is not there, a name that is none, a picture without EXIF.
        for name in ["FocalLength", "Artist", "Modell"] {
            assert_eq!(field(&picture, name), None, "{name}");
        }
        assert_eq!(field(&Metadata::default(), "Model"), None);
        let summary = summary(&picture);
        assert_eq!(summary.camera.as_deref(), Some("Canon EOS R5"));
        assert_eq!(summary.exposure.as_deref(), Some("1/250 s, f/2.8, ISO 400"));
        assert_eq!(summary.taken.as_deref(), Some("2024-05-31 17:20:09"));
        assert!(summary.gps);
    }

    #[test]
    fn dates_that_are_none() {
        for text in ["    :  :     :  :  ", "0000:00:00 00:00:00", "2024:13:01", "2024", "", "20245:1:1", "2024:1:1"] {
            assert_eq!(date(text), None, "{text:?}");
        }
        assert_eq!(date("2024-02-29T10:00"), Some(("2024-02-29".into(), "10:00".into())));
    }
}
