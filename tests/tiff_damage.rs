//! Damaged TIFF files: an error or a picture, never a panic, never an allocation beyond the limits.

mod tiff_util;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use chiaro::codec::{Limits, tiff};
use chiaro::picture::exif::{self, Entry, Ifd};
use chiaro::picture::{Alpha, Channels, PixelLayout, SampleType};
use tiff_util::{Build, Scratch, pool, read_all, samples};

/// The system's allocator, remembering the largest request.
struct Largest;

static LARGEST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is handed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Largest {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps alloc's contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps dealloc's contract.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Largest = Largest;

const LIMITS: Limits = Limits { pixels: 1 << 16, chunk_bytes: 1 << 20, metadata_bytes: 1 << 18 };

/// Strips of one row of a picture at the pixel limit with 16-byte pixels, and raw chunks at three times the chunk limit, are the most that may be asked for.
const MOST_BYTES: usize = (3 << 20) + (1 << 17);

fn fixtures() -> Vec<Vec<u8>> {
    let rgb16 = PixelLayout { sample: SampleType::U16, channels: Channels::Rgb, alpha: Alpha::None };
    let rgba32 = PixelLayout { sample: SampleType::F32, channels: Channels::Rgba, alpha: Alpha::Associated };
    let mut fixtures = Vec::new();
    for (layout, compression, predictor, tile, big_tiff, planar) in [
        (rgb16, 1, 1, None, false, false),
        (rgb16, 5, 2, None, true, false),
        (rgb16, 8, 2, Some((16, 16)), false, true),
        (rgba32, 8, 3, Some((16, 16)), true, false),
        (rgba32, 32773, 1, None, false, true),
        (rgba32, 1, 1, Some((16, 16)), false, false),
    ] {
        let mut build = Build { compression, predictor, tile, big_tiff, planar, ..Build::new(21, 17, layout) };
        build.big_endian = big_tiff;
        build = build.short(274, 3);
        build.more.push((34675, 7, 200, vec![7; 200]));
        build.more.push((700, 1, 64, vec![b'x'; 64]));
        fixtures.push(build.build(&samples(21, 17, layout)));
    }
    // A file with EXIF directories, as a sink writes it.
    let scratch = Scratch::new();
    let path = scratch.path("exif.tif");
    let child = Ifd {
        entries: vec![Entry::rational(33434, (1, 3)), Entry::ascii(36867, "2026:01:01 00:00:00")],
        children: vec![],
    };
    let camera = Ifd { entries: vec![Entry::ascii(271, "Maker")], children: vec![(exif::EXIF_IFD, child)] };
    let spec = chiaro::codec::SinkSpec {
        extent: chiaro::picture::Extent { width: 9, height: 9 },
        layout: rgb16,
        encoding: chiaro::color::encodings::srgb(),
        orientation: 1,
        metadata: chiaro::picture::Metadata { exif: exif::write(&camera).ok(), ..Default::default() },
        compression: chiaro::codec::Compression::Lzw,
        extras: None,
        gray_name: "Y",
        text: Vec::new(),
    };
    let pool = pool(1);
    let mut sink = tiff::create(std::fs::File::create(&path).unwrap(), &path, spec).unwrap();
    let strip = chiaro::picture::Strip::new(chiaro::picture::Region { width: 9, y: 0, rows: 9 }, rgb16);
    sink.write(&strip, &pool).unwrap();
    sink.finish(&pool).unwrap();
    fixtures.push(std::fs::read(path).unwrap());
    fixtures
}

#[test]
fn damage_is_an_error_or_a_picture() {
    let (scratch, pool) = (Scratch::new(), pool(1));
    let (mut pictures, mut errors) = (0, 0);
    let mut attempt = |bytes: &[u8], what: &dyn Fn() -> String| {
        let path = scratch.put("a.tif", bytes);
        LARGEST.store(0, Ordering::Relaxed);
        let result = tiff::open(&path, &LIMITS).and_then(|mut source| read_all(&mut *source, 5, &pool));
        let largest = LARGEST.load(Ordering::Relaxed);
        // read_all itself gathers the whole picture; growing doubles.
        let own = result.as_ref().map_or(0, |pixels| 2 * pixels.len() + 5 * 16 * (1 << 16));
        assert!(largest <= MOST_BYTES.max(own), "{}: {largest} bytes asked for", what());
        match result {
            Ok(_) => pictures += 1,
            Err(error) => {
                let text = error.to_string();
                assert!(text.contains("a.tif: ") && text.len() > 20, "{text}");
                errors += 1;
            }
        }
    };
    for (number, fixture) in fixtures().iter().enumerate() {
        for cut in (0..fixture.len()).step_by(1 + fixture.len() / 150) {
            attempt(&fixture[..cut], &|| format!("fixture {number} cut at {cut}"));
        }
        // A bit of every byte of the directories (they lie at the end), some of the pixels.
        let tables = fixture.len().saturating_sub(900);
        let places = (0..24).chain((24..tables).step_by(41)).chain(tables..fixture.len());
        for at in places {
            let mut bad = fixture.clone();
            bad[at] ^= 1 << (at % 8);
            attempt(&bad, &|| format!("fixture {number} byte {at}"));
        }
    }
    assert!(pictures > 100 && errors > 100, "{pictures} pictures, {errors} errors: the test reaches nothing");
}
