//! Depth that phones put into JPEG pictures: found in every form it is written in, and told where it cannot be used.

mod common;

use std::path::{Path, PathBuf};

use chiaro::codec::{self, Compression, Format};
use chiaro::engine::job::{DepthExport, Outcome, Status, Work};
use chiaro::picture::{Channels, Extent, Metadata, Region, SampleType, Strip};

const EXTENT: Extent = Extent { width: 96, height: 64 };
/// Of the maps.
const SMALL: Extent = Extent { width: 48, height: 32 };
/// Meters of the nearest and farthest point of the maps.
const NEAR: f32 = 1.0;
const FAR: f32 = 40.0;

/// A fresh folder with pictures in `in` and what a run makes of them.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(place.0.path().join("in")).unwrap();
        place
    }

    fn input(&self, name: &str) -> PathBuf {
        self.0.path().join("in").join(name)
    }

    fn run(&self, out: &str, depth: &str, work: &Work) -> Vec<Outcome> {
        let recipe = common::recipe(&format!("version = 1\n[depth]\n{depth}\n"));
        let out = self.0.path().join(out);
        common::run(common::options(&out), recipe, &self.0.path().join("in"), work).1
    }

    /// Depth maps (16 bit) of all pictures.
    fn depth(&self, out: &str, depth: &str) -> Vec<Outcome> {
        self.run(out, depth, &Work::Depth(vec![DepthExport::Png]))
    }

    fn map(&self, out: &str, name: &str) -> Vec<u16> {
        common::samples_u16(&common::read(&self.0.path().join(out).join(name))).to_vec()
    }

    /// A floor, and sky, as a PNG of 16 bits in *RangeInverse*.
    fn codes(&self) -> Vec<u8> {
        let region = Region { width: SMALL.width, y: 0, rows: SMALL.height };
        let mut strip = Strip::new(region, common::layout(SampleType::U16, Channels::Gray));
        let samples: &mut [u16] = bytemuck::cast_slice_mut(strip.words_mut());
        for (i, code) in samples.iter_mut().enumerate() {
            let v = (i as u32 / SMALL.width) as f32 / SMALL.height as f32;
            let meters = 1.5 / (0.05 + v.max(0.2));
            *code = ((1.0 / NEAR - 1.0 / meters) / (1.0 / NEAR - 1.0 / FAR) * 65_535.0).clamp(0.0, 65_535.0) as u16;
        }
        let path = self.0.path().join("map.png");
        common::write(&path, Format::Png, &strip, Compression::Deflate);
        std::fs::read(path).unwrap()
    }
}

/// A packet with these namespaces, attributes and elements in its description.
fn packet(attributes: &str, elements: &str) -> String {
    format!(
        "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><rdf:Description \
         rdf:about=\"\" {attributes}>{elements}</rdf:Description></rdf:RDF></x:xmpmeta>"
    )
}

/// GDepth with these facts.
fn gdepth(facts: &str) -> String {
    packet(&format!("xmlns:GDepth=\"http://ns.google.com/photos/1.0/depthmap/\" GDepth:Mime=\"image/png\" {facts}"), "")
}

/// A directory as other pictures with containers have it: by what items are.
fn container(length: usize) -> String {
    let item = |more: &str| format!("<rdf:li rdf:parseType=\"Resource\"><Container:Item {more}/></rdf:li>");
    let items = [
        item("Item:Mime=\"image/jpeg\" Item:Semantic=\"Primary\""),
        item(&format!("Item:Mime=\"image/png\" Item:Semantic=\"Depth\" Item:Length=\"{length}\"")),
        item("Item:Mime=\"video/mp4\" Item:Semantic=\"MotionPhoto\" Item:Length=\"5\""),
    ];
    packet(
        "xmlns:Container=\"http://ns.google.com/photos/1.0/container/\" xmlns:Item=\"http://ns.google.com/photos/1.0/container/item/\" \
         xmlns:DepthMap=\"http://ns.google.com/photos/dd/1.0/depthmap/\"",
        &format!(
            "<DepthMap:Map DepthMap:Format=\"RangeInverse\" DepthMap:Near=\"{NEAR}\" DepthMap:Far=\"{FAR}\" DepthMap:Units=\"Meters\"/>\
             <Container:Directory><rdf:Seq>{}</rdf:Seq></Container:Directory>",
            items.concat()
        ),
    )
}

