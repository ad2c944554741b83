//! The header of an output: carried attributes in the order of the input, then what the picture and the caller add.

use exr::compression::Compression;

use super::extras::ExrExtras;
use super::header::{Attribute, Channel, FLAG_LONG_NAMES, FLAG_TILED, Sample, Tiles, Window};
use super::{beside, decode};
use crate::codec::{Compression as Asked, SinkSpec};
use crate::picture::{Channels, SampleType};

/// Names an added text may not take: attributes readers rely on.
const RESERVED: [&str; 14] = [
    "channels",
    "compression",
    "dataWindow",
    "displayWindow",
    "lineOrder",
    "pixelAspectRatio",
    "screenWindowCenter",
    "screenWindowWidth",
    "tiles",
    "type",
    "chunkCount",
    "version",
    "chromaticities",
    "preview",
];

/// Where the samples of an output channel come from.
#[derive(Debug, Clone, Copy)]
pub enum Origin {
    /// Channel of the strips.
    Strip(usize),
    /// Plane of [`ExrExtras::others`].
    Other(usize),
}

/// Everything about an output but its samples.
pub struct Layout {
    /// Channels in file order (sorted bytewise by name, as OpenEXR demands).
    pub channels: Vec<Channel>,
    /// Source of each.
    pub from: Vec<Origin>,
    /// Compression.
    pub compression: Compression,
    /// Tiles.
    pub tiles: Option<Tiles>,
    /// First row of the data window.
    pub top: i32,
    /// Chunks from the bottom up.
    pub decreasing: bool,
    /// Magic, version, attributes.
    pub header: Vec<u8>,
}

/// Makes the layout of the output that `spec` asks for.
pub fn layout(spec: &SinkSpec, extras: Option<&ExrExtras>) -> Layout {
    let (channels, from) = channels(spec, extras);
    let code = compression_code(spec.compression, extras, &channels);
    let (compression, _) = decode::compression(code).unwrap_or((Compression::ZIP16, "zip"));
    let tiles = extras.and_then(|e| e.tiles).map(|t| Tiles { levels: false, ..t });
    // The specification knows decreasing order for scan lines and tiles alike; random order is written as increasing.
    let decreasing = extras.is_some_and(|e| e.decreasing);
    let frame = spec.metadata.frame.as_ref().filter(|frame| extras.is_none() && frame.data.is_of(spec.extent));
    let origin = || frame.map_or_else(|| Window::at_origin(spec.extent), |frame| frame.data);
    let window = extras.map_or_else(origin, |e| e.data_window);
    let mut attributes =
        Attributes(extras.map(|e| beside::carried(&e.attributes, spec.metadata.policy)).unwrap_or_default());
    attributes.set("channels", "chlist", channel_list(&channels));
    attributes.set("compression", "compression", vec![code]);
    attributes.set("dataWindow", "box2i", box2i(window));
    attributes.set("lineOrder", "lineOrder", vec![u8::from(decreasing)]);
    attributes.set("chromaticities", "chromaticities", chromaticities(spec));
    attributes.default("displayWindow", "box2i", box2i(frame.map_or(window, |frame| frame.display)));
    attributes.default("pixelAspectRatio", "float", 1f32.to_le_bytes().to_vec());
    attributes.default("screenWindowCenter", "v2f", vec![0; 8]);
    attributes.default("screenWindowWidth", "float", 1f32.to_le_bytes().to_vec());
    if let Some(tiles) = tiles {
        let mut value = [tiles.size[0].to_le_bytes(), tiles.size[1].to_le_bytes()].concat();
        value.push(0);
        attributes.set("tiles", "tiledesc", value);
    }
    for (name, kind, value) in beside::blobs(spec) {
        attributes.set(name, kind, value);
    }
    for (name, kind, value) in beside::facts(spec) {
        attributes.default(name, kind, value);
    }
    for (key, value) in &spec.text {
        attributes.set(&text_name(key), "string", value.clone().into_bytes());
    }
    let header = serialize(&attributes.0, &channels, tiles.is_some());
    Layout { channels, from, compression, tiles, top: window.min[1], decreasing, header }
}

