//! Deflate (RFC 1951) for pixels, at the speed of memory rather than for the last byte.
//!
//! After a predictor a photograph is noise of little amplitude: nearly all there is to gain lies in the Huffman codes, and searching for
//! repetitions, which is what encoders spend their time on, gains one percent. So this one asks a small table once for each place, strides
//! faster the longer it finds nothing, and codes the bytes between two repetitions in long runs. Flat areas, renderings and depth maps
//! repeat themselves and are found at once.
//!
//! The output depends on the input alone.

use super::huffman::{Code, codes, lengths};

/// Input bytes under one set of Huffman codes.
const BLOCK: usize = 64 << 10;

/// Input bytes that are looked through at once; places are 32-bit numbers.
const SEGMENT: usize = 1 << 28;

/// Bits of a table index: 16 KiB stay in the first-level cache.
const TABLE_BITS: u32 = 12;

/// A place so far away that it is never in reach.
const NOWHERE: u32 = 1 << 31;

/// How far back a repetition may lie, and how long it may be (RFC 1951, 3.2.5).
const REACH: u32 = 32 << 10;
const LONGEST: usize = 258;

/// Bytes that are compared in one step.
const WORD: usize = 8;

/// Shorter repetitions gain a few percent on some photographs, for half the speed: each one that is found breaks the stride.
const SHORTEST: usize = 6;

/// Shift of the distance to the last repetition that gives the stride.
const PATIENCE: u32 = 7;

/// Longest codes of literals and lengths: 12 bits instead of 15 cost 0.1 % and keep decoders within their first table; four fit in a write.
const LONGEST_LITERAL: usize = 12;
const LONGEST_DISTANCE: usize = 12;

/// Symbol that ends a block.
const END: usize = 256;

/// Bytes as they are, then a repetition.
#[derive(Clone, Copy)]
struct Sequence {
    literals: u32,
    length: u16,
    distance: u16,
}

/// Working space (16 KiB and what a block has) that is reused from call to call.
pub(crate) struct Encoder {
    /// Where bytes with this hash were last seen.
    table: Box<[u32; 1 << TABLE_BITS]>,
    sequences: Vec<Sequence>,
}

/// Appends `data` as stored blocks, uncompressed; with `last` the stream ends.
pub(crate) fn store(data: &[u8], last: bool, out: &mut Vec<u8>) {
    let mut bits = Bits { at: out.len(), out, buffer: 0, count: 0 };
    bits.stored(data, last);
    let at = bits.at;
    out.truncate(at);
}

impl Default for Encoder {
    fn default() -> Self {
        Self { table: Box::new([NOWHERE; 1 << TABLE_BITS]), sequences: Vec::new() }
    }
}

impl Encoder {
    /// Appends `data` as Deflate blocks to `out`. With `last` the stream ends; else it goes on at the next byte (an empty stored block fills
    /// the last one up, "sync flush").
    pub(crate) fn encode(&mut self, data: &[u8], last: bool, out: &mut Vec<u8>) {
        let mut bits = Bits { at: out.len(), out, buffer: 0, count: 0 };
        for segment in data.chunks(SEGMENT) {
            self.table.fill(NOWHERE);
            let mut start = 0;
            while start < segment.len() {
                let end = (start + BLOCK).min(segment.len());
                let rest = self.find(segment, start, end);
                bits.block(&segment[start..end], &self.sequences, rest);
                start = end;
            }
        }
        bits.stored(&[], last);
        let at = bits.at;
        out.truncate(at);
    }

