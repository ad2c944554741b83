struct Defocus {
    stage: u32,
    taps: u32,
    count: u32,
    reach: u32,
    focus: f32,
    slope: f32,
    limit: f32,
    low: f32,
    fade: f32,
    boost: f32,
    bright: f32,
    bright_step: f32,
    eye: f32,
    eye_x: f32,
    eye_y: f32,
    field: FieldConstants,
}

fn defocus_unit(v: f32) -> f32 {
    return min(max(v, 0.0), 1.0);
}

fn defocus_smooth(v: f32) -> f32 {
    let t = defocus_unit(v);
    return t * t * (3.0 - 2.0 * t);
}

// Signed radius in pixels: positive in front of the focus. What is no number is farthest.
fn defocus_radius(c: Defocus, disparity: f32) -> f32 {
    let d = select(0.0, defocus_unit(disparity), finite(disparity) || disparity > 0.0);
    return min(max((d - c.focus) * c.slope, -c.limit), c.limit);
}

fn defocus_sound(rgb: vec3<f32>) -> bool {
    let small = abs(rgb) < vec3(1e6);
    return finite(rgb.x) && finite(rgb.y) && finite(rgb.z) && all(small);
}

// Light of a pixel with blur of this radius, highlights included; black where it is broken.
fn defocus_light(c: Defocus, rgb: vec3<f32>, radius: f32) -> vec3<f32> {
    if !defocus_sound(rgb) {
        return vec3(0.0);
    }
    let luma = 0.2627 * rgb.x + 0.6780 * rgb.y + 0.0593 * rgb.z;
    return rgb * (1.0 + c.boost * defocus_smooth((luma - c.bright) * c.bright_step) * defocus_unit(radius - 1.0));
}

// How pure the color of the pixel is: 0 beside something nearer.
fn defocus_purity(c: Defocus, x: i32, y: i32, own: f32) -> f32 {
    var nearest = -1e6;
    for (var dy = -1; dy <= 1; dy++) {
        for (var dx = -1; dx <= 1; dx++) {
            nearest = max(nearest, defocus_radius(c, area_disparity(x + dx, y + dy)));
        }
    }
    return 1.0 - defocus_unit(0.5 * (nearest - own) - 0.5);
}

fn defocus(c: Defocus, before: Px) -> Px {
    var px = before;
    let x = i32(px.x);
    let y = i32(px.y);
    let own = defocus_radius(c, px.disparity);
    if c.stage == 0u {
        px.aux = defocus_purity(c, x, y, own);
        return px;
    }
    let radius0 = abs(own);
    let faded = defocus_smooth((radius0 - c.low) * c.fade);
    let color0 = defocus_light(c, px.rgb, radius0);
    let edge0 = select(0.0, max(radius0, 0.5) + 0.5, faded < 1.0);
    let far = select(0.0, faded, own < 0.0);
    let eye = c.eye * vec2(f32(px.x) + 0.5 - c.eye_x, f32(px.y) + 0.5 - c.eye_y);
    var base = vec4(0.0);
    var front = vec4(0.0);
    for (var i = 0u; i < c.count; i++) {
        let tap = c.taps + 5u * i;
        let dy = bitcast<i32>(tables[tap]);
        let dx = bitcast<i32>(tables[tap + 1u]);
        let along = dot(eye, vec2(f32(dx), f32(dy)));
        let rho = bitcast<f32>(tables[tap + 2u]) + along * along * bitcast<f32>(tables[tap + 4u]);
        let area = bitcast<f32>(tables[tap + 3u]);
        let at = area_index(x + dx, y + dy);
        let color = planes_in[at];
        let beside = planes_in[pass_params.from_stride + at];
        let signed_radius = defocus_radius(c, beside.y);
        let radius = max(abs(signed_radius), 0.5);
        let faded_q = defocus_smooth((radius - c.low) * c.fade);
        let coverage = select(0.0, select(1.0, color.a, PLANES_ALPHA), defocus_sound(color.rgb));
        let near = defocus_unit((signed_radius - own) * 2.0 - 0.5);
        let is_near = signed_radius > 0.0;
        let disk = coverage / (3.14159265 * (radius * radius + 1.0 / 12.0));
        let part = select(defocus_unit((2.0 * radius - c.low) * c.fade), 0.0, is_near);
        let light = disk * (select(1.0, 1.0 - faded_q, is_near) - far * part);
        let edge = select(radius + 0.5, 0.0, faded_q >= 1.0);
        let wb = area * defocus_unit(edge0 - rho) * ((1.0 - near) * coverage * max(beside.w, 1e-3));
        let wf = area * defocus_unit(edge - rho) * (near * light);
        let difference = defocus_light(c, color.rgb, abs(signed_radius)) - color0;
        base += vec4(wb * difference, wb);
        front += vec4(wf * difference, wf);
    }
    let squeeze = dot(eye, eye);
    let covers = min(front.w * (1.0 + squeeze) * sqrt(1.0 + squeeze) / (1.0 + 0.5 * squeeze), 1.0) * select(1.0, 1.0 - faded, own > 0.0);
    let gathered = color0 + base.xyz / max(base.w, 1e-9);
    let first = select(0u, 7u, own > 0.0);
    let large = vec3(
        field_sample(c.field, px.x, px.y, first),
        field_sample(c.field, px.x, px.y, first + 1u),
        field_sample(c.field, px.x, px.y, first + 2u)
    );
    let near_color = vec3(
        field_sample(c.field, px.x, px.y, 3u),
        field_sample(c.field, px.x, px.y, 4u),
        field_sample(c.field, px.x, px.y, 5u)
    );
    let seen = gathered + faded * (large - gathered);
    let nearer = color0 + front.xyz / max(front.w, 1e-9);
    let over = seen + covers * (nearer - seen);
    let blurred = near_color + (1.0 - field_sample(c.field, px.x, px.y, 6u)) * over;
    px.rgb = select(px.rgb, blurred, defocus_sound(px.rgb)) * area_coverage(x, y);
    return px;
}
