"""Stand-ins of the families of depth models (random weights) and what they answer: the reference of tests/depth_models.rs.

    python tests/depth_models/make.py        # needs numpy, onnx, onnxruntime, opencv-python

Everything between a picture's samples and the disparity map is computed here a second time, in float64 where it matters: the size
of the input (as `Resize.get_size` of Depth Anything and MiDaS does it), the area means, mean and deviation, the inference (ONNX
Runtime), the meaning of the answer and its way back to the size of the picture's means.
"""

import json
import math
import pathlib

import cv2
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).parent
RNG = np.random.default_rng(7)
ASPECTS = [(1, 1), (9, 8), (5, 4), (4, 3), (3, 2), (8, 5), (16, 9), (2, 1), (12, 5), (8, 3), (3, 1), (4, 1)]
IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


class Graph:
    """Nodes with numbered values."""

    def __init__(self):
        self.nodes, self.weights, self.count = [], [], 0

    def weight(self, array):
        self.count += 1
        name = f"w{self.count}"
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def whole(self, *values):
        return self.weight(np.array(values, np.int64))

    def add(self, kind, inputs, output=None, **attributes):
        self.count += 1
        output = output or f"v{self.count}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def conv(self, x, channels, out, kernel, stride=1, pad=None):
        pad = kernel // 2 if pad is None else pad
        std = (2.0 / (channels * kernel * kernel)) ** 0.5
        weights = RNG.normal(0, std, (out, channels, kernel, kernel)).astype(np.float32)
        bias = RNG.normal(0, 0.1, out).astype(np.float32)
        inputs = [x, self.weight(weights), self.weight(bias)]
        return self.add("Conv", inputs, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4)

    def like(self, x, reference, channels):
        """`x` at the sides of `reference`."""
        sides = self.add("Slice", [self.add("Shape", [reference]), self.whole(2), self.whole(4)])
        sizes = self.add("Concat", [self.whole(1, channels), sides], axis=0)
        mode = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
        return self.add("Resize", [x, "", "", sizes], **mode)

    def save(self, name, inputs, outputs):
        value = helper.make_tensor_value_info
        graph = helper.make_graph(
            self.nodes,
            name,
            [value(n, TensorProto.FLOAT, s) for n, s in inputs],
            [value(n, TensorProto.FLOAT, s) for n, s in outputs],
            self.weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model)
        onnx.save(model, HERE / f"{name}.onnx")


def patches(name, metric):
    """As Depth Anything: open sides, patches of 14, a map without a channel axis at the input's size; metric heads end in sigmoid * 20."""
    g = Graph()
    x = g.add("Relu", [g.conv("pixel_values", 3, 2, 14, 14, 0)])
    x = g.like(g.conv(x, 2, 1, 3), "pixel_values", 1)
    if metric:
        x = g.add("Mul", [g.add("Sigmoid", [x]), g.weight(np.float32(20))])
    g.add("Squeeze", [x, g.whole(1)], "predicted_depth")
    g.save(name, [("pixel_values", ["batch", 3, "height", "width"])], [("predicted_depth", ["batch", "h", "w"])])


def half(name):
    """As DPT exported before its last upsampling: an answer of half the sides."""
    g = Graph()
    x = g.add("Relu", [g.conv("image", 3, 3, 3, 2)])
    g.nodes.append(helper.make_node("Identity", [g.conv(x, 3, 1, 3)], ["depth"]))
    g.save(name, [("image", [1, 3, "height", "width"])], [("depth", [1, 1, "h", "w"])])


def normalizing(name):
    """As the published MiDaS v2.1 small: fixed sides, mean and deviation inside the graph, input named 0."""
    g = Graph()
    mean, std = (g.weight(np.array(v, np.float32).reshape(1, 3, 1, 1)) for v in IMAGENET)
    x = g.add("Div", [g.add("Sub", ["0", mean]), std])
    x = g.add("Relu", [g.conv(x, 3, 2, 3)])
    g.add("Squeeze", [g.conv(x, 2, 1, 3), g.whole(1)], "797")
    g.save(name, [("0", [1, 3, 64, 64])], [("797", [1, 64, 64])])


