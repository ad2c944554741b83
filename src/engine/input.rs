//! Strips of the picture as both phases take them.

use std::time::Instant;

use super::Engine;
use super::profile::{Probe, Stage, Track};
use super::supplied_depth::Beside;
use crate::codec::Source;
use crate::error::Result;
use crate::picture::{PixelLayout, Region, Strip};

/// One strip, with its supplied depth where that is wanted.
pub struct Input {
    /// Samples; nothing where only depth is wanted.
    pub strip: Strip,
    /// One value per pixel, or none at all.
    pub depth: Vec<f32>,
    /// Which rows.
    pub region: Region,
}

/// What is read of every strip.
#[derive(Debug, Clone, Copy)]
pub struct Wants {
    /// Samples.
    pub samples: bool,
    /// Supplied depth.
    pub depth: bool,
}

/// Yields the strips of a picture from top to bottom.
pub struct Feed<'a, I> {
    /// What is read.
    pub source: &'a mut dyn Source,
    /// Layout of its samples.
    pub layout: PixelLayout,
    /// Its strips.
    pub regions: I,
    /// Strips that need no reading.
    pub kept: std::vec::IntoIter<Strip>,
    /// What else is read.
    pub wants: Wants,
    /// Its pool and its flag to stop.
    pub engine: &'a Engine,
    /// How supplied depth is read, when that is wanted.
    pub beside: Option<&'a mut Beside>,
    /// Who reads.
    pub track: Track,
    /// Seconds of work so far.
    pub seconds: f64,
}

impl<I: Iterator<Item = Region>> Feed<'_, I> {
    /// The next strip, in the storage of `buffer` where it suffices; `None` after the last one.
    ///
    /// # Errors
    /// Those of the source; `Cancelled`.
    pub fn next(&mut self, buffer: Option<Input>, probe: &Probe) -> Result<Option<Input>> {
        let Some(region) = self.regions.next() else { return Ok(None) };
        self.engine.cancel.check()?;
        let started = Instant::now();
        let blank =
            || Input { strip: Strip::new(Region { rows: 0, ..region }, self.layout), depth: Vec::new(), region };
        let mut input = Input { region, ..buffer.unwrap_or_else(blank) };
        let pool = &self.engine.pool;
        let mut bytes = 0;
        match self.kept.next() {
            Some(strip) => input.strip = strip,
            None if self.wants.samples => {
                self.source.read(region, &mut input.strip, pool)?;
                bytes += input.strip.byte_len();
            }
            None => {}
        }
        if self.wants.depth {
            if let Some(beside) = &mut self.beside {
                beside.read(self.source, region, &mut input.depth, pool)?;
            }
            bytes += std::mem::size_of_val(input.depth.as_slice());
        }
        if bytes > 0 {
            self.seconds += probe.busy(self.track, Stage::Read, started, region, bytes);
        }
        Ok(Some(input))
    }
}
