#!/usr/bin/env python3
"""Makes the pictures and tables that the benchmarks read, the same bytes everywhere, without any test data.

    pictures.py photographs|noise FOLDER COUNT COMPRESSION    3840x2160 RGB16 TIFFs 001.tif ...; none, lzw or deflate
    pictures.py luts FOLDER                                   look.cube (33 points), hald.tif (the same for GraphicsMagick)
    pictures.py kernel FOLDER                                 photograph.rgb16 and noise.rgb16 (raw samples), look.cube
    pictures.py one FILE WIDTH HEIGHT strips|tiles none|deflate     one picture of any size, written piece by piece
    pictures.py small FOLDER COUNT                            RGB16 TIFFs of 16x16 pixels, 1000 to a folder
    pictures.py crops FOLDER COUNT WIDTH HEIGHT               pieces of a photograph, 001.tif ...

A *photograph* is one of the committed scenes of `data/samples`, cropped, flipped and exposed differently each time, enlarged with a
cubic kernel, with fine texture where the scene has contrast and the noise of a sensor (shot and read noise in linear light, smoothed as
demosaicing smooths it). What matters for speed then agrees with 16-bit photographs from cameras: neighbours fall into 2 to 7 cells of a
33-point LUT per 16 pixels, Deflate with the horizontal predictor leaves 75 to 87 %, LZW 90 to 115 %.
"""

import os
import sys

import numpy as np
import tifffile

import bigtiff

HERE = os.path.dirname(os.path.abspath(__file__))
SAMPLES = os.path.join(HERE, "..", "data", "samples")
WIDTH, HEIGHT = 3840, 2160
# Rows of a TIFF strip: 360 KiB.
STRIP_ROWS = 16


def samples():
    """The committed scenes that are integers, as float arrays in 0..1."""
    from imagecodecs import png_decode
    with open(os.path.join(SAMPLES, "landscape.png"), "rb") as f:
        landscape = png_decode(f.read())
    read = [tifffile.imread(os.path.join(SAMPLES, f"{name}.tif")) for name in ("interior", "street")]
    return [np.asarray(a[..., :3], np.float32) / 65535 for a in [landscape, *read]]


def enlarge(plane, length, axis):
    """Cubic (Catmull-Rom) enlargement of one axis to `length`."""
    size = plane.shape[axis]
    at = (np.arange(length, dtype=np.float32) + 0.5) * size / length - 0.5
    first = np.floor(at).astype(np.int64)
    t = (at - first).astype(np.float32)
    weights = (
        ((-0.5 * t + 1.0) * t - 0.5) * t,
        (1.5 * t - 2.5) * t * t + 1.0,
        ((-1.5 * t + 2.0) * t + 0.5) * t,
        (0.5 * t - 0.5) * t * t,
    )
    shape = [1, 1, 1]
    shape[axis] = length
    out = 0
    for k, weight in enumerate(weights):
        taken = np.take(plane, np.clip(first + k - 1, 0, size - 1), axis=axis)
        out = out + taken * weight.reshape(shape)
    return out


def smooth(plane):
    """A 1 2 1 filter in both directions: what demosaicing does to noise."""
    plane = plane + 0.5 * (np.roll(plane, 1, 0) + np.roll(plane, -1, 0))
    return (plane + 0.5 * (np.roll(plane, 1, 1) + np.roll(plane, -1, 1))) * 0.25


