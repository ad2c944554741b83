//! `shadows_highlights`: brighter or darker blacks, shadows, highlights and whites.
//!
//! A tone curve on luma in four stages, one after the other, each rising for itself, so that every combination rises. A stage is a
//! factor, a polynomial in the tone `n` (0 = black, 1 = white): `1 + a n^j (1 - n)^k`. With a slope below black and above white that
//! continues the curve.

use super::contrast::code;
use crate::color::math::unit;
use super::{Context, Domain, Grading, Op, Px, Tables, params};

params! {
    /// Blacks, shadows, highlights and whites.
    ///
    /// A smooth tone curve on luma that keeps hue: in display grading the channels are scaled alike, in ACEScct, where adding is scaling
    /// light, they are shifted alike. Shadows act most at a third of the way from black to white, highlights at two thirds, blacks and
    /// whites at the ends. Black stays black; whites move white. In ACEScct white is 7 stops above middle gray.
    pub struct Params {
        /// Slope at black.
        blacks: f32 = 0.0, Kind::Number { min: -100.0, max: 100.0, unit: "%" };
        /// Dark tones.
        shadows: f32 = 0.0, Kind::Number { min: -100.0, max: 100.0, unit: "%" };
        /// Bright tones; white stays.
        highlights: f32 = 0.0, Kind::Number { min: -100.0, max: 100.0, unit: "%" };
        /// White and the slope above it.
        whites: f32 = 0.0, Kind::Number { min: -100.0, max: 100.0, unit: "%" };
    }
}

/// Render-ready numbers.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Constants {
    /// Value of black.
    pub black: f32,
    /// White - black.
    pub span: f32,
    /// 1 / span.
    pub scale: f32,
    /// Weight of the stage for blacks.
    pub blacks: f32,
    /// Weight of the stage for shadows.
    pub shadows: f32,
    /// Weight of the stage for highlights.
    pub highlights: f32,
    /// Weight of the stage for whites.
    pub whites: f32,
    /// 0 = channels are scaled, 1 = channels are shifted.
    pub shifts: u32,
}

/// Change of the slope at black, at 100.
const BLACKS: f32 = 0.8;
/// Largest change of tone by shadows or highlights, at 100, where n^2 (1 - n)^4 has its peak, 16/729. The steepest descent of that
/// polynomial is 0.105, so that the slope of a stage stays above 1 - 0.105 / (16/729) * 0.15 = 0.28.
const PEAK: f32 = 0.15 * 729.0 / 16.0;
/// Change of white, at 100; the slope there changes by 6 times as much.
const WHITES: f32 = 0.12;
/// White of the ACEScct domain: 7 stops above middle gray, which then lies at 0.46 of the way, as in display grading.
const ACESCCT_WHITE: f32 = 0.18 * 128.0;

/// The operation.
pub struct Spec;

impl Op for Spec {
    const ID: &'static str = "shadows_highlights";
    const WGSL: &'static str = include_str!("../../shaders/ops/shadows_highlights.wgsl");
    type Params = Params;
    type Constants = Constants;

    fn domain(_: &Params) -> Domain {
        Domain::Grade
    }

    fn is_identity(p: &Params) -> bool {
        *p == Params::default()
    }

    fn prepare(p: &Params, context: &Context, _: &mut Tables) -> Result<Constants, String> {
        let shifts = context.grading == Grading::Acescct;
        let black = code(context.grading, 0.0);
        let span = code(context.grading, if shifts { ACESCCT_WHITE } else { 1.0 }) - black;
        Ok(Constants {
            black,
            span,
            scale: 1.0 / span,
            blacks: BLACKS * p.blacks / 100.0,
            shadows: PEAK * p.shadows / 100.0,
            highlights: PEAK * p.highlights / 100.0,
            whites: WHITES * p.whites / 100.0,
            shifts: shifts.into(),
        })
    }

    #[inline(always)]
    fn pixel(c: &Constants, _: &[u32], px: Px) -> Px {
        let [r, g, b] = px.rgb;
        let luma = super::guide::LUMA_REC2020[0] * r + super::guide::LUMA_REC2020[1] * g + super::guide::LUMA_REC2020[2] * b;
        let n = (luma - c.black) * c.scale;
        let factor = tone_factor(c, n);
        let gain = if c.shifts == 1 { 1.0 } else { factor };
        let shift = if c.shifts == 1 { (factor - 1.0) * n * c.span } else { 0.0 };
        Px { rgb: [r * gain + shift, g * gain + shift, b * gain + shift], ..px }
    }
}

