use super::*;
use crate::lut::{CodeRange, Domain, Lut1d, Lut3d, sample};

/// Numbers that look like chance: a 32-bit xorshift (Marsaglia, "Xorshift RNGs", 2003).
fn triples(count: usize) -> Vec<[u16; 3]> {
    let mut state = 0x1234_5678u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as u16
    };
    (0..count).map(|_| [next(), next(), next()]).collect()
}

/// Grays, pairs, ends and chance: every code occurs in every channel.
fn pictures() -> Vec<u16> {
    let edges = [0u16, 1, 2047, 2048, 2049, 32_767, 32_768, 65_534, 65_535];
    let corners = (0..729).map(|i| [edges[i % 9], edges[i / 9 % 9], edges[i / 81]]);
    let ramps = (0..=u16::MAX).flat_map(|v| [[v; 3], [v, 65_535 - v, v / 3]]);
    corners.chain(ramps).chain(triples(200_000)).flatten().collect()
}

fn look(rgb: [f32; 3]) -> [f32; 3] {
    let [r, g, b] = rgb;
    [r.max(0.0).sqrt() * 0.9 + 0.1 * b, (g * 0.8 + 0.2 * r * b).min(1.0), b * b * 0.7 + 0.3 * g]
}

fn strong(rgb: [f32; 3]) -> [f32; 3] {
    look(rgb).map(|v| v * 1.7 - 0.35)
}

fn cube(size: u32, domain: Domain, f: fn([f32; 3]) -> [f32; 3]) -> Lut {
    Lut { cube: Some(Lut3d::from_fn(size, domain, f).unwrap()), ..Lut::default() }
}

/// Tables of every kind that has an integer form.
fn luts() -> Vec<(&'static str, Lut)> {
    let shaper = Lut1d::from_fn(700, Domain::uniform(-0.1, 1.1), |rgb| rgb.map(|v| v.max(0.0).powf(0.4))).unwrap();
    let wide = Domain { min: [-0.2, 0.0, 0.1], max: [1.3, 1.0, 0.8] };
    vec![
        ("two nodes", cube(2, Domain::UNIT, look)),
        ("17 nodes", cube(17, Domain::UNIT, look)),
        ("33 nodes", cube(33, Domain::UNIT, look)),
        ("64 nodes", cube(64, Domain::UNIT, look)),
        ("beyond 0 to 1", cube(33, Domain::UNIT, strong)),
        ("far beyond", cube(9, Domain::UNIT, |rgb| strong(rgb).map(|v| v * 1.6))),
        ("another domain", cube(21, wide, look)),
        ("shaper", Lut { shaper: Some(shaper), ..cube(25, Domain::UNIT, look) }),
        (
            "legal in and out",
            Lut { input_range: CodeRange::Legal, output_range: CodeRange::Legal, ..cube(33, Domain::UNIT, look) },
        ),
    ]
}

fn packed(lut: &Lut) -> PackedLut {
    PackedLut::new(lut).unwrap()
}

/// The exact result, in codes: the same tetrahedra in `f64`.
fn exact(lut: &Lut, prepared: &PreparedLut, codes: [u16; 3]) -> [f64; 3] {
    let c = prepared.constants();
    let table = lut.cube.as_ref().unwrap();
    let (n, nodes) = (table.size() as usize, table.nodes());
    let place: [(usize, f64); 3] = std::array::from_fn(|channel| {
        let p = if is_plain(c) {
            f64::from(codes[channel]) / 65_535.0 * f64::from(c.cube_last)
        } else {
            f64::from(channel_position(c, prepared.table(), channel, f32::from(codes[channel]) / 65_535.0))
        };
        let node = (p as usize).min(n - 2);
        (node, p - node as f64)
    });
    let mut order = [0, 1, 2];
    order.sort_by(|a, b| place[*b].1.total_cmp(&place[*a].1));
    let stride = [1, n, n * n];
    let mut at: usize = (0..3).map(|c| place[c].0 * stride[c]).sum();
    let mut result = nodes[at].map(|v| f64::from(v) * (1.0 - place[order[0]].1));
    for (k, axis) in order.into_iter().enumerate() {
        at += stride[axis];
        let weight = place[axis].1 - order.get(k + 1).map_or(0.0, |next| place[*next].1);
        result.iter_mut().zip(nodes[at]).for_each(|(sum, v)| *sum += weight * f64::from(v));
    }
    result.map(|v| (65_535.0 * (v * f64::from(c.output_scale) + f64::from(c.output_offset))).clamp(0.0, 65_535.0))
}

#[test]
fn division_by_the_largest_code_is_exact() {
    for last in [1, 2, 16, 24, 32, 63, 64, 128, 255] {
        for code in 0..=65_535u32 {
            let (node, far) = cell(code, last);
            let position = code * last;
            assert_eq!(node * 65_535 + far, position, "code {code} of {last}");
            assert!(node < last && far <= 65_535);
        }
    }
}

