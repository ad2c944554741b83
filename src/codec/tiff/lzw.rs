//! LZW as TIFF writes it (TIFF 6.0 section 13): codes of 9 to 12 bits, most significant bit first, widened one code early.
//!
//! Strings of up to 8 bytes, nearly all of them in photographs, are kept in a register's width and written in one store whatever their length, which
//! leaves the processor nothing to guess. Longer ones have already been written once, so the table says *where* they lie in the
//! output: a new entry is the string before, one byte longer.

/// Code that empties the table.
const CLEAR: usize = 256;
/// Code that ends the data.
const END: usize = 257;
/// Codes of at most 12 bits.
const CODES: usize = 4096;
/// Bytes of a string that the table holds itself.
const HEAD: usize = 8;

/// The strings behind the codes.
struct Table {
    /// The first bytes, the very first lowest; zeros beyond the length.
    head: [u64; CODES],
    length: [u16; CODES],
    /// Where the whole string lies in the output; unset for the single bytes.
    at: [u32; CODES],
}

impl Table {
    fn new() -> Self {
        let mut table = Self { head: [0; CODES], length: [0; CODES], at: [0; CODES] };
        for byte in 0..CLEAR {
            (table.head[byte], table.length[byte]) = (byte as u64, 1);
        }
        table
    }
}

/// A string that was written.
#[derive(Clone, Copy)]
struct Written {
    head: u64,
    length: usize,
    at: usize,
}

impl Written {
    /// The head of this string with the first byte of `next` behind it.
    #[inline(always)]
    fn head_with(self, next: u64) -> u64 {
        let added = if self.length < HEAD { (next & 0xff) << (8 * self.length) } else { 0 };
        self.head | added
    }
}

/// Decodes into `out` until it is full or the data ends; returns the bytes written.
///
/// # Errors
/// A code that the table does not have yet.
pub(super) fn decode(raw: &[u8], out: &mut [u8]) -> Result<usize, &'static str> {
    let mut table = Table::new();
    let mut bits = Bits { raw, at: 0, buffer: 0, count: 0 };
    let (mut width, mut next) = (9, END + 1);
    // Length 0 right after the start and after CLEAR.
    let mut before = Written { head: 0, length: 0, at: 0 };
    let mut at = 0;
    while at < out.len() {
        let Some(code) = bits.take(width) else { return Ok(at) };
        if code == CLEAR {
            (width, next, before.length) = (9, END + 1, 0);
            continue;
        }
        if code == END {
            return Ok(at);
        }
        let now = if code < next {
            Written { head: table.head[code], length: table.length[code].into(), at: table.at[code] as usize }
        } else if code == next && before.length > 0 {
            // The very entry that this code makes: the string before and its own first byte ("KwKwK").
            Written { head: before.head_with(before.head), length: before.length + 1, at: before.at }
        } else {
            return Err("invalid LZW code");
        };
        if before.length > 0 && next < CODES {
            table.head[next] = before.head_with(now.head);
            table.length[next] = before.length as u16 + 1;
            table.at[next] = before.at as u32;
            next += 1;
            if next + 1 >= 1 << width && width < 12 {
                width += 1;
            }
        }
        let length = match out.get_mut(at..at + HEAD) {
            Some(place) if now.length <= HEAD => {
                // Zeros behind a shorter string are overwritten by what follows.
                place.copy_from_slice(&now.head.to_le_bytes());
                now.length
            }
            _ => put(out, at, now),
        };
        before = Written { length, at, ..now };
        at += length;
    }
    Ok(at)
}

/// Writes a long string, or a short one at the end of `out`, as far as there is room; returns the bytes written.
#[cold]
fn put(out: &mut [u8], at: usize, string: Written) -> usize {
    let length = string.length.min(out.len() - at);
    if length <= HEAD {
        out[at..at + length].copy_from_slice(&string.head.to_le_bytes()[..length]);
    } else if string.at + length <= at {
        out.copy_within(string.at..string.at + length, at);
    } else {
        // First to last, so that the copy may read what it has just written.
        for i in 0..length {
            out[at + i] = out[string.at + i];
        }
    }
    length
}

