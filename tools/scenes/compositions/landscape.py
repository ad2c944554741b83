"""Mountain lake at evening: meadow with a fence, a cabin on the shore, spruces, snow, clouds."""

import math

import numpy as np

from ..build import Air, Camera, Scene, Sky, Sun, Terrain, tilt_rotation, yaw_rotation
from ..materials import BLOTCHES, NOISE, PLANKS, srgb
from ..noise import spectral_noise
from ..objects import conifer, tree
from ..primitives import BOX, CONE, CYL, ELL

SIZE = (1792, 1024)
#: The part that is kept: left, top, right, bottom in pixels.
CROP = (0, 0, 1536, 864)
#: Subsamples per side of a pixel, gathering rays per cell of the half-resolution grid.
SIDE, RAYS = 3, 24
EXPOSURE_STOPS = 0.35
CONTRAST = 1.08
#: Side of a height cell in meters, cells per side; the camera stands at z = START.
CELL, CELLS, START = 4.0, 1400, -2500.0
EYE = 14.9
CAMERA = Camera((0.0, EYE, START), (26.0, EYE - 14.0, START + 400.0), 60.0)


def _smooth(low, high, x):
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _noise(seed, exponent):
    field = spectral_noise(np.random.default_rng(seed), 2048, exponent, 1)[:CELLS, :CELLS]
    return (field - field.mean()) / field.std()


def height_field():
    """Meters above the lake: f64 [CELLS, CELLS]; meadow, lake basin, wooded hills, mountains."""
    axis = (np.arange(CELLS) - CELLS / 2) * CELL
    x, z = axis[None, :], axis[:, None] - START
    rolling, rough = _noise(71, 2.2), _noise(72, 1.9)
    ridges = 1.1 - np.abs(_noise(77, 2.05))
    slope = np.clip(1 - (z + 0.08 * x + 2 * rolling) / 100, 0, 1.1)
    meadow = 13.2 * slope**1.35 - 1.6 * _smooth(60, 105, z)
    shore = 520 + 55 * rolling
    across = np.abs(x - 0.10 * z + 40)
    basin = -7 + 30 * _smooth(0.62, 1.5, across / (230 + 0.32 * z)) + 26 * _smooth(shore, shore + 420, z)
    floor = np.where(z < 130, meadow, -1.6)
    floor = floor * (1 - _smooth(128, 210, z)) + basin * _smooth(128, 210, z)
    hills = 150 * _smooth(0.75, 2.3, across / (240 + 0.42 * z)) * _smooth(180, 620, z) * (1 + 0.22 * rolling)
    peaks = _smooth(900, 2500, z + 120 * rolling) * (400 + 330 * ridges + 130 * rough)
    peaks *= 0.72 + 0.45 * _smooth(0.0, 1.0, np.abs(x - 330) / 1300)
    detail = 0.35 * rough * _smooth(160, 600, z) * 6
    return floor + hills + np.maximum(peaks, 0) + detail + 0.10 * rough * _smooth(0, 60, z)


def compose():
    """The scene."""
    scene = Scene()
    scene.sun = Sun(17, -84, (4.5, 3.0, 1.7), 0.008)
    scene.sky = Sky(
        (0.10, 0.23, 0.56), (0.98, 0.74, 0.55), 5.2, cloud=0.92, cloud_threshold=0.46, cloud_scale=0.55,
        fill=0.95, ambient=(0.06, 0.07, 0.075), glow=0.6,
    )  # fmt: skip
    scene.air = Air((0.00014, 0.00020, 0.00030), (0.50, 0.55, 0.68), 0.05, 900.0)
    grass = scene.material(srgb("7c8b3a"), srgb("4f6a2c"), BLOTCHES, 0.5, 2, 0.22, bump=0.03, bump_scale=0.35)
    scene.material(srgb("827a73"), srgb("6b645e"), NOISE, 0.2, 2, 1.0, bump=0.09, bump_scale=0.011)
    scene.material(srgb("eef1f6"), contrast=0.1)
    scene.material(srgb("43562e"), contrast=0.1)
    heights = height_field()
    scene.terrain = Terrain(heights, CELL, grass, 0.78, 500.0, 6000.0)

    def ground(x, z):
        """Height at x, z meters from the camera's foot."""
        u = x / CELL + CELLS / 2
        v = (z + START) / CELL + CELLS / 2
        i, j = int(u), int(v)
        a, b = u - i, v - j
        top = heights[j, i] * (1 - a) + heights[j, i + 1] * a
        return top * (1 - b) + (heights[j + 1, i] * (1 - a) + heights[j + 1, i + 1] * a) * b

    water = scene.material(
        srgb("1d3d45"),
        srgb("17343c"),
        NOISE,
        0.05,
        2,
        0.5,
        bump=0.0011,
        bump_scale=0.16,
        reflectance=0.03,
        roughness=0.008,
    )
    scene.add(BOX, (0, -5, START + 1600), (2600, 5, 1560), water)
    _meadow(scene, ground)
    _fence(scene, ground)
    _cabin(scene, ground)
    _woods(scene, ground)
    return scene


