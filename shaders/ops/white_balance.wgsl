struct WhiteBalance {
    rows: array<f32, 9>,
}

fn white_balance(c: WhiteBalance, before: Px) -> Px {
    var px = before;
    let ok = vec3(finite(px.rgb.r), finite(px.rgb.g), finite(px.rgb.b));
    let v = select(vec3(0.0), px.rgb, ok);
    let after = vec3(
        c.rows[0] * v.r + c.rows[1] * v.g + c.rows[2] * v.b,
        c.rows[3] * v.r + c.rows[4] * v.g + c.rows[5] * v.b,
        c.rows[6] * v.r + c.rows[7] * v.g + c.rows[8] * v.b,
    );
    px.rgb = select(px.rgb, after, ok);
    return px;
}
