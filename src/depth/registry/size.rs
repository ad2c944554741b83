//! The size at which a model is fed, and where the picture lies in it.
//!
//! Models with open sides are run at **one fixed size per class of aspect** ([`ASPECTS`], wide and tall): loading a session costs seconds
//! and memory, and a folder of crops would otherwise need one for each. The picture is stretched to its class, by at most 6 percent
//! up to 2:1 and 10 percent up to 3:1, and the answer comes back with it, so nothing shows. The size of a class follows from the
//! family's own rule, applied to the exact aspect of the class. Classes beyond 2:1 keep the number of pixels of 2:1: the memory of a
//! transformer grows with its square. Panoramas beyond 4:1 are squeezed to 4:1.

use crate::picture::Extent;
use crate::recipe::contract::Fit;

/// Aspects (long, short) at which models with open sides are run, the square first.
pub const ASPECTS: [(u32, u32); 12] =
    [(1, 1), (9, 8), (5, 4), (4, 3), (3, 2), (8, 5), (16, 9), (2, 1), (12, 5), (8, 3), (3, 1), (4, 1)];
/// Aspect from which the number of pixels does not grow any more.
const WIDEST: f64 = 2.0;

/// Which sizes a model may be run at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SizeRule {
    /// One size (width, height) for wide pictures, one for tall ones; the picture is stretched to it.
    Fixed {
        /// For pictures at least as wide as high.
        landscape: (u32, u32),
        /// For pictures higher than wide.
        portrait: (u32, u32),
    },
    /// The aspect of the picture's class, by the rule of the model's family.
    Scaled {
        /// What the picture is fitted to, (width, height) for wide pictures.
        size: (u32, u32),
        /// Both sides are multiples of this, at least 1.
        multiple_of: u32,
        /// [`Fit::LowerBound`], [`Fit::UpperBound`] or [`Fit::Minimal`]; others count as the first.
        fit: Fit,
    },
    /// The whole picture in the middle of one size, with borders of the mean.
    Letterbox {
        /// Size of the input (width, height).
        frame: (u32, u32),
    },
}

impl SizeRule {
    /// The size (width, height) to which a picture is reduced: that of the input, but for a letterbox's borders.
    pub fn size(&self, picture: Extent) -> (u32, u32) {
        match *self {
            Self::Fixed { landscape, portrait } => {
                if picture.height > picture.width {
                    portrait
                } else {
                    landscape
                }
            }
            Self::Scaled { size, multiple_of, fit } => scaled(picture, size, multiple_of.max(1), fit),
            Self::Letterbox { frame } => inside(picture, frame),
        }
    }

    /// The size of the input for a picture reduced to `content`.
    pub fn frame(&self, content: (u32, u32)) -> (u32, u32) {
        match *self {
            Self::Letterbox { frame } => frame,
            _ => content,
        }
    }

    /// Every size there is for this rule, in the order of [`ASPECTS`]; a letterbox has its one frame.
    pub fn all(&self) -> Vec<(u32, u32)> {
        let wide = ASPECTS.map(|(long, short)| Extent { width: long, height: short });
        let tall = ASPECTS.map(|(long, short)| Extent { width: short, height: long });
        let mut sizes = Vec::new();
        for picture in wide.into_iter().chain(tall) {
            let frame = self.frame(self.size(picture));
            if !sizes.contains(&frame) {
                sizes.push(frame);
            }
        }
        sizes
    }
}

/// Columns left of and rows above the picture in a letterbox. An odd border is one larger at the right and below.
pub fn borders(frame: (u32, u32), content: (u32, u32)) -> (u32, u32) {
    (frame.0.saturating_sub(content.0) / 2, frame.1.saturating_sub(content.1) / 2)
}

/// The class of a picture: the nearest of [`ASPECTS`] by ratio. Whole numbers throughout: the same class on every machine.
fn class(long: u32, short: u32) -> (u32, u32) {
    let (long, short) = (u128::from(long.max(1)), u128::from(short.max(1)));
    let mut found = ASPECTS[0];
    for pair in ASPECTS.windows(2) {
        let [(n, d), (next, under)] = [pair[0], pair[1]].map(|(n, d)| (u128::from(n), u128::from(d)));
        // Beyond the geometric mean of two classes the wider one is nearer: (long / short)^2 > n / d * next / under.
        if long * long * d * under > short * short * n * next {
            found = pair[1];
        }
    }
    found
}

