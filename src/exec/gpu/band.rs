//! One band: its place in a slot's buffers, its way up and down.

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::compose::{GROUP_PIXELS, WORKGROUP, group_words};
use super::context::Context;
use super::cut::{Band, MAX_WORKGROUPS, PassParams, Run, plane_bytes};
use super::pipelines::Pipelines;
use super::ring::{Buffers, Lease, Needs, Pair};
use crate::error::Result;
use crate::picture::Strip;
use crate::plan::Program;

/// Offsets of bindings are multiples of this on every device (WebGPU, 3.6.2 Limits, `minStorageBufferOffsetAlignment`).
const ALIGNMENT: u64 = 256;
/// A band takes milliseconds; software adapters take seconds. Longer is a hung driver.
const TIMEOUT: Duration = Duration::from_secs(120);

/// A program over one strip.
pub(super) struct Job<'a> {
    pub program: &'a Program,
    pub input: &'a Strip,
    /// One value per pixel, when the program reads supplied depth.
    pub depth: Option<&'a [f32]>,
    /// In order.
    pub passes: Vec<CompiledPass>,
    pub tables: wgpu::Buffer,
}

/// One pass, ready to run.
pub(super) struct CompiledPass {
    pub pipeline: wgpu::ComputePipeline,
    /// Bytes of the constants struct.
    pub constants: Vec<u8>,
    /// Pixels that one invocation owns.
    pub pixels: u32,
}

impl CompiledPass {
    /// Workgroups in two dimensions: invocations are counted along the first.
    fn workgroups(&self, params: &PassParams) -> (u32, u32) {
        let invocations = params.groups.saturating_mul(GROUP_PIXELS / self.pixels.max(1));
        let all = invocations.div_ceil(WORKGROUP).max(1);
        (all.min(MAX_WORKGROUPS), all.div_ceil(MAX_WORKGROUPS))
    }
}

/// Offset and length in bytes of a piece of the upload.
#[derive(Debug, Clone, Copy)]
struct Piece {
    at: u64,
    bytes: u64,
}

/// Where the pieces of a band lie in the buffer that goes up; each begins at a multiple of [`ALIGNMENT`].
struct Places {
    /// Parameters and constants of each pass.
    passes: Vec<(Piece, Piece)>,
    samples: Piece,
    depth: Option<Piece>,
    /// Bytes of the planes that each pass but the last leaves.
    planes: Vec<u64>,
    up_bytes: u64,
    down_bytes: u64,
}

impl Places {
    fn new(job: &Job, band: &Band) -> Self {
        let groups = band.up.groups();
        let mut end = 0u64;
        let mut place = |bytes: u64| {
            let at = end.next_multiple_of(ALIGNMENT);
            end = at + bytes;
            Piece { at, bytes }
        };
        let pieces = |pass: &CompiledPass| (place(size_of::<PassParams>() as u64), place(pass.constants.len() as u64));
        let passes = job.passes.iter().map(pieces).collect();
        let samples = place(groups * group_words(job.program.input) as u64 * 4);
        let depth = job.depth.map(|_| place(groups * u64::from(GROUP_PIXELS) * 4));
        let pixel = plane_bytes(job.program);
        let before = band.passes.len().saturating_sub(1);
        let planes =
            band.passes.iter().take(before).map(|params| u64::from(params.groups * GROUP_PIXELS) * pixel).collect();
        let down_bytes = band.down.groups() * group_words(job.program.output) as u64 * 4;
        Self { passes, samples, depth, planes, up_bytes: end, down_bytes }
    }

    /// What the slot must hold. Passes write one buffer of planes and read the other, in turn.
    fn needs(&self) -> Needs {
        let mut planes = [0; 2];
        for (i, bytes) in self.planes.iter().enumerate() {
            planes[i % 2] = planes[i % 2].max(*bytes);
        }
        Needs { up: self.up_bytes, down: self.down_bytes, planes }
    }

    /// Hands out what goes up: offset and bytes. The padding of the last group keeps what the slot held before.
    fn fill(&self, job: &Job, band: &Band, mut put: impl FnMut(Piece, &[u8])) {
        for (((params, constants), told), pass) in self.passes.iter().zip(&band.passes).zip(&job.passes) {
            put(*params, bytemuck::bytes_of(told));
            put(*constants, &pass.constants);
        }
        put(self.samples, part(job.input.bytes(), band.up, job.program.input.pixel_bytes()));
        if let (Some(piece), Some(depth)) = (self.depth, job.depth) {
            put(piece, part(bytemuck::cast_slice(depth), band.up, size_of::<f32>()));
        }
    }

