"""Where things are: C sources that go to a device beside the model, the plugin that counts, compilers, emulators."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ..errors import RunError

__all__ = ["find_plugin", "find_tool", "platform_sources", "program_sources"]

_PACKAGE = Path(__file__).resolve().parents[1]
_CHECKOUT = _PACKAGE.parents[1]

#: What the example firmware has that any firmware needs.
_CORTEX_M = ("board.h", "link.ld", "print.c", "runtime.c", "semihosting.c", "semihosting.h", "startup.c")


def program_sources(bare_metal: bool) -> list[Path]:
    """Return the program that `run` builds, without the model's part."""
    directory = _PACKAGE / "device" / "program"
    files = "files_cortex_m.c" if bare_metal else "files_linux.c"
    return [directory / name for name in ("run.h", "run.c", files)]


def platform_sources() -> list[Path]:
    """Return start-up code, linker script and semihosting: those of examples/cortex-m."""
    # A wheel brings a copy along; a development checkout has the example itself.
    for directory in (_PACKAGE / "device" / "cortex-m", _CHECKOUT / "examples" / "cortex-m"):
        if (directory / "link.ld").exists():
            return [directory / name for name in _CORTEX_M]
    raise RunError(f"the firmware's sources are missing: expected {_PACKAGE}/device/cortex-m/link.ld")


def find_plugin() -> Path:
    """Return the plugin of QEMU that counts instructions."""
    build = Path(os.environ.get("POCK_BUILD", _CHECKOUT / "build"))
    for directory in (_PACKAGE / "lib", build / "lib"):
        if (directory / "libpock-count.so").exists():
            return directory / "libpock-count.so"
    raise RunError("libpock-count.so not found: build it with 'make build'")


#: Program → the Debian package that has it.
_PACKAGES = {
    "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu libc6-dev-arm64-cross",
    "cc": "gcc",
    "clang-22": "clang-22 lld-22",
    "llvm-nm-22": "llvm-22",
    "make": "make",
    "qemu-aarch64": "qemu-user",
    "qemu-system-arm": "qemu-system-arm",
}


def find_tool(name: str) -> str:
    """Return the path of a compiler or emulator.

    Raises:
        RunError: it is not installed, with the Debian packages that bring it.
    """
    if found := shutil.which(name):
        return found
    raise RunError(f"{name} not found on PATH; install it with: apt-get install {_PACKAGES.get(name, name)}")
