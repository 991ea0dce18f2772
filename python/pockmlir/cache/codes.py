"""Cached code: what the stages after the import made of a module and its options."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..artifact.artifact import LazyDump, StageDump
from ..artifact.manifest import Manifest
from ..targets.target import Target
from .identity import compiler_identity, digest
from .store import Store

__all__ = ["CachedCode", "code_key", "read_code", "write_code"]

_MANIFEST, _FACTS, _STAGES, _OBJECT, _LIBRARY = "manifest.json", "facts.json", "stages.json", "code.o", "code.so"


@dataclass(frozen=True)
class CachedCode:
    """The results of all stages after the import.

    Attributes:
        manifest: layout of the memory and signatures of the functions.
        facts: what the compiler has found in the code.
        object_code: the object file.
        library: the shared library, if the target has shared libraries.
        stages: the modules after the stages up to ``plan``.
    """

    manifest: Manifest
    facts: Mapping[str, Any]
    object_code: bytes
    library: bytes | None
    stages: Sequence[StageDump]


def code_key(ir: str, target: Target, options: Mapping[str, Mapping[str, str]]) -> str | None:
    """Return the key of the code for a module, None if it cannot be cached.

    Args:
        ir: the module at stage ``import`` with all choices, and its locations.
        target: the target; the module names it, too, but not how code for it is linked.
        options: stage → options of its pipeline.
    """
    identity = compiler_identity()
    if identity is None:
        return None
    return "code-" + digest(identity, ir, json.dumps(asdict(target), default=str), json.dumps(options, sort_keys=True))


def read_code(store: Store, key: str) -> CachedCode | None:
    """Return cached code, None if there is none."""
    entry = store.get(key)
    if entry is None:
        return None
    return CachedCode(
        manifest=Manifest.from_json(entry.text(_MANIFEST)),
        facts=json.loads(entry.text(_FACTS)),
        object_code=entry.read(_OBJECT),
        library=entry.read(_LIBRARY) if _LIBRARY in entry.names else None,
        stages=[
            LazyDump(name, functools.partial(entry.text, _stage_part(name))) for name in json.loads(entry.text(_STAGES))
        ],
    )


def write_code(store: Store, key: str, code: CachedCode) -> None:
    """Write code to the cache."""
    parts = {
        _MANIFEST: json.dumps(code.manifest.data).encode(),
        _FACTS: json.dumps(dict(code.facts)).encode(),
        _OBJECT: code.object_code,
        _STAGES: json.dumps([dump.name for dump in code.stages]).encode(),
    }
    if code.library is not None:
        parts[_LIBRARY] = code.library
    store.put(key, parts | {_stage_part(dump.name): dump.ir.encode() for dump in code.stages})


def _stage_part(name: str) -> str:
    return f"ir/{name}.mlir"
