//! Tiny ONNX files for tests, made from nodes: the few messages of `onnx.proto3` that engines need
//! (<https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3>).
#![allow(dead_code, reason = "each user takes its part")]

/// `TensorProto.DataType`.
pub const FLOAT: u64 = 1;
pub const UINT8: u64 = 2;
pub const INT8: u64 = 3;
pub const FLOAT16: u64 = 10;

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value > 127 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

fn bytes(number: u64, payload: &[u8]) -> Vec<u8> {
    [varint(number << 3 | 2), varint(payload.len() as u64), payload.to_vec()].concat()
}

fn int(number: u64, value: u64) -> Vec<u8> {
    [varint(number << 3), varint(value)].concat()
}

/// A declared input or output; sides of 0 are open.
fn declared(name: &str, kind: u64, shape: &[u64]) -> Vec<u8> {
    let dimension = |(i, size): (usize, &u64)| match size {
        0 => bytes(1, &bytes(2, format!("{name}{i}").as_bytes())),
        size => bytes(1, &int(1, *size)),
    };
    let dims: Vec<u8> = shape.iter().enumerate().flat_map(dimension).collect();
    let tensor = [int(1, kind), bytes(2, &dims)].concat();
    [bytes(1, name.as_bytes()), bytes(2, &bytes(1, &tensor))].concat()
}

/// A node whose attributes are lists of integers, or single ones where the name ends with `=`.
pub fn node(op: &str, inputs: &[&str], output: &str, attributes: &[(&str, &[u64])]) -> Vec<u8> {
    let mut out: Vec<u8> = inputs.iter().flat_map(|name| bytes(1, name.as_bytes())).collect();
    out.extend(bytes(2, output.as_bytes()));
    out.extend(bytes(4, op.as_bytes()));
    for (name, values) in attributes {
        let single = name.ends_with('=');
        let mut attribute = bytes(1, name.trim_end_matches('=').as_bytes());
        attribute.extend(values.iter().flat_map(|&value| int(if single { 3 } else { 8 }, value)));
        attribute.extend(int(20, if single { 2 } else { 7 }));
        out.extend(bytes(5, &attribute));
    }
    out
}

/// A constant.
pub fn constant(name: &str, kind: u64, shape: &[u64], raw: &[u8]) -> Vec<u8> {
    let dims: Vec<u8> = shape.iter().flat_map(|&size| int(1, size)).collect();
    [dims, int(2, kind), bytes(8, name.as_bytes()), bytes(9, raw)].concat()
}

/// A model from `x` `[1, 3, side, side]` to `y` of `shape`, both of type `kind`.
pub fn model(kind: u64, side: u64, shape: &[u64], nodes: &[Vec<u8>], constants: &[Vec<u8>]) -> Vec<u8> {
    model_of(kind, &[1, 3, side, side], shape, nodes, constants)
}

/// A model from `x` of shape `from` to `y` of shape `to`, both of type `kind`.
pub fn model_of(kind: u64, from: &[u64], to: &[u64], nodes: &[Vec<u8>], constants: &[Vec<u8>]) -> Vec<u8> {
    let mut graph: Vec<u8> = nodes.iter().flat_map(|node| bytes(1, node)).collect();
    graph.extend(bytes(2, b"test"));
    graph.extend(constants.iter().flat_map(|constant| bytes(5, constant)));
    graph.extend(bytes(11, &declared("x", kind, from)));
    graph.extend(bytes(12, &declared("y", kind, to)));
    [int(1, 8), bytes(8, &int(2, 13)), bytes(7, &graph)].concat()
}

/// The mean of the three channels, computed in `kind`.
pub fn mean_of_channels(kind: u64, side: u64) -> Vec<u8> {
    let mean = node("ReduceMean", &["x"], "y", &[("axes", &[1]), ("keepdims=", &[1])]);
    model(kind, side, &[1, 1, side, side], &[mean], &[])
}

