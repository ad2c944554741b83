"""More random RGB-D scenes for training: views from close by, cameras that roll, furnished insides.

`sample_close(seed, ...)` complements `random_scenes.sample`, whose draws stay as they are: panelled
walls and doors from arm's length, corners of living rooms, desks, facades, woods and slanted
planes. Few of them keep the camera level, so that neither the floor nor the horizon gives depth away.
"""

import math

import numpy as np

from .build import tilt_rotation, yaw_rotation
from .materials import BLOTCHES, BRICKS, NOISE, PLANKS, STRIPES, TILES, WINDOWS
from .primitives import BOX, CONE, CYL, ELL, ROOM
from .random_objects import furniture, local_frame, person, random_color, random_rotation, small_thing, tree
from .random_scenes import KINDS, Draft, draw_light, sample

#: Kinds of scene, how often each is drawn, and which lie outdoors. Indices follow those of KINDS.
CLOSE_KINDS = ("panels", "corner", "desk", "facade", "woods", "planes")
CLOSE_WEIGHTS = (0.28, 0.2, 0.18, 0.14, 0.1, 0.1)
OUTDOORS = ("facade", "woods")

GRAY_PAINT = {"pattern": NOISE, "saturation": 0.12, "contrast": 0.1}


def _wall_material(scene):
    """Mostly plain paint or panels, pale more often than not."""
    rng = scene.rng
    color = None
    if rng.random() < 0.6:
        color = rng.uniform(0.25, 0.85) * (1 + rng.normal(0, 0.05, 3))
    pattern = rng.choice([NOISE, NOISE, NOISE, TILES, TILES, PLANKS, BRICKS, BLOTCHES])
    contrast = rng.uniform(0.02, 0.3)
    scale = math.exp(rng.uniform(-0.7, 1.3)) if pattern != NOISE else None
    second = None
    if color is not None:
        second = color * (rng.uniform(0.15, 0.8) if pattern == TILES else rng.uniform(0.8, 1.1))
    return scene.material(pattern, color, second, scale, contrast, saturation=0.4)


def _floor_material(scene):
    rng = scene.rng
    pattern = rng.choice([TILES, TILES, PLANKS, NOISE, 1, BLOTCHES])
    color = rng.uniform(0.1, 0.8) * (1 + rng.normal(0, 0.08, 3)) if rng.random() < 0.5 else None
    return scene.material(pattern, color, scale=math.exp(rng.uniform(0, 2)), saturation=0.5)


def _room(draft, w, d, h):
    """Four walls, floor and ceiling, with one or two lamps; half sizes w and d, height h."""
    rng, scene = draft.rng, draft.scene
    wall, floor = _wall_material(scene), _floor_material(scene)
    ceiling = scene.material(pattern=rng.choice([NOISE, NOISE, TILES]), saturation=0.1, contrast=0.1)
    scene.add(ROOM, (0, h / 2, 0), (w, h / 2, d), None, wall, floor, ceiling)
    for k in range(2):
        if k == 0 or rng.random() < 0.6:
            o = 18 + 6 * k
            y = h - 0.15 if rng.random() < 0.6 else rng.uniform(0.5, h - 0.2)
            draft.light[o : o + 3] = [rng.uniform(-w, w) * 0.8, y, rng.uniform(-d, d) * 0.8]
            tint = np.array([1, rng.uniform(0.8, 1), rng.uniform(0.55, 1)])
            draft.light[o + 3 : o + 6] = rng.uniform(0.1, 1.2) * tint


def _walls(w, d):
    """Of each wall: a function from (along, height, out) to a position, its yaw, its half length."""
    walls = []
    for yaw, gap, half in ((0, d, w), (math.pi / 2, w, d), (math.pi, d, w), (-math.pi / 2, w, d)):
        rotation = yaw_rotation(yaw)
        frame = local_frame(0, 0, 0, rotation)
        walls.append((lambda a, y, o, f=frame, g=gap: f(a, y, g - o), rotation, half))
    return walls


