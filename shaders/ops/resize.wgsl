struct Resize {
    along: u32,
    taps: u32,
    count: u32,
}

// What values count as in a sum. Twin of `counted` in src/ops/resize.rs, on the bits (those of 65504, those of infinity): a shader
// compiler may assume that there is no infinity and no NaN.
fn resize_counted(v: vec4<f32>) -> vec4<f32> {
    let bits = bitcast<vec4<u32>>(v);
    let size = bits & vec4(0x7fffffffu);
    let cut = bitcast<vec4<f32>>((bits & vec4(0x80000000u)) | min(size, vec4(0x477fe000u)));
    return select(cut, vec4(0.0), size > vec4(0x7f800000u));
}

fn resize(c: Resize, before: Px) -> Px {
    var px = before;
    let i = select(px.y, px.x, c.along == 1u);
    let at = c.taps + 3u * min(i, c.count - 1u);
    let first = tables[at];
    let taps = tables[at + 1u];
    let weights = tables[at + 2u];
    var rgb = vec3(0.0);
    var rest = vec4(0.0);
    for (var t = 0u; t < taps; t++) {
        let weight = bitcast<f32>(tables[weights + t]);
        let x = i32(select(px.x, first + t, c.along == 1u));
        let y = i32(select(first + t, px.y, c.along == 1u));
        rgb += weight * resize_counted(vec4(area_color(x, y), 0.0)).rgb;
        let beside = vec4(area_alpha(x, y), area_guide(x, y), area_disparity(x, y), area_mask(x, y));
        rest += weight * resize_counted(beside);
    }
    px.rgb = rgb;
    px.alpha = clamp(rest.x, 0.0, 1.0);
    px.guide = clamp(rest.y, 0.0, 1.0);
    px.disparity = clamp(rest.z, 0.0, 1.0);
    px.mask = rest.w;
    return px;
}
