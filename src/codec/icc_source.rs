//! What a recipe makes of a picture's colors before anything else sees it: encodings it assigns to untagged pictures, and pictures whose
//! samples no encoding describes (lookup-table profiles, CMYK, L*a*b*), which are converted strip by strip while they are read.
//!
//! Converted pictures become 16-bit ProPhoto RGB. It holds every surface color, a step of it is below 0.02 Delta E 2000, and being an ordinary
//! display-referred encoding with a profile, everything behind works as for any other picture: plans, memory, outputs. Lookup tables are
//! defined from 0 to 1 only, so floating point would keep nothing more.

use std::path::Path;

use half::f16;
use rayon::prelude::*;

use super::{Extras, Pool, Source};
use crate::color::encodings;
use crate::color::icc::{self, Conversion, LabCode, Problem};
use crate::error::{Error, Result};
use crate::picture::{
    Alpha, ColorModel, Curve, FILE_TYPE_DEFAULT, PictureInfo, PixelLayout, Region, SampleType, Strip,
};
use crate::recipe::{ColorChoice, InputSettings, Recipe};

/// [`PictureInfo::encoding_source`] of encodings that a recipe assigns.
pub const ASSIGNED: &str = "recipe, [input] color";

/// [`PictureInfo::encoding_source`] of pictures that are converted while they are read.
pub const CONVERTED: &str = "conversion while reading";

/// The picture as `recipe` sees it. `colors_needed`: its colors must be known even if the recipe changes nothing (depth maps).
///
/// # Errors
/// `Unsupported` with advice when colors that must be known are not.
pub fn prepare(source: Box<dyn Source>, path: &Path, recipe: &Recipe, colors_needed: bool) -> Result<Box<dyn Source>> {
    let mut info = source.info().clone();
    let assigned = assign(&mut info, &recipe.input).map_err(|reason| Error::unsupported(path, reason))?;
    let touched = colors_needed
        || recipe.ops.iter().any(|op| !op.is_identity())
        || recipe.outputs.iter().any(|output| {
            output.color.is_some() || !output.size.is_empty() || output.kind != crate::recipe::OutputKind::Picture
        })
        || recipe.outputs.iter().any(|output| output.format == Some(crate::picture::Format::Exr));
    let conversion = conversion(&info, touched).map_err(|reason| Error::unsupported(path, reason))?;
    match conversion {
        None if !assigned => Ok(source),
        None => Ok(Box::new(Prepared { source, info, conversion: None, buffer: None })),
        Some(conversion) => {
            let chosen = recipe.outputs.iter().any(|output| output.color.is_some());
            describe(&mut info, &conversion, chosen).map_err(|reason| Error::unsupported(path, reason))?;
            Ok(Box::new(Prepared { source, info, conversion: Some(conversion), buffer: None }))
        }
    }
}

/// Puts the recipe's encoding in place of what is unknown, or of everything with `override`. Returns whether `info` changed.
fn assign(info: &mut PictureInfo, input: &InputSettings) -> std::result::Result<bool, String> {
    let Some(choice) = &input.color else { return Ok(false) };
    if info.encoding_source != FILE_TYPE_DEFAULT && !input.override_tags {
        return Ok(false);
    }
    let color = info.layout.channels.is_color();
    match (info.model, choice) {
        (ColorModel::CieLab | ColorModel::IccLab | ColorModel::Converted(_), _) => return Ok(false),
        (ColorModel::Cmyk, ColorChoice::Named(name)) => {
            return Err(format!(
                "[input] color {name:?} is for RGB and gray, the picture is CMYK: name a CMYK profile"
            ));
        }
        (ColorModel::Cmyk, ColorChoice::Profile(file)) => {
            info.metadata.icc = Some(file.bytes.clone());
            info.encoding_source = icc::BY_TABLE;
            return Ok(true);
        }
        (ColorModel::AsLayout, ColorChoice::Named(name)) => {
            let encoding = choice.encoding(color).map_err(|problem| problem.to_string())?;
            if info.format == "exr" && encoding.curve != Curve::Linear && !input.override_tags {
                let what = "is not applied: EXR is linear by definition ([input] override = true insists)";
                info.warnings.push(format!("[input] color {name:?} {what}"));
                return Ok(true);
            }
            info.encoding = encoding;
            // With a profile, so that the output says it again in whatever format. Logarithmic encodings have none.
            info.metadata.icc = icc::write(&info.encoding, color).ok();
        }
        (ColorModel::AsLayout, ColorChoice::Profile(file)) => {
            match icc::read(&file.bytes, color) {
                Ok(encoding) => info.encoding = encoding,
                Err(Problem::Unsupported(_)) => {}
                Err(problem) => return Err(format!("[input] color {:?}: {problem}", file.path)),
            }
            info.metadata.icc = Some(file.bytes.clone());
        }
    }
    info.encoding_source = ASSIGNED;
    Ok(true)
}