def _door(scene, at, rotation, along):
    """A frame, and a leaf with a handle that may stand open."""
    rng = scene.rng
    half, height = rng.uniform(0.35, 0.55), rng.uniform(1.9, 2.2)
    frame, leaf = scene.material(**GRAY_PAINT), _wall_material(scene)
    rim = rng.uniform(0.03, 0.08)
    for side in (-1, 1):
        scene.add(BOX, at(along + side * half, height / 2, 0.04), (rim, height / 2, 0.05), rotation, frame)
    scene.add(BOX, at(along, height, 0.04), (half, rim, 0.05), rotation, frame)
    turned, grip = rotation, at(along + half * 0.8, 1.0, 0.08)
    if rng.random() < 0.5:
        scene.add(BOX, at(along, height / 2, 0.02), (half, height / 2, 0.02), rotation, leaf)
    else:
        dark = scene.material(NOISE, np.full(3, rng.uniform(0.02, 0.5)), contrast=0.1)
        scene.add(BOX, at(along, height / 2, 0.0), (half, height / 2, 0.012), rotation, dark)
        hinge, swing = along - half, rng.uniform(0.3, 1.8)
        turned = yaw_rotation(swing) @ rotation
        across, out = half * math.cos(swing), half * math.sin(swing)
        center = at(hinge + across, height / 2, out + 0.04)
        scene.add(BOX, center, (half, height / 2, 0.02), turned, leaf)
        grip = at(hinge + 1.8 * across, 1.0, 1.8 * out + 0.1)
    metal = scene.material(NOISE, np.full(3, rng.uniform(0.3, 0.8)), contrast=0.1, specular=0.8)
    scene.add(BOX, grip, (0.07, 0.012, 0.02), turned, metal)
    if rng.random() < 0.4:
        scene.add(BOX, at(along, rng.uniform(0.1, 0.25), 0.045), (half, 0.1, 0.004), rotation, metal)


def _print(scene, at, rotation, along, y, half_w, half_h):
    """A framed picture or a poster: patches, smaller things and a mat on a thin board."""
    rng = scene.rng
    frame = scene.material(NOISE, random_color(rng) * 0.5, contrast=0.2)
    scene.add(BOX, at(along, y, 0.02), (half_w, half_h, 0.02), rotation, frame)
    inner = rng.uniform(0.75, 0.95)
    picture = scene.material(rng.choice([BLOTCHES, BLOTCHES, NOISE, STRIPES, 1]), contrast=1.2)
    scene.add(BOX, at(along, y, 0.035), (half_w * inner, half_h * inner, 0.008), rotation, picture)
    for _ in range(rng.integers(0, 5)):
        spot = at(along + rng.uniform(-0.5, 0.5) * half_w, y + rng.uniform(-0.5, 0.5) * half_h, 0.04)
        size = rng.uniform(0.1, 0.4, 2)
        scene.add(rng.choice([BOX, ELL]), spot, (size[0] * half_w, size[1] * half_h, 0.005), rotation)


