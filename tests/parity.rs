//! The GPU agrees with the CPU, which is the definition, and gives the same bits however a picture is cut. Runs on Mesa's software adapter;
//! no test asserts a time. A new operation is covered by being in the list.
#![cfg(feature = "gpu")]

#[path = "common/gpu.rs"]
mod common;

use chiaro::color::curve::Direction;
use chiaro::color::{encodings, matrix};
use chiaro::error::Error;
use chiaro::exec::Executor;
use chiaro::exec::gpu::{Gpu, Selection, list_adapters};
use chiaro::ops::{self, ALL, AnyOp, Step, Tables};
use chiaro::picture::{Alpha, Channels, Curve, CurveTable, PixelLayout, Region, SampleType, Strip};
use chiaro::plan::Program;
use common::{Random, context, cpu, depth, gpu, render, samples};

fn program(layout: PixelLayout, steps: Vec<Step>, tables: Tables) -> Program {
    Program::of(layout, layout, steps, tables)
}

/// Differences of a rendering from the definition, in 16-bit codes of the larger of 1 and the value.
struct Differences {
    worst: f64,
    within_one: f64,
}

fn compare(gpu: &Gpu, program: &Program, input: &Strip, depth: Option<&[f32]>) -> Differences {
    let expected = samples(&render(&cpu(), program, input, depth));
    let actual = samples(&render(gpu, program, input, depth));
    assert_eq!(actual.len(), expected.len());
    let integer = program.output.sample.is_integer();
    let (mut worst, mut close) = (0.0f64, 0usize);
    for (a, e) in actual.iter().zip(&expected) {
        // Nothing is promised where arithmetic leaves the finite numbers.
        let codes = if !e.is_finite() || a == e {
            0.0
        } else if integer {
            (a - e).abs()
        } else {
            (a - e).abs() * 65_535.0 / e.abs().max(1.0)
        };
        assert!(!codes.is_nan(), "{a} instead of {e}");
        worst = worst.max(codes);
        close += usize::from(codes <= 1.0);
    }
    Differences { worst, within_one: close as f64 / expected.len() as f64 }
}

/// Ramp and all codes through `steps` behind varied depth and guide.
fn check(gpu: &Gpu, name: &str, steps: &[Step], tables: &Tables, tolerance: f64) {
    for input in [common::ramp(), common::codes(), common::oklab()] {
        let depth = depth(input.region.pixels());
        let supplied = ops::supplied::Constants { scale: 1.05, offset: -0.05 };
        let mut all = vec![ops::guide::step(ops::guide::Of::Light), Step::new::<ops::supplied::Spec>(&supplied, 1.0)];
        all.extend_from_slice(steps);
        let program = Program { supplied_depth: true, ..program(input.layout, all, tables.clone()) };
        let found = compare(gpu, &program, &input, Some(&depth)).worst;
        let allowed = if input.layout.sample.is_integer() { tolerance.ceil() } else { tolerance };
        assert!(found <= allowed, "{name} in {}: {found} codes, allowed {allowed}", input.layout);
    }
}

/// Operations on single pixels; those that read around them: `tests/area_parity.rs`.
fn points() -> impl Iterator<Item = &'static dyn AnyOp> + Clone {
    ALL.iter().copied().filter(|op| !op.is_area())
}

/// A prepared step with random parameters; `None` when the operation refuses every set that is tried.
fn random_step(
    op: &'static dyn AnyOp,
    random: &mut Random,
    reach: f64,
    strength: f32,
    tables: &mut Tables,
) -> Option<Step> {
    (0..20).find_map(|_| op.step(&random.params(op, reach), &context(), tables, strength).ok())
}

#[test]
fn every_operation_within_its_tolerance() {
    let Some(gpu) = gpu() else { return };
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for op in points() {
        for (reach, strength) in [(0.0, 1.0), (0.1, 1.0), (0.3, 0.37), (1.0, 1.0)] {
            let mut tables = Tables::default();
            match random_step(op, &mut random, reach, strength, &mut tables) {
                Some(step) => check(gpu, op.id(), &[step], &tables, f64::from(op.tolerance_codes())),
                None => panic!("{} refuses all parameters that were tried", op.id()),
            }
        }
    }
}

