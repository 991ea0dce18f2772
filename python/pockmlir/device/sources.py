"""Paths of C sources for a device, of the counting plugin, of compilers and emulators."""

from __future__ import annotations

import shutil
from pathlib import Path

from ..errors import RunError
from ..support.files import find_library
from ..targets.target import Target

__all__ = ["compiler_of", "find_plugin", "find_tool", "platform_sources", "program_sources"]

_PACKAGE = Path(__file__).resolve().parents[1]
_CHECKOUT = _PACKAGE.parents[1]

#: The files of the example firmware that every firmware needs, and those of its processors only.
_EXAMPLE = ("board.h", "print.c", "runtime.c", "semihosting.c", "semihosting.h")
_PLATFORM = ("link.ld", "startup.c")


def program_sources(bare_metal: bool) -> list[Path]:
    """Return the C sources of the program that `run` builds, without the model's part."""
    directory = _PACKAGE / "device" / "program"
    files = "files_semihosting.c" if bare_metal else "files_linux.c"
    return [directory / name for name in ("run.h", "run.c", files)]


def platform_sources(family: str) -> list[Path]:
    """Return start-up code, linker script and semihosting for a family of microcontrollers, by `Machine.family`."""
    # A wheel contains a copy; a development checkout has the example itself.
    for directory in (_PACKAGE / "device" / "cortex-m", _CHECKOUT / "examples" / "cortex-m"):
        if (directory / "link.ld").exists():
            own = directory if family == "cortex-m" else _PACKAGE / "device" / family
            return [directory / name for name in _EXAMPLE] + [own / name for name in _PLATFORM]
    raise RunError(f"the firmware's sources are missing: expected {_PACKAGE}/device/cortex-m/link.ld")


def find_plugin() -> Path:
    """Return the path of the QEMU plugin that counts instructions."""
    try:
        return find_library("libpock-count.so")
    except FileNotFoundError as error:
        raise RunError(str(error)) from None


#: Program → its Debian package.
_PACKAGES = {
    "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu libc6-dev-arm64-cross",
    "cc": "gcc",
    "clang-22": "clang-22 lld-22",
    "llvm-nm-22": "llvm-22",
    "make": "make",
    "qemu-aarch64": "qemu-user",
    "qemu-x86_64": "qemu-user",
    "qemu-system-arm": "qemu-system-arm",
    "qemu-system-riscv32": "qemu-system-misc",  # Debian 13: qemu-system-riscv
}


def compiler_of(target: Target) -> str:
    """Return the name of the C compiler that builds programs for a target."""
    if target.bare_metal:
        return "clang-22"
    return "cc" if target.native else "aarch64-linux-gnu-gcc"


def find_tool(name: str) -> str:
    """Return the path of a compiler or emulator.

    Raises:
        RunError: the tool is not installed; the message names its Debian package.
    """
    if found := shutil.which(name):
        return found
    raise RunError(f"{name} not found on PATH; install it with: apt-get install {_PACKAGES.get(name, name)}")
