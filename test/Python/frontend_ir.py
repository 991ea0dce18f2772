"""Reads imported IR, for tests; and has pock-opt verify it where it is built."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from pathlib import Path

from pockmlir.frontends.torch.torch_ir import place_of
from torch_mlir import ir

POCK_OPT = Path(__file__).parents[2] / "build" / "bin" / "pock-opt"


def ops(text: str, function: str) -> list[tuple[str, str, str | None]]:
    """Name, module path and source line of every pock op of a function, in order."""
    with ir.Context() as context:
        context.allow_unregistered_dialects = True
        found = []
        for op in ir.Module.parse(text).body.operations:
            if op.operation.name != "func.func" or op.operation.attributes["sym_name"].value != function:
                continue
            for inner in op.operation.regions[0].blocks[0].operations:
                path, line = place_of(inner.operation.location)
                found.append((inner.operation.name.removeprefix("pock."), path, line))
        return found


def count(text: str, function: str, path: str | None = None) -> Counter[str]:
    """How many ops of each kind a function has, below a module path."""
    inside = lambda p: path is None or p == path or p.startswith(path + ".")  # noqa: E731
    return Counter(name for name, where, _ in ops(text, function) if inside(where))


def params(text: str) -> dict[str, str]:
    """The declared symbols and their kinds."""
    found = {}
    for line in text.splitlines():
        if '"pock.param"' in line and (name := re.search(r'sym_name = "([^"]+)"', line)):
            kind = re.search(r"#pock\.kind<(\w+)>", line)
            found[name[1]] = kind[1] if kind else "parameter"
    return found


def stores(text: str, function: str) -> list[str]:
    """The symbols that a function stores."""
    body = text.split(f'sym_name = "{function}"')[1].split("func.return")[0]
    return re.findall(r'"pock\.store_param".*param = @([\w.]+)', body)


def verify(text: str, tmp_path: Path) -> None:
    """Have pock-opt parse and verify a module, if it is built."""
    if not POCK_OPT.exists():
        return
    file = tmp_path / "import.mlir"
    file.write_text(text)
    done = subprocess.run([POCK_OPT, file, "-o", "/dev/null"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
