//! Small files that claim to be huge pictures: refused with a sentence that says why, before anything of that size is asked for.
//!
//! Proved by the peak residence of the real program, which probes, plans and renders each of them.
#![cfg(target_os = "linux")]

mod cli_util;

use cli_util::measured::measure;
use cli_util::{BRIGHTER, Dir};

const MIB: u64 = 1 << 20;
/// A run that fails at the header holds little more than the program itself.
const MOST: u64 = 48 * MIB;
/// Every file is filled up to this with bytes that mean nothing.
const SIZE: usize = 1024;

/// A file, and words of the sentence that refuses it.
type Case = (String, Vec<u8>, &'static [&'static str]);

fn padded(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.resize(bytes.len().max(SIZE), 0x5a);
    bytes
}

/// A 16-bit RGB TIFF of one chunk (TIFF 6.0, section 2; BigTIFF has 64-bit fields). `tile` = its side, otherwise one strip.
fn tiff(width: u32, height: u32, compression: u64, tile: Option<u64>, big: bool) -> Vec<u8> {
    let mut tags: Vec<(u16, u64)> =
        vec![(256, width.into()), (257, height.into()), (258, 16), (259, compression), (262, 1), (277, 1)];
    tags.extend(match tile {
        Some(side) => vec![(322, side), (323, side), (324, 512), (325, 512)],
        None => vec![(273, 512), (278, height.into()), (279, 512)],
    });
    let mut file = b"II".to_vec();
    let kind: u16 = if big { 16 } else { 4 };
    match big {
        true => [43u16, 8, 0, 16, 0, 0, 0].iter().for_each(|word| file.extend(word.to_le_bytes())),
        false => [42u16, 8, 0].iter().for_each(|word| file.extend(word.to_le_bytes())),
    }
    let count = (tags.len() as u64).to_le_bytes();
    file.extend(&count[..if big { 8 } else { 2 }]);
    for (tag, value) in tags {
        file.extend(tag.to_le_bytes());
        file.extend(kind.to_le_bytes());
        let width = if big { 8 } else { 4 };
        file.extend(&1u64.to_le_bytes()[..width]);
        file.extend(&value.to_le_bytes()[..width]);
    }
    file.extend([0; 8]);
    padded(file)
}

/// A PNG of 16-bit gray (W3C PNG, 5.3 and 11.2.2): the header, and a chunk of image data that ends with the file.
fn png(width: u32, height: u32, interlaced: bool) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |kind: &[u8], data: &[u8]| {
        let mut crc = flate2::Crc::new();
        crc.update(kind);
        crc.update(data);
        file.extend((data.len() as u32).to_be_bytes());
        file.extend_from_slice(kind);
        file.extend_from_slice(data);
        file.extend(crc.sum().to_be_bytes());
    };
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[16, 0, 0, 0, u8::from(interlaced)]].concat();
    chunk(b"IHDR", &header);
    // A zlib stream that goes on.
    chunk(b"IDAT", &[&[0x78, 0x01, 0x00, 0xff, 0xff, 0x00, 0x00][..], &[0; 900]].concat());
    chunk(b"IEND", &[]);
    padded(file)
}

/// Replaces the only place of `from` that holds it, or every place.
fn patched(mut file: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut places = 0;
    for at in 0..file.len() - from.len() {
        if file[at..].starts_with(from) {
            file[at..at + to.len()].copy_from_slice(to);
            places += 1;
        }
    }
    assert!(places > 0, "the header does not say what it should");
    file
}

