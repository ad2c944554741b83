//! Probed facts as people and programs read them.

use std::path::Path;

use chiaro::depth::onnx_header::{Dimension, OnnxHeader, Value as Tensor};
use chiaro::depth::registry::ModelEntry;
use chiaro::engine::journal::path_text;
use chiaro::error::escape;
use chiaro::picture::{Curve, Metadata, PictureInfo, Referred, Resolution, ResolutionUnit};
use serde_json::{Value, json};

use super::models;
use super::output::{Facts, bytes};
use super::plan_view::access_word;
use super::probe::Probed;

/// Facts of a picture. `resident_bytes`: what its decoder keeps in memory.
pub fn picture(path: &Path, info: &PictureInfo, resident_bytes: u64) -> Probed {
    let encoding = &info.encoding;
    let referred = if encoding.referred == Referred::Scene { "scene-referred" } else { "display-referred" };
    let blobs = blobs(&info.metadata);
    let mut facts = Facts::default();
    facts
        .add("format", format!("{}, compression {}", info.format, info.compression))
        .add("size", format!("{} pixels", info.extent))
        .add("layout", info.described_layout())
        .add("encoding", format!("{} (from {}), {referred}", escape(Path::new(&encoding.name)), info.encoding_source))
        .add("transfer", curve(&encoding.curve))
        .add("access", format!("{}, {} rows per chunk", access_word(info.access), info.chunk_rows));
    if resident_bytes > 0 {
        facts.add("decoder", format!("keeps {} in memory", bytes(resident_bytes)));
    }
    if info.orientation != 1 {
        facts.add("orientation", info.orientation);
    }
    facts.maybe("resolution", info.metadata.resolution.map(resolution));
    facts.maybe("depth channel", info.depth_channel.as_deref().map(|name| escape(Path::new(name))));
    if info.depth_channels.len() > usize::from(info.depth_channel.is_some()) {
        facts.add("can be depth", escape(Path::new(&info.depth_channels.join(", "))));
    }
    let present: Vec<String> =
        blobs.iter().filter_map(|(name, size)| size.map(|size| format!("{name} {}", bytes(size)))).collect();
    facts.add("metadata", if present.is_empty() { "none".to_owned() } else { present.join(", ") });
    for warning in &info.warnings {
        facts.add("warning", escape(Path::new(warning)));
    }
    let metadata: serde_json::Map<String, Value> =
        blobs.iter().map(|(name, size)| (name.to_lowercase() + "_bytes", json!(size))).collect();
    let json = json!({
        "file": path_text(path),
        "type": "picture",
        "format": info.format,
        "compression": info.compression,
        "width": info.extent.width,
        "height": info.extent.height,
        "layout": info.described_layout(),
        "sample": info.layout.sample.name(),
        "channels": info.layout.channels.count(),
        "encoding": encoding.name,
        "encoding_source": info.encoding_source,
        "referred": referred,
        "transfer": curve(&encoding.curve),
        "access": access_word(info.access),
        "chunk_rows": info.chunk_rows,
        "decoder_bytes": resident_bytes,
        "orientation": info.orientation,
        "resolution": info.metadata.resolution.map(resolution),
        "depth_channel": info.depth_channel,
        "depth_channels": info.depth_channels,
        "metadata": metadata,
        "warnings": info.warnings,
    });
    Probed { text: format!("{}\n{facts}\n", escape(path)), json }
}

/// The blobs a picture can carry, with their sizes.
fn blobs(metadata: &Metadata) -> [(&'static str, Option<u64>); 4] {
    let size = |blob: &Option<Vec<u8>>| blob.as_ref().map(|b| b.len() as u64);
    [
        ("ICC", size(&metadata.icc)),
        ("EXIF", size(&metadata.exif)),
        ("XMP", size(&metadata.xmp)),
        ("IPTC", size(&metadata.iptc)),
    ]
}

fn resolution(resolution: Resolution) -> String {
    let number = |(n, d): (u32, u32)| if d == 0 { "?".to_owned() } else { format!("{}", f64::from(n) / f64::from(d)) };
    let unit = match resolution.unit {
        ResolutionUnit::None => "(aspect of pixels)",
        ResolutionUnit::Inch => "pixels per inch",
        ResolutionUnit::Centimeter => "pixels per centimeter",
    };
    format!("{} x {} {unit}", number(resolution.x), number(resolution.y))
}

fn curve(curve: &Curve) -> String {
    match curve {
        Curve::Linear => "linear".to_owned(),
        Curve::Power { gamma } => format!("power {gamma}"),
        Curve::Parametric { gamma, .. } => format!("power {gamma} with a linear part"),
        Curve::Acescct => "ACEScct".to_owned(),
        Curve::Table(table) => format!("table of {} samples", table.samples.len()),
    }
}

/// Facts of a model; `entry` is what the registry makes of it, or why it cannot be used as it is.
pub fn model(path: &Path, header: &OnnxHeader, entry: Result<&ModelEntry, &str>) -> Probed {
    let name = |text: &str| escape(Path::new(text));
    let mut facts = Facts::default();
    facts.add("format", "onnx").add("producer", if header.producer.is_empty() { "unknown" } else { &header.producer });
    for input in &header.inputs {
        facts.add("input", tensor(input));
    }
    for output in &header.outputs {
        facts.add("output", tensor(output));
    }
    for (key, value) in &header.metadata {
        facts.add("note", format!("{} = {}", name(key), name(value)));
    }
    for file in &header.external_files {
        facts.add("weights", name(file));
    }
    match entry {
        Ok(entry) => facts.add("usable", format!("yes, as a depth model: {}", models::meaning(entry.output))),
        Err(reason) => facts.add("usable", format!("not as it is: {reason}")),
    };
    let tensors = |list: &[Tensor]| list.iter().map(tensor_json).collect::<Vec<_>>();
    let json = json!({
        "file": path_text(path),
        "type": "model",
        "producer": header.producer,
        "inputs": tensors(&header.inputs),
        "outputs": tensors(&header.outputs),
        "metadata": header.metadata.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
        "external_files": header.external_files,
        "usable": entry.is_ok(),
        "sha256": entry.ok().map(|e| e.sha256.clone()),
        "reason": entry.err(),
    });
    Probed { text: format!("{}\n{facts}\n", escape(path)), json }
}

fn shape(tensor: &Tensor) -> Option<Vec<String>> {
    let word = |d: &Dimension| match d {
        Dimension::Fixed(n) => n.to_string(),
        Dimension::Symbolic(name) if name.is_empty() => "?".to_owned(),
        Dimension::Symbolic(name) => escape(Path::new(name)),
    };
    tensor.shape.as_ref().map(|shape| shape.iter().map(word).collect())
}

fn tensor(tensor: &Tensor) -> String {
    let kind = if tensor.element_type == chiaro::depth::onnx_header::FLOAT {
        "float".to_owned()
    } else {
        format!("element type {}", tensor.element_type)
    };
    let shape = shape(tensor).map_or_else(|| "shape not declared".to_owned(), |s| format!("[{}]", s.join(", ")));
    format!("{}: {kind} {shape}", escape(Path::new(&tensor.name)))
}

fn tensor_json(tensor: &Tensor) -> Value {
    json!({ "name": tensor.name, "element_type": tensor.element_type, "shape": shape(tensor) })
}
