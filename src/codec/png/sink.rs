//! Writing: rows are gathered to blocks of about 1 MiB, each filtered and deflated by one thread of the pool; the calling thread
//! writes those before in order, one `IDAT` chunk each. Where blocks begin follows from the picture's width alone.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::chunks::{Chunk, SIGNATURE, frame};
use super::facts::{XMP_KEYWORD, keyword};
use super::{PngExtras, color, filter, raw_profile};
use crate::codec::{Compression, Pool, Sink, SinkSpec, deflate, exif};
use crate::error::{Error, Result};
use crate::picture::{Alpha, Channels, Policy, Resolution, ResolutionUnit, SampleType, Strip, photoshop};

/// Bytes of rows per block, about. Smaller blocks lose compression at their starts, larger ones memory.
const BLOCK_BYTES: usize = 1 << 20;

/// Most blocks in work at a time; bounds the memory of one output on machines with many cores.
const MAX_BLOCKS: usize = 16;

/// A PNG file being made.
struct PngSink {
    path: PathBuf,
    file: BufWriter<File>,
    spec: SinkSpec,
    row_bytes: usize,
    block_rows: usize,
    /// Rows that are not compressed yet, in native order; before them the last row that is, for the filters.
    rows: Vec<u8>,
    /// Rows that were handed in.
    next_row: u32,
    /// Rows that are compressed.
    done_rows: usize,
    /// Adler-32 of the filtered bytes that are written.
    sum: u32,
    /// Blocks that are not written yet: that is done while the next ones are compressed.
    packed: Vec<Packed>,
}

/// A block of rows on its way into the file.
struct Packed {
    /// The whole `IDAT` chunk.
    chunk: Vec<u8>,
    /// Adler-32 and number of the filtered bytes in it.
    sum: u32,
    len: u64,
}

/// Writes blocks in order.
fn put_packed(file: &mut impl Write, sum: &mut u32, packed: Vec<Packed>) -> std::io::Result<()> {
    for part in packed {
        *sum = deflate::adler32_combine(*sum, part.sum, part.len);
        file.write_all(&part.chunk)?;
    }
    Ok(())
}

/// What the threads of the pool read.
struct Work<'a> {
    /// Rows in native order; the first one is above those in work.
    rows: &'a [u8],
    row_bytes: usize,
    pixel_bytes: usize,
    /// True when the file has the bytes of samples the other way around (16 bit are big-endian).
    swap: bool,
    /// True when nothing is compressed.
    stored: bool,
    /// True when these are the first rows of the picture, which begin the stream.
    begins: bool,
}

impl Work<'_> {
    /// Filters and deflates the rows in `len` bytes from `start`; the `last` ones end the stream.
    fn pack(&self, start: usize, len: usize, last: bool, scratch: &mut Scratch) -> Packed {
        let Scratch { above, row, filters, filtered, encoder } = scratch;
        filtered.clear();
        self.row(start, above);
        for at in (start..start + len).step_by(self.row_bytes) {
            self.row(at + self.row_bytes, row);
            if self.stored {
                filtered.push(0);
                filtered.extend_from_slice(row);
            } else {
                filter::append(row, above, self.pixel_bytes, filters, filtered);
            }
            std::mem::swap(row, above);
        }
        let mut data = if self.begins && start == 0 { deflate::ZLIB_HEADER.to_vec() } else { Vec::new() };
        if self.stored {
            deflate::store(filtered, last, &mut data);
        } else {
            encoder.encode(filtered, last, &mut data);
        }
        Packed { chunk: frame(b"IDAT", &data), sum: deflate::adler32(filtered), len: filtered.len() as u64 }
    }

    /// The row that begins at byte `at`, as the file holds it.
    fn row(&self, at: usize, row: &mut Vec<u8>) {
        row.clear();
        row.extend_from_slice(self.rows.get(at..at + self.row_bytes).unwrap_or_default());
        if self.swap {
            row.as_chunks_mut::<2>().0.iter_mut().for_each(|pair| *pair = [pair[1], pair[0]]);
        }
    }
}

/// Working space of a thread, reused from block to block.
#[derive(Default)]
struct Scratch {
    above: Vec<u8>,
    row: Vec<u8>,
    filters: [Vec<u8>; 3],
    filtered: Vec<u8>,
    encoder: deflate::Encoder,
}

