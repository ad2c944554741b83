//! A LUT as pictures of 16-bit code values meet it: codes in, codes out, nothing in between.

use std::sync::{Arc, OnceLock};

use super::packed::PackedLut;
use super::{Interpolation, Lut, PreparedLut};
use crate::isa::Isa;

/// A LUT of a recipe, shared by all pictures, and its forms for code values once a picture has asked for one.
#[derive(Debug)]
pub struct LoadedLut {
    lut: Lut,
    codes: OnceLock<Option<Arc<CodeLut>>>,
}

impl LoadedLut {
    /// Takes what a file says.
    pub fn new(lut: Lut) -> Self {
        Self { lut, codes: OnceLock::new() }
    }

    /// Its form for 16-bit code values, made once; `None` where it has none (see [`CodeLut::new`]).
    pub fn codes(&self) -> Option<Arc<CodeLut>> {
        self.codes.get_or_init(|| CodeLut::new(&self.lut).map(Arc::new)).clone()
    }
}

impl std::ops::Deref for LoadedLut {
    type Target = Lut;

    fn deref(&self) -> &Lut {
        &self.lut
    }
}

/// A function from 16-bit RGB codes to 16-bit RGB codes.
#[derive(Debug)]
pub enum CodeLut {
    /// A 1D table: what each code becomes, per channel.
    Curves([Box<[u16]>; 3]),
    /// A 3D table, with whatever stands in front of it.
    Cube(PackedLut),
}

impl CodeLut {
    /// Tabulates `lut`, 3D tables with tetrahedral interpolation; `None` for those that [`PackedLut::new`] refuses. Curves have the bits of
    /// [`super::sample`]; for 3D tables see [`PackedLut`].
    pub fn new(lut: &Lut) -> Option<Self> {
        if lut.cube.is_some() {
            return PackedLut::new(lut).map(Self::Cube);
        }
        let prepared = PreparedLut::new(lut, Interpolation::Tetrahedral);
        let curve = |channel: usize| {
            let codes = (0..=u16::MAX).map(|code| prepared.eval([f32::from(code) / 65_535.0; 3])[channel]);
            codes.map(|v| (v.max(0.0).min(1.0) * 65_535.0 + 0.5) as u16).collect()
        };
        Some(Self::Curves(std::array::from_fn(curve)))
    }

    /// Maps pixels of `channels` samples (3, or 4 with an alpha that stays) from `input` to `output`, which are as long as each other.
    pub fn apply(&self, isa: Isa, channels: usize, input: &[u16], output: &mut [u16]) {
        match self {
            Self::Cube(cube) => cube.apply(isa, channels, input, output),
            Self::Curves(curves) if channels == 4 => look_up::<4>(curves, input, output),
            Self::Curves(curves) => look_up::<3>(curves, input, output),
        }
    }
}

fn look_up<const N: usize>([red, green, blue]: &[Box<[u16]>; 3], input: &[u16], output: &mut [u16]) {
    let at = |curve: &[u16], code: u16| curve.get(usize::from(code)).copied().unwrap_or(code);
    for (input, output) in input.as_chunks::<N>().0.iter().zip(output.as_chunks_mut::<N>().0) {
        *output = *input;
        (output[0], output[1], output[2]) = (at(red, input[0]), at(green, input[1]), at(blue, input[2]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lut::{Domain, Lut1d};

    #[test]
    fn curves_have_the_bits_of_the_float_path() {
        let curve = |[r, g, b]: [f32; 3]| [r * r, 1.2 * g - 0.1, 1.0 - b];
        let lut = Lut { shaper: Some(Lut1d::from_fn(50, Domain::UNIT, curve).unwrap()), ..Lut::default() };
        let loaded = LoadedLut::new(lut);
        let codes = loaded.codes().unwrap();
        let input: Vec<u16> = (0..=u16::MAX).flat_map(|v| [v, v / 2, 65_535 - v, 7]).collect();
        let mut output = vec![0; input.len()];
        codes.apply(Isa::best(), 4, &input, &mut output);
        let prepared = PreparedLut::new(&loaded, Interpolation::Tetrahedral);
        for (from, to) in input.as_chunks::<4>().0.iter().zip(output.as_chunks::<4>().0) {
            let float = prepared.eval([from[0], from[1], from[2]].map(|v| f32::from(v) / 65_535.0));
            let [r, g, b] = float.map(|v| (v.clamp(0.0, 1.0) * 65_535.0 + 0.5) as u16);
            assert_eq!(*to, [r, g, b, 7], "{from:?}");
        }
    }
}
