struct Hsl {
    cosine: array<f32, 8>,
    sine: array<f32, 8>,
    turn: array<f32, 8>,
    boost: array<f32, 8>,
    lift: array<f32, 8>,
    to_cones: array<f32, 9>,
    to_light: array<f32, 9>,
}

// What the pair of neighboring bands that holds the color wants: cross products, then turn, boost and lift of the first and the second.
struct HslPair {
    x: f32,
    y: f32,
    low: vec3<f32>,
    high: vec3<f32>,
}

fn hsl_pair(found: HslPair, cross_low: f32, cross_high: f32, low: vec3<f32>, high: vec3<f32>) -> HslPair {
    let inside = cross_low >= 0.0 && cross_high < 0.0;
    return HslPair(
        select(found.x, cross_low, inside),
        select(found.y, -cross_high, inside),
        select(found.low, low, inside),
        select(found.high, high, inside),
    );
}

fn hsl(c: Hsl, before: Px) -> Px {
    var px = before;
    let a = px.rgb.y;
    let b = px.rgb.z;
    let cross0 = c.cosine[0] * b - c.sine[0] * a;
    let band0 = vec3(c.turn[0], c.boost[0], c.lift[0]);
    let cross1 = c.cosine[1] * b - c.sine[1] * a;
    let band1 = vec3(c.turn[1], c.boost[1], c.lift[1]);
    let cross2 = c.cosine[2] * b - c.sine[2] * a;
    let band2 = vec3(c.turn[2], c.boost[2], c.lift[2]);
    let cross3 = c.cosine[3] * b - c.sine[3] * a;
    let band3 = vec3(c.turn[3], c.boost[3], c.lift[3]);
    let cross4 = c.cosine[4] * b - c.sine[4] * a;
    let band4 = vec3(c.turn[4], c.boost[4], c.lift[4]);
    let cross5 = c.cosine[5] * b - c.sine[5] * a;
    let band5 = vec3(c.turn[5], c.boost[5], c.lift[5]);
    let cross6 = c.cosine[6] * b - c.sine[6] * a;
    let band6 = vec3(c.turn[6], c.boost[6], c.lift[6]);
    let cross7 = c.cosine[7] * b - c.sine[7] * a;
    let band7 = vec3(c.turn[7], c.boost[7], c.lift[7]);
    var pair = HslPair(0.0, 0.0, vec3(0.0), vec3(0.0));
    pair = hsl_pair(pair, cross0, cross1, band0, band1);
    pair = hsl_pair(pair, cross1, cross2, band1, band2);
    pair = hsl_pair(pair, cross2, cross3, band2, band3);
    pair = hsl_pair(pair, cross3, cross4, band3, band4);
    pair = hsl_pair(pair, cross4, cross5, band4, band5);
    pair = hsl_pair(pair, cross5, cross6, band5, band6);
    pair = hsl_pair(pair, cross6, cross7, band6, band7);
    pair = hsl_pair(pair, cross7, cross0, band7, band0);
    let sum = pair.x + pair.y;
    let s = pair.x / select(1.0, sum, sum > 1e-12);
    let t = s * s * (3.0 - 2.0 * s);
    let band = pair.low + t * (pair.high - pair.low);

    let pure = purity_spared(purity(c.to_cones, c.to_light, px.rgb));
    let gain = 1.0 + band.y * (1.0 - select(0.0, pure, band.y > 0.0));
    let scale = 1.0 / (1.0 + band.x * band.x);
    let cosine = (1.0 - band.x * band.x) * scale;
    let sine = 2.0 * band.x * scale;
    let squared = a * a + b * b;
    let light = 1.0 + band.z * (squared / (squared + 0.0016));
    px.rgb = vec3(px.rgb.x, gain * (a * cosine - b * sine), gain * (a * sine + b * cosine)) * light;
    return px;
}
