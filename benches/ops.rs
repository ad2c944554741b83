//! Every operation and conversion over one chunk in the first-level cache, on every instruction set of this machine: what a fused pass
//! is made of. `lut` is measured by whole programs, since it needs a file.

use std::hint::black_box;
use std::sync::Arc;

use chiaro::color::curve::Direction;
use chiaro::color::encodings::{self, SRGB_CURVE};
use chiaro::color::matrix;
use chiaro::depth::reduce::{ReducePlan, TileSums};
use chiaro::exec::Executor;
use chiaro::exec::cpu::{self, Cpu};
use chiaro::ops::{self, ALL, CHUNK, Chunk, Context, Isa, Kind, PLUMBING, Tables, Value, transfer};
use chiaro::picture::{Alpha, Channels, Extent, PixelLayout, Region, SampleType, Strip};
use chiaro::plan::{Program, guide_program};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn chunk() -> Box<Chunk> {
    let mut chunk = Box::new(Chunk { len: CHUNK, ..Chunk::new() });
    for i in 0..CHUNK {
        let v = i as f32 / CHUNK as f32;
        (chunk.rgb[0][i], chunk.rgb[1][i], chunk.rgb[2][i]) = (v, 1.0 - v, v * v);
        (chunk.guide[i], chunk.disparity[i]) = (v, 1.0 - v);
    }
    chunk
}

fn operations(c: &mut Criterion) {
    for op in ALL.iter().chain(PLUMBING) {
        let mut set = op.defaults();
        for p in op.params() {
            if let Kind::Number { max, .. } = p.kind {
                // Away from the identity, within range: nothing is shortcut.
                set.insert(p.name, Value::Number(max.min(1.0) * 0.5));
            }
        }
        if set.contains_key("to") {
            set.insert("to", Value::Number(1.0));
        }
        let mut tables = Tables::default();
        let Ok(step) = op.step(&set, &Context::default(), &mut tables, 1.0) else { continue };
        let mut group = c.benchmark_group(op.id());
        group.throughput(Throughput::Elements(CHUNK as u64));
        for isa in Isa::available() {
            let mut chunk = chunk();
            group.bench_function(isa.name(), |b| b.iter(|| step.run(&tables.0, isa, &mut chunk)));
        }
    }
}

/// The conversions at both ends of nearly every pass: the curve of sRGB, Display P3 and the `grade` domain.
fn srgb_curve(c: &mut Criterion) {
    for direction in [Direction::Decode, Direction::Encode] {
        let mut tables = Tables::default();
        let Some(step) = transfer::step(&SRGB_CURVE, direction, &mut tables) else { continue };
        let mut group = c.benchmark_group(format!("sRGB {direction:?}"));
        group.throughput(Throughput::Elements(CHUNK as u64));
        for isa in Isa::available() {
            let source = chunk();
            let mut chunk = chunk();
            group.bench_function(isa.name(), |b| {
                b.iter(|| {
                    chunk.rgb = source.rgb;
                    step.run(&tables.0, isa, &mut chunk);
                })
            });
        }
    }
}

/// Whole passes over 16-bit RGB on one thread, both ends included, and the look of the analyse phase for the depth model.
fn passes(c: &mut Criterion) {
    let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("one thread"));
    let layout = PixelLayout { sample: SampleType::U16, channels: Channels::Rgb, alpha: Alpha::None };
    let mut strip = Strip::new(Region { width: 3840, y: 0, rows: 64 }, layout);
    for (i, word) in strip.words_mut().iter_mut().enumerate() {
        *word = (i as u32).wrapping_mul(0x9e37_79b1);
    }
    let pixels = Throughput::Elements(strip.region.pixels() as u64);
    let (mut tables, linear) = (Tables::default(), matrix::between(&matrix::DISPLAY_P3, &matrix::REC2020));
    let step = linear.and_then(|m| ops::matrix::step(&m)).expect("two spaces");
    let mut curve = |direction| transfer::step(&SRGB_CURVE, direction, &mut tables).expect("a curve");
    let there_and_back = [curve(Direction::Decode), step.clone(), step.clone(), curve(Direction::Encode)];
    for (name, steps) in [("pass: one matrix", vec![step]), ("pass: to linear and back", there_and_back.to_vec())] {
        let program = Program::of(layout, layout, steps, Tables::default());
        let mut group = c.benchmark_group(name);
        group.throughput(pixels.clone());
        for isa in Isa::available() {
            let (cpu, mut out) = (Cpu::new(pool.clone(), isa), Strip::new(strip.region, layout));
            group.bench_function(isa.name(), |b| b.iter(|| cpu.run(&program, &strip, None, &mut out)));
        }
    }
    let geometry = ReducePlan::new(Extent { width: 3840, height: 2160 }, (256, 192)).expect("a small picture");
    for encoding in [encodings::srgb(), encodings::display_p3()] {
        let program = guide_program(layout, &encoding);
        let mut group = c.benchmark_group(format!("look: {}", encoding.name));
        group.throughput(pixels.clone());
        for isa in Isa::available() {
            let add = |tile: &mut TileSums, chunk: &Chunk| {
                let [r, g, b] = &chunk.rgb;
                let planes = [r, g, b, &chunk.guide].map(|plane| &plane[..chunk.len]);
                tile.add(&geometry, isa, (chunk.x, chunk.y), planes, |cells| _ = black_box(cells));
            };
            let finish = |tile: &mut TileSums| tile.finish(&geometry, |cells| _ = black_box(cells));
            group.bench_function(isa.name(), |b| {
                b.iter(|| cpu::visit_tiles(&pool, &program, &strip, isa, TileSums::default, add, finish))
            });
        }
    }
}

criterion_group!(benches, operations, srgb_curve, passes);
criterion_main!(benches);
