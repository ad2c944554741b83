//! `white_balance`: the color of the light a picture was taken in.

use super::matrix::{rows, times_finite};
use super::{Context, Domain, Op, Px, Tables, params};
use crate::color::matrix::{self, BRADFORD, CAT16, Matrix, REC2020};

/// Words of `method`.
const METHODS: &[&str] = &["cat16", "bradford"];

/// Temperature that changes nothing: that of D65 (CIE 15:2018; 6500 K times 1.4388 / 1.438).
const NEUTRAL_KELVIN: f64 = 6504.0;
/// Steps of tint per unit of CIE 1960 uv, as in the DNG SDK (Adobe, dng_temperature.cpp, `kTintScale`).
const TINT_SCALE: f64 = 3000.0;
/// Smallest cone response to the light, of luminance 1: below, blue would be multiplied by some 50 and be noise.
const LEAST_RESPONSE: f64 = 0.02;

params! {
    /// White balance by temperature and tint of the light.
    ///
    /// As in raw converters: say which light the picture was taken in, and what is gray in that light becomes gray. A higher
    /// temperature than the true one makes the picture warmer, a higher tint more magenta. Lights lie on the daylight locus from 4000 K
    /// on and on the Planckian locus below 3500 K.
    pub struct Params {
        /// Temperature of the light; 6504 (D65) changes nothing, more is warmer.
        temperature: f32 = 6504.0, Kind::Number { min: 1667.0, max: 25_000.0, unit: "K" };
        /// Green (below 0) to magenta (above 0), in steps of 1/3000 of CIE 1960 uv across the locus.
        tint: f32 = 0.0, Kind::Number { min: -150.0, max: 150.0, unit: "" };
        /// Cone space of the adaptation: CAT16 (CIE 248:2022) or Bradford (ICC.1:2022).
        method: String = "cat16", Kind::Choice(METHODS);
    }
}

/// Render-ready numbers: a matrix on linear Rec.2020, row by row.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Constants {
    /// Rows.
    pub rows: [f32; 9],
}

/// The operation.
pub struct Spec;

impl Op for Spec {
    const ID: &'static str = "white_balance";
    const WGSL: &'static str = include_str!("../../shaders/ops/white_balance.wgsl");
    const GUARDED: bool = false;
    const ACTS_ON_TRANSPARENT: bool = true;
    type Params = Params;
    type Constants = Constants;

    fn domain(_: &Params) -> Domain {
        Domain::Linear
    }

    fn is_identity(p: &Params) -> bool {
        f64::from(p.temperature) == NEUTRAL_KELVIN && p.tint == 0.0
    }

    fn makes_color(_: &Params) -> bool {
        true
    }

    fn prepare(p: &Params, _: &Context, _: &mut Tables) -> Result<Constants, String> {
        let cones = if p.method == "bradford" { &BRADFORD } else { &CAT16 };
        let light = light(p.temperature.into(), p.tint.into());
        let responses = matrix::cone_responses(cones, light);
        let exists = light[1] > 0.0 && responses.iter().all(|v| *v >= LEAST_RESPONSE);
        let adaptation = matrix::von_kries(cones, light, locus(NEUTRAL_KELVIN)).filter(|_| exists);
        match adaptation.and_then(|m| on_working_rgb(&m)) {
            Some(m) => Ok(Constants { rows: rows(&m) }),
            None => Err(format!(
                "white_balance: there is no light of temperature {} K with tint {}; bring the tint nearer to 0 or raise the temperature",
                p.temperature, p.tint
            )),
        }
    }

    #[inline(always)]
    fn pixel(c: &Constants, _: &[u32], px: Px) -> Px {
        Px { rgb: times_finite(&c.rows, px.rgb), ..px }
    }
}

/// A matrix on XYZ as one on linear Rec.2020.
fn on_working_rgb(m: &Matrix) -> Option<Matrix> {
    let to_xyz = matrix::rgb_to_xyz(&REC2020)?;
    Some(matrix::multiply(&matrix::invert(&to_xyz)?, &matrix::multiply(m, &to_xyz)))
}