    /// Looks for repetitions in `data[start..end]`; returns the bytes behind the last one.
    fn find(&mut self, data: &[u8], start: usize, end: usize) -> usize {
        self.sequences.clear();
        let (mut at, mut after) = (start, start);
        while at + WORD <= end {
            let word = load(data, at);
            let place = std::mem::replace(&mut self.table[hash(word)], at as u32);
            let distance = (at as u32).wrapping_sub(place);
            if distance <= REACH && first(load(data, place as usize)) == first(word) {
                let length = common(data, place as usize, at, end);
                self.sequences.push(Sequence {
                    literals: (at - after) as u32,
                    length: length as u16,
                    distance: (distance - 1) as u16,
                });
                at += length;
                after = at;
                self.table[hash(load(data, at - 2))] = (at - 2) as u32;
            } else {
                at += 1 + ((at - after) >> PATIENCE);
            }
        }
        end - after
    }
}

/// Eight bytes from `at`; zero where there are not as many.
#[inline(always)]
fn load(data: &[u8], at: usize) -> u64 {
    data.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// The first [`SHORTEST`] bytes of a word.
#[inline(always)]
fn first(word: u64) -> u64 {
    word << (64 - 8 * SHORTEST)
}

/// Where the table has the first [`SHORTEST`] bytes (multiplicative hash: D. Knuth, The Art of Computer Programming 3, 6.4; 2^64 over the
/// golden ratio).
#[inline(always)]
fn hash(word: u64) -> usize {
    (first(word).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - TABLE_BITS)) as usize
}

/// Bytes that repeat: `data[at..]` against `data[place..]`, up to `end` and [`LONGEST`].
#[inline(always)]
fn common(data: &[u8], place: usize, at: usize, end: usize) -> usize {
    let most = LONGEST.min(end - at);
    let mut length = 0;
    while length + WORD <= most {
        let difference = load(data, place + length) ^ load(data, at + length);
        if difference != 0 {
            return length + difference.trailing_zeros() as usize / 8;
        }
        length += WORD;
    }
    while length < most && data[place + length] == data[at + length] {
        length += 1;
    }
    length
}

/// Symbol of a length (3 to 258), its extra bits and their number (RFC 1951, 3.2.5).
#[inline(always)]
fn length_symbol(length: u16) -> (usize, u64, u32) {
    let l = u32::from(length) - 3;
    if l < 8 {
        return (257 + l as usize, 0, 0);
    }
    if l == 255 {
        return (285, 0, 0);
    }
    let extra = l.ilog2() - 2;
    (257 + (4 * (extra + 1) + (l >> extra & 3)) as usize, u64::from(l & ((1 << extra) - 1)), extra)
}

/// Symbol of a distance less 1, its extra bits and their number (RFC 1951, 3.2.5).
#[inline(always)]
fn distance_symbol(distance: u16) -> (usize, u64, u32) {
    let d = u32::from(distance);
    if d < 4 {
        return (d as usize, 0, 0);
    }
    let extra = d.ilog2() - 1;
    ((2 * (extra + 1) + (d >> extra & 1)) as usize, u64::from(d & ((1 << extra) - 1)), extra)
}

/// How often the symbols of a block occur.
struct Counts {
    literals: [u32; 286],
    distances: [u32; 30],
}

impl Counts {
    fn of(data: &[u8], sequences: &[Sequence]) -> Self {
        // Four tables, so that equal neighbors do not wait for each other.
        let mut tables = [[0u32; 256]; 4];
        let mut counts = Self { literals: [0; 286], distances: [0; 30] };
        let mut rest = data;
        let count = |run: &[u8], tables: &mut [[u32; 256]; 4]| {
            let (quads, tail) = run.as_chunks::<4>();
            for quad in quads {
                (0..4).for_each(|i| tables[i][usize::from(quad[i])] += 1);
            }
            tail.iter().for_each(|byte| tables[0][usize::from(*byte)] += 1);
        };
        for sequence in sequences {
            let (run, behind) = rest.split_at(sequence.literals as usize);
            count(run, &mut tables);
            rest = &behind[sequence.length.into()..];
            counts.literals[length_symbol(sequence.length).0] += 1;
            counts.distances[distance_symbol(sequence.distance).0] += 1;
        }
        count(rest, &mut tables);
        for byte in 0..256 {
            counts.literals[byte] = tables.iter().map(|table| table[byte]).sum();
        }
        counts.literals[END] = 1;
        counts
    }
}

