//! A 3D LUT for pictures of 16-bit code values: codes in, codes out, integers all the way.
//!
//! # Idea
//! The three channels of a node are one 64-bit word of three 21-bit fields, so that a vertex of the tetrahedron costs one gather and not
//! three. The weights of the four vertices are whole numbers whose sum is 65 535, the largest code: a position between two nodes of a table
//! over 0 to 1 is a code times (nodes - 1), so its remainder by 65 535 *is* the weight, exactly. Products and sums are integers, and so every
//! instruction set gives the same bits without any care about the order of operations.
//!
//! # Precision
//! A field is the output scaled by 2^21 / 65 535 and rounded: 1/64 code of error at most for nodes in 0 to 1, 1/32 at 1 itself, which a
//! field just misses (twice that for tables beyond 0 to 1, four times beyond -0.5 to 1.5). Nothing else is rounded before the
//! result is, but the weights of tabulated positions (below), to 1/65 535: half a code for an axis along which neighboring nodes differ by the
//! whole range, next to nothing in any real table.
//! [`super::sample`], in `f32`, stays the definition of a LUT; the two differ by at most one code, where the
//! exact result lies between two codes (a test compares many).
//!
//! What a table over 0 to 1 does not cover (a shaper, another domain, legal range on the way in) is a function of one code: it is tabulated
//! for the 65 536 codes of each channel, and the rest stays as it is.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;

use super::prepared::{LutConstants, channel_position, split};
use super::{Interpolation, Lut, PreparedLut};
use crate::isa::{Isa, Level};

/// Bits of a field.
const FIELD: u32 = 21;
/// A field's bits.
const MASK: u64 = (1 << FIELD) - 1;
/// Sum of the weights of a pixel, and the largest code.
const FULL: u32 = 65_535;

/// A 3D LUT made for 16-bit code values.
#[derive(Debug)]
pub struct PackedLut {
    /// Nodes, red running fastest: red in bits 0 to 20, green in 21 to 41, blue in 42 to 62.
    nodes: Vec<u64>,
    /// Nodes along an axis.
    size: u32,
    /// Per channel, for each code: the node below times 2^16, plus the weight of the next (0 to 65 535). `None`: the code says it itself.
    positions: Option<Positions>,
    /// From the sum of products to codes: round and shift right by `shift`, then subtract `offset`, then clamp.
    shift: u32,
    offset: u32,
}

type Positions = [Box<[u32]>; 3];

/// Pixels between the two halves of the wide loops: indices and weights of their four vertices, and what passes.
#[cfg(target_arch = "x86_64")]
#[derive(Default)]
#[repr(align(64))]
struct Block {
    indices: [[u32; 32]; 4],
    weights: [[u16; 32]; 4],
    alpha: [u16; 32],
}

/// Where a pixel lies: the lowest node of its cell, and for each axis the weight of the far side.
struct Place {
    base: u32,
    far: [u32; 3],
}

impl PackedLut {
    /// The integer form of `lut` under tetrahedral interpolation; `None` when it has none: no 3D table, nodes beyond -1.5 to 2.5, or 256
    /// nodes along an axis, whose square has 17 bits.
    pub fn new(lut: &Lut) -> Option<Self> {
        let cube = lut.cube.as_ref().filter(|cube| cube.size() < 256)?;
        let prepared = PreparedLut::new(lut, Interpolation::Tetrahedral);
        let c = prepared.constants();
        // In codes, as the LUT gives them.
        let code = |v: f32| f64::from(FULL) * (f64::from(v) * f64::from(c.output_scale) + f64::from(c.output_offset));
        let ends = cube.nodes().as_flattened().iter().map(|v| code(*v));
        let (low, high) = ends.fold((0.0f64, f64::from(FULL)), |(low, high), v| (low.min(v), high.max(v)));
        let (wide, offset) = [(1, 0), (2, 32_768), (4, 98_302)]
            .into_iter()
            .find(|(wide, offset)| low >= -f64::from(*offset) && high <= f64::from(FULL * wide - offset))?;
        let scale = (1u64 << FIELD) as f64 / f64::from(FULL * wide);
        let field = |v: f32| (((code(v) + f64::from(offset)) * scale).round() as u64).min(MASK);
        let nodes = cube.nodes().iter().map(|[r, g, b]| field(*r) | field(*g) << FIELD | field(*b) << (2 * FIELD));
        Some(Self {
            nodes: nodes.collect(),
            size: cube.size(),
            positions: (!is_plain(c)).then(|| positions(c, prepared.table())),
            shift: FIELD - wide.ilog2(),
            offset,
        })
    }

    /// Maps pixels of `channels` samples (3, or 4 with an alpha that stays) from `input` to `output`, which are as long as each other.
    pub fn apply(&self, isa: Isa, channels: usize, input: &[u16], output: &mut [u16]) {
        match channels {
            4 => self.run::<4>(isa, input, output),
            _ => self.run::<3>(isa, input, output),
        }
    }