/// Chromaticity of the light of a temperature and tint: a tint above 0 is a greener light, perpendicular to the locus in CIE 1960 uv.
fn light(kelvin: f64, tint: f64) -> [f64; 2] {
    if tint == 0.0 {
        return locus(kelvin);
    }
    // Temperatures are even in steps of 1 / T (mired); the locus is defined a little beyond the range of the parameter.
    let [a, b] = [1e6 / kelvin + 0.1, 1e6 / kelvin - 0.1].map(|mired| uv(locus(1e6 / mired)));
    let (du, dv) = (a[0] - b[0], a[1] - b[1]);
    let length = du.hypot(dv);
    let [u, v] = uv(locus(kelvin));
    // Towards lower temperatures u grows, so this normal points to larger v: to green.
    let duv = tint / TINT_SCALE;
    xy([u - dv / length * duv, v + du / length * duv])
}

/// Chromaticity of daylight above 4000 K and of a Planckian radiator below 3500 K, between them a smooth mix.
fn locus(kelvin: f64) -> [f64; 2] {
    let t = ((kelvin - 3500.0) / 500.0).clamp(0.0, 1.0);
    let share = t * t * (3.0 - 2.0 * t);
    let (p, d) = (planckian(kelvin), daylight(kelvin));
    [p[0] + share * (d[0] - p[0]), p[1] + share * (d[1] - p[1])]
}

/// CIE daylight of 4000 K to 25 000 K (CIE 15:2018, 4.1.2, equations 4.5 to 4.7).
fn daylight(kelvin: f64) -> [f64; 2] {
    let (a, b, c, d) = if kelvin <= 7000.0 {
        (-4.6070e9, 2.9678e6, 0.09911e3, 0.244063)
    } else {
        (-2.0064e9, 1.9018e6, 0.24748e3, 0.237040)
    };
    let r = 1.0 / kelvin;
    let x = ((a * r + b) * r + c) * r + d;
    [x, (-3.0 * x + 2.870) * x - 0.275]
}

/// Planckian radiator of 1667 K to 4000 K (Kim et al., "Design of advanced color temperature control system for HDTV applications",
/// Journal of the Korean Physical Society 41, 2002).
fn planckian(kelvin: f64) -> [f64; 2] {
    let r = 1.0 / kelvin;
    let x = ((-0.266_123_9e9 * r - 0.234_358_9e6) * r + 0.877_695_6e3) * r + 0.179_910;
    let y = if kelvin <= 2222.0 {
        ((-1.106_381_4 * x - 1.348_110_20) * x + 2.185_558_32) * x - 0.202_196_83
    } else {
        ((-0.954_947_6 * x - 1.374_185_93) * x + 2.091_370_15) * x - 0.167_488_67
    };
    [x, y]
}

/// CIE 1931 xy to CIE 1960 uv.
fn uv([x, y]: [f64; 2]) -> [f64; 2] {
    let scale = -2.0 * x + 12.0 * y + 3.0;
    [4.0 * x / scale, 6.0 * y / scale]
}

