// Between file samples and floats. Twin of src/exec/samples.rs. Half floats and NaN are handled on integer bits, because
// packing built-ins may flush subnormals, choose another rounding, and mean nothing beyond the largest half.

fn load_u8(word: u32, shift: u32) -> f32 {
    return f32((word >> shift) & 0xffu) / 255.0;
}

fn load_u16(word: u32, shift: u32) -> f32 {
    return f32((word >> shift) & 0xffffu) / 65535.0;
}

fn load_f16(word: u32, shift: u32) -> f32 {
    let half = (word >> shift) & 0xffffu;
    let size = half & 0x7fffu;
    var bits = (size << 13u) + 0x38000000u;
    if size >= 0x7c00u {
        bits = (size << 13u) | 0x7f800000u;
    }
    if size < 0x400u {
        bits = bitcast<u32>(f32(size) * 5.9604645e-8);
    }
    return bitcast<f32>(bits | ((half & 0x8000u) << 16u));
}

fn load_f32(word: u32, shift: u32) -> f32 {
    return bitcast<f32>(word);
}

// 0 to 1, NaN counts as 0.
fn clamp_code(v: f32) -> f32 {
    let is_nan = (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u;
    return min(max(select(v, 0.0, is_nan), 0.0), 1.0);
}

fn store_u8(v: f32) -> u32 {
    return u32(clamp_code(v) * 255.0 + 0.5);
}

// `place` is `dither_place` of the pixel. The sum may round up to 256.
fn store_u8_dithered(v: f32, place: u32, channel: u32) -> u32 {
    return min(u32(clamp_code(v) * 255.0 + dither_value(place, channel)), 255u);
}

fn store_u16(v: f32) -> u32 {
    return u32(clamp_code(v) * 65535.0 + 0.5);
}

fn store_f16(v: f32) -> u32 {
    let bits = bitcast<u32>(v);
    let size = bits & 0x7fffffffu;
    // Adding one half places the units of a subnormal half, 2^-24, in the last bits of the sum.
    var half = bitcast<u32>(bitcast<f32>(min(size, 0x38800000u)) + 0.5) - 0x3f000000u;
    if size >= 0x38800000u {
        half = (size - 0x38000000u + 0xfffu + ((size >> 13u) & 1u)) >> 13u;
    }
    // Finite values stay finite: 65504 is the largest half.
    if size >= 0x477ff000u {
        half = select(0x7bffu, 0x7c00u, size == 0x7f800000u);
    }
    if size > 0x7f800000u {
        half = 0x7e00u | ((size >> 13u) & 0x3ffu);
    }
    return half | ((bits >> 16u) & 0x8000u);
}

fn store_f32(v: f32) -> u32 {
    return bitcast<u32>(v);
}

// The part of the dither hash that the channels of a pixel share.
fn dither_place(x: u32, y: u32, seed: u32) -> u32 {
    return (x * 0x9e3779b1u) ^ (y * 0x85ebca77u) ^ seed;
}

// Rectangular dither in 0..1, 16 bits of it: the finalizer of MurmurHash3 (Appleby, public domain).
fn dither_value(place: u32, channel: u32) -> f32 {
    var h = place ^ (channel * 0xc2b2ae3du);
    h = (h ^ (h >> 16u)) * 0x85ebca6bu;
    h = (h ^ (h >> 13u)) * 0xc2b2ae35u;
    h = h ^ (h >> 16u);
    return f32(h >> 16u) * (1.0 / 65536.0);
}
