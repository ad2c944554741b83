//! Named color encodings.

use super::matrix::{ADOBE_RGB, DISPLAY_P3, REC709, REC2020};
use crate::picture::{ColorEncoding, Curve, Primaries, Referred};

/// The sRGB transfer function (IEC 61966-2-1:1999, 5.2), from code value to light.
pub const SRGB_CURVE: Curve =
    Curve::Parametric { gamma: 2.4, scale: 1.0 / 1.055, offset: 0.055 / 1.055, slope: 1.0 / 12.92, cut: 0.040_45 };

/// The camera curve of ITU-R BT.709-6 (item 1.2) read backwards, from code value to light, with the unrounded constants of
/// ITU-R BT.2020-2 (table 4: alpha = 1.09929682680944, beta = 0.018053968510807): the rounded ones leave a gap of 16 codes of
/// 16 bit between the two parts.
pub const REC709_CURVE: Curve = Curve::Parametric {
    gamma: 1.0 / 0.45,
    scale: 1.0 / 1.099_296_8,
    offset: 0.099_296_8 / 1.099_296_8,
    slope: 1.0 / 4.5,
    cut: 4.5 * 0.018_053_97,
};

fn named(name: &str, primaries: Primaries, curve: Curve, referred: Referred) -> ColorEncoding {
    ColorEncoding { name: name.to_owned(), primaries, curve, referred }
}

/// sRGB (IEC 61966-2-1).
pub fn srgb() -> ColorEncoding {
    named("sRGB", REC709, SRGB_CURVE, Referred::Display)
}

/// Display P3: P3 primaries, D65, sRGB curve.
pub fn display_p3() -> ColorEncoding {
    named("Display P3", DISPLAY_P3, SRGB_CURVE, Referred::Display)
}

/// Adobe RGB (1998): gamma 563/256 (Adobe RGB (1998) Color Image Encoding, 4.3.4.2).
pub fn adobe_rgb() -> ColorEncoding {
    named("Adobe RGB (1998)", ADOBE_RGB, Curve::Power { gamma: 563.0 / 256.0 }, Referred::Display)
}

/// Rec.709 primaries, linear light, scene-referred: what untagged float files hold.
pub fn linear_rec709() -> ColorEncoding {
    named("linear Rec.709", REC709, Curve::Linear, Referred::Scene)
}

/// Rec.2020 primaries, linear light, scene-referred: the working space.
pub fn linear_rec2020() -> ColorEncoding {
    named("linear Rec.2020", REC2020, Curve::Linear, Referred::Scene)
}

/// Rec.2020 primaries with the sRGB-shaped curve: the `grade` domain of display-referred pictures.
pub fn display_rec2020() -> ColorEncoding {
    named("display-shaped Rec.2020", REC2020, SRGB_CURVE, Referred::Display)
}

/// ACEScct (AMPAS S-2016-001) on the working primaries rather than AP1: the tonal domain of scene-linear pictures.
pub fn acescct() -> ColorEncoding {
    named("ACEScct-shaped Rec.2020", REC2020, Curve::Acescct, Referred::Scene)
}

/// The same primaries in linear light.
pub fn linear_of(encoding: &ColorEncoding) -> ColorEncoding {
    named(&format!("linear light of {}", encoding.name), encoding.primaries, Curve::Linear, Referred::Scene)
}

/// Encodings a recipe can name.
pub const NAMES: &[&str] = &["srgb", "display-p3", "adobe-rgb", "linear-rec709", "linear-rec2020"];

/// Looks a name of [`NAMES`] up.
pub fn by_name(name: &str) -> Option<ColorEncoding> {
    Some(match name {
        "srgb" => srgb(),
        "display-p3" => display_p3(),
        "adobe-rgb" => adobe_rgb(),
        "linear-rec709" => linear_rec709(),
        "linear-rec2020" => linear_rec2020(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_name_resolves() {
        for name in super::NAMES {
            assert!(super::by_name(name).is_some(), "{name}");
        }
        assert!(super::by_name("srbg").is_none());
    }
}
