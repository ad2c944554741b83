//! How the work on a strip is cut into bands.
//!
//! Point operations: any run of pixels, beginning at a whole group. Area operations: rows of the result, with the rows of every pass
//! before that they need; such rows are computed again by the neighboring band, so a band has at least as many of its own.

use super::compose::{GROUP_PIXELS, WORKGROUP};
use crate::ops::area::Area;
use crate::picture::Region;
use crate::plan::Program;

/// Bytes of the larger side of a band of point operations. Two bands or more per strip keep both directions of the bus busy.
const BAND_BYTES: u64 = 4 << 20;
/// Bytes that the planes of one pass aim at: some megapixels, for margins to be a small part of them.
const PLANES_BYTES: u64 = 64 << 20;
/// Workgroups per dimension that every device allows (WebGPU, 3.6.2, `maxComputeWorkgroupsPerDimension`).
pub(super) const MAX_WORKGROUPS: u32 = 65_535;

/// A run of pixels of a strip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub first: u64,
    pub pixels: u64,
}

impl Run {
    /// Cuts `pixels` into runs of at most `most` (a multiple of the group).
    fn cut(pixels: u64, most: u64) -> impl Iterator<Item = Self> {
        (0..pixels.div_ceil(most)).map(move |i| Self { first: i * most, pixels: most.min(pixels - i * most) })
    }

    pub fn groups(self) -> u64 {
        self.pixels.div_ceil(u64::from(GROUP_PIXELS))
    }
}

/// `PassParams` of `shaders/kernel.wgsl`, rounded up to 16 bytes as uniforms want it.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct PassParams {
    pub width: u32,
    pub x: u32,
    pub y: u32,
    pub groups: u32,
    pub dither_seed: u32,
    pub from_width: u32,
    pub from_height: u32,
    pub from_first: u32,
    pub from_rows: u32,
    pub from_stride: u32,
    pub unused: [u32; 2],
}

/// What is submitted at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Band {
    /// Pixels of the input that go up.
    pub up: Run,
    /// Pixels of the output that come down.
    pub down: Run,
    /// What each pass is told.
    pub passes: Vec<PassParams>,
}

/// What bounds a band.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Bytes of one buffer.
    pub bytes: u64,
    /// Pixels of the result; at least one group or row is always taken.
    pub pixels: u64,
}

/// Bands of a program without area operations over a strip of `region`.
pub(super) fn points(program: &Program, region: Region, limits: Limits) -> Vec<Band> {
    let pixel = program.input.pixel_bytes().max(program.output.pixel_bytes()).max(size_of::<f32>()) as u64;
    let pixels = (BAND_BYTES.min(limits.bytes) / pixel).min(limits.pixels);
    let group = u64::from(GROUP_PIXELS);
    let most = (pixels / group).clamp(1, u64::from(MAX_WORKGROUPS * WORKGROUP)) * group;
    let width = u64::from(region.width.max(1));
    let band = |run: Run| {
        let params = PassParams {
            width: width as u32,
            x: (run.first % width) as u32,
            y: region.y + (run.first / width) as u32,
            groups: run.groups() as u32,
            dither_seed: program.dither_seed.unwrap_or(0),
            ..PassParams::default()
        };
        Band { up: run, down: run, passes: vec![params] }
    };
    Run::cut(region.pixels() as u64, most).map(band).collect()
}

/// Rows of the result for which one buffer would have to be larger than the device allows, even alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooWide {
    pub row: u32,
    pub bytes: u64,
}

/// A program with area operations: which rows every pass makes for rows of the result, and what they take.
pub(super) struct Windows<'a> {
    program: &'a Program,
    areas: Vec<&'a Area>,
    /// Bytes of a pixel: that goes up, between passes, that comes down.
    pixel_bytes: [u64; 3],
}

