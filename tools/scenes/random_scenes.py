"""Random RGB-D scenes: the training data of the depth model, and its held-out test scenes.

`sample(seed, ...)` builds one of six kinds of scene, renders it, rejects dull ones and develops
it as some camera might. The order of random draws is part of the data: see `random_objects`.
"""

import math

import numpy as np

from .build import yaw_rotation
from .caster import height_at, render
from .materials import BLOTCHES, COLUMNS, WINDOWS
from .noise import TILE_SIZE, make_height_map
from .primitives import BOX, CONE, CYL, ELL, ROOM
from .random_objects import (
    RandomScene,
    car,
    furniture,
    person,
    random_color,
    random_rotation,
    small_thing,
    tree,
)

#: Kinds of scene, in the order of `Draft.kind`, and how often each is drawn.
KINDS = ("room", "corridor", "street", "terrain", "tabletop", "clutter")
KIND_WEIGHTS = (0.38, 0.05, 0.18, 0.12, 0.19, 0.08)


class Draft:
    """A scene being drawn: things, light, ground and camera. Layouts are those of `caster.render`."""

    def __init__(self, rng):
        self.rng = rng
        self.scene = RandomScene(rng)
        self.ground = np.zeros(5)
        self.light = np.zeros(30)
        self.kind = int(rng.choice(6, p=list(KIND_WEIGHTS)))
        self.ground_material = 0
        self.heights = None
        self.field_of_view = math.radians(rng.uniform(38, 92))
        self.sky = np.zeros(14)
        self.yaw, self.pitch = 0.0, 0.0
        self.roll = rng.normal(0, 0.05)
        self.position = None
        self.target = None
        self.outdoors = False

    def flat_ground(self, material):
        """An endless plane at height 0."""
        self.ground[:] = [1, 0, 0, 1, 1e4]
        self.ground_material = material


def draw_light(draft):
    """Sky, sun, ambient and fog; sets `outdoors`."""
    rng, sky, light = draft.rng, draft.sky, draft.light
    zenith = np.array([0.15, 0.32, 0.75]) * rng.uniform(0.4, 1.3)
    horizon = np.array([0.7, 0.78, 0.9]) * rng.uniform(0.6, 1.2)
    if rng.random() < 0.3:
        zenith = np.full(3, rng.uniform(0.4, 1.0)) * np.array([0.95, 0.98, 1.0])
        horizon = zenith * rng.uniform(0.8, 1.1)
    elif rng.random() < 0.15:
        zenith = np.array([0.2, 0.2, 0.4])
        horizon = np.array([1.0, 0.55, 0.25])
    sky[0:3] = zenith
    sky[3:6] = horizon
    sky[6:9] = rng.uniform(0.7, 1.1)
    sky[9] = rng.uniform(2, 8)
    sky[10] = rng.uniform(0, 1)
    sky[11] = rng.integers(1, 5)
    sky[12] = rng.uniform(0.5, 2)
    sky[13] = rng.uniform(0.3, 0.6)
    elevation = rng.uniform(0.15, 1.3)
    azimuth = rng.uniform(0, 6.3)
    light[0:3] = [
        math.cos(elevation) * math.sin(azimuth),
        math.sin(elevation),
        math.cos(elevation) * math.cos(azimuth),
    ]
    kind = draft.kind
    draft.outdoors = (
        kind in (2, 3) or (kind == 4 and rng.random() < 0.4) or (kind == 5 and rng.random() < 0.5)
    )
    if draft.outdoors:
        sun = rng.choice([0.0, 0.4, 1.0, 1.6])
        light[3:6] = sun * np.array([1, 0.93, 0.82])
        light[6:9] = (0.35 + 0.5 * (sun == 0)) * (zenith * 0.5 + 0.5 * horizon.mean())
        light[9:12] = light[6:9] * 0.35
        light[12] = rng.choice([0.0, 0.002, 0.01, 0.03], p=[0.35, 0.3, 0.25, 0.1])
        light[13:16] = horizon * rng.uniform(0.8, 1.0)
    else:
        ambient = rng.uniform(0.08, 0.5)
        tint = np.array([1, rng.uniform(0.85, 1), rng.uniform(0.65, 1.1)])
        light[6:9] = ambient * tint
        light[9:12] = ambient * 0.6 * tint


