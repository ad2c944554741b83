"""Living room: low sun through two tall windows, a lamp already lit, boards, rug, plant, books."""

import math

from ..build import Camera, Scene, Sky, Sun, tilt_rotation, yaw_rotation
from ..materials import BLOTCHES, CHECKER, NOISE, PLANKS, STRIPES, srgb
from ..objects import (
    bookshelf,
    bottle,
    curtain,
    floor_lamp,
    leafy_plant,
    picture_frame,
    placed,
    sofa,
    table,
    tree,
)
from ..primitives import BOWL, BOX, CYL, ELL, SOFT

SIZE = (1536, 1024)
#: The part that is kept: left, top, right, bottom in pixels.
CROP = (0, 96, 1536, 960)
#: Subsamples per side of a pixel, gathering rays per cell of the half-resolution grid.
SIDE, RAYS = 4, 40
EXPOSURE_STOPS = 0.55
CAMERA = Camera((1.25, 1.42, -0.55), (-0.45, 0.92, 5.5), 64.0)

#: Window openings in the left wall: (near z, far z); sill and lintel heights.
WINDOWS = ((1.15, 2.75), (3.45, 5.05))
SILL, LINTEL = 0.42, 2.42
LEFT, RIGHT, FAR_WALL, CEILING = -3.0, 2.6, 6.4, 2.85


def compose():
    """The scene."""
    scene = Scene()
    scene.sun = Sun(30, -73, (5.2, 3.9, 2.5), 0.01)
    scene.sky = Sky(
        (0.25, 0.45, 0.85), (0.85, 0.86, 0.84), 3.0, fill=0.0, backdrop=0.85, ambient=(0.105, 0.10, 0.094)
    )
    _shell(scene)
    _windows(scene)
    _seating(scene)
    _coffee_table(scene)
    _walls(scene)
    _garden(scene)
    return scene


def _shell(scene):
    plaster = scene.material(srgb("e2dace"), srgb("d8cfc0"), NOISE, 0.6, contrast=0.4)
    accent = scene.material(srgb("5f7a78"), srgb("566f6e"), NOISE, 0.5, contrast=0.4)
    white = scene.material(srgb("eeebe4"), contrast=0.05)
    boards = scene.material(
        srgb("b98a5a"),
        srgb("8a5c35"),
        PLANKS,
        7.0,
        5,
        0.4,
        bump=0.003,
        bump_scale=1.5,
        reflectance=0.035,
        roughness=0.09,
    )
    wide, deep = (RIGHT - LEFT) / 2, (FAR_WALL + 1.2) / 2
    middle_x, middle_z = (LEFT + RIGHT) / 2, (FAR_WALL - 1.2) / 2
    scene.add(BOX, (middle_x, -0.1, middle_z), (wide + 0.3, 0.1, deep + 0.3), boards)
    scene.add(BOX, (middle_x, CEILING + 0.1, middle_z), (wide + 0.3, 0.1, deep + 0.3), white)
    scene.add(BOX, (RIGHT + 0.1, CEILING / 2, middle_z), (0.1, CEILING / 2, deep + 0.3), plaster)
    scene.add(BOX, (middle_x, CEILING / 2, FAR_WALL + 0.1), (wide + 0.3, CEILING / 2, 0.1), accent)
    scene.add(BOX, (middle_x, CEILING / 2, -1.3), (wide + 0.3, CEILING / 2, 0.1), plaster)
    edges = [-1.2, *[z for window in WINDOWS for z in window], FAR_WALL]
    for near, far in zip(edges[::2], edges[1::2]):
        size = (0.13, CEILING / 2, (far - near) / 2)
        scene.add(BOX, (LEFT - 0.13, CEILING / 2, (near + far) / 2), size, plaster)
    for near, far in WINDOWS:
        half = (far - near) / 2
        scene.add(BOX, (LEFT - 0.13, SILL / 2, (near + far) / 2), (0.13, SILL / 2, half), plaster)
        top = (CEILING - LINTEL) / 2
        scene.add(BOX, (LEFT - 0.13, CEILING - top, (near + far) / 2), (0.13, top, half), plaster)
    scene.add(BOX, (middle_x, 0.06, FAR_WALL - 0.01), (wide, 0.06, 0.014), white)
    scene.add(BOX, (RIGHT - 0.01, 0.06, middle_z), (0.014, 0.06, deep), white)
    scene.add(BOX, (LEFT + 0.01, 0.06, middle_z), (0.014, 0.06, deep), white)


