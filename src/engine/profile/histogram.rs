//! Durations by size, in bounded room: quantiles of any number of spans.

use std::sync::atomic::{AtomicU64, Ordering};

/// Steps per doubling, as a power of two: 16 steps, so that a quantile is known within 1/32 of its value.
const STEP_BITS: u32 = 4;
/// Steps per doubling.
const STEPS: usize = 1 << STEP_BITS;
/// Doublings: 2^44 nanoseconds are almost five hours; what takes longer counts as that.
const DOUBLINGS: usize = 44;

/// Counts of durations in nanoseconds.
#[derive(Debug)]
pub struct Histogram {
    counts: Vec<AtomicU64>,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: std::iter::repeat_with(AtomicU64::default).take(STEPS * DOUBLINGS).collect() }
    }
}

/// The step a duration falls into: its highest bit, then the bits after it.
fn place(nanos: u64) -> usize {
    let high = nanos.max(1).ilog2();
    let within = if high >= STEP_BITS { nanos >> (high - STEP_BITS) } else { nanos.max(1) << (STEP_BITS - high) };
    (high as usize * STEPS + (within as usize & (STEPS - 1))).min(STEPS * DOUBLINGS - 1)
}

/// The middle of a step.
fn middle(place: usize) -> u64 {
    let (high, within) = (place / STEPS, (place % STEPS) as f64);
    ((1.0 + (within + 0.5) / STEPS as f64) * (high as f64).exp2()) as u64
}

impl Histogram {
    /// Counts one.
    pub fn add(&self, nanos: u64) {
        if let Some(count) = self.counts.get(place(nanos)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.counts.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// The duration that the share `at` (0 to 1) of them does not exceed, in nanoseconds; `None` without any.
    pub fn quantile(&self, at: f64) -> Option<u64> {
        let wanted = (self.count() as f64 * at).ceil().max(1.0) as u64;
        let mut seen = 0;
        let found = self.counts.iter().position(|count| {
            seen += count.load(Ordering::Relaxed);
            seen >= wanted
        });
        found.map(middle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_close() {
        let histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), None);
        (1..=1000u64).for_each(|i| histogram.add(i * 1000));
        for (at, expected) in [(0.0, 1000.0), (0.5, 500_000.0), (0.95, 950_000.0), (1.0, 1_000_000.0)] {
            let found = histogram.quantile(at).unwrap() as f64;
            assert!((found / expected - 1.0).abs() < 0.04, "{at}: {found}, expected {expected}");
        }
        histogram.add(0);
        histogram.add(u64::MAX);
        assert_eq!(histogram.count(), 1002);
    }
}
