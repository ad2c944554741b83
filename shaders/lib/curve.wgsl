// Transfer curves. Twin of src/color/curve.rs.

struct CurveConstants {
    cut: f32,
    linear_gain: f32,
    pre_scale: f32,
    pre_offset: f32,
    exponent: f32,
    post_scale: f32,
    post_offset: f32,
    form: u32,
}

fn acescct_encode(x: f32) -> f32 {
    let straight = 10.5402377 * x + 0.0729055342;
    let bent = (chiaro_log2(x) + 9.72) / 17.52;
    return select(x, select(bent, straight, x <= 0.0078125), finite(x));
}

fn acescct_decode(x: f32) -> f32 {
    let straight = (x - 0.0729055342) / 10.5402377;
    let bent = chiaro_exp2(x * 17.52 - 9.72);
    return select(x, select(bent, straight, x <= 0.15525114), finite(x));
}

fn curve_apply(c: CurveConstants, x: f32) -> f32 {
    if c.form == 1u {
        return acescct_encode(x);
    }
    if c.form == 2u {
        return acescct_decode(x);
    }
    let size = abs(x);
    let straight = size * c.linear_gain;
    let arg = size * c.pre_scale + c.pre_offset;
    var powered = 0.0;
    if c.form == 3u {
        powered = chiaro_pow_12_5(arg);
    } else if c.form == 4u {
        powered = chiaro_pow_5_12(arg);
    } else {
        powered = chiaro_pow(arg, c.exponent);
    }
    let bent = c.post_scale * powered + c.post_offset;
    let value = select(bent, straight, size <= c.cut);
    let signed = select(value, -value, x < 0.0);
    return select(x, signed, finite(x));
}
