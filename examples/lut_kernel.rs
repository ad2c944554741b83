//! Prints nanoseconds per pixel of the LUT pass on one thread, for `benches/ocio_kernel.py`, which runs it in turns with OpenColorIO.
//!
//! `cargo run --release --example lut_kernel STRIP.rgb16 LOOK.cube TIMES`: one line per instruction set, its name and one figure for
//! each time; the last line is a plain copy of the same bytes.
#[path = "../benches/kernel/mod.rs"]
mod kernel;

use std::path::Path;
use std::time::Instant;

use chiaro::exec::Executor;
use chiaro::ops::Isa;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [strip, cube, times] = words.as_slice() else {
        eprintln!("usage: lut_kernel STRIP.rgb16 LOOK.cube TIMES");
        std::process::exit(2);
    };
    if let Err(error) = run(Path::new(strip), Path::new(cube), times.parse().unwrap_or(5)) {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn run(strip: &Path, cube: &Path, times: usize) -> Result<(), Box<dyn std::error::Error>> {
    let input = kernel::from_bytes(&std::fs::read(strip)?);
    let program = kernel::program(&kernel::lut_recipe(cube)?, input.region.rows)?;
    let mut output = input.clone();
    let pixels = f64::from(input.region.width) * f64::from(input.region.rows);
    for isa in Isa::available() {
        let executor = kernel::one_thread(isa);
        executor.run(&program, &input, None, &mut output)?;
        let mut figures = Vec::new();
        for _ in 0..times {
            let begun = Instant::now();
            executor.run(&program, &input, None, &mut output)?;
            figures.push(begun.elapsed().as_secs_f64() * 1e9 / pixels);
        }
        print(isa.name(), &figures);
    }
    let mut figures = Vec::new();
    for _ in 0..times {
        let begun = Instant::now();
        output.bytes_mut().copy_from_slice(input.bytes());
        figures.push(begun.elapsed().as_secs_f64() * 1e9 / pixels);
    }
    print("copy", &figures);
    Ok(())
}

fn print(name: &str, figures: &[f64]) {
    let figures: Vec<String> = figures.iter().map(|f| format!("{f:.3}")).collect();
    println!("{name}\t{}", figures.join("\t"));
}
