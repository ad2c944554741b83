struct Exposure {
    gain: f32,
}

fn exposure(c: Exposure, before: Px) -> Px {
    var px = before;
    px.rgb = px.rgb * c.gain;
    return px;
}
