#!/usr/bin/env bash
# Whole processes beside ffmpeg, oiiotool, GraphicsMagick and vips, each with its best flags, same files, interleaved rounds.
#
#   benches/peers.sh [--rounds N] [--only lut-none,lut-lzw,...]
#
# CHIARO=PATH names the program (default: the release build), BENCH_DIR=FOLDER where pictures lie (default: target/bench-data),
# BENCH_PYTHON=PATH a Python with what `tools/setup.sh bench` installs, QUICK=1 runs the three LUT tables with three rounds.
set -euo pipefail
cd "$(dirname "$0")/.."
exec "${BENCH_PYTHON:-.deps/bench/bin/python}" benches/peers.py "$@"
