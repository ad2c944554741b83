use super::*;
use crate::ops::{Frame, Isa};
use crate::picture::Extent;

fn frame(width: u32, height: u32, orientation: u16) -> Context {
    let frame = Frame { extent: Extent { width, height }, orientation, ..Frame::default() };
    Context { frame, ..Context::default() }
}

/// The weight of one pixel, by both ways.
fn weight_of(mask: &Mask, context: &Context, px: Px) -> f32 {
    let mut tables = Tables(vec![9; 3]);
    let c = constants(mask, context, &mut tables).unwrap();
    weight(&c, &tables.0, &px)
}

fn constant(weight: f32) -> Mask {
    // The smoothed gradient has the value 0.5 half way, and is 0 and 1 at its ends.
    Mask::Linear { from: [0.5 - weight, 0.0], to: [1.5 - weight, 0.0] }
}

/// Luma of linear gray.
fn gray(v: f32) -> Px {
    Px::of([v; 3])
}

fn near(a: f32, b: f32) -> bool {
    (a - b).abs() < 2e-6
}

#[test]
fn truth_tables() {
    let context = frame(1, 1, 1);
    let value = |mask: &Mask| weight_of(mask, &context, gray(0.0));
    for (a, b) in [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0), (0.5, 0.0), (0.5, 0.5)] {
        let two = vec![constant(a), constant(b)];
        assert_eq!(value(&constant(a)), a);
        assert_eq!(value(&Mask::All(two.clone())), f32::min(a, b), "{a} and {b}");
        assert_eq!(value(&Mask::Any(two.clone())), f32::max(a, b), "{a} or {b}");
        assert_eq!(value(&Mask::Not(Box::new(constant(a)))), 1.0 - a);
        // De Morgan.
        let neither = Mask::Not(Box::new(Mask::Any(two.clone())));
        let not_each = Mask::All(two.into_iter().map(|m| Mask::Not(Box::new(m))).collect());
        assert_eq!(value(&neither), value(&not_each));
    }
    assert_eq!((value(&Mask::All(vec![])), value(&Mask::Any(vec![]))), (1.0, 0.0));
    let three = [0.0, 1.0, 0.5].map(constant).to_vec();
    assert_eq!((value(&Mask::All(three.clone())), value(&Mask::Any(three))), (0.0, 1.0));
}

#[test]
fn feathers_fall_outside_of_the_range() {
    let context = frame(1, 1, 1);
    let depth = |range, feather, distance: f32| {
        let px = Px { disparity: distance::disparity(distance), ..gray(0.0) };
        weight_of(&Mask::Depth { range, feather }, &context, px)
    };
    // Smoothstep at a quarter, half and three quarters of the feather.
    for (distance, expected) in
        [(0.3, 1.0), (0.5, 1.0), (0.7, 1.0), (0.25, 0.84375), (0.2, 0.5), (0.15, 0.15625), (0.05, 0.0), (0.8, 0.5), (0.95, 0.0)]
    {
        let found = depth([0.3, 0.7], 0.2, distance);
        assert!((found - expected).abs() < 1e-5, "{distance}: {found} instead of {expected}");
    }
    assert_eq!((depth([0.5, 1.0], 0.0, 0.499), depth([0.5, 1.0], 0.0, 0.501)), (0.0, 1.0));
    assert_eq!((depth([0.0, 1.0], 0.1, 0.0), depth([0.0, 1.0], 0.1, 1.0)), (1.0, 1.0));
}

#[test]
fn luma_is_what_is_seen_and_open_above() {
    let context = frame(1, 1, 1);
    let luma = |range, of, px| weight_of(&Mask::Luma { range, feather: 0.1, of }, &context, px);
    // Linear 0.214 is sRGB code 0.5.
    assert!(near(luma([0.5, 0.6], Of::Input, gray(0.215)), 1.0));
    assert!(luma([0.6, 0.7], Of::Input, gray(0.214)) < 0.02);
    for bright in [1.0, 4.0, 1e30, f32::INFINITY] {
        assert_eq!(luma([0.8, 1.0], Of::Input, gray(bright)), 1.0, "{bright}");
    }
    assert_eq!(luma([0.5, 0.9], Of::Input, gray(4.0)), 0.0);
    assert_eq!((luma([0.0, 0.2], Of::Input, gray(f32::NAN)), luma([0.0, 0.2], Of::Input, gray(-3.0))), (1.0, 1.0));
    let changed = Px { source: [1.0; 3], ..gray(0.0) };
    assert_eq!((luma([0.9, 1.0], Of::Source, changed), luma([0.9, 1.0], Of::Input, changed)), (1.0, 0.0));
}

