//! Plans as people and programs read them.

use std::collections::BTreeMap;
use std::path::Path;

use chiaro::color::encodings;
use chiaro::depth::registry::ModelEntry;
use chiaro::engine::estimate::Pace;
use chiaro::engine::job::Job;
use chiaro::engine::journal::path_text;
use chiaro::engine::naming::{Intake, is_beside};
use chiaro::engine::review;
use chiaro::error::escape;
use chiaro::ops::mask::Mask;
use chiaro::ops::{Domain, Grading};
use chiaro::picture::{Access, ColorEncoding, ColorModel, Compression, Format, PictureInfo};
use chiaro::plan::{DepthPlan, MapSize, OutputPlan, Plan, SuppliedPlan};
use chiaro::recipe::{OutputKind, Recipe};
use serde::Serialize;

use super::existing::Fate;
use super::inputs::left_out;
use super::output::{Facts, bytes, count, duration};
use super::plan_depth;

/// What a run would do.
#[derive(Debug, Serialize)]
pub struct PlanReport {
    /// Recipe name.
    pub recipe: String,
    /// Hash of everything that changes pixels.
    pub recipe_hash: String,
    /// Bytes all jobs may hold together.
    pub memory_bytes: u64,
    /// Pictures in work at the same time.
    pub jobs: usize,
    /// Outputs that collide, in words: the run would be refused.
    pub collisions: Option<String>,
    /// Pictures that cannot be planned, and why.
    pub failed: Vec<String>,
    /// Files in folders that are no pictures, by extension.
    pub left_out: BTreeMap<String, u64>,
    /// Bytes of samples that would be written, before compression; at least 0 because of what may be up to date.
    pub output_bytes: u64,
    /// Free bytes on the file system of the output folder; `null` when unknown or no folder was given.
    pub free_bytes: Option<u64>,
    /// Wall seconds by the pace of the last run of this recipe into this folder; `null` without one.
    pub seconds: Option<f64>,
    /// Limits of the depth gate; `null` when it is off.
    pub depth_gate: Option<String>,
    /// What the run might trip over.
    pub warnings: Vec<String>,
    /// The plans; empty where they are shown one by one.
    pub pictures: Vec<PicturePlan>,
    #[serde(skip)]
    sums: Sums,
}

/// What the plans add up to.
#[derive(Debug, Default)]
struct Sums {
    pictures: u64,
    /// Pictures of which something is or may be written.
    writing: u64,
    /// Pictures that would fail because an output exists.
    failing: u64,
    /// True when a run alone can tell what is up to date.
    open: bool,
    /// Bytes of the job that holds most.
    most_bytes: u64,
}

/// What a run would do to one picture.
#[derive(Debug, Serialize)]
pub struct PicturePlan {
    /// The file.
    pub input: String,
    #[serde(skip)]
    shown_input: String,
    /// File format.
    pub format: &'static str,
    /// Pixels per row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Samples and channels.
    pub layout: String,
    /// Color encoding.
    pub encoding: String,
    /// Where the encoding was read from.
    pub encoding_source: &'static str,
    /// Orientation, EXIF 1 to 8.
    pub orientation: u16,
    /// Compression of the file.
    pub compression: &'static str,
    /// How rows can be reached: "random", "rows" or "whole".
    pub access: &'static str,
    /// Sweeps over the picture, in order.
    pub passes: Vec<Pass>,
    /// Where depth comes from.
    pub depth: Option<String>,
    /// Rows per strip.
    pub strip_rows: u32,
    /// Number of strips.
    pub strips: u32,
    /// True when the decoded picture is kept between the passes.
    pub keeps_decoded: bool,
    /// Bytes the job holds at most, inference not included.
    pub bytes: u64,
    /// The results.
    pub outputs: Vec<OutputFacts>,
    /// Remarks.
    pub notes: Vec<String>,
}

/// One sweep over the strips of a picture.
#[derive(Debug, Serialize)]
pub struct Pass {
    /// "analyse", "render" or "copy".
    pub name: &'static str,
    /// What happens to a pixel, in order.
    pub steps: Vec<StepFacts>,
    /// Number of fused steps, conversions included; 0 = not counted.
    pub fused_steps: usize,
}

