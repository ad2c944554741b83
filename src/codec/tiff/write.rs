//! The sink: header, strips, then the directory behind them, and last the header's pointer to it.
//!
//! Strips of about 1 MiB are cut from the rows in the same places however the rows arrive, so the bytes of a file depend on the
//! picture alone. Until [`Sink::finish`] the header points nowhere: a file that was cut off cannot be taken for a picture.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::header::Codec;
use super::{TiffExtras, beside, compress, tags};
use crate::codec::{Compression, Pool, Sink, SinkSpec};
use crate::error::{Error, Result};
use crate::picture::exif::{self, Entry, Form, Ifd};
use crate::picture::{Alpha, Strip};

/// Uncompressed bytes of a strip in the file: small enough for parallel work, large enough to compress well.
const STRIP_BYTES: usize = 1 << 20;

/// Strips compressed at a time.
const GROUP: usize = 16;

/// What may be written behind the header of either kind.
pub(super) const DATA_START: u64 = 16;

/// Files that could come within 64 MiB of 4 GiB become BigTIFF.
const CLASSIC_BYTES: u64 = (4 << 30) - (64 << 20);

/// A TIFF file being written.
pub(super) struct TiffSink {
    file: File,
    path: PathBuf,
    spec: SinkSpec,
    codec: Codec,
    big: bool,
    row_bytes: usize,
    rows_per_strip: usize,
    next_row: u32,
    /// Where the first strip lies.
    data_start: u64,
    position: u64,
    /// Offset and bytes of each strip written.
    strips: Vec<(u64, u64)>,
    /// Rows of a strip that is not complete yet (compressed files only).
    pending: Vec<u8>,
    /// Compressed strips that are not written yet.
    packed: Vec<Vec<u8>>,
}

