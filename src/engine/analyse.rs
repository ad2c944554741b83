//! The analyse phase: reads the picture once and gathers the only knowledge of the whole that render may use.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::drive::Work;
use super::flow;
use super::input::{Feed, Input, Wants};
use super::profile::{Kind, Probe, Span, Stage, Track};
use super::proxy::{self, CellRow, ProxySums, ProxyTile};
use super::remarks;
use crate::codec::Source;
use crate::depth::reduce::{CellSums, ReducePlan, Reduced, Reducer, TileSums};
use crate::depth::registry::ModelEntry;
use crate::depth::supplied::{SuppliedHistogram, SuppliedKind};
use crate::depth::worker::{DepthRequest, DepthStage, LowResDisparity};
use crate::depth::{join, orient};
use crate::error::Result;
use crate::exec::Executor;
use crate::exec::cpu::{self, Cpu};
use crate::ops::disparity::Join;
use crate::ops::{Chunk, supplied};
use crate::picture::{Extent, PictureInfo, Region, Strip};
use crate::plan::{DepthFacts, DepthPlan, Plan, Program, RenderFacts, guide_program, linear_program, model_program};

/// What the analyse phase leaves behind.
#[derive(Default)]
pub struct Facts {
    /// What programs are made of.
    pub render: RenderFacts,
    /// Where depth came from, in words.
    pub depth_source: Option<String>,
    /// The decoded picture, when the plan keeps it.
    pub kept: Vec<Strip>,
}

/// Runs the phase; does nothing for a plan that needs no facts.
pub fn analyse(work: &mut Work, plan: &Plan, source: &mut dyn Source) -> Result<Facts> {
    if !plan.needs_analysis() {
        return Ok(Facts::default());
    }
    if let Some(DepthPlan::Supplied { channel }) = &plan.depth {
        source.select_depth(channel)?;
    }
    let info = source.info().clone();
    let mut gathered = Gathered::new(work, plan, &info)?;
    gathered.read(work, plan, source)?;
    let mut facts = Facts { kept: std::mem::take(&mut gathered.kept), ..Facts::default() };
    match (&plan.depth, gathered.histogram, gathered.reduced) {
        (Some(DepthPlan::Supplied { channel }), Some(histogram), _) => {
            facts.render.depth = Some(supplied_depth(work, &histogram, gathered.ends, info.orientation, channel));
            facts.depth_source = Some(format!("channel {channel}"));
        }
        (Some(DepthPlan::Estimated { .. }), _, Some(reduced)) => {
            let depth = work.engine.depth()?;
            let mut reduced = reduced.sums.into_inner().unwrap_or_else(PoisonError::into_inner).finish()?;
            if let Some(program) = model_program(&plan.input.1) {
                encode_for_model(work, &program, &mut reduced)?;
            }
            let started = Instant::now();
            let (join, described, remarks) = estimate(&work.probe, &depth.model, &depth.stage, &reduced, &info)?;
            work.warnings.extend(remarks);
            work.stages.depth += started.elapsed().as_secs_f64();
            facts.render.depth = Some(DepthFacts::Joined(join));
            facts.depth_source = Some(described);
        }
        _ => {}
    }
    if let Some(sums) = gathered.proxy {
        let started = Instant::now();
        let sums = sums.into_inner().unwrap_or_else(PoisonError::into_inner);
        proxy::fields(work, plan, &sums.finish(), &mut facts.render)?;
        work.stages.analyse += work.probe.other(work.probe.driver(), Stage::Analyse, started, Kind::More);
    }
    Ok(facts)
}

/// What is added up while the picture is read once.
struct Gathered {
    /// For the model.
    reduced: Option<Reduction>,
    /// Of supplied depth.
    histogram: Option<SuppliedHistogram>,
    /// Sum and number of valid disparities in the top and the bottom quarter.
    ends: [(f64, u64); 2],
    /// For fields.
    proxy: Option<Mutex<ProxySums>>,
    kept: Vec<Strip>,
}

/// The picture on its way to the model's size.
struct Reduction {
    geometry: ReducePlan,
    sums: Mutex<Reducer>,
}

impl Gathered {
    fn new(work: &Work, plan: &Plan, info: &PictureInfo) -> Result<Self> {
        let estimated = matches!(plan.depth, Some(DepthPlan::Estimated { .. }));
        let supplied = matches!(plan.depth, Some(DepthPlan::Supplied { .. }));
        Ok(Self {
            reduced: if estimated { Some(Reduction::new(info, &work.engine.depth()?.model)?) } else { None },
            histogram: supplied.then(|| SuppliedHistogram::new(SuppliedKind::Depth)),
            ends: Default::default(),
            proxy: plan.needs_proxy().then(|| Mutex::new(ProxySums::new(info.extent))),
            kept: Vec::new(),
        })
    }

