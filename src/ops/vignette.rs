//! `vignette`: darker or lighter toward the corners.

use super::{Context, Domain, Op, Px, Tables, params};
use crate::color::math::{each_channel, exp2, smoothstep};

params! {
    /// Exposure that changes toward the corners.
    ///
    /// Works in linear light, as a lens does. The shape is centered and follows the format of the picture, whatever its size and however it is
    /// turned.
    pub struct Params {
        /// Exposure at the corners: -1 halves the light there.
        amount: f32 = 0.0, Kind::Number { min: -4.0, max: 4.0, unit: "stops" };
        /// Where it happens: 0 = from the center on, 100 = in the corners only.
        midpoint: f32 = 50.0, Kind::Number { min: 0.0, max: 100.0, unit: "" };
        /// Shape: 0 = an ellipse that follows the format, 100 = a circle, -100 = a rounded rectangle.
        roundness: f32 = 0.0, Kind::Number { min: -100.0, max: 100.0, unit: "" };
        /// Softness: 0 = an edge at the midpoint, 100 = gradual from the center to the corner.
        feather: f32 = 75.0, Kind::Number { min: 0.0, max: 100.0, unit: "" };
    }
}

/// Render-ready numbers. Radii: 0 = center, 1 = corner.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Constants {
    /// Center of the picture, in pixels from the middle of the first one.
    pub center: [f32; 2],
    /// 1 / half the size, so that places in the picture are -1 to 1.
    pub scale: [f32; 2],
    /// Weights of the squared places in the squared radius.
    pub ellipse: [f32; 2],
    /// Weight of the rounded rectangle in the squared radius.
    pub rectangle: f32,
    /// Radius at which the change begins.
    pub start: f32,
    /// Radius at which it is complete.
    pub end: f32,
    /// Stops there.
    pub stops: f32,
}

/// The narrowest edge, in radii: a hard edge would be jagged.
const NARROWEST: f32 = 0.005;

/// The operation.
pub struct Spec;

impl Op for Spec {
    const ID: &'static str = "vignette";
    const WGSL: &'static str = include_str!("../../shaders/ops/vignette.wgsl");
    const ACTS_ON_TRANSPARENT: bool = true;
    type Params = Params;
    type Constants = Constants;

    fn domain(_: &Params) -> Domain {
        Domain::Linear
    }

    fn is_identity(params: &Params) -> bool {
        params.amount == 0.0
    }

    fn prepare(p: &Params, context: &Context, _: &mut Tables) -> Result<Constants, String> {
        // The shape is the same from every side: the stored frame serves all orientations.
        let extent = context.frame.extent;
        let half = [extent.width as f32 / 2.0, extent.height as f32 / 2.0];
        let diagonal_squared = half[0] * half[0] + half[1] * half[1];
        let circle = half.map(|v| v * v / diagonal_squared);
        let (round, square) = (p.roundness.max(0.0) / 100.0, -p.roundness.min(0.0) / 100.0);
        let (midpoint, feather) = (p.midpoint / 100.0, p.feather / 100.0);
        let start = (midpoint * (1.0 - feather)).min(1.0 - NARROWEST);
        Ok(Constants {
            center: half.map(|v| v - 0.5),
            scale: half.map(|v| 1.0 / v),
            ellipse: circle.map(|v| (1.0 - square) * (0.5 + round * (v - 0.5))),
            rectangle: square,
            start,
            end: (midpoint + (1.0 - midpoint) * feather).max(start + NARROWEST),
            stops: p.amount,
        })
    }

