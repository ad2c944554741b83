struct KeepSource {
    unused: u32,
}

fn keep_source(c: KeepSource, before: Px) -> Px {
    var px = before;
    px.source = px.rgb;
    return px;
}
