// Twin of src/ops/tone_map.rs: 0 = reinhard on luminance, 1 = rational curve (hable, aces), 2 = agx.

struct ToneMap {
    method: u32,
    gain: f32,
    scale: f32,
    white: f32,
    first: array<f32, 9>,
    last: array<f32, 9>,
    curve: array<f32, 6>,
}

fn tone_map_times(m: array<f32, 9>, v: vec3<f32>) -> vec3<f32> {
    return vec3(
        m[0] * v.x + m[1] * v.y + m[2] * v.z,
        m[3] * v.x + m[4] * v.y + m[5] * v.z,
        m[6] * v.x + m[7] * v.y + m[8] * v.z,
    );
}

fn tone_map_reinhard(c: ToneMap, light: vec3<f32>) -> vec3<f32> {
    let luminance = 0.2627 * light.r + 0.6780 * light.g + 0.0593 * light.b;
    let factor = (1.0 + luminance * c.white) / (1.0 + luminance);
    let gray = luminance * factor;
    let lit = light * factor;
    let largest = max(max(lit.r, lit.g), lit.b);
    let fits = max(1.0 - gray, 0.0) / max(largest - gray, 1e-6);
    let share = select(1.0, min(fits, 1.0), largest > 1.0);
    return gray + share * (lit - gray);
}

fn tone_map_rational(k: array<f32, 6>, x: vec3<f32>) -> vec3<f32> {
    return ((k[0] * x + k[1]) * x + k[2]) / ((k[3] * x + k[4]) * x + k[5]);
}

fn tone_map_agx(light: f32) -> f32 {
    let at = (chiaro_log2(max(light, 1e-10)) + 12.47393) * 0.060606062;
    let x = min(max(at, 0.0), 1.0);
    return (((((15.5 * x - 40.14) * x + 31.96) * x - 6.868) * x + 0.4298) * x + 0.1191) * x - 0.00232;
}

fn tone_map(c: ToneMap, before: Px) -> Px {
    var px = before;
    let light = min(max(px.rgb * c.gain, vec3(0.0)), vec3(65504.0));
    var mapped = light;
    if c.method == 0u {
        mapped = tone_map_reinhard(c, light);
    } else {
        let seen = tone_map_times(c.first, light);
        if c.method == 1u {
            mapped = tone_map_times(c.last, tone_map_rational(c.curve, seen)) * c.scale;
        } else {
            let v = tone_map_times(c.last, vec3(tone_map_agx(seen.r), tone_map_agx(seen.g), tone_map_agx(seen.b)));
            mapped = vec3(chiaro_pow(v.r, 2.2), chiaro_pow(v.g, 2.2), chiaro_pow(v.b, 2.2)) * c.scale;
        }
    }
    px.rgb = min(max(mapped, vec3(0.0)), vec3(1.0));
    return px;
}
