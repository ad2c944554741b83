//! Thirty-two pixels at a time, in two halves that overlap in the machine: first cells and weights, in 16-bit lanes, left in the first-level
//! cache; then, for eight pixels at a time, the gathers and the sums in 64-bit lanes.

use std::arch::x86_64::*;

use super::{Block, FIELD, FULL, MASK, PackedLut};

/// Pixels of a step.
const PIXELS: usize = 32;

/// Where the samples of each channel lie in the four registers of a step: places in the first two, in the last two, and which lanes come
/// from the last two.
const fn spread<const N: usize>() -> [([u16; 32], [u16; 32], u32); N] {
    let mut all = [([0; 32], [0; 32], 0); N];
    let mut at = 0;
    while at < N * PIXELS {
        let (pixel, channel) = (at / N, at % N);
        if at < 64 {
            all[channel].0[pixel] = at as u16;
        } else {
            all[channel].1[pixel] = at as u16 - 64;
            all[channel].2 |= 1 << pixel;
        }
        at += 1;
    }
    all
}

/// The samples of eight pixels in file order, from 64-bit lanes of four samples.
const fn gathered<const N: usize>() -> [u16; 32] {
    let mut all = [0; 32];
    let mut at = 0;
    while at < N * 8 {
        all[at] = (4 * (at / N) + at % N) as u16;
        at += 1;
    }
    all
}

/// Maps whole steps; returns the pixels done.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
pub(super) fn run<const N: usize>(lut: &PackedLut, input: &[u16], output: &mut [u16]) -> usize {
    // All but the oldest of these machines multiply and add in one instruction. The sums are whole numbers: the same bits.
    if std::arch::is_x86_feature_detected!("avx512ifma") {
        // SAFETY: the feature was just found, and the others are those of this function.
        return unsafe { run_fused::<N>(lut, input, output) };
    }
    run_plain::<N>(lut, input, output)
}

/// `sum + field * weight`, as `_mm512_madd52lo_epu64` has it.
#[inline]
#[target_feature(enable = "avx512f")]
fn multiply_add(sum: __m512i, field: __m512i, weight: __m512i) -> __m512i {
    _mm512_add_epi64(sum, _mm512_mul_epu32(field, weight))
}

