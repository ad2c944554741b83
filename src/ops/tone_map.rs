//! `tone_map`: scene light to display light.
//!
//! * **reinhard**: Reinhard et al., "Photographic Tone Reproduction for Digital Images", SIGGRAPH 2002, equation 4, on luminance. Colors
//!   that leave 0..1 are mixed with gray of their luminance until they fit.
//! * **hable**: Hable, "Filmic Tonemapping Operators", 2010 (<http://filmicworlds.com/blog/filmic-tonemapping-operators/>), the curve of
//!   Uncharted 2, on channels.
//! * **aces**: Hill's fit of the ACES 1.0 reference rendering and output transform (<https://github.com/TheRealMJP/BakingLab>, ACES.hlsl).
//!   Its matrices are for Rec.709; those to and from the working primaries are multiplied in.
//! * **agx**: Sobotka's AgX in the Rec.2020 form of Blender, matrices as published with Google's Filament (ToneMapper.cpp), curve by the
//!   polynomial of Wrensch, "Minimal AgX Implementation", 2023 (<https://iolite-engine.com/blog_posts/minimal_agx_implementation>), base look.
//!
//! All are divided by what they make of white, so that white becomes 1, and cut to 0..1.

use super::matrix::{rows, times};
use super::{Context, Domain, Op, Px, Tables, params};
use crate::color::math::{each_channel, exp2, log2, pow};
use crate::color::matrix::{self, Matrix, REC709, REC2020};

/// Words of `method`.
const METHODS: &[&str] = &["reinhard", "hable", "aces", "agx"];

params! {
    /// Tone mapping: scene light of any range to display light, 0 to 1.
    ///
    /// For scene-linear pictures that shall become integers. After it the picture is display light: integer files are stored as sRGB
    /// when the recipe names no output color. `agx` and `aces` let bright colors fade to white, `reinhard` keeps hue and luminance apart,
    /// `hable` is a film curve on each channel.
    pub struct Params {
        /// The curve: reinhard, hable, aces or agx.
        method: String = "agx", Kind::Choice(METHODS);
        /// Exposure before the curve. Hable's article has 1 stop, the sample code of the ACES fit 0.85.
        exposure: f32 = 0.0, Kind::Number { min: -20.0, max: 20.0, unit: "stops" };
        /// Light, after exposure, that becomes white, at least 0.1; 0 = the method's own: reinhard 4, hable 11.2, aces 25.7, agx 16.3.
        white: f32 = 0.0, Kind::Number { min: 0.0, max: 10_000.0, unit: "" };
    }
}

/// Render-ready numbers.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Constants {
    /// `REINHARD`, `RATIONAL` or `AGX`.
    pub method: u32,
    /// Factor before the curve.
    pub gain: f32,
    /// Factor after it: 1 / what the curve makes of white.
    pub scale: f32,
    /// 1 / white^2 (reinhard).
    pub white: f32,
    /// Matrix before the curve.
    pub first: [f32; 9],
    /// Matrix after the curve.
    pub last: [f32; 9],
    /// Rational curve `(a x^2 + b x + c) / (d x^2 + e x + f)` (hable, aces).
    pub curve: [f32; 6],
}

/// On luminance.
const REINHARD: u32 = 0;
/// Hable and ACES.
const RATIONAL: u32 = 1;
/// AgX.
const AGX: u32 = 2;

/// Light counts up to here: the largest half float.
const LARGEST: f32 = 65_504.0;
/// Smallest white, other than 0.
const LEAST_WHITE: f32 = 0.1;

