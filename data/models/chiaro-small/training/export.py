"""Exports weights to ONNX, averaged with the mirror image: f32, f16 storage, and int8; compares each with PyTorch.

    PYTHONPATH=data/models/chiaro-small/training \\
        python data/models/chiaro-small/training/export.py chiaro-small.pt out/chiaro-small \\
        --calibration pool/train_0000.npz pool/train-close_0000.npz

Writes <out>.onnx, <out>-f16w.onnx (the same, weights stored as f16 and cast when loaded: the
shipped file), and with --calibration <out>-int8.onnx; all with symbolic `height` and `width`.
"""

import argparse
import copy
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from network import SMALL, Mirrored, Net
from onnx import TensorProto, helper, numpy_helper

HEIGHT, WIDTH, OPSET = 192, 256, 13
#: Tensors of at most this many values stay f32.
SMALL_TENSOR = 64
#: How the model is used: the keys that describe a model under [depth] of a recipe.
CONTRACT = {
    "name": "Chiaro small, int8",
    "license": "MIT OR Apache-2.0",
    "size": "256x192",
    "mean": "0",
    "std": "1",
    "output": "disparity",
    "edge_error_px": "2",
}


def export_f32(network, path):
    """Writes the graph with symbolic height and width."""
    names = {2: "height", 3: "width"}
    torch.onnx.export(
        network,
        (torch.rand(1, 3, HEIGHT, WIDTH),),
        path,
        input_names=["image"],
        output_names=["disparity"],
        dynamic_axes={"image": names, "disparity": names},
        dynamo=False,
        opset_version=OPSET,
        do_constant_folding=True,
    )


def with_half_weights(model):
    """A copy whose larger f32 initializers are stored as f16 behind a Cast; computation stays f32."""
    model = copy.deepcopy(model)
    graph = model.graph
    initializers, casts = [], []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size <= SMALL_TENSOR:
            initializers.append(tensor)
            continue
        stored = f"{tensor.name}_h"
        initializers.append(numpy_helper.from_array(values.astype(np.float16), stored))
        casts.append(helper.make_node("Cast", [stored], [tensor.name], to=TensorProto.FLOAT))
    nodes = casts + list(graph.node)
    del graph.initializer[:]
    graph.initializer.extend(initializers)
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    return model


def described(model):
    """The model with notes that say how Chiaro is to use it."""
    for key, value in CONTRACT.items():
        model.metadata_props.add(key=f"chiaro.{key}", value=value)
    return model


def export_int8(plain, out, shards):
    """Static QDQ quantization, per channel, calibrated by minimum and maximum on 32 pictures of each shard."""
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    pictures = np.concatenate([np.load(shard)["a"][:32] for shard in shards])

    class Reader(CalibrationDataReader):
        """Feeds the calibration pictures."""

        def __init__(self):
            self.rest = iter(
                {"image": (p.astype(np.float32) / 255).transpose(2, 0, 1)[None]} for p in pictures
            )

        def get_next(self):
            return next(self.rest, None)

    prepared = Path(f"{out}-prepared.onnx")
    # Symbolic shape inference does not follow the mirroring.
    quant_pre_process(str(plain), str(prepared), skip_symbolic_shape=True)
    quantize_static(
        str(prepared),
        f"{out}-int8.onnx",
        Reader(),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.MinMax,
    )
    prepared.unlink()
    onnx.save(described(onnx.load(f"{out}-int8.onnx")), f"{out}-int8.onnx")


def largest_difference(path, picture, reference):
    """Largest difference of a file's output from the reference, on one thread."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return float(np.abs(session.run(None, {"image": picture})[0] - reference).max())


def main():
    """Parses the command line, exports and compares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("out", type=Path, help="stem of the files written")
    parser.add_argument("--calibration", type=Path, nargs="*", default=[], help="shards for int8")
    arguments = parser.parse_args()
    network = Net(**SMALL)
    network.load_state_dict(torch.load(arguments.weights))
    network = Mirrored(network).eval()
    plain, half = Path(f"{arguments.out}.onnx"), Path(f"{arguments.out}-f16w.onnx")
    export_f32(network, plain)
    onnx.save(with_half_weights(onnx.load(plain)), half)
    written = [plain, half]
    if arguments.calibration:
        export_int8(plain, arguments.out, arguments.calibration)
        written.append(Path(f"{arguments.out}-int8.onnx"))
    picture = torch.rand(1, 3, HEIGHT, WIDTH)
    reference = network(picture).detach().numpy()
    for path in written:
        difference = largest_difference(path, picture.numpy(), reference)
        print(f"{path}: {path.stat().st_size / 1e6:.2f} MB, largest difference {difference:.2e}")


if __name__ == "__main__":
    main()
