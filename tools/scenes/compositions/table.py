"""Kitchen still life by a window: board, bread, cheese, bottles, bowl of fruit, grapes, copper."""

import math

from ..build import Camera, Scene, Sky, Sun, tilt_rotation, yaw_rotation
from ..materials import BLOTCHES, BRICKS, CHECKER, NOISE, PLANKS, srgb
from ..objects import bottle
from ..primitives import BOWL, BOX, CONE, CYL, ELL, SOFT, TUBE

SIZE = (1536, 1152)
#: The part that is kept: left, top, right, bottom in pixels.
CROP = (0, 150, 1536, 1014)
#: Subsamples per side of a pixel, gathering rays per cell of the half-resolution grid.
SIDE, RAYS = 3, 32
EXPOSURE_STOPS = 1.2
CONTRAST = 1.05
CAMERA = Camera((0.03, 1.36, -1.02), (-0.015, 0.93, 0.2), 47.0)
TOP = 0.78


def compose():
    """The scene."""
    scene = Scene()
    scene.sun = Sun(28, -62, (0, 0, 0))
    scene.sky = Sky((0.3, 0.4, 0.6), (0.6, 0.62, 0.65), 3.0, fill=0.0, ambient=(0.055, 0.052, 0.05))
    _kitchen(scene)
    _board(scene)
    _bottles(scene)
    _fruit(scene)
    _small_things(scene)
    return scene


def _kitchen(scene):
    oak = scene.material(
        srgb("9a6a3c"),
        srgb("6e4522"),
        PLANKS,
        7.5,
        5,
        0.5,
        bump=0.004,
        bump_scale=3,
        reflectance=0.04,
        roughness=0.10,
    )
    wall = scene.material(srgb("5d6359"), srgb("4b5149"), NOISE, 2.0, 4, 0.9, bump=0.004, bump_scale=2)
    tiles = scene.material(
        srgb("71897f"), srgb("b9b4a4"), BRICKS, 5.0, 2, 0.4, reflectance=0.06, roughness=0.06
    )
    scene.add(BOX, (0, TOP - 0.03, 0.35), (1.35, 0.03, 0.62), oak, top=oak)
    scene.add(BOX, (0, 1.5, 2.05), (3.2, 1.6, 0.1), wall)
    scene.add(BOX, (0, 0.98, 1.94), (3.2, 0.42, 0.015), tiles)
    for center, half in (
        ((0, -0.1, 0), (4, 0.1, 3)),
        ((0, 3.2, 0), (4, 0.1, 3)),
        ((0, 1.5, -2.6), (4, 1.7, 0.1)),
        ((-2.4, 1.5, 0), (0.1, 1.7, 3)),
    ):
        scene.add(BOX, center, half, wall)
    scene.add(BOX, (2.6, 1.5, 0.5), (0.1, 1.6, 3), wall)
    shelf = scene.material(srgb("7a4f2c"), srgb("5b381d"), PLANKS, 6, 5, 0.5, reflectance=0.03)
    scene.add(BOX, (0.15, 1.42, 1.78), (1.6, 0.016, 0.16), shelf)
    jar = scene.material(srgb("b9773f"), srgb("8f5527"), NOISE, 3, 2, 0.8, reflectance=0.06, roughness=0.04)
    cream = scene.material(srgb("d9cfb8"), contrast=0.2, reflectance=0.05, roughness=0.05)
    for x, radius, height, material in (
        (-0.62, 0.075, 0.10, cream),
        (-0.42, 0.06, 0.075, jar),
        (0.66, 0.07, 0.12, cream),
    ):
        scene.add(SOFT, (x, 1.436 + height, 1.78), (radius, height, radius), material)
        scene.add(CYL, (x, 1.436 + 2 * height + 0.01, 1.78), (radius * 0.7, 0.014, radius * 0.7), shelf)
    copper = scene.material(
        (0.55, 0.22, 0.11), (0.40, 0.15, 0.07), NOISE, 2, 2, 0.5, reflectance=0.45, roughness=0.12
    )
    iron = scene.material(srgb("2a2624"), contrast=0.1, reflectance=0.05)
    scene.rod(CYL, (-1.2, 1.355, 1.66), (1.4, 1.355, 1.66), 0.008, iron)
    for x, radius in ((-0.24, 0.125), (0.08, 0.10), (0.34, 0.08)):
        scene.rod(CYL, (x, 1.35, 1.64), (x, 1.35 - 0.13, 1.63), 0.008, iron)
        scene.add(
            ELL,
            (x, 1.23 - radius, 1.63),
            (radius, 0.05, radius),
            copper,
            tilt_rotation(0, math.pi / 2 - 0.06),
        )
    # a tall window to the left, and the weak return of the room from the right
    scene.window_light((-1.95, 1.75, -0.05), (0, 0.62, 0), (0, 0, 0.70), (3.4, 3.25, 3.0))
    scene.window_light((2.2, 1.6, -0.8), (0, 0, 0.5), (0, 0.5, 0), (0.16, 0.12, 0.085))
    pane = scene.material((0.9, 0.95, 1.0), contrast=0.0, emission=2.6)
    bar = scene.material(srgb("d9d4c8"), contrast=0.0)
    for z in (-0.42, 0.32):
        scene.add(BOX, (-2.0, 1.75, z - 0.01), (0.01, 0.62, 0.33), pane)
    scene.add(BOX, (-1.98, 1.75, -0.05), (0.02, 0.62, 0.03), bar)


