//! Whether a supplied depth map looks wrong: its numbers mean something else than they are taken for, near and far are swapped, or it belongs to
//! another picture. None of this decides anything: a ceiling may be nearer than the floor.
//!
//! **Depth or disparity.** Most of what cameras see is flat in pieces, and a plane is linear in *disparity* over the picture (1/z of a plane is
//! affine in pixel coordinates; Hartley and Zisserman, "Multiple View Geometry", 2nd ed., 13.1). Where the numbers v of a map are linear, their second
//! difference is 0; where 1/v is linear, it is `2 e^2 v`, e being half the relative difference of the neighbors. The ratio of the sums of both
//! is near 0 for disparity and near 1 for depth. On 18 maps with true depth (TUM, ICL-NUIM, TartanAir) it was 0.34 to 0.94 for depth and
//! -0.36 to 0.18 for disparity.
//!
//! **Another picture.** Edges of depth are edges of the picture more often than chance. Chance is what the same edges reach elsewhere: the median of
//! two mirrors and four shifts, so that a picture with a symmetry is not doubted. On the same 18 pairs the ratio was 1.44 to 10; of 68 pairs of one
//! picture with the map of another of its set, 49 stayed below 1.2.

/// Ratio from which on numbers behave like depth.
const LIKE_DEPTH: f64 = 0.3;
/// Ratio below which numbers behave like disparity.
const LIKE_DISPARITY: f64 = 0.1;
/// Places that must have been looked at.
const ENOUGH: u32 = 2000;
/// Neighbors are the longer side over this apart.
const APART: usize = 32;
/// Relative differences of neighbors that tell something: below is noise, above is an edge.
const SLOPE: std::ops::Range<f64> = 0.015..0.3;
/// Second differences up to this, beyond what depth makes of a plane, are no edge.
const NO_EDGE: f64 = 0.01;
/// How much nearer the top quarter of a picture may be than its bottom quarter, in normalized disparity.
const TOP_HEAVY: f64 = 0.4;

/// What the numbers of a map behave like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behavior {
    /// Depth: larger = farther, in proportion.
    Depth,
    /// Disparity, in either direction.
    Disparity,
    /// It cannot be told.
    Unclear,
}

/// What positive numbers, row by row in rows of `width`, behave like.
pub fn behavior(values: &[f32], width: usize) -> Behavior {
    let height = values.len().checked_div(width).unwrap_or(0);
    let step = (width.max(height) / APART).max(1);
    let (mut bent, mut expected, mut seen) = (0.0, 0.0, 0u32);
    let mut look = |before: Option<&f32>, here: f32, behind: Option<&f32>| {
        let (Some(before), Some(behind)) = (before, behind) else { return };
        let (a, v, b) = (f64::from(*before), f64::from(here), f64::from(*behind));
        let slope = (b - a) / (2.0 * v);
        let second = (a + b - 2.0 * v) / v;
        let is_flat = second.abs() <= 4.0 * slope * slope + NO_EDGE;
        if v > 0.0 && a > 0.0 && b > 0.0 && SLOPE.contains(&slope.abs()) && is_flat {
            (bent, expected, seen) = (bent + second, expected + 2.0 * slope * slope, seen + 1);
        }
    };
    for (y, row) in values.chunks_exact(width.max(1)).enumerate() {
        for (x, v) in row.iter().enumerate() {
            look(x.checked_sub(step).and_then(|x| row.get(x)), *v, row.get(x + step));
            let above = y.checked_sub(step).and_then(|y| values.get(y * width + x));
            look(above, *v, values.get((y + step) * width + x));
        }
    }
    match bent / expected {
        _ if seen < ENOUGH => Behavior::Unclear,
        ratio if ratio >= LIKE_DEPTH => Behavior::Depth,
        ratio if ratio <= LIKE_DISPARITY => Behavior::Disparity,
        _ => Behavior::Unclear,
    }
}

/// How much nearer (normalized disparity) the top of the upright picture is than its bottom; `None` unless it is so much nearer that near and far
/// are likely swapped: the ground at the feet of the camera is near and the sky is far in nearly all photographs.
pub fn top_heavy(disparity: &[f32], width: usize) -> Option<(f64, f64)> {
    let height = disparity.len().checked_div(width)?;
    let quarter = (height / 4).max(1) * width;
    let mean = |part: Option<&[f32]>| {
        let part = part.unwrap_or_default();
        part.iter().map(|d| f64::from(d.clamp(0.0, 1.0))).sum::<f64>() / part.len().max(1) as f64
    };
    let (top, bottom) =
        (mean(disparity.get(..quarter)), mean(disparity.get(disparity.len().saturating_sub(quarter)..)));
    (top - bottom > TOP_HEAVY).then_some((top, bottom))
}

/// Share of the differences along rows that count as edges of the map.
const EDGES: f64 = 0.02;
/// Edges that must be there before anything is said.
const ENOUGH_EDGES: usize = 200;
/// The picture must differ this much more across edges of the map than across the same edges elsewhere.
const BETTER: f64 = 1.2;

/// What is said of a map whose edges are not those of the picture.
pub const OF_ANOTHER: &str =
    "its edges are not those of the picture: does it belong to another one, or is it cut or turned differently?";

