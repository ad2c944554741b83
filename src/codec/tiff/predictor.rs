//! Predictors of TIFF: horizontal differences (TIFF 6.0 section 14) and the floating point predictor (Adobe Photoshop TIFF
//! technical note 3). All functions work on one row of a chunk whose pixels have `samples` interleaved samples of `size` bytes.

use crate::picture::exif::Order;

/// Undoes horizontal differences of samples stored in `order`; leaves them in native order.
pub(super) fn undo_horizontal(row: &mut [u8], size: usize, samples: usize, order: Order) {
    match (size, samples) {
        (1, _) => accumulate_bytes(row, samples),
        (2, 1) => undo16::<1>(row, order),
        (2, 2) => undo16::<2>(row, order),
        (2, 3) => undo16::<3>(row, order),
        (2, _) => undo16::<4>(row, order),
        (_, 1) => undo32::<1>(row, order),
        (_, 2) => undo32::<2>(row, order),
        (_, 3) => undo32::<3>(row, order),
        _ => undo32::<4>(row, order),
    }
}

/// Adds to each byte the one `step` bytes before it.
fn accumulate_bytes(row: &mut [u8], step: usize) {
    match step {
        1 => sum_bytes::<1>(row),
        2 => sum_bytes::<2>(row),
        3 => sum_bytes::<3>(row),
        _ => sum_bytes::<4>(row),
    }
}

fn sum_bytes<const N: usize>(row: &mut [u8]) {
    let mut sums = [0u8; N];
    for pixel in row.chunks_exact_mut(N) {
        for (sum, byte) in sums.iter_mut().zip(pixel) {
            *sum = sum.wrapping_add(*byte);
            *byte = *sum;
        }
    }
}

fn undo16<const N: usize>(row: &mut [u8], order: Order) {
    let mut sums = [0u16; N];
    for pixel in row.as_chunks_mut::<2>().0.as_chunks_mut::<N>().0 {
        for (sum, sample) in sums.iter_mut().zip(pixel) {
            *sum = sum.wrapping_add(order.u16(*sample));
            *sample = sum.to_ne_bytes();
        }
    }
}

fn undo32<const N: usize>(row: &mut [u8], order: Order) {
    let mut sums = [0u32; N];
    for pixel in row.as_chunks_mut::<4>().0.as_chunks_mut::<N>().0 {
        for (sum, sample) in sums.iter_mut().zip(pixel) {
            *sum = sum.wrapping_add(order.u32(*sample));
            *sample = sum.to_ne_bytes();
        }
    }
}

/// Undoes the floating point predictor: sums bytes, then gathers the byte planes (most significant first) into native samples.
/// The result does not depend on the file's byte order.
pub(super) fn undo_float(row: &mut [u8], size: usize, samples: usize) {
    accumulate_bytes(row, samples);
    let planes = row.to_vec();
    let count = planes.len() / size;
    for (index, sample) in row.chunks_exact_mut(size).enumerate() {
        for (byte, place) in sample.iter_mut().enumerate() {
            *place = planes[native(byte, size) * count + index];
        }
    }
}

/// The significance (0 = most significant) of byte `index` of a native sample of `size` bytes.
fn native(index: usize, size: usize) -> usize {
    if cfg!(target_endian = "big") { index } else { size - 1 - index }
}

/// Takes horizontal differences of native integers; writes them little-endian.
pub(super) fn horizontal(row: &[u8], size: usize, samples: usize, out: &mut [u8]) {
    match (size, samples) {
        (1, 1) => difference8::<1>(row, out),
        (1, 2) => difference8::<2>(row, out),
        (1, 3) => difference8::<3>(row, out),
        (1, _) => difference8::<4>(row, out),
        (_, 1) => difference16::<1>(row, out),
        (_, 2) => difference16::<2>(row, out),
        (_, 3) => difference16::<3>(row, out),
        _ => difference16::<4>(row, out),
    }
}

fn difference8<const N: usize>(row: &[u8], out: &mut [u8]) {
    let mut before = [0u8; N];
    for (pixel, out) in row.as_chunks::<N>().0.iter().zip(out.as_chunks_mut::<N>().0) {
        *out = std::array::from_fn(|i| pixel[i].wrapping_sub(before[i]));
        before = *pixel;
    }
}

fn difference16<const N: usize>(row: &[u8], out: &mut [u8]) {
    let mut before = [0u16; N];
    let pixels = row.as_chunks::<2>().0.as_chunks::<N>().0;
    for (pixel, out) in pixels.iter().zip(out.as_chunks_mut::<2>().0.as_chunks_mut::<N>().0) {
        let now = pixel.map(u16::from_ne_bytes);
        *out = std::array::from_fn(|i| now[i].wrapping_sub(before[i]).to_le_bytes());
        before = now;
    }
}

/// Applies the floating point predictor to native samples.
pub(super) fn float(row: &[u8], size: usize, samples: usize, out: &mut [u8]) {
    let count = row.len() / size;
    for (index, sample) in row.chunks_exact(size).enumerate() {
        for (byte, value) in sample.iter().enumerate() {
            out[native(byte, size) * count + index] = *value;
        }
    }
    for at in (samples..out.len()).rev() {
        out[at] = out[at].wrapping_sub(out[at - samples]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(bytes: usize) -> Vec<u8> {
        (0..bytes).map(|i| (i * i * 37 + i / 3) as u8).collect()
    }

    #[test]
    fn undoing_gives_the_row_back() {
        for samples in 1..=4 {
            for size in [1, 2, 4] {
                let row = row(samples * size * 13);
                let mut out = vec![0; row.len()];
                if size < 4 {
                    horizontal(&row, size, samples, &mut out);
                    undo_horizontal(&mut out, size, samples, Order::Little);
                    assert_eq!(out, row, "horizontal, {size} bytes, {samples} samples");
                }
                if size > 1 {
                    float(&row, size, samples, &mut out);
                    undo_float(&mut out, size, samples);
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
        float(bytemuck::cast_slice(&[1.0f32, 2.0]), 4, 1, &mut out);
        assert_eq!(out, [0x3f, 0x01, 0x40, 0x80, 0x00, 0x00, 0x00, 0x00]);
    }
}
