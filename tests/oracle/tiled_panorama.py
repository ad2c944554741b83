"""A large panorama through `chiaro depth` with detail = "tiled": memory and seams, measured from outside.

usage: tiled_panorama.py PROGRAM FOLDER [WIDTH] [MEMORY]
Makes a panorama of WIDTH x WIDTH/2 pixels (20000: 200 megapixels) in FOLDER, a blank wall with a soft gradient on the left and generated
scenes on the right, estimates its depth whole and in tiles, and prints the resident peaks, the largest step between neighboring pixels of the
wall, and how far the wall is from the map of the whole picture, in 8-bit codes.
Needs numpy, pillow and tifffile.
"""

import pathlib
import resource
import subprocess
import sys

import numpy as np
import tifffile
from PIL import Image

Image.MAX_IMAGE_PIXELS = None
ROOT = pathlib.Path(__file__).resolve().parents[2]


def panorama(path, width):
    height, half = width // 2, width // 2
    out = tifffile.memmap(path, shape=(height, width, 3), dtype=np.uint16, photometric="rgb")
    scenes = [np.asarray(Image.open(ROOT / f"data/depth_scenes/0{i}_rgb.png")) for i in (1, 2, 3, 4)]
    columns = np.arange(half)
    for y in range(height):
        # From a light corner to a slightly darker one: no edge anywhere.
        wall = 45_000 - 6_000 * (np.arange(width - half) / half) - 4_000 * (y / height)
        out[y, : width - half] = np.stack([wall, wall * 0.97, wall * 0.9], 1)
        upper, lower = scenes[:2], scenes[2:]
        row, v = (upper, 2 * y / height) if 2 * y < height else (lower, 2 * y / height - 1)
        for side, scene in enumerate(row):
            part = columns[side * half // 2 : (side + 1) * half // 2]
            place = (part - part[0]) * scene.shape[1] // len(part)
            line = scene[int(v * scene.shape[0]), place]
            out[y, width - half + part] = line.astype(np.uint16) * 257
    out.flush()


def depth(program, path, out, detail, memory):
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    arguments = [program, "depth", path, "-o", out, "--depth-from", "model", "--device", "cpu", "--memory", memory]
    subprocess.run([*arguments, "--set", f"depth.detail={detail}", "-q"], check=True)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    # The peak is that of the largest child so far, and of this program before it: the frugal one runs first, maps are read later.
    print(f"{detail}: resident at most {usage.ru_maxrss / 1024:.0f} MiB, {usage.ru_utime - before:.1f} CPU seconds")
    (file,) = pathlib.Path(out).glob("*.png")
    return file


def codes(file, part):
    """8-bit codes, with fractions."""
    return np.asarray(Image.open(file))[part].astype(np.float32) * (255 / 65535)


def main():
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    width, memory = int((sys.argv + ["20000"])[3]), (sys.argv[4:] + ["1GiB"])[0]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"panorama-{width}.tif"
    if not path.exists():
        panorama(path, width)
    # Away from the border of the wall, where the scenes begin.
    wall = np.s_[width // 40 : -width // 40, width // 40 : width * 2 // 5]
    files = [depth(program, path, folder / detail, detail, memory) for detail in ("whole", "tiled")]
    whole, tiled = (codes(file, wall) for file in files)
    for name, map_ in (("whole", whole), ("tiled", tiled)):
        steps = max(np.abs(np.diff(map_, axis=axis)).max() for axis in (0, 1))
        print(f"{name}: the wall spans {np.ptp(map_):.2f} codes, largest step between neighbors {steps:.4f} codes")
    print(f"tiled is at most {np.abs(tiled - whole).max():.3f} codes from whole on the wall")


main()
