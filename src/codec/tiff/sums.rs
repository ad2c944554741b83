//! Running sums with a stride, the inner loop of undoing a predictor: each sample becomes the sum of itself and of all before it in the same
//! channel, modulo 2^8, 2^16 or 2^32.
//!
//! Sixteen bytes at a time: within a register sums over 2, 4, 8, ... pixels by shifted additions (W. D. Hillis, G. L. Steele: Data parallel
//! algorithms, CACM 29 (1986) 12), then the last pixel of the register before is added to all. A pixel may begin anywhere in the register.

use crate::picture::exif::Order;

/// Sums of bytes `step` (1 to 4) apart.
pub(super) fn bytes(row: &mut [u8], step: usize) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("ssse3") {
        // SAFETY: the feature was just found.
        let done = unsafe { ssse3::bytes(row, step) };
        return scalar8(row, step, done);
    }
    scalar8(row, step, 0);
}

/// Sums of 16-bit samples stored in `order`, `step` (1 to 4) apart; native order afterwards.
pub(super) fn words(row: &mut [u8], step: usize, order: Order) {
    if step == 4 {
        // Half a register each: there is nothing to gain from shifts.
        return fours(row, order);
    }
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("ssse3") {
        // SAFETY: the feature was just found.
        let done = unsafe { ssse3::words(row, step, order) };
        return scalar16(row, step, order, done);
    }
    scalar16(row, step, order, 0);
}

/// Sums of 32-bit samples stored in `order`, `step` (1 to 4) apart; native order afterwards.
pub(super) fn longs(row: &mut [u8], step: usize, order: Order) {
    let row = row.as_chunks_mut::<4>().0;
    for at in 0..row.len() {
        let before = if at < step { 0 } else { u32::from_ne_bytes(row[at - step]) };
        row[at] = before.wrapping_add(order.u32(row[at])).to_ne_bytes();
    }
}

/// Four sums side by side.
fn fours(row: &mut [u8], order: Order) {
    let mut sums = [0u16; 4];
    for pixel in row.as_chunks_mut::<2>().0.as_chunks_mut::<4>().0 {
        for (sum, sample) in sums.iter_mut().zip(pixel) {
            *sum = sum.wrapping_add(order.u16(*sample));
            *sample = sum.to_ne_bytes();
        }
    }
}

/// The bytes from `done` on, one by one.
fn scalar8(row: &mut [u8], step: usize, done: usize) {
    for at in done.max(step)..row.len() {
        row[at] = row[at].wrapping_add(row[at - step]);
    }
}

/// The samples from byte `done` on, one by one.
fn scalar16(row: &mut [u8], step: usize, order: Order, done: usize) {
    let row = row.as_chunks_mut::<2>().0;
    for at in done / 2..row.len() {
        let before = if at < step { 0 } else { u16::from_ne_bytes(row[at - step]) };
        row[at] = before.wrapping_add(order.u16(row[at])).to_ne_bytes();
    }
}

#[cfg(target_arch = "x86_64")]
mod ssse3 {
    use std::arch::x86_64::{__m128i, _mm_add_epi8, _mm_add_epi16, _mm_setzero_si128, _mm_shuffle_epi8};

    use super::Order;

    /// A byte of a shuffle that gives zero.
    const ZERO: u8 = 0x80;

    fn mask(byte: impl Fn(usize) -> u8) -> __m128i {
        bytemuck::cast(std::array::from_fn::<u8, 16, _>(byte))
    }

    /// Moves everything `by` bytes up.
    fn up(by: usize) -> __m128i {
        mask(|i| if i < by { ZERO } else { (i - by) as u8 })
    }

    /// The last pixel of `pixel` bytes, over and over, so that each sample meets its channel.
    fn last(pixel: usize) -> __m128i {
        mask(|i| (16 - pixel + i % pixel) as u8)
    }

    /// As [`super::bytes`] for whole registers; returns the bytes done.
    #[target_feature(enable = "ssse3")]
    pub(super) fn bytes(row: &mut [u8], step: usize) -> usize {
        let (shifts, carry_mask) = ([up(step), up(2 * step), up(4 * step), up(8 * step)], last(step));
        let mut carry = _mm_setzero_si128();
        let (registers, _) = row.as_chunks_mut::<16>();
        for register in registers.iter_mut() {
            let mut v: __m128i = bytemuck::cast(*register);
            for shift in shifts {
                v = _mm_add_epi8(v, _mm_shuffle_epi8(v, shift));
            }
            v = _mm_add_epi8(v, carry);
            carry = _mm_shuffle_epi8(v, carry_mask);
            *register = bytemuck::cast(v);
        }
        registers.len() * 16
    }

    /// As [`super::words`] for whole registers and 1 to 3 samples; returns the bytes done.
    #[target_feature(enable = "ssse3")]
    pub(super) fn words(row: &mut [u8], step: usize, order: Order) -> usize {
        match step {
            1 => words_of::<3>(row, step, order),
            _ => words_of::<2>(row, step, order),
        }
    }

    /// `STEPS` shifted additions are enough for a register.
    #[target_feature(enable = "ssse3")]
    fn words_of<const STEPS: usize>(row: &mut [u8], step: usize, order: Order) -> usize {
        let shifts: [__m128i; STEPS] = std::array::from_fn(|i| up((2 * step) << i));
        let carry_mask = last(2 * step);
        let swapped = mask(|i| (i ^ usize::from(order.is_foreign())) as u8);
        let mut carry = _mm_setzero_si128();
        let (registers, _) = row.as_chunks_mut::<16>();
        for register in registers.iter_mut() {
            let mut v = _mm_shuffle_epi8(bytemuck::cast(*register), swapped);
            for shift in shifts {
                v = _mm_add_epi16(v, _mm_shuffle_epi8(v, shift));
            }
            v = _mm_add_epi16(v, carry);
            carry = _mm_shuffle_epi8(v, carry_mask);
            *register = bytemuck::cast(v);
        }
        registers.len() * 16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_and_single_samples_give_the_same() {
        for length in (0..100).chain([1000, 1003]) {
            let row: Vec<u8> = (0..length * 2).map(|i| (i * i * 37 + i / 3 + length) as u8).collect();
            for step in 1..=4 {
                let (mut fast, mut slow) = (row.clone(), row.clone());
                bytes(&mut fast, step);
                scalar8(&mut slow, step, 0);
                assert_eq!(fast, slow, "{length} bytes, step {step}");
                // Rows consist of whole pixels.
                let row = &row[..row.len() / (2 * step) * 2 * step];
                for order in [Order::Little, Order::Big] {
                    let (mut fast, mut slow) = (row.to_vec(), row.to_vec());
                    words(&mut fast, step, order);
                    scalar16(&mut slow, step, order, 0);
                    assert_eq!(fast, slow, "{length} samples, step {step}, {order:?}");
                }
            }
        }
    }
}