/// Order of the code lengths of code lengths (RFC 1951, 3.2.7).
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// Run-length codes of code lengths (RFC 1951, 3.2.7): symbol, extra bits.
fn run_lengths(lengths: &[u8], found: &mut Vec<(u8, u8)>) {
    let mut rest = lengths;
    while let [first, ..] = rest {
        let run = rest.iter().take_while(|length| *length == first).count();
        let used = match (*first, run) {
            (0, 11..) => {
                let used = run.min(138);
                found.push((18, used as u8 - 11));
                used
            }
            (0, 3..) => {
                found.push((17, run as u8 - 3));
                run
            }
            (_, 4..) if *first > 0 => {
                let again = (run - 1).min(6);
                found.extend([(*first, 0), (16, again as u8 - 3)]);
                again + 1
            }
            _ => {
                found.push((*first, 0));
                1
            }
        };
        rest = &rest[used..];
    }
}

/// Number of extra bits of a symbol of the code length alphabet.
fn run_extra(symbol: u8) -> u32 {
    match symbol {
        16 => 2,
        17 => 3,
        18 => 7,
        _ => 0,
    }
}

/// The codes of a block and how they are told.
struct Trees {
    literals: [Code; 286],
    distances: [Code; 30],
    /// Symbols told of each alphabet.
    told: (usize, usize),
    runs: Vec<(u8, u8)>,
    run_codes: [Code; 19],
    run_count: usize,
    /// Bits of the block with everything.
    cost: u64,
}

impl Trees {
    fn of(counts: &Counts) -> Self {
        let literal_lengths = lengths(&counts.literals, LONGEST_LITERAL);
        let distance_lengths = lengths(&counts.distances, LONGEST_DISTANCE);
        let used = |lengths: &[u8], least: usize| lengths.iter().rposition(|l| *l > 0).map_or(0, |i| i + 1).max(least);
        let told = (used(&literal_lengths, 257), used(&distance_lengths, 1));
        let mut runs = Vec::with_capacity(320);
        let all: Vec<u8> = [&literal_lengths[..told.0], &distance_lengths[..told.1]].concat();
        run_lengths(&all, &mut runs);
        let mut run_counts = [0u32; 19];
        runs.iter().for_each(|(symbol, _)| run_counts[usize::from(*symbol)] += 1);
        let run_bits = lengths(&run_counts, 7);
        let run_count = ORDER.iter().rposition(|symbol| run_bits[*symbol] > 0).map_or(4, |i| i + 1).max(4);

        let mut cost = 3 + 14 + 3 * run_count as u64;
        cost += runs.iter().map(|(s, _)| u64::from(run_bits[usize::from(*s)]) + u64::from(run_extra(*s))).sum::<u64>();
        let coded = |counts: &[u32], lengths: &[u8]| {
            counts.iter().zip(lengths).map(|(count, length)| u64::from(*count) * u64::from(*length)).sum::<u64>()
        };
        cost += coded(&counts.literals, &literal_lengths) + coded(&counts.distances, &distance_lengths);
        let length_extra = |symbol: usize| if (265..285).contains(&symbol) { (symbol as u64 - 261) / 4 } else { 0 };
        cost += (257..286).map(|symbol| u64::from(counts.literals[symbol]) * length_extra(symbol)).sum::<u64>();
        cost += (2..30).map(|symbol| u64::from(counts.distances[symbol]) * (symbol as u64 / 2 - 1)).sum::<u64>();
        Self {
            literals: codes(&literal_lengths),
            distances: codes(&distance_lengths),
            told,
            runs,
            run_codes: codes(&run_bits),
            run_count,
            cost,
        }
    }
}

