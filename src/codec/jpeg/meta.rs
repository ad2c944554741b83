//! Metadata in application segments: EXIF (APP1), ICC (APP2), IPTC in a Photoshop block (APP13), density (APP0), and the Adobe
//! color transform (APP14). What comes in is read whole and checked; what goes out is cut into segments.

use super::segments::Head;
use super::xmp;
use crate::codec::bytes::FileBytes;
use crate::codec::{Limits, exif};
use crate::error::{Error, Result};
use crate::picture::exif::ReadAt;
use crate::picture::{Resolution, ResolutionUnit, photoshop};

/// Application segments.
pub(super) const APP0: u8 = 0xe0;
pub(super) const APP1: u8 = 0xe1;
pub(super) const APP2: u8 = 0xe2;
pub(super) const APP13: u8 = 0xed;
pub(super) const APP14: u8 = 0xee;

/// Bytes of a segment's payload at most.
pub(super) const MOST_PAYLOAD: usize = 65_533;

const JFIF: &[u8] = b"JFIF\0";
const EXIF: &[u8] = b"Exif\0\0";
/// ICC.1:2022, B.4.
const ICC: &[u8] = b"ICC_PROFILE\0";
/// CIPA DC-007: further pictures behind the first, e.g. gain maps of phones.
const MULTI: &[u8] = b"MPF\0";
/// Adobe Photoshop file formats specification, image resources in JPEG.
const PHOTOSHOP: &[u8] = b"Photoshop 3.0\0";

/// What the application segments of a file say.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) exif: Option<Vec<u8>>,
    pub(super) icc: Option<Vec<u8>>,
    pub(super) iptc: Option<Vec<u8>>,
    /// Other Photoshop resources.
    pub(super) photoshop: Option<Vec<u8>>,
    pub(super) xmp: Option<Vec<u8>>,
    /// From JFIF.
    pub(super) resolution: Option<Resolution>,
    /// A JFIF segment is there.
    pub(super) jfif: bool,
    /// Transform flag of the Adobe segment.
    pub(super) adobe: Option<u8>,
}

/// Reads all application segments in front of the pixels.
///
/// # Errors
/// `Input` when they cannot be read, `Limit` when they are more than `limits` allow together.
pub(super) fn read(file: &FileBytes, head: &Head, limits: &Limits, warnings: &mut Vec<String>) -> Result<Found> {
    let (mut found, mut profile, mut resources) = (Found::default(), Vec::new(), Vec::new());
    let mut packets = xmp::Packets::default();
    let mut total = 0;
    for segment in head.segments.iter().filter(|s| matches!(s.marker, APP0 | APP1 | APP2 | APP13 | APP14)) {
        total += u64::from(segment.len);
        if total > limits.metadata_bytes {
            let (path, limit) = (file.path().to_owned(), limits.metadata_bytes);
            return Err(Error::Limit { path, what: "bytes of metadata", value: total, limit });
        }
        let mut payload = vec![0; usize::from(segment.len)];
        file.read_at(segment.at, &mut payload).map_err(|e| Error::input(file.path(), e))?;
        match segment.marker {
            APP0 => {
                if let Some(jfif) = payload.strip_prefix(JFIF) {
                    found.jfif = true;
                    found.resolution = found.resolution.or(density(jfif));
                }
            }
            APP1 => match payload.strip_prefix(EXIF) {
                Some(blob) if found.exif.is_none() => found.exif = Some(exif::without_thumbnail(blob)),
                Some(_) => warnings.push("a second EXIF segment is left out".into()),
                None => packets.take(&payload, warnings),
            },
            APP2 if payload.starts_with(MULTI) => {
                warnings.push("further pictures in the file (a gain map, a preview) are left out".into());
            }
            APP2 => profile.extend(payload.strip_prefix(ICC).and_then(Chunk::read)),
            APP13 => resources.extend_from_slice(payload.strip_prefix(PHOTOSHOP).unwrap_or_default()),
            _ => {
                if let Some([_, _, _, _, _, _, transform, ..]) = payload.strip_prefix(b"Adobe") {
                    found.adobe = Some(*transform);
                }
            }
        }
    }
    found.icc = assemble(profile).unwrap_or_else(|reason| {
        warnings.push(format!("the ICC profile is left out: {reason}"));
        None
    });
    (found.iptc, found.photoshop) = photoshop::split(&resources);
    found.xmp = packets.finish(warnings);
    Ok(found)
}

/// Units and pixels per unit (T.871, 10.1), behind the version.
fn density(jfif: &[u8]) -> Option<Resolution> {
    let &[_, _, unit, x0, x1, y0, y1, ..] = jfif else { return None };
    let (x, y) = (u16::from_be_bytes([x0, x1]), u16::from_be_bytes([y0, y1]));
    let unit = match unit {
        1 => ResolutionUnit::Inch,
        2 => ResolutionUnit::Centimeter,
        // An aspect of 1:1 is what every file says that knows nothing.
        _ if x == y => return None,
        _ => ResolutionUnit::None,
    };
    (x > 0 && y > 0).then_some(Resolution { x: (u32::from(x), 1), y: (u32::from(y), 1), unit })
}

