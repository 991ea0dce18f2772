"""Builds modules of a few kernels for a device that runs dispatches, and times them with its clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..artifact.dispatches import Dispatches
from ..artifact.manifest import Array, Manifest
from ..core.extension import Core
from ..core.stages import PIPELINES, anchored
from ..errors import CompileError
from ..runtime.dispatched import open_device
from ..runtime.vulkan import LoadedStep

__all__ = ["DeviceClock", "DeviceKernels"]


class DeviceClock:
    """Seconds that a device has worked on calls.

    Attributes:
        seconds: the sum.
    """

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        """Return the sum."""
        return self.seconds


class DeviceKernels:
    """Functions of a module of kernels, loaded on a device.

    Args:
        core: the compiler.
        ir: a module at stage ``kernels``.
        clock: counts the time of calls.

    Raises:
        RuntimeError: a pipeline before stage ``llvm`` failed, with the diagnostics.
        CompileError: code generation failed.
        RunError: there is no device.
    """

    def __init__(self, core: Core, ir: str, clock: DeviceClock) -> None:
        self._clock = clock
        plan = core.run_pipeline(ir, anchored(PIPELINES["plan"]))
        self.manifest = Manifest.from_json(core.manifest(plan))
        try:
            binaries, *_ = core.generate(plan, anchored(PIPELINES["llvm"]))
        except RuntimeError as error:
            raise CompileError("kernel", str(error)) from error
        device, self._lock = open_device()
        dispatches = Dispatches(*binaries)
        with self._lock:
            self._loaded = LoadedStep(device, dispatches.shaders, dispatches.plan)

    def call(self, function: str, arrays: Sequence[Array]) -> Callable[[], None]:
        """Return a call of a function with its inputs and outputs, which adds the time of its dispatches to the clock."""

        def call() -> None:
            addresses = [array.ctypes.data for array in arrays]
            with self._lock:
                _, seconds = self._loaded.profile(function, addresses, launches=1)
            self._clock.seconds += float(seconds.sum())

        return call

    def __enter__(self) -> DeviceKernels:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._loaded.unload()
