//! Depth that phones put into JPEG files.
//!
//! * **GDepth** (Google, "Depthmap Metadata", <https://developers.google.com/depthmap-metadata/reference>): a JPEG or PNG in base64 as a
//!   property of the XMP packet, which is an extended one then.
//! * **Dynamic depth** (Google, "Dynamic Depth Format Specification 1.0", 2019): the map is a file behind the picture; the XMP packet holds a
//!   directory of what follows, with lengths.
//!
//! Both store depth between `Near` and `Far`, as *RangeInverse*, `v = (1/near - 1/z) / (1/near - 1/far)`, or *RangeLinear*,
//! `v = (z - near) / (far - near)`, with v from 0 to 1. Where near and far are usable, z is what is handed out; else v itself.

use std::path::Path;

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use super::facts;
use super::segments::Head;
use crate::codec::bytes::FileBytes;
use crate::codec::whole::{check_region, no_depth};
use crate::codec::{Limits, Pool, Source, png};
use crate::color::encodings;
use crate::error::{Error, Result};
use crate::picture::xmp::{self, Element};
use crate::picture::{
    Access, Alpha, Channels, ColorModel, Extent, FILE_TYPE_DEFAULT, Metadata, PictureInfo, PixelLayout, Region,
    SampleType, Strip,
};

/// Ends of the namespaces, which differ by version.
const DEPTHMAP: &str = "/depthmap/";
const ITEM: &str = "/container/item/";

/// Pixels of a map at most: those of phones have less than a million.
const MOST_PIXELS: u64 = 1 << 25;
/// Bytes of an appended map at most.
const MOST_BYTES: u64 = 64 << 20;
/// Bytes of a value that is no map.
const MOST_VALUE: usize = 256;

/// The convention by which a packet carries depth; `None` when it carries none. Looks at the text only.
pub(super) fn convention(packet: Option<&[u8]>) -> Option<&'static str> {
    let text = std::str::from_utf8(packet?).ok()?;
    if text.contains("ns.google.com/photos/1.0/depthmap/") && text.contains(":Data") {
        return Some("GDepth");
    }
    let elements = if text.contains(ITEM) { xmp::elements(text, MOST_VALUE) } else { return None };
    elements.iter().any(is_depth).then_some("dynamic depth")
}

fn is_depth(item: &Element) -> bool {
    item.value(ITEM, "Semantic").is_some_and(|semantic| semantic.eq_ignore_ascii_case("depth"))
        || item.value(ITEM, "DataURI").is_some_and(|uri| uri.to_ascii_lowercase().contains("depthmap"))
}

/// Opens the depth map in a JPEG picture as a gray picture of floats.
///
/// # Errors
/// `Unsupported` when there is none, `Input` for one that is damaged.
pub fn open(path: &Path, limits: &Limits) -> Result<Box<dyn Source>> {
    let file = FileBytes::open(path, u64::MAX)?;
    let head = Head::read(&file).map_err(|reason| Error::input(path, reason))?;
    let (info, _) = facts::read(&file, &head, limits)?;
    let packet = info.metadata.xmp.as_deref().and_then(|packet| std::str::from_utf8(packet).ok());
    let packet = packet.ok_or_else(|| Error::unsupported(path, "the picture carries no depth"))?;
    let (extent, values, unit) = read(&file, packet).map_err(|reason| Error::input(path, reason))?;
    Ok(Box::new(PhoneDepth { file, info: self::info(extent), values, unit }))
}

/// A map that was decoded.
struct PhoneDepth {
    file: FileBytes,
    info: PictureInfo,
    values: Vec<f32>,
    /// Values are depth in a known unit, in an unknown one, or what the file holds.
    unit: &'static str,
}

