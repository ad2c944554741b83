//! How far a depth map can be trusted: scores that say what looks wrong, without knowing the truth.
//!
//! Every score is a number of the map alone or of the map against the reduced picture; none needs a second model. They catch what goes
//! wrong in whole: a map that says nothing (*flatness*), that is turned upside down (*inversion*, *sky near*), that was put together from tiles
//! (*seam*), that belongs to another picture (*edge agreement*). They do not measure how good a plausible map is. What scores good and bad maps
//! have is in docs/depth.md.
//!
//! Maps are upright, row by row, normalized: 0 farthest, 1 nearest (1st and 99th percentile). All arithmetic is of a fixed order on one
//! thread: a score has the same bits everywhere.

use serde::Serialize;

use super::reduce::Reduced;
use crate::recipe::gate::{Limits, USUAL};

/// Half width of the band around the median that counts as one distance.
pub const SAME: f32 = 0.04;
/// Share of the cells, those where the map bends most, that count as its edges.
const EDGE_SHARE: f64 = 0.05;
/// Smallest step of normalized disparity to a neighbor that is an edge.
const EDGE_STEP: f32 = 0.03;
/// Fewest edges that tell something, as a share of the cells.
const LEAST_EDGES: f64 = 0.003;
/// How far an edge of the map may be from the picture's, in cells.
const EDGE_REACH: usize = 1;
/// What blue sky has more of blue than of red, sRGB-encoded.
const SKY_BLUE: f32 = 0.06;
/// How dark sky may be: its blue, sRGB-encoded.
const SKY_BRIGHT: f32 = 0.3;
/// Largest step between neighbors inside the sky, in all three colors together.
const SKY_STEP: f32 = 0.12;
/// Smallest share of a picture that counts as sky.
const LEAST_SKY: f64 = 0.04;
/// Cells at the border of a map that no seam is looked for in.
const BORDER: usize = 3;
/// Smallest share of the cells along a line where the picture is smooth, for a seam there to be judged.
const SMOOTH_SHARE: usize = 4;

/// What is odd about a map; `None` = cannot be judged on this picture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Scores {
    /// Share of the map at one distance (within 0.04 of its median), 0 to 1.
    pub flatness: Option<f32>,
    /// Mean of the top quarter minus mean of the bottom quarter, -1 to 1: above 0 the top is nearer, which is rare in photographs and usual
    /// for maps of the wrong polarity.
    pub inversion: Option<f32>,
    /// Mean disparity of blue, smooth area that begins at the top border, 0 to 1; sky is far. Only where there is such area.
    pub sky_near: Option<f32>,
    /// Largest mean step across a straight line over the whole height or width, or half of it, where the picture is smooth. 0 to 1.
    pub seam: Option<f32>,
    /// Probability that the picture changes more at an edge of the map than elsewhere, 0 to 1; 0.5 is chance.
    pub edge_agreement: Option<f32>,
}

impl Scores {
    /// Scores of a map of the size of `picture`, both upright.
    pub fn of(map: &[f32], picture: &Reduced) -> Self {
        let (width, height) = (picture.width as usize, picture.height as usize);
        if width < 2 * BORDER + 2 || height < 2 * BORDER + 2 || map.len() != width * height {
            return Self::alone(map, width);
        }
        let map = bounded(map);
        let change = Change::new(picture);
        Self {
            sky_near: sky_near(&map, picture),
            seam: Some(seam(&map, &change)),
            edge_agreement: edge_agreement(&map, &change),
            ..Self::alone(&map, width)
        }
    }

    /// Scores of a map without its picture.
    pub fn alone(map: &[f32], width: usize) -> Self {
        if map.is_empty() || width == 0 {
            return Self::default();
        }
        let map = bounded(map);
        Self { flatness: Some(flatness(&map)), inversion: Some(inversion(&map, width)), ..Self::default() }
    }

    /// What is beyond `limits`; empty for a map that passes. Scores that cannot be judged pass.
    pub fn beyond(&self, limits: &Limits) -> Vec<Beyond> {
        let [flatness, inversion, sky, seam, edges] = limits.all().map(|(_, limit)| limit);
        let above = |score: Option<f32>, limit: Option<f32>| score.zip(limit).filter(|(score, limit)| score > limit);
        let below = |score: Option<f32>, limit: Option<f32>| score.zip(limit).filter(|(score, limit)| score < limit);
        let told =
            |found: Option<(f32, f32)>, name, what| found.map(|(score, limit)| Beyond { what, name, score, limit });
        [
            told(above(self.flatness, flatness), "flatness", FLAT),
            told(above(self.inversion, inversion), "inversion", INVERTED),
            told(above(self.sky_near, sky), "sky_near", SKY),
            told(above(self.seam, seam), "seam", SEAM),
            told(below(self.edge_agreement, edges), "edge_agreement", EDGES),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// What is worth telling although nobody set limits: that which is beyond [`USUAL`]. Without figures, so that pictures of one fault are
    /// counted together.
    pub fn remarks(&self) -> Vec<String> {
        self.beyond(&USUAL).iter().map(|beyond| beyond.what.to_owned()).collect()
    }
}

/// A score beyond its limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Beyond {
    /// What that means, for people.
    pub what: &'static str,
    /// Which score.
    pub name: &'static str,
    /// Its value.
    pub score: f32,
    /// The limit.
    pub limit: f32,
}

impl std::fmt::Display for Beyond {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} {:.2}, limit {})", self.what, self.name, self.score, self.limit)
    }
}