def _draw_room(draft):
    """A furnished room, or a corridor."""
    rng, scene = draft.rng, draft.scene
    if draft.kind == 0:
        w, d, h = rng.uniform(1.4, 5), rng.uniform(1.6, 7), rng.uniform(2.2, 3.6)
    else:
        w, d, h = rng.uniform(0.7, 1.6), rng.uniform(5, 18), rng.uniform(2.2, 3.4)
    wall = scene.material(
        pattern=rng.choice([0, 0, 0, 0, 3, 5, 2]),
        saturation=0.35 if rng.random() < 0.7 else 1,
        contrast=rng.uniform(0.03, 0.5),
    )
    floor = scene.material(pattern=rng.choice([0, 1, 3, 5, 6, 6]))
    ceiling = scene.material(pattern=rng.choice([0, 0, 3]), saturation=0.15, contrast=0.15)
    scene.add(ROOM, (0, h / 2, 0), (w, h / 2, d), None, wall, floor, ceiling)
    for _ in range(rng.integers(3, 15) if draft.kind == 0 else rng.integers(0, 6)):
        _place_furniture(draft, w, d)
    for _ in range(rng.integers(0, 8)):
        _hang_on_wall(draft, w, d)
    for k in range(2):
        if k == 0 or rng.random() < 0.5:
            o = 18 + 6 * k
            draft.light[o : o + 3] = [rng.uniform(-w, w) * 0.7, h - 0.15, rng.uniform(-d, d) * 0.7]
            brightness = rng.uniform(0.2, 1.3)
            tint = np.array([1, rng.uniform(0.8, 1), rng.uniform(0.55, 1)])
            draft.light[o + 3 : o + 6] = brightness * tint
    c = _clear_position(draft, w, d)
    if draft.kind == 0:
        draft.yaw = math.atan2(-c[0] + rng.normal(0, w * 0.5), -c[2] + rng.normal(0, d * 0.5))
    else:
        draft.yaw = (0 if c[2] < 0 else math.pi) + rng.normal(0, 0.25)
    draft.pitch = rng.normal(-0.12, 0.15) if rng.random() < 0.5 else rng.normal(-0.42, 0.22)
    draft.position = c


def _place_furniture(draft, w, d):
    rng, scene = draft.rng, draft.scene
    if rng.random() < 0.6:
        side = rng.integers(4)
        if side < 2:
            sign = 1 if side else -1
            z = rng.uniform(-d, d) * 0.9
            furniture(scene, (w - 0.5) * sign, z, math.pi / 2 * sign + rng.normal(0, 0.05))
        else:
            x = rng.uniform(-w, w) * 0.9
            furniture(scene, x, (d - 0.5) * (1 if side == 3 else -1), 0 if side == 3 else math.pi)
    else:
        x = rng.uniform(-w, w) * 0.8
        z = rng.uniform(-d, d) * 0.8
        furniture(scene, x, z, rng.uniform(0, 6.3))


def _hang_on_wall(draft, w, d):
    """A picture, a window or a door."""
    rng, scene = draft.rng, draft.scene
    glow = rng.uniform(0.6, 3) if rng.random() < 0.35 else 0
    material = scene.material(
        emission=glow,
        color=np.array([0.8, 0.9, 1.0]) if glow else None,
        pattern=0 if glow else None,
    )
    half_width, half_height = rng.uniform(0.15, 0.8), rng.uniform(0.15, 0.7)
    y = rng.uniform(1.1, 1.9)
    if rng.random() < 0.3:
        half_width, half_height, y = 0.45, 1.02, 1.02
    if rng.random() < 0.5:
        x = w * (1 if rng.random() < 0.5 else -1)
        center = (x, y, rng.uniform(-d, d) * 0.9)
        scene.add(BOX, center, (0.03, half_height, half_width), None, material)
    else:
        x = rng.uniform(-w, w) * 0.9
        center = (x, y, d * (1 if rng.random() < 0.5 else -1))
        scene.add(BOX, center, (half_width, half_height, 0.03), None, material)


