"""What all parts of the benchmark share: where things are, which programs there are, the machine, and files of results."""

import datetime
import glob
import json
import os
import platform
import re
import shutil
import sys

from measure import CORES, output

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TARGET = os.environ.get("CARGO_TARGET_DIR") or os.path.join(ROOT, "target")
DATA = os.environ.get("BENCH_DIR") or os.path.join(TARGET, "bench-data")
CHIARO = os.path.abspath(os.environ.get("CHIARO") or os.path.join(TARGET, "release", "chiaro"))
QUICK = os.environ.get("QUICK", "") not in ("", "0")
# Most files that the quick part makes.
QUICK_FILES = 10_000
PICTURES = min(16, max(6, 2 * CORES))


def say(text):
    """Progress, on standard error."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def oiiotool():
    """The program itself: the script that pip installs starts Python before it."""
    wheel = glob.glob(os.path.join(sys.prefix, "lib", "python3*", "site-packages", "OpenImageIO", "bin", "oiiotool"))
    return wheel[0] if wheel else shutil.which("oiiotool")


PROGRAMS = {"ffmpeg": shutil.which("ffmpeg"), "oiiotool": oiiotool(), "gm": shutil.which("gm"), "vips": shutil.which("vips")}
MISSING = {
    "ffmpeg": "ffmpeg is not installed (Debian: ffmpeg)",
    "oiiotool": "oiiotool is not installed (PyPI: OpenImageIO)",
    "gm": "GraphicsMagick is not installed (Debian: graphicsmagick)",
    "vips": "vips is not installed (Debian: libvips-tools)",
}


def first_line(argv, pattern):
    """The first match of `pattern` in what a program prints."""
    try:
        found = re.search(pattern, output(argv))
    except (OSError, ValueError):
        return None
    return found.group(1) if found else None


def versions():
    """Versions of every program that is there."""
    from importlib import metadata
    found = {"chiaro": first_line([CHIARO, "--version"], r"(\S+)\s*$"), "ffmpeg": None, "oiiotool": None, "gm": None, "vips": None}
    patterns = {"ffmpeg": (["-version"], r"version (\S+)"), "oiiotool": (["--version"], r"(\S+)"), "gm": (["version"], r"GraphicsMagick (\S+)"), "vips": (["--version"], r"vips-(\S+)")}
    for name, (flags, pattern) in patterns.items():
        if PROGRAMS[name]:
            found[name] = first_line([PROGRAMS[name], *flags], pattern)
    for package in ("opencolorio", "numpy"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = None
    return found


def instruction_set():
    """The widest instruction set that the program has a kernel for."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as f:
            flags = f.read()
    except OSError:
        flags = ""
    if "avx512bw" in flags and "avx512vl" in flags:
        return "avx512"
    return "avx2" if " avx2 " in flags else "baseline"


def machine():
    """The machine in words, and its class: architecture, instruction set, cores."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as f:
            model = re.search(r"model name\s*: (.*)", f.read()).group(1)
    except (OSError, AttributeError):
        pass
    return {
        "class": f"{platform.machine()}-{instruction_set()}-{CORES}cores",
        "cpu": model,
        "cores": CORES,
        "memory_gib": round(memory / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "load_before": round(os.getloadavg()[0], 2),
    }


def part_path(part):
    """Where a part of the benchmark leaves its results."""
    return os.path.join(DATA, "results", f"{part}.json")


def save(part, tables):
    """Writes the tables of one part."""
    path = part_path(part)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"part": part, "date": now, "quick": QUICK, "machine": machine(), "versions": versions(), "tables": tables}, f, indent=1)
        f.write("\n")
    say(f"{part}: {path}")


def recipe(name, text):
    """Writes a recipe into the data folder; returns its path."""
    path = os.path.join(DATA, "recipes", f"{name}.toml")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"version = 1\n{text}")
    return path


def need_chiaro():
    """Ends the run where the program was not built."""
    if not os.access(CHIARO, os.X_OK):
        sys.exit(f"bench: {CHIARO} is not there: `make release`, or name it with CHIARO=PATH")
