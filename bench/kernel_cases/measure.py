"""Compiles a case like a step, checks it against PyTorch, and times both in turns."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from pockmlir.core.extension import load_core
from pockmlir.errors import CompileError
from pockmlir.tuning import kernel_run

from .case import Case, Work
from .machine import Machine

__all__ = ["TOLERANCE", "Kernel", "Mismatch", "Result", "check", "measure"]

#: Of the largest entry: how far a result may be from PyTorch's.
TOLERANCE = 1e-4


class Mismatch(Exception):
    """The result of a kernel differs from PyTorch's."""


class Kernel:
    """A compiled program with its memory; a call runs it once."""

    def __init__(self, work: Work) -> None:
        core = load_core()
        # The result of the preceding stages is canonical.
        ir = core.run_pipeline(work.program.text(core.host_target()), "builtin.module(canonicalize, cse)")
        instance = kernel_run.build(core, ir, ("kernels", "plan", "llvm"), plan=f"{{winograd={work.winograd}}}")
        self.manifest = instance.manifest
        function = self.manifest.functions["step"]
        self.outputs = [instance.output(spec) for spec in function.outputs]
        self.params = [instance.view(param.name[1:]) for param in work.program.params]
        for param, initial in zip(self.params, work.params, strict=True):
            param[...] = initial.numpy()
        inputs = [kernel_run.aligned_copy(tensor.numpy(), self.manifest.alignment) for tensor in work.inputs]
        self._run = kernel_run.Call(instance, "step", [*inputs, *self.outputs])

    def __call__(self) -> None:
        self._run()

    @property
    def launches(self) -> int:
        """The number of kernels that the function runs."""
        return int(self.manifest.data["kernels"]["launches"])

    @property
    def results(self) -> list[Any]:
        """The results of the last call: outputs, then parameters."""
        return [*self.outputs, *self.params]


@dataclass(frozen=True)
class Result:
    """One row of the table; seconds are the minimum of all samples.

    Attributes:
        name: the class.
        shape: sizes, in readable form.
        error: the error relative to the largest entry of PyTorch's result.
        ours: seconds of a call.
        torch: seconds of a call of PyTorch's kernel.
        ratio: PyTorch's time divided by ours.
        flops: our operations per second.
        peak: our operations per second as a share of the machine's peak.
        bytes: our bytes per second.
        stream: our bytes per second as a share of a copy's.
        bound: the limiting factor, ``compute`` or ``memory``.
        launches: the number of our kernels.
        medians: median seconds of a call, ours and PyTorch's; if they differ much from the minimum, the machine was
            busy.
        failure: the error; then there are no figures.
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
        Mismatch: the error exceeds the tolerance.
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
    """Compile, check and time one case; failures are in the result."""
    torch.manual_seed(0)
    try:
        work = case.build()
        kernel = Kernel(work)
        error = check(work, kernel)
    except (Mismatch, RuntimeError, CompileError) as failure:
        return Result(case.name, case.shape, failure=str(failure).strip().splitlines()[0])
    with torch.inference_mode():
        samples = kernel_run.time_in_turns((kernel, work.torch), machine.clock, repeat)
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
