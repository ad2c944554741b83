//! PNG: round trips of every layout, metadata, color chunks, damage, and real files.

mod picture_util;

use std::fs;

use chiaro::codec::{Compression, Format, Limits, open};
use chiaro::color::encodings;
use chiaro::error::{Error, ErrorKind};
use chiaro::picture::{
    Access, Alpha, Channels, Curve, Extent, PixelLayout, Region, Resolution, ResolutionUnit, SampleType, Strip,
};
use picture_util::{decode, files, layout, pixels, pool, read_all, spec, srgb_spec, testdata, torture, write};

const EXTENT: Extent = Extent { width: 61, height: 47 };

fn all_layouts() -> Vec<PixelLayout> {
    let channels = [Channels::Gray, Channels::GrayAlpha, Channels::Rgb, Channels::Rgba];
    let of = |sample| channels.map(|c| layout(sample, c, Alpha::Unassociated));
    [of(SampleType::U8), of(SampleType::U16)].concat()
}

/// A PNG file made by the `png` crate.
fn by_crate(
    color: png::ColorType,
    depth: png::BitDepth,
    data: &[u8],
    tune: impl Fn(&mut png::Encoder<&mut Vec<u8>>),
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, EXTENT.width, EXTENT.height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    tune(&mut encoder);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(data).unwrap();
    writer.finish().unwrap();
    bytes
}

/// The file with a chunk inserted behind IHDR.
fn with_chunk(file: &[u8], kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(kind);
    crc.update(data);
    let chunk = [&(data.len() as u32).to_be_bytes(), &kind[..], data, &crc.sum().to_be_bytes()].concat();
    [&file[..33], &chunk, &file[33..]].concat()
}

#[test]
fn every_layout_survives_and_another_decoder_agrees() {
    let folder = tempfile::tempdir().unwrap();
    let (path, pool) = (folder.path().join("a.png"), pool(2));
    for layout in all_layouts() {
        let samples = pixels(EXTENT, layout);
        for compression in [Compression::Deflate, Compression::None] {
            let spec = chiaro::codec::SinkSpec { compression, ..srgb_spec(EXTENT, layout) };
            write(&path, Format::Png, &spec, &samples, 10, &pool).unwrap();
            let (info, back) = decode(&path, &Limits::default(), &pool).unwrap();
            assert_eq!((info.extent, info.layout, info.access), (EXTENT, layout, Access::Rows), "{layout}");
            assert_eq!(info.encoding, encodings::srgb());
            assert!(back == samples, "{layout} {compression:?}");

            let mut other =
                png::Decoder::new(std::io::BufReader::new(fs::File::open(&path).unwrap())).read_info().unwrap();
            let mut theirs = vec![0; other.output_buffer_size().unwrap()];
            other.next_frame(&mut theirs).unwrap();
            if layout.sample == SampleType::U16 {
                theirs.chunks_exact_mut(2).for_each(<[u8]>::reverse);
            }
            assert!(theirs == samples, "{layout} by the png crate");
        }
    }
}

#[test]
fn bytes_do_not_depend_on_strips_or_threads() {
    let folder = tempfile::tempdir().unwrap();
    let layout = layout(SampleType::U16, Channels::Rgb, Alpha::None);
    // Several blocks of 1 MiB.
    let extent = Extent { width: 1501, height: 700 };
    let samples = pixels(extent, layout);
    let make = |rows, threads| {
        let path = folder.path().join(format!("{rows}-{threads}.png"));
        write(&path, Format::Png, &srgb_spec(extent, layout), &samples, rows, &pool(threads)).unwrap();
        (fs::read(&path).unwrap(), path)
    };
    let (reference, path) = make(700, 1);
    for (rows, threads) in [(1, 1), (7, 3), (64, 2), (700, 8)] {
        assert!(make(rows, threads).0 == reference, "strips of {rows}, {threads} threads");
    }
    assert!(decode(&path, &Limits::default(), &pool(1)).unwrap().1 == samples);
}

