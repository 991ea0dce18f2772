"""Links object code to libraries with the system's LLVM tools, deterministically."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import CompileError

__all__ = ["NOT_LOADED", "OPENMP", "archive", "find_program", "link_shared", "write_object"]

#: Debian's folder for the tools of a versioned LLVM.
_LLVM_BIN = "/usr/lib/llvm-22/bin"
#: The OpenMP runtimes that kernels can use, in order of preference.
OPENMP = ("libgomp.so.1", "libomp.so.5")
#: Sections to remove from static libraries: sizes of stacks, and tables for exceptions, which no function throws.
NOT_LOADED = (".stack_sizes", ".ARM.exidx*", ".rel.ARM.exidx*")
#: Folders to search for shared libraries, if they exist.
_LIBRARY_DIRS = ("/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/lib64", "/usr/lib64", "/usr/lib", "/lib")


def find_program(*names: str) -> str:
    """Return the path of the first of these programs that is installed.

    Raises:
        CompileError: none is installed; the error names the Debian package of the first one.
    """
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), _LLVM_BIN))
    for name in names:
        if found := shutil.which(name, path=path):
            return found
    package = "lld-22" if "lld" in names[0] else "llvm-22"
    raise CompileError("link", f"none of {', '.join(names)} found on PATH; install the Debian package {package}")


def _run(command: Sequence[str]) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise CompileError(
            "link",
            result.stderr or f"{command[0]} ended with {result.returncode}",
            reproducer=" ".join(command),
        )


def _directory_of(library: str) -> str | None:
    return next((directory for directory in _LIBRARY_DIRS if Path(directory, library).exists()), None)


def write_object(objects: Sequence[bytes], object_file: Path) -> None:
    """Write the parts of a module's code as one object file; symbols that they share become local."""
    if len(objects) == 1:
        object_file.write_bytes(objects[0])
        return
    parts = [object_file.with_suffix(f".{index}.o") for index in range(len(objects))]
    for part, code in zip(parts, objects, strict=True):
        part.write_bytes(code)
    _run([find_program("ld.lld-22", "ld.lld"), "-r", "-o", str(object_file), *map(str, parts)])
    _run([find_program("llvm-objcopy-22", "llvm-objcopy", "objcopy"), "--localize-hidden", str(object_file)])
    for part in parts:
        part.unlink()


def link_shared(object_file: Path, library: Path, *, native: bool = True) -> None:
    """Link an object file into a shared library; its bytes only depend on the object file.

    Args:
        object_file: the code.
        library: the file to write.
        native: whether the target uses this machine's libraries. If not, the program that loads the
            library must provide the symbols that the code needs.
    """
    libraries = []
    if native and (directory := _directory_of("libm.so.6")):
        libraries += ["-L", directory, "--as-needed", "-l:libm.so.6", "-l:libc.so.6"]
    # Kernels refer to OpenMP by weak symbols: without OpenMP, one thread does the work.
    openmp = [(directory, name) for name in OPENMP if (directory := _directory_of(name))]
    if native and openmp and b"GOMP_parallel" in object_file.read_bytes():
        directory, name = openmp[0]
        libraries += ["-L", directory, "--no-as-needed", f"-l:{name}"]
    _run(
        [
            find_program("ld.lld-22", "ld.lld"),
            "-shared",
            "--build-id=none",
            "--hash-style=gnu",
            "-z",
            "now",
            "-soname",
            library.name,
            "-o",
            str(library),
            str(object_file),
            *libraries,
        ]
    )


def archive(objects: Mapping[str, bytes], library: Path) -> None:
    """Make a static library of named object files, without time stamps, owners, and the sections `NOT_LOADED`."""
    library.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="pock-archive-") as directory:
        members = [Path(directory, name) for name in objects]
        for member, code in zip(members, objects.values(), strict=True):
            member.write_bytes(code)
            removed = [argument for pattern in NOT_LOADED for argument in ("-R", pattern)]
            _run([find_program("llvm-objcopy-22", "llvm-objcopy", "objcopy"), "--wildcard", *removed, str(member)])
        _run([find_program("llvm-ar-22", "llvm-ar", "ar"), "rcsD", str(library), *map(str, members)])
