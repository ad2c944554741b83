//! Depth that comes with the picture, at the picture's own size: normalized, never filtered.
//!
//! Robust percentiles need the whole map, but not in memory: values are counted in buckets of equal ratio (256 to the octave, so a
//! percentile is right within 0.3 %), whole numbers that commute, so strips and threads do not matter.
//!
//! What values mean ([`SuppliedKind`]): *depth* is positive, **infinity is farthest** (sky in renders) and takes part in the percentiles,
//! 0 and negative numbers are invalid; *disparity* and *distance* are any finite number. Invalid values do not count. They are farthest,
//! unless the map is one whose holes are filled ([`low`]).

pub mod low;

use crate::ops::distance;
use crate::plan::MetricScale;
pub use crate::plan::SuppliedKind;

impl SuppliedKind {
    /// What values are ordered by, larger = nearer: disparity, or distance with its sign turned. 0 for infinite depth; `None` for
    /// invalid values.
    #[inline(always)]
    pub fn nearness(self, value: f32) -> Option<f32> {
        match self {
            Self::Depth => {
                let disparity = 1.0 / value;
                (value > 0.0 && disparity.is_finite()).then_some(disparity)
            }
            Self::Disparity => value.is_finite().then_some(value),
            Self::Distance => value.is_finite().then_some(0.0 - value),
        }
    }
}

/// Bits of an f32 dropped to get its bucket: 15 of the 23 of the mantissa.
const DROPPED_BITS: u32 = 15;
/// Buckets of either sign.
const HALF: usize = 1 << (31 - DROPPED_BITS);

/// The bucket of a finite number. Floats of one sign order as their bits do, so equal bit ranges are buckets of equal ratio within an
/// octave; negative ones lie below, the largest magnitude first.
#[inline(always)]
fn bucket(value: f32) -> usize {
    let magnitude = ((value.to_bits() & 0x7fff_ffff) >> DROPPED_BITS) as usize;
    if value < 0.0 { HALF - 1 - magnitude } else { HALF + magnitude }
}

/// The middle of a bucket; 0 for the one that holds it.
fn middle(bucket: usize) -> f32 {
    let magnitude = |index: usize| {
        let edge = |i: u32| f32::from_bits(i << DROPPED_BITS);
        if index == 0 { 0.0 } else { (edge(index as u32) + edge(index as u32 + 1)) * 0.5 }
    };
    match bucket.checked_sub(HALF) {
        Some(index) => magnitude(index),
        None => -magnitude(HALF - 1 - bucket),
    }
}

/// Counts of values by their nearness, gathered strip by strip.
#[derive(Clone)]
pub struct SuppliedHistogram {
    kind: SuppliedKind,
    counts: Vec<u64>,
    valid: u64,
    invalid: u64,
}

impl SuppliedHistogram {
    /// No values yet.
    pub fn new(kind: SuppliedKind) -> Self {
        Self { kind, counts: vec![0; 2 * HALF], valid: 0, invalid: 0 }
    }

    /// Counts some values of the map, in any order and grouping.
    pub fn add(&mut self, values: &[f32]) {
        for &value in values {
            match self.kind.nearness(value) {
                Some(nearness) => {
                    if let Some(count) = self.counts.get_mut(bucket(nearness)) {
                        *count += 1;
                    }
                    self.valid += 1;
                }
                None => self.invalid += 1,
            }
        }
    }

    /// Adds the counts of another part of the same map.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.valid += other.valid;
        self.invalid += other.invalid;
    }

    /// Valid and invalid values counted so far.
    pub fn totals(&self) -> (u64, u64) {
        (self.valid, self.invalid)
    }

    /// Nearnesses, as the middle of their bucket, with how many valid values have them.
    pub fn nearnesses(&self) -> impl Iterator<Item = (f32, u64)> {
        let counted = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        counted.map(|(bucket, count)| (middle(bucket), *count))
    }

    /// The nearness below which `percent` of the valid values lie, as the middle of its bucket; `None` without valid values.
    pub fn percentile(&self, percent: u64) -> Option<f32> {
        let rank = (self.valid.checked_sub(1)?) * percent.min(100) / 100;
        let mut passed = 0;
        let found = self.counts.iter().position(|&count| {
            passed += count;
            passed > rank
        })?;
        // Infinite depth is disparity 0 exactly, not the middle of the first bucket.
        Some(middle(found))
    }

    /// How the map is normalized: its 1st percentile of nearness becomes 0, its 99th becomes 1. A constant map becomes 0.5.
    pub fn norm(&self) -> SuppliedNorm {
        let (low, high) = (self.percentile(1).unwrap_or(0.0), self.percentile(99).unwrap_or(0.0));
        let range = high - low;
        // Within one bucket there is nothing to tell near from far by.
        if !range.is_finite() || range <= high.abs().max(low.abs()) * (1.0 / 256.0) {
            return SuppliedNorm { kind: self.kind, scale: 0.0, offset: 0.5, bend: distance::OFFSET };
        }
        SuppliedNorm { kind: self.kind, scale: 1.0 / range, offset: -low / range, bend: distance::OFFSET }
    }
}

