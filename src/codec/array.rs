//! Depth maps as plain arrays of floats: PFM (<http://www.pauldebevec.com/Research/HDR/PFM/>) and NumPy's NPY 1.0
//! (<https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>), for writing.
//!
//! Both are a short text and then little-endian rows, PFM from the bottom up, NPY from the top down. Every row has its place from the start, so
//! rows are written as they come. Neither has room for facts that all readers would pass over: they go into a file beside it.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{Format, Pool, Sink, SinkSpec};
use crate::error::{Error, Result};
use crate::picture::{Channels, Extent, SampleType, Strip};

/// NPY: the rows begin at a multiple of so many bytes.
const NPY_ALIGN: usize = 64;
/// NPY: signature, version 1.0 and the length of the text.
const NPY_HEAD: usize = 10;

struct ArraySink {
    file: File,
    path: PathBuf,
    spec: SinkSpec,
    bottom_up: bool,
    /// Where the first row of the file begins.
    start: u64,
    next_row: u32,
}

/// Starts a map in the empty `file`; `path` names it in errors.
///
/// # Errors
/// `Unsupported` for anything but one channel of single floats; `Output` for what the system refuses.
pub(super) fn create(format: Format, mut file: File, path: &Path, spec: SinkSpec) -> Result<Box<dyn Sink>> {
    if (spec.layout.sample, spec.layout.channels) != (SampleType::F32, Channels::Gray) {
        let what = format!("{} is written for gray maps of floats only, not {}", format.name(), spec.layout);
        return Err(Error::unsupported(path, what));
    }
    let head = if format == Format::Npy { npy_head(spec.extent) } else { pfm_head(spec.extent) };
    file.write_all(&head).map_err(|e| Error::output(path, e))?;
    let (bottom_up, start) = (format == Format::Pfm, head.len() as u64);
    Ok(Box::new(ArraySink { file, path: path.to_owned(), spec, bottom_up, start, next_row: 0 }))
}

/// A negative scale says that bytes are little-endian; its size means nothing here.
fn pfm_head(extent: Extent) -> Vec<u8> {
    format!("Pf\n{} {}\n-1.0\n", extent.width, extent.height).into_bytes()
}

fn npy_head(extent: Extent) -> Vec<u8> {
    let mut text =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", extent.height, extent.width);
    let length = (NPY_HEAD + text.len() + 1).next_multiple_of(NPY_ALIGN) - NPY_HEAD;
    text.push_str(&" ".repeat(length - text.len() - 1));
    text.push('\n');
    let mut head = b"\x93NUMPY\x01\x00".to_vec();
    // Two numbers of at most ten digits: never near the 65,535 bytes that fit.
    head.extend((length as u16).to_le_bytes());
    head.extend(text.into_bytes());
    head
}

impl Sink for ArraySink {
    fn write(&mut self, strip: &Strip, _pool: &Pool) -> Result<()> {
        let (region, extent) = (strip.region, self.spec.extent);
        let end = u64::from(region.y) + u64::from(region.rows);
        let fits = region.width == extent.width && region.y == self.next_row && end <= u64::from(extent.height);
        if !fits || strip.layout != self.spec.layout {
            return Err(Error::output(&self.path, format!("rows {} out of order or of another layout", region.y)));
        }
        let row = strip.row_bytes();
        let mut bytes = Vec::new();
        if self.bottom_up {
            bytes.reserve_exact(strip.byte_len());
            strip.bytes().chunks_exact(row.max(1)).rev().for_each(|row| bytes.extend_from_slice(row));
        }
        let mut rows = if self.bottom_up { bytes.as_slice() } else { strip.bytes() };
        let swapped: Vec<u8>;
        if cfg!(target_endian = "big") {
            swapped = rows.chunks_exact(4).flat_map(|v| v.iter().rev().copied()).collect();
            rows = &swapped;
        }
        let first = if self.bottom_up { u64::from(extent.height) - end } else { u64::from(region.y) };
        let at = SeekFrom::Start(self.start + first * row as u64);
        let written = self.file.seek(at).and_then(|_| self.file.write_all(rows));
        written.map_err(|e| Error::output(&self.path, e))?;
        self.next_row += region.rows;
        Ok(())
    }

    fn finish(self: Box<Self>, _pool: &Pool) -> Result<()> {
        let height = self.spec.extent.height;
        if self.next_row == height {
            return Ok(());
        }
        Err(Error::output(&self.path, format!("only {} of {height} rows were written", self.next_row)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_an_array_ends_where_rows_may_begin() {
        for extent in [(1, 1), (1920, 1080), (u32::MAX, u32::MAX)].map(|(width, height)| Extent { width, height }) {
            let head = npy_head(extent);
            assert_eq!(head.len() % NPY_ALIGN, 0);
            assert_eq!(head[..8], *b"\x93NUMPY\x01\x00");
            assert_eq!(usize::from(u16::from_le_bytes([head[8], head[9]])) + NPY_HEAD, head.len());
            assert_eq!(head.last(), Some(&b'\n'));
        }
        let text = String::from_utf8(npy_head(Extent { width: 7, height: 5 }).split_off(NPY_HEAD)).unwrap();
        assert!(text.starts_with("{'descr': '<f4', 'fortran_order': False, 'shape': (5, 7), } "), "{text}");
    }
}
