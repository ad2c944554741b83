"""Scores models on generated shards and on folders of pictures with measured depth.

    PYTHONPATH=data/models/chiaro-small/training \\
        python data/models/chiaro-small/training/score.py chiaro-small.onnx older.onnx \\
        --shards pool/val_0000.npz --pairs depth_gt --each

A folder of pairs holds `manifest.csv` with the columns set, id, rgb, depth_png and
units_per_metre_or_scale, and the files it names; depth of 0 or 65535 is unknown. Pictures are scored at
192x256, and as `portrait` at 256x192 after cutting the middle three quarters of the height out of
their width. Beside the models stand two baselines: a constant (which scores the alignment), and `gradient`,
disparity that grows evenly from the top to the bottom row.

Columns: AbsRel, delta1, ordinal accuracy (means over pictures), and the share of pictures whose AbsRel is
below that of the gradient.
"""

import argparse
import csv
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort
from metrics import aligned_scores

HEIGHT, WIDTH = 192, 256


class Model:
    """An ONNX file on one thread."""

    def __init__(self, path):
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.fixed = isinstance(self.session.get_inputs()[0].shape[2], int)

    def __call__(self, picture):
        """Disparity f32 [h, w] of a u8 picture of the size the model is to run at."""
        image = (picture.astype(np.float32) / 255).transpose(2, 0, 1)[None]
        return self.session.run(None, {"image": image})[0][0, 0]


def gradient(picture):
    """The baseline: lower is nearer."""
    height, width, _ = picture.shape
    return np.repeat(np.linspace(0, 1, height, dtype=np.float32)[:, None], width, 1)


def constant(picture):
    """The baseline: everything is equally far."""
    return np.zeros(picture.shape[:2], np.float32)


def read_shards(paths):
    """(name, picture, inverse depth) of every scene of generated shards."""
    for path in paths:
        shard = np.load(path)
        for i, (picture, disparity) in enumerate(zip(shard["a"], shard["d"])):
            yield f"{path.stem}/{i}", picture, disparity.astype(np.float32)


def read_pairs(folder):
    """(set/id, picture, inverse depth) of every pair of a folder."""
    with open(folder / "manifest.csv", newline="") as file:
        for row in csv.DictReader(file):
            picture = cv2.imread(str(folder / row["rgb"]), cv2.IMREAD_COLOR)[..., ::-1]
            depth = cv2.imread(str(folder / row["depth_png"]), cv2.IMREAD_UNCHANGED)
            known = (depth > 0) & (depth < 65535)
            inverse = np.zeros(depth.shape, np.float32)
            inverse[known] = float(row["units_per_metre_or_scale"]) / depth[known]
            yield f"{row['set']}/{row['id']}", picture, inverse


def portrait(picture):
    """The middle of a landscape picture, 3 wide and 4 high."""
    height, width = picture.shape[:2]
    left = (width - height * 3 // 4) // 2
    return picture[:, left : left + height * 3 // 4]


def scores(predictor, picture, inverse, size):
    """AbsRel, delta1 and ordinal accuracy of one picture at one size."""
    height, width = size
    small = cv2.resize(np.ascontiguousarray(picture), (width, height), interpolation=cv2.INTER_AREA)
    predicted = cv2.resize(predictor(small), (inverse.shape[1], inverse.shape[0]))
    return aligned_scores(predicted, inverse)


def report(title, samples, predictors, size, each):
    """Prints the table of one set of pictures."""
    table = {
        name: np.array([scores(predictor, p, d, size) for _, p, d in samples], float)
        for name, predictor in predictors.items()
    }
    print(f"\n{title}: {len(samples)} pictures at {size[0]}x{size[1]}")
    for name, rows in table.items():
        better = np.mean(rows[:, 0] < table["gradient"][:, 0])
        absolute_relative, delta1, ordinal = np.nanmean(rows, 0)
        print(f"  {name:28} {absolute_relative:.3f} {delta1:.3f} {ordinal:.3f}  {better:4.0%}")
    if each:
        print("  AbsRel and delta1 of each:", ", ".join(table))
        for i, (name, _, _) in enumerate(samples):
            print(f"  {name:24}", "  ".join(f"{r[i, 0]:.3f} {r[i, 1]:.3f}" for r in table.values()))


def main():
    """Parses the command line and scores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("models", type=Path, nargs="+", help="ONNX files")
    parser.add_argument("--shards", type=Path, nargs="*", default=[], help="generated shards (npz)")
    parser.add_argument("--pairs", type=Path, nargs="*", default=[], help="folders with a manifest.csv")
    parser.add_argument("--each", action="store_true", help="the scores of every pair, too")
    arguments = parser.parse_args()
    landscape = {"constant": constant, "gradient": gradient}
    landscape |= {f"{path.parent.name}/{path.stem}": Model(path) for path in arguments.models}
    upright = {n: p for n, p in landscape.items() if not (isinstance(p, Model) and p.fixed)}
    sets = [(str(path), list(read_shards([path])), False) for path in arguments.shards]
    sets += [(str(folder), list(read_pairs(folder)), arguments.each) for folder in arguments.pairs]
    for title, samples, each in sets:
        report(title, samples, landscape, (HEIGHT, WIDTH), each)
        cut = [(name, portrait(p), portrait(d)) for name, p, d in samples]
        report(f"{title}, portrait", cut, upright, (WIDTH, HEIGHT), False)


if __name__ == "__main__":
    main()
