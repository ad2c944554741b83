//! `curves`: tone curves through points.
//!
//! Monotone piecewise cubics (Fritsch and Carlson, "Monotone Piecewise Cubic Interpolation", SIAM Journal on Numerical Analysis 17, 1980):
//! the curve rises where the points rise and never overshoots them. Evaluated in closed form from a table of pieces, which a binary
//! search of a fixed number of steps finds. Before the first point and after the last the curve goes on straight.

use super::{Context, Domain, Op, Px, Tables, params};

/// Points of a curve that changes nothing.
const STRAIGHT: [[f32; 2]; 2] = [[0.0, 0.0], [1.0, 1.0]];

params! {
    /// Tone curves through points: one for all channels, and one for each.
    ///
    /// Monotone cubics: no overshoot between points; straight beyond the first and the last. `points` comes first, then `red`,
    /// `green` and `blue`. Each channel goes through its curve by itself, so contrast also changes saturation.
    pub struct Params {
        /// Curve of all channels, as [[x, y], ...] in values of the tonal domain.
        points: Vec<[f32; 2]> = STRAIGHT, Kind::Points { min: 0.0, max: 1.0 };
        /// Curve of red, after that of all channels.
        red: Vec<[f32; 2]> = STRAIGHT, Kind::Points { min: 0.0, max: 1.0 };
        /// Curve of green, after that of all channels.
        green: Vec<[f32; 2]> = STRAIGHT, Kind::Points { min: 0.0, max: 1.0 };
        /// Curve of blue, after that of all channels.
        blue: Vec<[f32; 2]> = STRAIGHT, Kind::Points { min: 0.0, max: 1.0 };
    }
}

/// Render-ready numbers: where the pieces of each curve lie. Master, red, green, blue.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Constants {
    /// First word of the pieces: 5 floats each, origin `x0` and `y, c1, c2, c3` of `y + c1 t + c2 t^2 + c3 t^3` with `t = x - x0`.
    pub table: [u32; 4],
    /// Index of the last piece; 0 = the curve changes nothing and has none.
    pub last: [u32; 4],
    /// First step of the search, a power of two.
    pub stride: [u32; 4],
}

/// Floats of a piece.
const PIECE: u32 = 5;

/// The operation.
pub struct Spec;

impl Op for Spec {
    const ID: &'static str = "curves";
    const WGSL: &'static str = include_str!("../../shaders/ops/curves.wgsl");
    type Params = Params;
    type Constants = Constants;

    fn domain(_: &Params) -> Domain {
        Domain::Grade
    }

    fn is_identity(p: &Params) -> bool {
        [&p.points, &p.red, &p.green, &p.blue].into_iter().all(|points| straight(points))
    }

    fn makes_color(p: &Params) -> bool {
        let same = |a: &Vec<[f32; 2]>, b: &Vec<[f32; 2]>| a == b || straight(a) && straight(b);
        !same(&p.red, &p.green) || !same(&p.green, &p.blue)
    }

    fn prepare(p: &Params, _: &Context, tables: &mut Tables) -> Result<Constants, String> {
        let mut c = Constants { table: [0; 4], last: [0; 4], stride: [0; 4] };
        for (i, points) in [&p.points, &p.red, &p.green, &p.blue].into_iter().enumerate() {
            if points.len() < 2 || straight(points) {
                continue;
            }
            c.table[i] = tables.push_floats(&pieces(points));
            c.last[i] = points.len() as u32;
            c.stride[i] = 1 << c.last[i].ilog2();
        }
        Ok(c)
    }

    #[inline(always)]
    fn pixel(c: &Constants, tables: &[u32], px: Px) -> Px {
        let [r, g, b] = px.rgb;
        let (r, g, b) = (bent(c, 0, tables, r), bent(c, 0, tables, g), bent(c, 0, tables, b));
        Px { rgb: [bent(c, 1, tables, r), bent(c, 2, tables, g), bent(c, 3, tables, b)], ..px }
    }
}

/// True when the curve changes nothing.
fn straight(points: &[[f32; 2]]) -> bool {
    points.iter().all(|[x, y]| x == y)
}

#[inline(always)]
fn bent(c: &Constants, curve: usize, tables: &[u32], x: f32) -> f32 {
    let (table, last) = (c.table[curve], c.last[curve]);
    if last == 0 {
        return x;
    }
    let word = |at: u32| f32::from_bits(tables.get(at as usize).copied().unwrap_or(0));
    let (mut piece, mut stride) = (0u32, c.stride[curve]);
    while stride > 0 {
        let next = piece + stride;
        let inside = next <= last && x >= word(table + next.min(last) * PIECE);
        piece = if inside { next } else { piece };
        stride /= 2;
    }
    let at = table + piece * PIECE;
    let t = x - word(at);
    word(at + 1) + t * (word(at + 2) + t * (word(at + 3) + t * word(at + 4)))
}

