//! EXIF: camera facts as a tree of TIFF directories, read from any byte order and written as a stand-alone blob.
//!
//! Structure: TIFF 6.0 section 2; tags and sub-directories: EXIF 2.32 (CIPA DC-008), 4.6. The tree has at most three levels: IFD0, its
//! Exif and GPS directories, and the Interoperability directory below Exif. Thumbnails (IFD1) are not carried. Entries that cannot be read are
//! left out one by one, each with a warning, so that one bad tag does not cost a photographer all others.
//!
//! MakerNote stays a row of bytes. Many makers write offsets into it that count from the start of the TIFF structure and are in its byte
//! order, and nobody but them knows where. So the note is *pinned*: a blob keeps the byte order it had, and the note the offset it
//! had, if that is within the first [`PIN_BYTES`]. Where it cannot, the tag OffsetSchema (0xea1d, introduced by Microsoft) says by how
//! much it was moved, which some readers add to the offsets; exiftool repairs such notes with `-F`.

mod directory;
mod names;
mod write;

pub(crate) use directory::beyond;
pub use directory::{Directory, Entry, Field, Header, Kind, Order, ReadAt};
pub(crate) use names::numbers;
pub use names::{Summary, field, is_name, names, summary};
pub use write::{Form, PIN_BYTES, is_relocatable, layout, pin, write, write_as};

use super::{Resolution, ResolutionUnit};

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

/// XResolution in IFD0.
pub const X_RESOLUTION: u16 = 282;
/// YResolution in IFD0.
pub const Y_RESOLUTION: u16 = 283;
/// ResolutionUnit in IFD0.
pub const RESOLUTION_UNIT: u16 = 296;

/// OffsetSchema in the Exif directory: by how many bytes MakerNote was moved from where its maker put it.
const OFFSET_SCHEMA: u16 = 0xea1d;

/// Tags of IFD0 that another writer of pixels makes anew or that would be wrong beside other pixels, in sequence of the numbers:
/// layout, chunk tables, curves and ranges of sample values (TIFF 6.0; 254 to 347, 512 to 532, 559), orientation and resolution, which
/// travel as facts, and blobs with a place of their own (XMP 700, IPTC 33723, Photoshop 34377, ICC 34675). Also CFA patterns, layers of
/// Photoshop (37724) and leads to further directories (330, 400).
const STORAGE: &[u16] = &[
    254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 274, 277, 278, 279, 280, 281, 282, 283, 284, 288, 289,
    290, 291, 292, 293, 296, 297, 301, 317, 318, 319, 320, 321, 322, 323, 324, 325, 326, 327, 328, 330, 332, 333, 334,
    336, 338, 339, 340, 341, 342, 346, 347, 400, 512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532, 559,
    700, 33421, 33422, 33723, 34377, 34675,
];

/// Photoshop layers (Adobe Photoshop TIFF technical notes).
pub const PHOTOSHOP_LAYERS: u16 = 37724;

/// Tags of DNG 1.7 that say something about the camera: UniqueCameraModel, LocalizedCameraModel, CameraSerialNumber, LensInfo.
const DNG_CAMERA: [u16; 4] = [50708, 50709, 50735, 50736];

/// True for a tag of IFD0 that is about how pixels are stored, and is therefore not carried into a TIFF file.
pub fn is_storage(tag: u16) -> bool {
    STORAGE.contains(&tag) || tag == PHOTOSHOP_LAYERS || ((50706..=51_200).contains(&tag) && !DNG_CAMERA.contains(&tag))
}

/// Pixels per unit as IFD0 gives them (EXIF 2.32, 4.6.4): both fractions or nothing; without a known unit, inches.
pub fn resolution(ifd: &Ifd) -> Option<Resolution> {
    let side = |tag| -> Option<(u32, u32)> {
        let entry = ifd.find(tag).filter(|entry| entry.kind == Kind::Rational)?;
        let [a, b, c, d, e, f, g, h] = *entry.bytes.first_chunk::<8>()?;
        Some((u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h])))
    };
    let unit = match ifd.find(RESOLUTION_UNIT).and_then(Entry::first) {
        Some(1) => ResolutionUnit::None,
        Some(3) => ResolutionUnit::Centimeter,
        _ => ResolutionUnit::Inch,
    };
    Some(Resolution { x: side(X_RESOLUTION)?, y: side(Y_RESOLUTION)?, unit })
}

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

    /// The sub-directory behind `tag`, for changes.
    pub fn child_mut(&mut self, tag: u16) -> Option<&mut Ifd> {
        self.children.iter_mut().find(|(pointer, _)| *pointer == tag).map(|(_, ifd)| ifd)
    }

    /// Puts `entry` in place of all entries with its tag.
    pub fn set(&mut self, entry: Entry) {
        self.entries.retain(|old| old.tag != entry.tag);
        self.entries.push(entry);
    }

    /// Leaves out of IFD0 whatever is about storage, and sets the pixel dimensions in the Exif directory right where they are given.
    pub fn describe_only(&mut self, width: u32, height: u32) {
        self.entries.retain(|entry| !is_storage(entry.tag));
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
    /// Byte order of the structure.
    pub order: Order,
    /// Offset in which the maker wrote MakerNote, when there is one: the offset it has, less what OffsetSchema says. `ifd` holds no
    /// OffsetSchema; writers add it when they need it.
    pub note_at: Option<u64>,
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
    let mut reader =
        Reader { from, header, left_bytes: most_bytes, seen: vec![header.first], warnings: Vec::new(), note_at: None };
    let root = Directory::read(from, header, header.first)?;
    let mut ifd = Ifd { entries: reader.entries(&root, keep), children: Vec::new() };
    for tag in [EXIF_IFD, GPS_IFD] {
        let Some((directory, mut child)) = reader.child(&root, tag) else { continue };
        if let Some((_, interop)) = reader.child(&directory, INTEROP_IFD) {
            child.children.push((INTEROP_IFD, interop));
        }
        ifd.children.push((tag, child));
    }
    let note_at = reader.note_at;
    let moved = ifd.child_mut(EXIF_IFD).and_then(|exif| {
        let at = exif.entries.iter().position(|entry| entry.tag == OFFSET_SCHEMA)?;
        let entry = exif.entries.remove(at);
        Some(i64::from(i32::from_le_bytes(*entry.bytes.first_chunk::<4>()?)))
    });
    let note_at = note_at.map(|at| at.saturating_add_signed(-moved.unwrap_or(0)));
    Ok(Found { ifd, warnings: reader.warnings, order: header.order, note_at })
}

/// State of one walk through a tree: what may still be loaded, and where it has been.
struct Reader<'a, R: ReadAt + ?Sized> {
    from: &'a R,
    header: &'a Header,
    left_bytes: u64,
    seen: Vec<u64>,
    warnings: Vec<String>,
    note_at: Option<u64>,
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
                if tag == EXIF_IFD && entries.iter().any(|entry| entry.tag == MAKER_NOTE) {
                    self.note_at = directory.find(MAKER_NOTE).and_then(|field| field.offset(self.header));
                }
                Some((directory, Ifd { entries, children: Vec::new() }))
            }
            Err(reason) => {
                self.warn(format!("EXIF directory {tag} left out: {reason}"));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;
