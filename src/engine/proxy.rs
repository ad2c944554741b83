//! The picture at proxy size, gathered while it is read once, and the fields that operations make of it.

use std::sync::Arc;

use super::drive::Work;
use crate::error::Result;
use crate::exec::Executor;
use crate::exec::cpu::Cpu;
use crate::ops::field::Proxy;
use crate::picture::{Extent, Region, Strip};
use crate::plan::{PROXY_LAYOUT, Plan, RenderFacts};

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

/// Sums of one row of the picture: one row of cells.
pub struct RowSums {
    row: usize,
    sums: Vec<[i64; SUMS]>,
    counts: Vec<u32>,
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

    /// Sums one row of linear Rec.2020 planes: red, green, blue, alpha.
    pub fn sum(self, y: u32, [r, g, b, alpha]: [&[f32]; 4]) -> RowSums {
        let mut sums = vec![[0i64; SUMS]; self.extent.width as usize];
        let mut counts = vec![0u32; self.extent.width as usize];
        // NaN counts as black.
        let units = |v: f32| (v.max(-BRIGHTEST).min(BRIGHTEST) * UNITS) as i64;
        for x in 0..r.len() {
            let cell = self.column(x);
            let a = alpha[x].max(0.0).min(1.0);
            if let (Some(sum), Some(count)) = (sums.get_mut(cell), counts.get_mut(cell)) {
                for (sum, value) in sum.iter_mut().zip([r[x] * a, g[x] * a, b[x] * a, a]) {
                    *sum += if value.is_nan() { 0 } else { units(value) };
                }
                *count += 1;
            }
        }
        RowSums { row: self.row(y), sums, counts }
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

    /// Adds a row.
    pub fn merge(&mut self, row: &RowSums) {
        let start = row.row * self.extent.width as usize;
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
    let (strip, depth) = proxy;
    let extent = Extent { width: strip.region.width, height: strip.region.rows };
    for index in 0..plan.ops.len() {
        let Some(op) = plan.ops.get(index).filter(|op| op.op.wants_field(&op.params)) else { continue };
        let program = plan.before(index, extent, &work.job.input, facts)?;
        let depth = program.supplied_depth.then_some(depth.as_slice());
        let mut picture = Strip::new(strip.region, program.output);
        cpu.run(&program, strip, depth, &mut picture)?;
        let field = op.op.field(&op.params, &unpacked(extent, &picture));
        facts.fields.insert(index, Arc::new(field));
    }
    Ok(())
}

/// Planes of an interleaved strip of the proxy.
fn unpacked(extent: Extent, picture: &Strip) -> Proxy {
    let values: &[f32] = bytemuck::cast_slice(picture.words());
    let plane = |k: usize| values.iter().skip(k).step_by(4).copied().collect::<Vec<f32>>();
    Proxy { extent, rgb: [plane(0), plane(1), plane(2)], alpha: plane(3) }
}
