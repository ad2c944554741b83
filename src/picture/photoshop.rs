//! Photoshop image resources: a row of blocks "8BIM", number, Pascal name, length, data, each part padded to even length (Adobe Photoshop
//! File Formats Specification, "Image Resources Section"). TIFF holds them in tag 34377, JPEG in APP13, PNG in a text chunk.

/// The IPTC record.
pub const IPTC: u16 = 0x0404;

/// Resources that would be wrong, or stand in the file a second time: thumbnails of the ungraded picture (0x0409, 0x040c), profile
/// (0x040f), EXIF (0x0422, 0x0423) and XMP (0x0424).
const NEVER: [u16; 6] = [0x0409, 0x040c, 0x040f, 0x0422, 0x0423, 0x0424];

/// Resources in pixels of the picture: guides (0x0408), slices (0x041a), counts (0x0438).
const PLACED: [u16; 3] = [0x0408, 0x041a, 0x0438];

/// Resources about rights: the copyright flag (0x040a), the address (0x040b).
const COPYRIGHT: [u16; 2] = [0x040a, 0x040b];

/// One resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resource<'a> {
    /// Number.
    pub id: u16,
    /// Data.
    pub data: &'a [u8],
    /// The block as it lies, padding included.
    pub whole: &'a [u8],
}

/// The resources of `blob`, and true when something at its end is not one.
pub fn resources(blob: &[u8]) -> (Vec<Resource<'_>>, bool) {
    let mut list = Vec::new();
    let mut rest = blob;
    while let Some((resource, after)) = first(rest) {
        list.push(resource);
        rest = after;
    }
    (list, rest.iter().any(|b| *b != 0))
}

fn first(bytes: &[u8]) -> Option<(Resource<'_>, &[u8])> {
    // "8BIM" is Photoshop's own; ImageReady and others have their own signatures of the same form.
    let signature = bytes.get(..4)?;
    if ![b"8BIM", b"MeSa", b"PHUT", b"AgHg", b"DCSR"].iter().any(|known| *known == signature) {
        return None;
    }
    let id = u16::from_be_bytes(bytes.get(4..6)?.try_into().ok()?);
    // The name with its length byte, padded to even.
    let name = (usize::from(*bytes.get(6)?) + 1).next_multiple_of(2);
    let at = 6 + name;
    let length = u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize;
    let data = bytes.get(at + 4..(at + 4).checked_add(length)?)?;
    let end = (at + 4 + length).next_multiple_of(2).min(bytes.len());
    let (whole, after) = bytes.split_at_checked(end)?;
    Some((Resource { id, data, whole }, after))
}

/// The IPTC record apart from all other resources, each `None` when there is nothing of it. What cannot be read at the end is left out.
pub fn split(blob: &[u8]) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    let (list, _) = resources(blob);
    let iptc = list.iter().find(|r| r.id == IPTC && !r.data.is_empty()).map(|r| r.data.to_vec());
    let others: Vec<u8> = list.iter().filter(|r| r.id != IPTC).flat_map(|r| r.whole).copied().collect();
    (iptc, (!others.is_empty()).then_some(others))
}

/// Resources and an IPTC record as one blob; `None` when there is neither.
pub fn join(others: Option<&[u8]>, iptc: Option<&[u8]>) -> Option<Vec<u8>> {
    let mut blob = Vec::new();
    if let Some(iptc) = iptc {
        blob.extend(b"8BIM\x04\x04\0\0");
        blob.extend(u32::try_from(iptc.len()).ok()?.to_be_bytes());
        blob.extend(iptc);
        blob.resize(blob.len().next_multiple_of(2), 0);
    }
    blob.extend(others.unwrap_or_default());
    (!blob.is_empty()).then_some(blob)
}

/// What an output carries: nothing that would be wrong beside new pixels, and with `resized` nothing that counts pixels.
pub fn carried(blob: &[u8], resized: bool) -> Option<Vec<u8>> {
    keep(blob, |id| id != IPTC && !NEVER.contains(&id) && !(resized && PLACED.contains(&id)))
}

/// Only what is about rights.
pub fn copyright_only(blob: &[u8]) -> Option<Vec<u8>> {
    keep(blob, |id| COPYRIGHT.contains(&id))
}

fn keep(blob: &[u8], wanted: impl Fn(u16) -> bool) -> Option<Vec<u8>> {
    let (list, _) = resources(blob);
    let mut kept: Vec<u8> = Vec::new();
    for resource in list.iter().filter(|r| wanted(r.id)) {
        kept.extend(resource.whole);
        kept.resize(kept.len().next_multiple_of(2), 0);
    }
    (!kept.is_empty()).then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(id: u16, name: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = b"8BIM".to_vec();
        bytes.extend(id.to_be_bytes());
        bytes.push(name.len() as u8);
        bytes.extend(name.as_bytes());
        if name.len().is_multiple_of(2) {
            bytes.push(0);
        }
        bytes.extend((data.len() as u32).to_be_bytes());
        bytes.extend(data);
        if data.len() % 2 == 1 {
            bytes.push(0);
        }
        bytes
    }

    #[test]
    fn blocks_apart_and_together() {
        let (path, flag) = (block(0x07d0, "Path 1", b"abc"), block(0x040a, "", &[1]));
        let blob =
            [path.clone(), block(IPTC, "", b"\x1c\x02\x05\0\0"), flag.clone(), block(0x040c, "", b"jpeg")].concat();
        let (iptc, others) = split(&blob);
        assert_eq!(iptc.as_deref(), Some(&b"\x1c\x02\x05\0\0"[..]));
        assert_eq!(split(&join(others.as_deref(), iptc.as_deref()).unwrap()), (iptc, others));
        assert_eq!(carried(&blob, false).unwrap(), [path, flag.clone()].concat());
        assert_eq!(copyright_only(&blob), Some(flag));
    }

    #[test]
    fn damage_ends_the_list() {
        let blob = block(0x040a, "", &[1]);
        for cut in 0..blob.len() - 1 {
            assert_eq!(resources(&blob[..cut]), (vec![], cut > 0), "{cut}");
        }
        assert!(resources(b"8BIM\x04\x04\0\0\xff\xff\xff\xff").1);
    }
}
