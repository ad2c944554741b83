//! Length-limited Huffman codes as Deflate wants them (RFC 1951, 3.2.2): lengths from frequencies, canonical codes from lengths.

/// Most symbols of an alphabet of Deflate: 288 of literals and lengths.
const MOST_SYMBOLS: usize = 288;

/// Longest code that RFC 1951 allows.
const LONGEST: usize = 15;

/// A code word, its lowest bit first in the stream, and its length in bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Code {
    pub(super) bits: u16,
    pub(super) length: u16,
}

/// Code lengths of at most `limit` (7 to 15) bits for symbols of the given frequencies; 0 for those that do not occur. At least two symbols
/// get a code, because not every decoder takes a tree of one. Depends on the frequencies alone: of equal ones the lower symbol counts as rarer.
pub(super) fn lengths<const N: usize>(frequencies: &[u32; N], limit: usize) -> [u8; N] {
    let mut order: Vec<u64> = Vec::with_capacity(MOST_SYMBOLS);
    order.extend(
        (0u64..).zip(frequencies).filter(|(_, count)| **count > 0).map(|(i, count)| u64::from(*count) << 16 | i),
    );
    let spare = (0u64..2).zip(frequencies).filter(|(_, count)| **count == 0).map(|(i, _)| 1 << 16 | i);
    let missing = 2usize.saturating_sub(order.len());
    order.extend(spare.take(missing));
    order.sort_unstable();
    let mut tree: Vec<u32> = order.iter().map(|entry| (entry >> 16) as u32).collect();
    depths(&mut tree);
    let mut counts = [0u32; 64];
    tree.iter().for_each(|depth| counts[(*depth as usize).min(63)] += 1);
    restrict(&mut counts, limit);
    let mut lengths = [0; N];
    let mut rarest_first = order.iter();
    for length in (1..=limit).rev() {
        for entry in rarest_first.by_ref().take(counts[length] as usize) {
            lengths[(entry & 0xffff) as usize] = length as u8;
        }
    }
    lengths
}

/// Turns ascending weights (at least two) into the depths of their leaves, in place.
/// A. Moffat, J. Katajainen: In-place calculation of minimum-redundancy codes (WADS 1995).
fn depths(weights: &mut [u32]) {
    let n = weights.len();
    if n < 2 {
        return weights.fill(1);
    }
    // Inner nodes take the places of consumed weights; a consumed inner node holds its parent.
    weights[0] += weights[1];
    let (mut root, mut leaf) = (0, 2);
    for next in 1..n - 1 {
        let mut sum = 0u32;
        for _ in 0..2 {
            if leaf >= n || (root < next && weights[root] < weights[leaf]) {
                sum = sum.saturating_add(weights[root]);
                weights[root] = next as u32;
                root += 1;
            } else {
                sum = sum.saturating_add(weights[leaf]);
                leaf += 1;
            }
        }
        weights[next] = sum;
    }
    weights[n - 2] = 0;
    for i in (0..n - 2).rev() {
        weights[i] = weights[weights[i] as usize] + 1;
    }
    // From the depths of the inner nodes to those of the leaves.
    let (mut available, mut depth, mut inner, mut place) = (1usize, 0, n as isize - 2, n);
    while available > 0 {
        let mut used = 0;
        while inner >= 0 && weights[inner as usize] == depth {
            used += 1;
            inner -= 1;
        }
        for _ in used..available {
            place -= 1;
            weights[place] = depth;
        }
        available = 2 * used;
        depth += 1;
    }
}

/// Moves the leaves below `limit` up to it and makes room for them: leaves of the deepest level above go down by one until the code fits
/// (Kraft's sum is 1), as zlib and miniz do.
fn restrict(counts: &mut [u32; 64], limit: usize) {
    let deep: u32 = counts[limit + 1..].iter().sum();
    counts[limit + 1..].fill(0);
    counts[limit] += deep;
    let mut sum: u64 = (1..=limit).map(|length| u64::from(counts[length]) << (limit - length)).sum();
    while sum > 1 << limit {
        let Some(length) = (1..limit).rev().find(|length| counts[*length] > 0) else { break };
        counts[limit] -= 1;
        counts[length] -= 1;
        counts[length + 1] += 2;
        sum -= 1;
    }
}

/// The canonical code of these lengths.
pub(super) fn codes<const N: usize>(lengths: &[u8; N]) -> [Code; N] {
    let mut next = [0u16; LONGEST + 2];
    for length in 1..=LONGEST {
        let shorter = lengths.iter().filter(|other| usize::from(**other) == length).count() as u16;
        next[length + 1] = (next[length] + shorter) << 1;
    }
    lengths.map(|length| {
        if length == 0 {
            return Code::default();
        }
        let word = next[usize::from(length)];
        next[usize::from(length)] += 1;
        Code { bits: word.reverse_bits() >> (16 - length), length: length.into() }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kraft(lengths: &[u8]) -> u64 {
        lengths.iter().filter(|l| **l > 0).map(|l| 1u64 << (LONGEST - usize::from(*l))).sum()
    }

    #[test]
    fn example_of_the_standard() {
        // RFC 1951, 3.2.2: lengths (3, 3, 3, 3, 3, 2, 4, 4) give F = 00, A = 010, ..., G = 1110, H = 1111 (here lowest bit first).
        let codes = codes(&[3, 3, 3, 3, 3, 2, 4, 4]);
        assert_eq!(codes[5], Code { bits: 0b00, length: 2 });
        assert_eq!(codes[0], Code { bits: 0b010, length: 3 });
        assert_eq!(codes[4], Code { bits: 0b011, length: 3 });
        assert_eq!(codes[6], Code { bits: 0b0111, length: 4 });
    }

    #[test]
    fn lengths_are_complete_limited_and_best_where_the_limit_allows() {
        assert_eq!(lengths(&[1, 1, 2, 4], 15), [3, 3, 2, 1]);
        assert_eq!(lengths(&[0, 0, 0, 9], 15), [1, 0, 0, 1], "never a single code");
        assert_eq!(lengths(&[0, 0, 0, 0], 15), [1, 1, 0, 0]);
        // Fibonacci numbers make the deepest trees.
        let mut steep = [0u32; 40];
        let (mut a, mut b) = (1, 1);
        for count in &mut steep {
            *count = a;
            (a, b) = (b, a + b);
        }
        for limit in [7, 12, 15] {
            let found = lengths(&steep, limit);
            assert!(found.iter().all(|l| (1..=limit as u8).contains(l)), "{found:?}");
            assert_eq!(kraft(&found), 1 << LONGEST);
            assert!(found.windows(2).all(|pair| pair[0] >= pair[1]), "rarer symbols have longer codes: {found:?}");
        }
        let flat: [u8; 286] = lengths(&[5; 286], 12);
        assert_eq!(kraft(&flat), 1 << LONGEST);
    }
}
