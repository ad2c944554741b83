"""Old town street in late sun: facades, shutters, awnings, lamps, trees, people, a tower in the haze."""

import math

import numpy as np

from ..build import Air, Camera, Scene, Sky, Sun, tilt_rotation
from ..materials import BLOTCHES, BRICKS, NOISE, PLANKS, STRIPES, srgb
from ..objects import figure, table, tree
from ..primitives import BOX, CONE, CYL, ELL, SOFT

SIZE = (1536, 1024)
#: The part that is kept: left, top, right, bottom in pixels.
CROP = (0, 112, 1536, 976)
#: Subsamples per side of a pixel, gathering rays per cell of the half-resolution grid.
SIDE, RAYS = 3, 24
EXPOSURE_STOPS = 0.25
CONTRAST = 1.08
CAMERA = Camera((-0.7, 1.68, -2.0), (0.15, 3.35, 26.0), 62.0)
#: Distance of the facades from the street's middle, height of the sidewalk.
HALF_WIDTH, CURB = 6.2, 0.13


def compose():
    """The scene."""
    scene = Scene()
    scene.sun = Sun(31, 57, (3.3, 2.5, 1.7), 0.008)
    scene.sky = Sky(
        (0.13, 0.27, 0.62), (0.86, 0.78, 0.68), 2.6, cloud=0.8, cloud_threshold=0.55, cloud_scale=0.8,
        fill=1.0, ambient=(0.07, 0.065, 0.065), glow=0.5,
    )  # fmt: skip
    scene.air = Air((0.0016, 0.0020, 0.0026), (0.60, 0.60, 0.64), 0.10)
    _ground(scene)
    _houses(scene)
    _tower(scene)
    _furniture(scene)
    _people(scene)
    return scene


def _ground(scene):
    stones = scene.material(
        srgb("8f8579"), srgb("6b6258"), BRICKS, 3.0, 3, 0.5, reflectance=0.03, roughness=0.12
    )
    slabs = scene.material(
        srgb("b3a694"), srgb("8d8272"), BRICKS, 0.9, 3, 0.5, reflectance=0.02, roughness=0.2
    )
    curb = scene.material(srgb("a49a8c"), contrast=0.4)
    scene.add(BOX, (0, -0.5, 150), (60, 0.5, 175), stones)
    for side in (-1, 1):
        scene.add(BOX, (side * 5.2, CURB / 2 - 0.1, 60), (1.15, CURB / 2 + 0.1, 72), slabs)
        scene.add(BOX, (side * 4.0, CURB / 2 - 0.1, 60), (0.09, CURB / 2 + 0.105, 72), curb)


class Style:
    """Materials shared by the facades."""

    def __init__(self, scene):
        self.stone = scene.material(srgb("cfc3ae"), srgb("b9ab94"), NOISE, 2.0, 2, 0.6)
        self.frame = scene.material(srgb("efe9dc"), contrast=0.1)
        self.glass = scene.material(
            srgb("2a333b"), srgb("1d252d"), NOISE, 1.0, 2, 0.5, reflectance=0.14, roughness=0.012
        )
        self.lit = scene.material(
            srgb("f0b566"),
            srgb("8a4a20"),
            BLOTCHES,
            1.2,
            4,
            0.25,
            emission=0.55,
            reflectance=0.06,
            roughness=0.02,
        )
        self.roof = scene.material(srgb("8f4a33"), srgb("6d3726"), BRICKS, 3.0, 1, 0.8)
        self.door = scene.material(srgb("4a2f22"), srgb("3a2318"), PLANKS, 6.0, 5, 0.4, reflectance=0.03)
        self.dark = scene.material(srgb("23272b"), contrast=0.1, reflectance=0.04, roughness=0.2)
        self.pot = scene.material(srgb("a5573a"), contrast=0.3)
        self.green = scene.material(
            srgb("4c7a34"), srgb("7c9a45"), NOISE, 9, 1, 1.0, cutout=0.42, cutout_scale=3.0
        )