def _dress_wall(scene, at, rotation, half):
    """Rails, posts, a door, prints, pipes, switches and cupboards on one wall."""
    rng = scene.rng
    trim = scene.material(**GRAY_PAINT)
    if rng.random() < 0.7:
        h = rng.uniform(0.03, 0.09)
        scene.add(BOX, at(0, h, 0.01), (half, h, 0.015), rotation, trim)
    for _ in range(rng.choice([0, 0, 1, 2])):
        size = (half, rng.uniform(0.015, 0.12), rng.uniform(0.01, 0.08))
        scene.add(BOX, at(0, rng.uniform(0.3, 2.2), 0.01), size, rotation, trim)
    if rng.random() < 0.35:
        step = rng.uniform(0.5, 1.5)
        size = (rng.uniform(0.01, 0.08), 2.0, rng.uniform(0.01, 0.08))
        for k in range(min(10, int(2 * half / step))):
            scene.add(BOX, at(-half + (k + 0.5) * step, 1.3, 0.01), size, rotation, trim)
    if rng.random() < 0.5:
        _door(scene, at, rotation, rng.uniform(-half, half) * 0.8)
    for _ in range(rng.choice([0, 0, 1, 2])):
        size = rng.uniform(0.15, 0.6, 2)
        _print(scene, at, rotation, rng.uniform(-half, half), rng.uniform(1.0, 1.9), *size)
    for _ in range(rng.choice([0, 0, 1, 3])):
        spot = at(rng.uniform(-half, half), rng.uniform(0.2, 1.6), 0.02)
        scene.add(BOX, spot, (rng.uniform(0.03, 0.2), rng.uniform(0.03, 0.15), 0.03), rotation)
    for _ in range(rng.choice([0, 0, 0, 1, 2])):
        size = rng.uniform(0.2, 0.5), rng.uniform(0.3, 1.1), rng.uniform(0.15, 0.4)
        spot = at(rng.uniform(-half, half), size[1] if rng.random() < 0.6 else 2.2 - size[1], size[2])
        scene.add(BOX, spot, size, rotation, _wall_material(scene))


def _roll(rng):
    """Level, tilted in the hand, or turned freely."""
    choice = rng.random()
    if choice < 0.4:
        return rng.normal(0, 0.06)
    return rng.normal(0, 0.4) if choice < 0.92 else rng.uniform(-1.6, 1.6)


def _stand_near_wall(draft, w, d, h):
    """Puts the camera within reach of a wall, looking along or at it."""
    rng = draft.rng
    side = rng.integers(4)
    gap, half = ((d, w), (w, d), (d, w), (w, d))[side]
    yaw = side * math.pi / 2
    out = min(math.exp(rng.uniform(math.log(0.35), math.log(2.5))), 1.7 * gap)
    along = rng.uniform(-half, half) * 0.85
    v = yaw_rotation(yaw).T @ np.array([along, 0, gap - out])
    draft.position = np.array([v[0], rng.uniform(0.35, h - 0.3), v[2]])
    draft.yaw = yaw + rng.choice([-1, 1]) * rng.uniform(0, 1.5)
    draft.pitch = rng.normal(-0.15, 0.3)
    draft.roll = _roll(rng)


def _draw_panels(draft):
    """A corridor or a bare room with doors and panels, something standing in it."""
    rng, scene = draft.rng, draft.scene
    w, d, h = rng.uniform(0.8, 3), rng.uniform(1.5, 8), rng.uniform(2.3, 3.3)
    _room(draft, w, d, h)
    for at, rotation, half in _walls(w, d):
        _dress_wall(scene, at, rotation, half)
    _stand_near_wall(draft, w, d, h)
    for _ in range(rng.choice([0, 1, 1, 2, 4])):
        turn = yaw_rotation(rng.choice([0, math.pi / 2]) + rng.normal(0, 0.2))
        size = rng.uniform(0.05, 0.5), rng.uniform(0.2, 1.3), rng.uniform(0.02, 0.4)
        bearing, distance = draft.yaw + rng.normal(0, 0.4), rng.uniform(0.8, 4)
        x = draft.position[0] + math.sin(bearing) * distance
        z = draft.position[2] + math.cos(bearing) * distance
        if abs(x) < w and abs(z) < d:
            scene.add(BOX, (x, size[1], z), size, turn, _wall_material(scene))


def _leafy(scene, x, y, z):
    """A plant of few long stems, each with a flat leaf at its end."""
    rng = scene.rng
    scene.add(CYL, (x, y + 0.12, z), (0.12, 0.12, 0.12))
    green = scene.material(BLOTCHES, np.array([0.06, 0.2, 0.04]) * rng.uniform(0.5, 2), contrast=0.4)
    for _ in range(rng.integers(4, 9)):
        lean = tilt_rotation(rng.uniform(0, 6.3), rng.uniform(0.1, 0.8))
        length = rng.uniform(0.15, 0.45)
        tip = np.array([x, y + 0.24, z]) + lean[1] * 2 * length
        scene.add(CYL, tuple(tip - lean[1] * length), (0.006, length, 0.006), lean, green)
        leaf = tuple(rng.uniform(0.03, 0.14, 3) * [1, 0.15, 1])
        scene.add(ELL, tuple(tip), leaf, random_rotation(rng), green)


