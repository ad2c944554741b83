//! The picture at proxy size, gathered while it is read once, and the fields that operations make of it.

use std::sync::Arc;

use super::drive::Work;
use crate::color::math::unit;
use crate::error::Result;
use crate::exec::Executor;
use crate::exec::cpu::Cpu;
use crate::ops::field::Proxy;
use crate::ops::{CHUNK, Chunk, Isa, Kernel};
use crate::picture::{Extent, Region, Strip};
use crate::plan::{PROXY_LAYOUT, Plan, Program, RenderFacts, proxy_depth_program};
use crate::recipe::OpSetting;

/// Light is summed as integers of this many per unit, so that the order of rows and strips does not matter; 2^16 of light over a cell of
/// 2^23 pixels still fits.
const UNITS: f32 = 1_048_576.0;
/// Light beyond is cut: the largest half float.
const BRIGHTEST: f32 = 65_504.0;
/// Sums per cell: associated linear color and alpha.
const SUMS: usize = 4;

/// Sums of the pixels of a picture over the cells of its proxy.
pub struct ProxySums {
    picture: Extent,
    extent: Extent,
    sums: Vec<[i64; SUMS]>,
    counts: Vec<u32>,
    depth: Vec<f32>,
}

/// Sums over some cells of one row of cells.
#[derive(Default)]
pub struct CellRow {
    row: usize,
    first: usize,
    sums: Vec<[i64; SUMS]>,
    counts: Vec<u32>,
}

/// Sums of one tile of the picture: a run of columns over the rows of one row of cells after another. Rows are added up column by column,
/// columns to cells once per row of cells. The numbers are whole and below 2^53, so 64-bit floats hold them exactly.
pub struct ProxyTile {
    x: usize,
    len: usize,
    row: usize,
    rows: u32,
    columns: Box<[[f64; CHUNK]; SUMS]>,
    cells: CellRow,
}

impl Default for ProxyTile {
    fn default() -> Self {
        Self { x: 0, len: 0, row: 0, rows: 0, columns: Box::new([[0.0; CHUNK]; SUMS]), cells: CellRow::default() }
    }
}

impl ProxyTile {
    /// Adds a run of linear Rec.2020 with alpha; `into` gets the sums of rows of cells that are left behind.
    pub fn add(&mut self, cells: Cells, isa: Isa, chunk: &Chunk, mut into: impl FnMut(&CellRow)) {
        let (x, len, row) = (chunk.x as usize, chunk.len.min(CHUNK), cells.row(chunk.y));
        if (x, len, row) != (self.x, self.len, self.row) || self.rows == MOST_ROWS {
            self.finish(cells, &mut into);
            (self.x, self.len, self.row) = (x, len, row);
        }
        isa.run(AddRow { chunk, columns: &mut self.columns });
        self.rows += 1;
    }

    /// Hands the sums out that are not handed out yet, and begins anew.
    pub fn finish(&mut self, cells: Cells, mut into: impl FnMut(&CellRow)) {
        if self.rows == 0 {
            return;
        }
        let found = &mut self.cells;
        (found.row, found.first) = (self.row, cells.column(self.x));
        found.sums.clear();
        found.counts.clear();
        let end = self.x + self.len;
        let mut x = self.x;
        while x < end {
            let next = cells.begin(cells.column(x) + 1).clamp(x + 1, end);
            let columns = x - self.x..next - self.x;
            found.sums.push(self.columns.each_ref().map(|plane| plane[columns.clone()].iter().sum::<f64>() as i64));
            found.counts.push((next - x) as u32 * self.rows);
            x = next;
        }
        into(found);
        self.rows = 0;
        for plane in self.columns.iter_mut() {
            plane.fill(0.0);
        }
    }
}

/// Rows of cells that are added up before sums are handed out: 2^37, the largest number of units, times these and the columns of a tile stays
/// below 2^53.
const MOST_ROWS: u32 = 64;

/// Adds a row of pixels to the columns.
struct AddRow<'a> {
    chunk: &'a Chunk,
    columns: &'a mut [[f64; CHUNK]; SUMS],
}

impl Kernel for AddRow<'_> {
    type Out = ();

    #[inline(always)]
    fn run(self) {
        let n = self.chunk.len.min(CHUNK);
        let alpha = &self.chunk.alpha[..n];
        let [r, g, b, coverage] = self.columns;
        for (column, plane) in [r, g, b].into_iter().zip(&self.chunk.rgb) {
            let (column, plane) = (&mut column[..n], &plane[..n]);
            for i in 0..n {
                column[i] += units(plane[i] * unit(alpha[i]));
            }
        }
        for (sum, alpha) in coverage[..n].iter_mut().zip(alpha) {
            *sum += units(unit(*alpha));
        }
    }
}

