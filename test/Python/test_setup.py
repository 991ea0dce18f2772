"""`tools/setup.sh` installs what a part needs, and no more."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
EMULATORS = {"qemu-system-arm", "qemu-user", "gcc-aarch64-linux-gnu", "gcc-arm-none-eabi"}


def pinned(file: str) -> dict[str, str]:
    """Name of a package → version."""
    lines = (ROOT / file).read_text().splitlines()
    pins = [line.partition("#")[0].strip().split("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pins}


def needed(requirements: list[str]) -> set[str]:
    """Names of the packages that these ask for, directly or not."""
    found: set[str] = set()
    rest = [Requirement(text) for text in requirements]
    while rest:
        requirement = rest.pop()
        name = canonicalize_name(requirement.name)
        if name not in found and (requirement.marker is None or requirement.marker.evaluate({"extra": ""})):
            found.add(name)
            rest += [Requirement(text) for text in distribution(name).requires or []]
    return found


def test_the_first_lock_has_what_the_package_needs_and_no_more() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = [*project["build-system"]["requires"], *project["project"]["dependencies"]]
    for extra in project["project"]["optional-dependencies"].values():
        asked += extra
    assert needed(asked) == pinned("requirements.lock").keys()


def test_no_package_is_in_both_locks() -> None:
    assert not pinned("requirements.lock").keys() & pinned("requirements-test.lock").keys()


@pytest.fixture
def without_packages() -> Iterator[Path]:
    """A folder that every user may read, with a dpkg-query that knows no package."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        query = folder / "dpkg-query"
        query.write_text("#!/bin/sh\nexit 1\n")
        query.chmod(0o755)
        yield folder


@pytest.mark.parametrize("part", ["build", "test"])
def test_a_user_is_told_what_to_install(part: str, without_packages: Path) -> None:
    user = None if os.geteuid() else 65534  # root would install
    environment = {**os.environ, "PATH": f"{without_packages}:{os.environ['PATH']}"}
    venv = without_packages / "venv"
    command = ["bash", "tools/setup.sh", venv, part]
    done = subprocess.run(command, cwd=ROOT, env=environment, user=user, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert not venv.exists()
    (listed,) = re.findall(r"^install them with:  sudo .* --no-install-recommends (.*)$", done.stderr, re.MULTILINE)
    packages = set(listed.split())
    assert {"libmlir-22-dev", "clang-22", "cmake"} < packages
    assert packages & EMULATORS == (EMULATORS if part == "test" else set())
