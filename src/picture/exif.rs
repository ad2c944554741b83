//! EXIF: camera facts as a tree of TIFF directories, read from any byte order and written as a stand-alone blob.
//!
//! Structure: TIFF 6.0 section 2; tags and sub-directories: EXIF 2.32 (CIPA DC-008), 4.6. The tree has at most three levels: IFD0, its
//! Exif and GPS directories, and the Interoperability directory below Exif. Thumbnails (IFD1) are not carried. Entries that cannot be read are
//! left out one by one, each with a warning, so that one bad tag does not cost a photographer all others.
//! MakerNote stays a row of bytes; offsets that a camera maker hides inside it cannot be followed.

mod directory;
mod names;

pub(crate) use directory::beyond;
pub use directory::{Directory, Entry, Field, Header, Kind, Order, ReadAt};
pub use names::{Summary, field, is_name, names, summary};

/// Tag in IFD0 that points to the Exif directory.
pub const EXIF_IFD: u16 = 34665;
/// Tag in IFD0 that points to the GPS directory.
pub const GPS_IFD: u16 = 34853;
/// Tag in the Exif directory that points to the Interoperability directory.
pub const INTEROP_IFD: u16 = 40965;
/// MakerNote in the Exif directory: bytes of the maker's own, which may hold offsets from the start of the TIFF structure.
pub const MAKER_NOTE: u16 = 0x927c;
/// PixelXDimension in the Exif directory.
const PIXEL_X: u16 = 40962;
/// PixelYDimension in the Exif directory.
const PIXEL_Y: u16 = 40963;

/// Tags of IFD0 that describe the picture and not the way it is stored: DocumentName, ImageDescription, Make, Model, DateTime,
/// Artist, HostComputer, Rating, RatingPercent, Copyright, and XPTitle to XPSubject (EXIF 2.32, 4.6.4; the rest as Windows writes them).
pub const DESCRIPTIVE: [u16; 15] =
    [269, 270, 271, 272, 306, 315, 316, 18246, 18249, 33432, 0x9c9b, 0x9c9c, 0x9c9d, 0x9c9e, 0x9c9f];

/// A directory with its values and sub-directories.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ifd {
    /// Tags with values, in any sequence; pointers to sub-directories are not among them.
    pub entries: Vec<Entry>,
    /// Sub-directories with the tag that points to them.
    pub children: Vec<(u16, Ifd)>,
}

impl Ifd {
    /// The first entry with `tag`.
    pub fn find(&self, tag: u16) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.tag == tag)
    }

    /// The sub-directory behind `tag`.
    pub fn child(&self, tag: u16) -> Option<&Ifd> {
        self.children.iter().find(|(pointer, _)| *pointer == tag).map(|(_, ifd)| ifd)
    }

    /// True when there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.children.iter().all(|(_, ifd)| ifd.is_empty())
    }

    /// Puts `entry` in place of all entries with its tag.
    pub fn set(&mut self, entry: Entry) {
        self.entries.retain(|old| old.tag != entry.tag);
        self.entries.push(entry);
    }

    /// Leaves out of IFD0 whatever is about storage, and sets the pixel dimensions in the Exif directory right where they are given.
    pub fn describe_only(&mut self, width: u32, height: u32) {
        self.entries.retain(|entry| DESCRIPTIVE.contains(&entry.tag));
        self.children.retain(|(tag, _)| [EXIF_IFD, GPS_IFD].contains(tag));
        for (tag, exif) in &mut self.children {
            for (dimension, value) in [(PIXEL_X, width), (PIXEL_Y, height)] {
                if *tag == EXIF_IFD && exif.find(dimension).is_some() {
                    exif.set(Entry::long(dimension, &[value]));
                }
            }
        }
    }
}

/// What [`parse`] and [`collect`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// IFD0.
    pub ifd: Ifd,
    /// Entries and sub-directories that were left out, with the reason.
    pub warnings: Vec<String>,
}

