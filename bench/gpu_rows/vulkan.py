"""Steps on a Vulkan device, by ctypes: `pockmlir.runtime.vulkan` in small, for machines without `pockmlir`."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["Device", "Step", "VulkanError"]

_CONSTANTS, _STATE = 0, 1


class VulkanError(Exception):
    """An error of the library, with its text."""


class Device:
    """An open device.

    Args:
        library: ``libpock-vulkan.so``.
        name: a part of the device's name; the first one if it is empty.

    Raises:
        VulkanError: there is no such device.
    """

    def __init__(self, library: Path, name: str = "") -> None:
        self.library = ctypes.CDLL(str(library.resolve()))
        self.library.pock_vulkan_error.restype = ctypes.c_char_p
        self.library.pock_vulkan_unload.restype = None
        self.handle = ctypes.c_void_p()
        self.check(self.library.pock_vulkan_open(name.encode() or None, ctypes.byref(self.handle)))

    def check(self, code: int) -> int:
        """Return a code that is no error of the library."""
        if code < 0:
            raise VulkanError(self.library.pock_vulkan_error().decode(errors="replace"))
        return code

    def names(self) -> list[str]:
        """Return the names of all devices."""
        size = self.check(self.library.pock_vulkan_list(None, ctypes.c_size_t(0)))
        text = ctypes.create_string_buffer(size)
        self.check(self.library.pock_vulkan_list(text, ctypes.c_size_t(size)))
        return text.value.decode().splitlines()


class Step:
    """A loaded step with its memory and arguments.

    Args:
        device: where it runs.
        code: shaders and plan.
        segments: the bytes of constants and state.
        inputs: of the step, in order; contiguous.
        outputs: of the step, in order, contiguous; the loss is the first.

    Raises:
        VulkanError: the device cannot run it.
    """

    def __init__(
        self,
        device: Device,
        code: tuple[bytes, bytes],
        segments: tuple[np.ndarray, np.ndarray],
        inputs: Sequence[np.ndarray],
        outputs: Sequence[np.ndarray],
    ) -> None:
        self.device, self.library, self.handle = device, device.library, ctypes.c_void_p()
        self.arrays = [*inputs, *outputs]
        self.loss = self.arrays[len(inputs)]
        self.addresses = (ctypes.c_void_p * len(self.arrays))(*(array.ctypes.data for array in self.arrays))
        sized = [part for text in code for part in (text, ctypes.c_size_t(len(text)))]
        device.check(self.library.pock_vulkan_load(device.handle, *sized, ctypes.byref(self.handle)))
        for segment, data in zip((_CONSTANTS, _STATE), segments, strict=True):
            where = (segment, ctypes.c_size_t(0), ctypes.c_void_p(data.ctypes.data), ctypes.c_size_t(data.nbytes))
            device.check(self.library.pock_vulkan_write(self.handle, *where))

    def __call__(self) -> float:
        """Run one step and return its loss; when this returns, the device is done."""
        self._succeed(self.library.pock_vulkan_call(self.handle, b"step", *self._arguments))
        return float(self.loss)

    def profile(self, launches: int) -> np.ndarray:
        """Run one step and return the seconds of each of its launches."""
        seconds = np.zeros(launches)
        where = (ctypes.c_void_p(seconds.ctypes.data), ctypes.c_size_t(launches))
        self._succeed(self.library.pock_vulkan_profile(self.handle, b"step", *self._arguments, *where))
        return seconds

    def unload(self) -> None:
        """Free the step's memory; it cannot be used any more."""
        self.library.pock_vulkan_unload(self.handle)
        self.handle = ctypes.c_void_p()

    @property
    def _arguments(self) -> tuple[Any, ...]:
        return self.addresses, ctypes.c_size_t(len(self.arrays))

    def _succeed(self, code: int) -> None:
        """Refuse a code of the library, and of the step: a label out of range, for example."""
        if self.device.check(code):
            raise VulkanError(f"the step fails with code {code}")
