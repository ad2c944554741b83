//! Writing: rows are collected, the file is written when the picture is whole.
//!
//! Chunks are compressed in parallel and written in picture order by the calling thread; neither strips nor threads show in the bytes.

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use exr::meta::header::Header as ExrHeader;
use rayon::prelude::*;

use super::compose::{Layout, Origin, layout};
use super::decode::{Block, Grid, Plane, bounds, crate_header, zeros};
use super::extras::ExrExtras;
use crate::codec::{Pool, Sink, SinkSpec};
use crate::error::{Error, Result};
use crate::picture::{Alpha, Strip};

/// An EXR file being made.
struct ExrSink {
    path: PathBuf,
    file: File,
    spec: SinkSpec,
    extras: Option<Arc<ExrExtras>>,
    /// Interleaved rows so far; room for all of them.
    rows: Vec<u8>,
    next_row: u32,
}

/// Prepares an EXR file; `file` is empty and `path` only names it in errors.
///
/// With the extras of an EXR source the output has its windows, attributes and other channels; the source must have been read by
/// the time of [`Sink::finish`]. An output of another size has those attributes that do not count pixels.
///
/// # Errors
/// `Unsupported` for integer samples or unassociated alpha (the engine converts before), `Output` when extras belong to another
/// format.
pub fn create(file: File, path: &Path, spec: SinkSpec) -> Result<Box<dyn Sink>> {
    if spec.layout.sample.is_integer() {
        let what = format!("EXR holds half or float samples, not {}: ask for 16f or 32f", spec.layout.sample.name());
        return Err(Error::unsupported(path, what));
    }
    if spec.layout.alpha == Alpha::Unassociated {
        return Err(Error::unsupported(path, "EXR holds associated alpha: color must be multiplied by alpha first"));
    }
    let extras = match spec.extras.clone() {
        None => None,
        Some(any) => Some(any.downcast::<ExrExtras>().map_err(|_| Error::output(path, "extras of another format"))?),
    };
    let size = [i64::from(spec.extent.width), i64::from(spec.extent.height)];
    let extras = extras.map(|e| if e.data_window.size() == size { e } else { Arc::new(e.resized(spec.extent)) });
    if spec.extent.width >= 1 << 30 || spec.extent.height >= 1 << 30 {
        return Err(Error::unsupported(path, format!("EXR cannot hold {} pixels", spec.extent)));
    }
    let len = spec.extent.pixels().saturating_mul(spec.layout.pixel_bytes() as u64);
    let rows = zeros(usize::try_from(len).unwrap_or(usize::MAX)).map_err(Error::Environment)?;
    Ok(Box::new(ExrSink { path: path.into(), file, spec, extras, rows, next_row: 0 }))
}

impl Sink for ExrSink {
    fn write(&mut self, strip: &Strip, _pool: &Pool) -> Result<()> {
        let region = strip.region;
        let fits = region.width == self.spec.extent.width
            && strip.layout == self.spec.layout
            && region.y == self.next_row
            && u64::from(region.y) + u64::from(region.rows) <= u64::from(self.spec.extent.height);
        let start = self.next_row as usize * strip.row_bytes();
        match self.rows.get_mut(start..start + strip.byte_len()) {
            Some(target) if fits => target.copy_from_slice(strip.bytes()),
            _ => return Err(Error::output(&self.path, format!("rows {} out of order or of another layout", region.y))),
        }
        self.next_row += region.rows;
        Ok(())
    }

    fn finish(self: Box<Self>, pool: &Pool) -> Result<()> {
        let height = self.spec.extent.height;
        if self.next_row != height {
            return Err(Error::output(&self.path, format!("only {} of {height} rows were written", self.next_row)));
        }
        self.save(pool).map_err(|e| Error::output(&self.path, e))
    }
}

