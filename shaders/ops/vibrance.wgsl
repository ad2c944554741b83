struct Vibrance {
    boost: f32,
    to_cones: array<f32, 9>,
    to_light: array<f32, 9>,
}

fn vibrance(c: Vibrance, before: Px) -> Px {
    var px = before;
    let a = px.rgb.y;
    let b = px.rgb.z;
    let muted = 1.0 - purity(c.to_cones, c.to_light, px.rgb);
    let chroma = sqrt(a * a + b * b);
    let cosine = (a * 0.5735764 + b * 0.81915206) / max(chroma, 1e-9);
    let skin = chiaro_smoothstep(0.81915206, 0.9659258, cosine);
    let gain = 1.0 + c.boost * (muted * muted) * (1.0 - 0.6666667 * skin);
    px.rgb = vec3(px.rgb.x, a * gain, b * gain);
    return px;
}
