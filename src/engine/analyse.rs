//! The analyse phase: reads the picture once and gathers the only knowledge of the whole that render may use.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::drive::Work;
use super::exports::MapFacts;
use super::flow;
use super::input::{Feed, Input, Wants};
use super::profile::{Kind, Stage};
use super::proxy::{self, CellRow, ProxySums, ProxyTile};
use super::supplied_depth::{Beside, Finish};
use super::{estimated, supplied_depth, tiled};
use crate::codec::Source;
use crate::depth::gate::Scores;
use crate::depth::reduce::{CellSums, ReducePlan, Reducer, TileSums};
use crate::depth::registry::ModelEntry;
use crate::error::Result;
use crate::exec::cpu;
use crate::ops::Chunk;
use crate::ops::quantiles::Quantiles;
use crate::picture::{Extent, PictureInfo, Region, Strip};
use crate::plan::{
    DepthFacts, DepthPlan, MapOrigin, MapSize, Plan, RenderFacts, SuppliedPlan, guide_program, linear_program,
};
use crate::recipe::Detail;

/// What the analyse phase leaves behind.
#[derive(Default)]
pub struct Facts {
    /// What programs are made of.
    pub render: RenderFacts,
    /// Where depth came from, in words.
    pub depth_source: Option<String>,
    /// The depth cache knew it.
    pub cached: bool,
    /// What the numbers of a depth map mean.
    pub map: Option<MapFacts>,
    /// What looks wrong about it.
    pub scores: Option<Scores>,
    /// How values of a map of the picture's own size become what programs take.
    pub finish: Option<Finish>,
    /// The decoded picture, when the plan keeps it.
    pub kept: Vec<Strip>,
}

/// What is known of the depth of a picture.
pub struct Found {
    /// What programs are made of.
    pub depth: DepthFacts,
    /// What its numbers mean.
    pub map: MapFacts,
    /// What looks wrong about it.
    pub scores: Scores,
}

impl Facts {
    fn take(&mut self, found: Found) {
        self.render.depth = Some(found.depth);
        (self.map, self.scores) = (Some(found.map), Some(found.scores));
    }

    /// How depth is spread, where an operation asks: depth that is joined says it itself.
    fn spread(&mut self) {
        if let (Some(DepthFacts::Joined(join)), None) = (&self.render.depth, &self.render.quantiles) {
            let spread = Quantiles::of(join.disparities().map(|disparity| (disparity, 1)));
            self.render.quantiles = Some(Arc::new(spread));
        }
    }
}

/// Runs the phase; does nothing for a plan that needs no facts.
pub fn analyse(work: &mut Work, plan: &Plan, source: &mut dyn Source) -> Result<Facts> {
    if !plan.needs_analysis() {
        return Ok(Facts::default());
    }
    if let Some(DepthPlan::Supplied(SuppliedPlan { origin: MapOrigin::Channel(channel), .. })) = &plan.depth {
        source.select_depth(channel)?;
    }
    let info = source.info().clone();
    let low = match &plan.depth {
        Some(DepthPlan::Supplied(supplied)) => supplied_depth::low_disparity(work, supplied, &info)?,
        _ => None,
    };
    let mut gathered = Gathered::new(work, plan, &info, low.as_ref().map(|low| low.cells))?;
    gathered.read(work, plan, source)?;
    let mut facts = Facts { kept: std::mem::take(&mut gathered.kept), ..Facts::default() };
    match (&plan.depth, gathered.supplied, gathered.reduced) {
        (Some(DepthPlan::Supplied(supplied)), Some((beside, values)), _) => {
            beside.check()?;
            let found = values.beside(work, supplied, info.orientation)?;
            facts.take(found.found);
            facts.render.quantiles = Some(Arc::new(found.quantiles));
            facts.finish = Some(found.finish);
            facts.depth_source = Some(supplied_depth::described(supplied));
        }
        (Some(DepthPlan::Supplied(supplied)), _, Some(reduced)) => {
            let reduced = reduced.sums.into_inner().unwrap_or_else(PoisonError::into_inner).finish()?;
            if let Some(low) = low {
                facts.take(low.join(work, &reduced, info.extent));
            }
            facts.depth_source = Some(supplied_depth::described(supplied));
        }
        (Some(DepthPlan::Estimated { .. }), _, Some(reduced)) => {
            let reduced = reduced.sums.into_inner().unwrap_or_else(PoisonError::into_inner).finish()?;
            let (found, origin) = estimated::depth(work, plan, reduced, &info)?;
            facts.take(found);
            (facts.depth_source, facts.cached) = (Some(origin.words), origin.cached);
        }
        _ => {}
    }
    if plan.needs_quantiles() {
        facts.spread();
    }
    if let Some(sums) = gathered.proxy {
        let started = Instant::now();
        let sums = sums.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut picture = sums.finish();
        if let Some(finish) = &facts.finish {
            let (strip, depth) = &mut picture;
            finish.apply(depth, strip.region, Extent { width: strip.region.width, height: strip.region.rows });
        }
        proxy::fields(work, plan, &picture, &mut facts.render)?;
        work.stages.analyse += work.probe.other(work.probe.driver(), Stage::Analyse, started, Kind::More);
    }
    Ok(facts)
}