def _floor_lamp(draft, x, z):
    """A lamp with a drum shade that lights its corner."""
    rng, scene = draft.rng, draft.scene
    h = rng.uniform(0.9, 1.6)
    scene.add(CYL, (x, h / 2, z), (0.015, h / 2, 0.015), None, scene.material(**GRAY_PAINT))
    scene.add(CYL, (x, 0.02, z), (0.14, 0.02, 0.14))
    shade = scene.material(NOISE, np.array([1, 0.85, 0.6]), emission=rng.uniform(0.5, 2.5))
    half = rng.uniform(0.1, 0.22)
    scene.add(CYL, (x, h + half, z), (half, half * rng.uniform(0.6, 1.1), half), None, shade)
    draft.light[18:21] = [x, h + 2.3 * half, z]
    draft.light[21:24] = rng.uniform(0.1, 0.7) * np.array([1, 0.85, 0.65])


def _draw_corner(draft):
    """A living room seen from close to its walls and seats."""
    rng, scene = draft.rng, draft.scene
    w, d, h = rng.uniform(1.3, 3.5), rng.uniform(1.5, 4.5), rng.uniform(2.3, 3)
    _room(draft, w, d, h)
    for at, rotation, half in _walls(w, d):
        if rng.random() < 0.5:
            _dress_wall(scene, at, rotation, half)
        else:
            base = scene.material(**GRAY_PAINT)
            scene.add(BOX, at(0, 0.05, 0.01), (half, 0.05, 0.015), rotation, base)
        for _ in range(rng.integers(0, 3)):
            v = at(rng.uniform(-half, half) * 0.9, 0, rng.uniform(0.3, 0.6))
            yaw = math.atan2(rotation[2, 0], rotation[2, 2]) + rng.normal(0, 0.1)
            furniture(scene, v[0], v[2], yaw)
        if rng.random() < 0.5:
            size = rng.uniform(0.2, 0.7), rng.uniform(0.15, 0.5)
            _print(scene, at, rotation, rng.uniform(-half, half) * 0.8, rng.uniform(1.2, 1.9), *size)
    if rng.random() < 0.6:
        sides = rng.choice([-1, 1], 2)
        _floor_lamp(draft, sides[0] * (w - 0.4), sides[1] * (d - 0.4))
    for _ in range(rng.integers(0, 3)):
        _leafy(scene, rng.uniform(-w, w) * 0.9, rng.choice([0.0, 0.0, 0.6]), rng.uniform(-d, d) * 0.9)
    _stand_near_wall(draft, w, d, h)


def _screen(scene, x, y, z, yaw):
    """A monitor on its foot, black or lit."""
    rng = scene.rng
    rotation = yaw_rotation(yaw)
    at = local_frame(x, y, z, rotation)
    body = scene.material(NOISE, np.full(3, rng.choice([0.02, 0.03, 0.4])), contrast=0.1, specular=0.4)
    half = rng.uniform(0.18, 0.35), rng.uniform(0.12, 0.2)
    low = rng.uniform(0.05, 0.2)
    scene.add(BOX, at(0, low + half[1], 0), (*half, 0.025), rotation, body)
    scene.add(BOX, at(0, low / 2 + 0.05, 0.04), (0.04, low / 2 + 0.05, 0.02), rotation, body)
    scene.add(CYL, at(0, 0.01, 0.03), (0.13, 0.01, 0.1), rotation, body)
    glow = rng.uniform(0.2, 1.2) if rng.random() < 0.4 else 0.0
    if glow:
        face = scene.material(rng.choice([NOISE, BLOTCHES, STRIPES]), emission=glow)
    else:
        black = np.full(3, rng.uniform(0.005, 0.05))
        face = scene.material(NOISE, black, contrast=0.1, specular=0.6)
    scene.add(BOX, at(0, low + half[1], -0.026), (half[0] * 0.93, half[1] * 0.9, 0.002), rotation, face)


