"""The whole way from a picture to its depth map, written a second time: reduction, model, join, scores against true depth.

usage: CHIARO_TESTDATA=folder depth_pipeline.py [--chiaro PROGRAM] [--write]
Prints AbsRel and delta1 of every pair of depth_gt; with --chiaro also those of the maps that the program writes. --write records
the figures for tests/depth_pipeline.rs, with the SHA-256 of the model they belong to: do that whenever the embedded model changes.
Needs numpy, pillow and onnxruntime. The join follows He, Sun and Tang, "Guided Image Filtering" (2013), with the changes that
src/depth/join.rs describes; nothing here is shared with it.
"""

import csv
import hashlib
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np
import onnxruntime
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / "data/models/chiaro-small/chiaro-small.onnx"
FIGURES = pathlib.Path(__file__).with_suffix(".csv")
F = np.float32
# Luma weights of ITU-R BT.2020-2, table 4.
LUMA_2020 = np.array([0.2627, 0.6780, 0.0593])


def registered():
    """The constants of the embedded model's entry in the registry."""
    text = (ROOT / "src/depth/registry.rs").read_text()
    found = re.search(r"join: JoinSettings \{ edge_error_px: (\d), q0: ([\d.]+), q1: ([\d.]+), lambda: ([\d.]+)", text)
    return int(found[1]), float(found[2]), float(found[3]), float(found[4])


def overlaps(pixels, cells):
    """How much of every cell each pixel covers: [cells, pixels], rows sum to 1."""
    edges = np.linspace(0, pixels, cells + 1)
    at = np.arange(pixels)
    cover = np.minimum(at + 1, edges[1:, None]) - np.maximum(at, edges[:-1, None])
    return np.maximum(cover, 0) * cells / pixels


def shrink(plane, width, height):
    return overlaps(plane.shape[0], height) @ plane @ overlaps(plane.shape[1], width).T


def enlarge(plane, width, height):
    """Bilinear, half-pixel centers, border repeated."""

    def weights(cells, pixels):
        at = np.clip((np.arange(pixels) + 0.5) * cells / pixels - 0.5, 0, cells - 1)
        low = np.minimum(at.astype(int), max(cells - 2, 0))
        out = np.zeros((pixels, cells))
        out[np.arange(pixels), low] += 1 - (at - low)
        out[np.arange(pixels), np.minimum(low + 1, cells - 1)] += at - low
        return out

    return weights(plane.shape[0], height) @ plane @ weights(plane.shape[1], width).T


def windows(plane, radius):
    size = 2 * radius + 1
    return np.lib.stride_tricks.sliding_window_view(np.pad(plane, radius, mode="edge"), (size, size))


def box(plane, radius=1):
    return windows(plane, radius).mean((2, 3))


def lowest(plane, radius=1):
    return windows(plane, radius).min((2, 3))


def highest(plane, radius=1):
    return windows(plane, radius).max((2, 3))


def smoothstep(low, high, value):
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def gate(d, q0, q1, radius):
    p = np.pad(d, 1, mode="edge")
    pairs = [(p[1:-1, :-2], p[1:-1, 2:]), (p[:-2, 1:-1], p[2:, 1:-1]), (p[:-2, :-2], p[2:, 2:]), (p[:-2, 2:], p[2:, :-2])]
    bend = np.max([np.abs(a + b - 2 * d) for a, b in pairs], 0)
    return smoothstep(q0, q1, highest(bend / np.maximum((lowest(d) + highest(d)) / 2, 0.05), radius))


def snap(d, rgb, radius, q0, q1):
    """Color-guided filter at the model's size, blended in around edges."""
    g = rgb - 0.5
    mean = np.stack([box(c, radius) for c in g])
    mean_d = box(d, radius)
    sigma = np.empty(d.shape + (3, 3))
    for i in range(3):
        for j in range(3):
            sigma[..., i, j] = box(g[i] * g[j], radius) - mean[i] * mean[j]
    cross = np.stack([box(c * d, radius) - m * mean_d for c, m in zip(g, mean)], -1)
    a = np.linalg.solve(sigma + 1e-3 * np.eye(3), cross[..., None])[..., 0]
    residual = np.maximum(box(d * d, radius) - mean_d**2 - (a * cross).sum(-1), 0)
    b = mean_d - (a * np.moveaxis(mean, 0, -1)).sum(-1)
    w = 1 / (residual + 1e-4)
    total = box(w, radius)
    line = [box(w * a[..., i], radius) / total for i in range(3)]
    filtered = sum(k * c for k, c in zip(line, g)) + box(w * b, radius) / total
    return d + gate(d, q0, q1, max(radius, 1)) * (filtered - d)


