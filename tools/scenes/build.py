"""Building a scene: primitives collected into groups, materials, camera and light, then packed.

The kernels take flat arrays (`SceneArrays`); everything a composition touches is here and plain.
"""

import math
from collections import namedtuple
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from .materials import COLUMNS, M_CUTOUT, M_CUTOUT_SCALE
from .primitives import BOX, ELL, ROOM, SOFT

#: What the kernels read. `places` f64 [n, 15] (rotation rows, center, half size), `kinds` i64 [n],
#: `radii` f64 [n] bounding spheres, `faces` i64 [n, 3] materials of sides, bottom and top, `cutouts`
#: f64 [n, 2] (threshold, scale), `groups` f64 [g, 4] bounding spheres, `ranges` i64 [g, 2] first and
#: end primitive, `clusters` and `cluster_ranges` the same over neighboring groups, `materials` f64 [m, COLUMNS], `tiles` noise, `heights` f32 [h, w] meters, `terrain`
#: f64 [8] (cell m, on, lowest, highest, rock above slope, snow above m, material, reach m), `sun`
#: f64 [7] (direction, color, tangent of half angle), `lights` f64 [l, 13], `sky` f64 [16], `air` f64 [8].
SceneArrays = namedtuple(
    "SceneArrays",
    "places kinds radii faces cutouts groups ranges clusters cluster_ranges materials tiles heights terrain sun lights sky air",
)


def yaw_rotation(angle):
    """Rotation (rows = local axes in world space) about y by `angle` radians."""
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def tilt_rotation(yaw, pitch, roll=0.0):
    """Rotation: `roll` about z, then `pitch` about x, then `yaw` about y (radians)."""
    cp, sp, cr, sr = math.cos(pitch), math.sin(pitch), math.cos(roll), math.sin(roll)
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, sr, 0], [-sr, cr, 0], [0, 0, 1]])
    return about_z @ about_x @ yaw_rotation(yaw)


def aim_rotation(start, end):
    """Rotation whose local y runs from `start` to `end`."""
    y = np.subtract(end, start).astype(float)
    y /= np.linalg.norm(y)
    helper = np.array([1.0, 0, 0]) if abs(y[0]) < 0.9 else np.array([0, 0, 1.0])
    x = np.cross(y, helper)
    x /= np.linalg.norm(x)
    return np.array([x, y, np.cross(x, y)])


def bounding_radius(kind, half):
    """Radius of a sphere around a primitive with half sizes `half`."""
    if kind in (BOX, ROOM, SOFT):
        return math.sqrt(sum(h * h for h in half))
    if kind == ELL:
        return max(half)
    return math.hypot(max(half[0], half[2]), half[1])


@dataclass
class Camera:
    """A pinhole camera: `position` and `target` in meters, horizontal field of view in degrees."""

    position: tuple
    target: tuple
    field_of_view: float

    def packed(self, width, height):
        """f64 [14]: position, right, up, forward, tangents of the half fields of view."""
        forward = np.subtract(self.target, self.position).astype(float)
        forward /= np.linalg.norm(forward)
        right = np.cross([0.0, 1.0, 0.0], forward)
        right /= np.linalg.norm(right)
        up = np.cross(forward, right)
        tangent = math.tan(math.radians(self.field_of_view) / 2)
        return np.array([*self.position, *right, *up, *forward, tangent, tangent * height / width])


@dataclass
class Sun:
    """Sunlight: elevation and azimuth in degrees (azimuth 0 = +z, 90 = +x), color = irradiance / pi."""

    elevation: float = 40.0
    azimuth: float = 0.0
    color: tuple = (0.0, 0.0, 0.0)
    softness: float = 0.012

    def packed(self):
        e, a = math.radians(self.elevation), math.radians(self.azimuth)
        direction = (math.cos(e) * math.sin(a), math.sin(e), math.cos(e) * math.cos(a))
        return np.array([*direction, *self.color, self.softness])


@dataclass
class Sky:
    """Sky: zenith to horizon falloff, fbm clouds above `cloud_threshold`, light it sends into the scene.

    `fill` scales the sky as a light source (0 indoors, where window lights replace it);
    `backdrop` scales what the camera sees. `ambient` is the light arriving after further bounces.
    """

    zenith: tuple = (0.16, 0.33, 0.72)
    horizon: tuple = (0.75, 0.82, 0.92)
    falloff: float = 4.0
    cloud: float = 0.0
    cloud_threshold: float = 0.5
    cloud_scale: float = 1.0
    fill: float = 1.0
    backdrop: float = 1.0
    ambient: tuple = (0.1, 0.1, 0.1)
    glow: float = 0.5

    def packed(self):
        return np.array([
            *self.zenith, *self.horizon, self.falloff, self.cloud, self.cloud_threshold,
            self.cloud_scale, self.fill, self.backdrop, *self.ambient, self.glow,
        ])  # fmt: skip


@dataclass
class Air:
    """Aerial perspective: extinction per meter (red, green, blue), color of the lit air, sun tint."""

    density: tuple = (0.0, 0.0, 0.0)
    color: tuple = (0.6, 0.7, 0.85)
    sunward: float = 0.0
    scale_height: float = 1e6

    def packed(self):
        return np.array([*self.density, *self.color, self.sunward, self.scale_height])


