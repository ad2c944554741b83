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

use super::embedded::{Embedded, Map};
use super::facts;
use super::segments::Head;
use crate::codec::bytes::FileBytes;
use crate::codec::whole::{Decode, WholeSource, zeros};
use crate::codec::{Limits, Pool, Source};
use crate::color::encodings;
use crate::error::{Error, Result};
use crate::picture::xmp::{self, Element};
use crate::picture::{
    Access, Alpha, Channels, ColorModel, Extent, FILE_TYPE_DEFAULT, Metadata, PictureInfo, PixelLayout, SampleType,
};

/// Ends of the namespaces, which differ by version.
const DEPTHMAP: &str = "/depthmap/";
const ITEM: &str = "/container/item/";

/// Bytes of an appended map at most.
const MOST_BYTES: u64 = 64 << 20;
/// Bytes of a value that is no map.
const MOST_VALUE: usize = 256;

/// The convention by which a packet carries depth; `None` when it carries none. Looks at the text only.
pub(super) fn convention(packet: Option<&[u8]>) -> Option<&'static str> {
    let text = std::str::from_utf8(packet?).ok()?;
    if text.contains(DEPTHMAP) && text.contains("Data") && data_of_packet(text).is_some() {
        return Some("GDepth");
    }
    let elements = if text.contains(ITEM) { xmp::elements(text, MOST_VALUE) } else { return None };
    elements.iter().any(is_depth).then_some("dynamic depth")
}

fn is_depth(item: &Element) -> bool {
    item.value(ITEM, "Semantic").is_some_and(|semantic| semantic.eq_ignore_ascii_case("depth"))
        || item.value(ITEM, "DataURI").is_some_and(|uri| uri.to_ascii_lowercase().contains("depthmap"))
}

/// Opens the depth map in a JPEG picture as a gray picture of floats. Its header is read, and that its file ends as it should; it is
/// decoded when its first rows are read.
///
/// # Errors
/// `Unsupported` when there is none, `Input` for one that is damaged.
pub fn open(path: &Path, limits: &Limits) -> Result<Box<dyn Source>> {
    let file = FileBytes::open(path, u64::MAX)?;
    let head = Head::read(&file).map_err(|reason| Error::input(path, reason))?;
    let (info, _) = facts::read(&file, &head, limits)?;
    let packet = info.metadata.xmp.as_deref().and_then(|packet| std::str::from_utf8(packet).ok());
    let packet = packet.ok_or_else(|| Error::unsupported(path, "the picture carries no depth"))?;
    let (map, codes) = find(&file, &head, packet).map_err(|reason| Error::input(path, reason))?;
    let info = self::info(map.extent());
    Ok(WholeSource::boxed(file, info, PhoneDepth { map, codes }))
}

/// A map and what its codes stand for.
struct PhoneDepth {
    map: Map,
    codes: Codes,
}

/// What codes from 0 to 1 stand for.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Codes {
    /// The nearest and the farthest.
    range: Option<(f32, f32)>,
    /// Evenly spaced in depth, else in its inverse.
    linear: bool,
    /// Values are depth in a known unit, in an unknown one, or what the file holds.
    unit: &'static str,
}

impl Codes {
    /// As the packet says it, in attributes or in elements.
    fn of(elements: &[Element]) -> Self {
        let fact = |name: &str| elements.iter().find_map(|element| element.value(DEPTHMAP, name)).map(str::trim);
        let number = |name: &str| fact(name).and_then(|text| text.parse::<f32>().ok());
        let range = match (number("Near"), number("Far")) {
            (Some(near), Some(far)) if near > 0.0 && far > near && far.is_finite() => Some((near, far)),
            _ => None,
        };
        let linear = fact("Format").is_some_and(|format| format.eq_ignore_ascii_case("RangeLinear"));
        let units = fact("Units").unwrap_or_default().to_ascii_lowercase();
        let unit = match (range, units.as_str()) {
            (None, _) if linear => "linear",
            (None, _) => "",
            (Some(_), "m" | "meter" | "meters") => "meters",
            (Some(_), "mm" | "millimeter" | "millimeters") => "millimeters",
            (Some(_), _) => "proportional",
        };
        Self { range, linear, unit }
    }

    /// The value of a code from 0 to 1.
    fn value(self, v: f32) -> f32 {
        match self.range {
            None => v,
            Some((near, far)) if self.linear => near + v * (far - near),
            Some((near, far)) => far * near / (far - v * (far - near)),
        }
    }
}

