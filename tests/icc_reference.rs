//! ICC profiles against LittleCMS: `tests/icc/reference.csv` (made by `tests/oracle/icc_littlecms.py`) holds what it makes of device values, in
//! L*a*b*. The bar: a mean of 0.5 and a maximum of 2 in Delta E 2000, per profile.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chiaro::color::curve::{CurveConstants, Direction, apply};
use chiaro::color::icc::{self, Conversion, Problem};
use chiaro::color::matrix::{self, D50, PROPHOTO};
use chiaro::picture::{ColorEncoding, Curve};

struct Row {
    device: Vec<f32>,
    lab: [f64; 3],
}

fn reference() -> BTreeMap<String, Vec<Row>> {
    let mut all: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for line in include_str!("icc/reference.csv").lines() {
        let fields: Vec<&str> = line.split(',').collect();
        let device = fields[1..5].iter().filter_map(|v| v.parse().ok()).collect();
        let lab = [5, 6, 7].map(|i| fields[i].parse().unwrap());
        all.entry(fields[0].to_owned()).or_default().push(Row { device, lab });
    }
    all
}

fn path_of(name: &str) -> Option<PathBuf> {
    match name.strip_prefix("testdata:") {
        Some(name) => std::env::var_os("CHIARO_TESTDATA").map(|folder| Path::new(&folder).join(name)),
        None => Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/icc").join(name).with_extension("icc")),
    }
}

fn decode(curve: &Curve, code: f64) -> f64 {
    let Curve::Table(table) = curve else {
        return f64::from(apply(&CurveConstants::new(curve, Direction::Decode).unwrap(), code as f32));
    };
    let at = code * (table.samples.len() - 1) as f64;
    let low = (at as usize).min(table.samples.len() - 2);
    let (a, b) = (f64::from(table.samples[low]), f64::from(table.samples[low + 1]));
    a + (at - low as f64) * (b - a)
}

/// XYZ under D50 of code values in an encoding.
fn xyz(encoding: &ColorEncoding, rgb: [f64; 3]) -> [f64; 3] {
    let to_xyz = matrix::rgb_to_xyz(&encoding.primaries).unwrap();
    let adapted = matrix::multiply(&matrix::adaptation(encoding.primaries.white, D50).unwrap(), &to_xyz);
    matrix::apply(&adapted, rgb.map(|v| decode(&encoding.curve, v)))
}

