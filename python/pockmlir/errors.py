"""The errors of pockmlir: each names the problem, its place, and the expected value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = [
    "ArgumentError",
    "CheckpointError",
    "CompileError",
    "CompiledFileError",
    "IndexRangeError",
    "IntegerDivisionError",
    "LossNotFiniteError",
    "MemoryLimitError",
    "PockError",
    "RunError",
    "SchemeError",
    "SizeError",
    "StepError",
    "TargetError",
    "UnsupportedOp",
    "UnsupportedOpsError",
]


class PockError(Exception):
    """Base class of all errors of pockmlir."""


class ArgumentError(PockError, ValueError):
    """An argument is not acceptable; the message has its name, the expected and the given value."""


class SchemeError(ArgumentError):
    """A sparse-update scheme is malformed or does not fit the model.

    Attributes:
        problems: one text per problem.
    """

    def __init__(self, message: str, problems: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems) or (message.removeprefix("scheme: "),)

    @classmethod
    def of(cls, problems: Sequence[str]) -> SchemeError:
        """Return one error for several problems."""
        text = problems[0] if len(problems) == 1 else "".join(f"\n  {problem}" for problem in problems)
        return cls(f"scheme: {text}", problems)


class CheckpointError(PockError):
    """A checkpoint is unreadable, foreign, or belongs to another model or optimizer."""


class CompiledFileError(PockError):
    """A file is no compiled step, is damaged, or is of a version that cannot be loaded."""


class StepError(PockError):
    """A compiled function returned an error code.

    Args:
        function: the function of the C ABI, for example ``net_step``.
        code: the returned code, not 0.
    """

    def __init__(self, function: str, code: int) -> None:
        self.function = function
        self.code = code
        super().__init__(f"{function} failed with error code {code}")


class IndexRangeError(ArgumentError, IndexError):
    """An index, or a label, is out of range; PyTorch raises an error there, too.

    A call that raises this has changed nothing: parameters, buffers, optimizer state, accumulated
    gradients and counters are as before.

    Args:
        operator: the operator that uses the index, for example ``aten.embedding``.
        module: path of the calling module; ``(loss)`` for the loss.
        expected: the allowed range, and the value that was found, if known.
        source: file and line of the call, if known.
        argument: the input that holds the index; None if it is computed, or a constant.
    """

    def __init__(
        self, operator: str, module: str, expected: str, *, source: str | None = None, argument: str | None = None
    ) -> None:
        self.operator = operator
        self.module = module
        place = f"{operator} in {module or '(model)'}" + (f" at {source}" if source else "")
        super().__init__(f"{argument}: expected {expected} ({place})" if argument else f"{place}: expected {expected}")


class IntegerDivisionError(PockError, ZeroDivisionError):
    """Integers are divided by zero, where PyTorch raises an error; nothing has changed."""


class LossNotFiniteError(PockError, FloatingPointError):
    """The loss is NaN or infinite, and ``on_nan="error"`` was asked for; nothing has changed."""


class TargetError(PockError):
    """The step is for another machine: it can be inspected and exported, but not called."""


class SizeError(PockError):
    """The step does not fit into the target's memory.

    Args:
        target: the target's name.
        exceeded: kind of memory (``RAM``, ``flash``, ``stack``) → limit and need in bytes, and the parts of
            the need.
    """

    def __init__(self, target: str, exceeded: Mapping[str, tuple[int, int, Mapping[str, int]]]) -> None:
        self.target = target
        self.exceeded = dict(exceeded)
        lines = [f"the step does not fit into {target}'s memory:"]
        for kind, (limit, need, parts) in exceeded.items():
            lines.append(f"  {kind:15}{need:>12,} of {limit:,} bytes: {need - limit:,} too many")
            lines += [f"    {part:13}{size:>12,}" for part, size in parts.items()]
        super().__init__("\n".join(lines))


class RunError(PockError):
    """A program for a device cannot be built, fails, or returns unexpected results."""


class CompileError(PockError):
    """A compiler stage failed.

    Args:
        stage: the stage's name, one of ``pockmlir.STAGES``.
        diagnostics: the compiler's diagnostics, as it printed them.
        reproducer: a shell command that shows the same failure without Python.
        ir_path: the file that holds the stage's input.
    """

    def __init__(
        self,
        stage: str,
        diagnostics: str,
        *,
        reproducer: str | None = None,
        ir_path: str | None = None,
    ) -> None:
        self.stage = stage
        self.diagnostics = diagnostics
        self.reproducer = reproducer
        self.ir_path = ir_path
        lines = [f"stage '{stage}' failed: {diagnostics.strip() or 'no diagnostics'}"]
        if ir_path:
            lines.append(f"input of the stage: {ir_path}")
        if reproducer:
            lines.append(f"reproduce with: {reproducer}")
        super().__init__("\n".join(lines))


class MemoryLimitError(PockError):
    """A step does not fit its memory limit, even with recomputation.

    Args:
        limit: the requested limit in bytes.
        smallest: the smallest limit that fits, in bytes.
        explanation: the compiler's text, with the largest values at the peak.

    Attributes:
        tensors: (bytes, description) of the largest values at the peak.
    """

    def __init__(self, limit: int, smallest: int, explanation: str, tensors: Sequence[tuple[int, str]] = ()) -> None:
        self.limit = limit
        self.smallest = smallest
        self.tensors = tuple(tensors)
        lines = [f"memory_limit: {limit} bytes are not enough: {explanation}"]
        lines += [f"  {count:>12,} bytes: {what}" for count, what in self.tensors]
        super().__init__("\n".join(lines))


@dataclass(frozen=True)
class UnsupportedOp:
    """One use of an operator that the frontend cannot import.

    Attributes:
        op: the operator, for example ``aten.cumsum.default``.
        module: path of the module in the model, ``""`` for the model itself.
        source: ``file:line`` of the call, if known.
        reason: the unsupported property, if the operator itself is supported.
    """

    op: str
    module: str
    source: str | None = None
    reason: str | None = None

    def __str__(self) -> str:
        return f"{self.op} in {self.module or '(model)'}{_where_and_why(self)}"


class UnsupportedOpsError(PockError):
    """The model uses operators that are not supported; all of them are listed, by module.

    Args:
        ops: every unsupported use, in the order of execution; plain tuples
            ``(op, module path, source line[, reason])`` are accepted.
    """

    def __init__(
        self, ops: Sequence[UnsupportedOp | tuple[str, str, str | None] | tuple[str, str, str | None, str | None]]
    ) -> None:
        self.ops: tuple[UnsupportedOp, ...] = tuple(
            op if isinstance(op, UnsupportedOp) else UnsupportedOp(*op) for op in ops
        )
        distinct = len({op.op for op in self.ops})
        lines = [f"the model uses {distinct} unsupported operator(s), {len(self.ops)} time(s):"]
        for module in dict.fromkeys(op.module for op in self.ops):
            lines.append(f"  in {module or '(model)'}:")
            lines += [f"    {op.op}{_where_and_why(op)}" for op in self.ops if op.module == module]
        super().__init__("\n".join(lines))


def _where_and_why(op: UnsupportedOp) -> str:
    reason = f": {op.reason}" if op.reason else ""
    return f" at {op.source or '(unknown line)'}{reason}"
