"""Renders training shards: `pool/<tag>_<shard>.npz` with pictures, disparity and kinds.

Needs the scene generator on the path, from the root of the repository:

    PYTHONPATH=tools:data/models/chiaro-small/training \\
        python data/models/chiaro-small/training/generate.py --tag train --first 0 --count 48

A shard holds `a` u8 [n, 192, 256, 3] sRGB, `d` f16 [n, 192, 256] disparity (1/m, at most 60) and `k`
i8 [n] kinds. With --close the scenes are those of `scenes.close_scenes`, and one in four is supersampled
instead of every second. Several processes may fill one pool: give each its own `--tile-seed`. The
held-out scenes of data/depth_scenes use seeds from 900 000 000; keep tile seeds below 890.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
from scenes.close_scenes import sample_close
from scenes.noise import make_tiles
from scenes.random_scenes import sample

WIDTH, HEIGHT, NEAREST = 256, 192, 60


def render_shard(draw, supersampled_every, first_seed, size, tiles):
    """One shard: pictures, disparities, kinds, of one of the two `sample` functions."""
    pictures = np.zeros((size, HEIGHT, WIDTH, 3), np.uint8)
    disparities = np.zeros((size, HEIGHT, WIDTH), np.float16)
    kinds = np.zeros(size, np.int8)
    for i in range(size):
        supersample = 2 if i % supersampled_every == supersampled_every - 1 else 1
        picture, disparity, kinds[i] = draw(first_seed + i, WIDTH, HEIGHT, tiles, supersample)
        pictures[i] = picture
        disparities[i] = np.minimum(disparity, NEAREST)
    return pictures, disparities, kinds


def main():
    """Renders the shards asked for; a shard appears under its name only when it is complete."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pool", type=Path, default=Path("pool"))
    parser.add_argument("--tag", default="train", help="train or val")
    parser.add_argument("--first", type=int, default=0, help="number of the first shard")
    parser.add_argument("--count", type=int, default=1, help="number of shards")
    parser.add_argument("--tile-seed", type=int, default=1, help="seed of textures and scenes")
    parser.add_argument("--close", action="store_true", help="the close scenes")
    parser.add_argument("--size", type=int, default=500, help="scenes per shard")
    arguments = parser.parse_args()
    arguments.pool.mkdir(parents=True, exist_ok=True)
    which = (sample_close, 4) if arguments.close else (sample, 2)
    tiles = None
    for shard in range(arguments.first, arguments.first + arguments.count):
        if tiles is None or shard % 4 == 0:
            tiles = make_tiles(np.random.default_rng(arguments.tile_seed + shard))
        start = time.time()
        seed = arguments.tile_seed * 1_000_003 + shard * arguments.size
        pictures, disparities, kinds = render_shard(*which, seed, arguments.size, tiles)
        name = f"{arguments.tag}_{shard:04d}"
        partial = arguments.pool / f".{name}.tmp.npz"
        np.savez(partial, a=pictures, d=disparities, k=kinds)
        os.rename(partial, arguments.pool / f"{name}.npz")
        print(name, f"{time.time() - start:.1f} s", flush=True)


if __name__ == "__main__":
    main()
