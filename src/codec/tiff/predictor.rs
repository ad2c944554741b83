//! Predictors of TIFF: horizontal differences (TIFF 6.0 section 14) and the floating point predictor (Adobe Photoshop TIFF
//! technical note 3). All functions work on one row of a chunk whose pixels have `samples` interleaved samples of `size` bytes.

use super::sums;
use crate::picture::exif::Order;

/// Undoes horizontal differences of samples stored in `order`; leaves them in native order.
pub(super) fn undo_horizontal(row: &mut [u8], size: usize, samples: usize, order: Order) {
    match size {
        1 => sums::bytes(row, samples),
        2 => sums::words(row, samples, order),
        _ => sums::longs(row, samples, order),
    }
}

/// Undoes the floating point predictor: sums bytes, then gathers the byte planes (most significant first) into native samples.
/// The result does not depend on the file's byte order. `planes` is working space that is reused.
pub(super) fn undo_float(row: &mut [u8], size: usize, samples: usize, planes: &mut Vec<u8>) {
    sums::bytes(row, samples);
    planes.clear();
    planes.extend_from_slice(row);
    let count = row.len() / size;
    let (high, rest) = planes.split_at(count);
    if size == 2 {
        for ((sample, a), b) in row.as_chunks_mut::<2>().0.iter_mut().zip(high).zip(rest) {
            *sample = u16::from_be_bytes([*a, *b]).to_ne_bytes();
        }
        return;
    }
    let (second, rest) = rest.split_at(count);
    let (third, fourth) = rest.split_at(count);
    let low = second.iter().zip(third).zip(fourth);
    for ((sample, a), ((b, c), d)) in row.as_chunks_mut::<4>().0.iter_mut().zip(high).zip(low) {
        *sample = u32::from_be_bytes([*a, *b, *c, *d]).to_ne_bytes();
    }
}

/// Takes horizontal differences of native integers; writes them little-endian.
pub(super) fn horizontal(row: &[u8], size: usize, samples: usize, out: &mut [u8]) {
    if size == 1 {
        return difference8(row, samples, out);
    }
    let (row, out) = (row.as_chunks::<2>().0, out.as_chunks_mut::<2>().0);
    let first = samples.min(row.len());
    let (head, tail) = out.split_at_mut(first);
    head.iter_mut().zip(row).for_each(|(out, now)| *out = u16::from_ne_bytes(*now).to_le_bytes());
    for ((out, now), before) in tail.iter_mut().zip(&row[first..]).zip(row) {
        *out = u16::from_ne_bytes(*now).wrapping_sub(u16::from_ne_bytes(*before)).to_le_bytes();
    }
}

/// Differences of bytes `step` apart.
fn difference8(row: &[u8], step: usize, out: &mut [u8]) {
    let first = step.min(row.len());
    let (head, tail) = out.split_at_mut(first);
    head.copy_from_slice(&row[..first]);
    for ((out, now), before) in tail.iter_mut().zip(&row[first..]).zip(row) {
        *out = now.wrapping_sub(*before);
    }
}

/// Applies the floating point predictor to native samples; `planes` is working space that is reused.
pub(super) fn float(row: &[u8], size: usize, samples: usize, out: &mut [u8], planes: &mut Vec<u8>) {
    let count = row.len() / size;
    planes.resize(row.len(), 0);
    let (high, rest) = planes.split_at_mut(count);
    if size == 2 {
        for ((sample, a), b) in row.as_chunks::<2>().0.iter().zip(high).zip(rest) {
            [*a, *b] = u16::from_ne_bytes(*sample).to_be_bytes();
        }
    } else {
        let (second, rest) = rest.split_at_mut(count);
        let (third, fourth) = rest.split_at_mut(count);
        let low = second.iter_mut().zip(third).zip(fourth);
        for ((sample, a), ((b, c), d)) in row.as_chunks::<4>().0.iter().zip(high).zip(low) {
            [*a, *b, *c, *d] = u32::from_ne_bytes(*sample).to_be_bytes();
        }
    }
    difference8(planes, samples, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(bytes: usize) -> Vec<u8> {
        (0..bytes).map(|i| (i * i * 37 + i / 3) as u8).collect()
    }

    #[test]
    fn undoing_gives_the_row_back() {
        let mut planes = Vec::new();
        for (samples, pixels) in (1..=4).flat_map(|samples| [0, 1, 13, 100].map(|pixels| (samples, pixels))) {
            for size in [1, 2, 4] {
                let row = row(samples * size * pixels);
                let mut out = vec![0; row.len()];
                if size < 4 {
                    horizontal(&row, size, samples, &mut out);
                    undo_horizontal(&mut out, size, samples, Order::Little);
                    assert_eq!(out, row, "horizontal, {size} bytes, {samples} samples");
                }
                if size > 1 {
                    float(&row, size, samples, &mut out, &mut planes);
                    undo_float(&mut out, size, samples, &mut planes);
                    assert_eq!(out, row, "float, {size} bytes, {samples} samples");
                }
            }
        }
    }

    #[test]
    fn known_values() {
        let mut big = [0x01, 0x00, 0x00, 0xff, 0xff, 0xff];
        undo_horizontal(&mut big, 2, 1, Order::Big);
        assert_eq!(
            big.as_chunks::<2>().0.iter().map(|s| u16::from_ne_bytes(*s)).collect::<Vec<_>>(),
            [0x100, 0x1ff, 0x1fe]
        );
        // 1.0f32 = 3f800000, 2.0f32 = 40000000: planes 3f 40 | 80 00 | 00 00 | 00 00, then differences.
        let mut out = [0; 8];
        float(bytemuck::cast_slice(&[1.0f32, 2.0]), 4, 1, &mut out, &mut Vec::new());
        assert_eq!(out, [0x3f, 0x01, 0x40, 0x80, 0x00, 0x00, 0x00, 0x00]);
    }
}
