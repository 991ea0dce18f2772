"""Trains a step on its target, emulated or real, and reports the cost."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console, ConsoleOptions, RenderResult

from ..artifact.failures import failure_error
from ..artifact.manifest import Array
from ..errors import PockError, RunError, TargetError
from ..step import Step
from ..support.sizes import format_bytes
from ..support.tables import as_text, make_table
from .build import Program, build, write_program
from .emulate import CallFailed, Emulation, describe_tools, emulate
from .requests import REQUESTS, RESULTS, STATE, Request, count_results, encode, read_results, read_state
from .workload import Operation, Workload

__all__ = ["Comparison", "Run", "read", "run", "state_hash", "write"]


@dataclass(frozen=True)
class Comparison:
    """The difference between a run and the same run on this machine.

    Attributes:
        state_equal: whether all parameters, buffers and optimizer states have the same bits.
        outputs_equal: whether all losses and predictions have the same bits.
        loss_difference: the largest difference between two losses of the same step.
    """

    state_equal: bool
    outputs_equal: bool
    loss_difference: float


@dataclass(frozen=True)
class Run:
    """The results of a run.

    Attributes:
        target: name of the target.
        machine: name of the emulated machine; empty on this machine or on a board.
        losses: loss of every training step.
        accuracy: accuracy on the test samples, ``before`` and ``after`` training; empty without test samples.
        state_hash: hash of all parameters, buffers and optimizer states after the last step.
        instructions: exact number of instructions of every training step; empty if nothing counted them.
        predict_instructions: number of instructions of a prediction.
        uncounted: the reason why an emulator did not count instructions.
        flash_bytes: code, constants and initial state of the whole program; only for microcontrollers.
        ram_bytes: bytes that the linker has placed: state, arena, inputs, outputs, and the reserved stack.
        stack_bytes: deepest use of the stack, in bytes.
        stack_reserved_bytes: bytes reserved for the stack.
        denormals_flushed: whether vectors of Helium have taken denormal numbers for zeros, so that other targets may
            have other bits; None if no instruction of the target does that.
        comparison: comparison with a run on this machine, if there was one.
        tools: versions of compiler and emulator.
    """

    target: str
    machine: str
    losses: tuple[float, ...]
    accuracy: Mapping[str, float]
    state_hash: str
    instructions: tuple[int, ...] = ()
    predict_instructions: int | None = None
    flash_bytes: int | None = None
    ram_bytes: int | None = None
    stack_bytes: int | None = None
    stack_reserved_bytes: int | None = None
    uncounted: str = ""
    denormals_flushed: bool | None = None
    comparison: Comparison | None = None
    tools: Mapping[str, str] = field(default_factory=dict)

    @property
    def peak_ram_bytes(self) -> int | None:
        """Peak of RAM in use: static data, and the deepest use of the stack."""
        if self.ram_bytes is None or self.stack_bytes is None or self.stack_reserved_bytes is None:
            return None
        return self.ram_bytes - self.stack_reserved_bytes + self.stack_bytes

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as plain data."""
        return asdict(self) | {"peak_ram_bytes": self.peak_ram_bytes}

    def __str__(self) -> str:
        return as_text(self)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield make_table(self.target, ("what", "value"), _rows(self))


def run(
    step: Step,
    data: Mapping[str, Array],
    *,
    steps: int = 50,
    seed: int = 0,
    reference: Step | None = None,
    directory: str | os.PathLike[str] | None = None,
    timeout: float | None = None,
    on_call: Callable[[int, int], None] | None = None,
) -> Run:
    """Train a step on its target in an emulator, or as a program of this machine; or on a device that it drives.

    Afterwards, the step has the parameters of the device, as if it had been called here.

    >>> step = pock.compile(model, (x,), target="cortex-m7")    # doctest: +SKIP
    >>> print(pock.run(step, {"x": x, "y": y}, steps=50))       # doctest: +SKIP

    Args:
        step: compiled for a target that has a runner, or for this machine.
        data: samples by the name of an input, or as ``x`` and ``y``; ``x_test`` and ``y_test`` are test samples.
        steps: number of training steps, each on a batch of shuffled samples.
        seed: seed of the order of samples.
        reference: the same model with the same state, compiled for this machine; it runs the same calls, and the
            results are compared.
        directory: folder in which the program and its files are kept; a temporary one if None. A device needs none.
        timeout: seconds after which the program is stopped; None means no limit. A device has its own.
        on_call: called with the number of finished calls and of all calls.

    Raises:
        ArgumentError: the data does not fit the step.
        IndexRangeError: an index or a label is out of range; the step's parameters are as before.
        RunError: the program does not fit into memory, fails, or tools are missing.
    """
    if step.artifact.target.dispatched:
        return _run_here(step, Workload.of(step, data, steps=steps, seed=seed), reference, on_call)
    with ExitStack() as stack:
        if directory is None:
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="pock-run-"))
        job = _Job.of(step, Path(directory), data, steps, seed)
        program = job.write()
        build(program)
        try:
            emulation = emulate(program, lambda: job.tell(on_call), timeout)
        except CallFailed as failed:
            raise job.explain(failed) from None
        return job.collect(emulation, reference)


