struct Invert {
    white: f32,
}

fn invert(c: Invert, before: Px) -> Px {
    var px = before;
    px.rgb = c.white - px.rgb;
    return px;
}