/// The conversion that the picture needs. CMYK and L*a*b* are always converted: no output holds them.
fn conversion(info: &PictureInfo, touched: bool) -> std::result::Result<Option<Conversion>, String> {
    let profile = info.metadata.icc.as_deref();
    let wide = info.layout.sample != SampleType::U8;
    let color = info.layout.channels.is_color();
    match (info.model, profile) {
        (ColorModel::Cmyk, Some(profile)) => {
            let advice = "assign a CMYK profile to it, or convert it to RGB first";
            Conversion::new(profile, 4).map(Some).map_err(|problem| format!("CMYK, {problem}: {advice}"))
        }
        (ColorModel::Cmyk, None) => Err(
            "CMYK without an ICC profile: its colors are not known; name one, [input] color = \"press.icc\", or convert it to RGB first".into(),
        ),
        (ColorModel::CieLab, _) => Ok(Some(Conversion::lab(LabCode::Signed, wide))),
        (ColorModel::IccLab, _) => Ok(Some(Conversion::lab(LabCode::Offset, wide))),
        (ColorModel::AsLayout, Some(profile)) if touched => match icc::read(profile, color) {
            Err(Problem::Unsupported(_)) => {
                // A gray picture may have an RGB profile: it then is RGB with equal channels.
                let inputs = if color || icc::is_color(profile) == Some(true) { 3 } else { 1 };
                let advice = "convert the picture to sRGB, Display P3, Adobe RGB or another matrix profile first";
                Conversion::new(profile, inputs).map(Some).map_err(|problem| format!("{problem}: its colors are not known; {advice}"))
            }
            _ => Ok(None),
        },
        (ColorModel::AsLayout | ColorModel::Converted(_), _) => Ok(None),
    }
}

/// Makes `info` that of the converted picture. `chosen`: the recipe says what the output is to be.
fn describe(info: &mut PictureInfo, conversion: &Conversion, chosen: bool) -> std::result::Result<(), String> {
    let stored = info.layout.sample;
    let (what, through) = match info.model {
        ColorModel::Cmyk => ("CMYK is", format!(" through its profile ({})", conversion.name())),
        ColorModel::CieLab | ColorModel::IccLab => ("L*a*b* is", String::new()),
        _ => ("colors are", format!(" through the tables of their profile ({})", conversion.name())),
    };
    info.layout = converted_layout(info);
    info.encoding = encodings::prophoto();
    info.encoding_source = CONVERTED;
    info.metadata.icc = Some(icc::write(&info.encoding, info.layout.channels.is_color())?);
    info.model = ColorModel::Converted(stored);
    let result =
        if chosen { "" } else { "; without [output] color the result is ProPhoto RGB, or Adobe RGB with 8 bit" };
    info.warnings.push(format!("{what} converted{through}{result}"));
    Ok(())
}

fn converted_layout(info: &PictureInfo) -> PixelLayout {
    let channels = match info.model {
        // Its fourth channel is black, not alpha.
        ColorModel::Cmyk => crate::picture::Channels::Rgb,
        _ => info.layout.channels,
    };
    let alpha = if channels.has_alpha() { Alpha::Unassociated } else { Alpha::None };
    PixelLayout { sample: SampleType::U16, channels, alpha }
}

/// A source whose facts, and perhaps samples, are not those of the file.
struct Prepared {
    source: Box<dyn Source>,
    info: PictureInfo,
    conversion: Option<Conversion>,
    /// Samples as the file has them.
    buffer: Option<Strip>,
}