/// One step of a pass.
#[derive(Debug, Serialize)]
pub struct StepFacts {
    /// Operation, or what the plan inserts.
    pub id: String,
    /// Encoding of the pixels it works on.
    pub encoding: String,
    /// Mix with its input, 0 to 1.
    pub strength: f32,
    /// Where it works, in words; nothing = everywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mask: Option<String>,
}

/// The result.
#[derive(Debug, Serialize)]
pub struct OutputFacts {
    /// Final name.
    pub path: String,
    #[serde(skip)]
    shown_path: String,
    /// What happens because of what is there already.
    pub fate: Fate,
    /// File format.
    pub format: &'static str,
    /// Pixels per row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Samples and channels.
    pub layout: String,
    /// Color encoding.
    pub encoding: String,
    /// True when a profile is embedded.
    pub icc: bool,
    /// Compression.
    pub compression: String,
    /// Bytes of the samples before compression.
    pub sample_bytes: u64,
}

impl PlanReport {
    /// A report without pictures.
    pub fn new(recipe: &Recipe, memory_bytes: u64, jobs: usize, intake: &Intake) -> Self {
        Self {
            recipe: recipe.name.clone(),
            recipe_hash: recipe.hash.clone(),
            memory_bytes,
            jobs,
            collisions: None,
            failed: Vec::new(),
            left_out: intake.skipped.clone(),
            output_bytes: 0,
            free_bytes: None,
            seconds: None,
            depth_gate: recipe.depth.gate.described(),
            warnings: Vec::new(),
            pictures: Vec::new(),
            sums: Sums::default(),
        }
    }

    /// Counts a plan in.
    pub fn add(&mut self, picture: &PicturePlan) {
        let sums = &mut self.sums;
        sums.pictures += 1;
        sums.most_bytes = sums.most_bytes.max(picture.bytes);
        sums.open |= picture.outputs.iter().any(|o| o.fate.is_open());
        sums.failing += u64::from(picture.outputs.iter().any(|o| o.fate == Fate::Fail));
        if picture.outputs.iter().any(|o| !o.fate.writes_nothing()) {
            sums.writing += 1;
            self.output_bytes += picture.outputs.iter().map(|o| o.sample_bytes).sum::<u64>();
        }
    }

    /// Compares what was added with the machine.
    pub fn estimate(&mut self, free_bytes: Option<u64>, pace: Option<Pace>) {
        self.free_bytes = free_bytes;
        self.seconds = pace.map(|pace| pace.seconds_for(self.sums.writing));
        if let Some(free) = free_bytes.filter(|free| *free < self.output_bytes) {
            self.warnings.push(format!(
                "the disk has {} free, uncompressed outputs would need {}",
                bytes(free),
                bytes(self.output_bytes)
            ));
        }
        if self.sums.failing > 0 {
            let names = count(self.sums.failing, "picture");
            self.warnings
                .push(format!("{names} would fail, because an output exists: --on-exist says what else to do"));
        }
    }
}

impl PicturePlan {
    /// The facts of one plan. `fused` counts the steps of the render pass without those of depth.
    pub fn new(
        job: &Job,
        info: &PictureInfo,
        plan: &Plan,
        model: Option<&ModelEntry>,
        fused: usize,
        fate: Fate,
    ) -> Self {
        Self {
            input: path_text(&job.input),
            shown_input: escape(&job.input),
            format: info.format,
            width: info.extent.width,
            height: info.extent.height,
            layout: info.described_layout(),
            encoding: info.encoding.name.clone(),
            encoding_source: info.encoding_source,
            orientation: info.orientation,
            compression: info.compression,
            access: access_word(info.access),
            passes: passes(plan, info, fused),
            depth: plan.depth.as_ref().map(|depth| plan_depth::words(depth, info, model)),
            strip_rows: plan.strip_rows,
            strips: plan.strips(info.extent).count() as u32,
            keeps_decoded: plan.keep_decoded,
            bytes: plan.bytes,
            outputs: plan
                .outputs
                .iter()
                .zip(job.targets.iter().filter(|t| !is_beside(t)))
                .map(|(o, t)| OutputFacts::new(o, t, fate))
                .collect(),
            notes: plan.notes.iter().chain(&info.warnings).cloned().collect(),
        }
    }
}

