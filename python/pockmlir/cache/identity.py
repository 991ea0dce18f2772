"""What the results of the compiler depend on beside its input: the compiler itself and this machine."""

from __future__ import annotations

import functools
import hashlib
import json
import os
from pathlib import Path

from ..core.extension import load_core
from ..targets.processor import reported_features

__all__ = ["compiler_identity", "digest"]

_PACKAGE = Path(__file__).parents[1]


def digest(*parts: str | bytes) -> str:
    """Return a hash of texts, which no other texts have."""
    result = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        result.update(len(data).to_bytes(8, "little"))
        result.update(data)
    return result.hexdigest()


@functools.cache
def compiler_identity() -> str | None:
    """Return a hash of the compiler, its Python code, the processor and the C library.

    None if the build of the compiler has no identifier: then nothing tells it from another one.
    """
    core = load_core()
    build = core.build_id()
    if not build:
        return None
    sources = [
        (str(path.relative_to(_PACKAGE)), hashlib.sha256(path.read_bytes()).hexdigest())
        for path in sorted(_PACKAGE.rglob("*.py"))
    ]
    library = os.confstr("CS_GNU_LIBC_VERSION") if "CS_GNU_LIBC_VERSION" in os.confstr_names else ""
    features = sorted(reported_features() or ())
    return digest(json.dumps([build, core.version(), core.host_target(), features, library, sources]))
