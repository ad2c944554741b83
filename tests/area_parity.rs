//! Area operations on the GPU agree with the CPU, which is the definition, and give the same bits however a picture is cut. Runs on Mesa's
//! software adapter. A new operation is covered by being in the list.
#![cfg(feature = "gpu")]

#[path = "common/gpu.rs"]
mod common;
#[path = "common/spread.rs"]
mod spread;

use chiaro::error::Error;
use chiaro::exec::Executor;
use chiaro::exec::gpu::Gpu;
use chiaro::ops::area::{Area, Reach};
use chiaro::ops::{self, ALL, AnyOp, Context, Frame, Op, ParamSet, Px, Step, Tables};
use chiaro::picture::{Alpha, Channels, Extent, PixelLayout, Region, SampleType, Strip};
use chiaro::plan::Program;
use common::{Random, cpu, depth, gpu, samples};

/// Odd, and wider than a workgroup.
const EXTENT: Extent = Extent { width: 77, height: 53 };

/// Stands for operations that make masks: 0, in between and 1, in blocks.
struct Checks;

impl Op for Checks {
    const ID: &'static str = "checks";
    const WGSL: &'static str = "struct Checks {\n    size: f32,\n}\n\nfn checks(c: Checks, before: Px) -> Px {\n    var px = before;\n    px.mask = f32((px.x / u32(c.size) + px.y / u32(c.size)) % 3u) * 0.5;\n    return px;\n}\n";
    const WRITES_BESIDE: bool = true;
    type Params = ops::invert::Params;
    type Constants = ops::invert::Constants;

    fn prepare(_: &Self::Params, _: &Context, _: &mut Tables) -> Result<Self::Constants, String> {
        Ok(ops::invert::Constants { white: 1.0 })
    }

    fn pixel(c: &Self::Constants, _: &[u32], px: Px) -> Px {
        let size = c.white as u32;
        Px { mask: ((px.x / size + px.y / size) % 3) as f32 * 0.5, ..px }
    }
}

fn checks() -> Step {
    Step::new::<Checks>(&ops::invert::Constants { white: 9.0 }, 1.0)
}

fn exposure(gain: f32, strength: f32) -> Step {
    Step::new::<ops::exposure::Spec>(&ops::exposure::Constants { gain }, strength)
}

/// What is tested.
#[derive(Clone, Copy)]
enum Subject {
    Listed(&'static dyn AnyOp),
    Spread,
}

fn areas() -> impl Iterator<Item = Subject> {
    let listed = ALL.iter().copied().filter(|op| op.is_area()).map(Subject::Listed);
    listed.chain(std::iter::once(Subject::Spread))
}

impl Subject {
    fn id(self) -> &'static str {
        match self {
            Self::Listed(op) => op.id(),
            Self::Spread => spread::Spread::ID,
        }
    }

    fn tolerance(self) -> f64 {
        match self {
            Self::Listed(op) => f64::from(op.tolerance_codes()),
            Self::Spread => 0.5,
        }
    }

    /// All stages, with random parameters that change something.
    fn stages(self, random: &mut Random, strength: f32, extent: &mut Extent, tables: &mut Tables) -> Vec<Step> {
        match self {
            Self::Listed(op) => random_stages(op, random, strength, extent, tables),
            Self::Spread => spread::stages(*extent, strength),
        }
    }
}

/// All stages of an operation for a picture of `extent`, which becomes that of the result.
fn stages(
    op: &dyn AnyOp,
    set: &ParamSet,
    strength: f32,
    extent: &mut Extent,
    tables: &mut Tables,
) -> Result<Vec<Step>, String> {
    let came = *extent;
    let stage = |stage| {
        let frame = Frame { extent: *extent, resized_from: (stage > 0).then_some(came), ..Frame::default() };
        let step = op.step(set, &Context { frame, stage, ..common::context() }, tables, strength)?;
        *extent = step.area.as_ref().map_or(*extent, |area| area.extent_out);
        Ok(step)
    };
    let mut steps = (0..op.stages(set)).map(stage).collect::<Result<Vec<_>, String>>()?;
    // As plans do.
    steps.retain(|step| !step.area.as_ref().is_some_and(|area| area.is_idle()));
    if steps.is_empty() { Err("does nothing".to_owned()) } else { Ok(steps) }
}

/// An operation with random parameters that it takes and that change something.
fn random_stages(
    op: &dyn AnyOp,
    random: &mut Random,
    strength: f32,
    extent: &mut Extent,
    tables: &mut Tables,
) -> Vec<Step> {
    for _ in 0..200 {
        let set = random.params(op, 1.0);
        let (mut size, mut data) = (*extent, tables.clone());
        if op.is_identity(&set) {
            continue;
        }
        if let Ok(steps) = stages(op, &set, strength, &mut size, &mut data) {
            (*extent, *tables) = (size, data);
            return steps;
        }
    }
    panic!("{} refuses all parameters that were tried", op.id())
}