impl OutputFacts {
    fn new(output: &OutputPlan, target: &Path, fate: Fate) -> Self {
        Self {
            path: path_text(target),
            shown_path: escape(target),
            fate,
            format: output.format.name(),
            width: output.extent.width,
            height: output.extent.height,
            layout: output.layout.to_string(),
            encoding: output.encoding.name.clone(),
            icc: output.icc.is_some(),
            compression: compression_words(output.compression, output.format),
            sample_bytes: output.extent.pixels() * output.layout.pixel_bytes() as u64,
        }
    }
}

/// One word per kind of access.
pub fn access_word(access: Access) -> &'static str {
    match access {
        Access::Random => "random",
        Access::Rows => "rows",
        Access::Whole => "whole",
    }
}

/// A compression in words.
fn compression_words(compression: Compression, format: Format) -> String {
    let word = match compression {
        Compression::None => "none",
        Compression::Lzw => "lzw",
        Compression::Deflate => "deflate",
        Compression::Input => "as the input",
        Compression::Lossless => "lossless",
        Compression::Lossy { quality, subsampling } if format == Format::Jpeg => {
            return format!("lossy, quality {quality}, {}", subsampling.name());
        }
        Compression::Lossy { quality, .. } => return format!("lossy, quality {quality}"),
    };
    word.to_owned()
}

/// The encoding an operation of this plan works in, by name.
fn domain_name(domain: &Domain, plan: &Plan) -> String {
    match domain {
        Domain::Linear => encodings::linear_rec2020().name,
        Domain::Perceptual => "Oklab".to_owned(),
        Domain::Grade => match plan.grading {
            Grading::Display => encodings::display_rec2020().name,
            Grading::Acescct => encodings::acescct().name,
        },
        Domain::Encoded(None) => plan.input.1.name.clone(),
        Domain::Encoded(Some(name)) => name.clone(),
    }
}

fn passes(plan: &Plan, info: &PictureInfo, fused: usize) -> Vec<Pass> {
    let step = |id: &str, encoding: &str| StepFacts {
        id: id.to_owned(),
        encoding: encoding.to_owned(),
        strength: 1.0,
        mask: None,
    };
    let linear = encodings::linear_rec2020().name;
    let mut passes = Vec::new();
    let mut render = Vec::new();
    let converted = matches!(info.model, ColorModel::Converted(_));
    if converted {
        render.push(step("convert while reading", &plan.input.1.name));
    }
    match &plan.depth {
        Some(DepthPlan::Estimated { .. }) => {
            let steps = vec![step("guide", &linear), step("reduce for the depth model", &encodings::srgb().name)];
            passes.push(Pass { name: "analyse", steps, fused_steps: 0 });
            render.extend([step("guide", &linear), step("disparity", &linear)]);
        }
        Some(DepthPlan::Supplied(SuppliedPlan { size: MapSize::Joined { .. }, .. })) => {
            let steps = vec![step("range of the depth map", "depth"), step("guide", &linear)];
            passes.push(Pass { name: "analyse", steps, fused_steps: 0 });
            render.extend([step("guide", &linear), step("disparity", &linear)]);
        }
        Some(DepthPlan::Supplied(_)) => {
            let steps = vec![step("range of the depth channel", "depth")];
            passes.push(Pass { name: "analyse", steps, fused_steps: 0 });
            render.push(step("supplied", "depth"));
        }
        None => {}
    }
    render.extend(plan.ops.iter().map(|op| StepFacts {
        id: op.op.id().to_owned(),
        encoding: domain_name(&op.op.domain(&op.params), plan),
        strength: op.strength,
        mask: op.mask.as_ref().map(Mask::words),
    }));
    let same = |a: &ColorEncoding, b: &ColorEncoding| a.primaries == b.primaries && a.curve == b.curve;
    let kept = plan.outputs.iter().all(|o| o.layout == plan.input.0);
    let copies = !converted && fused == 0 && plan.ops.is_empty() && plan.depth.is_none() && kept;
    let name = if copies { "copy" } else { "render" };
    for output in plan.outputs.iter().filter(|o| o.kind == OutputKind::Picture) {
        let size = output.resize.is_some().then(|| step("resize", &linear));
        render.extend(size);
        if !copies && !same(&plan.input.1, &output.encoding) {
            render.push(step("convert", &output.encoding.name));
        }
    }
    passes.push(Pass { name, steps: render, fused_steps: fused });
    passes
}

