"""Chooses tiles and algorithms of a step's kernels by measurement."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from statistics import median
from typing import Any, Protocol

import numpy as np

from ..api.tuning import Choice, Tuning
from ..artifact.manifest import Array, Manifest, TensorSpec, dtype_of
from ..core.extension import Core, load_core
from ..core.ir_text import add_module_attributes
from ..errors import ArgumentError, CompileError
from ..loop.batches import random_batch
from ..report.profile import Profile
from ..runtime.threads import get_num_threads, set_num_threads
from ..step import Step
from . import device_run, kernel_run
from .kernel_run import SAMPLE_SECONDS

__all__ = ["tune"]

#: Op → the algorithms that it may use; one of them is the cost model's choice.
ALGORITHMS: Mapping[str, tuple[str, ...]] = dict.fromkeys(
    ("pock.conv", "pock.conv_transpose", "pock.conv_weight_grad"), ("direct", "winograd")
)

#: The longest kernels that together take this share of the time are measured.
_SHARE = 0.95
#: Number of tiles that are tried, the cost model's choice included: those that it ranks best.
_TILES = 8
#: Number of candidates in the second round, which has more samples.
_FINALISTS = 2
#: Samples of each candidate, and of each finalist.
_SAMPLES, _FINAL_SAMPLES = 3, 9
#: A candidate must be faster by this factor: less may be noise, and would change the last bits of results in vain.
_GAIN = 1.03
#: Tolerated difference of results, relative to the largest entry.
_TOLERANCES = {"float64": 1e-10, "float32": 1e-4, "bfloat16": 2e-2}


def tune(
    step: Step,
    *,
    seconds: float = 60.0,
    threads: int | None = None,
    on_kernel: Callable[[int, int, str], None] | None = None,
) -> Tuning:
    """Measure other tiles and algorithms for the kernels of a step; return those that are faster.

    Each kernel runs alone, on random data, in turns with the cost model's choice. The step does not
    change: compile it again with ``tuning=``.

    Args:
        step: the step to tune, compiled for this machine or a device of it.
        seconds: time after which no further kernel is measured; the longest-running kernels come first.
        threads: number of threads of a kernel on a processor; that of steps if None.
        on_kernel: called with the number of finished kernels, of all kernels, and the next kernel's name.

    Raises:
        ArgumentError: `seconds` or `threads` is not positive.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds > 0:
        raise ArgumentError(f"tune: expected seconds > 0, but got {seconds!r}")
    deadline = time.monotonic() + seconds
    core = load_core()
    dumps = {dump.name: dump.ir for dump in step.artifact.dumps}
    space = json.loads(core.tuning_space(dumps["plan"]))
    found: dict[str, Choice] = {}
    with _machine(step, threads) as machine:
        names = _longest(step.profile(*random_batch(step.inputs), runs=5, warmup=2))
        for index, name in enumerate(names):
            if on_kernel:
                on_kernel(index, len(names), name)
            if time.monotonic() > deadline:
                break
            kernel = space["kernels"][name]
            text = _kernel_text(dumps["kernels"], name)
            choices = list(_choices(name, kernel, text, machine.algorithms))
            best = _fastest(core, dumps["kernels"], choices, machine) if len(choices) > 1 else None
            if best:
                found[kernel["fingerprint"]] = best
        if on_kernel:
            on_kernel(len(names), len(names), "")
    return Tuning({space["target"]: found} if found else {})


class Kernels(Protocol):
    """Functions of a module of kernels, loaded where they run; a context manager, which frees them."""

    manifest: Manifest

    def call(self, function: str, arrays: Sequence[Array]) -> Callable[[], None]:
        """Return a call of a function with its inputs and outputs."""

    def __enter__(self) -> Kernels: ...
    def __exit__(self, *_: object) -> None: ...


@dataclass(frozen=True)
class _Machine:
    """What kernels run on.

    Attributes:
        clock: returns seconds.
        sample_seconds: how long a sample takes at least.
        load: compiles and loads a module at stage ``kernels``.
        algorithms: op → the algorithms that it may use.
    """

    clock: Callable[[], float]
    sample_seconds: float
    load: Callable[[Core, str], Kernels]
    algorithms: Mapping[str, tuple[str, ...]]


@contextmanager
def _machine(step: Step, threads: int | None) -> Iterator[_Machine]:
    """Yield this machine with that number of threads, or the device that a step runs on."""
    if step.artifact.target.dispatched:
        clock = device_run.DeviceClock()
        # A device's clock counts its own work only, so short samples are enough.
        yield _Machine(clock, SAMPLE_SECONDS / 10, partial(device_run.DeviceKernels, clock=clock), {})
        return
    with _threads(threads) as host_clock:
        yield _Machine(host_clock, SAMPLE_SECONDS, kernel_run.HostKernels, ALGORITHMS)


@contextmanager
def _threads(count: int | None) -> Iterator[Callable[[], float]]:
    """Set the number of threads; yield the clock for timing.

    With one thread, the clock is that thread's own, so that other programs do not count.
    """
    before = get_num_threads()
    if count is not None:
        set_num_threads(count)
    try:
        yield time.thread_time if get_num_threads() == 1 else time.perf_counter
    finally:
        if count is not None:
            set_num_threads(before)


def _longest(profile: Profile) -> list[str]:
    """The names of the kernels that take most of the time, the longest first."""
    names, share = [], 0.0
    for entry in profile.by_kernel():
        if share >= _SHARE:
            break
        names.append(entry.name)
        share += entry.share
    return names


