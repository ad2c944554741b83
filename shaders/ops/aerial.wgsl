struct Aerial {
    start: f32,
    span: f32,
    falloff: f32,
    paled: f32,
    drawn: f32,
    lightness: f32,
    inverse_lightness: f32,
    tint: array<f32, 2>,
}

fn aerial(c: Aerial, before: Px) -> Px {
    var px = before;
    let share = chiaro_pow((distance_from_disparity(px.disparity) - c.start) * c.span, c.falloff);
    let drawn = px.rgb.x + share * c.drawn * (c.lightness - px.rgb.x);
    let left = 1.0 - share * c.paled;
    let lean = share * clamp(drawn * c.inverse_lightness, 0.0, 1.0);
    px.rgb = vec3(drawn, px.rgb.yz * left + lean * vec2(c.tint[0], c.tint[1]));
    return px;
}
