//! How much a job holds: strip height, whether the decoded picture is kept, and the bytes that follow.

use super::compile::{Plan, PlanRequest};
use super::masks;
use super::program::DepthPlan;
use super::supplied::{CELL_BYTES, MapOrigin, MapSize};
use crate::error::{Error, Result};
use crate::ops::area::{Area, Carried, Planes};
use crate::ops::field::MAX_PIXELS;
use crate::picture::{Access, ColorModel, Compression, Format};
use crate::recipe::{Detail, OutputKind};

/// Bytes of input samples that a strip aims at for each thread of the pool: some rows for everyone, and little enough that a strip is still in
/// a cache when the next stage takes it.
const THREAD_BYTES: u64 = 1 << 20;
/// The least and the most of it: below, handing over costs more than the work; above, nothing is gained.
const STRIP_BYTES: std::ops::RangeInclusive<u64> = 2 << 20..=32 << 20;

/// Strips in work at the same time on either side of render: while one is rendered, the next is read and the last one written.
pub const OVERLAPPED: usize = 2;

/// Bytes per pixel of a proxy: its sums, then its means and planes of them on the way through an operation.
const PROXY_BYTES: u64 = 90;
/// Bytes per pixel of a picture before it is converted, twice: raw, and as samples (at most four of 32 bits).
const CONVERTED_BYTES: u64 = 32;

/// Most cells of the size that a picture is reduced to for `detail = "tiled"`: bounds memory and the number of inferences.
pub const TILED_CELLS: u64 = 2_400_000;
/// Bytes that each cell that a model is asked about costs: sums and means of the reduction, maps, coefficients and room to fit them.
const MODEL_CELL_BYTES: u64 = 80;

/// Bytes of the pieces that outputs are compressed in, about; a row at least.
const PIECE_BYTES: u64 = 1 << 20;
/// Bytes per byte of rows on their way through a compressor: the rows, their differences or filtered forms, what is made of them (LZW may
/// take half as much again), and that of the pieces before.
const PACKING: u64 = 6;
/// The same for PNG: also the rows above and the three forms that filters are chosen from.
const FILTERING: u64 = 11;
/// Tables of a compressor and what the allocator keeps for it, which every thread has.
const ENCODER_BYTES: u64 = 512 << 10;

/// What depth maps cost that are written beside, or instead of, the outputs of a recipe.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Exports {
    /// Bytes that are held until all is written.
    pub held_bytes: u64,
    /// Bytes of one row of all of them together.
    pub row_bytes: u64,
    /// Files that are compressed.
    pub packed: u64,
}

/// Bytes that every row of a strip costs, and those that do not depend on the height of strips.
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    per_row: u64,
    fixed: u64,
}

/// Chooses strip height, whether the decoded picture is kept, and what the job holds.
pub(super) fn choose(plan: &mut Plan, request: &PlanRequest) {
    let info = request.info;
    let row = u64::from(info.extent.width) * info.layout.pixel_bytes() as u64;
    let whole = row * u64::from(info.extent.height);
    let height = info.extent.height.max(1);
    // A picture of one strip has nothing to overlap.
    let one_strip = cost(plan, request, 1);
    let several = cost(plan, request, OVERLAPPED as u64);
    let rows = request.strip_rows.unwrap_or_else(|| match rows_within(request, &one_strip, row) {
        rows if rows >= height => rows,
        _ => rows_within(request, &several, row),
    });
    plan.strip_rows = rows.clamp(1, height.max(request.strip_rows.unwrap_or(1)));
    let cost = if plan.strip_rows < height { several } else { one_strip };
    let decoder = (request.source_bytes)(plan.strip_rows);
    let base = u64::from(plan.strip_rows) * cost.per_row + decoder + cost.fixed;
    // A source that is whole in memory is its own store: keeping a second copy would be waste. Uncompressed samples are read again from the
    // system's cache for less than fresh memory for a copy of them costs.
    let is_work = info.compression != "none" || matches!(info.model, ColorModel::Converted(_));
    let worth_it = plan.needs_analysis() && info.access != Access::Whole && is_work;
    plan.keep_decoded = worth_it && base + whole <= request.share_bytes;
    plan.bytes = base + if plan.keep_decoded { whole } else { 0 };
}