/// Whole units of light; NaN counts as black.
#[inline(always)]
fn units(v: f32) -> f64 {
    /// Floats from here on are whole by themselves.
    const WHOLE: f32 = 8_388_608.0;
    let v = if v.is_nan() { 0.0 } else { v };
    let v = v.clamp(-BRIGHTEST, BRIGHTEST) * UNITS;
    let near = if v > -WHOLE { v } else { -WHOLE };
    let near = if near < WHOLE { near } else { WHOLE };
    // SAFETY: `near` is a number between -2^23 and 2^23.
    let cut: i32 = unsafe { near.to_int_unchecked() };
    f64::from(if v.abs() < WHOLE { cut as f32 } else { v })
}

/// Cells along one direction: `v` pixels into `cells`.
#[derive(Debug, Clone, Copy)]
pub struct Cells {
    picture: Extent,
    extent: Extent,
}

impl Cells {
    fn column(self, x: usize) -> usize {
        (x as u64 * u64::from(self.extent.width) / u64::from(self.picture.width)) as usize
    }

    fn row(self, y: u32) -> usize {
        (u64::from(y) * u64::from(self.extent.height) / u64::from(self.picture.height)) as usize
    }

    /// The first column of a cell.
    fn begin(self, cell: usize) -> usize {
        (cell as u64 * u64::from(self.picture.width)).div_ceil(u64::from(self.extent.width)) as usize
    }
}

impl ProxySums {
    /// Empty sums for a picture of this size.
    pub fn new(picture: Extent) -> Self {
        let extent = Proxy::extent_for(picture);
        let cells = extent.pixels() as usize;
        Self { picture, extent, sums: vec![[0; SUMS]; cells], counts: vec![0; cells], depth: vec![f32::NAN; cells] }
    }

    /// How pixels fall into cells.
    pub fn cells(&self) -> Cells {
        Cells { picture: self.picture, extent: self.extent }
    }

    /// Adds what a tile handed out.
    pub fn merge(&mut self, row: &CellRow) {
        let start = row.row * self.extent.width as usize + row.first;
        let cells = self.sums.iter_mut().zip(&mut self.counts).skip(start);
        for ((sum, count), (more, n)) in cells.zip(row.sums.iter().zip(&row.counts)) {
            sum.iter_mut().zip(more).for_each(|(a, b)| *a += b);
            *count += n;
        }
    }

    /// Takes supplied depth of the rows of `region`: the pixel in the middle of a cell stands for it.
    pub fn take_depth(&mut self, region: Region, depth: &[f32]) {
        let middle = |i: u32, cells: u32, pixels: u32| {
            ((2 * u64::from(i) + 1) * u64::from(pixels) / (2 * u64::from(cells))) as u32
        };
        for cell_y in 0..self.extent.height {
            let y = middle(cell_y, self.extent.height, self.picture.height);
            if y < region.y || y >= region.y + region.rows {
                continue;
            }
            let row = (y - region.y) as usize * region.width as usize;
            for cell_x in 0..self.extent.width {
                let x = middle(cell_x, self.extent.width, self.picture.width) as usize;
                let cell = (cell_y * self.extent.width + cell_x) as usize;
                if let (Some(to), Some(value)) = (self.depth.get_mut(cell), depth.get(row + x)) {
                    *to = *value;
                }
            }
        }
    }

    /// The means: linear Rec.2020, unassociated, interleaved with alpha, as a strip of the proxy; and supplied depth.
    pub fn finish(self) -> (Strip, Vec<f32>) {
        let region = Region { width: self.extent.width, y: 0, rows: self.extent.height };
        let mut strip = Strip::new(region, PROXY_LAYOUT);
        let cells = self.sums.iter().zip(&self.counts);
        for (pixel, (sum, count)) in strip.words_mut().chunks_exact_mut(4).zip(cells) {
            let mean = |v: i64| (v as f64 / (f64::from(UNITS) * f64::from((*count).max(1)))) as f32;
            let alpha = mean(sum[3]);
            for (word, value) in pixel.iter_mut().zip(sum) {
                *word = (mean(*value) / if alpha > 0.0 { alpha } else { 1.0 }).to_bits();
            }
            if let Some(last) = pixel.last_mut() {
                *last = alpha.to_bits();
            }
        }
        (strip, self.depth)
    }
}

