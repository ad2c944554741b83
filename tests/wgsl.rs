//! Composed shaders are valid WGSL and read the bytes that Rust wrote: checked with naga, without a GPU. A new operation is covered by being
//! in the list.
#![cfg(feature = "gpu")]

use std::collections::HashSet;

use chiaro::exec::gpu::compose::{Composed, compose, group_words};
use chiaro::ops::area::{Area, Reach};
use chiaro::ops::{ALL, AnyOp, Context, PLUMBING, Step, Tables, struct_name};
use chiaro::picture::{Alpha, Channels, Extent, PixelLayout, SampleType};
use chiaro::plan::Program;

const RGB16: PixelLayout = PixelLayout { sample: SampleType::U16, channels: Channels::Rgb, alpha: Alpha::None };

fn every() -> impl Iterator<Item = &'static dyn AnyOp> + Clone {
    ALL.iter().chain(PLUMBING).copied()
}

/// A step with the text and size of `op` and constants of zeros: enough for composing, whatever resources the operation needs to run.
fn text_step(op: &dyn AnyOp, strength: f32) -> Step {
    let invert = ALL[0];
    let mut step = invert.step(&invert.defaults(), &Context::default(), &mut Tables::default(), strength).unwrap();
    (step.id, step.wgsl, step.constants) = (op.id(), op.wgsl(), vec![0; op.constants_bytes()]);
    step.area = op.is_area().then(|| area(Reach::Margin { x: 2, y: 2 }));
    step
}

fn area(reach: Reach) -> Area {
    let extent = Extent { width: 64, height: 64 };
    Area { extent_in: extent, extent_out: extent, reach }
}

/// All passes of a program, each valid by itself; texts that `seen` has are not checked again.
fn validate_all(program: &Program, seen: &mut HashSet<String>) {
    let passes = compose(program);
    assert_eq!(passes.len(), 1 + program.areas().count());
    for composed in passes {
        if !seen.contains(&composed.text) {
            validate(&composed);
            seen.insert(composed.text);
        }
    }
}

/// The pass that an operation without others before it is in.
fn pass_of(op: &dyn AnyOp, program: &Program) -> Composed {
    compose(program).swap_remove(usize::from(op.is_area()))
}

fn program(steps: Vec<Step>) -> Program {
    Program::of(RGB16, RGB16, steps, Tables::default())
}

fn parse(composed: &Composed) -> Result<naga::Module, String> {
    naga::front::wgsl::parse_str(&composed.text).map_err(|e| {
        let line = e.location(&composed.text).map_or(0, |at| at.line_number);
        format!("{}: {}", composed.origin(line), e.message())
    })
}

/// Parses and validates with no optional capability; the one that is allowed, half floats in `unpack2x16float`, is core WebGPU.
fn validate(composed: &Composed) -> naga::Module {
    let module = parse(composed).unwrap_or_else(|e| panic!("{e}"));
    let capabilities = naga::valid::Capabilities::SHADER_FLOAT16_IN_FLOAT32;
    let mut validator = naga::valid::Validator::new(naga::valid::ValidationFlags::all(), capabilities);
    if let Err(e) = validator.validate(&module) {
        let line = e.location(&composed.text).map_or(0, |at| at.line_number);
        panic!("{}: {}", composed.origin(line), e.emit_to_string(&composed.text));
    }
    module
}

fn find_struct<'a>(module: &'a naga::Module, name: &str) -> &'a naga::TypeInner {
    let found = module.types.iter().find(|(_, t)| t.name.as_deref() == Some(name));
    &found.unwrap_or_else(|| panic!("no struct {name}")).1.inner
}

/// Counts the 4-byte scalars of a type and checks that nothing lies between them.
fn words(module: &naga::Module, ty: &naga::TypeInner, what: &str) -> u32 {
    match ty {
        naga::TypeInner::Scalar(scalar) => {
            assert!(scalar.width == 4 && scalar.kind != naga::ScalarKind::Bool, "{what} is no 4-byte scalar");
            1
        }
        naga::TypeInner::Array { base, size: naga::ArraySize::Constant(count), stride } => {
            assert_eq!(*stride, 4, "{what}: elements are padded");
            count.get() * words(module, &module.types[*base].inner, what)
        }
        naga::TypeInner::Struct { members, span } => {
            let mut end = 0;
            for member in members {
                let name = format!("{what}.{}", member.name.as_deref().unwrap_or("?"));
                assert_eq!(member.offset, end * 4, "{name} is not where Rust has it");
                end += words(module, &module.types[member.ty].inner, &name);
            }
            assert_eq!(*span, end * 4, "{what} is padded at its end");
            end
        }
        other => panic!("{what} has a type that Rust constants cannot mirror: {other:?}"),
    }
}

#[test]
fn every_operation_alone() {
    for op in every() {
        for strength in [1.0, 0.5] {
            let program = program(vec![text_step(op, strength)]);
            validate_all(&program, &mut HashSet::new());
            let module = validate(&pass_of(op, &program));
            let name = struct_name(op.id());
            let count = words(&module, find_struct(&module, &name), &name);
            assert_eq!(count as usize * 4, op.constants_bytes(), "{name}: WGSL and Rust differ in size");
        }
    }
}

