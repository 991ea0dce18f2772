"""Runs the stages after the import, generates code and links it; or takes the result from the cache."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..api.request import Request
from ..artifact.arithmetic import arithmetic_of
from ..artifact.dispatches import Dispatches
from ..artifact.footprint import Footprint, check, require_freestanding
from ..artifact.manifest import Manifest
from ..cache.codes import CachedCode, code_key, read_code, write_code
from ..cache.store import Store
from ..core.build import write_code as write_files
from ..core.stages import PLAN_STAGES
from .runner import StageRunner

__all__ = ["Code", "generate"]


@dataclass(frozen=True)
class Code:
    """The compiled functions.

    Attributes:
        manifest: layout of the memory and signatures of the functions.
        object_code: the object file, or packed `Dispatches`.
        library: the shared library, if the target has shared libraries.
        arithmetic: what the code computes with; see `arithmetic_of`.
        directory: the temporary directory of the library.
    """

    manifest: Manifest
    object_code: bytes
    library: Path | None
    arithmetic: Mapping[str, str]
    directory: tempfile.TemporaryDirectory[str]


def generate(runner: StageRunner, request: Request, store: Store | None) -> Code:
    """Generate code and link it.

    Args:
        runner: the stages, up to ``import``.
        request: the options of the step.
        store: where results are looked up and kept; None to generate code in any case.

    Raises:
        MemoryLimitError: stage ``plan`` finds no plan within the limit.
        SchemeError: stage ``graph`` refuses the scheme.
        CompileError: a stage or the linker failed, or code for a microcontroller needs a C library.
        SizeError: the step does not fit into the target.
    """
    target, options = request.target, request.memory.pipeline_options()
    directory = tempfile.TemporaryDirectory(prefix="pock-")
    try:
        key = store and code_key(runner.at("import"), target, options)
        if store and key and (cached := read_code(store, key)):
            return _restore(runner, request, cached, directory)
        runner.run_pipelines(PLAN_STAGES, options)
        manifest = runner.manifest()
        binaries, facts = runner.generate()
        if target.dispatched:
            object_code, library = Dispatches(*binaries).pack(), None
        else:
            with runner.timed("link"):
                object_file, library = write_files(
                    binaries, Path(directory.name), runner.name, shared=not target.bare_metal, native=target.native
                )
            object_code = object_file.read_bytes()
        code = _checked(request, manifest, object_code, library, facts, directory)
        if store and key:
            stages = [dump for dump in runner.dumps if dump.name in PLAN_STAGES]
            content = library.read_bytes() if library else None
            write_code(store, key, CachedCode(manifest, facts, object_code, content, stages))
    except BaseException:
        directory.cleanup()
        raise
    return code


def _restore(
    runner: StageRunner, request: Request, cached: CachedCode, directory: tempfile.TemporaryDirectory[str]
) -> Code:
    """Return cached code, with its library as a file."""
    with runner.timed("cache"):
        runner.restore(cached.stages)
        library = None
        if cached.library is not None:
            library = Path(directory.name, f"lib{runner.name}.so")
            library.write_bytes(cached.library)
        return _checked(request, cached.manifest, cached.object_code, library, cached.facts, directory)


def _checked(
    request: Request,
    manifest: Manifest,
    object_code: bytes,
    library: Path | None,
    facts: Mapping[str, Any],
    directory: tempfile.TemporaryDirectory[str],
) -> Code:
    """Return code that the target can run."""
    target = request.target
    if target.bare_metal:
        require_freestanding(object_code)
    if target.limited:
        check(Footprint.of(manifest, target, object_code), target)
    arithmetic = arithmetic_of(manifest, request.training, target, facts)
    return Code(manifest, object_code, library, arithmetic, directory)