/// True when every step leaves the size as it is: alpha then stays as well.
fn keeps_size(steps: &[Step]) -> bool {
    steps.iter().filter_map(|step| step.area.as_ref()).all(|area| matches!(area.reach, Reach::Margin { .. }))
}

fn layouts() -> [PixelLayout; 4] {
    let of = common::layout;
    [
        of(SampleType::U16, Channels::Rgb, Alpha::None),
        of(SampleType::F32, Channels::Rgb, Alpha::None),
        of(SampleType::F32, Channels::Rgba, Alpha::Associated),
        of(SampleType::F32, Channels::Rgba, Alpha::Unassociated),
    ]
}

/// Edges and noise; alpha 0, 0.5 and 1 in blocks, with light where nothing is covered.
fn picture(layout: PixelLayout, extent: Extent) -> Strip {
    let mut strip = Strip::new(Region { width: extent.width, y: 0, rows: extent.height }, layout);
    let mut random = Random(17);
    let (width, count) = (extent.width as usize, layout.channels.count());
    let bytes = layout.sample.bytes();
    for (i, sample) in strip.bytes_mut().chunks_exact_mut(bytes).enumerate() {
        let (x, y, channel) = (i / count % width, i / count / width, i % count);
        let alpha = [1.0, 0.5, 0.0][(x / 20 + y / 15) % 3];
        let level = if (x / 9 + y / 7).is_multiple_of(2) { 0.7 } else { 0.15 };
        let color = level * [1.0, 0.8, 0.6][channel % 3] + 0.2 * random.unit();
        let value = match (channel == 3, layout.alpha) {
            (true, _) => alpha,
            (false, Alpha::Associated) => color * if alpha > 0.0 { alpha } else { 0.1 },
            _ => color,
        };
        match layout.sample {
            SampleType::U8 => sample.copy_from_slice(&[(value * 255.0) as u8]),
            SampleType::U16 => sample.copy_from_slice(&((value * 65_535.0) as u16).to_ne_bytes()),
            _ => sample.copy_from_slice(&(value as f32).to_ne_bytes()),
        }
    }
    strip
}

/// Guide, disparity and mask, then `steps`.
fn program(layout: PixelLayout, steps: &[Step], tables: Tables) -> Program {
    let supplied = ops::supplied::Constants { scale: 1.05, offset: -0.05 };
    let mut all =
        vec![ops::guide::step(ops::guide::Of::Codes), Step::new::<ops::supplied::Spec>(&supplied, 1.0), checks()];
    all.extend_from_slice(steps);
    // Where resampled alpha is close to 0, only associated color is well defined.
    let alpha = if layout.channels.has_alpha() && !keeps_size(&all) { Alpha::Associated } else { layout.alpha };
    let output = PixelLayout { alpha, ..layout };
    Program { supplied_depth: true, ..Program::of(layout, output, all, tables) }
}

/// Renders in strips of `rows` of the result, each from the rows it needs and no more.
fn render(executor: &dyn Executor, program: &Program, whole: &Strip, rows: u32) -> Strip {
    let depth = depth(whole.region.pixels());
    let width = whole.region.width;
    let extent = program.extent_out(Extent { width, height: whole.region.rows });
    let mut result = Strip::new(Region { width: extent.width, y: 0, rows: extent.height }, program.output);
    let mut at = 0;
    for y in (0..extent.height).step_by(rows as usize) {
        let region = Region { width: extent.width, y, rows: rows.min(extent.height - y) };
        let (first, end) = program.rows_needed(y, y + region.rows);
        let mut input = Strip::new(Region { width, y: first, rows: end - first }, whole.layout);
        let (from, len) = (first as usize * whole.row_bytes(), input.byte_len());
        input.bytes_mut().copy_from_slice(&whole.bytes()[from..from + len]);
        let depth = &depth[(first * width) as usize..(end * width) as usize];
        let mut output = Strip::new(Region { width: 1, y: 0, rows: 0 }, program.output);
        executor.run_rows(program, &input, Some(depth), region, &mut output).unwrap();
        result.bytes_mut()[at..at + output.byte_len()].copy_from_slice(output.bytes());
        at += output.byte_len();
    }
    result
}

fn all_rows(executor: &dyn Executor, program: &Program, whole: &Strip) -> Strip {
    render(executor, program, whole, u32::MAX)
}

