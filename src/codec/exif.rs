//! EXIF blobs changed without being taken apart: the orientation tag, and the thumbnail that would show the picture as it was.
//!
//! The orientation is read, and written in place or by a new first directory behind the old bytes.
//! A blob is a small TIFF structure (EXIF 2.32, 4.5): byte order, 42, offset of a directory of 12-byte entries
//! (tag, type, count, value), sorted by tag. Values keep their offsets, so nothing has to be understood but the first directory.

/// EXIF 2.32, 4.6.4: Orientation.
const ORIENTATION: u16 = 0x0112;
/// EXIF 2.32, 4.6.6: JPEGInterchangeFormat and JPEGInterchangeFormatLength, in IFD1.
const THUMBNAIL_OFFSET: u16 = 0x0201;
const THUMBNAIL_LENGTH: u16 = 0x0202;
/// TIFF type SHORT.
const SHORT: u16 = 3;

/// The orientation, if the blob has a legal one.
pub fn orientation(exif: &[u8]) -> Option<u16> {
    orientation_tag(exif).filter(|value| (1..=8).contains(value))
}

/// The orientation, 1 where there is none, and 1 with a warning where it is none of 1 to 8.
pub fn orientation_or_one(exif: Option<&[u8]>, warnings: &mut Vec<String>) -> u16 {
    match exif.and_then(orientation_tag) {
        None => 1,
        Some(value @ 1..=8) => value,
        Some(value) => {
            warnings.push(format!("Orientation is {value}, allowed are 1 to 8; taken as 1"));
            1
        }
    }
}

fn orientation_tag(exif: &[u8]) -> Option<u16> {
    let blob = Blob::new(exif)?;
    let entry = blob.entries()?.into_iter().find(|e| blob.u16(*e) == Some(ORIENTATION))?;
    blob.u16(entry + 8)
}

/// The blob without its thumbnail (EXIF 2.32, 4.5.5: IFD1 and the JPEG it points to): the pointer to IFD1 becomes 0, the JPEG is cut off
/// where it ends the blob and overwritten with zeros elsewhere. All other bytes keep their offsets, so that maker notes stay readable.
pub fn without_thumbnail(exif: &[u8]) -> Vec<u8> {
    let mut bytes = exif.to_vec();
    let Some((next_at, first)) = Blob::new(exif).and_then(|blob| blob.thumbnail_directory()) else { return bytes };
    let jpeg = Blob::new(exif).and_then(|blob| blob.thumbnail(first));
    if let Some(next) = bytes.get_mut(next_at..next_at + 4) {
        next.fill(0);
    }
    match jpeg {
        Some((start, end)) if end + 1 >= bytes.len() => bytes.truncate(start),
        Some((start, end)) => bytes.get_mut(start..end).unwrap_or_default().fill(0),
        None => {}
    }
    bytes
}

/// The blob with this orientation; one is made if there is none. 1 without a blob needs none.
pub fn with_orientation(exif: Option<&[u8]>, orientation: u16) -> Option<Vec<u8>> {
    let Some(exif) = exif else {
        return (orientation != 1).then(|| rebuilt(b"II*\0\x08\0\0\0\0\0\0\0\0\0", orientation)).flatten();
    };
    let Some(blob) = Blob::new(exif) else { return Some(exif.to_vec()) };
    let mut entries = blob.entries().unwrap_or_default().into_iter();
    match entries.find(|e| blob.u16(*e) == Some(ORIENTATION)) {
        Some(entry) => {
            let mut bytes = exif.to_vec();
            let value = blob.entry(orientation);
            bytes.get_mut(entry..entry + 12)?.copy_from_slice(&value);
            Some(bytes)
        }
        None if orientation == 1 => Some(exif.to_vec()),
        None => rebuilt(exif, orientation).or_else(|| Some(exif.to_vec())),
    }
}

/// A copy of the first directory with the tag added, put at the end.
fn rebuilt(exif: &[u8], orientation: u16) -> Option<Vec<u8>> {
    let blob = Blob::new(exif)?;
    let mut old = blob.entries()?;
    let next_at = old.last().map_or(blob.first()? + 2, |e| e + 12);
    let before = old.iter().take_while(|e| blob.u16(**e).is_some_and(|tag| tag < ORIENTATION)).count();
    let after = old.split_off(before);
    let copy = |e: &usize| exif.get(*e..*e + 12);
    let mut bytes = exif.to_vec();
    if bytes.len() % 2 == 1 {
        bytes.push(0);
    }
    let at = u32::try_from(bytes.len()).ok()?;
    let count = u16::try_from(before + after.len() + 1).ok()?;
    bytes.extend(blob.put16(count));
    for entry in &old {
        bytes.extend_from_slice(copy(entry)?);
    }
    bytes.extend(blob.entry(orientation));
    for entry in &after {
        bytes.extend_from_slice(copy(entry)?);
    }
    bytes.extend_from_slice(exif.get(next_at..next_at + 4).unwrap_or(&[0; 4]));
    bytes.get_mut(4..8)?.copy_from_slice(&if blob.big { at.to_be_bytes() } else { at.to_le_bytes() });
    Some(bytes)
}

struct Blob<'a> {
    bytes: &'a [u8],
    big: bool,
}

impl<'a> Blob<'a> {
    fn new(bytes: &'a [u8]) -> Option<Self> {
        match bytes.get(..4)? {
            b"II*\0" => Some(Self { bytes, big: false }),
            b"MM\0*" => Some(Self { bytes, big: true }),
            _ => None,
        }
    }

