//! exp2, log2 and pow as fixed polynomials of plain multiplies and adds.
//!
//! `f32::powf` calls the platform's C library: other bits on other systems, and no SIMD. These are the definition of the
//! transcendental functions in Chiaro; scalar, AVX2 and AVX-512 builds of a loop over them give identical bits because
//! nothing here is fused or reordered. `shaders/lib/math.wgsl` holds the same polynomials.

/// Adding and subtracting 1.5 * 2^23 rounds to the nearest integer, ties to even, for |x| < 2^22.
const ROUND: f32 = 12_582_912.0;

/// `2^x`, relative error below 2e-7; the argument is clamped to -126..=127.
///
/// Taylor series of e^(f ln 2) to degree 7 on |f| <= 1/2 (remainder below 6e-9), scaled through the exponent bits.
#[inline(always)]
pub fn exp2(x: f32) -> f32 {
    let x = x.clamp(-126.0, 127.0);
    let rounded = x + ROUND;
    let whole = rounded - ROUND;
    let t = (x - whole) * core::f32::consts::LN_2;
    let mut p = 1.0 / 5040.0;
    p = p * t + 1.0 / 720.0;
    p = p * t + 1.0 / 120.0;
    p = p * t + 1.0 / 24.0;
    p = p * t + 1.0 / 6.0;
    p = p * t + 0.5;
    p = p * t + 1.0;
    p = p * t + 1.0;
    // The low bits of `rounded` hold the integer: no conversion, which saturates in Rust and would keep the loop scalar.
    let scale = f32::from_bits(rounded.to_bits().wrapping_sub(ROUND.to_bits() - 127) << 23);
    p * scale
}

/// `log2(x)` for x > 0, absolute error below 2e-7 near 1 and one unit in the last place of the result elsewhere; subnormal
/// and smaller arguments count as 2^-126.
///
/// The mantissa is brought to [sqrt(1/2), sqrt(2)); log(m) = 2 artanh((m - 1) / (m + 1)), five terms (remainder below 4e-10).
#[inline(always)]
pub fn log2(x: f32) -> f32 {
    let bits = x.max(f32::MIN_POSITIVE).to_bits() as i32;
    const SQRT_HALF: i32 = 0x3f35_04f3;
    let exponent = (bits - SQRT_HALF) >> 23;
    let m = f32::from_bits((bits - (exponent << 23)) as u32);
    let s = (m - 1.0) / (m + 1.0);
    let s2 = s * s;
    let mut p = 1.0 / 9.0;
    p = p * s2 + 1.0 / 7.0;
    p = p * s2 + 1.0 / 5.0;
    p = p * s2 + 1.0 / 3.0;
    p = p * s2 + 1.0;
    // 2 / ln 2 = 2.885390...
    exponent as f32 + p * (s * 2.885_39)
}

/// `x^y` for finite x; 0 for x <= 0.
#[inline(always)]
pub fn pow(x: f32, y: f32) -> f32 {
    let value = exp2(y * log2(x));
    if x > 0.0 { value } else { 0.0 }
}

/// `f` of each channel. Loops over pixels use this instead of `array::map`, which is compiled once without AVX and called per pixel.
#[inline(always)]
pub fn each_channel(v: [f32; 3], f: impl Fn(f32) -> f32) -> [f32; 3] {
    [f(v[0]), f(v[1]), f(v[2])]
}

/// Hermite step from 0 at `a` to 1 at `b`.
#[inline(always)]
pub fn smoothstep(a: f32, b: f32, x: f32) -> f32 {
    let t = ((x - a) / (b - a)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp2_and_log2_keep_their_stated_errors() {
        let mut worst_exp = 0.0f64;
        let mut worst_log = 0.0f64;
        for i in -20_000..=20_000 {
            let x = i as f32 * 1e-3;
            let exact = f64::from(x).exp2();
            worst_exp = worst_exp.max((f64::from(exp2(x)) / exact - 1.0).abs());
            let v = exact as f32;
            let error = (f64::from(log2(v)) - f64::from(v).log2()).abs();
            worst_log = worst_log.max(error / f64::from(x.abs()).max(1.0));
        }
        assert!(worst_exp < 2e-7, "exp2 {worst_exp:e}");
        assert!(worst_log < 2e-7, "log2 {worst_log:e}");
    }

    #[test]
    fn pow_covers_the_transfer_curves() {
        for (x, y) in [(0.5f32, 2.4f32), (1e-4, 1.0 / 2.4), (1.0, 2.2), (16.0, 0.45), (0.003, 1.8)] {
            let exact = f64::from(x).powf(f64::from(y));
            assert!((f64::from(pow(x, y)) / exact - 1.0).abs() < 1.2e-6, "{x}^{y}");
        }
        assert_eq!(pow(0.0, 2.4), 0.0);
        assert_eq!(pow(-1.0, 2.4), 0.0);
        assert_eq!(pow(1.0, 2.4), 1.0);
    }
}
