//! NumPy arrays (NEP 1, <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>), for reading depth maps: numbers as they are,
//! as float.
//!
//! Read are arrays of two axes, or of more whose other axes are 1, in C order: booleans are no depth, objects are never unpickled.

use std::path::Path;

use super::bytes::FileBytes;
use super::whole::{check_extent, check_region, no_depth};
use super::{Limits, Pool, Source};
use crate::color::encodings;
use crate::error::{Error, Result};
use crate::picture::{
    Access, Alpha, Channels, ColorModel, Extent, FILE_TYPE_DEFAULT, Metadata, PictureInfo, PixelLayout, Region,
    SampleType, Strip,
};

/// First bytes of every file.
pub const SIGNATURE: &[u8] = b"\x93NUMPY";

/// Bytes of a header at most: one that names its type and shape has some hundred.
const MOST_HEADER: u32 = 1 << 16;

/// Type of an element, and whether its bytes are in big-endian order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Element {
    kind: u8,
    bytes: usize,
    big: bool,
}

struct NpySource {
    file: FileBytes,
    info: PictureInfo,
    element: Element,
    start: u64,
    raw: Vec<u8>,
}

/// Opens an array as a gray picture of floats.
///
/// # Errors
/// `Input` for damage and truncation, `Limit` beyond `limits`, `Unsupported` (with advice) for other types, shapes and orders.
pub fn open(path: &Path, limits: &Limits) -> Result<Box<dyn Source>> {
    let file = FileBytes::open(path, u64::MAX)?;
    let mut head = [0; 12];
    let length = file.length();
    file.read(0, head.get_mut(..length.min(12) as usize).unwrap_or_default())?;
    let damaged = |reason: &str| Error::input(path, reason);
    let [_, _, _, _, _, _, major, _, a, b, c, d] = head;
    if !head.starts_with(SIGNATURE) {
        return Err(damaged("not a NumPy array"));
    }
    let (at, size) = match major {
        1 => (10, u32::from(u16::from_le_bytes([a, b]))),
        2 | 3 => (12, u32::from_le_bytes([a, b, c, d])),
        _ => {
            return Err(Error::unsupported(
                path,
                format!("NumPy format version {major} is not read: versions 1 to 3 are"),
            ));
        }
    };
    let start = at + u64::from(size);
    if size > MOST_HEADER || start > length {
        return Err(damaged("truncated inside its header, or the header is too long"));
    }
    let mut header = vec![0; size as usize];
    file.read(at, &mut header)?;
    let header = String::from_utf8_lossy(&header);
    let (element, extent) = described(&header).map_err(|what| Error::unsupported(path, what))?;
    check_extent(path, extent, limits)?;
    let row = u64::from(extent.width) * 8;
    if row > limits.chunk_bytes {
        return Err(Error::Limit { path: path.into(), what: "bytes of a row", value: row, limit: limits.chunk_bytes });
    }
    let end = extent.pixels().saturating_mul(element.bytes as u64).saturating_add(start);
    if end > length {
        return Err(Error::input(path, format!("truncated: {length} of {end} bytes")));
    }
    let info = PictureInfo {
        extent,
        layout: PixelLayout { sample: SampleType::F32, channels: Channels::Gray, alpha: Alpha::None },
        encoding: encodings::linear_rec709(),
        model: ColorModel::AsLayout,
        encoding_source: FILE_TYPE_DEFAULT,
        orientation: 1,
        metadata: Metadata::default(),
        access: Access::Random,
        chunk_rows: 1,
        format: "npy",
        compression: "none",
        depth_channel: None,
        depth_channels: Vec::new(),
        warnings: Vec::new(),
    };
    Ok(Box::new(NpySource { file, info, element, start, raw: Vec::new() }))
}

/// Type and size, from the literal of a Python dictionary.
fn described(header: &str) -> std::result::Result<(Element, Extent), String> {
    // `astype` would keep the order of axes in memory.
    let advice = "save an array of two axes with numpy.save(name, numpy.ascontiguousarray(array, dtype=\"float32\"))";
    let value = |key: &str| {
        let at = header.find(&format!("'{key}'"))? + key.len() + 2;
        Some(header.get(at..)?.trim_start_matches([' ', ':']))
    };
    let kind = value("descr").and_then(|v| v.strip_prefix('\'')?.split('\'').next());
    let element = kind.and_then(element).ok_or_else(|| {
        let shown: String = kind.unwrap_or("a structure").chars().take(20).collect();
        format!("a NumPy array of type {shown:?} is not read: {advice}")
    })?;
    if value("fortran_order").is_none_or(|v| !v.starts_with("False")) {
        return Err(format!("a NumPy array in Fortran order is not read: {advice}"));
    }
    let shape = value("shape").and_then(|v| v.strip_prefix('(')?.split(')').next()).unwrap_or_default();
    let sides: Option<Vec<u32>> =
        shape.split(',').map(str::trim).filter(|side| !side.is_empty()).map(|side| side.parse().ok()).collect();
    let sides = sides.filter(|sides| sides.len() <= 8).unwrap_or_default();
    let large: Vec<u32> = sides.iter().copied().filter(|side| *side != 1).collect();
    match (large.as_slice(), sides.as_slice()) {
        (_, &[height, width]) | (&[height, width], _) => Ok((element, Extent { width, height })),
        _ => Err(format!(
            "a NumPy array of shape ({}) is no depth map: {advice}",
            shape.chars().take(40).collect::<String>()
        )),
    }
}

