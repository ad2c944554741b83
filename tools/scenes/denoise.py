"""Takes the grain of sampling out of a rendered picture and leaves edges and textures alone.

A non-local means filter (Buades et al. 2005) guided by what is known without noise (Rousselle et al. 2013):
reflectance, shading normal and distance of the surface seen in each pixel. Two pixels are averaged only where
these agree, so that textures, bumps and outlines stay; where they agree, like surroundings in the picture
decide, so that shadows and reflections stay.
"""

import math

import cv2
import numpy as np
from numba import njit, prange

from .gallery import camera_ray
from .gather import FAR, look_up_surface, trace

#: Exponent of the encoding in which colors are compared.
ENCODING = 1 / 2.4
#: Half sides of the window searched and of the patches compared, in pixels.
WINDOW, PATCH = 5, 2
#: Differences that halve the weight, roughly: of reflectance (encoded), of normals, of distance (relative).
REFLECTANCE, NORMAL, DISTANCE = 0.02, 0.06, 0.02


@njit(cache=True, fastmath=True, parallel=True)
def feature_rows(s, camera, side, features):
    """Fills `features` f32 [h, w, 7]: encoded reflectance rgb, shading normal xyz, log distance; sky = 0.

    Each is the mean of `side` x `side` subsamples, so that outlines have features of their own.
    """
    height, width, _ = features.shape
    for j in prange(height):
        for i in range(width):
            for k in range(side * side):
                px = i + (k % side + 0.5) / side
                py = j + (k // side + 0.5) / side
                dx, dy, dz = camera_ray(camera, width, height, px, py)
                t, hit, nx, ny, nz = trace(s, camera[0], camera[1], camera[2], dx, dy, dz, FAR, False)
                if hit == -1:
                    continue
                x = camera[0] + dx * t
                y = camera[1] + dy * t
                z = camera[2] + dz * t
                _, r, g, b, nx, ny, nz = look_up_surface(s, hit, x, y, z, t, nx, ny, nz)
                features[j, i, 0] += max(r, 0.0) ** ENCODING
                features[j, i, 1] += max(g, 0.0) ** ENCODING
                features[j, i, 2] += max(b, 0.0) ** ENCODING
                features[j, i, 3] += nx
                features[j, i, 4] += ny
                features[j, i, 5] += nz
                features[j, i, 6] += math.log(1 + t)
            features[j, i] /= side * side


def _pass(light, guide, scaled, strength):
    """One pass: means of `light` f32 [h, w, 3], weighted by likeness of `guide` and of `scaled` features.

    `strength` (f32 [h, w] or a number) is the mean square difference of patches that divides a weight by e.
    """
    height, width, _ = light.shape
    total = np.ones((height, width), np.float32)
    out = light.copy()
    for dy in range(WINDOW + 1):
        for dx in range(-WINDOW if dy else 1, WINDOW + 1):
            one = slice(0, height - dy), slice(max(-dx, 0), width - max(dx, 0))
            two = slice(dy, height), slice(max(dx, 0), width + min(dx, 0))
            off = cv2.transform((scaled[one] - scaled[two]) ** 2, np.ones((1, scaled.shape[2]), np.float32))
            near = cv2.transform((guide[one] - guide[two]) ** 2, np.full((1, 3), 1 / 3, np.float32))
            near = cv2.blur(near, (2 * PATCH + 1, 2 * PATCH + 1))
            limit = strength if np.isscalar(strength) else np.maximum(strength[one], strength[two])
            weight = cv2.exp(-off - near / limit)
            total[one] += weight
            total[two] += weight
            out[one] += weight[..., None] * light[two]
            out[two] += weight[..., None] * light[one]
    return out / total[..., None]


def _encoded(light):
    return np.maximum(light, 0) ** np.float32(ENCODING)


def denoised(light, arrays, camera, first=0.03, gain=1.0):
    """`light` f32 [h, w, 3], about 1 at white, without its grain; `arrays` and `camera` rendered it.

    The first pass expects grain of deviation `first` (encoded) everywhere; what it removed tells how much
    grain there is where, and the second pass expects `gain` times that.
    """
    return filtered(np.ascontiguousarray(light, np.float32), features_of(arrays, camera, light), first, gain)


def features_of(arrays, camera, light):
    """The features of every pixel of `light`, see `feature_rows`."""
    features = np.zeros((*light.shape[:2], 7), np.float32)
    feature_rows(arrays, camera.packed(light.shape[1], light.shape[0]), 2, features)
    return features


def filtered(light, features, first, gain):
    """`denoised`, with the features given."""
    scale = np.array([REFLECTANCE] * 3 + [NORMAL] * 3 + [DISTANCE], np.float32)
    scaled = features / scale
    encoded = _encoded(light)
    guide = _encoded(_pass(light, encoded, scaled, 2 * first**2))
    grain = cv2.blur(((encoded - guide) ** 2).mean(2), (9, 9))
    return _pass(light, guide, scaled, gain * np.clip(grain, 1e-6, first**2))
