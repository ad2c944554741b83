//! Known values of the reference evaluation, and that nothing makes it panic.

use super::*;
use crate::lut::{Lut1d, Lut3d};

/// Numbers between 0 and 1 that look random (Numerical Recipes' LCG, section 7.1.4).
fn noise(seed: u32) -> impl FnMut() -> f32 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32
    }
}

fn cube(size: u32, domain: Domain, f: impl Fn([f32; 3]) -> [f32; 3]) -> Lut {
    Lut { cube: Some(Lut3d::from_fn(size, domain, f).unwrap()), ..Lut::default() }
}

fn close(a: [f32; 3], b: [f32; 3], tolerance: f32) -> bool {
    a.iter().zip(b).all(|(x, y)| (x - y).abs() <= tolerance)
}

const BOTH: [Interpolation; 2] = [Interpolation::Tetrahedral, Interpolation::Trilinear];

#[test]
fn nodes_are_returned_exactly() {
    let domain = Domain { min: [-1.0, 0.0, 0.5], max: [1.0, 4.0, 1.0] };
    let lut = cube(5, domain, |[r, g, b]| [r * 3.0 + b, g * g, b - r * g]);
    for interpolation in BOTH {
        let prepared = PreparedLut::new(&lut, interpolation);
        for (i, node) in lut.cube.as_ref().unwrap().nodes().iter().enumerate() {
            let at = [i % 5, i / 5 % 5, i / 25];
            let input = std::array::from_fn(|c| crate::lut::node_input(at[c], 5, domain.min[c], domain.max[c]));
            assert_eq!(prepared.eval(input), *node, "{interpolation:?} node {at:?}");
        }
    }
}

#[test]
fn affine_tables_are_reproduced_between_nodes() {
    let f = |[r, g, b]: [f32; 3]| [0.2 * r + 0.5 * g - 0.1 * b + 0.3, b, 1.5 * r - g];
    let lut = cube(17, Domain::UNIT, f);
    let mut next = noise(1);
    for interpolation in BOTH {
        let prepared = PreparedLut::new(&lut, interpolation);
        for _ in 0..5000 {
            let rgb = [next(), next(), next()];
            assert!(close(prepared.eval(rgb), f(rgb), 1e-6), "{interpolation:?} {rgb:?}");
        }
    }
}

/// The six cases written out as in the literature, in `f64`.
fn six_cases(nodes: &[[f32; 3]], [x, y, z]: [f64; 3]) -> [f64; 3] {
    let c = |r: usize, g: usize, b: usize| nodes[r + 2 * g + 4 * b].map(f64::from);
    let (n0, n7) = (c(0, 0, 0), c(1, 1, 1));
    let mix = |w: [f64; 4], a: [f64; 3], b: [f64; 3]| {
        std::array::from_fn(|i| w[0] * n0[i] + w[1] * a[i] + w[2] * b[i] + w[3] * n7[i])
    };
    if x > y {
        if y > z {
            mix([1.0 - x, x - y, y - z, z], c(1, 0, 0), c(1, 1, 0))
        } else if x > z {
            mix([1.0 - x, x - z, z - y, y], c(1, 0, 0), c(1, 0, 1))
        } else {
            mix([1.0 - z, z - x, x - y, y], c(0, 0, 1), c(1, 0, 1))
        }
    } else if z > y {
        mix([1.0 - z, z - y, y - x, x], c(0, 0, 1), c(0, 1, 1))
    } else if z > x {
        mix([1.0 - y, y - z, z - x, x], c(0, 1, 0), c(0, 1, 1))
    } else {
        mix([1.0 - y, y - x, x - z, z], c(0, 1, 0), c(1, 1, 0))
    }
}

#[test]
fn sorting_equals_the_six_written_cases() {
    let mut next = noise(7);
    let nodes: Vec<[f32; 3]> = (0..8).map(|_| [next(), next(), next()]).collect();
    let lut = Lut { cube: Some(Lut3d::new(Domain::UNIT, 2, nodes.clone()).unwrap()), ..Lut::default() };
    let prepared = PreparedLut::new(&lut, Interpolation::Tetrahedral);
    let steps = [0.0, 0.25, 0.5, 0.7, 1.0];
    let grid = (0..125).map(|i| [steps[i % 5], steps[i / 5 % 5], steps[i / 25]]);
    let random: Vec<_> = (0..5000).map(|_| [next(), next(), next()]).collect();
    for rgb in grid.chain(random) {
        let expected = six_cases(&nodes, rgb.map(f64::from)).map(|v| v as f32);
        assert!(close(prepared.eval(rgb), expected, 3e-7), "{rgb:?}");
    }
}

