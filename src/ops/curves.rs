//! `curves`: tone curves through points.
//!
//! Monotone piecewise cubics (Fritsch and Carlson, "Monotone Piecewise Cubic Interpolation", SIAM Journal on Numerical Analysis 17, 1980):
//! the curve rises where the points rise and never overshoots them. Before the first point and after the last it goes on straight.
//!
//! Evaluated in closed form as a sum: the value of the first point, the straight ends, and what each piece rises up to x. Nothing is
//! searched, so that the loop over pixels is one of plain arithmetic.

use super::{CHUNK, Chunk, Context, Domain, Op, Px, Tables, params};

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

/// Render-ready numbers: where the tables of the curves lie. Master, red, green, blue.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Constants {
    /// First word of the table: `Ends`, then a `Piece` for each, 5 floats all.
    pub table: [u32; 4],
    /// Number of pieces; 0 = the curve changes nothing and has no table.
    pub pieces: [u32; 4],
}

/// First x and y, slope before; last x, slope after.
type Ends = [f32; 5];
/// Begin x, length h, and c1, c2, c3 of the rise `c1 t + c2 t^2 + c3 t^3`, `t = x - begin` within 0..h.
type Piece = [f32; 5];
/// The straight ends end here, so that infinity times a slope of 0 is no NaN.
const FAR: f32 = 1e30;
/// Smallest step from point to point, in x.
const LEAST_STEP: f32 = 1e-4;

/// The operation.
pub struct Spec;

impl Op for Spec {
    const ID: &'static str = "curves";
    const WGSL: &'static str = include_str!("../../shaders/ops/curves.wgsl");
    const GUARDED: bool = false;
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
        let mut c = Constants { table: [0; 4], pieces: [0; 4] };
        for (i, points) in [&p.points, &p.red, &p.green, &p.blue].into_iter().enumerate() {
            if points.len() < 2 || straight(points) {
                continue;
            }
            if let Some(close) = points.windows(2).find(|p| p[1][0] - p[0][0] < LEAST_STEP) {
                return Err(format!(
                    "curves: points at x = {} and x = {} lie closer than {LEAST_STEP}",
                    close[0][0], close[1][0]
                ));
            }
            c.table[i] = tables.push_floats(&table(points));
            c.pieces[i] = points.len() as u32 - 1;
        }
        Ok(c)
    }

    #[inline(always)]
    fn pixel(c: &Constants, tables: &[u32], px: Px) -> Px {
        let mut rgb = px.rgb;
        for (channel, v) in rgb.iter_mut().enumerate() {
            for curve in [0, channel + 1] {
                *v = bent(words(c, tables, curve), *v);
            }
        }
        Px { rgb, ..px }
    }

    #[inline(always)]
    fn chunk(c: &Constants, tables: &[u32], chunk: &mut Chunk) -> bool {
        let n = chunk.len.min(CHUNK);
        for (channel, plane) in chunk.rgb.iter_mut().enumerate() {
            for curve in [0, channel + 1] {
                bend(words(c, tables, curve), &mut plane[..n]);
            }
        }
        true
    }
}

/// The table of a curve; empty for one that changes nothing.
#[inline(always)]
fn words<'a>(c: &Constants, tables: &'a [u32], curve: usize) -> &'a [[f32; 5]] {
    let (start, pieces) = (c.table[curve] as usize, c.pieces[curve] as usize);
    let end = start + 5 * (pieces + 1);
    let words = if pieces == 0 { None } else { tables.get(start..end) };
    bytemuck::cast_slice(words.unwrap_or(&[]))
}

#[inline(always)]
fn bent(table: &[[f32; 5]], x: f32) -> f32 {
    let Some((ends, pieces)) = table.split_first() else { return x };
    let mut y = straight_ends(ends, x);
    for piece in pieces {
        y += rise(piece, x);
    }
    y
}

/// [`bent`] of a row of values: piece after piece over all of them, the same sums.
#[inline(always)]
fn bend(table: &[[f32; 5]], values: &mut [f32]) {
    let Some((ends, pieces)) = table.split_first() else { return };
    let mut sums = [0.0f32; CHUNK];
    for (y, x) in sums.iter_mut().zip(values.iter()) {
        *y = straight_ends(ends, *x);
    }
    for piece in pieces {
        for (y, x) in sums.iter_mut().zip(values.iter()) {
            *y += rise(piece, *x);
        }
    }
    for (x, y) in values.iter_mut().zip(&sums) {
        *x = *y;
    }
}

#[inline(always)]
fn straight_ends(e: &Ends, x: f32) -> f32 {
    let before = (x - e[0]).min(0.0).max(-FAR);
    let after = (x - e[3]).max(0.0).min(FAR);
    e[1] + before * e[2] + after * e[4]
}

#[inline(always)]
fn rise(p: &Piece, x: f32) -> f32 {
    let t = (x - p[0]).max(0.0).min(p[1]);
    t * (p[2] + t * (p[3] + t * p[4]))
}

/// True when the curve changes nothing.
fn straight(points: &[[f32; 2]]) -> bool {
    points.iter().all(|[x, y]| x == y)
}

/// The table of a curve: its ends and one piece less than points.
fn table(points: &[[f32; 2]]) -> Vec<f32> {
    let points: Vec<[f64; 2]> = points.iter().map(|p| p.map(f64::from)).collect();
    let secants: Vec<f64> = points.windows(2).map(|p| (p[1][1] - p[0][1]) / (p[1][0] - p[0][0])).collect();
    let slopes = slopes(&secants);
    let end = points.len() - 1;
    let mut rows = vec![[points[0][0], points[0][1], slopes[0], points[end][0], slopes[end]]];
    for (i, secant) in secants.iter().enumerate() {
        let (h, a, b) = (points[i + 1][0] - points[i][0], slopes[i], slopes[i + 1]);
        rows.push([points[i][0], h, a, (3.0 * secant - 2.0 * a - b) / h, (a + b - 2.0 * secant) / (h * h)]);
    }
    rows.into_iter().flatten().map(|v| v as f32).collect()
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
            assert!((master(&S_CURVE, x) - y).abs() < 4e-7, "{x}");
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
            assert!(values.windows(2).all(|pair| pair[1] >= pair[0] - 4e-7));
        }
        let hill = [[0.0, 0.1], [0.4, 0.9], [1.0, 0.2]];
        assert!((0..=1000).all(|i| (0.1 - 1e-6..=0.9 + 1e-6).contains(&master(&hill, i as f32 / 1000.0))));
    }

    #[test]
    fn points_that_single_floats_cannot_part_are_refused() {
        let points = vec![[0.0, 0.0], [0.5, 0.2], [0.5, 0.8], [1.0, 1.0]];
        let params = Params { green: points, ..Params::default() };
        let message = Spec::prepare(&params, &Context::default(), &mut Tables::default()).unwrap_err();
        assert!(message.contains("0.5") && message.contains("0.0001"), "{message}");
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
