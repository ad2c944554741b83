//! The render phase: strip by strip from the source (or what analyse kept) through the lanes into the sinks.

use std::sync::Arc;

use super::analyse::Facts;
use super::deliver::{Sinks, Writer, deliver};
use super::drive::Work;
use super::exports;
use super::flow;
use super::input::{Feed, Input, Wants};
use super::job::DepthExport;
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
use crate::plan::{DepthPlan, MapOrigin, OutputPlan, Plan, Program, SuppliedPlan, depth_program};

/// Writes every output of the plan into the staged file of the same place.
pub fn outputs(work: &mut Work, plan: &Plan, source: &mut dyn Source, facts: Facts, staged: &[Staged]) -> Result<()> {
    let mut lanes = Lanes::default();
    let mut maps = Vec::new();
    for (output, staged) in plan.outputs.iter().zip(staged) {
        match exports::export_of(output.kind, output.format) {
            Some(export) => maps.push((export, staged)),
            None => picture(work, plan, output, (source, &facts), staged, &mut lanes)?,
        }
    }
    depth_lane(work, plan, (source, &facts), &maps, &mut lanes)?;
    each_strip(work, plan, source, facts, lanes)
}

/// Writes the depth map in the forms of `exports`, one staged file each.
pub fn depth_maps(
    work: &mut Work,
    plan: &Plan,
    source: &mut dyn Source,
    facts: Facts,
    exports: &[DepthExport],
    staged: &[Staged],
) -> Result<()> {
    let maps: Vec<_> = exports.iter().copied().zip(staged).collect();
    let mut lanes = Lanes::default();
    depth_lane(work, plan, (source, &facts), &maps, &mut lanes)?;
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
        true => Metadata { icc: output.icc.clone(), ..Metadata::default() },
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
    lanes.add(program, info.extent, !plan.is_mask(), vec![(None, open_sink(output.format, staged, spec)?)]);
    Ok(())
}

/// Adds the lane of all depth maps, if there are any.
fn depth_lane(
    work: &mut Work,
    plan: &Plan,
    (source, facts): (&dyn Source, &Facts),
    maps: &[(DepthExport, &Staged)],
    lanes: &mut Lanes,
) -> Result<()> {
    if maps.is_empty() {
        return Ok(());
    }
    let Some(depth) = &facts.render.depth else {
        return Err(Error::Environment("internal error: a depth map without depth facts".to_owned()));
    };
    warn_of_orientation(work, source, maps);
    let text = exports::describe(facts, depth);
    let mut sinks = Vec::new();
    for (export, staged) in maps {
        let sink = open_sink(exports::format(*export), staged, exports::spec(*export, source, &text))?;
        sinks.push((Some(*export), sink));
    }
    lanes.add(depth_program(plan.input.0, &plan.input.1, depth), source.info().extent, false, sinks);
    Ok(())
}

fn warn_of_orientation(work: &mut Work, source: &dyn Source, maps: &[(DepthExport, &Staged)]) {
    let orientation = source.info().orientation;
    if orientation != 1 && maps.iter().any(|(export, _)| *export == DepthExport::Exr) {
        work.warnings.push(format!(
            "EXR has no orientation tag: the depth map lies as the picture is stored (orientation {orientation})"
        ));
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