def _board(scene):
    wood = scene.material(
        srgb("c89458"), srgb("a26d35"), PLANKS, 9.0, 6, 0.5, reflectance=0.03, roughness=0.12
    )
    turn = yaw_rotation(-0.22)
    scene.add(SOFT, (-0.13, TOP + 0.013, -0.02), (0.265, 0.013, 0.155), wood, turn)
    crust = scene.material(srgb("b06a2c"), srgb("dba663"), BLOTCHES, 5.5, 2, 0.35, bump=0.05, bump_scale=4.0)
    crumb = scene.material(srgb("ecd6a8"), srgb("d9bd85"), BLOTCHES, 16, 8, 0.5, bump=0.05, bump_scale=9.0)
    scene.add(ELL, (-0.25, TOP + 0.085, 0.05), (0.145, 0.068, 0.082), crust, yaw_rotation(-0.35))
    for k, x in enumerate((-0.06, -0.025)):
        lean = tilt_rotation(0.5, 0.0, 0.9 + 0.25 * k)
        scene.add(
            CYL,
            (x, TOP + 0.062 - 0.012 * k, -0.005 - 0.02 * k),
            (0.062, 0.009, 0.052),
            crust,
            lean,
            crumb,
            crumb,
        )
        scene.add(CYL, (x, TOP + 0.062 - 0.012 * k, -0.005 - 0.02 * k), (0.057, 0.0095, 0.047), crumb, lean)
    cheese = scene.material(
        srgb("ecc25c"), srgb("dfae45"), NOISE, 4, 2, 0.5, reflectance=0.03, roughness=0.15
    )
    rind = scene.material(srgb("b5402a"), contrast=0.3, reflectance=0.04, roughness=0.1)
    scene.add(BOX, (0.045, TOP + 0.051, -0.075), (0.062, 0.025, 0.035), cheese, yaw_rotation(0.55))
    scene.add(BOX, (0.0625, TOP + 0.051, -0.046), (0.062, 0.0252, 0.003), rind, yaw_rotation(0.55))
    steel = scene.material(srgb("c5c9cc"), contrast=0.1, reflectance=0.55, roughness=0.06)
    handle = scene.material(srgb("2c1c12"), contrast=0.3, reflectance=0.05, roughness=0.1)
    blade = yaw_rotation(-0.75)
    scene.add(SOFT, (-0.105, TOP + 0.029, -0.115), (0.095, 0.0022, 0.013), steel, blade)
    scene.add(SOFT, (-0.225, TOP + 0.031, -0.228 + 0.005), (0.07, 0.009, 0.012), handle, blade)


