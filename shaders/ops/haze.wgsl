struct Haze {
    exponent: f32,
    start: f32,
    span: f32,
    air: array<f32, 3>,
}

fn haze(c: Haze, before: Px) -> Px {
    var px = before;
    let beyond = max(distance_from_disparity(px.disparity) - c.start, 0.0) * c.span;
    let survives = chiaro_exp2(c.exponent * beyond);
    px.rgb = px.rgb * survives + vec3(c.air[0], c.air[1], c.air[2]) * (1.0 - survives);
    return px;
}
