"""Ray intersection with the primitives every scene is made of.

Each primitive is a unit shape in its own space (side 2 or radius 1, centered), placed by a
rotation, a center and half sizes in meters. Coordinates: x right, y up, z forward.
"""

import math

from numba import njit

# BOX, ELLipsoid, CYLinder with caps, CONE (apex up), ROOM (box seen from inside), BOWL (lower half of
# a sphere shell, open), TUBE (cylinder wall without caps, seen from both sides), SOFT (a box with round
# edges: the superellipsoid x^6 + y^6 + z^6 = 1).
BOX, ELL, CYL, CONE, ROOM, BOWL, TUBE, SOFT = range(8)


@njit(cache=True, fastmath=True)
def hit_box(inside, ox, oy, oz, dx, dy, dz, tmin, tmax):
    """Slab test; `inside` takes the exit instead of the entry. Returns (t or -1, normal)."""
    t0 = -1e30
    t1 = 1e30
    a0 = 0
    a1 = 0
    for k in range(3):
        o = ox if k == 0 else (oy if k == 1 else oz)
        d = dx if k == 0 else (dy if k == 1 else dz)
        if abs(d) < 1e-9:
            d = 1e-9
        inv = 1.0 / d
        ta = (-1 - o) * inv
        tb = (1 - o) * inv
        if ta > tb:
            ta, tb = tb, ta
        if ta > t0:
            t0 = ta
            a0 = k
        if tb < t1:
            t1 = tb
            a1 = k
    t = t1 if inside else t0
    axis = a1 if inside else a0
    if t0 > t1 or t <= tmin or t >= tmax:
        return -1.0, 0.0, 0.0, 0.0
    nx = 0.0
    ny = 0.0
    nz = 0.0
    if axis == 0:
        nx = -1.0 if dx > 0 else 1.0
    elif axis == 1:
        ny = -1.0 if dy > 0 else 1.0
    else:
        nz = -1.0 if dz > 0 else 1.0
    return t, nx, ny, nz


@njit(cache=True, fastmath=True)
def hit_sphere(ox, oy, oz, dx, dy, dz, tmin, tmax):
    """First intersection with the unit sphere from outside."""
    a = dx * dx + dy * dy + dz * dz
    b = ox * dx + oy * dy + oz * dz
    c = ox * ox + oy * oy + oz * oz - 1
    h = b * b - a * c
    if h > 0:
        q = (-b - math.sqrt(h)) / a
        if q > tmin and q < tmax:
            return q, ox + q * dx, oy + q * dy, oz + q * dz
    return -1.0, 0.0, 0.0, 0.0


@njit(cache=True, fastmath=True)
def hit_bowl(ox, oy, oz, dx, dy, dz, tmin, tmax):
    """First intersection with the lower half of the unit sphere shell, from either side."""
    a = dx * dx + dy * dy + dz * dz
    b = ox * dx + oy * dy + oz * dz
    c = ox * ox + oy * oy + oz * oz - 1
    h = b * b - a * c
    if h > 0:
        root = math.sqrt(h)
        for side in range(2):
            q = (-b - root) / a if side == 0 else (-b + root) / a
            if q > tmin and q < tmax and oy + q * dy <= 0:
                return q, ox + q * dx, oy + q * dy, oz + q * dz
    return -1.0, 0.0, 0.0, 0.0


@njit(cache=True, fastmath=True)
def hit_cylinder(ox, oy, oz, dx, dy, dz, tmin, tmax):
    """First intersection with the capped unit cylinder around y."""
    t = -1.0
    nx = 0.0
    ny = 0.0
    nz = 0.0
    a = dx * dx + dz * dz
    b = ox * dx + oz * dz
    c = ox * ox + oz * oz - 1
    best = tmax
    h = b * b - a * c
    if h > 0 and a > 1e-12:
        q = (-b - math.sqrt(h)) / a
        if q > tmin and q < best and abs(oy + q * dy) <= 1:
            best = q
            t = q
            nx = ox + q * dx
            nz = oz + q * dz
    if abs(dy) > 1e-9:
        s = 1.0 if dy < 0 else -1.0
        q = (s - oy) / dy
        x = ox + q * dx
        z = oz + q * dz
        if q > tmin and q < best and x * x + z * z <= 1:
            t = q
            nx = 0.0
            ny = s
            nz = 0.0
    return t, nx, ny, nz


@njit(cache=True, fastmath=True)
def hit_tube(ox, oy, oz, dx, dy, dz, tmin, tmax):
    """First intersection with the open unit cylinder wall around y, from either side."""
    a = dx * dx + dz * dz
    b = ox * dx + oz * dz
    c = ox * ox + oz * oz - 1
    h = b * b - a * c
    if h > 0 and a > 1e-12:
        root = math.sqrt(h)
        for side in range(2):
            q = (-b - root) / a if side == 0 else (-b + root) / a
            if q > tmin and q < tmax and abs(oy + q * dy) <= 1:
                return q, ox + q * dx, 0.0, oz + q * dz
    return -1.0, 0.0, 0.0, 0.0


