//! The reference interpolation against two oracles: the same mathematics in `f64`, and OpenColorIO.
//!
//! The second runs only when `CHIARO_ORACLE_PYTHON` names a Python that has PyOpenColorIO and numpy
//! (`python3 -m venv V && V/bin/pip install opencolorio numpy`). Only LUTs that OpenColorIO reads rightly are compared:
//! it refuses, for one, `TITLE` in a file with two tables.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use chiaro::lut::{Domain, Interpolation, Lut, Lut1d, Lut3d, PreparedLut, parse_cube, write_cube};

/// Largest and mean difference allowed, in 16-bit codes, between a rounded code of ours and the exact value: rounding alone
/// takes 0.5 and 0.25.
const WORST: f64 = 0.51;
const MEAN: f64 = 0.26;

/// The same for a domain other than 0-1: `f32` rounds once more, at the size of the domain, where the domain's minimum is
/// subtracted.
const WORST_WIDE: f64 = 0.52;

/// Two correct `f32` evaluations in different orders of arithmetic differ: near 1.0 the numbers of `f32` are 0.0039 to 0.0078
/// of a 16-bit code apart, and each evaluation is off by one or two of them, more where a table is steep. Allowed before
/// rounding, in codes; the largest measured was 0.024.
const OPENCOLORIO_FLOAT: f64 = 0.03;

/// The same for a steep table (sRGB decoding over a domain up to 3), which magnifies the rounding of the position; the
/// largest measured was 0.055.
const OPENCOLORIO_FLOAT_STEEP: f64 = 0.07;

fn python() -> Option<OsString> {
    let python = std::env::var_os("CHIARO_ORACLE_PYTHON");
    if python.is_none() {
        eprintln!("ignored: CHIARO_ORACLE_PYTHON not set (a Python with PyOpenColorIO and numpy)");
    }
    python
}

/// Numbers between 0 and 1 that look random (Numerical Recipes' LCG, section 7.1.4).
struct Noise(u32);

impl Noise {
    fn bits(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0 >> 8
    }

    fn unit(&mut self) -> f32 {
        self.bits() as f32 / (1 << 24) as f32
    }
}

/// A film-like look with outputs on both sides of 0-1.
fn look([r, g, b]: [f32; 3]) -> [f32; 3] {
    let y = 0.2627 * r + 0.678 * g + 0.0593 * b;
    let curve = |v: f32| v / (v.abs() + 0.3) * 1.3 - 0.02;
    [curve(y + 1.3 * (r - y)) + 0.03, curve(y + 1.2 * (g - y)), curve(y + 0.9 * (b - y)) - 0.05 * (9.0 * y).sin()]
}

fn luts() -> Vec<(&'static str, Lut)> {
    let wide = Domain { min: [-0.25, 0.0, -0.1], max: [1.5, 2.0, 1.0] };
    let mut noise = Noise(3);
    let nodes = (0..17 * 17 * 17).map(|_| [noise.unit(), noise.unit(), noise.unit()]).collect();
    let three = |table| Lut { cube: Some(table), ..Lut::default() };
    let one = |table| Lut { shaper: Some(table), ..Lut::default() };
    vec![
        ("look 33", three(Lut3d::from_fn(33, Domain::UNIT, look).unwrap())),
        ("look 65, wide domain", three(Lut3d::from_fn(65, wide, look).unwrap())),
        ("noise 17", three(Lut3d::new(Domain::UNIT, 17, nodes).unwrap())),
        ("curve 1024", one(Lut1d::from_fn(1024, Domain::UNIT, look).unwrap())),
        ("curve 4096, wide domain", one(Lut1d::from_fn(4096, wide, look).unwrap())),
        (
            "shaper 256 + look 17",
            Lut {
                shaper: Some(Lut1d::from_fn(256, Domain::uniform(-0.5, 2.0), |v| v.map(|x| (x + 0.5) * 0.4)).unwrap()),
                cube: Some(Lut3d::from_fn(17, Domain::uniform(0.0, 1.0), look).unwrap()),
                ..Lut::default()
            },
        ),
    ]
}

