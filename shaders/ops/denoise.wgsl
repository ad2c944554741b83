struct Denoise {
    stage: u32,
    step: i32,
    luma: f32,
    colors: u32,
    chroma: f32,
    guide: f32,
    near: f32,
    span: f32,
}

// What luma is to be smoothed, and coverage.
fn denoise_luma(c: Denoise, x: i32, y: i32) -> vec2<f32> {
    if c.stage == 0u {
        return area_luma(x, y);
    }
    return vec2(area_aux(x, y), area_coverage(x, y));
}

// Red less luma, blue less luma, and coverage; 0 where the pixel is broken.
fn denoise_color(x: i32, y: i32) -> vec3<f32> {
    let color = area_free(x, y);
    let luma = area_luma(x, y).x;
    let found = vec3(clamp(color.xz - vec2(luma), vec2(-1e6), vec2(1e6)), color.w);
    return select(vec3(0.0), found, area_sound(luma));
}

// Its mean over 3 x 3 pixels.
fn denoise_mean(x: i32, y: i32) -> vec2<f32> {
    var sum = vec2(0.0);
    var weights = 0.0;
    for (var dx = -1; dx <= 1; dx++) {
        for (var dy = -1; dy <= 1; dy++) {
            let color = denoise_color(x + dx, y + dy);
            sum += color.z * color.xy;
            weights += color.z;
        }
    }
    return sum / max(weights, 1e-12);
}

fn denoise(c: Denoise, before: Px) -> Px {
    var px = before;
    let x = i32(px.x);
    let y = i32(px.y);
    var spline = array<f32, 5>(0.0625, 0.25, 0.375, 0.25, 0.0625);
    let share = c.near + c.span * distance_from_disparity(px.disparity);
    let steeper = select(1.0 / max(share * share, 1e-12), 1.0, c.span == 0.0);
    let center = denoise_luma(c, x, y).x;
    var sum = 0.0;
    var weights = 0.0;
    for (var j = -2; j <= 2; j++) {
        for (var i = -2; i <= 2; i++) {
            let value = denoise_luma(c, x + i * c.step, y + j * c.step);
            let d = value.x - center;
            let near = max(1.0 - c.luma * steeper * (d * d), 0.0);
            let w = spline[j + 2] * spline[i + 2] * value.y * (near * near);
            sum += w * d;
            weights += w;
        }
    }
    let smoothed = center + sum / max(weights, 1e-12);
    if c.stage < 2u {
        px.aux = smoothed;
        return px;
    }
    var color = vec2(0.0);
    if c.colors > 0u {
        let color0 = denoise_color(x, y).xy;
        let mean0 = denoise_mean(x, y);
        let guide0 = area_aux(x, y);
        var sums = vec2(0.0);
        weights = 0.0;
        for (var j = -3; j <= 3; j++) {
            for (var i = -3; i <= 3; i++) {
                let other = denoise_color(x + 4 * i, y + 4 * j);
                let d = denoise_mean(x + 4 * i, y + 4 * j) - mean0;
                let dg = area_aux(x + 4 * i, y + 4 * j) - guide0;
                let near = max(1.0 - (c.chroma * (d.x * d.x + d.y * d.y) + c.guide * (dg * dg)) * steeper, 0.0);
                let w = other.z * (near * near);
                sums += w * (other.xy - color0);
                weights += w;
            }
        }
        color = sums / max(weights, 1e-12);
    }
    let change = smoothed - area_luma(x, y).x;
    let green = -(0.2627 * color.x + 0.0593 * color.y) / 0.6780;
    px.rgb = (px.rgb + vec3(change) + vec3(color.x, green, color.y)) * area_coverage(x, y);
    return px;
}
