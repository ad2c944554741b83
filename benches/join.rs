//! Speed of the depth join: evaluation per pixel, the fit, the reduction of a strip, one inference of the embedded model.
#![allow(missing_docs, reason = "criterion's macros write functions without documentation")]

use chiaro::depth::join::{JoinSettings, fit};
use chiaro::depth::reduce::{ReducePlan, Reduced, TileSums};
use chiaro::ops::disparity::{RowEvaluator, evaluate};
use chiaro::ops::{CHUNK, Isa};
use chiaro::picture::Extent;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

const WIDTH: u32 = 3840;
const ROWS: u32 = 64;

/// A reduced picture and a map whose edges follow it.
fn scene(width: u32, height: u32) -> (Reduced, Vec<f32>) {
    let at = |i: u32| ((i % width) as f32 / width as f32, (i / width) as f32 / height as f32);
    let guide: Vec<f32> = (0..width * height)
        .map(|i| {
            let (u, v) = at(i);
            if (u * 5.0).fract() < 0.5 { 0.2 + 0.3 * v } else { 0.7 - 0.2 * u }
        })
        .collect();
    let map =
        (0..width * height).map(|i| if (at(i).0 * 5.0).fract() < 0.5 { 0.8 } else { 0.2 + 0.3 * at(i).1 }).collect();
    let guide_squared = guide.iter().map(|g| g * g + 0.001).collect();
    (Reduced { width, height, rgb: [&guide[..]; 3].concat(), guide, guide_squared }, map)
}

fn evaluation(c: &mut Criterion) {
    let (reduced, map) = scene(256, 192);
    let table = fit(&map, &reduced, &JoinSettings::default());
    let constants = table.constants(0, (WIDTH, 2160));
    let guide: Vec<f32> = (0..WIDTH).map(|x| (x % 97) as f32 / 96.0).collect();
    let mut group = c.benchmark_group("join evaluate");
    group.throughput(Throughput::Elements(u64::from(WIDTH)));
    group.bench_function("rows", |b| {
        let (mut rows, mut out) = (RowEvaluator::default(), vec![0.0; WIDTH as usize]);
        b.iter(|| {
            rows.prepare(&constants, table.words(), 999, 0, WIDTH as usize);
            rows.evaluate(&constants, &guide, 0, &mut out);
            black_box(&out);
        });
    });
    group.bench_function("points", |b| {
        b.iter(|| {
            let sum: f32 = (0..WIDTH).map(|x| evaluate(&constants, table.words(), guide[x as usize], x, 999)).sum();
            black_box(sum)
        });
    });
    group.finish();
}

fn fits(c: &mut Criterion) {
    let mut group = c.benchmark_group("join fit");
    for (size, edge_error_px) in [((256, 192), 0), ((256, 192), 2), ((784, 518), 0)] {
        let (reduced, map) = scene(size.0, size.1);
        let settings = JoinSettings { edge_error_px, ..JoinSettings::default() };
        let name = format!("{}x{} edge error {edge_error_px}", size.0, size.1);
        group.bench_function(BenchmarkId::from_parameter(name), |b| b.iter(|| fit(&map, &reduced, &settings)));
    }
    group.finish();
}

fn reduction(c: &mut Criterion) {
    let plan = ReducePlan::new(Extent { width: WIDTH, height: 2160 }, (256, 192)).expect("a small picture");
    let plane: Vec<f32> = (0..WIDTH * ROWS).map(|i| (i % 1013) as f32 / 1012.0).collect();
    let mut group = c.benchmark_group("reduce");
    group.throughput(Throughput::Elements(u64::from(WIDTH * ROWS)));
    group.bench_function("strip of 4 planes", |b| {
        let mut tile = TileSums::default();
        b.iter(|| {
            for x in (0..WIDTH).step_by(CHUNK) {
                for y in 0..ROWS {
                    let at = (y * WIDTH + x) as usize;
                    let run = &plane[at..at + CHUNK.min((WIDTH - x) as usize)];
                    tile.add(&plan, Isa::best(), (x, 640 + y), [run; 4], |cells| _ = black_box(cells));
                }
                tile.finish(&plan, |cells| _ = black_box(cells));
            }
        });
    });
    group.finish();
}

#[cfg(feature = "onnx")]
fn inference(c: &mut Criterion) {
    use chiaro::depth::engine::{Engine, EngineChoice};
    use chiaro::depth::registry::ModelEntry;
    let model = ModelEntry::embedded();
    let mut group = c.benchmark_group("inference");
    group.sample_size(20);
    for choice in [EngineChoice::Rten, EngineChoice::Ort(None)] {
        let Ok(engine) = Engine::resolve(&choice, 1) else { continue };
        let size = model.input_size(Extent { width: 3, height: 2 });
        let (Ok(mut session), input) = (engine.load(&model, size), vec![0.5; 3 * (size.0 * size.1) as usize]) else {
            continue;
        };
        let mut map = Vec::new();
        group.bench_function(BenchmarkId::from_parameter(engine.info()), |b| b.iter(|| session.run(&input, &mut map)));
    }
    group.finish();
}

#[cfg(not(feature = "onnx"))]
fn inference(_: &mut Criterion) {}

criterion_group!(benches, evaluation, fits, reduction, inference);
criterion_main!(benches);
