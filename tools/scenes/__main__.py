"""Command line: `python -m scenes samples|depth-scenes` writes the pictures this project ships."""

import argparse
import csv
import importlib
from pathlib import Path

import numpy as np

from . import profiles
from .denoise import denoised
from .develop import REC709_TO_P3, developed
from .gallery import render
from .metadata import Shot, exif_block, xmp_packet
from .noise import make_tiles
from .random_scenes import KINDS, sample
from .write import (
    ADOBE_DEFLATE,
    LZW,
    png_chunks,
    write_exr,
    write_png8,
    write_png16,
    write_tiff,
)

#: Seed of the texture noise of the composed scenes, and of the depth scenes.
GALLERY_SEED, DEPTH_SEED = 20240501, 5
#: First seed of the held-out scenes; training uses other ranges (see `generate.py`).
HELD_OUT = 900_000_000

SHOTS = {
    "interior": Shot(
        "Living room", "2024:03:16 17:12:40", (1, 30), (40, 10), 400, (24, 1),
        (45, 26, 1510), (12, 20, 4120), 14, 4,
    ),
    "street": Shot(
        "Old town street", "2024:09:28 17:48:05", (1, 320), (56, 10), 100, (28, 1),
        (43, 46, 1130), (11, 15, 2240), 51, 5,
    ),
    "landscape": Shot(
        "Mountain lake", "2024:06:21 19:31:22", (1, 125), (80, 10), 100, (30, 1),
        (46, 25, 3350), (11, 51, 890), 1240, 5,
    ),
    "table": Shot(
        "Kitchen still life", "2024:11:02 10:05:51", (1, 8), (80, 10), 200, (50, 1),
        (45, 4, 1200), (7, 41, 900), 239, 3,
    ),
}  # fmt: skip


def rendered(name, scale):
    """A composition at `scale` of its size: (module, scene-linear color, depth in meters)."""
    module = importlib.import_module(f"{__package__}.compositions.{name}")
    tiles = make_tiles(np.random.default_rng(GALLERY_SEED))
    width, height = (round(side * scale / 2) * 2 for side in module.SIZE)
    arrays = module.compose().pack(tiles)
    color, depth = render(arrays, module.CAMERA, width, height, module.SIDE, module.RAYS)
    exposure = np.float32(2.0**module.EXPOSURE_STOPS)
    color = denoised(color * exposure, arrays, module.CAMERA) / exposure
    return module, cropped(module, color), cropped(module, depth)


def cropped(module, picture):
    """The part of a rendered picture that the composition keeps, at any scale."""
    height, width = picture.shape[:2]
    left, top, right, bottom = getattr(module, "CROP", (0, 0, *module.SIZE))
    rows = slice(round(top * height / module.SIZE[1]), round(bottom * height / module.SIZE[1]))
    return picture[rows, round(left * width / module.SIZE[0]) : round(right * width / module.SIZE[0])]


def write_sample(name, module, color, depth, folder):
    """Writes one sample in its own format; returns the path."""
    shot = SHOTS[name]
    look = {"exposure_stops": module.EXPOSURE_STOPS, "seed": 1, "contrast": getattr(module, "CONTRAST", 1.0)}
    srgb = profiles.srgb_profile()
    if name == "interior":
        path = folder / "interior.tif"
        write_tiff(path, developed(color, **look), shot, srgb, LZW, rows=64)
    elif name == "street":
        path = folder / "street.tif"
        pixels = developed(color, **look, matrix=REC709_TO_P3)
        p3 = profiles.display_p3_profile()
        write_tiff(path, pixels, shot, p3, ADOBE_DEFLATE, tile=256, color_space=65535)
    elif name == "landscape":
        path = folder / "landscape.png"
        chunks = png_chunks(exif_block(shot), xmp_packet(shot), srgb)
        write_png16(path, developed(color, **look), chunks)
    else:
        path = folder / "table.exr"
        write_exr(path, color * 2.0**module.EXPOSURE_STOPS, depth, shot)
    return path


def samples(arguments):
    """The four composed scenes."""
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in arguments.only or SHOTS:
        module, color, depth = rendered(name, arguments.scale)
        path = write_sample(name, module, color, depth, arguments.out)
        print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
        if arguments.preview:
            write_png8(arguments.out / f"{name}_preview.png", preview(module, color))


def preview(module, color):
    """u8 sRGB picture of a scene-linear one, with the look of the composition."""
    codes = developed(color, module.EXPOSURE_STOPS, 1, getattr(module, "CONTRAST", 1.0))
    return (codes >> 8).astype(np.uint8)


def depth_scenes(arguments):
    """Nine held-out random scenes with exact disparity, and the table that describes them."""
    arguments.out.mkdir(parents=True, exist_ok=True)
    tiles = make_tiles(np.random.default_rng(DEPTH_SEED))
    rows = []
    for number, offset in enumerate(arguments.offsets, 1):
        seed = HELD_OUT + offset
        rgb, disparity, kind = sample(seed, 768, 576, tiles, supersample=2, centered=True)
        largest = float(disparity.max())
        write_png8(arguments.out / f"{number:02}_rgb.png", rgb)
        codes = np.rint(disparity / largest * 65535).astype(np.uint16)
        write_png16(arguments.out / f"{number:02}_disparity.png", codes)
        rows.append([f"{number:02}", seed, KINDS[kind], f"{largest:.9g}"])
    with open(arguments.out / "scenes.csv", "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["id", "seed", "kind", "max_disparity_per_m"])
        table.writerows(rows)


def main():
    """Parses the command line."""
    parser = argparse.ArgumentParser(prog="scenes", description=__doc__)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("samples", help="the four composed scenes (data/samples)")
    one.add_argument("--out", type=Path, default=Path("data/samples"))
    one.add_argument("--only", nargs="*", choices=list(SHOTS))
    one.add_argument("--scale", type=float, default=1.0, help="of the full size, for drafts")
    one.add_argument("--preview", action="store_true", help="write 8-bit PNGs as well")
    one.set_defaults(run=samples)
    two = commands.add_parser("depth-scenes", help="nine random scenes (data/depth_scenes)")
    two.add_argument("--out", type=Path, default=Path("data/depth_scenes"))
    two.add_argument("--offsets", type=int, nargs="*", default=[0, 1, 3, 6, 7, 9, 11, 12, 25])
    two.set_defaults(run=depth_scenes)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