def _on_desk(scene, at, w, d, top):
    """What lies on a desk: keyboards, paper, books, tins, rolls, small things."""
    rng = scene.rng
    for _ in range(rng.integers(3, 16)):
        v = at(rng.uniform(-w, w) * 0.92, top, rng.uniform(-d, d) * 0.9)
        turn = yaw_rotation(rng.uniform(0, 6.3))
        kind = rng.integers(6)
        if kind < 3:
            small_thing(scene, *v, rng.uniform(0.4, 1.1))
        elif kind == 3:
            sheet = scene.material(NOISE, np.full(3, rng.uniform(0.4, 0.9)), contrast=0.1)
            scene.add(BOX, v, (0.105, rng.uniform(0.002, 0.02), 0.148), turn, sheet)
        elif kind == 4:
            for k in range(rng.integers(1, 6)):
                scene.add(BOX, (v[0], v[1] + 0.03 * k + 0.015, v[2]), (0.1, 0.014, 0.14), turn)
        else:
            scene.add(CYL, (v[0], v[1] + 0.02, v[2]), (0.05, 0.02, 0.05))


def _draw_desk(draft):
    """A desk in an office, seen by somebody sitting or standing at it."""
    rng, scene = draft.rng, draft.scene
    w, d = rng.uniform(2, 5), rng.uniform(2.5, 6)
    _room(draft, w, d, rng.uniform(2.4, 3.3))
    for at, rotation, half in _walls(w, d):
        _dress_wall(scene, at, rotation, half)
    top = rng.uniform(0.65, 0.8)
    desks = [(0.0, 0.0)]
    for _ in range(rng.integers(0, 3)):
        desks.append((rng.normal(0, 1.5), rng.uniform(1.2, d)))
    for k, (x, z) in enumerate(desks):
        yaw = rng.normal(0, 0.3)
        rotation, at = yaw_rotation(yaw), local_frame(x, 0, z, yaw_rotation(yaw))
        half_w, half_d = rng.uniform(0.6, 1.3), rng.uniform(0.35, 0.6)
        pattern = rng.choice([NOISE, NOISE, PLANKS])
        wood = scene.material(pattern, saturation=0.5, contrast=rng.uniform(0.03, 0.4))
        scene.add(BOX, at(0, top - 0.02, 0), (half_w, 0.02, half_d), rotation, wood)
        leg = scene.material(**GRAY_PAINT)
        for side in (-1, 1):
            spot = at(side * half_w * 0.95, top / 2, 0)
            scene.add(BOX, spot, (0.03, top / 2, half_d * rng.uniform(0.1, 0.9)), rotation, leg)
        for _ in range(rng.choice([0, 1, 1, 2])):
            v = at(rng.normal(0, 0.4) * half_w, top, half_d * rng.uniform(0, 0.7))
            _screen(scene, *v, yaw + rng.normal(0, 0.3))
            keys = scene.material(1, np.full(3, rng.uniform(0.02, 0.6)), scale=50)
            v = at(rng.normal(0, 0.3) * half_w, top + 0.015, -half_d * rng.uniform(0.1, 0.6))
            scene.add(BOX, v, (0.22, 0.012, 0.075), rotation, keys)
        _on_desk(scene, at, half_w, half_d, top)
        if rng.random() < 0.4:
            _leafy(scene, *at(half_w * rng.uniform(-0.9, 0.9), top, half_d * 0.7))
        if rng.random() < 0.4:
            size = (half_w * 1.1, rng.uniform(0.4, 0.8), 0.03)
            scene.add(BOX, at(0, size[1], half_d + 0.05), size, rotation)
        if k == 0:
            draft.position = np.array(
                at(rng.normal(0, 0.3), top + rng.uniform(0.15, 0.9), -half_d - rng.uniform(0, 1.3))
            )
            draft.target = np.array(at(rng.normal(0, 0.3), top + rng.normal(0, 0.15), rng.uniform(-0.3, 0.5)))
    for _ in range(rng.integers(1, 6)):
        furniture(scene, rng.normal(0, 1.3), rng.uniform(0.9, d * 0.9), rng.uniform(0, 6.3))
    for side in (-1, 1):
        if rng.random() < 0.4:
            furniture(scene, side * rng.uniform(0.6, 1.2), rng.uniform(-0.9, -0.2), rng.uniform(0, 6.3))
    draft.roll = rng.normal(0, 0.07) if rng.random() < 0.7 else rng.normal(0, 0.35)


