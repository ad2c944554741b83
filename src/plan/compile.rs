//! From recipe and picture to plan, and from plan and facts to program.

use std::path::Path;

use super::output::{OutputPlan, changes_channels, output_plan};
use super::program::{DepthPlan, Program};
use crate::color::curve::Direction;
use crate::color::{encodings, matrix};
use crate::error::{Error, Result};
use crate::ops::{self, Context, Domain, Grading, Step, Tables};
use crate::picture::{
    Access, Alpha, Channels, ColorEncoding, ColorModel, Format, PictureInfo, PixelLayout, Referred, Region, SampleType,
};
use crate::recipe::{DepthSource, OpSetting, Recipe};

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
    /// Bytes the opened source will hold by itself ([`Access::Whole`]: the whole picture, channels that are only copied included).
    pub source_bytes: u64,
    /// Bytes that outputs beside the picture hold (whole-picture depth exports).
    pub export_bytes: u64,
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
    /// Storage of the result.
    pub output: OutputPlan,
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
    context: Context,
}

/// What render needs to know about depth, from the analyse phase.
#[derive(Debug, Clone)]
pub enum DepthFacts {
    /// Coefficients of the join.
    Joined(ops::disparity::Join),
    /// Scaling of supplied depth.
    Supplied(ops::supplied::Constants),
}

