//! A lane: one program on its way through a picture, from the strips that are read to those that are written.
//!
//! Point operations take a strip as it comes. Area operations need rows around those they make, so the lane keeps a window of the rows
//! that are still needed and makes every row of the result as soon as its rows are there.

use std::time::Instant;

use super::deliver::Outbox;
use super::drive::Work;
use super::profile::Stage;
use super::remarks::Clipped;
use crate::error::Result;
use crate::picture::{Extent, Region, Strip};
use crate::plan::Program;

/// One program and how far its result is made.
pub struct Lane {
    program: Program,
    extent_out: Extent,
    /// Its number in the outbox.
    number: usize,
    window: Window,
    /// Rows of the result that are made.
    done: u32,
    /// Samples at the ends of the code range, as they came and as they are written.
    clipped: (Clipped, Clipped),
    /// The result is a graded picture, no map or mask.
    is_graded: bool,
}

impl Lane {
    /// Lane `number` of a picture of this size.
    pub fn new(program: Program, extent_in: Extent, number: usize) -> Self {
        let extent_out = program.extent_out(extent_in);
        Self {
            program,
            extent_out,
            number,
            window: Window::default(),
            done: 0,
            clipped: Default::default(),
            is_graded: false,
        }
    }

    /// The same lane, of a graded picture: clipped tones are worth a remark.
    pub fn graded(self) -> Self {
        Self { is_graded: true, ..self }
    }

    /// What it runs.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// True when the lane wants supplied depth beside the strips.
    pub fn wants_depth(&self) -> bool {
        self.program.supplied_depth
    }

    /// Takes the next strip of the picture, with its supplied depth where the program wants it.
    pub fn push(&mut self, work: &mut Work, strip: &Strip, depth: Option<&[f32]>, outbox: &mut Outbox) -> Result<()> {
        let depth = depth.filter(|_| self.program.supplied_depth);
        if self.looks() {
            self.clipped.0.add(strip, self.program.output.sample, &work.engine.pool);
        }
        if self.program.areas().next().is_none() {
            return self.render(work, (strip, depth), strip.region, outbox);
        }
        let mut window = std::mem::take(&mut self.window);
        window.append(strip, depth);
        while let Some(region) = self.next(window.end(), strip.region.rows) {
            work.engine.cancel.check()?;
            if let Some(rows) = &window.strip {
                let depth = self.program.supplied_depth.then_some(window.depth.as_slice());
                self.render(work, (rows, depth), region, outbox)?;
            }
        }
        if self.done < self.extent_out.height {
            window.forget(self.program.rows_needed(self.done, self.done + 1).0);
            self.window = window;
        }
        Ok(())
    }

    /// The next rows that can be made from input rows below `end`, as many as come in at once.
    fn next(&self, end: u32, most: u32) -> Option<Region> {
        let ready = |until: u32| self.program.rows_needed(self.done, until).1 <= end;
        let limit = self.extent_out.height.min(self.done.saturating_add(most.max(1)));
        // Rows come in order, so those that are ready end somewhere in between.
        let (mut low, mut high) = (self.done, limit);
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            if ready(middle) { low = middle } else { high = middle - 1 }
        }
        (low > self.done).then(|| Region { width: self.extent_out.width, y: self.done, rows: low - self.done })
    }

    fn render(
        &mut self,
        work: &mut Work,
        (input, depth): (&Strip, Option<&[f32]>),
        region: Region,
        outbox: &mut Outbox,
    ) -> Result<()> {
        let mut result = outbox.take(self.number, region, self.program.output)?;
        let started = Instant::now();
        work.executor.run_rows(&self.program, input, depth, region, &mut result)?;
        if self.looks() {
            self.clipped.1.add(&result, self.program.output.sample, &work.engine.pool);
        }
        let probe = &work.probe;
        work.stages.render += probe.busy(probe.driver(), Stage::Render, started, region, result.byte_len());
        self.done = region.y + region.rows;
        outbox.put(self.number, result)
    }

    /// True when clipping is counted: in graded pictures, not in copies and maps.
    fn looks(&self) -> bool {
        self.is_graded && !self.program.is_copy()
    }

    /// Says what is worth telling of the whole result.
    pub fn remark(&self, work: &mut Work) {
        let (before, after) = self.clipped;
        for remark in after.remarks(before) {
            // Several outputs of one picture clip alike.
            if !work.warnings.contains(&remark) {
                work.warnings.push(remark);
            }
        }
    }
}

/// Rows of the picture that are still needed.
#[derive(Default)]
struct Window {
    strip: Option<Strip>,
    depth: Vec<f32>,
}

impl Window {
    /// One past the last row.
    fn end(&self) -> u32 {
        self.strip.as_ref().map_or(0, |strip| strip.region.y + strip.region.rows)
    }

    fn append(&mut self, strip: &Strip, depth: Option<&[f32]>) {
        self.depth.extend_from_slice(depth.unwrap_or(&[]));
        let Some(rows) = &mut self.strip else {
            self.strip = Some(strip.clone());
            return;
        };
        rows.append(strip);
    }

    /// Drops the rows above `first`.
    fn forget(&mut self, first: u32) {
        let Some(rows) = &mut self.strip else { return };
        let gone = first.saturating_sub(rows.region.y).min(rows.region.rows);
        if gone == 0 {
            return;
        }
        self.depth.drain(..(gone as usize * rows.region.width as usize).min(self.depth.len()));
        rows.drop_rows(gone);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Alpha, Channels, PixelLayout, SampleType};

    fn strip(y: u32, rows: u32) -> Strip {
        let layout = PixelLayout { sample: SampleType::U8, channels: Channels::Rgb, alpha: Alpha::None };
        let mut strip = Strip::new(Region { width: 3, y, rows }, layout);
        strip.bytes_mut().chunks_exact_mut(9).zip(y..).for_each(|(row, y)| row.fill(y as u8));
        strip
    }

    #[test]
    fn windows_keep_what_is_needed() {
        let mut window = Window::default();
        window.append(&strip(0, 4), Some(&[0.0; 12]));
        window.append(&strip(4, 3), Some(&[1.0; 9]));
        window.forget(5);
        window.forget(2);
        window.append(&strip(7, 1), Some(&[2.0; 3]));
        let rows = window.strip.as_ref().unwrap();
        assert_eq!((rows.region.y, rows.region.rows, window.end()), (5, 3, 8));
        assert_eq!(rows.bytes().chunks_exact(9).map(|row| row[0]).collect::<Vec<_>>(), [5, 6, 7]);
        assert_eq!(window.depth, [[1.0; 6].as_slice(), &[2.0; 3]].concat());
    }
}
