"""Clamps, whose gradient at a limit depends on the version of PyTorch."""

from __future__ import annotations

import functools
import math

import torch

from ...._ops import _pock_ops_gen as pock
from ..builder import Builder, Number, Value, is_float
from ..registry import converts
from .elementwise import Operand


@functools.cache
def keeps_gradient_at_limits() -> bool:
    """Return whether an input that equals a limit has the whole gradient.

    From PyTorch 2.14 on, it has none if the limit is a number, and shares it with a limit that is a tensor.
    """
    with torch.enable_grad():
        x = torch.zeros((), requires_grad=True)
        (slope,) = torch.autograd.grad(x.clamp(min=0.0), x)
    return bool(slope)


@converts("aten.clamp")
def clamp(b: Builder, x: Value, low: Number | None, high: Number | None) -> Value:
    x = b.cast(x, b.out_dtype)
    limits = {key: float(limit) for key, limit in (("min", low), ("max", high)) if limit is not None}
    # PyTorch returns NaN for every entry if a limit is NaN; the op does not.
    if not is_float(b.out_dtype) or any(map(math.isnan, limits.values())):
        return clamp_tensor(b, x, low, high)
    if low is not None and high is not None and low > high:
        return b.splat(b.out_shape, high, b.out_dtype)
    if keeps_gradient_at_limits():
        return b.unary(pock.ClampOp, x, **limits)
    if len(limits) == 2:
        return b.unary(pock.HardtanhOp, x, **limits)
    (inside,) = (b.compare(by, x, limit) for by, limit in (("gt", low), ("lt", high)) if limit is not None)
    return b.with_derivatives(b.unary(pock.ClampOp, x, **limits), (x, b.cast(inside, b.out_dtype)))


@converts("aten.clamp_min")
def clamp_min(b: Builder, x: Value, low: Number) -> Value:
    return clamp(b, x, low, None)


@converts("aten.clamp_max")
def clamp_max(b: Builder, x: Value, high: Number) -> Value:
    return clamp(b, x, None, high)


@converts("aten.clamp.Tensor")
def clamp_tensor(b: Builder, x: Value, low: Operand | None, high: Operand | None) -> Value:
    x = b.cast(x, b.out_dtype)
    low = None if low is None else b.lift(low, b.out_dtype)
    high = None if high is None else b.lift(high, b.out_dtype)
    if not is_float(b.out_dtype):
        if low is not None:
            x = b.select(b.compare("lt", x, low), low, x)
        return x if high is None else b.select(b.compare("gt", x, high), high, x)
    value = x
    if low is not None:
        value = b.binary(pock.MaximumOp, value, low)
    if high is not None:
        value = b.binary(pock.MinimumOp, value, high)
    return b.with_derivatives(value, *_slopes(b, x, low, high))


def _slopes(b: Builder, x: Value, low: Value | None, high: Value | None) -> list[tuple[Value, Value]]:
    """Return the operands with their derivatives; if the limits cross, only the upper one has a gradient."""
    keeps = keeps_gradient_at_limits()
    apart = None if keeps or low is None or high is None else b.compare("lt", low, high)
    inside: list[Value] = []
    ties: list[Value] = []
    slopes: list[tuple[Value, Value]] = []

    def at(limit: Value) -> Value | None:
        """Return where a limit shares the gradient with the input."""
        if keeps:
            return None
        equal = b.compare("eq", x, limit)
        ties.append(equal if apart is None else b.both(equal, apart))
        return ties[-1]

    def slope(mask: Value, tie: Value | None) -> Value:
        whole = b.cast(mask, b.out_dtype)
        return whole if tie is None else b.select(tie, 0.5, whole)

    if low is not None:
        inside.append(b.compare("ge", x, low))
        below = b.compare("lt", x, low)
        if high is not None:
            below = b.both(below, b.compare("lt" if keeps else "le", low, high))
        slopes.append((low, slope(below, at(low))))
    if high is not None:
        inside.append(b.compare("le", x, high))
        above = b.compare("gt", x, high)
        if low is not None:
            above = b.either(above, b.compare("lt", high, low))
        slopes.append((high, slope(above, at(high))))
    tie = functools.reduce(b.either, ties) if ties else None
    slopes.append((x, slope(functools.reduce(b.both, inside), tie)))
    return slopes


@converts("aten.clamp_min.Tensor")
def clamp_min_tensor(b: Builder, x: Value, low: Value) -> Value:
    return clamp_tensor(b, x, low, None)


@converts("aten.clamp_max.Tensor")
def clamp_max_tensor(b: Builder, x: Value, high: Value) -> Value:
    return clamp_tensor(b, x, None, high)