/// Dynamic depth 1.0 as it was published: namespaces of its own, items by their addresses.
fn dynamic(length: usize) -> String {
    let of = |name: &str| format!("xmlns:{name}=\"http://ns.google.com/photos/dd/1.0/{}/\"", name.to_ascii_lowercase());
    let item = |more: &str| format!("<rdf:li rdf:parseType=\"Resource\"><Container:Item {more}/></rdf:li>");
    let items = [
        item("Item:Mime=\"image/jpeg\" Item:Length=\"0\" Item:Padding=\"7\" Item:DataURI=\"primary_image\""),
        item(&format!("Item:Mime=\"image/png\" Item:Length=\"{length}\" Item:DataURI=\"second\"")),
    ];
    packet(
        &["Device", "Camera", "DepthMap", "Container", "Item"].map(of).join(" "),
        &format!(
            "<Device:Container rdf:parseType=\"Resource\"><Container:Directory><rdf:Seq>{}</rdf:Seq></Container:Directory></Device:Container>\
             <Device:Cameras><rdf:Seq><rdf:li rdf:parseType=\"Resource\"><Device:Camera rdf:parseType=\"Resource\">\
             <Camera:DepthMap DepthMap:Format=\"RangeInverse\" DepthMap:Near=\"{NEAR}\" DepthMap:Far=\"{FAR}\" DepthMap:Units=\"Meters\" \
             DepthMap:DepthURI=\"second\" DepthMap:ItemSemantic=\"Depth\"/></Device:Camera></rdf:li></rdf:Seq></Device:Cameras>",
            items.concat()
        ),
    )
}

fn failure(outcome: &Outcome) -> &str {
    match &outcome.status {
        Status::Failed { message, .. } => message,
        other => panic!("{other:?}"),
    }
}

fn told(outcome: &Outcome, words: &[&str]) -> bool {
    outcome.warnings.iter().any(|warning| words.iter().all(|word| warning.contains(word)))
}

#[test]
fn every_convention_means_the_same() {
    let place = Place::new();
    let map = place.codes();
    let data = base64(&map);
    let range = format!("GDepth:Format=\"RangeInverse\" GDepth:Near=\"{NEAR}\" GDepth:Far=\"{FAR}\"");
    jpeg(&place.input("g.jpg"), &gdepth(&format!("{range} GDepth:Units=\"m\" GDepth:Data=\"{data}\"")), &[]);
    jpeg(&place.input("c.jpg"), &container(map.len()), &[&map[..], b"movie"].concat());
    jpeg(&place.input("cut.jpg"), &container(map.len()), &map[..map.len() / 2]);
    jpeg(&place.input("d.jpg"), &dynamic(map.len()), &[&[0; 7], &map[..]].concat());
    let outcomes = place.depth("out", "source = \"jpeg\"");
    let [c, cut, d, g] = outcomes.as_slice() else { panic!("{outcomes:?}") };
    common::assert_done(&[c.clone(), d.clone(), g.clone()]);
    assert!(failure(cut).contains("depth of the phone"), "{cut:?}");
    assert!(g.depth.as_deref().unwrap().contains("GDepth") && c.depth.as_deref().unwrap().contains("dynamic depth"));
    let [g, c, d] = ["g_depth.png", "c_depth.png", "d_depth.png"].map(|name| place.map("out", name));
    assert!(g == c && c == d);
    let floor = g[g.len() - 5];
    assert!(floor > 50_000 && g[50] < 20_000, "{floor} {}", g[50]);
    // Words of a map that is not there any more fail nothing unless they were asked for.
    let outcomes = place.depth("auto", "source = \"auto\"");
    common::assert_done(&outcomes);
    let [c, cut, d, g] = outcomes.as_slice() else { panic!("{outcomes:?}") };
    assert!([c, d].iter().all(|one| one.depth.as_deref().unwrap().contains("(dynamic depth): meters")), "{d:?}");
    assert!(g.depth.as_deref().unwrap().contains("GDepth"));
    assert!(!cut.depth.as_deref().unwrap().contains("of the phone"), "{cut:?}");
    assert!(told(cut, &["dynamic depth", "estimated instead"]), "{cut:?}");
}