#[test]
fn all_ordered_pairs() {
    let mut seen = HashSet::new();
    for first in every() {
        for second in every() {
            validate_all(&program(vec![text_step(first, 1.0), text_step(second, 0.25)]), &mut seen);
        }
    }
}

/// Area operations between point operations and behind each other, in all the forms that a step and a picture can have.
#[test]
fn area_operations_in_every_form() {
    let rgba = |alpha| PixelLayout { channels: Channels::Rgba, alpha, ..RGB16 };
    let mut seen = HashSet::new();
    for op in every().filter(|op| op.is_area()) {
        for layout in [RGB16, rgba(Alpha::Associated), rgba(Alpha::Unassociated)] {
            for (reach, last, masked, kept) in [
                (Reach::Margin { x: 2, y: 2 }, true, true, true),
                (Reach::Margin { x: 2, y: 2 }, true, true, false),
                (Reach::Margin { x: 2, y: 2 }, false, false, true),
                (Reach::Rows((0..64).map(|y| (y, 1)).collect()), true, false, false),
            ] {
                let first = if kept { "keep" } else { "invert" };
                let first = text_step(every().find(|op| op.id() == first).unwrap(), 1.0);
                let mut step = text_step(op, 0.5);
                (step.area, step.last, step.masked) = (Some(area(reach)), last, masked);
                let steps = vec![first.clone(), step.clone(), step.clone(), text_step(ALL[0], 0.25), step];
                let dither_seed = Some(1);
                let output = PixelLayout { sample: SampleType::U8, ..layout };
                validate_all(&Program { input: layout, output, dither_seed, ..program(steps) }, &mut seen);
            }
        }
    }
}

#[test]
fn a_long_chain_reads_what_was_written() {
    let steps: Vec<_> = every().chain(every()).zip([1.0, 0.3, 1.0].into_iter().cycle()).collect();
    let steps = steps.into_iter().map(|(op, strength)| text_step(op, strength)).collect();
    let mut bytes = 0;
    for composed in compose(&program(steps)) {
        let module = validate(&composed);
        let count = words(&module, find_struct(&module, "Constants"), "Constants");
        assert_eq!(count as usize * 4, composed.constants.len());
        bytes += composed.constants.len();
    }
    let strengths = every().chain(every()).count() / 3;
    assert!(bytes >= 2 * every().map(|op| op.constants_bytes()).sum::<usize>() + 4 * strengths);
}

#[test]
fn every_layout_in_and_out() {
    let layouts: Vec<_> = [SampleType::U8, SampleType::U16, SampleType::F16, SampleType::F32]
        .into_iter()
        .flat_map(|sample| {
            [
                (Channels::Gray, Alpha::None),
                (Channels::GrayAlpha, Alpha::Associated),
                (Channels::Rgb, Alpha::None),
                (Channels::Rgba, Alpha::Unassociated),
                (Channels::Rgba, Alpha::Associated),
            ]
            .map(|(channels, alpha)| PixelLayout { sample, channels, alpha })
        })
        .collect();
    for input in &layouts {
        for output in &layouts {
            for (supplied_depth, dither_seed) in [(false, None), (true, Some(7))] {
                let program = Program {
                    input: *input,
                    output: *output,
                    supplied_depth,
                    dither_seed,
                    ..program(vec![text_step(ALL[0], 1.0)])
                };
                validate_all(&program, &mut HashSet::new());
            }
        }
        assert_eq!(group_words(*input) * 4, input.pixel_bytes() * 4);
    }
    validate_all(&Program { output: layouts[0], ..program(Vec::new()) }, &mut HashSet::new());
}

#[test]
fn numbers_do_not_change_the_text() {
    let mut other = program(vec![text_step(ALL[0], 0.5)]);
    let text = compose(&other)[0].text.clone();
    other.steps[0].constants.fill(1);
    other.steps[0].strength = 0.25;
    other.dither_seed = Some(9);
    assert_eq!(compose(&other)[0].text, text);
}

#[test]
fn errors_name_file_and_line_of_the_operation() {
    let mut step = text_step(chiaro::ops::find("invert").unwrap(), 1.0);
    step.wgsl =
        "struct Invert {\n    white: f32,\n}\n\nfn invert(c: Invert, before: Px) -> Px {\n    return befor;\n}\n";
    let message = parse(&compose(&program(vec![text_step(ALL[1], 1.0), step.clone()]))[0]).unwrap_err();
    assert!(message.starts_with("shaders/ops/invert.wgsl:6: "), "{message}");
    step.area = Some(area(Reach::Margin { x: 1, y: 1 }));
    let passes = compose(&program(vec![text_step(ALL[1], 1.0), step]));
    assert!(parse(&passes[0]).is_ok());
    let message = parse(&passes[1]).unwrap_err();
    assert!(message.starts_with("shaders/ops/invert.wgsl:6: "), "{message}");
    let composed = &compose(&program(vec![text_step(ALL[0], 1.0)]))[0];
    assert_eq!(composed.origin(1), "shaders/lib/pixel.wgsl:1");
    assert!(composed.origin(u32::MAX).starts_with("composed:"));
}
