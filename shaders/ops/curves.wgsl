// Twin of src/ops/curves.rs: pieces of 5 floats in `tables`, found by a binary search of a fixed number of steps.

struct Curves {
    table: array<u32, 4>,
    last: array<u32, 4>,
    stride: array<u32, 4>,
}

fn curves_word(at: u32) -> f32 {
    return bitcast<f32>(tables[at]);
}

fn curves_bent(table: u32, last: u32, first_stride: u32, x: f32) -> f32 {
    if last == 0u {
        return x;
    }
    var piece = 0u;
    var stride = first_stride;
    while stride > 0u {
        let next = piece + stride;
        let inside = next <= last && x >= curves_word(table + min(next, last) * 5u);
        piece = select(piece, next, inside);
        stride = stride / 2u;
    }
    let at = table + piece * 5u;
    let t = x - curves_word(at);
    return curves_word(at + 1u) + t * (curves_word(at + 2u) + t * (curves_word(at + 3u) + t * curves_word(at + 4u)));
}

fn curves(c: Curves, before: Px) -> Px {
    var px = before;
    let r = curves_bent(c.table[0], c.last[0], c.stride[0], px.rgb.r);
    let g = curves_bent(c.table[0], c.last[0], c.stride[0], px.rgb.g);
    let b = curves_bent(c.table[0], c.last[0], c.stride[0], px.rgb.b);
    px.rgb = vec3(
        curves_bent(c.table[1], c.last[1], c.stride[1], r),
        curves_bent(c.table[2], c.last[2], c.stride[2], g),
        curves_bent(c.table[3], c.last[3], c.stride[3], b),
    );
    return px;
}