#[test]
fn every_conversion_within_one_code() {
    let Some(gpu) = gpu() else { return };
    let table = Curve::Table(std::sync::Arc::new(CurveTable {
        samples: (0..1024).map(|i| (i as f32 / 1023.0).powf(2.2)).collect(),
    }));
    let curves = [encodings::SRGB_CURVE, encodings::REC709_CURVE, Curve::Power { gamma: 1.8 }, Curve::Acescct, table];
    for curve in &curves {
        for direction in [Direction::Decode, Direction::Encode] {
            let mut tables = Tables(vec![1, 2, 3]);
            let step = ops::transfer::step(curve, direction, &mut tables).unwrap();
            check(gpu, &format!("{curve:?} {direction:?}"), &[step], &tables, 1.0);
        }
    }
    for from in [matrix::REC709, matrix::ADOBE_RGB] {
        let step = ops::matrix::step(&matrix::between(&from, &matrix::REC2020).unwrap()).unwrap();
        check(gpu, "matrix", &[step], &Tables::default(), 1.0);
    }
}

#[test]
fn depth_joins_agree() {
    use ops::disparity::color::{CODES, LIGHT, LUMA};
    let Some(gpu) = gpu() else { return };
    [LUMA, CODES, LIGHT].into_iter().for_each(|guide| depth_join_agrees(gpu, guide));
}

fn depth_join_agrees(gpu: &'static Gpu, guide: u32) {
    let (width, height) = (9u32, 5u32);
    let half = |v: f32| u32::from(half::f16::from_f32(v).to_bits());
    let words = (0..width * height).flat_map(|i| {
        let d = (i * 37 % 35) as f32 / 35.0;
        let (slope, range) = ((i % 5) as f32 - 2.0, half(d - 0.1) | half(d + 0.2) << 16);
        match guide {
            ops::disparity::color::LUMA => vec![half(slope) | half(d) << 16, range],
            _ => vec![half(slope) | half(0.5 - slope) << 16, half(0.3) | half(d) << 16, range],
        }
    });
    let input = common::codes();
    let constants = ops::disparity::JoinConstants::new(0, width, height, (256, 256)).with_color(guide);
    let join = ops::disparity::Join { constants, words: words.collect() };
    let mut tables = Tables(vec![7; 5]);
    let of = if guide == ops::disparity::color::LIGHT { ops::guide::Of::Light } else { ops::guide::Of::Codes };
    let mut steps = vec![ops::guide::step(of), ops::disparity::step(&join, &mut tables)];
    steps.push(show_disparity(1.0));
    let found = compare(gpu, &program(input.layout, steps, tables), &input, None);
    assert!(found.worst <= 1.0, "{} codes with guide {guide}", found.worst);
}

fn show_disparity(strength: f32) -> Step {
    Step::new::<ops::show_disparity::Spec>(&ops::show_disparity::Constants { gain: 1.0 }, strength)
}

/// sRGB to linear Rec.2020, half a stop, to the tonal domain, negative, and home: 8 steps.
fn chain_of_8(tables: &mut Tables) -> Vec<Step> {
    let between = |a, b| ops::matrix::step(&matrix::between(a, b).unwrap()).unwrap();
    let mut curve = |direction| ops::transfer::step(&encodings::SRGB_CURVE, direction, tables).unwrap();
    let (decode, encode) = (curve(Direction::Decode), curve(Direction::Encode));
    vec![
        decode.clone(),
        between(&matrix::REC709, &matrix::REC2020),
        Step::new::<ops::exposure::Spec>(&ops::exposure::Constants { gain: 1.4 }, 1.0),
        encode.clone(),
        Step::new::<ops::invert::Spec>(&ops::invert::Constants { white: 1.0 }, 0.8),
        decode,
        between(&matrix::REC2020, &matrix::REC709),
        encode,
    ]
}