/// Reads a stand-alone EXIF blob ("II*\0..." or "MM\0*...", an "Exif\0\0" prefix is allowed); values of at most `most_bytes` in all.
///
/// # Errors
/// When there is no readable IFD0.
pub fn parse(blob: &[u8], most_bytes: u64) -> Result<Found, String> {
    let blob = blob.strip_prefix(b"Exif\0\0").unwrap_or(blob);
    let header = Header::read(blob)?;
    collect(blob, &header, &|_| true, most_bytes)
}

/// Reads IFD0 at `header.first` with the tags that `keep` wants, and its Exif, GPS and Interoperability directories whole.
///
/// # Errors
/// When IFD0 cannot be read.
pub fn collect(
    from: &(impl ReadAt + ?Sized),
    header: &Header,
    keep: &dyn Fn(u16) -> bool,
    most_bytes: u64,
) -> Result<Found, String> {
    let mut reader = Reader { from, header, left_bytes: most_bytes, seen: vec![header.first], warnings: Vec::new() };
    let root = Directory::read(from, header, header.first)?;
    let mut ifd = Ifd { entries: reader.entries(&root, keep), children: Vec::new() };
    for tag in [EXIF_IFD, GPS_IFD] {
        let Some((directory, mut child)) = reader.child(&root, tag) else { continue };
        if let Some((_, interop)) = reader.child(&directory, INTEROP_IFD) {
            child.children.push((INTEROP_IFD, interop));
        }
        ifd.children.push((tag, child));
    }
    Ok(Found { ifd, warnings: reader.warnings })
}

/// State of one walk through a tree: what may still be loaded, and where it has been.
struct Reader<'a, R: ReadAt + ?Sized> {
    from: &'a R,
    header: &'a Header,
    left_bytes: u64,
    seen: Vec<u64>,
    warnings: Vec<String>,
}

/// Warnings that are worth keeping of one file; a damaged directory can have thousands.
const MOST_WARNINGS: usize = 16;

impl<R: ReadAt + ?Sized> Reader<'_, R> {
    fn warn(&mut self, text: String) {
        if self.warnings.len() < MOST_WARNINGS {
            self.warnings.push(text);
        }
    }

    fn entries(&mut self, directory: &Directory, keep: &dyn Fn(u16) -> bool) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        for field in &directory.fields {
            let pointer = [EXIF_IFD, GPS_IFD, INTEROP_IFD].contains(&field.tag);
            if pointer || !keep(field.tag) || entries.iter().any(|e| e.tag == field.tag) {
                continue;
            }
            match field.load(self.from, self.header, self.left_bytes) {
                Ok(entry) => {
                    self.left_bytes -= entry.bytes.len() as u64;
                    entries.push(entry);
                }
                Err(reason) => self.warn(format!("EXIF left out: {reason}")),
            }
        }
        entries
    }

    fn child(&mut self, parent: &Directory, tag: u16) -> Option<(Directory, Ifd)> {
        let offset = parent.find(tag)?.load(self.from, self.header, 8).ok().and_then(|entry| entry.first());
        let Some(offset) = offset.filter(|offset| !self.seen.contains(offset)) else {
            self.warn(format!("EXIF directory {tag} left out: its pointer leads nowhere or in a circle"));
            return None;
        };
        self.seen.push(offset);
        match Directory::read(self.from, self.header, offset) {
            Ok(directory) => {
                let entries = self.entries(&directory, &|_| true);
                Some((directory, Ifd { entries, children: Vec::new() }))
            }
            Err(reason) => {
                self.warn(format!("EXIF directory {tag} left out: {reason}"));
                None
            }
        }
    }
}

/// Writes a stand-alone EXIF blob: "II*\0", IFD0, its values, its sub-directories.
///
/// # Errors
/// When it would not fit 32-bit offsets.
pub fn write(ifd: &Ifd) -> Result<Vec<u8>, String> {
    let mut blob = b"II*\0\x08\0\0\0".to_vec();
    blob.extend(layout(ifd, 8, false)?);
    Ok(blob)
}