/// Starts a PNG file; `file` is empty and `path` only names it in errors.
///
/// # Errors
/// `Unsupported` for half and float samples or associated alpha (the engine converts before), `Output` for what the system refuses.
pub fn create(file: File, path: &Path, spec: SinkSpec) -> Result<Box<dyn Sink>> {
    if !spec.layout.sample.is_integer() {
        let what = format!("PNG holds 8- or 16-bit samples, not {}: ask for 8 or 16 bits", spec.layout.sample.name());
        return Err(Error::unsupported(path, what));
    }
    if spec.layout.alpha == Alpha::Associated {
        return Err(Error::unsupported(path, "PNG holds unassociated alpha: color must be divided by alpha first"));
    }
    if spec.extent.width > i32::MAX as u32 || spec.extent.height > i32::MAX as u32 {
        return Err(Error::unsupported(path, format!("PNG cannot hold {} pixels", spec.extent)));
    }
    let row_bytes = spec.extent.width as usize * spec.layout.pixel_bytes();
    let mut sink = PngSink {
        path: path.into(),
        file: BufWriter::with_capacity(1 << 18, file),
        row_bytes,
        block_rows: (BLOCK_BYTES / row_bytes.max(1)).max(1),
        rows: vec![0; row_bytes],
        spec,
        next_row: 0,
        done_rows: 0,
        sum: 1,
        packed: Vec::new(),
    };
    let head = sink.head();
    sink.put(&head)?;
    Ok(Box::new(sink))
}

impl Sink for PngSink {
    fn write(&mut self, strip: &Strip, pool: &Pool) -> Result<()> {
        let (region, extent) = (strip.region, self.spec.extent);
        let end = u64::from(region.y) + u64::from(region.rows);
        let fits = region.width == extent.width && region.y == self.next_row && end <= u64::from(extent.height);
        if !fits || strip.layout != self.spec.layout {
            return Err(Error::output(&self.path, format!("rows {} out of order or of another layout", region.y)));
        }
        self.next_row += region.rows;
        let blocks = pool.current_num_threads().clamp(1, MAX_BLOCKS);
        // In portions, so that a high strip needs no second copy of itself.
        for part in strip.bytes().chunks(self.row_bytes * self.block_rows * blocks) {
            self.rows.extend_from_slice(part);
            self.compress(pool)?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>, _pool: &Pool) -> Result<()> {
        if self.next_row != self.spec.extent.height {
            let text = format!("only {} of {} rows were written", self.next_row, self.spec.extent.height);
            return Err(Error::output(&self.path, text));
        }
        let packed = std::mem::take(&mut self.packed);
        put_packed(&mut self.file, &mut self.sum, packed).map_err(|e| Error::output(&self.path, e))?;
        let end = [frame(b"IDAT", &self.sum.to_be_bytes()), frame(b"IEND", &[])].concat();
        self.put(&end)?;
        self.file.flush().map_err(|e| Error::output(&self.path, e))
    }
}

impl PngSink {
    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|e| Error::output(&self.path, e))
    }

    /// Compresses all full blocks; once every row is gathered, the rest too.
    fn compress(&mut self, pool: &Pool) -> Result<()> {
        let block = self.block_rows * self.row_bytes;
        let waiting = self.rows.len() - self.row_bytes;
        let all_gathered = self.done_rows + waiting / self.row_bytes == self.spec.extent.height as usize;
        let ready = if all_gathered { waiting } else { waiting / block * block };
        if ready == 0 {
            return Ok(());
        }
        let starts: Vec<usize> = (0..ready).step_by(block).collect();
        let last_start = starts.last().copied().filter(|_| all_gathered);
        let work = Work {
            rows: &self.rows,
            row_bytes: self.row_bytes,
            pixel_bytes: self.spec.layout.pixel_bytes(),
            swap: self.spec.layout.sample == SampleType::U16 && cfg!(target_endian = "little"),
            stored: self.spec.compression == Compression::None,
            begins: self.done_rows == 0,
        };
        let mut packed = Vec::new();
        let (file, sum, waiting) = (&mut self.file, &mut self.sum, std::mem::take(&mut self.packed));
        let written = pool.in_place_scope(|scope| {
            scope.spawn(|_| {
                let blocks = starts.par_iter().map_init(Scratch::default, |scratch, &start| {
                    work.pack(start, block.min(ready - start), Some(start) == last_start, scratch)
                });
                blocks.collect_into_vec(&mut packed);
            });
            put_packed(file, sum, waiting)
        });
        written.map_err(|e| Error::output(&self.path, e))?;
        self.packed = packed;
        // What stays: the last finished row, and what is not.
        self.rows.drain(..ready);
        self.done_rows += ready / self.row_bytes;
        Ok(())
    }

    /// Signature and every chunk before the pixels.
    fn head(&self) -> Vec<u8> {
        let spec = &self.spec;
        let color_type = match spec.layout.channels {
            Channels::Gray => 0,
            Channels::Rgb => 2,
            Channels::GrayAlpha => 4,
            Channels::Rgba => 6,
        };
        let mut header = [spec.extent.width.to_be_bytes(), spec.extent.height.to_be_bytes()].concat();
        header.extend([spec.layout.sample.bytes() as u8 * 8, color_type, 0, 0, 0]);
        let mut bytes = SIGNATURE.to_vec();
        let mut add = |kind: &[u8; 4], data: &[u8]| bytes.extend(frame(kind, data));
        add(b"IHDR", &header);
        match icc_chunk(spec) {
            Some(data) => add(b"iCCP", &data),
            None => color::chunks(&spec.encoding).iter().for_each(|(kind, data)| add(kind, data)),
        }
        if let Some(data) = spec.metadata.resolution.and_then(physical) {
            add(b"pHYs", &data);
        }
        if let Some(data) = exif::with_orientation(spec.metadata.exif.as_deref(), spec.orientation) {
            add(b"eXIf", &data);
        }
        if let Some(xmp) = &spec.metadata.xmp {
            add(b"iTXt", &[XMP_KEYWORD, &[0, 0, 0, 0, 0], xmp].concat());
        }
        let iptc = photoshop::join(spec.metadata.photoshop.as_deref(), spec.metadata.iptc.as_deref());
        let profile = iptc.and_then(|blob| raw_profile::chunk(raw_profile::IPTC, &blob));
        for chunk in profile.into_iter().chain(texts(spec)) {
            add(&chunk.kind, &chunk.data);
        }
        bytes
    }
}

