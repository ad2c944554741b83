"""Band-limited noise tiles, the only texture source of the scenes.

A *tile* is a square, wrap-around array of values in [0, 1] whose spectrum falls as 1/f^beta. All
surface patterns, clouds and height maps are built by sampling a few such tiles; nothing is
photographed. Tiles are made from a seeded generator, so a seed fixes every texture.
"""

import math

import numpy as np
from numba import njit

#: Side of a tile in samples; a power of two, so that wrapping is a bit mask.
TILE_SIZE = 512
#: Number of tiles in a set.
TILE_COUNT = 10

#: Spectral exponent of each tile: 0.6 is close to white noise, 1.8 is smooth and cloud-like.
SPECTRAL_EXPONENTS = (0.6, 0.9, 1.2, 1.5, 1.8, 1.0, 1.4, 1.2, 0.8, 1.6)
#: Stretch of each tile along v; 5, 6 and 9 are wood grain.
STRETCHES = (1, 1, 1, 1, 1, 6, 10, 1, 1, 3)
#: Tile whose noise is folded into ridges, and tile that holds a cell (Worley) pattern.
RIDGED_TILE, CELL_TILE = 7, 8


def spectral_noise(rng, size, exponent, stretch):
    """Gaussian noise of `size` x `size` with a 1/f^exponent spectrum (not normalized)."""
    fy = np.fft.fftfreq(size)[:, None] * stretch
    fx = np.fft.rfftfreq(size)[None]
    frequency = np.sqrt(fy**2 + fx**2)
    frequency[0, 0] = 1e9
    shape = frequency.shape
    spectrum = (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) / frequency**exponent
    return np.fft.irfft2(spectrum, s=(size, size))


def _standardized(values):
    return (values - values.mean()) / values.std()


def _cell_noise(rng, size):
    """Distance to the second nearest minus the nearest of 220 wrap-around points (Worley 1996)."""
    points = rng.random((220, 2)) * size
    yy, xx = np.mgrid[0:size, 0:size]
    nearest = np.full((size, size), 1e9)
    second = nearest.copy()
    for x, y in points:
        dx = np.abs(xx - x)
        dy = np.abs(yy - y)
        squared = np.minimum(dx, size - dx) ** 2 + np.minimum(dy, size - dy) ** 2
        closer = squared < nearest
        second = np.where(closer, nearest, np.minimum(second, squared))
        nearest = np.where(closer, squared, nearest)
    return np.sqrt(second) - np.sqrt(nearest)


def make_tiles(rng):
    """A set of tiles: float32 [TILE_COUNT, TILE_SIZE, TILE_SIZE], values in [0, 1]."""
    tiles = np.zeros((TILE_COUNT, TILE_SIZE, TILE_SIZE), np.float32)
    for index, (exponent, stretch) in enumerate(zip(SPECTRAL_EXPONENTS, STRETCHES)):
        noise = _standardized(spectral_noise(rng, TILE_SIZE, exponent, stretch))
        if index == RIDGED_TILE:
            noise = 0.8 - np.abs(noise)
        if index == CELL_TILE:
            noise = _standardized(_cell_noise(rng, TILE_SIZE))
        tiles[index] = np.clip(0.5 + 0.22 * noise, 0, 1)
    return tiles


def make_height_map(rng):
    """A wrap-around height map: float32 [1, TILE_SIZE, TILE_SIZE], stretched to exactly [0, 1]."""
    exponent = rng.uniform(1.7, 2.4)
    heights = spectral_noise(rng, TILE_SIZE, exponent, 1)
    heights = (heights - heights.min()) / (heights.max() - heights.min())
    return heights[None].astype(np.float32)


@njit(cache=True, fastmath=True, inline="always")
def sample_tile(tiles, tile, u, v):
    """Bilinear, wrap-around sample of one tile; u and v are in tile widths."""
    u = u * TILE_SIZE
    v = v * TILE_SIZE
    fu = math.floor(u)
    fv = math.floor(v)
    a = u - fu
    b = v - fv
    mask = TILE_SIZE - 1
    i = int(fu) & mask
    j = int(fv) & mask
    i2 = (i + 1) & mask
    j2 = (j + 1) & mask
    top = tiles[tile, j, i] * (1 - a) + tiles[tile, j, i2] * a
    bottom = tiles[tile, j2, i] * (1 - a) + tiles[tile, j2, i2] * a
    return top * (1 - b) + bottom * b


@njit(cache=True, fastmath=True)
def sample_octaves(tiles, tile, u, v, octaves):
    """Sum of `octaves` samples at doubling frequency and halving weight, in [0, 1]."""
    total = 0.0
    weight = 0.5
    norm = 0.0
    for k in range(octaves):
        total += weight * sample_tile(tiles, tile, u + 0.37 * k, v + 0.11 * k)
        norm += weight
        weight *= 0.5
        u *= 2.03
        v *= 2.03
    return total / norm
