"""The renderer of the composed scenes: clean edges, soft shadows, bounced light, exact depth.

1. `gather_grid`: at half resolution, light bounced from the surroundings, at pixel centers.
2. `smooth_grid`: an edge-stopping a-trous filter (Dammertz et al. 2010) takes the noise out.
3. `render_rows`: many subsamples per pixel: direct light, the grid's light where it belongs to
   the same surface (else gathered on the spot), one reflection, air.
"""

import math

import numpy as np
from numba import njit, prange

from .gather import (
    FAR,
    TERRAIN,
    air_between,
    direct_light,
    gathered_light,
    lift_off,
    look_up_surface,
    radiance_along,
    sky_radiance,
    sun_light,
    trace,
    uniform,
)

#: From this reflectance on, a material is a metal: its reflection takes its color.
METAL = 0.3


@njit(cache=True, fastmath=True, inline="always")
def camera_ray(camera, width, height, px, py):
    """Unit direction through the point (px, py) in pixels."""
    sx = (px / width * 2 - 1) * camera[12]
    sy = (1 - py / height * 2) * camera[13]
    dx = camera[3] * sx + camera[6] * sy + camera[9]
    dy = camera[4] * sx + camera[7] * sy + camera[10]
    dz = camera[5] * sx + camera[8] * sy + camera[11]
    inv = 1 / math.sqrt(dx * dx + dy * dy + dz * dz)
    return dx * inv, dy * inv, dz * inv


@njit(cache=True, fastmath=True, parallel=True)
def gather_grid(s, camera, width, height, rays, grid):
    """Fills `grid` f32 [h, w, 10]: light rgb, normal xyz, position xyz, distance (0 = sky)."""
    for j in prange(height):
        state = np.empty(1, np.uint64)
        state[0] = np.uint64(88172645463325252) + np.uint64(j) * np.uint64(7919 * 104729)
        for _ in range(8):
            uniform(state)
        for i in range(width):
            dx, dy, dz = camera_ray(camera, width, height, i + 0.5, j + 0.5)
            t, hit, nx, ny, nz = trace(s, camera[0], camera[1], camera[2], dx, dy, dz, FAR, False)
            if hit == -1:
                continue
            x = camera[0] + dx * t
            y = camera[1] + dy * t
            z = camera[2] + dz * t
            e = lift_off(hit, t)
            r, g, b = gathered_light(s, state, x + e * nx, y + e * ny, z + e * nz, nx, ny, nz, rays)
            grid[j, i] = np.array([r, g, b, nx, ny, nz, x, y, z, t], np.float32)


@njit(cache=True, fastmath=True, inline="always")
def same_surface(cell, x, y, z, nx, ny, nz, t):
    """Weight in [0, 1] of a grid cell for a surface point: like normal, same plane."""
    if cell[9] <= 0:
        return 0.0
    cosine = cell[3] * nx + cell[4] * ny + cell[5] * nz
    if cosine <= 0.3:
        return 0.0
    off = abs((x - cell[6]) * nx + (y - cell[7]) * ny + (z - cell[8]) * nz) / (0.006 * t + 0.004)
    far = (abs(x - cell[6]) + abs(y - cell[7]) + abs(z - cell[8])) / (0.12 * t + 0.02)
    return cosine**8 * math.exp(-off * off - far * far)


@njit(cache=True, fastmath=True, parallel=True)
def smooth_pass(grid, step, out):
    """One a-trous pass (5x5 B3 spline, holes of `step` cells) over the light of the grid."""
    height, width, _ = grid.shape
    weights = np.array([0.0625, 0.25, 0.375, 0.25, 0.0625])
    for j in prange(height):
        for i in range(width):
            cell = grid[j, i]
            if cell[9] <= 0:
                continue
            total = 1e-9
            r = 0.0
            g = 0.0
            b = 0.0
            for dj in range(-2, 3):
                y = j + dj * step
                if y < 0 or y >= height:
                    continue
                for di in range(-2, 3):
                    x = i + di * step
                    if x < 0 or x >= width:
                        continue
                    w = weights[dj + 2] * weights[di + 2]
                    w *= same_surface(
                        grid[y, x], cell[6], cell[7], cell[8], cell[3], cell[4], cell[5], cell[9]
                    )
                    total += w
                    r += w * grid[y, x, 0]
                    g += w * grid[y, x, 1]
                    b += w * grid[y, x, 2]
            out[j, i, 0] = r / total
            out[j, i, 1] = g / total
            out[j, i, 2] = b / total


