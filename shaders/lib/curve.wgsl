// Transfer curves. Twin of src/color/curve.rs.

struct CurveConstants {
    cut: f32,
    linear_gain: f32,
    pre_scale: f32,
    pre_offset: f32,
    exponent: f32,
    post_scale: f32,
    post_offset: f32,
}

fn curve_apply(c: CurveConstants, x: f32) -> f32 {
    let size = abs(x);
    let straight = size * c.linear_gain;
    let bent = c.post_scale * chiaro_pow(size * c.pre_scale + c.pre_offset, c.exponent) + c.post_offset;
    let value = select(bent, straight, size <= c.cut);
    let signed = select(value, -value, x < 0.0);
    return select(x, signed, finite(x));
}
