"""Minimal ICC display profiles (matrix and parametric curve), written from the specification.

Layout after ICC.1:2022 (profile version 4.4): header of 128 bytes, tag table, tags on 4-byte
boundaries. Colorants are the encoding's primaries adapted from D65 to the D50 of the connection space by
the linear Bradford method (ICC.1:2022 annex E). The transfer curve is the sRGB one (IEC 61966-2-1) as a
parametricCurveType of function 3. No third party's profile is copied; these are CC0.
"""

import struct

import numpy as np

D50 = np.array([0.9642, 1.0, 0.8249])
D65_XY = (0.3127, 0.3290)
#: xy of red, green and blue: ITU-R BT.709, and SMPTE EG 432-1 (Display P3).
REC709_XY = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060))
P3_XY = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def _xyz(xy):
    x, y = xy
    return np.array([x / y, 1.0, (1 - x - y) / y])


def adaptation():
    """Bradford matrix from D65 to D50."""
    scale = (BRADFORD @ D50) / (BRADFORD @ _xyz(D65_XY))
    return np.linalg.inv(BRADFORD) @ np.diag(scale) @ BRADFORD


def colorants(primaries):
    """3x3 matrix from linear RGB to XYZ relative to D50; columns are the colorants."""
    columns = np.stack([_xyz(p) for p in primaries], 1)
    return adaptation() @ (columns * np.linalg.solve(columns, _xyz(D65_XY)))


def _fixed(values):
    """s15Fixed16Number values, big-endian."""
    return b"".join(struct.pack(">i", round(float(v) * 65536)) for v in values)


def _text(text):
    """multiLocalizedUnicodeType with one entry, en-US."""
    encoded = text.encode("utf-16-be")
    return b"mluc\0\0\0\0" + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(encoded), 28) + encoded


def _xyz_tag(values):
    return b"XYZ \0\0\0\0" + _fixed(values)


def _header(size):
    date = struct.pack(">6H", 2024, 1, 1, 0, 0, 0)
    head = struct.pack(">I4s4s4s4s4s", size, bytes(4), b"\x04\x40\0\0", b"mntr", b"RGB ", b"XYZ ")
    head += date + b"acsp" + bytes(4) + bytes(4) + bytes(4) + bytes(4) + bytes(8)
    head += struct.pack(">I", 0) + _fixed(D50) + bytes(4) + bytes(16)
    return head.ljust(128, b"\0")


def make_profile(description, primaries):
    """The bytes of a display profile."""
    matrix = colorants(primaries)
    curve = b"para\0\0\0\0" + struct.pack(">HH", 3, 0)
    curve += _fixed((2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045))
    tags = [
        (b"desc", _text(description)),
        (b"cprt", _text("CC0 1.0, no rights reserved")),
        (b"wtpt", _xyz_tag(D50)),
        (b"chad", b"sf32\0\0\0\0" + _fixed(adaptation().ravel())),
        (b"rXYZ", _xyz_tag(matrix[:, 0])),
        (b"gXYZ", _xyz_tag(matrix[:, 1])),
        (b"bXYZ", _xyz_tag(matrix[:, 2])),
        (b"rTRC", curve),
        (b"gTRC", curve),
        (b"bTRC", curve),
    ]
    start = 128 + 4 + 12 * len(tags)
    table, body, seen = b"", b"", {}
    for signature, data in tags:
        if data not in seen:
            seen[data] = start + len(body)
            body += data + bytes(-len(data) % 4)
        table += struct.pack(">4sII", signature, seen[data], len(data))
    total = start + len(body)
    return _header(total) + struct.pack(">I", len(tags)) + table + body


def srgb_profile():
    """sRGB: Rec.709 primaries, sRGB curve."""
    return make_profile("Chiaro sRGB", REC709_XY)


def display_p3_profile():
    """Display P3: P3 primaries, D65, sRGB curve."""
    return make_profile("Chiaro Display P3", P3_XY)
