use super::*;
use crate::ops::disparity::{evaluate, half_to_f32};

fn reduced(w: u32, h: u32, guide: impl Fn(u32, u32) -> f32) -> Reduced {
    let guide: Vec<f32> = (0..h).flat_map(|y| (0..w).map(move |x| (x, y))).map(|(x, y)| guide(x, y)).collect();
    let rgb = [&guide[..]; 3].concat();
    Reduced { width: w, height: h, rgb, guide_squared: guide.iter().map(|v| v * v).collect(), guide }
}

fn map(w: u32, h: u32, d: impl Fn(u32, u32) -> f32) -> Vec<f32> {
    (0..h).flat_map(|y| (0..w).map(move |x| (x, y))).map(|(x, y)| d(x, y)).collect()
}

#[test]
fn a_plane_ignores_texture() {
    let picture = reduced(12, 10, |x, y| if (x + y) % 2 == 0 { 0.2 } else { 0.8 });
    let plane = map(12, 10, |x, y| 0.2 + 0.01 * x as f32 + 0.005 * y as f32);
    let table = fit(&plane, &picture, &JoinSettings::default());
    let c = table.constants(0, (120, 100));
    for (x, y) in [(40, 40), (71, 55)] {
        let (dark, bright) = (evaluate(&c, table.words(), 0.0, x, y), evaluate(&c, table.words(), 1.0, x, y));
        let exact = 0.2 + 0.01 * ((x as f32 + 0.5) / 10.0 - 0.5) + 0.005 * ((y as f32 + 0.5) / 10.0 - 0.5);
        assert!((dark - exact).abs() < 1e-3 && (bright - exact).abs() < 1e-3, "{dark} {bright} {exact}");
    }
}

#[test]
fn an_edge_follows_the_picture() {
    // The step lies inside a model pixel column; a full-resolution guide must place it.
    let d = map(16, 8, |x, _| if x < 8 { 0.9 } else { 0.1 });
    let picture = reduced(16, 8, |x, _| if x < 8 { 0.7 } else { 0.3 });
    let table = fit(&d, &picture, &JoinSettings::default());
    let c = table.constants(0, (160, 80));
    for x in 78..82 {
        let near = evaluate(&c, table.words(), 0.7, x, 40);
        let far = evaluate(&c, table.words(), 0.3, x, 40);
        assert!(near > 0.8 && far < 0.2, "{x}: {near} {far}");
    }
}

#[test]
fn a_flat_guide_gives_no_slope_beyond_the_range() {
    let d = map(16, 8, |x, _| if x < 8 { 0.9 } else { 0.1 });
    let table = fit(&d, &reduced(16, 8, |_, _| 1.0), &JoinSettings::default());
    let c = table.constants(0, (160, 80));
    let row: Vec<f32> = (0..160).map(|x| evaluate(&c, table.words(), 1.0, x, 40)).collect();
    assert!(row.windows(2).all(|pair| pair[1] <= pair[0] + 1e-4));
    assert!(row[0] > 0.89 && row[159] < 0.11);
}

#[test]
fn coefficients_stay_finite_on_hostile_maps() {
    let wild = map(9, 9, |x, y| if (x * y) % 3 == 0 { 4.0 } else { -4.0 });
    for edge_error_px in [0, 1, 2] {
        let settings = JoinSettings { edge_error_px, ..JoinSettings::default() };
        let table = fit(&wild, &reduced(9, 9, |x, _| x as f32 / 9.0), &settings);
        for word in table.words() {
            assert!(half_to_f32(*word).abs() < 32.0 && half_to_f32(word >> 16).abs() < 32.0, "{word:#x}");
        }
    }
}

#[test]
fn tiny_maps_work() {
    for (w, h) in [(1, 1), (2, 1), (1, 3)] {
        let table = fit(&map(w, h, |x, y| (x + y) as f32 * 0.3), &reduced(w, h, |_, _| 0.4), &JoinSettings::default());
        assert!(evaluate(&table.constants(0, (5, 5)), table.words(), 0.4, 4, 4).is_finite());
    }
}

#[test]
fn normalization_maps_percentiles_to_zero_and_one() {
    let values: Vec<f32> = (0..1001).map(|v| 50.0 + v as f32).collect();
    let (normalized, norm) = normalize(&values);
    assert!((normalized[10]).abs() < 1e-6 && (normalized[990] - 1.0).abs() < 1e-6);
    assert!((normalized[0] + 10.0 / 980.0).abs() < 1e-6 && (norm.scale - 1.0 / 980.0).abs() < 1e-9);
    assert_eq!(normalize(&[2.0; 64]).0, vec![0.5; 64]);
    assert_eq!(normalize(&[]).0, Vec::<f32>::new());
    assert_eq!(normalize(&[0.0, f32::NAN, 1.0]).0[1], 0.0);
}

#[test]
fn resampling_is_bilinear() {
    assert_eq!(resample(&[0.0, 1.0], (2, 1), (4, 1)), [0.0, 0.25, 0.75, 1.0]);
    assert_eq!(resample(&[1.0, 2.0], (2, 1), (2, 1)), [1.0, 2.0]);
}
