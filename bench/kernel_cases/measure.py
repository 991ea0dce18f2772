"""Compiles a case as steps are compiled, checks it against PyTorch, and times both in turns."""

from __future__ import annotations

import ctypes
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pockmlir import _link
from pockmlir._abi import Instance, aligned_bytes
from pockmlir._core_api import load_core
from pockmlir._manifest import Manifest
from pockmlir.compiler import PIPELINES

from .case import Case, Work
from .machine import Machine

__all__ = ["TOLERANCE", "Kernel", "Mismatch", "Result", "check", "measure"]

#: Of the largest entry: how far a result may be from PyTorch's.
TOLERANCE = 1e-4

#: Seconds that one sample takes at least.
SECONDS = 2e-3


class Mismatch(Exception):
    """A kernel computed something else than PyTorch."""


class Kernel:
    """A compiled program with its memory; calling it runs it once."""

    def __init__(self, work: Work) -> None:
        core = load_core()
        # What the stages before leave is canonical.
        ir = core.run_pipeline(work.program.text(core.host_target()), "builtin.module(canonicalize, cse)")
        options = {"plan": f"{{winograd={work.winograd}}}"}
        for stage in ("kernels", "plan", "llvm"):
            ir = core.run_pipeline(ir, f"builtin.module({PIPELINES[stage]}{options.get(stage, '')})")
            if stage == "plan":
                self.manifest = Manifest.from_json(core.manifest(ir))
        with tempfile.TemporaryDirectory() as directory:
            object_file, library = Path(directory, "kernel.o"), Path(directory, "kernel.so")
            object_file.write_bytes(core.emit_object(ir))
            _link.link_shared(object_file, library)
            instance = Instance(library, self.manifest)
        function = self.manifest.functions["step"]
        self.outputs = [instance.output(spec) for spec in function.outputs]
        self.params = [instance.view(param.name[1:]) for param in work.program.params]
        for param, initial in zip(self.params, work.params, strict=True):
            param[...] = initial.numpy()
        self._inputs = [_aligned(tensor, self.manifest.alignment) for tensor in work.inputs]
        self._instance = instance  # owns the memory
        arrays = [instance.constants, instance.state, instance.arena, *self._inputs, *self.outputs]
        self._entry = instance.entry(f"{self.manifest.name}_step", len(arrays))
        self._addresses = [ctypes.c_void_p(array.ctypes.data) for array in arrays]

    def __call__(self) -> None:
        self._entry(*self._addresses)

    @property
    def launches(self) -> int:
        """How many kernels the function runs."""
        return int(self.manifest.data["kernels"]["launches"])

    @property
    def results(self) -> list[Any]:
        """What the last call computed: outputs, then parameters."""
        return [*self.outputs, *self.params]


def _aligned(tensor: torch.Tensor, alignment: int) -> Any:
    """Return a copy of a tensor, dense and aligned."""
    array = np.ascontiguousarray(tensor.numpy()).reshape(tensor.shape)
    copy = aligned_bytes(array.nbytes, alignment)[: array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


@dataclass(frozen=True)
class Result:
    """One row of the table; seconds are the least of all samples.

    Attributes:
        name: the class.
        shape: sizes, for people.
        error: relative to the largest entry of PyTorch's result.
        ours: seconds of a call.
        torch: the same of PyTorch's kernel.
        ratio: of PyTorch's time and ours.
        flops: per second, ours.
        peak: the share of the machine's multiply-adds that is.
        bytes: per second, ours.
        stream: the share of a copy's bytes that is.
        bound: what must take longer, ``compute`` or ``memory``.
        launches: how many kernels ours is.
        medians: seconds of a call, ours and PyTorch's; where they are far from the least, the machine was busy.
        failure: what went wrong; then there are no figures.
    """

    name: str
    shape: str
    error: float = 0.0
    ours: float = 0.0
    torch: float = 0.0
    ratio: float = 0.0
    flops: float = 0.0
    peak: float = 0.0
    bytes: float = 0.0
    stream: float = 0.0
    bound: str = ""
    launches: int = 0
    medians: tuple[float, float] = (0.0, 0.0)
    failure: str | None = None


def check(work: Work, kernel: Kernel) -> float:
    """Run both once; return the largest error relative to the largest entry.

    Raises:
        Mismatch: it is above the tolerance.
    """
    kernel()
    with torch.inference_mode():
        expected = [tensor.numpy() for tensor in work.results(work.torch())]
    worst = 0.0
    for index, (got, wanted) in enumerate(zip(kernel.results, expected, strict=True)):
        if got.shape != wanted.shape:
            raise Mismatch(f"result {index}: expected shape {list(wanted.shape)}, but got {list(got.shape)}")
        wanted = wanted.astype(np.float64)
        error = float(np.abs(got - wanted).max() / max(np.abs(wanted).max(), 1e-30))
        if not error <= TOLERANCE:
            raise Mismatch(f"result {index}: off by {error:.1e} of the largest entry")
        worst = max(worst, error)
    return worst


def measure(case: Case, machine: Machine, repeat: int) -> Result:
    """Compile, check and time one case; what goes wrong is in the result."""
    torch.manual_seed(0)
    try:
        work = case.build()
        kernel = Kernel(work)
        error = check(work, kernel)
    except (Mismatch, RuntimeError) as failure:
        return Result(case.name, case.shape, failure=str(failure).strip().splitlines()[0])
    with torch.inference_mode():
        samples = _in_turns(kernel, work.torch, machine.clock, repeat)
    machine.measure_peak()
    ours, torchs = (min(times) for times in samples)
    working_set = work.bytes + kernel.manifest.segments["arena"]
    stream = machine.stream_at(working_set)
    return Result(
        name=case.name,
        shape=case.shape,
        error=error,
        ours=ours,
        torch=torchs,
        ratio=torchs / ours,
        medians=(statistics.median(samples[0]), statistics.median(samples[1])),
        flops=work.flops / ours,
        peak=work.flops / ours / machine.peak,
        bytes=work.bytes / ours,
        stream=work.bytes / ours / stream,
        bound="compute" if work.flops / machine.peak > work.bytes / stream else "memory",
        launches=kernel.launches,
    )


def _in_turns(
    ours: Callable[[], object], torchs: Callable[[], object], clock: Callable[[], float], repeat: int
) -> list[list[float]]:
    """Return samples of both, in seconds of a call; each is some calls after one that fills the caches."""
    runs = [(run, _calls(run, clock)) for run in (ours, torchs)]
    samples: list[list[float]] = [[], []]
    for _ in range(repeat):
        for index, (run, calls) in enumerate(runs):
            run()
            begin = clock()
            for _ in range(calls):
                run()
            samples[index].append((clock() - begin) / calls)
    return samples


def _calls(run: Callable[[], object], clock: Callable[[], float]) -> int:
    """Return how many calls make a sample."""
    run()
    begin, calls = clock(), 0
    while clock() - begin < SECONDS:
        run()
        calls += 1
    return calls
