"""Links object code to libraries with the linker that the compiler contains, deterministically."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import CompileError
from .extension import load_core

__all__ = ["NOT_LOADED", "OPENMP", "archive", "link_shared", "write_object"]

#: The OpenMP runtimes that an exported library can use, in order of preference.
OPENMP = ("libgomp.so.1", "libomp.so.5")
#: What kernels use of such a runtime.
_RUNTIME = ("GOMP_parallel", "omp_get_thread_num", "omp_get_num_threads")
#: Sections to remove from static libraries: sizes of stacks, and tables for exceptions, which no function throws.
NOT_LOADED = (".stack_sizes", ".ARM.exidx*", ".rel.ARM.exidx*")
#: Folders to search for shared libraries, if they exist.
_LIBRARY_DIRS = ("/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/lib64", "/usr/lib64", "/usr/lib", "/lib")


def _link(arguments: Sequence[str]) -> None:
    try:
        load_core().link(arguments)
    except RuntimeError as error:
        raise CompileError("link", str(error), reproducer=" ".join(("ld.lld", *arguments))) from error


def _directory_of(library: str) -> str | None:
    return next((directory for directory in _LIBRARY_DIRS if Path(directory, library).exists()), None)


def write_object(objects: Sequence[bytes], object_file: Path) -> None:
    """Write the parts of a module's code as one object file; symbols that they share become local."""
    if len(objects) == 1:
        object_file.write_bytes(objects[0])
        return
    with tempfile.TemporaryDirectory(prefix="pock-parts-") as directory:
        parts = [Path(directory, f"{index}.o") for index in range(len(objects))]
        for part, code in zip(parts, objects, strict=True):
            part.write_bytes(code)
        _link(["-r", "-o", str(object_file), *map(str, parts)])
    object_file.write_bytes(load_core().localize_hidden(object_file.read_bytes()))


def link_shared(object_file: Path, library: Path, *, native: bool = True, openmp: bool = False) -> None:
    """Link an object file into a shared library; its bytes only depend on the object file, unless it uses OpenMP.

    Args:
        object_file: the code.
        library: the file to write.
        native: whether the target uses this machine's libraries. If not, the program that loads the
            library must provide the symbols that the code needs.
        openmp: whether to take threads from an OpenMP runtime that this machine has, as programs in C expect. If not,
            they are those of `pockmlir.runtime.threads`, in a process that has loaded them. Without either, one thread
            does all.
    """
    options = ["-shared", "--build-id=none", "--hash-style=gnu", "-z", "now", "-soname", library.name]
    libraries = []
    if native and (directory := _directory_of("libm.so.6")):
        libraries += ["-L", directory, "--as-needed", "-l:libm.so.6", "-l:libc.so.6"]
    if not openmp:
        options += [f"--wrap={symbol}" for symbol in _RUNTIME]
    elif native and b"GOMP_parallel" in object_file.read_bytes():
        found = [(directory, name) for name in OPENMP if (directory := _directory_of(name))]
        for directory, name in found[:1]:
            libraries += ["-L", directory, "--no-as-needed", f"-l:{name}"]
    _link([*options, "-o", str(library), str(object_file), *libraries])


def archive(objects: Mapping[str, bytes], library: Path) -> None:
    """Make a static library of named object files, without time stamps, owners, and the sections `NOT_LOADED`."""
    core = load_core()
    try:
        members = [(name, core.remove_sections(code, NOT_LOADED)) for name, code in objects.items()]
        library.write_bytes(core.make_archive(members))
    except RuntimeError as error:
        raise CompileError("link", f"{library.name}: {error}") from error
