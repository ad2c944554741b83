//! JPEG: round trips, what decoders may not guess (color models, orientation, encoding), metadata, damage.

mod picture_util;

use std::fs;
use std::path::Path;

use chiaro::codec::{Compression, Format, Limits, SinkSpec, open};
use chiaro::color::{encodings, icc};
use chiaro::error::ErrorKind;
use chiaro::picture::exif::{self, EXIF_IFD, Entry, INTEROP_IFD, Ifd};
use chiaro::picture::{
    Access, Alpha, Channels, ColorModel, Extent, Metadata, PixelLayout, Resolution, ResolutionUnit, SampleType,
    Subsampling,
};
use chiaro::recipe::Recipe;
use picture_util::{decode, layout, pool, srgb_spec, torture, write};

const EXTENT: Extent = Extent { width: 61, height: 47 };

fn u8_layout(channels: Channels) -> PixelLayout {
    layout(SampleType::U8, channels, Alpha::None)
}

/// Slow ramps, which a JPEG of high quality keeps within a few codes.
fn ramps(extent: Extent, channels: Channels) -> Vec<u8> {
    let pixel = |x: u32, y: u32| [x * 255 / extent.width, y * 255 / extent.height, (x + y) * 128 / extent.width];
    let all = (0..extent.height).flat_map(|y| (0..extent.width).map(move |x| (x, y)));
    let samples = channels.count();
    all.flat_map(|(x, y)| pixel(x, y).map(|code| code.min(255) as u8).into_iter().take(samples)).collect()
}

fn lossy(quality: u8, subsampling: Option<Subsampling>) -> Compression {
    Compression::lossy(quality, subsampling)
}

fn worst(a: &[u8], b: &[u8]) -> u8 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max().unwrap()
}

/// A file as the encoder's crate makes it, tuned.
fn by_crate(
    data: &[u8],
    color: jpeg_encoder::ColorType,
    tune: impl Fn(&mut jpeg_encoder::Encoder<&mut Vec<u8>>),
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 97);
    tune(&mut encoder);
    encoder.encode(data, EXTENT.width as u16, EXTENT.height as u16, color).unwrap();
    bytes
}

/// The file with a segment inserted behind SOI.
fn with_segment(file: &[u8], marker: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u16 + 2).to_be_bytes();
    [&file[..2], &[0xff, marker], &length, payload, &file[2..]].concat()
}

#[test]
fn ramps_survive_in_every_kind_of_file() {
    let folder = tempfile::tempdir().unwrap();
    let (path, pool) = (folder.path().join("a.jpg"), pool(2));
    for channels in [Channels::Gray, Channels::Rgb] {
        let samples = ramps(EXTENT, channels);
        for (subsampling, allowed) in [(Subsampling::None, 4), (Subsampling::Horizontal, 10), (Subsampling::Both, 12)] {
            let spec = SinkSpec { compression: lossy(98, Some(subsampling)), ..srgb_spec(EXTENT, u8_layout(channels)) };
            write(&path, Format::Jpeg, &spec, &samples, 10, &pool).unwrap();
            let (info, back) = decode(&path, &Limits::default(), &pool).unwrap();
            assert_eq!((info.extent, info.layout, info.access), (EXTENT, u8_layout(channels), Access::Whole));
            assert_eq!((info.encoding, info.encoding_source), (encodings::srgb(), "file-type default"));
            assert!(worst(&samples, &back) <= allowed, "{channels:?} {subsampling:?}: {}", worst(&samples, &back));
        }
    }
    let samples = ramps(EXTENT, Channels::Rgb);
    type Tune = fn(&mut jpeg_encoder::Encoder<&mut Vec<u8>>);
    let tunes: [(&str, Tune); 3] = [
        ("progressive", |e| e.set_progressive(true)),
        ("restarts", |e| e.set_restart_interval(3)),
        ("tables of its own", |e| e.set_optimized_huffman_tables(true)),
    ];
    for (name, tune) in tunes {
        fs::write(&path, by_crate(&samples, jpeg_encoder::ColorType::Rgb, tune)).unwrap();
        let (info, back) = decode(&path, &Limits::default(), &pool).unwrap();
        assert!(worst(&samples, &back) <= 12, "{name}");
        assert_eq!(info.compression, if name.starts_with("progressive") { "progressive" } else { "baseline" });
    }
}