#[test]
fn hues_wrap_and_gray_has_none() {
    let context = frame(1, 1, 1);
    let to_linear = crate::color::matrix::between(&crate::color::matrix::REC709, &crate::color::matrix::REC2020).unwrap();
    let srgb = |rgb: [f64; 3]| Px::of(crate::color::matrix::apply(&to_linear, rgb).map(|v| v as f32));
    let hue = |range, feather, px| {
        weight_of(&Mask::Hue { range, feather, chroma: [0.01, 0.04], of: Of::Input }, &context, px)
    };
    // Angles of the sRGB primaries and secondaries as the documentation of the mask states them.
    let colors = [
        (29.0, [1.0, 0.0, 0.0]),
        (110.0, [1.0, 1.0, 0.0]),
        (142.0, [0.0, 1.0, 0.0]),
        (195.0, [0.0, 1.0, 1.0]),
        (264.0, [0.0, 0.0, 1.0]),
        (328.0, [1.0, 0.0, 1.0]),
    ];
    for (angle, rgb) in colors {
        assert_eq!(hue([angle - 2.0, angle + 2.0], 5.0, srgb(rgb)), 1.0, "{angle}");
        assert_eq!(hue([angle + 10.0, angle - 10.0], 1.0, srgb(rgb)), 0.0, "not {angle}");
        assert_eq!(hue([angle - 362.0, angle - 358.0], 5.0, srgb(rgb)), 1.0, "{angle} less a turn");
        assert_eq!(hue([0.0, 360.0], 5.0, srgb(rgb)), 1.0);
    }
    let (red, magenta, green) = (srgb([1.0, 0.0, 0.0]), srgb([1.0, 0.0, 1.0]), srgb([0.0, 1.0, 0.0]));
    assert_eq!([red, magenta, green].map(|px| hue([320.0, 40.0], 5.0, px)), [1.0, 1.0, 0.0]);
    assert_eq!(hue([0.0, 360.0], 5.0, gray(0.5)), 0.0);
    assert_eq!(hue([0.0, 360.0], 5.0, gray(f32::NAN)), 0.0);
}

#[test]
fn angles_are_those_of_the_library() {
    for i in -1000..1000 {
        let angle = f64::from(i) * 0.18;
        let (sin, cos) = angle.to_radians().sin_cos();
        let found = degrees_off(cos as f32 * 0.3, sin as f32 * 0.3);
        assert!((f64::from(found) - angle.abs()).abs() < 1e-3, "{angle}: {found}");
    }
}

/// The stored pixel that is shown at (u, v) of a picture of 40 x 20 stored pixels.
fn stored(context: &Context, u: f32, v: f32) -> Px {
    let m = context.frame.upright();
    let mut best = (f32::MAX, (0, 0));
    for y in 0..20 {
        for x in 0..40 {
            let place = |row: usize| m[row] * x as f32 + m[row + 1] * y as f32 + m[row + 2];
            let off = (place(0) - u).abs() + (place(3) - v).abs();
            if off < best.0 {
                best = (off, (x, y));
            }
        }
    }
    Px { x: best.1.0, y: best.1.1, ..gray(0.2) }
}

