// Fields: a few numbers per node of a coarse grid over the picture. Twin of src/ops/field.rs.
struct FieldConstants {
    table: u32,
    width: u32,
    height: u32,
    channels: u32,
    step_x: f32,
    step_y: f32,
}

fn field_place(v: u32, step: f32, nodes: u32) -> f32 {
    return min(max((f32(v) + 0.5) * step - 0.5, 0.0), f32(max(nodes, 1u) - 1u));
}

// Number `k` of the field at a pixel, linear between nodes; 0 without a field.
fn field_sample(c: FieldConstants, x: u32, y: u32, k: u32) -> f32 {
    if c.width == 0u {
        return 0.0;
    }
    let at_x = field_place(x, c.step_x, c.width);
    let at_y = field_place(y, c.step_y, c.height);
    let x0 = u32(at_x);
    let y0 = u32(at_y);
    let x1 = min(x0 + 1u, c.width - 1u);
    let y1 = min(y0 + 1u, c.height - 1u);
    let fx = at_x - f32(x0);
    let fy = at_y - f32(y0);
    let a = bitcast<f32>(tables[c.table + (y0 * c.width + x0) * c.channels + k]);
    let b = bitcast<f32>(tables[c.table + (y0 * c.width + x1) * c.channels + k]);
    let d = bitcast<f32>(tables[c.table + (y1 * c.width + x0) * c.channels + k]);
    let e = bitcast<f32>(tables[c.table + (y1 * c.width + x1) * c.channels + k]);
    let above = a + fx * (b - a);
    let below = d + fx * (e - d);
    return above + fy * (below - above);
}
