struct Guide {
    curve: CurveConstants,
    weights: array<f32, 3>,
}

fn guide(c: Guide, before: Px) -> Px {
    var px = before;
    let v = min(max(px.rgb, vec3(0.0)), vec3(1.0));
    px.guide = c.weights[0] * curve_apply(c.curve, v.r) + c.weights[1] * curve_apply(c.curve, v.g) + c.weights[2] * curve_apply(c.curve, v.b);
    return px;
}
