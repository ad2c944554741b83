//! Depth that phones put into JPEG files.
//!
//! * **GDepth** (Google, "Depthmap Metadata", <https://developers.google.com/depthmap-metadata/reference>): a JPEG or PNG in base64 as a
//!   property of the XMP packet, which is an extended one then.
//! * **Dynamic depth** (Google, "Dynamic Depth Format Specification 1.0", 2019): the map is a file behind the picture; the XMP packet holds a
//!   directory of what follows, with lengths.
//!
//! Both store depth between `Near` and `Far`, as *RangeInverse*, `v = (1/near - 1/z) / (1/near - 1/far)`, or *RangeLinear*,
//! `v = (z - near) / (far - near)`, with v from 0 to 1. Where near and far are usable, z is what is handed out; else v itself, which a warning
//! says. Defaults are those of GDepth's reference: a `Format` that is not given is *RangeInverse*, `Units` are meters. Dynamic depth has none
//! for its units.

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
/// Of what a directory lists: as dynamic depth 1.0 was published (`http://ns.google.com/photos/dd/1.0/item/`, which AOSP's library writes), and as
/// containers of other pictures have it (`http://ns.google.com/photos/1.0/container/item/`).
const ITEMS: [&str; 2] = ["/dd/1.0/item/", "/container/item/"];
/// The property that points to extended XMP.
const NOTE: &str = "HasExtendedXMP";

/// Bytes of an appended map at most.
const MOST_BYTES: u64 = 64 << 20;
/// Bytes of a value that is no map.
const MOST_VALUE: usize = 256;
/// Characters of a value that messages show.
const SHOWN: usize = 40;

/// The convention by which a packet carries depth; `None` when it carries none. Looks at the text only.
pub(super) fn convention(packet: Option<&[u8]>) -> Option<&'static str> {
    let text = std::str::from_utf8(packet?).ok()?;
    if text.contains(DEPTHMAP) && text.contains("Data") && data_of_packet(text).is_some() {
        return Some("GDepth");
    }
    if ITEMS.iter().any(|namespace| text.contains(namespace))
        && place_of_depth(&xmp::elements(text, MOST_VALUE)).is_some()
    {
        return Some("dynamic depth");
    }
    // Asked for or not, it has to be said that it cannot be read.
    lacks_its_map(text).then_some("GDepth")
}

/// True for a packet that describes a depth map of GDepth and points to extended XMP that would hold it: it was not there, or damaged.
pub(super) fn lacks_its_map(packet: &str) -> bool {
    let facts = ["Format", "Near", "Far", "Mime"];
    let describes = |element: &Element| facts.iter().any(|name| element.value(DEPTHMAP, name).is_some());
    packet.contains(DEPTHMAP)
        && packet.contains(NOTE)
        && data_of_packet(packet).is_none()
        && xmp::elements(packet, MOST_VALUE).iter().any(describes)
}

/// What a directory says of an item.
fn of_item<'a>(item: &'a Element, name: &str) -> Option<&'a str> {
    ITEMS.iter().find_map(|namespace| item.value(namespace, name))
}

