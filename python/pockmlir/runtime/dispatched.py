"""Memory of a step on a device that runs dispatches, with a copy of its parameters in this process."""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence

from ..artifact.artifact import Artifact
from ..artifact.dispatches import Dispatches
from ..artifact.manifest import Array
from .foreign import ForeignInstance
from .vulkan import Device, LoadedStep

__all__ = ["DispatchedInstance", "open_device"]

#: A part of the name of the device to use.
DEVICE_VARIABLE = "POCK_VULKAN_DEVICE"

#: The open devices of this process by such names, each with the lock of whoever uses it.
_devices: dict[str | None, tuple[Device, threading.RLock]] = {}


def open_device() -> tuple[Device, threading.RLock]:
    """Return the process's device, and the lock of whoever uses it; it is opened again after it was lost.

    Raises:
        RunError: there is no device, or none with the name in `DEVICE_VARIABLE`.
    """
    name = os.environ.get(DEVICE_VARIABLE)
    if name not in _devices or _devices[name][0].is_lost:
        # Another step may be freed while its user holds the lock.
        _devices[name] = Device(name), threading.RLock()
    return _devices[name]


def _unload(loaded: LoadedStep, lock: threading.RLock) -> None:
    with lock:
        loaded.unload()


class DispatchedInstance(ForeignInstance):
    """One set of buffers: constants and state on the device and in this process, the arena on the device only.

    Whoever reads `constants` or `state` gets the values of the device, and may change them: the next call copies what
    was read to the device. The device is opened by the first call, so that a machine without one can compile. Values
    that depend on frozen parameters only are computed on this machine.

    If the device is lost, calls raise `RunError`, and so does reading what only the device had. Values that were read
    and that no call has used since are still those of this process.

    Args:
        artifact: the compiled step.
    """

    def __init__(self, artifact: Artifact) -> None:
        self._loaded: LoadedStep | None = None
        self._lock = threading.RLock()
        #: Segments of which this process has the newer bytes, and those of which the device has them: functions write
        #: to state only.
        self._changed_here: set[str] = set()
        self._changed_there: set[str] = set()
        self._memory: dict[str, Array] = {}
        self._dispatches = Dispatches.unpack(artifact.object_code)
        super().__init__(artifact)

    @property
    def constants(self) -> Array:
        """The segment of constants, up to date."""
        return self._shared("constants")

    @constants.setter
    def constants(self, memory: Array) -> None:
        self._replace("constants", memory)

    @property
    def state(self) -> Array:
        """The segment of state, up to date."""
        return self._shared("state")

    @state.setter
    def state(self, memory: Array) -> None:
        self._replace("state", memory)

    def _shared(self, segment: str) -> Array:
        if segment in self._changed_there and self._loaded is not None:
            with self._lock:
                self._loaded.read(segment, self._bytes(segment))
            self._changed_there.discard(segment)
        self._changed_here.add(segment)
        return self._memory[segment]

    def _replace(self, segment: str, memory: Array) -> None:
        self._memory[segment] = memory
        self._changed_here.add(segment)
        self._changed_there.discard(segment)

    def _bytes(self, segment: str) -> Array:
        return self._memory[segment][: self.manifest.segments[segment]]

    def entry(self, symbol: str, arguments: int) -> Callable[..., int]:
        """Return a function that runs a function of the step on the device."""
        name = symbol.removeprefix(f"{self.manifest.name}_")

        def call(*addresses: int) -> int:
            with self._on_device() as loaded:
                return loaded.call(name, addresses[3:])

        return call

    def profile(self, function: str, arrays: Sequence[Array], launches: int) -> Array:
        """Run a function with its inputs and outputs; return the seconds of each of its launches."""
        with self._on_device() as loaded:
            code, seconds = loaded.profile(function, [array.ctypes.data for array in arrays], launches)
        self._check(function, code)
        return seconds

    @contextlib.contextmanager
    def _on_device(self) -> Iterator[LoadedStep]:
        """Yield the step on the device, which has the newer bytes afterwards."""
        loaded = self._load()
        with self._lock:
            for segment in sorted(self._changed_here):
                loaded.write(segment, self._bytes(segment))
            self._changed_here.clear()
            self._changed_there.add("state")
            yield loaded

    def _load(self) -> LoadedStep:
        if self._loaded is None:
            device, self._lock = open_device()
            with self._lock:
                self._loaded = LoadedStep(device, self._dispatches.shaders, self._dispatches.plan)
            weakref.finalize(self, _unload, self._loaded, self._lock)
        return self._loaded
