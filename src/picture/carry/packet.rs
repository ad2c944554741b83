//! XMP on its way from input to output.

use super::{Carry, ColorTag, Holds, Lost, cannot_hold};
use crate::picture::Policy;
use crate::picture::xmp::{self, Action, Packet, Problem, Property, ns};

/// Properties of the storage of the old file.
const STORAGE: [&str; 9] = [
    "BitsPerSample",
    "Compression",
    "PhotometricInterpretation",
    "SamplesPerPixel",
    "PlanarConfiguration",
    "YCbCrSubSampling",
    "YCbCrPositioning",
    "YCbCrCoefficients",
    "ReferenceBlackWhite",
];

/// Namespaces of what is stored beside the picture in its own file, behind it or in base64, and of the directory of that: depth maps, pictures
/// before effects, gain maps, films (Google, "Depthmap Metadata" and "Dynamic Depth Format Specification 1.0", 2019). All versions of dynamic depth
/// begin as the last does.
const BESIDE: [&str; 4] = [
    "http://ns.google.com/photos/1.0/depthmap/",
    "http://ns.google.com/photos/1.0/image/",
    "http://ns.google.com/photos/1.0/container/",
    "http://ns.google.com/photos/dd/",
];

/// True for properties of what lies beside the picture in the input, where no output has it.
fn is_beside(property: &Property) -> bool {
    BESIDE.iter().any(|start| property.namespace.starts_with(start))
}

/// The packet of the output.
pub(super) fn carried(from: Option<&[u8]>, to: &Carry<'_>, holds: &Holds, lost: &mut Vec<Lost>) -> Option<Vec<u8>> {
    let provenance = to.provenance.filter(|_| to.policy == Policy::All);
    let packet = match (from, to.policy) {
        (_, Policy::None) => return None,
        (Some(bytes), _) => read(bytes, to, holds, lost),
        (None, _) => None,
    };
    // Provenance alone is not worth a complaint where it cannot be held.
    let packet = match (packet, holds.xmp) {
        (Some(_), None) => {
            lost.push(cannot_hold("XMP", to));
            None
        }
        (packet, Some(_)) => packet.or_else(|| provenance.map(|p| p.packet().into_bytes())),
        (None, None) => None,
    }?;
    within(packet, holds.xmp.unwrap_or(0), lost)
}

/// The packet in at most `most` bytes.
fn within(packet: Vec<u8>, most: u64, lost: &mut Vec<Lost>) -> Option<Vec<u8>> {
    if packet.len() as u64 <= most {
        return Some(packet);
    }
    let tight = std::str::from_utf8(&packet).map(|text| xmp::without_padding(text).into_bytes());
    let tight = tight.unwrap_or(packet);
    if tight.len() as u64 <= most {
        return Some(tight);
    }
    let why = format!("of {} bytes is left out: the format holds {most} bytes of it", tight.len());
    lost.push(Lost { what: "XMP", why });
    None
}

fn read(bytes: &[u8], to: &Carry<'_>, holds: &Holds, lost: &mut Vec<Lost>) -> Option<Vec<u8>> {
    // Some writers count a terminating zero.
    let trimmed = bytes.strip_suffix(b"\0").unwrap_or(bytes);
    let scanned =
        std::str::from_utf8(trimmed).map_err(|_| Problem::Malformed("is not UTF-8".into())).and_then(xmp::scan);
    match scanned {
        Ok(packet) if to.policy == Policy::Copyright => rights(&packet, lost),
        Ok(packet) => {
            if packet.properties.iter().any(is_beside) {
                let why = "of a depth map or other files stored with the picture (GDepth, Container) is left out: they stay with the input";
                lost.push(Lost { what: "XMP", why: why.to_owned() });
            }
            Some(edited(&packet, to, holds).into_bytes())
        }
        Err(Problem::Malformed(why)) if to.policy == Policy::All => {
            lost.push(Lost { what: "XMP", why: format!("{why}; it is carried as it is") });
            Some(bytes.to_vec())
        }
        Err(Problem::Malformed(why) | Problem::Hostile(why)) => {
            lost.push(Lost { what: "XMP", why: format!("{why}; it is left out") });
            None
        }
    }
}

/// A packet of who made the picture and whose it is; `None` where nothing says it, or where it may say more than that.
fn rights(packet: &Packet<'_>, lost: &mut Vec<Lost>) -> Option<Vec<u8>> {
    if !packet.properties.iter().any(of_rights) {
        return None;
    }
    match xmp::only(packet, of_rights) {
        Ok(text) => Some(text.into_bytes()),
        Err(why) => {
            lost.push(Lost { what: "XMP", why: format!("{why}; it is left out") });
            None
        }
    }
}

fn edited(packet: &Packet<'_>, to: &Carry<'_>, holds: &Holds) -> String {
    let applied = packet.value(ns::CRS, "AlreadyApplied").is_some_and(|v| v.trim().eq_ignore_ascii_case("true"));
    xmp::edit(packet, |property| decide(property, to, holds, applied), to.provenance)
}

/// True for what says who made the picture and whose it is.
fn of_rights(property: &Property) -> bool {
    match property.namespace.as_str() {
        ns::XMP_RIGHTS | ns::PLUS | ns::CC => true,
        ns::DC => ["rights", "creator"].contains(&property.name.as_str()),
        ns::PHOTOSHOP => ["Credit", "Source", "AuthorsPosition"].contains(&property.name.as_str()),
        _ => false,
    }
}

fn decide(property: &Property, to: &Carry<'_>, holds: &Holds, applied: bool) -> Action {
    let set = |value: &dyn ToString| Action::Set(value.to_string());
    if is_beside(property) {
        return Action::Drop;
    }
    match (property.namespace.as_str(), property.name.as_str()) {
        (ns::CRS, "RawFileName") => Action::Keep,
        (ns::CRS | ns::CRSS, _) if !applied => Action::Drop,
        (ns::CHIARO, _) | (ns::XMP, "Thumbnails") | (ns::XMP_MM, "InstanceID") => Action::Drop,
        (ns::PHOTOSHOP, "ICCProfile") if to.color.is_some() => Action::Drop,
        (ns::TIFF, "Orientation") if holds.orientation => set(&to.orientation),
        (ns::TIFF, "ImageWidth") | (ns::EXIF, "PixelXDimension") => set(&to.extent_out.width),
        (ns::TIFF, "ImageLength") | (ns::EXIF, "PixelYDimension") => set(&to.extent_out.height),
        (ns::TIFF, name) if STORAGE.contains(&name) => Action::Drop,
        (ns::EXIF, "ColorSpace") => match to.color {
            None => Action::Keep,
            Some(ColorTag::Srgb) => set(&1),
            Some(_) => set(&0xffff),
        },
        (ns::DC, "format") => set(&holds.media_type),
        _ => Action::Keep,
    }
}
