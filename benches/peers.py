"""Whole processes beside the programs people use now: same files, same output, interleaved rounds, medians. Called by `peers.sh`."""

import argparse
import os
import shlex
import shutil

import numpy as np
import tifffile

import bench
import pictures
from bench import CHIARO, DATA, MISSING, PICTURES, PROGRAMS, QUICK, say
from measure import CORES, fresh, interleaved, run, warm

OUT = os.path.join(DATA, "out")
LOOK = os.path.join(DATA, "luts", "look.cube")
HALD = os.path.join(DATA, "luts", "hald.tif")


def parts(count, processes):
    """The numbers 1..count cut into `processes` runs of about equal length: [(first, length)]."""
    edges = [round(i * count / processes) for i in range(processes + 1)]
    return [(a + 1, b - a) for a, b in zip(edges, edges[1:]) if b > a]


def numbered(first, length):
    """File names of a run."""
    return [f"{n:03}.tif" for n in range(first, first + length)]


class Folder:
    """Pictures 001.tif ... of one folder and the argument lists with which each program reads them and writes OUT.

    Every function takes `processes`: 1 = one process with all cores, more = that many side by side with one thread each.
    """

    def __init__(self, path, count):
        self.path, self.count = path, count

    def split(self, processes):
        return parts(self.count, processes)

    def files(self):
        return [os.path.join(self.path, name) for name in numbered(1, self.count)]

    def chiaro(self, recipe):
        inputs = [self.path] if self.count == PICTURES else self.files()
        return [[CHIARO, "run", *inputs, "-r", recipe, "-o", OUT, "-q", "--device", "cpu", "--progress", "none"]]

    def cp(self):
        return [["cp", *self.files(), OUT]]

    def ffmpeg(self, processes, filters, encoder):
        threads = str(CORES if processes == 1 else 1)
        return [
            [PROGRAMS["ffmpeg"], "-nostdin", "-v", "error", "-threads", threads, "-filter_threads", threads, "-start_number", str(first),
             "-i", os.path.join(self.path, "%03d.tif"), "-frames:v", str(length), *(["-vf", filters] if filters else []),
             "-pix_fmt", "rgb48le", "-c:v", "tiff", *encoder, "-threads", threads, "-start_number", str(first), os.path.join(OUT, "%03d.tif")]
            for first, length in self.split(processes)
        ]

    def oiiotool(self, processes, work, compression):
        threads = str(CORES if processes == 1 else 1)
        commands = []
        for first, length in self.split(processes):
            argv = [PROGRAMS["oiiotool"], "--threads", threads]
            for name in numbered(first, length):
                argv += [os.path.join(self.path, name), *work, "-d", "uint16", "--compression", compression, "-o", os.path.join(OUT, name), "--pop"]
            commands.append(argv)
        return commands

    def gm(self, processes, work, compression):
        commands = []
        for first, length in self.split(processes):
            script = os.path.join(DATA, f"gm-{first}.txt")
            with open(script, "w", encoding="utf-8") as f:
                for name in numbered(first, length):
                    f.write(f"convert {os.path.join(self.path, name)} {work} -compress {compression} {os.path.join(OUT, name)}\n")
            commands.append([PROGRAMS["gm"], "batch", script])
        return commands

    def vips(self, processes, operation, after, options):
        """vips has no list of files: one process for each, started by a shell."""
        commands = []
        for first, length in self.split(processes):
            lines = [shlex.join([PROGRAMS["vips"], operation, os.path.join(self.path, n), os.path.join(OUT, n) + options, *after]) for n in numbered(first, length)]
            commands.append(["sh", "-ec", "\n".join(lines)])
        return commands


def threads_of(program, processes):
    """Environment that keeps a program to one thread when it runs side by side with itself."""
    return {"gm": {"OMP_NUM_THREADS": str(CORES if processes == 1 else 1)}, "vips": {"VIPS_CONCURRENCY": str(CORES if processes == 1 else 1)}}.get(program, {})


def both(program, make):
    """Rows of a peer: one process with every core, and one process per core side by side. Readers may take the better one."""
    ways = {f"{program}, one process": 1}
    if CORES > 1:
        ways[f"{program}, {CORES} side by side"] = CORES
    return {name: (lambda n=n: run(make(n), env=threads_of(program, n))) for name, n in ways.items()}


def peers(makers):
    """Rows of every installed peer of `makers` = {program: function of the number of processes}, and why others are missing."""
    rows, missing = {}, []
    for program, make in makers.items():
        if PROGRAMS[program]:
            rows |= both(program, make)
        else:
            missing.append(MISSING[program])
    return rows, missing


def table(title, folder, recipe, makers, rounds, expected=None):
    """One table: chiaro, the peers and `cp` over one folder; `expected(input)` = what a picture's rows should be, in codes."""
    say(title)
    inputs = folder.files()
    warm(inputs)
    rows, missing = peers(makers)
    rows = {"chiaro": lambda: run(folder.chiaro(recipe)), **rows, "cp": lambda: run(folder.cp())}
    checks = {}

    def after(name, turn):
        if turn == 0 and name != "cp":
            checks[name] = check(inputs[1], expected)

    results, errors = interleaved(rows, rounds, lambda _: fresh(OUT), after)
    fresh(OUT)
    return {"kind": "programs", "title": title, "pictures": folder.count, "input_bytes": sum(map(os.path.getsize, inputs)),
            "rows": [{"name": n, **r, **checks.get(n, {})} for n, r in results.items()], "errors": errors, "missing": missing}