impl Plan {
    /// Charges the reduction to `cells` = (width, height) that a model is asked about, beyond what `detail = "tiled"` is charged already.
    pub fn charge_model(&mut self, cells: (u32, u32)) {
        let charged = match self.depth {
            Some(DepthPlan::Estimated { detail: Detail::Tiled, .. }) => self.frame_extent().pixels().min(TILED_CELLS),
            _ => 0,
        };
        let cells = u64::from(cells.0) * u64::from(cells.1);
        self.bytes += cells.saturating_sub(charged) * MODEL_CELL_BYTES;
    }
}

/// Rows of a strip, in whole chunks of the file where they fit: as many as are worth it and half of the job's share allows.
fn rows_within(request: &PlanRequest, cost: &Cost, row: u64) -> u32 {
    let wanted = (request.threads as u64 * THREAD_BYTES).clamp(*STRIP_BYTES.start(), *STRIP_BYTES.end());
    let target = (wanted / row.max(1)).max(1);
    let allowed = ((request.share_bytes / 2).saturating_sub(cost.fixed) / cost.per_row.max(1)).max(1);
    let chunk = u64::from(request.info.chunk_rows.max(1));
    let rows = target.min(allowed);
    let rows = if rows >= chunk { rows / chunk * chunk } else { rows };
    rows.min(u64::from(request.info.extent.height)) as u32
}

/// What the job costs with `strips` strips on either side in work at the same time.
fn cost(plan: &Plan, request: &PlanRequest, strips: u64) -> Cost {
    let info = request.info;
    let width = u64::from(info.extent.width);
    let row = width * info.layout.pixel_bytes() as u64;
    let (depth_row, map_bytes) = match &plan.depth {
        // The map's own rows lie beside those of the depth they become.
        Some(DepthPlan::Supplied(supplied)) => match supplied.size {
            MapSize::Own if matches!(supplied.origin, MapOrigin::Channel(_)) => (width * 4, 0),
            MapSize::Own => (width * 12, supplied.bytes),
            MapSize::Joined { cells: (w, h), .. } => (0, supplied.bytes + u64::from(w) * u64::from(h) * CELL_BYTES),
        },
        _ => (0, 0),
    };
    // Converted pictures are also held as the file has them.
    let converted = if matches!(info.model, ColorModel::Converted(_)) { width * CONVERTED_BYTES } else { 0 };
    // Every output's program has tables of its own, and there is one more for proxies.
    let programs = 1 + plan.outputs.iter().filter(|output| output.kind == OutputKind::Picture).count() as u64;
    let tables = programs * (masks::bytes(plan) + lut_bytes(plan));
    // Raw chunk bytes live beside the strip that is read.
    let per_row = (strips + 1) * row + strips * depth_row + converted;
    let mut cost = Cost { per_row, fixed: tables + map_bytes };
    let maps = request.exports;
    let packing = if maps.packed > 0 { FILTERING } else { 0 };
    cost.per_row += maps.row_bytes * (strips + 1 + packing);
    let piece = PIECE_BYTES.min(maps.row_bytes * u64::from(info.extent.height));
    cost.fixed += maps.held_bytes + maps.packed * (FILTERING * piece + request.threads as u64 * ENCODER_BYTES);
    if let Some(DepthPlan::Estimated { detail: Detail::Tiled, .. }) = plan.depth {
        cost.fixed += info.extent.pixels().min(TILED_CELLS) * MODEL_CELL_BYTES;
    }
    let wanting = plan.ops.iter().filter(|op| op.op.wants_field(&op.params));
    let numbers: u64 = wanting.map(|op| op.op.field_numbers()).sum();
    if numbers > 0 {
        cost.fixed += info.extent.pixels().min(MAX_PIXELS) * (PROXY_BYTES + programs * numbers * 4);
    }
    for index in 0..plan.outputs.len() {
        let one = output_cost(plan, request, index, row + depth_row, strips);
        cost = Cost { per_row: cost.per_row + one.per_row, fixed: cost.fixed + one.fixed };
    }
    cost
}

