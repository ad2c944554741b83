//! Depth from a model: the reduced picture is encoded as the model wants it, stood up and asked about; the answer is joined to the picture.

use std::time::{Duration, Instant};

use super::analyse::Found;
use super::depth_cache::StoredMap;
use super::drive::Work;
use super::exports::{KnownUnit, MapFacts};
use super::profile::{Kind, Span, Stage, Track};
use crate::depth::gate::Scores;
use crate::depth::reduce::Reduced;
use crate::depth::worker::{DepthRequest, LowResDisparity};
use crate::depth::{join, orient};
use crate::error::{Error, Result};
use crate::exec::Executor;
use crate::exec::cpu::Cpu;
use crate::ops::disparity::Join;
use crate::picture::{PictureInfo, Region, Strip};
use crate::plan::{DepthFacts, Plan, Program, model_program};

/// Depth of a picture and where it came from, in words.
pub fn depth(work: &mut Work, plan: &Plan, mut reduced: Reduced, info: &PictureInfo) -> Result<(Found, String)> {
    if let Some(program) = model_program(&plan.input.1) {
        encode_for_model(work, &program, &mut reduced)?;
    }
    let started = Instant::now();
    let (found, described) = estimate(work, &reduced, info)?;
    work.warnings.extend(found.scores.remarks());
    work.stages.depth += started.elapsed().as_secs_f64();
    Ok((found, described))
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
fn estimate(work: &Work, reduced: &Reduced, info: &PictureInfo) -> Result<(Found, String)> {
    let (probe, model) = (&work.probe, &work.engine.depth()?.model);
    let started = Instant::now();
    let turned = orient::upright_picture(reduced, info.orientation);
    let upright = (turned.width, turned.height);
    let request = DepthRequest { model: model.clone(), input: model.tensor(&turned), size: model.frame(upright) };
    probe.other(probe.driver(), Stage::Analyse, started, Kind::More);
    let (answer, origin) = answer(work, request)?;
    let started = Instant::now();
    let map = model.map(&answer.values, (answer.width, answer.height), upright);
    let (disparity, norm) = join::normalize(&orient::stored(&map, upright, info.orientation));
    let scores = Scores::of(&join::normalize(&map).0, &turned);
    let table = join::fit(&disparity, reduced, &model.join);
    let constants = table.constants(0, (info.extent.width, info.extent.height));
    probe.other(probe.driver(), Stage::Analyse, started, Kind::More);
    let described = format!("model {}, {}{origin}", model.id, answer.engine);
    let found = Found {
        depth: DepthFacts::Joined(Join { constants, words: table.words().to_vec() }),
        map: MapFacts::of(&map, norm, KnownUnit::Relative).by(model),
        scores,
    };
    Ok((found, described))
}

/// The map of a request, from the depth cache or from the model, and what reports add about where it came from: nothing, or `, cached`.
fn answer(work: &Work, request: DepthRequest) -> Result<(LowResDisparity, &'static str)> {
    let depth = work.engine.depth()?;
    let Some(cache) = &depth.cache else { return Ok((infer(work, request)?, "")) };
    let (probe, started) = (&work.probe, Instant::now());
    let key = cache.family().key(&request);
    let found = cache.find(&key);
    probe.other(probe.driver(), Stage::Analyse, started, Kind::More);
    if let Some(map) = found {
        let engine = depth.stage.engine().clone();
        let StoredMap { width, height, values } = map;
        return Ok((LowResDisparity { width, height, values, engine, worker: 0, started, seconds: 0.0 }, ", cached"));
    }
    let answer = infer(work, request)?;
    let started = Instant::now();
    cache.store(&key, &answer);
    probe.other(probe.driver(), Stage::Analyse, started, Kind::More);
    Ok((answer, ""))
}

/// Asks the model. Its work is busy time of its own thread; what the driver waits beyond that, behind other pictures and for the model
/// to be loaded, is waiting.
fn infer(work: &Work, request: DepthRequest) -> Result<LowResDisparity> {
    let probe = &work.probe;
    let (started, bytes) = (Instant::now(), std::mem::size_of_val(request.input.as_slice()) as u64);
    work.engine.warm_up()?;
    let answer = work.engine.depth()?.stage.estimate(request).map_err(|error| of_picture(work, error))?;
    let ran = Duration::from_secs_f64(answer.seconds);
    let span =
        Span { stage: Stage::Infer, track: Track::Model(answer.worker), started: answer.started, took: ran, bytes };
    probe.span(Kind::Busy, span);
    let took = answer.started.saturating_duration_since(started);
    probe.span(Kind::Waiting, Span { track: probe.driver(), started, took, bytes: 0, ..span });
    Ok(answer)
}

/// The model was found fit before, so what it cannot do now is a matter of this picture.
fn of_picture(work: &Work, error: Error) -> Error {
    match error {
        Error::Input { .. } => Error::input(&work.job.input, format!("its depth cannot be estimated: {error}")),
        error => error,
    }
}
