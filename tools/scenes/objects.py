"""Things that composed scenes are furnished with. Lengths in meters, angles in radians.

Every function takes the scene, the point it stands on, and materials by index. Scatter (leaves,
books) comes from a generator with a fixed seed, so a scene is the same every time.
"""

import math

import numpy as np

from .build import tilt_rotation, yaw_rotation
from .primitives import BOX, CONE, CYL, ELL, SOFT, TUBE


def placed(origin, yaw, offset):
    """World position of `offset` (x, y, z) in a frame at `origin` turned by `yaw`."""
    moved = yaw_rotation(yaw).T @ np.asarray(offset, float)
    return tuple(np.add(origin, moved))


def sofa(scene, origin, yaw, width, fabric, legs, cushions=()):
    """A three-part sofa facing -z before turning; `cushions` = (offset x, material, roll)."""
    turn = yaw_rotation(yaw)

    def part(x, y, z, half, material=fabric):
        scene.add(SOFT, placed(origin, yaw, (x, y, z)), half, material, turn)

    with scene.group():
        half = width / 2
        part(0, 0.24, 0.0, (half, 0.13, 0.44))
        seats = 3 if width > 1.8 else 1
        inner = half - 0.14
        for k in range(seats):
            x = -inner + (2 * k + 1) * inner / seats
            part(x, 0.42, -0.05, (inner / seats * 0.985, 0.085, 0.40))
            part(x, 0.66, 0.30, (inner / seats * 0.97, 0.22, 0.11))
        part(0, 0.48, 0.41, (half, 0.36, 0.09))
        for side in (-1, 1):
            part(side * (half - 0.06), 0.36, 0.0, (0.10, 0.25, 0.45))
            for z in (-0.36, 0.36):
                foot = placed(origin, yaw, (side * (half - 0.1), 0.06, z))
                scene.add(CYL, foot, (0.022, 0.06, 0.022), legs, turn)
        for x, material, roll in cushions:
            scene.add(
                SOFT, placed(origin, yaw, (x, 0.68, 0.12)), (0.23, 0.22, 0.085), material,
                tilt_rotation(yaw, -0.25, roll),
            )  # fmt: skip


def table(scene, origin, yaw, half, thickness, top, legs, inset=0.06, leg=0.022):
    """A table of half sizes `half` = (x, height, z), on four slightly splayed legs."""
    x, height, z = half
    with scene.group():
        center = placed(origin, yaw, (0, height - thickness / 2, 0))
        scene.add(BOX, center, (x, thickness / 2, z), top, yaw_rotation(yaw))
        for a in (-1, 1):
            for b in (-1, 1):
                head = placed(origin, yaw, (a * (x - inset), height - thickness, b * (z - inset)))
                foot = placed(origin, yaw, (a * (x - inset * 0.4), 0, b * (z - inset * 0.4)))
                scene.rod(CYL, foot, head, leg, legs)


def floor_lamp(scene, origin, height, metal, shade, glow):
    """A standing lamp with a lit cloth shade; its light is added by the composition."""
    x, y, z = origin
    with scene.group():
        scene.add(CYL, (x, y + 0.015, z), (0.15, 0.015, 0.15), metal)
        scene.add(CYL, (x, y + height / 2, z), (0.011, height / 2, 0.011), metal)
        scene.add(TUBE, (x, y + height, z), (0.2, 0.15, 0.2), shade)
        scene.add(ELL, (x, y + height, z), 0.045, glow)


def leafy_plant(scene, origin, height, pot, leaf, stem, seed, count=46):
    """A pot plant: arching stems that carry flat leaves."""
    rng = np.random.default_rng(seed)
    x, y, z = origin
    with scene.group():
        scene.add(CYL, (x, y + 0.17, z), (0.17, 0.17, 0.17), pot)
        scene.add(CYL, (x, y + 0.345, z), (0.155, 0.01, 0.155), stem)
        base = np.array([x, y + 0.34, z])
        for k in range(count):
            angle = k * 2.39996 + rng.uniform(-0.3, 0.3)
            lift = rng.uniform(0.25, 1.0)
            reach = (0.16 + 0.5 * (1 - lift) + rng.uniform(0, 0.12)) * height * 0.62
            tip = base + [
                reach * math.cos(angle), lift * (height - 0.34), reach * math.sin(angle)
            ]  # fmt: skip
            middle = base * 0.45 + tip * 0.55 + [0, 0.12 * height * 0.4, 0]
            if k % 3 == 0:
                scene.rod(CYL, base, middle, 0.006, stem)
                scene.rod(CYL, middle, tip, 0.004, stem)
            size = rng.uniform(0.09, 0.16) * height / 1.4
            turn = tilt_rotation(math.pi / 2 - angle, 0.35 + 0.9 * (1 - lift), rng.uniform(-0.4, 0.4))
            scene.add(ELL, tip, (size * 0.55, size * 0.035, size), leaf[k % len(leaf)], turn)


