"""Builds modules of a few kernels, calls their functions directly, and times them in turns."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence

import numpy as np

from ..artifact.manifest import Array, Manifest
from ..core.build import built_library
from ..core.extension import Core
from ..core.stages import PIPELINES, anchored
from ..runtime.abi import Instance, aligned_bytes

__all__ = ["SAMPLE_SECONDS", "Call", "HostKernels", "aligned_copy", "build", "time_in_turns"]

#: Minimum duration of a sample, in seconds.
SAMPLE_SECONDS = 2e-3


def build(core: Core, ir: str, stages: Sequence[str], **options: str) -> Instance:
    """Run the pipelines of these stages, the last of which is ``llvm``; link and load the result.

    Args:
        core: the compiler.
        ir: a module with ``@prepare``; its parameters stay unset.
        stages: names of stages, ``plan`` among them.
        options: stage → options of its pipeline, in braces.

    Raises:
        RuntimeError: a pipeline before stage ``llvm`` failed, with the diagnostics.
        CompileError: the last pipeline or code generation failed.
    """
    manifest = None
    *before, last = ((stage, f"{PIPELINES[stage]}{options.get(stage, '')}") for stage in stages)
    for stage, pipeline in before:
        ir = core.run_pipeline(ir, anchored(pipeline))
        if stage == "plan":
            manifest = Manifest.from_json(core.manifest(ir))
    assert manifest is not None, "the manifest is of stage plan"
    with built_library(core, ir, last[1], stage="kernel", name="kernel") as library:
        return Instance(library, manifest)


def aligned_copy(values: Array, alignment: int) -> Array:
    """Return a copy of an array, dense and aligned."""
    copy = aligned_bytes(values.nbytes, alignment)[: values.nbytes].view(values.dtype).reshape(values.shape)
    copy[...] = np.ascontiguousarray(values).reshape(values.shape)
    return copy


class Call:
    """A function with its memory; calling it checks nothing.

    Args:
        instance: owns constants, state and arena.
        function: name of the function without the module's name.
        arrays: inputs and outputs, aligned.
    """

    def __init__(self, instance: Instance, function: str, arrays: Sequence[Array]) -> None:
        self.function = function
        self._arrays = [instance.constants, instance.state, instance.arena, *arrays]
        self._entry = instance.entry(f"{instance.manifest.name}_{function}", len(self._arrays))
        self._addresses = [ctypes.c_void_p(array.ctypes.data) for array in self._arrays]

    def __call__(self) -> None:
        """Run the function."""
        self._entry(*self._addresses)


class HostKernels:
    """Functions of a module of kernels, loaded in this process; it keeps them to its end.

    Args:
        core: the compiler.
        ir: a module at stage ``kernels``.
    """

    def __init__(self, core: Core, ir: str) -> None:
        self._instance = build(core, ir, ("plan", "llvm"))
        self.manifest = self._instance.manifest

    def call(self, function: str, arrays: Sequence[Array]) -> Call:
        """Return a call of a function with its inputs and outputs, aligned."""
        return Call(self._instance, function, arrays)

    def __enter__(self) -> HostKernels:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def time_in_turns(
    runs: Sequence[Callable[[], object]], clock: Callable[[], float], repeat: int, seconds: float = SAMPLE_SECONDS
) -> list[list[float]]:
    """Return samples of each function, in seconds per call; a sample is several calls after one that fills the caches.

    Functions take turns, so that a busy machine slows all of them equally. A sample takes `seconds` at least.
    """
    counts = [_calls(run, clock, seconds) for run in runs]
    samples: list[list[float]] = [[] for _ in runs]
    for _ in range(repeat):
        for run, calls, times in zip(runs, counts, samples, strict=True):
            run()
            begin = clock()
            for _ in range(calls):
                run()
            times.append((clock() - begin) / calls)
    return samples


def _calls(run: Callable[[], object], clock: Callable[[], float], seconds: float) -> int:
    """Return the number of calls of a sample."""
    run()
    begin, calls = clock(), 0
    while clock() - begin < seconds:
        run()
        calls += 1
    return calls
