//! 16-bit code values through the working space and back, two million triples per encoding with saturated corners and near black: exact for
//! sRGB, Display P3 and Rec.2020, at most one code for curves without an exact straight part.

use std::sync::Arc;

use chiaro::color::curve::Direction;
use chiaro::color::{encodings, icc, matrix};
use chiaro::exec::{Executor, cpu::Cpu};
use chiaro::ops::{self, Isa, Tables};
use chiaro::picture::{Alpha, Channels, ColorEncoding, Curve, PixelLayout, Region, SampleType, Strip};
use chiaro::plan::Program;

const WIDTH: u32 = 2048;
const ROWS: u32 = 1024;

/// There and back, as plans compile it.
fn program(encoding: &ColorEncoding) -> Program {
    let layout = PixelLayout { sample: SampleType::U16, channels: Channels::Rgb, alpha: Alpha::None };
    let mut tables = Tables::default();
    let work = matrix::REC2020;
    let mut steps = Vec::new();
    steps.extend(ops::transfer::step(&encoding.curve, Direction::Decode, &mut tables));
    steps.extend(ops::matrix::step(&matrix::between(&encoding.primaries, &work).unwrap()));
    steps.extend(ops::matrix::step(&matrix::between(&work, &encoding.primaries).unwrap()));
    steps.extend(ops::transfer::step(&encoding.curve, Direction::Encode, &mut tables));
    Program::of(layout, layout, steps, tables)
}

/// Triples: a third anywhere, a third with one or two channels at an end, a third near black beside anything (Marsaglia's xorshift).
fn triples() -> Strip {
    let layout = PixelLayout { sample: SampleType::U16, channels: Channels::Rgb, alpha: Alpha::None };
    let mut strip = Strip::new(Region { width: WIDTH, y: 0, rows: ROWS }, layout);
    let samples: &mut [u16] = bytemuck::cast_slice_mut(strip.words_mut());
    let mut state = 0x9e37_79b9u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as u16
    };
    for (i, triple) in samples.chunks_exact_mut(3).enumerate() {
        for v in triple.iter_mut() {
            *v = match (i % 3, next() % 3) {
                (0, _) | (1, 0) => next(),
                (1, 1) => 0,
                (1, _) => u16::MAX,
                (_, 0) => next() % 64,
                (_, 1) => next() % 4096,
                _ => next() | 0x8000,
            };
        }
    }
    strip
}

/// Largest difference in codes, and how many samples differ.
fn worst(encoding: &ColorEncoding) -> (i32, usize) {
    let strip = triples();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let mut out = Strip::new(strip.region, strip.layout);
    Cpu::new(Arc::new(pool), Isa::best()).run(&program(encoding), &strip, None, &mut out).unwrap();
    let (a, b): (&[u16], &[u16]) = (bytemuck::cast_slice(strip.bytes()), bytemuck::cast_slice(out.bytes()));
    let differences = || a.iter().zip(b).map(|(a, b)| (i32::from(*a) - i32::from(*b)).abs());
    (differences().max().unwrap(), differences().filter(|d| *d > 0).count())
}

#[test]
fn curves_with_a_straight_part_are_exact() {
    for encoding in [encodings::srgb(), encodings::display_p3(), encodings::rec709(), encodings::rec2020()] {
        assert_eq!(worst(&encoding), (0, 0), "{}", encoding.name);
    }
}

#[test]
fn every_other_encoding_returns_within_one_code() {
    let mut list = vec![
        encodings::adobe_rgb(),
        encodings::prophoto(),
        encodings::gamma22(),
        encodings::gamma24(),
        ColorEncoding { curve: Curve::Power { gamma: 1.8 }, ..encodings::prophoto() },
        ColorEncoding { curve: Curve::Power { gamma: 2.4 }, ..encodings::rec2020() },
        ColorEncoding { curve: Curve::Power { gamma: 2.4 }, ..encodings::prophoto() },
        ColorEncoding { curve: Curve::Power { gamma: 2.6 }, ..encodings::display_p3() },
    ];
    list.extend(encodings::NAMES.iter().filter(|n| n.starts_with("linear")).filter_map(|n| encodings::by_name(n)));
    let mut wrong = Vec::new();
    for encoding in list {
        let (codes, count) = worst(&encoding);
        eprintln!("{} {:?}: {codes} codes at most, {count} samples differ", encoding.name, encoding.curve);
        if codes > 1 {
            wrong.push(encoding.name);
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// Curves as profiles hold them: 16-bit samples, which have flat runs and steps near black.
#[test]
fn sampled_curves_return_within_one_code() {
    let mut wrong = Vec::new();
    for (gamma, count, encoding) in [
        (1.8, 1024, encodings::prophoto()),
        (2.2, 1024, encodings::adobe_rgb()),
        (2.2, 4096, encodings::adobe_rgb()),
        (2.4, 1024, encodings::gamma24()),
        (2.2, 256, encodings::prophoto()),
    ] {
        let samples: Vec<u16> =
            (0..count).map(|i| ((f64::from(i) / f64::from(count - 1)).powf(gamma) * 65_535.0).round() as u16).collect();
        let stored =
            chiaro::picture::CurveTable { samples: samples.iter().map(|v| f32::from(*v) / 65_535.0).collect() };
        let stored = ColorEncoding { curve: Curve::Table(Arc::new(stored)), ..encoding.clone() };
        let read = icc::read(&icc::write(&stored, true).unwrap(), true).unwrap();
        assert!(matches!(read.curve, Curve::Table(_)), "{:?}", read.curve);
        let (codes, differ) = worst(&read);
        eprintln!("{} samples of gamma {gamma}, {}: {codes} codes at most, {differ} differ", count, encoding.name);
        if codes > 1 {
            wrong.push((gamma, count, encoding.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
