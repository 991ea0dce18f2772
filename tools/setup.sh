#!/usr/bin/env bash
# Brings this machine to the point where the project builds and its demo runs:
# Debian packages, Python environment. With `test`, also to the point where its
# tests run. Usage: tools/setup.sh [VENV [test]]. Quick when nothing is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${1:-.venv}
part=${2:-build}
[[ $part == build || $part == test ]] || { echo "usage: tools/setup.sh [VENV [test]], but got '$part'" >&2; exit 1; }

exec 9<tools/setup.sh
flock 9 # two makes at once must not both install

# Prints how long a part took, and keeps that for the summary of `make demo`.
took() {
  mkdir -p out
  echo "$1: $((SECONDS - begin)) s" | tee -a out/times.txt
}

packages=(
  llvm-22-dev libmlir-22-dev liblld-22-dev # what we link
  zlib1g-dev libzstd-dev       # what these link
  mlir-22-tools llvm-22-tools  # mlir-tblgen; lit, of which the build tree has the path
  clang-22 lld-22              # compile and link, also what is exported
  libgomp1                     # threads of compiled steps
  libvulkan-dev                # headers; steps on graphics processors find the rest at run time
  g++ cmake ninja-build        # build; clang compiles, with the headers that come with g++
  python3-dev python3-venv     # the Python module
  libgtest-dev                 # C++ unit tests, which are a part of the build tree
)
if [[ $part == test ]]; then
  packages+=(
    qemu-system-arm qemu-user    # boards and programs of other processors
    gcc-aarch64-linux-gnu libc6-dev-arm64-cross # programs for 64-bit Arm
    gcc-arm-none-eabi            # the example firmware, beside clang
    mesa-vulkan-drivers vulkan-validationlayers spirv-tools # Vulkan on this processor, and checks of what it gets
    chromium-common spirv-cross  # SwiftShader, another Vulkan driver; shaders for Metal and OpenGL
  )
  # The emulator of RISC-V boards: in Debian 12 it is in a package with others.
  if [[ $(. /etc/os-release && echo "${VERSION_ID-}") == 12 ]]; then
    packages+=(qemu-system-misc)
  else
    packages+=(qemu-system-riscv)
  fi
fi

# dpkg-query fails for a name that it has never met.
installed=" $(dpkg-query -W -f '${db:Status-Status}=${Package} ' "${packages[@]}" 2>/dev/null || true)"
missing=()
for package in "${packages[@]}"; do
  [[ $installed == *" installed=$package "* ]] || missing+=("$package")
done
if ((${#missing[@]})); then
  if ((EUID != 0)); then
    echo "missing Debian packages: ${missing[*]}"
    echo "install them with:  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}"
    exit 1
  fi >&2
  begin=$SECONDS
  echo "installing Debian packages: ${missing[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  took "Debian packages"
fi

# A stamp holds what a part of the environment was made from, so that a checkout
# that changes its pins, and only that, renews it.
state_of() {
  cat tools/setup.sh pyproject.toml "$1" | sha256sum
  pwd
}
is_current() { # <stamp> <lock>
  [[ -f $venv/$1 && $(<"$venv/$1") == "$(state_of "$2")" ]]
}
pip() {
  "$venv/bin/python" -m pip -qq --disable-pip-version-check "$@"
}

if ! is_current .pock-stamp requirements.lock; then
  begin=$SECONDS
  if [[ ! -x $venv/bin/python ]]; then
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
      { echo "Python 3.11 or newer is needed, found $(python3 --version)" >&2; exit 1; }
    python3 -m venv "$venv"
  fi
  # PyTorch first and alone, and by its CPU build's own version: PyPI's build of
  # the same release brings gigabytes of CUDA.
  torch=$(grep '^torch==' requirements.lock)
  if [[ $(pip freeze) != *"$torch"* ]]; then
    echo "installing PyTorch into $venv"
    pip install --no-deps "$torch" 2>/dev/null ||
      pip install --no-deps --index-url https://download.pytorch.org/whl/cpu "$torch"
  fi
  echo "installing the Python packages of requirements.lock into $venv"
  pip install --no-deps -r requirements.lock
  "$venv/bin/python" -m pip check
  # The package itself: metadata, commands and a path entry. CMake, not pip,
  # puts the extension module into the source tree while developing.
  pip install --no-deps --no-build-isolation \
    --config-settings=wheel.cmake=false --config-settings=wheel.py-api=py3 \
    --config-settings=editable.mode=inplace -e .
  state_of requirements.lock >"$venv/.pock-stamp"
  took "Python environment"
fi

if [[ $part == test ]] && ! is_current .pock-stamp-test requirements-test.lock; then
  begin=$SECONDS
  echo "installing the Python packages of requirements-test.lock into $venv"
  pip install --no-deps -r requirements-test.lock
  "$venv/bin/python" -m pip check
  state_of requirements-test.lock >"$venv/.pock-stamp-test"
  took "Python packages for tests"
fi
