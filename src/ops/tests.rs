//! Tests that iterate the lists: a new operation is covered by being named. What they run are [`cases`].

mod area;
mod cases;
mod pictures;
mod resampling;
mod smoothing;

use super::*;
use crate::color::curve::Direction;
use crate::color::encodings::SRGB_CURVE;
use crate::color::matrix::{DISPLAY_P3, REC2020};
use cases::{Case, cases, context};

fn every() -> impl Iterator<Item = &'static dyn AnyOp> {
    ALL.iter().chain(PLUMBING).copied()
}

fn ramp() -> Chunk {
    let mut chunk = Chunk { len: CHUNK, x: 7, y: 3, ..Chunk::new() };
    for i in 0..CHUNK {
        let v = -1.0 + 3.0 * i as f32 / (CHUNK - 1) as f32;
        chunk.rgb[0][i] = v;
        // Every other pixel is a color one meets in Oklab, too.
        let chroma = if i % 2 == 0 { 1.0 } else { 0.1 };
        chunk.rgb[1][i] = (1.0 - v) * chroma;
        chunk.rgb[2][i] = v * v * chroma;
        chunk.guide[i] = v.clamp(0.0, 1.0);
        chunk.disparity[i] = 1.0 - v.clamp(0.0, 1.0);
    }
    chunk
}

#[test]
fn ids_are_unique_and_documented() {
    let mut seen = std::collections::BTreeSet::new();
    for op in every() {
        assert!(seen.insert(op.id()), "{} is listed twice", op.id());
        let summary = op.doc().lines().next().unwrap_or_default();
        assert!(summary.trim().len() > 10, "{} has no summary", op.id());
        for p in op.params() {
            assert!(p.doc.trim().len() > 10, "{}.{} is not documented", op.id(), p.name);
            p.check(&p.default).unwrap_or_else(|e| panic!("default of {}.{}: {e}", op.id(), p.name));
        }
    }
}

#[test]
fn parameters_refuse_what_is_out_of_range() {
    for op in every() {
        for p in op.params() {
            if let Kind::Number { min, max, .. } = p.kind {
                let message = p.check(&Value::Number(max + 1.0)).unwrap_err();
                assert!(message.contains(&max.to_string()) && message.contains(p.name), "{message}");
                p.check(&Value::Number(min)).unwrap();
                p.check(&Value::Number(f64::NAN)).unwrap_err();
                p.check(&Value::Text("x".into())).unwrap_err();
            }
        }
    }
}

#[test]
fn parameter_values_survive_serde() {
    for op in every() {
        let set = op.defaults();
        let text = serde_json::to_string(&set).unwrap();
        let back: std::collections::BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
        for (name, value) in &set {
            assert_eq!(back.get(*name), Some(value), "{}.{name}", op.id());
        }
    }
}

#[test]
fn constants_are_whole_words() {
    for op in every() {
        assert_eq!(op.constants_bytes() % 4, 0, "{}", op.id());
        assert!(op.constants_bytes() > 0, "{}: WGSL structs cannot be empty", op.id());
    }
}

#[test]
fn every_instruction_set_gives_the_same_bits() {
    for Case { name, step, tables } in cases(&[1.0, 0.37]) {
        let bits = |isa: Isa| {
            let mut chunk = ramp();
            step.run(&tables.0, isa, &mut chunk);
            let all = chunk.rgb.iter().flatten().chain(&chunk.guide).chain(&chunk.disparity);
            all.map(|v| v.to_bits()).collect::<Vec<_>>()
        };
        let reference = bits(Isa::available()[0]);
        for isa in Isa::available() {
            assert!(bits(isa) == reference, "{name} differs on {}", isa.name());
        }
    }
}

/// At a strength just below 1 the chunk path is not taken; mixing then shows the same values but for the mix itself.
#[test]
fn chunk_paths_agree_with_pixels() {
    for Case { name, step: whole, tables } in cases(&[1.0]) {
        let mut mixed = whole.clone();
        mixed.strength = 1.0 - f32::EPSILON / 2.0;
        let (mut a, mut b) = (ramp(), ramp());
        whole.run(&tables.0, Isa::best(), &mut a);
        mixed.run(&tables.0, Isa::best(), &mut b);
        for (a, b) in a.rgb.iter().flatten().zip(b.rgb.iter().flatten()) {
            assert!((a - b).abs() <= 1e-6 * a.abs().max(4.0), "{name}: {a} {b}");
        }
        assert_eq!((a.guide, a.disparity), (b.guide, b.disparity), "{name}");
    }
}

