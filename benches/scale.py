"""Costs over sizes and counts, runs that are repeated, start-up, and gigapixel pictures in bounded memory. Called by `scale.sh`.

Only this program is measured here: no peer does these jobs. Every table says how much of what there was, so that costs per pixel and per
file can be compared between rows.
"""

import argparse
import glob
import os
import shutil
import time

import bench
import pictures
from bench import CHIARO, DATA, PICTURES, QUICK, QUICK_FILES, say
from measure import CORES, Failed, fresh, interleaved, median, run, run_sampled, warm

OUT = os.path.join(DATA, "scale-out")
LOOK = os.path.join(DATA, "luts", "look.cube")
FLAGS = ["-q", "--device", "cpu", "--inference", "rten", "--progress", "none"]
# Free bytes that must remain beside a picture and its graded copy.
SPARE_BYTES = 3 << 30


def recipes():
    """The recipes of these tables: path by name."""
    lut = f'[[op]]\nid = "lut"\nfile = "{LOOK}"\n'
    grade = '[[op]]\nid = "depth_grade"\nnear_exposure = 0.1\nfar_exposure = -0.2\nfar_saturation = 0.8\n'
    return {
        "lut": bench.recipe("scale-lut", lut),
        "lut-depth": bench.recipe("scale-lut-depth", lut + grade),
        "tiny": bench.recipe("scale-tiny", '[[op]]\nid = "exposure"\nev = 0.5\n'),
        "exterior": "exterior",
    }


def graded(source, recipe, *more):
    """The argument list that grades `source` into OUT."""
    return [CHIARO, "run", source, "-r", recipe, "-o", OUT, *FLAGS, *more]


def discard(folder):
    """Removes pictures that are many, and the note that they are complete."""
    shutil.rmtree(folder)
    os.remove(f"{folder}.complete")


def medians(runs):
    """The medians of several measurements."""
    return {key: median([r[key] for r in runs]) for key in runs[0]}


def cold(source, recipe, rounds):
    """Runs into an empty folder, several times; the medians."""
    runs = []
    for _ in range(rounds):
        fresh(OUT)
        runs.append(run([graded(source, recipe)]))
    return medians(runs)


def files_table(recipe, rounds):
    """1 to 1000 files of 480x270."""
    counts = [1, 10, 100] if QUICK else [1, 10, 100, 1000]
    rows = []
    for count in counts:
        say(f"{count} files of 480x270")
        source = os.path.join(DATA, f"crops-{count}")
        pictures.crops(source, count, 480, 270)
        warm(glob.glob(os.path.join(source, "*.tif")))
        rows.append({"files": count, "megapixels": count * 480 * 270 / 1e6, **cold(source, recipe, rounds if count < 1000 else 1)})
        if count == 1000:
            discard(source)
    return {"kind": "scale", "title": "files of 480x270 RGB16, uncompressed, 33-point LUT", "rows": rows}


def sizes_table(recipe, rounds):
    """One picture of 1 to 100 megapixels; the gigapixel row is measured where that picture is made."""
    rows = []
    for megapixels, width, height in ((1, 1250, 800), (10, 3952, 2530), (100, 12500, 8000)):
        say(f"one picture of {megapixels} megapixels")
        path = os.path.join(DATA, f"size-{megapixels}.tif")
        if not os.path.exists(path):
            pictures.one(path, width, height, "strips", "none")
        warm([path])
        rows.append({"files": 1, "megapixels": width * height / 1e6, **cold(path, recipe, rounds)})
        os.remove(path)
    return {"kind": "scale", "title": "one picture of 1 to 1000 megapixels, RGB16, uncompressed, 33-point LUT", "rows": rows}


def gigapixel_tables(paths, sizes):
    """32768x32768 RGB16 in strips and tiles, uncompressed and Deflate, one at a time; adds the LUT alone to `sizes`."""
    # The quick picture fits the default memory and would be kept between the phases: less memory takes the path of the large one.
    side, memory = (8192, ["--memory", "256MiB"]) if QUICK else (32768, [])
    rows = []
    for layout in ("strips", "tiles"):
        for compression in ("none", "deflate"):
            name = f"{side}x{side}, {layout}, {compression}"
            need = 2 * side * side * 6 + SPARE_BYTES
            if shutil.disk_usage(DATA).free < need:
                rows.append({"name": name, "error": f"left out: {need >> 30} GiB of free disk are needed"})
                continue
            say(f"one picture, {name}")
            path = os.path.join(DATA, "giga.tif")
            try:
                pictures.one(path, side, side, layout, compression)
                if not QUICK and (layout, compression) == ("strips", "none"):
                    fresh(OUT)
                    sizes["rows"].append({"files": 1, "megapixels": side * side / 1e6, **run([graded(path, paths["lut"])])})
                fresh(OUT)
                rows.append({"name": name, "megapixels": side * side / 1e6, "input_bytes": os.path.getsize(path), **run_sampled(graded(path, paths["lut-depth"], *memory))})
            except Failed as e:
                rows.append({"name": name, "error": str(e)})
            finally:
                fresh(OUT)
                if os.path.exists(path):
                    os.remove(path)
    return {"kind": "giga", "title": f"one picture of {side}x{side} RGB16, 33-point LUT and depth grade with the embedded model", "rows": rows}


