struct ShowDisparity {
    gain: f32,
}

fn show_disparity(c: ShowDisparity, before: Px) -> Px {
    var px = before;
    px.rgb = vec3(px.disparity * c.gain);
    return px;
}