impl TiffSink {
    pub(super) fn new(mut file: File, path: &Path, spec: SinkSpec) -> Result<Self> {
        let codec = codec(&spec);
        let row_bytes = spec.extent.width as usize * spec.layout.pixel_bytes();
        let rows_per_strip = (STRIP_BYTES / row_bytes.max(1)).clamp(1, spec.extent.height as usize);
        let big = largest_size(&spec, codec, rows_per_strip) > CLASSIC_BYTES;
        let head = beside::start(&spec, big).map_err(|reason| Error::output(path, reason))?;
        let start = file.seek(SeekFrom::Start(0)).and_then(|_| file.write_all(&head));
        start.map_err(|error| failed(path, &error))?;
        let data_start = head.len() as u64;
        Ok(Self {
            file,
            path: path.to_owned(),
            spec,
            codec,
            big,
            row_bytes,
            rows_per_strip,
            next_row: 0,
            data_start,
            position: data_start,
            strips: Vec::new(),
            pending: Vec::new(),
            packed: Vec::new(),
        })
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|error| failed(&self.path, &error))?;
        self.position += bytes.len() as u64;
        Ok(())
    }

    /// Rows as they are, little-endian.
    fn put_rows(&mut self, rows: &[u8]) -> Result<()> {
        let size = self.spec.layout.sample.bytes();
        if cfg!(target_endian = "big") && size > 1 {
            let mut swapped = rows.to_vec();
            swapped.chunks_exact_mut(size).for_each(<[u8]>::reverse);
            return self.put(&swapped);
        }
        self.put(rows)
    }

    /// Cuts rows into strips; compresses and writes those that are complete, keeps the rest.
    fn put_compressed(&mut self, rows: &[u8], pool: &Pool) -> Result<()> {
        let strip_bytes = self.rows_per_strip * self.row_bytes;
        let mut pending = std::mem::take(&mut self.pending);
        let missing = if pending.is_empty() { 0 } else { (strip_bytes - pending.len()).min(rows.len()) };
        let (head, rest) = rows.split_at(missing);
        pending.extend_from_slice(head);
        let complete = rest.len() / strip_bytes * strip_bytes;
        let (strips, tail) = rest.split_at(complete);

        let mut parts: Vec<&[u8]> = Vec::with_capacity(1 + complete / strip_bytes);
        if pending.len() == strip_bytes {
            parts.push(&pending);
        }
        parts.extend(strips.chunks_exact(strip_bytes));
        self.put_strips(&parts, pool)?;
        if pending.len() == strip_bytes {
            pending.clear();
        }
        pending.extend_from_slice(tail);
        self.pending = pending;
        Ok(())
    }

    /// Compresses strips on the pool while the calling thread writes those of the call before.
    fn put_strips(&mut self, parts: &[&[u8]], pool: &Pool) -> Result<()> {
        let (codec, layout, row_bytes) = (self.codec, self.spec.layout, self.row_bytes);
        for group in parts.chunks(GROUP) {
            let mut packed = Vec::new();
            pool.in_place_scope(|scope| {
                scope.spawn(|_| {
                    let work = group.par_iter().map_init(compress::Scratch::default, |scratch, rows| {
                        compress::encode(codec, layout, row_bytes, rows, scratch)
                    });
                    work.collect_into_vec(&mut packed);
                });
                self.put_packed()
            })?;
            self.packed = packed;
        }
        Ok(())
    }

    /// Writes the compressed strips that wait.
    fn put_packed(&mut self) -> Result<()> {
        for bytes in std::mem::take(&mut self.packed) {
            self.strips.push((self.position, bytes.len() as u64));
            self.put(&bytes)?;
        }
        Ok(())
    }

    /// Strips of an uncompressed file, which lie behind each other.
    fn uncompressed_strips(&self) -> Vec<(u64, u64)> {
        let height = self.spec.extent.height as usize;
        let strips = (0..height).step_by(self.rows_per_strip).map(|row| {
            let rows = self.rows_per_strip.min(height - row);
            (self.data_start + (row * self.row_bytes) as u64, (rows * self.row_bytes) as u64)
        });
        strips.collect()
    }

    /// The directory with everything in it.
    fn directory(&self) -> std::result::Result<(Ifd, Form), String> {
        let (mut ifd, form) = beside::described(&self.spec, self.big)?;
        let (layout, extent) = (self.spec.layout, self.spec.extent);
        let channels = layout.channels.count() as u16;
        let compression = match self.codec {
            Codec::Lzw => 5,
            Codec::Deflate => 8,
            _ => 1,
        };
        let (offsets, counts): (Vec<u64>, Vec<u64>) = self.strips.iter().copied().unzip();
        ifd.entries.extend([
            Entry::long(tags::IMAGE_WIDTH, &[extent.width]),
            Entry::long(tags::IMAGE_LENGTH, &[extent.height]),
            Entry::short(tags::BITS_PER_SAMPLE, &vec![8 * layout.sample.bytes() as u16; channels.into()]),
            Entry::short(tags::COMPRESSION, &[compression]),
            Entry::short(tags::PHOTOMETRIC, &[if layout.channels.is_color() { 2 } else { 1 }]),
            Entry::long8(tags::STRIP_OFFSETS, &offsets),
            Entry::short(tags::ORIENTATION, &[self.spec.orientation]),
            Entry::short(tags::SAMPLES_PER_PIXEL, &[channels]),
            Entry::long(tags::ROWS_PER_STRIP, &[self.rows_per_strip as u32]),
            Entry::long8(tags::STRIP_BYTE_COUNTS, &counts),
            Entry::short(tags::PLANAR_CONFIGURATION, &[1]),
        ]);
        let integer = layout.sample.is_integer();
        if self.codec != Codec::None {
            ifd.entries.push(Entry::short(tags::PREDICTOR, &[if integer { 2 } else { 3 }]));
        }
        if !integer {
            ifd.entries.push(Entry::short(tags::SAMPLE_FORMAT, &vec![3; channels.into()]));
        }
        match layout.alpha {
            Alpha::None => {}
            Alpha::Associated => ifd.entries.push(Entry::short(tags::EXTRA_SAMPLES, &[1])),
            Alpha::Unassociated => ifd.entries.push(Entry::short(tags::EXTRA_SAMPLES, &[2])),
        }
        Ok((ifd, form))
    }
}

impl Sink for TiffSink {
    fn write(&mut self, strip: &Strip, pool: &Pool) -> Result<()> {
        let (region, extent) = (strip.region, self.spec.extent);
        let fits = region.rows <= extent.height - self.next_row;
        if region.y != self.next_row || region.width != extent.width || !fits || strip.layout != self.spec.layout {
            let (layout, expected) = (strip.layout, self.spec.layout);
            let next = self.next_row;
            let reason =
                format!("{region:?} of {layout} does not follow row {next} of a picture of {extent} {expected}");
            return Err(Error::output(&self.path, reason));
        }
        match self.codec {
            Codec::None => self.put_rows(strip.bytes())?,
            _ => self.put_compressed(strip.bytes(), pool)?,
        }
        self.next_row += region.rows;
        Ok(())
    }

