use super::*;
use crate::picture::exif::{EXIF_IFD, Entry, GPS_IFD, INTEROP_IFD, Ifd, Kind, MAKER_NOTE, parse, write};
use crate::picture::{Resolution, ResolutionUnit};

const SMALL: Extent = Extent { width: 30, height: 20 };
const LARGE: Extent = Extent { width: 60, height: 40 };

fn to(format: &str) -> Carry<'_> {
    Carry {
        policy: Policy::All,
        format,
        format_in: "tiff",
        extent_in: LARGE,
        extent_out: LARGE,
        orientation: 6,
        color: None,
        icc: Some(b"profile"),
        provenance: None,
    }
}

fn undefined(tag: u16, bytes: &[u8]) -> Entry {
    Entry { tag, kind: Kind::Undefined, bytes: bytes.to_vec() }
}

/// A camera's tree: strips of a thumbnail-like kind, GeoTIFF, a maker note without a known head.
fn tree() -> Ifd {
    let interop = Ifd { entries: vec![Entry::ascii(1, "R98")], children: vec![] };
    let exif = Ifd {
        entries: vec![
            undefined(MAKER_NOTE, &[7; 100]),
            Entry::short(40961, &[1]),
            Entry::long(40962, &[4000]),
            Entry::long(40963, &[3000]),
        ],
        children: vec![(INTEROP_IFD, interop)],
    };
    let gps = Ifd { entries: vec![Entry::ascii(1, "N")], children: vec![] };
    Ifd {
        entries: vec![
            Entry::long(256, &[4000]),
            Entry::long(273, &[8]),
            Entry::short(274, &[6]),
            Entry::ascii(271, "Maker"),
            Entry::ascii(315, "Jo"),
            Entry::ascii(33432, "(c) Jo"),
            Entry { tag: 33550, kind: Kind::Double, bytes: vec![0; 24] },
            undefined(65000, b"private"),
        ],
        children: vec![(EXIF_IFD, exif), (GPS_IFD, gps)],
    }
}

fn picture() -> Metadata {
    Metadata {
        exif: Some(write(&tree()).unwrap()),
        xmp: Some(b"<r:RDF xmlns:r='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><r:Description xmlns:dc='http://purl.org/dc/elements/1.1/' xmlns:c='http://ns.adobe.com/camera-raw-settings/1.0/' dc:rights='mine' dc:title='a cat' c:Tint='4'/></r:RDF>".to_vec()),
        iptc: Some(b"\x1c\x02\x05\0\x03cat\x1c\x02\x74\0\x02me".to_vec()),
        photoshop: Some(b"8BIM\x04\x0a\0\0\0\0\0\x01\x01\0".to_vec()),
        resolution: Some(Resolution { x: (300, 1), y: (300, 1), unit: ResolutionUnit::Inch }),
        ..Metadata::default()
    }
}

fn told(lost: &[Lost]) -> String {
    lost.iter().map(|l| format!("{l}\n")).collect()
}

#[test]
fn everything_survives_where_it_can_be_held() {
    let from = picture();
    for format in ["tiff", "png", "exr", "jpeg", "webp"] {
        let (out, lost) = carry(&from, &to(format));
        let found = parse(out.exif.as_ref().unwrap(), 1 << 20).unwrap();
        let Found { ifd, .. } = &found;
        for tag in [271, 315, 33432, 33550, 65000] {
            assert_eq!(ifd.find(tag), tree().find(tag), "{format} {tag}");
        }
        assert!(ifd.find(273).is_none(), "strips of another file");
        // A TIFF file has its own.
        assert_eq!(ifd.find(256).and_then(Entry::first), (format != "tiff").then_some(60));
        let exif = ifd.child(EXIF_IFD).unwrap();
        assert_eq!(exif.find(40963).and_then(Entry::first), Some(40));
        assert_eq!(exif.find(MAKER_NOTE), tree().child(EXIF_IFD).unwrap().find(MAKER_NOTE));
        assert_eq!(exif.child(INTEROP_IFD).unwrap().find(1).unwrap().bytes, b"R98\0");
        assert_eq!(ifd.child(GPS_IFD), tree().child(GPS_IFD));
        let xmp = String::from_utf8(out.xmp.unwrap()).unwrap();
        assert!(xmp.contains("a cat") && !xmp.contains("Tint"), "{xmp}");
        assert_eq!(out.resolution, from.resolution);
        let others = (out.iptc == from.iptc, out.photoshop == from.photoshop);
        match format {
            "webp" => assert!(told(&lost).contains("IPTC cannot be held by webp") && others == (false, false)),
            "exr" => assert!(told(&lost).starts_with("orientation 6 cannot be said") && others == (true, true)),
            _ => assert!(lost.is_empty() && others == (true, true), "{format}: {}", told(&lost)),
        }
    }
}