impl<'a> Windows<'a> {
    /// `None` for programs of point operations alone.
    pub fn new(program: &'a Program) -> Option<Self> {
        let areas: Vec<&Area> = program.areas().collect();
        if areas.is_empty() {
            return None;
        }
        let up = program.input.pixel_bytes().max(size_of::<f32>()) as u64;
        Some(Self { program, areas, pixel_bytes: [up, plane_bytes(program), program.output.pixel_bytes() as u64] })
    }

    /// Rows that each pass makes, the first pass first, for rows `first..end` of the result.
    fn rows(&self, first: u32, end: u32) -> Vec<(u32, u32)> {
        let mut rows = vec![(first, end)];
        for area in self.areas.iter().rev() {
            rows.extend(rows.last().map(|(first, end)| area.rows(*first, *end)));
        }
        rows.reverse();
        rows
    }

    /// Bytes of the largest buffer for rows `first..end` of the result.
    fn bytes(&self, first: u32, end: u32) -> u64 {
        let [up, plane, down] = self.pixel_bytes;
        let run = |width: u32, rows: (u32, u32)| u64::from(width) * u64::from(rows.1.saturating_sub(rows.0)) + 3;
        let mut rows = (first, end);
        let mut most = self.areas.last().map_or(0, |area| run(area.extent_out.width, rows)) * down;
        for area in self.areas.iter().rev() {
            rows = area.rows(rows.0, rows.1);
            most = most.max(run(area.extent_in.width, rows) * plane.max(up));
        }
        most
    }

    /// True when every row of the result can be computed within `bytes` per buffer.
    pub fn fit(&self, bytes: u64) -> bool {
        let height = self.areas.last().map_or(0, |area| area.extent_out.height);
        (0..height).all(|row| self.bytes(row, row + 1) <= bytes)
    }

    /// Bands of rows `region` of the result, from an input that begins at row `input_y` of the picture.
    pub fn cut(&self, input_y: u32, region: Region, limits: Limits) -> Result<Vec<Band>, TooWide> {
        let most = (limits.pixels / u64::from(region.width.max(1))).clamp(1, u64::from(u32::MAX)) as u32;
        let (mut bands, mut first, end) = (Vec::new(), region.y, region.y + region.rows);
        while first < end {
            let alone = self.bytes(first, first + 1);
            if alone > limits.bytes {
                return Err(TooWide { row: first, bytes: alone });
            }
            let aim = PLANES_BYTES.max(2 * alone).min(limits.bytes);
            let next = self.furthest(first, end.min(first.saturating_add(most)), aim);
            bands.push(self.band(input_y, region, first, next));
            first = next;
        }
        Ok(bands)
    }

    /// The last row up to `end` before which a band from `first` on stays within `bytes`; at least one row is taken.
    fn furthest(&self, first: u32, end: u32, bytes: u64) -> u32 {
        let (mut fits, mut over) = (first + 1, end + 1);
        while over - fits > 1 {
            let middle = fits + (over - fits) / 2;
            if self.bytes(first, middle) <= bytes {
                fits = middle;
            } else {
                over = middle;
            }
        }
        fits
    }

    fn band(&self, input_y: u32, region: Region, first: u32, end: u32) -> Band {
        let rows = self.rows(first, end);
        let run = |width: u32, from: u32, (first, end): (u32, u32)| Run {
            first: u64::from(first.saturating_sub(from)) * u64::from(width),
            pixels: u64::from(end.saturating_sub(first)) * u64::from(width),
        };
        let mut passes: Vec<PassParams> = Vec::with_capacity(rows.len());
        for (i, &made) in rows.iter().enumerate() {
            // Pass i makes what area operation i reads; the last makes the result.
            let read = i.checked_sub(1).and_then(|i| Some((self.areas.get(i)?, rows.get(i)?, passes.get(i)?)));
            let width = self.areas.get(i).map_or(region.width, |area| area.extent_in.width);
            let mut params = PassParams {
                width: width.max(1),
                y: made.0,
                groups: run(width, made.0, made).groups() as u32,
                dither_seed: self.program.dither_seed.unwrap_or(0),
                ..PassParams::default()
            };
            if let Some((area, rows, before)) = read {
                params.from_width = area.extent_in.width;
                params.from_height = area.extent_in.height;
                params.from_first = rows.0;
                params.from_rows = rows.1 - rows.0;
                params.from_stride = before.groups * GROUP_PIXELS;
            }
            passes.push(params);
        }
        let width_in = self.areas.first().map_or(region.width, |area| area.extent_in.width);
        let needed = rows.first().copied().unwrap_or((first, end));
        Band { up: run(width_in, input_y, needed), down: run(region.width, region.y, (first, end)), passes }
    }
}

