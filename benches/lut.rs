//! The 33-point LUT pass, u16 to u16 through the executor on one thread, on every instruction set of this machine: on a strip like
//! photographs, on uniform noise, and beside a plain copy of the same bytes.
#![allow(missing_docs, reason = "criterion's macros write functions without documentation")]

mod kernel;

use chiaro::exec::Executor;
use chiaro::ops::Isa;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn passes(c: &mut Criterion) {
    let cube = kernel::cube();
    let recipe = kernel::lut_recipe(&cube).unwrap_or_else(|e| panic!("{e}"));
    for name in ["photograph", "noise"] {
        let input = kernel::strip(name);
        let program = kernel::program(&recipe, input.region.rows).unwrap_or_else(|e| panic!("{e}"));
        let mut output = input.clone();
        let mut group = c.benchmark_group(format!("lut33 {name}"));
        group.sample_size(20).throughput(Throughput::Elements(u64::from(input.region.width * input.region.rows)));
        for isa in Isa::available() {
            let executor = kernel::one_thread(isa);
            group.bench_function(isa.name(), |b| {
                b.iter(|| executor.run(&program, &input, None, &mut output).unwrap_or_else(|e| panic!("{e}")));
            });
        }
        group.bench_function("copy", |b| b.iter(|| output.bytes_mut().copy_from_slice(input.bytes())));
        group.finish();
    }
}

criterion_group!(benches, passes);
criterion_main!(benches);