use crate::picture::exif::Found;

#[test]
fn the_maker_note_stays_where_its_maker_put_it() {
    let from = picture();
    let before = parse(from.exif.as_ref().unwrap(), 1 << 20).unwrap();
    let (once, _) = carry(&from, &to("png"));
    let (twice, lost) = carry(&once, &to("jpeg"));
    for blob in [&once.exif, &twice.exif] {
        assert_eq!(parse(blob.as_ref().unwrap(), 1 << 20).unwrap().note_at, before.note_at);
        let at = before.note_at.unwrap() as usize;
        assert_eq!(blob.as_ref().unwrap()[at..at + 100], [7; 100]);
    }
    assert!(lost.is_empty());
    // One that lay far behind is moved, which is told, and OffsetSchema knows from where.
    let mut far = before.clone();
    far.note_at = Some(1 << 20);
    let far = Metadata { exif: exif::write_as(&far, true).ok(), ..Metadata::default() };
    let (out, lost) = carry(&far, &to("jpeg"));
    assert_eq!(parse(out.exif.as_ref().unwrap(), 1 << 20).unwrap().note_at, Some(1 << 20));
    assert!(told(&lost).contains("maker notes are kept as bytes at another offset"));
}

#[test]
fn a_jpeg_holds_64_kib() {
    let mut large = tree();
    large.child_mut(EXIF_IFD).unwrap().set(undefined(MAKER_NOTE, &[7; 65_000]));
    let from = Metadata {
        exif: exif::write_as(&Found { ifd: large, note_at: Some(2000), ..Found::default() }, true).ok(),
        xmp: Some(format!("<r:RDF xmlns:r=\"{}\"/>{}", crate::picture::xmp::ns::RDF, " ".repeat(70_000)).into_bytes()),
        ..Metadata::default()
    };
    let (out, lost) = carry(&from, &to("jpeg"));
    assert!(out.exif.unwrap().len() <= 65_527, "without blanks it fits");
    assert!(told(&lost).contains("at another offset"), "{}", told(&lost));
    assert!(out.xmp.is_some(), "XMP goes into several segments");
}

#[test]
fn what_the_output_changes_is_set_right() {
    let carry_to = Carry { extent_out: SMALL, orientation: 1, color: Some(ColorTag::AdobeRgb), ..to("jpeg") };
    let (out, lost) = carry(&picture(), &carry_to);
    let ifd = parse(out.exif.as_ref().unwrap(), 1 << 20).unwrap().ifd;
    let exif = ifd.child(EXIF_IFD).unwrap();
    assert_eq!(ifd.find(274).and_then(Entry::first), Some(1));
    assert_eq!(exif.find(40962).and_then(Entry::first), Some(30));
    assert_eq!(exif.find(40961).and_then(Entry::first), Some(0xffff));
    assert_eq!(exif.child(INTEROP_IFD).unwrap().find(1).unwrap().bytes, b"R03\0");
    assert!(ifd.find(33550).is_none() && told(&lost).contains("GeoTIFF tags are for 60x40 pixels"));
    assert_eq!(ifd.find(282).unwrap().bytes[..4], 300u32.to_le_bytes(), "resolution is in EXIF too");
}

#[test]
fn big_endian_stays_big_endian() {
    let mut ifd = tree();
    let comment = undefined(0x9286, b"UNICODE\0a\0b\0");
    ifd.child_mut(EXIF_IFD).unwrap().set(comment.clone());
    let found = Found { ifd, order: exif::Order::Big, ..Found::default() };
    let from = Metadata { exif: exif::write_as(&found, true).ok(), ..Metadata::default() };
    let (out, _) = carry(&from, &to("png"));
    let blob = out.exif.unwrap();
    assert_eq!(blob[..4], *b"MM\0*");
    assert!(blob.windows(12).any(|w| w == b"UNICODE\0\0a\0b"));
    let ifd = parse(&blob, 1 << 20).unwrap().ifd;
    assert_eq!(ifd.find(271), tree().find(271));
    assert_eq!(ifd.child(EXIF_IFD).unwrap().find(0x9286), Some(&comment));
}

