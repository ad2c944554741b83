//! What an area operation sees: working pixels around the one it computes.
//!
//! A plan cuts a program into passes at area operations. The pass before leaves its pixels in [`Planes`], the area operation gathers from
//! them into a [`Chunk`], and the point operations behind it run on that chunk. Everything is addressed by absolute row and column, and
//! rows and columns beyond the picture repeat its edge, so results do not depend on how a picture is cut into strips.
//!
//! *Alpha.* Area operations gather associated color ([`Planes::color`]); what they return is made unassociated again by whoever runs them.

use std::sync::Arc;

use super::chunk::{CHUNK, Chunk};
use crate::picture::Extent;

/// Where an area operation reads, and the size of what it makes.
#[derive(Debug, Clone)]
pub struct Area {
    /// Size of the picture it reads.
    pub extent_in: Extent,
    /// Size of the picture it makes.
    pub extent_out: Extent,
    /// Rows and columns it reads for a pixel.
    pub reach: Reach,
}

/// What an area operation reads for one pixel.
#[derive(Debug, Clone)]
pub enum Reach {
    /// So many columns to the left and right and rows up and down; at most [`MAX_MARGIN_PX`].
    Margin {
        /// Columns.
        x: u32,
        /// Rows.
        y: u32,
    },
    /// For each row of the result, the first row it reads and their number. Columns are the operation's own affair.
    Rows(Arc<[(u32, u32)]>),
}

/// Largest margin of an area operation, in pixels: what keeps strips small.
pub const MAX_MARGIN_PX: u32 = 256;

impl Area {
    /// Rows of the input that rows `first..end` of the result need, within the picture.
    pub fn rows(&self, first: u32, end: u32) -> (u32, u32) {
        match &self.reach {
            Reach::Margin { y, .. } => (first.saturating_sub(*y), end.saturating_add(*y).min(self.extent_in.height)),
            Reach::Rows(rows) => {
                let at = |row: u32| rows.get(row as usize).copied().unwrap_or((0, self.extent_in.height));
                let last = at(end.saturating_sub(1).max(first));
                (at(first).0, (last.0 + last.1).min(self.extent_in.height))
            }
        }
    }

    /// True when it resamples to the size there is already.
    pub fn is_idle(&self) -> bool {
        matches!(self.reach, Reach::Rows(_)) && self.extent_in == self.extent_out
    }

    /// Columns beyond the picture that the operation reads.
    pub fn margin_x(&self) -> u32 {
        if let Reach::Margin { x, .. } = self.reach { x } else { 0 }
    }
}

/// Which of the values of a pixel travel between passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Carried {
    /// Alpha, and color associated with it.
    pub alpha: bool,
    /// The source color and the original code values, with how far the pixel was touched.
    pub kept: bool,
}

/// Planes of the values in [`Planes`], in this order: red, green, blue, alpha, guide, disparity, mask, aux.
pub const BASE_PLANES: usize = 8;
/// The plane of alpha.
pub const ALPHA_PLANE: usize = 3;
/// The plane of what one stage hands to the next.
pub const AUX_PLANE: usize = 7;
/// Further ones where kept values are carried: touched, source (3), original (3).
pub const KEPT_PLANES: usize = 7;
/// Further ones where alpha is carried: associated color.
const ASSOCIATED_PLANES: usize = 3;

impl Carried {
    /// Floats per pixel.
    pub fn planes(self) -> usize {
        BASE_PLANES + if self.kept { KEPT_PLANES } else { 0 } + if self.alpha { ASSOCIATED_PLANES } else { 0 }
    }
}

/// Whole rows of working pixels between two passes, plane by plane, with the edges repeated on both sides.
#[derive(Debug)]
pub struct Planes {
    carried: Carried,
    extent: Extent,
    first_row: u32,
    rows: u32,
    /// Columns repeated on either side.
    pad: usize,
    data: Vec<f32>,
}

impl Planes {
    /// Zeroed planes for rows `first_row..first_row + rows` of a picture of `extent`, with `pad_px` more columns on either side.
    pub fn new(carried: Carried, extent: Extent, first_row: u32, rows: u32, pad_px: u32) -> Self {
        Self::within(Vec::new(), carried, extent, first_row, rows, pad_px)
    }

    /// As [`Planes::new`], in the memory of `storage` where that is large enough and not much too large.
    pub fn within(
        mut storage: Vec<f32>,
        carried: Carried,
        extent: Extent,
        first_row: u32,
        rows: u32,
        pad_px: u32,
    ) -> Self {
        let pad = pad_px as usize;
        let floats = carried.planes() * (extent.width as usize + 2 * pad) * rows as usize;
        if (floats..=floats.saturating_mul(2)).contains(&storage.capacity()) {
            storage.clear();
            storage.resize(floats, 0.0);
        } else {
            // Given back before the new one is asked for.
            drop(storage);
            storage = vec![0.0; floats];
        }
        Self { carried, extent, first_row, rows, pad, data: storage }
    }

    /// Their memory, for [`Planes::within`].
    pub fn into_storage(self) -> Vec<f32> {
        self.data
    }

    /// Bytes of one row of such planes.
    pub fn row_bytes(carried: Carried, width: u32, pad_px: u32) -> u64 {
        carried.planes() as u64 * (u64::from(width) + 2 * u64::from(pad_px)) * 4
    }

