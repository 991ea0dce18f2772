"""The range of PyTorch in pyproject.toml: all other tests run with its oldest version, these with the newest."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: Those that compare numbers; the operators that a clamp becomes depend on the version (test_frontend_ops).
TESTS = (
    *("complex", "frontend", "frontend_refusals", "given_gradients", "inputs_outputs", "python_state"),
    *("operators_math", "operators_nn", "operators_shape", "operators_sorting", "operators_coverage"),
    *("optim", "optimizer_updates", "torch_state", "pt2"),
)
#: Convolutions with batch norm, depthwise ones, hard swish, recurrence, and transformers of another package.
ARCHITECTURES = ("resnet8", "ds-cnn", "mobilenetv3", "lstm", "bert", "gpt2")


def requirement() -> str:
    """What the wheel's extra ``torch`` asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (found,) = project["optional-dependencies"]["torch"]
    return str(found)


def bounds() -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The oldest version, and the first that is too new."""
    found = re.fullmatch(r"torch>=(\d+)\.(\d+),<(\d+)\.(\d+)", requirement())
    assert found
    numbers = tuple(map(int, found.groups()))
    return numbers[:2], numbers[2:]


def test_the_lock_file_has_the_oldest() -> None:
    pinned = re.search(r"^torch==(\d+)\.(\d+)\.", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert pinned
    assert tuple(map(int, pinned.groups())) == bounds()[0]


@pytest.fixture(scope="module")
def newest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The interpreter of an environment with the newest version."""
    folder = tmp_path_factory.mktemp("newest")
    command = [ROOT / "tools" / "torch_env.sh", folder, requirement(), sys.executable]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        if done.returncode and re.search(r"connection broken|NewConnectionError|Could not fetch URL", done.stderr):
            pytest.skip(f"no registry of Python packages can be reached for {requirement()}")
        assert done.returncode == 0, done.stderr
        yield folder / "bin" / "python"
    finally:
        shutil.rmtree(folder)  # up to five gigabytes


def run(python: Path, *arguments: str | Path, folder: Path = ROOT) -> str:
    """Run a program of the project; it must succeed."""
    # A process of its own does not see what this one's test runner has set.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
    command = [str(python), *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-4000:]
    return done.stdout


@pytest.mark.slow
def test_it_is_the_last_of_the_range(newest: Path) -> None:
    printed = run(newest, "-c", "import torch, pockmlir; print(torch.__version__, pockmlir.__file__)").split()
    major, minor = map(int, printed[0].split(".")[:2])
    assert (major, minor + 1) == bounds()[1]
    assert Path(printed[1]).is_relative_to(ROOT / "python")


@pytest.mark.slow
def test_the_front_end(newest: Path) -> None:
    files = [f"test/Python/test_{name}.py" for name in TESTS]
    run(newest, "-m", "pytest", "-q", "-m", "not slow", "-p", "no:cacheprovider", *files)


@pytest.mark.slow
def test_architectures_train_as_in_pytorch(newest: Path) -> None:
    """Losses, parameters and updates of five steps are those of that PyTorch."""
    run(newest, "zoo.py", *ARCHITECTURES, "--scheme", "full", folder=ROOT / "bench")
