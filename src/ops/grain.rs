//! `grain`: film grain.
//!
//! Value noise: random values at the nodes of a lattice, between them a smooth step, divided by the root of the sum of squared weights, so
//! that the noise is as strong between nodes as on them. The lattice is turned against the pixels and its places are computed in whole numbers
//! (16 bits of fraction), so that the noise is a function of absolute x, y and seed alone, the same on every executor.

use super::{Context, Domain, Op, Px, Tables, params};

params! {
    /// Film grain, strongest in the middle tones.
    ///
    /// Added in the tonal domain; black and white have none. Grains keep their size relative to the picture, so
    /// that a large and a small copy look alike; they are never smaller than a pixel. The mean stays.
    pub struct Params {
        /// Strength: 100 = a standard deviation of 8 % of the range from black to white in the middle tones; 25 is a fine film.
        amount: f32 = 0.0, Kind::Number { min: 0.0, max: 100.0, unit: "" };
        /// Size of a grain, in pixels of a picture whose longer side has 6000.
        size: f32 = 2.0, Kind::Number { min: 0.5, max: 20.0, unit: "px" };
        /// Grain of its own in each of red, green and blue, as in color film; otherwise in lightness only.
        color: bool = false, Kind::Flag;
        /// Another number, another pattern. The same number gives the same pattern on every picture of a size.
        seed: u32 = 0u32, Kind::Whole { min: 0, max: 65535, unit: "" };
    }
}

/// Render-ready numbers.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Constants {
    /// Standard deviation in the middle tones, in the tonal domain.
    pub deviation: f32,
    /// 1 = each channel its own grain, 0 = the same in all.
    pub color: f32,
    /// Lattice steps per pixel along the lattice, times 65536.
    pub along: u32,
    /// Lattice steps per pixel across it, times 65536.
    pub across: u32,
    /// Seed, spread over all bits.
    pub seed: u32,
}

/// Longer side of the picture that `size` is given for.
const LONG_EDGE: f32 = 6000.0;
/// Standard deviation at an amount of 100. Below 1/12 a value of 0 to 1 stays one, as noise is held within 3 deviations and the envelope is
/// `4 v (1 - v)`.
const FULL: f32 = 0.08;
/// Largest noise, in standard deviations: what the three values of a node can add up to.
const LARGEST: f32 = 3.0;
/// Angle of the lattice: far from 0 and 45 degrees, and its tangent is no simple fraction.
const ANGLE: f32 = 0.6;
/// 10 random bits as a number of mean 0 and variance 1: less their mean, over the deviation of the uniform distribution,
/// `sqrt((1024^2 - 1) / 12)`.
const MEAN: f32 = 511.5;
const UNIT: f32 = 1.0 / 295.603_2;
/// 1 / sqrt(3): the sum of three such numbers has a variance of 3.
const OF_THREE: f32 = 0.577_350_26;

/// The operation.
pub struct Spec;

impl Op for Spec {
    const ID: &'static str = "grain";
    const WGSL: &'static str = include_str!("../../shaders/ops/grain.wgsl");
    type Params = Params;
    type Constants = Constants;

    fn domain(_: &Params) -> Domain {
        Domain::Grade
    }

    fn is_identity(params: &Params) -> bool {
        params.amount == 0.0
    }

    fn makes_color(params: &Params) -> bool {
        params.color && params.amount > 0.0
    }

    fn prepare(p: &Params, context: &Context, _: &mut Tables) -> Result<Constants, String> {
        let extent = context.frame.extent;
        let cell = p.size * extent.width.max(extent.height) as f32 / LONG_EDGE;
        let fixed = |steps: f32| (steps * 65_536.0).round() as u32;
        // Grains of a pixel: each pixel is a node, nothing is interpolated.
        let pixels = (fixed(1.0), 0);
        let (along, across) = if cell > 1.0 { (fixed(ANGLE.cos() / cell), fixed(ANGLE.sin() / cell)) } else { pixels };
        Ok(Constants {
            deviation: FULL * p.amount / 100.0,
            color: if p.color { 1.0 } else { 0.0 },
            along,
            across,
            seed: p.seed.wrapping_mul(0x27d4_eb2f),
        })
    }

