struct SplitTone {
    shadow: array<f32, 2>,
    highlight: array<f32, 2>,
    start: f32,
    end: f32,
}

fn split_tone(c: SplitTone, before: Px) -> Px {
    var px = before;
    let l = px.rgb.x;
    let t = chiaro_smoothstep(c.start, c.end, l);
    let amount = max(l, 0.0) * (1.0 - chiaro_smoothstep(0.85, 1.0, l));
    let shadow = vec2(c.shadow[0], c.shadow[1]);
    let highlight = vec2(c.highlight[0], c.highlight[1]);
    let tint = shadow + t * (highlight - shadow);
    px.rgb = vec3(l, px.rgb.yz + amount * tint);
    return px;
}
