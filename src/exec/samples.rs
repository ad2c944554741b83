//! Between file samples and the float planes of a chunk: the front and the end of every pass on the CPU.

use half::f16;

use crate::ops::Chunk;
use crate::picture::{Alpha, Channels, PixelLayout, SampleType};

/// Loads `chunk.len` pixels from `row` starting at pixel `first`; gray is spread to the three planes, color is unassociated from
/// alpha where alpha > 0.
pub fn load(layout: PixelLayout, row: &[u8], first: usize, chunk: &mut Chunk) {
    let n = chunk.len;
    let bytes = layout.pixel_bytes();
    let row = &row[first * bytes..(first + n) * bytes];
    match layout.sample {
        SampleType::U8 => deinterleave(layout.channels, row, chunk, |v: u8| f32::from(v) / 255.0),
        SampleType::U16 => deinterleave(layout.channels, cast(row), chunk, |v: u16| f32::from(v) / 65_535.0),
        SampleType::F16 => deinterleave(layout.channels, cast(row), chunk, |v: f16| v.to_f32()),
        SampleType::F32 => deinterleave(layout.channels, cast(row), chunk, |v: f32| v),
    }
    if layout.alpha == Alpha::Associated {
        for i in 0..n {
            let alpha = chunk.alpha[i];
            let divisor = if alpha > 0.0 { alpha } else { 1.0 };
            for plane in &mut chunk.rgb {
                plane[i] /= divisor;
            }
        }
    }
}

/// True when a pixel of the chunk covers nothing: its alpha is not above 0.
pub fn has_transparent(chunk: &Chunk) -> bool {
    chunk.alpha[..chunk.len].iter().fold(false, |any, alpha| any | (alpha.max(0.0) == 0.0))
}

/// Rows of a strip start at a whole sample of 4-byte aligned storage, so the view cannot fail; an empty view would be a bug and shows
/// as an index panic in tests.
pub(super) fn cast<T: bytemuck::AnyBitPattern>(bytes: &[u8]) -> &[T] {
    bytemuck::try_cast_slice(bytes).unwrap_or(&[])
}

pub(super) fn cast_mut<T: bytemuck::Pod>(bytes: &mut [u8]) -> &mut [T] {
    bytemuck::try_cast_slice_mut(bytes).unwrap_or(&mut [])
}

fn deinterleave<T: Copy>(channels: Channels, samples: &[T], chunk: &mut Chunk, to: impl Fn(T) -> f32) {
    let n = chunk.len;
    let [r, g, b] = &mut chunk.rgb;
    let (r, g, b, alpha) = (&mut r[..n], &mut g[..n], &mut b[..n], &mut chunk.alpha[..n]);
    match channels {
        Channels::Gray => {
            for (i, s) in samples[..n].iter().enumerate() {
                let v = to(*s);
                (r[i], g[i], b[i], alpha[i]) = (v, v, v, 1.0);
            }
        }
        Channels::GrayAlpha => {
            for (i, s) in samples[..2 * n].chunks_exact(2).enumerate() {
                let v = to(s[0]);
                (r[i], g[i], b[i], alpha[i]) = (v, v, v, to(s[1]));
            }
        }
        Channels::Rgb => {
            for (i, s) in samples[..3 * n].chunks_exact(3).enumerate() {
                (r[i], g[i], b[i], alpha[i]) = (to(s[0]), to(s[1]), to(s[2]), 1.0);
            }
        }
        Channels::Rgba => {
            for (i, s) in samples[..4 * n].chunks_exact(4).enumerate() {
                (r[i], g[i], b[i], alpha[i]) = (to(s[0]), to(s[1]), to(s[2]), to(s[3]));
            }
        }
    }
}

