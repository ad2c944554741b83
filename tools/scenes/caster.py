"""The quick renderer behind the training data: one ray per pixel, local light, exact disparity.

Lighting: hemisphere ambient, a hard sun and two point lights with shadow rays, exponential fog. It
favors variety per second over beauty; the composed scenes use `gallery` instead.
"""

import math

from numba import njit

from .materials import surface_color
from .noise import sample_tile
from .primitives import ROOM, hit_placed, surface_uv

FAR = 1e4


@njit(cache=True, fastmath=True)
def trace(places, kinds, radii, ox, oy, oz, dx, dy, dz, tmin, tmax, any_hit):
    """Nearest primitive along a ray: (distance, index or -1, normal).

    `places` f64 [n, 15] = rotation rows, center, half size; `kinds` i64 [n]; `radii` f64 [n].
    """
    best = tmax
    index = -1
    bx = 0.0
    by = 0.0
    bz = 0.0
    for i in range(kinds.shape[0]):
        if kinds[i] != ROOM:
            cx = places[i, 9] - ox
            cy = places[i, 10] - oy
            cz = places[i, 11] - oz
            b = cx * dx + cy * dy + cz * dz
            r = radii[i]
            if b < -r or b - r > best or cx * cx + cy * cy + cz * cz - b * b > r * r:
                continue
        t, nx, ny, nz = hit_placed(places[i], kinds[i], ox, oy, oz, dx, dy, dz, tmin, best)
        if t > 0:
            best = t
            index = i
            if any_hit:
                return best, index, 0.0, 0.0, 0.0
            bx = nx
            by = ny
            bz = nz
    return best, index, bx, by, bz


@njit(cache=True, fastmath=True)
def height_at(heights, ground, x, z):
    """Height of the ground; `ground` = size of the map in meters, amplitude, base, on, reach."""
    return ground[2] + ground[1] * (sample_tile(heights, 0, x / ground[0], z / ground[0]) - 0.5)


@njit(cache=True, fastmath=True)
def trace_ground(heights, ground, ox, oy, oz, dx, dy, dz, tmax):
    """First hit with the ground (a plane, or a height map by marching): (t or -1, normal)."""
    if ground[1] == 0.0:
        if dy < -1e-6:
            t = (ground[2] - oy) / dy
            if t > 1e-3 and t < tmax:
                return t, 0.0, 1.0, 0.0
        return -1.0, 0.0, 0.0, 0.0
    t = 0.2
    previous = 0.0
    for _ in range(160):
        if t > tmax or t > ground[4]:
            break
        y = oy + dy * t
        if dy > 0 and y > ground[2] + ground[1] * 0.6:
            break
        h = height_at(heights, ground, ox + dx * t, oz + dz * t)
        if y < h:
            low = previous
            high = t
            for _ in range(6):
                middle = 0.5 * (low + high)
                if oy + dy * middle < height_at(heights, ground, ox + dx * middle, oz + dz * middle):
                    high = middle
                else:
                    low = middle
            x = ox + dx * high
            z = oz + dz * high
            e = 0.02 * high + 0.05
            gx = height_at(heights, ground, x + e, z) - height_at(heights, ground, x - e, z)
            gz = height_at(heights, ground, x, z + e) - height_at(heights, ground, x, z - e)
            gx /= 2 * e
            gz /= 2 * e
            inv = 1 / math.sqrt(gx * gx + gz * gz + 1)
            return high, -gx * inv, inv, -gz * inv
        previous = t
        t += min(max(0.15, 0.4 * (y - h)), 0.06 * t + 0.4)
    return -1.0, 0.0, 0.0, 0.0


@njit(cache=True, fastmath=True)
def sky_color(tiles, light, sky, dx, dy, dz):
    """Sky along a direction; `sky` = zenith, horizon, cloud colors, falloff, clouds, tile, scale, threshold."""
    mix = math.exp(-max(0.0, dy) * sky[9])
    r = sky[0] * (1 - mix) + sky[3] * mix
    g = sky[1] * (1 - mix) + sky[4] * mix
    b = sky[2] * (1 - mix) + sky[5] * mix
    if dy > 0.01 and sky[10] > 0:
        u = dx / (dy + 0.15) * 0.12 * sky[12] + 0.3
        c = sample_tile(tiles, int(sky[11]), u, dz / (dy + 0.15) * 0.12 * sky[12])
        c = min(1.0, max(0.0, (c - sky[13]) * 4)) * sky[10] * min(1.0, dy * 6)
        r = r * (1 - c) + sky[6] * c
        g = g * (1 - c) + sky[7] * c
        b = b * (1 - c) + sky[8] * c
    toward = dx * light[0] + dy * light[1] + dz * light[2]
    if toward > 0:
        s = 0.6 * toward**60
        r += s * light[3]
        g += s * light[4]
        b += s * light[5]
    return r, g, b


@njit(cache=True, fastmath=True)
def sun_at(places, kinds, radii, light, x, y, z, t, nx, ny, nz, dx, dy, dz, specular):
    """Sun on a point: (cosine or 0 in shadow, highlight)."""
    cosine = nx * light[0] + ny * light[1] + nz * light[2]
    if cosine <= 0 or light[3] + light[4] + light[5] <= 0:
        return 0.0, 0.0
    e = 1e-3 * (1 + t)
    _, hit, _, _, _ = trace(
        places, kinds, radii, x + nx * e, y + ny * e, z + nz * e,
        light[0], light[1], light[2], 1e-3, 60.0, True,
    )  # fmt: skip
    if hit >= 0:
        return 0.0, 0.0
    if specular <= 0:
        return cosine, 0.0
    hx = light[0] - dx
    hy = light[1] - dy
    hz = light[2] - dz
    length = math.sqrt(hx * hx + hy * hy + hz * hz) + 1e-9
    return cosine, max(0.0, (nx * hx + ny * hy + nz * hz) / length) ** 40 * specular


