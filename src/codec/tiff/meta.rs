//! What travels beside the pixels: profile, EXIF, XMP, IPTC, resolution, orientation, and how many pages there are.

use super::header::Tags;
use super::tags;
use crate::color::{encodings, icc};
use crate::error::{Error, Result};
use crate::picture::exif::{self, Directory, Entry, Kind};
use crate::picture::{ColorEncoding, Metadata, PixelLayout, Resolution, ResolutionUnit, photoshop};

/// Blobs and facts of the first page.
pub(super) fn read(tags: &Tags<'_>, warnings: &mut Vec<String>) -> Result<Metadata> {
    let photoshop = optional(tags, tags::PHOTOSHOP, "Photoshop resources", warnings);
    let (inside, photoshop) = photoshop.map_or((None, None), |blob| photoshop::split(&blob));
    let iptc = optional(tags, tags::IPTC, "IPTC record", warnings).map(|blob| unswapped(tags, blob));
    Ok(Metadata {
        icc: profile(tags, warnings)?,
        exif: camera_facts(tags, warnings),
        xmp: optional(tags, tags::XMP, "XMP packet", warnings),
        iptc: iptc.or(inside),
        photoshop,
        resolution: resolution(tags),
        ..Metadata::default()
    })
}

/// The profile. One over the limit is refused: without it the colors would be others.
fn profile(tags: &Tags<'_>, warnings: &mut Vec<String>) -> Result<Option<Vec<u8>>> {
    let limit = tags.limits.metadata_bytes;
    let bytes = size(tags, tags::ICC);
    if bytes > limit && bytes <= tags.file.length() {
        let path = tags.path().to_owned();
        return Err(Error::Limit { path, what: "bytes of a metadata blob", value: bytes, limit });
    }
    Ok(optional(tags, tags::ICC, "ICC profile", warnings))
}

/// Bytes that the values of a tag claim.
fn size(tags: &Tags<'_>, tag: u16) -> u64 {
    let Some(field) = tags.directory.find(tag) else { return 0 };
    Kind::from_code(field.code).map_or(0, |kind| field.count.saturating_mul(kind.size() as u64))
}

/// A blob as bytes. One over the limit, or one that is not there after all, is left out with a warning.
fn optional(tags: &Tags<'_>, tag: u16, what: &str, warnings: &mut Vec<String>) -> Option<Vec<u8>> {
    let field = tags.directory.find(tag)?;
    match field.load(tags.file, tags.header, tags.limits.metadata_bytes) {
        Ok(entry) => Some(entry.bytes).filter(|bytes| !bytes.is_empty()),
        Err(reason) => {
            warnings.push(format!("{what} left out: {reason}"));
            None
        }
    }
}

/// IPTC is bytes, but many writers call them LONG; in a big-endian file such words were swapped by reading (libtiff, `TIFFTAG_RICHTIFFIPTC`).
/// A record begins with 0x1c.
fn unswapped(tags: &Tags<'_>, mut blob: Vec<u8>) -> Vec<u8> {
    let words = tags.directory.find(tags::IPTC).is_some_and(|field| field.code == Kind::Long as u16);
    if words && blob.first() != Some(&0x1c) && blob.get(3) == Some(&0x1c) {
        blob.chunks_exact_mut(4).for_each(<[u8]>::reverse);
    }
    blob
}

fn camera_facts(tags: &Tags<'_>, warnings: &mut Vec<String>) -> Option<Vec<u8>> {
    // Photoshop's layers are left out here: they can be larger than the picture.
    if tags.directory.find(exif::PHOTOSHOP_LAYERS).is_some() {
        warnings.push("Photoshop layers are left out: only the flat picture is graded".into());
    }
    let keep = |tag| !exif::is_storage(tag);
    let found = exif::collect(tags.file, tags.header, &keep, tags.limits.metadata_bytes);
    let blob = found.and_then(|found| {
        warnings.extend(found.warnings.iter().map(Clone::clone));
        if found.ifd.is_empty() { Ok(None) } else { exif::write_as(&found, true).map(Some) }
    });
    blob.unwrap_or_else(|reason| {
        warnings.push(format!("EXIF left out: {reason}"));
        None
    })
}