/// Stores the chunk into `row` from pixel `first` on: associates color where the layout wants it, then rounds (or dithers 8-bit samples
/// with `dither_seed`). A gray layout takes the green plane. `from` is the association of the picture that came in: where alpha is 0,
/// associated color is light of its own and stays, color behind unassociated alpha was never seen and is not made light.
pub fn store(
    from: Alpha,
    layout: PixelLayout,
    chunk: &mut Chunk,
    dither_seed: Option<u32>,
    row: &mut [u8],
    first: usize,
) {
    let n = chunk.len;
    if layout.alpha == Alpha::Associated {
        let keeps_light = from == Alpha::Associated;
        for i in 0..n {
            let alpha = chunk.alpha[i];
            for plane in &mut chunk.rgb {
                let light = if keeps_light { plane[i] } else { 0.0 };
                plane[i] = if alpha > 0.0 { plane[i] * alpha } else { light };
            }
        }
    }
    let bytes = layout.pixel_bytes();
    let row = &mut row[first * bytes..(first + n) * bytes];
    let (x, y) = (chunk.x, chunk.y);
    match (layout.sample, dither_seed) {
        (SampleType::U8, None) => interleave(layout.channels, row, chunk, |v, _, _| (code(v, 255.0) + 0.5) as u8),
        (SampleType::U8, Some(seed)) => interleave(layout.channels, row, chunk, |v, i, channel| {
            (code(v, 255.0) + dither(x + i as u32, y, channel, seed)) as u8
        }),
        (SampleType::U16, _) => {
            interleave(layout.channels, cast_mut(row), chunk, |v, _, _| (code(v, 65_535.0) + 0.5) as u16)
        }
        (SampleType::F16, _) => {
            interleave(layout.channels, cast_mut(row), chunk, |v, _, _| f16::from_f32(within_half(v)))
        }
        (SampleType::F32, _) => interleave(layout.channels, cast_mut(row), chunk, |v, _, _| v),
    }
}

/// Holds a finite value inside what a half float can say, -65504 to 65504: bright light must not become infinite by being stored.
/// Infinities and NaN pass.
#[inline(always)]
fn within_half(v: f32) -> f32 {
    let largest = f16::MAX.to_f32();
    if v.abs() < f32::INFINITY { v.max(-largest).min(largest) } else { v }
}

/// Scales to code values; NaN becomes 0 because `max` drops it. The casts that follow truncate a value that is never negative.
#[inline(always)]
fn code(v: f32, white: f32) -> f32 {
    v.max(0.0).min(1.0) * white
}

/// Rectangular dither in 0..1 from position and seed alone: the finalizer of MurmurHash3 (Appleby, public domain) over mixed coordinates.
/// It has 16 bits, so that its sum with any code of 8 bits is exact: a code that is exact stays that code.
#[inline(always)]
pub fn dither(x: u32, y: u32, channel: u32, seed: u32) -> f32 {
    let mut h = x.wrapping_mul(0x9e37_79b1) ^ y.wrapping_mul(0x85eb_ca77) ^ channel.wrapping_mul(0xc2b2_ae3d) ^ seed;
    h = (h ^ (h >> 16)).wrapping_mul(0x85eb_ca6b);
    h = (h ^ (h >> 13)).wrapping_mul(0xc2b2_ae35);
    h ^= h >> 16;
    (h >> 16) as f32 * (1.0 / 65_536.0)
}

fn interleave<T>(channels: Channels, samples: &mut [T], chunk: &Chunk, to: impl Fn(f32, usize, u32) -> T) {
    let n = chunk.len;
    let [r, g, b] = &chunk.rgb;
    let (r, g, b, alpha) = (&r[..n], &g[..n], &b[..n], &chunk.alpha[..n]);
    match channels {
        Channels::Gray => {
            for (i, s) in samples[..n].iter_mut().enumerate() {
                *s = to(g[i], i, 1);
            }
        }
        Channels::GrayAlpha => {
            for (i, s) in samples[..2 * n].chunks_exact_mut(2).enumerate() {
                (s[0], s[1]) = (to(g[i], i, 1), to(alpha[i], i, 3));
            }
        }
        Channels::Rgb => {
            for (i, s) in samples[..3 * n].chunks_exact_mut(3).enumerate() {
                (s[0], s[1], s[2]) = (to(r[i], i, 0), to(g[i], i, 1), to(b[i], i, 2));
            }
        }
        Channels::Rgba => {
            for (i, s) in samples[..4 * n].chunks_exact_mut(4).enumerate() {
                (s[0], s[1], s[2], s[3]) = (to(r[i], i, 0), to(g[i], i, 1), to(b[i], i, 2), to(alpha[i], i, 3));
            }
        }
    }
}
