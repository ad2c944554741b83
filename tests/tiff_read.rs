//! Reading TIFF: every layout, compression, predictor, chunking, plane order and byte order gives the same samples.

mod tiff_util;

use chiaro::codec::{Limits, tiff};
use chiaro::error::ErrorKind;
use chiaro::picture::{Access, Alpha, Channels, PixelLayout, Region, SampleType, Strip};
use tiff_util::{Build, Scratch, decode, decode_with_crate, layouts, pool, read_all, samples};

const RGB16: PixelLayout = PixelLayout { sample: SampleType::U16, channels: Channels::Rgb, alpha: Alpha::None };
const GRAY8: PixelLayout = PixelLayout { sample: SampleType::U8, channels: Channels::Gray, alpha: Alpha::None };

/// Native bytes as 16-bit numbers.
fn numbers(bytes: &[u8]) -> Vec<u16> {
    bytes.as_chunks::<2>().0.iter().map(|sample| u16::from_ne_bytes(*sample)).collect()
}

/// Compressions with the predictors that fit.
fn packings(layout: PixelLayout) -> Vec<(u16, u16)> {
    let mut packings = vec![(1, 1), (32773, 1), (5, 1), (8, 1), (32946, 1), (5, 2), (8, 2)];
    if !layout.sample.is_integer() {
        packings.extend([(5, 3), (8, 3)]);
    }
    packings
}

#[test]
fn every_layout_reads_the_same() {
    let (scratch, one, three) = (Scratch::new(), pool(1), pool(3));
    let (width, height) = (37, 29);
    let mut confirmed = 0;
    for layout in layouts() {
        let pixels = samples(width, height, layout);
        for (compression, predictor) in packings(layout) {
            for (tile, rows_per_strip) in
                [(None, 1), (None, 7), (None, 29), (None, 64), (Some((16, 16)), 0), (Some((48, 32)), 0)]
            {
                for (big_endian, big_tiff, planar) in
                    [(false, false, false), (true, false, false), (false, true, true), (true, true, true)]
                {
                    let build = Build {
                        big_endian,
                        big_tiff,
                        tile,
                        rows_per_strip,
                        planar,
                        compression,
                        predictor,
                        ..Build::new(width, height, layout)
                    };
                    let path = scratch.put("a.tif", &build.build(&pixels));
                    for (rows, pool) in [(29, &three), (5, &one)] {
                        let found = decode(&path, rows, pool).unwrap_or_else(|e| panic!("{build:?}: {e}"));
                        assert!(found == pixels, "{build:?} by {rows} rows");
                    }
                    // The builder itself is checked by an independent decoder wherever that has the layout.
                    if !planar
                        && let Ok(other) = decode_with_crate(&path)
                        && compression != 32773
                    {
                        assert!(other == pixels, "builder: {build:?}");
                        confirmed += 1;
                    }
                }
            }
        }
    }
    assert!(confirmed > 500, "only {confirmed} builds confirmed by the other decoder");
}

#[test]
fn strips_can_be_read_in_any_order() {
    let (scratch, pool) = (Scratch::new(), pool(2));
    let pixels = samples(40, 50, RGB16);
    for (tile, compression) in [(None, 1), (None, 8), (Some((16, 16)), 5), (Some((16, 16)), 1)] {
        let build = Build { tile, compression, ..Build::new(40, 50, RGB16) };
        let mut source = tiff::open(&scratch.put("a.tif", &build.build(&pixels)), &Limits::default()).unwrap();
        let mut strip = Strip::new(Region { width: 40, y: 0, rows: 1 }, RGB16);
        for (y, rows) in [(45, 5), (0, 3), (3, 20), (10, 1), (22, 28), (0, 50), (49, 1)] {
            source.read(Region { width: 40, y, rows }, &mut strip, &pool).unwrap();
            assert!(strip.bytes() == &pixels[y as usize * 240..(y + rows) as usize * 240], "rows {y} + {rows}");
        }
        for (y, rows, width) in [(0, 51, 40), (50, 1, 40), (0, 0, 40), (0, 1, 39), (u32::MAX, 2, 40)] {
            assert!(source.read(Region { width, y, rows }, &mut strip, &pool).is_err());
        }
        assert_eq!(
            source.read_depth(Region { width: 40, y: 0, rows: 1 }, &mut [], &pool).unwrap_err().kind(),
            ErrorKind::Unsupported
        );
    }
}