/// The profile, packed; the name in the chunk is for people only.
fn icc_chunk(spec: &SinkSpec) -> Option<Vec<u8>> {
    let icc = spec.metadata.icc.as_ref()?;
    let mut data = b"ICC profile\0\0".to_vec();
    data.extend(super::deflate::deflate(icc)?);
    Some(data)
}

/// Pixels per meter, or the aspect where the unit is none.
fn physical(resolution: Resolution) -> Option<Vec<u8>> {
    let per_meter = |(numerator, denominator): (u32, u32)| {
        let per_unit = f64::from(numerator) / f64::from(denominator);
        let value = match resolution.unit {
            ResolutionUnit::None => per_unit,
            ResolutionUnit::Centimeter => per_unit * 100.0,
            ResolutionUnit::Inch => per_unit / 0.0254,
        };
        (value.is_finite() && (0.5..=f64::from(i32::MAX)).contains(&value)).then(|| value.round() as u32)
    };
    let mut data = [per_meter(resolution.x)?.to_be_bytes(), per_meter(resolution.y)?.to_be_bytes()].concat();
    data.push(u8::from(resolution.unit != ResolutionUnit::None));
    Some(data)
}

/// Keywords of texts that say who made a picture and whose it is (PNG specification, 11.3.4.2).
const COPYRIGHT: [&[u8]; 2] = [b"Author", b"Copyright"];

/// The caller's texts, and those of the input whose keywords they do not replace, as far as they are wanted.
fn texts(spec: &SinkSpec) -> Vec<Chunk> {
    let mut list: Vec<Chunk> = spec.text.iter().map(|(key, value)| text(key, value)).collect();
    let carried = spec.extras.as_ref().and_then(|e| e.downcast_ref::<PngExtras>());
    for chunk in carried.map(|e| &e.texts[..]).unwrap_or_default() {
        let wanted = match spec.metadata.policy {
            Policy::All => true,
            Policy::Copyright => COPYRIGHT.contains(&keyword(chunk)),
            Policy::None => false,
        };
        if wanted && !list.iter().any(|c| keyword(c) == keyword(chunk)) {
            list.push(chunk.clone());
        }
    }
    list
}

/// `tEXt` where Latin-1 is enough (here: ASCII), else `iTXt`; keywords have 1 to 79 printable characters (11.3.4.2).
fn text(key: &str, value: &str) -> Chunk {
    let key: String = key.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(79).collect();
    let key = if key.trim().is_empty() { "Comment" } else { key.trim() };
    let value = value.replace('\0', " ");
    if value.is_ascii() {
        return Chunk { kind: *b"tEXt", data: [key.as_bytes(), &[0], value.as_bytes()].concat() };
    }
    Chunk { kind: *b"iTXt", data: [key.as_bytes(), &[0, 0, 0, 0, 0], value.as_bytes()].concat() }
}
