"""Makes tests/icc: small ICC profiles of every kind that is converted, and what LittleCMS makes of them.

Run with a Python that has Pillow (its wheel brings LittleCMS): python tests/oracle/icc_littlecms.py [folder of test data]
Relative colorimetric, black point compensation off, in double precision. reference.csv: profile, device values (0 to 1, empty
where the profile has fewer channels), L*, a*, b* (D50). Names that begin with "testdata:" are of the test data and not in tests/icc.
"""

import csv
import ctypes
import glob
import os
import struct
import sys

import PIL

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "icc")


# --- profiles ---------------------------------------------------------------------------------------------------------------------

def s15(values):
    return b"".join(struct.pack(">i", round(v * 65536)) for v in values)


def xyz(values):
    return b"XYZ \0\0\0\0" + s15(values)


def text(value, version):
    if version >= 4:
        data = value.encode("utf-16-be")
        return b"mluc\0\0\0\0" + struct.pack(">II", 1, 12) + b"enUS" + struct.pack(">II", len(data), 28) + data
    data = value.encode() + b"\0"
    return b"desc\0\0\0\0" + struct.pack(">I", len(data)) + data + b"\0" * 78


def curve(samples):
    return b"curv\0\0\0\0" + struct.pack(">I", len(samples)) + b"".join(struct.pack(">H", round(v * 65535)) for v in samples)


def parametric(kind, values):
    return b"para\0\0\0\0" + struct.pack(">HH", kind, 0) + s15(values)


def grid(sides, function):
    """Values of function over a grid, last input fastest."""
    out, index = [], [0] * len(sides)
    while True:
        out.append(function([i / (n - 1) for i, n in zip(index, sides)]))
        for k in reversed(range(len(sides))):
            index[k] += 1
            if index[k] < sides[k]:
                break
            index[k] = 0
        else:
            return out


def mft(bits, inputs, side, function, input_curve, output_curve):
    """lut8Type or lut16Type to three outputs, given in 0..1 of the code."""
    most, kind, form = (255, b"mft1", "B") if bits == 8 else (65535, b"mft2", "H")
    entries = 256 if bits == 8 else 17
    code = lambda v: struct.pack(">" + form, round(min(max(v, 0), 1) * most))
    table = lambda f: b"".join(code(f(i / (entries - 1))) for i in range(entries))
    head = kind + b"\0\0\0\0" + bytes([inputs, 3, side, 0]) + s15([1, 0, 0, 0, 1, 0, 0, 0, 1])
    if bits == 16:
        head += struct.pack(">HH", entries, entries)
    nodes = b"".join(code(v) for node in grid([side] * inputs, function) for v in node)
    return head + table(input_curve) * inputs + nodes + table(output_curve) * 3


def mab(inputs, sides, function, a, m, matrix, b):
    """lutAToBType with all five parts."""
    pad = lambda data: data + b"\0" * (-len(data) % 4)
    curves = lambda list: b"".join(pad(c) for c in list)
    clut = bytes(sides + [0] * (16 - len(sides))) + b"\2\0\0\0"
    clut += b"".join(struct.pack(">H", round(min(max(v, 0), 1) * 65535)) for node in grid(sides, function) for v in node)
    parts, at = [curves(b), s15(matrix), curves(m), pad(clut), curves(a)], 32
    offsets = []
    for part in parts:
        offsets.append(at)
        at += len(part)
    return b"mAB \0\0\0\0" + bytes([inputs, 3, 0, 0]) + struct.pack(">5I", *offsets) + b"".join(parts)


def profile(name, version, kind, space, pcs, tags):
    tags = {"desc": text(name, version), "cprt": text("CC0", version) if version >= 4 else b"text\0\0\0\0CC0\0", "wtpt": xyz([0.9642, 1, 0.8249]), **tags}
    directory, body, at = b"", b"", 132 + 12 * len(tags)
    for tag, data in tags.items():
        data += b"\0" * (-len(data) % 4)
        directory += tag.encode() + struct.pack(">II", at, len(data))
        body, at = body + data, at + len(data)
    head = struct.pack(">I4sI4s4s4s", at, b"\0" * 4, version << 24, kind, space, pcs)
    head += struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28 + s15([0.9642, 1, 0.8249]) + b"\0" * 48
    with open(os.path.join(HERE, name + ".icc"), "wb") as file:
        file.write(head + struct.pack(">I", len(tags)) + directory + body)


def ink(c, m, y, k):
    """L*, a*, b* of a plausible press."""
    cyan, magenta, yellow = (55, -37, -50), (48, 74, -3), (89, -5, 93)
    lab = [100.0, 0.0, 0.0]
    for amount, (l, a, b) in ((c, cyan), (m, magenta), (y, yellow)):
        lab = [lab[0] * (1 - amount * (1 - l / 100)), lab[1] * (1 - amount * 0.3) + amount * a, lab[2] * (1 - amount * 0.3) + amount * b]
    return [lab[0] * (1 - 0.85 * k), lab[1] * (1 - k), lab[2] * (1 - k)]


def legacy(lab):
    return [lab[0] / 100 * 65280 / 65535, (lab[1] + 128) * 256 / 65535, (lab[2] + 128) * 256 / 65535]


