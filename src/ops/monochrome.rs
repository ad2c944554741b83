//! `monochrome`: black and white, as film behind a filter sees it.

use super::guide::LUMA_REC2020;
use super::{Context, Domain, Op, Px, Tables, params};
use crate::color::working_from_srgb;

params! {
    /// Black and white, with color filters and toning.
    ///
    /// Gray is a weighted sum of red, green and blue in linear light: `mix` is what the film sees (as it stands, what the eye sees),
    /// `filter` the glass in front of it; the weights are scaled to a sum of 1, so that gray stays as it is. `tone` colors shadows and
    /// middle tones at constant luminance, as toning baths do, and leaves paper white alone.
    pub struct Params {
        /// Filter in front of the lens: yellow and orange darken skies, red darkens them dramatically, green lightens foliage, blue lightens
        /// haze.
        filter: String = "none", Kind::Choice(&["none", "yellow", "orange", "red", "green", "blue"]);
        /// Weights of red, green and blue, relative to each other.
        mix: [f32; 3] = LUMA_REC2020, Kind::Channels { min: -2.0, max: 2.0 };
        /// Toning bath of the print.
        tone: String = "neutral", Kind::Choice(&["neutral", "sepia", "selenium", "gold", "cyanotype"]);
        /// Strength of the toning.
        tone_amount: f32 = 50.0, Kind::Number { min: 0.0, max: 100.0, unit: "" };
    }
}

/// Render-ready numbers.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Constants {
    /// Weights of red, green and blue; their sum is 1.
    pub weights: [f32; 3],
    /// What is added to each channel of black per light; luminance 0.
    pub tint: [f32; 3],
}

/// Share of red, green and blue (linear Rec.2020) that a filter lets through. Round numbers in the order of the classic glasses: yellow Wratten 8,
/// orange 21, red 25, green 11, blue 47.
fn transmission(filter: &str) -> [f32; 3] {
    match filter {
        "yellow" => [1.0, 0.9, 0.25],
        "orange" => [1.0, 0.5, 0.05],
        "red" => [1.0, 0.1, 0.02],
        "green" => [0.4, 1.0, 0.3],
        "blue" => [0.02, 0.05, 1.0],
        _ => [1.0; 3],
    }
}

/// Color of a toned print where it is darkest, sRGB code values; only its ratio to its own luminance counts.
fn ink(tone: &str) -> [f32; 3] {
    match tone {
        "sepia" => [0.44, 0.30, 0.16],
        "selenium" => [0.37, 0.29, 0.35],
        "gold" => [0.30, 0.31, 0.40],
        "cyanotype" => [0.10, 0.27, 0.45],
        _ => [0.5; 3],
    }
}

/// The least that the weights may add up to: below it, scaling them to 1 would multiply noise by more than 20.
const LEAST: f32 = 0.05;

/// The operation.
pub struct Spec;

impl Op for Spec {
    const ID: &'static str = "monochrome";
    const WGSL: &'static str = include_str!("../../shaders/ops/monochrome.wgsl");
    const ACTS_ON_TRANSPARENT: bool = true;
    type Params = Params;
    type Constants = Constants;

    fn domain(_: &Params) -> Domain {
        Domain::Linear
    }

    fn makes_color(p: &Params) -> bool {
        p.tone != "neutral" && p.tone_amount > 0.0
    }

    fn prepare(p: &Params, _: &Context, _: &mut Tables) -> Result<Constants, String> {
        let glass = transmission(&p.filter);
        let seen = [p.mix[0] * glass[0], p.mix[1] * glass[1], p.mix[2] * glass[2]];
        let sum: f32 = seen.iter().sum();
        if sum < LEAST {
            let [r, g, b] = p.mix;
            let behind = if p.filter == "none" { String::new() } else { format!(" behind the {} filter", p.filter) };
            return Err(format!(
                "monochrome: the weights of mix = [{r}, {g}, {b}] add up to {sum}{behind}; they must add up to {LEAST} or more"
            ));
        }
        let ink = working_from_srgb(ink(&p.tone));
        let luminance = LUMA_REC2020[0] * ink[0] + LUMA_REC2020[1] * ink[1] + LUMA_REC2020[2] * ink[2];
        let amount = if Self::makes_color(p) { p.tone_amount / 100.0 } else { 0.0 };
        Ok(Constants { weights: seen.map(|v| v / sum), tint: ink.map(|v| amount * (v / luminance - 1.0)) })
    }

