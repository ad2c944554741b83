struct Vignette {
    center: array<f32, 2>,
    scale: array<f32, 2>,
    ellipse: array<f32, 2>,
    rectangle: f32,
    start: f32,
    end: f32,
    stops: f32,
}

fn vignette(c: Vignette, before: Px) -> Px {
    var px = before;
    let u = min(abs((f32(px.x) - c.center[0]) * c.scale[0]), 2.0);
    let v = min(abs((f32(px.y) - c.center[1]) * c.scale[1]), 2.0);
    let u2 = u * u;
    let v2 = v * v;
    let u4 = u2 * u2;
    let v4 = v2 * v2;
    let rounded = sqrt(sqrt((u4 * u4 + v4 * v4) * 0.5));
    let radius = sqrt(c.ellipse[0] * u2 + c.ellipse[1] * v2 + c.rectangle * rounded);
    let gain = chiaro_exp2(c.stops * chiaro_smoothstep(c.start, c.end, radius));
    px.rgb = px.rgb * gain;
    return px;
}
