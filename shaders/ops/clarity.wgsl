struct Clarity {
    near: f32,
    span: f32,
    field: FieldConstants,
}

fn clarity(c: Clarity, before: Px) -> Px {
    var px = before;
    let slope = field_sample(c.field, px.x, px.y, 0u);
    let offset = field_sample(c.field, px.x, px.y, 1u);
    let luma = 0.2627 * px.rgb.x + 0.6780 * px.rgb.y + 0.0593 * px.rgb.z;
    let difference = luma - (slope * luma + offset);
    let held = difference / (1.0 + abs(difference) / 0.25);
    let amount = c.near + c.span * distance_from_disparity(px.disparity);
    let middle = max(4.0 * luma * (1.0 - luma), 0.0);
    px.rgb = px.rgb + vec3(amount * held * middle);
    return px;
}
