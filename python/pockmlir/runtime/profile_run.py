"""Compiles and runs a step that reads the clock between its kernels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..artifact.artifact import Artifact
from ..artifact.launches import Launch, read_launches
from ..artifact.manifest import Array, TensorSpec
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
    if artifact.target.dispatched:
        found = _durations(artifact, memory, values, function, len(launches), runs, warmup, on_run)
        medians, whole = np.median(found, axis=0), float(np.median(found.sum(axis=1)))
        return _profile(artifact, function, runs, launches, medians, whole, 0.0)
    passes = ("pock-profile-launches", PIPELINES["llvm"])
    with built_library(core, ir, *passes, stage="profile", name=artifact.name) as library:
        readings = _readings(artifact, library, memory, values, function, len(launches) + 2, runs, warmup, on_run)
    durations = np.diff(readings, axis=1) * 1e-9
    clock = float(np.median(durations[:, 0]))
    medians = np.maximum(np.median(durations[:, 1:], axis=0) - clock, 0.0)
    whole = float(np.median(durations[:, 1:].sum(axis=1))) - clock * len(launches)
    return _profile(artifact, function, runs, launches, medians, whole, clock)


def _profile(
    artifact: Artifact,
    function: str,
    runs: int,
    launches: Sequence[Launch],
    medians: Array,
    seconds: float,
    clock: float,
) -> Profile:
    return Profile(
        name=artifact.name,
        function=function,
        runs=runs,
        seconds=max(seconds, 0.0),
        clock_seconds=clock,
        launches=tuple(
            TimedLaunch(**vars(launch), seconds=float(seconds))
            for launch, seconds in zip(launches, medians, strict=True)
        ),
    )


def _readings(
    artifact: Artifact,
    library: Path,
    memory: tuple[Array, Array],
    values: Sequence[Any],
    name: str,
    count: int,
    runs: int,
    warmup: int,
    on_run: Callable[[int, int], None] | None,
) -> Array:
    """Return the clock's readings in nanoseconds, one row per run."""
    instance = Instance(library, artifact.manifest)
    instance.constants[...], instance.state[...] = memory
    function = artifact.manifest.functions[name]
    # As in the pass: one more argument, after all others.
    times = TensorSpec("times", (count,), "i64")
    call = Call(instance, name, replace(function, outputs=(*function.outputs, times)), artifact.given_dtypes)
    inputs, outputs = _arguments(instance, call, values)

    def read() -> Array:
        call.run(inputs, outputs)
        return outputs[-1]

    return _repeat(read, np.empty((runs, count), np.int64), warmup, on_run)


def _durations(
    artifact: Artifact,
    memory: tuple[Array, Array],
    values: Sequence[Any],
    name: str,
    count: int,
    runs: int,
    warmup: int,
    on_run: Callable[[int, int], None] | None,
) -> Array:
    """Return the seconds of each launch on a device, one row per run."""
    what = (artifact.manifest, artifact.target, lambda: artifact.dump("plan"))
    instance = DispatchedInstance(*what, artifact.object_code)
    instance.constants, instance.state = memory
    call = Call(instance, name, artifact.manifest.functions[name], artifact.given_dtypes)
    inputs, outputs = _arguments(instance, call, values)

    def read() -> Array:
        return instance.profile(name, [*inputs, *outputs], count)

    return _repeat(read, np.empty((runs, count)), warmup, on_run)


def _arguments(instance: Segments, call: Call, values: Sequence[Any]) -> tuple[list[Array], list[Array]]:
    """Return the inputs of a call, whose numbers are zeroes, and memory for its outputs."""
    inputs = [call.bind(index, value) for index, value in enumerate(values)]
    inputs += [instance.output(spec) for spec in call.function.scalars]
    return inputs, [instance.output(spec) for spec in call.function.outputs]


def _repeat(read: Callable[[], Array], rows: Array, warmup: int, on_run: Callable[[int, int], None] | None) -> Array:
    """Fill the rows with what one run after the other reads; drop those of the first runs."""
    runs = len(rows)
    for run in range(-warmup, runs):
        found = read()
        if run >= 0:
            rows[run] = found
        if on_run:
            on_run(run + warmup + 1, runs + warmup)
    return rows
