"""EXIF and XMP blocks of the samples, assembled from the specifications.

EXIF: TIFF 6.0 directories with the tags of CIPA DC-008 (Exif 2.32). XMP: ISO 16684-1. The
values are invented and fixed, so that the same picture always gives the same file.
"""

import struct
from dataclasses import dataclass

# TIFF field types and their sizes in bytes.
BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED = 1, 2, 3, 4, 5, 7
SIZES = {BYTE: 1, ASCII: 1, SHORT: 2, LONG: 4, RATIONAL: 8, UNDEFINED: 1}
# Pointers from the main directory.
EXIF_IFD, GPS_IFD = 34665, 34853


@dataclass
class Shot:
    """What the invented camera recorded about one sample."""

    title: str
    taken: str
    exposure: tuple
    f_number: tuple
    iso: int
    focal_length: tuple
    latitude: tuple
    longitude: tuple
    altitude: int
    rating: int


def entry(tag, kind, value):
    """One directory entry: (tag, type, count, bytes), little-endian."""
    if kind == ASCII:
        data = value.encode("ascii") + b"\0"
        return tag, kind, len(data), data
    if kind in (UNDEFINED, BYTE):
        return tag, kind, len(value), bytes(value)
    values = value if isinstance(value, (list, tuple)) else [value]
    if kind == RATIONAL:
        pairs = values if isinstance(values[0], (list, tuple)) else [values]
        return tag, kind, len(pairs), b"".join(struct.pack("<II", *p) for p in pairs)
    code = "<H" if kind == SHORT else "<I"
    return tag, kind, len(values), b"".join(struct.pack(code, v) for v in values)


def camera_entries():
    """Make, model and software, for the main directory."""
    return [
        entry(271, ASCII, "Chiaro"),
        entry(272, ASCII, "Scene generator"),
        entry(305, ASCII, "tools/scenes"),
    ]


def exif_entries(shot, color_space=1):
    """The Exif directory; `color_space` 1 = sRGB, 65535 = uncalibrated (the profile decides)."""
    return [
        entry(33434, RATIONAL, shot.exposure),
        entry(33437, RATIONAL, shot.f_number),
        entry(34855, SHORT, shot.iso),
        entry(36864, UNDEFINED, b"0232"),
        entry(36867, ASCII, shot.taken),
        entry(36868, ASCII, shot.taken),
        entry(37386, RATIONAL, shot.focal_length),
        entry(40961, SHORT, color_space),
        entry(42036, ASCII, "Chiaro pinhole"),
    ]


def _degrees(angle):
    """Degrees, minutes and hundredths of seconds as rationals."""
    degrees, minutes, seconds = angle
    return [(degrees, 1), (minutes, 1), (seconds, 100)]


def gps_entries(shot):
    """The GPS directory; positive latitude is north, positive longitude east."""
    return [
        entry(0, BYTE, (2, 3, 0, 0)),
        entry(1, ASCII, "N"),
        entry(2, RATIONAL, _degrees(shot.latitude)),
        entry(3, ASCII, "E"),
        entry(4, RATIONAL, _degrees(shot.longitude)),
        entry(5, BYTE, (0,)),
        entry(6, RATIONAL, (shot.altitude, 1)),
        entry(18, ASCII, "WGS-84"),
    ]


def directory(entries, offset, next_offset=0):
    """Bytes of a directory that starts at `offset`, with the values that do not fit behind it."""
    entries = sorted(entries, key=lambda e: e[0])
    position = offset + 2 + 12 * len(entries) + 4
    head = struct.pack("<H", len(entries))
    tail = b""
    for tag, kind, count, data in entries:
        head += struct.pack("<HHI", tag, kind, count)
        if len(data) <= 4:
            head += data.ljust(4, b"\0")
            continue
        head += struct.pack("<I", position + len(tail))
        tail += data + bytes(len(data) % 2)
    return head + struct.pack("<I", next_offset) + tail


def exif_block(shot, color_space=1):
    """A complete EXIF block (little-endian TIFF without pixels), as in a PNG's eXIf chunk."""
    main = [*camera_entries(), entry(EXIF_IFD, LONG, 0), entry(GPS_IFD, LONG, 0)]
    exif_at = 8 + len(directory(main, 8))
    exif = directory(exif_entries(shot, color_space), exif_at)
    gps_at = exif_at + len(exif)
    main = [*camera_entries(), entry(EXIF_IFD, LONG, exif_at), entry(GPS_IFD, LONG, gps_at)]
    return b"II*\0" + struct.pack("<I", 8) + directory(main, 8) + exif + directory(gps_entries(shot), gps_at)


def xmp_packet(shot):
    """The XMP packet: title, rights, rating."""
    return f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmp:Rating="{shot.rating}"
    xmp:CreatorTool="Chiaro tools/scenes">
   <dc:title><rdf:Alt><rdf:li xml:lang="x-default">{shot.title}</rdf:li></rdf:Alt></dc:title>
   <dc:rights><rdf:Alt><rdf:li xml:lang="x-default">CC0 1.0 Universal, no rights reserved</rdf:li></rdf:Alt></dc:rights>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>""".encode()
