//! What is worth telling of a finished picture although nothing failed: clipped tones, and depth that looks wrong.
//!
//! None of this decides anything: a look may clip on purpose, and a ceiling may be nearer than the floor.

use rayon::prelude::*;

use crate::ops::{Isa, Kernel};
use crate::picture::{Channels, PixelLayout, SampleType, Strip};

/// Rows that are looked at: one in so many, chosen by their place in the picture.
const EVERY: u32 = 4;
/// Share of samples that must have been clipped by the grade before it is said.
const WORTH_SAYING: f64 = 0.005;

/// Samples at either end of the code range.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Clipped {
    low: u64,
    high: u64,
    total: u64,
}

impl Clipped {
    /// Counts in the looked-at rows of a strip of integers; floats have no ends. `stored` says as what the samples are looked at: a 16-bit
    /// code that becomes the last 8-bit one is at the end.
    pub fn add(&mut self, strip: &Strip, stored: SampleType, pool: &rayon::ThreadPool) {
        if !strip.layout.sample.is_integer() || strip.region.rows == 0 {
            return;
        }
        let (first, row_bytes) = (strip.region.y, strip.row_bytes());
        let seen = |y: u32| y.is_multiple_of(EVERY);
        let rows = strip.bytes().par_chunks(row_bytes.max(1)).enumerate();
        let (ends, isa) = (ends(strip.layout.sample, stored), Isa::best());
        let found = pool.install(|| {
            rows.filter(|(i, _)| seen(first + *i as u32))
                .map(|(_, row)| count(strip, row, ends, isa))
                .reduce(Self::default, Self::plus)
        });
        *self = self.plus(found);
    }

    fn plus(self, other: Self) -> Self {
        Self { low: self.low + other.low, high: self.high + other.high, total: self.total + other.total }
    }

    fn share(self, count: u64) -> f64 {
        count as f64 / self.total.max(1) as f64
    }

    /// What a grade from `before` to `self` did, in words.
    pub fn remarks(self, before: Self) -> Vec<String> {
        let one = |what: &str, end: &str, now: f64, then: f64| {
            let percent = |share: f64| format!("{:.1} %", share * 100.0);
            (now - then > WORTH_SAYING).then(|| {
                format!("{what} clip: {} of the samples are at the {end} code, {} came so", percent(now), percent(then))
            })
        };
        let high = one("highlights", "largest", self.share(self.high), before.share(before.high));
        let low = one("shadows", "smallest", self.share(self.low), before.share(before.low));
        high.into_iter().chain(low).collect()
    }
}

/// The largest code that is stored as the smallest one, and the smallest that is stored as the largest.
fn ends(sample: SampleType, stored: SampleType) -> (u16, u16) {
    match (sample, stored) {
        // Half a step of 8 bits: 65535 / 255 / 2.
        (SampleType::U16, SampleType::U8) => (128, 65_535 - 128),
        _ => (0, u16::MAX),
    }
}

/// Color samples of one row at the ends; alpha is none.
fn count(strip: &Strip, row: &[u8], (lowest, highest): (u16, u16), isa: Isa) -> Clipped {
    isa.run(Count { layout: strip.layout, row, lowest, highest })
}

struct Count<'a> {
    layout: PixelLayout,
    row: &'a [u8],
    lowest: u16,
    highest: u16,
}

impl Kernel for Count<'_> {
    type Out = Clipped;

    #[inline(always)]
    fn run(self) -> Clipped {
        let (lowest, highest) = (self.lowest, self.highest);
        match self.layout.sample {
            SampleType::U8 => of_channels(self.layout.channels, self.row, |v| v == 0, |v| v == u8::MAX),
            _ => {
                let samples: &[u16] = bytemuck::try_cast_slice(self.row).unwrap_or(&[]);
                of_channels(self.layout.channels, samples, |v| v <= lowest, |v| v >= highest)
            }
        }
    }
}

/// Samples that are compared in one go: counts of so few fit 16 bits, which keeps the loop in narrow lanes.
const RUN: usize = 12 * 1024;

