"""Generates object code and a library from the module at stage ``llvm``."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from ..artifact.footprint import Footprint, check, require_freestanding
from ..artifact.manifest import Manifest
from ..core.build import write_code
from ..targets.target import Target
from .runner import StageRunner

__all__ = ["Code", "generate"]


@dataclass(frozen=True)
class Code:
    """The compiled functions.

    Attributes:
        object_code: the object file.
        library: the shared library, if the target has shared libraries.
        directory: the temporary directory of the library.
    """

    object_code: bytes
    library: Path | None
    directory: tempfile.TemporaryDirectory[str]


def generate(runner: StageRunner, target: Target, manifest: Manifest) -> Code:
    """Generate code and link it.

    Args:
        runner: the stages, up to ``llvm``.
        target: the target of the code.
        manifest: the manifest of the module at stage ``plan``.

    Raises:
        CompileError: code generation or the linker failed, or code for a microcontroller needs a C library.
        SizeError: the step does not fit into the target.
    """
    with runner.timed("object"):
        try:
            objects = runner.core.emit_objects(runner.at("llvm"))
        except RuntimeError as error:
            raise runner.failure("object", None, error) from error
    directory = tempfile.TemporaryDirectory(prefix="pock-")
    try:
        with runner.timed("link"):
            object_file, library = write_code(
                objects, Path(directory.name), runner.name, shared=not target.bare_metal, native=target.native
            )
        object_code = object_file.read_bytes()
        if target.bare_metal:
            require_freestanding(object_code)
        if target.limited:
            check(Footprint.of(manifest, object_code), target)
    except BaseException:
        directory.cleanup()
        raise
    return Code(object_code, library, directory)
