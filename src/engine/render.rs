//! The render phase: strip by strip from the source (or what analyse kept) through the lanes into the sinks.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::analyse::Facts;
use super::deliver::{Sinks, Writer, deliver};
use super::drive::Work;
use super::exports::{self, Files, Form, KnownUnit, MapFacts};
use super::flow;
use super::input::{Feed, Input, Wants};
use super::lane::Lane;
use super::map_agreement::Agreement;
use super::options::Device;
use super::profile::Stage;
use super::staged::Staged;
use super::supplied_depth::Beside;
use crate::codec::{self, Sink, SinkSpec, Source};
use crate::error::{Error, Result};
use crate::exec::cpu::Cpu;
use crate::picture::{Extent, Format, Metadata};
use crate::plan::{DepthPlan, MapOrigin, OutputPlan, Plan, Program, SuppliedPlan, depth_program, shown_program};

/// Writes every output of the plan into the staged files, in order.
pub fn outputs(work: &mut Work, plan: &Plan, source: &mut dyn Source, facts: Facts, staged: &[Staged]) -> Result<()> {
    let mut lanes = Lanes::default();
    let mut maps = Vec::new();
    let forms: Vec<_> = plan.outputs.iter().map(Form::of).collect();
    for ((output, form), files) in plan.outputs.iter().zip(&forms).zip(exports::files(&forms, staged)?) {
        match form {
            Some(form) => maps.push((*form, files)),
            None => picture(work, plan, output, (source, &facts), files.main, &mut lanes)?,
        }
    }
    depth_lanes(work, plan, (source, &facts), &maps, &mut lanes)?;
    each_strip(work, plan, source, facts, lanes)
}

/// Writes the depth map in the forms of `forms` into the staged files, in order.
pub fn depth_maps(
    work: &mut Work,
    plan: &Plan,
    source: &mut dyn Source,
    facts: Facts,
    forms: &[Form],
    staged: &[Staged],
) -> Result<()> {
    let all: Vec<_> = forms.iter().copied().map(Some).collect();
    let maps: Vec<_> = forms.iter().copied().zip(exports::files(&all, staged)?).collect();
    let mut lanes = Lanes::default();
    depth_lanes(work, plan, (source, &facts), &maps, &mut lanes)?;
    each_strip(work, plan, source, facts, lanes)
}

/// Programs, and the files their results go to, in the same order.
#[derive(Default)]
struct Lanes {
    lanes: Vec<Lane>,
    sinks: Vec<Sinks>,
}

impl Lanes {
    fn add(&mut self, program: Program, extent: Extent, is_graded: bool, sinks: Sinks) {
        let lane = Lane::new(program, extent, self.lanes.len());
        self.lanes.push(if is_graded { lane.graded() } else { lane });
        self.sinks.push(sinks);
    }
}

/// Adds the lane of a graded picture.
fn picture(
    work: &mut Work,
    plan: &Plan,
    output: &OutputPlan,
    (source, facts): (&dyn Source, &Facts),
    staged: &Staged,
    lanes: &mut Lanes,
) -> Result<()> {
    let program = plan.program(output, &work.job.input, &facts.render)?;
    let info = source.info();
    let metadata = match plan.is_mask() {
        true => Metadata { icc: output.icc.clone(), frame: info.metadata.frame.clone(), ..Metadata::default() },
        false => super::carried::metadata(work, plan, output, info),
    };
    // What of it speaks of places in a picture of another size, the sink leaves out.
    let same = info.format == output.format.name() && !plan.is_mask();
    let spec = SinkSpec {
        extent: output.extent,
        layout: output.layout,
        encoding: output.encoding.clone(),
        orientation: info.orientation,
        metadata,
        compression: output.compression,
        extras: if same { source.extras() } else { None },
        gray_name: "Y",
        text: Vec::new(),
    };
    lanes.add(program, info.extent, !plan.is_mask(), vec![open_sink(output.format, staged, spec)?]);
    Ok(())
}

/// Adds the lanes of all depth maps, if there are any: one for relative maps, one for metric ones, and one for the picture where it is shown
/// beside its map.
fn depth_lanes(
    work: &mut Work,
    plan: &Plan,
    (source, facts): (&dyn Source, &Facts),
    maps: &[(Form, Files)],
    lanes: &mut Lanes,
) -> Result<()> {
    if maps.is_empty() {
        return Ok(());
    }
    let (Some(depth), Some(map)) = (&facts.render.depth, &facts.map) else {
        return Err(Error::Environment("internal error: a depth map without depth facts".to_owned()));
    };
    let described = facts.depth_source.as_deref().unwrap_or("unknown");
    warn_of_maps(work, source, maps, (map, described));
    let forms: Vec<Form> = maps.iter().map(|(form, _)| *form).collect();
    exports::check_unit(&forms, map.unit, described, &work.job.input)?;
    let info = source.info();
    let metric = exports::metric_facts(depth, map);
    let (mut relative, mut in_meters, mut pictures) = (Vec::new(), Vec::new(), Vec::new());
    for (form, files) in maps {
        let meaning = if form.is_metric() { &metric.1 } else { map };
        let opened = exports::open(*form, meaning, described, info, *files)?;
        if form.is_metric() {
            in_meters.push(opened.map)
        } else {
            relative.push(opened.map)
        }
        pictures.extend(opened.picture);
    }
    let (layout, encoding) = (plan.input.0, &plan.input.1);
    let mut add = |program: Program, sinks: Sinks| {
        if !sinks.is_empty() {
            lanes.add(program, info.extent, false, sinks);
        }
    };
    add(shown_program(layout, encoding), pictures);
    add(depth_program(layout, encoding, depth), relative);
    add(depth_program(layout, encoding, &metric.0), in_meters);
    Ok(())
}

