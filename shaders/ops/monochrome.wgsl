struct Monochrome {
    weights: array<f32, 3>,
    tint: array<f32, 3>,
}

fn monochrome(c: Monochrome, before: Px) -> Px {
    var px = before;
    let gray = c.weights[0] * px.rgb.r + c.weights[1] * px.rgb.g + c.weights[2] * px.rgb.b;
    let toned = gray * (1.0 - min(max(gray, 0.0), 1.0));
    px.rgb = vec3(gray) + toned * vec3(c.tint[0], c.tint[1], c.tint[2]);
    return px;
}