/// The loop and its sums for one way to multiply and add: a function can only be inlined where its instructions are there.
macro_rules! kernel {
    ($run:ident, $sum:ident, $add:ident, $features:literal) => {
        /// Maps whole steps; returns the pixels done.
        #[target_feature(enable = $features)]
        pub(super) fn $run<const N: usize>(lut: &PackedLut, input: &[u16], output: &mut [u16]) -> usize {
            let spread = const { spread::<N>() };
            let order = load(&const { gathered::<N>() });
            let mut block = Block::default();
            let mut done = 0;
            for (input, output) in input.chunks_exact(N * PIXELS).zip(output.chunks_exact_mut(N * PIXELS)) {
                let mut samples = [_mm512_setzero_si512(); 4];
                for (register, samples) in samples.iter_mut().zip(input.as_chunks().0) {
                    *register = load(samples);
                }
                let mut channels = [_mm512_setzero_si512(); N];
                for (channel, (low, high, lanes)) in channels.iter_mut().zip(&spread) {
                    let low = _mm512_permutex2var_epi16(samples[0], load(low), samples[1]);
                    let high = _mm512_permutex2var_epi16(samples[2], load(high), samples[3]);
                    *channel = _mm512_mask_blend_epi16(*lanes, low, high);
                }
                prepare(lut, [channels[0], channels[1], channels[2]], &mut block);
                if N == 4 {
                    store(&mut block.alpha, channels[N - 1]);
                }
                for (eight, output) in output.chunks_exact_mut(N * 8).enumerate() {
                    let pixels = if lut.offset == 0 {
                        $sum::<N, true>(lut, &block, 8 * eight)
                    } else {
                        $sum::<N, false>(lut, &block, 8 * eight)
                    };
                    let lanes: __mmask32 = if N == 4 { u32::MAX } else { (1 << 24) - 1 };
                    // SAFETY: the mask has as many lanes as the chunk has samples, 24 or 32.
                    unsafe {
                        _mm512_mask_storeu_epi16(
                            output.as_mut_ptr().cast(),
                            lanes,
                            _mm512_permutexvar_epi16(order, pixels),
                        );
                    }
                }
                done += PIXELS;
            }
            done
        }

        /// The sums of eight pixels from place `first` of the block on, as codes: four samples in each 64-bit lane, alpha the highest. `PLAIN`:
        /// the table does not go beyond 0 to 1, and neither do the sums.
        #[inline]
        #[target_feature(enable = $features)]
        fn $sum<const N: usize, const PLAIN: bool>(lut: &PackedLut, block: &Block, first: usize) -> __m512i {
            let mask = _mm512_set1_epi64(MASK.cast_signed());
            let mut sums = [_mm512_set1_epi64(1 << (lut.shift - 1)); 3];
            for (indices, weights) in block.indices.iter().zip(&block.weights) {
                let weight = eight(weights, first);
                // SAFETY: eight of 32 indices. They come from codes by `places` and lie in the table, as in the scalar reference: the largest is
                // size^3 - 1.
                let node = unsafe {
                    let index = _mm256_loadu_epi32(indices.as_ptr().add(first).cast());
                    _mm512_i32gather_epi64::<8>(index, lut.nodes.as_ptr().cast())
                };
                let red = _mm512_and_si512(node, mask);
                let green = _mm512_and_si512(_mm512_srli_epi64::<FIELD>(node), mask);
                let blue = _mm512_srli_epi64::<{ 2 * FIELD }>(node);
                sums[0] = $add(sums[0], red, weight);
                sums[1] = $add(sums[1], green, weight);
                sums[2] = $add(sums[2], blue, weight);
            }
            let shift = _mm_cvtsi32_si128(lut.shift.cast_signed());
            for sum in &mut sums {
                *sum = if PLAIN { _mm512_srli_epi64::<FIELD>(*sum) } else { _mm512_srl_epi64(*sum, shift) };
                if !PLAIN {
                    let offset = _mm512_set1_epi64(lut.offset.into());
                    // The upper halves of the lanes are 0 and stay so.
                    let code = _mm512_max_epi32(_mm512_sub_epi32(*sum, offset), _mm512_setzero_si512());
                    *sum = _mm512_min_epi32(code, _mm512_set1_epi64(FULL.into()));
                }
            }
            let [red, green, blue] = sums;
            let two = _mm512_or_si512(red, _mm512_slli_epi64::<16>(green));
            let three = _mm512_or_si512(two, _mm512_slli_epi64::<32>(blue));
            if N == 4 { _mm512_or_si512(three, _mm512_slli_epi64::<48>(eight(&block.alpha, first))) } else { three }
        }
    };
}

