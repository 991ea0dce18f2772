"""Finds and runs ``pock-opt``, the compiler as a program, which reproduces failures outside of Python."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

__all__ = ["find_tool", "main", "run_tool"]

_PACKAGE = Path(__file__).resolve().parents[1]


def find_tool(name: str = "pock-opt") -> Path:
    """Return the path of a compiler tool.

    Searches in this order: the environment variable (``POCK_OPT`` for ``pock-opt``), the installed package, the
    build tree of a development checkout, and ``PATH``.

    Raises:
        FileNotFoundError: the tool is in none of these places, or the environment variable names no program.
    """
    variable = name.upper().replace("-", "_")
    if chosen := os.environ.get(variable):
        if found := shutil.which(chosen):
            return Path(found)
        raise FileNotFoundError(f"{variable} is set to {chosen!r}, which is not an executable file")
    build = Path(os.environ.get("POCK_BUILD", _PACKAGE.parents[1] / "build"))
    for directory in (_PACKAGE / "bin", build / "bin"):
        if os.access(directory / name, os.X_OK):
            return directory / name
    # Exclude the console script of the same name, which is a wrapper around this function.
    elsewhere = os.pathsep.join(
        entry for entry in os.get_exec_path() if Path(entry).resolve() != Path(sys.executable).parent.resolve()
    )
    if found := shutil.which(name, path=elsewhere):
        return Path(found)
    raise FileNotFoundError(f"{name} not found: build it with 'make build', or set {variable}")


def run_tool(arguments: Sequence[str], source: str | bytes, *, tool: str = "pock-opt") -> str:
    """Run a tool on IR given as text or bytecode and return what it prints.

    Raises:
        subprocess.CalledProcessError: the tool failed; ``stderr`` holds its diagnostics.
    """
    data = source.encode() if isinstance(source, str) else source
    done = subprocess.run([find_tool(tool), *arguments, "-"], input=data, capture_output=True, check=False)
    if done.returncode:
        raise subprocess.CalledProcessError(
            done.returncode, done.args, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        )
    return done.stdout.decode()


def main() -> NoReturn:
    """Become ``pock-opt``: the entry point of the console script."""
    try:
        tool = find_tool()
    except FileNotFoundError as error:
        sys.exit(str(error))
    os.execv(tool, [str(tool), *sys.argv[1:]])