#[test]
fn chains_of_8_within_two_codes() {
    let Some(gpu) = gpu() else { return };
    let input = common::codes();
    let mut tables = Tables::default();
    let mut chains = vec![(chain_of_8(&mut tables), tables)];
    // Every operation in turn begins a chain of the 8 that follow, moved a little from their defaults.
    let mut random = Random(42);
    for first in 0..points().count() {
        let mut tables = Tables::default();
        let ops = points().cycle().skip(first).take(8);
        let steps = ops.filter_map(|op| random_step(op, &mut random, 0.02, 1.0, &mut tables)).collect();
        chains.push((steps, tables));
    }
    for (steps, tables) in chains {
        let name = format!("{steps:?}");
        let found = compare(gpu, &program(input.layout, steps, tables), &input, None);
        assert!(found.worst <= 2.0, "{name}: {} codes", found.worst);
        assert!(found.within_one >= 0.999, "{name}: {} within one code", found.within_one);
    }
}

fn layouts() -> Vec<PixelLayout> {
    let kinds = [
        (Channels::Gray, Alpha::None),
        (Channels::GrayAlpha, Alpha::Associated),
        (Channels::GrayAlpha, Alpha::Unassociated),
        (Channels::Rgb, Alpha::None),
        (Channels::Rgba, Alpha::Associated),
        (Channels::Rgba, Alpha::Unassociated),
    ];
    let samples = [SampleType::U8, SampleType::U16, SampleType::F16, SampleType::F32];
    samples.into_iter().flat_map(|s| kinds.map(|(channels, alpha)| common::layout(s, channels, alpha))).collect()
}

/// A picture of an odd width with every kind of value: black, white, alpha 0, floats outside 0..1, subnormal halves.
fn mixed(layout: PixelLayout, rows: u32) -> Strip {
    let mut strip = Strip::new(Region { width: 37, y: 11, rows }, layout);
    let mut random = Random(3);
    let mut value = || match random.next() % 8 {
        0 => 0.0,
        1 => 1.0,
        2 => random.unit() * 1e-5,
        3 if !layout.sample.is_integer() => random.unit() * 6.0 - 3.0,
        _ => random.unit(),
    };
    for bytes in strip.bytes_mut().chunks_exact_mut(layout.sample.bytes()) {
        let v = value();
        match layout.sample {
            SampleType::U8 => bytes.copy_from_slice(&[(v * 255.0) as u8]),
            SampleType::U16 => bytes.copy_from_slice(&((v * 65_535.0) as u16).to_ne_bytes()),
            SampleType::F16 => bytes.copy_from_slice(&half::f16::from_f64(v).to_ne_bytes()),
            SampleType::F32 => bytes.copy_from_slice(&(v as f32).to_ne_bytes()),
        }
    }
    strip
}

/// Largest difference, in codes of integers and units in the last place of floats near 1.
fn difference(gpu: &Gpu, program: &Program, input: &Strip) -> f64 {
    let (expected, actual) = (render(&cpu(), program, input, None), render(gpu, program, input, None));
    let ulp = match program.output.sample {
        SampleType::U8 | SampleType::U16 => 1.0,
        SampleType::F16 => f64::from(half::f16::EPSILON.to_f32()),
        SampleType::F32 => f64::from(f32::EPSILON),
    };
    let pairs = samples(&actual).into_iter().zip(samples(&expected));
    let scale = |e: f64| if ulp == 1.0 { 1.0 } else { e.abs().max(1e-3) };
    pairs.map(|(a, e)| if a == e { 0.0 } else { (a - e).abs() / ulp / scale(e) }).fold(0.0, f64::max)
}

#[test]
fn layouts_load_and_store_as_on_the_cpu() {
    let Some(gpu) = gpu() else { return };
    for layout in layouts() {
        let input = mixed(layout, 5);
        let gain = ops::exposure::Constants { gain: 1.3 };
        let steps = vec![Step::new::<ops::exposure::Spec>(&gain, 1.0)];
        let found = difference(gpu, &program(layout, steps, Tables::default()), &input);
        assert!(found <= 2.0, "{layout}: {found}");
    }
}

