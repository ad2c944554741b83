//! PNM, PAM, PFM and Radiance files of known contents, real ones, and damaged ones; formats that are recognized and not read.

mod picture_util;

use std::fs;
use std::path::Path;

use chiaro::codec::{Limits, Source, open};
use chiaro::color::encodings;
use chiaro::error::ErrorKind;
use chiaro::picture::{Access, Alpha, Channels, Extent, PictureInfo, Region, SampleType, Strip};
use picture_util::{decode, files, layout, pool, read_all, small_limits};

/// The facts and samples of a file with these contents.
fn read(folder: &Path, contents: &[u8]) -> Result<(PictureInfo, Vec<u8>), String> {
    let path = folder.join("a.pic");
    fs::write(&path, contents).unwrap();
    decode(&path, &small_limits(), &pool(1)).map_err(|e| e.to_string())
}

fn u16s(samples: &[u8]) -> Vec<u16> {
    samples.as_chunks::<2>().0.iter().map(|b| u16::from_ne_bytes(*b)).collect()
}

fn f32s(samples: &[u8]) -> Vec<f32> {
    samples.as_chunks::<4>().0.iter().map(|b| f32::from_ne_bytes(*b)).collect()
}

#[test]
fn netpbm_in_all_seven_forms() {
    let folder = tempfile::tempdir().unwrap();
    let read = |contents: &[u8]| read(folder.path(), contents).unwrap();
    let gray = layout(SampleType::U8, Channels::Gray, Alpha::None);
    let rgb = layout(SampleType::U8, Channels::Rgb, Alpha::None);
    let (info, samples) = read(b"P1\n# a comment\n3 2\n1 0\t1\n010\n");
    assert_eq!((info.layout, info.access, info.format), (gray, Access::Whole, "pnm"));
    assert_eq!((info.extent, info.encoding), (Extent { width: 3, height: 2 }, encodings::srgb()));
    assert_eq!(samples, [0, 255, 0, 255, 0, 255]);
    assert_eq!(read(b"P2 2 1 # white\n 15\n 15 1").1, [255, 17]);
    assert_eq!(read(b"P3\n1 1\n100\n0 50 100\n").1, [0, 128, 255]);
    let (info, samples) = read(b"P4\n10 2\n\xaa\x40\x55\xbf");
    assert_eq!((info.layout, info.access), (gray, Access::Random));
    assert_eq!(samples[..10], [0, 255, 0, 255, 0, 255, 0, 255, 255, 0]);
    assert_eq!(samples[10..], [255, 0, 255, 0, 255, 0, 255, 0, 0, 255]);
    assert_eq!(read(b"P5\n2 1\n255\n\x0a\xff").1, [10, 255]);
    let (info, samples) = read(b"P6 1 2 255\n\x01\x02\x03\x04\x05\x06");
    assert_eq!((info.layout, samples), (rgb, vec![1, 2, 3, 4, 5, 6]));
    // 16 bit, high byte first, the odd maximum scaled with rounding: 1 of 1023 is 64.06.
    let (info, samples) = read(b"P5 3 1 1023\n\x03\xff\x00\x01\x02\x00");
    assert_eq!((info.layout.sample, u16s(&samples)), (SampleType::U16, vec![65_535, 64, 32_800]));
    assert_eq!(u16s(&read(b"P2 1 1 1000 500\n").1), [32_768]);
    assert_eq!(u16s(&read(b"P5 1 1 65535\n\x12\x34").1), [0x1234]);
    let head = "P7\nWIDTH 1\nHEIGHT 1\nDEPTH 4\nMAXVAL 65535\n# why not\nTUPLTYPE RGB_ALPHA\nENDHDR\n";
    let (info, samples) = read(&[head.as_bytes(), &[0, 1, 0, 2, 0, 3, 0, 4]].concat());
    assert_eq!(info.layout, layout(SampleType::U16, Channels::Rgba, Alpha::Unassociated));
    assert_eq!(u16s(&samples), [1, 2, 3, 4]);
    assert_eq!(read(b"P7\nWIDTH 2\nHEIGHT 1\nDEPTH 1\nMAXVAL 1\nTUPLTYPE BLACKANDWHITE\nENDHDR\n\x00\x01").1, [0, 255]);
    // Several pictures may follow one another.
    assert!(read(b"P5 1 1 255\n\x07P5 1 1 255\n\x08").0.warnings[0].contains("left out"));
}

