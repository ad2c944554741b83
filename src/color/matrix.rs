//! Primaries and the 3x3 matrices between linear RGB spaces. Computed in f64, applied in f32.

use crate::picture::Primaries;

/// A 3x3 matrix, row by row.
pub type Matrix = [[f64; 3]; 3];

/// The identity.
pub const IDENTITY: Matrix = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

/// White point D65 (ITU-R BT.709-6, table 1, 1.4).
pub const D65: [f64; 2] = [0.3127, 0.3290];
/// White point D50 as ICC profiles use it (ICC.1:2022, 7.2.16: 0.9642, 1, 0.8249), as xy.
pub const D50: [f64; 2] = [0.345_702_914_918_790_6, 0.358_538_596_679_933_54];

/// ITU-R BT.709-6, table 1; also sRGB (IEC 61966-2-1).
pub const REC709: Primaries =
    Primaries { red: [0.640, 0.330], green: [0.300, 0.600], blue: [0.150, 0.060], white: D65 };
/// ITU-R BT.2020-2, table 3.
pub const REC2020: Primaries =
    Primaries { red: [0.708, 0.292], green: [0.170, 0.797], blue: [0.131, 0.046], white: D65 };
/// SMPTE EG 432-1 with D65: Display P3.
pub const DISPLAY_P3: Primaries =
    Primaries { red: [0.680, 0.320], green: [0.265, 0.690], blue: [0.150, 0.060], white: D65 };
/// Adobe RGB (1998) Color Image Encoding, 4.3.1.1.
pub const ADOBE_RGB: Primaries =
    Primaries { red: [0.640, 0.330], green: [0.210, 0.710], blue: [0.150, 0.060], white: D65 };

/// Product `a b`: `b` is applied first.
pub fn multiply(a: &Matrix, b: &Matrix) -> Matrix {
    let mut out = [[0.0; 3]; 3];
    for (i, row) in out.iter_mut().enumerate() {
        for (j, value) in row.iter_mut().enumerate() {
            *value = (0..3).map(|k| a[i][k] * b[k][j]).sum();
        }
    }
    out
}

/// Matrix times vector.
pub fn apply(m: &Matrix, v: [f64; 3]) -> [f64; 3] {
    [0, 1, 2].map(|i| m[i][0] * v[0] + m[i][1] * v[1] + m[i][2] * v[2])
}

/// Inverse by cofactors; `None` for a singular matrix.
pub fn invert(m: &Matrix) -> Option<Matrix> {
    let minor = |r0: usize, c0: usize, r1: usize, c1: usize| m[r0][c0] * m[r1][c1] - m[r0][c1] * m[r1][c0];
    let cofactor = |r: usize, c: usize| minor((r + 1) % 3, (c + 1) % 3, (r + 2) % 3, (c + 2) % 3);
    let det: f64 = (0..3).map(|c| m[0][c] * cofactor(0, c)).sum();
    if !det.is_finite() || det.abs() < 1e-12 {
        return None;
    }
    let mut out = [[0.0; 3]; 3];
    for (r, row) in out.iter_mut().enumerate() {
        for (c, value) in row.iter_mut().enumerate() {
            *value = cofactor(c, r) / det;
        }
    }
    Some(out)
}

/// XYZ at Y = 1; infinite for y = 0, which no white has.
fn xyz(xy: [f64; 2]) -> [f64; 3] {
    [xy[0] / xy[1], 1.0, (1.0 - xy[0] - xy[1]) / xy[1]]
}

/// The direction of a chromaticity in XYZ. Primaries may have y = 0 (those of XYZ itself do), so nothing is divided.
fn direction(xy: [f64; 2]) -> [f64; 3] {
    [xy[0], xy[1], 1.0 - xy[0] - xy[1]]
}

