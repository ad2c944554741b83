use super::*;

fn reduced(size: (u32, u32), value: impl Fn(u32, u32) -> f32) -> Reduced {
    let plane: Vec<f32> =
        (0..size.1).flat_map(|y| (0..size.0).map(move |x| (x, y))).map(|(x, y)| value(x, y)).collect();
    let rgb = [0.0, 0.25, 0.5].iter().flat_map(|add| plane.iter().map(move |v| v + add)).collect();
    Reduced { width: size.0, height: size.1, rgb, guide: plane.clone(), guide_squared: plane }
}

#[test]
fn tilings_keep_to_their_bounds() {
    let places = |tile, picture| Tiling::new(tile, picture).map(|t| (t.factor, t.inferences()));
    assert_eq!(places((256, 192), (511, 4000)), None, "less than twice the model's width");
    assert_eq!(places((256, 192), (640, 480)), Some((2, 10)));
    assert_eq!(places((256, 192), (20_000, 10_000)), Some((MAX_FACTOR, 26)));
    assert_eq!(places((784, 518), (20_000, 13_200)), Some((2, 10)));
    assert_eq!(places((1036, 1036), (20_000, 20_000)), None, "four of them are too many cells");
    for factor in 2..=MAX_FACTOR {
        for tile in [1, 3, 16, 190, 256] {
            let found = super::places(tile, factor);
            assert_eq!((found[0], found[found.len() - 1] + tile), (0, tile * factor));
            // Every two neighbors overlap by a quarter, or by all that whole pixels allow.
            assert!(found.windows(2).all(|pair| pair[1] - pair[0] <= tile - tile / OVERLAP), "{tile} {found:?}");
        }
    }
}

#[test]
fn the_whole_is_the_mean_and_a_tile_is_a_part() {
    let tiling = Tiling { tile: (4, 3), factor: 2 };
    let working = reduced(tiling.size(), |x, y| x as f32 + 100.0 * y as f32);
    let whole = tiling.whole(&working);
    assert_eq!((whole.width, whole.height, whole.rgb.len()), (4, 3, 36));
    assert_eq!(whole.guide[5], (2.5 + 250.0));
    assert_eq!(whole.rgb[12 + 5], whole.guide[5] + 0.25);
    let tile = tiling.cut(&working, (3, 1));
    assert_eq!((tile.guide[0], tile.guide[11], tile.rgb[24]), (103.0, 306.0, 103.5));
}

/// A scene at any size: a wall (disparity 0.3, flat) on the left, and on the right a floor with bars too fine for the whole map.
fn scene(size: (u32, u32), fine: bool) -> Vec<f32> {
    let value = |x: u32, y: u32| {
        let (u, v) = ((x as f32 + 0.5) / size.0 as f32, (y as f32 + 0.5) / size.1 as f32);
        match u < 0.6 {
            true => 0.3,
            false if fine && ((u * 320.0) as u32).is_multiple_of(4) => 0.9,
            false => 0.2 + 0.6 * v,
        }
    };
    (0..size.1).flat_map(|y| (0..size.0).map(move |x| (x, y))).map(|(x, y)| value(x, y)).collect()
}

/// What a model that gets every tile's scale, shift and tilt wrong makes of a scene.
fn blended(tiling: Tiling, flat_noise: f32) -> (Vec<f32>, Vec<f32>, usize) {
    let truth = scene(tiling.size(), true);
    let whole = shrink(&truth, tiling.tile, tiling.factor);
    let base = super::super::join::resample(&whole, tiling.tile, tiling.size());
    let mut blend = Blend::new(tiling, &whole, &base);
    for (i, place) in tiling.places().into_iter().enumerate() {
        let (scale, shift) = (0.4 + 0.3 * (i % 5) as f32, (i % 3) as f32 - 1.0);
        let width = tiling.tile.0 as usize;
        let map: Vec<f32> = cut(&truth, tiling.size().0 as usize, place, tiling.tile)
            .iter()
            .enumerate()
            .map(|(at, d)| {
                let tilt = 0.05 * ((i % 4) as f32 - 1.5) * (at % width) as f32 / width as f32;
                scale * (d + tilt + flat_noise * ((at * 7919 % 13) as f32 / 13.0 - 0.5)) + shift
            })
            .collect();
        blend.add(place, &map);
    }
    let used = blend.used();
    (blend.finish(), base, used)
}

#[test]
fn tiles_bring_detail_and_no_seams() {
    let tiling = Tiling { tile: (128, 96), factor: 4 };
    let (map, base, used) = blended(tiling, 0.0);
    assert!(used >= 8, "{used}");
    let (width, truth) = (tiling.size().0 as usize, scene(tiling.size(), true));
    let error = |map: &[f32]| -> f32 {
        let sharp = |x: usize| x > width * 65 / 100;
        map.iter().zip(&truth).enumerate().filter(|(i, _)| sharp(i % width)).map(|(_, (m, t))| (m - t).abs()).sum()
    };
    assert!(error(&map) < 0.6 * error(&base), "{} {}", error(&map), error(&base));
    // The wall, but for the edge at its end: no step between neighbors, no deviation from the whole map, above one 8-bit code.
    for (y, row) in map.chunks_exact(width).enumerate() {
        for x in 1..width * 50 / 100 {
            assert!((row[x] - row[x - 1]).abs() < 0.25 / 255.0, "{x} {y}");
            assert!((row[x] - 0.3).abs() < 1.0 / 255.0, "{x} {y} {}", row[x]);
        }
    }
}

#[test]
fn tiles_that_disagree_leave_the_whole_map_as_it_is() {
    let tiling = Tiling { tile: (16, 12), factor: 3 };
    let whole = scene(tiling.tile, false);
    let base = super::super::join::resample(&whole, tiling.tile, tiling.size());
    for answer in
        [vec![0.5; 16 * 12], vec![f32::NAN; 16 * 12], (0..16 * 12).map(|i| ((i * 7919) % 97) as f32).collect()]
    {
        let mut blend = Blend::new(tiling, &whole, &base);
        tiling.places().into_iter().for_each(|place| blend.add(place, &answer));
        assert!(blend.used() <= 1);
        let map = blend.finish();
        assert!(map.iter().zip(&base).all(|(m, b)| (m - b).abs() < 0.05));
    }
    // One that says the opposite is not turned around.
    let mut blend = Blend::new(tiling, &whole, &base);
    for place in tiling.places() {
        let tile: Vec<f32> = cut(&base, 48, place, tiling.tile).iter().map(|d| 1.0 - d).collect();
        blend.add(place, &tile);
    }
    assert_eq!((blend.used(), blend.finish()), (0, base));
}
