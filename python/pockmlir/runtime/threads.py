"""The number of threads of compiled steps, and the library that has them; see lib/Threads/threads.c."""

from __future__ import annotations

import ctypes
import functools
from typing import Any

from ..errors import ArgumentError
from ..support.files import find_library

__all__ = ["MOST", "get_num_threads", "load_threads", "set_num_threads"]

#: Limit of the number of threads.
MOST = 32


@functools.cache
def load_threads() -> Any:
    """Return the library with the threads; libraries of steps that are loaded later use it.

    Raises:
        FileNotFoundError: the library is missing.
    """
    return ctypes.CDLL(str(find_library("libpock-threads.so")), ctypes.RTLD_GLOBAL)


def set_num_threads(count: int) -> None:
    """Set the number of threads that work on one step, for all steps, from their next call on.

    Results do not depend on it. The default is ``OMP_NUM_THREADS``, else the number of cores that the process may use,
    at most 32. Threads of PyTorch and others are not affected. Of steps that run at the same time, one has the threads.

    Raises:
        ArgumentError: the number is not an integer from 1 to 32.
    """
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MOST:
        raise ArgumentError(f"set_num_threads: expected an integer from 1 to {MOST}, but got {count!r}")
    load_threads().pock_set_num_threads(count)


def get_num_threads() -> int:
    """Return the number of threads that work on one step."""
    return int(load_threads().pock_get_num_threads())
