//! Sums of one tile of the picture: a run of at most [`CHUNK`] columns, over the rows of one cell row after another.
//!
//! Rows are added up first, column by column: plain loops over planes in the first-level cache that every instruction set does in its widest
//! registers. Columns are added to cells once per cell row, when nearly all of the work is done. All of it is integers, so the order in which
//! tiles and rows come changes nothing.

use super::{PLANES, ReducePlan, SQUARE_SHIFT, SUMS, quantize};
use crate::ops::{CHUNK, Isa, Kernel};

/// Sums per column: the planes, and the lower and upper part of the squared guide, which would overflow 32 bits in one.
const LANES: usize = PLANES + 2;
/// Bits of the lower part of a squared guide, which has 24.
const LOW_BITS: u32 = 12;
/// Row weights that 32 bits hold, times the largest code.
const MAX_WEIGHT: u64 = 65_537;

/// Sums over some cells of one cell row.
#[derive(Debug, Clone, Default)]
pub struct CellSums {
    pub(super) row: u32,
    pub(super) first: u32,
    /// Pixels of the picture that were added, each told once.
    pub(super) pixels: u64,
    /// `[sum][cell]`.
    pub(super) sums: Vec<u64>,
}

/// A tile in work. Reuse one value for many.
pub struct TileSums {
    x: u32,
    len: u32,
    row: u32,
    weight: u64,
    lanes: Box<[[u32; CHUNK]; LANES]>,
    cells: CellSums,
}

impl Default for TileSums {
    fn default() -> Self {
        Self { x: 0, len: 0, row: 0, weight: 0, lanes: Box::new([[0; CHUNK]; LANES]), cells: CellSums::default() }
    }
}

impl TileSums {
    /// Adds pixels `x..` of picture row `y`, planes of equal length in the order red, green, blue, guide. `into` gets the sums of cell rows
    /// that are left behind; [`Self::finish`] hands out the last one. What lies past the edge of the picture is left out, which
    /// [`super::Reducer::finish`] notices.
    pub fn add(
        &mut self,
        plan: &ReducePlan,
        isa: Isa,
        (x, y): (u32, u32),
        planes: [&[f32]; PLANES],
        mut into: impl FnMut(&CellSums),
    ) {
        let given = planes.iter().map(|plane| plane.len()).min().unwrap_or(0).min(CHUNK) as u32;
        let len = given.min(plan.picture.width.saturating_sub(x));
        if len == 0 || y >= plan.picture.height {
            return;
        }
        if (x, len) != (self.x, self.len) {
            self.finish(plan, &mut into);
            (self.x, self.len) = (x, len);
        }
        let planes = planes.map(|plane| &plane[..len as usize]);
        for row in plan.first_cell_row(y)..=plan.last_cell_row(y) {
            let weight = plan.row_weight(y, row);
            if row != self.row || self.weight + weight > MAX_WEIGHT {
                self.finish(plan, &mut into);
                self.row = row;
            }
            self.weight += weight;
            isa.run(Accumulate { planes, weight: weight as u32, lanes: &mut self.lanes });
        }
        self.cells.pixels += u64::from(len);
    }

    /// Hands the sums out that are not handed out yet, and begins anew.
    pub fn finish(&mut self, plan: &ReducePlan, mut into: impl FnMut(&CellSums)) {
        if self.weight == 0 {
            return;
        }
        let (x, len) = (u64::from(self.x), u64::from(self.len));
        let (cells, width) = (u64::from(plan.size.0), u64::from(plan.picture.width));
        let first = x * cells / width;
        let last = ((x + len) * cells - 1) / width;
        self.cells.row = self.row;
        self.cells.first = first as u32;
        self.cells.sums.clear();
        for sum in 0..SUMS {
            for cell in first..=last {
                self.cells.sums.push(match sum {
                    PLANES => self.cell(plan, PLANES, cell) + (self.cell(plan, PLANES + 1, cell) << LOW_BITS),
                    plane => self.cell(plan, plane, cell),
                });
            }
        }
        into(&self.cells);
        self.cells.pixels = 0;
        self.weight = 0;
        for lane in self.lanes.iter_mut() {
            lane.fill(0);
        }
    }

    /// What the columns of the tile give to one cell.
    fn cell(&self, plan: &ReducePlan, lane: usize, cell: u64) -> u64 {
        let (Some(span), Some(lane)) = (plan.columns.get(cell as usize), self.lanes.get(lane)) else { return 0 };
        let (begin, end) = (span.first.max(self.x), span.last.min(self.x + self.len - 1));
        let full = u64::from(plan.size.0);
        let Some(columns) = lane.get((begin - self.x) as usize..=(end - self.x) as usize) else { return 0 };
        let mut sum = columns.iter().map(|v| u64::from(*v)).sum::<u64>() * full;
        // The ends of a cell count for less; a cell within one pixel has but one end.
        if let Some(v) = columns.first().filter(|_| begin == span.first) {
            sum -= u64::from(*v) * (full - span.first_weight);
        }
        if let Some(v) = columns.last().filter(|_| end == span.last && span.last != span.first) {
            sum -= u64::from(*v) * (full - span.last_weight);
        }
        sum
    }
}

/// Adds one row of pixels, weighted, to the columns.
struct Accumulate<'a> {
    planes: [&'a [f32]; PLANES],
    weight: u32,
    lanes: &'a mut [[u32; CHUNK]; LANES],
}

impl Kernel for Accumulate<'_> {
    type Out = ();

    #[inline(always)]
    fn run(self) {
        let Self { planes: [red, green, blue, guide], weight, lanes: [r, g, b, l, low, high] } = self;
        let n = red.len().min(CHUNK);
        for (lane, plane) in [(r, red), (g, green), (b, blue)] {
            let (lane, plane) = (&mut lane[..n], &plane[..n]);
            for i in 0..n {
                lane[i] = lane[i].wrapping_add(quantize(plane[i]).wrapping_mul(weight));
            }
        }
        let (l, low, high, guide) = (&mut l[..n], &mut low[..n], &mut high[..n], &guide[..n]);
        for i in 0..n {
            let code = quantize(guide[i]);
            let square = code.wrapping_mul(code) >> SQUARE_SHIFT;
            l[i] = l[i].wrapping_add(code.wrapping_mul(weight));
            low[i] = low[i].wrapping_add((square & ((1 << LOW_BITS) - 1)).wrapping_mul(weight));
            high[i] = high[i].wrapping_add((square >> LOW_BITS).wrapping_mul(weight));
        }
    }
}
