//! Scores of maps that are right by construction, and of the same maps spoiled in one way each.

use super::*;

const W: usize = 64;
const H: usize = 48;

/// A blue sky above ground that comes nearer, with two boxes standing on it; and its depth.
fn scene() -> (Reduced, Vec<f32>) {
    let mut rgb = vec![0.0; 3 * W * H];
    let mut map = vec![0.0; W * H];
    for y in 0..H {
        for x in 0..W {
            let sky = y < 16;
            let in_box = |x0: usize, y0: usize, y1: usize| (x0..x0 + 12).contains(&x) && (y0..y1).contains(&y);
            let texture = ((x * 7 + y * 13) % 5) as f32 * 0.004;
            let (color, d) = if in_box(8, 10, 30) {
                ([0.55, 0.2, 0.15], 0.45)
            } else if in_box(40, 20, 42) {
                ([0.8, 0.75, 0.3], 0.85)
            } else if sky {
                ([0.45, 0.6, 0.85], 0.0)
            } else {
                ([0.3, 0.35, 0.25], (y - 15) as f32 / 40.0)
            };
            for (c, v) in color.iter().enumerate() {
                rgb[c * W * H + y * W + x] = v + if sky { 0.0 } else { texture };
            }
            map[y * W + x] = d;
        }
    }
    let guide = vec![0.5; W * H];
    (Reduced { width: W as u32, height: H as u32, rgb, guide: guide.clone(), guide_squared: guide }, map)
}

fn words(map: &[f32]) -> String {
    Scores::of(map, &scene().0).remarks().join("; ")
}

#[test]
fn what_lies_beyond_the_range_counts_as_its_ends() {
    let map: Vec<f32> = (0..W * H).map(|i| if i < W * H / 2 { 4.0 } else { -4.0 }).collect();
    let scores = Scores::alone(&map, W);
    assert_eq!((scores.inversion, scores.flatness), (Some(1.0), Some(0.5)));
    assert_eq!(scores.inversion, Scores::of(&map, &scene().0).inversion);
}

#[test]
fn a_good_map_passes() {
    let (picture, map) = scene();
    let scores = Scores::of(&map, &picture);
    assert_eq!(scores.remarks(), [""; 0], "{scores:?}");
    assert!(scores.edge_agreement.unwrap() > 0.8 && scores.sky_near.unwrap() < 0.05, "{scores:?}");
    assert!(scores.seam.unwrap() < 0.05 && scores.inversion.unwrap() < -0.4, "{scores:?}");
}

#[test]
fn an_inverted_map_is_inverted_and_its_sky_near() {
    let map: Vec<f32> = scene().1.iter().map(|d| 1.0 - d).collect();
    let told = words(&map);
    assert!(told.contains("inverted") && told.contains("sky"), "{told}");
}

#[test]
fn a_flat_map_is_flat_and_its_edges_are_not_judged() {
    let mut map = vec![0.5; W * H];
    map[..20].fill(1.0);
    let scores = Scores::of(&map, &scene().0);
    assert!(scores.remarks()[0].contains("hardly varies"), "{scores:?}");
    assert!(Scores::of(&vec![0.5; W * H], &scene().0).edge_agreement.is_none());
}

#[test]
fn a_map_of_another_picture_has_other_edges() {
    // The same map moved: its edges fall where this picture has none.
    let map = scene().1;
    let moved: Vec<f32> = (0..W * H).map(|i| map[(i / W) * W + (i % W + 21) % W]).collect();
    let (right, wrong) = (Scores::of(&map, &scene().0), Scores::of(&moved, &scene().0));
    assert!(wrong.edge_agreement.unwrap() < right.edge_agreement.unwrap() - 0.2, "{right:?} {wrong:?}");
}

#[test]
fn tiles_that_do_not_meet_are_a_seam() {
    for half in [false, true] {
        let mut map = scene().1;
        for (i, d) in map.iter_mut().enumerate() {
            if i % W >= 30 && !(half && i / W < H / 2) {
                *d = (*d + 0.25).min(1.0);
            }
        }
        assert!(words(&map).contains("straight step"), "{half}");
    }
}

#[test]
fn nothing_is_judged_on_nothing() {
    assert_eq!(Scores::alone(&[], 0), Scores::default());
    let tiny = Reduced { width: 2, height: 2, rgb: vec![0.5; 12], guide: vec![0.5; 4], guide_squared: vec![0.25; 4] };
    let scores = Scores::of(&[0.0, 0.0, 1.0, f32::NAN], &tiny);
    assert!(scores.seam.is_none() && scores.flatness.is_some());
    assert!(Scores::default().beyond(&USUAL).is_empty());
}

#[test]
fn what_stops_a_picture_has_figures() {
    let scores = Scores { flatness: Some(0.97), edge_agreement: Some(0.4), ..Scores::default() };
    let told: Vec<String> = scores.beyond(&USUAL).iter().map(ToString::to_string).collect();
    assert!(told[0].ends_with("(flatness 0.97, limit 0.9)") && told[1].contains("edge_agreement 0.40"), "{told:?}");
}