def bookshelf(scene, origin, yaw, half, shelves, wood, covers, seed):
    """An open shelf of half sizes `half` = (x, y, z) filled with books; its back is at +z."""
    rng = np.random.default_rng(seed)
    w, h, d = half
    turn = yaw_rotation(yaw)

    def part(x, y, z, size, material, rotation=turn, kind=BOX):
        scene.add(kind, placed(origin, yaw, (x, y, z)), size, material, rotation)

    with scene.group():
        part(0, h, d * 0.95, (w, h, 0.01), wood)
        for side in (-1, 1):
            part(side * w, h, 0, (0.015, h, d), wood)
        for k in range(shelves + 1):
            part(0, 2 * h * k / shelves, 0, (w, 0.014, d), wood)
    room = 2 * h / shelves
    for k in range(shelves):
        with scene.group():
            x = -w + 0.04
            end = w - 0.05 if k % 2 == 0 else w * rng.uniform(0.15, 0.5)
            while x < end:
                thick = rng.uniform(0.010, 0.024)
                tall = room * rng.uniform(0.30, 0.42)
                deep = d * rng.uniform(0.6, 0.8)
                cover = covers[rng.integers(len(covers))]
                part(x + thick, 2 * h * k / shelves + tall + 0.014, -0.03, (thick * 0.93, tall, deep), cover)
                x += 2 * thick
            if end < w * 0.6:
                part(
                    w * 0.72, room * k + 0.10, -0.02, (0.07, 0.085, 0.07), covers[k % len(covers)], turn, ELL
                )


def picture_frame(scene, center, half, frame, mat_board, picture, normal_axis="z", side=-1):
    """A framed picture on a wall; `normal_axis` the axis it faces along, `side` the direction."""
    w, h = half

    def slab(inset, depth, material, lift):
        size = (w - inset, h - inset, depth)
        shift = (0, 0, side * lift)
        if normal_axis == "x":
            size, shift = (depth, h - inset, w - inset), (side * lift, 0, 0)
        scene.add(BOX, np.add(center, shift), size, material)

    with scene.group():
        slab(0.0, 0.018, frame, 0.0)
        slab(0.022, 0.018, mat_board, 0.002)
        slab(0.10, 0.018, picture, 0.004)


def curtain(scene, start, end, top, bottom, material, folds):
    """Cloth hanging in folds between two points (x, z)."""
    with scene.group():
        for k in range(folds):
            a = (k + 0.5) / folds
            x = start[0] + (end[0] - start[0]) * a
            z = start[1] + (end[1] - start[1]) * a
            wave = 0.028 * math.sin(k * 2.1)
            width = math.hypot(end[0] - start[0], end[1] - start[1]) / folds
            center = (x + wave, (top + bottom) / 2, z)
            scene.add(CYL, center, (0.035, (top - bottom) / 2, width * 0.62), material)


def tree(scene, origin, height, bark, leaves, seed, spread=0.34, clumps=16, trunk=0.30):
    """A broad-leaved tree: trunk, a few branches, and clumps of cutout leaves in shells."""
    rng = np.random.default_rng(seed)
    base = np.asarray(origin, float)
    fork = base + [0, height * (trunk + 0.06), 0]
    with scene.group():
        scene.rod(CYL, base - [0, 0.3, 0], fork, 0.028 * height, bark)
        for k in range(clumps):
            angle = k * 2.39996 + rng.uniform(-0.4, 0.4)
            level = (k + 0.5) / clumps
            ring = math.sin(math.pi * (0.16 + 0.8 * level)) * spread * height * rng.uniform(0.45, 1.0)
            center = base + [
                ring * math.cos(angle),
                height * (trunk + 0.06 + (0.86 - trunk) * level),
                ring * math.sin(angle),
            ]
            if k % 2 == 0:
                scene.rod(CYL, fork, center, 0.007 * height, bark)
            size = height * rng.uniform(0.10, 0.17)
            turn = tilt_rotation(rng.uniform(0, 6.28), rng.uniform(-0.5, 0.5))
            for shell in (1.0, 0.8, 0.58):
                half = (size * shell, size * 0.72 * shell, size * shell)
                scene.add(ELL, center, half, leaves[k % len(leaves)], turn)


