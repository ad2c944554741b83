//! How close a color comes to losing a channel: the measure by which `saturation`, `vibrance` and `hsl` spare what is already pure.
//!
//! Purity is `1 - min / max` of linear Rec.2020: 0 = gray, 1 = one channel is dark. A chroma gain of `1 + amount (1 - purity^1.5)` with an
//! amount up to 1 keeps the order of chroma at every lightness and hue and, over the whole Rec.2020 cube, drives no channel of light below 0;
//! doubling chroma as such makes light of -31 % beside 297 % from the blue of sRGB. Exponent by trial: 2 drives to -0.7 % of the largest
//! channel and turns the order of chroma around near the gamut's edge. Tests repeat both.

use super::oklab;

/// The matrices of the way from Oklab to linear Rec.2020, as the constants of an operation hold them.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Matrices {
    /// Oklab to cube roots of cone responses, row by row.
    pub to_cones: [f32; 9],
    /// Cone responses to linear Rec.2020, row by row.
    pub to_light: [f32; 9],
}

impl Matrices {
    /// Those of [`oklab`].
    pub fn new() -> Self {
        let back = oklab::constants(true);
        Self { to_cones: back.first, to_light: back.last }
    }
}

impl Default for Matrices {
    fn default() -> Self {
        Self::new()
    }
}

/// Purity of an Oklab color, 0 to 1; colors outside Rec.2020 have 1.
#[inline(always)]
pub fn purity(m: &Matrices, lab: [f32; 3]) -> f32 {
    let root = oklab::times(&m.to_cones, lab);
    let cones = [root[0] * root[0] * root[0], root[1] * root[1] * root[1], root[2] * root[2] * root[2]];
    let light = oklab::times(&m.to_light, cones);
    let high = light[0].max(light[1]).max(light[2]);
    let low = light[0].min(light[1]).min(light[2]);
    (1.0 - low / high.max(1e-9)).max(0.0).min(1.0)
}

/// `purity^1.5` from purity.
#[inline(always)]
pub fn spared(purity: f32) -> f32 {
    purity * purity.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn light(lab: [f32; 3]) -> [f32; 3] {
        oklab::apply(&oklab::constants(true), lab)
    }

    #[test]
    fn gray_is_0_and_a_missing_channel_is_1() {
        let m = Matrices::new();
        for (rgb, expected) in [([0.3; 3], 0.0), ([1.0, 0.5, 0.0], 1.0), ([0.4, 0.1, 0.2], 0.75), ([0.0; 3], 0.0)] {
            let found = purity(&m, oklab::apply(&oklab::constants(false), rgb));
            // Black has no color: any purity will do.
            assert!((found - expected).abs() < 2e-5 || rgb == [0.0; 3], "{rgb:?}: {found}");
        }
    }

    /// The two promises of the module page, for an amount of 1.
    #[test]
    fn the_gain_keeps_light_positive_and_chroma_in_order() {
        let m = Matrices::new();
        let gain = |lab| 2.0 - spared(purity(&m, lab));
        let n = 16;
        for i in 1..(n + 1) * (n + 1) * (n + 1) {
            let at = |k: i32| ((k % (n + 1)) as f32 / n as f32).powi(2);
            let lab = oklab::apply(&oklab::constants(false), [at(i), at(i / (n + 1)), at(i / (n + 1) / (n + 1))]);
            let k = gain(lab);
            let out = light([lab[0], lab[1] * k, lab[2] * k]);
            let high = out[0].max(out[1]).max(out[2]);
            assert!(out.iter().all(|v| *v > -1e-4 * high), "{lab:?}: {out:?}");
        }
        for hue in (0..360).step_by(5).map(|degrees| (degrees as f32).to_radians()) {
            for lightness in [0.3, 0.5, 0.7, 0.9] {
                let mut last = 0.0;
                for step in 1..200 {
                    let chroma = step as f32 * 0.002;
                    let lab = [lightness, chroma * hue.cos(), chroma * hue.sin()];
                    if purity(&m, lab) == 1.0 {
                        break;
                    }
                    let now = chroma * gain(lab);
                    assert!(now > last, "hue {hue}, lightness {lightness}, chroma {chroma}");
                    last = now;
                }
            }
        }
    }
}
