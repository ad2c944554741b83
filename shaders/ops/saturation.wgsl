struct Saturation {
    boost: f32,
    spare: f32,
    to_cones: array<f32, 9>,
    to_light: array<f32, 9>,
}

fn saturation(c: Saturation, before: Px) -> Px {
    var px = before;
    let pure = purity_spared(purity(c.to_cones, c.to_light, px.rgb));
    let gain = 1.0 + c.boost * (1.0 - c.spare * pure);
    px.rgb = vec3(px.rgb.x, px.rgb.y * gain, px.rgb.z * gain);
    return px;
}
