//! Chunks to channel planes.
//!
//! Chunks are read on the calling thread in batches and decompressed on the pool by the `exr` crate, which sees one chunk at a time: its
//! bytes, the channel list and the rectangle. Offsets, sizes and coordinates are checked here first. The crate asserts where it
//! does not expect hostile bytes; such a panic is caught per chunk and becomes an error of the file, because the data of one
//! chunk is all it could have touched.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};

use exr::compression::Compression;
use exr::math::Vec2;
use exr::meta::attribute::{
    ChannelDescription, IntegerBounds, LevelMode, LineOrder, SampleType as ExrSample, Text, TileDescription,
};
use exr::meta::{BlockDescription, header::Header as ExrHeader};
use rayon::prelude::*;

use super::header::{Channel, Header, Part, Sample, Tiles};
use crate::codec::Pool;

/// All samples of one channel, row after row, in native byte order.
#[derive(Debug)]
pub struct Plane {
    /// Type of the samples.
    pub sample: Sample,
    /// Samples of one row.
    pub width: usize,
    /// The samples.
    pub bytes: Vec<u8>,
}

impl Plane {
    /// Bytes of row `y`; empty outside.
    pub fn row(&self, y: usize) -> &[u8] {
        let stride = self.width * self.sample.bytes();
        self.bytes.get(y * stride..(y + 1) * stride).unwrap_or_default()
    }
}

/// A chunk's rectangle, from the top left pixel of the data window.
#[derive(Debug, Clone, Copy)]
pub struct Block {
    /// First column and row.
    pub at: [usize; 2],
    /// Width and height.
    pub size: [usize; 2],
    /// Tile column and row; row of blocks for scan lines.
    pub index: [usize; 2],
}

/// How the pixels of a part are cut into chunks (full resolution only).
#[derive(Debug, Clone, Copy)]
pub struct Grid {
    /// Picture.
    pub size: [usize; 2],
    /// Chunk.
    pub block: [usize; 2],
}

impl Grid {
    /// The grid of a picture of `size` pixels.
    pub fn new(size: [usize; 2], compression: Compression, tiles: Option<Tiles>) -> Self {
        let block = match tiles {
            Some(tiles) => tiles.size.map(|s| s as usize),
            None => [size[0], compression.scan_lines_per_block()],
        };
        Self { size, block: [block[0].clamp(1, size[0]), block[1].clamp(1, size[1])] }
    }

    /// Number of chunks.
    pub fn len(&self) -> usize {
        self.columns() * self.size[1].div_ceil(self.block[1])
    }

    /// Chunk `i` in increasing order: rows from the top, columns from the left.
    pub fn get(&self, i: usize) -> Block {
        let index = [i % self.columns(), i / self.columns()];
        let at = [index[0] * self.block[0], index[1] * self.block[1]];
        let size = [self.block[0].min(self.size[0] - at[0]), self.block[1].min(self.size[1] - at[1])];
        Block { at, size, index }
    }

    fn columns(&self) -> usize {
        self.size[0].div_ceil(self.block[0])
    }
}

/// The compression of a code, with its name.
pub fn compression(code: u8) -> Option<(Compression, &'static str)> {
    Some(match code {
        0 => (Compression::Uncompressed, "none"),
        1 => (Compression::RLE, "rle"),
        2 => (Compression::ZIP1, "zips"),
        3 => (Compression::ZIP16, "zip"),
        4 => (Compression::PIZ, "piz"),
        5 => (Compression::PXR24, "pxr24"),
        6 => (Compression::B44, "b44"),
        7 => (Compression::B44A, "b44a"),
        8 => (Compression::DWAA(None), "dwaa"),
        9 => (Compression::DWAB(None), "dwab"),
        _ => return None,
    })
}

/// The header the crate's (de)compression functions want: only channels, size, tiles and compression matter to them.
pub fn crate_header(
    channels: &[Channel],
    size: [usize; 2],
    compression: Compression,
    tiles: Option<Tiles>,
) -> ExrHeader {
    let list = channels
        .iter()
        .map(|c| ChannelDescription {
            name: Text::from_slice_unchecked(&c.name),
            sample_type: match c.sample {
                Sample::U32 => ExrSample::U32,
                Sample::F16 => ExrSample::F16,
                Sample::F32 => ExrSample::F32,
            },
            quantize_linearly: c.linear,
            sampling: Vec2(1, 1),
        })
        .collect();
    let blocks = match tiles {
        Some(tiles) => BlockDescription::Tiles(TileDescription {
            tile_size: Vec2(tiles.size[0] as usize, tiles.size[1] as usize),
            level_mode: LevelMode::Singular,
            rounding_mode: exr::math::RoundingMode::Down,
        }),
        None => BlockDescription::ScanLines,
    };
    let order = LineOrder::Increasing;
    ExrHeader::new(Text::from_slice_unchecked(b""), Vec2(size[0], size[1]), list).with_encoding(
        compression,
        blocks,
        order,
    )
}

