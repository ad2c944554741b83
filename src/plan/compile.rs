//! From recipe and picture to plan, and from plan and facts to program.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::masks;
use super::memory::{self, Exports};
use super::origin::depth_plan;
use super::output::{GradeFacts, OutputPlan, changes_channels, output_plan};
use super::program::{DepthPlan, Program};
use super::spaces::{Compiler, scaled, space_of};
use super::supplied::{MetricScale, SuppliedPlan};
use crate::color::{encodings, matrix};
use crate::error::{Error, Result};
use crate::lut::CodeLut;
use crate::ops::area::Area;
use crate::ops::field::Field;
use crate::ops::quantiles::Quantiles;
use crate::ops::{self, Context, Domain, Grading, Op, Step};
use crate::picture::{
    Alpha, Channels, ColorEncoding, ColorModel, Compression, Extent, Format, PictureInfo, PixelLayout, Policy,
    Referred, Region, SampleType,
};
use crate::recipe::{OpSetting, OutputKind, Recipe};

/// What a plan is made from.
#[derive(Clone, Copy)]
pub struct PlanRequest<'a> {
    /// The picture's path, for messages.
    pub path: &'a Path,
    /// Header facts.
    pub info: &'a PictureInfo,
    /// The look.
    pub recipe: &'a Recipe,
    /// Bytes this job may hold.
    pub share_bytes: u64,
    /// Bytes all jobs may hold together: a picture that can only be held whole must fit.
    pub total_bytes: u64,
    /// Bytes the opened source will hold by itself while strips of so many rows are read ([`crate::picture::Access::Whole`]: the whole picture,
    /// channels that are only copied included).
    pub source_bytes: &'a dyn Fn(u32) -> u64,
    /// Depth maps that the run writes, whatever the recipe does.
    pub exports: Exports,
    /// Threads of the pool that works on a strip.
    pub threads: usize,
    /// Fixed number of rows per strip, for tests of invariance; `None` = chosen.
    pub strip_rows: Option<u32>,
}

/// A recipe made concrete for one picture.
#[derive(Clone)]
pub struct Plan {
    /// Name of the recipe, for messages.
    pub recipe: String,
    /// Operations that remain.
    pub ops: Vec<OpSetting>,
    /// Tonal domain.
    pub grading: Grading,
    /// Depth, when an operation reads it.
    pub depth: Option<DepthPlan>,
    /// What is written, in the order of the recipe: at least one.
    pub outputs: Vec<OutputPlan>,
    /// Layout and encoding of the picture.
    pub input: (PixelLayout, ColorEncoding),
    /// Rows per strip.
    pub strip_rows: u32,
    /// True when the decoded picture is kept between analyse and render.
    pub keep_decoded: bool,
    /// Bytes the job holds at most, inference not included.
    pub bytes: u64,
    /// Remarks for the user.
    pub notes: Vec<String>,
    /// Those of them that are about the pictures the recipe writes.
    pub(super) of_outputs: Vec<String>,
    pub(super) context: Context,
    /// `near_m` and `far_m` of the recipe.
    pub(super) anchors_m: Option<(f32, f32)>,
    /// Depth beside or inside the picture that was found for this plan.
    pub(super) supplied: Option<SuppliedPlan>,
    /// The mask that is shown instead of the graded picture.
    pub(super) shown: Option<OpSetting>,
}

/// What render needs to know about depth, from the analyse phase.
#[derive(Debug, Clone)]
pub enum DepthFacts {
    /// Coefficients of the join.
    Joined(ops::disparity::Join),
    /// Scaling of supplied depth.
    Supplied(ops::supplied::Constants),
}

/// What the analyse phase found out, as far as programs are made of it.
#[derive(Debug, Clone, Default)]
pub struct RenderFacts {
    /// Depth, when the plan reads it.
    pub depth: Option<DepthFacts>,
    /// How that depth is spread over the picture.
    pub quantiles: Option<Arc<Quantiles>>,
    /// Fields by the place of their operation in [`Plan::ops`].
    pub fields: BTreeMap<usize, Arc<Field>>,
}