/// `normalized = clamp(nearness * scale + offset, 0, 1)`, for distances brought to disparity afterwards (as [`distance::disparity`] does).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SuppliedNorm {
    /// What the values mean.
    pub kind: SuppliedKind,
    /// Factor on nearness.
    pub scale: f32,
    /// Added after scaling.
    pub offset: f32,
    /// How distances become disparity: nearest over (farthest - nearest), [`distance::OFFSET`] where meters are not known.
    pub bend: f32,
}

impl SuppliedNorm {
    /// Normalized disparity, 0 farthest to 1 nearest, of a value of the map; invalid values are farthest.
    #[inline(always)]
    pub fn normalize(&self, value: f32) -> f32 {
        match self.kind.nearness(value) {
            Some(nearness) => self.of_nearness(nearness).clamp(0.0, 1.0),
            None if self.scale == 0.0 => self.offset,
            None => 0.0,
        }
    }

    /// Normalized disparity of a nearness; values beyond the percentiles lie outside 0..1 where disparity is what was measured.
    #[inline(always)]
    pub fn of_nearness(&self, nearness: f32) -> f32 {
        let normalized = nearness * self.scale + self.offset;
        match self.kind {
            // As `distance::disparity`, whose bend this one may replace.
            SuppliedKind::Distance => {
                let t = (1.0 - normalized).clamp(0.0, 1.0);
                self.bend * (1.0 - t) / (t + self.bend)
            }
            _ => normalized,
        }
    }

    /// The depth whose reciprocal, normalized by [`SuppliedNorm::step`], is the normalized disparity of a value: what the step that
    /// normalizes supplied depth takes. NaN for invalid values.
    #[inline(always)]
    pub fn depth(&self, value: f32) -> f32 {
        match (self.kind, self.kind.nearness(value)) {
            (SuppliedKind::Depth, Some(_)) => value,
            (_, Some(nearness)) => 1.0 / self.of_nearness(nearness).clamp(0.0, 1.0),
            (_, None) => f32::NAN,
        }
    }

    /// Scale and offset of the step that takes [`SuppliedNorm::depth`].
    pub fn step(&self) -> (f32, f32) {
        if self.kind == SuppliedKind::Depth { (self.scale, self.offset) } else { (1.0, 0.0) }
    }

    /// The same for distances whose nearest and farthest point are known in meters.
    pub fn between(self, near_m: f32, far_m: f32) -> Self {
        let bend = near_m / (far_m - near_m);
        if bend.is_finite() && bend > 0.0 { Self { bend, ..self } } else { self }
    }