#[test]
fn places_are_those_that_are_shown() {
    let down = Mask::Linear { from: [0.5, 0.0], to: [0.5, 1.0] };
    let corner = Mask::Radial { center: [0.0, 0.0], radius: 0.5, aspect: 1.0, angle: 0.0, feather: 0.2 };
    // 2 x 2 samples: only the top right one has weight.
    let image = MaskImage::new(2, 2, &[0, 65_535, 0, 0]).unwrap();
    for orientation in 1..=8 {
        let mut context = frame(40, 20, orientation);
        context.masks.insert("m".into(), std::sync::Arc::new(image.clone()));
        let at = |mask: &Mask, u, v| weight_of(mask, &context, stored(&context, u, v));
        assert!(at(&down, 0.3, 0.05) < 0.02 && at(&down, 0.9, 0.95) > 0.98, "orientation {orientation}");
        assert!(near(at(&corner, 0.05, 0.05), 1.0) && at(&corner, 0.95, 0.95) == 0.0, "orientation {orientation}");
        let file = Mask::File { path: "m".into() };
        let corners = [(0.01, 0.01), (0.99, 0.01), (0.01, 0.99), (0.99, 0.99)].map(|(u, v)| at(&file, u, v));
        assert_eq!(corners, [0.0, 1.0, 0.0, 0.0], "orientation {orientation}");
        // A file that is turned itself is shown upright as well: the stored sample lies elsewhere.
        for (turn, expected) in [(3, [0.0, 0.0, 1.0, 0.0]), (6, [0.0, 0.0, 0.0, 1.0]), (8, [1.0, 0.0, 0.0, 0.0])] {
            let turned = MaskImage { orientation: turn, ..image.clone() };
            context.masks.insert("m".into(), std::sync::Arc::new(turned));
            let at = |u, v| weight_of(&file, &context, stored(&context, u, v));
            let corners = [(0.01, 0.01), (0.99, 0.01), (0.01, 0.99), (0.99, 0.99)].map(|(u, v)| at(u, v));
            assert_eq!(corners, expected, "orientation {orientation}, file {turn}");
        }
    }
}

#[test]
fn ellipses_are_round_on_the_picture() {
    let context = frame(40, 20, 1);
    let at = |aspect, angle, x, y| {
        let mask = Mask::Radial { center: [0.5, 0.5], radius: 0.25, aspect, angle, feather: 0.0 };
        weight_of(&mask, &context, Px { x, y, ..gray(0.0) })
    };
    // Half the height is 5 pixels, whatever the width of the picture is.
    assert_eq!([at(1.0, 0.0, 20, 14), at(1.0, 0.0, 20, 16), at(1.0, 0.0, 24, 10), at(1.0, 0.0, 26, 10)], [1.0, 0.0, 1.0, 0.0]);
    assert_eq!([at(2.0, 0.0, 29, 10), at(2.0, 0.0, 20, 16)], [1.0, 0.0]);
    assert_eq!([at(2.0, 90.0, 29, 10), at(2.0, 90.0, 20, 18)], [0.0, 1.0]);
    // Clockwise: the long axis then goes down to the right.
    assert_eq!([at(4.0, 45.0, 30, 19), at(4.0, 45.0, 30, 1)], [1.0, 0.0]);
}

#[test]
fn files_are_read_between_their_samples() {
    let mut context = frame(3, 1, 1);
    let image = MaskImage::new(3, 1, &[0, 65_535, 13_107]).unwrap();
    context.masks.insert("m".into(), std::sync::Arc::new(image));
    let mask = Mask::File { path: "m".into() };
    let at = |context: &Context, x| weight_of(&mask, context, Px { x, ..gray(0.0) });
    for (x, expected) in [(0, 0.0), (1, 1.0), (2, 0.2)] {
        assert!(near(at(&context, x), expected), "sample {x}: {}", at(&context, x));
    }
    context.frame.extent.width = 6;
    for (x, expected) in [(0, 0.0), (1, 0.25), (2, 0.75), (3, 0.8), (4, 0.4), (5, 0.2)] {
        assert!(near(at(&context, x), expected), "pixel {x}: {}", at(&context, x));
    }
    let missing = step(&Mask::File { path: "n".into() }, &context, &mut Tables::default()).unwrap_err();
    assert!(missing.contains("\"n\""), "{missing}");
}

