// One pixel on its way through an operation. Twin of `Px` in src/ops/chunk.rs.
struct Px {
    rgb: vec3<f32>,
    alpha: f32,
    guide: f32,
    disparity: f32,
    mask: f32,
    touched: f32,
    aux: f32,
    source: vec3<f32>,
    original: vec3<f32>,
    x: u32,
    y: u32,
}

// Finite test on the bits: a shader compiler may assume that no NaN exists and fold a comparison away.
fn finite(v: f32) -> bool {
    return (bitcast<u32>(v) & 0x7f800000u) != 0x7f800000u;
}

// Mix in the operation's domain; equal values stay as they are. Twin of `mixed` in src/ops/chunk.rs.
fn mix_share(before: vec3<f32>, after: vec3<f32>, share: f32) -> vec3<f32> {
    let mixed = before + share * (after - before);
    let size = bitcast<vec3<u32>>(mixed) & vec3(0x7fffffffu);
    return select(mixed, before, (after == before) | (size > vec3(0x7f800000u)) | vec3(share == 0.0));
}
