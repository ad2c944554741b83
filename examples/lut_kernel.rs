//! Prints nanoseconds of CPU per pixel of the LUT pass on one thread, for `benches/ocio_kernel.py`, which runs it in turns with OpenColorIO.
//!
//! `cargo run --release --example lut_kernel STRIP.rgb16 LOOK.cube TIMES`: one line per instruction set, its name and one figure for
//! each time; the last line is a plain copy of the same bytes.
#[path = "../benches/kernel/mod.rs"]
mod kernel;

use std::hint::black_box;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

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
            let begun = cpu_ns();
            executor.run(&program, &input, None, &mut output)?;
            figures.push((cpu_ns() - begun) / pixels);
        }
        print(isa.name(), &figures);
    }
    let mut figures = Vec::new();
    for _ in 0..times {
        let begun = cpu_ns();
        // Many copies: one alone is shorter than what the clock of other threads tells apart.
        for _ in 0..COPIES {
            black_box(&mut output).bytes_mut().copy_from_slice(input.bytes());
        }
        figures.push((cpu_ns() - begun) / pixels / f64::from(COPIES));
    }
    print("copy", &figures);
    Ok(())
}

/// Copies that are measured together.
const COPIES: u32 = 100;

/// Nanoseconds of CPU of all threads so far (Linux: the first number of `/proc/self/task/*/schedstat`), so that a busy machine does not
/// count; elsewhere the time of day.
fn cpu_ns() -> f64 {
    let of = |task: std::io::Result<std::fs::DirEntry>| -> Option<f64> {
        let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse().ok()
    };
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten();
    match tasks.filter_map(of).sum::<f64>() {
        0.0 => SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |t| t.as_secs_f64() * 1e9),
        ns => ns,
    }
}

fn print(name: &str, figures: &[f64]) {
    let figures: Vec<String> = figures.iter().map(|f| format!("{f:.3}")).collect();
    println!("{name}\t{}", figures.join("\t"));
}