/// Layout of a proxy on its way through operations.
pub const PROXY_LAYOUT: PixelLayout =
    PixelLayout { sample: SampleType::F32, channels: Channels::Rgba, alpha: Alpha::Unassociated };

/// Makes the plan of one picture.
///
/// # Errors
/// `Unsupported` when picture and recipe do not go together; the message carries the advice.
pub fn plan(request: &PlanRequest) -> Result<Plan> {
    plan_with(request, None)
}

/// True when what `recipe` makes of a picture depends on its depth.
pub fn reads_depth(recipe: &Recipe) -> bool {
    recipe.ops.iter().any(|op| !op.is_identity() && op.reads_depth())
        || recipe.outputs.iter().any(|output| output.kind != OutputKind::Picture)
}

/// As [`plan`], with the depth map that was found beside the picture or in it ([`crate::recipe::DepthSource::File`] and
/// [`crate::recipe::DepthSource::Phone`]), which a plan cannot look for.
///
/// # Errors
/// As [`plan`].
pub fn plan_with(request: &PlanRequest, supplied: Option<SuppliedPlan>) -> Result<Plan> {
    let PlanRequest { path, info, recipe, .. } = *request;
    let mut notes = Vec::new();
    let kept: Vec<OpSetting> = recipe.ops.iter().filter(|op| !op.is_identity()).cloned().collect();
    for op in recipe.ops.iter().filter(|op| op.is_identity()) {
        notes.push(format!("{} changes nothing and is left out", op.op.id()));
    }
    if matches!(info.model, ColorModel::Converted(_)) {
        check_own_codes(&kept).map_err(|reason| Error::unsupported(path, reason))?;
    }
    let makes_color = kept.iter().any(|op| op.op.makes_color(&op.params));
    let maps_to_display = kept.iter().any(|op| op.op.maps_to_display());
    if maps_to_display && info.encoding.referred == Referred::Display {
        notes.push(format!("tone mapping acts on a picture that is display light already ({})", info.encoding.name));
    }
    let work = GradeFacts { graded: !kept.is_empty(), makes_color, maps_to_display };
    let plans = recipe.outputs.iter().map(|settings| output_plan(path, info, settings, work));
    let outputs = plans.collect::<Result<Vec<_>>>()?;
    let grading = recipe.grading.unwrap_or(match info.encoding.referred {
        Referred::Display => Grading::Display,
        Referred::Scene => Grading::Acescct,
    });
    let depth = if reads_depth(recipe) { Some(depth_plan(request, supplied.as_ref())?) } else { None };
    let of_outputs = output_notes(info, &outputs, work);
    notes.extend(of_outputs.iter().cloned());
    let mut plan = Plan {
        recipe: recipe.name.clone(),
        ops: kept,
        grading,
        depth,
        outputs,
        input: (info.layout, info.encoding.clone()),
        strip_rows: 1,
        keep_decoded: false,
        bytes: 0,
        notes,
        of_outputs,
        context: Context {
            grading,
            frame: ops::Frame { extent: info.extent, orientation: info.orientation, ..ops::Frame::default() },
            ..recipe.context.clone()
        },
        anchors_m: recipe.depth.supplied.anchors(),
        supplied,
        shown: None,
    };
    plan.note_supplied();
    plan.set_extents();
    memory::choose(&mut plan, request);
    memory::check(&plan, request)?;
    check_domains(path, &plan)?;
    Ok(plan)
}

