// Twin of src/ops/mask.rs: a postfix program in `tables`, 12 words to an instruction.

struct Mask {
    table: u32,
    count: u32,
    curve: CurveConstants,
    weights: array<f32, 3>,
    first: array<f32, 9>,
    last: array<f32, 9>,
}

const MASK_STRIDE: u32 = 12u;

// Number `index` of the instruction at word `at`.
fn mask_number(at: u32, index: u32) -> f32 {
    return bitcast<f32>(tables[at + 5u + index]);
}

fn mask_smooth(v: f32) -> f32 {
    let t = min(max(v, 0.0), 1.0);
    return t * t * (3.0 - 2.0 * t);
}

fn mask_band(at: u32, x: f32) -> f32 {
    let steepness = mask_number(at, 2u);
    return min(mask_smooth(1.0 - (mask_number(at, 0u) - x) * steepness), mask_smooth(1.0 - (x - mask_number(at, 1u)) * steepness));
}

fn mask_light(rgb: vec3<f32>) -> vec3<f32> {
    return min(max(rgb, vec3(0.0)), vec3(1e6));
}

fn mask_luma(c: Mask, at: u32, rgb: vec3<f32>) -> f32 {
    let v = mask_light(rgb);
    return mask_band(at, c.weights[0] * curve_apply(c.curve, v.r) + c.weights[1] * curve_apply(c.curve, v.g) + c.weights[2] * curve_apply(c.curve, v.b));
}

fn mask_times(m: array<f32, 9>, v: vec3<f32>) -> vec3<f32> {
    return vec3(
        m[0] * v.x + m[1] * v.y + m[2] * v.z,
        m[3] * v.x + m[4] * v.y + m[5] * v.z,
        m[6] * v.x + m[7] * v.y + m[8] * v.z,
    );
}

fn mask_cube_root(v: f32) -> f32 {
    let root = chiaro_pow(abs(v), 0.33333334);
    return select(root, -root, v < 0.0);
}

fn mask_degrees_off(a: f32, b: f32) -> f32 {
    let x = abs(a);
    let y = abs(b);
    let r = min(x, y) / max(max(x, y), 1e-20);
    let s = r * r;
    var p = 0.0208351;
    p = p * s - 0.085133;
    p = p * s + 0.180141;
    p = p * s - 0.3302995;
    p = p * s + 0.999866;
    let first = p * r * 57.29578;
    let octant = select(first, 90.0 - first, y > x);
    return select(octant, 180.0 - octant, a < 0.0);
}

fn mask_hue(c: Mask, at: u32, rgb: vec3<f32>) -> f32 {
    let v = mask_times(c.first, mask_light(rgb));
    let lab = mask_times(c.last, vec3(mask_cube_root(v.x), mask_cube_root(v.y), mask_cube_root(v.z)));
    let a = lab.y * mask_number(at, 0u) + lab.z * mask_number(at, 1u);
    let b = lab.z * mask_number(at, 0u) - lab.y * mask_number(at, 1u);
    let chroma = sqrt(a * a + b * b);
    let inside = mask_smooth(1.0 - (mask_degrees_off(a, b) - mask_number(at, 2u)) * mask_number(at, 3u));
    return min(inside, mask_smooth((chroma - mask_number(at, 4u)) * mask_number(at, 5u)));
}

fn mask_place(at: u32, row: u32, x: f32, y: f32) -> f32 {
    return mask_number(at, row) * x + mask_number(at, row + 1u) * y + mask_number(at, row + 2u);
}

fn mask_radial(at: u32, x: f32, y: f32) -> f32 {
    let a = mask_place(at, 0u, x, y);
    let b = mask_place(at, 3u, x, y);
    return mask_smooth(1.0 - (sqrt(a * a + b * b) - 1.0) * mask_number(at, 6u));
}

fn mask_sample(table: u32, index: u32) -> f32 {
    return f32((tables[table + index / 2u] >> (index % 2u * 16u)) & 0xffffu) / 65535.0;
}

fn mask_file(at: u32, x: f32, y: f32) -> f32 {
    let table = tables[at + 2u];
    let width = max(tables[at + 3u], 1u);
    let right = width - 1u;
    let bottom = max(tables[at + 4u], 1u) - 1u;
    let fx = min(max(mask_place(at, 0u, x, y), 0.0), f32(right));
    let fy = min(max(mask_place(at, 3u, x, y), 0.0), f32(bottom));
    let x0 = u32(fx);
    let y0 = u32(fy);
    let x1 = min(x0 + 1u, right);
    let y1 = min(y0 + 1u, bottom);
    let tx = fx - f32(x0);
    let ty = fy - f32(y0);
    let a = mask_sample(table, y0 * width + x0);
    let b = mask_sample(table, y1 * width + x0);
    let upper = a + (mask_sample(table, y0 * width + x1) - a) * tx;
    let lower = b + (mask_sample(table, y1 * width + x1) - b) * tx;
    return upper + (lower - upper) * ty;
}

// Kinds: 0 depth, 1 luma, 2 hue, 3 linear, 4 radial, 5 file, 6 and, 7 or, 8 not.
fn mask_leaf(c: Mask, at: u32, kind: u32, px: Px) -> f32 {
    let color = select(px.rgb, px.source, tables[at + 1u] == 1u);
    let x = f32(px.x);
    let y = f32(px.y);
    switch kind {
        case 0u: { return mask_band(at, distance_from_disparity(px.disparity)); }
        case 1u: { return mask_luma(c, at, color); }
        case 2u: { return mask_hue(c, at, color); }
        case 3u: { return mask_smooth(mask_place(at, 0u, x, y)); }
        case 4u: { return mask_radial(at, x, y); }
        default: { return mask_file(at, x, y); }
    }
}

fn mask(c: Mask, before: Px) -> Px {
    var px = before;
    var stack: array<f32, 8>;
    var top = 0u;
    for (var i = 0u; i < c.count; i++) {
        let at = c.table + i * MASK_STRIDE;
        let kind = tables[at];
        if kind == 8u {
            stack[top - 1u] = 1.0 - stack[top - 1u];
        } else if kind >= 6u {
            let a = stack[top - 2u];
            let b = stack[top - 1u];
            stack[top - 2u] = select(max(a, b), min(a, b), kind == 6u);
            top = top - 1u;
        } else {
            stack[top] = mask_leaf(c, at, kind, px);
            top = top + 1u;
        }
    }
    px.mask = stack[0];
    return px;
}