/// Hable 2010: A 0.15, B 0.50, C 0.10, D 0.20, E 0.02, F 0.30 in `(x (A x + C B) + D E) / (x (A x + B) + D F) - E / F`, on one
/// denominator, where the constant term vanishes: black stays black.
const HABLE: [f64; 6] = {
    const TOE: f64 = 0.02 / 0.30;
    [0.15 * (1.0 - TOE), 0.50 * (0.10 - TOE), 0.0, 0.15, 0.50, 0.20 * 0.30]
};
/// Hill's RRT and ODT fit: `(v (v + 0.0245786) - 0.000090537) / (v (0.983729 v + 0.4329510) + 0.238081)`.
const ACES: [f64; 6] = [1.0, 0.024_578_6, -0.000_090_537, 0.983_729, 0.432_951_0, 0.238_081];
/// Rec.709 to AP1 with the desaturation of the reference rendering transform.
const ACES_INPUT: Matrix = [[0.59719, 0.35458, 0.04823], [0.07600, 0.90834, 0.01566], [0.02840, 0.13383, 0.83777]];
/// Back, with the desaturation of the output transform.
const ACES_OUTPUT: Matrix =
    [[1.60475, -0.53108, -0.07367], [-0.10208, 1.10813, -0.00605], [-0.00327, -0.07276, 1.07602]];

/// Rec.2020 to the primaries the curve works on.
const AGX_INSET: Matrix = [
    [0.856_627_153_315_983, 0.095_121_240_538_158_8, 0.048_251_606_145_858_3],
    [0.137_318_972_929_847, 0.761_241_990_602_591, 0.101_439_036_467_562],
    [0.111_898_212_999_95, 0.076_799_418_603_190_3, 0.811_302_368_396_859],
];
/// Back to Rec.2020; not the inverse.
const AGX_OUTSET: Matrix = [
    [1.127_100_581_814_436_8, -0.110_606_643_096_603_23, -0.016_493_938_717_834_573],
    [-0.141_329_763_498_438_3, 1.157_823_702_216_272, -0.016_493_938_717_834_257],
    [-0.141_329_763_498_438_26, -0.110_606_643_096_602_94, 1.251_936_406_595_040_5],
];
/// Range of the logarithmic encoding: 10 stops below and 6.5 above middle gray (0.18).
const AGX_MIN_EV: f32 = -12.473_93;
const AGX_MAX_EV: f32 = 4.026_069;
const AGX_EV_SCALE: f32 = 1.0 / (AGX_MAX_EV - AGX_MIN_EV);
/// Wrensch's polynomial of degree 6, highest power first.
const AGX_CONTRAST: [f32; 7] = [15.5, -40.14, 31.96, -6.868, 0.4298, 0.1191, -0.00232];

/// The operation.
pub struct Spec;

impl Op for Spec {
    const ID: &'static str = "tone_map";
    const WGSL: &'static str = include_str!("../../shaders/ops/tone_map.wgsl");
    // The coefficients of the AgX polynomial reach 40 and cancel: single floats leave some 5e-6, more where a device fuses.
    const TOLERANCE_CODES: f32 = 2.0;
    const ACTS_ON_TRANSPARENT: bool = true;
    const MAPS_TO_DISPLAY: bool = true;
    type Params = Params;
    type Constants = Constants;

    fn domain(_: &Params) -> Domain {
        Domain::Linear
    }

    fn prepare(p: &Params, _: &Context, _: &mut Tables) -> Result<Constants, String> {
        if p.white != 0.0 && p.white < LEAST_WHITE {
            return Err(format!(
                "tone_map: white is {}, allowed {LEAST_WHITE} to 10000, or 0 for the method's own",
                p.white
            ));
        }
        let white = if p.white == 0.0 { own_white(&p.method) } else { p.white.into() };
        let (method, first, last, curve) = match p.method.as_str() {
            "reinhard" => (REINHARD, matrix::IDENTITY, matrix::IDENTITY, HABLE),
            "hable" => (RATIONAL, matrix::IDENTITY, matrix::IDENTITY, HABLE),
            "aces" => {
                let between = |from, to| matrix::between(from, to).unwrap_or(matrix::IDENTITY);
                let first = matrix::multiply(&ACES_INPUT, &between(&REC2020, &REC709));
                (RATIONAL, first, matrix::multiply(&between(&REC709, &REC2020), &ACES_OUTPUT), ACES)
            }
            _ => (AGX, AGX_INSET, AGX_OUTSET, HABLE),
        };
        let of_white = match method {
            REINHARD => 1.0,
            RATIONAL => rational_f64(&curve, white),
            _ => f64::from(pow(agx_contrast(white as f32), 2.2)),
        };
        Ok(Constants {
            method,
            gain: exp2(p.exposure),
            scale: (1.0 / of_white) as f32,
            white: (1.0 / (white * white)) as f32,
            first: rows(&neutral(first)),
            last: rows(&neutral(last)),
            curve: curve.map(|v| v as f32),
        })
    }

