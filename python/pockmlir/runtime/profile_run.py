"""Compiles and runs a step that reads the clock between its kernels."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..artifact.artifact import Artifact
from ..artifact.launches import read_launches
from ..artifact.manifest import Array, Function, TensorSpec
from ..core.build import built_library
from ..core.extension import load_core
from ..core.stages import PIPELINES
from ..errors import ArgumentError
from ..report.profile import Profile, TimedLaunch
from .abi import Call, Instance, Segments
from .dispatched import DispatchedInstance

__all__ = ["profile_function"]


def profile_function(
    artifact: Artifact,
    memory: tuple[Array, Array],
    values: Sequence[Any],
    *,
    function: str,
    runs: int,
    warmup: int,
    on_run: Callable[[int, int], None] | None = None,
) -> Profile:
    """Run one of the functions with readings of the clock; compile the step again for that if it is a library.

    Every run works on the same parameters: the learning rate is 0.

    Args:
        artifact: the compiled step.
        memory: copies of constants and state, which the run uses.
        values: the inputs of the user.
        function: ``step`` or ``predict``.
        runs: number of runs of which medians are taken.
        warmup: number of runs before them.
        on_run: called with the number of finished runs and of all runs.
    """
    if runs < 1 or warmup < 0:
        raise ArgumentError(f"profile: expected runs >= 1 and warmup >= 0, but got {runs} and {warmup}")
    ir = artifact.dump("plan")
    core = load_core()
    launches = read_launches(core.kernel_costs(ir), function)
    work = _Work(artifact, memory, values, function, runs, warmup, on_run)
    clock = 0.0
    if artifact.target.dispatched:
        durations = work.on_device(len(launches))
    else:
        passes = ("pock-profile-launches", PIPELINES["llvm"])
        with built_library(core, ir, *passes, stage="profile", name=artifact.name) as library:
            readings = work.in_library(library, len(launches) + 2)
        found = np.diff(readings, axis=1) * 1e-9
        clock, durations = float(np.median(found[:, 0])), found[:, 1:]
    medians = np.maximum(np.median(durations, axis=0) - clock, 0.0)
    whole = float(np.median(durations.sum(axis=1))) - clock * len(launches)
    return Profile(
        name=artifact.name,
        function=function,
        runs=runs,
        seconds=max(whole, 0.0),
        clock_seconds=clock,
        launches=tuple(
            TimedLaunch(**vars(launch), seconds=float(seconds))
            for launch, seconds in zip(launches, medians, strict=True)
        ),
    )


@dataclass(frozen=True)
class _Work:
    """The runs of a function."""

    artifact: Artifact
    memory: tuple[Array, Array]
    values: Sequence[Any]
    name: str
    runs: int
    warmup: int
    on_run: Callable[[int, int], None] | None

    @property
    def _function(self) -> Function:
        return self.artifact.manifest.functions[self.name]

    def in_library(self, library: Path, count: int) -> Array:
        """Return the clock's readings in nanoseconds, one row per run."""
        # As in the pass: one more argument, after all others.
        times = TensorSpec("times", (count,), "i64")
        function = replace(self._function, outputs=(*self._function.outputs, times))
        instance = Instance(library, self.artifact.manifest)
        call, inputs, outputs = self._prepare(instance, function)

        def read() -> Array:
            call.run(inputs, outputs)
            return outputs[-1]

        return self._repeat(read, np.empty((self.runs, count), np.int64))

    def on_device(self, count: int) -> Array:
        """Return the seconds of each launch on a device, one row per run."""
        instance = DispatchedInstance(self.artifact)
        _, inputs, outputs = self._prepare(instance, self._function)
        read = functools.partial(instance.profile, self.name, [*inputs, *outputs], count)
        return self._repeat(read, np.empty((self.runs, count)))

    def _prepare(self, instance: Segments, function: Function) -> tuple[Call, list[Array], list[Array]]:
        """Return a call on a copy of the memory, its inputs, whose numbers are zeroes, and its outputs."""
        instance.constants[...], instance.state[...] = self.memory
        call = Call(instance, self.name, function, self.artifact.given_dtypes)
        inputs = [call.bind(index, value) for index, value in enumerate(self.values)]
        inputs += [instance.output(spec) for spec in function.scalars]
        return call, inputs, [instance.output(spec) for spec in function.outputs]

    def _repeat(self, read: Callable[[], Array], rows: Array) -> Array:
        """Fill the rows with what one run after the other reads; drop those of the first runs."""
        for run in range(-self.warmup, self.runs):
            found = read()
            if run >= 0:
                rows[run] = found
            if self.on_run:
                self.on_run(run + self.warmup + 1, self.runs + self.warmup)
        return rows