    /// Size of the picture these rows are of.
    pub fn extent(&self) -> Extent {
        self.extent
    }

    /// What they carry.
    pub fn carried(&self) -> Carried {
        self.carried
    }

    fn stride(&self) -> usize {
        self.extent.width as usize + 2 * self.pad
    }

    /// All storage, row after row of [`Planes::row_floats`] each, to be filled through [`Planes::row_of`].
    pub fn data_mut(&mut self) -> &mut [f32] {
        &mut self.data
    }

    /// Floats of one row: all its planes.
    pub fn row_floats(&self) -> usize {
        self.carried.planes() * self.stride()
    }

    /// A row of [`Planes::data_mut`] of planes made with these values.
    pub fn row_of(carried: Carried, extent: Extent, pad_px: u32, data: &mut [f32]) -> PlaneRow<'_> {
        PlaneRow { carried, width: extent.width as usize, pad: pad_px as usize, data }
    }

    /// Plane `plane` of row `y`, counted in the picture; rows beyond the picture are its first and last. Pixel x is at index
    /// `x + `[`Planes::pad`]; as many columns beyond either edge hold that edge.
    #[inline(always)]
    pub fn row(&self, plane: usize, y: i64) -> &[f32] {
        let y = y.clamp(0, i64::from(self.extent.height) - 1) - i64::from(self.first_row);
        // A row that was not asked for would be an error of the plan: it shows as a wrong edge in tests, never as a panic.
        let y = y.clamp(0, i64::from(self.rows) - 1) as usize;
        let start = (y * self.carried.planes() + plane) * self.stride();
        self.data.get(start..start + self.stride()).unwrap_or(&[])
    }

    /// Columns repeated on either side.
    pub fn pad(&self) -> usize {
        self.pad
    }

    /// The plane that holds color `channel` (0 to 2) as area operations read it: associated where there is alpha.
    #[inline(always)]
    pub fn color(&self, channel: usize) -> usize {
        let associated = BASE_PLANES + if self.carried.kept { KEPT_PLANES } else { 0 };
        if self.carried.alpha { associated + channel } else { channel }
    }

    /// Loads the pixels of row `y` from column `chunk.x` on into `chunk`: color unassociated, as it was stored.
    pub fn load(&self, y: u32, chunk: &mut Chunk) {
        let (n, first) = (chunk.len.min(CHUNK), chunk.x as usize + self.pad);
        chunk.y = y;
        let mut plane = 0;
        each_plane(self.carried, chunk, |values| {
            if let Some(from) = self.row(plane, i64::from(y)).get(first..first + n) {
                values[..n].copy_from_slice(from);
            }
            plane += 1;
        });
    }
}

/// One row of [`Planes`] while it is filled.
pub struct PlaneRow<'a> {
    carried: Carried,
    width: usize,
    pad: usize,
    data: &'a mut [f32],
}

impl PlaneRow<'_> {
    /// Stores the pixels of `chunk` from column `chunk.x` on. `light_without_coverage`: where alpha is 0, color is light of its own and is
    /// what neighbors see; else nobody sees it.
    pub fn store(&mut self, chunk: &mut Chunk, light_without_coverage: bool) {
        let (n, first, stride) = (chunk.len.min(CHUNK), chunk.x as usize + self.pad, self.width + 2 * self.pad);
        let (mut plane, data) = (0, &mut *self.data);
        let mut put = |values: &[f32]| {
            let start = plane * stride + first;
            if let Some(to) = data.get_mut(start..start + n) {
                to.copy_from_slice(&values[..n]);
            }
            plane += 1;
        };
        each_plane(self.carried, chunk, |values| put(values));
        if self.carried.alpha {
            for channel in 0..3 {
                let mut associated = [0.0; CHUNK];
                let values = chunk.rgb[channel].iter().zip(&chunk.alpha).take(n);
                for (to, (value, alpha)) in associated.iter_mut().zip(values) {
                    let beside = if light_without_coverage { *value } else { 0.0 };
                    *to = if *alpha > 0.0 { value * alpha } else { beside };
                }
                put(&associated);
            }
        }
    }

    /// Repeats the edges, once all pixels of the row are stored.
    pub fn finish(self) {
        let stride = self.width + 2 * self.pad;
        for plane in self.data.chunks_exact_mut(stride.max(1)) {
            let (first, last) = (plane[self.pad], plane[self.pad + self.width - 1]);
            plane[..self.pad].fill(first);
            plane[self.pad + self.width..].fill(last);
        }
    }
}

/// Calls `visit` with the planes of a chunk that travel, in the order of [`Planes`].
fn each_plane(carried: Carried, chunk: &mut Chunk, mut visit: impl FnMut(&mut [f32; CHUNK])) {
    chunk.rgb.iter_mut().for_each(&mut visit);
    for plane in [&mut chunk.alpha, &mut chunk.guide, &mut chunk.disparity, &mut chunk.mask, &mut chunk.aux] {
        visit(plane);
    }
    if carried.kept {
        visit(&mut chunk.touched);
        chunk.source.iter_mut().for_each(&mut visit);
        chunk.original.iter_mut().for_each(&mut visit);
    }
}