/// Lets every operation of the plan that needs it make its field of the picture as the operation meets it.
pub fn fields(work: &Work, plan: &Plan, proxy: &(Strip, Vec<f32>), facts: &mut RenderFacts) -> Result<()> {
    let cpu = Cpu::new(work.engine.pool.clone(), work.engine.isa);
    let strip = &proxy.0;
    let extent = Extent { width: strip.region.width, height: strip.region.rows };
    let reads_depth = |op: &OpSetting| op.op.wants_field(&op.params) && op.op.reads_depth(&op.params);
    let disparity = match &facts.depth {
        Some(known) if plan.ops.iter().any(reads_depth) => {
            run(&cpu, &proxy_depth_program(&plan.input.1, known, extent), proxy)?
        }
        _ => Vec::new(),
    };
    for index in 0..plan.ops.len() {
        let Some(op) = plan.ops.get(index).filter(|op| op.op.wants_field(&op.params)) else { continue };
        let program = plan.before(index, extent, &work.job.input, facts)?;
        let mut picture = unpacked(extent, &run(&cpu, &program, proxy)?);
        if reads_depth(op) {
            picture.disparity.clone_from(&disparity);
        }
        let field = op.op.field(&op.params, &picture, &plan.frame_before(index));
        facts.fields.insert(index, Arc::new(field));
    }
    Ok(())
}

/// The floats that a program makes of the proxy.
fn run(cpu: &Cpu, program: &Program, (strip, depth): &(Strip, Vec<f32>)) -> Result<Vec<f32>> {
    let depth = program.supplied_depth.then_some(depth.as_slice());
    let mut picture = Strip::new(strip.region, program.output);
    cpu.run(program, strip, depth, &mut picture)?;
    Ok(bytemuck::cast_slice(picture.words()).to_vec())
}

/// Planes of an interleaved strip of the proxy.
fn unpacked(extent: Extent, values: &[f32]) -> Proxy {
    let plane = |k: usize| values.iter().skip(k).step_by(4).copied().collect::<Vec<f32>>();
    Proxy { extent, rgb: [plane(0), plane(1), plane(2)], alpha: plane(3), disparity: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What tiles add up is what adding pixel after pixel to its cell gives, NaN and light beyond all bounds included.
    #[test]
    fn tiles_add_up_to_pixels() {
        let picture = Extent { width: 1500, height: 900 };
        let mut sums = ProxySums::new(picture);
        let cells = sums.cells();
        let mut expected = vec![([0i64; SUMS], 0u32); cells.extent.pixels() as usize];
        let odd = [f32::NAN, f32::INFINITY, -1e9, -0.25, 0.0, 70_000.0];
        let (mut tile, mut chunk) = (ProxyTile::default(), Box::new(Chunk::new()));
        for x in (0..picture.width).step_by(CHUNK) {
            for y in (0..picture.height).step_by(3) {
                (chunk.x, chunk.y, chunk.len) = (x, y, CHUNK.min((picture.width - x) as usize));
                for i in 0..chunk.len {
                    let v = (i * 37 + y as usize * 91) % 1009;
                    let light = odd.get(v).copied().unwrap_or(v as f32 / 300.0);
                    (chunk.rgb[0][i], chunk.rgb[1][i], chunk.rgb[2][i]) = (light, -light, light * 11.0);
                    chunk.alpha[i] = if v == 500 { f32::NAN } else { 1.2 - v as f32 / 1000.0 };
                    let alpha = chunk.alpha[i].max(0.0).min(1.0);
                    let cell = cells.row(y) * cells.extent.width as usize + cells.column(x as usize + i);
                    let values = [chunk.rgb[0][i] * alpha, chunk.rgb[1][i] * alpha, chunk.rgb[2][i] * alpha, alpha];
                    for (sum, value) in expected[cell].0.iter_mut().zip(values) {
                        let bounded = if value.is_nan() { 0.0 } else { value.clamp(-BRIGHTEST, BRIGHTEST) };
                        *sum += (bounded * UNITS) as i64;
                    }
                    expected[cell].1 += 1;
                }
                tile.add(cells, Isa::best(), &chunk, |row| sums.merge(row));
            }
            tile.finish(cells, |row| sums.merge(row));
        }
        let found: Vec<_> = sums.sums.iter().copied().zip(sums.counts.iter().copied()).collect();
        assert!(found == expected);
    }
}
