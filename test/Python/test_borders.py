"""What no other part of the compiler may include: a back end is reached through its interface alone."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INCLUDE = re.compile(r'#include "([^"]+)"')

#: The one file that knows all back ends, as it registers them.
REGISTRATION = "lib/Pipelines/InitAll.cpp"

BACKENDS = sorted(path.name for path in (ROOT / "lib/Backends").iterdir() if path.is_dir() and path.name != "Shared")


def sources(*folders: str) -> list[Path]:
    """Every C++ file of these folders."""
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*")) if path.suffix in (".cpp", ".h")]


def included(path: Path) -> list[str]:
    """What a file includes, as paths below the root where they are relative."""
    result = []
    for name in INCLUDE.findall(path.read_text()):
        beside = (path.parent / name).resolve()
        result.append(str(beside.relative_to(ROOT)) if beside.exists() else name)
    return result


@pytest.mark.parametrize("backend", BACKENDS)
def test_nothing_outside_a_back_end_includes_it(backend):
    own = (f"lib/Backends/{backend}", f"dialect/Pock/Backends/{backend}")
    intruders = {
        f"{path.relative_to(ROOT)} includes {name}"
        for path in sources("lib", "dialect", "python/src", "tools", "test/Toy", "test/Unit")
        if not str(path.relative_to(ROOT)).startswith(own) and str(path.relative_to(ROOT)) != REGISTRATION
        for name in included(path)
        if f"Backends/{backend}/" in name
    }
    assert not intruders


def test_what_back_ends_share_includes_no_pass_of_the_planner():
    intruders = {
        f"{path.relative_to(ROOT)} includes {name}"
        for path in sources("lib/Backends/Shared", "lib/Target")
        for name in included(path)
        if "Transforms/" in name and not name.startswith("mlir/")
    }
    assert not intruders
