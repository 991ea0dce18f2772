"""The modules of the package import each other without a cycle, and a room imports only the rooms below it."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pockmlir
import pytest

PACKAGE = Path(pockmlir.__file__).parent

#: Every room, and every module of the package itself, from the bottom to the top; those of one line do not know each other.
ROOMS = (
    "_core errors",
    "support",
    "core",
    "_ops targets",
    "api",
    "artifact",
    "frontends report",
    "cache runtime",
    "export",
    "step",
    "loading",
    "compiler budgets",
    "loop",
    "device tuning",
    "demo",
    "cli",
)
#: Public names for modules of the rooms; nothing in the package imports them.
PUBLIC = ("cost", "dropout", "optim", "scheme", "target")


def read_modules() -> dict[str, Path]:
    """Name without ``pockmlir.`` → file; the package itself is ``""``."""
    result = {"_core": PACKAGE / "_core.pyi"}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        result[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return result


MODULES = read_modules()


def imported(name: str, text: str, is_package: bool) -> set[str]:
    """The package's modules that a module's text imports, also inside functions and for type checkers only.

    The latter are no cycles at run time, but the reader meets them as such.
    """
    package = name.split(".") if is_package else name.split(".")[:-1]
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = [node.module] if node.module else []
            if node.level:
                base = ["pockmlir", *package[: len(package) - node.level + 1], *base]
            names = [".".join([*base, alias.name]) for alias in node.names]
        else:
            continue
        for full in names:
            head, _, rest = full.partition(".")
            if head == "pockmlir":
                # What is no module is a name in one.
                found.add(rest if rest in MODULES else rest.rpartition(".")[0])
    return found - {name}


GRAPH = {name: imported(name, path.read_text(), path.name == "__init__.py") for name, path in MODULES.items() if name}


def test_modules_import_each_other_without_a_cycle():
    assert len(GRAPH) > 100
    try:
        TopologicalSorter(GRAPH).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def test_a_room_imports_only_rooms_below():
    level = {room: index for index, rooms in enumerate(ROOMS) for room in rooms.split()}
    assert {name.partition(".")[0] for name in GRAPH} == level.keys() | set(PUBLIC)
    wrong = [
        f"{name} imports {other or 'pockmlir'}"
        for name, others in GRAPH.items()
        for other in sorted(others)
        for own, theirs in [(name.partition(".")[0], other.partition(".")[0])]
        if own not in PUBLIC and own != theirs and not level.get(theirs, len(ROOMS)) < level[own]
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from . import link, ir_text", {"core.link", "core.ir_text"}),
        ("from .link import archive", {"core.link"}),
        ("from ..errors import PockError", {"errors"}),
        ("def f():\n    import pockmlir.step", {"step"}),
        ("from pockmlir import compile", {""}),
        ("if TYPE_CHECKING:\n    from ..step import Step", {"step"}),
        ("import json, numpy", set()),
    ],
)
def test_every_form_of_import_is_seen(text, expected):
    assert imported("core.build", text, False) == expected


def test_importing_the_package_imports_no_framework():
    code = "import sys, pockmlir; print(*{'torch', 'torch_mlir', 'matplotlib', 'rich', 'click'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "torch_mlir", "matplotlib"} & set(done.stdout.split()), done.stdout


@pytest.mark.parametrize(
    "name", ["budgets", "compiler", "device", "dropout", "errors", "optim", "report", "scheme", "target"]
)
def test_public_modules_have_what_they_say(name):
    module = __import__(f"pockmlir.{name}", fromlist=["__all__"])
    assert module.__all__
    assert all(hasattr(module, exported) for exported in module.__all__)
