//! LZW as TIFF writes it (TIFF 6.0 section 13): codes of 9 to 12 bits, most significant bit first, widened one code early.
//!
//! Every string of the table has already been written once, so the table holds only *where* and *how long*: a new entry is the string before,
//! one byte longer, as it lies in the output. Decoding a code is one copy inside the output, in place of a walk through linked prefixes;
//! measured against the `weezl` crate this halves the time on photographs.

/// Code that empties the table.
const CLEAR: usize = 256;
/// Code that ends the data.
const END: usize = 257;
/// Codes of at most 12 bits.
const CODES: usize = 4096;
/// Length of a block that is copied at once.
const BLOCK: usize = 16;

/// Decodes into `out` until it is full or the data ends; returns the bytes written.
///
/// # Errors
/// A code that the table does not have yet.
pub(super) fn decode(raw: &[u8], out: &mut [u8]) -> Result<usize, &'static str> {
    let mut table = [(0u32, 0u32); CODES];
    let mut bits = Bits { raw, at: 0, buffer: 0, count: 0 };
    let (mut width, mut next) = (9, END + 1);
    // Where the string before lies; length 0 right after the start and after CLEAR.
    let (mut before, mut before_length) = (0usize, 0usize);
    let mut at = 0;
    while at < out.len() {
        let Some(code) = bits.take(width) else { return Ok(at) };
        if code == CLEAR {
            (width, next, before_length) = (9, END + 1, 0);
            continue;
        }
        if code == END {
            return Ok(at);
        }
        // Entered before the lookup, so that a code for the very entry being made ("KwKwK") is found: its last byte is the first of this copy.
        if before_length > 0 && next < CODES {
            table[next] = (before as u32, before_length as u32 + 1);
            next += 1;
            if next + 1 >= 1 << width && width < 12 {
                width += 1;
            }
        }
        let length = if code < CLEAR {
            out[at] = code as u8;
            1
        } else if code < next {
            let (from, length) = table[code];
            let length = (length as usize).min(out.len() - at);
            copy(out, from as usize, at, length);
            length
        } else {
            return Err("invalid LZW code");
        };
        (before, before_length) = (at, length);
        at += length;
    }
    Ok(at)
}

/// Copies `length` bytes from `from` to `at` inside `out`, first to last, so that the copy may read what it has just written.
#[inline(always)]
fn copy(out: &mut [u8], from: usize, at: usize, length: usize) {
    if from + BLOCK <= at && at + BLOCK <= out.len() && length <= BLOCK {
        // Short strings are the rule: one block of fixed size, of which the surplus is overwritten by what follows.
        let mut block = [0; BLOCK];
        block.copy_from_slice(&out[from..from + BLOCK]);
        out[at..at + BLOCK].copy_from_slice(&block);
    } else if from + length <= at {
        out.copy_within(from..from + length, at);
    } else {
        for i in 0..length {
            out[at + i] = out[from + i];
        }
    }
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