/// RGB to CIE XYZ, white at Y = 1 (SMPTE RP 177-1993, section 3.3). `None` when the primaries are degenerate.
pub fn rgb_to_xyz(p: &Primaries) -> Option<Matrix> {
    let (r, g, b) = (direction(p.red), direction(p.green), direction(p.blue));
    let columns = [[r[0], g[0], b[0]], [r[1], g[1], b[1]], [r[2], g[2], b[2]]];
    let scale = apply(&invert(&columns)?, xyz(p.white));
    let mut out = columns;
    for row in &mut out {
        for (value, s) in row.iter_mut().zip(scale) {
            *value *= s;
        }
    }
    out.iter().flatten().all(|v| v.is_finite()).then_some(out)
}

/// Bradford cone responses (Lam 1985; ICC.1:2022, annex E).
pub const BRADFORD: Matrix = [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]];

/// CAT16 cone responses (Li et al., "Comprehensive color solutions: CAM16, CAT16, and CAM16-UCS", Color Research & Application 42, 2017,
/// equation 7; CIE 248:2022).
pub const CAT16: Matrix =
    [[0.401_288, 0.650_173, -0.051_461], [-0.250_268, 1.204_414, 0.045_854], [-0.002_079, 0.048_952, 0.953_127]];

/// Chromatic adaptation in XYZ from one white to another, Bradford.
pub fn adaptation(from: [f64; 2], to: [f64; 2]) -> Option<Matrix> {
    von_kries(&BRADFORD, from, to)
}

/// Cone responses to a white of luminance 1.
pub fn cone_responses(cones: &Matrix, white: [f64; 2]) -> [f64; 3] {
    apply(cones, xyz(white))
}

/// Complete adaptation in XYZ from one white to another: each cone response is scaled by itself (von Kries 1902).
pub fn von_kries(cones: &Matrix, from: [f64; 2], to: [f64; 2]) -> Option<Matrix> {
    if from == to {
        return Some(IDENTITY);
    }
    let (source, target) = (cone_responses(cones, from), cone_responses(cones, to));
    let mut gain = IDENTITY;
    for i in 0..3 {
        gain[i][i] = target[i] / source[i];
    }
    Some(multiply(&invert(cones)?, &multiply(&gain, cones)))
}

/// Linear RGB of `from` to linear RGB of `to`, white to white. `None` when either set is degenerate.
pub fn between(from: &Primaries, to: &Primaries) -> Option<Matrix> {
    if from == to {
        return Some(IDENTITY);
    }
    let adapted = multiply(&adaptation(from.white, to.white)?, &rgb_to_xyz(from)?);
    Some(multiply(&invert(&rgb_to_xyz(to)?)?, &adapted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rec709_to_rec2020_matches_the_report() {
        // ITU-R BT.2087-0, annex 2, equation (4).
        let expected = [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]];
        let m = between(&REC709, &REC2020).unwrap();
        for (row, wanted) in m.iter().zip(expected) {
            for (value, wanted) in row.iter().zip(wanted) {
                assert!((value - wanted).abs() < 1e-4, "{value} {wanted}");
            }
        }
    }

    #[test]
    fn white_stays_white_across_white_points() {
        let d50 = Primaries { white: D50, ..REC709 };
        let white = apply(&between(&d50, &REC2020).unwrap(), [1.0; 3]);
        assert!(white.iter().all(|v| (v - 1.0).abs() < 1e-12), "{white:?}");
    }

    #[test]
    fn degenerate_primaries_are_refused() {
        let line = Primaries { red: [0.3, 0.3], green: [0.3, 0.3], blue: [0.3, 0.3], white: D65 };
        assert!(between(&line, &REC2020).is_none());
        let no_white = Primaries { white: [0.3, 0.0], ..REC709 };
        assert!(between(&no_white, &REC2020).is_none());
    }

    #[test]
    fn the_primaries_of_xyz_give_the_identity() {
        let e = [1.0 / 3.0, 1.0 / 3.0];
        let m = rgb_to_xyz(&Primaries { red: [1.0, 0.0], green: [0.0, 1.0], blue: [0.0, 0.0], white: e }).unwrap();
        assert!(m.iter().flatten().zip(IDENTITY.iter().flatten()).all(|(a, b)| (a - b).abs() < 1e-12), "{m:?}");
    }
}