fn scaled(picture: Extent, size: (u32, u32), multiple: u32, fit: Fit) -> (u32, u32) {
    let tall = picture.height > picture.width;
    let (long, short) = class(picture.width.max(picture.height), picture.width.min(picture.height));
    let aspect = f64::from(long) / f64::from(short);
    // The size turns with the picture; a panorama is fitted to a smaller one.
    let shrink = if aspect > WIDEST && fit != Fit::UpperBound { (WIDEST / aspect).sqrt() } else { 1.0 };
    let wanted = [f64::from(size.0) * shrink, f64::from(size.1) * shrink];
    let scales = [wanted[0] / f64::from(long), wanted[1] / f64::from(short)];
    let scale = if fit == Fit::UpperBound { scales[0].min(scales[1]) } else { scales[0].max(scales[1]) };
    let side = |pixels: u32, wanted: f64| {
        let cells = f64::from(pixels) * scale / f64::from(multiple);
        let near = cells.round_ties_even();
        let bounded = match fit {
            Fit::UpperBound if near * f64::from(multiple) > wanted => cells.floor(),
            Fit::LowerBound if shrink == 1.0 && near * f64::from(multiple) < wanted => cells.ceil(),
            _ => near,
        };
        (bounded as u32).max(1).saturating_mul(multiple)
    };
    let (width, height) = (side(long, wanted[0]), side(short, wanted[1]));
    if tall { (height, width) } else { (width, height) }
}

/// The largest size of the picture's aspect inside `frame`, rounded to whole pixels.
fn inside(picture: Extent, frame: (u32, u32)) -> (u32, u32) {
    let (w, h) = (f64::from(picture.width.max(1)), f64::from(picture.height.max(1)));
    let scale = (f64::from(frame.0) / w).min(f64::from(frame.1) / h);
    let side = |pixels: f64, most: u32| ((pixels * scale).round_ties_even() as u32).clamp(1, most.max(1));
    (side(w, frame.0), side(h, frame.1))
}

/// The part of an answer that is the picture, at the size to which the picture was reduced: a letterbox's borders are cut off, a
/// smaller or larger answer is resampled, bilinear with half-pixel centers. No value of a border is mixed in.
pub fn content(values: &[f32], answer: (u32, u32), frame: (u32, u32), content: (u32, u32)) -> Vec<f32> {
    let columns = places(answer.0, frame.0, content.0);
    let rows = places(answer.1, frame.1, content.1);
    let at = |x: usize, y: usize| values.get(y * answer.0 as usize + x).copied().unwrap_or(0.0);
    let mix = |from: f32, to: f32, t: f32| from + (to - from) * t;
    let mut out = Vec::with_capacity(columns.len() * rows.len());
    for &(y0, y1, fy) in &rows {
        out.extend(
            columns
                .iter()
                .map(|&(x0, x1, fx)| mix(mix(at(x0, y0), at(x0, y1), fy), mix(at(x1, y0), at(x1, y1), fy), fx)),
        );
    }
    out
}

