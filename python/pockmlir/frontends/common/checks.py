"""Checks that run with the step, such as index ranges; checks that are statically known to pass are left out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..._ops import _pock_ops_gen as pock
from ...errors import IndexRangeError
from .bounds import Bounds, bounds, input_name
from .builder import Builder, Value, rank_of, shape_of

__all__ = ["check_finite", "check_nonzero", "check_range", "fail_if"]


def fail_if(b: Builder, condition: Value, kind: str, expected: str, **details: object) -> None:
    """Emit a check that ends the call with an error if a condition holds for any entry.

    After a failed call, parameters, buffers and optimizer state have their values from before the call.

    Args:
        b: emits the ops; its current operator is named in the error.
        condition: a tensor of any shape.
        kind: ``index``, ``division`` or ``loss``; it selects the error that the host raises.
        expected: the requirement of the operator, for the message.
        details: further attributes of ``pock.fail_if``, by which the host finds the entry.
    """
    flag = b.sum(condition, range(rank_of(condition)))
    b.append(pock.FailIfOp(flag, kind=kind, by=b.operator, expected=expected, **details))


def check_range(b: Builder, indices: Value, size: int, *, wraps: bool = False, ignored: int | None = None) -> None:
    """Emit a check that ends the call with an error if an index is out of range.

    Args:
        b: emits the check.
        indices: integers of any shape.
        size: the number of entries to choose from, such as a dimension's size or a number of classes.
        wraps: whether negative indices are allowed and count from the end.
        ignored: a further value that is allowed.

    Raises:
        IndexRangeError: the indices are constants and out of range.
    """
    low = -size if wraps else 0
    expected = f"indices in [{low}, {size})" + ("" if ignored is None else f" or ignore_index {ignored}")
    known = b.known(indices)
    if known is not None:
        _check_known(b, known, (low, size), ignored, expected)
    elif 0 not in shape_of(indices) and not _is_within(bounds(b, indices), (low, size)):
        if size == 0:
            raise IndexRangeError(b.operator, b.module, expected)
        wrong = b.either(b.compare("lt", indices, low), b.compare("ge", indices, size))
        if ignored is not None and not low <= ignored < size:
            wrong = b.both(wrong, b.compare("ne", indices, ignored))
        fail_if(b, wrong, "index", expected, input=input_name(b, indices), range=[low, size], ignored=ignored)


def check_nonzero(b: Builder, divisor: Value) -> None:
    """Emit a check that ends the call with an error if a non-constant integer divisor is zero."""
    found = bounds(b, divisor)
    if b.known(divisor) is None and (found is None or found[0] <= 0 <= found[1]):
        fail_if(b, b.compare("eq", divisor, 0), "division", "no integer to be divided by zero")


def check_finite(b: Builder, x: Value) -> None:
    """Emit a check that ends the call with an error if an entry is NaN or infinite."""
    finite = b.compare("lt", b.unary(pock.AbsOp, x), math.inf)
    fail_if(b, b.emit(pock.NotOp, finite.type, finite), "loss", "a finite number")


def _is_within(found: Bounds, limits: tuple[int, int]) -> bool:
    return found is not None and limits[0] <= found[0] and found[1] < limits[1]


def _check_known(
    b: Builder, indices: np.ndarray[Any, Any], limits: tuple[int, int], ignored: int | None, expected: str
) -> None:
    """Raise an error for constant indices that are out of range."""
    wrong = indices[(indices < limits[0]) | (indices >= limits[1])]
    if ignored is not None:
        wrong = wrong[wrong != ignored]
    if wrong.size:
        raise IndexRangeError(b.operator, b.module, f"{expected}, but got {int(wrong[0])}")
