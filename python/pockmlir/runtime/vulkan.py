"""Vulkan devices, and steps that are loaded on them; see lib/Backends/Vulkan/Runtime/pock_vulkan.h."""

from __future__ import annotations

import ctypes
import functools
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..artifact.manifest import Array
from ..errors import RunError
from ..support.files import find_library

__all__ = ["Device", "LoadedStep", "list_devices"]

#: The segments that the host reads and writes, as the library numbers them.
_SEGMENTS = {"constants": 0, "state": 1}


@functools.cache
def _library() -> Any:
    library = ctypes.CDLL(str(find_library("libpock-vulkan.so")))
    size, handle, out = ctypes.c_size_t, ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p)
    signatures = {
        "list": [ctypes.c_char_p, size],
        "open": [ctypes.c_char_p, out],
        "load": [handle, ctypes.c_char_p, size, ctypes.c_char_p, size, out],
        "write": [handle, ctypes.c_int, size, handle, size],
        "read": [handle, ctypes.c_int, size, handle, size],
        "call": [handle, ctypes.c_char_p, out, size],
        "profile": [handle, ctypes.c_char_p, out, size, handle, size],
    }
    for name, types in signatures.items():
        getattr(library, f"pock_vulkan_{name}").argtypes = types
    for name in ("close", "unload"):
        function = getattr(library, f"pock_vulkan_{name}")
        function.argtypes, function.restype = [handle], None
    library.pock_vulkan_is_lost.argtypes = [handle]
    library.pock_vulkan_error.restype = ctypes.c_char_p
    return library


def _check(code: int) -> int:
    """Return a code that is no error of the library."""
    if code < 0:
        text = _library().pock_vulkan_error().decode(errors="replace")
        raise RunError(f"Vulkan: {text}")
    return code


def list_devices() -> tuple[str, ...]:
    """Return the names of all Vulkan devices, on which steps with ``target="vulkan"`` run.

    ``POCK_VULKAN_DEVICE`` in the environment, a part of a name, chooses one; it is the first that computes otherwise.

    Raises:
        RunError: there is no Vulkan loader, or no driver.
    """
    size = _check(_library().pock_vulkan_list(None, 0))
    text = ctypes.create_string_buffer(size)
    _check(_library().pock_vulkan_list(text, size))
    return tuple(text.value.decode().splitlines())


class Device:
    """An open device, which is closed when nobody uses it; a context manager, which closes it.

    Args:
        name: a part of its name; the first device that computes if None.

    Raises:
        RunError: there is no such device.
    """

    def __init__(self, name: str | None = None) -> None:
        self.handle = ctypes.c_void_p()
        _check(_library().pock_vulkan_open(name.encode() if name is not None else None, ctypes.byref(self.handle)))
        self._close = weakref.finalize(self, _library().pock_vulkan_close, self.handle)
        # A thread may use it until the process ends.
        self._close.atexit = False

    @property
    def is_lost(self) -> bool:
        """Whether the driver has lost it, or it did not answer: neither it nor its steps can be used any more."""
        return bool(_library().pock_vulkan_is_lost(self.handle))

    def __enter__(self) -> Device:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()


class LoadedStep:
    """A step with its own memory on a device; a context manager, which frees it.

    Its methods raise `RunError` if the device is lost.

    Args:
        device: the device; it must be closed later.
        shaders: a SPIR-V module.
        plan: the plan of its dispatches.

    Raises:
        RunError: they are damaged, or the device cannot run them.
    """

    def __init__(self, device: Device, shaders: bytes, plan: bytes) -> None:
        self.handle = ctypes.c_void_p()
        self._device = device
        arguments = (shaders, len(shaders), plan, len(plan), ctypes.byref(self.handle))
        _check(_library().pock_vulkan_load(device.handle, *arguments))

    def __enter__(self) -> LoadedStep:
        return self

    def __exit__(self, *_: object) -> None:
        self.unload()

    def unload(self) -> None:
        """Free the step's memory; it cannot be used any more."""
        _library().pock_vulkan_unload(self.handle)
        self.handle = ctypes.c_void_p()

    def write(self, segment: str, data: Array, offset: int = 0) -> None:
        """Copy bytes to ``constants`` or ``state``."""
        _check(_library().pock_vulkan_write(self.handle, _SEGMENTS[segment], offset, data.ctypes.data, data.nbytes))

    def read(self, segment: str, data: Array, offset: int = 0) -> None:
        """Copy bytes from ``constants`` or ``state`` to an array."""
        _check(_library().pock_vulkan_read(self.handle, _SEGMENTS[segment], offset, data.ctypes.data, data.nbytes))

    def call(self, function: str, addresses: Sequence[int]) -> int:
        """Call a function with the addresses of inputs and outputs in order; return the code of its failure, or 0."""
        return _check(_library().pock_vulkan_call(self.handle, function.encode(), *_pointers(addresses)))

    def profile(self, function: str, addresses: Sequence[int], launches: int) -> tuple[int, Array]:
        """Call a function; return the code of its failure, or 0, and the seconds of each of its launches."""
        seconds = np.zeros(launches)
        where = (*_pointers(addresses), seconds.ctypes.data, launches)
        return _check(_library().pock_vulkan_profile(self.handle, function.encode(), *where)), seconds


def _pointers(addresses: Sequence[int]) -> tuple[Any, int]:
    """Return addresses as an array of C, and their number."""
    return (ctypes.c_void_p * max(len(addresses), 1))(*addresses), len(addresses)
