//! `hsl`: hue, saturation and luminance by color.

use std::sync::OnceLock;

use super::purity::{Matrices, purity, spared};
use super::{Context, Domain, Kind, Op, Px, Tables, oklab, params};
use crate::color::math::exp2;
use crate::color::working_from_srgb;

/// Every slider of the operation.
const SLIDER: Kind = Kind::Number { min: -100.0, max: 100.0, unit: "" };

params! {
    /// Hue, saturation and luminance of eight color bands.
    ///
    /// The bands are red, orange, yellow, green, aqua, blue, purple and magenta; a color between two of them takes from both, smoothly, and
    /// gray is in none. A hue of 100 turns a band two thirds of the way to its neighbor. Saturation scales chroma at constant lightness and
    /// spares what is already pure. Luminance is exposure of the band: light is multiplied, the less the nearer a color is to gray.
    pub struct Params {
        /// Hue of reds: 100 = toward orange, -100 = toward magenta.
        red_hue: f32 = 0.0, SLIDER;
        /// Hue of oranges, skin among them: 100 = toward yellow, -100 = toward red.
        orange_hue: f32 = 0.0, SLIDER;
        /// Hue of yellows: 100 = toward green, -100 = toward orange.
        yellow_hue: f32 = 0.0, SLIDER;
        /// Hue of greens: 100 = toward aqua, -100 = toward yellow.
        green_hue: f32 = 0.0, SLIDER;
        /// Hue of aquas: 100 = toward blue, -100 = toward green.
        aqua_hue: f32 = 0.0, SLIDER;
        /// Hue of blues: 100 = toward purple, -100 = toward aqua.
        blue_hue: f32 = 0.0, SLIDER;
        /// Hue of purples: 100 = toward magenta, -100 = toward blue.
        purple_hue: f32 = 0.0, SLIDER;
        /// Hue of magentas: 100 = toward red, -100 = toward purple.
        magenta_hue: f32 = 0.0, SLIDER;
        /// Saturation of reds: -100 = gray, 100 = twice the color.
        red_saturation: f32 = 0.0, SLIDER;
        /// Saturation of oranges, skin among them: -100 = gray, 100 = twice the color.
        orange_saturation: f32 = 0.0, SLIDER;
        /// Saturation of yellows: -100 = gray, 100 = twice the color.
        yellow_saturation: f32 = 0.0, SLIDER;
        /// Saturation of greens: -100 = gray, 100 = twice the color.
        green_saturation: f32 = 0.0, SLIDER;
        /// Saturation of aquas: -100 = gray, 100 = twice the color.
        aqua_saturation: f32 = 0.0, SLIDER;
        /// Saturation of blues: -100 = gray, 100 = twice the color.
        blue_saturation: f32 = 0.0, SLIDER;
        /// Saturation of purples: -100 = gray, 100 = twice the color.
        purple_saturation: f32 = 0.0, SLIDER;
        /// Saturation of magentas: -100 = gray, 100 = twice the color.
        magenta_saturation: f32 = 0.0, SLIDER;
        /// Luminance of reds: 100 = 1.5 stops lighter, -100 = 1.5 stops darker.
        red_luminance: f32 = 0.0, SLIDER;
        /// Luminance of oranges, skin among them: 100 = 1.5 stops lighter, -100 = 1.5 stops darker.
        orange_luminance: f32 = 0.0, SLIDER;
        /// Luminance of yellows: 100 = 1.5 stops lighter, -100 = 1.5 stops darker.
        yellow_luminance: f32 = 0.0, SLIDER;
        /// Luminance of greens: 100 = 1.5 stops lighter, -100 = 1.5 stops darker.
        green_luminance: f32 = 0.0, SLIDER;
        /// Luminance of aquas: 100 = 1.5 stops lighter, -100 = 1.5 stops darker.
        aqua_luminance: f32 = 0.0, SLIDER;
        /// Luminance of blues: 100 = 1.5 stops lighter, -100 = 1.5 stops darker.
        blue_luminance: f32 = 0.0, SLIDER;
        /// Luminance of purples: 100 = 1.5 stops lighter, -100 = 1.5 stops darker.
        purple_luminance: f32 = 0.0, SLIDER;
        /// Luminance of magentas: 100 = 1.5 stops lighter, -100 = 1.5 stops darker.
        magenta_luminance: f32 = 0.0, SLIDER;
    }
}