#[test]
fn float_maps_of_both_byte_orders_go_upwards() {
    let folder = tempfile::tempdir().unwrap();
    let values = [0.0f32, 1.5, -2.0, 1e-30, f32::INFINITY, 7.0];
    for (scale, bytes) in [("-1.0", f32::to_le_bytes as fn(f32) -> [u8; 4]), ("1.0", f32::to_be_bytes)] {
        let head = format!("PF\n1 2\n{scale}\n");
        let contents = [head.as_bytes(), &values.map(bytes).concat()].concat();
        let (info, samples) = read(folder.path(), &contents).unwrap();
        assert_eq!((info.layout, info.format), (layout(SampleType::F32, Channels::Rgb, Alpha::None), "pfm"));
        assert_eq!((info.encoding, info.warnings.len()), (encodings::linear_rec709(), 0));
        assert_eq!(f32s(&samples), [1e-30, f32::INFINITY, 7.0, 0.0, 1.5, -2.0]);
    }
    let (info, samples) = read(folder.path(), b"Pf 1 1 -0.5\n\0\0\x80\x3f").unwrap();
    assert_eq!((info.layout.channels, f32s(&samples), info.warnings.len()), (Channels::Gray, vec![1.0], 1));
}

/// A Radiance file of `width` pixels a row.
fn radiance(width: usize, rows: &[&[u8]]) -> Vec<u8> {
    let head = format!("#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y {} +X {width}\n", rows.len());
    [head.as_bytes(), &rows.concat()].concat()
}

#[test]
fn radiance_flat_old_and_new_scanlines() {
    let folder = tempfile::tempdir().unwrap();
    let read = |contents: &[u8]| read(folder.path(), contents).unwrap();
    // 128 * 2^(129 - 136) = 1.
    let one = [128, 128, 128, 129];
    let (info, samples) = read(&radiance(2, &[&[one, [64, 32, 0, 130]].concat()]));
    assert_eq!((info.layout, info.access), (layout(SampleType::F32, Channels::Rgb, Alpha::None), Access::Rows));
    assert_eq!((info.encoding, info.format), (encodings::linear_rec709(), "hdr"));
    assert_eq!(f32s(&samples), [1.0, 1.0, 1.0, 1.0, 0.5, 0.0]);
    // Old: repeats of 2 and then of 1 * 256.
    let (_, samples) = read(&radiance(259, &[&[one, [1, 1, 1, 2], [1, 1, 1, 1]].concat()]));
    assert!(f32s(&samples).iter().all(|v| *v == 1.0));
    // New: a run of 8 for red, 3 bytes and a run of 5 for green, runs for the rest.
    let new = [2, 2, 0, 8, 136, 64, 3, 1, 2, 3, 133, 128, 136, 0, 136, 129];
    let (_, samples) = read(&radiance(8, &[&new, &new]));
    let values = f32s(&samples);
    assert_eq!(values[..6], [0.5, 1.0 / 128.0, 0.0, 0.5, 2.0 / 128.0, 0.0]);
    assert_eq!((values[21..24].to_vec(), values.len()), (vec![0.5, 1.0, 0.0], 48));
    assert_eq!(values[..24], values[24..]);
}

#[test]
fn rows_follow_each_other_and_start_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.hdr");
    let rows: Vec<Vec<u8>> = (0..40u8).map(|y| [y, y + 2, y, 129].repeat(5)).collect();
    fs::write(&path, radiance(5, &rows.iter().map(Vec::as_slice).collect::<Vec<_>>())).unwrap();
    let mut source: Box<dyn Source> = open::open(&path, &Limits::default()).unwrap();
    let all = read_all(source.as_mut(), 7, &pool(1)).unwrap();
    let mut strip = Strip::new(Region { width: 5, y: 0, rows: 1 }, source.info().layout);
    assert!(source.read(Region { width: 5, y: 3, rows: 1 }, &mut strip, &pool(1)).is_err(), "backwards");
    source.rewind().unwrap();
    source.read(Region { width: 5, y: 30, rows: 10 }, &mut strip, &pool(1)).unwrap();
    assert!(strip.bytes() == &all[30 * 60..], "after a jump");
}