def window(scene, style, side, x, y, z, half, shutters, lit):
    """One window on a wall at `x`; `side` -1 is the left row of houses (facing +x)."""
    w, h = half
    out = -side

    def part(lift, dy, dz, size, material, rotation=None):
        scene.add(BOX, (x + out * lift, y + dy, z + dz), size, material, rotation)

    part(0.0, 0, 0, (0.035, h, w), style.lit if lit else style.glass)
    for dz in (-w, 0, w):
        part(0.03, 0, dz, (0.03, h, 0.035 if dz else 0.022), style.frame)
    for dy, t in ((-h, 0.05), (h * 0.3, 0.02), (h, 0.06)):
        part(0.03, dy, 0, (0.032, t, w + 0.03), style.frame)
    part(0.09, -h - 0.07, 0, (0.13, 0.035, w + 0.1), style.stone)
    part(0.06, h + 0.14, 0, (0.09, 0.05, w + 0.08), style.stone)
    if shutters is not None:
        for dz in (-1, 1):
            part(0.05, 0, dz * (w + 0.30), (0.022, h + 0.02, 0.25), shutters)


def house(scene, style, side, near, far, floors, wall, shutters, bays, shop=None, lit=(), flowers=()):
    """A town house between `near` and `far` along the street, with a shop front or a door."""
    middle, half = (near + far) / 2, (far - near) / 2
    x, out = side * HALF_WIDTH, -side
    ground, storey = 3.6, 3.05
    height = ground + floors * storey + 0.35
    with scene.group():
        scene.add(BOX, (x - out * 4.5, height / 2, middle), (4.5, height / 2, half), wall)
        scene.add(BOX, (x + out * 0.06, height, middle), (0.30, 0.12, half), style.stone)
        scene.add(BOX, (x + out * 0.0, height - 0.24, middle), (0.16, 0.12, half), style.stone)
        scene.add(BOX, (x, ground - 0.05, middle), (0.12, 0.09, half), style.stone)
        slope = tilt_rotation(0, 0, -out * 0.62)
        scene.add(BOX, (x - out * 2.3, height + 1.5, middle), (3.1, 0.10, half), style.roof, slope)
        scene.add(BOX, (x - out * 3.0, height + 2.6, far - 1.1), (0.4, 1.3, 0.55), wall)
    for floor in range(floors):
        with scene.group():
            for bay in range(bays):
                z = near + (bay + 0.5) * 2 * half / bays
                y = ground + 0.30 + storey * floor + 1.18
                window(scene, style, side, x, y, z, (0.50, 0.86), shutters, (floor, bay) in lit)
                if (floor, bay) in flowers:
                    scene.add(BOX, (x + out * 0.24, y - 0.93, z), (0.11, 0.10, 0.5), style.pot)
                    for shell in (1.0, 0.7):
                        scene.add(
                            ELL,
                            (x + out * 0.26, y - 0.78, z),
                            (0.2 * shell, 0.17 * shell, 0.56 * shell),
                            style.green,
                        )
    with scene.group():
        _shop_front(scene, style, side, x, near, far, shop)


def _shop_front(scene, style, side, x, near, far, awning):
    out, middle, half = -side, (near + far) / 2, (far - near) / 2
    for z, w in ((middle - half * 0.42, half * 0.40), (middle + half * 0.62, half * 0.26)):
        scene.add(BOX, (x, 1.75, z), (0.05, 1.15, w), style.lit if awning is not None else style.glass)
        for dz in (-w, 0, w):
            scene.add(BOX, (x + out * 0.05, 1.75, z + dz), (0.05, 1.2, 0.05), style.dark)
        for y in (0.55, 2.35, 2.95):
            scene.add(BOX, (x + out * 0.05, y, z), (0.06, 0.05, w + 0.05), style.dark)
        if awning is not None:
            turn = tilt_rotation(0, 0, out * 0.42)
            scene.add(BOX, (x + out * 0.75, 2.86, z), (0.82, 0.02, w + 0.12), awning, turn)
            scene.add(BOX, (x + out * 1.49, 2.43, z), (0.015, 0.13, w + 0.12), awning)
    z = middle + half * 0.16
    scene.add(BOX, (x, 1.35, z), (0.07, 1.25, 0.48), style.door)
    scene.add(BOX, (x + out * 0.1, 0.15, z), (0.35, 0.09, 0.7), style.stone)
    scene.add(BOX, (x + out * 0.03, 2.68, z), (0.1, 0.07, 0.62), style.stone)