    /// Reads what is needed of every strip, once: the next one while this one is looked at.
    fn read(&mut self, work: &mut Work, plan: &Plan, source: &mut dyn Source) -> Result<()> {
        let (engine, probe) = (work.engine, work.probe.clone());
        let extent = source.info().extent;
        let wants = Wants { samples: self.reduced.is_some() || self.proxy.is_some(), depth: self.histogram.is_some() };
        let keep = wants.samples && plan.keep_decoded;
        let ahead = plan.strip_rows < extent.height;
        let mut feed = Feed {
            source: &mut *source,
            layout: plan.input.0,
            regions: plan.strips(extent),
            kept: Vec::new().into_iter(),
            wants,
            engine,
            track: if ahead { probe.reader() } else { probe.driver() },
            seconds: 0.0,
        };
        let read = |buffer| feed.next(buffer, &probe);
        flow::each((&probe, Stage::Analyse), ahead, read, |mut input: Input| {
            engine.cancel.check()?;
            let started = Instant::now();
            if wants.depth {
                self.take_depth(&input, extent.height);
            }
            if wants.samples {
                self.look(work, plan, &input.strip);
            }
            let bytes = if wants.samples { input.strip.byte_len() } else { 0 };
            work.stages.analyse += probe.busy(probe.driver(), Stage::Analyse, started, input.region, bytes);
            if keep {
                let blank = Strip::new(Region { rows: 0, ..input.region }, plan.input.0);
                self.kept.push(std::mem::replace(&mut input.strip, blank));
            }
            Ok(Some(input))
        })?;
        work.stages.read += feed.seconds;
        if self.kept.is_empty() { source.rewind() } else { Ok(()) }
    }

    /// Adds the supplied depth of a strip up.
    fn take_depth(&mut self, input: &Input, height: u32) {
        if let Some(histogram) = &mut self.histogram {
            histogram.add(&input.depth);
        }
        add_ends(&mut self.ends, &input.depth, input.region, height);
        if let Some(proxy) = &mut self.proxy {
            proxy.get_mut().unwrap_or_else(PoisonError::into_inner).take_depth(input.region, &input.depth);
        }
    }

    /// Adds the pixels of a strip up. Integer sums commute, so the order in which rows arrive does not matter.
    fn look(&self, work: &Work, plan: &Plan, strip: &Strip) {
        let (pool, isa) = (&work.engine.pool, work.engine.isa);
        if let Some(reduction) = &self.reduced {
            let program = guide_program(plan.input.0, &plan.input.1);
            let geometry = &reduction.geometry;
            let take = |cells: &CellSums| reduction.sums.lock().unwrap_or_else(PoisonError::into_inner).add(cells);
            let add = |tile: &mut TileSums, chunk: &Chunk| {
                let [r, g, b] = &chunk.rgb;
                let planes = [r, g, b, &chunk.guide].map(|plane| &plane[..chunk.len]);
                tile.add(geometry, isa, (chunk.x, chunk.y), planes, take);
            };
            cpu::visit_tiles(pool, &program, strip, isa, TileSums::default, add, |tile| tile.finish(geometry, take));
        }
        if let Some(proxy) = &self.proxy {
            let program = linear_program(plan.input.0, &plan.input.1);
            let cells = proxy.lock().unwrap_or_else(PoisonError::into_inner).cells();
            let take = |cells: &CellRow| proxy.lock().unwrap_or_else(PoisonError::into_inner).merge(cells);
            let add = |tile: &mut ProxyTile, chunk: &Chunk| tile.add(cells, isa, chunk, take);
            cpu::visit_tiles(pool, &program, strip, isa, ProxyTile::default, add, |tile| tile.finish(cells, take));
        }
    }
}

impl Reduction {
    fn new(info: &PictureInfo, model: &ModelEntry) -> Result<Self> {
        let (width, height) = orient::turned((info.extent.width, info.extent.height), info.orientation);
        let size = orient::turned(model.input_size(Extent { width, height }), info.orientation);
        let geometry = ReducePlan::new(info.extent, size)?;
        Ok(Self { geometry, sums: Mutex::new(Reducer::new(info.extent, size)?) })
    }
}

/// Adds the disparities of a strip to those of the top and the bottom quarter of the picture.
fn add_ends(ends: &mut [(f64, u64); 2], depth: &[f32], region: Region, height: u32) {
    let quarter = (height / 4).max(1);
    for (y, row) in (region.y..).zip(depth.chunks_exact(region.width.max(1) as usize)) {
        for (end, inside) in ends.iter_mut().zip([y < quarter, y >= height - quarter]) {
            let valid = row.iter().filter_map(|z| SuppliedKind::Depth.disparity(*z)).filter(|_| inside);
            let (sum, count) = valid.fold((0.0, 0), |(sum, n), d| (sum + f64::from(d), n + 1));
            *end = (end.0 + sum, end.1 + count);
        }
    }
}