/// The map that the packet holds or names, and what its codes are.
fn find(file: &FileBytes, head: &Head, packet: &str) -> std::result::Result<(Map, Codes), String> {
    let elements = xmp::elements(packet, MOST_VALUE);
    let embedded = match data_of_packet(packet) {
        Some(text) => Embedded::Bytes(base64(text).ok_or("the depth map in its XMP packet is no base64")?),
        None => appended(file, head, &elements)?,
    };
    let map = Map::open(embedded, file).map_err(|reason| format!("damaged: {reason}"))?;
    Ok((map, Codes::of(&elements)))
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
fn appended(file: &FileBytes, head: &Head, elements: &[Element]) -> std::result::Result<Embedded, String> {
    let items: Vec<&Element> = elements.iter().filter(|e| e.value(ITEM, "Mime").is_some()).collect();
    let at = items.iter().position(|item| is_depth(item)).ok_or("its directory of contents names no depth map")?;
    let number =
        |item: &Element, name: &str| item.value(ITEM, name).and_then(|v| v.trim().parse::<u64>().ok()).unwrap_or(0);
    let length = items.get(at).map_or(0, |item| number(item, "Length"));
    let behind = items
        .iter()
        .skip(at)
        .fold(0u64, |sum, item| sum.saturating_add(number(item, "Length")).saturating_add(number(item, "Padding")));
    let start = file.length().checked_sub(behind).filter(|start| *start > head.scan && length > 0);
    let start = start.ok_or("truncated: the depth map behind the picture is not there")?;
    if length > MOST_BYTES {
        return Err(format!("its depth map has {length} bytes, the limit is {MOST_BYTES}"));
    }
    Ok(Embedded::Behind { start, length })
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

impl Decode for PhoneDepth {
    fn decode(&mut self, file: &FileBytes, _info: &PictureInfo, _pool: &Pool) -> Result<Vec<u8>> {
        let told = |reason: String| Error::input(file.path(), format!("damaged: {reason}"));
        let samples = self.map.decode(file).map_err(told)?;
        let mut values = zeros(file.path(), 4 * samples.len() as u64)?;
        let white = self.map.white();
        for (bytes, code) in values.as_chunks_mut::<4>().0.iter_mut().zip(samples) {
            *bytes = self.codes.value(f32::from(code) / white).to_ne_bytes();
        }
        Ok(values)
    }

    fn working_bytes(&self) -> u64 {
        self.map.working_bytes()
    }

    fn texts(&self) -> Vec<(String, String)> {
        let facts = |list: &[(&str, &str)]| list.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        match self.codes.unit {
            "" => facts(&[("depth:kind", "relative disparity"), ("depth:polarity", "near-is-small")]),
            "linear" => facts(&[("depth:kind", "distance"), ("depth:polarity", "near-is-small")]),
            "proportional" => facts(&[("depth:kind", "proportional depth")]),
            unit => facts(&[("depth:kind", "metric depth"), ("depth:unit", unit)]),
        }
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
        let rdf = |inner: &str| format!("<r:RDF xmlns:r=\"{}\">{inner}</r:RDF>", xmp::ns::RDF);
        let gdepth = |more: &str| {
            rdf(&format!("<r:Description xmlns:GDepth=\"http://ns.google.com/photos/1.0/depthmap/\" {more}/>"))
        };
        assert_eq!(convention(Some(gdepth("GDepth:Data=\"AA\"").as_bytes())), Some("GDepth"));
        // The namespace alone, with another's data, is no map.
        assert_eq!(convention(Some(gdepth("xmlns:GImage=\"urn:x\" GImage:Data=\"AA\"").as_bytes())), None);
        let item = |semantic: &str| {
            format!("<x xmlns:Item=\"http://ns.google.com/photos/1.0/container/item/\" Item:Semantic=\"{semantic}\"/>")
        };
        assert_eq!(convention(Some(item("Depth").as_bytes())), Some("dynamic depth"));
        assert_eq!(convention(Some(item("GainMap").as_bytes())), None);
        assert_eq!((convention(None), convention(Some(b"<x/>"))), (None, None));
    }

    #[test]
    fn facts_stand_in_attributes_or_in_elements() {
        let of = |inner: &str| {
            let packet = format!("<d xmlns:GDepth=\"http://ns.google.com/photos/1.0/depthmap/\" {inner}</d>");
            Codes::of(&xmp::elements(&packet, MOST_VALUE))
        };
        let attributes = of("GDepth:Near=\"1\" GDepth:Far=\"3\" GDepth:Format=\"RangeLinear\" GDepth:Units=\"m\">");
        let elements =
            of("><GDepth:Near>1</GDepth:Near><GDepth:Far> 3 </GDepth:Far><GDepth:Format>RangeLinear</GDepth:Format>\
             <GDepth:Units>m</GDepth:Units>");
        assert_eq!(attributes, Codes { range: Some((1.0, 3.0)), linear: true, unit: "meters" });
        assert_eq!(elements, attributes);
        assert_eq!((elements.value(0.5), of(">").value(0.5)), (2.0, 0.5));
    }
}