/// CIE 15:2018, 8.2.1.1.
fn lab(xyz: [f64; 3]) -> [f64; 3] {
    let f = |t: f64| if t > (6.0f64 / 29.0).powi(3) { t.cbrt() } else { t * (841.0 / 108.0) + 4.0 / 29.0 };
    let [x, y, z] = [f(xyz[0] / 0.9642), f(xyz[1]), f(xyz[2] / 0.8249)];
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

fn xyz_of_lab([l, a, b]: [f64; 3]) -> [f64; 3] {
    let y = (l + 16.0) / 116.0;
    let cube = |t: f64| if t > 6.0 / 29.0 { t * t * t } else { (t - 4.0 / 29.0) * (108.0 / 841.0) };
    [0.9642 * cube(y + a / 500.0), cube(y), 0.8249 * cube(y - b / 200.0)]
}

/// CIE 142-2001 (Sharma, Wu, Dalal 2005).
fn delta_e_2000(a: [f64; 3], b: [f64; 3]) -> f64 {
    let seventh = |c: f64| (c.powi(7) / (c.powi(7) + 25f64.powi(7))).sqrt();
    let mean_c = (a[1].hypot(a[2]) + b[1].hypot(b[2])) / 2.0;
    let g = 0.5 * (1.0 - seventh(mean_c));
    let polar = |v: [f64; 3]| {
        let x = v[1] * (1.0 + g);
        let hue = v[2].atan2(x).to_degrees();
        (x.hypot(v[2]), if hue < 0.0 { hue + 360.0 } else { hue })
    };
    let ((c1, h1), (c2, h2)) = (polar(a), polar(b));
    let mut dh = h2 - h1;
    if dh.abs() > 180.0 {
        dh -= 360.0 * dh.signum();
    }
    if c1 * c2 == 0.0 {
        dh = 0.0;
    }
    let mut mean_h = (h1 + h2) / 2.0;
    if (h1 - h2).abs() > 180.0 {
        mean_h += if mean_h < 180.0 { 180.0 } else { -180.0 };
    }
    let big_dh = 2.0 * (c1 * c2).sqrt() * (dh / 2.0).to_radians().sin();
    let (mean_l, mean_c) = ((a[0] + b[0]) / 2.0, (c1 + c2) / 2.0);
    let cosine = |degrees: f64| degrees.to_radians().cos();
    let t = 1.0 - 0.17 * cosine(mean_h - 30.0) + 0.24 * cosine(2.0 * mean_h) + 0.32 * cosine(3.0 * mean_h + 6.0)
        - 0.20 * cosine(4.0 * mean_h - 63.0);
    let from_50 = (mean_l - 50.0).powi(2);
    let (sl, sc, sh) =
        (1.0 + 0.015 * from_50 / (20.0 + from_50).sqrt(), 1.0 + 0.045 * mean_c, 1.0 + 0.015 * mean_c * t);
    let turn = -(2.0 * 30.0 * (-((mean_h - 275.0) / 25.0).powi(2)).exp()).to_radians().sin() * 2.0 * seventh(mean_c);
    let (l, c, h) = ((b[0] - a[0]) / sl, (c2 - c1) / sc, big_dh / sh);
    (l * l + c * c + h * h + turn * c * h).sqrt()
}

/// True for colors that ProPhoto RGB holds.
fn inside(reference: [f64; 3]) -> bool {
    let to_rgb = matrix::invert(&matrix::rgb_to_xyz(&PROPHOTO).unwrap()).unwrap();
    matrix::apply(&to_rgb, xyz_of_lab(reference)).iter().all(|v| (-1e-4..=1.0001).contains(v))
}

/// Mean and largest difference, and how many rows count.
fn check(profile: &[u8], rows: &[Row]) -> (f64, f64, usize) {
    let inputs = rows[0].device.len();
    let encoding = icc::read(profile, inputs > 1);
    let conversion = Conversion::new(profile, inputs);
    let mut differences = Vec::new();
    for row in rows {
        let found = match &encoding {
            Ok(encoding) => {
                let at = |i: usize| f64::from(row.device[i.min(inputs - 1)]);
                xyz(encoding, [at(0), at(1), at(2)])
            }
            Err(Problem::Unsupported(_)) | Err(Problem::Invalid(_)) if inside(row.lab) => {
                let mut device = [0.0; 4];
                device[..inputs].copy_from_slice(&row.device);
                let conversion = conversion.as_ref().unwrap_or_else(|e| panic!("{e}"));
                // Through the 16 bit that pictures are handed out in.
                let rgb = conversion.pixel(device).map(|v| (f64::from(v) * 65_535.0).round() / 65_535.0);
                xyz(&chiaro::color::encodings::prophoto(), rgb)
            }
            Err(_) => continue,
        };
        differences.push(delta_e_2000(row.lab, lab(found)));
    }
    let mean = differences.iter().sum::<f64>() / differences.len().max(1) as f64;
    (mean, differences.iter().copied().fold(0.0, f64::max), differences.len())
}

fn all(test: impl Fn(&str) -> bool) -> usize {
    let mut wrong = Vec::new();
    let mut checked = 0;
    for (name, rows) in reference().iter().filter(|(name, _)| test(name)) {
        let profile = std::fs::read(path_of(name).unwrap()).unwrap();
        let (mean, most, count) = check(&profile, rows);
        eprintln!("{name}: mean {mean:.4}, largest {most:.4}, {count} of {} colors", rows.len());
        assert!(count * 2 >= rows.len(), "{name}: too few colors are inside ProPhoto RGB");
        if mean > 0.5 || most > 2.0 {
            wrong.push(format!("{name}: mean {mean}, largest {most}"));
        }
        checked += 1;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    checked
}

#[test]
fn delta_e_is_that_of_the_paper() {
    // Sharma, Wu, Dalal 2005, table 1: pairs 1, 7, 10, 25.
    for (a, b, wanted) in [
        ([50.0, 2.6772, -79.7751], [50.0, 0.0, -82.7485], 2.0425),
        ([50.0, 0.0, 0.0], [50.0, -1.0, 2.0], 2.3669),
        ([50.0, 2.4900, -0.0010], [50.0, -2.4900, 0.0010], 7.1792),
        ([60.2574, -34.0099, 36.2677], [60.4626, -34.1751, 39.4387], 1.2644),
    ] {
        assert!((delta_e_2000(a, b) - wanted).abs() < 1e-4, "{}", delta_e_2000(a, b));
    }
}

#[test]
fn profiles_of_every_kind_agree_with_littlecms() {
    assert_eq!(all(|name| !name.starts_with("testdata:")), 7);
}

#[test]
#[cfg_attr(not(has_testdata), ignore = "CHIARO_TESTDATA is not set")]
fn profiles_of_the_collection_agree_with_littlecms() {
    assert!(all(|name| name.starts_with("testdata:")) >= 40);
}

#[test]
fn damaged_profiles_are_sentences() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/icc");
    for name in ["cmyk-lut16", "cmyk-mab", "rgb-mab", "gray-lut16", "rgb-three-curves", "cmyk-lut8"] {
        let good = std::fs::read(folder.join(name).with_extension("icc")).unwrap();
        let inputs = if name.starts_with("cmyk") {
            4
        } else if name.starts_with("gray") {
            1
        } else {
            3
        };
        for length in (0..good.len()).step_by(13) {
            let _ = Conversion::new(&good[..length], inputs).map(|c| c.pixel([0.3; 4]));
        }
        let mut state = 0x1234_5678u32;
        for _ in 0..2000 {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            let mut bad = good.clone();
            // The head and the directory of tags, where lies about sizes and classes are.
            let at = state as usize % bad.len().min(600);
            bad[at] ^= 1 << (state >> 29);
            let _ = Conversion::new(&bad, inputs).map(|c| c.pixel([f32::NAN, 0.3, 2.0, -1.0]));
            let _ = icc::read(&bad, inputs > 1);
        }
        for wrong in [1, 3, 4].into_iter().filter(|n| *n != inputs) {
            let problem = Conversion::new(&good, wrong).unwrap_err().to_string();
            assert!(problem.contains("channels"), "{problem}");
        }
    }
    // A profile whose class says that it is no device's.
    let mut link = std::fs::read(folder.join("rgb-lut16.icc")).unwrap();
    link[12..16].copy_from_slice(b"link");
    assert!(Conversion::new(&link, 3).unwrap_err().to_string().contains("describes no picture"));
}