def _clear_position(draft, w, d):
    """A camera position away from furniture: the best of at most twelve tries."""
    rng, scene = draft.rng, draft.scene
    best = None
    for _ in range(12):
        x = rng.uniform(-w, w) * 0.85
        y = rng.uniform(0.7, 1.75) if rng.random() < 0.9 else rng.uniform(0.3, 2.2)
        c = np.array([x, y, rng.uniform(-d, d) * 0.93])
        gaps = [
            np.linalg.norm(np.array(place[9:12]) - c) - radius
            for place, radius, kind in zip(scene.places, scene.radii, scene.kinds)
            if kind != ROOM
        ]
        clear = min(gaps or [9])
        if best is None or clear > best[0]:
            best = (clear, c)
        if clear > 0.45:
            break
    return best[1]


def _draw_street(draft):
    rng, scene = draft.rng, draft.scene
    road = scene.material(
        pattern=rng.choice([0, 5, 3]),
        color=np.full(3, rng.uniform(0.1, 0.4)) * np.array([1, 0.98, 0.95]),
        saturation=0.2,
        scale=rng.uniform(0.3, 2),
    )
    draft.flat_ground(road)
    half = rng.uniform(4, 12)
    for side in (-1, 1):
        _draw_street_side(draft, side, half)
    for _ in range(rng.integers(0, 10)):
        x = rng.choice([-1, 1]) * (half * rng.choice([0.35, 0.8]))
        z = rng.uniform(4, 70)
        car(scene, x, z, rng.choice([0, math.pi]) + rng.normal(0, 0.05))
    for _ in range(rng.integers(0, 9)):
        person(scene, rng.uniform(-half, half) * 1.2, 0, math.exp(rng.uniform(0.8, 4)))
    if rng.random() < 0.4:
        center = (rng.normal(0, 8), rng.uniform(4, 14), rng.uniform(90, 170))
        size = (rng.uniform(8, 40), 20, 5)
        scene.add(BOX, center, size, None, scene.material(pattern=WINDOWS, scale=0.3))
    x = rng.uniform(-half, half) * 0.9
    y = rng.uniform(1.2, 2.2) if rng.random() < 0.8 else rng.uniform(2, 9)
    draft.position = np.array([x, y, 0.0])
    draft.yaw = rng.normal(0, 0.3)
    draft.pitch = rng.normal(-0.05, 0.1)


def _draw_street_side(draft, side, half):
    """Sidewalk, houses, trees and posts on one side."""
    rng, scene = draft.rng, draft.scene
    z = -12.0
    sidewalk = scene.material(pattern=3, saturation=0.2, scale=1)
    scene.add(BOX, (side * (half + 1), 0.06, 60), (half * 0.35, 0.08, 90), None, sidewalk)
    while z < rng.uniform(40, 160):
        length = rng.uniform(3, 14)
        height = rng.uniform(3, 9) if rng.random() < 0.6 else rng.uniform(9, 35)
        if rng.random() < 0.85:
            center = (side * (half * 1.35 + rng.uniform(3, 8)), height / 2, z + length / 2)
            size = (rng.uniform(2, 5) + 0.5, height / 2, length / 2)
            pattern = rng.choice([4, 4, 3, 0])
            wall = scene.material(pattern=pattern, scale=rng.uniform(0.25, 0.6), saturation=0.6)
            scene.add(BOX, center, size, None, wall)
        z += length + (rng.uniform(0, 8) if rng.random() < 0.3 else 0)
    for _ in range(rng.integers(0, 7)):
        x = side * (half + rng.uniform(-0.5, 1.5))
        tree(scene, x, 0, rng.uniform(2, 70))
    for _ in range(rng.integers(0, 5)):
        x, z = side * (half + 0.4), rng.uniform(2, 60)
        scene.add(CYL, (x, 2.5, z), (0.06, 2.5, 0.06), material=scene.material(saturation=0.1))