/// Lays `ifd` out for file offset `base` (even; a multiple of 8 for BigTIFF), little-endian: the directory, its values, its
/// sub-directories. Tags are sorted, the pointer to a next directory is 0.
///
/// # Errors
/// More than 65 535 tags, or offsets or values beyond 32 bits in a classic file.
pub fn layout(ifd: &Ifd, base: u64, big: bool) -> Result<Vec<u8>, String> {
    let mut fields: Vec<Item<'_>> =
        ifd.entries.iter().map(|e| Item { tag: e.tag, content: Content::Values(e) }).collect();
    fields.extend(ifd.children.iter().map(|(tag, child)| Item { tag: *tag, content: Content::Child(child) }));
    fields.sort_by_key(|item| item.tag);
    let count =
        u16::try_from(fields.len()).map_err(|_| format!("{} tags in a directory, the limit is 65535", fields.len()))?;
    let (count_bytes, field_bytes, room) = if big { (8, 20, 8) } else { (2, 12, 4) };

    let mut out = Vec::new();
    out.extend_from_slice(&u64::from(count).to_le_bytes()[..count_bytes]);
    out.resize(count_bytes + fields.len() * field_bytes + room, 0);
    for (index, item) in fields.iter().enumerate() {
        let (kind, count, bytes) = match &item.content {
            Content::Values(entry) => {
                let (kind, bytes) = narrowed(entry, big)?;
                (kind, entry.count() as u64, bytes)
            }
            Content::Child(child) => {
                out.resize(out.len().next_multiple_of(8), 0);
                let offset = base + out.len() as u64;
                out.extend(layout(child, offset, big)?);
                (if big { Kind::Ifd8 } else { Kind::Long }, 1, offset.to_le_bytes()[..room].to_vec())
            }
        };
        let value = if bytes.len() <= room {
            bytes
        } else {
            out.resize(out.len().next_multiple_of(room), 0);
            let offset = base + out.len() as u64;
            out.extend(bytes);
            offset.to_le_bytes()[..room].to_vec()
        };
        let at = count_bytes + index * field_bytes;
        let mut field = Vec::with_capacity(field_bytes);
        field.extend(item.tag.to_le_bytes());
        field.extend((kind as u16).to_le_bytes());
        field.extend(&count.to_le_bytes()[..room]);
        field.extend(&value);
        out[at..at + field.len()].copy_from_slice(&field);
    }
    let end = base + out.len() as u64;
    if !big && end > u64::from(u32::MAX) {
        return Err(format!("a directory would end at offset {end}, beyond the 4 GiB of a classic TIFF"));
    }
    Ok(out)
}

/// A tag on its way into a file.
struct Item<'a> {
    tag: u16,
    content: Content<'a>,
}

/// What a tag leads to.
enum Content<'a> {
    Values(&'a Entry),
    Child(&'a Ifd),
}

/// The values of `entry` for the file: classic TIFF has no 64-bit integers, so they become 32-bit ones.
fn narrowed(entry: &Entry, big: bool) -> Result<(Kind, Vec<u8>), String> {
    let kind = match entry.kind {
        Kind::Long8 => Kind::Long,
        Kind::Ifd8 => Kind::Ifd,
        Kind::SLong8 => Kind::SLong,
        _ => return Ok((entry.kind, entry.bytes.clone())),
    };
    if big {
        return Ok((entry.kind, entry.bytes.clone()));
    }
    let mut bytes = Vec::with_capacity(entry.bytes.len() / 2);
    for wide in entry.bytes.chunks_exact(8) {
        let (low, high) = wide.split_at(4);
        let negative = kind == Kind::SLong && low[3] & 0x80 != 0;
        if high != [if negative { 0xff } else { 0 }; 4] {
            return Err(format!("tag {}: a 64-bit value does not fit a classic TIFF", entry.tag));
        }
        bytes.extend_from_slice(low);
    }
    Ok((kind, bytes))
}

#[cfg(test)]
mod tests;
