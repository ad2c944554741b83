//! The contract of an ONNX file, read from its graph without an inference engine: inputs, outputs, the model's own notes and the
//! data files it refers to.
//!
//! An ONNX file is one protocol buffer message (`onnx.proto3`, <https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3>; wire
//! format: <https://protobuf.dev/programming-guides/encoding/>). Only the few fields named below are looked at; weights are stepped over.

use std::collections::{HashMap, HashSet};
use std::path::{Component, Path};

/// Nesting of subgraphs that is followed; deeper files are refused.
const MAX_DEPTH: u32 = 16;
/// Files with weights of one model; exporters that write a file per tensor make some hundreds.
const MAX_FILES: usize = 4096;
/// Nodes that are looked at for who reads the input.
const MAX_NODES: usize = 4096;
/// Names of `TensorProto.DataType` from 0.
const ELEMENTS: &str = "undefined float uint8 int8 uint16 int16 int32 int64 string bool float16 double uint32 uint64 complex64 \
                        complex128 bfloat16";
/// `TensorProto.DataType.FLOAT`.
pub const FLOAT: i64 = 1;
/// `TensorProto.DataType.FLOAT16`.
pub const FLOAT16: i64 = 10;

/// One dimension of a declared shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dimension {
    /// A fixed size.
    Fixed(u64),
    /// Known only when the model runs; the name may be empty.
    Symbolic(String),
}

impl Dimension {
    /// As people write it; `?` for a size without a name.
    pub fn word(&self) -> String {
        match self {
            Self::Fixed(size) => size.to_string(),
            Self::Symbolic(name) if name.is_empty() => "?".into(),
            Self::Symbolic(name) => name.clone(),
        }
    }
}

/// A declared input or output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// Name in the graph.
    pub name: String,
    /// `TensorProto.DataType`; 1 is f32.
    pub element_type: i64,
    /// Shape, `None` when undeclared.
    pub shape: Option<Vec<Dimension>>,
}

impl Value {
    /// The type of its elements, as ONNX names it.
    pub fn element_name(&self) -> &'static str {
        usize::try_from(self.element_type).ok().and_then(|i| ELEMENTS.split(' ').nth(i)).unwrap_or("unknown")
    }

    /// The shape as people write it: `[1, 3, height, 518]`; `?` for a size without a name.
    pub fn shape_words(&self) -> String {
        let Some(shape) = &self.shape else { return "of unknown shape".into() };
        format!("[{}]", shape.iter().map(Dimension::word).collect::<Vec<_>>().join(", "))
    }
}

/// What the header of a model says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OnnxHeader {
    /// Inputs that a caller must feed (weights listed as inputs by old exporters are left out).
    pub inputs: Vec<Value>,
    /// Outputs.
    pub outputs: Vec<Value>,
    /// `metadata_props`: keys and values in file order.
    pub metadata: Vec<(String, String)>,
    /// Files with external weights, as written in the model, without repetition.
    pub external_files: Vec<String>,
    /// Bytes that each of `external_files` has at least: the largest offset + length of a tensor in it, where the model says both.
    pub external_ends: HashMap<String, u64>,
    /// Program that wrote the file.
    pub producer: String,
    /// The operations that read the first input, by name (`Conv`, `Sub`, ...), in graph order.
    pub first_operations: Vec<String>,
    /// `external_files` while they are gathered.
    seen_files: HashSet<String>,
    initializers: Vec<String>,
    /// Operation and inputs of the nodes of the outermost graph that come first; more are of no interest.
    nodes: Vec<(String, Vec<String>)>,
}

impl OnnxHeader {
    /// Reads the header of a whole ONNX file.
    ///
    /// # Errors
    /// A reason, when the bytes are no ONNX model, are truncated, or refer to weights outside the model's own folder.
    pub fn parse(file: &[u8]) -> Result<Self, String> {
        let mut header = Self::default();
        let mut graph_seen = false;
        for field in Fields(file) {
            match field? {
                (2, Wire::Bytes(name)) => header.producer = text(name)?,
                (7, Wire::Bytes(graph)) => {
                    graph_seen = true;
                    header.graph(graph, 0)?;
                }
                (14, Wire::Bytes(entry)) => header.metadata.push(entry_pair(entry)?),
                _ => {}
            }
        }
        if !graph_seen || header.outputs.is_empty() {
            return Err("is no ONNX model: it has no graph with an output".into());
        }
        let OnnxHeader { inputs, initializers, first_operations, nodes, .. } = &mut header;
        let weights: HashSet<&str> = initializers.iter().map(String::as_str).collect();
        inputs.retain(|input| !weights.contains(input.name.as_str()));
        if let Some(input) = inputs.first() {
            let readers = nodes.iter().filter(|(_, names)| names.contains(&input.name));
            first_operations.extend(readers.map(|(operation, _)| operation.clone()));
        }
        nodes.clear();
        header.seen_files.clear();
        Ok(header)
    }

