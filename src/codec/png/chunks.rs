//! Chunks: `length:u32 type:[u8;4] data crc:u32`, big-endian (PNG specification, clause 5).

use std::fs::File;
use std::io::{BufReader, Read};

/// First bytes of every PNG file.
pub const SIGNATURE: [u8; 8] = [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a];

/// One chunk that is not pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Type, e.g. `iCCP`.
    pub kind: [u8; 4],
    /// Data.
    pub data: Vec<u8>,
}

/// Types whose data are kept; all others are only stepped over.
const WANTED: [[u8; 4]; 14] = [
    *b"IHDR", *b"PLTE", *b"tRNS", *b"iCCP", *b"sRGB", *b"gAMA", *b"cHRM", *b"cICP", *b"eXIf", *b"pHYs", *b"tEXt",
    *b"zTXt", *b"iTXt", *b"acTL",
];

/// Types that a picture is whole without.
const OPTIONAL: [[u8; 4]; 4] = [*b"eXIf", *b"tEXt", *b"zTXt", *b"iTXt"];

/// Warnings that are worth keeping of one file.
const MOST_WARNINGS: usize = 16;

/// Reads all chunks but the pixels, and checks that the file is whole: every chunk inside it, `IHDR` first, `IDAT`, `IEND` last.
///
/// At most `max_bytes` of data are kept per chunk and in all; texts and EXIF beyond that are left out, with a sentence each in the
/// second list.
///
/// # Errors
/// A sentence, without the file's name.
pub fn read(file: &File, file_len: u64, max_bytes: u64) -> Result<(Vec<Chunk>, Vec<String>), String> {
    let mut reader = BufReader::with_capacity(4096, file);
    let mut at = 8u64;
    let mut kept = 0u64;
    let mut pixels = false;
    let mut list: Vec<Chunk> = Vec::new();
    let mut warnings = Vec::new();
    let io = |e: std::io::Error| format!("cannot be read: {e}");
    if exact::<8>(&mut reader)? != SIGNATURE {
        return Err("not a PNG file".into());
    }
    loop {
        if at + 12 > file_len {
            return Err("truncated: the end chunk is missing".into());
        }
        let [a, b, c, d, kind @ ..] = exact::<8>(&mut reader)?;
        let len = u32::from_be_bytes([a, b, c, d]);
        let name = String::from_utf8_lossy(&kind).escape_default().to_string();
        if len > i32::MAX as u32 || at + 12 + u64::from(len) > file_len {
            return Err(format!("truncated: a chunk {name} of {len} bytes reaches beyond the end"));
        }
        if list.is_empty() && kind != *b"IHDR" {
            return Err(format!("the first chunk is {name} instead of IHDR"));
        }
        let too_much = kept + u64::from(len) > max_bytes;
        if too_much && OPTIONAL.contains(&kind) {
            if warnings.len() < MOST_WARNINGS {
                warnings.push(format!(
                    "a chunk {name} of {len} bytes is left out: the limit of metadata is {max_bytes} bytes"
                ));
            }
            reader.seek_relative(i64::from(len) + 4).map_err(io)?;
        } else if WANTED.contains(&kind) {
            kept += u64::from(len);
            if kept > max_bytes {
                return Err(format!("metadata of more than {max_bytes} bytes, the limit"));
            }
            let mut data = vec![0; len as usize];
            reader.read_exact(&mut data).map_err(io)?;
            if u32::from_be_bytes(exact(&mut reader)?) != crc(&[&kind, &data]) {
                return Err(format!("chunk {name} is damaged (checksum)"));
            }
            list.push(Chunk { kind, data });
        } else {
            pixels |= kind == *b"IDAT";
            reader.seek_relative(i64::from(len) + 4).map_err(io)?;
        }
        at += 12 + u64::from(len);
        if kind == *b"IEND" {
            break;
        }
    }
    if pixels { Ok((list, warnings)) } else { Err("it holds no pixels (no IDAT chunk)".into()) }
}

/// A chunk as the file holds it.
pub fn frame(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(data.len() + 12);
    bytes.extend_from_slice(&u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend_from_slice(kind);
    bytes.extend_from_slice(data);
    bytes.extend_from_slice(&crc(&[kind, data]).to_be_bytes());
    bytes
}

/// CRC-32 of the concatenation (clause 5.5).
fn crc(parts: &[&[u8]]) -> u32 {
    let mut crc = flate2::Crc::new();
    for part in parts {
        crc.update(part);
    }
    crc.sum()
}

fn exact<const N: usize>(reader: &mut impl Read) -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes).map_err(|e| format!("truncated: {e}"))?;
    Ok(bytes)
}
