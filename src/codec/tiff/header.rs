//! What the first directory says about the pixels: layout, compression, and where each chunk lies.
//!
//! Everything is checked here, so that the reader can compute with the results: extents are positive and within the limits, chunk
//! tables have an entry for every chunk, sizes fit `usize`.

use std::path::Path;

use super::samples::{self, Packing, Samples};
use super::tags;
use crate::codec::Limits;
use crate::codec::bytes::FileBytes;
use crate::error::{Error, Result};
use crate::picture::exif::{Directory, Entry, Header, Order};
use crate::picture::{ColorModel, Extent, PixelLayout, SampleType};

/// How chunks are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    /// Compression 1.
    None,
    /// Compression 5.
    Lzw,
    /// Compression 8 (Adobe) and 32946 (older number for the same).
    Deflate,
    /// Compression 32773.
    PackBits,
    /// Compression 50000 (libtiff's), 34926 (registered).
    Zstandard,
}

impl Codec {
    /// Name for people and reports.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Lzw => "lzw",
            Self::Deflate => "deflate",
            Self::PackBits => "packbits",
            Self::Zstandard => "zstd",
        }
    }
}

/// What was subtracted before compression (TIFF 6.0 section 14; Adobe technical note 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Predictor {
    /// Nothing.
    None,
    /// The sample to the left, as an integer.
    Horizontal,
    /// Bytes of floats, most significant first, plane by plane, minus the byte to the left.
    Float,
}

/// Facts about the pixels of the first page.
#[derive(Debug, Clone)]
pub(super) struct Pixels {
    pub(super) extent: Extent,
    /// What is handed out.
    pub(super) layout: PixelLayout,
    pub(super) model: ColorModel,
    /// How samples lie in the file.
    pub(super) packing: Packing,
    pub(super) order: Order,
    pub(super) codec: Codec,
    pub(super) predictor: Predictor,
    /// WhiteIsZero: integer samples are inverted.
    pub(super) inverted: bool,
    /// One plane per sample instead of interleaved samples.
    pub(super) planar: bool,
    /// Width of a chunk: of a tile, or of the picture.
    pub(super) chunk_width: u32,
    /// Height of a chunk; the last strip may be shorter, tiles never are.
    pub(super) chunk_rows: u32,
    pub(super) tiled: bool,
    /// Chunks side by side.
    pub(super) across: u32,
    /// Chunks below each other.
    pub(super) down: u32,
    /// Where each chunk begins; planes after each other.
    pub(super) offsets: Vec<u64>,
    /// Bytes of each chunk in the file.
    pub(super) counts: Vec<u64>,
}

impl Pixels {
    /// Samples that lie together in a chunk.
    pub(super) fn chunk_samples(&self) -> usize {
        if self.planar { 1 } else { self.layout.channels.count() }
    }

    /// Bytes of a row of a chunk as it lies in the file, decompressed.
    pub(super) fn stored_row_bytes(&self) -> usize {
        let Some(bits) = self.packing.bits() else { return self.chunk_row_bytes() };
        let samples = if matches!(self.packing, Packing::Palette(..)) { 1 } else { self.chunk_samples() };
        (self.chunk_width as usize * samples * bits as usize).div_ceil(8)
    }

    /// Bytes of a row of a chunk in samples that are handed out.
    pub(super) fn chunk_row_bytes(&self) -> usize {
        self.chunk_width as usize * self.chunk_samples() * self.layout.sample.bytes()
    }

    /// Bytes of a decoded chunk of full height.
    pub(super) fn chunk_bytes(&self) -> u64 {
        (self.chunk_row_bytes() as u64).saturating_mul(u64::from(self.chunk_rows))
    }

    /// Number of planes.
    pub(super) fn planes(&self) -> usize {
        if self.planar { self.layout.channels.count() } else { 1 }
    }

    /// Rows of the chunks in chunk row `down`.
    pub(super) fn rows_of(&self, down: u32) -> u32 {
        if self.tiled { self.chunk_rows } else { self.chunk_rows.min(self.extent.height - down * self.chunk_rows) }
    }

    /// Decoded bytes of all chunks side by side, all planes.
    pub(super) fn chunk_row_total(&self) -> u64 {
        let chunks = u64::from(self.across) * self.planes() as u64;
        self.chunk_bytes().saturating_mul(chunks)
    }

    /// The number of the chunk at (`across`, `down`) in `plane`.
    pub(super) fn index(&self, plane: usize, down: u32, across: u32) -> usize {
        (plane * self.down as usize + down as usize) * self.across as usize + across as usize
    }
}

/// Reads tags of one directory.
pub(super) struct Tags<'a> {
    pub(super) file: &'a FileBytes,
    pub(super) header: &'a Header,
    pub(super) directory: &'a Directory,
    pub(super) limits: &'a Limits,
}