/// A piece of an ICC profile.
struct Chunk {
    number: u8,
    count: u8,
    data: Vec<u8>,
}

impl Chunk {
    fn read(payload: &[u8]) -> Option<Self> {
        let [number, count, data @ ..] = payload else { return None };
        Some(Self { number: *number, count: *count, data: data.to_vec() })
    }
}

/// The profile of pieces in any order.
fn assemble(mut chunks: Vec<Chunk>) -> std::result::Result<Option<Vec<u8>>, String> {
    chunks.sort_by_key(|chunk| chunk.number);
    let Some(count) = chunks.first().map(|chunk| chunk.count) else { return Ok(None) };
    if chunks.iter().any(|chunk| chunk.count != count) {
        return Err("its pieces disagree about their number".into());
    }
    let numbers = chunks.iter().map(|chunk| chunk.number);
    if !numbers.eq(1..=count) {
        return Err(format!("of {count} pieces there are {}, or some twice", chunks.len()));
    }
    Ok(Some(chunks.into_iter().flat_map(|chunk| chunk.data).collect()))
}

/// Segments of an ICC profile.
///
/// # Errors
/// When it needs more than 255 of them.
pub(super) fn icc_segments(profile: &[u8]) -> std::result::Result<Vec<Vec<u8>>, String> {
    let pieces = profile.chunks(MOST_PAYLOAD - ICC.len() - 2);
    let count = u8::try_from(pieces.len())
        .map_err(|_| format!("an ICC profile of {} bytes does not fit into a JPEG", profile.len()))?;
    Ok((1..=count).zip(pieces).map(|(number, piece)| [ICC, &[number, count], piece].concat()).collect())
}

/// Segments of Photoshop resources with the IPTC record among them.
pub(super) fn photoshop_segments(others: Option<&[u8]>, iptc: Option<&[u8]>) -> Vec<Vec<u8>> {
    let blob = photoshop::join(others, iptc).unwrap_or_default();
    blob.chunks(MOST_PAYLOAD - PHOTOSHOP.len()).map(|part| [PHOTOSHOP, part].concat()).collect()
}

/// The segment of an EXIF blob, `None` when it is too long for one (T.81 has 16-bit lengths).
pub(super) fn exif_segment(blob: &[u8]) -> Option<Vec<u8>> {
    (EXIF.len() + blob.len() <= MOST_PAYLOAD).then(|| [EXIF, blob].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks(list: &[(u8, u8)]) -> Vec<Chunk> {
        list.iter().map(|&(number, count)| Chunk { number, count, data: vec![number; 2] }).collect()
    }

    #[test]
    fn profiles_come_in_any_order_or_not_at_all() {
        assert_eq!(assemble(chunks(&[(2, 3), (3, 3), (1, 3)])), Ok(Some(vec![1, 1, 2, 2, 3, 3])));
        assert_eq!(assemble(Vec::new()), Ok(None));
        for wrong in [&[(1, 2)][..], &[(1, 2), (1, 2)], &[(1, 2), (2, 3)], &[(0, 1)], &[(1, 1), (1, 1)], &[(1, 0)]] {
            assert!(assemble(chunks(wrong)).is_err(), "{wrong:?}");
        }
        let profile: Vec<u8> = (0..200_000u32).map(|i| i as u8).collect();
        let segments = icc_segments(&profile).unwrap();
        assert_eq!(segments.len(), 4);
        let read = segments.iter().filter_map(|s| Chunk::read(s.strip_prefix(ICC)?)).collect();
        assert_eq!(assemble(read), Ok(Some(profile)));
        assert!(icc_segments(&vec![0; 17_000_000]).is_err());
    }

    #[test]
    fn records_and_resources_come_back() {
        let odd = b"8BIM\x03\xed\x01x\0\0\0\x03abc\0".to_vec();
        let record = vec![0x1c, 2, 5, 0, 1, b'A', 7, 9];
        let [segment] = &photoshop_segments(Some(&odd), Some(&record))[..] else { panic!("one segment is enough") };
        let (iptc, others) = photoshop::split(segment.strip_prefix(PHOTOSHOP).unwrap());
        assert_eq!((iptc, others), (Some(record), Some(odd)));
    }

    #[test]
    fn densities() {
        let of = |unit, x: u16| density(&[&[1, 2, unit][..], &x.to_be_bytes(), &[0, 72]].concat());
        assert_eq!(of(1, 300), Some(Resolution { x: (300, 1), y: (72, 1), unit: ResolutionUnit::Inch }));
        assert_eq!(of(2, 118).map(|r| r.unit), Some(ResolutionUnit::Centimeter));
        assert_eq!(of(0, 72), None);
        assert_eq!(of(0, 144).map(|r| r.unit), Some(ResolutionUnit::None));
        assert_eq!(of(1, 0), None);
    }
}
