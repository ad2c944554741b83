//! The header of an EXR file, read by ourselves: attribute bytes are kept exactly as they are, so that a copy carries every
//! attribute, known or not; and nothing is allocated before it was compared with the file's length.
//!
//! Layout (OpenEXR 3 "File Layout", <https://openexr.com/en/latest/OpenEXRFileLayout.html>): magic, version and flags, one attribute
//! list per *part* (each ended by a zero byte, a multi-part file's list of lists by another one), one table of chunk offsets
//! per part, chunks. An attribute is `name\0 type\0 size:i32 value`. All numbers are little-endian.

use std::fs::File;
use std::io::{BufReader, Read};

pub use crate::picture::Window;

/// Version field: bit 9, a single-part file is tiled.
pub const FLAG_TILED: u32 = 1 << 9;
/// Version field: bit 10, names may have up to 255 bytes instead of 31.
pub const FLAG_LONG_NAMES: u32 = 1 << 10;
/// Version field: bit 11, at least one part is deep.
pub const FLAG_DEEP: u32 = 1 << 11;
/// Version field: bit 12, several parts.
pub const FLAG_MULTIPART: u32 = 1 << 12;

/// Parts a file may have; more is taken for damage.
const MAX_PARTS: usize = 1024;

/// One attribute, bytes untouched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Name.
    pub name: Vec<u8>,
    /// Type name: "string", "box2i", ...
    pub kind: Vec<u8>,
    /// Value, little-endian.
    pub value: Vec<u8>,
}

/// Type of one channel's samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sample {
    /// 32-bit unsigned integer (object ids).
    U32,
    /// Half.
    F16,
    /// Float.
    F32,
}

impl Sample {
    /// Bytes of one sample.
    pub fn bytes(self) -> usize {
        if self == Self::F16 { 2 } else { 4 }
    }
}

/// One channel as the `channels` attribute describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// Full name, layer prefix included.
    pub name: Vec<u8>,
    /// Sample type.
    pub sample: Sample,
    /// `pLinear`: a hint to lossy compressions.
    pub linear: bool,
    /// Horizontal and vertical subsampling, 1 = every pixel.
    pub sampling: [i32; 2],
}

impl Channel {
    /// The name as text for messages.
    pub fn label(&self) -> String {
        String::from_utf8_lossy(&self.name).into_owned()
    }
}

/// Tiles of a tiled part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tiles {
    /// Width and height in pixels.
    pub size: [u32; 2],
    /// True when reduced-resolution levels are stored as well.
    pub levels: bool,
}

/// One part: a picture with its attributes.
#[derive(Debug, Clone)]
pub struct Part {
    /// Every attribute, in file order.
    pub attributes: Vec<Attribute>,
    /// Channels, in the order in which chunks hold them.
    pub channels: Vec<Channel>,
    /// Compression code.
    pub compression: u8,
    /// Where the pixels are.
    pub data_window: Window,
    /// Order of chunks in the file: 0 increasing, 1 decreasing, 2 random.
    pub line_order: u8,
    /// Tiles, if tiled.
    pub tiles: Option<Tiles>,
    /// Deep data: a varying number of samples per pixel.
    pub deep: bool,
    /// Entries of this part's offset table, all levels; known for multi-part files only.
    pub chunk_count: Option<u64>,
}

/// A file's header.
#[derive(Debug, Clone)]
pub struct Header {
    /// Several parts: chunks begin with their part's number.
    pub multipart: bool,
    /// The parts, at least one.
    pub parts: Vec<Part>,
    /// Position of the first offset table.
    pub tables_at: u64,
    /// Length of the file.
    pub file_len: u64,
}

impl Part {
    /// The value of attribute `name` if it has type `kind`.
    pub fn attribute(&self, name: &str, kind: &str) -> Option<&[u8]> {
        find(&self.attributes, name, kind)
    }

    /// The part's name, if it has one.
    pub fn name(&self) -> Option<String> {
        self.attribute("name", "string").map(|v| String::from_utf8_lossy(v).into_owned())
    }

    /// What is shown; without the attribute, which OpenEXR demands, what there is.
    pub fn display_window(&self) -> Window {
        let window = self.attribute("displayWindow", "box2i").and_then(|value| window(value).ok());
        window.unwrap_or(self.data_window)
    }

