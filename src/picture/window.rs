//! Where the pixels of a picture lie in a larger plane, in formats that say so (OpenEXR).

use std::fmt;

use super::Extent;

/// An inclusive pixel rectangle (OpenEXR `box2i`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// First column and row.
    pub min: [i32; 2],
    /// Last column and row.
    pub max: [i32; 2],
}

impl Window {
    /// The window of a picture that begins at the origin.
    pub fn at_origin(extent: Extent) -> Self {
        let last = |v: u32| i32::try_from(v.saturating_sub(1)).unwrap_or(i32::MAX);
        Self { min: [0, 0], max: [last(extent.width), last(extent.height)] }
    }

    /// Width and height; zero or negative for an empty window.
    pub fn size(&self) -> [i64; 2] {
        [0, 1].map(|i| i64::from(self.max[i]) - i64::from(self.min[i]) + 1)
    }

    /// True when it holds exactly as many columns and rows.
    pub fn is_of(&self, extent: Extent) -> bool {
        self.size() == [i64::from(extent.width), i64::from(extent.height)]
    }

    /// First and last edge of this window in `frame`, as shares of the frame: `[left, top, right, bottom]`.
    pub fn shares_of(&self, frame: &Self) -> [f64; 4] {
        let size = frame.size().map(|v| v.max(1) as f64);
        let share = |at: i64, i: usize| (at - i64::from(frame.min[i])) as f64 / size[i];
        let (first, end) = (self.min.map(i64::from), self.max.map(|v| i64::from(v) + 1));
        [share(first[0], 0), share(first[1], 1), share(end[0], 0), share(end[1], 1)]
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}, {}) to ({}, {})", self.min[0], self.min[1], self.max[0], self.max[1])
    }
}

/// What a picture says of its place, and what of its file lies elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Where its pixels are.
    pub data: Window,
    /// What is shown.
    pub display: Window,
    /// Channels of other parts of the file that could be its depth, did they lie where it lies; a default depth channel first.
    pub elsewhere: Vec<Elsewhere>,
}

impl Frame {
    /// Both windows in words.
    pub fn words(&self) -> String {
        format!("data window {} in display window {}", self.data, self.display)
    }
}

/// A depth channel in a part of another data window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// Name to ask for.
    pub name: String,
    /// True for a name that is taken for depth without being asked for.
    pub is_depth: bool,
    /// Its data window.
    pub data: Window,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_shares() {
        let over = Window { min: [-20, -10], max: [379, 289] };
        assert_eq!((over.size(), over.to_string().as_str()), ([400, 300], "(-20, -10) to (379, 289)"));
        let shown = Window::at_origin(Extent { width: 200, height: 100 });
        assert_eq!(over.shares_of(&shown), [-0.1, -0.1, 1.9, 2.9]);
        let widest = Window { min: [i32::MIN; 2], max: [i32::MAX; 2] };
        assert_eq!(widest.size(), [1 << 32; 2]);
        assert_eq!(widest.shares_of(&widest), [0.0, 0.0, 1.0, 1.0]);
    }
}