/// Bytes of a pixel between passes: planes of four floats each, as `shaders/lib/planes.wgsl` stores them.
pub(super) fn plane_bytes(program: &Program) -> u64 {
    16 * if program.carried().kept { 4 } else { 2 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::area::Reach;
    use crate::ops::{Step, Tables, invert};
    use crate::picture::{Alpha, Channels, Extent, PixelLayout, SampleType};

    const RGB: PixelLayout = PixelLayout { sample: SampleType::U16, channels: Channels::Rgb, alpha: Alpha::None };
    const EXTENT: Extent = Extent { width: 10, height: 100 };

    /// Two area operations that read `y` rows up and down each.
    fn program(y: u32) -> Program {
        let area = Area { extent_in: EXTENT, extent_out: EXTENT, reach: Reach::Margin { x: 1, y } };
        let mut step = Step::new::<invert::Spec>(&invert::Constants { white: 1.0 }, 1.0);
        step.area = Some(area);
        Program::of(RGB, RGB, vec![step.clone(), step], Tables::default())
    }

    #[test]
    fn runs_cover_every_pixel_once() {
        let runs: Vec<_> = Run::cut(21, 8).map(|b| (b.first, b.pixels, b.groups())).collect();
        assert_eq!(runs, [(0, 8, 2), (8, 8, 2), (16, 5, 2)]);
        assert_eq!(Run::cut(0, 8).count(), 0);
    }

    #[test]
    fn bands_of_rows_take_what_they_read_along() {
        let program = program(3);
        let windows = Windows::new(&program).unwrap();
        let region = Region { width: 10, y: 20, rows: 8 };
        let bands = windows.cut(10, region, Limits { bytes: u64::MAX, pixels: 50 }).unwrap();
        let runs: Vec<_> = bands.iter().map(|b| (b.up.first, b.up.pixels, b.down.first, b.down.pixels)).collect();
        // Rows 14 to 31 of the picture for rows 20 to 25, in a strip that begins at row 10.
        assert_eq!(runs, [(40, 170, 0, 50), (90, 150, 50, 30)]);
        let [front, middle, last] = bands[0].passes[..] else { panic!("{bands:?}") };
        assert_eq!((front.y, middle.y, last.y), (14, 17, 20));
        assert_eq!((middle.from_first, middle.from_rows, middle.from_stride), (14, 17, 172));
        assert_eq!((last.from_first, last.from_rows, last.from_height), (17, 11, 100));
    }

    #[test]
    fn bands_stay_within_the_limit_down_to_one_row() {
        let program = program(3);
        let windows = Windows::new(&program).unwrap();
        let region = Region { width: 10, y: 0, rows: 100 };
        let one = windows.bytes(50, 51);
        assert_eq!(one, (13 * 10 + 3) * 32);
        for bytes in [one, one + 32 * 10, one * 3] {
            let bands = windows.cut(0, region, Limits { bytes, pixels: u64::MAX }).unwrap();
            assert_eq!(bands.iter().map(|b| b.down.pixels).sum::<u64>(), 1_000);
            assert!(bands.iter().all(|b| b.up.groups() * 4 * 32 <= bytes), "{bands:?}");
            assert!(windows.fit(bytes));
        }
        assert!(!windows.fit(one - 1));
        let refused = windows.cut(0, region, Limits { bytes: one - 1, pixels: u64::MAX });
        assert_eq!(refused, Err(TooWide { row: 6, bytes: one }));
    }
}