#[test]
fn interlaced_palette_low_bit_and_transparent_are_expanded() {
    let folder = tempfile::tempdir().unwrap();
    let (path, pool) = (folder.path().join("a.png"), pool(1));
    let indices: Vec<u8> = (0..EXTENT.pixels()).map(|i| (i % 3) as u8).collect();
    let palette = [10u8, 20, 30, 40, 50, 60, 70, 80, 90];
    let file = by_crate(png::ColorType::Indexed, png::BitDepth::Eight, &indices, |e| {
        e.set_palette(palette.to_vec());
        e.set_trns(vec![255, 128]);
    });
    fs::write(&path, file).unwrap();
    let (info, back) = decode(&path, &Limits::default(), &pool).unwrap();
    assert_eq!(info.layout, layout(SampleType::U8, Channels::Rgba, Alpha::Unassociated));
    assert_eq!(back[..12], [10, 20, 30, 255, 40, 50, 60, 128, 70, 80, 90, 255]);
    assert_eq!(info.warnings.len(), 2);

    // 1 bit: rows of 61 pixels take 8 bytes.
    let bits = vec![0b1010_0000u8; 8 * EXTENT.height as usize];
    fs::write(&path, by_crate(png::ColorType::Grayscale, png::BitDepth::One, &bits, |_| ())).unwrap();
    let (info, back) = decode(&path, &Limits::default(), &pool).unwrap();
    assert_eq!(info.layout, layout(SampleType::U8, Channels::Gray, Alpha::None));
    assert_eq!(back[..4], [255, 0, 255, 0]);

    // 16-bit gray with a transparent value.
    let gray = layout(SampleType::U16, Channels::Gray, Alpha::None);
    let samples = vec![1u8; EXTENT.pixels() as usize * gray.pixel_bytes()];
    let file = by_crate(png::ColorType::Grayscale, png::BitDepth::Sixteen, &samples, |e| e.set_trns(vec![1, 1]));
    fs::write(&path, file).unwrap();
    let (info, back) = decode(&path, &Limits::default(), &pool).unwrap();
    assert_eq!(info.layout, layout(SampleType::U16, Channels::GrayAlpha, Alpha::Unassociated));
    assert_eq!(back[..4], [1, 1, 0, 0]);
}

