//! exp2, log2 and pow as fixed polynomials of plain multiplies and adds.
//!
//! `f32::powf` calls the platform's C library: other bits on other systems, and no SIMD. These are the definition of the
//! transcendental functions in Chiaro; scalar, AVX2 and AVX-512 builds of a loop over them give identical bits because
//! nothing here is fused or reordered. `shaders/lib/math.wgsl` holds the same polynomials.

/// Adding and subtracting 1.5 * 2^23 rounds to the nearest integer, ties to even, for |x| < 2^22.
const ROUND: f32 = 12_582_912.0;

/// `2^x`, relative error below 2e-7; the argument is clamped to -126..=127.
///
/// A polynomial of degree 5 on |f| <= 1/2 with the smallest relative error (9.2e-8; Remez, exact at 0), scaled through the exponent bits.
#[inline(always)]
pub fn exp2(x: f32) -> f32 {
    let x = x.clamp(-126.0, 127.0);
    let rounded = x + ROUND;
    let t = x - (rounded - ROUND);
    let p = polynomial(&[1.0, 0.693_146_98, 0.240_222_42, 0.055_507_34, 0.009_671_513, 0.001_326_471_8], t);
    // The low bits of `rounded` hold the integer: no conversion, which saturates in Rust and would keep the loop scalar.
    let scale = f32::from_bits(rounded.to_bits().wrapping_sub(ROUND.to_bits() - 127) << 23);
    p * scale
}

/// `log2(x)` for x > 0, absolute error below 2e-7 near 1 and one unit in the last place of the result elsewhere; subnormal
/// and smaller arguments count as 2^-126.
///
/// The mantissa is brought to [sqrt(1/2), sqrt(2)); log(m) = 2 artanh((m - 1) / (m + 1)), four terms with the smallest relative error
/// (8.1e-10), times 2 / ln 2.
#[inline(always)]
pub fn log2(x: f32) -> f32 {
    let bits = x.max(f32::MIN_POSITIVE).to_bits() as i32;
    const SQRT_HALF: i32 = 0x3f35_04f3;
    let exponent = (bits - SQRT_HALF) >> 23;
    let m = f32::from_bits((bits - (exponent << 23)) as u32);
    let s = (m - 1.0) / (m + 1.0);
    let p = polynomial(&[2.885_390_1, 0.961_798_3, 0.576_754_3, 0.430_952_8], s * s);
    exponent as f32 + p * s
}

/// `k[0] + k[1] t + k[2] t^2 + ...`, innermost first.
#[inline(always)]
fn polynomial<const N: usize>(k: &[f32; N], t: f32) -> f32 {
    let mut p = k[N - 1];
    let mut i = N - 1;
    while i > 0 {
        i -= 1;
        p = p * t + k[i];
    }
    p
}

/// A first guess of `x^(-1/N)`, off by a factor of at most 1.04: a float read as an integer is nearly its logarithm (the trick of the
/// fast inverse square root), so a division of the bits by `N` is nearly a root. Sixteen bits are enough, and their product fits
/// multiplications of small integers, which are quick on every instruction set. `key` centers the error.
#[inline(always)]
fn inverse_root<const N: u32>(x: f32, key: u32) -> f32 {
    let high = (x.to_bits() >> 16) & 0x7fff;
    f32::from_bits(key.wrapping_sub(high * (65_536 / N)))
}

/// `x^(12/5)` for x up to 2^52 (larger ones count as 2^52), relative error below 3.5e-7, exact at 1; 0 for x <= 0.
///
/// With `y` near `x^(-1/5)` and `r = x y^5` near 1 (0.852 to 1.173), `x^(12/5) = x^2 (x y^3) r^(-3/5)` exactly; `r^(-3/5)` is a polynomial
/// of degree 6 (error 1.2e-8; Remez). No logarithm, no division: half the cost of [`pow`], and closer.
#[inline(always)]
pub fn pow_12_5(x: f32) -> f32 {
    let x = within(x, 4_503_599_627_370_496.0);
    let y = inverse_root::<5>(x, 0x4c2b_98e8);
    let y2 = y * y;
    let y3 = y2 * y;
    let k = [1.0, -0.600_000_44, 0.479_994_92, -0.415_847_06, 0.374_998_6, -0.357_167_24, 0.309_424_94];
    let p = polynomial(&k, x * (y2 * y3) - 1.0);
    (x * x) * ((x * y3) * p)
}

