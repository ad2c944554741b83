//! One band: its place in a slot's buffers, its way up and down.

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::compose::{GROUP_PIXELS, WORKGROUP, group_words};
use super::context::Context;
use super::pipelines::Pipelines;
use super::ring::{Lease, Pair};
use crate::error::Result;
use crate::picture::Strip;
use crate::plan::Program;

/// Offsets of bindings are multiples of this on every device (WebGPU, 3.6.2 Limits, `minStorageBufferOffsetAlignment`).
const ALIGNMENT: u64 = 256;
/// A band takes milliseconds; software adapters take seconds. Longer is a hung driver.
const TIMEOUT: Duration = Duration::from_secs(120);
/// Bytes of `PassParams` in `shaders/kernel.wgsl`, rounded up to 16 as uniforms want it.
const PARAMS_BYTES: u64 = 32;

/// A pass over one strip.
pub(super) struct Job<'a> {
    pub program: &'a Program,
    pub input: &'a Strip,
    /// One value per pixel, when the program reads supplied depth.
    pub depth: Option<&'a [f32]>,
    pub pipeline: wgpu::ComputePipeline,
    pub tables: wgpu::Buffer,
    /// Bytes of the constants struct.
    pub constants: Vec<u8>,
}

/// A run of pixels of the strip, beginning at a whole group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Band {
    pub first: u64,
    pub pixels: u64,
}

impl Band {
    /// Cuts `pixels` into bands of at most `most` (a multiple of the group).
    pub fn cut(pixels: u64, most: u64) -> impl Iterator<Item = Self> {
        (0..pixels.div_ceil(most)).map(move |i| Self { first: i * most, pixels: most.min(pixels - i * most) })
    }

    fn groups(self) -> u64 {
        self.pixels.div_ceil(u64::from(GROUP_PIXELS))
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
    params: Piece,
    constants: Piece,
    samples: Piece,
    depth: Option<Piece>,
    up_bytes: u64,
    down_bytes: u64,
}

impl Places {
    fn new(job: &Job, band: Band) -> Self {
        let groups = band.groups();
        let mut end = 0u64;
        let mut place = |bytes: u64| {
            let at = end.next_multiple_of(ALIGNMENT);
            end = at + bytes;
            Piece { at, bytes }
        };
        let params = place(PARAMS_BYTES);
        let constants = place(job.constants.len() as u64);
        let samples = place(groups * group_words(job.program.input) as u64 * 4);
        let depth = job.depth.map(|_| place(groups * u64::from(GROUP_PIXELS) * 4));
        let down_bytes = groups * group_words(job.program.output) as u64 * 4;
        Self { params, constants, samples, depth, up_bytes: end, down_bytes }
    }

    /// Hands out what goes up: offset and bytes. The padding of the last group keeps what the slot held before.
    fn fill(&self, job: &Job, band: Band, mut put: impl FnMut(Piece, &[u8])) {
        let region = job.input.region;
        let width = u64::from(region.width.max(1));
        let seed = job.program.dither_seed.unwrap_or(0);
        let (x, y) = (band.first % width, u64::from(region.y) + band.first / width);
        let params = [region.width.max(1), x as u32, y as u32, band.groups() as u32, seed, 0, 0, 0];
        put(self.params, bytemuck::bytes_of(&params));
        put(self.constants, &job.constants);
        put(self.samples, part(job.input.bytes(), band, job.program.input.pixel_bytes()));
        if let (Some(piece), Some(depth)) = (self.depth, job.depth) {
            put(piece, part(bytemuck::cast_slice(depth), band, size_of::<f32>()));
        }
    }

