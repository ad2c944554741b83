//! WebP: round trips through another author's decoder, alpha, metadata, animations, damage.

mod picture_util;

use std::fs;

use chiaro::codec::{Compression, Format, Limits, SinkSpec, open};
use chiaro::color::{encodings, icc};
use chiaro::error::ErrorKind;
use chiaro::picture::exif::{self, Entry, Ifd};
use chiaro::picture::{Access, Alpha, Channels, Extent, Metadata, PixelLayout, SampleType};
use picture_util::{decode, layout, pixels, pool, srgb_spec, torture, write};

const EXTENT: Extent = Extent { width: 61, height: 47 };

fn u8_layout(channels: Channels) -> PixelLayout {
    layout(SampleType::U8, channels, Alpha::Unassociated)
}

fn encoded(spec: &SinkSpec, samples: &[u8]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.webp");
    write(&path, Format::Webp, spec, samples, 10, &pool(1)).unwrap();
    fs::read(path).unwrap()
}

/// Slow ramps; the alpha channel, where there is one, is noise.
fn ramps(channels: Channels) -> Vec<u8> {
    let noise = pixels(EXTENT, u8_layout(Channels::Rgba));
    let all = (0..EXTENT.height).flat_map(|y| (0..EXTENT.width).map(move |x| (x, y)));
    let pixel = |((x, y), noise): ((u32, u32), &[u8])| [(x * 4) as u8, (y * 5) as u8, (x + y) as u8, noise[3]];
    all.zip(noise.chunks(4)).flat_map(|p| pixel(p).into_iter().take(channels.count())).collect()
}

fn metadata() -> Metadata {
    let ifd = Ifd { entries: vec![Entry::ascii(271, "Maker"), Entry::short(274, &[8])], children: vec![] };
    Metadata {
        icc: icc::write(&encodings::display_p3(), true).ok(),
        exif: exif::write(&ifd).ok(),
        xmp: Some(b"<x:xmpmeta/> of an odd length".to_vec()),
        iptc: None,
        resolution: None,
        ..Metadata::default()
    }
}

#[test]
fn lossless_files_are_exact_and_lossy_ones_close() {
    let folder = tempfile::tempdir().unwrap();
    let (path, pool) = (folder.path().join("a.webp"), pool(2));
    for channels in [Channels::Rgb, Channels::Rgba] {
        let layout = u8_layout(channels);
        let noise = pixels(EXTENT, layout);
        for compression in [Compression::Lossless, Compression::Deflate, Compression::None] {
            fs::write(&path, encoded(&SinkSpec { compression, ..srgb_spec(EXTENT, layout) }, &noise)).unwrap();
            let (info, back) = decode(&path, &Limits::default(), &pool).unwrap();
            assert_eq!((info.extent, info.layout, info.access), (EXTENT, layout, Access::Whole));
            assert_eq!((info.compression, info.encoding), ("lossless", encodings::srgb()));
            assert!(back == noise, "{layout} {compression:?}");
        }
        let (smooth, mut sizes) = (ramps(channels), Vec::new());
        for quality in [95, 40] {
            let spec = SinkSpec { compression: Compression::lossy(quality, None), ..srgb_spec(EXTENT, layout) };
            fs::write(&path, encoded(&spec, &smooth)).unwrap();
            sizes.push(fs::metadata(&path).unwrap().len());
            let (info, back) = decode(&path, &Limits::default(), &pool).unwrap();
            assert_eq!((info.layout, info.compression), (layout, "lossy"));
            for (a, b) in smooth.chunks(channels.count()).zip(back.chunks(channels.count())) {
                let close = a[..3].iter().zip(&b[..3]).all(|(a, b)| a.abs_diff(*b) <= 24);
                assert!(close && a[3..] == b[3..], "{layout}, quality {quality}: {a:?} became {b:?}");
            }
        }
        assert!(sizes[0] > sizes[1], "{sizes:?}");
    }
}

#[test]
fn metadata_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.webp");
    for channels in [Channels::Rgb, Channels::Rgba] {
        for compression in [Compression::Lossless, Compression::lossy(80, None)] {
            let layout = u8_layout(channels);
            let spec = SinkSpec { orientation: 8, metadata: metadata(), compression, ..srgb_spec(EXTENT, layout) };
            fs::write(&path, encoded(&spec, &ramps(channels))).unwrap();
            let info = open::open(&path, &Limits::default()).unwrap().info().clone();
            assert_eq!((&info.metadata, info.orientation), (&metadata(), 8));
            assert_eq!((info.encoding_source, info.layout), ("ICC profile", layout));
            // The crate's own reading of the container.
            let mut theirs = image_webp::WebPDecoder::new(std::io::Cursor::new(fs::read(&path).unwrap())).unwrap();
            assert_eq!(
                (theirs.icc_profile().unwrap(), theirs.xmp_metadata().unwrap()),
                (metadata().icc, metadata().xmp)
            );
            assert_eq!(theirs.has_alpha(), channels.has_alpha());
        }
    }
}