#[test]
fn metadata_survives() {
    let folder = tempfile::tempdir().unwrap();
    let (path, pool) = (folder.path().join("a.png"), pool(1));
    let layout = layout(SampleType::U16, Channels::Rgb, Alpha::None);
    let mut spec = srgb_spec(EXTENT, layout);
    spec.metadata.xmp = Some("<x:xmpmeta>ä</x:xmpmeta>".into());
    spec.metadata.exif = Some(b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x01\0\0\0\0\0\0\0".to_vec());
    spec.metadata.icc = Some(vec![7; 5000]);
    spec.metadata.resolution = Some(Resolution { x: (11811, 100), y: (5906, 100), unit: ResolutionUnit::Centimeter });
    spec.orientation = 6;
    spec.text = vec![("Comment".into(), "plain".into()), ("Title".into(), "grün".into())];
    write(&path, Format::Png, &spec, &pixels(EXTENT, layout), 8, &pool).unwrap();
    let source = open::open(&path, &Limits::default()).unwrap();
    let info = source.info();
    assert_eq!(info.metadata.xmp, spec.metadata.xmp);
    assert_eq!(info.metadata.icc, spec.metadata.icc);
    assert_eq!(info.metadata.resolution, spec.metadata.resolution);
    assert_eq!(info.orientation, 6);
    assert!(info.warnings.iter().any(|w| w.contains("ICC")), "7, 7, 7 is no profile: {:?}", info.warnings);

    // Texts of the input go to a copy, the caller's own win.
    let mut copy = srgb_spec(EXTENT, layout);
    copy.extras = source.extras();
    copy.text = vec![("Comment".into(), "new".into())];
    let copied = folder.path().join("b.png");
    write(&copied, Format::Png, &copy, &pixels(EXTENT, layout), 8, &pool).unwrap();
    let bytes = fs::read(&copied).unwrap();
    let has = |text: &str| bytes.windows(text.len()).any(|w| w == text.as_bytes());
    assert!(has("grün") && has("new") && !has("plain"));
}

#[test]
fn color_chunks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    let plain = by_crate(png::ColorType::Grayscale, png::BitDepth::Eight, &vec![9; EXTENT.pixels() as usize], |_| ());
    let open = |kind: &[u8; 4], data: &[u8]| {
        fs::write(&path, with_chunk(&plain, kind, data)).unwrap();
        open::open(&path, &Limits::default()).map(|s| s.info().encoding.clone())
    };
    assert_eq!(open(b"sRGB", &[0]).unwrap(), encodings::srgb());
    assert_eq!(open(b"gAMA", &45_455u32.to_be_bytes()).unwrap(), encodings::srgb());
    assert_eq!(open(b"gAMA", &100_000u32.to_be_bytes()).unwrap().curve, Curve::Linear);
    assert_eq!(open(b"gAMA", &50_000u32.to_be_bytes()).unwrap().curve, Curve::Power { gamma: 2.0 });
    assert_eq!(open(b"cICP", &[12, 13, 0, 1]).unwrap(), encodings::display_p3());
    assert_eq!(open(b"cICP", &[9, 8, 0, 1]).unwrap().primaries, encodings::linear_rec2020().primaries);
    for bad in [[9, 16, 0, 1], [9, 18, 0, 1], [1, 13, 0, 0], [1, 13, 1, 1], [77, 13, 0, 1]] {
        assert_eq!(open(b"cICP", &bad).unwrap_err().kind(), ErrorKind::Unsupported, "{bad:?}");
    }
}

#[test]
fn what_png_can_say_of_an_encoding_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    let layout = layout(SampleType::U8, Channels::Rgb, Alpha::None);
    let gamma = |g| chiaro::picture::ColorEncoding { curve: Curve::Power { gamma: g }, ..encodings::srgb() };
    let list = [encodings::srgb(), encodings::display_p3(), encodings::linear_rec2020(), gamma(2.2), gamma(1.6)];
    for encoding in list {
        write(&path, Format::Png, &spec(EXTENT, layout, encoding.clone()), &pixels(EXTENT, layout), 9, &pool(1))
            .unwrap();
        let source = open::open(&path, &Limits::default()).unwrap();
        let back = &source.info().encoding;
        assert_eq!((&back.primaries, &back.curve), (&encoding.primaries, &encoding.curve), "{}", encoding.name);
    }
}

#[test]
fn rows_go_downwards_and_rewind_starts_again() {
    let folder = tempfile::tempdir().unwrap();
    let (path, pool) = (folder.path().join("a.png"), pool(1));
    let layout = layout(SampleType::U16, Channels::Rgb, Alpha::None);
    let samples = pixels(EXTENT, layout);
    write(&path, Format::Png, &srgb_spec(EXTENT, layout), &samples, 9, &pool).unwrap();
    let mut source = open::open(&path, &Limits::default()).unwrap();
    let mut strip = Strip::new(Region { width: EXTENT.width, y: 0, rows: 0 }, layout);
    let region = |y, rows| Region { width: EXTENT.width, y, rows };
    source.read(region(20, 2), &mut strip, &pool).unwrap();
    let row = EXTENT.width as usize * layout.pixel_bytes();
    assert_eq!(strip.bytes(), &samples[20 * row..22 * row]);
    assert!(source.read(region(3, 1), &mut strip, &pool).is_err());
    source.rewind().unwrap();
    assert!(read_all(source.as_mut(), 5, &pool).unwrap() == samples);
    assert!(source.read(region(40, 8), &mut strip, &pool).is_err());
}