/// Bits on their way out, lowest first; fewer than eight wait between calls.
struct Bits<'a> {
    out: &'a mut Vec<u8>,
    /// Bytes of `out` that are written.
    at: usize,
    buffer: u64,
    count: u32,
}

impl Bits<'_> {
    #[inline(always)]
    fn add(&mut self, bits: u64, count: u32) {
        self.buffer |= bits << self.count;
        self.count += count;
    }

    #[inline(always)]
    fn code(&mut self, code: Code) {
        self.add(code.bits.into(), code.length.into());
    }

    /// Writes whole bytes. At most 64 bits may wait, and `out` has room for eight bytes.
    #[inline(always)]
    fn flush(&mut self) {
        if let Some(place) = self.out.get_mut(self.at..self.at + 8) {
            place.copy_from_slice(&self.buffer.to_le_bytes());
        }
        self.at += self.count as usize / 8;
        self.buffer >>= self.count & !7;
        self.count &= 7;
    }

    fn block(&mut self, data: &[u8], sequences: &[Sequence], rest: usize) {
        let counts = Counts::of(data, sequences);
        let trees = Trees::of(&counts);
        // A stored block takes up to ten bits more than its four bytes of length.
        if trees.cost >= 8 * (data.len() as u64 + 5) {
            return self.stored(data, false);
        }
        // The last write stores eight bytes whatever it has.
        self.out.resize(self.at + trees.cost as usize / 8 + 16, 0);
        self.trees(&trees);
        let mut at = 0;
        for sequence in sequences {
            let end = at + sequence.literals as usize;
            self.literals(&data[at..end], &trees.literals);
            let (symbol, extra, count) = length_symbol(sequence.length);
            self.code(trees.literals[symbol]);
            self.add(extra, count);
            let (symbol, extra, count) = distance_symbol(sequence.distance);
            self.code(trees.distances[symbol]);
            self.add(extra, count);
            self.flush();
            at = end + usize::from(sequence.length);
        }
        self.literals(&data[data.len() - rest..], &trees.literals);
        self.code(trees.literals[END]);
        self.flush();
    }

    #[inline(always)]
    fn literals(&mut self, run: &[u8], codes: &[Code; 286]) {
        let (quads, tail) = run.as_chunks::<4>();
        for quad in quads {
            quad.iter().for_each(|byte| self.code(codes[usize::from(*byte)]));
            self.flush();
        }
        for byte in tail {
            self.code(codes[usize::from(*byte)]);
        }
        self.flush();
    }

    /// Block header and trees (RFC 1951, 3.2.7).
    fn trees(&mut self, trees: &Trees) {
        self.add(0b100, 3);
        self.add(trees.told.0 as u64 - 257, 5);
        self.add(trees.told.1 as u64 - 1, 5);
        self.add(trees.run_count as u64 - 4, 4);
        self.flush();
        for symbol in &ORDER[..trees.run_count] {
            self.add(trees.run_codes[*symbol].length.into(), 3);
            self.flush();
        }
        for (symbol, extra) in &trees.runs {
            self.code(trees.run_codes[usize::from(*symbol)]);
            self.add((*extra).into(), run_extra(*symbol));
            self.flush();
        }
    }

    /// Stored blocks (RFC 1951, 3.2.4); at least one.
    fn stored(&mut self, data: &[u8], last: bool) {
        let parts = data.len().div_ceil(0xffff).max(1);
        self.out.resize(self.at + data.len() + 5 * parts + 16, 0);
        for part in 0..parts {
            let bytes = &data[part * 0xffff..data.len().min((part + 1) * 0xffff)];
            self.add(u64::from(last && part + 1 == parts), 3);
            self.flush();
            if self.count > 0 {
                self.count = 8;
                self.flush();
            }
            self.add(bytes.len() as u64 | (!bytes.len() as u64 & 0xffff) << 16, 32);
            self.flush();
            self.out[self.at..self.at + bytes.len()].copy_from_slice(bytes);
            self.at += bytes.len();
        }
    }
}