@dataclass
class Terrain:
    """A height field of `heights` [h, w] meters centered on the origin, and its four materials.

    `material` is the first of four in a row: grass, rock (where the normal's y is below
    `rock_below`), snow (above `snow_above` meters) and the forest belt.
    """

    heights: np.ndarray
    cell: float
    material: int
    rock_below: float = 0.8
    snow_above: float = 1e9
    reach: float = 1e4

    def packed(self):
        low, high = float(self.heights.min()), float(self.heights.max())
        return np.array([
            self.cell, 1.0, low, high, self.rock_below, self.snow_above, self.material, self.reach,
        ])  # fmt: skip


@dataclass
class Scene:
    """A scene under construction."""

    sun: Sun = field(default_factory=Sun)
    sky: Sky = field(default_factory=Sky)
    air: Air = field(default_factory=Air)
    terrain: Terrain | None = None
    primitives: list = field(default_factory=list)
    materials: list = field(default_factory=list)
    groups: list = field(default_factory=list)
    lights: list = field(default_factory=list)
    _open: bool = False

    def material(self, *args, **kwargs):
        """Adds a `materials.Material` (given, or made from its fields); returns its index."""
        from .materials import Material

        made = args[0] if args and isinstance(args[0], Material) else Material(*args, **kwargs)
        self.materials.append(made.row())
        return len(self.materials) - 1

    def add(self, kind, center, half, material, rotation=None, bottom=None, top=None):
        """Adds a primitive of `kind` at `center` with half sizes `half` (meters)."""
        rotation = np.eye(3) if rotation is None else rotation
        faces = (material, material if bottom is None else bottom, material if top is None else top)
        half = (half, half, half) if np.isscalar(half) else half
        if not self._open:
            self.groups.append([])
        self.groups[-1].append((kind, rotation, center, half, faces))

    @contextmanager
    def group(self):
        """Primitives added inside share one bounding sphere: rays that miss it skip them all."""
        if self._open:
            yield
            return
        self.groups.append([])
        self._open = True
        try:
            yield
        finally:
            self._open = False

    def rod(self, kind, start, end, radius, material):
        """A cylinder or cone from `start` to `end`."""
        middle = np.add(start, end) / 2
        half = np.linalg.norm(np.subtract(end, start)) / 2
        self.add(kind, middle, (radius, half, radius), material, aim_rotation(start, end))

    def window_light(self, center, half_u, half_v, color):
        """A rectangle that shines along `half_u` x `half_v`; it is not itself visible."""
        self.lights.append([0, *center, *half_u, *half_v, *color])

    def ball_light(self, center, radius, color):
        """A sphere of light that is not itself visible; `color` is intensity at 1 m."""
        self.lights.append([1, *center, radius, 0, 0, 0, 0, 0, *color])

    def pack(self, tiles):
        """The arrays the kernels read."""
        groups = [g for g in self.groups if g]
        middles = np.array([np.mean([p[2] for p in g], 0) for g in groups])
        bunches = _bunches(middles, np.arange(len(groups)))
        groups = [groups[k] for bunch in bunches for k in bunch]
        flat = [p for g in groups for p in g]
        places = np.array([[*r.ravel(), *c, *h] for _, r, c, h, _ in flat])
        kinds = np.array([k for k, *_ in flat], np.int64)
        radii = np.array([bounding_radius(k, h) for k, _, _, h, _ in flat])
        faces = np.array([f for *_, f in flat], np.int64)
        materials = np.array(self.materials).reshape(-1, COLUMNS)
        ends = np.cumsum([len(g) for g in groups])
        ranges = np.stack([np.concatenate([[0], ends[:-1]]), ends], 1).astype(np.int64)
        spheres = np.array([_group_sphere(places[a:b, 9:12], radii[a:b]) for a, b in ranges])
        cluster_ends = np.cumsum([len(b) for b in bunches])
        cluster_ranges = np.stack([np.concatenate([[0], cluster_ends[:-1]]), cluster_ends], 1)
        clusters = np.array([_group_sphere(spheres[a:b, :3], spheres[a:b, 3]) for a, b in cluster_ranges])
        heights = np.zeros((2, 2)) if self.terrain is None else self.terrain.heights
        return SceneArrays(
            places, kinds, radii, faces,
            np.ascontiguousarray(materials[faces[:, 0]][:, [M_CUTOUT, M_CUTOUT_SCALE]]),
            spheres, ranges, clusters, cluster_ranges, materials, tiles, heights.astype(np.float32),
            np.zeros(8) if self.terrain is None else self.terrain.packed(),
            self.sun.packed(), np.array(self.lights, float).reshape(-1, 13),
            self.sky.packed(), self.air.packed(),
        )  # fmt: skip


def _bunches(middles, indices, size=12):
    """Splits groups at the median of their widest axis until a bunch holds at most `size`."""
    if len(indices) <= size:
        return [indices]
    axis = np.ptp(middles[indices], axis=0).argmax()
    ordered = indices[np.argsort(middles[indices, axis], kind="stable")]
    half = len(ordered) // 2
    return _bunches(middles, ordered[:half], size) + _bunches(middles, ordered[half:], size)


def _group_sphere(centers, radii):
    """Center and radius of a sphere around spheres."""
    low = (centers - radii[:, None]).min(0)
    high = (centers + radii[:, None]).max(0)
    middle = (low + high) / 2
    return [*middle, (np.linalg.norm(centers - middle, axis=1) + radii).max()]
