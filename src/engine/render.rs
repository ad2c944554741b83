//! The render phase: strip by strip from the source (or what analyse kept) through the lanes into the sinks.

use std::sync::Arc;
use std::time::Instant;

use super::analyse::Facts;
use super::drive::Work;
use super::exports;
use super::job::DepthExport;
use super::lane::Lane;
use super::options::Device;
use super::staged::Staged;
use crate::codec::{self, Sink, SinkSpec, Source};
use crate::error::{Error, Result};
use crate::exec::cpu::Cpu;
use crate::picture::{Format, Metadata, Strip};
use crate::plan::{OutputPlan, Plan, depth_program};

/// Writes every output of the plan into the staged file of the same place.
pub fn outputs(work: &mut Work, plan: &Plan, source: &mut dyn Source, facts: Facts, staged: &[Staged]) -> Result<()> {
    let mut lanes = Vec::new();
    let mut maps = Vec::new();
    for (output, staged) in plan.outputs.iter().zip(staged) {
        match exports::export_of(output.kind, output.format) {
            Some(export) => maps.push((export, staged)),
            None => lanes.push(picture(work, plan, output, source, &facts, staged)?),
        }
    }
    lanes.extend(depth_lane(work, plan, source, &facts, &maps)?);
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
    let lane = depth_lane(work, plan, source, &facts, &maps)?;
    each_strip(work, plan, source, facts, lane.into_iter().collect())
}

/// The lane of a graded picture.
fn picture(
    work: &mut Work,
    plan: &Plan,
    output: &OutputPlan,
    source: &dyn Source,
    facts: &Facts,
    staged: &Staged,
) -> Result<Lane> {
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
    let lane = Lane::new(program, info.extent, vec![(None, open_sink(output.format, staged, spec)?)]);
    Ok(if plan.is_mask() { lane } else { lane.graded() })
}

/// The lane of all depth maps; `None` without any.
fn depth_lane(
    work: &mut Work,
    plan: &Plan,
    source: &dyn Source,
    facts: &Facts,
    maps: &[(DepthExport, &Staged)],
) -> Result<Option<Lane>> {
    if maps.is_empty() {
        return Ok(None);
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
    Ok(Some(Lane::new(depth_program(plan.input.0, &plan.input.1, depth), source.info().extent, sinks)))
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

/// Pulls every strip through the lanes.
fn each_strip(work: &mut Work, plan: &Plan, source: &mut dyn Source, facts: Facts, mut lanes: Vec<Lane>) -> Result<()> {
    choose_executor(work, &lanes);
    let extent = source.info().extent;
    let wants_depth = lanes.iter().any(Lane::wants_depth);
    let mut kept = facts.kept.into_iter();
    let mut buffer = None;
    let mut depth = Vec::new();
    for region in plan.strips(extent) {
        work.engine.cancel.check()?;
        let started = Instant::now();
        let input = match kept.next() {
            Some(strip) => strip,
            None => {
                let mut strip = buffer.take().unwrap_or_else(|| Strip::new(region, plan.input.0));
                source.read(region, &mut strip, &work.engine.pool)?;
                strip
            }
        };
        if wants_depth {
            depth.resize(region.pixels(), 0.0);
            source.read_depth(region, &mut depth, &work.engine.pool)?;
        }
        work.stages.read += started.elapsed().as_secs_f64();
        for lane in &mut lanes {
            lane.push(work, &input, wants_depth.then_some(depth.as_slice()))?;
        }
        buffer = Some(input);
    }
    lanes.into_iter().try_for_each(|lane| lane.finish(work))?;
    source.check_intact()
}

fn open_sink(format: Format, staged: &Staged, spec: SinkSpec) -> Result<Box<dyn Sink>> {
    let file = staged.file().try_clone().map_err(|e| Error::output(staged.target(), e))?;
    codec::create(format, file, staged.target(), spec)
}