#[test]
fn refusals() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    let refuse = |l: PixelLayout| {
        let file = fs::File::create(folder.path().join("o.png")).unwrap();
        open::create(Format::Png, file, &path, srgb_spec(EXTENT, l)).err().map(|e| e.kind())
    };
    assert_eq!(refuse(layout(SampleType::F16, Channels::Rgb, Alpha::None)), Some(ErrorKind::Unsupported));
    assert_eq!(refuse(layout(SampleType::U16, Channels::Rgba, Alpha::Associated)), Some(ErrorKind::Unsupported));

    fs::write(&path, b"").unwrap();
    assert_eq!(open::open(&path, &Limits::default()).err().unwrap().kind(), ErrorKind::Input);
    fs::write(&path, b"hello").unwrap();
    assert_eq!(open::open(&path, &Limits::default()).err().unwrap().kind(), ErrorKind::Unsupported);

    // A claimed size costs nothing.
    let mut huge =
        by_crate(png::ColorType::Rgb, png::BitDepth::Sixteen, &vec![0; EXTENT.pixels() as usize * 6], |_| ());
    huge[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
    let mut crc = flate2::Crc::new();
    crc.update(&huge[12..29]);
    huge[29..33].copy_from_slice(&crc.sum().to_be_bytes());
    fs::write(&path, &huge).unwrap();
    assert!(matches!(open::open(&path, &Limits::default()), Err(Error::Limit { what: "number of pixels", .. })));
}

#[test]
fn an_unfinished_sink_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    let layout = layout(SampleType::U8, Channels::Gray, Alpha::None);
    let mut sink =
        open::create(Format::Png, fs::File::create(&path).unwrap(), &path, srgb_spec(EXTENT, layout)).unwrap();
    let strip = Strip::new(Region { width: EXTENT.width, y: 0, rows: 5 }, layout);
    sink.write(&strip, &pool(1)).unwrap();
    assert!(sink.write(&strip, &pool(1)).is_err(), "the same rows again");
    assert_eq!(sink.finish(&pool(1)).unwrap_err().kind(), ErrorKind::Output);
}

#[test]
fn damage_is_an_error_and_never_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let (path, pool) = (folder.path().join("a.png"), pool(1));
    let layout = layout(SampleType::U16, Channels::Rgba, Alpha::Unassociated);
    let mut spec = srgb_spec(EXTENT, layout);
    spec.metadata.xmp = Some(b"<x/>".to_vec());
    write(&path, Format::Png, &spec, &pixels(EXTENT, layout), 9, &pool).unwrap();
    let survivors = torture(&fs::read(&path).unwrap(), folder.path(), &pool);
    // Every byte of this file but those of no chunk we know is under a checksum.
    assert_eq!(survivors, 0, "a flipped bit went unnoticed");
}

#[test]
#[cfg_attr(not(has_testdata), ignore = "CHIARO_TESTDATA is not set")]
fn real_files() {
    let Some(folder) = testdata("png16") else { return };
    let pool = pool(2);
    let (mut good, mut refused) = (0, Vec::new());
    for path in files(&folder, "png") {
        match decode(&path, &Limits::default(), &pool) {
            Ok((info, bytes)) => {
                good += 1;
                println!(
                    "{}: {} {}, {} ({}) {:?}",
                    path.display(),
                    info.extent,
                    info.layout,
                    info.encoding.name,
                    info.encoding_source,
                    info.warnings
                );
                assert_eq!(bytes.len() as u64, info.extent.pixels() * info.layout.pixel_bytes() as u64);
            }
            Err(e) => refused.push(format!("{:?} {e}", e.kind())),
        }
    }
    println!("{good} decoded, {} refused:\n{}", refused.len(), refused.join("\n"));
    assert!(good > 30, "only {good} of {} files were decoded", good + refused.len());
    let first = files(&folder, "png");
    let cut = tempfile::tempdir().unwrap();
    for path in first.iter().filter(|p| fs::metadata(p).is_ok_and(|m| m.len() < 2500)).take(3) {
        torture(&fs::read(path).unwrap(), cut.path(), &pool);
    }
}
