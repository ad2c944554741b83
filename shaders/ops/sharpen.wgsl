struct Sharpen {
    stage: u32,
    reach: i32,
    weights: u32,
    amount: f32,
    masking: f32,
}

fn sharpen(c: Sharpen, before: Px) -> Px {
    var px = before;
    let x = i32(px.x);
    let y = i32(px.y);
    let luma = area_luma(x, y).x;
    let center = select(area_aux(x, y), luma, c.stage == 0u);
    var sum = 0.0;
    var weights = 0.0;
    for (var k = -c.reach; k <= c.reach; k++) {
        let weight = bitcast<f32>(tables[c.weights + u32(k + c.reach)]);
        var value = vec2(0.0);
        if c.stage == 0u {
            value = area_luma(x + k, y);
        } else {
            value = vec2(area_aux(x, y + k), area_coverage(x, y + k));
        }
        let w = select(0.0, weight * value.y, area_sound(value.x));
        sum += w * (value.x - center);
        weights += w;
    }
    let blurred = center + sum / max(weights, 1e-12);
    if c.stage == 0u {
        px.aux = select(1e6, blurred, area_sound(luma));
        return px;
    }
    var low = 1e6;
    var high = -1e6;
    for (var dy = -2; dy <= 2; dy++) {
        for (var dx = -2; dx <= 2; dx++) {
            let near = area_luma(x + dx, y + dy);
            let seen = near.y > 0.0 && area_sound(near.x);
            low = min(low, select(1e6, near.x, seen));
            high = max(high, select(-1e6, near.x, seen));
        }
    }
    let range = high - low;
    let square = range * range;
    let masked = square / (square + c.masking);
    let wanted = luma + c.amount * masked * (luma - blurred);
    let over = max(wanted - high, 0.0);
    let under = max(low - wanted, 0.0);
    let held = min(max(wanted, low), high) + over * 0.05 / (over + 0.05) - under * 0.05 / (under + 0.05);
    let change = select(0.0, held - luma, area_sound(luma));
    px.rgb = (px.rgb + vec3(change)) * area_coverage(x, y);
    return px;
}
