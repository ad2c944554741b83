//! Samples of a mask file.

use std::sync::Arc;

use crate::ops::{Frame, Tables};

/// Samples that are held of a mask file, at most: larger ones are reduced.
pub const MAX_PIXELS: u64 = 4 << 20;

/// A mask file, reduced to at most [`MAX_PIXELS`] samples: 0 = no weight, 65535 = full weight.
#[derive(Debug, Clone, PartialEq)]
pub struct MaskImage {
    /// Samples in a row, at least 1.
    pub width: u32,
    /// Rows of samples, at least 1.
    pub height: u32,
    /// Width and height of the file in samples: no whole numbers where the last column or row covers fewer pixels than the others.
    pub span: [f32; 2],
    /// EXIF orientation of the file, 1 to 8.
    pub orientation: u16,
    /// Two samples to a word, row after row, the first in the low bits.
    pub words: Arc<[u32]>,
}

impl MaskImage {
    /// Packs samples, row after row. `None` when they are not `width` times `height`, or none.
    pub fn new(width: u32, height: u32, samples: &[u16]) -> Option<Self> {
        let count = u64::from(width) * u64::from(height);
        if count == 0 || count > MAX_PIXELS || samples.len() as u64 != count {
            return None;
        }
        let word = |pair: &[u16]| match *pair {
            [low, high] => u32::from(low) | u32::from(high) << 16,
            [low] => u32::from(low),
            _ => 0,
        };
        let words = samples.chunks(2).map(word).collect();
        Some(Self { width, height, span: [width as f32, height as f32], orientation: 1, words })
    }

    /// Bytes it occupies.
    pub fn bytes(&self) -> u64 {
        self.words.len() as u64 * 4
    }

    /// Appends the samples; returns their offset.
    pub(super) fn push(&self, tables: &mut Tables) -> u32 {
        tables.push_words(self.words.iter().copied())
    }

    /// Takes a stored pixel of the picture to samples of the file: six numbers as [`Frame::upright`] gives them.
    pub(super) fn places(&self, frame: &Frame) -> [f32; 6] {
        let extent = crate::picture::Extent { width: 1, height: 1 };
        // From stored to shown of the file itself, both 0 to 1: turned around, because the way here is from shown to stored.
        let m = Frame { extent, orientation: self.orientation, ..Frame::default() }.upright();
        let (offset, shift) = ([m[0] * -0.5 + m[1] * -0.5 + m[2], m[3] * -0.5 + m[4] * -0.5 + m[5]], frame.upright());
        // m is a turn or a flip of the unit square: its inverse is its transpose.
        let back = |row: [f32; 2], span: f32| {
            let part = |i: usize| row[0] * shift[i] + row[1] * shift[i + 3];
            let fixed = row[0] * (shift[2] - offset[0]) + row[1] * (shift[5] - offset[1]);
            [part(0) * span, part(1) * span, fixed * span - 0.5]
        };
        let (x, y) = (back([m[0], m[3]], self.span[0]), back([m[1], m[4]], self.span[1]));
        [x[0], x[1], x[2], y[0], y[1], y[2]]
    }
}
