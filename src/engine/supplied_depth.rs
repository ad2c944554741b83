//! Depth that comes with the picture: found, read beside its strips or joined to its edges, and what its numbers say as a whole.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::analyse::Found;
use super::depth_map::DepthMap;
use super::drive::Work;
use super::exports::{KnownUnit, MapFacts};
use super::map_checks::{self, Behavior};
use super::map_windows;
use crate::codec::{Limits, Pool, Source};
use crate::depth::gate::Scores;
use crate::depth::join::Normalization;
use crate::depth::reduce::Reduced;
use crate::depth::supplied::low::{LowMap, LowSums};
use crate::depth::supplied::{SuppliedHistogram, SuppliedNorm};
use crate::depth::{join, orient};
use crate::error::{Error, Result};
use crate::ops::disparity::Join;
use crate::ops::quantiles::Quantiles;
use crate::ops::supplied;
use crate::picture::{Extent, PictureInfo, Region};
use crate::plan::supplied::SaidBy;
use crate::plan::{DepthFacts, MapOrigin, MapSize, Meaning, MetricScale, SuppliedKind, SuppliedPlan};
use crate::recipe::{DepthSource, Recipe};

/// Cells of the low map that a map of the picture's own size is looked at and filled from.
const LOW_CELLS: f64 = 65_536.0;
/// Bytes of map samples that are read at a time.
const READ_BYTES: u64 = 4 << 20;
/// Disparities beyond this many times the range are cut, as for estimated maps.
pub(super) const BEYOND: f32 = 4.0;

/// The map beside `picture` that the recipe names, whether it is there or not.
pub fn map_path(recipe: &Recipe, picture: &Path) -> Option<PathBuf> {
    match &recipe.depth.source {
        DepthSource::File(pattern) => Some(pattern.path_for(picture)),
        _ => None,
    }
}

/// Looks for the depth map that `recipe` wants for a picture: a file beside it, or what a phone put into it. `None` when the recipe takes depth
/// from elsewhere. Reads headers only. Under `auto` depth of a phone that is of no use is none, which `remarks` then says: programs that edit a
/// picture often keep the words of a map that they did not keep.
///
/// # Errors
/// `Input` or `Unsupported` with the picture's path: the map is not there, cannot be read, has another aspect, or unit and polarity contradict
/// each other.
pub fn find(
    recipe: &Recipe,
    picture: &Path,
    info: &PictureInfo,
    limits: &Limits,
    remarks: &mut Vec<String>,
) -> Result<Option<SuppliedPlan>> {
    let phone = || MapOrigin::Phone(info.depth_channel.clone().unwrap_or_default());
    let carries = info.format == "jpeg" && info.depth_channel.is_some();
    let origin = match &recipe.depth.source {
        DepthSource::File(pattern) => {
            MapOrigin::File { path: pattern.path_for(picture), channel: pattern.channel.clone() }
        }
        DepthSource::Phone if !carries => {
            let what = "depth is to come from a phone (depth.source = \"jpeg\"), the picture carries none: \
                        \"auto\" estimates where there is none";
            return Err(Error::unsupported(picture, what));
        }
        DepthSource::Phone => phone(),
        DepthSource::Auto if carries => phone(),
        DepthSource::Auto => {
            remarks.extend(map_windows::left_out(info));
            return Ok(None);
        }
        _ => return Ok(None),
    };
    let found = look_into(recipe, picture, info, origin, limits);
    match (found, &recipe.depth.source) {
        (Err(Error::Input { reason, .. } | Error::Unsupported { what: reason, .. }), DepthSource::Auto) => {
            remarks
                .push(format!("{reason}; depth is estimated instead (depth.source = \"jpeg\" fails such a picture)"));
            Ok(None)
        }
        (found, _) => found.map(Some),
    }
}

/// True when depth that the picture carries is used, so that no model decides about its bytes.
pub fn carries(recipe: &Recipe, picture: &Path, info: &PictureInfo, limits: &Limits) -> bool {
    let is_phone = info.format == "jpeg" && recipe.depth.source == DepthSource::Auto;
    let useless = || is_phone && matches!(find(recipe, picture, info, limits, &mut Vec::new()), Ok(None));
    info.depth_channel.is_some() && !useless()
}

