//! Moves the edges of a map whose network drew them beside the picture's: a color-guided filter at the model's size, blended
//! in only around edges.

use super::grid::Grid;
use super::{EPS, GUIDE_CENTER, JoinSettings, RESIDUAL_FLOOR, Reduced, gate};

/// The map, snapped to the edges of the reduced picture within `edge_error_px` model pixels.
pub(super) fn snap(d: &Grid, reduced: &Reduced, settings: &JoinSettings) -> Grid {
    let radius = settings.edge_error_px.min(4) as usize;
    let filtered = guided_rgb(d, reduced, radius);
    let mut out = d.clone();
    let gate = gate(d, settings, radius.max(1));
    for ((out, &to), &gate) in out.values.iter_mut().zip(&filtered.values).zip(&gate.values) {
        *out += gate * (to - *out);
    }
    out
}

/// The centered color of every cell.
pub(super) fn planes(reduced: &Reduced) -> [Grid; 3] {
    let (width, height) = (reduced.width as usize, reduced.height as usize);
    let cells = width * height;
    [0usize, 1, 2].map(|i| {
        let plane = reduced.rgb.get(i * cells..(i + 1) * cells).unwrap_or(&[]);
        Grid::new(width, height, plane).map(|v| v - GUIDE_CENTER)
    })
}

/// Guided filter with a color guide.
fn guided_rgb(d: &Grid, reduced: &Reduced, radius: usize) -> Grid {
    let guide = planes(reduced);
    let [ar, ag, ab, b] = lines(d, &guide, None, radius);
    let mut out = b;
    for (a, g) in [ar, ag, ab].iter().zip(&guide) {
        out = out.zip(&a.zip(g, |a, g| a * g), |sum, term| sum + term);
    }
    out
}

/// The three slopes and the offset at each cell (He, Sun, Tang 2013, section 3.5), averaged by inverse residual. `noise` is added to the
/// regularization, cell by cell.
pub(super) fn lines(d: &Grid, guide: &[Grid; 3], noise: Option<&Grid>, radius: usize) -> [Grid; 4] {
    let cells = d.values.len();
    let mean = guide.each_ref().map(|g| g.mean(radius));
    let mean_d = d.mean(radius);
    let product = |a: &Grid, b: &Grid, mean_a: &Grid, mean_b: &Grid| {
        a.zip(b, |a, b| a * b).mean(radius).zip(&mean_a.zip(mean_b, |a, b| a * b), |m, p| m - p)
    };
    let covariance = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
        .map(|(i, j): (usize, usize)| product(&guide[i], &guide[j], &mean[i], &mean[j]));
    let cross = [0usize, 1, 2].map(|i| product(&guide[i], d, &mean[i], &mean_d));
    let var_d = product(d, d, &mean_d, &mean_d);

    let mut weight = d.clone();
    let mut lines = [d.clone(), d.clone(), d.clone(), d.clone()];
    for i in 0..cells {
        let c = covariance.each_ref().map(|grid| grid.values[i]);
        let v = cross.each_ref().map(|grid| grid.values[i]);
        let a = solve(c, v, EPS + noise.map_or(0.0, |noise| noise.values[i]));
        let residual = (var_d.values[i] - (a[0] * v[0] + a[1] * v[1] + a[2] * v[2])).max(0.0);
        let w = 1.0 / (residual + RESIDUAL_FLOOR);
        let m = mean.each_ref().map(|grid| grid.values[i]);
        let b = mean_d.values[i] - (a[0] * m[0] + a[1] * m[1] + a[2] * m[2]);
        weight.values[i] = w;
        for (line, value) in lines.iter_mut().zip([a[0], a[1], a[2], b]) {
            line.values[i] = w * value;
        }
    }
    let weight = weight.mean(radius);
    lines.map(|line| line.mean(radius).zip(&weight, |sum, w| sum / w))
}

/// Solves the regularized symmetric 3x3 system by its adjugate; `c` = xx, xy, xz, yy, yz, zz.
fn solve([xx, xy, xz, yy, yz, zz]: [f32; 6], v: [f32; 3], eps: f32) -> [f32; 3] {
    let (xx, yy, zz) = (xx + eps, yy + eps, zz + eps);
    let (ixx, ixy, ixz) = (yy * zz - yz * yz, xz * yz - xy * zz, xy * yz - xz * yy);
    let (iyy, iyz, izz) = (xx * zz - xz * xz, xz * xy - xx * yz, xx * yy - xy * xy);
    let det = (xx * ixx + xy * ixy + xz * ixz).max(1e-20);
    [
        (ixx * v[0] + ixy * v[1] + ixz * v[2]) / det,
        (ixy * v[0] + iyy * v[1] + iyz * v[2]) / det,
        (ixz * v[0] + iyz * v[1] + izz * v[2]) / det,
    ]
}