/// One picture for people, with an empty line after it.
pub fn picture_text(picture: &PicturePlan) -> String {
    format!("{}\n{}\n\n", picture.shown_input, facts(picture))
}

/// The end of the report for people.
pub fn totals_text(report: &PlanReport) -> String {
    let most = report.sums.most_bytes;
    let mut text =
        format!("{} under recipe {}\n", count(report.sums.pictures, "picture"), escape(Path::new(&report.recipe)));
    let mut total = Facts::default();
    let free = report.free_bytes.map(|free| format!("; {} are free", bytes(free))).unwrap_or_default();
    total.add("disk", format!("at most about {} (uncompressed){free}", bytes(report.output_bytes)));
    total.add(
        "memory",
        format!(
            "largest picture {}, budget {} for {}",
            bytes(most),
            bytes(report.memory_bytes),
            count(report.jobs as u64, "job")
        ),
    );
    total.add(
        "time",
        match report.seconds {
            Some(seconds) => format!(
                "{}about {}, at the pace of the last run of this recipe into this folder",
                maybe_less(report),
                duration(seconds)
            ),
            None => "unknown until the first picture is done: no run of this recipe into this folder yet".to_owned(),
        },
    );
    let gate = |limits: &String| format!("{limits}: what is beyond goes to {}/", review::FOLDER);
    total.maybe("depth gate", report.depth_gate.as_ref().map(gate));
    total.maybe("left out", left_out(&report.left_out));
    text += &format!("{total}\n");
    text
}

/// What is up to date costs nothing, and is known only when it runs.
fn maybe_less(report: &PlanReport) -> &'static str {
    if report.sums.open { "at most " } else { "" }
}

fn facts(p: &PicturePlan) -> Facts {
    let mut facts = Facts::default();
    let turned = if p.orientation > 1 { format!(", orientation {}", p.orientation) } else { String::new() };
    facts
        .add(
            "input",
            format!(
                "{} {}x{}, {}, {}, access {}{turned}",
                p.format, p.width, p.height, p.layout, p.compression, p.access
            ),
        )
        .add("encoding", format!("{} (from {})", p.encoding, p.encoding_source))
        .maybe("depth", p.depth.as_ref());
    for pass in &p.passes {
        facts.add(pass.name, pass_words(pass));
    }
    let kept = if p.keeps_decoded { ", decoded picture kept" } else { "" };
    facts.add(
        "memory",
        format!(
            "{} in {} of {}{kept}",
            bytes(p.bytes),
            count(p.strips.into(), "strip"),
            count(p.strip_rows.into(), "row")
        ),
    );
    for o in &p.outputs {
        facts.add("output", format!("{}{}", o.shown_path, o.fate.words()));
        let icc = if o.icc { ", ICC profile" } else { "" };
        let size = if (o.width, o.height) == (p.width, p.height) {
            String::new()
        } else {
            format!(" {}x{}", o.width, o.height)
        };
        facts.add("", format!("{}{size}, {}, {}, compression {}{icc}", o.format, o.layout, o.encoding, o.compression));
    }
    for note in &p.notes {
        facts.add("note", note);
    }
    facts
}

fn pass_words(pass: &Pass) -> String {
    if pass.name == "copy" {
        return "samples are copied bit for bit".to_owned();
    }
    if pass.steps.is_empty() {
        return "samples are converted".to_owned();
    }
    let words: Vec<String> = pass
        .steps
        .iter()
        .map(|s| {
            let strength = if s.strength == 1.0 { String::new() } else { format!(" at strength {}", s.strength) };
            let mask = s.mask.as_ref().map(|words| format!(" where {}", escape(Path::new(words)))).unwrap_or_default();
            format!("{}{strength}{mask} [{}]", s.id, s.encoding)
        })
        .collect();
    words.join(" > ")
}
