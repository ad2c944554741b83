//! The source: strips of the picture from chunks of the file.
//!
//! The calling thread fetches the bytes of one chunk after the other, and the pool decodes each as soon as they are there: it starts with the
//! first and never waits for files. A group of about [`GROUP_BYTES`] is finished before the next one begins, which bounds the memory used. The chunk row that a strip ends inside of is kept, so that nothing is
//! decoded twice on the way down.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::TiffExtras;
use super::decompress;
use super::header::{Codec, Pixels};
use super::samples::Packing;
use crate::codec::bytes::FileBytes;
use crate::codec::{DEPTH_FACTS, Extras, Limits, Pool, Source};
use crate::error::{Error, Result};
use crate::picture::exif::beyond;
use crate::picture::{Access, PictureInfo, Region, Strip};

/// Decoded bytes of the chunks that are worked on at a time.
const GROUP_BYTES: u64 = 16 << 20;

/// Bytes that a compressed chunk may have beyond three times its samples: frames of small ones. Smaller chunks count as this many.
const SLACK_BYTES: u64 = 4 << 10;

/// Bytes read at a time from uncompressed strips.
const PIECE_BYTES: usize = 8 << 20;

/// An opened TIFF file.
pub(super) struct TiffSource {
    file: FileBytes,
    info: PictureInfo,
    pixels: Pixels,
    limits: Limits,
    extras: Arc<TiffExtras>,
    /// The chunk row that the last strip ended in, decoded.
    kept: Option<(u32, Vec<Decoded>)>,
}

/// A chunk, or some of its rows, as samples in native order.
struct Decoded {
    plane: usize,
    across: u32,
    /// Rows of the chunk that `bytes` holds.
    rows: Range<u32>,
    bytes: Vec<u8>,
}

/// A place in the chunk grid.
#[derive(Clone, Copy)]
struct Place {
    plane: usize,
    down: u32,
    across: u32,
}

impl TiffSource {
    pub(super) fn new(
        file: FileBytes,
        info: PictureInfo,
        pixels: Pixels,
        limits: Limits,
        extras: Arc<TiffExtras>,
    ) -> Self {
        Self { file, info, pixels, limits, extras, kept: None }
    }

    /// Where the rows of a region lie, when they lie behind each other in the file's chunks, in native byte order.
    fn contiguous(&self, region: Region) -> Result<Option<(u64, usize)>> {
        let pixels = &self.pixels;
        let mut found: Option<(u64, usize)> = None;
        for (down, rows) in chunk_rows(pixels, region) {
            let place = Place { plane: 0, down, across: 0 };
            let (offset, length) = uncompressed_range(&self.file, pixels, place, &rows)?;
            found = match found {
                None => Some((offset, length)),
                Some((start, before)) if start + before as u64 == offset => Some((start, before + length)),
                Some(_) => return Ok(None),
            };
        }
        Ok(found.filter(|_| !pixels.order.is_foreign()))
    }

    /// Uncompressed strips with interleaved samples: the bytes are the rows. Of a mapped file they are used where they lie.
    fn read_rows(&self, region: Region, strip: &mut Strip, pool: &Pool) -> Result<()> {
        let pixels = &self.pixels;
        if self.file.is_mapped()
            && let Some((offset, length)) = self.contiguous(region)?
            && let Some(samples) = self.file.lend(offset, length)
            && strip.lend(region, pixels.layout, samples)
        {
            return Ok(());
        }
        let row_bytes = pixels.chunk_row_bytes();
        let mut out = strip.bytes_mut();
        for (down, rows) in chunk_rows(pixels, region) {
            let place = Place { plane: 0, down, across: 0 };
            let (mut offset, _) = uncompressed_range(&self.file, pixels, place, &rows)?;
            let (mut part, rest) = out.split_at_mut(rows.len() * row_bytes);
            out = rest;
            while !part.is_empty() {
                let (piece, rest) = part.split_at_mut(part.len().min(PIECE_BYTES));
                self.file.read(offset, piece)?;
                self.file.release(offset, piece.len());
                offset += piece.len() as u64;
                part = rest;
            }
        }
        if pixels.order.is_foreign() {
            let size = pixels.layout.sample.bytes();
            let rows = strip.bytes_mut();
            pool.install(|| rows.par_chunks_mut(1 << 20).for_each(|part| decompress::swap(part, size, pixels.order)));
        }
        Ok(())
    }

