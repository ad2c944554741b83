//! Depth models want pictures upright. A picture whose orientation tag turns it is turned for the model and its map is turned
//! back: two index maps at low resolution, nothing at full size.

/// Size of the upright picture for a stored size.
pub fn upright_size((width, height): (u32, u32), orientation: u16) -> (u32, u32) {
    if orientation >= 5 { (height, width) } else { (width, height) }
}

/// Where pixel (x, y) of the upright picture of size `upright` is stored (EXIF 2.32, tag 0x0112).
fn stored(orientation: u16, (width, height): (usize, usize), x: usize, y: usize) -> (usize, usize) {
    let (right, bottom) = (width - 1 - x, height - 1 - y);
    match orientation {
        2 => (right, y),
        3 => (right, bottom),
        4 => (x, bottom),
        5 => (y, x),
        6 => (y, right),
        7 => (bottom, right),
        8 => (bottom, x),
        _ => (x, y),
    }
}

/// Turns planes of a stored picture of `size` upright.
pub fn to_upright(planes: &[f32], size: (u32, u32), orientation: u16) -> Vec<f32> {
    remap(planes, size, orientation, |out, at_upright, at_stored, plane| out[at_upright] = plane[at_stored])
}

/// Turns planes of an upright picture back; `size` is that of the stored picture.
pub fn to_stored(planes: &[f32], size: (u32, u32), orientation: u16) -> Vec<f32> {
    remap(planes, size, orientation, |out, at_upright, at_stored, plane| out[at_stored] = plane[at_upright])
}

fn remap(
    planes: &[f32],
    size: (u32, u32),
    orientation: u16,
    put: impl Fn(&mut [f32], usize, usize, &[f32]),
) -> Vec<f32> {
    let stored_width = size.0 as usize;
    let area = stored_width * size.1 as usize;
    let upright = upright_size(size, orientation);
    let (width, height) = (upright.0 as usize, upright.1 as usize);
    let mut out = vec![0.0; planes.len()];
    for (out, plane) in out.chunks_exact_mut(area.max(1)).zip(planes.chunks_exact(area.max(1))) {
        for y in 0..height {
            for x in 0..width {
                let (sx, sy) = stored(orientation, (width, height), x, y);
                put(out, y * width + x, sy * stored_width + sx, plane);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_orientation_comes_home() {
        let plane: Vec<f32> = (0..6).map(|v| v as f32).collect();
        for orientation in 1..=8 {
            let upright = to_upright(&plane, (3, 2), orientation);
            assert_eq!(to_stored(&upright, (3, 2), orientation), plane, "{orientation}");
        }
    }

    #[test]
    fn six_turns_clockwise() {
        // Stored rows: 0 1 2 / 3 4 5; orientation 6: the stored left column is the top row, read from the bottom.
        assert_eq!(to_upright(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0], (3, 2), 6), [3.0, 0.0, 4.0, 1.0, 5.0, 2.0]);
    }
}
