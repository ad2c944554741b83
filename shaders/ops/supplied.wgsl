struct Supplied {
    scale: f32,
    offset: f32,
}

fn supplied(c: Supplied, before: Px) -> Px {
    var px = before;
    let z = px.disparity;
    px.disparity = select(0.0, min(max(c.scale / z + c.offset, 0.0), 1.0), z > 0.0 && finite(z));
    return px;
}
