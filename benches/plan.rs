//! What is done once for every recipe or picture beside its pixels: reading recipes, plans and programs, identities, hashes.
#![allow(missing_docs, reason = "criterion's macros write functions without documentation")]

mod kernel;

use std::hint::black_box;
use std::path::Path;

use chiaro::engine::identity::{Digest, IdentityBuilder, InputKey, Stamp};
use chiaro::picture::Extent;
use chiaro::plan::plan;
use chiaro::recipe::Recipe;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// One picture's plan, as every job makes it; and its program, LUT included.
fn plans(c: &mut Criterion) {
    let info = kernel::info(Extent { width: kernel::WIDTH, height: 2160 });
    let cube = kernel::cube();
    let signature = Recipe::resolve("signature").unwrap_or_else(|e| panic!("{e}"));
    let look = kernel::lut_recipe(&cube).unwrap_or_else(|e| panic!("{e}"));
    let mut group = c.benchmark_group("plan");
    for (name, recipe) in [("signature", &signature), ("one LUT", &look)] {
        let request = kernel::request(&info, recipe);
        group.bench_function(name, |b| b.iter(|| black_box(plan(&request).is_ok())));
    }
    group.bench_function("program of one LUT", |b| b.iter(|| black_box(kernel::program(&look, 2160).is_ok())));
    group.finish();
}

fn recipes(c: &mut Criterion) {
    let cube = kernel::cube();
    let text = "version = 1\n[[op]]\nid = \"exposure\"\nev = 0.3\n[[op]]\nid = \"haze\"\ndensity = 0.6\nmask = { depth = [0.3, 1.0], feather = 0.1 }\n";
    let mut group = c.benchmark_group("recipe");
    group.bench_function("parse", |b| {
        b.iter(|| black_box(Recipe::from_text("look", text, Path::new("."), Path::new("look.toml")).is_ok()));
    });
    group.bench_function("preset", |b| b.iter(|| black_box(Recipe::resolve("signature").is_ok())));
    group.bench_function("with a 33-point LUT", |b| b.iter(|| black_box(kernel::lut_recipe(&cube).is_ok())));
    group.finish();
}

fn identities(c: &mut Criterion) {
    let stamp = Stamp { bytes: 50_000_000, mtime_ns: 1, inode: 2 };
    let recipe = Digest::of(b"recipe");
    let mut group = c.benchmark_group("identity");
    group.bench_function("of a job", |b| {
        b.iter(|| {
            let input = InputKey::Stamp(black_box(stamp));
            IdentityBuilder::new().input(&input).hash("recipe", &recipe).part("output", "tiff 16").finish("cpu")
        });
    });
    let bytes = vec![7; 8 << 20];
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("hash of 8 MiB", |b| b.iter(|| Digest::of(&bytes)));
    group.finish();
}

criterion_group!(benches, plans, recipes, identities);
criterion_main!(benches);
