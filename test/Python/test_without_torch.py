"""Models that a front end builds with `pockmlir.frontends.common`, in a process that has no PyTorch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from llvm_tools import find_program

#: Runs in a process of its own, where an import of PyTorch fails.
PROGRAM = Path(__file__).parent / "programs" / "without_torch.py"


def run(*arguments: str) -> str:
    done = subprocess.run([sys.executable, PROGRAM, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


#: Loaded by `import pockmlir`: arrays, their types, and text on terminals.
PACKAGES = {"ml_dtypes", "numpy", "pockmlir", "rich"}


def test_importing_loads_few_packages_and_not_the_compiler():
    code = "import sys; before = set(sys.modules); import pockmlir; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = done.stdout.split()
    packages = {name.partition(".")[0] for name in modules}
    assert packages - sys.stdlib_module_names <= PACKAGES
    assert "pockmlir._core" not in modules


def test_a_model_trains_as_numpy_says():
    assert "trained" in run("train")


def test_a_model_is_exported_and_trains_in_c(tmp_path):
    run("export", str(tmp_path))
    program = tmp_path / "train"
    flags = ["-DX_ELEMENTS=NET_STEP_X_ELEMENTS", "-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", "-I", tmp_path]
    compiler = find_program("gcc", "cc", "clang-22")
    source = PROGRAM.with_name("train.c")
    subprocess.run([compiler, *flags, source, tmp_path / "libnet.a", "-static", "-o", program], check=True)
    expected = (tmp_path / "expected.bin").read_bytes()
    subprocess.run([program, tmp_path, str(len(expected) // 4)], check=True)
    assert (tmp_path / "losses.bin").read_bytes() == expected


def test_what_needs_pytorch_says_so(tmp_path):
    assert "checked" in run("errors", str(tmp_path))