/// The plan of the map at `origin`, by its header.
fn look_into(
    recipe: &Recipe,
    picture: &Path,
    info: &PictureInfo,
    origin: MapOrigin,
    limits: &Limits,
) -> Result<SuppliedPlan> {
    let map = DepthMap::open(picture, &origin, limits)?;
    let told = |reason: String| Error::unsupported(picture, format!("{}: {reason}", map.name()));
    let (says, lies) = map.says()?;
    let meaning = Meaning::new(&recipe.depth.supplied, says, map.samples()).map_err(told)?;
    let of_map = map.info();
    if of_map.format == "pnm" && meaning.metric {
        return Err(told(
            "a PNM file is read with its numbers scaled to 8 or 16 bits: save it as PNG or TIFF".to_owned(),
        ));
    }
    if let Some(reason) = map_windows::mismatch(of_map, info) {
        return Err(told(reason));
    }
    let size = MapSize::of(of_map.extent, info.extent, (lies, info.orientation)).ok_or_else(|| {
        let turned = if info.orientation > 1 { format!(" (orientation {})", info.orientation) } else { String::new() };
        told(format!(
            "it has {} pixels, the picture {}{turned}: their aspects differ by more than 1 %; give the map of this picture, cut as it is",
            of_map.extent, info.extent
        ))
    })?;
    let mut notes = Vec::new();
    if matches!(origin, MapOrigin::Phone(_)) {
        notes.extend(of_map.warnings.iter().map(|warning| format!("{}: {warning}", map.name())));
    }
    if size.is_as_stored() && info.orientation > 1 && lies != info.orientation {
        notes.push(format!(
            "{} is taken as lying as the picture is stored (orientation {})",
            map.name(),
            info.orientation
        ));
    }
    let bytes = map.bytes(rows_at_once(&map));
    let described = map.described();
    Ok(SuppliedPlan { origin, meaning, size, bytes, described, notes })
}

/// Rows of a map that are read at a time.
fn rows_at_once(map: &DepthMap) -> u32 {
    let info = map.info();
    let row = u64::from(info.extent.width) * info.layout.pixel_bytes() as u64;
    ((READ_BYTES / row.max(1)) as u32).clamp(1, 1024)
}

/// What was found out about a map of the picture's own size: how its numbers become what programs take.
#[derive(Clone)]
pub struct Finish {
    norm: SuppliedNorm,
    /// The map at low resolution.
    pub(super) low: Arc<LowMap>,
    /// Holes are filled from it.
    fills: bool,
}

impl Finish {
    /// The depth that the step `supplied` takes, for a value of the map at pixel (`x`, `y`) of a picture of this size.
    #[inline(always)]
    fn depth(&self, value: f32, at: (u32, u32), extent: Extent) -> f32 {
        let depth = self.norm.depth(value);
        if !self.fills || !depth.is_nan() {
            return depth;
        }
        let nearness = self.low.at(at, extent);
        match self.norm.kind {
            SuppliedKind::Depth => 1.0 / nearness.max(0.0),
            _ => 1.0 / self.norm.of_nearness(nearness).clamp(0.0, 1.0),
        }
    }

    /// The low map as normalized disparity.
    pub fn normalized(&self) -> Vec<f32> {
        normalized(&self.norm, &self.low.values)
    }

    /// Brings values that were taken from the map to what programs take, in place.
    pub fn apply(&self, values: &mut [f32], region: Region, extent: Extent) {
        for (y, row) in (region.y..).zip(values.chunks_exact_mut(region.width.max(1) as usize)) {
            for (x, value) in (0u32..).zip(row) {
                *value = self.depth(*value, (x, y), extent);
            }
        }
    }
}

/// Reads supplied depth of the picture's own size beside its strips.
pub struct Beside {
    /// The file; `None` for a channel of the picture.
    map: Option<DepthMap>,
    meaning: Meaning,
    finish: Option<Finish>,
    extent: Extent,
}