/// What the outputs do to a picture that nobody asked for in so many words.
fn output_notes(info: &PictureInfo, outputs: &[OutputPlan], work: GradeFacts) -> Vec<String> {
    let pictures = || outputs.iter().filter(|output| output.kind == OutputKind::Picture);
    let mut notes = Vec::new();
    if pictures().any(|output| changes_channels(info.layout.channels, output.layout.channels)) {
        let why = if work.makes_color { "an operation can make color" } else { "the output format has no gray" };
        notes.push(format!("gray becomes RGB, because {why}"));
    }
    let for_nothing = |output: &&OutputPlan| {
        let lossy = matches!(output.compression, Compression::Lossy { .. });
        let asked = output.resize.is_some() || output.metadata != Policy::All;
        lossy && !asked && output.format.name() == info.format && output.encoding.same_codes(&info.encoding)
    };
    if let (false, Some(output)) = (work.graded, pictures().find(for_nothing)) {
        let name = output.format.name();
        notes.push(format!(
            "nothing is graded, yet a {name} is compressed anew, which loses a little: copy the file if it is to stay"
        ));
    }
    if info.orientation != 1 && pictures().any(|output| output.format == Format::Exr) {
        notes.push(format!(
            "EXR has no orientation tag: the picture stays as stored (orientation {})",
            info.orientation
        ));
    }
    notes
}

/// A picture that was converted while it was read has no code values of its own that a LUT could have been made for.
fn check_own_codes(ops: &[OpSetting]) -> std::result::Result<(), String> {
    match ops.iter().find(|op| op.op.domain(&op.params) == Domain::Encoded(None)) {
        Some(op) => Err(format!(
            "its colors are converted while it is read, so {} has to say which encoding it was made for, encoding = \"srgb\"",
            op.op.id()
        )),
        None => Ok(()),
    }
}

/// Every encoding must resolve, and have primaries that span a space, before the first picture is read.
fn check_domains(path: &Path, plan: &Plan) -> Result<()> {
    for encoding in plan.outputs.iter().map(|output| &output.encoding).chain([&plan.input.1]) {
        if matrix::between(&encoding.primaries, &matrix::REC2020).is_none_or(|m| matrix::invert(&m).is_none()) {
            let what =
                format!("the primaries of its encoding ({}) lie on a line: colors cannot be computed", encoding.name);
            return Err(Error::unsupported(path, what));
        }
    }
    for op in &plan.ops {
        space_of(&op.op.domain(&op.params), plan).map_err(|e| Error::unsupported(path, e))?;
    }
    Ok(())
}

impl Plan {
    /// Plans depth although no operation reads it: for jobs whose product is the depth map. Remarks on pictures, of which they write none, go.
    ///
    /// # Errors
    /// As [`plan`].
    pub fn require_depth(&mut self, request: &PlanRequest) -> Result<()> {
        self.depth = Some(depth_plan(request, self.supplied.as_ref())?);
        self.forget_outputs();
        self.note_supplied();
        memory::choose(self, request);
        memory::check(self, request)
    }

    /// Takes back what was said of the pictures of the recipe, when others are written, or none.
    pub(super) fn forget_outputs(&mut self) {
        let moot = std::mem::take(&mut self.of_outputs);
        self.notes.retain(|note| !moot.contains(note));
    }

    /// Takes over what is to be said of the map.
    fn note_supplied(&mut self) {
        if let Some(DepthPlan::Supplied(supplied)) = &self.depth {
            let fresh = supplied.notes.iter().filter(|note| !self.notes.contains(note));
            let fresh: Vec<String> = fresh.cloned().collect();
            self.notes.extend(fresh);
        }
    }

    /// The distances in meters that the recipe ties the depth of this plan to.
    pub fn anchors(&self) -> Option<MetricScale> {
        let (near, far) = self.anchors_m?;
        MetricScale::anchored(near, far)
    }

    /// Size of the picture as it comes in.
    pub(super) fn frame_extent(&self) -> Extent {
        self.context.frame.extent
    }

