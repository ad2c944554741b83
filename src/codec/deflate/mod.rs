//! Deflate (RFC 1951) and zlib streams (RFC 1950) of pixels, for every format that has them.
//!
//! * reading: libdeflate, which is given the whole stream and the whole room; what it refuses (data cut off, more data than room, damage) is
//!   left to a streaming decoder, which takes what there is or says what is wrong
//! * writing: our own encoder, see [`encode`]: its blocks join to one stream, so that one picture can be compressed by several threads
//!
//! See `docs/decisions/2026-11-20-deflate.md` for the figures.

mod encode;
mod huffman;

pub(super) use encode::{Encoder, store};

/// zlib header: 32 KiB window, no dictionary, fastest level, check bits (RFC 1950, 2.2).
pub(super) const ZLIB_HEADER: [u8; 2] = [0x78, 0x01];

/// Modulus of Adler-32 (RFC 1950, 8.2).
const BASE: u32 = 65_521;

/// Inflates a zlib stream into `out` until it is full or the data ends; returns the bytes written. Nothing is allocated for what the data claims.
///
/// # Errors
/// A sentence when the data is damaged.
pub(super) fn inflate(packed: &[u8], out: &mut [u8]) -> Result<usize, String> {
    if let Ok(written) = libdeflater::Decompressor::new().zlib_decompress(packed, out) {
        return Ok(written);
    }
    let mut inflater = flate2::Decompress::new(true);
    // A full output is success here even if the stream has more; too little output is the caller's finding.
    inflater
        .decompress(packed, out, flate2::FlushDecompress::Finish)
        .map_err(|error| format!("damaged Deflate data ({error})"))?;
    Ok(inflater.total_out() as usize)
}

/// `data` as a zlib stream.
pub(super) fn zlib(data: &[u8], encoder: &mut Encoder) -> Vec<u8> {
    let mut packed = Vec::with_capacity(data.len());
    packed.extend(ZLIB_HEADER);
    encoder.encode(data, true, &mut packed);
    packed.extend(adler32(data).to_be_bytes());
    packed
}

/// Adler-32 of `data` (RFC 1950, 8.2).
pub(super) fn adler32(data: &[u8]) -> u32 {
    libdeflater::adler32(data)
}

/// Adler-32 of a stream with sum `first` followed by `len` bytes with sum `second`.
pub(super) fn adler32_combine(first: u32, second: u32, len: u64) -> u32 {
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
    use std::io::Read;

    use super::*;

    /// Noise of `values` values, from a fixed seed (Marsaglia's xorshift).
    fn noise(length: usize, values: u32) -> Vec<u8> {
        let mut state = 0x9e37_79b9u32;
        let mut step = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state >> 8) % values
        };
        (0..length).map(|_| step() as u8).collect()
    }

    fn cases() -> Vec<Vec<u8>> {
        let mut cases = vec![vec![], vec![7], vec![0; 300_000], b"TOBEORNOTTOBEORTOBEORNOT".repeat(9999)];
        cases.extend([1, 2, 3, 5, 8, 9, 255, 259, 65_535, 65_536, 65_537, 70_001].map(|length| noise(length, 256)));
        cases.extend([2, 3, 16, 200].map(|values| noise(140_001, values)));
        // Repetitions of every length, and from every distance.
        let base = noise(40_000, 256);
        let mut repeats = base.clone();
        for length in 3..600 {
            repeats.extend_from_slice(&base[length * 60..length * 61]);
            repeats.extend_from_within(repeats.len() - 32_768..repeats.len() - 32_768 + length);
            repeats.push(length as u8);
        }
        cases.push(repeats);
        cases
    }

    #[test]
    fn every_decoder_reads_what_is_written() {
        let mut encoder = Encoder::default();
        for data in cases() {
            let packed = zlib(&data, &mut encoder);
            assert!(packed == zlib(&data, &mut Encoder::default()), "earlier calls leave no trace");
            let mut out = vec![1; data.len()];
            assert_eq!(inflate(&packed, &mut out), Ok(data.len()));
            assert!(out == data, "{} bytes by libdeflate", data.len());
            let mut streamed = Vec::new();
            flate2::read::ZlibDecoder::new(&packed[..]).read_to_end(&mut streamed).unwrap();
            assert!(streamed == data, "{} bytes by zlib-rs", data.len());
            // Stored blocks take 5 bytes for 65 535, and there is one more at the end.
            assert!(packed.len() <= data.len() + data.len() / 8192 + 32, "{} of {}", packed.len(), data.len());
        }
    }

    #[test]
    fn repetitions_and_rare_values_are_used() {
        let mut encoder = Encoder::default();
        assert!(zlib(&vec![0; 1 << 20], &mut encoder).len() < 8 << 10, "flat");
        assert!(zlib(&b"0123456789".repeat(10_000), &mut encoder).len() < 2_000, "periodic");
        let sparse = noise(1 << 18, 16);
        assert!(zlib(&sparse, &mut encoder).len() < sparse.len() * 53 / 100, "four bits each");
    }

    #[test]
    fn too_little_and_too_much_are_told_apart() {
        let data = noise(50_000, 99);
        let packed = zlib(&data, &mut Encoder::default());
        let mut out = vec![0; 50_010];
        assert_eq!(inflate(&packed, &mut out), Ok(50_000));
        let mut half = vec![0; 25_000];
        assert_eq!(inflate(&packed, &mut half), Ok(25_000), "the rest is not wanted");
        assert!(half == data[..25_000]);
        let cut = inflate(&packed[..packed.len() / 2], &mut out).unwrap();
        assert!(cut < 50_000 && out[..cut] == data[..cut]);
        // A checksum that is missing is no loss of pixels; a wrong one is damage.
        assert_eq!(inflate(&packed[..packed.len() - 4], &mut out[..50_000]), Ok(50_000));
        for at in (0..packed.len()).step_by(97) {
            let mut bad = packed.clone();
            bad[at] ^= 0x10;
            let _ = inflate(&bad, &mut out);
        }
        let mut bad = packed.clone();
        *bad.last_mut().unwrap() ^= 1;
        assert!(inflate(&bad, &mut out).is_err());
    }

    #[test]
    fn blocks_join_to_one_stream() {
        let data: Vec<u8> = (0..300_000u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect();
        let (mut stream, mut sum, mut encoder) = (ZLIB_HEADER.to_vec(), 1, Encoder::default());
        let parts: Vec<&[u8]> = data.chunks(70_001).collect();
        for (i, part) in parts.iter().enumerate() {
            let last = i + 1 == parts.len();
            if i == 1 {
                store(part, last, &mut stream)
            } else {
                encoder.encode(part, last, &mut stream)
            }
            sum = adler32_combine(sum, adler32(part), part.len() as u64);
        }
        stream.extend(sum.to_be_bytes());
        assert_eq!(sum, adler32(&data));
        let mut out = vec![0; data.len()];
        assert_eq!(inflate(&stream, &mut out), Ok(data.len()));
        assert!(out == data);
    }

    #[test]
    fn adler_of_wikipedia() {
        // The worked example of RFC 1950 readers: "Wikipedia" has 0x11E60398.
        assert_eq!(adler32(b"Wikipedia"), 0x11E6_0398);
        assert_eq!(adler32_combine(adler32(b"Wiki"), adler32(b"pedia"), 5), 0x11E6_0398);
    }
}