#[test]
fn inputs_are_clamped_to_the_domain_and_nan_is_its_minimum() {
    let domain = Domain { min: [-0.5, 0.0, 0.25], max: [2.0, 1.0, 0.75] };
    let three = cube(4, domain, |rgb| rgb);
    let one = Lut { shaper: Some(Lut1d::from_fn(6, domain, |rgb| rgb).unwrap()), ..Lut::default() };
    for lut in [three, one] {
        for interpolation in BOTH {
            let prepared = PreparedLut::new(&lut, interpolation);
            assert_eq!(prepared.eval([f32::INFINITY; 3]), domain.max);
            assert_eq!(prepared.eval([1e30; 3]), domain.max);
            for low in [f32::NEG_INFINITY, f32::MIN, f32::NAN] {
                assert_eq!(prepared.eval([low; 3]), domain.min, "{low}");
            }
        }
    }
}

#[test]
fn a_shaper_runs_before_the_cube() {
    let shaper = Lut1d::new(Domain::uniform(0.0, 2.0), vec![[0.0; 3], [0.5; 3], [4.0; 3]]).unwrap();
    let cube = Lut3d::from_fn(3, Domain::uniform(0.0, 4.0), |[r, g, b]| [r + 10.0, g + 20.0, b + 30.0]).unwrap();
    let lut = Lut { shaper: Some(shaper), cube: Some(cube), ..Lut::default() };
    let prepared = PreparedLut::new(&lut, Interpolation::Tetrahedral);
    assert!(close(prepared.eval([0.5, 1.5, 9.0]), [10.25, 22.25, 34.0], 1e-5));
}

#[test]
fn legal_range_is_converted_before_and_after() {
    let (black, white) = (LEGAL_BLACK as f32, LEGAL_WHITE as f32);
    let input = Lut { input_range: CodeRange::Legal, ..Lut::identity_3d(9).unwrap() };
    let output = Lut { output_range: CodeRange::Legal, ..Lut::identity_1d(9).unwrap() };
    let both = Lut { output_range: CodeRange::Legal, ..input.clone() };
    let eval = |lut: &Lut, v: f32| PreparedLut::new(lut, Interpolation::Tetrahedral).eval([v; 3]);
    assert!(close(eval(&input, 0.0), [black; 3], 1e-7) && close(eval(&input, 1.0), [white; 3], 1e-7));
    assert!(close(eval(&output, black), [0.0; 3], 1e-6) && close(eval(&output, white), [1.0; 3], 1e-6));
    assert!(close(eval(&both, 0.3), [0.3; 3], 1e-6));
    // Super-white survives: the legal table reaches to code 1023.
    assert!(close(eval(&both, 1.05), [1.05; 3], 1e-6));
}

#[test]
fn an_identity_returns_every_16_bit_code() {
    let luts = [Lut::identity_3d(33).unwrap(), Lut::identity_1d(1024).unwrap(), Lut::identity_3d(64).unwrap()];
    for lut in luts {
        for interpolation in BOTH {
            let prepared = PreparedLut::new(&lut, interpolation);
            for code in 0..=65535u32 {
                let other = code.wrapping_mul(40503) % 65536;
                let out = prepared.eval([code as f32 / 65535.0, other as f32 / 65535.0, 0.5]);
                let round = |v: f32| (v * 65535.0 + 0.5) as u32;
                assert_eq!((round(out[0]), round(out[1])), (code, other));
            }
        }
    }
}

#[test]
fn the_table_may_lie_inside_a_larger_buffer() {
    let lut = cube(3, Domain::UNIT, |[r, g, b]| [b, r, g]);
    let prepared = PreparedLut::new(&lut, Interpolation::Tetrahedral);
    let mut buffer = vec![f32::NAN; 11];
    buffer.extend_from_slice(prepared.table());
    let constants = LutConstants { table: 11, ..*prepared.constants() };
    let rgb = [0.1, 0.6, 0.9];
    assert_eq!(sample(&constants, &buffer, rgb), prepared.eval(rgb));
}

#[test]
fn wrong_constants_and_short_tables_do_not_panic() {
    let wild = |words: [u32; 26]| -> LutConstants { bytemuck::cast(words) };
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if state.is_multiple_of(3) { u32::MAX } else { state >> (state % 31) }
    };
    for _ in 0..20_000 {
        let constants = wild(std::array::from_fn(|_| next()));
        let rgb = std::array::from_fn(|_| f32::from_bits(next()));
        let _ = sample(&constants, &[1.0; 10], rgb);
    }
    assert_eq!(size_of::<LutConstants>(), 104);
}