/// An EXR of scan lines whose windows end at (`x`, `y`).
fn exr(dir: &Dir, x: u32, y: u32) -> Vec<u8> {
    let path = dir.picture("small.exr");
    let file = std::fs::read(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    // The windows of a picture of 40 x 30 pixels.
    let end = |x: u32, y: u32| [[0; 8], [x.to_le_bytes(), y.to_le_bytes()].concat().try_into().unwrap()].concat();
    let mut file = patched(file, &end(39, 29), &end(x, y));
    file.truncate(SIZE);
    padded(file)
}

/// A baseline JPEG (ITU-T T.81, B.2): start of frame, no tables.
fn jpeg(width: u16, height: u16) -> Vec<u8> {
    let mut file = vec![0xff, 0xd8, 0xff, 0xc0, 0, 17, 8];
    file.extend(height.to_be_bytes());
    file.extend(width.to_be_bytes());
    file.extend([3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0]);
    file.extend([0xff, 0xda, 0, 12, 3, 1, 0, 2, 0, 3, 0, 0, 63, 0]);
    padded(file)
}

/// A lossless WebP (RFC 9649, 3.4): 14 bits of width and height, each less one.
fn webp(width: u32, height: u32) -> Vec<u8> {
    let bits = (width - 1) | (height - 1) << 14;
    let mut file = b"RIFF".to_vec();
    file.extend((SIZE as u32 - 8).to_le_bytes());
    file.extend(b"WEBPVP8L");
    file.extend((SIZE as u32 - 20).to_le_bytes());
    file.push(0x2f);
    file.extend(bits.to_le_bytes());
    padded(file)
}

fn text(header: &str) -> Vec<u8> {
    padded(header.as_bytes().to_vec())
}

fn cases(dir: &Dir) -> Vec<Case> {
    const PIXELS: &[&str] = &["number of pixels", "limit"];
    const WHOLE: &[&str] = &["raise --memory", "the limit is 67108864"];
    const CUT: &[&str] = &["truncated"];
    const SHORT: &[&str] = &["strip 0: it has 512 bytes of"];
    const ENDS: &[&str] = &["deflate stream"];
    let mut cases: Vec<Case> = Vec::new();
    let mut add = |name: &str, bytes: Vec<u8>, words| cases.push((name.to_owned(), bytes, words));
    for big in [false, true] {
        let name = |what: &str| format!("{what}{}.tif", if big { "-big" } else { "" });
        add(&name("square"), tiff(65_536, 65_536, 1, None, big), SHORT);
        add(&name("deflate"), tiff(65_536, 65_536, 8, None, big), &["bytes of a chunk", "limit"]);
        add(&name("lzw"), tiff(20_000, 20_000, 5, None, big), WHOLE);
        add(&name("line"), tiff(u32::MAX, 1, 1, None, big), &["bytes of a chunk", "limit"]);
        add(&name("column"), tiff(1, u32::MAX, 1, None, big), SHORT);
        add(&name("tile"), tiff(65_536, 65_536, 1, Some(65_536), big), &["bytes of a chunk", "limit"]);
        add(&name("all"), tiff(u32::MAX, u32::MAX, 1, None, big), PIXELS);
    }
    add("square.png", png(65_536, 65_536, false), ENDS);
    add("interlaced.png", png(65_536, 65_536, true), WHOLE);
    add("line.png", png((1 << 31) - 1, 1, false), &["bytes of a row", "limit"]);
    add("column.png", png(1, (1 << 31) - 1, false), ENDS);
    add("all.png", png((1 << 31) - 1, (1 << 31) - 1, false), PIXELS);
    add("square.exr", exr(dir, 65_535, 65_535), WHOLE);
    add("line.exr", exr(dir, (1 << 29) - 1, 0), &["limit"]);
    add("column.exr", exr(dir, 0, (1 << 29) - 1), WHOLE);
    add("all.exr", exr(dir, (1 << 29) - 1, (1 << 29) - 1), PIXELS);
    add("square.jpg", jpeg(65_535, 65_535), &["cannot hold"]);
    add("square.webp", webp(16_384, 16_384), WHOLE);
    add("square.pgm", text("P5 65536 65536 65535\n"), CUT);
    add("column.ppm", text("P6 1 4294967295 65535\n"), CUT);
    add("all.pam", text("P7\nWIDTH 4294967295\nHEIGHT 4294967295\nDEPTH 3\nMAXVAL 65535\nENDHDR\n"), PIXELS);
    add("square.pfm", text("PF 65536 65536 -1.0\n"), CUT);
    add("square.hdr", text("#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 65536 +X 65536\n"), WHOLE);
    cases
}

#[test]
fn what_a_small_file_cannot_hold_is_refused() {
    let dir = Dir::new();
    dir.recipe(BRIGHTER);
    let mut wrong = Vec::new();
    for (name, bytes, words) in cases(&dir) {
        dir.file(&name, bytes);
        let run = ["run", &name, "-r", "look.toml", "-o", "out", "--device", "cpu", "--memory", "64MiB"];
        let looks: [&[&str]; 3] = [&["probe", &name], &["plan", &name, "-r", "look.toml"], &run];
        for arguments in looks {
            let ran = measure(&dir, dir.command(arguments));
            let refused = ran.code == Some(1) && ran.said.contains(&name) && words.iter().all(|w| ran.said.contains(w));
            // A header may be fine to look at; it is rendering that must not begin.
            let fine = if arguments[0] == "run" { refused } else { matches!(ran.code, Some(0 | 1)) };
            if !fine || ran.peak > MOST {
                wrong.push(format!("{arguments:?}: {:?}, {} MiB: {}", ran.code, ran.peak / MIB, ran.said.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(dir.tree("out").is_empty(), "{:?}", dir.tree("out"));
}
