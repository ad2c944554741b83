//! Windows of EXR files: whether a map's pixels are those of the picture, and depth of the picture that lies elsewhere than it does.
//!
//! A data window says which pixels of a plane a file holds. Two files can have as many pixels and yet not the same ones, so that a map would lie
//! on the wrong places without a word.

use crate::picture::{Frame, PictureInfo};

/// What to do about a map that lies elsewhere.
const ADVICE: &str = "give the map the picture's data window and cut, or, where its pixels are the picture's all the same, write it to a file without \
                      windows (PFM, NPY, TIFF)";

/// Why the map cannot be laid on the picture: its windows say that it holds other pixels. `None` where they are the same ones, or where the
/// windows do not say.
pub fn mismatch(map: &PictureInfo, picture: &PictureInfo) -> Option<String> {
    let of_map = map.metadata.frame.as_ref()?;
    let Some(of_picture) = &picture.metadata.frame else {
        // Only a map that is part of a frame of the picture's size says where in the picture it lies.
        let is_cut = of_map.display.is_of(picture.extent) && of_map.data.size() != of_map.display.size();
        let what = format!("it holds a part of the picture only, {}", of_map.words());
        return is_cut.then(|| format!("{what}, the picture has all {} pixels; {ADVICE}", picture.extent));
    };
    if !differ(of_map, of_picture) {
        return None;
    }
    let (map, picture) = (of_map.words(), of_picture.words());
    Some(format!("it does not lie where the picture lies: it has {map}, the picture has {picture}; {ADVICE}"))
}

fn differ(map: &Frame, picture: &Frame) -> bool {
    if map.data == picture.data {
        return false;
    }
    let same_pixels = map.data.size() == picture.data.size() || map.display.size() == picture.display.size();
    if same_pixels {
        return true;
    }
    // A file that fills its own frame says nothing of a place in a larger one.
    if map.data == map.display {
        return false;
    }
    // One pixel of the coarser file: windows of other sizes are rounded.
    let coarse = [0, 1].map(|i| map.display.size()[i].min(picture.display.size()[i]).max(1) as f64);
    let (of_map, of_picture) = (map.data.shares_of(&map.display), picture.data.shares_of(&picture.display));
    let apart = of_map.iter().zip(of_picture).zip(coarse.into_iter().cycle());
    apart.into_iter().any(|((a, b), size)| (a - b).abs() * size > 1.0)
}

/// The depth that `auto` would take if it lay where the picture lies.
pub fn left_out(info: &PictureInfo) -> Option<String> {
    let frame = info.metadata.frame.as_ref().filter(|_| info.depth_channel.is_none())?;
    let found = frame.elsewhere.iter().find(|found| found.is_depth)?;
    let (name, there, here) = (&found.name, found.data, frame.data);
    Some(format!(
        "its depth channel {name:?} has another data window, {there}, than the picture, {here}: it is not used and depth is estimated \
         (depth.source = \"exr:{name}\" fails such a picture)"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Window;

    fn frame(data: [i32; 4], display: [i32; 4]) -> Frame {
        let window = |[a, b, c, d]: [i32; 4]| Window { min: [a, b], max: [c, d] };
        Frame { data: window(data), display: window(display), elsewhere: Vec::new() }
    }

    #[test]
    fn the_same_pixels_or_not() {
        let full = frame([0, 0, 399, 299], [0, 0, 399, 299]);
        let over = frame([-20, -10, 379, 289], [0, 0, 359, 279]);
        assert!(!differ(&full, &full) && !differ(&over, &over));
        // As many pixels, but others.
        assert!(differ(&full, &over) && differ(&over, &full));
        // Parts of the frame: of another aspect, and of the same.
        assert!(differ(&frame([20, 10, 379, 289], [0, 0, 399, 299]), &full));
        assert!(differ(&frame([100, 75, 299, 224], [0, 0, 399, 299]), &full));
        // Half as large, of the whole frame or of the same part of it, to a pixel.
        assert!(!differ(&frame([0, 0, 199, 149], [0, 0, 199, 149]), &full));
        assert!(!differ(&frame([-10, -5, 189, 144], [0, 0, 179, 139]), &over));
        assert!(differ(&frame([0, 0, 199, 149], [0, 0, 179, 139]), &over));
    }
}
