//! How the result is stored: format, samples, channels, encoding.

use crate::color::{encodings, icc};
use crate::error::{Error, Result};
use crate::picture::{
    Alpha, Channels, ColorEncoding, Compression, Format, PictureInfo, PixelLayout, Referred, SampleType,
};
use crate::recipe::{Bits, OutputSettings};

/// Storage of one output.
#[derive(Debug, Clone)]
pub struct OutputPlan {
    /// File format.
    pub format: Format,
    /// Samples of the file.
    pub layout: PixelLayout,
    /// Encoding of the code values.
    pub encoding: ColorEncoding,
    /// Profile to embed; `None` = none.
    pub icc: Option<Vec<u8>>,
    /// Compression.
    pub compression: Compression,
}

/// Decides how the result of `settings` on a picture is stored; `makes_color` says whether an operation can color a gray picture.
///
/// # Errors
/// `Unsupported` when the combination would lose what the user cares about: scene-referred light into integers.
pub fn output_plan(
    path: &std::path::Path,
    info: &PictureInfo,
    settings: &OutputSettings,
    makes_color: bool,
) -> Result<OutputPlan> {
    let input_format = Format::by_name(info.format).unwrap_or(Format::Tiff);
    let format = settings.format.unwrap_or(input_format);
    let sample = sample_type(format, settings.bits, info.layout.sample).map_err(|e| Error::unsupported(path, e))?;
    let (encoding, icc) = output_encoding(path, info, settings, format, sample)?;
    if encoding.referred == Referred::Scene && sample.is_integer() && info.layout.sample != sample {
        let what = format!(
            "scene-referred light ({}) cannot be stored as {} code values without tone mapping; write EXR or float TIFF ([output] bits = \"half\" or \"float\"), or give [output] color",
            encoding.name,
            sample.name()
        );
        return Err(Error::unsupported(path, what));
    }
    let channels = if makes_color { info.layout.channels.with_color() } else { info.layout.channels };
    let alpha = match (channels.has_alpha(), format) {
        (false, _) => Alpha::None,
        (true, Format::Exr) => Alpha::Associated,
        (true, Format::Png) => Alpha::Unassociated,
        (true, Format::Tiff) => info.layout.alpha,
    };
    let compression = settings.compression.unwrap_or(match (info.compression, format == input_format) {
        ("none", true) => Compression::None,
        ("lzw", true) => Compression::Lzw,
        ("deflate", true) => Compression::Deflate,
        (_, true) => Compression::Input,
        (_, false) => Compression::Deflate,
    });
    Ok(OutputPlan { format, layout: PixelLayout { sample, channels, alpha }, encoding, icc, compression })
}

fn sample_type(format: Format, bits: Option<Bits>, input: SampleType) -> std::result::Result<SampleType, String> {
    let wanted = match bits {
        Some(Bits::Eight) => SampleType::U8,
        Some(Bits::Sixteen) => SampleType::U16,
        Some(Bits::Half) => SampleType::F16,
        Some(Bits::Float) => SampleType::F32,
        None => match (format, input) {
            (Format::Exr, SampleType::U8 | SampleType::U16) => SampleType::F16,
            (Format::Png, SampleType::F16 | SampleType::F32) => SampleType::U16,
            _ => input,
        },
    };
    match (format, wanted) {
        (Format::Png, SampleType::F16 | SampleType::F32) => {
            Err(format!("PNG holds 8 or 16 bit integers, not {} samples; use TIFF or EXR", wanted.name()))
        }
        (Format::Exr, SampleType::U8 | SampleType::U16) => {
            Err(format!("EXR holds half or float samples, not {} integers; use bits = \"half\"", wanted.name()))
        }
        _ => Ok(wanted),
    }
}

fn output_encoding(
    path: &std::path::Path,
    info: &PictureInfo,
    settings: &OutputSettings,
    format: Format,
    sample: SampleType,
) -> Result<(ColorEncoding, Option<Vec<u8>>)> {
    let input = (info.encoding.clone(), info.metadata.icc.clone());
    let encoding = match (&settings.color, format) {
        (Some(name), _) => encodings::by_name(name).ok_or_else(|| {
            Error::unsupported(
                path,
                format!("output color {name:?} is not known, allowed: {}", encodings::NAMES.join(", ")),
            )
        })?,
        // EXR is linear by definition: an encoded picture is written as light of the same primaries.
        (None, Format::Exr) if info.encoding.curve != crate::picture::Curve::Linear => {
            encodings::linear_of(&info.encoding)
        }
        (None, _) => return Ok(input),
    };
    if encoding == info.encoding {
        return Ok(input);
    }
    let needs_profile =
        format != Format::Exr && (sample.is_integer() || encoding.curve != crate::picture::Curve::Linear);
    let profile = if needs_profile { icc::write(&encoding).map_err(|e| Error::unsupported(path, e))? } else { None };
    Ok((encoding, profile))
}

/// Channels that are stored for `channels` with color or without.
pub(super) fn changes_channels(input: Channels, output: Channels) -> bool {
    input.is_color() != output.is_color()
}
