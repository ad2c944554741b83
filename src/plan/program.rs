//! The fused pass.

use std::sync::Arc;

use super::supplied::SuppliedPlan;
use crate::lut::CodeLut;
use crate::ops::area::{Area, Carried};
use crate::ops::{self, Op, Step, Tables};
use crate::picture::{Extent, PixelLayout};
use crate::recipe::Detail;

/// Where the disparity of a pixel comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum DepthPlan {
    /// Estimated by a model at low resolution, joined to the pixel by the `disparity` step.
    Estimated {
        /// Model id or path.
        model: String,
        /// How much of the picture's detail it sees.
        detail: Detail,
    },
    /// Supplied: read beside the strip where it is of the picture's own size, else joined to the pixel as an estimated one.
    Supplied(SuppliedPlan),
}

/// Samples in, steps, samples out. Everything both executors need, and nothing about files. Point operations alone are one fused pass; every
/// area operation begins another.
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
    /// All of the steps as one function of code values, where there is one: the CPU then touches nothing else.
    pub codes: Option<Arc<CodeLut>>,
}

impl Program {
    /// A program of these steps without dither and supplied depth.
    pub fn of(input: PixelLayout, output: PixelLayout, steps: Vec<Step>, tables: Tables) -> Self {
        Self { input, output, steps, tables, supplied_depth: false, dither_seed: None, codes: None }
    }

    /// True when samples are copied as they are, bit for bit.
    pub fn is_copy(&self) -> bool {
        self.steps.is_empty() && self.input == self.output
    }

    /// The passes in order: the steps up to the first area operation, then each area operation with the point operations behind it.
    pub fn passes(&self) -> Vec<Pass<'_>> {
        let mut passes = vec![Pass { area: None, steps: &[] }];
        let mut start = 0;
        for (i, step) in self.steps.iter().enumerate() {
            if step.area.is_some() {
                close(&mut passes, &self.steps[start..i]);
                passes.push(Pass { area: Some(step), steps: &[] });
                start = i + 1;
            }
        }
        close(&mut passes, &self.steps[start..]);
        passes
    }

    /// The area operations in order.
    pub fn areas(&self) -> impl DoubleEndedIterator<Item = &Area> {
        self.steps.iter().filter_map(|step| step.area.as_ref())
    }

    /// Size of the result for a picture of this size.
    pub fn extent_out(&self, extent_in: Extent) -> Extent {
        self.areas().next_back().map_or(extent_in, |area| area.extent_out)
    }

    /// Rows of the picture that rows `first..end` of the result need.
    pub fn rows_needed(&self, first: u32, end: u32) -> (u32, u32) {
        self.areas().rev().fold((first, end), |(first, end), area| area.rows(first, end))
    }

    /// What travels between passes.
    pub fn carried(&self) -> Carried {
        let kept = self.steps.iter().any(|step| [ops::keep::Spec::ID, ops::keep_source::Spec::ID].contains(&step.id));
        Carried { alpha: self.input.channels.has_alpha(), kept }
    }
}

/// One sweep: what begins it, and the point operations that follow.
#[derive(Debug, Clone, Copy)]
pub struct Pass<'a> {
    /// The area operation that gathers from the pass before; `None` = samples of the picture are loaded.
    pub area: Option<&'a Step>,
    /// Point operations.
    pub steps: &'a [Step],
}

fn close<'a>(passes: &mut [Pass<'a>], steps: &'a [Step]) {
    if let Some(pass) = passes.last_mut() {
        pass.steps = steps;
    }
}