def _windows(scene):
    white = scene.material(srgb("f2efe8"), contrast=0.05, reflectance=0.03, roughness=0.2)
    linen = scene.material(srgb("d9cbb2"), srgb("cbbba0"), NOISE, 4.0, 1, 0.4)
    for near, far in WINDOWS:
        middle, half, tall = (near + far) / 2, (far - near) / 2, (LINTEL - SILL) / 2
        center_y = (SILL + LINTEL) / 2
        with scene.group():
            for z in (near + 0.03, middle, far - 0.03):
                scene.add(BOX, (LEFT - 0.16, center_y, z), (0.03, tall, 0.03), white)
            for y in (SILL + 0.03, SILL + tall * 1.35, LINTEL - 0.03):
                scene.add(BOX, (LEFT - 0.16, y, middle), (0.026, 0.022, half), white)
            scene.add(BOX, (LEFT + 0.03, SILL - 0.015, middle), (0.19, 0.018, half + 0.06), white)
        # the sky's share of the light; it shines from outside the opening, toward +x
        scene.window_light((LEFT - 0.12, center_y, middle), (0, tall, 0), (0, 0, half), (1.0, 1.25, 1.6))
        curtain(scene, (LEFT + 0.1, near - 0.42), (LEFT + 0.1, near - 0.02), 2.6, 0.03, linen, 7)
    curtain(scene, (LEFT + 0.1, WINDOWS[1][1]), (LEFT + 0.1, WINDOWS[1][1] + 0.42), 2.6, 0.03, linen, 7)
    rail = scene.material(srgb("4a3a2c"), contrast=0.1, reflectance=0.04)
    scene.rod(CYL, (LEFT + 0.1, 2.62, 0.6), (LEFT + 0.1, 2.62, 5.6), 0.014, rail)


def _seating(scene):
    fabric = scene.material(srgb("8f4a32"), srgb("7d3d28"), NOISE, 9.0, 0, 0.5, bump=0.02, bump_scale=9.0)
    chair = scene.material(srgb("d9c9a8"), srgb("c7b48f"), NOISE, 9.0, 0, 0.5, bump=0.02, bump_scale=9.0)
    walnut = scene.material(srgb("4b2f1d"), srgb("38210f"), PLANKS, 3.0, 5, 0.4, reflectance=0.03)
    teal = scene.material(srgb("2f6f73"), srgb("275d60"), NOISE, 8.0, 0, 0.5)
    mustard = scene.material(srgb("d8a437"), srgb("c48f2a"), STRIPES, 22.0, 1, 0.3)
    cream = scene.material(srgb("e8dfcc"), srgb("d6cab0"), CHECKER, 18.0, 1, 0.3)
    cushions = ((-0.72, teal, 0.12), (-0.42, mustard, -0.16), (0.74, cream, -0.1))
    sofa(scene, (-0.25, 0, 5.65), 0.0, 2.35, fabric, walnut, cushions)
    sofa(scene, (1.75, 0, 3.35), math.radians(-112) + math.pi, 0.98, chair, walnut, ((0.0, teal, 0.05),))
    rug = scene.material(srgb("c9b698"), srgb("33505a"), BLOTCHES, 9.0, 8, 0.5, bump=0.03, bump_scale=8)
    border = scene.material(srgb("2d4650"), srgb("28404a"), NOISE, 9.0, 0, 0.5, bump=0.03, bump_scale=8)
    scene.add(BOX, (-0.35, 0.004, 3.45), (1.75, 0.006, 1.25), border)
    scene.add(BOX, (-0.35, 0.006, 3.45), (1.58, 0.007, 1.08), rug)
    shade = scene.material(srgb("f3dfb8"), srgb("ead2a2"), NOISE, 5.0, 1, 0.3, emission=0.72)
    brass = scene.material(srgb("a8834a"), contrast=0.1, reflectance=0.35, roughness=0.15)
    bulb = scene.material((1.0, 0.82, 0.55), contrast=0.0, emission=3.0)
    floor_lamp(scene, (1.42, 0, 5.75), 1.55, brass, shade, bulb)
    scene.ball_light((1.42, 1.80, 5.75), 0.05, (0.42, 0.27, 0.13))
    scene.ball_light((1.42, 1.30, 5.75), 0.05, (0.42, 0.27, 0.13))


