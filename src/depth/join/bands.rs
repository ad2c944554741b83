//! Fitting a large map a band of rows at a time: what a cell becomes depends on its neighborhood only, so the result is the same bits.

use super::{JoinSettings, Reduced};

/// Rows around a band that its cells can depend on: the snap reads twice its radius (at most 4) and the gate's 2 more, the fit 3.
const MARGIN: usize = 16;

/// A fit of a whole map: one texel for each cell.
pub(super) type Fit<const WORDS: usize> = fn(&[f32], &Reduced, &JoinSettings) -> Vec<[u32; WORDS]>;

/// The words of a map's texels, fitted in bands of `rows`.
pub(super) fn fit<const WORDS: usize>(
    disparity: &[f32],
    reduced: &Reduced,
    settings: &JoinSettings,
    rows: usize,
    texels: Fit<WORDS>,
) -> Vec<u32> {
    let (width, height) = (reduced.width as usize, reduced.height as usize);
    if height <= rows + 2 * MARGIN {
        return texels(disparity, reduced, settings).into_flattened();
    }
    let mut found = Vec::with_capacity(width * height * WORDS);
    for first in (0..height).step_by(rows.max(1)) {
        let end = (first + rows).min(height);
        let (from, to) = (first.saturating_sub(MARGIN), (end + MARGIN).min(height));
        let part = |plane: &[f32]| plane.get(from * width..to * width).unwrap_or(&[]).to_vec();
        let band = Reduced {
            width: reduced.width,
            height: (to - from) as u32,
            rgb: reduced.rgb.chunks((width * height).max(1)).flat_map(part).collect(),
            guide: part(&reduced.guide),
            guide_squared: part(&reduced.guide_squared),
        };
        let fitted = texels(&part(disparity), &band, settings);
        found.extend(fitted.iter().skip((first - from) * width).take((end - first) * width).flatten());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::color::color_texels;
    use super::super::luma_texels;
    use super::*;

    #[test]
    fn bands_are_bit_identical_to_the_whole() {
        let (width, height) = (23u32, 150u32);
        let noise = |seed: u32, n: u32| -> Vec<f32> {
            (0..n).map(|i| (i.wrapping_mul(2_654_435_761).wrapping_add(seed) >> 8) as f32 / 16_777_216.0).collect()
        };
        let cells = width * height;
        let (rgb, guide) = (noise(1, 3 * cells), noise(2, cells));
        let guide_squared = guide.iter().map(|g| g * g + 0.01).collect();
        let reduced = Reduced { width, height, rgb, guide, guide_squared };
        for edge_error_px in [0, 2, 4] {
            let settings = JoinSettings { edge_error_px, ..JoinSettings::default() };
            let disparity = noise(3, cells);
            let luma = luma_texels(&disparity, &reduced, &settings).into_flattened();
            let color = color_texels(&disparity, &reduced, &settings).into_flattened();
            for rows in [1, 40, 64] {
                assert!(fit(&disparity, &reduced, &settings, rows, luma_texels) == luma, "{rows} {edge_error_px}");
                assert!(fit(&disparity, &reduced, &settings, rows, color_texels) == color, "{rows} {edge_error_px}");
            }
        }
    }
}
