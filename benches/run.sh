#!/usr/bin/env bash
# Runs the benchmarks in order and puts their results together; `make bench` and `make bench-compare` call it.
#
#   benches/run.sh            everything, then benches/results/CLASS.json and the tables of docs/performance.md
#   QUICK=1 benches/run.sh    the quick part, printed
#   benches/run.sh compare    the quick part beside the committed baseline; exit code 1 when something became slower or larger
#
# BENCH_DIR, BENCH_PYTHON, CHIARO and CARGO_TARGET_DIR as for the scripts it calls.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "${1:-}" = compare ] && export QUICK=1
quick() { [ -n "${QUICK:-}" ] && [ "${QUICK:-}" != 0 ]; }

target=${CARGO_TARGET_DIR:-target}
export BENCH_DIR=${BENCH_DIR:-$target/bench-data}
python=${BENCH_PYTHON:-.deps/bench/bin/python}
mkdir -p "$BENCH_DIR"
rm -rf "$BENCH_DIR/results"

kernels() {
  cargo build --release --quiet --example lut_kernel
  "$python" benches/ocio_kernel.py
}

# Short measurements: there are some two hundred of them.
criterion() {
  local programs=()
  for file in benches/*.rs; do programs+=(--bench "$(basename "$file" .rs)"); done
  rm -rf "$target/criterion"
  CHIARO_BENCH_KERNEL=$(realpath "$BENCH_DIR/kernel") cargo bench --quiet "${programs[@]}" -- --warm-up-time 0.2 --measurement-time 0.6 >"$BENCH_DIR/criterion.log"
  "$python" benches/report.py criterion
}

kernels
benches/peers.sh
benches/scale.sh
if [ "${1:-}" = compare ]; then
  exec "$python" benches/report.py compare
elif quick; then
  exec "$python" benches/report.py show
fi
criterion
"$python" benches/report.py write
