"""From scene light to code values: exposure, shoulder, sensor noise, encoding, 12 bits."""

import numpy as np

#: Linear Rec.709 to linear Display P3 (both D65), from the chromaticities of ITU-R BT.709 and SMPTE EG 432-1.
REC709_TO_P3 = np.array(
    [
        [0.8224619687, 0.1775380313, 0.0],
        [0.0331941989, 0.9668058011, 0.0],
        [0.0170826307, 0.0723974407, 0.9105199286],
    ]
)


def shoulder(linear, start=0.55):
    """Rolls light above `start` off smoothly so that it stays below 1; below, unchanged."""
    room = 1 - start
    over = np.maximum(linear - start, 0) / room
    return np.where(linear > start, start + room * over / (1 + over), linear)


def sensor_noise(linear, seed, strength=0.0003):
    """Adds photon-like noise: deviation `strength` at white, falling as the square root."""
    noise = np.random.default_rng(seed).standard_normal(linear.shape)
    return linear + strength * noise * np.sqrt(np.clip(linear, 0, 1) + 0.002)


def srgb_encoded(linear):
    """The sRGB transfer function (IEC 61966-2-1), linear [0, 1] to encoded [0, 1]."""
    clipped = np.clip(linear, 0, 1)
    return np.where(clipped <= 0.0031308, 12.92 * clipped, 1.055 * clipped ** (1 / 2.4) - 0.055)


def twelve_bits(encoded):
    """u16 code values with 12 significant bits, as a camera delivers; 0 and 65535 are exact.

    The upper four bits are repeated in the lower four: the files compress as 12-bit files do.
    """
    codes = np.rint(np.clip(encoded, 0, 1) * 4095).astype(np.uint16)
    return (codes << 4) | (codes >> 8)


def developed(linear, exposure_stops, seed, contrast=1.0, matrix=None):
    """Display-referred u16 picture of a scene-linear one (sRGB curve; `matrix` changes primaries)."""
    light = np.asarray(linear, np.float64) * 2.0**exposure_stops
    if contrast != 1.0:
        light = 0.18 * (np.maximum(light, 1e-6) / 0.18) ** contrast
    light = sensor_noise(shoulder(light), seed)
    if matrix is not None:
        light = light @ matrix.T
    return twelve_bits(srgb_encoded(light))
