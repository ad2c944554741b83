struct Grain {
    deviation: f32,
    color: f32,
    along: u32,
    across: u32,
    seed: u32,
}

fn grain_smooth(place: u32) -> f32 {
    let f = f32(place & 0xffffu) * (1.0 / 65536.0);
    return f * f * (3.0 - 2.0 * f);
}

fn grain_hash(u: u32, v: u32, seed: u32) -> u32 {
    var h = (u * 0x9e3779b1u) ^ (v * 0x85ebca77u) ^ seed;
    h = (h ^ (h >> 16u)) * 0x85ebca6bu;
    h = (h ^ (h >> 13u)) * 0xc2b2ae35u;
    return h ^ (h >> 16u);
}

fn grain_bits(h: u32) -> vec3<f32> {
    return vec3<f32>(vec3(h, h >> 10u, h >> 20u) & vec3(1023u)) - 511.5;
}

fn grain(c: Grain, before: Px) -> Px {
    var px = before;
    let u = px.x * c.along + px.y * c.across;
    let v = px.y * c.along - px.x * c.across;
    let u0 = u >> 16u;
    let v0 = v >> 16u;
    let u1 = (u0 + 1u) & 0xffffu;
    let v1 = (v0 + 1u) & 0xffffu;
    let s = grain_smooth(u);
    let t = grain_smooth(v);
    let w00 = (1.0 - s) * (1.0 - t);
    let w10 = s * (1.0 - t);
    let w01 = (1.0 - s) * t;
    let w11 = s * t;
    let n00 = grain_bits(grain_hash(u0, v0, c.seed));
    let n10 = grain_bits(grain_hash(u1, v0, c.seed));
    let n01 = grain_bits(grain_hash(u0, v1, c.seed));
    let n11 = grain_bits(grain_hash(u1, v1, c.seed));
    let unit = (1.0 / 295.6032) / sqrt(w00 * w00 + w10 * w10 + w01 * w01 + w11 * w11);
    let own = (w00 * n00 + w10 * n10 + w01 * n01 + w11 * n11) * unit;
    let gray = vec3((own.r + own.g + own.b) * 0.57735026);
    let noise = clamp(gray + c.color * (own - gray), vec3(-3.0), vec3(3.0));
    let level = clamp(px.rgb, vec3(0.0), vec3(1.0));
    px.rgb = px.rgb + c.deviation * (4.0 * level * (1.0 - level)) * noise;
    return px;
}
