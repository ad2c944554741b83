//! Chunks: `RIFF size:u32 WEBP`, then `fourcc size:u32 data`, little-endian, data padded to even length (RFC 9649, 2.3 to 2.7).

use crate::codec::bytes::FileBytes;
use crate::picture::Extent;
use crate::picture::exif::ReadAt;

/// Chunks that are listed at most: an animation has one per frame.
const MOST_CHUNKS: usize = 1 << 16;

/// Flags of the `VP8X` chunk (2.7.1).
pub(super) const ANIMATION: u8 = 0x02;
pub(super) const XMP: u8 = 0x04;
pub(super) const EXIF: u8 = 0x08;
pub(super) const ALPHA: u8 = 0x10;
pub(super) const ICC: u8 = 0x20;

/// A chunk of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunk {
    /// Its name.
    pub(super) kind: [u8; 4],
    /// Where its data begin.
    pub(super) at: u64,
    /// Bytes of data.
    pub(super) len: u32,
}

/// The list of chunks and what the first says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Container {
    /// Chunks in order of the file.
    pub(super) chunks: Vec<Chunk>,
    /// Size of the picture, of the canvas for an animation.
    pub(super) extent: Extent,
    /// There is an alpha channel.
    pub(super) alpha: bool,
    /// Only VP8L data.
    pub(super) lossless: bool,
    /// More than one frame is meant.
    pub(super) animated: bool,
}

impl Container {
    /// Reads the list.
    ///
    /// # Errors
    /// A sentence, without the file's name.
    pub(super) fn read(file: &FileBytes) -> Result<Self, String> {
        let head: [u8; 12] = exact(file, 0)?;
        let [b'R', b'I', b'F', b'F', s0, s1, s2, s3, b'W', b'E', b'B', b'P'] = head else {
            return Err("not a WebP file".into());
        };
        let size = u64::from(u32::from_le_bytes([s0, s1, s2, s3]));
        let end = size + 8;
        if end > file.length() {
            return Err(format!("truncated: {} of {end} bytes", file.length()));
        }
        let (mut chunks, mut at) = (Vec::new(), 12);
        while at + 8 <= end {
            let [k0, k1, k2, k3, l0, l1, l2, l3] = exact(file, at)?;
            let chunk = Chunk { kind: [k0, k1, k2, k3], at: at + 8, len: u32::from_le_bytes([l0, l1, l2, l3]) };
            at += 8 + u64::from(chunk.len);
            if at > end {
                let name = String::from_utf8_lossy(&chunk.kind).escape_default().to_string();
                return Err(format!("truncated: a chunk {name} of {} bytes reaches beyond the end", chunk.len));
            }
            at += at % 2;
            chunks.push(chunk);
            if chunks.len() > MOST_CHUNKS {
                return Err(format!("more than {MOST_CHUNKS} chunks"));
            }
        }
        let first = *chunks.first().ok_or("it holds no chunk")?;
        let mut container =
            Self { chunks, extent: Extent { width: 0, height: 0 }, alpha: false, lossless: false, animated: false };
        container.describe(file, first)?;
        Ok(container)
    }

    /// The first chunk with this name.
    pub(super) fn find(&self, kind: &[u8; 4]) -> Option<Chunk> {
        self.chunks.iter().find(|chunk| chunk.kind == *kind).copied()
    }

    fn describe(&mut self, file: &FileBytes, first: Chunk) -> Result<(), String> {
        match &first.kind {
            b"VP8X" => {
                let [flags, _, _, _, w0, w1, w2, h0, h1, h2] = exact(file, first.at)?;
                let side = |a, b, c| u32::from_le_bytes([a, b, c, 0]) + 1;
                self.extent = Extent { width: side(w0, w1, w2), height: side(h0, h1, h2) };
                self.alpha = flags & ALPHA != 0;
                self.animated = flags & ANIMATION != 0;
                self.lossless = self.find(b"VP8L").is_some();
                let pixels: [&[u8; 4]; 3] = [b"VP8 ", b"VP8L", b"ANMF"];
                if pixels.iter().all(|kind| self.find(kind).is_none()) {
                    return Err("it holds no pixels".into());
                }
            }
            b"VP8L" => {
                let [signature, b0, b1, b2, b3] = exact(file, first.at)?;
                if signature != 0x2f {
                    return Err("the lossless picture has no signature".into());
                }
                // 14 bits of width - 1, 14 of height - 1, alpha, version (3.4).
                let bits = u32::from_le_bytes([b0, b1, b2, b3]);
                self.extent = Extent { width: (bits & 0x3fff) + 1, height: (bits >> 14 & 0x3fff) + 1 };
                self.alpha = bits >> 28 & 1 != 0;
                self.lossless = true;
            }
            b"VP8 " => {
                // Frame tag, start code, 14 bits of width and of height below 2 bits of scale (RFC 6386, 9.1).
                let [_, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1] = exact(file, first.at)? else {
                    return Err("the lossy picture has no start code".into());
                };
                let side = |a, b| u32::from(u16::from_le_bytes([a, b]) & 0x3fff);
                self.extent = Extent { width: side(w0, w1), height: side(h0, h1) };
            }
            other => {
                let name = String::from_utf8_lossy(other).escape_default().to_string();
                return Err(format!("the first chunk is {name} instead of VP8, VP8L or VP8X"));
            }
        }
        Ok(())
    }
}

