//! The lens against numbers, and pictures against exact compositing of layers in 64-bit floats.

use super::*;
use crate::isa::Isa;
use crate::ops::area::Carried;
use crate::ops::{ParamSet, Step, Value, find};
use crate::picture::Extent;
use std::sync::Arc;

/// A generated scene: color and normalized disparity of every pixel.
struct Scene {
    extent: Extent,
    rgb: Vec<[f32; 3]>,
    disparity: Vec<f32>,
}

impl Scene {
    fn new(width: u32, height: u32, pixel: impl Fn(u32, u32) -> ([f32; 3], f32)) -> Self {
        let (rgb, disparity) = (0..width * height).map(|i| pixel(i % width, i / width)).unzip();
        Self { extent: Extent { width, height }, rgb, disparity }
    }

    /// Means over the cells of the proxy, and the disparity in their middles, as the engine takes them.
    fn proxy(&self) -> Proxy {
        let (from, to) = (self.extent, Proxy::extent_for(self.extent));
        let n = to.pixels() as usize;
        let (mut sums, mut counts) = (vec![[0.0f64; 3]; n], vec![0.0f64; n]);
        for (i, rgb) in (0u64..).zip(&self.rgb) {
            let (x, y) = (i % u64::from(from.width), i / u64::from(from.width));
            let cell = (y * u64::from(to.height) / u64::from(from.height) * u64::from(to.width)
                + x * u64::from(to.width) / u64::from(from.width)) as usize;
            (0..3).for_each(|k| sums[cell][k] += f64::from(rgb[k]));
            counts[cell] += 1.0;
        }
        let plane = |k: usize| sums.iter().zip(&counts).map(|(s, n)| (s[k] / n) as f32).collect::<Vec<f32>>();
        let middle = |i: u32, cells: u32, pixels: u32| ((2 * u64::from(i) + 1) * u64::from(pixels) / (2 * u64::from(cells))) as u32;
        let depth = (0..to.pixels() as u32).map(|i| {
            let (x, y) = (middle(i % to.width, to.width, from.width), middle(i / to.width, to.height, from.height));
            self.disparity[(y * from.width + x) as usize]
        });
        Proxy { extent: to, rgb: [plane(0), plane(1), plane(2)], alpha: vec![1.0; n], disparity: depth.collect() }
    }

    fn blurred(&self, set: &ParamSet) -> Vec<[f32; 3]> {
        let op = find("defocus").unwrap();
        let frame = Frame { extent: self.extent, ..Frame::default() };
        let field = Some(Arc::new(op.field(set, &self.proxy(), &frame)));
        let mut tables = Tables(vec![1, 2, 3]);
        let mut step = |stage| {
            let context = Context { frame, stage, field: field.clone(), ..Context::default() };
            op.step(set, &context, &mut tables, 1.0).unwrap()
        };
        let steps = [step(0), step(1)];
        let first = self.run(&steps[0], &tables, &vec![0.0; self.rgb.len()]);
        let aux: Vec<f32> = first.iter().map(|(_, aux)| *aux).collect();
        self.run(&steps[1], &tables, &aux).into_iter().map(|(rgb, _)| rgb).collect()
    }