/// A small network of convolutions for `batch` pictures (0: any number), with weights that look random and stay the same.
pub fn network(side: u64, batch: u64) -> Vec<u8> {
    let mut seed = 1u32;
    let mut weights = |count: u64, scale: f32| -> Vec<u8> {
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((seed >> 8) as f32 / (1u32 << 23) as f32 - 1.0) * scale
        };
        (0..count).flat_map(|_| next().to_le_bytes()).collect()
    };
    let (mut nodes, mut constants, mut last) = (Vec::new(), Vec::new(), "x".to_owned());
    for (layer, (from, to)) in [(3, 16), (16, 16), (16, 16), (16, 1)].into_iter().enumerate() {
        let [kernel, bias, wide, next] = ["w", "b", "c", "r"].map(|name| format!("{name}{layer}"));
        constants.push(constant(&kernel, FLOAT, &[to, from, 3, 3], &weights(to * from * 9, 0.2)));
        constants.push(constant(&bias, FLOAT, &[to], &weights(to, 0.1)));
        let attributes: &[(&str, &[u64])] = &[("kernel_shape", &[3, 3]), ("pads", &[1; 4])];
        nodes.push(node("Conv", &[&last, &kernel, &bias], &wide, attributes));
        let (op, name) = if to == 1 { ("Sigmoid", "y".to_owned()) } else { ("Relu", next) };
        nodes.push(node(op, &[&wide], &name, &[]));
        last = name;
    }
    model_of(FLOAT, &[batch, 3, side, side], &[batch, 1, side, side], &nodes, &constants)
}

/// The mean of the three channels through int8: input and weights are quantized and dequantized (QDQ), as exporters write it.
pub fn quantized_mean(side: u64) -> Vec<u8> {
    let float = |name: &str, value: f32| constant(name, FLOAT, &[], &value.to_le_bytes());
    let nodes = [
        node("QuantizeLinear", &["x", "step", "zero"], "q", &[]),
        node("DequantizeLinear", &["q", "step", "zero"], "d", &[]),
        node("DequantizeLinear", &["weights", "weight_step", "weight_zero"], "w", &[]),
        node("Conv", &["d", "w"], "y", &[("kernel_shape", &[1, 1])]),
    ];
    let constants = [
        float("step", 1.0 / 255.0),
        float("weight_step", 1.0 / 300.0),
        constant("zero", UINT8, &[], &[0]),
        constant("weight_zero", INT8, &[], &[0]),
        constant("weights", INT8, &[1, 3, 1, 1], &[100; 3]),
    ];
    model(FLOAT, side, &[1, 1, side, side], &nodes, &constants)
}

/// Channel means over the mean of everything: 0/0 for a black picture.
pub fn relative_to_all(side: u64) -> Vec<u8> {
    let nodes = [
        node("ReduceMean", &["x"], "m", &[("axes", &[1]), ("keepdims=", &[1])]),
        node("ReduceMean", &["x"], "all", &[("axes", &[1, 2, 3]), ("keepdims=", &[1])]),
        node("Div", &["m", "all"], "y", &[]),
    ];
    model(FLOAT, side, &[1, 1, side, side], &nodes, &[])
}

/// Channel means, but no numbers for a picture that is middle gray throughout: 0/0.
pub fn all_but_gray(side: u64) -> Vec<u8> {
    let nodes = [
        node("ReduceMean", &["x"], "m", &[("axes", &[1]), ("keepdims=", &[1])]),
        node("Sub", &["x", "gray"], "d", &[]),
        node("Mul", &["d", "d"], "s", &[]),
        node("ReduceMean", &["s"], "all", &[("axes", &[1, 2, 3]), ("keepdims=", &[1])]),
        node("Div", &["all", "all"], "one", &[]),
        node("Mul", &["m", "one"], "y", &[]),
    ];
    let gray = constant("gray", FLOAT, &[], &0.5f32.to_le_bytes());
    model(FLOAT, side, &[1, 1, side, side], &nodes, &[gray])
}

/// Three numbers about the whole picture, as classifiers answer; `declared` is the shape that the graph says, none when empty.
pub fn classifier(side: u64, declared: &[u64]) -> Vec<u8> {
    let nodes = [node("GlobalAveragePool", &["x"], "p", &[]), node("Flatten", &["p"], "y", &[])];
    model(FLOAT, side, declared, &nodes, &[])
}