def _bottles(scene):
    green = scene.material(srgb("1d3320"), srgb("16281a"), contrast=0.2, reflectance=0.06, roughness=0.008)
    amber = scene.material(srgb("5a2c0c"), srgb("46200a"), contrast=0.2, reflectance=0.06, roughness=0.008)
    label = scene.material(srgb("e6d9b8"), srgb("cdbb92"), BLOTCHES, 20, 6, 0.15)
    cork = scene.material(srgb("b58a58"), srgb("8f683d"), NOISE, 20, 1, 1.0)
    wax = scene.material(srgb("7a1f1c"), contrast=0.2, reflectance=0.04, roughness=0.08)
    bottle(scene, (-0.36, TOP, 0.40), 0.335, 0.043, green, label, wax)
    bottle(scene, (-0.225, TOP, 0.50), 0.275, 0.047, amber, None, cork)
    pitcher = scene.material(
        srgb("dcd6c6"), srgb("cfc6b0"), NOISE, 3, 2, 0.6, reflectance=0.06, roughness=0.03
    )
    band = scene.material(srgb("2f5f86"), contrast=0.2, reflectance=0.06, roughness=0.03)
    x, z = 0.02, 0.52
    scene.add(ELL, (x, TOP + 0.095, z), (0.088, 0.098, 0.088), pitcher)
    scene.add(CYL, (x, TOP + 0.195, z), (0.050, 0.055, 0.050), pitcher)
    scene.add(TUBE, (x, TOP + 0.262, z), (0.055, 0.015, 0.055), pitcher)
    scene.add(TUBE, (x, TOP + 0.165, z), (0.0625, 0.006, 0.0625), band)
    for k in range(9):
        a = -1.25 + k * 2.5 / 8
        b = -1.25 + (k + 1) * 2.5 / 8
        p = (x + 0.05 + 0.058 * math.cos(a), TOP + 0.17 + 0.062 * math.sin(a), z)
        q = (x + 0.05 + 0.058 * math.cos(b), TOP + 0.17 + 0.062 * math.sin(b), z)
        scene.rod(CYL, p, q, 0.0085, pitcher)
        scene.add(ELL, q, 0.0088, pitcher)


def apple(scene, center, radius, skin, stem, lean=0.0):
    """An apple with its stem."""
    x, y, z = center
    turn = tilt_rotation(x * 9, lean, lean * 0.7)
    scene.add(ELL, center, (radius, radius * 0.9, radius), skin, turn)
    top = turn.T @ [0, radius * 0.86, 0]
    tip = turn.T @ [0.004, radius * 1.22, 0.003]
    scene.rod(CYL, (x + top[0], y + top[1], z + top[2]), (x + tip[0], y + tip[1], z + tip[2]), 0.0022, stem)


def pear(scene, center, size, skin, stem, turn):
    """A pear lying or standing: body, neck, stem along the y of `turn`."""
    for lift, half in ((0.0, (0.8, 0.82, 0.8)), (0.55, (0.56, 0.72, 0.56)), (0.95, (0.36, 0.5, 0.36))):
        place = [c + o for c, o in zip(center, turn.T @ [0, lift * size, 0])]
        scene.add(ELL, place, tuple(size * h for h in half), skin, turn)
    ends = [[c + o for c, o in zip(center, turn.T @ [0, k * size, 0.0])] for k in (1.4, 1.85)]
    scene.rod(CYL, *ends, 0.0024, stem)


def _fruit(scene):
    glaze = scene.material(srgb("3d6076"), srgb("34546a"), NOISE, 2, 2, 0.7, reflectance=0.06, roughness=0.03)
    stem = scene.material(srgb("4a3520"), contrast=0.3)
    red = scene.material(srgb("b3271d"), srgb("d98c35"), NOISE, 5, 5, 1.0, reflectance=0.045, roughness=0.07)
    green = scene.material(
        srgb("a9b63f"), srgb("8a9c30"), NOISE, 9, 1, 0.8, reflectance=0.045, roughness=0.08
    )
    orange = scene.material(
        srgb("e5851a"),
        srgb("d97511"),
        NOISE,
        9,
        1,
        0.5,
        bump=0.02,
        bump_scale=16,
        reflectance=0.04,
        roughness=0.14,
    )
    lemon = scene.material(
        srgb("f0cf3a"),
        srgb("e3bb22"),
        NOISE,
        7,
        1,
        0.6,
        bump=0.02,
        bump_scale=14,
        reflectance=0.04,
        roughness=0.14,
    )
    pear_skin = scene.material(
        srgb("c2a83c"), srgb("a7702c"), NOISE, 7, 2, 1.0, reflectance=0.035, roughness=0.14
    )
    x, z = 0.31, 0.26
    scene.add(BOWL, (x, TOP + 0.125, z), (0.195, 0.115, 0.195), glaze)
    scene.add(BOWL, (x, TOP + 0.125, z), (0.188, 0.110, 0.188), glaze)
    scene.add(CYL, (x, TOP + 0.010, z), (0.075, 0.010, 0.075), glaze)
    apple(scene, (x - 0.085, TOP + 0.125, z - 0.055), 0.058, red, stem, 0.25)
    apple(scene, (x + 0.095, TOP + 0.125, z + 0.035), 0.057, green, stem, -0.3)
    apple(scene, (x - 0.02, TOP + 0.13, z + 0.095), 0.056, red, stem, 0.1)
    scene.add(ELL, (x + 0.045, TOP + 0.122, z - 0.085), 0.056, orange)
    scene.add(ELL, (x - 0.105, TOP + 0.135, z + 0.055), 0.052, orange)
    scene.add(ELL, (x + 0.01, TOP + 0.185, z + 0.0), 0.054, orange)
    pear(scene, (x + 0.06, TOP + 0.195, z + 0.08), 0.062, pear_skin, stem, tilt_rotation(0.4, 0.15, 0.25))
    apple(scene, (0.185, TOP + 0.051, -0.155 + 0.05), 0.056, red, stem, -0.12)
    scene.add(ELL, (0.40, TOP + 0.036, -0.02), (0.056, 0.037, 0.037), lemon, yaw_rotation(0.5))
    scene.add(ELL, (0.448, TOP + 0.036, -0.046), (0.016, 0.011, 0.011), lemon, yaw_rotation(0.5))
    scene.add(ELL, (0.315, TOP + 0.036, -0.105), (0.053, 0.037, 0.037), lemon, yaw_rotation(-0.6))
    pear(scene, (-0.46, TOP + 0.047, 0.16), 0.058, pear_skin, stem, tilt_rotation(0.5, 1.35, 0.0))
    _grapes(scene)


