// Twin of src/ops/disparity.rs: normalized disparity of one pixel from four bilinear coefficients and its own guide.
// Reads the module-scope storage array `tables: array<u32>`, texels of two words at `c.table`:
// (a, b) and (lo, hi), two half floats each, first one in the low bits.

const DISPARITY_GUIDE_CENTER: f32 = 0.5;
const DISPARITY_MEAN_FLOOR: f32 = 0.02;
const DISPARITY_TEXEL_WORDS: u32 = 2u;

struct Disparity {
    table: u32,
    width: u32,
    height: u32,
    x_scale: f32,
    y_scale: f32,
    gain: f32,
    gate_low: f32,
    gate_scale: f32,
}

fn disparity_texel(at: u32) -> vec4<f32> {
    return vec4<f32>(unpack2x16float(tables[at]), unpack2x16float(tables[at + 1u]));
}

// Position of pixel p among `count` texels; half-pixel centers, border repeated.
fn disparity_locate(p: u32, scale: f32, count: u32) -> f32 {
    return min(max((f32(p) + 0.5) * scale - 0.5, 0.0), f32(count - 1u));
}

fn disparity_column(c: Disparity, column: u32, y: u32) -> vec4<f32> {
    let at = disparity_locate(y, c.y_scale, c.height);
    let row = u32(at);
    let next = min(row + 1u, c.height - 1u);
    let upper = disparity_texel(c.table + (row * c.width + column) * DISPARITY_TEXEL_WORDS);
    let lower = disparity_texel(c.table + (next * c.width + column) * DISPARITY_TEXEL_WORDS);
    return upper + (lower - upper) * (at - f32(row));
}

fn disparity_join_point(c: Disparity, texel: vec4<f32>, guide: f32) -> f32 {
    let lo = texel.z;
    let hi = texel.w;
    let line = min(max(texel.x * (guide - DISPARITY_GUIDE_CENTER) + texel.y, lo), hi);
    let range = hi - lo;
    var gate = (range / max((lo + hi) * 0.5, DISPARITY_MEAN_FLOOR) - c.gate_low) * c.gate_scale;
    gate = min(max(gate, 0.0), 1.0);
    var t = ((line - lo) / max(range, 1e-6) - 0.5) * c.gain + 0.5;
    t = min(max(t, 0.0), 1.0);
    t = t * t * (3.0 - 2.0 * t);
    return line + gate * (lo + range * t - line);
}

fn disparity_evaluate(c: Disparity, guide: f32, x: u32, y: u32) -> f32 {
    let at = disparity_locate(x, c.x_scale, c.width);
    let column = u32(at);
    let left = disparity_column(c, column, y);
    let right = disparity_column(c, min(column + 1u, c.width - 1u), y);
    return disparity_join_point(c, left + (right - left) * (at - f32(column)), guide);
}

fn disparity(c: Disparity, before: Px) -> Px {
    var px = before;
    px.disparity = disparity_evaluate(c, px.guide, px.x, px.y);
    return px;
}