/// For each of `content` pixels in the middle of `frame` pixels: two pixels of an answer of `answer` pixels and the share of the second.
fn places(answer: u32, frame: u32, content: u32) -> Vec<(usize, usize, f32)> {
    let before = (frame.saturating_sub(content)) / 2;
    let step = answer as f32 / frame.max(1) as f32;
    // Pixels of the answer that lie wholly inside the content, at least one.
    let first = (before as f32 * step).ceil();
    let last = (((before + content) as f32 * step).floor() - 1.0).max(first).min(answer.saturating_sub(1) as f32);
    (0..content)
        .map(|i| {
            let p = ((before as f32 + i as f32 + 0.5) * step - 0.5).clamp(first.min(last), last);
            (p as usize, (p as usize + 1).min(last as usize), p - p.floor())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32) -> Extent {
        Extent { width, height }
    }

    #[test]
    fn families_sizes() {
        // As Resize.get_size of the families' own transforms gives for pictures of exactly these aspects.
        let rule = SizeRule::Scaled { size: (518, 518), multiple_of: 14, fit: Fit::LowerBound };
        for (w, h, expected) in [
            (6000, 4000, (784, 518)),
            (4000, 6000, (518, 784)),
            (640, 480, (686, 518)),
            (1920, 1080, (924, 518)),
            (500, 500, (518, 518)),
            (5000, 4000, (644, 518)),
            (2000, 1000, (1036, 518)),
        ] {
            assert_eq!(rule.size(picture(w, h)), expected, "{w}x{h}");
        }
        let rule = SizeRule::Scaled { size: (256, 256), multiple_of: 32, fit: Fit::UpperBound };
        for (w, h, expected) in
            [(6000, 4000, (256, 160)), (480, 640, (192, 256)), (1920, 1080, (256, 128)), (9, 9, (256, 256))]
        {
            assert_eq!(rule.size(picture(w, h)), expected, "{w}x{h}");
        }
        let rule = SizeRule::Scaled { size: (384, 384), multiple_of: 32, fit: Fit::Minimal };
        for (w, h, expected) in [(6000, 4000, (576, 384)), (4000, 3000, (512, 384)), (1080, 1920, (384, 672))] {
            assert_eq!(rule.size(picture(w, h)), expected, "{w}x{h}");
        }
    }

    #[test]
    fn near_aspects_share_a_class_and_panoramas_stay_small() {
        let rule = SizeRule::Scaled { size: (518, 518), multiple_of: 14, fit: Fit::LowerBound };
        assert_eq!(rule.size(picture(6048, 4024)), rule.size(picture(3000, 2000)));
        let most = 1036 * 518;
        for (w, h) in [(30, 10), (10, 40), (1000, 10), (24, 10), (u32::MAX, 1)] {
            let (width, height) = rule.size(picture(w, h));
            assert!(width % 14 == 0 && height % 14 == 0 && width * height <= most * 21 / 20, "{width}x{height}");
            assert_eq!(width > height, w > h);
        }
        assert_eq!(rule.all().len(), 2 * ASPECTS.len() - 1);
        // What a picture between two classes is stretched by.
        for pair in ASPECTS.windows(2).take_while(|pair| pair[1].0 <= 3 * pair[1].1) {
            let [a, b] = [pair[0], pair[1]].map(|(n, d)| f64::from(n) / f64::from(d));
            assert!((b / a).sqrt() < if b > 2.0 { 1.1 } else { 1.061 }, "{pair:?}");
        }
    }

    #[test]
    fn letterboxes_hold_the_whole_picture() {
        let rule = SizeRule::Letterbox { frame: (256, 192) };
        for (w, h, expected) in
            [(4000, 3000, (256, 192)), (300, 300, (192, 192)), (3000, 1000, (256, 85)), (1, 9999, (1, 192))]
        {
            let size = rule.size(picture(w, h));
            assert_eq!((size, rule.frame(size)), (expected, (256, 192)), "{w}x{h}");
        }
        assert_eq!(borders((256, 192), (256, 85)), (0, 53));
    }

    #[test]
    fn borders_leave_no_trace() {
        // The content is a ramp, everything else would be seen at once.
        for (scale, frame, inner) in [(1, (16u32, 12u32), (16u32, 5u32)), (2, (16, 12), (7, 12)), (1, (9, 9), (4, 3))] {
            let answer = (frame.0 / scale, frame.1 / scale);
            let (left, top) = borders(frame, inner);
            let inside = |v: u32, from: u32, count: u32| v * scale >= from && (v + 1) * scale <= from + count;
            let values: Vec<f32> = (0..answer.0 * answer.1)
                .map(|i| (i % answer.0, i / answer.0))
                .map(|(x, y)| if inside(x, left, inner.0) && inside(y, top, inner.1) { x as f32 } else { 1e6 })
                .collect();
            let map = content(&values, answer, frame, inner);
            assert_eq!(map.len(), (inner.0 * inner.1) as usize);
            assert!(map.iter().all(|&v| v <= answer.0 as f32), "{map:?}");
            assert!(map.windows(2).take(inner.0 as usize - 1).all(|pair| pair[1] >= pair[0]), "{map:?}");
        }
    }
}
