//! `chiaro depth` from file to file against a second implementation of the whole way (`tests/oracle/depth_pipeline.py`: NumPy and ONNX
//! Runtime), by the scores of both on pictures with true depth. Figures are recorded, not pictures, and belong to one model.

#![cfg(feature = "onnx")]

mod cli_util;
mod depth_common;

use std::fs;

use chiaro::depth::reduce::percentile;
use chiaro::depth::registry::ModelEntry;
use cli_util::Dir;
use depth_common::pictures::{png, testdata};

/// `# model HASH`, a head, then `picture,AbsRel,delta1`.
const RECORDED: &str = include_str!("oracle/depth_pipeline.csv");
const AGAIN: &str = "CHIARO_TESTDATA=... python tests/oracle/depth_pipeline.py --write";

/// AbsRel and delta1 in depth after the least-squares scale (at least 0) and shift in disparity; no farther than twice the farthest true
/// depth. `depth` is in any unit, 0 = unknown.
fn scores(map: &[f32], depth: &[f32]) -> [f64; 2] {
    let pairs = || map.iter().zip(depth).filter(|(_, d)| **d > 0.0).map(|(m, d)| (f64::from(*m), 1.0 / f64::from(*d)));
    let count = pairs().count() as f64;
    let mean = pairs().fold((0.0, 0.0), |sum, (m, g)| (sum.0 + m / count, sum.1 + g / count));
    let covariance: f64 = pairs().map(|(m, g)| (m - mean.0) * (g - mean.1)).sum();
    let variance: f64 = pairs().map(|(m, _)| (m - mean.0).powi(2)).sum();
    let scale = (covariance / (variance + 1e-12 * count)).max(0.0);
    let truth: Vec<f32> = pairs().map(|(_, g)| g as f32).collect();
    let floor = f64::from(percentile(&truth, 0.5).unwrap()) / 2.0;
    let aligned = |m: f64| (scale * (m - mean.0) + mean.1).max(floor);
    let abs_rel: f64 = pairs().map(|(m, g)| (g / aligned(m) - 1.0).abs()).sum();
    let close = pairs().filter(|(m, g)| (aligned(*m) / g).max(g / aligned(*m)) < 1.25).count() as f64;
    [abs_rel / count, close / count]
}

#[test]
#[cfg_attr(not(has_testdata), ignore = "CHIARO_TESTDATA is not set")]
fn scores_are_those_of_the_reference() {
    let Some(folder) = testdata().map(|data| data.join("depth_gt")) else { return };
    let model = ModelEntry::embedded().sha256;
    assert!(
        RECORDED.starts_with(&format!("# model {model}\n")),
        "the figures belong to another model, regenerate them: {AGAIN}"
    );
    let manifest = fs::read_to_string(folder.join("manifest.csv")).unwrap();
    let rows: Vec<Vec<&str>> = manifest.lines().skip(1).map(|row| row.split(',').collect()).collect();
    let dir = Dir::new();
    for (i, row) in rows.iter().enumerate() {
        dir.file(format!("in/{i:02}.png"), fs::read(folder.join(row[2])).unwrap());
    }
    dir.run(&["depth", "in", "-o", "out", "--depth-from", "model", "--kind", "png", "--device", "cpu"]).ends(0);
    let written = dir.tree("out");
    assert_eq!(written.len(), rows.len(), "{written:?}");
    let mut sums = [[0.0; 2]; 2];
    for ((row, line), file) in rows.iter().zip(RECORDED.lines().skip(2)).zip(&written) {
        let mut columns = line.split(',');
        assert_eq!(columns.next(), Some(format!("{}/{}", row[0], row[1]).as_str()));
        let wanted: Vec<f64> = columns.map(|figure| figure.parse().unwrap()).collect();
        let (_, _, depth, _) = png(&folder.join(row[3])).unwrap();
        let (_, _, map, _) = png(&dir.path("out").join(file)).unwrap();
        let got = scores(&map, &depth);
        println!("{} {got:.4?} {wanted:.4?}", row[2]);
        for (i, (got, wanted)) in got.iter().zip(&wanted).enumerate() {
            assert!((got / wanted - 1.0).abs() < 0.02, "{}: {got} instead of {wanted}", row[2]);
            sums[0][i] += got;
            sums[1][i] += wanted;
        }
    }
    for (got, wanted) in sums[0].iter().zip(&sums[1]) {
        assert!((got / wanted - 1.0).abs() < 0.01, "{got} instead of {wanted}, {AGAIN}");
    }
}