#[test]
fn policies_keep_what_they_say() {
    let (out, lost) = carry(&picture(), &Carry { policy: Policy::Copyright, ..to("png") });
    let ifd = parse(out.exif.as_ref().unwrap(), 1 << 20).unwrap().ifd;
    let mut tags: Vec<u16> = ifd.entries.iter().map(|e| e.tag).collect();
    tags.sort_unstable();
    assert_eq!((tags, ifd.children.len()), (vec![274, 315, 33432], 0));
    let xmp = String::from_utf8(out.xmp.unwrap()).unwrap();
    assert!(xmp.contains("mine") && !xmp.contains("cat") && !xmp.contains("Tint"), "{xmp}");
    assert_eq!(out.iptc.as_deref(), Some(&b"\x1c\x02\x74\0\x02me"[..]));
    assert_eq!(out.photoshop, picture().photoshop);
    assert!(out.icc.is_some() && out.resolution.is_some() && lost.is_empty());

    let provenance =
        Provenance { version: "1".into(), recipe: "r".into(), recipe_hash: "h".into(), model: Some("m".into()) };
    let none = Carry { policy: Policy::None, provenance: Some(&provenance), ..to("png") };
    let (out, lost) = carry(&picture(), &none);
    let ifd = parse(out.exif.as_ref().unwrap(), 1 << 20).unwrap().ifd;
    assert_eq!(ifd, Ifd { entries: vec![Entry::short(274, &[6])], children: vec![] });
    assert!(out.xmp.is_none() && out.iptc.is_none() && out.photoshop.is_none());
    assert!(out.icc.is_some() && out.resolution.is_some() && lost.is_empty());
    let (upright, _) = carry(&picture(), &Carry { orientation: 1, ..none });
    assert_eq!(upright.exif, None);

    let all = Carry { provenance: Some(&provenance), ..to("png") };
    let (fresh, _) = carry(&Metadata::default(), &all);
    let fresh = String::from_utf8(fresh.xmp.unwrap()).unwrap();
    assert!(fresh.contains("chiaro:DepthModel=\"m\""), "{fresh}");
}

/// A second description of the picture cannot bring the rest along.
#[test]
fn rights_travel_alone_or_not_at_all() {
    let copyright = Carry { policy: Policy::Copyright, ..to("tiff") };
    let mut from = picture();
    let packet = String::from_utf8(from.xmp.take().unwrap()).unwrap();
    let wrapped = format!("<x:xmpmeta xmlns:x='adobe:ns:meta/' x:xmptk='secret'><!-- secret -->{packet}</x:xmpmeta>");
    from.xmp = Some(wrapped.into_bytes());
    let (out, lost) = carry(&from, &copyright);
    let text = String::from_utf8(out.xmp.unwrap()).unwrap();
    assert!(text.contains("mine") && !text.contains("secret") && !text.contains("a cat"), "{text}");
    assert_eq!(told(&lost), "");
    from.xmp = Some(format!("<a>{packet}{packet}</a>").into_bytes());
    let (out, lost) = carry(&from, &copyright);
    assert_eq!((out.xmp, told(&lost).as_str()), (None, "XMP holds more than one rdf:RDF; it is left out\n"));
}

/// What lies beside a phone's picture is not in an output: whoever reads the directory would look for it in vain.
#[test]
fn directories_of_what_is_not_there_are_left_out() {
    let packet = format!(
        "<r:RDF xmlns:r='{}'><r:Description xmlns:g='http://ns.google.com/photos/1.0/depthmap/' xmlns:i='http://ns.google.com/photos/1.0/image/' \
         xmlns:c='http://ns.google.com/photos/1.0/container/' xmlns:t='http://ns.google.com/photos/1.0/container/item/' \
         xmlns:p='http://ns.google.com/photos/1.0/panorama/' xmlns:d='http://ns.google.com/photos/dd/1.0/device/' g:Near='1' g:Data='AAAA' \
         i:Data='BBBB' p:PoseRoll='7'><c:Directory><r:Seq><r:li r:parseType='Resource'><c:Item t:Semantic='Depth' t:Length='9'/></r:li></r:Seq>\
         </c:Directory><d:Container><r:Seq/></d:Container></r:Description></r:RDF>",
        crate::picture::xmp::ns::RDF
    );
    let from = Metadata { xmp: Some(packet.into_bytes()), ..Metadata::default() };
    let (out, lost) = carry(&from, &to("jpeg"));
    let text = String::from_utf8(out.xmp.unwrap()).unwrap();
    assert!(text.contains("p:PoseRoll='7'"), "{text}");
    for gone in ["Near", "Data", "Directory", "Semantic", "d:Container"] {
        assert!(!text.contains(gone), "{gone}: {text}");
    }
    assert!(told(&lost).contains("GDepth, Container"), "{}", told(&lost));
}

