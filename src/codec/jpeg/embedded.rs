//! A small JPEG or PNG inside a JPEG file: its header first, its samples when they are needed.

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use super::segments::{EOI, SOI, SOS};
use crate::codec::bytes::FileBytes;
use crate::codec::png::small;
use crate::picture::Extent;
use crate::picture::exif::ReadAt;

/// Pixels of a map at most: those of phones have less than a million.
const MOST_PIXELS: u64 = 1 << 25;
/// Columns and rows of a JPEG at most.
const MOST_SIDE: u16 = 8192;
/// Segments and chunks that are stepped over at most.
const MOST_PARTS: usize = 1 << 16;
/// What decoders hold beside samples: windows, tables, rows.
const DECODER_BYTES: u64 = 1 << 20;

/// Where the file of a map is.
pub(super) enum Embedded {
    /// It was in the XMP packet.
    Bytes(Vec<u8>),
    /// It follows the picture.
    Behind {
        /// Offset in the picture's file.
        start: u64,
        /// Bytes of it.
        length: u64,
    },
}

impl Embedded {
    fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Behind { length, .. } => *length,
        }
    }

    fn fill(&self, file: &FileBytes, at: u64, into: &mut [u8]) -> Result<(), String> {
        const CUT: &str = "truncated: its depth map ends too early";
        let end = at.checked_add(into.len() as u64).filter(|end| *end <= self.length()).ok_or(CUT)?;
        match self {
            Self::Bytes(bytes) => into.copy_from_slice(bytes.get(at as usize..end as usize).ok_or(CUT)?),
            Self::Behind { start, .. } => file.read_at(start + at, into)?,
        }
        Ok(())
    }

    fn array<const N: usize>(&self, file: &FileBytes, at: u64) -> Result<[u8; N], String> {
        let mut found = [0; N];
        self.fill(file, at, &mut found).map(|()| found)
    }
}

/// What it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Bytes that a pixel takes while it is decoded, and whether its codes have 16 bits.
    Png { pixel_bytes: u64, wide: bool },
    /// Components.
    Jpeg { components: u64 },
}

/// A map whose header was read.
pub(super) struct Map {
    embedded: Embedded,
    extent: Extent,
    kind: Kind,
}

impl Map {
    /// Reads header and end.
    ///
    /// # Errors
    /// A sentence for what is damaged, truncated or too large, or of another kind.
    pub(super) fn open(embedded: Embedded, file: &FileBytes) -> Result<Self, String> {
        let (extent, kind) = match embedded.array::<4>(file, 0)? {
            [0x89, b'P', b'N', b'G'] => png_header(&embedded, file)?,
            [0xff, SOI, _, _] => jpeg_header(&embedded, file)?,
            _ => return Err("the depth map is neither a JPEG nor a PNG".to_owned()),
        };
        if extent.pixels() == 0 || extent.pixels() > MOST_PIXELS {
            return Err(format!("{extent} pixels are more than the {MOST_PIXELS} allowed, or none"));
        }
        Ok(Self { embedded, extent, kind })
    }

    /// Its size.
    pub(super) fn extent(&self) -> Extent {
        self.extent
    }

    /// The code of 1.
    pub(super) fn white(&self) -> f32 {
        match self.kind {
            Kind::Png { wide: true, .. } => 65_535.0,
            _ => 255.0,
        }
    }

    /// Bytes at most, from opening to the last row: its file, what decoding takes, and two bytes for each code.
    pub(super) fn working_bytes(&self) -> u64 {
        let pixels = self.extent.pixels();
        let decoding = match self.kind {
            Kind::Png { pixel_bytes, .. } => pixels * pixel_bytes,
            // Samples, and 16 bits for each coefficient of a progressive file.
            Kind::Jpeg { components } => pixels * (1 + 2 * components),
        };
        let length = self.embedded.length();
        // Opening holds the packet: as text, in its parts and joined.
        let opening = if matches!(self.embedded, Embedded::Bytes(_)) { length * 4 } else { 0 };
        length + opening.max(decoding + pixels * 2 + DECODER_BYTES)
    }

