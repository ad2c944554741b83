"""Writes BigTIFFs of any size piece by piece: RGB16, strips or tiles, uncompressed or Deflate with the horizontal predictor.

Nothing is held but the pieces in work. Layout after the BigTIFF specification (Aldus TIFF 6.0 with 64-bit offsets, version number 43).
"""

import struct
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, STRIP_OFFSETS, SAMPLES, ROWS, STRIP_BYTES = 256, 257, 258, 259, 262, 273, 277, 278, 279
PREDICTOR, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES = 317, 322, 323, 324, 325
SHORT, LONG, LONG8 = (3, "H"), (4, "I"), (16, "Q")


def deflate(pixels):
    """A piece as Deflate with the predictor: differences to the left neighbour, modulo 65536."""
    differences = pixels.copy()
    differences[:, 1:] -= pixels[:, :-1]
    return zlib.compress(differences.tobytes(), 1)


def write(path, width, height, side, rows, compressed, piece):
    """Writes the picture; `piece(y, x, rows, columns)` makes any part of it. Tiles of `side` pixels, or strips of `rows` where side is 0."""
    if side:
        places = [(y, x, side, side) for y in range(0, height, side) for x in range(0, width, side)]
    else:
        places = [(y, 0, min(rows, height - y), width) for y in range(0, height, rows)]
    make = (lambda place: deflate(piece(*place))) if compressed else (lambda place: piece(*place).tobytes())
    offsets, sizes = [], []
    with open(path, "wb") as f, ThreadPoolExecutor() as pool:
        f.write(struct.pack("<2sHHHQ", b"II", 43, 8, 0, 0))
        # A few at a time: map() over all would hold everything that is done.
        for start in range(0, len(places), 64):
            for data in pool.map(make, places[start : start + 64]):
                offsets.append(f.tell())
                sizes.append(len(data))
                f.write(data)
        tags = [(WIDTH, LONG, [width]), (HEIGHT, LONG, [height]), (BITS, SHORT, [16] * 3), (COMPRESSION, SHORT, [8 if compressed else 1]),
                (PHOTOMETRIC, SHORT, [2]), (SAMPLES, SHORT, [3]), (PREDICTOR, SHORT, [2 if compressed else 1])]
        if side:
            tags += [(TILE_WIDTH, LONG, [side]), (TILE_HEIGHT, LONG, [side]), (TILE_OFFSETS, LONG8, offsets), (TILE_BYTES, LONG8, sizes)]
        else:
            tags += [(STRIP_OFFSETS, LONG8, offsets), (ROWS, LONG, [rows]), (STRIP_BYTES, LONG8, sizes)]
        directory(f, sorted(tags))


def directory(f, tags):
    """Writes the values that do not fit into eight bytes, then the directory, then its place into the header."""
    entries = []
    for tag, (kind, letter), values in tags:
        data = np.array(values, {"H": "<u2", "I": "<u4", "Q": "<u8"}[letter]).tobytes()
        if len(data) > 8:
            at = f.tell()
            f.write(data)
            data = struct.pack("<Q", at)
        entries.append(struct.pack("<HHQ8s", tag, kind, len(values), data))
    at = f.tell()
    f.write(struct.pack("<Q", len(entries)) + b"".join(entries) + struct.pack("<Q", 0))
    f.seek(8)
    f.write(struct.pack("<Q", at))