/// The table of a curve of n points: n + 1 pieces, the first and the last straight.
fn pieces(points: &[[f32; 2]]) -> Vec<f32> {
    let points: Vec<[f64; 2]> = points.iter().map(|p| p.map(f64::from)).collect();
    let secants: Vec<f64> = points.windows(2).map(|p| (p[1][1] - p[0][1]) / (p[1][0] - p[0][0])).collect();
    let slopes = slopes(&secants);
    let mut out = Vec::with_capacity((points.len() + 1) * PIECE as usize);
    let mut add = |piece: [f64; 5]| out.extend(piece.map(|v| v as f32));
    add([points[0][0], points[0][1], slopes[0], 0.0, 0.0]);
    for (i, secant) in secants.iter().enumerate() {
        let (h, [x, y], (a, b)) = (points[i + 1][0] - points[i][0], points[i], (slopes[i], slopes[i + 1]));
        add([x, y, a, (3.0 * secant - 2.0 * a - b) / h, (a + b - 2.0 * secant) / (h * h)]);
    }
    let end = points.len() - 1;
    add([points[end][0], points[end][1], slopes[end], 0.0, 0.0]);
    out
}

/// Slopes at the points from the slopes between them: means, made 0 at turns, and shortened to the circle of radius 3 (Fritsch and Carlson,
/// section 4, region S2).
fn slopes(secants: &[f64]) -> Vec<f64> {
    let n = secants.len();
    let mut slopes: Vec<f64> = (0..=n)
        .map(|i| match (i.checked_sub(1).and_then(|k| secants.get(k)), secants.get(i)) {
            (Some(a), Some(b)) if a * b > 0.0 => (a + b) / 2.0,
            (Some(_), Some(_)) | (None, None) => 0.0,
            (Some(only), None) | (None, Some(only)) => *only,
        })
        .collect();
    for (i, secant) in secants.iter().enumerate() {
        if *secant == 0.0 {
            (slopes[i], slopes[i + 1]) = (0.0, 0.0);
            continue;
        }
        let size = (slopes[i] / secant).hypot(slopes[i + 1] / secant);
        if size > 3.0 {
            slopes[i] *= 3.0 / size;
            slopes[i + 1] *= 3.0 / size;
        }
    }
    slopes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graded(params: &Params, rgb: [f32; 3]) -> [f32; 3] {
        let mut tables = Tables(vec![9; 3]);
        let c = Spec::prepare(params, &Context::default(), &mut tables).unwrap();
        Spec::pixel(&c, &tables.0, Px::of(rgb)).rgb
    }

    fn master(points: &[[f32; 2]], v: f32) -> f32 {
        graded(&Params { points: points.to_vec(), ..Params::default() }, [v; 3])[1]
    }

    const S_CURVE: [[f32; 2]; 5] = [[0.0, 0.0], [0.2, 0.1], [0.5, 0.55], [0.8, 0.92], [1.0, 1.0]];

    #[test]
    fn matches_the_cubic_in_f64() {
        // The Hermite form with slopes 0.5, 1.0, 1.366667, 0.816667, 0.4, none of which has to be shortened.
        for (x, expected) in [(0.1, 0.0375), (0.35, 0.311_250), (0.6, 0.688_518_519), (0.9, 0.970_416_667)] {
            assert!((master(&S_CURVE, x) - expected).abs() < 1e-6, "{x}: {}", master(&S_CURVE, x));
        }
    }

    #[test]
    fn goes_through_its_points_and_on_straight() {
        for [x, y] in S_CURVE {
            assert!((master(&S_CURVE, x) - y).abs() < 1e-7, "{x}");
        }
        assert!((master(&S_CURVE, -0.5) + 0.25).abs() < 1e-6);
        assert!((master(&S_CURVE, 2.0) - 1.4).abs() < 1e-6);
    }

    #[test]
    fn rises_where_points_rise_and_never_overshoots() {
        let hard: [[f32; 2]; 6] = [[0.0, 0.0], [0.1, 0.7], [0.11, 0.71], [0.5, 0.71], [0.52, 0.99], [1.0, 1.0]];
        let many: Vec<[f32; 2]> = (0..64).map(|i| [i as f32 / 63.0, (i as f32 / 63.0).powi(3)]).collect();
        for points in [&hard[..], &many] {
            let values: Vec<f32> = (-200..=1200).map(|i| master(points, i as f32 / 1000.0)).collect();
            assert!(values.windows(2).all(|pair| pair[1] >= pair[0] - 1e-7));
        }
        let hill = [[0.0, 0.1], [0.4, 0.9], [1.0, 0.2]];
        assert!((0..=1000).all(|i| (0.1 - 1e-6..=0.9 + 1e-6).contains(&master(&hill, i as f32 / 1000.0))));
    }

    #[test]
    fn channels_have_their_own_curves() {
        let red = vec![[0.0, 0.0], [1.0, 0.5]];
        let params = Params { red, points: vec![[0.0, 0.2], [1.0, 1.0]], ..Params::default() };
        let out = graded(&params, [0.5; 3]);
        assert!((out[0] - 0.3).abs() < 1e-6 && (out[1] - 0.6).abs() < 1e-6 && out[1] == out[2], "{out:?}");
        assert!(Spec::makes_color(&params) && !Spec::makes_color(&Params { red: STRAIGHT.into(), ..params }));
    }
}