const FLAT: &str = "depth hardly varies over the picture: what depends on distance does little";
const INVERTED: &str =
    "the top of the picture is much nearer than its bottom: if that is not so, the depth is inverted";
const SKY: &str = "blue sky is near: the depth may be inverted, or of another picture";
const SEAM: &str = "depth has a straight step that the picture has not";
const EDGES: &str = "edges of the depth are not where the picture has any: it may belong to another picture";

/// Disparities as pictures use them, inside 0..1.
fn bounded(map: &[f32]) -> Vec<f32> {
    map.iter().map(|d| if d.is_finite() { d.clamp(0.0, 1.0) } else { 0.0 }).collect()
}

fn flatness(map: &[f32]) -> f32 {
    let mut sorted = map.to_vec();
    let middle = sorted.len() / 2;
    let (_, median, _) = sorted.select_nth_unstable_by(middle, f32::total_cmp);
    let median = *median;
    let same = map.iter().filter(|d| (**d - median).abs() <= SAME).count();
    (same as f64 / map.len() as f64) as f32
}

fn inversion(map: &[f32], width: usize) -> f32 {
    let quarter = ((map.len() / width / 4).max(1) * width).min(map.len());
    let mean = |part: &[f32]| part.iter().map(|d| f64::from(*d)).sum::<f64>() / part.len().max(1) as f64;
    let (top, rest) = map.split_at(quarter);
    let bottom = if rest.is_empty() { top } else { &map[map.len() - quarter..] };
    (mean(top) - mean(bottom)) as f32
}

/// How much the reduced picture changes around each cell.
struct Change {
    width: usize,
    height: usize,
    /// Largest step to a neighbor within [`EDGE_REACH`], all three colors together.
    values: Vec<f32>,
    /// The median of it: below, the picture is smooth.
    median: f32,
}

impl Change {
    fn new(picture: &Reduced) -> Self {
        let (width, height) = (picture.width as usize, picture.height as usize);
        let steps = steps(&picture.rgb, width, height);
        let values = spread(&steps, width, height, EDGE_REACH);
        let mut sorted = values.clone();
        let middle = sorted.len() / 2;
        let median = if sorted.is_empty() { 0.0 } else { *sorted.select_nth_unstable_by(middle, f32::total_cmp).1 };
        Self { width, height, values, median }
    }

    fn is_smooth(&self, x: usize, y: usize) -> bool {
        self.values.get(y * self.width + x).is_some_and(|v| *v <= self.median)
    }
}

/// For each cell the steps to its right and lower neighbors, summed over all planes.
fn steps(planes: &[f32], width: usize, height: usize) -> Vec<f32> {
    let mut out = vec![0.0; width * height];
    for plane in planes.chunks_exact((width * height).max(1)) {
        for y in 0..height {
            for x in 0..width {
                let here = plane[y * width + x];
                let right = plane[y * width + (x + 1).min(width - 1)];
                let below = plane[(y + 1).min(height - 1) * width + x];
                out[y * width + x] += (right - here).abs() + (below - here).abs();
            }
        }
    }
    out
}

/// The largest value within `reach` cells.
fn spread(values: &[f32], width: usize, height: usize, reach: usize) -> Vec<f32> {
    let largest = |range: std::ops::Range<usize>, at: &dyn Fn(usize) -> f32| range.map(at).fold(0.0f32, f32::max);
    let mut rows = Vec::with_capacity(values.len());
    for y in 0..height {
        let row = &values[y * width..(y + 1) * width];
        rows.extend((0..width).map(|x| largest(x.saturating_sub(reach)..(x + reach + 1).min(width), &|x| row[x])));
    }
    let mut out = Vec::with_capacity(values.len());
    for y in 0..height {
        let range = y.saturating_sub(reach)..(y + reach + 1).min(height);
        out.extend((0..width).map(|x| largest(range.clone(), &|y| rows[y * width + x])));
    }
    out
}

