//! TIFF samples that are unpacked while they are read (1 to 15 bits, palettes), Zstandard, CMYK and L*a*b*, and pages.

mod tiff_util;

use chiaro::codec::{self, Limits, tiff};
use chiaro::picture::{Alpha, Channels, ColorModel, PixelLayout, SampleType};
use tiff_util::{Build, Scratch, decode, layouts, pool, read_all, samples};

const GRAY8: PixelLayout = PixelLayout { sample: SampleType::U8, channels: Channels::Gray, alpha: Alpha::None };
const RGB8: PixelLayout = PixelLayout { channels: Channels::Rgb, ..GRAY8 };

fn layout_of(bytes: &[u8], scratch: &Scratch) -> (PixelLayout, ColorModel, Vec<u8>) {
    let path = scratch.put("a.tif", bytes);
    let mut source = tiff::open(&path, &Limits::default()).unwrap_or_else(|e| panic!("{e}"));
    let pixels = read_all(&mut *source, 5, &pool(2)).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(read_all(&mut *source, 64, &pool(1)).unwrap(), pixels, "by other strips");
    (source.info().layout, source.info().model, pixels)
}

/// A file of `samples` samples per pixel with `bits` bits each; `codes` row by row.
fn packed(size: (u32, u32), samples: u16, bits: u16, codes: &[u32], build: &Build) -> Build {
    let row_bits = usize::from(samples) * size.0 as usize * usize::from(bits);
    let row_bytes = row_bits.div_ceil(8);
    let mut bytes = vec![0u8; row_bytes * size.1 as usize];
    for (y, row) in codes.chunks_exact(usize::from(samples) * size.0 as usize).enumerate() {
        for (i, code) in row.iter().enumerate() {
            for b in 0..usize::from(bits) {
                let at = i * usize::from(bits) + b;
                let bit = (code >> (usize::from(bits) - 1 - b) & 1) as u8;
                bytes[y * row_bytes + at / 8] |= bit << (7 - at % 8);
            }
        }
    }
    // The builder sees a gray picture of these bytes; the tags say what they are.
    let mut build = Build { width: row_bytes as u32, height: size.1, layout: GRAY8, ..build.clone() };
    let short = |value: u16| if build.big_endian { value.to_be_bytes() } else { value.to_le_bytes() }.to_vec();
    let each = (0..samples).flat_map(|_| short(bits)).collect();
    let (one, width) = (short(samples), short(size.0 as u16));
    build.more.extend([(258, 3, u64::from(samples), each), (277, 3, 1, one), (256, 3, 1, width)]);
    build.more.retain(|(tag, ..)| *tag != 339);
    build.more.push((339, 3, 1, short(1)));
    if samples == 3 {
        build = build.short(262, 2);
    }
    build.more.push((0xfff0, 1, bytes.len() as u64, bytes));
    build
}

/// The builder's picture: the bytes that [`packed`] left in a private tag.
fn file(mut build: Build) -> Vec<u8> {
    let at = build.more.iter().position(|(tag, ..)| *tag == 0xfff0).unwrap();
    let bytes = build.more.remove(at).3;
    build.build(&bytes)
}

#[test]
fn samples_of_every_width_are_scaled_to_whole_types() {
    let scratch = Scratch::new();
    let size = (21u32, 17u32);
    for bits in [1u16, 2, 3, 4, 5, 6, 7, 9, 10, 12, 14, 15] {
        for channels in [1u16, 3] {
            for (compression, big_endian) in
                [(1, false), (1, true), (5, false), (8, true), (32773, false), (50000, false)]
            {
                let most = (1u32 << bits) - 1;
                let count = size.0 * size.1 * u32::from(channels);
                let codes: Vec<u32> = (0..count).map(|i| i.wrapping_mul(2_654_435_761) >> 9 & most).collect();
                let base = Build { compression, big_endian, ..Build::new(1, 1, GRAY8) };
                let (layout, _, pixels) = layout_of(&file(packed(size, channels, bits, &codes, &base)), &scratch);
                let full = if bits < 8 { 255.0 } else { 65_535.0 };
                let exact = |code: &u32| (f64::from(*code) * full / f64::from(most)).round();
                let wanted: Vec<u8> = match bits < 8 {
                    true => codes.iter().map(|c| exact(c) as u8).collect(),
                    false => codes.iter().flat_map(|c| (exact(c) as u16).to_ne_bytes()).collect(),
                };
                assert_eq!(layout.sample, if bits < 8 { SampleType::U8 } else { SampleType::U16 });
                assert_eq!(layout.channels.count(), usize::from(channels));
                assert!(pixels == wanted, "{bits} bits, {channels} channels, compression {compression}");
            }
        }
    }
}