impl Beside {
    /// For a plan whose depth is of the picture's own size, before (`finish` is `None`) or after its values are known as a whole.
    ///
    /// # Errors
    /// As [`DepthMap::open`].
    pub fn open(
        plan: &SuppliedPlan,
        picture: &Path,
        extent: Extent,
        finish: Option<Finish>,
        limits: &Limits,
    ) -> Result<Self> {
        let map = match &plan.origin {
            MapOrigin::Channel(_) => None,
            origin => Some(DepthMap::open(picture, origin, limits)?),
        };
        if let Some(map) = map.as_ref().filter(|map| map.extent() != extent) {
            let reason = format!("{}: it changed while the picture was read", map.name());
            return Err(Error::input(picture, reason));
        }
        Ok(Self { map, meaning: plan.meaning, finish, extent })
    }

    /// The values of some rows: of the map's kind, or what programs take.
    ///
    /// # Errors
    /// Those of the codec.
    pub fn read(&mut self, source: &mut dyn Source, region: Region, into: &mut Vec<f32>, pool: &Pool) -> Result<()> {
        match &mut self.map {
            Some(map) => map.read(region, into, pool)?,
            None => {
                into.resize(region.pixels(), 0.0);
                source.read_depth(region, into, pool)?;
            }
        }
        if self.map.is_some() || !self.meaning.is_plain() {
            into.iter_mut().for_each(|value| *value = self.meaning.value(*value));
        }
        match &self.finish {
            // Depth without holes to fill is what programs take already.
            Some(finish) if finish.fills || finish.norm.kind != SuppliedKind::Depth => {
                finish.apply(into, region, self.extent);
            }
            _ => {}
        }
        Ok(())
    }

    /// As [`DepthMap::check`].
    ///
    /// # Errors
    /// As there.
    pub fn check(&self) -> Result<()> {
        self.map.as_ref().map_or(Ok(()), DepthMap::check)
    }
}

/// What is added up of a supplied map.
pub struct Gathered {
    histogram: SuppliedHistogram,
    low: LowSums,
}

/// What came of a map of the picture's own size.
pub struct Supplied {
    /// For programs and for exports.
    pub found: Found,
    /// How it is spread over the picture.
    pub quantiles: Quantiles,
    /// For reading it beside the strips.
    pub finish: Finish,
}

impl Gathered {
    /// For a map of this size, looked at in `cells` cells.
    fn new(meaning: &Meaning, extent: Extent, cells: (u32, u32)) -> Self {
        Self { histogram: SuppliedHistogram::new(meaning.kind), low: LowSums::new(meaning.kind, extent, cells) }
    }

    /// For a map of the picture's own size.
    pub fn own(meaning: &Meaning, extent: Extent) -> Self {
        let shrink = (LOW_CELLS / extent.pixels().max(1) as f64).sqrt().min(1.0);
        let side = |v: u32| ((f64::from(v) * shrink) as u32).max(1);
        Self::new(meaning, extent, (side(extent.width), side(extent.height)))
    }

    /// Adds the values of some rows; rows go from top to bottom.
    pub fn add(&mut self, region: Region, values: &[f32]) {
        self.histogram.add(values);
        self.low.add(region, values);
    }

    /// The normalization, the low map and how the values are spread; whatever is odd about the values becomes a warning.
    ///
    /// # Errors
    /// `Input` for a file without a single valid value.
    fn finish(self, work: &mut Work, plan: &SuppliedPlan) -> Result<(SuppliedNorm, LowMap, Quantiles)> {
        let (valid, invalid) = self.histogram.totals();
        let name = plan.origin.words();
        let is_channel = matches!(plan.origin, MapOrigin::Channel(_));
        if valid == 0 && !is_channel {
            let what = format!(
                "{name}: none of its {invalid} values is a distance, all are 0, infinite or no number: write the map anew, or take another depth.source"
            );
            return Err(Error::input(&work.job.input, what));
        }
        if valid == 0 {
            work.warnings.push(format!("{name} holds no valid distance: everything counts as farthest"));
        } else if invalid > valid {
            let filled = if plan.meaning.gaps.filled { ", filled from their surroundings" } else { "" };
            work.warnings.push(format!("{name}: {invalid} of {} values are no distance{filled}", valid + invalid));
        }
        let percentiles = self.histogram.norm();
        let anchored = plan.meaning.anchors.and_then(|(near, far)| SuppliedNorm::anchored(near, far));
        let spread = plan.meaning.anchors.map_or(percentiles, |(near, far)| percentiles.between(near, far));
        let norm = anchored.filter(|norm| norm.kind == percentiles.kind).unwrap_or(spread);
        if valid > 0 && percentiles.scale == 0.0 {
            work.warnings.push(format!("{name} is flat: what depends on distance does little"));
        }
        let quantiles =
            Quantiles::of(self.histogram.nearnesses().map(|(value, pixels)| (norm.of_nearness(value), pixels)));
        Ok((norm, self.low.finish(0.0), quantiles))
    }

