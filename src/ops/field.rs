//! Fields: what an operation knows of wide surroundings.
//!
//! A blur over a tenth of the picture cannot be gathered from a strip. Operations that need one look at a [`Proxy`], the picture as they
//! meet it reduced to at most [`MAX_PIXELS`], and leave a [`Field`] of a few numbers per proxy pixel. At full size the field is read
//! between its nodes: a point operation, so strips stay independent.

use super::chunk::CHUNK;
use super::step::{Frame, Tables};
use crate::picture::Extent;

/// Numbers of a field that point operations read as [`super::Px::field`], at most.
pub const MOST: usize = 3;
/// Values that are written at once for pixels between the same nodes.
const BLOCK: usize = 8;
/// One number of a field for every pixel of a chunk, and room behind them.
pub type Plane = [f32; CHUNK + BLOCK];
/// A plane of zeros.
pub const NO_PLANE: Plane = [0.0; CHUNK + BLOCK];
/// Pixels of a proxy, at most.
pub const MAX_PIXELS: u64 = 1 << 19;

/// The picture, reduced.
#[derive(Debug, Clone, PartialEq)]
pub struct Proxy {
    /// Size, as stored; at most [`MAX_PIXELS`].
    pub extent: Extent,
    /// Color, unassociated, in the domain of the operation that looks.
    pub rgb: [Vec<f32>; 3],
    /// Alpha, 0 to 1.
    pub alpha: Vec<f32>,
    /// Normalized disparity (1 = nearest); empty for operations that do not read depth.
    pub disparity: Vec<f32>,
}

impl Proxy {
    /// Size of the proxy of a picture: its own when it is small enough.
    pub fn extent_for(picture: Extent) -> Extent {
        if picture.pixels() <= MAX_PIXELS {
            return picture;
        }
        let shrink = (MAX_PIXELS as f64 / picture.pixels() as f64).sqrt();
        // Very long pictures keep at least one row; the other side gives way.
        let side = |v: u32| ((f64::from(v) * shrink) as u32).max(1);
        let (width, height) = (side(picture.width), side(picture.height));
        let most = |other: u32| (MAX_PIXELS / u64::from(other)).max(1) as u32;
        let width = width.min(most(height));
        Extent { width, height: height.min(most(width)) }
    }

    /// Longer side in pixels.
    pub fn long_side(&self) -> u32 {
        self.extent.width.max(self.extent.height)
    }
}

/// Numbers per node of a grid that spans the picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Nodes per row and rows of nodes.
    pub extent: Extent,
    /// Numbers per node.
    pub channels: u32,
    /// All numbers: those of a node together, node after node, row after row.
    pub values: Vec<f32>,
}

/// How steps read a field: part of their constants, twin of `FieldConstants` in `shaders/lib/field.wgsl`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, bytemuck::Pod, bytemuck::Zeroable)]
pub struct FieldConstants {
    /// Place of the first number in the tables.
    pub table: u32,
    /// Nodes per row; 0 = there is no field.
    pub width: u32,
    /// Rows of nodes.
    pub height: u32,
    /// Numbers per node.
    pub channels: u32,
    /// Nodes per pixel, along rows.
    pub step_x: f32,
    /// Nodes per pixel, along columns.
    pub step_y: f32,
}

impl FieldConstants {
    /// Stores a field for pixels of `frame`; without one, the constants say so.
    pub fn new(field: Option<&Field>, frame: &Frame, tables: &mut Tables) -> Self {
        let Some(field) = field.filter(|f| f.values.len() == f.extent.pixels() as usize * f.channels as usize) else {
            return Self::default();
        };
        Self {
            table: tables.push_floats(&field.values),
            width: field.extent.width,
            height: field.extent.height,
            channels: field.channels,
            step_x: field.extent.width as f32 / frame.extent.width as f32,
            step_y: field.extent.height as f32 / frame.extent.height as f32,
        }
    }

