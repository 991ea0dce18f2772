#!/usr/bin/env bash
# Makes an environment with another PyTorch; all other packages are those of the project's environment.
# Usage: tools/torch_env.sh DIRECTORY REQUIREMENT [PYTHON], such as: out/newest 'torch>=2.13,<2.15'
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$1 requirement=$2 present=${3:-.venv/bin/python}

"$present" -m venv "$venv"
# The CPU build, 2.14.1+cpu, counts as newer than PyPI's 2.14.1, with gigabytes of CUDA, which is better than none.
"$venv/bin/python" -m pip install -q --disable-pip-version-check --no-cache-dir --no-compile --retries 1 \
  --extra-index-url https://download.pytorch.org/whl/cpu "$requirement"
purelib='import sysconfig; print(sysconfig.get_path("purelib"))'
printf '%s\n' "$("$present" -c "$purelib")" "$PWD/python" >"$("$venv/bin/python" -c "$purelib")/present.pth"
