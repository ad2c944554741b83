"""Rays through a packed scene, and the light that comes back along one.

Light model: Lambert surfaces under a soft sun, window and ball lights and the sky, one sampled
bounce, a constant for further bounces, Fresnel reflections (Schlick's approximation, 1994),
exponential air. Scene arrays are those of `build.SceneArrays`; random numbers come from a
one-element uint64 array (xorshift64*, Vigna 2016), so a picture does not depend on threads.
"""

import math

import numpy as np
from numba import njit

from .materials import surface_color
from .noise import sample_octaves, sample_tile
from .primitives import hit_placed, surface_uv

FAR = 2e4
TERRAIN = -2


@njit(cache=True, fastmath=True, inline="always")
def uniform(state):
    """Next number in [0, 1)."""
    x = state[0]
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    state[0] = x
    return float((x * np.uint64(2685821657736338717)) >> np.uint64(11)) / 9007199254740992.0


@njit(cache=True, fastmath=True)
def height_at(s, x, z):
    """Height of the terrain in meters (bilinear, clamped at the border)."""
    rows, columns = s.heights.shape
    u = min(max(x / s.terrain[0] + columns * 0.5, 0.0), columns - 1.001)
    v = min(max(z / s.terrain[0] + rows * 0.5, 0.0), rows - 1.001)
    i = int(u)
    j = int(v)
    a = u - i
    b = v - j
    h = s.heights
    return (h[j, i] * (1 - a) + h[j, i + 1] * a) * (1 - b) + (h[j + 1, i] * (1 - a) + h[j + 1, i + 1] * a) * b


@njit(cache=True, fastmath=True)
def trace_terrain(s, ox, oy, oz, dx, dy, dz, tmax):
    """Distance to the terrain or -1: steps that shrink near the ground, then bisection."""
    t = 0.05
    previous = 0.0
    top = s.terrain[3]
    if oy > top:
        if dy >= 0:
            return -1.0
        t = (top - oy) / dy
        previous = t
    reach = min(tmax, s.terrain[7])
    for _ in range(400):
        if t > reach:
            return -1.0
        y = oy + dy * t
        if dy > 0 and y > top:
            return -1.0
        h = height_at(s, ox + dx * t, oz + dz * t)
        if y < h:
            low = previous
            high = t
            for _ in range(10):
                middle = 0.5 * (low + high)
                if oy + dy * middle < height_at(s, ox + dx * middle, oz + dz * middle):
                    high = middle
                else:
                    low = middle
            return high
        previous = t
        t += max(0.1, min(0.6 * (y - h), 0.07 * t + 0.8), 0.003 * t)
    return -1.0


@njit(cache=True, fastmath=True)
def is_hole(s, index, x, y, z):
    """Whether a hit on a cutout surface (leaves) falls into one of its holes."""
    f = s.cutouts[index, 1]
    n = sample_tile(s.tiles, 2, (x + 0.71 * y) * f, (z - 0.63 * y) * f)
    n += 0.6 * (sample_tile(s.tiles, 0, (x - 0.4 * y) * f * 1.7, (z + 0.8 * y) * f * 1.7) - 0.5)
    return n < s.cutouts[index, 0]


@njit(cache=True, fastmath=True, inline="always")
def misses(sphere, ox, oy, oz, dx, dy, dz, best):
    """Whether a ray cannot meet a bounding sphere (center, radius) before `best`."""
    cx = sphere[0] - ox
    cy = sphere[1] - oy
    cz = sphere[2] - oz
    r = sphere[3]
    b = cx * dx + cy * dy + cz * dz
    return b < -r or b - r > best or cx * cx + cy * cy + cz * cz - b * b > r * r


