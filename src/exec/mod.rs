//! Executors: run a fused pass over a strip. CPU and GPU are interchangeable; the CPU result is the definition.

pub mod cpu;
#[cfg(feature = "gpu")]
pub mod gpu;
mod samples;
#[cfg(test)]
mod tests;

use crate::error::Result;
use crate::picture::{Region, Strip};
use crate::plan::Program;

/// Runs passes over strips. Shared by all job drivers.
pub trait Executor: Send + Sync {
    /// Device for reports: "CPU, AVX-512, 8 threads", "GPU: name (driver)".
    fn describe(&self) -> String;

    /// The arithmetic class: outputs of equal classes are bit-identical.
    fn arithmetic(&self) -> String;

    /// Runs `program` into rows `region` of the result; `output` is reset to them and to the program's output layout. `input` holds at least the
    /// rows that [`Program::rows_needed`] names; without area operations it holds exactly `region`. `depth` holds one value per pixel of
    /// `input` when the program says `supplied_depth`.
    fn run_rows(
        &self,
        program: &Program,
        input: &Strip,
        depth: Option<&[f32]>,
        region: Region,
        output: &mut Strip,
    ) -> Result<()>;

    /// True when the device can run `program` at all: the rows that area operations read for one row of the result, which
    /// [`Program::areas`] tell, must fit in its buffers. [`Executor::run_rows`] is an `Environment` error otherwise.
    fn fits(&self, _program: &Program) -> bool {
        true
    }

    /// True when the device is gone for good, so that every further run is an error.
    fn is_lost(&self) -> bool {
        false
    }

    /// Runs a program without area operations over all rows of `input`.
    fn run(&self, program: &Program, input: &Strip, depth: Option<&[f32]>, output: &mut Strip) -> Result<()> {
        self.run_rows(program, input, depth, input.region, output)
    }
}
