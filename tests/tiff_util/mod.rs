//! A small TIFF builder for layouts that encoders rarely write, and functions that read pictures through the public door.
#![allow(dead_code, reason = "every test binary uses its own part")]

use std::path::{Path, PathBuf};

use chiaro::codec::{Limits, Pool, Source, tiff};
use chiaro::error::Result;
use chiaro::picture::{Alpha, Channels, PixelLayout, Region, SampleType, Strip};

/// A pool of `threads` threads.
pub fn pool(threads: usize) -> Pool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
}

/// Bytes that use the whole range, differ between channels and are partly smooth, from a fixed seed (Marsaglia's xorshift).
/// Valid for every sample type; floats include NaN patterns on purpose.
pub fn samples(width: u32, height: u32, layout: PixelLayout) -> Vec<u8> {
    let bytes = width as usize * height as usize * layout.pixel_bytes();
    let mut state = 0x2545_f491u32;
    (0..bytes)
        .map(|i| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            if (i / 64) % 3 == 0 { (i / 8) as u8 } else { (state >> 11) as u8 }
        })
        .collect()
}

/// All layouts that are read and written.
pub fn layouts() -> Vec<PixelLayout> {
    let mut layouts = Vec::new();
    for sample in [SampleType::U8, SampleType::U16, SampleType::F16, SampleType::F32] {
        for (channels, alpha) in [
            (Channels::Gray, Alpha::None),
            (Channels::GrayAlpha, Alpha::Unassociated),
            (Channels::Rgb, Alpha::None),
            (Channels::Rgba, Alpha::Associated),
        ] {
            layouts.push(PixelLayout { sample, channels, alpha });
        }
    }
    layouts
}

/// What to build.
#[derive(Debug, Clone)]
pub struct Build {
    pub width: u32,
    pub height: u32,
    pub layout: PixelLayout,
    pub big_endian: bool,
    pub big_tiff: bool,
    pub tile: Option<(u32, u32)>,
    pub rows_per_strip: u32,
    pub planar: bool,
    pub compression: u16,
    pub predictor: u16,
    /// Tag, type, count, values in the file's order; replaces a tag of the builder.
    pub more: Vec<(u16, u16, u64, Vec<u8>)>,
}

impl Build {
    pub fn new(width: u32, height: u32, layout: PixelLayout) -> Self {
        Self {
            width,
            height,
            layout,
            big_endian: false,
            big_tiff: false,
            tile: None,
            rows_per_strip: 7,
            planar: false,
            compression: 1,
            predictor: 1,
            more: Vec::new(),
        }
    }

    /// Sets a SHORT tag.
    pub fn short(mut self, tag: u16, value: u16) -> Self {
        let value = self.number(u64::from(value), 2);
        self.more.push((tag, 3, 1, value));
        self
    }

    fn number(&self, value: u64, bytes: usize) -> Vec<u8> {
        let mut out = value.to_le_bytes()[..bytes].to_vec();
        if self.big_endian {
            out.reverse();
        }
        out
    }

    /// The file for native, interleaved `pixels`.
    pub fn build(&self, pixels: &[u8]) -> Vec<u8> {
        let mut file = if self.big_endian { b"MM".to_vec() } else { b"II".to_vec() };
        file.extend(self.number(if self.big_tiff { 43 } else { 42 }, 2));
        if self.big_tiff {
            file.extend(self.number(8, 2));
            file.extend([0; 2]);
        }
        let pointer = file.len();
        let room = if self.big_tiff { 8 } else { 4 };
        file.extend(vec![0; room]);

        let (mut offsets, mut counts) = (Vec::new(), Vec::new());
        for chunk in self.chunks(pixels) {
            offsets.push(file.len() as u64);
            counts.push(chunk.len() as u64);
            file.extend(chunk);
        }
        if file.len() % 2 == 1 {
            file.push(0);
        }
        let tags = self.tags(&offsets, &counts);
        let at = self.number(file.len() as u64, room);
        file[pointer..pointer + room].copy_from_slice(&at);
        self.directory(&mut file, tags, room);
        file
    }