    #[inline(always)]
    fn pixel(c: &Constants, _: &[u32], px: Px) -> Px {
        let u = px.x.wrapping_mul(c.along).wrapping_add(px.y.wrapping_mul(c.across));
        let v = px.y.wrapping_mul(c.along).wrapping_sub(px.x.wrapping_mul(c.across));
        // The lattice repeats after 65536 nodes, as the place in it does.
        let (u0, v0) = (u >> 16, v >> 16);
        let (u1, v1) = ((u0 + 1) & 0xffff, (v0 + 1) & 0xffff);
        let (s, t) = (smooth(u), smooth(v));
        let (w00, w10, w01, w11) = ((1.0 - s) * (1.0 - t), s * (1.0 - t), (1.0 - s) * t, s * t);
        let h00 = hash(u0, v0, c.seed);
        let h10 = hash(u1, v0, c.seed);
        let h01 = hash(u0, v1, c.seed);
        let h11 = hash(u1, v1, c.seed);
        let unit = UNIT / (w00 * w00 + w10 * w10 + w01 * w01 + w11 * w11).sqrt();
        let r = (w00 * bits(h00, 0) + w10 * bits(h10, 0) + w01 * bits(h01, 0) + w11 * bits(h11, 0)) * unit;
        let g = (w00 * bits(h00, 10) + w10 * bits(h10, 10) + w01 * bits(h01, 10) + w11 * bits(h11, 10)) * unit;
        let b = (w00 * bits(h00, 20) + w10 * bits(h10, 20) + w01 * bits(h01, 20) + w11 * bits(h11, 20)) * unit;
        let gray = (r + g + b) * OF_THREE;
        let rgb = [
            grained(c, px.rgb[0], gray + c.color * (r - gray)),
            grained(c, px.rgb[1], gray + c.color * (g - gray)),
            grained(c, px.rgb[2], gray + c.color * (b - gray)),
        ];
        Px { rgb, ..px }
    }
}

/// A smooth step of the fraction of a place.
#[inline(always)]
fn smooth(place: u32) -> f32 {
    let f = (place & 0xffff) as i32 as f32 * (1.0 / 65_536.0);
    f * f * (3.0 - 2.0 * f)
}

/// Random bits of a node: the finalizer of MurmurHash3 (Appleby, public domain) over mixed coordinates, as for dither.
#[inline(always)]
fn hash(u: u32, v: u32, seed: u32) -> u32 {
    let mut h = u.wrapping_mul(0x9e37_79b1) ^ v.wrapping_mul(0x85eb_ca77) ^ seed;
    h = (h ^ (h >> 16)).wrapping_mul(0x85eb_ca6b);
    h = (h ^ (h >> 13)).wrapping_mul(0xc2b2_ae35);
    h ^ (h >> 16)
}

/// 10 bits from `shift` on, less their mean.
#[inline(always)]
fn bits(hash: u32, shift: u32) -> f32 {
    ((hash >> shift) & 1023) as i32 as f32 - MEAN
}