#[test]
fn access_follows_the_chunks() {
    let scratch = Scratch::new();
    for (compression, rows_per_strip, expected) in [
        (1, 50, Access::Random),
        (1, 7, Access::Random),
        (8, 7, Access::Random),
        (8, 50, Access::Whole),
        (5, 99, Access::Whole),
    ] {
        let build = Build { compression, rows_per_strip, ..Build::new(40, 50, RGB16) };
        let source =
            tiff::open(&scratch.put("a.tif", &build.build(&samples(40, 50, RGB16))), &Limits::default()).unwrap();
        assert_eq!(source.info().access, expected, "{compression} {rows_per_strip}");
        assert_eq!(source.info().chunk_rows, if (compression, rows_per_strip) == (8, 7) { 7 } else { 1 });
        if expected == Access::Whole {
            assert!(source.resident_bytes(50) >= 40 * 50 * 6);
        }
    }
}

#[test]
fn white_is_zero_is_inverted_with_a_note() {
    let (scratch, pool) = (Scratch::new(), pool(1));
    let layout = PixelLayout { channels: Channels::GrayAlpha, alpha: Alpha::Unassociated, ..RGB16 };
    let pixels = samples(9, 9, layout);
    let path = scratch.put("a.tif", &Build::new(9, 9, layout).short(262, 0).build(&pixels));
    let mut source = tiff::open(&path, &Limits::default()).unwrap();
    assert!(source.info().warnings.iter().any(|w| w.contains("WhiteIsZero")));
    let found = numbers(&read_all(&mut *source, 4, &pool).unwrap());
    let stored = numbers(&pixels);
    for (found, stored) in found.chunks(2).zip(stored.chunks(2)) {
        assert_eq!(found, [65535 - stored[0], stored[1]]);
    }
}

#[test]
fn extra_channels_follow_their_tag() {
    let scratch = Scratch::new();
    let layout = PixelLayout { channels: Channels::Rgba, alpha: Alpha::Associated, ..RGB16 };
    for (extra, alpha, warned) in
        [(0, Alpha::Unassociated, true), (1, Alpha::Associated, false), (2, Alpha::Unassociated, false)]
    {
        let path = scratch.put("a.tif", &Build::new(5, 5, layout).short(338, extra).build(&samples(5, 5, layout)));
        let source = tiff::open(&path, &Limits::default()).unwrap();
        assert_eq!((source.info().layout.alpha, !source.info().warnings.is_empty()), (alpha, warned));
    }
}

