"""Runs the last pipelines on a module, and generates object code and libraries from the result."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import CompileError
from .extension import Core
from .link import link_shared, write_object
from .stages import anchored

__all__ = ["built_library", "write_code"]


def write_code(
    objects: Sequence[bytes], directory: Path, name: str, *, shared: bool = True, native: bool = True
) -> tuple[Path, Path | None]:
    """Write the parts of a module's code as one object file, and link it.

    Args:
        objects: object files of `Core.generate`.
        directory: folder for ``<name>.o`` and ``lib<name>.so``.
        name: the name of the files.
        shared: whether to make a shared library.
        native: whether the code is for this machine; see `link_shared`.

    Returns:
        The object file and the library, or None in place of the library.
    """
    object_file, library = directory / f"{name}.o", directory / f"lib{name}.so"
    write_object(objects, object_file)
    if not shared:
        return object_file, None
    link_shared(object_file, library, native=native)
    return object_file, library


@contextlib.contextmanager
def built_library(core: Core, ir: str, *passes: str, stage: str, name: str) -> Iterator[Path]:
    """Run passes up to stage ``llvm``; yield a shared library for this machine.

    The library is removed at the end of the context; a process that has loaded it keeps it.

    Args:
        core: the compiler.
        ir: the module.
        passes: passes and pipelines, in order.
        stage: the name of the stage in errors.
        name: the name of the library.

    Raises:
        CompileError: a pass or code generation failed.
    """
    try:
        objects, *_ = core.generate(ir, anchored(*passes))
    except RuntimeError as error:
        raise CompileError(stage, str(error)) from error
    with tempfile.TemporaryDirectory(prefix=f"pock-{stage}-") as directory:
        _, library = write_code(objects, Path(directory), name)
        assert library is not None
        yield library