    /// Compressed strips with interleaved samples: whole ones are decoded in place.
    fn read_strips(&mut self, region: Region, strip: &mut Strip, pool: &Pool) -> Result<()> {
        let row_bytes = self.pixels.chunk_row_bytes();
        let mut run: Vec<u32> = Vec::new();
        let run_length = (GROUP_BYTES / self.pixels.chunk_bytes().max(SLACK_BYTES)).max(1) as usize;
        let mut run_start = 0;
        let mut at = 0;
        for (down, rows) in chunk_rows(&self.pixels, region) {
            let length = rows.len() * row_bytes;
            let partial = rows.len() < self.pixels.rows_of(down) as usize;
            let kept = self.kept.as_ref().is_some_and(|(kept, _)| *kept == down);
            if partial || kept {
                self.flush(&mut run, &mut strip.bytes_mut()[run_start..at], pool)?;
                self.read_group(region, strip, down, rows, pool)?;
                run_start = at + length;
            } else {
                if run.is_empty() {
                    run_start = at;
                }
                run.push(down);
            }
            at += length;
            if run.len() == run_length {
                self.flush(&mut run, &mut strip.bytes_mut()[run_start..at], pool)?;
                run_start = at;
            }
        }
        self.flush(&mut run, &mut strip.bytes_mut()[run_start..at], pool)
    }

    /// Decodes the strips of `run` into `out`, which is exactly theirs.
    fn flush(&self, run: &mut Vec<u32>, out: &mut [u8], pool: &Pool) -> Result<()> {
        if run.is_empty() {
            return Ok(());
        }
        let pixels = &self.pixels;
        let place = |down: &u32| Place { plane: 0, down: *down, across: 0 };
        let mut results: Vec<std::result::Result<(), String>> = vec![Ok(()); run.len()];
        let fetched = pool.in_place_scope(|scope| {
            let parts = out.chunks_mut(pixels.chunk_bytes() as usize).zip(&mut results);
            for (down, (part, result)) in run.iter().zip(parts) {
                let raw = fetch(&self.file, pixels, place(down))?;
                scope.spawn(move |_| *result = decompress::decode(pixels, &raw, part));
            }
            Ok(())
        });
        for (down, result) in run.iter().zip(results) {
            result.map_err(|reason| self.damaged(place(down), &reason))?;
            self.release(place(down));
        }
        fetched?;
        run.clear();
        Ok(())
    }

    /// Tiles and planes: one chunk row after the other.
    fn read_grid(&mut self, region: Region, strip: &mut Strip, pool: &Pool) -> Result<()> {
        for (down, rows) in chunk_rows(&self.pixels, region) {
            self.read_group(region, strip, down, rows, pool)?;
        }
        Ok(())
    }

    /// Some rows of one chunk row, through buffers.
    fn read_group(
        &mut self,
        region: Region,
        strip: &mut Strip,
        down: u32,
        rows: Range<u32>,
        pool: &Pool,
    ) -> Result<()> {
        let kept = self.kept.take_if(|(kept, _)| *kept == down);
        let pixels = &self.pixels;
        let existing = pixels.rows_of(down).min(pixels.extent.height - down * pixels.chunk_rows);
        let unfinished = rows.end < existing && pixels.codec != Codec::None;
        let keep = unfinished && pixels.chunk_row_total() <= self.limits.chunk_bytes;
        if let Some((_, chunks)) = kept {
            scatter(pixels, &chunks, region, strip, down, &rows, pool);
            self.kept = keep.then_some((down, chunks));
            return Ok(());
        }
        let places =
            (0..pixels.planes()).flat_map(|plane| (0..pixels.across).map(move |across| Place { plane, down, across }));
        let group_length = (GROUP_BYTES / pixels.chunk_bytes().max(SLACK_BYTES)).max(1) as usize;
        let mut chunks = Vec::new();
        for group in places.collect::<Vec<_>>().chunks(group_length) {
            let decoded = self.decode(group, &rows, pool)?;
            scatter(pixels, &decoded, region, strip, down, &rows, pool);
            if keep {
                chunks.extend(decoded);
            }
        }
        self.kept = keep.then_some((down, chunks));
        Ok(())
    }