def fit(d, rgb, guide, guide_squared, settings):
    """Four planes of coefficients at the model's size."""
    error_px, q0, q1, weight = settings
    if error_px:
        d = snap(d, rgb, error_px, q0, q1)
    g = guide - 0.5
    cov = box(g * d) - box(g) * box(d)
    var_g = np.maximum(box(g * g) - box(g) ** 2, 0)
    var_d = np.maximum(box(d * d) - box(d) ** 2, 0)
    noise = lowest(np.maximum(guide_squared - guide**2, 0))
    a = cov / (var_g + 1e-3 + weight * noise)
    w = 1 / (np.maximum(var_d - 2 * a * cov + a * a * var_g, 0) + 1e-4)
    a = np.clip(box(w * a) / box(w), -8, 8)
    open_ = gate(d, q0, q1, 1)
    planes = a, d - a * g, d - open_ * (d - lowest(d)), d + open_ * (highest(d) - d)
    return [plane.astype(np.float16).astype(float) for plane in planes]


def render(planes, guide):
    height, width = guide.shape
    a, b, lo, hi = (enlarge(plane, width, height) for plane in planes)
    o = np.clip(a * (guide - 0.5) + b, lo, hi)
    extent = hi - lo
    t = np.clip(((o - lo) / np.maximum(extent, 1e-6) - 0.5) * 2 + 0.5, 0, 1)
    z = np.clip((extent / np.maximum((lo + hi) / 2, 0.02) - 0.02) / 0.06, 0, 1)
    return o + z * (lo + extent * t * t * (3 - 2 * t) - o)


def normalize(d):
    low, high = np.percentile(d, [1, 99])
    return (d - low) / (high - low)


def estimate(session, rgb, settings):
    """Normalized disparity of a picture [height, width, 3] of sRGB codes 0..1."""
    height, width = rgb.shape[:2]
    w, h = (192, 256) if height > width else (256, 192)
    # The guide: luma of the code values.
    guide = rgb @ LUMA_2020
    small = np.stack([shrink(rgb[..., i], w, h) for i in range(3)])
    (answer,) = session.run(None, {session.get_inputs()[0].name: small[None].astype(F)})
    d = normalize(answer.reshape(h, w).astype(float))
    return render(fit(d, small, shrink(guide, w, h), shrink(guide**2, w, h), settings), guide)


def scores(disparity, depth):
    """AbsRel and delta1 in depth, after the least-squares scale (at least 0) and shift in disparity (the protocol of MiDaS)."""
    valid = depth > 0
    p, g = disparity[valid], 1 / depth[valid]
    scale = max(((p - p.mean()) * (g - g.mean())).mean() / (p.var() + 1e-12), 0)
    # No farther than twice the farthest true depth.
    aligned = np.maximum(scale * (p - p.mean()) + g.mean(), np.percentile(g, 0.5) / 2)
    return np.mean(np.abs(g / aligned - 1)), np.mean(np.maximum(aligned / g, g / aligned) < 1.25)


def codes(map_):
    """What a 16-bit export keeps of it."""
    return np.floor(np.clip(map_, 0, 1) * 65535 + 0.5) / 65535


def picture(path):
    return np.asarray(Image.open(path).convert("RGB")).astype(float) / 255


def pairs():
    folder = pathlib.Path(os.environ["CHIARO_TESTDATA"]) / "depth_gt"
    for row in csv.DictReader(open(folder / "manifest.csv")):
        depth = np.asarray(Image.open(folder / row["depth_png"])).astype(float)
        yield f"{row['set']}/{row['id']}", folder / row["rgb"], depth / float(row["units_per_metre_or_scale"])


def written(program, path):
    """The map that the program writes for a picture."""
    with tempfile.TemporaryDirectory() as out:
        subprocess.run([program, "depth", path, "-o", out, "--depth-from", "model", "-q"], check=True)
        (file,) = pathlib.Path(out).rglob("*.png")
        return np.asarray(Image.open(file)).astype(float) / 65535


def main():
    program = sys.argv[sys.argv.index("--chiaro") + 1] if "--chiaro" in sys.argv else None
    session = onnxruntime.InferenceSession(MODEL, providers=["CPUExecutionProvider"])
    settings = registered()
    lines, ours, theirs = [], [], []
    for name, path, depth in pairs():
        ours.append(scores(codes(estimate(session, picture(path), settings)), depth))
        lines.append(f"{name},{ours[-1][0]:.6f},{ours[-1][1]:.6f}")
        beside = ""
        if program:
            theirs.append(scores(written(program, path), depth))
            beside = "   chiaro {:.4f} {:.4f}".format(*theirs[-1])
        print("{:24} {:.4f} {:.4f}{}".format(name, *ours[-1], beside))
    print("mean AbsRel and delta1: {:.4f} {:.4f}".format(*np.mean(ours, 0)))
    if theirs:
        print("chiaro's:               {:.4f} {:.4f}".format(*np.mean(theirs, 0)))
        worst = np.max(np.abs(np.array(theirs) / np.array(ours) - 1), 0)
        print("largest relative difference of one picture: {:.2%} {:.2%}".format(*worst))
    if "--write" in sys.argv:
        digest = hashlib.sha256(MODEL.read_bytes()).hexdigest()
        FIGURES.write_text("\n".join([f"# model {digest}", "picture,abs_rel,delta1", *lines]) + "\n")


if __name__ == "__main__":
    main()
