//! How the result is stored: format, samples, channels, encoding.

use crate::color::encodings;
use crate::color::icc::{self, Problem};
use crate::error::{Error, Result};
use crate::picture::{
    Alpha, Channels, ColorEncoding, ColorModel, Compression, Curve, Extent, Format, PictureInfo, PixelLayout, Policy,
    Referred, SampleType,
};
use crate::recipe::{Bits, ColorChoice, Colors, DepthUnit, OpSetting, OutputKind, OutputSettings};

/// Storage of one output.
#[derive(Debug, Clone)]
pub struct OutputPlan {
    /// Name among several; "" = none.
    pub name: String,
    /// What it holds. A depth map has a form of its own, and of the rest only `format` counts.
    pub kind: OutputKind,
    /// What travels beside the pixels.
    pub metadata: Policy,
    /// The operation that makes its size, when another is asked for.
    pub resize: Option<OpSetting>,
    /// Size of the result as stored, in pixels.
    pub extent: Extent,
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
    /// Colors of a depth map for people.
    pub colors: Colors,
    /// Unit of a depth map of floats.
    pub unit: DepthUnit,
}

/// What is done to a picture, as far as it decides how the result can be stored.
#[derive(Debug, Clone, Copy, Default)]
pub struct GradeFacts {
    /// Operations run on it.
    pub graded: bool,
    /// One of them can color a gray picture.
    pub makes_color: bool,
    /// One of them makes display light of scene light.
    pub maps_to_display: bool,
}

/// Decides how the result of `settings` on a picture is stored.
///
/// # Errors
/// `Unsupported` when the combination would lose what the user cares about: scene-referred light into integers without tone mapping, or work on a picture
/// whose profile says that its colors are none of those known here.
pub fn output_plan(
    path: &std::path::Path,
    info: &PictureInfo,
    settings: &OutputSettings,
    facts: GradeFacts,
) -> Result<OutputPlan> {
    if settings.kind != OutputKind::Picture {
        return Ok(depth_output(info, settings));
    }
    let resize = settings.resize();
    let input_format = Format::by_name(info.format).unwrap_or(Format::Tiff);
    let format = settings.format.unwrap_or(input_format.written_as());
    let stored = match info.model {
        ColorModel::AsLayout => info.layout.sample,
        ColorModel::Converted(stored) => stored,
        _ => {
            return Err(Error::unsupported(
                path,
                "internal error: CMYK or L*a*b* was not converted before it was planned",
            ));
        }
    };
    let sample = sample_type(format, settings.bits, stored).map_err(|e| Error::unsupported(path, e))?;
    let GradeFacts { graded, makes_color, maps_to_display } = facts;
    let graded = graded || resize.is_some();
    let to_code_values = maps_to_display && sample.is_integer();
    let encoding =
        output_encoding(info, settings, (format, sample), to_code_values).map_err(|e| Error::unsupported(path, e))?;
    let untouched = !graded && settings.color.is_none() && encoding.same_codes(&info.encoding);
    let profile = InputProfile::of(info);
    if let (InputProfile::Unsupported(reason), false) = (&profile, untouched) {
        let advice = "convert the picture to sRGB, Display P3, Adobe RGB or another matrix profile first";
        return Err(Error::unsupported(path, format!("{reason}: its colors are not known; {advice}")));
    }
    let scene = encoding.referred == Referred::Scene && !maps_to_display;
    if scene && sample.is_integer() && info.layout.sample != sample {
        let what = format!(
            "scene-referred light ({}) cannot be stored as {} code values without tone mapping; add the operation tone_map, write EXR or float TIFF ([output] bits = \"half\" or \"float\"), or give [output] color",
            encoding.name,
            sample.name()
        );
        return Err(Error::unsupported(path, what));
    }
    // WebP has no gray.
    let with_color = makes_color || format == Format::Webp;
    let channels = if with_color { info.layout.channels.with_color() } else { info.layout.channels };
    if channels.has_alpha() && format == Format::Jpeg {
        let what =
            "JPEG holds no alpha: write PNG, TIFF, EXR or WebP ([output] format), or remove the alpha channel first";
        return Err(Error::unsupported(path, what));
    }
    let alpha = match (channels.has_alpha(), format) {
        (false, _) => Alpha::None,
        (true, Format::Exr) => Alpha::Associated,
        (true, Format::Tiff) => info.layout.alpha,
        (true, _) => Alpha::Unassociated,
    };
    let compression = compression(settings, format, (format == input_format).then_some(info.compression));
    let storage = Storage { format, same_format: format == input_format, sample, channels, untouched };
    let own = settings.color.as_ref().and_then(|choice| storage.chosen(choice));
    let icc = match own {
        Some(bytes) => Some(bytes.to_vec()),
        None => storage.profile(info, &profile, &encoding).map_err(|e| Error::unsupported(path, e))?,
    };
    Ok(OutputPlan {
        name: settings.name.clone(),
        kind: settings.kind,
        metadata: settings.metadata,
        resize,
        extent: info.extent,
        format,
        layout: PixelLayout { sample, channels, alpha },
        encoding,
        icc,
        compression,
        colors: Colors::default(),
        unit: DepthUnit::default(),
    })
}