impl ExrSink {
    fn save(&self, pool: &Pool) -> std::result::Result<(), String> {
        let text = |e: std::io::Error| e.to_string();
        let layout = layout(&self.spec, self.extras.as_deref());
        let others: &[Plane] = match &self.extras {
            Some(e) if !e.other_channels.is_empty() => e.others.get().ok_or("the source of the extras was not read")?,
            _ => &[],
        };
        let size = [self.spec.extent.width as usize, self.spec.extent.height as usize];
        let grid = Grid::new(size, layout.compression, layout.tiles);
        let header = crate_header(&layout.channels, size, layout.compression, layout.tiles);
        let mut file = BufWriter::with_capacity(1 << 20, &self.file);
        file.write_all(&layout.header).map_err(text)?;
        let mut offsets = vec![0u64; grid.len()];
        file.write_all(bytemuck::cast_slice(&offsets)).map_err(text)?;
        let mut at = layout.header.len() as u64 + grid.len() as u64 * 8;

        let mut order: Vec<usize> = (0..grid.len()).collect();
        if layout.decreasing {
            order.reverse();
        }
        for batch in order.chunks(pool.current_num_threads().max(1) * 4) {
            let chunks = pool.install(|| {
                let chunk = |&i: &usize| Ok((i, self.chunk(&layout, &header, grid.get(i), others)?));
                batch.par_iter().map(chunk).collect::<std::result::Result<Vec<(usize, Vec<u8>)>, String>>()
            })?;
            for (i, bytes) in chunks {
                file.write_all(&bytes).map_err(text)?;
                if let Some(offset) = offsets.get_mut(i) {
                    *offset = at;
                }
                at += bytes.len() as u64;
            }
        }
        let table: Vec<u8> = offsets.iter().flat_map(|o| o.to_le_bytes()).collect();
        file.seek(SeekFrom::Start(layout.header.len() as u64)).map_err(text)?;
        file.write_all(&table).map_err(text)?;
        file.flush().map_err(text)
    }

    /// One chunk as the file holds it: coordinates, size, samples.
    fn chunk(
        &self,
        layout: &Layout,
        header: &ExrHeader,
        block: Block,
        others: &[Plane],
    ) -> std::result::Result<Vec<u8>, String> {
        let samples = self.gather(layout, block, others)?;
        let run = || header.compression.compress_image_section_to_le(header, samples, bounds(block));
        // The crate asserts on what it does not expect; that fails this output, not the batch.
        let data = catch_unwind(AssertUnwindSafe(run)).map_err(|_| "a chunk could not be compressed".to_string())?;
        let data = data.map_err(|e| e.to_string())?;
        let mut fields: Vec<i64> = Vec::with_capacity(5);
        if layout.tiles.is_some() {
            fields.extend([block.index[0] as i64, block.index[1] as i64, 0, 0]);
        } else {
            fields.push(i64::from(layout.top) + block.at[1] as i64);
        }
        fields.push(data.len() as i64);
        let mut chunk = Vec::with_capacity(fields.len() * 4 + data.len());
        for field in fields {
            chunk.extend_from_slice(&i32::try_from(field).map_err(|e| e.to_string())?.to_le_bytes());
        }
        chunk.extend_from_slice(&data);
        Ok(chunk)
    }

    /// The samples of a block, row by row, channel by channel.
    fn gather(&self, layout: &Layout, block: Block, others: &[Plane]) -> std::result::Result<Vec<u8>, String> {
        let width = self.spec.extent.width as usize;
        let pixel = self.spec.layout.pixel_bytes();
        let size = self.spec.layout.sample.bytes();
        let mut samples = Vec::new();
        for y in block.at[1]..block.at[1] + block.size[1] {
            for from in &layout.from {
                match *from {
                    Origin::Strip(c) => {
                        let start = (y * width + block.at[0]) * pixel;
                        let row = self.rows.get(start..start + block.size[0] * pixel).unwrap_or_default();
                        for sample in row.chunks_exact(pixel).filter_map(|p| p.get(c * size..(c + 1) * size)) {
                            samples.extend_from_slice(sample);
                        }
                    }
                    Origin::Other(i) => {
                        let plane = others.get(i).ok_or("a channel of the extras is missing")?;
                        let size = plane.sample.bytes();
                        let row = plane.row(y);
                        let part = row.get(block.at[0] * size..(block.at[0] + block.size[0]) * size);
                        samples.extend_from_slice(part.ok_or("a channel of the extras is too small")?);
                    }
                }
            }
        }
        Ok(samples)
    }
}
