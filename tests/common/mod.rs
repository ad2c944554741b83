//! What several test files share: pictures made by the crate's own codecs, and engines with fixed options.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chiaro::codec::{self, SinkSpec};
use chiaro::color::encodings;
use chiaro::engine::Engine;
use chiaro::engine::job::{Event, Outcome, Status, Summary, Work};
use chiaro::engine::naming::{self, DEFAULT_NAME};
use chiaro::engine::options::{Device, EngineOptions};
use chiaro::picture::{Alpha, Channels, Compression, Extent, Format, Metadata, PixelLayout, Region, SampleType, Strip};
use chiaro::recipe::Recipe;

/// A pool for codecs.
pub fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
}

/// A small random generator (xorshift64*, Vigna 2016): tests must repeat.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }
}

pub fn layout(sample: SampleType, channels: Channels) -> PixelLayout {
    let alpha = if channels.has_alpha() { Alpha::Unassociated } else { Alpha::None };
    PixelLayout { sample, channels, alpha }
}

/// A 16-bit RGB picture with a sky, a ground that comes nearer, posts and fine noise.
pub fn scene(extent: Extent, seed: u64) -> Strip {
    let mut strip =
        Strip::new(Region { width: extent.width, y: 0, rows: extent.height }, layout(SampleType::U16, Channels::Rgb));
    let mut random = Random(seed | 1);
    let (w, h) = (extent.width as usize, extent.height as usize);
    let samples: &mut [u16] = bytemuck::cast_slice_mut(strip.words_mut());
    for y in 0..h {
        for x in 0..w {
            let v = y as f32 / h as f32;
            let mut rgb =
                if v < 0.45 { [0.5 + 0.3 * v, 0.65 + 0.2 * v, 0.9] } else { [0.2 + 0.4 * v, 0.35 * v + 0.1, 0.12] };
            if (x * 7 / w) % 2 == 1 && v > 0.3 && v < 0.8 {
                rgb = [0.1, 0.08, 0.07];
            }
            for (c, value) in rgb.iter().enumerate() {
                let noise = (random.below(400) as f32 - 200.0) / 65_535.0;
                samples[(y * w + x) * 3 + c] = ((value + noise).clamp(0.0, 1.0) * 65_535.0) as u16;
            }
        }
    }
    strip
}

pub fn spec(extent: Extent, layout: PixelLayout, compression: Compression) -> SinkSpec {
    SinkSpec {
        extent,
        layout,
        encoding: encodings::srgb(),
        orientation: 1,
        metadata: Metadata::default(),
        compression,
        extras: None,
        gray_name: "Y",
        text: Vec::new(),
    }
}

/// Writes a whole picture.
pub fn write(path: &Path, format: Format, strip: &Strip, compression: Compression) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let extent = Extent { width: strip.region.width, height: strip.region.rows };
    let pool = pool(1);
    let file = File::options().read(true).write(true).create(true).truncate(true).open(path).unwrap();
    let mut sink = codec::create(format, file, path, spec(extent, strip.layout, compression)).unwrap();
    sink.write(strip, &pool).unwrap();
    sink.finish(&pool).unwrap();
}

/// Reads a whole picture.
pub fn read(path: &Path) -> Strip {
    let mut source = codec::open(path, &Default::default()).unwrap();
    let extent = source.info().extent;
    let region = Region { width: extent.width, y: 0, rows: extent.height };
    let mut strip = Strip::new(region, source.info().layout);
    source.read(region, &mut strip, &pool(1)).unwrap();
    strip
}

pub fn samples_u16(strip: &Strip) -> &[u16] {
    &bytemuck::cast_slice(strip.words())[..strip.byte_len() / 2]
}

pub fn recipe(text: &str) -> Arc<Recipe> {
    Arc::new(Recipe::from_text("test", text, Path::new("."), Path::new("test.toml")).unwrap())
}

/// Options for tests: CPU, two jobs, the built-in inference engine.
pub fn options(out: &Path) -> EngineOptions {
    EngineOptions {
        out: out.to_owned(),
        jobs: Some(2),
        device: Device::Cpu,
        inference: chiaro::depth::engine::EngineChoice::Rten,
        ..EngineOptions::default()
    }
}

/// Runs every picture below `input` and returns outcomes in order.
pub fn run(options: EngineOptions, recipe: Arc<Recipe>, input: &Path, work: &Work) -> (Summary, Vec<Outcome>) {
    let out = options.out.clone();
    let found = chiaro::walk::walk(&[input.as_os_str().to_owned()], Some(&out), &mut std::io::empty());
    let intake = naming::intake(found, work, &recipe, &out, DEFAULT_NAME).unwrap();
    assert!(intake.failed.is_empty(), "{:?}", intake.failed);
    let engine = Engine::new(options, recipe).unwrap();
    let mut outcomes = Vec::new();
    let summary = engine
        .run(&intake.jobs, work, |event| {
            if let Event::Finished(outcome) = event {
                outcomes.push(outcome.clone());
            }
        })
        .unwrap();
    outcomes.sort_by_key(|o| o.index);
    (summary, outcomes)
}

pub fn assert_done(outcomes: &[Outcome]) {
    for outcome in outcomes {
        assert_eq!(outcome.status, Status::Done, "{outcome:?}");
    }
}

/// All files below a folder but the journal, with their contents.
pub fn tree(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    fn visit(folder: &Path, root: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if path.file_name().is_some_and(|n| n != ".chiaro") {
                    visit(&path, root, found);
                }
            } else {
                found.push((path.strip_prefix(root).unwrap().to_owned(), std::fs::read(&path).unwrap()));
            }
        }
    }
    let mut found = Vec::new();
    visit(folder, folder, &mut found);
    found.sort();
    found
}
