struct Dehaze {
    exponent: f32,
    start: f32,
    span: f32,
    floor: f32,
    protect: f32,
    air: array<f32, 3>,
    inverse_air: array<f32, 3>,
}

fn dehaze(c: Dehaze, before: Px) -> Px {
    var px = before;
    let beyond = max(distance_from_disparity(px.disparity) - c.start, 0.0) * c.span;
    let survives = chiaro_exp2(c.exponent * beyond);
    let veil = 1.0 - survives;
    let ratio = px.rgb * vec3(c.inverse_air[0], c.inverse_air[1], c.inverse_air[2]);
    let most = max(min(min(ratio.r, ratio.g), ratio.b), 0.0);
    let left = most - veil;
    let toe = c.protect * veil + 1e-6;
    let held = 1.0 - most + toe * toe / (2.0 * toe - min(left, toe));
    let share = min(max(max(select(survives, held, left < toe), survives), c.floor), 1.0);
    px.rgb = (px.rgb - vec3(c.air[0], c.air[1], c.air[2]) * (1.0 - share)) / share;
    return px;
}
