#!/usr/bin/env bash
# Brings this machine to the point where the project builds: Debian packages,
# Python environment. Usage: tools/setup.sh [VENV]. Quick when nothing is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${1:-.venv}

packages=(
  llvm-22-dev libmlir-22-dev liblld-22-dev # what we link
  zlib1g-dev libzstd-dev       # what these link
  llvm-22-tools mlir-22-tools  # FileCheck, lit, mlir-tblgen
  clang-22 lld-22              # compile and link what is exported
  libgomp1                     # threads of compiled steps
  g++ cmake ninja-build        # build; clang compiles, with the headers that come with g++
  python3-dev python3-venv     # the Python module
  libgtest-dev                 # C++ unit tests
  qemu-system-arm qemu-user    # boards and programs of other processors
  gcc-aarch64-linux-gnu libc6-dev-arm64-cross # programs for 64-bit Arm
  gcc-arm-none-eabi            # the example firmware, beside clang
)
# The emulator of RISC-V boards: in Debian 12 it is in a package with others.
if [[ $(. /etc/os-release && echo "${VERSION_ID-}") == 12 ]]; then
  packages+=(qemu-system-misc)
else
  packages+=(qemu-system-riscv)
fi

missing=()
for package in "${packages[@]}"; do
  [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
    missing+=("$package")
done
if ((${#missing[@]})); then
  if ((EUID != 0)); then
    echo "missing Debian packages: ${missing[*]}"
    echo "install them with:  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}"
    exit 1
  fi >&2
  echo "installing Debian packages: ${missing[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

# The stamp holds what the environment was made from, so that a checkout that
# changes the pins, and only that, renews it.
stamp=$venv/.pock-stamp
state=$(cat tools/setup.sh requirements.lock pyproject.toml | sha256sum; pwd)
exec 9<requirements.lock
flock 9 # two makes at once must not both install
[[ -f $stamp && $(<"$stamp") == "$state" ]] && exit 0

if [[ ! -x $venv/bin/python ]]; then
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    { echo "Python 3.11 or newer is needed, found $(python3 --version)" >&2; exit 1; }
  python3 -m venv "$venv"
fi

pip=("$venv/bin/python" -m pip -qq --disable-pip-version-check)
# PyTorch first and alone, and by its CPU build's own version: PyPI's build of
# the same release brings gigabytes of CUDA.
torch=$(grep '^torch==' requirements.lock)
if [[ $("${pip[@]}" freeze) != *"$torch"* ]]; then
  echo "installing PyTorch into $venv"
  "${pip[@]}" install --no-deps "$torch" 2>/dev/null ||
    "${pip[@]}" install --no-deps --index-url https://download.pytorch.org/whl/cpu "$torch"
fi
echo "installing the Python packages of requirements.lock into $venv"
"${pip[@]}" install --no-deps -r requirements.lock
"$venv/bin/python" -m pip check
# The package itself: metadata, commands and a path entry. CMake, not pip,
# puts the extension module into the source tree while developing.
"${pip[@]}" install --no-deps --no-build-isolation \
  --config-settings=wheel.cmake=false --config-settings=wheel.py-api=py3 \
  --config-settings=editable.mode=inplace -e .
printf '%s' "$state" >"$stamp"
