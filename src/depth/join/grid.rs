//! Small maps and the few neighborhood operations the fit needs. Borders are repeated; sums run in a fixed order.

/// A map of `width` x `height` values, row by row.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::depth) struct Grid {
    pub width: usize,
    pub height: usize,
    pub values: Vec<f32>,
}

impl Grid {
    /// Copies `values`, cut or filled with zeros to the size.
    pub fn new(width: usize, height: usize, values: &[f32]) -> Self {
        let mut values = values.to_vec();
        values.resize(width * height, 0.0);
        Self { width, height, values }
    }

    pub fn map(&self, f: impl Fn(f32) -> f32) -> Self {
        Self { values: self.values.iter().map(|&v| f(v)).collect(), ..*self }
    }

    pub fn zip(&self, other: &Self, f: impl Fn(f32, f32) -> f32) -> Self {
        Self { values: self.values.iter().zip(&other.values).map(|(&a, &b)| f(a, b)).collect(), ..*self }
    }

    /// Mean over (2 radius + 1)^2 neighbors.
    pub fn mean(&self, radius: usize) -> Self {
        let count = ((2 * radius + 1) * (2 * radius + 1)) as f32;
        self.fold(radius, |a, b| a + b).map(|sum| sum / count)
    }

    pub fn min3(&self) -> Self {
        self.fold(1, f32::min)
    }

    pub fn max3(&self) -> Self {
        self.fold(1, f32::max)
    }

    /// Largest of (2 radius + 1)^2 neighbors.
    pub fn dilate(&self, radius: usize) -> Self {
        self.fold(radius, f32::max)
    }

    /// Folds the square neighborhood, along rows and then along columns, left to right and top to bottom.
    fn fold(&self, radius: usize, f: impl Fn(f32, f32) -> f32) -> Self {
        let (w, h) = (self.width, self.height);
        if w == 0 || h == 0 {
            return self.clone();
        }
        let mut rows = Vec::with_capacity(w * h);
        let mut padded = vec![0.0; w + 2 * radius];
        for row in self.values.chunks_exact(w) {
            padded[radius..radius + w].copy_from_slice(row);
            padded[..radius].fill(row[0]);
            padded[radius + w..].fill(row[w - 1]);
            let start = rows.len();
            rows.extend_from_slice(&padded[..w]);
            for i in 1..=2 * radius {
                for (acc, &v) in rows[start..].iter_mut().zip(&padded[i..]) {
                    *acc = f(*acc, v);
                }
            }
        }
        let mut values = Vec::with_capacity(w * h);
        for y in 0..h {
            let line = |i: usize| {
                let from = (y + i).saturating_sub(radius).min(h - 1) * w;
                &rows[from..from + w]
            };
            let start = values.len();
            values.extend_from_slice(line(0));
            for i in 1..=2 * radius {
                for (acc, &v) in values[start..].iter_mut().zip(line(i)) {
                    *acc = f(*acc, v);
                }
            }
        }
        Self { values, ..*self }
    }

    /// Largest absolute second difference over the four directions: 0 on a plane.
    pub fn bend(&self) -> Self {
        let (w, h) = (self.width, self.height);
        let at = |x: usize, y: usize| self.values[y * w + x];
        let mut values = Vec::with_capacity(w * h);
        for y in 0..h {
            let (up, down) = (y.saturating_sub(1), (y + 1).min(h - 1));
            for x in 0..w {
                let (left, right) = (x.saturating_sub(1), (x + 1).min(w - 1));
                let twice = 2.0 * at(x, y);
                let across = |a: f32, b: f32| (a + b - twice).abs();
                values.push(
                    across(at(left, y), at(right, y))
                        .max(across(at(x, up), at(x, down)))
                        .max(across(at(left, up), at(right, down)))
                        .max(across(at(right, up), at(left, down))),
                );
            }
        }
        Self { values, ..*self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_repeats_the_border() {
        let grid = Grid::new(3, 1, &[0.0, 3.0, 9.0]);
        assert_eq!(grid.mean(1).values, [1.0, 4.0, 7.0]);
        assert_eq!(grid.dilate(1).values, [3.0, 9.0, 9.0]);
        assert_eq!(grid.min3().values, [0.0, 0.0, 3.0]);
    }

    #[test]
    fn a_plane_does_not_bend() {
        let values: Vec<f32> = (0..20).map(|i| (i % 5) as f32 * 0.25 + (i / 5) as f32 * 0.5).collect();
        let bend = Grid::new(5, 4, &values).bend();
        // The border repeats itself, so only the inside is a plane.
        assert!([6, 7, 8, 11, 12, 13].iter().all(|&i| bend.values[i] == 0.0), "{bend:?}");
    }
}
