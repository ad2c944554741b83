"""Writing the samples: 16-bit TIFF (strips or tiles), 16-bit PNG, half-float EXR, depth scenes.

TIFF and PNG are assembled here so that ICC, EXIF, GPS and XMP sit exactly where the specifications
(TIFF 6.0, Exif 2.32, PNG third edition, XMP part 3) want them; compression is left to libraries.
"""

import struct
import zlib
from pathlib import Path

import numpy as np

from .metadata import (
    BYTE,
    EXIF_IFD,
    GPS_IFD,
    LONG,
    RATIONAL,
    SHORT,
    UNDEFINED,
    camera_entries,
    directory,
    entry,
    exif_entries,
    gps_entries,
    xmp_packet,
)

LZW, ADOBE_DEFLATE = 5, 8


def predicted(chunk):
    """Horizontal differencing (TIFF predictor 2) of u16 [h, w, 3], as little-endian bytes."""
    difference = chunk.copy()
    difference[:, 1:] = chunk[:, 1:] - chunk[:, :-1]
    return difference.astype("<u2").tobytes()


def _compressed(data, compression):
    if compression == ADOBE_DEFLATE:
        return zlib.compress(data, 9)
    import imagecodecs

    return imagecodecs.lzw_encode(data)


def _strips(pixels, rows):
    return [pixels[y : y + rows] for y in range(0, pixels.shape[0], rows)]


def _tiles(pixels, side):
    """Tiles in row order; the last ones are padded by repeating the edge."""
    height, width, _ = pixels.shape
    padding = ((0, -height % side), (0, -width % side), (0, 0))
    padded = np.pad(pixels, padding, mode="edge")
    return [
        padded[y : y + side, x : x + side]
        for y in range(0, padded.shape[0], side)
        for x in range(0, padded.shape[1], side)
    ]


def write_tiff(path, pixels, shot, profile, compression, rows=64, tile=None, color_space=1):
    """Writes u16 [h, w, 3] as a little-endian TIFF in strips of `rows`, or in square tiles of `tile`."""
    height, width, _ = pixels.shape
    chunks = _tiles(pixels, tile) if tile else _strips(pixels, rows)
    data = [_compressed(predicted(c), compression) for c in chunks]
    positions, end = [], 8
    for chunk in data:
        positions.append(end)
        end += len(chunk) + len(chunk) % 2
    lengths = [len(c) for c in data]
    if tile:
        layout = [
            entry(322, LONG, tile),
            entry(323, LONG, tile),
            entry(324, LONG, positions),
            entry(325, LONG, lengths),
        ]
    else:
        layout = [entry(278, LONG, rows), entry(273, LONG, positions), entry(279, LONG, lengths)]
    fields = [
        entry(256, LONG, width),
        entry(257, LONG, height),
        entry(258, SHORT, [16, 16, 16]),
        entry(259, SHORT, compression),
        entry(262, SHORT, 2),
        entry(274, SHORT, 1),
        entry(277, SHORT, 3),
        entry(282, RATIONAL, (300, 1)),
        entry(283, RATIONAL, (300, 1)),
        entry(284, SHORT, 1),
        entry(296, SHORT, 2),
        entry(317, SHORT, 2),
        entry(700, BYTE, xmp_packet(shot)),
        entry(34675, UNDEFINED, profile),
        *camera_entries(),
        *layout,
    ]
    exif = directory(exif_entries(shot, color_space), end)
    gps_at = end + len(exif)
    gps = directory(gps_entries(shot), gps_at)
    main_at = gps_at + len(gps)
    fields += [entry(EXIF_IFD, LONG, end), entry(GPS_IFD, LONG, gps_at)]
    with open(path, "wb") as file:
        file.write(b"II*\0" + struct.pack("<I", main_at))
        for chunk in data:
            file.write(chunk + bytes(len(chunk) % 2))
        file.write(exif + gps + directory(fields, main_at))


def _chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _filtered(pixels):
    """PNG rows, each with the filter (none, sub, up, average, Paeth) of least absolute sum."""
    height, _, channels = pixels.shape
    rows = pixels.astype(">u2").view(np.uint8).reshape(height, -1).astype(np.int16)
    step = 2 * channels
    left = np.pad(rows, ((0, 0), (step, 0)))[:, :-step]
    above = np.pad(rows, ((1, 0), (0, 0)))[:-1]
    corner = np.pad(above, ((0, 0), (step, 0)))[:, :-step]
    guess = left + above - corner
    a, b, c = abs(guess - left), abs(guess - above), abs(guess - corner)
    paeth = np.where((a <= b) & (a <= c), left, np.where(b <= c, above, corner))
    guesses = (0 * rows, left, above, (left + above) // 2, paeth)
    candidates = np.stack([(rows - g).astype(np.uint8) for g in guesses])
    cost = np.abs(candidates.view(np.int8).astype(np.int32)).sum(2)
    best = cost.argmin(0)
    chosen = candidates[best, np.arange(height)]
    return np.concatenate([best.astype(np.uint8)[:, None], chosen], 1).tobytes()


def write_png16(path, pixels, chunks=()):
    """Writes u16 [h, w, 3] or [h, w] as PNG; `chunks` = (name, bytes) placed before the pixels."""
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    height, width, channels = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 16, 2 if channels == 3 else 0, 0, 0, 0)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header))
        file.writelines(_chunk(name, data) for name, data in chunks)
        file.write(_chunk(b"IDAT", zlib.compress(_filtered(pixels), 9)))
        file.write(_chunk(b"IEND", b""))


def png_chunks(exif, xmp, profile):
    """The iCCP, eXIf and iTXt (XMP) chunks."""
    return (
        (b"iCCP", b"sRGB\0\0" + zlib.compress(profile, 9)),
        (b"eXIf", exif),
        (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp),
    )


def rounded(values, bits):
    """f32 `values` with the mantissa rounded to `bits` bits, which compresses better; infinity stays."""
    codes = np.ascontiguousarray(values, np.float32).view(np.uint32)
    drop = 23 - bits
    return ((codes + (1 << (drop - 1))) >> drop << drop).astype(np.uint32).view(np.float32)


def write_exr(path, linear, depth, shot):
    """Half-float Rec.709 R, G, B and 32-bit float Z (meters, 13 bits of mantissa), ZIP compressed."""
    import OpenEXR

    header = {
        "compression": OpenEXR.ZIP_COMPRESSION,
        "type": OpenEXR.scanlineimage,
        "chromaticities": (0.640, 0.330, 0.300, 0.600, 0.150, 0.060, 0.3127, 0.3290),
        "owner": "CC0 1.0 Universal, no rights reserved",
        "comments": shot.title,
        "capDate": shot.taken,
        "expTime": shot.exposure[0] / shot.exposure[1],
        "aperture": shot.f_number[0] / shot.f_number[1],
        "isoSpeed": float(shot.iso),
    }
    half = linear.astype(np.float16)
    channels = {name: np.ascontiguousarray(half[..., k]) for k, name in enumerate("RGB")}
    channels["Z"] = rounded(depth, 13)
    OpenEXR.File(header, channels).write(str(path))


def write_png8(path, pixels):
    """Writes u8 [h, w, 3] as an sRGB PNG."""
    import cv2

    cv2.imwrite(str(Path(path)), pixels[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])
