//! Every point operation and conversion over one chunk in the first-level cache, on every instruction set of this machine: what a fused
//! pass is made of. Area operations over a picture. `lut` is measured by whole programs, since it needs a file.

use std::hint::black_box;
use std::sync::Arc;

use chiaro::color::curve::Direction;
use chiaro::color::encodings::{self, SRGB_CURVE};
use chiaro::color::matrix;
use chiaro::depth::reduce::{ReducePlan, TileSums};
use chiaro::exec::Executor;
use chiaro::exec::cpu::{self, Cpu};
use chiaro::ops::field::Proxy;
use chiaro::ops::{
    self, ALL, AnyOp, CHUNK, Chunk, Context, Frame, Isa, Kind, PLUMBING, ParamSet, Tables, Value, transfer,
};
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

/// Parameters of an operation away from those that change nothing, where it has such within range.
fn busy(op: &dyn AnyOp) -> ParamSet {
    let mut set = op.defaults();
    for p in op.params() {
        match p.kind {
            Kind::Number { max, .. } => set.insert(p.name, Value::Number(max.min(1.0) * 0.5)),
            Kind::Points { .. } => set.insert(p.name, Value::Points(vec![[0.0, 0.0], [0.4, 0.5], [1.0, 1.0]])),
            _ => continue,
        };
    }
    if set.contains_key("to") {
        set.insert("to", Value::Number(1.0));
    }
    set
}

/// The picture that fields are made of and area operations run over.
const FRAME: Frame = Frame { extent: Extent { width: 1024, height: 256 }, orientation: 1, resized_from: None };

/// What an operation is prepared with: a field of smooth waves where it wants one.
fn context(op: &dyn AnyOp, set: &ParamSet) -> Context {
    let extent = Extent { width: 256, height: 64 };
    let wave = |step: f32| -> Vec<f32> { (0..extent.pixels()).map(|i| 0.5 + 0.4 * (i as f32 * step).sin()).collect() };
    let field = op.wants_field(set).then(|| {
        let rgb = [wave(0.11), wave(0.07), wave(0.05)];
        let proxy = Proxy { extent, rgb, alpha: vec![1.0; extent.pixels() as usize], disparity: wave(0.013) };
        Arc::new(op.field(set, &proxy, &FRAME))
    });
    Context { frame: FRAME, field, ..Context::default() }
}

/// Point operations, one chunk at a time.
fn operations(c: &mut Criterion) {
    for op in ALL.iter().chain(PLUMBING).filter(|op| !op.is_area()) {
        let (set, mut tables) = (busy(*op), Tables::default());
        let Ok(step) = op.step(&set, &context(*op, &set), &mut tables, 1.0) else { continue };
        let mut group = c.benchmark_group(op.id());
        group.throughput(Throughput::Elements(CHUNK as u64));
        for isa in Isa::available() {
            let mut chunk = chunk();
            group.bench_function(isa.name(), |b| b.iter(|| step.run(&tables.0, isa, &mut chunk)));
        }
    }
}

/// Area operations, in whole passes over a picture on one thread; `resize` is measured by whole programs.
fn areas(c: &mut Criterion) {
    let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("one thread"));
    let layout = PixelLayout { sample: SampleType::U16, channels: Channels::Rgb, alpha: Alpha::None };
    let strip = noise(Region { width: FRAME.extent.width, y: 0, rows: FRAME.extent.height }, layout);
    for op in ALL.iter().filter(|op| op.is_area() && !op.resamples()) {
        let (set, mut tables) = (busy(*op), Tables::default());
        let prepared = context(*op, &set);
        let stages =
            (0..op.stages(&set)).map(|stage| op.step(&set, &Context { stage, ..prepared.clone() }, &mut tables, 1.0));
        let Ok(steps) = stages.collect::<Result<Vec<_>, _>>() else { continue };
        let program = Program::of(layout, layout, steps, tables);
        let depth = vec![0.4; strip.region.pixels()];
        let mut group = c.benchmark_group(op.id());
        group.throughput(Throughput::Elements(strip.region.pixels() as u64)).sample_size(10);
        for isa in Isa::available() {
            let (cpu, mut out) = (Cpu::new(pool.clone(), isa), Strip::new(strip.region, layout));
            group.bench_function(isa.name(), |b| b.iter(|| cpu.run(&program, &strip, Some(&depth), &mut out)));
        }
    }
}

/// A strip of uniform noise.
fn noise(region: Region, layout: PixelLayout) -> Strip {
    let mut strip = Strip::new(region, layout);
    for (i, word) in strip.words_mut().iter_mut().enumerate() {
        *word = (i as u32).wrapping_mul(0x9e37_79b1);
    }
    strip
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
    let strip = noise(Region { width: 3840, y: 0, rows: 64 }, layout);
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

criterion_group!(benches, operations, areas, srgb_curve, passes);
criterion_main!(benches);
