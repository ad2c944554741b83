//! Colors for looking at a disparity map. What is near gets the end of the map that catches the eye: red, yellow, pale or white.
//!
//! * Turbo: A. Mikhailov, Google, 2019, <https://research.google/blog/turbo-an-improved-rainbow-colormap-for-visualization/>, Apache-2.0.
//!   Most steps can be told apart; hues jump, so it shows edges better than slopes.
//! * Viridis and magma: N. Smith and S. van der Walt for matplotlib, 2015, <https://bids.github.io/colormap/>, CC0. Lightness rises evenly:
//!   they print in gray and suit people who do not see all hues.
//! * Gray: white is near.
//!
//! Each table holds every fifth of the 256 published entries; what lies between is interpolated, within one code of the published one.

use crate::recipe::Colors;

/// Published entries between two that are kept.
const STEP: usize = 5;
/// Entries that are kept: 0, 5, ... 255, as 0xRRGGBB, sRGB-encoded.
const NODES: usize = 52;

#[rustfmt::skip]
const TURBO: [u32; NODES] = [
    0x30123b, 0x36215f, 0x3b2f80, 0x3f3e9c, 0x424bb5, 0x4559cb, 0x4666dd, 0x4773eb,
    0x4680f6, 0x458cfd, 0x4099ff, 0x38a5fb, 0x2fb2f4, 0x27bee9, 0x1fc9dd, 0x1ad4d0,
    0x18ddc2, 0x1ae4b6, 0x22ebaa, 0x2ff19b, 0x3ff68a, 0x52fa7a, 0x65fd69, 0x79fe59,
    0x8bff4b, 0x9cfe40, 0xa9fb39, 0xb7f735, 0xc3f134, 0xd0ea34, 0xdbe236, 0xe5d938,
    0xeecf3a, 0xf5c53a, 0xfaba39, 0xfdae35, 0xfea130, 0xfe932a, 0xfc8423, 0xf9751d,
    0xf46617, 0xef5811, 0xe84b0c, 0xe14109, 0xd83706, 0xce2d04, 0xc32503, 0xb71d02,
    0xa91601, 0x9b0f01, 0x8b0902, 0x7a0403,
];
#[rustfmt::skip]
const VIRIDIS: [u32; NODES] = [
    0x440154, 0x46085c, 0x471063, 0x481769, 0x481d6f, 0x482475, 0x472a7a, 0x46307e,
    0x453781, 0x433d84, 0x414287, 0x3f4889, 0x3d4e8a, 0x3a538b, 0x38598c, 0x355e8d,
    0x33638d, 0x31688e, 0x2e6d8e, 0x2c718e, 0x2a768e, 0x297b8e, 0x27808e, 0x25848e,
    0x23898e, 0x218e8d, 0x20928c, 0x1f978b, 0x1e9c89, 0x1fa188, 0x21a585, 0x24aa83,
    0x28ae80, 0x2eb37c, 0x35b779, 0x3dbc74, 0x46c06f, 0x50c46a, 0x5ac864, 0x65cb5e,
    0x70cf57, 0x7cd250, 0x89d548, 0x95d840, 0xa2da37, 0xb0dd2f, 0xbddf26, 0xcae11f,
    0xd8e219, 0xe5e419, 0xf1e51d, 0xfde725,
];
#[rustfmt::skip]
const MAGMA: [u32; NODES] = [
    0x000004, 0x02020b, 0x050416, 0x090720, 0x0e0b2b, 0x140e36, 0x1a1042, 0x21114e,
    0x29115a, 0x311165, 0x390f6e, 0x420f75, 0x4a1079, 0x52137c, 0x5a167e, 0x621980,
    0x6a1c81, 0x721f81, 0x792282, 0x812581, 0x892881, 0x912b81, 0x992d80, 0xa1307e,
    0xaa337d, 0xb2357b, 0xba3878, 0xc23b75, 0xca3e72, 0xd2426f, 0xd9466b, 0xe04c67,
    0xe75263, 0xec5860, 0xf1605d, 0xf4695c, 0xf7725c, 0xf97b5d, 0xfb8560, 0xfc8e64,
    0xfd9869, 0xfea16e, 0xfeaa74, 0xfeb47b, 0xfebd82, 0xfec68a, 0xfecf92, 0xfed89a,
    0xfde2a3, 0xfdebac, 0xfcf4b6, 0xfcfdbf,
];

