"""Static analysis of integer values: their least and largest entry, and the input that they come from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

import numpy as np

from ..._ops.ir import Operation
from ...core.elements import numpy_dtype
from .builder import Builder, Value, dtype_of, is_float, shape_of

__all__ = ["Bounds", "bounds", "input_name"]

Bounds: TypeAlias = "tuple[int, int] | None"

#: Ops whose result only contains entries of their operand.
_VIEWED = ("reshape", "slice", "transpose", "expand", "stop_gradient")


def bounds(b: Builder, value: Value) -> Bounds:
    """Return the least and the largest possible entry of an integer tensor, None if unknown.

    >>> bounds(b, b.iota((3, 4), 1))    # doctest: +SKIP
    (0, 3)
    """
    if value not in b.bounds:
        try:
            b.bounds[value] = _bounds(b, value)
        except RecursionError:
            # The chain of ops is too long for Python's stack.
            b.bounds[value] = None
    return b.bounds[value]


def input_name(b: Builder, value: Value) -> str | None:
    """Return the input that a value takes its entries from, None if they are computed."""
    while value not in b.inputs:
        op = value.owner
        if op is None or _name(op) not in (*_VIEWED, "cast") or not _is_integer(op.operands[0]):
            return None
        value = op.operands[0]
    return b.inputs[value]


def _bounds(b: Builder, value: Value) -> Bounds:
    known = b.known(value)
    if known is not None:
        return (int(known.min()), int(known.max())) if known.size else None
    if dtype_of(value) == "i1":
        return 0, 1
    op = value.owner
    rule = _RULES.get(_name(op)) if op is not None else None
    found = rule(b, op) if rule and op and _is_integer(value) else None
    if found is None:
        return None
    # A result that may overflow has no known bounds.
    least, largest = _limits(value)
    return found if least <= found[0] and found[1] <= largest else None


def _limits(value: Value) -> tuple[int, int]:
    info = np.iinfo(numpy_dtype(dtype_of(value)))
    return int(info.min), int(info.max)


def _name(op: Operation) -> str:
    return op.name.removeprefix("pock.")


def _is_integer(value: Value) -> bool:
    return not is_float(dtype_of(value))


def _along(b: Builder, op: Operation, shape: Iterable[int]) -> Bounds:
    return 0, max(list(shape)[op.attributes["dim"].value] - 1, 0)


def _moved(b: Builder, op: Operation) -> Bounds:
    return bounds(b, op.operands[0]) if _is_integer(op.operands[0]) else None


def _either(b: Builder, values: Iterable[Value]) -> Bounds:
    found = [bounds(b, value) for value in values]
    if any(part is None for part in found):
        return None
    return min(part[0] for part in found if part), max(part[1] for part in found if part)


def _select(b: Builder, op: Operation) -> Bounds:
    """Bounds of a select. If its condition compares its two operands, it is their maximum or minimum."""
    condition, x, y = op.operands
    maker = condition.owner
    if maker is None or _name(maker) != "cmp":
        return _either(b, (x, y))
    left, right = maker.operands
    less = maker.attributes["predicate"].text in ("#pock.cmp<lt>", "#pock.cmp<le>")
    greater = maker.attributes["predicate"].text in ("#pock.cmp<gt>", "#pock.cmp<ge>")
    if not (less or greater) or {left, right} != {x, y}:
        return _either(b, (x, y))
    return _extreme(b, x, y, largest=greater == (left == x))


def _extreme(b: Builder, x: Value, y: Value, *, largest: bool) -> Bounds:
    """Bounds of a maximum or minimum: one bounded operand bounds one side of the result."""
    known = [bounds(b, value) or _limits(value) for value in (x, y)]
    choose = max if largest else min
    return choose(part[0] for part in known), choose(part[1] for part in known)


def _combined(combine: Callable[[int, int], int]) -> Callable[[Builder, Operation], Bounds]:
    def rule(b: Builder, op: Operation) -> Bounds:
        x, y = (bounds(b, operand) for operand in op.operands)
        if x is None or y is None:
            return None
        ends = [combine(i, j) for i in x for j in y]
        return min(ends), max(ends)

    return rule


_RULES: dict[str, Callable[[Builder, Operation], Bounds]] = {
    **dict.fromkeys((*_VIEWED, "cast", "take"), _moved),
    "iota": lambda b, op: _along(b, op, op.results[0].type.shape),
    "argmax": lambda b, op: _along(b, op, shape_of(op.operands[0])),
    "add": _combined(lambda i, j: i + j),
    "sub": _combined(lambda i, j: i - j),
    "mul": _combined(lambda i, j: i * j),
    "select": _select,
    "concat": lambda b, op: _either(b, op.operands),
}