    fn u16(&self, at: usize) -> Option<u16> {
        let pair = self.bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if self.big { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) })
    }

    /// Position of the first directory.
    fn first(&self) -> Option<usize> {
        let word = self.bytes.get(4..8)?.try_into().ok()?;
        Some(if self.big { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) } as usize)
    }

    /// Positions of the entries of the first directory; all lie inside the blob.
    fn entries(&self) -> Option<Vec<usize>> {
        let first = self.first()?;
        let count = usize::from(self.u16(first)?);
        let end = first + 2 + count * 12;
        (end <= self.bytes.len()).then(|| (0..count).map(|i| first + 2 + i * 12).collect())
    }

    fn u32(&self, at: usize) -> Option<usize> {
        let word = self.bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.big { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) } as usize)
    }

    /// Where the pointer to IFD1 stands, and where it leads.
    fn thumbnail_directory(&self) -> Option<(usize, usize)> {
        let next_at = self.first()? + 2 + self.entries()?.len() * 12;
        self.u32(next_at).filter(|next| *next != 0).map(|next| (next_at, next))
    }

    /// Start and end of the thumbnail that the directory at `first` describes; behind the header and inside the blob.
    fn thumbnail(&self, first: usize) -> Option<(usize, usize)> {
        let count = usize::from(self.u16(first)?);
        let value = |tag| {
            let entry = (0..count).map(|i| first + 2 + i * 12).find(|e| self.u16(*e) == Some(tag))?;
            self.u32(entry + 8)
        };
        let start = value(THUMBNAIL_OFFSET)?;
        let end = start.checked_add(value(THUMBNAIL_LENGTH)?)?;
        // Behind IFD1, which stands behind everything else: an offset in front of it would overwrite camera facts.
        (start >= first && start > 8 && end <= self.bytes.len()).then_some((start, end))
    }

    fn put16(&self, value: u16) -> [u8; 2] {
        if self.big { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    /// The whole orientation entry: tag, SHORT, count 1, value in the first half of the value field.
    fn entry(&self, orientation: u16) -> [u8; 12] {
        let count = if self.big { [0, 0, 0, 1] } else { [1, 0, 0, 0] };
        let [tag, kind, value] = [ORIENTATION, SHORT, orientation].map(|v| self.put16(v));
        let mut entry = [0; 12];
        let bytes = tag.into_iter().chain(kind).chain(count).chain(value);
        entry.iter_mut().zip(bytes).for_each(|(target, byte)| *target = byte);
        entry
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_patched_and_inserted() {
        let made = with_orientation(None, 6).unwrap();
        assert_eq!(orientation(&made), Some(6));
        assert_eq!(orientation(&with_orientation(Some(&made), 3).unwrap()), Some(3));
        assert_eq!(with_orientation(None, 1), None);
        // Big-endian, tags 0x010f (Make) and 0x0131 (Software), both inline.
        let mut other = b"MM\0*\0\0\0\x08\0\x02".to_vec();
        other.extend(b"\x01\x0f\0\x02\0\0\0\x04abc\0");
        other.extend(b"\x01\x31\0\x02\0\0\0\x04xyz\0");
        other.extend([0; 4]);
        let turned = with_orientation(Some(&other), 8).unwrap();
        assert_eq!(orientation(&turned), Some(8));
        let blob = Blob::new(&turned).unwrap();
        let tags: Vec<_> = blob.entries().unwrap().into_iter().map(|e| blob.u16(e).unwrap()).collect();
        assert_eq!(tags, [0x010f, 0x0112, 0x0131]);
    }

    #[test]
    fn a_thumbnail_goes_and_nothing_moves() {
        // IFD0 with Make, then IFD1 with a thumbnail of 6 bytes behind it.
        let mut blob = b"II*\0\x08\0\0\0\x01\0\x0f\x01\x02\0\x04\0\0\0abc\0\x1a\0\0\0".to_vec();
        blob.extend(b"\x02\0\x01\x02\x04\0\x01\0\0\0\x38\0\0\0\x02\x02\x04\0\x01\0\0\0\x06\0\0\0\0\0\0\0");
        let start = blob.len();
        assert_eq!(start, 0x38);
        blob.extend([0xff, 0xd8, 1, 2, 0xff, 0xd9]);
        let bare = without_thumbnail(&blob);
        assert_eq!(bare[..22], blob[..22]);
        assert_eq!((&bare[22..26], bare.len()), (&[0; 4][..], start), "cut off at the end");
        assert_eq!(without_thumbnail(&bare), bare);
        blob.extend(b"something behind it");
        let bare = without_thumbnail(&blob);
        assert_eq!((&bare[start..start + 6], bare.len()), (&[0; 6][..], blob.len()), "overwritten inside");
    }

    #[test]
    fn orientations_out_of_range_warn() {
        let made = with_orientation(None, 9).unwrap();
        let mut warnings = Vec::new();
        assert_eq!((orientation_or_one(Some(&made), &mut warnings), warnings.len()), (1, 1));
        assert_eq!((orientation_or_one(None, &mut warnings), warnings.len()), (1, 1));
    }

    #[test]
    fn damage_changes_nothing() {
        for bytes in [&b""[..], b"II*\0", b"II*\0\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff", b"garbage bytes here"] {
            assert_eq!(orientation(bytes), None);
            assert_eq!(with_orientation(Some(bytes), 6).as_deref(), Some(bytes));
        }
    }
}