def _kernel_text(ir: str, name: str) -> str:
    """The text of a kernel of a module at stage ``kernels``."""
    begin = ir.index(f"func.func private @{name}(")
    end = ir.find("func.func ", begin + 1)
    return ir[begin : end if end > 0 else len(ir)]


def _choices(
    name: str, kernel: Mapping[str, Any], text: str, algorithms: Mapping[str, tuple[str, ...]]
) -> Iterator[Choice]:
    """Yield the candidates, the cost model's choice first."""
    yield Choice(name)
    for rows, vectors in kernel["tiles"][1:_TILES]:
        yield Choice(name, tile=(rows, vectors))
    for algorithm in kernel["algorithms"]:
        yield Choice(name, algorithm=algorithm)
    for op in sorted(set(re.findall(r"\bpock\.\w+", text)) & set(algorithms)):
        for algorithm in algorithms[op]:
            yield Choice(name, algorithm=algorithm)


def _fastest(core: Core, ir: str, choices: Sequence[Choice], machine: _Machine) -> Choice | None:
    """Build all candidates of a kernel, time them, and return the best if it is fast enough.

    Args:
        core: the compiler.
        ir: the step at stage ``kernels``.
        choices: the candidates; the others are compared with the first.
        machine: runs the candidates.
    """
    with _built(core, ir, choices, machine) as kernels:
        return _faster(choices, *_calls(kernels, len(choices)), machine)


def _faster(
    choices: Sequence[Choice], calls: Sequence[Callable[[], None]], outputs: Sequence[Array], machine: _Machine
) -> Choice | None:
    """Return the best of some candidates if it is fast enough."""
    initial = [output.copy() for output in outputs]

    def results(call: Callable[[], None]) -> list[Array]:
        for output, value in zip(outputs, initial, strict=True):
            output[...] = value
        call()
        return [output.copy() for output in outputs]

    expected = results(calls[0])
    right = [index for index, call in enumerate(calls) if index == 0 or _agree(results(call), expected)]
    times = _times(calls, right, machine, _SAMPLES)
    finalists = sorted(right[1:], key=lambda index: min(times[index]))[:_FINALISTS]
    times = _times(calls, [0, *finalists], machine, _FINAL_SAMPLES)
    best = min(finalists, key=lambda index: median(times[index]), default=0)
    gain = min(median(times[0]) / median(times[best]), min(times[0]) / min(times[best]))
    return replace(choices[best], gain=gain) if gain >= _GAIN else None


@contextmanager
def _built(core: Core, ir: str, choices: Sequence[Choice], machine: _Machine) -> Iterator[Kernels]:
    """Compile all candidates in one module; yield it."""
    candidates = ", ".join(choice.attribute() for choice in choices)
    isolate = f"builtin.module(pock-isolate-kernel{{kernel={choices[0].kernel}}})"
    try:
        isolated = core.run_pipeline(add_module_attributes(ir, {"pock.candidates": f"[{candidates}]"}), isolate)
        kernels = machine.load(core, isolated)
    except RuntimeError as error:
        raise CompileError("tune", str(error)) from error
    with kernels:
        yield kernels


def _calls(kernels: Kernels, count: int) -> tuple[list[Callable[[], None]], list[Array]]:
    """Return calls of all candidates on the same random inputs, and their common outputs."""
    functions = [f"candidate_{index}" for index in range(count)]
    signature = kernels.manifest.functions[functions[0]]
    generator = np.random.default_rng(0)
    alignment = kernels.manifest.alignment
    inputs = [kernel_run.aligned_copy(_random(spec, generator), alignment) for spec in signature.inputs]
    outputs = [kernel_run.aligned_copy(_random(spec, generator), alignment) for spec in signature.outputs]
    return [kernels.call(function, [*inputs, *outputs]) for function in functions], outputs


def _random(spec: TensorSpec, generator: np.random.Generator) -> Array:
    """Values that are valid for every kernel: positive floats (for variances), and zeros (for indices)."""
    dtype = dtype_of(spec.dtype)
    if dtype.kind == "b":
        return generator.integers(0, 2, spec.shape).astype(dtype)
    if dtype.kind in "iu":
        return np.zeros(spec.shape, dtype)
    return np.asarray(generator.uniform(0.25, 1.0, spec.shape)).astype(dtype)


def _agree(results: Sequence[Array], expected: Sequence[Array]) -> bool:
    """Whether results differ by rounding only."""
    for got, wanted in zip(results, expected, strict=True):
        tolerance = _TOLERANCES.get(wanted.dtype.name)
        if tolerance is None:
            if not np.array_equal(got, wanted):
                return False
            continue
        reference = wanted.astype(np.float64)
        scale = np.abs(reference, where=np.isfinite(reference), out=np.zeros_like(reference)).max(initial=0.0)
        if not np.allclose(got.astype(np.float64), reference, rtol=0.0, atol=tolerance * scale, equal_nan=True):
            return False
    return True


def _times(
    calls: Sequence[Callable[[], None]], indices: Sequence[int], machine: _Machine, repeat: int
) -> dict[int, list[float]]:
    """Samples of the calls with these indices."""
    runs = [calls[index] for index in indices]
    samples = kernel_run.time_in_turns(runs, machine.clock, repeat, machine.sample_seconds)
    return dict(zip(indices, samples, strict=True))