def _at(x, y, z):
    return (x, y, z + START)


def _meadow(scene, ground):
    rng = np.random.default_rng(5)
    blades = [scene.material(srgb(c), contrast=0.4) for c in ("8fa044", "6f8a36", "a8a552", "56732d")]
    petals = [scene.material(srgb(c), contrast=0.2) for c in ("f2efe4", "e8c33c", "b6508a", "7a6fc0")]
    for _ in range(420):
        z = 2.6 + 30 * rng.random() ** 1.7
        x = (rng.random() - 0.5) * 1.35 * z + rng.normal(0, 0.5)
        y = ground(x, z)
        with scene.group():
            for _ in range(9):
                dx, dz = rng.normal(0, 0.11, 2)
                tall = rng.uniform(0.12, 0.34)
                lean = rng.normal(0, 0.10, 2)
                foot = _at(x + dx, y - 0.03, z + dz)
                tip = _at(x + dx + lean[0], y + tall, z + dz + lean[1])
                scene.rod(CONE, foot, tip, 0.007 + 0.00025 * z, blades[rng.integers(4)])
            if rng.random() < 0.5:
                petal = petals[rng.choice(4, p=[0.35, 0.35, 0.15, 0.15])]
                for _ in range(3):
                    dx, dz = rng.normal(0, 0.14, 2)
                    tall = rng.uniform(0.2, 0.38)
                    scene.rod(CYL, _at(x + dx, y, z + dz), _at(x + dx, y + tall, z + dz), 0.004, blades[1])
                    scene.add(
                        ELL,
                        _at(x + dx, y + tall, z + dz),
                        (0.028, 0.014, 0.028),
                        petal,
                        tilt_rotation(rng.uniform(0, 6), 0.5),
                    )
    stone = scene.material(srgb("8b857c"), srgb("6a665f"), BLOTCHES, 3, 2, 0.3, bump=0.06, bump_scale=2)
    for x, z, size in (
        (2.9, 6.4, 0.42),
        (3.5, 7.1, 0.26),
        (-4.4, 12.0, 0.55),
        (6.5, 17.0, 0.8),
        (-2.0, 27.0, 0.7),
        (14, 34, 1.0),
        (-13, 80, 1.6),
        (9, 92, 1.3),
        (-5, 97, 0.9),
    ):
        half = (size, size * 0.55, size * 0.75)
        scene.add(ELL, _at(x, ground(x, z) + size * 0.12, z), half, stone, tilt_rotation(x * 3, 0.2, 0.2))


def _fence(scene, ground):
    wood = scene.material(srgb("8a7860"), srgb("6b5b47"), PLANKS, 5, 5, 0.7)
    posts = []
    for k in range(16):
        z = 5.2 + 3.0 * k
        x = -3.1 - 0.10 * k + 0.055 * k * k
        posts.append((x, ground(x, z), z, 0.06 * math.sin(2.3 * k)))
    for (x, y, z, lean), after in zip(posts, posts[1:] + [None]):
        with scene.group():
            scene.rod(CYL, _at(x, y - 0.3, z), _at(x + lean, y + 1.12, z), 0.055, wood)
            if after is not None:
                for lift in (0.45, 0.88):
                    start = _at(x + lean * lift, y + lift + 0.04 * math.sin(5 * z), z)
                    end = _at(after[0] + after[3] * lift, after[1] + lift, after[2])
                    scene.rod(CYL, start, end, 0.035, wood)


