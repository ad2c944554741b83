// exp2, log2 and pow as the polynomials of src/color/math.rs: built-in ones differ between drivers.

fn chiaro_exp2(v: f32) -> f32 {
    let x = clamp(v, -126.0, 127.0);
    let whole = round(x);
    let t = (x - whole) * 0.6931471805599453;
    var p = 1.0 / 5040.0;
    p = p * t + 1.0 / 720.0;
    p = p * t + 1.0 / 120.0;
    p = p * t + 1.0 / 24.0;
    p = p * t + 1.0 / 6.0;
    p = p * t + 0.5;
    p = p * t + 1.0;
    p = p * t + 1.0;
    return p * bitcast<f32>(u32(i32(whole) + 127) << 23u);
}

fn chiaro_log2(v: f32) -> f32 {
    let bits = bitcast<i32>(max(v, 1.1754944e-38));
    let exponent = (bits - 0x3f3504f3) >> 23u;
    let m = bitcast<f32>(bits - (exponent << 23u));
    let s = (m - 1.0) / (m + 1.0);
    let s2 = s * s;
    var p = 1.0 / 9.0;
    p = p * s2 + 1.0 / 7.0;
    p = p * s2 + 1.0 / 5.0;
    p = p * s2 + 1.0 / 3.0;
    p = p * s2 + 1.0;
    return f32(exponent) + p * (s * 2.88539);
}

fn chiaro_pow(x: f32, y: f32) -> f32 {
    return select(0.0, chiaro_exp2(y * chiaro_log2(x)), x > 0.0);
}

fn chiaro_smoothstep(a: f32, b: f32, x: f32) -> f32 {
    let t = clamp((x - a) / (b - a), 0.0, 1.0);
    return t * t * (3.0 - 2.0 * t);
}