/// Light without coverage: every operation, alone and mixed, where alpha is 0 in half of the pixels.
#[test]
fn transparent_pixels_leave_as_on_the_cpu() {
    let Some(gpu) = gpu() else { return };
    let of = |alpha| common::layout(SampleType::F32, Channels::Rgba, alpha);
    let (associated, unassociated) = (of(Alpha::Associated), of(Alpha::Unassociated));
    let mut random = Random(11);
    for op in points() {
        for (strength, input) in [(1.0, associated), (0.37, associated), (1.0, unassociated)] {
            let mut tables = Tables::default();
            let steps = vec![random_step(op, &mut random, 0.1, strength, &mut tables).unwrap()];
            let program = Program { output: associated, ..program(input, steps, tables) };
            let mut strip = Strip::new(Region { width: 64, y: 0, rows: 8 }, input);
            for (i, word) in strip.words_mut().iter_mut().enumerate() {
                let alpha = [0.0, 0.5, 0.0, 1.0][i / 4 % 4];
                *word = (if i % 4 == 3 { alpha } else { random.unit() as f32 }).to_bits();
            }
            let found = compare(gpu, &program, &strip, None).worst;
            assert!(found <= f64::from(op.tolerance_codes()), "{} at {strength}, {input}: {found}", op.id());
            // Where nothing is covered, bits are kept or nothing is left.
            let output = render(gpu, &program, &strip, None);
            let acts = program.steps.iter().any(|step| step.acts_on_transparent);
            for (before, after) in strip.words().chunks_exact(4).zip(output.words().chunks_exact(4)) {
                if before[3] == 0 && (!acts || input == unassociated) {
                    let expected = if input == associated { before } else { &[0; 4] };
                    assert_eq!(after, expected, "{} at {strength}, {input}", op.id());
                }
            }
        }
    }
}

#[test]
fn finite_light_stays_finite_in_half_floats() {
    let Some(gpu) = gpu() else { return };
    let output = common::layout(SampleType::F16, Channels::Gray, Alpha::None);
    let input = PixelLayout { sample: SampleType::F32, ..output };
    let largest = 65_504.0;
    let values = [
        (40_000.0, largest),
        (-40_000.0, -largest),
        (32_752.0, largest),
        (32_759.99, largest),
        (32_760.0, largest),
        (1e38, largest),
        (f32::INFINITY, f64::INFINITY),
        (f32::NEG_INFINITY, f64::NEG_INFINITY),
    ];
    let mut strip = Strip::new(Region { width: 8, y: 0, rows: 1 }, input);
    for (word, (value, _)) in strip.words_mut().iter_mut().zip(values) {
        *word = value.to_bits();
    }
    let steps = vec![Step::new::<ops::exposure::Spec>(&ops::exposure::Constants { gain: 2.0 }, 1.0)];
    let program = Program { output, ..program(input, steps, Tables::default()) };
    let expected: Vec<f64> = values.iter().map(|(_, after)| *after).collect();
    assert_eq!(samples(&render(&cpu(), &program, &strip, None)), expected);
    assert_eq!(samples(&render(gpu, &program, &strip, None)), expected);
}

/// Channels that come in as numbers leave as numbers, whatever the others are.
#[test]
fn depth_grade_keeps_infinity_in_its_channel() {
    let Some(gpu) = gpu() else { return };
    let mut strip = Strip::new(Region { width: 4, y: 0, rows: 1 }, common::rgb(SampleType::F32));
    let inf = f32::INFINITY;
    let values = [inf, 0.2, 0.2, 0.2, -inf, 0.4, 0.1, 0.2, 0.3, 0.0, 0.0, inf];
    for (word, value) in strip.words_mut().iter_mut().zip(values) {
        *word = value.to_bits();
    }
    let op = ops::find("depth_grade").unwrap();
    for saturation in [1.0, 0.5] {
        let mut set = op.defaults();
        set.insert("near_saturation", ops::Value::Number(saturation));
        set.insert("far_saturation", ops::Value::Number(saturation));
        let step = op.step(&set, &context(), &mut Tables::default(), 1.0).unwrap();
        let program = program(strip.layout, vec![step], Tables::default());
        let (expected, actual) = (render(&cpu(), &program, &strip, None), render(gpu, &program, &strip, None));
        let expected = samples(&expected);
        for (i, (a, e)) in samples(&actual).into_iter().zip(&expected).enumerate() {
            assert!(a == *e || (a - e).abs() < 1e-6, "{a} instead of {e}");
            assert!(!a.is_nan() && (i / 3 == 2 || *e == f64::from(values[i])), "{a} from {}", values[i]);
        }
    }
}

