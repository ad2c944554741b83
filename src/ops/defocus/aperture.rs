//! The shape of the blur: a fixed pattern of places around a pixel, each with its distance in the measure of the aperture.
//!
//! *Measure*: the radius an aperture must have to reach a place. For a round aperture it is the plain distance; for blades it is that of a
//! regular polygon with the area of the disk, so that the amount of blur does not depend on the shape.

use std::f64::consts::PI;

use super::super::step::Frame;

/// Words of one tap in the tables.
pub const TAP_WORDS: usize = 5;

/// One place of the pattern.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Tap {
    /// Row from the pixel.
    pub dy: i32,
    /// Column from the pixel.
    pub dx: i32,
    /// Distance in the measure of the aperture.
    pub rho: f32,
    /// Pixels it stands for.
    pub area: f32,
    /// 1 / plain distance; 0 at the pixel itself.
    pub inverse: f32,
}

impl Tap {
    /// As words of the tables.
    pub fn words(&self) -> [u32; TAP_WORDS] {
        [self.dy as u32, self.dx as u32, self.rho.to_bits(), self.area.to_bits(), self.inverse.to_bits()]
    }

    /// From words of the tables.
    #[inline(always)]
    pub fn read(words: &[u32]) -> Self {
        let word = |i: usize| words.get(i).copied().unwrap_or(0);
        let float = |i: usize| f32::from_bits(word(i));
        Self { dy: word(0) as i32, dx: word(1) as i32, rho: float(2), area: float(3), inverse: float(4) }
    }
}

/// Blades and their angle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Aperture {
    /// Blades; fewer than 3 = round.
    pub blades: u32,
    /// Angle of a corner from upright, clockwise, in degrees.
    pub rotation: f32,
}

impl Aperture {
    /// Distance of a place, seen from the point whose light it gets, x to the right and y down.
    fn measure(&self, x: f64, y: f64) -> f64 {
        if self.blades < 3 {
            return x.hypot(y);
        }
        let n = f64::from(self.blades);
        let corner = (2.0 * PI / (n * (2.0 * PI / n).sin())).sqrt();
        let apothem = corner * (PI / n).cos();
        let start = f64::from(self.rotation).to_radians() - PI / 2.0 + PI / n;
        let side = |k: u32| {
            let angle = start + 2.0 * PI * f64::from(k) / n;
            x * angle.cos() + y * angle.sin()
        };
        (0..self.blades).map(side).fold(0.0, f64::max) / apothem
    }
}

/// Places that blur of up to `reach` pixels reads: all of them near the pixel, every second row and column beyond `dense` pixels, every fourth
/// beyond twice that. In order of rows. Light comes from a place, so it is measured from there.
pub fn taps(aperture: &Aperture, frame: &Frame, reach: u32, dense: u32) -> Vec<Tap> {
    let m = frame.upright();
    let shown = frame.upright_extent();
    let reach = reach as i32;
    let mut taps = Vec::new();
    for dy in -reach..=reach {
        for dx in -reach..=reach {
            let (x, y) = (f64::from(-dx), f64::from(-dy));
            let ux = (f64::from(m[0]) * x + f64::from(m[1]) * y) * f64::from(shown.width);
            let uy = (f64::from(m[3]) * x + f64::from(m[4]) * y) * f64::from(shown.height);
            let rho = aperture.measure(ux, uy);
            let step = match dx.unsigned_abs().max(dy.unsigned_abs()) {
                d if d <= dense => 1,
                d if d <= 2 * dense => 2,
                _ => 4,
            };
            if rho > f64::from(reach) || dx % step != 0 || dy % step != 0 {
                continue;
            }
            let distance = x.hypot(y);
            let inverse = if distance > 0.0 { (1.0 / distance) as f32 } else { 0.0 };
            taps.push(Tap { dy, dx, rho: rho as f32, area: (step * step) as f32, inverse });
        }
    }
    taps
}
