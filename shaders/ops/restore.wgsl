struct Restore {
    unused: u32,
}

fn restore(c: Restore, before: Px) -> Px {
    var px = before;
    px.rgb = select(px.original, px.rgb, px.touched > 0.0);
    return px;
}
