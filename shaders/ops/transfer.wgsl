struct Transfer {
    curve: CurveConstants,
    table: u32,
    table_len: u32,
    search: u32,
}

fn transfer(c: Transfer, before: Px) -> Px {
    var px = before;
    if c.table_len == 0u {
        px.rgb = vec3(curve_apply(c.curve, px.rgb.r), curve_apply(c.curve, px.rgb.g), curve_apply(c.curve, px.rgb.b));
    } else if c.search > 0u {
        px.rgb = vec3(transfer_searched(c, px.rgb.r), transfer_searched(c, px.rgb.g), transfer_searched(c, px.rgb.b));
    } else {
        px.rgb = vec3(transfer_sampled(c, px.rgb.r), transfer_sampled(c, px.rgb.g), transfer_sampled(c, px.rgb.b));
    }
    return px;
}

fn transfer_sampled(c: Transfer, x: f32) -> f32 {
    let at = clamp(x, 0.0, 1.0) * f32(c.table_len - 1u);
    let low = u32(at);
    let high = min(low + 1u, c.table_len - 1u);
    let low_value = bitcast<f32>(tables[c.table + low]);
    let high_value = bitcast<f32>(tables[c.table + high]);
    let value = low_value + (at - f32(low)) * (high_value - low_value);
    return select(x, value, finite(x));
}

fn transfer_searched(c: Transfer, y: f32) -> f32 {
    var low = 0u;
    var high = c.table_len - 1u;
    for (var i = 0u; i < c.search; i++) {
        let middle = (low + high) / 2u;
        let below = bitcast<f32>(tables[c.table + middle]) < y;
        low = select(low, middle, below);
        high = select(middle, high, below);
    }
    let low_value = bitcast<f32>(tables[c.table + low]);
    let span = bitcast<f32>(tables[c.table + high]) - low_value;
    var fraction = select(0.0, 1.0, y > low_value);
    if span > 0.0 {
        fraction = clamp((y - low_value) / span, 0.0, 1.0);
    }
    let value = (f32(low) + fraction) / f32(c.table_len - 1u);
    return select(y, value, finite(y));
}
