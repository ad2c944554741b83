"""Puts the parts of a benchmark together, writes the tables of docs/performance.md, and compares with a committed baseline.

    report.py write                 parts -> benches/results/CLASS.json, tables of docs/performance.md
    report.py show                  the tables of the parts on standard output: for quick runs, which are no baseline
    report.py render [FILE.json]    tables of docs/performance.md from a committed file
    report.py criterion             collects what `cargo bench` measured into a part
    report.py compare               parts beside benches/results/CLASS.json; exit code 1 on a regression

A table stands between `<!-- table NAME -->` and `<!-- end -->`; the prose around it is left alone. CLASS names the kind of machine:
architecture, instruction set, cores. Comparison is by ratio to something measured in the same run (a peer, `cp`, a copy in memory), because a
machine is never the same twice: a figure has become worse when its ratio exceeds the baseline's by more than the larger of 10 % and three
median absolute deviations.
"""

import glob
import json
import os
import re
import sys

import bench
from measure import median, summary

RESULTS = os.path.join(bench.ROOT, "benches", "results")
DOCUMENT = os.path.join(bench.ROOT, "docs", "performance.md")
PARTS = ("kernels", "peers", "scale", "criterion")
# A change of less than this share is never a regression.
NOISE_FLOOR = 0.10


def load(path):
    """A JSON file, or nothing."""
    try:
        with open(path, encoding="utf-8") as f:
            return json.load(f)
    except FileNotFoundError:
        return None


def merged():
    """The parts of the last run as one."""
    parts = [p for p in map(load, map(bench.part_path, PARTS)) if p]
    if not parts:
        sys.exit("bench: nothing was measured yet: benches/peers.sh, benches/scale.sh")
    whole = {**parts[-1], "tables": {}, "date": max(p["date"] for p in parts), "quick": any(p["quick"] for p in parts)}
    whole.pop("part")
    whole["machine"]["load_before"] = max(p["machine"]["load_before"] for p in parts)
    for part in parts:
        whole["tables"] |= part["tables"]
    return whole


# --- tables -------------------------------------------------------------------------------------------------------------------


def number(value, digits=3):
    """A figure with as many digits as mean something."""
    if value == 0:
        return "0"
    if value >= 10 ** (digits - 1):
        return f"{value:.0f}"
    return f"{value:.{digits}g}"


def seconds(value):
    return f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def megabytes(value):
    return f"{value / 1e6:.0f}"


def grid(head, rows):
    """A Markdown table; the first column is text, the others figures."""
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def against(row, base, key):
    """Median, smallest and largest ratio of a row's figure to the base's, round by round."""
    return summary([a / b for a, b in zip(row[key], base[key]) if b > 0])


def ratio_text(row, base, key):
    middle, low, high = against(row, base, key)
    return f"{number(middle)} ({number(low)} to {number(high)})"


def programs(table):
    base = next((r for r in table["rows"] if r["name"] == "chiaro"), None)
    if base is None:
        return sentences(table)
    rows = []
    for row in table["rows"]:
        own = row is base
        wrong = f"{row['mean_error']:.2f}" if "mean_error" in row else "-"
        rows.append([row["name"], seconds(median(row["cpu"])), "1" if own else ratio_text(row, base, "cpu"), seconds(median(row["wall"])),
                     "1" if own else ratio_text(row, base, "wall"), megabytes(median(row["peak"])), str(row.get("bits", "-")), wrong])
    head = ["", "CPU s", "CPU, times chiaro's", "wall s", "wall, times chiaro's", "peak MB", "bits", "mean error, codes"]
    return join(f"*{table['title']}; {len(base['cpu'])} rounds.*", grid(head, rows), sentences(table))


def sentences(table):
    said = [f"{text}: left out." for text in table.get("missing", [])]
    said += [f"{name} failed: {error.splitlines()[-1] if error else ''}" for name, error in table.get("errors", {}).items()]
    return " ".join(said)


def join(*parts):
    return "\n\n".join(part for part in parts if part)


def kernel(table):
    base = next((r for r in table["rows"] if r["name"] == "OpenColorIO, u16"), None)
    rows = []
    for row in table["rows"]:
        times = "" if base is None or row is base else ratio_text(base, row, "ns")
        rows.append([row["name"], number(median(row["ns"])), times, f"{row['mean_error']:.2f}" if "mean_error" in row else ""])
    head = ["", "CPU ns per pixel", "times as fast as OpenColorIO, u16", "mean error, codes"]
    return join(f"*{table['title']}; best of 5 in each round, median of {len(table['rows'][0]['ns'])} rounds.*", grid(head, rows), sentences(table))


def scale(table):
    rows = [[str(r["files"]), number(r["megapixels"]), seconds(r["cpu"]), number(r["cpu"] / r["megapixels"] * 1e3), seconds(r["wall"]), megabytes(r["peak"])] for r in table["rows"]]
    return join(f"*{table['title']}.*", grid(["files", "megapixels", "CPU s", "CPU ms per megapixel", "wall s", "peak MB"], rows))