    fn directory(&self, file: &mut Vec<u8>, tags: Vec<(u16, u16, u64, Vec<u8>)>, room: usize) {
        let count_bytes = if self.big_tiff { 8 } else { 2 };
        let field_bytes = if self.big_tiff { 20 } else { 12 };
        let mut values_at = file.len() + count_bytes + tags.len() * field_bytes + room;
        let mut values = Vec::new();
        file.extend(self.number(tags.len() as u64, count_bytes));
        for (tag, kind, count, mut value) in tags {
            file.extend(self.number(u64::from(tag), 2));
            file.extend(self.number(u64::from(kind), 2));
            file.extend(self.number(count, room));
            if value.len() <= room {
                value.resize(room, 0);
                file.extend(value);
            } else {
                file.extend(self.number(values_at as u64, room));
                values_at += value.len();
                values.extend(value);
            }
        }
        file.extend(vec![0; room]);
        file.extend(values);
    }

    fn tags(&self, offsets: &[u64], counts: &[u64]) -> Vec<(u16, u16, u64, Vec<u8>)> {
        let channels = self.layout.channels.count();
        let short = |tag, values: &[u16]| {
            let bytes = values.iter().flat_map(|v| self.number(u64::from(*v), 2)).collect();
            (tag, 3, values.len() as u64, bytes)
        };
        let long = |tag, values: &[u64]| {
            let bytes = values.iter().flat_map(|v| self.number(*v, 4)).collect();
            (tag, 4, values.len() as u64, bytes)
        };
        let bits = 8 * self.layout.sample.bytes() as u16;
        let mut tags: Vec<(u16, u16, u64, Vec<u8>)> = vec![
            long(256, &[u64::from(self.width)]),
            long(257, &[u64::from(self.height)]),
            short(258, &vec![bits; channels]),
            short(259, &[self.compression]),
            short(262, &[if self.layout.channels.is_color() { 2 } else { 1 }]),
            short(277, &[channels as u16]),
            short(284, &[if self.planar { 2 } else { 1 }]),
            short(317, &[self.predictor]),
            short(339, &vec![if self.layout.sample.is_integer() { 1 } else { 3 }; channels]),
        ];
        match self.tile {
            Some((width, rows)) => tags.extend([
                long(322, &[u64::from(width)]),
                long(323, &[u64::from(rows)]),
                long(324, offsets),
                long(325, counts),
            ]),
            None => tags.extend([long(273, offsets), long(278, &[u64::from(self.rows_per_strip)]), long(279, counts)]),
        }
        match self.layout.alpha {
            Alpha::None => {}
            Alpha::Associated => tags.push(short(338, &[1])),
            Alpha::Unassociated => tags.push(short(338, &[2])),
        }
        for more in &self.more {
            tags.retain(|tag| tag.0 != more.0);
            tags.push(more.clone());
        }
        tags.sort_by_key(|tag| tag.0);
        tags
    }

    fn chunks(&self, pixels: &[u8]) -> Vec<Vec<u8>> {
        let channels = self.layout.channels.count();
        let planes: Vec<Vec<usize>> =
            if self.planar { (0..channels).map(|c| vec![c]).collect() } else { vec![(0..channels).collect()] };
        let (chunk_width, chunk_rows) = self.tile.unwrap_or((self.width, self.rows_per_strip));
        let mut chunks = Vec::new();
        for plane in &planes {
            for top in (0..self.height).step_by(chunk_rows as usize) {
                for left in (0..self.width).step_by(chunk_width as usize) {
                    let rows = if self.tile.is_some() { chunk_rows } else { chunk_rows.min(self.height - top) };
                    let rows = (top..top + rows).map(|y| self.row(pixels, y, left, chunk_width, plane));
                    chunks.push(self.compress(rows.flatten().collect()));
                }
            }
        }
        chunks
    }

