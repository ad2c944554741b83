//! Depth from a model: the reduced picture is encoded as the model wants it, stood up and asked about; the answer is joined to the picture.

use std::time::{Duration, Instant};

use super::analyse::Found;
use super::depth_cache::StoredMap;
use super::drive::Work;
use super::exports::{KnownUnit, MapFacts};
use super::identity::Digest;
use super::profile::{Kind, Span, Stage, Track};
use super::supplied_depth::BEYOND;
use super::tiled;
use crate::depth::gate::Scores;
use crate::depth::join::{JoinSettings, Normalization};
use crate::depth::reduce::Reduced;
use crate::depth::worker::{DepthRequest, LowResDisparity, Pending};
use crate::depth::{join, orient};
use crate::error::{Error, Result};
use crate::exec::Executor;
use crate::exec::cpu::Cpu;
use crate::ops::disparity::{Join, color};
use crate::picture::{PictureInfo, Referred, Region, Strip};
use crate::plan::{DepthFacts, MetricScale, Plan, Program, model_program};
use crate::recipe::Guide;

/// Where estimated depth came from.
pub struct Origin {
    /// Model and engine, in words. The same whether the depth cache knew the answer or not: files hold it.
    pub words: String,
    /// The depth cache knew the answer.
    pub cached: bool,
}