def _run_here(
    step: Step, workload: Workload, reference: Step | None, on_call: Callable[[int, int], None] | None
) -> Run:
    """Run the workload on a device of this machine, which needs no program of its own."""
    outputs = []
    for operation in workload.operations:
        outputs.append(_call(step, operation))
        if on_call:
            on_call(len(outputs), len(workload.operations))
    found = state_hash(step)
    return Run(
        target=step.artifact.target.name,
        machine="",
        losses=tuple(workload.losses(outputs)),
        accuracy=workload.accuracy(outputs),
        state_hash=found,
        comparison=_compare(workload, outputs, found, reference) if reference else None,
    )


def write(
    step: Step, data: Mapping[str, Array], directory: str | os.PathLike[str], *, steps: int = 50, seed: int = 0
) -> None:
    """Write the program of `run` and its requests to a folder, to be built and run on a board.

    The README in the folder has the instructions. Copy the folder back after the run, and `read` it.

    Raises:
        TargetError: the target's code is no program.
    """
    if step.artifact.target.dispatched:
        raise TargetError(f"write: code for {step.artifact.target.name} is no program for a board; export the step")
    _Job.of(step, Path(directory), data, steps, seed).write()


def read(
    step: Step,
    data: Mapping[str, Array],
    directory: str | os.PathLike[str],
    *,
    steps: int = 50,
    seed: int = 0,
    reference: Step | None = None,
) -> Run:
    """Return the results of a board; arguments are those of `write`, and the step has not been trained since.

    Raises:
        RunError: the program has not run to its end, or the folder has other requests.
    """
    job = _Job.of(step, Path(directory), data, steps, seed)
    job.check()
    return job.collect(Emulation(None), reference, machine="a board")


@dataclass(frozen=True)
class _Job:
    """A step, its workload, and the folder of the program that runs it."""

    step: Step
    directory: Path
    workload: Workload
    requests: Sequence[Request]

    @classmethod
    def of(cls, step: Step, directory: Path, data: Mapping[str, Array], steps: int, seed: int) -> _Job:
        workload = Workload.of(step, data, steps=steps, seed=seed)
        return cls(step, directory, workload, [operation.request(step) for operation in workload.operations])

    def write(self) -> Program:
        """Write program and requests; remove the results of an earlier run."""
        program = write_program(self.step, self.directory)
        (self.directory / REQUESTS).write_bytes(encode(self.step.artifact.manifest, self.requests))
        for name in (RESULTS, STATE):
            (self.directory / name).unlink(missing_ok=True)
        return program

    def check(self) -> None:
        """Refuse a folder with other requests."""
        path = self.directory / REQUESTS
        if not path.exists() or path.read_bytes() != encode(self.step.artifact.manifest, self.requests):
            raise RunError(f"{path}: not the requests of this model, data, number of steps and seed")

    def tell(self, on_call: Callable[[int, int], None] | None) -> None:
        """Report the number of answered requests."""
        if on_call:
            on_call(count_results(self.directory, self.step.artifact.manifest, self.requests), len(self.requests))

    def explain(self, failed: CallFailed) -> PockError:
        """Return the error for the code of the first request without an answer."""
        manifest = self.step.artifact.manifest
        if failed.code not in manifest.failures:
            return failed
        request = self.requests[count_results(self.directory, manifest, self.requests)]
        names = [spec.name for spec in manifest.functions[request.function].inputs]
        inputs = dict(zip(names, request.inputs, strict=True))
        return failure_error(manifest.failures, f"{manifest.name}_{request.function}", failed.code, inputs)

    def collect(self, emulation: Emulation, reference: Step | None, machine: str | None = None) -> Run:
        """Read the results of the program from its folder."""
        target, manifest = self.step.artifact.target, self.step.artifact.manifest
        outputs = read_results(self.directory, manifest, self.requests)
        self.step.set_state_image(read_state(self.directory, manifest))
        calls = emulation.calls or []
        predictions = [count for name, count in calls if name == "predict"]
        found = state_hash(self.step)
        return Run(
            target=target.name,
            machine=target.runner if machine is None else machine,
            losses=tuple(self.workload.losses(outputs)),
            accuracy=self.workload.accuracy(outputs),
            state_hash=found,
            instructions=tuple(count for name, count in calls if name != "predict"),
            predict_instructions=predictions[0] if predictions else None,
            uncounted=emulation.uncounted,
            flash_bytes=emulation.flash,
            ram_bytes=emulation.ram,
            stack_bytes=emulation.stack,
            stack_reserved_bytes=emulation.stack_reserved,
            denormals_flushed=emulation.denormals_flushed,
            comparison=_compare(self.workload, outputs, found, reference) if reference else None,
            tools=describe_tools(target) if machine is None else {},
        )