/// Size, values and unit of the map.
fn read(file: &FileBytes, packet: &str) -> std::result::Result<(Extent, Vec<f32>, &'static str), String> {
    let elements = xmp::elements(packet, MOST_VALUE);
    let fact = |name: &str| elements.iter().find_map(|element| element.value(DEPTHMAP, name));
    let bytes = match data_of_packet(packet) {
        Some(text) => base64(text).ok_or("the depth map in its XMP packet is no base64")?,
        None => appended(file, &elements)?,
    };
    let (extent, codes, white) = decode(&bytes).map_err(|reason| format!("damaged: {reason}"))?;
    let number = |name: &str| fact(name).and_then(|text| text.trim().parse::<f32>().ok());
    let range = match (number("Near"), number("Far")) {
        (Some(near), Some(far)) if near > 0.0 && far > near && far.is_finite() => Some((near, far)),
        _ => None,
    };
    let linear = fact("Format").is_some_and(|format| format.eq_ignore_ascii_case("RangeLinear"));
    let units = fact("Units").unwrap_or_default().to_ascii_lowercase();
    let unit = match range {
        None => "",
        Some(_) if matches!(units.as_str(), "m" | "meter" | "meters") => "meters",
        Some(_) if matches!(units.as_str(), "mm" | "millimeter" | "millimeters") => "millimeters",
        Some(_) => "proportional",
    };
    let depth = |code: u16| {
        let v = f32::from(code) / white;
        match range {
            None => v,
            Some((near, far)) if linear => near + v * (far - near),
            Some((near, far)) => far * near / (far - v * (far - near)),
        }
    };
    let unit = if range.is_none() && linear { "linear" } else { unit };
    Ok((extent, codes.into_iter().map(depth).collect(), unit))
}

fn info(extent: Extent) -> PictureInfo {
    PictureInfo {
        extent,
        layout: PixelLayout { sample: SampleType::F32, channels: Channels::Gray, alpha: Alpha::None },
        encoding: encodings::linear_rec709(),
        model: ColorModel::AsLayout,
        encoding_source: FILE_TYPE_DEFAULT,
        orientation: 1,
        metadata: Metadata::default(),
        access: Access::Whole,
        chunk_rows: 1,
        format: "jpeg",
        compression: "none",
        depth_channel: None,
        depth_channels: Vec::new(),
        warnings: Vec::new(),
    }
}

/// The text of `GDepth:Data`, as an attribute or an element.
fn data_of_packet(packet: &str) -> Option<&str> {
    let scanned = xmp::scan(packet).ok()?;
    let data = scanned.properties.iter().find(|p| p.name == "Data" && p.namespace.ends_with(DEPTHMAP))?;
    packet.get(data.value.clone()?)
}

/// The item behind the picture that the directory calls depth: items follow each other up to the end of the file.
fn appended(file: &FileBytes, elements: &[Element]) -> std::result::Result<Vec<u8>, String> {
    let items: Vec<&Element> = elements.iter().filter(|e| e.value(ITEM, "Mime").is_some()).collect();
    let at = items.iter().position(|item| is_depth(item)).ok_or("its directory of contents names no depth map")?;
    let number =
        |item: &Element, name: &str| item.value(ITEM, name).and_then(|v| v.trim().parse::<u64>().ok()).unwrap_or(0);
    let length = items.get(at).map_or(0, |item| number(item, "Length"));
    let behind = items
        .iter()
        .skip(at)
        .fold(0u64, |sum, item| sum.saturating_add(number(item, "Length")).saturating_add(number(item, "Padding")));
    let start = file.length().checked_sub(behind).filter(|start| *start > 0 && length > 0);
    let start = start.ok_or("truncated: the depth map behind the picture is not there")?;
    if length > MOST_BYTES {
        return Err(format!("its depth map has {length} bytes, the limit is {MOST_BYTES}"));
    }
    let mut bytes = vec![0; length as usize];
    file.read(start, &mut bytes).map_err(|e| e.to_string())?;
    Ok(bytes)
}

