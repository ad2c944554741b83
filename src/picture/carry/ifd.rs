//! EXIF on its way from input to output.

use super::{Carry, ColorTag, Holds, Lost, cannot_hold, holds};
use crate::picture::exif::{
    self, EXIF_IFD, Entry, Found, INTEROP_IFD, Ifd, MAKER_NOTE, RESOLUTION_UNIT, X_RESOLUTION, Y_RESOLUTION,
};
use crate::picture::{Metadata, Policy, Resolution, ResolutionUnit};

const IMAGE_WIDTH: u16 = 256;
const IMAGE_LENGTH: u16 = 257;
const ORIENTATION: u16 = 274;
const ARTIST: u16 = 315;
const COPYRIGHT: u16 = 33432;
const XP_AUTHOR: u16 = 0x9c9d;
const COLOR_SPACE: u16 = 40961;
const PIXEL_X: u16 = 40962;
const PIXEL_Y: u16 = 40963;
const INTEROP_INDEX: u16 = 1;

/// Tags of IFD0 that are [`exif::is_storage`] and yet have a meaning in a blob: size, orientation, resolution, and how a camera's YCbCr
/// samples are made (EXIF 2.32, 4.6.4, table 4).
const IN_BLOBS: [u16; 9] =
    [IMAGE_WIDTH, IMAGE_LENGTH, ORIENTATION, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT, 529, 531, 532];

/// True for a tag of [`IN_BLOBS`], and for what raw converters leave of a DNG file's tags, which say nothing wrong there.
fn in_blobs(tag: u16) -> bool {
    IN_BLOBS.contains(&tag) || [33421, 33422].contains(&tag) || (50706..=51_200).contains(&tag)
}

/// GeoTIFF 1.1 (OGC 19-008r4, Annex A): pixel scale, tie points, transformation, keys. All count pixels of the picture.
const GEO: [u16; 6] = [33550, 33922, 34264, 34735, 34736, 34737];

/// The tree of the input. What cannot be read is told.
pub(super) fn read(from: &Metadata, lost: &mut Vec<Lost>) -> Option<Found> {
    let blob = from.exif.as_deref()?;
    match exif::parse(blob, blob.len() as u64) {
        Ok(found) => {
            // Sentences of the reader begin with "EXIF".
            let sentence = |warning: &String| warning.strip_prefix("EXIF ").unwrap_or(warning).to_owned();
            lost.extend(found.warnings.iter().map(|warning| Lost { what: "EXIF", why: sentence(warning) }));
            Some(found)
        }
        Err(reason) => {
            lost.push(Lost { what: "EXIF", why: format!("cannot be read and is left out: {reason}") });
            None
        }
    }
}

/// Leaves out what is not wanted or would be wrong, and sets right what the output changes.
pub(super) fn edit(found: &mut Found, to: &Carry<'_>, lost: &mut Vec<Lost>) {
    let native = holds(to.format).exif_is_native;
    let ifd = &mut found.ifd;
    match to.policy {
        Policy::All => {
            ifd.entries.retain(|e| !exif::is_storage(e.tag) || !native && in_blobs(e.tag));
        }
        // The ways to show a picture are added below.
        Policy::Copyright => {
            ifd.entries.retain(|e| [ARTIST, COPYRIGHT, XP_AUTHOR].contains(&e.tag));
            ifd.children.clear();
        }
        Policy::None => *ifd = Ifd::default(),
    }
    if to.extent_in != to.extent_out && ifd.entries.iter().any(|e| GEO.contains(&e.tag)) {
        ifd.entries.retain(|e| !GEO.contains(&e.tag));
        let why = format!("are for {} pixels, the output has {}: they are left out", to.extent_in, to.extent_out);
        lost.push(Lost { what: "GeoTIFF tags", why });
    }
    let size = [(IMAGE_WIDTH, to.extent_out.width), (IMAGE_LENGTH, to.extent_out.height)];
    sizes(ifd, size);
    if let Some(exif) = ifd.child_mut(EXIF_IFD) {
        sizes(exif, [(PIXEL_X, to.extent_out.width), (PIXEL_Y, to.extent_out.height)]);
        if let Some(color) = to.color {
            recolor(exif, color);
        }
    }
}

/// Sizes are set where they are given.
fn sizes(ifd: &mut Ifd, sizes: [(u16, u32); 2]) {
    for (tag, size) in sizes {
        if ifd.find(tag).is_some_and(|entry| entry.first() != Some(u64::from(size))) {
            ifd.set(Entry::long(tag, &[size]));
        }
    }
}