fn supplied_depth(
    work: &mut Work,
    histogram: &SuppliedHistogram,
    ends: [(f64, u64); 2],
    orientation: u16,
    channel: &str,
) -> DepthFacts {
    let (valid, invalid) = histogram.totals();
    if valid == 0 {
        work.warnings.push(format!("depth channel {channel:?} holds no valid distance: everything counts as farthest"));
    } else if invalid > valid {
        work.warnings
            .push(format!("depth channel {channel:?}: {invalid} of {} values are no distance", valid + invalid));
    }
    let norm = histogram.norm();
    let [top, bottom] = ends.map(|(sum, count)| {
        (sum / count.max(1) as f64 * f64::from(norm.scale) + f64::from(norm.offset)).clamp(0.0, 1.0)
    });
    if valid > 0 && norm.scale == 0.0 {
        work.warnings.push(format!("depth channel {channel:?} is flat: what depends on distance does little"));
    } else if orientation == 1 {
        work.warnings.extend(remarks::upside_down(top, bottom));
    }
    DepthFacts::Supplied(supplied::Constants { scale: norm.scale, offset: norm.offset })
}

/// Brings the means of a picture to the encoding that the model wants, held inside 0..1.
fn encode_for_model(work: &Work, program: &Program, reduced: &mut Reduced) -> Result<()> {
    let region = Region { width: reduced.width, y: 0, rows: reduced.height };
    let (mut means, mut encoded) = (Strip::new(region, program.input), Strip::new(region, program.output));
    let plane = region.pixels();
    for (i, pixel) in means.words_mut().chunks_exact_mut(3).enumerate() {
        for (channel, word) in pixel.iter_mut().enumerate() {
            *word = reduced.rgb.get(channel * plane + i).map_or(0, |v| v.to_bits());
        }
    }
    Cpu::new(work.engine.pool.clone(), work.engine.isa).run(program, &means, None, &mut encoded)?;
    for (i, pixel) in encoded.words().chunks_exact(3).enumerate() {
        for (channel, word) in pixel.iter().enumerate() {
            if let Some(to) = reduced.rgb.get_mut(channel * plane + i) {
                *to = f32::from_bits(*word).clamp(0.0, 1.0);
            }
        }
    }
    Ok(())
}

/// Runs the model on the upright picture and fits the join to the stored one.
fn estimate(
    probe: &Probe,
    model: &Arc<ModelEntry>,
    stage: &DepthStage,
    reduced: &Reduced,
    info: &PictureInfo,
) -> Result<(Join, String, Vec<String>)> {
    let started = Instant::now();
    let turned = orient::upright_picture(reduced, info.orientation);
    let upright = (turned.width, turned.height);
    let request = DepthRequest { model: model.clone(), input: model.tensor(&turned), size: upright };
    probe.other(probe.driver(), Stage::Analyse, started, Kind::More);
    let answer = infer(probe, stage, request)?;
    let started = Instant::now();
    let map = join::resample(&answer.values, (answer.width, answer.height), upright);
    let (disparity, _) = join::normalize(&orient::stored(&map, upright, info.orientation));
    let remarks = remarks::of_depth(&join::normalize(&map).0, upright.0 as usize);
    let table = join::fit(&disparity, reduced, &model.join);
    let constants = table.constants(0, (info.extent.width, info.extent.height));
    probe.other(probe.driver(), Stage::Analyse, started, Kind::More);
    let described = format!("model {}, {}", model.id, answer.engine);
    Ok((Join { constants, words: table.words().to_vec() }, described, remarks))
}

/// Asks the model. Its work is busy time of its own thread; what the driver waits beyond that, behind other pictures and for the model
/// to be loaded, is waiting.
fn infer(probe: &Probe, stage: &DepthStage, request: DepthRequest) -> Result<LowResDisparity> {
    let (started, bytes) = (Instant::now(), std::mem::size_of_val(request.input.as_slice()) as u64);
    let answer = stage.estimate(request)?;
    let ran = Duration::from_secs_f64(answer.seconds);
    let span = Span { stage: Stage::Infer, track: Track::Model, started: answer.started, took: ran, bytes };
    probe.span(Kind::Busy, span);
    let took = answer.started.saturating_duration_since(started);
    probe.span(Kind::Waiting, Span { track: probe.driver(), started, took, bytes: 0, ..span });
    Ok(answer)
}
