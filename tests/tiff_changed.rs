//! A file that another program cuts or rewrites while it is read fails its picture, and nothing else.

mod tiff_util;

use std::process::Command;

use chiaro::codec::{Limits, mapping, tiff};
use chiaro::picture::{Alpha, Channels, PixelLayout, Region, SampleType, Strip};
use tiff_util::{Build, Scratch, pool, samples};

const RGB16: PixelLayout = PixelLayout { sample: SampleType::U16, channels: Channels::Rgb, alpha: Alpha::None };

/// Set for the child process of the mapping test.
const CHILD: &str = "CHIARO_TEST_CUT_CHILD";

/// Reads a strip, cuts the file, reads another; returns the error's text.
fn cut_while_reading(map_from: u64, compression: u16, tile: Option<(u32, u32)>) -> String {
    let (scratch, pool) = (Scratch::new(), pool(2));
    let pixels = samples(300, 400, RGB16);
    let path = scratch.put("a.tif", &Build { compression, tile, ..Build::new(300, 400, RGB16) }.build(&pixels));
    let mut source = tiff::open_mapped_from(&path, &Limits::default(), map_from).unwrap();
    let mut strip = Strip::new(Region { width: 300, y: 0, rows: 1 }, RGB16);
    source.read(Region { width: 300, y: 0, rows: 20 }, &mut strip, &pool).unwrap();
    assert!(strip.bytes() == &pixels[..20 * 1800]);
    source.check_intact().unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_len(8192).unwrap();
    let error = source.read(Region { width: 300, y: 300, rows: 100 }, &mut strip, &pool).unwrap_err().to_string();
    assert!(source.check_intact().is_err());
    error
}

#[test]
fn a_file_cut_while_it_is_mapped_fails_and_the_program_lives() {
    if std::env::var_os(CHILD).is_some() {
        assert!(mapping::install_sigbus_handler());
        for (compression, tile) in [(1, None), (5, None), (8, Some((64, 64))), (1, Some((64, 64)))] {
            println!("found: {}", cut_while_reading(1, compression, tile));
        }
        return;
    }
    if !cfg!(target_os = "linux") {
        eprintln!("ignored: only Linux maps files");
        return;
    }
    let name = "a_file_cut_while_it_is_mapped_fails_and_the_program_lives";
    let child = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{}: {text}{}", child.status, String::from_utf8_lossy(&child.stderr));
    let found: Vec<&str> = text.lines().filter(|line| line.contains("found: ")).collect();
    assert_eq!(found.len(), 4, "{text}");
    for line in found {
        assert!(
            line.contains("changed by another program") || line.contains("strip") || line.contains("tile"),
            "{line}"
        );
    }
}

#[test]
fn a_file_cut_while_it_is_read_by_position_fails() {
    for (compression, tile) in [(1, None), (5, None), (8, Some((64, 64)))] {
        let error = cut_while_reading(u64::MAX, compression, tile);
        assert!(error.contains("changed by another program"), "{error}");
    }
}

#[test]
fn a_file_rewritten_in_place_fails() {
    let (scratch, pool) = (Scratch::new(), pool(1));
    let bytes = Build::new(30, 40, RGB16).build(&samples(30, 40, RGB16));
    let path = scratch.put("a.tif", &bytes);
    let mut source = tiff::open(&path, &Limits::default()).unwrap();
    let mut strip = Strip::new(Region { width: 30, y: 0, rows: 1 }, RGB16);
    source.read(Region { width: 30, y: 0, rows: 20 }, &mut strip, &pool).unwrap();
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    let error = source.read(Region { width: 30, y: 20, rows: 20 }, &mut strip, &pool).unwrap_err();
    assert!(error.to_string().contains("changed by another program"), "{error}");
}

#[test]
fn mapped_and_positioned_reading_give_the_same() {
    assert_eq!(mapping::install_sigbus_handler(), cfg!(target_os = "linux"));
    let (scratch, pool) = (Scratch::new(), pool(2));
    let pixels = samples(300, 400, RGB16);
    for big_endian in [false, true] {
        for (compression, tile, planar) in
            [(1, None, false), (5, None, false), (8, Some((64, 64)), false), (1, Some((64, 64)), true), (1, None, true)]
        {
            let build = Build { compression, tile, planar, big_endian, ..Build::new(300, 400, RGB16) };
            let path = scratch.put("a.tif", &build.build(&pixels));
            for map_from in [1, u64::MAX] {
                let mut source = tiff::open_mapped_from(&path, &Limits::default(), map_from).unwrap();
                assert!(tiff_util::read_all(&mut *source, 33, &pool).unwrap() == pixels, "{build:?} {map_from}");
            }
        }
    }
}