/// What is known of the color that comes saves work and changes no bit.
#[test]
fn known_ranges_change_nothing() {
    let between = matrix::step(&crate::color::matrix::between(&DISPLAY_P3, &REC2020).unwrap()).unwrap();
    let decode = transfer::step(&SRGB_CURVE, Direction::Decode, &mut Tables::default()).unwrap();
    for isa in Isa::available() {
        let [unit, any] = [Range::Unit, Range::Any].map(|range| {
            let mut chunk = ramp();
            chunk.rgb = chunk.rgb.map(|plane| plane.map(|v| v.max(0.0).min(1.0)));
            chunk.range = range;
            for step in [&keep::step(), &decode, &between, &guide::step(guide::Of::Light)] {
                step.run(&[], isa, &mut chunk);
                assert_eq!(chunk.range == Range::Any, range == Range::Any, "{step:?}");
            }
            chunk
        });
        assert_eq!((unit.rgb, unit.guide, unit.original), (any.rgb, any.guide, any.original), "{}", isa.name());
    }
}

#[test]
fn strength_zero_changes_nothing() {
    for Case { name, step, tables } in cases(&[0.0]) {
        let (before, mut after) = (ramp(), ramp());
        step.run(&tables.0, Isa::best(), &mut after);
        assert_eq!(before.rgb, after.rgb, "{name}");
    }
}

#[test]
fn cases_change_the_picture() {
    for op in ALL.iter().filter(|op| !op.is_area()) {
        let changes = cases(&[1.0]).filter(|case| case.name.split_whitespace().next() == Some(op.id())).any(|case| {
            let mut chunk = ramp();
            case.step.run(&case.tables.0, Isa::best(), &mut chunk);
            chunk.rgb != ramp().rgb
        });
        assert!(changes, "{}: the cases of these tests do nothing", op.id());
    }
}

#[test]
fn identities_change_nothing() {
    for op in ALL.iter().filter(|op| op.is_identity(&op.defaults()) && !op.is_area()) {
        let mut tables = Tables::default();
        let step = op.step(&op.defaults(), &context(), &mut tables, 1.0).unwrap();
        let (before, mut after) = (ramp(), ramp());
        step.run(&tables.0, Isa::best(), &mut after);
        for (b, a) in before.rgb.iter().flatten().zip(after.rgb.iter().flatten()) {
            assert!((a - b).abs() <= 1e-6 * b.abs().max(1.0), "{}: {b} became {a}", op.id());
        }
    }
}

/// What acts where nothing is covered must not make light there: see `docs/decisions` on light without coverage.
#[test]
fn what_acts_on_transparent_pixels_keeps_black() {
    for Case { name, step, tables } in cases(&[1.0, 0.37]) {
        if !step.acts_on_transparent || find(step.id).is_none() {
            continue;
        }
        let mut chunk = ramp();
        chunk.rgb = [[0.0; CHUNK]; 3];
        step.run(&tables.0, Isa::best(), &mut chunk);
        assert!(chunk.rgb.iter().flatten().all(|v| *v == 0.0), "{name} makes light");
    }
}

/// A channel that comes in as a number leaves as one, whatever the other two are.
#[test]
fn no_operation_makes_nan() {
    let odd = [
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::MAX,
        f32::MIN,
        f32::MIN_POSITIVE,
        -1e-42,
        -0.0,
        0.0,
        0.2,
        -3.0,
        6e4,
    ];
    for Case { name, step, tables } in cases(&[1.0, 0.37, 0.0]) {
        let gray = step.id == "show_disparity";
        for disparity in [0.0, 0.4, 1.0, f32::NAN, f32::INFINITY] {
            let n = odd.len();
            let all: Vec<[f32; 3]> = (0..n * n * n).map(|i| [odd[i % n], odd[i / n % n], odd[i / n / n]]).collect();
            for part in all.chunks(CHUNK) {
                let mut chunk = Chunk { len: part.len(), ..ramp() };
                chunk.disparity = [disparity; CHUNK];
                for (i, rgb) in part.iter().enumerate() {
                    (chunk.rgb[0][i], chunk.rgb[1][i], chunk.rgb[2][i]) = (rgb[0], rgb[1], rgb[2]);
                }
                step.run(&tables.0, Isa::best(), &mut chunk);
                for (i, rgb) in part.iter().enumerate() {
                    let out = [chunk.rgb[0][i], chunk.rgb[1][i], chunk.rgb[2][i]];
                    let made = rgb.iter().zip(out).any(|(before, after)| !before.is_nan() && after.is_nan());
                    assert!(!made || (gray && disparity.is_nan()), "{name}, disparity {disparity}: {rgb:?} to {out:?}");
                    assert!(!chunk.guide[i].is_nan(), "{name}: the guide of {rgb:?}");
                }
            }
        }
    }
}

#[test]
fn struct_names_are_camel_case() {
    assert_eq!(struct_name("depth_grade"), "DepthGrade");
    assert_eq!(struct_name("lut"), "Lut");
}
