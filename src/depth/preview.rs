//! Colors for looking at a disparity map: blue is far, red is near.
//!
//! The color map is Turbo (A. Mikhailov, Google, 2019, <https://research.google/blog/turbo-an-improved-rainbow-colormap-for-visualization/>,
//! Apache-2.0) in R. Du's polynomial approximation
//! (<https://gist.github.com/mikhailov-work/0d177465a8151eb6ede1768d51d476c7>, Apache-2.0), within 32 of 255 codes of the
//! table: enough for looking.

/// Coefficients of x^0 to x^5 for red, green and blue, sRGB-encoded.
const TURBO: [[f32; 6]; 3] = [
    [0.135_721_38, 4.615_392_6, -42.660_324, 132.131_08, -152.942_4, 59.286_38],
    [0.091_402_61, 2.194_188_4, 4.842_966_6, -14.185_033, 4.277_298_6, 2.829_566],
    [0.106_673_3, 12.641_946, -60.582_047, 110.362_77, -89.903_11, 27.348_25],
];

/// The color of a normalized disparity (0 farthest, blue; 1 nearest, red), sRGB-encoded 8 bit. Values outside 0..1 are clamped;
/// NaN is black.
pub fn turbo(disparity: f32) -> [u8; 3] {
    if disparity.is_nan() {
        return [0; 3];
    }
    let x = disparity.clamp(0.0, 1.0);
    TURBO.map(|c| {
        let value = ((((c[5] * x + c[4]) * x + c[3]) * x + c[2]) * x + c[1]) * x + c[0];
        (value.clamp(0.0, 1.0) * 255.0 + 0.5) as u8
    })
}

/// A whole map as RGB, 8 bit interleaved, in the map's order.
pub fn preview(disparity: &[f32]) -> Vec<u8> {
    disparity.iter().flat_map(|&d| turbo(d)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_and_the_middle_are_turbo() {
        // Nodes 32, 128, 160 and 224 of the published 256-entry table.
        for (node, color) in [(32u8, [70, 107, 227]), (128, [164, 252, 60]), (160, [238, 207, 58]), (224, [208, 47, 5])]
        {
            let ours = turbo(f32::from(node) / 255.0);
            for (ours, table) in ours.iter().zip(color) {
                assert!((i32::from(*ours) - table).abs() <= 24, "{node}: {ours:?} {color:?}");
            }
        }
        assert_eq!(turbo(f32::NAN), [0; 3]);
        assert_eq!((turbo(-4.0), turbo(9.0)), (turbo(0.0), turbo(1.0)));
    }

    #[test]
    fn near_is_warm_and_far_is_cold() {
        let colors = preview(&[0.05, 0.95]);
        assert!(colors[2] > colors[0] && colors[3] > colors[5]);
    }
}
