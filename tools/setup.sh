#!/usr/bin/env bash
# Sets a machine up. `setup.sh system` installs what building and testing need where apt is present, and says clearly what is missing
# elsewhere; `setup.sh onnxruntime` fetches ONNX Runtime's shared library; `setup.sh bench` the programs that benchmarks compare with; `setup.sh cargo-deny` the licence checker.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else fail "need root (or sudo) for: $*"; fi
}

apt_install() {
  local missing=()
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] && return 0
  say "installing: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  as_root apt-get update -qq
  as_root apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

system() {
  if command -v apt-get >/dev/null; then
    # A C compiler links Rust programs; the next two run WGSL without a graphics card; exiftool reads back every tag in the tests.
    apt_install gcc libc6-dev libvulkan1 mesa-vulkan-drivers libimage-exiftool-perl
  else
    command -v cc >/dev/null || fail "no C compiler (cc): install gcc or clang, Rust needs it to link"
    case "$(uname -s)" in
      Linux) ldconfig -p 2>/dev/null | grep -q libvulkan.so.1 || say "no Vulkan loader (libvulkan.so.1): install vulkan-icd-loader and Mesa's lavapipe, the shader tests need them" ;;
    esac
  fi
  command -v cargo >/dev/null || fail "no cargo: install Rust 1.94 or newer from https://rustup.rs"
  local have
  have=$(rustc --version | cut -d' ' -f2)
  printf '1.94.0\n%s\n' "${have%%-*}" | sort -V -C || fail "Rust $have is too old, 1.94 or newer is needed: rustup update"
}

onnxruntime() {
  local folder=.deps/onnxruntime
  compgen -G "$folder/libonnxruntime.so*" >/dev/null && return 0
  [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || fail "fetch ONNX Runtime yourself and set ORT_DYLIB_PATH to its library"
  command -v python3 >/dev/null && python3 -m pip --version >/dev/null 2>&1 || {
    command -v apt-get >/dev/null || fail "python3 with pip is needed to fetch ONNX Runtime"
    apt_install python3 python3-pip
  }
  local temporary
  temporary=$(mktemp -d)
  # shellcheck disable=SC2064
  trap "rm -rf '$temporary'" EXIT
  say "fetching ONNX Runtime from PyPI"
  python3 -m pip download -q --no-deps --only-binary :all: -d "$temporary" 'onnxruntime>=1.20' || fail "PyPI cannot be reached"
  mkdir -p "$folder"
  python3 - "$temporary" "$folder" <<'PYTHON'
import pathlib, shutil, sys, zipfile
wheel = next(pathlib.Path(sys.argv[1]).glob("onnxruntime-*.whl"))
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        base = pathlib.PurePosixPath(name).name
        if "/capi/libonnxruntime.so" in name or base in ("LICENSE", "ThirdPartyNotices.txt"):
            with archive.open(name) as source, open(pathlib.Path(sys.argv[2]) / base, "wb") as target:
                shutil.copyfileobj(source, target)
PYTHON
  say "ONNX Runtime is in $folder"
}

# Programs that benchmarks are measured beside; whatever cannot be had is left out there with a sentence.
bench_peers() {
  if command -v apt-get >/dev/null; then
    (apt_install time ffmpeg graphicsmagick libvips-tools python3 python3-venv) || say "not every peer could be installed: the tables will say which"
  fi
  local folder=.deps/bench packages=(numpy==2.2.6 tifffile==2025.5.10 imagecodecs==2025.3.30 OpenImageIO==3.2.2.0 opencolorio==2.6.0)
  [ "$(cat "$folder/packages" 2>/dev/null)" = "${packages[*]}" ] && return 0
  command -v python3 >/dev/null || fail "python3 is needed for the benchmarks"
  say "fetching from PyPI into $folder: ${packages[*]}"
  python3 -m venv --clear "$folder" || fail "python3 has no venv: install python3-venv"
  "$folder/bin/python" -m pip install -q --disable-pip-version-check --only-binary :all: "${packages[@]:0:3}" || fail "PyPI cannot be reached: the benchmarks need numpy, tifffile and imagecodecs"
  local package
  for package in "${packages[@]:3}"; do
    "$folder/bin/python" -m pip install -q --disable-pip-version-check --only-binary :all: "$package" || say "no $package for this machine: the tables go without it"
  done
  printf '%s' "${packages[*]}" >"$folder/packages"
}

cargo_deny() {
  cargo deny --version >/dev/null 2>&1 && return 0
  say "installing cargo-deny"
  cargo install --quiet --locked cargo-deny
}

case "${1:-system}" in
  system) system ;;
  onnxruntime) onnxruntime ;;
  onnxruntime-if-possible) (onnxruntime) || say "without ONNX Runtime: its tests are ignored" ;;
  bench) bench_peers ;;
  cargo-deny) cargo_deny ;;
  *) fail "unknown: $1 (system, onnxruntime, bench, cargo-deny)" ;;
esac
