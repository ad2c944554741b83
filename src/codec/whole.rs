//! What formats have in common that can only be read or written whole: the decoded picture is kept by the source, the rows of
//! an output are gathered by the sink.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::bytes::FileBytes;
use super::{Limits, Pool, Sink, SinkSpec, Source};
use crate::error::{Error, Result};
use crate::picture::{Extent, PictureInfo, Region, Strip};

/// How a format makes all samples of its file.
pub(super) trait Decode: Send {
    /// All rows, interleaved, in native byte order: exactly `info.extent` times `info.layout`.
    ///
    /// # Errors
    /// `Input` for damage and truncation, `Environment` when memory is missing.
    fn decode(&mut self, file: &FileBytes, info: &PictureInfo, pool: &Pool) -> Result<Vec<u8>>;

    /// Bytes that decoding needs beside the samples.
    fn working_bytes(&self) -> u64;

    /// What the file says in words: see [`Source::texts`].
    fn texts(&self) -> Vec<(String, String)> {
        Vec::new()
    }
}

/// A picture that is decoded on first use and kept.
pub(super) struct WholeSource<D> {
    file: FileBytes,
    info: PictureInfo,
    decoder: D,
    samples: Option<Vec<u8>>,
}

impl<D: Decode + 'static> WholeSource<D> {
    /// A source of `file`, whose facts are known.
    pub(super) fn boxed(file: FileBytes, info: PictureInfo, decoder: D) -> Box<dyn Source> {
        Box::new(Self { file, info, decoder, samples: None })
    }
}

impl<D: Decode> Source for WholeSource<D> {
    fn info(&self) -> &PictureInfo {
        &self.info
    }

    fn read(&mut self, region: Region, strip: &mut Strip, pool: &Pool) -> Result<()> {
        check_region(self.file.path(), self.info.extent, region)?;
        if self.samples.is_none() {
            let samples = self.decoder.decode(&self.file, &self.info, pool)?;
            let expected = self.info.extent.pixels() * self.info.layout.pixel_bytes() as u64;
            if samples.len() as u64 != expected {
                let text = format!("the decoder gave {} bytes, {expected} are expected", samples.len());
                return Err(Error::input(self.file.path(), text));
            }
            self.samples = Some(samples);
        }
        strip.reset(region, self.info.layout);
        let start = region.y as usize * strip.row_bytes();
        let samples = self.samples.as_deref().unwrap_or_default();
        let rows = samples.get(start..start + strip.byte_len()).unwrap_or_default();
        strip.bytes_mut().copy_from_slice(rows);
        Ok(())
    }

    fn read_depth(&mut self, _region: Region, _depth: &mut [f32], _pool: &Pool) -> Result<()> {
        Err(no_depth(self.file.path(), self.info.format))
    }

    fn rewind(&mut self) -> Result<()> {
        Ok(())
    }

    fn resident_bytes(&self, _rows: u32) -> u64 {
        self.info.extent.pixels() * self.info.layout.pixel_bytes() as u64 + self.decoder.working_bytes()
    }

    fn check_intact(&self) -> Result<()> {
        self.file.check_intact()
    }

    fn texts(&self) -> Vec<(String, String)> {
        self.decoder.texts()
    }
}

/// Refuses rows that the picture does not have.
pub(super) fn check_region(path: &Path, extent: Extent, region: Region) -> Result<()> {
    let end = u64::from(region.y) + u64::from(region.rows);
    if region.width != extent.width || end > u64::from(extent.height) {
        let text = format!("rows {}..{end} are outside the picture of {extent} pixels", region.y);
        return Err(Error::input(path, text));
    }
    Ok(())
}

/// The error of [`Source::read_depth`] for formats without depth channels.
pub(super) fn no_depth(path: &Path, format: &str) -> Error {
    Error::unsupported(path, format!("a {format} picture has no depth channel: give its depth as a file of its own"))
}

/// Refuses a picture of more pixels than the limit, or of none.
pub(super) fn check_extent(path: &Path, extent: Extent, limits: &Limits) -> Result<()> {
    if extent.width == 0 || extent.height == 0 {
        return Err(Error::input(path, format!("a picture of {extent} pixels is not possible")));
    }
    let (value, limit) = (extent.pixels(), limits.pixels);
    if value > limit {
        return Err(Error::Limit { path: path.into(), what: "number of pixels", value, limit });
    }
    Ok(())
}

/// Room for so many bytes, or an error where the machine does not have them.
pub(super) fn room(path: &Path, bytes: u64) -> Result<Vec<u8>> {
    let missing = || Error::Environment(format!("no {bytes} bytes of memory for {}", crate::error::escape(path)));
    let len = usize::try_from(bytes).map_err(|_| missing())?;
    let mut buffer = Vec::new();
    buffer.try_reserve_exact(len).map_err(|_| missing())?;
    Ok(buffer)
}

/// So many zeros, or an error where the machine does not have the memory.
pub(super) fn zeros(path: &Path, bytes: u64) -> Result<Vec<u8>> {
    let mut buffer = room(path, bytes)?;
    buffer.resize(bytes as usize, 0);
    Ok(buffer)
}

/// Makes the bytes of a file of all rows of a picture.
pub(super) type Encode = fn(&SinkSpec, &[u8]) -> std::result::Result<Vec<u8>, String>;

/// A picture whose rows are gathered and encoded at the end.
pub(super) struct WholeSink {
    file: File,
    path: PathBuf,
    spec: SinkSpec,
    rows: Vec<u8>,
    next_row: u32,
    encode: Encode,
}

impl WholeSink {
    /// A sink into the empty `file`; `path` names it in errors.
    ///
    /// # Errors
    /// `Environment` when the picture does not fit the machine's memory.
    pub(super) fn boxed(file: File, path: &Path, spec: SinkSpec, encode: Encode) -> Result<Box<dyn Sink>> {
        let bytes = spec.extent.pixels() * spec.layout.pixel_bytes() as u64;
        let rows = room(path, bytes)?;
        Ok(Box::new(Self { file, path: path.to_owned(), spec, rows, next_row: 0, encode }))
    }
}

impl Sink for WholeSink {
    fn write(&mut self, strip: &Strip, _pool: &Pool) -> Result<()> {
        let (region, extent) = (strip.region, self.spec.extent);
        let end = u64::from(region.y) + u64::from(region.rows);
        let fits = region.width == extent.width && region.y == self.next_row && end <= u64::from(extent.height);
        if !fits || strip.layout != self.spec.layout {
            return Err(Error::output(&self.path, format!("rows {} out of order or of another layout", region.y)));
        }
        self.rows.extend_from_slice(strip.bytes());
        self.next_row += region.rows;
        Ok(())
    }

    fn finish(mut self: Box<Self>, pool: &Pool) -> Result<()> {
        if self.next_row != self.spec.extent.height {
            let text = format!("only {} of {} rows were written", self.next_row, self.spec.extent.height);
            return Err(Error::output(&self.path, text));
        }
        let encoded = pool.install(|| (self.encode)(&self.spec, &self.rows));
        let bytes = encoded.map_err(|reason| Error::output(&self.path, reason))?;
        self.file.write_all(&bytes).map_err(|e| Error::output(&self.path, e))
    }
}
