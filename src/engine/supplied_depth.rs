//! Depth that comes with the picture: what its numbers say as a whole.

use super::analyse::Found;
use super::drive::Work;
use super::exports::{KnownUnit, MapFacts};
use crate::depth::gate::{SAME, Scores};
use crate::depth::supplied::{SuppliedHistogram, SuppliedKind};
use crate::ops::supplied;
use crate::picture::Region;
use crate::plan::DepthFacts;

/// Adds the disparities of a strip to those of the top and the bottom quarter of the picture.
pub fn add_ends(ends: &mut [(f64, u64); 2], depth: &[f32], region: Region, height: u32) {
    let quarter = (height / 4).max(1);
    for (y, row) in (region.y..).zip(depth.chunks_exact(region.width.max(1) as usize)) {
        for (end, inside) in ends.iter_mut().zip([y < quarter, y >= height - quarter]) {
            let valid = row.iter().filter_map(|z| SuppliedKind::Depth.disparity(*z)).filter(|_| inside);
            let (sum, count) = valid.fold((0.0, 0), |(sum, n), d| (sum + f64::from(d), n + 1));
            *end = (end.0 + sum, end.1 + count);
        }
    }
}

/// What can be judged of a map that is never in memory as a whole: how flat it is, in steps of a hundredth, and which end is near where the
/// picture stands upright. Its edges are true by definition.
fn scores(histogram: &SuppliedHistogram, inversion: Option<f64>) -> Scores {
    let norm = histogram.norm();
    let normalized = |percent| histogram.percentile(percent).map(|d| (d * norm.scale + norm.offset).clamp(0.0, 1.0));
    let flatness = normalized(50).map(|median| {
        let same = (0..=100).filter_map(normalized).filter(|d| (d - median).abs() <= SAME).count();
        same as f32 / 101.0
    });
    Scores { flatness, inversion: inversion.map(|v| v as f32), ..Scores::default() }
}

/// How the map is normalized; whatever is odd about it becomes a warning.
pub fn depth(
    work: &mut Work,
    histogram: &SuppliedHistogram,
    ends: [(f64, u64); 2],
    orientation: u16,
    channel: &str,
) -> Found {
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
    }
    let scores = scores(histogram, (orientation == 1).then_some(top - bottom));
    if valid > 0 && norm.scale != 0.0 {
        work.warnings.extend(scores.remarks());
    }
    let middle = histogram.percentile(50).unwrap_or(0.0);
    let (far, near) = match norm.scale > 0.0 {
        true => (-norm.offset / norm.scale, (1.0 - norm.offset) / norm.scale),
        false => (middle, middle),
    };
    Found {
        depth: DepthFacts::Supplied(supplied::Constants { scale: norm.scale, offset: norm.offset }),
        map: MapFacts { near, far, unit: KnownUnit::Undeclared, model: None },
        scores,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_that_say_little_are_flat() {
        let scored = |values: &[f32]| {
            let mut histogram = SuppliedHistogram::new(SuppliedKind::Depth);
            histogram.add(values);
            scores(&histogram, Some(0.5))
        };
        let wall: Vec<f32> = (0..1000).map(|i| if i < 970 { 5.0 } else { 1.0 + i as f32 * 1e-3 }).collect();
        let room: Vec<f32> = (0..1000).map(|i| 1.0 + i as f32 * 0.01).collect();
        assert!(scored(&wall).remarks()[0].contains("hardly varies"), "{:?}", scored(&wall));
        assert!(scored(&room).flatness.unwrap() < 0.5, "{:?}", scored(&room));
        assert_eq!((scored(&room).inversion, scored(&room).seam), (Some(0.5), None));
        assert_eq!(scored(&[]).flatness, None);
    }
}