#[test]
fn conversions_of_samples_alone_are_exact() {
    let Some(gpu) = gpu() else { return };
    let plain = |l: &PixelLayout| l.alpha != Alpha::Associated;
    for input in layouts().into_iter().filter(plain) {
        for output in [SampleType::U8, SampleType::U16, SampleType::F16, SampleType::F32] {
            let output = PixelLayout { sample: output, ..input };
            let program = Program { output, ..program(input, Vec::new(), Tables::default()) };
            let strip = mixed(input, 5);
            let (expected, actual) = (render(&cpu(), &program, &strip, None), render(gpu, &program, &strip, None));
            let to_single = output.sample == SampleType::F32 && input.sample.is_integer();
            if to_single {
                // v / 65535: division is allowed 2.5 units in the last place (WGSL, 15.7.4).
                assert!(difference(gpu, &program, &strip) <= 3.0, "{input} to {output}");
            } else {
                assert_eq!(actual.bytes(), expected.bytes(), "{input} to {output}");
            }
        }
    }
}

#[test]
fn channels_and_association_change_as_on_the_cpu() {
    let Some(gpu) = gpu() else { return };
    let of = |channels, alpha| common::layout(SampleType::U16, channels, alpha);
    let outputs = [
        of(Channels::Gray, Alpha::None),
        of(Channels::GrayAlpha, Alpha::Associated),
        of(Channels::Rgb, Alpha::None),
        of(Channels::Rgba, Alpha::Associated),
        of(Channels::Rgba, Alpha::Unassociated),
    ];
    for input in layouts().into_iter().filter(|l| l.sample == SampleType::U16) {
        for output in outputs {
            let program = Program { output, ..program(input, Vec::new(), Tables::default()) };
            let found = difference(gpu, &program, &mixed(input, 3));
            assert!(found <= 1.0, "{input} to {output}: {found}");
        }
    }
}

#[test]
fn every_half_and_every_rounding_to_half_is_exact() {
    let Some(gpu) = gpu() else { return };
    let half = common::layout(SampleType::F16, Channels::Gray, Alpha::None);
    let single = PixelLayout { sample: SampleType::F32, ..half };
    let region = Region { width: 256, y: 0, rows: 256 };
    let mut halves = Strip::new(region, half);
    for (bits, bytes) in (0..=u16::MAX).zip(halves.bytes_mut().chunks_exact_mut(2)) {
        bytes.copy_from_slice(&bits.to_ne_bytes());
    }
    let widen = Program { output: single, ..program(half, Vec::new(), Tables::default()) };
    let wide = render(gpu, &widen, &halves, None);
    for (bits, word) in (0..=u16::MAX).zip(wide.words()) {
        let (expected, actual) = (half::f16::from_bits(bits).to_f32(), f32::from_bits(*word));
        assert!(actual.to_bits() == expected.to_bits() || (actual.is_nan() && expected.is_nan()), "{bits:#06x}");
    }
    // Single floats between, at and beside the halves, on both sides of every tie.
    for offset in [0u32, 0xfff, 0x1000, 0x1001, 0x1800] {
        let mut near = wide.clone();
        for word in near.words_mut() {
            *word = word.wrapping_add(offset);
        }
        let narrow = Program { output: half, ..program(single, Vec::new(), Tables::default()) };
        let (expected, actual) = (render(&cpu(), &narrow, &near, None), render(gpu, &narrow, &near, None));
        for ((a, e), word) in samples(&actual).iter().zip(samples(&expected)).zip(near.words()) {
            assert!(*a == e || (a.is_nan() && e.is_nan()), "{a} instead of {e} for {word:#010x}");
        }
    }
}

