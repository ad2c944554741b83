//! The analyse phase: reads the picture once and gathers the only knowledge of the whole that render may use.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::drive::Work;
use crate::codec::Source;
use crate::depth::reduce::{Reduced, Reducer};
use crate::depth::registry::ModelEntry;
use crate::depth::supplied::{SuppliedHistogram, SuppliedKind};
use crate::depth::worker::{DepthRequest, DepthStage};
use crate::depth::{join, orient};
use crate::error::Result;
use crate::exec::cpu;
use crate::ops::disparity::Join;
use crate::ops::supplied;
use crate::picture::{Extent, PictureInfo, Strip};
use crate::plan::{DepthFacts, DepthPlan, Plan, guide_program};

/// What the analyse phase leaves behind.
#[derive(Default)]
pub struct Facts {
    /// Depth, when the plan reads it.
    pub depth: Option<DepthFacts>,
    /// Where it came from, in words.
    pub depth_source: Option<String>,
    /// The decoded picture, when the plan keeps it.
    pub kept: Vec<Strip>,
}

/// Runs the phase; does nothing for a plan that needs no facts.
pub fn analyse(work: &mut Work, plan: &Plan, source: &mut dyn Source) -> Result<Facts> {
    match &plan.depth {
        None => Ok(Facts::default()),
        Some(DepthPlan::Supplied { channel }) => {
            source.select_depth(channel)?;
            supplied_depth(work, plan, source, channel)
        }
        Some(DepthPlan::Estimated { .. }) => estimated_depth(work, plan, source),
    }
}

fn supplied_depth(work: &mut Work, plan: &Plan, source: &mut dyn Source, channel: &str) -> Result<Facts> {
    let mut histogram = SuppliedHistogram::new(SuppliedKind::Depth);
    let mut depth = Vec::new();
    for region in plan.strips(source.info().extent) {
        work.engine.cancel.check()?;
        depth.resize(region.pixels(), 0.0);
        let started = Instant::now();
        source.read_depth(region, &mut depth, &work.engine.pool)?;
        work.stages.read += started.elapsed().as_secs_f64();
        histogram.add(&depth);
    }
    let (valid, invalid) = histogram.totals();
    if valid == 0 {
        work.warnings.push(format!("depth channel {channel:?} holds no valid distance: everything counts as farthest"));
    } else if invalid > valid {
        work.warnings
            .push(format!("depth channel {channel:?}: {invalid} of {} values are no distance", valid + invalid));
    }
    let norm = histogram.norm();
    let constants = supplied::Constants { scale: norm.scale, offset: norm.offset };
    source.rewind()?;
    Ok(Facts {
        depth: Some(DepthFacts::Supplied(constants)),
        depth_source: Some(format!("channel {channel}")),
        kept: Vec::new(),
    })
}

fn estimated_depth(work: &mut Work, plan: &Plan, source: &mut dyn Source) -> Result<Facts> {
    let depth = work.engine.depth()?;
    let info = source.info().clone();
    let (reduced, kept) = reduce(work, plan, source, &info, &depth.model)?;
    let started = Instant::now();
    let (join, described) = estimate(&depth.model, &depth.stage, &reduced, &info)?;
    work.stages.depth += started.elapsed().as_secs_f64();
    Ok(Facts { depth: Some(DepthFacts::Joined(join)), depth_source: Some(described), kept })
}

/// Reads every strip, reduces it to the model's size, and keeps the samples when the plan says so.
fn reduce(
    work: &mut Work,
    plan: &Plan,
    source: &mut dyn Source,
    info: &PictureInfo,
    model: &ModelEntry,
) -> Result<(Reduced, Vec<Strip>)> {
    let (width, height) = orient::turned((info.extent.width, info.extent.height), info.orientation);
    let size = orient::turned(model.input_size(Extent { width, height }), info.orientation);
    let program = guide_program(plan.input.0, &plan.input.1);
    let reducer = Mutex::new(Reducer::new(info.extent, size)?);
    let geometry = crate::depth::reduce::ReducePlan::new(info.extent, size)?;
    let mut kept = Vec::new();
    let mut strip = None;
    for region in plan.strips(info.extent) {
        work.engine.cancel.check()?;
        let mut current = strip.take().unwrap_or_else(|| Strip::new(region, info.layout));
        let started = Instant::now();
        source.read(region, &mut current, &work.engine.pool)?;
        work.stages.read += started.elapsed().as_secs_f64();
        let started = Instant::now();
        cpu::visit_rows(&work.engine.pool, &program, &current, None, work.engine.isa, |row, [r, g, b, guide, _]| {
            // Integer sums commute, so the order in which rows arrive does not matter.
            let partial = geometry.reduce(row.y, row.rows, [r, g, b, guide]);
            reducer.lock().unwrap_or_else(PoisonError::into_inner).merge(&partial);
        });
        work.stages.analyse += started.elapsed().as_secs_f64();
        if plan.keep_decoded { kept.push(current) } else { strip = Some(current) }
    }
    if !plan.keep_decoded {
        source.rewind()?;
    }
    let reduced = reducer.into_inner().unwrap_or_else(PoisonError::into_inner).finish()?;
    Ok((reduced, kept))
}

/// Runs the model on the upright picture and fits the join to the stored one.
fn estimate(
    model: &Arc<ModelEntry>,
    stage: &DepthStage,
    reduced: &Reduced,
    info: &PictureInfo,
) -> Result<(Join, String)> {
    let turned = orient::upright_picture(reduced, info.orientation);
    let upright = (turned.width, turned.height);
    let request = DepthRequest { model: model.clone(), input: model.tensor(&turned), size: upright };
    let answer = stage.estimate(request)?;
    let map = join::resample(&answer.values, (answer.width, answer.height), upright);
    let (disparity, _) = join::normalize(&orient::stored(&map, upright, info.orientation));
    let table = join::fit(&disparity, reduced, &model.join);
    let constants = table.constants(0, (info.extent.width, info.extent.height));
    let described = format!("model {}, {}", model.id, answer.engine);
    Ok((Join { constants, words: table.words().to_vec() }, described))
}
