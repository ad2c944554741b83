//! What the samples are: photometric interpretation, bits, alpha, palette.

use std::sync::Arc;

use super::header::Tags;
use super::tags;
use crate::error::Result;
use crate::picture::{Alpha, Channels, ColorModel, PixelLayout, SampleType};

/// How samples lie in a decoded row of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Packing {
    /// As in a strip, but for the byte order.
    Whole,
    /// Unsigned integers of this many bits (1 to 15), most significant bit first, rows padded to whole bytes; scaled to 8 or 16 bit.
    Bits(u32),
    /// One index of this many bits (1 to 8) per pixel into colors.
    Palette(u32, Arc<[[u16; 3]]>),
}

/// Facts about the samples of a page.
pub(super) struct Samples {
    /// Layout of what is handed out.
    pub(super) layout: PixelLayout,
    pub(super) model: ColorModel,
    /// WhiteIsZero.
    pub(super) inverted: bool,
    pub(super) packing: Packing,
}

/// Reads and checks them.
pub(super) fn read(tags: &Tags<'_>, warnings: &mut Vec<String>) -> Result<Samples> {
    let samples = tags.number(tags::SAMPLES_PER_PIXEL)?.unwrap_or(1);
    if !(1..=64).contains(&samples) {
        let what = format!("{samples} samples per pixel are not supported: gray, RGB, CMYK, and one alpha channel are");
        return tags.refuse(what);
    }
    let (color, model, inverted) = match tags.number(tags::PHOTOMETRIC)? {
        Some(0) => (1, ColorModel::AsLayout, true),
        Some(1) => (1, ColorModel::AsLayout, false),
        Some(2) => (3, ColorModel::AsLayout, false),
        Some(3) => return palette(tags, samples, warnings),
        Some(5) => (4, ColorModel::Cmyk, false),
        Some(8) => (3, ColorModel::CieLab, false),
        Some(9) => (3, ColorModel::IccLab, false),
        Some(other) => return refuse_photometric(tags, other),
        None => return tags.damaged("PhotometricInterpretation is missing".into()),
    };
    if model == ColorModel::Cmyk && tags.number(tags::INK_SET)?.unwrap_or(1) != 1 {
        return tags.refuse("separations with inks other than CMYK are not supported: convert it to RGB".into());
    }
    let (sample, packing) = sample_type(tags, samples)?;
    if inverted && !sample.is_integer() {
        return tags.refuse("WhiteIsZero with floating point samples is not supported: save it as BlackIsZero".into());
    }
    if model != ColorModel::AsLayout && (!sample.is_integer() || packing != Packing::Whole) {
        return tags.refuse("CMYK and L*a*b* are supported with 8- and 16-bit integers: save it so, or as RGB".into());
    }
    if inverted {
        warnings.push("WhiteIsZero samples are inverted while reading; the output is BlackIsZero".into());
    }
    let layout = PixelLayout { sample, ..channels(tags, samples, color, warnings)? };
    Ok(Samples { layout, model, inverted, packing })
}

fn refuse_photometric<T>(tags: &Tags<'_>, other: u64) -> Result<T> {
    let name = match other {
        4 => "a transparency mask",
        6 => "YCbCr",
        10 => "ITU L*a*b*",
        32844 | 32845 => "LogLuv",
        32803 | 34892 => "camera raw data",
        _ => return tags.refuse(format!("PhotometricInterpretation {other} is not supported: convert it to RGB")),
    };
    tags.refuse(format!("{name} is not supported: convert it to RGB or gray with 8 or 16 bit"))
}

/// Channels and alpha of `samples` samples, of which `color` are no alpha. CMYK lies in the four channels of RGB with alpha.
fn channels(tags: &Tags<'_>, samples: u64, color: u64, warnings: &mut Vec<String>) -> Result<PixelLayout> {
    let alpha = match samples.checked_sub(color) {
        Some(0) => Alpha::None,
        Some(1) if color < 4 => alpha(tags, warnings)?,
        Some(extra) => {
            let beside = match color {
                4 => "CMYK",
                3 => "RGB",
                _ => "gray",
            };
            return tags.refuse(format!(
                "{extra} extra channels beside {beside} are not supported: save it with {}",
                if color == 4 { "CMYK alone" } else { "one alpha channel at most" }
            ));
        }
        None if color == 4 => return tags.refuse(format!("CMYK with {samples} samples per pixel")),
        None => return tags.damaged(format!("RGB or L*a*b* with {samples} samples per pixel")),
    };
    let (channels, alpha) = match (color, alpha) {
        (1, Alpha::None) => (Channels::Gray, alpha),
        (1, _) => (Channels::GrayAlpha, alpha),
        (3, Alpha::None) => (Channels::Rgb, alpha),
        (3, _) => (Channels::Rgba, alpha),
        _ => (Channels::Rgba, Alpha::Unassociated),
    };
    Ok(PixelLayout { sample: SampleType::U8, channels, alpha })
}

