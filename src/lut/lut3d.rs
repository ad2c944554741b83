//! A 3D table: a cube of nodes, red running fastest, and the two interpolations inside one cell.
//!
//! The interpolations work on the flat table of [`super::PreparedLut`]: node (r, g, b) of a table of n nodes an axis
//! starts at word `3 * (r + n * g + n * n * b)`.

use super::{Domain, node_input};

/// Most nodes along one axis of a 3D table: the bound of the Adobe Cube LUT Specification 1.0 (2013) and of
/// <https://resolve.cafe/developers/luts/>.
pub const MAX_SIZE_3D: u32 = 256;

/// A checked 3D table: 2 to [`MAX_SIZE_3D`] nodes an axis, all finite, over a valid [`Domain`].
#[derive(Debug, Clone, PartialEq)]
pub struct Lut3d {
    domain: Domain,
    size: u32,
    nodes: Vec<[f32; 3]>,
}

impl Lut3d {
    /// Takes `size`^3 nodes, red running fastest, then green, then blue.
    ///
    /// # Errors
    /// A sentence when the size is outside 2 to [`MAX_SIZE_3D`], the count is not its cube, a node is not finite or the
    /// domain is not valid.
    pub fn new(domain: Domain, size: u32, nodes: Vec<[f32; 3]>) -> Result<Self, String> {
        domain.check()?;
        check_size(size)?;
        let expected = u64::from(size).pow(3);
        if nodes.len() as u64 != expected {
            return Err(format!("a 3D table of size {size} has {expected} nodes, not {}", nodes.len()));
        }
        check_nodes(&nodes)?;
        Ok(Self { domain, size, nodes })
    }

    /// Samples `f`, which maps an RGB input to an RGB output, at `size` nodes an axis.
    ///
    /// # Errors
    /// As [`Lut3d::new`].
    pub fn from_fn(size: u32, domain: Domain, f: impl Fn([f32; 3]) -> [f32; 3]) -> Result<Self, String> {
        check_size(size)?;
        let n = size as usize;
        let input = |i: usize| {
            let at = [i % n, i / n % n, i / (n * n)];
            std::array::from_fn(|c| node_input(at[c], n, domain.min[c], domain.max[c]))
        };
        Self::new(domain, size, (0..n * n * n).map(|i| f(input(i))).collect())
    }

    /// Nodes along one axis.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// Inputs of the first and last node along each axis.
    pub fn domain(&self) -> Domain {
        self.domain
    }

    /// The nodes, red running fastest.
    pub fn nodes(&self) -> &[[f32; 3]] {
        &self.nodes
    }
}

fn check_size(size: u32) -> Result<(), String> {
    if (2..=MAX_SIZE_3D).contains(&size) {
        Ok(())
    } else {
        Err(format!("a 3D table of size {size}; 2 to {MAX_SIZE_3D} are allowed"))
    }
}

/// Refuses tables with a node that is not finite.
pub(super) fn check_nodes(nodes: &[[f32; 3]]) -> Result<(), String> {
    match nodes.iter().position(|node| node.iter().any(|v| !v.is_finite())) {
        Some(index) => Err(format!("node {index} is not finite: {:?}", nodes.get(index))),
        None => Ok(()),
    }
}

/// One cell of a 3D table.
#[derive(Clone, Copy)]
pub(super) struct Cell {
    /// Word of the node with the smallest inputs.
    pub base: u32,
    /// Words from a node to its neighbor along red, green, blue.
    pub stride: [u32; 3],
    /// Place of the input in the cell along each axis, 0 to 1.
    pub fraction: [f32; 3],
}

/// The three words of the node at `word`. A place outside `table` reads as 0; constants made by
/// [`super::PreparedLut`] never lead there.
#[inline(always)]
fn node(table: &[f32], word: u32) -> [f32; 3] {
    match table.get(word as usize..).and_then(|rest| rest.first_chunk::<3>()) {
        Some(values) => *values,
        None => [0.0; 3],
    }
}

/// Tetrahedral interpolation: the cell is cut into six tetrahedra along its neutral diagonal; the one the input lies in is
/// found by sorting the fractions. With them sorted, the path from the first to the last node of the cell steps along the
/// axis of the largest fraction first and of the smallest last, and the four nodes met have the weights 1 - largest,
/// largest - middle, middle - smallest, smallest. Where fractions are equal the choice does not matter: the weight is 0.
///
/// Source: J. M. Kasson, W. Plouffe, S. I. Nin, "A tetrahedral interpolation technique for color space conversion",
/// Proc. SPIE 1909 (1993).
#[inline(always)]
pub(super) fn tetrahedral(table: &[f32], cell: Cell) -> [f32; 3] {
    let [r, g, b] = cell.fraction;
    let [sr, sg, sb] = cell.stride;
    let (rg, gb, rb) = (r >= g, g >= b, r >= b);
    let along_r = if rb { sr } else { sb };
    let along_g = if gb { sg } else { sb };
    let first = if rg { along_r } else { along_g };
    let not_gb = if gb { sb } else { sg };
    let not_rb = if rb { sb } else { sr };
    let last = if rg { not_gb } else { not_rb };
    let (low, high) = if rg { (g, r) } else { (r, g) };
    let largest = if high >= b { high } else { b };
    let smallest = if low >= b { b } else { low };
    // The middle one is the larger of `low` and the smaller of `high` and `b`.
    let below = if high >= b { b } else { high };
    let middle = if low >= below { low } else { below };

    let all = sr.wrapping_add(sg).wrapping_add(sb);
    let n0 = node(table, cell.base);
    let n1 = node(table, cell.base.wrapping_add(first));
    let n2 = node(table, cell.base.wrapping_add(all.wrapping_sub(last)));
    let n3 = node(table, cell.base.wrapping_add(all));
    let w0 = 1.0 - largest;
    let w1 = largest - middle;
    let w2 = middle - smallest;
    let w3 = smallest;
    std::array::from_fn(|c| ((n0[c] * w0 + n1[c] * w1) + n2[c] * w2) + n3[c] * w3)
}

/// Trilinear interpolation: along red, then green, then blue.
#[inline(always)]
pub(super) fn trilinear(table: &[f32], cell: Cell) -> [f32; 3] {
    let [r, g, b] = cell.fraction;
    let [sr, sg, sb] = cell.stride;
    let row = |start: u32| {
        let (n0, n1) = (node(table, start), node(table, start.wrapping_add(sr)));
        mix(n0, n1, r)
    };
    let plane = |start: u32| mix(row(start), row(start.wrapping_add(sg)), g);
    mix(plane(cell.base), plane(cell.base.wrapping_add(sb)), b)
}

/// `a` at t = 0, `b` at t = 1.
#[inline(always)]
fn mix(a: [f32; 3], b: [f32; 3], t: f32) -> [f32; 3] {
    std::array::from_fn(|c| a[c] * (1.0 - t) + b[c] * t)
}