def smooth_grid(grid, passes=3):
    """The grid with its light smoothed over surfaces."""
    for k in range(passes):
        out = grid.copy()
        smooth_pass(grid, 2**k, out)
        grid = out
    return grid


@njit(cache=True, fastmath=True)
def grid_light(s, state, grid, gx, gy, x, y, z, nx, ny, nz, t, rays):
    """Bounced light at a surface point seen at grid position (gx, gy)."""
    height, width, _ = grid.shape
    i0 = int(math.floor(gx - 0.5))
    j0 = int(math.floor(gy - 0.5))
    total = 0.0
    r = 0.0
    g = 0.0
    b = 0.0
    for dj in range(-1, 3):
        j = min(max(j0 + dj, 0), height - 1)
        wj = max(0.0, 1.6 - abs(gy - 0.5 - (j0 + dj)))
        for di in range(-1, 3):
            i = min(max(i0 + di, 0), width - 1)
            w = wj * max(0.0, 1.6 - abs(gx - 0.5 - (i0 + di)))
            w *= same_surface(grid[j, i], x, y, z, nx, ny, nz, t)
            total += w
            r += w * grid[j, i, 0]
            g += w * grid[j, i, 1]
            b += w * grid[j, i, 2]
    if total > 0.05:
        return r / total, g / total, b / total
    return gathered_light(s, state, x, y, z, nx, ny, nz, rays)


@njit(cache=True, fastmath=True)
def reflected(s, state, m, x, y, z, dx, dy, dz, nx, ny, nz, sunlit):
    """Fresnel factor and the light it reflects: (factor, r, g, b)."""
    cosine = max(0.0, -(nx * dx + ny * dy + nz * dz))
    f0 = s.materials[m, 16]
    rough = s.materials[m, 17]
    fresnel = f0 + (1 - f0) * (1 - cosine) ** 5 / (1 + 3 * rough)
    k = 2 * cosine
    rx = dx + k * nx + rough * 2 * (uniform(state) + uniform(state) - 1)
    ry = dy + k * ny + rough * 2 * (uniform(state) + uniform(state) - 1)
    rz = dz + k * nz + rough * 2 * (uniform(state) + uniform(state) - 1)
    inv = 1 / math.sqrt(rx * rx + ry * ry + rz * rz)
    rx *= inv
    ry *= inv
    rz *= inv
    if rx * nx + ry * ny + rz * nz <= 0:
        return fresnel, 0.0, 0.0, 0.0
    r, g, b = radiance_along(s, state, x, y, z, rx, ry, rz, True)
    if sunlit > 0:
        hx = s.sun[0] - dx
        hy = s.sun[1] - dy
        hz = s.sun[2] - dz
        inv = 1 / math.sqrt(hx * hx + hy * hy + hz * hz)
        power = 2 / (rough * rough + 0.002)
        lobe = max(0.0, (nx * hx + ny * hy + nz * hz) * inv) ** power
        lobe = min(12.0, lobe * (power + 8) / 8) * sunlit
        r += lobe * s.sun[3]
        g += lobe * s.sun[4]
        b += lobe * s.sun[5]
    return fresnel, min(r, 12.0), min(g, 12.0), min(b, 12.0)


