//! Metadata as attributes.
//!
//! OpenEXR has no place for EXIF or IPTC. Facts of EXIF go to the standard attributes (OpenEXR "Standard Optional Attributes",
//! <https://openexr.com/en/latest/StandardAttributes.html>), where other programs find them, and the blobs as they are to attributes of
//! the type `blob`, where Chiaro finds them again; readers keep what they do not know. XMP is a string.

use super::header::{Attribute, Part};
use crate::codec::SinkSpec;
use crate::picture::exif;
use crate::picture::{Metadata, Policy, ResolutionUnit};

/// Attribute names and types of the blobs.
const BLOBS: [(&str, &str); 4] = [("xmp", "string"), ("exif", "blob"), ("iptc", "blob"), ("photoshop", "blob")];

/// Attributes that a picture is shown right by, or that lead through its layers and views; the others say what it shows, where and by whom.
const SHOWN_BY: [&str; 14] = [
    "dataWindow",
    "displayWindow",
    "pixelAspectRatio",
    "screenWindowCenter",
    "screenWindowWidth",
    "chromaticities",
    "whiteLuminance",
    "adoptedNeutral",
    "xDensity",
    "name",
    "view",
    "multiView",
    "wrapmodes",
    "envmap",
];

/// Attributes of the way the samples are stored.
const STRUCTURE: [&str; 9] = [
    "channels",
    "compression",
    "lineOrder",
    "tiles",
    "type",
    "chunkCount",
    "version",
    "preview",
    "dwaCompressionLevel",
];

/// An attribute of a picture: name, type, value.
pub type Fact = (&'static str, &'static str, Vec<u8>);

/// The blobs of a part.
pub fn read(part: &Part) -> Metadata {
    let [xmp, exif, iptc, photoshop] =
        BLOBS.map(|(name, kind)| part.attribute(name, kind).filter(|v| !v.is_empty()).map(<[u8]>::to_vec));
    Metadata { xmp, exif, iptc, photoshop, own_facts: own_facts(part), ..Metadata::default() }
}

/// Attributes that a picture is shown without, and that no other format knows. Where EXIF came along, its facts are in it.
fn own_facts(part: &Part) -> Vec<String> {
    let has_exif = part.attribute("exif", "blob").is_some();
    let of_exif = |name: &[u8]| {
        let places = ["latitude", "longitude", "altitude"].into_iter();
        let names = TEXTS.iter().map(|t| t.0).chain(NUMBERS.iter().map(|n| n.0)).chain(places);
        has_exif && names.into_iter().any(|known| known.as_bytes() == name)
    };
    let others = part.attributes.iter().filter(|a| {
        let structural = SHOWN_BY.iter().chain(&STRUCTURE).chain(BLOBS.iter().map(|(name, _)| name));
        !structural.into_iter().any(|known| known.as_bytes() == a.name) && !of_exif(&a.name)
    });
    others.map(|a| String::from_utf8_lossy(&a.name).into_owned()).collect()
}

/// The attributes of the input that go to the output, as far as they are wanted. The blobs are not among them.
pub fn carried(attributes: &[Attribute], policy: Policy) -> Vec<Attribute> {
    let is_blob =
        |a: &Attribute| BLOBS.iter().any(|(name, kind)| a.name == name.as_bytes() && a.kind == kind.as_bytes());
    let wanted = |a: &Attribute| match policy {
        Policy::All => true,
        Policy::Copyright => a.name == b"owner" || SHOWN_BY.iter().any(|name| a.name == name.as_bytes()),
        Policy::None => SHOWN_BY.iter().any(|name| a.name == name.as_bytes()),
    };
    attributes.iter().filter(|a| !is_blob(a) && wanted(a)).cloned().collect()
}

/// The blobs of an output.
pub fn blobs(spec: &SinkSpec) -> Vec<Fact> {
    let metadata = &spec.metadata;
    let values = [&metadata.xmp, &metadata.exif, &metadata.iptc, &metadata.photoshop];
    BLOBS.into_iter().zip(values).filter_map(|((name, kind), v)| Some((name, kind, v.clone()?))).collect()
}

/// Strings that are facts of EXIF: attribute, field.
const TEXTS: [(&str, &str); 9] = [
    ("owner", "Copyright"),
    ("comments", "ImageDescription"),
    ("capDate", "DateTimeOriginal"),
    ("cameraMake", "Make"),
    ("cameraModel", "Model"),
    ("cameraSerialNumber", "BodySerialNumber"),
    ("lensMake", "LensMake"),
    ("lensModel", "LensModel"),
    ("lensSerialNumber", "LensSerialNumber"),
];

/// Numbers that are facts of EXIF: attribute, directory, tag.
const NUMBERS: [(&str, u16, u16); 5] = [
    ("expTime", exif::EXIF_IFD, 33434),
    ("aperture", exif::EXIF_IFD, 33437),
    ("isoSpeed", exif::EXIF_IFD, 34855),
    ("focus", exif::EXIF_IFD, 37382),
    ("nominalFocalLength", exif::EXIF_IFD, 37386),
];

/// Facts of EXIF and the resolution as standard attributes; they do not replace what the input's attributes say.
pub fn facts(spec: &SinkSpec) -> Vec<Fact> {
    let metadata = &spec.metadata;
    let mut facts: Vec<Fact> = Vec::new();
    for (name, field) in TEXTS {
        if let Some(text) = exif::field(metadata, field) {
            facts.push((name, "string", text.into_bytes()));
        }
    }
    // The standard's "owner" is who has the rights; where nobody is named, who made it.
    if let (None, Some(artist)) = (facts.iter().find(|(name, ..)| *name == "owner"), exif::field(metadata, "Artist")) {
        facts.push(("owner", "string", artist.into_bytes()));
    }
    let tree = metadata.exif.as_deref().and_then(|blob| exif::parse(blob, blob.len() as u64).ok());
    for (name, directory, tag) in NUMBERS {
        let entry = tree.as_ref().and_then(|found| found.ifd.child(directory)?.find(tag));
        let value = entry.and_then(|entry| exif::numbers(entry)?.first().copied());
        push_number(&mut facts, name, value);
    }
    for (name, field) in [("latitude", "GPSLatitude"), ("longitude", "GPSLongitude"), ("altitude", "GPSAltitude")] {
        push_number(&mut facts, name, exif::field(metadata, field).and_then(|text| text.parse().ok()));
    }
    let per_inch = metadata.resolution.and_then(|r| {
        let per_unit = f64::from(r.x.0) / f64::from(r.x.1);
        match r.unit {
            ResolutionUnit::None => None,
            ResolutionUnit::Inch => Some(per_unit),
            ResolutionUnit::Centimeter => Some(per_unit * 2.54),
        }
    });
    push_number(&mut facts, "xDensity", per_inch.filter(|v| *v > 0.0));
    facts
}

fn push_number(facts: &mut Vec<Fact>, name: &'static str, value: Option<f64>) {
    if let Some(value) = value.filter(|v| v.is_finite()) {
        facts.push((name, "float", (value as f32).to_le_bytes().to_vec()));
    }
}