/// Largest difference from the definition in 16-bit codes of the larger of 1 and the value.
fn difference(gpu: &Gpu, program: &Program, input: &Strip) -> f64 {
    let (expected, actual) = (all_rows(&cpu(), program, input), all_rows(gpu, program, input));
    let (expected, actual) = (samples(&expected), samples(&actual));
    assert_eq!(actual.len(), expected.len());
    let integer = program.output.sample.is_integer();
    let codes = |(a, e): (&f64, &f64)| {
        assert!(a.is_finite() && e.is_finite(), "{a} instead of {e}");
        if integer { (a - e).abs() } else { (a - e).abs() * 65_535.0 / e.abs().max(1.0) }
    };
    actual.iter().zip(&expected).map(codes).fold(0.0, f64::max)
}

fn check(gpu: &Gpu, op: Subject, what: &str, program: &Program) {
    let found = difference(gpu, program, &picture(program.input, EXTENT));
    let tolerance = op.tolerance();
    let allowed = if program.output.sample.is_integer() { tolerance.ceil() } else { tolerance };
    assert!(found <= allowed, "{} {what} in {}: {found} codes, allowed {allowed}", op.id(), program.input);
}

#[test]
fn every_area_operation_within_its_tolerance() {
    let Some(gpu) = gpu() else { return };
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for op in areas() {
        for layout in layouts() {
            for (strength, masked) in [(1.0, false), (0.37, false), (1.0, true), (0.6, true)] {
                let mut tables = Tables(vec![1, 2, 3]);
                let mut steps = op.stages(&mut random, strength, &mut EXTENT.clone(), &mut tables);
                if let Some(last) = steps.last_mut() {
                    last.masked = masked;
                }
                let what = format!("at strength {strength}, masked {masked}");
                check(gpu, op, &what, &program(layout, &steps, tables));
            }
        }
    }
}

/// Pixels that are infinite or no number, of which neighbors see nothing, or 65504 where they are resampled.
#[test]
fn broken_pixels_agree() {
    let Some(gpu) = gpu() else { return };
    let mut random = Random(31);
    let odd = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
    for op in ALL.iter().copied().filter(|op| op.is_area()) {
        for layout in layouts().into_iter().filter(|layout| layout.sample == SampleType::F32) {
            let mut tables = Tables::default();
            let steps = random_stages(op, &mut random, 1.0, &mut EXTENT.clone(), &mut tables);
            let program = program(layout, &steps, tables);
            let mut input = picture(layout, EXTENT);
            let bytes = layout.pixel_bytes();
            for (i, pixel) in input.bytes_mut().chunks_exact_mut(bytes).enumerate() {
                let channel = i % 3;
                if i % 601 < 2 {
                    pixel[4 * channel..4 * channel + 4].copy_from_slice(&odd[i / 601 % 3].to_ne_bytes());
                }
            }
            let (expected, actual) = (all_rows(&cpu(), &program, &input), all_rows(gpu, &program, &input));
            // Sums of 65504 under weights of both signs cancel.
            let (tolerance, cancels) = (f64::from(op.tolerance_codes()) / 65_535.0, !keeps_size(&steps));
            for (i, (e, a)) in samples(&expected).into_iter().zip(samples(&actual)).enumerate() {
                let near = (a - e).abs() <= tolerance * e.abs().max(1.0) || cancels && (a - e).abs() < 0.1;
                assert!(near || !e.is_finite() && !a.is_finite(), "{} in {layout}: {a} instead of {e}, {i}", op.id());
            }
        }
    }
}

#[test]
fn point_operations_in_front_and_behind() {
    let Some(gpu) = gpu() else { return };
    let mut random = Random(5);
    let mut show = Step::new::<ops::show_disparity::Spec>(&ops::show_disparity::Constants { gain: 1.0 }, 0.3);
    show.masked = true;
    for op in areas() {
        for layout in layouts() {
            let mut tables = Tables::default();
            let mut steps = vec![exposure(0.8, 0.5)];
            steps.extend(op.stages(&mut random, 1.0, &mut EXTENT.clone(), &mut tables));
            steps.extend([exposure(1.1, 0.5), show.clone()]);
            check(gpu, op, "between point operations", &program(layout, &steps, tables));
        }
    }
}

/// Pixels that no masked operation touched come back bit for bit; the others are those of the definition.
#[test]
fn what_was_kept_is_restored() {
    let Some(gpu) = gpu() else { return };
    let mut random = Random(23);
    for op in areas() {
        for layout in layouts() {
            let mut tables = Tables::default();
            let mut steps = vec![ops::keep::step(), exposure(0.9, 1.0)];
            steps.extend(op.stages(&mut random, 1.0, &mut EXTENT.clone(), &mut tables));
            if !keeps_size(&steps) {
                continue;
            }
            if let Some(last) = steps.last_mut() {
                last.masked = true;
            }
            steps.push(ops::restore::step());
            let program = program(layout, &steps, tables);
            check(gpu, op, "with kept values", &program);
            if layout.alpha == Alpha::None {
                let input = picture(layout, EXTENT);
                let output = all_rows(gpu, &program, &input);
                let bytes = layout.pixel_bytes();
                let pixels = input.bytes().chunks_exact(bytes).zip(output.bytes().chunks_exact(bytes));
                for (i, (before, after)) in (0u32..).zip(pixels) {
                    let (x, y) = (i % EXTENT.width, i / EXTENT.width);
                    let untouched = (x / 9 + y / 9).is_multiple_of(3);
                    assert!(!untouched || before == after, "{}: {x}, {y}", op.id());
                }
            }
        }
    }
}

