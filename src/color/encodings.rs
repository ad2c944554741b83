//! Named color encodings: the ones plans work in, and the one list of those that recipes can name.

use super::matrix::{ACES_AP0, ACES_AP1, ADOBE_RGB, DISPLAY_P3, PROPHOTO, REC709, REC2020};
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

/// ROMM RGB (ISO 22028-2:2013, 4.4; ANSI/I3A IT10.7666:2003, 4.3), from code value to light: gamma 1.8, straight with slope 16 below
/// 1/512 of light.
pub const PROPHOTO_CURVE: Curve =
    Curve::Parametric { gamma: 1.8, scale: 1.0, offset: 0.0, slope: 1.0 / 16.0, cut: 16.0 / 512.0 };

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

/// ProPhoto RGB: ROMM RGB (ISO 22028-2), white D50. Holds every color of surfaces, which makes it the home of pictures that are converted
/// through lookup tables.
pub fn prophoto() -> ColorEncoding {
    named("ProPhoto RGB", PROPHOTO, PROPHOTO_CURVE, Referred::Display)
}

/// Rec.709 code values: the curve of ITU-R BT.709-6 read backwards, as ICC profiles and CICP transfer 1 mean it.
pub fn rec709() -> ColorEncoding {
    named("Rec.709", REC709, REC709_CURVE, Referred::Display)
}

/// Rec.2020 code values: the curve of ITU-R BT.2020-2 (table 4) read backwards. A BT.1886 display (gamma 2.4) shows them darker; stills that
/// say "Rec.2020", in an ICC profile or by CICP transfer 14 and 15, mean this curve, and its straight part keeps 16 bit exact.
pub fn rec2020() -> ColorEncoding {
    named("Rec.2020", REC2020, REC709_CURVE, Referred::Display)
}

/// Rec.709 primaries with a pure power of 2.2: what old displays and some renderers mean by "gamma 2.2".
pub fn gamma22() -> ColorEncoding {
    named("gamma 2.2", REC709, Curve::Power { gamma: 2.2 }, Referred::Display)
}

/// Rec.709 on a reference display: gamma 2.4 (ITU-R BT.1886, annex 1, with a black of 0).
pub fn gamma24() -> ColorEncoding {
    named("gamma 2.4", REC709, Curve::Power { gamma: 2.4 }, Referred::Display)
}

/// P3 primaries, D65, linear light, scene-referred.
pub fn linear_display_p3() -> ColorEncoding {
    named("linear Display P3", DISPLAY_P3, Curve::Linear, Referred::Scene)
}

/// ROMM primaries, linear light, scene-referred.
pub fn linear_prophoto() -> ColorEncoding {
    named("linear ProPhoto RGB", PROPHOTO, Curve::Linear, Referred::Scene)
}

/// ACEScg (AMPAS S-2014-004): AP1 primaries, linear light.
pub fn acescg() -> ColorEncoding {
    named("ACEScg", ACES_AP1, Curve::Linear, Referred::Scene)
}

/// ACES2065-1 (SMPTE ST 2065-1): AP0 primaries, linear light.
pub fn aces2065_1() -> ColorEncoding {
    named("ACES2065-1", ACES_AP0, Curve::Linear, Referred::Scene)
}

/// ACEScct itself (AMPAS S-2016-001): its curve on AP1 primaries.
pub fn aces_cct() -> ColorEncoding {
    named("ACEScct", ACES_AP1, Curve::Acescct, Referred::Scene)
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

/// Writes the list once: names, names with "" in front, and the look-up.
macro_rules! recipe_names {
    ($($name:literal => $encoding:expr,)*) => {
        /// Encodings a recipe can name.
        pub const NAMES: &[&str] = &[$($name),*];

        /// [`NAMES`] behind "", which means the picture's own code values.
        pub const OWN_OR_NAMES: &[&str] = &["", $($name),*];

        /// Looks a name of [`NAMES`] up.
        pub fn by_name(name: &str) -> Option<ColorEncoding> {
            match name {
                $($name => Some($encoding),)*
                _ => None,
            }
        }
    };
}

recipe_names! {
    "srgb" => srgb(),
    "display-p3" => display_p3(),
    "adobe-rgb" => adobe_rgb(),
    "prophoto" => prophoto(),
    "rec709" => rec709(),
    "rec2020" => rec2020(),
    "gamma22" => gamma22(),
    "gamma24" => gamma24(),
    "linear-rec709" => linear_rec709(),
    // The same under the name that photographers know.
    "linear-srgb" => linear_rec709(),
    "linear-display-p3" => linear_display_p3(),
    "linear-rec2020" => linear_rec2020(),
    "linear-prophoto" => linear_prophoto(),
    "acescg" => acescg(),
    "aces2065-1" => aces2065_1(),
    "acescct" => aces_cct(),
}

/// The names whose code values a file can be marked with: all but logarithmic ones, which neither an ICC profile nor a chunk of a picture
/// can say.
pub fn storable_names() -> impl Iterator<Item = &'static str> {
    NAMES.iter().copied().filter(|name| by_name(name).is_some_and(|e| e.curve != Curve::Acescct))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_resolves() {
        for name in NAMES {
            assert!(by_name(name).is_some(), "{name}");
        }
        assert!(by_name("srbg").is_none());
        assert_eq!(OWN_OR_NAMES.len(), NAMES.len() + 1);
        assert!(storable_names().all(|name| name != "acescct") && storable_names().count() + 1 == NAMES.len());
    }

    #[test]
    fn the_two_parts_of_romm_rgb_meet() {
        let Curve::Parametric { gamma, slope, cut, .. } = PROPHOTO_CURVE else { unreachable!("it is parametric") };
        // IT10.7666: Et = 16^(1.8 / (1 - 1.8)) = 1/512, where 16 x = x^(1/1.8).
        assert!((cut.powf(gamma) - cut * slope).abs() < 1e-8);
    }
}
