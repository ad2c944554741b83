//! Executors: run a fused pass over a strip. CPU and GPU are interchangeable; the CPU result is the definition.

pub mod cpu;
#[cfg(feature = "gpu")]
pub mod gpu;
mod samples;
#[cfg(test)]
mod tests;

use crate::error::Result;
use crate::picture::Strip;
use crate::plan::Program;

/// Runs passes over strips. Shared by all job drivers.
pub trait Executor: Send + Sync {
    /// Device for reports: "CPU, AVX-512, 8 threads", "GPU: name (driver)".
    fn describe(&self) -> String;

    /// The arithmetic class: outputs of equal classes are bit-identical.
    fn arithmetic(&self) -> String;

    /// Runs `program` over `input` into `output`, which is reset to the same region and the program's output layout.
    /// `depth` holds one value per pixel when the program says `supplied_depth`.
    fn run(&self, program: &Program, input: &Strip, depth: Option<&[f32]>, output: &mut Strip) -> Result<()>;
}