def _draw_terrain(draft):
    rng, scene = draft.rng, draft.scene
    draft.heights = make_height_map(rng)
    draft.ground[:] = [rng.uniform(60, 400), 0, 0, 1, 600.0]
    draft.ground[1] = rng.uniform(0.03, 0.3) * draft.ground[0] * 0.5
    color = np.array([0.1, 0.2, 0.05]) * rng.uniform(0.4, 2)
    color = color if rng.random() < 0.6 else random_color(rng)
    draft.ground_material = scene.material(
        pattern=BLOTCHES,
        color=color,
        second=color * rng.uniform(0.5, 1.8),
        scale=rng.uniform(0.05, 1),
        contrast=0.5,
    )
    rock = np.array([0.3, 0.27, 0.24]) * rng.uniform(0.4, 1.4)
    scene.material(pattern=0, color=rock, scale=0.3, contrast=0.8)
    c = np.array([rng.uniform(0, 99), 0, rng.uniform(0, 99)])
    draft.yaw = rng.uniform(0, 6.3)
    foot = height_at(draft.heights, draft.ground, c[0], c[2])
    c[1] = foot + (rng.uniform(1.2, 2.5) if rng.random() < 0.75 else rng.uniform(2, 30))
    draft.position = c
    draft.pitch = rng.normal(-0.08, 0.12)
    forward = np.array([math.sin(draft.yaw), math.cos(draft.yaw)])
    for _ in range(rng.integers(0, 36)):
        q = math.exp(rng.uniform(1.2, 5))
        s = rng.normal(0, 0.45) * q
        x = c[0] + forward[0] * q + forward[1] * s
        z = c[2] + forward[1] * q - forward[0] * s
        _draw_on_terrain(draft, x, height_at(draft.heights, draft.ground, x, z), z)


def _draw_on_terrain(draft, x, y, z):
    """A tree, a rock, a hut or a person."""
    rng, scene = draft.rng, draft.scene
    kind = rng.integers(6)
    if kind < 4:
        tree(scene, x, y - 0.2, z)
    elif kind == 4:
        half = tuple(rng.uniform(0.2, 1.5, 3))
        turn = random_rotation(rng)
        scene.add(ELL, (x, y, z), half, turn, scene.material(pattern=0, saturation=0.2, scale=1))
    elif rng.random() < 0.4:
        scene.add(BOX, (x, y + 1.5, z), (2.5, 2, 3.5), yaw_rotation(rng.uniform(0, 6)))
        scene.add(CONE, (x, y + 4.2, z), (4, 1.2, 4))
    else:
        person(scene, x, y, z)