/// A value with its noise.
#[inline(always)]
fn grained(c: &Constants, value: f32, noise: f32) -> f32 {
    let t = value.max(0.0).min(1.0);
    value + c.deviation * (4.0 * t * (1.0 - t)) * noise.max(-LARGEST).min(LARGEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Frame;
    use crate::picture::Extent;

    fn prepared(p: &Params, width: u32) -> Constants {
        let frame = Frame { extent: Extent { width, height: width / 2 }, ..Frame::default() };
        Spec::prepare(p, &Context { frame, ..Context::default() }, &mut Tables::default()).unwrap()
    }

    fn at(c: &Constants, x: u32, y: u32, value: f32) -> [f32; 3] {
        Spec::pixel(c, &[], Px { x, y, ..Px::of([value; 3]) }).rgb
    }

    /// Mean and standard deviation of the noise of a channel on flat gray, and the correlation with the next pixel and the next channel.
    fn statistics(c: &Constants, value: f32, n: u32) -> [f64; 4] {
        let (mut sum, mut squares, mut next, mut across) = (0.0, 0.0, 0.0, 0.0);
        for (x, y) in (0..n).flat_map(|y| (0..n).map(move |x| (x, y))) {
            let v = f64::from(at(c, x, y, value)[0] - value);
            sum += v;
            squares += v * v;
            next += v * f64::from(at(c, x + 1, y, value)[0] - value);
            across += v * f64::from(at(c, x, y, value)[1] - value);
        }
        let count = f64::from(n) * f64::from(n);
        [sum / count, (squares / count).sqrt(), next / squares, across / squares]
    }

    #[test]
    fn the_mean_stays_and_the_deviation_is_as_documented() {
        for (size, color) in [(1.0, false), (1.0, true), (3.0, false), (3.0, true)] {
            let p = Params { amount: 25.0, size, color, seed: 7 };
            let [mean, deviation, next, across] = statistics(&prepared(&p, 6000), 0.5, 1200);
            assert!(mean.abs() < 0.5 * 0.0005, "{p:?}: mean {mean}");
            assert!((deviation / 0.02 - 1.0).abs() < 0.01, "{p:?}: deviation {deviation}");
            assert!(if size > 1.0 { next > 0.6 } else { next.abs() < 0.01 }, "{p:?}: neighbor {next}");
            assert!(if color { across.abs() < 0.02 } else { across > 0.999 }, "{p:?}: channels {across}");
        }
    }

    #[test]
    fn middle_tones_have_most_and_the_range_is_kept() {
        let c = prepared(&Params { amount: 100.0, size: 1.0, color: true, seed: 1 }, 6000);
        let deviation = |value| statistics(&c, value, 100)[1];
        assert!((deviation(0.1) / deviation(0.5) - 0.36).abs() < 0.02);
        assert_eq!((deviation(0.0), deviation(1.0), deviation(-0.5), deviation(1.5)), (0.0, 0.0, 0.0, 0.0));
        for i in 0..40_000u32 {
            let value = (i % 101) as f32 / 100.0;
            assert!(at(&c, i, i / 7, value).iter().all(|v| (0.0..=1.0).contains(v)), "{value}");
        }
    }

    #[test]
    fn a_large_and_a_small_copy_look_alike() {
        // Neighbors of the small copy are as alike as pixels two apart in the large one.
        let p = Params { amount: 50.0, size: 6.0, ..Params::default() };
        let (large, small) = (prepared(&p, 6000), prepared(&p, 3000));
        assert!(small.along.abs_diff(2 * large.along) <= 1 && small.across.abs_diff(2 * large.across) <= 1);
        // Very small ones: a grain per pixel.
        assert_eq!((prepared(&p, 600).along, prepared(&p, 600).across), (65_536, 0));
    }

    #[test]
    fn seeds_differ_and_strips_do_not() {
        let of = |seed| prepared(&Params { amount: 50.0, seed, ..Params::default() }, 6000);
        let (a, b) = (of(1), of(2));
        let same = (0..1000).filter(|i| at(&a, *i, 3, 0.5) == at(&b, *i, 3, 0.5)).count();
        assert!(same < 5, "{same}");
        assert_eq!(at(&a, 70_000, 65_000, 0.5), at(&of(1), 70_000, 65_000, 0.5));
        // Where the lattice starts again nothing jumps: neighbors differ no more than elsewhere.
        let c = Constants { along: 1 << 12, across: 0, ..a };
        let seam = (65_536u32 << 4) - 1;
        assert!((at(&c, seam, 5, 0.5)[0] - at(&c, seam + 1, 5, 0.5)[0]).abs() < 0.02);
    }
}