fn element(text: &str) -> Option<Element> {
    let mut letters = text.chars();
    let order = letters.next()?;
    let big = match order {
        '<' | '|' => false,
        '>' => true,
        '=' => cfg!(target_endian = "big"),
        _ => return None,
    };
    let kind = letters.next()?;
    let bytes: usize = letters.as_str().parse().ok()?;
    let known = matches!((kind, bytes), ('f', 2 | 4 | 8) | ('u' | 'i', 1 | 2 | 4));
    known.then_some(Element { kind: kind as u8, bytes, big })
}

impl Element {
    /// The number that `raw`, of as many bytes as an element has, stands for.
    fn number(self, raw: &[u8]) -> f32 {
        let mut le = [0; 8];
        for (i, byte) in raw.iter().enumerate() {
            let place = if self.big { raw.len() - 1 - i } else { i };
            if let Some(to) = le.get_mut(place) {
                *to = *byte;
            }
        }
        let [a, b, c, d, ..] = le;
        match (self.kind, self.bytes) {
            (b'f', 2) => half::f16::from_le_bytes([a, b]).to_f32(),
            (b'f', 4) => f32::from_le_bytes([a, b, c, d]),
            (b'f', _) => f64::from_le_bytes(le) as f32,
            (b'i', 1) => f32::from(a as i8),
            (b'i', 2) => f32::from(i16::from_le_bytes([a, b])),
            (b'i', _) => i32::from_le_bytes([a, b, c, d]) as f32,
            _ => u32::from_le_bytes([a, b, c, d]) as f32,
        }
    }
}

impl Source for NpySource {
    fn info(&self) -> &PictureInfo {
        &self.info
    }

    fn read(&mut self, region: Region, strip: &mut Strip, _pool: &Pool) -> Result<()> {
        check_region(self.file.path(), self.info.extent, region)?;
        strip.reset(region, self.info.layout);
        let row = self.info.extent.width as usize * self.element.bytes;
        self.raw.resize(row * region.rows as usize, 0);
        self.file.read(self.start + u64::from(region.y) * row as u64, &mut self.raw)?;
        let numbers = self.raw.chunks_exact(self.element.bytes).map(|raw| self.element.number(raw));
        for (sample, number) in strip.bytes_mut().as_chunks_mut::<4>().0.iter_mut().zip(numbers) {
            *sample = number.to_ne_bytes();
        }
        Ok(())
    }

    fn read_depth(&mut self, _region: Region, _depth: &mut [f32], _pool: &Pool) -> Result<()> {
        Err(no_depth(self.file.path(), self.info.format))
    }

    fn rewind(&mut self) -> Result<()> {
        Ok(())
    }

    fn resident_bytes(&self, rows: u32) -> u64 {
        u64::from(self.info.extent.width) * self.element.bytes as u64 * u64::from(rows)
    }

    fn check_intact(&self) -> Result<()> {
        self.file.check_intact()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(descr: &str, order: &str, shape: &str) -> String {
        format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': ({shape}), }}")
    }

    #[test]
    fn headers_name_type_and_shape() {
        let read = |descr, shape| described(&header(descr, "False", shape));
        let (element, extent) = read("<f4", "480, 640").unwrap();
        assert_eq!((element.bytes, extent), (4, Extent { width: 640, height: 480 }));
        assert_eq!(read(">u2", "1, 3, 2, 1").unwrap().1, Extent { width: 2, height: 3 });
        assert_eq!(read("<f8", "1, 7").unwrap().1, Extent { width: 7, height: 1 });
        for (descr, shape) in
            [("|O", "3, 2"), ("|b1", "3, 2"), ("<f4", "3, 2, 4"), ("<f4", "7,"), ("<f4", "x, 2"), ("<c8", "3, 2")]
        {
            assert!(read(descr, shape).unwrap_err().contains("numpy.save"), "{descr} {shape}");
        }
        assert!(
            described(&header("<f4", "True", "3, 2")).unwrap_err().contains("Fortran order is not read: save an array")
        );
        assert!(described("").is_err());
    }

    #[test]
    fn numbers_of_every_type() {
        let of = |text: &str, raw: &[u8]| element(text).unwrap().number(raw);
        assert_eq!(of("<f4", &1.5f32.to_le_bytes()), 1.5);
        assert_eq!(of(">f8", &(-2.25f64).to_be_bytes()), -2.25);
        assert_eq!(of("<f2", &half::f16::from_f32(0.5).to_le_bytes()), 0.5);
        assert_eq!(of(">u2", &700u16.to_be_bytes()), 700.0);
        assert_eq!((of("|i1", &[0xff]), of("<i4", &(-9i32).to_le_bytes())), (-1.0, -9.0));
        assert_eq!(of("<u4", &3_000_000_000u32.to_le_bytes()), 3e9);
    }
}