def _houses(scene):
    style = Style(scene)

    def paint(a, b):
        return scene.material(srgb(a), srgb(b), NOISE, 0.9, 3, 0.9, bump=0.006, bump_scale=1.5)

    def plain(a):
        return scene.material(srgb(a), contrast=0.2)

    ochre, rose, cream = paint("d9a860", "c08f4b"), paint("cf8d78", "b77763"), paint("e4d6b8", "cdbd9b")
    sage, blue, brick = (
        paint("a9b08c", "939a78"),
        paint("93a7b5", "8092a0"),
        scene.material(srgb("9a5a41"), srgb("c0ab93"), BRICKS, 3.4, 1, 0.5),
    )
    green, wine, gray, teal = plain("3f6650"), plain("7a2f2f"), plain("6f7f86"), plain("2f6570")
    red_stripes = scene.material(srgb("b33a2c"), srgb("efe4cf"), STRIPES, 3.0, 1, 0.2, phase_u=0.5)
    green_cloth = scene.material(srgb("2f5d4a"), contrast=0.2)
    left, right = -1, 1
    flowers = ((0, 0), (0, 2), (1, 1))
    house(scene, style, left, -8.0, 3.2, 3, cream, gray, 4)
    house(scene, style, left, 3.2, 12.4, 3, ochre, green, 4, red_stripes, ((0, 1),), flowers)
    house(scene, style, left, 12.4, 19.6, 2, rose, teal, 3, None, (), flowers)
    house(scene, style, left, 19.6, 30.0, 3, cream, wine, 4, green_cloth)
    house(scene, style, left, 30.0, 39.5, 2, sage, gray, 4)
    house(scene, style, left, 39.5, 52.0, 3, brick, None, 5)
    house(scene, style, left, 52.0, 64.0, 3, ochre, green, 5)
    house(scene, style, left, 64.0, 80.0, 2, rose, gray, 6)
    house(scene, style, right, -8.0, 5.0, 3, brick, None, 5)
    house(scene, style, right, 5.0, 12.6, 2, blue, gray, 3, green_cloth, ((0, 0), (1, 2)), flowers)
    house(scene, style, right, 12.6, 21.5, 3, cream, green, 4, red_stripes, ((0, 2), (2, 1)))
    house(scene, style, right, 26.5, 35.5, 2, ochre, wine, 4, None, ((1, 0),))
    house(scene, style, right, 35.5, 47.0, 3, rose, teal, 5)
    house(scene, style, right, 50.0, 62.0, 2, cream, gray, 5)
    house(scene, style, right, 62.0, 80.0, 3, sage, None, 7)


def _tower(scene):
    stone = scene.material(srgb("c9b493"), srgb("a8936f"), BRICKS, 1.2, 2, 0.5)
    slate = scene.material(srgb("4f6a66"), contrast=0.4)
    dark = scene.material(srgb("2a2723"), contrast=0.1)
    with scene.group():
        scene.add(BOX, (2.0, 13, 112), (3.4, 13, 3.4), stone)
        scene.add(BOX, (2.0, 26.2, 112), (3.8, 0.35, 3.8), stone)
        scene.add(CONE, (2.0, 33.5, 112), (4.1, 7.2, 4.1), slate)
        scene.add(BOX, (2.0, 22, 108.55), (0.8, 1.7, 0.1), dark)
        scene.add(CYL, (2.0, 16.5, 108.6), (1.3, 0.12, 1.3), stone, tilt_rotation(0, math.pi / 2))
        scene.add(BOX, (-5, 6, 116), (9, 6, 6), stone)
        scene.add(BOX, (-5, 13.0, 116), (9, 0.2, 4.6), slate, tilt_rotation(0, 0.6))
        for x in (-11, -7, -3):
            scene.add(BOX, (x, 7, 109.9), (0.6, 2.2, 0.15), dark)