#[test]
fn what_cannot_be_used_is_told() {
    let place = Place::new();
    let data = format!("GDepth:Data=\"{}\"", base64(&place.codes()));
    let range = format!("GDepth:Near=\"{NEAR}\" GDepth:Far=\"{FAR}\"");
    jpeg(&place.input("banana.jpg"), &gdepth(&format!("GDepth:Format=\"Banana\" {range} {data}")), &[]);
    jpeg(&place.input("comma.jpg"), &gdepth(&format!("GDepth:Near=\"3,0\" GDepth:Far=\"9\" {data}")), &[]);
    let note = "xmlns:n=\"http://ns.adobe.com/xmp/note/\" n:HasExtendedXMP=\"0123456789ABCDEF0123456789ABCDEF\"";
    jpeg(&place.input("lost.jpg"), &gdepth(&format!("{range} {note}")), &[]);
    // The reference's default: meters, in RangeInverse.
    jpeg(&place.input("plain.jpg"), &gdepth(&format!("{range} {data}")), &[]);

    let outcomes = place.depth("out", "source = \"jpeg\"");
    let [banana, comma, lost, plain] = outcomes.as_slice() else { panic!("{outcomes:?}") };
    assert!(failure(banana).contains("its format is \"Banana\", RangeInverse and RangeLinear are read"), "{banana:?}");
    assert!(
        failure(lost).contains("GDepth") && failure(lost).contains("extended XMP that holds it is missing"),
        "{lost:?}"
    );
    common::assert_done(&[comma.clone(), plain.clone()]);
    assert!(told(comma, &["GDepth", "near (\"3,0\") and far (\"9\")", "no meters"]), "{comma:?}");
    assert!(plain.depth.as_deref().unwrap().contains("meters") && plain.warnings.is_empty(), "{plain:?}");

    let outcomes = place.depth("auto", "source = \"auto\"");
    common::assert_done(&outcomes);
    let [banana, comma, lost, _] = outcomes.as_slice() else { panic!("{outcomes:?}") };
    assert!(told(banana, &["Banana", "estimated instead"]) && told(comma, &["no meters"]), "{banana:?} {comma:?}");
    assert!(told(lost, &["extended XMP is left out", "depth of the phone, which cannot be read"]), "{lost:?}");
    assert!(told(lost, &["GDepth", "cannot be read", "estimated instead"]), "{lost:?}");
}

#[test]
fn no_jpeg_is_written_no_loss_is_told() {
    let place = Place::new();
    jpeg(&place.input("a.jpg"), &packet("", ""), &[]);
    let loss = ["compressed anew"];
    let depth = place.depth("maps", "");
    common::assert_done(&depth);
    assert!(!told(&depth[0], &loss), "{depth:?}");
    let graded = place.run("graded", "", &Work::Grade);
    common::assert_done(&graded);
    assert!(told(&graded[0], &loss), "{graded:?}");
}

/// A picture in color with this packet, and with bytes behind it.
fn jpeg(path: &Path, xmp: &str, behind: &[u8]) {
    let region = Region { width: EXTENT.width, y: 0, rows: EXTENT.height };
    let mut strip = Strip::new(region, common::layout(SampleType::U8, Channels::Rgb));
    strip.bytes_mut().iter_mut().enumerate().for_each(|(i, v)| *v = (i * 83 % 251) as u8);
    let file = std::fs::File::create(path).unwrap();
    let mut spec = common::spec(EXTENT, strip.layout, Compression::lossy(95, None));
    spec.metadata = Metadata { xmp: Some(xmp.as_bytes().to_vec()), ..Metadata::default() };
    let pool = common::pool(1);
    let mut sink = codec::create(Format::Jpeg, file, path, spec).unwrap();
    sink.write(&strip, &pool).unwrap();
    sink.finish(&pool).unwrap();
    let mut bytes = std::fs::read(path).unwrap();
    bytes.extend(behind);
    std::fs::write(path, bytes).unwrap();
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0u32, |bits, b| bits << 8 | u32::from(*b)) << (8 * (3 - three.len()));
        for i in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * i) & 63) as usize] as char;
            text.push(if i <= three.len() { letter } else { '=' });
        }
    }
    text
}