    fn run<const N: usize>(&self, isa: Isa, input: &[u16], output: &mut [u16]) {
        let done = match isa.level() {
            Level::Baseline => 0,
            #[cfg(target_arch = "x86_64")]
            // SAFETY: an `Isa` of this level exists only after detection found the features.
            Level::Avx2 => unsafe { avx2::run::<N>(self, input, output) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Level::Avx512 => unsafe { avx512::run::<N>(self, input, output) },
        };
        let rest = |samples: usize| done.min(samples / N) * N;
        let (from, to) = (rest(input.len()), rest(output.len()));
        let pixels = input[from..].as_chunks::<N>().0.iter().zip(output[to..].as_chunks_mut::<N>().0);
        for (input, output) in pixels {
            let [r, g, b] = self.pixel([input[0], input[1], input[2]]);
            *output = *input;
            (output[0], output[1], output[2]) = (r, g, b);
        }
    }

    /// The scalar reference: one pixel.
    #[inline(always)]
    pub fn pixel(&self, codes: [u16; 3]) -> [u16; 3] {
        let Place { base, far: [r, g, b] } = self.place(codes);
        let strides = [1, self.size, self.size * self.size];
        // On a tie the weight between the two is 0: either order gives the same sum.
        let (most, far) = if r >= g && r >= b {
            (r, strides[0])
        } else if g >= b {
            (g, strides[1])
        } else {
            (b, strides[2])
        };
        let (least, near) = if b <= r && b <= g {
            (b, strides[2])
        } else if g <= r {
            (g, strides[1])
        } else {
            (r, strides[0])
        };
        let middle = r + g + b - most - least;
        let all = strides[0] + strides[1] + strides[2];
        let vertices = [
            (base, FULL - most),
            (base + far, most - middle),
            (base + all - near, middle - least),
            (base + all, least),
        ];
        let mut sums = [0u64; 3];
        for (node, weight) in vertices {
            // Places come from codes and lie in the table.
            let node = self.nodes.get(node as usize).copied().unwrap_or(0);
            for (channel, sum) in sums.iter_mut().enumerate() {
                *sum += u64::from(weight) * (node >> (FIELD as usize * channel) & MASK);
            }
        }
        sums.map(|sum| {
            let code = (sum + (1 << (self.shift - 1))) >> self.shift;
            code.saturating_sub(u64::from(self.offset)).min(u64::from(FULL)) as u16
        })
    }

    #[inline(always)]
    fn place(&self, codes: [u16; 3]) -> Place {
        let last = self.size - 1;
        let [r, g, b] = match &self.positions {
            None => codes.map(|code| cell(u32::from(code), last)),
            Some([r, g, b]) => {
                let at =
                    |table: &[u32], code: u16| table.get(usize::from(code)).map_or((0, 0), |v| (v >> 16, v & 0xffff));
                [at(r, codes[0]), at(g, codes[1]), at(b, codes[2])]
            }
        };
        Place { base: r.0 + self.size * (g.0 + self.size * b.0), far: [r.1, g.1, b.1] }
    }
}

/// The cell of a code along an axis of `last` + 1 nodes over 0 to 1, and the weight of its far side, 0 to 65 535: the quotient and the rest
/// of `code * last` by 65 535. Where nothing is left, the code may as well lie at the far side of the cell before (white always does, so
/// that no cell begins at the last node): the sums are the same.
#[inline(always)]
fn cell(code: u32, last: u32) -> (u32, u32) {
    let position = code * last;
    // high * 65 536 + low = high * 65 535 + (high + low), and the sum is below twice 65 535.
    let (high, low) = (position >> 16, position & 0xffff);
    let carry = (high + low) >> 16;
    (high + carry, (high + low + carry) & 0xffff)
}

/// True when positions in the table are codes times (nodes - 1): nothing in front of it, and a domain of 0 to 1.
fn is_plain(c: &LutConstants) -> bool {
    let legal = c.input_scale != 1.0 || c.input_offset != 0.0;
    let unit = [c.cube_min_r, c.cube_min_g, c.cube_min_b] == [0.0; 3]
        && [c.cube_scale_r, c.cube_scale_g, c.cube_scale_b] == [c.cube_last; 3];
    c.shaper_size == 0 && !legal && unit
}

/// Cells and weights of all codes, by the reference.
fn positions(c: &LutConstants, table: &[f32]) -> Positions {
    std::array::from_fn(|channel| {
        let one = |code: u16| {
            let (node, fraction) =
                split(channel_position(c, table, channel, f32::from(code) / FULL as f32), c.cube_size);
            node << 16 | (fraction * FULL as f32 + 0.5) as u32
        };
        (0..=u16::MAX).map(one).collect()
    })
}

#[cfg(test)]
#[path = "packed_tests.rs"]
mod tests;
