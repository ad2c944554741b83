"""Random materials and things for the training scenes: furniture, plants, people, trees, cars.

Every draw comes from the scene's generator in a fixed order, so a seed fixes the scene. Changing
the order of draws changes every picture after it: do not, lest the published scores lose their data.
"""

import math

import numpy as np

from .build import bounding_radius, yaw_rotation
from .materials import Material
from .noise import TILE_COUNT
from .primitives import BOX, CONE, CYL, ELL


def random_rotation(rng):
    """A uniformly distributed rotation matrix (from a random unit quaternion)."""
    q = rng.standard_normal(4)
    w, x, y, z = q / np.linalg.norm(q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def random_color(rng, saturation=None):
    """A linear color: mostly muted unless `saturation` (an upper bound) is given."""
    hue = rng.random()
    if saturation is None:
        sat = rng.beta(1.1, 4) if rng.random() < 0.75 else rng.beta(2, 2)
    else:
        sat = saturation * rng.random()
    value = rng.beta(2, 2.2) * 0.95 + 0.03
    sector = hue * 6
    f = sector - math.floor(sector)
    p, q, t = value * (1 - sat), value * (1 - sat * f), value * (1 - sat * (1 - f))
    wheel = [(value, t, p), (q, value, p), (p, value, t), (p, q, value), (t, p, value), (value, p, q)]
    return np.array(wheel[int(sector) % 6]) ** 1.6


class RandomScene:
    """Primitives and materials of a random scene, as lists of rows."""

    def __init__(self, rng):
        self.rng = rng
        self.places, self.kinds, self.radii, self.faces, self.materials = [], [], [], [], []

    def material(
        self, pattern=None, color=None, second=None, scale=None, contrast=None,
        specular=0.0, emission=0.0, saturation=None,
    ):  # fmt: skip
        """Adds a material; whatever is not given is drawn. Returns its index."""
        rng = self.rng
        if pattern is None:
            pattern = rng.choice([0, 0, 0, 0, 1, 2, 3, 5, 5, 6])
        if color is None:
            color = random_color(rng, saturation)
        if second is None:
            if rng.random() < 0.4:
                second = random_color(rng, saturation)
            else:
                second = np.clip(color * rng.uniform(0.4, 1.5) + rng.normal(0, 0.05, 3), 0.01, 1)
        if scale is None:
            scale = math.exp(rng.uniform(math.log(0.3), math.log(8)))
        if contrast is None:
            contrast = rng.uniform(0.1, 1.2)
        tile = rng.integers(TILE_COUNT)
        if not specular:
            specular = rng.uniform(0, 0.5) if rng.random() < 0.3 else 0
        phases = rng.uniform(0.1, 0.9), rng.random()
        made = Material(
            tuple(color), tuple(second), pattern, scale, tile, contrast, specular, emission, *phases
        )
        self.materials.append(made.row())
        return len(self.materials) - 1

    def add(self, kind, center, half, rotation=None, material=None, bottom=None, top=None):
        """Adds a primitive; without a material a random one is made for it."""
        rotation = np.eye(3) if rotation is None else rotation
        if material is None:
            material = self.material()
        self.places.append([*rotation.ravel(), *center, *half])
        self.kinds.append(kind)
        self.radii.append(bounding_radius(kind, half))
        bottom = material if bottom is None else bottom
        self.faces.append([material, bottom, material if top is None else top])


def local_frame(x, base, z, rotation):
    """A function from offsets (right, up, forward) in a turned frame to world positions."""

    def at(dx, y, dz):
        v = rotation.T @ np.array([dx, 0, dz])
        return (x + v[0], base + y, z + v[2])

    return at


def furniture(scene, x, z, yaw, base=0.0):
    """One random piece of furniture (or a person, or a plant) at x, z."""
    rng = scene.rng
    rotation = yaw_rotation(yaw)
    kind = rng.choice([0, 0, 1, 2, 3, 4, 4, 5, 6, 7, 8, 8, 8])
    at = local_frame(x, base, z, rotation)
    material = scene.material()
    if kind == 6:
        plant(scene, *at(0, 0, 0))
    elif kind == 7:
        person(scene, x, base, z)
    elif kind == 8:
        _study_piece(scene, at, rotation, material)
    else:
        (_table, _cabinet, _sofa, _bed, _chair, _lamp)[kind](scene, at, rotation, material)


def _table(scene, at, rotation, material):
    rng = scene.rng
    w, d, h = rng.uniform(0.4, 1.1), rng.uniform(0.3, 0.6), rng.uniform(0.4, 0.8)
    thick = 0.03
    scene.add(BOX, at(0, h, 0), (w, thick, d), rotation, material)
    for a in (-1, 1):
        for b in (-1, 1):
            scene.add(BOX, at(a * (w - 0.05), h / 2, b * (d - 0.05)), (0.03, h / 2, 0.03), rotation, material)
    for _ in range(rng.integers(0, 5)):
        small_thing(scene, *at(rng.uniform(-w, w) * 0.8, h + thick, rng.uniform(-d, d) * 0.8))


def _cabinet(scene, at, rotation, material):
    rng = scene.rng
    w, d, h = rng.uniform(0.3, 1.2), rng.uniform(0.2, 0.4), rng.uniform(0.4, 2.1)
    scene.add(BOX, at(0, h / 2, 0), (w, h / 2, d), rotation, material)
    for i in range(rng.integers(0, 4)):
        scene.add(BOX, at(0, h * (i + 0.6) / 4, -d), (w * 0.9, h * 0.1, 0.02), rotation, scene.material())
    for _ in range(rng.integers(0, 4)):
        small_thing(scene, *at(rng.uniform(-w, w) * 0.8, h, rng.uniform(-d, d) * 0.7))


def _sofa(scene, at, rotation, material):
    rng = scene.rng
    w = rng.uniform(0.6, 1.2)
    scene.add(BOX, at(0, 0.22, 0), (w, 0.22, 0.45), rotation, material)
    scene.add(BOX, at(0, 0.45, 0.38), (w, 0.45, 0.1), rotation, material)
    for a in (-1, 1):
        scene.add(BOX, at(a * w, 0.32, 0), (0.1, 0.32, 0.45), rotation, material)
    for _ in range(rng.integers(0, 4)):
        center = at(rng.uniform(-w, w) * 0.7, 0.55, 0.2)
        scene.add(ELL, center, (0.22, 0.2, 0.1), random_rotation(rng), scene.material())


def _bed(scene, at, rotation, material):
    w, length = scene.rng.uniform(0.5, 1.0), 1.0
    scene.add(BOX, at(0, 0.25, 0), (w, 0.25, length), rotation, material)
    scene.add(BOX, at(0, 0.5, length), (w, 0.5, 0.05), rotation)
    for a in (-0.5, 0.5):
        pillow = scene.material(saturation=0.2)
        scene.add(ELL, at(a * w, 0.55, length * 0.75), (0.3, 0.12, 0.2), rotation, pillow)


def _chair(scene, at, rotation, material):
    h = 0.45
    scene.add(BOX, at(0, h, 0), (0.22, 0.03, 0.22), rotation, material)
    scene.add(BOX, at(0, h + 0.25, 0.2), (0.22, 0.25, 0.02), rotation, material)
    for a in (-1, 1):
        for b in (-1, 1):
            scene.add(BOX, at(a * 0.19, h / 2, b * 0.19), (0.02, h / 2, 0.02), rotation, material)


def _lamp(scene, at, rotation, material):
    rng = scene.rng
    h = rng.uniform(0.8, 1.7)
    scene.add(CYL, at(0, h / 2, 0), (0.02, h / 2, 0.02), rotation, material)
    shade = scene.material(emission=rng.uniform(0.3, 2.5), color=np.array([1, 0.9, 0.7]))
    scene.add(CONE, at(0, h, 0), (0.2, 0.15, 0.2), rotation, shade)
    scene.add(CYL, at(0, 0.02, 0), (0.15, 0.02, 0.15), rotation, material)


def _study_piece(scene, at, rotation, material):
    rng = scene.rng
    if rng.random() < 0.4:
        _bookshelf(scene, at, rotation, material)
    elif rng.random() < 0.5:
        _desk(scene, at, rotation, material)
    else:
        for _ in range(rng.integers(1, 4)):
            center = at(rng.normal(0, 0.3), rng.uniform(0.1, 0.4), rng.normal(0, 0.3))
            scene.add(BOX, center, tuple(rng.uniform(0.1, 0.4, 3)), yaw_rotation(rng.uniform(0, 7)))


def _bookshelf(scene, at, rotation, material):
    rng = scene.rng
    w, h, d = rng.uniform(0.4, 0.9), rng.uniform(1.0, 2.1), 0.15
    scene.add(BOX, at(0, h / 2, 0.13), (w, h / 2, 0.02), rotation, material)
    for a in (-1, 1):
        scene.add(BOX, at(a * w, h / 2, 0), (0.02, h / 2, d), rotation, material)
    shelves = rng.integers(2, 6)
    for i in range(shelves + 1):
        scene.add(BOX, at(0, h * i / shelves, 0), (w, 0.015, d), rotation, material)
    for i in range(shelves):
        x = -w + 0.05
        while x < w - 0.08 and len(scene.kinds) < 240:
            thick = rng.uniform(0.015, 0.05)
            tall = rng.uniform(0.4, 0.85) * h / shelves / 2
            if rng.random() < 0.8:
                center = at(x + thick, h * i / shelves + tall + 0.015, -0.02)
                half = (thick * 0.95, tall, d * rng.uniform(0.5, 0.8))
                scene.add(BOX, center, half, rotation, scene.material(pattern=0, contrast=0.2))
            x += 2 * thick


def _desk(scene, at, rotation, material):
    rng = scene.rng
    w, d, h = rng.uniform(0.5, 0.9), rng.uniform(0.3, 0.4), rng.uniform(0.68, 0.78)
    scene.add(BOX, at(0, h, 0), (w, 0.02, d), rotation, material)
    for a in (-1, 1):
        scene.add(BOX, at(a * (w - 0.03), h / 2, 0), (0.02, h / 2, d * 0.9), rotation, material)
    black = scene.material(pattern=0, color=np.array([0.02, 0.02, 0.025]), contrast=0.1, specular=0.4)
    if rng.random() < 0.7:
        center = at(rng.normal(0, 0.2), h + 0.3, d * 0.4)
        half = (rng.uniform(0.2, 0.32), rng.uniform(0.13, 0.19), 0.02)
        scene.add(BOX, center, half, rotation, black)
        scene.add(CYL, at(0, h + 0.07, d * 0.4), (0.04, 0.07, 0.04), rotation, black)
        scene.add(BOX, at(0, h + 0.03, -0.05), (0.22, 0.012, 0.07), rotation, black)
    for _ in range(rng.integers(2, 10)):
        small_thing(scene, *at(rng.uniform(-w, w) * 0.9, h + 0.02, rng.uniform(-d, d) * 0.9))


def small_thing(scene, x, y, z, size=1.0):
    """A box, ball, tin, bottle or cone a few centimeters large."""
    rng = scene.rng
    kind = rng.integers(5)
    a = rng.uniform(0.04, 0.16) * size
    if kind == 0:
        half = (a, a * 0.7, a * rng.uniform(0.2, 1))
        scene.add(BOX, (x, y + a * 0.7, z), half, yaw_rotation(rng.uniform(0, 7)))
    elif kind == 1:
        scene.add(ELL, (x, y + a * 0.8, z), (a, a * 0.8, a))
    elif kind == 2:
        scene.add(CYL, (x, y + a, z), (a * 0.5, a, a * 0.5))
    elif kind == 3:
        material = scene.material()
        scene.add(CYL, (x, y + a, z), (a * 0.5, a, a * 0.5), material=material)
        scene.add(CYL, (x, y + 2.3 * a, z), (a * 0.2, a * 0.4, a * 0.2), material=material)
    else:
        scene.add(CONE, (x, y + a, z), (a * 0.7, a, a * 0.7))


def plant(scene, x, y, z, size=1.0):
    """A pot with a bunch of leafy ellipsoids."""
    rng = scene.rng
    scene.add(CYL, (x, y + 0.15 * size, z), (0.14 * size, 0.15 * size, 0.14 * size))
    leaf = scene.material(
        pattern=5,
        color=np.array([0.05, 0.2, 0.04]),
        second=np.array([0.15, 0.4, 0.08]),
        scale=6,
        contrast=0.8,
    )
    for _ in range(rng.integers(4, 10)):
        o = rng.normal(0, 0.14 * size, 3)
        half = tuple(rng.uniform(0.05, 0.2, 3) * size)
        scene.add(ELL, (x + o[0], y + 0.55 * size + o[1], z + o[2]), half, random_rotation(rng), leaf)


def person(scene, x, y, z, size=1.0):
    """A standing figure of cylinders and ellipsoids."""
    rng = scene.rng
    h = rng.uniform(1.5, 1.9) * size
    top = scene.material()
    legs = scene.material()
    tone = np.array([0.6, 0.38, 0.26]) * rng.uniform(0.35, 1.2)
    skin = scene.material(pattern=0, color=tone, contrast=0.15, scale=3)
    hair = scene.material(pattern=0, color=np.array([0.1, 0.06, 0.03]) * rng.uniform(0.2, 4))
    rotation = yaw_rotation(rng.uniform(0, 6.3))
    at = local_frame(x, y, z, rotation)
    for a in (-1, 1):
        foot = at(a * 0.09 * size, h * 0.24, rng.normal(0, 0.05))
        scene.add(CYL, foot, (0.075 * size, h * 0.24, 0.075 * size), rotation, legs)
        scene.add(CYL, at(a * 0.22 * size, h * 0.63, 0), (0.05 * size, h * 0.17, 0.05 * size), rotation, top)
    scene.add(ELL, at(0, h * 0.64, 0), (0.2 * size, h * 0.2, 0.13 * size), rotation, top)
    scene.add(CYL, at(0, h * 0.84, 0), (0.05 * size, 0.06 * size, 0.05 * size), rotation, skin)
    scene.add(ELL, at(0, h * 0.92, 0), (0.09 * size, 0.12 * size, 0.1 * size), rotation, skin)
    scene.add(ELL, at(0, h * 0.945, 0.025 * size), (0.097 * size, 0.11 * size, 0.1 * size), rotation, hair)


def tree(scene, x, y, z):
    """A conifer of three cones or a broad-leaved tree of ellipsoids, 2 to 9 m."""
    rng = scene.rng
    h = rng.uniform(2, 9)
    bark = scene.material(pattern=0, color=np.array([0.16, 0.1, 0.06]))
    scene.add(CYL, (x, y + h * 0.25, z), (0.03 * h, h * 0.25, 0.03 * h), material=bark)
    color = np.array([0.06, 0.18, 0.04]) * rng.uniform(0.5, 2)
    leaf = scene.material(pattern=5, color=color, second=color * rng.uniform(1.3, 2.5), scale=3, contrast=0.8)
    if rng.random() < 0.35:
        for i in range(3):
            radius = h * (0.22 - 0.05 * i)
            scene.add(CONE, (x, y + h * (0.35 + 0.2 * i), z), (radius, h * 0.2, radius), material=leaf)
        return
    for _ in range(rng.integers(3, 9)):
        o = rng.normal(0, 0.11 * h, 3)
        q = rng.uniform(0.1, 0.2) * h
        half = (q, q * rng.uniform(0.7, 1.1), q)
        center = (x + o[0], y + 0.68 * h + o[1] * 0.8, z + o[2])
        scene.add(ELL, center, half, random_rotation(rng), leaf)


def car(scene, x, z, yaw, y=0.0):
    """A car: body, glass, roof, four wheels."""
    rotation = yaw_rotation(yaw)
    paint = scene.material(pattern=0, contrast=0.1, specular=0.6)
    glass = scene.material(pattern=0, color=np.array([0.05, 0.06, 0.08]), contrast=0.1, specular=0.6)
    rubber = scene.material(pattern=0, color=np.array([0.02, 0.02, 0.02]))
    at = local_frame(x, y, z, rotation)
    scene.add(BOX, at(0, 0.6, 0), (0.85, 0.32, 2.1), rotation, paint)
    scene.add(BOX, at(0, 1.1, -0.2), (0.72, 0.28, 1.1), rotation, glass, paint, paint)
    scene.add(BOX, at(0, 1.38, -0.2), (0.7, 0.03, 0.95), rotation, paint)
    for a in (-1, 1):
        for b in (-1.3, 1.3):
            scene.add(ELL, at(a * 0.8, 0.33, b), (0.12, 0.33, 0.33), rotation, rubber)