/// Which of the elements is the item of the depth map: the one that is called so, or has the address that the description of the map gives.
fn place_of_depth(elements: &[Element]) -> Option<usize> {
    let address = elements.iter().find_map(|element| element.value(DEPTHMAP, "DepthURI"));
    elements.iter().position(|item| {
        of_item(item, "Semantic").is_some_and(|semantic| semantic.eq_ignore_ascii_case("depth"))
            || of_item(item, "DataURI")
                .is_some_and(|uri| Some(uri) == address || uri.to_ascii_lowercase().contains("depthmap"))
    })
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
    let (map, codes, warning) = find(&file, &head, packet).map_err(|reason| Error::input(path, reason))?;
    let info = PictureInfo { warnings: warning.into_iter().collect(), ..self::info(map.extent()) };
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
    /// As the packet says it, in attributes or in elements, with `default_units` where it names none; and a warning, when depth has no unit
    /// because near and far are not usable.
    ///
    /// # Errors
    /// A sentence for a format whose numbers are not known.
    fn of(elements: &[Element], default_units: &str) -> std::result::Result<(Self, Option<String>), String> {
        let fact = |name: &str| elements.iter().find_map(|element| element.value(DEPTHMAP, name)).map(str::trim);
        let number = |name: &str| fact(name).and_then(|text| text.parse::<f32>().ok());
        let range = match (number("Near"), number("Far")) {
            (Some(near), Some(far)) if near > 0.0 && far > near && far.is_finite() => Some((near, far)),
            _ => None,
        };
        let shown = |name: &str| {
            fact(name)
                .map_or("missing".to_owned(), |text| format!("{:?}", text.chars().take(SHOWN).collect::<String>()))
        };
        let linear = match fact("Format") {
            None => false,
            Some(format) if format.eq_ignore_ascii_case("RangeInverse") => false,
            Some(format) if format.eq_ignore_ascii_case("RangeLinear") => true,
            Some(_) => {
                let format = shown("Format");
                return Err(format!("its format is {format}, RangeInverse and RangeLinear are read"));
            }
        };
        let warning = range.is_none().then(|| {
            let (near, far) = (shown("Near"), shown("Far"));
            format!("near ({near}) and far ({far}) are not two positive numbers, the smaller one first: its depth has no meters")
        });
        let units = fact("Units").unwrap_or(default_units).to_ascii_lowercase();
        let unit = match (range, units.as_str()) {
            (None, _) if linear => "linear",
            (None, _) => "",
            (Some(_), "m" | "meter" | "meters") => "meters",
            (Some(_), "mm" | "millimeter" | "millimeters") => "millimeters",
            (Some(_), _) => "proportional",
        };
        Ok((Self { range, linear, unit }, warning))
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

/// The map that the packet holds or names, what its codes are, and a warning about them.
fn find(file: &FileBytes, head: &Head, packet: &str) -> std::result::Result<(Map, Codes, Option<String>), String> {
    let elements = xmp::elements(packet, MOST_VALUE);
    let (embedded, default_units) = match data_of_packet(packet) {
        Some(text) => (Embedded::Bytes(base64(text).ok_or("the depth map in its XMP packet is no base64")?), "m"),
        None if place_of_depth(&elements).is_none() && lacks_its_map(packet) => {
            return Err("it cannot be read, because the extended XMP that holds it is missing or damaged".to_owned());
        }
        None => (appended(file, head, &elements)?, ""),
    };
    let (codes, warning) = Codes::of(&elements, default_units)?;
    let map = Map::open(embedded, file).map_err(|reason| format!("damaged: {reason}"))?;
    Ok((map, codes, warning))
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
    let at = place_of_depth(elements).ok_or("its directory of contents names no depth map")?;
    let number =
        |item: &Element, name: &str| of_item(item, name).and_then(|v| v.trim().parse::<u64>().ok()).unwrap_or(0);
    let length = elements.get(at).map_or(0, |item| number(item, "Length"));
    let behind = elements
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
        // A map that is described, but whose extended XMP is lost; or never was promised.
        let lost = "GDepth:Near=\"1\" xmlns:n=\"http://ns.adobe.com/xmp/note/\" n:HasExtendedXMP=\"00\"";
        assert_eq!(convention(Some(gdepth(lost).as_bytes())), Some("GDepth"));
        assert_eq!(convention(Some(gdepth("GDepth:Near=\"1\"").as_bytes())), None);
        for version in ["1.0/container", "dd/1.0", "dd/1.0/container"] {
            let item = |said: &str| {
                let maps = "xmlns:D=\"http://ns.google.com/photos/dd/1.0/depthmap/\"";
                let items = format!("xmlns:Item=\"http://ns.google.com/photos/{version}/item/\"");
                convention(Some(format!("<x {maps} D:DepthURI=\"third\"><y {items} Item:{said}/></x>").as_bytes()))
            };
            for depth in ["Semantic=\"Depth\"", "DataURI=\"android/depthmap\"", "DataURI=\"third\""] {
                assert_eq!(item(depth), Some("dynamic depth"), "{version} {depth}");
            }
            assert_eq!((item("Semantic=\"GainMap\""), item("DataURI=\"primary_image\"")), (None, None), "{version}");
        }
        assert_eq!((convention(None), convention(Some(b"<x/>"))), (None, None));
    }

    #[test]
    fn facts_stand_in_attributes_or_in_elements() {
        let of = |inner: &str| {
            let packet = format!("<d xmlns:GDepth=\"http://ns.google.com/photos/1.0/depthmap/\" {inner}</d>");
            Codes::of(&xmp::elements(&packet, MOST_VALUE), "m")
        };
        let known = |inner: &str| of(inner).unwrap().0;
        let attributes = known("GDepth:Near=\"1\" GDepth:Far=\"3\" GDepth:Format=\"RangeLinear\" GDepth:Units=\"m\">");
        let elements = known(
            "><GDepth:Near>1</GDepth:Near><GDepth:Far> 3 </GDepth:Far><GDepth:Format>RangeLinear</GDepth:Format>\
             <GDepth:Units>m</GDepth:Units>",
        );
        assert_eq!(attributes, Codes { range: Some((1.0, 3.0)), linear: true, unit: "meters" });
        assert_eq!(elements, attributes);
        assert_eq!((elements.value(0.5), known(">").value(0.5)), (2.0, 0.5));
        // Defaults of the reference.
        let bare = Codes { range: Some((1.0, 3.0)), linear: false, unit: "meters" };
        assert_eq!(of("GDepth:Near=\"1\" GDepth:Far=\"3\">"), Ok((bare, None)));
        // What cannot be used is said, never guessed.
        let unknown = of("GDepth:Near=\"1\" GDepth:Far=\"3\" GDepth:Format=\"Banana\">").unwrap_err();
        assert!(unknown.contains("\"Banana\"") && unknown.contains("RangeLinear"), "{unknown}");
        for (range, near, far) in [
            ("GDepth:Near=\"3,0\" GDepth:Far=\"9\"", "\"3,0\"", "\"9\""),
            ("GDepth:Near=\"9\" GDepth:Far=\"9\"", "\"9\"", "\"9\""),
            ("GDepth:Far=\"9\"", "missing", "\"9\""),
        ] {
            let (codes, warning) = of(&format!("{range} GDepth:Units=\"m\">")).unwrap();
            let warning = warning.unwrap();
            assert_eq!((codes.range, codes.unit), (None, ""));
            assert!(warning.starts_with(&format!("near ({near}) and far ({far}) are not")), "{warning}");
        }
    }
}