    /// One code per pixel, row by row.
    ///
    /// # Errors
    /// A sentence for damage.
    pub(super) fn decode(&self, file: &FileBytes) -> Result<Vec<u16>, String> {
        let read;
        let bytes = match &self.embedded {
            Embedded::Bytes(bytes) => bytes,
            Embedded::Behind { start, length } => {
                let mut bytes = vec![0; usize::try_from(*length).map_err(|_| "too large for this machine")?];
                file.read_at(*start, &mut bytes)?;
                read = bytes;
                &read
            }
        };
        let (extent, codes) = match self.kind {
            Kind::Png { wide, .. } => {
                let (extent, codes, white) = small::decode(bytes, MOST_PIXELS)?;
                if (white == u16::MAX) != wide {
                    return Err("it changed while it was read".to_owned());
                }
                (extent, codes)
            }
            Kind::Jpeg { .. } => decode_jpeg(bytes)?,
        };
        if extent != self.extent {
            return Err("it changed while it was read".to_owned());
        }
        Ok(codes)
    }
}

/// Size and pixels of a PNG whose chunks are there up to the last (W3C PNG, 5.2, 5.3 and 11.2.1).
fn png_header(embedded: &Embedded, file: &FileBytes) -> Result<(Extent, Kind), String> {
    let [w0, w1, w2, w3, h0, h1, h2, h3, depth, color] = embedded.array(file, 16)?;
    if embedded.array::<4>(file, 12)? != *b"IHDR" {
        return Err("a PNG without a header".to_owned());
    }
    let extent = Extent { width: u32::from_be_bytes([w0, w1, w2, w3]), height: u32::from_be_bytes([h0, h1, h2, h3]) };
    let wide = depth == 16;
    // Transparency of a color in a chunk of its own becomes one more channel.
    let channels = if matches!(color, 0 | 4) { 2 } else { 4 };
    let mut at = 8u64;
    for _ in 0..MOST_PARTS {
        let [l0, l1, l2, l3, name @ ..] = embedded.array::<8>(file, at)?;
        if name == *b"IEND" {
            return Ok((extent, Kind::Png { pixel_bytes: channels * if wide { 2 } else { 1 }, wide }));
        }
        at += 12 + u64::from(u32::from_be_bytes([l0, l1, l2, l3]));
    }
    Err(format!("a PNG of more than {MOST_PARTS} chunks"))
}

/// Size and components of a JPEG that has its last marker (T.81, annex B).
fn jpeg_header(embedded: &Embedded, file: &FileBytes) -> Result<(Extent, Kind), String> {
    let mut at = 2u64;
    let mut frame = None;
    for _ in 0..MOST_PARTS {
        let [ff, marker, l0, l1] = embedded.array::<4>(file, at)?;
        match (ff, marker) {
            (0xff, 0xff) => at += 1,
            (0xff, SOS) => {
                let frame = frame.ok_or("the first scan of the depth map comes before its frame header")?;
                return ends(embedded, file).map(|()| frame);
            }
            (0xff, 0xc0..=0xc2) => {
                let [h0, h1, w0, w1, components] = embedded.array(file, at + 5)?;
                let (width, height) = (u16::from_be_bytes([w0, w1]), u16::from_be_bytes([h0, h1]));
                if width.max(height) > MOST_SIDE {
                    return Err(format!("{width}x{height} pixels, the limit is {MOST_SIDE} to a side"));
                }
                let extent = Extent { width: width.into(), height: height.into() };
                frame = Some((extent, Kind::Jpeg { components: u64::from(components).max(1) }));
                at += 2 + u64::from(u16::from_be_bytes([l0, l1]));
            }
            (0xff, 0xc0..=0xfe) if marker != EOI => at += 2 + u64::from(u16::from_be_bytes([l0, l1])),
            _ => return Err(format!("no marker at byte {at} of the depth map")),
        }
    }
    Err(format!("a JPEG of more than {MOST_PARTS} segments"))
}