/// Depth of a picture and where it came from.
pub fn depth(work: &mut Work, plan: &Plan, mut reduced: Reduced, info: &PictureInfo) -> Result<(Found, Origin)> {
    let mut joiner = Joiner::new(work, plan, info);
    if let Some(program) = model_program(&plan.input.1) {
        joiner.keep_codes(&reduced);
        encode_for_model(work, &program, &mut reduced)?;
    }
    let started = Instant::now();
    let tiling = tiled::tiling(info, &work.engine.depth()?.model, work.engine.recipe.depth.detail);
    let (found, origin) = match tiling {
        Some(tiling) => tiled::estimate(work, &tiling, reduced, info, joiner)?,
        None => estimate(work, reduced, info, joiner)?,
    };
    work.warnings.extend(found.scores.remarks());
    work.stages.depth += started.elapsed().as_secs_f64();
    Ok((found, origin))
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
fn estimate(work: &Work, reduced: Reduced, info: &PictureInfo, joiner: Joiner) -> Result<(Found, Origin)> {
    let (answer, upright) = ask(work, &reduced, info.orientation)?;
    let started = Instant::now();
    let (disparity, norm) = normalize(work, &answer.stored)?;
    let model = &work.engine.depth()?.model;
    let found = answer.found(work, norm, joiner.fit(&disparity, reduced, &model.join), &upright)?;
    work.probe.other(work.probe.driver(), Stage::Analyse, started, Kind::More);
    Ok((found, Origin { words: format!("model {}, {}", model.id, answer.engine), cached: answer.cached }))
}

/// The recipe's `near_m` and `far_m`.
fn anchors(work: &Work) -> Option<MetricScale> {
    let (near, far) = work.engine.recipe.depth.supplied.anchors()?;
    MetricScale::anchored(near, far)
}

/// Normalizes a map of the model: between the anchors of the recipe where its numbers are meters, else by its percentiles. Values beyond stay
/// outside 0..1, as far as [`join::normalize`] leaves them there.
pub(super) fn normalize(work: &Work, map: &[f32]) -> Result<(Vec<f32>, Normalization)> {
    let is_metric = work.engine.depth()?.model.output.is_metric();
    let scale = anchors(work).filter(|_| is_metric);
    Ok(scale.map_or_else(|| join::normalize(map), |scale| between(map, scale)))
}

/// Normalizes disparities in 1/m; NaN is farthest.
fn between(map: &[f32], MetricScale { scale, offset }: MetricScale) -> (Vec<f32>, Normalization) {
    let of = |v: &f32| if v.is_finite() { (v * scale + offset).clamp(-BEYOND, BEYOND) } else { 0.0 };
    (map.iter().map(of).collect(), Normalization { scale, offset })
}

/// Joins a map to the picture by the guide of the recipe.
pub(super) struct Joiner {
    guide: Guide,
    /// What a color guide is made of.
    color: u32,
    picture: (u32, u32),
    /// Means of the picture's own code values, where the model is fed others.
    codes: Option<Vec<f32>>,
}

impl Joiner {
    fn new(work: &Work, plan: &Plan, info: &PictureInfo) -> Self {
        let color = if plan.input.1.referred == Referred::Scene { color::LIGHT } else { color::CODES };
        let picture = (info.extent.width, info.extent.height);
        Self { guide: work.engine.recipe.depth.guide, color, picture, codes: None }
    }

    /// Remembers code values that are about to be encoded for the model.
    fn keep_codes(&mut self, reduced: &Reduced) {
        self.codes = (self.guide == Guide::Rgb).then(|| reduced.rgb.clone());
    }

    /// Fits the join of a normalized map.
    pub fn fit(self, disparity: &[f32], mut reduced: Reduced, settings: &JoinSettings) -> Join {
        if let Some(codes) = self.codes {
            reduced.rgb = codes;
        }
        let (table, constants) = match self.guide {
            Guide::Luma => {
                let table = join::fit(disparity, &reduced, settings);
                let constants = table.constants(0, self.picture);
                (table, constants)
            }
            Guide::Rgb => {
                let table = join::fit_color(disparity, &reduced, settings);
                let constants = table.constants(0, self.picture).with_color(self.color);
                (table, constants)
            }
        };
        Join { constants, words: table.into_words() }
    }
}

/// What the model says about a reduced picture, in its own scale.
pub(super) struct Answer {
    /// Disparity at the size of the reduced picture, as the picture is stored.
    pub stored: Vec<f32>,
    /// The same, upright.
    upright: Vec<f32>,
    /// What ran, in words.
    pub engine: String,
    /// It did not: the depth cache knew the answer.
    pub cached: bool,
}

impl Answer {
    /// What is known of the depth of a picture that this is the map of, normalized by `norm` and joined. `picture` is what was asked about, upright.
    pub fn found(&self, work: &Work, norm: Normalization, join: Join, picture: &Reduced) -> Result<Found> {
        Ok(Found {
            depth: DepthFacts::Joined(join),
            map: MapFacts::of(&self.stored, norm, KnownUnit::Relative)
                .by(&work.engine.depth()?.model)
                .tied(anchors(work)),
            scores: Scores::of(&join::normalize(&self.upright).0, picture),
        })
    }
}

/// Asks the model about a reduced picture and waits for the answer. Returns also what it was asked about, upright.
pub(super) fn ask(work: &Work, reduced: &Reduced, orientation: u16) -> Result<(Answer, Reduced)> {
    let upright = orient::upright_picture(reduced, orientation);
    Ok((Asked::about(work, &upright, orientation)?.answer(work)?, upright))
}

/// A question about a reduced picture, on its way to the model.
pub(super) struct Asked {
    /// Of the upright picture.
    size: (u32, u32),
    orientation: u16,
    reply: Reply,
}

/// Where the map of a question comes from.
enum Reply {
    Cached(StoredMap),
    /// From the model; with the key in the depth cache, if there is one, and the bytes of the question.
    Pending {
        map: Pending,
        key: Option<Digest>,
        bytes: u64,
    },
}

impl Asked {
    /// Asks about a reduced picture that stands upright, and is stored in `orientation`: the depth cache, and the model where that does not know.
    pub fn about(work: &Work, upright: &Reduced, orientation: u16) -> Result<Self> {
        let (depth, probe) = (work.engine.depth()?, &work.probe);
        let started = Instant::now();
        let (model, size) = (&depth.model, (upright.width, upright.height));
        let (input, size_fed) = (model.tensor(upright), model.frame(size));
        let request = DepthRequest { model: model.clone(), input, size: size_fed, tries_out: false };
        let key = depth.cache.as_ref().map(|cache| cache.family().key(&request));
        let known = depth.cache.as_ref().zip(key.as_ref()).and_then(|(cache, key)| cache.find(key));
        probe.other(probe.driver(), Stage::Analyse, started, Kind::More);
        let reply = match known {
            Some(map) => Reply::Cached(map),
            None => {
                let (since, bytes) = (Instant::now(), std::mem::size_of_val(request.input.as_slice()) as u64);
                work.engine.warm_up()?;
                let map = depth.stage.submit(request)?;
                waited(work, since, since.elapsed());
                Reply::Pending { map, key, bytes }
            }
        };
        Ok(Self { size, orientation, reply })
    }

    /// Waits for the answer and lays it down as the picture is stored.
    pub fn answer(self, work: &Work) -> Result<Answer> {
        let (depth, probe, size) = (work.engine.depth()?, &work.probe, self.size);
        let cached = matches!(self.reply, Reply::Cached(_));
        let (values, answered) = match self.reply {
            Reply::Cached(StoredMap { width, height, values }) => (values, (width, height)),
            Reply::Pending { map, key, bytes } => {
                let answer = wait(work, map, bytes)?;
                let started = Instant::now();
                if let (Some(cache), Some(key)) = (&depth.cache, key) {
                    cache.store(&key, &answer);
                }
                probe.other(probe.driver(), Stage::Analyse, started, Kind::More);
                (answer.values, (answer.width, answer.height))
            }
        };
        let started = Instant::now();
        let upright = depth.model.map(&values, answered, size);
        let stored = orient::stored(&upright, size, self.orientation);
        probe.other(probe.driver(), Stage::Analyse, started, Kind::More);
        Ok(Answer { stored, upright, engine: depth.stage.engine().to_string(), cached })
    }
}

/// The model's answer. Its work is busy time of its own thread; what the driver waits before that, behind other pictures and for the model to be
/// loaded, is waiting.
fn wait(work: &Work, map: Pending, bytes: u64) -> Result<LowResDisparity> {
    let since = Instant::now();
    let answer = map.wait().map_err(|error| of_picture(work, error))?;
    let (took, track) = (Duration::from_secs_f64(answer.seconds), Track::Model(answer.worker));
    work.probe.span(Kind::Busy, Span { stage: Stage::Infer, track, started: answer.started, took, bytes });
    waited(work, since, answer.started.saturating_duration_since(since));
    Ok(answer)
}

fn waited(work: &Work, started: Instant, took: Duration) {
    let span = Span { stage: Stage::Infer, track: work.probe.driver(), started, took, bytes: 0 };
    work.probe.span(Kind::Waiting, span);
}

/// The model was found fit before, so what it cannot do now is a matter of this picture.
fn of_picture(work: &Work, error: Error) -> Error {
    match error {
        Error::Input { .. } => Error::input(&work.job.input, format!("its depth cannot be estimated: {error}")),
        error => error,
    }
}