/// Codes of a small JPEG or PNG, and the code of 1.
fn decode(bytes: &[u8]) -> std::result::Result<(Extent, Vec<u16>, f32), String> {
    if bytes.starts_with(b"\x89PNG") {
        let (extent, codes) = png::small::decode(bytes, MOST_PIXELS)?;
        let white = if codes.iter().any(|code| *code > 255) { 65_535.0 } else { 255.0 };
        return Ok((extent, codes, white));
    }
    if !bytes.starts_with(&[0xff, 0xd8]) {
        return Err("the depth map is neither a JPEG nor a PNG".to_owned());
    }
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(8192)
        .set_max_height(8192)
        .jpeg_set_out_colorspace(ColorSpace::Luma);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|e| format!("{e:?}"))?;
    let (width, height) = decoder.dimensions().ok_or("no size")?;
    let extent = Extent { width: width as u32, height: height as u32 };
    if extent.pixels() == 0 || extent.pixels() > MOST_PIXELS {
        return Err(format!("{extent} pixels are more than the {MOST_PIXELS} allowed, or none"));
    }
    let samples = decoder.decode().map_err(|e| format!("{e:?}"))?;
    if samples.len() as u64 != extent.pixels() {
        return Err("its depth map is not gray".to_owned());
    }
    Ok((extent, samples.into_iter().map(u16::from).collect(), 255.0))
}

/// Bytes of base64 (RFC 4648, 4), blanks and line ends left out; `None` for anything else.
fn base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut have) = (0u32, 0);
    for c in text.bytes().filter(|c| !c.is_ascii_whitespace()) {
        let six = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => break,
            _ => return None,
        };
        (bits, have) = ((bits << 6 | u32::from(six)) & 0xff_ffff, have + 6);
        if have >= 8 {
            have -= 8;
            bytes.push((bits >> have) as u8);
        }
    }
    Some(bytes)
}

impl Source for PhoneDepth {
    fn info(&self) -> &PictureInfo {
        &self.info
    }

    fn read(&mut self, region: Region, strip: &mut Strip, _pool: &Pool) -> Result<()> {
        check_region(self.file.path(), self.info.extent, region)?;
        strip.reset(region, self.info.layout);
        let start = region.y as usize * region.width as usize;
        let values = self.values.get(start..start + region.pixels()).unwrap_or_default();
        for (sample, value) in strip.bytes_mut().as_chunks_mut::<4>().0.iter_mut().zip(values) {
            *sample = value.to_ne_bytes();
        }
        Ok(())
    }

    fn read_depth(&mut self, _region: Region, _depth: &mut [f32], _pool: &Pool) -> Result<()> {
        Err(no_depth(self.file.path(), self.info.format))
    }

    fn rewind(&mut self) -> Result<()> {
        Ok(())
    }

    fn resident_bytes(&self, _rows: u32) -> u64 {
        self.info.extent.pixels() * 6
    }

    fn texts(&self) -> Vec<(String, String)> {
        let facts = |list: &[(&str, &str)]| list.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        match self.unit {
            "" => facts(&[("depth:kind", "relative disparity"), ("depth:polarity", "near-is-small")]),
            "linear" => facts(&[("depth:kind", "distance"), ("depth:polarity", "near-is-small")]),
            "proportional" => facts(&[("depth:kind", "proportional depth")]),
            unit => facts(&[("depth:kind", "metric depth"), ("depth:unit", unit)]),
        }
    }

    fn check_intact(&self) -> Result<()> {
        self.file.check_intact()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read() {
        assert_eq!(base64("Zm9v\nYmE=").as_deref(), Some(&b"fooba"[..]));
        assert_eq!(base64("Zm9vYg==").as_deref(), Some(&b"foob"[..]));
        assert_eq!((base64("Z!"), base64("").map(|b| b.len())), (None, Some(0)));
    }

    #[test]
    fn conventions_are_told_by_their_namespaces() {
        let gdepth = "<x xmlns:GDepth=\"http://ns.google.com/photos/1.0/depthmap/\" GDepth:Data=\"AA\"/>";
        assert_eq!(convention(Some(gdepth.as_bytes())), Some("GDepth"));
        let item = |semantic: &str| {
            format!("<x xmlns:Item=\"http://ns.google.com/photos/1.0/container/item/\" Item:Semantic=\"{semantic}\"/>")
        };
        assert_eq!(convention(Some(item("Depth").as_bytes())), Some("dynamic depth"));
        assert_eq!(convention(Some(item("GainMap").as_bytes())), None);
        assert_eq!((convention(None), convention(Some(b"<x/>"))), (None, None));
    }
}
