"""Programs that tests read code with, and compile C with."""

from __future__ import annotations

import os
import shutil

import pytest

#: Debian's folder for the tools of a versioned LLVM.
_LLVM_BIN = "/usr/lib/llvm-22/bin"


def find_program(*names: str) -> str:
    """Return the path of the first of these programs that is installed; without any, the test is skipped."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), _LLVM_BIN))
    for name in names:
        if found := shutil.which(name, path=path):
            return found
    pytest.skip(f"none of {', '.join(names)} found on PATH")