fn alpha(tags: &Tags<'_>, warnings: &mut Vec<String>) -> Result<Alpha> {
    match tags.number(tags::EXTRA_SAMPLES)?.unwrap_or(0) {
        1 => Ok(Alpha::Associated),
        2 => Ok(Alpha::Unassociated),
        _ => {
            warnings.push("the extra channel does not say what it is; it is kept as unassociated alpha".into());
            Ok(Alpha::Unassociated)
        }
    }
}

/// The value of `tag` that all channels share.
fn same(tags: &Tags<'_>, tag: u16, samples: u64, name: &str) -> Result<u64> {
    let values = tags.numbers(tag)?.unwrap_or_else(|| vec![1]);
    let first = values.first().copied().unwrap_or(1);
    if values.iter().take(samples as usize).any(|value| *value != first) {
        return tags.refuse(format!("{name} differs between channels ({values:?}): save all channels alike"));
    }
    Ok(first)
}

fn sample_type(tags: &Tags<'_>, samples: u64) -> Result<(SampleType, Packing)> {
    let bits = same(tags, tags::BITS_PER_SAMPLE, samples, "BitsPerSample")?;
    // 4 = undefined: treated as unsigned integer, as libtiff does.
    let format = same(tags, tags::SAMPLE_FORMAT, samples, "SampleFormat")?;
    match (format, bits) {
        (1 | 4, 8) => Ok((SampleType::U8, Packing::Whole)),
        (1 | 4, 16) => Ok((SampleType::U16, Packing::Whole)),
        (1 | 4, 1..=7) => Ok((SampleType::U8, Packing::Bits(bits as u32))),
        (1 | 4, 9..=15) => Ok((SampleType::U16, Packing::Bits(bits as u32))),
        (3, 16) => Ok((SampleType::F16, Packing::Whole)),
        (3, 32) => Ok((SampleType::F32, Packing::Whole)),
        _ => {
            let kind = match format {
                1 | 4 => "unsigned integer",
                2 => "signed integer",
                3 => "floating point",
                5 | 6 => "complex",
                _ => return tags.damaged(format!("SampleFormat is {format}, allowed are 1 to 6")),
            };
            tags.refuse(format!(
                "{bits}-bit {kind} samples are not supported: save it with integers of 1 to 16 bit, or 16- or 32-bit floating point"
            ))
        }
    }
}

/// A palette picture (TIFF 6.0 section 5): handed out as RGB, 8 bit where all colors of the palette are.
fn palette(tags: &Tags<'_>, samples: u64, warnings: &mut Vec<String>) -> Result<Samples> {
    let bits = same(tags, tags::BITS_PER_SAMPLE, samples, "BitsPerSample")?;
    if samples != 1 || !(1..=8).contains(&bits) {
        return tags.refuse(format!(
            "a palette picture with {samples} samples of {bits} bit is not supported: convert it to RGB"
        ));
    }
    let Some(map) = tags.numbers(tags::COLOR_MAP)? else {
        return tags.damaged("the palette (ColorMap) is missing".into());
    };
    let count = 1usize << bits;
    if map.len() < 3 * count {
        return tags.damaged(format!("the palette has {} entries, {} are needed", map.len(), 3 * count));
    }
    // All reds come first, then all greens, then all blues.
    let entry = |i: usize| map.get(i).map_or(0, |v| (*v).min(65_535) as u16);
    let mut colors: Vec<[u16; 3]> = (0..count).map(|i| [entry(i), entry(count + i), entry(2 * count + i)]).collect();
    let all = |test: fn(u16) -> bool| colors.iter().flatten().all(|v| test(*v));
    let sample = if all(|v| v < 256) && !all(|v| v == 0) {
        warnings.push("the palette holds 8-bit values where 16-bit ones belong; taken as 8 bit".into());
        SampleType::U8
    } else if all(|v| v % 257 == 0) || all(|v| v % 256 == 0) {
        // 8-bit colors as 255 * 257 or as 255 * 256: both are found.
        colors.iter_mut().flatten().for_each(|v| *v >>= 8);
        SampleType::U8
    } else {
        SampleType::U16
    };
    let layout = PixelLayout { sample, channels: Channels::Rgb, alpha: Alpha::None };
    let packing = Packing::Palette(bits as u32, colors.into());
    warnings.push("palette colors are written as RGB".into());
    Ok(Samples { layout, model: ColorModel::AsLayout, inverted: false, packing })
}