#[test]
fn dither_is_the_same_function() {
    let Some(gpu) = gpu() else { return };
    for channels in [Channels::Gray, Channels::Rgb, Channels::Rgba] {
        let alpha = if channels.has_alpha() { Alpha::Unassociated } else { Alpha::None };
        let input = common::layout(SampleType::U16, channels, alpha);
        let output = PixelLayout { sample: SampleType::U8, ..input };
        let program = Program { output, dither_seed: Some(99), ..program(input, Vec::new(), Tables::default()) };
        let strip = mixed(input, 64);
        let (expected, actual) = (render(&cpu(), &program, &strip, None), render(gpu, &program, &strip, None));
        let differing = samples(&actual).iter().zip(samples(&expected)).filter(|(a, e)| **a != *e).count();
        assert_eq!(differing, 0, "{input}");
        // The dither does something: rounding gives another picture.
        let rounded = Program { dither_seed: None, ..program };
        assert_ne!(render(gpu, &rounded, &strip, None).bytes(), actual.bytes());
    }
}

#[test]
fn non_finite_channels_pass_through_conversions() {
    let Some(gpu) = gpu() else { return };
    let layout = common::rgb(SampleType::F32);
    let mut strip = Strip::new(Region { width: 4, y: 0, rows: 1 }, layout);
    let values = [f32::NAN, 0.5, 0.25, 0.1, f32::INFINITY, 0.2, 0.3, 0.4, f32::NEG_INFINITY, 1e38, -1e38, 0.0];
    for (word, value) in strip.words_mut().iter_mut().zip(values) {
        *word = value.to_bits();
    }
    let mut tables = Tables::default();
    let steps = vec![
        ops::transfer::step(&encodings::SRGB_CURVE, Direction::Decode, &mut tables).unwrap(),
        ops::matrix::step(&matrix::between(&matrix::REC709, &matrix::REC2020).unwrap()).unwrap(),
    ];
    let output = render(gpu, &program(layout, steps, tables.clone()), &strip, None);
    for (before, after) in values.iter().zip(samples(&output)) {
        if before.is_finite() {
            continue;
        }
        let same = after == f64::from(*before) || (after.is_nan() && before.is_nan());
        assert!(same, "{before} became {after}");
    }
    // Stored as codes, NaN is black.
    let integer = Program { output: common::rgb(SampleType::U16), ..program(layout, Vec::new(), tables) };
    let codes = samples(&render(gpu, &integer, &strip, None));
    assert_eq!((codes[0], codes[4], codes[8]), (0.0, 65_535.0, 0.0));
}

/// Associated alpha, supplied depth, strength and dither, on an odd width.
fn everything(input: PixelLayout) -> Program {
    let mut tables = Tables::default();
    let mut steps = vec![Step::new::<ops::supplied::Spec>(&ops::supplied::Constants { scale: 1.0, offset: 0.0 }, 1.0)];
    steps.extend(chain_of_8(&mut tables));
    steps.push(show_disparity(0.3));
    let output = PixelLayout { sample: SampleType::U8, ..input };
    Program { output, supplied_depth: true, dither_seed: Some(5), ..program(input, steps, tables) }
}

/// Renders in strips of `rows` and returns the whole.
fn in_strips(executor: &dyn Executor, program: &Program, whole: &Strip, depth: &[f32], rows: u32) -> Vec<u8> {
    let region = whole.region;
    let mut result = Vec::new();
    for first in (0..region.rows).step_by(rows as usize) {
        let part = Region { width: region.width, y: region.y + first, rows: rows.min(region.rows - first) };
        let mut input = Strip::new(part, whole.layout);
        let (from, pixels) = (first as usize * whole.row_bytes(), part.pixels());
        let len = input.byte_len();
        input.bytes_mut().copy_from_slice(&whole.bytes()[from..from + len]);
        let at = first as usize * region.width as usize;
        result.extend_from_slice(render(executor, program, &input, Some(&depth[at..at + pixels])).bytes());
    }
    result
}