    fn bind(&self, context: &Context, pipelines: &Pipelines, job: &Job, up: &Pair, down: &Pair) -> wgpu::BindGroup {
        let whole = |buffer, bytes| wgpu::BufferBinding { buffer, offset: 0, size: std::num::NonZeroU64::new(bytes) };
        let piece = |piece: Piece| wgpu::BufferBinding {
            buffer: &up.device,
            offset: piece.at,
            size: std::num::NonZeroU64::new(piece.bytes),
        };
        // Without supplied depth something has to be bound all the same.
        let bindings = [
            piece(self.params),
            piece(self.constants),
            whole(&job.tables, job.tables.size()),
            piece(self.samples),
            whole(&down.device, self.down_bytes),
            piece(self.depth.unwrap_or(self.constants)),
        ];
        let entries: Vec<_> = (0..)
            .zip(bindings)
            .map(|(binding, buffer)| wgpu::BindGroupEntry { binding, resource: wgpu::BindingResource::Buffer(buffer) })
            .collect();
        let layout = &pipelines.bindings;
        context.device.create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout, entries: &entries })
    }
}

/// The bytes of a band; what the strip does not have is left out.
fn part(bytes: &[u8], band: Band, pixel_bytes: usize) -> &[u8] {
    let first = band.first as usize * pixel_bytes;
    bytes.get(first..first + band.pixels as usize * pixel_bytes).unwrap_or(&[])
}

/// A band that was submitted.
pub(super) struct Flight<'a> {
    lease: Lease<'a>,
    submission: wgpu::SubmissionIndex,
    /// One message for each of the two buffers that are mapped again.
    mapped: Receiver<bool>,
    band: Band,
    down_bytes: u64,
}

/// Sends one band up; returns before it is done.
pub(super) fn start<'a>(
    context: &Context,
    pipelines: &Pipelines,
    mut lease: Lease<'a>,
    job: &Job,
    band: Band,
) -> Result<Flight<'a>> {
    let places = Places::new(job, band);
    let (up, down) = lease.slot.reserve(context, places.up_bytes, places.down_bytes)?;
    lease.clean = false;
    upload(context, &places, job, band, up)?;
    let (sender, mapped) = channel();
    let submission = context.checked("submission", || {
        let bind_group = places.bind(context, pipelines, job, up, down);
        let mut encoder = context.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_buffer_to_buffer(&up.staging, 0, &up.device, 0, places.up_bytes.next_multiple_of(4));
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(&job.pipeline);
        pass.set_bind_group(0, &bind_group, &[]);
        pass.dispatch_workgroups((band.groups() as u32).div_ceil(WORKGROUP), 1, 1);
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
    Ok(Flight { lease, submission, mapped, band, down_bytes: places.down_bytes })
}

fn upload(context: &Context, places: &Places, job: &Job, band: Band, up: &Pair) -> Result<()> {
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
    let Flight { mut lease, submission, mapped, band, down_bytes } = flight;
    let wait = wgpu::PollType::Wait { submission_index: Some(submission), timeout: Some(TIMEOUT) };
    context.device.poll(wait).map_err(|e| context.error(format!("waiting for a band: {e}")))?;
    for _ in 0..2 {
        // The poll of another thread may have taken our callbacks and be about to call them.
        if mapped.recv_timeout(TIMEOUT) != Ok(true) {
            context.healthy()?;
            return Err(context.error("the result could not be mapped"));
        }
    }
    context.healthy()?;
    let staging = lease.slot.down.as_ref().map(|pair| &pair.staging);
    let staging = staging.ok_or_else(|| context.error("a slot lost its buffers"))?;
    let view = staging.slice(..down_bytes).get_mapped_range();
    let view = view.map_err(|e| context.error(format!("the result could not be read: {e}")))?;
    let pixel = output.layout.pixel_bytes();
    let (first, len) = (band.first as usize * pixel, band.pixels as usize * pixel);
    if let (Some(to), Some(from)) = (output.bytes_mut().get_mut(first..first + len), view.get(..len)) {
        to.copy_from_slice(from);
    }
    drop(view);
    staging.unmap();
    lease.clean = true;
    Ok(lease)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_cover_every_pixel_once() {
        let bands: Vec<_> = Band::cut(21, 8).map(|b| (b.first, b.pixels, b.groups())).collect();
        assert_eq!(bands, [(0, 8, 2), (8, 8, 2), (16, 5, 2)]);
        assert_eq!(Band::cut(0, 8).count(), 0);
    }
}