#[test]
fn every_instruction_set_gives_the_bits_of_the_scalar_reference() {
    let three = pictures();
    let four: Vec<u16> =
        three.as_chunks::<3>().0.iter().zip((0..=u16::MAX).cycle()).flat_map(|(p, a)| [p[0], p[1], p[2], a]).collect();
    for (name, lut) in luts() {
        let lut = packed(&lut);
        let expected: Vec<u16> = three.as_chunks::<3>().0.iter().flat_map(|p| lut.pixel(*p)).collect();
        for isa in Isa::available() {
            let mut out = vec![1; three.len()];
            lut.apply(isa, 3, &three, &mut out);
            assert!(out == expected, "{name}, {}, RGB", isa.name());
            let mut out = vec![1; four.len()];
            lut.apply(isa, 4, &four, &mut out);
            for (i, (p, came)) in out.as_chunks::<4>().0.iter().zip(four.as_chunks::<4>().0).enumerate() {
                assert_eq!((&p[..3], p[3]), (&expected[3 * i..3 * i + 3], came[3]), "{name}, {}, RGBA", isa.name());
            }
        }
    }
}

/// Both ways to multiply and add; which one is taken depends on the machine.
#[test]
#[cfg(target_arch = "x86_64")]
fn fused_products_change_nothing() {
    let input = pictures();
    if !std::arch::is_x86_feature_detected!("avx512ifma") || Isa::best().name() != "AVX-512" {
        return;
    }
    for (name, lut) in luts() {
        let lut = packed(&lut);
        let (mut plain, mut fused) = (vec![0; input.len()], vec![0; input.len()]);
        // SAFETY: the features were found.
        let done = unsafe {
            [avx512::run_plain::<3>(&lut, &input, &mut plain), avx512::run_fused::<3>(&lut, &input, &mut fused)]
        };
        assert!(done[0] > 0 && done[0] == done[1] && plain == fused, "{name}");
    }
}

#[test]
fn short_and_uneven_runs_are_whole() {
    let lut = packed(&cube(33, Domain::UNIT, look));
    let all = triples(70);
    for isa in Isa::available() {
        for count in 0..70 {
            let input: Vec<u16> = all.iter().take(count).flatten().copied().collect();
            let mut out = vec![0; input.len()];
            lut.apply(isa, 3, &input, &mut out);
            let expected: Vec<u16> = all.iter().take(count).flat_map(|p| lut.pixel(*p)).collect();
            assert_eq!(out, expected, "{count} pixels, {}", isa.name());
        }
    }
}

#[test]
fn results_are_rounded_from_the_exact_ones_and_beside_the_float_path() {
    for (name, lut) in luts() {
        let (packed, prepared) = (packed(&lut), PreparedLut::new(&lut, Interpolation::Tetrahedral));
        // Half a code of rounding and the fields' own error: half a unit, a whole one at white, which a field just misses.
        let field = f64::from(1u32 << (FIELD - packed.shift)) / 32.0;
        // Weights of tabulated positions are rounded to 1/65 535, times the difference of neighboring nodes.
        let weights = if packed.positions.is_some() { 0.1 } else { 0.0 };
        let most = 0.5 + field + weights + 1e-6;
        for (i, codes) in pictures().as_chunks::<3>().0.iter().enumerate().filter(|(i, _)| i % 3 == 0) {
            let result = packed.pixel(*codes);
            let float = sample(prepared.constants(), prepared.table(), codes.map(|v| f32::from(v) / 65_535.0));
            let exact = exact(&lut, &prepared, *codes);
            for channel in 0..3 {
                let (code, wanted) = (f64::from(result[channel]), exact[channel]);
                assert!((code - wanted).abs() <= most, "{name}: {codes:?} ({i}) gives {code}, exactly {wanted}");
                let float = (float[channel].clamp(0.0, 1.0) * 65_535.0 + 0.5).floor();
                assert!((code - f64::from(float)).abs() <= 1.0, "{name}: {codes:?} gives {code}, in floats {float}");
            }
        }
    }
}

#[test]
fn what_has_no_integer_form_is_left_to_floats() {
    assert!(PackedLut::new(&cube(5, Domain::UNIT, |rgb| rgb.map(|v| 3.0 * v))).is_none());
    assert!(PackedLut::new(&Lut::identity_1d(9).unwrap()).is_none());
}

#[test]
fn identity_stays_identity() {
    let lut = packed(&Lut::identity_3d(33).unwrap());
    for v in 0..=u16::MAX {
        assert_eq!(lut.pixel([v, 65_535 - v, v]), [v, 65_535 - v, v]);
    }
}