/// The area under the curve that tells edges of the map from other cells by how much the picture changes there: the mean rank of the edges
/// (Hanley and McNeil, "The meaning and use of the area under a ROC curve", 1982). Ties count half.
fn edge_agreement(map: &[f32], change: &Change) -> Option<f32> {
    let bends = steps(map, change.width, change.height);
    let wanted = (bends.len() as f64 * EDGE_SHARE) as usize;
    let mut sorted = bends.clone();
    let at = sorted.len().checked_sub(wanted.max(1))?;
    let threshold = sorted.select_nth_unstable_by(at, f32::total_cmp).1.max(EDGE_STEP);
    let mut cells: Vec<(f32, bool)> =
        change.values.iter().zip(&bends).map(|(v, bend)| (*v, *bend >= threshold)).collect();
    let edges = cells.iter().filter(|(_, is_edge)| *is_edge).count();
    let others = cells.len() - edges;
    if edges == 0 || others == 0 || (edges as f64) < LEAST_EDGES * cells.len() as f64 {
        return None;
    }
    cells.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let (mut below, mut won) = (0u64, 0u64);
    for same in cells.chunk_by(|a, b| a.0 == b.0) {
        let tied_edges = same.iter().filter(|(_, is_edge)| *is_edge).count() as u64;
        let tied_others = same.len() as u64 - tied_edges;
        won += tied_edges * (2 * below + tied_others);
        below += tied_others;
    }
    Some((won as f64 / (2.0 * edges as f64 * others as f64)) as f32)
}

/// The largest seam along columns and rows.
fn seam(map: &[f32], change: &Change) -> f32 {
    let (w, h) = (change.width, change.height);
    let across = lines(w, h, &|line, along| map[along * w + line], &|line, along| change.is_smooth(line, along));
    let down = lines(h, w, &|line, along| map[line * w + along], &|line, along| change.is_smooth(along, line));
    across.max(down)
}

/// Steps between line `i` and `i + 1` beyond the slopes on both sides, averaged where the picture is smooth, over the whole line and both
/// halves of it. A seam has one sign all along.
fn lines(count: usize, length: usize, at: &dyn Fn(usize, usize) -> f32, smooth: &dyn Fn(usize, usize) -> bool) -> f32 {
    let mut worst = 0.0f64;
    for i in BORDER..count.saturating_sub(BORDER + 1) {
        let mut halves = [(0.0f64, 0usize); 2];
        for along in 0..length {
            if !(smooth(i, along) && smooth(i + 1, along)) {
                continue;
            }
            let step = at(i + 1, along) - at(i, along);
            let slopes = (at(i, along) - at(i - 1, along)) + (at(i + 2, along) - at(i + 1, along));
            let half = &mut halves[usize::from(along >= length / 2)];
            *half = (half.0 + f64::from(step - 0.5 * slopes), half.1 + 1);
        }
        let whole = (halves[0].0 + halves[1].0, halves[0].1 + halves[1].1);
        for ((sum, cells), length) in [(whole, length), (halves[0], length / 2), (halves[1], length / 2)] {
            if cells * SMOOTH_SHARE >= length.max(1) {
                worst = worst.max((sum / cells.max(1) as f64).abs());
            }
        }
    }
    worst.min(1.0) as f32
}

/// Mean disparity of the blue, smooth area that begins at the top border.
fn sky_near(map: &[f32], picture: &Reduced) -> Option<f32> {
    let (w, h) = (picture.width as usize, picture.height as usize);
    let plane = w * h;
    let rgb = |i: usize| [0, 1, 2].map(|c| picture.rgb.get(c * plane + i).copied().unwrap_or(0.0));
    let blue = |i: usize| {
        let [r, _, b] = rgb(i);
        b - r >= SKY_BLUE && b >= SKY_BRIGHT
    };
    let alike = |a: usize, b: usize| {
        let (a, b) = (rgb(a), rgb(b));
        (0..3).map(|c| (a[c] - b[c]).abs()).sum::<f32>() <= SKY_STEP
    };
    let mut is_sky = vec![false; plane];
    let mut found: Vec<usize> = (0..w).filter(|i| blue(*i)).collect();
    found.iter().for_each(|i| is_sky[*i] = true);
    let mut next = 0;
    while let Some(&i) = found.get(next) {
        next += 1;
        let (x, y) = (i % w, i / w);
        let neighbors =
            [(x > 0).then(|| i - 1), (x + 1 < w).then(|| i + 1), (y > 0).then(|| i - w), (y + 1 < h).then(|| i + w)];
        for n in neighbors.into_iter().flatten() {
            if !is_sky[n] && blue(n) && alike(i, n) {
                is_sky[n] = true;
                found.push(n);
            }
        }
    }
    if (found.len() as f64) < LEAST_SKY * plane as f64 {
        return None;
    }
    // In the order of the map, so that the sum does not depend on the order of the search.
    let sky = map.iter().zip(&is_sky).filter(|(_, is_sky)| **is_sky).map(|(d, _)| f64::from(*d));
    Some((sky.sum::<f64>() / found.len() as f64) as f32)
}

#[cfg(test)]
mod tests;
