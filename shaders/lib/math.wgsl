// exp2, log2, pow and three roots as the polynomials of src/color/math.rs: built-in ones differ between drivers.

fn chiaro_exp2(v: f32) -> f32 {
    let x = clamp(v, -126.0, 127.0);
    let whole = round(x);
    let t = x - whole;
    var p = 0.0013264718;
    p = p * t + 0.009671513;
    p = p * t + 0.05550734;
    p = p * t + 0.24022242;
    p = p * t + 0.69314698;
    p = p * t + 1.0;
    return p * bitcast<f32>(u32(i32(whole) + 127) << 23u);
}

fn chiaro_log2(v: f32) -> f32 {
    let bits = bitcast<i32>(max(v, 1.1754944e-38));
    let exponent = (bits - 0x3f3504f3) >> 23u;
    let m = bitcast<f32>(bits - (exponent << 23u));
    let s = (m - 1.0) / (m + 1.0);
    let s2 = s * s;
    var p = 0.4309528;
    p = p * s2 + 0.5767543;
    p = p * s2 + 0.9617983;
    p = p * s2 + 2.8853901;
    return f32(exponent) + p * s;
}

fn chiaro_inverse_root(x: f32, key: u32, step: u32) -> f32 {
    return bitcast<f32>(key - ((bitcast<u32>(x) >> 16u) & 0x7fffu) * step);
}

// x^(12/5); 0 for x <= 0.
fn chiaro_pow_12_5(v: f32) -> f32 {
    let x = clamp(v, 0.0, 4503599627370496.0);
    let y = chiaro_inverse_root(x, 0x4c2b98e8u, 13107u);
    let y2 = y * y;
    let y3 = y2 * y;
    let t = x * (y2 * y3) - 1.0;
    var p = 0.30942494;
    p = p * t - 0.35716724;
    p = p * t + 0.3749986;
    p = p * t - 0.41584706;
    p = p * t + 0.47999492;
    p = p * t - 0.60000044;
    p = p * t + 1.0;
    return (x * x) * ((x * y3) * p);
}

// x^(5/12); 0 for x <= 0.
fn chiaro_pow_5_12(v: f32) -> f32 {
    let x = clamp(v, 0.0, 1.329227995784916e36);
    let y = chiaro_inverse_root(x, 0x44c4231cu, 5461u);
    let y2 = y * y;
    let y3 = y2 * y;
    let y6 = y3 * y3;
    let t = x * (y6 * y6) - 1.0;
    var p = 0.2080202;
    p = p * t - 0.3366762;
    p = p * t + 0.32326701;
    p = p * t - 0.32366827;
    p = p * t + 0.3548946;
    p = p * t - 0.39772078;
    p = p * t + 0.46183407;
    p = p * t - 0.5833331;
    p = p * t + 0.99999988;
    return (x * (y6 * y)) * p;
}

// x^(1/3); 0 for x <= 0.
fn chiaro_pow_1_3(v: f32) -> f32 {
    let x = clamp(v, 0.0, 1.329227995784916e36);
    let y = chiaro_inverse_root(x, 0x54a2fe24u, 21845u);
    let y2 = y * y;
    let t = x * (y2 * y) - 1.0;
    var p = -0.38476238;
    p = p * t + 0.45743948;
    p = p * t - 0.49425486;
    p = p * t + 0.55554003;
    p = p * t - 0.6666658;
    p = p * t + 1.0;
    return (x * y2) * p;
}

fn chiaro_pow(x: f32, y: f32) -> f32 {
    return select(0.0, chiaro_exp2(y * chiaro_log2(x)), x > 0.0);
}

fn chiaro_smoothstep(a: f32, b: f32, x: f32) -> f32 {
    let t = clamp((x - a) / (b - a), 0.0, 1.0);
    return t * t * (3.0 - 2.0 * t);
}
