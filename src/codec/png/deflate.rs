//! zlib streams (RFC 1950, 1951): limited inflating, and deflating of independent blocks that are joined to one stream.
//!
//! A block is deflated without knowledge of the one before and ends on a byte boundary (an empty stored block, "sync flush"), so
//! blocks can be made in parallel and put behind each other; Adler-32 of the whole is combined from those of the blocks.

use std::io::Read;

use flate2::{Compress, Compression, FlushCompress, Status};

/// zlib header: 32 KiB window, no dictionary, check bits (RFC 1950, 2.2).
pub const ZLIB_HEADER: [u8; 2] = [0x78, 0x01];

/// Modulus of Adler-32 (RFC 1950, 8.2).
const BASE: u32 = 65_521;

/// Inflates a zlib stream to at most `max_bytes`.
///
/// # Errors
/// The end of a sentence: "is damaged", "is larger than ...".
pub fn inflate(packed: &[u8], max_bytes: u64) -> Result<Vec<u8>, String> {
    let mut data = Vec::new();
    let mut reader = flate2::read::ZlibDecoder::new(packed).take(max_bytes.saturating_add(1));
    reader.read_to_end(&mut data).map_err(|e| format!("is damaged: {e}"))?;
    if data.len() as u64 > max_bytes { Err(format!("is larger than {max_bytes} bytes")) } else { Ok(data) }
}

/// Deflates one block; the last one of a stream ends it.
///
/// # Errors
/// The library's message; it has none for memory to memory.
pub fn block(data: &[u8], level: Compression, last: bool) -> Result<Vec<u8>, String> {
    let mut compress = Compress::new(level, false);
    let mut packed = Vec::with_capacity(data.len() / 2 + 1024);
    let flush = if last { FlushCompress::Finish } else { FlushCompress::Sync };
    loop {
        let rest = data.get(compress.total_in() as usize..).unwrap_or_default();
        let status = compress.compress_vec(rest, &mut packed, flush).map_err(|e| e.to_string())?;
        let all_in = compress.total_in() as usize == data.len();
        // Room left over after a sync flush means that the flush is complete (zlib manual, "deflate").
        if status == Status::StreamEnd || (!last && all_in && packed.len() < packed.capacity()) {
            return Ok(packed);
        }
        packed.reserve(packed.capacity().max(64));
    }
}

/// Adler-32 of `data`.
pub fn adler32(data: &[u8]) -> u32 {
    // 5552 bytes are the most that cannot overflow 32 bits between two reductions (zlib, adler32.c, NMAX).
    let (mut a, mut b) = (1u32, 0u32);
    for run in data.chunks(5552) {
        for &byte in run {
            a += u32::from(byte);
            b += a;
        }
        a %= BASE;
        b %= BASE;
    }
    b << 16 | a
}

/// Adler-32 of a stream with sum `first` followed by `len` bytes with sum `second`.
pub fn adler32_combine(first: u32, second: u32, len: u64) -> u32 {
    let (a1, b1) = (first & 0xffff, first >> 16);
    let (a2, b2) = (second & 0xffff, second >> 16);
    let len = (len % u64::from(BASE)) as u32;
    let a = (a1 + a2 + BASE - 1) % BASE;
    // Every byte of the second part adds a1 - 1 more to b than it would alone.
    let extra = u64::from(len) * u64::from((a1 + BASE - 1) % BASE) % u64::from(BASE);
    let b = (b1 + b2 + extra as u32) % BASE;
    b << 16 | a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adler_of_wikipedia() {
        // The worked example of RFC 1950 readers: "Wikipedia" has 0x11E60398.
        assert_eq!(adler32(b"Wikipedia"), 0x11E6_0398);
        assert_eq!(adler32_combine(adler32(b"Wiki"), adler32(b"pedia"), 5), 0x11E6_0398);
    }

    #[test]
    fn blocks_join_to_one_stream() {
        let data: Vec<u8> = (0..300_000u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect();
        for level in [Compression::none(), Compression::fast(), Compression::best()] {
            let mut stream = ZLIB_HEADER.to_vec();
            let mut sum = 1;
            let parts: Vec<&[u8]> = data.chunks(70_001).collect();
            for (i, part) in parts.iter().enumerate() {
                stream.extend(block(part, level, i + 1 == parts.len()).unwrap());
                sum = adler32_combine(sum, adler32(part), part.len() as u64);
            }
            stream.extend(sum.to_be_bytes());
            assert_eq!(inflate(&stream, 1 << 20).unwrap(), data);
            assert!(inflate(&stream, 299_999).is_err());
        }
    }
}
