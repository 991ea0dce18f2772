"""Garbage collection while much is allocated."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

__all__ = ["collecting_rarely"]

#: Objects that are allocated between two collections; Python's own number is 700.
_RARE = 100_000


@contextlib.contextmanager
def collecting_rarely() -> Iterator[None]:
    """Look for unreachable cycles rarely: for code that allocates many objects, and keeps most of them.

    That took a sixth of an import of a PyTorch model, and a third of one from the cache: PyTorch itself has hundreds of
    thousands of objects.

    A program that collects even more rarely, or never, keeps its setting.
    """
    first, *others = gc.get_threshold()
    if 0 < first < _RARE:
        gc.set_threshold(_RARE, *others)
    try:
        yield
    finally:
        gc.set_threshold(first, *others)
