"""Generates object code and a library from the module at stage ``plan``."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..api.options import Training
from ..artifact.arithmetic import arithmetic_of
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
        arithmetic: what the code computes with; see `arithmetic_of`.
        directory: the temporary directory of the library.
    """

    object_code: bytes
    library: Path | None
    arithmetic: Mapping[str, str]
    directory: tempfile.TemporaryDirectory[str]


def generate(runner: StageRunner, target: Target, manifest: Manifest, training: Training) -> Code:
    """Generate code and link it.

    Args:
        runner: the stages, up to ``plan``.
        target: the target of the code.
        manifest: the manifest of the module at stage ``plan``.
        training: the options of the step.

    Raises:
        CompileError: code generation or the linker failed, or code for a microcontroller needs a C library.
        SizeError: the step does not fit into the target.
    """
    objects, facts = runner.generate()
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
    return Code(object_code, library, arithmetic_of(manifest, training, target, facts), directory)