def focal(name):
    """As Depth Pro: a fixed square, meters, and the focal length as another output, here the first."""
    g = Graph()
    x = g.add("Relu", [g.conv("pixel_values", 3, 2, 3)])
    x = g.add("Add", [g.add("Abs", [g.conv(x, 2, 1, 3)]), g.weight(np.float32(0.5))], "predicted_depth")
    g.add("ReduceMean", [x], "focallength_px", axes=[1, 2, 3], keepdims=0)
    outputs = [("focallength_px", [1]), ("predicted_depth", [1, 1, 48, 48])]
    g.save(name, [("pixel_values", [1, 3, 48, 48])], outputs)


def scales(name):
    """As Lite-Mono: fixed sides, sigmoid, maps of three sizes."""
    g = Graph()
    x = g.add("Relu", [g.conv("input", 3, 2, 3)])
    d = g.add("Sigmoid", [g.conv(x, 2, 1, 3)], "disp0")
    for i in (1, 2):
        d = g.add("AveragePool", [d], f"disp{i}", kernel_shape=[2, 2], strides=[2, 2])
    outputs = [(f"disp{i}", [1, 1, 32 >> i, 64 >> i]) for i in range(3)]
    g.save(name, [("input", [1, 3, 32, 64])], outputs)


def boxed(name):
    """A model of the user's own: fixed sides, blue first, inverse meters at half size."""
    g = Graph()
    x = g.add("Abs", [g.conv("x", 3, 1, 3, 2)])
    g.add("Squeeze", [x, g.whole(1)], "inverse")
    g.save(name, [("x", [1, 3, 48, 64])], [("inverse", [1, 24, 32])])


def picture(width, height):
    """16-bit samples [height, width, 3]; the test makes the same ones."""
    x, y, c = np.arange(width)[None, :, None], np.arange(height)[:, None, None], np.arange(3)[None, None, :]
    wave = (x * 211 + y * 307 + c * 9001) % 30011 + (x * y * (c + 3)) % 9973 * 3
    return (wave % 65536).astype(np.float64) / 65535.0


def lean(array, count):
    """Area means along the first axis, to `count` cells."""
    pixels = array.shape[0]
    edges = np.arange(count + 1) * pixels / count
    weights = np.clip(np.minimum(edges[1:, None], np.arange(1, pixels + 1)) - np.maximum(edges[:-1, None], np.arange(pixels)), 0, None)
    return np.tensordot(weights * count / pixels, array, 1)


def bounded(value, multiple, least=0, most=None):
    """`constrain_to_multiple_of` of the families' Resize."""
    y = int(np.round(value / multiple) * multiple)
    if most is not None and y > most:
        y = int(np.floor(value / multiple) * multiple)
    if y < least:
        y = int(np.ceil(value / multiple) * multiple)
    return max(y, multiple)


def scaled_size(width, height, side, multiple, method):
    """`get_size` of the families' Resize, for the picture's class of aspect."""
    ratio = max(width, height) / min(width, height)
    long, short = min(ASPECTS, key=lambda a: abs(math.log(a[0] / a[1]) - math.log(ratio)))
    w, h = (long, short) if width >= height else (short, long)
    aspect = long / short
    if method == "upper_bound":
        scale = min(side / w, side / h)
        return tuple(bounded(v * scale, multiple, most=side) for v in (w, h))
    # Ours: panoramas keep the pixels of 2:1.
    if aspect > 2:
        side = side * math.sqrt(2 / aspect)
        least = 0
    else:
        least = side if method == "lower_bound" else 0
    scale = max(side / w, side / h)
    return tuple(bounded(v * scale, multiple, least=least) for v in (w, h))


