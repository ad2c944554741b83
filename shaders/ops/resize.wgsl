struct Resize {
    along: u32,
    taps: u32,
    count: u32,
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
        rgb += weight * area_color(x, y);
        rest += weight * vec4(area_alpha(x, y), area_guide(x, y), area_disparity(x, y), area_mask(x, y));
    }
    px.rgb = rgb;
    px.alpha = clamp(rest.x, 0.0, 1.0);
    px.guide = clamp(rest.y, 0.0, 1.0);
    px.disparity = clamp(rest.z, 0.0, 1.0);
    px.mask = rest.w;
    return px;
}
