//! Lookup tables: what a LUT is, how a `.cube` file is read and written, and the reference interpolation.
//!
//! # Idea
//! A [`Lut`] is what a file says: an optional 1D table and an optional 3D table, each with the range of inputs it is made
//! for. [`PreparedLut`] turns it into render-ready numbers: a handful of constants and one flat table of `f32`, which the
//! scalar function [`sample`] and its WGSL twin `shaders/ops/lut.wgsl` read. [`sample`] is the definition; the others are measured against
//! it: so is [`CodeLut`], which maps 16-bit code values to code values by integers alone.
//!
//! # Terms
//! * **node**: one stored RGB output value. Node values may lie outside 0-1 and are kept as they are.
//! * **domain**: the input values of the first and last node, per channel. Inputs are clamped to it, never extrapolated.
//! * **shaper**: a 1D table in front of a 3D table. A 1D table alone is stored in the same place.
//! * **neutral axis**: the inputs with red = green = blue.
//! * **full range / legal range**: code values using the whole 0-1, or only 64/1023 to 940/1023 of it (see [`CodeRange`]).
//!
//! # Order of evaluation
//! full to legal range (if the LUT wants it) -> 1D table -> 3D table -> legal to full range (if the LUT gives it).
//!
//! Nothing here opens a file, starts a thread or keeps a state.

mod codes;
mod cube;
mod cube_writer;
mod info;
mod lut1d;
mod lut3d;
mod packed;
mod prepared;

pub use codes::{CodeLut, LoadedLut};
pub use cube::{MAX_FILE_BYTES, MAX_NODE, MAX_PROBLEMS, parse_cube};
pub use cube_writer::write_cube;
pub use info::{LutInfo, LutKind, warnings};
pub use lut1d::{Lut1d, MAX_SIZE_1D};
pub use lut3d::{Lut3d, MAX_SIZE_3D};
pub use packed::PackedLut;
pub use prepared::{LutConstants, PreparedLut, sample};

use crate::error::Problem;

/// The input values that the first and the last node of a table stand for, per channel (red, green, blue).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Domain {
    /// Input of the first node.
    pub min: [f32; 3],
    /// Input of the last node.
    pub max: [f32; 3],
}

impl Domain {
    /// 0 to 1 in every channel: the default of every dialect.
    pub const UNIT: Self = Self { min: [0.0; 3], max: [1.0; 3] };

    /// The same range for the three channels.
    pub fn uniform(min: f32, max: f32) -> Self {
        Self { min: [min; 3], max: [max; 3] }
    }

    /// Whether the three channels share one range.
    pub fn is_uniform(&self) -> bool {
        self.min == [self.min[0]; 3] && self.max == [self.max[0]; 3]
    }

    /// Checks that every channel runs from a smaller to a larger finite value, wide enough that table positions can be
    /// computed in `f32`.
    ///
    /// # Errors
    /// A sentence naming the channel and its values.
    pub fn check(&self) -> Result<(), String> {
        for (channel, name) in ["red", "green", "blue"].into_iter().enumerate() {
            let (min, max) = (self.min[channel], self.max[channel]);
            if !(min.is_finite() && max.is_finite()) {
                return Err(format!("the {name} domain {min} to {max} is not finite"));
            }
            if min > max {
                return Err(format!("the {name} domain is reversed: minimum {min}, maximum {max}"));
            }
            if min == max {
                return Err(format!("the {name} domain is empty: minimum and maximum are both {min}"));
            }
            // Positions are (x - min) * (size - 1) / (max - min): both the width and the factor must be ordinary numbers.
            if !(1e-20..=1e20).contains(&(max - min)) {
                return Err(format!("the {name} domain {min} to {max} is too narrow or too wide (1e-20 to 1e20)"));
            }
        }
        Ok(())
    }
}

