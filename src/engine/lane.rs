//! A lane: one program on its way through a picture, from the strips that are read to the files that are written.
//!
//! Point operations take a strip as it comes. Area operations need rows around those they make, so the lane keeps a window of the rows
//! that are still needed and makes every row of the result as soon as its rows are there.

use std::time::Instant;

use super::drive::Work;
use super::exports;
use super::job::DepthExport;
use super::remarks::Clipped;
use crate::codec::Sink;
use crate::error::Result;
use crate::picture::{Extent, Region, Strip};
use crate::plan::Program;

/// One program and the files its result goes to.
pub struct Lane {
    program: Program,
    extent_out: Extent,
    /// Each with the form of depth map it wants; `None` = the strips as they are.
    sinks: Vec<(Option<DepthExport>, Box<dyn Sink>)>,
    window: Window,
    /// Rows of the result that are written.
    done: u32,
    result: Option<Strip>,
    /// Samples at the ends of the code range, as they came and as they are written.
    clipped: (Clipped, Clipped),
    /// The result is a graded picture, no map or mask.
    is_graded: bool,
}

impl Lane {
    /// A lane for a picture of this size.
    pub fn new(program: Program, extent_in: Extent, sinks: Vec<(Option<DepthExport>, Box<dyn Sink>)>) -> Self {
        let extent_out = program.extent_out(extent_in);
        Self {
            program,
            extent_out,
            sinks,
            window: Window::default(),
            done: 0,
            result: None,
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
    pub fn push(&mut self, work: &mut Work, strip: &Strip, depth: Option<&[f32]>) -> Result<()> {
        let depth = depth.filter(|_| self.program.supplied_depth);
        if self.looks() {
            self.clipped.0.add(strip, self.program.output.sample, &work.engine.pool);
        }
        if self.program.areas().next().is_none() {
            return self.render(work, strip, depth, strip.region);
        }
        let mut window = std::mem::take(&mut self.window);
        window.append(strip, depth);
        while let Some(region) = self.next(window.end(), strip.region.rows) {
            work.engine.cancel.check()?;
            if let Some(rows) = &window.strip {
                let depth = self.program.supplied_depth.then_some(window.depth.as_slice());
                self.render(work, rows, depth, region)?;
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

    fn render(&mut self, work: &mut Work, input: &Strip, depth: Option<&[f32]>, region: Region) -> Result<()> {
        let started = Instant::now();
        let mut result = self.result.take().unwrap_or_else(|| Strip::new(region, self.program.output));
        work.executor.run_rows(&self.program, input, depth, region, &mut result)?;
        if self.looks() {
            self.clipped.1.add(&result, self.program.output.sample, &work.engine.pool);
        }
        work.stages.render += started.elapsed().as_secs_f64();
        let started = Instant::now();
        for (form, sink) in &mut self.sinks {
            match form {
                Some(export) => sink.write(&exports::strip(*export, &result), &work.engine.pool)?,
                None => sink.write(&result, &work.engine.pool)?,
            }
        }
        work.stages.write += started.elapsed().as_secs_f64();
        self.done = region.y + region.rows;
        self.result = Some(result);
        Ok(())
    }

    /// True when clipping is counted: in graded pictures, not in copies and maps.
    fn looks(&self) -> bool {
        self.is_graded && !self.program.is_copy()
    }

    /// Ends the files.
    pub fn finish(self, work: &mut Work) -> Result<()> {
        let started = Instant::now();
        let (before, after) = self.clipped;
        for remark in after.remarks(before) {
            // Several outputs of one picture clip alike.
            if !work.warnings.contains(&remark) {
                work.warnings.push(remark);
            }
        }
        for (_, sink) in self.sinks {
            sink.finish(&work.engine.pool)?;
        }
        work.stages.write += started.elapsed().as_secs_f64();
        Ok(())
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
        let held = rows.byte_len();
        let region = Region { rows: rows.region.rows + strip.region.rows, ..rows.region };
        rows.reset(region, strip.layout);
        if let Some(new) = rows.bytes_mut().get_mut(held..) {
            new.copy_from_slice(strip.bytes());
        }
    }

    /// Drops the rows above `first`.
    fn forget(&mut self, first: u32) {
        let Some(rows) = &mut self.strip else { return };
        let gone = first.saturating_sub(rows.region.y).min(rows.region.rows);
        if gone == 0 {
            return;
        }
        let bytes = gone as usize * rows.row_bytes();
        rows.bytes_mut().copy_within(bytes.., 0);
        self.depth.drain(..(gone as usize * rows.region.width as usize).min(self.depth.len()));
        let region = Region { y: rows.region.y + gone, rows: rows.region.rows - gone, ..rows.region };
        rows.reset(region, rows.layout);
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
