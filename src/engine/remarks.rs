//! What is worth telling of a finished picture although nothing failed: clipped tones. Depth that looks wrong is told by `depth::gate`.
//!
//! None of this decides anything: a look may clip on purpose.

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
}
