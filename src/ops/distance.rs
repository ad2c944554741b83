//! Distance as recipes mean it: 0 = nearest, 1 = farthest, from normalized disparity.
//!
//! Disparity is the reciprocal of depth, so it spends most of its range on what is near. Haze and depth zones want a
//! value that behaves like depth. `distance = (1 - d) f / (d + f)` is exactly that: it is proportional to
//! `1 / (d + f) - 1 / (1 + f)`, the depth of a scene whose nearest point (d = 1) lies at `1 / (1 + f)` and whose farthest
//! (d = 0) lies at `1 / f`. With f = 0.2 the farthest point is (1 + f) / f = 6 times as far as the nearest, which keeps
//! the near half of a picture from being veiled when the true scale is unknown (a relative map).
//!
//! The GPU twin is `shaders/lib/distance.wgsl`.

use crate::color::math::unit;

/// The offset f of the convention: farthest / nearest = (1 + f) / f = 6.
pub const OFFSET: f32 = 0.2;

/// Distance 0 (nearest) .. 1 (farthest) of normalized disparity `d`, which is clamped to 0..1 first; NaN is farthest.
#[inline(always)]
pub fn distance(d: f32) -> f32 {
    let d = unit(d);
    (1.0 - d) * OFFSET / (d + OFFSET)
}

/// The inverse: normalized disparity of a distance in 0..1 (clamped first); NaN reads as 0, the nearest.
#[inline(always)]
pub fn disparity(distance: f32) -> f32 {
    let t = unit(distance);
    OFFSET * (1.0 - t) / (t + OFFSET)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_and_middle() {
        assert_eq!(distance(1.0), 0.0);
        assert_eq!(distance(0.0), 1.0);
        assert!((distance(0.5) - 1.0 / 7.0).abs() < 1e-6);
        assert_eq!((distance(-3.0), distance(7.0), distance(f32::NAN)), (1.0, 0.0, 1.0));
    }

    #[test]
    fn behaves_like_depth() {
        // Depth of a scene 1 to 6 units deep, from its own disparity 1/z scaled to 0..1, comes back linear.
        for z in [1.0f32, 1.5, 2.0, 3.0, 5.0, 6.0] {
            let d = (1.0 / z - 1.0 / 6.0) / (1.0 - 1.0 / 6.0);
            assert!((distance(d) - (z - 1.0) / 5.0).abs() < 1e-6, "{z}");
        }
    }

    #[test]
    fn the_inverse_comes_home() {
        for i in 0..=100 {
            let d = i as f32 / 100.0;
            assert!((disparity(distance(d)) - d).abs() < 2e-6, "{d}");
        }
    }
}