    /// One row of a chunk in the file's order, with its predictor; beyond the edges lies the byte 0xa5.
    fn row(&self, pixels: &[u8], y: u32, left: u32, width: u32, plane: &[usize]) -> Vec<u8> {
        let size = self.layout.sample.bytes();
        let (pixel, step) = (self.layout.pixel_bytes(), plane.len());
        let mut samples: Vec<Vec<u8>> = Vec::new();
        for x in left..left + width {
            for channel in plane {
                if x < self.width && y < self.height {
                    let at = (y as usize * self.width as usize + x as usize) * pixel + channel * size;
                    let mut sample = pixels[at..at + size].to_vec();
                    if cfg!(target_endian = "big") {
                        sample.reverse();
                    }
                    samples.push(sample);
                } else {
                    samples.push(vec![0xa5; size]);
                }
            }
        }
        if self.predictor == 3 {
            let mut row: Vec<u8> =
                (0..size).rev().flat_map(|byte| samples.iter().map(move |s| s[byte]).collect::<Vec<_>>()).collect();
            for at in (step..row.len()).rev() {
                row[at] = row[at].wrapping_sub(row[at - step]);
            }
            return row;
        }
        let value = |sample: &[u8]| sample.iter().rev().fold(0u64, |v, b| (v << 8) | u64::from(*b));
        let values: Vec<u64> = samples.iter().map(|s| value(s)).collect();
        let before = |i: usize| if self.predictor == 2 && i >= step { values[i - step] } else { 0 };
        (0..values.len()).flat_map(|i| self.number(values[i].wrapping_sub(before(i)), size)).collect()
    }

    fn compress(&self, data: Vec<u8>) -> Vec<u8> {
        use std::io::Write;
        match self.compression {
            5 => weezl::encode::Encoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8).encode(&data).unwrap(),
            8 | 32946 => {
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(&data).unwrap();
                encoder.finish().unwrap()
            }
            50000 => ruzstd::encoding::compress_to_vec(&data[..], ruzstd::encoding::CompressionLevel::Fastest),
            32773 => data
                .chunk_by(|a, b| a == b)
                .flat_map(|run| run.chunks(128))
                .flat_map(|run| if run.len() == 1 { vec![0, run[0]] } else { vec![(257 - run.len()) as u8, run[0]] })
                .collect(),
            _ => data,
        }
    }
}

/// A file in a fresh folder.
pub struct Scratch {
    folder: tempfile::TempDir,
}

impl Scratch {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

/// Reads a whole picture in strips of `rows` rows.
pub fn read_all(source: &mut dyn Source, rows: u32, pool: &Pool) -> Result<Vec<u8>> {
    let info = source.info().clone();
    let mut strip = Strip::new(Region { width: info.extent.width, y: 0, rows: 1 }, info.layout);
    let mut all = Vec::new();
    for region in Region::strips(info.extent, rows) {
        source.read(region, &mut strip, pool)?;
        all.extend_from_slice(strip.bytes());
    }
    Ok(all)
}

/// Opens and reads a whole picture.
pub fn decode(path: &Path, rows: u32, pool: &Pool) -> Result<Vec<u8>> {
    read_all(&mut *tiff::open(path, &Limits::default())?, rows, pool)
}

/// Decodes interleaved samples with the `tiff` crate, as native bytes; an error as text.
pub fn decode_with_crate(path: &Path) -> std::result::Result<Vec<u8>, String> {
    use ::tiff::decoder::DecodingResult::*;
    let file = std::io::BufReader::new(std::fs::File::open(path).unwrap());
    let mut decoder = ::tiff::decoder::Decoder::new(file).map_err(|e| e.to_string())?;
    Ok(match decoder.read_image().map_err(|e| e.to_string())? {
        U8(v) => v,
        U16(v) => bytemuck::cast_slice(&v).to_vec(),
        F16(v) => bytemuck::cast_slice(&v).to_vec(),
        F32(v) => bytemuck::cast_slice(&v).to_vec(),
        _ => return Err("another sample type".into()),
    })
}