impl Tags<'_> {
    pub(super) fn path(&self) -> &Path {
        self.file.path()
    }

    /// The values of `tag`, `None` when it is not there.
    pub(super) fn entry(&self, tag: u16) -> Result<Option<Entry>> {
        let Some(field) = self.directory.find(tag) else { return Ok(None) };
        let entry = field.load(self.file, self.header, self.limits.metadata_bytes);
        entry.map(Some).map_err(|reason| Error::input(self.path(), reason))
    }

    /// The values of `tag` as unsigned numbers.
    pub(super) fn numbers(&self, tag: u16) -> Result<Option<Vec<u64>>> {
        let Some(entry) = self.entry(tag)? else { return Ok(None) };
        let numbers = entry.unsigned().filter(|numbers| !numbers.is_empty());
        numbers.map(Some).ok_or_else(|| Error::input(self.path(), format!("tag {tag} holds no unsigned numbers")))
    }

    /// The first value of `tag`.
    pub(super) fn number(&self, tag: u16) -> Result<Option<u64>> {
        Ok(self.numbers(tag)?.and_then(|numbers| numbers.first().copied()))
    }

    pub(super) fn refuse<T>(&self, what: String) -> Result<T> {
        Err(Error::unsupported(self.path(), what))
    }

    pub(super) fn damaged<T>(&self, what: String) -> Result<T> {
        Err(Error::input(self.path(), what))
    }
}

/// Reads and checks the facts; adds to `warnings` what the user should know.
pub(super) fn read(tags: &Tags<'_>, warnings: &mut Vec<String>) -> Result<Pixels> {
    let extent = extent(tags)?;
    let codec = codec(tags)?;
    let Samples { layout, model, inverted, packing } = samples::read(tags, warnings)?;
    let predictor = predictor(tags, codec, layout.sample, &packing)?;
    let planar = match tags.number(tags::PLANAR_CONFIGURATION)?.unwrap_or(1) {
        1 => false,
        2 => layout.channels.count() > 1 && !matches!(packing, Packing::Palette(..)),
        other => return tags.damaged(format!("PlanarConfiguration is {other}, allowed are 1 and 2")),
    };
    if tags.number(tags::FILL_ORDER)?.unwrap_or(1) != 1 {
        return tags
            .refuse("reversed bits in bytes (FillOrder 2) are not supported: save it again as a usual TIFF".into());
    }
    let (tiled, chunk_width, chunk_rows) = chunk_size(tags, extent)?;
    let mut pixels = Pixels {
        extent,
        layout,
        model,
        packing,
        order: tags.header.order,
        codec,
        predictor,
        inverted,
        planar,
        chunk_width,
        chunk_rows,
        tiled,
        across: extent.width.div_ceil(chunk_width),
        down: extent.height.div_ceil(chunk_rows),
        offsets: Vec::new(),
        counts: Vec::new(),
    };
    check_sizes(tags, &pixels)?;
    (pixels.offsets, pixels.counts) = chunk_table(tags, &pixels)?;
    Ok(pixels)
}

fn extent(tags: &Tags<'_>) -> Result<Extent> {
    let side = |tag, name: &str| -> Result<u32> {
        match tags.number(tag)?.map(u32::try_from) {
            Some(Ok(side @ 1..)) => Ok(side),
            Some(_) => tags.damaged(format!("{name} is zero or beyond 32 bits")),
            None => tags.damaged(format!("{name} is missing")),
        }
    };
    let extent = Extent { width: side(tags::IMAGE_WIDTH, "width")?, height: side(tags::IMAGE_LENGTH, "height")? };
    if extent.pixels() > tags.limits.pixels {
        let (value, limit) = (extent.pixels(), tags.limits.pixels);
        return Err(Error::Limit { path: tags.path().to_owned(), what: "number of pixels", value, limit });
    }
    Ok(extent)
}

fn codec(tags: &Tags<'_>) -> Result<Codec> {
    let name = match tags.number(tags::COMPRESSION)?.unwrap_or(1) {
        1 => return Ok(Codec::None),
        5 => return Ok(Codec::Lzw),
        8 | 32946 => return Ok(Codec::Deflate),
        32773 => return Ok(Codec::PackBits),
        50000 | 34926 => return Ok(Codec::Zstandard),
        2..=4 => "fax".to_owned(),
        6 | 7 => "JPEG".to_owned(),
        34712 => "JPEG 2000".to_owned(),
        34887 => "LERC".to_owned(),
        34925 => "LZMA".to_owned(),
        34676 | 34677 => "SGILog".to_owned(),
        50001 => "WebP".to_owned(),
        other => format!("number {other}"),
    };
    tags.refuse(format!(
        "compression {name} is not supported: save it without compression, or with LZW, Deflate or ZSTD"
    ))
}