/// Makes the plan of one picture.
///
/// # Errors
/// `Unsupported` when picture and recipe do not go together; the message carries the advice.
pub fn plan(request: &PlanRequest) -> Result<Plan> {
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
    let output = output_plan(path, info, &recipe.output, !kept.is_empty(), makes_color)?;
    if changes_channels(info.layout.channels, output.layout.channels) {
        notes.push("gray becomes RGB, because an operation can make color".to_owned());
    }
    let grading = recipe.grading.unwrap_or(match info.encoding.referred {
        Referred::Display => Grading::Display,
        Referred::Scene => Grading::Acescct,
    });
    let needs_depth = kept.iter().any(|op| op.op.reads_depth(&op.params));
    let depth = if needs_depth { Some(depth_plan(path, info, recipe)?) } else { None };
    if info.orientation != 1 && output.format == Format::Exr {
        notes.push(format!(
            "EXR has no orientation tag: the picture stays as stored (orientation {})",
            info.orientation
        ));
    }
    let mut plan = Plan {
        recipe: recipe.name.clone(),
        ops: kept,
        grading,
        depth,
        output,
        input: (info.layout, info.encoding.clone()),
        strip_rows: 1,
        keep_decoded: false,
        bytes: 0,
        notes,
        context: recipe.context.clone(),
    };
    choose_memory(&mut plan, request);
    check_memory(&plan, request)?;
    check_domains(path, &plan)?;
    Ok(plan)
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

fn depth_plan(path: &Path, info: &PictureInfo, recipe: &Recipe) -> Result<DepthPlan> {
    let model = || DepthPlan::Estimated { model: recipe.depth.model.clone() };
    let named = |wanted: &String| info.depth_channels.contains(wanted);
    match (&recipe.depth.source, &info.depth_channel) {
        (DepthSource::Model, _) | (DepthSource::Auto, None) => Ok(model()),
        (DepthSource::Auto, Some(channel)) => Ok(DepthPlan::Supplied { channel: channel.clone() }),
        (DepthSource::Channel(wanted), _) if named(wanted) => Ok(DepthPlan::Supplied { channel: wanted.clone() }),
        (DepthSource::Channel(wanted), _) => {
            let found: Vec<String> = info.depth_channels.iter().take(16).map(|name| format!("{name:?}")).collect();
            let found = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
            Err(Error::input(path, format!("the recipe asks for depth channel {wanted:?}, the picture has {found}")))
        }
    }
}

/// Bytes of input samples a strip aims at: enough rows for every thread of the pool, little enough to stay beside its neighbors.
const STRIP_BYTES: u64 = 8 << 20;

/// Chooses strip height, whether the decoded picture is kept, and what the job holds.
fn choose_memory(plan: &mut Plan, request: &PlanRequest) {
    let info = request.info;
    let width = u64::from(info.extent.width);
    let row = width * info.layout.pixel_bytes() as u64;
    let row_out = width * plan.output.layout.pixel_bytes() as u64;
    let depth_row = if matches!(plan.depth, Some(DepthPlan::Supplied { .. })) { width * 4 } else { 0 };
    let whole = row * u64::from(info.extent.height);
    // Raw chunk bytes live beside the strip that is read, packed output beside the one that is written: two rows for each.
    let per_row = 2 * row + 2 * row_out + depth_row;
    let target = (STRIP_BYTES / row.max(1)).max(1);
    let allowed = (request.share_bytes / 2 / per_row.max(1)).max(1);
    let chunk = u64::from(info.chunk_rows.max(1));
    let mut rows = target.min(allowed);
    rows = if rows >= chunk { rows / chunk * chunk } else { rows };
    plan.strip_rows = request.strip_rows.unwrap_or(rows.min(u64::from(info.extent.height)) as u32).max(1);
    let decoder = if info.access == Access::Whole { request.source_bytes } else { chunk * row * 2 };
    // EXR is written whole.
    let sink = if plan.output.format == Format::Exr { row_out * u64::from(info.extent.height) } else { 0 };
    let strips = u64::from(plan.strip_rows) * per_row;
    let base = strips + decoder + sink + request.export_bytes;
    // A source that is whole in memory is its own store: keeping a second copy would be waste.
    plan.keep_decoded = plan.depth.is_some() && info.access != Access::Whole && base + whole <= request.share_bytes;
    plan.bytes = base + if plan.keep_decoded { whole } else { 0 };
}

/// A picture that can only be held whole is refused when it cannot fit: running it "alone" would end in the system killing the batch.
fn check_memory(plan: &Plan, request: &PlanRequest) -> Result<()> {
    let whole = request.info.access == Access::Whole || plan.output.format == Format::Exr;
    if whole && plan.bytes > request.total_bytes {
        return Err(Error::Limit {
            path: request.path.to_owned(),
            what: "memory for a picture that its format holds whole (raise --memory, or save it in strips or tiles), in bytes,",
            value: plan.bytes,
            limit: request.total_bytes,
        });
    }
    Ok(())
}

/// Every encoding must resolve, and have primaries that span a space, before the first picture is read.
fn check_domains(path: &Path, plan: &Plan) -> Result<()> {
    for encoding in [&plan.input.1, &plan.output.encoding] {
        if matrix::between(&encoding.primaries, &matrix::REC2020).is_none_or(|m| matrix::invert(&m).is_none()) {
            let what =
                format!("the primaries of its encoding ({}) lie on a line: colors cannot be computed", encoding.name);
            return Err(Error::unsupported(path, what));
        }
    }
    for op in &plan.ops {
        encoding_of(&op.op.domain(&op.params), plan).map_err(|e| Error::unsupported(path, e))?;
    }
    Ok(())
}

/// The encoding a domain means in this plan. Equal encodings need no conversion between them.
fn encoding_of(domain: &Domain, plan: &Plan) -> std::result::Result<ColorEncoding, String> {
    match domain {
        Domain::Linear => Ok(encodings::linear_rec2020()),
        Domain::Grade => Ok(match plan.grading {
            Grading::Display => encodings::display_rec2020(),
            Grading::Acescct => encodings::acescct(),
        }),
        Domain::Encoded(None) => match plan.input.1.referred {
            Referred::Display => Ok(plan.input.1.clone()),
            Referred::Scene => Err(format!(
                "the picture is linear ({}): say which encoding the LUT was made for, encoding = \"srgb\" (allowed: {})",
                plan.input.1.name,
                encodings::NAMES.join(", ")
            )),
        },
        Domain::Encoded(Some(name)) => encodings::by_name(name)
            .ok_or_else(|| format!("encoding {name:?} is not known, allowed: {}", encodings::NAMES.join(", "))),
    }
}

/// Collects steps and remembers which encoding the pixels are in.
struct Compiler {
    steps: Vec<Step>,
    tables: Tables,
    at: ColorEncoding,
}

impl Compiler {
    fn new(at: ColorEncoding) -> Self {
        Self { steps: Vec::new(), tables: Tables::default(), at }
    }

    /// Sets the disparity of the pixel, before any operation can change what the guide is taken from.
    fn depth(&mut self, facts: Option<&DepthFacts>) {
        match facts {
            Some(DepthFacts::Joined(join)) => {
                self.go(&encodings::linear_rec2020());
                self.steps.push(ops::guide::step());
                let step = ops::disparity::step(join, &mut self.tables);
                self.steps.push(step);
            }
            Some(DepthFacts::Supplied(constants)) => self.steps.push(Step::new::<ops::supplied::Spec>(constants, 1.0)),
            None => {}
        }
    }

    /// Converts to another encoding; nothing when it is already that one.
    fn go(&mut self, to: &ColorEncoding) {
        let same = |a: &ColorEncoding, b: &ColorEncoding| a.primaries == b.primaries && a.curve == b.curve;
        if same(&self.at, to) {
            self.at = to.clone();
            return;
        }
        self.steps.extend(ops::transfer::step(&self.at.curve, Direction::Decode, &mut self.tables));
        let between = matrix::between(&self.at.primaries, &to.primaries).unwrap_or(matrix::IDENTITY);
        self.steps.extend(ops::matrix::step(&between));
        self.steps.extend(ops::transfer::step(&to.curve, Direction::Encode, &mut self.tables));
        self.at = to.clone();
    }
}

/// The pass of the analyse phase: ends in sRGB-encoded Rec.709 (what models were trained on) with the guide beside it.
pub fn guide_program(layout: PixelLayout, encoding: &ColorEncoding) -> Program {
    let mut compiler = Compiler::new(encoding.clone());
    compiler.go(&encodings::linear_rec2020());
    compiler.steps.push(ops::guide::step());
    compiler.go(&encodings::srgb());
    let (steps, tables) = (compiler.steps, compiler.tables);
    Program { input: layout, output: layout, steps, tables, supplied_depth: false, dither_seed: None }
}

/// The pass that writes depth maps: normalized disparity as gray float.
pub fn depth_program(layout: PixelLayout, encoding: &ColorEncoding, facts: &DepthFacts) -> Program {
    let mut compiler = Compiler::new(encoding.clone());
    compiler.depth(Some(facts));
    let show = ops::show_disparity::Constants { gain: 1.0 };
    compiler.steps.push(Step::new::<ops::show_disparity::Spec>(&show, 1.0));
    let output = PixelLayout { sample: SampleType::F32, channels: Channels::Gray, alpha: Alpha::None };
    let (steps, tables) = (compiler.steps, compiler.tables);
    let supplied_depth = matches!(facts, DepthFacts::Supplied(_));
    Program { input: layout, output, steps, tables, supplied_depth, dither_seed: None }
}

impl Plan {
    /// Plans depth although no operation reads it: for jobs whose product is the depth map.
    ///
    /// # Errors
    /// As [`plan`].
    pub fn require_depth(&mut self, request: &PlanRequest) -> Result<()> {
        self.depth = Some(depth_plan(request.path, request.info, request.recipe)?);
        choose_memory(self, request);
        check_memory(self, request)
    }

    /// The fused pass of the render phase.
    ///
    /// # Errors
    /// A recipe error when an operation refuses its parameters.
    pub fn program(&self, path: &Path, facts: Option<&DepthFacts>) -> Result<Program> {
        let mut c = Compiler::new(self.input.1.clone());
        c.depth(facts);
        for op in &self.ops {
            let domain = encoding_of(&op.op.domain(&op.params), self).map_err(|e| Error::unsupported(path, e))?;
            c.go(&domain);
            let step = op
                .op
                .step(&op.params, &self.context, &mut c.tables, op.strength)
                .map_err(|e| Error::recipe(&self.recipe, op.line, e))?;
            c.steps.push(step);
        }
        c.go(&self.output.encoding);
        let (input, output) = (self.input.0, self.output.layout);
        // Without arithmetic an exact code must stay exact: dither only what was computed.
        let computed = !c.steps.is_empty() || input.sample != output.sample;
        let dither = computed && output.sample == SampleType::U8;
        Ok(Program {
            input,
            output,
            steps: c.steps,
            tables: c.tables,
            supplied_depth: matches!(facts, Some(DepthFacts::Supplied(_))),
            dither_seed: dither.then_some(0),
        })
    }

    /// The strips of a picture of this plan.
    pub fn strips(&self, extent: crate::picture::Extent) -> impl Iterator<Item = Region> + use<> {
        Region::strips(extent, self.strip_rows)
    }
}
