struct ShadowsHighlights {
    black: f32,
    span: f32,
    scale: f32,
    blacks: f32,
    shadows: f32,
    highlights: f32,
    whites: f32,
    shifts: u32,
}

fn shadows_highlights_factor(c: ShadowsHighlights, tone: f32) -> f32 {
    var n = tone;
    var m = min(max(n, 0.0), 1.0);
    var rest = (1.0 - m) * (1.0 - m);
    let rest4 = rest * rest;
    let blacks = 1.0 + c.blacks * rest4 * rest4;
    n = n * blacks;
    m = min(max(n, 0.0), 1.0);
    rest = (1.0 - m) * (1.0 - m);
    let shadows = 1.0 + c.shadows * m * rest * rest;
    n = n * shadows;
    m = min(max(n, 0.0), 1.0);
    rest = (1.0 - m) * (1.0 - m);
    let highlights = 1.0 + c.highlights * m * m * m * rest;
    n = n * highlights;
    m = min(max(n, 0.0), 1.0);
    let m2 = m * m;
    let over = max(n, 1.0);
    let whites = 1.0 + c.whites * (m2 * m2 * m + 6.0 * (over - 1.0)) / over;
    return blacks * shadows * highlights * whites;
}

fn shadows_highlights(c: ShadowsHighlights, before: Px) -> Px {
    var px = before;
    let luma = 0.2627 * px.rgb.r + 0.6780 * px.rgb.g + 0.0593 * px.rgb.b;
    let n = (luma - c.black) * c.scale;
    let factor = shadows_highlights_factor(c, n);
    let gain = select(factor, 1.0, c.shifts == 1u);
    let shift = select(0.0, (factor - 1.0) * n * c.span, c.shifts == 1u);
    px.rgb = px.rgb * gain + shift;
    return px;
}