    /// Decodes the chunks of a group into buffers: whole, or only `rows` of uncompressed ones.
    fn decode(&self, group: &[Place], rows: &Range<u32>, pool: &Pool) -> Result<Vec<Decoded>> {
        let pixels = &self.pixels;
        let by_rows = pixels.codec == Codec::None;
        let mut results: Vec<std::result::Result<Vec<u8>, String>> = vec![Ok(Vec::new()); group.len()];
        let rows_of = |place: &Place| if by_rows { rows.clone() } else { 0..pixels.rows_of(place.down) };
        let fetched = pool.in_place_scope(|scope| {
            for (place, result) in group.iter().zip(&mut results) {
                let raw = if by_rows {
                    let (offset, length) = uncompressed_range(&self.file, pixels, *place, rows)?;
                    bytes_of(&self.file, offset, length)?
                } else {
                    fetch(&self.file, pixels, *place)?
                };
                let length = rows_of(place).len() * pixels.chunk_row_bytes();
                scope.spawn(move |_| {
                    let mut bytes = vec![0; length];
                    *result = decompress::decode(pixels, &raw, &mut bytes).map(|()| bytes);
                });
            }
            Ok(())
        });
        let mut decoded = Vec::with_capacity(group.len());
        for (place, result) in group.iter().zip(results) {
            let bytes = result.map_err(|reason| self.damaged(*place, &reason))?;
            decoded.push(Decoded { plane: place.plane, across: place.across, rows: rows_of(place), bytes });
            self.release(*place);
        }
        fetched.map(|()| decoded)
    }

    /// Compressed bytes of the largest row of chunks.
    fn most_compressed(&self) -> u64 {
        let pixels = &self.pixels;
        let of_row = |down: u32| {
            let chunks = (0..pixels.planes()).flat_map(|plane| (0..pixels.across).map(move |across| (plane, across)));
            let counts = chunks.filter_map(|(plane, across)| pixels.counts.get(pixels.index(plane, down, across)));
            counts.fold(0, |sum: u64, count| sum.saturating_add(*count))
        };
        (0..pixels.down).map(of_row).max().unwrap_or(0)
    }

    fn damaged(&self, place: Place, reason: &str) -> Error {
        Error::input(self.file.path(), format!("{} {reason}", name(&self.pixels, place)))
    }

    fn release(&self, place: Place) {
        let chunk = self.pixels.index(place.plane, place.down, place.across);
        if let (Some(offset), Some(count)) = (self.pixels.offsets.get(chunk), self.pixels.counts.get(chunk)) {
            self.file.release(*offset, usize::try_from(*count).unwrap_or(usize::MAX));
        }
    }

    fn invert(&self, strip: &mut Strip, pool: &Pool) {
        let pixel = self.pixels.layout.pixel_bytes();
        let color = self.pixels.layout.sample.bytes();
        let bytes = strip.bytes_mut();
        // Inverting all bits of an unsigned integer is its maximum minus itself. Gray is the first sample; alpha stays.
        pool.install(|| {
            bytes.par_chunks_mut(pixel * 65_536).for_each(|part| {
                part.chunks_exact_mut(pixel)
                    .for_each(|pixel| pixel.iter_mut().take(color).for_each(|byte| *byte = !*byte));
            });
        });
    }
}

impl Source for TiffSource {
    fn info(&self) -> &PictureInfo {
        &self.info
    }

