//! Tests that iterate the lists: a new operation is covered by being named.

use super::*;

fn every() -> impl Iterator<Item = &'static dyn AnyOp> {
    ALL.iter().chain(PLUMBING).copied()
}

fn ramp() -> Chunk {
    let mut chunk = Chunk { len: CHUNK, x: 7, y: 3, ..Chunk::new() };
    for i in 0..CHUNK {
        let v = -1.0 + 3.0 * i as f32 / (CHUNK - 1) as f32;
        chunk.rgb[0][i] = v;
        chunk.rgb[1][i] = 1.0 - v;
        chunk.rgb[2][i] = v * v;
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
    for op in every() {
        for strength in [1.0, 0.37] {
            let mut tables = Tables::default();
            let Ok(step) = op.step(&op.defaults(), &Context::default(), &mut tables, strength) else { continue };
            let bits = |isa: Isa| {
                let mut chunk = ramp();
                step.run(&tables.0, isa, &mut chunk);
                let all = chunk.rgb.iter().flatten().chain(&chunk.guide).chain(&chunk.disparity);
                all.map(|v| v.to_bits()).collect::<Vec<_>>()
            };
            let reference = bits(Isa::available()[0]);
            for isa in Isa::available() {
                assert!(bits(isa) == reference, "{} differs on {}", op.id(), isa.name());
            }
        }
    }
}

/// At a strength just below 1 the chunk path is not taken; mixing then shows the same values but for the mix itself.
#[test]
fn chunk_paths_agree_with_pixels() {
    for op in every() {
        let mut tables = Tables::default();
        let Ok(whole) = op.step(&op.defaults(), &Context::default(), &mut tables, 1.0) else { continue };
        let Ok(mixed) = op.step(&op.defaults(), &Context::default(), &mut tables, 1.0 - f32::EPSILON / 2.0) else {
            continue;
        };
        let (mut a, mut b) = (ramp(), ramp());
        whole.run(&tables.0, Isa::best(), &mut a);
        mixed.run(&tables.0, Isa::best(), &mut b);
        for (a, b) in a.rgb.iter().flatten().zip(b.rgb.iter().flatten()) {
            assert!((a - b).abs() <= 1e-6 * a.abs().max(1.0), "{}: {a} {b}", op.id());
        }
        assert_eq!((a.guide, a.disparity), (b.guide, b.disparity), "{}", op.id());
    }
}

#[test]
fn strength_zero_changes_nothing() {
    for op in ALL {
        let mut tables = Tables::default();
        let Ok(step) = op.step(&op.defaults(), &Context::default(), &mut tables, 0.0) else { continue };
        let (before, mut after) = (ramp(), ramp());
        step.run(&tables.0, Isa::best(), &mut after);
        assert_eq!(before.rgb, after.rgb, "{}", op.id());
    }
}

#[test]
fn struct_names_are_camel_case() {
    assert_eq!(struct_name("depth_grade"), "DepthGrade");
    assert_eq!(struct_name("lut"), "Lut");
}
