struct Contrast {
    black: f32,
    pivot: f32,
    white: f32,
    slope: f32,
    end_slope: f32,
}

fn contrast_bent(c: Contrast, v: f32) -> f32 {
    let below = v < c.pivot;
    let length = select(c.white - c.pivot, c.pivot - c.black, below);
    let from_end = select(c.white - v, v - c.black, below);
    let inside = max(from_end, 0.0);
    let beyond = min(from_end, 0.0);
    let curved = length * inside / (inside + c.slope * (length - inside)) + beyond * c.end_slope;
    return select(c.white - curved, c.black + curved, below);
}

fn contrast(c: Contrast, before: Px) -> Px {
    var px = before;
    px.rgb = vec3(contrast_bent(c, px.rgb.r), contrast_bent(c, px.rgb.g), contrast_bent(c, px.rgb.b));
    return px;
}