fn predictor(tags: &Tags<'_>, codec: Codec, sample: SampleType, packing: &Packing) -> Result<Predictor> {
    // TIFF 6.0 section 14 ties the predictor to the compression; writers leave stale tags on others, and libtiff ignores them.
    if !matches!(codec, Codec::Lzw | Codec::Deflate | Codec::Zstandard) {
        return Ok(Predictor::None);
    }
    match tags.number(tags::PREDICTOR)?.unwrap_or(1) {
        1 => Ok(Predictor::None),
        2 | 3 if packing.bits().is_some_and(|bits| bits != 8) => tags.refuse(format!(
            "a predictor on {}-bit samples is not supported: save it with 8 or 16 bit",
            packing.bits().unwrap_or(0)
        )),
        2 => Ok(Predictor::Horizontal),
        3 if sample.is_integer() => tags.damaged("the floating point predictor is set on integer samples".into()),
        3 => Ok(Predictor::Float),
        other => tags.damaged(format!("Predictor is {other}, allowed are 1, 2 and 3")),
    }
}

/// Tiled or not, width and height of a chunk.
fn chunk_size(tags: &Tags<'_>, extent: Extent) -> Result<(bool, u32, u32)> {
    let side = |tag| -> Result<Option<u32>> {
        match tags.number(tag)?.map(u32::try_from) {
            None => Ok(None),
            Some(Ok(side @ 1..)) => Ok(Some(side)),
            Some(_) => tags.damaged(format!("tag {tag}: the size of a tile is zero or beyond 32 bits")),
        }
    };
    match (side(tags::TILE_WIDTH)?, side(tags::TILE_LENGTH)?) {
        (Some(width), Some(rows)) => Ok((true, width, rows)),
        (None, None) => {
            let rows = tags.number(tags::ROWS_PER_STRIP)?.unwrap_or(u64::from(u32::MAX));
            if rows == 0 {
                return tags.damaged("RowsPerStrip is zero".into());
            }
            Ok((false, extent.width, rows.min(u64::from(extent.height)) as u32))
        }
        _ => tags.damaged("a tile has a width without a height, or the reverse".into()),
    }
}

/// Limits on what a chunk decodes to. Uncompressed strips are read by rows: only a row counts.
fn check_sizes(tags: &Tags<'_>, pixels: &Pixels) -> Result<()> {
    let row = u128::from(pixels.chunk_width) * (pixels.chunk_samples() * pixels.layout.sample.bytes()) as u128;
    let by_rows = pixels.codec == Codec::None && !pixels.tiled;
    let chunk = if by_rows { row } else { row * u128::from(pixels.chunk_rows) };
    // Positions inside a compressed chunk are kept in 32 bits.
    let limit = tags.limits.chunk_bytes.min(if by_rows { isize::MAX as u64 } else { u64::from(u32::MAX) });
    if chunk > u128::from(limit) {
        let value = u64::try_from(chunk).unwrap_or(u64::MAX);
        return Err(Error::Limit { path: tags.path().to_owned(), what: "bytes of a chunk", value, limit });
    }
    Ok(())
}

/// Offsets and byte counts of all chunks.
fn chunk_table(tags: &Tags<'_>, pixels: &Pixels) -> Result<(Vec<u64>, Vec<u64>)> {
    let chunks = u64::from(pixels.across) * u64::from(pixels.down) * pixels.planes() as u64;
    // A count is at least a SHORT, so a table longer than half the file cannot be there.
    if chunks > tags.file.length() / 2 {
        return tags.damaged(format!("{chunks} chunks cannot lie in a file of {} bytes", tags.file.length()));
    }
    let (offsets, counts) = match pixels.tiled {
        true => (tags::TILE_OFFSETS, tags::TILE_BYTE_COUNTS),
        false => (tags::STRIP_OFFSETS, tags::STRIP_BYTE_COUNTS),
    };
    // Some writers put the tables of tiles under the tags of strips, which libtiff accepts.
    let either = |tag, strip_tag| -> Result<_> { Ok(tags.numbers(tag)?.or(tags.numbers(strip_tag)?)) };
    let Some(offsets) = either(offsets, tags::STRIP_OFFSETS)? else {
        return tags.damaged("the table of chunk offsets is missing".into());
    };
    let counts = match either(counts, tags::STRIP_BYTE_COUNTS)? {
        Some(counts) => counts,
        // Old writers leave the counts out where they can be computed.
        None if pixels.codec == Codec::None => uncompressed_counts(pixels),
        None => return tags.damaged("the table of chunk sizes is missing".into()),
    };
    for (name, table) in [("offsets", &offsets), ("sizes", &counts)] {
        if (table.len() as u64) < chunks {
            return tags.damaged(format!("the table of chunk {name} has {} entries, {chunks} are needed", table.len()));
        }
    }
    Ok((offsets, counts))
}

fn uncompressed_counts(pixels: &Pixels) -> Vec<u64> {
    let rows = (0..pixels.planes()).flat_map(|_| (0..pixels.down).map(|down| pixels.rows_of(down)));
    rows.flat_map(|rows| {
        let bytes = u64::from(rows) * pixels.stored_row_bytes() as u64;
        std::iter::repeat_n(bytes, pixels.across as usize)
    })
    .collect()
}