@njit(cache=True, fastmath=True)
def hit_solid(s, i, ox, oy, oz, dx, dy, dz, best):
    """Hit of one primitive before `best`, holes of cutouts excluded: (t or -1, normal)."""
    cx = s.places[i, 9] - ox
    cy = s.places[i, 10] - oy
    cz = s.places[i, 11] - oz
    b = cx * dx + cy * dy + cz * dz
    r = s.radii[i]
    if b < -r or b - r > best or cx * cx + cy * cy + cz * cz - b * b > r * r:
        return -1.0, 0.0, 0.0, 0.0
    t, nx, ny, nz = hit_placed(s.places[i], s.kinds[i], ox, oy, oz, dx, dy, dz, 1e-4, best)
    if t > 0 and s.cutouts[i, 0] > 0 and is_hole(s, i, ox + dx * t, oy + dy * t, oz + dz * t):
        return -1.0, 0.0, 0.0, 0.0
    return t, nx, ny, nz


@njit(cache=True, fastmath=True)
def trace(s, ox, oy, oz, dx, dy, dz, tmax, any_hit):
    """Nearest hit: (distance, primitive index, normal); index -1 = none, TERRAIN = height field."""
    best = tmax
    index = -1
    nx = 0.0
    ny = 0.0
    nz = 0.0
    for c in range(s.clusters.shape[0]):
        if misses(s.clusters[c], ox, oy, oz, dx, dy, dz, best):
            continue
        for g in range(s.cluster_ranges[c, 0], s.cluster_ranges[c, 1]):
            if misses(s.groups[g], ox, oy, oz, dx, dy, dz, best):
                continue
            for i in range(s.ranges[g, 0], s.ranges[g, 1]):
                t, hx, hy, hz = hit_solid(s, i, ox, oy, oz, dx, dy, dz, best)
                if t <= 0:
                    continue
                best = t
                index = i
                nx = hx
                ny = hy
                nz = hz
                if any_hit:
                    return best, index, nx, ny, nz
    if s.terrain[1] > 0:
        t = trace_terrain(s, ox, oy, oz, dx, dy, dz, best)
        if t > 0:
            x = ox + dx * t
            z = oz + dz * t
            e = 0.003 * t + s.terrain[0]
            gx = (height_at(s, x + e, z) - height_at(s, x - e, z)) / (2 * e)
            gz = (height_at(s, x, z + e) - height_at(s, x, z - e)) / (2 * e)
            inv = 1 / math.sqrt(gx * gx + gz * gz + 1)
            return t, TERRAIN, -gx * inv, inv, -gz * inv
    if nx * dx + ny * dy + nz * dz > 0:
        nx = -nx
        ny = -ny
        nz = -nz
    return best, index, nx, ny, nz


@njit(cache=True, fastmath=True)
def sky_radiance(s, dx, dy, dz, disk):
    """Sky color along a direction; `disk` adds the glow around the sun."""
    up = max(0.0, dy)
    mix = math.exp(-up * s.sky[6])
    r = s.sky[0] * (1 - mix) + s.sky[3] * mix
    g = s.sky[1] * (1 - mix) + s.sky[4] * mix
    b = s.sky[2] * (1 - mix) + s.sky[5] * mix
    toward = dx * s.sun[0] + dy * s.sun[1] + dz * s.sun[2]
    if dy > 0.004 and s.sky[7] > 0:
        scale = 0.06 * s.sky[9] / (dy + 0.09)
        u = dx * scale + 0.3
        v = dz * scale + 0.1
        c = sample_octaves(s.tiles, 4, u, v, 5)
        c = min(1.0, max(0.0, (c - s.sky[8]) * 5))
        if c > 0:
            lit = sample_octaves(s.tiles, 4, u + 0.02 * s.sun[0], v + 0.02 * s.sun[2], 4)
            thick = min(1.0, max(0.0, (lit - s.sky[8]) * 5))
            c *= s.sky[7] * min(1.0, dy * 12)
            k = 1.02 - 0.42 * thick * c
            warm = 0.16 * max(0.0, toward)
            bright = 0.55 * (s.sky[3] + s.sky[4] + s.sky[5]) / 3 + 0.42
            r = r * (1 - c) + c * k * bright * (1 + warm)
            g = g * (1 - c) + c * k * bright * (0.97 + 0.4 * warm)
            b = b * (1 - c) + c * (k * 0.93 + 0.05) * bright
    if disk and toward > 0:
        glow = s.sky[15] * (0.5 * toward**12 * 0.35 + toward**220)
        r += glow * s.sun[3]
        g += glow * s.sun[4]
        b += glow * s.sun[5]
    return r, g, b