fn recolor(exif: &mut Ifd, color: ColorTag) {
    if exif.find(COLOR_SPACE).is_some() {
        exif.set(Entry::short(COLOR_SPACE, &[if color == ColorTag::Srgb { 1 } else { 0xffff }]));
    }
    let Some(interop) = exif.child_mut(INTEROP_IFD).filter(|interop| interop.find(INTEROP_INDEX).is_some()) else {
        return;
    };
    match color {
        ColorTag::Srgb => interop.set(Entry::ascii(INTEROP_INDEX, "R98")),
        ColorTag::AdobeRgb => interop.set(Entry::ascii(INTEROP_INDEX, "R03")),
        ColorTag::Other => interop.entries.retain(|e| e.tag != INTEROP_INDEX),
    }
    exif.children.retain(|(_, child)| !child.is_empty());
}

/// The blob of the output, in a form and size its format can hold.
pub(super) fn blob(
    found: Option<Found>,
    to: &Carry<'_>,
    holds: &Holds,
    resolution: Option<Resolution>,
    lost: &mut Vec<Lost>,
) -> Option<Vec<u8>> {
    let mut found = found.unwrap_or_default();
    if !holds.exif_is_native {
        display(&mut found.ifd, to, holds, resolution);
    }
    if found.ifd.is_empty() {
        return None;
    }
    let Some(most) = holds.exif else {
        lost.push(cannot_hold("EXIF", to));
        return None;
    };
    let written = fitting(&mut found, most, lost);
    written.unwrap_or_else(|reason| {
        lost.push(Lost { what: "EXIF", why: format!("cannot be written and is left out: {reason}") });
        None
    })
}

/// What a reader needs to show the picture, where the format has it only in EXIF or EXIF says something already.
fn display(ifd: &mut Ifd, to: &Carry<'_>, holds: &Holds, resolution: Option<Resolution>) {
    let given = ifd.find(ORIENTATION).is_some();
    // A format without orientation keeps the tag as it was: the wish is not lost, it is only not fulfilled.
    if holds.orientation && (given || to.orientation != 1) {
        ifd.set(Entry::short(ORIENTATION, &[to.orientation]));
    }
    let Some(resolution) = resolution else { return };
    let elsewhere = holds.resolution && (ifd.is_empty() || to.policy != Policy::All);
    if !elsewhere && ifd.find(X_RESOLUTION).is_none() {
        let unit = match resolution.unit {
            ResolutionUnit::None => 1,
            ResolutionUnit::Inch => 2,
            ResolutionUnit::Centimeter => 3,
        };
        ifd.set(Entry::rational(X_RESOLUTION, resolution.x));
        ifd.set(Entry::rational(Y_RESOLUTION, resolution.y));
        ifd.set(Entry::short(RESOLUTION_UNIT, &[unit]));
    }
}

/// Writes within `most` bytes: if need be without blanks before the maker note, then without the note.
fn fitting(found: &mut Found, most: u64, lost: &mut Vec<Lost>) -> Result<Option<Vec<u8>>, String> {
    let fits = |blob: Vec<u8>| Some(blob).filter(|blob| blob.len() as u64 <= most);
    let note = found.ifd.child(EXIF_IFD).and_then(|e| e.find(MAKER_NOTE)).filter(|n| n.bytes.len() > 8);
    let fragile = note.is_some_and(|note| !exif::is_relocatable(&note.bytes));
    let pinned = exif::pin(found, 8).is_some();
    if let Some(blob) = fits(exif::write_as(found, true)?) {
        if fragile && !pinned {
            lost.push(moved());
        }
        return Ok(Some(blob));
    }
    if let Some(blob) = fits(exif::write_as(found, false)?) {
        if fragile {
            lost.push(moved());
        }
        return Ok(Some(blob));
    }
    let size = note.map_or(0, |note| note.bytes.len());
    if let Some(exif) = found.ifd.child_mut(EXIF_IFD) {
        exif.entries.retain(|e| e.tag != MAKER_NOTE);
    }
    if size > 0 {
        let why = format!("of {size} bytes are left out: the format holds {most} bytes of EXIF");
        lost.push(Lost { what: "maker notes", why });
    }
    match fits(exif::write_as(found, false)?) {
        Some(blob) => Ok(Some(blob)),
        None => Err(format!("the format holds {most} bytes of it")),
    }
}

fn moved() -> Lost {
    let why = "are kept as bytes at another offset (OffsetSchema says by how much): values beyond their own directory may be read wrong, \"exiftool -F\" repairs them";
    Lost { what: "maker notes", why: why.to_owned() }
}
