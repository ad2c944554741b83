//! `lut`: a look from a `.cube` file.

use super::{Context, Domain, Op, Params as _, Px, Tables, params};
use crate::color::encodings::OWN_OR_NAMES;
use crate::lut::{Interpolation, LutConstants, PreparedLut, sample};

/// Words of `interpolation`.
const INTERPOLATIONS: &[&str] = &["tetrahedral", TRILINEAR];
const TRILINEAR: &str = "trilinear";

params! {
    /// Look-up table from a .cube file (1D, 3D, or a shaper with a 3D table).
    ///
    /// Input is clamped to the table's domain, never extrapolated; outputs outside 0 to 1 are kept. The table sees the code values
    /// it was made for: by default those of the picture itself.
    pub struct Params {
        /// The file, relative to the recipe.
        file: String = "", Kind::File;
        /// Encoding the table was made for: an encoding's name, or "" for the picture's own code values. Must be given for linear pictures.
        encoding: String = "", Kind::Choice(OWN_OR_NAMES);
        /// How values between nodes are found; tetrahedral keeps the neutral axis clean.
        interpolation: String = "tetrahedral", Kind::Choice(INTERPOLATIONS);
    }
}

/// True for parameters that ask for trilinear interpolation.
pub fn is_trilinear(set: &super::ParamSet) -> bool {
    Params::from_set(set).interpolation == TRILINEAR
}

/// The operation.
pub struct Spec;

impl Op for Spec {
    const ID: &'static str = "lut";
    const WGSL: &'static str = include_str!("../../shaders/ops/lut.wgsl");
    const GUARDED: bool = false;
    type Params = Params;
    type Constants = LutConstants;

    fn domain(params: &Params) -> Domain {
        Domain::Encoded((!params.encoding.is_empty()).then(|| params.encoding.clone()))
    }

    fn makes_color(_: &Params) -> bool {
        true
    }

    fn lut_files(params: &Params) -> Vec<String> {
        if params.file.is_empty() { Vec::new() } else { vec![params.file.clone()] }
    }

    fn prepare(params: &Params, context: &Context, tables: &mut Tables) -> Result<LutConstants, String> {
        if params.file.is_empty() {
            return Err("lut needs a file: file = \"looks/name.cube\"".to_owned());
        }
        let lut = context.luts.get(&params.file).ok_or_else(|| format!("LUT {:?} was not loaded", params.file))?;
        let interpolation =
            if params.interpolation == TRILINEAR { Interpolation::Trilinear } else { Interpolation::Tetrahedral };
        let prepared = PreparedLut::new(lut, interpolation);
        let table = tables.push_floats(prepared.table());
        Ok(LutConstants { table, ..*prepared.constants() })
    }

    #[inline(always)]
    fn pixel(c: &LutConstants, tables: &[u32], px: Px) -> Px {
        Px { rgb: sample(c, bytemuck::cast_slice(tables), px.rgb), ..px }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_is_named() {
        let message = Spec::prepare(&Params::default(), &Context::default(), &mut Tables::default()).unwrap_err();
        assert!(message.contains("file ="), "{message}");
    }
}