def _dress_facade(scene, at, rotation, half, height):
    """Doors, windows, bands, pilasters, pipes and a balcony on an outer wall."""
    rng = scene.rng
    trim = scene.material(**GRAY_PAINT)
    for _ in range(rng.integers(0, 3)):
        spot = at(0, rng.uniform(0.2, height), 0.05)
        scene.add(BOX, spot, (half, rng.uniform(0.05, 0.25), rng.uniform(0.08, 0.3)), rotation, trim)
    step = rng.uniform(1.6, 4)
    pilasters, arched = rng.random() < 0.4, rng.random() < 0.35
    for k in range(min(10, int(2 * half / step))):
        along = -half + (k + 0.5) * step
        if pilasters:
            size = (rng.uniform(0.1, 0.3), height / 2, rng.uniform(0.1, 0.4))
            scene.add(BOX, at(along + step / 2, height / 2, 0), size, rotation, trim)
        wide, tall = step * rng.uniform(0.15, 0.35), rng.uniform(0.6, 1.2)
        y = rng.uniform(1.2, 1.8)
        if rng.random() < 0.4:
            tall, y = 1.1, 1.1
        dark = scene.material(NOISE, np.full(3, rng.uniform(0.02, 0.25)), contrast=0.2, specular=0.3)
        pane = dark if rng.random() < 0.7 else scene.material(PLANKS)
        scene.add(BOX, at(along, y, -0.05), (wide * 1.15, tall + 0.08, 0.12), rotation, trim)
        scene.add(BOX, at(along, y, -0.04), (wide, tall, 0.13), rotation, pane)
        if arched:
            scene.add(ELL, at(along, y + tall, -0.05), (wide, wide, 0.15), rotation, pane)
        if height > 4.5 and rng.random() < 0.7:
            scene.add(BOX, at(along, y + 3, -0.04), (wide, 0.8, 0.1), rotation, pane)
    for _ in range(rng.choice([0, 0, 1, 3])):
        along, radius = rng.uniform(-half, half), rng.uniform(0.03, 0.1)
        scene.add(CYL, at(along, height / 2, 0.15), (radius, height / 2, radius), rotation)
    if rng.random() < 0.3:
        size = (half * rng.uniform(0.2, 1), 0.08, rng.uniform(0.4, 1))
        scene.add(BOX, at(0, rng.uniform(2.6, 3.6), 0.5), size, rotation, scene.material(PLANKS))


def _railing(scene, x, z, yaw):
    """Posts with two rails."""
    rng = scene.rng
    rotation = yaw_rotation(yaw)
    at = local_frame(x, 0, z, rotation)
    metal = scene.material(NOISE, np.full(3, rng.uniform(0.02, 0.4)), contrast=0.2)
    half, radius = rng.uniform(0.8, 3), rng.uniform(0.015, 0.04)
    for y in (0.5, 1.0):
        scene.add(BOX, at(0, y, 0), (half, radius, radius), rotation, metal)
    for k in range(5):
        scene.add(BOX, at((k - 2) * half / 2, 0.5, 0), (radius, 0.5, radius), rotation, metal)