/// A depth map beside the picture.
fn depth_output(info: &PictureInfo, settings: &OutputSettings) -> OutputPlan {
    let (sample, channels) = match settings.kind {
        OutputKind::DepthPreview | OutputKind::SideBySide => (SampleType::U8, Channels::Rgb),
        _ if matches!(settings.format, Some(Format::Exr | Format::Pfm | Format::Npy)) => {
            (SampleType::F32, Channels::Gray)
        }
        _ if settings.bits == Some(Bits::Float) => (SampleType::F32, Channels::Gray),
        _ => (SampleType::U16, Channels::Gray),
    };
    let paired = settings.kind == OutputKind::SideBySide;
    OutputPlan {
        name: settings.name.clone(),
        kind: settings.kind,
        metadata: settings.metadata,
        resize: None,
        extent: Extent {
            width: if paired { info.extent.width.saturating_mul(2) } else { info.extent.width },
            ..info.extent
        },
        format: settings.format.unwrap_or(Format::Png),
        layout: PixelLayout { sample, channels, alpha: Alpha::None },
        encoding: if sample.is_integer() { encodings::srgb() } else { encodings::linear_rec709() },
        icc: None,
        compression: match settings.format {
            Some(Format::Pfm | Format::Npy) => Compression::None,
            _ => Compression::Deflate,
        },
        colors: settings.colors.unwrap_or_default(),
        unit: settings.unit.unwrap_or_default(),
    }
}

/// The compression of an output; `input` is that of the picture where it has the same format.
fn compression(settings: &OutputSettings, format: Format, input: Option<&str>) -> Compression {
    let lossy = Compression::lossy(settings.quality.unwrap_or(Compression::DEFAULT_QUALITY), settings.subsampling);
    match (format, settings.compression, input) {
        (Format::Jpeg, ..) => lossy,
        (Format::Webp, Some(Compression::Input) | None, Some("lossless")) if settings.quality.is_none() => {
            Compression::Lossless
        }
        (Format::Webp, Some(Compression::Input) | None, _) => lossy,
        (Format::Webp, Some(_), _) => Compression::Lossless,
        (_, Some(given), _) => given,
        (_, None, Some("none")) => Compression::None,
        (_, None, Some("lzw")) => Compression::Lzw,
        (_, None, Some("deflate")) => Compression::Deflate,
        (_, None, Some(_)) => Compression::Input,
        (_, None, None) => Compression::Deflate,
    }
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
            (Format::Jpeg | Format::Webp, _) => SampleType::U8,
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
        (format, wanted) if format.is_eight_bit() && wanted != SampleType::U8 => Err(format!(
            "{} holds 8-bit integers, not {} samples; use bits = 8, or TIFF or PNG",
            format.name(),
            wanted.name()
        )),
        _ => Ok(wanted),
    }
}

