struct LiftGammaGain {
    lift: array<f32, 3>,
    exponent: array<f32, 3>,
    gain: array<f32, 3>,
}

fn lift_gamma_gain_one(value: f32, lift: f32, exponent: f32, gain: f32) -> f32 {
    let v = gain * (value + lift * (1.0 - value));
    let size = chiaro_pow(abs(v), exponent);
    return select(select(size, -size, v < 0.0), v, exponent == 1.0);
}

fn lift_gamma_gain(c: LiftGammaGain, before: Px) -> Px {
    var px = before;
    px.rgb = vec3(
        lift_gamma_gain_one(px.rgb.r, c.lift[0], c.exponent[0], c.gain[0]),
        lift_gamma_gain_one(px.rgb.g, c.lift[1], c.exponent[1], c.gain[1]),
        lift_gamma_gain_one(px.rgb.b, c.lift[2], c.exponent[2], c.gain[2]),
    );
    return px;
}