    /// Gives every picture that is written the size its operations make. Depth maps keep that of the picture.
    pub(super) fn set_extents(&mut self) {
        for index in 0..self.outputs.len() {
            let areas = self.outputs.get(index).map(|output| self.areas(output)).unwrap_or_default();
            if let (Some(output), Some(last)) = (self.outputs.get_mut(index), areas.last()) {
                output.extent = last.extent_out;
            }
        }
    }

    /// True when the picture is looked at as a whole before it is rendered.
    pub fn needs_analysis(&self) -> bool {
        self.depth.is_some() || self.needs_proxy()
    }

    /// True when an operation makes a field of the picture.
    pub fn needs_proxy(&self) -> bool {
        self.ops.iter().any(|op| op.op.wants_field(&op.params))
    }

    /// True when an operation needs to know how depth is spread over the picture.
    pub fn needs_quantiles(&self) -> bool {
        self.ops.iter().any(|op| op.op.wants_quantiles(&op.params))
    }

    /// The program that shows the proxy of a picture (of size `extent`, linear Rec.2020) as operation `index` meets it, in its domain.
    /// Area operations before it are left out. What they change is smaller than a pixel of the proxy where the proxy is much smaller than the
    /// picture; a picture of at most 524,288 pixels is its own proxy, and there the field is that of the picture before them.
    ///
    /// # Errors
    /// As [`Plan::program`].
    pub fn before(&self, index: usize, extent: Extent, path: &Path, facts: &RenderFacts) -> Result<Program> {
        let mut c = Compiler::new(encodings::linear_rec2020());
        let mut context = self.context.clone();
        context.frame = ops::Frame { extent, ..context.frame };
        context.quantiles.clone_from(&facts.quantiles);
        c.depth(scaled(facts.depth.as_ref(), extent).as_ref(), &self.input.1);
        masks::source(&mut c, masks::Remembered::for_proxy(self));
        for (i, op) in self.ops.iter().enumerate().take(index) {
            if !op.op.is_area() {
                self.one(&mut c, op, &mut context, facts.fields.get(&i), path)?;
            }
        }
        if let Some(op) = self.ops.get(index) {
            c.go_to(&space_of(&op.op.domain(&op.params), self).map_err(|e| Error::unsupported(path, e))?);
        }
        let supplied_depth = matches!(facts.depth, Some(DepthFacts::Supplied(_)));
        Ok(Program { supplied_depth, ..Program::of(PROXY_LAYOUT, PROXY_LAYOUT, c.steps, c.tables) })
    }

    /// The picture as operation `index` meets it.
    pub fn frame_before(&self, index: usize) -> ops::Frame {
        let mut frame = self.context.frame;
        for op in self.ops.iter().take(index) {
            let came = frame.extent;
            for stage in 0..op.op.stages(&op.params) {
                frame.resized_from = (stage > 0).then_some(came);
                frame.extent = op.op.area(&op.params, &frame, stage).map_or(frame.extent, |area| area.extent_out);
            }
        }
        frame.resized_from = None;
        frame
    }

    /// Operations of one output: those of the recipe, and its size.
    fn ops_of<'a>(&'a self, output: &'a OutputPlan) -> impl Iterator<Item = &'a OpSetting> {
        self.ops.iter().chain(&output.resize)
    }

    /// The area operations of one output in order, idle ones left out; none for depth maps.
    pub fn areas(&self, output: &OutputPlan) -> Vec<Area> {
        if output.kind != OutputKind::Picture {
            return Vec::new();
        }
        let mut frame = self.context.frame;
        let mut found = Vec::new();
        for op in self.ops_of(output) {
            let came = frame.extent;
            for stage in 0..op.op.stages(&op.params) {
                frame.resized_from = (stage > 0).then_some(came);
                let Some(area) = op.op.area(&op.params, &frame, stage) else { continue };
                frame.extent = area.extent_out;
                found.extend((!area.is_idle()).then_some(area));
            }
        }
        found
    }