@njit(cache=True, fastmath=True)
def terrain_color(s, x, y, z, ny):
    """Albedo of the terrain: grass, a forest belt, rock on slopes, snow on heights, mixed softly."""
    m = int(s.terrain[6])
    r, g, b = surface_color(s.tiles, s.materials, m, x, z)
    wobble = sample_octaves(s.tiles, 3, x * 0.004, z * 0.004, 4) - 0.5
    belt = min(1.0, max(0.0, (y - 14) * 0.05)) * min(1.0, max(0.0, (380 + 300 * wobble - y) * 0.02))
    forest = belt * min(1.0, max(0.0, wobble * 9 + 0.75))
    if forest > 0:
        crowns = 0.45 + 1.1 * sample_octaves(s.tiles, 0, x * 0.011, (z + y) * 0.011, 3)
        r = r * (1 - forest) + s.materials[m + 3, 1] * crowns * forest
        g = g * (1 - forest) + s.materials[m + 3, 2] * crowns * forest
        b = b * (1 - forest) + s.materials[m + 3, 3] * crowns * forest
    rock = min(1.0, max(0.0, (s.terrain[4] - ny + 0.25 * wobble) * 9))
    if rock > 0:
        strata = sample_octaves(s.tiles, 2, (x + 0.6 * z) * 0.004, y * 0.012, 4)
        k = 0.5 + strata
        r = r * (1 - rock) + s.materials[m + 1, 1] * k * rock
        g = g * (1 - rock) + s.materials[m + 1, 2] * k * rock
        b = b * (1 - rock) + s.materials[m + 1, 3] * k * rock
    level = (y - s.terrain[5]) * 0.012 + 3.5 * wobble
    snow = min(1.0, max(0.0, level)) * min(1.0, max(0.0, (ny - 0.52) * 6))
    r = r * (1 - snow) + s.materials[m + 2, 1] * snow
    g = g * (1 - snow) + s.materials[m + 2, 2] * snow
    b = b * (1 - snow) + s.materials[m + 2, 3] * snow
    return r, g, b


@njit(cache=True, fastmath=True)
def bumped(s, m, u, v, t, nx, ny, nz):
    """Normal tilted by the gradient of the material's bump noise, faded with distance."""
    strength = s.materials[m, 14]
    f = s.materials[m, 15]
    e = 0.0012 + 0.0006 * t * f
    gu = 0.0
    gv = 0.0
    weight = 1.0
    for _ in range(3):
        fade = weight / (1.0 + 0.6 * t * f * 0.02)
        gu += fade * (sample_tile(s.tiles, 2, u * f + e, v * f) - sample_tile(s.tiles, 2, u * f - e, v * f))
        gv += fade * (sample_tile(s.tiles, 2, u * f, v * f + e) - sample_tile(s.tiles, 2, u * f, v * f - e))
        f *= 2.7
        weight *= 0.6
    gu *= strength / (2 * e)
    gv *= strength / (2 * e)
    # tangent frame (Duff et al. 2017), kept as x and z on upward faces
    if abs(ny) > 0.6:
        tx, ty, tz = 1.0, -nx / ny, 0.0
        bx, by, bz = 0.0, -nz / ny, 1.0
    else:
        tx, ty, tz = -nz, 0.0, nx
        bx, by, bz = 0.0, 1.0, 0.0
    nx -= gu * tx + gv * bx
    ny -= gu * ty + gv * by
    nz -= gu * tz + gv * bz
    inv = 1 / math.sqrt(nx * nx + ny * ny + nz * nz)
    return nx * inv, ny * inv, nz * inv


