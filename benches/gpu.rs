//! One fused pass over a 3840x2160 RGB picture of 16 bit, end to end (upload, dispatch, readback), beside the CPU executor.
//!
//! `cargo bench --bench gpu` uses the fastest hardware GPU; `CHIARO_BENCH_GPU=name` another one, llvmpipe included. Without a GPU only the
//! CPU is measured, and the run says so.

use std::sync::Arc;

use chiaro::color::curve::Direction;
use chiaro::color::{encodings, matrix};
use chiaro::exec::Executor;
use chiaro::exec::cpu::Cpu;
use chiaro::exec::gpu::{Gpu, Selection};
use chiaro::ops::{self, Isa, Step, Tables};
use chiaro::picture::{Alpha, Channels, Extent, PixelLayout, Region, SampleType, Strip};
use chiaro::plan::Program;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const EXTENT: Extent = Extent { width: 3840, height: 2160 };
/// Rows of a strip: 8 MiB of samples, as plans choose.
const ROWS: u32 = 364;

/// sRGB to light, half a stop, Rec.709 to Rec.2020, and back to code values.
fn program() -> Program {
    let layout = PixelLayout { sample: SampleType::U16, channels: Channels::Rgb, alpha: Alpha::None };
    let mut tables = Tables::default();
    let mut curve = |direction| ops::transfer::step(&encodings::SRGB_CURVE, direction, &mut tables);
    let (decode, encode) = (curve(Direction::Decode), curve(Direction::Encode));
    let exposure = Step::new::<ops::exposure::Spec>(&ops::exposure::Constants { gain: 1.414 }, 1.0);
    let between = matrix::between(&matrix::REC709, &matrix::REC2020).unwrap_or(matrix::IDENTITY);
    let steps = [decode, Some(exposure), ops::matrix::step(&between), encode].into_iter().flatten().collect();
    Program::of(layout, layout, steps, tables)
}

fn strips(layout: PixelLayout) -> Vec<Strip> {
    Region::strips(EXTENT, ROWS)
        .map(|region| {
            let mut strip = Strip::new(region, layout);
            for (i, word) in strip.words_mut().iter_mut().enumerate() {
                *word = (i as u32).wrapping_mul(0x9e37_79b1);
            }
            strip
        })
        .collect()
}

fn measure(criterion: &mut Criterion) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let Ok(pool) = pool else { return eprintln!("no thread could be started") };
    let mut executors: Vec<Box<dyn Executor>> = vec![Box::new(Cpu::new(Arc::new(pool), Isa::best()))];
    let selection = std::env::var("CHIARO_BENCH_GPU").map_or(Selection::Any, Selection::Name);
    match Gpu::new(&selection) {
        Ok(gpu) => executors.extend(gpu.map(|gpu| Box::new(gpu) as Box<dyn Executor>)),
        Err(e) => eprintln!("only the CPU is measured: {e}"),
    }
    let program = program();
    let input = strips(program.input);
    let mut output = input[0].clone();
    let mut group = criterion.benchmark_group("curve, exposure, matrix, curve; 3840x2160 RGB16");
    group.sample_size(10).throughput(Throughput::Elements(EXTENT.pixels()));
    for executor in &executors {
        group.bench_function(executor.describe(), |bench| {
            bench.iter(|| {
                for strip in &input {
                    executor.run(&program, strip, None, &mut output).unwrap_or_else(|e| panic!("{e}"));
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, measure);
criterion_main!(benches);