/// New tone over old.
#[inline(always)]
fn tone_factor(c: &Constants, n: f32) -> f32 {
    let m = unit(n);
    let rest = (1.0 - m) * (1.0 - m);
    let rest4 = rest * rest;
    let blacks = 1.0 + c.blacks * rest4 * rest4;
    let n = n * blacks;
    let m = unit(n);
    let rest = (1.0 - m) * (1.0 - m);
    let shadows = 1.0 + c.shadows * m * rest * rest;
    let n = n * shadows;
    let m = unit(n);
    let rest = (1.0 - m) * (1.0 - m);
    let highlights = 1.0 + c.highlights * m * m * m * rest;
    let n = n * highlights;
    let m = unit(n);
    let m2 = m * m;
    let over = n.max(1.0);
    let whites = 1.0 + c.whites * (m2 * m2 * m + 6.0 * (over - 1.0)) / over;
    blacks * shadows * highlights * whites
}

#[cfg(test)]
mod tests {
    use super::*;

    fn constants(params: &Params, grading: Grading) -> Constants {
        Spec::prepare(params, &Context { grading, ..Context::default() }, &mut Tables::default()).unwrap()
    }

    fn tone(c: &Constants, v: f32) -> f32 {
        Spec::pixel(c, &[], Px::of([v; 3])).rgb[1]
    }

    /// Every combination of the ends and a value between, from below black to above white.
    #[test]
    fn every_combination_rises_without_a_jump() {
        let steps = [-100.0, -40.0, 0.0, 70.0, 100.0];
        for grading in [Grading::Display, Grading::Acescct] {
            for i in 0..5usize.pow(4) {
                let [blacks, shadows, highlights, whites] = [i % 5, i / 5 % 5, i / 25 % 5, i / 125].map(|k| steps[k]);
                let c = constants(&Params { blacks, shadows, highlights, whites }, grading);
                let mut last = tone(&c, -0.503);
                for k in -500..=1600 {
                    let out = tone(&c, k as f32 / 1000.0);
                    let step = out - last;
                    assert!(step > 0.0 && step < 0.015, "{blacks} {shadows} {highlights} {whites} at {k}: {step}");
                    last = if k == -500 { tone(&c, -0.5) } else { out };
                }
            }
        }
    }

    #[test]
    fn each_acts_where_it_says() {
        let at = |params: &Params, v: f32| tone(&constants(params, Grading::Display), v) - v;
        let shadows = Params { shadows: 100.0, ..Params::default() };
        assert!((at(&shadows, 1.0 / 3.0) - 0.15).abs() < 1e-5 && at(&shadows, 0.8).abs() < 0.01);
        assert_eq!((at(&shadows, 0.0), at(&shadows, 1.0)), (0.0, 0.0));
        let highlights = Params { highlights: -100.0, ..Params::default() };
        assert!((at(&highlights, 2.0 / 3.0) + 0.15).abs() < 1e-5 && at(&highlights, 0.2).abs() < 0.01);
        assert_eq!((at(&highlights, 0.0), at(&highlights, 1.0)), (0.0, 0.0));
        let whites = Params { whites: 100.0, ..Params::default() };
        assert!((at(&whites, 1.0) - 0.12).abs() < 1e-6 && at(&whites, 0.3).abs() < 1e-3);
        let blacks = Params { blacks: -100.0, ..Params::default() };
        assert!((at(&blacks, 0.001) + 0.0008).abs() < 1e-5 && at(&blacks, 0.6).abs() < 1e-3);
    }

    /// In display grading ratios of channels stay, in ACEScct differences, which are ratios of light.
    #[test]
    fn hue_stays() {
        let params = Params { shadows: 80.0, highlights: -50.0, blacks: 30.0, whites: -20.0 };
        let rgb = [0.6, 0.4, 0.3];
        let out = Spec::pixel(&constants(&params, Grading::Display), &[], Px::of(rgb)).rgb;
        assert!((out[0] / out[1] - 1.5).abs() < 1e-5 && (out[1] / out[2] - 4.0 / 3.0).abs() < 1e-5);
        let out = Spec::pixel(&constants(&params, Grading::Acescct), &[], Px::of(rgb)).rgb;
        assert!((out[0] - out[1] - 0.2).abs() < 1e-5 && (out[1] - out[2] - 0.1).abs() < 1e-5);
    }
}
