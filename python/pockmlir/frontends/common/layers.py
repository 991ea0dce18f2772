"""Common layers and losses, for front ends without a table of operators.

Each function computes the same as PyTorch's function of that name.
"""

from __future__ import annotations

from typing import Literal

from ..._ops import _pock_ops_gen as pock
from .builder import Builder, Value, dtype_of, shape_of
from .checks import check_range

__all__ = ["cross_entropy", "linear", "mse_loss", "relu"]

Reduction = Literal["none", "mean", "sum"]


def linear(b: Builder, x: Value, weight: Value, bias: Value | None = None) -> Value:
    """Return ``x @ weight.T + bias``; the weight is ``[outputs, inputs]``, x has at least two dimensions."""
    result = b.type([*shape_of(x)[:-1], shape_of(weight)[0]], dtype_of(x))
    y = b.emit(pock.LinearOp, result, x, weight)
    return y if bias is None else b.add(y, bias)


def relu(b: Builder, x: Value) -> Value:
    """Return ``max(x, 0)``."""
    return b.unary(pock.ReluOp, x)


def cross_entropy(
    b: Builder,
    x: Value,
    target: Value,
    *,
    weight: Value | None = None,
    reduction: Reduction = "mean",
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Value:
    """Return the cross entropy of logits ``[batch, classes, …]`` with classes ``[batch, …]``.

    A call ends with an error if a class is out of range (`checks.check_range`).
    """
    with b.doing("cross_entropy"):
        check_range(b, target, shape_of(x)[1], ignored=ignore_index)
    result = b.type(shape_of(target) if reduction == "none" else (), dtype_of(x))
    return b.emit(
        pock.CrossEntropyOp,
        result,
        x,
        target,
        weight=weight,
        reduction=b.enum(f"reduction<{reduction}>"),
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
    )


def mse_loss(b: Builder, x: Value, target: Value, *, reduction: Reduction = "mean") -> Value:
    """Return the squared difference of two tensors of the same shape, reduced."""
    result = b.type(shape_of(x) if reduction == "none" else (), dtype_of(x))
    return b.emit(pock.MseLossOp, result, x, target, reduction=b.enum(f"reduction<{reduction}>"))
