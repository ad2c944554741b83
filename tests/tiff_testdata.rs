//! Pictures of other projects, where `CHIARO_TESTDATA` names a folder that has them under `tiff/`.

mod tiff_util;

use std::path::{Path, PathBuf};

use chiaro::codec::{Format, Limits, tiff};
use chiaro::picture::PixelLayout;
use tiff_util::{decode_with_crate, pool, read_all};

/// All files below `folder`, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() { files.extend(self::files(&entry)) } else { files.push(entry) }
    }
    files.sort();
    files
}

/// The first samples of every pixel, `length` bytes in all.
fn first_samples(pixels: &[u8], layout: PixelLayout, length: usize) -> Vec<u8> {
    let kept = layout.pixel_bytes() * length / pixels.len().max(1);
    pixels.chunks_exact(layout.pixel_bytes()).flat_map(|pixel| &pixel[..kept]).copied().collect()
}

#[test]
#[cfg_attr(not(has_testdata), ignore = "CHIARO_TESTDATA is not set")]
fn every_file_is_read_or_refused_in_a_sentence() {
    let Some(folder) = std::env::var_os("CHIARO_TESTDATA").map(|folder| Path::new(&folder).join("tiff")) else {
        eprintln!("ignored: CHIARO_TESTDATA not set");
        return;
    };
    let pool = pool(2);
    let (mut read, mut same, mut refused) = (0, 0, 0);
    let mut wrong = Vec::new();
    for path in files(&folder) {
        let head = std::fs::read(&path).unwrap();
        if Format::sniff(&head) != Some(Format::Tiff) {
            continue;
        }
        let limits = Limits { pixels: 1 << 24, ..Limits::default() };
        let name = path.strip_prefix(&folder).unwrap().display();
        let opened = tiff::open(&path, &limits);
        let result = opened.and_then(|mut source| Ok((read_all(&mut *source, 13, &pool)?, source.info().clone())));
        match result {
            Ok((pixels, info)) => {
                read += 1;
                let other = decode_with_crate(&path);
                let note = format!("{} {} {} {:?}", info.extent, info.layout, info.compression, info.warnings);
                match other {
                    // The other decoder leaves out unspecified extra samples and all planes but the first: the samples it has must agree.
                    Ok(other) if first_samples(&pixels, info.layout, other.len()) == other => same += 1,
                    // It leaves samples of less than a byte packed.
                    Ok(other) if !(other.len() as u64).is_multiple_of(info.extent.pixels()) => {
                        println!("packed {name}: {note}")
                    }
                    Ok(other) => {
                        wrong.push(format!("{name}: {note}: {} bytes, other decoder {}", pixels.len(), other.len()))
                    }
                    Err(reason) => println!("alone  {name}: {note}; other decoder: {reason}"),
                }
            }
            Err(error) => {
                refused += 1;
                println!("refused {error}");
                if decode_with_crate(&path).is_ok() {
                    println!("    (the other decoder reads it)");
                }
            }
        }
    }
    println!("{read} read, of which {same} like the other decoder; {refused} refused");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(read > 50 && same > 40, "{read} read, {same} confirmed");
}
