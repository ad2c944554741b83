#!/usr/bin/env bash
# Bakes the LUTs of luts/ from their recipes. Usage: tools/bake_luts.sh path/to/chiaro
set -euo pipefail
bin=$(realpath "$1")
cd "$(dirname "$0")/../luts"
for recipe in recipes/*.toml; do
  name=$(basename "$recipe" .toml)
  "$bin" lut bake "$recipe" -o "$name.cube" --size 25 --encoding srgb --force
done