    fn finish(mut self: Box<Self>, pool: &Pool) -> Result<()> {
        let height = self.spec.extent.height;
        if self.next_row != height {
            return Err(Error::output(&self.path, format!("only {} of {height} rows were written", self.next_row)));
        }
        if self.codec == Codec::None {
            self.strips = self.uncompressed_strips();
        } else if !self.pending.is_empty() {
            let pending = std::mem::take(&mut self.pending);
            self.put_strips(&[&pending], pool)?;
        }
        self.put_packed()?;
        let padding = self.position.next_multiple_of(8) - self.position;
        self.put(&[0; 8][..padding as usize])?;
        let at = self.position;
        let directory = self.directory().and_then(|(ifd, form)| exif::layout(&ifd, at, form));
        self.put(&directory.map_err(|reason| Error::output(&self.path, reason))?)?;
        let mut head = Vec::with_capacity(16);
        if self.big {
            head.extend(b"II+\0\x08\0\0\0");
            head.extend(at.to_le_bytes());
        } else {
            let at = u32::try_from(at).map_err(|_| Error::output(&self.path, "the file outgrew 4 GiB"))?;
            head.extend(b"II*\0");
            head.extend(at.to_le_bytes());
        }
        let done = self.file.seek(SeekFrom::Start(0)).and_then(|_| self.file.write_all(&head));
        done.and_then(|()| self.file.flush()).map_err(|error| failed(&self.path, &error))
    }
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::output(path, format!("cannot be written: {error}"))
}

fn codec(spec: &SinkSpec) -> Codec {
    let input = || spec.extras.as_ref().and_then(|extras| extras.downcast_ref::<TiffExtras>()).map(|e| e.compression);
    match spec.compression {
        Compression::Input => match input() {
            Some(Compression::None) => Codec::None,
            Some(Compression::Lzw) => Codec::Lzw,
            _ => Codec::Deflate,
        },
        Compression::None => Codec::None,
        Compression::Lzw => Codec::Lzw,
        Compression::Deflate | Compression::Lossless | Compression::Lossy { .. } => Codec::Deflate,
    }
}

/// The most bytes the file can have; decided before the first strip is compressed.
fn largest_size(spec: &SinkSpec, codec: Codec, rows_per_strip: usize) -> u64 {
    let samples = spec.extent.pixels().saturating_mul(spec.layout.pixel_bytes() as u64);
    let strips = u64::from(spec.extent.height).div_ceil(rows_per_strip as u64);
    let data = match codec {
        // At worst 12 bits for each byte.
        Codec::Lzw => samples.saturating_add(samples / 2),
        _ => samples.saturating_add(samples / 1000),
    };
    let metadata = &spec.metadata;
    let blobs = [&metadata.icc, &metadata.exif, &metadata.xmp, &metadata.iptc, &metadata.photoshop];
    let blobs: u64 = blobs.into_iter().flatten().map(|blob| blob.len() as u64).sum();
    data.saturating_add(blobs).saturating_add(exif::PIN_BYTES).saturating_add(strips.saturating_mul(64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::encodings;
    use crate::picture::{Channels, Extent, Metadata, PixelLayout, SampleType};

    fn is_big(width: u32, height: u32, compression: Compression) -> bool {
        let spec = SinkSpec {
            extent: Extent { width, height },
            layout: PixelLayout { sample: SampleType::U16, channels: Channels::Rgb, alpha: Alpha::None },
            encoding: encodings::srgb(),
            orientation: 1,
            metadata: Metadata::default(),
            compression,
            extras: None,
            gray_name: "Y",
            text: Vec::new(),
        };
        let file = tempfile::tempfile().unwrap();
        TiffSink::new(file, Path::new("a.tif"), spec).unwrap().big
    }

    #[test]
    fn files_that_could_outgrow_4_gib_are_big() {
        // 26 500 squared pixels of 6 bytes are 4.213e9 bytes, 26 400 squared 4.182e9; the bound is 4.228e9.
        for compression in [Compression::None, Compression::Deflate] {
            assert!(!is_big(26_400, 26_400, compression) && is_big(26_600, 26_600, compression));
        }
        assert!(is_big(26_400, 26_400, Compression::Lzw), "LZW can grow by half");
        assert!(!is_big(21_000, 21_000, Compression::Lzw));
    }
}
