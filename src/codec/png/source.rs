//! Reading rows through the `png` crate, which checks the checksum of every pixel chunk.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::png::{DecodeOptions, Decoder, DecodingError, Reader, Transformations};

use super::{PngExtras, chunks, facts};
use crate::codec::{DEPTH_FACTS, Extras, Limits, Pool, Source};
use crate::error::{Error, Result};
use crate::picture::{Access, Extent, PictureInfo, Region, SampleType, Strip};

/// An opened PNG file.
struct PngSource {
    path: PathBuf,
    limits: Limits,
    info: PictureInfo,
    extras: Arc<PngExtras>,
    /// The decoder once rows are read.
    reader: Option<Reader<BufReader<File>>>,
    /// The row the decoder stands before.
    next_row: u32,
    /// All rows of an interlaced picture, in native byte order.
    whole: Option<Vec<u8>>,
}

/// Opens a PNG file: all chunks but the pixels are read, and the file is known to be complete.
///
/// # Errors
/// `Input` for damage and truncation, `Limit` for a picture beyond `limits`, `Unsupported` (with advice) for PQ, HLG and
/// narrow-range pictures.
pub fn open(path: &Path, limits: &Limits) -> Result<Box<dyn Source>> {
    let input = |e: std::io::Error| Error::input(path, e);
    let file = File::open(path).map_err(input)?;
    let file_len = file.metadata().map_err(input)?.len();
    let (list, left_out) = chunks::read(&file, file_len, limits.metadata_bytes).map_err(|e| Error::input(path, e))?;
    let (mut info, extras) = facts::read(path, &list, limits)?;
    info.warnings.extend(left_out);
    let extras = Arc::new(extras);
    Ok(Box::new(PngSource { path: path.into(), limits: *limits, info, extras, reader: None, next_row: 0, whole: None }))
}

impl PngSource {
    fn fail(&self, error: DecodingError) -> Error {
        match error {
            DecodingError::IoError(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
                Error::input(&self.path, "truncated")
            }
            DecodingError::LimitsExceeded => Error::Limit {
                path: self.path.clone(),
                what: "bytes of the PNG decoder",
                value: self.limits.chunk_bytes.saturating_add(1),
                limit: self.limits.chunk_bytes,
            },
            other => Error::input(&self.path, other),
        }
    }

    /// A decoder that stands before the first row.
    fn start(&self) -> Result<Reader<BufReader<File>>> {
        let file = File::open(&self.path).map_err(|e| Error::input(&self.path, e))?;
        let mut options = DecodeOptions::default();
        // Facts were read by `chunks`; the crate's limits on them would only be in the way.
        options.set_ignore_text_chunk(true);
        options.set_ignore_iccp_chunk(true);
        let mut decoder = Decoder::new_with_options(BufReader::with_capacity(1 << 18, file), options);
        // On top of a row the crate keeps some buffers of its own.
        let bytes = self.limits.chunk_bytes.saturating_mul(2).saturating_add(1 << 20);
        decoder.set_limits(::png::Limits { bytes: usize::try_from(bytes).unwrap_or(usize::MAX) });
        decoder.set_transformations(Transformations::EXPAND);
        let reader = decoder.read_info().map_err(|e| self.fail(e))?;
        let size = reader.info().size();
        let row = reader.output_line_size(size.0);
        let expected = self.info.extent.width as usize * self.info.layout.pixel_bytes();
        let Extent { width, height } = self.info.extent;
        if size == (width, height) && row == Some(expected) {
            Ok(reader)
        } else {
            Err(Error::input(&self.path, "the file changed while it was read, or contradicts itself"))
        }
    }

    /// The next row into `target`, or past it.
    fn row(&mut self, target: Option<&mut [u8]>) -> Result<()> {
        if self.reader.is_none() {
            self.reader = Some(self.start()?);
        }
        let last = self.next_row + 1 == self.info.extent.height;
        let Some(reader) = self.reader.as_mut() else { return Ok(()) };
        let result = match reader.next_row() {
            Ok(Some(row)) => {
                if let Some(target) = target {
                    target.copy_from_slice(row.data().get(..target.len()).unwrap_or_default());
                }
                // The checksum of the last chunk comes after its last row.
                if last { reader.finish() } else { Ok(()) }
            }
            Ok(None) => return Err(Error::input(&self.path, "the pixels end early")),
            Err(e) => Err(e),
        };
        result.map_err(|e| self.fail(e))?;
        self.next_row += 1;
        Ok(())
    }

