#!/usr/bin/env bash
# Grades the sample pictures: outdoors with `exterior`, indoors with `interior`; writes their depth maps; says where everything is.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$1
out=out/demo
"$bin" run data/samples/street.tif data/samples/landscape.png -r exterior -o "$out" --on-exist overwrite
"$bin" run data/samples/interior.tif data/samples/table.exr -r interior -o "$out" --on-exist overwrite
"$bin" depth data/samples -o "$out/depth" --export png,preview --on-exist overwrite
printf '\nGraded pictures: %s\nDepth maps:      %s (the _preview.png files are for looking)\n' "$out" "$out/depth"