@njit(cache=True, fastmath=True)
def look_up_surface(s, index, x, y, z, t, nx, ny, nz):
    """Material, albedo and shading normal of a hit: (m, r, g, b, nx, ny, nz)."""
    if index == TERRAIN:
        m = int(s.terrain[6])
        if ny < s.terrain[4]:
            m += 1
        r, g, b = terrain_color(s, x, y, z, ny)
        if s.materials[m, 14] > 0:
            nx, ny, nz = bumped(s, m, x + 0.5 * y, z + 0.5 * y, t, nx, ny, nz)
        return m, r, g, b, nx, ny, nz
    m, u, v = surface_uv(s.places[index], s.kinds[index], s.faces[index], x, y, z, nx, ny, nz)
    r, g, b = surface_color(s.tiles, s.materials, m, u, v)
    if s.materials[m, 14] > 0:
        nx, ny, nz = bumped(s, m, u, v, t, nx, ny, nz)
    return m, r, g, b, nx, ny, nz


@njit(cache=True, fastmath=True, inline="always")
def lift_off(hit, t):
    """Distance to lift a hit off its surface; the height field is only found approximately."""
    return 0.02 + 0.0012 * t if hit == TERRAIN else 5e-4 + 1e-4 * t


@njit(cache=True, fastmath=True)
def sun_light(s, x, y, z, nx, ny, nz, a, b):
    """Cosine times visibility of the sun for one sample (a, b in [0, 1)) of its disk."""
    if s.sun[3] + s.sun[4] + s.sun[5] <= 0:
        return 0.0
    radius = s.sun[6] * math.sqrt(a)
    angle = 6.2831853 * b
    dx = s.sun[0] + radius * math.cos(angle)
    dy = s.sun[1] + radius * math.sin(angle)
    dz = s.sun[2] + radius * math.sin(angle + 2.0)
    inv = 1 / math.sqrt(dx * dx + dy * dy + dz * dz)
    cosine = (nx * dx + ny * dy + nz * dz) * inv
    if cosine <= 0:
        return 0.0
    _, hit, _, _, _ = trace(s, x, y, z, dx * inv, dy * inv, dz * inv, FAR, True)
    return cosine if hit == -1 else 0.0


@njit(cache=True, fastmath=True)
def lamp_light(s, k, x, y, z, nx, ny, nz, a, b):
    """Light of lamp `k` on a surface for one sample (a, b): factor on its color."""
    kind = s.lights[k, 0]
    px = s.lights[k, 1]
    py = s.lights[k, 2]
    pz = s.lights[k, 3]
    area = 1.0
    facing = 1.0
    if kind == 0:
        ux, uy, uz = s.lights[k, 4], s.lights[k, 5], s.lights[k, 6]
        vx, vy, vz = s.lights[k, 7], s.lights[k, 8], s.lights[k, 9]
        px += (2 * a - 1) * ux + (2 * b - 1) * vx
        py += (2 * a - 1) * uy + (2 * b - 1) * vy
        pz += (2 * a - 1) * uz + (2 * b - 1) * vz
        wx = uy * vz - uz * vy
        wy = uz * vx - ux * vz
        wz = ux * vy - uy * vx
        length = math.sqrt(wx * wx + wy * wy + wz * wz)
        area = 4 * length / math.pi
    else:
        radius = s.lights[k, 4]
        h = 2 * a - 1
        ring = math.sqrt(max(0.0, 1 - h * h)) * radius
        px += ring * math.cos(6.2831853 * b)
        pz += ring * math.sin(6.2831853 * b)
        py += h * radius
    dx = px - x
    dy = py - y
    dz = pz - z
    distance = math.sqrt(dx * dx + dy * dy + dz * dz) + 1e-6
    dx /= distance
    dy /= distance
    dz /= distance
    cosine = nx * dx + ny * dy + nz * dz
    if cosine <= 0:
        return 0.0
    if kind == 0:
        facing = -(wx * dx + wy * dy + wz * dz) / length
        if facing <= 0:
            return 0.0
    _, hit, _, _, _ = trace(s, x, y, z, dx, dy, dz, distance - 1e-3, True)
    if hit != -1:
        return 0.0
    return cosine * facing * area / max(distance * distance, 0.01)