#[test]
fn white_is_zero_holds_for_packed_samples_too() {
    let codes: Vec<u32> = (0..16 * 4).map(|i| i % 16).collect();
    let base = Build::new(1, 1, GRAY8).short(262, 0);
    let (_, _, pixels) = layout_of(&file(packed((16, 4), 1, 4, &codes, &base)), &Scratch::new());
    assert!(pixels.iter().zip(&codes).all(|(p, c)| u32::from(*p) == 255 - c * 17));
}

#[test]
fn palettes_become_rgb_of_the_depth_their_colors_need() {
    let scratch = Scratch::new();
    let codes: Vec<u32> = (0..19 * 7).map(|i| i * 5 % 16).collect();
    let map = |color: &dyn Fn(u16) -> u16| (0..48u16).flat_map(|i| color(i).to_le_bytes()).collect::<Vec<u8>>();
    for (color, wide) in [
        (&(|i: u16| i * 5 * 257) as &dyn Fn(u16) -> u16, false),
        (&|i: u16| i * 5 * 256, false),
        (&|i: u16| i * 5, false),
        (&|i: u16| i * 1300 + 7, true),
    ] {
        for compression in [1, 5, 50000] {
            let mut base = Build { compression, ..Build::new(1, 1, GRAY8) }.short(262, 3);
            base.more.push((320, 3, 48, map(color)));
            let (layout, _, pixels) = layout_of(&file(packed((19, 7), 1, 4, &codes, &base)), &scratch);
            let sample = if wide { SampleType::U16 } else { SampleType::U8 };
            assert_eq!(layout, PixelLayout { sample, ..RGB8 });
            let colors = codes.iter().flat_map(|c| [0, 16, 32].map(|plane| color(*c as u16 + plane)));
            let wanted: Vec<u8> = match wide {
                true => colors.flat_map(u16::to_ne_bytes).collect(),
                false => codes.iter().flat_map(|c| [0, 16, 32].map(|plane| (*c as u8 + plane) * 5)).collect(),
            };
            assert!(pixels == wanted, "wide {wide}, compression {compression}");
        }
    }
}

#[test]
fn palettes_with_predictor_tiles_and_whole_bytes() {
    let (width, height) = (37, 21);
    let indices = samples(width, height, GRAY8);
    let mut base = Build { compression: 5, predictor: 2, tile: Some((16, 16)), ..Build::new(width, height, GRAY8) };
    base = base.short(262, 3);
    base.more.push((320, 3, 768, (0..768u16).flat_map(|i| (i % 256 * 257).to_le_bytes()).collect()));
    let (layout, _, pixels) = layout_of(&base.build(&indices), &Scratch::new());
    assert_eq!(layout, RGB8);
    assert!(pixels.chunks_exact(3).zip(&indices).all(|(rgb, i)| rgb == [*i; 3]));
}

#[test]
fn zstandard_reads_every_layout() {
    let scratch = Scratch::new();
    for layout in layouts() {
        let pixels = samples(37, 29, layout);
        for (tile, planar, predictor) in
            [(None, false, 1), (Some((16, 16)), true, 1), (None, false, 2), (Some((48, 32)), false, 3)]
        {
            if predictor == 3 && layout.sample.is_integer() {
                continue;
            }
            let build = Build { compression: 50000, tile, planar, predictor, ..Build::new(37, 29, layout) };
            let found = decode(&scratch.put("a.tif", &build.build(&pixels)), 7, &pool(2)).unwrap();
            assert!(found == pixels, "{build:?}");
        }
    }
}

#[test]
fn cmyk_and_lab_say_what_they_are() {
    let scratch = Scratch::new();
    for sample in [SampleType::U8, SampleType::U16] {
        let four = PixelLayout { sample, channels: Channels::Rgba, alpha: Alpha::Unassociated };
        let three = PixelLayout { sample, channels: Channels::Rgb, alpha: Alpha::None };
        for (layout, photometric, model) in
            [(four, 5, ColorModel::Cmyk), (three, 8, ColorModel::CieLab), (three, 9, ColorModel::IccLab)]
        {
            let pixels = samples(9, 8, layout);
            let mut build = Build { compression: 8, predictor: 2, ..Build::new(9, 8, layout) }.short(262, photometric);
            if photometric == 5 {
                // The builder writes ExtraSamples for four channels; CMYK has none.
                build = build.short(338, 0);
                build.more.push((338, 3, 0, Vec::new()));
            }
            let (found, found_model, bytes) = layout_of(&build.build(&pixels), &scratch);
            assert_eq!((found, found_model), (layout, model));
            assert_eq!(bytes, pixels);
        }
    }
    let five = Build::new(8, 8, PixelLayout { channels: Channels::Rgba, ..RGB8 }).short(262, 5).short(277, 5);
    let error = tiff::open(&scratch.put("a.tif", &five.build(&[0; 256])), &Limits::default()).err().unwrap();
    assert!(error.to_string().contains("CMYK alone") || error.to_string().contains("chunk"), "{error}");
}

