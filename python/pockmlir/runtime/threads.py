"""The number of threads of compiled steps, which is the OpenMP runtime's, as in PyTorch."""

from __future__ import annotations

import ctypes
import functools
import threading
from typing import Any

from ..core.link import OPENMP
from ..errors import ArgumentError

__all__ = ["get_num_threads", "set_num_threads"]

_wanted: int | None = None
#: OpenMP keeps the number per thread that starts work; this is the number last set for each thread.
_told = threading.local()


@functools.cache
def _runtime() -> Any | None:
    """Return the OpenMP runtime that compiled libraries are linked to, or None."""
    for name in OPENMP:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None


def set_num_threads(count: int) -> None:
    """Set the number of threads that work on one step, for all steps, from their next call on.

    Results do not depend on it. The default is ``OMP_NUM_THREADS``, else the number of cores that
    the process may use.

    Raises:
        ArgumentError: the number is not a positive integer, or larger than 1 without an OpenMP runtime.
    """
    global _wanted
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ArgumentError(f"set_num_threads: expected a positive integer, but got {count!r}")
    if count > 1 and _runtime() is None:
        raise ArgumentError(f"set_num_threads: no OpenMP runtime found ({' or '.join(OPENMP)}); install libgomp1")
    _wanted = count


def get_num_threads() -> int:
    """Return the number of threads that work on one step."""
    runtime = _runtime()
    if runtime is None:
        return 1
    return _wanted or int(runtime.omp_get_max_threads())


def tell_runtime() -> None:
    """Pass the number to the runtime, for work that the calling thread starts."""
    if _wanted is not None and getattr(_told, "count", None) != _wanted:
        if runtime := _runtime():
            runtime.omp_set_num_threads(_wanted)
        _told.count = _wanted
