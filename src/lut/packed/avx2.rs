//! Sixteen pixels at a time, in two halves that overlap in the machine: first cells and weights, in 16-bit lanes, left in the first-level
//! cache; then, for four pixels at a time, the gathers and the sums in 64-bit lanes.

use std::arch::x86_64::*;

use super::{Block, FIELD, FULL, MASK, PackedLut};

/// Pixels of a step: eight in each half of a register.
const PIXELS: usize = 16;

/// For each channel and each eight samples of eight pixels: which byte goes where, 0x80 = none.
const fn spread<const N: usize>() -> [[[u8; 16]; N]; N] {
    let mut all = [[[0x80; 16]; N]; N];
    let mut at = 0;
    while at < N * 8 {
        let (pixel, channel) = (at / N, at % N);
        all[channel][at / 8][2 * pixel] = 2 * (at % 8) as u8;
        all[channel][at / 8][2 * pixel + 1] = 2 * (at % 8) as u8 + 1;
        at += 1;
    }
    all
}

/// Three of four samples of each 64-bit lane, side by side in the low 12 bytes.
const PACKED: [i8; 16] = [0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, -1, -1, -1, -1];

/// Maps whole steps; returns the pixels done.
#[target_feature(enable = "avx2")]
pub(super) fn run<const N: usize>(lut: &PackedLut, input: &[u16], output: &mut [u16]) -> usize {
    let spread = const { spread::<N>() };
    let mut block = Block::default();
    // Pixels of three samples are stored by sixteen bytes that overlap: the last ones need room behind them.
    let mut packed = [0u16; PIXELS * 4 + 8];
    let mut done = 0;
    for (input, output) in input.chunks_exact(N * PIXELS).zip(output.chunks_exact_mut(N * PIXELS)) {
        let (low, high) = input.split_at(N * 8);
        let mut samples = [_mm256_setzero_si256(); N];
        for (register, (low, high)) in samples.iter_mut().zip(low.as_chunks().0.iter().zip(high.as_chunks().0)) {
            *register = _mm256_set_m128i(load(high), load(low));
        }
        let mut channels = [_mm256_setzero_si256(); N];
        for (channel, masks) in channels.iter_mut().zip(&spread) {
            for (register, mask) in samples.iter().zip(masks) {
                // SAFETY: a mask has 16 bytes.
                let mask = _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(mask.as_ptr().cast()) });
                *channel = _mm256_or_si256(*channel, _mm256_shuffle_epi8(*register, mask));
            }
        }
        prepare(lut, [channels[0], channels[1], channels[2]], &mut block);
        if N == 4 {
            store(&mut block.alpha, channels[N - 1]);
        }
        for four in 0..PIXELS / 4 {
            let pixels = if lut.offset == 0 {
                sum::<N, true>(lut, &block, 4 * four)
            } else {
                sum::<N, false>(lut, &block, 4 * four)
            };
            // SAFETY: the last store ends at place 12 * 3 + 6 + 8 = 50 (or 64 of 64) of 72.
            unsafe {
                let at = packed.as_mut_ptr().add(4 * N * four);
                if N == 4 {
                    _mm256_storeu_si256(at.cast(), pixels);
                } else {
                    let order = _mm256_broadcastsi128_si256(_mm_loadu_si128(PACKED.as_ptr().cast()));
                    let pixels = _mm256_shuffle_epi8(pixels, order);
                    _mm_storeu_si128(at.cast(), _mm256_castsi256_si128(pixels));
                    _mm_storeu_si128(at.add(6).cast(), _mm256_extracti128_si256::<1>(pixels));
                }
            }
        }
        output.copy_from_slice(&packed[..N * PIXELS]);
        done += PIXELS;
    }
    done
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(words: &[u16; 8]) -> __m128i {
    // SAFETY: eight words are 16 bytes.
    unsafe { _mm_loadu_si128(words.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn store(words: &mut [u16; 32], value: __m256i) {
    // SAFETY: 32 bytes of 64.
    unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), value) }
}