/// Pages behind each other, each with its own gray level; the second is a reduced copy.
fn pages() -> Vec<u8> {
    let page = |level: u8| Build::new(6, 5, GRAY8).build(&[level; 30]);
    let mut file = page(10);
    let next_of = |file: &[u8], at: usize| at + 2 + usize::from(u16::from_le_bytes([file[at], file[at + 1]])) * 12;
    let first = u32::from_le_bytes(file[4..8].try_into().unwrap()) as usize;
    let mut link = next_of(&file, first);
    for (level, reduced) in [(20u8, true), (30, false), (40, false)] {
        let base = file.len().next_multiple_of(2);
        file.resize(base, 0);
        let mut other = page(level);
        let at = u32::from_le_bytes(other[4..8].try_into().unwrap()) as usize;
        for field in (at + 2..next_of(&other, at)).step_by(12) {
            let tag = u16::from_le_bytes([other[field], other[field + 1]]);
            let count = u32::from_le_bytes(other[field + 4..field + 8].try_into().unwrap());
            if tag == 273 {
                // One strip: its offset moves with the file.
                assert_eq!(count, 1);
                let moved = u32::from_le_bytes(other[field + 8..field + 12].try_into().unwrap()) + base as u32;
                other[field + 8..field + 12].copy_from_slice(&moved.to_le_bytes());
            }
            if reduced && tag == 317 {
                // The predictor's place, which is not needed, says NewSubfileType = 1.
                other[field..field + 2].copy_from_slice(&254u16.to_le_bytes());
            }
        }
        file[link..link + 4].copy_from_slice(&((base + at) as u32).to_le_bytes());
        link = base + next_of(&other, at);
        file.extend(other);
    }
    file
}

#[test]
fn every_page_can_be_opened() {
    let scratch = Scratch::new();
    let path = scratch.put("a.tif", &pages());
    assert_eq!(codec::page_count(&path, &Limits::default()).unwrap(), 3);
    for (page, level) in [(0, 10), (1, 30), (2, 40)] {
        let mut source = codec::open_page(&path, &Limits::default(), page).unwrap();
        assert_eq!(read_all(&mut *source, 5, &pool(1)).unwrap(), [level; 30]);
        assert!(source.info().warnings.is_empty(), "{:?}", source.info().warnings);
    }
    let error = codec::open_page(&path, &Limits::default(), 3).err().unwrap().to_string();
    assert!(error.contains("page 4 was asked for, the file has 3"), "{error}");
    let first = codec::open(&path, &Limits::default()).unwrap();
    assert!(first.info().warnings.iter().any(|w| w.contains("2 more pages")), "{:?}", first.info().warnings);
}

#[test]
fn damage_to_new_forms_is_an_error_or_a_picture() {
    let scratch = Scratch::new();
    let codes: Vec<u32> = (0..40 * 30).map(|i| i * 7 % 16).collect();
    let mut palette = Build { compression: 5, ..Build::new(1, 1, GRAY8) }.short(262, 3);
    palette.more.push((320, 3, 48, vec![9; 96]));
    let zstd = Build { compression: 50000, ..Build::new(1, 1, GRAY8) };
    let fixtures = [
        file(packed((40, 30), 1, 4, &codes, &palette)),
        file(packed((20, 30), 1, 12, &codes[..600], &zstd)),
        Build { compression: 50000, predictor: 2, ..Build::new(40, 30, RGB8) }.build(&samples(40, 30, RGB8)),
        pages(),
    ];
    let limits = Limits { pixels: 1 << 16, chunk_bytes: 1 << 20, metadata_bytes: 1 << 18 };
    let (mut pictures, mut errors) = (0, 0);
    let mut attempt = |bytes: &[u8]| {
        let path = scratch.put("a.tif", bytes);
        let count = codec::page_count(&path, &limits).unwrap_or(1);
        for page in 0..count.min(4) {
            match tiff::open_page(&path, &limits, page).and_then(|mut s| read_all(&mut *s, 7, &pool(1))) {
                Ok(_) => pictures += 1,
                Err(error) => {
                    assert!(error.to_string().contains("a.tif: "), "{error}");
                    errors += 1;
                }
            }
        }
    };
    for fixture in &fixtures {
        for cut in (0..fixture.len()).step_by(1 + fixture.len() / 60) {
            attempt(&fixture[..cut]);
        }
        for at in (0..fixture.len()).step_by(1 + fixture.len() / 250) {
            let mut bad = fixture.clone();
            bad[at] ^= 1 << (at % 8);
            attempt(&bad);
        }
    }
    assert!(pictures > 100 && errors > 100, "{pictures} pictures, {errors} errors: the test reaches nothing");
}
