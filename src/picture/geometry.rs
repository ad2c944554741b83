//! Extents and rectangles, in whole pixels.

/// Width and height in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Extent {
    /// Pixels per row, at least 1.
    pub width: u32,
    /// Rows, at least 1.
    pub height: u32,
}

impl Extent {
    /// Number of pixels; cannot overflow.
    pub fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

impl std::fmt::Display for Extent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

/// A full-width run of rows: the unit that moves through the engine ("strip").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// Columns, equal to the picture's width.
    pub width: u32,
    /// First row.
    pub y: u32,
    /// Number of rows.
    pub rows: u32,
}

impl Region {
    /// Number of pixels.
    pub fn pixels(self) -> usize {
        self.width as usize * self.rows as usize
    }

    /// The strips of at most `rows` rows that cover `extent` from top to bottom.
    pub fn strips(extent: Extent, rows: u32) -> impl Iterator<Item = Region> {
        let rows = rows.max(1);
        (0..extent.height.div_ceil(rows)).map(move |i| {
            let y = i * rows;
            Region { width: extent.width, y, rows: rows.min(extent.height - y) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strips_cover_every_row_once() {
        let extent = Extent { width: 5, height: 10 };
        let strips: Vec<_> = Region::strips(extent, 4).map(|s| (s.y, s.rows)).collect();
        assert_eq!(strips, [(0, 4), (4, 4), (8, 2)]);
        assert_eq!(Region::strips(extent, 0).count(), 10);
    }
}