/// Indices and weights of 16 pixels.
#[inline]
#[target_feature(enable = "avx2")]
fn prepare(lut: &PackedLut, codes: [__m256i; 3], block: &mut Block) {
    let word = |v: u32| _mm256_set1_epi16((v as u16).cast_signed());
    let [(r, fr), (g, fg), (b, fb)] = places(lut, codes);
    let (stride_g, stride_b) = (word(lut.size), word(lut.size * lut.size));
    // Not below: all bits of the lane.
    let (max_rg, max_rb, max_gb) = (_mm256_max_epu16(fr, fg), _mm256_max_epu16(fr, fb), _mm256_max_epu16(fg, fb));
    let (rg, rb, gb) = (_mm256_cmpeq_epi16(max_rg, fr), _mm256_cmpeq_epi16(max_rb, fr), _mm256_cmpeq_epi16(max_gb, fg));
    let most = _mm256_max_epu16(max_rg, fb);
    let least = _mm256_min_epu16(fr, _mm256_min_epu16(fg, fb));
    // Modulo 65 536 the middle one is what is left of the sum.
    let middle = _mm256_sub_epi16(_mm256_add_epi16(_mm256_add_epi16(fr, fg), fb), _mm256_add_epi16(most, least));
    let far = _mm256_blendv_epi8(_mm256_blendv_epi8(stride_b, stride_g, gb), word(1), _mm256_and_si256(rg, rb));
    // Least is blue where red and green are not below it, else the smaller of the two.
    let near = _mm256_blendv_epi8(_mm256_blendv_epi8(word(1), stride_g, rg), stride_b, _mm256_and_si256(rb, gb));
    store(&mut block.weights[0], _mm256_sub_epi16(word(FULL), most));
    store(&mut block.weights[1], _mm256_sub_epi16(most, middle));
    store(&mut block.weights[2], _mm256_sub_epi16(middle, least));
    store(&mut block.weights[3], least);
    // A node within one sheet of red and green still has 16 bits.
    let sheet = _mm256_add_epi16(r, _mm256_mullo_epi16(g, stride_g));
    let blue = _mm256_set1_epi32((lut.size * lut.size).cast_signed());
    let all = _mm256_set1_epi32((1 + lut.size + lut.size * lut.size).cast_signed());
    for half in 0..2 {
        let wide = |v: __m256i| {
            _mm256_cvtepu16_epi32(if half == 0 { _mm256_castsi256_si128(v) } else { _mm256_extracti128_si256::<1>(v) })
        };
        let base = _mm256_add_epi32(wide(sheet), _mm256_mullo_epi32(wide(b), blue));
        let top = _mm256_add_epi32(base, all);
        let vertices = [base, _mm256_add_epi32(base, wide(far)), _mm256_sub_epi32(top, wide(near)), top];
        for (indices, vertex) in block.indices.iter_mut().zip(vertices) {
            // SAFETY: eight of the 32 indices.
            unsafe { _mm256_storeu_si256(indices.as_mut_ptr().add(8 * half).cast(), vertex) };
        }
    }
}

/// Cells and weights per channel.
#[inline]
#[target_feature(enable = "avx2")]
fn places(lut: &PackedLut, codes: [__m256i; 3]) -> [(__m256i, __m256i); 3] {
    let mut places = [(codes[0], codes[0]); 3];
    match &lut.positions {
        None => {
            let last = _mm256_set1_epi16(((lut.size - 1) as u16).cast_signed());
            let one = _mm256_set1_epi16(1);
            for (place, code) in places.iter_mut().zip(codes) {
                // As `cell`: high + low of the product, and one more when that carries.
                let (high, low) = (_mm256_mulhi_epu16(code, last), _mm256_mullo_epi16(code, last));
                let rest = _mm256_add_epi16(high, low);
                // 1 with a carry, 0 without.
                let carry = _mm256_add_epi16(one, _mm256_cmpeq_epi16(_mm256_max_epu16(rest, low), rest));
                *place = (_mm256_add_epi16(high, carry), _mm256_add_epi16(rest, carry));
            }
        }
        Some(tables) => {
            for ((place, code), table) in places.iter_mut().zip(codes).zip(tables) {
                let at = table.as_ptr().cast();
                // Halves of each half: packing them again restores the order.
                let zero = _mm256_setzero_si256();
                // SAFETY: codes have 16 bits, and a table has 65 536 words.
                let low = unsafe { _mm256_i32gather_epi32::<4>(at, _mm256_unpacklo_epi16(code, zero)) };
                // SAFETY: as above.
                let high = unsafe { _mm256_i32gather_epi32::<4>(at, _mm256_unpackhi_epi16(code, zero)) };
                let rest = _mm256_set1_epi32(0xffff);
                *place = (
                    _mm256_packus_epi32(_mm256_srli_epi32::<16>(low), _mm256_srli_epi32::<16>(high)),
                    _mm256_packus_epi32(_mm256_and_si256(low, rest), _mm256_and_si256(high, rest)),
                );
            }
        }
    }
    places
}