/// Channels go into their own format at their own size, and are missed everywhere else.
#[test]
fn channels_that_are_left_behind_are_told() {
    let from = Metadata { own_channels: vec!["Z".into(), "N.X".into()], ..Metadata::default() };
    let exr = Carry { format_in: "exr", orientation: 1, ..to("exr") };
    assert_eq!(told(&carry(&from, &exr).1), "");
    let small = told(&carry(&from, &Carry { extent_out: SMALL, ..exr.clone() }).1);
    assert!(small.starts_with("the channels \"Z\", \"N.X\" are of 60x40 pixels"), "{small}");
    let other = told(&carry(&from, &Carry { format: "tiff", policy: Policy::None, ..exr }).1);
    assert_eq!(other, "the channels \"Z\", \"N.X\" of exr have no place in tiff\n");
}

#[test]
fn settings_that_are_part_of_the_pixels_stay() {
    let packet = |applied: &str| {
        format!(
            "<r:RDF xmlns:r='{}'><r:Description xmlns:c='{}' c:AlreadyApplied='{applied}' c:RawFileName='a.nef' c:Tint='4'/></r:RDF>",
            crate::picture::xmp::ns::RDF,
            crate::picture::xmp::ns::CRS
        )
    };
    for (applied, stays) in [("True", true), ("False", false)] {
        let from = Metadata { xmp: Some(packet(applied).into_bytes()), ..Metadata::default() };
        let out = String::from_utf8(carry(&from, &to("tiff")).0.xmp.unwrap()).unwrap();
        assert!(out.contains("a.nef") && out.contains("Tint") == stays, "{out}");
    }
}

#[test]
fn damage_costs_what_is_damaged() {
    let mut from = picture();
    // The GPS pointer leads back to IFD0.
    let blob = from.exif.as_mut().unwrap();
    let at = blob.windows(4).position(|w| w == [0x25, 0x88, 4, 0]).unwrap();
    blob[at + 8..at + 12].copy_from_slice(&8u32.to_le_bytes());
    from.xmp = Some(b"<x:xmpmeta xmlns:x='a'><rdf:RDF".to_vec());
    from.iptc = Some(b"no record".to_vec());
    let (out, lost) = carry(&from, &to("tiff"));
    let ifd = parse(out.exif.as_ref().unwrap(), 1 << 20).unwrap().ifd;
    assert!(ifd.child(GPS_IFD).is_none() && ifd.child(EXIF_IFD).is_some());
    assert!(told(&lost).contains("EXIF directory 34853 left out"), "{}", told(&lost));
    assert!(told(&lost).contains("XMP is damaged") && out.xmp == from.xmp, "{}", told(&lost));
    let (out, lost) = carry(&from, &Carry { policy: Policy::Copyright, ..to("tiff") });
    assert!(out.xmp.is_none() && out.iptc.is_none());
    assert!(told(&lost).contains("IPTC is left out: the IPTC record is damaged at byte 0"));
    from.exif = Some(b"no EXIF".to_vec());
    from.xmp = Some(b"<!DOCTYPE a [<!ENTITY b 'c'>]><a/>".to_vec());
    let (out, lost) = carry(&from, &to("tiff"));
    assert!(out.exif.is_none() && out.xmp.is_none());
    assert!(told(&lost).contains("EXIF cannot be read") && told(&lost).contains("document type"));
    // An orientation that is none.
    let turned = Ifd { entries: vec![Entry::short(274, &[9])], children: vec![] };
    let from = Metadata { exif: write(&turned).ok(), ..Metadata::default() };
    assert_eq!(exif_orientation(&from), None);
    let (out, _) = carry(&from, &Carry { orientation: 1, ..to("png") });
    assert_eq!(exif_orientation(&out), Some(1));
    // Bytes of any kind do not panic.
    let sound = picture().exif.unwrap();
    for at in 0..sound.len() * 8 {
        let mut bad = sound.clone();
        bad[at / 8] ^= 1 << (at % 8);
        let _ = carry(&Metadata { exif: Some(bad), ..Metadata::default() }, &to("jpeg"));
    }
}