#[test]
fn what_is_not_supported_says_so_in_a_sentence() {
    let scratch = Scratch::new();
    let rgb = || Build::new(8, 8, RGB16);
    let gray = || Build::new(8, 8, GRAY8);
    for (build, word) in [
        (rgb().short(259, 7), "JPEG"),
        (gray().short(259, 4), "fax"),
        (rgb().short(262, 5), "CMYK"),
        (rgb().short(262, 6), "YCbCr"),
        (rgb().short(259, 34926).short(262, 32845), "LogLuv"),
        (rgb().short(262, 10), "ITU L*a*b*"),
        (gray().short(259, 5).short(317, 2).short(258, 12), "a predictor on 12-bit"),
        (gray().short(258, 32), "32-bit unsigned integer samples"),
        (gray().short(339, 2), "signed"),
        (gray().short(266, 2), "FillOrder"),
        (gray().short(254, 1), "reduced"),
        (gray().short(50706, 1), "DNG"),
        (gray().short(277, 4), "extra channels"),
    ] {
        let path = scratch.put("a.tif", &build.build(&vec![0; 8 * 8 * build.layout.pixel_bytes()]));
        let error = tiff::open(&path, &Limits::default()).err().unwrap_or_else(|| panic!("{word}: opened"));
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(error.to_string().contains(word), "{error}");
    }
    for (build, word) in [
        (rgb().short(277, 2), "with 2 samples"),
        (gray().short(262, 3), "palette (ColorMap) is missing"),
        (rgb().short(278, 0), "RowsPerStrip"),
        (rgb().short(256, 0), "width"),
    ] {
        let path = scratch.put("a.tif", &build.build(&vec![0; 8 * 8 * 6]));
        let error = tiff::open(&path, &Limits::default()).err().unwrap_or_else(|| panic!("{word}: opened"));
        assert_eq!(error.kind(), ErrorKind::Input, "{error}");
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[test]
fn limits_are_named() {
    let scratch = Scratch::new();
    let path =
        scratch.put("a.tif", &Build { compression: 5, ..Build::new(100, 100, RGB16) }.build(&samples(100, 100, RGB16)));
    for (limits, what) in [
        (Limits { pixels: 9_999, ..Limits::default() }, "number of pixels is 10000, the limit is 9999"),
        (Limits { chunk_bytes: 4_199, ..Limits::default() }, "bytes of a chunk is 4200, the limit is 4199"),
    ] {
        let error = tiff::open(&path, &limits).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Limit);
        assert!(error.to_string().ends_with(what), "{error}");
    }
    assert!(tiff::open(&path, &Limits { pixels: 10_000, chunk_bytes: 4_200, ..Limits::default() }).is_ok());
}

#[test]
fn a_chunk_that_yields_too_little_is_named() {
    let (scratch, pool) = (Scratch::new(), pool(2));
    for compression in [1, 5, 8, 32773] {
        let whole = Build { compression, ..Build::new(20, 21, GRAY8) };
        // The same tables, but the picture claims to be wider than its strips.
        let mut build = whole.clone();
        build.more.push((256, 4, 1, 30u32.to_le_bytes().to_vec()));
        let path = scratch.put("a.tif", &build.build(&samples(20, 21, GRAY8)));
        let error = decode(&path, 21, &pool).unwrap_err().to_string();
        assert!(error.contains("strip 0: ") && error.contains("140 bytes of 210"), "{error}");
    }
}

#[test]
fn other_pages_are_counted_without_reduced_ones() {
    let scratch = Scratch::new();
    let one = Build::new(4, 4, GRAY8).build(&samples(4, 4, GRAY8));
    // Chains copies of the directory: it lies behind the pixels; its next pointer behind its fields.
    let at = u32::from_le_bytes(one[4..8].try_into().unwrap()) as usize;
    let fields = u16::from_le_bytes(one[at..at + 2].try_into().unwrap()) as usize;
    let next = at + 2 + fields * 12;
    let mut file = one.clone();
    let mut link = next;
    for reduced in [false, true, false] {
        let here = file.len();
        file[link..link + 4].copy_from_slice(&(here as u32).to_le_bytes());
        let mut copy = one[at..next + 4].to_vec();
        if reduced {
            // The first field becomes NewSubfileType = 1.
            copy[2..14].copy_from_slice(&[254, 0, 4, 0, 1, 0, 0, 0, 1, 0, 0, 0]);
        }
        link = here + copy.len() - 4;
        file.extend(copy);
    }
    let source = tiff::open(&scratch.put("a.tif", &file), &Limits::default()).unwrap();
    assert!(source.info().warnings.iter().any(|w| w.contains("2 more pages")), "{:?}", source.info().warnings);
    // A circle ends.
    file[link..link + 4].copy_from_slice(&(at as u32).to_le_bytes());
    assert!(tiff::open(&scratch.put("a.tif", &file), &Limits::default()).is_ok());
}

#[test]
fn odd_facts_are_warnings() {
    let scratch = Scratch::new();
    let mut build = Build::new(4, 4, RGB16).short(274, 9);
    build.more.push((34675, 7, 20, vec![1; 20]));
    build.more.push((33723, 7, 1 << 20, vec![0xff, 0xff, 0, 0]));
    let source = tiff::open(&scratch.put("a.tif", &build.build(&samples(4, 4, RGB16))), &Limits::default()).unwrap();
    let info = source.info();
    assert_eq!((info.orientation, info.encoding.name.as_str(), info.encoding_source), (1, "sRGB", "file-type default"));
    for word in ["Orientation is 9", "ICC", "IPTC"] {
        assert!(info.warnings.iter().any(|w| w.contains(word)), "{word}: {:?}", info.warnings);
    }
    let float = PixelLayout { sample: SampleType::F32, ..RGB16 };
    let path = scratch.put("a.tif", &Build::new(4, 4, float).build(&samples(4, 4, float)));
    assert_eq!(tiff::open(&path, &Limits::default()).unwrap().info().encoding.name, "linear Rec.709");
}
