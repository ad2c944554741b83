//! The LZW encoder (TIFF 6.0 section 13), the counterpart of [`super::lzw`].
//!
//! The strings are a tree, and one small hash table holds its branches: (code of the string so far, next byte) to the code of the longer
//! string. It is emptied as the standard asks for, when code 4094 is given, so no more than half of it is ever in use.

/// Code that empties the table.
const CLEAR: u32 = 256;
/// Code that ends the data.
const END: u32 = 257;
/// The entry behind which the table is emptied (TIFF 6.0 section 13: "as soon as we add table entry 4094").
const LAST: u32 = 4094;
/// Bits of an index of the hash table.
const TABLE_BITS: u32 = 13;
/// A place of the hash table that holds nothing: no branch has code 0.
const FREE: u32 = 0;

/// Working space that is reused from call to call.
pub(super) struct Encoder {
    /// Branches: code of the string, next byte, code of the longer string (12, 8 and 12 bits).
    table: Box<[u32; 1 << TABLE_BITS]>,
}

/// What the table has for a branch: the code it leads to, or the place where it belongs.
enum Found {
    Code(u32),
    Free(usize),
}

impl Default for Encoder {
    fn default() -> Self {
        Self { table: Box::new([FREE; 1 << TABLE_BITS]) }
    }
}

impl Encoder {
    /// Encodes `data`; the bytes depend on it alone.
    pub(super) fn encode(&mut self, data: &[u8]) -> Vec<u8> {
        // A code of at most 12 bits for each byte, and some CLEAR.
        let mut bits =
            Bits { out: vec![0; data.len() + data.len() / 2 + data.len() / 1024 + 32], at: 0, buffer: 0, count: 0 };
        bits.put(CLEAR, 9);
        let (mut width, mut next) = (9, END + 1);
        self.table.fill(FREE);
        let Some((first, rest)) = data.split_first() else {
            bits.put(END, width);
            return bits.finish();
        };
        let mut string = u32::from(*first);
        for byte in rest {
            let branch = string << 8 | u32::from(*byte);
            match self.find(branch) {
                Found::Code(code) => string = code,
                Found::Free(place) => {
                    bits.put(string, width);
                    string = u32::from(*byte);
                    if next == LAST {
                        bits.put(CLEAR, width);
                        (width, next) = (9, END + 1);
                        self.table.fill(FREE);
                        continue;
                    }
                    self.table[place] = branch << 12 | next;
                    next += 1;
                    width += next >> width;
                }
            }
        }
        bits.put(string, width);
        // The reader has made one more entry by now.
        width = (width + ((next + 1) >> width)).min(12);
        bits.put(END, width);
        bits.finish()
    }

    #[inline(always)]
    fn find(&self, branch: u32) -> Found {
        // 2^32 over the golden ratio (D. Knuth, The Art of Computer Programming 3, 6.4).
        let mut place = (branch.wrapping_mul(0x9e37_79b1) >> (32 - TABLE_BITS)) as usize;
        loop {
            let entry = self.table[place];
            if entry == FREE {
                return Found::Free(place);
            }
            if entry >> 12 == branch {
                return Found::Code(entry & 0xfff);
            }
            place = (place + 1) % (1 << TABLE_BITS);
        }
    }
}

/// Codes on their way out, most significant bit first.
struct Bits {
    out: Vec<u8>,
    at: usize,
    /// Bits that wait, lowest last; fewer than 32 between calls.
    buffer: u64,
    count: u32,
}

impl Bits {
    #[inline(always)]
    fn put(&mut self, code: u32, width: u32) {
        self.buffer = self.buffer << width | u64::from(code);
        self.count += width;
        if self.count >= 32 {
            self.count -= 32;
            let word = (self.buffer >> self.count) as u32;
            if let Some(place) = self.out.get_mut(self.at..self.at + 4) {
                place.copy_from_slice(&word.to_be_bytes());
            }
            self.at += 4;
        }
    }

    fn finish(mut self) -> Vec<u8> {
        // With nothing left to write there is nothing to shift.
        let word = self.buffer.checked_shl(64 - self.count).unwrap_or(0).to_be_bytes();
        let bytes = self.count.div_ceil(8) as usize;
        self.out.truncate(self.at);
        self.out.extend_from_slice(&word[..bytes]);
        // It was made for the worst case, and may wait for a while.
        self.out.shrink_to_fit();
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::tiff::lzw;

    #[test]
    fn other_decoders_read_what_is_written() {
        let mut state = 1u32;
        let mut noise = |length: usize, values: u32| -> Vec<u8> {
            let mut step = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 16) % values
            };
            (0..length).map(|_| step() as u8).collect()
        };
        let mut cases = vec![vec![], vec![7], vec![0; 9_000_000], b"TOBEORNOTTOBEORTOBEORNOT".repeat(999)];
        // 32 codes of nine bits end with a word.
        cases.push((0..30).collect());
        cases.extend([2, 3, 16, 200, 256].map(|values| noise(70_001, values)));
        // Ends at every code around a change of the width and around CLEAR; noise of all bytes makes about one code a byte.
        cases.extend((250..262).chain(3820..3850).map(|length| noise(length, 256)));
        let mut encoder = Encoder::default();
        for data in cases {
            let raw = encoder.encode(&data);
            let mut out = vec![1; data.len()];
            assert_eq!(lzw::decode(&raw, &mut out), Ok(data.len()));
            assert!(out == data, "{} bytes by our decoder", data.len());
            let mut decoder = weezl::decode::Decoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8);
            let read = decoder.decode(&raw).unwrap();
            assert!(read == data, "{} bytes by weezl", data.len());
            assert!(decoder.has_ended(), "END is where it belongs, {} bytes", data.len());
        }
    }
}