def _cabin(scene, ground):
    logs = scene.material(srgb("6e4a2e"), srgb("4c311d"), PLANKS, 3.2, 5, 0.6)
    shingle = scene.material(srgb("6f675f"), srgb("554e48"), PLANKS, 3.0, 5, 0.7)
    lit = scene.material((1.0, 0.62, 0.25), contrast=0.2, emission=1.1)
    stone = scene.material(srgb("8b857c"), contrast=0.6)
    x, z = 21.0, 50.0
    y = max(ground(x, z), 0.4)
    turn = yaw_rotation(-0.5)

    def part(dx, dy, dz, half, material, rotation=None):
        offset = turn.T @ [dx, 0, dz]
        scene.add(
            BOX,
            _at(x + offset[0], y + dy, z + offset[2]),
            half,
            material,
            turn if rotation is None else rotation,
        )

    with scene.group():
        part(0, 0.0, 0, (4.3, 0.5, 3.3), stone)
        part(0, 1.9, 0, (4.0, 1.6, 3.0), logs)
        for k in range(6):
            part(0, 3.5 + 0.3 * k, 0, (4.0, 0.17, 2.9 - 0.52 * k), logs)
        for side in (-1, 1):
            part(0, 4.35, side * 1.75, (4.7, 0.09, 2.25), shingle, tilt_rotation(-0.5, -side * 0.53))
        part(1.9, 5.4, 0.6, (0.45, 1.1, 0.45), stone)
        for dx in (-2.2, 2.2):
            part(dx, 2.0, -3.02, (0.55, 0.5, 0.05), lit)
        part(0, 1.5, -3.02, (0.5, 1.05, 0.06), shingle)
        part(-4.02, 2.0, 0, (0.05, 0.5, 0.6), lit)
    with scene.group():
        for k in range(14):
            scene.add(BOX, _at(9.5 + 0.12 * k, 0.42, 80 + 1.15 * k), (1.1, 0.05, 0.5), logs)
        for k in range(0, 14, 4):
            for side in (-1, 1):
                scene.add(CYL, _at(9.5 + 0.12 * k + side, 0.1, 80 + 1.15 * k), (0.11, 0.9, 0.11), logs)


def _woods(scene, ground):
    rng = np.random.default_rng(9)
    bark = scene.material(srgb("5b4636"), contrast=0.5)
    needles = [
        scene.material(srgb(c), srgb(d), NOISE, 0.8, 1, 1.0, cutout=0.40, cutout_scale=0.55)
        for c, d in (("3d5a34", "2c4529"), ("4c6a3a", "36512d"), ("5a7040", "41572f"))
    ]
    planted = 0
    while planted < 700:
        z = 75 * math.exp(rng.random() * 3.0)
        x = rng.uniform(-0.75, 0.85) * z
        y = ground(x, z)
        shoreward = z < 150 and abs(x) < 0.36 * z
        if y < 1.2 or y > 300 or shoreward or z < 100:
            continue
        if rng.random() > 0.35 + 0.65 * math.sin(x * 0.011 + z * 0.007) ** 2:
            continue
        conifer(scene, _at(x, y - 0.4, z), rng.uniform(11, 22), bark, needles[planted % 3], planted)
        planted += 1
    for x, z, height in (
        (31, 56, 13),
        (35, 50, 15),
        (29.5, 62, 11),
        (40, 60, 17),
        (36, 68, 14),
        (-36, 76, 19),
        (-41, 70, 16),
        (-46, 79, 21),
        (-33, 86, 14),
    ):
        conifer(scene, _at(x, ground(x, z) - 0.3, z), height, bark, needles[int(x) % 3], int(abs(x)))
    leaves = [
        scene.material(srgb(c), contrast=0.8, cutout=0.48, cutout_scale=1.4)
        for c in ("9aa23e", "b2a243", "7f9438")
    ]
    tree(
        scene,
        _at(-11.6, ground(-11.6, 21.5), 21.5),
        11.5,
        bark,
        leaves,
        3,
        spread=0.34,
        clumps=26,
        trunk=0.28,
    )
