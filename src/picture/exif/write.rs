//! Writing a tree of directories: as a blob of its own, or for some place in a TIFF file.

use super::{EXIF_IFD, Entry, Found, Ifd, Kind, MAKER_NOTE, OFFSET_SCHEMA, Order};

/// A MakerNote that began within so many bytes is put there again. The blanks before it cost at most this much.
pub const PIN_BYTES: u64 = 64 << 10;

/// How a tree is laid out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Form {
    /// BigTIFF: 64-bit offsets.
    pub big: bool,
    /// Byte order.
    pub order: Order,
    /// Offset in which its maker wrote MakerNote, see [`Found::note_at`].
    pub note_at: Option<u64>,
    /// MakerNote is in the file already, at `note_at`.
    pub pinned: bool,
}

/// Where MakerNote of `found` is to be put before anything else of a structure is written, with its bytes; `from` is the first free
/// offset. `None` when it has no offset to keep, or none within reach: then it goes with the other values.
pub fn pin(found: &Found, from: u64) -> Option<(u64, &[u8])> {
    let note = found.ifd.child(EXIF_IFD)?.find(MAKER_NOTE)?;
    let at = found.note_at.filter(|at| (from..PIN_BYTES).contains(at))?;
    Some((at, &note.bytes))
}

/// True for notes of makers whose offsets count from the note itself, which may lie anywhere (by the header each begins with; source:
/// exiftool, `MakerNotes.pm`): Nikon since 2000, Olympus and OM System, Fujifilm, Pentax and Ricoh, Apple, Leica, Nokia, Samsung.
pub fn is_relocatable(note: &[u8]) -> bool {
    let heads: [&[u8]; 11] = [
        b"Nikon\0\x02",
        b"OLYMPUS\0",
        b"OM SYSTEM\0",
        b"FUJIFILM",
        b"PENTAX \0",
        b"RICOH\0II",
        b"RICOH\0MM",
        b"Apple iOS\0",
        b"LEICA\0\x02\0",
        b"GENERALE",
        b"LEICA CAMERA AG\0",
    ];
    heads.iter().any(|head| note.starts_with(head))
}

/// Writes a stand-alone EXIF blob: "II*\0", IFD0, its values, its sub-directories.
///
/// # Errors
/// When it would not fit 32-bit offsets.
pub fn write(ifd: &Ifd) -> Result<Vec<u8>, String> {
    let mut blob = b"II*\0\x08\0\0\0".to_vec();
    blob.extend(layout(ifd, 8, Form::default())?);
    Ok(blob)
}

/// Writes what was found as a stand-alone EXIF blob, in its byte order and with MakerNote where it was. Without `pinning` the note goes
/// with the other values, which makes the blob smaller.
///
/// # Errors
/// As [`write()`].
pub fn write_as(found: &Found, pinning: bool) -> Result<Vec<u8>, String> {
    let Found { ifd, order, note_at, .. } = found;
    let mut blob = match order {
        Order::Little => b"II*\0".to_vec(),
        Order::Big => b"MM\0*".to_vec(),
    };
    blob.extend([0; 4]);
    let pinned = pin(found, 8).filter(|_| pinning);
    if let Some((at, note)) = pinned {
        blob.resize(usize::try_from(at).map_err(|e| e.to_string())?, 0);
        blob.extend_from_slice(note);
    }
    blob.resize(blob.len().next_multiple_of(8), 0);
    let first = u32::try_from(blob.len()).map_err(|_| "the maker note is larger than 4 GiB".to_owned())?;
    let form = Form { big: false, order: *order, note_at: *note_at, pinned: pinned.is_some() };
    let tree = layout(ifd, u64::from(first), form)?;
    blob.extend(tree);
    if let Some(place) = blob.get_mut(4..8) {
        place.copy_from_slice(&put(u64::from(first), 4, *order));
    }
    Ok(blob)
}