impl Packing {
    /// Brings one decoded row of the file into samples of `sample` type in native order.
    pub(super) fn unpack(&self, stored: &[u8], sample: SampleType, out: &mut [u8]) {
        match self {
            Self::Whole => out.copy_from_slice(stored),
            Self::Bits(bits) => {
                let most = (1u32 << bits) - 1;
                let full = if sample == SampleType::U8 { 255 } else { 65_535 };
                let codes = Codes { stored, bits: *bits, at: 0 };
                put(out, sample, codes.map(|code| ((code * full + most / 2) / most) as u16));
            }
            Self::Palette(bits, colors) => {
                let codes = Codes { stored, bits: *bits, at: 0 };
                put(out, sample, codes.flat_map(|code| colors.get(code as usize).copied().unwrap_or_default()));
            }
        }
    }

    /// Bits of a sample in the file, when they are no whole type.
    pub(super) fn bits(&self) -> Option<u32> {
        match self {
            Self::Whole => None,
            Self::Bits(bits) | Self::Palette(bits, _) => Some(*bits),
        }
    }
}

/// Fills `out` with values as samples of 8 or 16 bit.
fn put(out: &mut [u8], sample: SampleType, values: impl Iterator<Item = u16>) {
    if sample == SampleType::U8 {
        out.iter_mut().zip(values).for_each(|(place, value)| *place = value as u8);
    } else {
        out.as_chunks_mut::<2>().0.iter_mut().zip(values).for_each(|(place, value)| *place = value.to_ne_bytes());
    }
}

/// Codes of 1 to 15 bits, most significant bit first (FillOrder 1).
struct Codes<'a> {
    stored: &'a [u8],
    bits: u32,
    /// Bit that comes next.
    at: usize,
}

impl Iterator for Codes<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let byte = self.at / 8;
        if self.at + self.bits as usize > self.stored.len() * 8 {
            return None;
        }
        // Up to 15 bits from any bit on lie within three bytes.
        let window =
            (0..3).fold(0, |window, i| (window << 8) | u32::from(self.stored.get(byte + i).copied().unwrap_or(0)));
        let code = window >> (24 - self.bits - (self.at % 8) as u32) & ((1 << self.bits) - 1);
        self.at += self.bits as usize;
        Some(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_every_width_come_out() {
        for bits in 1..=15u32 {
            let codes: Vec<u32> = (0..50u32).map(|i| i.wrapping_mul(2_654_435_761) >> 7 & ((1 << bits) - 1)).collect();
            let mut stored = vec![0u8; (50 * bits as usize).div_ceil(8)];
            for (i, code) in codes.iter().enumerate() {
                for b in 0..bits as usize {
                    let at = i * bits as usize + b;
                    stored[at / 8] |= ((code >> (bits as usize - 1 - b) & 1) as u8) << (7 - at % 8);
                }
            }
            let found: Vec<u32> = Codes { stored: &stored, bits, at: 0 }.take(50).collect();
            assert_eq!(found, codes, "{bits} bits");
        }
    }

    #[test]
    fn both_ends_of_the_range_are_kept() {
        let mut out = [7; 4];
        Packing::Bits(12).unpack(&[0xff, 0xf0, 0x00], SampleType::U16, &mut out);
        assert_eq!(out, [0xff, 0xff, 0, 0]);
        let mut out = [7; 8];
        Packing::Bits(1).unpack(&[0b1010_0001], SampleType::U8, &mut out);
        assert_eq!(out, [255, 0, 255, 0, 0, 0, 0, 255]);
    }
}