impl Params {
    fn hues(&self) -> [f32; BANDS] {
        [
            self.red_hue,
            self.orange_hue,
            self.yellow_hue,
            self.green_hue,
            self.aqua_hue,
            self.blue_hue,
            self.purple_hue,
            self.magenta_hue,
        ]
    }

    fn saturations(&self) -> [f32; BANDS] {
        [
            self.red_saturation,
            self.orange_saturation,
            self.yellow_saturation,
            self.green_saturation,
            self.aqua_saturation,
            self.blue_saturation,
            self.purple_saturation,
            self.magenta_saturation,
        ]
    }

    fn luminances(&self) -> [f32; BANDS] {
        [
            self.red_luminance,
            self.orange_luminance,
            self.yellow_luminance,
            self.green_luminance,
            self.aqua_luminance,
            self.blue_luminance,
            self.purple_luminance,
            self.magenta_luminance,
        ]
    }
}

/// Number of bands.
pub const BANDS: usize = 8;

/// The colors that the bands are centered on, as sRGB code values. Their hues in Oklab, in degrees: red 29.2, orange 52.8, yellow 109.8,
/// green 142.5, aqua 194.8, blue 264.1, purple 293.8, magenta 328.4 (a test repeats the measurement).
const COLORS: [[f32; 3]; BANDS] = [
    [1.0, 0.0, 0.0],
    [1.0, 0.5, 0.0],
    [1.0, 1.0, 0.0],
    [0.0, 1.0, 0.0],
    [0.0, 1.0, 1.0],
    [0.0, 0.0, 1.0],
    [0.5, 0.0, 1.0],
    [1.0, 0.0, 1.0],
];
/// Share of the way to the neighboring band at a hue of 100: the most that keeps the order of hues, as the smooth step between two bands is
/// at most 1.5 times as steep as a straight line.
const REACH: f32 = 2.0 / 3.0;
/// Stops at a luminance of 100.
const STOPS: f32 = 1.5;
/// Square of the chroma at which luminance has half its effect, 0.04: the walls of a room are below, a pale sky is above.
const HALF_CHROMA_SQUARED: f32 = 0.0016;

/// Render-ready numbers.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Constants {
    /// Center of each band: cosine of its hue angle.
    pub cosine: [f32; BANDS],
    /// Center of each band: sine of its hue angle.
    pub sine: [f32; BANDS],
    /// Tangent of half the angle each band turns.
    pub turn: [f32; BANDS],
    /// Chroma gain of each band, less 1.
    pub boost: [f32; BANDS],
    /// Gain of L, a and b of each band, less 1: the cube root of the gain of light.
    pub lift: [f32; BANDS],
    /// For purity.
    pub matrices: Matrices,
}

/// Unit vectors (a, b) of the band centers.
fn centers() -> [[f32; 2]; BANDS] {
    static CENTERS: OnceLock<[[f32; 2]; BANDS]> = OnceLock::new();
    *CENTERS.get_or_init(|| {
        COLORS.map(|srgb| {
            let [_, a, b] = oklab::apply(&oklab::constants(false), working_from_srgb(srgb));
            let chroma = (a * a + b * b).sqrt();
            [a / chroma, b / chroma]
        })
    })
}

/// Weight of the second of two neighboring bands for a color between them: `x` and `y` are the cross products of the first center with the
/// color and of the color with the second center. Their ratio is a function of the hue alone, 0 at the first center and 1 at the second.
#[inline(always)]
fn share(x: f32, y: f32) -> f32 {
    let sum = x + y;
    let t = x / if sum > 1e-12 { sum } else { 1.0 };
    t * t * (3.0 - 2.0 * t)
}

/// The operation.
pub struct Spec;