    fn read(&mut self, region: Region, strip: &mut Strip, pool: &Pool) -> Result<()> {
        let extent = self.pixels.extent;
        let inside = region.y.checked_add(region.rows).is_some_and(|end| end <= extent.height);
        if region.width != extent.width || region.rows == 0 || !inside {
            let reason = format!("{region:?} is not a strip of a picture of {extent}");
            return Err(Error::input(self.file.path(), reason));
        }
        strip.reset(region, self.pixels.layout);
        // Rows that are unpacked go through buffers like tiles, unless a whole strip is decoded in place.
        let packed = self.pixels.packing != Packing::Whole && self.pixels.codec == Codec::None;
        let result = match (self.pixels.tiled || self.pixels.planar || packed, self.pixels.codec) {
            (true, _) => self.read_grid(region, strip, pool),
            (false, Codec::None) => self.read_rows(region, strip, pool),
            (false, _) => self.read_strips(region, strip, pool),
        };
        // Asked first: damage that another program has just done must not be blamed on the file.
        self.check_intact()?;
        result?;
        if self.pixels.inverted {
            self.invert(strip, pool);
        }
        Ok(())
    }

    fn read_depth(&mut self, _region: Region, _depth: &mut [f32], _pool: &Pool) -> Result<()> {
        Err(Error::unsupported(
            self.file.path(),
            "a TIFF picture has no depth channel: supply the depth as a file of its own",
        ))
    }

    fn rewind(&mut self) -> Result<()> {
        Ok(())
    }

    fn resident_bytes(&self, rows: u32) -> u64 {
        let pixels = &self.pixels;
        let by_rows = pixels.codec == Codec::None;
        if by_rows && !pixels.tiled && !pixels.planar && pixels.packing == Packing::Whole {
            return 0;
        }
        let row = pixels.chunk_row_total();
        // A single chunk is decoded, compressed and kept at once.
        if self.info.access == Access::Whole && pixels.down == 1 && pixels.across == 1 {
            return row.saturating_mul(2);
        }
        // Chunks may be wider than the picture: they count as they are.
        let chunk_rows = u64::from(pixels.chunk_rows.max(1));
        let cuts_chunks = u64::from(rows) % chunk_rows != 0;
        let downs = u64::from(rows).div_ceil(chunk_rows) + u64::from(cuts_chunks);
        let touched = if by_rows { row / chunk_rows * u64::from(rows) } else { row.saturating_mul(downs) };
        let decoded = GROUP_BYTES.max(pixels.chunk_bytes()).min(touched);
        let raw = if by_rows { decoded } else { self.most_compressed().saturating_mul(downs).min(3 * decoded) };
        let kept = if cuts_chunks && !by_rows { row.min(self.limits.chunk_bytes) } else { 0 };
        kept.saturating_add(decoded).saturating_add(raw)
    }

    fn texts(&self) -> Vec<(String, String)> {
        let description = crate::picture::exif::field(&self.info.metadata, "ImageDescription").unwrap_or_default();
        let facts = description.split("; ").filter_map(|fact| fact.split_once(": "));
        let facts = facts.filter(|(key, _)| key.starts_with(DEPTH_FACTS));
        facts.map(|(key, value)| (key.to_owned(), value.trim_end_matches(char::from(0)).to_owned())).collect()
    }

    fn extras(&self) -> Option<Extras> {
        Some(self.extras.clone())
    }

    fn check_intact(&self) -> Result<()> {
        self.file.check_intact()
    }
}

/// The chunk rows that `region` meets, each with the rows of it that are wanted, counted from its own top.
fn chunk_rows(pixels: &Pixels, region: Region) -> impl Iterator<Item = (u32, Range<u32>)> + use<> {
    let (height, end) = (pixels.chunk_rows, region.y + region.rows);
    (region.y / height..=(end - 1) / height).map(move |down| {
        let top = down * height;
        (down, region.y.max(top) - top..(end - top).min(height))
    })
}

/// "strip 7" or "tile 7", for messages.
fn name(pixels: &Pixels, place: Place) -> String {
    let chunk = pixels.index(place.plane, place.down, place.across);
    format!("{} {chunk}:", if pixels.tiled { "tile" } else { "strip" })
}