/// What one output costs: strips of it, packed bytes beside the one that is written, the rows that area operations wait for, and what lies
/// between their passes.
fn output_cost(plan: &Plan, request: &PlanRequest, index: usize, row_in: u64, strips: u64) -> Cost {
    let Some(output) = plan.outputs.get(index) else { return Cost::default() };
    let height_in = u64::from(request.info.extent.height.max(1));
    // Rows of the result per row that comes in, rounded up.
    let scaled = |bytes: u64, height: u32| (bytes * u64::from(height)).div_ceil(height_in);
    let row_out = u64::from(output.extent.width) * output.layout.pixel_bytes() as u64;
    let mut cost = Cost { per_row: scaled((strips + 1) * row_out, output.extent.height), fixed: 0 };
    let areas = plan.areas(output);
    let carried = Carried { alpha: request.info.layout.channels.has_alpha(), kept: true };
    for area in &areas {
        let planes = Planes::row_bytes(carried, area.extent_in.width, area.margin_x());
        cost.per_row += scaled(planes, area.extent_in.height);
        cost.fixed += 2 * overlap(area) * planes;
    }
    if !areas.is_empty() {
        let margin: u64 = areas.iter().map(overlap).sum();
        cost.per_row += row_in;
        cost.fixed += 2 * margin * row_in;
    }
    if packs(request, output) {
        // Rows that wait and pieces in work, which a strip may begin and end in the middle of, those packed, and packed ones that are written:
        // of a strip and a piece at most, and never of more than there is.
        let packing = if output.format == Format::Png { FILTERING } else { PACKING };
        let whole = row_out * u64::from(output.extent.height);
        let piece = PIECE_BYTES.max(row_out);
        if whole > piece {
            cost.per_row += scaled(packing * row_out, output.extent.height);
        }
        cost.fixed += packing * piece.min(whole) + (request.threads as u64).min(whole.div_ceil(piece)) * ENCODER_BYTES;
    }
    if output.kind == OutputKind::Depth && output.format == Format::Exr {
        cost.fixed += u64::from(output.extent.width) * u64::from(output.extent.height) * 4;
    }
    if output.kind == OutputKind::Picture
        && let Some(more) = output.format.encoder_bytes_per_pixel()
    {
        cost.fixed += (row_out + more * u64::from(output.extent.width)) * u64::from(output.extent.height);
    }
    cost
}

/// Bytes of the LUTs that a program of the plan holds: three floats a node.
fn lut_bytes(plan: &Plan) -> u64 {
    let files = plan.ops.iter().flat_map(|op| op.op.lut_files(&op.params));
    let luts = files.filter_map(|file| plan.context.luts.get(&file));
    let nodes = luts.map(|lut| {
        lut.cube.as_ref().map_or(0, |t| t.nodes().len()) + lut.shaper.as_ref().map_or(0, |t| t.nodes().len())
    });
    12 * nodes.sum::<usize>() as u64
}

/// True when an output is compressed piece by piece.
fn packs(request: &PlanRequest, output: &super::OutputPlan) -> bool {
    match (output.format, output.compression) {
        (Format::Png, compression) => compression != Compression::None,
        (Format::Tiff, Compression::None) => false,
        (Format::Tiff, Compression::Input) => {
            request.info.format != Format::Tiff.name() || request.info.compression != "none"
        }
        (Format::Tiff, _) => true,
        _ => false,
    }
}

/// Rows that an area operation reads beyond those it makes, above or below.
fn overlap(area: &Area) -> u64 {
    let (first, end) = area.rows(area.extent_out.height / 2, area.extent_out.height / 2 + 1);
    u64::from((end - first).div_ceil(2))
}

/// A picture that does not fit the memory, even in its lowest strips, is refused: running it all the same, alone, would break the promise
/// of `--memory` and end in the system killing the batch.
pub(super) fn check(plan: &Plan, request: &PlanRequest) -> Result<()> {
    let written_whole = |output: &super::OutputPlan| {
        output.kind == OutputKind::Picture && output.format.encoder_bytes_per_pixel().is_some()
    };
    if plan.bytes <= request.total_bytes {
        return Ok(());
    }
    let whole = request.info.access == Access::Whole || plan.outputs.iter().any(written_whole);
    let what = match whole {
        true => {
            "memory for a picture that its format holds whole (raise --memory, or save it in strips or tiles), in bytes,"
        }
        false => {
            "memory for the rows that must be held at a time (raise --memory, of which loaded depth models take a part), in bytes,"
        }
    };
    Err(Error::Limit { path: request.path.to_owned(), what, value: plan.bytes, limit: request.total_bytes })
}
