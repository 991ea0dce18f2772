"""Chooses tiles and algorithms of a step's kernels by timing them."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from statistics import median

import numpy as np

from ..api.tuning import Choice, Tuning
from ..artifact.manifest import Array, TensorSpec, dtype_of
from ..core.extension import Core, load_core
from ..core.ir_text import add_module_attributes
from ..errors import ArgumentError, CompileError
from ..loop.batches import random_batch
from ..report.profile import Profile
from ..runtime.threads import get_num_threads, set_num_threads
from ..step import Step
from . import kernel_run
from .kernel_run import Call

__all__ = ["tune"]

#: Op → the algorithms that its kernels may use; one of them is the cost model's choice.
ALGORITHMS: Mapping[str, tuple[str, ...]] = dict.fromkeys(
    ("pock.conv", "pock.conv_transpose", "pock.conv_weight_grad"), ("direct", "winograd")
)

#: Kernels that make up this share of the time are worth measuring.
_SHARE = 0.95
#: How many tiles are tried, that of the cost model included; those it thinks best.
_TILES = 8
#: How many candidates come to the second round, where samples are more.
_FINALISTS = 2
#: Samples of each candidate, and of each finalist.
_SAMPLES, _FINAL_SAMPLES = 3, 9
#: A candidate must be this much faster: less may be noise, and would change results' last bits for nothing.
_GAIN = 1.03
#: Of the largest entry: how far apart results may be.
_TOLERANCES = {"float64": 1e-10, "float32": 1e-4, "bfloat16": 2e-2}


def tune(
    step: Step,
    *,
    seconds: float = 60.0,
    threads: int | None = None,
    on_kernel: Callable[[int, int, str], None] | None = None,
) -> Tuning:
    """Measure other tiles and algorithms for the kernels of a step; return those that are faster.

    Each kernel runs alone, on random data, in turns with what the cost model chooses. The step
    is not changed: compile it again with ``tuning=``.

    Args:
        step: what to tune, compiled for this machine.
        seconds: when to stop taking up kernels; the longest-running come first.
        threads: how many work on a kernel; as for steps if not given.
        on_kernel: called with the number of finished kernels, of all, and the next one's name.

    Raises:
        ArgumentError: the seconds or the threads are not positive.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds > 0:
        raise ArgumentError(f"tune: expected seconds > 0, but got {seconds!r}")
    deadline = time.monotonic() + seconds
    core = load_core()
    dumps = {dump.name: dump.ir for dump in step.artifact.dumps}
    space = json.loads(core.tuning_space(dumps["plan"]))
    found: dict[str, Choice] = {}
    with _threads(threads) as clock:
        names = _longest(step.profile(*random_batch(step.inputs), runs=5, warmup=2))
        for index, name in enumerate(names):
            if on_kernel:
                on_kernel(index, len(names), name)
            if time.monotonic() > deadline:
                break
            kernel = space["kernels"][name]
            text = _kernel_text(dumps["kernels"], name)
            choices = list(_choices(name, kernel["tiles"], text))
            best = _fastest(core, dumps["kernels"], choices, clock) if len(choices) > 1 else None
            if best:
                found[kernel["fingerprint"]] = best
        if on_kernel:
            on_kernel(len(names), len(names), "")
    return Tuning({space["target"]: found} if found else {})


@contextmanager
def _threads(count: int | None) -> Iterator[Callable[[], float]]:
    """Use so many threads; give the clock to time them with.

    That of one thread is its own, so that what others run meanwhile does not count.
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
    """The kernels that most of the time goes to, the longest first."""
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


def _choices(name: str, tiles: Sequence[Sequence[int]], text: str) -> Iterator[Choice]:
    """What to try, first the cost model's choice."""
    yield Choice(name)
    for rows, vectors in tiles[1:_TILES]:
        yield Choice(name, tile=(rows, vectors))
    for op in sorted(set(re.findall(r"\bpock\.\w+", text)) & set(ALGORITHMS)):
        for algorithm in ALGORITHMS[op]:
            yield Choice(name, algorithm=algorithm)


def _fastest(core: Core, ir: str, choices: Sequence[Choice], clock: Callable[[], float]) -> Choice | None:
    """Build all choices of one kernel, time them, and return the best if it is worth it.

    Args:
        core: the compiler.
        ir: the step at stage ``kernels``.
        choices: the first is what the others are compared with.
        clock: seconds.
    """
    calls, outputs = _build(core, ir, choices)
    initial = [output.copy() for output in outputs]

    def results(call: Call) -> list[Array]:
        for output, value in zip(outputs, initial, strict=True):
            output[...] = value
        call()
        return [output.copy() for output in outputs]

    expected = results(calls[0])
    right = [index for index, call in enumerate(calls) if index == 0 or _agree(results(call), expected)]
    times = _times(calls, right, clock, _SAMPLES)
    finalists = sorted(right[1:], key=lambda index: min(times[index]))[:_FINALISTS]
    times = _times(calls, [0, *finalists], clock, _FINAL_SAMPLES)
    best = min(finalists, key=lambda index: median(times[index]), default=0)
    gain = min(median(times[0]) / median(times[best]), min(times[0]) / min(times[best]))
    return replace(choices[best], gain=gain) if gain >= _GAIN else None


def _build(core: Core, ir: str, choices: Sequence[Choice]) -> tuple[list[Call], list[Array]]:
    """Compile all choices in one module; return their calls, and the outputs that they share."""
    candidates = ", ".join(choice.attribute() for choice in choices)
    isolate = f"builtin.module(pock-isolate-kernel{{kernel={choices[0].kernel}}})"
    try:
        isolated = core.run_pipeline(add_module_attributes(ir, {"pock.candidates": f"[{candidates}]"}), isolate)
        instance = kernel_run.build(core, isolated, ("plan", "llvm"))
    except RuntimeError as error:
        raise CompileError("tune", str(error)) from error
    functions = [f"candidate_{index}" for index in range(len(choices))]
    signature = instance.manifest.functions[functions[0]]
    generator = np.random.default_rng(0)
    alignment = instance.manifest.alignment
    inputs = [kernel_run.aligned_copy(_random(spec, generator), alignment) for spec in signature.inputs]
    outputs = [kernel_run.aligned_copy(_random(spec, generator), alignment) for spec in signature.outputs]
    return [Call(instance, function, [*inputs, *outputs]) for function in functions], outputs


def _random(spec: TensorSpec, generator: np.random.Generator) -> Array:
    """Numbers that any kernel takes: positive floats, as of variances, and zeros for indices."""
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
    calls: Sequence[Call], indices: Sequence[int], clock: Callable[[], float], repeat: int
) -> dict[int, list[float]]:
    """Samples of some of the calls, by index."""
    samples = kernel_run.time_in_turns([calls[index] for index in indices], clock, repeat)
    return dict(zip(indices, samples, strict=True))