    #[inline(always)]
    fn pixel(c: &Constants, _: &[u32], px: Px) -> Px {
        // Signed integers convert to floats in one instruction.
        let u = ((px.x as i32 as f32 - c.center[0]) * c.scale[0]).abs().min(2.0);
        let v = ((px.y as i32 as f32 - c.center[1]) * c.scale[1]).abs().min(2.0);
        let (u2, v2) = (u * u, v * v);
        let (u4, v4) = (u2 * u2, v2 * v2);
        // A superellipse of exponent 8; its radius squared is the fourth root of the mean of the powers.
        let rounded = ((u4 * u4 + v4 * v4) * 0.5).sqrt().sqrt();
        let radius = (c.ellipse[0] * u2 + c.ellipse[1] * v2 + c.rectangle * rounded).sqrt();
        let gain = exp2(c.stops * smoothstep(c.start, c.end, radius));
        Px { rgb: each_channel(px.rgb, |v| v * gain), ..px }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Frame;
    use crate::picture::Extent;

    fn gain(p: &Params, extent: Extent, orientation: u16, x: u32, y: u32) -> f32 {
        let context = Context { frame: Frame { extent, orientation, ..Frame::default() }, ..Context::default() };
        let c = Spec::prepare(p, &context, &mut Tables::default()).unwrap();
        Spec::pixel(&c, &[], Px { x, y, ..Px::of([1.0; 3]) }).rgb[0]
    }

    const LOOKS: [(f32, f32, f32); 4] =
        [(50.0, 0.0, 75.0), (30.0, 100.0, 40.0), (60.0, -100.0, 100.0), (100.0, -40.0, 0.0)];

    fn look((midpoint, roundness, feather): (f32, f32, f32)) -> Params {
        Params { amount: -2.0, midpoint, roundness, feather }
    }

    #[test]
    fn the_corner_takes_the_stops_and_the_center_none() {
        let extent = Extent { width: 3001, height: 2001 };
        for numbers in LOOKS {
            let p = look(numbers);
            assert!((gain(&p, extent, 1, 0, 0) - 0.25).abs() < 0.01, "{p:?}: {}", gain(&p, extent, 1, 0, 0));
            assert_eq!(gain(&p, extent, 1, 1500, 1000), 1.0, "{p:?}");
        }
    }

    /// The picture as shown does not depend on how it is stored.
    #[test]
    fn all_orientations_look_alike() {
        let shown = Extent { width: 90, height: 60 };
        for numbers in LOOKS {
            let p = look(numbers);
            for orientation in 1..=8u16 {
                let turned = Extent { width: shown.height, height: shown.width };
                let extent = if orientation >= 5 { turned } else { shown };
                let m = Frame { extent, orientation, ..Frame::default() }.upright();
                for (x, y) in (0..extent.width).flat_map(|x| (0..extent.height).map(move |y| (x, y))) {
                    let (fx, fy) = (x as f32, y as f32);
                    let u = (m[0] * fx + m[1] * fy + m[2]) * 90.0 - 0.5;
                    let v = (m[3] * fx + m[4] * fy + m[5]) * 60.0 - 0.5;
                    let expected = gain(&p, shown, 1, u.round() as u32, v.round() as u32);
                    let found = gain(&p, extent, orientation, x, y);
                    assert!((found - expected).abs() < 1e-5, "orientation {orientation}, {x} {y}: {found}, {expected}");
                }
            }
        }
    }

    #[test]
    fn size_does_not_matter_and_shapes_differ() {
        let (small, large) = (Extent { width: 300, height: 200 }, Extent { width: 6900, height: 4600 });
        for numbers in LOOKS {
            let p = look(numbers);
            for (x, y) in [(30, 100), (150, 20), (10, 10), (290, 150)] {
                let (a, b) = (gain(&p, small, 1, x, y), gain(&p, large, 1, x * 23 + 11, y * 23 + 11));
                assert!((a - b).abs() < 1e-4, "{p:?} at {x} {y}: {a} {b}");
            }
        }
        // Darker in the middle of the long side than of the short side: the circle does not reach the ellipse's.
        let middle = |roundness| {
            let p = Params { amount: -2.0, roundness, ..Params::default() };
            [gain(&p, small, 1, 0, 100), gain(&p, small, 1, 150, 0)]
        };
        let [ellipse, circle, rectangle] = [0.0, 100.0, -100.0].map(middle);
        assert!((ellipse[0] - ellipse[1]).abs() < 0.02 && circle[0] < circle[1] - 0.1, "{ellipse:?} {circle:?}");
        assert!(rectangle[0] < ellipse[0] - 0.02, "{rectangle:?}");
    }
}