def many_table(recipe):
    """Many small files: plan, first run, resume, and a few files beside them to tell what a file costs in memory."""
    few, most = 1000, [QUICK_FILES] if QUICK else [QUICK_FILES, 100_000]
    steps = {"walk and plan": lambda source: [CHIARO, "plan", source, "-r", recipe, "-o", OUT], "first run": lambda source: graded(source, recipe), "run again": lambda source: graded(source, recipe)}
    measured = {}
    for count in [few, *most]:
        say(f"{count} files of 16x16")
        source = os.path.join(DATA, f"small-{count}")
        pictures.small(source, count)
        fresh(OUT)
        for name, command in steps.items():
            measured[name, count] = run([command(source)])
        discard(source)
    rows = []
    for count in most:
        for name in steps:
            small, large = measured[name, few], measured[name, count]
            rows.append({"name": name, "files": count, **large, "bytes_per_file": (large["peak"] - small["peak"]) / (count - few),
                         "us_per_file": (large["wall"] - small["wall"]) / (count - few) * 1e6})
    fresh(OUT)
    return {"kind": "many", "title": "files of 16x16 RGB16, one operation", "rows": rows}


def depth_tables(rounds):
    """A depth-graded folder of 4K pictures: cold, again, and with one parameter changed."""
    source = os.path.join(DATA, "photographs", "none")
    pictures.folder("photographs", os.path.dirname(source), PICTURES, ["none"])
    warm(glob.glob(os.path.join(source, "*.tif")))
    tiny = os.path.join(DATA, "crops-tiny")
    pictures.crops(tiny, 40, 64, 36)
    say("depth-graded folder: cold, again, one parameter changed")
    runs = {"cold": [], "again": [], "changed": [], "inference": []}
    # Emptied together with the pictures: only what the cold run has estimated is kept.
    kept = {"CHIARO_CACHE": os.path.join(OUT, ".cache")}
    for _ in range(rounds):
        fresh(OUT)
        runs["inference"].append(run([graded(tiny, "exterior")]))
        fresh(OUT)
        runs["cold"].append(run([graded(source, "exterior")], env=kept))
        runs["again"].append(run([graded(source, "exterior")], env=kept))
        runs["changed"].append(run([graded(source, "exterior", "--set", "haze.density=0.41")], env=kept))
    found = {name: medians(r) for name, r in runs.items()}
    # Of a picture of 64x36 nearly everything is inference.
    inference = found["inference"]["cpu"] / 40
    cold_cpu = found["cold"]["cpu"]
    facts = {
        "pictures": PICTURES,
        "cores": CORES,
        "inference_cpu_per_picture": inference,
        "other_cpu_per_picture": cold_cpu / PICTURES - inference,
        "wall_over_cpu_by_cores": found["cold"]["wall"] / (cold_cpu / CORES),
        "cold_over_again": found["cold"]["wall"] / found["again"]["wall"],
    }
    rows = [{"name": n, **found[n]} for n in ("cold", "changed", "again")]
    return {"kind": "depth", "title": f"`exterior` (depth, haze, grade) over {PICTURES} photographs of 3840x2160 RGB16, uncompressed", "rows": rows, **facts}


def start_table(rounds, times):
    """Start-up: means of many runs, in rounds."""
    say("start-up")
    lone = os.path.join(DATA, "crops-1", "0001.tif")
    pictures.crops(os.path.dirname(lone), 1, 480, 270)
    commands = {
        "`true` (the floor)": [shutil.which("true")],
        "`chiaro --help`": [CHIARO, "--help"],
        "`chiaro probe` of a TIFF": [CHIARO, "probe", lone],
        "`chiaro plan` of a TIFF, `exterior`": [CHIARO, "plan", lone, "-r", "exterior"],
        "`chiaro ops`": [CHIARO, "ops"],
    }
    results, _ = interleaved({name: lambda argv=argv: repeated(argv, times) for name, argv in commands.items()}, rounds)
    return {"kind": "start", "title": f"start-up, means of {times} runs, medians of {rounds} rounds", "rows": [{"name": n, **r} for n, r in results.items()]}


def repeated(argv, times):
    """Mean wall and CPU milliseconds of a program that ends at once, started without anything between."""
    null = os.open(os.devnull, os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, null, n) for n in (0, 1, 2)]
    cpu = 0.0
    begun = time.perf_counter()
    for _ in range(times):
        _, status, usage = os.wait4(os.posix_spawn(argv[0], argv, os.environ, file_actions=actions), 0)
        cpu += usage.ru_utime + usage.ru_stime
        if status:
            raise Failed(f"{argv} ended with {status}")
    wall = time.perf_counter() - begun
    os.close(null)
    return {"wall_ms": wall / times * 1e3, "cpu_ms": cpu / times * 1e3}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=2 if QUICK else 3)
    parser.add_argument("--only", default="", help="files, sizes, depth, many, giga, start; separated by commas")
    args = parser.parse_args()
    bench.need_chiaro()
    os.makedirs(DATA, exist_ok=True)
    pictures.luts(os.path.dirname(LOOK))
    wanted = {t for t in args.only.split(",") if t} or {"start", "depth", "files", "sizes", "many", "giga"}
    paths = recipes()
    tables = {}
    if "start" in wanted:
        tables["start"] = start_table(5, 20)
    if "depth" in wanted:
        tables["depth"] = depth_tables(args.rounds)
    if "files" in wanted:
        tables["files"] = files_table(paths["lut"], args.rounds)
    if "sizes" in wanted:
        tables["sizes"] = sizes_table(paths["lut"], args.rounds)
    bench.save("scale", tables)
    if "many" in wanted:
        tables["many"] = many_table(paths["tiny"])
    bench.save("scale", tables)
    if "giga" in wanted:
        tables["giga"] = gigapixel_tables(paths, tables.get("sizes", {"rows": []}))
    bench.save("scale", tables)
    shutil.rmtree(OUT, ignore_errors=True)


if __name__ == "__main__":
    main()
