//! `split_tone`: one tint for shadows, another for highlights.

use super::{Context, Domain, Op, Px, Tables, oklab, params};
use crate::color::math::smoothstep;
use crate::color::working_from_srgb;

params! {
    /// One tint for shadows, another for highlights.
    ///
    /// Hues are those of a color picker: 0 = red, 60 = yellow, 120 = green, 180 = aqua, 240 = blue, 300 = magenta. The tint is added to the
    /// color at constant lightness (Oklab), in proportion to it, so that black stays black; it fades out toward white, which stays white.
    pub struct Params {
        /// Hue of the shadows.
        shadow_hue: f32 = 0.0, Kind::Number { min: 0.0, max: 360.0, unit: "degrees" };
        /// Strength of the tint of the shadows; 100 = half the color of the pure hue.
        shadow_saturation: f32 = 0.0, Kind::Number { min: 0.0, max: 100.0, unit: "" };
        /// Hue of the highlights.
        highlight_hue: f32 = 0.0, Kind::Number { min: 0.0, max: 360.0, unit: "degrees" };
        /// Strength of the tint of the highlights; 100 = half the color of the pure hue.
        highlight_saturation: f32 = 0.0, Kind::Number { min: 0.0, max: 100.0, unit: "" };
        /// Where they meet: above 0 = more of the picture counts as highlights, below 0 = as shadows.
        balance: f32 = 0.0, Kind::Number { min: -100.0, max: 100.0, unit: "" };
    }
}

/// Render-ready numbers.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Constants {
    /// Tint of the shadows, a and b per lightness.
    pub shadow: [f32; 2],
    /// Tint of the highlights, a and b per lightness.
    pub highlight: [f32; 2],
    /// Lightness up to which only the shadow tint acts.
    pub start: f32,
    /// Lightness from which on only the highlight tint acts.
    pub end: f32,
}

/// Lightness at which both tints act alike at balance 0: near middle gray, whose lightness is 0.565.
const PIVOT: f32 = 0.55;
/// Lightness from there to where one tint acts alone, and by which full balance moves the pivot.
const HALF_WIDTH: f32 = 0.35;
/// Lightness at which tints begin to fade toward white; 0.61 of the light of white.
const FADE: f32 = 0.85;
/// Chroma at saturation 100, as a share of that of the pure color of the hue.
const FULL: f32 = 0.5;

/// The operation.
pub struct Spec;

impl Op for Spec {
    const ID: &'static str = "split_tone";
    const WGSL: &'static str = include_str!("../../shaders/ops/split_tone.wgsl");
    type Params = Params;
    type Constants = Constants;

    fn domain(_: &Params) -> Domain {
        Domain::Perceptual
    }

    fn is_identity(p: &Params) -> bool {
        p.shadow_saturation == 0.0 && p.highlight_saturation == 0.0
    }

    fn makes_color(p: &Params) -> bool {
        !Self::is_identity(p)
    }

    fn prepare(p: &Params, _: &Context, _: &mut Tables) -> Result<Constants, String> {
        let pivot = PIVOT - HALF_WIDTH * p.balance / 100.0;
        Ok(Constants {
            shadow: tint(p.shadow_hue, p.shadow_saturation),
            highlight: tint(p.highlight_hue, p.highlight_saturation),
            start: pivot - HALF_WIDTH,
            end: pivot + HALF_WIDTH,
        })
    }

    #[inline(always)]
    fn pixel(c: &Constants, _: &[u32], px: Px) -> Px {
        let [l, a, b] = px.rgb;
        let t = smoothstep(c.start, c.end, l);
        let amount = l.max(0.0) * (1.0 - smoothstep(FADE, 1.0, l));
        let tint_a = c.shadow[0] + t * (c.highlight[0] - c.shadow[0]);
        let tint_b = c.shadow[1] + t * (c.highlight[1] - c.shadow[1]);
        Px { rgb: [l, a + amount * tint_a, b + amount * tint_b], ..px }
    }
}

/// Oklab a and b, per lightness, of a hue of the HSL color wheel (0 to 360 degrees) at a saturation of 0 to 100.
fn tint(hue: f32, saturation: f32) -> [f32; 2] {
    // The pure sRGB color of the hue: each channel is 1 within 60 degrees of its own hue and 0 beyond 120.
    let channel = |own: f32| {
        let away = ((hue - own + 540.0).rem_euclid(360.0) - 180.0).abs();
        (2.0 - away / 60.0).clamp(0.0, 1.0)
    };
    let srgb = [channel(0.0), channel(120.0), channel(240.0)];
    let [l, a, b] = oklab::apply(&oklab::constants(false), working_from_srgb(srgb));
    let scale = FULL * saturation / 100.0 / l;
    [a * scale, b * scale]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toned(p: &Params, lab: [f32; 3]) -> [f32; 3] {
        let c = Spec::prepare(p, &Context::default(), &mut Tables::default()).unwrap();
        Spec::pixel(&c, &[], Px::of(lab)).rgb
    }

    #[test]
    fn shadows_and_highlights_take_their_own_tint() {
        let p = Params {
            shadow_hue: 240.0,
            shadow_saturation: 50.0,
            highlight_hue: 40.0,
            highlight_saturation: 50.0,
            balance: 0.0,
        };
        let (dark, light) = (toned(&p, [0.15, 0.0, 0.0]), toned(&p, [0.9, 0.0, 0.0]));
        // The hue of pure blue in Oklab is 264 degrees: a quarter of its chroma of 0.693 per lightness.
        assert!((dark[2] + 0.25 * 0.689 * 0.15).abs() < 2e-4 && dark[0] == 0.15, "{dark:?}");
        assert!(light[2] > 0.01 && light[1] > 0.0 && light[0] == 0.9, "{light:?}");
        assert_eq!(toned(&p, [0.0; 3]), [0.0; 3]);
        assert_eq!(toned(&p, [1.0, 0.0, 0.0]), [1.0, 0.0, 0.0]);
        let more = toned(&Params { balance: 100.0, ..p.clone() }, [0.55, 0.0, 0.0]);
        let less = toned(&Params { balance: -100.0, ..p }, [0.55, 0.0, 0.0]);
        assert!(more[2] > 0.0 && less[2] < 0.0, "{more:?} {less:?}");
    }

    #[test]
    fn toned_gray_has_no_negative_light() {
        let back = oklab::constants(true);
        for hue in (0..=360).step_by(5).map(|h| h as f32) {
            let p = Params {
                shadow_hue: hue,
                shadow_saturation: 100.0,
                highlight_hue: hue,
                highlight_saturation: 100.0,
                balance: 0.0,
            };
            for l in [0.05, 0.3, 0.6, 0.85, 0.95] {
                let light = oklab::apply(&back, toned(&p, [l, 0.0, 0.0]));
                assert!(light.iter().all(|v| *v > 0.0), "hue {hue}, lightness {l}: {light:?}");
            }
        }
    }

    #[test]
    fn hues_go_around_without_a_step() {
        let mut last = tint(360.0, 100.0);
        assert_eq!(tint(0.0, 100.0), last);
        for hue in 0..=360 {
            let now = tint(hue as f32, 100.0);
            assert!((now[0] - last[0]).hypot(now[1] - last[1]) < 0.02, "{hue}");
            last = now;
        }
    }
}
