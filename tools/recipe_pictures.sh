#!/usr/bin/env bash
# Makes the pictures of docs/recipes.md from data/samples with the program itself: the samples as they are, and one or two of them
# through every other recipe that ships. Usage: tools/recipe_pictures.sh path/to/chiaro
set -euo pipefail
bin=$(realpath "$1")
cd "$(dirname "$0")/.."
out=docs/pictures/recipes
small=(--device cpu --inference rten --progress none --on-exist overwrite --name '{stem}-{recipe}.{ext}' -o "$out")
for value in format=jpeg bits=8 compression=input color=srgb quality=80 long_edge_px=480 metadata=none; do
  small+=(--set "output.$value")
done

# draw RECIPE SAMPLE...
draw() {
  local recipe=$1
  shift
  "$bin" run "${@/#/data/samples/}" -r "$recipe" "${small[@]}"
}

draw neutral interior.tif street.tif landscape.png table.exr
for recipe in signature golden-hour twilight exterior vivid moody; do
  draw "$recipe" street.tif landscape.png
done
draw interior interior.tif table.exr
for recipe in print-master web; do
  draw "$recipe" interior.tif
done
rm -rf "$out/.chiaro"