/// What is added up while the picture is read once.
struct Gathered {
    /// For the model.
    reduced: Option<Reduction>,
    /// Supplied depth of the picture's own size: how it is read, and what is added up of it.
    supplied: Option<(Beside, supplied_depth::Gathered)>,
    /// For fields.
    proxy: Option<Mutex<ProxySums>>,
    kept: Vec<Strip>,
}

/// The picture on its way to the model's size, or to the working size of tiles.
struct Reduction {
    geometry: ReducePlan,
    sums: Mutex<Reducer>,
}

impl Gathered {
    /// `cells` are those of the join of a supplied map.
    fn new(work: &Work, plan: &Plan, info: &PictureInfo, cells: Option<(u32, u32)>) -> Result<Self> {
        let reduced = match (&plan.depth, cells) {
            (Some(DepthPlan::Estimated { detail, .. }), _) => {
                Some(Reduction::new(info, &work.engine.depth()?.model, *detail)?)
            }
            (_, Some(cells)) => Some(Reduction::to(info, cells)?),
            _ => None,
        };
        let supplied = match &plan.depth {
            Some(DepthPlan::Supplied(supplied)) if supplied.size == MapSize::Own => {
                let limits = &work.engine.options.limits;
                let beside = Beside::open(supplied, &work.job.input, info.extent, None, limits)?;
                Some((beside, supplied_depth::Gathered::own(&supplied.meaning, info.extent)))
            }
            _ => None,
        };
        Ok(Self {
            reduced,
            supplied,
            proxy: plan.needs_proxy().then(|| Mutex::new(ProxySums::new(info.extent))),
            kept: Vec::new(),
        })
    }

    /// Reads what is needed of every strip, once: the next one while this one is looked at.
    fn read(&mut self, work: &mut Work, plan: &Plan, source: &mut dyn Source) -> Result<()> {
        let (engine, probe) = (work.engine, work.probe.clone());
        let extent = source.info().extent;
        let wants = Wants { samples: self.reduced.is_some() || self.proxy.is_some(), depth: self.supplied.is_some() };
        let keep = wants.samples && plan.keep_decoded;
        let ahead = plan.strip_rows < extent.height;
        let (mut beside, mut values) = self.supplied.take().unzip();
        let mut feed = Feed {
            source: &mut *source,
            layout: plan.input.0,
            regions: plan.strips(extent),
            kept: Vec::new().into_iter(),
            wants,
            engine,
            beside: beside.as_mut(),
            track: if ahead { probe.reader() } else { probe.driver() },
            seconds: 0.0,
        };
        let read = |buffer| feed.next(buffer, &probe);
        flow::each((&probe, Stage::Analyse), ahead, read, |mut input: Input| {
            engine.cancel.check()?;
            let started = Instant::now();
            if let Some(values) = &mut values {
                values.add(input.region, &input.depth);
                if let Some(proxy) = &mut self.proxy {
                    let proxy = proxy.get_mut().unwrap_or_else(PoisonError::into_inner);
                    proxy.take_depth(input.region, &input.depth);
                }
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
        self.supplied = beside.zip(values);
        if self.kept.is_empty() { source.rewind() } else { Ok(()) }
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
    fn new(info: &PictureInfo, model: &ModelEntry, detail: Detail) -> Result<Self> {
        Self::to(info, tiled::size(info, model, detail))
    }

    /// To `size` = (width, height), as the picture is stored.
    fn to(info: &PictureInfo, size: (u32, u32)) -> Result<Self> {
        let geometry = ReducePlan::new(info.extent, size)?;
        Ok(Self { geometry, sums: Mutex::new(Reducer::new(info.extent, size)?) })
    }
}