    #[inline(always)]
    fn pixel(c: &Constants, _: &[u32], px: Px) -> Px {
        // `max` before `min`: NaN becomes 0.
        let light = each_channel(px.rgb, |v| (v * c.gain).max(0.0).min(LARGEST));
        let mapped = if c.method == REINHARD { reinhard(c, light) } else { on_channels(c, light) };
        Px { rgb: each_channel(mapped, |v| v.max(0.0).min(1.0)), ..px }
    }
}

/// The white of a method: for ACES and AgX the light beyond which the published curve ends.
fn own_white(method: &str) -> f64 {
    match method {
        "reinhard" => 4.0,
        "hable" => 11.2,
        // Where the fit gives 1: 0.016271 x^2 - 0.4083724 x - 0.238171537 = 0.
        "aces" => {
            let [a, b, c, d, e, f] = ACES;
            let (p, q) = ((b - e) / (2.0 * (a - d)), (c - f) / (a - d));
            -p + (p * p - q).sqrt()
        }
        _ => f64::from(AGX_MAX_EV).exp2(),
    }
}

/// Rows scaled to a sum of 1: the published ones keep gray to five digits.
fn neutral(mut m: Matrix) -> Matrix {
    for row in &mut m {
        let sum: f64 = row.iter().sum();
        row.iter_mut().for_each(|v| *v /= sum);
    }
    m
}

fn rational_f64([a, b, c, d, e, f]: &[f64; 6], x: f64) -> f64 {
    ((a * x + b) * x + c) / ((d * x + e) * x + f)
}

#[inline(always)]
fn reinhard(c: &Constants, light: [f32; 3]) -> [f32; 3] {
    let weights = super::guide::LUMA_REC2020;
    let luminance = weights[0] * light[0] + weights[1] * light[1] + weights[2] * light[2];
    let factor = (1.0 + luminance * c.white) / (1.0 + luminance);
    let gray = luminance * factor;
    let lit = [light[0] * factor, light[1] * factor, light[2] * factor];
    let largest = lit[0].max(lit[1]).max(lit[2]);
    let fits = (1.0 - gray).max(0.0) / (largest - gray).max(1e-6);
    let share = if largest > 1.0 { fits.min(1.0) } else { 1.0 };
    each_channel(lit, |v| gray + share * (v - gray))
}

#[inline(always)]
fn on_channels(c: &Constants, light: [f32; 3]) -> [f32; 3] {
    let seen = times(&c.first, light);
    if c.method == RATIONAL {
        each_channel(times(&c.last, each_channel(seen, |v| rational(&c.curve, v))), |v| v * c.scale)
    } else {
        each_channel(times(&c.last, each_channel(seen, agx_contrast)), |v| pow(v, 2.2) * c.scale)
    }
}

#[inline(always)]
fn rational(k: &[f32; 6], x: f32) -> f32 {
    ((k[0] * x + k[1]) * x + k[2]) / ((k[3] * x + k[4]) * x + k[5])
}

/// Code value of AgX, of an exponent of 2.2.
#[inline(always)]
fn agx_contrast(light: f32) -> f32 {
    let at = (log2(light.max(1e-10)) - AGX_MIN_EV) * AGX_EV_SCALE;
    let x = at.max(0.0).min(1.0);
    let k = &AGX_CONTRAST;
    (((((k[0] * x + k[1]) * x + k[2]) * x + k[3]) * x + k[4]) * x + k[5]) * x + k[6]
}

#[cfg(test)]
mod tests;