    fn run(&self, step: &Step, tables: &Tables, aux: &[f32]) -> Vec<([f32; 3], f32)> {
        let area = step.area.as_ref().unwrap();
        let carried = Carried { alpha: false, kept: false };
        let Extent { width, height } = self.extent;
        let mut planes = Planes::new(carried, self.extent, 0, height, area.margin_x());
        let floats = planes.row_floats();
        let mut chunk = Box::new(Chunk::new());
        for (y, data) in planes.data_mut().chunks_exact_mut(floats).enumerate() {
            let mut out = Planes::row_of(carried, self.extent, area.margin_x(), data);
            for first in (0..width as usize).step_by(CHUNK) {
                (chunk.len, chunk.x, chunk.y) = (CHUNK.min(width as usize - first), first as u32, y as u32);
                for i in 0..chunk.len {
                    let at = y * width as usize + first + i;
                    (0..3).for_each(|k| chunk.rgb[k][i] = self.rgb[at][k]);
                    (chunk.disparity[i], chunk.aux[i]) = (self.disparity[at], aux[at]);
                }
                out.store(&mut chunk, false);
            }
            out.finish();
        }
        let mut made = Vec::new();
        for y in 0..height {
            for first in (0..width as usize).step_by(CHUNK) {
                (chunk.len, chunk.x, chunk.y) = (CHUNK.min(width as usize - first), first as u32, y);
                step.gather(&tables.0, &planes, Isa::best(), &mut chunk);
                made.extend((0..chunk.len).map(|i| ([chunk.rgb[0][i], chunk.rgb[1][i], chunk.rgb[2][i]], chunk.aux[i])));
            }
        }
        made
    }
}

