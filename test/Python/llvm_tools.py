"""Programs that tests read code with, and compile C with, and the tools of the build tree."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

__all__ = ["find_program", "find_tool", "run_tool"]

#: Debian's folder for the tools of a versioned LLVM.
_LLVM_BIN = "/usr/lib/llvm-22/bin"
_BUILD = Path(os.environ.get("POCK_BUILD", Path(__file__).parents[2] / "build"))


def find_program(*names: str) -> str:
    """Return the path of the first of these programs that is installed."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), _LLVM_BIN))
    for name in names:
        if found := shutil.which(name, path=path):
            return found
    raise FileNotFoundError(f"none of {', '.join(names)} found on PATH")


def find_tool(name: str = "pock-opt") -> Path:
    """Return the path of a tool in the build tree; the variable ``POCK_OPT`` names another ``pock-opt``."""
    path = Path(os.environ.get(name.upper().replace("-", "_"), _BUILD / "bin" / name))
    if not os.access(path, os.X_OK):
        raise FileNotFoundError(f"{path} is not an executable file; build it with 'make build'")
    return path


def run_tool(arguments: Sequence[str], source: str, *, tool: str = "pock-opt") -> str:
    """Run a tool on IR and return what it prints; ``stderr`` of a CalledProcessError holds diagnostics."""
    command = [find_tool(tool), *arguments, "-"]
    return subprocess.run(command, input=source, capture_output=True, check=True, text=True).stdout