@njit(cache=True, fastmath=True)
def point_light_at(places, kinds, radii, light, o, x, y, z, t, nx, ny, nz):
    """Factor on the color of the point light stored at `light[o:]` for a surface point."""
    vx = light[o] - x
    vy = light[o + 1] - y
    vz = light[o + 2] - z
    d = math.sqrt(vx * vx + vy * vy + vz * vz) + 1e-9
    vx /= d
    vy /= d
    vz /= d
    cosine = nx * vx + ny * vy + nz * vz
    if cosine <= 0:
        return 0.0
    e = 2e-3 * (1 + t)
    _, hit, _, _, _ = trace(
        places, kinds, radii, x + nx * e, y + ny * e, z + nz * e, vx, vy, vz, 1e-3, d * 0.97, True
    )
    factor = cosine * 4 / (1 + d * d)
    return factor * 0.12 if hit >= 0 else factor


@njit(cache=True, fastmath=True)
def render(
    width, height, camera, places, kinds, radii, faces, materials, tiles, heights, ground,
    ground_material, light, sky, color, disparity,
):  # fmt: skip
    """Fills `color` f32 [h, w, 3] (linear) and `disparity` f32 [h, w] (1 / meters, 0 = sky).

    `camera` f64 [14]: position, right, up, forward, tangents. `light` f64 [30]: sun direction and
    color, ambient from above and below, fog density and color (12..16), two point lights (18, 24)
    of position and color. `ground_material` and the one after it: flat and steep ground.
    """
    px = camera[0]
    py = camera[1]
    pz = camera[2]
    for j in range(height):
        for i in range(width):
            sx = ((i + 0.5) / width * 2 - 1) * camera[12]
            sy = (1 - (j + 0.5) / height * 2) * camera[13]
            dx = camera[3] * sx + camera[6] * sy + camera[9]
            dy = camera[4] * sx + camera[7] * sy + camera[10]
            dz = camera[5] * sx + camera[8] * sy + camera[11]
            length = math.sqrt(dx * dx + dy * dy + dz * dz)
            dx /= length
            dy /= length
            dz /= length
            t, index, nx, ny, nz = trace(places, kinds, radii, px, py, pz, dx, dy, dz, 1e-3, FAR, False)
            on_ground = False
            if ground[3] > 0:
                q, gx, gy, gz = trace_ground(heights, ground, px, py, pz, dx, dy, dz, t)
                if q > 0:
                    t = q
                    on_ground = True
                    nx = gx
                    ny = gy
                    nz = gz
            if index == -1 and not on_ground:
                r, g, b = sky_color(tiles, light, sky, dx, dy, dz)
                color[j, i, 0] = r
                color[j, i, 1] = g
                color[j, i, 2] = b
                disparity[j, i] = 0.0
                continue
            x = px + dx * t
            y = py + dy * t
            z = pz + dz * t
            if nx * dx + ny * dy + nz * dz > 0:
                nx = -nx
                ny = -ny
                nz = -nz
            if on_ground:
                m = ground_material
                u = x
                v = z
                if ground[1] > 0 and ny < 0.8:
                    m = ground_material + 1
            else:
                m, u, v = surface_uv(places[index], kinds[index], faces[index], x, y, z, nx, ny, nz)
            r, g, b = surface_color(tiles, materials, m, u, v)
            up = 0.5 + 0.5 * ny
            occlusion = 1.0
            if not on_ground and ground[3] > 0:
                base = ground[2] if ground[1] == 0 else height_at(heights, ground, x, z)
                occlusion = 0.55 + 0.45 * min(1.0, max(0.0, y - base) / 0.5)
            lr = occlusion * (light[9] * (1 - up) + light[6] * up)
            lg = occlusion * (light[10] * (1 - up) + light[7] * up)
            lb = occlusion * (light[11] * (1 - up) + light[8] * up)
            f, s = sun_at(places, kinds, radii, light, x, y, z, t, nx, ny, nz, dx, dy, dz, materials[m, 10])
            lr += f * light[3]
            lg += f * light[4]
            lb += f * light[5]
            r += s
            g += s
            b += s
            for k in range(2):
                o = 18 + 6 * k
                if light[o + 3] + light[o + 4] + light[o + 5] > 0:
                    f = point_light_at(places, kinds, radii, light, o, x, y, z, t, nx, ny, nz)
                    lr += f * light[o + 3]
                    lg += f * light[o + 4]
                    lb += f * light[o + 5]
            glow = materials[m, 11]
            clear = math.exp(-t * light[12])
            color[j, i, 0] = r * (lr + glow) * clear + light[13] * (1 - clear)
            color[j, i, 1] = g * (lg + glow) * clear + light[14] * (1 - clear)
            color[j, i, 2] = b * (lb + glow) * clear + light[15] * (1 - clear)
            axial = t * (dx * camera[9] + dy * camera[10] + dz * camera[11])
            disparity[j, i] = 1.0 / max(axial, 1e-3)