impl Op for Spec {
    const ID: &'static str = "hsl";
    const WGSL: &'static str = include_str!("../../shaders/ops/hsl.wgsl");
    type Params = Params;
    type Constants = Constants;

    fn domain(_: &Params) -> Domain {
        Domain::Perceptual
    }

    fn is_identity(params: &Params) -> bool {
        *params == Params::default()
    }

    fn prepare(params: &Params, _: &Context, _: &mut Tables) -> Result<Constants, String> {
        let centers = centers();
        let (hues, saturations, luminances) = (params.hues(), params.saturations(), params.luminances());
        let gap =
            |from: [f32; 2], to: [f32; 2]| (from[0] * to[1] - from[1] * to[0]).atan2(from[0] * to[0] + from[1] * to[1]);
        let mut c = Constants {
            cosine: centers.map(|v| v[0]),
            sine: centers.map(|v| v[1]),
            turn: [0.0; BANDS],
            boost: saturations.map(|v| v / 100.0),
            lift: luminances.map(|v| exp2(v / 100.0 * STOPS / 3.0) - 1.0),
            matrices: Matrices::new(),
        };
        for i in 0..BANDS {
            let neighbor = if hues[i] > 0.0 { i + 1 } else { i + BANDS - 1 } % BANDS;
            let angle = gap(centers[i], centers[neighbor]) * hues[i].abs() / 100.0 * REACH;
            c.turn[i] = (angle / 2.0).tan();
        }
        Ok(c)
    }