def street_lamp(scene, x, z, iron, globe):
    """A cast-iron lamp with a glass head."""
    with scene.group():
        scene.add(CYL, (x, CURB + 0.25, z), (0.11, 0.25, 0.11), iron)
        scene.add(CYL, (x, CURB + 1.9, z), (0.045, 1.9, 0.045), iron)
        for y in (0.6, 3.1, 3.7):
            scene.add(ELL, (x, CURB + y, z), (0.085, 0.05, 0.085), iron)
        scene.rod(CYL, (x - 0.28, CURB + 3.45, z), (x + 0.28, CURB + 3.45, z), 0.018, iron)
        scene.add(SOFT, (x, CURB + 4.05, z), (0.16, 0.24, 0.16), globe)
        scene.add(CONE, (x, CURB + 4.40, z), (0.24, 0.13, 0.24), iron)


def _furniture(scene):
    iron = scene.material(srgb("1f2624"), contrast=0.1, reflectance=0.04, roughness=0.2)
    globe = scene.material(srgb("f3d9a0"), contrast=0.1, emission=1.0, reflectance=0.05, roughness=0.05)
    for x, z in ((4.25, 5.2), (-4.25, 15.5), (4.25, 25.0), (-4.25, 36.0), (4.25, 47.0), (-4.25, 58.0)):
        street_lamp(scene, x, z, iron, globe)
    bark = scene.material(srgb("5f4c3a"), srgb("46382b"), NOISE, 6, 5, 1.0)
    leaves = [
        scene.material(srgb(c), contrast=0.8, cutout=0.48, cutout_scale=1.9)
        for c in ("94a53c", "aab048", "b9a040")
    ]
    for k, (x, z, height) in enumerate(
        ((4.55, 17.5, 5.6), (-4.6, 24.5, 6.2), (4.6, 33.0, 6.4), (-4.6, 45.0, 6.5), (4.6, 57.0, 7.0))
    ):
        tree(scene, (x, CURB, z), height, bark, leaves, 40 + k, spread=0.27, clumps=18, trunk=0.34)
    _cafe(scene, iron)
    wood = scene.material(srgb("7a5233"), srgb("5d3c23"), PLANKS, 8, 5, 0.4)
    tub = scene.material(srgb("6b4a34"), srgb("573a27"), STRIPES, 9, 2, 0.6)
    green = scene.material(srgb("35602f"), srgb("54803f"), NOISE, 9, 1, 1.0, cutout=0.40, cutout_scale=3.2)
    for x, z in ((-5.7, 3.6), (5.65, 12.6), (5.65, 4.6)):
        with scene.group():
            scene.add(CYL, (x, CURB + 0.25, z), (0.27, 0.25, 0.27), tub)
            for shell in (1.0, 0.85, 0.6):
                scene.add(ELL, (x, CURB + 0.88, z), (0.40 * shell, 0.48 * shell, 0.40 * shell), green)
    with scene.group():
        for y, z in ((0.45, 0.0), (0.72, 0.19), (0.86, 0.22)):
            scene.add(
                BOX,
                (5.35 + z, CURB + y, 9.0),
                (0.22 if y < 0.5 else 0.03, 0.025 if y < 0.5 else 0.05, 0.8),
                wood,
            )
        for dz in (-0.6, 0.6):
            scene.add(BOX, (5.35, CURB + 0.22, 9.0 + dz), (0.2, 0.22, 0.03), iron)