    /// For depth between two known distances instead of percentiles: `near_m` becomes 1, `far_m` becomes 0.
    /// `None` unless `0 < near_m < far_m`; `far_m` may be infinite.
    pub fn anchored(near_m: f32, far_m: f32) -> Option<Self> {
        let MetricScale { scale, offset } = MetricScale::anchored(near_m, far_m)?;
        Some(Self { kind: SuppliedKind::Depth, scale, offset, bend: distance::OFFSET })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp() -> Vec<f32> {
        (1..=10_000).map(|i| i as f32 * 0.01).collect()
    }

    #[test]
    fn percentiles_are_of_disparity() {
        let mut histogram = SuppliedHistogram::new(SuppliedKind::Depth);
        histogram.add(&ramp());
        let norm = histogram.norm();
        // Nearest percent: z = 1; farthest percent: z = 99.
        assert!((histogram.percentile(99).unwrap() - 1.0).abs() < 0.012);
        assert!((histogram.percentile(1).unwrap() * 99.0 - 1.0).abs() < 0.005);
        assert_eq!((norm.normalize(0.5), norm.normalize(100.0)), (1.0, 0.0));
        assert!((norm.normalize(2.0) - (0.5 - 0.0101) / (1.0 - 0.0101)).abs() < 0.01);
    }

    #[test]
    fn parts_and_order_do_not_matter() {
        let values = ramp();
        let mut whole = SuppliedHistogram::new(SuppliedKind::Depth);
        whole.add(&values);
        let mut parts = SuppliedHistogram::new(SuppliedKind::Depth);
        for chunk in values.rchunks(777) {
            let mut part = SuppliedHistogram::new(SuppliedKind::Depth);
            part.add(chunk);
            parts.merge(&part);
        }
        assert_eq!(whole.norm(), parts.norm());
        assert_eq!(whole.totals(), (10_000, 0));
    }

    #[test]
    fn infinity_is_sky_and_the_rest_is_invalid() {
        let mut histogram = SuppliedHistogram::new(SuppliedKind::Depth);
        histogram.add(&[f32::INFINITY; 50]);
        histogram.add(&[1.0; 50]);
        histogram.add(&[0.0, -1.0, f32::NAN, f32::NEG_INFINITY, 1e-42]);
        assert_eq!(histogram.totals(), (100, 5));
        let norm = histogram.norm();
        assert_eq!(norm.normalize(f32::INFINITY), 0.0);
        assert!(norm.normalize(1.0) > 0.99);
        assert_eq!([0.0, f32::NAN, -2.0].map(|z| norm.normalize(z)), [0.0; 3]);
    }

    #[test]
    fn flat_and_empty_maps_are_the_middle() {
        let mut histogram = SuppliedHistogram::new(SuppliedKind::Disparity);
        assert_eq!(histogram.norm().normalize(3.0), 0.5);
        histogram.add(&[2.0; 100]);
        assert_eq!(histogram.norm().normalize(2.0), 0.5);
    }

    #[test]
    fn disparities_of_either_sign_keep_their_order() {
        let mut histogram = SuppliedHistogram::new(SuppliedKind::Disparity);
        let values: Vec<f32> = (-5000..=5000).map(|i| i as f32 * 0.01).collect();
        histogram.add(&values);
        histogram.add(&[f32::NAN, f32::INFINITY]);
        assert_eq!(histogram.totals(), (10_001, 2));
        for (percent, expected) in [(1, -49.0), (50, 0.0), (99, 49.0)] {
            let found = histogram.percentile(percent).unwrap();
            assert!((found - expected).abs() <= 0.15, "{percent}: {found}");
        }
        let norm = histogram.norm();
        assert!((norm.normalize(24.5) - 0.75).abs() < 0.01 && norm.normalize(-60.0) == 0.0);
        // The step computes 1 / depth.
        assert!((1.0 / norm.depth(24.5) - norm.normalize(24.5)).abs() < 1e-6 && norm.depth(-60.0) == f32::INFINITY);
    }

    #[test]
    fn distances_are_linear_in_depth() {
        let mut histogram = SuppliedHistogram::new(SuppliedKind::Distance);
        histogram.add(&(0..=1000).map(|i| i as f32 / 1000.0).collect::<Vec<_>>());
        let norm = histogram.norm();
        for t in [0.1f32, 0.3, 0.5, 0.9] {
            assert!((distance::distance(norm.normalize(t)) - t).abs() < 0.012, "{t}");
            // From 2 to 10 m, linear.
            let scale = MetricScale::anchored(2.0, 10.0).unwrap();
            let meters = scale.meters(norm.between(2.0, 10.0).normalize(t));
            assert!((meters - (2.0 + 8.0 * t)).abs() < 0.12, "{t}: {meters}");
        }
    }

    #[test]
    fn anchors_in_meters() {
        let norm = SuppliedNorm::anchored(2.0, f32::INFINITY).unwrap();
        assert_eq!([2.0, 4.0, f32::INFINITY].map(|z| norm.normalize(z)), [1.0, 0.5, 0.0]);
        assert!(SuppliedNorm::anchored(2.0, 1.0).is_none() && SuppliedNorm::anchored(0.0, 1.0).is_none());
    }

    #[test]
    fn what_is_no_distance_does_not_count_in_the_spread() {
        let mut histogram = SuppliedHistogram::new(SuppliedKind::Depth);
        // A third at 1 m, a third at 2 m, a third of sky.
        histogram.add(&[1.0; 300]);
        histogram.add(&[2.0; 300]);
        histogram.add(&[f32::INFINITY; 300]);
        histogram.add(&[f32::NAN; 900]);
        let norm = histogram.norm();
        let values = histogram.nearnesses().map(|(value, pixels)| (norm.of_nearness(value), pixels));
        let found = crate::ops::quantiles::Quantiles::of(values);
        let near = |share: f32, expected: f32| (found.at(share) - expected).abs() < 0.01;
        assert!(near(0.1, 1.0) && near(0.3, 1.0) && near(0.5, 0.5) && near(0.8, 0.0), "{found:?}");
    }
}
