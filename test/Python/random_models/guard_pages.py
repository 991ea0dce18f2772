"""Memory of a compiled step between inaccessible pages: an access outside ends the process."""

from __future__ import annotations

import contextlib
import ctypes
import mmap
from collections.abc import Iterator
from typing import Any
from unittest import mock

import numpy as np

__all__ = ["guarded_memory"]

_PAGE = mmap.PAGESIZE
_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
_libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


@contextlib.contextmanager
def guarded_memory() -> Iterator[None]:
    """Allocate segments, outputs and staged inputs of steps so that each ends where a guard page begins.

    The memory is never freed, because a process runs only one model.
    """
    with mock.patch("pockmlir.runtime.abi.aligned_bytes", _guarded):
        yield


def _guarded(size: int, alignment: int) -> np.ndarray[Any, Any]:
    # Whole alignments: vectors may read and write to the end of the last one.
    whole = max(-(-size // alignment), 1) * alignment
    used = -(-whole // _PAGE) * _PAGE
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    base = _libc.mmap(None, used + 2 * _PAGE, mmap.PROT_READ | mmap.PROT_WRITE, flags, -1, 0)
    if base in (None, ctypes.c_void_p(-1).value):
        raise OSError(ctypes.get_errno(), "mmap")
    for page in (base, base + _PAGE + used):
        if _libc.mprotect(page, _PAGE, 0):
            raise OSError(ctypes.get_errno(), "mprotect")
    begin = base + _PAGE + used - whole
    return np.frombuffer((ctypes.c_uint8 * max(size, 1)).from_address(begin), np.uint8)