#[test]
fn results_do_not_depend_on_strips_bands_or_callers() {
    let Some(gpu) = gpu() else { return };
    let whole = mixed(common::layout(SampleType::U16, Channels::Rgba, Alpha::Associated), 150);
    let depth = depth(whole.region.pixels());
    let program = everything(whole.layout);
    let expected = in_strips(gpu, &program, &whole, &depth, u32::MAX);
    for rows in [1, 7, 64] {
        assert!(in_strips(gpu, &program, &whole, &depth, rows) == expected, "strips of {rows} rows differ");
    }
    for pixels in [1, 100, 1_000] {
        let Some(banded) = common::open() else { return };
        let banded = banded.with_band_pixels(pixels);
        assert!(in_strips(&banded, &program, &whole, &depth, u32::MAX) == expected, "bands of {pixels} pixels differ");
    }
    std::thread::scope(|scope| {
        for rows in [3, 20, 31, 50, 64, 150] {
            let (program, whole, depth, expected) = (&program, &whole, &depth, &expected);
            scope.spawn(move || {
                assert!(&in_strips(gpu, program, whole, depth, rows) == expected, "beside others, {rows} rows differ");
            });
        }
    });
}

#[test]
fn untouched_samples_are_copied_bit_for_bit() {
    let Some(gpu) = gpu() else { return };
    let strip = mixed(common::layout(SampleType::F32, Channels::Rgba, Alpha::Associated), 3);
    let output = render(gpu, &program(strip.layout, Vec::new(), Tables::default()), &strip, None);
    assert_eq!(output.bytes(), strip.bytes());
}

#[test]
fn failures_are_errors_and_the_device_goes_on() {
    let Some(gpu) = gpu() else { return };
    let strip = mixed(common::rgb(SampleType::U16), 3);
    let mut output = Strip::new(strip.region, strip.layout);
    let mut broken = Step::new::<ops::invert::Spec>(&ops::invert::Constants { white: 1.0 }, 1.0);
    broken.wgsl = "struct Invert {\n    white: f32,\n}\n\nfn invert(c: Invert, px: Px) -> Px {\n    return pxx;\n}\n";
    let bad = program(strip.layout, vec![broken], Tables::default());
    let message = environment(gpu.run(&bad, &strip, None, &mut output));
    assert!(message.contains("shaders/ops/invert.wgsl:6"), "{message}");
    let step = Step::new::<ops::invert::Spec>(&ops::invert::Constants { white: 1.0 }, 1.0);
    let good = program(strip.layout, vec![step], Tables::default());
    let without = Program { supplied_depth: true, ..good.clone() };
    let message = environment(gpu.run(&without, &strip, None, &mut output));
    assert!(message.contains("0 values of depth"), "{message}");
    let other = mixed(common::rgb(SampleType::U8), 3);
    environment(gpu.run(&good, &other, None, &mut output));
    assert_eq!(difference(gpu, &good, &strip), 0.0);
}

fn environment(result: chiaro::error::Result<()>) -> String {
    match result {
        Err(Error::Environment(message)) => message,
        other => panic!("expected an environment error, got {other:?}"),
    }
}

#[test]
fn software_is_listed_but_never_chosen_by_itself() {
    let Some(gpu) = gpu() else { return };
    let all = list_adapters();
    assert!(all.contains(gpu.adapter()), "{all:?}");
    assert_eq!(gpu.adapter().kind, "software");
    assert!(gpu.describe().contains("llvmpipe") && gpu.arithmetic().starts_with("gpu: llvmpipe"));
    let hardware = all.iter().any(|a| a.kind != "software");
    let auto = Gpu::new(&Selection::Auto).unwrap();
    assert!(auto.is_none_or(|gpu| hardware && gpu.adapter().kind != "software"));
    if !hardware {
        let message = Gpu::new(&Selection::Any).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(message.contains("llvmpipe"), "{message}");
    }
    let message = Gpu::new(&Selection::Name("no such card".to_owned())).err().map(|e| e.to_string());
    assert!(message.is_some_and(|m| m.contains("no such card") && m.contains("llvmpipe")));
}