#[test]
fn quality_and_subsampling_change_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let (path, pool) = (folder.path().join("a.jpg"), pool(1));
    let layout = u8_layout(Channels::Rgb);
    let samples = picture_util::pixels(EXTENT, layout);
    let mut size = |compression| {
        write(&path, Format::Jpeg, &SinkSpec { compression, ..srgb_spec(EXTENT, layout) }, &samples, 47, &pool)
            .unwrap();
        fs::metadata(&path).unwrap().len()
    };
    let sizes = [lossy(95, None), lossy(95, Some(Subsampling::Both)), lossy(60, None), lossy(10, None)].map(&mut size);
    assert!(sizes.is_sorted_by(|a, b| a > b), "{sizes:?}");
    assert_eq!(size(lossy(89, None)), size(lossy(89, Some(Subsampling::Both))), "4:2:0 below 90");
    assert_eq!(size(lossy(90, None)), size(lossy(90, Some(Subsampling::None))), "4:4:4 from 90 on");
}

#[test]
fn color_models_follow_the_markers() {
    let folder = tempfile::tempdir().unwrap();
    let (path, pool) = (folder.path().join("a.jpg"), pool(1));
    let samples = ramps(EXTENT, Channels::Rgb);
    // Three components that are coded as they are: the encoder takes them for YCbCr and says so with JFIF, which is cut off here.
    let raw = by_crate(&samples, jpeg_encoder::ColorType::Ycbcr, |_| {});
    assert_eq!(raw[2..4], [0xff, 0xe0]);
    let plain = [&raw[..2], &raw[20..]].concat();
    let adobe = |transform| [&b"Adobe\0\x64\0\0\0\0"[..], &[transform]].concat();
    fs::write(&path, with_segment(&plain, 0xee, &adobe(0))).unwrap();
    let (_, rgb) = decode(&path, &Limits::default(), &pool).unwrap();
    assert!(worst(&samples, &rgb) <= 6, "transform 0 is RGB");
    for file in [with_segment(&plain, 0xee, &adobe(1)), plain.clone(), raw] {
        fs::write(&path, file).unwrap();
        let (_, other) = decode(&path, &Limits::default(), &pool).unwrap();
        assert!(worst(&samples, &other) > 60, "YCbCr was converted");
    }
    let inks: Vec<u8> = samples.chunks(3).flat_map(|p| [p[0], p[1], p[2], 9]).collect();
    for color in [jpeg_encoder::ColorType::Cmyk, jpeg_encoder::ColorType::CmykAsYcck] {
        fs::write(&path, by_crate(&inks, color, |_| {})).unwrap();
        let (info, _) = decode(&path, &Limits::default(), &pool).unwrap();
        assert_eq!((info.model, info.layout.channels), (ColorModel::Cmyk, Channels::Rgba));
        // What the inks look like is known only from a profile.
        let open = open::open_for(&path, &Limits::default(), &Recipe::empty("r"), None, false);
        let Err(error) = open else { panic!("inks without a profile were taken for colors") };
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("convert it to RGB"), "{error}");
    }
}

fn camera(orientation: u16, adobe_rgb: bool) -> Ifd {
    let index = if adobe_rgb { "R03" } else { "R98" };
    let interop = Ifd { entries: vec![Entry::ascii(1, index)], children: vec![] };
    let space = Entry::short(0xa001, &[if adobe_rgb { 0xffff } else { 1 }]);
    let settings =
        Ifd { entries: vec![Entry::rational(33434, (1, 250)), space], children: vec![(INTEROP_IFD, interop)] };
    let entries = vec![Entry::ascii(271, "Maker"), Entry::short(274, &[orientation])];
    Ifd { entries, children: vec![(EXIF_IFD, settings)] }
}

