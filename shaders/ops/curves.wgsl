// Twin of src/ops/curves.rs: tables of 5 floats a row, the ends and then the pieces of a curve.

struct Curves {
    table: array<u32, 4>,
    pieces: array<u32, 4>,
}

fn curves_word(at: u32) -> f32 {
    return bitcast<f32>(tables[at]);
}

fn curves_rise(at: u32, x: f32) -> f32 {
    let t = min(max(x - curves_word(at), 0.0), curves_word(at + 1u));
    return t * (curves_word(at + 2u) + t * (curves_word(at + 3u) + t * curves_word(at + 4u)));
}

fn curves_bent(table: u32, pieces: u32, x: f32) -> f32 {
    if pieces == 0u {
        return x;
    }
    let low = max(min(x - curves_word(table), 0.0), -1e30);
    let high = min(max(x - curves_word(table + 3u), 0.0), 1e30);
    var y = curves_word(table + 1u) + low * curves_word(table + 2u) + high * curves_word(table + 4u);
    for (var i = 1u; i <= pieces; i++) {
        y = y + curves_rise(table + i * 5u, x);
    }
    return y;
}

fn curves(c: Curves, before: Px) -> Px {
    var px = before;
    let r = curves_bent(c.table[0], c.pieces[0], px.rgb.r);
    let g = curves_bent(c.table[0], c.pieces[0], px.rgb.g);
    let b = curves_bent(c.table[0], c.pieces[0], px.rgb.b);
    px.rgb = vec3(
        curves_bent(c.table[1], c.pieces[1], r),
        curves_bent(c.table[2], c.pieces[2], g),
        curves_bent(c.table[3], c.pieces[3], b),
    );
    return px;
}
