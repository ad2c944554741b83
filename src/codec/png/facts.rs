//! The chunk list as [`PictureInfo`].

use std::path::Path;

use super::chunks::Chunk;
use super::color::{self, Refusal};
use super::{deflate, raw_profile};
use crate::codec::{Limits, exif};
use crate::error::{Error, Result};
use crate::picture::{
    Access, Alpha, Channels, Extent, Metadata, PictureInfo, PixelLayout, Resolution, ResolutionUnit, SampleType,
    photoshop,
};

/// Keyword of XMP in an `iTXt` chunk (XMP specification part 3, 1.1.5).
pub const XMP_KEYWORD: &[u8] = b"XML:com.adobe.xmp";

/// Text chunks of a PNG file, carried to a PNG output.
#[derive(Debug)]
pub struct PngExtras {
    /// `tEXt`, `zTXt` and `iTXt` chunks other than XMP.
    pub(super) texts: Vec<Chunk>,
}

/// The facts of a file and what a copy carries.
///
/// # Errors
/// `Input` for damage, `Limit` for a picture beyond `limits`, `Unsupported` for PQ, HLG and narrow range.
pub fn read(path: &Path, chunks: &[Chunk], limits: &Limits) -> Result<(PictureInfo, PngExtras)> {
    let get = |kind: &[u8; 4]| chunks.iter().find(|c| c.kind == *kind).map(|c| &c.data[..]);
    let header = Header::read(get(b"IHDR").unwrap_or_default()).map_err(|e| Error::input(path, e))?;
    let limit = |what, value, limit| Error::Limit { path: path.into(), what, value, limit };
    if header.extent.pixels() > limits.pixels {
        return Err(limit("number of pixels", header.extent.pixels(), limits.pixels));
    }
    let mut warnings = Vec::new();
    let layout = layout(&header, get(b"tRNS").is_some(), &mut warnings);
    let row = u64::from(header.extent.width) * layout.pixel_bytes() as u64;
    if row > limits.chunk_bytes {
        return Err(limit("bytes of a row", row, limits.chunk_bytes));
    }
    let color = color::read(chunks, layout.channels.is_color(), limits.metadata_bytes).map_err(|e| match e {
        Refusal::Damaged(text) => Error::input(path, text),
        Refusal::Unsupported(text) => Error::unsupported(path, text),
    })?;
    warnings.extend(color.warnings);
    if get(b"acTL").is_some() {
        warnings.push("animated PNG: only the first picture is read".into());
    }
    let metadata = metadata(chunks, color.icc, limits.metadata_bytes, &mut warnings);
    let orientation = metadata.exif.as_deref().and_then(exif::orientation).unwrap_or(1);
    let mut info = PictureInfo {
        extent: header.extent,
        layout,
        encoding: color.encoding,
        encoding_source: color.source,
        orientation,
        metadata,
        access: if header.interlaced { Access::Whole } else { Access::Rows },
        chunk_rows: 1,
        format: "png",
        compression: "deflate",
        depth_channel: None,
        depth_channels: Vec::new(),
        warnings,
    };
    let is_blob = |c: &Chunk| keyword(c) == XMP_KEYWORD || raw_profile::is(c, &raw_profile::READ);
    let is_text = |c: &&Chunk| matches!(&c.kind, b"tEXt" | b"zTXt" | b"iTXt") && !is_blob(c);
    let texts: Vec<Chunk> = chunks.iter().filter(is_text).cloned().collect();
    info.metadata.own_facts = own_facts(&texts);
    Ok((info, PngExtras { texts }))
}

/// Keywords of texts, less those that ImageMagick writes about what stands elsewhere in the file (`exif:`, `icc:`, `date:`).
fn own_facts(texts: &[Chunk]) -> Vec<String> {
    let names = texts.iter().map(|chunk| String::from_utf8_lossy(keyword(chunk)).into_owned());
    names.filter(|name| !["exif:", "icc:", "date:"].iter().any(|prefix| name.starts_with(prefix))).collect()
}

/// Blobs, from their own chunks or else from text chunks. What cannot be read is left out with a warning.
fn metadata(chunks: &[Chunk], icc: Option<Vec<u8>>, max_bytes: u64, warnings: &mut Vec<String>) -> Metadata {
    let get = |kind: &[u8; 4]| chunks.iter().find(|c| c.kind == *kind).map(|c| &c.data[..]);
    let mut told = |result: std::result::Result<Option<Vec<u8>>, String>| {
        result.unwrap_or_else(|reason| {
            warnings.push(format!("{reason}; it is left out"));
            None
        })
    };
    let app1 = told(raw_profile::find(chunks, raw_profile::APP1, max_bytes));
    let in_app1 = |head: &[u8]| app1.as_deref().and_then(|blob| blob.strip_prefix(head)).map(<[u8]>::to_vec);
    let exif = get(b"eXIf").map(<[u8]>::to_vec);
    let exif = exif.or_else(|| told(raw_profile::find(chunks, raw_profile::EXIF, max_bytes)));
    let exif = exif.or_else(|| in_app1(b"Exif\0\0")).map(|blob| match blob.strip_prefix(b"Exif\0\0") {
        Some(bare) => bare.to_vec(),
        None => blob,
    });
    let xmp = told(xmp(chunks, max_bytes)).or_else(|| told(raw_profile::find(chunks, raw_profile::XMP, max_bytes)));
    let xmp = xmp.or_else(|| in_app1(b"http://ns.adobe.com/xap/1.0/\0"));
    let resources = told(raw_profile::find(chunks, raw_profile::IPTC, max_bytes));
    let (iptc, photoshop) = match resources {
        Some(bare) if bare.first() == Some(&0x1c) => (Some(bare), None),
        Some(blob) => photoshop::split(&blob),
        None => (None, None),
    };
    let resolution = get(b"pHYs").and_then(resolution);
    Metadata { icc, exif, xmp, iptc, photoshop, resolution, ..Metadata::default() }
}