/// Every area operation, twice, with point operations between: the result.
fn twice(op: Subject, random: &mut Random, layout: PixelLayout) -> Program {
    let (mut tables, mut extent) = (Tables::default(), EXTENT);
    let mut steps = op.stages(random, 0.8, &mut extent, &mut tables);
    steps.push(exposure(0.9, 0.5));
    steps.extend(op.stages(random, 1.0, &mut extent, &mut tables));
    let input = PixelLayout { sample: SampleType::U16, ..layout };
    let program = program(input, &steps, tables);
    let output = PixelLayout { sample: SampleType::U8, ..program.output };
    Program { output, dither_seed: Some(3), ..program }
}

#[test]
fn results_do_not_depend_on_strips_bands_or_callers() {
    let Some(gpu) = gpu() else { return };
    let mut random = Random(29);
    for op in areas() {
        for layout in [layouts()[0], layouts()[2]] {
            let program = twice(op, &mut random, layout);
            let whole = picture(program.input, EXTENT);
            let expected = all_rows(gpu, &program, &whole);
            for rows in [1, 7, 64] {
                let found = render(gpu, &program, &whole, rows);
                assert!(found.bytes() == expected.bytes(), "{}: strips of {rows} rows differ", op.id());
            }
            for pixels in [1, 400] {
                let Some(banded) = common::open() else { return };
                let found = all_rows(&banded.with_band_pixels(pixels), &program, &whole);
                assert!(found.bytes() == expected.bytes(), "{}: bands of {pixels} pixels differ", op.id());
            }
            std::thread::scope(|scope| {
                for rows in [5, 9, 20, 53] {
                    let (program, whole, expected) = (&program, &whole, &expected);
                    scope.spawn(move || {
                        let found = render(gpu, program, whole, rows);
                        assert!(found.bytes() == expected.bytes(), "beside others, {rows} rows differ");
                    });
                }
            });
        }
    }
}

/// A step that reads nothing around: for what does not depend on the operation.
fn plain(extent: Extent, reach: Reach) -> Step {
    let mut step = Step::new::<ops::invert::Spec>(&ops::invert::Constants { white: 1.0 }, 1.0);
    step.area = Some(Area { extent_in: extent, extent_out: extent, reach });
    step
}

#[test]
fn what_a_device_cannot_hold_is_said_before_and_is_an_error() {
    let Some(gpu) = gpu() else { return };
    let gray = common::layout(SampleType::U8, Channels::Gray, Alpha::None);
    let wide = |width| {
        let step = plain(Extent { width, height: 1 }, Reach::Margin { x: 1, y: 1 });
        Program::of(gray, gray, vec![step], Tables::default())
    };
    assert!(gpu.fits(&wide(100_000)));
    assert!(!gpu.fits(&wide(1 << 30)));
    assert!(gpu.fits(&Program { steps: vec![exposure(2.0, 1.0)], ..wide(1) }));
    let Some(width) = (20..27).map(|bits| 1 << bits).find(|width| !gpu.fits(&wide(*width))) else { return };
    let region = Region { width, y: 0, rows: 1 };
    let mut output = Strip::new(region, gray);
    match gpu.run_rows(&wide(width), &Strip::new(region, gray), None, region, &mut output) {
        Err(Error::Environment(message)) => assert!(message.contains("row 0 of the result needs"), "{message}"),
        other => panic!("expected an environment error, got {other:?}"),
    }
    // Rows that are missing are said as well, and the device goes on.
    let few = Region { width: EXTENT.width, y: 3, rows: 5 };
    let step = plain(EXTENT, Reach::Margin { x: 1, y: 1 });
    let program = Program::of(gray, gray, vec![step], Tables::default());
    match gpu.run_rows(&program, &Strip::new(few, gray), None, few, &mut output) {
        Err(Error::Environment(message)) => assert!(message.contains("rows 3 to 8"), "{message}"),
        other => panic!("expected an environment error, got {other:?}"),
    }
    gpu.run_rows(&program, &picture(gray, EXTENT), None, few, &mut output).unwrap();
}
