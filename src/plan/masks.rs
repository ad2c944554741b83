//! What masks add to a pass: the weight before each masked operation, the color of the source where a mask looks at it, and the
//! promise that what no operation touched leaves as it came.

use std::path::Path;

use super::compile::{Compiler, Plan};
use crate::color::encodings;
use crate::error::{Error, Result};
use crate::ops::mask::{Mask, Of};
use crate::ops::{self, Context};
use crate::picture::ColorEncoding;
use crate::recipe::OpSetting;

/// What is remembered of every pixel before the first operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Remembered {
    /// Code values, for [`finish`].
    original: bool,
    /// Linear color, for masks of the source.
    source: bool,
}

/// Remembers what the operations of `plan` need. `original` is taken in the code values of the file, `source` after depth is there.
pub(super) fn begin(c: &mut Compiler, plan: &Plan) -> Remembered {
    let (from, to) = (&plan.input.1, &plan.output.encoding);
    let masked = plan.ops.iter().all(|op| op.mask.is_some()) && !plan.ops.is_empty();
    let found = Remembered { original: masked && same(from, to), source: reads_source(&plan.ops) };
    if found.original {
        c.steps.push(ops::keep::step());
    }
    found
}

/// Remembers the source, once depth is there.
pub(super) fn source(c: &mut Compiler, remembered: Remembered) {
    if remembered.source {
        c.go(&encodings::linear_rec2020());
        c.steps.push(ops::keep_source::step());
    }
}

/// Weighs the pixel for `op`.
pub(super) fn before(c: &mut Compiler, op: &OpSetting, context: &Context, recipe: &str) -> Result<()> {
    match &op.mask {
        Some(mask) => select(c, mask, context).map_err(|e| Error::recipe(Path::new(recipe), op.line, e)),
        None => Ok(()),
    }
}

fn select(c: &mut Compiler, mask: &Mask, context: &Context) -> std::result::Result<(), String> {
    if mask.reads(Of::Input) {
        c.go(&encodings::linear_rec2020());
    }
    let step = ops::mask::step(mask, context, &mut c.tables)?;
    c.steps.push(step);
    Ok(())
}

/// Puts untouched pixels back, once the code values are those of the output.
pub(super) fn finish(c: &mut Compiler, remembered: Remembered) {
    if remembered.original {
        c.steps.push(ops::restore::step());
    }
}

fn reads_source(ops: &[OpSetting]) -> bool {
    ops.iter().filter_map(|op| op.mask.as_ref()).any(|mask| mask.reads(Of::Source))
}

fn same(a: &ColorEncoding, b: &ColorEncoding) -> bool {
    a.primaries == b.primaries && a.curve == b.curve
}

/// Bytes that the mask files of these operations occupy in the tables of a pass.
pub(super) fn bytes(ops: &[OpSetting], context: &Context) -> u64 {
    let files = ops.iter().filter_map(|op| op.mask.as_ref()).flat_map(Mask::files);
    files.filter_map(|file| context.masks.get(file)).map(|image| image.bytes()).sum()
}