def many(table):
    rows = [[f"{r['name']}, {r['files']} files", seconds(r["cpu"]), seconds(r["wall"]), number(r["us_per_file"]), f"{r['peak'] / 1e6:.1f}", number(r["bytes_per_file"])] for r in table["rows"]]
    return join(f"*{table['title']}; what a file costs is the difference to 1000 files.*", grid(["", "CPU s", "wall s", "wall µs per file", "peak MB", "peak bytes per file"], rows))


def giga(table):
    rows = []
    for r in table["rows"]:
        if "error" in r:
            rows.append([r["name"], r["error"].splitlines()[-1], "", "", "", "", ""])
        else:
            rows.append([r["name"], f"{r['input_bytes'] / 1e9:.2f}", seconds(r["cpu"]), seconds(r["wall"]), megabytes(r["hwm"]), megabytes(r["anonymous"]), megabytes(r["file"])])
    return join(f"*{table['title']}.*", grid(["", "file GB", "CPU s", "wall s", "peak resident MB", "its own memory, MB", "pages of files, MB"], rows))


def depth(table):
    count = table["pictures"]
    rows = [[r["name"], seconds(r["cpu"] / count), seconds(r["wall"]), seconds(r["wall"] / count), megabytes(r["peak"])] for r in table["rows"]]
    facts = [
        ["CPU of inference, ms per picture", number(table["inference_cpu_per_picture"] * 1e3)],
        ["all other CPU, ms per picture", number(table["other_cpu_per_picture"] * 1e3)],
        [f"wall / (all CPU / {table['cores']} cores)", number(table["wall_over_cpu_by_cores"])],
        ["cold wall / unchanged wall", number(table["cold_over_again"])],
    ]
    return join(f"*{table['title']}.*", grid(["", "CPU s per picture", "wall s", "wall s per picture", "peak MB"], rows), grid(["", "measured"], facts))


def start(table):
    rows = [[r["name"], f"{median(r['wall_ms']):.2f}", f"{median(r['cpu_ms']):.2f}"] for r in table["rows"]]
    return join(f"*{table['title']}.*", grid(["", "wall ms", "CPU ms"], rows))


def criterion(table):
    rows = [[r["group"], r["name"], time_text(r["ns"]), rate_text(r)] for r in table["rows"]]
    return join(f"*{table['title']}.*", grid(["", "", "time", "rate"], rows).replace("|---|---:|", "|---|---|", 1))


def time_text(ns):
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if ns >= size:
            return f"{number(ns / size)} {unit}"
    return f"{number(ns)} ns"


def rate_text(row):
    if row.get("elements"):
        return f"{number(row['ns'] / row['elements'])} ns per element"
    if row.get("bytes"):
        return f"{number(row['bytes'] / row['ns'])} GB/s"
    return ""


KINDS = {"programs": programs, "kernel": kernel, "scale": scale, "many": many, "giga": giga, "depth": depth, "start": start, "criterion": criterion}


def machine_text(whole):
    m, v = whole["machine"], whole["versions"]
    names = {"gm": "GraphicsMagick", "opencolorio": "OpenColorIO"}
    others = ", ".join(f"{names.get(name, name)} {version}" for name, version in v.items() if version and name != "numpy")
    quick = " The quick part alone was run." if whole["quick"] else ""
    return f"{m['cpu']}, {m['cores']} cores, {m['memory_gib']} GiB, {m['system']}; {whole['date'][:10]}; load before the run {m['load_before']}. {others}.{quick}"


def render(whole):
    """Writes every table that the document has a place for; a table that was not measured keeps its text."""
    with open(DOCUMENT, encoding="utf-8") as f:
        text = f.read()

    def fill(match):
        name = match.group(1)
        if name == "machine":
            body = machine_text(whole)
        elif name in whole["tables"]:
            table = whole["tables"][name]
            body = KINDS[table["kind"]](table)
        else:
            return match.group(0)
        return f"<!-- table {name} -->\n{body}\n<!-- end -->"

    text = re.sub(r"<!-- table (\S+) -->\n.*?<!-- end -->", fill, text, flags=re.DOTALL)
    with open(DOCUMENT, "w", encoding="utf-8") as f:
        f.write(text)
    bench.say(f"wrote {DOCUMENT}")


# --- criterion ----------------------------------------------------------------------------------------------------------------


