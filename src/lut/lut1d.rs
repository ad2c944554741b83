//! A 1D table: three curves of the same length, one per channel, with linear interpolation between nodes.

use super::{Domain, node_input};

/// Most nodes of a 1D table: the bound of the Adobe Cube LUT Specification 1.0 (2013) and of
/// <https://resolve.cafe/developers/luts/>.
pub const MAX_SIZE_1D: u32 = 65_536;

/// A checked 1D table: 2 to [`MAX_SIZE_1D`] finite nodes over a valid [`Domain`].
#[derive(Debug, Clone, PartialEq)]
pub struct Lut1d {
    domain: Domain,
    nodes: Vec<[f32; 3]>,
}

impl Lut1d {
    /// Takes `nodes` (RGB outputs for equally spaced inputs from `domain.min` to `domain.max`).
    ///
    /// # Errors
    /// A sentence when the count is outside 2 to [`MAX_SIZE_1D`], a node is not finite or the domain is not valid.
    pub fn new(domain: Domain, nodes: Vec<[f32; 3]>) -> Result<Self, String> {
        domain.check()?;
        check_size(nodes.len() as u64)?;
        super::lut3d::check_nodes(&nodes)?;
        Ok(Self { domain, nodes })
    }

    /// Samples `f`, which maps an RGB input to an RGB output, at `size` nodes.
    ///
    /// # Errors
    /// As [`Lut1d::new`].
    pub fn from_fn(size: u32, domain: Domain, f: impl Fn([f32; 3]) -> [f32; 3]) -> Result<Self, String> {
        check_size(u64::from(size))?;
        let n = size as usize;
        let input = |i| std::array::from_fn(|c| node_input(i, n, domain.min[c], domain.max[c]));
        Self::new(domain, (0..n).map(|i| f(input(i))).collect())
    }

    /// Nodes per channel.
    pub fn size(&self) -> u32 {
        self.nodes.len() as u32
    }

    /// Inputs of the first and last node.
    pub fn domain(&self) -> Domain {
        self.domain
    }

    /// The nodes, from the smallest to the largest input.
    pub fn nodes(&self) -> &[[f32; 3]] {
        &self.nodes
    }
}

fn check_size(size: u64) -> Result<(), String> {
    if (2..=u64::from(MAX_SIZE_1D)).contains(&size) {
        Ok(())
    } else {
        Err(format!("a 1D table of {size} nodes; 2 to {MAX_SIZE_1D} are allowed"))
    }
}