fn exact<const N: usize>(file: &FileBytes, at: u64) -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    file.read_at(at, &mut bytes).map_err(|_| "truncated: the first chunk is not complete".to_owned())?;
    Ok(bytes)
}

/// A chunk as the file holds it.
fn framed(kind: &[u8; 4], data: &[u8]) -> Result<Vec<u8>, String> {
    let length = u32::try_from(data.len()).map_err(|_| format!("{} bytes do not fit into a WebP", data.len()))?;
    let mut bytes = [&kind[..], &length.to_le_bytes(), data].concat();
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    Ok(bytes)
}

/// What goes around the pixels.
pub(super) struct Around<'a> {
    /// Size of the picture, 1 to 16 383 on a side.
    pub(super) extent: Extent,
    pub(super) icc: Option<&'a [u8]>,
    pub(super) exif: Option<&'a [u8]>,
    pub(super) xmp: Option<&'a [u8]>,
}

/// The file of an encoder with metadata around its pixels; the same file when there are none.
///
/// # Errors
/// When the encoder's file is none, or the result has more than 4 GiB.
pub(super) fn wrap(encoded: &[u8], around: &Around<'_>) -> Result<Vec<u8>, String> {
    if [around.icc, around.exif, around.xmp].iter().all(Option::is_none) {
        return Ok(encoded.to_vec());
    }
    let (pixels, alpha) = pixels(encoded)?;
    let flag = |bit, on: bool| if on { bit } else { 0 };
    let flags = flag(ICC, around.icc.is_some())
        | flag(ALPHA, alpha)
        | flag(EXIF, around.exif.is_some())
        | flag(XMP, around.xmp.is_some());
    let [w0, w1, w2, _] = (around.extent.width - 1).to_le_bytes();
    let [h0, h1, h2, _] = (around.extent.height - 1).to_le_bytes();
    let mut bytes = b"WEBP".to_vec();
    bytes.extend(framed(b"VP8X", &[flags, 0, 0, 0, w0, w1, w2, h0, h1, h2])?);
    if let Some(icc) = around.icc {
        bytes.extend(framed(b"ICCP", icc)?);
    }
    bytes.extend(pixels);
    for (kind, blob) in [(b"EXIF", around.exif), (b"XMP ", around.xmp)] {
        if let Some(blob) = blob {
            bytes.extend(framed(kind, blob)?);
        }
    }
    framed(b"RIFF", &bytes)
}

/// The chunks of an encoder's file that are pixels, and whether they have alpha: encoders leave out what is opaque everywhere.
fn pixels(encoded: &[u8]) -> Result<(Vec<u8>, bool), String> {
    let (mut pixels, mut alpha) = (Vec::with_capacity(encoded.len()), false);
    let mut rest = encoded.get(12..).unwrap_or_default();
    while let Some((head, data)) = rest.split_first_chunk::<8>() {
        let [k0, k1, k2, k3, l0, l1, l2, l3] = *head;
        let padded = (u32::from_le_bytes([l0, l1, l2, l3]) as usize).next_multiple_of(2);
        let data = data.get(..padded).ok_or("the encoder's file is cut off")?;
        let kind = [k0, k1, k2, k3];
        if [*b"ALPH", *b"VP8 ", *b"VP8L"].contains(&kind) {
            // Bit 28 behind the signature of VP8L (3.4).
            alpha |= kind == *b"ALPH" || kind == *b"VP8L" && data.get(4).is_some_and(|byte| byte & 0x10 != 0);
            pixels.extend(head);
            pixels.extend(data);
        }
        rest = rest.get(8 + padded..).unwrap_or_default();
    }
    Ok((pixels, alpha))
}