/// The sums of four pixels from place `first` of the block on, as codes: four samples in each 64-bit lane, alpha the highest. `PLAIN`:
/// the table does not go beyond 0 to 1, and neither do the sums.
#[inline]
#[target_feature(enable = "avx2")]
fn sum<const N: usize, const PLAIN: bool>(lut: &PackedLut, block: &Block, first: usize) -> __m256i {
    let mask = _mm256_set1_epi64x(MASK.cast_signed());
    let mut sums = [_mm256_set1_epi64x(1 << (lut.shift - 1)); 3];
    for (indices, weights) in block.indices.iter().zip(&block.weights) {
        let weight = four(weights, first);
        // SAFETY: four of 32 indices. They come from codes by `places` and lie in the table, as in the scalar reference: the largest is
        // size^3 - 1.
        let node = unsafe {
            let index = _mm_loadu_si128(indices.as_ptr().add(first).cast());
            _mm256_i32gather_epi64::<8>(lut.nodes.as_ptr().cast(), index)
        };
        let red = _mm256_and_si256(node, mask);
        let green = _mm256_and_si256(_mm256_srli_epi64::<{ FIELD as i32 }>(node), mask);
        let blue = _mm256_srli_epi64::<{ 2 * FIELD as i32 }>(node);
        sums[0] = _mm256_add_epi64(sums[0], _mm256_mul_epu32(red, weight));
        sums[1] = _mm256_add_epi64(sums[1], _mm256_mul_epu32(green, weight));
        sums[2] = _mm256_add_epi64(sums[2], _mm256_mul_epu32(blue, weight));
    }
    let shift = _mm_cvtsi32_si128(lut.shift.cast_signed());
    for sum in &mut sums {
        *sum = if PLAIN { _mm256_srli_epi64::<{ FIELD as i32 }>(*sum) } else { _mm256_srl_epi64(*sum, shift) };
        if !PLAIN {
            let offset = _mm256_set1_epi64x(lut.offset.into());
            // The upper halves of the lanes are 0 and stay so.
            let code = _mm256_max_epi32(_mm256_sub_epi32(*sum, offset), _mm256_setzero_si256());
            *sum = _mm256_min_epi32(code, _mm256_set1_epi64x(FULL.into()));
        }
    }
    let [red, green, blue] = sums;
    let two = _mm256_or_si256(red, _mm256_slli_epi64::<16>(green));
    let three = _mm256_or_si256(two, _mm256_slli_epi64::<32>(blue));
    if N == 4 { _mm256_or_si256(three, _mm256_slli_epi64::<48>(four(&block.alpha, first))) } else { three }
}

/// Four of the block's samples, from `first` on, in 64-bit lanes.
#[inline]
#[target_feature(enable = "avx2")]
fn four(samples: &[u16; 32], first: usize) -> __m256i {
    debug_assert!(first <= 12);
    // SAFETY: `first` is at most 12: four samples from there are inside.
    _mm256_cvtepu16_epi64(unsafe { _mm_loadl_epi64(samples.as_ptr().add(first).cast()) })
}
