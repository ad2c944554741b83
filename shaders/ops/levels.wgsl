struct Levels {
    black: array<f32, 3>,
    scale: array<f32, 3>,
    exponent: array<f32, 3>,
    low: array<f32, 3>,
    span: array<f32, 3>,
    limited: u32,
}

fn levels_bent(c: Levels, v: f32, exponent: f32) -> f32 {
    let t = select(v, min(max(v, 0.0), 1.0), c.limited == 1u);
    let size = chiaro_pow(abs(t), exponent);
    return select(select(size, -size, t < 0.0), t, exponent == 1.0);
}

fn levels(c: Levels, before: Px) -> Px {
    var px = before;
    px.rgb = vec3(
        c.low[0] + levels_bent(c, (px.rgb.r - c.black[0]) * c.scale[0], c.exponent[0]) * c.span[0],
        c.low[1] + levels_bent(c, (px.rgb.g - c.black[1]) * c.scale[1], c.exponent[1]) * c.span[1],
        c.low[2] + levels_bent(c, (px.rgb.b - c.black[2]) * c.scale[2], c.exponent[2]) * c.span[2],
    );
    return px;
}