def check(source, expected):
    """Reads a program's output of `source` back: bits, bytes, and the mean error in code values against `expected`."""
    path = os.path.join(OUT, os.path.basename(source))
    pixels = tifffile.imread(path)
    found = {"bits": pixels.dtype.itemsize * 8, "bytes": os.path.getsize(path), "shape": list(pixels.shape)}
    if expected is not None:
        wanted = expected(tifffile.imread(source)[::16])
        found["mean_error"] = float(np.abs(pixels[::16].astype(np.float64) - wanted).mean())
    return found


def graded(pixels):
    """The reference of the LUT tables, in codes, not rounded."""
    rgb = pixels.reshape(-1, 3) / 65535.0
    return (pictures.tetrahedral(pictures.read_cube(LOOK), rgb) * 65535).reshape(pixels.shape)


def lut_table(kind, compression, rounds):
    """Input of one kind through the 33-point LUT, output uncompressed."""
    folder = Folder(os.path.join(DATA, kind, compression), PICTURES)
    recipe = bench.recipe("look", f'[[op]]\nid = "lut"\nfile = "{LOOK}"\n[output]\ncompression = "none"\n')
    makers = {
        "ffmpeg": lambda n: folder.ffmpeg(n, f"lut3d=file={LOOK}:interp=tetrahedral", ["-compression_algo", "raw"]),
        "oiiotool": lambda n: folder.oiiotool(n, ["--ociofiletransform", LOOK], "none"),
        "gm": lambda n: folder.gm(n, f"-hald-clut {HALD}", "None"),
    }
    return table(f"33-point LUT, {PICTURES} {kind} of 3840x2160 RGB16, {compression} in, uncompressed out", folder, recipe, makers, rounds, graded)


def copy_table(source, target, rounds, count=PICTURES):
    """Decode and encode alone."""
    folder = Folder(os.path.join(DATA, "photographs", source), count)
    recipe = bench.recipe(f"copy-{target}", f'[output]\ncompression = "{target}"\n')
    ffmpeg = {"none": "raw", "deflate": "deflate"}[target]
    makers = {
        "ffmpeg": lambda n: folder.ffmpeg(n, None, ["-compression_algo", ffmpeg]),
        "oiiotool": lambda n: folder.oiiotool(n, [], {"none": "none", "deflate": "zip"}[target]),
        "gm": lambda n: folder.gm(n, "", {"none": "None", "deflate": "Zip"}[target]),
        "vips": lambda n: folder.vips(n, "copy", [], {"none": "[compression=none]", "deflate": "[compression=deflate,predictor=horizontal]"}[target]),
    }
    title = f"copy without any operation, {count} photographs of 3840x2160 RGB16, {source} in, {target} out"
    return table(title, folder, recipe, makers, rounds, lambda pixels: pixels)


def resize_table(rounds):
    """Half size with a Lanczos kernel of three lobes. chiaro works in linear light, the others on code values."""
    folder = Folder(os.path.join(DATA, "photographs", "none"), PICTURES)
    recipe = bench.recipe("resize", '[[op]]\nid = "resize"\nwidth_px = 1920\n[output]\ncompression = "none"\n')
    makers = {
        "ffmpeg": lambda n: folder.ffmpeg(n, "scale=1920:1080:flags=lanczos", ["-compression_algo", "raw"]),
        "oiiotool": lambda n: folder.oiiotool(n, ["--resize:filter=lanczos3", "1920x1080"], "none"),
        "gm": lambda n: folder.gm(n, "-filter Lanczos -resize 1920x1080", "None"),
        "vips": lambda n: folder.vips(n, "resize", ["0.5", "--kernel", "lanczos3"], "[compression=none]"),
    }
    return table(f"resize to 1920x1080, {PICTURES} photographs of 3840x2160 RGB16, uncompressed", folder, recipe, makers, rounds)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3 if QUICK else 5)
    parser.add_argument("--only", default="", help="tables, separated by commas")
    args = parser.parse_args()
    bench.need_chiaro()
    pictures.luts(os.path.dirname(LOOK))
    say(f"{PICTURES} pictures into {DATA}")
    pictures.folder("photographs", os.path.join(DATA, "photographs"), PICTURES, ["none", "lzw", "deflate"])
    tables = {
        "lut-none": lambda r: lut_table("photographs", "none", r),
        "lut-lzw": lambda r: lut_table("photographs", "lzw", r),
        "lut-deflate": lambda r: lut_table("photographs", "deflate", r),
    }
    if not QUICK:
        pictures.folder("noise", os.path.join(DATA, "noise"), PICTURES, ["none"])
        tables |= {
            "lut-noise": lambda r: lut_table("noise", "none", r),
            # Beside the point of this program: fewer rounds.
            "copy-lzw-none": lambda r: copy_table("lzw", "none", min(r, 3)),
            "copy-none-deflate": lambda r: copy_table("none", "deflate", min(r, 3), CORES),
            "resize": lambda r: resize_table(min(r, 3)),
        }
    chosen = [t for t in args.only.split(",") if t] or list(tables)
    measured = {}
    for name in chosen:
        measured[name] = tables[name](args.rounds)
        # Kept after each table: a run that is stopped leaves what it has.
        bench.save("peers", measured)
    shutil.rmtree(OUT, ignore_errors=True)


if __name__ == "__main__":
    main()