    #[inline(always)]
    fn pixel(c: &Constants, _: &[u32], px: Px) -> Px {
        let [l, a, b] = px.rgb;
        // The one pair of neighbors that holds the color; none does for gray. The cross product with a center is computed once and serves
        // both pairs it belongs to, so that no hue falls between them.
        let (mut x, mut y) = (0.0, 0.0);
        let (mut turn, mut boost, mut lift) = ([0.0; 2], [0.0; 2], [0.0; 2]);
        let mut cross = c.cosine[0] * b - c.sine[0] * a;
        for i in 0..BANDS {
            let next = (i + 1) % BANDS;
            let following = c.cosine[next] * b - c.sine[next] * a;
            let inside = (cross >= 0.0) & (following < 0.0);
            x = if inside { cross } else { x };
            y = if inside { -following } else { y };
            turn = if inside { [c.turn[i], c.turn[next]] } else { turn };
            boost = if inside { [c.boost[i], c.boost[next]] } else { boost };
            lift = if inside { [c.lift[i], c.lift[next]] } else { lift };
            cross = following;
        }
        let t = share(x, y);
        let turn = turn[0] + t * (turn[1] - turn[0]);
        let boost = boost[0] + t * (boost[1] - boost[0]);
        let lift = lift[0] + t * (lift[1] - lift[0]);

        let pure = spared(purity(&c.matrices, px.rgb));
        let gain = 1.0 + boost * (1.0 - if boost > 0.0 { pure } else { 0.0 });
        // A turn by twice the arc tangent: exact for every tangent, without sine and cosine.
        let scale = 1.0 / (1.0 + turn * turn);
        let cosine = (1.0 - turn * turn) * scale;
        let sine = 2.0 * turn * scale;
        let squared = a * a + b * b;
        let light = 1.0 + lift * (squared / (squared + HALF_CHROMA_SQUARED));
        let turned = [gain * (a * cosine - b * sine), gain * (a * sine + b * cosine)];
        Px { rgb: [l * light, turned[0] * light, turned[1] * light], ..px }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepared(params: &Params) -> Constants {
        Spec::prepare(params, &Context::default(), &mut Tables::default()).unwrap()
    }

    fn polar(lab: [f32; 3]) -> (f32, f32) {
        (lab[2].atan2(lab[1]).to_degrees().rem_euclid(360.0), lab[1].hypot(lab[2]))
    }

    fn at(degrees: f32, chroma: f32) -> [f32; 3] {
        [0.6, chroma * degrees.to_radians().cos(), chroma * degrees.to_radians().sin()]
    }

    #[test]
    fn centers_are_the_documented_hues() {
        let documented = [29.2, 52.8, 109.8, 142.5, 194.8, 264.1, 293.8, 328.4];
        for (center, expected) in centers().iter().zip(documented) {
            let (hue, length) = polar([0.0, center[0], center[1]]);
            assert!((hue - expected).abs() < 0.06 && (length - 1.0).abs() < 1e-6, "{hue} instead of {expected}");
        }
    }

    /// A gain that all bands share reaches every hue in full: the weights sum to 1. Each band alone has weight 1 at its center, 0 at all others.
    #[test]
    fn weights_are_a_partition_of_unity() {
        let all = Constants { boost: [-0.5; BANDS], ..prepared(&Params::default()) };
        let alone = |i: usize| {
            let mut c = prepared(&Params::default());
            c.boost[i] = -1.0;
            c
        };
        let bands: Vec<Constants> = (0..BANDS).map(alone).collect();
        for step in 0..7200 {
            let lab = at(step as f32 * 0.05, 0.1);
            let halved = Spec::pixel(&all, &[], Px::of(lab)).rgb;
            assert!((polar(halved).1 - 0.05).abs() < 1e-7, "{step}");
            let weight = |c: &Constants| 1.0 - polar(Spec::pixel(c, &[], Px::of(lab)).rgb).1 / 0.1;
            let weights: Vec<f32> = bands.iter().map(weight).collect();
            assert!((weights.iter().sum::<f32>() - 1.0).abs() < 2e-6, "{step}: {weights:?}");
            assert!(weights.iter().all(|w| *w > -1e-6) && weights.iter().filter(|w| **w > 1e-6).count() <= 2);
        }
        for (i, center) in centers().iter().enumerate() {
            for (k, band) in bands.iter().enumerate() {
                let out = Spec::pixel(band, &[], Px::of([0.6, center[0] * 0.1, center[1] * 0.1])).rgb;
                let expected = if i == k { 0.0 } else { 0.1 };
                assert!((polar(out).1 - expected).abs() < 1e-6, "center {i}, band {k}");
            }
        }
    }

    #[test]
    fn a_band_turns_two_thirds_of_the_way_and_keeps_chroma_and_order() {
        let c = prepared(&Params { red_hue: 100.0, blue_hue: -100.0, ..Params::default() });
        let turned = |degrees: f32| polar(Spec::pixel(&c, &[], Px::of(at(degrees, 0.1))).rgb);
        assert!((turned(29.23).0 - (29.23 + 23.55 * 2.0 / 3.0)).abs() < 0.02, "{:?}", turned(29.23));
        assert!((turned(264.05).0 - (264.05 - 69.28 * 2.0 / 3.0)).abs() < 0.02, "{:?}", turned(264.05));
        let mut last = -1.0;
        for step in 0..3200 {
            let (hue, chroma) = turned(step as f32 * 0.1);
            assert!((chroma - 0.1).abs() < 1e-6);
            assert!(hue > last - 0.02, "hue {} turns to {hue}, the one before to {last}", step as f32 * 0.1);
            last = hue;
        }
    }

    #[test]
    fn luminance_is_exposure_of_the_band_and_gray_stays() {
        let c =
            prepared(&Params { blue_luminance: -100.0, blue_saturation: 40.0, blue_hue: 30.0, ..Params::default() });
        assert_eq!(Spec::pixel(&c, &[], Px::of([0.6, 0.0, 0.0])).rgb, [0.6, 0.0, 0.0]);
        let c = Constants { turn: [0.0; BANDS], boost: [0.0; BANDS], ..c };
        let blue = centers()[5].map(|v| v * 0.3);
        let out = Spec::pixel(&c, &[], Px::of([0.45, blue[0], blue[1]])).rgb;
        let stops = 3.0 * (out[0] / 0.45).log2();
        assert!((-1.5..-1.4).contains(&stops) && (out[1] / out[0] - blue[0] / 0.45).abs() < 1e-5, "{stops}");
    }
}
