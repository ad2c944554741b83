//! The fused pass.

use crate::ops::{Step, Tables};
use crate::picture::PixelLayout;

/// Where the disparity of a pixel comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum DepthPlan {
    /// Estimated by a model at low resolution, joined to the pixel by the `disparity` step.
    Estimated {
        /// Model id or path.
        model: String,
    },
    /// Supplied at the picture's own size, read beside the strip.
    Supplied {
        /// Channel of the picture.
        channel: String,
    },
}

/// One pass: samples in, steps, samples out. Everything both executors need, and nothing about files.
#[derive(Debug, Clone)]
pub struct Program {
    /// Layout of the strips that come in.
    pub input: PixelLayout,
    /// Layout of the strips that go out.
    pub output: PixelLayout,
    /// Steps in order.
    pub steps: Vec<Step>,
    /// Data of the steps.
    pub tables: Tables,
    /// True when a plane of supplied depth comes beside every strip.
    pub supplied_depth: bool,
    /// Seed of the dither; `None` = round without.
    pub dither_seed: Option<u32>,
}

impl Program {
    /// True when samples are copied as they are, bit for bit.
    pub fn is_copy(&self) -> bool {
        self.steps.is_empty() && self.input == self.output
    }
}
