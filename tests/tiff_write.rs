//! Writing TIFF: an independent decoder reads the same samples; bytes do not depend on threads or strip heights; metadata survives.

mod tiff_util;

use std::fs::File;
use std::path::Path;

use chiaro::codec::{Compression, Limits, Pool, SinkSpec, tiff};
use chiaro::error::ErrorKind;
use chiaro::picture::exif::{self, Entry, Ifd, Kind};
use chiaro::picture::{
    Alpha, Channels, Extent, Metadata, PixelLayout, Region, Resolution, ResolutionUnit, SampleType, Strip,
};
use tiff_util::{Build, Scratch, decode, decode_with_crate, layouts, pool, samples};

const RGB16: PixelLayout = PixelLayout { sample: SampleType::U16, channels: Channels::Rgb, alpha: Alpha::None };

fn spec(width: u32, height: u32, layout: PixelLayout, compression: Compression) -> SinkSpec {
    SinkSpec {
        extent: Extent { width, height },
        layout,
        encoding: chiaro::color::encodings::srgb(),
        orientation: 1,
        metadata: Metadata::default(),
        compression,
        extras: None,
        gray_name: "Y",
        text: Vec::new(),
    }
}

/// Writes `pixels` in strips of `rows` rows.
fn write(path: &Path, spec: &SinkSpec, pixels: &[u8], rows: u32, pool: &Pool) -> Vec<u8> {
    let mut sink = tiff::create(File::create(path).unwrap(), path, spec.clone()).unwrap();
    let mut at = 0;
    for region in Region::strips(spec.extent, rows) {
        let mut strip = Strip::new(region, spec.layout);
        let length = strip.byte_len();
        strip.bytes_mut().copy_from_slice(&pixels[at..at + length]);
        sink.write(&strip, pool).unwrap();
        at += length;
    }
    sink.finish(pool).unwrap();
    std::fs::read(path).unwrap()
}

#[test]
fn another_decoder_reads_the_same_samples() {
    let (scratch, pool) = (Scratch::new(), pool(2));
    let mut confirmed = 0;
    for layout in layouts() {
        for compression in [Compression::None, Compression::Lzw, Compression::Deflate] {
            let pixels = samples(61, 43, layout);
            let path = scratch.path("a.tif");
            write(&path, &spec(61, 43, layout, compression), &pixels, 10, &pool);
            match decode_with_crate(&path) {
                Ok(other) => {
                    assert!(other == pixels, "{layout} {compression:?}");
                    confirmed += 1;
                }
                Err(reason) => eprintln!("not confirmed by the other decoder: {layout} {compression:?}: {reason}"),
            }
            assert!(decode(&path, 9, &pool).unwrap() == pixels, "{layout} {compression:?}");
        }
    }
    assert!(confirmed >= 36, "{confirmed} of 48 confirmed");
}

#[test]
fn bytes_do_not_depend_on_threads_or_strips() {
    let scratch = Scratch::new();
    // 5 strips of 87 rows and one of 65: rows of 12 000 bytes.
    let pixels = samples(2000, 500, RGB16);
    for compression in [Compression::None, Compression::Lzw, Compression::Deflate] {
        let spec = spec(2000, 500, RGB16, compression);
        let path = scratch.path("a.tif");
        let first = write(&path, &spec, &pixels, 500, &pool(1));
        for (rows, threads) in [(1, 2), (64, 8), (87, 2), (88, 1), (300, 3)] {
            assert!(write(&path, &spec, &pixels, rows, &pool(threads)) == first, "{compression:?} {rows} {threads}");
        }
        assert!(decode_with_crate(&path).unwrap() == pixels);
    }
}

#[test]
fn rows_out_of_sequence_and_missing_rows_are_refused() {
    let (scratch, pool) = (Scratch::new(), pool(1));
    let path = scratch.path("a.tif");
    let spec = spec(8, 8, RGB16, Compression::Lzw);
    let mut sink = tiff::create(File::create(&path).unwrap(), &path, spec.clone()).unwrap();
    let strip = |y, rows, layout| Strip::new(Region { width: 8, y, rows }, layout);
    sink.write(&strip(0, 3, RGB16), &pool).unwrap();
    for (y, rows) in [(0, 3), (4, 1), (3, 6)] {
        assert_eq!(sink.write(&strip(y, rows, RGB16), &pool).unwrap_err().kind(), ErrorKind::Output);
    }
    assert!(sink.write(&strip(3, 1, PixelLayout { sample: SampleType::U8, ..RGB16 }), &pool).is_err());
    assert!(sink.finish(&pool).unwrap_err().to_string().contains("3 of 8 rows"));
    assert!(tiff::open(&path, &Limits::default()).is_err(), "an unfinished file is no picture");
}

