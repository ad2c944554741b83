//! Blobs beside the pixels in real files of every format: round trips, places that must not change, limits.

#[path = "picture_util/mod.rs"]
mod picture_util;

use std::fs;

use chiaro::codec::{self, Compression, Format, Limits};
use chiaro::picture::exif::{self, EXIF_IFD, Entry, Found, GPS_IFD, Ifd, Kind, MAKER_NOTE};
use chiaro::picture::{Alpha, Channels, Extent, Metadata, Policy, Resolution, ResolutionUnit, SampleType};
use picture_util as pictures;

const EXTENT: Extent = Extent { width: 40, height: 30 };

/// A maker note that was at offset 3000, and facts for EXR's standard attributes.
fn camera() -> Vec<u8> {
    let exif = Ifd {
        entries: vec![
            Entry { tag: MAKER_NOTE, kind: Kind::Undefined, bytes: vec![7; 500] },
            Entry::rational(33434, (1, 4)),
            Entry::ascii(36867, "2024:05:31 10:00:00"),
        ],
        children: vec![],
    };
    let degrees = [[10u32, 1].map(u32::to_le_bytes).concat(), [30u32, 1].map(u32::to_le_bytes).concat()].concat();
    let gps = Ifd {
        entries: vec![Entry::ascii(1, "S"), Entry { tag: 2, kind: Kind::Rational, bytes: degrees }],
        children: vec![],
    };
    let ifd = Ifd {
        entries: vec![Entry::ascii(271, "Maker"), Entry::ascii(315, "Jo")],
        children: vec![(EXIF_IFD, exif), (GPS_IFD, gps)],
    };
    exif::write_as(&Found { ifd, note_at: Some(3000), ..Found::default() }, true).unwrap()
}

fn metadata() -> Metadata {
    Metadata {
        exif: Some(camera()),
        xmp: Some(b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>".to_vec()),
        iptc: Some(b"\x1c\x02\x05\0\x03cat".to_vec()),
        photoshop: Some(b"8BIM\x04\x0a\0\0\0\0\0\x01\x01\0".to_vec()),
        resolution: Some(Resolution { x: (300, 1), y: (300, 1), unit: ResolutionUnit::Inch }),
        ..Metadata::default()
    }
}

fn write(path: &std::path::Path, format: Format, compression: Compression, metadata: Metadata) {
    let sample = if format == Format::Exr { SampleType::F16 } else { SampleType::U16 };
    let layout = pictures::layout(sample, Channels::Rgb, Alpha::None);
    let mut spec = pictures::srgb_spec(EXTENT, layout);
    spec.compression = compression;
    spec.metadata = metadata;
    let pixels = pictures::pixels(EXTENT, layout);
    pictures::write(path, format, &spec, &pixels, 16, &pictures::pool(1)).unwrap();
}

#[test]
fn every_blob_is_in_every_format() {
    let dir = tempfile::tempdir().unwrap();
    for format in [Format::Tiff, Format::Png, Format::Exr] {
        for compression in [Compression::None, Compression::Deflate] {
            let path = dir.path().join(format!("a.{}", format.extension()));
            write(&path, format, compression, metadata());
            let back = codec::open(&path, &Limits::default()).unwrap().info().metadata.clone();
            let wanted = metadata();
            assert_eq!(
                (&back.xmp, &back.iptc, &back.photoshop),
                (&wanted.xmp, &wanted.iptc, &wanted.photoshop),
                "{format:?}"
            );
            let tree = |metadata: &Metadata| exif::parse(metadata.exif.as_ref().unwrap(), 1 << 20).unwrap();
            assert_eq!(tree(&back).ifd, tree(&wanted).ifd, "{format:?}");
            // The note lies where its maker put it, in the blob and in the TIFF file itself.
            assert_eq!(tree(&back).note_at, Some(3000), "{format:?}");
            assert_eq!(back.exif.as_ref().unwrap()[3000..3500], [7; 500], "{format:?}");
            if format == Format::Tiff {
                assert_eq!(fs::read(&path).unwrap()[3000..3500], [7; 500]);
            }
            let per_inch = back.resolution.map(|r| f64::from(r.x.0) / f64::from(r.x.1));
            let per_inch = per_inch.map(|v| if format == Format::Png { v * 2.54 } else { v });
            assert!((per_inch.unwrap() - 300.0).abs() < 0.01, "{format:?}");
        }
    }
}

#[test]
fn exr_says_facts_in_its_own_words() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.exr");
    write(&path, Format::Exr, Compression::None, metadata());
    let header = exr::meta::MetaData::read_from_file(&path, true).unwrap().headers.remove(0);
    let own = header.own_attributes;
    assert_eq!(own.exposure, Some(0.25));
    assert_eq!(own.latitude, Some(-10.5));
    assert_eq!(own.owner.map(|t| t.to_string()).as_deref(), Some("Jo"));
    assert_eq!(own.capture_date.map(|t| t.to_string()).as_deref(), Some("2024:05:31 10:00:00"));
    assert_eq!(own.horizontal_density, Some(300.0));
    // Its own facts are named for those who go to another format, but not those that EXIF says as well.
    let info = codec::open(&path, &Limits::default()).unwrap().info().clone();
    assert!(info.metadata.own_facts.is_empty(), "{:?}", info.metadata.own_facts);
}

#[test]
fn blobs_over_the_limit_are_left_out_with_a_warning() {
    let dir = tempfile::tempdir().unwrap();
    let large = Metadata { xmp: Some(vec![b'x'; 50 << 20]), ..metadata() };
    for format in [Format::Tiff, Format::Png] {
        let path = dir.path().join(format!("a.{}", format.extension()));
        write(&path, format, Compression::None, large.clone());
        let limits = Limits { metadata_bytes: 8 << 20, ..Limits::default() };
        let info = codec::open(&path, &limits).unwrap().info().clone();
        assert_eq!((info.metadata.xmp, info.metadata.iptc), (None, large.iptc.clone()), "{format:?}");
        assert!(info.warnings.iter().any(|w| w.contains("left out") && w.contains("limit")), "{:?}", info.warnings);
        assert_eq!(codec::open(&path, &Limits::default()).unwrap().info().metadata.xmp, large.xmp, "{format:?}");
    }
}

#[test]
fn png_reads_profiles_of_other_programs() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.png");
    write(&path, Format::Png, Compression::None, Metadata::default());
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let camera = [b"Exif\0\0", &camera()[..]].concat();
    let mut file = fs::read(&path).unwrap();
    let record = b"\x1c\x02\x05\0\x03cat";
    for (name, blob) in [("iptc", &record[..]), ("exif", &camera)] {
        let data = format!("Raw profile type {name}\0\n{name}\n{:8}\n{}\n", blob.len(), hex(blob));
        let mut crc = flate2::Crc::new();
        crc.update(b"tEXt");
        crc.update(data.as_bytes());
        let chunk =
            [&(data.len() as u32).to_be_bytes(), &b"tEXt"[..], data.as_bytes(), &crc.sum().to_be_bytes()].concat();
        // Behind the header chunk.
        file.splice(33..33, chunk);
    }
    fs::write(&path, &file).unwrap();
    let info = codec::open(&path, &Limits::default()).unwrap().info().clone();
    assert_eq!(info.metadata.iptc.as_deref(), Some(&record[..]));
    assert_eq!(exif::field(&info.metadata, "Artist").as_deref(), Some("Jo"));
    assert!(info.metadata.own_facts.is_empty() && info.metadata.policy == Policy::All);
}
