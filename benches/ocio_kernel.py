"""The LUT pass alone, on one thread: ours (`examples/lut_kernel`) in turns with OpenColorIO's CPU processor, on the same strips.

    ocio_kernel.py [--rounds N]          LUT_KERNEL=PATH names the program (default: the release build)

CPU time is taken, the best of five runs in each round, so that other work on the machine does not count.

OpenColorIO works on samples in memory as we do: 16 bit to 16 bit, and float to float (what OpenImageIO hands it). It is called through
PyOpenColorIO, once for 2 million pixels, so that Python costs nothing that can be seen.
"""

import argparse
import os
import time

import numpy as np

import bench
import pictures
from bench import DATA, TARGET, QUICK, say
from measure import output

KERNEL = os.environ.get("LUT_KERNEL") or os.path.join(TARGET, "release", "examples", "lut_kernel")
FOLDER = os.path.join(DATA, "kernel")
TIMES = 5


def processors(cube):
    """OpenColorIO's processors: {name: function of a strip that returns one run}; empty where it is not installed."""
    try:
        import PyOpenColorIO as ocio
    except ImportError:
        return {}
    transform = ocio.FileTransform(src=cube, interpolation=ocio.INTERP_TETRAHEDRAL)
    processor = ocio.Config.CreateRaw().getProcessor(transform)

    def maker(depth, dtype, scale):
        cpu = processor.getOptimizedCPUProcessor(depth, depth, ocio.OPTIMIZATION_DEFAULT)

        def prepare(strip):
            source = (strip.astype(dtype) * scale if scale != 1 else strip.copy()).astype(dtype)
            target = np.empty_like(source)
            height, width = source.shape[:2]

            def describe(data):
                size = data.itemsize
                return ocio.PackedImageDesc(data, width, height, 3, depth, size, 3 * size, width * 3 * size)

            pair = describe(source), describe(target)
            return lambda: cpu.apply(*pair), target

        return prepare

    return {"OpenColorIO, u16": maker(ocio.BIT_DEPTH_UINT16, np.uint16, 1), "OpenColorIO, f32": maker(ocio.BIT_DEPTH_F32, np.float32, np.float32(1 / 65535))}


def timed(once, pixels):
    """Nanoseconds of CPU per pixel of several runs."""
    figures = []
    for _ in range(TIMES):
        begun = time.process_time_ns()
        once()
        figures.append((time.process_time_ns() - begun) / pixels)
    return figures


def ours(strip, cube):
    """Runs of our kernel: {instruction set: nanoseconds per pixel}."""
    rows = [line.split("\t") for line in output([KERNEL, strip, cube, str(TIMES)]).splitlines() if "\t" in line]
    return {f"chiaro, {row[0]}" if row[0] != "copy" else "copy of the bytes": [float(v) for v in row[1:]] for row in rows}


def measure(name, rounds):
    """One strip: {row: smallest of the runs of each round}."""
    cube = os.path.join(FOLDER, "look.cube")
    path = os.path.join(FOLDER, f"{name}.rgb16")
    strip = np.fromfile(path, "<u2").reshape(-1, pictures.WIDTH, 3)
    wanted = pictures.tetrahedral(pictures.read_cube(cube), strip[::64].reshape(-1, 3) / 65535.0) * 65535
    prepared = {n: make(strip) for n, make in processors(cube).items()}
    figures = {}
    for _ in range(rounds):
        for row, values in ours(path, cube).items():
            figures.setdefault(row, []).append(min(values))
        for row, (once, _) in prepared.items():
            once()
            figures.setdefault(row, []).append(min(timed(once, strip.shape[0] * strip.shape[1])))
    errors = {}
    for row, (_, target) in prepared.items():
        got = target[::64].reshape(-1, 3).astype(np.float64) * (1 if target.dtype == np.uint16 else 65535)
        errors[row] = float(np.abs(got - wanted).mean())
    return [{"name": row, "ns": values, **({"mean_error": errors[row]} if row in errors else {})} for row, values in figures.items()]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5 if QUICK else 9)
    args = parser.parse_args()
    pictures.kernel(FOLDER)
    tables = {}
    for name in ("photograph", "noise"):
        say(f"LUT kernel, {name}")
        title = {"photograph": "strips of photographs", "noise": "uniform noise"}[name]
        missing = [] if processors(os.path.join(FOLDER, "look.cube")) else ["OpenColorIO is not installed (PyPI: opencolorio)"]
        tables[f"kernel-{name}"] = {"kind": "kernel", "title": f"33-point tetrahedral LUT, 3840x512 RGB16, one thread, {title}", "rows": measure(name, args.rounds), "missing": missing}
    bench.save("kernels", tables)


if __name__ == "__main__":
    main()