fn output_encoding(
    info: &PictureInfo,
    settings: &OutputSettings,
    (format, sample): (Format, SampleType),
    to_code_values: bool,
) -> std::result::Result<ColorEncoding, String> {
    let encoding = match &settings.color {
        Some(choice) => choice
            .encoding(info.layout.channels.is_color())
            .map_err(|problem| format!("[output] color {:?}: {problem}", choice.text()))?,
        // Tone-mapped light in integers: what readers assume of a file that says nothing.
        None if to_code_values && info.encoding.referred == Referred::Scene => encodings::srgb(),
        // Eight bits are too few for the steps of ProPhoto RGB.
        None if matches!(info.model, ColorModel::Converted(_)) && sample == SampleType::U8 => encodings::adobe_rgb(),
        None => info.encoding.clone(),
    };
    // EXR is linear by definition: an encoding with a curve is written as light of the same primaries.
    let bent = format == Format::Exr && encoding.curve != Curve::Linear;
    let encoding = if bent { encodings::linear_of(&encoding) } else { encoding };
    Ok(if encoding.same_codes(&info.encoding) { info.encoding.clone() } else { encoding })
}

/// What the input's ICC profile is to the plan.
enum InputProfile {
    /// There is none.
    Absent,
    /// The encoding was read from it, or agrees with it.
    Used,
    /// A good profile that no encoding can express; the encoding is only a guess.
    Unsupported(String),
    /// A damaged one; the encoding is the file type's default.
    Invalid,
}

impl InputProfile {
    fn of(info: &PictureInfo) -> Self {
        let Some(profile) = &info.metadata.icc else { return Self::Absent };
        match icc::read(profile, info.layout.channels.is_color()) {
            Ok(_) => Self::Used,
            Err(Problem::Unsupported(reason)) => Self::Unsupported(reason),
            Err(Problem::Invalid(_)) => Self::Invalid,
        }
    }
}

/// How the output is stored, as far as it decides about the profile.
struct Storage {
    format: Format,
    same_format: bool,
    sample: SampleType,
    channels: Channels,
    /// No operation and no conversion of color: code values keep the meaning they have, whatever that is.
    untouched: bool,
}

impl Storage {
    /// The profile file that the recipe names, where it can stand in the output as it is.
    fn chosen<'a>(&self, choice: &'a ColorChoice) -> Option<&'a [u8]> {
        match choice {
            ColorChoice::Profile(file) if self.format != Format::Exr => {
                (icc::is_color(&file.bytes) == Some(self.channels.is_color())).then_some(&file.bytes)
            }
            _ => None,
        }
    }

    /// The profile to embed: the input's where it is still true, a fresh one where readers would assume something else.
    fn profile(
        &self,
        info: &PictureInfo,
        input: &InputProfile,
        encoding: &ColorEncoding,
    ) -> std::result::Result<Option<Vec<u8>>, String> {
        if self.format == Format::Exr {
            return Ok(None);
        }
        let kept = encoding.same_codes(&info.encoding);
        let color = self.channels.is_color();
        let carried = info.metadata.icc.as_ref().filter(|profile| match input {
            InputProfile::Absent => false,
            InputProfile::Used => kept && (icc::is_color(profile) == Some(color) || self.untouched && self.same_format),
            InputProfile::Unsupported(_) => self.untouched,
            InputProfile::Invalid => self.untouched && self.same_format && self.sample == info.layout.sample,
        });
        if carried.is_some() {
            return Ok(carried.cloned());
        }
        // What the color chunks of a PNG said, those of the output say again.
        let says = self.format == Format::Png && encoding.curve != Curve::Acescct;
        let in_chunks = says && self.same_format && kept && matches!(input, InputProfile::Absent);
        let required = !kept || matches!(input, InputProfile::Used) || !self.assumed(encoding);
        if required && !in_chunks { icc::write(encoding, color).map(Some) } else { Ok(None) }
    }

    /// True when readers assume this encoding of a file without a profile: sRGB for integers, linear Rec.709 for floats.
    fn assumed(&self, encoding: &ColorEncoding) -> bool {
        let default = if self.sample.is_integer() { encodings::srgb() } else { encodings::linear_rec709() };
        encoding.curve == default.curve && (!self.channels.is_color() || encoding.primaries == default.primaries)
    }
}

/// Channels that are stored for `channels` with color or without.
pub(super) fn changes_channels(input: Channels, output: Channels) -> bool {
    input.is_color() != output.is_color()
}