    /// Primaries and white as x, y pairs: red, green, blue, white.
    pub fn chromaticities(&self) -> Option<[f32; 8]> {
        let mut cursor = Cursor(self.attribute("chromaticities", "chromaticities")?);
        let mut values = [0.0; 8];
        for value in &mut values {
            *value = f32::from_bits(cursor.u32().ok()?);
        }
        Some(values)
    }
}

/// Reads the header of `file` from its start; at most `max_bytes` of attributes.
///
/// # Errors
/// A sentence about what is wrong, without the file's name.
pub fn read(file: &File, file_len: u64, max_bytes: u64) -> Result<Header, String> {
    let mut input = Input { reader: BufReader::new(file), at: 0, file_len, max_bytes };
    if input.array::<4>()? != [0x76, 0x2f, 0x31, 0x01] {
        return Err("not an EXR file".into());
    }
    let version = u32::from_le_bytes(input.array()?);
    if version & 0xff != 2 || version & !(0xff | FLAG_TILED | FLAG_LONG_NAMES | FLAG_DEEP | FLAG_MULTIPART) != 0 {
        return Err(format!("EXR version field {version:#x} is not known (version 2 is)"));
    }
    let multipart = version & FLAG_MULTIPART != 0;
    let mut parts = Vec::new();
    while let Some(attributes) = attribute_list(&mut input)? {
        parts.push(part(attributes, version)?);
        if !multipart {
            break;
        }
        if parts.len() > MAX_PARTS {
            return Err(format!("more than {MAX_PARTS} parts"));
        }
    }
    if parts.is_empty() {
        return Err("the EXR header holds no part".into());
    }
    Ok(Header { multipart, parts, tables_at: input.at, file_len })
}

/// Attributes up to the ending zero; `None` when the list is empty (end of a multi-part header).
fn attribute_list(input: &mut Input) -> Result<Option<Vec<Attribute>>, String> {
    let mut list = Vec::new();
    loop {
        let name = input.name()?;
        if name.is_empty() {
            return Ok(if list.is_empty() { None } else { Some(list) });
        }
        let kind = input.name()?;
        let size = i32::from_le_bytes(input.array()?);
        let size = u64::try_from(size)
            .map_err(|_| format!("attribute {:?} has a negative size", String::from_utf8_lossy(&name)))?;
        let value = input.bytes(size)?;
        list.push(Attribute { name, kind, value });
    }
}

/// Interprets the attributes that say how chunks are laid out.
fn part(attributes: Vec<Attribute>, version: u32) -> Result<Part, String> {
    let get = |name: &str, kind: &str| find(&attributes, name, kind);
    let need = |name: &str, kind: &str| get(name, kind).ok_or_else(|| format!("attribute {name:?} is missing"));
    let channels = channels(need("channels", "chlist")?)?;
    let compression = *need("compression", "compression")?.first().ok_or("attribute \"compression\" is empty")?;
    let data_window = window(need("dataWindow", "box2i")?)?;
    let line_order = get("lineOrder", "lineOrder").and_then(|v| v.first().copied()).unwrap_or(0);
    let kind = get("type", "string").unwrap_or_default();
    let multipart = version & FLAG_MULTIPART != 0;
    let deep = kind.starts_with(b"deep") || (!multipart && version & FLAG_DEEP != 0);
    let tiled = if multipart { kind == b"tiledimage" } else { version & FLAG_TILED != 0 };
    let tiles = if tiled { Some(tiles(need("tiles", "tiledesc")?)?) } else { None };
    let chunk_count = match get("chunkCount", "int").map(|v| Cursor(v).i32()).transpose()? {
        Some(count) => Some(u64::try_from(count).map_err(|_| format!("attribute \"chunkCount\" is {count}"))?),
        None => None,
    };
    Ok(Part { channels, compression, data_window, line_order, tiles, deep, chunk_count, attributes })
}

/// A `box2i`.
fn window(value: &[u8]) -> Result<Window, String> {
    let mut cursor = Cursor(value);
    Ok(Window { min: [cursor.i32()?, cursor.i32()?], max: [cursor.i32()?, cursor.i32()?] })
}

