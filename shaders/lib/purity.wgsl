// Twin of src/ops/purity.rs: how close an Oklab color comes to losing a channel of linear Rec.2020.

fn purity_times(m: array<f32, 9>, v: vec3<f32>) -> vec3<f32> {
    return vec3(
        m[0] * v.x + m[1] * v.y + m[2] * v.z,
        m[3] * v.x + m[4] * v.y + m[5] * v.z,
        m[6] * v.x + m[7] * v.y + m[8] * v.z,
    );
}

fn purity(to_cones: array<f32, 9>, to_light: array<f32, 9>, lab: vec3<f32>) -> f32 {
    let root = purity_times(to_cones, lab);
    let light = purity_times(to_light, root * root * root);
    let high = max(max(light.x, light.y), light.z);
    let low = min(min(light.x, light.y), light.z);
    return min(max(1.0 - low / max(high, 1e-9), 0.0), 1.0);
}

fn purity_spared(p: f32) -> f32 {
    return p * sqrt(p);
}