#[test]
fn all_metadata_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let (path, pool) = (folder.path().join("a.jpg"), pool(1));
    let profile = icc::write(&encodings::adobe_rgb(), true).unwrap();
    let metadata = Metadata {
        icc: Some(profile),
        exif: exif::write(&camera(6, false)).ok(),
        xmp: Some((0..200_000u32).map(|i| b' ' + (i % 90) as u8).collect()),
        iptc: Some(b"\x1c\x02\x05\0\x05Title".to_vec()),
        resolution: Some(Resolution { x: (300, 1), y: (240, 1), unit: ResolutionUnit::Inch }),
        ..Metadata::default()
    };
    let layout = u8_layout(Channels::Rgb);
    let spec = SinkSpec { orientation: 6, metadata: metadata.clone(), ..srgb_spec(EXTENT, layout) };
    write(&path, Format::Jpeg, &spec, &ramps(EXTENT, Channels::Rgb), 47, &pool).unwrap();
    let info = open::open(&path, &Limits::default()).unwrap().info().clone();
    assert_eq!(info.metadata, metadata);
    assert_eq!(
        (info.orientation, info.encoding_source, info.warnings.len()),
        (6, "ICC profile", 0),
        "{:?}",
        info.warnings
    );

    // A profile over several segments, of which one is lost.
    let large = Metadata { icc: Some(vec![7; 150_000]), ..Metadata::default() };
    write(
        &path,
        Format::Jpeg,
        &SinkSpec { metadata: large.clone(), ..spec.clone() },
        &ramps(EXTENT, Channels::Rgb),
        47,
        &pool,
    )
    .unwrap();
    assert_eq!(open::open(&path, &Limits::default()).unwrap().info().metadata.icc, large.icc);
    let file = fs::read(&path).unwrap();
    let at = file.windows(14).position(|w| w.starts_with(b"ICC_PROFILE\0\x02")).unwrap();
    let lost = [&file[..at - 4], &file[at + 65_533..]].concat();
    fs::write(&path, lost).unwrap();
    let info = open::open(&path, &Limits::default()).unwrap().info().clone();
    assert_eq!(info.metadata.icc, None);
    assert!(info.warnings.iter().any(|w| w.contains("ICC profile is left out")), "{:?}", info.warnings);

    let long = SinkSpec { metadata: Metadata { exif: Some(vec![0; 70_000]), ..Metadata::default() }, ..spec };
    let file = fs::File::create(&path).unwrap();
    let error = open::create(Format::Jpeg, file, &path, long).err().unwrap().to_string();
    assert!(error.contains("70000 bytes") && error.contains("65527"), "{error}");
}

#[test]
fn cameras_say_what_colors_and_which_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jpg");
    let bare = by_crate(&ramps(EXTENT, Channels::Gray), jpeg_encoder::ColorType::Luma, |_| {});
    let facts = |blob: &[u8]| {
        fs::write(&path, with_segment(&bare, 0xe1, &[b"Exif\0\0", blob].concat())).unwrap();
        open::open(&path, &Limits::default()).unwrap().info().clone()
    };
    for orientation in 1..=8 {
        let info = facts(&exif::write(&camera(orientation, true)).unwrap());
        assert_eq!((info.orientation, info.encoding, info.warnings.len()), (orientation, encodings::adobe_rgb(), 0));
    }
    let info = facts(&exif::write(&camera(9, false)).unwrap());
    assert_eq!((info.orientation, info.encoding_source), (1, "EXIF color space"));
    assert!(info.warnings[0].contains("Orientation is 9"), "{:?}", info.warnings);

    // A thumbnail shows the picture as it was before grading: it does not travel.
    let mut with_thumbnail = b"II*\0\x08\0\0\0\0\0\x0e\0\0\0".to_vec();
    with_thumbnail.extend(b"\x02\0\x01\x02\x04\0\x01\0\0\0\x2c\0\0\0\x02\x02\x04\0\x01\0\0\0\x06\0\0\0\0\0\0\0");
    with_thumbnail.extend(b"\xff\xd8th\xff\xd9");
    let carried = facts(&with_thumbnail).metadata.exif.unwrap();
    assert!(!carried.windows(2).any(|w| w == b"th") && carried[10..14] == [0; 4], "{carried:?}");
}

#[test]
fn what_a_jpeg_cannot_hold_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jpg");
    let refused = |extent, layout| {
        let file = fs::File::create(&path).unwrap();
        open::create(Format::Jpeg, file, &path, srgb_spec(extent, layout)).err().unwrap()
    };
    let wide = Extent { width: 65_536, height: 1 };
    for (extent, layout, word) in [
        (EXTENT, layout(SampleType::U16, Channels::Rgb, Alpha::None), "8-bit"),
        (EXTENT, layout(SampleType::U8, Channels::Rgba, Alpha::Unassociated), "alpha"),
        (wide, u8_layout(Channels::Rgb), "65536x1"),
    ] {
        let error = refused(extent, layout);
        assert!(error.kind() == ErrorKind::Unsupported && error.to_string().contains(word), "{error}");
    }
}

