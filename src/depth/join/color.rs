//! The fit with a color guide: three slopes for each cell, from a regularized 3x3 system (He, Sun, Tang 2013, section 3.5).

use super::grid::Grid;
use super::snap::{lines, planes};
use super::{BAND_ROWS, JoinSettings, JoinTable, MAX_SLOPE, Reduced, bands, cell_variance, pack, ranges, snapped};

/// As [`super::fit`], for pixels that are judged by their color. The means of `reduced` must be those of what the pixels are judged by
/// (`ops::disparity::color`).
pub fn fit_color(disparity: &[f32], reduced: &Reduced, settings: &JoinSettings) -> JoinTable {
    let words = bands::fit(disparity, reduced, settings, BAND_ROWS, color_texels);
    JoinTable { width: reduced.width, height: reduced.height, words }
}

/// As [`fit_color`], all at once.
pub(super) fn color_texels(disparity: &[f32], reduced: &Reduced, settings: &JoinSettings) -> Vec<[u32; 3]> {
    let d = snapped(disparity, reduced, settings);
    let guide = planes(reduced);
    let noise = cell_variance(reduced).min3().map(|n| settings.lambda * n);
    let [red, green, blue, _] = lines(&d, &guide, Some(&noise), 1);
    let slopes = [red, green, blue].map(|a: Grid| a.map(|a| a.clamp(-MAX_SLOPE, MAX_SLOPE)).values);
    let ranges = ranges(&d, settings);
    (0..d.values.len())
        .map(|i| {
            let a = [0usize, 1, 2].map(|c| slopes[c][i]);
            let along = a[0] * guide[0].values[i] + a[1] * guide[1].values[i] + a[2] * guide[2].values[i];
            [pack(a[0], a[1]), pack(a[2], d.values[i] - along), ranges[i]]
        })
        .collect()
}