#[inline(always)]
fn of_channels<T: Copy>(channels: Channels, row: &[T], low: impl Fn(T) -> bool, high: impl Fn(T) -> bool) -> Clipped {
    let mut found = Clipped::default();
    for run in row.chunks(RUN) {
        let (mut lows, mut highs) = (0u16, 0u16);
        if matches!(channels, Channels::Gray | Channels::Rgb) {
            for v in run {
                lows += u16::from(low(*v));
                highs += u16::from(high(*v));
            }
            found.total += run.len() as u64;
        } else {
            let color = channels.count() - 1;
            for px in run.chunks_exact(channels.count()) {
                for v in &px[..color] {
                    lows += u16::from(low(*v));
                    highs += u16::from(high(*v));
                }
            }
            found.total += (run.len() / channels.count() * color) as u64;
        }
        found.low += u64::from(lows);
        found.high += u64::from(highs);
    }
    found
}

/// Half width of the band around the median that counts as one distance.
const SAME: f32 = 0.04;
/// Share of a picture at one distance that counts as flat.
const FLAT: f64 = 0.9;
/// How much nearer the top of a picture may be than its bottom.
const TOP_HEAVY: f64 = 0.35;

/// Remarks on a map of normalized disparity (0 farthest, 1 nearest) of the upright picture, row after row.
pub fn of_depth(disparity: &[f32], width: usize) -> Vec<String> {
    let mut sorted: Vec<f32> = disparity.to_vec();
    let middle = sorted.len() / 2;
    if sorted.is_empty() || width == 0 {
        return Vec::new();
    }
    let (_, median, _) = sorted.select_nth_unstable_by(middle, f32::total_cmp);
    let median = *median;
    let near = disparity.iter().filter(|d| (**d - median).abs() <= SAME).count();
    let mut found = Vec::new();
    if near as f64 > FLAT * disparity.len() as f64 {
        found.push("depth hardly varies over the picture: what depends on distance does little".to_owned());
    }
    let quarter = (disparity.len() / width / 4).max(1) * width;
    let mean = |part: &[f32]| part.iter().map(|d| f64::from(*d)).sum::<f64>() / part.len().max(1) as f64;
    let (top, bottom) = (
        mean(&disparity[..quarter.min(disparity.len())]),
        mean(&disparity[disparity.len() - quarter.min(disparity.len())..]),
    );
    found.extend(upside_down(top, bottom));
    found
}

/// The remark on a picture whose top is nearer than its bottom: rare in photographs, usual for maps of the wrong polarity.
pub fn upside_down(top: f64, bottom: f64) -> Option<String> {
    (top - bottom > TOP_HEAVY).then(|| {
        "the top of the picture is much nearer than its bottom: if that is not so, the depth is inverted".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Alpha, Region};

    #[test]
    fn clipping_is_counted_against_what_came() {
        let layout = PixelLayout { sample: SampleType::U16, channels: Channels::Rgba, alpha: Alpha::Unassociated };
        let strip = |value: u16| {
            let mut strip = Strip::new(Region { width: 10, y: 0, rows: 8 }, layout);
            for (i, bytes) in strip.bytes_mut().chunks_exact_mut(2).enumerate() {
                let code = if i % 4 == 3 {
                    u16::MAX
                } else if i % 4 == 0 {
                    value
                } else {
                    9
                };
                bytes.copy_from_slice(&code.to_ne_bytes());
            }
            strip
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let seen = |value| {
            let mut clipped = Clipped::default();
            clipped.add(&strip(value), SampleType::U16, &pool);
            clipped
        };
        assert_eq!(seen(7), Clipped { low: 0, high: 0, total: 60 });
        let remarks = seen(u16::MAX).remarks(seen(7));
        assert_eq!(remarks, ["highlights clip: 33.3 % of the samples are at the largest code, 0.0 % came so"]);
        assert!(seen(0).remarks(seen(7))[0].starts_with("shadows clip"));
        assert!(seen(0).remarks(seen(0)).is_empty());
    }

    #[test]
    fn flat_and_inverted_depth_are_remarked() {
        let ramp: Vec<f32> = (0..400).map(|i| (i / 20) as f32 / 19.0).collect();
        assert!(of_depth(&ramp, 20).is_empty(), "nearer towards the bottom");
        let turned: Vec<f32> = ramp.iter().rev().copied().collect();
        assert!(of_depth(&turned, 20)[0].contains("inverted"));
        let mut flat = vec![0.5; 400];
        flat[..20].fill(1.0);
        assert!(of_depth(&flat, 20)[0].contains("hardly varies"));
        assert!(of_depth(&[], 20).is_empty());
    }
}