def _grapes(scene):
    grape = scene.material(
        srgb("4b1f3d"), srgb("6b3558"), NOISE, 9, 2, 1.0, reflectance=0.045, roughness=0.10
    )
    stalk = scene.material(srgb("7a6a35"), contrast=0.3)
    with scene.group():
        for layer, (count, lift, spread) in enumerate(
            ((15, 0.0125, 0.062), (10, 0.031, 0.046), (5, 0.049, 0.028))
        ):
            for k in range(count):
                angle = k * 2.39996 + layer
                radius = spread * math.sqrt((k + 0.5) / count)
                x = -0.335 + radius * math.cos(angle) * 1.35
                z = -0.185 + radius * math.sin(angle) * 0.8
                size = 0.0125 + 0.001 * ((k * 7 + layer) % 3 - 1)
                scene.add(ELL, (x, TOP + lift, z), (size, size * 1.08, size), grape)
        scene.rod(CYL, (-0.33, TOP + 0.06, -0.185), (-0.285, TOP + 0.095, -0.16), 0.0028, stalk)


def _small_things(scene):
    cloth = scene.material(srgb("e6dfd0"), srgb("9fb0b8"), CHECKER, 40.0, 1, 0.5, bump=0.02, bump_scale=20)
    scene.add(SOFT, (0.40, TOP + 0.004, -0.06), (0.20, 0.004, 0.13), cloth, yaw_rotation(0.3))
    scene.add(SOFT, (0.43, TOP + 0.010, -0.05), (0.17, 0.004, 0.10), cloth, yaw_rotation(0.36))
    cup = scene.material(srgb("d9d2c0"), srgb("c7bda6"), NOISE, 4, 2, 0.6, reflectance=0.05, roughness=0.04)
    coffee = scene.material(srgb("2a160b"), contrast=0.1, reflectance=0.05, roughness=0.02)
    scene.add(TUBE, (-0.56, TOP + 0.045, 0.36), (0.042, 0.045, 0.042), cup)
    scene.add(CYL, (-0.56, TOP + 0.036, 0.36), (0.0415, 0.035, 0.0415), coffee)
    nut = scene.material(srgb("a5713c"), srgb("7d4f25"), BLOTCHES, 20, 8, 0.4, bump=0.05, bump_scale=18)
    for k, (x, z) in enumerate(((0.10, -0.245), (0.155, -0.20), (0.06, -0.205), (0.215, -0.255))):
        scene.add(ELL, (x, TOP + 0.017, z), (0.0165, 0.017, 0.021), nut, yaw_rotation(1.3 * k))
    candle = scene.material(srgb("efe3c6"), contrast=0.1, reflectance=0.04, roughness=0.1)
    brass = scene.material(srgb("a8803c"), contrast=0.2, reflectance=0.40, roughness=0.10)
    x, z = 0.62, 0.55
    scene.add(CYL, (x, TOP + 0.008, z), (0.065, 0.008, 0.065), brass)
    scene.add(CYL, (x, TOP + 0.06, z), (0.012, 0.05, 0.012), brass)
    scene.add(CONE, (x, TOP + 0.10, z), (0.03, 0.02, 0.03), brass, tilt_rotation(0, math.pi))
    scene.add(CYL, (x, TOP + 0.205, z), (0.0125, 0.10, 0.0125), candle)
    scene.rod(CYL, (x, TOP + 0.30, z), (x, TOP + 0.318, z), 0.0015, scene.material((0.02, 0.02, 0.02)))