def _draw_facade(draft):
    """A yard or an alley: one or two near facades, planks, railings, crates."""
    rng, scene = draft.rng, draft.scene
    draft.flat_ground(scene.material(rng.choice([NOISE, BLOTCHES, BRICKS, TILES]), saturation=0.4))
    reach, half, height = rng.uniform(3, 12), rng.uniform(4, 14), rng.uniform(3, 9)
    turn = rng.uniform(-1.1, 1.1)
    walls = [(turn, reach, half)]
    if rng.random() < 0.6:
        walls.append((turn + rng.choice([-1, 1]) * math.pi / 2, rng.uniform(2, 8), half))
    for yaw, gap, length in walls:
        rotation = yaw_rotation(yaw)
        frame = local_frame(0, 0, 0, rotation)
        pattern = rng.choice([NOISE, BLOTCHES, BRICKS, PLANKS, TILES, WINDOWS])
        wall = scene.material(pattern, saturation=0.5, contrast=rng.uniform(0.1, 0.8))
        tall = height * rng.uniform(0.7, 1.3)
        scene.add(BOX, frame(0, tall / 2, gap + 1), (length, tall / 2, 1), rotation, wall)
        _dress_facade(scene, lambda a, y, o, f=frame, g=gap: f(a, y, g - o), rotation, length, tall)
    for _ in range(rng.integers(0, 8)):
        x, z = rng.normal(0, 3), rng.uniform(1.5, reach)
        kind = rng.integers(5)
        if kind == 0:
            _railing(scene, x, z, rng.uniform(0, 6.3))
        elif kind == 1:
            size = rng.uniform(0.5, 2), rng.uniform(0.05, 0.4), rng.uniform(0.5, 2)
            planks = scene.material(PLANKS, scale=rng.uniform(3, 8))
            scene.add(BOX, (x, size[1], z), size, yaw_rotation(rng.uniform(0, 6.3)), planks)
        elif kind == 2:
            scene.add(CYL, (x, 0.45, z), (0.3, 0.45, 0.3))
        elif kind == 3:
            person(scene, x, 0, z)
        else:
            size = tuple(rng.uniform(0.2, 0.7, 3))
            scene.add(BOX, (x, size[1], z), size, yaw_rotation(rng.uniform(0, 6.3)))
    for _ in range(rng.choice([0, 0, 2, 5])):
        tree(scene, rng.normal(0, 9), 0, rng.uniform(4, 25))
    draft.position = np.array([rng.normal(0, 0.5), rng.uniform(0.8, 2.4), rng.normal(0, 0.5)])
    draft.yaw = rng.normal(0, 0.35)
    draft.pitch = rng.normal(0.0, 0.15)
    draft.roll = rng.normal(0, 0.04) if rng.random() < 0.7 else rng.normal(0, 0.3)


