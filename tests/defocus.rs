//! Defocus with its fields: the GPU agrees with the CPU, and strips do not matter. Without fields it is covered by the tests of all area
//! operations.
#![cfg(feature = "gpu")]

#[path = "common/gpu.rs"]
mod common;

use std::sync::Arc;

use chiaro::exec::Executor;
use chiaro::ops::field::Proxy;
use chiaro::ops::{self, Context, Frame, ParamSet, Step, Tables, Value};
use chiaro::picture::{Alpha, Channels, Extent, PixelLayout, Region, SampleType, Strip};
use chiaro::plan::Program;
use common::{cpu, gpu, samples};

const EXTENT: Extent = Extent { width: 133, height: 70 };
const LAYOUTS: [PixelLayout; 2] = [
    PixelLayout { sample: SampleType::F32, channels: Channels::Rgb, alpha: Alpha::None },
    PixelLayout { sample: SampleType::F32, channels: Channels::Rgba, alpha: Alpha::Unassociated },
];

/// Metric depth: a near block, a slope, and far away; as the channel of a picture holds it.
fn meters(x: u32, y: u32) -> f32 {
    match (x, y) {
        (20..50, 15..60) => 1.0,
        (70.., 40..) => 2.0 + (y - 40) as f32 * 0.05,
        _ => 10.0,
    }
}

/// As `ops::supplied` normalizes it.
const SCALE: (f32, f32) = (10.0 / 9.0, -1.0 / 9.0);

fn color(x: u32, y: u32) -> [f32; 3] {
    let checks = if (x / 9 + y / 7).is_multiple_of(2) { 0.7 } else { 0.1 };
    let lamp = if x % 41 == 3 && y % 17 == 5 { 6.0 } else { 0.0 };
    [checks + lamp, 0.3 * checks + 0.002 * y as f32 + lamp, 0.9 - checks + lamp]
}

fn places() -> impl Iterator<Item = (u32, u32)> {
    (0..EXTENT.width * EXTENT.height).map(|i| (i % EXTENT.width, i / EXTENT.width))
}

fn picture(layout: PixelLayout) -> Strip {
    let mut strip = Strip::new(Region { width: EXTENT.width, y: 0, rows: EXTENT.height }, layout);
    for (pixel, (x, y)) in strip.words_mut().chunks_exact_mut(layout.channels.count()).zip(places()) {
        let [r, g, b] = color(x, y);
        let alpha = [1.0, 0.5, 1.0, 0.0][(x as usize / 30 + y as usize / 30) % 4];
        for (word, value) in pixel.iter_mut().zip([r, g, b, alpha]) {
            *word = value.to_bits();
        }
    }
    strip
}

fn program(layout: PixelLayout, set: &ParamSet) -> Program {
    let op = ops::find("defocus").unwrap();
    let frame = Frame { extent: EXTENT, ..Frame::default() };
    let plane = |k: usize| places().map(|(x, y)| color(x, y)[k]).collect::<Vec<f32>>();
    let (rgb, alpha) = ([plane(0), plane(1), plane(2)], vec![1.0; places().count()]);
    let disparity: Vec<f32> = places().map(|(x, y)| (SCALE.0 / meters(x, y) + SCALE.1).clamp(0.0, 1.0)).collect();
    let field = op.field(set, &Proxy { extent: EXTENT, rgb, alpha, disparity }, &frame);
    let mut tables = Tables(vec![3, 4]);
    let supplied = ops::supplied::Constants { scale: SCALE.0, offset: SCALE.1 };
    let mut steps = vec![Step::new::<ops::supplied::Spec>(&supplied, 1.0)];
    for stage in 0..op.stages(set) {
        let context = Context { frame, stage, field: Some(Arc::new(field.clone())), ..Context::default() };
        steps.push(op.step(set, &context, &mut tables, 1.0).unwrap());
    }
    Program { supplied_depth: true, ..Program::of(layout, layout, steps, tables) }
}

fn render(executor: &dyn Executor, program: &Program, rows: u32) -> Strip {
    let whole = picture(program.input);
    let depth: Vec<f32> = places().map(|(x, y)| meters(x, y)).collect();
    let mut result = Strip::new(whole.region, program.output);
    for y in (0..EXTENT.height).step_by(rows as usize) {
        let region = Region { y, rows: rows.min(EXTENT.height - y), ..whole.region };
        let (first, end) = program.rows_needed(y, y + region.rows);
        let mut input = Strip::new(Region { y: first, rows: end - first, ..whole.region }, whole.layout);
        let (from, len) = (first as usize * whole.row_bytes(), input.byte_len());
        input.bytes_mut().copy_from_slice(&whole.bytes()[from..from + len]);
        let depth = &depth[(first * EXTENT.width) as usize..(end * EXTENT.width) as usize];
        let mut output = Strip::new(Region { width: 1, y: 0, rows: 0 }, program.output);
        executor.run_rows(program, &input, Some(depth), region, &mut output).unwrap();
        let at = y as usize * result.row_bytes();
        result.bytes_mut()[at..at + output.byte_len()].copy_from_slice(output.bytes());
    }
    result
}

#[test]
fn fields_agree_on_both_executors_and_in_strips() {
    let gpu = gpu();
    let op = ops::find("defocus").unwrap();
    let sets: [&[(&'static str, Value)]; 3] = [
        &[("max_blur", Value::Number(9.0))],
        &[
            ("max_blur", Value::Number(6.0)),
            ("focus_on", Value::Text("distance".to_owned())),
            ("focus", Value::Number(0.25)),
            ("highlights", Value::Number(3.0)),
            ("blades", Value::Number(7.0)),
            ("cat_eye", Value::Number(0.8)),
        ],
        &[
            ("max_blur", Value::Number(10.0)),
            ("focus_on", Value::Text("point".to_owned())),
            ("lens", Value::Text("physical".to_owned())),
            ("near_m", Value::Number(1.0)),
            ("far_m", Value::Number(10.0)),
            ("f_number", Value::Number(1.4)),
        ],
    ];
    for values in sets {
        let mut set = op.defaults();
        set.extend(values.iter().cloned());
        for layout in LAYOUTS {
            let program = program(layout, &set);
            let expected = render(&cpu(), &program, u32::MAX);
            let came = samples(&picture(layout));
            let changed = samples(&expected).iter().zip(&came).filter(|(a, b)| (*a - *b).abs() > 0.01).count();
            assert!(changed > 2000, "{values:?}: {changed} samples change");
            for rows in [1, 13] {
                assert!(render(&cpu(), &program, rows).bytes() == expected.bytes(), "strips of {rows} rows differ");
            }
            let Some(gpu) = gpu else { continue };
            let whole = render(gpu, &program, u32::MAX);
            for rows in [1, 13] {
                assert!(render(gpu, &program, rows).bytes() == whole.bytes(), "GPU strips of {rows} rows differ");
            }
            let found = samples(&whole);
            let codes = |(a, e): (&f64, &f64)| (a - e).abs() * 65_535.0 / e.abs().max(1.0);
            let worst = found.iter().zip(&samples(&expected)).map(codes).fold(0.0, f64::max);
            assert!(worst <= f64::from(op.tolerance_codes()), "{values:?} in {layout}: {worst} codes");
        }
    }
}