/// True when the edges of a map of normalized disparity are not those of the picture whose luma (`guide`) lies in the same cells: the
/// picture differs across them no more than across the same edges mirrored or shifted.
pub fn is_of_another(disparity: &[f32], guide: &[f32], width: usize) -> bool {
    let height = disparity.len().checked_div(width).unwrap_or(0);
    if width < 3 || height < 3 || guide.len() != disparity.len() {
        return false;
    }
    let difference = |map: &[f32], x: usize, y: usize| {
        let at = |x: usize| map.get(y * width + x).copied().unwrap_or(0.0);
        f64::from((at(x + 1) - at(x)).abs())
    };
    let mut steps: Vec<f64> = (0..height)
        .flat_map(|y| (0..width - 1).map(move |x| (x, y)))
        .map(|(x, y)| difference(disparity, x, y))
        .collect();
    let cut = (((1.0 - EDGES) * steps.len() as f64) as usize).min(steps.len() - 1);
    let (_, threshold, _) = steps.select_nth_unstable_by(cut, f64::total_cmp);
    let threshold = threshold.max(0.02);
    // What the picture does within a cell of the edge: maps are off by a little.
    let around = |x: usize, y: usize| {
        (x.saturating_sub(1)..=(x + 1).min(width - 2)).map(|x| difference(guide, x, y)).fold(0.0, f64::max)
    };
    let columns = width - 1;
    let (aside, down) = (columns * 3 / 20, height * 3 / 20);
    let (mut edges, mut here, mut elsewhere) = (0usize, 0.0, [0.0; 6]);
    for y in 0..height {
        for x in 0..columns {
            if difference(disparity, x, y) < threshold {
                continue;
            }
            edges += 1;
            here += around(x, y);
            let places = [
                (columns - 1 - x, y),
                (x, height - 1 - y),
                ((x + aside) % columns, y),
                ((x + columns - aside) % columns, y),
                (x, (y + down) % height),
                (x, (y + height - down) % height),
            ];
            elsewhere.iter_mut().zip(places).for_each(|(sum, (x, y))| *sum += around(x, y));
        }
    }
    elsewhere.sort_by(f64::total_cmp);
    let chance = (elsewhere[2] + elsewhere[3]) * 0.5;
    edges >= ENOUGH_EDGES && here < BETTER * chance
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: usize = 128;

    /// Depth of a floor and a wall.
    fn room() -> Vec<f32> {
        let depth = |x: usize, y: usize| {
            let floor = 2.0 / (0.05 + (y as f32 / 96.0).max(0.3) - 0.25);
            let wall = 1.0 / (0.15 + 0.3 * x as f32 / 128.0);
            floor.min(wall)
        };
        (0..96).flat_map(|y| (0..WIDTH).map(move |x| depth(x, y))).collect()
    }

    #[test]
    fn planes_tell_depth_from_disparity() {
        let depth = room();
        let disparity: Vec<f32> = depth.iter().map(|z| 1.0 / z).collect();
        assert_eq!(behavior(&depth, WIDTH), Behavior::Depth);
        assert_eq!(behavior(&disparity, WIDTH), Behavior::Disparity);
        assert_eq!((behavior(&[1.0; 96], 12), behavior(&[], 0)), (Behavior::Unclear, Behavior::Unclear));
    }

    #[test]
    fn a_ground_that_is_far_is_remarked() {
        let ramp: Vec<f32> = (0..400).map(|i| (i / 20) as f32 / 19.0).collect();
        assert_eq!(top_heavy(&ramp, 20), None);
        let turned: Vec<f32> = ramp.iter().rev().copied().collect();
        assert!(top_heavy(&turned, 20).is_some());
        assert_eq!((top_heavy(&[], 20), top_heavy(&[1.0], 0)), (None, None));
    }

    #[test]
    fn edges_tell_whose_map_it_is() {
        let box_at = |x0: usize, y0: usize| -> Vec<f32> {
            let inside = |x: usize, y: usize| (x0..x0 + 30).contains(&x) && (y0..y0 + 50).contains(&y);
            (0..96).flat_map(|y| (0..WIDTH).map(move |x| if inside(x, y) { 0.9 } else { 0.2 })).collect()
        };
        let noise = |i: usize| (i * 2_654_435_761 % 1000) as f32 / 20_000.0;
        let mut picture = box_at(20, 10);
        picture.iter_mut().enumerate().for_each(|(i, v)| *v = 0.3 + 0.3 * *v + noise(i));
        let mut many = box_at(20, 10);
        many.iter_mut().zip(box_at(70, 30)).for_each(|(a, b)| *a = a.max(b));
        let mut seen = many.clone();
        seen.iter_mut().enumerate().for_each(|(i, v)| *v = 0.3 + 0.3 * *v + noise(i));
        assert!(!is_of_another(&many, &seen, WIDTH));
        let other = box_at(55, 40).iter().zip(&box_at(88, 2)).map(|(a, b)| a.max(*b)).collect::<Vec<_>>();
        assert!(is_of_another(&other, &seen, WIDTH));
    }
}