/// Color channels of the strips and the others of the input; a color channel replaces another one of its name.
fn channels(spec: &SinkSpec, extras: Option<&ExrExtras>) -> (Vec<Channel>, Vec<Origin>) {
    let sample = if spec.layout.sample == SampleType::F16 { Sample::F16 } else { Sample::F32 };
    let leaves: &[&str] = match spec.layout.channels {
        Channels::Gray => &[spec.gray_name],
        Channels::GrayAlpha => &[spec.gray_name, "A"],
        Channels::Rgb => &["R", "G", "B"],
        Channels::Rgba => &["R", "G", "B", "A"],
    };
    let prefix = extras.map(|e| e.prefix.clone()).unwrap_or_default();
    let mut all: Vec<(Channel, Origin)> = Vec::new();
    for (i, leaf) in leaves.iter().enumerate() {
        let name = [&prefix[..], leaf.as_bytes()].concat();
        all.push((Channel { name, sample, linear: false, sampling: [1, 1] }, Origin::Strip(i)));
    }
    for (i, channel) in extras.map(|e| &e.other_channels[..]).unwrap_or_default().iter().enumerate() {
        if !all.iter().any(|(c, _)| c.name == channel.name) {
            all.push((channel.clone(), Origin::Other(i)));
        }
    }
    all.sort_by(|a, b| a.0.name.cmp(&b.0.name));
    all.into_iter().unzip()
}

/// The input's compression where it loses nothing: a lossy one would change the channels that were not even touched, generation after generation.
fn compression_code(asked: Asked, extras: Option<&ExrExtras>, channels: &[Channel]) -> u8 {
    const NONE: u8 = 0;
    const ZIP: u8 = 3;
    const PXR24: u8 = 5;
    match (asked, extras.map(|e| e.compression)) {
        (Asked::None, _) => NONE,
        (Asked::Input, Some(code @ 0..=4)) => code,
        // PXR24 cuts floats to 24 bits and keeps half and integers.
        (Asked::Input, Some(PXR24)) if channels.iter().all(|c| c.sample != Sample::F32) => PXR24,
        _ => ZIP,
    }
}

fn box2i(window: Window) -> Vec<u8> {
    [window.min, window.max].concat().iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn chromaticities(spec: &SinkSpec) -> Vec<u8> {
    let p = &spec.encoding.primaries;
    [p.red, p.green, p.blue, p.white].concat().iter().flat_map(|&v| (v as f32).to_le_bytes()).collect()
}

fn channel_list(channels: &[Channel]) -> Vec<u8> {
    let mut list = Vec::new();
    for channel in channels {
        list.extend_from_slice(&channel.name);
        list.push(0);
        let code: i32 = match channel.sample {
            Sample::U32 => 0,
            Sample::F16 => 1,
            Sample::F32 => 2,
        };
        list.extend_from_slice(&code.to_le_bytes());
        list.extend_from_slice(&[u8::from(channel.linear), 0, 0, 0]);
        list.extend(channel.sampling.iter().flat_map(|s| s.to_le_bytes()));
    }
    list.push(0);
    list
}

/// A legal attribute name for a text: what is reserved or has no legal form gets the prefix "chiaro.".
fn text_name(key: &str) -> String {
    let mut clean: String = key.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(200).collect();
    if clean.is_empty() || RESERVED.contains(&&*clean) {
        clean.insert_str(0, "chiaro.");
    }
    clean
}

/// Attributes in writing order.
struct Attributes(Vec<Attribute>);

impl Attributes {
    fn set(&mut self, name: &str, kind: &str, value: Vec<u8>) {
        let attribute = Attribute { name: name.into(), kind: kind.into(), value };
        match self.0.iter_mut().find(|a| a.name == name.as_bytes()) {
            Some(place) => *place = attribute,
            None => self.0.push(attribute),
        }
    }

    fn default(&mut self, name: &str, kind: &str, value: Vec<u8>) {
        if !self.0.iter().any(|a| a.name == name.as_bytes()) {
            self.set(name, kind, value);
        }
    }
}

fn serialize(attributes: &[Attribute], channels: &[Channel], tiled: bool) -> Vec<u8> {
    let names = attributes.iter().flat_map(|a| [&a.name, &a.kind]).chain(channels.iter().map(|c| &c.name));
    let long = names.map(Vec::len).max().unwrap_or(0) > 31;
    let version = 2 | if tiled { FLAG_TILED } else { 0 } | if long { FLAG_LONG_NAMES } else { 0 };
    let mut bytes = vec![0x76, 0x2f, 0x31, 0x01];
    bytes.extend_from_slice(&version.to_le_bytes());
    for attribute in attributes {
        bytes.extend_from_slice(&attribute.name);
        bytes.push(0);
        bytes.extend_from_slice(&attribute.kind);
        bytes.push(0);
        let size = i32::try_from(attribute.value.len()).unwrap_or(i32::MAX);
        bytes.extend_from_slice(&size.to_le_bytes());
        bytes.extend_from_slice(attribute.value.get(..size as usize).unwrap_or_default());
    }
    bytes.push(0);
    bytes
}
