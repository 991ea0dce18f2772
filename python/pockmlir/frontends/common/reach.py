"""Finds the parameters of a function that receive a gradient: those from which its result can be reached."""

from __future__ import annotations

from ..._ops.ir import Function, Operation, Value
from ...core.elements import is_float

__all__ = ["reached_parameters"]


def reached_parameters(function: Function) -> dict[str, bool]:
    """Return the parameters and buffers that a function reads, and whether its first result has a gradient for them."""
    reached: set[Value] = set()
    pending = function.returned[:1]
    # Integers that stand for real numbers.
    quantized: set[Value] = set()
    while pending:
        value = pending.pop()
        if value not in reached and (is_float(value.type.dtype) or value in quantized):
            reached.add(value)
            if value.owner is not None:
                sources = _sources(value.owner)
                pending += sources
                if value.owner.name == "pock.dequantize" or value in quantized:
                    quantized.update(source for source in sources if source.type.dtype in ("i8", "i32"))
    loads = [op for op in function.operations if op.name == "pock.load_param"]
    return {op.attributes["param"].value: op.results[0] in reached for op in loads}


def _sources(op: Operation) -> tuple[Value, ...]:
    """The operands that receive a gradient from an operation."""
    if op.name == "pock.stop_gradient":
        return ()
    # The first operand is the value: its gradient is given, so the operands of its computation receive none.
    return op.operands[1:] if op.name == "pock.with_derivatives" else op.operands