    #[inline(always)]
    fn pixel(c: &Constants, _: &[u32], px: Px) -> Px {
        let gray = c.weights[0] * px.rgb[0] + c.weights[1] * px.rgb[1] + c.weights[2] * px.rgb[2];
        // Silver that a bath can color: all of it in black, none in paper white.
        let toned = gray * (1.0 - gray.max(0.0).min(1.0));
        Px { rgb: [gray + toned * c.tint[0], gray + toned * c.tint[1], gray + toned * c.tint[2]], ..px }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(p: &Params, rgb: [f32; 3]) -> [f32; 3] {
        let c = Spec::prepare(p, &Context::default(), &mut Tables::default()).unwrap();
        Spec::pixel(&c, &[], Px::of(rgb)).rgb
    }

    fn with(filter: &str, tone: &str) -> Params {
        Params { filter: filter.to_owned(), tone: tone.to_owned(), tone_amount: 100.0, ..Params::default() }
    }

    #[test]
    fn gray_stays_and_color_becomes_luminance() {
        for filter in ["none", "yellow", "orange", "red", "green", "blue"] {
            for v in made(&with(filter, "neutral"), [0.4; 3]) {
                assert!((v - 0.4).abs() < 1e-6, "{filter}: {v}");
            }
        }
        let found = made(&Params::default(), [0.2, 0.5, 0.9]);
        let expected = 0.2627 * 0.2 + 0.678 * 0.5 + 0.0593 * 0.9;
        assert!(found.iter().all(|v| (v - expected).abs() < 1e-6), "{found:?}");
    }

    #[test]
    fn filters_darken_skies_in_the_known_order() {
        let sky = working_from_srgb([0.35, 0.55, 0.85]);
        let gray = |filter| made(&with(filter, "neutral"), sky)[0];
        let order = ["blue", "none", "yellow", "orange", "red"].map(gray);
        assert!(order.windows(2).all(|g| g[0] > g[1]), "{order:?}");
        let leaf = working_from_srgb([0.25, 0.5, 0.15]);
        let [green, none] = ["green", "none"].map(|f| made(&with(f, "neutral"), leaf)[0]);
        assert!(green > none, "{green} {none}");
    }

    #[test]
    fn toning_keeps_luminance_black_and_white() {
        for tone in ["sepia", "selenium", "gold", "cyanotype"] {
            let p = with("none", tone);
            assert!(Spec::makes_color(&p));
            for gray in [0.0f32, 0.02, 0.18, 0.6, 1.0, 3.0] {
                let out = made(&p, [gray; 3]);
                let luminance: f32 = out.iter().zip(LUMA_REC2020).map(|(v, w)| v * w).sum();
                assert!((luminance - gray).abs() < 1e-6 * gray.max(0.5), "{tone} {gray}: {out:?}");
                assert!(out.iter().all(|v| *v >= 0.0));
                let spread = out[0].max(out[1]).max(out[2]) - out[0].min(out[1]).min(out[2]);
                assert!(
                    if (0.01..0.9).contains(&gray) { spread > 0.05 * gray } else { spread < 1e-5 },
                    "{tone} {gray}"
                );
            }
        }
        assert!(made(&with("none", "sepia"), [0.2; 3])[0] > 0.22);
        assert!(made(&with("none", "cyanotype"), [0.2; 3])[2] > 0.22);
        assert!(!Spec::makes_color(&Params::default()));
    }

    #[test]
    fn weights_that_cancel_are_refused() {
        let p = Params { mix: [1.0, -1.0, 0.0], filter: "none".to_owned(), ..Params::default() };
        let message = Spec::prepare(&p, &Context::default(), &mut Tables::default()).unwrap_err();
        assert!(message.contains("[1, -1, 0]") && message.contains("0.05"), "{message}");
    }
}
