//! A plain map of f32 and the image operations that the metrics are defined with.

/// `w` x `h` values.
#[derive(Clone)]
pub struct Map {
    pub w: usize,
    pub h: usize,
    pub v: Vec<f32>,
}

impl Map {
    pub fn new(w: usize, h: usize, v: Vec<f32>) -> Self {
        assert_eq!(v.len(), w * h);
        Self { w, h, v }
    }

    pub fn map(&self, f: impl Fn(f32) -> f32) -> Self {
        Self { v: self.v.iter().map(|&v| f(v)).collect(), ..*self }
    }

    pub fn zip(&self, other: &Self, f: impl Fn(f32, f32) -> f32) -> Self {
        Self { v: self.v.iter().zip(&other.v).map(|(&a, &b)| f(a, b)).collect(), ..*self }
    }

    /// One axis at a time: every row of the result is a weighted sum of rows; `weights(i)` lists (row, weight).
    fn rows(&self, h: usize, weights: impl Fn(usize) -> Vec<(usize, f64)>) -> Self {
        let mut v = Vec::with_capacity(self.w * h);
        for i in 0..h {
            let mut line = vec![0f64; self.w];
            for (row, weight) in weights(i) {
                for (sum, &value) in line.iter_mut().zip(&self.v[row * self.w..(row + 1) * self.w]) {
                    *sum += weight * f64::from(value);
                }
            }
            v.extend(line.iter().map(|&sum| sum as f32));
        }
        Self { h, v, ..*self }
    }

    fn transposed(&self) -> Self {
        let mut v = Vec::with_capacity(self.v.len());
        for x in 0..self.w {
            v.extend((0..self.h).map(|y| self.v[y * self.w + x]));
        }
        Self { w: self.h, h: self.w, v }
    }

    fn both(&self, w: usize, h: usize, weights: impl Fn(usize, usize, usize) -> Vec<(usize, f64)>) -> Self {
        let down = self.rows(h, |i| weights(i, self.h, h)).transposed();
        down.rows(w, |i| weights(i, self.w, w)).transposed()
    }

    /// Area-weighted mean, as OpenCV's `INTER_AREA` when shrinking.
    pub fn area(&self, w: usize, h: usize) -> Self {
        self.both(w, h, |i, from, to| {
            let unit = from as f64 / to as f64;
            let (begin, end) = (i as f64 * unit, (i + 1) as f64 * unit);
            let overlap = |p: usize| ((p as f64 + 1.0).min(end) - (p as f64).max(begin)) / unit;
            (begin as usize..from.min(end.ceil() as usize)).map(|p| (p, overlap(p))).filter(|(_, w)| *w > 0.0).collect()
        })
    }

    /// Bilinear, half-pixel centers, border repeated.
    pub fn bilinear(&self, w: usize, h: usize) -> Self {
        self.both(w, h, |i, from, to| {
            let at = ((i as f64 + 0.5) * from as f64 / to as f64 - 0.5).clamp(0.0, (from - 1) as f64);
            let lower = at as usize;
            vec![(lower, 1.0 - at.fract()), ((lower + 1).min(from - 1), at.fract())]
        })
    }

    /// Mean of 3x3, border repeated.
    pub fn mean3(&self) -> Self {
        self.both(self.w, self.h, |i, n, _| {
            [i.saturating_sub(1), i, (i + 1).min(n - 1)].map(|p| (p, 1.0 / 3.0)).to_vec()
        })
    }

    /// Mean of `side` x `side`, border mirrored without repeating it.
    pub fn mean(&self, side: usize) -> Self {
        let r = (side / 2) as i64;
        self.both(self.w, self.h, |i, n, _| {
            (-r..=r).map(|o| (mirror(i as i64 + o, n), 1.0 / (2 * r + 1) as f64)).collect()
        })
    }

    /// Gaussian blur, kernel size and border as OpenCV's for f32.
    pub fn gaussian(&self, sigma: f64) -> Self {
        let r = ((sigma * 8.0 + 1.0).round() as i64 | 1) / 2;
        let kernel: Vec<f64> = (-r..=r).map(|o| (-((o * o) as f64) / (2.0 * sigma * sigma)).exp()).collect();
        let sum: f64 = kernel.iter().sum();
        self.both(self.w, self.h, |i, n, _| {
            (-r..=r).zip(&kernel).map(|(o, k)| (mirror(i as i64 + o, n), k / sum)).collect()
        })
    }
}

fn mirror(i: i64, n: usize) -> usize {
    let n = n as i64;
    let i = if i < 0 { -i } else { i };
    (if i >= n { 2 * n - 2 - i } else { i }).clamp(0, n - 1) as usize
}

/// A yes-or-no map.
#[derive(Clone)]
pub struct Mask {
    pub w: usize,
    pub h: usize,
    pub v: Vec<bool>,
}

impl Mask {
    /// Everything within `r` pixels (square) of a true pixel; negative `r` shrinks instead.
    pub fn grow(&self, r: i64) -> Self {
        if r < 0 {
            let inverse = Self { v: self.v.iter().map(|v| !v).collect(), ..*self };
            let grown = inverse.grow(-r);
            return Self { v: grown.v.iter().map(|v| !v).collect(), ..*self };
        }
        let along = |len: usize, at: &dyn Fn(usize) -> bool, set: &mut dyn FnMut(usize)| {
            let mut last = i64::MIN / 2;
            let mut next = 0usize;
            for i in 0..len {
                while next < len && next as i64 <= i as i64 + r {
                    if at(next) {
                        last = next as i64;
                    }
                    next += 1;
                }
                if i as i64 - last <= r {
                    set(i);
                }
            }
        };
        let mut rows = vec![false; self.v.len()];
        for y in 0..self.h {
            along(self.w, &|x| self.v[y * self.w + x], &mut |x| rows[y * self.w + x] = true);
        }
        let mut v = vec![false; self.v.len()];
        for x in 0..self.w {
            along(self.h, &|y| rows[y * self.w + x], &mut |y| v[y * self.w + x] = true);
        }
        Self { v, ..*self }
    }

    pub fn count(&self) -> usize {
        self.v.iter().filter(|v| **v).count()
    }
}
