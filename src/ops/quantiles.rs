//! How the depth of one picture is spread: a fact of the analyse phase that says where its nearest third ends.
//!
//! Kept in normalized disparity, not in distance: shares of the picture are the same in both, and what an estimate is uncertain by
//! is even in disparity.

use crate::color::math::unit;

/// Shares at which disparities are kept: every percent, both ends included.
const STEPS: usize = 100;
/// Places that disparities are counted in: fine beside what a soft border spans, coarse enough for a few pages of memory.
const PLACES: usize = 4096;

/// Normalized disparities of 0 %, 1 %, ... 100 % of a picture, counted from the nearest pixel: falling.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantiles([f32; STEPS + 1]);

impl Default for Quantiles {
    /// Disparities spread evenly from 1 to 0: what is assumed where nothing is known of a picture.
    fn default() -> Self {
        let mut even = [0.0; STEPS + 1];
        for (k, value) in even.iter_mut().enumerate() {
            *value = 1.0 - k as f32 / STEPS as f32;
        }
        Self(even)
    }
}

impl Quantiles {
    /// Of normalized disparities (1 = nearest) with how many pixels have each, in any order. What lies beyond 0 to 1 counts as its end,
    /// what is no number as farthest. Without a single pixel: even.
    pub fn of(disparities: impl Iterator<Item = (f32, u64)>) -> Self {
        let mut counts = [0u64; PLACES + 1];
        for (disparity, pixels) in disparities {
            let place = ((1.0 - unit(disparity)) * PLACES as f32 + 0.5) as usize;
            if let Some(count) = counts.get_mut(place) {
                *count += pixels;
            }
        }
        Self::of_counts(&counts).unwrap_or_default()
    }

    fn of_counts(counts: &[u64]) -> Option<Self> {
        let last = counts.iter().sum::<u64>().checked_sub(1)?;
        let (mut found, mut place, mut passed) = ([0.0; STEPS + 1], 0, *counts.first()?);
        for (k, value) in found.iter_mut().enumerate() {
            let rank = (u128::from(last) * k as u128 / STEPS as u128) as u64;
            while passed <= rank && place + 1 < counts.len() {
                place += 1;
                passed += counts.get(place).copied().unwrap_or_default();
            }
            *value = 1.0 - place as f32 / PLACES as f32;
        }
        Some(Self(found))
    }

    /// The normalized disparity that `share` (0 to 1) of the picture lies nearer than, linear between percents.
    pub fn at(&self, share: f32) -> f32 {
        let at = unit(share) * STEPS as f32;
        let before = (at as usize).min(STEPS - 1);
        let [from, to] = [self.0[before], self.0[before + 1]];
        from + (at - before as f32) * (to - from)
    }

    /// The share of the picture nearer than a normalized disparity, to a percent.
    pub fn share_nearer(&self, disparity: f32) -> f32 {
        self.0.partition_point(|v| *v > disparity).saturating_sub(1) as f32 / STEPS as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_disparities_are_their_own_quantiles() {
        let found = Quantiles::of((0..=10_000).map(|i| (i as f32 / 10_000.0, 3)));
        for k in 0..=20 {
            let share = k as f32 / 20.0;
            assert!((found.at(share) - (1.0 - share)).abs() < 1e-3, "{share}: {}", found.at(share));
            assert!((found.share_nearer(1.0 - share) - share).abs() < 0.0101, "{share}");
        }
        assert!((found.at(0.333) - Quantiles::default().at(0.333)).abs() < 1e-3);
    }

    #[test]
    fn order_does_not_matter_and_pixels_count() {
        let few = [(1.5, 60), (0.25, 30), (f32::NAN, 10)];
        let found = Quantiles::of(few.into_iter());
        assert_eq!(found, Quantiles::of(few.into_iter().rev()));
        assert_eq!([0.3, 0.7, 0.95].map(|s| found.at(s)), [1.0, 0.25, 0.0]);
        assert_eq!([0.9, 0.1].map(|d| found.share_nearer(d)), [0.6, 0.9]);
    }

    #[test]
    fn nothing_is_even_and_one_distance_is_everywhere() {
        assert_eq!(Quantiles::of(std::iter::empty()), Quantiles::default());
        let flat = Quantiles::of([(0.5, 1 << 60)].into_iter());
        assert_eq!((flat.at(0.0), flat.at(1.0)), (0.5, 0.5));
    }
}