#[test]
fn mistakes_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for (contents, word) in [
        (&b"P5 2 2 255\n123"[..], "truncated"),
        (b"P5 0 2 255\n", "not possible"),
        (b"P5 2 2 70000\n", "1 to 65535"),
        (b"P5 two 2 255\n", "\"two\""),
        (b"P2 2 2 9\n1 2 3", "truncated"),
        (b"P2 2 2 9\n1 2 3 10\n", "a sample is 10"),
        (b"P1 2 1 02", "'2'"),
        (b"P5 90000 90000 255\n", "number of pixels"),
        (b"P7\nWIDTH 1\nHEIGHT 1\nDEPTH 5\nMAXVAL 1\nENDHDR\n12345", "5 samples"),
        (b"PF 1 1 0\n____", "scale"),
        (b"PF 1 1 -1\n____", "truncated"),
        (b"#?RADIANCE\nFORMAT=32-bit_rle_xyze\n\n-Y 1 +X 1\n____", "XYZ"),
        (b"#?RADIANCE\n\n-Y 2 +X 1\n____", "truncated"),
        (b"#?RADIANCE\n\n-Y 1 +X 2\n\x01\x01\x01\x01", "repeat of nothing"),
    ] {
        let error = read(folder.path(), contents).unwrap_err();
        assert!(error.contains(word) && error.contains("a.pic"), "{word}: {error}");
    }
}

#[test]
fn damage_is_an_error_or_a_picture() {
    let folder = tempfile::tempdir().unwrap();
    let new = [2, 2, 0, 9, 137, 64, 4, 1, 2, 3, 4, 133, 128, 137, 0, 137, 129];
    let pam = "P7\nWIDTH 7\nHEIGHT 5\nDEPTH 3\nMAXVAL 1023\nTUPLTYPE RGB\nENDHDR\n";
    for file in [
        [b"P6 9 8 255\n", &[77; 216][..]].concat(),
        [pam.as_bytes(), &[3; 210]].concat(),
        [b"PF 3 4 -1.0\n", &[63; 144][..]].concat(),
        radiance(9, &[&new, &new, &new]),
    ] {
        let pictures = picture_util::torture(&file[..file.len()], folder.path(), &pool(1));
        assert!(pictures > 20 && pictures < 400, "{pictures} of 400 flips gave a picture");
    }
}

#[test]
fn what_is_not_read_is_named_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    for (contents, word) in [
        (&b"II*\0\x10\0\0\0CR\x02\0\0\0\0\0"[..], "16-bit TIFF"),
        (b"\0\0\0\x18ftypcrx \0\0\0\x01", "16-bit TIFF"),
        (b"FUJIFILMCCD-RAW 0201", "16-bit TIFF"),
        (b"\0\0\0\x24ftypheic\0\0\0\0", "HEIC"),
        (b"\0\0\0\x24ftypavif\0\0\0\0", "AVIF"),
        (b"GIF89a__________", "GIF"),
        (b"8BPS\0\x01__________", "Photoshop"),
        (b"just some text, no picture", "TIFF, PNG, EXR, JPEG"),
    ] {
        let path = folder.path().join("a.pic");
        fs::write(&path, contents).unwrap();
        let error = open::open(&path, &Limits::default()).err().unwrap();
        assert!(error.kind() == ErrorKind::Unsupported && error.to_string().contains(word), "{error}");
    }
}

#[test]
#[cfg_attr(not(has_testdata), ignore = "CHIARO_TESTDATA is not set")]
fn real_files_are_read() {
    let Some(root) = picture_util::testdata("") else { return };
    let (mut count, pool) = (0, pool(1));
    for extension in ["ppm", "pgm", "pbm", "pam", "pfm", "hdr"] {
        for path in files(&root, extension) {
            let (info, samples) = decode(&path, &Limits::default(), &pool).unwrap();
            assert_eq!(samples.len() as u64, info.extent.pixels() * info.layout.pixel_bytes() as u64);
            count += 1;
        }
    }
    assert!(count >= 20, "{count} files");
    // One picture in three depths, made from the deepest.
    let folder = root.join("png16/libjxl/jxl/flower");
    let codes = |name: &str| u16s(&decode(&folder.join(name), &Limits::default(), &pool).unwrap().1);
    let deep = codes("flower_small.rgb.depth16.ppm");
    for (name, step) in [("flower_small.rgb.depth12.ppm", 24), ("flower_small.rgb.depth10.ppm", 127)] {
        let worst = deep.iter().zip(codes(name)).map(|(a, b)| a.abs_diff(b)).max();
        assert!(worst.is_some_and(|w| w <= step), "{name}: {worst:?}");
    }
}