/// Says what a map cannot say by itself.
fn warn_of_maps(work: &mut Work, source: &dyn Source, maps: &[(Form, Files)], (map, described): (&MapFacts, &str)) {
    let orientation = source.info().orientation;
    let mut told = BTreeSet::new();
    for (form, _) in maps.iter().filter(|(form, _)| orientation != 1 && form.export.has_no_orientation()) {
        let name = form.export.format().name().to_uppercase();
        if told.insert(name.clone()) {
            work.warnings.push(format!(
                "{name} has no orientation tag: the depth map lies as the picture is stored (orientation {orientation})"
            ));
        }
    }
    if map.unit == KnownUnit::Undeclared && maps.iter().any(|(form, _)| form.is_metric()) {
        work.warnings
            .push(format!("{described} does not say its unit: its numbers are written as meters, as they are"));
    }
}

/// A picture too wide for the buffers of the GPU is rendered on the CPU, unless the GPU was asked for: then its own error says so.
fn choose_executor(work: &mut Work, lanes: &[Lane]) {
    let engine = work.engine;
    if engine.options.device == Device::Auto && !lanes.iter().all(|lane| work.executor.fits(lane.program())) {
        work.warnings
            .push(format!("a row does not fit the buffers of {}: rendered on the CPU", engine.executor.describe()));
        work.executor = Arc::new(Cpu::new(engine.pool.clone(), engine.isa));
    }
}

/// Pulls every strip through the lanes: while one is rendered, the next is read and the last one written. A picture of one strip has
/// nothing to overlap and needs no threads.
fn each_strip(work: &mut Work, plan: &Plan, source: &mut dyn Source, facts: Facts, lanes: Lanes) -> Result<()> {
    let Lanes { mut lanes, sinks } = lanes;
    choose_executor(work, &lanes);
    let (engine, probe) = (work.engine, work.probe.clone());
    let extent = source.info().extent;
    let wants = Wants { samples: true, depth: lanes.iter().any(Lane::wants_depth) };
    let overlap = plan.strip_rows < extent.height;
    // What was kept needs no reading.
    let ahead = overlap && (wants.depth || facts.kept.is_empty());
    let mut beside = match &plan.depth {
        Some(DepthPlan::Supplied(supplied)) if wants.depth => {
            let limits = &engine.options.limits;
            Some(Beside::open(supplied, &work.job.input, extent, facts.finish.clone(), limits)?)
        }
        _ => None,
    };
    let mut agreement = match (&plan.depth, &facts.finish) {
        (Some(DepthPlan::Supplied(SuppliedPlan { origin: MapOrigin::File { .. }, .. })), Some(finish))
            if wants.depth =>
        {
            Some(Agreement::new(finish, extent))
        }
        _ => None,
    };
    let mut feed = Feed {
        source: &mut *source,
        layout: plan.input.0,
        regions: plan.strips(extent),
        kept: facts.kept.into_iter(),
        wants,
        engine,
        beside: beside.as_mut(),
        track: if ahead { probe.reader() } else { probe.driver() },
        seconds: 0.0,
    };
    let writer = Writer { sinks, pool: &engine.pool, cancel: &engine.cancel, seconds: 0.0 };
    let writer = deliver(writer, &probe, overlap, |outbox| {
        let read = |buffer| feed.next(buffer, &probe);
        flow::each((&probe, Stage::Render), ahead, read, |input: Input| {
            engine.cancel.check()?;
            if let Some(agreement) = &mut agreement {
                agreement.add(&input.strip);
            }
            for lane in &mut lanes {
                lane.push(work, &input.strip, wants.depth.then_some(input.depth.as_slice()), outbox)?;
            }
            Ok(Some(input))
        })
    })?;
    work.stages.read += feed.seconds;
    lanes.iter().for_each(|lane| lane.remark(work));
    work.stages.write += writer.finish(&probe)?;
    if let (Some(DepthPlan::Supplied(supplied)), Some(remark)) = (&plan.depth, agreement.and_then(Agreement::remark)) {
        work.warnings.push(format!("{}: {remark}", supplied.origin.words()));
    }
    beside.map_or(Ok(()), |beside| beside.check())?;
    source.check_intact()
}

fn open_sink(format: Format, staged: &Staged, spec: SinkSpec) -> Result<Box<dyn Sink>> {
    let file = staged.file().try_clone().map_err(|e| Error::output(staged.target(), e))?;
    codec::create(format, file, staged.target(), spec)
}