/// 16-bit codes, and float values from -0.5 to 1.5; every eighth pixel is neutral, some are exact ends.
fn pictures() -> [(&'static str, Vec<[f32; 3]>); 2] {
    let mut noise = Noise(11);
    let mut pixels = |value: &dyn Fn(&mut Noise) -> f32| -> Vec<[f32; 3]> {
        let pixel = |i: usize, noise: &mut Noise| match i % 8 {
            0 => [value(noise); 3],
            1 => [value(noise), 0.0, 1.0],
            _ => [value(noise), value(noise), value(noise)],
        };
        (0..200_000).map(|i| pixel(i, &mut noise)).collect()
    };
    let codes = pixels(&|noise| (noise.bits() >> 8) as f32 / 65535.0);
    let floats = pixels(&|noise| noise.unit() * 2.0 - 0.5);
    [("16-bit", codes), ("float", floats)]
}

/// Linear interpolation in `f64` along a table of `n` nodes: lower node and fraction.
fn place(x: f64, min: f32, max: f32, n: usize) -> (usize, f64) {
    let (min, max) = (f64::from(min), f64::from(max));
    let p = (x.clamp(min, max) - min) / (max - min) * (n - 1) as f64;
    let i = (p as usize).min(n - 2);
    (i, p - i as f64)
}

/// The exact value, by definition: shaper, then the cell's eight corners with the weights of either interpolation.
fn exact(lut: &Lut, interpolation: Interpolation, rgb: [f32; 3]) -> [f64; 3] {
    let mut v = rgb.map(f64::from);
    if let Some(table) = &lut.shaper {
        let domain = table.domain();
        v = std::array::from_fn(|c| {
            let (i, t) = place(v[c], domain.min[c], domain.max[c], table.nodes().len());
            f64::from(table.nodes()[i][c]) * (1.0 - t) + f64::from(table.nodes()[i + 1][c]) * t
        });
    }
    let Some(table) = &lut.cube else { return v };
    let (n, domain) = (table.size() as usize, table.domain());
    let at: [(usize, f64); 3] = std::array::from_fn(|c| place(v[c], domain.min[c], domain.max[c], n));
    let mut out = [0.0; 3];
    for corner in 0..8usize {
        let bit = |axis: usize| corner >> axis & 1;
        let weight = match interpolation {
            Interpolation::Trilinear => {
                (0..3).map(|a| if bit(a) == 1 { at[a].1 } else { 1.0 - at[a].1 }).product::<f64>()
            }
            // A corner has weight when its raised axes are those with the largest fractions: the gap between the
            // smallest raised and the largest other fraction.
            Interpolation::Tetrahedral => {
                let raised = (0..3).filter(|&a| bit(a) == 1).map(|a| at[a].1).fold(1.0, f64::min);
                let other = (0..3).filter(|&a| bit(a) == 0).map(|a| at[a].1).fold(0.0, f64::max);
                (raised - other).max(0.0)
            }
        };
        let index = (at[0].0 + bit(0)) + n * (at[1].0 + bit(1)) + n * n * (at[2].0 + bit(2));
        for (sum, node) in out.iter_mut().zip(table.nodes()[index]) {
            *sum += weight * f64::from(node);
        }
    }
    out
}

/// As stored in a 16-bit file: ours rounded and clamped, the exact value clamped. Both in codes.
fn stored(ours: f64, exact: f64) -> f64 {
    ((ours + 0.5).floor().clamp(0.0, 65535.0) - exact.clamp(0.0, 65535.0)).abs()
}

#[test]
fn codes_agree_with_the_same_mathematics_in_f64() {
    for (name, lut) in luts() {
        for interpolation in [Interpolation::Tetrahedral, Interpolation::Trilinear] {
            let prepared = PreparedLut::new(&lut, interpolation);
            for (kind, pixels) in pictures() {
                let ours: Vec<f64> = pixels.iter().flat_map(|&rgb| prepared.eval(rgb)).map(f64::from).collect();
                let exact: Vec<f64> = pixels.iter().flat_map(|&rgb| exact(&lut, interpolation, rgb)).collect();
                let (worst, mean) = difference(&ours, &exact, stored);
                println!("{name}, {interpolation:?}, {kind}: {worst:.4} worst, {mean:.4} mean");
                let bar = if lut.domain() == Domain::UNIT { WORST } else { WORST_WIDE };
                assert!(worst <= bar && mean <= MEAN, "{name}, {interpolation:?}, {kind}: {worst}, {mean}");
            }
        }
    }
}

fn opencolorio(python: &OsString, lut: &Path, interpolation: &str, pixels: &[[f32; 3]], folder: &Path) -> Vec<f64> {
    let (source, target) = (folder.join("in.f32"), folder.join("out.f32"));
    std::fs::write(&source, bytemuck::cast_slice(pixels)).unwrap();
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/lut_opencolorio.py");
    let status =
        Command::new(python).arg(script).arg(lut).arg(interpolation).arg(&source).arg(&target).status().unwrap();
    assert!(status.success(), "the oracle failed on {}", lut.display());
    let bytes = std::fs::read(&target).unwrap();
    bytes.as_chunks::<4>().0.iter().map(|word| f64::from(f32::from_ne_bytes(*word))).collect()
}

/// Largest and mean of `each` over all values, which it gets in 16-bit codes.
fn difference(ours: &[f64], theirs: &[f64], each: impl Fn(f64, f64) -> f64) -> (f64, f64) {
    assert_eq!(ours.len(), theirs.len());
    let differences = ours.iter().zip(theirs).map(|(a, b)| each(a * 65535.0, b * 65535.0));
    let (worst, sum) = differences.fold((0.0f64, 0.0), |(worst, sum), d| (worst.max(d), sum + d));
    (worst, sum / ours.len() as f64)
}

/// The difference in codes, relative above 1.0.
fn before_rounding(ours: f64, theirs: f64) -> f64 {
    (ours - theirs).abs() / (theirs.abs() / 65535.0).max(1.0)
}

fn compare(python: &OsString, name: &str, file: &Path, lut: &Lut, bar: f64, folder: &Path) {
    for (interpolation, word) in [(Interpolation::Tetrahedral, "tetrahedral"), (Interpolation::Trilinear, "linear")] {
        let prepared = PreparedLut::new(lut, interpolation);
        for (kind, pixels) in pictures() {
            let ours: Vec<f64> = pixels.iter().flat_map(|&rgb| prepared.eval(rgb)).map(f64::from).collect();
            let theirs = opencolorio(python, file, word, &pixels, folder);
            let (worst, mean) = difference(&ours, &theirs, stored);
            let (float_worst, float_mean) = difference(&ours, &theirs, before_rounding);
            println!(
                "{name}, {word}, {kind}: stored {worst:.4} worst {mean:.4} mean, float {float_worst:.5} worst {float_mean:.6} mean"
            );
            assert!(mean <= MEAN, "{name}, {word}, {kind}: {mean} mean");
            assert!(worst <= 0.5 + bar, "{name}, {word}, {kind}: {worst} worst");
            assert!(float_worst <= bar, "{name}, {word}, {kind}: {float_worst} before rounding");
        }
    }
}

#[test]
#[cfg_attr(not(has_opencolorio), ignore = "CHIARO_ORACLE_PYTHON (a Python with PyOpenColorIO and numpy) is not set")]
fn generated_luts_agree_with_opencolorio() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    for (name, lut) in luts() {
        let file = folder.path().join("look.cube");
        std::fs::write(&file, write_cube(&lut, &file).unwrap()).unwrap();
        compare(&python, name, &file, &lut, OPENCOLORIO_FLOAT, folder.path());
    }
}

#[test]
#[cfg_attr(
    not(all(has_testdata, has_opencolorio)),
    ignore = "needs CHIARO_TESTDATA and CHIARO_ORACLE_PYTHON (a Python with PyOpenColorIO and numpy)"
)]
fn published_luts_agree_with_opencolorio() {
    let Some(python) = python() else { return };
    let Some(root) = std::env::var_os("CHIARO_TESTDATA") else {
        eprintln!("ignored: CHIARO_TESTDATA not set");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "ocio/tests/data/files/iridas_1d.cube",
        "ocio/tests/data/files/iridas_3d.cube",
        "ocio/tests/data/files/resolve_1d3d.cube",
        "colour/colour/io/luts/tests/resources/iridas_cube/Colour_Correct.cube",
        "colour/colour/io/luts/tests/resources/iridas_cube/eotf_sRGB_3D.cube",
    ] {
        let file = Path::new(&root).join("lut").join(name);
        let lut = parse_cube(&std::fs::read(&file).unwrap(), &file).unwrap();
        let bar = if name.contains("eotf") { OPENCOLORIO_FLOAT_STEEP } else { OPENCOLORIO_FLOAT };
        compare(&python, name, &file, &lut, bar, folder.path());
    }
}