    /// What pass `i` reads and writes.
    fn bind(
        &self,
        context: &Context,
        pipelines: &Pipelines,
        job: &Job,
        buffers: &Buffers,
        i: usize,
    ) -> wgpu::BindGroup {
        let whole = |buffer, bytes| wgpu::BufferBinding { buffer, offset: 0, size: std::num::NonZeroU64::new(bytes) };
        let piece = |piece: Piece| wgpu::BufferBinding {
            buffer: &buffers.up.device,
            offset: piece.at,
            size: std::num::NonZeroU64::new(piece.bytes),
        };
        let planes = |i: usize| Some(whole(buffers.planes[i % 2]?, *self.planes.get(i)?));
        let (params, constants) = self.passes[i];
        let bindings = [
            piece(params),
            piece(constants),
            whole(&job.tables, job.tables.size()),
            i.checked_sub(1).and_then(planes).unwrap_or(piece(self.samples)),
            planes(i).unwrap_or(whole(&buffers.down.device, self.down_bytes)),
            // Without supplied depth something has to be bound all the same.
            piece(self.depth.unwrap_or(constants)),
        ];
        let entries: Vec<_> = (0..)
            .zip(bindings)
            .map(|(binding, buffer)| wgpu::BindGroupEntry { binding, resource: wgpu::BindingResource::Buffer(buffer) })
            .collect();
        let layout = &pipelines.bindings;
        context.device.create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout, entries: &entries })
    }
}

/// The bytes of a run; what the strip does not have is left out.
fn part(bytes: &[u8], run: Run, pixel_bytes: usize) -> &[u8] {
    let first = run.first as usize * pixel_bytes;
    bytes.get(first..first + run.pixels as usize * pixel_bytes).unwrap_or(&[])
}

/// A band that was submitted.
pub(super) struct Flight<'a> {
    lease: Lease<'a>,
    submission: wgpu::SubmissionIndex,
    /// One message for each of the two buffers that are mapped again.
    mapped: Receiver<bool>,
    down: Run,
    down_bytes: u64,
}

/// Sends one band up; returns before it is done.
pub(super) fn start<'a>(
    context: &Context,
    pipelines: &Pipelines,
    mut lease: Lease<'a>,
    job: &Job,
    band: &Band,
) -> Result<Flight<'a>> {
    let places = Places::new(job, band);
    let buffers = lease.slot.reserve(context, places.needs())?;
    let Buffers { up, down, .. } = buffers;
    lease.clean = false;
    upload(context, &places, job, band, up)?;
    let (sender, mapped) = channel();
    let submission = context.checked("submission", || {
        let mut encoder = context.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_buffer_to_buffer(&up.staging, 0, &up.device, 0, places.up_bytes.next_multiple_of(4));
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        for (i, (compiled, params)) in job.passes.iter().zip(&band.passes).enumerate() {
            let (x, y) = compiled.workgroups(params);
            pass.set_pipeline(&compiled.pipeline);
            pass.set_bind_group(0, &places.bind(context, pipelines, job, &buffers, i), &[]);
            pass.dispatch_workgroups(x, y, 1);
        }
        drop(pass);
        encoder.copy_buffer_to_buffer(&down.device, 0, &down.staging, 0, places.down_bytes);
        let submission = context.queue.submit([encoder.finish()]);
        let again = sender.clone();
        // The upload memory is mapped for whoever takes the slot next. A receiver that is gone gave the run up.
        up.staging.slice(..).map_async(wgpu::MapMode::Write, move |r| again.send(r.is_ok()).unwrap_or(()));
        let read = down.staging.slice(..places.down_bytes);
        read.map_async(wgpu::MapMode::Read, move |r| sender.send(r.is_ok()).unwrap_or(()));
        submission
    })?;
    Ok(Flight { lease, submission, mapped, down: band.down, down_bytes: places.down_bytes })
}

fn upload(context: &Context, places: &Places, job: &Job, band: &Band, up: &Pair) -> Result<()> {
    let view = up.staging.slice(..places.up_bytes.next_multiple_of(4)).get_mapped_range_mut();
    let mut view = view.map_err(|e| context.error(format!("upload memory is not mapped: {e}")))?;
    places.fill(job, band, |piece, bytes| {
        let at = piece.at as usize;
        view.slice(at..at + bytes.len()).copy_from_slice(bytes);
    });
    drop(view);
    up.staging.unmap();
    Ok(())
}

/// Waits for a band, stores it in `output` and gives the slot back.
pub(super) fn finish<'a>(context: &Context, flight: Flight<'a>, output: &mut Strip) -> Result<Lease<'a>> {
    let Flight { mut lease, submission, mapped, down, down_bytes } = flight;
    let wait = wgpu::PollType::Wait { submission_index: Some(submission), timeout: Some(TIMEOUT) };
    context.device.poll(wait).map_err(|e| context.lost(format!("waiting for a band: {e}")))?;
    for _ in 0..2 {
        // The poll of another thread may have taken our callbacks and be about to call them.
        match mapped.recv_timeout(TIMEOUT) {
            Ok(true) => {}
            Ok(false) => {
                context.healthy()?;
                return Err(context.error("the result could not be mapped"));
            }
            Err(_) => return Err(context.lost("the result was never mapped")),
        }
    }
    context.healthy()?;
    let staging = lease.slot.down.as_ref().map(|pair| &pair.staging);
    let staging = staging.ok_or_else(|| context.error("a slot lost its buffers"))?;
    let view = staging.slice(..down_bytes).get_mapped_range();
    let view = view.map_err(|e| context.error(format!("the result could not be read: {e}")))?;
    let pixel = output.layout.pixel_bytes();
    let (first, len) = (down.first as usize * pixel, down.pixels as usize * pixel);
    if let (Some(to), Some(from)) = (output.bytes_mut().get_mut(first..first + len), view.get(..len)) {
        to.copy_from_slice(from);
    }
    drop(view);
    staging.unmap();
    lease.clean = true;
    Ok(lease)
}