/// Whether the end marker stands in the last bytes: some writers put something behind it. Coded samples do not hold it.
fn ends(embedded: &Embedded, file: &FileBytes) -> Result<(), String> {
    let mut last = vec![0; embedded.length().min(4096) as usize];
    embedded.fill(file, embedded.length() - last.len() as u64, &mut last)?;
    let found = last.windows(2).any(|two| *two == [0xff, EOI]);
    found.then_some(()).ok_or_else(|| "truncated: the end marker of the depth map is missing".to_owned())
}

fn decode_jpeg(bytes: &[u8]) -> Result<(Extent, Vec<u16>), String> {
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(MOST_SIDE.into())
        .set_max_height(MOST_SIDE.into())
        .jpeg_set_out_colorspace(ColorSpace::Luma);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|e| format!("{e:?}"))?;
    let (width, height) = decoder.dimensions().ok_or("no size")?;
    let extent = Extent { width: width as u32, height: height as u32 };
    if extent.pixels() == 0 || extent.pixels() > MOST_PIXELS {
        return Err(format!("{extent} pixels are more than the {MOST_PIXELS} allowed, or none"));
    }
    let samples = decoder.decode().map_err(|e| format!("{e:?}"))?;
    if samples.len() as u64 != extent.pixels() {
        return Err("its depth map is not gray".to_owned());
    }
    Ok((extent, samples.into_iter().map(u16::from).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::png::small::tests::gray;

    fn open(bytes: &[u8]) -> Result<(Map, FileBytes), String> {
        let place = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(place.path(), bytes).unwrap();
        let file = FileBytes::open(place.path(), u64::MAX).unwrap();
        let behind = Map::open(Embedded::Behind { start: 0, length: bytes.len() as u64 }, &file);
        let inside = Map::open(Embedded::Bytes(bytes.to_vec()), &file);
        assert_eq!(behind.as_ref().map(|map| map.extent).ok(), inside.map(|map| map.extent).ok());
        behind.map(|map| (map, file))
    }

    #[test]
    fn white_goes_by_the_bits_of_the_file() {
        for (bits, samples, codes, white) in [
            (16, &[0, 9, 0, 200][..], [9, 200], 65_535.0),
            (8, &[9, 200][..], [9, 200], 255.0),
            (4, &[0x1f][..], [17, 255], 255.0),
            // All of them small: 16 bits all the same.
            (16, &[0, 9, 0, 20][..], [9, 20], 65_535.0),
        ] {
            let (map, file) = open(&gray(bits, samples)).unwrap();
            assert_eq!((map.decode(&file).unwrap(), map.white()), (codes.to_vec(), white), "{bits}");
        }
    }

    #[test]
    fn a_cut_map_is_found_out_by_its_header_and_its_end() {
        let mut jpeg = Vec::new();
        jpeg_encoder::Encoder::new(&mut jpeg, 90).encode(&[7; 64], 8, 8, jpeg_encoder::ColorType::Luma).unwrap();
        let png = gray(8, &[1, 2]);
        for bytes in [&jpeg, &png] {
            let (map, file) = open(bytes).unwrap();
            assert_eq!(map.decode(&file).unwrap().len() as u64, map.extent().pixels());
            // The last eight bytes of a PNG say nothing: a checksum, and half a name.
            for cut in 0..bytes.len() - 8 {
                assert!(open(&bytes[..cut]).is_err(), "{cut} of {}", bytes.len());
            }
        }
        let mut large = jpeg.clone();
        let frame = large.windows(2).position(|two| *two == [0xff, 0xc0]).unwrap();
        large[frame + 5] = 0x7f;
        assert!(open(&large).err().unwrap().contains("limit is 8192"));
    }
}