def texture(random, height, width):
    """Noise over scales of 2 to 32 pixels, as detail that a scene enlarged 2.5 times lacks; about -1..1."""
    sum_ = np.zeros((height, width, 1), np.float32)
    for step in (2, 4, 8, 16, 32):
        grid = random.standard_normal((height // step + 2, width // step + 2, 1), np.float32)
        grid = np.repeat(np.repeat(grid, step, 0), step, 1)[:height, :width]
        sum_ += smooth(grid) * (step / 32) ** 0.5
    return sum_ * 0.5


def photograph(number, scenes, width=WIDTH, height=HEIGHT):
    """Picture `number` (from 0): RGB16, the same on every machine."""
    random = np.random.default_rng(1000 + number)
    scene = scenes[number % len(scenes)]
    zoom = 1 + 0.25 * random.random()
    rows, columns = int(scene.shape[0] / zoom), int(scene.shape[1] / zoom)
    top = random.integers(0, scene.shape[0] - rows + 1)
    left = random.integers(0, scene.shape[1] - columns + 1)
    crop = scene[top : top + rows, left : left + columns]
    crop = crop[:, ::-1] if number % 2 else crop
    large = np.clip(enlarge(enlarge(crop, height, 0), width, 1), 0, 1)
    contrast = np.abs(np.roll(large, 4, 1) - np.roll(large, -4, 1)).mean(axis=2, keepdims=True)
    light = (large * (1 + texture(random, height, width) * np.minimum(0.02 + contrast, 0.12))) ** 2.2
    light *= 2.0 ** (random.random() - 0.6)
    # A full well of 50 000 electrons at white and 4 of read noise: ISO 100 to 200 of a full-frame camera.
    shot = np.sqrt(np.maximum(light, 0) / 50000 + (4 / 50000) ** 2)
    light = light + smooth(random.standard_normal(light.shape, np.float32)) * 1.6 * shot
    return np.rint(np.clip(light, 0, 1) ** (1 / 2.2) * 65535).astype(np.uint16)


def noise(number, width=WIDTH, height=HEIGHT):
    """Uniform noise over all codes: the worst case of every table."""
    return np.random.default_rng(2000 + number).integers(0, 65536, (height, width, 3), np.uint16)


def write(path, pixels, compression):
    """A TIFF in strips; compressed ones with the horizontal predictor, as cameras' converters write them."""
    if compression == "none":
        tifffile.imwrite(path, pixels, photometric="rgb", rowsperstrip=STRIP_ROWS, metadata=None, software=False)
        return
    name = {"lzw": "lzw", "deflate": "zlib"}[compression]
    tifffile.imwrite(path, pixels, photometric="rgb", rowsperstrip=STRIP_ROWS, compression=name, predictor=2, metadata=None, software=False)


def folder(kind, path, count, compressions):
    """`count` pictures into path/COMPRESSION/ for each of `compressions`; what is there already is kept."""
    wanted = [(n, c, os.path.join(path, c, f"{n + 1:03}.tif")) for n in range(count) for c in compressions]
    scenes = None
    for number in range(count):
        missing = [(c, p) for n, c, p in wanted if n == number and not os.path.exists(p)]
        if not missing:
            continue
        if kind == "photographs":
            scenes = scenes or samples()
            pixels = photograph(number, scenes)
        else:
            pixels = noise(number)
        for compression, target in missing:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            write(target + ".part", pixels, compression)
            os.replace(target + ".part", target)


def look(rgb):
    """The look of the LUT: a soft S-curve, a little less saturation, warm lights and cool shadows."""
    luma = (rgb * np.array([0.2126, 0.7152, 0.0722])).sum(axis=-1, keepdims=True)
    curved = rgb + 0.35 * rgb * (1 - rgb) * (2 * rgb - 1)
    tint = np.array([0.03, 0.0, -0.04]) * luma + np.array([-0.02, 0.0, 0.03]) * (1 - luma)
    return np.clip(luma + (curved - luma) * 0.85 + tint, 0, 1)


def nodes(size):
    """The lattice of a LUT, red fastest: (size^3, 3)."""
    axis = np.arange(size) / (size - 1)
    b, g, r = np.meshgrid(axis, axis, axis, indexing="ij")
    return np.stack([r, g, b], axis=-1).reshape(-1, 3)


def luts(path):
    """look.cube with 33 points, and the same look as a Hald picture of level 8 (64 points), sampled from the 33 tetrahedrally."""
    os.makedirs(path, exist_ok=True)
    table = np.round(look(nodes(33)), 6)
    lines = "\n".join("%.6f %.6f %.6f" % tuple(row) for row in table)
    with open(os.path.join(path, "look.cube"), "w", encoding="ascii", newline="\n") as f:
        f.write(f"LUT_3D_SIZE 33\n{lines}\n")
    hald = tetrahedral(table.reshape(33, 33, 33, 3), nodes(64))
    pixels = np.rint(hald * 65535).astype(np.uint16).reshape(512, 512, 3)
    tifffile.imwrite(os.path.join(path, "hald.tif"), pixels, photometric="rgb", metadata=None, software=False)


def read_cube(path):
    """The nodes of our own 33-point file, indexed [blue, green, red]."""
    with open(path, encoding="ascii") as f:
        rows = [line.split() for line in f.read().splitlines()[1:] if line]
    return np.array(rows, np.float64).reshape(33, 33, 33, 3)


def tetrahedral(table, rgb):
    """Tetrahedral interpolation in float64 (Sakamoto, US patent 4275413): the reference that outputs are compared with.

    `table` is indexed [blue, green, red]; `rgb` is (n, 3) in 0..1.
    """
    size = table.shape[0]
    at = rgb * (size - 1)
    low = np.minimum(np.floor(at).astype(np.int64), size - 2)
    part = at - low
    order = np.argsort(-part, axis=1, kind="stable")
    corner = low.copy()
    rows = np.arange(len(rgb))
    value = table[corner[:, 2], corner[:, 1], corner[:, 0]]
    out = value.copy()
    for k in range(3):
        corner[rows, order[:, k]] += 1
        next_ = table[corner[:, 2], corner[:, 1], corner[:, 0]]
        out += (next_ - value) * part[rows, order[:, k]][:, None]
        value = next_
    return out


def kernel(path):
    """Strips of 512 rows for measurements of single passes, 4 runs of 128 rows of different photographs."""
    os.makedirs(path, exist_ok=True)
    scenes = samples()
    strips = {
        "photograph": lambda: np.concatenate([photograph(n, scenes)[980:1108] for n in range(4)]),
        "noise": lambda: noise(0, WIDTH, 512),
    }
    for name, make in strips.items():
        file = os.path.join(path, f"{name}.rgb16")
        if not os.path.exists(file):
            make().astype("<u2").tofile(file)
    luts(path)


def one(path, width, height, layout, compression):
    """One picture of any size, a BigTIFF: a photograph of 2048x2048 repeated, in tiles of 512 pixels or strips of about 1 MiB.

    Every repetition to the right begins at another row, so that Deflate finds no copies within its window.
    """
    base = photograph(2, samples(), 2048, 2048)

    def piece(y, x, rows, columns):
        at = np.arange(x, x + columns)
        return base[(np.arange(y, y + rows)[:, None] + at // 2048 * 131) % 2048, at % 2048]

    rows = max(1, min(height, (1 << 20) // (width * 6)))
    bigtiff.write(path, width, height, 512 if layout == "tiles" else 0, rows, compression != "none", piece)


def small(path, count):
    """`count` RGB16 pictures of 16x16 pixels, 1000 to a folder, all different; what is there already is kept."""
    import io
    if os.path.exists(os.path.join(path, "complete")):
        return
    buffer = io.BytesIO()
    pixels = np.random.default_rng(5).integers(0, 65536, (16, 16, 3), np.uint16)
    tifffile.imwrite(buffer, pixels, photometric="rgb", metadata=None, software=False)
    data = bytearray(buffer.getvalue())
    first = data.index(pixels.tobytes())
    for n in range(count):
        if n % 1000 == 0:
            parent = os.path.join(path, f"{n // 1000:03}")
            os.makedirs(parent, exist_ok=True)
        data[first : first + 4] = n.to_bytes(4, "little")
        with open(os.path.join(parent, f"{n:06}.tif"), "wb", buffering=0) as f:
            f.write(data)
    open(os.path.join(path, "complete"), "w", encoding="ascii").close()


def crops(path, count, width, height):
    """`count` pieces of one photograph, all different as long as there are enough places; what is there already is kept."""
    if os.path.exists(os.path.join(path, "complete")):
        return
    os.makedirs(path, exist_ok=True)
    base = photograph(1, samples())
    for n in range(count):
        top = n * 97 % (HEIGHT - height + 1)
        left = n * 389 % (WIDTH - width + 1)
        pixels = base[top : top + height, left : left + width]
        tifffile.imwrite(os.path.join(path, f"{n + 1:04}.tif"), pixels, photometric="rgb", metadata=None, software=False)
    open(os.path.join(path, "complete"), "w", encoding="ascii").close()


def main(words):
    if len(words) == 4 and words[0] in ("photographs", "noise"):
        folder(words[0], words[1], int(words[2]), words[3].split(","))
    elif len(words) == 2 and words[0] == "luts":
        luts(words[1])
    elif len(words) == 2 and words[0] == "kernel":
        kernel(words[1])
    elif len(words) == 6 and words[0] == "one":
        one(words[1], int(words[2]), int(words[3]), words[4], words[5])
    elif len(words) == 3 and words[0] == "small":
        small(words[1], int(words[2]))
    elif len(words) == 5 and words[0] == "crops":
        crops(words[1], int(words[2]), int(words[3]), int(words[4]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
