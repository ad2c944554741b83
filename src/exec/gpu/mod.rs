//! The GPU executor: a pass is one dispatch.
//!
//! A strip is a linear run of pixels, cut into *bands* of whole groups of 4 pixels that fit the device's limits (rows do not matter: column
//! and row of a pixel follow from its index). With area operations a band is some rows of the result, and all its passes run one after the
//! other: each leaves working pixels on the device, with the rows around that the next one reads (`cut`). The calling thread copies a
//! band into the mapped memory of a slot of the ring, submits upload, dispatches and readback as one batch, and goes on with the next band; it waits for its oldest band when no slot
//! is free and at the end. Several callers share the ring, so one band is uploaded while another is computed and a third read back.
//!
//! The device is reached from the callers' threads: waiting for a submission holds no lock that another submission needs, so a thread in
//! between would only add a handoff to every band.
//!
//! The result agrees with the CPU within the tolerance of the operations and, on one device and driver, never depends on strip height,
//! band size or callers. A failure of the device is an [`Error::Environment`](crate::error::Error::Environment) of the run that met it.

mod band;
pub mod compose;
mod context;
mod cut;
mod pipelines;
mod ring;

use std::collections::VecDeque;

pub use context::{AdapterFacts, Selection, list_adapters};

use super::Executor;
use crate::error::Result;
use crate::picture::{Region, Strip};
use crate::plan::Program;
use band::{CompiledPass, Flight, Job};
use compose::compose;
use context::Context;
use cut::{Band, Limits, Windows};
use pipelines::{Pipelines, TableCache};
use ring::{Lease, Ring, largest_buffer};

/// Runs passes on one GPU. Shared by all job drivers.
pub struct Gpu {
    context: Context,
    pipelines: Pipelines,
    tables: TableCache,
    ring: Ring,
    band_pixels: u64,
}

impl Gpu {
    /// Opens the GPU that `selection` means: 0.2 s, so do it only when a picture needs it. `None` only for [`Selection::Auto`] on a machine
    /// without a hardware GPU.
    ///
    /// # Errors
    /// `Environment` when the selected GPU is not there (the message lists what is) or cannot be opened.
    pub fn new(selection: &Selection) -> Result<Option<Self>> {
        let Some(context) = Context::open(selection)? else { return Ok(None) };
        let pipelines = Pipelines::new(&context)?;
        Ok(Some(Self { context, pipelines, tables: TableCache::default(), ring: Ring::new(), band_pixels: u64::MAX }))
    }

    /// Limits bands to `pixels`, for tests that no result depends on it. At least one group, or row of the result, is always taken.
    #[must_use]
    pub fn with_band_pixels(mut self, pixels: u64) -> Self {
        self.band_pixels = pixels;
        self
    }

    /// Takes the device away, for tests of what follows.
    #[cfg(test)]
    pub(crate) fn lose(&self) {
        self.context.device.destroy();
    }

    /// The adapter in use.
    pub fn adapter(&self) -> &AdapterFacts {
        &self.context.facts
    }
}

impl Executor for Gpu {
    fn describe(&self) -> String {
        format!("GPU: {} ({})", self.context.facts.name, self.context.facts.driver)
    }

    fn arithmetic(&self) -> String {
        format!("gpu: {} {}", self.context.facts.name, self.context.facts.driver)
    }

    fn run_rows(
        &self,
        program: &Program,
        input: &Strip,
        depth: Option<&[f32]>,
        region: Region,
        output: &mut Strip,
    ) -> Result<()> {
        output.reset(region, program.output);
        if program.is_copy() {
            output.bytes_mut().copy_from_slice(input.bytes());
            return Ok(());
        }
        let depth = if program.supplied_depth { depth } else { None };
        self.check(program, input, depth, region)?;
        let bands = self.bands(program, input, region)?;
        let passes = compose(program).into_iter().map(|composed| {
            let pipeline = self.pipelines.get(&self.context, &composed)?;
            Ok(CompiledPass { pipeline, constants: composed.constants, pixels: composed.pixels })
        });
        let passes = passes.collect::<Result<_>>()?;
        let tables = self.tables.get(&self.context, &program.tables.0)?;
        let job = Job { program, input, depth, passes, tables };
        let mut flights = VecDeque::new();
        for band in &bands {
            let lease = self.slot(&mut flights, output)?;
            flights.push_back(band::start(&self.context, &self.pipelines, lease, &job, band)?);
        }
        for flight in flights {
            band::finish(&self.context, flight, output)?;
        }
        Ok(())
    }

