//! The thin lens: how large the blur of a point is, and where the lens is focused.
//!
//! A lens of focal length `f` and f-number `N`, focused at `zf`, draws a point at distance `z` as a disk of the diameter
//! `c = f^2 / N * |z - zf| / (z * (zf - f))` on the sensor (Potmesil and Chakravarty, "A lens and aperture camera model for synthetic image
//! generation", 1981, equation 5; with the aperture `A = f / N`). As `|z - zf| / z = zf * |1 / zf - 1 / z|`, it is linear in `1 / z`, and so
//! in disparity: blur is one subtraction and one multiplication per pixel.

use super::super::distance;
use super::super::step::Frame;
use super::Params;
use crate::color::math::unit;

/// Diameter of the blur of a point at `z` on the sensor, in the unit of the arguments (mm).
pub fn circle_of_confusion(focal: f64, f_number: f64, focus: f64, z: f64) -> f64 {
    focal * focal / f_number * (z - focus).abs() / (z * (focus - focal))
}

/// From disparity to signed radii: in pixels of the picture, positive in front of the focus.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lens {
    /// Disparity in focus.
    pub focus: f32,
    /// Pixels of radius per unit of disparity.
    pub slope: f32,
    /// Largest radius in pixels.
    pub limit: f32,
}

/// The steepest slope, in largest radii per unit of disparity: noise of depth must not become noise of blur.
const STEEPEST: f64 = 64.0;

impl Lens {
    /// The lens for a picture, focused at disparity `focus`.
    ///
    /// # Errors
    /// A sentence when no such lens can be focused on the scene.
    pub fn new(params: &Params, frame: &Frame, focus: f32) -> Result<Self, String> {
        let long = f64::from(frame.extent.width.max(frame.extent.height));
        let limit = f64::from(params.max_blur) / 100.0 * long / 2.0;
        let slope = if params.lens == "physical" {
            physical(params, f64::from(focus))? / f64::from(params.sensor_mm) * long / 2.0
        } else {
            limit / f64::from(focus.max(1.0 - focus))
        };
        Ok(Self { focus, slope: slope.min(STEEPEST * limit) as f32, limit: limit as f32 })
    }

    /// Signed radius of the blur of a pixel.
    #[inline(always)]
    pub fn radius(&self, disparity: f32) -> f32 {
        let c = (unit(disparity) - self.focus) * self.slope;
        c.max(-self.limit).min(self.limit)
    }
}

/// Diameter on the sensor, in mm, per unit of disparity.
fn physical(params: &Params, focus: f64) -> Result<f64, String> {
    let [near, far] = [params.near_m, params.far_m].map(|v| f64::from(v) * 1000.0);
    let focal = f64::from(params.focal_length_mm);
    if near >= far {
        let (near, far) = (params.near_m, params.far_m);
        return Err(format!("defocus: near_m is {near} and far_m {far}: the far end must be farther away"));
    }
    if near <= 1.01 * focal {
        let (near, focal) = (params.near_m, params.focal_length_mm);
        return Err(format!(
            "defocus: near_m is {near} and focal_length_mm {focal}: a lens can be focused only beyond its focal length"
        ));
    }
    let inverse = |d: f64| 1.0 / far + d * (1.0 / near - 1.0 / far);
    let zf = 1.0 / inverse(focus);
    Ok(circle_of_confusion(focal, f64::from(params.f_number), zf, 1.0 / inverse(focus + 1.0)))
}

/// Nearest this share of the picture counts as the nearest subject.
const SUBJECT: f64 = 0.02;
/// Half of the side of the square around a point that its depth is the median of, as a share of the longer side.
const AROUND: f64 = 0.006;

/// Disparity in focus, from that of the whole picture at low resolution (`size` cells).
pub fn focus(params: &Params, disparity: &[f32], size: (usize, usize), frame: &Frame) -> f32 {
    match params.focus_on.as_str() {
        "nearest" => quantile(disparity.to_vec(), 1.0 - SUBJECT),
        "point" => quantile(around(params, disparity, size, frame), 0.5),
        _ => distance::disparity(params.focus),
    }
}

/// What is known of the focus without looking at the picture: a point counts as the middle of the scene.
pub fn blind_focus(params: &Params) -> f32 {
    match params.focus_on.as_str() {
        "nearest" => 1.0,
        "point" => 0.5,
        _ => distance::disparity(params.focus),
    }
}

fn quantile(mut values: Vec<f32>, share: f64) -> f32 {
    values.iter_mut().for_each(|v| *v = unit(*v));
    values.sort_unstable_by(f32::total_cmp);
    let at = (values.len().saturating_sub(1) as f64 * share).round() as usize;
    values.get(at).copied().unwrap_or(0.5)
}

/// Disparity of the cells around the focus point.
fn around(params: &Params, disparity: &[f32], (width, height): (usize, usize), frame: &Frame) -> Vec<f32> {
    let m = Frame { extent: crate::picture::Extent { width: width as u32, height: height as u32 }, ..*frame }.upright();
    let (u, v) = (params.focus_x, params.focus_y);
    let half = (AROUND * width.max(height) as f64).max(1.0) as f32;
    let [w, h] = [width as f32, height as f32];
    // Distances in cells: the linear part of the place is 1 / w or 1 / h.
    let side = if frame.orientation >= 5 { (h, w) } else { (w, h) };
    let is_near = |i: &usize| {
        let (x, y) = ((i % width) as f32, (i / width) as f32);
        let du = (m[0] * x + m[1] * y + m[2] - u) * side.0;
        let dv = (m[3] * x + m[4] * y + m[5] - v) * side.1;
        du.abs() <= half && dv.abs() <= half
    };
    (0..disparity.len()).filter(is_near).filter_map(|i| disparity.get(i).copied()).collect()
}
