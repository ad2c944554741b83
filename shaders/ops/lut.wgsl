// Twin of src/lut/prepared.rs and src/lut/lut3d.rs: same fields, same statements, same order.
// Nodes are fetched by integer index and interpolated by hand: hardware filtering has 8-bit weights.
// `tables: array<u32>` is a storage buffer declared by the composing module; `table` is an offset in words.

struct Lut {
    table: u32,
    shaper_size: u32,
    cube_size: u32,
    cube_at: u32,
    interpolation: u32,
    stride_g: u32,
    stride_b: u32,
    input_scale: f32,
    input_offset: f32,
    output_scale: f32,
    output_offset: f32,
    shaper_last: f32,
    shaper_min_r: f32,
    shaper_min_g: f32,
    shaper_min_b: f32,
    shaper_scale_r: f32,
    shaper_scale_g: f32,
    shaper_scale_b: f32,
    cube_last: f32,
    cube_min_r: f32,
    cube_min_g: f32,
    cube_min_b: f32,
    cube_scale_r: f32,
    cube_scale_g: f32,
    cube_scale_b: f32,
    reserved: u32,
}

fn lut_word(word: u32) -> f32 {
    return bitcast<f32>(tables[word]);
}

fn lut_node(word: u32) -> vec3<f32> {
    return vec3<f32>(lut_word(word), lut_word(word + 1u), lut_word(word + 2u));
}

// WGSL promises nothing about NaN; the comparisons give 0 for it wherever the device honors IEEE 754 comparisons.
fn lut_position(x: vec3<f32>, low: vec3<f32>, scale: vec3<f32>, last: f32) -> vec3<f32> {
    let p = (x - low) * scale;
    let q = select(vec3<f32>(0.0), p, p > vec3<f32>(0.0));
    return select(vec3<f32>(last), q, q < vec3<f32>(last));
}

fn lut_shape(c: Lut, channel: u32, index: u32, t: f32) -> f32 {
    let word = c.table + index * 3u + channel;
    return lut_word(word) * (1.0 - t) + lut_word(word + 3u) * t;
}

fn lut_mix(a: vec3<f32>, b: vec3<f32>, t: f32) -> vec3<f32> {
    return a * (1.0 - t) + b * t;
}

fn lut_tetrahedral(base: u32, sg: u32, sb: u32, f: vec3<f32>) -> vec3<f32> {
    let sr = 3u;
    let rg = f.x >= f.y;
    let gb = f.y >= f.z;
    let rb = f.x >= f.z;
    let along_r = select(sb, sr, rb);
    let along_g = select(sb, sg, gb);
    let first = select(along_g, along_r, rg);
    let not_gb = select(sg, sb, gb);
    let not_rb = select(sr, sb, rb);
    let last = select(not_rb, not_gb, rg);
    let low = select(f.x, f.y, rg);
    let high = select(f.y, f.x, rg);
    let largest = select(f.z, high, high >= f.z);
    let smallest = select(low, f.z, low >= f.z);
    let below = select(high, f.z, high >= f.z);
    let middle = select(below, low, low >= below);

    let all = sr + sg + sb;
    let n0 = lut_node(base);
    let n1 = lut_node(base + first);
    let n2 = lut_node(base + all - last);
    let n3 = lut_node(base + all);
    let w0 = 1.0 - largest;
    let w1 = largest - middle;
    let w2 = middle - smallest;
    let w3 = smallest;
    return ((n0 * w0 + n1 * w1) + n2 * w2) + n3 * w3;
}

fn lut_row(start: u32, t: f32) -> vec3<f32> {
    return lut_mix(lut_node(start), lut_node(start + 3u), t);
}

fn lut_trilinear(base: u32, sg: u32, sb: u32, f: vec3<f32>) -> vec3<f32> {
    let near = lut_mix(lut_row(base, f.x), lut_row(base + sg, f.x), f.y);
    let far = lut_mix(lut_row(base + sb, f.x), lut_row(base + sb + sg, f.x), f.y);
    return lut_mix(near, far, f.z);
}

fn lut_sample(c: Lut, rgb: vec3<f32>) -> vec3<f32> {
    var v = rgb * c.input_scale + c.input_offset;
    if c.shaper_size > 0u {
        let low = vec3<f32>(c.shaper_min_r, c.shaper_min_g, c.shaper_min_b);
        let scale = vec3<f32>(c.shaper_scale_r, c.shaper_scale_g, c.shaper_scale_b);
        let p = lut_position(v, low, scale, c.shaper_last);
        let i = min(vec3<u32>(p), vec3<u32>(c.shaper_size - 2u));
        let t = p - vec3<f32>(i);
        v = vec3<f32>(lut_shape(c, 0u, i.x, t.x), lut_shape(c, 1u, i.y, t.y), lut_shape(c, 2u, i.z, t.z));
    }
    if c.cube_size > 0u {
        let low = vec3<f32>(c.cube_min_r, c.cube_min_g, c.cube_min_b);
        let scale = vec3<f32>(c.cube_scale_r, c.cube_scale_g, c.cube_scale_b);
        let p = lut_position(v, low, scale, c.cube_last);
        let i = min(vec3<u32>(p), vec3<u32>(c.cube_size - 2u));
        let f = p - vec3<f32>(i);
        let base = c.table + c.cube_at + i.x * 3u + i.y * c.stride_g + i.z * c.stride_b;
        if c.interpolation == 0u {
            v = lut_tetrahedral(base, c.stride_g, c.stride_b, f);
        } else {
            v = lut_trilinear(base, c.stride_g, c.stride_b, f);
        }
    }
    return v * c.output_scale + c.output_offset;
}

fn lut(c: Lut, before: Px) -> Px {
    var px = before;
    px.rgb = lut_sample(c, px.rgb);
    return px;
}
