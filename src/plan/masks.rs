//! What masks add to a pass: the weight before each masked operation, the color of the source where a mask looks at it, and the
//! promise that what no operation touched leaves as it came.

use std::path::Path;

use super::compile::{Plan, PlanRequest};
use super::memory;
use super::origin::depth_plan;
use super::output::OutputPlan;
use super::spaces::Compiler;
use crate::color::encodings;
use crate::error::{Error, Result};
use crate::ops::mask::{Mask, Of};
use crate::ops::{self, Context};
use crate::picture::{Alpha, Channels, Compression, Format, PixelLayout, Policy, SampleType};
use crate::recipe::{Colors, DepthUnit, OpSetting, OutputKind, Recipe};

/// What is remembered of every pixel before the first operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Remembered {
    /// Code values, for [`finish`].
    original: bool,
    /// Linear color, for masks of the source.
    source: bool,
}

impl Remembered {
    /// What the operations of `plan` need where nothing is put back.
    pub(super) fn for_proxy(plan: &Plan) -> Self {
        Self { original: false, source: plan.ops.iter().any(reads_source) }
    }
}

/// Remembers what the operations of `plan` need. `original` is taken in the code values of the file, `source` after depth is there.
pub(super) fn begin(c: &mut Compiler, plan: &Plan, output: &OutputPlan) -> Remembered {
    let (from, to) = (&plan.input.1, &output.encoding);
    // A resize that is left with its size does nothing to any pixel.
    let masked = |op: &OpSetting| op.mask.is_some() || op.op.resamples();
    let keeps_size = output.extent == plan.frame_extent();
    let masked = plan.ops.iter().all(masked)
        && plan.ops.iter().any(|op| op.mask.is_some())
        && keeps_size
        && plan.shown.is_none();
    let source = plan.ops.iter().chain(&plan.shown).any(reads_source);
    let found = Remembered { original: masked && from.same_codes(to), source };
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
    if let Some(what) = refusal(op, context) {
        return Err(Error::recipe(Path::new(recipe), op.line, format!("{}: {what}", op.op.id())));
    }
    match &op.mask {
        Some(mask) => select(c, mask, context).map_err(|e| Error::recipe(Path::new(recipe), op.line, e)),
        None => Ok(()),
    }
}

/// Why `op` cannot stand where the picture is as `context` says.
fn refusal(op: &OpSetting, context: &Context) -> Option<String> {
    let resizes = op.op.resamples();
    if op.mask.is_some() && resizes {
        return Some("a picture has one size, so a mask has no meaning here".to_owned());
    }
    if op.strength != 1.0 && resizes {
        let strength = op.strength;
        return Some(format!("a picture has one size, so a strength of {strength} has no meaning here: leave it at 1"));
    }
    let late = reads_source(op) && context.resized;
    late.then(|| "a mask of the source cannot stand behind a resize: put the resize last".to_owned())
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

fn reads_source(op: &OpSetting) -> bool {
    op.mask.as_ref().is_some_and(|mask| mask.reads(Of::Source))
}

/// Ends the pass with the weight of the pixel for `op`.
pub(super) fn show(c: &mut Compiler, op: &OpSetting, context: &Context, recipe: &str) -> Result<()> {
    before(c, op, context, recipe)?;
    c.steps.push(ops::show_mask::step());
    Ok(())
}

impl Plan {
    /// Plans a picture of the mask of operation `number` of the recipe, counted from 1, instead of the graded one: 16-bit gray PNG,
    /// black = 0, white = 1.
    ///
    /// # Errors
    /// A recipe error when there is no such operation or it has no mask; else as [`super::plan`].
    pub fn require_mask(&mut self, request: &PlanRequest, number: usize) -> Result<()> {
        let recipe = request.recipe;
        let op = masked_op(recipe, number)?;
        let before = recipe.ops.iter().take(number.saturating_sub(1));
        self.ops = before.filter(|op| !op.is_identity()).cloned().collect();
        let reads_depth = self.ops.iter().chain([op]).any(OpSetting::reads_depth);
        self.depth = if reads_depth { Some(depth_plan(request, self.supplied.as_ref())?) } else { None };
        self.shown = Some(op.clone());
        self.forget_outputs();
        self.outputs = vec![OutputPlan {
            name: String::new(),
            kind: OutputKind::Picture,
            metadata: Policy::None,
            resize: None,
            extent: request.info.extent,
            format: Format::Png,
            layout: PixelLayout { sample: SampleType::U16, channels: Channels::Gray, alpha: Alpha::None },
            encoding: encodings::srgb(),
            icc: None,
            compression: Compression::Deflate,
            colors: Colors::default(),
            unit: DepthUnit::default(),
        }];
        self.set_extents();
        memory::choose(self, request);
        memory::check(self, request)
    }

    /// True for a plan that [`Plan::require_mask`] changed.
    pub fn is_mask(&self) -> bool {
        self.shown.is_some()
    }
}

/// Operation `number` of a recipe, counted from 1, which must have a mask.
///
/// # Errors
/// A recipe error that says which operations have one.
pub fn masked_op(recipe: &Recipe, number: usize) -> Result<&OpSetting> {
    let op = number.checked_sub(1).and_then(|i| recipe.ops.get(i));
    if let Some(op) = op.filter(|op| op.mask.is_some()) {
        return Ok(op);
    }
    let masked: Vec<String> = recipe
        .ops
        .iter()
        .enumerate()
        .filter(|(_, op)| op.mask.is_some())
        .map(|(i, op)| format!("{} ({})", i + 1, op.op.id()))
        .collect();
    let have =
        if masked.is_empty() { "none has one".to_owned() } else { format!("those with one: {}", masked.join(", ")) };
    let what = match op {
        Some(op) => format!("operation {number} ({}) has no mask; {have}", op.op.id()),
        None => format!("there is no operation {number}, the recipe has {}; {have}", recipe.ops.len()),
    };
    Err(Error::recipe(&recipe.name, op.map_or(0, |op| op.line), what))
}

/// Bytes that the mask files of a plan occupy in the tables of a pass.
pub(super) fn bytes(plan: &Plan) -> u64 {
    let context = &plan.context;
    let files = plan.ops.iter().chain(&plan.shown).filter_map(|op| op.mask.as_ref()).flat_map(Mask::files);
    files.filter_map(|file| context.masks.get(file)).map(|image| image.bytes()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resize_has_no_strength_between() {
        let resize = ops::find("resize").unwrap();
        let refused = |strength| {
            let op = OpSetting { op: resize, params: resize.defaults(), strength, mask: None, line: 7 };
            refusal(&op, &Context::default())
        };
        let message = refused(0.5).unwrap();
        assert!(message.contains("strength of 0.5") && message.contains("leave it at 1"), "{message}");
        assert_eq!(refused(1.0), None);
    }
}
