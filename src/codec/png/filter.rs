//! PNG filters (PNG specification, clause 9): each row chooses the one with the smallest sum of absolute differences
//! (clause 12.7), from None, Sub, Up and Paeth. Average almost never wins on pictures that Paeth does not.

/// Appends the filter byte and the filtered `row` to `out`; `above` is the row before, or zeros.
/// `bpp` is the number of bytes of a pixel. `scratch` is reused between rows.
pub fn append(row: &[u8], above: &[u8], bpp: usize, scratch: &mut [Vec<u8>; 3], out: &mut Vec<u8>) {
    let [sub, up, paeth] = scratch;
    let head = bpp.min(row.len());
    let (first, rest) = row.split_at(head);
    let (above_first, above_rest) = above.split_at(head.min(above.len()));

    sub.clear();
    sub.extend_from_slice(first);
    sub.extend(rest.iter().zip(row).map(|(x, a)| x.wrapping_sub(*a)));
    up.clear();
    up.extend(row.iter().zip(above).map(|(x, b)| x.wrapping_sub(*b)));
    paeth.clear();
    // Left of the row everything is 0, so the predictor is the pixel above.
    paeth.extend(first.iter().zip(above_first).map(|(x, b)| x.wrapping_sub(*b)));
    let neighbors = row.iter().zip(above_rest).zip(above);
    paeth.extend(rest.iter().zip(neighbors).map(|(x, ((a, b), c))| x.wrapping_sub(predict(*a, *b, *c))));

    let candidates = [(0u8, row), (1, &sub[..]), (2, &up[..]), (4, &paeth[..])];
    // The first of equals, so that the choice never depends on anything but the samples.
    let (kind, best) = candidates.into_iter().min_by_key(|(_, c)| cost(c)).unwrap_or((0, row));
    out.push(kind);
    out.extend_from_slice(best);
}

/// Sum of absolute values of the bytes taken as signed.
fn cost(bytes: &[u8]) -> u64 {
    bytes
        .chunks(4096)
        .map(|run| u64::from(run.iter().map(|&b| u32::from(b.cast_signed().unsigned_abs())).sum::<u32>()))
        .sum()
}

/// The Paeth predictor (clause 9.4).
#[inline(always)]
fn predict(a: u8, b: u8, c: u8) -> u8 {
    let (wa, wb, wc) = (i16::from(a), i16::from(b), i16::from(c));
    let (pa, pb, pc) = ((wb - wc).abs(), (wa - wc).abs(), (wa + wb - wc - wc).abs());
    let bc = if pb <= pc { b } else { c };
    if pa <= pb && pa <= pc { a } else { bc }
}