/// A block's rectangle in the crate's terms; positions fit because EXR windows are 32-bit.
pub fn bounds(block: Block) -> IntegerBounds {
    IntegerBounds::new((block.at[0] as i32, block.at[1] as i32), (block.size[0], block.size[1]))
}

/// Decodes the channels `wanted` (places in the part's list) of one part.
///
/// # Errors
/// A sentence, without the file's name.
pub fn planes(file: &File, header: &Header, index: usize, wanted: &[usize], pool: &Pool) -> Result<Vec<Plane>, String> {
    let part = header.parts.get(index).ok_or("no such part")?;
    let reader = Chunks::new(file, header, index)?;
    let offsets = reader.offsets()?;
    let pixels = reader.grid.size[0] * reader.grid.size[1];
    let mut planes = Vec::new();
    for &w in wanted {
        let sample = part.channels.get(w).ok_or("no such channel")?.sample;
        planes.push(Plane { sample, width: reader.grid.size[0], bytes: zeros(pixels * sample.bytes())? });
    }
    let crate_header = crate_header(&part.channels, reader.grid.size, reader.compression, part.tiles);
    let batch = pool.current_num_threads().max(1) * 2;
    for first in (0..offsets.len()).step_by(batch) {
        let chunks = (first..offsets.len().min(first + batch))
            .map(|i| Ok((reader.grid.get(i), reader.read(i, *offsets.get(i).unwrap_or(&0))?)))
            .collect::<Result<Vec<_>, String>>()?;
        let blocks = pool.install(|| {
            chunks
                .into_par_iter()
                .map(|(block, bytes)| Ok((block, decompress(&crate_header, block, bytes)?)))
                .collect::<Result<Vec<_>, String>>()
        })?;
        for (block, bytes) in blocks {
            scatter(part, wanted, block, &bytes, &mut planes)?;
        }
    }
    Ok(planes)
}

/// Zeros, or a sentence where the machine has not that much memory (`vec!` alone would end the program).
pub fn zeros(len: usize) -> Result<Vec<u8>, String> {
    let probe = Vec::<u8>::new().try_reserve_exact(len);
    probe.map_err(|_| format!("{len} bytes of memory for the decoded picture cannot be had"))?;
    Ok(vec![0; len])
}

fn decompress(header: &ExrHeader, block: Block, bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    let at = block.at;
    let raw = block.size[0] * block.size[1] * header.channels.bytes_per_pixel;
    let is_dwa = matches!(header.compression, Compression::DWAA(_) | Compression::DWAB(_));
    if is_dwa
        && bytes.len() != raw
        && !bytes.is_empty()
        && !dwa_counters_fit(&bytes, block, raw, header.channels.list.len())
    {
        return Err(format!("the chunk at column {}, row {} claims more samples than it has", at[0], at[1]));
    }
    let run = || header.compression.decompress_image_section_from_le(header, bytes, bounds(block), false);
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => Err(format!("the chunk at column {}, row {} cannot be decoded: {error}", at[0], at[1])),
        Err(_) => Err(format!("the chunk at column {}, row {} is damaged", at[0], at[1])),
    }
}

/// A DWA chunk begins with eleven 64-bit counters (OpenEXR, `internal_dwa_compressor.h`, `DataSizesSingle`), from some of which the crate
/// (1.74.2) allocates without a look at the picture: a false one would end the program, not only this file.
fn dwa_counters_fit(bytes: &[u8], block: Block, raw: usize, channels: usize) -> bool {
    let counters: Vec<u64> = bytes.chunks_exact(8).take(11).map(little_endian).collect();
    let Ok([_, unknown, _, _, _, _, rle, rle_raw, ac, dc, _]) = <[u64; 11]>::try_from(counters) else { return false };
    let raw = raw as u64;
    // Cosine blocks of 8x8 samples: one DC each, at most 63 AC and an end mark.
    let blocks = (block.size[0].div_ceil(8) * block.size[1].div_ceil(8) * channels) as u64;
    // Run-length tokens add at most one byte to a run of literals.
    unknown <= raw && rle_raw <= raw && rle <= 2 * raw + 64 && dc <= blocks && ac <= blocks * 64
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte))
}

/// A block holds, row by row, the samples of every channel in turn.
fn scatter(part: &Part, wanted: &[usize], block: Block, bytes: &[u8], planes: &mut [Plane]) -> Result<(), String> {
    let mut rest = bytes;
    for y in block.at[1]..block.at[1] + block.size[1] {
        for (c, channel) in part.channels.iter().enumerate() {
            let len = block.size[0] * channel.sample.bytes();
            let (line, tail) = rest.split_at_checked(len).ok_or("a chunk holds too few samples")?;
            rest = tail;
            if let Some(plane) = wanted.iter().position(|&w| w == c).and_then(|p| planes.get_mut(p)) {
                let start = (y * plane.width + block.at[0]) * channel.sample.bytes();
                if let Some(target) = plane.bytes.get_mut(start..start + len) {
                    target.copy_from_slice(line);
                }
            }
        }
    }
    Ok(())
}