#[test]
fn a_full_disk_is_an_output_error() {
    let Ok(full) = File::options().write(true).open("/dev/full") else {
        eprintln!("ignored: this system has no /dev/full");
        return;
    };
    let path = Path::new("/dev/full");
    let error = tiff::create(full, path, spec(8, 8, RGB16, Compression::None)).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Output);
    assert!(error.to_string().starts_with("/dev/full: cannot be written"), "{error}");
}

fn camera() -> Ifd {
    let exif = Ifd {
        entries: vec![
            Entry::rational(33434, (1, 250)),
            Entry { tag: 37500, kind: Kind::Undefined, bytes: vec![9; 300] },
            Entry::long(40962, &[9999]),
            Entry::long(40963, &[1]),
        ],
        children: vec![],
    };
    let gps = Ifd { entries: vec![Entry::ascii(1, "N")], children: vec![] };
    Ifd {
        entries: vec![
            Entry::ascii(271, "Maker"),
            Entry::ascii(305, "Some program"),
            Entry::ascii(306, "2026:01:02 03:04:05"),
            Entry::short(274, &[8]),
        ],
        children: vec![(exif::EXIF_IFD, exif), (exif::GPS_IFD, gps)],
    }
}

#[test]
fn metadata_survives_in_every_compression() {
    let (scratch, pool) = (Scratch::new(), pool(1));
    let resolution = Resolution { x: (300, 1), y: (72, 7), unit: ResolutionUnit::Centimeter };
    let metadata = Metadata {
        icc: Some((0..200_000u32).map(|i| i as u8).collect()),
        exif: Some(exif::write(&camera()).unwrap()),
        xmp: Some(b"<x:xmpmeta/>".to_vec()),
        iptc: Some(vec![0x1c, 2, 5, 0, 1, b'a', 0]),
        resolution: Some(resolution),
        ..Metadata::default()
    };
    for compression in [Compression::None, Compression::Deflate] {
        let spec = SinkSpec { orientation: 6, metadata: metadata.clone(), ..spec(30, 20, RGB16, compression) };
        let path = scratch.path("a.tif");
        write(&path, &spec, &samples(30, 20, RGB16), 20, &pool);
        let source = tiff::open(&path, &Limits::default()).unwrap();
        let info = source.info();
        assert_eq!(info.orientation, 6);
        assert_eq!(Metadata { exif: None, ..info.metadata.clone() }, Metadata { exif: None, ..metadata.clone() });
        let found = exif::parse(info.metadata.exif.as_ref().unwrap(), 1 << 20).unwrap();
        assert_eq!(found.warnings, Vec::<String>::new());
        let mut expected = camera();
        expected.describe_only(30, 20);
        assert!(expected.find(305).is_some() && expected.find(306).is_some());
        expected.children[0].1.entries.sort_by_key(|entry| entry.tag);
        assert_eq!(found.ifd, expected);
        // Once more through: nothing wears off.
        let again = SinkSpec { metadata: info.metadata.clone(), ..spec.clone() };
        let first = std::fs::read(&path).unwrap();
        assert!(write(&scratch.path("b.tif"), &again, &samples(30, 20, RGB16), 20, &pool) == first);
    }
}

#[test]
fn text_becomes_the_description_if_there_is_none() {
    let (scratch, pool) = (Scratch::new(), pool(1));
    let path = scratch.path("a.tif");
    let text = vec![("kind".to_owned(), "metric depth".to_owned()), ("unit".to_owned(), "m".to_owned())];
    let mut spec = SinkSpec { text, ..spec(4, 4, RGB16, Compression::None) };
    for (own, expected) in [(None, "kind: metric depth; unit: m"), (Some("mine"), "mine")] {
        spec.metadata.exif =
            own.map(|own| exif::write(&Ifd { entries: vec![Entry::ascii(270, own)], children: vec![] }).unwrap());
        write(&path, &spec, &samples(4, 4, RGB16), 4, &pool);
        let blob = tiff::open(&path, &Limits::default()).unwrap().info().metadata.exif.clone().unwrap();
        let ifd = exif::parse(&blob, 1 << 20).unwrap().ifd;
        assert_eq!(ifd.find(270), Some(&Entry::ascii(270, expected)));
    }
}

#[test]
fn the_input_s_compression_travels() {
    let (scratch, pool) = (Scratch::new(), pool(1));
    let pixels = samples(16, 16, RGB16);
    for (compression, name) in [(1, "none"), (5, "lzw"), (8, "deflate"), (32773, "lzw")] {
        let path = scratch.put("in.tif", &Build { compression, ..Build::new(16, 16, RGB16) }.build(&pixels));
        let extras = tiff::open(&path, &Limits::default()).unwrap().extras();
        let out = scratch.path("out.tif");
        write(&out, &SinkSpec { extras, ..spec(16, 16, RGB16, Compression::Input) }, &pixels, 16, &pool);
        assert_eq!(tiff::open(&out, &Limits::default()).unwrap().info().compression, name);
    }
}