def _draw_tabletop(draft):
    """A close view: a table with things, or people."""
    rng, scene = draft.rng, draft.scene
    if not draft.outdoors:
        d = rng.uniform(1.5, 5)
        half = (rng.uniform(2, 5), 1.4, d)
        wall = scene.material(saturation=0.5, contrast=0.3)
        floor = scene.material()
        ceiling = scene.material(saturation=0.1, contrast=0.1)
        scene.add(ROOM, (0, 1.4, 0), half, None, wall, floor, ceiling)
        draft.light[18:21] = [rng.uniform(-1.5, 1.5), 2.5, rng.uniform(-1.5, 1)]
        draft.light[21:24] = rng.uniform(0.3, 1.2)
    else:
        draft.flat_ground(scene.material(scale=0.5))
        for _ in range(rng.integers(0, 12)):
            x = rng.normal(0, 8)
            tree(scene, x, 0, rng.uniform(4, 30))
    if rng.random() < 0.5:
        half = (rng.uniform(0.5, 1.4), 0.04, rng.uniform(0.4, 0.9))
        scene.add(BOX, (0, 0.7, 0.2), half, yaw_rotation(rng.uniform(-0.4, 0.4)))
        for _ in range(rng.integers(2, 14)):
            x, z = rng.normal(0, 0.4), rng.normal(0.2, 0.3)
            small_thing(scene, x, 0.74, z, rng.uniform(0.6, 2))
        for _ in range(rng.integers(1, 7)):
            x, z = rng.normal(0, 1.4), rng.uniform(0.9, 3)
            furniture(scene, x, z, rng.uniform(0, 6.3))
        draft.position = np.array([rng.normal(0, 0.5), rng.uniform(0.9, 1.9), -rng.uniform(0.3, 1.6)])
        draft.roll = rng.normal(0, 0.1)
        draft.target = np.array([rng.normal(0, 0.2), 0.78, 0.3])
        return
    for _ in range(rng.integers(1, 4)):
        x, y = rng.normal(0, 0.45), rng.normal(0, 0.05)
        person(scene, x, y, rng.uniform(0.2, 1.6))
    for _ in range(rng.integers(0, 4)):
        x, z = rng.normal(0, 1.3), rng.uniform(1.2, 3)
        furniture(scene, x, z, rng.uniform(0, 6.3))
    draft.position = np.array([rng.normal(0, 0.3), rng.uniform(1.2, 1.7), -rng.uniform(0.4, 2)])
    draft.target = np.array([rng.normal(0, 0.2), rng.uniform(1.2, 1.6), 0.6])


def _draw_clutter(draft):
    """Primitives of all sizes floating in front of the camera."""
    rng, scene = draft.rng, draft.scene
    if draft.outdoors:
        draft.flat_ground(scene.material())
    else:
        half = (rng.uniform(2, 8), 2, rng.uniform(4, 12))
        walls = [scene.material() for _ in range(3)]
        scene.add(ROOM, (0, 2, 3), half, None, *walls)
        draft.light[18:21] = [0, 3, 1]
        draft.light[21:24] = rng.uniform(0.4, 1.5)
    for _ in range(rng.integers(8, 40)):
        q = math.exp(rng.uniform(0.2, 2.6))
        kind = rng.integers(4)
        center = (rng.normal(0, 0.45) * q, 1.4 + rng.normal(0, 0.3) * q, -2 + q)
        half = tuple(rng.uniform(0.05, 0.28, 3) * q**0.7)
        free = rng.random() < 0.6
        scene.add(kind, center, half, random_rotation(rng) if free else yaw_rotation(rng.uniform(0, 6)))
    draft.position = np.array([0, rng.uniform(1, 2), -2.2])
    draft.yaw = rng.normal(0, 0.15)
    draft.pitch = rng.normal(-0.05, 0.1)


def draw(rng):
    """Draws one scene."""
    draft = Draft(rng)
    draw_light(draft)
    painters = (_draw_room, _draw_room, _draw_street, _draw_terrain, _draw_tabletop, _draw_clutter)
    painters[draft.kind](draft)
    if draft.target is not None:
        v = draft.target - draft.position
        draft.yaw = math.atan2(v[0], v[2]) + rng.normal(0, 0.08)
        draft.pitch = math.atan2(v[1], math.hypot(v[0], v[2])) + rng.normal(0, 0.05)
    return draft


def _packed_camera(draft, width, height):
    """Camera row of `caster.render` from yaw, pitch and roll."""
    cy, sy = math.cos(draft.yaw), math.sin(draft.yaw)
    cp, sp = math.cos(draft.pitch), math.sin(draft.pitch)
    cr, sr = math.cos(draft.roll), math.sin(draft.roll)
    forward = np.array([sy * cp, sp, cy * cp])
    right = np.array([cy, 0, -sy])
    up = np.cross(forward, right)
    right, up = cr * right + sr * up, cr * up - sr * right
    tangent = math.tan(draft.field_of_view / 2)
    return np.array([*draft.position, *right, *up, *forward, tangent, tangent * height / width])


