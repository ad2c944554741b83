// Twin of src/ops/disparity.rs: normalized disparity of one pixel from four bilinear coefficients and its own guide.
// Reads the module-scope storage array `tables: array<u32>`, texels of two words at `c.table`:
// (a, b) and (lo, hi), two half floats each, first one in the low bits.

const DISPARITY_GUIDE_CENTER: f32 = 0.5;
const DISPARITY_MEAN_FLOOR: f32 = 0.02;
const DISPARITY_TEXEL_WORDS: u32 = 2u;
const DISPARITY_LUMA: u32 = 0u;
const DISPARITY_CODES: u32 = 1u;
const DISPARITY_COLOR_TEXEL_WORDS: u32 = 3u;

struct Disparity {
    table: u32,
    width: u32,
    height: u32,
    x_scale: f32,
    y_scale: f32,
    gain: f32,
    gate_low: f32,
    gate_scale: f32,
    guide: u32,
    matrix: array<f32, 9>,
    curve: CurveConstants,
}

// Six coefficients of a line over colors: slopes and offset, and the range.
struct DisparityColor {
    line: vec4<f32>,
    range: vec2<f32>,
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
    return disparity_place(c, texel.x * (guide - DISPARITY_GUIDE_CENTER) + texel.y, lo, hi);
}

fn disparity_place(c: Disparity, value: f32, lo: f32, hi: f32) -> f32 {
    let line = min(max(value, lo), hi);
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

fn disparity_color_texel(at: u32) -> DisparityColor {
    return DisparityColor(
        vec4(unpack2x16float(tables[at]), unpack2x16float(tables[at + 1u])),
        unpack2x16float(tables[at + 2u]),
    );
}

fn disparity_color_mix(from_: DisparityColor, to: DisparityColor, t: f32) -> DisparityColor {
    return DisparityColor(from_.line + (to.line - from_.line) * t, from_.range + (to.range - from_.range) * t);
}

fn disparity_color_column(c: Disparity, column: u32, y: u32) -> DisparityColor {
    let at = disparity_locate(y, c.y_scale, c.height);
    let row = u32(at);
    let next = min(row + 1u, c.height - 1u);
    let upper = disparity_color_texel(c.table + (row * c.width + column) * DISPARITY_COLOR_TEXEL_WORDS);
    let lower = disparity_color_texel(c.table + (next * c.width + column) * DISPARITY_COLOR_TEXEL_WORDS);
    return disparity_color_mix(upper, lower, at - f32(row));
}

// What the depth model saw of the pixel, three channels in 0..1.
fn disparity_guides(c: Disparity, rgb: vec3<f32>) -> vec3<f32> {
    if c.guide == DISPARITY_CODES {
        return min(max(rgb, vec3(0.0)), vec3(1.0));
    }
    let isfinite = vec3(finite(rgb.r), finite(rgb.g), finite(rgb.b));
    let v = select(vec3(0.0), rgb, isfinite);
    let m = c.matrix;
    let turned = vec3(
        m[0] * v.r + m[1] * v.g + m[2] * v.b,
        m[3] * v.r + m[4] * v.g + m[5] * v.b,
        m[6] * v.r + m[7] * v.g + m[8] * v.b,
    );
    let light = min(max(select(rgb, turned, isfinite), vec3(0.0)), vec3(1.0));
    return vec3(curve_apply(c.curve, light.r), curve_apply(c.curve, light.g), curve_apply(c.curve, light.b));
}

fn disparity_color(c: Disparity, rgb: vec3<f32>, x: u32, y: u32) -> f32 {
    let at = disparity_locate(x, c.x_scale, c.width);
    let column = u32(at);
    let left = disparity_color_column(c, column, y);
    let right = disparity_color_column(c, min(column + 1u, c.width - 1u), y);
    let texel = disparity_color_mix(left, right, at - f32(column));
    let guide = disparity_guides(c, rgb) - vec3(DISPARITY_GUIDE_CENTER);
    let line = texel.line.x * guide.r + texel.line.y * guide.g + texel.line.z * guide.b + texel.line.w;
    return disparity_place(c, line, texel.range.x, texel.range.y);
}

fn disparity(c: Disparity, before: Px) -> Px {
    var px = before;
    if c.guide == DISPARITY_LUMA {
        px.disparity = disparity_evaluate(c, px.guide, px.x, px.y);
    } else {
        px.disparity = disparity_color(c, px.rgb, px.x, px.y);
    }
    return px;
}
