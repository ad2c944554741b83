struct ShowMask {
    unused: u32,
}

fn show_mask(c: ShowMask, before: Px) -> Px {
    var px = before;
    px.rgb = vec3(px.mask);
    return px;
}