/// The 256 colors of a color map, from farthest to nearest, sRGB-encoded 8 bit.
pub struct Palette([[u8; 3]; 256]);

impl Palette {
    /// The palette of a color map.
    pub fn new(colors: Colors) -> Self {
        let nodes = match colors {
            Colors::Turbo => &TURBO,
            Colors::Viridis => &VIRIDIS,
            Colors::Magma => &MAGMA,
            Colors::Gray => return Self(std::array::from_fn(|i| [i as u8; 3])),
        };
        Self(std::array::from_fn(|i| entry(nodes, i)))
    }

    /// The color of a normalized disparity, 0 (farthest) to 1 (nearest). Values outside are clamped; NaN is black.
    pub fn color(&self, disparity: f32) -> [u8; 3] {
        if disparity.is_nan() {
            return [0; 3];
        }
        let entry = (disparity.clamp(0.0, 1.0) * 255.0 + 0.5) as usize;
        self.0.get(entry).copied().unwrap_or_default()
    }
}

/// Entry `i` of the 256, between the nodes around it.
fn entry(nodes: &[u32; NODES], i: usize) -> [u8; 3] {
    let at = |node: usize, channel: usize| {
        let color = nodes.get(node).or(nodes.last()).copied().unwrap_or_default();
        (color >> (16 - 8 * channel)) as usize & 0xff
    };
    let (node, along) = (i / STEP, i % STEP);
    std::array::from_fn(|channel| {
        let (from, to) = (at(node, channel), at(node + 1, channel));
        ((from * (STEP - along) + to * along + STEP / 2) / STEP) as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_entries_come_out() {
        // Entries of the published tables that are not among the nodes.
        for (colors, i, expected) in [
            (Colors::Turbo, 3u8, [52, 27, 81]),
            (Colors::Turbo, 128, [164, 252, 60]),
            (Colors::Turbo, 201, [243, 99, 21]),
            (Colors::Viridis, 64, [59, 82, 139]),
            (Colors::Viridis, 128, [33, 145, 140]),
            (Colors::Viridis, 255, [253, 231, 37]),
            (Colors::Magma, 0, [0, 0, 4]),
            (Colors::Magma, 64, [81, 18, 124]),
            (Colors::Magma, 201, [253, 154, 106]),
            (Colors::Gray, 77, [77; 3]),
        ] {
            let ours = Palette::new(colors).color(f32::from(i) / 255.0);
            for (ours, table) in ours.iter().zip(expected) {
                assert!((i32::from(*ours) - table).abs() <= 1, "{colors:?} {i}: {ours:?} {expected:?}");
            }
        }
    }

    #[test]
    fn what_is_no_disparity_has_a_color_too() {
        for colors in Colors::ALL {
            let palette = Palette::new(colors);
            assert_eq!(palette.color(f32::NAN), [0; 3]);
            assert_eq!((palette.color(-4.0), palette.color(9.0)), (palette.color(0.0), palette.color(1.0)));
        }
    }

    #[test]
    fn turbo_is_warm_where_it_is_near_and_the_others_grow_lighter() {
        let turbo = Palette::new(Colors::Turbo);
        let (far, near) = (turbo.color(0.05), turbo.color(0.95));
        assert!(far[2] > far[0] && near[0] > near[2]);
        for colors in [Colors::Viridis, Colors::Magma, Colors::Gray] {
            let palette = Palette::new(colors);
            let luma = |[r, g, b]: [u8; 3]| 0.2126 * f32::from(r) + 0.7152 * f32::from(g) + 0.0722 * f32::from(b);
            let lightness: Vec<f32> = (0..=8).map(|i| luma(palette.color(i as f32 / 8.0))).collect();
            assert!(lightness.is_sorted(), "{colors:?}: {lightness:?}");
        }
    }
}
