//! Depth that comes with the picture, at the picture's own size: normalized, never filtered.
//!
//! Robust percentiles need the whole map, but not in memory: values are counted in buckets of equal ratio (256 to the octave, so a
//! percentile is right within 0.3 %), whole numbers that commute, so strips and threads do not matter.
//!
//! What values mean: a positive finite number is itself; **infinity is farthest** (sky in renders) and takes part in the percentiles;
//! **0, negative numbers and NaN are invalid**: they do not count and are shown as farthest.

use serde::Serialize;

/// What the numbers of a supplied map mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SuppliedKind {
    /// Depth, larger = farther: meters, or any unit proportional to them.
    Depth,
    /// Disparity, larger = nearer.
    Disparity,
}

impl SuppliedKind {
    /// The disparity of a value; 0 for infinite depth; `None` for invalid values.
    #[inline(always)]
    pub fn disparity(self, value: f32) -> Option<f32> {
        let disparity = match self {
            Self::Depth => 1.0 / value,
            Self::Disparity => value,
        };
        (value > 0.0 && disparity.is_finite()).then_some(disparity)
    }
}

/// Bits of an f32 dropped to get its bucket: 15 of the 23 of the mantissa.
const DROPPED_BITS: u32 = 15;
const BUCKETS: usize = 1 << (31 - DROPPED_BITS);

/// Counts of disparities, gathered strip by strip.
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
        Self { kind, counts: vec![0; BUCKETS], valid: 0, invalid: 0 }
    }

    /// Counts some values of the map, in any order and grouping.
    pub fn add(&mut self, values: &[f32]) {
        for &value in values {
            match self.kind.disparity(value) {
                Some(disparity) => {
                    // Positive floats order as their bits do, so equal bit ranges are buckets of equal ratio within an octave.
                    self.counts[(disparity.to_bits() >> DROPPED_BITS) as usize & (BUCKETS - 1)] += 1;
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

    /// Disparities, as the middle of their bucket, with how many valid values have them.
    pub fn disparities(&self) -> impl Iterator<Item = (f32, u64)> {
        let edge = |bucket: u32| f32::from_bits(bucket << DROPPED_BITS);
        let counted = (0u32..).zip(&self.counts).filter(|(_, count)| **count > 0);
        counted.map(move |(bucket, count)| {
            (if bucket == 0 { 0.0 } else { (edge(bucket) + edge(bucket + 1)) * 0.5 }, *count)
        })
    }

    /// The disparity below which `percent` of the valid values lie, as the middle of its bucket; `None` without valid values.
    pub fn percentile(&self, percent: u64) -> Option<f32> {
        let rank = (self.valid.checked_sub(1)?) * percent.min(100) / 100;
        let mut passed = 0;
        let bucket = self.counts.iter().position(|&count| {
            passed += count;
            passed > rank
        })? as u32;
        let edge = |bucket: u32| f32::from_bits(bucket << DROPPED_BITS);
        // Infinite depth is disparity 0 exactly, not the middle of the first bucket.
        Some(if bucket == 0 { 0.0 } else { (edge(bucket) + edge(bucket + 1)) * 0.5 })
    }

    /// How the map is normalized: its 1st percentile of disparity becomes 0, its 99th becomes 1. A constant map becomes 0.5.
    pub fn norm(&self) -> SuppliedNorm {
        let (low, high) = (self.percentile(1).unwrap_or(0.0), self.percentile(99).unwrap_or(0.0));
        let range = high - low;
        // Within one bucket there is nothing to tell near from far by.
        if !range.is_finite() || range <= high * (1.0 / 256.0) {
            return SuppliedNorm { kind: self.kind, scale: 0.0, offset: 0.5 };
        }
        SuppliedNorm { kind: self.kind, scale: 1.0 / range, offset: -low / range }
    }
}

/// `normalized disparity = clamp(disparity * scale + offset, 0, 1)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SuppliedNorm {
    /// What the values mean.
    pub kind: SuppliedKind,
    /// Factor on disparity.
    pub scale: f32,
    /// Added after scaling.
    pub offset: f32,
}

impl SuppliedNorm {
    /// Normalized disparity, 0 farthest to 1 nearest, of a value of the map; invalid values are farthest.
    #[inline(always)]
    pub fn normalize(&self, value: f32) -> f32 {
        match self.kind.disparity(value) {
            Some(disparity) => (disparity * self.scale + self.offset).clamp(0.0, 1.0),
            None if self.scale == 0.0 => self.offset,
            None => 0.0,
        }
    }

    /// For depth between two known distances instead of percentiles: `near_m` becomes 1, `far_m` becomes 0.
    /// `None` unless `0 < near_m < far_m`; `far_m` may be infinite.
    pub fn anchored(near_m: f32, far_m: f32) -> Option<Self> {
        let (near, far) = (1.0 / near_m, 1.0 / far_m);
        let range = near - far;
        let ordered = near_m > 0.0 && near_m < far_m && range.is_finite() && range > 0.0;
        ordered.then(|| Self { kind: SuppliedKind::Depth, scale: 1.0 / range, offset: -far / range })
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
    fn anchors_in_meters() {
        let norm = SuppliedNorm::anchored(2.0, f32::INFINITY).unwrap();
        assert_eq!([2.0, 4.0, f32::INFINITY].map(|z| norm.normalize(z)), [1.0, 0.5, 0.0]);
        assert!(SuppliedNorm::anchored(2.0, 1.0).is_none() && SuppliedNorm::anchored(0.0, 1.0).is_none());
    }
}
