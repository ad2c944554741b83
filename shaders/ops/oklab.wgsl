struct Oklab {
    first: array<f32, 9>,
    last: array<f32, 9>,
    inverse: u32,
}

fn oklab_times(m: array<f32, 9>, v: vec3<f32>) -> vec3<f32> {
    return vec3(
        m[0] * v.x + m[1] * v.y + m[2] * v.z,
        m[3] * v.x + m[4] * v.y + m[5] * v.z,
        m[6] * v.x + m[7] * v.y + m[8] * v.z,
    );
}

fn oklab_cube_root(v: f32) -> f32 {
    let root = chiaro_pow_1_3(abs(v));
    return select(root, -root, v < 0.0);
}

fn oklab_apply(c: Oklab, rgb: vec3<f32>) -> vec3<f32> {
    let v = oklab_times(c.first, rgb);
    var bent = v * v * v;
    if c.inverse == 0u {
        bent = vec3(oklab_cube_root(v.x), oklab_cube_root(v.y), oklab_cube_root(v.z));
    }
    let converted = oklab_times(c.last, bent);
    let usable = finite(rgb.x) && finite(rgb.y) && finite(rgb.z) && abs(rgb.x) + abs(rgb.y) + abs(rgb.z) < 1e12;
    return select(rgb, converted, usable);
}

fn oklab(c: Oklab, before: Px) -> Px {
    var px = before;
    px.rgb = oklab_apply(c, px.rgb);
    return px;
}