@njit(cache=True, fastmath=True)
def hit_soft(ox, oy, oz, dx, dy, dz, tmin, tmax):
    """First intersection with x^6 + y^6 + z^6 = 1 from outside.

    The function is convex along a ray, so Newton steps from the entry into the unit box approach
    the first root from outside and never pass it.
    """
    t, _, _, _ = hit_box(False, ox, oy, oz, dx, dy, dz, -1e30, 1e30)
    if t == -1.0 or t > tmax:
        return -1.0, 0.0, 0.0, 0.0
    for _ in range(24):
        x = ox + t * dx
        y = oy + t * dy
        z = oz + t * dz
        x5 = x * x * x * x * x
        y5 = y * y * y * y * y
        z5 = z * z * z * z * z
        value = x * x5 + y * y5 + z * z5 - 1
        if value < 1e-5:
            if t > tmin and t < tmax:
                return t, x5, y5, z5
            return -1.0, 0.0, 0.0, 0.0
        slope = 6 * (x5 * dx + y5 * dy + z5 * dz)
        if slope >= -1e-12:
            return -1.0, 0.0, 0.0, 0.0
        t -= value / slope
        if t > tmax:
            return -1.0, 0.0, 0.0, 0.0
    return -1.0, 0.0, 0.0, 0.0


@njit(cache=True, fastmath=True)
def hit_cone(ox, oy, oz, dx, dy, dz, tmin, tmax):
    """First intersection with the cone of apex y = 1, base y = -1, base radius 1."""
    t = -1.0
    nx = 0.0
    ny = 0.0
    nz = 0.0
    e = 1 - oy
    a = dx * dx + dz * dz - 0.25 * dy * dy
    b = ox * dx + oz * dz + 0.25 * e * dy
    c = ox * ox + oz * oz - 0.25 * e * e
    best = tmax
    h = b * b - a * c
    if h > 0 and abs(a) > 1e-12:
        root = math.sqrt(h)
        for side in range(2):
            q = (-b - root) / a if side == 0 else (-b + root) / a
            y = oy + q * dy
            if q > tmin and q < best and y <= 1 and y >= -1:
                best = q
                t = q
                nx = ox + q * dx
                nz = oz + q * dz
                ny = 0.25 * (1 - y)
    if dy > 1e-9:
        q = (-1 - oy) / dy
        x = ox + q * dx
        z = oz + q * dz
        if q > tmin and q < best and x * x + z * z <= 1:
            t = q
            nx = 0.0
            ny = -1.0
            nz = 0.0
    return t, nx, ny, nz


@njit(cache=True, fastmath=True)
def hit_primitive(kind, ox, oy, oz, dx, dy, dz, tmin, tmax):
    """Nearest hit of a ray in local space: (t or -1, normal in local space, not normalized)."""
    if kind == BOX:
        return hit_box(False, ox, oy, oz, dx, dy, dz, tmin, tmax)
    if kind == ROOM:
        return hit_box(True, ox, oy, oz, dx, dy, dz, tmin, tmax)
    if kind == ELL:
        return hit_sphere(ox, oy, oz, dx, dy, dz, tmin, tmax)
    if kind == CYL:
        return hit_cylinder(ox, oy, oz, dx, dy, dz, tmin, tmax)
    if kind == CONE:
        return hit_cone(ox, oy, oz, dx, dy, dz, tmin, tmax)
    if kind == BOWL:
        return hit_bowl(ox, oy, oz, dx, dy, dz, tmin, tmax)
    if kind == TUBE:
        return hit_tube(ox, oy, oz, dx, dy, dz, tmin, tmax)
    return hit_soft(ox, oy, oz, dx, dy, dz, tmin, tmax)


@njit(cache=True, fastmath=True)
def hit_placed(place, kind, ox, oy, oz, dx, dy, dz, tmin, tmax):
    """Hit of a world ray with one placed primitive; `place` = rotation[9], center[3], half size[3].

    Returns (t or -1, unit normal in world space).
    """
    cx = place[9] - ox
    cy = place[10] - oy
    cz = place[11] - oz
    lx = -(place[0] * cx + place[1] * cy + place[2] * cz) / place[12]
    ly = -(place[3] * cx + place[4] * cy + place[5] * cz) / place[13]
    lz = -(place[6] * cx + place[7] * cy + place[8] * cz) / place[14]
    ex = (place[0] * dx + place[1] * dy + place[2] * dz) / place[12]
    ey = (place[3] * dx + place[4] * dy + place[5] * dz) / place[13]
    ez = (place[6] * dx + place[7] * dy + place[8] * dz) / place[14]
    t, nx, ny, nz = hit_primitive(kind, lx, ly, lz, ex, ey, ez, tmin, tmax)
    if t <= 0:
        return -1.0, 0.0, 0.0, 0.0
    nx /= place[12]
    ny /= place[13]
    nz /= place[14]
    wx = place[0] * nx + place[3] * ny + place[6] * nz
    wy = place[1] * nx + place[4] * ny + place[7] * nz
    wz = place[2] * nx + place[5] * ny + place[8] * nz
    length = math.sqrt(wx * wx + wy * wy + wz * wz) + 1e-12
    return t, wx / length, wy / length, wz / length


@njit(cache=True, fastmath=True)
def surface_uv(place, kind, faces, x, y, z, nx, ny, nz):
    """Material index and surface coordinates (meters) of a point on a placed primitive.

    `faces` = material of the sides, of the bottom, of the top; only boxes use the last two.
    """
    cx = x - place[9]
    cy = y - place[10]
    cz = z - place[11]
    lx = place[0] * cx + place[1] * cy + place[2] * cz
    ly = place[3] * cx + place[4] * cy + place[5] * cz
    lz = place[6] * cx + place[7] * cy + place[8] * cz
    if kind == BOX or kind == ROOM or kind == SOFT:
        along_x = abs(place[0] * nx + place[1] * ny + place[2] * nz)
        along_y = abs(place[3] * nx + place[4] * ny + place[5] * nz)
        if along_y > 0.7:
            return (faces[1] if ly < 0 else faces[2]), lx, lz
        if along_x > 0.7:
            return faces[0], lz, ly
        return faces[0], lx, ly
    return faces[0], math.atan2(lz, lx) * max(place[12], place[14]), ly
