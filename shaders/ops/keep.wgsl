struct Keep {
    unused: u32,
}

fn keep(c: Keep, before: Px) -> Px {
    var px = before;
    px.original = px.rgb;
    return px;
}