/// Bytes of one pixel over all channels.
pub fn pixel_bytes(channels: &[Channel]) -> usize {
    channels.iter().map(|c| c.sample.bytes()).sum()
}

/// Raw chunks of one part.
struct Chunks<'a> {
    file: &'a File,
    header: &'a Header,
    index: usize,
    part: &'a Part,
    compression: Compression,
    grid: Grid,
}

impl<'a> Chunks<'a> {
    fn new(file: &'a File, header: &'a Header, index: usize) -> Result<Self, String> {
        let part = header.parts.get(index).ok_or("no such part")?;
        let (compression, _) = compression(part.compression).ok_or("unknown compression")?;
        let size = part.data_window.size().map(|s| usize::try_from(s).unwrap_or(0));
        if size.contains(&0) {
            return Err("the data window is empty".into());
        }
        Ok(Self { file, header, index, part, compression, grid: Grid::new(size, compression, part.tiles) })
    }

    /// Offsets of the full-resolution chunks, in increasing order; they come first in the table.
    fn offsets(&self) -> Result<Vec<u64>, String> {
        let mut at = self.header.tables_at;
        for part in self.header.parts.iter().take(self.index) {
            let count = part.chunk_count.ok_or("attribute \"chunkCount\" is missing in a multi-part file")?;
            at = at.checked_add(count.checked_mul(8).ok_or("chunk count too large")?).ok_or("chunk count too large")?;
        }
        let bytes = (self.grid.len() as u64).checked_mul(8).ok_or("chunk count too large")?;
        if at.checked_add(bytes).is_none_or(|end| end > self.header.file_len) {
            return Err("the file is truncated in its chunk table".into());
        }
        let mut table = vec![0; usize::try_from(bytes).map_err(|e| e.to_string())?];
        self.read_at(at, &mut table)?;
        let offsets: Vec<u64> = table.chunks_exact(8).map(little_endian).collect();
        match offsets.iter().position(|&o| o < self.header.tables_at || o >= self.header.file_len) {
            Some(i) => Err(self.place(i, "is missing: the file is truncated, or its writer did not finish")),
            None => Ok(offsets),
        }
    }

    /// Bytes of chunk `i`, as compressed.
    fn read(&self, i: usize, offset: u64) -> Result<Vec<u8>, String> {
        let place = |what| self.place(i, what);
        let mut fields = [0; 24];
        let count = usize::from(self.header.multipart) + if self.part.tiles.is_some() { 5 } else { 2 };
        let fields = fields.get_mut(..count * 4).unwrap_or_default();
        let data_at = offset.saturating_add(fields.len() as u64);
        if data_at > self.header.file_len {
            return Err(place("is cut off: the file is truncated"));
        }
        self.read_at(offset, fields)?;
        let mut fields = super::header::Cursor(fields);
        let block = self.grid.get(i);
        let part = if self.header.multipart { i64::from(fields.i32()?) } else { self.index as i64 };
        let position_fits = if self.part.tiles.is_some() {
            let tile = [fields.i32()?, fields.i32()?, fields.i32()?, fields.i32()?].map(i64::from);
            tile == [block.index[0] as i64, block.index[1] as i64, 0, 0]
        } else {
            i64::from(fields.i32()?) == i64::from(self.part.data_window.min[1]) + block.at[1] as i64
        };
        if part != self.index as i64 || !position_fits {
            return Err(place("is not where the chunk table says"));
        }
        // A chunk that would grow is stored uncompressed, so it is never larger than its samples.
        let largest = block.size[0] * block.size[1] * pixel_bytes(&self.part.channels);
        let size = usize::try_from(fields.i32()?).ok().filter(|&s| s <= largest);
        let size = size.ok_or_else(|| place("claims more bytes than its samples have"))?;
        if data_at.saturating_add(size as u64) > self.header.file_len {
            return Err(place("is cut off: the file is truncated"));
        }
        let mut bytes = vec![0; size];
        self.read_at(data_at, &mut bytes)?;
        Ok(bytes)
    }

    fn place(&self, i: usize, what: &str) -> String {
        format!("chunk {} of {} {what}", i + 1, self.grid.len())
    }

    fn read_at(&self, at: u64, bytes: &mut [u8]) -> Result<(), String> {
        let mut file = self.file;
        let result = file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(bytes));
        result.map_err(|e| format!("cannot be read: {e}"))
    }
}
