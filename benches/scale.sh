#!/usr/bin/env bash
# Costs over sizes and counts: 1 to 1000 files, 1 to 1000 megapixels, 100 000 small files, gigapixel pictures, runs that are repeated, start-up.
#
#   benches/scale.sh [--rounds N] [--only files,sizes,depth,many,giga,start]
#
# CHIARO, BENCH_DIR, BENCH_PYTHON and QUICK as for benches/peers.sh. QUICK=1 stops at 100 files, 100 megapixels, 10 000 small files and 67 megapixels
# in place of a gigapixel. The whole needs 16 GB of free disk; pictures that large are made one at a time and removed at once.
set -euo pipefail
cd "$(dirname "$0")/.."
exec "${BENCH_PYTHON:-.deps/bench/bin/python}" benches/scale.py "$@"