#[test]
fn expressions_have_limits() {
    let mut deep = constant(1.0);
    for _ in 0..MAX_DEPTH {
        deep = Mask::All(vec![constant(0.0), deep]);
    }
    assert!(deep.check().unwrap_err().contains("9 weights at once"), "{:?}", deep.check());
    let mut flat = constant(1.0);
    for _ in 0..MAX_DEPTH {
        flat = Mask::All(vec![flat, constant(1.0)]);
    }
    assert_eq!(flat.check(), Ok(()));
    assert!(Mask::Any(vec![constant(0.5); MAX_PARTS]).check().unwrap_err().contains("65 parts"));
    let nested = (0..MAX_NESTING).fold(constant(1.0), |mask, _| Mask::Not(Box::new(mask)));
    assert!(nested.check().unwrap_err().contains("17 deep"));
}

/// The chunk path and every instruction set give the bits of the definition, whatever the pixels hold.
#[test]
fn chunks_give_the_bits_of_pixels() {
    let mut context = frame(700, 90, 6);
    let samples: Vec<u16> = (0..35u32).map(|i| (i * 7919 % 65_536) as u16).collect();
    context.masks.insert("m".into(), std::sync::Arc::new(MaskImage::new(7, 5, &samples).unwrap()));
    let with_file = Mask::All(vec![Mask::sampler(), Mask::Not(Box::new(Mask::File { path: "m".into() }))]);
    let down = Mask::Linear { from: [0.5, 0.0], to: [0.5, 1.0] };
    for mask in [Mask::sampler(), with_file, down] {
        let mut tables = Tables(vec![1, 2, 3]);
        let step = step(&mask, &context, &mut tables).unwrap();
        let c: Constants = bytemuck::pod_read_unaligned(&step.constants);
        let odd = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.5, 0.0, 1e-42, 1.0, 3e38];
        let mut chunk = Chunk { len: CHUNK - 3, x: 100, y: 40, ..Chunk::new() };
        for i in 0..CHUNK {
            let v = i as f32 / 300.0;
            let rgb = if i < 64 { [odd[i % 8], odd[i / 8], 0.2] } else { [v, 1.0 - v, v * v] };
            for channel in 0..3 {
                chunk.rgb[channel][i] = rgb[channel];
                chunk.source[channel][i] = rgb[2 - channel];
            }
            chunk.disparity[i] = if i == 7 { f32::NAN } else { (v * 7.0).fract() };
        }
        let mut seen = std::collections::BTreeSet::new();
        let expected: Vec<u32> = (0..chunk.len)
            .map(|i| {
                let px = Px {
                    rgb: chunk.rgb.map(|p| p[i]),
                    source: chunk.source.map(|p| p[i]),
                    disparity: chunk.disparity[i],
                    x: chunk.x + i as u32,
                    y: chunk.y,
                    ..Px::default()
                };
                let found = weight(&c, &tables.0, &px);
                assert!((0.0..=1.0).contains(&found), "{found}");
                seen.insert(found.to_bits());
                found.to_bits()
            })
            .collect();
        assert!(seen.len() > 20, "only {} weights", seen.len());
        for isa in Isa::available() {
            step.run(&tables.0, isa, &mut chunk);
            let found: Vec<u32> = chunk.mask[..chunk.len].iter().map(|v| v.to_bits()).collect();
            assert!(found == expected, "{} differs", isa.name());
        }
    }
}

#[test]
fn a_damaged_program_does_no_harm() {
    let mut tables = Tables::default();
    let c = constants(&Mask::sampler(), &frame(9, 9, 1), &mut tables).unwrap();
    for seed in 0..200u32 {
        let mut words = tables.0.clone();
        for (i, word) in words.iter_mut().enumerate() {
            if (i as u32).wrapping_mul(2_654_435_761).wrapping_add(seed * 77) % 5 == 0 {
                *word = word.wrapping_mul(seed).wrapping_add(seed % 9);
            }
        }
        words.truncate(words.len() - seed as usize % 40);
        weight(&c, &words, &gray(0.3));
        let mut chunk = Chunk { len: 5, ..Chunk::new() };
        weigh(&c, &words, &mut chunk);
    }
}
