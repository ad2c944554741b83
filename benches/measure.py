"""Measures whole processes: CPU seconds, wall seconds and peak memory of one or of several that run side by side.

CPU is user + system time of the process and everything it waited for, as wait4(2) tells it, in microseconds. Peak memory is what GNU time
prints (`/usr/bin/time -f %M`): wait4 of a child of Python starts at Python's own size, because a fork counts the pages it shares. Where
GNU time is missing, that floor of about 15 MB stays in and `floor` says so.
"""

import os
import shutil
import statistics
import subprocess
import tempfile
import threading
import time

GNU_TIME = "/usr/bin/time" if os.access("/usr/bin/time", os.X_OK) else None
# Depth that an earlier run has kept would hide what inference costs.
os.environ.setdefault("CHIARO_CACHE", "off")

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


class Failed(Exception):
    """A program ended with an error: its name, its exit code and the end of what it said."""


def _start(argv, cwd, env, peak_file):
    if GNU_TIME:
        argv = [GNU_TIME, "-o", peak_file, "-f", "%M", *argv]
    log = tempfile.TemporaryFile()
    child = subprocess.Popen(argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    return child, log


def _wait(child, log, argv, peak_file):
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        log.seek(0)
        said = log.read()[-600:].decode(errors="replace")
        raise Failed(f"{argv[0]} ended with {child.returncode}: {said}")
    log.close()
    peak = usage.ru_maxrss
    if GNU_TIME:
        with open(peak_file, encoding="ascii") as f:
            peak = int(f.read().split()[-1])
    return usage.ru_utime + usage.ru_stime, peak * 1024


def run(commands, cwd=None, env=None):
    """Runs the argument lists of `commands` side by side; returns {cpu, wall: seconds, peak: bytes (the sum of the peaks)}."""
    full = {**os.environ, **(env or {})}
    with tempfile.TemporaryDirectory() as folder:
        peaks = [os.path.join(folder, str(i)) for i in range(len(commands))]
        begun = time.perf_counter()
        children = [_start(argv, cwd, full, peak) for argv, peak in zip(commands, peaks)]
        done = [_wait(*child, argv, peak) for child, argv, peak in zip(children, commands, peaks)]
        wall = time.perf_counter() - begun
    return {"cpu": sum(d[0] for d in done), "wall": wall, "peak": sum(d[1] for d in done)}


def output(argv, cwd=None, env=None):
    """What a program prints on standard output and error."""
    full = {**os.environ, **(env or {})}
    return subprocess.run(argv, cwd=cwd, env=full, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout.decode(errors="replace")


def _status(pid):
    """Sizes of /proc/PID/status in bytes; nothing once the process is gone."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
            lines = dict(line.split(":", 1) for line in f if ":" in line)
    except (FileNotFoundError, ProcessLookupError):
        return {}
    return {key: int(lines[key].split()[0]) * 1024 for key in ("VmHWM", "RssAnon", "RssFile", "RssShmem") if key in lines}


def run_sampled(argv, cwd=None, env=None, every_s=0.01):
    """Runs one program and looks at its memory every 10 ms: besides cpu and wall {hwm: peak resident bytes with pages of mapped files,
    anonymous: the largest RssAnon seen, file: the largest RssFile seen}."""
    log = tempfile.TemporaryFile()
    begun = time.perf_counter()
    child = subprocess.Popen(argv, cwd=cwd, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    most = {}
    gone = threading.Event()

    def look():
        while not gone.wait(every_s):
            for key, value in _status(child.pid).items():
                most[key] = max(most.get(key, 0), value)

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        cpu, _ = _wait_plain(child, log, argv)
    finally:
        gone.set()
        watcher.join()
    wall = time.perf_counter() - begun
    return {"cpu": cpu, "wall": wall, "hwm": most.get("VmHWM", 0), "anonymous": most.get("RssAnon", 0), "file": most.get("RssFile", 0)}


def _wait_plain(child, log, argv):
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        log.seek(0)
        raise Failed(f"{argv[0]} ended with {child.returncode}: {log.read()[-600:].decode(errors='replace')}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def interleaved(rows, rounds, before=None, after=None, progress=None):
    """Measures `rows` = {name: function that runs it once and returns a dict of numbers} in rounds A B C A B C ...

    `before(name)` prepares and `after(name)` clears up outside the measurement. A row that fails once is dropped with its error.
    Returns ({name: {key: [one value per round]}}, {name: error}).
    """
    results, errors = {name: {} for name in rows}, {}
    for turn in range(rounds):
        for name, once in rows.items():
            if name in errors:
                continue
            try:
                if before:
                    before(name)
                for key, value in once().items():
                    results[name].setdefault(key, []).append(value)
                if after:
                    after(name, turn)
            except (Failed, OSError) as e:
                errors[name] = str(e).strip()
                results.pop(name, None)
        if progress:
            progress(turn)
    return results, errors


def median(values):
    """The median."""
    return statistics.median(values)


def summary(values):
    """[median, smallest, largest]."""
    return [statistics.median(values), min(values), max(values)]


def fresh(folder):
    """An empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    return folder


def warm(paths):
    """Reads files once, so that every program finds them in the page cache."""
    for path in paths:
        with open(path, "rb", buffering=0) as f:
            while f.read(1 << 22):
                pass