def _draw_woods(draft):
    """Bare trunks on open ground with brush, leaves or snow; sometimes dull and gray."""
    rng, scene = draft.rng, draft.scene
    snow = rng.random() < 0.4
    color = np.full(3, rng.uniform(0.5, 0.9)) if snow else random_color(rng) * 0.5
    second = random_color(rng, 0.4) * rng.uniform(0.1, 0.6)
    ground = scene.material(
        BLOTCHES, color, second, math.exp(rng.uniform(-1.5, 1)), rng.uniform(0.1, 0.6), saturation=0.4
    )
    draft.flat_ground(ground)
    brown = np.array([0.2, 0.15, 0.1])
    bark = [scene.material(NOISE, brown * rng.uniform(0.2, 2.5), scale=2) for _ in range(2)]
    lean = rng.uniform(0.01, 0.12)
    for _ in range(rng.integers(8, 60)):
        z = math.exp(rng.uniform(math.log(2.5), math.log(45)))
        x = rng.normal(0, 0.6) * z
        radius, half = rng.uniform(0.04, 0.28), rng.uniform(3, 9)
        turn = tilt_rotation(rng.uniform(0, 6.3), rng.normal(0, lean))
        scene.add(CYL, (x, half - 0.3, z), (radius, half, radius), turn, bark[rng.integers(2)])
    brush = scene.material(BLOTCHES, random_color(rng, 0.6) * rng.uniform(0.05, 0.6), scale=4)
    for _ in range(rng.integers(0, 70)):
        z = math.exp(rng.uniform(math.log(1.8), math.log(30)))
        size = tuple(rng.uniform(0.05, 0.4, 3))
        x = rng.normal(0, 0.6) * z
        scene.add(rng.choice([ELL, CONE, BOX]), (x, size[1] * 0.5, z), size, random_rotation(rng), brush)
    for _ in range(rng.choice([0, 0, 3, 10])):
        z = rng.uniform(6, 50)
        tree(scene, rng.normal(0, 0.6) * z, 0, z)
    draft.position = np.array([0, rng.uniform(0.6, 2.5), 0])
    draft.yaw, draft.pitch = rng.normal(0, 0.1), rng.normal(-0.12, 0.15)
    draft.roll = rng.normal(0, 0.05) if rng.random() < 0.6 else rng.normal(0, 0.3)


def _draw_planes(draft):
    """A few patterned planes at any slant, with things before them: depth by perspective alone."""
    rng, scene = draft.rng, draft.scene
    _room(draft, rng.uniform(2, 5), rng.uniform(3, 8), rng.uniform(2.5, 5))
    for _ in range(rng.integers(1, 5)):
        turn = random_rotation(rng)
        pattern = rng.choice([TILES, TILES, BRICKS, PLANKS, 1, NOISE, BLOTCHES])
        print_scale = math.exp(rng.uniform(0, 3))
        size = (rng.uniform(0.4, 2.5), rng.uniform(0.4, 2.5), 0.02)
        center = (rng.normal(0, 0.6), 1.4 + rng.normal(0, 0.5), rng.uniform(0.3, 3))
        material = scene.material(pattern, scale=print_scale, contrast=rng.uniform(0.05, 0.8))
        scene.add(BOX, center, size, turn, material)
    for _ in range(rng.integers(0, 12)):
        q = math.exp(rng.uniform(-0.6, 1.3))
        center = (rng.normal(0, 0.4) * q, 1.4 + rng.normal(0, 0.3) * q, -1 + q)
        scene.add(rng.integers(4), center, tuple(rng.uniform(0.03, 0.2, 3) * q), random_rotation(rng))
    draft.position = np.array([0, 1.4, -1.0])
    draft.yaw, draft.pitch, draft.roll = rng.normal(0, 0.3), rng.normal(0, 0.2), _roll(rng)


PAINTERS = (_draw_panels, _draw_corner, _draw_desk, _draw_facade, _draw_woods, _draw_planes)


def draw_close(rng):
    """Draws one scene."""
    draft = Draft(rng)
    index = int(rng.choice(len(CLOSE_KINDS), p=list(CLOSE_WEIGHTS)))
    draft.kind = KINDS.index("street" if CLOSE_KINDS[index] in OUTDOORS else "room")
    draw_light(draft)
    draft.kind = len(KINDS) + index
    draft.field_of_view = math.radians(rng.uniform(45, 100))
    PAINTERS[index](draft)
    if draft.target is not None:
        v = draft.target - draft.position
        draft.yaw = math.atan2(v[0], v[2]) + rng.normal(0, 0.1)
        draft.pitch = math.atan2(v[1], math.hypot(v[0], v[2])) + rng.normal(0, 0.08)
    return draft


def sample_close(seed, width, height, tiles, supersample=1):
    """As `random_scenes.sample`; the kind is an index into KINDS + CLOSE_KINDS."""
    return sample(seed, width, height, tiles, supersample, draw=draw_close)