kernel!(run_plain, sum_plain, multiply_add, "avx512f,avx512bw,avx512dq,avx512vl");
kernel!(run_fused, sum_fused, _mm512_madd52lo_epu64, "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma");

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn load(words: &[u16; 32]) -> __m512i {
    // SAFETY: 32 words are 64 bytes.
    unsafe { _mm512_loadu_epi16(words.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn store(words: &mut [u16; 32], value: __m512i) {
    // SAFETY: as above.
    unsafe { _mm512_storeu_epi16(words.as_mut_ptr().cast(), value) }
}

/// Indices and weights of 32 pixels.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn prepare(lut: &PackedLut, codes: [__m512i; 3], block: &mut Block) {
    let word = |v: u32| _mm512_set1_epi16((v as u16).cast_signed());
    let [(r, fr), (g, fg), (b, fb)] = places(lut, codes);
    let (stride_g, stride_b) = (word(lut.size), word(lut.size * lut.size));
    let (rg, rb, gb) =
        (_mm512_cmpge_epu16_mask(fr, fg), _mm512_cmpge_epu16_mask(fr, fb), _mm512_cmpge_epu16_mask(fg, fb));
    let most = _mm512_max_epu16(fr, _mm512_max_epu16(fg, fb));
    let least = _mm512_min_epu16(fr, _mm512_min_epu16(fg, fb));
    // Modulo 65 536 the middle one is what is left of the sum.
    let middle = _mm512_sub_epi16(_mm512_add_epi16(_mm512_add_epi16(fr, fg), fb), _mm512_add_epi16(most, least));
    let far = _mm512_mask_blend_epi16(rg & rb, _mm512_mask_blend_epi16(gb, stride_b, stride_g), word(1));
    // Least is blue where red and green are not below it, else the smaller of the two.
    let near = _mm512_mask_blend_epi16(rb & gb, _mm512_mask_blend_epi16(rg, word(1), stride_g), stride_b);
    store(&mut block.weights[0], _mm512_sub_epi16(word(FULL), most));
    store(&mut block.weights[1], _mm512_sub_epi16(most, middle));
    store(&mut block.weights[2], _mm512_sub_epi16(middle, least));
    store(&mut block.weights[3], least);
    // A node within one sheet of red and green still has 16 bits.
    let sheet = _mm512_add_epi16(r, _mm512_mullo_epi16(g, stride_g));
    let blue = _mm512_set1_epi32((lut.size * lut.size).cast_signed());
    let all = _mm512_set1_epi32((1 + lut.size + lut.size * lut.size).cast_signed());
    for half in 0..2 {
        let wide = |v: __m512i| {
            _mm512_cvtepu16_epi32(if half == 0 { _mm512_castsi512_si256(v) } else { _mm512_extracti64x4_epi64::<1>(v) })
        };
        let base = _mm512_add_epi32(wide(sheet), _mm512_mullo_epi32(wide(b), blue));
        let top = _mm512_add_epi32(base, all);
        let vertices = [base, _mm512_add_epi32(base, wide(far)), _mm512_sub_epi32(top, wide(near)), top];
        for (indices, vertex) in block.indices.iter_mut().zip(vertices) {
            // SAFETY: 16 of the 32 indices.
            unsafe { _mm512_storeu_epi32(indices.as_mut_ptr().add(16 * half).cast(), vertex) };
        }
    }
}

/// Cells and weights per channel.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn places(lut: &PackedLut, codes: [__m512i; 3]) -> [(__m512i, __m512i); 3] {
    let mut places = [(codes[0], codes[0]); 3];
    match &lut.positions {
        None => {
            let last = _mm512_set1_epi16(((lut.size - 1) as u16).cast_signed());
            let one = _mm512_set1_epi16(1);
            for (place, code) in places.iter_mut().zip(codes) {
                // As `cell`: high + low of the product, and one more when that carries.
                let (high, low) = (_mm512_mulhi_epu16(code, last), _mm512_mullo_epi16(code, last));
                let rest = _mm512_add_epi16(high, low);
                let carry = _mm512_cmplt_epu16_mask(rest, low);
                *place = (_mm512_mask_add_epi16(high, carry, high, one), _mm512_mask_add_epi16(rest, carry, rest, one));
            }
        }
        Some(tables) => {
            for ((place, code), table) in places.iter_mut().zip(codes).zip(tables) {
                let at = table.as_ptr().cast();
                let halves = [_mm512_castsi512_si256(code), _mm512_extracti64x4_epi64::<1>(code)];
                // SAFETY: codes have 16 bits, and a table has 65 536 words.
                let low = unsafe { _mm512_i32gather_epi32::<4>(_mm512_cvtepu16_epi32(halves[0]), at) };
                // SAFETY: as above.
                let high = unsafe { _mm512_i32gather_epi32::<4>(_mm512_cvtepu16_epi32(halves[1]), at) };
                let join = |low, high| {
                    _mm512_inserti64x4::<1>(
                        _mm512_castsi256_si512(_mm512_cvtepi32_epi16(low)),
                        _mm512_cvtepi32_epi16(high),
                    )
                };
                let node = join(_mm512_srli_epi32::<16>(low), _mm512_srli_epi32::<16>(high));
                *place = (node, join(low, high));
            }
        }
    }
    places
}

/// Eight of 32 samples, from `first` on, in 64-bit lanes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn eight(samples: &[u16; 32], first: usize) -> __m512i {
    debug_assert!(first <= 24);
    // SAFETY: `first` is 0, 8, 16 or 24: eight samples from there are inside.
    _mm512_cvtepu16_epi64(unsafe { _mm_loadu_epi16(samples.as_ptr().add(first).cast()) })
}
