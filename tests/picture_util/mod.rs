//! Shared by the codec tests: made-up pictures, reading and writing them whole.

#![allow(dead_code, reason = "each test program uses its own part")]

use std::fs::File;
use std::path::{Path, PathBuf};

use chiaro::codec::{Compression, Format, Limits, Pool, SinkSpec, Source, open};
use chiaro::color::encodings;
use chiaro::error::Result;
use chiaro::picture::{Alpha, Channels, ColorEncoding, Extent, Metadata, PixelLayout, Region, SampleType, Strip};

pub fn pool(threads: usize) -> Pool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
}

pub fn layout(sample: SampleType, channels: Channels, alpha: Alpha) -> PixelLayout {
    PixelLayout { sample, channels, alpha: if channels.has_alpha() { alpha } else { Alpha::None } }
}

/// Limits that keep hostile files cheap.
pub fn small_limits() -> Limits {
    Limits { pixels: 1 << 22, chunk_bytes: 1 << 26, metadata_bytes: 1 << 22 }
}

pub fn spec(extent: Extent, layout: PixelLayout, encoding: ColorEncoding) -> SinkSpec {
    SinkSpec {
        extent,
        layout,
        encoding,
        orientation: 1,
        metadata: Metadata::default(),
        compression: Compression::Deflate,
        extras: None,
        gray_name: "Y",
        text: Vec::new(),
    }
}

pub fn srgb_spec(extent: Extent, layout: PixelLayout) -> SinkSpec {
    spec(extent, layout, encodings::srgb())
}

/// A smooth picture with noise, every sample type filled with legal values of full range.
pub fn pixels(extent: Extent, layout: PixelLayout) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1du64;
    let mut bytes = Vec::new();
    for y in 0..extent.height {
        for x in 0..extent.width {
            for c in 0..layout.channels.count() as u32 {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                let noise = (state >> 60) as u32;
                let code = (x * 97 + y * 61 + c * 4001 + noise) as u16;
                match layout.sample {
                    SampleType::U8 => bytes.push((code >> 3) as u8),
                    SampleType::U16 => bytes.extend(code.to_ne_bytes()),
                    SampleType::F16 => bytes.extend(half::f16::from_f32(f32::from(code) / 1000.0).to_ne_bytes()),
                    SampleType::F32 => bytes.extend((f32::from(code) / 1000.0).to_ne_bytes()),
                }
            }
        }
    }
    bytes
}

/// Writes all rows in strips of `rows`.
pub fn write(path: &Path, format: Format, spec: &SinkSpec, bytes: &[u8], rows: u32, pool: &Pool) -> Result<()> {
    let mut sink = open::create(format, File::create(path).unwrap(), path, spec.clone())?;
    let row_bytes = spec.extent.width as usize * spec.layout.pixel_bytes();
    for region in Region::strips(spec.extent, rows) {
        let mut strip = Strip::new(region, spec.layout);
        let start = region.y as usize * row_bytes;
        strip.bytes_mut().copy_from_slice(&bytes[start..start + region.rows as usize * row_bytes]);
        sink.write(&strip, pool)?;
    }
    sink.finish(pool)
}

/// Reads all rows in strips of `rows`.
pub fn read_all(source: &mut dyn Source, rows: u32, pool: &Pool) -> Result<Vec<u8>> {
    let (extent, layout) = (source.info().extent, source.info().layout);
    let mut bytes = Vec::new();
    let mut strip = Strip::new(Region { width: extent.width, y: 0, rows: 0 }, layout);
    for region in Region::strips(extent, rows) {
        source.read(region, &mut strip, pool)?;
        assert_eq!((strip.region, strip.layout), (region, layout));
        bytes.extend_from_slice(strip.bytes());
    }
    Ok(bytes)
}

/// Opens and decodes; the error is its text.
pub fn decode(path: &Path, limits: &Limits, pool: &Pool) -> Result<(chiaro::picture::PictureInfo, Vec<u8>)> {
    let mut source = open::open(path, limits)?;
    let bytes = read_all(source.as_mut(), 37, pool)?;
    Ok((source.info().clone(), bytes))
}

/// Decodes the file cut at many lengths and with many single bits flipped; anything but a panic is fine, and a cut file is never a
/// picture. Returns how many flips still gave a picture.
pub fn torture(file: &[u8], folder: &Path, pool: &Pool) -> usize {
    let path = folder.join("tortured");
    let limits = small_limits();
    let step = (file.len() / 150).max(1);
    for len in (0..file.len()).step_by(step).chain(file.len().saturating_sub(20)..file.len()) {
        std::fs::write(&path, &file[..len]).unwrap();
        let result = decode(&path, &limits, pool);
        assert!(result.is_err(), "cut at {len} of {} bytes it is still a picture", file.len());
    }
    let mut pictures = 0;
    let mut state = 88_172_645_463_325_252u64;
    for i in 0..400 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        // The first half hits the header.
        let range = if i % 2 == 0 { file.len().min(600) } else { file.len() };
        let at = (state >> 8) as usize % range;
        let mut bytes = file.to_vec();
        bytes[at] ^= 1 << (state & 7);
        std::fs::write(&path, &bytes).unwrap();
        pictures += usize::from(decode(&path, &limits, pool).is_ok());
    }
    pictures
}

/// The folder of real test files, or `None` with a line that says so.
pub fn testdata(sub: &str) -> Option<PathBuf> {
    match std::env::var_os("CHIARO_TESTDATA") {
        Some(root) => Some(Path::new(&root).join(sub)),
        None => {
            println!("ignored: CHIARO_TESTDATA not set");
            None
        }
    }
}

/// All files below `folder` with this extension, sorted.
pub fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut list: Vec<PathBuf> = walkdir::WalkDir::new(folder)
        .into_iter()
        .filter_map(|e| Some(e.ok()?.into_path()))
        .filter(|p| p.extension().is_some_and(|e| e == extension))
        .collect();
    list.sort();
    list
}
