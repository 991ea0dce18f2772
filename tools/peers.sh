#!/usr/bin/env bash
# Makes the environments of the peers that bench/train.py compares with, from the groups peers-* of pyproject.toml.
# Usage: tools/peers.sh [GROUP…], such as "jax". Quick when nothing is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

groups() {
  python3 - "$@" <<'PYTHON'
import sys, tomllib

with open("pyproject.toml", "rb") as file:
    groups = tomllib.load(file)["dependency-groups"]
names = [name.removeprefix("peers-") for name in groups if name.startswith("peers-")]
print("\n".join(groups["peers-" + sys.argv[1]] if len(sys.argv) > 1 else names))
PYTHON
}

if (($# == 0)); then
  mapfile -t names < <(groups)
  set -- "${names[@]}"
fi
for name in "$@"; do
  venv=.venv-peers/$name
  mapfile -t wanted < <(groups "$name")
  stamp=$venv/.pock-stamp
  [[ -f $stamp && $(<"$stamp") == "${wanted[*]}" ]] && continue
  echo "installing ${wanted[*]} into $venv"
  [[ -x $venv/bin/python ]] || python3 -m venv "$venv"
  pip=("$venv/bin/python" -m pip -qq --disable-pip-version-check)
  # As in setup.sh: PyPI's build of PyTorch brings gigabytes of CUDA.
  if [[ ${wanted[*]} == *torch==* ]]; then
    torch=$(grep '^torch==' requirements.lock)
    "${pip[@]}" install --no-deps "$torch" 2>/dev/null ||
      "${pip[@]}" install --no-deps --index-url https://download.pytorch.org/whl/cpu "$torch"
  fi
  "${pip[@]}" install "${wanted[@]}"
  "$venv/bin/python" -m pip check
  printf '%s' "${wanted[*]}" >"$stamp"
done