/// Which code values a LUT takes or gives.
///
/// Source: the `LUT_IN_VIDEO_RANGE` and `LUT_OUT_VIDEO_RANGE` properties of Blackmagic's Cube LUT format,
/// <https://resolve.cafe/developers/luts/>: tables are applied to full-range data from 0.0 to 1.0, and these flags ask
/// the program to convert for tables that were made for video range. Legal range is that of Rec. ITU-R BT.709-6
/// item 5.4 in 10 bit: black 64, white 940, of 1023.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CodeRange {
    /// 0 = black, 1 = white.
    #[default]
    Full,
    /// 64/1023 = black, 940/1023 = white.
    Legal,
}

/// Black of the legal range as a fraction of the full code range: 64 of 1023 (BT.709-6 item 5.4, 10 bit).
pub const LEGAL_BLACK: f64 = 64.0 / 1023.0;
/// White of the legal range as a fraction of the full code range: 940 of 1023.
pub const LEGAL_WHITE: f64 = 940.0 / 1023.0;

/// How values between the nodes of a 3D table are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interpolation {
    /// Four nodes of the tetrahedron around the input: keeps neutrals neutral. The default.
    #[default]
    Tetrahedral,
    /// The eight nodes of the cell around the input.
    Trilinear,
}

/// A lookup table as its file states it. At least one of `shaper` and `cube` is present.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Lut {
    /// `TITLE`, without quotes.
    pub title: Option<String>,
    /// Comment lines in the order of the file, without the leading `#`.
    pub comments: Vec<String>,
    /// The 1D table: a shaper when `cube` is present, else the whole LUT.
    pub shaper: Option<Lut1d>,
    /// The 3D table.
    pub cube: Option<Lut3d>,
    /// What the tables take.
    pub input_range: CodeRange,
    /// What the tables give.
    pub output_range: CodeRange,
    /// What was read but not understood, or understood only by a guess that the file allows. Empty for LUTs made in memory.
    pub remarks: Vec<Problem>,
}

impl Lut {
    /// A 3D LUT that changes nothing inside 0-1. `size` nodes an axis, 2 to [`MAX_SIZE_3D`].
    ///
    /// # Errors
    /// A sentence when `size` is outside its range.
    pub fn identity_3d(size: u32) -> Result<Self, String> {
        Ok(Self { cube: Some(Lut3d::from_fn(size, Domain::UNIT, |rgb| rgb)?), ..Self::default() })
    }

    /// A 1D LUT that changes nothing inside 0-1. `size` nodes, 2 to [`MAX_SIZE_1D`].
    ///
    /// # Errors
    /// A sentence when `size` is outside its range.
    pub fn identity_1d(size: u32) -> Result<Self, String> {
        Ok(Self { shaper: Some(Lut1d::from_fn(size, Domain::UNIT, |rgb| rgb)?), ..Self::default() })
    }

    /// The range of inputs of the first table; what lies outside is clamped to it. In the code values the table sees,
    /// that is after the conversion to legal range where [`Lut::input_range`] asks for it.
    pub fn domain(&self) -> Domain {
        self.shaper
            .as_ref()
            .map(Lut1d::domain)
            .or_else(|| self.cube.as_ref().map(Lut3d::domain))
            .unwrap_or(Domain::UNIT)
    }
}

/// The input that node `index` of `size` stands for.
pub(crate) fn node_input(index: usize, size: usize, min: f32, max: f32) -> f32 {
    let t = index as f64 / (size.max(2) - 1) as f64;
    (f64::from(min) + t * (f64::from(max) - f64::from(min))) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_that_cannot_be_used_are_refused() {
        assert!(Domain::UNIT.check().is_ok());
        assert!(Domain::uniform(1.0, 0.0).check().unwrap_err().contains("reversed"));
        assert!(Domain::uniform(0.5, 0.5).check().unwrap_err().contains("empty"));
        assert!(Domain::uniform(0.0, f32::INFINITY).check().unwrap_err().contains("not finite"));
        assert!(Domain::uniform(0.0, 1e-40).check().is_err());
        assert!(Domain::uniform(f32::MIN, f32::MAX).check().is_err());
    }
}
