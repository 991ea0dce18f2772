"""Compiles and runs a step that reads the clock between its kernels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..artifact.artifact import Artifact
from ..artifact.launches import read_launches
from ..artifact.manifest import Array, TensorSpec
from ..core.build import built_library
from ..core.extension import load_core
from ..core.stages import PIPELINES
from ..errors import ArgumentError
from ..report.profile import Profile, TimedLaunch
from .abi import Call, Instance

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
    """Compile the step again with readings of the clock, and run one of its functions.

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
    passes = ("pock-profile-launches", PIPELINES["llvm"])
    with built_library(core, ir, *passes, stage="profile", name=artifact.name) as library:
        readings = _readings(artifact, library, memory, values, function, len(launches) + 2, runs, warmup, on_run)
    durations = np.diff(readings, axis=1) * 1e-9
    clock = float(np.median(durations[:, 0]))
    medians = np.maximum(np.median(durations[:, 1:], axis=0) - clock, 0.0)
    whole = float(np.median(durations[:, 1:].sum(axis=1))) - clock * len(launches)
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
    inputs = [call.bind(index, value) for index, value in enumerate(values)]
    inputs += [instance.output(spec) for spec in function.scalars]  # zeroes
    outputs = [instance.output(spec) for spec in call.function.outputs]
    readings = np.empty((runs, count), np.int64)
    for run in range(-warmup, runs):
        call.run(inputs, outputs)
        if run >= 0:
            readings[run] = outputs[-1]
        if on_run:
            on_run(run + warmup + 1, runs + warmup)
    return readings
