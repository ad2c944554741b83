struct Zones {
    starts: array<f32, 4>,
    scales: array<f32, 4>,
    nearest: array<f32, 5>,
    steps: array<f32, 20>,
}

fn zones(c: Zones, before: Px) -> Px {
    var px = before;
    let d = min(max(px.disparity, 0.0), 1.0);
    var gain = vec3(c.nearest[0], c.nearest[1], c.nearest[2]);
    var contrast = c.nearest[3];
    var saturation = c.nearest[4];
    // Members by constant indices: arrays in values cannot be indexed by a variable everywhere.
    let starts = vec4(c.starts[0], c.starts[1], c.starts[2], c.starts[3]);
    let scales = vec4(c.scales[0], c.scales[1], c.scales[2], c.scales[3]);
    let s = clamp((starts - vec4(d)) * scales, vec4(0.0), vec4(1.0));
    let t = s * s * (vec4(3.0) - 2.0 * s);
    gain += t.x * vec3(c.steps[0], c.steps[1], c.steps[2]);
    contrast += t.x * c.steps[3];
    saturation += t.x * c.steps[4];
    gain += t.y * vec3(c.steps[5], c.steps[6], c.steps[7]);
    contrast += t.y * c.steps[8];
    saturation += t.y * c.steps[9];
    gain += t.z * vec3(c.steps[10], c.steps[11], c.steps[12]);
    contrast += t.z * c.steps[13];
    saturation += t.z * c.steps[14];
    gain += t.w * vec3(c.steps[15], c.steps[16], c.steps[17]);
    contrast += t.w * c.steps[18];
    saturation += t.w * c.steps[19];
    let lit = px.rgb * gain;
    let luminance = 0.2627 * lit.r + 0.6780 * lit.g + 0.0593 * lit.b;
    let stops = clamp(chiaro_log2(luminance * (1.0 / 0.18)), -8.0, 6.0);
    let bend = chiaro_exp2((contrast - 1.0) * stops);
    let gray = luminance * bend;
    let bent = lit * bend;
    let saturated = gray + saturation * (bent - gray);
    let number = vec3(finite(saturated.r), finite(saturated.g), finite(saturated.b));
    px.rgb = select(bent, saturated, number & vec3(saturation != 1.0 && finite(gray)));
    return px;
}
