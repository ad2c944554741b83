//! What of the things beside the pixels an output gets: the one place where that is decided.
//!
//! [`carry`] is pure: blobs in, blobs out, and a list of what was lost or changed against the wish of the user, in words. Sinks write what
//! they are given. What holds for every output:
//!
//! * **Kept**: every tag of EXIF with its Exif, GPS and Interoperability directories, maker notes as bytes (see [`super::exif`]), XMP byte
//!   for byte but for the properties below, IPTC and Photoshop resources, profile, resolution, GeoTIFF tags of a picture that keeps its size.
//! * **Set right**: size in pixels (EXIF and XMP), orientation, color space and interoperability index where the encoding changed,
//!   `dc:format`.
//! * **Left out**, because it would be wrong: thumbnails (EXIF's second directory, `xmp:Thumbnails`, Photoshop 0x0409 and 0x040c),
//!   layout tags of the old file, Photoshop layers, the name of a profile that is replaced, `xmpMM:InstanceID` (it names the bytes of the
//!   input; `DocumentID` and the history stay), depth maps and other files that phones store with a picture and the directory of them
//!   (`GDepth:`, `GImage:`, `Container:`, dynamic depth; this is told), and settings of Adobe's raw converters (`crs:`), which they would apply a second time.
//!   Settings that say of themselves that they are part of the pixels (`crs:AlreadyApplied`) and `crs:RawFileName` stay. EXR pictures
//!   that change their size leave out their other channels (which is told) and attributes that are rectangles of pixels.
//! * **Added**: a [`Provenance`] in XMP. Nothing that depends on time, place or machine.
//!
//! A packet that is not well-formed is carried as it is, with a warning: other programs may still read it. One with a document type, or
//! with more properties than any program writes, is dropped with a warning.

mod formats;
mod ifd;
mod packet;

pub use formats::{Holds, holds};

use super::xmp::Provenance;
use super::{Extent, Metadata, Policy, exif, iptc, photoshop};

/// The encoding of an output in the words of EXIF: ColorSpace and InteroperabilityIndex (EXIF 2.32, 4.6.5 and DCF 2.0).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColorTag {
    /// ColorSpace 1, index "R98".
    Srgb,
    /// ColorSpace 0xffff (uncalibrated), index "R03".
    AdobeRgb,
    /// ColorSpace 0xffff, no index.
    Other,
}

/// What an output is.
#[derive(Debug, Clone, PartialEq)]
pub struct Carry<'a> {
    /// How much is wanted.
    pub policy: Policy,
    /// Name of the file format, as [`super::Format::name`] has it.
    pub format: &'a str,
    /// Name of the input's file format.
    pub format_in: &'a str,
    /// Size of the input.
    pub extent_in: Extent,
    /// Size of the output.
    pub extent_out: Extent,
    /// Orientation of the output's pixels, 1 to 8: 1 when the input's was applied, else the input's.
    pub orientation: u16,
    /// Encoding of the output, when it differs from the input's.
    pub color: Option<ColorTag>,
    /// Profile of the output.
    pub icc: Option<&'a [u8]>,
    /// What was done to the picture, for [`Policy::All`].
    pub provenance: Option<&'a Provenance>,
}

/// Something that an output does not have, or not as it was, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// "EXIF", "maker notes", "XMP", "IPTC", "Photoshop resources", "orientation", "GeoTIFF tags", "the facts", "the
    /// channels".
    pub what: &'static str,
    /// Rest of a sentence that begins with it.
    pub why: String,
}

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.what, self.why)
    }
}

/// Most losses that are told of one picture.
const MOST_LOSSES: usize = 16;