def case(model, keys, extent, content, mean, std, meaning, frame=None, order=(0, 1, 2), output=0):
    """One picture through one model, and samples of what comes of it."""
    frame = frame or content
    image = lean(lean(picture(*extent), content[1]).swapaxes(0, 1), content[0]).swapaxes(0, 1)
    normalized = (image[..., order] - np.array(mean)) / np.array(std)
    left, top = (frame[0] - content[0]) // 2, (frame[1] - content[1]) // 2
    tensor = np.zeros((frame[1], frame[0], 3))
    tensor[top : top + content[1], left : left + content[0]] = normalized
    tensor = tensor.transpose(2, 0, 1).astype(np.float32)
    session = onnxruntime.InferenceSession(str(HERE / f"{model}.onnx"), providers=["CPUExecutionProvider"])
    answer = np.squeeze(session.run(None, {session.get_inputs()[0].name: tensor[None]})[output]).astype(np.float64)
    disparity = meaning(answer)
    step = np.array(disparity.shape[::-1]) / np.array(frame)
    if frame != content:
        # Half the sides of an even letterbox: the picture's part is whole pixels of the answer.
        x0, y0 = math.ceil(left * step[0]), math.ceil(top * step[1])
        x1, y1 = math.floor((left + content[0]) * step[0]), math.floor((top + content[1]) * step[1])
        part = disparity[y0:y1, x0:x1]
        xs = np.clip((left + np.arange(content[0]) + 0.5) * step[0] - 0.5 - x0, 0, part.shape[1] - 1)
        ys = np.clip((top + np.arange(content[1]) + 0.5) * step[1] - 0.5 - y0, 0, part.shape[0] - 1)
        grid = np.meshgrid(xs.astype(np.float32), ys.astype(np.float32))
        disparity = cv2.remap(part.astype(np.float32), *grid, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    elif disparity.shape[::-1] != tuple(content):
        disparity = cv2.resize(disparity, content, interpolation=cv2.INTER_LINEAR)
    places = [[int(RNG.integers(content[0])), int(RNG.integers(content[1]))] for _ in range(16)]
    at = [int(RNG.integers(tensor.size)) for _ in range(8)]
    return {
        "model": model,
        "keys": keys,
        "picture": extent,
        "content": content,
        "frame": frame,
        "tensor": [[i, float(tensor.flat[i])] for i in at],
        "range": [float(disparity.min()), float(disparity.max())],
        "map": [[x, y, float(disparity[y, x])] for x, y in places],
    }


def main():
    patches("patches", False)
    patches("patches_metric", True)
    half("half")
    normalizing("normalizing")
    focal("focal")
    scales("scales")
    boxed("boxed")
    as_is = lambda a: a
    meters = lambda a: 1 / np.maximum(a, 1e-3)
    cases = []
    for extent in [(300, 200), (200, 300), (403, 297), (640, 160), (90, 90), (600, 601)]:
        size = scaled_size(*extent, 518, 14, "lower_bound")
        cases.append(case("patches", {"preset": "depth-anything-v2-small"}, extent, size, *IMAGENET, as_is))
    for extent in [(300, 200), (120, 300)]:
        size = scaled_size(*extent, 518, 14, "lower_bound")
        keys = {"preset": "depth-anything-v2-metric-indoor-small"}
        cases.append(case("patches_metric", keys, extent, size, *IMAGENET, meters))
        size = scaled_size(*extent, 384, 32, "minimal")
        cases.append(case("half", {"preset": "dpt-large"}, extent, size, 0.5, 0.5, as_is))
        size = scaled_size(*extent, 256, 32, "upper_bound")
        cases.append(case("half", {"preset": "midas-small"}, extent, size, *IMAGENET, as_is))
        cases.append(case("normalizing", {"preset": "midas-small"}, extent, (64, 64), 0, 1, as_is))
        cases.append(case("focal", {"preset": "depth-pro"}, extent, (48, 48), 0.5, 0.5, meters, output=1))
        sigmoid = lambda a: 0.01 + 9.99 * a
        cases.append(case("scales", {"preset": "lite-mono"}, extent, (64, 32), 0, 1, sigmoid))
        scale = min(64 / extent[0], 48 / extent[1])
        inner = tuple(int(np.round(v * scale)) for v in extent)
        keys = {"fit": "letterbox", "channels": "bgr", "mean": "0.25", "std": "0.5", "output": "inverse-meters"}
        cases.append(case("boxed", keys, extent, inner, 0.25, 0.5, as_is, frame=(64, 48), order=(2, 1, 0)))
    (HERE / "reference.json").write_text("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
    print(len(cases), "cases")


main()