    /// The program of the render phase for one output of the plan.
    ///
    /// # Errors
    /// A recipe error when an operation refuses its parameters.
    pub fn program(&self, output: &OutputPlan, path: &Path, facts: &RenderFacts) -> Result<Program> {
        let c = self.compiler(output, path, facts)?;
        let (input, output) = (self.input.0, output.layout);
        // Without arithmetic an exact code must stay exact: dither only what was computed.
        let computed = !c.steps.is_empty() || input.sample != output.sample;
        let dither = computed && output.sample == SampleType::U8;
        Ok(Program {
            codes: self.codes(&c.steps, input, output),
            input,
            output,
            steps: c.steps,
            tables: c.tables,
            supplied_depth: matches!(facts.depth, Some(DepthFacts::Supplied(_))),
            dither_seed: dither.then_some(0),
        })
    }

    /// The LUT that is all there is to do, at full strength and without a mask, from 16-bit color to 16-bit color: as a function of codes.
    fn codes(&self, steps: &[Step], input: PixelLayout, output: PixelLayout) -> Option<Arc<CodeLut>> {
        let ([step], [op]) = (steps, self.ops.as_slice()) else { return None };
        let whole = step.id == ops::lut::Spec::ID && step.strength == 1.0 && !step.masked;
        let fits = input == output && input.sample == SampleType::U16 && input.channels.is_color();
        // Light that covers nothing stays as it came, and color is not to be multiplied by alpha.
        if !whole || !fits || input.alpha == Alpha::Associated || ops::lut::is_trilinear(&op.params) {
            return None;
        }
        let files = op.op.lut_files(&op.params);
        files.first().and_then(|file| self.context.luts.get(file)).and_then(|lut| lut.codes())
    }

    /// The steps of one output.
    fn compiler(&self, output: &OutputPlan, path: &Path, facts: &RenderFacts) -> Result<Compiler> {
        let mut c = Compiler::new(self.input.1.clone());
        let mut context = self.context.clone();
        context.quantiles.clone_from(&facts.quantiles);
        let remembered = masks::begin(&mut c, self, output);
        c.depth(facts.depth.as_ref(), &self.input.1);
        masks::source(&mut c, remembered);
        for (i, op) in self.ops_of(output).enumerate() {
            self.one(&mut c, op, &mut context, facts.fields.get(&i), path)?;
        }
        match &self.shown {
            Some(op) => masks::show(&mut c, op, &context, &self.recipe)?,
            None => c.go(&output.encoding),
        }
        masks::finish(&mut c, remembered);
        Ok(c)
    }

    /// The steps of one operation.
    fn one(
        &self,
        c: &mut Compiler,
        op: &OpSetting,
        context: &mut Context,
        field: Option<&Arc<Field>>,
        path: &Path,
    ) -> Result<()> {
        context.field = field.cloned();
        masks::before(c, op, context, &self.recipe)?;
        let space = space_of(&op.op.domain(&op.params), self).map_err(|e| Error::unsupported(path, e))?;
        c.go_to(&space);
        let came = context.frame.extent;
        for stage in 0..op.op.stages(&op.params) {
            context.stage = stage;
            context.frame.resized_from = (stage > 0).then_some(came);
            let mut step = op
                .op
                .step(&op.params, context, &mut c.tables, op.strength)
                .map_err(|e| Error::recipe(&self.recipe, op.line, e))?;
            step.masked = op.mask.is_some() && step.last;
            context.frame.extent = step.area.as_ref().map_or(context.frame.extent, |area| area.extent_out);
            if !step.area.as_ref().is_some_and(Area::is_idle) {
                c.steps.push(step);
            }
        }
        context.frame.resized_from = None;
        context.resized |= came != context.frame.extent;
        Ok(())
    }

    /// The strips of a picture of this plan.
    pub fn strips(&self, extent: Extent) -> impl Iterator<Item = Region> + use<> {
        Region::strips(extent, self.strip_rows)
    }
}