/// The frame header's marker and place.
fn frame(file: &[u8]) -> usize {
    file.windows(2).position(|w| w[0] == 0xff && (0xc0..=0xc2).contains(&w[1])).unwrap()
}

#[test]
fn other_kinds_of_jpeg_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let (path, pool) = (folder.path().join("a.jpg"), pool(1));
    let good = by_crate(&ramps(EXTENT, Channels::Gray), jpeg_encoder::ColorType::Luma, |_| {});
    let at = frame(&good);
    let changed = |place: usize, value: u8| {
        let mut file = good.clone();
        file[at + place] = value;
        file
    };
    let mut tall = changed(5, 255);
    tall[at + 7] = 255;
    let cases = [
        (changed(1, 0xc3), ErrorKind::Unsupported, "lossless"),
        (changed(1, 0xc9), ErrorKind::Unsupported, "arithmetic"),
        (changed(4, 12), ErrorKind::Unsupported, "12 bits"),
        (changed(6, 0), ErrorKind::Unsupported, "DNL"),
        (tall, ErrorKind::Input, "cannot hold"),
        (good[..at].to_vec(), ErrorKind::Input, "truncated"),
        (b"\xff\xd8\xff\xd9".to_vec(), ErrorKind::Input, "no pixels"),
    ];
    for (file, kind, word) in cases {
        fs::write(&path, file).unwrap();
        let error = decode(&path, &Limits::default(), &pool).unwrap_err();
        assert!(error.kind() == kind && error.to_string().contains(word), "{word}: {error}");
    }
    fs::write(&path, &good).unwrap();
    let limits = Limits { pixels: 100, ..Limits::default() };
    assert_eq!(decode(&path, &limits, &pool).unwrap_err().kind(), ErrorKind::Limit);
}

#[test]
fn a_file_cut_in_half_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let (path, pool) = (folder.path().join("half.jpg"), pool(1));
    let samples = picture_util::pixels(EXTENT, u8_layout(Channels::Rgb));
    for progressive in [false, true] {
        let file = by_crate(&samples, jpeg_encoder::ColorType::Rgb, |e| e.set_progressive(progressive));
        let half = &file[..file.len() / 2];
        // Also with zeros where a copy stopped.
        for half in [half.to_vec(), [half, &vec![0; half.len()][..]].concat()] {
            fs::write(&path, &half).unwrap();
            let text = decode(&path, &Limits::default(), &pool).map(|_| "a picture").unwrap_err().to_string();
            assert!(text.contains("half.jpg"), "progressive {progressive}: {text}");
        }
    }
}

#[test]
fn damage_is_an_error_or_a_picture() {
    let folder = tempfile::tempdir().unwrap();
    let pool = pool(1);
    let samples = picture_util::pixels(EXTENT, u8_layout(Channels::Rgb));
    for (name, file) in [
        ("baseline", by_crate(&samples, jpeg_encoder::ColorType::Rgb, |e| e.set_restart_interval(4))),
        ("progressive", by_crate(&samples, jpeg_encoder::ColorType::Rgb, |e| e.set_progressive(true))),
        ("with metadata", metadata_file(folder.path())),
    ] {
        let pictures = torture(&file, folder.path(), &pool);
        assert!(pictures > 40 && pictures < 400, "{name}: {pictures} of 400 flips gave a picture");
    }
}

/// A file with every kind of metadata.
fn metadata_file(folder: &Path) -> Vec<u8> {
    let path = folder.join("metadata.jpg");
    let metadata = Metadata {
        icc: icc::write(&encodings::display_p3(), true).ok(),
        exif: exif::write(&camera(3, true)).ok(),
        xmp: Some(vec![b'x'; 300]),
        iptc: Some(b"\x1c\x02\x05\0\x05Title".to_vec()),
        resolution: None,
        ..Metadata::default()
    };
    let spec = SinkSpec { metadata, compression: lossy(80, None), ..srgb_spec(EXTENT, u8_layout(Channels::Rgb)) };
    write(&path, Format::Jpeg, &spec, &picture_util::pixels(EXTENT, spec.layout), 47, &pool(1)).unwrap();
    fs::read(path).unwrap()
}
