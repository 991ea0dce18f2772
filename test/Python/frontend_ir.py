"""Reads imported IR for tests, and verifies it with pock-opt if that is built."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from pathlib import Path

POCK_OPT = Path(__file__).parents[2] / "build" / "bin" / "pock-opt"


#: An operation: its name, then at the end of the line a location's name, and the file and line if it has them.
OPERATION = re.compile(
    r'(?:%\S+ = )?"(?P<op>[\w.]+)"\(.* loc\("(?P<path>[^"]*)"(?:\("(?P<file>[^"]*)":(?P<line>\d+):0\))?\)'
)


def ops(text: str, function: str) -> list[tuple[str, str, str | None]]:
    """Name, module path and source line of every pock op of a function, in order."""
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith(f'"func.func"() <{{sym_name = "{function}"'):
            break
    found = []
    for line in lines:
        if line.startswith("})"):
            break
        if match := OPERATION.fullmatch(line):
            source = f"{match['file']}:{match['line']}" if match["file"] else None
            path = "" if match["path"] == "(model)" else match["path"]
            found.append((match["op"].removeprefix("pock."), path, source))
    return found


def count(text: str, function: str, path: str | None = None) -> Counter[str]:
    """Count the ops of each kind in a function, below a module path."""
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
    """Parse and verify a module with pock-opt, if that is built."""
    if not POCK_OPT.exists():
        return
    file = tmp_path / "import.mlir"
    file.write_text(text)
    done = subprocess.run([POCK_OPT, file, "-o", "/dev/null"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