    /// Whether the graph itself subtracts something from its input before anything else sees it, as exports do that carry their
    /// normalization with them.
    pub fn normalizes(&self) -> bool {
        !self.first_operations.is_empty() && self.first_operations.iter().all(|operation| operation == "Sub")
    }

    /// The value of a metadata key.
    pub fn note(&self, key: &str) -> Option<&str> {
        self.metadata.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str())
    }

    fn graph(&mut self, graph: &[u8], depth: u32) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(format!("nests its graphs more than {MAX_DEPTH} deep"));
        }
        for field in Fields(graph) {
            match field? {
                (1, Wire::Bytes(node)) => self.node(node, depth)?,
                (5, Wire::Bytes(tensor)) => self.tensor(tensor, depth == 0)?,
                // Values of subgraphs are none of the caller's business.
                (11, Wire::Bytes(value)) if depth == 0 => self.inputs.push(declared(value)?),
                (12, Wire::Bytes(value)) if depth == 0 => self.outputs.push(declared(value)?),
                _ => {}
            }
        }
        Ok(())
    }

    /// Constants and subgraphs hide in the attributes of nodes.
    fn node(&mut self, node: &[u8], depth: u32) -> Result<(), String> {
        if depth == 0 && self.nodes.len() < MAX_NODES {
            let (mut operation, mut inputs) = (String::new(), Vec::new());
            for field in Fields(node) {
                match field? {
                    (1, Wire::Bytes(name)) => inputs.push(text(name)?),
                    (4, Wire::Bytes(name)) => operation = text(name)?,
                    _ => {}
                }
            }
            self.nodes.push((operation, inputs));
        }
        for field in Fields(node) {
            let (5, Wire::Bytes(attribute)) = field? else { continue };
            for field in Fields(attribute) {
                match field? {
                    (5 | 10, Wire::Bytes(tensor)) => self.tensor(tensor, false)?,
                    (6 | 11, Wire::Bytes(graph)) => self.graph(graph, depth + 1)?,
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn tensor(&mut self, tensor: &[u8], initializer: bool) -> Result<(), String> {
        let (mut location, mut offset, mut length) = (None, 0, 0);
        for field in Fields(tensor) {
            match field? {
                (8, Wire::Bytes(name)) if initializer => self.initializers.push(text(name)?),
                (13, Wire::Bytes(entry)) => {
                    let (key, value) = entry_pair(entry)?;
                    match key.as_str() {
                        "location" => {
                            self.weights_file(value.clone())?;
                            location = Some(value);
                        }
                        "offset" => offset = bytes(&key, &value)?,
                        "length" => length = bytes(&key, &value)?,
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        if let Some(file) = location {
            let end = self.external_ends.entry(file).or_default();
            *end = (*end).max(offset.saturating_add(length));
        }
        Ok(())
    }
}

impl OnnxHeader {
    fn weights_file(&mut self, file: String) -> Result<(), String> {
        stays_inside(&file)?;
        if self.seen_files.contains(&file) {
            return Ok(());
        }
        if self.external_files.len() >= MAX_FILES {
            let advice = "export it with its weights inside or in one file beside it";
            return Err(format!("refers to more than {MAX_FILES} files with weights, the limit: {advice}"));
        }
        self.seen_files.insert(file.clone());
        self.external_files.push(file);
        Ok(())
    }
}

/// Refuses a weights file that is not below the model's folder by its name alone.
pub(super) fn stays_inside(file: &str) -> Result<(), String> {
    let plain = !file.is_empty()
        && !file.contains('\\')
        && Path::new(file).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    plain.then_some(()).ok_or_else(|| {
        format!("refers to weights outside its own folder: {file:?}; export it with its weights inside or beside it")
    })
}

/// Offset and length of external weights are decimal text (`TensorProto.external_data`).
fn bytes(key: &str, text: &str) -> Result<u64, String> {
    text.trim().parse().map_err(|_| format!("says {key} = {text:?} of its weights, allowed: a number of bytes"))
}

fn declared(value: &[u8]) -> Result<Value, String> {
    let mut out = Value { name: String::new(), element_type: 0, shape: None };
    for field in Fields(value) {
        match field? {
            (1, Wire::Bytes(name)) => out.name = text(name)?,
            (2, Wire::Bytes(kind)) => {
                for field in Fields(kind) {
                    let (1, Wire::Bytes(tensor)) = field? else { continue };
                    for field in Fields(tensor) {
                        match field? {
                            (1, Wire::Number(element)) => out.element_type = element as i64,
                            (2, Wire::Bytes(shape)) => out.shape = Some(dimensions(shape)?),
                            _ => {}
                        }
                    }
                }
            }
            _ => {}
        }
    }
    Ok(out)
}

fn dimensions(shape: &[u8]) -> Result<Vec<Dimension>, String> {
    let mut out = Vec::new();
    for field in Fields(shape) {
        let (1, Wire::Bytes(dimension)) = field? else { continue };
        let mut size = Dimension::Symbolic(String::new());
        for field in Fields(dimension) {
            match field? {
                (1, Wire::Number(value)) => size = Dimension::Fixed(value),
                (2, Wire::Bytes(name)) => size = Dimension::Symbolic(text(name)?),
                _ => {}
            }
        }
        out.push(size);
    }
    Ok(out)
}

fn entry_pair(entry: &[u8]) -> Result<(String, String), String> {
    let (mut key, mut value) = (String::new(), String::new());
    for field in Fields(entry) {
        match field? {
            (1, Wire::Bytes(bytes)) => key = text(bytes)?,
            (2, Wire::Bytes(bytes)) => value = text(bytes)?,
            _ => {}
        }
    }
    Ok((key, value))
}

fn text(bytes: &[u8]) -> Result<String, String> {
    String::from_utf8(bytes.to_vec()).map_err(|_| "is no ONNX model: a name in it is no text".into())
}

/// A field's payload.
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Skipped,
}

/// The fields of one message, in file order; ends after the first error.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            if shift < 64 {
                value |= u64::from(byte & 0x7f) << shift;
            }
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, count: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(count).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    fn field(&mut self) -> Option<(u64, Wire<'a>)> {
        let tag = self.varint()?;
        let wire = match tag & 7 {
            0 => Wire::Number(self.varint()?),
            1 => self.take(8).map(|_| Wire::Skipped)?,
            2 => {
                let count = self.varint()?;
                Wire::Bytes(self.take(count)?)
            }
            5 => self.take(4).map(|_| Wire::Skipped)?,
            _ => return None,
        };
        Some((tag >> 3, wire))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Wire<'a>), String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field.ok_or_else(|| "is truncated, or no ONNX model: fetch or export it again".to_string()))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn field(number: u8, payload: &[u8]) -> Vec<u8> {
        let mut out = vec![number << 3 | 2];
        let mut length = payload.len();
        while length > 127 {
            out.push(length as u8 | 0x80);
            length >>= 7;
        }
        out.push(length as u8);
        out.extend(payload);
        out
    }

    fn number(field: u8, value: u64) -> Vec<u8> {
        let mut out = vec![field << 3];
        let mut value = value;
        while value > 127 {
            out.push(value as u8 | 0x80);
            value >>= 7;
        }
        out.push(value as u8);
        out
    }

    /// A declared f32 value; 0 stands for a symbolic dimension.
    fn value(name: &str, shape: &[u64]) -> Vec<u8> {
        let dims: Vec<u8> = shape
            .iter()
            .flat_map(|&size| field(1, &if size == 0 { field(2, b"side") } else { number(1, size) }))
            .collect();
        let tensor = [number(1, 1), field(2, &dims)].concat();
        [field(1, name.as_bytes()), field(2, &field(1, &tensor))].concat()
    }

    /// A header-only model whose input is read by one node of this operation.
    pub fn model_with_node(inputs: &[(&str, &[u64])], operation: &str) -> Vec<u8> {
        let node = [field(1, inputs[0].0.as_bytes()), field(1, b"weights"), field(4, operation.as_bytes())].concat();
        let mut graph: Vec<u8> = inputs.iter().flat_map(|(name, shape)| field(11, &value(name, shape))).collect();
        graph.extend(field(12, &value("depth", &[1, 1, 0, 0])));
        graph.extend(field(1, &node));
        field(7, &graph)
    }

    /// A header-only model with this input and output.
    pub fn model_answering(input: &[u64], output: &[u64]) -> Vec<u8> {
        field(7, &[field(11, &value("image", input)), field(12, &value("depth", output))].concat())
    }

    /// A header-only model for tests.
    pub fn model(inputs: &[(&str, &[u64])], external: Option<&str>, notes: &[(&str, &str)]) -> Vec<u8> {
        let mut graph: Vec<u8> = inputs.iter().flat_map(|(name, shape)| field(11, &value(name, shape))).collect();
        graph.extend(field(12, &value("depth", &[1, 1, 0, 0])));
        let mut weights = field(8, b"weights");
        if let Some(file) = external {
            weights.extend(field(13, &[field(1, b"location"), field(2, file.as_bytes())].concat()));
        }
        graph.extend(field(5, &weights));
        let mut file = field(7, &graph);
        for (key, value) in notes {
            file.extend(field(14, &[field(1, key.as_bytes()), field(2, value.as_bytes())].concat()));
        }
        file
    }

    #[test]
    fn inputs_are_what_must_be_fed() {
        let file = model(&[("image", &[1, 3, 0, 256]), ("weights", &[4])], None, &[("k", "v")]);
        let header = OnnxHeader::parse(&file).unwrap();
        assert_eq!(header.inputs.len(), 1);
        let shape = header.inputs[0].shape.clone().unwrap();
        assert_eq!(shape[2..], [Dimension::Symbolic("side".into()), Dimension::Fixed(256)]);
        assert_eq!((header.inputs[0].element_type, header.note("k")), (FLOAT, Some("v")));
    }

    #[test]
    fn who_reads_the_input_first() {
        for (operation, normalizes) in [("Sub", true), ("Conv", false)] {
            let header = OnnxHeader::parse(&model_with_node(&[("image", &[1, 3, 0, 0])], operation)).unwrap();
            assert_eq!((header.first_operations[0].as_str(), header.normalizes()), (operation, normalizes));
        }
        let value = Value {
            name: "x".into(),
            element_type: 7,
            shape: Some(vec![Dimension::Fixed(3), Dimension::Symbolic("h".into())]),
        };
        assert_eq!((value.element_name(), value.shape_words().as_str()), ("int64", "[3, h]"));
    }

    #[test]
    fn weights_outside_the_folder_are_refused() {
        for bad in ["/etc/passwd", "../weights.bin", "a/../../b", "..\\x", ""] {
            assert!(OnnxHeader::parse(&model(&[("x", &[1])], Some(bad), &[])).is_err(), "{bad}");
        }
        let good = OnnxHeader::parse(&model(&[("x", &[1])], Some("data/weights.bin"), &[])).unwrap();
        assert_eq!(good.external_files, ["data/weights.bin"]);
        assert!(bytes("offset", "-1").is_err());
    }

    #[test]
    fn a_model_has_some_thousand_files_at_most() {
        let files = |count: usize| {
            let mut graph = field(12, &value("depth", &[1]));
            for i in (0..count).chain(0..count) {
                let entry = [field(1, b"location"), field(2, format!("w{i}").as_bytes())].concat();
                graph.extend(field(5, &field(13, &entry)));
            }
            OnnxHeader::parse(&field(7, &graph)).map(|header| header.external_files.len())
        };
        assert_eq!(files(MAX_FILES), Ok(MAX_FILES));
        assert!(files(MAX_FILES + 1).unwrap_err().contains("more than 4096 files"));
    }

    #[test]
    fn every_truncation_and_bit_flip_is_survived() {
        let file = model(&[("image", &[1, 3, 192, 256])], Some("w.bin"), &[("k", "v")]);
        for length in 0..file.len() {
            let _ = OnnxHeader::parse(&file[..length]);
        }
        for bit in 0..file.len() * 8 {
            let mut file = file.clone();
            file[bit / 8] ^= 1 << (bit % 8);
            let _ = OnnxHeader::parse(&file);
        }
        assert!(OnnxHeader::parse(b"not a model").is_err());
        assert!(OnnxHeader::parse(&[]).is_err());
    }
}