    /// Facts of a map of the picture's own size.
    ///
    /// # Errors
    /// As `finish`.
    pub fn beside(self, work: &mut Work, plan: &SuppliedPlan, orientation: u16) -> Result<Supplied> {
        let (norm, low, quantiles) = self.finish(work, plan)?;
        let upright = remark(work, plan, &low, &normalized(&norm, &low.values), (low.size, orientation));
        let scores = Scores::alone(&upright, orient::turned(low.size, orientation).0 as usize);
        tell(work, &scores, &norm);
        let (scale, offset) = norm.step();
        let depth = DepthFacts::Supplied(supplied::Constants { scale, offset });
        let found = Found { depth, map: map_facts(plan, &norm, &low), scores };
        let finish = Finish { norm, low: Arc::new(low), fills: plan.meaning.gaps.filled };
        Ok(Supplied { found, quantiles, finish })
    }
}

/// What the numbers of a map mean, for its export.
fn map_facts(plan: &SuppliedPlan, norm: &SuppliedNorm, low: &LowMap) -> MapFacts {
    let undeclared = plan.meaning.kind == SuppliedKind::Depth && plan.meaning.words.said == SaidBy::Habit;
    let unit = match plan.meaning.metric {
        _ if undeclared => KnownUnit::Undeclared,
        true => KnownUnit::Meters,
        false => KnownUnit::Relative,
    };
    let anchors = plan.meaning.anchors.and_then(|(near, far)| MetricScale::anchored(near, far));
    let normalization = Normalization { scale: norm.scale, offset: norm.offset };
    let facts = MapFacts::of(&low.values, normalization, unit).tied(anchors);
    MapFacts { supplied: Some(norm.kind), ..facts }
}

/// Says what the scores find that [`remark`] does not look for.
fn tell(work: &mut Work, scores: &Scores, norm: &SuppliedNorm) {
    if norm.scale != 0.0 {
        let others = Scores { inversion: None, edge_agreement: None, ..*scores };
        work.warnings.extend(others.remarks());
    }
}

/// Normalized disparity of a low map, about 0..1.
fn normalized(norm: &SuppliedNorm, values: &[f32]) -> Vec<f32> {
    values.iter().map(|v| norm.of_nearness(*v).clamp(-BEYOND, BEYOND)).collect()
}

/// Says what looks wrong about a map: its numbers first, as they lie in the low map, then which way they run, as the picture is stored.
/// Returns the disparity upright.
fn remark(
    work: &mut Work,
    plan: &SuppliedPlan,
    low: &LowMap,
    disparity: &[f32],
    (size, orientation): ((u32, u32), u16),
) -> Vec<f32> {
    let Meaning { kind, factor, .. } = plan.meaning;
    let name = plan.origin.words();
    let numbers: Vec<f32> = match kind {
        SuppliedKind::Depth => low.values.iter().map(|nearness| 1.0 / nearness).collect(),
        _ => low.values.clone(),
    };
    let behavior = if factor > 0.0 { map_checks::behavior(&numbers, low.size.0 as usize) } else { Behavior::Unclear };
    let upright = orient::upright(disparity, size, orientation);
    let (width, _) = orient::turned(size, orientation);
    match (kind, behavior) {
        (SuppliedKind::Disparity, Behavior::Depth) => work.warnings.push(format!(
            "{name}: it looks inverted: planes are straight in 1/number, so that larger numbers are farther, but it is taken as {}; \
             set depth.unit to meters, millimeters, kitti, tum or proportional",
            plan.meaning.words
        )),
        (SuppliedKind::Depth, Behavior::Disparity) => work.warnings.push(format!(
            "{name}: it looks inverted: planes are straight in its numbers, as in disparity, where larger is nearer, but it is taken as {}; \
             depth.unit = \"relative\" reads it so",
            plan.meaning.words
        )),
        (SuppliedKind::Depth, Behavior::Depth) => {}
        _ => {
            if let Some((top, bottom)) = map_checks::top_heavy(&upright, width as usize) {
                let other = if factor < 0.0 { "near-is-large" } else { "near-is-small" };
                let advice = match kind {
                    SuppliedKind::Depth => "depth.unit = \"relative\" reads larger numbers as nearer".to_owned(),
                    SuppliedKind::Disparity => format!("depth.polarity = {other:?} turns it around"),
                    SuppliedKind::Distance => "depth.polarity turns it around".to_owned(),
                };
                work.warnings.push(format!(
                    "{name}: it looks inverted: the top of the picture is nearer ({top:.2}) than its bottom ({bottom:.2}, 1 = nearest); if it is not so, {advice}"
                ));
            }
        }
    }
    upright
}