fn resolution(tags: &Tags<'_>) -> Option<Resolution> {
    let side = |tag| -> Option<(u32, u32)> {
        let entry = tags.entry(tag).ok()??;
        let [a, b, c, d, e, f, g, h] = *entry.bytes.first_chunk::<8>()?;
        (entry.kind == Kind::Rational).then(|| (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h])))
    };
    let unit = match tags.number(tags::RESOLUTION_UNIT).ok()? {
        Some(1) => ResolutionUnit::None,
        Some(3) => ResolutionUnit::Centimeter,
        _ => ResolutionUnit::Inch,
    };
    Some(Resolution { x: side(tags::X_RESOLUTION)?, y: side(tags::Y_RESOLUTION)?, unit })
}

/// Tags 282, 283 and 296.
pub(super) fn resolution_entries(resolution: &Resolution) -> [Entry; 3] {
    let unit = match resolution.unit {
        ResolutionUnit::None => 1,
        ResolutionUnit::Inch => 2,
        ResolutionUnit::Centimeter => 3,
    };
    [
        Entry::rational(tags::X_RESOLUTION, resolution.x),
        Entry::rational(tags::Y_RESOLUTION, resolution.y),
        Entry::short(tags::RESOLUTION_UNIT, &[unit]),
    ]
}

/// Orientation 1 to 8; anything else means 1, with a warning.
pub(super) fn orientation(tags: &Tags<'_>, warnings: &mut Vec<String>) -> u16 {
    match tags.number(tags::ORIENTATION) {
        Ok(None) => 1,
        Ok(Some(value @ 1..=8)) => value as u16,
        Ok(Some(value)) => {
            warnings.push(format!("Orientation is {value}, allowed are 1 to 8; taken as 1"));
            1
        }
        Err(_) => {
            warnings.push("Orientation cannot be read; taken as 1".into());
            1
        }
    }
}

/// What the code values mean, and how that is known.
pub(super) fn encoding(
    profile: Option<&[u8]>,
    layout: PixelLayout,
    warnings: &mut Vec<String>,
) -> (ColorEncoding, &'static str) {
    match profile.map(|profile| icc::read(profile, layout.channels.is_color())) {
        Some(Ok(encoding)) => return (encoding, "ICC profile"),
        Some(Err(reason)) => warnings.push(format!("{reason}; the default of the file type is used")),
        None => {}
    }
    let default = if layout.sample.is_integer() { encodings::srgb() } else { encodings::linear_rec709() };
    (default, "file-type default")
}

/// Pages that are looked for at most.
const MOST_PAGES: usize = 1000;

/// Warns when the file has more full-size pages than the first.
pub(super) fn other_pages(tags: &Tags<'_>, warnings: &mut Vec<String>) {
    let (mut seen, mut pages, mut next) = (vec![tags.header.first], 0, tags.directory.next);
    while next != 0 && seen.len() < MOST_PAGES && !seen.contains(&next) {
        seen.push(next);
        let Ok(directory) = Directory::read(tags.file, tags.header, next) else {
            warnings.push("a later page cannot be read; only the first one is used".into());
            return;
        };
        next = directory.next;
        let page = Tags { directory: &directory, ..*tags };
        pages += usize::from(!is_reduced(&page));
    }
    if pages > 0 {
        let more = if seen.len() == MOST_PAGES { "at least " } else { "" };
        warnings.push(format!("{more}{pages} more pages in the file are left out; only the first one is used"));
    }
}

/// True for a page that repeats another one smaller, or masks it (TIFF 6.0, tags 254 and 255).
pub(super) fn is_reduced(page: &Tags<'_>) -> bool {
    let new = page.number(tags::NEW_SUBFILE_TYPE).ok().flatten().unwrap_or(0);
    let old = page.number(tags::SUBFILE_TYPE).ok().flatten().unwrap_or(0);
    new & 0b101 != 0 || old == 2
}