/// `x^(5/12)` for x up to 2^120 (larger ones count as 2^120), relative error below 4e-7, exact at 1; 0 for x <= 0.
///
/// With `y` near `x^(-1/12)` and `r = x y^12` near 1 (0.697 to 1.433), `x^(5/12) = x y^7 r^(-7/12)` exactly; `r^(-7/12)` is a polynomial of
/// degree 8 (error 9.4e-8; Remez).
#[inline(always)]
pub fn pow_5_12(x: f32) -> f32 {
    let x = within(x, 1.329_227_995_784_916e36);
    let y = inverse_root::<12>(x, 0x44c4_231c);
    let y2 = y * y;
    let y3 = y2 * y;
    let y6 = y3 * y3;
    let k = [
        0.999_999_88,
        -0.583_333_1,
        0.461_834_07,
        -0.397_720_78,
        0.354_894_6,
        -0.323_668_27,
        0.323_267_01,
        -0.336_676_2,
        0.208_020_2,
    ];
    let p = polynomial(&k, x * (y6 * y6) - 1.0);
    (x * (y6 * y)) * p
}

/// `x^(1/3)` for x up to 2^120 (larger ones count as 2^120), relative error below 3e-7, exact at 1; 0 for x <= 0.
///
/// With `y` near `x^(-1/3)` and `r = x y^3` near 1 (0.911 to 1.129), `x^(1/3) = x y^2 r^(-2/3)` exactly; `r^(-2/3)` is a polynomial of degree
/// 5 (error 1.9e-8; Remez).
#[inline(always)]
pub fn pow_1_3(x: f32) -> f32 {
    let x = within(x, 1.329_227_995_784_916e36);
    let y = inverse_root::<3>(x, 0x54a2_fe24);
    let y2 = y * y;
    let k = [1.0, -0.666_665_8, 0.555_540_03, -0.494_254_86, 0.457_439_48, -0.384_762_38];
    let p = polynomial(&k, x * (y2 * y) - 1.0);
    (x * y2) * p
}

/// `x` between 0 and `limit`; NaN is 0. Two instructions, where `max` and `min`, which treat NaN alike on both sides, are six.
#[inline(always)]
fn within(x: f32, limit: f32) -> f32 {
    let x = if x > 0.0 { x } else { 0.0 };
    if x < limit { x } else { limit }
}

/// `x` between 0 and 1; NaN is 0.
#[inline(always)]
pub fn unit(x: f32) -> f32 {
    within(x, 1.0)
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

    /// Every float of a binade behaves like those of the next one but for the guess: steps of 1e-5 from the darkest codes to far above white.
    #[test]
    fn roots_keep_their_stated_errors() {
        let mut worst = [0.0f64; 3];
        let mut x = 1e-7f32;
        while x < 1e3 {
            let exact = f64::from(x);
            worst[0] = worst[0].max((f64::from(pow_12_5(x)) / exact.powf(2.4) - 1.0).abs());
            worst[1] = worst[1].max((f64::from(pow_5_12(x)) / exact.powf(5.0 / 12.0) - 1.0).abs());
            worst[2] = worst[2].max((f64::from(pow_1_3(x)) / exact.cbrt() - 1.0).abs());
            x *= 1.000_01;
        }
        assert!(worst[0] < 3.5e-7 && worst[1] < 4e-7 && worst[2] < 3e-7, "{worst:?}");
        for f in [pow_12_5, pow_5_12, pow_1_3] {
            assert_eq!([0.0, -1.0, f32::NAN, 1.0].map(f), [0.0, 0.0, 0.0, 1.0]);
            assert!([f32::MAX, f32::INFINITY, 1e-40].iter().all(|v| f(*v).is_finite()));
        }
    }

    #[test]
    fn unit_bounds_everything() {
        let found = [f32::NAN, f32::NEG_INFINITY, -0.1, 0.0, 0.3, 1.0, 1.1, f32::INFINITY].map(unit);
        assert_eq!(found, [0.0, 0.0, 0.0, 0.0, 0.3, 1.0, 1.0, 1.0]);
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