@njit(cache=True, fastmath=True)
def subsample(s, state, camera, width, height, grid, px, py, a, b, spare_rays):
    """Color of one camera ray through (px, py); a, b in [0, 1) choose points on the lights."""
    dx, dy, dz = camera_ray(camera, width, height, px, py)
    t, hit, nx, ny, nz = trace(s, camera[0], camera[1], camera[2], dx, dy, dz, FAR, False)
    if hit == -1:
        r, g, bl = sky_radiance(s, dx, dy, dz, True)
        k = s.sky[11]
        return r * k, g * k, bl * k
    x = camera[0] + dx * t
    y = camera[1] + dy * t
    z = camera[2] + dz * t
    m, r, g, bl, sx, sy, sz = look_up_surface(s, hit, x, y, z, t, nx, ny, nz)
    e = lift_off(hit, t)
    ox = x + e * nx
    oy = y + e * ny
    oz = z + e * nz
    lr, lg, lb = direct_light(s, ox, oy, oz, sx, sy, sz, a, b)
    scale = grid.shape[1] / width
    gr, gg, gb = grid_light(s, state, grid, px * scale, py * scale, ox, oy, oz, nx, ny, nz, t, spare_rays)
    glow = s.materials[m, 11]
    tilt = 1.0 + 0.5 * (sx * nx + sy * ny + sz * nz - 1)
    r *= lr + gr * tilt + glow
    g *= lg + gg * tilt + glow
    bl *= lb + gb * tilt + glow
    if s.materials[m, 16] > 0 and hit != TERRAIN:
        lit = sun_light(s, ox, oy, oz, sx, sy, sz, a, b)
        f, mr, mg, mb = reflected(s, state, m, ox, oy, oz, dx, dy, dz, sx, sy, sz, lit)
        if s.materials[m, 16] >= METAL:
            top = max(s.materials[m, 1], max(s.materials[m, 2], s.materials[m, 3]))
            mr *= s.materials[m, 1] / top
            mg *= s.materials[m, 2] / top
            mb *= s.materials[m, 3] / top
        r = r * (1 - f) + f * mr
        g = g * (1 - f) + f * mg
        bl = bl * (1 - f) + f * mb
    return air_between(s, r, g, bl, camera[1], dx, dy, dz, t)


@njit(cache=True, fastmath=True, parallel=True)
def render_rows(s, camera, grid, side, spare_rays, limit, color):
    """Renders `color` f32 [h, w, 3] with `side` x `side` subsamples per pixel.

    A subsample is limited to `limit` before averaging, so that edges of bright things stay smooth.
    """
    height, width, _ = color.shape
    for j in prange(height):
        state = np.empty(1, np.uint64)
        state[0] = np.uint64(362436069362436069) + np.uint64(j) * np.uint64(6700417 * 257)
        for _ in range(8):
            uniform(state)
        for i in range(width):
            a = uniform(state)
            b = uniform(state)
            for k in range(side * side):
                px = i + (k % side + 0.15 + 0.7 * uniform(state)) / side
                py = j + (k // side + 0.15 + 0.7 * uniform(state)) / side
                a = (a + 0.7548776662466927) % 1.0
                b = (b + 0.5698402909980532) % 1.0
                cr, cg, cb = subsample(s, state, camera, width, height, grid, px, py, a, b, spare_rays)
                color[j, i, 0] += min(cr, limit)
                color[j, i, 1] += min(cg, limit)
                color[j, i, 2] += min(cb, limit)
            color[j, i] /= side * side


@njit(cache=True, fastmath=True, parallel=True)
def depth_rows(s, camera, depth):
    """Fills `depth` f32 [h, w]: meters along the optical axis at pixel centers, infinity = sky."""
    height, width = depth.shape
    for j in prange(height):
        for i in range(width):
            dx, dy, dz = camera_ray(camera, width, height, i + 0.5, j + 0.5)
            t, hit, _, _, _ = trace(s, camera[0], camera[1], camera[2], dx, dy, dz, FAR, False)
            axial = t * (dx * camera[9] + dy * camera[10] + dz * camera[11])
            depth[j, i] = np.inf if hit == -1 else axial


def render(arrays, camera, width, height, side=4, rays=48, spare_rays=4, limit=6.0):
    """Renders a packed scene: (scene-linear Rec.709 f32 [h, w, 3], depth in meters f32 [h, w]).

    Width and height are even. Depth is that of one ray per pixel, never blended.
    """
    packed = camera.packed(width, height)
    grid = np.zeros((height // 2, width // 2, 10), np.float32)
    gather_grid(arrays, packed, width // 2, height // 2, rays, grid)
    grid = smooth_grid(grid)
    color = np.zeros((height, width, 3), np.float32)
    render_rows(arrays, packed, grid, side, spare_rays, limit, color)
    depth = np.zeros((height, width), np.float32)
    depth_rows(arrays, packed, depth)
    return color, depth