/// CIE 1960 uv to CIE 1931 xy.
fn xy([u, v]: [f64; 2]) -> [f64; 2] {
    let scale = 2.0 * u - 8.0 * v + 4.0;
    [3.0 * u / scale, 2.0 * v / scale]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn balanced(temperature: f32, tint: f32, method: &str, rgb: [f32; 3]) -> [f32; 3] {
        let params = Params { temperature, tint, method: method.to_owned() };
        let c = Spec::prepare(&params, &Context::default(), &mut Tables::default()).unwrap();
        Spec::pixel(&c, &[], Px::of(rgb)).rgb
    }

    fn near<const N: usize>(found: [f64; N], expected: [f64; N], tolerance: f64, what: &str) {
        for (f, e) in found.iter().zip(expected) {
            assert!((f - e).abs() < tolerance, "{what}: {found:?} instead of {expected:?}");
        }
    }

    #[test]
    fn locus_matches_the_published_formulas() {
        // CCT_to_xy_CIE_D and CCT_to_xy_Kang2002 of colour-science 0.4.7.
        for (kelvin, expected) in [
            (1667.0, [0.564_638_304_6, 0.402_887_143_5]),
            (2000.0, [0.526_902_587_5, 0.413_264_884_8]),
            (2856.0, [0.447_070_675_1, 0.407_508_798_3]),
            (4000.0, [0.382_343_625_0, 0.383_766_261_0]),
            (5000.0, [0.345_741_000_0, 0.358_666_152_8]),
            (6504.0, [0.312_714_056_9, 0.329_119_099_1]),
            (9300.0, [0.283_145_007_1, 0.297_112_885_2]),
            (25_000.0, [0.249_853_670_4, 0.254_799_464_2]),
        ] {
            near(locus(kelvin), expected, 1e-9, &kelvin.to_string());
        }
    }

    #[test]
    fn the_locus_has_no_jump() {
        let mut before = locus(1660.0);
        for kelvin in (1661..25_100).map(f64::from) {
            let now = locus(kelvin);
            near(now, before, 2e-4, &kelvin.to_string());
            before = now;
        }
    }

    #[test]
    fn adaptations_match_the_published_matrices() {
        // matrix_chromatic_adaptation_VonKries of colour-science 0.4.7, from CIE A (0.44758, 0.40745) to D65 (0.3127, 0.3290).
        let (a, d65) = ([0.44758, 0.40745], matrix::D65);
        let cat16 = [
            [0.950_681_464_2, -0.187_406_099_7, 0.262_922_487_8],
            [-0.025_669_886_6, 1.032_313_565_9, -0.011_566_769_5],
            [-0.002_742_428_1, 0.091_014_391_1, 2.813_549_168_0],
        ];
        let bradford = [
            [0.844_668_978_0, -0.117_950_090_1, 0.395_013_385_5],
            [-0.136_649_657_9, 1.104_126_625_3, 0.129_235_430_8],
            [0.079_893_692_2, -0.134_977_859_7, 3.193_588_264_6],
        ];
        for (cones, expected) in [(&CAT16, cat16), (&BRADFORD, bradford)] {
            let found = matrix::von_kries(cones, a, d65).unwrap();
            (0..3).for_each(|i| near(found[i], expected[i], 1e-9, "adaptation"));
        }
    }

    /// Gray in the light that is named becomes gray, of the same luminance.
    #[test]
    fn the_light_becomes_white() {
        let from_xyz = matrix::invert(&matrix::rgb_to_xyz(&REC2020).unwrap()).unwrap();
        let rgb = |[x, y]: [f64; 2]| matrix::apply(&from_xyz, [x / y, 1.0, (1.0 - x - y) / y]);
        for method in METHODS {
            for (kelvin, tint) in [(2856.0, 0.0), (3800.0, 20.0), (5000.0, -40.0), (12_000.0, 60.0)] {
                let found = balanced(kelvin, tint, method, rgb(light(kelvin.into(), tint.into())).map(|v| v as f32));
                near(found.map(f64::from), rgb(locus(NEUTRAL_KELVIN)), 1e-5, &format!("{method} {kelvin} {tint}"));
            }
        }
    }

    #[test]
    fn higher_is_warmer_and_more_magenta() {
        for method in METHODS {
            let [r, _, b] = balanced(8000.0, 0.0, method, [0.5; 3]);
            assert!(r > 0.52 && b < 0.48, "{method}: {r} {b}");
            let [r, g, b] = balanced(6504.0, 30.0, method, [0.5; 3]);
            assert!(r > g && b > g, "{method}: {r} {g} {b}");
        }
    }

    #[test]
    fn tint_is_a_distance_from_the_locus() {
        let ([u, v], [u0, v0]) = (uv(light(5000.0, 30.0)), uv(locus(5000.0)));
        assert!(((u - u0).hypot(v - v0) - 0.01).abs() < 1e-12 && v > v0);
    }

    #[test]
    fn a_light_that_cannot_exist_is_refused() {
        let params = Params { temperature: 1700.0, tint: 150.0, ..Params::default() };
        let message = Spec::prepare(&params, &Context::default(), &mut Tables::default()).unwrap_err();
        assert!(message.contains("1700") && message.contains("150"), "{message}");
    }
}