def make_profiles():
    bent = lambda x: x ** 1.2
    profile("cmyk-lut16", 2, b"prtr", b"CMYK", b"Lab ", {"A2B0": mft(16, 4, 4, lambda v: legacy(ink(*[0.5 * x for x in v])), bent, lambda x: x),
                                                      "A2B1": mft(16, 4, 5, lambda v: legacy(ink(*v)), bent, lambda x: x)})
    as8 = lambda lab: [lab[0] / 100, (lab[1] + 128) / 255, (lab[2] + 128) / 255]
    profile("cmyk-lut8", 2, b"prtr", b"CMYK", b"Lab ", {"A2B0": mft(8, 4, 4, lambda v: as8(ink(*v)), lambda x: x, lambda x: x)})
    rgb = lambda v: [10 + 85 * (0.25 * v[0] + 0.65 * v[1] + 0.1 * v[2]), 90 * (v[0] - v[1]), 70 * (0.5 * v[0] + 0.5 * v[1] - v[2])]
    profile("rgb-lut16", 2, b"scnr", b"RGB ", b"Lab ", {"A2B0": mft(16, 3, 7, lambda v: legacy(rgb(v)), bent, lambda x: x)})
    profile("gray-lut16", 2, b"scnr", b"GRAY", b"Lab ", {"A2B0": mft(16, 1, 9, lambda v: legacy([5 + 93 * v[0], 0, 0]), bent, lambda x: x)})
    matrix = [0.6, 0.25, 0.1, 0.3, 0.6, 0.1, 0.02, 0.1, 0.7, 0.01, 0.0, 0.02]
    curves = [parametric(3, [2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045]), curve([]), curve([0, 0.1, 0.4, 1.0])]
    profile("rgb-mab", 4, b"scnr", b"RGB ", b"XYZ ", {"A2B0": mab(3, [5, 4, 6], lambda v: [x ** 0.8 for x in v], curves, [parametric(0, [1.1])] * 3,
                                                     [v / 2 for v in matrix], [curve([])] * 3)})
    profile("cmyk-mab", 4, b"prtr", b"CMYK", b"Lab ", {"A2B0": mab(4, [3, 4, 3, 5], lambda v: as8(ink(*v)), [curve([])] * 4, [curve([])] * 3,
                                                      [1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0], [curve([])] * 3)})
    columns = {"rXYZ": [0.4361, 0.2225, 0.0139], "gXYZ": [0.3851, 0.7169, 0.0971], "bXYZ": [0.1431, 0.0606, 0.7141]}
    profile("rgb-three-curves", 2, b"mntr", b"RGB ", b"XYZ ", {**{k: xyz(v) for k, v in columns.items()},
            **{k: curve([(i / 255) ** g for i in range(256)]) for k, g in (("rTRC", 2.1), ("gTRC", 2.2), ("bTRC", 2.4))}})


# --- LittleCMS --------------------------------------------------------------------------------------------------------------------

def library():
    folder = os.path.join(os.path.dirname(os.path.dirname(PIL.__file__)), "pillow.libs")
    cms = ctypes.CDLL(glob.glob(os.path.join(folder, "liblcms2*"))[0])
    for name in ("cmsOpenProfileFromMem", "cmsCreateTransform", "cmsCreateLab4Profile"):
        getattr(cms, name).restype = ctypes.c_void_p
    cms.cmsGetColorSpace.argtypes = [ctypes.c_void_p]
    return cms


SPACES = {b"GRAY": (3, 1), b"RGB ": (4, 3), b"CMYK": (6, 4)}


def convert(cms, data, values):
    number, channels = SPACES[data[16:20]]
    form = 1 << 22 | number << 16 | channels << 3
    source = cms.cmsOpenProfileFromMem(data, len(data))
    target = cms.cmsCreateLab4Profile(None)
    # NOOPTIMIZE, NOCACHE
    transform = cms.cmsCreateTransform(ctypes.c_void_p(source), form, ctypes.c_void_p(target), 1 << 22 | 10 << 16 | 3 << 3, 1, 0x140)
    if not transform:
        return None
    scale = 100.0 if channels == 4 else 1.0
    flat = [v * scale for row in values for v in row[:channels]]
    source_values, out = (ctypes.c_double * len(flat))(*flat), (ctypes.c_double * (3 * len(values)))()
    cms.cmsDoTransform(ctypes.c_void_p(transform), source_values, out, len(values))
    return [list(out[3 * i:3 * i + 3]) for i in range(len(values))]


def device_values(count):
    """Corners, neutral ramps and points of a Halton sequence."""
    def halton(i, base):
        value, unit = 0.0, 1.0
        while i:
            unit /= base
            value += unit * (i % base)
            i //= base
        return value
    rows = [[float(i >> k & 1) for k in range(4)] for i in range(16)] + [[v / 8] * 3 + [0.0] for v in range(9)]
    rows += [[0, 0, 0, v / 8] for v in range(1, 9)]
    rows += [[halton(i, base) for base in (2, 3, 5, 7)] for i in range(1, 1 + count)]
    # Codes of 16 bit, so that a picture can hold them.
    return [[round(v * 65535) / 65535 for v in row] for row in rows]


def main():
    os.makedirs(HERE, exist_ok=True)
    make_profiles()
    cms = library()
    files = [(os.path.basename(path)[:-4], path, 30) for path in sorted(glob.glob(os.path.join(HERE, "*.icc")))]
    if len(sys.argv) > 1:
        found = sorted(glob.glob(os.path.join(sys.argv[1], "icc", "**", "*.icc"), recursive=True))
        files += [("testdata:" + os.path.relpath(path, sys.argv[1]), path, 6) for path in found]
    with open(os.path.join(HERE, "reference.csv"), "w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        for name, path, count in files:
            with open(path, "rb") as stream:
                data = stream.read()
            channels = SPACES[data[16:20]][1]
            values = device_values(count)
            answers = convert(cms, data, values)
            if answers is None:
                print("LittleCMS refuses", name, file=sys.stderr)
                continue
            seen = set()
            for row, answer in zip(values, answers):
                key = tuple(row[:channels])
                if key not in seen:
                    seen.add(key)
                    device = [f"{v:.6g}" for v in key] + [""] * (4 - channels)
                    rows.writerow([name, *device, *(f"{v:.3f}" for v in answer)])


main()