def develop(image, rng):
    """A random camera: exposure, white balance, vignette, shoulder, noise, gamma -> u8 RGB."""
    exposure = np.percentile(image.mean(-1), rng.uniform(70, 97)) + 1e-4
    image = image * (rng.uniform(0.45, 1.0) / exposure)
    image = image * np.exp(rng.normal(0, 0.06, 3)).astype(np.float32)
    if rng.random() < 0.5:
        yy, xx = np.mgrid[-1 : 1 : image.shape[0] * 1j, -1 : 1 : image.shape[1] * 1j]
        falloff = rng.uniform(0, 0.4) * (xx**2 + yy**2)
        image = image * (1 - falloff[..., None] / 2).astype(np.float32)
    image = np.clip(image, 0, None)
    image = np.where(image > 0.8, 0.8 + 0.2 * np.tanh((image - 0.8) / 0.2 * 0.7), image)
    strength = rng.uniform(0, 0.02)
    noise = rng.normal(0, 1, image.shape).astype(np.float32)
    image = image + noise * (strength * np.sqrt(np.clip(image, 0, 1)) + strength * 0.2)
    image = np.clip(image, 0, 1) ** (1 / rng.uniform(1.9, 2.5))
    contrast = rng.uniform(0.8, 1.25)
    image = np.clip((image - 0.5) * contrast + 0.5 + rng.normal(0, 0.03), 0, 1)
    if rng.random() < 0.12:
        image = np.repeat(image.mean(-1, keepdims=True), 3, -1)
    return (image * 255 + 0.5).astype(np.uint8)


def is_dull(disparity):
    """Whether a scene teaches nothing: nearly all sky, a buried camera, or one flat distance."""
    low, high = np.percentile(disparity, [2, 98])
    return (
        (disparity > 0).mean() < 0.15
        or (disparity > 1 / 0.25).mean() > 0.25
        or (high - low) / (high + 1e-9) < 0.15
    )


def sample(seed, width, height, tiles, supersample=1, centered=False, draw=draw):
    """One picture: (u8 RGB [h, w, 3], disparity f32 [h, w] in 1/m with 0 = sky, index into KINDS).

    Disparity is never blended: it is that of one subsample of each pixel (as in training), or with
    `centered` that of a ray of its own through the pixel's center. `draw` draws the scene.
    """
    rng = np.random.default_rng(seed)
    while True:
        draft = draw(rng)
        color, disparity = _render(draft, width * supersample, height * supersample, tiles)
        if not is_dull(disparity):
            break
    if supersample > 1:
        shape = (height, supersample, width, supersample, 3)
        color = color.reshape(shape).mean((1, 3))
        half = supersample // 2
        disparity = disparity[half::supersample, half::supersample]
    if centered:
        _, disparity = _render(draft, width, height, tiles)
    return develop(color, rng), disparity.astype(np.float32), draft.kind


def _render(draft, width, height, tiles):
    """Linear color f32 [h, w, 3] and disparity f32 [h, w] of a draft."""
    scene = draft.scene
    heights = draft.heights
    if heights is None:
        heights = np.zeros((1, TILE_SIZE, TILE_SIZE), np.float32)
    color = np.zeros((height, width, 3), np.float32)
    disparity = np.zeros((height, width), np.float32)
    render(
        width, height, _packed_camera(draft, width, height),
        np.array(scene.places or np.zeros((0, 15)), float).reshape(-1, 15),
        np.array(scene.kinds, np.int64), np.array(scene.radii, float),
        np.array(scene.faces or np.zeros((0, 3)), np.int64).reshape(-1, 3),
        np.array(scene.materials, float).reshape(-1, COLUMNS), tiles, heights,
        draft.ground, draft.ground_material, draft.light, draft.sky, color, disparity,
    )  # fmt: skip
    return color, disparity