fn set(values: &[(&'static str, Value)]) -> ParamSet {
    let mut set = find("defocus").unwrap().defaults();
    set.extend(values.iter().cloned());
    set
}

fn number(v: f64) -> Value {
    Value::Number(v)
}

fn word(v: &str) -> Value {
    Value::Text(v.to_owned())
}

/// Against the images of a thin lens: a point at z is sharp at v' = f z / (z - f) behind the lens, the sensor stands at v = f zf / (zf - f), and
/// the cone of light from the aperture f / N has the diameter A |v' - v| / v' there (similar triangles).
#[test]
fn the_thin_lens_has_the_numbers_of_its_images() {
    for (f, n, zf, z) in [(50.0, 2.0, 3000.0, 1e9), (85.0, 1.4, 2000.0, 4000.0), (35.0, 8.0, 5000.0, 1000.0)] {
        let image = |z: f64| f * z / (z - f);
        let expected = f / n * (image(z) - image(zf)).abs() / image(z);
        let found = lens::circle_of_confusion(f, n, zf, z);
        assert!((found / expected - 1.0).abs() < 1e-9, "{f} mm f/{n}: {found} mm instead of {expected}");
    }
    // At infinity it is A f / (zf - f); at the focus it is nothing.
    assert!((lens::circle_of_confusion(50.0, 2.0, 3000.0, 1e12) - 25.0 * 50.0 / 2950.0).abs() < 1e-6);
    assert_eq!(lens::circle_of_confusion(50.0, 2.0, 3000.0, 3000.0), 0.0);
}

#[test]
fn a_physical_lens_in_pixels() {
    let frame = Frame { extent: Extent { width: 3600, height: 2400 }, ..Frame::default() };
    let params = Params { max_blur: 10.0, lens: "physical".to_owned(), near_m: 2.0, far_m: 12.0, ..Params::default() };
    let lens = Lens::new(&params, &frame, 1.0).unwrap();
    // 50 mm f/2 focused at 2 m: a point at 12 m is a disk of 0.534 mm on 36 mm, so of 53.4 of 3600 pixels.
    let diameter = lens::circle_of_confusion(50.0, 2.0, 2000.0, 12_000.0);
    assert!((f64::from(-lens.radius(0.0)) * 2.0 - diameter * 100.0).abs() < 1e-3, "{} {diameter}", lens.radius(0.0));
    assert!((diameter - 0.534).abs() < 1e-3);
    // Half way in 1 / z is 3.43 m.
    let half = lens::circle_of_confusion(50.0, 2.0, 2000.0, 24_000.0 / 7.0);
    assert!((f64::from(-lens.radius(0.5)) * 2.0 - half * 100.0).abs() < 1e-3);
    assert_eq!(lens.radius(1.0), 0.0);
    assert_eq!(Lens::new(&Params { max_blur: 0.5, ..params.clone() }, &frame, 1.0).unwrap().radius(0.0), -9.0);
    for (near_m, far_m, advice) in [(5.0, 5.0, "farther away"), (0.05, 5.0, "focal length")] {
        let refused = Lens::new(&Params { near_m, far_m, ..params.clone() }, &frame, 1.0);
        assert!(refused.unwrap_err().contains(advice));
    }
}

#[test]
fn the_focus_is_found() {
    let frame = Frame { extent: Extent { width: 40, height: 20 }, ..Frame::default() };
    let disparity: Vec<f32> = (0..800).map(|i| if i % 40 >= 30 && i / 40 < 10 { 0.7 } else { 0.2 }).collect();
    let at = |focus_on: &str, focus_x: f32, focus_y: f32, orientation: u16| {
        let params = Params { focus_on: focus_on.to_owned(), focus_x, focus_y, focus: 1.0 / 7.0, ..Params::default() };
        lens::focus(&params, &disparity, (40, 20), &Frame { orientation, ..frame })
    };
    assert_eq!(at("nearest", 0.0, 0.0, 1), 0.7);
    assert!((at("distance", 0.0, 0.0, 1) - 0.5).abs() < 1e-6);
    assert_eq!((at("point", 0.9, 0.2, 1), at("point", 0.2, 0.2, 1), at("point", 0.9, 0.9, 1)), (0.7, 0.2, 0.2));
    // Shown upside down, and turned right: the top right corner comes to the bottom left, or bottom right.
    assert_eq!((at("point", 0.1, 0.8, 3), at("point", 0.9, 0.2, 3)), (0.7, 0.2));
    assert_eq!((at("point", 0.8, 0.9, 6), at("point", 0.1, 0.1, 6)), (0.7, 0.2));
}

#[test]
fn flat_pictures_stay_exactly() {
    let color = [0.37, 0.52, 0.111];
    for near in [0.0, 1.0] {
        let depth = |x: u32| if x < 60 { near } else { 1.0 - near };
        let scene = Scene::new(150, 90, |x, y| (color, if y < 50 { depth(x) } else { x as f32 / 150.0 }));
        for rgb in scene.blurred(&set(&[("max_blur", number(8.0)), ("cat_eye", number(0.7)), ("blades", number(6.0))])) {
            assert!(rgb.iter().zip(color).all(|(a, b)| (a - b).abs() < 1e-6), "{rgb:?}");
        }
    }
}

/// Largest bleeding: how much of a sharp red foreground is found in the green background, of the larger of the two.
fn bleeding(width: u32, height: u32, max_blur: f64) -> (f32, f32) {
    let inside = move |x: u32, y: u32| {
        let (dx, dy) = (x as f32 - width as f32 * 0.45, y as f32 - height as f32 * 0.55);
        // A turned square, so that its edges meet pixels and cells in every way.
        (dx * 0.8 + dy * 0.6).abs().max((dy * 0.8 - dx * 0.6).abs()) < height as f32 * 0.2
    };
    let scene = Scene::new(width, height, |x, y| {
        let texture = 0.1 * ((x / 7 + y / 5) % 2) as f32;
        if inside(x, y) { ([1.0 - texture, 0.0, 0.3], 1.0) } else { ([0.0, 0.6, 0.3], 0.0) }
    });
    let out = scene.blurred(&set(&[("max_blur", number(max_blur))]));
    let (mut bled, mut changed) = (0.0f32, 0.0f32);
    for (i, (after, before)) in (0u32..).zip(out.iter().zip(&scene.rgb)) {
        if inside(i % width, i / width) {
            changed = (0..3).fold(changed, |m, k| m.max((after[k] - before[k]).abs()));
        } else {
            // The background is of one color, so that its exact blur is known: it stays.
            bled = (0..3).fold(bled, |m, k| m.max((after[k] - before[k]).abs()));
        }
    }
    (bled, changed)
}

#[test]
fn a_sharp_foreground_does_not_bleed() {
    for (width, height, max_blur) in [(300, 200, 1.0), (300, 200, 3.0), (200, 150, 10.0), (1400, 900, 4.0)] {
        let (bled, changed) = bleeding(width, height, max_blur);
        assert!(bled < 0.01, "{width}x{height}, {max_blur} %: {bled} of the foreground in the background");
        assert_eq!(changed, 0.0, "the foreground is sharp");
    }
}

/// Blur of a disk in 64-bit floats, with 4 x 4 places per pixel.
fn disk_share(edge: f64, radius: f64) -> f64 {
    // Share of a disk left of a straight edge at `edge` from its middle.
    let t = (edge / radius).clamp(-1.0, 1.0);
    0.5 + (t.asin() + t * (1.0 - t * t).sqrt()) / std::f64::consts::PI
}

/// A blurred foreground in front of a sharp background covers what its disks reach, on both sides of its edge: exactly the share of a disk
/// left of a straight edge.
#[test]
fn a_blurred_foreground_lies_softly_over_the_background() {
    for (width, height, max_blur) in [(300u32, 120u32, 2.0), (300, 60, 8.0), (1500, 400, 3.0)] {
        let edge = width / 2;
        let scene = Scene::new(width, height, |x, _| if x < edge { ([1.0, 0.2, 0.2], 1.0) } else { ([0.1, 0.3, 0.8], 0.0) });
        let focus = [("max_blur", number(max_blur)), ("focus_on", word("distance")), ("focus", number(1.0))];
        let out = scene.blurred(&set(&focus));
        let radius = max_blur / 200.0 * f64::from(width);
        let mut worst = 0.0f64;
        for x in 0..width {
            let found = out[(height / 2 * width + x) as usize];
            let share = disk_share(f64::from(edge) - f64::from(x) - 0.5, radius);
            for (k, (near, far)) in [(1.0, 0.1), (0.2, 0.3), (0.2, 0.8)].into_iter().enumerate() {
                worst = worst.max((f64::from(found[k]) - (share * near + (1.0 - share) * far)).abs());
            }
        }
        assert!(worst < 0.05, "{width} px, radius {radius}: off by {worst}");
    }
}

/// Blur behind the focus where nothing is hidden is the exact blur: a textured plane against a gather in 64-bit floats.
#[test]
fn blur_has_the_size_of_the_disk() {
    for max_blur in [2.0, 6.0] {
        let (width, height) = (240u32, 160u32);
        let scene = Scene::new(width, height, |x, _| {
            // A sharp strip at the left edge so that the lens has something in focus.
            if x < 10 { ([0.5; 3], 1.0) } else if x < 130 { ([0.2; 3], 0.0) } else { ([0.9; 3], 0.0) }
        });
        let out = scene.blurred(&set(&[("max_blur", number(max_blur))]));
        let radius = max_blur / 200.0 * f64::from(width);
        let mut worst = 0.0f64;
        for x in 60..200u32 {
            let share = disk_share(130.0 - f64::from(x) - 0.5, radius);
            let expected = share * 0.2 + (1.0 - share) * 0.9;
            worst = worst.max((f64::from(out[(80 * width + x) as usize][0]) - expected).abs());
        }
        assert!(worst < 0.03, "radius {radius}: off by {worst}");
    }
}

/// A point of light behind the focus becomes the shape of the aperture, with the light it had.
#[test]
fn highlights_take_the_shape_of_the_blades() {
    let scene = Scene::new(241, 241, |x, y| {
        let light = if (x, y) == (120, 120) { 2000.0 } else { 0.0 };
        ([light; 3], if x < 12 { 1.0 } else { 0.0 })
    });
    let radius = 0.08 * 241.0 / 2.0;
    for (blades, rotation) in [(0, 0.0), (6, 0.0), (5, 0.0), (5, 90.0)] {
        let values = [("max_blur", number(8.0)), ("blades", number(f64::from(blades))), ("rotation", number(rotation))];
        let out = scene.blurred(&set(&values));
        let light: f64 = out.iter().map(|rgb| f64::from(rgb[0])).sum();
        assert!((light / 2000.0 - 1.0).abs() < 0.05, "{blades} blades: {light}");
        let level = 1000.0 / (std::f32::consts::PI * radius * radius);
        let lit = |x: i32, y: i32| out[((120 + y) * 241 + 120 + x) as usize][0] > level;
        let pixels = (0..241 * 241).filter(|i| out[*i][0] > level).count() as f32;
        assert!((pixels / (std::f32::consts::PI * radius * radius) - 1.0).abs() < 0.1, "{blades}: {pixels} pixels");
        let extent = |dx: i32, dy: i32| (0..60).filter(|i| lit(dx * i, dy * i)).count() as i32;
        let [up, down, left, right] = [extent(0, -1), extent(0, 1), extent(-1, 0), extent(1, 0)];
        match (blades, rotation as i32) {
            (0, _) => assert!((up - down).abs() <= 1 && (up - left).abs() <= 1 && (left - right).abs() <= 1),
            (6, _) => assert!(up == down && left == right && up > left, "{up} {down} {left} {right}"),
            (5, 0) => assert!(up > down && left == right, "{up} {down} {left} {right}"),
            _ => assert!(right > left && up == down, "{up} {down} {left} {right}"),
        }
    }
}

#[test]
fn cat_eyes_are_narrow_toward_the_center() {
    let scene = Scene::new(301, 301, |x, y| {
        let light = if (x, y) == (260, 150) { 2000.0 } else { 0.0 };
        ([light; 3], if x < 12 { 1.0 } else { 0.0 })
    });
    let size = |cat_eye: f64| {
        let out = scene.blurred(&set(&[("max_blur", number(8.0)), ("cat_eye", number(cat_eye))]));
        let level = 0.3 * out.iter().fold(0.0f32, |m, rgb| m.max(rgb[0]));
        let row = (0..301).filter(|x| out[150 * 301 + x][0] > level).count();
        let column = (0..301).filter(|y| out[y * 301 + 260][0] > level).count();
        (row, column)
    };
    let (round, squeezed) = (size(0.0), size(1.0));
    assert_eq!(round.0, round.1);
    assert_eq!(squeezed.1, round.1);
    // Half way to the corner, so a quarter of the squeeze there.
    assert!(squeezed.0 * 100 < squeezed.1 * 85, "{squeezed:?}");
}

#[test]
fn highlights_shine_where_they_are_blurred() {
    let scene = Scene::new(200, 120, |x, y| {
        let lamp = (x % 40 == 20 && y % 40 == 20) || (x < 20 && y < 60);
        (if lamp { [1.0; 3] } else { [0.05; 3] }, if x < 40 { 1.0 } else { 0.0 })
    });
    let [plain, boosted] = [0.0, 4.0].map(|v| scene.blurred(&set(&[("max_blur", number(4.0)), ("highlights", number(v))])));
    let light = |out: &[[f32; 3]], x: u32| -> f32 { (10..30).flat_map(|y| (x..x + 20).map(move |x| (x, y))).map(|(x, y)| out[(y * 200 + x) as usize][0]).sum() };
    assert!(light(&boosted, 90) > 1.1 * light(&plain, 90), "{} {}", light(&boosted, 90), light(&plain, 90));
    assert_eq!(light(&boosted, 0), light(&plain, 0), "sharp lamps stay");
}

/// How long a picture of 3840 x 2160 takes, for those who change the gather: `cargo test --release -- --ignored how_long --nocapture`.
#[test]
#[ignore = "a measurement"]
fn how_long_a_4k_picture_takes() {
    let scene = Scene::new(3840, 2160, |x, y| {
        let v = ((x * 37 + y * 101) % 97) as f32 / 97.0;
        ([v, 0.5 * v, 1.0 - v], if (x / 300 + y / 300) % 2 == 0 { x as f32 / 3840.0 } else { 0.1 })
    });
    for diameter in [40.0, 200.0] {
        let start = std::time::Instant::now();
        let out = scene.blurred(&set(&[("max_blur", number(diameter / 38.4))]));
        println!("{diameter} px across: {:?} ({:?})", start.elapsed(), out[7]);
    }
}
