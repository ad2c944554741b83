//! Color encoding: what the code values of a picture mean, on the axes of ITU-T H.273 (CICP) that matter to RGB files:
//! primaries and transfer function, plus whether 1.0 is a display's white or a point on an open scale.

use std::sync::Arc;

/// CIE 1931 xy chromaticities of the three primaries and the white point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Primaries {
    /// Red x, y.
    pub red: [f64; 2],
    /// Green x, y.
    pub green: [f64; 2],
    /// Blue x, y.
    pub blue: [f64; 2],
    /// White x, y.
    pub white: [f64; 2],
}

/// Meaning of 1.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Referred {
    /// Meant for a display: 0 = black, 1 = white.
    Display,
    /// Proportional to scene light, unbounded.
    Scene,
}

/// A monotone sampled curve, `y[i]` at x = i / (len - 1), as ICC profiles carry (ICC.1:2022, 10.6).
#[derive(Debug, Clone, PartialEq)]
pub struct CurveTable {
    /// Samples in 0..1, at least 2, non-decreasing.
    pub samples: Vec<f32>,
}

/// Transfer function, as the way from code value (0..1) to linear light.
#[derive(Debug, Clone, PartialEq)]
pub enum Curve {
    /// Code value is linear light.
    Linear,
    /// `x^gamma`, with a linear toe near black so that the inverse has a finite slope ([`crate::color::curve::toe_light`]).
    Power {
        /// Exponent, e.g. 2.2.
        gamma: f32,
    },
    /// `((x + offset) / (1 + offset))^gamma` above `cut`, `x / slope` below (IEC 61966-2-1 with gamma 2.4, offset .055, slope 12.92,
    /// cut .04045; ITU-R BT.709 with gamma 1/.45, offset .099, slope 4.5, cut .081; ICC parametric curve type 3).
    Parametric {
        /// Exponent.
        gamma: f32,
        /// Scale inside the power: 1 / (1 + offset).
        scale: f32,
        /// Offset inside the power: offset / (1 + offset).
        offset: f32,
        /// Slope of the linear part, from code value to light: 1 / 12.92 for sRGB.
        slope: f32,
        /// Code value at which the power part begins.
        cut: f32,
    },
    /// ACEScct: logarithmic above 0.0078125 of linear light, straight below (AMPAS S-2016-001, 4.4).
    Acescct,
    /// A sampled curve, one for all channels.
    Table(Arc<CurveTable>),
}

impl ColorEncoding {
    /// True when code values mean the same color in both, under whatever name.
    pub fn same_codes(&self, other: &Self) -> bool {
        self.primaries == other.primaries && self.curve == other.curve
    }
}

/// Primaries, transfer function and reference of a picture's code values.
#[derive(Debug, Clone, PartialEq)]
pub struct ColorEncoding {
    /// Name for people: "sRGB", "Display P3", "ICC: Adobe RGB (1998)", ...
    pub name: String,
    /// Primaries and white point.
    pub primaries: Primaries,
    /// Transfer function.
    pub curve: Curve,
    /// Display- or scene-referred.
    pub referred: Referred,
}
