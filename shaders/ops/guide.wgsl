struct Guide {
    curve: CurveConstants,
    weights: array<f32, 3>,
    light: u32,
}

fn guide(c: Guide, before: Px) -> Px {
    var px = before;
    var v = min(max(px.rgb, vec3(0.0)), vec3(1.0));
    if c.light == 1u {
        v = vec3(curve_apply(c.curve, v.r), curve_apply(c.curve, v.g), curve_apply(c.curve, v.b));
    }
    px.guide = c.weights[0] * v.r + c.weights[1] * v.g + c.weights[2] * v.b;
    return px;
}