@njit(cache=True, fastmath=True)
def air_between(s, r, g, b, oy, dx, dy, dz, t):
    """A color seen through `t` meters of air."""
    if s.air[0] + s.air[1] + s.air[2] <= 0:
        return r, g, b
    middle = oy + 0.5 * dy * min(t, 4000.0)
    thin = t * math.exp(-max(0.0, middle) / s.air[7])
    toward = max(0.0, dx * s.sun[0] + dy * s.sun[1] + dz * s.sun[2])
    warm = s.air[6] * (toward**6)
    fr = math.exp(-thin * s.air[0])
    fg = math.exp(-thin * s.air[1])
    fb = math.exp(-thin * s.air[2])
    return (
        r * fr + (s.air[3] + warm * s.sun[3]) * (1 - fr),
        g * fg + (s.air[4] + warm * s.sun[4]) * (1 - fg),
        b * fb + (s.air[5] + warm * s.sun[5]) * (1 - fb),
    )


@njit(cache=True, fastmath=True)
def direct_light(s, x, y, z, nx, ny, nz, a, b):
    """Direct light (r, g, b) per unit albedo from sun and lamps, one sample each."""
    f = sun_light(s, x, y, z, nx, ny, nz, a, b)
    r = f * s.sun[3]
    g = f * s.sun[4]
    bl = f * s.sun[5]
    for k in range(s.lights.shape[0]):
        a = (a + 0.7548776662) % 1.0
        b = (b + 0.5698402910) % 1.0
        f = lamp_light(s, k, x, y, z, nx, ny, nz, a, b)
        r += f * s.lights[k, 10]
        g += f * s.lights[k, 11]
        bl += f * s.lights[k, 12]
    return r, g, bl


@njit(cache=True, fastmath=True)
def radiance_along(s, state, ox, oy, oz, dx, dy, dz, mirror):
    """Light along a secondary ray: direct light at the hit plus the constant ambient.

    `mirror` rays see the sky as the camera does, gathering rays see it scaled by its fill.
    """
    t, hit, nx, ny, nz = trace(s, ox, oy, oz, dx, dy, dz, FAR, False)
    if hit == -1:
        r, g, b = sky_radiance(s, dx, dy, dz, mirror)
        k = s.sky[11] if mirror else s.sky[10]
        return r * k, g * k, b * k
    x = ox + dx * t
    y = oy + dy * t
    z = oz + dz * t
    m, r, g, b, _, _, _ = look_up_surface(s, hit, x, y, z, t, nx, ny, nz)
    e = lift_off(hit, t)
    lr, lg, lb = direct_light(
        s, x + e * nx, y + e * ny, z + e * nz, nx, ny, nz, uniform(state), uniform(state)
    )
    up = 0.7 + 0.3 * ny
    glow = s.materials[m, 11]
    r *= lr + s.sky[12] * up + glow
    g *= lg + s.sky[13] * up + glow
    b *= lb + s.sky[14] * up + glow
    if mirror:
        r, g, b = air_between(s, r, g, b, oy, dx, dy, dz, t)
    return r, g, b


@njit(cache=True, fastmath=True)
def gathered_light(s, state, x, y, z, nx, ny, nz, count):
    """Mean light over `count` cosine-distributed rays: bounced and sky light per unit albedo."""
    r = 0.0
    g = 0.0
    b = 0.0
    if abs(ny) < 0.9:
        tx, ty, tz = -nz, 0.0, nx
    else:
        tx, ty, tz = 0.0, nz, -ny
    inv = 1 / math.sqrt(tx * tx + ty * ty + tz * tz)
    tx *= inv
    ty *= inv
    tz *= inv
    bx = ny * tz - nz * ty
    by = nz * tx - nx * tz
    bz = nx * ty - ny * tx
    shift = uniform(state)
    for k in range(count):
        u = (k + uniform(state)) / count
        angle = 6.2831853 * ((shift + k * 0.61803398875) % 1.0)
        radius = math.sqrt(u)
        p = radius * math.cos(angle)
        q = radius * math.sin(angle)
        w = math.sqrt(max(0.0, 1 - u))
        dx = p * tx + q * bx + w * nx
        dy = p * ty + q * by + w * ny
        dz = p * tz + q * bz + w * nz
        lr, lg, lb = radiance_along(s, state, x, y, z, dx, dy, dz, False)
        r += min(lr, 4.0)
        g += min(lg, 4.0)
        b += min(lb, 4.0)
    return r / count, g / count, b / count
