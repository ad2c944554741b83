#!/usr/bin/env bash
# Every test. With cargo-nextest where it is installed, else with cargo's own runner; documentation tests in both cases.
set -euo pipefail
cd "$(dirname "$0")/.."
library=$(compgen -G '.deps/onnxruntime/libonnxruntime.so*' | head -n 1 || true)
[ -n "${ORT_DYLIB_PATH:-}" ] || [ -z "$library" ] || export ORT_DYLIB_PATH="$PWD/$library"
if cargo nextest --version >/dev/null 2>&1; then
  cargo nextest run --no-fail-fast --status-level slow --final-status-level fail
else
  cargo test --no-fail-fast --lib --bins --tests
fi
cargo test --doc --quiet
# The crate builds and passes without any heavy dependency.
cargo check --quiet --no-default-features