    /// An interlaced picture, decoded on first use.
    fn whole(&mut self) -> Result<&[u8]> {
        if self.whole.is_none() {
            let mut reader = self.start()?;
            let len =
                reader.output_buffer_size().ok_or_else(|| Error::input(&self.path, "too large for this machine"))?;
            let probe = Vec::<u8>::new().try_reserve_exact(len);
            probe.map_err(|_| Error::Environment(format!("no {len} bytes of memory for {}", self.path.display())))?;
            let mut pixels = vec![0; len];
            reader.next_frame(&mut pixels).map_err(|e| self.fail(e))?;
            reader.finish().map_err(|e| self.fail(e))?;
            to_native(self.info.layout.sample, &mut pixels);
            self.whole = Some(pixels);
        }
        Ok(self.whole.as_deref().unwrap_or_default())
    }
}

impl Source for PngSource {
    fn info(&self) -> &PictureInfo {
        &self.info
    }

    fn read(&mut self, region: Region, strip: &mut Strip, _pool: &Pool) -> Result<()> {
        let extent = self.info.extent;
        let end = u64::from(region.y) + u64::from(region.rows);
        if region.width != extent.width || end > u64::from(extent.height) {
            let text = format!("rows {}..{end} are outside the picture of {extent} pixels", region.y);
            return Err(Error::input(&self.path, text));
        }
        strip.reset(region, self.info.layout);
        let row_bytes = strip.row_bytes();
        if self.info.access == Access::Whole {
            let start = region.y as usize * row_bytes;
            let whole = self.whole()?.get(start..start + strip.byte_len()).unwrap_or_default();
            strip.bytes_mut().copy_from_slice(whole);
            return Ok(());
        }
        if region.y < self.next_row {
            let text = format!("row {} was asked for after row {}; rewind first", region.y, self.next_row);
            return Err(Error::input(&self.path, text));
        }
        while self.next_row < region.y {
            self.row(None)?;
        }
        for row in strip.bytes_mut().chunks_exact_mut(row_bytes) {
            self.row(Some(row))?;
        }
        to_native(self.info.layout.sample, strip.bytes_mut());
        Ok(())
    }

    fn read_depth(&mut self, _region: Region, _depth: &mut [f32], _pool: &Pool) -> Result<()> {
        Err(Error::unsupported(&self.path, "a PNG picture has no depth channel: give its depth as a file of its own"))
    }

    fn rewind(&mut self) -> Result<()> {
        self.reader = None;
        self.next_row = 0;
        Ok(())
    }

    fn resident_bytes(&self, _rows: u32) -> u64 {
        let layout = self.info.layout;
        match self.info.access {
            Access::Whole => self.info.extent.pixels() * layout.pixel_bytes() as u64,
            // Two rows, the window of the decompressor, the read buffer.
            _ => u64::from(self.info.extent.width) * layout.pixel_bytes() as u64 * 2 + (1 << 19),
        }
    }

    fn texts(&self) -> Vec<(String, String)> {
        let plain = self.extras.texts.iter().filter(|chunk| chunk.kind == *b"tEXt");
        let texts = plain.filter_map(|chunk| {
            let (key, value) = chunk.data.split_at_checked(chunk.data.iter().position(|b| *b == 0)?)?;
            // Latin-1 (PNG specification, 11.3.4.3).
            let latin = |bytes: &[u8]| bytes.iter().map(|b| char::from(*b)).collect::<String>();
            Some((latin(key), latin(value.get(1..)?)))
        });
        texts.filter(|(key, _)| key.starts_with(DEPTH_FACTS)).collect()
    }

    fn extras(&self) -> Option<Extras> {
        Some(self.extras.clone())
    }
}

/// 16-bit samples are big-endian in the file.
fn to_native(sample: SampleType, bytes: &mut [u8]) {
    if sample == SampleType::U16 && cfg!(target_endian = "little") {
        for pair in bytes.chunks_exact_mut(2) {
            pair.reverse();
        }
    }
}