    fn fits(&self, program: &Program) -> bool {
        Windows::new(program).is_none_or(|windows| windows.fit(self.buffer_bytes()))
    }

    fn is_lost(&self) -> bool {
        self.context.healthy().is_err()
    }
}

impl Gpu {
    /// Largest buffer in bytes.
    fn buffer_bytes(&self) -> u64 {
        largest_buffer(self.context.max_binding_bytes)
    }

    /// Cuts the work into what is submitted at once.
    fn bands(&self, program: &Program, input: &Strip, region: Region) -> Result<Vec<Band>> {
        let limits = Limits { bytes: self.buffer_bytes(), pixels: self.band_pixels };
        match Windows::new(program) {
            None => Ok(cut::points(program, input.region, limits)),
            Some(windows) => windows.cut(input.region.y, region, limits).map_err(|wide| {
                let (cut::TooWide { row, bytes }, limit) = (wide, limits.bytes);
                self.context.error(format!(
                    "row {row} of the result needs {bytes} bytes of working pixels at once, the device allows {limit}: the picture is \
                     too wide for it, or operations reach too far; the CPU has no such limit (--device cpu)"
                ))
            }),
        }
    }

    /// A free slot. Whoever has bands under way takes the slot of the oldest rather than wait for others: so everybody moves on.
    fn slot<'a>(&'a self, flights: &mut VecDeque<Flight<'a>>, output: &mut Strip) -> Result<Lease<'a>> {
        if let Some(lease) = self.ring.try_acquire() {
            return Ok(lease);
        }
        match flights.pop_front() {
            Some(oldest) => band::finish(&self.context, oldest, output),
            None => Ok(self.ring.acquire()),
        }
    }

    /// What the shader takes for granted.
    fn check(&self, program: &Program, input: &Strip, depth: Option<&[f32]>, region: Region) -> Result<()> {
        self.context.healthy()?;
        if input.layout != program.input {
            return Err(self.context.error(format!("a strip of {} met a pass for {}", input.layout, program.input)));
        }
        let (have, pixels) = (depth.map_or(0, <[f32]>::len), input.region.pixels());
        if program.supplied_depth && have < pixels {
            return Err(self.context.error(format!("a strip of {pixels} pixels came with {have} values of depth")));
        }
        let (first, end) = program.rows_needed(region.y, region.y + region.rows);
        let whole = program.areas().next().map_or(region.width, |area| area.extent_in.width);
        let out = program.areas().next_back().map_or(region.width, |area| area.extent_out.width);
        let have = input.region;
        if have.y > first || have.y + have.rows < end || have.width != whole || region.width != out {
            return Err(self.context.error(format!(
                "{} columns of rows {} to {} came for {out} columns of a result that is made of {whole} columns of rows {first} to {end}",
                have.width,
                have.y,
                have.y + have.rows
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::ops::{Step, Tables, invert};
    use crate::picture::{Alpha, Channels, PixelLayout, Region, SampleType};

    #[test]
    fn a_device_that_is_gone_is_an_error_and_no_panic() {
        let Ok(Some(gpu)) = Gpu::new(&Selection::Name("llvmpipe".to_owned())) else {
            // tests/parity.rs insists on the adapter.
            return eprintln!("ignored: no software adapter");
        };
        let layout = PixelLayout { sample: SampleType::U16, channels: Channels::Rgb, alpha: Alpha::None };
        let steps = vec![Step::new::<invert::Spec>(&invert::Constants { white: 1.0 }, 1.0)];
        let tables = Tables::default();
        let program = Program::of(layout, layout, steps, tables);
        let strip = Strip::new(Region { width: 64, y: 0, rows: 64 }, layout);
        let mut output = strip.clone();
        gpu.run(&program, &strip, None, &mut output).unwrap();
        assert!(!gpu.is_lost());
        gpu.lose();
        // More often than there are slots: none is lost either.
        for _ in 0..2 * ring::SLOTS {
            let result = gpu.run(&program, &strip, None, &mut output);
            assert!(matches!(result, Err(Error::Environment(_))), "{result:?}");
        }
        assert!(gpu.is_lost());
    }
}