def conifer(scene, origin, height, bark, needles, seed):
    """A spruce: stacked ragged cones."""
    rng = np.random.default_rng(seed)
    x, y, z = origin
    layers = 9
    with scene.group():
        scene.add(CYL, (x, y + height * 0.08, z), (0.018 * height, height * 0.14, 0.018 * height), bark)
        for k in range(layers):
            level = k / layers
            radius = height * 0.21 * (1 - level) ** 0.85 * rng.uniform(0.88, 1.1)
            half = height * 0.115 * (1.05 - 0.4 * level)
            center = (x, y + height * (0.13 + 0.82 * level) + half * 0.4, z)
            for shell in (1.0, 0.7):
                scene.add(CONE, center, (radius * shell, half, radius * shell), needles)


def figure(scene, origin, yaw, height, coat, trousers, skin, hair, stride=0.16):
    """A walking person of simple solids, facing -z before turning."""
    h = height

    def at(x, y, z):
        return placed(origin, yaw, (x * h, y * h, z * h))

    with scene.group():
        for side in (-1, 1):
            knee = at(side * 0.05, 0.27, -side * stride * 0.35 - 0.01)
            scene.rod(CYL, at(side * 0.05, 0.02, -side * stride), knee, 0.034 * h, trousers)
            scene.rod(CYL, knee, at(side * 0.045, 0.50, 0), 0.045 * h, trousers)
            scene.add(
                ELL,
                at(side * 0.05, 0.02, -side * stride - 0.03),
                (0.03 * h, 0.02 * h, 0.07 * h),
                trousers,
                yaw_rotation(yaw),
            )
            elbow = at(side * 0.145, 0.63, side * stride * 0.35)
            scene.rod(CYL, at(side * 0.115, 0.80, 0), elbow, 0.030 * h, coat)
            scene.rod(CYL, elbow, at(side * 0.14, 0.48, side * stride * 0.25 - 0.04), 0.025 * h, coat)
            scene.add(ELL, at(side * 0.14, 0.465, side * stride * 0.25 - 0.045), 0.026 * h, skin)
        scene.add(SOFT, at(0, 0.66, 0), (0.118 * h, 0.175 * h, 0.075 * h), coat, yaw_rotation(yaw))
        scene.add(ELL, at(0, 0.80, 0), (0.13 * h, 0.05 * h, 0.07 * h), coat, yaw_rotation(yaw))
        scene.add(CYL, at(0, 0.85, 0), (0.03 * h, 0.04 * h, 0.03 * h), skin)
        scene.add(ELL, at(0, 0.925, -0.005), (0.047 * h, 0.066 * h, 0.056 * h), skin, yaw_rotation(yaw))
        scene.add(ELL, at(0, 0.945, 0.012), (0.052 * h, 0.058 * h, 0.056 * h), hair, yaw_rotation(yaw))


def bottle(scene, origin, height, radius, glass, label=None, cap=None):
    """A bottle: body, round shoulder, neck, lip; optional label and cap."""
    x, y, z = origin
    with scene.group():
        body = height * 0.58
        scene.add(CYL, (x, y + body / 2, z), (radius, body / 2, radius), glass)
        scene.add(ELL, (x, y + body, z), (radius, height * 0.17, radius), glass)
        scene.add(CYL, (x, y + height * 0.82, z), (radius * 0.36, height * 0.18, radius * 0.36), glass)
        top = glass if cap is None else cap
        scene.add(CYL, (x, y + height * 0.965, z), (radius * 0.43, height * 0.035, radius * 0.43), top)
        if label is not None:
            scene.add(TUBE, (x, y + body * 0.52, z), (radius * 1.008, body * 0.30, radius * 1.008), label)