impl Source for Prepared {
    fn info(&self) -> &PictureInfo {
        &self.info
    }

    fn read(&mut self, region: Region, strip: &mut Strip, pool: &Pool) -> Result<()> {
        let Some(conversion) = &self.conversion else { return self.source.read(region, strip, pool) };
        let mut buffer = self.buffer.take().unwrap_or_else(|| Strip::new(region, self.source.info().layout));
        self.source.read(region, &mut buffer, pool)?;
        strip.reset(region, self.info.layout);
        let cmyk = self.source.info().model == ColorModel::Cmyk;
        let (row_in, row_out) = (buffer.row_bytes().max(1), strip.row_bytes().max(1));
        let layout = buffer.layout;
        let (bytes, alpha) = (buffer.bytes(), self.info.layout.channels.has_alpha());
        pool.install(|| {
            let rows = strip.bytes_mut().par_chunks_mut(row_out).zip(bytes.par_chunks(row_in));
            rows.for_each(|(out, row)| convert_row(conversion, (layout, cmyk), row, alpha, out));
        });
        self.buffer = Some(buffer);
        Ok(())
    }

    fn select_depth(&mut self, channel: &str) -> Result<()> {
        self.source.select_depth(channel)
    }

    fn read_depth(&mut self, region: Region, depth: &mut [f32], pool: &Pool) -> Result<()> {
        self.source.read_depth(region, depth, pool)
    }

    fn rewind(&mut self) -> Result<()> {
        self.source.rewind()
    }

    fn resident_bytes(&self, rows: u32) -> u64 {
        self.source.resident_bytes(rows)
    }

    fn extras(&self) -> Option<Extras> {
        self.source.extras()
    }

    fn check_intact(&self) -> Result<()> {
        self.source.check_intact()
    }
}

/// One row of file samples to 16-bit RGB or gray with the alpha of the row.
fn convert_row(conversion: &Conversion, (layout, cmyk): (PixelLayout, bool), row: &[u8], alpha: bool, out: &mut [u8]) {
    let count = layout.channels.count();
    let color = if cmyk {
        4
    } else if layout.channels.is_color() {
        3
    } else {
        1
    };
    let mut places = out.as_chunks_mut::<2>().0.iter_mut();
    let mut put = |value: f32| {
        if let Some(place) = places.next() {
            *place = ((value.max(0.0).min(1.0) * 65_535.0 + 0.5) as u16).to_ne_bytes();
        }
    };
    // Flat areas are common, and a conversion costs more than a comparison.
    let mut last: Option<([f32; 4], [f32; 3])> = None;
    for pixel in row.chunks_exact(layout.pixel_bytes()) {
        let mut samples = [0.0f32; 4];
        for (sample, bytes) in samples.iter_mut().zip(pixel.chunks_exact(layout.sample.bytes())) {
            *sample = number(layout.sample, bytes);
        }
        let opacity = if count > color { samples[color] } else { 1.0 };
        if count > color {
            samples[color] = 0.0;
        }
        if layout.alpha == Alpha::Associated && opacity > 0.0 {
            samples.iter_mut().take(color).for_each(|v| *v /= opacity);
        }
        if color == 1 && conversion.inputs() == 3 {
            samples = [samples[0], samples[0], samples[0], 0.0];
        }
        let rgb = match last {
            Some((before, rgb)) if before == samples => rgb,
            _ => conversion.pixel(samples),
        };
        last = Some((samples, rgb));
        if color == 1 {
            put(rgb[1])
        } else {
            rgb.into_iter().for_each(&mut put)
        }
        if alpha {
            put(opacity);
        }
    }
}

/// A sample as 0 to 1 of its range.
fn number(sample: SampleType, bytes: &[u8]) -> f32 {
    match (sample, bytes) {
        (SampleType::U8, [v]) => f32::from(*v) / 255.0,
        (SampleType::U16, &[a, b]) => f32::from(u16::from_ne_bytes([a, b])) / 65_535.0,
        (SampleType::F16, &[a, b]) => f16::from_ne_bytes([a, b]).to_f32(),
        (SampleType::F32, &[a, b, c, d]) => f32::from_ne_bytes([a, b, c, d]),
        _ => 0.0,
    }
}
