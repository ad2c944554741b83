//! Every operation and conversion over one chunk in the first-level cache, on every instruction set of this machine: what a fused pass
//! is made of. `lut` is measured by whole programs, since it needs a file.

use chiaro::ops::{ALL, CHUNK, Chunk, Context, Isa, Kind, PLUMBING, Tables, Value};
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

criterion_group!(benches, operations);
criterion_main!(benches);