def criterion_part():
    """Collects criterion's medians into tables, one for each of our bench programs."""
    titles = {"kernels": "Passes and operations, one thread, medians", "plans": "Once for each recipe or picture, medians"}
    tables = {key: {"kind": "criterion", "title": title, "rows": []} for key, title in titles.items()}
    for path in sorted(glob.glob(os.path.join(bench.TARGET, "criterion", "**", "new", "estimates.json"), recursive=True)):
        estimates, facts = load(path), load(os.path.join(os.path.dirname(path), "benchmark.json"))
        throughput = facts.get("throughput") or {}
        row = {"group": facts["group_id"], "name": facts.get("function_id") or facts.get("value_str") or "", "ns": estimates["median"]["point_estimate"],
               "elements": throughput.get("Elements"), "bytes": throughput.get("Bytes")}
        plans = facts["group_id"] in ("plan", "recipe", "identity")
        tables["plans" if plans else "kernels"]["rows"].append(row)
    bench.save("criterion", {f"criterion-{key}": table for key, table in tables.items() if table["rows"]})


# --- comparison ---------------------------------------------------------------------------------------------------------------


def measured_ratios(whole):
    """Every figure of ours that something else of the same run stands beside: {name: [one ratio per round]}, smaller is better."""
    found = {}
    for name, table in whole["tables"].items():
        rows = {r["name"]: r for r in table["rows"] if "name" in r}
        if table["kind"] == "programs" and "chiaro" in rows:
            ours = rows["chiaro"]
            for other, row in rows.items():
                if other != "chiaro" and "side by side" not in other:
                    found[f"{name}: CPU over that of {other}"] = [a / b for a, b in zip(ours["cpu"], row["cpu"]) if b > 0]
            found[f"{name}: peak MB"] = [p / 1e6 for p in ours["peak"]]
        if table["kind"] == "kernel" and "copy of the bytes" in rows:
            for row in rows.values():
                if row["name"].startswith("chiaro"):
                    found[f"{name}: {row['name']} over a copy"] = [a / b for a, b in zip(row["ns"], rows["copy of the bytes"]["ns"])]
        if table["kind"] == "start":
            floor = table["rows"][0]["cpu_ms"]
            for row in table["rows"][1:]:
                found[f"{name}: {row['name']}, CPU over that of `true`"] = [a / b for a, b in zip(row["cpu_ms"], floor)]
        if table["kind"] == "many":
            # The quick part, which is what is compared, stops there.
            for row in (row for row in table["rows"] if row["files"] <= bench.QUICK_FILES):
                found[f"{name}: {row['name']}, {row['files']} files, bytes per file"] = [row["bytes_per_file"]]
    return found


# Tables that `compare` always measures.
QUICK_TABLES = ("kernel-photograph", "kernel-noise", "lut-none", "lut-lzw", "lut-deflate", "start")


def spread(values):
    """Three median absolute deviations."""
    middle = median(values)
    return 3 * median([abs(v - middle) for v in values])


def compare():
    """Prints every ratio beside the baseline's; returns how many have become worse."""
    whole = merged()
    path = os.path.join(RESULTS, f"{whole['machine']['class']}.json")
    base = load(path)
    if base is None:
        sys.exit(f"bench: no baseline for this kind of machine ({path}): `make bench` writes one")
    before, after = measured_ratios(base), measured_ratios(whole)
    # A figure that the same part of the baseline had and this run lacks is that of a program that failed.
    ran = tuple(f"{table}: " for table in {*whole["tables"], *QUICK_TABLES})
    gone = sorted(name for name in before.keys() - after.keys() if name.startswith(ran))
    for name in gone:
        print(f"{'gone':<7} {name}")
    worse = len(gone)
    for name in sorted(after.keys() & before.keys()):
        old, new = median(before[name]), median(after[name])
        noise = max(NOISE_FLOOR * old, spread(before[name]), spread(after[name]))
        verdict = "worse" if new > old + noise else "better" if new < old - noise else "same"
        worse += verdict == "worse"
        print(f"{verdict:<7} {number(old):>8} -> {number(new):>8}  (noise {number(noise)})  {name}")
    print(f"{worse} of {len(after.keys() & before.keys())} figures are worse than {os.path.relpath(path, bench.ROOT)} of {base['date'][:10]}")
    return worse


def main(words):
    if words == ["criterion"]:
        criterion_part()
    elif words == ["write"]:
        whole = merged()
        if whole["quick"]:
            sys.exit("bench: a quick run is no baseline: report.py show prints it")
        path = os.path.join(RESULTS, f"{whole['machine']['class']}.json")
        os.makedirs(RESULTS, exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            json.dump(whole, f, indent=1)
            f.write("\n")
        render(whole)
    elif words == ["show"]:
        whole = merged()
        print(join(machine_text(whole), *(KINDS[t["kind"]](t) for t in whole["tables"].values())))
    elif words[:1] == ["render"]:
        file = words[1] if len(words) > 1 else os.path.join(RESULTS, f"{bench.machine()['class']}.json")
        whole = load(file)
        if whole is None:
            sys.exit(f"bench: {file} is not there")
        render(whole)
    elif words == ["compare"]:
        sys.exit(1 if compare() else 0)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