#[test]
fn an_alpha_channel_that_is_opaque_everywhere_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.webp");
    let layout = u8_layout(Channels::Rgba);
    let mut opaque = ramps(Channels::Rgba);
    opaque.iter_mut().skip(3).step_by(4).for_each(|alpha| *alpha = 255);
    for metadata in [metadata(), Metadata::default()] {
        let spec = SinkSpec { metadata, compression: Compression::Lossless, ..srgb_spec(EXTENT, layout) };
        for compression in [Compression::Lossless, Compression::lossy(90, None)] {
            fs::write(&path, encoded(&SinkSpec { compression, ..spec.clone() }, &opaque)).unwrap();
            let (info, back) = decode(&path, &Limits::default(), &pool(1)).unwrap();
            assert!(info.layout.channels == Channels::Rgb || back.iter().skip(3).step_by(4).all(|a| *a == 255));
        }
    }
}

/// Frames as an animation.
fn animation(frames: &[Vec<u8>]) -> Vec<u8> {
    let chunk = |kind: &[u8], data: &[u8]| [kind, &(data.len() as u32).to_le_bytes(), data].concat();
    let size = |v: u32| (v - 1).to_le_bytes()[..3].to_vec();
    let canvas = [size(EXTENT.width), size(EXTENT.height)].concat();
    let mut body = [&b"WEBP"[..], &chunk(b"VP8X", &[&[2, 0, 0, 0], &canvas[..]].concat())].concat();
    body.extend(chunk(b"ANIM", &[0; 6]));
    for frame in frames {
        let head = [&[0; 6], &canvas[..], &[40, 0, 0, 2]].concat();
        body.extend(chunk(b"ANMF", &[&head, &frame[12..]].concat()));
    }
    chunk(b"RIFF", &body)
}

#[test]
fn the_first_frame_of_an_animation_is_read_with_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.webp");
    let layout = u8_layout(Channels::Rgb);
    let spec = SinkSpec { compression: Compression::Lossless, ..srgb_spec(EXTENT, layout) };
    let noise = pixels(EXTENT, layout);
    let frames = [encoded(&spec, &noise), encoded(&spec, &ramps(Channels::Rgb))];
    fs::write(&path, animation(&frames)).unwrap();
    let (info, back) = decode(&path, &Limits::default(), &pool(1)).unwrap();
    assert!(back == noise && info.warnings.iter().any(|w| w.contains("animated")), "{:?}", info.warnings);
}

#[test]
fn what_webp_cannot_hold_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.webp");
    let wide = Extent { width: 1, height: 16_384 };
    for (extent, layout, word) in [
        (EXTENT, layout(SampleType::U16, Channels::Rgb, Alpha::None), "16-bit"),
        (EXTENT, u8_layout(Channels::Gray), "gray"),
        (EXTENT, layout(SampleType::U8, Channels::Rgba, Alpha::Associated), "unassociated"),
        (wide, u8_layout(Channels::Rgb), "1x16384"),
    ] {
        let file = fs::File::create(&path).unwrap();
        let error = open::create(Format::Webp, file, &path, srgb_spec(extent, layout)).err().unwrap();
        assert!(error.kind() == ErrorKind::Unsupported && error.to_string().contains(word), "{error}");
    }
}

#[test]
fn damage_is_an_error_or_a_picture() {
    let folder = tempfile::tempdir().unwrap();
    let pool = pool(1);
    let spec =
        |channels, compression, metadata| SinkSpec { compression, metadata, ..srgb_spec(EXTENT, u8_layout(channels)) };
    let lossy = Compression::lossy(80, None);
    for (name, file) in [
        ("lossy", encoded(&spec(Channels::Rgb, lossy, Metadata::default()), &ramps(Channels::Rgb))),
        ("lossy with all", encoded(&spec(Channels::Rgba, lossy, metadata()), &ramps(Channels::Rgba))),
        (
            "lossless",
            encoded(&spec(Channels::Rgba, Compression::Lossless, Metadata::default()), &ramps(Channels::Rgba)),
        ),
    ] {
        let pictures = torture(&file, folder.path(), &pool);
        assert!(pictures > 10 && pictures < 400, "{name}: {pictures} of 400 flips gave a picture");
    }
}
