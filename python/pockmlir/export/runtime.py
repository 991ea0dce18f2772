"""The C library that runs dispatches, as two files for the programs of users."""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import TargetError

__all__ = ["header_text", "source_text"]

_PACKAGE = Path(__file__).resolve().parents[1]
_HEADER = "pock_vulkan.h"
#: In this order, each file finds what it needs before it.
_PARTS = (
    "api.h",
    "error.h",
    "device.h",
    "plan.h",
    "step.h",
    "error.c",
    "plan.c",
    "device.c",
    "memory.c",
    "pipeline.c",
    "record.c",
    "probe.c",
    "step.c",
)
_OWN_INCLUDE = re.compile(r'^#include "[^"]*"\n', re.MULTILINE)


def _sources() -> Path:
    # A wheel contains a copy; a development checkout has the library itself.
    for directory in (_PACKAGE / "export" / "vulkan", _PACKAGE.parents[1] / "lib/Backends/Vulkan/Runtime"):
        if (directory / _HEADER).exists():
            return directory
    raise TargetError(f"the runtime's sources are missing: expected {_PACKAGE}/export/vulkan/{_HEADER}")


def header_text() -> str:
    """Return the header of the library."""
    return (_sources() / _HEADER).read_text()


def source_text() -> str:
    """Return the library as one C file, which needs its header and Vulkan's."""
    parts = [_OWN_INCLUDE.sub("", (_sources() / name).read_text()) for name in _PARTS]
    return f'#include "{_HEADER}"\n\n' + "\n".join(parts)
