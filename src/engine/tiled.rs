//! Depth with detail: the model sees the whole picture and then tiles of it, as many at once as keep its workers busy, and the answers become one map,
//! added in the order of the tiles.

use std::collections::VecDeque;
use std::time::Instant;

use super::analyse::Found;
use super::drive::Work;
use super::estimated::{self, Asked, Joiner, Origin, ask};
use super::profile::{Kind, Stage};
use crate::depth::gate::Scores;
use crate::depth::reduce::Reduced;
use crate::depth::registry::ModelEntry;
use crate::depth::tiles::{Blend, Tiling};
use crate::depth::{join, orient};
use crate::error::Result;
use crate::ops::disparity::RowEvaluator;
use crate::picture::{Extent, PictureInfo};
use crate::recipe::Detail;

/// The size (width, height) at which a model sees all of a picture, as the picture is stored.
fn whole(info: &PictureInfo, model: &ModelEntry) -> (u32, u32) {
    let (width, height) = orient::turned((info.extent.width, info.extent.height), info.orientation);
    orient::turned(model.content_size(Extent { width, height }), info.orientation)
}

/// The tiling of a picture; `None` where the model sees all there is at once, or is to.
pub fn tiling(info: &PictureInfo, model: &ModelEntry, detail: Detail) -> Option<Tiling> {
    let tile = whole(info, model);
    (detail == Detail::Tiled).then(|| Tiling::new(tile, (info.extent.width, info.extent.height)))?
}

/// The size (width, height) that a picture is reduced to while it is read.
pub fn size(info: &PictureInfo, model: &ModelEntry, detail: Detail) -> (u32, u32) {
    tiling(info, model, detail).map_or_else(|| whole(info, model), |tiling| tiling.size())
}

/// Asks the model about the whole and about every tile of the working size, and fits the join to what comes of it.
pub(super) fn estimate(
    work: &Work,
    tiling: &Tiling,
    working: Reduced,
    info: &PictureInfo,
    joiner: Joiner,
) -> Result<(Found, Origin)> {
    let (probe, model) = (&work.probe, &work.engine.depth()?.model);
    let reduced = tiling.whole(&working);
    let (answer, upright) = ask(work, &reduced, info.orientation)?;
    let started = Instant::now();
    let (whole, norm) = estimated::normalize(work, &answer.stored)?;
    let mut blend = Blend::new(*tiling, &whole, &joined(&whole, &reduced, &working, &model.join));
    probe.other(probe.driver(), Stage::Analyse, started, Kind::More);
    let (places, ahead) = (tiling.places(), work.engine.depth()?.stage.workers().ahead());
    let (mut next, mut asked) = (places.iter(), VecDeque::new());
    loop {
        for &place in next.by_ref().take(ahead - asked.len().min(ahead)) {
            work.engine.cancel.check()?;
            let tile = orient::upright_picture(&tiling.cut(&working, place), info.orientation);
            asked.push_back((place, Asked::about(work, &tile, info.orientation)?));
        }
        let Some((place, tile)) = asked.pop_front() else { break };
        work.engine.cancel.check()?;
        let tile = tile.answer(work)?;
        let started = Instant::now();
        blend.add(place, &tile.stored);
        probe.other(probe.driver(), Stage::Analyse, started, Kind::More);
    }
    let started = Instant::now();
    let used = blend.used();
    let map = blend.finish();
    let seam = seam(&map, &working, info.orientation);
    let mut found = answer.found(work, norm, joiner.fit(&map, working, &model.join), &upright)?;
    found.scores.seam = seam;
    probe.other(probe.driver(), Stage::Analyse, started, Kind::More);
    let words = format!("model {}, {}, {used} of {} tiles", model.id, answer.engine, places.len());
    Ok((found, Origin { words, cached: answer.cached }))
}

/// The seam of the map that was put together; the other scores are those of the whole.
fn seam(map: &[f32], working: &Reduced, orientation: u16) -> Option<f32> {
    let upright = orient::upright(map, (working.width, working.height), orientation);
    Scores::of(&upright, &orient::upright_picture(working, orientation)).seam
}

/// The map of the whole, joined to the working size by the guide there: what stands where no tile is used.
fn joined(whole: &[f32], reduced: &Reduced, working: &Reduced, settings: &join::JoinSettings) -> Vec<f32> {
    let table = join::fit(whole, reduced, settings);
    let constants = table.constants(0, (working.width, working.height));
    let mut map = vec![0f32; working.guide.len()];
    let width = (working.width as usize).max(1);
    let mut rows = RowEvaluator::default();
    for (y, (out, guide)) in map.chunks_exact_mut(width).zip(working.guide.chunks_exact(width)).enumerate() {
        rows.prepare(&constants, table.words(), y as u32, 0, width);
        rows.evaluate(&constants, guide, 0, out);
    }
    map
}
