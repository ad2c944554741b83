struct Glow {
    amount: f32,
    taken: f32,
    low: f32,
    high: f32,
    field: FieldConstants,
}

fn glow(c: Glow, before: Px) -> Px {
    var px = before;
    let luminance = 0.2627 * px.rgb.x + 0.6780 * px.rgb.y + 0.0593 * px.rgb.z;
    let taken = 1.0 - c.taken * chiaro_smoothstep(c.low, c.high, luminance);
    let spread = vec3(
        field_sample(c.field, px.x, px.y, 0u),
        field_sample(c.field, px.x, px.y, 1u),
        field_sample(c.field, px.x, px.y, 2u),
    );
    px.rgb = px.rgb * taken + c.amount * spread;
    return px;
}