/// Keyword of a text chunk.
pub fn keyword(chunk: &Chunk) -> &[u8] {
    chunk.data.split(|&b| b == 0).next().unwrap_or_default()
}

/// `IHDR` (PNG specification, 11.2.1).
struct Header {
    extent: Extent,
    bits: u8,
    /// 0 gray, 2 RGB, 3 palette, 4 gray + alpha, 6 RGB + alpha.
    color: u8,
    interlaced: bool,
}

impl Header {
    fn read(data: &[u8]) -> std::result::Result<Self, String> {
        let &[w0, w1, w2, w3, h0, h1, h2, h3, bits, color, compression, filter, interlace] = data else {
            return Err(format!("the header has {} bytes, 13 are expected", data.len()));
        };
        let (width, height) = (u32::from_be_bytes([w0, w1, w2, w3]), u32::from_be_bytes([h0, h1, h2, h3]));
        if width == 0 || height == 0 || width > i32::MAX as u32 || height > i32::MAX as u32 {
            return Err(format!("a picture of {width}x{height} pixels is not possible"));
        }
        let legal = match color {
            0 => matches!(bits, 1 | 2 | 4 | 8 | 16),
            3 => matches!(bits, 1 | 2 | 4 | 8),
            2 | 4 | 6 => matches!(bits, 8 | 16),
            _ => false,
        };
        if !legal || compression != 0 || filter != 0 || interlace > 1 {
            return Err(format!(
                "color type {color} with {bits} bits, methods {compression}, {filter}, {interlace}, is not possible"
            ));
        }
        Ok(Self { extent: Extent { width, height }, bits, color, interlaced: interlace == 1 })
    }
}

/// Layout after expansion of palettes, small depths and transparent colors.
fn layout(header: &Header, transparent: bool, warnings: &mut Vec<String>) -> PixelLayout {
    if header.color == 3 {
        warnings.push("a palette is read as 8-bit RGB".into());
    } else if header.bits < 8 {
        warnings.push(format!("{}-bit gray is read as 8-bit gray", header.bits));
    }
    if transparent && matches!(header.color, 0 | 2 | 3) {
        warnings.push("a transparent color (tRNS) is read as alpha".into());
    }
    let alpha = matches!(header.color, 4 | 6) || transparent;
    let channels = match (matches!(header.color, 2 | 3 | 6), alpha) {
        (false, false) => Channels::Gray,
        (false, true) => Channels::GrayAlpha,
        (true, false) => Channels::Rgb,
        (true, true) => Channels::Rgba,
    };
    let sample = if header.bits == 16 { SampleType::U16 } else { SampleType::U8 };
    PixelLayout { sample, channels, alpha: if alpha { Alpha::Unassociated } else { Alpha::None } }
}

/// `pHYs`: pixels per meter, or an aspect.
fn resolution(data: &[u8]) -> Option<Resolution> {
    let &[x0, x1, x2, x3, y0, y1, y2, y3, unit] = data else { return None };
    let (x, y) = (u32::from_be_bytes([x0, x1, x2, x3]), u32::from_be_bytes([y0, y1, y2, y3]));
    match unit {
        _ if x == 0 || y == 0 => None,
        // Pixels per meter over 100 are pixels per centimeter, exactly.
        1 => Some(Resolution { x: (x, 100), y: (y, 100), unit: ResolutionUnit::Centimeter }),
        _ => Some(Resolution { x: (x, 1), y: (y, 1), unit: ResolutionUnit::None }),
    }
}

/// The packet of the XMP `iTXt` chunk: keyword 0, compressed?, method, language 0, translated keyword 0, text.
fn xmp(chunks: &[Chunk], max_bytes: u64) -> std::result::Result<Option<Vec<u8>>, String> {
    let Some(chunk) = chunks.iter().find(|c| c.kind == *b"iTXt" && keyword(c) == XMP_KEYWORD) else { return Ok(None) };
    let Some([packed, _, rest @ ..]) = chunk.data.get(XMP_KEYWORD.len() + 1..) else {
        return Err("the XMP chunk is too short".into());
    };
    let mut fields = rest.splitn(3, |&b| b == 0);
    match (fields.nth(2), packed) {
        (Some(text), 0) => Ok(Some(text.to_vec())),
        (Some(text), _) => Ok(Some(deflate::inflate(text, max_bytes).map_err(|e| format!("the XMP packet {e}"))?)),
        (None, _) => Err("the XMP chunk has no text".into()),
    }
}
