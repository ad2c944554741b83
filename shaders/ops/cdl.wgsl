struct Cdl {
    slope: array<f32, 3>,
    offset: array<f32, 3>,
    power: array<f32, 3>,
    saturation: f32,
    limited: u32,
}

fn cdl_limit(c: Cdl, v: f32) -> f32 {
    return select(v, min(max(v, 0.0), 1.0), c.limited == 1u);
}

fn cdl_powered(c: Cdl, value: f32, slope: f32, offset: f32, power: f32) -> f32 {
    let v = cdl_limit(c, value * slope + offset);
    return select(chiaro_pow(v, power), v, v <= 0.0 || power == 1.0);
}

fn cdl_saturate(c: Cdl, luma: f32, v: f32) -> f32 {
    let saturated = luma + c.saturation * (v - luma);
    return cdl_limit(c, select(saturated, v, c.saturation == 1.0));
}

fn cdl(c: Cdl, before: Px) -> Px {
    var px = before;
    let r = cdl_powered(c, px.rgb.r, c.slope[0], c.offset[0], c.power[0]);
    let g = cdl_powered(c, px.rgb.g, c.slope[1], c.offset[1], c.power[1]);
    let b = cdl_powered(c, px.rgb.b, c.slope[2], c.offset[2], c.power[2]);
    let luma = 0.2126 * r + 0.7152 * g + 0.0722 * b;
    px.rgb = vec3(cdl_saturate(c, luma, r), cdl_saturate(c, luma, g), cdl_saturate(c, luma, b));
    return px;
}