def _coffee_table(scene):
    oak = scene.material(
        srgb("c79a64"), srgb("a5773f"), PLANKS, 5.0, 5, 0.4, reflectance=0.04, roughness=0.06
    )
    legs = scene.material(srgb("2b2521"), contrast=0.1, reflectance=0.04)
    top, yaw, origin = 0.43, 0.10, (-0.35, 0, 3.35)
    table(scene, origin, yaw, (0.66, top, 0.38), 0.035, oak, legs)
    paper = scene.material(srgb("efe9dc"), contrast=0.1)
    red = scene.material(srgb("a8322a"), contrast=0.1, reflectance=0.04)
    blue = scene.material(srgb("274b6d"), contrast=0.1, reflectance=0.04)
    for k, (cover, turn) in enumerate(((blue, 0.2), (red, -0.12))):
        center = placed(origin, yaw, (-0.34, top + 0.018 + 0.034 * k, -0.05))
        scene.add(BOX, center, (0.15, 0.013, 0.11), paper, yaw_rotation(yaw + turn))
        for lift in (-0.015, 0.015):
            scene.add(BOX, raised(center, lift), (0.155, 0.003, 0.115), cover, yaw_rotation(yaw + turn))
    glaze = scene.material(srgb("e6e2d8"), contrast=0.1, reflectance=0.05, roughness=0.03)
    x, y, z = placed(origin, yaw, (0.30, top, 0.06))
    bottle(
        scene,
        (x, y, z),
        0.26,
        0.075,
        scene.material(srgb("31525c"), contrast=0.2, reflectance=0.05, roughness=0.02),
    )
    twig = scene.material(srgb("5a4630"), contrast=0.1)
    blossom = scene.material(srgb("e9a7a0"), srgb("f3cdbf"), NOISE, 8, 1, 1.0)
    with scene.group():
        for k in range(7):
            angle = 2.4 * k
            tip = (x + 0.16 * math.cos(angle), y + 0.52 + 0.045 * (k % 3), z + 0.16 * math.sin(angle))
            scene.rod(CYL, (x, y + 0.2, z), tip, 0.0035, twig)
            for j in range(4):
                f = 0.62 + 0.125 * j
                spot = [x + (tip[0] - x) * f, y + 0.2 + (tip[1] - y - 0.2) * f, z + (tip[2] - z) * f]
                spot[j % 3] += 0.02 * (-1) ** (k + j)
                scene.add(ELL, spot, (0.023, 0.017, 0.023), blossom, tilt_rotation(angle + j, 0.5))
    x, y, z = placed(origin, yaw, (0.02, top, -0.18))
    scene.add(BOWL, (x, y + 0.075, z), (0.13, 0.075, 0.13), glaze)
    scene.add(CYL, (x, y + 0.004, z), (0.05, 0.004, 0.05), glaze)
    orange = scene.material(
        srgb("e08a1e"),
        srgb("d67a14"),
        NOISE,
        9,
        1,
        0.4,
        bump=0.02,
        bump_scale=14,
        reflectance=0.03,
        roughness=0.2,
    )
    for dx, dz, lift in ((-0.045, 0.0, 0.058), (0.04, 0.035, 0.06), (0.035, -0.045, 0.06), (0.0, 0.0, 0.115)):
        scene.add(ELL, (x + dx, y + lift, z + dz), 0.043, orange)


def raised(point, lift):
    """`point` raised by `lift`."""
    return (point[0], point[1] + lift, point[2])


def _walls(scene):
    walnut = scene.material(srgb("6b452a"), srgb("54331c"), PLANKS, 3.0, 5, 0.4, reflectance=0.03)
    colors = ("7b2d26", "2e4a62", "c9a35b", "ded5c2", "3f5b45", "8b5a3c", "20303a", "b5684a", "6c6f7a")
    covers = [scene.material(srgb(c), contrast=0.2, reflectance=0.03, roughness=0.2) for c in colors]
    bookshelf(scene, (RIGHT - 0.2, 0, 4.95), -math.pi / 2, (0.75, 1.05, 0.17), 6, walnut, covers, 11)
    frame = scene.material(srgb("2a241f"), contrast=0.1, reflectance=0.04)
    board = scene.material(srgb("efeade"), contrast=0.05)
    abstract = scene.material(srgb("d07b3f"), srgb("22506a"), BLOTCHES, 3.2, 4, 0.9)
    lines = scene.material(srgb("e9d9b8"), srgb("7a3b2c"), BLOTCHES, 6.0, 6, 0.6)
    picture_frame(scene, (-0.62, 1.74, FAR_WALL - 0.02), (0.52, 0.40), frame, board, abstract)
    picture_frame(scene, (0.42, 1.74, FAR_WALL - 0.02), (0.30, 0.40), frame, board, lines)
    pot = scene.material(srgb("d5d0c6"), contrast=0.2, reflectance=0.04, roughness=0.15)
    soil = scene.material(srgb("4a3524"), contrast=0.5)
    leaf = [
        scene.material(srgb(c), contrast=0.5, reflectance=0.04, roughness=0.25)
        for c in ("3c6b34", "55853c", "2c5530")
    ]
    leafy_plant(scene, (-2.35, 0, 5.75), 1.75, pot, leaf, soil, 5, 64)
    low = scene.material(srgb("8d6a45"), srgb("7a5833"), PLANKS, 4.0, 5, 0.4, reflectance=0.03)
    scene.add(
        SOFT,
        (1.55, 0.21, 1.55),
        (0.27, 0.21, 0.27),
        scene.material(srgb("486a63"), srgb("3f5d57"), NOISE, 9, 0, 0.5, bump=0.02, bump_scale=9),
    )
    scene.add(CYL, (RIGHT - 0.25, 0.3, 2.0), (0.2, 0.3, 0.2), low)


def _garden(scene):
    lawn = scene.material(srgb("8fae5c"), srgb("6f9346"), NOISE, 0.7, 2, 1.0)
    scene.add(BOX, (-34, -0.6, 8), (30, 0.3, 40), lawn)
    bark = scene.material(srgb("6a5440"), contrast=0.4)
    leaf = [
        scene.material(srgb(c), contrast=0.6, cutout=0.46, cutout_scale=1.1) for c in ("7f9f4a", "98b058")
    ]
    for k, (x, z, height) in enumerate(((-13, 12, 8), (-17, 22, 10), (-11, 21, 6), (-22, 33, 12))):
        tree(scene, (x, -0.4, z), height, bark, leaf, 20 + k, clumps=12)
