struct DepthGrade {
    near_gain: array<f32, 3>,
    near_saturation: f32,
    far_gain: array<f32, 3>,
    far_saturation: f32,
    start: f32,
    scale: f32,
}

fn depth_grade(c: DepthGrade, before: Px) -> Px {
    var px = before;
    let s = clamp((distance_from_disparity(px.disparity) - c.start) * c.scale, 0.0, 1.0);
    let t = s * s * (3.0 - 2.0 * s);
    let near = vec3(c.near_gain[0], c.near_gain[1], c.near_gain[2]);
    let far = vec3(c.far_gain[0], c.far_gain[1], c.far_gain[2]);
    let lit = px.rgb * (near + t * (far - near));
    let luminance = 0.2627 * lit.r + 0.6780 * lit.g + 0.0593 * lit.b;
    let saturation = c.near_saturation + t * (c.far_saturation - c.near_saturation);
    let saturated = luminance + saturation * (lit - luminance);
    let number = vec3(finite(saturated.r), finite(saturated.g), finite(saturated.b));
    px.rgb = select(lit, saturated, number & vec3(saturation != 1.0));
    return px;
}
