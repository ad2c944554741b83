//! What the components of a JPEG are, and turning ink into the usual sense.

use super::segments::Frame;

/// Color model of the coded components.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Model {
    /// One component.
    Gray,
    /// Luma and two chroma components (T.871, clause 7).
    YCbCr,
    /// Red, green, blue as they are.
    Rgb,
    /// Four inks.
    Cmyk {
        /// Written by Adobe: 255 means no ink.
        inverted: bool,
    },
    /// Three inks as luma and chroma, and black.
    Ycck {
        /// Written by Adobe: 255 means no ink.
        inverted: bool,
    },
}

impl Model {
    /// The model of a frame. `adobe` is the transform flag of the APP14 segment (Adobe Technical Note 5116, section 18: 0 = none, 1 = YCbCr,
    /// 2 = YCCK); without it the rules of libjpeg hold: JFIF is YCbCr, identifiers R, G, B are what they say.
    pub(super) fn of(frame: &Frame, jfif: bool, adobe: Option<u8>) -> Result<Self, String> {
        match (frame.components.as_slice(), adobe) {
            ([_], _) => Ok(Self::Gray),
            (b"RGB", _) => Ok(Self::Rgb),
            ([_, _, _], Some(0)) if !jfif => Ok(Self::Rgb),
            ([_, _, _], _) => Ok(Self::YCbCr),
            ([_, _, _, _], Some(2)) => Ok(Self::Ycck { inverted: true }),
            ([_, _, _, _], adobe) => Ok(Self::Cmyk { inverted: adobe.is_some() }),
            (others, _) => Err(format!("{} components, 1, 3 or 4 are expected", others.len())),
        }
    }

    /// Samples per pixel after decoding.
    pub(super) fn samples(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::YCbCr | Self::Rgb => 3,
            Self::Cmyk { .. } | Self::Ycck { .. } => 4,
        }
    }

    /// True for inks.
    pub(super) fn is_ink(self) -> bool {
        self.samples() == 4
    }
}

/// Decoded components of an ink model as CMYK where 255 is full ink.
pub(super) fn to_cmyk(model: Model, samples: &mut [u8]) {
    let (inverted, luma) = match model {
        Model::Cmyk { inverted } => (inverted, false),
        Model::Ycck { inverted } => (inverted, true),
        _ => return,
    };
    for pixel in samples.chunks_exact_mut(4) {
        if let [y, cb, cr, _] = pixel
            && luma
        {
            // T.871, clause 7, gives red, green, blue; their complements are the inks as libjpeg's ycck_cmyk_convert stores them.
            let (l, b, r) = (f32::from(*y), f32::from(*cb) - 128.0, f32::from(*cr) - 128.0);
            let code = |value: f32| 255 - (value + 0.5).clamp(0.0, 255.0) as u8;
            let rgb = [l + 1.402 * r, l - 0.344_136 * b - 0.714_136 * r, l + 1.772 * b];
            [*y, *cb, *cr] = rgb.map(code);
        }
        if inverted {
            pixel.iter_mut().for_each(|ink| *ink = 255 - *ink);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Extent;

    #[test]
    fn models_follow_markers() {
        let of = |ids: &[u8], jfif, adobe| {
            let extent = Extent { width: 1, height: 1 };
            Model::of(&Frame { extent, marker: 0xc0, bits: 8, components: ids.to_vec() }, jfif, adobe)
        };
        assert_eq!(of(&[1], true, None), Ok(Model::Gray));
        assert_eq!(of(&[1, 2, 3], true, None), Ok(Model::YCbCr));
        assert_eq!(of(&[1, 2, 3], false, Some(0)), Ok(Model::Rgb));
        assert_eq!(of(&[1, 2, 3], false, Some(1)), Ok(Model::YCbCr));
        assert_eq!(of(b"RGB", false, None), Ok(Model::Rgb));
        assert_eq!(of(&[1, 2, 3, 4], false, Some(2)), Ok(Model::Ycck { inverted: true }));
        assert_eq!(of(&[1, 2, 3, 4], false, None), Ok(Model::Cmyk { inverted: false }));
        assert!(of(&[1, 2], false, None).is_err());
    }

    #[test]
    fn inks_end_as_full_is_255() {
        let mut plain = [10, 20, 30, 40];
        to_cmyk(Model::Cmyk { inverted: true }, &mut plain);
        assert_eq!(plain, [245, 235, 225, 215]);
        // No color, no black, as Adobe writes it: white paper.
        let mut ycck = [0, 128, 128, 255];
        to_cmyk(Model::Ycck { inverted: true }, &mut ycck);
        assert_eq!(ycck, [0, 0, 0, 0]);
    }
}