/// Where a chunk lies, checked against the file.
fn range(file: &FileBytes, pixels: &Pixels, place: Place) -> Result<(u64, u64)> {
    let chunk = pixels.index(place.plane, place.down, place.across);
    let found = pixels.offsets.get(chunk).copied().zip(pixels.counts.get(chunk).copied());
    let damaged = |reason: String| Error::input(file.path(), format!("{} {reason}", name(pixels, place)));
    match found {
        Some((_, 0)) | None => Err(damaged("it is empty; files with holes are not supported".into())),
        Some((offset, count)) if offset.checked_add(count).is_none_or(|end| end > file.length()) => {
            Err(damaged(beyond(offset, count, file.length())))
        }
        Some(found) => Ok(found),
    }
}

/// Where `rows` of an uncompressed chunk lie: offset and bytes.
fn uncompressed_range(file: &FileBytes, pixels: &Pixels, place: Place, rows: &Range<u32>) -> Result<(u64, usize)> {
    let (offset, count) = range(file, pixels, place)?;
    let row_bytes = pixels.stored_row_bytes() as u64;
    let needed = row_bytes * u64::from(pixels.rows_of(place.down));
    if count < needed {
        let reason = format!("{} it has {count} bytes of {needed}", name(pixels, place));
        return Err(Error::input(file.path(), reason));
    }
    Ok((offset + row_bytes * u64::from(rows.start), rows.len() * row_bytes as usize))
}

/// The compressed bytes of a chunk.
fn fetch<'a>(file: &'a FileBytes, pixels: &Pixels, place: Place) -> Result<Cow<'a, [u8]>> {
    let (offset, count) = range(file, pixels, place)?;
    // LZW at its worst takes 9 bits a byte with a CLEAR before each; nothing honest is longer, and what lies behind is not needed.
    let most = pixels.chunk_bytes().saturating_mul(3).saturating_add(SLACK_BYTES);
    bytes_of(file, offset, count.min(most) as usize)
}

/// Bytes of the file: in place when it is mapped, else in a buffer.
fn bytes_of(file: &FileBytes, offset: u64, length: usize) -> Result<Cow<'_, [u8]>> {
    if let Some(mapped) = file.mapped(offset, length) {
        return Ok(Cow::Borrowed(mapped));
    }
    let mut bytes = vec![0; length];
    file.read(offset, &mut bytes)?;
    Ok(Cow::Owned(bytes))
}

/// Copies `rows` of decoded chunks of chunk row `down` to their places in the strip.
fn scatter(
    pixels: &Pixels,
    chunks: &[Decoded],
    region: Region,
    strip: &mut Strip,
    down: u32,
    rows: &Range<u32>,
    pool: &Pool,
) {
    let row_bytes = strip.row_bytes();
    let first = (down * pixels.chunk_rows + rows.start - region.y) as usize;
    let out = &mut strip.bytes_mut()[first * row_bytes..(first + rows.len()) * row_bytes];
    pool.install(|| {
        out.par_chunks_mut(row_bytes).with_min_len(4).enumerate().for_each(|(index, out)| {
            for chunk in chunks {
                let row = (rows.start - chunk.rows.start) as usize + index;
                let bytes = pixels.chunk_row_bytes();
                copy_row(pixels, chunk, &chunk.bytes[row * bytes..(row + 1) * bytes], out);
            }
        });
    });
}

/// Copies one row of a chunk into a row of the picture; what a tile has beyond the right edge is left out.
fn copy_row(pixels: &Pixels, chunk: &Decoded, row: &[u8], out: &mut [u8]) {
    let left = chunk.across as usize * pixels.chunk_width as usize;
    let width = (pixels.chunk_width as usize).min(pixels.extent.width as usize - left);
    let (pixel, sample) = (pixels.layout.pixel_bytes(), pixels.layout.sample.bytes());
    let out = &mut out[left * pixel..(left + width) * pixel];
    if pixels.planar {
        let places = out.chunks_exact_mut(pixel).map(|pixel| &mut pixel[chunk.plane * sample..][..sample]);
        places.zip(row.chunks_exact(sample)).for_each(|(place, sample)| place.copy_from_slice(sample));
    } else {
        out.copy_from_slice(&row[..width * pixel]);
    }
}