/// Lays `ifd` out for file offset `base` (even; a multiple of 8 for BigTIFF): the directory, its values, its sub-directories. Tags are
/// sorted, the pointer to a next directory is 0.
///
/// # Errors
/// More than 65 535 tags, or offsets or values beyond 32 bits in a classic file.
pub fn layout(ifd: &Ifd, base: u64, form: Form) -> Result<Vec<u8>, String> {
    directory(ifd, base, form, false)
}

/// The lowest `bytes` bytes of a number in `order`.
fn put(value: u64, bytes: usize, order: Order) -> Vec<u8> {
    let mut out: Vec<u8> = value.to_le_bytes().into_iter().take(bytes).collect();
    if order == Order::Big {
        out.reverse();
    }
    out
}

/// As [`layout`]; `exif` says that it is the Exif directory.
fn directory(ifd: &Ifd, base: u64, form: Form, exif: bool) -> Result<Vec<u8>, String> {
    let mut fields: Vec<Item<'_>> =
        ifd.entries.iter().map(|e| Item { tag: e.tag, content: Content::Values(e) }).collect();
    fields.extend(ifd.children.iter().map(|(tag, child)| Item { tag: *tag, content: Content::Child(child) }));
    if exif && !form.pinned && form.note_at.is_some() && ifd.find(MAKER_NOTE).is_some_and(|note| note.bytes.len() > 8) {
        fields.push(Item { tag: OFFSET_SCHEMA, content: Content::NoteMoved });
    }
    fields.sort_by_key(|item| item.tag);
    let count =
        u16::try_from(fields.len()).map_err(|_| format!("{} tags in a directory, the limit is 65535", fields.len()))?;
    let (count_bytes, field_bytes, room) = if form.big { (8, 20, 8) } else { (2, 12, 4) };

    let mut out = put(u64::from(count), count_bytes, form.order);
    out.resize(count_bytes + fields.len() * field_bytes + room, 0);
    let mut note_at = 0;
    for (index, item) in fields.iter().enumerate() {
        let (kind, count, bytes) = match &item.content {
            Content::Values(entry) => {
                let (kind, bytes) = narrowed(entry, form.big)?;
                let mut entry = Entry { tag: entry.tag, kind, bytes };
                if form.order == Order::Big {
                    entry.bytes.chunks_exact_mut(kind.word()).for_each(<[u8]>::reverse);
                    entry.swap_unicode();
                }
                (kind, entry.count() as u64, entry.bytes)
            }
            Content::Child(child) => {
                out.resize(out.len().next_multiple_of(8), 0);
                let offset = base + out.len() as u64;
                out.extend(directory(child, offset, form, item.tag == EXIF_IFD)?);
                (if form.big { Kind::Ifd8 } else { Kind::Long }, 1, put(offset, room, form.order))
            }
            Content::NoteMoved => {
                // Both offsets are below 2^63: one is in this file, the other was in one.
                let moved = note_at as i64 - form.note_at.unwrap_or(note_at) as i64;
                let moved = i32::try_from(moved).unwrap_or(i32::MAX);
                (Kind::SLong, 1, put(u64::from(moved as u32), 4, form.order))
            }
        };
        let is_note = exif && item.tag == MAKER_NOTE;
        let value = if bytes.len() <= room {
            bytes
        } else if let (true, true, Some(at)) = (is_note, form.pinned, form.note_at) {
            put(at, room, form.order)
        } else {
            out.resize(out.len().next_multiple_of(room), 0);
            let offset = base + out.len() as u64;
            note_at = if is_note { offset } else { note_at };
            out.extend(bytes);
            put(offset, room, form.order)
        };
        let at = count_bytes + index * field_bytes;
        let mut field = Vec::with_capacity(field_bytes);
        field.extend(put(u64::from(item.tag), 2, form.order));
        field.extend(put(kind as u64, 2, form.order));
        field.extend(put(count, room, form.order));
        field.extend(&value);
        out[at..at + field.len()].copy_from_slice(&field);
    }
    let end = base + out.len() as u64;
    if !form.big && end > u64::from(u32::MAX) {
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
    /// By how much MakerNote was moved.
    NoteMoved,
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
