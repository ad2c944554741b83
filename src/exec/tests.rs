//! Ends of a pass on the CPU: alpha and storage. The GPU twin is compared in `tests/parity.rs`.

use std::sync::Arc;

use super::Executor;
use super::cpu::Cpu;
use crate::color::encodings;
use crate::color::{curve::Direction, matrix};
use crate::ops::{self, Isa, Step, Tables};
use crate::picture::{Alpha, Channels, PixelLayout, Region, SampleType, Strip};
use crate::plan::Program;

fn rgba(sample: SampleType, alpha: Alpha) -> PixelLayout {
    PixelLayout { sample, channels: Channels::Rgba, alpha }
}

fn render(program: &Program, pixels: &[f32], depth: Option<&[f32]>) -> Strip {
    let width = (pixels.len() / program.input.channels.count()) as u32;
    let mut input = Strip::new(Region { width, y: 0, rows: 1 }, program.input);
    for (word, value) in input.words_mut().iter_mut().zip(pixels) {
        *word = value.to_bits();
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let mut output = Strip::new(Region { width: 1, y: 0, rows: 0 }, program.output);
    Cpu::new(Arc::new(pool), Isa::best()).run(program, &input, depth, &mut output).unwrap();
    output
}

fn floats(strip: &Strip) -> Vec<f32> {
    strip.words().iter().map(|word| f32::from_bits(*word)).collect()
}

fn program(alpha: (Alpha, Alpha), steps: Vec<Step>, tables: Tables) -> Program {
    let (input, output) = (rgba(SampleType::F32, alpha.0), rgba(SampleType::F32, alpha.1));
    Program { input, output, steps, tables, supplied_depth: true, dither_seed: None, codes: None }
}

/// To a tonal encoding, what adds light there and here, and home.
fn adding_light(tables: &mut Tables) -> Vec<Step> {
    let between = |a, b| ops::matrix::step(&matrix::between(a, b).unwrap()).unwrap();
    let mut curve = |direction| ops::transfer::step(&encodings::SRGB_CURVE, direction, tables).unwrap();
    let air = ops::haze::Constants { exponent: -2.0, start: 0.0, span: 1.0, air: [0.4, 0.5, 0.6] };
    vec![
        between(&matrix::REC709, &matrix::REC2020),
        Step::new::<ops::haze::Spec>(&air, 1.0),
        Step::new::<ops::haze::Spec>(&air, 0.5),
        curve(Direction::Encode),
        Step::new::<ops::invert::Spec>(&ops::invert::Constants { white: 1.0 }, 1.0),
        curve(Direction::Decode),
        between(&matrix::REC2020, &matrix::REC709),
    ]
}

const ASSOCIATED: (Alpha, Alpha) = (Alpha::Associated, Alpha::Associated);

#[test]
fn an_empty_background_stays_empty_and_a_glow_stays_as_it_is() {
    let mut tables = Tables::default();
    let steps = adding_light(&mut tables);
    let pixels = [0.0, 0.0, 0.0, 0.0, 0.3, 0.2, 0.1, 0.0, 0.3, 0.2, 0.1, 0.5];
    let out = floats(&render(&program(ASSOCIATED, steps, tables), &pixels, Some(&[0.2; 3])));
    assert_eq!(out[..4], [0.0; 4]);
    for (before, after) in pixels[4..8].iter().zip(&out[4..8]) {
        assert!((before - after).abs() < 1e-6, "{out:?}");
    }
    assert!((out[8] - 0.3).abs() > 0.05 && out[11] == 0.5, "covered pixels are graded: {out:?}");
}

#[test]
fn what_is_added_vanishes_with_alpha() {
    let mut tables = Tables::default();
    let program = program(ASSOCIATED, adding_light(&mut tables), tables);
    let out = floats(&render(&program, &[0.0, 0.0, 0.0, 1e-4, 0.0, 0.0, 0.0, 0.0], Some(&[0.2; 2])));
    assert!(out[..4].iter().zip(&out[4..]).all(|(a, b)| (a - b).abs() < 1.1e-4), "a seam: {out:?}");
}

#[test]
fn exposure_brightens_a_glow() {
    let steps = vec![Step::new::<ops::exposure::Spec>(&ops::exposure::Constants { gain: 2.0 }, 1.0)];
    let out = floats(&render(&program(ASSOCIATED, steps, Tables::default()), &[0.5, 0.25, 0.0, 0.0], Some(&[1.0])));
    assert_eq!(out, [1.0, 0.5, 0.0, 0.0]);
}

#[test]
fn color_behind_unassociated_alpha_does_not_become_light() {
    let program = program((Alpha::Unassociated, Alpha::Associated), Vec::new(), Tables::default());
    let out = floats(&render(&program, &[1.0, 0.5, 0.25, 0.0, 1.0, 0.5, 0.25, 0.5], Some(&[1.0; 2])));
    assert_eq!(out, [0.0, 0.0, 0.0, 0.0, 0.5, 0.25, 0.125, 0.5]);
}

#[test]
fn finite_light_stays_finite_in_half_floats() {
    let steps = vec![Step::new::<ops::exposure::Spec>(&ops::exposure::Constants { gain: 2.0 }, 1.0)];
    let half = rgba(SampleType::F16, Alpha::Unassociated);
    let program =
        Program { output: half, ..program((Alpha::Unassociated, Alpha::Unassociated), steps, Tables::default()) };
    let pixels = [40_000.0, -40_000.0, 32_752.0, 1.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 1.0];
    let out = render(&program, &pixels, Some(&[1.0; 2]));
    let halves: Vec<f32> =
        out.bytes().chunks_exact(2).map(|b| half::f16::from_ne_bytes([b[0], b[1]]).to_f32()).collect();
    assert_eq!(halves[..6], [65_504.0, -65_504.0, 65_504.0, 1.0, f32::INFINITY, f32::NEG_INFINITY]);
    assert!(halves[6].is_nan());
}

/// One wrong sample in 130 000 is seen by nobody and breaks the promise that an exact code stays: the sum of any code and any dither is exact.
#[test]
fn dither_never_moves_an_exact_code() {
    let mut largest = 0.0f32;
    for place in 0..200_000 {
        let dither = super::samples::dither(place % 641, place / 641, place % 4, 0);
        assert!((0.0..1.0).contains(&dither) && (dither * 65_536.0).fract() == 0.0, "{dither}");
        largest = largest.max(dither);
    }
    assert!(largest > 0.999_9);
    for code in 0..=255u8 {
        let value = f32::from(code) / 255.0 * 255.0;
        assert_eq!(((value + 65_535.0 / 65_536.0) as u8, value as u8), (code, code));
    }
}