    /// The first numbers of the field at the `n` pixels from column `x` on of row `y` (at most [`CHUNK`]), one plane for each number: linear
    /// between nodes; nodes lie in the middle of the pixels they stand for, and the outermost hold beyond. Zeros without a field. What the
    /// planes hold behind the last pixel means nothing.
    ///
    /// Nodes are looked up once for all pixels between them, so that nothing is gathered: without fast gathers, as on AVX2, compilers leave
    /// a loop that has them as it is.
    #[inline(always)]
    pub fn sample_run(&self, tables: &[u32], (x, y): (u32, u32), n: usize, out: &mut [Plane]) {
        let n = n.min(CHUNK);
        if self.width == 0 {
            out.iter_mut().for_each(|plane| plane[..n].fill(0.0));
            return;
        }
        let (mut low, mut share) = ([0u32; CHUNK], [0.0f32; CHUNK + BLOCK]);
        for i in 0..n {
            (low[i], _, share[i]) = place(x + i as u32, self.step_x, self.width);
        }
        let (mut starts, mut runs) = ([0usize; CHUNK], 0);
        for i in 0..n {
            if i == 0 || low[i] != low[i - 1] {
                starts[runs] = i;
                runs += 1;
            }
        }
        let (y0, y1, fy) = place(y, self.step_y, self.height);
        for (k, plane) in out.iter_mut().enumerate() {
            for (run, &first) in starts[..runs].iter().enumerate() {
                let end = if run + 1 < runs { starts[run + 1] } else { n };
                let node = low[first];
                let value = |x: u32, y: u32| {
                    let at = (self.table + (y * self.width + x) * self.channels) as usize + k;
                    f32::from_bits(tables.get(at).copied().unwrap_or(0))
                };
                let next = (node + 1).min(self.width - 1);
                let (above, below) = (value(node, y0), value(node, y1));
                let (rise_above, rise_below) = (value(next, y0) - above, value(next, y1) - below);
                // Whole blocks: what they write too much, the next run overwrites.
                for at in (first..end).step_by(BLOCK) {
                    let (to, share) = (&mut plane[at..at + BLOCK], &share[at..at + BLOCK]);
                    for i in 0..BLOCK {
                        let above = above + share[i] * rise_above;
                        let below = below + share[i] * rise_below;
                        to[i] = above + fy * (below - above);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
impl FieldConstants {
    /// What [`FieldConstants::sample_run`] gives for one pixel, bit for bit: its definition, for tests.
    pub(super) fn sample<const N: usize>(&self, tables: &[u32], x: u32, y: u32) -> [f32; N] {
        let (x0, x1, fx) = place(x, self.step_x, self.width);
        let (y0, y1, fy) = place(y, self.step_y, self.height);
        let node = |x: u32, y: u32, k: usize| {
            let at = (self.table + (y * self.width + x) * self.channels) as usize + k;
            f32::from_bits(tables.get(at).copied().unwrap_or(0))
        };
        let mut out = [0.0; N];
        for (k, value) in out.iter_mut().enumerate() {
            let above = node(x0, y0, k) + fx * (node(x1, y0, k) - node(x0, y0, k));
            let below = node(x0, y1, k) + fx * (node(x1, y1, k) - node(x0, y1, k));
            *value = if self.width > 0 { above + fy * (below - above) } else { 0.0 };
        }
        out
    }
}

/// The nodes before and behind a pixel, and how far it is on the way. Pixels go through i32, which every instruction set converts at once
/// (coordinates stay below 2^31); back from floats that is one number at a time, because `as` must mind what does not fit. So the whole part is found
/// by adding 2^23, beyond which floats have no other, and mending what was rounded up.
#[inline(always)]
fn place(v: u32, step: f32, nodes: u32) -> (u32, u32, f32) {
    const WHOLE: f32 = 8_388_608.0;
    let last = nodes.saturating_sub(1);
    let at = ((v as i32 as f32 + 0.5) * step - 0.5).max(0.0).min(last as i32 as f32);
    let shifted = at + WHOLE;
    let nearest = shifted - WHOLE;
    let up = nearest > at;
    let low = (shifted.to_bits() & 0x7f_ffff) - u32::from(up);
    (low, (low + 1).min(last), at - (nearest - if up { 1.0 } else { 0.0 }))
}

/// Means over squares of `2 radius + 1` nodes of a plane of `size`; at the edges over what there is. Sums are kept in f64, so that they
/// neither drift nor depend on where a row begins.
pub fn box_blur(plane: &[f32], size: (usize, usize), radius: usize) -> Vec<f32> {
    let (width, height) = size;
    let mut rows = vec![0.0f32; plane.len()];
    for y in 0..height {
        let row = y * width;
        slide(width, radius, |i| plane[row + i], |i, mean| rows[row + i] = mean);
    }
    let mut out = vec![0.0f32; plane.len()];
    for x in 0..width {
        slide(height, radius, |i| rows[i * width + x], |i, mean| out[i * width + x] = mean);
    }
    out
}

/// Means over a window that slides along `n` values.
fn slide(n: usize, radius: usize, value: impl Fn(usize) -> f32, mut put: impl FnMut(usize, f32)) {
    let mut sum: f64 = (0..radius.min(n)).map(|i| f64::from(value(i))).sum();
    for i in 0..n {
        if i + radius < n {
            sum += f64::from(value(i + radius));
        }
        if i > radius {
            sum -= f64::from(value(i - radius - 1));
        }
        let count = (i + radius).min(n - 1) - i.saturating_sub(radius) + 1;
        put(i, (sum / count as f64) as f32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_bounded_and_keep_the_aspect() {
        for (w, h) in [(1, 1), (640, 480), (3840, 2160), (60_000, 40_000), (4_000_000_000, 1), (3, 2_000_000_000)] {
            let e = Proxy::extent_for(Extent { width: w, height: h });
            assert!(e.width >= 1 && e.height >= 1 && e.pixels() <= MAX_PIXELS, "{w}x{h}: {e}");
            assert!(e.width <= w && e.height <= h);
        }
        let e = Proxy::extent_for(Extent { width: 3840, height: 2160 });
        assert!((f64::from(e.width) / f64::from(e.height) - 16.0 / 9.0).abs() < 0.01, "{e}");
    }

    #[test]
    fn fields_are_linear_between_nodes_and_constant_beyond() {
        let field = Field { extent: Extent { width: 2, height: 1 }, channels: 2, values: vec![0.0, 5.0, 1.0, 7.0] };
        let frame = Frame { extent: Extent { width: 8, height: 4 }, ..Frame::default() };
        let mut tables = Tables(vec![9; 3]);
        let c = FieldConstants::new(Some(&field), &frame, &mut tables);
        let at = |x| c.sample::<2>(&tables.0, x, 3);
        assert_eq!((at(0), at(1)), ([0.0, 5.0], [0.0, 5.0]));
        assert_eq!((at(6), at(7)), ([1.0, 7.0], [1.0, 7.0]));
        assert_eq!(at(3), [0.375, 5.75]);
        assert_eq!(FieldConstants::new(None, &frame, &mut tables).sample::<1>(&tables.0, 3, 3), [0.0]);
    }

    #[test]
    fn pixels_lie_between_the_nodes_around_them() {
        for nodes in [1, 2, 3, 1000, 524_288] {
            for step in [0.001, 0.25, 1.0 / 3.0, 0.999, 1.0] {
                for v in (0..2000).chain([524_286, 524_287, 524_288, 3_999_999]) {
                    let (low, next, part) = place(v, step, nodes);
                    let at = ((v as f32 + 0.5) * step - 0.5).max(0.0).min((nodes - 1) as f32);
                    assert_eq!((low, part), (at.floor() as u32, at - at.floor()), "{v} of {nodes} at {step}");
                    assert_eq!(next, (low + 1).min(nodes - 1));
                }
            }
        }
    }

    #[test]
    fn runs_are_pixels() {
        for (nodes, picture) in
            [((7, 5), (1000, 40)), ((90, 3), (100, 9)), ((64, 4), (64, 4)), ((1, 1), (700, 2)), ((300, 2), (40, 2))]
        {
            let extent = Extent { width: nodes.0, height: nodes.1 };
            let values = (0..extent.pixels() * 3).map(|i| ((i * 7919 % 101) as f32 - 50.0) / 17.0).collect();
            let field = Field { extent, channels: 3, values };
            let frame = Frame { extent: Extent { width: picture.0, height: picture.1 }, ..Frame::default() };
            let mut tables = Tables(vec![9; 3]);
            for c in [FieldConstants::new(Some(&field), &frame, &mut tables), FieldConstants::default()] {
                for (x, y) in [(0, 0), (0, picture.1 - 1), (picture.0 / 3, picture.1 / 2)] {
                    let n = CHUNK.min((picture.0 - x) as usize);
                    let mut run = [NO_PLANE; 3];
                    c.sample_run(&tables.0, (x, y), n, &mut run);
                    for (i, x) in (x..x + n as u32).enumerate() {
                        assert_eq!(
                            run.each_ref().map(|plane| plane[i]),
                            c.sample::<3>(&tables.0, x, y),
                            "{nodes:?} {picture:?} {x}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn boxes_are_means_of_what_there_is() {
        let plane: Vec<f32> = (0..7 * 5).map(|i| (i * 37 % 11) as f32).collect();
        for radius in [0usize, 1, 2, 9] {
            for (i, mean) in box_blur(&plane, (7, 5), radius).into_iter().enumerate() {
                let near = |j: &usize| (j % 7).abs_diff(i % 7) <= radius && (j / 7).abs_diff(i / 7) <= radius;
                let inside: Vec<f32> = (0..35).filter(near).map(|j| plane[j]).collect();
                let expected = inside.iter().sum::<f32>() / inside.len() as f32;
                assert!((mean - expected).abs() < 1e-5, "radius {radius} at {i}");
            }
        }
    }
}