/// A map of another size, brought to the cells of the join as the picture is stored.
pub struct LowDisparity {
    /// Normalized disparity.
    disparity: Vec<f32>,
    /// The same, upright.
    upright: Vec<f32>,
    orientation: u16,
    norm: SuppliedNorm,
    map: MapFacts,
    /// Cells.
    pub cells: (u32, u32),
    /// In words.
    name: String,
}

/// Reads the map of a plan whose depth is of another size than the picture.
///
/// # Errors
/// Those of the map; `Cancelled`.
pub fn low_disparity(work: &mut Work, plan: &SuppliedPlan, info: &PictureInfo) -> Result<Option<LowDisparity>> {
    let MapSize::Joined { cells, map: map_turn, picture: picture_turn } = plan.size else { return Ok(None) };
    let engine = work.engine;
    let mut map = DepthMap::open(&work.job.input, &plan.origin, &engine.options.limits)?;
    let extent = map.extent();
    let upright = orient::turned(cells, picture_turn);
    let of_map = orient::turned(upright, map_turn);
    let mut gathered = Gathered::new(&plan.meaning, extent, of_map);
    let mut values = Vec::new();
    for region in Region::strips(extent, rows_at_once(&map)) {
        engine.cancel.check()?;
        map.read(region, &mut values, &engine.pool)?;
        values.iter_mut().for_each(|value| *value = plan.meaning.value(*value));
        gathered.add(region, &values);
    }
    map.check()?;
    let (norm, low, _) = gathered.finish(work, plan)?;
    if low.size != of_map {
        return Err(Error::input(&work.job.input, format!("{}: it changed while it was read", map.name())));
    }
    let stands = orient::upright(&normalized(&norm, &low.values), of_map, map_turn);
    let disparity = orient::stored(&stands, upright, picture_turn);
    let upright = remark(work, plan, &low, &disparity, (cells, info.orientation));
    let map = map_facts(plan, &norm, &low);
    let (name, orientation) = (plan.origin.words(), info.orientation);
    Ok(Some(LowDisparity { disparity, upright, orientation, norm, map, cells, name }))
}

impl LowDisparity {
    /// Fits the join to the picture, reduced to the cells; says so when the map looks like that of another picture.
    pub fn join(self, work: &mut Work, reduced: &Reduced, extent: Extent) -> Found {
        if map_checks::is_of_another(&self.disparity, &reduced.guide, reduced.width as usize) {
            work.warnings.push(format!("{}: {}", self.name, map_checks::OF_ANOTHER));
        }
        let scores = Scores::of(&self.upright, &orient::upright_picture(reduced, self.orientation));
        tell(work, &scores, &self.norm);
        // A supplied map draws its edges where the picture has them: nothing is snapped.
        let table = join::fit(&self.disparity, reduced, &join::JoinSettings::default());
        let constants = table.constants(0, (extent.width, extent.height));
        let depth = DepthFacts::Joined(Join { constants, words: table.into_words() });
        Found { depth, map: self.map, scores }
    }
}

/// Where depth came from, in words, for reports.
pub fn described(plan: &SuppliedPlan) -> String {
    match &plan.origin {
        MapOrigin::Channel(channel) => format!("channel {channel}"),
        origin => format!("{}: {}", origin.words(), plan.meaning.words),
    }
}
