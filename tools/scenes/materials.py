"""Materials: a surface pattern of two colors, plus how the surface meets light.

A material is a `Material`; the kernels see a matrix with one row of `COLUMNS` numbers per
material. Colors are linear-light Rec.709 albedo in [0, 1].
"""

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from .noise import TILE_COUNT, sample_tile

# Patterns: what `w`, the mix of the two colors, is made of.
NOISE, CHECKER, STRIPES, BRICKS, WINDOWS, BLOTCHES, PLANKS, TILES = range(8)

#: Columns of a material row, in order. Column c is called M_<NAME> below.
COLUMNS = 20
M_PATTERN, M_COLOR_A, M_COLOR_B, M_SCALE, M_TILE, M_CONTRAST = 0, 1, 4, 7, 8, 9
M_SPECULAR, M_EMISSION, M_PHASE_U, M_PHASE_V = 10, 11, 12, 13
M_BUMP, M_BUMP_SCALE, M_REFLECTANCE, M_ROUGHNESS, M_CUTOUT, M_CUTOUT_SCALE = range(14, 20)


@dataclass
class Material:
    """One surface.

    `scale` is pattern repeats per meter, `tile` a noise tile (see `noise`), `contrast` the strength
    of the noise, `emission` light given off in units of albedo. `specular` is the highlight of
    the quick renderer. The gallery renderer uses `bump` (slope of the bumps) with `bump_scale`
    (noise tiles per meter), `reflectance` at normal incidence (0.04 is plastic, glass, varnish),
    `roughness` (tangent of the half angle of the reflected cone), and `cutout`: surface where
    noise at `cutout_scale` per meter lies below this value is a hole (leaves).
    """

    color_a: tuple = (0.5, 0.5, 0.5)
    color_b: tuple | None = None
    pattern: int = NOISE
    scale: float = 1.0
    tile: int = 2
    contrast: float = 0.3
    specular: float = 0.0
    emission: float = 0.0
    phase_u: float = 0.5
    phase_v: float = 0.5
    bump: float = 0.0
    bump_scale: float = 1.0
    reflectance: float = 0.0
    roughness: float = 0.1
    cutout: float = 0.0
    cutout_scale: float = 1.0

    def row(self):
        """The `COLUMNS` numbers the kernels read."""
        color_b = self.color_b
        if color_b is None:
            color_b = tuple(0.75 * c for c in self.color_a)
        return [
            self.pattern, *self.color_a, *color_b, self.scale, self.tile, self.contrast,
            self.specular, self.emission, self.phase_u, self.phase_v, self.bump, self.bump_scale,
            self.reflectance, self.roughness, self.cutout, self.cutout_scale,
        ]  # fmt: skip


def srgb(hex_color):
    """Linear-light color of an sRGB hex string such as "c0a080" (IEC 61966-2-1)."""
    encoded = np.array([int(hex_color[i : i + 2], 16) for i in (0, 2, 4)]) / 255.0
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return tuple(float(c) for c in linear)


@njit(cache=True, fastmath=True)
def surface_color(tiles, materials, m, u, v):
    """Albedo (r, g, b) of material `m` at surface coordinates u, v in meters."""
    pattern = int(materials[m, 0])
    scale = materials[m, 7]
    tile = int(materials[m, 8])
    contrast = materials[m, 9]
    n = sample_tile(tiles, tile, u * scale * 0.13 + materials[m, 12], v * scale * 0.13 + materials[m, 13])
    grain = sample_tile(tiles, (tile + 3) % TILE_COUNT, u * scale * 0.9, v * scale * 0.9)
    w = 0.0
    shade = 1.0
    if pattern == 0:
        w = n * contrast
    elif pattern == 1:
        w = float((int(math.floor(u * scale)) + int(math.floor(v * scale))) & 1)
        shade = 1 - 0.3 * contrast * n
    elif pattern == 2:
        w = 1.0 if (u * scale - math.floor(u * scale)) < materials[m, 12] else 0.0
        shade = 1 - 0.3 * contrast * n
    elif pattern == 3:
        vv = v * scale * 2
        row = math.floor(vv)
        uu = u * scale + 0.5 * (int(row) & 1)
        fu = uu - math.floor(uu)
        fv = vv - row
        w = 1.0 if (fu < 0.06 or fv < 0.1) else 0.25 * n
        shade = 0.8 + 0.4 * sample_tile(tiles, 0, math.floor(uu) * 0.37 + 0.11, row * 0.53)
    elif pattern == 4:
        column = math.floor(u * scale)
        floor = math.floor(v * scale * 0.8)
        fu = u * scale - column
        fv = v * scale * 0.8 - floor
        if fu > 0.25 and fu < 0.75 and fv > 0.25 and fv < 0.8:
            w = 1.0
            shade = 0.5 + 0.9 * sample_tile(tiles, 0, column * 0.37, floor * 0.71)
        else:
            w = 0.2 * n
    elif pattern == 5:
        w = min(1.0, max(0.0, (n - 0.5) * contrast * 12 + 0.5))
    elif pattern == 6:
        uu = u * scale
        plank = math.floor(uu)
        w = sample_tile(tiles, 5 + (tile & 1), plank * 0.17 + v * 0.05, u * scale * 0.8 + plank * 0.3)
        seam = uu - plank < 0.04
        shade = 0.35 if seam else 0.8 + 0.4 * sample_tile(tiles, 0, plank * 0.31, 0.5)
    elif pattern == 7:
        uu = u * scale
        vv = v * scale * math.exp(2 * materials[m, 13] - 1)
        column = math.floor(uu)
        row = math.floor(vv)
        seam = 0.01 + 0.05 * materials[m, 12] ** 2
        w = 1.0 if (uu - column < seam or vv - row < seam) else 0.3 * contrast * n
        shade = 0.95 + 0.1 * sample_tile(tiles, 0, column * 0.37 + 0.11, row * 0.53)
    s = shade * (1 + 0.35 * contrast * (grain - 0.5))
    return (
        (materials[m, 1] * (1 - w) + materials[m, 4] * w) * s,
        (materials[m, 2] * (1 - w) + materials[m, 5] * w) * s,
        (materials[m, 3] * (1 - w) + materials[m, 6] * w) * s,
    )