/// The `tiles` attribute: width, height, mode byte (low nibble: levels, high nibble: rounding).
fn tiles(value: &[u8]) -> Result<Tiles, String> {
    let mut cursor = Cursor(value);
    let size = [cursor.u32()?, cursor.u32()?];
    let mode = cursor.array::<1>()?[0];
    if size.iter().any(|&s| s == 0 || s > i32::MAX as u32) || mode & 15 > 2 {
        return Err(format!("tiles of {}x{} pixels, mode {mode}, are not allowed", size[0], size[1]));
    }
    Ok(Tiles { size, levels: mode & 15 != 0 })
}

/// The `channels` attribute.
fn channels(value: &[u8]) -> Result<Vec<Channel>, String> {
    let mut cursor = Cursor(value);
    let mut list = Vec::new();
    loop {
        let name = cursor.name()?;
        if name.is_empty() {
            break;
        }
        let sample = match cursor.i32()? {
            0 => Sample::U32,
            1 => Sample::F16,
            2 => Sample::F32,
            other => return Err(format!("sample type {other} of a channel is not known")),
        };
        let linear = cursor.array::<4>()?[0] != 0;
        list.push(Channel { name, sample, linear, sampling: [cursor.i32()?, cursor.i32()?] });
    }
    if list.is_empty() { Err("the channel list is empty".into()) } else { Ok(list) }
}

fn find<'a>(attributes: &'a [Attribute], name: &str, kind: &str) -> Option<&'a [u8]> {
    attributes.iter().find(|a| a.name == name.as_bytes() && a.kind == kind.as_bytes()).map(|a| &*a.value)
}

/// The file from its start, with what may be read.
struct Input<'a> {
    reader: BufReader<&'a File>,
    at: u64,
    file_len: u64,
    max_bytes: u64,
}

impl Input<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut buffer = [0; N];
        self.charge(N as u64)?;
        self.reader.read_exact(&mut buffer).map_err(|e| format!("the EXR header cannot be read: {e}"))?;
        Ok(buffer)
    }

    /// `size` was compared with the file's length before the allocation.
    fn bytes(&mut self, size: u64) -> Result<Vec<u8>, String> {
        self.charge(size)?;
        let mut buffer = vec![0; usize::try_from(size).map_err(|e| e.to_string())?];
        self.reader.read_exact(&mut buffer).map_err(|e| format!("the EXR header cannot be read: {e}"))?;
        Ok(buffer)
    }

    fn name(&mut self) -> Result<Vec<u8>, String> {
        let mut name = Vec::new();
        loop {
            match self.array::<1>()? {
                [0] => return Ok(name),
                [byte] if name.len() < 255 => name.push(byte),
                _ => return Err("a name in the EXR header has more than 255 bytes".into()),
            }
        }
    }

    fn charge(&mut self, bytes: u64) -> Result<(), String> {
        self.at = self.at.saturating_add(bytes);
        if self.at > self.file_len {
            return Err("truncated in the EXR header".into());
        }
        if self.at > self.max_bytes {
            return Err(format!("an EXR header of more than {} bytes, the limit", self.max_bytes));
        }
        Ok(())
    }
}

/// Little-endian values from a slice.
pub struct Cursor<'a>(pub &'a [u8]);

impl Cursor<'_> {
    /// The next `N` bytes.
    ///
    /// # Errors
    /// A sentence when they are not there.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (head, tail) = self.0.split_first_chunk::<N>().ok_or("an attribute of the EXR header is too short")?;
        self.0 = tail;
        Ok(*head)
    }

    /// The next four bytes, unsigned.
    ///
    /// # Errors
    /// A sentence when they are not there.
    pub fn u32(&mut self) -> Result<u32, String> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// The next four bytes, signed.
    ///
    /// # Errors
    /// A sentence when they are not there.
    pub fn i32(&mut self) -> Result<i32, String> {
        Ok(i32::from_le_bytes(self.array()?))
    }

    fn name(&mut self) -> Result<Vec<u8>, String> {
        let end = self.0.iter().position(|&b| b == 0).ok_or("a channel name of the EXR header has no end")?;
        let name = self.0.get(..end).unwrap_or_default().to_vec();
        self.0 = self.0.get(end + 1..).unwrap_or_default();
        Ok(name)
    }
}