def _compare(workload: Workload, outputs: Sequence[Mapping[str, Array]], found: str, reference: Step) -> Comparison:
    """Run the same workload on this machine, and compare."""
    expected = [_call(reference, operation) for operation in workload.operations]
    pairs = list(zip(outputs, expected, strict=True))
    equal = all(given[name].tobytes() == own[name].tobytes() for given, own in pairs for name in given)
    difference = np.abs(np.subtract(workload.losses(outputs), workload.losses(expected)))
    return Comparison(state_hash(reference) == found, equal, float(difference.max()))


def state_hash(step: Step) -> str:
    """Return a hash of all parameters, buffers and optimizer states, independent of their layout in memory.

    >>> state_hash(step)    # doctest: +SKIP
    '8f3a…'
    """
    digest = hashlib.sha256()
    tensors = step.state_dict() | step.optimizer_state_dict()
    for name in sorted(tensors):
        value = tensors[name]
        digest.update(f"{name} {value.dtype.name} {value.shape}\n".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()


def _call(step: Step, operation: Operation) -> dict[str, Array]:
    """Return the outputs of an operation by their names in the C interface."""
    if operation.kind == "train":
        values = {"loss": step(*operation.inputs.values())}
        values |= {} if step.grad_norm is None else {"grad_norm": step.grad_norm}
        return {name: np.asarray(value, np.float32) for name, value in values.items()}
    result = step.predict(**operation.inputs)
    names = [spec.name for spec in step.artifact.manifest.functions["predict"].outputs]
    return result if isinstance(result, dict) else dict(zip(names, [result], strict=True))


def _rows(found: Run) -> list[tuple[str, str]]:
    """Return (name, text) of the figures that are known."""
    rows = [("machine", found.machine or "this one"), ("loss", f"{found.losses[0]:.4f} → {found.losses[-1]:.4f}")]
    if found.accuracy:
        rows.append(("accuracy", " → ".join(f"{100 * value:.1f} %" for value in found.accuracy.values())))
    if found.instructions:
        least, most = min(found.instructions), max(found.instructions)
        rows.append(("instructions per step", f"{least:,}" if least == most else f"{least:,} to {most:,}"))
    if found.uncounted:
        rows.append(("instructions", f"not counted: {found.uncounted}"))
    if found.predict_instructions:
        rows.append(("instructions per prediction", f"{found.predict_instructions:,}"))
    if found.peak_ram_bytes and found.stack_bytes and found.ram_bytes:
        stack = f"{format_bytes(found.stack_bytes)} of {format_bytes(found.stack_reserved_bytes or 0)}"
        rows.append(("RAM in use at most", f"{found.peak_ram_bytes:,} bytes, the stack {stack}"))
    if found.flash_bytes:
        rows.append(("flash", f"{found.flash_bytes:,} bytes"))
    if found.denormals_flushed is not None:
        rows.append(
            ("denormal numbers", "taken for zeros by vectors" if found.denormals_flushed else "none in vectors")
        )
    rows.append(("hash of all parameters", found.state_hash[:16]))
    if same := found.comparison:
        verdict = "the same bits" if same.state_equal and same.outputs_equal else "other bits"
        rows.append(("compared with this machine", f"{verdict}, losses differ by {same.loss_difference:.2g} at most"))
    return rows
