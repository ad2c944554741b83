//! Decoding and encoding of the chunked formats, through files in memory where the system has such a folder: bytes of samples per second
//! on all cores. The picture is made here: smooth light, edges, texture, and the noise of a sensor.
#![allow(missing_docs, reason = "criterion's macros write functions without documentation")]

use std::fs::File;
use std::path::{Path, PathBuf};

use chiaro::codec::{self, Compression, Format, Limits, Pool, SinkSpec};
use chiaro::picture::{Alpha, Channels, Extent, Metadata, PixelLayout, Region, SampleType, Strip};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const EXTENT: Extent = Extent { width: 3840, height: 1080 };
const LAYOUT: PixelLayout = PixelLayout { sample: SampleType::U16, channels: Channels::Rgb, alpha: Alpha::None };

/// Rows of a strip of 8 MiB, as the planner cuts them.
const ROWS: u32 = 364;

fn picture() -> Vec<Strip> {
    // Marsaglia's xorshift; the sum of four draws is near enough to a normal distribution.
    let mut state = 0x9e37_79b9u32;
    let mut noise = || {
        let mut draw = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            f64::from(state) / f64::from(u32::MAX) - 0.5
        };
        draw() + draw() + draw() + draw()
    };
    let mut sample = |x: f64, y: f64, channel: f64| {
        let light = 0.45 + 0.3 * (x / 900.0 + channel).sin() * (y / 700.0).cos();
        let edge = if (x / 310.0 + (y / 170.0).sin()).fract() < 0.4 { 0.8 } else { 1.1 };
        let texture = 0.01 * (x / 3.1 + y / 2.3).sin() * (y / 450.0).sin();
        let value = light * edge + texture;
        // Photon noise grows with the root of the light.
        ((value + noise() * 0.0025 * value.sqrt()) * 65535.0).round().clamp(0.0, 65535.0) as u16
    };
    let strips = Region::strips(EXTENT, ROWS).map(|region| {
        let mut strip = Strip::new(region, LAYOUT);
        let width = region.width as usize;
        for (i, place) in strip.bytes_mut().as_chunks_mut::<2>().0.iter_mut().enumerate() {
            let (pixel, channel) = (i / 3, i % 3);
            let (x, y) = (pixel % width, pixel / width + region.y as usize);
            *place = sample(x as f64, y as f64, channel as f64).to_ne_bytes();
        }
        strip
    });
    strips.collect()
}

fn write(path: &Path, format: Format, compression: Compression, strips: &[Strip], pool: &Pool) {
    let spec = SinkSpec {
        extent: EXTENT,
        layout: LAYOUT,
        encoding: chiaro::color::encodings::srgb(),
        orientation: 1,
        metadata: Metadata::default(),
        compression,
        extras: None,
        gray_name: "Y",
        text: Vec::new(),
    };
    let file = File::create(path).unwrap();
    let mut sink = codec::create(format, file, path, spec).unwrap();
    strips.iter().for_each(|strip| sink.write(strip, pool).unwrap());
    sink.finish(pool).unwrap();
}

fn read(path: &Path, strip: &mut Strip, pool: &Pool) {
    let mut source = codec::open(path, &Limits::default()).unwrap();
    Region::strips(EXTENT, ROWS).for_each(|region| source.read(region, strip, pool).unwrap());
}

/// A folder in memory where there is one.
fn folder() -> tempfile::TempDir {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

fn codecs(c: &mut Criterion) {
    let (strips, folder) = (picture(), folder());
    let pool = rayon::ThreadPoolBuilder::new().build().unwrap();
    let kinds = [
        ("tiff none", Format::Tiff, Compression::None),
        ("tiff lzw", Format::Tiff, Compression::Lzw),
        ("tiff deflate", Format::Tiff, Compression::Deflate),
        ("png", Format::Png, Compression::Lossless),
    ];
    for (name, format, compression) in kinds {
        let path = folder.path().join(format!("{name}.bin"));
        let mut group = c.benchmark_group(name);
        group.sample_size(10).throughput(Throughput::Bytes(EXTENT.pixels() * LAYOUT.pixel_bytes() as u64));
        group.bench_function("encode", |b| b.iter(|| write(&path, format, compression, &strips, &pool)));
        write(&path, format, compression, &strips, &pool);
        let mut strip = Strip::new(strips[0].region, LAYOUT);
        group.bench_function("decode", |b| b.iter(|| read(&path, &mut strip, &pool)));
        group.finish();
    }
}

criterion_group!(benches, codecs);
criterion_main!(benches);
