//! Turning small maps upright and back.
//!
//! Depth models know that ground is below sky; a photograph stored lying on its side (EXIF orientation 5 to 8, or 3) must stand up
//! before it is fed, and the answer must lie down again before it is joined to the stored pixels. Strips are never turned: only
//! the reduced picture is.
//!
//! Orientations are EXIF 2.32, tag 0x0112: what must be done to the stored picture to see it upright. 1 nothing, 2 mirror left-right, 3 half
//! turn, 4 mirror top-bottom, 5 transpose, 6 quarter turn clockwise, 7 transpose across the other diagonal, 8 quarter turn
//! counterclockwise. Anything else is 1.

use super::reduce::Reduced;

/// Whether upright width is stored height.
pub fn swaps_sides(orientation: u16) -> bool {
    matches!(orientation, 5..=8)
}

/// (width, height) seen from the other side: upright from stored, and stored from upright.
pub fn turned((width, height): (u32, u32), orientation: u16) -> (u32, u32) {
    if swaps_sides(orientation) { (height, width) } else { (width, height) }
}

/// The stored column and row of upright pixel (`x`, `y`) in a stored map of `w` x `h`.
fn stored_place(x: usize, y: usize, w: usize, h: usize, orientation: u16) -> (usize, usize) {
    match orientation {
        2 => (w - 1 - x, y),
        3 => (w - 1 - x, h - 1 - y),
        4 => (x, h - 1 - y),
        5 => (y, x),
        6 => (y, h - 1 - x),
        7 => (w - 1 - y, h - 1 - x),
        8 => (w - 1 - y, x),
        _ => (x, y),
    }
}

/// A stored map of `size` = (width, height), made upright. Its size is [`turned`]. Missing values are 0.
pub fn upright(map: &[f32], size: (u32, u32), orientation: u16) -> Vec<f32> {
    let (w, h) = (size.0 as usize, size.1 as usize);
    let (width, height) = turned(size, orientation);
    let mut out = Vec::with_capacity(w * h);
    for y in 0..height as usize {
        for x in 0..width as usize {
            let (column, row) = stored_place(x, y, w, h, orientation);
            out.push(map.get(row * w + column).copied().unwrap_or(0.0));
        }
    }
    out
}

/// The way back: an upright map, laid down as the picture is stored; `size` is the upright (width, height).
pub fn stored(map: &[f32], size: (u32, u32), orientation: u16) -> Vec<f32> {
    let inverse = match orientation {
        6 => 8,
        8 => 6,
        same => same,
    };
    upright(map, size, inverse)
}

/// The reduced picture, upright: what a model is fed. The join keeps using the stored one.
pub fn upright_picture(reduced: &Reduced, orientation: u16) -> Reduced {
    let size = (reduced.width, reduced.height);
    let (width, height) = turned(size, orientation);
    let cells = (reduced.width as usize * reduced.height as usize).max(1);
    Reduced {
        width,
        height,
        rgb: reduced.rgb.chunks(cells).flat_map(|plane| upright(plane, size, orientation)).collect(),
        guide: upright(&reduced.guide, size, orientation),
        guide_squared: upright(&reduced.guide_squared, size, orientation),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_held_upright() {
        // Stored 3 wide, 2 high; orientation 6 turns it clockwise: the left column becomes the top row, bottom first.
        let map = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!(upright(&map, (3, 2), 6), [4.0, 1.0, 5.0, 2.0, 6.0, 3.0]);
        assert_eq!(upright(&map, (3, 2), 8), [3.0, 6.0, 2.0, 5.0, 1.0, 4.0]);
        assert_eq!(upright(&map, (3, 2), 3), [6.0, 5.0, 4.0, 3.0, 2.0, 1.0]);
        assert_eq!(upright(&map, (3, 2), 5), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        assert_eq!(upright(&map, (3, 2), 7), [6.0, 3.0, 5.0, 2.0, 4.0, 1.0]);
    }

    #[test]
    fn every_orientation_comes_home() {
        let map: Vec<f32> = (0..35).map(|v| v as f32).collect();
        for orientation in 0..=9 {
            let there = upright(&map, (7, 5), orientation);
            assert_eq!(stored(&there, turned((7, 5), orientation), orientation), map, "{orientation}");
        }
    }
}