/// Bits from the most significant on.
struct Bits<'a> {
    raw: &'a [u8],
    at: usize,
    /// The next bits, left-aligned.
    buffer: u64,
    count: u32,
}

impl Bits<'_> {
    /// The next `width` (at most 12) bits; `None` when the data does not have them.
    #[inline(always)]
    fn take(&mut self, width: u32) -> Option<usize> {
        if self.count < width {
            if let Some(word) = self.raw.get(self.at..self.at + 8).and_then(|word| <[u8; 8]>::try_from(word).ok()) {
                self.buffer |= u64::from_be_bytes(word) >> self.count;
                let bytes = (63 - self.count) / 8;
                self.at += bytes as usize;
                self.count += bytes * 8;
            } else {
                while self.count <= 56 && self.at < self.raw.len() {
                    self.buffer |= u64::from(self.raw[self.at]) << (56 - self.count);
                    self.at += 1;
                    self.count += 8;
                }
                if self.count < width {
                    return None;
                }
            }
        }
        let code = self.buffer >> (64 - width);
        self.buffer <<= width;
        self.count -= width;
        Some(code as usize)
    }
}

/// The LZW of old writers (before TIFF 5.0's final text): least significant bit first, widened on time. Like libtiff, told apart
/// by the first code: CLEAR read from either end.
pub(super) fn is_old_style(raw: &[u8]) -> bool {
    matches!(raw, [0, second, ..] if second & 1 == 1)
}

/// Decodes the old style; see [`decode`].
///
/// # Errors
/// As [`decode`].
pub(super) fn decode_old_style(raw: &[u8], out: &mut [u8]) -> Result<usize, &'static str> {
    let mut decoder = weezl::decode::Decoder::new(weezl::BitOrder::Lsb, 8);
    let (mut read, mut written) = (0, 0);
    while written < out.len() {
        let step = decoder.decode_bytes(&raw[read..], &mut out[written..]);
        read += step.consumed_in;
        written += step.consumed_out;
        match step.status {
            Ok(weezl::LzwStatus::Ok) if step.consumed_in + step.consumed_out > 0 => {}
            Ok(_) => break,
            Err(_) => return Err("invalid LZW code"),
        }
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(data: &[u8]) -> Vec<u8> {
        weezl::encode::Encoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8).encode(data).unwrap()
    }

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

    #[test]
    fn what_another_encoder_writes_is_read() {
        let mut cases = vec![vec![], vec![7], vec![0; 100_000], b"TOBEORNOTTOBEORTOBEORNOT".repeat(999)];
        cases.extend([2, 3, 16, 200, 256].map(|values| noise(70_001, values)));
        for data in cases {
            let raw = encode(&data);
            let mut out = vec![1; data.len()];
            assert_eq!(decode(&raw, &mut out), Ok(data.len()));
            assert!(out == data, "{} bytes", data.len());
            let mut half = vec![1; data.len() / 2];
            assert_eq!(decode(&raw, &mut half), Ok(half.len()));
            assert!(half == data[..half.len()]);
        }
    }

    #[test]
    fn old_style_is_told_apart_and_read() {
        let data = noise(50_000, 9);
        let raw = weezl::encode::Encoder::new(weezl::BitOrder::Lsb, 8).encode(&data).unwrap();
        assert!(is_old_style(&raw) && !is_old_style(&encode(&data)));
        let mut out = vec![0; data.len()];
        assert_eq!(decode_old_style(&raw, &mut out), Ok(data.len()));
        assert!(out == data);
    }

    #[test]
    fn damage_is_an_error_or_other_data() {
        let raw = encode(&noise(3000, 5));
        for at in 0..raw.len() * 8 {
            let mut bad = raw.clone();
            bad[at / 8] ^= 1 << (at % 8);
            let mut out = vec![0; 3000];
            let _ = decode(&bad, &mut out);
            let _ = decode_old_style(&bad, &mut out);
        }
        for cut in 0..raw.len() {
            let mut out = vec![0; 3000];
            assert!(decode(&raw[..cut], &mut out).is_ok_and(|written| written < 3000 || cut + 2 >= raw.len()));
        }
    }
}
