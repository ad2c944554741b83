//! Color science: elementary functions with the same bits on every machine, transfer curves, primaries and matrices,
//! named encodings, and the one door to the ICC library.

pub mod curve;
pub mod encodings;
pub mod icc;
pub mod math;
pub mod matrix;

/// A color given as sRGB code values (0..1) as linear Rec.2020, the working space.
pub fn working_from_srgb(color: [f32; 3]) -> [f32; 3] {
    let decode = curve::CurveConstants::new(&encodings::SRGB_CURVE, curve::Direction::Decode);
    let light = color.map(|v| f64::from(decode.map_or(v, |c| curve::apply(&c, v))));
    let m = matrix::between(&matrix::REC709, &matrix::REC2020).unwrap_or(matrix::IDENTITY);
    matrix::apply(&m, light).map(|v| v as f32)
}