def _cafe(scene, iron):
    top = scene.material(srgb("d9d2c2"), contrast=0.2, reflectance=0.05, roughness=0.08)
    cane = scene.material(srgb("b98a52"), srgb("9a6c39"), NOISE, 12, 0, 0.8)
    canvas = scene.material(srgb("e6d3ac"), srgb("d6bf92"), NOISE, 2, 1, 0.4)
    for x, z in ((-5.05, 5.3), (-5.05, 7.6), (-5.05, 9.9)):
        table(scene, (x, CURB, z), 0.4, (0.36, 0.73, 0.36), 0.03, top, iron)
        for dz, turn in ((-0.72, math.pi), (0.72, 0.0)):
            with scene.group():
                scene.add(SOFT, (x, CURB + 0.45, z + dz), (0.21, 0.03, 0.21), cane)
                scene.add(SOFT, (x, CURB + 0.72, z + dz + math.copysign(0.2, dz)), (0.21, 0.19, 0.02), cane)
                for a in (-0.18, 0.18):
                    for b in (-0.18, 0.18):
                        scene.add(CYL, (x + a, CURB + 0.22, z + dz + b), (0.014, 0.22, 0.014), iron)
    with scene.group():
        scene.add(CYL, (-4.75, CURB + 1.35, 7.6), (0.025, 1.35, 0.025), iron)
        scene.add(CONE, (-4.75, CURB + 2.58, 7.6), (1.45, 0.28, 1.45), canvas)


def _people(scene):
    skin = scene.material(srgb("c99a7c"), contrast=0.1)
    skin_dark = scene.material(srgb("8a5a3c"), contrast=0.1)
    hair = [scene.material(srgb(c), contrast=0.3) for c in ("2b1d14", "6b4526", "8f8880")]
    cloth = [
        scene.material(srgb(c), contrast=0.3)
        for c in ("a83a2e", "2d4a73", "3b3b40", "d3b06a", "5a6e58", "7a5a78", "e0d8c8", "22303c")
    ]
    people = (
        (1.25, 7.4, 0.1, 1.72, 0, 7, 0), (2.0, 7.7, 0.1, 1.80, 2, 1, 1), (-2.1, 13.5, 3.0, 1.68, 3, 5, 0),
        (-5.0, 19.5, 3.2, 1.75, 1, 2, 2), (2.9, 21.0, 0.2, 1.78, 4, 2, 1), (0.2, 29.0, 2.9, 1.7, 5, 1, 0),
        (0.9, 29.6, 3.0, 1.8, 6, 7, 1), (-1.8, 40.0, 0.0, 1.74, 0, 2, 2), (2.4, 52.0, 0.1, 1.7, 1, 2, 0),
    )  # fmt: skip
    for k, (x, z, yaw, height, coat, legs, head) in enumerate(people):
        ground = CURB if abs(x) > 4.1 else 0.0
        tone = skin_dark if k % 3 == 1 else skin
        figure(
            scene,
            (x, ground, z),
            yaw,
            height,
            cloth[coat],
            cloth[legs],
            tone,
            hair[head],
            0.11 + 0.02 * (k % 3),
        )
    dove = scene.material(srgb("5f6672"), srgb("8a8f98"), NOISE, 9, 1, 1.0)
    for x, z, turn in np.array(
        [(-1.9, 4.4, 0.3), (-1.3, 4.9, 1.2), (-2.4, 5.2, 2.2), (-0.9, 4.2, 4.0), (-1.7, 5.7, 5.0)]
    ):
        with scene.group():
            scene.add(ELL, (x, 0.11, z), (0.055, 0.06, 0.12), dove, tilt_rotation(turn, 0.25))
            scene.add(
                ELL, (x - 0.09 * math.sin(turn), 0.19, z + 0.09 * math.cos(turn)), (0.03, 0.035, 0.04), dove
            )