/// The metadata of the output, and what is lost.
pub fn carry(from: &Metadata, to: &Carry<'_>) -> (Metadata, Vec<Lost>) {
    let holds = holds(to.format);
    let mut lost = Vec::new();
    let mut found = ifd::read(from, &mut lost);
    let resolution = from.resolution.or_else(|| found.as_ref().and_then(|found| exif::resolution(&found.ifd)));
    let mut out = Metadata {
        icc: to.icc.map(<[u8]>::to_vec),
        resolution,
        policy: to.policy,
        xmp: packet::carried(from.xmp.as_deref(), to, &holds, &mut lost),
        ..Metadata::default()
    };
    if to.orientation != 1 && !holds.orientation {
        let why = format!("{} cannot be said in this format: the picture lies as it was stored", to.orientation);
        lost.push(Lost { what: "orientation", why });
    }
    if to.policy == Policy::All && to.format != to.format_in && !from.own_facts.is_empty() {
        let why = format!("{} of {} have no place in {}", listed(&from.own_facts), to.format_in, to.format);
        lost.push(Lost { what: "the facts", why });
    }
    lost.extend(channels(from, to));
    if let Some(found) = &mut found {
        ifd::edit(found, to, &mut lost);
    }
    out.exif = ifd::blob(found, to, &holds, resolution, &mut lost);
    out.iptc = from.iptc.as_deref().and_then(|iptc| records(iptc, to, &holds, &mut lost));
    out.photoshop = from.photoshop.as_deref().and_then(|blob| resources(blob, to, &holds, &mut lost));
    lost.truncate(MOST_LOSSES);
    (out, lost)
}

/// Channels beside the picture go only into its own format, and only where they have its size. They are pixels: no policy is about them.
fn channels(from: &Metadata, to: &Carry<'_>) -> Option<Lost> {
    let names = Some(&from.own_channels).filter(|names| !names.is_empty()).map(|names| listed(names))?;
    let why = if to.format != to.format_in {
        format!("{names} of {} have no place in {}", to.format_in, to.format)
    } else if to.extent_in != to.extent_out {
        format!("{names} are of {} pixels, the output has {}: they are left out", to.extent_in, to.extent_out)
    } else {
        return None;
    };
    Some(Lost { what: "the channels", why })
}

/// The first of `names`, and how many more there are.
fn listed(names: &[String]) -> String {
    let first: Vec<String> = names.iter().take(8).map(|name| format!("{name:?}")).collect();
    let more = names.len() - first.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", first.join(", "))
}

fn cannot_hold(what: &'static str, to: &Carry<'_>) -> Lost {
    Lost { what, why: format!("cannot be held by {} and is left out", to.format) }
}

fn records(blob: &[u8], to: &Carry<'_>, holds: &Holds, lost: &mut Vec<Lost>) -> Option<Vec<u8>> {
    let wanted = match to.policy {
        Policy::None => return None,
        Policy::All => Some(blob.to_vec()),
        Policy::Copyright => iptc::copyright_only(blob).unwrap_or_else(|why| {
            lost.push(Lost { what: "IPTC", why: format!("is left out: {why}") });
            None
        }),
    };
    if wanted.is_some() && !holds.iptc {
        lost.push(cannot_hold("IPTC", to));
        return None;
    }
    wanted
}

fn resources(blob: &[u8], to: &Carry<'_>, holds: &Holds, lost: &mut Vec<Lost>) -> Option<Vec<u8>> {
    let wanted = match to.policy {
        Policy::None => None,
        Policy::All => photoshop::carried(blob, to.extent_in != to.extent_out),
        Policy::Copyright => photoshop::copyright_only(blob),
    };
    if to.policy == Policy::All && photoshop::resources(blob).1 {
        let why = "are damaged: what follows the damage is left out".to_owned();
        lost.push(Lost { what: "Photoshop resources", why });
    }
    if wanted.is_some() && !holds.photoshop {
        lost.push(cannot_hold("Photoshop resources", to));
        return None;
    }
    wanted
}

/// The orientation that EXIF gives, if it gives a legal one: for formats that have it nowhere else.
pub fn exif_orientation(metadata: &Metadata) -> Option<u16> {
    let value = exif::field(metadata, "Orientation")?.parse().ok()?;
    (1..=8).contains(&value).then_some(value)
}

#[cfg(test)]
mod tests;
